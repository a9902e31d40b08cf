"""The study that hpo init proposes, from a look at the data."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hpo.cli.behind import (
    auto,
    checks,
    data_files,
    data_formats,
    data_guesses,
    data_looks,
    data_readers,
    data_schema,
    data_segment,
    described,
    opening,
    pa,
    question_given,
    question_scoring,
    row_guesses,
    study_template,
    tasks,
)
from hpo.errors import DataError
from studies.masking import mask

if TYPE_CHECKING:
    from hpo.data import Dataset
    from hpo.data.sources.guesses import Written
    from hpo.data.sources.text import TextFormat
    from studies.spec.template import ColumnNote

LOOKED_INTO = 16
"""Files whose beginnings tell how they are written."""

LOOKED_AT = 10_000
"""Rows that the comments on columns are written from."""

WHY = {
    "id": "it looks like an id: {}", "text": "it looks like free text: {}", "constant": "it is {} in every row",
}  # fmt: skip
"""Why a column is left out, by what it looks like."""

USUAL = ("target", "label", "class", "y", "response", "outcome")


@dataclass(frozen=True)
class Draft:
    """What a study file will say: JSON values.

    Attributes
    ----------
    name, data, target, algorithm, scoring, drop : as in the file.
    others : further columns that could be the target, with their types.
    columns : every usable column.
    chosen : what ``auto`` stands for on this data, where it could be another thing; else empty.
    why_drop : why columns are left out that were not asked to be, by column.
    reading : how CSV files are likely written, by option.
    why : what was seen in the files, by option.
    search : what is searched of algorithms that have no ranges of their own.
    offer : what else there is and what it costs; empty for nothing.
    """

    name: str
    data: list[str]
    target: str | None
    algorithm: list[str]
    scoring: str
    drop: list[str]
    others: dict[str, str]
    columns: list[ColumnNote]
    chosen: str = ""
    why_drop: dict[str, str] = field(default_factory=dict)
    reading: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    search: dict[str, object] = field(default_factory=dict)
    offer: str = ""


def make_draft(
    data: Sequence[str],
    target: str | None,
    algorithms: list[str],
    name: str | None,
    leave_out: Sequence[str] = (),
) -> Draft:
    """Return what the study file of this data will say.

    Raises
    ------
    DataError
        The data cannot be read, or has no such target.
    UnknownAlgorithm, TuneError
        The algorithms do not exist, or do not go together.
    """
    name = name or suggested_name(data)
    described.build({"data": list(data), "algorithm": algorithms, "name": name}, "hpo init")
    automatic, chosen = auto.is_auto(algorithms), ""
    searched = [] if automatic else question_given.resolve(algorithms, {})
    how = written_as(data)
    names, unread = columns_of(data, how.text)
    drop = list(dict.fromkeys([*unread, *apart(leave_out, names)]))
    dataset = opening.open_dataset(list(data), drop=drop, text=how.text)
    kinds = {f.name: f.kind for f in dataset.features}
    legal = _targets(algorithms[0], question_scoring.one_task(searched) if searched else None)
    optional = not automatic and question_scoring.by_target(searched)
    could = {f.name: f.dtype for f in dataset.features if f.kind in legal}
    if target is None and legal and not optional:
        target = guess(list(could), [n for n in could if kinds[n] != "categorical"])
    if target is not None:
        of_target = opening.open_dataset(list(data), target=target, drop=drop, text=how.text)
    notes, reading = column_notes(dataset), {k: _plain(v) for k, v in how.text.given.items()}
    task = question_scoring.one_task(searched) if searched else algorithms[0].partition(":")[2]
    layout = row_guesses.layout_of(task, dataset, target) if task in tasks.TASKS else {}
    found = {} if layout else useless(dataset, target)
    left_out = dict.fromkeys(unread, "it has no numeric meaning") | found
    if more := [name for name in left_out if name not in drop]:
        drop += more
        dataset = opening.open_dataset(list(data), drop=drop, text=how.text)
        if target is not None:
            of_target = opening.open_dataset(list(data), target=target, drop=drop, text=how.text)
    search: dict[str, object] = {}
    offer = ""
    if automatic:
        choice = auto.choose(algorithms[0], dataset if target is None else of_target, 0)
        algorithms, chosen = list(choice.names), choice.words if choice.unsure else ""
        search, offer = dict(choice.search), choice.offer
        searched = question_given.resolve(algorithms, search)
    if target is not None:
        checks.check_task(searched, of_target)
    metric = question_scoring.resolve_scoring(None, searched, 4096, labelled=target is not None).metric
    others = {k: v for k, v in could.items() if k != target} if target else {}
    reading |= {option: value for option, (value, _) in layout.items()}
    why = {**how.why, **{option: words for option, (_, words) in layout.items()}}
    drop = [] if layout else drop
    return Draft(
        name, list(data), target, algorithms, metric, drop, others, notes, chosen, left_out, reading, why, search,
        offer,
    )  # fmt: skip


def written_as(data: Sequence[str]) -> Written:
    """Return how CSV files are likely written, by the beginnings of at most 16; of other files as usual."""
    files = data_segment.spread(data_files.list_files(list(data), None), LOOKED_INTO)
    how = data_guesses.of_start(files)
    if files[0].format != data_files.CSV:
        return how
    readers = data_formats.open_files(data_segment.spread(files, data_readers.SIGHTED), "fast", how.text)
    names = readers[0].schema.names
    return data_guesses.of_values(data_readers.sight_of(readers, names, data_guesses.ROWS), how)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _targets(asked: str, task: str | None) -> tuple[str, ...]:
    """Return the kinds of column that can be the target; none for a task without one."""
    known = tasks.TASKS.get(asked.partition(":")[2] if task is None else task)
    target = tasks.CLASS if known is None else known.target
    return {tasks.CLASS: ("numeric", "boolean", "categorical"), tasks.NUMBER: ("numeric", "boolean")}.get(
        target or "", ()
    )


def columns_of(data: Sequence[str], text: TextFormat) -> tuple[list[str], list[str]]:
    """Return the columns, and those that have no numeric meaning, such as lists: the study must drop them."""
    first = data_files.list_files(list(data), None)[:1]
    schema = data_readers.full_schema(data_formats.open_files(first, "fast", text)[0])
    unread = [f.name for f in schema if data_schema.kind_of(data_schema.plain_type(f.type)) is None]
    return list(schema.names), unread


def apart(given: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return columns that were given one by one or with commas between; a name may have a comma in it.

    Examples
    --------
    >>> apart(["a,b", "c,d"], ["a", "b", "c,d"])
    ['a', 'b', 'c,d']
    """
    parts = ([one] if one in names else one.split(",") for one in given)
    return [name.strip() if name not in names else name for part in parts for name in part]


