"""Factorization machines: a weight for each column and the products of all pairs of columns by factors.

The notation is that of :mod:`algorithms.families.machine`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np

from algorithms.arrays import Array, Floats, Places, Singles
from algorithms.contract import Algorithm, Chain, Chained, as_dense
from algorithms.errors import NotEnoughRows
from algorithms.extras import check_extra
from algorithms.families.early_stopping import stops_at
from algorithms.families.machine import (
    BIAS,
    FACTORS,
    LEVEL_FACTORS,
    LEVEL_WEIGHTS,
    WEIGHTS,
    Inputs,
    Inside,
    Machine,
)
from algorithms.families.networks import check_any, check_numbers, check_shapes
from algorithms.lazily import jax, sklearn
from algorithms.memo import MEMO
from algorithms.neural import training
from algorithms.preparing.column_map import gaps_of
from algorithms.ranges import Choice, Integer, Legal, Log, Uniform
from algorithms.summaries.pack import columns_of, equations, hashed_columns
from algorithms.summaries.sample import Sample, SampleState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

ROWS = 100_000
"""Rows of each fold that are kept, unless ``size`` says otherwise."""

START = 0.05
"""Deviation of the first factors."""

DROP = 0.1
"""What the step size is multiplied by after ``drop_after``."""

SHAPING = ("rank", "batch_rows", "validation_fraction")
"""Hyperparameters that are in force in every epoch, and so decide where a chain begins."""


def eta_of(parameters: training.Traced, rows: training.Traced) -> Array:
    """Return η of a batch by JAX, shape (b, E)."""
    np_ = jax.numpy
    x, at = rows["numbers"], rows["places"]
    levels = parameters[LEVEL_FACTORS][at]
    sums = np_.einsum("bq,qek->bek", x, parameters[FACTORS]) + levels.sum(axis=1)
    squares = np_.einsum("bq,qek->bek", x**2, parameters[FACTORS] ** 2) + (levels**2).sum(axis=1)
    straight = parameters[BIAS] + x @ parameters[WEIGHTS] + parameters[LEVEL_WEIGHTS][at].sum(axis=1)
    found: Array = straight + 0.5 * (sums**2 - squares).sum(axis=2)
    return found


def penalty_of(parameters: training.Traced, rows: training.Traced, hyper: training.Traced) -> Array:
    """Return α times the squares of what a row's η is made of, shape (b,): frequent levels weigh as often."""
    levels = [parameters[name][rows["places"]] for name in (LEVEL_WEIGHTS, LEVEL_FACTORS)]
    of_levels = sum((each**2).reshape(len(each), -1).sum(axis=1) for each in levels)
    of_columns = sum((parameters[name] ** 2).sum() for name in (WEIGHTS, FACTORS))
    found: Array = hyper["alpha"] * (of_levels + of_columns)
    return found


