"""What classifiers from class sums share: priors, and every class having rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from algorithms.base import Array, Shape
from algorithms.errors import InvalidField, MissingClass, NotEnoughRows


def need_every_class(name: str, shape: Shape, weights: Array, least: float = 0.0) -> None:
    """Raise MissingClass, naming a class without (enough) rows; NotEnoughRows where there is none at all.

    Examples
    --------
    >>> need_every_class("QDA", Shape((), ("y",), classes=("a", "b")), np.array([3.0, 2.0]), least=1.0)
    """
    if not len(weights) or not weights.any():
        raise NotEnoughRows(f"{name} needs at least 1 row of each class, and the state holds none")
    if weights.min() <= least:
        place, held = int(weights.argmin()), float(weights.min())
        raise MissingClass(
            f"{name} needs more than {least:g} rows of each class, and of {shape.classes[place]!r} the training "
            f"rows hold {held:g}; use fewer folds, or leave that class out",
            place,
            held,
            least,
        )


def check_priors(priors: str | None) -> None:
    """Refuse priors that are neither the data's own nor uniform."""
    if priors not in (None, "uniform"):
        raise InvalidField(f"priors={priors!r}: must be None (the shares of the classes) or 'uniform'")


def priors_of(weights: Array, priors: str | None) -> Array:
    """Return the prior of each class.

    Examples
    --------
    >>> priors_of(np.array([3.0, 1.0]), None).tolist(), priors_of(np.array([3.0, 1.0]), "uniform").tolist()
    ([0.75, 0.25], [0.5, 0.5])
    """
    return np.full(len(weights), 1.0 / len(weights)) if priors == "uniform" else weights / weights.sum()


def given(priors: str | None, classes: int) -> Any:
    """Return the priors as scikit-learn's parameter."""
    return None if priors is None else np.full(classes, 1.0 / classes)
