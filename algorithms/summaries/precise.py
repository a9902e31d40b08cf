"""How many digits a pass keeps: products of the columns, or a triangular root of the rows besides.

Products of n rows hold half the digits of the rows. A root R with RᵀR their scatter, found from the rows by QR
decompositions whose factors are stacked and decomposed again, has all of them (TSQR: Demmel, Grigori, Hoemmen &
Langou 2012).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import numpy as np

from algorithms.arrays import Array
from algorithms.contract import Batch, Learning, Shape, State
from algorithms.learned import Learned

AUTO, DATA, DOUBLE, QR = "auto", "data", "double", "qr"
PRODUCTS = (DATA, DOUBLE, QR)
"""How products are taken; a summary of precision ``"auto"`` knows the place of its own among them."""

EPS = float(np.finfo(np.float64).eps)
EPS32 = float(np.finfo(np.float32).eps)

MERGES = 256
"""Merges after which rounding counts for √2 of that of one product: k parts add up to √k of their roundings."""

BLOCK = 4096
"""Rows that are decomposed at once."""

S = TypeVar("S", bound=State)


def merged_rounding(a: float, b: float) -> float:
    """Return the rounding of the products of two states together: ε√(1 + m/256) after m merges, in whatever order.

    Where products of float32 meet those of float64, it is theirs.

    Examples
    --------
    >>> merged_rounding(EPS, EPS) / EPS == (1 + 1 / 256) ** 0.5, merged_rounding(EPS, EPS32) == EPS32
    (True, True)
    """
    large, small = max(a, b), min(a, b)
    one = EPS32 if large >= EPS32 else EPS
    return large if small < one else float(np.sqrt(large**2 + small**2 - one**2 * (1.0 - 1.0 / MERGES)))


class Precise(Learning[S], Generic[S]):
    """A summary whose field ``precision`` says how products are taken; ``"auto"``: by QR once a score needs it."""

    if TYPE_CHECKING:

        @property
        def precision(self) -> str:
            """A field of the class: how products are taken."""
            ...

    @property
    def products(self) -> str:
        """How products are taken: the precision that was asked for, or what a summary of ``"auto"`` knows."""
        if self.precision != AUTO:
            return self.precision
        known = self.learned is not None and "precision" in self.learned
        return PRODUCTS[int(self.learned["precision"][0])] if known and self.learned else DOUBLE

    def finer(self, known: Learned | None) -> Learned | None:
        """Return what a pass must know whose states have more digits; None where the precision is fixed."""
        if self.precision != AUTO or self.knowing_or_not(known).products == QR:
            return None
        arrays = {} if known is None else known.arrays
        return Learned({**arrays, "precision": np.array([PRODUCTS.index(QR)])})

    def precision_in_words(self, known: Learned | None, shape: Shape) -> str:
        """Return how products are taken and why; empty where the precision is fixed."""
        if self.precision != AUTO:
            return ""
        how = self.knowing_or_not(known).products
        if how == QR:
            return "QR decompositions of the rows: a score needed more digits than products have"
        narrow = shape.dtype == "float32" and self.learning is None
        why = ", since in float32 digits would be lost" if narrow else ""
        return (
            f"products in float64{why}; where a score needs more digits the data is read once more, by QR "
            "decompositions"
        )

    @property
    def learning(self) -> Learning | None:
        """None: what it may know is how to take products, which no sample shows."""
        return None

    def learn(self, shape: Shape, sample: Batch) -> Learned:
        """Return nothing: no sample is asked."""
        return Learned({})

    def knowing_or_not(self, known: Learned | None) -> Self:
        """Return this summary, knowing that or nothing."""
        return dataclasses.replace(self, learned=known)


def triangular(blocks: list[Array]) -> Array:
    """Return the triangular root of the rows of all blocks, at most p of them (TSQR).

    Examples
    --------
    >>> abs(triangular([np.array([[3.0]]), np.array([[4.0]])])).tolist()
    [[5.0]]
    """
    found = [np.asarray(np.linalg.qr(block, mode="r"), np.float64) for block in blocks]
    return found[0] if len(found) == 1 else triangular([np.concatenate(found)])


def root_of(rows: Array) -> Array:
    """Return the triangular root of rows, decomposed some at a time."""
    return triangular([rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)])


def exact_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return a + b in two parts: rounded, and what rounding took (Knuth, TAOCP 2, §4.2.2, theorem B).

    Examples
    --------
    >>> [x.tolist() for x in exact_sum(np.array([1e16]), np.array([1.0]))]
    [[1e+16], [1.0]]
    """
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)
