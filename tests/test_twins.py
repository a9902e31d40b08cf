"""Each algorithm against its naive twin: scikit-learn's estimator fitted on the raw rows, fold by fold."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from twins import TWINS

from algorithms import fields, registry
from algorithms.contract import Batch, Column, Held, Shape, fitted
from algorithms.errors import DegenerateTarget, NotEnoughRows
from algorithms.summaries.moments import Moments

N = 240


def easy(rng):
    return rng.normal(size=(N, 5))


def wide(rng):
    return rng.normal(size=(60, 30))


def collinear(rng):
    x = rng.normal(size=(N, 5))
    x[:, 4] = x[:, 0] + x[:, 1] + 1e-3 * rng.normal(size=N)
    return x


def offset(rng):
    return rng.normal(size=(N, 5)) + 1e6


def tiny(rng):
    return rng.normal(size=(10, 2)) * 1e-3


def constant_column(rng):
    x = rng.normal(size=(N, 4))
    x[:, 2] = 7.0
    return x


def scales(rng):
    return rng.normal(size=(N, 5)) * 10.0 ** np.arange(-2, 3)


KINDS = {f.__name__: f for f in (easy, wide, collinear, offset, tiny, constant_column, scales)}
CASES = [(name, i) for name, (settings, _) in TWINS.items() for i in range(len(settings))]


def data_of(kind):
    rng = np.random.default_rng(7)
    X = KINDS[kind](rng)
    coef = rng.normal(size=X.shape[1]) / np.maximum(X.std(axis=0), 1e-12)
    coef[X.std(axis=0) == 0.0] = 0.0
    return X, (X - X.mean(axis=0)) @ coef + rng.normal(size=len(X)) + 3.0


def state_of(X, y, weight=None):
    columns = tuple(Column(f"x{i}", f"x{i}") for i in range(X.shape[1]))
    shape = Shape(columns, ("y",))
    rows = np.asfortranarray(np.column_stack([X, y]))
    moments = Moments()
    return moments.update(moments.init(shape), Batch(rows, X.shape[1], weight))


def raw(name, params):
    """The algorithm as scikit-learn spells it: no preprocessing of ours (PLS scales by itself)."""
    extra = {} if name == "pls" else {"standardize": False}
    return fields.build(registry.get(name), {**params, **extra})


def tolerance(kind):
    """Collinear and badly scaled rows are ill-conditioned for scikit-learn too: there, six digits."""
    return 1e-6 if kind in ("collinear", "scales") else 1e-8


def test_every_algorithm_has_a_twin():
    """Each family's twins are in a module ``twins_<family>`` of their own, tested by ``test_twins_<family>``."""
    families = [import_module(path.stem) for path in Path(__file__).parent.glob("twins*.py")]
    assert {name for family in families for name in family.TWINS} == set(registry.BUILT_IN)
    for path in Path(__file__).parent.glob("twins_*.py"):
        assert path.with_name(f"test_{path.name}").exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "index"), CASES, ids=lambda v: str(v))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fold_scores_and_predictions_equal_the_twins(name, index, kind):
    settings, twin = TWINS[name]
    params = settings[index]
    X, y = data_of(kind)
    if kind == "offset" and params.get("fit_intercept") is False:
        X = X - 1e6 + 10.0  # at 1e6 without an intercept the condition number is 1e12: no digit is defined
    algorithm, metric = raw(name, params), raw(name, params).exact[0]
    folds = list(KFold(5, shuffle=True, random_state=0).split(X))
    target = None if name == "pca" else y
    expected = cross_val_score(twin(params), X, target, cv=folds)
    solved = [(algorithm.solve(state_of(X[a], y[a])), state_of(X[b], y[b])) for a, b in folds]
    scores = [float(algorithm.score(solution, Held(held_out), metric)) for solution, held_out in solved]
    np.testing.assert_allclose(scores, expected, rtol=tolerance(kind), atol=1e-10)
    ours, theirs = fitted(algorithm, state_of(X, y)), twin(params).fit(X, target)
    output = "transform" if name == "pca" else "predict"
    made, wanted = getattr(ours, output)(X), getattr(theirs, output)(X)
    np.testing.assert_allclose(made, wanted, rtol=tolerance(kind), atol=1e-8 * np.abs(wanted).max())


