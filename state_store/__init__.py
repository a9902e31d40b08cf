"""What has been computed: a store of states under keys, on disk, written atomically.

The store knows no algorithm and no data format: it keeps dataclasses of arrays under digests, notices
every damaged byte, lets many processes share one directory, and never runs what it reads.

Examples
--------
>>> import tempfile, numpy as np
>>> from state_store import Key, StateStore, digest
>>> with tempfile.TemporaryDirectory() as folder:
...     store = StateStore(folder)
...     key = Key(context=digest({"summary": "mean", "version": 1}), segment=digest("first file"))
...     store.put(key, {"total": 1.0}["total"], about={"rows": 3})
...     store.cover(key.context, [key.segment, digest("second file")]).missing == (digest("second file"),)
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from state_store.archive import Exported, Imported, export_states, import_states
    from state_store.backend import Backend, Stat
    from state_store.blob import Blob, decode_blob, encode_blob, stored_bytes
    from state_store.codec import flatten, restore
    from state_store.cover import Cover
    from state_store.entry import Document, Entry
    from state_store.errors import (
        DamagedArchive,
        DamagedBlob,
        DamagedStateWarning,
        InvalidName,
        NewerFormat,
        StoreError,
        StoreLocationError,
        StoreReadError,
        StoreVersionError,
        StoreWriteError,
        UnstorableValue,
    )
    from state_store.gc import Collected
    from state_store.key import Key, digest, digests
    from state_store.local import LocalBackend
    from state_store.location import is_store
    from state_store.packs import Member
    from state_store.store import StateStore
    from state_store.verify import Report

_HOMES = {
    "archive": ("Exported", "Imported", "export_states", "import_states"),
    "backend": ("Backend", "Stat"),
    "blob": ("Blob", "decode_blob", "encode_blob", "stored_bytes"),
    "codec": ("flatten", "restore"),
    "cover": ("Cover",),
    "entry": ("Document", "Entry"),
    "errors": (
        "DamagedArchive",
        "DamagedBlob",
        "DamagedStateWarning",
        "InvalidName",
        "NewerFormat",
        "StoreError",
        "StoreLocationError",
        "StoreReadError",
        "StoreVersionError",
        "StoreWriteError",
        "UnstorableValue",
    ),
    "gc": ("Collected",),
    "key": ("Key", "digest", "digests"),
    "local": ("LocalBackend",),
    "location": ("is_store",),
    "packs": ("Member",),
    "store": ("StateStore",),
    "verify": ("Report",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Backend",
    "Blob",
    "Collected",
    "Cover",
    "DamagedArchive",
    "DamagedBlob",
    "DamagedStateWarning",
    "Document",
    "Entry",
    "Exported",
    "Imported",
    "InvalidName",
    "Key",
    "LocalBackend",
    "Member",
    "NewerFormat",
    "Report",
    "Stat",
    "StateStore",
    "StoreError",
    "StoreLocationError",
    "StoreReadError",
    "StoreVersionError",
    "StoreWriteError",
    "UnstorableValue",
    "decode_blob",
    "digest",
    "digests",
    "encode_blob",
    "export_states",
    "flatten",
    "import_states",
    "is_store",
    "restore",
    "stored_bytes",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that ``import state_store`` costs nothing."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'state_store' has no attribute {name!r}")
    return getattr(import_module(f"state_store.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
