"""Where the files of a data set are: paths, globs, directories and URIs become a sorted list of files."""

from __future__ import annotations

import os
import re
import warnings
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import unquote

import pyarrow as pa

from hpo.data.sources.first_bytes import SIZE, advice_for, mistaken
from hpo.data.sources.globs import glob_pattern, split_wild
from hpo.data.sources.links import warn_of_broken
from hpo.errors import DataError, DataWarning
from hpo.process.lazily import arrow_fs
from state_store.homes import at_home
from studies.counting import counted

PARQUET, CSV, IPC = "Parquet", "CSV", "Arrow IPC"
_ENDINGS = {
    ".parquet": PARQUET, ".parq": PARQUET, ".pq": PARQUET, ".csv": CSV, ".tsv": CSV,
    ".arrow": IPC, ".feather": IPC, ".ipc": IPC,
}  # fmt: skip
_COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
_MAGIC = {b"PAR1": PARQUET, b"ARRO": IPC, b"FEA1": IPC}
RETRY_SECONDS = 30
"""How long an address of Google's storage is tried."""

_ARROW_SCHEMES = frozenset({"file", "s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss"})
_BUCKET_SCHEMES = frozenset({"az"})
"""Read through obstore, which knows the credentials of the platform, where it is installed."""

_ETAGS = ("ETag", "e_tag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")

_ENDPOINTS = ("AZURE_STORAGE_ENDPOINT", "AWS_ENDPOINT_URL")
_BUCKETS = ("S3FileSystem", "GcsFileSystem")
"""File systems of Arrow whose paths begin with a bucket."""

MANY = 16
"""Files of a folder from which on it is listed to know its links."""

Paths: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""A path, glob or URI, or several."""


@dataclass(frozen=True)
class DataFile:
    """One file: its file system, its path there, its absolute URI, and what shows that it changed.

    Attributes
    ----------
    fs : Arrow file system.
    path : path within the file system.
    uri : absolute URI; files are ordered by it.
    size : bytes.
    stamp : modification time in nanoseconds, or the ETag where the store has one.
    root : the directory that was asked for, or the part of a glob before its first wildcard; ``key=value``
        directories count below it only, so that the data may lie anywhere.
    name : what the file is called wherever the data lies: its path below the root. Unique in a data set.
    written : when it was written last, in nanoseconds since 1970; None where the file system does not know.
    """

    fs: arrow_fs.FileSystem
    path: str
    uri: str
    size: int
    stamp: str
    root: str = ""
    name: str = ""
    written: int | None = None

    @cached_property
    def format(self) -> str:
        """``"Parquet"``, ``"CSV"`` or ``"Arrow IPC"``, by the name's ending, else by the first bytes."""
        known = _format_by_name(self.path)
        if known is not None:
            return known
        start = self.first_bytes()
        found = _MAGIC.get(start[:4])
        if found is None:
            raise DataError(f"cannot tell the format of {self.uri!r}; {advice_for(start, self.ending)}")
        return found

    @property
    def ending(self) -> str:
        """The last ending of its name, in small letters, with its dot."""
        return _suffix(self.path.rsplit("/", 1)[-1].lower())

    def first_bytes(self) -> bytes:
        """Return its first bytes, as they are stored."""
        with self.fs.open_input_file(self.path) as stream:
            start: bytes = stream.read(SIZE)
        return start

    def mistaken(self) -> str | None:
        """Return how what it is differs from what its name says, and what to do; None where it does not."""
        return mistaken(self.first_bytes(), self.ending, self.format)

    @property
    def partitions(self) -> dict[str, str | None]:
        """Hive partition keys and values in the path, such as ``year=2013``."""
        below = self.path.removeprefix(self.root)
        if "=" not in below:
            return {}
        pairs = (part.split("=", 1) for part in below.split("/")[:-1] if "=" in part)
        return {key: _partition_value(value) for key, value in pairs if key}

    def check_unchanged(self) -> None:
        """Raise DataError if the file is not the one that was listed."""
        info = self.fs.get_file_info(self.path)
        if info.type is arrow_fs.FileType.File and (info.size, _stamp(self.fs, info)) == (self.size, self.stamp):
            return
        what = "vanished" if info.type is arrow_fs.FileType.NotFound else "changed"
        raise DataError(
            f"{self.uri!r} {what} while it was read, so what was read of it is not to be trusted; "
            "nothing of it was kept: run again when the file is complete"
        )


