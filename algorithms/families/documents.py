"""What models of documents have in common: what they refuse, and the map of columns to words."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from algorithms.arrays import Array
from algorithms.contract import Shape
from algorithms.errors import InvalidField, NotEnoughRows, TooLarge
from algorithms.preparing.column_map import ColumnMap
from algorithms.preparing.column_maps import filled_map
from algorithms.summaries.co_occurrence import CoOccurrenceState, words_of


class Laid(Protocol):
    """What says by which columns documents are laid out."""

    @property
    def shape(self) -> Shape:
        """The columns."""
        ...


def names_of(state: Laid) -> list[str]:
    """Return the words."""
    return [state.shape.columns[j].name for j in words_of(state.shape)]


def columns_of_words(state: Laid) -> ColumnMap:
    """Return the map to words: what is missing is zero."""
    return filled_map(state.shape, words_of(state.shape), -state.shape.origin)


def check_documents(state: CoOccurrenceState) -> None:
    """Refuse negative counts, counts without a finite sum, and fewer than two documents of two words.

    Raises
    ------
    InvalidField, TooLarge, NotEnoughRows
        Says which.
    """
    check_counts(state, state.lowest, float(state.totals.sum() + state.pairs.sum()))
    check_enough(state.rows, state.documents, int(np.count_nonzero(state.totals)))


def check_counts(state: Laid, lowest: Array, total: float) -> None:
    """Refuse negative counts, and counts without a finite sum.

    Parameters
    ----------
    state : of the documents.
    lowest : shape (V,), the smallest count of each word.
    total : a sum of the counts.
    """
    if (lowest < 0.0).any():
        j = int(np.argmin(lowest))
        raise InvalidField(
            f"column {names_of(state)[j]!r} holds {lowest[j]:g}, and topics take counts of words, which "
            "are not negative; leave the column out"
        )
    if not np.isfinite(total):
        raise TooLarge("counts are so large that they have no finite sum: look for damaged values, or rescale")


def check_enough(rows: int, documents: float, words: int) -> None:
    """Refuse fewer than two documents of two words, and fewer than two words."""
    if documents < 2 or words < 2:
        raise NotEnoughRows(
            f"topics need at least 2 documents of two words, and 2 words; of {rows:,} documents "
            f"{documents:g} have two words, and there are {words:,} words"
        )
