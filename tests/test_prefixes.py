"""One fit answers every number of trees: scores equal refits, fits are counted, a trial takes the best value."""

from __future__ import annotations

import importlib.util
from typing import ClassVar

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import GridSampler, RandomSampler, TPESampler
from sklearn import ensemble, tree
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import BaggingRegressor, GradientBoostingRegressor, RandomForestClassifier
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeRegressor

import hpo
from algorithms.families import prefix_axes
from algorithms.families.estimators import of_object
from algorithms.families.foreign import Foreign
from algorithms.families.prefix_axes import AXES, PrefixAxis, first_of
from algorithms.scoring.blocks import METHODS
from hpo.cli.plan import _facts
from hpo.question.prefix_values import values_of
from hpo.report.collect import report_data

VALUES = [2, 5, 9, 14]
ALPHAS = [0.003, 0.01, 0.03, 0.1]


def _values(path):
    """The values of an axis, that of the smallest model first."""
    if not AXES[path].falling:
        return VALUES
    return [value * (1 if path.endswith("Classifier") else 1e4) for value in ALPHAS[::-1]]


def _made(path):
    package, _, name = path.partition(".")
    if package == "sklearn":
        return getattr(ensemble if hasattr(ensemble, name) else tree, name)()
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    small = {
        "lightgbm": {"verbose": -1, "min_child_samples": 5},
        "xgboost": {"max_depth": 3, "subsample": 0.7},
        "catboost": {"depth": 3, "learning_rate": 0.3, "thread_count": 1, "verbose": False, "allow_writing_files": False},
    }[package]
    return getattr(importlib.import_module(package), name)(**small)


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
    cv, axis, values = _folds(model, X, y), AXES[path].parameter, _values(path)
    metric = "neg_log_loss" if is_classifier(model) else "neg_mean_squared_error"
    key = f"{type(model).__name__}.{axis}"
    result = hpo.tune((X, y), algorithm=model, search={key: values}, folds=cv, trials=1, scoring=metric,
                      sampler="random", store=None, seed=0)  # fmt: skip
    assert len(fits) == len(cv), "one fit a fold"
    assert {one[axis] for one in fits} == {values[-1]}
    refits = {}
    for value in sorted(values):
        alone = hpo.tune((X, y), algorithm=model, search={key: value}, folds=cv, trials=1, scoring=metric, store=None)
        refits[value] = alone.optuna_study.trials[0].value
    assert len(fits) == len(cv) * (1 + len(values))
    trial = result.optuna_study.trials[0]
    assert [value for value, _, _ in trial.user_attrs["prefixes"]] == sorted(values)
    np.testing.assert_allclose([mean for _, mean, _ in trial.user_attrs["prefixes"]], list(refits.values()), rtol=1e-12)
    assert result.best_params[key] == max(values, key=refits.get)
    assert len(set(refits.values())) > 2, "values make a difference"
    np.testing.assert_allclose(trial.value, max(refits.values()), rtol=1e-12)
    assert result.cost.fits_saved == len(cv) * (len(values) - 1)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("path", sorted(AXES))
def test_one_sweep_answers_as_each_smaller_estimator_does(path, classes):
    model, axis = _made(path), AXES[path]
    if classes == 3 and not is_classifier(model):
        pytest.skip("a regression has no classes")
    X, y = _data(model, classes)
    model.set_params(**{axis.parameter: _values(path)[-1]}).fit(X[::2], y[::2])
    rows, count = np.ascontiguousarray(X[1::2]), 0
    for m, shorter in zip(_values(path), axis.swept(model, rows, _values(path)), strict=True):
        cut = axis.first(model, m)
        methods = [name for name in METHODS if hasattr(cut, name)]
        assert [name for name in METHODS if hasattr(shorter, name)] == methods
        for name in methods:
            with np.errstate(divide="ignore"):
                found, expected = getattr(shorter, name)(rows), getattr(cut, name)(rows)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
            count += 1
    assert count >= len(VALUES)


