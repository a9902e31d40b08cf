"""``hpo ingest``: rows of a pipe into the states of a stream."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpo.cli.behind import data_piped, pa, row_stream
from hpo.cli.exits import UsageError
from hpo.cli.options import AsJson, Store
from hpo.cli.output import emit, note, say
from hpo.cli.plan import read_study
from studies.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hpo.data.sources.piped import Item
    from hpo.streams.stream import Stream


class Form(StrEnum):
    """How rows are written."""

    csv = "csv"
    jsonl = "jsonl"
    arrow = "arrow"


def ingest(
    what: Annotated[
        str,
        typer.Argument(
            metavar="STUDY.yaml|NAME",
            help="A study whose data is `stream:NAME`, or the name of a stream that has begun.",
        ),
    ],
    form: Annotated[
        Form,
        typer.Option(
            "--format", metavar="csv|jsonl|arrow",
            help="Lines of CSV (the first names the columns), a JSON object a line, or an Arrow IPC stream.",
        ),
    ] = Form.csv,
    every: Annotated[
        int, typer.Option(metavar="N", min=1, help="Publish the states after so many rows.")
    ] = 100_000,
    seconds: Annotated[float, typer.Option(metavar="S", help="Publish them after so many seconds.")] = 60.0,
    first_row: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0,
            help="Number of the input's first row in the stream: rows taken before are skipped "
            "[default: where the stream stands].",
        ),
    ] = None,
    pilot_rows: Annotated[
        int, typer.Option(metavar="N", min=1, help="Rows to learn categories and ranges from, at the beginning.")
    ] = 10_000,
    max_bad_rows: Annotated[
        int, typer.Option(metavar="N", min=0, help="Unreadable rows to skip before it stops with an error.")
    ] = 100,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Take rows from a pipe into the states of a stream.

    Each row is read once and not kept. The states and the position are published together: killed and started
    again, the stream continues from what was published last. The input must begin there, or --first-row gives the
    number of its first row. Meanwhile `hpo run STUDY.yaml` runs a study of the rows so far, at any moment.

    Examples
    --------
      hpo ingest clicks.yaml < clicks.csv
      hpo ingest clicks.yaml --format jsonl --first-row 0 < 2024.jsonl
      hpo ingest clicks --format arrow --every 1000000 --json < more.arrow
    """
    stream = _stream(what, store, {
        "every": every, "seconds": seconds, "pilot_rows": pilot_rows, "max_bad_rows": max_bad_rows,
    })  # fmt: skip
    began, start = time.monotonic(), stream.position
    skip = _to_skip(stream, first_row)
    items = data_piped.piped(
        sys.stdin.buffer, form.value, schema=lambda: stream.schema, first_rows=stream.pilot_rows, text=stream.text
    )
    try:
        with closing(items):
            _take(stream, _without(items, skip), quiet=as_json)
    finally:
        stream.close()
    _report(stream, start, time.monotonic() - began, as_json=as_json)


def _stream(what: str, store: str | None, how: dict[str, Any]) -> Stream:
    if what.endswith((".yaml", ".yml")):
        return row_stream.Stream.of(read_study(Path(what), store=store), **how)
    stream = row_stream.Stream(what, store=store, **how)
    if not stream.position:
        raise UsageError(
            f"the stream {what!r} has not begun, and a name alone does not say what to learn; give a STUDY.yaml "
            f"with data: stream:{what}"
        )
    return stream


def _to_skip(stream: Stream, first_row: int | None) -> int:
    if first_row is None:
        return 0
    if first_row > stream.position:
        raise UsageError(
            f"--first-row {first_row}: the stream {stream.name!r} stands at row {stream.position:,}, and the rows "
            "between would be missing"
        )
    return int(stream.position - first_row)


def _without(items: Iterator[Item], skip: int) -> Iterator[Item]:
    """Yield what is there after so many rows."""
    for item in items:
        rows = item.num_rows if isinstance(item, pa.Table) else int(item is not None)
        if skip >= rows and item is not None:
            skip -= rows
        else:
            yield item.slice(skip) if skip and isinstance(item, pa.Table) else item
            skip = 0 if item is not None else skip


def _take(stream: Stream, items: Iterator[Item], *, quiet: bool) -> None:
    last, since = stream.published, time.monotonic()
    for item in items:
        if item is None:
            stream.publish_due()
        elif isinstance(item, pa.Table):
            stream.update(item)
        else:
            stream.skip_bad(1, item.why)
        if stream.published != last and not quiet:
            now = time.monotonic()
            speed = (stream.published - last) / max(now - since, 1e-9)
            note(f"{counted(stream.published, 'row')} published, {speed:,.0f} a second")
            last, since = stream.published, now


def _report(stream: Stream, start: int, seconds: float, *, as_json: bool) -> None:
    taken = stream.position - start
    if as_json:
        emit({
            "stream": stream.name, "position": stream.position, "published": stream.published, "rows": taken,
            "bad_rows": stream.bad_rows, "seconds": seconds,
        })  # fmt: skip
        return
    bad = f", {counted(stream.bad_rows, 'row')} in all left out as unusable" if stream.bad_rows else ""
    say(f"{stream.name}: {counted(taken, 'row')} taken, {stream.position:,} in all{bad}")
