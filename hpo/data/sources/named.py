"""What data is called in the description of a study: the paths of files; of data in memory no more than that."""

from __future__ import annotations

import os

IN_MEMORY = "in memory"


def is_path(item: object) -> bool:
    """Return whether a value is a path, glob or URI."""
    return isinstance(item, str | os.PathLike)


def data_names(data: object) -> str | list[str]:
    """Return the paths of data that is in files, else that it is in memory.

    Examples
    --------
    >>> data_names("a.csv"), data_names(["a.csv", "b.csv"]), data_names([[1.0]])
    ('a.csv', ['a.csv', 'b.csv'], 'in memory')
    """
    if isinstance(data, (str, os.PathLike)):
        return os.fspath(data)
    if isinstance(data, (list, tuple)) and data and all(map(is_path, data)):
        return [os.fspath(item) for item in data]
    return IN_MEMORY
