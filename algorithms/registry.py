"""The algorithms by name: one line each, and those of other packages by entry point ``hpo.algorithms``."""

from __future__ import annotations

import difflib
import functools
import hashlib
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from algorithms.contract import Algorithm
from algorithms.errors import AlgorithmError, UnknownAlgorithm
from algorithms.extras import is_installed, needed
from algorithms.fields import values_of
from algorithms.imports import check_import
from algorithms.spellings import meant
from algorithms.tags import Tags

BUILT_IN: Mapping[str, str] = {
    "ridge": "algorithms.models.ridge:Ridge",
    "lasso": "algorithms.models.lasso:Lasso",
    "elastic_net": "algorithms.models.elastic_net:ElasticNet",
    "ols": "algorithms.models.ols:OLS",
    "pcr": "algorithms.models.pcr:PCR",
    "pls": "algorithms.models.pls:PLS",
    "bayesian_ridge": "algorithms.models.bayesian_ridge:BayesianRidge",
    "pca": "algorithms.models.pca:PCA",
    "sketched_pca": "algorithms.models.sketched_pca:SketchedPCA",
    "logistic": "algorithms.models.logistic:Logistic",
    "poisson": "algorithms.models.poisson:Poisson",
    "gamma": "algorithms.models.gamma:Gamma",
    "tweedie": "algorithms.models.tweedie:Tweedie",
    "linear": "algorithms.models.linear:Linear",
    "linear_regressor": "algorithms.models.linear_regressor:LinearRegressor",
    "gaussian_nb": "algorithms.models.gaussian_nb:GaussianNB",
    "multinomial_nb": "algorithms.models.multinomial_nb:MultinomialNB",
    "bernoulli_nb": "algorithms.models.bernoulli_nb:BernoulliNB",
    "complement_nb": "algorithms.models.complement_nb:ComplementNB",
    "categorical_nb": "algorithms.models.categorical_nb:CategoricalNB",
    "lda": "algorithms.models.lda:LDA",
    "qda": "algorithms.models.qda:QDA",
    "knn_classifier": "algorithms.models.knn_classifier:KNNClassifier",
    "knn_regressor": "algorithms.models.knn_regressor:KNNRegressor",
    "isolation_forest": "algorithms.models.isolation_forest:IsolationForest",
    "factorization_machine": "algorithms.models.factorization_machine:FactorizationMachine",
    "fm_classifier": "algorithms.models.factorization_machine_classifier:FactorizationMachineClassifier",
    "kmeans": "algorithms.models.kmeans:KMeans",
    "gaussian_mixture": "algorithms.models.gaussian_mixture:GaussianMixture",
    "ease": "algorithms.models.ease:EASE",
    "pure_svd": "algorithms.models.pure_svd:PureSVD",
    "topics": "algorithms.models.topics:Topics",
    "neural_topic_model": "algorithms.models.neural_topic_model:NeuralTopicModel",
    "lsa": "algorithms.models.lsa:LSA",
    "linear_forecaster": "algorithms.models.linear_forecaster:LinearForecaster",
    "deepar": "algorithms.models.deepar:DeepAR",
    "seasonal_naive": "algorithms.models.seasonal_naive:SeasonalNaive",
    "drift": "algorithms.models.drift:Drift",
    "mean_forecast": "algorithms.models.mean_forecast:MeanForecast",
}
"""Name → ``module:class`` of the algorithms that come with the package."""


PATH, OBJECT = "sklearn:", "object:"
"""How the names of classes by path, and of objects, begin; an alias and ``=`` may stand before."""

_OBJECTS: dict[str, type[Algorithm]] = {}

_CONSTANTS: dict[str, Mapping[str, object]] = {}


def names() -> list[str]:
    """Return the name of every algorithm, built-in ones first.

    Examples
    --------
    >>> names()[:3]
    ['ridge', 'lasso', 'elastic_net']
    """
    return [*BUILT_IN, *(name for name in _plugins() if name not in BUILT_IN)]


