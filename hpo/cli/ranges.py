"""Hyperparameters of the registered algorithms, as people and YAML files write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from algorithms import registry
from algorithms.errors import AlgorithmError
from algorithms.fields import fields_of as declared_fields
from algorithms.ranges import Choice, Integer, Log, Plain, Range, Uniform
from algorithms.tasks import TASKS

if TYPE_CHECKING:
    from algorithms.declared import Field


def fields_of(name: str) -> Mapping[str, Field]:
    """Return the hyperparameters of a registered algorithm.

    Raises
    ------
    UnknownAlgorithm, AlgorithmError
        If there is none of that name, or another package's cannot be used.
    """
    algorithm = registry.get(name)
    try:
        _ = TASKS[algorithm.tags.task]
        return declared_fields(algorithm)
    except (TypeError, AttributeError, NameError, KeyError) as error:
        raise AlgorithmError(
            f"algorithm {name!r} ({algorithm!r}) does not keep the contract of algorithms.contract.Algorithm "
            f"({error}); update or remove the package that brings it"
        ) from error


def written(range_: Range) -> Mapping[str, float | None] | Sequence[Plain]:
    """Return a range as a study's YAML writes it: a mapping, or a list of choices.

    Examples
    --------
    >>> from algorithms.ranges import Log
    >>> written(Log(1e-3, 10)), written(Choice(True, False))
    ({'low': 0.001, 'high': 10.0, 'log': True}, [True, False])
    """
    match range_:
        case Choice(values=values):
            return list(values)
        case Integer(low=low, high=high, log=log):
            return {"low": low, "high": high} | ({"log": True} if log else {})
        case _:
            return {"low": float(range_.low), "high": float(range_.high)} | (
                {"log": True} if _logarithmic(range_) else {}
            )


def _logarithmic(range_: Uniform | Log | Integer) -> bool:
    return isinstance(range_, Log) or (isinstance(range_, Integer) and range_.log)


def in_words(range_: Range | None) -> str:
    """Return a range for people.

    Examples
    --------
    >>> in_words(Integer(1, None)), in_words(Choice("mean", "zero")), in_words(None)
    ('1 to as many as the data allow', 'mean, zero', 'any')
    >>> from algorithms.ranges import Uniform
    >>> in_words(Uniform(0.0, 1.0, also=("auto",)))
    '0 to 1; auto if asked for'
    """
    if range_ is None:
        return "any"
    if isinstance(range_, Choice):
        return ", ".join(word(value) for value in range_.values)
    high = "as many as the data allow" if range_.high is None else word(range_.high)
    scale = ", log" if _logarithmic(range_) else ""
    also = ", ".join(word(value) for value in getattr(range_, "also", ()))
    return f"{word(range_.low)} to {high}{scale}" + (f"; {also} if asked for" if also else "")


def word(value: object) -> str:
    """Return a value as YAML writes it.

    Examples
    --------
    >>> word(True), word(None), word(1e-6), word("mean"), word((0.0, 0.5))
    ('true', 'null', '1e-06', 'mean', '0, 0.5')
    """
    if isinstance(value, tuple):
        return ", ".join(map(word, value))
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def searched_ranges(names: Iterable[str]) -> dict[str, object]:
    """Return ``"algorithm.parameter"`` → its range as YAML writes it, for all that is searched by default.

    Ranges that only the data can close (such as a number of components) are left out.
    """
    found: dict[str, object] = {}
    for name in names:
        for field in fields_of(name).values():
            range_ = field.range
            if range_ is None or not range_.searched or field.needs_pass:
                continue
            if not (isinstance(range_, Integer) and range_.high is None):
                found[f"{name}.{field.name}"] = written(range_)
    return found