@dataclass(frozen=True, kw_only=True)
class FactorizationMachines(Chained[SampleState, Machine], Algorithm[SampleState, Machine]):
    """A factorization machine, trained by Adam.

    Parameters
    ----------
    epochs : times that the rows are gone through, at most.
    rank : number of factors of a column or level.
    alpha : penalty on the squares of weights and factors, a row.
    learning_rate : of Adam.
    drop_after : the epoch after which the step size is a tenth; None for never.
    batch_rows : rows of a batch.
    validation_fraction : share of the rows that are held out, whose loss decides which epoch is best and when to
        stop; 0 for none.
    patience : epochs without a lower held-out loss, after which training stops.
    tolerance : by which share of it the loss must fall to count as lower.
    summary : the sample that is trained on.
    """

    epochs: Annotated[int, Legal(ge=1, le=10_000), Integer(1, 100, searched=False)] = 30
    rank: Annotated[int, Legal(ge=1, le=512), Choice(4, 8, 16, 32)] = 8
    alpha: Annotated[float, Legal(ge=0), Log(1e-5, 1.0)] = 0.01
    learning_rate: Annotated[float, Legal(gt=0), Log(1e-4, 1e-1)] = 0.01
    drop_after: Annotated[int | None, Legal(ge=1)] = None
    batch_rows: Annotated[int, Legal(ge=1, le=65_536), Choice(256, 1024, searched=False)] = 256
    validation_fraction: Annotated[float, Legal(ge=0, lt=1), Uniform(0.0, 0.5, searched=False)] = 0.1
    patience: Annotated[int, Legal(ge=1), Integer(1, 20, searched=False)] = 3
    tolerance: Annotated[float, Legal(ge=0), Uniform(0.0, 0.1, searched=False)] = 1e-4
    summary: Sample = Sample(size=ROWS)

    @abstractmethod
    def loss(self) -> training.Loss:
        """Return the loss of rows; one function for all of a class, so that it is compiled once."""

    # training --------------------------------------------------------------------------------------------

    @property
    def length(self) -> int:
        """Epochs at most."""
        return self.epochs

    def in_force(self, epoch: int) -> Mapping[str, object]:
        """Return the penalty and step size of an epoch; where it begins, what shapes are made of."""
        if epoch:
            return {"alpha": self.alpha, "rate": self._rate(epoch)}
        return {name: getattr(self, name) for name in SHAPING}

    def begin(self, state: SampleState) -> Chain:
        """Return small random factors, and zero for all else."""
        inside = self._inside(state)
        q, levels, e = len(inside.inputs.center), self._table(inside), equations(state.shape)
        draw = np.random.default_rng(0)
        zeros = {BIAS: (e,), WEIGHTS: (q, e), LEVEL_WEIGHTS: (levels, e)}
        found = {name: np.zeros(shape, np.float32) for name, shape in zeros.items()}
        for name, shape in ((FACTORS, (q, e, self.rank)), (LEVEL_FACTORS, (levels, e, self.rank))):
            found[name] = draw.normal(0.0, START, shape).astype(np.float32)
        found[LEVEL_FACTORS][inside.inputs.n_levels :] = 0.0
        return Chain(0, 0, found, training.stored(training.still(found)))

    def go_on(self, chain: Chain, before: SampleState, state: SampleState) -> Chain:
        """Return the weights and factors of columns and levels that were met before, and new ones of the others."""
        begun, known = self.begin(state), chain.best or chain.parameters
        mine, theirs = self._inside(state).inputs, self._inside(before).inputs
        found = {name: np.array(array) for name, array in begun.parameters.items()}
        found[BIAS] = known[BIAS]
        _, at, own = np.intersect1d(mine.columns.names, theirs.columns.names, return_indices=True)
        for name in (WEIGHTS, FACTORS):
            found[name][at] = known[name][own]
        here, there = theirs.met_by(mine)
        for name in (LEVEL_WEIGHTS, LEVEL_FACTORS):
            found[name][here] = known[name][there]
        return replace(begun, parameters=found)

    def advance(self, chain: Chain, state: SampleState) -> Iterator[Chain]:
        """Yield the chain after each further epoch; FitFailed where a loss is not a number."""
        check_extra(self.tags.extra, type(self).__name__)
        check_shapes(chain, self.begin(state).parameters, type(self).__name__)
        inside, size = self._inside(state), self.batch_rows
        train, held = map(chain.among, self._parts(inside.n, chain.seed))
        check_any(len(train), type(self).__name__)
        steps = -(-len(train) // size)
        rows = {k: training.padded(v[train], steps * size + 1) for k, v in inside.rows.items()}
        out = {k: training.padded(v[held], training.rounded_up(len(held))) for k, v in inside.rows.items()}
        made, last = training.compiled(self.loss()), chain
        parameters, moments = chain.parameters, training.moments_of(chain.optimizer)
        for epoch in range(chain.epoch + 1, self.epochs + 2):
            order = training.batches(len(train), size, np.random.default_rng([chain.seed, epoch]))
            hyper, rate = {"alpha": np.float32(self.alpha)}, np.float32(self._rate(epoch))
            parameters, moments = made.epoch(parameters, moments, rows, order, rate, hyper)
            last = self._after(last, training.numbers(parameters), moments)
            if len(held):
                total = made.held(last.parameters, out, {"alpha": np.float32(0.0)})
                last = training.judged(last, float(total) / max(float(out[training.WEIGHT].sum()), 1e-30))
            check_numbers(last, type(self).__name__, self.learning_rate)
            yield last

    def trained(self, chain: Chain, state: SampleState) -> Machine:
        """Return the machine of the best epoch; of the last where no loss is held out."""
        inside = self._inside(state)
        known = chain.best or chain.parameters
        parameters = {name: array.astype(np.float64) for name, array in known.items()}
        classes = tuple(state.shape.classes)
        return Machine(inside.inputs, parameters, classes, self.stops(chain.losses) is not None)

    def stops(self, losses: Array) -> int | None:
        """Return the epoch after which no lower loss was met for as long as ``patience`` says."""
        return stops_at(losses, self.patience, self.tolerance)

    def _rate(self, epoch: int) -> float:
        dropped = self.drop_after is not None and epoch > self.drop_after
        return self.learning_rate * (DROP if dropped else 1.0)

    def _after(self, chain: Chain, parameters: Mapping[str, Singles], moments: training.Moments) -> Chain:
        """Return the chain after an epoch."""
        known = training.stored(moments)
        return replace(chain, epoch=chain.epoch + 1, parameters=parameters, optimizer=known)

    def _parts(self, n: int, seed: int) -> tuple[Places, Places]:
        """Return the rows that are trained on and those that are held out."""
        order = np.random.default_rng([seed, 0]).permutation(n)
        held = max(1, round(self.validation_fraction * n)) if self.validation_fraction else 0
        return np.sort(order[held:]), np.sort(order[:held])

    def _table(self, inside: Inside) -> int:
        """Return the rows of the tables of levels: one is for levels that no training row has."""
        return training.rounded_up(inside.inputs.n_levels + 1)

    def _inside(self, state: SampleState) -> Inside:
        self.check(state)
        return MEMO.get(state, "factorization", lambda: inside_of(state))

    # the contract ----------------------------------------------------------------------------------------

    def estimator(self, solution: Machine) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns; it predicts by NumPy alone."""
        from algorithms.families.factorized import ESTIMATORS  # noqa: PLC0415 -- loads scikit-learn

        return sklearn.pipeline.Pipeline([("model", ESTIMATORS[self.tags.task](self).set(solution))])

    def complexity(self, solution: Machine) -> float:
        """Return the number of weights and factors."""
        known, levels = solution.parameters, solution.inputs.n_levels
        tables = sum(known[name][:levels].size for name in (LEVEL_WEIGHTS, LEVEL_FACTORS))
        return float(tables + sum(known[name].size for name in (BIAS, WEIGHTS, FACTORS)))

    def converged(self, solution: Machine) -> bool:
        """Return True: how long it is trained is a hyperparameter."""
        return True

    def check(self, state: SampleState) -> None:
        """Refuse fewer rows than one to train on and one to hold out."""
        if state.n < 2:
            raise NotEnoughRows(f"{type(self).__name__} needs at least 2 rows, and the sample holds {state.n}")


def inside_of(state: SampleState) -> Inside:
    """Return the rows of a sample as they are trained on."""
    shape, X, w = state.shape, as_dense(state.X), state.sample_weight
    inputs = _inputs(state, X)
    target = state.target.astype(np.float32)
    if not shape.classes:
        target = ((state.target - inputs.offset) / inputs.unit).astype(np.float32)
    rows = {
        "numbers": inputs.numbers(X), "places": inputs.places(X).astype(np.int32), "target": target,
        training.WEIGHT: (w / w.mean()).astype(np.float32),
    }  # fmt: skip
    return Inside(inputs, rows)


def _inputs(state: SampleState, X: Floats) -> Inputs:
    shape, w, held = state.shape, state.sample_weight, as_dense(state.held).astype(np.float64)
    gaps, fill = gaps_of(shape.columns), np.zeros(shape.d)
    for value, indicator in zip(gaps.values, gaps.indicators, strict=True):
        there = w * (held[:, indicator] == 0.0)
        if there.any():
            fill[value] = there @ held[:, value] / there.sum()
    columns, hashed = columns_of(shape, "mean", fill), hashed_columns(shape)
    near = np.asarray(held @ columns.matrix)
    center = np.average(near, axis=0, weights=w)
    spread = np.sqrt(np.average((near - center) ** 2, axis=0, weights=w))
    levels = tuple(np.unique(X[:, column]).astype(np.float64) for column in hashed)
    offset, unit = 0.0, 1.0
    if not shape.classes:
        offset = float(np.average(state.target, weights=w))
        unit = float(np.sqrt(np.average((state.target - offset) ** 2, weights=w))) or 1.0
    return Inputs(columns, center, np.where(spread > 0.0, spread, 1.0), hashed, levels, offset, unit)
