"""The error and the bias that sampled held-out rows bring to a score, computed without reading a row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Mask, Places, Values
from algorithms.batches import Label
from algorithms.contract import fitted
from algorithms.errors import AlgorithmError
from algorithms.lazily import sklearn
from algorithms.scoring.blocks import asked_of
from algorithms.scoring.scorers import SHARELESS, score_by, scorer_of
from algorithms.summaries.sample import SampleState
from algorithms.tasks import TASKS
from hpo.findings.largest import excess
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

MIDDLE = frozenset({"neg_median_absolute_error"})
"""Scores that are a median, where the middle rows alone decide."""

LARGEST = "neg_max_error"
"""The score that is one row's alone, and on a sample never worse than on all rows."""

DRAWS = 40
"""Populations that are drawn for these."""

STRATA = 20
"""Strata whose unseen rows are reckoned with, the heaviest."""

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
    return {**found, **{metric: _with_error(found[metric], candidate, metric, splits) for metric in wanted}}


def _with_error(found: Accuracy, candidate: Candidate, metric: str, splits: Sequence[_Scored]) -> Accuracy:
    try:
        parts = [_part_of(split, metric) for split in splits]
    except (AttributeError, TypeError, ValueError):
        return found
    variances, biases = zip(*parts, strict=True)
    k, bias = len(parts), float(np.mean(biases))
    if not math.isfinite(sum(variances)):
        return found
    scores = candidate.scores.also.get(metric, candidate.scores)
    error = math.sqrt(np.mean(variances) / min(k, _disjoint(candidate.states)))
    if metric == LARGEST:  # one side alone: what is expected is no less likely to be missed
        error = math.hypot(error, bias)
    sure = k > 1 and abs(bias) > SURE * float(np.std(biases, ddof=1)) / math.sqrt(k)
    worth = not abs(bias) < scores.se / 4.0
    rounding = error <= ROUNDING * abs(scores.mean)
    return replace(found, sampling=0.0 if rounding else error, bias=bias if sure and worth else 0.0)


def _part_of(split: _Scored, metric: str) -> tuple[float, float]:
    """Return the variance and the bias of a split's score that sampling its rows brings."""
    if metric == LARGEST:
        return _beyond(split)
    if metric in ENDS:
        return _redrawn(split, metric)
    variance, bias = _jackknife(split, metric)
    return max(variance, _unseen(split, metric) ** 2), bias


def _known(candidate: Candidate, metric: str) -> bool:
    task = TASKS[candidate.algorithm.tags.task]
    known = sklearn.metrics.get_scorer_names()
    able = metric in known and (metric == LARGEST or metric not in SHARELESS)
    return bool(task.target) and not task.one_class and able


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

    def predicted(self, kept: NDArray[np.intp], last: Label | None = None) -> Given:
        """Return what the model says of some of the rows; the last is predicted as a label where one is given."""
        from algorithms.scoring.given import Given  # noqa: PLC0415 -- loads scikit-learn

        names = ("predict", "predict_proba", "decision_function")
        methods = {n: partial(self._some, n, kept, last) for n in names if self.says(n)}
        classes = getattr(self.model, "classes_", None)
        return Given(methods, "regressor" if classes is None else "classifier", classes)

    def says(self, name: str) -> bool:
        """Return whether the model has a method."""
        return hasattr(self.model, name)

    def answer(self, name: str) -> Values:
        """Return what a method of the model says of every row."""
        if name not in self.answers:
            self.answers[name] = np.asarray(getattr(self.model, name)(self.rows.X))
        return self.answers[name]

    def of_class(self, place: int) -> Array:
        """Return what the model ranks the rows of a class by, shape (n,); nothing of a class that it never met."""
        label, known = self.rows.shape.classes[place], list(self.model.classes_)
        if label not in known:
            return np.zeros(0)
        name = "predict_proba" if self.says("predict_proba") else "decision_function"
        at = known.index(label)
        found = np.asarray(self.answer(name), np.float64)
        return (found if at else -found) if found.ndim == 1 else found[:, at]

    def _some(self, name: str, kept: NDArray[np.intp], last: Label | None) -> Values:
        found = self.answer(name)[kept]
        return np.append(found[:-1], [last]) if name == "predict" and last is not None else found


def _splits(candidate: Candidate) -> Iterator[_Scored]:
    algorithm, states = candidate.algorithm, candidate.states
    sampled = () if states.sample is None else states.sample.test
    for train, rows in zip(states.train, sampled, strict=True):
        yield _Scored(asked_of(fitted(algorithm, train), rows), rows, {})


