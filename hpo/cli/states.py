"""``hpo states``: what was computed, and giving back its space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import state_jobs, store_gc, store_verify, study_rows
from hpo.cli.contexts import SHOWN, inventory, leaf, matching
from hpo.cli.exits import STORE
from hpo.cli.guard import complain
from hpo.cli.options import AsJson, Storage, Store, known_storage, known_store
from hpo.cli.output import emit, print_table, say
from hpo.cli.units import age, size
from state_store.entry import readable_age, readable_bytes
from studies.counting import counted

if TYPE_CHECKING:
    from state_store.entry import Entry

Context = Annotated[str, typer.Argument(metavar="CONTEXT", help="The beginning of a context's digits.")]


def ls(store: Store = None, storage: Storage = None, as_json: AsJson = False) -> None:
    """List what the store holds, by context and by study.

    A context is one summary, encoder and fold scheme: its leaves are what studies share.
    A store holds at most HPO_STORE_LIMIT: 10GB, or a tenth of its disk if that is less.

    Examples
    --------
      hpo states ls
      hpo states ls --store /mnt/team/store --json
    """
    kept = known_store(store)
    rows = study_rows.list_studies(known_storage(storage))
    found = inventory(kept, {row.name: row.contexts for row in rows})
    if as_json:
        emit(found)
        return
    documents = f"{counted(len(found['documents']), 'document')}, " if found["documents"] else ""
    leaves = counted(sum(c["leaves"] for c in found["contexts"]), "leaf", "leaves")
    say(f"{kept.location}: {leaves}, {documents}{readable_bytes(found['bytes'])}")
    if not found["contexts"]:
        return
    say("")
    columns = ("context", "summary", "targets", "folds", "leaves", "rows", "size", "used", "")
    cells = (
        (
            c["context"][:SHOWN], c["summary"], ", ".join(c["targets"]), c["folds"], f"{c['leaves']:,}",
            f"{c['rows']:,}", readable_bytes(c["bytes"]), f"{readable_age(c['last_used'])} ago",
            "pinned" if c["pinned"] else "",
        )
        for c in found["contexts"]
    )  # fmt: skip
    print_table(columns, cells, right=("leaves", "rows", "size"), whole=("context", "used"))
    if found["studies"]:
        say("")
        of = (
            (one["study"], readable_bytes(one["bytes"]), ", ".join(c[:SHOWN] for c in one["contexts"]))
            for one in found["studies"]
        )
        print_table(("study", "size", "contexts"), of, right=("size",), whole=("study",))


def show(context: Context, store: Store = None, as_json: AsJson = False) -> None:
    """Show the leaves of one context, a line a segment.

    A leaf that would take more than its rows is stored as these, and says "as rows".

    Examples
    --------
      hpo states show 3fa1
      hpo states show 3fa1 --json | jq '.[].about.uri'
    """
    kept = known_store(store)
    wanted = set(matching(kept, [context]))
    entries = sorted((e for e in kept.list() if e.key.context in wanted), key=_place)
    if as_json:
        emit([leaf(entry) for entry in entries])
        return
    columns = ("segment", "rows", "size", "used", "of")
    cells = (
        (
            e.key.segment[:SHOWN], f"{e.about.get('rows', 0):,}", readable_bytes(e.bytes),
            f"{readable_age(e.last_used)} ago", e.fault or _segment(e) or _rolled(e),
        )
        for e in entries
    )  # fmt: skip
    print_table(columns, cells, right=("rows", "size"), whole=("segment", "used"))


def verify(
    keep_damaged: Annotated[
        bool, typer.Option("--keep-damaged", help="Only report; leave damaged blobs where they are.")
    ] = False,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Read every blob again and check it.

    A damaged one is set aside, and computed again when it is needed. Exit code 3 if any blob is damaged
    or written by a newer version.

    Examples
    --------
      hpo states verify
      hpo states verify --keep-damaged --json
    """
    found = store_verify.verify(known_store(store), repair=not keep_damaged)
    if as_json:
        emit(
            {"ok": found.ok, "good": found.good, "bytes": found.bytes, "bad": found.bad, "newer": found.newer}
        )
    else:
        say(f"{counted(found.good, 'blob')} whole, {readable_bytes(found.bytes)}")
    for name, fault in found.bad if keep_damaged else ():
        complain("error", f"{name} is damaged: {fault}")
    for name in found.newer:
        complain("error", f"{name} was written by a newer version; pip install --upgrade onepass-hpo")
    if not found.ok:
        raise typer.Exit(STORE)


def gc(
    max_age: Annotated[
        str | None, typer.Option(metavar="AGE", help="Remove what was unused for so long: 12h, 30d, 8w.")
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Then the least recently used, until so much is left: 10GB."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be removed.")] = False,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Free space in the store, by age and by size.

    Pinned contexts stay; what is removed is computed again when it is needed. Without a limit it removes
    only what killed processes left behind.

    Examples
    --------
      hpo states gc --max-age 30d --dry-run
      hpo states gc --max-age 30d --max-size 10GB
    """
    oldest = None if max_age is None else age(max_age)
    most = None if max_size is None else size(max_size)
    states = known_store(store)
    jobs = 0 if dry_run else state_jobs.sweep_jobs(states)
    found = store_gc.gc(states, oldest, most, dry_run=dry_run)
    if as_json:
        emit(
            {
                "dry_run": dry_run,
                "bytes": found.bytes,
                "bytes_left": found.bytes_left,
                "removed": found.removed,
            }
        )
        return
    verb = "would remove" if dry_run else "removed"
    parts = (
        counted(len(found.leaves), "leaf", "leaves"),
        counted(len(found.documents), "document"),
        f"{len(found.quarantine):,} damaged",
        f"{len(found.leftovers) + jobs:,} left behind",
    )
    say(f"{verb} {', '.join(parts)}: {readable_bytes(found.bytes)}; {readable_bytes(found.bytes_left)} stay")


def _segment(entry: Entry) -> str:
    """Return the segment of a leaf, and whether it is stored as its rows."""
    of = str(entry.about.get("segment", ""))
    return f"{of} (as rows)" if entry.about.get("holds") == "rows" else of


def _rolled(entry: Entry) -> str:
    """Return what a state is of that has no segment of its own: neighbours, merged."""
    return f"{counted(entry.about['rolled'], 'segment')}, merged" if "rolled" in entry.about else ""


def _place(entry: Entry) -> tuple[str, str]:
    return str(entry.about.get("segment", "")), entry.key.segment
