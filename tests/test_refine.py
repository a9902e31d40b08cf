"""With ``refine`` the best settings along the curves of the best trials are trials, once the search has ended."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neighbors import KNeighborsRegressor

import hpo
from hpo.trials.along_curves import AlongCurves, worth
from hpo.trials.recorder import Recorder

X, y = load_diabetes(return_X_y=True)
FEW = {"trials": 4, "folds": KFold(3, shuffle=True, random_state=0), "seed": 0, "progress": False, "store": None}
PLAIN = {"ridge.standardize": False}


def step(result):
    [found] = [one for one in result.run.after if isinstance(one, AlongCurves)]
    return found


def tried(result):
    return [(t.params, t.value, t.user_attrs.get("refines")) for t in result.optuna_study.trials]


def test_a_better_point_of_a_curve_is_the_best_trial_and_has_scikit_learns_score():
    plain = hpo.tune((X, y), search=PLAIN, **FEW)
    curve = hpo.validation_curve(plain, "ridge.alpha")
    assert max(curve.mean) > worth(plain.best.scores)
    refined = hpo.tune((X, y), search=PLAIN, refine=1, **FEW)
    assert tried(refined)[:4] == tried(plain)
    [(params, value, of)] = tried(refined)[4:]
    assert (refined.best.number, of, params) == (4, plain.best.number, {k: v for k, v in refined.best_params.items() if k not in PLAIN})
    assert params["ridge.alpha"] == curve.x[int(np.argmax(curve.mean))]
    theirs = cross_val_score(Ridge(params["ridge.alpha"]), X, y, cv=FEW["folds"])
    assert value == pytest.approx(theirs.mean(), rel=1e-8)
    assert any("After the search refine= added 1 trial, from trial 4 on: the best settings along" in note for note in hpo.write_report(refined).notes)
    assert refined.cost.rows_if_retrained > plain.cost.rows_if_retrained
    assert refined.cost.rows_read == 0


def test_curves_are_those_of_all_algorithms_and_each_trial_is_better_than_the_last():
    one, other = (hpo.tune((X, y), algorithm=["ridge", "elastic_net"], refine=3, **FEW) for _ in range(2))
    assert tried(one) == tried(other)
    values = [value for _, value, of in tried(one) if of is not None]
    assert values == sorted(values) and values[0] > max(value for _, value, of in tried(one) if of is None)
    assert 1 <= len(values) <= 3 and one.best.number == 3 + len(values)
    assert step(one).scored > 25


def test_it_ends_where_no_point_is_better():
    result = hpo.tune((X, y), search={**PLAIN, "ridge.alpha": [0.01, 0.1, 1.0]}, refine=9, **{**FEW, "trials": 20})
    assert (step(result).added, step(result).scored, len(result.optuna_study.trials)) == ((), 0, 3)
    assert step(result).words.startswith("None of 0 settings along the curves")


def test_nothing_is_fitted_to_rows_for_it():
    how = {**FEW, "trials": 2, "search": {"KNeighborsRegressor.n_neighbors": [3, 5, 7, 9]}}
    plain, result = (hpo.tune((X, y), algorithm=KNeighborsRegressor(), refine=n, **how) for n in (0, 5))
    assert tried(result) == tried(plain)
    assert result.run.tuner.scorer.fits == plain.run.tuner.scorer.fits
    assert "refine) was left out: each of its settings would be fitted to rows anew" in step(result).words
    assert any("fitted to rows anew" in note for note in hpo.write_report(result).notes)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"sampler": "grid", "search": {**PLAIN, "ridge.alpha": [0.1, 1.0]}}, "a grid is tried as it was given"),
        ({"timeout": 1000}, "the time limit was used up"),
    ],
)
def test_it_is_left_out_and_says_why(given, why, monkeypatch):
    monkeypatch.setattr("hpo.trials.along_curves._seconds", lambda study: 1000.0)
    result = hpo.tune((X, y), refine=5, **{**FEW, "search": PLAIN, **given})
    assert (step(result).reason, step(result).scored) == (why, 0)


def test_it_is_left_out_where_others_run_the_study(monkeypatch):
    monkeypatch.setattr(Recorder, "shared", lambda self: self.study.set_user_attr("asked", True) or True)
    monkeypatch.setattr("hpo.trials.run._Running._whole", lambda self, tuner, recorder: tuner)
    result = hpo.tune((X, y), search=PLAIN, refine=5, **FEW)
    assert step(result).reason == "other processes ran trials of the study"
    assert len(result.optuna_study.trials) == 4


@pytest.mark.parametrize("storage", ["journal.log", "sqlite:///trials.db"])
def test_a_recorded_study_has_them_and_continues_beyond_them(storage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = {**FEW, "folds": 3, "name": "a", "storage": storage, "store": "store", "search": PLAIN, "refine": 2, "resume": True}
    first = hpo.tune((X, y), **kept)
    added = len(step(first).added)
    assert added
    loaded = hpo.load("a", storage=storage)
    assert (tried(loaded), loaded.best_params) == (tried(first), first.best_params)
    assert any("refine= added" in note for note in hpo.write_report(loaded).notes)
    assert tried(hpo.tune((X, y), **kept)) == tried(first)
    more = hpo.tune((X, y), **{**kept, "trials": 6})
    assert tried(more)[: 4 + added] == tried(first)
    assert sum(of is None for _, _, of in tried(more)) == 6
    assert sum(of is not None for _, _, of in tried(more)) <= 2


def test_an_edition_begins_with_them(tmp_path):
    kept = {**FEW, "folds": 3, "name": "a", "storage": tmp_path / "j.log", "store": tmp_path / "s", "search": PLAIN, "refine": 2}
    first = hpo.tune((X[:400], y[:400]), **kept)
    second = hpo.tune((X, y), **kept)
    assert first.best_params["ridge.alpha"] in [params["ridge.alpha"] for params, _, _ in tried(second)]
    assert second.best.scores.mean >= max(value for _, value, of in tried(second) if of is None)
