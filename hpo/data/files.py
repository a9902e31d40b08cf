"""Where the files of a data set are: paths, globs, directories and URIs become a sorted list of files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import fs as pafs

from hpo.errors import DataError

PARQUET, CSV, IPC = "Parquet", "CSV", "Arrow IPC"
_ENDINGS = {
    ".parquet": PARQUET, ".parq": PARQUET, ".pq": PARQUET, ".csv": CSV, ".tsv": CSV,
    ".arrow": IPC, ".feather": IPC, ".ipc": IPC,
}  # fmt: skip
_COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
_MAGIC = {b"PAR1": PARQUET, b"ARRO": IPC, b"FEA1": IPC}
_ARROW_SCHEMES = frozenset({"file", "s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss"})
_WILD = re.compile(r"[*?\[]")
_ETAGS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")


@dataclass(frozen=True)
class DataFile:
    """One file: its file system, its path there, its absolute URI, and what tells that it changed.

    Attributes
    ----------
    fs : Arrow file system.
    path : path within the file system.
    uri : absolute URI; files are ordered by it.
    size : bytes.
    stamp : modification time in nanoseconds, or the ETag where the store has one.
    """

    fs: pafs.FileSystem
    path: str
    uri: str
    size: int
    stamp: str

    @cached_property
    def format(self) -> str:
        """``"Parquet"``, ``"CSV"`` or ``"Arrow IPC"``, by the name's ending, else by the first bytes."""
        known = _format_by_name(self.path)
        if known is not None:
            return known
        with self.fs.open_input_file(self.path) as stream:
            found = _MAGIC.get(stream.read(4))
        if found is None:
            raise DataError(
                f"cannot tell the format of {self.uri!r}; name it .parquet, .csv, .csv.gz, .arrow or .feather"
            )
        return found

    @property
    def partitions(self) -> dict[str, str | None]:
        """Hive partition keys and values in the path, such as ``year=2013``."""
        pairs = (part.split("=", 1) for part in self.path.split("/")[:-1] if "=" in part)
        return {key: _partition_value(value) for key, value in pairs if key}

    def check_unchanged(self) -> None:
        """Raise DataError if the file is not the one that was listed."""
        info = self.fs.get_file_info(self.path)
        if info.type is pafs.FileType.File and (info.size, _stamp(self.fs, info)) == (self.size, self.stamp):
            return
        what = "vanished" if info.type is pafs.FileType.NotFound else "changed"
        raise DataError(
            f"{self.uri!r} {what} while it was read, so what was read of it is not to be trusted; "
            "nothing of it was kept: run again when the file is complete"
        )


def list_files(data: Any, storage_options: Mapping[str, Any] | None = None) -> list[DataFile]:
    """Return the files of a path, directory, glob, URI or list of these, sorted by URI, each once.

    Names that begin with ``_`` or ``.`` are left out of directories, as Spark and Arrow do. DataError where
    nothing is found, with the nearest existing name.
    """
    items = [data] if isinstance(data, str | os.PathLike) else list(data)
    if not items:
        raise DataError("the list of paths is empty; give at least one file, directory, glob or URI")
    found = {file.uri: file for item in items for file in _expand(os.fspath(item), storage_options)}
    return [found[uri] for uri in sorted(found)]


def _expand(item: str, options: Mapping[str, Any] | None) -> list[DataFile]:
    fs, path, prefix = _locate(item, options)
    info = fs.get_file_info(path)
    if info.type is pafs.FileType.File:
        infos = [info]
    elif info.type is pafs.FileType.Directory:
        infos = _listing(fs, path, recursive=True)
        infos = [i for i in infos if _visible(i.path[len(path) :])]
        known = [i for i in infos if _format_by_name(i.path)]
        infos = known or infos
    else:
        infos = _match(fs, path)
    if not infos:
        raise DataError(_nothing_found(fs, path, item))
    return [DataFile(fs, i.path, prefix + i.path, i.size, _stamp(fs, i)) for i in infos]


def _locate(item: str, options: Mapping[str, Any] | None) -> tuple[pafs.FileSystem, str, str]:
    """Return the file system, the path in it (wildcards kept) and what makes that path a URI."""
    scheme = item.split("://", 1)[0] if "://" in item else ""
    if not scheme:
        return pafs.LocalFileSystem(), str(Path(item).expanduser().absolute()), "file://"
    fixed, wild = _split_wild(item)
    try:
        if scheme in _ARROW_SCHEMES and not options:
            fs, path = pafs.FileSystem.from_uri(fixed)
        else:
            fs, path = _fsspec(fixed, options)
    except DataError:
        raise
    except (pa.ArrowException, ValueError, OSError) as error:
        raise DataError(f"cannot open {item!r}: {error}; check the URI and storage_options") from error
    return fs, f"{path.rstrip('/')}/{wild}" if wild else path, f"{scheme}://"