@pytest.mark.parametrize(
    ("model", "part", "method"),
    [
        (ensemble.RandomForestClassifier(), DecisionTreeClassifier, "predict_proba"),
        (ensemble.ExtraTreesRegressor(), ExtraTreeRegressor, "predict"),
        (BaggingRegressor(), DecisionTreeRegressor, "predict"),
        (ensemble.AdaBoostRegressor(), DecisionTreeRegressor, "predict"),
        (ensemble.AdaBoostClassifier(), DecisionTreeClassifier, "predict"),
        (ensemble.HistGradientBoostingClassifier(), TreePredictor, "predict"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_each_tree_answers_once_for_all_values(model, part, method, monkeypatch):
    X, y = _data(model)
    values = list(range(1, 21))
    axis = AXES[f"sklearn.{type(model).__name__}"]
    model.set_params(random_state=0, **{axis.parameter: 20}).fit(X, y)
    trees = len(model._predictors if hasattr(model, "_predictors") else model.estimators_)
    asked = []
    inner = getattr(part, method)
    monkeypatch.setattr(part, method, lambda self, *a, **k: asked.append(self) or inner(self, *a, **k))
    for shorter in axis.swept(model, X, values):
        shorter.predict(X)
    assert len(asked) == trees == 20


def test_scores_of_the_uniform_part_of_weighted_rows_are_of_those_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 3))
    y = (X[:, 0] + rng.normal(size=4000) > 2.3).astype(int)
    name = "HistGradientBoostingClassifier"
    how = {"algorithm": ensemble.HistGradientBoostingClassifier(), "trials": 1, "sampler": "random", "store": None,
           "scoring": ["neg_log_loss", "d2_brier_score", "matthews_corrcoef"], "scoring_rows": 300, "folds": 3}  # fmt: skip
    found = hpo.tune((X, y), search={f"{name}.max_iter": [3, 8]}, **how).optuna_study.trials[0]
    best = found.params[f"{name}.max_iter"]
    alone = hpo.tune((X, y), search={f"{name}.max_iter": best}, **how).optuna_study.trials[0]
    assert found.user_attrs["scores"].keys() == alone.user_attrs["scores"].keys()
    for metric, score in alone.user_attrs["scores"].items():
        np.testing.assert_allclose(found.user_attrs["scores"][metric]["mean"], score["mean"], rtol=1e-12)


@pytest.mark.parametrize("objective", ["count:poisson", "reg:tweedie", "reg:absoluteerror"])
def test_xgboost_of_another_objective_answers_by_its_own_rounds(objective):
    xgboost = pytest.importorskip("xgboost")
    X, y = load_diabetes(return_X_y=True)
    model = xgboost.XGBRegressor(n_estimators=14, objective=objective, max_depth=3, num_parallel_tree=2).fit(X, y)
    for m, shorter in zip(VALUES, AXES["xgboost.XGBRegressor"].swept(model, X, VALUES), strict=True):
        np.testing.assert_array_equal(shorter.predict(X), model.predict(X, iteration_range=(0, m)))
    later = [3, 4, 14, 20]
    for m, shorter in zip(later, AXES["xgboost.XGBRegressor"].swept(model, X, later), strict=True):
        np.testing.assert_array_equal(shorter.predict(X), model.predict(X, iteration_range=(0, min(m, 14))))


def test_lightgbm_of_another_objective_is_asked_for_each_value():
    lightgbm = pytest.importorskip("lightgbm")
    X, y = load_diabetes(return_X_y=True)
    axis = AXES["lightgbm.LGBMRegressor"]
    for more in ({"objective": "poisson"}, {"reg_sqrt": True}, {"objective": "quantile", "alpha": 0.7}):
        model = lightgbm.LGBMRegressor(n_estimators=14, verbose=-1, **more).fit(X, y)
        for m, shorter in zip(VALUES, axis.swept(model, X, VALUES), strict=True):
            np.testing.assert_allclose(shorter.predict(X), model.predict(X, num_iteration=m), rtol=1e-12)


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
    assert "One fit a fold answered every number of trees, or strength of pruning: 20 fits were saved." in (tmp_path / "report.html").read_text()
    for trial in result.optuna_study.trials:
        curve = {value: mean for value, mean, _ in trial.user_attrs["prefixes"]}
        assert trial.value == max(curve.values()) == curve[trial.params["GradientBoostingRegressor.n_estimators"]]


def test_a_range_of_prunings_is_answered_by_one_grown_tree(fits):
    X, y = load_wine(return_X_y=True)
    name = "DecisionTreeClassifier"
    search = {f"{name}.ccp_alpha": hpo.Float(0.0, 0.2), f"{name}.min_samples_leaf": [1, 4]}
    result = hpo.tune((X, y), algorithm=tree.DecisionTreeClassifier(), search=search, folds=3, trials=9, store=None)
    assert [one["ccp_alpha"] for one in fits] == [0.0] * 6
    for trial in result.optuna_study.trials:
        curve = {value: mean for value, mean, _ in trial.user_attrs["prefixes"]}
        assert list(curve) == sorted(curve)
        assert trial.params[f"{name}.ccp_alpha"] == max(v for v in curve if curve[v] == max(curve.values()))
    assert result.best_model[-1].ccp_alpha == result.best_params[f"{name}.ccp_alpha"]


def test_a_grid_keeps_every_cell_and_fits_once_for_each_row_of_it(fits):
    X, y = load_wine(return_X_y=True)
    search = {"RandomForestClassifier.n_estimators": VALUES, "RandomForestClassifier.max_depth": [1, 3]}
    result = hpo.tune((X, y), algorithm=RandomForestClassifier(), search=search, folds=3, trials=8, sampler="grid",
                      store=None)  # fmt: skip
    assert len(fits) == 2 * 3
    asked = {tuple(sorted(trial.params.items())) for trial in result.optuna_study.trials}
    assert len(asked) == 8 == len(result.candidates)


def _boosting(**more):
    X, y = load_diabetes(return_X_y=True)
    name = "GradientBoostingRegressor"
    search = {f"{name}.n_estimators": VALUES, f"{name}.learning_rate": hpo.Float(0.02, 0.9, log=True)}
    how = {"search": search, "folds": 3, "store": None, "seed": 0, "trials": 12} | more
    return hpo.tune((X, y), algorithm=GradientBoostingRegressor(), **how), f"{name}.n_estimators"


@pytest.mark.parametrize("fidelity", ["halving", "hyperband"])
def test_rungs_of_what_grows_at_once_fit_the_largest_value_to_parts_and_take_the_best(fidelity, fits):
    X, y = load_diabetes(return_X_y=True)
    search = {"n_estimators": VALUES, "learning_rate": hpo.Float(0.02, 0.9, log=True)}
    result = hpo.tune((X, y), algorithm=ensemble.AdaBoostRegressor(), search=search, folds=3, store=None, seed=0,
                      trials=12, sampler="random", fidelity=fidelity)  # fmt: skip
    assert {one["n_estimators"] for one in fits} == {max(VALUES)}
    trials, key = result.optuna_study.trials, "AdaBoostRegressor.n_estimators"
    assert {trial.state.name for trial in trials} == {"COMPLETE", "PRUNED"}
    assert all(trial.params[key] in VALUES for trial in trials)
    for trial in trials:
        if trial.state.name == "COMPLETE":
            curve = {value: mean for value, mean, _ in trial.user_attrs["prefixes"]}
            assert trial.value == max(curve.values()) == curve[trial.params[key]]
            assert trial.user_attrs["rungs"][-1][1] == trial.user_attrs["fold_scores"]
    assert result.cost.fits_saved == len(fits) * (len(VALUES) - 1)
    assert report_data(result, drawn=False).rungs_of == "rows"


SAMPLERS = [TPESampler(seed=0), RandomSampler(seed=0), "tpe", "nsga2", "qmc"]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: s if isinstance(s, str) else type(s).__name__)
def test_an_axis_is_solved_whatever_proposes_the_rest(sampler, fits, tmp_path):
    result, key = _boosting(sampler=sampler, trials=6, name="trees", storage=tmp_path / "j", store=tmp_path / "s")
    assert len(fits) == 3 * 6
    assert {one["n_estimators"] for one in fits} == {max(VALUES)}
    kept = hpo.load("trees", storage=tmp_path / "j", store=tmp_path / "s")
    for trial in [*result.optuna_study.trials, *kept.optuna_study.trials]:
        curve = {value: mean for value, mean, _ in trial.user_attrs["prefixes"]}
        assert trial.value == max(curve.values()) == curve[trial.params[key]]
        assert trial.distributions[key] == CategoricalDistribution(VALUES)
    assert kept.best_params == result.best_params


