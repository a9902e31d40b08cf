"""Rows of a sparse matrix that are kept to score on stay sparse: in memory, in the store, and as they are scored."""

from __future__ import annotations

import tracemalloc
from typing import ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.contract import Column, Shape, SparseBatch, as_dense
from algorithms.scoring import blocks
from algorithms.scoring.scorers import score_by
from algorithms.summaries.sample import Sample
from algorithms.summaries.scoring_sample import ScoringSample
from hpo.data.sources.memory_blocks import spread_rows
from state_store import StateStore

TWINS = {"multinomial_nb": MultinomialNB, "bernoulli_nb": BernoulliNB, "complement_nb": ComplementNB}


def texts(n=4000, d=2000, density=0.005):
    X = random_array((n, d), density=density, format="csr", rng=np.random.default_rng(0))
    X.data = np.ceil(3.0 * X.data)
    heavy = np.asarray(X[:, : d // 20].sum(axis=1)).ravel()
    return csr_array(X), np.where(heavy > np.median(heavy), "b", "a")


def bytes_of(X):
    return X.data.nbytes + X.indices.nbytes + X.indptr.nbytes


def kept(summary, X, codes):
    shape = Shape(tuple(Column(f"x{j}", f"x{j}") for j in range(X.shape[1])), ("y",), classes=("a", "b"))
    order = np.random.default_rng(1).permutation(X.shape[0]).astype(np.uint64) << np.uint64(40)
    state = summary.init(shape)
    for start in range(0, X.shape[0], 700):
        part = slice(start, start + 700)
        state = summary.update(state, SparseBatch(X[part], codes[part, None], priority=order[part]))
    return state


@pytest.mark.parametrize("summary", [Sample(size=1000), ScoringSample(size=1000), ScoringSample(size=8000)])
def test_a_sample_of_sparse_rows_is_sparse_and_holds_what_a_dense_one_does(summary):
    X, y = texts()
    codes = (y == "b").astype(float)
    state = kept(summary, X, codes)
    shape = Shape(state.shape.columns, ("y",), classes=("a", "b"))
    order = np.random.default_rng(1).permutation(X.shape[0]).astype(np.uint64) << np.uint64(40)
    rows = np.column_stack([X.toarray(), codes])
    dense = summary.update(summary.init(shape), hpo_batch(rows, X.shape[1], order))
    assert state.kept.is_sparse and not dense.kept.is_sparse
    assert state.kept.nbytes <= 1.5 * bytes_of(X) * state.n / X.shape[0]
    np.testing.assert_array_equal(as_dense(state.X), dense.X)
    np.testing.assert_array_equal(state.y, dense.y)
    np.testing.assert_array_equal(state.sample_weight, dense.sample_weight)


def hpo_batch(rows, d, priority):
    from algorithms.contract import Batch

    return Batch(np.asfortranarray(rows), d, priority=priority)


@pytest.mark.parametrize("name", TWINS)
def test_a_study_of_sparse_counts_takes_bytes_in_proportion_to_the_matrix(name, tmp_path):
    X, y = texts()
    ask = {"algorithm": name, "trials": 2, "folds": 3, "progress": False, "seed": 1}
    hpo.tune((X[:50], y[:50]), **ask, store=tmp_path / "warm")  # libraries are loaded
    tracemalloc.start()
    try:
        hpo.tune((X, y), **ask, store=tmp_path / "store")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    dense = 8 * X.shape[0] * X.shape[1]
    sample = [e.bytes for e in StateStore(tmp_path / "store").list() if "ScoringSample" in e.about["summary"]]
    assert sum(sample) <= 3 * bytes_of(X)
    assert peak < dense / 3


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "roc_auc", "f1"])
def test_sparse_rows_have_the_scores_of_dense_ones_and_of_scikit_learn(name, scoring, tmp_path):
    X, y = texts(600, 80, 0.05)
    ask = {"algorithm": name, "trials": 1, "folds": 3, "progress": False, "scoring": scoring, "alpha": 0.5}
    ask["search"] = {f"{name}.alpha": ask.pop("alpha")}
    sparse = hpo.tune((X, y), **ask, store=tmp_path / "a")
    whole = hpo.tune((X.toarray(), y), **ask, store=tmp_path / "b")
    np.testing.assert_allclose(sparse.best.scores.folds, whole.best.scores.folds, rtol=1e-10)
    states = sparse.best.states
    found = []
    for held, others in zip(states.sample.test, range(3), strict=True):
        train = [cell for c, cell in enumerate(states.sample.cells) if c != others]
        rows, labels = np.vstack([as_dense(cell.X) for cell in train]), np.concatenate([cell.y for cell in train])
        keep = [column.role == "value" for column in held.shape.columns]
        twin = TWINS[name](alpha=0.5).fit(rows[:, keep], labels)
        twin_rows = Sampled(as_dense(held.X)[:, keep], held)
        found.append(score_by(scoring, twin, twin_rows, classes=["a", "b"]))
    np.testing.assert_allclose(sparse.best.scores.folds, found, rtol=1e-9)


