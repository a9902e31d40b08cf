"""The loop on known states: resumed answers and patience, warm starts, failures, and what is recorded."""

from __future__ import annotations

import numpy as np
import optuna
import pandas as pd
import pytest

import hpo
from algorithms.errors import AlgorithmError
from algorithms.models.lasso import Lasso
from algorithms.models.ridge import Ridge
from studies.record.storage import open_storage

ALPHAS = {"ridge.alpha": [0.1, 1.0, 10.0, 100.0], "ridge.standardize": True}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    return pd.DataFrame(X, columns=list("abc")).assign(y=X @ [1.0, 2.0, 0.0] + rng.normal(size=200))


def tune(frame, trials, **options):
    return hpo.tune(frame, "y", **{"algorithm": "ridge", **options}, trials=trials)


def trials(result):
    return result.optuna_study.get_trials(deepcopy=False)


def test_a_resumed_study_answers_its_own_settings_from_the_record(frame):
    options = {"name": "own", "search": ALPHAS, "sampler": "random"}
    first = tune(frame, 20, **options)
    assert len({t.params["ridge.alpha"] for t in trials(first)}) == 4
    again = tune(frame, 30, **options)
    assert len(trials(again)) == 30
    assert again.run.tuner.scorer.fits == 0
    assert all("duplicate_of" in t.user_attrs for t in trials(again)[20:])
    assert again.cost.rows_if_retrained == 4 * 5 * 200 + 200


def test_duplicates_name_the_first_of_their_setting_and_fit_nothing(frame):
    result = tune(frame, 20, search=ALPHAS, sampler="random")
    firsts = {}
    for trial in trials(result):
        first = firsts.setdefault(trial.params["ridge.alpha"], trial)
        assert trial.user_attrs.get("duplicate_of", trial.number) == first.number
        assert trial.user_attrs["fold_scores"] == first.user_attrs["fold_scores"]
    assert result.run.tuner.scorer.fits == 4 * 5


def test_patience_counts_trials_without_improvement_those_before_a_resume_too(frame):
    def run(n, name, patience):
        return tune(frame, n, name=name, search={"ridge.alpha": [3.0], "ridge.standardize": True}, sampler="random",
                    patience=patience)  # fmt: skip

    assert len(trials(run(50, "plain", 4))) == 1 + 4
    assert len(trials(run(3, "cut", 4))) == 3
    resumed = run(50, "cut", 4)
    assert (len(trials(resumed)), resumed.stopped) == (1 + 4, "patience")


def test_the_timeout_of_nothing_runs_nothing(frame):
    result = tune(frame, 50, timeout=1e-9)
    assert (result.stopped, trials(result)) == ("timeout", [])
    with pytest.raises(hpo.errors.TuneError, match="no trial has a score yet"):
        _ = result.best


def test_a_setting_that_cannot_be_solved_fails_with_its_reason_and_the_study_goes_on(frame, monkeypatch):
    solve = Ridge.solve

    def sometimes(self, state):
        if self.alpha == 10.0:
            raise AlgorithmError("ten is too much")
        return solve(self, state)

    monkeypatch.setattr(Ridge, "solve", sometimes)
    result = tune(frame, 8, name="ten", search=ALPHAS, sampler="grid")
    [failed] = [t for t in trials(result) if t.state.name == "FAIL"]
    assert failed.user_attrs["error"] == "ten is too much"
    assert "fold_scores" not in failed.user_attrs
    assert len(trials(result)) == 4
    assert result.best_params["ridge.alpha"] != 10.0
    report = hpo.write_report(result)
    assert any("1 setting could not be scored" in note for note in report.notes)
    assert [curve.x for curve in report.validation] == [[0.1, 1.0, 100.0]]
    monkeypatch.undo()
    tune(frame, 4, name="all", search=ALPHAS, sampler="grid")
    monkeypatch.setattr(Ridge, "solve", sometimes)
    warm = tune(frame.iloc[:150], 1, name="warm", search=ALPHAS, sampler="grid", warm_start="all")
    taken = [t for t in trials(warm) if "warm_start" in t.user_attrs]
    assert {t.params["ridge.alpha"]: t.user_attrs.get("error") for t in taken if t.state.name == "FAIL"} == {
        10.0: "ten is too much"
    }
    assert len(taken) == 4


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), None])
def test_a_setting_without_a_score_on_some_fold_fails(frame, monkeypatch, value):
    score, calls = Ridge.score, []

    def once(self, solution, held_out, metric):
        if self.alpha != 10.0:
            return score(self, solution, held_out, metric)
        calls.append(1)
        return value if len(calls) == 2 and value is not None else float("nan") if value is None else 0.5

    monkeypatch.setattr(Ridge, "score", once)
    result = tune(frame, 4, search=ALPHAS, sampler="grid")
    assert [t.params["ridge.alpha"] for t in trials(result) if t.state.name == "FAIL"] == [10.0]


