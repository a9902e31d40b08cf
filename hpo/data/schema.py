"""The typed schema of a data set: which columns there are and what kind each is."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final

import pyarrow as pa

from algorithms.brief import briefly
from hpo.errors import DataError

NUMERIC: Final = "numeric"
BOOLEAN: Final = "boolean"
CATEGORICAL: Final = "categorical"
DATE: Final = "date"
TIMESTAMP: Final = "timestamp"
TIME: Final = "time"
DURATION: Final = "duration"

_BYTES = {"bool": 1, "string": 1, "uint8": 1, "int8": 2, "int16": 2, "uint16": 4, "halffloat": 4, "float": 4}
_NARROW = frozenset({"halffloat", "float", "bool", "string"})


@dataclass(frozen=True)
class Field:
    """One column of the data: its name, its kind, its Arrow type, and whether it can hold nulls.

    Attributes
    ----------
    name : column name.
    kind : ``"numeric"``, ``"boolean"``, ``"categorical"``, ``"date"``, ``"timestamp"``, ``"time"`` or
        ``"duration"``.
    dtype : Arrow's name of the type, for example ``"int64"``; every categorical is ``"string"``.
    nullable : False only where the file says that it holds no null; True where that is unknown.

    Examples
    --------
    >>> Field.from_arrow(pa.field("carrier", pa.dictionary(pa.int8(), pa.string())))
    Field(name='carrier', kind='categorical', dtype='string', nullable=True)
    """

    name: str
    kind: str
    dtype: str
    nullable: bool = True

    @classmethod
    def from_arrow(cls, field: pa.Field, nullable: bool = True) -> Field:
        """Return the field of an Arrow field; DataError if the type is not supported."""
        dtype = plain_type(field.type)
        kind = kind_of(dtype)
        if kind is None:
            raise DataError(
                f"column {field.name!r} holds {_without_meaning(field.type)}, which have no numeric meaning here; "
                f"leave it out with drop=[{field.name!r}], or turn it into numbers or text first (a target must)"
            )
        return cls(field.name, kind, str(dtype), nullable)

    @property
    def narrow(self) -> bool:
        """Whether this column may be kept in float32: floats that are no wider, and ones and zeros.

        Integers of any width are computed in float64, as scikit-learn does.
        """
        return self.dtype in _NARROW


@briefly
@dataclass(frozen=True)
class Schema:
    """The fields of a data set, in order.

    Examples
    --------
    >>> schema = Schema.from_arrow(pa.schema([("x", pa.float32()), ("day", pa.date32())]))
    >>> schema.names, schema["day"].kind
    (('x', 'day'), 'date')
    >>> Schema.from_dict(schema.to_dict()) == schema
    True
    """

    fields: tuple[Field, ...]

    @classmethod
    def from_arrow(cls, schema: pa.Schema, nullable: Mapping[str, bool] | None = None) -> Schema:
        """Return the schema of an Arrow schema; ``nullable`` holds what is known of nulls, by column."""
        known = nullable or {}
        return cls(tuple(Field.from_arrow(f, known.get(f.name, True)) for f in schema))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Schema:
        """Return the schema that ``to_dict`` wrote."""
        return cls(tuple(Field(**field) for field in document["fields"]))

    def to_dict(self) -> dict[str, object]:
        """Return the schema as JSON-ready values."""
        return {"fields": [asdict(field) for field in self.fields]}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(self._by_name)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Field:
        if name not in self._by_name:
            raise DataError(unknown_column(name, self.names))
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}


WIDTHS = {CATEGORICAL: 20, TIMESTAMP: 40, DATE: 20}


def guessed_width(fields: Iterable[Field]) -> int:
    """Return how many encoded columns fields may make, a guess before there is a pilot.

    Examples
    --------
    >>> guessed_width([Field("when", DATE, "date32"), Field("x", NUMERIC, "double")])
    21
    """
    return sum(WIDTHS.get(field.kind, 1) for field in fields)


@functools.lru_cache(maxsize=256)
def kind_of(dtype: pa.DataType) -> str | None:
    """Return the kind of a plain Arrow type, or None where it has none.

    Examples
    --------
    >>> kind_of(pa.decimal128(9, 2)), kind_of(pa.binary())
    ('numeric', None)
    """
    t = pa.types
    rules = (
        (t.is_boolean, BOOLEAN),
        (t.is_string, CATEGORICAL),
        (t.is_date, DATE),
        (t.is_timestamp, TIMESTAMP),
        (t.is_time, TIME),
        (t.is_duration, DURATION),
        (lambda d: t.is_integer(d) or t.is_floating(d) or t.is_decimal(d), NUMERIC),
    )
    return next((kind for test, kind in rules if test(dtype)), None)


@functools.lru_cache(maxsize=256)
def plain_type(dtype: pa.DataType) -> pa.DataType:
    """Return the type that stands for ``dtype``: string for any text or category, float64 for all-null.

    Examples
    --------
    >>> plain_type(pa.large_string()), plain_type(pa.null())
    (DataType(string), DataType(double))
    """
    t = pa.types
    if t.is_dictionary(dtype):
        return dtype if kind_of(plain_type(dtype.value_type)) is None else pa.string()
    if t.is_large_string(dtype) or t.is_string_view(dtype):
        return pa.string()
    return pa.float64() if t.is_null(dtype) else dtype


_OTHERS = (
    (pa.types.is_nested, "lists or structures"),
    (pa.types.is_interval, "calendar intervals"),
    (pa.types.is_dictionary, "categories that are no text, numbers or dates"),
)


def _without_meaning(dtype: pa.DataType) -> str:
    """Return in words what values of a type are that has no kind.

    Examples
    --------
    >>> _without_meaning(pa.list_(pa.int64())), _without_meaning(pa.uuid())
    ('lists or structures (list<item: int64>)', 'values of the type uuid')
    """
    if pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype):
        return "bytes (in a CSV file: text that is not UTF-8; say what it is with encoding='cp1252')"
    named = str(dtype).removeprefix("extension<arrow.").removesuffix(">")
    found = next((words for test, words in _OTHERS if test(dtype)), None)
    return f"values of the type {named}" if found is None else f"{found} ({dtype})"


def label_type(dtype: pa.DataType) -> pa.DataType:
    """Return the type of the labels that a target holds: of a dictionary, that of its values.

    Examples
    --------
    >>> label_type(pa.dictionary(pa.int8(), pa.int64())), label_type(pa.large_string())
    (DataType(int64), DataType(string))
    """
    return plain_type(dtype.value_type if pa.types.is_dictionary(dtype) else dtype)


def unknown_column(name: str, known: Iterable[str], role: str = "column", where: str = "the data") -> str:
    """Return the message for a column that is not there, with the nearest names.

    Examples
    --------
    >>> unknown_column("arr_dely", ["arr_delay", "carrier"], "target")
    "target 'arr_dely' is not in the data; did you mean 'arr_delay'?"
    """
    names = list(known)
    near = get_close_matches(name, names, n=3)
    if near:
        hint = f"did you mean {' or '.join(map(repr, near))}?"
    else:
        shown = ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "")
        hint = f"its columns are {shown}"
    return f"{role} {name!r} is not in {where}; {hint}"


def widest(fields: Iterable[Field]) -> int:
    """Return the bytes of the narrowest type that holds every encoded number of columns, by their types.

    Categories are zeros and ones.

    Examples
    --------
    >>> widest([Field("x", NUMERIC, "uint8"), Field("c", CATEGORICAL, "string")])
    1
    >>> widest([Field("x", NUMERIC, "double")])
    8
    """
    return max((_BYTES.get(field.dtype, 8) for field in fields), default=1)
