"""Along a prefix axis all folds stop growing together, and one standard error chooses fewer trees; rounds are counted."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from sklearn import ensemble
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

import hpo
from algorithms.families.grown import in_turn
from algorithms.families.prefix_axes import AXES
from hpo.errors import TuneError

VALUES = [3, 6, 9, 12, 15, 18, 21]
GROWN = sorted(path for path, axis in AXES.items() if axis.grown is not None)


def _made(path):
    package, _, name = path.partition(".")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    more = {
        "lightgbm": {"verbose": -1, "subsample": 0.6, "subsample_freq": 1, "colsample_bytree": 0.6},
        "xgboost": {"max_depth": 3, "subsample": 0.7, "learning_rate": 0.8},
        "sklearn": {"max_features": 0.5},
    }[package]
    found = (ensemble if package == "sklearn" else importlib.import_module(package)).__dict__[name](**more)
    if name.startswith(("Gradient", "Hist", "LGBM")):
        found.set_params(learning_rate=0.8)
    return found


def _tuned(model, **more):
    data = (load_breast_cancer if is_classifier(model) else load_diabetes)(return_X_y=True)
    axis = "max_iter" if hasattr(model, "max_iter") else "n_estimators"
    metric = "neg_log_loss" if is_classifier(model) else "neg_mean_squared_error"
    given = {"trials": 1, "folds": KFold(3, shuffle=True, random_state=0), "scoring": metric, "store": None, "seed": 0}
    return hpo.tune(data, algorithm=model, search={f"{type(model).__name__}.{axis}": VALUES}, **{**given, **more})


def _curve(result):
    return result.optuna_study.trials[0].user_attrs["prefixes"]


def _stop(curve, rounds):
    """Where early stopping ends a curve: so many rounds after its best so far."""
    for i, (value, _, _) in enumerate(curve):
        seen = curve[: i + 1]
        if value - max(seen, key=lambda one: one[1])[0] >= rounds:
            return seen
    return curve


@pytest.mark.parametrize("path", GROWN)
def test_a_curve_that_stops_is_the_beginning_of_the_whole_one(path):
    whole, stopped = (_tuned(_made(path), **more) for more in ({}, {"early_stopping_rounds": 3}))
    expected = _stop(_curve(whole), 3)
    assert [one[0] for one in _curve(stopped)] == [one[0] for one in expected]
    np.testing.assert_allclose(_curve(stopped), expected, rtol=1e-12)
    assert stopped.cost.rounds_saved == 3 * (VALUES[-1] - expected[-1][0])
    assert whole.cost.rounds_saved == 0


def test_trees_that_nobody_asks_for_are_not_grown(monkeypatch):
    grown = []
    fit = ensemble.GradientBoostingRegressor._fit_stage
    monkeypatch.setattr(
        ensemble.GradientBoostingRegressor, "_fit_stage", lambda self, *a, **k: grown.append(1) or fit(self, *a, **k)
    )
    result = _tuned(ensemble.GradientBoostingRegressor(learning_rate=1.0), early_stopping_rounds=3)
    last, best = _curve(result)[-1][0], result.best_params["GradientBoostingRegressor.n_estimators"]
    assert last < VALUES[-1]
    assert len(grown) == 3 * last, "folds alone grow, and stop together"
    assert len(result.best_model[-1].estimators_) == best == last - 3
    assert result.cost.rounds_saved == 3 * (VALUES[-1] - last)


def test_what_stops_by_itself_and_what_has_no_warm_start_grows_whole_and_is_chosen_alike():
    for model in (
        ensemble.AdaBoostRegressor(),
        ensemble.HistGradientBoostingRegressor(early_stopping=True, learning_rate=0.8),
    ):
        whole, stopped = _tuned(model), _tuned(model, early_stopping_rounds=3)
        np.testing.assert_allclose(_curve(stopped), _stop(_curve(whole), 3), rtol=1e-12)
        assert stopped.cost.rounds_saved == 0


def test_one_standard_error_takes_the_fewest_trees_within_it():
    model = ensemble.GradientBoostingRegressor(learning_rate=0.3, random_state=0)
    best, fewer = _tuned(model), _tuned(model, one_std_err=True)
    X, y = load_diabetes(return_X_y=True)
    scores = {}
    for value in VALUES:
        model.set_params(n_estimators=value)
        folds = KFold(3, shuffle=True, random_state=0)
        scores[value] = cross_val_score(model, X, y, cv=folds, scoring="neg_mean_squared_error")
    top = max(VALUES, key=lambda value: scores[value].mean())
    least = scores[top].mean() - scores[top].std(ddof=1) / np.sqrt(3)
    expected = next(value for value in VALUES if scores[value].mean() >= least)
    key = "GradientBoostingRegressor.n_estimators"
    assert (best.best_params[key], fewer.best_params[key]) == (top, expected)
    assert expected < top
    np.testing.assert_allclose(fewer.optuna_study.trials[0].value, scores[expected].mean(), rtol=1e-9)


def test_a_pipeline_grows_its_last_step():
    model = make_pipeline(StandardScaler(), ensemble.GradientBoostingRegressor(learning_rate=1.0))
    given = {"search": {"Pipeline.gradientboostingregressor__n_estimators": VALUES}, "folds": 3, "trials": 1,
             "store": None, "seed": 0}  # fmt: skip
    data = load_diabetes(return_X_y=True)
    whole, stopped = (hpo.tune(data, algorithm=model, **given, **more) for more in ({}, {"early_stopping_rounds": 6}))
    np.testing.assert_allclose(_curve(stopped), _stop(_curve(whole), 6), rtol=1e-12)
    assert stopped.cost.rounds_saved


def test_a_fit_that_fails_in_its_thread_fails_its_trial():
    def fails(tell):
        tell("a")
        raise ValueError("no more")

    found = in_turn(fails)
    assert next(found) == "a"
    with pytest.raises(ValueError, match="no more"):
        next(found)


@pytest.mark.parametrize("asked", [{"early_stopping_rounds": 5}, {"one_std_err": True}])
def test_where_no_number_of_trees_is_chosen_it_is_refused(asked):
    data, model = load_diabetes(return_X_y=True), ensemble.GradientBoostingRegressor()
    name = next(iter(asked))
    with pytest.raises(TuneError, match=f"{name}=.*none of ridge is searched"):
        hpo.tune(data, algorithm="ridge", store=None, **asked)
    with pytest.raises(TuneError, match=f"{name}=.*sampler='grid' keeps every value"):
        _tuned(model, sampler="grid", **asked)


def test_early_stopping_along_a_pruning_is_refused():
    data, name = load_diabetes(return_X_y=True), "DecisionTreeRegressor"
    how = {"algorithm": DecisionTreeRegressor(), "trials": 1, "store": None, "search": {f"{name}.ccp_alpha": [0.0, 9.0]}}
    with pytest.raises(TuneError, match=f"early_stopping_rounds=5 stops trees.*{name}.ccp_alpha adds none.*leave"):
        hpo.tune(data, early_stopping_rounds=5, one_std_err=True, **how)
    assert hpo.tune(data, one_std_err=True, **how).best_params