def test_a_solver_that_did_not_converge_is_noted(frame, monkeypatch):
    monkeypatch.setattr("algorithms.models.elastic_net.finish", lambda *args, **kwargs: None)  # it ends the descent
    few = tune(frame, 2, algorithm="lasso", search={"lasso.alpha": [1e-3, 10.0], "lasso.max_iter": 1, "lasso.tol": 1e-7,
                                                    "lasso.standardize": True})  # fmt: skip
    marked = {t.params["lasso.alpha"]: t.user_attrs.get("converged", True) for t in trials(few)}
    assert marked == {1e-3: False, 10.0: True}
    assert {c.algorithm.alpha: c.scores.converged for c in few.candidates} == marked
    assert any("In 1 trial a solver reached max_iter" in note for note in hpo.write_report(few).notes)
    assert Lasso(alpha=1e-3).max_iter == 1000


def test_trials_name_the_states_that_answered_them(frame):
    result = tune(frame, 20, search=ALPHAS | {"ridge.precision": ["auto", "double"]}, sampler="random")
    contexts = {s.precision: context for s, context in result.run.evidence.contexts.items()}
    assert {t.params["ridge.precision"]: t.user_attrs["states"] for t in trials(result)} == contexts
    assert all(t.user_attrs["std_error"] == pytest.approx(np.std(t.user_attrs["fold_scores"], ddof=1) / 5**0.5)
               for t in trials(result))  # fmt: skip


def test_warm_trials_come_on_top_of_those_asked_for_also_after_a_resume(frame):
    tune(frame, 6, name="before", search=ALPHAS, sampler="random")
    warm = {"name": "after", "search": ALPHAS, "sampler": "random", "warm_start": "before"}
    after = tune(frame.iloc[:150], 5, **warm)
    assert len(trials(after)) == 6 + 5
    assert len(trials(tune(frame.iloc[:150], 9, **warm))) == 6 + 9
    assert sum("warm_start" in t.user_attrs for t in trials(after)) == 6
    known = {t.params["ridge.alpha"] for t in trials(after)[:6]}
    assert all("duplicate_of" in t.user_attrs for t in trials(after)[6:] if t.params["ridge.alpha"] in known)


def test_a_warm_start_leaves_out_what_lies_outside_or_failed(frame, hpo_home):
    tune(frame, 4, name="wide", search=ALPHAS, sampler="grid")
    storage = open_storage(hpo_home / "studies.journal")
    study = optuna.load_study(study_name="wide", storage=storage)
    space = {"ridge.alpha": optuna.distributions.CategoricalDistribution([0.1, 1.0, 10.0, 100.0])}
    study.add_trial(optuna.create_trial(state=optuna.trial.TrialState.FAIL, params={"ridge.alpha": 1.0}, distributions=space))
    narrow = {"ridge.alpha": hpo.Float(0.5, 20.0), "ridge.standardize": True}
    result = tune(frame.iloc[:150], 1, name="narrow", search=narrow, warm_start="wide")
    taken = [t.params["ridge.alpha"] for t in trials(result) if "warm_start" in t.user_attrs]
    assert sorted(taken) == [1.0, 10.0]


def test_every_split_needs_rows_to_test_on(frame):
    gap = frame.assign(y=np.where(np.arange(200) >= 150, np.nan, frame["y"]))
    cv = [(np.arange(100), np.arange(100, 150)), (np.arange(100), np.arange(150, 200))]
    with pytest.raises(hpo.errors.DataError, match="split 2 of 2 has no rows to test on"):
        hpo.tune(gap, "y", folds=cv, trials=1)
    with pytest.raises(hpo.errors.DataError, match="split 2 of 2 has no rows to train on"):
        hpo.tune(gap, "y", folds=[cv[0], cv[1][::-1]], trials=1)


@pytest.mark.parametrize(("kinds", "words"), [(4, "'shop' has 4 groups; 6 folds need as many: use n_splits=4"), (1, "1 group; use another")])
def test_folds_of_more_than_there_are_groups_say_how_many_there_are(frame, kinds, words):
    grouped = frame.assign(shop=np.arange(200) % kinds)
    with pytest.raises(hpo.errors.DataError, match=words):
        hpo.tune(grouped, "y", folds={"scheme": "group", "column": "shop", "n_splits": 6}, trials=1)
