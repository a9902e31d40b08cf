"""What the fields of a dataclass say: hyperparameters with their types and the ranges worth searching."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from algorithms.errors import InvalidField
from algorithms.ranges import Choice, Integer, Log, Range, Uniform

_WORDS: Final[Mapping[Any, str]] = {
    float: "a number", int: "a whole number", bool: "true or false", str: "text", NoneType: "None",
}  # fmt: skip


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
    """

    name: str
    default: Any
    range: Range | None
    needs_pass: bool
    types: tuple[type[Any], ...] = ()
    several: bool = False

    def check_type(self, value: Any) -> None:
        """Raise InvalidField where a value is none of the field's types; a whole number is a number."""
        if not self.types or (isinstance(value, bool) and bool in self.types):
            return
        wide = (*self.types, *((int,) if float in self.types else ()))
        if isinstance(value, bool) or not isinstance(value, wide):
            legal = " or ".join(_WORDS[t] for t in self.types)
            texts = [repr(each) for each in named(self.range) if isinstance(each, str)]
            known = f", such as {' or '.join(texts)}" if texts else ""
            raise InvalidField(f"{self.name}={value!r}: must be {legal}{known}")


def declared(cls: Any, *, needs_pass: bool) -> list[Field]:
    """Return the fields of a dataclass that may be set, in their order.

    Parameters
    ----------
    cls : the dataclass.
    needs_pass : whether its fields need a pass.
    """
    hints = get_type_hints(cls, include_extras=True)
    settable = (f for f in dataclasses.fields(cls) if f.init and not f.metadata.get("learned"))
    return [_field(f, hints[f.name], needs_pass) for f in settable]


def named(range_: Range | None) -> tuple[Any, ...]:
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


def _field(field: dataclasses.Field[Any], hint: Any, needs_pass: bool) -> Field:
    several = any(get_origin(part) is tuple for part in _parts(hint))
    return Field(field.name, _default(field), _range(hint), needs_pass, _types(hint), several)


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _types(hint: Any) -> tuple[type[Any], ...]:
    """Return the types of an annotation; empty where it is not made of plain ones alone."""
    parts = _parts(hint)
    return parts if all(part in _WORDS for part in parts) else ()


def _parts(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, or what is none."""
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return tuple(get_args(plain)) if get_origin(plain) in (Union, UnionType) else (plain,)


def _range(hint: Any) -> Range | None:
    if get_origin(hint) is not Annotated:
        return None
    return next((x for x in get_args(hint)[1:] if isinstance(x, (Uniform, Log, Integer, Choice))), None)
