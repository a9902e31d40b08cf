"""Forgetting a file: every leaf of it, what it was merged into, and what is remembered of it alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from hpo.errors import TuneError
from hpo.question.layout import SITES
from hpo.states.learned.kinds import FOOTERS, GROUPS, LABELS, PILOT, SERIES, SUMMARY, VOCABULARY
from hpo.states.runs import shortened
from state_store import StateStore
from state_store.entry import Document, Entry
from state_store.forget import forget_leaves
from state_store.names import document_name
from studies.counting import counted


@dataclass(frozen=True)
class ForgottenFile:
    """What a store forgot of a file.

    Attributes
    ----------
    uri : of the file.
    leaves : states of it that were removed.
    runs : states that it was merged into with others; they are merged again without it, from leaves. Chains that
        were trained on states of its kind are among them.
    notes : what was remembered of its labels, groups and statistics.
    bytes : that were freed.
    stays : documents that were learned from a sample with rows of it: categories, origins, and what summaries know.
        The leaves of other files are laid out by these.
    """

    uri: str
    leaves: int
    runs: int
    notes: int
    bytes: int
    stays: tuple[str, ...]


def find_file(store: StateStore, name: str, others: Iterable[str] = ()) -> str:
    """Return the address of the one file that a name, a path or an address means, of which the store has leaves.

    Parameters
    ----------
    store : the store.
    name : an address, a path, or the end of one.
    others : addresses that studies know.

    Raises
    ------
    TuneError
        There is none, or there are several.
    """
    known = sorted({*others, *(str(e.about["uri"]) for e in store.list() if "uri" in e.about)})
    exact = [uri for uri in known if uri in (name, f"file://{Path(name).absolute()}")]
    found = exact or [uri for uri in known if uri.endswith(f"/{name}")]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
        raise TuneError(f"{name!r} is the name of {counted(len(found), 'file')}: {some}; give its whole path")
    near = get_close_matches(name, [*known, *(uri.rpartition("/")[2] for uri in known)], n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`hpo states show CONTEXT` lists the files of a context"
    raise TuneError(f"{store.location} has no state of {name!r}; {hint}")


def forget_file(
    store: StateStore, uri: str, keys: Collection[str] = (), *, dry_run: bool = False
) -> ForgottenFile:
    """Remove every leaf of a file, and what it was merged into.

    Parameters
    ----------
    store : the store.
    uri : of the file.
    keys : of its segments, as studies have them on record; those of stored leaves are known without it.
    dry_run : whether nothing is removed.

    Raises
    ------
    StoreWriteError
        If the store cannot be written.
    """
    listed = store.list()
    leaves = [e for e in listed if e.about.get("uri") == uri]
    beginnings = {*shortened([*keys, *(e.key.segment for e in leaves)]).split()}
    contexts = {e.key.context for e in leaves}
    runs = [e for e in listed if "rolled" in e.about and _holds(e, beginnings, contexts)]
    runs += [e for e in listed if e.about.get("states") in contexts]
    prints = {str(e.about.get("fingerprint")) for e in leaves}
    before = store.total_bytes
    notes = _forget_notes(store, prints, uri, dry_run=dry_run)
    freed = sum(e.bytes for e in (*leaves, *runs))
    if not dry_run:
        forget_leaves(store, [*leaves, *runs])
        freed = before - store.total_bytes
    return ForgottenFile(uri, len(leaves), len(runs), notes, freed, _sampled(store, prints))


def _holds(entry: Entry, beginnings: Collection[str], contexts: Collection[str]) -> bool:
    """Return whether a merged state may hold a file: one without a record of its files may, in the same context."""
    said = entry.about.get("of")
    return entry.key.context in contexts if said is None else any(key in beginnings for key in str(said).split())


def _sampled(store: StateStore, prints: Collection[str]) -> tuple[str, ...]:
    """Return the documents that were learned from a sample with rows of some segments."""
    found = (document for kind in (PILOT, SUMMARY, VOCABULARY) for document in kind.all(store))
    drawn = ((document, document.about.get("segments") or []) for document in found)
    return tuple(document_name(d.kind, d.name) for d, segments in drawn if not {*segments}.isdisjoint(prints))


def _forget_notes(store: StateStore, prints: Collection[str], uri: str, *, dry_run: bool) -> int:
    """Remove what is remembered of some segments, and of a file, alone; return of how many facts that was.

    Which folds its rows were dealt to stays, so that a file that comes back keeps them; it tells nothing of values.
    """
    forgotten = 0
    for kind in (LABELS.name, GROUPS.name, SERIES.name, FOOTERS.name, SITES):
        for document in store.documents(kind):
            of = {document.about.get("segment"), *(document.about.get("segments") or ())}
            if not of.isdisjoint(prints):
                forgotten += 1
                if not dry_run:
                    store.backend.delete(document_name(kind, document.name))
            elif "facts" in document.about or "folder" in document.about:
                forgotten += _forget_facts(store, document, prints, uri, dry_run=dry_run)
    return forgotten


def _forget_facts(
    store: StateStore, document: Document, prints: Collection[str], uri: str, *, dry_run: bool
) -> int:
    """Write a document of many facts anew, without those of some segments, or of a file."""
    blob = store.get_document(document.kind, document.name)
    if blob is None or "facts" not in blob.arrays:
        return 0
    facts = json.loads(blob.arrays["facts"].tobytes())
    kept: Mapping[str, object]
    if "files" in facts:
        rows: Sequence[Sequence[object]] = facts["files"]
        kept = {**facts, "files": [row for row in rows if row[0] != uri]}
        gone = len(rows) - len([row for row in rows if row[0] != uri])
    else:
        kept = {name: fact for name, fact in facts.items() if fact.get("segment") not in prints}
        gone = len(facts) - len(kept)
    if gone and not dry_run:
        about = {**blob.about, "facts": len(kept)} if "facts" in blob.about else blob.about
        text = np.frombuffer(json.dumps(kept, separators=(",", ":")).encode(), np.uint8)
        store.put_document(document.kind, document.name, {"facts": text}, about)
    return gone
