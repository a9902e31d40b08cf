"""Rows that weigh less the older they are: what a study says of it, and who cannot do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from algorithms import fields, registry
from algorithms.contract import Ageing, Summary
from algorithms.errors import AlgorithmError
from hpo.data.schema import DATE, NUMERIC, TIMESTAMP, Schema, unknown_column
from hpo.errors import DataError, SearchError, TuneError
from studies.naming import short
from studies.spec.durations import seconds_of

if TYPE_CHECKING:
    from hpo.question.search import Searched
    from studies.spec.spec import StudySpec

HALF_LIFE, CLOCK = "half_life", "clock"
DAY = 86_400.0


def search_of(spec: StudySpec) -> dict[str, object]:
    """Return what a study searches, with its half-life as a constant of every algorithm.

    Raises
    ------
    SearchError
        Rows of an algorithm's state do not age.

    Examples
    --------
    >>> from studies.spec.spec import build
    >>> search_of(build({"data": "x.csv", "algorithm": "ridge", "half_life": {"day": "1d"}}))
    {'ridge.half_life': 1.0, 'ridge.clock': 'day'}
    """
    said = _said(spec.half_life)
    names = [short(name) for name in spec.algorithm] if said else []
    unable = [name for name in spec.algorithm if said and HALF_LIFE not in fields.fields_of(registry.get(name))]
    if unable:
        raise SearchError(
            f"half_life={spec.half_life!r}: rows do not age in the states of {', '.join(map(short, unable))}. They "
            f"do in those of {', '.join(_able())}; leave half_life, or the others, out"
        )
    return {**{f"{name}.{key}": value for name in names for key, value in said.items()}, **spec.search}


def _said(asked: float | Mapping[str, float | str] | None) -> dict[str, object]:
    if asked is None:
        return {}
    if not isinstance(asked, Mapping):
        return {HALF_LIFE: float(asked)}
    ((column, length),) = asked.items()
    seconds = seconds_of(length) if isinstance(length, str) else None
    return {HALF_LIFE: float(length) if seconds is None else seconds / DAY, CLOCK: column}


def _able() -> list[str]:
    return [name for name in registry.names() if HALF_LIFE in fields.fields_of(registry.get(name))]


def clock_columns(spec: StudySpec) -> tuple[str, ...]:
    """Return the column that rows age by, as it is asked for."""
    return tuple(spec.half_life) if isinstance(spec.half_life, Mapping) else ()


def ageing_of(searched: Sequence[Searched]) -> Ageing | None:
    """Return how the rows of a study age; None where they do not.

    Raises
    ------
    TuneError
        They age in several ways, whose scores would weigh rows differently.
    """
    found = {(a.half_life, a.clock): a for s in searched for one in s.summaries() if (a := one.ageing)}
    some = any(one.ageing is None for s in searched for one in s.summaries())
    if len(found) > 1 or (found and some):
        words = ", ".join(f"{h:g}{'' if c is None else f' by {c!r}'}" for h, c in found)
        raise TuneError(
            f"half_life {words}{' and none' if some else ''}: scores weigh held-out rows by their age, so that "
            "those of several half-lives do not compare; give one, tune a study for each, and compare their models "
            "on newer rows with hpo.confirm"
        )
    return next(iter(found.values()), None)


def aged_alike(sample: Summary, searched: Sequence[Searched]) -> Summary:
    """Return the summary of rows that scores are computed on, its rows ageing as those of the algorithms."""
    ageing = ageing_of(searched)
    if ageing is None:
        return sample
    try:
        return sample.aged_as(ageing)
    except AlgorithmError as error:
        raise TuneError(
            f"half_life={ageing.half_life:g}: this score is computed on a sample, and {error}; give another "
            "scoring, or leave half_life out"
        ) from error


def check_half_life(spec: StudySpec, searched: Sequence[Searched], schema: Schema) -> None:
    """Refuse a clock that is not a column of times, and half-lives that do not compare."""
    ageing = ageing_of(searched)
    if ageing is None or ageing.clock is None:
        return
    if ageing.clock not in schema:
        raise DataError(f"half_life: {unknown_column(ageing.clock, schema.names)}")
    field, asked = schema[ageing.clock], spec.half_life
    if field.kind not in (DATE, TIMESTAMP, NUMERIC):
        raise DataError(
            f"half_life: {ageing.clock!r} is {field.kind} ({field.dtype}), and rows age by a date, a timestamp or "
            "a number; choose another column, or give a number of rows"
        )
    length = asked.get(ageing.clock) if isinstance(asked, Mapping) else None
    if isinstance(length, str) and field.kind == NUMERIC:
        raise DataError(
            f"half_life: {ageing.clock!r} is a number ({field.dtype}), and {length!r} is a time; give the "
            f"half-life in units of the column, such as {{{ageing.clock}: 30}}"
        )
