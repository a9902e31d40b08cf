"""Latent semantic analysis and word vectors: against matrices of all documents at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.decomposition import TruncatedSVD
from twins_topics import lsa

import hpo
from algorithms.checks import check_algorithm
from algorithms.contract import Batch, Column, Held, Shape
from algorithms.errors import InvalidField, NotEnoughRows, Unscorable
from algorithms.laws import lift
from algorithms.models.lsa import LSA, Directions
from state_store.codec import flatten, restore

V = 30
SHAPE = Shape(tuple(Column(f"w{j}", f"w{j}") for j in range(V)))
WEIGHTINGS = ["none", "idf", "ppmi"]


def documents(n=200, seed=0):
    """Return counts of words of documents of three subjects, some of which have one word or none."""
    rng = np.random.default_rng(seed)
    subjects = rng.dirichlet(np.full(V, 0.2), size=3)
    lengths = rng.integers(0, 40, n)
    return np.array([rng.multinomial(m, subjects[i % 3]) for i, m in enumerate(lengths)], float)


def state_of(X):
    return lift(LSA().summary, SHAPE, Batch(X, V))


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("k", [1, 5, 29])
def test_scores_are_those_of_all_documents_at_once(weighting, k):
    X, held = documents(), documents(80, seed=1)
    algorithm = LSA(n_components=k, weighting=weighting, shift=1.5 if weighting == "ppmi" else 1.0)
    solution = algorithm.solve(state_of(X))
    score = algorithm.score(solution, Held(state_of(held), None, frozenset({"pairs_r2"})), "pairs_r2")
    expected, vectors = lsa(X, held, weighting, k, shift=algorithm.shift)
    assert score.value == pytest.approx(expected, rel=1e-9)
    mine = algorithm.estimator(solution)[-1].word_vectors_
    assert np.allclose(mine @ mine.T, vectors @ vectors.T, atol=1e-8)


def test_documents_are_where_scikit_learn_puts_them():
    X = documents()
    X = X[X.sum(axis=1) >= 2]
    model = LSA(n_components=6, weighting="none")
    found = model.estimator(model.solve(state_of(X)))
    twin = TruncatedSVD(6, algorithm="arpack", random_state=0).fit((X > 0).astype(float))
    mine, other = found.transform(X), twin.transform((X > 0).astype(float))
    assert np.allclose(np.abs(mine), np.abs(other), atol=1e-8)
    assert np.allclose(found.transform(csr_array(X)), mine)


def test_words_of_one_subject_are_near_and_a_document_is_the_mean_of_its_words():
    rng = np.random.default_rng(0)
    X = np.zeros((300, V))
    for i in range(300):
        X[i, rng.choice(np.arange(10) + 10 * (i % 3), 6)] += 1.0
    model = LSA(n_components=3, weighting="ppmi")
    found = model.estimator(model.solve(state_of(X)))
    near = [word for word, _ in found[-1].similar("w12", 9)]
    assert sorted(near) == sorted(f"w{j}" for j in range(10, 20) if j != 12)
    vectors = found[-1].word_vectors_
    assert np.allclose(found.transform(X[:5]), X[:5] @ vectors / X[:5].sum(axis=1, keepdims=True))
    assert not found.transform(np.zeros((1, V))).any(), "a document without a word"
    with pytest.raises(KeyError, match="'tea' is not a word of the vocabulary of 30 words"):
        found[-1].similar("tea")


def test_leading_directions_of_many_words_are_those_of_all():
    rng = np.random.default_rng(0)
    values = np.r_[np.linspace(9.0, 5.0, 10), np.zeros(590)]
    basis = np.linalg.qr(rng.normal(size=(600, 600)))[0]
    matrix = (basis * values) @ basis.T + 1e-3 * np.diag(rng.random(600))
    some, every = Directions.of(matrix, 10), np.linalg.eigh(matrix)
    assert np.allclose(some.values, every[0][::-1][:10], rtol=1e-9)
    assert np.allclose((some.vectors * some.values) @ some.vectors.T,
                       (every[1][:, -10:] * every[0][-10:]) @ every[1][:, -10:].T, atol=1e-6)  # fmt: skip


def test_what_makes_no_model_is_said():
    with pytest.raises(NotEnoughRows, match="at least 2 documents of two words"):
        LSA().check(state_of(np.eye(V)))
    with pytest.raises(InvalidField, match="column 'w3' holds -2"):
        LSA().check(state_of(np.where(np.arange(V) == 3, -2.0, 1.0) * np.ones((5, 1))))
    solution = LSA(n_components=2).solve(state_of(documents()))
    with pytest.raises(Unscorable, match="no held-out document has two words"):
        LSA(n_components=2).score(solution, Held(state_of(np.eye(V)), None, frozenset({"pairs_r2"})), "pairs_r2")


def test_the_class_keeps_the_contract():
    check_algorithm(LSA, lambda state, like: restore(*flatten(state), like))


@pytest.mark.filterwarnings("ignore:.* documents have fewer than two words:hpo.errors.DataWarning")
def test_a_study_of_text_finds_how_many_directions_hold_out(tmp_path):
    words = np.array([f"word{j}" for j in range(V)])
    texts = pd.DataFrame({"text": [" ".join(np.repeat(words, row.astype(int))) for row in documents(300)]})
    result = hpo.tune(texts, algorithm="lsa", trials=12, store=tmp_path)
    assert result.cost.rows_read == 300
    k = result.best_params["lsa.n_components"]
    assert result.predict(texts[:4]).shape == (4, k)
    both = hpo.tune(texts, algorithm="topics", trials=2, store=tmp_path)
    assert both.cost.rows_read == 0, "topics and directions are of one state"