@pytest.mark.parametrize("sampler", ["auto", "random", "tpe", RandomSampler(seed=0)], ids=str)
def test_where_nothing_else_is_searched_one_trial_answers_the_study(sampler, fits):
    X, y = load_diabetes(return_X_y=True)
    key = "GradientBoostingRegressor.n_estimators"
    result = hpo.tune((X, y), algorithm=GradientBoostingRegressor(), search={key: hpo.Int(1, 30)}, folds=3, trials=9,
                      store=None, sampler=sampler)  # fmt: skip
    assert len(fits) == 3
    assert [trial.user_attrs.get("duplicate_of") for trial in result.optuna_study.trials] == [None]
    assert result.cost.fits_saved == 3 * 19


def test_a_finite_space_is_covered_once_beside_its_axis(fits):
    X, y = load_wine(return_X_y=True)
    search = {"RandomForestClassifier.n_estimators": VALUES, "RandomForestClassifier.max_depth": [1, 2, 3]}
    result = hpo.tune((X, y), algorithm=RandomForestClassifier(), search=search, folds=3, trials=8, store=None)
    assert len(fits) == 3 * 3
    assert sorted(trial.params["RandomForestClassifier.max_depth"] for trial in result.optuna_study.trials) == [1, 2, 3]


def test_a_grid_of_optuna_keeps_every_cell(fits):
    key = "GradientBoostingRegressor.n_estimators"
    search = {key: VALUES, "GradientBoostingRegressor.learning_rate": [0.1, 0.5]}
    result, _ = _boosting(search=search, sampler=GridSampler(search, seed=0), trials=7)
    cells = {tuple(sorted(trial.params.items())) for trial in result.optuna_study.trials}
    assert len(cells) == 7
    assert len(fits) == 2 * 3


