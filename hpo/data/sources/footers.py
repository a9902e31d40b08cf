"""What files say of themselves, remembered: a file that did not change is not opened to be listed.

A file is the same if its size, its times (of its bytes, and of its entry in the file system) and its number there
are. One that changed so lately that a further change might not show is not remembered.
"""

from __future__ import annotations

import os
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from hpo.data.sources.files import DataFile
from hpo.process.lazily import arrow_fs

SETTLED = 2.0
"""Seconds after which a change of a file surely shows in its times."""

SPARE = 2
"""Times the files of the data that are remembered, at most: windows of one directory share what is known."""

Row = list[Any]
"""What is kept of a file: its address, its mark (size, times, number), and what its footer says."""


@dataclass(frozen=True, eq=False)
class Footer:
    """What a Parquet file says of itself.

    Attributes
    ----------
    digest : of the footer's bytes.
    schema : of the file.
    rows, nbytes : of each row group.
    nullable : whether a column may hold nulls, of the columns of which the file says it.
    content : digest of the file's bytes, where it is known.
    """

    digest: str
    schema: pa.Schema
    rows: Sequence[int]
    nbytes: Sequence[int]
    nullable: Mapping[str, bool]
    content: str = ""


class Shelf(Protocol):
    """Where footers are kept."""

    def load(self, folder: str) -> Mapping[str, Any] | None:
        """Return what was kept of the files in a folder, as JSON values; None where that is nothing."""
        ...

    def save(self, folder: str, known: Mapping[str, Any]) -> None:
        """Keep what is known of the files in a folder."""
        ...


@dataclass(eq=False)
class Footers:
    """The footers of the files of a data set, as far as they are known.

    Attributes
    ----------
    shelf : where they are kept; None to remember nothing.
    """

    shelf: Shelf | None = None
    _folder: str = ""
    _marks: dict[str, Row] = field(default_factory=dict)
    _kept: dict[str, Row] = field(default_factory=dict)
    _new: dict[str, Row] = field(default_factory=dict)
    _schemas: list[tuple[pa.Schema, dict[tuple[str, ...], Mapping[str, bool]]]] = field(default_factory=list)

    def load(self, files: Sequence[DataFile]) -> None:
        """Recall what is known of some files."""
        local = [file for file in files if isinstance(file.fs, arrow_fs.LocalFileSystem)]
        if self.shelf is None or not local:
            return
        self._folder = os.path.commonpath({file.path.rpartition("/")[0] or "/" for file in local})
        before = time.time_ns() - int(SETTLED * 1e9)
        for file in local:
            found = _stat(file.path)
            if found is not None and max(found.st_mtime_ns, found.st_ctime_ns) < before:
                self._marks[file.uri] = [file.size, file.stamp, found.st_ino, found.st_ctime_ns]
        known = self.shelf.load(self._folder)
        if known is not None:
            texts = [pa.py_buffer(b64decode(text)) for text in known["schemas"]]
            self._schemas = [(pa.ipc.read_schema(text), {}) for text in texts]
            self._kept = {row[0]: row for row in known["files"]}

    def get(self, file: DataFile) -> Footer | None:
        """Return what a file said, if it is the same file."""
        row = self._kept.get(file.uri)
        if row is None or row[1:5] != self._marks.get(file.uri):
            return None
        _, _, _, _, _, digest, place, rows, nbytes, nullable, content = row
        schema, sets = self._schemas[place]
        named = () if nullable is None else (None, *nullable)
        if named not in sets:
            sets[named] = {name: name in nullable for name in schema.names} if nullable is not None else {}
        return Footer(digest, schema, rows, nbytes, sets[named], content)

    def put(self, file: DataFile, footer: Footer) -> None:
        """Remember what a file said."""
        if file.uri in self._marks:
            nullable = [name for name, may in footer.nullable.items() if may] if footer.nullable else None
            said = [footer.digest, self._place(footer.schema), list(footer.rows), list(footer.nbytes), nullable]
            self._new[file.uri] = [file.uri, *self._marks[file.uri], *said, footer.content]

    def save(self) -> None:
        """Keep what is new."""
        if self.shelf is None or not self._new:
            return
        there = {**{uri: self._kept[uri] for uri in self._marks if uri in self._kept}, **self._new}
        others = [uri for uri in self._kept if uri not in there][: (SPARE - 1) * len(there)]
        texts = [b64encode(schema.serialize().to_pybytes()).decode("ascii") for schema, _ in self._schemas]
        rows = [*(self._kept[uri] for uri in others), *there.values()]
        self.shelf.save(self._folder, {"schemas": texts, "files": rows})

    def _place(self, schema: pa.Schema) -> int:
        """Return the number of a schema among those that are known."""
        for place, (known, _) in enumerate(self._schemas):
            if schema is known or schema.equals(known, check_metadata=True):
                return place
        self._schemas.append((schema, {}))
        return len(self._schemas) - 1


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - of thousands, and a Path costs more than that
    except OSError:
        return None
