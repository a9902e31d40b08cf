"""What the fields of a dataclass say: hyperparameters with their types and the ranges worth searching."""

from __future__ import annotations

import dataclasses
import functools
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Final, Union, get_args, get_origin, get_type_hints

from algorithms.errors import ContractBroken, InvalidField
from algorithms.ranges import Choice, Integer, Legal, Log, Plain, Range, Uniform

if TYPE_CHECKING:
    pass

_WORDS: Final[Mapping[type, str]] = {
    float: "a number", int: "a whole number", bool: "true or false", str: "text", NoneType: "None",
}  # fmt: skip


NEVER: Final = object()
"""In place of a value: there was none before."""


@dataclass(frozen=True)
class Field:
    """One hyperparameter of an algorithm.

    Attributes
    ----------
    name : its name, scikit-learn's where scikit-learn has one.
    default : its default value.
    range : its search range, or None when it has none of its own.
    needs_pass : whether another value means another pass (a field of the summary).
    types : what it is made of: ``float``, ``int``, ``bool``, ``str``, ``None``; empty where it does not say.
    several : whether one value is a tuple: a list of values to search is then one value.
    legal : what it may be, whatever is worth searching; None for anything of its types.
    before : what was computed before there was such a hyperparameter, where that is not its default; studies
        recorded then keep it. ``NEVER`` where there is none.
    """

    name: str
    default: object
    range: Range | None
    needs_pass: bool
    types: tuple[type, ...] = ()
    several: bool = False
    legal: Legal | None = None
    before: object = NEVER

    def check(self, value: object) -> None:
        """Raise InvalidField for a value that is none of the field's types, or not legal."""
        if self.types and type(value) not in self.types and not _is_one(value, self.types):
            legal = " or ".join(_WORDS[t] for t in self.types)
            texts = [repr(each) for each in named(self.range) if isinstance(each, str)]
            known = f", such as {' or '.join(texts)}" if texts else ""
            raise InvalidField(f"{self.name}={value!r}: must be {legal}{known}")
        if self.legal is not None and value is not None and not self.legal.holds(value):
            hint = f"; {self.legal.hint}" if self.legal.hint else ""
            raise InvalidField(f"{self.name}={value!r}: must be {self.legal.words}{hint}")


def declared(cls: type, *, needs_pass: bool) -> list[Field]:
    """Return the fields of a dataclass that may be set, in their order.

    Parameters
    ----------
    cls : the dataclass.
    needs_pass : whether its fields need a pass.
    """
    if not dataclasses.is_dataclass(cls):
        raise _no_dataclass(cls, "summary")
    hints = get_type_hints(cls, include_extras=True)
    settable = (f for f in dataclasses.fields(cls) if f.init and not f.metadata.get("learned"))
    return [_field(f, hints[f.name], needs_pass) for f in settable]


@functools.cache
def checked(cls: type) -> tuple[Field, ...]:
    """Return the fields whose values have to be checked; refuse a class that declares them wrongly.

    Raises
    ------
    ContractBroken
        The class is not a dataclass, or a default or an end of a search range is not legal.
    """
    own = vars(cls).get("__annotations__", {})
    known = {f.name for f in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
    missing = [name for name, hint in own.items() if name not in known and "ClassVar" not in str(hint)]
    if missing:
        raise _no_dataclass(cls, missing[0])
    found = tuple(f for f in declared(cls, needs_pass=False) if f.types or f.legal)
    for field in found:
        _check_declared(cls, field)
    return found


def _no_dataclass(cls: type, field: str) -> ContractBroken:
    return ContractBroken(
        f"{cls.__name__} has the field {field!r} and is not a dataclass: write "
        "@dataclass(frozen=True, kw_only=True) above it"
    )


def _check_declared(cls: type, field: Field) -> None:
    """Raise ContractBroken where a default, or an end of a search range, is not legal."""
    ends = named(field.range)
    if isinstance(field.range, (Uniform, Log, Integer)):
        ends = (*ends, *(end for end in (field.range.low, field.range.high) if end is not None))
    try:
        for value in (() if field.default is dataclasses.MISSING else (field.default,)) + ends:
            field.check(value)
    except InvalidField as error:
        raise ContractBroken(f"{cls.__name__} declares what is not legal: {error}") from error


def check_values(made: object) -> None:
    """Raise InvalidField for a value of a dataclass's fields that its type, or :class:`Legal`, rules out.

    Examples
    --------
    >>> from algorithms.models.ridge import Ridge
    >>> Ridge(alpha=-1.0)
    Traceback (most recent call last):
    algorithms.errors.InvalidField: alpha=-1.0: must be at least 0
    """
    cls: type = type(made)
    for field in checked(cls):
        field.check(getattr(made, field.name))


def _is_one(value: object, types: tuple[type, ...]) -> bool:
    """Return whether a value, of NumPy's types too, is one of the plain types."""
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return bool in types
    if isinstance(value, numbers.Integral):
        return int in types or float in types
    return (isinstance(value, numbers.Real) and float in types) or isinstance(value, types)


def named(range_: Range | None) -> tuple[Plain, ...]:
    """Return the values that a range names one by one.

    Examples
    --------
    >>> named(Choice("a", "b")), named(Uniform(0.0, 1.0, also=("auto",))), named(None)
    (('a', 'b'), ('auto',), ())
    """
    match range_:
        case Choice(values=found) | Uniform(also=found):
            return found
        case _:
            return ()


def _field(field: dataclasses.Field[object], hint: object, needs_pass: bool) -> Field:
    several = any(get_origin(part) is tuple for part in _parts(hint))
    legal = next((x for x in _notes(hint) if isinstance(x, Legal)), None)
    return Field(field.name, _default(field), _range(hint), needs_pass, _types(hint), several, legal)


def _default(field: dataclasses.Field[object]) -> object:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _types(hint: object) -> tuple[type, ...]:
    """Return the types of an annotation; empty where it is not made of plain ones alone."""
    parts = _parts(hint)
    plain = tuple(part for part in parts if isinstance(part, type) and part in _WORDS)
    return plain if len(plain) == len(parts) else ()


def _parts(hint: object) -> tuple[object, ...]:
    """Return the members of a union, or what is none."""
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return tuple(get_args(plain)) if get_origin(plain) in (Union, UnionType) else (plain,)


def _range(hint: object) -> Range | None:
    return next((x for x in _notes(hint) if isinstance(x, (Uniform, Log, Integer, Choice))), None)


def _notes(hint: object) -> tuple[object, ...]:
    """Return what an annotation says besides the type."""
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()