def get(name: str) -> type[Algorithm]:
    """Return the algorithm class of that name.

    Parameters
    ----------
    name : a registered name; ``"sklearn:package.module.Class"`` for any estimator class that can be imported;
        or what :func:`adopt` returned for an object. The last two may have an alias before them, and ``=``.

    Raises
    ------
    UnknownAlgorithm
        If there is none; the nearest name is suggested.
    AlgorithmError
        If another package's algorithm cannot be imported, or is not an estimator.

    Examples
    --------
    >>> get("ridge").__name__
    'Ridge'
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        found: type[Algorithm] = getattr(import_module(module), attribute)
        return found
    if name in _plugins():
        return _load(_plugins()[name])
    if is_foreign(name):
        return _foreign(name)
    known = ", ".join(one + _lacking(one) for one in names())
    raise UnknownAlgorithm(f"algorithm {name!r} is unknown; {suggested(name)}known are {known}")


def suggested(name: str) -> str:
    """Return what may be meant by a name that is unknown, and what that needs which is not installed.

    Examples
    --------
    >>> suggested("rigde"), suggested("LogisticRegression"), suggested("zzz")
    ("did you mean 'ridge'? ", "write 'logistic'; ", '')
    """
    if hint := meant(name, names(), _lacking):
        return hint
    near = difflib.get_close_matches(name, names(), n=1)
    return f"did you mean {near[0]!r}{_lacking(near[0])}? " if near else ""


def of_task(task: str) -> list[str]:
    """Return the names of a task's algorithms that can be used as things are installed.

    Those of other packages that cannot be imported, and those whose extra is not there, are left out.

    Examples
    --------
    >>> of_task("clustering")
    ['kmeans', 'gaussian_mixture']
    """
    return [name for name in usable() if get(name).tags.task == task]


def usable() -> list[str]:
    """Return the names of the algorithms that can be imported, and whose extra is there.

    Examples
    --------
    >>> "ridge" in usable()
    True
    """
    found = {name: _tags(name) for name in names()}
    return [name for name, tags in found.items() if tags is not None and needed(tags.extra) is None]


def _tags(name: str) -> Tags | None:
    try:
        return get(name).tags
    except AlgorithmError:
        return None


def _lacking(name: str) -> str:
    """Return what an algorithm needs that is not installed, in brackets; empty where nothing is missing."""
    if name.startswith(PATH):
        package = name.removeprefix(PATH).partition(".")[0]
        lacks = not is_installed(package)
        return f" (needs {package}, which is not installed: pip install {package})" if lacks else ""
    tags = _tags(name)
    needs = None if tags is None else needed(tags.extra)
    return "" if needs is None else f" (needs {needs})"


def is_foreign(name: str) -> bool:
    """Return whether a name stands for a class by its path, or for an object.

    Examples
    --------
    >>> is_foreign("trees=sklearn:sklearn.ensemble.ExtraTreesRegressor"), is_foreign("ridge")
    (True, False)
    """
    return _without_alias(name).startswith((PATH, OBJECT))


def adopt(model: object) -> str:
    """Return the name by which an object is known in this process.

    Parameters
    ----------
    model : an estimator or pipeline; a class of an algorithm, whose ranges are searched; or an algorithm, whose
        values are constants.

    Raises
    ------
    AlgorithmError
        It is neither, or no estimator of scikit-learn's conventions.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> get(adopt(SVC())).tags.task
    'classification'
    >>> from algorithms.models.ridge import Ridge
    >>> get(adopt(Ridge)) is Ridge, constants_of(adopt(Ridge(alpha=2.0)))["alpha"]
    (True, 2.0)
    """
    if isinstance(model, Algorithm):
        return _keep(type(model), repr(model), values_of(model))
    if isinstance(model, type) and issubclass(model, Algorithm):
        return _keep(model, "", {})

    from algorithms.families import conventions, estimators  # noqa: PLC0415 -- loads scikit-learn

    if isinstance(model, type) or not conventions.is_estimator(model):
        hint = _of_class(model) if conventions.is_estimator(model) else ""
        what = f"the class {model.__name__}" if isinstance(model, type) else repr(model)[:60]
        raise AlgorithmError(
            f"algorithm={what} is neither a name nor an estimator object; {hint}give a registered "
            "name, 'sklearn:package.module.Class', an object such as SVC(), or a class of an algorithm"
        )
    name = f"{OBJECT}{estimators.described(model)}"
    _OBJECTS[name] = estimators.of_object(model)
    return name


def _of_class(model: object) -> str:
    """Return what to write in place of an estimator's class, as a clause; empty where it is something else."""
    if not isinstance(model, type):
        return ""
    plain = model.__name__
    return meant(plain, names(), _lacking) or f"write {plain}(), or '{PATH}{model.__module__}.{plain}'; "


def adoptable(model: object) -> bool:
    """Return whether :func:`adopt` may take an object.

    Examples
    --------
    >>> from algorithms.models.ridge import Ridge
    >>> adoptable(Ridge), adoptable(Ridge()), adoptable("ridge")
    (True, True, False)
    """
    return isinstance(model, (type, Algorithm)) or hasattr(model, "get_params")


def constants_of(name: str) -> Mapping[str, object]:
    """Return the values that an adopted algorithm holds constant; none of any other name.

    Examples
    --------
    >>> constants_of("ridge")
    {}
    """
    return _CONSTANTS.get(_without_alias(name), {})


def _keep(kind: type[Algorithm], words: str, values: Mapping[str, object]) -> str:
    words = f"{kind.__module__}.{kind.__qualname__} {words}"
    name = f"{OBJECT}{kind.__name__}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"
    _OBJECTS[name], _CONSTANTS[name] = kind, values
    return name


def _foreign(name: str) -> type[Algorithm]:
    from algorithms.families.estimators import by_path  # noqa: PLC0415 -- loads scikit-learn

    full = _without_alias(name)
    if full.startswith(PATH):
        return by_path(full.removeprefix(PATH))
    if full in _OBJECTS:
        return _OBJECTS[full]
    raise AlgorithmError(
        f"algorithm {full!r} was a Python object of another session; give the same object again as algorithm="
    )


def _without_alias(name: str) -> str:
    alias, _, full = name.partition("=")
    return full.strip() if full.strip().startswith((PATH, OBJECT)) and ":" not in alias else name


@functools.cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="hpo.algorithms")}


def _load(point: EntryPoint) -> type[Algorithm]:
    where = point.dist.name if point.dist else point.value
    check_import(point.module, f"algorithm {point.name!r} of the package {where!r}", point.dist)
    try:
        found: type[Algorithm] = point.load()
    except Exception as error:
        raise AlgorithmError(
            f"algorithm {point.name!r} of the package {where!r} cannot be imported ({error!r}); "
            "update or remove that package"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Algorithm)):
        raise AlgorithmError(
            f"algorithm {point.name!r} ({found!r}) does not keep the contract: it is not a subclass of "
            "algorithms.contract.Algorithm; update or remove the package that brings it"
        )
    return found