class Sampled:
    """The rows of a sample in the columns of scikit-learn's model."""

    weighted = given_weights = False

    def __init__(self, X, rows):
        self.X, self.y, self.shape = X, rows.y, rows.shape


class Counting(GaussianNB):
    """A model that takes dense rows only, and says how many it was given at once."""

    given: ClassVar[list[int]] = []

    def predict(self, X):
        self.given.append(np.asarray(X).size * 8)
        return super().predict(X)


def test_a_model_of_dense_rows_is_asked_of_a_block_at_a_time(monkeypatch):
    X, y = texts(500, 400, 0.05)
    monkeypatch.setattr(blocks, "DENSE_BYTES", 1 << 17)
    rows = kept(ScoringSample(size=500), X, (y == "b").astype(float))
    model = Counting().fit(X.toarray(), y)
    Counting.given.clear()
    found = score_by("accuracy", model, rows, classes=["a", "b"])
    assert len(Counting.given) > 5 and max(Counting.given) <= 1 << 17
    assert found == GaussianNB().fit(X.toarray(), y).score(X.toarray(), y)


def test_a_model_that_takes_sparse_rows_gets_them(monkeypatch):
    X, y = texts(500, 400, 0.05)
    rows = kept(ScoringSample(size=500), X, (y == "b").astype(float))
    monkeypatch.setattr(blocks, "as_dense", lambda x: pytest.fail("made dense"))
    model = LogisticRegression().fit(X, y)
    assert score_by("accuracy", model, rows, classes=["a", "b"]) == model.score(X, y)
    assert not blocks.takes_sparse(make_pipeline(StandardScaler(), LogisticRegression()))


@pytest.mark.parametrize("name", ["kmeans", "gaussian_mixture", "knn_classifier", "linear", "gaussian_nb", "qda"])
def test_other_models_of_a_sparse_matrix_score_as_those_of_a_dense_one(name, tmp_path):
    X, y = texts(300, 20, 0.2)
    y = None if name in ("kmeans", "gaussian_mixture") else y
    ask = {"algorithm": name, "trials": 2, "folds": 3, "progress": False, "seed": 2}
    sparse = hpo.tune((X, y), **ask, store=tmp_path / "a").best.scores.folds
    whole = hpo.tune((X.toarray(), y), **ask, store=tmp_path / "b").best.scores.folds
    np.testing.assert_allclose(sparse, whole, rtol=1e-7)


def test_which_rows_are_looked_at_is_found_once_for_all_columns(tmp_path):
    X, y = texts(300, 500)
    spread_rows.cache_clear()
    hpo.tune((X, y), algorithm="multinomial_nb", trials=1, folds=3, progress=False, store=tmp_path)
    assert spread_rows.cache_info().misses <= 2
