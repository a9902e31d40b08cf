"""Generalized linear models from curvature, against scikit-learn fitted on the raw rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from twins_glm import TIGHT, TWINS

import hpo
from algorithms import fields, registry
from algorithms.base import Batch, Column, Shape
from algorithms.errors import InvalidField, InvalidTarget, NotEnoughRows
from algorithms.models.logistic import Logistic
from algorithms.summaries.curvature import PENALTIES, SHARES, LogisticCurvature
from algorithms.summaries.sample import Sample

SETS = {"cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}


def shape_of(X, classes=()):
    return Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(X.shape[1])), ("y",), tuple(classes))


def rows_of(X, y, weight=None):
    return Batch(np.asfortranarray(np.column_stack([X, y]).astype(float)), X.shape[1], weight)


def state_of(summary, X, y, classes=(), weight=None, sample=None):
    shape, rows = shape_of(X, classes), rows_of(X, y, weight)
    ready = summary.knowing(summary.learn(shape, rows if sample is None else sample))
    return ready.update(ready.init(shape), rows)


@pytest.fixture(scope="module")
def states():
    """Per data set: the state of three quarters of the rows, those rows, and the rest."""
    made = {}
    for name, load in SETS.items():
        X, y = load(return_X_y=True)
        X = X[:, X.std(axis=0) > 0.0]
        train = np.arange(len(y)) % 4 != 0
        state = state_of(LogisticCurvature(), X[train], y[train], np.unique(y).tolist())
        made[name] = state, (X[train], y[train]), (X[~train], y[~train])
    return made


@pytest.mark.parametrize("index", range(6))
@pytest.mark.parametrize("name", SETS)
def test_held_out_log_loss_after_one_pass_is_that_of_a_full_fit(name, index, states):
    """Within 1e-3 nats at every C, where the pilot is learned from the very rows that are trained on."""
    params = TWINS["logistic"][0][index]
    state, (X, y), (X2, y2) = states[name]
    ours = Logistic(**params).finalize(state)
    theirs = make_pipeline(StandardScaler(), TWINS["logistic"][1](params)).fit(X, y)
    a, b = log_loss(y2, ours.predict_proba(X2)), log_loss(y2, theirs.predict_proba(X2))
    assert a == pytest.approx(b, abs=1e-3)
    assert np.mean(ours.predict(X2) == theirs.predict(X2)) > 0.99


@pytest.mark.parametrize("params", [{"C": 1.0}, {"C": 1.0, "fit_intercept": False}, {"C": 1e-2}], ids=str)
@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_coefficients_are_scikit_learns_where_a_start_has_the_penalty(name, params, states):
    state, (X, y), _ = states[name]
    ours = Logistic(**params).finalize(state)["model"]
    theirs = LogisticRegression(**params, **TIGHT).fit(StandardScaler().fit_transform(X), y)
    tolerance = 1e-4 if params.get("fit_intercept", True) else 0.2  # starts have intercepts
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=tolerance * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-3)


def test_balanced_classes_are_class_weights(states):
    """Within 2e-3 nats: the starts are those of equal weights (measured 1.5e-3)."""
    state, (X, y), (X2, y2) = states["cancer"]
    ours = Logistic(class_weight="balanced", C=0.1).finalize(state)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", C=0.1, **TIGHT)).fit(
        X, y
    )
    a, b = log_loss(y2, ours.predict_proba(X2)), log_loss(y2, theirs.predict_proba(X2))
    assert a == pytest.approx(b, abs=2e-3)
    plain = Logistic(C=0.1).finalize(state)
    assert abs(a - log_loss(y2, plain.predict_proba(X2))) > 5e-3


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_an_l1_penalty_drops_columns_as_scikit_learns(l1_ratio, states):
    state, (X, y), (X2, y2) = states["cancer"]
    ours = Logistic(C=0.1, l1_ratio=l1_ratio).finalize(state)
    sk = LogisticRegression(C=0.1, l1_ratio=l1_ratio, solver="saga", tol=1e-6, max_iter=20_000)
    theirs = make_pipeline(StandardScaler(), sk).fit(X, y)
    a, b = log_loss(y2, ours.predict_proba(X2)), log_loss(y2, theirs.predict_proba(X2))
    assert a == pytest.approx(b, abs=5e-3)
    zeros = [np.count_nonzero(m.coef_ == 0.0) for m in (ours["model"], theirs[-1])]
    assert abs(zeros[0] - zeros[1]) <= 4 < zeros[1]


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie"])
def test_regressions_by_deviance(name, index):
    """The share of deviance explained agrees to 5e-4 with scikit-learn's."""
    settings, twin = TWINS[name]
    X, y = load_diabetes(return_X_y=True)
    algorithm = fields.build(registry.get(name), settings[index])
    ours = algorithm.finalize(state_of(algorithm.summary, X, y))
    theirs = make_pipeline(StandardScaler(), twin(settings[index])).fit(X, y)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=5e-4)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=0.05)


