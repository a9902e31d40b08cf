"""Steps before a model that no hyperparameter stands for: fitted once for each split, whatever follows them."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from scipy.sparse import issparse, spmatrix
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import _safe_split

from algorithms.arrays import Places, Values
from hpo.drop_in.counterparts import STANDARDIZE, Counterpart, Unanswered, counterpart
from hpo.drop_in.targets import Transformed, around_of, inside_of, transformed
from hpo.drop_in.weights import Weights, taken
from hpo.drop_in.words import Split
from hpo.process.memory import available_memory

FLAT = 4.0
"""Variance over what scikit-learn takes for rounding, below which some split may be taken for constant."""

SHARE = 0.25
"""Share of the free memory that the tables of one kind of steps may take, those of all splits together."""


@dataclass(frozen=True)
class Table:
    """Rows that states answer for.

    Attributes
    ----------
    X : numbers, an array or a sparse matrix.
    y : one column without gaps; None where there is none.
    splits : rows to train on and to test on.
    beside : how many tables stand beside each other; 0 for one that was given, and is not a copy.
    weights : of the rows; None where all count alike.
    transformed : what the split is scored on, where the target is transformed; None where the table is.
    """

    X: Values
    y: Values | None
    splits: Sequence[Split]
    beside: int = 0
    weights: Values | None = None
    transformed: Transformed | None = None

    @classmethod
    def of(
        cls, X: ArrayLike, y: Values | None, splits: Sequence[Split], beside: int = 0,
        weights: Values | None = None, transformed: Transformed | None = None,
    ) -> Table:  # fmt: skip
        """Return the table; raises Unanswered for features that are not numbers."""
        table = as_numbers(X)
        if table.ndim != 2 or table.dtype.kind not in "fiub":
            raise Unanswered("X is not a table of numbers")
        if table.dtype.kind == "f" and table.dtype.itemsize < 8:
            raise Unanswered(f"scikit-learn computes in {table.dtype}; X.astype(float) is answered")
        return cls(table, y, splits, beside, weights, transformed)

    @property
    def nbytes(self) -> int:
        """Bytes of the copy that it is."""
        if not self.beside:
            return 0
        return 12 * int(cast(spmatrix, self.X).nnz) if issparse(self.X) else int(self.X.nbytes)

    def check_room(self, nbytes: int) -> None:
        """Raise Unanswered where so many bytes for each table that stands beside it are too many."""
        if nbytes * self.beside > SHARE * available_memory():
            raise Unanswered(
                f"what the steps before the model make takes {nbytes * self.beside / 1e9:.1f} GB"
            )

    @property
    def has_gaps(self) -> bool:
        """Whether values of X are missing."""
        values = self.X.data if issparse(self.X) else self.X
        return self.X.dtype.kind == "f" and bool(np.isnan(values).any())

    def suited(self, asked: Counterpart) -> Table:
        """Return the table as an algorithm takes it; raises Unanswered where it does not.

        What steps made sparse is made dense: a model of the same rows is the same.
        """
        if self.y is None and asked.has_target:
            raise Unanswered("there is no y, or none without gaps")
        if self.weights is not None and not asked.weighted:
            raise Unanswered("answers of weighted rows are not those of its fits")
        if self.has_gaps and not asked.imputes:
            raise Unanswered("values are missing, and no step fills them")
        if not issparse(self.X) or asked.sparse:
            return self
        if not self.beside:
            raise Unanswered("X is sparse")
        if asked.dense:
            raise Unanswered("what the steps before the model make is sparse")
        self.check_room(8 * self.X.shape[0] * self.X.shape[1])
        return replace(self, X=cast(scipy.sparse.csr_array, self.X).toarray())

    def check_scaled(self, asked: Counterpart) -> None:
        """Raise Unanswered where a column varies that scikit-learn's scaler would take for a constant."""
        if asked.fields.get(STANDARDIZE) and self.flat is not None:
            raise Unanswered(
                f"column {self.flat} varies by so little beside its mean that scikit-learn's scaler takes it for a "
                "constant"
            )

    @cached_property
    def flat(self) -> int | None:
        """The first column whose variance scikit-learn cannot tell from rounding; None where there is none.

        Its scaler leaves such a column unscaled (``_is_constant_feature``); states know its variance.
        """
        for number, column in enumerate(() if issparse(self.X) else self.X.T):
            values = column[~np.isnan(column)] if column.dtype.kind == "f" else column
            if not len(values) or values.min() == values.max():
                continue
            mean, variance = float(values.mean(dtype=np.float64)), float(values.var(dtype=np.float64))
            lost = len(values) * float(np.finfo(np.float64).eps)
            if variance <= FLAT * (lost * variance + (lost * mean) ** 2):
                return number
        return None


