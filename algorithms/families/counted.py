"""What the naive Bayes models of counts share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import INDICATOR, VALUE, Algorithm, Array, Held, Rows, Tags
from algorithms.errors import InvalidField, TooLarge
from algorithms.families.classes import need_every_class
from algorithms.families.pipeline import pipeline
from algorithms.lazily import scipy
from algorithms.preparing.column_map import ColumnMap, gaps_of
from algorithms.preparing.column_maps import column_map
from algorithms.preparing.preprocess import Impute
from algorithms.ranges import Choice, Legal, Log
from algorithms.scoring.scorers import score_given
from algorithms.summaries.counts import Counts, CountsState
from algorithms.summaries.sample import labels

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, eq=False)
class CountedSolution:
    """Log probabilities of each class.

    Attributes
    ----------
    state : of the training rows.
    columns : the map to the model's columns.
    counts : shape (C, q), sums of these, as scikit-learn has them.
    log_prior : shape (C,).
    log_prob : shape (C, q).
    """

    state: CountsState
    columns: ColumnMap
    counts: Array
    log_prior: Array
    log_prob: Array


@dataclass(frozen=True, kw_only=True)
class Counted(Algorithm[CountsState, CountedSolution]):
    """A naive Bayes model of counts, exact from the sums of each class.

    Parameters
    ----------
    alpha : added to every count.
    fit_prior : whether the prior is the shares of the classes, or uniform.
    impute : a missing number becomes the mean (``"mean"``), ``"zero"``, or the mean and an ``"indicator"``.
    """

    alpha: Annotated[float, Legal(ge=1e-10), Log(1e-4, 1e3)] = 1.0
    fit_prior: Annotated[bool, Choice(True, False, searched=False)] = True
    impute: Impute = "mean"
    summary: Counts = Counts()

    tags: ClassVar[Tags] = Tags(
        task="classification", exact=("log_likelihood",), needs_every_class=True, on_request=("impute",)
    )

    @abstractmethod
    def log_prob(self, counts: Array, weights: Array) -> Array:
        """Return the log probability of each column in each class, shape (C, q), from their sums and weights."""

    @abstractmethod
    def model(self, solution: CountedSolution) -> BaseEstimator:
        """Return scikit-learn's estimator with everything but classes and priors set."""

    def solve(self, state: CountsState) -> CountedSolution:
        """Return the log probabilities; raises NotEnoughRows where a class has no row."""
        self._need_classes(state)
        c = len(state.weights)
        prior = state.weights / state.weight if self.fit_prior else np.full(c, 1.0 / c)
        columns = self.columns(state)
        counts = self.counts(state, columns)
        return CountedSolution(state, columns, counts, np.log(prior), self.log_prob(counts, state.weights))

    def columns(self, state: CountsState) -> ColumnMap:
        """Return the map to the model's columns (kept for the state)."""
        return column_map(state, self.impute, 0.0)

    def counts(self, state: CountsState, columns: ColumnMap) -> Array:
        """Return the sums of a state's rows in the model's columns, shape (C, q)."""
        if self.summary.binarize is None:
            return np.asarray(state.sums @ columns.matrix + np.multiply.outer(state.weights, columns.origin))
        return _counted(state, columns, self.summary.binarize)

    def estimator(self, solution: CountedSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in scikit-learn's own model."""
        state = solution.state
        return pipeline(solution.columns, state.shape.d, None, self.fitted(solution))

    def fitted(self, solution: CountedSolution) -> BaseEstimator:
        """Return scikit-learn's fitted model."""
        state, model = solution.state, self.model(solution)
        model.classes_, model.class_log_prior_ = labels(state.shape), solution.log_prior
        model.class_count_ = state.weights.copy()
        if not hasattr(model, "n_features_in_"):
            model.n_features_in_ = len(solution.columns.names)
        return model

    def score(self, solution: CountedSolution, held: Held[CountsState], metric: str) -> float | None:
        """Return the mean of log p(x, y) of held-out rows, but for a constant of the rows; or a score of rows."""
        if (rows := held.rows_for(metric)) is not None:
            return self.score_rows(solution, rows, metric)
        state = held.state_for(metric)
        if state is None or metric not in self.exact:
            return None
        return (self.joint(solution, state) + float(state.weights @ solution.log_prior)) / state.weight

    def score_rows(self, solution: CountedSolution, rows: Rows, metric: str) -> float | None:
        """Return a scorer's score of sampled rows, from log p(x, y) of each class; None without these."""
        eta = self.row_joint(solution, rows)
        if eta is None:
            return None
        if metric == "accuracy":
            return float(np.average(eta.argmax(axis=1) == rows.target, weights=rows.sample_weight))
        from algorithms.scoring.given import Given  # noqa: PLC0415 -- loads scikit-learn

        classes = labels(rows.shape)
        logged = eta - scipy.special.logsumexp(eta, axis=1, keepdims=True)
        answers = {
            "predict": lambda: classes[eta.argmax(axis=1)],
            "predict_proba": lambda: np.exp(logged),
            "predict_log_proba": lambda: logged,
        }
        return score_given(Given(answers, "classifier", classes), rows, metric)

    def row_joint(self, solution: CountedSolution, rows: Rows) -> Array | None:
        """Return log p(x, y) of rows as scikit-learn's model has it, shape (n, C); None where it must be asked."""
        return None

    def joint(self, solution: CountedSolution, held_out: CountsState) -> float:
        """Return the sum of log p(x | y) of the held-out rows."""
        return float(np.sum(self.counts(held_out, solution.columns) * solution.log_prob))

    def complexity(self, solution: CountedSolution) -> float:
        """Return the number of probabilities, fewer the more is added to the counts."""
        counts = solution.counts
        return float(np.sum(counts / (counts + self.alpha))) + len(counts) - 1.0

    def check(self, state: CountsState) -> None:
        """Refuse values that are not counts, and a state without rows of some class."""
        self.check_values(state)
        self._need_classes(state)

    def check_values(self, state: CountsState) -> None:
        """Refuse negative values, and values without a finite sum."""
        refuse_negative(state, type(self).__name__)
        refuse_infinite(state)

    def _need_classes(self, state: CountsState) -> None:
        need_every_class(type(self).__name__, state.shape, state.weights)


def _counted(state: CountsState, columns: ColumnMap, threshold: float) -> Array:
    """Return how often each column of T exceeds a threshold in each class: missing numbers by what fills them."""
    shape, entries = state.shape, columns.matrix.tocoo()
    role = np.array([column.role for column in shape.columns])[entries.row]
    q = len(columns.names)
    number, fill = np.full(q, -1), columns.origin.copy()
    number[entries.col[role == VALUE]] = entries.row[role == VALUE]
    gap = (role == INDICATOR) & (number[entries.col] >= 0)
    fill[entries.col[gap]] += entries.data[gap]
    own = np.where(role == INDICATOR, float(threshold < 1.0), 1.0)[~gap]
    chosen = scipy.sparse.csr_array((own, (entries.row[~gap], entries.col[~gap])), shape=(shape.d, q))
    gaps, indicator = gaps_of(shape.columns), np.full(shape.d, -1)
    indicator[gaps.values] = gaps.indicators
    beside = np.where(number >= 0, indicator[number], -1)
    missing = np.where(beside >= 0, state.sums[:, beside], 0.0)
    return np.asarray(state.sums @ chosen + missing * (fill > threshold))


def refuse_negative(state: CountsState, name: str) -> None:
    """Raise InvalidField, naming the column that holds a negative value."""
    lowest = state.lowest + state.shape.origin
    if not state.rows or not (lowest < 0.0).any():
        return
    j = int(np.argmax(lowest < 0.0))
    raise InvalidField(
        f"column {state.shape.columns[j].name!r} holds {lowest[j]:g}, and {name} takes counts, which are not "
        "negative; leave the column out, or use 'gaussian_nb'"
    )


def refuse_infinite(state: CountsState) -> None:
    """Raise TooLarge, naming the column whose values have no finite sum."""
    broken = np.flatnonzero(~np.isfinite(state.sums).all(axis=0))
    if len(broken):
        raise TooLarge(
            f"column {state.shape.columns[broken[0]].name!r} holds values so large that they have no finite sum: "
            "look for damaged values, rescale the column, or leave it out"
        )
