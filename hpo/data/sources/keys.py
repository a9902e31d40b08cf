"""Which row of a table has a key: the keys of one table are numbered once, those of another are looked up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from hpo.data.values import Mask, Numbers, Places, decoded_strings, is_text, null_mask, stored_numbers

NOWHERE = -1
"""The place of what is missing, or in no row."""

Keys: TypeAlias = "_Texts | _Numbers"


class KeyIndex:
    """The rows of a table by their keys, one column or several.

    Parameters
    ----------
    columns : of the keys, each of one type. A row of which one is missing has no key.

    Attributes
    ----------
    places : shape (rows,), the number of each row's key; ``NOWHERE`` of none.
    twice : two rows of one key; None where there are none.

    Examples
    --------
    >>> index = KeyIndex([pa.array(["a", "b", "a"]), pa.array([1, 1, 2])])
    >>> index.find([pa.array(["a", "z", "a", None]), pa.array([2, 1, 1, 1])]).tolist()
    [2, -1, 0, -1]
    >>> KeyIndex([pa.array([7, 3, 7])]).twice
    (0, 2)
    """

    def __init__(self, columns: Sequence[pa.Array]) -> None:
        self._columns: list[Keys] = [_Texts(c) if is_text(c.type) else _Numbers(c) for c in columns]
        self._pairs: list[Numbers] = []
        self.places = self._numbered(columns, learn=True)
        known = np.flatnonzero(self.places != NOWHERE)
        found, first, counts = np.unique(self.places[known], return_index=True, return_counts=True)
        self._rows = np.full(int(found.max(initial=NOWHERE)) + 2, NOWHERE)
        self._rows[found] = known[first]
        self.twice: tuple[int, int] | None = None
        if (again := found[counts > 1]).size:
            rows = np.flatnonzero(self.places == again[0])
            self.twice = int(rows[0]), int(rows[1])

    def find(self, columns: Sequence[pa.Array]) -> Places:
        """Return the row of each key, shape (n,); ``NOWHERE`` of those that are missing, or in no row."""
        rows: Places = self._rows[self._numbered(columns, learn=False)]
        return rows

    def _numbered(self, columns: Sequence[pa.Array], *, learn: bool) -> Places:
        """Return the number of each key: of several columns those of pairs, one column after another."""
        places = self._columns[0].find(columns[0])
        for i, (known, column) in enumerate(zip(self._columns[1:], columns[1:], strict=True)):
            further = known.find(column)
            missing = (places == NOWHERE) | (further == NOWHERE)
            pairs = np.where(missing, NOWHERE, places * known.count + further)
            if learn:
                self._pairs.append(np.unique(pairs[~missing]))
            places = _found(self._pairs[i], pairs, missing)
        return places


class _Texts:
    """Numbers the values of a column of text."""

    def __init__(self, column: pa.Array) -> None:
        values = decoded_strings(column).drop_null().unique().to_pylist()
        self._places = {value: place for place, value in enumerate(values)}
        self.count = len(values)

    def find(self, column: pa.Array) -> Places:
        """Return the number of each value."""
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        codes, mask = stored_numbers(encoded.indices), null_mask(encoded.indices)
        codes = codes if mask is None else np.where(mask, 0, codes)
        words = encoded.dictionary
        if len(words) > len(codes):  # one of a whole file
            used, codes = np.unique(codes, return_inverse=True)
            words = words.take(pa.array(used)) if len(words) else words
        table = np.array([self._places.get(word, NOWHERE) for word in words.to_pylist()] or [NOWHERE], np.intp)
        found: Places = table[codes]
        if mask is not None:
            found = np.where(mask, NOWHERE, found)
        return found


class _Numbers:
    """Numbers the values of a column of numbers, times or booleans."""

    def __init__(self, column: pa.Array) -> None:
        values, missing = _values(column)
        self._values: Numbers = np.unique(values if missing is None else values[~missing])
        self.count = len(self._values)

    def find(self, column: pa.Array) -> Places:
        """Return the number of each value."""
        values, missing = _values(column)
        if self._table is None:
            return _found(self._values, values, missing)
        low = self._values[0]
        inside = (values >= low) & (values <= self._values[-1])
        inside = inside if missing is None else inside & ~missing
        found: Places = self._table[np.where(inside, values - low, len(self._table) - 1).astype(np.intp)]
        return found

    @cached_property
    def _table(self) -> Places | None:
        """The number of every whole number from the least to the largest value, where these lie densely."""
        values = self._values
        if values.dtype.kind not in "iu" or not len(values):
            return None
        span = int(values[-1]) - int(values[0]) + 1
        if span > 4 * len(values) + 1024:
            return None
        table = np.full(span + 1, NOWHERE, np.intp)
        table[(values - values[0]).astype(np.intp)] = np.arange(len(values))
        return table


def _values(column: pa.Array) -> tuple[Numbers, Mask | None]:
    values, missing = stored_numbers(column), null_mask(column)
    if values.dtype.kind == "f" and (nan := np.isnan(values)).any():
        missing = nan if missing is None else missing | nan
    return values, missing


def _found(known: Numbers, values: Numbers, missing: Mask | None) -> Places:
    """Return the places of values among sorted ones; ``NOWHERE`` of others and of missing ones."""
    if not len(known):
        return np.full(len(values), NOWHERE, np.intp)
    places: Places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found = known[places] == values
    return np.where(found if missing is None else found & ~missing, places, NOWHERE)
