"""Which columns play which part, and one schema for many files."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from algorithms import registry
from hpo.data.schema import BOOLEAN, CATEGORICAL, NUMERIC, Field, Schema, kind_of, plain_type, unknown_column
from hpo.data.sources.usual_types import in_words
from hpo.errors import DataError

_INDEX = re.compile(r"__index_level_\d+__")


@dataclass(frozen=True)
class Roles:
    """Names of the targets, of the weight column and of the features.

    Examples
    --------
    >>> resolve_roles(["a", "b", "y"], target="y", drop=["b"])
    Roles(targets=('y',), weight=None, features=('a',))
    """

    targets: tuple[str, ...]
    weight: str | None
    features: tuple[str, ...]

    @property
    def used(self) -> tuple[str, ...]:
        """Every column that a pass reads: features, targets, weight."""
        return (*self.features, *self.targets, *([self.weight] if self.weight else []))


def resolve_roles(
    names: Sequence[str],
    *,
    target: str | Iterable[str] | None = None,
    weight: str | None = None,
    features: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    index: Collection[str] = (),
) -> Roles:
    """Return the roles of columns; DataError, with the nearest names, where one is not in the data.

    ``index`` are columns that pandas wrote for the index of a frame: features only where they are named.
    """
    known, targets = set(names), as_names(target)
    dropped = as_names(drop)
    chosen = as_names(features) if features is not None else tuple(n for n in names if n not in index)
    weights = (weight,) if weight else ()
    for role, asked in (
        ("target", targets),
        ("weight", weights),
        ("feature", chosen),
        ("dropped column", dropped),
    ):
        for name in asked:
            if name not in known:
                said = f"; write algorithm={name!r}, after the target" if name in registry.names() else ""
                raise DataError(unknown_column(name, names, role) + said)
    if weight in targets:
        raise DataError(f"column {weight!r} is both target and weight; give another column as one of them")
    taken = {*targets, *weights, *dropped}
    kept = tuple(name for name in chosen if name not in taken)
    if not kept and (features is None or chosen):
        raise DataError("no feature is left after target, weight and drop; ask for fewer of them")
    return Roles(targets, weight, kept)


def as_names(value: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return one name, many or none as a tuple.

    Examples
    --------
    >>> as_names("y"), as_names(None), as_names(["a", "b"])
    (('y',), (), ('a', 'b'))
    """
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def index_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Return the columns that hold the index of the frame that pandas wrote a file from, or made a table of.

    Those that pandas names itself are known by their name as well, since other readers forget what it stated.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.Index(["a", "b"], name="id"))
    >>> index_columns(pa.Table.from_pandas(frame).schema)
    ('id',)
    """
    by_name = [name for name in schema.names if _INDEX.fullmatch(name)]
    return tuple(dict.fromkeys([*(name for name in _stated(schema) if isinstance(name, str)), *by_name]))


def _stated(schema: pa.Schema) -> list[object]:
    """Return what pandas states of the index: names, and descriptions of what is no column."""
    try:
        found = json.loads((schema.metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
    except (ValueError, AttributeError):
        return []
    return found if isinstance(found, list) else []


def check_number(schema: Schema, name: str, role: str, more: str = "") -> None:
    """Raise DataError where a column is not a number."""
    field = schema[name]
    if field.kind not in (NUMERIC, BOOLEAN):
        raise DataError(
            f"{role} {name!r} is {field.kind} ({field.dtype}), and only a number can be one; "
            f"choose a numeric column or convert it first{more}"
        )


def check_class(field: Field) -> None:
    """Raise DataError where a target's labels, of that field, cannot be classes."""
    if field.kind not in (NUMERIC, BOOLEAN, CATEGORICAL):
        raise DataError(
            f"target {field.name!r} is {field.kind} ({field.dtype}), and classes are text, whole numbers or "
            "booleans; choose another column or convert it first"
        )


