"""What a notebook shows of a result, and a report that opens in the browser."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import forked
import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM, visit
from sklearn.model_selection import PredefinedSplit
from test_origins import counted

import hpo
from state_store.key import Key
from studies.report.card import card
from studies.report.text import metric_of
from studies.spec.spec import build


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "c"])
    names = ["ridge", "lasso", "ols", "pls", "elastic_net", "pcr"]
    return hpo.tune(
        (X, X["a"].to_numpy() + rng.normal(size=120)), algorithm=names, trials=30, name="card", progress=False,
        store=tmp_path_factory.mktemp("store"), storage=tmp_path_factory.mktemp("storage") / "studies.journal",
    )  # fmt: skip


def test_a_result_shows_its_best_score_setting_and_algorithms(result):
    page = result._repr_html_()
    assert f"{result.best_value:.6g}" in page and "30 trials" in page
    assert all(f"{key}=" in page for key in result.best_params)
    assert page.count("<tr>") == 6 and "and 1 more" in page


def test_a_result_of_several_objectives_shows_its_front(tmp_path):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(90, 3)), columns=["a", "b", "y"])
    scoring = ["neg_root_mean_squared_error", "neg_mean_absolute_error"]
    found = hpo.tune(X, "y", "ridge", scoring=scoring, refit=False, trials=4, store=tmp_path, progress=False)
    page = found._repr_html_()
    assert "on the Pareto front of RMSE, MAE" in page and "MAE ↓ lower is better" in page
    assert page.count("<tr>") == 1 + min(5, len(found.pareto))
    assert f"{-found.pareto[0].scores.also['neg_mean_absolute_error'].mean:.6g}" in page and "−" not in page


def test_errors_are_positive_on_a_card_as_in_a_report(tmp_path):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["a", "b", "y"])
    asked = {"scoring": "neg_root_mean_squared_error", "trials": 3, "store": tmp_path, "progress": False}
    found = hpo.tune(X, "y", "ridge", **asked)
    assert f"RMSE {-found.best_value:.6g} ± " in found._repr_html_() and "neg_" not in found._repr_html_()


def test_no_text_in_a_card_is_markup():
    page = card("<b>", ["<script>", "x" * 1_000], ["<i>"], [["<u>"]] * 9)
    assert "&lt;b&gt;" in page and "&lt;script&gt;" in page and "&lt;i&gt;" in page and page.count("&lt;u&gt;") == 5
    assert len(page) < 3_000


def test_a_result_without_a_score_says_why(tmp_path):
    search = {"poisson.alpha": 1e-4, "poisson.standardize": True, "poisson.impute": "mean"}
    with pytest.warns(hpo.errors.NoScoreWarning):
        none = hpo.tune(
            counted(1e-9), algorithm="poisson", search=search, trials=1, folds=PredefinedSplit([-1] * 30 + [0] * 8),
            scoring="neg_mean_poisson_deviance", store=tmp_path, progress=False,
        )  # fmt: skip
    assert "no score yet" in none._repr_html_() and "by rounding" in none._repr_html_()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_card_is_no_higher_than_300_pixels(result, tmp_path):
    script = "<script>document.title = document.getElementById('card').getBoundingClientRect().height</script>"
    page = tmp_path / "card.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><div id=card>{result._repr_html_()}</div>{script}", "utf-8")
    made, complaints = visit(page, tmp_path / "profile")
    assert 60 < float(re.search(r"<title>([\d.]+)", made)[1]) <= 300 and not complaints


@pytest.mark.parametrize("given", [True, False])
def test_a_report_opens_in_the_browser(given, tmp_path, result):
    X = pd.DataFrame({"x": np.arange(40.0), "y": np.arange(40.0) % 7})
    hpo.tune(X, "y", "ridge", trials=3, name="opened", progress=False)
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho \"$1\" > {seen}\n")
    browser.chmod(0o755)
    html = ["--html", "page.html"] if given else []
    done = forked.run(
        [sys.executable, "-m", "hpo.cli", "report", "opened", "--open", *html], cwd=tmp_path, capture_output=True,
        text=True, env={**os.environ, "BROWSER": f"{browser} %s", "TMPDIR": os.fspath(tmp_path)}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    address = seen.read_text().strip()
    assert address.startswith("file:///")
    page = address.removeprefix("file://")
    assert "opened" in Path(page).read_text("utf-8")
    assert (page == os.fspath(tmp_path / "page.html")) is given


def shown(result, tmp_path):
    """What notebooks show besides a result, by name."""
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(90, 3)), columns=["a", "b", "y"])
    frame.to_parquet(tmp_path / "rows.parquet")
    asked = {"data": str(tmp_path / "rows.parquet"), "target": "y", "algorithm": ["ridge", "lasso"]}
    store = hpo.StateStore(tmp_path / "states")
    for k in range(12):
        store.put(Key(f"{k:02}" * 20, "cd" * 20), np.random.default_rng(k).normal(size=(k + 1) * 100), {"rows": 1_000 * k})
    return {
        "plan": hpo.plan(build({**asked, "store": str(tmp_path / "store")})),
        "leaderboard": hpo.leaderboard(result),
        "validation": hpo.validation_curve(result, "ridge.alpha"),
        "learning": hpo.learning_curve(result),
        "states": hpo.StateStore(tmp_path / "states").list(),
        "result": result,
    }


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_what_else_notebooks_show_is_no_higher_than_300_pixels(result, tmp_path):
    found = shown(result, tmp_path)
    boxes = "".join(f'<div class=box style="width:700px">{one._repr_html_()}</div>' for one in found.values())
    script = (
        "<script>document.title = [...document.querySelectorAll('.box')].map(b => b.getBoundingClientRect().height)</script>"
    )
    page = tmp_path / "all.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{boxes}{script}", "utf-8")
    made, complaints = visit(page, tmp_path / "profile")
    heights = [float(one) for one in re.search(r"<title>([\d.,]+)", made)[1].split(",")]
    assert len(heights) == len(found) and all(60 < height <= 300 for height in heights), heights
    assert not complaints


def test_each_draws_on_the_axes_that_it_is_given_or_on_new_ones(result, tmp_path):
    from matplotlib import pyplot

    found = shown(result, tmp_path)
    _, ax = pyplot.subplots()
    for one in found.values():
        assert one.plot(ax) is ax and one.plot() is not ax
    pyplot.close("all")
    curve, label = found["validation"], metric_of(result.metric).label
    drawn = curve.plot()
    assert (drawn.get_xlabel(), drawn.get_ylabel(), drawn.get_xscale()) == ("ridge.alpha", label, "log")
    x, y = drawn.lines[0].get_data()
    assert np.allclose(x, curve.x) and np.allclose(y, curve.mean)
    errors = replace(curve, metric="neg_mean_absolute_error").plot()
    assert errors.get_ylabel() == "MAE ↓ lower is better" and np.allclose(errors.lines[0].get_ydata(), np.negative(curve.mean))
    board = found["leaderboard"]
    assert "ridge" in board._repr_html_() and type(board[board["trials"] > 0]) is pd.DataFrame


def test_a_result_draws_its_trials_by_algorithm_and_the_best_so_far(result):
    from matplotlib import pyplot

    drawn = result.plot()
    means = {one.number: one.scores.mean for one in result.candidates}
    (best,) = [line for line in drawn.lines if line.get_label() == "best so far"]
    assert best.get_ydata()[-1] == result.best_value and np.all(np.diff(best.get_ydata()) >= 0)
    points = [xy for line in drawn.lines if line is not best for xy in zip(*line.get_data(), strict=True)]
    assert sorted(int(x) for x, _ in points) == sorted(means)
    assert all(y == means[x] or (y > means[x] and y == min(y for _, y in points)) for x, y in points)
    names = {text.get_text() for text in drawn.get_legend().get_texts()}
    assert names == {"best so far", *hpo.leaderboard(result)["algorithm"]}
    pyplot.close("all")


def test_a_listing_of_states_shows_and_draws_its_contexts_the_largest_first(result, tmp_path):
    from matplotlib import pyplot

    states = shown(result, tmp_path)["states"]
    page = states._repr_html_()
    assert page.index("111111111111") < page.index("101010101010") and "and 4 more" in page and "11,000" in page
    bars = states.plot().patches
    assert sorted(bar.get_width() for bar in bars) == sorted(e.bytes for e in states)
    assert len(states) > 3 and repr(states).count("<leaf") == 3 and f"and {len(states) - 3} more" in repr(states)
    assert hpo.StateStore(tmp_path / "none").list()._repr_html_().count("no leaf") == 1
    pyplot.close("all")


def test_without_matplotlib_plot_says_what_to_install(result, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for one in (hpo.learning_curve(result), result, hpo.StateStore(tmp_path).list()):
        with pytest.raises(ImportError, match="pip install matplotlib"):
            one.plot()


def test_a_plan_is_made_of_a_study_file_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"x": np.arange(9.0), "y": np.arange(9.0)}).to_parquet("a.parquet")
    Path("study.yaml").write_text("data: a.parquet\ntarget: y\nalgorithm: ridge\nstore: states\n", "utf-8")
    assert hpo.plan("study.yaml").rows_to_read == hpo.plan(Path("study.yaml")).rows_to_read == 9
    with pytest.raises(hpo.errors.SpecError, match=r"other\.yaml: there is no such file"):
        hpo.plan("other.yaml")
