"""Rows of one text each as a sparse matrix of documents by words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from algorithms.arrays import Array
from algorithms.lazily import scipy, sklearn
from hpo.data.levels import decoded_strings, is_text
from hpo.data.sources.memory_blocks import ArrayBlock
from hpo.errors import DataError, DataWarning
from studies.counting import counted

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset


STOP = "stop_words"
"""The parameter that is a list as it is; other lists are tuples that were written down."""


def words_block(
    rows: Dataset, text: str, counting: Mapping[str, object], words: Sequence[str] | None
) -> ArrayBlock:
    """Return the counts of words as a block: a row for each document, a column for each word, in their order.

    A row without a text is an empty document. Of all documents those of fewer than two words are counted in a
    warning.

    Parameters
    ----------
    rows : with the column of texts.
    counting : parameters of ``CountVectorizer``.
    words : the columns that are wanted; None learns them from all documents. Words that are none of them are not
        counted.

    Raises
    ------
    DataError
        The column holds no text, or no word is left.
    """
    kind = rows.arrow.field(text).type
    if not is_text(kind) and not pa.types.is_null(kind):
        raise DataError(f"documents: column {text!r} holds {kind}, and documents are text; name another column")
    asked = {k: tuple(v) if isinstance(v, list) and k != STOP else v for k, v in counting.items()}
    counter = sklearn.feature_extraction.text.CountVectorizer(**asked, vocabulary=words, dtype=np.float64)
    try:
        found = counter.transform if words is not None else counter.fit_transform
        counts = found(_texts(rows, text))
    except ValueError as error:
        raise DataError(
            f"documents: column {text!r}: {str(error).rstrip('.')}; give a smaller min_df, a larger max_df, fewer "
            "stop_words, or another token_pattern"
        ) from None
    if words is None:
        _warn(text, np.asarray(counts.sum(axis=1)).ravel())
    names = [str(word) for word in counter.get_feature_names_out()]
    return ArrayBlock(scipy.sparse.csr_array(counts), names, pa.table({}))


def _warn(text: str, sizes: Array) -> None:
    """Say how many documents have no two words of the vocabulary."""
    if few := int(np.count_nonzero(sizes < 2.0)):
        warnings.warn(
            f"documents: {counted(few, 'row')} of {len(sizes):,} with fewer than two words of the vocabulary in "
            f"{text!r}: nothing is learned of them",
            DataWarning,
            stacklevel=2,
        )


def _texts(rows: Dataset, text: str) -> Iterator[str]:
    for segment in rows.segments:
        for batch in rows.read(segment, [text]):
            column = batch.column(text)
            if pa.types.is_null(column.type):
                yield from [""] * len(column)
            else:
                yield from (one or "" for one in decoded_strings(column).to_pylist())