def test_a_value_is_proposed_where_one_choice_does_not_hold_the_smaller_ones(fits):
    lightgbm = pytest.importorskip("lightgbm")
    X, y = load_diabetes(return_X_y=True)
    key = "LGBMRegressor.n_estimators"
    search = {key: VALUES, "LGBMRegressor.boosting_type": ["gbdt", "dart"], "LGBMRegressor.verbose": -1}
    result = hpo.tune((X, y), algorithm=lightgbm.LGBMRegressor(), search=search, folds=3, trials=7, store=None,
                      sampler="random", seed=3)  # fmt: skip
    dart = {one["n_estimators"] for one in fits if one["boosting_type"] == "dart"}
    assert len(dart) > 1
    assert {one["n_estimators"] for one in fits if one["boosting_type"] == "gbdt"} == {max(VALUES)}
    for trial in result.optuna_study.trials:
        dart = trial.params["LGBMRegressor.boosting_type"] == "dart"
        assert dart or trial.user_attrs.get("prefixes") or trial.user_attrs.get("duplicate_of") is not None


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
    xgboost = pytest.importorskip("xgboost")
    assert of_object(xgboost.XGBRegressor(booster="gblinear"))().prefixed is None
    assert of_object(xgboost.XGBRegressor(early_stopping_rounds=3))().prefixed is None
    assert of_object(xgboost.XGBRegressor())().prefixed is not None


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


