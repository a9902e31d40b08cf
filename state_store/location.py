"""Where a store is: from what a person writes to a directory, or a prefix of a bucket, known to be a store."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from platformdirs import user_cache_path

from state_store.address import is_address, parse_address
from state_store.backend import Backend, Bytes
from state_store.bucket import Bucket, client_of
from state_store.cache import Cache
from state_store.errors import UPGRADE, StoreLocationError, StoreVersionError
from state_store.files import make_folder, write_error
from state_store.homes import at_home
from state_store.key import digest
from state_store.local import LocalBackend
from state_store.remote import RemoteBackend

Location: TypeAlias = str | os.PathLike[str]
"""A directory, or an address."""

FORMAT = 1
LIES = (
    "more than one of several writers that create one name at the same time succeeds ({twice}), so states could be "
    "computed twice or lost; use a service with conditional writes (If-None-Match)"
)
ABOUT = "store.json"


def open_location(location: Location, cache: Location | None = None) -> Backend:
    """Return the backend of a location, made a store if it was none.

    Parameters
    ----------
    location : a directory, or ``s3://bucket/prefix``, ``gs://…``, ``az://…``.
    cache : directory for copies of what a bucket holds; None for the user's cache directory.

    Raises
    ------
    StoreLocationError
        If it is a file, an address of another kind, a bucket that is not there, or its ``store.json`` is damaged.
    StoreVersionError
        If a newer version wrote it.
    StoreReadError, StoreWriteError
        If the directory cannot be made, or the bucket not be asked.

    Examples
    --------
    >>> open_location("ftp://host/states")
    Traceback (most recent call last):
    ...
    state_store.errors.StoreLocationError: 'ftp://…' is not an address of a store: give a directory, ...
    """
    backend = place_of(location, cache)
    data, new = backend.read(ABOUT), json.dumps({"format": FORMAT}).encode()
    if data is None and backend.create(ABOUT, new):
        if backend.create(ABOUT, new):
            raise StoreLocationError(f"{backend.place} cannot hold a store: {LIES.format(twice='both')}.")
    elif data is None:
        data = backend.read(ABOUT)
    if data is not None:
        _check_format(backend.place, data)
    return backend


def is_store(location: Location, cache: Location | None = None) -> bool:
    """Return whether a location is a store already; nothing is made.

    Examples
    --------
    >>> is_store("/nowhere")
    False
    """
    text = os.fspath(location)
    if not is_address(text):
        return (Path(at_home(text.removeprefix("file://"))) / ABOUT).is_file()
    return _remote(text, cache).read(ABOUT) is not None


def place_of(location: Location, cache: Location | None = None) -> Backend:
    """Return the backend of a location, whether it is a store or none; as :func:`open_location`.

    Examples
    --------
    >>> place_of(".").at_once
    1
    """
    text = os.fspath(location)
    if is_address(text):
        return _remote(text, cache)
    root = _directory(text)
    try:
        make_folder(root)
    except OSError as error:
        raise write_error(root, error) from error
    return LocalBackend(root)


def _remote(text: str, cache: Location | None) -> Backend:
    address = parse_address(text)
    client_of(address)
    home = user_cache_path("onepass-hpo") if cache is None else Path(at_home(cache))
    root = home / f"{address.bucket}-{digest(str(address))[:16]}"
    with suppress(OSError):
        make_folder(root)
    return RemoteBackend(Bucket(address), Cache(root))


def _directory(location: str) -> Path:
    text = location.removeprefix("file://")
    if not text.strip():
        raise StoreLocationError(
            f"{text!r} is an empty path; give the store's directory, or '.' for this one."
        )
    root = Path(at_home(text)).absolute()
    if root.exists() and not root.is_dir():
        raise StoreLocationError(f"{root} is a file: a store is a directory; give another path.")
    return root


def _check_format(place: Path | str, data: Bytes) -> None:
    try:
        version = json.loads(data)["format"]
    except (ValueError, TypeError, KeyError):
        version = None
    if type(version) is not int or version < 1:
        raise StoreLocationError(
            f"{place}/{ABOUT} is damaged. If this is a state store, write "
            f'{{"format": {FORMAT}}} into that file; otherwise choose another place.'
        )
    if version > FORMAT:
        raise StoreVersionError(
            f"The store {place} has format {version}; this version of onepass-hpo reads up to {FORMAT}. "
            f"{UPGRADE}, or choose another store."
        )
