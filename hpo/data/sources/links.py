"""Symbolic links that lead nowhere: Arrow leaves them out of its listings without a word."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from hpo.errors import DataWarning

MOST_NAMED = 3


def warn_of_broken(directory: str, wanted: Callable[[str], bool], *, deep: bool = True) -> None:
    """Warn of the links to nothing in a local directory, by name.

    Parameters
    ----------
    directory : where they are looked for.
    wanted : whether a path would have been data, had it led somewhere.
    deep : whether directories in it are looked through, too; links to directories are not followed.
    """
    broken = sorted(path for path in broken_links(directory, deep=deep) if wanted(path))
    if not broken:
        return
    named = ", ".join(f"{path!r} (to {str(Path(path).readlink())!r})" for path in broken[:MOST_NAMED])
    more = f" and {len(broken) - MOST_NAMED:,} more" if len(broken) > MOST_NAMED else ""
    what = "a symbolic link leads" if len(broken) == 1 else f"{len(broken):,} symbolic links lead"
    warnings.warn(
        f"{what} nowhere: {named}{more}; the data is read without; repair or remove what is broken",
        DataWarning,
        stacklevel=2,
    )


def broken_links(directory: str, *, deep: bool = True) -> Iterator[str]:
    """Yield the links in a local directory that lead nowhere, or in a circle.

    Examples
    --------
    >>> Path("a.csv").symlink_to("nothing")
    >>> list(broken_links("."))
    ['./a.csv']
    """
    waiting = [directory]
    while waiting:
        for entry in _entries(waiting.pop()):
            if entry.is_symlink():
                if _leads_nowhere(entry):
                    yield entry.path
            elif deep and entry.is_dir():
                waiting.append(entry.path)


def _leads_nowhere(link: os.DirEntry[str]) -> bool:
    try:
        link.stat()
    except OSError:
        return True
    return False


def _entries(directory: str) -> list[os.DirEntry[str]]:
    """Return what is in a directory; nothing where it may not be looked into."""
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []
