"""The packs of a store: which leaves are in which, and what is read of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from state_store.backend import Stat
from state_store.blob import Blob
from state_store.entry import Entry
from state_store.errors import DamagedBlob
from state_store.key import LEAVES, PACKS, Key
from state_store.names import is_blob_name
from state_store.packs import Member, encode_pack, members_of, restore_members
from state_store.shelf import Facts, Shelf

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Packs:
    """The packs on a shelf.

    Attributes
    ----------
    shelf : the blobs.

    Examples
    --------
    >>> import tempfile
    >>> from state_store import StateStore
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     packs = StateStore(folder).packs
    ...     packs.put("ab" * 8, [Member("cd" * 8, 1.5, {}), Member("ef" * 8, 2.5, {})])
    ...     list(packs.homes("ab" * 8)), packs.get("ab" * 8, ["ef" * 8], 0.0)
    (['cdcdcdcdcdcdcdcd', 'efefefefefefefef'], {'efefefefefefefef': 2.5})
    """

    shelf: Shelf
    _segments: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """Of each pack that was looked at; what a name stands for never changes."""

    def put(self, context: str, members: Sequence[Member]) -> None:
        """Keep some leaves as one blob; one that is there stays, since it holds the same."""
        name, data = encode_pack(context, members)
        self.shelf.backend.create(name, data)

    def homes(self, context: str, but: Collection[str] = ()) -> dict[str, str]:
        """Return the pack of each leaf that is in one, by its segment; reads the headers of packs that are new."""
        found: dict[str, str] = {}
        listed = (name for name, _ in self.shelf.backend.names(f"{PACKS}/{context}"))
        names = [name for name in listed if is_blob_name(name) and name not in but]
        for name, segments in zip(names, self.shelf.each(self.segments, names), strict=True):
            found.update(dict.fromkeys(segments, name))
        return found

    def segments(self, name: str) -> tuple[str, ...]:
        """Return the segments of a pack; none of one that is gone, or damaged and set aside."""
        if name not in self._segments:
            about = self._about(name)
            if about is None:
                return ()
            self._segments[name] = tuple(about)
        return self._segments[name]

    def about(self, key: Key) -> dict[str, Any] | None:
        """Return what was said of a leaf in a pack; None if it is in none."""
        name = self.homes(key.context).get(key.segment)
        return None if name is None else (self._about(name) or {}).get(key.segment)

    def get(self, context: str, segments: Sequence[str], like: T) -> dict[str, T]:
        """Return the states of those segments that are in packs, each pack read once; counts as a use."""
        found: dict[str, T] = {}
        tried: set[str] = set()
        while True:  # again only where a pack was damaged or vanished: another may have its leaves
            homes, wanted = self.homes(context, tried), dict[str, list[str]]()
            for segment in segments:
                if segment not in found and segment in homes:
                    wanted.setdefault(homes[segment], []).append(segment)
            for states in self.shelf.each(lambda item: self._read(*item, like), wanted.items()):
                found.update(states)
            tried |= wanted.keys()
            if not wanted or all(segment in found for some in wanted.values() for segment in some):
                return found

    def entries(self, pinned: frozenset[str]) -> Iterator[Entry]:
        """Yield every leaf in a pack, from the headers alone; a pack has its bytes shared out among them."""
        found = [item for item in self.shelf.backend.names(PACKS) if is_blob_name(item[0])]
        facts = self.shelf.each(lambda item: self.shelf.facts(*item), found)
        for (name, stat), known in zip(found, facts, strict=True):
            if known is not None:
                yield from self._entries(name, stat, known, pinned)

    def _entries(self, name: str, stat: Stat, facts: Facts, pinned: frozenset[str]) -> Iterator[Entry]:
        created, about, fault = facts
        own = Key.parse(f"{LEAVES}{name.removeprefix(PACKS)}")
        members: Mapping[str, dict[str, Any]] = {own.segment: {}}
        if not fault:
            try:
                members = members_of(about)
            except DamagedBlob as error:
                fault = str(error)
        share, more = divmod(stat.bytes, len(members) or 1)
        for place, (segment, said) in enumerate(members.items()):
            key, size = Key(own.context, segment), share + (more if place == 0 else 0)
            yield Entry(key, size, created, stat.last_used, key.context in pinned, said, fault, name)

    def _about(self, name: str) -> dict[str, dict[str, Any]] | None:
        try:
            header = self.shelf.header(name)
            return None if header is None else members_of(header.about)
        except DamagedBlob:
            return self.shelf.use(name, lambda blob: members_of(blob.about))

    def _read(self, name: str, segments: Sequence[str], like: T) -> dict[str, T]:
        def some(blob: Blob) -> dict[str, T]:
            return restore_members(blob, segments, like)

        return self.shelf.use(name, some) or {}
