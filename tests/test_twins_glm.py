"""Generalized linear models from curvature, against scikit-learn fitted on the raw rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.metrics import get_scorer, log_loss, mean_poisson_deviance
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from twins_glm import TIGHT, TWINS

import hpo
from algorithms import fields, registry
from algorithms.contract import Batch, Column, Held, Shape, fitted
from algorithms.errors import InvalidField, InvalidTarget, NotEnoughRows
from algorithms.families.corrected import corrected
from algorithms.learned import Learned
from algorithms.models.logistic import Logistic
from algorithms.models.poisson import Poisson
from algorithms.summaries.curvature import STARTS
from algorithms.summaries.families import LogisticCurvature, PoissonCurvature
from algorithms.summaries.sample import Sample

SETS = {"cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}


def shape_of(X, classes=()):
    return Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(X.shape[1])), ("y",), tuple(classes))


def rows_of(X, y, weight=None):
    priority = np.random.default_rng(0).permutation(len(y)).astype(np.uint64)
    rows = np.asfortranarray(np.column_stack([X, y]).astype(float))
    return Batch(rows, X.shape[1], weight, priority=priority)


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
        state = state_of(LogisticCurvature(), X[train], y[train], np.unique(y).tolist(), sample=rows_of(X, y))
        made[name] = state, (X[train], y[train]), (X[~train], y[~train])
    return made


LOGISTIC, twin_of = TWINS["logistic"]


def near(ours, theirs, rows, nats, class_weight=None):
    """Held-out log-losses, classes weighted as in training, agree to so many nats."""
    X, y = rows
    w = compute_sample_weight(class_weight, y)
    a, b = (log_loss(y, model.predict_proba(X), sample_weight=w) for model in (ours, theirs))
    assert a == pytest.approx(b, abs=nats)


@pytest.mark.parametrize("params", LOGISTIC, ids=str)
@pytest.mark.parametrize("name", SETS)
def test_few_rows_give_scikit_learns_model(name, params, states):
    """Where the rows are few they are kept, and the pilot, here of every row as in a study, is only a beginning."""
    state, train, held_out = states[name]
    assert state.complete
    ours = fitted(Logistic(**params), state)
    theirs = make_pipeline(StandardScaler(), twin_of(params)).fit(*train)
    assert Logistic(**params).solve(state).converged
    near(ours, theirs, held_out, 1e-5)
    scale = np.abs(theirs[-1].coef_).max()
    np.testing.assert_allclose(ours["model"].coef_, theirs[-1].coef_, atol=1e-3 * scale)


@pytest.mark.parametrize("C", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("standardize", [True, False])
def test_fold_scores_of_a_study_equal_cross_val_score(C, standardize, tmp_path):
    X, y = load_breast_cancer(return_X_y=True)
    X = X / X.std(axis=0)  # so that scikit-learn converges on columns as they are
    cv = list(StratifiedKFold(4, shuffle=True, random_state=0).split(X, y))
    search = {"logistic.C": C, "logistic.standardize": standardize}
    asked = {"algorithm": "logistic", "search": search, "folds": cv, "trials": 1, "store": tmp_path}
    result = hpo.tune((X, y), scoring="neg_log_loss", **asked)
    model = LogisticRegression(C=C, solver="newton-cholesky", **TIGHT)
    twin = make_pipeline(StandardScaler(), model) if standardize else model
    expected = cross_val_score(twin, X, y, cv=cv, scoring="neg_log_loss")
    np.testing.assert_allclose(result.best.scores.folds, expected, atol=1e-5)
    assert result.cost.rows_read == len(y)


@pytest.mark.parametrize("C", [1e-2, 1.0, 10.0])
@pytest.mark.parametrize("name", ["cancer", "wine"])
def test_columns_in_their_own_units(name, C, states):
    state, train, held_out = states[name]
    ours = fitted(Logistic(C=C, standardize=False), state)
    theirs = LogisticRegression(C=C, solver="newton-cholesky", **TIGHT).fit(*train)
    near(ours, theirs, held_out, 1e-5)


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_an_l1_penalty_drops_columns_as_scikit_learns(l1_ratio, states):
    state, train, held_out = states["cancer"]
    ours = fitted(Logistic(C=0.1, l1_ratio=l1_ratio, tol=1e-9, max_iter=10_000), state)
    sk = LogisticRegression(C=0.1, l1_ratio=l1_ratio, solver="saga", tol=1e-8, max_iter=50_000)
    theirs = make_pipeline(StandardScaler(), sk).fit(*train)
    near(ours, theirs, held_out, 1e-4)
    np.testing.assert_array_equal(ours["model"].coef_ == 0.0, theirs[-1].coef_ == 0.0)
    assert np.count_nonzero(theirs[-1].coef_ == 0.0) > 4


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie"])
def test_regressions_by_deviance(name, index):
    settings, twin = TWINS[name]
    X, y = load_diabetes(return_X_y=True)
    algorithm = fields.build(registry.get(name), settings[index])
    ours = fitted(algorithm, state_of(algorithm.summary, X, y))
    theirs = make_pipeline(StandardScaler(), twin(settings[index])).fit(X, y)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-7)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4)


def keeping(known, rows):
    """What was learned, as of data of so many rows that only a few are kept."""
    return Learned({**known.arrays, "keep": np.array([rows])})


def test_expanding_at_the_solution_gives_the_optimum(states):
    """What a second pass is for: from a rough pilot of few rows to the coefficients of a full fit."""
    _, (X, y), _ = states["cancer"]
    shape, rows, rough = shape_of(X, (0, 1)), rows_of(X, y), LogisticCurvature()
    rough = rough.knowing(keeping(rough.learn(shape, rows_of(X[::8], y[::8])), 16))
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


ROWS, TRAIN, KEPT = 48_000, 36_000, 2048


def columns(d):
    """Correlated columns, each in units of its own."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, d)) + rng.exponential(size=(ROWS, 1)) * rng.random(d)
    return X * 10.0 ** rng.uniform(-1.0, 1.0, d) + rng.normal(size=d) * 30.0


