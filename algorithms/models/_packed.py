"""What models of a pack share: one of its models, or the mean of several, and its dress."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array, check_is_fitted

from algorithms.base import Array
from algorithms.errors import AlgorithmError, InvalidField, NotEnoughRows
from algorithms.models._pipeline import fitted_scaler
from algorithms.ranges import Choice, Range
from algorithms.summaries.packed import (
    Member,
    Packed,
    PackedState,
    buckets_of,
    equations,
    hashed_columns,
    plain_columns,
)
from algorithms.summaries.sample import SampleState

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler

WILD = 1e12
"""Coefficients from which on a model has diverged: slopes are bounded, so that nothing overflows."""


@dataclass(frozen=True, eq=False)
class PackedSolution:
    """One linear model over the scaled columns and the buckets.

    Attributes
    ----------
    state : what it was taken from.
    member : its loss, penalty and step size.
    coef : shape (E, q).
    intercept : shape (E,).
    buckets : shape (E, B).
    """

    state: PackedState
    member: Member
    coef: Array
    intercept: Array
    buckets: NDArray[np.float32]

    def eta(self, x: Any) -> Array:
        """Return the linear predictors of encoded rows, shape (n, E)."""
        shape, known = self.state.shape, self.state.known
        scaled = self.coef / known["scale"]
        made = np.asarray(x[:, plain_columns(shape)] @ scaled.T + (self.intercept - scaled @ known["center"]))
        if self.buckets.shape[1]:
            codes = buckets_of(x[:, hashed_columns(shape)], _bits(self.buckets))
            made = made + self.buckets[:, codes].sum(axis=2).T
        return made


class HashColumns(TransformerMixin, BaseEstimator):
    """Fitted expansion of encoded columns: numbers scaled, hashes as one column a bucket; sparse.

    Parameters
    ----------
    bits : there are 2**bits buckets.

    Attributes
    ----------
    plain_, hashed_ : places of the numbers and of the hashes.
    scaler_ : of the numbers; None leaves them as they are.

    Examples
    --------
    >>> step = HashColumns(bits=1).set(np.array([0]), np.array([1]), None)
    >>> step.transform([[5.0, 2.0**23]]).toarray().tolist()
    [[5.0, 0.0, 1.0]]
    """

    def __init__(self, bits: int = 18) -> None:
        self.bits = bits

    def fit(self, X: Any, y: Any = None) -> HashColumns:
        """Take every column as a number."""
        return self.set(np.arange(check_array(X).shape[1]), np.zeros(0, np.intp), None)

    def set(self, plain: Any, hashed: Any, scaler: StandardScaler | None) -> HashColumns:
        """Take the places of the columns and the scaler; returns itself, fitted."""
        self.plain_, self.hashed_, self.scaler_ = plain, hashed, scaler
        self.n_features_in_ = len(plain) + len(hashed)
        return self

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the numbers, then of the buckets."""
        check_is_fitted(self)
        given = input_features if input_features is not None else range(self.n_features_in_)
        names = [name if isinstance(name, str) else f"x{name}" for name in given]
        numbers = [names[place] for place in self.plain_]
        return np.array([*numbers, *(f"bucket_{i}" for i in range(2**self.bits))], dtype=object)

    def transform(self, X: Any) -> csr_array:
        """Return the numbers, then the buckets, shape (n, q + 2**bits)."""
        check_is_fitted(self)
        X = check_array(X)
        numbers = X[:, self.plain_]
        if self.scaler_ is not None and len(self.plain_):
            numbers = self.scaler_.transform(numbers)
        codes = buckets_of(X[:, self.hashed_], self.bits).astype(np.int32)  # scikit-learn takes no wider ones
        rows = np.repeat(np.arange(len(X), dtype=np.int32), codes.shape[1])
        ones = np.ones(codes.size, numbers.dtype)
        buckets = csr_array((ones, (rows, codes.ravel())), shape=(len(X), 2**self.bits))
        return csr_array(hstack([csr_array(numbers), buckets]))


