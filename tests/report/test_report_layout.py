"""The page of real studies, laid out by a browser: nothing overflows, nothing lies over other text, on paper too."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM, axe
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

import hpo
from studies.report.page import render_html

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome is installed")

PROBE = """() => {
  const seen = { overflow: [], clipped: [], over: [], empty: [], alone: [], figures: 0, stacked: [] };
  const width = document.documentElement.clientWidth;
  const box = (part) => part.getBoundingClientRect();
  const named = (part) => (part.id || part.className.baseVal || part.className || part.tagName) + ": " + part.textContent.slice(0, 40);
  for (const part of document.querySelectorAll("body *")) {
    const at = box(part);
    if (at.width > 0 && at.right > width + 1 && !part.closest(".scroll, pre, .skip")) seen.overflow.push(named(part));
  }
  for (const part of document.querySelectorAll(".scroll")) {
    if (box(part).width > 0 && part.scrollWidth > part.clientWidth + 1) seen.clipped.push([part.getAttribute("aria-label"), part.clientWidth, part.scrollWidth]);
  }
  for (const grid of document.querySelectorAll(".grid, section > .pair, .tiles")) {
    const rows = new Map(), around = box(grid);
    for (const card of grid.children) {
      const at = box(card);
      rows.set(Math.round(at.top), Math.max(rows.get(Math.round(at.top)) ?? 0, at.right));
    }
    for (const end of rows.values()) if (end < around.right - 2) seen.alone.push(named(grid));
  }
  for (const table of document.querySelectorAll(".stacked")) seen.stacked.push(table.parentElement.ariaLabel);
  for (const svg of document.querySelectorAll("svg")) {
    if (box(svg).width === 0 || svg.closest("[aria-hidden]")) continue;
    seen.figures += 1;
    if (!svg.querySelector("path, circle")) seen.empty.push(named(svg));
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent.trim());
    texts.forEach((text, i) => {
      const a = box(text);
      for (const other of texts.slice(i + 1)) {
        const b = box(other);
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        const turned = text.closest("[transform]") || other.closest("[transform]");
        if (wide > 1.5 && high > 3 && !turned) seen.over.push(text.textContent + " | " + other.textContent);
      }
    });
  }
  return seen;
}"""


CONTRAST = """() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], ground) => [r, g, b].map((x, i) => x * a + ground[i] * (1 - a));
  const light = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => {
    const x = rgb[i] / 255;
    return sum + share * (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  }, 0);
  const grounded = (part) => {
    const own = numbers(getComputedStyle(part).backgroundColor);
    return own[3] === 0 ? grounded(part.parentElement) : own[3] < 1 ? over(own, grounded(part.parentElement)) : own;
  };
  const pale = [];
  let texts = 0;
  for (const text of document.querySelectorAll("svg text")) {
    if (text.getBoundingClientRect().width === 0) continue;
    texts += 1;
    let through = 1;
    for (let part = text; part; part = part.parentElement) through *= getComputedStyle(part).opacity;
    const style = getComputedStyle(text), ground = grounded(text.ownerSVGElement.parentElement);
    const [r, g, b, a = 1] = numbers(style.fill);
    const pair = [light(over([r, g, b, a * style.fillOpacity * through], ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) pale.push(ratio.toFixed(2) + " " + text.textContent + " " + style.fill);
  }
  return { texts, pale, ground: getComputedStyle(document.body).backgroundColor };
}"""


AXE = """async () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
  document.querySelector(".brushed")?.removeAttribute("hidden");
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return {
    violations: found.violations.map((rule) => [rule.id, rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 120))]),
    passes: found.passes.map((rule) => rule.id),
  };
}"""


def classes(load, labels):
    data = load(as_frame=True).frame
    data["target"] = np.array(labels)[data["target"]]
    return data


def asked(kind):
    chance = np.random.default_rng(0)
    words = [[f"{letter}{i}word" for i in range(12)] for letter in "abc"]
    diabetes = load_diabetes(as_frame=True).frame
    return {
        "two classes": (
            classes(load_breast_cancer, ["malignant", "benign"]),
            {"target": "target", "algorithm": ["gaussian_nb", "lda"], "scoring": ["neg_log_loss", "roc_auc"]},
        ),
        "classes": (
            classes(load_wine, ["barolo", "grignolino", "barbera"]),
            {"target": "target", "algorithm": ["gaussian_nb", "lda"], "scoring": ["accuracy", "neg_log_loss"]},
        ),
        "regression": (
            diabetes,
            {
                "target": "target", "algorithm": ["ridge", "elastic_net"],
                "scoring": ["neg_root_mean_squared_error", "neg_mean_absolute_error"],
            },
        ),
        "clusters": (load_iris(as_frame=True).data, {"algorithm": "kmeans"}),
        "components": (load_wine(as_frame=True).data, {"algorithm": "pca"}),
        "outliers": (
            load_wine(as_frame=True).data,
            {"algorithm": "isolation_forest", "trials": 2, "search": {"isolation_forest.n_estimators": 5}},
        ),
        "topics": (
            pd.DataFrame({"text": [" ".join(chance.choice(words[i % 3], 6)) for i in range(90)]}),
            {"algorithm": "topics", "documents": "text", "trials": 3, "search": {"topics.n_topics": 12}},
        ),
        "forecasts": (
            pd.DataFrame({"month": np.tile(np.arange(60), 2), "shop": np.repeat(["north", "south"], 60), "sold": chance.random(120)}),
            {
                "target": "sold", "algorithm": ["linear_forecaster", "drift"], "time": "month", "series": "shop",
                "folds": {"scheme": "backtest", "horizon": 6, "n_splits": 3},
            },
        ),
        "stopped early": (
            classes(load_digits, list("0123456789")),
            {"target": "target", "algorithm": ["knn_classifier", "gaussian_nb"], "fidelity": "halving", "trials": 24},
        ),
    }[kind]  # fmt: skip


KINDS = ["two classes", "classes", "regression", "clusters", "components", "outliers", "topics", "forecasts", "stopped early"]


@pytest.fixture(scope="module", params=KINDS)
def page(request, tmp_path_factory):
    data, options = asked(request.param)
    place = tmp_path_factory.mktemp("store")
    result = hpo.tune(data, **{"trials": 12, "store": place, **options})
    path = place / "report.html"
    path.write_text(render_html(hpo.write_report(result)), encoding="utf-8")
    return path


def changed(page, place, old, new):
    """Return a copy of a page in which something is otherwise."""
    source = page.read_text("utf-8")
    assert re.search(old, source)
    path = place / "changed.html"
    path.write_text(re.sub(old, new, source, count=1), encoding="utf-8")
    return path


@pytest.fixture
def shown(screen, page):
    """The browser with the page of a study as it was loaded; nothing else is loaded for each width and colour."""
    if screen.tab.url != page.as_uri():
        screen.show(page)
    yield screen
    assert screen.console == []


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (800, True), (420, False)])
def test_nothing_overflows_or_overlaps(shown, width, dark):
    shown.look(width, dark=dark)
    found = shown.ask(PROBE)
    assert found.pop("figures") > 3
    assert not {"Loadings", "Confusion", "Trials"} & set(found.pop("stacked")) or width < 800, "they fit in smaller letters"
    assert found == {"overflow": [], "clipped": [], "over": [], "empty": [], "alone": []}


@pytest.mark.parametrize("width", [680, 1400])
def test_nothing_overflows_on_paper(shown, width):
    shown.look(width, paper=True)
    found = shown.ask(PROBE)
    assert (found["overflow"], found["over"], found["alone"]) == ([], [], [])
    assert width > 680 or found["clipped"] == []
    fits = {"Algorithms", "Coefficients", "Confusion", "Loadings", "Trials"}
    assert not fits & set(found["stacked"]), "on paper tables have smaller letters, and stay tables"


@pytest.mark.parametrize(("width", "dark", "paper"), [(1400, False, False), (1400, True, False), (680, True, True)])
def test_texts_of_charts_stand_out_from_their_ground(shown, width, dark, paper):
    """axe-core does not decide on texts in SVG: 4.5 to 1, as WCAG asks of small text."""
    shown.look(width, dark=dark, paper=paper)
    found = shown.ask(CONTRAST)
    assert found["texts"] > 20 and found["pale"] == []
    assert found["ground"] == ("rgb(19, 22, 25)" if dark and not paper else "rgb(255, 255, 255)" if paper else "rgb(247, 247, 245)")


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (420, True)], ids=["wide", "narrow and dark"])
def test_axe_core_finds_no_violation(shown, width, dark):
    shown.look(width, dark=dark)
    found = judged(shown)
    assert found["violations"] == []
    assert {"color-contrast", "label", "svg-img-alt", "heading-order", "region"} & set(found["passes"]) > {"color-contrast"}


def judged(screen):
    """Return what axe-core has against the page that is shown."""
    if not screen.tab.evaluate("() => 'axe' in window"):
        screen.tab.evaluate(axe())
    return screen.ask(AXE)


@pytest.fixture(scope="module")
def plain(study, tmp_path_factory):
    """A page to spoil, on which every probe must find what is wrong."""
    path = tmp_path_factory.mktemp("plain") / "report.html"
    path.write_text(render_html(study), encoding="utf-8")
    return path


def test_pale_text_of_a_chart_would_be_found(screen, plain, tmp_path):
    screen.show(changed(plain, tmp_path, "</style>", "svg text{fill:#aaa!important}</style>"))
    assert screen.ask(CONTRAST)["pale"]


def test_axe_core_would_find_pale_text_and_a_field_without_a_name(screen, plain, tmp_path):
    bad = '<main id="main"><input><p style="color:#ddd;background:#fff">pale</p>'
    screen.show(changed(plain, tmp_path, '<main id="main">', bad))
    assert {"label", "color-contrast"} <= {name for name, _ in judged(screen)["violations"]}


@pytest.mark.parametrize(("old", "new", "what"), [
    ('<main id="main">', '<main id="main"><p style="width:3000px">wide</p>', "overflow"),
    (r'(<text x="[^"]*" y="13"[^>]*>[^<]*</text>)', r"\1\1", "over"),
    ('<main id="main">', '<main id="main"><div class="grid"><div></div><div style="grid-column:span 1"></div></div>', "alone"),
    ('<main id="main">', '<main id="main"><svg viewBox="0 0 9 9"></svg>', "empty"),
])  # fmt: skip
def test_a_probe_that_sees_nothing_would_be_noticed(screen, plain, tmp_path, old, new, what):
    screen.show(changed(plain, tmp_path, old, new))
    screen.look(800)
    assert screen.ask(PROBE)[what]
