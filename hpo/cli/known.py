"""The names that a study file may use: algorithms and their hyperparameters."""

from __future__ import annotations

from collections.abc import Iterable

from algorithms import registry
from hpo.cli.ranges import fields_of
from hpo.question.given import keys_of


def known_fields(names: Iterable[str]) -> dict[str, list[str]]:
    """Return every registered algorithm with its hyperparameters' names, read for ``names`` only.

    Examples
    --------
    >>> known = known_fields(["ridge"])
    >>> "alpha" in known["ridge"], known["lasso"]
    (True, [])
    """
    wanted = list(names)
    found = {name: _keys(name) if name in wanted else [] for name in registry.names()}
    return found | {name: _keys(name) for name in wanted if registry.is_foreign(name)}


def meant(name: str) -> str:
    """Return which algorithm may be meant by an unknown name, and what that needs; empty where none is like it.

    Examples
    --------
    >>> meant("LogisticRegression"), meant("rigde")
    ("write 'logistic'; ", "did you mean 'ridge'? ")
    """
    return registry.suggested(name)


def _keys(name: str) -> list[str]:
    fields_of(name)  # says what is wrong with another package's
    return keys_of(registry.get(name))