@dataclass(frozen=True, kw_only=True)
class PackedModel(ABC):
    """A linear model of a pack.

    Parameters
    ----------
    loss, alpha, l1_ratio : which models of the pack.
    eta0 : which step size; None for that of the lowest loss on rows that it had not yet learned from.
    average : the mean of the models of every step size instead.
    summary : the pack.
    """

    loss: Annotated[str, Choice("")]
    alpha: Annotated[float, Choice(1e-6, 1e-4, 1e-2)] = 1e-4
    l1_ratio: Annotated[float, Choice(0.0, 0.5)] = 0.0
    eta0: float | None = None
    average: Annotated[bool, Choice(False, True, searched=False)] = False
    summary: Packed

    metrics: ClassVar[tuple[str, ...]] = ()
    hashes: ClassVar[bool] = True
    joins: ClassVar[tuple[str, ...]] = ("losses", "alphas", "l1_ratios", "eta0s")

    def __post_init__(self) -> None:
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
    def score_rows(self, solution: PackedSolution, rows: SampleState, metric: str) -> float | None:
        """Return a common score of held-out rows without building an estimator; None for any other."""

    def solve(self, state: PackedState) -> PackedSolution:
        """Return the chosen model's numbers.

        Raises
        ------
        NotEnoughRows
            If the state holds no row, or rows of one class only.
        InvalidField
            If the pack has no such model.
        """
        self._known(state)
        if not state.rows:
            raise NotEnoughRows(f"{type(self).__name__} needs at least 1 row, and the state holds none")
        if np.count_nonzero(state.counts) < min(2, len(state.counts)):
            only = state.shape.classes[int(np.argmax(state.counts))]
            raise NotEnoughRows(
                f"{type(self).__name__} needs rows of two classes, and all are {only!r}; use fewer folds"
            )
        places = self._places(state)
        chosen = places if self.average else [_lowest(state, places)]
        return _solution(state, chosen)

    def estimator(self, solution: PackedSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in scikit-learn's own model."""
        state = solution.state
        shape, known, unit = state.shape, state.known, float(state.known["unit"][0])
        model = self.model(solution)
        model.coef_ = np.hstack([solution.coef, solution.buckets]) * unit
        model.intercept_ = solution.intercept * unit + known["offset"]
        model.n_features_in_ = model.coef_.shape[1]
        scaler = None
        if self.summary.standardize:
            scaler = fitted_scaler(known["center"], known["scale"], known["scale"] ** 2, state.rows)
        steps: list[tuple[str, BaseEstimator]] = [] if scaler is None else [("scale", scaler)]
        if solution.buckets.shape[1]:
            places = plain_columns(shape), hashed_columns(shape)
            steps = [("hash", HashColumns(_bits(solution.buckets)).set(*places, scaler))]
        return Pipeline([*steps, ("model", model)])

    def finalize(self, state: PackedState) -> BaseEstimator:
        """Return the fitted scikit-learn estimator of the state's rows."""
        return self.estimator(self.solve(state))

    def score(self, solution: PackedSolution, held_out: PackedState, metric: str) -> float | None:
        """Return None: models of other rows tell no score."""
        return None

    def complexity(self, solution: PackedSolution) -> float:
        """Return the number of coefficients that are not zero, the intercepts included."""
        parts = solution.coef, solution.buckets, solution.intercept
        return float(sum(np.count_nonzero(part) for part in parts))

    def bounds(self, state: PackedState) -> Mapping[str, Range | None]:
        """Return what the pack has."""
        return {name: Choice(*_values(state.pack, name)) for name in ("loss", "alpha", "l1_ratio")}

    def check(self, state: PackedState) -> None:
        """Refuse a pack without models; a model that it has not is refused when it is asked for."""
        if not state.pack:
            raise InvalidField("the pack has no model")

    def _known(self, state: PackedState) -> None:
        """Refuse a model that the pack has not."""
        asked = {"loss": self.loss, "alpha": self.alpha, "l1_ratio": self.l1_ratio}
        if self.eta0 is not None:
            asked["eta0"] = self.eta0
        for name, value in asked.items():
            if value not in (known := _values(state.pack, name)):
                plural = "losses" if name == "loss" else f"{name}s"
                raise InvalidField(
                    f"{name}={value!r}: the pack has {', '.join(map(str, known))}; give it others with {plural}="
                )

    def _places(self, state: PackedState) -> list[int]:
        wanted = (self.loss, self.alpha, self.l1_ratio)
        return [
            i
            for i, m in enumerate(state.pack)
            if (m.loss, m.alpha, m.l1_ratio) == wanted and self.eta0 in (None, m.eta0)
        ]


def _values(pack: Sequence[Member], name: str) -> list[Any]:
    return list(dict.fromkeys(getattr(member, name) for member in pack))


def _lowest(state: PackedState, places: list[int]) -> int:
    """Return the model of the lowest loss, the first of equals; one that diverged is none."""
    losses = [state.loss[i] if np.isfinite(state.loss[i]) else np.inf for i in places]
    return places[int(np.argmin(losses))]


def _solution(state: PackedState, places: list[int]) -> PackedSolution:
    e, member = equations(state.shape), state.pack[places[0]]
    columns = np.array([range(i * e, (i + 1) * e) for i in places])
    coef = state.coef[:, columns].mean(axis=1)
    buckets = state.buckets[:, columns].mean(axis=1)
    if not (np.abs(coef).max() < WILD and np.abs(buckets).max(initial=0.0) < WILD):
        raise AlgorithmError(
            f"the model of loss {member.loss!r} and eta0={member.eta0:g} grew without bound; "
            "give smaller step sizes with eta0s=, or another optimizer"
        )
    return PackedSolution(state, member, coef[:-1].T, coef[-1], buckets.T)


def _bits(buckets: NDArray[Any]) -> int:
    return int(buckets.shape[1]).bit_length() - 1


def averaged(values: Array, rows: SampleState) -> float:
    """Return the mean over rows, by their weights."""
    return float(np.average(values, weights=rows.sample_weight))
