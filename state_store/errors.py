"""What can go wrong in a state store: one small family, every member a :class:`StoreError`."""

from __future__ import annotations

UPGRADE = "Upgrade with: pip install --upgrade onepass-hpo"


class StoreError(Exception):
    """The base of everything a state store raises."""


class UnstorableValue(StoreError, TypeError):
    """A value that cannot be kept: not arrays and scalars, or not JSON."""


class InvalidName(StoreError, ValueError):
    """A name that could lead outside the store, or that is not a digest."""


class StoreLocationError(StoreError):
    """A place that cannot hold a store: a file, a damaged ``store.json``, an unsupported address."""


class StoreVersionError(StoreError):
    """A store or archive written by a newer version; the message says to upgrade."""


class NewerFormat(StoreVersionError):
    """A whole, undamaged blob in a format that this version cannot read."""


class DamagedBlob(StoreError):
    """A blob that is not what was written: checksum, name, or the layout of its state differs."""


class DamagedArchive(StoreError):
    """An export that is truncated, altered, or was not made by ``export_states``."""


class StoreWriteError(StoreError):
    """A write that failed: disk full, no permission, read-only; names the path and what to do."""


class StoreReadError(StoreError):
    """A file that is there but cannot be read: no permission, a failing disk; says what to do."""


class DamagedStateWarning(UserWarning):
    """A damaged blob was found and set aside; its state will be computed again."""
