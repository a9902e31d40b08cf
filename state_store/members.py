"""The members of an export, read as if a stranger had made it."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from state_store.blob import Blob, decode_blob
from state_store.errors import (
    UPGRADE,
    DamagedArchive,
    DamagedBlob,
    StoreError,
    StoreVersionError,
)
from state_store.files import open_regular
from state_store.names import is_blob_name

FORMAT = 2
ABOUT = "archive.json"
UNREADABLE = (
    zipfile.BadZipFile,
    ValueError,
    EOFError,
    OSError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    struct.error,
)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an export; whatever goes wrong with reading it inside the block is a DamagedArchive."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except StoreError:
        raise
    except FileNotFoundError as error:
        raise DamagedArchive(f"There is no file {path}.") from error
    except OSError as error:
        raise DamagedArchive(f"{path} cannot be read: {error.strerror or error}.") from error
    except UNREADABLE as error:
        raise DamagedArchive(f"{path} is truncated, altered, or no export of states: {error}") from error


def checked_members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """Return the blobs' members, after names, sizes and format were checked; documents first."""
    members, limit = archive.infolist(), path.stat().st_size
    names = [member.filename for member in members]
    if len(set(names)) != len(names) or names.count(ABOUT) != 1:
        raise DamagedArchive(f"{path} holds a name twice, or is not an export of states: it has no {ABOUT}.")
    if sum(member.file_size for member in members) > limit:
        raise DamagedArchive(f"{path} claims to hold more than its own {limit} bytes.")
    for member in members:
        _check_member(member)
    blobs = sorted((m for m in members if m.filename != ABOUT), key=lambda m: m.filename)
    if _listed(archive.read(ABOUT), path) != {member.filename: member.file_size for member in blobs}:
        raise DamagedArchive(f"{path} does not hold the blobs that its {ABOUT} lists.")
    return blobs


def _check_member(member: zipfile.ZipInfo) -> None:
    stored = member.compress_type == zipfile.ZIP_STORED and member.file_size == member.compress_size
    if not stored or member.flag_bits & 1:
        raise DamagedArchive(f"{member.filename!r} is compressed or encrypted; no member of an export is.")
    if member.filename == ABOUT:
        return
    if not is_blob_name(member.orig_filename):
        raise DamagedArchive(f"{member.orig_filename!r} is not a name of a state; nothing was imported.")


def _listed(data: bytes, path: Path) -> Any:
    """Return the names and sizes that the export lists, once its format is known to be one of ours."""
    about = json.loads(data)
    version = about.get("format") if isinstance(about, dict) else None
    if type(version) is not int or version < 1:
        raise DamagedArchive(f"{path} is not an export of states: its {ABOUT} has no format.")
    if version > FORMAT:
        raise StoreVersionError(
            f"{path} has format {version}; this version of onepass-hpo reads up to {FORMAT}. {UPGRADE}"
        )
    return about.get("blobs")


def verified(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[bytes, Blob]:
    """Return a member's bytes and the blob in them, once both are known to be whole."""
    data = archive.read(member)
    try:
        return data, decode_blob(data, member.filename)
    except DamagedBlob as error:
        raise DamagedArchive(f"{member.filename} is damaged: {error}; nothing was imported.") from error