def as_numbers(X: ArrayLike) -> Values:
    """Return a table as an array, or a sparse one; of numbers where its values are some."""
    table = cast(Values, scipy.sparse.csr_array(X)) if issparse(X) else np.asarray(X)
    if table.dtype.kind == "O":  # such as a frame of booleans and numbers
        with suppress(ValueError, TypeError):
            table = table.astype(np.float64)
    return table


def target_of(y: ArrayLike | None) -> Values:
    """Return the target as one column without gaps; raises Unanswered where it is none."""
    if y is None:
        raise Unanswered("there is no y")
    target = np.asarray(y)
    if target.ndim != 1:
        raise Unanswered("y is not one column")
    if target.dtype.kind == "f" and not np.isfinite(target).all():
        raise Unanswered("y has values that are missing or infinite")
    return target


@dataclass(frozen=True)
class Asked:
    """A candidate as states are asked for it.

    Attributes
    ----------
    before : steps that are fitted, in the order of a pipeline; empty for none.
    answering : what stands for the rest.
    around : what transforms the target for what follows; None for nothing.
    inside : steps that are fitted after that.
    """

    before: tuple[BaseEstimator, ...]
    answering: Counterpart
    around: BaseEstimator | None = None
    inside: tuple[BaseEstimator, ...] = ()

    @classmethod
    def of(cls, candidate: BaseEstimator, *, alone: bool = False) -> Asked:
        """Return it, with as few steps to be fitted as can be, or all before the model; raises Unanswered."""
        steps = [step for _, step in candidate.steps] if type(candidate) is Pipeline else [candidate]
        if (around := around_of(steps[-1])) is not None:
            rest = cls.of(inside_of(steps[-1]), alone=alone)
            if rest.around is not None or not rest.answering.has_target:
                raise Unanswered("no algorithm stands for what is in the TransformedTargetRegressor")
            return cls(_fitted(steps[:-1]), rest.answering, around, rest.before)
        why = None
        for k in range(len(steps) - 1 if alone else 0, len(steps)):
            try:
                answering = counterpart(candidate[k:] if k else candidate)
            except Unanswered as error:
                why = error
            else:
                return cls(_fitted(steps[:k]), answering)
        raise cast(Unanswered, why)

    @property
    def key(self) -> object:
        """What candidates have in common whose steps before are the same."""
        around = None if self.around is None else key_of(self.around)
        return tuple(key_of(step) for step in self.before), around, tuple(key_of(step) for step in self.inside)

    @property
    def fitted(self) -> bool:
        """Whether anything is fitted before the model."""
        return bool(self.before) or self.around is not None


def _fitted(steps: Sequence[BaseEstimator]) -> tuple[BaseEstimator, ...]:
    return tuple(step for step in steps if step is not None and step != "passthrough")


def prefix_of(estimator: BaseEstimator) -> str:
    """Return what the names of parameters of the model itself begin with.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> prefix_of(make_pipeline("passthrough", Ridge()))
    'ridge__'
    """
    if isinstance(estimator, Pipeline):
        name, model = estimator.steps[-1]
    elif around_of(estimator) is not None:
        name, model = "regressor", inside_of(estimator)
    else:
        return ""
    return f"{name}__{prefix_of(model)}"


