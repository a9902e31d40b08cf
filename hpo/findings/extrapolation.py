"""From the scores of ever larger samples to the score that all rows would give: s(n) = a - b·n⁻ᶜ.

Learning curves of most learners are near a power law (Viering & Loog 2023, "The shape of learning curves"), but
not from the first rows on, so parts below a ninth of the sample are left out; and seldom the same one on the way to
all rows. So no one law is fitted: every rate c is weighted by how well it suits the scores and by what rates are
like, and each stands for the levels and gains that the errors of the scores allow.

===== ======================================================================================================
n     training rows, shape (S,), ascending; r is that of all rows as a multiple of the largest
s     mean fold scores, shape (S,)
x     (n⁻ᶜ - n_S⁻ᶜ)/(n₁⁻ᶜ - n_S⁻ᶜ), shape (C, S): 1 at the smallest size, 0 at the largest
g     gain from the smallest size to the largest, not below 0; s(n) = level - g·x
h     gain beyond the largest size as a multiple of g: (1 - r⁻ᶜ)/((n_S/n₁)ᶜ - 1)
v     variance of a mean about its law
===== ======================================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr, ndtri

from algorithms.lazily import sklearn
from hpo.process.threads import one_thread
from hpo.states.evaluate import Scores
from hpo.trials.fidelity import parts_of
from hpo.trials.selection import Candidate, usable_scores

SHARES = tuple(3.0 ** (-i / 2) for i in range(4, 0, -1))
"""1/9 to 1/√3 of the sample."""

RATES = np.array([0.05 * i or 1e-3 for i in range(-20, 51)])
"""c: near zero the scores rise with log n, below it ever faster."""

RATE, RATE_SPREAD = 0.4, 0.4
"""What rates are like: mean and standard deviation before any score is seen."""

BEFORE = np.exp(-0.5 * ((RATES - RATE) / RATE_SPREAD) ** 2)
BEFORE /= BEFORE.sum()

SHARED = 0.25
"""Variance that the scores of one size have in common, since folds train on mostly the same rows, over the rest."""

BEND = 0.02
"""Standard deviation of a curve about its power law, as a share of the gain."""

DRIFT, FURTHER = 0.1, 0.1
"""Standard deviation of log(gain beyond the largest size over the law's): DRIFT + FURTHER·log r."""

FREEDOM = 6
"""Degrees of freedom of the errors."""

DRAWS, LEVEL = 4_000, 0.9

POSSIBLE = 0.1
"""Share of the laws that stay below the best there is, under which the end is left open."""

CLEAR, WIDE, SURPRISING = 2.0, 2.0, 0.15
"""A gain of so many standard errors is one; an interval of so many gains says little; scores rise ever faster."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Extrapolation:
    """A score at a number of training rows, by the power laws that suit the scores of fewer.

    Attributes
    ----------
    rows : where the score is extrapolated to.
    score : the median; greater is better.
    low, high : between them the score lies with a probability of about nine in ten.
    limit, gain, rate : a, b and c of a - b·(n/n₀)⁻ᶜ, the likeliest law, with n₀ the largest size.
    sizes, means : training rows, and the mean fold score of a model of so many.
    doubt : why the law cannot be found from these scores; empty where it can.

    Examples
    --------
    >>> Extrapolation(1000, 0.9, 0.8, 1.0, 0.95, 0.1, 0.5, (10.0,), (0.5,)).words("r2")
    'extrapolated to all 1,000 rows r2 is 0.9 (0.8 to 1)'
    """

    rows: int
    score: float
    low: float
    high: float
    limit: float
    gain: float
    rate: float
    sizes: tuple[float, ...]
    means: tuple[float, ...]
    doubt: str = ""

    def words(self, metric: str) -> str:
        """Return it in words."""
        between = f"{self.low:.4g} to {self.high:.4g}"
        told = f"extrapolated to all {self.rows:,} rows {metric} is {self.score:.4g} ({between})"
        return f"{told}, but the law cannot be seen in the scores: {self.doubt}" if self.doubt else told


@one_thread()
def nested_scores(candidate: Candidate, metric: str) -> list[tuple[float, Scores]]:
    """Return the scores of models of ever larger parts of the sample, with their training rows.

    Empty for models that are not fitted to a sample.
    """
    states, found = candidate.states, []
    for share in SHARES:
        train = parts_of(states.train, share)
        scores = None
        if train:
            scores = usable_scores(candidate.algorithm, train, states.held_out, metric, states.overlap)
        if scores is not None:
            found.append((sum(state.kept_rows for state in train) / len(train), scores))
    whole = parts_of(states.train, 1.0)
    return [*found, (sum(s.kept_rows for s in whole) / len(whole), candidate.scores)] if whole else []


def extrapolate(
    told: Sequence[tuple[float, Scores]], rows: int, most: float = math.inf, seed: int = 0
) -> Extrapolation | None:
    """Return the score at ``rows`` training rows; None for fewer than three sizes.

    Parameters
    ----------
    told : training rows, and the fold scores of models of so many.
    rows : where to.
    most : the best score that there is.
    seed : of the laws and errors that are drawn.

    Examples
    --------
    >>> told = [(float(n), Scores((0.9 - n**-0.5, 0.9 - n**-0.5))) for n in (100, 400, 1600)]
    >>> found = extrapolate(told, 10_000)
    >>> round(found.score, 3), round(found.rate, 1)
    (0.89, 0.5)
    """
    if len(told) < 3:
        return None
    curve = _Curve(
        np.array([n for n, _ in told]), np.array([scores.folds for _, scores in told]), rows / told[-1][0],
        told[-1][1].se,
    )  # fmt: skip
    ends = (1.0 - LEVEL) / 2.0
    by_laws, scores = _drawn(curve, most, seed)
    low, high = np.quantile(scores, [ends, 1.0 - ends]).tolist()
    score = min(max(float(np.median(by_laws)), low), high)
    return Extrapolation(
        rows, score, low, high, *curve.law, tuple(curve.sizes.tolist()), tuple(curve.means.tolist()),
        _doubt(curve, high - low),
    )  # fmt: skip


def best_there_is(metric: str, told: Sequence[tuple[float, Scores]]) -> float:
    """Return the score that no model exceeds: 0 for losses, 1 for most others, infinite where that is unknown.

    Examples
    --------
    >>> best_there_is("neg_log_loss", []), best_there_is("accuracy", []), best_there_is("log_likelihood", [])
    (0.0, 1.0, inf)
    """
    top = 0.0 if metric.startswith("neg_") else 1.0
    within = all(scores.mean <= top for _, scores in told)
    return top if within and metric in sklearn.metrics.get_scorer_names() else math.inf


@dataclass(frozen=True, eq=False)
class _Curve:
    """Scores by size, and the laws that suit them.

    Attributes
    ----------
    sizes : n, shape (S,).
    folds : shape (S, K).
    ratio : r.
    error : the standard error of the score at the largest size; NaN for one fold.
    """

    sizes: Array
    folds: Array
    ratio: float
    error: float

    @cached_property
    def means(self) -> Array:
        """The means s."""
        return np.asarray(self.folds.mean(axis=1))

    @cached_property
    def x(self) -> Array:
        """The columns x, shape (C, S)."""
        powers = (self.sizes / self.sizes[-1]) ** -RATES[:, None]
        return np.asarray((powers - 1.0) / (powers[:, :1] - 1.0))

    @cached_property
    def spread(self) -> Array:
        """Σ(x - x̄)², shape (C,)."""
        return np.asarray(((self.x - self.x.mean(axis=1)[:, None]) ** 2).sum(axis=1))

    @cached_property
    def gains(self) -> Array:
        """Gains g of least squares, shape (C,); below zero where scores fall."""
        return np.asarray(-(self.x - self.x.mean(axis=1)[:, None]) @ self.means / self.spread)

    def misses(self, gains: Array) -> Array:
        """Return the sum of squares of the means about each law, shape (C,)."""
        about = self.means - self.means.mean() + (self.x - self.x.mean(axis=1)[:, None]) * gains[:, None]
        return np.asarray((about**2).sum(axis=1))

    @cached_property
    def told(self) -> float:
        """The v that folds give: of scores without the means of size and fold, and of the bend of curves."""
        sizes, folds = self.folds.shape
        rest = self.folds - self.means[:, None] - self.folds.mean(axis=0) + self.folds.mean()
        error = (rest**2).sum() / max(1, (sizes - 1) * (folds - 1))
        tiny = 1e-9 * float(np.abs(self.means).max()) + 1e-150
        return float(error * (1.0 / folds + SHARED) + (BEND * np.ptp(self.means[[0, -1]])) ** 2 + tiny**2)

    @cached_property
    def missed(self) -> float:
        """The v that the best law leaves."""
        return float(self.misses(np.maximum(self.gains, 0.0)).min()) / max(1, len(self.sizes) - 3)

    @cached_property
    def v(self) -> float:
        """The larger of the two."""
        return max(self.told, self.missed)

    @cached_property
    def weights(self) -> Array:
        """The weight of each rate, shape (C,), summing to one."""
        logs = -0.5 * (self.misses(self.gains) / self.v + np.log(self.spread))
        logs += log_ndtr(self.gains / np.sqrt(self.v / self.spread))
        weights = BEFORE * np.exp(logs - logs.max())
        return np.asarray(weights / weights.sum())

    @property
    def surprise(self) -> float:
        """How much likelier rates below zero are than before: of these no law says where the scores end."""
        now, before = (float(w[RATES < 0.0].sum()) for w in (self.weights, BEFORE))
        return max(0.0, (now - before) / (1.0 - before))

    @property
    def beyond(self) -> Array:
        """h, shape (C,)."""
        return np.asarray((1.0 - self.ratio**-RATES) / ((self.sizes[-1] / self.sizes[0]) ** RATES - 1.0))

    @property
    def law(self) -> tuple[float, float, float]:
        """a, b and c of the likeliest law."""
        i = int(self.weights.argmax())
        c, gain = float(RATES[i]), max(float(self.gains[i]), 0.0)
        b = gain / ((self.sizes[-1] / self.sizes[0]) ** c - 1.0)
        return float(self.means.mean() + gain * self.x[i].mean() + b), float(b), c

    @property
    def noise(self) -> float:
        """Standard error for the rows that scores are computed on: of these, and as many for the truth."""
        return math.sqrt(2.0) * self.error if math.isfinite(self.error) else math.sqrt(self.v)


def _drawn(curve: _Curve, most: float, seed: int) -> tuple[Array, Array]:
    """Return scores at all rows: by the laws that suit, and with errors of scores and ends that no law has."""
    rng = np.random.default_rng(seed)
    i = rng.choice(len(RATES), DRAWS, p=curve.weights)
    t = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, DRAWS))
    gain = _above_zero(curve.gains[i], np.sqrt(curve.v / curve.spread[i]) * t, rng)
    level = curve.means.mean() + gain * curve.x.mean(axis=1)[i]
    level += math.sqrt(curve.v / len(curve.sizes)) * t * rng.standard_normal(DRAWS)
    drift = np.exp((DRIFT + FURTHER * abs(math.log(curve.ratio))) * rng.standard_normal(DRAWS))
    score = level + gain * curve.beyond[i] * drift
    noise = curve.noise * t * rng.standard_normal(DRAWS)
    if not math.isfinite(most):
        return score, score + noise
    even = level + rng.random(DRAWS) * np.maximum(most - level, 0.0)
    by_laws = _possible(score, most, even, rng)
    return by_laws, np.minimum(np.where(rng.random(DRAWS) < curve.surprise, even, by_laws) + noise, most)


def _possible(score: Array, most: float, even: Array, rng: np.random.Generator) -> Array:
    """Return the scores of laws that end no higher than the best there is; evenly below it where hardly any do."""
    possible = score[score <= most]
    if len(possible) < POSSIBLE * len(score):
        return np.where(score > most, even, score)
    return np.where(score > most, rng.choice(possible, len(score)), score)


def _above_zero(mean: Array, deviation: Array, rng: np.random.Generator) -> Array:
    """Draw normal numbers that are not below zero."""
    below = ndtr(-mean / deviation)
    share = np.clip(below + (1.0 - below) * rng.random(len(mean)), 1e-12, 1.0 - 1e-12)
    return np.asarray(np.maximum(mean + deviation * ndtri(share), 0.0))


def _doubt(curve: _Curve, width: float) -> str:
    """Return why the law cannot be found from the scores; empty where it can."""
    i, observed = int(curve.weights.argmax()), float(curve.means[-1] - curve.means[0])
    if curve.folds.shape[1] < 2:
        return "one split does not give the error of its scores"
    if curve.gains[i] < CLEAR * math.sqrt(curve.v / curve.spread[i]):
        return "they rise with the number of rows by no more than their error"
    if curve.surprise > SURPRISING:
        return "they rise ever faster with the number of rows"
    if width > WIDE * observed:
        return "laws that suit them equally well part before that many rows"
    return ""