def unify_schemas(
    schemas: Iterable[tuple[str, pa.Schema]], required: Iterable[str] | None = None
) -> pa.Schema:
    """Return one schema, in plain types and the first file's order, that every file can be read with.

    Integers, floats and decimals meet in the wider type, an all-null column takes the other's type, text and
    dictionaries become strings. Columns outside ``required`` (None = all are required) that cannot be
    reconciled or have no supported type are left out.

    Raises
    ------
    DataError
        Naming two files and the columns that differ between them.

    Examples
    --------
    >>> a, b = pa.schema([("x", pa.int64())]), pa.schema([("x", pa.float32())])
    >>> unify_schemas([("a", a), ("b", b)]).field("x").type
    DataType(double)
    """
    distinct: dict[pa.Schema, str] = {}
    last: pa.Schema | None = None
    for uri, schema in schemas:
        if schema is last or (last is not None and schema.equals(last)):
            continue
        last = schema
        check_distinct(repr(uri), schema.names)
        distinct.setdefault(schema.remove_metadata(), uri)
    wanted = None if required is None else set(required)
    first, *others = distinct
    merged = {field.name: plain_type(field.type) if not others else field.type for field in first}
    differing: set[str] = set()
    for other in others:
        different = _merge(merged, other)
        broken = different if wanted is None else {k: v for k, v in different.items() if k in wanted}
        if broken:
            raise DataError(_differ(distinct[first], distinct[other], broken))
        differing.update(different)
    fields = [pa.field(name, plain_type(dtype)) for name, dtype in merged.items() if name not in differing]
    return pa.schema([f for f in fields if kind_of(f.type) or wanted is None or f.name in wanted])


def _merge(merged: dict[str, pa.DataType], other: pa.Schema) -> dict[str, str]:
    """Widen ``merged`` by another schema; return what cannot be reconciled, with the reason."""
    different = {}
    for name, known in merged.items():
        index = other.get_field_index(name)
        both = meet(known, other.field(index).type) if index >= 0 else None
        if both is None:
            different[name] = _against(known, other.field(index).type) if index >= 0 else "only in the first"
        else:
            merged[name] = both
    different.update({name: "only in the second" for name in other.names if name not in merged})
    return different


def _against(a: pa.DataType, b: pa.DataType) -> str:
    """Return in words what values of two types are; the types themselves where the words are the same.

    Examples
    --------
    >>> _against(pa.float64(), pa.bool_()), _against(pa.timestamp("us"), pa.timestamp("us", "UTC"))
    ('a number against true or false', 'timestamp[us] against timestamp[us, tz=UTC]')
    """
    types = str(a), str(b)
    words = [in_words(one) for one in types]
    return " against ".join(words if words[0] != words[1] else types)


def meet(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """Return the type that holds both, or None."""
    if a == b:
        return a
    a, b = (t if pa.types.is_null(t) else plain_type(t) for t in (a, b))
    if kind_of(a) == kind_of(b) == NUMERIC and any(
        t == pa.uint64() or pa.types.is_decimal(t) for t in (a, b)
    ):
        return pa.float64()
    try:
        schemas = [pa.schema([("", t)]) for t in (a, b)]
        met = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return None
    return met


def check_distinct(where: str, names: Sequence[str]) -> None:
    """Raise DataError where a column name occurs twice."""
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise DataError(f"{where} has more than one column named {', '.join(map(repr, twice))}; rename them")


def _differ(first: str, second: str, different: dict[str, str]) -> str:
    shown = "; ".join(f"{name!r}: {why}" for name, why in list(different.items())[:8])
    more = f" and {len(different) - 8} more" if len(different) > 8 else ""
    listed = ", ".join(map(repr, list(different)[:8]))
    return (
        f"{first!r} and {second!r} have different schemas: {shown}{more}; "
        f"rewrite one of them, or leave columns that are features out with drop=[{listed}]"
    )
