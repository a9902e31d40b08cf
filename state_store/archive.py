"""A set of states as one file, to carry to another store.

An export is a zip without compression: one member per blob, under the blob's name, and ``archive.json``,
which lists them with their sizes.
An import trusts nothing: names are confined, sizes bounded by the file itself, and every blob is verified
before the first is published.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from state_store.backend import Bytes
from state_store.blob import Blob, decode_blob
from state_store.entry import Entry
from state_store.errors import DamagedBlob, StoreError
from state_store.files import replacing
from state_store.gc import texts
from state_store.key import PACKS
from state_store.members import ABOUT, FORMAT, checked_members, opened, verified
from state_store.names import document_name
from state_store.store import StateStore

EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Exported:
    """What an export holds: the file, the number of leaves and documents, and their bytes."""

    path: Path
    leaves: int
    documents: int
    bytes: int


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes
    ----------
    added : blobs that the store did not have.
    present : blobs that it had, with the same content.
    kept : names of blobs that it had with another content; the store's own stay.
    bytes : size of the added blobs.
    """

    added: int
    present: int
    kept: tuple[str, ...]
    bytes: int


def export_states(
    store: StateStore, path: str | PathLike[str], contexts: Iterable[str] | None = None
) -> Exported:
    """Write leaves, and the documents they refer to, into one file.

    Parameters
    ----------
    store : the store.
    path : the file; replaced, when whole, if it is there.
    contexts : the contexts whose leaves to take; None for everything in the store.

    Raises
    ------
    StoreError
        If a context has no leaf.
    StoreWriteError
        If the file cannot be written.

    Warns
    -----
    DamagedStateWarning
        For each damaged blob: it is set aside and left out.

    Examples
    --------
    >>> import tempfile
    >>> from state_store.key import Key
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     here, there = StateStore(f"{folder}/here"), StateStore(f"{folder}/there")
    ...     here.put(Key("ab" * 20, "cd" * 20), 1.5)
    ...     export_states(here, f"{folder}/states.zip").leaves
    ...     import_states(there, f"{folder}/states.zip").added
    1
    1
    """
    wanted = None if contexts is None else frozenset(contexts)
    entries = _entries_to_export(store, wanted)
    documents = _documents_of(store, None if wanted is None else entries)
    names = documents + sorted({entry.name for entry in entries})
    target, sizes = Path(path), dict[str, int]()
    with replacing(target.absolute()) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            data = _whole(store, name)
            if data is not None:
                archive.writestr(zipfile.ZipInfo(name, EPOCH), data)
                sizes[name] = len(data)
        archive.writestr(zipfile.ZipInfo(ABOUT, EPOCH), json.dumps({"format": _format_of(sizes), "blobs": sizes}))
    leaves = sum(entry.name in sizes for entry in entries)
    return Exported(target, leaves, sum(name in sizes for name in documents), sum(sizes.values()))


def import_states(store: StateStore, path: str | PathLike[str]) -> Imported:
    """Put the blobs of an export into a store; if any of them is refused, none is kept.

    Raises
    ------
    DamagedArchive
        If the file is not a whole, unaltered export; names the member that is wrong.
    StoreVersionError
        If a newer version wrote it.
    StoreWriteError
        If the store cannot be written; what had been added is taken out again.
    """
    with opened(Path(path)) as archive:
        members = checked_members(archive, Path(path))
        for member in members:
            verified(archive, member)
        return _publish(store, archive, members)


def documents_in(path: str | PathLike[str], kind: str) -> list[Blob]:
    """Return the documents of a kind in an export, each verified; nothing is imported.

    Raises
    ------
    DamagedArchive
        If the file is not a whole, unaltered export.
    StoreVersionError
        If a newer version wrote it.
    """
    with opened(Path(path)) as archive:
        members = checked_members(archive, Path(path))
        folder = document_name(kind, "0").rpartition("/")[0]
        return [verified(archive, m)[1] for m in members if m.filename.startswith(f"{folder}/")]


def _format_of(names: Iterable[str]) -> int:
    """Return the format of an export of those blobs: the first is read by versions that know no packs."""
    return FORMAT if any(name.startswith(PACKS) for name in names) else 1


def _entries_to_export(store: StateStore, contexts: frozenset[str] | None) -> list[Entry]:
    entries = [e for e in store.list() if contexts is None or e.key.context in contexts]
    empty = (contexts or frozenset()) - {entry.key.context for entry in entries}
    if empty:
        raise StoreError(
            f"{store.location} has no leaf of {sorted(empty)}; `hpo states ls` shows what it has."
        )
    return entries


def _documents_of(store: StateStore, entries: Iterable[Entry] | None) -> list[str]:
    """Return the names of the documents that the entries refer to; of all documents for None."""
    needed = None if entries is None else {text for entry in entries for text in texts(entry.about)}
    chosen = (d for d in store.documents() if needed is None or d.name in needed)
    return sorted(document_name(d.kind, d.name) for d in chosen)


def _whole(store: StateStore, name: str) -> Bytes | None:
    data = store.backend.read(name)
    try:
        if data is not None:
            decode_blob(data, name)
    except DamagedBlob as error:
        store.shelf.set_aside(name, data or b"", str(error))
        return None
    return data


def _publish(store: StateStore, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Imported:
    added: dict[str, int] = {}
    present, kept = 0, []
    try:
        for member in members:
            name = member.filename
            data, blob = verified(archive, member)
            own = store.shelf.use(name, lambda found: found)
            if own is None:
                store.backend.write(name, data)
                added[name] = len(data)
            elif _same(own, blob):
                present += 1
            else:
                kept.append(name)
    except BaseException:
        for name in added:
            store.backend.delete(name)
        raise
    return Imported(len(added), present, tuple(kept), sum(added.values()))


def _same(a: Blob, b: Blob) -> bool:
    """Return whether two blobs hold the same state, whenever each was written."""
    if a.scalars != b.scalars or a.arrays.keys() != b.arrays.keys():
        return False
    return all(
        x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
        for x, y in ((a.arrays[path], b.arrays[path]) for path in a.arrays)
    )
