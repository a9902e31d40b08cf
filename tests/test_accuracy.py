"""Every trial and report says which errors a score carries: of sampled rows, of models, of rounding."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine
from terminal import hpo as ask

import hpo
from algorithms import registry
from algorithms.contract import Score
from algorithms.models.ridge import Ridge
from hpo.cli.run import result_values
from hpo.findings import largest, sampling_error
from studies.record.study_record import StudyRecord
from studies.record.trial_note import TrialNote
from studies.report.accuracy import Accuracy, recorded_accuracy
from studies.report.page import render_html, to_csv
from studies.report.terminal import render_summary


@pytest.fixture
def place(tmp_path):
    return {"store": tmp_path / "store", "storage": tmp_path / "journal.log"}


def rare(n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = rng.random(n) < 1 / (1 + np.exp(6.0 - 3.0 * X[:, 0]))
    return pd.DataFrame(X, columns=list("abc")).assign(t=np.where(y, "yes", "no"))


@pytest.mark.parametrize(
    ("bound", "value", "exact"),
    [(None, 0.8, True), (1e-9, 0.8, True), (1e-5, 0.8, False), (1e-9, 0.0, False), (np.nan, 0.8, False)],
)
def test_a_score_that_is_not_known_to_six_digits_is_not_called_exact(bound, value, exact):
    assert Accuracy(bound=bound).exact(value) is exact
    assert (Accuracy(bound=bound).words(value) == "exact") is exact
    assert (Accuracy(bound=bound).brief(value) == "exact") is exact


@pytest.mark.parametrize("kind", ["sample", "approximate", "ordered"])
def test_models_that_are_not_of_every_row_are_never_called_exact(kind):
    found = Accuracy(kind, 100, 900)
    assert "exact" not in found.words(0.5) + found.brief(0.5)


def show(result):
    from rich.console import Console

    console = Console(width=160, record=True, color_system=None)
    with console.capture() as captured:
        render_summary(hpo.write_report(result), console)
    return captured.get()


def test_exact_scores_say_so_everywhere(place, capsys, monkeypatch):
    result = hpo.tune(load_diabetes(return_X_y=True), trials=4, folds=3, name="a", **place)
    assert hpo.accuracy(result).words(result.best_value) == "exact"
    assert set(result.trials_dataframe()["accuracy"]) == {"exact"}
    assert hpo.leaderboard(result)["accuracy"].tolist() == ["exact"]
    assert "(exact)" in repr(result)
    assert result_values(result)["best"]["accuracy"] == "exact"
    data = hpo.write_report(result)
    assert data.best.accuracy == "exact"
    assert {t.accuracy for t in data.trials} == {"exact"}
    assert "Exact: every held-out row was scored" in render_html(data)
    assert ",exact," in to_csv(data)
    assert "exact" in show(result)
    shown = ask(capsys, monkeypatch, "studies", "show", "a", "--storage", place["storage"])
    assert "exact" in shown.out
    answer = ask(capsys, monkeypatch, "studies", "show", "a", "--storage", place["storage"], "--json")
    assert {t["accuracy"] for t in answer.json["trials"]} == {"exact"}
    assert "(exact)" in repr(hpo.load("a", **place))


def test_scores_of_rows_that_are_all_kept_say_all(place):
    result = hpo.tune(rare(400), "t", "gaussian_nb", scoring="average_precision", folds=4, trials=2, **place)
    notes = hpo.write_report(result).notes
    assert any(note.endswith("scored on all 400 held-out rows, in 4 splits.") for note in notes)


def test_scores_of_sampled_rows_say_how_many_and_how_much_that_matters(place, capsys, monkeypatch):
    asked = {"scoring": ["average_precision", "roc_auc"], "scoring_rows": 400, "folds": 4, "trials": 3}
    result = hpo.tune(rare(8000), "t", "gaussian_nb", name="a", **asked, **place)
    words = "scored on 1,600 of 8,000 held-out rows"
    for metric in result.record.metrics:
        found = hpo.accuracy(result, metric=metric)
        assert (found.scored_rows, found.held_rows) == (1600, 8000)
        assert 0.0 < found.sampling < 0.1
    notes = " ".join(hpo.write_report(result).notes)
    assert "scored on a sample of 1,600 of 8,000 held-out rows, in 4 splits." in notes
    frame = result.trials_dataframe()
    assert set(frame["accuracy"]) == set(frame["accuracy_roc_auc"]) == {words}
    best = result_values(result)["best"]
    assert best["accuracy"].startswith(words)
    assert best["sampling_error"] == hpo.accuracy(result).sampling
    assert best["scores"]["roc_auc"]["sampling_error"] == hpo.accuracy(result, metric="roc_auc").sampling
    json.dumps(result_values(result), default=float)
    data = hpo.write_report(result)
    assert data.best.accuracy.startswith(f"{words} (±")
    assert data.best.metrics["roc_auc"].accuracy.startswith(f"{words} (±")
    assert {t.accuracy for t in data.trials} == {"sampled score"}
    page = render_html(data)
    assert words in page
    assert words in show(result)
    shown = ask(capsys, monkeypatch, "studies", "show", "a", "--storage", place["storage"])
    assert "sampled score" in shown.out


def test_the_error_of_sampled_rows_is_about_that_of_drawing_them_again(tmp_path):
    """Other seeds of the same rows' order draw other samples: their scores spread by as much as is reported."""
    frame, reported, made = rare(6000), [], []
    asked = {"algorithm": "gaussian_nb", "search": {"gaussian_nb.var_smoothing": 1e-9}, "trials": 1}
    fold = np.arange(6000) % 3
    for seed in range(12):
        order = np.random.default_rng(seed).permutation(6000)
        folds = [(np.flatnonzero(fold[order] != k), np.flatnonzero(fold[order] == k)) for k in range(3)]
        shuffled = frame.iloc[order].reset_index(drop=True)
        result = hpo.tune(
            shuffled, "t", **asked, folds=folds, scoring="neg_log_loss", scoring_rows=300, store=None
        )
        reported.append(hpo.accuracy(result).sampling)
        made.append(result.best_value)
    assert np.mean(reported) == pytest.approx(np.std(made, ddof=1), rel=0.6)


