"""Hyperparameters that came after a study was begun: it keeps what was computed without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from algorithms.declared import NEVER, Field
from hpo.question.search import Searched

Values = Mapping[str, Mapping[str, object]]
"""By algorithm and hyperparameter."""


def begun_with(searched: Sequence[Searched]) -> dict[str, dict[str, object]]:
    """Return the values that a study takes of hyperparameters whose defaults were others in earlier versions.

    Examples
    --------
    >>> from hpo.question.given import resolve
    >>> begun_with(resolve(["sklearn:sklearn.ensemble.RandomForestRegressor"], {}))
    {'RandomForestRegressor': {'encoding': 'native'}}
    """
    found = {s.name: {f.name: s.constants.get(f.name, f.default) for f in _came_later(s)} for s in searched}
    return {name: values for name, values in found.items() if values}


def as_begun(searched: Sequence[Searched], known: Values) -> list[Searched]:
    """Return the algorithms with what a recorded study was begun with.

    Parameters
    ----------
    searched : the algorithms.
    known : what was recorded; of a hyperparameter that is not there, what was computed before there was one.

    Examples
    --------
    >>> from hpo.question.given import resolve
    >>> [forest] = as_begun(resolve(["sklearn:sklearn.ensemble.RandomForestRegressor"], {}), {})
    >>> forest.constants
    {'encoding': 'one_hot'}
    """
    return [replace(s, constants={**_kept(s, known.get(s.name, {})), **s.constants}) for s in searched]


def _kept(one: Searched, known: Mapping[str, object]) -> dict[str, object]:
    return {f.name: known.get(f.name, f.before) for f in _came_later(one)}


def _came_later(one: Searched) -> Iterator[Field]:
    return (f for f in one.fields.values() if f.before is not NEVER and f.name not in one.asked)
