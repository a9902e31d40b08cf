"""What models of a pack share: one of its models, or the mean of several, and its fitted pipeline."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Matrix, Values
from algorithms.contract import Algorithm, Held, Rows, as_dense
from algorithms.errors import AlgorithmError, InvalidField, NotEnoughRows
from algorithms.families.pipeline import fitted_scaler, pipeline
from algorithms.lazily import sklearn
from algorithms.preparing.column_map import ColumnMap
from algorithms.preparing.column_maps import buckets_of
from algorithms.ranges import Choice, Plain, Range
from algorithms.summaries.pack import Member, PackedState, columns_of, equations, hashed_columns
from algorithms.summaries.packed import Packed

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

WILD = 1e12
"""Coefficients from which on a model has diverged: slopes are bounded, so that nothing overflows."""

MEMBERS = ("loss", "alpha", "l1_ratio", "eta0")
"""Hyperparameters that say which models of the pack are meant."""


@dataclass(frozen=True, eq=False)
class PackedSolution:
    """One linear model over the scaled columns and the buckets.

    Attributes
    ----------
    state : what it was taken from.
    columns : the map to its columns that are not hashes.
    member : its loss, penalty and step size.
    coef : shape (E, q).
    intercept : shape (E,).
    buckets : shape (E, B).
    """

    state: PackedState
    columns: ColumnMap
    member: Member
    coef: Array
    intercept: Array
    buckets: NDArray[np.float32]

    def eta(self, x: Matrix) -> Array:
        """Return the linear predictors of rows as states hold them, shape (n, E)."""
        shape, known = self.state.shape, self.state.learned
        scaled = self.coef / known["scale"]
        made = np.asarray(self.columns.times(x, scaled.T) + (self.intercept - scaled @ known["center"]))
        if self.buckets.shape[1]:
            codes = buckets_of(as_dense(x[:, hashed_columns(shape)]), _bits(self.buckets))
            made = made + self.buckets[:, codes].sum(axis=2).T
        return made


@dataclass(frozen=True, kw_only=True)
class PackedModel(Algorithm[PackedState, PackedSolution]):
    """A linear model of a pack.

    Parameters
    ----------
    loss, alpha, l1_ratio : which models of the pack.
    eta0 : which step size; None for that of the lowest loss on the way, of rows before their step.
    average : the mean of the models of every step size instead.
    summary : the pack.
    """

    loss: Annotated[str, Choice("")]
    alpha: Annotated[float, Choice(1e-6, 1e-4, 1e-2)] = 1e-4
    l1_ratio: Annotated[float, Choice(0.0, 0.5)] = 0.0
    eta0: float | None = None
    average: Annotated[bool, Choice(False, True, searched=False)] = False
    summary: Packed

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.loss not in self.summary.known_losses:
            raise InvalidField(
                f"loss={self.loss!r}: must be one of {', '.join(map(repr, self.summary.known_losses))}"
            )
        if self.average and self.eta0 is not None:
            raise InvalidField(
                f"eta0={self.eta0!r} with average=True: choose one step size, or the mean of all"
            )

    @abstractmethod
    def model(self, solution: PackedSolution) -> BaseEstimator:
        """Return scikit-learn's estimator, ``coef_`` and ``intercept_`` to come."""

    @abstractmethod
    def quick(self, solution: PackedSolution, rows: Rows, metric: str) -> float | None:
        """Return a common score of held-out rows without building an estimator; None for any other."""

    def score(self, solution: PackedSolution, held: Held[PackedState], metric: str) -> float | None:
        """Return a common score of sampled held-out rows; a state of other rows gives none."""
        rows = held.rows_for(metric)
        return None if rows is None else self.quick(solution, rows, metric)

    def solve(self, state: PackedState) -> PackedSolution:
        """Return the chosen model's numbers.

        Raises
        ------
        NotEnoughRows
            If the state holds no row, or rows of one class only.
        InvalidField
            If the pack has no such model.
        """
        self.check(state)
        for name in MEMBERS:
            self.check_field(name, state)
        places = self._places(state)
        chosen = places if self.average else [_lowest(state, places)]
        return _solution(state, self.summary.impute, chosen)

    def estimator(self, solution: PackedSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in scikit-learn's own model."""
        state, columns = solution.state, solution.columns
        shape, known, unit = state.shape, state.learned, float(state.learned["unit"][0])
        model = self.model(solution)
        model.coef_ = np.hstack([solution.coef, solution.buckets]) * unit
        model.intercept_ = solution.intercept * unit + known["offset"]
        model.n_features_in_ = model.coef_.shape[1]
        scaler = None
        if self.summary.standardize:
            with np.errstate(over="ignore"):  # beyond 1e154 scikit-learn's variance is infinite too
                variance = known["scale"] ** 2
            scaler = fitted_scaler(known["center"] + columns.origin, known["scale"], variance, state.rows)
        else:
            model.intercept_ = model.intercept_ - model.coef_[:, : len(columns.origin)] @ columns.origin
        if not solution.buckets.shape[1]:
            return pipeline(columns, shape.d, scaler, model)
        from algorithms.preparing.steps import HashColumns  # noqa: PLC0415 -- loads scikit-learn

        step = HashColumns(_bits(solution.buckets)).set(columns, hashed_columns(shape), scaler)
        return sklearn.pipeline.Pipeline([("hash", step), ("model", model)])

    def complexity(self, solution: PackedSolution) -> float:
        """Return the number of coefficients that are not zero, the intercepts included."""
        parts = solution.coef, solution.buckets, solution.intercept
        return float(sum(np.count_nonzero(part) for part in parts))

    def bounds(self, state: PackedState) -> Mapping[str, Range | None]:
        """Return what the pack has."""
        return {name: Choice(*_values(state.pack, name)) for name in ("loss", "alpha", "l1_ratio")}

    def check(self, state: PackedState) -> None:
        """Refuse a pack without models, and rows of one class; a model that is not there is refused when asked."""
        if not state.pack:
            raise InvalidField("the pack has no model")
        if not state.rows:
            raise NotEnoughRows(f"{type(self).__name__} needs at least 1 row, and the state holds none")
        if np.count_nonzero(state.counts) < min(2, len(state.counts)):
            only = state.shape.classes[int(np.argmax(state.counts))]
            raise NotEnoughRows(
                f"{type(self).__name__} needs rows of two classes, and all are {only!r}; use fewer folds"
            )

    def check_field(self, name: str, state: PackedState | None = None) -> None:
        """Refuse a model that the pack has not."""
        if name not in MEMBERS or getattr(self, name) is None:
            return
        value = getattr(self, name)
        known = _values(self.summary.pack if state is None else state.pack, name)
        if value not in known:
            plural = "losses" if name == "loss" else f"{name}s"
            raise InvalidField(
                f"{name}={value!r}: the pack has {', '.join(map(str, known))}; give it others with {plural}= (a "
                "pass field: another value reads the data once more)"
            )

    def _places(self, state: PackedState) -> list[int]:
        wanted = (self.loss, self.alpha, self.l1_ratio)
        return [
            i
            for i, m in enumerate(state.pack)
            if (m.loss, m.alpha, m.l1_ratio) == wanted and self.eta0 in (None, m.eta0)
        ]


def _values(pack: Sequence[Member], name: str) -> list[Plain]:
    return list(dict.fromkeys(getattr(member, name) for member in pack))


def _lowest(state: PackedState, places: list[int]) -> int:
    """Return the model of the lowest loss, the first of equals; one that diverged is none."""
    losses = [state.loss[i] if np.isfinite(state.loss[i]) else np.inf for i in places]
    return places[int(np.argmin(losses))]


def _solution(state: PackedState, impute: str, places: list[int]) -> PackedSolution:
    e, member = equations(state.shape), state.pack[places[0]]
    columns = np.array([range(i * e, (i + 1) * e) for i in places])
    coef, buckets = state.coef[:, columns], state.buckets[:, columns]
    _check_bounded(state, places, coef, buckets)
    coef = coef.mean(axis=1)
    mapped = columns_of(state.shape, impute, state.fill(impute))
    return PackedSolution(state, mapped, member, coef[:-1].T, coef[-1], buckets.mean(axis=1).T)


def _check_bounded(state: PackedState, places: list[int], coef: Array, buckets: NDArray[np.float32]) -> None:
    """Refuse a model that has diverged, by its step size; the models are the second axis."""
    largest = np.maximum(np.abs(coef).max(axis=(0, 2)), np.abs(buckets).max(axis=(0, 2), initial=0.0))
    wild = np.flatnonzero(~(largest < WILD))
    if len(wild):
        member = state.pack[places[wild[0]]]
        raise AlgorithmError(
            f"the model of loss {member.loss!r} and eta0={member.eta0:g} grew without bound; "
            "give smaller step sizes with eta0s=, or another optimizer"
        )


def _bits(buckets: Values) -> int:
    return int(buckets.shape[1]).bit_length() - 1


def averaged(values: Array, rows: Rows) -> float:
    """Return the mean over rows, by their weights."""
    return float(np.average(values, weights=rows.sample_weight))
