"""Columns of unlike scales, nearly collinear, repeated, fewer rows than columns: right to eight digits, or refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from differential.extended import orthogonal
from longdouble import ridge_scores
from sklearn.cross_decomposition import PLSRegression
from sklearn.datasets import load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import BayesianRidge, Lasso, LinearRegression, Ridge
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.contract import Batch, Column, Held, Shape, fitted
from algorithms.errors import Imprecise
from algorithms.families import rounding
from algorithms.models.lasso import Lasso as OurLasso
from algorithms.models.ols import OLS
from algorithms.models.pca import PCA as OurPCA  # noqa: N811
from algorithms.models.pcr import PCR
from algorithms.models.pls import PLS
from algorithms.models.ridge import Ridge as OurRidge
from algorithms.solvers.spectrum import decompose_root
from algorithms.summaries.moments import Moments, _some
from algorithms.summaries.precise import triangular

CV = KFold(4, shuffle=True, random_state=1)
METRICS = ("r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "explained_variance")


def state_of(X, y, precision="auto", weight=None):
    shape = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(X.shape[1])), ("y",))
    moments, rows = Moments(precision), np.asfortranarray(np.column_stack([X, y]))
    state = moments.init(shape)
    for some in np.array_split(np.arange(len(X)), 3):
        state = moments.update(state, Batch(rows[some], X.shape[1], None if weight is None else weight[some]))
    return state


def powers(rng, degree):
    h = rng.integers(46, 230, 392).astype(float)
    return np.column_stack([h**k for k in range(1, degree + 1)]), 40 - 0.2 * h + 5e-4 * h * h + 4 * rng.normal(size=392)


def products(rng):
    people, each = np.exp(rng.normal(15, 2, 300)).round(), np.exp(rng.normal(8, 1, 300))
    year = rng.integers(1952, 2008, 300).astype(float)
    return np.column_stack([people, each, people * each, year]), 3 * np.log(each) + 0.1 * year + rng.normal(size=300)


def counties(rng):
    n = 437
    people = np.exp(rng.normal(10, 1.3, n)).round()
    some = (people * rng.uniform(0.6, 1, n)).round()
    others, area = ((people - some) * rng.uniform(0, 1, n)).round(), rng.uniform(0.005, 0.11, n)
    shares = 100 * some / people, 100 * others / people
    X = np.column_stack([area, people, people / area, some, others, people - some - others, *shares])
    return X, 12 + 0.1 * shares[0] + 3 * rng.normal(size=n)


def diabetes(_):
    found = load_diabetes(scaled=False)
    return found.data, found.target


def wine(_):
    found = load_wine()
    return found.data, found.target.astype(float)


def more_columns_than_rows(rng):
    X = rng.normal(size=(30, 50)) * 10.0 ** (np.arange(50) % 3)
    return X, X[:, 0] + rng.normal(size=30)


def repeated(rng):
    X = rng.normal(size=(200, 4))
    return np.column_stack([X, X[:, 0], X[:, 1] + X[:, 2]]), X @ [1, 2, 3, 4] + rng.normal(size=200)


TABLES = {
    "three powers": lambda rng: powers(rng, 3),
    "products": products,
    "counties": counties,
    "diabetes": diabetes,
    "wine": wine,
    "more columns than rows": more_columns_than_rows,
    "repeated": repeated,
}
TIGHT = {"tol": 1e-12, "max_iter": 200_000}
PRIORS = dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), 1e-6)
MODELS = [
    ("ridge", {"alpha": 1e-3}, Ridge(1e-3, solver="svd")),
    ("ridge", {"alpha": 100.0}, Ridge(100.0, solver="svd")),
    ("ols", {}, LinearRegression()),
    ("lasso", {"alpha": 0.1, **TIGHT}, Lasso(0.1, **TIGHT)),
    ("bayesian_ridge", PRIORS, BayesianRidge()),
    ("pcr", {"n_components": 2}, make_pipeline(PCA(2, svd_solver="full"), LinearRegression())),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(("name", "setting", "twin"), MODELS, ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.parametrize("table", TABLES)
def test_fold_scores_of_hard_tables_are_scikit_learns(table, name, setting, twin, standardize):
    X, y = TABLES[table](np.random.default_rng(3))
    search = {f"{name}.{field}": value for field, value in {**setting, "standardize": standardize}.items()}
    also = ["r2", "neg_root_mean_squared_error"]
    found = hpo.tune(
        (X, y), algorithm=name, search=search, trials=1, folds=CV, scoring=also, store=None, progress=False
    ).best.scores
    twin = make_pipeline(StandardScaler(), twin) if standardize else twin
    for metric, scores in (("r2", found), (also[1], found.also[also[1]])):
        expected = cross_val_score(twin, X, y, cv=CV, scoring=metric)
        scale = np.maximum(np.abs(expected), 1.0 if metric == "r2" else 1e-2 * y.std())
        assert np.all(np.abs(scores.folds - expected) <= 1e-8 * scale), (metric, scores.folds, expected)


def hard(rng):
    """A table of a kind that ill-conditions its products, and a target at any share of noise."""
    n, q, kind = int(rng.integers(25, 150)), int(rng.integers(2, 7)), int(rng.integers(4))
    X = rng.normal(size=(n, q))
    if kind == 0:
        X = np.column_stack([rng.uniform(40, 230, n) ** k for k in range(1, q + 1)])
    elif kind == 1:
        X *= 10.0 ** rng.integers(-9, 12, q)
    elif kind == 2:
        X[:, -1] = X[:, 0] + 10.0 ** rng.integers(-9, -1) * rng.normal(size=n)
    else:
        X = np.vander(rng.uniform(0, 1, n), q + 1)[:, :-1] * 10.0 ** rng.integers(-4, 5)
    noise = rng.normal(size=n) * 10.0 ** rng.integers(-6, 1)
    return X, ((X - X.mean(axis=0)) / X.std(axis=0)) @ rng.normal(size=q) + noise


@pytest.mark.parametrize("precision", ["double", "qr"])
@pytest.mark.parametrize("seed", range(4))
def test_the_bound_holds_the_true_error(seed, precision, monkeypatch):
    """Against extended precision; what would be refused is held to its bound too."""
    monkeypatch.setattr(rounding, "DIGITS", 1e300)
    rng, shown = np.random.default_rng(seed), 0
    for _ in range(30):
        X, y = hard(rng)
        train = np.arange(len(X)) % 4 != 0
        alpha, standardize = float(10.0 ** rng.integers(-6, 4)), bool(rng.integers(2))
        truth = ridge_scores(X[train], y[train], X[~train], y[~train], alpha, standardize=standardize)
        model = OurRidge(alpha=alpha, standardize=standardize, summary=Moments(precision))
        states = (state_of(X[some], y[some], precision) for some in (train, ~train))
        solution, held_out = model.solve(next(states)), next(states)
        for metric in METRICS:
            try:
                score = model.score(solution, Held(held_out), metric)
            except Imprecise:
                continue
            shown += 1
            assert abs(score.value - float(truth[metric])) <= score.bound, (metric, alpha, standardize)
    assert shown > 80


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_holds_the_true_error_after_thousands_of_merges(seed, monkeypatch):
    """Each rounds what is there: of 4,096 parts the sum is off by several times what one product is."""
    monkeypatch.setattr(rounding, "DIGITS", 1e300)
    rng, moments = np.random.default_rng(seed), Moments("double")
    Z = rng.normal(size=(8 * 4096, 6))
    Z[:, -1] = Z[:, 0] + Z[:, 1] + 1e-3 * Z[:, -1]
    far = rng.normal(size=(60, 6))
    y = Z @ rng.normal(size=6) + 1e3 * (Z[:, -1] - Z[:, 0] - Z[:, 1])
    state = state_of(Z[:8], y[:8], "double")
    for k in range(8, len(Z), 8):
        state = moments.update(state, Batch(np.column_stack([Z[k : k + 8], y[k : k + 8]]), 6))
    model, target = OurRidge(alpha=1e-8, standardize=False, summary=moments), rng.normal(size=60)
    truth = ridge_scores(Z, y, far, target, 1e-8, standardize=False)
    score = model.score(model.solve(state), Held(state_of(far, target, "double")), "neg_mean_squared_error")
    assert abs(score.value - float(truth["neg_mean_squared_error"])) <= score.bound


@pytest.mark.parametrize("precision", ["double", "qr"])
def test_rounding_counts_merges_in_any_order(precision):
    rng, moments = np.random.default_rng(0), Moments(precision)
    empty = moments.init(Shape((Column("x", "x"),), ("y",)))
    parts = [moments.update(empty, Batch(rng.normal(size=(3, 2)), 1)) for _ in range(513)]
    one_by_one, by_pairs = parts[0], parts[:512]
    for part in parts[1:512]:
        one_by_one = moments.merge(one_by_one, part)
    while len(by_pairs) > 1:
        by_pairs = [moments.merge(a, b) for a, b in zip(by_pairs[::2], by_pairs[1::2], strict=True)]
    eps = float(np.finfo(float).eps)
    for made in (one_by_one, by_pairs[0]):
        assert made.rounding == pytest.approx(eps * np.sqrt(1 + 511 / 256), rel=1e-9, abs=0)
        coarse = dataclasses.replace(parts[512], rounding=1e-6)
        assert moments.merge(made, coarse).rounding == moments.merge(coarse, made).rounding == 1e-6


def test_a_root_keeps_the_digits_that_products_lose():
    rng = np.random.default_rng(0)
    X, y = powers(rng, 8)
    train = np.arange(len(X)) % 4 != 0
    truth = ridge_scores(X[train], y[train], X[~train], y[~train], 1e-6, standardize=False)
    model = OurRidge(alpha=1e-6, standardize=False)
    for precision in ("double", "qr"):
        solution = model.solve(state_of(X[train], y[train], precision))
        held_out = state_of(X[~train], y[~train], precision)
        if precision == "double":
            with pytest.raises(Imprecise, match="to six digits"):
                model.score(solution, Held(held_out), "r2")
        else:
            assert float(model.score(solution, Held(held_out), "r2")) == pytest.approx(float(truth["r2"]), rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "model", [OLS(), OurRidge(alpha=0.1), PCR(n_components=2), PLS(n_components=2), OurPCA(n_components=2),
              OurLasso(alpha=0.05, tol=1e-12, max_iter=100_000), OLS(positive=True), OurRidge(fit_intercept=False)],
    ids=lambda m: type(m).__name__,
)  # fmt: skip
def test_from_roots_every_model_is_what_it_is_from_products(model, weighted):
    rng = np.random.default_rng(1)
    X, w = rng.normal(size=(120, 4)) + 3.0, rng.exponential(size=120) if weighted else np.ones(120)
    y = X @ [1.0, -2.0, 0.5, 0.0] + rng.normal(size=120)
    made = {}
    for precision in ("double", "qr"):
        train, test = (state_of(X[some], y[some], precision, w[some]) for some in (slice(80), slice(80, None)))
        made[precision] = float(model.score(model.solve(train), Held(test), model.exact[0]))
    assert made["qr"] == pytest.approx(made["double"], rel=1e-11)


def test_data_is_read_once_more_where_a_score_needs_it_and_the_next_study_begins_so(tmp_path):
    X, y = powers(np.random.default_rng(2), 8)
    frame = pd.DataFrame(X, columns=list("abcdefgh")).assign(y=y)
    where = {"store": tmp_path / "store", "storage": tmp_path / "log", "progress": False}
    search = {"ridge.standardize": False, "ridge.alpha": [1e-4, 1e-2, 1.0]}
    first = hpo.tune(frame, "y", "ridge", trials=3, search=search, folds=CV, name="a", **where)
    assert first.cost.rows_read == 2 * len(frame) and len(first.candidates) == 3
    assert "read once more" in str(dataclasses.asdict(hpo.write_report(first)))
    loaded = hpo.load("a", store=where["store"], storage=where["storage"])
    assert loaded.best.scores == first.best.scores
    kept = loaded.best.states.train[0]
    assert kept.root.shape == kept.inner.shape
    second = hpo.tune(frame, "y", "ridge", trials=3, search=search, folds=CV, name="b", **where)
    assert second.cost.rows_read == 0
    assert second.best.scores.folds == pytest.approx(first.best.scores.folds, rel=1e-12)


def test_asked_for_products_that_are_too_few_fail_their_trial_and_say_what_to_type(tmp_path):
    X, y = powers(np.random.default_rng(2), 9)
    with pytest.warns(hpo.errors.NoScoreWarning, match="set precision='qr'"):
        hpo.tune(
            (X, y), algorithm="ridge", trials=1, folds=CV, store=tmp_path, progress=False,
            search={"ridge.standardize": False, "ridge.alpha": 1e-6, "ridge.precision": "double"},
            scoring="neg_root_mean_squared_error",
        )  # fmt: skip


def test_float32_rows_are_multiplied_in_float64():
    rng = np.random.default_rng(0)
    shape = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(3)), ("y",), dtype="float32")
    rows = np.asfortranarray(rng.normal(size=(5000, 4)).astype("float32"))
    narrow, wide = (
        moments.update(moments.init(shape), Batch(rows.astype(dtype), 3)).scatter
        for moments in (Moments(),)
        for dtype in ("float32", "float64")
    )
    assert np.array_equal(narrow, wide) and Moments().products == "double"
    assert "float64, since in float32" in Moments().precision_in_words(None, shape)
    assert Moments("qr").finer(None) is None and Moments("double").finer(None) is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_whose_sample_misleads_is_multiplied_about_its_means(dtype):
    """Columns within a deviation of zero by the sampled rows are not centred; the product says where that was wrong."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100_000, 3))
    X[:, 1] += 1e4
    X[_some(len(X)), 1] = rng.normal(size=256)
    rows = np.asfortranarray(np.column_stack([X, X[:, 0]])).astype(dtype, order="F")
    shape = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(3)), ("y",), dtype=dtype)
    for weight in (None, rng.exponential(size=len(X))):
        state = Moments().update(Moments().init(shape), Batch(rows, 3, weight))
        wide, w = rows.astype(np.longdouble), np.ones(len(X)) if weight is None else weight
        mean = w @ wide / w.sum()
        scatter = ((wide - mean) * w[:, None]).T @ (wide - mean)
        size = np.sqrt(np.diagonal(scatter))
        assert np.max(np.abs(state.scatter - scatter) / np.multiply.outer(size, size)) < 4e-15
        assert np.max(np.abs(state.mean - mean) / size) < 1e-16


