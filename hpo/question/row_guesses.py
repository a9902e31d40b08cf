"""What rows likely are: documents, ratings, or steps of series; by names, types, and the first of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from algorithms.tasks import TASKS
from hpo.data.frequency import moments_of
from hpo.data.levels import decoded_strings
from hpo.data.schema import CATEGORICAL, DATE, TIMESTAMP
from hpo.data.values import one_array
from hpo.errors import DataError
from hpo.process.lazily import arrow_compute as pc

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset

LOOKED = 10_000
"""Rows that are looked at."""

BACKTESTS = 3
"""Splits that are proposed: each is tested on a season, and five may be all that the data has."""

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
_TIME = re.compile(r"^(?:ds|date|day|week|month|quarter|year|hour|time|timestamp|datetime|period|when)s?$", re.I)

Layout = dict[str, tuple[object, str]]
"""Options of a study, with what was seen."""


def layout_of(task: str, dataset: Dataset, target: str | None) -> Layout:
    """Return how rows of documents, of users and items, or of steps of series are likely given; empty for others.

    Parameters
    ----------
    task : of the algorithms.
    dataset : with every column as a feature.
    target : the column to predict.
    """
    known = TASKS[task]
    if known.documents:
        return _documents(dataset)
    if known.columns:
        pair = pair_of([field.name for field in dataset.features])
        return {} if pair is None else {"interactions": (pair, "so the columns are called")}
    return _steps(dataset, target) if known.steps else {}


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


def _documents(dataset: Dataset) -> Layout:
    """Return the column of text with the longest ones."""
    texts = _first(dataset, [field.name for field in dataset.features if field.kind == CATEGORICAL])
    lengths = {name: _length(column) for name, column in texts.items()}
    longest = max(lengths, key=lambda name: lengths[name], default=None)
    return {} if longest is None else {"documents": ({"text": longest}, "it has the longest texts")}


def _length(texts: pa.Array) -> float:
    return float(pc.mean(pc.utf8_length(decoded_strings(texts))).as_py() or 0.0)


def _steps(dataset: Dataset, target: str | None) -> Layout:
    """Return the column of times, and the columns that name series where a time is there more than once."""
    features = [field for field in dataset.features if field.name != target]
    dated = [field.name for field in features if field.kind in (DATE, TIMESTAMP)]
    called = [field.name for field in features if _TIME.match(field.name) and field.name not in dated]
    first = _first(dataset, [field.name for field in features])
    time = next((name for name in (*dated, *called) if name in first and _tells_time(name, first[name])), None)
    if time is None:
        return {}
    why = "it holds dates" if time in dated else "it is called so, and holds times"
    names = [field.name for field in features if field.kind == CATEGORICAL and field.name != time]
    series = _series(first, time, names)
    several = "times are there more than once, and once for each of these"
    each = "each is tested on the next season, and the first needs steps before it"
    found: Layout = {"time": (time, why), "folds": (BACKTESTS, each)}
    return found | ({"series": (series, several)} if series else {})


def _tells_time(name: str, column: pa.Array) -> bool:
    try:
        moments_of(column, name)
    except DataError:
        return False
    return bool(len(column) > column.null_count)


def _series(first: Mapping[str, pa.Array], time: str, names: Sequence[str]) -> list[str]:
    """Return the columns by which a time is there once: none, one, or as many from the first on as it takes."""
    choices: list[list[str]] = [[], *([name] for name in names), *([*names[:n]] for n in range(2, len(names) + 1))]
    for chosen in choices:
        table = pa.table({name: first[name] for name in dict.fromkeys([*chosen, time])})
        if table.group_by(table.column_names).aggregate([]).num_rows == table.num_rows:
            return chosen
    return [*names]


def _first(dataset: Dataset, names: Sequence[str]) -> dict[str, pa.Array]:
    """Return the first rows of some columns; nothing of none."""
    batches = dataset.look(dataset.segments[0], names) if names else iter(())
    first = next(batches, None)
    return {} if first is None else {name: one_array(first.column(name).slice(0, LOOKED)) for name in names}
