"""Names by content: the digest of a value, and the key under which a leaf is kept."""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from state_store.errors import InvalidName, UnstorableValue

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

HEX = re.compile(r"[0-9a-f]{16,64}")
AS_THEY_ARE = frozenset({str, int, bool, type(None)})
LEAVES, PACKS = "leaves", "packs"


def digest(value: object) -> str:
    """Forty hex digits that name a value: blake2b (20 bytes) of its canonical JSON.

    Equal values have equal digests on every machine and in every process. Dataclasses count with the
    name of their class, so two classes with the same fields differ; tuples and lists are alike; the
    integer 1 and the float 1.0 are different values.

    Parameters
    ----------
    value : None, bool, int, finite float, str, numpy scalar, dataclass, list, tuple, or mapping with
        string keys, nested in any way.

    Raises
    ------
    UnstorableValue
        For anything else, naming where it stands in the value.

    Examples
    --------
    >>> digest({"b": 1, "a": (0.1, None)}) == digest({"a": [0.1, None], "b": 1})
    True
    >>> digest([1.5])
    'b8b5fe81788a2f043bafa668058e0e762f282f0a'
    """
    return blake2b(canonical_json(value).encode("ascii"), digest_size=20).hexdigest()


def digests(first: Sequence[object], rest: Iterable[Sequence[object]]) -> list[str]:
    """Return the digest of ``[*first, *one]`` for each of many lists of plain JSON values, quickly.

    Examples
    --------
    >>> digests(["a"], [[1, "b"], [2, ["c"]]]) == [digest(["a", 1, "b"]), digest(["a", 2, ["c"]])]
    True
    """
    encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
    begin = canonical_json(list(first))[:-1] + ("," if first else "")
    return [blake2b((begin + encode(one)[1:]).encode("ascii"), digest_size=20).hexdigest() for one in rest]


def canonical_json(value: object) -> str:
    r"""One text for one value: keys sorted, no spaces, ASCII, floats by their exact shortest ``repr``.

    Examples
    --------
    >>> canonical_json({"b": 0.1, "a": ["é", True]})
    '{"a":["\\u00e9",true],"b":0.1}'
    """
    return json.dumps(_plain(value, "value"), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: object, where: str) -> object:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, list | tuple):
        return [
            item if type(item) in AS_THEY_ARE else _plain(item, f"{where}[{i}]") for i, item in enumerate(value)
        ]
    if isinstance(value, Mapping):
        return {
            _text(key, where): item if type(item) in AS_THEY_ARE else _plain(item, f"{where}[{key!r}]")
            for key, item in value.items()
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value, where)
    return _number(value, where)


def _fields(value: DataclassInstance, where: str) -> dict[str, object]:
    kind = type(value)
    plain = {f.name: _plain(getattr(value, f.name), f"{where}.{f.name}") for f in dataclasses.fields(value)}
    return {"": f"{kind.__module__}.{kind.__qualname__}", **plain}


def _text(key: object, where: str) -> str:
    if isinstance(key, str):
        return key
    raise UnstorableValue(f"{where} has the key {key!r}: only strings can be keys; write str(key) yourself.")


def _number(value: object, where: str) -> int | float | bool:
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        if math.isfinite(value):
            return float(value)
        raise UnstorableValue(f"{where} is {value!r}: only finite numbers can be part of a digest.")
    plain = value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else None
    if isinstance(plain, bool):  # numpy's own bool is not a number
        return plain
    raise UnstorableValue(
        f"{where} is a {type(value).__module__}.{type(value).__qualname__}: only numbers, strings, None, "
        "dataclasses, lists, tuples and mappings with string keys have a digest."
    )


@dataclass(frozen=True, order=True, slots=True)
class Key:
    """Where a leaf is kept: the digest of what was computed (context), and of the data it saw (segment).

    Attributes
    ----------
    context : digest of everything but the data: summary, encoder, pilot, fold scheme.
    segment : fingerprint of the segment.

    Raises
    ------
    InvalidName
        If either is not 16 to 64 lower-case hex digits, so that no name leads outside the store.

    Examples
    --------
    >>> key = Key(context="00ff" * 10, segment="beef" * 8)
    >>> key.name
    'leaves/00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff/beefbeefbeefbeefbeefbeefbeefbeef'
    >>> Key.parse(key.name) == key
    True
    """

    context: str
    segment: str

    def __post_init__(self) -> None:
        check_digest("context", self.context)
        check_digest("segment", self.segment)

    @property
    def name(self) -> str:
        """Name of the blob within the store."""
        return f"{LEAVES}/{self.context}/{self.segment}"

    @classmethod
    def parse(cls, name: str) -> Key:
        """Return the key of a blob's name, the inverse of :attr:`name`."""
        parts = name.split("/")
        if len(parts) != 3 or parts[0] != LEAVES:
            raise InvalidName(f"{name!r} is not the name of a leaf: expected leaves/<context>/<segment>.")
        return cls(parts[1], parts[2])


def check_digest(what: str, text: str) -> None:
    """Refuse anything but 16 to 64 lower-case hex digits.

    Examples
    --------
    >>> check_digest("context", "../../etc/passwd")
    Traceback (most recent call last):
    ...
    state_store.errors.InvalidName: context '../../etc/passwd' is not a digest: expected 16 to 64 hex digits.
    """
    if not isinstance(text, str) or not HEX.fullmatch(text):
        raise InvalidName(f"{what} {text!r} is not a digest: expected 16 to 64 hex digits.")