@pytest.mark.filterwarnings("ignore")
def test_the_winner_of_a_search_on_unscaled_columns_scores_what_its_rows_give():
    """Lasso on counts beside shares: a score that cancels must not win, whatever the setting that makes it."""
    X, y = counties(np.random.default_rng(5))
    frame = pd.DataFrame(X).add_prefix("x").assign(y=y)
    result = hpo.tune(frame, "y", "lasso", trials=30, folds=CV, scoring="r2", store=None, seed=1, progress=False)
    model, rows = result.best.algorithm, result.model_of(encoded=True)["encoder"].transform(frame)
    for state, score, (_, test) in zip(
        result.best.states.train, result.best.scores.folds, CV.split(X), strict=True
    ):
        assert fitted(model, state).score(rows[test], y[test]) == pytest.approx(score, abs=1e-8)


def levels_beside(rng, n=6000):
    """Miles and minutes beside three columns of levels, each of which sums to one; some levels have few rows."""
    shares = np.random.default_rng(1).dirichlet(np.full(12, 0.7))
    columns = {f"c{i}": rng.choice(list("abcdefghijkl"), n, p=np.roll(shares, i)) for i in range(3)}
    miles, delay = rng.integers(80, 5000, n), rng.exponential(40.0, n).round()
    frame = pd.DataFrame({"miles": miles, "delay": delay, **columns})
    each = {c: rng.normal(size=26) for c in columns}
    y = 0.01 * miles + delay + sum(each[c][[ord(v) - 97 for v in columns[c]]] for c in columns)
    return frame.assign(y=y + 8.0 * rng.normal(size=n))


