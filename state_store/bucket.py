"""A bucket: named bytes at a service, each request bounded, repeated where that helps, and answered in words."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from state_store.address import Address
from state_store.backend import Bytes
from state_store.errors import StoreError, StoreLocationError, StoreReadError, StoreWriteError
from state_store.requests import has_no_bucket, insisting, is_conflict, is_passing, request_error

if TYPE_CHECKING:
    from types import ModuleType

    from obstore import GetOptions, ObjectMeta
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

T = TypeVar("T")

RETRIES: RetryConfig = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
}
TIMES: ClientConfig = {
    "connect_timeout": timedelta(seconds=5),
    "read_timeout": timedelta(seconds=30),
    "timeout": timedelta(minutes=10),
}
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Listed:
    """What a bucket says of a name: size, time of its last change in seconds since the epoch, and its tag."""

    bytes: int
    modified: float
    tag: str


@dataclass(frozen=True, slots=True)
class Found(Listed):
    """What was read of a name: the bytes, and what the bucket says of it; ``bytes`` counts all of them."""

    data: bytearray


class Unchanged(Exception):
    """What is held of a name is what the bucket holds."""


@dataclass(frozen=True)
class Bucket:
    """Named bytes under a prefix of a bucket; every write is seen whole or not at all.

    Attributes
    ----------
    address : where it is.
    client : of obstore; None for that of the address, which is made when it is first used.

    Examples
    --------
    >>> from obstore.store import MemoryStore
    >>> bucket = Bucket(Address("s3", "team"), MemoryStore())
    >>> first = bucket.create("a", b"1")
    >>> bucket.create("a", b"2"), bucket.get("a").data, bucket.replace("a", b"3", "of others")
    (None, bytearray(b'1'), None)
    """

    address: Address
    client: ObjectStore | None = field(default=None, repr=False, compare=False)

    def get(self, name: str, limit: int | None = None, held: str = "") -> Found | None:
        """Return the bytes (the first ``limit``), None if there are none; raises Unchanged for the tag ``held``."""
        asked = {"if_none_match": held} if held else {}

        def read(more: GetOptions) -> Found:
            got = obstore().get(self._client, name, options={**asked, **more})
            data, about = bytearray(got.bytes()), _listed(got.meta)
            wanted = about.bytes if "range" not in more else min(about.bytes, limit or 0)
            if len(data) != wanted:
                raise _Short(f"{len(data)} of {wanted} bytes came")
            return Found(about.bytes, about.modified, about.tag, data)

        def ranged() -> Found:
            if limit is None:
                return read({})
            try:
                return read({"range": (0, limit)})
            except obstore().exceptions.GenericError:
                about = _listed(obstore().head(self._client, name))
                if about.bytes:
                    raise
                return Found(0, about.modified, about.tag, bytearray())  # there is no range of an empty one

        return self._asked(f"read {name} of", StoreReadError, ranged)

    def head(self, name: str) -> Listed | None:
        """Return what the bucket says of a name, None if there is no such name."""
        head = partial(obstore().head, self._client, name)
        return self._asked(f"ask for {name} of", StoreReadError, lambda: _listed(head()))

    def list(self, folder: str) -> Iterator[tuple[str, Listed]]:
        """Yield every name below ``folder``, in the order of its parts."""

        def listed() -> list[tuple[str, Listed]]:
            chunks = obstore().list(self._client, folder)
            return [(meta["path"], _listed(meta)) for chunk in chunks for meta in chunk]

        found = self._asked(f"list {folder} of", StoreReadError, listed) or []
        yield from sorted(found, key=lambda item: item[0].split("/"))

    def put(self, name: str, data: Bytes) -> str:
        """Put the bytes under the name, whatever was there; return their tag."""
        made = self._write(name, data, "overwrite")
        return "" if made is None else made

    def create(self, name: str, data: Bytes) -> str | None:
        """Put the bytes under a name that is not there, and return their tag; None if it was there."""
        return self._write(name, data, "create")

    def replace(self, name: str, data: Bytes, tag: str) -> str | None:
        """Put the bytes in the place of those with that tag, and return theirs; None if it holds others."""
        return self._write(name, data, {"e_tag": tag})

    def delete(self, name: str) -> None:
        """Remove the name, if it is there."""
        self._asked(f"delete {name} of", StoreWriteError, lambda: obstore().delete(self._client, name))

    def _write(self, name: str, data: Bytes, mode: str | dict[str, str]) -> str | None:
        again = False

        def write() -> str | None:
            nonlocal again
            tried, again = again, True
            try:
                made = obstore().put(self._client, name, memoryview(data), mode=mode, use_multipart=False)
            except (obstore().exceptions.AlreadyExistsError, obstore().exceptions.PreconditionError) as error:
                if is_conflict(error):
                    raise
                # an earlier try may have come through without its answer
                mine = (tried or "retries, max" in str(error)) and (found := self.get(name)) is not None
                return found.tag if mine and found is not None and found.data == data else None
            return made["e_tag"] or ""

        return self._asked(f"write {name} to", StoreWriteError, write)

    def _asked(self, doing: str, kind: type[StoreError], work: Callable[[], T]) -> T | None:
        """Return what a request gives, None where there is no such name."""
        try:
            return insisting(work, passing=_is_passing)
        except FileNotFoundError as error:
            if has_no_bucket(error):
                raise request_error(StoreLocationError, doing, self.address, error) from None
            return None
        except obstore().exceptions.NotModifiedError as error:
            raise Unchanged from error
        except (obstore().exceptions.BaseError, _Short, OSError, ValueError) as error:
            raise request_error(kind, doing, self.address, error) from None

    @property
    def _client(self) -> ObjectStore:
        return client_of(self.address) if self.client is None else self.client


class _Short(Exception):
    """Fewer bytes came than were announced."""


def _is_passing(error: BaseException) -> bool:
    errors = obstore().exceptions
    if isinstance(error, (errors.AlreadyExistsError, errors.PreconditionError)):
        return is_conflict(error)
    return isinstance(error, (_Short, errors.GenericError)) and is_passing(error)


def _listed(meta: ObjectMeta) -> Listed:
    return Listed(meta["size"], meta["last_modified"].timestamp(), meta["e_tag"] or meta["version"] or "")


def obstore() -> ModuleType:
    """Return the library that speaks to buckets, which is an extra.

    Raises
    ------
    StoreLocationError
        If it is not installed.
    """
    try:
        return import_module("obstore")
    except ImportError as error:
        raise StoreLocationError("Stores in buckets need obstore: pip install 'onepass-hpo[cloud]'") from error


_clients: dict[tuple[int, str, tuple[str | None, ...]], ObjectStore] = {}
_making = threading.Lock()


def client_of(address: Address) -> ObjectStore:
    """Return the client of a place, one for each process; its credentials are the environment's own."""
    endpoints = tuple(os.environ.get(name) for name in ENDPOINTS)
    key = os.getpid(), str(address), endpoints
    with _making:
        if key not in _clients:
            _clients[key] = _made(address, endpoints)
        return _clients[key]


def _made(address: Address, endpoints: tuple[str | None, ...]) -> ObjectStore:
    plain = any(endpoint and endpoint.startswith("http://") for endpoint in endpoints)
    options = {**TIMES, **({"allow_http": True} if plain else {})}
    given: dict[str, str] = {}
    if address.scheme == "s3" and endpoints[0]:
        given["endpoint"] = endpoints[0]
    obstore()
    make = import_module("obstore.store").from_url
    try:
        client: ObjectStore = make(str(address), client_options=options, retry_config=RETRIES, **given)
    except Exception as error:
        raise StoreLocationError(
            f"{address} cannot be opened: {address.service} needs more to be known; set {address.variables}."
        ) from error
    return client
