"""One fit answers every number of trees: scores equal refits, fits are counted, a trial takes the best value."""

from __future__ import annotations

import importlib.util
from typing import ClassVar

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from sklearn import ensemble
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import BaggingRegressor, GradientBoostingRegressor, RandomForestClassifier
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.families import prefix_axes
from algorithms.families.foreign import Foreign, of_object
from algorithms.families.prefix_axes import AXES, PrefixAxis, first_of
from hpo.trials.prefixes import values_of

VALUES = [2, 5, 9, 14]


def _made(path):
    package, _, name = path.partition(".")
    if package == "sklearn":
        return getattr(ensemble, name)()
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    return getattr(importlib.import_module(package), name)(verbose=-1, min_child_samples=5)


def _data(model, classes=2):
    if not is_classifier(model):
        return load_diabetes(return_X_y=True)
    return (load_breast_cancer if classes == 2 else load_wine)(return_X_y=True)


def _folds(model, X, y):
    split = StratifiedKFold if is_classifier(model) else KFold
    return list(split(3, shuffle=True, random_state=0).split(X, y))


@pytest.fixture
def fits(monkeypatch):
    """What every model was fitted with, of every fit."""
    counted = []
    solve = Foreign.solve

    def counting(self, state):
        counted.append(dict(self.values))
        return solve(self, state)

    monkeypatch.setattr(Foreign, "solve", counting)
    return counted


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("path", sorted(AXES))
def test_the_scores_along_the_axis_are_those_of_refits(path, classes, fits):
    model = _made(path)
    if classes == 3 and not is_classifier(model):
        pytest.skip("a regression has no classes")
    X, y = _data(model, classes)
    cv, axis = _folds(model, X, y), AXES[path].parameter
    metric = "neg_log_loss" if is_classifier(model) else "neg_mean_squared_error"
    key = f"{type(model).__name__}.{axis}"
    result = hpo.tune((X, y), algorithm=model, search={key: VALUES}, folds=cv, trials=1, scoring=metric,
                      sampler="random", store=None, seed=0)  # fmt: skip
    assert len(fits) == len(cv), "one fit a fold"
    assert {one[axis] for one in fits} == {max(VALUES)}
    refits = {}
    for value in VALUES:
        alone = hpo.tune((X, y), algorithm=model, search={key: value}, folds=cv, trials=1, scoring=metric, store=None)
        refits[value] = alone.optuna_study.trials[0].value
    assert len(fits) == len(cv) * (1 + len(VALUES))
    trial = result.optuna_study.trials[0]
    assert [value for value, _, _ in trial.user_attrs["prefixes"]] == VALUES
    np.testing.assert_allclose([mean for _, mean, _ in trial.user_attrs["prefixes"]], list(refits.values()), rtol=1e-12)
    assert result.best_params[key] == max(refits, key=refits.get)
    np.testing.assert_allclose(trial.value, max(refits.values()), rtol=1e-12)
    assert result.cost.fits_saved == len(cv) * (len(VALUES) - 1)


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_the_scores_along_the_axis_are_those_of_cross_val_score(classes):
    kind = ensemble.HistGradientBoostingClassifier if classes else ensemble.HistGradientBoostingRegressor
    X, y = _data(kind(), classes)
    cv, key = _folds(kind(), X, y), f"{kind.__name__}.max_iter"
    result = hpo.tune((X, y), algorithm=kind(), search={key: VALUES}, folds=cv, trials=1, sampler="random", store=None,
                      scoring="neg_log_loss" if classes else "r2")  # fmt: skip
    for value, mean, _ in result.optuna_study.trials[0].user_attrs["prefixes"]:
        twin = kind(max_iter=value, random_state=0)
        expected = cross_val_score(twin, X, y, cv=cv, scoring="neg_log_loss" if classes else "r2")
        np.testing.assert_allclose(mean, expected.mean(), rtol=1e-6)


