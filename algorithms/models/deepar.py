"""DeepAR: an autoregressive recurrent network that forecasts distributions, one of all series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array, Values
from algorithms.contract import Algorithm, Chain, Chained, Held, Rows, Score, Tags
from algorithms.errors import InvalidField, NotEnoughRows
from algorithms.extras import check_extra
from algorithms.families.early_stopping import stops_at
from algorithms.families.forecast_scores import NAMES, RMSSE, check_windows
from algorithms.families.forecasters import estimator_of
from algorithms.families.laid_out import LaidOut
from algorithms.families.likelihoods import check_target
from algorithms.families.networks import check_numbers, check_shapes
from algorithms.families.path_scores import JudgedPaths, score_of_paths
from algorithms.families.paths import PathForecast
from algorithms.lazily import jax
from algorithms.memo import MEMO
from algorithms.neural import losses, recurrent, training
from algorithms.ranges import Choice, Integer, Legal, Log, Uniform
from algorithms.summaries.series import SeriesState, WholeSeries
from algorithms.summaries.window_sample import WindowSampleState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, kw_only=True)
class DeepAR(Chained[SeriesState, PathForecast], Algorithm[SeriesState, PathForecast]):
    """An LSTM of all series, which forecasts the distribution of each next value.

    Salinas, Flunkert, Gasthaus & Januschowski 2020. It goes over past values step by step and looks at lags, the
    calendar, covariates, the scale of the window, and a vector that it learns of each series. A forecast is drawn:
    paths, of which each value is looked at by the next step. Missing values are left out of the loss; a series that
    is not known, or short, is forecast, too. Needs the extra ``neural`` to be trained; forecasts by NumPy.

    Parameters
    ----------
    epochs : how often windows are drawn, at most.
    num_batches_per_epoch : batches of an epoch, at most; fewer where there are fewer windows.
    batch_size : windows of a batch.
    learning_rate : of Adam.
    hidden_size : numbers that a layer remembers.
    num_layers : LSTM layers.
    dropout_rate : share of the numbers between layers that are left out of a step of training.
    embedding_dimension : numbers that are learned of each series.
    likelihood : the distribution of a value: ``"student_t"``, ``"gaussian"``, ``"negative_binomial"`` (counts) or
        ``"beta"`` (between 0 and 1).
    validation_fraction : share of the steps of each series, its last ones, that are held out: their loss decides
        which epoch is best and when to stop; 0 for none.
    patience : epochs without a lower held-out loss, after which training stops.
    tolerance : by which share of it the loss must fall to count as lower.
    random_state : what the first weights, the windows of an epoch and dropout are drawn by.
    freq : the frequency of steps, which says what the calendar is; a study gives that of its rows.
    num_parallel_samples : paths of a forecast.
    steps : how many steps are forecast; None for the horizon.
    summary : the series that are kept, and what of them is looked at.

    Examples
    --------
    >>> DeepAR(likelihood="gaussian").in_force(0)["hidden_size"]
    40
    """

    epochs: Annotated[int, Legal(ge=1, le=10_000), Integer(1, 100, searched=False)] = 20
    num_batches_per_epoch: Annotated[int, Legal(ge=1, le=10_000), Integer(1, 200, searched=False)] = 50
    batch_size: Annotated[int, Legal(ge=1, le=8192), Choice(32, 64, 128, searched=False)] = 32
    learning_rate: Annotated[float, Legal(gt=0), Log(3e-4, 1e-2)] = 1e-3
    hidden_size: Annotated[int, Legal(ge=1, le=1024), Choice(20, 40, 80, searched=False)] = 40
    num_layers: Annotated[int, Legal(ge=1, le=8), Integer(1, 3, searched=False)] = 2
    dropout_rate: Annotated[float, Legal(ge=0, lt=1), Uniform(0.0, 0.3)] = 0.1
    embedding_dimension: Annotated[int, Legal(ge=1, le=256), Integer(1, 32, searched=False)] = 8
    likelihood: Annotated[
        str, Legal(*losses.LIKELIHOODS), Choice(*losses.LIKELIHOODS, searched=False)
    ] = losses.STUDENT_T
    validation_fraction: Annotated[float, Legal(ge=0, lt=1), Uniform(0.0, 0.5, searched=False)] = 0.1
    patience: Annotated[int, Legal(ge=1), Integer(1, 20, searched=False)] = 5
    tolerance: Annotated[float, Legal(ge=0), Uniform(0.0, 0.1, searched=False)] = 1e-4
    random_state: Annotated[int, Legal(ge=0), Integer(0, None, searched=False)] = 0
    freq: str = ""
    num_parallel_samples: Annotated[int, Legal(ge=2, le=10_000), Integer(50, 500, searched=False)] = 100
    steps: Annotated[int | None, Legal(ge=1), Integer(1, None, searched=False)] = None
    summary: WholeSeries = WholeSeries()

    version: ClassVar[int] = 4
    tags: ClassVar[Tags] = Tags(
        task="forecasting", sampled=NAMES, default_score=RMSSE, costly=True, weekly=True, extra="neural"
    )

    @property
    def length(self) -> int:
        """Epochs at most."""
        return self.epochs

    def in_force(self, epoch: int) -> Mapping[str, object]:
        """Return how an epoch is trained; where it begins, the architecture."""
        if epoch:
            names: tuple[str, ...] = ("learning_rate", "dropout_rate", "batch_size", "num_batches_per_epoch")
            return {name: getattr(self, name) for name in names}
        names = (
            "hidden_size", "num_layers", "embedding_dimension", "likelihood", "validation_fraction", "freq",
            "random_state",
        )
        windows = {name: getattr(self.summary, name) for name in ("context", "horizon", "season")}
        return {**{name: getattr(self, name) for name in names}, **windows}

    def begin(self, state: SeriesState) -> Chain:
        """Return small random weights."""
        laid = self._laid_out(state)
        known, inputs = laid.network, len(laid.network.lags) + laid.inputs.width + self.embedding_dimension
        series = len(laid.flat.still)
        sizes = (inputs, series, self.hidden_size, self.embedding_dimension)
        found = recurrent.begun(known, *sizes, self.random_state)
        return Chain(0, self.random_state, found, _remembered(training.still(found), found))

    def go_on(self, chain: Chain, before: SeriesState, state: SeriesState) -> Chain:
        """Return the network that was trained before, with a new vector of each series that it did not know."""
        begun, known = self.begin(state), chain.best or _averages(chain)
        shared = np.intersect1d(state.series, before.series)
        here, there = (np.searchsorted(np.unique(each.series), shared) for each in (state, before))
        embedding = np.array(begun.parameters["embedding"])
        embedding[here] = known["embedding"][there]
        found = {**known, "embedding": embedding}
        return replace(begun, parameters=found, optimizer=_remembered(training.still(found), found))

    def advance(self, chain: Chain, state: SeriesState) -> Iterator[Chain]:
        """Yield the chain after each further epoch; FitFailed where a loss is not a number."""
        check_extra(self.tags.extra, type(self).__name__)
        self.check(state)
        self._check_target(state)
        check_shapes(chain, self.begin(state).parameters, type(self).__name__)
        laid = self._laid_out(state)
        made, held, size = recurrent.compiled(laid.network), laid.judged(), self.batch_size
        batches = min(self.num_batches_per_epoch, -(-len(laid.ends) // size))
        flat = jax.device_put(laid.flat)
        parameters, moments, last = chain.parameters, training.moments_of(chain.optimizer), chain
        averages: training.Named = _averages(chain)
        rate, dropout = np.float32(self.learning_rate), np.float32(self.dropout_rate)
        for epoch in range(chain.epoch + 1, self.epochs + 2):
            cuts = laid.cuts(np.random.default_rng([chain.seed, epoch]), self.num_batches_per_epoch, size)
            key = jax.random.fold_in(jax.random.key(chain.seed), epoch)
            parameters, moments, averages = made.epoch(
                parameters, moments, averages, flat, cuts, np.int32(batches), rate, dropout, key
            )
            known = _remembered(moments, averages)
            last = replace(last, epoch=epoch, parameters=training.numbers(parameters), optimizer=known)
            if len(laid.held):
                total, count = made.held(_averages(last), flat, held)
                last = _judged(last, float(total) / max(float(count), 1.0))
            check_numbers(last, type(self).__name__, self.learning_rate)
            yield last

    def trained(self, chain: Chain, state: SeriesState) -> PathForecast:
        """Return the network of the best epoch; of the last where no loss is held out."""
        laid, known = self._laid_out(state), training.numbers(chain.best or _averages(chain))
        stopped = self.stops(chain.losses) is not None
        return PathForecast(laid.network, laid.inputs, known, self.ahead, self.num_parallel_samples, stopped)

    def stops(self, losses: Array) -> int | None:
        """Return the epoch after which no lower loss was met for as long as ``patience`` says."""
        return stops_at(losses, self.patience, self.tolerance)

    def solve(self, state: SeriesState) -> PathForecast:
        """Return the trained network."""
        self.check(state)
        self._check_target(state)
        self.check_field("steps")
        return super().solve(state)

    @property
    def ahead(self) -> int:
        """How many steps are forecast."""
        return self.summary.horizon if self.steps is None else self.steps

    def _laid_out(self, state: SeriesState) -> LaidOut:
        key = (self.summary, self.freq, self.num_layers, self.likelihood, self.validation_fraction)
        return MEMO.get(state, key, lambda: LaidOut.of(state, *key))

    def _check_target(self, state: SeriesState) -> None:
        check_target(self.likelihood, state.values[:, 0])

    def estimator(self, solution: PathForecast) -> BaseEstimator:
        """Return a fitted model whose ``predict`` takes rows of past values, covariates, step and series."""
        return estimator_of(solution)

    def complexity(self, solution: PathForecast) -> float:
        """Return the number of weights."""
        return float(sum(array.size for array in solution.parameters.values()))

    def score(self, solution: PathForecast, held: Held[SeriesState], metric: str) -> Score | None:
        """Return minus an error of the paths of sampled windows."""
        if (rows := held.rows_for(metric)) is None:
            return None
        return self._sampled(solution, rows, metric)

    def _sampled(self, solution: PathForecast, rows: Rows, metric: str) -> Score | None:
        if metric not in NAMES or not isinstance(rows, WindowSampleState):
            return None
        check_windows(rows)
        season = self.summary.season
        judged = MEMO.get(solution, rows, lambda: JudgedPaths.drawn_by(solution, rows, season))
        return score_of_paths(metric, judged)

    def check(self, state: SeriesState) -> None:
        """Refuse series that are all too short, or too long to be kept."""
        if state.rows and not state.kept_rows:
            raise NotEnoughRows(
                f"{type(self).__name__} needs at least one series of no more than size={self.summary.size:,} rows, "
                "and each has more: raise size"
            )
        least = self.summary.horizon + 1
        longest = _longest(state)
        if longest < least:
            raise NotEnoughRows(
                f"{type(self).__name__} needs a series of at least {least} steps, one past and "
                f"{self.summary.horizon} next, and the longest has {longest}: give more rows, or a smaller horizon"
            )

    def check_field(self, name: str, state: SeriesState | None = None) -> None:
        """Refuse more steps than the horizon, and a likelihood that the values of a state do not have."""
        if name == "steps" and self.ahead > self.summary.horizon:
            raise InvalidField(
                f"steps={self.steps}: the network forecasts {self.summary.horizon}; give fewer, or a larger horizon"
            )
        if name == "likelihood" and state is not None:
            self._check_target(state)


def _judged(chain: Chain, loss: float) -> Chain:
    """Return a chain with its mean held-out loss, and the averages of the lowest one."""
    best = _averages(chain) if not len(chain.losses) or loss < chain.losses.min() else chain.best
    return replace(chain, best=best, losses=np.append(chain.losses, loss))


AVERAGE = "average."
"""What the names of averages begin with among what the optimizer remembers."""


def _remembered(moments: training.Moments, averages: training.Named) -> dict[str, Values]:
    return training.stored(moments) | {AVERAGE + name: np.asarray(array) for name, array in averages.items()}


def _averages(chain: Chain) -> dict[str, Values]:
    """Return the averages of the parameters over the last batches; those themselves before the first."""
    return {name: chain.optimizer.get(AVERAGE + name, array) for name, array in chain.parameters.items()}


def _longest(state: SeriesState) -> int:
    """Return the steps of the longest series, its gaps among them."""
    if not state.kept_rows:
        return 0
    _, first, count = np.unique(state.series, return_index=True, return_counts=True)
    return int((state.step[first + count - 1] - state.step[first]).max()) + 1