@pytest.mark.parametrize("scoring", ["accuracy", "f1_macro"])
def test_models_of_a_sample_say_of_how_many_rows(scoring, place):
    frame = rare(3000).drop(columns="t").assign(t=lambda f: (f["a"] > 0).astype(str))
    asked = {"folds": 3, "trials": 2, "scoring": scoring, "search": {"knn_classifier.size": 500}}
    result = hpo.tune(frame, "t", "knn_classifier", **asked, **place)
    assert hpo.accuracy(result).words(result.best_value) == "models of 500 of 2,000 training rows"
    assert "(model of a sample)" in repr(result)
    assert set(result.trials_dataframe()["accuracy"]) == {"models of 500 of 2,000 training rows"}
    whole = hpo.tune(frame, "t", "knn_classifier", folds=3, trials=2, scoring=scoring, **place)
    assert hpo.accuracy(whole).words(whole.best_value) == "exact"


def test_a_pack_says_that_the_order_of_rows_matters(place):
    X, y = load_wine(return_X_y=True)
    result = hpo.tune((X, y), algorithm="linear", trials=2, folds=3, **place)
    assert "another order of rows" in hpo.accuracy(result).words(result.best_value)


@pytest.mark.parametrize("bound", [1e-12, 1e-3])
def test_the_bound_of_a_score_is_reported_in_its_units(bound, place, monkeypatch):
    score = Ridge.score
    monkeypatch.setattr(Ridge, "score", lambda *args: Score(float(score(*args)), bound))
    X, y = load_diabetes(return_X_y=True)
    result = hpo.tune((X, y), algorithm="ridge", trials=2, folds=3, name="a", **place)
    frame = result.trials_dataframe()
    assert frame["score_bound"].tolist() == pytest.approx([bound, bound])
    words = "exact" if bound < 1e-6 else "known to ±0.001 (rounding)"
    assert set(frame["accuracy"]) == {words}
    loaded = hpo.load("a", **place)
    assert hpo.accuracy(loaded).words(loaded.best_value) == words
    assert result_values(loaded)["best"]["score_bound"] == pytest.approx(bound)
    assert hpo.write_report(result).best.bound == pytest.approx(bound)
    assert hpo.leaderboard(result)["score_bound"].tolist() == pytest.approx([bound])


