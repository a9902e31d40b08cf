"""Contexts of a store: what it holds of each, and which one a few digits or a study's name mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

from hpo.cli.behind import editions, records, trial_note
from hpo.cli.exits import UsageError
from hpo.cli.options import known_storage
from hpo.errors import TuneError

if TYPE_CHECKING:
    from optuna.study import Study

    from state_store import StateStore
    from state_store.entry import Entry

SHOWN = 12
"""Digits of a context that are shown; any unambiguous beginning is understood."""


class Context(TypedDict):
    """What a store holds of one context, as JSON values."""

    context: str
    summary: str
    targets: list[str]
    folds: str
    columns: object
    leaves: int
    rows: int
    bytes: int
    last_used: float
    pinned: bool
    studies: list[str]


class Studied(TypedDict):
    """What a store holds of one recorded study, as JSON values; studies may share contexts."""

    study: str
    contexts: list[str]
    bytes: int


class Inventory(TypedDict):
    """What a store holds, as JSON values."""

    store: str
    bytes: int
    contexts: list[Context]
    studies: list[Studied]
    documents: list[dict[str, object]]


def inventory(store: StateStore, used: Mapping[str, Sequence[str]] | None = None) -> Inventory:
    """Return what a store holds, by context and by study, as JSON values.

    Parameters
    ----------
    store : the store.
    used : the contexts of each recorded study, by its name.
    """
    used = used or {}
    groups: dict[str, list[Entry]] = {}
    for entry in store.list():
        groups.setdefault(entry.key.context, []).append(entry)
    documents: list[dict[str, object]] = [
        {"kind": d.kind, "name": d.name, "bytes": d.bytes, "created": d.created, "last_used": d.last_used}
        for d in store.documents()
    ]
    contexts = [
        _context(name, entries, [study for study, own in used.items() if name in own])
        for name, entries in groups.items()
    ]
    return {
        "store": str(store.location),
        "bytes": store.total_bytes,
        "contexts": contexts,
        "studies": _studied(contexts, used),
        "documents": documents,
    }


def _studied(contexts: Sequence[Context], used: Mapping[str, Sequence[str]]) -> list[Studied]:
    """Return what there is of each study, the largest first; those of which nothing is left are none."""
    held = {one["context"]: one["bytes"] for one in contexts}
    kept = {study: [context for context in own if context in held] for study, own in used.items()}
    found: list[Studied] = [
        {"study": study, "contexts": own, "bytes": sum(held[context] for context in own)}
        for study, own in kept.items()
        if own
    ]
    return sorted(found, key=lambda one: (-one["bytes"], one["study"]))


def matching(store: StateStore, prefixes: Iterable[str]) -> list[str]:
    """Return the contexts whose digits begin so, one for each beginning.

    Raises
    ------
    StoreError
        If none does, or several do.
    """
    known = sorted({entry.key.context for entry in store.list()} | store.pinned())
    found = []
    for prefix in prefixes:
        matching = [context for context in known if context.startswith(prefix.lower())]
        if not matching:
            raise UsageError(f"no context of {store.location} begins with {prefix!r}; see hpo states ls")
        if len(matching) > 1:
            which = ", ".join(context[:SHOWN] for context in matching[:5])
            raise UsageError(f"{prefix!r} begins {len(matching)} contexts ({which}, …); give more digits")
        found.append(matching[0])
    return found


def _context(name: str, entries: Sequence[Entry], studies: list[str]) -> Context:
    about = next((entry.about for entry in entries if entry.about), {})
    return {
        "context": name,
        "summary": str(about.get("summary", "")),
        "targets": list(about.get("targets") or []),
        "folds": str(about.get("folds", "")),
        "columns": about.get("columns"),
        "leaves": sum("rolled" not in entry.about for entry in entries),
        "rows": sum(int(entry.about.get("rows") or 0) for entry in entries),
        "bytes": sum(entry.bytes for entry in entries),
        "last_used": max(entry.last_used for entry in entries),
        "pinned": any(entry.pinned for entry in entries),
        "studies": studies,
    }


def leaf(entry: Entry) -> dict[str, object]:
    """Return what the store knows of one leaf, as JSON values."""
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


def chosen(
    store: StateStore, prefixes: Sequence[str] | None, study: str | None, storage: str | None
) -> list[str]:
    """Return the contexts that were named by their beginnings and by a study; none for neither."""
    found = matching(store, prefixes or ())
    return found if study is None else list(dict.fromkeys([*found, *_of_study(study, storage)]))


def asked(
    store: StateStore, prefixes: Sequence[str] | None, study: str | None, storage: str | None
) -> list[str]:
    """Return the contexts that were named, as :func:`chosen`; refuses to take none for all."""
    if not prefixes and study is None:
        raise UsageError("name a context (hpo states ls shows them), or a study with --study")
    return chosen(store, prefixes, study, storage)


def _contexts_of(study: Study) -> list[str]:
    """Return the contexts that a study's trials were answered from, and scored on."""
    noted = (trial_note.TrialNote.of(trial.user_attrs).states for trial in study.get_trials(deepcopy=False))
    record = records.record_of(study)
    return list(dict.fromkeys([*(states for states in noted if states), *(record.models if record else ())]))


def _of_study(study: str, storage: str | None) -> list[str]:
    """Return the contexts of a study."""
    found = _contexts_of(editions.load_edition(known_storage(storage), study))
    if not found:
        raise TuneError(f"study {study!r} has no trial that was answered from states")
    return found
