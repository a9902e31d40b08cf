"""Whether a file that is to be written would be one of a data set: read by it now, or when it is read again."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from hpo.data.segment import spread
from hpo.data.sources.files import is_data_name, is_visible
from hpo.data.sources.globs import glob_pattern, split_wild
from state_store.homes import at_home

_LOCAL = "file://"

SOME = 64
"""Files, evenly spread, that tell where a relative path began."""


def holder_of(path: str | Path, items: Sequence[str], files: Sequence[str]) -> str | None:
    """Return what of a data set would read a file: one of the paths, directories and globs it is of, or a file.

    Parameters
    ----------
    path : the file that is to be written.
    items : what the data was asked for as; relative ones from wherever that was.
    files : URIs of the files that were found.

    Examples
    --------
    >>> holder_of("/data/new.csv", ["data/*.csv"], ["file:///data/a.csv"])
    'data/*.csv'
    >>> holder_of("/data/new.csv", ["data/a.csv"], ["file:///data/a.csv"]) is None
    True
    """
    known = [uri.removeprefix(_LOCAL) for uri in files if uri.startswith(_LOCAL)]
    targets = {_from_root(path), os.path.realpath(path)}
    if (found := next((name for name in known if _is_same(path, targets, name)), None)) is not None:
        return found
    local = [item for item in items if "://" not in item or item.startswith(_LOCAL)]
    pairs = ((item, whole) for item in local for whole in _whole(item.removeprefix(_LOCAL), known))
    return next((item for item, whole in pairs if any(_holds(whole, t, known) for t in targets)), None)


def _is_same(path: str | Path, targets: Iterable[str], name: str) -> bool:
    """Return whether a file is the one that is written, by name or by whatever link."""
    if name in targets or os.path.realpath(name) in targets:
        return True
    return Path(path).exists() and Path(name).exists() and Path(path).samefile(name)


def _from_root(path: str | Path) -> str:
    return os.path.normpath(Path(at_home(path)).absolute())


def _whole(item: str, known: Sequence[str]) -> Iterator[str]:
    """Yield what a path may be from the root: from here, and from where it has the files that were found."""
    yield _from_root(item)
    if not Path(at_home(item)).is_absolute():
        names = [PurePosixPath(name) for name in spread(known, SOME)]
        places = ((os.path.normpath(above / item), name) for name in names for above in name.parents)
        found = Counter(w for w, name in places if any(_matches(w, str(part)) for part in (name, *name.parents)))
        if found:  # the one that most files lie in, and of several the deepest
            yield max(found, key=lambda whole: (found[whole], len(whole)))


def _holds(whole: str, target: str, known: Sequence[str]) -> bool:
    """Return whether a path, directory or glob from the root would read a file."""
    base, wild = split_wild(whole)
    for start in {base, os.path.realpath(base).rstrip("/") + ("/" if wild else "")}:
        pattern = start + wild
        if _matches(pattern, target):
            return True
        directories = [d for d in map(str, PurePosixPath(target).parents) if _matches(pattern, d)]
        files_alone = bool(wild) and any(_matches(pattern, name) for name in known)
        if directories and not files_alone and _is_read(target[len(directories[-1]) :]):
            return True
    return False


def _is_read(below: str) -> bool:
    return is_visible(below) and is_data_name(below)


def _matches(pattern: str, path: str) -> bool:
    base, wild = split_wild(pattern)
    if not wild:
        return pattern == path
    written = {part for part in wild.split("/") if not is_visible(part)}
    return re.fullmatch(glob_pattern(pattern), path) is not None and is_visible(path[len(base) :], but=written)
