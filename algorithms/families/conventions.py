"""What is known for an estimator by scikit-learn's conventions, and what brings those of other packages to them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

from sklearn.base import BaseEstimator

from algorithms.errors import AlgorithmError

HELD: Mapping[str, Sequence[tuple[frozenset[str], Mapping[str, object]]]] = {
    "lightgbm": (
        (frozenset({"verbose", "verbosity"}), {"verbose": -1}),
        (frozenset({"n_jobs", "num_threads", "num_thread", "nthread", "nthreads"}), {"n_jobs": 0}),
    ),
    "catboost": (
        (frozenset({"verbose", "verbose_eval", "logging_level", "silent", "metric_period"}), {"verbose": False}),
        (frozenset({"allow_writing_files", "train_dir", "save_snapshot"}), {"allow_writing_files": False}),
    ),
}
"""What keeps the estimators of a package from writing to the screen and into the directory, and from more threads
than OpenMP is set to (``n_jobs=0`` of LightGBM, whose None is one for each core: threads that wait for a busy core
make a small fit a hundred times slower); each after the parameters that decide it already."""


def hold_back(last: BaseEstimator) -> None:
    """Keep an estimator from writing in every fold, and from more threads, unless its parameters say otherwise.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> hold_back(SVC())
    """
    given = {name for name, value in last.get_params().items() if value is not None}
    for decides, held in HELD.get(type(last).__module__.partition(".")[0], ()):
        if not decides & given:
            last.set_params(**held)


def name_of(model: BaseEstimator) -> str:
    """Return package and class of an estimator, by which tables of estimators know it; that of no base.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> name_of(Ridge())
    'sklearn.Ridge'
    """
    kind = type(model)
    return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"


CONVENTIONS = ("get_params", "set_params", "fit", "predict")
"""Methods by which an estimator of another package, such as CatBoost's, is known for one."""


def is_estimator(kind: object) -> bool:
    """Return whether an object, or what a class makes, keeps scikit-learn's conventions, whatever it derives from.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> is_estimator(SVC), is_estimator(SVC()), is_estimator("svc")
    (True, True, False)
    """
    derived = issubclass(kind, BaseEstimator) if isinstance(kind, type) else isinstance(kind, BaseEstimator)
    return derived or all(callable(getattr(kind, name, None)) for name in CONVENTIONS)


def check_conventions(model: object, name: str) -> None:
    """Raise AlgorithmError where an object does not say what it is for, as scikit-learn's tags do."""
    if not hasattr(model, "__sklearn_tags__"):
        raise AlgorithmError(
            f"{name} has no __sklearn_tags__, which say what an estimator is for: derive it from "
            "sklearn.base.BaseEstimator, and from ClassifierMixin or RegressorMixin"
        )


def parameters_of(template: BaseEstimator) -> dict[str, object]:
    """Return the parameters that are values, not estimators or lists of them, with the template's values.

    ``get_params`` of CatBoost lists those alone that were given; the others have their defaults.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> parameters_of(KNeighborsRegressor(n_neighbors=3))["n_neighbors"]
    3
    """
    given = {
        name: value
        for name, value in template.get_params().items()
        if not hasattr(value, "get_params") and name not in ("steps", "transformers")
    }
    return {**_unlisted(template), **given}


def _unlisted(template: BaseEstimator) -> dict[str, object]:
    """Return parameters of constructors, nested ones too, that ``get_params`` leaves out, with their defaults."""
    given, found = template.get_params(), {}
    nested = {f"{name}__": value for name, value in given.items() if hasattr(value, "get_params")}
    for prefix, one in {"": template, **nested}.items():
        for known in inspect.signature(type(one).__init__).parameters.values():
            if known.default is not known.empty and prefix + known.name not in given:
                found[prefix + known.name] = known.default
    return found
