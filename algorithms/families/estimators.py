"""Any estimator that keeps scikit-learn's conventions, as an algorithm: a class by its path, or an object."""

from __future__ import annotations

import difflib
import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from importlib import import_module

from sklearn.base import (
    BaseEstimator,
    clone,
    is_classifier,
    is_clusterer,
    is_outlier_detector,
    is_regressor,
)

from algorithms.chained import EPOCHS
from algorithms.contract import Tags
from algorithms.errors import AlgorithmError
from algorithms.families.boosters import growth_of
from algorithms.families.conventions import check_conventions, hold_back, is_estimator, parameters_of
from algorithms.families.foreign import Foreign, first_line, last_step
from algorithms.families.foreign_epochs import Resumed
from algorithms.families.foreign_stages import Growing, Staged
from algorithms.families.prefix_axes import axis_of
from algorithms.imports import check_import
from algorithms.solvers.separation import SEPARATION

KINDS: Sequence[tuple[Callable[[BaseEstimator], bool], str]] = (
    (is_classifier, "classification"),
    (is_regressor, "regression"),
    (is_clusterer, "clustering"),
    (is_outlier_detector, "outlier_detection"),
)
"""How scikit-learn says what an estimator is for, and the task of that kind."""


def of_object(model: BaseEstimator) -> type[Foreign]:
    """Return the algorithm of an estimator or pipeline; its random states that are None become 0.

    Raises
    ------
    AlgorithmError
        It is neither a classifier, a regressor, a clusterer nor a model of outliers, or cannot be cloned.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> tree = of_object(DecisionTreeRegressor(max_depth=3))
    >>> tree.__name__, tree.tags.task, tree().made()
    ('DecisionTreeRegressor', 'regression', DecisionTreeRegressor(max_depth=3, random_state=0))
    """
    name = type(model).__name__
    check_conventions(model, name)
    try:
        template = clone(model)
    except (TypeError, RuntimeError) as error:
        raise AlgorithmError(f"{name} cannot be cloned: {first_line(error)}") from error
    unset = [
        k for k, v in template.get_params().items() if v is None and k.rpartition("__")[2] == "random_state"
    ]
    template.set_params(**dict.fromkeys(unset, 0))
    hold_back(last_step(template))
    task = next((task for is_of, task in KINDS if is_of(template)), None)
    if task is None:
        raise AlgorithmError(
            f"{name} is neither a classifier, a regressor, a clusterer nor a model of outliers, so it has no score"
        )
    if not hasattr(type(model), "predict"):
        raise AlgorithmError(f"{name} has no predict, so it cannot be scored on held-out rows")
    doc = f"{(type(model).__doc__ or name).strip().splitlines()[0]}"
    tags = Tags(task=task, sampled=tuple(SEPARATION) if task == "clustering" else (), costly=True, refit=True)
    body = {"template": template, "tags": tags, "__doc__": doc, "__module__": type(model).__module__}
    resumable = hasattr(last_step(template), "partial_fit") and EPOCHS not in parameters_of(template)
    part, growth = axis_of(last_step(template)), growth_of(last_step(template))
    if growth is not None and part is not None:
        return type(name, (Growing,), {**body, "part": part, "growth": growth})
    if resumable or part is None:
        return type(name, (Resumed if resumable else Foreign,), body)
    return type(name, (Staged,), {**body, "part": part})


def described(model: BaseEstimator) -> str:
    """Return a name for an object, the same in every session: its class and a digest of its parameters.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> described(SVC(C=2.0)) == described(SVC(C=2.0)), described(SVC(C=2.0)) == described(SVC(C=3.0))
    (True, False)
    """
    words = "; ".join(f"{k}={v!r}" for k, v in sorted(model.get_params().items()))
    words = re.sub(r" at 0x[0-9a-fA-F]+", "", words)
    return f"{type(model).__name__}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"


def by_path(path: str) -> type[Foreign]:
    """Return the algorithm of the estimator class at ``package.module.Class``.

    Raises
    ------
    AlgorithmError
        The path names no class that can be imported, its package is neither installed nor allowed, the class is no
        estimator, or it has a parameter without a default.

    Examples
    --------
    >>> by_path("sklearn.neighbors.KNeighborsRegressor").tags.task
    'regression'
    """
    module_name = path.rpartition(".")[0]
    if not module_name or not all(part.isidentifier() for part in path.split(".")):
        raise AlgorithmError(f"{path!r} is not 'package.module.Class', such as 'sklearn.svm.SVC'")
    check_import(module_name, repr(path))
    return _by_path(path)


@functools.cache
def _by_path(path: str) -> type[Foreign]:
    cls = _imported(path)
    if not (isinstance(cls, type) and is_estimator(cls)):
        raise AlgorithmError(f"{path!r} is not an estimator: it does not derive from sklearn.base.BaseEstimator")
    try:
        model = cls()
    except Exception as error:
        raise AlgorithmError(
            f"{path!r} cannot be made without arguments ({first_line(error)}); give the object itself in Python: "
            "algorithm=TheClass(…)"
        ) from error
    return of_object(model)


def _imported(path: str) -> object:
    module_name, _, name = path.rpartition(".")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise AlgorithmError(
            f"{path!r}: the package or module {error.name!r} is not installed; install it or check its name"
        ) from error
    except Exception as error:
        raise AlgorithmError(f"{path!r}: importing {module_name!r} failed: {first_line(error)}") from error
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, dir(module), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AlgorithmError(f"{path!r}: {module_name!r} has no {name!r}{hint}")
    found: object = getattr(module, name)
    return found
