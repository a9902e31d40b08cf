"""Which row of a table has a key: the keys of one table are numbered once, those of another are looked up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from hpo.data.levels import decoded_strings, is_text
from hpo.data.values import Mask, Numbers, Places, null_mask, stored_numbers

NOWHERE = -1
"""The place of what is missing, or in no row."""

DENSE = 16
"""Whole numbers are found by a table of at most so many entries for each."""

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
        self._pairs: list[_Places] = []
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
                self._pairs.append(_Places(np.unique(pairs[~missing])))
            places = self._pairs[i].of(pairs, missing)
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
        self._places = _Places(np.unique(values if missing is None else values[~missing]))
        self.count = self._places.count

    def find(self, column: pa.Array) -> Places:
        """Return the number of each value."""
        return self._places.of(*_values(column))


class _Places:
    """The places of sorted numbers: whole ones that lie densely, in steps of any size, are found without a search.

    Examples
    --------
    >>> _Places(np.array([10, 40, 70])).of(np.array([70, 41, 10, 100]), None).tolist()
    [2, -1, 0, -1]
    """

    def __init__(self, known: Numbers) -> None:
        self.known, self.count = known, len(known)
        self._table: Places | None = None
        if known.dtype.kind not in "iu" or not len(known):
            return
        self._low, self._high = int(known[0]), int(known[-1])
        if self._high - self._low >= 2**62:
            return
        self._step = int(np.gcd.reduce(np.diff(_wide(known)))) if len(known) > 1 else 1
        size = (self._high - self._low) // self._step + 1
        if size <= DENSE * len(known) + DENSE:
            self._table = np.full(size, NOWHERE, np.intp)
            self._table[(self._away(known) // self._step).astype(np.intp)] = np.arange(len(known))

    def of(self, values: Numbers, missing: Mask | None) -> Places:
        """Return the place of each value; ``NOWHERE`` of others and of missing ones."""
        if self._table is None or values.dtype.kind not in "iu":
            return self._searched(values, missing)
        inside = (values >= self._low) & (values <= self._high)
        if missing is not None:
            inside &= ~missing
        steps, rest = np.divmod(self._away(np.where(inside, values, self.known[0])), self._step)
        found: Places = self._table[steps.astype(np.intp)]
        return np.where(inside & (rest == 0), found, NOWHERE)

    def _away(self, values: Numbers) -> Numbers:
        """Return how far values are above the least."""
        least: Numbers = _wide(self.known[:1])
        return _wide(values) - least

    def _searched(self, values: Numbers, missing: Mask | None) -> Places:
        if not self.count:
            return np.full(len(values), NOWHERE, np.intp)
        places: Places = np.minimum(np.searchsorted(self.known, values), self.count - 1)
        found = self.known[places] == values
        return np.where(found if missing is None else found & ~missing, places, NOWHERE)


def _wide(values: Numbers) -> Numbers:
    """Return whole numbers in 64 bits, in which differences of narrower ones fit."""
    return values if values.dtype.itemsize == 8 else values.astype(np.int64)


def _values(column: pa.Array) -> tuple[Numbers, Mask | None]:
    values, missing = stored_numbers(column), null_mask(column)
    if values.dtype.kind == "f" and (nan := np.isnan(values)).any():
        missing = nan if missing is None else missing | nan
    return values, missing
