"""A CSV file in blocks of whole rows, so that several can be parsed at once.

A row ends at a newline outside quotes. A block begins where a row does, so its quotes alone say which newlines
those are, as long as it is quoted as CSV is: a quote opens right after a separator or a newline, and closes right
before one, or doubles. The blocks are the same whoever parses them; from the first that is written in another way
on, the rest of the file is one piece.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BLOCK = 8 << 20
"""Bytes of a block, about."""

_QUOTE, _NEWLINE = 0x22, 0x0A


@dataclass(frozen=True)
class Block:
    """Rows of a file, its header before them.

    Attributes
    ----------
    data : the header's line and the rows' lines.
    quoted : whether values may hold newlines.
    """

    data: bytes
    quoted: bool


class NoBlocks(Exception):
    """A file, or what is left of it, cannot be cut into blocks.

    Attributes
    ----------
    rest : the header and the rows that were read already; the stream has what follows.
    """

    def __init__(self, rest: bytes) -> None:
        super().__init__()
        self.rest = rest


def blocks_of(stream: pa.NativeFile, separator: str, size: int = BLOCK) -> Iterator[Block]:
    r"""Yield the blocks of a file, in order.

    Raises
    ------
    NoBlocks
        Where the rest of the file cannot be cut, or the whole of it is no larger than a block.

    Examples
    --------
    >>> data = b'a,b\n1,"x\ny"\n2,z\n3,w\n'
    >>> [block.data for block in blocks_of(pa.BufferReader(data), ",", 14)]
    [b'a,b\n1,"x\ny"\n', b'a,b\n2,z\n3,w\n']
    """
    more = stream.read(size)
    end = more.find(b"\n") + 1
    header = more[:end]
    if len(more) < size or not header.strip() or header.count(b'"') % 2 or _bare_returns(header):
        raise NoBlocks(more)
    left, more = b"", more[end:]
    while more:
        if b'"' in left:
            left, more = b"", left + more
        cut, quoted = _cut(more, separator)
        if cut == 0:
            raise NoBlocks(b"".join((header, left, more)))
        yield Block(b"".join((header, left, memoryview(more)[:cut])), quoted)
        left, more = more[cut:], stream.read(size)
    if left.strip():
        yield Block(header + left, quoted=True)


class Rest(io.RawIOBase):
    """What is left of a file: bytes that were read already, and then those of its stream."""

    def __init__(self, held: bytes, stream: pa.NativeFile) -> None:
        super().__init__()
        self._held, self._stream = held, stream

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        if self._held:
            size = len(self._held) if size < 0 else size
            made, self._held = self._held[:size], self._held[size:]
            return made
        found: bytes = self._stream.read(None if size < 0 else size)
        return found


def _cut(data: bytes, separator: str) -> tuple[int, bool]:
    """Return where the last whole row of some rows ends, 0 where that is unsure, and whether there are quotes."""
    if _bare_returns(data):
        return 0, False
    if b'"' not in data:
        return data.rfind(b"\n") + 1, False
    found = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(found == _QUOTE)
    if not _proper(found, quotes, separator):
        return 0, True
    end = data.rfind(b"\n")
    while end >= 0 and np.searchsorted(quotes, end) % 2:
        end = data.rfind(b"\n", 0, int(quotes[np.searchsorted(quotes, end) - 1]))
    return end + 1, True


def _proper(data: NDArray[np.uint8], quotes: NDArray[np.intp], separator: str) -> bool:
    """Return whether quotes open after a separator or a newline, and close before one, or double."""
    around = np.array([*separator.encode(), _NEWLINE], np.uint8)
    opening, closing = quotes[::2], quotes[1::2]
    before = np.where(opening > 0, data[opening - 1], _NEWLINE)
    after = np.where(closing + 1 < len(data), data[np.minimum(closing + 1, len(data) - 1)], _NEWLINE)
    begins = np.isin(before, around) | (before == _QUOTE)
    ends = np.isin(after, [*around, 0x0D, _QUOTE])
    return bool(begins.all() and ends.all())


def _bare_returns(data: bytes) -> bool:
    """Return whether lines may end with a carriage return alone."""
    return b"\r" in data and data.count(b"\r") != data.count(b"\r\n") + data.endswith(b"\r")
