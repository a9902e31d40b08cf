"""The error and the bias that sampled held-out rows bring to a score, computed without reading a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Mask, Places, Values
from algorithms.contract import fitted
from algorithms.errors import AlgorithmError
from algorithms.lazily import sklearn
from algorithms.scoring.blocks import asked_of
from algorithms.scoring.scorers import SHARELESS, score_by
from algorithms.summaries.sample import SampleState
from algorithms.tasks import TASKS
from hpo.process.threads import one_thread
from hpo.states.fold_states import FoldStates
from hpo.trials.selection import Candidate
from studies.report.accuracy import Accuracy

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from algorithms.scoring.given import Given

GROUPS = 10
"""Parts of the sampled rows that are left out in turn."""

ROUNDING = 1e-12
"""Errors beside the score that are rounding alone."""

ENDS = frozenset({"average_precision"})
"""Scores of classes that the first few rows of a ranking decide, of which a sample may have none."""

DRAWS = 40
"""Populations that are drawn for these."""

SURE = 2.0
"""Standard errors that a bias must exceed to be reported."""


@one_thread()
def with_sampling(found: Mapping[str, Accuracy], candidate: Candidate) -> dict[str, Accuracy]:
    """Return what is known of a candidate's scores, with the error and bias of sampled rows if these are known.

    Groups of the sampled rows are left out in turn (Kott 2001, "The delete-a-group jackknife"); each split's
    predictions are made once for all scores. Costly models, which would be fitted again, and scores that are no
    scorer of scikit-learn's are left as they are.

    Parameters
    ----------
    found : what is known of each score, by its name.
    candidate : whose scores.
    """
    wanted = [metric for metric, one in found.items() if one.sampled and _known(candidate, metric)]
    if not wanted or candidate.algorithm.tags.costly:
        return dict(found)
    try:
        splits = list(_splits(candidate))
    except (AlgorithmError, TypeError):
        return dict(found)
    return {**found, **{metric: _told(found[metric], candidate, metric, splits) for metric in wanted}}


def _told(found: Accuracy, candidate: Candidate, metric: str, splits: Sequence[_Scored]) -> Accuracy:
    try:
        one = _redrawn if metric in ENDS else _jackknife
        parts = [one(split, metric) for split in splits]
    except (AttributeError, TypeError, ValueError):
        return found
    variances, biases = zip(*parts, strict=True)
    k, bias = len(parts), float(np.mean(biases))
    if not math.isfinite(sum(variances)):
        return found
    scores = candidate.scores.also.get(metric, candidate.scores)
    error = math.sqrt(np.mean(variances) / min(k, _disjoint(candidate.states)))
    sure = k > 1 and abs(bias) > SURE * float(np.std(biases, ddof=1)) / math.sqrt(k)
    worth = not abs(bias) < scores.se / 4.0
    rounding = error <= ROUNDING * abs(scores.mean)
    return replace(found, sampling=0.0 if rounding else error, bias=bias if sure and worth else 0.0)


def _known(candidate: Candidate, metric: str) -> bool:
    task = TASKS[candidate.algorithm.tags.task]
    known = sklearn.metrics.get_scorer_names()
    return bool(task.target) and not task.one_class and metric in known and metric not in SHARELESS


def _disjoint(states: FoldStates) -> float:
    """Return how many test sets the held-out rows make that share no row."""
    cells = states.cells
    tested = {cell for split in states.plan.splits for cell in split.test}
    each = sum(state.rows for state in states.test) / len(states.test)
    return max(1.0, float(sum(cells[cell].rows for cell in tested) / each))


@dataclass(frozen=True, eq=False)
class _Scored:
    """The predictions of one split's model on its sampled rows, each kind made once."""

    model: BaseEstimator
    rows: SampleState
    answers: dict[str, Values]

    def predicted(self, kept: NDArray[np.intp]) -> Given:
        """Return what the model says of some of the rows."""
        from algorithms.scoring.given import Given  # noqa: PLC0415 -- loads scikit-learn

        names = ("predict", "predict_proba", "decision_function")
        methods = {n: self._answer(n, kept) for n in names if hasattr(self.model, n)}
        classes = getattr(self.model, "classes_", None)
        return Given(methods, "regressor" if classes is None else "classifier", classes)

    def _answer(self, name: str, kept: NDArray[np.intp]) -> Callable[[], Values]:
        def answer() -> Values:
            if name not in self.answers:
                self.answers[name] = np.asarray(getattr(self.model, name)(self.rows.X))
            return self.answers[name][kept]

        return answer


def _splits(candidate: Candidate) -> Iterator[_Scored]:
    algorithm, states = candidate.algorithm, candidate.states
    sampled = () if states.sample is None else states.sample.test
    for train, rows in zip(states.train, sampled, strict=True):
        yield _Scored(asked_of(fitted(algorithm, train), rows), rows, {})


