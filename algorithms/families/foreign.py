"""Any estimator that keeps scikit-learn's conventions, fitted to the sample: a class by its path, or an object.

Its hyperparameters are the constructor's parameters, of nested estimators too (``step__parameter``). They have no
ranges of their own: what is searched is what was asked for. Every trial fits the estimator anew, but for those that
have ``partial_fit``, or grow more trees, and are given a number of ``epochs``: they go on from others' chains.
"""

from __future__ import annotations

import copy
import difflib
import functools
import hashlib
import inspect
import re
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar, TypeVar

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

from algorithms.arrays import Array, Floats, Places, Values
from algorithms.chained import EPOCHS
from algorithms.contract import Algorithm, Chain, Chained, Held, Prefixed, Rows, Tags
from algorithms.declared import Field
from algorithms.errors import AlgorithmError, FitFailed, InvalidField, NotEnoughRows
from algorithms.families.bins import shared
from algorithms.families.boosters import STORED, Growth, growth_of
from algorithms.families.by_class import with_labels
from algorithms.families.conventions import check_conventions, is_estimator, parameters_of, silence
from algorithms.families.estimator_arrays import arrays_of, put_back
from algorithms.families.outliers import outlier_code, score_outliers
from algorithms.families.prefix_axes import PrefixAxis, axis_of
from algorithms.families.prefix_sweeps import Answers
from algorithms.families.sampled import Prepared, as_given, prepare
from algorithms.imports import check_import
from algorithms.memo import MEMO
from algorithms.preparing.preprocess import Preprocess
from algorithms.ranges import Legal
from algorithms.solvers.cloud import Cloud
from algorithms.solvers.separation import SEPARATION
from algorithms.summaries.sample import Sample, SampleState, labels

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


T = TypeVar("T")


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

    prepared: Prepared
    model: BaseEstimator
    converged: bool
    answers: BaseEstimator | None = None


class Foreign(Algorithm[SampleState, Fitted]):
    """An estimator of scikit-learn's conventions over a sample; made by :func:`of_object`.

    Parameters
    ----------
    summary : the sample that it is fitted to.
    values : its parameters; those not given stay as they were.

    Attributes
    ----------
    plain : the estimator with these parameters, never fitted.
    """

    template: ClassVar[BaseEstimator]
    summary: Sample

    def __init__(self, *, summary: Sample | None = None, **values: object) -> None:
        self.summary = Sample(size=ROWS) if summary is None else summary
        self.values: Mapping[str, object] = values
        try:
            self.plain = self.made()
        except (TypeError, ValueError) as error:
            raise InvalidField(f"{type(self).__name__}: {_first_line(error)}") from error

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
        return [Field(name, value, None, False) for name, value in found.items()]

    def made(self, state: SampleState | None = None) -> BaseEstimator:
        """Return the estimator, not fitted; of a state its weights by class have that state's labels."""
        return clone(self.template).set_params(**with_labels(self.values, None if state is None else state.shape))

    def solve(self, state: SampleState) -> Fitted:
        """Return the fitted estimator; FitFailed, with its reason, where it raises."""
        state = as_given(state)
        self.check(state)
        prepared, model = _prepared(state), self.made(state)
        fit = functools.partial(model.fit, prepared.X, *self._target(state), **_weights(model, state))
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
                raise FitFailed(f"{type(self).__name__} cannot be fitted: {_first_line(error)}") from error
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


MOLD_ROWS = 1000
"""Rows that an estimator is fitted to so that it has all that stored arrays are put back into."""


