"""Rows of one text each as counts of words: of data in memory one sparse matrix, of files batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from algorithms.arrays import Array
from algorithms.lazily import scipy
from hpo.data.levels import is_text
from hpo.data.segment import Segment
from hpo.data.sources.memory import gather_block
from hpo.data.sources.memory_blocks import ArrayBlock
from hpo.data.sources.source import Source
from hpo.data.sources.words import counted_segments, counter, plain_texts, words_source
from hpo.errors import DataError
from studies.counting import counted

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset

T = TypeVar("T")

DOCUMENTS = 20_000
"""Documents of files from which the vocabulary is learned; of fewer, from all of them."""


class Vocabularies(Protocol):
    """Where vocabularies are remembered, so that further files are counted by the same words."""

    def load(self, counting: Mapping[str, object], segments: Sequence[Segment]) -> Sequence[str] | None:
        """Return the words of the same documents, or of most of them, counted alike; None where none are known."""
        ...

    def save(self, counting: Mapping[str, object], segments: Sequence[Segment], words: Sequence[str]) -> None:
        """Take the words of documents, to be kept."""
        ...


@dataclass(frozen=True)
class Documents:
    """Documents as counts.

    Attributes
    ----------
    source : a row for each document, a column for each word.
    remark : how many of the documents that the words were learned from have no two of them; empty for none.
    """

    source: Source
    remark: str = ""


def documents_of(
    rows: Dataset,
    text: str,
    counting: Mapping[str, object],
    words: Sequence[str] | None,
    vocabularies: Vocabularies | None = None,
) -> Documents:
    """Return the counts of words: a row for each document, a column for each word, in their order.

    A row without a text is an empty document.

    Parameters
    ----------
    rows : with the column of texts.
    text : its name.
    counting : parameters of ``CountVectorizer``.
    words : the columns that are wanted, others not being counted. None learns them: of data in memory from all
        documents, of files from :data:`DOCUMENTS` drawn ones, unless they are remembered.
    vocabularies : where they are remembered.

    Raises
    ------
    DataError
        The column holds no text, or no word is left.
    """
    kind = rows.arrow.field(text).type
    if not is_text(kind) and not pa.types.is_null(kind):
        raise DataError(f"documents: column {text!r} holds {kind}, and documents are text; name another column")
    if rows.in_memory:
        return _in_memory(rows, text, counting, words)
    asked, remark = {"text": text, **counting}, ""
    segments = rows.through(lambda source: counted_segments(source, text, counting))
    if words is None and vocabularies is not None:
        words = vocabularies.load(asked, segments)
    if words is None:
        words, remark = _learned(rows, text, counting)
    if vocabularies is not None:
        vocabularies.save(asked, segments, words)
    known = words
    return Documents(rows.through(lambda source: words_source(source, text, counting, known)), remark)


def _in_memory(
    rows: Dataset, text: str, counting: Mapping[str, object], words: Sequence[str] | None
) -> Documents:
    counts = counter(counting, words)
    texts = _texts(rows, text)
    found = _counted(text, lambda: counts.transform(texts) if words is not None else counts.fit_transform(texts))
    names = [str(word) for word in counts.get_feature_names_out()]
    remark = "" if words is not None else _short(text, np.asarray(found.sum(axis=1)).ravel())
    block = ArrayBlock(scipy.sparse.csr_array(found), names, pa.table({}))
    return Documents(gather_block(block, None), remark)


def _learned(rows: Dataset, text: str, counting: Mapping[str, object]) -> tuple[list[str], str]:
    """Return the words of drawn documents, and how many of these have no two."""
    sample, _ = rows.sample([text], DOCUMENTS, 0, scan=4 * DOCUMENTS)
    counts = counter(counting)
    texts = [one for part in sample.column(0).chunks for one in plain_texts(part)]
    found = _counted(text, lambda: counts.fit_transform(texts))
    words = [str(word) for word in counts.get_feature_names_out()]
    return words, _short(text, np.asarray(found.sum(axis=1)).ravel())


def _counted(text: str, count: Callable[[], T]) -> T:
    try:
        return count()
    except ValueError as error:
        raise DataError(
            f"documents: column {text!r}: {str(error).rstrip('.')}; give a smaller min_df, a larger max_df, fewer "
            "stop_words, or another token_pattern"
        ) from None


def _short(text: str, sizes: Array) -> str:
    """Return how many documents have no two words of the vocabulary, in words."""
    if not (few := int(np.count_nonzero(sizes < 2.0))):
        return ""
    return (
        f"documents: {counted(few, 'row')} of {len(sizes):,} with fewer than two words of the vocabulary in "
        f"{text!r}: nothing is learned of them"
    )


def _texts(rows: Dataset, text: str) -> Iterator[str]:
    for segment in rows.segments:
        for batch in rows.read(segment, [text]):
            yield from plain_texts(batch.column(text))
