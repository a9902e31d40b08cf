"""An estimator that keeps scikit-learn's conventions, fitted to the sample anew in every trial.

Its hyperparameters are the constructor's parameters, of nested estimators too (``step__parameter``). They have no
ranges of their own: what is searched is what was asked for.
"""

from __future__ import annotations

import copy
import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    clone,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import has_fit_parameter

from algorithms.arrays import Array, Floats, Values
from algorithms.contract import Algorithm, Held, Rows
from algorithms.declared import Field
from algorithms.errors import AlgorithmError, FitFailed, InvalidField, NotEnoughRows
from algorithms.families.bins import shared
from algorithms.families.by_class import with_labels
from algorithms.families.conventions import parameters_of
from algorithms.families.native import (
    ENCODING,
    ENCODING_FIELD,
    NATIVE,
    ONE_HOT,
    NativeRows,
    native_rows,
    takes_natively,
)
from algorithms.families.outliers import outlier_code, score_outliers
from algorithms.families.sampled import Prepared, as_given, prepare
from algorithms.memo import MEMO
from algorithms.preparing.preprocess import Preprocess
from algorithms.solvers.cloud import Cloud
from algorithms.solvers.separation import SEPARATION
from algorithms.summaries.sample import Sample, SampleState

ROWS = 20_000
"""Rows of the sample that estimators are fitted to, unless ``size`` says otherwise."""

COLUMNS = Preprocess(False, "indicator", 0.0, None, center=True)
"""What estimators get: missing numbers as the mean with an indicator column; nothing scaled."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """An estimator fitted to a sample.

    Attributes
    ----------
    prepared : the rows.
    model : the estimator.
    converged : False where it warned that it did not.
    answers : to be asked in its place of held-out rows; None for the estimator itself.
    """

    prepared: Prepared | NativeRows
    model: BaseEstimator
    converged: bool
    answers: BaseEstimator | None = None


class Foreign(Algorithm[SampleState, Fitted]):
    """An estimator of scikit-learn's conventions over a sample; made by :func:`of_object`.

    Parameters
    ----------
    summary : the sample that it is fitted to.
    values : its parameters; those not given stay as they were. ``encoding``, where the estimator takes gaps or
        categories itself, says what becomes of them.

    Attributes
    ----------
    plain : the estimator with these parameters, never fitted.
    """

    template: ClassVar[BaseEstimator]
    summary: Sample

    def __init__(self, *, summary: Sample | None = None, **values: object) -> None:
        self.summary = Sample(size=ROWS) if summary is None else summary
        self.encoding = ONE_HOT
        if takes_natively(self.template):
            ENCODING_FIELD.check(values.get(ENCODING, NATIVE))
            self.encoding = str(values.pop(ENCODING, NATIVE))
        self.values: Mapping[str, object] = values
        try:
            self.plain = self.made()
        except (TypeError, ValueError) as error:
            raise InvalidField(f"{type(self).__name__}: {first_line(error)}") from error

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.values.items())
        return f"{type(self).__name__}({given})"

    @classmethod
    def _free_fields(cls) -> list[Field]:
        """Return the constructor's parameters, without ranges.

        One that takes further keywords, as LightGBM's do, takes ``verbose`` among them.
        """
        found = parameters_of(cls.template)
        kinds = {p.kind for p in inspect.signature(type(cls.template).__init__).parameters.values()}
        if inspect.Parameter.VAR_KEYWORD in kinds:
            found = {**found, "verbose": found.get("verbose")}
        fields = [Field(name, value, None, False) for name, value in found.items()]
        return [*fields, ENCODING_FIELD] if takes_natively(cls.template) else fields

    def made(self, state: SampleState | None = None) -> BaseEstimator:
        """Return the estimator, not fitted; of a state its weights by class have that state's labels."""
        if state is None:
            return clone(self.template).set_params(**with_labels(self.values, None))
        model = clone(self.template).set_params(**with_labels(self.values, state.shape))
        native = self._native(state)
        return model if native is None else model.set_params(**native.parameters)

    def prepared(self, state: SampleState) -> Prepared | NativeRows:
        """Return the rows of a sample as the estimator takes them, made once for all settings."""
        native = self._native(state)
        return native or MEMO.get(state, ("prepared", COLUMNS), lambda: prepare(state, COLUMNS))

    def _native(self, state: SampleState) -> NativeRows | None:
        return native_rows(state, self.plain) if self.encoding == NATIVE else None

    def beside(self, model: BaseEstimator, state: SampleState) -> dict[str, object]:
        """Return what ``fit`` takes beside rows and targets: their weights, and which columns are categories."""
        native = self._native(state)
        return {**weights_for(model, state), **({} if native is None else native.fitted)}

    def solve(self, state: SampleState) -> Fitted:
        """Return the fitted estimator; FitFailed, with its reason, where it raises."""
        state = as_given(state)
        self.check(state)
        prepared, model = self.prepared(state), self.made(state)
        fit = functools.partial(model.fit, prepared.X, *self._target(state), **self.beside(model, state))
        with shared(model, state, prepared.X):
            return Fitted(prepared, model, self._settled(fit))

    def _settled(self, fit: Callable[[], object]) -> bool:
        """Fit, and return whether nothing warned that it did not converge; FitFailed where it raises."""
        with warnings.catch_warnings(record=True) as raised:
            warnings.simplefilter("always")
            try:
                fit()
            except AlgorithmError:
                raise
            except Exception as error:  # whatever another package raises is this trial's failure alone
                raise FitFailed(f"{type(self).__name__} cannot be fitted: {first_line(error)}") from error
        return not any(issubclass(one.category, ConvergenceWarning) for one in raised)

    def _target(self, state: SampleState) -> tuple[Values | None, ...]:
        return (state.y,) if self.tags.task in ("classification", "regression") else ()

    def estimator(self, solution: Fitted) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns that ends in the estimator."""
        if solution.answers is not None:
            return solution.answers
        if self.tags.task == "outlier_detection":
            sample = solution.prepared.sample
            solution.model.outlier_label_ = sample.shape.classes[outlier_code(sample)]
        return solution.prepared.pipeline_of(solution.model)

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
            raise FitFailed(f"{type(self).__name__} cannot be asked: {first_line(error)}") from error
        code = outlier_code(solution.prepared.sample)
        return score_outliers(abnormal, found < 0, rows, code, metric)

    def converged(self, solution: Fitted) -> bool:
        """Return False where the estimator warned that it did not converge."""
        return solution.converged

    def complexity(self, solution: Fitted) -> float:
        """Return the rows that it was fitted to, which its degrees of freedom do not exceed."""
        return self._complexity_of(solution.prepared.sample)

    def _complexity_of(self, state: SampleState) -> float:
        return float(state.n)

    def check(self, state: SampleState) -> None:
        """Refuse a sample of one row."""
        if state.n < 2:
            raise NotEnoughRows(
                f"{type(self).__name__} needs at least 2 rows, and the sample holds {state.n}"
            )


def last_step(model: BaseEstimator) -> BaseEstimator:
    """Return the last step of a pipeline, or the estimator itself."""
    steps = getattr(model, "steps", None)
    return steps[-1][1] if steps else model


def ending_in(model: BaseEstimator, last: BaseEstimator) -> BaseEstimator:
    """Return a fitted pipeline with another last step, or that step where it is none."""
    steps = getattr(model, "steps", None)
    if not steps:
        return last
    found = copy.copy(model)
    found.steps = [*steps[:-1], (steps[-1][0], last)]
    return found


def weights_for(model: BaseEstimator, state: SampleState) -> dict[str, Array]:
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


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
