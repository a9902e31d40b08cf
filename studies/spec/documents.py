"""Rows of text: the column of documents, and how their words are counted."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from studies.spec.ranges import Strict, wrong

CAP = 4_000
"""Words of the vocabulary, the most frequent ones; a state of topics takes its square."""


WORD = r"(?u)\b\w\w+\b"
"""Two letters or more."""


class Documents(Strict):
    """Rows of one document each, of which the study makes a matrix of documents by words.

    What follows ``text`` are the parameters of scikit-learn's ``CountVectorizer``, with its defaults but for
    ``max_features``.

    Attributes
    ----------
    text : the column of documents.
    max_features : how many words are kept, the most frequent ones.
    min_df, max_df : documents that a word must be in, and may be in: a number of them, or a share.
    stop_words : ``"english"``, or words to leave out.
    lowercase : whether letters are made small.
    ngram_range : how many words in a row count as one, at least and at most.
    token_pattern : what a word is, as a regular expression.
    strip_accents : ``"ascii"`` or ``"unicode"``; None keeps accents.
    analyzer : what is counted: words (``"word"``), or as many letters in a row as ``ngram_range`` says (``"char"``,
        or ``"char_wb"``, which stay within words).
    binary : whether a word counts once in a document, however often it is there.

    Examples
    --------
    >>> Documents(text="abstract", min_df=5).counting()["min_df"]
    5
    """

    text: str
    max_features: int = Field(default=CAP, ge=2)
    min_df: int | float = 1
    max_df: int | float = 1.0
    stop_words: str | tuple[str, ...] | None = None
    lowercase: bool = True
    ngram_range: tuple[int, int] = (1, 1)
    token_pattern: str = WORD
    strip_accents: Literal["ascii", "unicode"] | None = None
    analyzer: Literal["word", "char", "char_wb"] = "word"
    binary: bool = False

    def counting(self) -> dict[str, object]:
        """Return the parameters of ``CountVectorizer``."""
        asked = self.model_dump(exclude={"text"})
        words = self.stop_words
        return {**asked, "stop_words": list(words) if isinstance(words, tuple) else words}

    @field_validator("stop_words", "ngram_range", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _check(self) -> Documents:
        if isinstance(self.stop_words, str) and self.stop_words != "english":
            raise wrong("stop_words is 'english', or a list of words")
        for name, share in (("min_df", self.min_df), ("max_df", self.max_df)):
            if not (0.0 <= share <= 1.0 if isinstance(share, float) else share >= 1):
                raise wrong(f"{name} is a number of documents (1, 2, …), or a share of them (0.0 to 1.0)")
        if not 1 <= self.ngram_range[0] <= self.ngram_range[1]:
            raise wrong("ngram_range is two numbers, the smaller first: [1, 2] counts words and pairs of them")
        try:
            re.compile(self.token_pattern)
        except re.error as error:
            raise wrong(f"token_pattern is not a regular expression: {error}") from None
        return self


def as_documents(value: object) -> object:
    """Return a column alone as the mapping that it stands for.

    Examples
    --------
    >>> as_documents("abstract")
    {'text': 'abstract'}
    """
    return {"text": value} if isinstance(value, str) else value