def test_a_trial_fits_once_a_fold_whatever_the_number_of_values(fits, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    search = {
        "GradientBoostingRegressor.n_estimators": [5, 60],
        "GradientBoostingRegressor.learning_rate": hpo.Float(0.02, 0.5, log=True),
    }
    result = hpo.tune((X, y), algorithm=GradientBoostingRegressor(), search=search, folds=4, trials=5, store=None,
                      seed=0)  # fmt: skip
    assert len(fits) == 4 * 5
    assert result.cost.fits_saved == 4 * 5
    hpo.write_report(result, tmp_path / "report.html")
    assert "One fit answered every number of trees: 20 fits were saved." in (tmp_path / "report.html").read_text()
    for trial in result.optuna_study.trials:
        curve = {value: mean for value, mean, _ in trial.user_attrs["prefixes"]}
        assert trial.value == max(curve.values()) == curve[trial.params["GradientBoostingRegressor.n_estimators"]]


def test_a_grid_keeps_every_cell_and_fits_once_for_each_row_of_it(fits):
    X, y = load_wine(return_X_y=True)
    search = {"RandomForestClassifier.n_estimators": VALUES, "RandomForestClassifier.max_depth": [1, 3]}
    result = hpo.tune((X, y), algorithm=RandomForestClassifier(), search=search, folds=3, trials=8, sampler="grid",
                      store=None)  # fmt: skip
    assert len(fits) == 2 * 3
    asked = {tuple(sorted(trial.params.items())) for trial in result.optuna_study.trials}
    assert len(asked) == 8 == len(result.candidates)


def test_halving_samples_the_value_and_fits_each_for_itself(fits):
    X, y = load_diabetes(return_X_y=True)
    search = {"RandomForestRegressor.n_estimators": VALUES}
    result = hpo.tune((X, y), algorithm=ensemble.RandomForestRegressor(), search=search, folds=3, trials=4, store=None,
                      fidelity="halving", sampler="random", seed=0)  # fmt: skip
    assert len({one["n_estimators"] for one in fits}) > 1
    assert result.cost.fits_saved == 0


def test_a_study_goes_on_with_the_values_that_it_solved(tmp_path, fits):
    X, y = load_diabetes(return_X_y=True)
    key = "GradientBoostingRegressor.n_estimators"
    search = {key: VALUES, "GradientBoostingRegressor.learning_rate": hpo.Float(0.05, 0.5)}
    how = {"search": search, "folds": 3, "name": "trees", "storage": tmp_path / "j", "store": tmp_path / "s"}
    first = hpo.tune((X, y), algorithm=GradientBoostingRegressor(), trials=2, **how)
    longer = hpo.tune((X, y), algorithm=GradientBoostingRegressor(), trials=4, **how)
    kept = [trial.params for trial in first.optuna_study.trials]
    assert [trial.params for trial in longer.optuna_study.trials][:2] == kept
    again = hpo.load("trees", storage=tmp_path / "j", store=tmp_path / "s")
    assert again.best_params == longer.best_params
    assert len(again.best_model[-1].estimators_) == longer.best_params[key]


def test_one_value_is_fitted_as_ever(fits):
    X, y = load_diabetes(return_X_y=True)
    search = {
        "GradientBoostingRegressor.n_estimators": 7,
        "GradientBoostingRegressor.learning_rate": [0.1, 0.3],
    }
    result = hpo.tune((X, y), algorithm=GradientBoostingRegressor(), search=search, folds=3, trials=2, sampler="grid",
                      store=None)  # fmt: skip
    assert len(fits) == 2 * 3
    assert {one["n_estimators"] for one in fits} == {7}
    assert result.cost.fits_saved == 0


def test_the_last_step_of_a_pipeline_has_the_axis_too(fits):
    X, y = load_diabetes(return_X_y=True)
    cv = list(KFold(3, shuffle=True, random_state=0).split(X))
    model = make_pipeline(StandardScaler(), BaggingRegressor(max_features=0.5, n_jobs=2, random_state=3))
    key = "Pipeline.baggingregressor__n_estimators"
    result = hpo.tune((X, y), algorithm=model, search={key: VALUES}, folds=cv, trials=1, sampler="random", store=None)
    assert len(fits) == 3
    for value, mean, _ in result.optuna_study.trials[0].user_attrs["prefixes"]:
        alone = hpo.tune((X, y), algorithm=model, search={key: value}, folds=cv, trials=1, store=None)
        np.testing.assert_allclose(mean, alone.optuna_study.trials[0].value, rtol=1e-12)


def test_where_smaller_ones_are_not_inside_every_value_is_fitted():
    assert of_object(RandomForestClassifier(oob_score=True))().prefixed is None
    lightgbm = pytest.importorskip("lightgbm")
    assert of_object(lightgbm.LGBMRegressor(boosting_type="dart"))().prefixed is None
    assert of_object(lightgbm.LGBMRegressor())().prefixed is not None


class Forest(ensemble.RandomForestRegressor):
    """A subclass, which may grow its trees in another way."""

    made: ClassVar[int] = 0


def test_another_estimator_gets_an_axis_by_one_line(monkeypatch):
    assert of_object(Forest())().prefixed is None
    name = f"{Forest.__module__.partition('.')[0]}.Forest"
    monkeypatch.setitem(prefix_axes.AXES, name, PrefixAxis("n_estimators", first_of("estimators_")))
    algorithm = of_object(Forest())()
    assert algorithm.prefixed is algorithm
    assert algorithm.axis == "n_estimators"


def test_a_smaller_model_leaves_the_larger_as_it_is():
    X, y = load_diabetes(return_X_y=True)
    model = GradientBoostingRegressor(n_estimators=9, random_state=0).fit(X, y)
    before = model.predict(X)
    AXES["sklearn.GradientBoostingRegressor"].first(model, 3)
    assert (len(model.estimators_), model.n_estimators) == (9, 9)
    np.testing.assert_array_equal(model.predict(X), before)


def test_values_of_a_range_are_at_most_twenty_with_both_ends():
    found = values_of(IntDistribution(50, 1000, step=10))
    assert (found[0], found[-1], len(found)) == (50, 1000, 20)
    assert all(value % 10 == 0 for value in found)
    assert values_of(IntDistribution(1, 1024, log=True))[:4] == (1, 2, 3, 4)
    assert values_of(CategoricalDistribution([None, 10])) == ()
    assert values_of(FloatDistribution(1.0, 2.0)) == ()
    assert values_of(None) == ()
