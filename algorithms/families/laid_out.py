"""Series laid out one after another, as epochs of an autoregressive network take them, and the windows of these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Places
from algorithms.families.paths import Inputs, calendar, lags_of, periods_of, scale_of
from algorithms.neural import training
from algorithms.neural.recurrent import Cuts, Flat, Network
from algorithms.summaries.series import SeriesState, WholeSeries, series_numbers
from algorithms.summaries.stretches import Codes

UNKNOWN = 0.05
"""The share of windows that are trained as those of a series that is not known, for cold starts."""

JUDGED = 1024
"""Windows that the held-out loss is computed on, at most."""

LEAST_SIZE, LEAST_HELD = 4096, 64
"""Places of series, and windows, that tables have at least, so that small data share one compiled function."""


@dataclass(frozen=True, eq=False)
class LaidOut:
    """The series of a state as a network takes them.

    Attributes
    ----------
    network : its architecture.
    inputs : how rows become its inputs.
    flat : the series.
    ends : shape (w,), where the windows end that are trained on.
    owner : shape (w,), whose they are.
    held, held_owner, since : shape (v,), of those that are held out: with the place from which on values count.
    """

    network: Network
    inputs: Inputs
    flat: Flat
    ends: Places
    owner: Places
    held: Places
    held_owner: Places
    since: Places

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(each.nbytes for each in (*self.flat, self.ends, self.owner))

    @classmethod
    def of(
        cls, state: SeriesState, summary: WholeSeries, freq: str, layers: int, likelihood: str, share: float
    ) -> LaidOut:
        """Lay out a state's series; a share of the steps at the end of each is held out where it is long enough."""
        L, H = summary.context, summary.horizon
        lags = lags_of(L, summary.season)
        network = Network(L, H, lags, min(L - lags[-1], max(H, summary.season)), layers, likelihood)
        codes, first, count = np.unique(state.series, return_index=True, return_counts=True)
        last = first + count - 1
        length = state.step[last] - state.step[first] + 1
        begin = np.cumsum(length + L) - length
        offset = begin - state.step[first]
        size = training.rounded_up(max(LEAST_SIZE, int(length.sum()) + L * len(codes) + L + H))
        inputs = _inputs(state, summary, codes, freq, likelihood)
        flat = _flat(state, inputs, offset, begin - L, last, size)
        cut = begin + length
        kept = np.maximum(1, np.rint(share * length).astype(np.int64)) if share else np.zeros(len(codes), np.int64)
        kept = np.where(length - kept > H, kept, 0)
        train = np.maximum(0, length - kept - H)
        owner = np.repeat(np.arange(len(codes)), train)
        ends = np.repeat(begin + H + 1 - np.cumsum(train) + train, train) + np.arange(int(train.sum()))
        tests = -(-kept // H)
        mine = np.repeat(np.arange(len(codes)), tests)
        back = np.arange(int(tests.sum())) - np.repeat(np.cumsum(tests) - tests, tests)
        some = np.arange(0, len(mine), -(-len(mine) // JUDGED) or 1)
        return cls(
            network, inputs, flat, ends, owner, (cut[mine] - back * H)[some], mine[some], (cut - kept)[mine][some]
        )

    def cuts(self, rng: np.random.Generator, batches: int, size: int) -> Cuts:
        """Draw the windows of an epoch."""
        at = rng.integers(len(self.ends), size=(batches, size))
        owner = self.owner[at]
        known = np.where(rng.random(at.shape) < UNKNOWN, len(self.inputs.series), owner)
        return self._cuts(self.ends[at], owner, known, np.zeros_like(at))

    def judged(self) -> Cuts:
        """Return the windows that are held out, and as many without a loss as make a power of two."""
        n, m = len(self.held), training.rounded_up(max(LEAST_HELD, len(self.held)))
        ends = np.full(m, self.network.context + self.network.horizon)
        owner, since = np.zeros(m, np.intp), np.full(m, np.iinfo(np.int32).max)
        ends[:n], owner[:n], since[:n] = self.held, self.held_owner, self.since
        return self._cuts(ends, owner, owner, since)

    def _cuts(self, ends: Places, owner: Places, known: Places, since: Places) -> Cuts:
        start = ends - self.network.context - self.network.horizon
        return Cuts(*(each.astype(np.int32) for each in (start, owner, known, since)))


def _inputs(state: SeriesState, summary: WholeSeries, codes: Codes, freq: str, likelihood: str) -> Inputs:
    beside = state.values[:, 1:]
    center, spread = beside.mean(axis=0), beside.std(axis=0)
    place = np.searchsorted(codes, state.series)
    size = np.bincount(place, np.abs(state.values[:, 0]), len(codes)) / np.bincount(place, minlength=len(codes))
    usual = np.log(scale_of(likelihood, size[:, None], np.ones((len(codes), 1), bool)))
    level = np.array([usual.mean(), max(float(usual.std()), 0.1)])
    spread = np.where(spread > 0.0, spread, 1.0)
    periods = periods_of(freq, summary.season)
    return Inputs(summary, state.covariates, periods, center, spread, level, series_numbers(codes))


def _flat(state: SeriesState, inputs: Inputs, offset: Places, bounds: Places, still: Places, size: int) -> Flat:
    """Return the series, each behind a stretch as long as a context that has no values.

    Parameters
    ----------
    offset : the place of step 0 of each series, shape (s,), were it one of it.
    bounds : where the stretch before each begins, shape (s,).
    still : the row of each that says what does not change.
    """
    known, beside = inputs.covariates, inputs.standard(state.values[:, 1:])
    every = np.arange(size)
    steps = every - offset[np.searchsorted(bounds, every, "right") - 1]
    place = offset[np.searchsorted(still, np.arange(len(state.step)))] + state.step
    values, seen = np.zeros(size), np.zeros(size)
    values[place], seen[place] = state.values[:, 0], 1.0
    turns = calendar(steps, inputs.periods)
    ahead, before = np.zeros((size, len(known.ahead))), np.zeros((size, len(inputs.past_only)))
    ahead[place], before[place] = beside[:, known.ahead], beside[:, inputs.past_only]
    fixed = training.padded(beside[still][:, known.still], training.rounded_up(len(still) + 1))
    parts = (values, seen, np.concatenate([turns, ahead], axis=1), before, fixed, inputs.level)
    return Flat(*(part.astype(np.float32) for part in parts))
