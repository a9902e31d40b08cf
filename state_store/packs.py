"""Packs: the leaves of several neighbouring segments in one blob, each of them still a leaf of its own.

Small segments have small leaves, and a file, a lock and two waits for the disk cost more than they hold. A pack
is written once and atomically, like any blob; its name is the digest of its segments. The arrays that its leaves
have at one path are stored as one: stacked where their shapes are equal (``*path``), concatenated where they
differ in their rows alone (``+path``, with the number of rows of each), else stacked with zeros beside them
(``#path``, with the shape of each): what zeros take is a bit. The header lists the segments, so that what a pack
holds is known without reading it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from state_store.blob import Blob, encode_blob
from state_store.codec import Arrays, Scalars, Values, flatten, restore
from state_store.errors import DamagedBlob, UnstorableValue
from state_store.key import PACKS, check_digest, digest

T = TypeVar("T")

STACKED, JOINED, PADDED = "*", "+", "#"
SEGMENTS, COMMON, OWN, ROWS = "segments", "common", "own", "rows"


@dataclass(frozen=True)
class Member:
    """A leaf that is put into a pack: its segment, its state, and what is said of it."""

    segment: str
    state: object
    about: Mapping[str, object]


def pack_name(context: str, segments: Sequence[str]) -> str:
    """Return the name of the pack of some segments.

    Examples
    --------
    >>> pack_name("ab" * 20, ["cd" * 20])
    'packs/abababababababababababababababababababab/48f9a8890a9d87f4617bccacc5dc8f51e08a6b1f'
    """
    check_digest("context", context)
    for segment in segments:
        check_digest("segment", segment)
    return f"{PACKS}/{context}/{digest(list(segments))}"


def encode_pack(context: str, members: Sequence[Member]) -> tuple[str, bytes]:
    """Return the name and the bytes of a pack.

    Raises
    ------
    UnstorableValue
        If the states are not of one layout, or hold something else than arrays and scalars.
    """
    segments = [member.segment for member in members]
    name = pack_name(context, segments)
    flat = [flatten(member.state) for member in members]
    if len({(tuple(arrays), tuple(scalars)) for arrays, scalars in flat}) > 1:
        raise UnstorableValue("the states of one pack must be of one layout")
    stored: Arrays = {}
    rows: dict[str, list[int] | list[list[int]]] = {}
    for path, first in flat[0][0].items():
        parts = [arrays[path] for arrays, _ in flat]
        if any(part.dtype != first.dtype or part.ndim != first.ndim for part in parts):
            raise UnstorableValue(f"{path!r} is not of one type in all states of a pack")
        if all(part.shape == first.shape for part in parts):
            stored[STACKED + path] = np.stack(parts)
        elif all(part.shape[1:] == first.shape[1:] for part in parts):
            rows[path] = [len(part) for part in parts]
            stored[JOINED + path] = np.concatenate(parts)
        else:
            rows[path] = [list(part.shape) for part in parts]
            stored[PADDED + path] = _padded(parts)
    common = {k: v for k, v in members[0].about.items() if all(m.about.get(k, m) == v for m in members)}
    own = [{k: v for k, v in member.about.items() if k not in common} for member in members]
    about = {SEGMENTS: segments, COMMON: common, OWN: own, ROWS: rows}
    scalars = {path: [values[path] for _, values in flat] for path in flat[0][1]}
    return name, encode_blob(stored, about, scalars=scalars, name=name)


def members_of(about: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is said of each leaf in a pack, by its segment. Raises DamagedBlob."""
    try:
        pairs = zip(about[SEGMENTS], about[OWN], strict=True)
        return {str(segment): {**about[COMMON], **own} for segment, own in pairs}
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedBlob(f"its list of segments cannot be read: {error}") from error


def restore_members(blob: Blob, segments: Sequence[str], like: T) -> dict[str, T]:
    """Return the states of some segments of a pack, by the template ``like``. Raises DamagedBlob."""
    places = {segment: place for place, segment in enumerate(members_of(blob.about))}
    try:
        names = {name[1:] for name in blob.arrays if name.startswith(JOINED)}
        joined = {path: np.cumsum([0, *blob.about[ROWS][path]]) for path in names}
        return {s: restore(*_member(blob, places[s], joined), like) for s in segments}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DamagedBlob(f"its leaves cannot be read: {error}") from error


def without(blob: Blob, context: str, segments: Collection[str]) -> tuple[str, bytes] | None:
    """Return the name and the bytes of a pack without some of its leaves; None where no other is in it.

    Raises
    ------
    DamagedBlob
        Its leaves cannot be separated.
    """
    there = list(members_of(blob.about))
    places = [place for place, segment in enumerate(there) if segment not in segments]
    if not places:
        return None
    try:
        stored: Arrays = {}
        for name, array in blob.arrays.items():
            if not name.startswith(JOINED):
                stored[name] = array[places]
            else:
                ends = np.cumsum([0, *blob.about[ROWS][name[1:]]])
                stored[name] = np.concatenate([array[ends[place] : ends[place + 1]] for place in places])
        about = {
            SEGMENTS: [there[place] for place in places],
            COMMON: blob.about[COMMON],
            OWN: [blob.about[OWN][place] for place in places],
            ROWS: {path: [rows[place] for place in places] for path, rows in blob.about[ROWS].items()},
        }
        values = {path: [found[place] for place in places] for path, found in blob.scalars.items()}  # type: ignore[index]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DamagedBlob(f"its leaves cannot be read: {error}") from error
    name = pack_name(context, about[SEGMENTS])
    return name, encode_blob(stored, about, scalars=values, name=name)


def _padded(parts: Sequence[Values]) -> Values:
    """Return arrays of different sizes in one of the largest, with zeros where others have nothing."""
    made = np.zeros((len(parts), *np.max([part.shape for part in parts], axis=0)), parts[0].dtype)
    for whole, part in zip(made, parts, strict=True):
        whole[tuple(map(slice, part.shape))] = part
    return made


def _member(blob: Blob, place: int, joined: Mapping[str, Any]) -> tuple[Arrays, Scalars]:
    """Return the arrays and scalars of one leaf."""
    arrays: Arrays = {}
    for name, array in blob.arrays.items():
        path = name[1:]
        if name.startswith(STACKED):
            arrays[path] = array[place, ...]
        elif name.startswith(JOINED):
            arrays[path] = array[joined[path][place] : joined[path][place + 1]]
        else:
            shape = blob.about[ROWS][path][place]
            arrays[path] = np.ascontiguousarray(array[place][tuple(map(slice, shape))])
    scalars: Scalars = {path: values[place] for path, values in blob.scalars.items()}  # type: ignore[index]
    return arrays, scalars
