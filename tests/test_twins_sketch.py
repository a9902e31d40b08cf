"""Wide PCA: a sketch in place of the square, on dense and sparse rows; chosen by itself where the square does not fit."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from twins_sketch import TWINS

import hpo
from algorithms import registry
from algorithms.contract import Batch, Column, Shape, SparseBatch, fitted
from algorithms.errors import InvalidField
from algorithms.laws import same
from algorithms.models.sketched_pca import SketchedPCA
from algorithms.preparing.imputed import value_columns
from algorithms.summaries._kept import KeptRows
from algorithms.summaries.moments import Moments
from algorithms.summaries.sample import Sample, SampleState
from algorithms.summaries.sketch import Sketch
from hpo.errors import DataError, MemoryShort, NoScoreWarning, SearchError
from hpo.findings.noted import algorithm_of
from hpo.findings.scored import leaders
from studies import StudySpec

PLAIN = {"sketched_pca.standardize": False}


def topics(n, d, rank=20, density=0.02, seed=0):
    """Sparse counts of words by topics of falling weight, as texts are."""
    rng = np.random.default_rng(seed)
    words = rng.dirichlet(np.full(d, 0.02), size=rank)
    topic = rng.choice(rank, size=n, p=1.0 / np.arange(1, rank + 1) / np.sum(1.0 / np.arange(1, rank + 1)))
    per_row = max(2, int(density * d))
    columns = np.stack([rng.choice(d, size=per_row, p=words[t]) for t in topic])
    rows = np.repeat(np.arange(n), per_row)
    made = sparse.csr_array((np.ones(n * per_row), (rows, columns.ravel())), shape=(n, d))
    made.sum_duplicates()
    return made


def digits():
    """Handwritten digits without the pixels that are black in all of them."""
    X, _ = load_digits(return_X_y=True)
    return X[:, X.any(axis=0)]


def explained(model, X):
    """Share of the variance of rows along a model's components, measured on the rows."""
    X = X - X.mean(axis=0)
    return float(((X @ model.components_.T) ** 2).sum() / (X**2).sum())


@pytest.mark.parametrize("params", TWINS["sketched_pca"][0], ids=str)
def test_it_explains_what_its_twin_explains(params, tmp_path):
    X = digits()
    asked = {f"sketched_pca.{name}": value for name, value in params.items()} | {
        "sketched_pca.size": 50,
        **PLAIN,
    }
    result = hpo.tune(X, algorithm="sketched_pca", trials=1, store=tmp_path, search=asked)
    ours, twin = result.best_model["model"], TWINS["sketched_pca"][1](params).fit(X)
    assert isinstance(ours, PCA)
    assert explained(ours, X) > 0.99 * explained(twin, X)
    assert ours.explained_variance_ratio_.sum() == pytest.approx(explained(ours, X), rel=0.01)
    np.testing.assert_allclose(ours.mean_, X.mean(axis=0), atol=1e-12)
    assert ours.noise_variance_ == pytest.approx(twin.noise_variance_, rel=0.05)
    assert result.best_model.transform(X).shape == (len(X), params["n_components"])


def test_data_of_low_rank_is_exact(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 8)) @ rng.normal(size=(8, 60)) + 3.0
    asked = {"sketched_pca.n_components": 8, "sketched_pca.size": 12, **PLAIN}
    ours = hpo.tune(
        X, algorithm="sketched_pca", trials=1, scoring="explained_variance", store=tmp_path, search=asked
    ).best_model["model"]
    twin = PCA(8, svd_solver="full").fit(X)
    np.testing.assert_allclose(ours.explained_variance_, twin.explained_variance_, rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.sum(ours.components_ * twin.components_, axis=1)), 1.0, atol=1e-6)


def test_a_spectrum_that_falls_slowly_is_within_a_hundredth(tmp_path):
    rng = np.random.default_rng(1)
    X = (rng.normal(size=(4000, 300)) * np.arange(1, 301) ** -0.5) @ np.linalg.qr(
        rng.normal(size=(300, 300))
    )[0]
    asked = {"sketched_pca.n_components": 50, **PLAIN}
    ours = hpo.tune(X, algorithm="sketched_pca", trials=1, store=tmp_path, search=asked).best_model["model"]
    assert explained(ours, X) > 0.99 * explained(PCA(50, svd_solver="full").fit(X), X)