@pytest.mark.parametrize(("name", "index"), CASES, ids=lambda v: str(v))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_standardizing_is_a_standard_scaler_before_the_model(name, index):
    settings, twin = TWINS[name]
    X, y = data_of("scales")
    algorithm = fields.build(registry.get(name), {**settings[index], "standardize": True})
    theirs = make_pipeline(StandardScaler(), twin(settings[index])).fit(X, y)
    output = "transform" if name == "pca" else "predict"
    wanted = getattr(theirs, output)(X)
    made = getattr(fitted(algorithm, state_of(X, y)), output)(X)
    np.testing.assert_allclose(made, wanted, rtol=1e-6, atol=1e-8 * np.abs(wanted).max())


WEIGHTED = ["ridge", "lasso", "elastic_net", "ols", "bayesian_ridge"]


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_are_sample_weights(name):
    settings, twin = TWINS[name]
    X, y = data_of("easy")
    w = np.random.default_rng(3).uniform(0.2, 5.0, len(y))
    for params in settings:
        algorithm = raw(name, params)
        solution = algorithm.solve(state_of(X[:200], y[:200], w[:200]))
        theirs = twin(params).fit(X[:200], y[:200], sample_weight=w[:200])
        held_out = state_of(X[200:], y[200:], w[200:])
        assert float(algorithm.score(solution, Held(held_out), "r2")) == pytest.approx(
            theirs.score(X[200:], y[200:], sample_weight=w[200:]), rel=1e-8
        )


@pytest.mark.parametrize("name", ["pcr", "pls", "pca"])
def test_integer_weights_are_repeated_rows(name):
    X, y = data_of("easy")
    w = np.random.default_rng(3).integers(1, 4, len(y))
    algorithm = raw(name, {"n_components": 2})
    once = algorithm.solve(state_of(X, y, w.astype(float)))
    repeated = algorithm.solve(state_of(np.repeat(X, w, axis=0), np.repeat(y, w)))
    held_out, metric = state_of(X[:50], y[:50]), algorithm.exact[0]
    expected = float(algorithm.score(repeated, Held(held_out), metric))
    # the divisor of a variance counts rows: n - 1 of them, however they are weighted
    assert float(algorithm.score(once, Held(held_out), metric)) == pytest.approx(
        expected, rel=1e-2 if name == "pca" else 1e-9
    )


@pytest.mark.parametrize("name", [n for n in TWINS if n != "pca"])
def test_a_constant_target_is_refused(name):
    X, _ = data_of("easy")
    with pytest.raises(DegenerateTarget, match=r"target 'y' is 7 in all 240 rows"):
        registry.get(name)().check(state_of(X, np.full(len(X), 7.0)))


@pytest.mark.parametrize("name", TWINS)
def test_no_rows_is_refused(name):
    with pytest.raises(NotEnoughRows, match="needs at least"):
        registry.get(name)().solve(state_of(np.zeros((0, 3)), np.zeros(0)))


@pytest.mark.parametrize("name", TWINS)
def test_solving_and_scoring_leave_the_state_alone(name):
    X, y = data_of("easy")
    state = state_of(X, y)
    before = (state.mean.copy(), state.scatter.copy())
    algorithm = registry.get(name)()
    algorithm.score(algorithm.solve(state), Held(state), algorithm.exact[0])
    fitted(algorithm, state)
    algorithm.bounds(state)
    np.testing.assert_array_equal(state.mean, before[0])
    np.testing.assert_array_equal(state.scatter, before[1])


def test_no_other_coefficients_do_better():
    """Perturbed a hundred times, the penalised objective never falls."""
    X, y = data_of("scales")
    rng = np.random.default_rng(0)
    for name, penalty in (
        ("ridge", lambda w: 2.0 * np.sum(w**2)),
        ("lasso", lambda w: 2 * len(y) * 0.1 * np.sum(np.abs(w))),
    ):
        alpha = {"ridge": 2.0, "lasso": 0.1}[name]
        params = {"alpha": alpha} | ({"tol": 1e-13, "max_iter": 100_000} if name == "lasso" else {})
        solution = raw(name, params).solve(state_of(X, y))

        def objective(w, penalty=penalty):
            residual = (y - y.mean()) - (X - X.mean(axis=0)) @ w
            return residual @ residual + penalty(w)

        best = objective(solution.coef)
        for _ in range(100):
            step = rng.normal(size=len(solution.coef)) * 1e-3 * (np.abs(solution.coef) + 1e-3)
            assert objective(solution.coef + step) >= best * (1 - 1e-12)
