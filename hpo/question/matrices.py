"""Data whose columns are items, or words: what else it may be, and how that is said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from algorithms.tasks import TASKS
from hpo.data.levels import decoded_strings
from hpo.data.schema import BOOLEAN, CATEGORICAL, NUMERIC, Field
from hpo.errors import TuneError
from hpo.process.lazily import arrow_compute as pc
from hpo.question.scores_asked import one_task

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.question.search import Searched
    from studies.spec.spec import StudySpec

LOOKED = 1_000
"""Texts of a column whose lengths are looked at."""

_KEY = r"s?(?:[_\W]?(?:id|no|nr|number|key|code|name|title))?$"
_USER = re.compile(
    rf"^(?:user|customer|client|member|person|reader|listener|viewer|visitor|account|session|patient|student|shopper){_KEY}",
    re.I,
)
_ITEM = re.compile(
    rf"^(?:item|product|article|movie|film|book|song|track|artist|album|video|game|page|recipe|course|venue|sku|asin|isbn|title)"
    rf"{_KEY}",
    re.I,
)
_VALUE = re.compile(r"^(?:rating|score|stars?|value|count|plays?|clicks?|views?|listens?|quantity|qty)s?$", re.I)


def pair_of(names: Sequence[str]) -> dict[str, str] | None:
    """Return the columns that name a user, an item and what it was given, as ``interactions``; None without both.

    Examples
    --------
    >>> pair_of(["userId", "movieId", "rating", "timestamp"])
    {'user': 'userId', 'item': 'movieId', 'value': 'rating'}
    >>> pair_of(["customer", "sku"]), pair_of(["user", "amelie", "alien"])
    ({'user': 'customer', 'item': 'sku'}, None)
    """
    found: dict[str, str] = {}
    for key, pattern in (("user", _USER), ("item", _ITEM), ("value", _VALUE)):
        found |= next(({key: name} for name in names if pattern.match(name)), {})
    return found if {"user", "item"} <= found.keys() else None


def layout_of(task: str, dataset: Dataset) -> dict[str, tuple[object, str]]:
    """Return how rows of documents, or of users and items, are likely given, and why; empty for a matrix.

    Of several columns of text the one with the longest texts holds the documents.
    """
    known = TASKS[task]
    names = [field.name for field in dataset.features]
    if known.documents:
        texts = [field.name for field in dataset.features if field.kind == CATEGORICAL]
        lengths = {name: _length(dataset, name) for name in texts}
        longest = max(texts, key=lambda name: lengths[name], default=None)
        return {} if longest is None else {"documents": ({"text": longest}, "it has the longest texts")}
    pair = pair_of(names) if known.columns else None
    return {} if pair is None else {"interactions": (pair, "so the columns are called")}


def _length(dataset: Dataset, name: str) -> float:
    """Return the mean length of the first texts of a column."""
    for batch in dataset.look(dataset.segments[0], [name]):
        texts = decoded_strings(batch.column(0)).slice(0, LOOKED).drop_null()
        return float(pc.mean(pc.utf8_length(texts)).as_py() or 0.0)
    return 0.0


def check_matrix(searched: Sequence[Searched], dataset: Dataset, spec: StudySpec) -> None:
    """Refuse rows of texts, or of one user and one item, where every column is a word, or an item.

    Raises
    ------
    TuneError
        Says how such rows are given.
    """
    task = TASKS[one_task(searched)]
    if not task.columns or spec.documents is not None or spec.interactions is not None:
        return
    who = ", ".join(one.name for one in searched)
    taken = f"{who} takes a column of numbers for each {task.columns}"
    others = [field for field in dataset.features if field.kind not in (NUMERIC, BOOLEAN)]
    if task.documents:
        if others:
            raise TuneError(f"{_holds(others[0])}, and {taken}; {_documents(others[0])}")
        return
    pair = pair_of([field.name for field in dataset.features])
    if pair is not None:
        raise TuneError(
            f"columns {pair['user']!r} and {pair['item']!r} name a user and an item, and {taken}, a row for each "
            f"user; for rows of one of each give interactions={pair!r}"
        )
    if others:
        raise TuneError(
            f"{_holds(others[0])}, and {taken}; for rows of one user and one item each give interactions="
            f"{{'user': …, 'item': …}}, else leave it out with drop=[{others[0].name!r}]"
        )


def _holds(field: Field) -> str:
    return f"column {field.name!r} holds {'text' if field.kind == CATEGORICAL else field.kind + 's'}"


def _documents(field: Field) -> str:
    if field.kind == CATEGORICAL:
        return f"if its texts are the documents, give documents={field.name!r}, else drop=[{field.name!r}]"
    return f"leave it out with drop=[{field.name!r}]"
