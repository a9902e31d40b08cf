"""From the scores of ever larger samples to the score that all rows would give: s(n) = a - b·n⁻ᶜ.

Learning curves of most learners are near a power law with a limit (Viering & Loog 2023, "The shape of learning
curves"), but not from the first rows on: parts below a ninth of the sample are left out. The uncertainty is that of
the folds: they are drawn with replacement, the law is fitted anew, and the spread is widened for there being few.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.evaluate import Scores
from hpo.fidelity import parts_of
from hpo.selection import Candidate, usable_scores
from hpo.threads import one_blas_thread

SHARES = tuple(3.0 ** (-i / 2) for i in range(4, 0, -1))
"""1/9 to 1/√3 of the sample."""

RATES = np.geomspace(0.1, 2.0, 40)
DRAWS, LEVEL = 400, 0.9

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Extrapolation:
    """A score at a number of training rows, by a power law.

    Attributes
    ----------
    rows : where the score is extrapolated to.
    score : by the law fitted to the mean scores; greater is better.
    low, high : between them the score lies with a probability of about nine in ten, if the law holds.
    limit, gain, rate : a, b and c of a - b·(n/n₀)⁻ᶜ, with n₀ the largest size.
    sizes, means : training rows, and the mean fold score of a model of so many.

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

    def words(self, metric: str) -> str:
        """Return it in words."""
        between = f"{self.low:.4g} to {self.high:.4g}"
        return f"extrapolated to all {self.rows:,} rows {metric} is {self.score:.4g} ({between})"


@one_blas_thread()
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
            found.append((sum(state.n for state in train) / len(train), scores))
    whole = parts_of(states.train, 1.0)
    return [*found, (sum(s.n for s in whole) / len(whole), candidate.scores)] if whole else []


def extrapolate(
    told: Sequence[tuple[float, Scores]], rows: int, most: float = math.inf, seed: int = 0
) -> Extrapolation | None:
    """Return the score at ``rows`` training rows; None for fewer than three sizes.

    Parameters
    ----------
    told : training rows, and the fold scores of models of so many.
    rows : where to.
    most : the best score that there is.
    seed : of the folds that are drawn.

    Examples
    --------
    >>> told = [(float(n), Scores((0.9 - n**-0.5, 0.9 - n**-0.5))) for n in (100, 400, 1600)]
    >>> found = extrapolate(told, 10_000)
    >>> round(found.score, 3), round(found.rate, 1)
    (0.89, 0.5)
    """
    if len(told) < 3:
        return None
    sizes = np.array([n for n, _ in told])
    folds = np.array([scores.folds for _, scores in told])  # shape (sizes, K)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(folds.shape[1], size=(DRAWS, folds.shape[1]))
    means = folds.mean(axis=1)
    a, b, c = _laws(sizes, means[:, None])
    at = _told(a, b, c, rows / sizes[-1])
    among = _told(*_laws(sizes, folds[:, drawn].mean(axis=2)), rows / sizes[-1])
    ends = np.quantile(among - at, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    low, high = at + _widening(folds.shape[1]) * np.array([min(ends[0], 0.0), max(ends[1], 0.0)])
    score, low, high = (min(float(v), most) for v in (at[0], low, high))
    return Extrapolation(
        rows,
        score,
        low,
        high,
        float(a[0]),
        float(b[0]),
        float(c[0]),
        tuple(sizes.tolist()),
        tuple(means.tolist()),
    )


def best_there_is(metric: str, told: Sequence[tuple[float, Scores]]) -> float:
    """Return the score that no model exceeds: 0 for losses, 1 for most others, infinite where that is unknown.

    Examples
    --------
    >>> best_there_is("neg_log_loss", []), best_there_is("accuracy", []), best_there_is("log_likelihood", [])
    (0.0, 1.0, inf)
    """
    from sklearn.metrics import get_scorer_names

    top = 0.0 if metric.startswith("neg_") else 1.0
    within = all(scores.mean <= top for _, scores in told)
    return top if within and metric in get_scorer_names() else math.inf


def _widening(folds: int) -> float:
    """Return by how much the spread of means of K drawn folds is too narrow: √(K/(K-1)) · t/z."""
    from scipy.stats import norm, t

    if folds < 2:
        return 1.0
    p = (1.0 + LEVEL) / 2.0
    return float(math.sqrt(folds / (folds - 1)) * t.ppf(p, folds - 1) / norm.ppf(p))


def _told(a: Array, b: Array, c: Array, n: float) -> Array:
    return np.asarray(a - b * n**-c)


def _laws(sizes: Array, scores: Array) -> tuple[Array, Array, Array]:
    """Return a, b ≥ 0 and c of least squares for every column of scores, shape (sizes, m)."""
    m = scores.shape[1]
    a, b, c, least = np.zeros(m), np.zeros(m), np.zeros(m), np.full(m, math.inf)
    mean = scores.mean(axis=0)
    for rate in RATES:
        x = (sizes / sizes[-1]) ** -rate
        centred = x - x.mean()
        slope = np.minimum(centred @ scores / (centred @ centred), 0.0)  # more rows never make it worse
        level = mean - slope * x.mean()
        error = ((scores - level - slope * x[:, None]) ** 2).sum(axis=0)
        better = error < least
        a, b = np.where(better, level, a), np.where(better, -slope, b)
        c, least = np.where(better, rate, c), np.where(better, error, least)
    return a, b, c
