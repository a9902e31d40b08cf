"""The state store: a map from keys to states that is never half written, and reports damage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from state_store.backend import Stat
from state_store.blob import Blob, encode_blob
from state_store.codec import Values, flatten, restore
from state_store.cover import Cover, cover_segments
from state_store.entry import Document, Entry, counted, readable_bytes
from state_store.errors import DamagedBlob
from state_store.key import LEAVES, PACKS, Key
from state_store.location import Location, open_location
from state_store.names import DOCUMENTS, PINS, document_name, is_blob_name, pin_name
from state_store.packed import Packs
from state_store.packs import Member
from state_store.shelf import Shelf

if TYPE_CHECKING:
    from state_store.listing import Entries

T = TypeVar("T")
Documents = list[Document]


class StateStore:
    """A place of states, each under the key of what was computed and of the data it saw.

    Safe to share between threads, processes and machines. A blob is written atomically; each carries its own
    checksum and name; a damaged one is moved to ``quarantine/``, reported, and counts as absent.

    Parameters
    ----------
    location : a directory, made if it is not there, or a prefix of a bucket: ``s3://bucket/prefix``, ``gs://…``,
        ``az://…``.
    cache : directory for copies of what a bucket holds; None for the user's cache directory.

    Raises
    ------
    StoreLocationError
        If the location cannot hold a store.
    StoreVersionError
        If the store was written by a newer version.
    StoreReadError, StoreWriteError
        If the directory cannot be made, or the bucket not be asked.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> folder = tempfile.TemporaryDirectory()
    >>> store = StateStore(folder.name)
    >>> key = Key(context="ab" * 20, segment="cd" * 20)
    >>> store.put(key, (3, np.ones(2)), about={"rows": 3})
    >>> store.get(key, like=(0, np.zeros(2)))
    (3, array([1., 1.]))
    >>> store.list()
    [<leaf abababab…/cdcdcdcd…: ... bytes, used 0 seconds ago, rows=3>]
    >>> folder.cleanup()
    """

    def __init__(self, location: Location, cache: Location | None = None) -> None:
        backend = open_location(location, cache)
        self.location = backend.place
        self.backend = backend
        self.shelf = Shelf(backend, str(backend.place))
        self.packs = Packs(self.shelf)

    def __repr__(self) -> str:
        """Show where the store is and what it holds."""
        blobs = dict(self.blobs())
        leaves = {name: 1 for name in blobs if name.startswith(LEAVES)}
        leaves |= {name: len(self.packs.segments(name)) for name in blobs if name.startswith(PACKS)}
        contexts = len({name.split("/")[1] for name in leaves})
        size, others = readable_bytes(sum(stat.bytes for stat in blobs.values())), len(blobs) - len(leaves)
        held = f"{counted(sum(leaves.values()), 'leaf', 'leaves')} of {counted(contexts, 'context')}"
        held += f", {counted(others, 'document')}, {size}"
        return f"<StateStore {str(self.location)!r}: {held}>"

    def get(self, key: Key, like: T) -> T | None:
        """Return the state of a key, or None if it must be computed; counts as a use.

        Parameters
        ----------
        key : its key.
        like : a state of the same layout in true shapes, such as the identity of merge.

        Warns
        -----
        DamagedStateWarning
            If the blob is damaged or of another layout: it is set aside.

        Raises
        ------
        NewerFormat
            If the blob was written by a newer version.
        """
        found = self.shelf.use(key.name, lambda blob: restore(blob.arrays, blob.scalars, like))
        return self.packs.get(key.context, [key.segment], like).get(key.segment) if found is None else found

    def get_many(self, context: str, segments: Sequence[str], like: T) -> dict[str, T]:
        """Return the states of those of some segments that are there, as :meth:`get`; a pack is read once.

        Examples
        --------
        >>> import tempfile
        >>> a, b, c = (digit * 40 for digit in "abc")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = StateStore(folder)
        ...     store.put_pack(c, [Member(a, 1.5, {"rows": 3}), Member(b, 2.5, {"rows": 4})])
        ...     store.get_many(c, [b, a, c], 0.0)[b], store.about(Key(c, a))
        (2.5, {'rows': 3})
        """
        found = self.packs.get(context, segments, like)
        left = [segment for segment in segments if segment not in found]
        names = [Key(context, segment).name for segment in left]
        whole = partial(self.shelf.use, read=lambda blob: restore(blob.arrays, blob.scalars, like))
        states = self.shelf.each(whole, names)
        found.update((segment, state) for segment, state in zip(left, states, strict=True) if state is not None)
        return found

    def put(self, key: Key, state: object, about: Mapping[str, object] | None = None) -> None:
        """Keep a state, atomically and durably; replaces what was there.

        Parameters
        ----------
        key : its key.
        state : see :func:`state_store.codec.flatten`.
        about : JSON for whoever lists the store. A leaf *refers* to the documents whose names appear in it:
            ``gc`` keeps those documents and ``export_states`` takes them along.

        Raises
        ------
        UnstorableValue
            If the state or ``about`` holds something else than arrays and scalars, or JSON.
        StoreWriteError
            If the disk is full or the directory cannot be written.
        """
        arrays, scalars = flatten(state)
        self.backend.write(key.name, encode_blob(arrays, about or {}, scalars=scalars, name=key.name))

    def publish(self, key: Key, state: object, about: Mapping[str, object] | None = None) -> bool:
        """Keep a state unless the store has one, which stays: of all who publish at once, one does; as :meth:`put`.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store, key = StateStore(folder), Key("ab" * 20, "cd" * 20)
        ...     store.publish(key, 1.5), store.publish(key, 2.5), store.get(key, 0.0)
        (True, False, 1.5)
        """
        arrays, scalars = flatten(state)
        return self.backend.create(key.name, encode_blob(arrays, about or {}, scalars=scalars, name=key.name))

    def put_pack(self, context: str, members: Sequence[Member]) -> None:
        """Keep the states of several segments as one blob, atomically and durably; each stays a leaf of its own.

        For small states: one file, one wait for the disk, for all of them. They are got, listed and covered one by
        one, and damaged, evicted, exported together.

        Raises
        ------
        UnstorableValue
            As :meth:`put`, or if the states are not of one layout.
        StoreWriteError
            If the disk is full or the directory cannot be written.
        """
        self.packs.put(context, members)

    def has(self, key: Key) -> bool:
        """Return whether there is a blob for the key; ``get`` checks whether it is whole."""
        return self.backend.stat(key.name) is not None or key.segment in self.packs.homes(key.context)

    def about(self, key: Key) -> dict[str, Any] | None:
        """Return what was said of a state at ``put``, reading its header only; None if it is not there."""
        try:
            header = self.shelf.header(key.name)
        except DamagedBlob:
            return self.shelf.use(key.name, lambda blob: blob.about)
        return self.packs.about(key) if header is None else header.about

    def cover(self, context: str, segments: Iterable[str]) -> Cover:
        """Return which of the segments have a leaf in this context, and which must be computed."""
        wanted = [Key(context, segment).segment for segment in segments]
        present = {name.rpartition("/")[2] for name, _ in self.backend.names(f"{LEAVES}/{context}")}
        return cover_segments(wanted, present | self.packs.homes(context).keys())

    @contextmanager
    def flight(self, key: Key) -> Iterator[bool]:
        """Let one caller among all threads and processes compute a missing state; the others wait for it.

        Yields True if the caller must compute and put the state inside the block, False if it is there. The
        lock ends with the process that holds it, so a killed one only hands the work on. Whoever holds
        several flights at once takes them in the order of their keys.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store, key = StateStore(folder), Key("ab" * 20, "cd" * 20)
        ...     with store.flight(key) as mine:
        ...         if mine:
        ...             store.put(key, 1.5)
        ...     with store.flight(key) as mine:
        ...         print(mine)
        False
        """
        if self.has(key):
            yield False
            return
        with self.backend.lock(key.name):
            yield not self.has(key)

    @contextmanager
    def flights(self, context: str, segments: Sequence[str]) -> Iterator[Cover]:
        """Let one caller compute the missing states of neighbours, under one lock, as :meth:`flight` of one.

        Yields which of them are there and which the caller must compute and put inside the block.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = StateStore(folder)
        ...     with store.flights("ab" * 20, ["cd" * 8, "ef" * 8]) as cover:
        ...         print(cover.missing)
        ('cdcdcdcdcdcdcdcd', 'efefefefefefefef')
        """
        with self.backend.lock(f"{PACKS}/{context}/{segments[0]}"):
            present = set(self.packs.homes(context))
            left = [segment for segment in segments if segment not in present]
            stats = self.shelf.each(lambda segment: self.backend.stat(Key(context, segment).name), left)
            present.update(segment for segment, stat in zip(left, stats, strict=True) if stat is not None)
            yield cover_segments(segments, present)

    def put_document(
        self, kind: str, name: str, arrays: Mapping[str, Values], about: Mapping[str, object]
    ) -> None:
        """Keep arrays and JSON that leaves depend on, such as a pilot or an encoder, under kind and name.

        Raises
        ------
        InvalidName
            If ``kind`` is not ``a-z`` or ``name`` not ``a-z 0-9 _ -`` (a digest, as a rule).
        StoreWriteError, UnstorableValue
            As :meth:`put`.
        """
        path = document_name(kind, name)
        self.backend.write(path, encode_blob(arrays, about, name=path))

    def get_document(self, kind: str, name: str) -> Blob | None:
        """Return a document (``arrays``, ``about``, ``created``), or None if absent or damaged."""
        return self.shelf.use(document_name(kind, name), lambda blob: blob)

    def set_document_aside(self, kind: str, name: str, reason: str) -> None:
        """Move a document that makes no sense to the quarantine, and warn; it counts as absent then."""
        path = document_name(kind, name)
        data = self.backend.read(path)
        if data is not None:
            self.shelf.set_aside(path, data, reason)

    def documents(self, kind: str | None = None) -> Documents:
        """Return the documents of a kind, or of all kinds, oldest first."""
        folder = DOCUMENTS if kind is None else document_name(kind, "0").rpartition("/")[0]
        listed = [item for item in self.backend.names(folder) if is_blob_name(item[0])]
        found = self.shelf.each(lambda item: self._document(*item), listed)
        return sorted((d for d in found if d is not None), key=lambda d: (d.created, d.kind, d.name))

    def document_names(self, kind: str) -> frozenset[str]:
        """Return the names of the documents of a kind, without reading any."""
        folder = document_name(kind, "0").rpartition("/")[0]
        found = (name for name, _ in self.backend.names(folder) if is_blob_name(name))
        return frozenset(name.rpartition("/")[2] for name in found)

    def list(self) -> Entries:
        """Return every leaf, last used first, from the headers alone."""
        pinned = self.pinned()
        listed = [item for item in self.backend.names(LEAVES) if is_blob_name(item[0])]
        found = self.shelf.each(lambda item: self._entry(*item, pinned), listed)
        leaves = [*(e for e in found if e is not None), *self.packs.entries(pinned)]
        made: Entries = import_module("state_store.listing").Entries(leaves)
        made.sort(key=lambda e: (-e.last_used, e.key, e.blob))
        return made

    def pin(self, context: str) -> None:
        """Make ``gc`` keep every leaf of a context."""
        self.backend.write(pin_name(context), b"")

    def unpin(self, context: str) -> None:
        """Undo :meth:`pin`."""
        self.backend.delete(pin_name(context))

    def pinned(self) -> frozenset[str]:
        """Return the contexts that are pinned."""
        return frozenset(name.rpartition("/")[2] for name, _ in self.backend.names(PINS))

    def blobs(self) -> Iterator[tuple[str, Stat]]:
        """Yield the name, size and last use of every leaf, pack and document; other files are none of ours."""
        for folder in (LEAVES, PACKS, DOCUMENTS):
            yield from (item for item in self.backend.names(folder) if is_blob_name(item[0]))

    @property
    def total_bytes(self) -> int:
        """Bytes of all leaves, packs and documents."""
        return sum(stat.bytes for _, stat in self.blobs())

    def _entry(self, name: str, stat: Stat, pinned: frozenset[str]) -> Entry | None:
        key, facts = Key.parse(name), self.shelf.facts(name, stat)
        if facts is None:
            return None
        created, about, fault = facts
        return Entry(key, stat.bytes, created, stat.last_used, key.context in pinned, about, fault)

    def _document(self, name: str, stat: Stat) -> Document | None:
        _, kind, own = name.split("/")
        facts = self.shelf.facts(name, stat)
        if facts is None:
            return None
        created, about, fault = facts
        return Document(kind, own, stat.bytes, created, stat.last_used, about, fault)
