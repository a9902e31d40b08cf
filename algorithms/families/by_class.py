"""A number for each class as text, one value of a hyperparameter: ``"late=5, on time=1"``."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from algorithms.contract import Array, Shape
from algorithms.errors import InvalidField

CLASS_WEIGHT = "class_weight"
"""The parameter of scikit-learn's estimators that is a dictionary of weights by class."""


def parsed(name: str, text: str) -> Mapping[str, float]:
    """Return label → number; labels are written as they print.

    Raises
    ------
    InvalidField
        It is not a list of ``label=number``, a label is given twice, or a number is not above zero.

    Examples
    --------
    >>> parsed("class_weight", "late=5, on time=1")
    {'late': 5.0, 'on time': 1.0}
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        label, equals, number = (piece.strip() for piece in part.rpartition("="))
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not equals or not 0.0 < value < math.inf:
            raise InvalidField(
                f"{name}={text!r}: {part.strip()!r} is no 'label=number' with a number above 0; write them as in "
                f"{name}='late=5, on time=1'"
            )
        if label in found:
            raise InvalidField(f"{name}={text!r}: {label!r} is given twice")
        found[label] = value
    return found


def by_class(name: str, text: str, shape: Shape, missing: float | None = None) -> Array:
    """Return the number of each class, in the order of ``shape.classes``.

    Parameters
    ----------
    name, text : the hyperparameter and its value.
    shape : its classes.
    missing : of a class that is not named; None where every one must be.

    Raises
    ------
    InvalidField
        A label is none of the classes, or a class is named twice, or not where it must be.

    Examples
    --------
    >>> by_class("class_weight", "1=5", Shape((), ("y",), classes=(0, 1)), missing=1.0).tolist()
    [1.0, 5.0]
    >>> by_class("class_weight", "1=5", Shape((), ("y",), classes=(0.0, 1.0)), missing=1.0).tolist()
    [1.0, 5.0]
    >>> by_class("class_weight", "0=1, 0.0=2", Shape((), ("y",), classes=(0.0, 1.0)), missing=1.0)
    Traceback (most recent call last):
    ...
    algorithms.errors.InvalidField: class_weight='0=1, 0.0=2': '0' and '0.0' are one class
    """
    labels = [str(label) for label in shape.classes]
    plain = {f"{label:.0f}": str(label) for label in shape.classes if isinstance(label, float)}
    given = parsed(name, text)
    found = {plain.get(label, label): value for label, value in given.items()}
    if twice := [label for label in given if label in plain and plain[label] in given]:
        raise InvalidField(f"{name}={text!r}: {twice[0]!r} and {plain[twice[0]]!r} are one class")
    some = ", ".join(map(repr, labels[:10])) + (", …" if len(labels) > 10 else "")
    if unknown := [label for label in found if label not in labels]:
        raise InvalidField(
            f"{name}={text!r}: {unknown[0]!r} is not a class of {shape.targets[0]!r}; there are {some}"
        )
    if missing is None and (left := [label for label in labels if label not in found]):
        raise InvalidField(f"{name}={text!r}: {left[0]!r} has no number; each class needs one: {some}")
    return np.array([found.get(label, missing) for label in labels], dtype=np.float64)


def with_labels(values: Mapping[str, object], shape: Shape | None = None) -> dict[str, object]:
    """Return parameters of an estimator with weights by class as dictionaries, as scikit-learn's take them.

    Parameters
    ----------
    values : by name; ``class_weight``, of a step of a pipeline too, as text.
    shape : its classes are the keys; None for the labels as they print.

    Examples
    --------
    >>> with_labels({"model__class_weight": "1=5", "C": 2.0}, Shape((), ("y",), classes=(0, 1)))
    {'model__class_weight': {0: 1.0, 1: 5.0}, 'C': 2.0}
    """
    found = dict(values)
    for name, value in values.items():
        if name.rpartition("__")[2] == CLASS_WEIGHT and isinstance(value, str) and "=" in value:
            found[name] = parsed(name, value)
            if shape is not None:
                found[name] = dict(zip(shape.classes, by_class(name, value, shape, 1.0).tolist(), strict=True))
    return found
