"""What stands for a missing number where a sample of rows must say it, before the pass."""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.contract import INDICATOR, Batch, Shape, SparseBatch
from algorithms.memo import MEMO
from algorithms.preparing.column_map import gaps_of


def value_columns(shape: Shape) -> Places:
    """Return the places of the encoded columns that are not missing indicators.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> value_columns(Shape((Column("x", "x"), Column("gone", "x", "indicator")))).tolist()
    [0]
    """
    return MEMO.get(
        shape,
        "values",
        lambda: np.array([j for j, c in enumerate(shape.columns) if c.role != INDICATOR], np.intp),
    )


def gap_fills(sample: Batch, shape: Shape, impute: str) -> Array:
    """Return what stands for a missing number in each encoded column less its origin, shape (d,); else zero.

    It is the mean of the sampled rows that have the number, or with ``impute="zero"`` what makes it zero.
    """
    gaps, made = gaps_of(shape.columns), np.zeros(shape.d)
    if impute == "zero":
        made[gaps.values] = -shape.origin[gaps.values]
    elif sample.n:
        means = _column_means(sample, shape)
        there = 1.0 - means[gaps.indicators]
        made[gaps.values] = np.where(there > 0.0, means[gaps.values] / np.where(there > 0.0, there, 1.0), 0.0)
    return np.where(np.isfinite(made), made, 0.0)


def gap_sums(batch: Batch, shape: Shape) -> Array:
    """Return the weight of the rows that have each number that may be missing, and its sum, shape (2, g)."""
    gaps = gaps_of(shape.columns)
    if not len(gaps.values) or not batch.total > 0.0:
        return np.zeros((2, len(gaps.values)))
    means = _column_means(batch, shape)
    return batch.total * np.array([1.0 - means[gaps.indicators], means[gaps.values]])


def _column_means(batch: Batch, shape: Shape) -> Array:
    w, means = batch.weights, np.zeros(shape.p)
    with np.errstate(over="ignore", invalid="ignore"):
        if isinstance(batch, SparseBatch):
            means[: shape.d] = batch.matrix.T @ w / batch.total
        else:
            present: slice | Places = slice(None) if batch.present is None else batch.present
            means[present] = w @ batch.values / batch.total
    return means[: shape.d]