PRIORS = dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), 1e-6)


@pytest.mark.parametrize("standardize", [True, False])
def test_levels_that_sum_to_one_beside_large_numbers_are_read_once(standardize, tmp_path):
    frame = levels_beside(np.random.default_rng(5))
    encoded = pd.get_dummies(frame.drop(columns="y"), dtype=float).to_numpy()
    pcr = [make_pipeline(PCA(k, svd_solver="full"), LinearRegression()) for k in (2, 12, 24, 34)]
    for name, setting, twin in (
        *(("pcr", {"n_components": model[0].n_components}, model) for model in pcr),
        *(("pls", {"n_components": k}, PLSRegression(k, scale=False)) for k in (3, 12)),
        ("ols", {}, LinearRegression()),
        ("bayesian_ridge", PRIORS, BayesianRidge()),
    ):
        wanted = {**setting, "standardize": standardize, "min_frequency": 0.0}
        found = hpo.tune(
            frame, "y", name, trials=1, folds=CV, scoring="neg_root_mean_squared_error", progress=False,
            store=tmp_path, search={f"{name}.{k}": v for k, v in wanted.items()},
        )  # fmt: skip
        assert found.cost.rows_read in (0, len(frame)), name
        model = make_pipeline(StandardScaler(), twin) if standardize else twin
        expected = cross_val_score(model, encoded, frame["y"], cv=CV, scoring="neg_root_mean_squared_error")
        assert found.best.scores.folds == pytest.approx(expected, rel=1e-10), name
        assert found.best.scores.bound < 1e-10 * abs(found.best_value), name