def test_expanding_at_the_solution_gives_the_optimum(states):
    """What a second pass is for: from a rough pilot of few rows to the coefficients of a full fit."""
    _, (X, y), _ = states["cancer"]
    shape, rows = shape_of(X, (0, 1)), rows_of(X, y)
    rough = LogisticCurvature()
    rough = rough.knowing(rough.learn(shape, rows_of(X[::8], y[::8])))
    algorithm = Logistic(C=0.3)
    theirs = LogisticRegression(C=0.3, **TIGHT).fit(StandardScaler().fit_transform(X), y).coef_
    errors = []
    for _ in range(8):
        state = rough.update(rough.init(shape), rows)
        solution = algorithm.solve(state)
        errors.append(np.abs(solution.coef - theirs).max())
        rough = rough.knowing(algorithm.expanded_at(solution, state))
    assert errors[0] > errors[1] > errors[2]
    assert errors[-1] < 1e-5


def test_large_data_from_a_pilot_on_a_sample():
    """50,000 rows of which 10,000 make the pilot: one pass within 1e-3 nats of full fits, from C = 1e-2 to 100.

    At C = 1e-3 the optimum lies between two starts: 2e-3 (measured 1.4e-3).
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50_000, 10)) * rng.uniform(0.1, 10.0, 10) + 100.0
    eta = (X - 100.0) @ (rng.normal(size=10) / X.std(axis=0)) - 1.0
    y = (rng.random(len(X)) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    shape, summary = shape_of(X, (0, 1)), LogisticCurvature()
    known = summary.learn(shape, rows_of(np.repeat(X[:10_000], 3, axis=0), np.repeat(y[:10_000], 3)))
    assert len(known["start"]) == len(SHARES)
    ready = summary.knowing(known)
    state = ready.update(ready.init(shape), rows_of(X[:40_000], y[:40_000]))
    for C in (1e-3, 1e-2, 1.0, 100.0):
        ours = Logistic(C=C).finalize(state)
        theirs = make_pipeline(StandardScaler(), LogisticRegression(C=C)).fit(X[:40_000], y[:40_000])
        a, b = (log_loss(y[40_000:], m.predict_proba(X[40_000:])) for m in (ours, theirs))
        assert a == pytest.approx(b, abs=2e-3 if C < 1e-2 else 1e-3)


def test_weights_are_repeated_rows():
    X, y = load_breast_cancer(return_X_y=True)
    w = np.random.default_rng(0).integers(1, 4, len(y))
    sample = rows_of(X, y)
    once = state_of(LogisticCurvature(), X, y, (0, 1), w.astype(float), sample)
    again = state_of(LogisticCurvature(), np.repeat(X, w, axis=0), np.repeat(y, w), (0, 1), None, sample)
    np.testing.assert_allclose(Logistic().solve(once).coef, Logistic().solve(again).coef, rtol=1e-8)


@pytest.mark.parametrize("metric", ["accuracy", "neg_log_loss", "roc_auc"])
@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_quick_scores_are_scikit_learns(name, metric, states):
    state, _, (X, y) = states[name]
    sample, shape = Sample(size=1000), state.shape
    batch = Batch(
        np.asfortranarray(np.column_stack([X, y])), X.shape[1], priority=np.arange(len(y), dtype=np.uint64)
    )
    rows, algorithm = sample.update(sample.init(shape), batch), Logistic(C=0.1)
    solution = algorithm.solve(state)
    found = algorithm.score_rows(solution, rows, metric)
    if name == "wine" and metric == "roc_auc":
        assert found is None
        return
    assert found == pytest.approx(
        get_scorer(metric)(algorithm.estimator(solution), rows.X, rows.y), rel=1e-12
    )
    assert algorithm.score_rows(solution, rows, "f1") is None


def test_a_study_of_mixed_columns_reads_once_and_beats_the_base_rate(tmp_path):
    rng = np.random.default_rng(0)
    n = 4000
    frame = pd.DataFrame({"x": rng.normal(size=n), "k": rng.choice(["a", "b", "c"], n)})
    frame.loc[rng.random(n) < 0.1, "x"] = np.nan
    eta = np.where(frame["k"] == "a", 1.5, -0.5) + frame["x"].fillna(2.0)
    frame["late"] = rng.random(n) < 1.0 / (1.0 + np.exp(-eta))
    cv = list(StratifiedKFold(4, shuffle=True, random_state=0).split(frame, frame["late"]))
    asked = {
        "target": "late",
        "algorithm": "logistic",
        "scoring": "neg_log_loss",
        "folds": cv,
        "store": tmp_path,
    }
    result = hpo.tune(frame, trials=30, **asked)
    assert result.cost.rows_read == n
    assert result.best_params["logistic.impute"] == "indicator"
    assert result.best_value > -0.6
    assert hpo.tune(frame, trials=5, seed=1, **asked).cost.rows_read == 0


@pytest.mark.parametrize(("C", "bound"), [(1e-2, 4e-3), (1.0, 1e-2), (10.0, 6e-2), (100.0, 0.21)])
@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_with_the_pilot_on_every_fold_one_pass_is_rougher(name, C, bound, states):
    """As in a study, whose pilot has seen the held-out rows too: what is measured, not what is wanted."""
    _, (X, y), (X2, y2) = states[name]
    sample = rows_of(np.r_[X, X2], np.r_[y, y2])
    state = state_of(LogisticCurvature(), X, y, np.unique(y).tolist(), sample=sample)
    theirs = make_pipeline(StandardScaler(), LogisticRegression(C=C, **TIGHT)).fit(X, y)
    ours = log_loss(y2, Logistic(C=C).finalize(state).predict_proba(X2))
    assert ours == pytest.approx(log_loss(y2, theirs.predict_proba(X2)), abs=bound)


def test_columns_that_are_not_standardised_are_refused_and_never_searched():
    for name in TWINS:
        algorithm = registry.get(name)
        with pytest.raises(InvalidField, match=r"standardize=False.*leave standardize at True"):
            algorithm(standardize=False)
        assert not fields.fields_of(algorithm)["standardize"].range.searched


def test_what_cannot_be():
    X, y = load_diabetes(return_X_y=True)
    for name, values, words in (
        ("gamma", y - y.min(), "greater than 0"),
        ("poisson", y - 30.0, "at least 0"),
    ):
        algorithm = registry.get(name)()
        with pytest.raises(InvalidTarget, match=rf"target 'y' holds .*{words}"):
            state_of(algorithm.summary, X, values)
        state = state_of(algorithm.summary, X, values, sample=rows_of(X, y))
        with pytest.raises(InvalidTarget, match=rf"target 'y' holds .*{words}"):
            algorithm.check(state)
    with pytest.raises(InvalidField, match=r"power=2\.5.*between 1 and 2"):
        fields.build(registry.get("tweedie"), {"power": 2.5})
    with pytest.raises(InvalidField, match="C=0"):
        Logistic(C=0.0)
    with pytest.raises(InvalidField, match="l1_ratio=2"):
        Logistic(l1_ratio=2.0)
    X, y = load_digits(return_X_y=True)
    state = state_of(LogisticCurvature(), X[:300], y[:300], range(10))
    with pytest.raises(InvalidField, match=r"class_weight='balanced'.*10 classes"):
        Logistic(class_weight="balanced").solve(state)
    with pytest.raises(InvalidField, match="select=3"):
        Logistic(select=3).solve(state)
    one = state_of(LogisticCurvature(), X[y == 0], y[y == 0], range(10))
    with pytest.raises(NotEnoughRows, match="every class, and none is 1"):
        Logistic().solve(one)


def test_separable_classes_without_a_penalty_worth_the_name_stay_finite():
    X = np.r_[
        np.random.default_rng(0).normal(size=(50, 2)), np.random.default_rng(1).normal(size=(50, 2)) + 20.0
    ]
    y = np.repeat([0, 1], 50)
    model = Logistic(C=1e12).finalize(state_of(LogisticCurvature(), X, y, ("no", "yes")))
    assert np.all(np.isfinite(model["model"].coef_))
    assert (model.predict(X) == np.array(["no", "yes"])[y]).all()


def test_many_starts_are_made_for_few_rows_only():
    assert 1.0 in PENALTIES
    X, y = load_wine(return_X_y=True)
    assert len(LogisticCurvature().learn(shape_of(X, range(3)), rows_of(X, y))["start"]) == len(PENALTIES)
