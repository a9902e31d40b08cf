"""The space of a study: ranges of all searched algorithms together, and values held against what is legal."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from algorithms.errors import AlgorithmError, InvalidField
from algorithms.ranges import Choice, Integer, Log, Range, Uniform
from hpo.errors import SearchError
from hpo.question.search import Searched
from studies.sampling.space import ALGORITHM


def widest(bounds: Sequence[Mapping[str, Range | None]]) -> dict[str, Range | None]:
    """Return the ranges that hold those of every state; None for a field without effect on any.

    Parameters
    ----------
    bounds : ranges by several states; a field that a state says nothing of keeps its own range.

    Examples
    --------
    >>> widest([{"k": Integer(1, 6), "mode": None}, {"k": Integer(2, 90), "mode": None}])
    {'k': Integer(low=1, high=90, log=False, searched=True), 'mode': None}
    """
    common = [name for name in bounds[0] if all(name in one for one in bounds)]
    return {name: functools.reduce(_wider, (one[name] for one in bounds)) for name in common}


def _wider(a: Range | None, b: Range | None) -> Range | None:
    match a, b:
        case None, _:
            return b
        case Choice(values=some), Choice(values=others):
            return Choice(*dict.fromkeys((*some, *others)))
        case Integer(), Integer():
            high = None if a.high is None or b.high is None else max(a.high, b.high)
            return replace(a, low=min(a.low, b.low), high=high)
        case ((Uniform() | Log()), (Uniform() | Log())):
            return replace(a, low=min(a.low, b.low), high=max(a.high, b.high))
    return a


def space_of(
    searched: Sequence[Searched], bounds: Callable[[Searched], Mapping[str, Range | None]]
) -> dict[str, BaseDistribution]:
    """Return the distributions of a whole study; several algorithms are a hyperparameter themselves.

    Parameters
    ----------
    searched : the algorithms.
    bounds : what the states know of each one's ranges.
    """
    space: dict[str, BaseDistribution] = {}
    if len(searched) > 1:
        space[ALGORITHM] = CategoricalDistribution([s.name for s in searched])
    for s in searched:
        space |= {f"{s.name}.{k}": d for k, d in s.distributions(bounds(s)).items()}
    return space


def together(value: object) -> object:
    """Return a list of names or numbers as one value, each once; anything else as it is.

    Examples
    --------
    >>> together(["log_loss", "hinge, log_loss"]), together([1e-6, 0.01]), together([None, "0.1"])
    (('log_loss', 'hinge'), (1e-06, 0.01), [None, '0.1'])
    """
    choices = value.choices if isinstance(value, CategoricalDistribution) else value
    if not isinstance(choices, (list, tuple)) or not choices:
        return value
    if not all(isinstance(v, (str, int, float)) for v in choices):
        return value
    each = (c.split(",") if isinstance(c, str) else [c] for c in choices)
    parts = (part.strip() if isinstance(part, str) else part for some in each for part in some)
    return tuple(dict.fromkeys(parts))


def check_values(made: Searched) -> None:
    """Raise SearchError where a hyperparameter cannot take what is asked of it."""
    given = made.values
    for k in sorted(given, key=lambda k: not made.fields[k].needs_pass):
        with asked_for(made, k):
            for value in given[k]:
                made.check(k, value)
    try:
        _ = made.variants
    except InvalidField as error:
        raise SearchError(f"what search asks of {made.name!r} does not go together: {error}") from error


@contextmanager
def asked_for(made: Searched, parameter: str) -> Iterator[None]:
    """Say of a refused value where it was asked for."""
    try:
        yield
    except AlgorithmError as error:
        values = made.values[parameter]
        shown = repr(values[0] if parameter in made.constants else values)
        if isinstance(made.asked.get(parameter), (FloatDistribution, IntDistribution)):
            shown = "{} to {}".format(*values)
        raise SearchError(f"search[{f'{made.name}.{parameter}'!r}]={shown}: {error}") from error
