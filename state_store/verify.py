"""Reading every blob again: what is whole, what is damaged."""

from __future__ import annotations

from dataclasses import dataclass

from state_store.blob import decode_blob
from state_store.errors import DamagedBlob, NewerFormat
from state_store.store import StateStore


@dataclass(frozen=True)
class Report:
    """What a verification found.

    Attributes
    ----------
    good : number of whole blobs.
    bytes : their size.
    bad : names of the damaged blobs and what is wrong with each.
    newer : names of blobs written by a newer version, left as they are.
    """

    good: int
    bytes: int
    bad: tuple[tuple[str, str], ...] = ()
    newer: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every blob could be read."""
        return not self.bad and not self.newer


def verify(store: StateStore, *, repair: bool = True) -> Report:
    """Return a report on every leaf and document, each read in full; ``repair`` sets damaged ones aside.

    Warns
    -----
    DamagedStateWarning
        For each blob set aside.

    Examples
    --------
    >>> import tempfile
    >>> from state_store.key import Key
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = StateStore(folder)
    ...     store.put(Key("ab" * 20, "cd" * 20), 1.5)
    ...     verify(store).good
    1
    """
    good = size = 0
    bad: list[tuple[str, str]] = []
    newer: list[str] = []
    for name, _ in store.blobs():
        data = store.backend.read(name)
        if data is None:
            continue
        try:
            decode_blob(data, name)
        except NewerFormat:
            newer.append(name)
        except DamagedBlob as error:
            bad.append((name, str(error)))
            if repair:
                store.shelf.set_aside(name, data, str(error))
        else:
            good, size = good + 1, size + len(data)
    return Report(good, size, tuple(bad), tuple(newer))
