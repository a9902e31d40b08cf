"""``hpo states forget``: what a store holds of one file, and which studies have seen it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import forgetting, records, study_rows
from hpo.cli.options import AsJson, Storage, Store, known_storage, known_store
from hpo.cli.output import emit, say
from state_store.entry import readable_bytes
from studies.counting import counted

if TYPE_CHECKING:
    from hpo.states.forget import ForgottenFile
    from studies.record.study_record import StudyRecord


def forget(
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="A file: its address, path, or the end of it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be removed.")] = False,
    store: Store = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Remove every state of a file, and list the studies that used it.

    States that it was merged into go too, and what is stored of its labels, groups and statistics. What was
    learned from a sample with rows of it (categories, ranges of columns) stays, since other files' states need it,
    and is listed. Studies keep their trials, but lack states when they are opened. A study that still has the file
    reads it again: remove the file, or leave it out with --exclude.

    Examples
    --------
      hpo states forget 2024-07.parquet --dry-run
      hpo states forget s3://bucket/visits/2024-07.parquet --json
    """
    kept = known_store(store)
    found = _records(storage)
    uri = forgetting.find_file(kept, segment, {own for record in found.values() for own in _segments(record)})
    keys = {key for record in found.values() for key in _segments(record).get(uri, [])}
    done = forgetting.forget_file(kept, uri, keys, dry_run=dry_run)
    seen = [name for name, record in found.items() if uri in _segments(record)]
    if as_json:
        emit({**asdict(done), "dry_run": dry_run, "studies": seen})
    else:
        _say(done, seen, dry_run=dry_run)


def _say(done: ForgottenFile, seen: list[str], *, dry_run: bool) -> None:
    parts = (
        counted(done.leaves, "leaf", "leaves"),
        counted(done.runs, "merged state"),
        counted(done.notes, "note"),
    )
    verb = "would remove" if dry_run else "removed"
    say(f"{done.uri}: {verb} {', '.join(parts)}, {readable_bytes(done.bytes)}")
    say(f"seen by: {', '.join(seen)}" if seen else "no recorded study has seen it")
    if done.stays:
        say(f"learned from a sample with rows of it, and stays: {', '.join(done.stays)}")


def _records(storage: str | None) -> dict[str, StudyRecord]:
    """Return the records of every study, and every edition, that finished a pass."""
    kept = known_storage(storage)
    found = ((row.name, records.stored_record(kept, row.name)) for row in study_rows.list_studies(kept))
    return {name: record for name, record in found if record is not None and record.segments is not None}


def _segments(record: StudyRecord) -> dict[str, list[str]]:
    """Return the keys of the segments of each file that a study has seen, by address."""
    found: dict[str, list[str]] = {}
    for key, segment in zip(record.segments or (), record.ledger, strict=True):
        found.setdefault(segment.name.rpartition("[")[0], []).append(key)
    return found