def list_files(data: Paths, storage_options: Mapping[str, Any] | None = None) -> list[DataFile]:
    """Return the files of a path, directory, glob, URI or list of these, sorted by URI.

    Each is there once, whatever links lead to it.
    Names that begin with ``_`` or ``.`` are left out of directories, as Spark and Arrow do. DataError where
    nothing is found, with the nearest existing name.
    """
    items = [data] if isinstance(data, str | os.PathLike) else list(data)
    if not items:
        raise DataError("the list of paths is empty; give at least one file, directory, glob or URI")
    found = {file.uri: file for item in items for file in _expand(os.fspath(item), storage_options)}
    real = _real_paths(found)
    links = {uri for uri, file in found.items() if real[uri] not in (file.path, uri)}
    once: dict[tuple[Hashable, ...], DataFile] = {}
    for uri in sorted(found, key=lambda uri: (uri in links, uri)):
        once.setdefault((real[uri], *found[uri].partitions.items()), found[uri])
    return _named_apart(sorted(once.values(), key=lambda file: file.uri))


def _real_paths(files: Mapping[str, DataFile]) -> dict[str, str]:
    """Return where files are, whatever links lead to them, by URI."""
    folders: dict[str, list[str]] = {}
    for uri, file in files.items():
        folders.setdefault(file.path.rpartition("/")[0], []).append(uri)
    found: dict[str, str] = {}
    for folder, uris in folders.items():
        if not isinstance(files[uris[0]].fs, arrow_fs.LocalFileSystem):
            found.update((uri, uri) for uri in uris)
            continue
        real, links = os.path.realpath(folder or "/").rstrip("/"), _links(folder or "/", len(uris))
        for uri in uris:
            path = files[uri].path
            name = path.rpartition("/")[2]
            found[uri] = os.path.realpath(path) if links is None or name in links else f"{real}/{name}"
    return found


def _links(folder: str, wanted: int) -> set[str] | None:
    """Return the names of the links in a folder of which many files are wanted; None where that is not known."""
    if wanted < MANY:
        return None
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_symlink()}
    except OSError:
        return None


def _expand(item: str, options: Mapping[str, Any] | None) -> list[DataFile]:
    if not item.strip():
        raise DataError(
            f"the path {item!r} is empty; give a file, directory, glob or URI, or '.' for this one"
        )
    fs, path, prefix = _locate(item, options)
    try:
        return _listed(item, fs, path, prefix)
    except DataError:
        raise
    except Exception as error:
        if isinstance(fs, arrow_fs.LocalFileSystem) and not isinstance(error, (OSError, pa.ArrowException)):
            raise
        why = str(error) or type(error).__name__
        raise DataError(f"{item!r} cannot be listed: {why}; check the address, and that you may read it") from error


def _listed(item: str, fs: arrow_fs.FileSystem, path: str, prefix: str) -> list[DataFile]:
    """Return the files that a path names in a file system."""
    info = fs.get_file_info(path)
    _check_regular([info])
    root = path if info.type is arrow_fs.FileType.Directory else split_wild(path)[0]
    below = root
    if info.type is arrow_fs.FileType.File:
        infos, root = [info], _typed_root(path, item)
        below = _file_root(path)
    elif info.type is arrow_fs.FileType.Directory:
        infos = _within(fs, path)
    else:
        infos = _match(fs, path)
    if not infos:
        raise DataError(_nothing_found(fs, path, item))
    return [
        DataFile(
            fs, i.path, prefix + i.path, i.size, _stamp(fs, i), root, i.path.removeprefix(below).strip("/"),
            i.mtime_ns,
        )
        for i in infos
    ]


def _check_regular(infos: Iterable[arrow_fs.FileInfo]) -> None:
    """Refuse pipes, sockets and devices: reading them may never end."""
    for info in infos:
        if info.type is arrow_fs.FileType.Unknown:
            raise DataError(
                f"{info.path!r} is not a file but a pipe, a socket or a device, which can be read only once; write "
                "what it holds to a file"
            )


def _file_root(path: str) -> str:
    """Return what a single file's name leaves out of its path: all but the name and the partitions above it."""
    parts = path.split("/")
    first = len(parts) - 1
    while first and "=" in parts[first - 1]:
        first -= 1
    return "/".join(parts[:first])


def _named_apart(files: Sequence[DataFile]) -> list[DataFile]:
    """Return the files, those of one name with as many directories before it as distinguish them."""
    counts = Counter(file.name for file in files)
    if max(counts.values()) == 1:
        return list(files)
    longer = [file if counts[file.name] == 1 else replace(file, name=_longer(file)) for file in files]
    return longer if longer == list(files) else _named_apart(longer)


def _longer(file: DataFile) -> str:
    """Return a file's name with one more directory of its path before it; a whole path as the URI."""
    above = file.path.removesuffix(file.name).rstrip("/")
    return file.path[above.rfind("/") + 1 :] if above else file.uri


