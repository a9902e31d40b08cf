"""What classifiers from class sums share: priors, and every class having rows."""

from __future__ import annotations

import math

import numpy as np

from algorithms.contract import Array, Shape
from algorithms.errors import InvalidField, MissingClass, NotEnoughRows
from algorithms.families.by_class import by_class, parsed


def need_every_class(name: str, shape: Shape, rows: Array, least: float = 0.0) -> None:
    """Raise MissingClass, naming a class without (enough) rows; NotEnoughRows where there is none at all.

    Examples
    --------
    >>> need_every_class("QDA", Shape((), ("y",), classes=("a", "b")), np.array([3.0, 2.0]), least=1.0)
    """
    if not len(rows) or not rows.any():
        raise NotEnoughRows(f"{name} needs at least 1 row of each class, and the state holds none")
    if rows.min() <= least:
        place, held = int(rows.argmin()), float(rows.min())
        raise MissingClass(
            f"{name} needs more than {least:g} rows of each class, and of {shape.classes[place]!r} the training "
            f"rows hold {held:g}; use fewer folds, or leave that class out",
            place,
            held,
            least,
        )


def check_priors(priors: str | None, shape: Shape | None = None) -> None:
    """Refuse priors that are neither the data's, nor uniform, nor shares of every class that add up to 1."""
    if priors is None or priors == "uniform":
        return
    total = math.fsum(parsed("priors", priors).values())
    if abs(total - 1.0) > 1e-6:
        raise InvalidField(f"priors={priors!r}: they add up to {total:g}, and must to 1")
    if shape is not None:
        by_class("priors", priors, shape)


def priors_of(weights: Array, priors: str | None, shape: Shape) -> Array:
    """Return the prior of each class.

    Examples
    --------
    >>> weights, shape = np.array([3.0, 1.0]), Shape((), ("y",), classes=("no", "yes"))
    >>> [priors_of(weights, each, shape).tolist() for each in (None, "uniform", "no=0.1, yes=0.9")]
    [[0.75, 0.25], [0.5, 0.5], [0.1, 0.9]]
    """
    if priors is None:
        return np.asarray(weights / weights.sum())
    if priors == "uniform":
        return np.full(len(weights), 1.0 / len(weights))
    found = by_class("priors", priors, shape)
    return np.asarray(found / found.sum())


def given(priors: str | None, found: Array) -> Array | None:
    """Return the priors as scikit-learn's parameter."""
    return None if priors is None else found.copy()
