"""Columns that look like something a model cannot learn from: ids, free text, constants; and groups of rows.

Warnings come from what is known anyway: the sample of a pilot, statistics of Parquet files, data in memory. Where
statistics leave open whether whole numbers are an id, a few rows of these columns are read. Few false alarms count
more than every hit: a number with decimals is never taken for an id, and a whole number only where it counts the
rows, or no value comes twice: under the name of an id, or where values lie so close that it is not chance.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from hpo.data.ids import LEAST, MOSTLY, SOME, counts_rows, is_whole, lie_close, may_lie_close, named
from hpo.data.levels import decoded_strings, is_text
from hpo.data.look_words import MISSING, Look
from hpo.data.origins import NOWHERE
from hpo.data.schema import CATEGORICAL, NUMERIC, Field
from hpo.data.sources.marks import numbers_in_text
from hpo.data.values import one_array, stored_numbers
from hpo.process.lazily import arrow_compute as pc

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.origins import Extent
    from hpo.data.values import Numbers


NEARLY = 0.995
"""Share of them, where it is not known how many rows there are."""

MANY = 10_000
"""Rows of a sample that tell a constant."""

FEW = 64
"""Rows of data in memory of which one look tells that a column is ordinary."""

TWICE = 1.5
"""Rows that a value has, fewer than which its column looks like an id, not like a group."""

SAME = 0.999
"""Correlation with the target from which on a column looks like the target itself."""

GROUPS, EACH = 20, 2.0
"""Values that a column of groups has at least, and rows that each has on average."""

WORDS = 3.0
"""Words that free text has on average."""


def of_sample(
    fields: Iterable[Field], columns: Mapping[str, pa.ChunkedArray], rows: float = math.inf
) -> list[Look]:
    """Return what columns look like by a sample of rows, of so many in all."""
    found = (_of_values(f, one_array(columns[f.name]), rows) for f in fields if f.name in columns)
    return [look for look in found if look is not None]


def of_extents(fields: Iterable[Field], extents: Mapping[str, Extent], rows: int) -> list[Look]:
    """Return what numbers look like by the statistics of files.

    Examples
    --------
    >>> from hpo.data.origins import extent_between
    >>> field = Field("id", "numeric", "int64", nullable=False)
    >>> of_extents([field], {"id": extent_between(1, 500)}, rows=500)[0].kind
    'id'
    """
    found = (_of_extent(f, extents[f.name], rows) for f in fields if f.name in extents)
    return [look for look in found if look is not None]


def of_target(columns: Iterable[str], shares: Iterable[float], rows: int) -> list[Look]:
    """Return which columns look like the target itself, by how much of it each tells alone (a squared correlation).

    Examples
    --------
    >>> [look.seen for look in of_target(["x", "y"], [0.5, 0.9999], 500)]
    ['a correlation of 0.99995']
    """
    if rows < LEAST:
        return []
    most: dict[str, float] = {}
    for column, share in zip(columns, shares, strict=True):
        most[column] = max(share, most.get(column, 0.0))
    found = ((column, math.sqrt(min(share, 1.0))) for column, share in most.items())
    return [Look("target", c, f"a correlation of {r:.5g}") for c, r in found if r > SAME]


def looks_of(dataset: Dataset) -> list[Look]:
    """Return what features that are not categories look like, as far as that is known without reading."""
    fields = [field for field in dataset.features if field.kind != CATEGORICAL]
    if dataset.in_memory:
        return list(of_memory(dataset, fields))
    numbers = [field for field in fields if field.kind == NUMERIC]
    return [
        look
        for some in (numbers, *([field] for field in fields if field.kind != NUMERIC))
        if some and dataset.rows is not None and (extents := dataset.extents(some)) is not None
        for look in of_extents(some, extents, dataset.rows)
    ]


def of_memory(dataset: Dataset, fields: Iterable[Field]) -> Iterator[Look]:
    """Yield what columns in memory look like: some rows are looked at, and all where these look like something."""
    for field in fields:
        some = dataset.some_values(field.name, FEW)
        gaps = some.null_count > 0
        some = some.drop_null() if gaps else some
        if not len(some):
            if gaps and (look := _without_values(field, one_array(dataset.values([field.name]).column(0)))):
                yield look
            continue
        values, known = stored_numbers(some), named(field.name) and _is_numeric(field, some)
        differ = is_whole(field) and not gaps and _may_be_id(dataset, field.name, values)
        if known or differ or (values.min() == values.max() and not gaps):
            column = one_array(dataset.values([field.name]).column(0))
            if (look := _of_values(field, column, len(column))) is not None:
                yield look


def _may_be_id(dataset: Dataset, name: str, values: Numbers) -> bool:
    """Return whether whole numbers of data in memory may be an id, by some of their values."""
    rows = dataset.rows or 0
    if counts_rows(values, rows):
        return True
    return may_lie_close(values, rows) and may_lie_close(
        stored_numbers(dataset.some_values(name, SOME).drop_null()), rows
    )


def _of_extent(field: Field, extent: Extent, rows: int) -> Look | None:
    if extent == NOWHERE and rows > 1:
        return Look("constant", field.name, MISSING)
    if extent.ends is None:
        return None
    if extent.spread == 0 and not field.nullable:
        return Look("constant", field.name, f"{extent.middle}" if field.kind == NUMERIC else "the same")
    if not is_whole(field) or rows < LEAST:
        return None
    values = extent.spread + 1
    if rows <= values <= 1.01 * rows and not field.nullable:
        return Look("id", field.name, f"{rows:,} rows have values from one to the next")
    few = values >= GROUPS and values * EACH <= rows
    return Look("group", field.name, f"at most {values:,.0f} values") if few and named(field.name) else None


def _of_values(field: Field, column: pa.Array, rows: float) -> Look | None:
    """Return what a column looks like by a sample of its values."""
    of_text = is_text(column.type)
    column = decoded_strings(column) if field.kind == CATEGORICAL else column
    present = column.drop_null()
    n, distinct = len(present), pc.count_distinct(present).as_py()
    if n == 0 and len(column) >= min(rows, MANY):
        return _without_values(field, column)
    if distinct == 1 and n == len(column) and n > 1 and n >= min(rows, MANY):
        return Look("constant", field.name, _shown(present[0].as_py()))
    if n < LEAST or not (field.kind == CATEGORICAL or _is_numeric(field, present)):
        return None
    numbers = numbers_in_text(present) if of_text else None
    if numbers is not None:
        return Look("number", field.name, ", ".join(map(repr, numbers.marks)))
    return _of_many(field, present, distinct, rows)


def _of_many(field: Field, present: pa.Array, distinct: int, rows: float) -> Look | None:
    """Return whether a column of many values looks like an id, free text or groups."""
    n = len(present)
    values = _in_all(n, distinct, rows)
    each = rows / values if rows < math.inf else (1.0 if distinct >= NEARLY * n else EACH)
    if distinct >= MOSTLY * n and each < TWICE:
        return _apart(field, present, distinct, n)
    if named(field.name) and values >= GROUPS and each >= EACH:
        return Look("group", field.name, f"about {values:,.0f} values")
    return None


def _without_values(field: Field, column: pa.Array) -> Look | None:
    """Return that a column is missing in every row, if it is."""
    empty = len(column) > 1 and column.null_count == len(column)
    return Look("constant", field.name, MISSING) if empty else None


def _apart(field: Field, present: pa.Array, distinct: int, n: int) -> Look | None:
    """Return what a column of values that differ looks like; of numbers nothing unless that is not chance."""
    seen = f"{distinct:,} of {n:,} values differ"
    if field.kind != CATEGORICAL:
        values = stored_numbers(present)
        alike = named(field.name) or counts_rows(values, n) or lie_close(values)
        return Look("id", field.name, seen) if alike else None
    words = pc.mean(pc.count_substring_regex(present, r"\S+")).as_py()
    return Look("text" if words >= WORDS else "id", field.name, seen)


def _in_all(n: int, distinct: int, rows: float) -> float:
    """Return how many values all rows have, of which n rows drawn at random have so many: D(1 - exp(-n/D)).

    Examples
    --------
    >>> round(_in_all(1000, 632, 100_000)), _in_all(10, 7, 10)
    (1000, 7.0)
    """
    if n >= rows or distinct >= n:
        return float(distinct if n >= rows else rows)
    low, high = float(distinct), min(rows, 1e12)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if -middle * math.expm1(-n / middle) > distinct else (middle, high)
    return high


def _is_numeric(field: Field, present: pa.Array) -> bool:
    """Return whether a column holds whole numbers, those of CSV files as floats."""
    if field.kind != NUMERIC or pa.types.is_decimal(present.type):
        return False
    if is_whole(field):
        return True
    if pa.types.is_float16(present.type):
        present = present.cast(pa.float32())  # Arrow computes with no narrower ones
    return bool(pc.all(pc.equal(present, pc.trunc(present))).as_py())


def _shown(value: object) -> str:
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
        return str(value)
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    return repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:39]}…"
