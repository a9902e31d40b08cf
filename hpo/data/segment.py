"""Segments, their fingerprints, and the log of what was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

T = TypeVar("T")

SEGMENT_ROWS = 262_144
"""Rows that a segment of a Parquet or IPC file has at least, and that a block of a frame has at most."""


@dataclass(frozen=True)
class Segment:
    """A fixed part of a data set: a file, a run of row groups of one, or a block of a frame.

    Attributes
    ----------
    id : unique within its data set, ``uri`` and ``part`` together.
    uri : where the bytes are.
    part : first and one past the last row group (Parquet), record batch (IPC) or row (frames).
    rows : number of rows, or None if unknown before reading (CSV).
    nbytes : stored bytes.
    fingerprint : hex digest of what the segment holds; equal fingerprints mean equal states.
    place : what rows are dealt and drawn by, beside their index and a seed: the file's name below the data's
        root and where the part begins in it. The same in a copy elsewhere, whatever its address and time.
    opened : rows that were met when the segment was opened, where that was all of them: what is left over of a
        small CSV file is dealt by it. None where they were not counted.

    Examples
    --------
    >>> Segment("memory:frame", (0, 3), 3, 24, "00ff").id
    'memory:frame[0:3]'
    """

    uri: str
    part: tuple[int, int]
    rows: int | None
    nbytes: int
    fingerprint: str
    place: str = ""
    opened: int | None = None

    @cached_property
    def id(self) -> str:
        """Name of the segment, unique within its data set."""
        return f"{self.uri}[{self.part[0]}:{self.part[1]}]"


@dataclass(frozen=True, eq=False)
class Looked:
    """Columns of some rows that are looked up in a table.

    Attributes
    ----------
    places : shape (n,), the row of the table for each of the rows.
    table : the columns; one object for every batch that looks up in them.
    where : what the table is, for messages.
    """

    places: NDArray[np.intp]
    table: pa.RecordBatch
    where: str


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a segment: their columns, and the features beside them where these are a sparse matrix.

    Attributes
    ----------
    batch : the columns; without the features that ``sparse`` or ``looked`` have.
    sparse : the features of the same rows, in the order of the data set's; None where they are columns.
    looked : further columns of the same rows.
    """

    batch: pa.RecordBatch
    sparse: csr_array | None = None
    looked: tuple[Looked, ...] = ()


@dataclass
class ReadLog:
    """What a data set handed out: rows, stored bytes and segments of passes; rows of pilot samples apart.

    Safe to add to from many threads.

    Examples
    --------
    >>> log = ReadLog()
    >>> log.start("a[0:1]"); log.add(10, 80)
    >>> log.rows, log.bytes, log.segments["a[0:1]"]
    (10, 80, 1)
    """

    rows: int = 0
    bytes: int = 0
    segments: Counter[str] = field(default_factory=Counter)
    pilot_rows: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def start(self, segment: str) -> None:
        """Count one reading of a segment."""
        with self._lock:
            self.segments[segment] += 1

    def add(self, rows: int, nbytes: int) -> None:
        """Count rows and stored bytes of a pass."""
        with self._lock:
            self.rows += rows
            self.bytes += nbytes

    def __reduce__(self) -> tuple[type[ReadLog], tuple[()]]:
        """Count from nothing in another process, whose reading is reported by itself."""
        return ReadLog, ()

    def add_pilot(self, rows: int) -> None:
        """Count rows looked at for a pilot sample."""
        with self._lock:
            self.pilot_rows += rows


def fingerprint(*parts: object) -> str:
    """Return the digest of some values as hex; length-prefixed, so that no two lists of parts collide.

    Examples
    --------
    >>> fingerprint("ab", "c") == fingerprint("a", "bc")
    False
    """
    each = [part if isinstance(part, bytes) else str(part).encode() for part in parts]
    whole = b"".join([piece for data in each for piece in (len(data).to_bytes(8, "little"), data)])
    return blake2b(whole, digest_size=16).hexdigest()


def group_runs(rows: list[int], minimum: int = SEGMENT_ROWS) -> list[tuple[int, int]]:
    """Return consecutive runs of pieces with at least ``minimum`` rows each; the last may have fewer.

    The rule depends on the pieces before a run only, so appending pieces never moves an earlier run.

    Examples
    --------
    >>> group_runs([5, 5, 5, 2], minimum=8)
    [(0, 2), (2, 4)]
    """
    runs: list[tuple[int, int]] = []
    start = total = 0
    for index, count in enumerate(rows):
        total += count
        if total >= minimum:
            runs.append((start, index + 1))
            start, total = index + 1, 0
    return [*runs, (start, len(rows))] if total else runs


def spread(items: Sequence[T], count: int) -> tuple[T, ...]:
    """Return at most ``count`` of some items, evenly spread, the first and the last among them.

    Examples
    --------
    >>> spread(["a", "b", "c", "d", "e"], 3)
    ('a', 'c', 'e')
    """
    last, most = len(items) - 1, min(count, len(items)) - 1
    places = {round(i * last / most) for i in range(most + 1)} if most > 0 else range(len(items[:1]))
    return tuple(items[place] for place in sorted(places))