def test_levels_beside_a_column_that_nearly_repeats_another_are_read_once_more(tmp_path):
    rng = np.random.default_rng(6)
    frame = levels_beside(rng)
    apart = rng.normal(size=len(frame))
    frame["again"], frame["y"] = frame["miles"] + 3e-3 * apart, frame["y"] + 5.0 * apart
    found = hpo.tune(
        frame, "y", "pcr", trials=1, folds=CV, store=tmp_path, progress=False,
        search={"pcr.standardize": False, "pcr.min_frequency": 0.0, "pcr.n_components": 40},
    )  # fmt: skip
    assert found.cost.rows_read == 2 * len(frame)


def test_eigenvectors_of_columns_of_unlike_scales_keep_their_small_entries():
    rng = np.random.default_rng(3)
    columns = rng.normal(size=(15, 12)) * 10.0 ** np.arange(-9, 15, 2)[rng.permutation(12)]
    target = rng.normal(size=15)
    root = triangular([np.column_stack([columns, target])])
    found = decompose_root(root, columns.T @ columns, columns.T @ target)
    rotated, vectors = orthogonal(columns)
    values = (rotated * rotated).sum(axis=0)
    order = np.argsort(-values)
    np.testing.assert_allclose(found.values, values[order].astype(float), rtol=1e-12)
    expected = np.abs(vectors[:, order]).astype(float)
    np.testing.assert_allclose(np.abs(found.vectors), expected, rtol=1e-9)
