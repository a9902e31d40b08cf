"""The HTML report: small, closed to the network, escaped, and drawn with finite coordinates for any study."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from studies.report.charts.scales import Log, fit_scale
from studies.report.data import (
    Baseline,
    Chosen,
    Curve,
    Difference,
    Estimate,
    Extrapolated,
    Leader,
    Lineage,
    Offer,
    ReportData,
    StateRow,
    TrialRow,
)
from studies.report.page import render_html
from studies.report.text import seconds_text

MEGABYTE = 1_000_000
LOADING = {
    "src",
    "href",
    "srcset",
    "action",
    "data",
    "poster",
    "xlink:href",
    "background",
    "formaction",
    "ping",
}
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf", re.IGNORECASE)
GEOMETRY = {"d", "x", "y", "cx", "cy", "r", "width", "height", "viewBox", "transform"}


class Page(HTMLParser):
    """Everything of a page that a browser could load or run, and the text that people read."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.links, self.tags, self.handlers, self.styles, self.words = [], [], [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in LOADING and tag != "path"]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.styles += [value for name, value in attrs if name == "style"]

    def handle_data(self, data):
        inside = self.tags[-1] if self.tags else ""
        (self.styles if inside == "style" else self.words).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def drawings(source: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg .*?</svg>", source, re.DOTALL)]


def test_thousand_trials_stay_below_a_megabyte(big_study, wide_study):
    assert len(big_study.trials) == len(wide_study.trials) == 1000
    assert len(render_html(big_study).encode()) < MEGABYTE
    assert len(render_html(wide_study).encode()) < MEGABYTE


def test_ten_thousand_trials_stay_below_three_megabytes(huge_study):
    data = huge_study
    rungs = [(100.0, -44.0), (300.0, -43.0), (900.0, -42.0)]
    long = [replace(t, began=0.5 * i, rungs=rungs, error="e" * 200 * (t.value is None)) for i, t in enumerate(data.trials)]
    source = render_html(replace(data, trials=long))
    assert len(source.encode()) < 3 * MEGABYTE
    assert "The best 50 of 10,000." in Page(source).text


def test_page_refers_to_nothing_outside(big_study):
    source = render_html(big_study)
    page = Page(source)
    assert all(link.startswith("#") or link == "data:," for link in page.links)
    assert page.handlers == []
    assert not re.search(r"url\(|@import|@font-face", " ".join(page.styles))
    assert "https://" not in source
    assert "http://" not in source
    assert not {"iframe", "object", "embed", "img", "video", "base"} & set(page.tags)


def test_every_drawing_is_valid_and_finite(awkward):
    for drawing in drawings(render_html(awkward)):
        for part in drawing.iter():
            for name in GEOMETRY & set(part.attrib):
                assert not re.search("nan|inf", part.attrib[name], re.IGNORECASE), part.attrib
                assert all(abs(float(n)) < 20_000 for n in NUMBER.findall(part.attrib[name])), part.attrib


def test_every_bar_has_a_width(awkward):
    widths = [style for style in Page(render_html(awkward)).styles if style.startswith("width:")]
    assert widths
    for style in widths:
        assert 0 <= float(re.search(r"([\d.]+)%", style)[1]) <= 100
        assert "inf" not in style


def test_every_drawing_has_a_name(study):
    for drawing in drawings(render_html(study)):
        named = drawing.attrib.get("aria-label") and drawing.find("title") is not None
        assert named or drawing.attrib["aria-hidden"] == "true"


def test_marks_name_as_many_trials_as_they_have_centres(study):
    counts = [
        (len(mark.attrib["data-t"].split()), mark.attrib["d"].count("M"))
        for drawing in drawings(render_html(study))
        for mark in drawing.iter("path")
        if "data-t" in mark.attrib
    ]
    assert counts
    assert all(places == centres for places, centres in counts)


def test_hostile_names_are_text(hostile):
    source = render_html(hostile)
    page = Page(source)
    assert page.tags.count("script") == 2
    assert "<script>alert" not in source
    assert "</script><script>alert(1)</script>" in page.text
    assert "{{7*7}}" in page.text
    assert "数据" in page.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", source)
    source.encode()


def test_page_says_what_people_want_to_know(study):
    text = Page(render_html(study)).text
    summary = "38.19 ± 0.14 root mean squared error, in the unit of arr_delay (lower is better) by elastic_net ."
    assert summary in text
    assert "It read 336,776 rows once; retraining would have read 340 million: 1,010×." in text
    assert "38.33 ± 0.15 RMSE, nested cross-validation of the choice" in text
    assert "alpha: 0.03816858938754579" in text
    assert "9,430 rows have no arr_delay and were left out." in text
    assert "24 built, 132 reused" in text
    assert "The best 50 of 200." in text
    assert "The 30 largest of 60 coefficients." in text
    assert "name: flights data: data/flights/*.parquet" in text
    assert "-38." not in text
    assert "−38." not in text


def test_each_of_several_objectives_has_a_history_and_the_other_charts_say_which_they_show(goals):
    source = render_html(goals)
    text = Page(source).text
    names = [d.attrib.get("aria-label", "") for d in drawings(source)]
    for short, direction in (("RMSE", "lower"), ("R²", "higher")):
        assert sum(f"history: {short} of 200 trials, {direction} is better" in name for name in names) == 2
    assert text.count("by the first objective, RMSE") == 6
    assert "the ring is the best" not in text
    ends = [goals.pareto[0], goals.pareto[-1]]
    assert len({end.number for end in ends}) == 2
    assert f"Best RMSE 38.19 ± 0.14 {ends[0].algorithm}, trial {ends[0].number}" in text
    assert (
        f"Best R² {ends[1].metrics['r2'].mean:.3f} ± 0.010 {ends[1].algorithm}, trial {ends[1].number}"
        in text
    )


def test_the_line_of_each_history_ends_at_the_best_by_its_objective(goals):
    charts = [d for d in drawings(render_html(goals)) if "history" in d.attrib.get("aria-label", "")]
    for chart, best in zip(charts[::2], (goals.pareto[0], goals.pareto[-1]), strict=True):
        (ring,) = chart.iter("circle")
        places = {}
        for mark in chart.iter("path"):
            centres = re.findall(r"M(\S+) (\S+?)[hm]", mark.attrib["d"])
            places |= dict(zip(mark.attrib.get("data-t", "").split(), centres, strict=False))
        assert places[str(best.number)] == (ring.attrib["cx"], ring.attrib["cy"])


def test_one_objective_is_not_called_the_first(study):
    text = Page(render_html(study)).text
    assert "first objective" not in text
    assert "one chart for each" not in text
    assert "the ring is the best" in text


def test_limits_are_reported(wide_study):
    text = Page(render_html(wide_study)).text
    assert "The 12 most important of 40 hyperparameters." in text
    assert "240 of 1,000 trials are drawn: the best 120, and an even choice of the others." in text
    assert "The 9 most important of 40 hyperparameters have an axis." in text
    assert "8 of 40 hyperparameters, the most important." in text


def test_parallel_coordinates_are_of_one_algorithm_each(study):
    """An axis that only one algorithm has is in its chart alone, and each has its own trials as lines."""
    own = {name: [t for t in study.trials if t.algorithm == name] for name in {t.algorithm for t in study.trials}}
    found = {}
    for svg in drawings(render_html(study)):
        labelled = re.match(r"Parallel coordinates of \d+ trials of (\w+) ", svg.attrib.get("aria-label", ""))
        if labelled and svg.attrib["class"] == "parallel wide":
            names = [part.text for part in svg.iter("text") if "name" in part.attrib.get("class", "")]
            found[labelled[1]] = (set(names[:-1]), {int(p.attrib["data-t"]) for p in svg.iter("path") if "data-t" in p.attrib})
    assert set(found) == {"ridge", "lasso", "elastic_net"}
    assert {name for name, (axes, _) in found.items() if "l1_ratio" in axes} == {"elastic_net", "lasso"}
    for name, (axes, places) in found.items():
        assert axes == {one for trial in own[name] for one in trial.params}
        assert {study.trials[place].algorithm for place in places} == {name}


def test_the_map_of_two_hyperparameters_is_shaded_around_the_good_trials(study):
    """The score falls with the distance from the middle of both: the shading is around it, and smaller where it is darker."""
    grid = [(i / 9, j / 9) for i in range(10) for j in range(10)]
    rows = [
        TrialRow(k, "ridge", {"a": a, "b": b}, -((a - 0.5) ** 2) - (b - 0.5) ** 2, 0.1) for k, (a, b) in enumerate(grid)
    ]
    best = replace(study.best, algorithm="ridge", params=rows[44].params, value=rows[44].value, number=44)
    data = replace(study, trials=rows, best=best, simplest=best, importances={"a": 0.6, "b": 0.4}, log_params=[])
    svg = next(d for d in drawings(render_html(data)) if d.attrib.get("aria-label", "").startswith("b against a"))
    boxes = []
    for part in (p for p in svg.iter("path") if p.attrib.get("class") == "level"):
        found = re.findall(r"M(\S+) (\S+?)h(\S+?)v(\S+?)h", part.attrib["d"])
        boxes.append([(float(x) + float(w) / 2, float(y) + float(h) / 2, float(w)) for x, y, w, h in found])
    outer, inner = boxes
    area = [sum(wide for *_, wide in level) for level in boxes]
    assert 0 < area[1] < area[0]
    for level in (outer, inner):
        middle = sum(x * wide for x, _, wide in level) / sum(wide for *_, wide in level)
        assert middle == pytest.approx((float(svg.attrib["viewBox"].split()[2]) + 30) / 2, abs=25)
    few = replace(data, trials=rows[35:50])
    assert "where trials near by" not in render_html(few) and "where trials near by" in render_html(data)


def test_a_slice_of_a_worse_algorithm_has_a_scale_of_its_own(study):
    good = [TrialRow(k, "ridge", {"ridge.alpha": 1.0 + k}, -1.0 - k / 100, 0.01) for k in range(20)]
    bad = [TrialRow(20 + k, "knn", {"knn.k": 1 + k}, -30.0 - k, 0.1) for k in range(20)]
    data = replace(study, trials=[*good, *bad], importances={}, log_params=[], validation=[])
    heights = {}
    for svg in drawings(render_html(data)):
        if (name := svg.attrib.get("aria-label", "").partition(" against RMSE")[0]) in ("ridge.alpha", "knn.k"):
            marks = "".join(part.attrib["d"] for part in svg.iter("path") if "data-t" in part.attrib)
            heights[name] = len(set(re.findall(r"M\S+ ([\d.]+)", marks)))
    assert heights.keys() == {"ridge.alpha", "knn.k"} and min(heights.values()) > 5


def test_a_front_that_reaches_far_stays_on_its_chart(goals):
    """Bad trials are drawn at the ends of the axes of the front, but no trial of the front is."""
    worst = replace(goals.trials[0], value=-1e6, metrics={"r2": Estimate(-1e6)})
    source = render_html(replace(goals, trials=[worst, *goals.trials[1:]]))
    chart = next(d for d in drawings(source) if d.attrib.get("aria-label", "").startswith("Pareto front:"))
    rings = {(ring.attrib["cx"], ring.attrib["cy"]) for ring in chart.iter("circle")}
    assert len(rings) == len({trial.number for trial in goals.pareto}) > 1


def test_a_hyperparameter_that_never_differs_has_no_axis(study):
    fixed = [replace(t, params={"ridge.alpha": float(t.number), "ridge.impute": "mean"}, algorithm="ridge") for t in study.trials]
    page = render_html(replace(study, trials=fixed))
    assert "over 1 hyperparameter and RMSE" in page and '"name": "ridge.alpha"' in page and '"name": "ridge.impute"' not in page
    assert ">alpha</text>" in page


def test_best_trial_is_among_the_drawn_of_many(big_study):
    trials = [replace(trial, number=i) for i, trial in enumerate(big_study.trials * 3)]
    best = replace(trials[2500], value=-1.0, se=0.1, number=2500)
    trials[2500] = best
    source = render_html(replace(big_study, trials=trials))
    history = next(d for d in drawings(source) if "Optimisation history" in d.attrib.get("aria-label", ""))
    places = [p for mark in history.iter("path") for p in mark.attrib.get("data-t", "").split()]
    assert len(places) <= 1500
    assert "2500" in places


def test_segments_are_gathered_into_a_strip(study):
    segments = [replace(study.ledger.segments[0], name=f"part-{i}") for i in range(20_000)]
    source = render_html(replace(study, ledger=replace(study.ledger, segments=segments)))
    strip = next(d for d in drawings(source) if d.attrib.get("class") == "strip")
    assert len(strip.findall("g")) == 120
    assert "The first 50 of 20,000 segments" in Page(source).text


@pytest.mark.parametrize(
    ("scoring", "value", "words"),
    [
        ("r2", -3.25, "−3.25 ± 0.10 R² (higher is better)"),
        ("neg_mean_absolute_error", -3.25, "3.25 ± 0.10 mean absolute error (lower is better)"),
        ("my_own_score", 0.5, "0.50 ± 0.10 my own score (higher is better)"),
    ],
)
def test_scores_are_shown_the_way_people_say_them(scoring, value, words):
    data = ReportData(name="s", scoring=scoring, best=Chosen(0, "ridge", {}, value, 0.1))
    assert words in Page(render_html(data)).text


def test_best_that_is_simplest_has_one_card(study):
    text = Page(render_html(replace(study, simplest=study.best))).text
    assert "the best mean score, and the simplest within one standard error" in text


def test_nothing_read_is_said_so(study):
    data = replace(study, ledger=replace(study.ledger, rows_read=0))
    assert "It read no rows: every state was in the store." in Page(render_html(data)).text


def test_the_policy_allows_the_one_script(study):
    import base64
    import hashlib

    source = render_html(study)
    script = re.search(r"<script>(.*?)</script>", source, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in source.replace("&#43;", "+").replace("&#39;", "'")


def test_the_headline_stands_beside_what_no_model_scores(study):
    dummy = Baseline(-41.5, 0.2, answer="the mean of the target")
    text = Page(render_html(replace(study, baseline=dummy))).text
    assert "Always predicting the mean of the target scores 41.5." in text
    assert "Without a model 41.5 RMSE, always predicting the mean of the target" in text
    worse = Page(render_html(replace(study, baseline=replace(dummy, mean=-38.0)))).text
    assert "scores 38. The best setting is no better than that." in worse


def test_sections_answer_the_reader_in_order(study):
    source = render_html(replace(study, warnings=study.notes[:1], notes=[*study.notes, "A remark."]))
    ids = re.findall('<section[^>]* id="([a-z]+)"', source)
    assert ids == [
        "warnings", "settings", "algorithms", "coefficients", "learning", "history", "importances", "validation",
        "slices", "pair", "parallel", "trials", "remarks", "spec", "ledger",
    ]  # fmt: skip


def test_a_setting_that_is_hardly_simpler_is_not_offered(study):
    text = Page(render_html(replace(study, simplest=replace(study.simplest, complexity=79.0)))).text
    assert "the simplest within one standard error" not in text
    assert "the simplest within one standard error" in Page(render_html(study)).text


def test_the_good_trials_fill_the_history(study):
    flat = [replace(t, value=-38.0 - 1e-3 * (i % 50) if i % 3 else -900.0 + i) for i, t in enumerate(study.trials)]
    source = render_html(replace(study, trials=flat, best=replace(study.best, se=1e-3)))
    chart = next(d for d in drawings(source) if "Optimisation history" in d.attrib.get("aria-label", ""))
    heights = [
        float(y) for mark in chart.iter("path") if "data-t" in mark.attrib
        for _, y in re.findall(r"M(\S+) (\S+?)[hm]", mark.attrib["d"])
    ]  # fmt: skip
    good = sorted(heights)[-len(heights) // 4 :]  # lower is better
    assert max(good) - min(good) > 0.4 * (max(heights) - min(heights))
    assert "worse trials are drawn at the end of the axis" in Page(source).text


def test_pruned_trials_are_not_called_failed(study):
    trials = [replace(t, state="pruned", value=None, fold_scores=[]) for t in study.trials[:7]]
    text = Page(render_html(replace(study, trials=[*trials, *study.trials[7:]]))).text
    assert "pruned: stopped early (7)" in text
    assert "7 pruned" in text
    failed = sum(t.value is None for t in study.trials[7:])
    assert f"failed ({failed})" in text


def test_a_better_point_of_a_curve_is_offered_to_be_copied(study):
    curve = replace(study.validation[1], better_x=0.35)
    offer = Offer(4, "elastic_net", {"elastic_net.l1_ratio": 0.35}, -38.0, 0.1, name="elastic_net.l1_ratio")
    source = render_html(replace(study, validation=[curve], offers=[offer]))
    assert "With refine: 5 up to five such settings become trials" in Page(source).text
    assert "refine: 5" not in Page(render_html(replace(study, validation=[curve], offers=[]))).text
    assert "elastic_net.l1_ratio: 0.35" in Page(source).text
    chart = next(d for d in drawings(source) if d.attrib.get("aria-label", "").startswith("l1_ratio: mean"))
    assert "better 0.35" in "".join(chart.itertext())
    assert len(list(chart.iter("circle"))) == 2 + len(curve.x)


def test_a_point_that_is_better_than_one_algorithm_alone_is_said_to_be(study):
    offer = Offer(4, "elastic_net", {"elastic_net.l1_ratio": 0.35}, -99.0, 0.1, name="elastic_net.l1_ratio")
    assert "Better than any trial of elastic_net" in Page(render_html(replace(study, offers=[offer]))).text
    best = replace(offer, value=-1.0)
    assert "Better than any trial on the curve" in Page(render_html(replace(study, offers=[best]))).text


def test_a_setting_that_stands_is_not_said_to_have_the_best_mean(study):
    assert "the best mean score" in Page(render_html(study)).text
    text = Page(render_html(replace(study, stands=True))).text
    assert "the best mean score" not in text
    assert "kept from the edition before" in text


def test_algorithms_are_compared_in_words(study):
    leaders = [
        Leader(1, "ridge", value=-38.1, within_one_se=True),
        Leader(2, "lasso", value=-39.0, difference=Difference(-0.9, 0.1, 0.001)),
        Leader(3, "elastic_net", value=-38.2, difference=Difference(-0.1, 0.2, 0.6)),
    ]
    text = Page(render_html(replace(study, leaderboard=leaders))).text
    assert "Not significantly worse than ridge on these folds: elastic_net. Significantly worse than ridge: lasso." in text
    assert "+0.90 ± 0.10 (p = 0.001)" in text


def test_further_scores_are_sorted_as_they_are_shown(study):
    rows = [replace(t, metrics={"neg_mean_absolute_error": Estimate(-2.0 - i, 0.1)}) for i, t in enumerate(study.trials)]
    metrics = ["neg_root_mean_squared_error", "neg_mean_absolute_error"]
    source = render_html(replace(study, trials=rows, metrics=metrics))
    cells = re.findall(r'data-v="([^"]+)">([\d.]+) ± 0.10', source)
    assert cells and all(float(value) == pytest.approx(float(text), abs=0.01) for value, text in cells)


def test_importances_are_computed_apart_within_the_best_algorithm(study):
    parts = [("Within ridge", {"ridge.alpha": 0.9, "ridge.select": 0.1})]
    text = Page(render_html(replace(study, importances_within=parts))).text
    assert "Within ridge ridge.alpha 90% ridge.select 10%" in text


def test_the_leaderboard_shows_every_fold(study):
    strips = [d for d in drawings(render_html(study)) if d.attrib.get("class") == "range"]
    dots = [mark for strip in strips for mark in strip.iter("path") if "fold" in mark.attrib.get("class", "")]
    assert [mark.attrib["d"].count("M") for mark in dots] == [5] * len(strips)


def test_the_two_most_important_stand_against_one_another(study):
    chart = next(d for d in drawings(render_html(study)) if "against alpha" in d.attrib.get("aria-label", ""))
    assert chart.attrib["aria-label"].startswith("fit_intercept against alpha")
    scored = sum(t.value is not None for t in study.trials)
    ranks = [m.attrib["d"].count("M") for m in chart.iter("path") if "rank" in m.attrib.get("class", "")]
    assert sum(ranks) == scored
    assert ranks[::-1][0] == round(0.1 * scored), "the best tenth is drawn last, above the others"
    assert len(list(chart.iter("circle"))) == 1


def test_the_rungs_of_trials_are_drawn_until_they_were_stopped(study):
    stopped = [
        replace(t, state="pruned", value=None, fold_scores=[], rungs=[(100.0, -50.0 - i), (300.0, -45.0)][: 1 + i % 2])
        for i, t in enumerate(study.trials[:10])
    ]
    whole = [replace(t, rungs=[(100.0, -44.0), (300.0, -43.0), (2700.0, t.value)]) for t in study.trials[10:14]]
    source = render_html(replace(study, trials=[*stopped, *whole, *study.trials[14:]]))
    assert "4 of 14 trials came to all 2,700 rows; stopped at 100: 5, at 300: 5." in Page(source).text
    chart = next(d for d in drawings(source) if d.attrib.get("aria-label", "").startswith("Rungs of 14 trials"))
    lines = [part.attrib["d"] for part in chart.iter("path") if "rung" in part.attrib.get("class", "")]
    assert [d.count("v8") for d in lines] == [1] * 10 + [0] * 4
    assert "Rungs of" not in render_html(study)


def test_one_wild_rung_leaves_the_good_ones_their_room(study):
    """Scores of settings that are far worse stand at the end of the axis, and are counted."""
    trials = [replace(t, rungs=[(100.0, -60.0), (2700.0, -42.0 - 0.1 * i)]) for i, t in enumerate(study.trials[:9])]
    wild = replace(study.trials[9], state="pruned", value=None, fold_scores=[], rungs=[(100.0, -4e5), (300.0, -300.0)])
    page = render_html(replace(study, trials=[*trials, wild, *study.trials[10:]]))
    chart = next(d for d in drawings(page) if d.attrib.get("aria-label", "").startswith("Rungs of 10 trials"))
    lines = [part.attrib["d"] for part in chart.iter("path") if part.attrib.get("class") == "rung"]
    ends = [float(re.findall(r"[\d.]+", d)[-1]) for d in lines]
    assert max(ends) - min(ends) > 80, "the whole trials fill a good part of a chart 260 pixels high"
    assert "11 worse scores are drawn at the end of the axis" in Page(page).text


def test_the_timeline_has_a_lane_for_the_pass_and_for_each_algorithm(study):
    trials = [replace(t, began=0.5 * i, seconds=0.25) for i, t in enumerate(study.trials[:40])]
    late = [replace(t, began=90_000.0 + 0.5 * i, seconds=0.25) for i, t in enumerate(study.trials[40:50])]
    data = replace(study, trials=[*trials, *late], ledger=replace(study.ledger, seconds_pass=5.0))
    chart = next(d for d in drawings(render_html(data)) if "Timeline" in d.attrib.get("aria-label", ""))
    lanes = [lane.find("title").text for lane in chart.iter("g") if lane.attrib.get("class") == "hit-bar"]
    counts = Counter(t.algorithm for t in data.trials)
    took = {f"{name}: {n} trials, {seconds_text(0.25 * n)}" for name, n in counts.items()}
    assert lanes[0] == "pass: 5 s" and set(lanes[1:]) == took
    blocks = [path.attrib["d"] for path in chart.iter("path") if "block" in path.attrib.get("class", "")]
    width = {name.partition(":")[0]: sum(map(float, re.findall(r"h([\d.]+)v", d))) for name, d in zip(lanes, blocks, strict=True)}
    for name, n in counts.items():
        assert width[name] / width["pass"] == pytest.approx(0.25 * n / 5.0, rel=0.05)
    assert "the trials 12.5 s, what lies between them 12 s; 1 pause is cut out." in Page(render_html(data)).text


def test_the_learning_curve_goes_on_in_dashes_as_its_sentence_says(study):
    curve = Curve("rows", [1000, 2000, 4000], [-40.0, -39.0, -38.4], [0.01] * 3)
    source = render_html(replace(study, learning=curve))
    assert "twice the rows: about −0.4." in Page(source).text and "dashed: extrapolated" in Page(source).text
    found = Extrapolated(336_776, -38.1, -38.3, -37.9)
    far = render_html(replace(study, learning=curve, extrapolated=found))
    assert "Extrapolated to all 336,776 rows RMSE is 38.1 (37.9 to 38.3, nine times in ten)." in Page(far).text
    for page, times in ((source, 2.0), (far, 336_776 / 4000)):
        chart = next(d for d in drawings(page) if d.attrib.get("aria-label", "").startswith("rows learned from"))
        lines = {part.attrib.get("class"): part.attrib["d"] for part in chart.iter("path")}
        (a, b), (c, d) = (float(x.split()[0]) for x in lines["mean"][1:].split("L")[1:]), (
            float(x.split()[0]) for x in lines["mean further"][1:].split("L")
        )  # fmt: skip
        assert b == c and d > b
        log = times > 4
        assert (d - c) / (b - a) == pytest.approx(math.log(times) / math.log(2) if log else 2.0, rel=0.02)
    flat = Curve("rows", [1000, 2000, 4000], [-40.0, -38.501, -38.5], [0.1] * 3)
    assert "more rows would hardly help" in render_html(replace(study, learning=flat))
    assert "mean further" not in render_html(replace(study, learning=flat))


def test_states_say_where_they_come_from(study):
    rows = [StateRow("efecc51114c4", "Moments()", "every row", "ridge: 3 trials")]
    text = Page(render_html(replace(study, lineage=Lineage(rows, 12, "dbff32c62ea6", "daily@1", 4)))).text
    assert "Each is merged from 12 leaves, one a segment of the data, encoded by what the pilot sample dbff32c62ea6" in text
    assert "4 settings of daily@1 were scored again on this data." in text and "ridge: 3 trials" in text


def test_choices_of_many_decades_and_long_names_are_drawn_as_people_read_them(study):
    """A grid of 1e-5 … 0.1 is not a crowd at zero; a hyperparameter keeps its name where its algorithm's is long."""
    assert isinstance(fit_scale([1e-5, 1e-4, 1e-3, 0.01, 0.1]), Log)
    name = "HistGradientBoostingClassifier.max_leaf_nodes"
    trials = [replace(t, params={name: 10 * i}) for i, t in enumerate(study.trials[:20], start=1)]
    source = render_html(replace(study, trials=trials, log_params=[]))
    chart = next(d for d in drawings(source) if name in d.attrib.get("aria-label", ""))
    assert "max_leaf_nodes" in ["".join(text.itertext()) for text in chart.iter("text")]


def test_a_study_of_series_alone_has_no_columns(study):
    assert "0 columns" not in Page(render_html(replace(study, n_columns=0))).text


def test_names_of_algorithms_are_not_broken_where_they_fit(study):
    """Where a name would take the width of the table, it may be; no other name is cut between two letters."""
    page = render_html(study)
    assert page.count('class="whole"') == len({t.algorithm for t in study.trials}) + min(50, len(study.trials))
    long = replace(study, trials=[replace(t, algorithm="a" * 35) for t in study.trials], leaderboard=[])
    assert 'class="whole"' not in render_html(long)


def test_no_line_of_a_wide_parallel_chart_runs_over_the_name_of_an_axis(study):
    charts = [d for d in drawings(render_html(study)) if d.attrib.get("aria-label", "").startswith("Parallel coordinates of")]
    wide = [d for d in charts if "wide" in d.attrib["class"]]
    assert wide and len(charts) > len(wide)
    for chart in wide:
        lines = [path.attrib["d"] for path in chart.iter("path") if "data-t" in path.attrib]
        first = min(float(x) for d in lines for x in re.findall(r"[ML]?([\d.]+) [\d.]+", d))
        names = [text for text in chart.iter("text") if "name" in text.attrib.get("class", "")]
        assert all(float(n.attrib["x"]) + 6.7 * len("".join(n.itertext())) < first for n in names)