@dataclass(frozen=True)
class Given:
    """What a search is given.

    Attributes
    ----------
    X, y : the rows.
    target : one column without gaps; None where y is none.
    splits : rows to train on and to test on.
    weights : of the rows.
    """

    X: ArrayLike
    y: ArrayLike | None
    target: Values | None
    splits: Sequence[Split]
    weights: Weights

    def tables(self, asked: Asked) -> list[Table]:
        """Return the rows as a model is given them.

        There is one table of all rows where nothing is fitted before the model, and rows are not weighted; else one
        for each split.

        Raises
        ------
        Unanswered
            A step cannot be fitted, makes no numbers, or more than fit in memory.
        """
        if not asked.fitted and not self.weights:
            return [Table.of(self.X, self.target, self.splits)]
        made: list[Table] = []
        for train, test in self.splits:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the fit of the winner warns of the same
                try:
                    made.append(self._table(asked, np.asarray(train), np.asarray(test)))
                except Unanswered:
                    raise
                except Exception as error:  # noqa: BLE001 -- whatever it is, a fit raises it again
                    raise Unanswered(f"{type(error).__name__} in a step before the model: {error}") from None
            made[0].check_room(made[0].nbytes)
        return made

    def _table(self, asked: Asked, train: Places, test: Places) -> Table:
        steps = _pipeline(asked.before)
        rows, known = _safe_split(steps, self.X, self.y, train)
        first = steps.fit_transform(rows, known)
        second = steps.transform(_safe_split(steps, self.X, self.y, test, train)[0])
        if asked.around is not None:
            return self._transformed(asked, asked.around, first, second, (train, test))
        stack: Callable[..., ArrayLike] = scipy.sparse.vstack if issparse(first) else np.concatenate
        every = stack([first, second] if issparse(first) else [np.asarray(first), np.asarray(second)])
        places = np.arange(len(train)), np.arange(len(train), len(train) + len(test))
        target = None if self.target is None else np.concatenate([self.target[train], self.target[test]])
        return Table.of(every, target, [places], len(self.splits), self.weights.of(train, test))

    def _transformed(
        self, asked: Asked, around: BaseEstimator, first: ArrayLike, second: ArrayLike, split: Split
    ) -> Table:  # fmt: skip
        """Return the rows to train on, with the target as the model is given it, and apart those to test on."""
        train, test = split
        if self.target is None:
            raise Unanswered("there is no y, or none without gaps")
        made, mapped = transformed(around, first, self.target[train])
        steps = _pipeline(asked.inside)
        first = steps.fit_transform(first, mapped)
        one = Transformed(made, steps.transform(second), self.target[test], taken(self.weights.test, test))
        every = np.arange(len(train))
        weights = taken(self.weights.train, train)
        return Table.of(first, mapped, [(every, every)], len(self.splits), weights, one)


def _pipeline(steps: Sequence[BaseEstimator]) -> Pipeline:
    return Pipeline([(str(k), clone(step)) for k, step in enumerate(steps)] or [("0", "passthrough")])


@dataclass(frozen=True, eq=False)
class _Same:
    """An object that equals itself alone, and lives as long as what is kept under it."""

    what: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.what is other.what

    def __hash__(self) -> int:
        return id(self.what)


def key_of(what: object) -> object:
    """Return what equals that of another object where both say the same."""
    what = what.item() if isinstance(what, np.generic) else what
    if isinstance(what, BaseEstimator):
        return type(what), tuple(
            (name, key_of(value)) for name, value in sorted(what.get_params(False).items())
        )
    if isinstance(what, list | tuple):
        return type(what), tuple(key_of(one) for one in what)
    if isinstance(what, Mapping):
        return type(what), tuple((key_of(name), key_of(value)) for name, value in what.items())
    if isinstance(what, np.ndarray) and what.dtype != object:
        return "array", what.shape, what.dtype.str, what.tobytes()
    if what is None or isinstance(what, str | int | float | complex | bytes | type):
        return type(what), repr(what)
    return _written(what)


def _written(what: object) -> object:
    """Return what equals that of a copy, such as candidates have of an Index of columns or a selector of them."""
    try:
        return type(what), pickle.dumps(what)
    except Exception:  # noqa: BLE001 -- whatever refuses to be written
        return _Same(what)