def _fsspec(uri: str, options: Mapping[str, Any] | None) -> tuple[pafs.FileSystem, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise DataError(
            f"{uri!r} needs fsspec (and the package for its scheme); install them: pip install fsspec"
        ) from error
    try:
        inner, path = url_to_fs(uri, **(options or {}))
    except ImportError as error:
        raise DataError(f"{uri!r} cannot be opened: {error}") from error
    return pafs.PyFileSystem(pafs.FSSpecHandler(inner)), path


def _split_wild(text: str) -> tuple[str, str]:
    """Split a glob into the directory before its first wildcard and the pattern below it."""
    hit = _WILD.search(text)
    if hit is None:
        return text, ""
    cut = text.rfind("/", 0, hit.start()) + 1
    return text[:cut], text[cut:]


def _listing(fs: pafs.FileSystem, base: str, recursive: bool) -> list[pafs.FileInfo]:
    selector = pafs.FileSelector(base, recursive=recursive, allow_not_found=True)
    return [info for info in fs.get_file_info(selector) if info.type is pafs.FileType.File]


def _match(fs: pafs.FileSystem, path: str) -> list[pafs.FileInfo]:
    base, wild = _split_wild(path)
    if not wild:
        return []
    pattern = re.compile(glob_pattern(path))
    infos = _listing(fs, base.rstrip("/") or "/", recursive="/" in wild or "**" in wild)
    return [i for i in infos if pattern.fullmatch(i.path) and _visible(i.path.rsplit("/", 1)[-1])]


def glob_pattern(glob: str) -> str:
    """Return the regular expression of a glob: ``**`` crosses directories, ``*`` and ``?`` do not.

    Examples
    --------
    >>> bool(re.fullmatch(glob_pattern("a/**/*.csv"), "a/b/c/d.csv"))
    True
    >>> bool(re.fullmatch(glob_pattern("a/*.csv"), "a/b/d.csv"))
    False
    """
    rules = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}

    def replace(hit: re.Match[str]) -> str:
        token = hit.group()
        if token in rules:
            return rules[token]
        if token.startswith("[") and len(token) > 2:
            return (
                "["
                + ("^" if token[1] in "!^" else "")
                + re.escape(token[1:-1].lstrip("!^")).replace(r"\-", "-")
                + "]"
            )
        return re.escape(token)

    return re.sub(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", replace, glob)


def _visible(relative: str) -> bool:
    return not any(part.startswith(("_", ".")) for part in relative.split("/") if part and "=" not in part)


def _format_by_name(path: str) -> str | None:
    name = path.rsplit("/", 1)[-1].lower()
    for ending in _COMPRESSED:
        if name.endswith(ending) and _ENDINGS.get(PurePosixPath(name[: -len(ending)]).suffix) == CSV:
            return CSV
    return _ENDINGS.get(PurePosixPath(name).suffix)


def _partition_value(text: str) -> str | None:
    return None if text == "__HIVE_DEFAULT_PARTITION__" else unquote(text)


def _stamp(fs: pafs.FileSystem, info: pafs.FileInfo) -> str:
    handler = getattr(fs, "handler", None)
    if handler is None:
        return str(info.mtime_ns)
    handler.fs.invalidate_cache(info.path)
    details = handler.fs.info(info.path)
    return next((str(details[key]) for key in _ETAGS if details.get(key)), "")


def _nothing_found(fs: pafs.FileSystem, path: str, item: str) -> str:
    base, wild = _split_wild(path)
    if not wild and fs.get_file_info(path).type is pafs.FileType.Directory:
        return f"directory {item!r} holds no data file; expected .parquet, .csv, .csv.gz, .arrow or .feather"
    parent, name = _existing_parent(fs, base.rstrip("/") if wild else path)
    entries = _names(fs, parent)
    near = get_close_matches(name, entries, n=1, cutoff=0.5) if name else []
    what = f"no file matches {item!r}" if wild else f"{item!r} does not exist"
    if near:
        return f"{what}; did you mean {f'{parent}/{near[0]}'!r}?"
    listed = ", ".join(entries[:8]) or "nothing"
    return f"{what}; {parent!r} holds {listed}"


def _existing_parent(fs: pafs.FileSystem, path: str) -> tuple[str, str]:
    """Return the nearest directory above ``path`` that exists, and the first name that is missing in it."""
    name = ""
    while path and fs.get_file_info(path).type is pafs.FileType.NotFound and "/" in path.rstrip("/"):
        path, name = path.rstrip("/").rsplit("/", 1)
    return path or "/", name


def _names(fs: pafs.FileSystem, parent: str) -> list[str]:
    infos: Iterable[pafs.FileInfo] = fs.get_file_info(pafs.FileSelector(parent, allow_not_found=True))
    return sorted(info.path.rsplit("/", 1)[-1] for info in infos)
