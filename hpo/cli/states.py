"""``hpo states``: what was computed, and giving back its space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import process_settings, state_jobs, store_archive, store_gc, store_verify, study_rows
from hpo.cli.contexts import SHOWN, chosen, inventory, leaf, matching
from hpo.cli.exits import STORE
from hpo.cli.guard import complain
from hpo.cli.options import AsJson, Storage, Store, known_storage, known_store
from hpo.cli.output import emit, print_table, say
from hpo.cli.pins import Contexts, OfStudy
from hpo.cli.sites import of_site, send_layout, send_site
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
            f"{readable_age(e.last_used)} ago", e.fault or e.about.get("segment") or _rolled(e),
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


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as states.zip.")],
    contexts: Contexts = None,
    study: OfStudy = None,
    only_moments: Annotated[
        bool,
        typer.Option("--only-moments", help="Write only sums over all rows of a study, for a study over sites."),
    ] = False,
    only_layout: Annotated[
        bool,
        typer.Option("--only-layout", help="Write how a study encodes columns, for other sites to do the same."),
    ] = False,
    site: Annotated[str, typer.Option(metavar="NAME", help="What to call this site, with --only-moments.")] = "",
    epsilon: Annotated[
        float | None, typer.Option(metavar="E", help="Add noise to the sums that hides single rows: ε.")
    ] = None,
    delta: Annotated[float | None, typer.Option(metavar="D", help="With --epsilon: δ, such as 1e-6.")] = None,
    bounds: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=LOW:HIGH", help="With --epsilon: the range of each number, target included."
        ),
    ] = None,
    store: Store = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Export states as one file, for another store.

    All of them, those of some contexts, or those of a study, with the documents that they refer to. With
    --only-moments the file holds only sums over all rows of this site, one state a fold: no row, no name of a file.
    Files without states are read first. --study is then a STUDY.yaml, or a recorded study.

    Examples
    --------
      hpo states export states.zip
      hpo states export flights.zip --study flights
      hpo states export some.zip 3fa1 77c0
      hpo states export layout.zip --only-layout --study diabetes.yaml
      hpo states export north.zip --only-moments --site north --study diabetes.yaml
      hpo states export n.zip --only-moments --site n --study d.yaml --epsilon 1 --delta 1e-6 --bounds age=0:120
    """
    if only_moments or only_layout:
        asked = of_site(study, store, storage, site if only_moments else "-", contexts)
        if only_moments:
            send_site(asked, file, site, (epsilon, delta, bounds), as_json=as_json)
        else:
            send_layout(asked, file, as_json=as_json)
        return
    kept = known_store(store)
    wanted = chosen(kept, contexts, study, storage)
    made = store_archive.export_states(kept, file, wanted or None)
    if as_json:
        emit(made)
    else:
        what = f"{counted(made.leaves, 'leaf', 'leaves')}, {counted(made.documents, 'document')}"
        say(f"{made.path}: {what}, {readable_bytes(made.bytes)}")


def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files that `hpo states export` wrote.")
    ],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Import exported states into a store.

    All of a file are verified before the first is kept, and states already there are not replaced. Their numbers
    are trusted and no code in them runs: import states only from people whose models you would use.

    Examples
    --------
      hpo states import flights.zip
      hpo states import east.zip north.zip south.zip --store ./store
    """
    place = process_settings.open_store(store)
    each = [store_archive.import_states(place, file) for file in files]
    kept_as_they_were = tuple(name for one in each for name in one.kept)
    found = store_archive.Imported(
        sum(one.added for one in each), sum(one.present for one in each), kept_as_they_were,
        sum(one.bytes for one in each),
    )  # fmt: skip
    if as_json:
        emit(found)
    else:
        kept = f", {len(found.kept):,} of another content kept as they were" if found.kept else ""
        added = f"{counted(found.added, 'blob')} added ({readable_bytes(found.bytes)})"
        say(f"{added}, {found.present:,} there already{kept}")


def _rolled(entry: Entry) -> str:
    """Return what a state is of that has no segment of its own: neighbours, merged."""
    return f"{counted(entry.about['rolled'], 'segment')}, merged" if "rolled" in entry.about else ""


def _place(entry: Entry) -> tuple[str, str]:
    return str(entry.about.get("segment", "")), entry.key.segment
