"""What an algorithm's fields say: which are free, which need a pass, and the ranges worth searching."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from algorithms.contract import Algorithm, M, Summary, free_fields, pass_fields
from algorithms.declared import Field, declared, named
from algorithms.errors import AlgorithmError, ContractBroken, UnknownField, nearest
from algorithms.held import S
from algorithms.ranges import Range
from algorithms.scoring.thresholds import DEFAULT

Kind = type[Algorithm]
"""The class of an algorithm."""

THRESHOLD: Final = Field("threshold", DEFAULT, None, needs_pass=False, types=(str,))
"""The hyperparameter that every classifier has beside its own: what its threshold is chosen for."""


def fields_of(algorithm: Kind) -> Mapping[str, Field]:
    """Return the hyperparameters of an algorithm class by name, free ones first.

    Examples
    --------
    >>> from algorithms.models.ridge import Ridge
    >>> fields_of(Ridge)["alpha"].needs_pass, fields_of(Ridge)["precision"].needs_pass
    (False, True)
    """
    return _fields_of(algorithm)


@functools.cache
def _fields_of(algorithm: Kind) -> Mapping[str, Field]:
    free = {f.name: f for f in free_fields(algorithm)}
    summary = algorithm().summary  # whose values are defaults of the algorithm, not those of the summary's class
    declared_there = declared(type(summary), needs_pass=True)
    passes = {f.name: dataclasses.replace(f, default=getattr(summary, f.name)) for f in declared_there}
    if clash := sorted(free.keys() & passes.keys()):
        raise UnknownField(
            f"{algorithm!r}: {clash[0]!r} is a field of the algorithm and of its summary; rename one"
        )
    own = {**free, **passes}
    if algorithm.tags.task == "classification":
        own.setdefault(THRESHOLD.name, THRESHOLD)
    return own


def build(algorithm: Kind, values: Mapping[str, object]) -> Algorithm:
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
    criterion = values.get(THRESHOLD.name, DEFAULT) if takes_threshold(known) else DEFAULT
    free = {k: v for k, v in values.items() if not known[k].needs_pass and known[k] is not THRESHOLD}
    passes = {k: v for k, v in values.items() if known[k].needs_pass}
    if passes:
        free["summary"] = _replaced(algorithm().summary, passes)
    make: Callable[..., Algorithm] = algorithm
    made = make(**free)
    THRESHOLD.check(criterion)
    return made if criterion == DEFAULT else _calibrated(made, str(criterion))


def values_of(algorithm: Algorithm) -> dict[str, object]:
    """Return the value of every hyperparameter of an algorithm, those of its summary among them.

    Examples
    --------
    >>> from algorithms.models.ridge import Ridge
    >>> found = values_of(Ridge(alpha=2.0))
    >>> found["alpha"], found["precision"]
    (2.0, 'auto')
    """
    known, passes = fields_of(type(algorithm)), pass_fields(algorithm.summary)
    free = [name for name, field in known.items() if not field.needs_pass and field is not THRESHOLD]
    return {
        **{name: getattr(algorithm, name) for name in free},
        **{k: v for k, v in passes.items() if k in known},
    }


def bounds_of(algorithm: Algorithm[S, M], kind: Kind, state: S) -> Mapping[str, Range | None]:
    """Return what a state knows of an algorithm's ranges; refuse a key that is not a hyperparameter.

    Parameters
    ----------
    algorithm : whose ranges.
    kind : its class, or that of the classifier that has a threshold beside it.
    state : of its summary.

    Raises
    ------
    ContractBroken
        ``bounds`` names no hyperparameter of the class.
    """
    found, known = algorithm.bounds(state), fields_of(kind)
    for name in found:
        if name not in known:
            raise ContractBroken(
                f"{kind.__name__}.bounds names {name!r}, which is not a field{nearest(name, known)}"
            )
    return found


def steers(algorithm: Kind, name: str, values: Sequence[object]) -> bool:
    """Return whether one of some values of a free field leads to another summary than the algorithm's usual one.

    Examples
    --------
    >>> from algorithms.models.lda import LDA
    >>> steers(LDA, "shrinkage", ["auto", 0.1]), steers(LDA, "shrinkage", [0.1, 0.2])
    (True, False)
    """
    usual, made = algorithm().summary, [_or_none(algorithm, name, value) for value in values]
    return any(one is not None and one.summary != usual for one in made)


def variants(algorithm: Kind) -> list[Algorithm]:
    """Return the algorithm as it is by default, and with each named value of its ranges that changes the summary.

    Examples
    --------
    >>> from algorithms.models.lda import LDA
    >>> [type(one.summary).__name__ for one in variants(LDA)]
    ['Classes', 'ClassKurtosis']
    """
    free = (f for f in fields_of(algorithm).values() if not f.needs_pass)
    found = [(f.name, value) for f in free for value in named(f.range) if steers(algorithm, f.name, [value])]
    return [algorithm(), *(build(algorithm, {name: value}) for name, value in found)]


def takes_threshold(known: Mapping[str, Field]) -> bool:
    """Return whether ``threshold`` is the one that every classifier has, not a hyperparameter of its own.

    Examples
    --------
    >>> from algorithms.models.knn_classifier import KNNClassifier
    >>> from algorithms.models.ridge import Ridge
    >>> takes_threshold(fields_of(KNNClassifier)), takes_threshold(fields_of(Ridge))
    (True, False)
    """
    return known.get(THRESHOLD.name) is THRESHOLD


def _calibrated(algorithm: Algorithm, criterion: str) -> Algorithm:
    """Return the classifier with a threshold that is chosen for that criterion."""
    from algorithms.families.calibrated import Calibrated  # noqa: PLC0415 -- loads scikit-learn

    return Calibrated(algorithm, criterion)


def _or_none(algorithm: Kind, name: str, value: object) -> Algorithm | None:
    """Return the algorithm with one value; None where it cannot take it."""
    try:
        return build(algorithm, {name: value})
    except AlgorithmError:
        return None


def _replaced(summary: Summary, values: Mapping[str, object]) -> Summary:
    return dataclasses.replace(summary, **values)


def _unknown(algorithm: Kind, name: str, known: Mapping[str, Field]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}"
    return f"{algorithm.__name__} has no hyperparameter {name!r}; {hint}"
