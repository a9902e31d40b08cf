"""Where a Hessian is larger than the rows, generalized linear models keep the rows, and are exact."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.datasets import load_digits
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, TweedieRegressor
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms import laws
from algorithms.contract import Batch, Column, Shape, SparseBatch
from algorithms.learned import Learned
from algorithms.solvers.placed_rows import PlacedRows
from algorithms.solvers.truncated_newton import Loss
from algorithms.summaries import curvature
from algorithms.summaries._whole import WholeRows
from algorithms.summaries.families import LogisticCurvature
from hpo.errors import SearchError
from state_store.codec import flatten, restore

COLUMNS = tuple(Column(f"x{j}", f"x{j}") for j in range(6))
SHAPE = Shape(COLUMNS, ("y",), classes=("a", "b", "c"))


def ready(most=10_000, summary=None):
    return (LogisticCurvature() if summary is None else summary).knowing(Learned({curvature.WHOLE: np.array([most])}))


def batch_of(X, codes, order, w=None):
    if isinstance(X, csr_array):
        return SparseBatch(X, codes[:, None], w, order.astype(np.uint64))
    return Batch(np.asfortranarray(np.column_stack([X, codes])), X.shape[1], w, None, order.astype(np.uint64))


def some_rows(kind, n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 4, (n, 6)).astype(float) * (rng.random((n, 6)) < 0.5)
    X[:, 2] = 0.0
    if kind == "wide":
        X[n // 2 :, 1] *= 1000.1
    return csr_array(X) if kind == "sparse" else X, rng.integers(0, 3, n).astype(float), rng.permutation(n)


@pytest.mark.parametrize("kind", ["dense", "wide", "sparse"])
@pytest.mark.parametrize("most", [10_000, 25])
def test_rows_obey_the_laws_bit_by_bit(kind, most):
    summary = ready(most)
    (X, codes, order), w = some_rows(kind), np.random.default_rng(2).uniform(0.5, 2.0, 60)

    def part(rows):
        return batch_of(X[rows], codes[rows], order[rows], w[rows])

    cuts = [part(slice(0, 7)), part(slice(7, 40)), part(slice(40, 60))]
    whole = part(slice(None))
    laws.identity(summary, SHAPE, whole)
    laws.associativity(summary, SHAPE, cuts)
    laws.commutativity(summary, SHAPE, cuts[:2])
    laws.split_invariance(summary, SHAPE, whole, cuts)
    laws.bounded_size(summary, SHAPE, cuts)
    like = summary.init(SHAPE)
    laws.round_trip(summary, SHAPE, whole, lambda state: restore(*flatten(state), like))
    laws.resume(summary, SHAPE, cuts, lambda state: restore(*flatten(state), like))
    a = laws.lift(summary, SHAPE, whole)
    b = summary.merge(summary.merge(laws.lift(summary, SHAPE, cuts[2]), laws.lift(summary, SHAPE, cuts[0])),
                      laws.lift(summary, SHAPE, cuts[1]))  # fmt: skip
    laws.same("order", summary, a.whole, b.whole, tolerance=0.0)
    assert a.complete == (most == 10_000)


@pytest.mark.parametrize(("values", "kind"), [
    ([0.0, 255.0], "uint8"), ([-1.0, 255.0], "int16"), ([0.5, 40_000.0], "float32"), ([0.1, 1.0], "float64"),
])  # fmt: skip
def test_rows_are_kept_in_the_narrowest_exact_type(values, kind):
    rows = WholeRows.of(batch_of(np.array(values)[:, None], np.zeros(2), np.arange(2)), 1)
    assert rows.kind == kind
    np.testing.assert_array_equal(rows.dense[:, 0], values)


def test_columns_that_are_zero_in_every_row_take_nothing():
    X = np.zeros((50, 6))
    X[:, 4] = 3.0
    state = laws.lift(ready(), SHAPE, batch_of(X, np.zeros(50), np.arange(50)))
    assert state.whole.places.tolist() == [4]
    assert state.whole.numbers.nbytes == 50


def test_sparse_rows_are_solved_in_the_columns_that_some_row_has():
    X = np.zeros((50, 6))
    X[::3, 4] = X[::2, 1] = 3.0
    made = laws.lift(ready(), SHAPE, batch_of(csr_array(X), np.zeros(50), np.arange(50))).whole
    assert (made.columns.tolist(), made.matrix.shape) == ([1, 4], (50, 2))
    assert {made.matrix.indices.dtype, made.matrix.indptr.dtype} == {np.dtype(np.int32)}
    np.testing.assert_array_equal(made.matrix.toarray(), X[:, [1, 4]])
    nothing = batch_of(csr_array((50, 6)), np.zeros(50), np.arange(50))
    assert laws.lift(ready(), SHAPE, nothing).whole.matrix.shape == (50, 0)


def test_a_study_of_sparse_rows_that_are_zero_predicts_shares(rows_are_kept, tmp_path):
    y = np.arange(60) % 4 == 0
    ask = asked(algorithm="logistic", scoring="neg_log_loss", search={"logistic.C": 1.0}, store=tmp_path)
    found = hpo.tune((csr_array((60, 5)), y), **ask)
    assert found.best.states.train[0].of_rows
    expected = 0.25 * np.log(0.25) + 0.75 * np.log(0.75)
    np.testing.assert_allclose(found.best.scores.folds, expected, rtol=1e-8)


@pytest.fixture
def rows_are_kept(monkeypatch):
    """Hessians of any size count as larger than the rows."""
    monkeypatch.setattr(curvature, "LARGE", 0)
    monkeypatch.setattr(curvature.Curvature, "_rows_of_hessian", lambda summary, shape: 10_000)


def fold_rows(result):
    """The rows of each training and held-out state, as scikit-learn takes them."""
    states = result.best.states
    for train, held in zip(states.train, states.sample.test, strict=True):
        X = train.whole.matrix
        full = np.zeros((len(train.whole), train.shape.d))
        full[:, train.whole.columns] = X.toarray() if hasattr(X, "toarray") else X
        held_x = held.held.toarray() if hasattr(held.held, "toarray") else held.held
        keep = [j for j, c in enumerate(train.shape.columns) if c.role != "indicator"]
        yield full[:, keep], train.whole.target, train.whole.weight, held_x[:, keep], held.target, held.sample_weight


TIGHT = {"tol": 1e-10, "max_iter": 5000}


def asked(**more):
    return {"trials": 1, "folds": 3, "progress": False, "seed": 3, **more}




def test_an_l1_penalty_is_refused_in_words(rows_are_kept, tmp_path):
    X, y = load_digits(return_X_y=True)
    with pytest.raises(SearchError, match="leave l1_ratio at 0"):
        hpo.tune((X[:200], y[:200]), **asked(algorithm="logistic", store=tmp_path), search={"logistic.l1_ratio": 0.5})


def test_selected_columns_and_features_are_those_of_a_state_of_sums(monkeypatch, tmp_path):
    X, y = load_digits(return_X_y=True)
    fourier = {"logistic.kernel": "fourier", "logistic.kernel_components": 30}
    few = {"logistic.select": 20}
    for number, (labels, more) in enumerate(((y[:300], few), (y[:300] > 4, few), (y[:300], fourier))):
        ask = asked(algorithm="logistic", scoring="neg_log_loss", search={"logistic.C": 0.1, **more})
        sums = hpo.tune((X[:300], labels), **ask, store=tmp_path / f"sums{number}")
        with monkeypatch.context() as patch:
            patch.setattr(curvature, "LARGE", 0)
            patch.setattr(curvature.Curvature, "_rows_of_hessian", lambda summary, shape: 10_000)
            rows = hpo.tune((X[:300], labels), **ask, store=tmp_path / f"rows{number}")
        assert rows.best.states.train[0].of_rows and not sums.best.states.train[0].of_rows
        np.testing.assert_allclose(rows.best.scores.folds, sums.best.scores.folds, rtol=1e-6)


def test_more_rows_than_were_to_be_kept_are_read_again(monkeypatch, tmp_path):
    monkeypatch.setattr(curvature, "LARGE", 0)
    monkeypatch.setattr(curvature.Curvature, "_rows_of_hessian", lambda summary, shape: 1000)
    X, y = load_digits(return_X_y=True)
    whole = {f"x{j}": X[:, j] for j in range(64)} | {"y": y}
    for part, rows in enumerate((slice(0, 500), slice(500, 900), slice(900, 1500))):
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        pq.write_table(pa.table({name: v[rows] for name, v in whole.items()}), data / f"{part}.parquet")
        ask = asked(algorithm="logistic", scoring="accuracy", store=tmp_path / "store", target="y")
        result = hpo.tune(data, **ask, search={"logistic.C": 0.01})
        assert result.best.states.whole.of_rows == (part < 2)
        assert result.cost.rows_read == (500, 400, 3000 - 900)[part]


def test_a_wide_hessian_is_no_reason_to_refuse_what_fits(monkeypatch, tmp_path):
    monkeypatch.setenv("HPO_MEMORY_LIMIT", "1e9")
    X = random_array((300, 4000), density=0.01, format="csr", rng=np.random.default_rng(0))
    y = np.where(np.asarray(X[:, :400].sum(axis=1)).ravel() > 2.0, "b", "a")
    result = hpo.tune((csr_array(X), y), **asked(algorithm="logistic", store=tmp_path))
    assert result.best.states.whole.complete


@pytest.mark.parametrize(("C", "standardize"), [(1e-3, True), (1.0, True), (100.0, True), (0.1, False)])
def test_digits_have_scikit_learns_fold_scores(C, standardize, rows_are_kept, tmp_path):
    X, y = load_digits(return_X_y=True)
    ask = asked(algorithm="logistic", scoring="neg_log_loss", store=tmp_path)
    result = hpo.tune((X[:400], y[:400]), **ask, search={"logistic.C": C, "logistic.standardize": standardize})
    best = result.best
    assert all(state.of_rows and state.complete for state in best.states.train)
    assert best.states.train[0].whole.kind.itemsize <= 2
    expected = []
    for train, codes, _, test, held, _ in fold_rows(result):
        model = LogisticRegression(C=C, solver="newton-cholesky", **TIGHT)
        twin = (make_pipeline(StandardScaler(), model) if standardize else model).fit(train, codes)
        expected.append(-log_loss(held, twin.predict_proba(test), labels=np.arange(10)))
    off = np.abs(np.array(best.scores.folds) - expected)
    np.testing.assert_allclose(best.scores.folds, expected, rtol=2e-7)
    assert np.all(off <= np.array(best.scores.bounds) + 2e-7 * np.abs(expected))
    assert max(best.scores.bounds) < 1e-6


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_sparse_counts_have_scikit_learns_fold_scores(fit_intercept, rows_are_kept, tmp_path):
    rng = np.random.default_rng(0)
    X = random_array((300, 600), density=0.015, format="csr", rng=rng)
    X.data = np.ceil(3.0 * X.data)
    y = np.where(np.asarray(X[:, :100].sum(axis=1)).ravel() > 1.5, "b", "a")
    search = {"logistic.C": 2.0, "logistic.standardize": False, "logistic.fit_intercept": fit_intercept}
    ask = asked(algorithm="logistic", scoring="neg_log_loss", store=tmp_path)
    result = hpo.tune((csr_array(X), y), **ask, search=search)
    assert result.best.states.train[0].whole.is_sparse
    expected = []
    for train, codes, _, test, held, _ in fold_rows(result):
        twin = LogisticRegression(C=2.0, fit_intercept=fit_intercept, solver="newton-cholesky", **TIGHT)
        expected.append(-log_loss(held, twin.fit(train, codes).predict_proba(test), labels=[0, 1]))
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-8)
    assert result.best_model.predict_proba(csr_array(X)[:5]).shape == (5, 2)


TWINS = {
    "poisson": lambda: PoissonRegressor(alpha=0.1, solver="newton-cholesky", **TIGHT),
    "gamma": lambda: GammaRegressor(alpha=0.1, solver="newton-cholesky", **TIGHT),
    "tweedie": lambda: TweedieRegressor(alpha=0.1, power=1.5, link="log", solver="newton-cholesky", **TIGHT),
}


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("weighted", [False, True])
def test_deviance_regressions_have_scikit_learns_fold_scores(name, weighted, rows_are_kept, tmp_path):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 12)) * np.logspace(-1, 2, 12) + 50.0
    y = rng.poisson(np.exp(0.3 * (X[:, 0] - 50.0) / 0.1 + 0.5)).astype(float) + (name == "gamma")
    w = rng.uniform(0.5, 2.0, 400) if weighted else np.ones(400)
    table = pa.table({**{f"x{j}": X[:, j] for j in range(12)}, "y": y, "w": w})
    pq.write_table(table, tmp_path / "rows.parquet")
    ask = asked(algorithm=name, scoring="neg_mean_squared_error", store=tmp_path / "store", target="y")
    result = hpo.tune(tmp_path / "rows.parquet", **ask, **({"weight": "w"} if weighted else {"drop": ["w"]}),
                      search={f"{name}.alpha": 0.1})  # fmt: skip
    assert result.best.states.train[0].of_rows
    expected = []
    for train, target, v, test, held, u in fold_rows(result):
        scaler = StandardScaler().fit(train, sample_weight=v)
        twin = TWINS[name]().fit(scaler.transform(train), target, sample_weight=v)
        expected.append(-np.average((held - twin.predict(scaler.transform(test))) ** 2, weights=u))
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-7)


def test_rows_that_can_be_told_apart_take_few_steps(monkeypatch):
    rng = np.random.default_rng(0)
    x = csr_array((rng.random((300, 40)) < 0.2).astype(np.float64))
    y = np.asarray(x[:, :9].sum(axis=1) > 1.0, np.float64)
    slopes, back = [], PlacedRows.backward
    monkeypatch.setattr(PlacedRows, "backward", lambda rows, found: slopes.append(1) or back(rows, found))
    about, rows = LogisticCurvature().about, PlacedRows(x, csr_array(np.eye(40)), np.zeros(40), np.ones(40))
    found = Loss(about, rows, y, np.ones(300), 1e-3, True).least(np.zeros((1, 40)), np.zeros(1))
    twin = LogisticRegression(C=1e3, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x.toarray(), y)
    assert found.converged and len(slopes) <= 11
    np.testing.assert_allclose(found.coef, twin.coef_, rtol=1e-6)