@pytest.fixture(scope="module")
def large():
    """By kind of target: the state of rows too many to be kept, these rows, and the rest."""
    rng, X = np.random.default_rng(1), columns(24)
    Z = StandardScaler().fit_transform(X)
    eta = Z @ rng.normal(size=(24, 3)) / 3.0 + [1.0, 0.0, -1.5]
    many = (eta + rng.gumbel(size=eta.shape)).argmax(axis=1)
    targets = {
        "two": (LogisticCurvature(), (many == 2).astype(int), (0, 1)),
        "three": (LogisticCurvature(), many, (0, 1, 2)),
        "count": (PoissonCurvature(), rng.poisson(np.exp(eta[:, 0] / 2.0)).astype(float), ()),
    }
    made = {}
    for kind, (summary, y, classes) in targets.items():
        shape, pilot = shape_of(X, classes), rows_of(X[: TRAIN // 4], y[: TRAIN // 4])
        ready = summary.knowing(keeping(summary.learn(shape, pilot), KEPT))
        state = ready.update(ready.init(shape), rows_of(X[:TRAIN], y[:TRAIN]))
        made[kind] = state, (X[:TRAIN], y[:TRAIN]), (X[TRAIN:], y[TRAIN:])
    return made


def twin_pipeline(model, standardize=True, select=None):
    steps = [SelectKBest(f_classif, k=select)] if select else []
    return make_pipeline(*steps, *([StandardScaler()] if standardize else []), model)


@pytest.mark.parametrize(
    "params",
    [
        *({"C": C} for C in (1e-4, 1e-3, 1e-2, 1.0, 100.0)),
        *({"C": C, "class_weight": "balanced"} for C in (1e-4, 1e-2, 100.0)),
        {"C": 0.1, "class_weight": "0=3, 1=0.5"},
        *({"C": C, "standardize": False} for C in (1e-4, 1e-2, 1.0)),
        *({"C": C, "select": 6} for C in (1e-4, 1.0)),
        *({"C": C, "l1_ratio": 1.0} for C in (1e-3, 1e-2)),
        {"C": 0.01, "standardize": False, "select": 6, "class_weight": "balanced"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["two", "three"])
def test_of_many_rows_one_pass_gives_scikit_learns_model_nearly(kind, params, large):
    """Whatever the penalty, the weights and the preprocessing; and how far from the optimum it is, is known."""
    state, (X, y), held_out = large[kind]
    sk = {name: value for name, value in params.items() if name not in ("standardize", "select")}
    if "=" in (sk.get("class_weight") or ""):
        sk["class_weight"] = {0: 3.0, 1: 0.5, 2: 1.0} if kind == "three" else {0: 3.0, 1: 0.5}
    how = {name: value for name, value in params.items() if name in ("standardize", "select")}
    solver = (
        {"solver": "saga", "tol": 1e-4} if "l1_ratio" in sk else {"solver": "newton-cholesky", "tol": 1e-9}
    )
    theirs = twin_pipeline(LogisticRegression(**sk, **solver, max_iter=1000), **how).fit(X, y)
    algorithm, weight = Logistic(**params), compute_sample_weight(sk.get("class_weight"), y)
    solution = algorithm.solve(state)
    ours = algorithm.estimator(solution)
    nats = 1e-3 if isinstance(sk.get("class_weight"), dict) else 4e-4  # no start has these weights
    near(ours, theirs, held_out, nats, sk.get("class_weight"))
    assert ours[-1].class_weight == sk.get("class_weight")

    def objective(model):
        loss = log_loss(y, model.predict_proba(X), sample_weight=weight)
        return loss + 0.5 * float(np.sum(model[-1].coef_ ** 2)) / params["C"] / weight.sum()

    if "l1_ratio" not in params:
        excess, bound = objective(ours) - objective(theirs), algorithm.gain(solution, state)
        assert bound / 30.0 < excess < 3.0 * bound, "the bound holds 95 times in 100, and is not an empty one"


@pytest.mark.parametrize(
    "params", [{"alpha": a, "standardize": s} for a in (1e-4, 1e-2, 1.0) for s in (True, False)], ids=str
)
def test_of_many_counts_one_pass_gives_scikit_learns_model_nearly(params, large):
    state, (X, y), (X2, y2) = large["count"]
    sk = PoissonRegressor(alpha=params["alpha"], solver="newton-cholesky", tol=1e-9, max_iter=1000)
    theirs = twin_pipeline(sk, params["standardize"]).fit(X, y)
    algorithm = Poisson(**params)
    solution = algorithm.solve(state)
    ours = algorithm.estimator(solution)
    a, b = (mean_poisson_deviance(y2, model.predict(X2)) for model in (ours, theirs))
    assert a == pytest.approx(b, rel=2e-3 if params["alpha"] == 1.0 else 1e-4)

    def objective(model):
        deviance = 0.5 * mean_poisson_deviance(y, model.predict(X))
        return deviance + 0.5 * params["alpha"] * float(np.sum(model[-1].coef_ ** 2))

    bound = algorithm.gain(solution, state)
    assert bound / 30.0 < objective(ours) - objective(theirs) < 3.0 * bound


@pytest.mark.parametrize("kind", ["two", "three", "count"])
def test_the_corrected_loss_is_that_of_every_row_at_a_start_and_convex(kind, large):
    state, (X, y), _ = large[kind]
    summary = {"count": PoissonCurvature()}.get(kind, LogisticCurvature())
    known, weights = state.learned, tuple(np.linspace(0.5, 2.0, len(state.counts)))
    loss = corrected(summary.about, state, weights, 1)
    z = np.column_stack([(X - known["center"]) / known["scale"], np.ones(len(X))])
    at = summary.about(z @ loss.start.T, y)
    w = np.array(weights)[y.astype(int)] if kind != "count" else np.full(len(y), weights[0])
    value, gradient = loss.at(loss.start)
    assert value == pytest.approx(w @ at.loss, rel=1e-10)
    np.testing.assert_allclose(gradient.ravel(), at.gradient(z, w), atol=1e-8 * len(X))
    rng = np.random.default_rng(0)
    for _ in range(20):  # slopes never fall along a line, however far it leads
        way = rng.normal(size=loss.start.shape)
        slopes = [np.sum(loss.at(loss.start + t * way)[1] * way) for t in np.linspace(-3.0, 3.0, 13)]
        assert np.all(np.diff(slopes) > 0.0)


def test_weights_are_repeated_rows():
    X, y = (part[:300] for part in load_breast_cancer(return_X_y=True))
    w = np.random.default_rng(0).integers(1, 4, len(y))
    again = np.repeat(X, w, axis=0), np.repeat(y, w)
    states = [
        state_of(LogisticCurvature(), X, y, (0, 1), w.astype(float), rows_of(*again)),
        state_of(LogisticCurvature(), *again, (0, 1)),
    ]
    assert all(state.complete for state in states)
    np.testing.assert_allclose(*(Logistic().solve(state).coef for state in states), atol=1e-5)


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
    found = algorithm.score(solution, Held(None, rows), metric)
    if name == "wine" and metric == "roc_auc":
        assert found is None
        return
    assert found == pytest.approx(
        get_scorer(metric)(algorithm.estimator(solution), rows.X, rows.y), rel=1e-12
    )
    assert algorithm.score(solution, Held(None, rows), "f1") is None


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
    with pytest.raises(InvalidField, match=r"power=2\.5.*above 1 and less than 2"):
        fields.build(registry.get("tweedie"), {"power": 2.5})
    with pytest.raises(InvalidField, match="C=0"):
        Logistic(C=0.0)
    with pytest.raises(InvalidField, match="l1_ratio=2"):
        Logistic(l1_ratio=2.0)
    X, y = load_digits(return_X_y=True)
    state = state_of(LogisticCurvature(), X[:300], y[:300], range(10))
    with pytest.raises(
        InvalidField, match=r"class_weight='11=2': '11' is not a class of 'y'; there are '0', '1'"
    ):
        Logistic(class_weight="11=2").check(state_of(LogisticCurvature(), X[:300], y[:300], range(10)))
    with pytest.raises(InvalidField, match="class_weight='heavy': 'heavy' is no 'label=number'"):
        Logistic(class_weight="heavy")
    one = state_of(LogisticCurvature(), X[y == 0], y[y == 0], range(10))
    with pytest.raises(NotEnoughRows, match="rows of each class, and of 1 the training rows hold 0"):
        Logistic().solve(one)


def test_separable_classes_without_a_penalty_worth_the_name_stay_finite():
    X = np.r_[
        np.random.default_rng(0).normal(size=(50, 2)), np.random.default_rng(1).normal(size=(50, 2)) + 20.0
    ]
    y = np.repeat([0, 1], 50)
    model = fitted(Logistic(C=1e12), state_of(LogisticCurvature(), X, y, ("no", "yes")))
    assert np.all(np.isfinite(model["model"].coef_))
    assert (model.predict(X) == np.array(["no", "yes"])[y]).all()


def test_every_row_is_kept_where_rows_are_few_and_a_sample_where_they_are_many():
    X, y = load_wine(return_X_y=True)
    summary = LogisticCurvature()
    known = summary.learn(shape_of(X, range(3)), rows_of(X, y))
    assert (known["keep"].tolist(), len(known["start"])) == ([256], len(STARTS))
    wide = np.ones((10_000, 200))
    many = summary.learn(shape_of(wide, range(2)), rows_of(wide, np.arange(10_000) % 2))
    assert many["keep"].tolist() == [(1 << 21) // (8 * 202)], "as many as fit, not a power of two"
    wide[:, 50:] = 0.0
    sparse = summary.learn(shape_of(wide, range(2)), rows_of(wide, np.arange(10_000) % 2))
    assert sparse["keep"].tolist() == [16_384], "columns that are zero in every row take no place"
    assert sparse["stored"].tolist() == list(range(50))