def test_sparse_rows_give_what_dense_rows_give_and_are_read_once(tmp_path):
    X = topics(3000, 400)
    cv = KFold(4, shuffle=True, random_state=0)
    asked = {"algorithm": "sketched_pca", "trials": 8, "folds": cv, "search": {"sketched_pca.size": 30}}
    thin = hpo.tune(X, **asked, store=tmp_path / "thin")
    full = hpo.tune(X.toarray(), **asked, store=tmp_path / "full", seed=0)
    assert thin.cost.rows_read == full.cost.rows_read == 3000
    assert all(t.user_attrs["rows_read"] == 0 for t in thin.optuna_study.trials)
    whole, other = thin.best.states.whole, full.best.states.whole
    np.testing.assert_allclose(whole.mean[value_columns(whole.shape)], np.asarray(X.mean(axis=0)), atol=1e-12)
    np.testing.assert_allclose(whole.scatter, other.scatter, rtol=1e-9)
    assert thin.best_value == pytest.approx(full.best_value, rel=1e-6)
    assert hpo.tune(X, **asked, store=tmp_path / "thin").cost.rows_read == 0


def as_dense(state):
    """Return a state with its kept rows dense, whichever way they are held."""
    if not isinstance(state, SampleState):
        return state
    return dataclasses.replace(state, kept=KeptRows.of_dense(state.kept.values, state.shape.t))