def _typed_root(path: str, item: str) -> str:
    """Return what stands before the path of one file as it was typed: nothing for an absolute one."""
    return path.removesuffix(os.path.normpath(item)) if "://" not in item else ""


def _locate(item: str, options: Mapping[str, Any] | None) -> tuple[arrow_fs.FileSystem, str, str]:
    """Return the file system, the path in it (wildcards kept) and what makes that path a URI."""
    scheme = item.split("://", 1)[0] if "://" in item else ""
    if not scheme:
        return arrow_fs.LocalFileSystem(), str(Path(at_home(item)).absolute()), "file://"
    fixed, wild = split_wild(item)
    try:
        if scheme in _ARROW_SCHEMES and not options:
            fs, path = arrow_fs.FileSystem.from_uri(_patient(scheme, fixed))
        elif scheme in _BUCKET_SCHEMES and not options:
            fs, path = _bucket(scheme, fixed)
        else:
            fs, path = _fsspec(fixed, options)
    except DataError:
        raise
    except (pa.ArrowException, ValueError, OSError) as error:
        raise DataError(f"cannot open {item!r}: {error}; check the URI and storage_options") from error
    return fs, f"{path.rstrip('/')}/{wild}" if wild else path, f"{scheme}://"


def _patient(scheme: str, uri: str) -> str:
    """Return an address with a limit to how long it is tried, which for Google's is a quarter of an hour."""
    if scheme not in ("gs", "gcs") or "retry_limit_seconds" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}retry_limit_seconds={RETRY_SECONDS}"


def _bucket(scheme: str, uri: str) -> tuple[arrow_fs.FileSystem, str]:
    try:
        store = import_module("obstore.fsspec").FsspecStore
    except ImportError:
        return _fsspec(uri, None)
    allow_http = any(os.environ.get(name, "").startswith("http://") for name in _ENDPOINTS)
    options = {"allow_http": True} if allow_http else {}
    handler = arrow_fs.FSSpecHandler(store(scheme, client_options=options))
    return arrow_fs.PyFileSystem(handler), uri.partition("://")[2]


def _fsspec(uri: str, options: Mapping[str, Any] | None) -> tuple[arrow_fs.FileSystem, str]:
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise DataError(
            f"{uri!r} needs fsspec (and the package for its scheme); install them: pip install fsspec"
        ) from error
    try:
        inner, path = url_to_fs(uri, **(options or {}))
    except ImportError as error:
        raise DataError(f"{uri!r} cannot be opened: {error}") from error
    return arrow_fs.PyFileSystem(arrow_fs.FSSpecHandler(inner)), path


def _within(fs: arrow_fs.FileSystem, directory: str) -> list[arrow_fs.FileInfo]:
    """Return the data files of a directory, or all its files where no name is a data file's."""
    found = fs.get_file_info(arrow_fs.FileSelector(directory, recursive=True, allow_not_found=True))
    visible = [i for i in found if is_visible(i.path[len(directory) :])]
    named = [i for i in visible if _format_by_name(i.path)]
    _check_regular(named)
    infos = [i for i in visible if i.type is arrow_fs.FileType.File]
    if isinstance(fs, arrow_fs.LocalFileSystem):
        warn_of_broken(directory, lambda path: is_visible(path[len(directory) :]) and _like_data(path))
    known = infos if named == visible else [i for i in infos if _format_by_name(i.path)]
    if known and len(known) < len(infos):
        left = [i.path[len(directory) :].strip("/") for i in infos if not _format_by_name(i.path)]
        some = ", ".join(map(repr, left[:3])) + (", …" if len(left) > 3 else "")
        warnings.warn(
            f"{len(left)} of {counted(len(infos), 'file')} of {directory!r} {'is' if len(left) == 1 else 'are'} "
            f"left out, since names of data files end otherwise: {some}; name a file to read it",
            DataWarning,
            stacklevel=2,
        )
    return known or infos


def _match(fs: arrow_fs.FileSystem, path: str) -> list[arrow_fs.FileInfo]:
    """Return the files of a glob; where it names directories alone, the data files in them."""
    base, wild = split_wild(path)
    if not wild:
        return []
    pattern = re.compile(glob_pattern(path))
    top, deep = base.rstrip("/") or "/", "/" in wild or "**" in wild
    selector = arrow_fs.FileSelector(top, recursive=deep, allow_not_found=True)
    if isinstance(fs, arrow_fs.LocalFileSystem):
        warn_of_broken(
            top, lambda p: bool(pattern.fullmatch(p)) and is_visible(p.rsplit("/", 1)[-1]), deep=deep
        )
    named = (i for i in fs.get_file_info(selector) if pattern.fullmatch(i.path))
    written = {part for part in wild.split("/") if not is_visible(part)}
    infos = [i for i in named if is_visible(i.path[len(top) :], but=written)]
    _check_regular(infos)
    files = [i for i in infos if i.type is arrow_fs.FileType.File]
    return files or [file for directory in infos for file in _within(fs, directory.path)]


