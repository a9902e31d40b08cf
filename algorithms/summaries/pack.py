"""A pack of linear models: its members, its state, and the state that two of them make."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Places
from algorithms.contract import HASHED, INDICATOR, Array, Shape, State
from algorithms.errors import InvalidField
from algorithms.learned import Learned
from algorithms.preparing.column_map import ColumnMap, gaps_of
from algorithms.preparing.column_maps import filled_map
from algorithms.solvers.pickers import FilledPicker, Picker


@dataclass(frozen=True)
class Member:
    """One model of a pack.

    Attributes
    ----------
    loss : its name.
    alpha, l1_ratio : penalty α((1 - ρ)/2 ‖θ‖² + ρ‖θ‖₁) beside the mean loss.
    eta0 : step size.
    """

    loss: str
    alpha: float
    l1_ratio: float
    eta0: float


Pack = tuple[Member, ...]


@dataclass(frozen=True, eq=False)
class PackedState(State):
    """The state of a :class:`~algorithms.summaries.packed.Packed`.

    Attributes
    ----------
    shape : the columns.
    learned : the sample's ``fill`` (d,), what stands for a missing number in training; ``center`` and ``scale``
        (q,), the target's ``offset`` and ``unit``, ``weight`` (the mean row weight) and ``epochs``.
    pack : the M models.
    rows, weight : of the rows seen.
    steps : mini-batches gone through; of merged states the longer run's.
    counts : shape (C,), weight of each class; of a number, its weight.
    loss : shape (M,), Σw·ℓ of the rows that were scored, each before its step, in every epoch.
    scored : Σw of those rows; stores of earlier versions call it ``told``.
    coef : θ, shape (q + 1, M·E), the intercept last.
    slots : shape (s, q + 1, M·E), what the optimizer keeps.
    buckets : shape (B, M·E), coefficients of hashed columns.
    bucket_slots : shape (s, B, M·E).
    visits : shape (B,), weight of the rows that fell into each bucket, each time that they were gone through.
    present : shape (2, g), of each number that may be missing the weight of the rows that have it, and its sum.
    """

    shape: Shape = field(metadata={"static": True})
    learned: Learned = field(metadata={"static": True})
    pack: Pack = field(metadata={"static": True})
    rows: int
    weight: float
    steps: int
    counts: Array
    loss: Array
    scored: float = field(metadata={"stored_as": "told"})
    coef: Array
    slots: Array
    buckets: NDArray[np.float32]
    bucket_slots: NDArray[np.float32]
    visits: Array
    present: Array

    def fill(self, impute: str) -> Array:
        """Return what stands for a missing number of each column less its origin, shape (d,).

        It is the mean of these rows. Where none has it, and with ``impute="zero"``, it is that of training.
        """
        made, (weight, total) = self.learned["fill"].copy(), self.present
        some = (weight > 0.0) & np.isfinite(total) & (impute != "zero")
        made[gaps_of(self.shape.columns).values[some]] = total[some] / weight[some]
        return made

    @property
    def class_rows(self) -> Array | None:
        """The weight of each class."""
        return self.counts if self.shape.classes else None


F = TypeVar("F", bound=np.floating)


def untrained(shape: Shape, known: Learned, pack: Pack, slots: int, buckets: int, plain: int) -> PackedState:
    """Return the state of no rows: every coefficient zero, with ``slots`` arrays like the coefficients."""
    rows, width = plain + 1, len(pack) * equations(shape)
    return PackedState(
        shape, known, pack, 0, 0.0, 0, np.zeros(max(1, len(shape.classes))), np.zeros(len(pack)), 0.0,
        np.zeros((rows, width)), np.zeros((slots, rows, width)),
        np.zeros((buckets, width), np.float32), np.zeros((slots, buckets, width), np.float32), np.zeros(buckets),
        np.zeros((2, len(gaps_of(shape.columns).values))),
    )  # fmt: skip


def merged(a: PackedState, b: PackedState) -> PackedState:
    """Return the mean of both states' models, weighted by rows, buckets by theirs; leaves both alone."""
    if not b.rows:
        return a
    if not a.rows:
        return b
    weight, visits = a.weight + b.weight, a.visits + b.visits
    share = np.divide(a.visits, visits, out=np.zeros_like(visits), where=visits > 0.0)[:, None]
    mine = a.weight / weight
    return PackedState(
        a.shape, a.learned, a.pack, a.rows + b.rows, weight, max(a.steps, b.steps), a.counts + b.counts,
        a.loss + b.loss, a.scored + b.scored, _mean(a.coef, b.coef, mine), _mean(a.slots, b.slots, mine),
        _mean(a.buckets, b.buckets, share), _mean(a.bucket_slots, b.bucket_slots, share), visits,
        a.present + b.present,
    )  # fmt: skip