@given(st.integers(0, 1000), st.booleans(), st.booleans())
def test_a_sparse_batch_is_a_batch_to_every_summary(seed, weighted, empty):
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(1, 9)), 4
    dense = np.where(rng.random((n, d)) < (0.0 if empty else 0.4), rng.integers(-3, 4, (n, d)), 0).astype(
        float
    )
    dense[:, 3] = rng.random(n) < 0.3
    dense[dense[:, 3] > 0, 2] = 0.0
    y = rng.normal(size=(n, 1))
    w = rng.integers(1, 4, n).astype(float) if weighted else None
    order = rng.permutation(n).astype(np.uint64)
    columns = (
        Column("a", "a"),
        Column("b", "b"),
        Column("c", "c"),
        Column("missingindicator_c", "c", "indicator"),
    )
    shape = Shape(columns, ("y",))
    full = Batch(np.asfortranarray(np.c_[dense, y]), d, w, priority=order)
    thin = SparseBatch(sparse.csr_array(dense), y, w, order)
    sample = Batch(np.asfortranarray(rng.normal(size=(30, 5))), d)
    known = Sketch(size=2).learn(shape, sample)
    for summary in (Moments(), Sample(size=5), Sketch(size=2).knowing(known)):
        made = [as_dense(summary.update(summary.init(shape), batch)) for batch in (full, thin)]
        same("sparse", summary, *made, tolerance=1e-9)
        parts = [thin.part(slice(0, n // 2)), *thin.part(slice(n // 2, None)).pieces()]
        state = summary.init(shape)
        for part in parts:
            state = summary.update(state, part)
        same("sparse, in parts", summary, as_dense(state), made[0], tolerance=1e-9)


def test_missing_numbers_count_as_the_mean_in_sparse_and_dense_rows(tmp_path):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((2000, 6)) < 0.5, rng.normal(loc=2.0, size=(2000, 6)), 0.0)
    X[rng.random(X.shape) < 0.1] = np.nan
    asked = {
        "algorithm": "sketched_pca",
        "trials": 1,
        "search": {"sketched_pca.n_components": 3, "sketched_pca.size": 6},
    }
    thin, full = (
        hpo.tune(rows, **asked, store=tmp_path / kind)
        for kind, rows in (("s", sparse.csr_array(X)), ("d", X))
    )
    filled = StandardScaler().fit_transform(np.where(np.isnan(X), np.nanmean(X, axis=0), X))
    twin = PCA(3, svd_solver="full").fit(filled)
    for result in (thin, full):
        np.testing.assert_allclose(
            result.best_model["model"].explained_variance_, twin.explained_variance_, rtol=0.01
        )
        assert np.isfinite(result.best_model.transform(X)).all()


def test_fold_scores_are_those_of_the_rows(tmp_path):
    X, _ = load_digits(return_X_y=True)
    cv = KFold(4, shuffle=True, random_state=0)
    asked = {"sketched_pca.n_components": 20, "sketched_pca.size": 60, **PLAIN}
    result = hpo.tune(
        X, algorithm="sketched_pca", trials=1, folds=cv, scoring=["explained_variance", "log_likelihood"],
        store=tmp_path, search=asked,
    )  # fmt: skip
    for i, (train, test) in enumerate(cv.split(X)):
        twin = PCA(20, svd_solver="full").fit(X[train])
        held = X[test] - twin.mean_
        share = ((held @ twin.components_.T) ** 2).sum() / (held**2).sum()
        assert result.best.scores.folds[i] == pytest.approx(share, rel=0.005)
        assert np.isfinite(result.best.scores.also["log_likelihood"].folds[i])


def test_pca_is_answered_by_it_where_the_square_does_not_fit(tmp_path, monkeypatch):
    X = topics(2000, 600)
    where = {"store": tmp_path / "store", "storage": tmp_path / "journal", "name": "wide"}
    monkeypatch.setenv("HPO_MEMORY_LIMIT", str(40 * 2**20))
    result = hpo.tune(X, algorithm="pca", trials=5, **where)
    assert algorithm_of(result.run, result.best) == "pca"
    assert isinstance(result.best.algorithm, SketchedPCA)
    assert set(result.best_params) == {"pca.n_components"}
    assert any("answered by sketched_pca" in note for note in hpo.write_report(result).notes)
    monkeypatch.delenv("HPO_MEMORY_LIMIT")
    again = hpo.load("wide", storage=where["storage"])
    np.testing.assert_array_equal(again.best_model.transform(X), result.best_model.transform(X))
    narrow = hpo.tune(topics(200, 40), algorithm="pca", trials=2, store=tmp_path / "s")
    assert not isinstance(narrow.best.algorithm, SketchedPCA), "the square fits"


def test_what_the_sketch_does_not_have_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_MEMORY_LIMIT", str(40 * 2**20))
    with pytest.raises(MemoryShort, match=r"'sketched_pca'.*has no hyperparameter 'min_frequency'"):
        hpo.tune(topics(300, 600), algorithm="pca", store=tmp_path, search={"pca.min_frequency": 0.1})
    with pytest.raises(MemoryShort, match=r"'sketched_pca'.*cannot be asked so.*impute='indicator'"):
        hpo.tune(topics(300, 600), algorithm="pca", store=tmp_path, search={"pca.impute": "indicator"})
    with pytest.raises(MemoryShort, match=r"the states of .*linear_regressor.* fit"):
        hpo.tune((topics(300, 600), np.arange(300.0)), algorithm="ridge", store=tmp_path)
    with pytest.raises(InvalidField, match="size=0"):
        Sketch(size=0)
    monkeypatch.delenv("HPO_MEMORY_LIMIT")
    asked = {"sketched_pca.n_components": 50, "sketched_pca.size": 10}
    with pytest.raises(SearchError, match=r"n_components=50: more than size=10, the directions that the sketch keeps"):
        hpo.tune(topics(300, 100), algorithm="sketched_pca", trials=1, store=tmp_path, search=asked)


def test_an_infinite_number_in_a_sparse_matrix_is_named(tmp_path):
    X = topics(50, 20).tolil()
    X[7, 3] = np.inf
    with pytest.raises(DataError, match=r"column 'x3' holds inf"):
        hpo.tune(sparse.csr_array(X), algorithm="sketched_pca", store=tmp_path)


@pytest.mark.parametrize(
    "algorithm", ["ridge", "logistic", "knn_regressor", "linear", "gaussian_nb", "kmeans"]
)
def test_every_algorithm_takes_sparse_rows_as_it_takes_dense_ones(algorithm, tmp_path):
    X = topics(600, 30, rank=4, density=0.2)
    total = np.asarray(X[:, :10].sum(axis=1)).ravel()
    classes = algorithm in ("logistic", "linear", "gaussian_nb")
    y = np.where(total > np.median(total), "high", "low") if classes else total
    thin = X if algorithm == "kmeans" else (X, y)
    full = X.toarray() if algorithm == "kmeans" else (X.toarray(), y)
    cv = KFold(3, shuffle=True, random_state=0)
    one, other = (
        hpo.tune(data, algorithm=algorithm, trials=4, folds=cv, store=tmp_path / str(i))
        for i, data in enumerate((thin, full))
    )
    assert one.cost.rows_read == other.cost.rows_read == 600
    np.testing.assert_allclose(
        [t.value for t in one.optuna_study.trials],
        [t.value for t in other.optuna_study.trials],
        rtol=0.02,
        atol=0.02,
    )


def test_a_column_beside_the_matrix_may_say_the_group(tmp_path):
    X = topics(400, 30)
    weight = pd.Series(np.r_[np.zeros(100), np.ones(300)], name="w")
    some = hpo.tune((X, None), algorithm="sketched_pca", weight=weight, trials=2, store=tmp_path)
    assert some.best.states.whole.rows == 300
    assert some.cost.rows_without_weight == 100


def test_parquet_of_thousands_of_columns_goes_through(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 2500)).astype(np.float32)).add_prefix("x")
    frame.to_parquet(tmp_path / "wide.parquet")
    result = hpo.tune(
        str(tmp_path / "wide.parquet"), algorithm="sketched_pca", trials=3, store=tmp_path / "s"
    )
    assert result.cost.rows_read == 300