def test_the_largest_error_of_a_sample_says_that_it_may_be_larger(place):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 2))
    y = X[:, 0] + rng.standard_t(3, size=4000)
    asked = {"algorithm": "ridge", "folds": 2, "trials": 2, "scoring": "neg_max_error"}
    result = hpo.tune((X, y), **asked, scoring_rows=300, **place)
    assert any("that of all rows may be larger" in note for note in hpo.write_report(result).notes)
    whole = hpo.tune((X, y), **asked, scoring_rows=4000, **place)
    assert not any("may be larger" in note for note in hpo.write_report(whole).notes)
    assert result.best_value == pytest.approx(whole.best_value, rel=0.15), "extremes are kept"


@pytest.mark.parametrize("tail", [2.5, 5.0, 50.0])
def test_the_largest_error_says_how_much_larger_that_of_all_rows_may_be(tail):
    """Errors of light and of heavy tails, ten draws each: the truth is within three times the reported error."""
    asked = {"algorithm": "ridge", "folds": 2, "trials": 1, "scoring": "neg_max_error", "store": None}
    search, off, reported = {"ridge.alpha": 1e-6, "ridge.standardize": True}, [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(6000, 2))
        y = 50.0 * X[:, 0] + rng.standard_t(tail, size=6000)
        every, some = (hpo.tune((X, y), **asked, search=search, scoring_rows=m) for m in (6000, 300))
        off.append(some.best_value - every.best_value)
        reported.append(hpo.accuracy(some).sampling)
        assert hpo.accuracy(every).sampling in (None, 0.0)
    off, reported = np.array(off), np.array(reported)
    assert (off >= -1e-9).all()
    assert np.count_nonzero(off > 3.0 * reported) <= 1
    assert np.median(reported) < 10.0 * np.median(off)


def test_the_largest_error_of_rows_that_are_answered_alike_may_be_no_larger():
    assert largest.excess(np.ones(50), np.full(50, 4.0), 150) == (0.0, 0.0)
    assert np.isnan(largest.excess(np.arange(5.0), np.full(5, 4.0), 15)).all()


def test_a_biased_score_says_by_how_much_and_to_which_side(place):
    frame = rare(40_000).assign(t=lambda f: np.where(f["a"] + 0.5 * f["b"] > 2.8, "yes", "no"))
    asked = {
        "scoring": "average_precision",
        "folds": 5,
        "trials": 1,
        "search": {"gaussian_nb.var_smoothing": 0.3},
    }
    few, every = (
        hpo.tune(frame, "t", "gaussian_nb", scoring_rows=n, **asked, **place) for n in (250, 40_000)
    )
    found = hpo.accuracy(few)
    assert hpo.accuracy(every).words(0.5) == "exact"
    if found.bias:
        assert np.sign(found.bias) == np.sign(few.best_value - every.best_value)
        assert any("is too " in note for note in hpo.write_report(few).notes)
    assert abs(few.best_value - every.best_value) < 4 * np.hypot(found.sampling, found.bias or 0.0)


def test_records_of_before_say_nothing():
    assert recorded_accuracy(StudyRecord({}), TrialNote(states="x"), "r2") is None


@pytest.mark.parametrize("name", registry.names())
def test_every_algorithm_says_what_its_scores_are(name, place):
    from test_every_algorithm import asked_of, data_for

    frame, target = data_for(name)
    result = hpo.tune(frame, target, name, trials=2, folds=3, **asked_of(name), **place)
    found = hpo.accuracy(result)
    assert found.model in ("exact", "sample", "approximate", "ordered")
    assert (found.model == "exact") == (found.words(1.0) == "exact")
    assert result.trials_dataframe()["accuracy"].notna().all()


