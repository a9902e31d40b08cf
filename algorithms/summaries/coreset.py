"""Coreset: a few weighted rows that stand for all of them in every sum of squared distances to centres.

Rows are drawn by *priority sampling* (Duffield, Lund & Thorup 2007, "Priority sampling for estimation of
arbitrary subset sums"): a row of importance W and uniform u has the priority q = W/u; the m rows of largest
priority are kept, and τ is the largest priority of a row that is not. A kept row of weight w then stands for
the weight w·max(1, τ/W), so that every sum over rows is estimated without bias. Like bottom-m sampling it
merges exactly, in any order.

The importance is w times the row's sensitivity to a pilot clustering (Feldman & Langberg 2011; Bachem, Lucic
& Krause 2018, "Scalable k-means clustering via lightweight coresets"), the mean of three shares that are one
on average: uniform, squared distance to the nearest pilot centre, and one over the mass of its cluster.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array, Floats, Places
from algorithms.contract import APPROXIMATE, Batch, Learning, Shape, Summary
from algorithms.errors import InvalidField, TooLarge
from algorithms.lazily import sklearn
from algorithms.learned import Learned
from algorithms.ranges import Integer, Legal
from algorithms.summaries._drawn import LAST, priorities_of, taken
from algorithms.summaries._kept import KeptRows, bytes_of_row
from algorithms.summaries.coreset_state import CoresetState, Drawn, chosen

LEARN_ROWS = 16_384
"""Rows of the sample that the pilot clustering is made of."""

LEARN_EACH = 8
"""Rows that there are for each of its centres, at least: with fewer the rows it is of look nearer than others."""

LEARN_ITERATIONS = 5
"""Steps of Lloyd's algorithm on them: centres for importances need not be good."""

CHUNK = 16_384
"""Rows whose distances to the pilot centres are held at once."""

ROUNDING = 64.0
"""Squared distances of so many roundings are as good as none: any other row is then far."""

HUGE = 1e100
"""What values of the sample are cut at, so that their squares have a sum."""


CROWDED, NOISE = 1.2, 4.0
"""The pilot clustering is made again from a crowding of CROWDED + NOISE/√size on, τ being an estimate: the other
rows then have a sixth fewer places than they should."""

LARGEST = 1e30
"""Sensitivities above it are as good as infinite: such a row is always kept."""