def test_standardised_columns_are_divided_by_their_exact_deviations(tmp_path, monkeypatch):
    """The pass divides by a sample's; what is rescaled afterwards is the twin's, also where the sample is small."""
    monkeypatch.setattr("hpo.states.learned.summaries.ROWS", 300)
    X = topics(4000, 200, rank=8, density=0.2)
    result = hpo.tune(
        X, algorithm="sketched_pca", trials=1, store=tmp_path,
        search={"sketched_pca.n_components": 8, "sketched_pca.size": 60},
    )  # fmt: skip
    model, rows = result.best_model, X.toarray()
    twin = StandardScaler().fit(rows)
    np.testing.assert_allclose(model["scale"].scale_, twin.scale_, rtol=1e-9)
    np.testing.assert_allclose(model["scale"].var_, twin.var_, rtol=1e-9)
    Z = twin.transform(rows)
    best = PCA(8, svd_solver="full").fit(Z)
    assert explained(model["model"], Z) > 0.99 * explained(best, Z)
    total = model["model"].explained_variance_.sum() / model["model"].explained_variance_ratio_.sum()
    assert total == pytest.approx(Z.var(axis=0, ddof=1).sum(), rel=1e-9), "all the variance, of every column"


def test_a_held_out_score_is_at_most_that_of_the_rows(tmp_path):
    X, _ = load_digits(return_X_y=True)
    cv = KFold(3, shuffle=True, random_state=0)
    result = hpo.tune(
        X, algorithm="sketched_pca", trials=1, folds=cv, scoring=["log_likelihood", "explained_variance"],
        store=tmp_path, search={"sketched_pca.n_components": 15, "sketched_pca.size": 30, **PLAIN},
    )  # fmt: skip
    algorithm, states = result.best.algorithm, result.best.states
    for i, (_, test) in enumerate(cv.split(X)):
        made = fitted(algorithm, states.train[i])
        rows, model = made[:-1].transform(result.model_of(encoded=True)["encoder"].transform(X[test])), made["model"]
        held = rows - model.mean_
        share = float(((held @ model.components_.T) ** 2).sum() / (held**2).sum())
        score, truth = result.best.scores.also["explained_variance"].folds[i], model.score(rows)
        assert 0.99 * share < score <= share * (1 + 1e-9)
        assert share <= score + result.best.scores.also["explained_variance"].bounds[i] < score + 0.2
        assert truth - 1.0 < result.best.scores.folds[i] <= truth + 1e-6
        assert truth <= result.best.scores.folds[i] + result.best.scores.bounds[i]
    assert hpo.accuracy(result).bound == pytest.approx(np.mean(result.best.scores.bounds))


