"""The report in a real browser without a network: it runs and answers, and the console stays silent."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from browser import CHROMIUM, visit

from studies.report.brushes import brush
from studies.report.data import TrialRow
from studies.report.page import render_html, write_html
from studies.spec.form import loads

DRIVER = """() => {
  const seen = {};
  const drawn = (part) => part.getBoundingClientRect().width > 0;
  const visible = (query) => [...document.querySelectorAll(query)].find(drawn);
  const fire = (target, type, x, y) => target.dispatchEvent(
    new PointerEvent(type, { clientX: x, clientY: y, bubbles: true, pointerId: 1 }));
  const chart = visible("svg.points"), box = chart.getBoundingClientRect();
  const mark = chart.querySelector("[data-t]").getAttribute("d").match(/M([\\d.]+) ([\\d.]+)/);
  const size = box.width / chart.viewBox.baseVal.width;
  fire(chart, "pointermove", box.x + mark[1] * size, box.y + mark[2] * size);
  seen.tip = document.getElementById("tip").textContent;
  seen.rings = chart.querySelectorAll(".halo-ring").length;
  fire(chart, "pointerleave", 0, 0);
  const heads = [...document.querySelectorAll(".sortable th button")];
  const first = () => document.querySelector(".sortable tbody tr").cells[0].textContent;
  heads[0].click(); const low = first();
  heads[0].click(); const high = first();
  seen.sorted = low + " " + high;
  Element.prototype.setPointerCapture = () => {};
  const grip = visible("svg.parallel .grip"), panel = grip.closest(".panel"), at = grip.getBoundingClientRect();
  fire(grip, "pointerdown", at.x + at.width * 0.5, at.y + 2);
  fire(grip, "pointermove", at.x + at.width * 0.7, at.y + 2);
  fire(grip, "pointerup", at.x + at.width * 0.7, at.y + 2);
  seen.kept = panel.querySelector(".kept").textContent;
  seen.off = grip.ownerSVGElement.querySelectorAll(".off").length;
  seen.yaml = panel.querySelector(".brushed code").textContent;
  seen.shown = drawn(panel.querySelector(".brushed"));
  const lines = [...grip.ownerSVGElement.querySelectorAll("[data-t]:not(.off)")];
  seen.alphas = lines.map((line) => line.dataset.t);
  const drawing = grip.ownerSVGElement;
  const key = (name, shiftKey) => drawing.dispatchEvent(new KeyboardEvent("keydown", { key: name, shiftKey, bubbles: true, cancelable: true }));
  const typed = () => [document.querySelector("p.skip[role=status]").textContent, panel.querySelector(".kept").textContent,
    panel.querySelector(".brushed code").textContent];
  key("PageDown"); key("Delete"); seen.released = typed();
  key("ArrowRight", true); for (let i = 0; i < 5; i += 1) key("ArrowUp", true);
  for (let i = 0; i < 3; i += 1) key("ArrowLeft", true);
  seen.typed = typed();
  seen.reached = [...drawing.querySelectorAll("[data-t]:not(.off)")].map((line) => line.dataset.t);
  key("Delete");
  const press = (key) => chart.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  press("ArrowRight"); press("ArrowRight");
  seen.focusable = [...document.querySelectorAll("svg.points, svg.parallel, svg.curve")].every((svg) => svg.tabIndex === 0);
  seen.said = document.querySelector("p.skip[role=status]").textContent;
  press("Escape");
  seen.wide = document.documentElement.scrollWidth <= innerWidth;
  return seen;
}"""

HEADINGS = """() => {
  const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const heads = [...document.querySelectorAll("svg.curve, svg.points")].map((svg) => {
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.getAttribute("y") === "13");
    return texts.map((text) => [text.textContent, text.getBoundingClientRect()]).filter(([, box]) => box.width > 0);
  });
  const touching = heads.filter((head) => head.length === 2 && over(head[0][1], head[1][1]));
  return {
    heads: heads.filter((head) => head.length === 2).length,
    touching: touching.map(([a, b]) => a[0] + " | " + b[0]),
  };
}"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome is installed")


def test_page_runs_without_network_or_complaint(study, tmp_path):
    page, console = visit(write_html(study, tmp_path / "report.html"), tmp_path / "profile")
    assert console == []
    assert page.count("<button") > 5
    assert 'class="copy" hidden' not in page


def test_hostile_page_runs_without_complaint(hostile, tmp_path):
    page, console = visit(write_html(hostile, tmp_path / "report.html"), tmp_path / "profile")
    assert console == []
    assert 'class="grip"' in page


