"""Honest selection: best, simplest within one standard error, nested estimate, curves — all from states."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from algorithms.brief import briefly
from algorithms.contract import Algorithm, Held, State
from algorithms.errors import AlgorithmError
from hpo.process.axes import Drawn
from hpo.process.threads import one_thread
from hpo.question.scoring import score
from hpo.states.evaluate import Scores, score_pairs, usable
from hpo.states.fold_states import FoldStates, leaves_one_out
from hpo.trials.pareto import covers

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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


@dataclass(frozen=True)
class Curve(Drawn):
    """Scores along one axis.

    Attributes
    ----------
    x : values of the axis.
    mean, se : of the fold scores at each.
    name, metric, log : of the axis, of the score, and whether the axis was searched on a logarithmic scale.

    Examples
    --------
    >>> curve = Curve((1, 10), (0.5, 0.75), (0.01, 0.02), "k", "r2")
    >>> curve.plot().get_xlabel()
    'k'
    """

    x: tuple[object, ...]
    mean: tuple[float, ...]
    se: tuple[float, ...]
    name: str = field(default="", compare=False, repr=False)
    metric: str = field(default="", compare=False, repr=False)
    log: bool = field(default=False, compare=False, repr=False)

    def _repr_html_(self) -> str:
        """Show the curve, as notebooks do."""
        se = [error if math.isfinite(error) else None for error in self.se]
        drawn = import_module("studies.report.small").curve_html
        return str(drawn(self.name, self.metric, self.x, self.mean, se, log=self.log))

    def _draw(self, ax: Axes) -> None:
        """Draw the means with their standard errors."""
        numeric = all(isinstance(x, int | float) and not isinstance(x, bool) for x in self.x)
        x = [float(str(one)) for one in self.x] if numeric else [str(one) for one in self.x]
        metric = import_module("studies.report.text").metric_of(self.metric)
        ax.errorbar(x, [metric.shown(mean) for mean in self.mean], yerr=self.se, marker="o", capsize=3)
        if self.log and numeric:
            ax.set_xscale("log")
        ax.set_xlabel(self.name)
        ax.set_ylabel(metric.label)


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
    return candidate.algorithm.complexity_of(candidate.states.whole)


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
    the tuner saw all folds, so the estimate covers the choice among the candidates and may be slightly optimistic.
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


@one_thread()
def learning_curve(candidate: Candidate, metric: str) -> Curve | None:
    """Return the score against the number of training rows, from merges of fewer folds.

    For each held-out fold the training folds grow one by one, in cyclic order from the held-out one.
    None where the plan does not leave one fold out at a time.
    """
    states = candidate.states
    plan = states.plan
    if not leaves_one_out(plan) or plan.n_cells < 3:
        return None
    k = plan.n_cells
    sizes: list[float] = []
    scores: list[Scores] = []
    for m in range(1, k):
        trains = [states.merged([(s.test[0] + 1 + j) % k for j in range(m)]) for s in plan.splits]
        found = usable_scores(candidate.algorithm, trains, states.held_out, metric)
        if found is not None:
            sizes.append(sum(t.rows for t in trains) / len(trains))
            scores.append(found)
    return Curve(tuple(sizes), tuple(s.mean for s in scores), tuple(s.se for s in scores))


@one_thread()
def validation_curve(
    build: Callable[[Mapping[str, object]], tuple[Algorithm, FoldStates]],
    params: Mapping[str, object],
    name: str,
    values: Sequence[object],
    metric: str,
    *,
    from_states: bool = False,
) -> Curve:
    """Return the score along one hyperparameter, the others held at ``params``.

    Parameters
    ----------
    build : makes (algorithm, states) of a setting.
    params : the setting to vary.
    name : the hyperparameter.
    values : where to look.
    metric : the score.
    from_states : whether it is computed from held-out states, whatever the study is scored on.
    """
    kept, scores = [], []
    for value in values:
        algorithm, states = build({**params, name: value})
        held_out = [Held(held.state) for held in states.held_out] if from_states else states.held_out
        found = usable_scores(algorithm, states.train, held_out, metric, states.overlap)
        if found is not None:
            kept.append(value)
            scores.append(found)
    return Curve(tuple(kept), tuple(s.mean for s in scores), tuple(s.se for s in scores))
