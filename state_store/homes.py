"""Paths that begin with a home."""

from __future__ import annotations

import os


def at_home(path: str | os.PathLike[str]) -> str:
    """Return a path whose ``~`` at the beginning is a home; where nobody has that name it is part of the name.

    Examples
    --------
    >>> at_home("~nobody.csv")
    '~nobody.csv'
    """
    return os.path.expanduser(path)  # noqa: PTH111 -- that of pathlib raises where there is no such user