def test_the_error_of_average_precision_allows_for_rows_that_rank_first_and_are_in_no_sample(tmp_path):
    """Where positives are few and hard to tell, one that all sampled rows rank below counts as found at once."""
    asked = {"algorithm": "gaussian_nb", "search": {"gaussian_nb.var_smoothing": 1e-9}, "trials": 1, "folds": 3}
    off, reported, groups = [], [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X = rng.standard_t(3, size=(6000, 3))
        y = np.where(rng.random(6000) < 0.004 * np.exp(np.clip(np.abs(X[:, 0]) - 1, -1, 1)), "yes", "no")
        frame = pd.DataFrame(X, columns=list("abc")).assign(t=y)
        every, some = (
            hpo.tune(frame, "t", **asked, scoring="average_precision", scoring_rows=m, store=tmp_path, seed=seed)
            for m in (6000, 300)
        )
        off.append(abs(some.best_value - every.best_value))
        reported.append(hpo.accuracy(some).sampling)
        splits = list(sampling_error._splits(some.best))
        groups.append(np.sqrt(np.mean([sampling_error._jackknife(s, "average_precision")[0] for s in splits]) / 3))
    off, reported, groups = np.array(off), np.array(reported), np.array(groups)
    assert np.count_nonzero(off > 3.0 * reported) <= 1, "of ten"
    assert (off <= 5.0 * reported).all()
    assert (off > 10.0 * groups).any(), "groups that are left out in turn do not show it"
    assert np.median(reported) < 3.0 * np.median(off)


@pytest.mark.parametrize("scoring", ["accuracy", "f1", "recall", "balanced_accuracy", "roc_auc", "neg_log_loss"])
def test_where_no_sampled_row_is_wrong_the_error_is_not_zero(scoring):
    """A few of 12,000 labels are wrong, of which most samples hold none: the truth is within three times the error."""
    asked = {"algorithm": "gaussian_nb", "search": {"gaussian_nb.var_smoothing": 1e-9}, "trials": 1, "store": None}
    off, reported = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(12_000, 2))
        X[:, 0] += np.sign(X[:, 0])
        wrong = rng.choice(12_000, 10, replace=False)
        y = np.where((X[:, 0] > 0) ^ np.isin(np.arange(12_000), wrong), "b", "a")
        frame = pd.DataFrame(X, columns=["u", "v"]).assign(t=y)
        every, some = (
            hpo.tune(frame, "t", folds=3, scoring=scoring, scoring_rows=m, **asked) for m in (12_000, 200)
        )
        off.append(abs(some.best_value - every.best_value))
        reported.append(hpo.accuracy(some).sampling)
    off, reported = np.array(off), np.array(reported)
    assert (reported > 0.0).all()
    assert np.count_nonzero(off > 3.0 * reported) <= 1
    if scoring != "neg_log_loss":  # whose rows have no largest error
        assert np.median(reported) < 5.0 * np.median(off) + 1.0 / 200


def test_a_median_that_many_rows_share_has_an_error_all_the_same():
    """Half of the errors are zero, as of whole numbers that are predicted: which half the sample holds decides."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 50, size=(9000, 1)).astype(float)
    y = X[:, 0] + np.where(rng.random(9000) < 0.51, 0.0, rng.choice([-3.0, 3.0], 9000))
    search = {"ridge.alpha": 1e-9, "ridge.standardize": True}
    asked = {"search": search, "trials": 1, "folds": 3, "scoring": "neg_median_absolute_error", "store": None}
    every, some = (hpo.tune((X, y), algorithm="ridge", scoring_rows=m, **asked) for m in (9000, 200))
    assert abs(some.best_value - every.best_value) <= 3.0 * hpo.accuracy(some).sampling
    assert hpo.accuracy(some).sampling > 0.0