def _jackknife(scored: _Scored, metric: str) -> tuple[float, float]:
    """Return the variance and the bias of a split's score that sampling its rows brings."""
    rows, classes = scored.rows, scored.rows.shape.classes
    if rows.complete:
        return 0.0, 0.0
    every = np.arange(rows.n)
    whole = score_by(metric, scored.predicted(every), _part(rows, every, rows.sample_weight), classes=classes)
    strata, group = _groups(rows)
    without = []
    for g in range(GROUPS):
        kept = np.flatnonzero(group != g)
        weights = rows.sample_weight * _raised(rows.sample_weight, strata, group != g)
        without.append(score_by(metric, scored.predicted(kept), _part(rows, kept, weights), classes=classes))
    left = 1.0 - np.count_nonzero(strata >= 0) / rows.factors[strata >= 0].sum()
    mean = float(np.mean(without))
    variance = (GROUPS - 1) / GROUPS * float(np.sum((np.array(without) - mean) ** 2))
    return left * variance, left * (GROUPS - 1) * (mean - whole)


def _redrawn(scored: _Scored, metric: str) -> tuple[float, float]:
    """Return what :func:`_jackknife` does, of a score that the rows ranked above all sampled ones may change.

    Rows that are not kept are drawn as likely between any two neighbours of the kept ones of their class, above the
    first of them too: a Pólya urn (Lo 1988, "A Bayesian bootstrap for a finite population"). Above the first they
    rank with one of the rows of other classes that are there, or with none.
    """
    rows, classes = scored.rows, scored.rows.shape.classes
    if rows.complete:
        return 0.0, 0.0
    every, (strata, _), rng = np.arange(rows.n), _groups(rows), np.random.default_rng(0)
    whole = score_by(metric, scored.predicted(every), _part(rows, every, rows.sample_weight), classes=classes)
    rank, own, drawn = _ranks(scored), rows.sample_weight / rows.factors, []
    for _ in range(DRAWS):
        truth, said, weights = [every], [every], own.copy()
        first = []
        for stratum in np.unique(strata[strata >= 0]):
            mine = np.flatnonzero(strata == stratum)
            left, unit = (rows.sample_weight[mine] - own[mine]).sum(), own[mine].mean()
            rest = unit * rng.multinomial(round(left / unit), rng.dirichlet(np.ones(len(mine) + 1)))
            weights[mine] += rest[:-1]
            above = np.flatnonzero(rank > rank[mine].max())
            truth.append(mine[:1])
            said.append(rng.choice([mine[np.argmax(rank[mine])], *above], 1))
            first.append(rest[-1])
        kept = np.concatenate(truth)
        made = rows.kept[kept], np.concatenate([weights, first])
        sample = SampleState(rows.shape, len(kept), float(made[1].sum()), rows.priority[kept], *made)
        drawn.append(score_by(metric, scored.predicted(np.concatenate(said)), sample, classes=classes))
    return float(np.var(drawn, ddof=1)), whole - float(np.mean(drawn))


def _ranks(scored: _Scored) -> Array:
    """Return what a model of two classes ranks the sampled rows by."""
    methods = scored.predicted(np.arange(scored.rows.n)).methods
    if "decision_function" in methods:
        return np.asarray(methods["decision_function"](), np.float64)
    return np.asarray(methods["predict_proba"](), np.float64)[:, 1]


def _groups(rows: SampleState) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the stratum of each row, -1 where all of it is kept, and the group that it is left out with."""
    strata = rows.target.astype(np.intp) if rows.shape.classes else np.zeros(rows.n, np.intp)
    strata[rows.factors == 1.0] = -1
    group = np.full(rows.n, -1)
    for stratum in np.unique(strata[strata >= 0]):
        mine = np.flatnonzero(strata == stratum)
        group[mine] = np.arange(len(mine)) % GROUPS
    return strata, group


def _raised(w: Array, strata: Places, kept: Mask) -> Array:
    """Return by how much the weights of the rows that stay grow, so that each stratum weighs what it did."""
    sampled = strata >= 0
    all_, stay = (np.bincount(strata[some], w[some]) for some in (sampled, sampled & kept))
    found = np.ones(len(w))
    found[sampled & kept] = (all_[: len(stay)] / np.maximum(stay, 1e-300))[strata[sampled & kept]]
    return found


def _part(rows: SampleState, kept: Places, weights: Array) -> SampleState:
    """Return some of the rows as a sample of their own, with weights that are taken as they are."""
    w = weights[kept]
    return SampleState(rows.shape, len(kept), float(w.sum()), rows.priority[kept], rows.kept[kept], w)
