"""Any estimator that keeps scikit-learn's conventions, fitted to the sample: a class by its path, or an object.

Its hyperparameters are the constructor's parameters, of nested estimators too (``step__parameter``). They have no
ranges of their own: what is searched is what was asked for. Every trial fits the estimator anew.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import inspect
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    clone,
    is_classifier,
    is_clusterer,
    is_outlier_detector,
    is_regressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import has_fit_parameter

from algorithms.arrays import Array, Floats, Values
from algorithms.contract import Algorithm, Held, Rows, Tags
from algorithms.declared import Field
from algorithms.errors import AlgorithmError, FitFailed, InvalidField, NotEnoughRows
from algorithms.families.outliers import outlier_code, score_outliers
from algorithms.families.sampled import Prepared, prepare
from algorithms.imports import check_import
from algorithms.memo import MEMO
from algorithms.preparing.preprocess import Preprocess
from algorithms.solvers.centres import Cloud
from algorithms.solvers.separation import SEPARATION
from algorithms.summaries.sample import Sample, SampleState

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

ROWS = 20_000
"""Rows of the sample that estimators are fitted to, unless ``size`` says otherwise."""

COLUMNS = Preprocess(False, "indicator", 0.0, None, center=True)
"""What estimators get: missing numbers as the mean with an indicator column; nothing scaled."""

KINDS: Sequence[tuple[Callable[[BaseEstimator], bool], str]] = (
    (is_classifier, "classification"),
    (is_regressor, "regression"),
    (is_clusterer, "clustering"),
    (is_outlier_detector, "outlier_detection"),
)
"""How scikit-learn says what an estimator is for, and the task of that kind."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """An estimator fitted to a sample.

    Attributes
    ----------
    prepared : the rows.
    model : the estimator.
    converged : False where it warned that it did not.
    """

    prepared: Prepared
    model: BaseEstimator
    converged: bool


class Foreign(Algorithm[SampleState, Fitted]):
    """An estimator of scikit-learn's conventions over a sample; made by :func:`of_object`.

    Parameters
    ----------
    summary : the sample that it is fitted to.
    values : its parameters; those not given stay as they were.
    """

    template: ClassVar[BaseEstimator]
    summary: Sample

    def __init__(self, *, summary: Sample | None = None, **values: object) -> None:
        self.summary = Sample(size=ROWS) if summary is None else summary
        self.values: Mapping[str, object] = values
        try:
            self.made()
        except (TypeError, ValueError) as error:
            raise InvalidField(f"{type(self).__name__}: {_first_line(error)}") from error

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.values.items())
        return f"{type(self).__name__}({given})"

    @classmethod
    def free_fields(cls) -> list[Field]:
        """Return the constructor's parameters, without ranges.

        One that takes further keywords, as LightGBM's do, takes ``verbose`` among them.
        """
        found = _parameters(cls.template)
        kinds = {p.kind for p in inspect.signature(type(cls.template).__init__).parameters.values()}
        if inspect.Parameter.VAR_KEYWORD in kinds:
            found = {**found, "verbose": found.get("verbose")}
        return [Field(name, value, None, False) for name, value in found.items()]

    def made(self) -> BaseEstimator:
        """Return the estimator, not fitted."""
        return clone(self.template).set_params(**self.values)

    def solve(self, state: SampleState) -> Fitted:
        """Return the fitted estimator; FitFailed, with its reason, where it raises."""
        self.check(state)
        prepared = MEMO.get(state, ("prepared", COLUMNS), lambda: prepare(state, COLUMNS))
        model = self.made()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                model.fit(prepared.X, *self._target(state), **_weights(model, state))
            except AlgorithmError:
                raise
            except Exception as error:  # whatever another package raises is this trial's failure alone
                raise FitFailed(f"{type(self).__name__} cannot be fitted: {_first_line(error)}") from error
        settled = not any(issubclass(one.category, ConvergenceWarning) for one in told)
        return Fitted(prepared, model, settled)

    def _target(self, state: SampleState) -> tuple[Values | None, ...]:
        return (state.y,) if self.tags.task in ("classification", "regression") else ()

    def estimator(self, solution: Fitted) -> Pipeline:
        """Return a fitted ``Pipeline`` over the encoded columns that ends in the estimator."""
        if self.tags.task == "outlier_detection":
            sample = solution.prepared.sample
            solution.model.outlier_label_ = sample.shape.classes[outlier_code(sample)]
        return solution.prepared.dress(solution.model)

    def score(self, solution: Fitted, held: Held[SampleState], metric: str) -> float | None:
        """Return the score of clusters and outliers among held-out rows; None leaves the others to scorers."""
        rows = held.rows_for(metric)
        if rows is None or self.tags.task not in ("clustering", "outlier_detection"):
            return None
        X, model = solution.prepared.place(rows), solution.model
        try:
            found = np.asarray(model.predict(X))
            if self.tags.task == "clustering":
                return _separation(X, found, rows, metric)
            abnormal = -np.asarray(model.decision_function(X), np.float64)
        except (AttributeError, TypeError, ValueError) as error:
            raise FitFailed(f"{type(self).__name__} cannot be asked: {_first_line(error)}") from error
        code = outlier_code(solution.prepared.sample)
        return score_outliers(abnormal, found < 0, rows, code, metric)

    def converged(self, solution: Fitted) -> bool:
        """Return False where the estimator warned that it did not converge."""
        return solution.converged

    def complexity(self, solution: Fitted) -> float:
        """Return the rows that it was fitted to, which its degrees of freedom do not exceed."""
        return self.complexity_of(solution.prepared.sample)

    def complexity_of(self, state: SampleState) -> float:
        """Return the complexity of a model of this state without fitting it."""
        return float(state.n)

    def check(self, state: SampleState) -> None:
        """Refuse a sample of one row."""
        if state.n < 2:
            raise NotEnoughRows(
                f"{type(self).__name__} needs at least 2 rows, and the sample holds {state.n}"
            )


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
    try:
        template = clone(model)
    except (TypeError, RuntimeError) as error:
        raise AlgorithmError(f"{name} cannot be cloned: {_first_line(error)}") from error
    unset = [
        k for k, v in template.get_params().items() if v is None and k.rpartition("__")[2] == "random_state"
    ]
    template.set_params(**dict.fromkeys(unset, 0))
    task = next((task for told, task in KINDS if told(template)), None)
    if task is None:
        raise AlgorithmError(
            f"{name} is neither a classifier, a regressor, a clusterer nor a model of outliers, so it has no score"
        )
    if not hasattr(type(model), "predict"):
        raise AlgorithmError(f"{name} has no predict, so it cannot be scored on held-out rows")
    doc = f"{(type(model).__doc__ or name).strip().splitlines()[0]}"
    tags = Tags(task=task, sampled=tuple(SEPARATION) if task == "clustering" else (), costly=True)
    body = {"template": template, "tags": tags, "__doc__": doc, "__module__": type(model).__module__}
    return type(name, (Foreign,), body)


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


def _parameters(template: BaseEstimator) -> dict[str, object]:
    """Return the parameters that are values, not estimators or lists of them."""
    return {
        name: value
        for name, value in template.get_params().items()
        if not hasattr(value, "get_params") and name not in ("steps", "transformers")
    }


def _weights(model: BaseEstimator, state: SampleState) -> dict[str, Array]:
    """Return the row weights as ``fit`` of an estimator, or of a pipeline's last step, takes them."""
    if not state.weighted:
        return {}
    steps = getattr(model, "steps", None)
    last, prefix = (steps[-1][1], f"{steps[-1][0]}__") if steps else (model, "")
    if not has_fit_parameter(last, "sample_weight"):
        raise FitFailed(
            f"{type(last).__name__} takes no row weights; leave weight out, or choose another estimator"
        )
    return {f"{prefix}sample_weight": state.sample_weight}


def _separation(X: Floats, labels: Values, rows: Rows, metric: str) -> float | None:
    formula = SEPARATION.get(metric)
    cloud = Cloud(X, rows.sample_weight, float(rows.sample_weight.sum()), rows.n)
    return None if formula is None else formula(cloud, labels.astype(np.intp))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)


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
    if not (isinstance(cls, type) and issubclass(cls, BaseEstimator)):
        raise AlgorithmError(f"{path!r} is no estimator: it does not derive from sklearn.base.BaseEstimator")
    try:
        model = cls()
    except Exception as error:
        raise AlgorithmError(
            f"{path!r} cannot be made without arguments ({_first_line(error)}); give the object itself in Python: "
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
        raise AlgorithmError(f"{path!r}: importing {module_name!r} failed: {_first_line(error)}") from error
    if not hasattr(module, name):
        near = difflib.get_close_matches(name, dir(module), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise AlgorithmError(f"{path!r}: {module_name!r} has no {name!r}{hint}")
    found: object = getattr(module, name)
    return found
