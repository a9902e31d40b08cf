"""A report takes about as long as the trials did: what would take longer is left out, by the record, and said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from optuna.distributions import IntDistribution
from sklearn.datasets import load_wine

import hpo
from algorithms.models.isolation_forest import IsolationForest
from hpo.report.time_budget import FEWEST, FREE, POINTS, Along, affordable, time_budget_of
from hpo.trials import notes

CURVES = ["isolation_forest.max_features", "isolation_forest.max_samples", "isolation_forest.n_estimators"]


def rows():
    X, y = load_wine(return_X_y=True)
    return pd.DataFrame(X).add_prefix("x").assign(k=np.where(y == 2, "odd", "usual"))


def tune(algorithm="isolation_forest", trials=8, store=None, **options):
    small = {"isolation_forest.n_estimators": IntDistribution(2, 40)}
    asked = {"search": small, **options} if algorithm == "isolation_forest" else options
    return hpo.tune(rows(), target="k", algorithm=algorithm, trials=trials, store=store, **asked)


def noting(result, seconds):
    """The study as if each of its trials had taken so long."""
    for trial in result.optuna_study.get_trials(deepcopy=False):
        trial.user_attrs["seconds"] = seconds
    notes._NOTED.pop(result.optuna_study, None)
    return result


@pytest.fixture
def grown(monkeypatch):
    """Numbers of forests that were grown."""
    count, grow = [], IsolationForest._grow

    def counted(self, state):
        count.append(self)
        return grow(self, state)

    monkeypatch.setattr(IsolationForest, "_grow", counted)
    return count


def test_quick_trials_leave_nothing_out():
    data = hpo.write_report(noting(tune(trials=4), 1e-4))
    assert sorted(c.name for c in data.validation) == CURVES
    assert max(len(c.x) for c in data.validation) == POINTS + 1  # and the best trial
    assert data.nested is not None
    assert data.learning is not None
    assert not [n for n in data.notes if "kipped" in n or "eft out" in n or "points" in n]


def test_a_nested_estimate_of_many_settings_is_left_to_whoever_asks_for_it():
    result = noting(tune(trials=4, folds=3), 6.0)  # 24 s of trials, and as long for the estimate
    data = hpo.write_report(result)
    assert data.nested is None
    [words] = [n for n in data.notes if n.startswith("Skipped")]
    assert "and the nested estimate no longer than 20 s: the nested estimate (about 24 s; call hpo.nested_score(result))" in words


@pytest.mark.parametrize("trials", [2, 8, 30])
def test_a_report_of_slow_trials_fits_no_more_often_than_the_trials_did(trials, grown):
    """Trials of a minute each: the seconds that are free are nothing to them."""
    result = noting(tune(trials=trials, folds=3), 60.0)
    done = len(grown)
    assert done <= 3 * trials
    data = hpo.write_report(result)
    complexities = trials + 1  # of every setting, on all rows
    assert len(grown) - done <= done + complexities
    [left_out] = [n for n in data.notes if n.startswith("Skipped")]
    assert ("the nested estimate" in left_out) == (data.nested is None)
    missing = sorted(set(CURVES) - {c.name for c in data.validation})
    assert all(key in left_out for key in missing)
    assert ("learning curve" in left_out) == (data.learning is None)
    thinned = [n for n in data.notes if n.startswith("Curves reduced to")]
    for curve in data.validation:
        assert FEWEST <= len(curve.x) <= POINTS
        assert thinned or len(curve.x) == POINTS


def test_what_was_skipped_is_computed_when_asked_for():
    result = noting(tune(trials=3), 60.0)
    data = hpo.write_report(result)
    assert (data.nested, data.learning, data.validation) == (None, None, [])
    assert hpo.nested_score(result) is not None
    assert hpo.learning_curve(result) is not None
    assert len(hpo.validation_curve(result, "isolation_forest.max_features", points=9).x) == 9


def test_a_study_opened_again_has_the_same_report(tmp_path):
    where = {"storage": tmp_path / "journal.log", "name": "forest"}
    first = tune(trials=5, store=tmp_path / "store", **where)
    loaded = hpo.load("forest", storage=where["storage"], store=tmp_path / "store")
    assert time_budget_of(loaded) == time_budget_of(first)
    assert hpo.write_report(loaded).notes == hpo.write_report(first).notes


def test_estimators_that_are_fitted_anew_have_no_curves_and_the_report_says_so():
    search = {"DecisionTreeClassifier.max_depth": [1, 2, 3]}
    data = hpo.write_report(tune("sklearn:sklearn.tree.DecisionTreeClassifier", trials=3, search=search))
    assert not data.validation
    assert data.nested is None
    assert any("DecisionTreeClassifier, and the nested estimate, were left out" in n for n in data.notes)


def test_the_curves_of_the_most_important_hyperparameters_come_first(monkeypatch):
    result = tune(trials=20, folds=3)
    shares = {CURVES[1]: 0.9, CURVES[0]: 0.1}
    monkeypatch.setattr("hpo.report.time_budget.importances", lambda _: shares)
    budget = 20 * 60.0 + FREE
    points = time_budget_of(noting(result, 60.0)).points
    assert list(points) == [CURVES[1], CURVES[0], CURVES[2]][: len(points)]
    assert 60.0 * sum(points.values()) <= budget


def test_choices_are_never_thinned():
    some = [Along("a", 1.0, 3, thins=False), Along("b", 1.0, POINTS, thins=True)]
    kept, points = affordable(some, 12.0, POINTS)
    assert (len(kept), points) == (2, 9)
    assert affordable(some, 3.0, POINTS) == (some[:1], POINTS)
    assert affordable(some, 2.0, POINTS) == ([], 0)
