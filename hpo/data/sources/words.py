"""Documents of files as rows of counts of words, a batch at a time: the matrix of all of them is never made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from algorithms.lazily import scipy, sklearn
from hpo.data.levels import decoded_strings
from hpo.data.origins import Extent
from hpo.data.schema import Field, Schema
from hpo.data.segment import Rows, Segment, fingerprint
from hpo.data.sources.memory_blocks import NO_VALUES, ArrayBlock
from hpo.data.sources.source import Source
from hpo.data.sources.text import Sight

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import CountVectorizer

STOP = "stop_words"
"""The parameter that is a list as it is; other lists are tuples that were written down."""

COUNTED = Extent(0.0, 1.0)
"""Where counts of a word lie: about zero, and not all there, since documents have had it."""

LOOKED = 1_000
"""Documents of the first segment from which it is known how many words a document has."""


def counter(counting: Mapping[str, object], words: Sequence[str] | None = None) -> CountVectorizer:
    """Return what counts words.

    Parameters
    ----------
    counting : parameters of ``CountVectorizer``.
    words : the vocabulary; None to learn it.

    Examples
    --------
    >>> counter({"lowercase": False}, ["tea", "milk"]).transform(["milk tea, tea"]).toarray().tolist()
    [[2.0, 1.0]]
    """
    asked = {k: tuple(v) if isinstance(v, list) and k != STOP else v for k, v in counting.items()}
    made: CountVectorizer = sklearn.feature_extraction.text.CountVectorizer(
        **asked, vocabulary=words, dtype=np.float64
    )
    return made


def plain_texts(column: pa.Array) -> list[str]:
    """Return the texts of a column; a missing one is empty.

    Examples
    --------
    >>> plain_texts(pa.array(["tea", None])), plain_texts(pa.nulls(1))
    (['tea', ''], [''])
    """
    if pa.types.is_null(column.type):
        return [""] * len(column)
    return [one or "" for one in decoded_strings(column).to_pylist()]


@dataclass(eq=False)
class WordsSource:
    """A column of texts in files as one column for each word.

    Attributes
    ----------
    texts : where the documents are.
    column : of them.
    counting : parameters of ``CountVectorizer``.
    words : the vocabulary, in the order of the columns.
    segments : those of the files; their fingerprints know how words are counted.
    """

    texts: Source
    column: str
    counting: Mapping[str, object]
    words: tuple[str, ...]
    arrow: pa.Schema
    schema: Schema
    segments: tuple[Segment, ...]
    in_memory: bool = False
    is_text: bool = False

    @property
    def stored(self) -> pa.Schema:
        """The schema of the counts."""
        return self.arrow

    def scan(
        self,
        segment: Segment,
        columns: Sequence[str],
        batch_rows: int,
        *,
        threads: bool = False,
        apart: Sequence[str] = (),
    ) -> Iterator[Rows]:
        """Yield the documents of a segment in order, as a sparse matrix where its columns are asked for apart."""
        counts = counter(self.counting, self.words)
        beside = [name for name in columns if name not in {*apart}]
        for found in self.texts.scan(segment, [self.column], batch_rows, threads=threads):
            matrix = scipy.sparse.csr_array(counts.transform(plain_texts(found.batch.column(0))))
            block = ArrayBlock(matrix, self.words, pa.table({}))
            if apart and self.is_sparse(apart, beside):
                yield from block.sparse(0, block.rows, apart, beside)
            else:
                yield from (Rows(batch) for batch in block.batches(0, block.rows, columns, batch_rows))

    def is_sparse(self, features: Sequence[str], beside: Sequence[str]) -> bool:
        """Return whether the features are words, and nothing is asked for beside them."""
        return {*features} <= {*self.words} and not beside

    def looked_up(self, names: Sequence[str]) -> frozenset[str]:
        """Return none: words are counted as documents are read."""
        return frozenset()

    def stored_numbers(self) -> float:
        """Return how many different words an average document has, by the first ones."""
        return self._numbers

    @cached_property
    def _numbers(self) -> float:
        for found in self.texts.scan(self.segments[0], [self.column], LOOKED):
            counts: csr_array = counter(self.counting, self.words).transform(plain_texts(found.batch.column(0)))
            return float(counts.nnz / max(1, counts.shape[0]))
        return 0.0

    def extents(self, fields: Sequence[Field]) -> dict[str, Extent] | None:
        """Return that counts have no origin but zero."""
        return dict.fromkeys((field.name for field in fields), COUNTED)

    def some(self, name: str, most: int) -> pa.Array:
        """Return none: documents are in files."""
        return NO_VALUES

    def sight(self, names: Sequence[str], rows: int) -> Sight:
        """Return nothing: counts are numbers."""
        return Sight()

    def exactly(self, names: Sequence[str]) -> WordsSource:
        """Return the source itself: counts are exact."""
        return self

    def check(self, segment: Segment) -> None:
        """Raise DataError if the documents of a segment changed since it was opened."""
        self.texts.check(segment)


def counted_segments(
    texts: Source, column: str, counting: Mapping[str, object]
) -> tuple[Segment, ...]:
    """Return the segments of files as those of counts, whose fingerprints know how words are counted."""
    asked = json.dumps({"column": column, **counting}, sort_keys=True)
    return tuple(replace(s, fingerprint=fingerprint("words", s.fingerprint, asked)) for s in texts.segments)


def words_source(
    texts: Source, column: str, counting: Mapping[str, object], words: Sequence[str]
) -> WordsSource:
    """Return the documents of files as counts of words of a vocabulary.

    Two readings of a file have the same states where words are counted alike and are the same.
    """
    arrow = pa.schema([pa.field(word, pa.float64()) for word in words])
    schema = Schema.from_arrow(arrow, dict.fromkeys(words, True))
    segments = counted_segments(texts, column, counting)
    return WordsSource(texts, column, dict(counting), tuple(words), arrow, schema, segments)
