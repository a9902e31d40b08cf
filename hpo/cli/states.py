"""``hpo states``: what was computed, and giving back its space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpo.cli.options import AsJson, Storage, Store, known_store

if TYPE_CHECKING:
    from state_store import StateStore
    from state_store.entry import Entry

SHOWN = 12
"""Digits of a context that are shown; any unambiguous beginning is understood."""

Context = Annotated[str, typer.Argument(metavar="CONTEXT", help="The beginning of a context's digits.")]
Contexts = Annotated[
    list[str] | None, typer.Argument(metavar="[CONTEXT]...", help="The beginnings of contexts' digits.")
]
OfStudy = Annotated[
    str | None, typer.Option("--study", metavar="NAME", help="The contexts that this recorded study used.")
]


def ls(store: Store = None, as_json: AsJson = False) -> None:
    """List what the store holds: one line a context, which is one summary, encoder and fold scheme.

    Examples:
      hpo states ls
      hpo states ls --store /mnt/team/store --json
    """
    from hpo.cli.output import count, emit, print_table, say
    from state_store.entry import readable_age, readable_bytes

    kept = known_store(store)
    found = inventory(kept)
    if as_json:
        emit(found)
        return
    documents = f"{count(len(found['documents']), 'document')}, " if found["documents"] else ""
    leaves = count(sum(c["leaves"] for c in found["contexts"]), "leaf", "leaves")
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
    print_table(columns, cells, right=("leaves", "rows", "size"))


def show(context: Context, store: Store = None, as_json: AsJson = False) -> None:
    """Show the leaves of one context, a line a segment.

    Examples:
      hpo states show 3fa1
      hpo states show 3fa1 --json | jq '.[].about.uri'
    """
    from hpo.cli.output import emit, print_table
    from state_store.entry import readable_age, readable_bytes

    kept = known_store(store)
    chosen = set(matching(kept, [context]))
    entries = sorted((e for e in kept.list() if e.key.context in chosen), key=_place)
    if as_json:
        emit([_leaf(entry) for entry in entries])
        return
    columns = ("segment", "rows", "size", "used", "of")
    cells = (
        (
            e.key.segment[:SHOWN], f"{e.about.get('rows', 0):,}", readable_bytes(e.bytes),
            f"{readable_age(e.last_used)} ago", e.fault or e.about.get("segment", ""),
        )
        for e in entries
    )  # fmt: skip
    print_table(columns, cells, right=("rows", "size"))


def verify(
    keep_damaged: Annotated[
        bool, typer.Option("--keep-damaged", help="Only report; leave damaged blobs where they are.")
    ] = False,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Read every blob again and check it. A damaged one is set aside, and computed again when it is needed.

    Exit code 3 if any blob is damaged or written by a newer version.

    Examples:
      hpo states verify
      hpo states verify --keep-damaged --json
    """
    from hpo.cli.exits import STORE
    from hpo.cli.guard import complain
    from hpo.cli.output import count, emit, say
    from state_store.entry import readable_bytes
    from state_store.verify import verify as verified

    found = verified(known_store(store), repair=not keep_damaged)
    if as_json:
        emit({"ok": found.ok, "good": found.good, "bytes": found.bytes, "bad": found.bad, "newer": found.newer})
    else:
        say(f"{count(found.good, 'blob')} whole, {readable_bytes(found.bytes)}")
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
        str | None, typer.Option(metavar="SIZE", help="Then the least recently used, until so much is left: 10GB.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Give back space. Pinned contexts stay; what is removed is computed again when it is needed.

    Without a limit only what killed processes left behind goes.

    Examples:
      hpo states gc --max-age 30d --dry-run
      hpo states gc --max-age 30d --max-size 10GB
    """
    from hpo.cli.output import count, emit, say
    from hpo.cli.units import age, size
    from state_store.entry import readable_bytes
    from state_store.gc import gc as collected

    oldest = None if max_age is None else age(max_age)
    most = None if max_size is None else size(max_size)
    found = collected(known_store(store), oldest, most, dry_run=dry_run)
    if as_json:
        emit({"dry_run": dry_run, "bytes": found.bytes, "bytes_left": found.bytes_left, "removed": found.removed})
        return
    verb = "would remove" if dry_run else "removed"
    parts = (
        count(len(found.leaves), "leaf", "leaves"),
        count(len(found.documents), "document"),
        f"{len(found.quarantine):,} damaged",
        f"{len(found.leftovers):,} left behind",
    )
    say(f"{verb} {', '.join(parts)}: {readable_bytes(found.bytes)}; {readable_bytes(found.bytes_left)} stay")


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as states.zip.")],
    contexts: Contexts = None,
    study: OfStudy = None,
    store: Store = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Write states as one file, to carry to another store: all of them, some contexts, or a study's.

    Examples:
      hpo states export states.zip
      hpo states export flights.zip --study flights
      hpo states export some.zip 3fa1 77c0
    """
    from hpo.cli.output import count, emit, say
    from state_store.archive import export_states
    from state_store.entry import readable_bytes

    kept = known_store(store)
    chosen = _chosen(kept, contexts, study, storage)
    made = export_states(kept, file, chosen or None)
    if as_json:
        emit(made)
    else:
        what = f"{count(made.leaves, 'leaf', 'leaves')}, {count(made.documents, 'document')}"
        say(f"{made.path}: {what}, {readable_bytes(made.bytes)}")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `hpo states export` wrote.")],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Put exported states into a store. All are checked before the first is kept; nothing is replaced.

    Examples:
      hpo states import flights.zip
      hpo states import flights.zip --store ./store
    """
    from hpo.api import open_store
    from hpo.cli.output import count, emit, say
    from state_store.archive import import_states
    from state_store.entry import readable_bytes

    found = import_states(open_store(store), file)
    if as_json:
        emit(found)
    else:
        kept = f", {len(found.kept):,} of another content kept as they were" if found.kept else ""
        added = f"{count(found.added, 'blob')} added ({readable_bytes(found.bytes)})"
        say(f"{added}, {found.present:,} there already{kept}")


def pin(
    contexts: Contexts = None,
    study: OfStudy = None,
    store: Store = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Make gc keep contexts.

    Examples:
      hpo states pin 3fa1
      hpo states pin --study flights
    """
    kept = known_store(store)
    _report_pins(kept, _asked(kept, contexts, study, storage), as_json, pinned=True)


def unpin(
    contexts: Contexts = None,
    study: OfStudy = None,
    store: Store = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Let gc remove contexts again.

    Examples:
      hpo states unpin 3fa1
      hpo states unpin --study flights
    """
    kept = known_store(store)
    _report_pins(kept, _asked(kept, contexts, study, storage), as_json, pinned=False)


def inventory(store: StateStore) -> dict[str, Any]:
    """Return what a store holds, by context, as JSON values."""
    groups: dict[str, list[Entry]] = {}
    for entry in store.list():
        groups.setdefault(entry.key.context, []).append(entry)
    documents = [
        {"kind": d.kind, "name": d.name, "bytes": d.bytes, "created": d.created, "last_used": d.last_used}
        for d in store.documents()
    ]
    return {
        "store": str(store.location),
        "bytes": store.total_bytes,
        "contexts": [_context(name, entries) for name, entries in groups.items()],
        "documents": documents,
    }


def matching(store: StateStore, prefixes: Iterable[str]) -> list[str]:
    """Return the contexts whose digits begin so, one for each beginning.

    Raises
    ------
    StoreError
        If none does, or several do.
    """
    from hpo.cli.exits import UsageError

    known = sorted({entry.key.context for entry in store.list()} | store.pinned())
    found = []
    for prefix in prefixes:
        fitting = [context for context in known if context.startswith(prefix.lower())]
        if not fitting:
            raise UsageError(f"no context of {store.location} begins with {prefix!r}; see hpo states ls")
        if len(fitting) > 1:
            which = ", ".join(context[:SHOWN] for context in fitting[:5])
            raise UsageError(f"{prefix!r} begins {len(fitting)} contexts ({which}, …); give more digits")
        found.append(fitting[0])
    return found


def _context(name: str, entries: Sequence[Entry]) -> dict[str, Any]:
    about = next((entry.about for entry in entries if entry.about), {})
    return {
        "context": name,
        "summary": str(about.get("summary", "")),
        "targets": list(about.get("targets") or []),
        "folds": str(about.get("folds", "")),
        "columns": about.get("columns"),
        "leaves": len(entries),
        "rows": sum(int(entry.about.get("rows") or 0) for entry in entries),
        "bytes": sum(entry.bytes for entry in entries),
        "last_used": max(entry.last_used for entry in entries),
        "pinned": any(entry.pinned for entry in entries),
    }


def _leaf(entry: Entry) -> dict[str, Any]:
    return {
        "context": entry.key.context,
        "segment": entry.key.segment,
        "bytes": entry.bytes,
        "created": entry.created,
        "last_used": entry.last_used,
        "pinned": entry.pinned,
        "fault": entry.fault or None,
        "about": entry.about,
    }


def _place(entry: Entry) -> tuple[str, str]:
    return str(entry.about.get("segment", "")), entry.key.segment


def _chosen(
    store: StateStore, prefixes: Sequence[str] | None, study: str | None, storage: str | None
) -> list[str]:
    chosen = matching(store, prefixes or ())
    return chosen if study is None else list(dict.fromkeys([*chosen, *_of_study(study, storage)]))


def _asked(
    store: StateStore, prefixes: Sequence[str] | None, study: str | None, storage: str | None
) -> list[str]:
    from hpo.cli.exits import UsageError

    if not prefixes and study is None:
        raise UsageError("name a context (hpo states ls shows them), or a study with --study")
    return _chosen(store, prefixes, study, storage)


def _of_study(study: str, storage: str | None) -> list[str]:
    """Return the contexts that a study's trials were answered from."""
    from hpo.cli.options import known_storage
    from hpo.errors import TuneError
    from studies.record import load_study

    trials = load_study(known_storage(storage), study).get_trials(deepcopy=False)
    found = list(dict.fromkeys(t.user_attrs["states"] for t in trials if "states" in t.user_attrs))
    if not found:
        raise TuneError(f"study {study!r} has no trial that was answered from states")
    return found


def _report_pins(store: StateStore, contexts: Sequence[str], as_json: bool, *, pinned: bool) -> None:
    from hpo.cli.output import emit, say

    for context in contexts:
        (store.pin if pinned else store.unpin)(context)
    if as_json:
        emit({"contexts": list(contexts), "pinned": pinned})
    else:
        say(*(f"{'pinned' if pinned else 'unpinned'} {context[:SHOWN]}" for context in contexts))