def _mean(x: NDArray[F], y: NDArray[F], share: Array | float) -> NDArray[F]:
    """Return the mean of two arrays in their own type, ``share`` of it the first's."""
    made = x * np.asarray(share, x.dtype)
    made += y * np.asarray(1.0 - share, x.dtype)
    return made


def pack_of(
    losses: Sequence[str], alphas: Sequence[float], l1_ratios: Sequence[float], rates: Sequence[float]
) -> Pack:
    """Return a model for each combination, those of a loss together.

    Examples
    --------
    >>> [member.alpha for member in pack_of(["hinge"], [0.1, 1.0], [0.0], [0.5])]
    [0.1, 1.0]
    """
    return tuple(Member(*values) for values in itertools.product(losses, alphas, l1_ratios, rates))


def names_in(name: str, given: Sequence[str] | str) -> tuple[str, ...]:
    """Return names given as a list, or as text separated by commas; they must differ.

    Examples
    --------
    >>> names_in("losses", "hinge, log_loss"), names_in("losses", ["hinge"])
    (('hinge', 'log_loss'), ('hinge',))
    """
    found = tuple(each.strip() for each in (given.split(",") if isinstance(given, str) else given))
    if len(set(found)) < len(found) or not all(found):
        raise InvalidField(f"{name}={given!r}: must be different names, in a list or separated by commas")
    return found


def numbers_in(name: str, given: Sequence[float] | str, low: float, high: float) -> tuple[float, ...]:
    """Return numbers given as a list, or as text separated by commas; they must differ and be in their range.

    Examples
    --------
    >>> numbers_in("alphas", "0.1, 1", 0.0, np.inf), numbers_in("alphas", [2], 0.0, np.inf)
    ((0.1, 1.0), (2.0,))
    """
    try:
        found = tuple(float(part) for part in (given.split(",") if isinstance(given, str) else given))
    except (TypeError, ValueError):
        found = ()
    if not found or len(set(found)) < len(found) or not all(low <= x <= high and x < np.inf for x in found):
        bound = f"from {low:g} to {high:g}" if high < np.inf else f"of at least {low:g}"
        raise InvalidField(f"{name}={given!r}: must be different numbers {bound}, in a list or separated by commas")
    return found


def equations(shape: Shape) -> int:
    """Return E.

    Examples
    --------
    >>> equations(Shape((), ("y",), classes=("a", "b"))), equations(Shape((), ("y",), classes=("a", "b", "c")))
    (1, 3)
    """
    return len(shape.classes) if len(shape.classes) > 2 else 1


def plain_columns(shape: Shape, impute: str) -> Places:
    """Return the places of a model's q columns that are not hashes: indicators only where they are asked for."""
    left_out = {HASHED} if impute == "indicator" else {HASHED, INDICATOR}
    return np.array([j for j, column in enumerate(shape.columns) if column.role not in left_out], np.intp)


def filling(picker: Picker, shape: Shape, fill: Array) -> Picker:
    """Return a picker that fills in missing numbers.

    Parameters
    ----------
    picker : of a batch.
    fill : shape (d,), what stands for a missing number of each column.
    """
    gaps, indicator = gaps_of(shape.columns), np.full(shape.p, -1, np.intp)
    indicator[gaps.values] = gaps.indicators
    return FilledPicker(picker, indicator, np.concatenate([fill, np.zeros(shape.t)]))


def columns_of(shape: Shape, impute: str, fill: Array) -> ColumnMap:
    """Return the map of encoded columns to those of a model that are not hashes."""
    return filled_map(shape, plain_columns(shape, impute), fill)


def hashed_columns(shape: Shape) -> Places:
    """Return the places of the columns that are hashes."""
    return np.array([j for j, column in enumerate(shape.columns) if column.role == HASHED], np.intp)