class Resumed(Chained[SampleState, Fitted], Foreign):
    """An estimator with ``partial_fit`` over a sample; made by :func:`of_object`.

    With a number of ``epochs`` it is called so often with every row of the sample, in an order that is drawn for
    each epoch, and without one ``fit`` is. Earlier steps of a pipeline are fitted once, before the first epoch.

    Parameters
    ----------
    summary : the sample that it is fitted to.
    epochs : times that the rows are gone through; None for ``fit``, which decides by itself.
    values : its parameters; those not given stay as they were.
    """

    def __init__(
        self, *, summary: Sample | None = None, epochs: int | None = None, **values: object
    ) -> None:
        EPOCHS_FIELD.check(epochs)
        self.epochs = epochs
        super().__init__(summary=summary, **values)

    @classmethod
    def _free_fields(cls) -> list[Field]:
        """Return the constructor's parameters, and the number of epochs."""
        return [*super()._free_fields(), EPOCHS_FIELD]

    @property
    def chained(self) -> Chained | None:
        """The algorithm itself where a number of epochs is given."""
        return None if self.epochs is None else self

    @property
    def length(self) -> int:
        """Epochs that it is trained for; 0 where ``fit`` decides."""
        return self.epochs or 0

    def in_force(self, epoch: int) -> Mapping[str, object]:
        """Return every parameter, and which version of its package has them; the same in every epoch."""
        if epoch:
            return {}
        kind = type(self.template)
        made = {k: _words(v) for k, v in sorted(self.made().get_params().items())}
        return {
            "class": f"{kind.__module__}.{kind.__qualname__}", "version": _version_of(kind), "parameters": made,
        }  # fmt: skip

    def may_change(self, name: str) -> bool:
        """Return whether it is a number other than a count, which may decide how arrays are laid out."""
        return isinstance(self.plain.get_params().get(name), float)

    def solve(self, state: SampleState) -> Fitted:
        """Return the estimator after its epochs; without a number of these as ``fit`` leaves it."""
        if self.epochs is None:
            return Foreign.solve(self, state)
        self.check(state)
        return super().solve(state)

    def begin(self, state: SampleState) -> Chain:
        """Return the chain of no epoch: the estimator's own random state is the key."""
        seed = _last(self.made()).get_params().get("random_state")
        return Chain(0, seed if isinstance(seed, int) else 0)

    def go_on(self, chain: Chain, before: SampleState, state: SampleState) -> Chain:
        """Return the estimator as the rows before left it; FitFailed where rows have other columns since."""
        known, now = (set(_prepared(each).columns.names) for each in (before, state))
        if known != now:
            raise FitFailed(
                f"{type(self).__name__}: new rows have other columns ({', '.join(sorted(known ^ now)[:5])}); leave "
                "replay out, to train on all rows"
            )
        return super().go_on(chain, before, state)

    def advance(self, chain: Chain, state: SampleState) -> Iterator[Chain]:
        """Yield the chain after each further epoch; FitFailed, with its reason, where one raises."""
        known = labels(state.shape) if state.shape.classes else None
        model, X = self._at(chain, state)
        last, beside = _last(model), _beside(_last(model), state)
        for epoch in range(chain.epoch + 1, 2**31):
            order = chain.among(np.random.default_rng([chain.seed, epoch]).permutation(len(X)))
            self._epoch(last, X, beside, order)
            found = arrays_of(last, known)
            _check_numbers(found, type(self).__name__, epoch)
            yield Chain(epoch, chain.seed, found, chosen=chain.chosen)

    def trained(self, chain: Chain, state: SampleState) -> Fitted:
        """Return the estimator after the last epoch of a chain."""
        return Fitted(_prepared(state), self._at(chain, state)[0], converged=True)

    def _at(self, chain: Chain, state: SampleState) -> tuple[BaseEstimator, Floats]:
        """Return the estimator as a chain has it, and the rows that its last step takes."""
        model = self.made(state)
        X, last = self._rows_of(model, state), _last(model)
        if not hasattr(last, "partial_fit"):
            raise FitFailed(
                f"{type(last).__name__} has no partial_fit with these parameters; leave epochs out, or change them"
            )
        if chain.parameters:
            self._epoch(last, X, _beside(last, state), np.arange(min(len(X), MOLD_ROWS)))
            put_back(last, chain.parameters)
        return model, X

    def _rows_of(self, model: BaseEstimator, state: SampleState) -> Floats:
        """Return the rows that the last step takes; earlier ones are fitted."""
        X, y = _prepared(state).X, self._target(state)
        if len(getattr(model, "steps", ())) > 1:
            X = np.ascontiguousarray(self._run(lambda: model[:-1].fit_transform(X, *y)))
        return X

    def _epoch(self, last: BaseEstimator, X: Floats, beside: Mapping[str, Values], order: Places) -> None:
        given = {name: array if name == "classes" else array[order] for name, array in beside.items()}
        self._run(lambda: last.partial_fit(X[order], **given))

    def _run(self, call: Callable[[], T]) -> T:
        """Return what a call gives; FitFailed where it raises."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return call()
        except AlgorithmError:
            raise
        except Exception as error:  # whatever another package raises is this trial's failure alone
            raise FitFailed(f"{type(self).__name__} cannot be trained: {_first_line(error)}") from error


class Staged(Prefixed[SampleState, Fitted], Foreign):
    """An estimator whose fit holds every smaller one over a sample; made by :func:`of_object`.

    Parameters
    ----------
    summary : the sample that it is fitted to.
    values : its parameters; those not given stay as they were.
    """

    part: ClassVar[PrefixAxis]

    @property
    def prefixed(self) -> Prefixed | None:
        """The algorithm itself where it is so with these parameters."""
        return self if self.part.holds(_last(self.plain)) else None

    @property
    def axis(self) -> str:
        """The parameter, of a pipeline's last step where it is one."""
        steps, name = getattr(self.template, "steps", None), self.part.named(_last(self.plain))
        return f"{steps[-1][0]}__{name}" if steps else name

    @property
    def falling(self) -> bool:
        """Whether it becomes smaller as the value grows."""
        return self.part.falling

    def smaller(self, solution: Fitted, value: float) -> Fitted:
        """Return the estimator of that value."""
        return replace(solution, model=_ending(solution.model, self.part.first(_last(solution.model), value)))

    def along(self, solution: Fitted, values: Sequence[float], held: Held[SampleState]) -> Iterator[Fitted]:
        """Yield the estimator of each value with its answers for the held-out rows: one sweep over its parts."""
        rows, model = held.rows, solution.model
        if rows is None or not isinstance(rows.X, np.ndarray):
            yield from super().along(solution, values, held)
            return
        X = solution.prepared.place(rows)
        if len(getattr(model, "steps", ())) > 1:
            X = model[:-1].transform(X)
        for value, shorter in zip(values, self.part.swept(_last(model), X, values), strict=True):
            cut = functools.partial(self._cut, solution, value)
            yield replace(solution, model=_ending(model, shorter), answers=Answers(shorter, X, cut))

    def _cut(self, solution: Fitted, value: float) -> BaseEstimator:
        return self.estimator(self.smaller(solution, value))

    def grows(self, state: SampleState) -> bool:
        """Return whether trees are grown only as far as is asked for, to what one fit makes."""
        return self.part.grown is not None and self.part.steady(_last(self.plain), state.n)

    def growing(
        self, state: SampleState, values: Sequence[float], held: Held[SampleState]
    ) -> Generator[Fitted]:
        """Yield the estimator of each value with its answers for the held-out rows, grown no further than that."""
        rows, grown = held.rows, self.part.grown
        if grown is None or not self.grows(state) or rows is None or not isinstance(rows.X, np.ndarray):
            yield from super().growing(state, values, held)
            return
        state = as_given(state)
        self.check(state)
        prepared, model = _prepared(state), self.made(state)
        X, y, last, settled = prepared.X, self._target(state), _last(model), [True]
        asked = prepared.place(rows)
        if len(getattr(model, "steps", ())) > 1:
            earlier = model[:-1]
            settled.append(self._settled(lambda: earlier.fit(X, *y)))
            X, asked = earlier.transform(X), earlier.transform(asked)

        def fit(one: BaseEstimator, **more: object) -> None:
            with shared(one, state, prepared.X):
                settled.append(self._settled(functools.partial(one.fit, X, *y, **_weights(one, state), **more)))

        for shorter in grown(last, fit, list(map(int, values))):
            found = Fitted(prepared, _ending(model, shorter), all(settled))
            yield replace(found, answers=Answers(shorter, asked, functools.partial(self.estimator, found)))


