"""What a fitted estimator of scikit-learn's conventions is beside its parameters, as arrays by name, and back.

Nothing is pickled: a stored array cannot be code. The estimator that arrays are put back into was fitted to some
rows before, so that it has every object that it needs; what these hold is then what was stored. Two names of one
array (``coef_`` and the running coefficients that it shows) stay names of one, since training writes to it.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping

import numpy as np
from sklearn.base import BaseEstimator

from algorithms.arrays import Values
from algorithms.errors import FitFailed

SAME = " is "
"""Between two names of one array."""

GENERATOR = "random_state"
"""The last part of the names of what a generator of random numbers is."""


def arrays_of(model: BaseEstimator, labels: Values | None = None) -> dict[str, Values]:
    """Return what a fitted estimator has learned, by name.

    Parameters
    ----------
    model : fitted.
    labels : of the classes; text among what it has learned must be these.

    Raises
    ------
    FitFailed
        It holds what is neither numbers nor made of them.

    Examples
    --------
    >>> from sklearn.linear_model import SGDRegressor
    >>> X = np.arange(6.0).reshape(3, 2)
    >>> model = SGDRegressor(random_state=0).partial_fit(X, X[:, 0])
    >>> found = arrays_of(model)
    >>> sorted(found), found["t_"].item()
    (['coef_', 'intercept_', 'n_features_in_', 'n_iter_', 't_'], 4.0)
    >>> other = SGDRegressor(random_state=0).partial_fit(X[:1], X[:1, 0])
    >>> put_back(other, found)
    >>> bool((other.coef_ == model.coef_).all()), other.t_
    (True, 4.0)
    """
    made: dict[str, Values] = {}
    for name, value in _learned(model):
        _write(value, name, made, labels, type(model).__name__)
    found, first = dict[str, Values](), dict[tuple[int, int], str]()
    for name, array in made.items():
        where = array.__array_interface__["data"][0], array.nbytes
        other = first.setdefault(where, name) if array.ndim and array.nbytes else name
        if other == name:
            found[name] = array.copy()
        else:
            found[f"{name}{SAME}{other}"] = np.array(array.shape)
    return found


def put_back(model: BaseEstimator, arrays: Mapping[str, Values]) -> None:
    """Give a fitted estimator what another of its class and parameters has learned.

    Raises
    ------
    FitFailed
        The arrays are those of an estimator of another make.
    """
    left = {name: array.copy() for name, array in arrays.items() if SAME not in name}
    for name, shape in arrays.items():
        if SAME in name:
            own, _, other = name.partition(SAME)
            if other not in left:
                raise FitFailed(f"a stored chain has no {other!r} of {type(model).__name__}")
            left[own] = left[other].reshape(shape.tolist())
    for name, value in _learned(model):
        setattr(model, name, _read(value, name, left, type(model).__name__))
    if left:
        raise FitFailed(f"{type(model).__name__} has no place for {next(iter(left))!r} of a stored chain")


def _learned(thing: object) -> Iterator[tuple[str, object]]:
    """Yield the attributes of an object that are not parameters of an estimator."""
    given = set(thing.get_params(deep=False)) if isinstance(thing, BaseEstimator) else set()
    yield from ((name, value) for name, value in list(vars(thing).items()) if name not in given)


def _write(value: object, name: str, made: dict[str, Values], labels: Values | None, owner: str) -> None:
    """Add the arrays that a value is made of."""
    if value is None or isinstance(value, str):
        return
    if isinstance(value, bool | numbers.Number | np.generic) or _are_numbers(value):
        made[name] = np.asarray(value)
    elif isinstance(value, np.ndarray) and labels is not None and np.isin(value, labels).all():
        return
    elif isinstance(value, np.random.RandomState):
        _, words, *rest = value.get_state(legacy=True)
        made[f"{name}.words"] = np.asarray(words)
        made[f"{name}.{GENERATOR}"] = np.asarray(rest, np.float64)
    elif (parts := _parts(value)) is not None:
        for key, part in parts:
            _write(part, f"{name}.{key}", made, labels, owner)
    elif not _is_constant(value):
        raise FitFailed(
            f"{owner} keeps {name!r}, a {type(value).__name__}, which is not made of numbers, so that no chain of "
            "it can be stored; leave epochs out"
        )


def _read(old: object, name: str, stored: dict[str, Values], owner: str) -> object:
    """Return the value that was stored in the place of another."""
    if name in stored:
        return _like(old, stored.pop(name))
    if isinstance(old, np.random.RandomState) and f"{name}.words" in stored:
        position, spare, gauss = stored.pop(f"{name}.{GENERATOR}")
        found = np.random.RandomState()
        words = stored.pop(f"{name}.words").astype(np.uint32)
        found.set_state(("MT19937", words, int(position), int(spare), float(gauss)))
        return found
    if (parts := _parts(old)) is not None:
        new = [_read(part, f"{name}.{key}", stored, owner) for key, part in parts]
        if isinstance(old, list | tuple):
            return type(old)(new)
        for (key, _), one in zip(parts, new, strict=True):
            setattr(old, key, one)
        return old
    if isinstance(old, bool | numbers.Number) or (isinstance(old, np.ndarray) and old.dtype.kind in "biuf"):
        raise FitFailed(f"a stored chain has no {name!r} of {owner}")
    return old


def _like(old: object, array: Values) -> object:
    """Return a stored array as what it was: an array, a number, or a list of numbers."""
    if isinstance(old, list | tuple):
        return type(old)(array)
    if array.shape or isinstance(old, np.ndarray):
        return array
    if isinstance(old, np.generic):
        return array[()]
    return array.item()


def _are_numbers(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    return isinstance(value, list | tuple) and all(isinstance(one, numbers.Number) for one in value)


def _parts(value: object) -> list[tuple[str, object]] | None:
    """Return what a list, or an object with attributes, is made of; None of anything else."""
    if isinstance(value, list | tuple):
        return [(str(i), one) for i, one in enumerate(value)]
    if callable(value) or not hasattr(value, "__dict__"):
        return None
    return list(_learned(value))


def _is_constant(value: object) -> bool:
    """Return whether an object of compiled code is its class and a few plain values: it learns nothing."""
    if hasattr(value, "__dict__") or isinstance(value, np.ndarray):
        return False
    try:
        reduced = value.__reduce__()
    except TypeError:  # it cannot be pickled either
        return False
    return (
        isinstance(reduced, tuple)
        and len(reduced) == 2
        and reduced[0] is type(value)
        and all(isinstance(one, bool | int | float | str) for one in reduced[1])
    )
