"""What people are used to from other libraries, and what it is called here."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

import numpy as np

from hpo.errors import TuneError
from studies.spec.habits import PARAMETERS

P = ParamSpec("P")
R = TypeVar("R")


def taught(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function with a sentence for a parameter that it does not have.

    Examples
    --------
    >>> @taught
    ... def tune(data, target=None, *, folds=5):
    ...     return folds
    >>> tune([], cv=3)
    Traceback (most recent call last):
    TypeError: tune() has no parameter 'cv'; write folds=3
    """
    known = inspect.signature(function).parameters
    defaults = {name: parameter.default for name, parameter in known.items()}

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                given = {**defaults, **dict(zip(known, args, strict=False)), **kwargs}
                hint = meant(name, given) or (f"{near[0]}=…" if near else "")
                how = f"write {hint}" if hint else f"help(hpo.{function.__name__}) lists them"
                raise TypeError(f"{function.__name__}() has no parameter {name!r}; {how}")
        return function(*args, **kwargs)

    return called


def meant(name: str, given: Mapping[str, object]) -> str:
    """Return what to write for a parameter of another library, with the value that was given; empty where unknown.

    Examples
    --------
    >>> meant("n_trials", {"n_trials": 50}), meant("study_name", {"study_name": "a"})
    ('trials=50', "name='a'")
    >>> meant("param_grid", {"param_grid": {"C": [1, 2]}, "algorithm": "logistic"})
    "search={'logistic.C': [1, 2]}"
    """
    hint, value = PARAMETERS.get(name, ""), given[name]
    key = hint.partition("=")[0]
    if key in ("trials", "seed", "folds") and isinstance(value, int) and not isinstance(value, bool):
        return f"{key}={value}"
    if key == "name" and isinstance(value, str):
        return f"{key}={value!r}"
    owner = given.get("algorithm")
    grid = isinstance(value, Mapping) and all(isinstance(one, list | tuple) for one in value.values())
    if key == "search" and grid and isinstance(owner, str) and isinstance(value, Mapping):
        return f"search={ {f'{owner}.{one}': values for one, values in value.items()} !r}"
    return hint


def check_target(target: object) -> None:
    """Refuse values where the name of a column is meant.

    Raises
    ------
    TuneError
        The target is an array, or a number.

    Examples
    --------
    >>> import numpy as np
    >>> check_target(np.zeros(3))
    Traceback (most recent call last):
    hpo.errors.TuneError: target is the name of a column, and an array was given; give arrays together, as in \
hpo.tune((X, y), algorithm=…), or a frame that has the target as a column
    """
    if isinstance(target, list | tuple) and all(isinstance(one, str) for one in target):
        return
    if isinstance(target, int | np.integer) and not isinstance(target, bool):
        raise TuneError(
            f"target={int(target)}: names of columns are text, those of frames with numbers for names as well; "
            f"write target={str(target)!r}"
        )
    if np.asarray(target, object).ndim:
        what = "an array" if type(target).__name__ == "ndarray" else f"a {type(target).__name__}"
        raise TuneError(
            f"target is the name of a column, and {what} was given; give arrays together, as in "
            "hpo.tune((X, y), algorithm=…), or a frame that has the target as a column"
        )