def mixed(n=400, seed=0):
    """Numbers and categories without missing ones, and a level that the last quarter of the rows alone has."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "c": rng.choice(list("uvw"), n)})
    frame["b"] += frame["a"] + 3.0
    frame["never"] = 0.0
    frame.loc[frame.index[-n // 4 :: 3], "c"] = "x"
    return frame


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("k", [1, 3])
def test_with_as_many_directions_as_columns_it_is_pca_with_categories_too(standardize, k, tmp_path):
    """A level that no training row has is in neither model; a number of zeros is in both, as in scikit-learn's."""
    frame, cv = mixed(), KFold(4)
    made = {}
    for name in ("pca", "sketched_pca"):
        asked = {f"{name}.n_components": k, f"{name}.standardize": standardize}
        scores = ["log_likelihood", "explained_variance"]
        made[name] = hpo.tune(
            frame, algorithm=name, trials=1, folds=cv, scoring=scores, search=asked, store=tmp_path
        )  # fmt: skip
    exact, near = made["pca"], made["sketched_pca"]
    ours, theirs = near.best_model["model"], exact.best_model["model"]
    assert ours.n_features_in_ == theirs.n_features_in_ == 7
    assert list(near.best_model[:-1].get_feature_names_out()) == list(
        exact.best_model[:-1].get_feature_names_out()
    )
    assert ours.noise_variance_ == pytest.approx(theirs.noise_variance_, rel=1e-9)
    np.testing.assert_allclose(near.best_model.transform(frame), exact.best_model.transform(frame), atol=1e-9)
    np.testing.assert_allclose(near.best.scores.folds, exact.best.scores.folds, rtol=1e-9)
    shares = (one.best.scores.also["explained_variance"].folds for one in (near, exact))
    np.testing.assert_allclose(*shares, rtol=1e-9)
    columns = pd.get_dummies(frame, columns=["c"]).astype(float)
    for (train, test), score in zip(cv.split(frame), near.best.scores.folds, strict=True):
        there = columns.columns[columns.iloc[train].any() | (columns.columns == "never")]
        X, held = columns.iloc[train][there].to_numpy(), columns.iloc[test][there].to_numpy()
        if standardize:
            scaler = StandardScaler().fit(X)
            X, held = scaler.transform(X), scaler.transform(held)
        assert score == pytest.approx(PCA(k, svd_solver="full").fit(X).score(held), rel=1e-9)


def test_fewer_directions_than_columns_are_enough_for_rows_of_low_rank_beside_columns_of_zeros(tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 30)) + 1.0
    X = np.zeros((300, 40))
    X[:, rng.permutation(40)[:30]] = rows
    made = {}
    for name, more in (("pca", {}), ("sketched_pca", {"sketched_pca.size": 12})):
        asked = {f"{name}.n_components": 4, f"{name}.standardize": False, **more}
        made[name] = hpo.tune(X, algorithm=name, trials=1, folds=KFold(3), search=asked, store=tmp_path)
    near, exact = made["sketched_pca"], made["pca"]
    assert near.best_model["model"].n_features_in_ == 40
    np.testing.assert_allclose(near.best.scores.folds, exact.best.scores.folds, rtol=1e-6)


def test_both_pcas_tell_the_same_share_of_variance(tmp_path):
    X, _ = load_digits(return_X_y=True)
    asked = {"trials": 1, "folds": 3, "scoring": "explained_variance"}
    exact = hpo.tune(
        X, algorithm="pca", store=tmp_path, search={"pca.n_components": 10, "pca.standardize": False}, **asked
    )
    near = hpo.tune(
        X,
        algorithm="sketched_pca",
        store=tmp_path,
        search={"sketched_pca.n_components": 10, **PLAIN},
        **asked,
    )
    assert near.best_value == pytest.approx(exact.best_value, rel=1e-6)
    for kind in ("sketched_pca", "pca"):
        assert registry.get(kind).tags.exact == ("log_likelihood", "explained_variance")


