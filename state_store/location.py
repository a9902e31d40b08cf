"""Where a store is: from what a person writes to a directory that is known to be a store."""

from __future__ import annotations

import json
import os
from pathlib import Path

from state_store.backend import Bytes
from state_store.errors import UPGRADE, StoreLocationError, StoreVersionError
from state_store.files import make_folder, write_error
from state_store.local import LocalBackend

FORMAT = 1
ABOUT = "store.json"


def open_location(location: str | os.PathLike[str]) -> LocalBackend:
    """Return the backend of a location, made a store if it was none.

    Raises
    ------
    StoreLocationError
        If it is a file, an address of another kind, or its ``store.json`` is damaged.
    StoreVersionError
        If a newer version wrote it.
    StoreWriteError
        If the directory cannot be made.

    Examples
    --------
    >>> open_location("s3://bucket/states")
    Traceback (most recent call last):
    ...
    state_store.errors.StoreLocationError: 's3://bucket/states' is not a local directory...
    """
    root = _directory(location)
    try:
        make_folder(root)
    except OSError as error:
        raise write_error(root, error) from error
    backend = LocalBackend(root)
    data = backend.read(ABOUT)
    if data is None:
        backend.write(ABOUT, json.dumps({"format": FORMAT}).encode())
    else:
        _check_format(root, data)
    return backend


def _directory(location: str | os.PathLike[str]) -> Path:
    text = os.fspath(location).removeprefix("file://")
    if "://" in text:
        raise StoreLocationError(
            f"{text!r} is not a local directory: a store is kept in one, such as a mounted bucket or share."
        )
    if not text.strip():
        raise StoreLocationError(
            f"{text!r} is an empty path; give the store's directory, or '.' for this one."
        )
    root = Path(text).expanduser().absolute()
    if root.exists() and not root.is_dir():
        raise StoreLocationError(f"{root} is a file: a store is a directory; give another path.")
    return root


def _check_format(root: Path, data: Bytes) -> None:
    try:
        version = json.loads(data)["format"]
    except (ValueError, TypeError, KeyError):
        version = None
    if type(version) is not int or version < 1:
        raise StoreLocationError(
            f"{root / ABOUT} is damaged. If this directory is a state store, write "
            f'{{"format": {FORMAT}}} into that file; otherwise choose another directory.'
        )
    if version > FORMAT:
        raise StoreVersionError(
            f"The store {root} has format {version}; this version of onepass-hpo reads up to {FORMAT}. "
            f"{UPGRADE}, or choose another store."
        )
