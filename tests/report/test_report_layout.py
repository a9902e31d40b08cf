"""The page of real studies, laid out by a browser: nothing overflows, nothing lies over other text, on paper too."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest
from browser import CHROMIUM, axe, visit
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

import hpo
from studies.report.page import render_html

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome is installed")

PROBE = """<script>
addEventListener("load", () => {
  if (PAPER) dispatchEvent(new Event("beforeprint"));
  const seen = { overflow: [], clipped: [], over: [], empty: [], figures: 0, stacked: [] };
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
  document.title = JSON.stringify(seen);
});
</script></body>"""


CONTRAST = """<script>
addEventListener("load", () => {
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
  document.title = JSON.stringify({ texts, pale });
});
</script></body>"""


AXE = """<script>
addEventListener("load", async () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
  document.getElementById("brushed")?.removeAttribute("hidden");
  const found = await axe.run(document, { resultTypes: ["violations"] });
  document.title = JSON.stringify({
    violations: found.violations.map((rule) => [rule.id, rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 120))]),
    passes: found.passes.map((rule) => rule.id),
    ground: getComputedStyle(document.body).backgroundColor,
  });
});
</script></body>"""


def classes(load, labels):
    data = load(as_frame=True).frame
    data["target"] = np.array(labels)[data["target"]]
    return data


def asked(kind):
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
        "stopped early": (
            classes(load_digits, list("0123456789")),
            {"target": "target", "algorithm": ["knn_classifier", "gaussian_nb"], "fidelity": "halving"},
        ),
    }[kind]  # fmt: skip


@pytest.fixture(scope="module", params=["two classes", "classes", "regression", "clusters", "components", "stopped early"])
def page(request, tmp_path_factory):
    data, options = asked(request.param)
    store = tmp_path_factory.mktemp("store")
    result = hpo.tune(data, trials=24, store=store, **options)
    return render_html(hpo.write_report(result))


def seen(source, place, width, *flags, paper=False, probe=PROBE):
    probe = probe.replace("PAPER", "true" if paper else "false")
    source = source.replace("@media print{", "@media all{") if paper else source
    source = re.sub(r"<meta http-equiv=[^>]*>", "", source).replace("</body>", probe)
    path = place / "report.html"
    path.write_text(source, encoding="utf-8")
    made, console = visit(path, place / "profile", f"--window-size={width},900", *flags)
    assert console == []
    return json.loads(html.unescape(re.search(r"<title>(\{.*?)</title>", made, re.DOTALL)[1]))


@pytest.mark.parametrize(("width", "flags"), [(1400, ()), (800, ("--force-dark-mode",)), (420, ())])
def test_nothing_overflows_or_overlaps(page, width, flags, tmp_path):
    found = seen(page, tmp_path, width, *flags)
    assert found.pop("figures") > 3
    assert "Loadings" not in found.pop("stacked") or width < 800, "five columns fit"
    assert found == {"overflow": [], "clipped": [], "over": [], "empty": []}


def test_nothing_overflows_on_paper(page, tmp_path):
    found = seen(page, tmp_path, 680, paper=True)
    assert (found["overflow"], found["clipped"], found["over"]) == ([], [], [])
    assert "Loadings" not in found["stacked"]


def test_a_table_that_fits_the_paper_is_none_on_it_from_a_wide_screen(page, tmp_path):
    found = seen(page, tmp_path, 1400, paper=True)
    assert "Loadings" not in found["stacked"]


def judged(source, place, width, *flags):
    """Return what axe-core has against a page, once its script has run."""
    script = f"<script>{axe()}</script>{AXE}"
    source = re.sub(r"<meta http-equiv=[^>]*>", "", source)
    end = source.rindex("</body>")
    path = place / "report.html"
    path.write_text(source[:end] + script + source[end + len("</body>") :], encoding="utf-8")
    made, console = visit(path, place / "profile", f"--window-size={width},900", "--virtual-time-budget=60000", *flags)
    assert console == []
    return json.loads(html.unescape(re.search(r"<title>(\{.*?)</title>", made, re.DOTALL)[1]))


DARK = "--blink-settings=preferredColorScheme=0"


@pytest.mark.parametrize(("width", "flags"), [(1400, ()), (420, (DARK,))], ids=["wide", "narrow and dark"])
def test_axe_core_finds_no_violation(page, width, flags, tmp_path):
    found = judged(page, tmp_path, width, *flags)
    assert found["violations"] == []
    assert {"color-contrast", "label", "svg-img-alt", "heading-order", "region"} & set(found["passes"]) > {"color-contrast"}
    assert found["ground"] == ("rgb(19, 22, 25)" if flags else "rgb(247, 247, 245)")


@pytest.mark.parametrize(("flags", "paper"), [((), False), ((DARK,), False), ((), True)], ids=["light", "dark", "paper"])
def test_texts_of_charts_stand_out_from_their_ground(page, flags, paper, tmp_path):
    """axe-core does not decide on texts in SVG: 4.5 to 1, as WCAG asks of small text."""
    found = seen(page, tmp_path, 1400, *flags, paper=paper, probe=CONTRAST)
    assert found["texts"] > 20 and found["pale"] == []


def test_pale_text_of_a_chart_would_be_found(page, tmp_path):
    assert seen(page.replace("</style>", "svg text{fill:#aaa!important}</style>", 1), tmp_path, 1400, probe=CONTRAST)["pale"]


def test_axe_core_would_find_pale_text_and_a_field_without_a_name(page, tmp_path):
    bad = page.replace('<main id="main">', '<main id="main"><input><p style="color:#ddd;background:#fff">pale</p>')
    assert {"label", "color-contrast"} <= {name for name, _ in judged(bad, tmp_path, 1400)["violations"]}


def test_a_probe_that_sees_nothing_would_be_noticed(page, tmp_path):
    wide = page.replace('<main id="main">', '<main id="main"><p style="width:3000px">wide</p>')
    assert seen(wide, tmp_path, 800)["overflow"]
    twice = re.sub(r'(<text x="[^"]*" y="13"[^>]*>[^<]*</text>)', r"\1\1", page)
    assert seen(twice, tmp_path, 800)["over"]
