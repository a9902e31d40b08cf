"""Co-occurrence of words: against a loop over documents, however these come; the laws."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp

from algorithms import laws
from algorithms.batches import SparseBatch
from algorithms.contract import Batch, Column, Shape
from algorithms.summaries.co_occurrence import CoOccurrence, square
from state_store.codec import flatten, restore

V = 6
SHAPE = Shape(tuple(Column(f"w{j}", f"w{j}") for j in range(V)))


def documents(n=60, seed=0):
    """Return counts; some documents have no word, or one."""
    rng = np.random.default_rng(seed)
    X = rng.poisson(rng.gamma(0.5, 1.5, size=(n, V))).astype(float)
    X[3], X[4] = 0.0, np.eye(V)[2]
    return X


def naive(X, w, length_power=0.75):
    """Return the sums over documents, one at a time."""
    pairs, together, totals, short = np.zeros((V, V)), np.zeros((V, V)), np.zeros(V), 0.0
    for x, weight in zip(X, w, strict=True):
        n = x.sum()
        if n < 2 or x.min() < 0:
            short += weight
            continue
        times = n**length_power
        pairs += weight * times * (np.outer(x, x) - np.diag(x)) / (n * (n - 1))
        together += weight * np.outer(x > 0, x > 0)
        totals += weight * x
    return pairs, together, totals, short


def dense(X, w):
    return Batch(np.asfortranarray(X), V, w)


def sparse(X, w):
    return SparseBatch(sp.csr_array(X), np.zeros((len(X), 0)), w)


def seen(state):
    return square(state.pairs, V), square(state.together, V), state.totals, state.short


@pytest.mark.parametrize("batch", [dense, sparse])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("power", [0.0, 0.75, 1.0])
def test_sums_are_those_of_a_loop_over_documents(batch, weighted, power):
    X = documents()
    w = np.random.default_rng(1).uniform(0.5, 2.0, len(X)) if weighted else np.ones(len(X))
    summary = CoOccurrence(length_power=power)
    state = summary.init(SHAPE)
    for start, stop in pairwise((0, 1, 17, 17, 60)):
        state = summary.update(state, batch(X[start:stop], w[start:stop] if weighted else None))
    for ours, twin in zip(seen(state), naive(X, w, power), strict=True):
        np.testing.assert_allclose(ours, twin, rtol=1e-13, atol=1e-15)
    assert state.rows == 60 and state.weight == pytest.approx(w.sum())
    assert state.documents == pytest.approx(w.sum() - naive(X, w)[3])
    assert np.array_equal(state.document_frequency, np.diagonal(square(state.together, V)))
    assert state.joint().sum() == pytest.approx(1.0)


def test_a_document_says_what_draws_of_two_of_its_words_say():
    X = np.array([[3.0, 2.0, 0.0, 1.0, 0.0, 0.0]])
    tokens = [j for j, count in enumerate(X[0]) for _ in range(int(count))]
    drawn = np.zeros((V, V))
    for a in range(len(tokens)):
        for b in range(len(tokens)):
            drawn[tokens[a], tokens[b]] += a != b
    state = laws.lift(CoOccurrence(), SHAPE, dense(X, None))
    np.testing.assert_allclose(state.joint(), drawn / drawn.sum(), rtol=1e-14)


def test_counts_that_are_not_whole_add_up_to_one_for_each_document():
    X = np.random.default_rng(0).exponential(size=(20, V))
    for power, total in ((0.0, 20.0), (1.0, X.sum())):
        state = laws.lift(CoOccurrence(length_power=power), SHAPE, dense(X, None))
        pairs = square(state.pairs, V)
        assert state.documents == 20.0 and pairs.sum() == pytest.approx(total) and (pairs >= 0.0).all()


def test_negative_counts_are_known_and_in_no_sum():
    X = documents()
    X[5, 1] = -1.0
    for batch in (dense, sparse):
        state = laws.lift(CoOccurrence(), SHAPE, batch(X, None))
        assert state.lowest.tolist() == X.min(axis=0).tolist()
        np.testing.assert_allclose(square(state.pairs, V), naive(X, np.ones(60))[0], rtol=1e-13)


def test_missing_counts_are_zero_and_origins_given_back():
    columns = (Column("a", "a", origin=2.0), Column("missing_a", "a", "indicator"), Column("b", "b"))
    shape, X = Shape(columns), np.array([[3.0, 2.0], [0.0, 4.0]])
    encoded = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 4.0]])
    ours = laws.lift(CoOccurrence(), shape, Batch(encoded, 3))
    plain = laws.lift(CoOccurrence(), Shape((columns[0], columns[2])), Batch(X - [2.0, 0.0], 2))
    assert np.array_equal(ours.pairs, plain.pairs) and np.array_equal(ours.together, plain.together)


@pytest.mark.parametrize("batch", [dense, sparse])
def test_laws(batch):
    summary, X = CoOccurrence(), documents()
    whole = batch(X, None)
    parts = [batch(X[a:b], None) for a, b in pairwise((0, 9, 9, 31, 60))]
    like = summary.init(SHAPE)
    laws.identity(summary, SHAPE, whole)
    laws.associativity(summary, SHAPE, [parts[0], parts[2], parts[3]])
    laws.commutativity(summary, SHAPE, [parts[0], parts[3]])
    laws.split_invariance(summary, SHAPE, whole, parts)
    laws.purity(summary, SHAPE, [parts[0], parts[3]])
    laws.bounded_size(summary, SHAPE, parts)
    laws.round_trip(summary, SHAPE, whole, lambda s: restore(*flatten(s), like))
    laws.resume(summary, SHAPE, parts, lambda s: restore(*flatten(s), like))


def test_a_state_without_documents_or_words_is_one():
    none = CoOccurrence().init(SHAPE)
    assert none.joint().sum() == 0.0 and none.documents == 0.0
    empty = laws.lift(CoOccurrence(), Shape(()), Batch(np.zeros((3, 0)), 0))
    assert empty.rows == 3 and empty.short == 3.0