def is_visible(relative: str, but: Collection[str] = ()) -> bool:
    """Return whether no part of a path begins with ``_`` or ``.``, but for those that are asked for by name.

    Examples
    --------
    >>> is_visible("2024/a.csv"), is_visible(".ipynb_checkpoints/a.csv"), is_visible("_old/a.csv", but={"_old"})
    (True, False, True)
    """
    if not relative.startswith(("_", ".")) and "/_" not in relative and "/." not in relative:
        return True
    parts = (part for part in relative.split("/") if part and "=" not in part)
    return not any(part.startswith(("_", ".")) for part in parts if part not in but)


def _like_data(path: str) -> bool:
    """Return whether a name is that of a data file, or of a directory that may hold some."""
    return _format_by_name(path) is not None or not PurePosixPath(path).suffix


def is_data_name(path: str) -> bool:
    """Return whether a name ends as that of a data file.

    Examples
    --------
    >>> is_data_name("a/b.csv.gz"), is_data_name("notes.txt")
    (True, False)
    """
    return _format_by_name(path) is not None


def _format_by_name(path: str) -> str | None:
    name = path.rsplit("/", 1)[-1].lower()
    ending = _suffix(name)
    if ending in _COMPRESSED and _ENDINGS.get(_suffix(name[: -len(ending)])) == CSV:
        return CSV
    return _ENDINGS.get(ending)


def _suffix(name: str) -> str:
    """Return the ending of a name with its dot; a name that only begins with one has none."""
    stem, dot, ending = name.rpartition(".")
    return dot + ending if stem and ending else ""


def _partition_value(text: str) -> str | None:
    return None if text == "__HIVE_DEFAULT_PARTITION__" else unquote(text)


def _stamp(fs: arrow_fs.FileSystem, info: arrow_fs.FileInfo) -> str:
    handler = getattr(fs, "handler", None)
    if handler is None:
        return str(info.mtime_ns)
    handler.fs.invalidate_cache(info.path)
    details = handler.fs.info(info.path)
    return next((str(details[key]) for key in _ETAGS if details.get(key)), "")


def _nothing_found(fs: arrow_fs.FileSystem, path: str, item: str) -> str:
    base, wild = split_wild(path)
    bucket = path.partition("/")[0]
    if type(fs).__name__ in _BUCKETS and fs.get_file_info(bucket).type is arrow_fs.FileType.NotFound:
        return f"{item!r} does not exist: there is no bucket {bucket!r}; check its name, and the endpoint"
    if not wild and isinstance(fs, arrow_fs.LocalFileSystem) and Path(path).is_symlink():
        target = str(Path(path).readlink())
        return f"{item!r} is a symbolic link to {target!r}, which leads nowhere; repair it, or name the file itself"
    if not wild and fs.get_file_info(path).type is arrow_fs.FileType.Directory:
        return f"directory {item!r} holds no data file; expected .parquet, .csv, .csv.gz, .arrow or .feather"
    parent, name = _existing_parent(fs, base.rstrip("/") if wild else path)
    entries = _names(fs, parent)
    alike = [entry for entry in entries if name and get_close_matches(_stem(name), [_stem(entry)], n=1, cutoff=0.6)]
    near = get_close_matches(name, alike, n=1, cutoff=0.0)
    what = f"no file matches {item!r}" if wild else f"{item!r} does not exist"
    if near:
        return f"{what}; did you mean {f'{parent}/{near[0]}'!r}?"
    listed = ", ".join(entries[:8]) or "nothing"
    return f"{what}; {parent!r} holds {listed}"


def _stem(name: str) -> str:
    """Return a name without its endings, which most names of a directory share."""
    return name[:1] + name[1:].partition(".")[0]


def _existing_parent(fs: arrow_fs.FileSystem, path: str) -> tuple[str, str]:
    """Return the nearest directory above ``path`` that exists, and the first name that is missing in it."""
    name = ""
    while path and fs.get_file_info(path).type is arrow_fs.FileType.NotFound and "/" in path.rstrip("/"):
        path, name = path.rstrip("/").rsplit("/", 1)
    return path or "/", name


def _names(fs: arrow_fs.FileSystem, parent: str) -> list[str]:
    infos: Iterable[arrow_fs.FileInfo] = fs.get_file_info(arrow_fs.FileSelector(parent, allow_not_found=True))
    return sorted(info.path.rsplit("/", 1)[-1] for info in infos)