def _jackknife(scored: _Scored, metric: str) -> tuple[float, float]:
    """Return the variance and the bias that groups left out in turn show."""
    rows, classes = scored.rows, scored.rows.shape.classes
    if rows.complete:
        return 0.0, 0.0
    every = np.arange(rows.n)
    whole = score_by(metric, scored.predicted(every), _part(rows, every, rows.sample_weight), classes=classes)
    strata, group = _groups(rows)
    lost = np.sqrt(1.0 - 1.0 / rows.factors)  # of what is kept in part, little is to be gained by the rest
    without = []
    for g in range(GROUPS):
        raised = np.where(group == g, 0.0, _raised(rows.sample_weight, strata, group != g))
        weights = rows.sample_weight * (1.0 + lost * (raised - 1.0))
        without.append(score_by(metric, scored.predicted(every), _part(rows, every, weights), classes=classes))
    mean = float(np.mean(without))
    variance = (GROUPS - 1) / GROUPS * float(np.sum((np.array(without) - mean) ** 2))
    return variance, (GROUPS - 1) * (mean - whole)


def _beyond(scored: _Scored) -> tuple[float, float]:
    """Return the variance of the largest error of all rows, and how far it is expected above the sampled one."""
    rows = scored.rows
    if rows.complete:
        return 0.0, 0.0
    said = np.asarray(scored.answer("predict"), np.float64)
    mean, variance = excess(np.abs(rows.target - said), rows.factors, rows.rows - rows.n)
    return variance, mean


def _unseen(scored: _Scored, metric: str) -> float:
    """Return the error that a kind of row brings to a split's score of which no row is in the sample.

    Of m rows drawn of a stratum none may be of a kind that is a share of 1/m of the others; where all that are
    drawn are answered alike, no part of them shows an error at all. A share of which nothing was seen is 1/(m + 1)
    on average, and with 95% confidence below three times that (the rule of three: Hanley & Lippman-Hand 1983). So
    for every stratum the score is computed with such a share of the row that would move it most. A median, which
    does not move by so little, is computed with as many more large errors as are a standard error of its rank.
    """
    rows, classes = scored.rows, scored.rows.shape.classes
    if rows.complete:
        return 0.0
    every, (strata, _) = np.arange(rows.n), _groups(rows)
    whole = score_by(metric, scored.predicted(every), _part(rows, every, rows.sample_weight), classes=classes)
    own, found = rows.sample_weight / rows.factors, 0.0
    for stratum in _heaviest(strata, rows.sample_weight):
        mine = np.flatnonzero(strata == stratum)
        total = float(rows.sample_weight[mine].sum())
        left, m = float((rows.sample_weight - own)[mine].sum()) / total, len(mine)
        share = 0.5 * math.sqrt(left / m) if metric in MIDDLE else left / (m + 1)
        others = np.where(strata == stratum, 1.0 - share, 1.0)
        moved = [0.0]
        for kind in _kinds(scored, metric, mine):
            kept, weights = np.append(every, kind.truth), np.append(rows.sample_weight * others, share * total)
            sample = SampleState(
                rows.shape, len(kept), float(weights.sum()), rows.priority[kept], rows.kept[kept], weights
            )
            given = scored.predicted(np.append(every, kind.said), kind.label)
            moved.append(score_by(metric, given, sample, classes=classes) - whole)
        found += float(np.max(np.abs(moved))) ** 2
    return math.sqrt(found)


def _heaviest(strata: Places, weights: Array) -> Places:
    """Return the sampled strata that weigh most, at most :data:`STRATA` of them."""
    mass = np.bincount(strata[strata >= 0], weights[strata >= 0])
    return np.asarray([s for s in np.argsort(-mass, kind="stable") if mass[s] > 0.0][:STRATA], np.intp)


@dataclass(frozen=True)
class _Kind:
    """A row that may be among those that are not kept.

    Attributes
    ----------
    truth : place of a kept row with its target.
    said : place of the kept row that it is answered like.
    label : what it is predicted as; None for what that row is.
    """

    truth: int
    said: int
    label: Label | None = None


def _kinds(scored: _Scored, metric: str, mine: Places) -> Iterator[_Kind]:
    """Yield the rows of a stratum that would move a score most.

    Of numbers the row with the largest error, and those of the stratum with the largest and the least. Of predicted
    classes one that is right, and one that is taken for the class that most others, or fewest, are. Of other
    scores, where no kept row of the class is misjudged, one that is ranked as the least likely of it.
    """
    rows, first = scored.rows, int(mine[0])
    labels = rows.shape.classes
    if not labels:
        apart = np.abs(rows.target - np.asarray(scored.answer("predict"), np.float64))
        for place in {int(np.argmax(apart)), int(mine[np.argmax(apart[mine])]), int(mine[np.argmin(apart[mine])])}:
            yield _Kind(place, place)
        return
    own = int(rows.target[first])
    if scorer_of(metric, labels)._response_method == "predict":
        mass = np.bincount(rows.target.astype(np.intp), rows.sample_weight, len(labels))
        wrong = [int(place) for place in np.argsort(mass, kind="stable") if place != own]
        for place in {own, wrong[0], wrong[-1]}:
            yield _Kind(first, first, labels[place])
    elif (scored.answer("predict")[rows.target == own] == labels[own]).all() and len(said := scored.of_class(own)):
        yield _Kind(first, int(np.argmin(said)))


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
    if scored.says("decision_function"):
        return np.asarray(scored.answer("decision_function"), np.float64)
    return np.asarray(scored.answer("predict_proba"), np.float64)[:, 1]


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
