"""A trained factorization machine: how rows become numbers and levels, and what it makes of them, by NumPy alone.

Notation

====== ===============================================================================================
x      a row's columns that are numbers, about the sample's means, over its deviations, shape (q,)
l      the levels of a row's hashed columns, one of each
w, V   weight and factors of a column or level: w a number, V of shape (k,), for each equation
E      equations: one, or one a class where there are more than two
====== ===============================================================================================

η = w₀ + Σ wⱼ zⱼ + ½ Σ_f [(Σ vⱼ_f zⱼ)² - Σ vⱼ_f² zⱼ²], with z the numbers and a one for each level (Rendle 2010,
"Factorization machines", lemma 3.1). A level that no training row has counts for nothing. With two hashed columns
alone, users and items, it is matrix factorisation with biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from algorithms.arrays import Array, Floats, Places, Singles, Values
from algorithms.batches import Label
from algorithms.preparing.column_map import ColumnMap

BIAS, WEIGHTS, FACTORS, LEVEL_WEIGHTS, LEVEL_FACTORS = (
    "bias", "weights", "factors", "level_weights", "level_factors",
)  # fmt: skip
"""The names of the parameters."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """How encoded rows become numbers and levels.

    Attributes
    ----------
    columns : the map to the columns that are numbers, missing ones filled with the mean.
    center, scale : of these, shape (q,), of values less their origins.
    hashed : places of the hashed columns, shape (h,).
    levels : of each hashed column the hashes that training rows have, ascending.
    offset, unit : mean and deviation of a target that is a number; 0 and 1 of a class.
    """

    columns: ColumnMap
    center: Array
    scale: Array
    hashed: Places
    levels: tuple[Array, ...]
    offset: float = 0.0
    unit: float = 1.0

    @property
    def n_levels(self) -> int:
        """Levels of all hashed columns."""
        return sum(map(len, self.levels))

    def numbers(self, X: Floats) -> Singles:
        """Return the numbers of encoded rows (n, d), shape (n, q)."""
        found = np.asarray(X.astype(np.float64) @ self.columns.matrix) - self.columns.origin
        made: Singles = ((found - self.center) / self.scale).astype(np.float32)
        return made

    def met_by(self, other: Inputs) -> tuple[Places, Places]:
        """Return the places of the levels that others have too: there, and here."""
        there, here, after, first = [], [], 0, 0
        for mine, theirs in zip(self.levels, other.levels, strict=True):
            _, at, own = np.intersect1d(theirs, mine, assume_unique=True, return_indices=True)
            there.append(at + after)
            here.append(own + first)
            after, first = after + len(theirs), first + len(mine)
        none = np.zeros(0, np.intp)
        return np.concatenate([none, *there]), np.concatenate([none, *here])

    def places(self, X: Floats) -> Places:
        """Return the level of each hashed column, shape (n, h); one after the last where training rows lack it."""
        made, first = np.empty((len(X), len(self.hashed)), np.intp), 0
        for i, (column, levels) in enumerate(zip(self.hashed, self.levels, strict=True)):
            at = np.minimum(np.searchsorted(levels, X[:, column]), max(0, len(levels) - 1))
            met = levels[at] == X[:, column] if len(levels) else np.zeros(len(X), bool)
            made[:, i] = np.where(met, first + at, self.n_levels)
            first += len(levels)
        return made


@dataclass(frozen=True, eq=False)
class Inside:
    """The rows of a sample as they are trained on.

    Attributes
    ----------
    inputs : how they were made.
    rows : numbers, levels, target and weight by name.
    """

    inputs: Inputs
    rows: Mapping[str, Values]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in self.rows.values())

    @cached_property
    def n(self) -> int:
        """How many rows there are."""
        return len(self.rows["target"])


@dataclass(frozen=True, eq=False)
class Machine:
    """A trained machine.

    Attributes
    ----------
    inputs : how rows become numbers and levels.
    parameters : by name, shapes (E,), (q, E), (q, E, k), (l, E), (l, E, k); l counts the level that is none.
    classes : labels of the classes; empty for a number.
    converged : whether its held-out loss stopped falling.
    """

    inputs: Inputs
    parameters: Mapping[str, Array]
    classes: tuple[Label, ...]
    converged: bool

    def eta(self, X: Floats) -> Array:
        """Return η of encoded rows, shape (n, E), by NumPy alone."""
        known, x, at = self.parameters, self.inputs.numbers(X).astype(np.float64), self.inputs.places(X)
        q, equations_, k = known[FACTORS].shape
        flat = known[FACTORS].reshape(q, equations_ * k)
        sums, squares = x @ flat, x**2 @ flat**2
        made = known[BIAS] + x @ known[WEIGHTS]
        for column in at.T:
            level = known[LEVEL_FACTORS][column].reshape(len(x), -1)
            sums, squares, made = sums + level, squares + level**2, made + known[LEVEL_WEIGHTS][column]
        found: Array = made + 0.5 * (sums**2 - squares).reshape(len(x), equations_, k).sum(axis=2)
        return found
