"""What a store knows of a leaf or a document without reading it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from state_store.key import Key


@dataclass(frozen=True, repr=False)
class Entry:
    """A leaf as the store lists it.

    Attributes
    ----------
    key : its key.
    bytes : size of its blob.
    created, last_used : seconds since the epoch.
    pinned : whether ``gc`` must keep it.
    about : what was said of it at ``put``.
    fault : why its header cannot be read, or ``""``.
    blob : name of the blob that holds it, ``""`` for its own; leaves in one pack share its bytes.

    Examples
    --------
    >>> Entry(Key("ab" * 20, "cd" * 20), 4096, 0.0, time.time(), True, {"rows": 7})
    <leaf abababab…/cdcdcdcd…: 4.1 kB, used 0 seconds ago, pinned, rows=7>
    """

    key: Key
    bytes: int
    created: float
    last_used: float
    pinned: bool = False
    about: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    blob: str = ""

    @property
    def name(self) -> str:
        """Name of the blob that holds it: its own, or that of a pack."""
        return self.blob or self.key.name

    def __repr__(self) -> str:
        """Show the start of the key, the size, the last use, and what is known of the state."""
        facts = _facts(self)
        if self.pinned:
            facts.insert(2, "pinned")
        return f"<leaf {self.key.context[:8]}…/{self.key.segment[:8]}…: {', '.join(facts)}>"


@dataclass(frozen=True, repr=False)
class Document:
    """A document as the store lists it: a small blob that leaves refer to, such as a pilot or an encoder.

    Attributes
    ----------
    kind, name : where it is kept.
    bytes : size of its blob.
    created, last_used : seconds since the epoch.
    about : what was said of it when it was put.
    fault : why its header cannot be read, or ``""``.

    Examples
    --------
    >>> Document("pilots", "ab" * 20, 512, 0.0, time.time(), {"rows": 7})
    <pilots abababab…: 512 bytes, used 0 seconds ago, rows=7>
    """

    kind: str
    name: str
    bytes: int
    created: float
    last_used: float
    about: dict[str, Any] = field(default_factory=dict)
    fault: str = ""

    def __repr__(self) -> str:
        """Show the start of the name, the size, the last use, and what is known of it."""
        facts = _facts(self)
        return f"<{self.kind} {self.name[:8]}…: {', '.join(facts)}>"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, in the plural but for one.

    Examples
    --------
    >>> counted(1, "byte"), counted(2, "leaf", "leaves")
    ('1 byte', '2 leaves')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def readable_bytes(count: int) -> str:
    """Return a number of bytes for people.

    Examples
    --------
    >>> readable_bytes(999), readable_bytes(1_000_000), readable_bytes(2_560_000_000)
    ('999 bytes', '1.0 MB', '2.6 GB')
    """
    if count < 1000:
        return counted(count, "byte")
    power = next((p for p in (1, 2, 3) if count < 999.95 * 1000**p), 4)
    return f"{count / 1000**power:.1f} {('kB', 'MB', 'GB', 'TB')[power - 1]}"


def readable_age(moment: float) -> str:
    """Return the time since a moment (seconds since the epoch) for people.

    Examples
    --------
    >>> readable_age(time.time() - 7200)
    '2 hours'
    """
    seconds = max(0.0, time.time() - moment)
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return counted(round(seconds), "second")


def _facts(item: Entry | Document) -> list[str]:
    facts = [readable_bytes(item.bytes), f"used {readable_age(item.last_used)} ago"]
    facts += [f"unreadable: {item.fault}"] * bool(item.fault)
    return facts + [f"{name}={_short(value)}" for name, value in item.about.items()]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
