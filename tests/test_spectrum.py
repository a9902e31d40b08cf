"""Eigenvectors where columns are constant, or of unlike scales."""

from __future__ import annotations

import numpy as np
import pytest

from algorithms.solvers.penalised import penalised, unpenalised
from algorithms.solvers.spectrum import decompose, decompose_root


def spectrum(X, y, *, root):
    gram, xy = X.T @ X, X.T @ y
    if not root:
        return decompose(gram, xy)
    return decompose_root(np.linalg.qr(np.column_stack([X, y]), mode="r"), gram, xy)


@pytest.mark.parametrize("root", [False, True])
def test_a_column_without_values_has_no_coefficient_at_all(root):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9, 14))
    X[:, [2, 7]] = 0.0
    X[:, 5] = X[:, 4]
    made = spectrum(X, rng.normal(size=9), root=root)
    assert np.allclose(made.vectors.T @ made.vectors, np.eye(14), atol=1e-13)
    assert np.allclose(made.vectors * made.values @ made.vectors.T, X.T @ X, atol=1e-12)
    for found in (penalised(made, 30.0), unpenalised(made, 1e-6)):
        assert not found.coef[[2, 7]].any()
        assert np.abs(found.coef).min(where=np.abs(found.coef) > 0.0, initial=1.0) > 1e-6


@pytest.mark.parametrize("root", [False, True])
def test_nothing_but_such_columns(root):
    made = spectrum(np.zeros((3, 2)), np.ones(3), root=root)
    assert not made.values.any() and not penalised(made, 1.0).coef.any()


def test_directions_of_which_rows_have_nothing_are_found_in_unlike_columns():
    levels = np.eye(3)[np.arange(12) % 3]
    X = np.column_stack([levels, levels[:, :1] * 1e9, np.arange(12.0) ** 2 * 1e5])
    X -= X.mean(axis=0)
    void = spectrum(X, X[:, 4], root=True).void
    assert void.shape == (5, 2)
    assert np.abs(X @ void).max() < 1e-9
    assert np.allclose(void.T @ void, np.eye(2), atol=1e-14)


def test_what_is_kept_beside_what_is_dropped_is_solved_for_whatever_the_sizes():
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.normal(size=30) * 1e12, np.full(30, 3e7), rng.normal(size=30)])
    y = 1e15 + rng.normal(size=30)
    found = unpenalised(spectrum(X, y, root=True), 1e-6).coef
    longer = X[:, :2].astype(np.longdouble)  # the third is dropped, and too small to turn the others
    gram, xy = longer.T @ longer, longer.T @ y.astype(np.longdouble)
    exact = np.array([gram[1, 1] * xy[0] - gram[0, 1] * xy[1], gram[0, 0] * xy[1] - gram[0, 1] * xy[0]])
    exact /= gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2
    off = np.abs(X[:, :2] @ (found[:2] - exact).astype(float))
    assert off.max() < 1e-14 * 1e15


@pytest.mark.parametrize("seed", range(5))
def test_what_rows_have_along_such_directions_is_a_rounding_of_each_column_part(seed):
    rng = np.random.default_rng(seed)
    scales = 10.0 ** rng.uniform(-9, 9, 19)
    X = rng.normal(size=(10, 19)) * scales
    made = spectrum(X, rng.normal(size=10), root=True)
    root, void = made.root[:, :-1], made.void
    assert void.shape == (19, 9)
    left = np.abs(root.astype(np.longdouble) @ void.astype(np.longdouble)).max(axis=0)
    parts = np.abs(void).T @ np.sqrt((root**2).sum(axis=0))
    assert (left <= 4.0 * np.finfo(float).eps * parts).all()
