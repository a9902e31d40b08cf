"""What models of documents have in common: what they refuse, and the map of columns to words."""

from __future__ import annotations

import numpy as np

from algorithms.errors import InvalidField, NotEnoughRows, TooLarge
from algorithms.preparing.column_map import ColumnMap, filled_map
from algorithms.summaries.co_occurrence import CoOccurrenceState, words_of


def names_of(state: CoOccurrenceState) -> list[str]:
    """Return the words."""
    return [state.shape.columns[j].name for j in words_of(state.shape)]


def columns_of_words(state: CoOccurrenceState) -> ColumnMap:
    """Return the map to words: what is missing is zero."""
    return filled_map(state.shape, words_of(state.shape), -state.shape.origin)


def check_documents(state: CoOccurrenceState) -> None:
    """Refuse negative counts, counts without a finite sum, and fewer than two documents of two words.

    Raises
    ------
    InvalidField, TooLarge, NotEnoughRows
        Says which.
    """
    if (state.lowest < 0.0).any():
        j = int(np.argmin(state.lowest))
        raise InvalidField(
            f"column {names_of(state)[j]!r} holds {state.lowest[j]:g}, and topics take counts of words, which "
            "are not negative; leave the column out"
        )
    if not np.isfinite(state.totals.sum() + state.pairs.sum()):
        raise TooLarge("counts are so large that they have no finite sum: look for damaged values, or rescale")
    if state.documents < 2 or np.count_nonzero(state.totals) < 2:
        raise NotEnoughRows(
            f"topics need at least 2 documents of two words, and 2 words; of {state.rows:,} documents "
            f"{state.documents:g} have two words, and there are {np.count_nonzero(state.totals):,} words"
        )
