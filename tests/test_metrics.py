"""Several scores of every trial, one of them optimised or all together, computed by one model a fold."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import KFold, cross_validate
from sklearn.pipeline import Pipeline
from terminal import hpo as ask

import hpo
from algorithms.models.ridge import Ridge
from hpo.cli.run import result_values
from hpo.errors import TuneError
from hpo.trials.selection import objectives_of
from studies.errors import SamplerError, SpecError, StudyError, StudyTaken
from studies.report.data import ReportData
from studies.report.page import render_html, to_json

METRICS = ["r2", "neg_mean_absolute_error", "neg_root_mean_squared_error"]


@pytest.fixture
def rows():
    return load_diabetes(return_X_y=True)


@pytest.fixture
def place(tmp_path):
    return {"store": tmp_path / "store", "storage": tmp_path / "journal.log"}


def test_every_trial_keeps_every_score_and_the_named_one_is_optimised(rows, place):
    result = hpo.tune(
        rows, algorithm=["ridge", "lasso"], trials=12, scoring=METRICS, refit=METRICS[1], **place
    )
    assert result.record.metrics == (METRICS[1], METRICS[0], METRICS[2])
    assert result.record.objectives == (METRICS[1],)
    frame = result.trials_dataframe()
    assert frame["value"].tolist() == frame[f"mean_{METRICS[1]}"].tolist()
    assert result.best_value == frame[f"mean_{METRICS[1]}"].max()
    for name in METRICS:
        assert np.isfinite(frame[[f"mean_{name}", f"std_error_{name}"]].to_numpy()).all()
    assert result.cost.rows_read == len(rows[0])
    kept = result.optuna_study.trials[result.best.number].user_attrs["scores"]["r2"]
    assert np.mean(kept["fold_scores"]) == pytest.approx(kept["mean"], rel=1e-12)


def test_exact_scores_stay_exact_beside_sampled_ones_and_both_are_scikit_learns(rows, place):
    X, y = rows
    cv = KFold(4, shuffle=True, random_state=0)
    search = {"ridge.alpha": 2.0, "ridge.standardize": False}
    result = hpo.tune(rows, trials=1, folds=cv, scoring=METRICS, search=search, **place)
    from sklearn.linear_model import Ridge as SkRidge

    peer = cross_validate(SkRidge(alpha=2.0), X, y, cv=cv, scoring=METRICS)
    scores = result.best.scores
    assert scores.folds == pytest.approx(peer["test_r2"], rel=1e-9)
    for name in METRICS[1:]:
        assert scores.also[name].folds == pytest.approx(peer[f"test_{name}"], rel=1e-8), (
            "every held-out row sampled"
        )
    assert result.best.states.exact == {METRICS[0], METRICS[2]}


def test_exact_scores_do_not_depend_on_the_size_of_the_sample(rows, place):
    results = [hpo.tune(rows, trials=3, scoring=METRICS, scoring_rows=n, **place) for n in (10, 400)]
    few, many = ([c.scores for c in r.candidates] for r in results)
    assert [s.folds for s in few] == [s.folds for s in many]
    assert [s.also[METRICS[1]].folds for s in few] != [s.also[METRICS[1]].folds for s in many]


def test_one_model_a_fold_serves_all_scores(rows, place, monkeypatch):
    solved, built = [], []
    solve, estimator = Ridge.solve, Ridge.estimator
    monkeypatch.setattr(Ridge, "solve", lambda self, state: solved.append(1) or solve(self, state))
    monkeypatch.setattr(Ridge, "estimator", lambda self, s: built.append(1) or estimator(self, s))
    several = [*METRICS, "neg_median_absolute_error", "neg_max_error"]
    result = hpo.tune(rows, trials=5, folds=3, scoring=several, sampler="random", **place)
    assert len(result.candidates) == 5
    assert len(built) == 5 * 3
    assert len(solved) == 5 * 3 + 1, "the winner's of all rows is checked for its digits"


def test_a_further_score_that_cannot_be_computed_leaves_the_trial_its_others(place):
    X, y = load_wine(return_X_y=True)
    machine, scoring = (
        "sklearn:sklearn.svm.LinearSVC",
        ["accuracy", "neg_log_loss"],
    )  # it tells no probabilities
    result = hpo.tune((X, y), algorithm=machine, trials=4, folds=3, scoring=scoring, **place)
    assert np.isfinite(result.best_value)
    assert result.optuna_study.trials[result.best.number].user_attrs["scores"]["neg_log_loss"]["mean"] is None
    assert any("log-loss could not be computed" in note for note in hpo.write_report(result).notes)


def test_several_objectives_have_a_front_and_no_best(rows, place):
    asked = {
        "algorithm": ["ridge", "lasso"],
        "folds": 3,
        "scoring": METRICS[:2],
        "refit": False,
        "seed": 0,
        **place,
    }
    result = hpo.tune(rows, trials=40, sampler="random", name="two", **asked)
    assert result.record.objectives == tuple(METRICS[:2])
    points = [objectives_of(c, result.record.objectives) for c in result.candidates]
    front = {objectives_of(c, result.record.objectives) for c in result.pareto}
    naive = {p for p in points if not any(q != p and q[0] >= p[0] and q[1] >= p[1] for q in points)}
    assert front == naive
    assert len(front) > 1
    for asking in (
        lambda: result.best,
        lambda: result.best_model,
        lambda: result.simplest,
        lambda: result.best_params,
    ):
        with pytest.raises(TuneError, match=r"result\.pareto"):
            asking()
    chosen = result.pareto[0]
    assert isinstance(result.model_of(chosen), Pipeline)
    assert len(result.predict(rows[0], candidate=chosen)) == len(rows[0])

    loaded = hpo.load("two", **place)
    assert [c.number for c in loaded.pareto] == [c.number for c in result.pareto]
    with pytest.raises(StudyTaken, match="refit"):
        hpo.tune(rows, trials=40, sampler="random", name="two", **{**asked, "refit": None})
    again = hpo.tune(rows, trials=50, sampler="random", name="two", **asked)
    assert len(again.optuna_study.trials) == 50
    assert [t.values for t in again.optuna_study.trials][:40] == [
        t.values for t in result.optuna_study.trials
    ]


@pytest.mark.parametrize("sampler", ["auto", "tpe", "nsga2", "random", "qmc"])
def test_samplers_take_several_objectives(rows, place, sampler):
    asked = {"algorithm": ["ridge", "elastic_net"], "folds": 3, "scoring": METRICS[:2], "refit": False}
    one, two = (hpo.tune(rows, trials=45, sampler=sampler, seed=3, **asked, **place) for _ in range(2))
    assert [t.params for t in one.optuna_study.trials] == [t.params for t in two.optuna_study.trials]
    assert all(len(t.values) == 2 for t in one.optuna_study.trials)


def test_samplers_of_one_objective_say_so(rows, place):
    with pytest.raises(SamplerError, match=r"one objective.*'nsga2'"):
        hpo.tune(rows, scoring=METRICS[:2], refit=False, sampler="cmaes", **place)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scoring": ["r2", "neg_mean_absolute_erro"]}, "did you mean 'neg_mean_absolute_error'"),
        ({"scoring": ["r2", "r2"]}, "twice"),
        ({"scoring": []}, "empty list of metrics"),
        (
            {"scoring": ["r2", "neg_max_error"], "refit": "max_error"},
            "refit 'max_error' is not one of the metrics",
        ),
        ({"scoring": "r2", "refit": False}, "give 'scoring' a list"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(rows, place, given, message):
    with pytest.raises((SpecError, TuneError), match=message):
        hpo.tune(rows, trials=2, **given, **place)


def test_studies_of_several_objectives_are_not_compared(rows, place):
    from studies.record.compare import compare
    from studies.record.records import load_study
    from studies.record.storage import open_storage

    for name in ("a", "b"):
        hpo.tune(rows, trials=3, scoring=METRICS[:2], refit=False, name=name, **place)
    storage = open_storage(place["storage"])
    with pytest.raises(StudyError, match="several objectives"):
        compare([load_study(storage, name) for name in ("a", "b")])


def test_patience_counts_from_the_last_change_of_the_front(rows, place):
    asked = {
        "scoring": METRICS[:2],
        "refit": False,
        "sampler": "random",
        "search": {"ridge.alpha": [1.0, 2.0]},
    }
    result = hpo.tune(rows, trials=200, patience=10, **asked, **place)
    assert result.stopped == "patience"
    assert len(result.optuna_study.trials) < 60


def test_json_and_reports_hold_every_score(rows, place, tmp_path):
    one = hpo.tune(rows, algorithm=["ridge", "lasso"], trials=8, scoring=METRICS, **place)
    values = result_values(one)
    assert set(values["best"]["scores"]) == set(METRICS[1:])
    assert [row["algorithm"] for row in values["leaderboard"]] == hpo.leaderboard(one)["algorithm"].tolist()
    data = hpo.write_report(one, tmp_path / "one.html")
    assert ReportData.from_dict(json.loads(to_json(data))) == data
    page = (tmp_path / "one.html").read_text()
    assert "mean absolute error" in page.lower() or "MAE" in page

    two = hpo.tune(rows, algorithm=["ridge", "lasso"], trials=8, scoring=METRICS[:2], refit=False, **place)
    values = result_values(two)
    assert values["best"] is None
    assert len(values["pareto"]) == len(two.pareto)
    data = hpo.write_report(two)
    assert ReportData.from_dict(json.loads(to_json(data))) == data
    assert 'id="pareto"' in render_html(data)


def test_the_leaderboard_says_who_is_within_one_standard_error(rows, place):
    result = hpo.tune(rows, algorithm=["ridge", "lasso", "ols"], trials=24, **place)
    board = hpo.leaderboard(result)
    assert set(board["algorithm"]) == {"ridge", "lasso", "ols"}
    assert board["score"].is_monotonic_decreasing
    assert board["score"][0] == result.best_value
    near = board["score"] >= result.best_value - result.best.scores.se
    assert (board["within_one_se"] == near).all()
    assert board["trials"].sum() == 24
    assert board.loc[board["algorithm"] == "ols", "complexity"].item() == pytest.approx(11.0)


def test_the_command_line_runs_several_objectives_and_predicts_with_a_trial(
    rows, tmp_path, monkeypatch, capsys, hpo_home
):
    frame = pd.DataFrame(rows[0]).add_prefix("x").assign(y=rows[1])
    frame.to_parquet(tmp_path / "d.parquet")
    (tmp_path / "two.yaml").write_text(
        "data: d.parquet\ntarget: y\nalgorithm: [ridge, lasso]\nscoring: [r2, neg_mean_absolute_error]\n"
        "refit: false\ntrials: 12\nsampler: random\n"
    )
    monkeypatch.chdir(tmp_path)
    ran = ask(capsys, monkeypatch, "run", "two.yaml", "--no-progress", "--json")
    assert ran.code == 0, ran.err
    number = ran.json["pareto"][0]["trial"]
    for args in (
        ("studies", "ls"), ("studies", "show", "two"), ("report", "two"), ("plan", "two.yaml"),
        ("run", "two.yaml", "--resume", "--trials", 14, "--no-progress"),
    ):  # fmt: skip
        said = ask(capsys, monkeypatch, *args)
        assert said.code == 0, said.err
    assert "Pareto" in said.out
    refused = ask(capsys, monkeypatch, "predict", "two", "d.parquet", "-o", "p.csv")
    assert refused.code != 0
    assert "--trial" in refused.err
    answer = ask(capsys, monkeypatch, "predict", "two", "d.parquet", "-o", "p.csv", "--trial", number)
    assert answer.code == 0, answer.err
    assert len(pd.read_csv("p.csv")) == len(frame)


def test_a_model_predicts_once_for_all_scores_that_ask_the_same(place, monkeypatch):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    calls = []
    proba = LinearDiscriminantAnalysis.predict_proba
    monkeypatch.setattr(
        LinearDiscriminantAnalysis, "predict_proba", lambda self, X: calls.append(len(X)) or proba(self, X)
    )
    scoring = ["neg_log_loss", "roc_auc_ovr", "neg_brier_score"]
    hpo.tune(load_wine(return_X_y=True), algorithm="lda", trials=1, folds=3, scoring=scoring, **place)
    assert sum(calls) == 178, "each fold's rows once"
