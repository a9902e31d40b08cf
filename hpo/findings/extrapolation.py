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

import numpy as np
from numpy.typing import NDArray

from algorithms.lazily import sklearn
from hpo.findings.learning_law import BEFORE, LEVEL, LearningLaw, doubt, drawn_laws
from hpo.process.threads import one_thread
from hpo.states.evaluate import Scores
from hpo.trials.fidelity import parts_of
from hpo.trials.selection import Candidate, usable_scores
from studies.report.text import metric_of

SHARES = tuple(3.0 ** (-i / 2) for i in range(4, 0, -1))
"""1/9 to 1/√3 of the sample."""


BEFORE /= BEFORE.sum()


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
    'By a power law through the scores of 10 rows and fewer, R² extrapolated to all 1,000 rows is 0.9 (0.8 to 1)'
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
        """Return it in words, the score as people say it."""
        shown = metric_of(metric)
        low, high = sorted(shown.sign * one for one in (self.low, self.high))
        law = f"By a power law through the scores of {self.sizes[-1]:,.0f} rows and fewer"
        text = f"{law}, {shown.short} extrapolated to all {self.rows:,} rows is {shown.sign * self.score:.4g}"
        between = f"{text} ({low:.4g} to {high:.4g})"
        return f"{between}, but the law cannot be seen in the scores: {self.doubt}" if self.doubt else between


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
    nested: Sequence[tuple[float, Scores]], rows: int, most: float = math.inf, seed: int = 0
) -> Extrapolation | None:
    """Return the score at ``rows`` training rows; None for fewer than three sizes.

    Parameters
    ----------
    nested : training rows, and the fold scores of models of so many.
    rows : where to.
    most : the best score that there is.
    seed : of the laws and errors that are drawn.

    Examples
    --------
    >>> nested = [(float(n), Scores((0.9 - n**-0.5, 0.9 - n**-0.5))) for n in (100, 400, 1600)]
    >>> found = extrapolate(nested, 10_000)
    >>> round(found.score, 3), round(found.rate, 1)
    (0.89, 0.5)
    """
    if len(nested) < 3:
        return None
    curve = LearningLaw(
        np.array([n for n, _ in nested]), np.array([scores.folds for _, scores in nested]), rows / nested[-1][0],
        nested[-1][1].se,
    )  # fmt: skip
    ends = (1.0 - LEVEL) / 2.0
    by_laws, scores = drawn_laws(curve, most, seed)
    low, high = np.quantile(scores, [ends, 1.0 - ends]).tolist()
    score = min(max(float(np.median(by_laws)), low), high)
    return Extrapolation(
        rows, score, low, high, *curve.law, tuple(curve.sizes.tolist()), tuple(curve.means.tolist()),
        doubt(curve, high - low),
    )  # fmt: skip


def best_there_is(metric: str, nested: Sequence[tuple[float, Scores]]) -> float:
    """Return the score that no model exceeds: 0 for losses, 1 for most others, infinite where that is unknown.

    Examples
    --------
    >>> best_there_is("neg_log_loss", []), best_there_is("accuracy", []), best_there_is("log_likelihood", [])
    (0.0, 1.0, inf)
    """
    top = 0.0 if metric.startswith("neg_") else 1.0
    within = all(scores.mean <= top for _, scores in nested)
    return top if within and metric in sklearn.metrics.get_scorer_names() else math.inf