def test_a_plan_says_which_values_one_fit_answers(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    table = np.column_stack([X, y])
    np.savetxt(tmp_path / "rows.csv", table, delimiter=",", header="a,b,c,d,e,f,g,h,i,j,y", comments="")
    name = "boosted=sklearn:sklearn.ensemble.GradientBoostingRegressor"
    spec = hpo.StudySpec(
        data=[str(tmp_path / "rows.csv")], target="y", algorithm=[name], store=str(tmp_path / "s"),
        search={"boosted.n_estimators": {"low": 10, "high": 100}, "boosted.learning_rate": [0.1, 0.2]},
    )  # fmt: skip
    assert hpo.plan(spec).answered == {"boosted.n_estimators": 20}
    assert dict(_facts(spec, hpo.plan(spec)))["one fit"].startswith("scores 20 values of boosted.n_estimators")
    assert hpo.plan(spec.but(sampler="grid")).answered == {}
    assert hpo.plan(spec.but(scoring=["r2", "neg_mean_absolute_error"], refit=False)).answered == {}


def test_the_curve_of_the_winner_is_in_the_report_and_costs_no_fit(fits):
    result, key = _boosting(trials=3)
    trained = len(fits)
    noted = result.optuna_study.best_trial.user_attrs["prefixes"]
    curve = hpo.validation_curve(result, key)
    assert curve.x == tuple(VALUES)
    assert list(curve.mean) == [mean for _, mean, _ in noted]
    assert list(curve.se) == [se for _, _, se in noted]
    assert len(fits) == trained
    drawn = {one.name: one for one in report_data(result).validation}
    assert drawn[key].x == VALUES
    assert drawn[key].best_x == result.best_params[key]
    assert {one["n_estimators"] for one in fits[trained:]} == {result.best_params[key]}, "learning curve alone"


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
    assert values_of(FloatDistribution(0.0, 1.0), falling=True)[::19] == (1.0, 0.0)
    assert values_of(FloatDistribution(0.001, 1.0, log=True), falling=True)[-1] == 0.001
    assert values_of(FloatDistribution(0.0, 1.0, step=0.5), falling=True) == (1.0, 0.5, 0.0)
    assert values_of(None) == ()


def test_a_setting_that_fails_along_an_axis_is_fitted_once(fits, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    name = "GradientBoostingRegressor"
    search = {f"{name}.n_estimators": [2, 5], f"{name}.min_samples_leaf": [3, -1]}
    result = hpo.tune(
        (X, y), algorithm=GradientBoostingRegressor(), trials=4, sampler="grid", folds=3, search=search,
        store=tmp_path / "store", progress=False,
    )  # fmt: skip
    failed = [one for one in fits if one["min_samples_leaf"] == -1]
    assert len(failed) == 1
    assert {trial.state.name for trial in result.optuna_study.trials} == {"COMPLETE", "FAIL"}


@pytest.mark.parametrize("fidelity", ["halving", "hyperband"])
def test_rungs_along_the_number_of_trees_grow_on_and_never_begin_again(fidelity, monkeypatch, tmp_path):
    grown, lines = [], list(range(2, 28))
    fit = GradientBoostingRegressor._fit_stage
    monkeypatch.setattr(
        GradientBoostingRegressor, "_fit_stage", lambda self, i, *a, **k: grown.append((i, len(a[0]))) or fit(self, i, *a, **k)
    )
    search = {"n_estimators": lines, "learning_rate": hpo.Float(0.02, 0.9, log=True)}
    X, y = load_diabetes(return_X_y=True)
    result = hpo.tune((X, y), algorithm=GradientBoostingRegressor(), search=search, folds=3, store=None, seed=0,
                      trials=12, sampler="random", fidelity=fidelity)  # fmt: skip
    trials = result.optuna_study.trials
    sizes = [trial.user_attrs["rungs"][-1][0] for trial in trials]
    assert {trial.state.name for trial in trials} == {"COMPLETE", "PRUNED"}
    assert {size for size, trial in zip(sizes, trials, strict=True) if trial.state.name == "PRUNED"} <= {2, 3, 9}
    folds = [one for one in grown if one[1] < len(y)]
    assert len(folds) == 3 * sum(sizes), "every tree of every setting and fold is grown once, on every row"
    assert result.cost.rounds_saved == 3 * sum(27 - size for size in sizes)
    for trial in trials:
        rate = trial.params["GradientBoostingRegressor.learning_rate"]
        for size, scores in trial.user_attrs["rungs"]:
            if trial.number == 0:
                twins = [GradientBoostingRegressor(n_estimators=m, learning_rate=rate, random_state=0) for m in lines if m <= size]
                best = max(cross_val_score(twin, X, y, cv=_cells(result)).mean() for twin in twins)
                assert np.mean(scores) == pytest.approx(best, rel=1e-9)
    if fidelity == "hyperband":
        assert report_data(result, drawn=False).rungs_of == "trees"
        return
    hpo.write_report(result, tmp_path / "report.html")
    assert "trees learned from" in (text := (tmp_path / "report.html").read_text())
    assert "27 trees; stopped" in text


def _cells(result):
    """The splits of a study of rows in memory, as scikit-learn takes them."""
    states = next(s for s in result.run.evidence.states.values() if s.train)
    rows = np.arange(states.whole.rows)
    return [(np.sort(train.as_given.number), np.setdiff1d(rows, train.as_given.number)) for train in states.train]