@dataclass(frozen=True)
class Coreset(Learning[CoresetState], Summary[CoresetState]):
    """A weighted sample of rows for clustering with up to ``k_max`` centres.

    Parameters
    ----------
    size : rows kept of each fold, and of any folds together.
    k_max : centres of the pilot clustering: the largest number of clusters that the rows are meant for.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> shape, rows = Shape((Column("x", "x"),)), np.array([[0.0], [0.1], [0.2], [9.0]])
    >>> batch = Batch(rows, 1, priority=np.array([3, 9, 7, 5], np.uint64) << np.uint64(60))
    >>> coreset = Coreset(size=3, k_max=1)
    >>> coreset = coreset.knowing(coreset.learn(shape, batch))
    >>> state = coreset.update(coreset.init(shape), batch)
    >>> state.rows, state.mean.tolist(), sorted(state.X.ravel().tolist())
    (4, [2.325], [0.0, 0.2, 9.0])
    """

    size: Annotated[int, Legal(ge=2, le=10_000_000), Integer(2, None, searched=False)] = 20_000
    k_max: Annotated[int, Legal(ge=1), Integer(1, None, searched=False)] = 200

    version: ClassVar[int] = 3
    tolerance: ClassVar[float] = 1e-9
    family: ClassVar[str] = APPROXIMATE
    draws: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k_max > self.size:
            raise InvalidField(f"k_max={self.k_max!r}: must be from 1 to size={self.size:,}")

    def learn(self, shape: Shape, sample: Batch) -> Learned:
        """Return the centres of a pilot clustering of the sample, and what importances need of it."""
        some = np.unique(np.linspace(0, sample.n - 1, min(sample.n, LEARN_ROWS)).astype(np.intp))
        X, w = sample.dense(shape.p, some)[:, : shape.d].astype(np.float64), sample.weights[some]
        X = X.clip(-HUGE, HUGE)
        if not len(X):
            X, w = np.zeros((1, shape.d)), np.ones(1)
        mean, scale = _units(X, w)
        Z = (X - mean) / scale
        centres = _pilot(Z, w, min(self.k_max, max(1, int(w.sum() ** 2 / (w @ w)) // LEARN_EACH)))
        labels, distance = _nearest(Z, centres)
        mass = np.bincount(labels, w, len(centres)) / w.sum()
        average = max(float(w @ distance / w.sum()), ROUNDING * float(np.finfo(shape.dtype).eps) * shape.d)
        return Learned(
            {
                "centres": centres,
                "mean": mean,
                "scale": scale,
                "level": 1.0 + 1.0 / (len(centres) * np.maximum(mass, 1e-12)),
                "far": np.array(1.0 / average),
            }
        )

    def failed(self, state: CoresetState) -> str | None:
        """Return why the pilot clustering does not suit the rows of a state; None where it does."""
        if state.crowding <= CROWDED + NOISE / self.size**0.5:
            return None
        times = f"{state.crowding:.1f}" if state.crowding < 100.0 else f"{state.crowding:,.0f}"
        return (
            "the sample that the importances of rows were learned from misses a part of the data (its rows weigh "
            f"{times} times what was expected, so that too few of the others were kept for clustering)"
        )

    def learn_again(self, shape: Shape, state: CoresetState, sample: Batch) -> Learned:
        """Return the centres of a pilot clustering of the coreset, which has rows from everywhere."""
        rows = np.asfortranarray(state.values)
        return self.learn(shape, Batch(rows, shape.d, state.sample_weight))

    def init(self, shape: Shape) -> CoresetState:
        """Return the coreset of no rows."""
        m, zero = self.size, np.zeros(shape.p)
        none = KeptRows.none(shape)
        return CoresetState(
            shape, 0, 0.0, zero, zero.copy(), 0.0, 0.0, np.full(m, LAST), np.zeros(m), np.zeros(m), none
        )

    def update(self, state: CoresetState, batch: Batch) -> CoresetState:
        """Return the coreset of the rows seen before and those of ``batch``."""
        if batch.n == 0:
            return state
        priority = priorities_of(batch, self)
        importance = batch.weights * self._sensitivity(batch, state.shape)
        every = Drawn(priority, importance, batch.weights)
        kept, tau, tau_uniform = chosen(every, self.size)
        rows = KeptRows.of(batch, kept, state.shape.p, state.shape.dtype)
        mean, scatter = _moments(batch, state.shape.p)
        lifted = CoresetState(
            state.shape, batch.n, batch.total, mean, scatter, tau, tau_uniform,
            priority[kept], importance[kept], batch.weights[kept], rows,
        )  # fmt: skip
        return self._merged(state, lifted)

    def merge(self, a: CoresetState, b: CoresetState) -> CoresetState:
        """Return the coreset of both states' rows; leaves both alone."""
        if not b.rows:
            return a
        if not a.rows:
            return b
        return self._merged(a, b)

    def nbytes(self, shape: Shape) -> int:
        """The most bytes of one state: size × (p + 3) numbers, 2p more, a weight, two thresholds and a count."""
        return self.size * (bytes_of_row(shape) + 24) + 16 * shape.p + 32

    def _merged(self, a: CoresetState, b: CoresetState) -> CoresetState:
        """Return the coreset of both; b may be of fewer places than it has seen rows."""
        n, m = a.n, b.n
        every = Drawn(
            np.concatenate([a.priority[:n], b.priority[:m]]),
            np.concatenate([a.importance[:n], b.importance[:m]]),
            np.concatenate([a.weights[:n], b.weights[:m]]),
        )
        kept, tau, tau_uniform = chosen(every, self.size)
        weight, share = a.weight + b.weight, b.weight / (a.weight + b.weight)
        with np.errstate(over="ignore", invalid="ignore"):
            away = b.mean - a.mean
            mean, scatter = a.mean + away * share, a.scatter + b.scatter + away**2 * (a.weight * share)
        return CoresetState(
            a.shape, a.rows + b.rows, weight, mean, scatter,
            max(a.tau, b.tau, tau), max(a.tau_uniform, b.tau_uniform, tau_uniform),
            taken(a.priority[:n], b.priority[:m], kept, self.size, empty=LAST),
            taken(a.importance[:n], b.importance[:m], kept, self.size),
            taken(a.weights[:n], b.weights[:m], kept, self.size),
            KeptRows.joined(a.kept, b.kept, kept),
        )  # fmt: skip

    def _sensitivity(self, batch: Batch, shape: Shape) -> Array:
        """Return each row's sensitivity, shape (n,), rounded so that no order of summing shows."""
        known = self.beforehand
        present = np.arange(shape.d) if batch.present is None else batch.present[batch.present < shape.d]
        columns = np.arange(shape.d) if batch.present is None else np.flatnonzero(batch.present < shape.d)
        absent = np.setdiff1d(np.arange(shape.d), present)
        mean, scale, centres = known["mean"], known["scale"], known["centres"]
        beyond = (((-mean / scale)[absent] - centres[:, absent]) ** 2).sum(axis=1)
        kind, made = batch.values.dtype, np.empty(batch.n, np.float32)
        near, offset = centres[:, present].astype(kind), beyond.astype(kind)
        level, far = known["level"], float(known["far"])
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, batch.n, CHUNK):
                rows = batch.values[start : start + CHUNK]
                Z = ((rows[:, columns] - mean[present]) / scale[present]).astype(kind, copy=False)
                labels, distance = _nearest(Z, near, offset)
                made[start : start + CHUNK] = level[labels] + far * distance
        return np.nan_to_num(made, nan=1.0).clip(max=LARGEST).astype(np.float64)


def check_sums(state: CoresetState) -> None:
    """Raise TooLarge, naming the column, where a mean or a sum of squares has overflowed."""
    broken = np.flatnonzero(~np.isfinite(state.mean) | ~np.isfinite(state.scatter))
    if len(broken):
        raise TooLarge(
            f"column {state.shape.columns[broken[0]].name!r} holds values so large that their squares have no "
            "finite sum: look for damaged values, rescale the column, or leave it out"
        )


def _moments(batch: Batch, p: int) -> tuple[Array, Array]:
    """Return mean and sum of squares about it of every column, shape (p,) each."""
    w, total = batch.weights, batch.total
    with np.errstate(over="ignore", invalid="ignore"):
        values = batch.values.astype(np.float64, copy=False)
        shift = values[0]  # so that a column of one value has no scatter at all
        away = values - shift
        delta = w @ away / total
        mean, scatter = shift + delta, w @ (away - delta) ** 2
    if batch.present is None:
        return mean, scatter
    full = np.zeros((2, p))
    full[:, batch.present] = mean, scatter
    return full[0], full[1]


def _units(X: Array, w: Array) -> tuple[Array, Array]:
    mean = w @ X / w.sum()
    deviation = np.sqrt(w @ (X - mean) ** 2 / w.sum())
    return mean, np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0)


def _pilot(Z: Array, w: Array, k: int) -> Array:
    k = min(k, len(np.unique(Z, axis=0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = sklearn.cluster.KMeans(k, n_init=1, max_iter=LEARN_ITERATIONS, random_state=0).fit(
            Z, sample_weight=w
        )
    return np.asarray(found.cluster_centers_, np.float64)


def _nearest(
    Z: Floats, centres: Floats, offset: Floats | float = 0.0
) -> tuple[Places, Floats]:
    """Return the nearest centre of each row and the squared distance; ``offset`` adds to it, by centre."""
    products = Z @ centres.T
    products *= -2.0
    products += np.einsum("ij,ij->i", centres, centres) + offset
    labels = products.argmin(axis=1)
    least = products[np.arange(len(Z)), labels] + np.einsum("ij,ij->i", Z, Z)
    return labels, np.maximum(least, 0.0)