def test_console_is_heard(study, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render_html(study).replace("</body>", "<script>1</script></body>"), encoding="utf-8")
    _, console = visit(path, tmp_path / "profile")
    assert any("Content Security Policy" in line for line in console)


@pytest.mark.parametrize("width", [1280, 800, 360])
def test_the_two_headings_of_a_chart_do_not_touch(goals, screen, tmp_path, width):
    long = {"alpha": "gaussian_mixture.n_components", "impute": "gaussian_mixture.covariance_type"}
    renamed = replace(
        goals,
        trials=[replace(t, params={long.get(k, k): v for k, v in t.params.items()}) for t in goals.trials],
        validation=[replace(c, name=long.get(c.name, c.name)) for c in goals.validation],
        importances={long.get(k, k): v for k, v in goals.importances.items()},
    )
    screen.show(write_html(renamed, tmp_path / "report.html"))
    screen.look(width)
    assert screen.ask(HEADINGS) == {"heads": len(goals.validation) + len(goals.importances), "touching": []}


@pytest.mark.parametrize("width", [1280, 800, 360])
def test_pointer_brush_and_sort_answer(study, screen, tmp_path, width):
    screen.show(write_html(study, tmp_path / "report.html"))
    screen.look(width)
    seen = screen.ask(DRIVER)
    assert screen.console == []
    best = study.trials[0]
    assert seen["tip"].startswith(f"trial {best.number}, {best.algorithm}\nRMSE ")
    assert seen["rings"] == 1
    low, high = map(int, seen["sorted"].split())
    assert low < high
    kept, drawn = map(int, re.match(r"(\d+) of (\d+) lines", seen["kept"]).groups())
    assert 0 < kept < drawn
    assert seen["off"] == drawn - kept
    check_yaml(study, seen)
    check_keys(study, seen)
    assert seen["focusable"] and re.match(r"trial \d+, \w+\nRMSE [\d.]+ ± ", seen["said"])
    assert seen["wide"]


def check_yaml(study, seen):
    """The brushed part of the first axis, alpha, is a range of a study file that holds the trials that are kept."""
    asked = loads(f"data: rows.csv\ntarget: y\n{seen['yaml'].replace('alpha:', 'ridge.alpha:')}")
    found = asked.search["ridge.alpha"]
    kept = [study.trials[int(place)] for place in seen["alphas"]]
    alphas = [trial.params["alpha"] for trial in kept]
    own = [t for t in study.trials if t.value is not None and t.algorithm == kept[0].algorithm]
    outside = [t.params["alpha"] for t in own if t not in kept]
    assert seen["shown"] and found.log and set(asked.algorithm) == {trial.algorithm for trial in kept}
    assert found.low <= 1.005 * min(alphas) and 0.995 * max(alphas) <= found.high
    assert not any(1.005 * found.low < alpha < 0.995 * found.high for alpha in outside)


def check_keys(study, seen):
    """By keyboard the first axis, alpha, is brushed from a quarter of its length to 85 in 100 of it."""
    assert seen["released"][0] == "alpha: every trial" and seen["released"][1] == ""
    said, kept, yaml = seen["typed"]
    assert said in yaml and said.startswith("alpha: {low: ") and kept.startswith(f"{len(seen['reached'])} of ")
    found = loads(f"data: rows.csv\ntarget: y\n{yaml.replace('alpha:', 'ridge.alpha:')}").search["ridge.alpha"]
    inside = [study.trials[int(place)].params["alpha"] for place in seen["reached"]]
    every = [trial.params["alpha"] for trial in study.trials if trial.value is not None]
    assert 0 < len(inside) < len(every) and 0.995 * found.low <= min(inside) and max(inside) <= 1.005 * found.high


def test_a_brush_is_a_range_or_choices(study):
    rows = [TrialRow(i, "knn", {"k": k, "impute": impute}) for i, (k, impute) in enumerate([(1, None), (30, "mean")])]
    assert brush(rows, "k", None) == {
        "name": "k", "from": pytest.approx(0.42), "to": pytest.approx(30.58), "log": False, "whole": True, "low": 1, "high": 30,
    }  # fmt: skip
    assert brush(rows, "impute", None)["choices"] == ["null", "mean"]
    many = [TrialRow(i, "knn", {"impute": f"m{i}"}) for i in range(12)]
    assert brush(many, "impute", None)["choices"][-1] is None, "those that share a place are none of the choices"