def guess(columns: Sequence[str], numbers: Sequence[str] | None = None) -> str:
    """Return the column that is most likely the target: one of the usual names, else the last number.

    Parameters
    ----------
    columns : those that could be the target.
    numbers : the numbers among them; None for all.

    Raises
    ------
    DataError
        There is no number to predict.

    Examples
    --------
    >>> guess(["x", "Price", "y"]), guess(["a", "b"])
    ('y', 'b')
    """
    numbers = columns if numbers is None else numbers
    lower = {name.lower(): name for name in reversed(columns)}
    usual = next((lower[usual] for usual in USUAL if usual in lower), None)
    if usual is None and not numbers:
        raise DataError(
            "no column is a number, so there is none to predict; give --target, or try --algorithm pca"
        )
    return numbers[-1] if usual is None else usual


def suggested_name(data: Sequence[str]) -> str:
    """Return a name for the study of this data: the last part of its path that is not a pattern.

    Examples
    --------
    >>> suggested_name(["in/flights/*.parquet"]), suggested_name(["a/train.csv.gz"]), suggested_name(["*"])
    ('flights', 'train', 'study')
    """
    address = re.split(r"[?#]", mask(data[0]).partition("://")[2] or data[0])[0] if data else ""
    parts = [p for p in re.split(r"[/\\]", address) if p and not re.search(r"[*?\[\]=]", p)]
    stem = parts[-1].partition(".")[0] if parts else ""
    name = "".join(c for c in stem if c.isprintable()).strip()[:200]
    return name or "study"


def useless(dataset: Dataset, target: str | None) -> dict[str, str]:
    """Return the columns that a model cannot learn from, and why, by the first rows and what footers say."""
    features = [field for field in dataset.features if field.name != target]
    first = first_rows(dataset, [field.name for field in features])
    seen = {} if first is None else {name: pa.chunked_array([first.column(name)]) for name in first.schema.names}
    rows = math.inf if dataset.rows is None else dataset.rows
    sample = [look for look in data_looks.of_sample(features, seen, rows) if look.kind in ("id", "text")]
    known = [look for look in data_looks.looks_of(dataset) if look.kind in ("id", "constant")]
    found = {look.column: look for look in (*known, *sample) if look.column != target}
    return {column: WHY[look.kind].format(look.seen) for column, look in found.items()}


def first_rows(dataset: Dataset, names: Sequence[str]) -> pa.RecordBatch | None:
    """Return the first rows of some columns, at most 10,000; None where there are none."""
    batches = dataset.read(dataset.segments[0], list(names), LOOKED_AT)
    try:
        return next(batches, None)
    finally:
        batches.close()


def column_notes(dataset: Dataset) -> list[study_template.ColumnNote]:
    """Return what the first rows say of each column."""
    first, notes = first_rows(dataset, [field.name for field in dataset.features]), []
    for place, column in enumerate(dataset.features):
        kind = column.kind if column.kind == "categorical" else f"{column.kind} ({column.dtype})"
        nulls, examples = (0.0, []) if first is None else _seen(first.column(place))
        notes.append(study_template.ColumnNote(column.name, kind, nulls, examples))
    return notes


def _seen(column: pa.Array) -> tuple[float, list[str]]:
    values = column.drop_null().slice(0, 1000).unique().slice(0, 3).to_pylist()
    return column.null_count / max(len(column), 1), [str(value) for value in values]
