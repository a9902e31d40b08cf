"""Encoded rows as arrays by name, each number in the narrowest type that holds it.

Where a state would take more bytes than the rows that it is made of, these rows are stored in its place, and the
state is made of them again (:mod:`algorithms.row_batches`). So that it has the same bits, the batches are the same:
cut in the same pieces, in the same order, with the same columns present, sparse or coded where they were.

====== ==================================================
m      pieces
k      columns that the dense block of any piece has
n      rows of all pieces
====== ==================================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algorithms.arrays import Floats, Places, Values
from algorithms.batches import Batch, SparseBatch
from algorithms.coded import CodedBatch, Lookup

KINDS = tuple(np.dtype(kind) for kind in (np.uint8, np.int16, np.float32, np.float64))
"""What columns are kept in, the narrowest first; each is exact in those after it."""

PLAIN, CODED, SPARSE = 0, 1, 2

TYPES = {"weight": np.float64, "priority": np.uint64, "clock": np.float64, "series": np.uint64}
"""Types of what is said of rows beside their values; their numbers, which rise, are stored as steps."""

Kinds = NDArray[np.uint8]
"""Of columns, the places of their types among :data:`KINDS`."""

Arrays = dict[str, Values]


@dataclass(frozen=True, eq=False)
class Piece:
    """A run of encoded rows of one cell, in narrow types.

    Attributes
    ----------
    cell : of the folds.
    form : plain, coded or sparse.
    rows, d : rows, and encoded columns.
    whole : whether the batch says that it has all columns.
    columns : shape (c,), which columns the dense block has.
    kinds : shape (c,), their types.
    values : for each of :data:`KINDS` the columns of that type, shape (its columns, rows).
    like : no numbers, of the type of the block.
    beside : what is said of the rows beside their values.
    lookups : the looked up columns of coded rows.
    sparse : the columns of sparse rows: numbers, their columns, and how many each row has.
    """

    cell: int
    form: int
    rows: int
    d: int
    whole: bool
    columns: Places
    kinds: Kinds
    values: tuple[Values, ...]
    like: Values
    beside: Mapping[str, Values]
    lookups: tuple[Lookup, ...] = ()
    sparse: tuple[Values, Values, Values] | None = None

    @classmethod
    def of(cls, cell: int, batch: Batch, without: Collection[str] = ()) -> Piece:
        """Return the rows of a batch, of which nothing is referred to afterwards but tables.

        ``without`` names what is said of the rows beside their values and not kept.
        """
        form, whole, sparse, lookups = PLAIN, False, None, tuple[Lookup, ...]()
        if isinstance(batch, SparseBatch):
            form, block, matrix = SPARSE, batch.targets, batch.matrix
            columns = np.arange(batch.d, batch.d + block.shape[1])
            sparse = matrix.data.copy(), matrix.indices.astype(np.int32), np.diff(matrix.indptr).astype(np.int32)
        elif isinstance(batch, CodedBatch):
            form, block, columns = CODED, batch.dense_block, batch.columns
            lookups = tuple(
                Lookup(one.codes.astype(np.int32), _table(one), one.columns, one.levels) for one in batch.lookups
            )
        else:
            block, whole = batch.values, batch.present is None
            columns = np.arange(block.shape[1]) if batch.present is None else batch.present
        kinds = kinds_of(block)
        values = tuple(np.ascontiguousarray(block[:, kinds == i].T, kind) for i, kind in enumerate(KINDS))
        beside = {name: np.array(found) for name, found in batch.beside(slice(None)).items() if name not in without}
        like = np.zeros(0, block.dtype)
        return cls(cell, form, batch.n, batch.d, whole, columns, kinds, values, like, beside, lookups, sparse)

    @property
    def nbytes(self) -> int:
        """Bytes held, tables apart."""
        held = [*self.values, *self.beside.values(), *(one.codes for one in self.lookups), *(self.sparse or ())]
        return sum(each.nbytes for each in held)


def _table(one: Lookup) -> Floats:
    """Return the table of looked up columns; of levels, whose table is the identity, no more than its shape."""
    return np.broadcast_to(np.zeros((), one.table.dtype), one.table.shape) if one.levels else one.table


def _name(one: Lookup) -> tuple[int, ...]:
    """Return what a table is known by: of levels, which each batch has anew, their columns."""
    return (*one.table.shape, *one.columns[:1].tolist()) if one.levels else (id(one.table),)


def _numbers(one: Lookup) -> Floats:
    return np.zeros(0, one.table.dtype) if one.levels else one.table.ravel()


def kinds_of(block: Floats) -> Kinds:
    """Return the narrowest type of each column that holds every bit of it, by its place among :data:`KINDS`.

    Examples
    --------
    >>> kinds_of(np.array([[255.0, 256.0, 0.5, 0.1, -0.0]])).tolist()
    [0, 1, 2, 3, 2]
    """
    bits = f"u{block.dtype.itemsize}"
    found = np.full(block.shape[1], KINDS.index(block.dtype), np.uint8)
    left = np.arange(block.shape[1])
    for i, kind in enumerate(KINDS):
        if not len(left) or kind == block.dtype:
            break
        some = block[:, left]
        with np.errstate(over="ignore", invalid="ignore"):
            fits = (some.astype(kind).astype(block.dtype).view(bits) == some.view(bits)).all(axis=0)
        found[left[fits]] = i
        left = left[~fits]
    return found


def arrays_of(pieces: Sequence[Piece]) -> Arrays:
    """Return pieces as arrays of one dimension; :func:`~algorithms.row_batches.pieces_of` makes batches of them.

    Examples
    --------
    >>> arrays = arrays_of([Piece.of(4, Batch(np.array([[1.0, 7.5], [0.0, 2.5]]), d=1))])
    >>> arrays["pieces"].tolist(), arrays["levels"].tolist(), arrays["values2"].tolist()
    ([4, 2, 0, 1], [1, 0], [7.5, 2.5])
    """
    places = np.unique(np.concatenate([np.zeros(0, np.intp), *(one.columns for one in pieces)]))
    at = [np.searchsorted(places, one.columns) for one in pieces]
    kinds, there = np.zeros(len(places), np.uint8), np.zeros((len(pieces), len(places)), np.uint8)
    for mine, one, has in zip(at, pieces, there, strict=True):
        has[mine] = 1
        kinds[mine] = np.maximum(kinds[mine], one.kinds)
    tables = {_name(each): each for one in pieces for each in one.lookups}
    order = {key: j for j, key in enumerate(tables)}
    looks = [(i, order[_name(each)]) for i, one in enumerate(pieces) for each in one.lookups]
    sparse = [one.sparse for one in pieces if one.sparse is not None]
    return {
        "d": np.array([one.d for one in pieces[:1]], np.int64),
        "pieces": _flat([(one.cell, one.rows, one.form, one.whole) for one in pieces]),
        "places": places.astype(np.int64),
        "there": there.ravel(),
        "kinds": kinds,
        "like": pieces[0].like if pieces else np.zeros(0),
        **_without_levels(_values(pieces, at, kinds)),
        **{name: _joined([p.beside[name] for p in pieces if name in p.beside], t) for name, t in TYPES.items()},
        "steps": _steps([p.beside["number"] for p in pieces if "number" in p.beside]),
        **{name: _joined([one[i] for one in sparse], kind) for i, (name, kind) in enumerate(SPARSE_PARTS.items())},
        "looks": _flat(looks),
        "codes": _joined([each.codes for one in pieces for each in one.lookups], np.int32),
        "tables": _joined([_numbers(each) for each in tables.values()], None),
        "table_shapes": _flat([(*each.table.shape, each.levels) for each in tables.values()]),
        "table_columns": _joined([each.columns for each in tables.values()], np.int64),
    }


SPARSE_PARTS: Mapping[str, DTypeLike | None] = {"data": None, "indices": np.int32, "lengths": np.int32}
"""Arrays of sparse rows, and their types."""


def _without_levels(columns: Sequence[Values]) -> Arrays:
    """Return the columns of each type, neighbours of zeros and ones of which no row has two as one column of codes.

    These are the levels of a category, as a rule. A row's code is the place of its one among them, from 1; or zero.
    """
    narrow, wide = columns[0], columns[1:]
    groups, codes, taken = np.full(len(narrow), -1, np.int32), list[Values](), np.zeros(narrow.shape[1], np.bool_)
    for j, column in enumerate(narrow):
        ones = column.astype(np.bool_)
        if column.max(initial=0) > 1:
            continue
        if not (j and groups[j - 1] == len(codes) - 1 >= 0) or (taken & ones).any():
            codes.append(np.zeros(len(ones), np.int32))
            taken = np.zeros(len(ones), np.bool_)
        groups[j] = len(codes) - 1
        codes[-1][ones] = np.count_nonzero(groups == groups[j])
        taken |= ones
    named = {f"values{i}": values.ravel() for i, values in enumerate(wide, 1)}
    return {
        **named, "values0": narrow[groups < 0].ravel(), "groups": groups, "levels": _joined(codes, np.int32),
    }  # fmt: skip


def _values(pieces: Sequence[Piece], at: Sequence[Places], kinds: Kinds) -> list[Values]:
    """Return the columns of each type, shape (columns, n): those of all pieces."""
    n, slots = sum(one.rows for one in pieces), np.zeros(len(kinds), np.intp)
    for i in range(len(KINDS)):
        slots[kinds == i] = np.arange(np.count_nonzero(kinds == i))
    made = [np.zeros((np.count_nonzero(kinds == i), n), kind) for i, kind in enumerate(KINDS)]
    start = 0
    for one, mine in zip(pieces, at, strict=True):
        rows = slice(start, start + one.rows)
        for own, values in enumerate(one.values):
            columns = mine[one.kinds == own]
            for i in range(own, len(KINDS)):
                some = np.flatnonzero(kinds[columns] == i)
                made[i][slots[columns[some]], rows] = values[some]
        start += one.rows
    return made


def _steps(numbers: Sequence[Values]) -> NDArray[np.int64]:
    """Return by how much each number is more than the one before."""
    found = np.concatenate([np.zeros(1, np.int64), *numbers]).astype(np.int64)
    return found[1:] - found[:-1]


def _joined(parts: Sequence[Values], kind: DTypeLike | None) -> Values:
    """Return arrays one after another, in a type, or in their own."""
    if not parts:
        return np.zeros(0, kind)
    found = np.concatenate(parts)
    return cast("Values", found if kind is None else found.astype(kind, copy=False))


def _flat(rows: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1)