class Growing(Resumed, Staged):
    """A booster over a sample, which grows more trees after those it has; made by :func:`of_object`.

    With a number of ``epochs`` as many trees as a fit grows, ``n_estimators``, are grown in each, by a seed of its
    own, after those of the chain. Without it one fit grows them, and holds every smaller number.

    Parameters
    ----------
    summary : the sample that it is fitted to.
    epochs : how often trees are grown; None for once.
    values : its parameters; those not given stay as they were.
    """

    growth: ClassVar[Growth]

    @property
    def prefixed(self) -> Prefixed | None:
        """The algorithm itself where it is so with these parameters, and one fit grows all trees."""
        return super().prefixed if self.epochs is None else None

    def advance(self, chain: Chain, state: SampleState) -> Iterator[Chain]:
        """Yield the chain after each further growth; FitFailed, with its reason, where one raises."""
        model = self.made(state)
        X, last, rows = self._rows_of(model, state), _last(model), chain.among(np.arange(state.n))
        beside = {name: array[rows] for name, array in self._beside(last, state).items()}
        known = chain.parameters.get(STORED)
        for epoch in range(chain.epoch + 1, 2**31):
            seed = np.random.default_rng([chain.seed, epoch]).integers(2**31)
            last.set_params(random_state=int(seed))
            grow = functools.partial(self.growth.grow, last, X[rows], known, beside)
            self._run(grow)
            known = self.growth.kept(last)
            yield Chain(epoch, chain.seed, {STORED: known}, chosen=chain.chosen)

    def _at(self, chain: Chain, state: SampleState) -> tuple[BaseEstimator, Floats]:
        model = self.made(state)
        X, last, parameter = self._rows_of(model, state), _last(model), self.growth.rounds
        many = last.get_params()[parameter]
        self._run(lambda: self.growth.grow(last.set_params(**{parameter: 1}), X, None, self._beside(last, state)))
        last.set_params(**{parameter: many})
        self.growth.give(last, chain.parameters[STORED])
        return model, X

    def _beside(self, last: BaseEstimator, state: SampleState) -> dict[str, Values]:
        found = {} if state.y is None else {"y": state.y}
        return found | _weights(last, state)


