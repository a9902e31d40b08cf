"""What an algorithm's fields say: which are free, which need a pass, and the ranges worth searching."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from algorithms.errors import InvalidField, UnknownField
from algorithms.ranges import Choice, Integer, Log, Range, Uniform
from algorithms.thresholds import DEFAULT

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
    """

    name: str
    default: Any
    range: Range | None
    needs_pass: bool
    types: tuple[type[Any], ...] = ()


THRESHOLD: Final = Field("threshold", DEFAULT, None, needs_pass=False, types=(str,))
"""The hyperparameter that every classifier has beside its own: what its threshold is chosen for."""


def fields_of(algorithm: type[Any]) -> Mapping[str, Field]:
    """Return the hyperparameters of an algorithm class by name, free ones first.

    Examples
    --------
    >>> from algorithms.models.ridge import Ridge
    >>> fields_of(Ridge)["alpha"].needs_pass, fields_of(Ridge)["precision"].needs_pass
    (False, True)
    """
    make: Callable[[], Any] = algorithm
    return _fields_of(make)


@functools.cache
def _fields_of(algorithm: Callable[[], Any]) -> Mapping[str, Field]:
    told = getattr(algorithm, "free_fields", None)
    free = {
        f.name: f for f in (told() if told else _read(algorithm, needs_pass=False)) if f.name != "summary"
    }
    passes = {f.name: f for f in _read(type(algorithm().summary), needs_pass=True)}
    if clash := sorted(free.keys() & passes.keys()):
        raise UnknownField(
            f"{algorithm!r}: {clash[0]!r} is a field of the algorithm and of its summary; rename one"
        )
    own = {**free, **passes}
    if getattr(algorithm, "task", None) == "classification":
        own.setdefault(THRESHOLD.name, THRESHOLD)
    return own


def build(algorithm: type[Any], values: Mapping[str, Any]) -> Any:
    """Return the algorithm with those hyperparameters, the summary's among them.

    Raises
    ------
    InvalidField
        If a value is of a type that the hyperparameter cannot take, or out of its bounds.
    UnknownField
        If a name is neither a field of the algorithm nor of its summary; the nearest is suggested.

    Examples
    --------
    >>> from algorithms.models.ridge import Ridge
    >>> build(Ridge, {"alpha": 2.0, "precision": "double"}).summary
    Moments(precision='double')
    """
    known = fields_of(algorithm)
    for name in values:
        if name not in known:
            raise UnknownField(_unknown(algorithm, name, known))
        _check_type(known[name], values[name])
    criterion = values.get(THRESHOLD.name, DEFAULT) if calibrates(known) else DEFAULT
    free = {k: v for k, v in values.items() if not known[k].needs_pass and known[k] is not THRESHOLD}
    passes = {k: v for k, v in values.items() if known[k].needs_pass}
    if passes:
        free["summary"] = dataclasses.replace(algorithm().summary, **passes)
    made = algorithm(**free)
    return made if criterion == DEFAULT else _calibrated(made, criterion)


def steering(algorithm: type[Any]) -> tuple[str, ...]:
    """Return the free fields whose value decides which summary the algorithm needs.

    Examples
    --------
    >>> from algorithms.models.lda import LDA
    >>> steering(LDA)
    ('shrinkage',)
    """
    return tuple(getattr(algorithm, "steers", ()))


def variants(algorithm: type[Any]) -> list[Any]:
    """Return the algorithm as it is by default, and with each value that a steering field names in its range.

    Examples
    --------
    >>> from algorithms.models.lda import LDA
    >>> [type(one.summary).__name__ for one in variants(LDA)]
    ['Classes', 'ClassKurtosis']
    """
    known = fields_of(algorithm)
    named = [(name, value) for name in steering(algorithm) for value in _named(known[name].range)]
    return [algorithm(), *(build(algorithm, {name: value}) for name, value in named)]


def contains(range_: Range, value: Any) -> bool:
    """Return whether ``value`` lies in the range.

    Examples
    --------
    >>> contains(Integer(1, None), 3), contains(Choice("a", "b"), "c"), contains(Uniform(0, 1, also=("a",)), "a")
    (True, False, True)
    """
    match range_:
        case Choice(values=values):
            return value in values
        case Integer(low=low, high=high):
            return value is not None and value >= low and (high is None or value <= high)
        case Uniform(low=low_, high=high_, also=also):
            return value in also or (not isinstance(value, str) and bool(low_ <= value <= high_))
        case Log(low=low_, high=high_):
            return bool(low_ <= value <= high_)


def calibrates(known: Mapping[str, Field]) -> bool:
    """Return whether ``threshold`` is the one that every classifier has, not a hyperparameter of its own.

    Examples
    --------
    >>> from algorithms.models.knn_classifier import KNNClassifier
    >>> from algorithms.models.ridge import Ridge
    >>> calibrates(fields_of(KNNClassifier)), calibrates(fields_of(Ridge))
    (True, False)
    """
    return known.get(THRESHOLD.name) is THRESHOLD


def _calibrated(algorithm: Any, criterion: str) -> Any:
    """Return the classifier with a threshold that is chosen for that criterion."""
    from algorithms.calibrated import Calibrated

    return Calibrated(algorithm, criterion)


def _named(range_: Range | None) -> tuple[Any, ...]:
    """Return the values that a range names one by one."""
    match range_:
        case Choice(values=named) | Uniform(also=named):
            return named
        case _:
            return ()


def _check_type(field: Field, value: Any) -> None:
    """Raise InvalidField where a value is none of the field's types; a whole number is a number."""
    if not field.types or (isinstance(value, bool) and bool in field.types):
        return
    wide = (*field.types, *((int,) if float in field.types else ()))
    if isinstance(value, bool) or not isinstance(value, wide):
        legal = " or ".join(_WORDS[t] for t in field.types)
        texts = [repr(named) for named in _named(field.range) if isinstance(named, str)]
        known = f", such as {' or '.join(texts)}" if texts else ""
        raise InvalidField(f"{field.name}={value!r}: must be {legal}{known}")


def _unknown(algorithm: type[Any], name: str, known: Mapping[str, Field]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
    return f"{algorithm.__name__} has no hyperparameter {name!r}; {hint}"


def _read(cls: Any, *, needs_pass: bool) -> list[Field]:
    hints = get_type_hints(cls, include_extras=True)
    settable = (f for f in dataclasses.fields(cls) if f.init and not f.metadata.get("learned"))
    return [
        Field(f.name, _default(f), _range(hints[f.name]), needs_pass, _types(hints[f.name])) for f in settable
    ]


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _types(hint: Any) -> tuple[type[Any], ...]:
    """Return the types of an annotation; empty where it is not made of plain ones alone."""
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    parts = get_args(plain) if get_origin(plain) in (Union, UnionType) else (plain,)
    return tuple(parts) if all(part in _WORDS for part in parts) else ()


def _range(hint: Any) -> Range | None:
    if get_origin(hint) is not Annotated:
        return None
    return next((x for x in get_args(hint)[1:] if isinstance(x, (Uniform, Log, Integer, Choice))), None)
