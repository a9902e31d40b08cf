"""How scores grow with rows: power laws, drawn by how well they agree with what is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from algorithms.arrays import Array

RATES = np.array([0.05 * i or 1e-3 for i in range(-20, 51)])
"""c: near zero the scores rise with log n, below it ever faster."""

RATE, RATE_SPREAD = 0.4, 0.4
"""What rates are like: mean and standard deviation before any score is seen."""

BEFORE = np.exp(-0.5 * ((RATES - RATE) / RATE_SPREAD) ** 2)

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


@dataclass(frozen=True, eq=False)
class LearningLaw:
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
    def by_folds(self) -> float:
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
        return max(self.by_folds, self.missed)

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


def drawn_laws(curve: LearningLaw, most: float, seed: int) -> tuple[Array, Array]:
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


def doubt(curve: LearningLaw, width: float) -> str:
    """Return why the law cannot be found from the scores; empty where it can."""
    i, observed = int(curve.weights.argmax()), float(curve.means[-1] - curve.means[0])
    if curve.folds.shape[1] < 2:
        return "one split does not give the error of its scores"
    if curve.gains[i] < CLEAR * math.sqrt(curve.v / curve.spread[i]):
        return "they rise with the number of rows by no more than their error"
    if curve.surprise > SURPRISING:
        return "they rise ever faster with the number of rows"
    if width > WIDE * observed:
        return "laws that fit them equally well differ at that many rows"
    return ""