EPOCHS_FIELD = Field(EPOCHS, None, None, needs_pass=False, types=(int, type(None)), legal=Legal(ge=1))
"""The hyperparameter of every estimator that has ``partial_fit``, and no other of this name."""


def _prepared(state: SampleState) -> Prepared:
    return MEMO.get(state, ("prepared", COLUMNS), lambda: prepare(state, COLUMNS))


def _last(model: BaseEstimator) -> BaseEstimator:
    """Return the last step of a pipeline, or the estimator itself."""
    steps = getattr(model, "steps", None)
    return steps[-1][1] if steps else model


def _ending(model: BaseEstimator, last: BaseEstimator) -> BaseEstimator:
    """Return a fitted pipeline with another last step, or that step where it is none."""
    steps = getattr(model, "steps", None)
    if not steps:
        return last
    found = copy.copy(model)
    found.steps = [*steps[:-1], (steps[-1][0], last)]
    return found


def _beside(last: BaseEstimator, state: SampleState) -> dict[str, Values]:
    """Return what ``partial_fit`` takes beside the rows: targets, their classes, weights."""
    takes = inspect.signature(last.partial_fit).parameters
    found: dict[str, Values] = {}
    if state.y is not None and "y" in takes and not is_clusterer(last):
        found["y"] = state.y
        if "classes" in takes:
            found["classes"] = labels(state.shape)
    if state.weighted:
        if "sample_weight" not in takes:
            raise FitFailed(
                f"partial_fit of {type(last).__name__} takes no row weights; leave weight out, or leave epochs out"
            )
        found["sample_weight"] = state.sample_weight
    return found


def _check_numbers(found: Mapping[str, Values], name: str, epoch: int) -> None:
    """Raise FitFailed where an epoch ends with what is not a number; infinity may be a beginning."""
    for key, array in found.items():
        if array.dtype.kind == "f" and array.ndim and not np.isfinite(array).all():
            raise FitFailed(
                f"{name} has no finite {key!r} after epoch {epoch}; its steps are too large: scale its columns, or "
                "search a smaller step size"
            )


def _words(value: object) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _version_of(kind: type) -> str:
    """Return the version of the package that a class is of, as it is installed; empty where none is."""
    package = kind.__module__.partition(".")[0]
    try:
        return version({"sklearn": "scikit-learn"}.get(package, package))
    except PackageNotFoundError:
        return ""


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
        raise AlgorithmError(f"{name} cannot be cloned: {_first_line(error)}") from error
    unset = [
        k for k, v in template.get_params().items() if v is None and k.rpartition("__")[2] == "random_state"
    ]
    template.set_params(**dict.fromkeys(unset, 0))
    silence(_last(template))
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
    resumable = hasattr(_last(template), "partial_fit") and EPOCHS not in parameters_of(template)
    part, growth = axis_of(_last(template)), growth_of(_last(template))
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
    if not (isinstance(cls, type) and is_estimator(cls)):
        raise AlgorithmError(f"{path!r} is not an estimator: it does not derive from sklearn.base.BaseEstimator")
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
