"""Honest selection: best, simplest within one standard error, nested estimate, curves — all from states."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from algorithms.brief import briefly
from algorithms.contract import Algorithm, Held, State, complexity_of
from algorithms.errors import AlgorithmError
from hpo.process.threads import one_thread
from hpo.question.scoring import score
from hpo.states.evaluate import Scores, score_pairs, usable
from hpo.states.fold_states import FoldStates, leaves_one_out
from hpo.trials.pareto import covers


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error.

    Examples
    --------
    >>> Estimate(0.5, 0.1)
    Estimate(mean=0.5, se=0.1)
    """

    mean: float
    se: float


@briefly
@dataclass(frozen=True)
class Candidate:
    """One setting that was tried.

    Attributes
    ----------
    number : the trial's.
    algorithm : with its hyperparameters set.
    states : of its summary.
    scores : its fold scores.
    """

    number: int
    algorithm: Algorithm
    states: FoldStates
    scores: Scores


def best(candidates: Sequence[Candidate]) -> Candidate:
    """Return the candidate of largest mean score; the first of equals."""
    return max(candidates, key=lambda c: (c.scores.mean, -c.number))


def objectives_of(candidate: Candidate, objectives: Sequence[str]) -> tuple[float, ...]:
    """Return a candidate's mean scores by the study's objectives."""
    return tuple(candidate.scores.also.get(name, candidate.scores).mean for name in objectives)


def pareto(candidates: Sequence[Candidate], objectives: Sequence[str]) -> list[Candidate]:
    """Return the candidates that no other beats in every objective, the best by the first objective first.

    Of candidates with equal scores the first is kept.
    """
    values = {c.number: objectives_of(c, objectives) for c in candidates}
    order = sorted(candidates, key=lambda c: (tuple(-v for v in values[c.number]), c.number))
    front: list[Candidate] = []
    for candidate in order:
        mine = values[candidate.number]
        if not any(covers(values[f.number], mine) for f in front):
            front.append(candidate)
    return front


def complexity(candidate: Candidate) -> float:
    """Return the effective degrees of freedom of the candidate fitted on every row."""
    return complexity_of(candidate.algorithm, candidate.states.whole)


@one_thread()
def simplest(candidates: Sequence[Candidate]) -> Candidate:
    """Return the simplest candidate within one standard error of the best (Breiman et al. 1984, §3.4.3).

    Simple means few effective degrees of freedom; of equally simple ones the better score wins.
    """
    winner = best(candidates)
    margin = 0.0 if math.isnan(winner.scores.se) else winner.scores.se
    close = [c for c in candidates if c.scores.mean >= winner.scores.mean - margin]
    return min(close, key=lambda c: (round(complexity(c), 9), -c.scores.mean, c.number))


def nests(candidates: Sequence[Candidate]) -> bool:
    """Return whether there is a nested estimate of choosing among the candidates: see :func:`nested`."""
    plan = candidates[0].states.plan
    costly = any(c.algorithm.tags.costly for c in candidates)
    return leaves_one_out(plan) and len(plan.splits) >= 3 and not costly


@one_thread()
def nested(candidates: Sequence[Candidate], metric: str) -> Estimate | None:
    """Return the nested cross-validation estimate of *choosing the best candidate*.

    For each outer fold the winner is chosen by the inner folds alone, then scored on the outer fold by a
    model of all the inner ones. The states of all folds but two are merges, so no data is read. The
    tuner saw all folds, so the estimate covers the choice among the candidates and may be slightly optimistic.
    None where the plan does not leave one fold out at a time, or has fewer than three, or where a model is costly:
    it takes K²/2 fits of every candidate.
    """
    if not nests(candidates):
        return None
    plan = candidates[0].states.plan
    inner = _inner_means(candidates, metric)
    winners = [max(range(len(inner)), key=lambda i: inner[i][fold]) for fold in range(len(plan.splits))]
    scores = Scores(tuple(candidates[i].scores.folds[fold] for fold, i in enumerate(winners)))
    return Estimate(scores.mean, scores.se)


def _inner_means(candidates: Sequence[Candidate], metric: str) -> list[list[float]]:
    """Return, per candidate and outer fold, the mean score of the inner folds.

    A pair of folds left out is merged and solved once, for all candidates together, and then forgotten: the
    K²/2 states of all pairs are never held at once.
    """
    plan = candidates[0].states.plan
    tests = [split.test[0] for split in plan.splits]
    inner: list[dict[int, list[float]]] = [{t: [] for t in tests} for _ in candidates]
    for a, b in itertools.combinations(tests, 2):
        rest = [cell for cell in range(plan.n_cells) if cell not in (a, b)]
        merged = {states: states.merged(rest) for states in dict.fromkeys(c.states for c in candidates)}
        for c, scores in zip(candidates, inner, strict=True):
            held_out = (c.states.held_cell(b), c.states.held_cell(a))
            for_a, for_b = _held_out_scores(c.algorithm, merged[c.states], held_out, metric)
            scores[a].append(for_a)
            scores[b].append(for_b)
    return [[_finite_mean(scores[t]) for t in tests] for scores in inner]


def _held_out_scores(
    algorithm: Algorithm, train: State, held_out: Sequence[Held], metric: str
) -> list[float]:
    """Return the scores of one model on what was held out; -∞ where the training state defines no model."""
    try:
        solution = algorithm.solve(train)
        return [score(algorithm, solution, held, metric) for held in held_out]
    except AlgorithmError:
        return [-math.inf] * len(held_out)


def usable_scores(
    algorithm: Algorithm,
    train: Sequence[State],
    held_out: Sequence[Held],
    metric: str,
    overlap: float = 0.0,
) -> Scores | None:
    """Return a setting's fold scores; None where a state defines no model or a score is not finite."""
    try:
        found = score_pairs(algorithm, train, held_out, metric, overlap=overlap)
    except AlgorithmError:
        return None
    return found if usable(found) else None


def _finite_mean(scores: Sequence[float]) -> float:
    mean = math.fsum(scores) / len(scores)
    return mean if math.isfinite(mean) else -math.inf