def test_the_user_may_ask_for_it_and_forbid_it(tmp_path, monkeypatch):
    X = topics(300, 120)
    asked = hpo.tune(X, algorithm="pca", trials=2, store=tmp_path, search={"pca.wide": True, "pca.size": 20})
    assert isinstance(asked.best.algorithm, SketchedPCA)
    assert asked.best.states.whole.product.shape == (120, 20)
    with pytest.raises(SearchError, match=r"pca\.wide.*'yes'.*must be true .* or false"):
        hpo.tune(X, algorithm="pca", store=tmp_path, search={"pca.wide": "yes"})
    with pytest.raises(SearchError, match=r"'pca\.size' is not a hyperparameter"):
        hpo.tune(X, algorithm="pca", store=tmp_path, search={"pca.size": 20})
    monkeypatch.setenv("HPO_MEMORY_LIMIT", str(3 * 2**20))
    with pytest.raises(MemoryShort):
        hpo.tune(X, algorithm="pca", store=tmp_path, search={"pca.wide": False})


def test_a_resumed_study_goes_on_from_the_state_that_it_began_with(tmp_path, monkeypatch):
    X = topics(500, 200)
    asked = {"algorithm": "pca", "store": tmp_path / "s", "storage": tmp_path / "journal", "name": "wide"}
    monkeypatch.setenv("HPO_MEMORY_LIMIT", str(20 * 2**20))
    hpo.tune(X, trials=2, **asked)
    monkeypatch.delenv("HPO_MEMORY_LIMIT")
    more = hpo.tune(X, trials=4, **asked)
    assert more.cost.rows_read == 0
    assert isinstance(more.best.algorithm, SketchedPCA), "the square fits by now, and the study is the same"


def test_the_plan_says_it(tmp_path, monkeypatch):
    pd.DataFrame(topics(200, 150).toarray()).add_prefix("x").to_parquet(tmp_path / "a.parquet")
    spec = StudySpec(data=str(tmp_path / "a.parquet"), algorithm="pca", store=str(tmp_path / "s"))
    assert not hpo.plan(spec).stand_ins
    monkeypatch.setenv("HPO_MEMORY_LIMIT", str(5 * 2**20))
    assert "pca is answered by sketched_pca" in hpo.plan(spec).stand_ins
    assert "Sketch(size=100" in hpo.plan(spec).summaries[0]
    assert (
        next(iter(leaders(hpo.tune(str(tmp_path / "a.parquet"), algorithm="auto", trials=1, store=tmp_path / "s"))))
        == "pca"
    )


def test_products_of_float32_rows_have_an_eigenvalue_for_each_dimension_alone():
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(1000, 5)) @ rng.normal(size=(5, 80))).astype(np.float32)
    shape = Shape(tuple(Column(f"x{j}", f"x{j}") for j in range(80)), dtype="float32")
    sketch = Sketch(size=20, standardize=False)
    batch = Batch(np.asfortranarray(rows), 80)
    sketch = sketch.knowing(sketch.learn(shape, batch))
    model = fitted(SketchedPCA(n_components=5, summary=sketch), sketch.update(sketch.init(shape), batch))[
        "model"
    ]
    twin = PCA(5, svd_solver="full").fit(rows.astype(np.float64))
    np.testing.assert_allclose(model.explained_variance_, twin.explained_variance_, rtol=1e-5)


def drifting(n=600, d=6, seed=0):
    """A year and numbers whose mean and gaps differ from one third of the rows to the next; a fold lacks a column's gaps."""
    rng = np.random.default_rng(seed)
    third = np.arange(n) * 3 // n
    X = rng.normal(size=(n, 3)) @ rng.normal(size=(3, d)) + 0.3 * rng.normal(size=(n, d)) + 2.0 * third[:, None]
    X[:, 0] = 2000.0 + np.round(3.0 * X[:, 0])
    X[rng.random(X.shape) < 0.1 + 0.15 * third[:, None]] = np.nan
    X[third == 0, 1] = np.where(np.isnan(X[third == 0, 1]), 1.0, X[third == 0, 1])
    return X, KFold(3)


