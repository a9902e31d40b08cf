"""Rows of one user and one item as a sparse matrix of users by items."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from algorithms.arrays import Array, Places
from algorithms.lazily import scipy
from hpo.data.sources.memory_blocks import ArrayBlock
from hpo.data.values import as_numbers
from hpo.errors import DataError, DataWarning
from hpo.process.lazily import arrow_compute as pc
from studies.counting import counted

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from hpo.data.dataset import Dataset


@dataclass(frozen=True)
class Pairs:
    """The columns that name users, items and values.

    Attributes
    ----------
    user, item, value : names; no value for one of each pair.
    min_users : items of fewer users are left out.
    """

    user: str
    item: str
    value: str | None = None
    min_users: int = 1

    @classmethod
    def of(cls, asked: Mapping[str, object]) -> Pairs:
        """Return those of a mapping, as a study describes them."""
        value = asked.get("value")
        least = int(str(asked.get("min_users", 1)))
        return cls(str(asked["user"]), str(asked["item"]), None if value is None else str(value), least)

    @property
    def columns(self) -> list[str]:
        """The columns that are read."""
        return [self.user, self.item, *([] if self.value is None else [self.value])]


@dataclass(frozen=True, eq=False)
class _Named:
    """Labels of rows: the distinct ones, sorted, and the place of each row's among them."""

    labels: pa.Array
    places: Places


def matrix_block(rows: Dataset, pairs: Pairs, items: Sequence[str] | None) -> ArrayBlock:
    """Return the rows of pairs as a block: a row for each user, a column for each item, in the order of labels.

    Pairs that stand in several rows are added up. What was left out or added up is said in a warning.

    Parameters
    ----------
    rows : with the columns of the pairs.
    items : the columns that are wanted; None for every item, in the order of their labels.

    Raises
    ------
    DataError
        If a value is not a number, or no row has a user and an item.
    """
    table = _read(rows, pairs)
    users, found = _named(table.column(pairs.user)), _named(table.column(pairs.item))
    names = [str(label) for label in found.labels.to_pylist()]
    values = np.ones(table.num_rows)
    if pairs.value is not None:
        values = as_numbers(table.column(pairs.value).combine_chunks()).astype(np.float64)
    matrix = _matrix(values, users.places, found.places, (len(users.labels), len(names)))
    if items is None:
        kept = np.flatnonzero(np.bincount(matrix.indices, minlength=len(names)) >= pairs.min_users)
        matrix, names = matrix[:, kept], [names[j] for j in kept]
        if not names:
            raise DataError(f"min_users={pairs.min_users}: no item has so many users; give a smaller number")
    else:
        matrix, names = _of_items(matrix, names, items), list(items)
    if pairs.user in names:
        raise DataError(f"{pairs.user!r} names the column of users and an item; rename one of them")
    return ArrayBlock(matrix, names, pa.table({pairs.user: users.labels}))


def _read(rows: Dataset, pairs: Pairs) -> pa.Table:
    """Return the rows that have a user, an item and a value."""
    batches = [batch for segment in rows.segments for batch in rows.read(segment, pairs.columns)]
    table = pa.Table.from_batches(batches)
    if pairs.value is not None and not _is_number(table.schema.field(pairs.value).type):
        raise DataError(
            f"column {pairs.value!r} holds {table.schema.field(pairs.value).type}, and the value of a pair is a "
            "number; name another column, or leave 'value' out for one of each pair"
        )
    whole = table.drop_null()
    if lost := table.num_rows - whole.num_rows:
        what = " or ".join(map(repr, pairs.columns))
        warnings.warn(f"{counted(lost, 'row')} without {what} left out", DataWarning, stacklevel=2)
    if not whole.num_rows:
        raise DataError(f"no row has a value in each of {', '.join(map(repr, pairs.columns))}")
    return whole


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _named(column: pa.ChunkedArray) -> _Named:
    """Return the labels of a column in their order, so that other orders of rows give the same matrix."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    coded = column.combine_chunks().dictionary_encode()
    order = pc.array_sort_indices(coded.dictionary).to_numpy()
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    return _Named(coded.dictionary.take(pa.array(order)), place[coded.indices.to_numpy()])


def _matrix(values: Array, users: Places, items: Places, shape: tuple[int, int]) -> csr_array:
    made: csr_array = scipy.sparse.csr_array((values, (users, items)), shape=shape)
    made.sum_duplicates()
    if twice := len(values) - int(made.nnz):
        warnings.warn(
            f"{counted(twice, 'row')} of a user and an item that another row has too: their values are added up",
            DataWarning,
            stacklevel=2,
        )
    return made


def _of_items(matrix: csr_array, names: Sequence[str], wanted: Sequence[str]) -> csr_array:
    """Return the columns of some items; of one that there is not, zeros."""
    known = {name: place for place, name in enumerate(names)}
    places = np.array([known.get(name, -1) for name in wanted], np.intp)
    if others := len(names) - int(np.count_nonzero(places >= 0)):
        warnings.warn(
            f"{counted(others, 'item')} that the study has no column of left out", DataWarning, stacklevel=2
        )
    there = np.flatnonzero(places >= 0)
    pick = scipy.sparse.csr_array(
        (np.ones(len(there)), (places[there], there)), shape=(len(names), len(wanted))
    )
    return matrix @ pick