@pytest.mark.parametrize("impute", ["mean", "zero"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("size", [6, 100])
def test_gaps_are_filled_with_the_mean_of_the_training_rows_of_each_fold(size, standardize, impute, tmp_path):
    X, cv = drifting()
    asked = {"n_components": 2, "standardize": standardize, "impute": impute, "size": size}
    result = hpo.tune(
        X, algorithm="sketched_pca", trials=1, folds=cv, store=tmp_path,
        scoring=["log_likelihood", "explained_variance"],
        search={f"sketched_pca.{name}": value for name, value in asked.items()},
    )  # fmt: skip
    imputer = SimpleImputer() if impute == "mean" else SimpleImputer(strategy="constant", fill_value=0.0)
    twin = make_pipeline(imputer, *([StandardScaler()] if standardize else []), PCA(2, svd_solver="full"))
    for i, (train, test) in enumerate(cv.split(X)):
        made, other = twin.fit(X[train]), fitted(result.best.algorithm, result.best.states.train[i])
        assert result.best.scores.folds[i] == pytest.approx(made.score(X[test]), rel=1e-9)
        held = made[:-1].transform(X[test]) - made[-1].mean_
        share = float(((held @ made[-1].components_.T) ** 2).sum() / (held**2).sum())
        assert result.best.scores.also["explained_variance"].folds[i] == pytest.approx(share, rel=1e-9)
        encoded = result.model_of(encoded=True)["encoder"].transform(X[test])
        np.testing.assert_allclose(other.transform(encoded), made.transform(X[test]), atol=1e-8)


@pytest.mark.parametrize("thin", [False, True])
def test_of_few_directions_the_reported_bound_holds_the_score_of_rows_filled_so(thin, tmp_path, monkeypatch):
    """Folds whose means are far from the sample's: what fills their gaps is in no direction, and the bound knows it."""
    monkeypatch.setattr("hpo.states.learned.summaries.ROWS", 150)
    X, cv = drifting(900, 40, seed=1)
    data = sparse.csr_array(X) if thin else X
    asked = {"sketched_pca.n_components": 4, "sketched_pca.size": 12}
    result = hpo.tune(
        data, algorithm="sketched_pca", trials=1, folds=cv, scoring=["explained_variance", "log_likelihood"],
        store=tmp_path, search=asked,
    )  # fmt: skip
    scores, algorithm, states = result.best.scores, result.best.algorithm, result.best.states
    for i, (train, test) in enumerate(cv.split(X)):
        made = fitted(algorithm, states.train[i])
        rows, model = made[:-1].transform(result.model_of(encoded=True)["encoder"].transform(data[test])), made["model"]
        twin = make_pipeline(SimpleImputer(), StandardScaler()).fit(X[train])
        np.testing.assert_allclose(rows, twin.transform(X[test]), atol=1e-9)
        share = float(((rows @ model.components_.T) ** 2).sum() / (rows**2).sum())
        assert scores.folds[i] <= share * (1 + 1e-9) <= scores.folds[i] + scores.bounds[i]
        also, truth = scores.also["log_likelihood"], model.score(rows)
        assert also.folds[i] <= truth + 1e-9
        assert truth <= also.folds[i] + also.bounds[i]
        assert explained(model, twin.transform(X[train])) > 0.98 * explained(
            PCA(4, svd_solver="full").fit(twin.transform(X[train])), twin.transform(X[train])
        )


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("unit", [1.0, 1e2, 1e7, 1e9])
def test_rows_in_another_unit_give_scikit_learn_s_likelihood_or_a_refusal(unit, standardize, tmp_path):
    rng, group = np.random.default_rng(0), np.repeat(np.arange(5), 40)
    X = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    X[:40, 2] *= unit
    frame = pd.DataFrame(X, columns=list("abcdef")).assign(g=group)
    search = {"sketched_pca.n_components": 2, "sketched_pca.standardize": standardize}
    asked = functools.partial(
        hpo.tune, frame, algorithm="sketched_pca", trials=1, features=list("abcdef"), search=search, store=tmp_path,
        progress=False, folds={"scheme": "group", "column": "g", "n_splits": 5},
    )  # fmt: skip
    if unit > 1e6:
        with pytest.raises(NoScoreWarning, match=r"is not known, where rounding .*another unit in some rows, tune 'pca'"):
            asked(scoring="log_likelihood")
        assert np.isfinite(asked(scoring="explained_variance").best_value)
        return
    model = make_pipeline(StandardScaler(with_std=standardize), PCA(2))
    known = sorted(model.fit(X[group != g]).score(X[group == g]) for g in range(5))
    np.testing.assert_allclose(sorted(asked(scoring="log_likelihood").best.scores.folds), known, rtol=1e-7)
