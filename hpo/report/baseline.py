"""What a model that looks at no column scores: scikit-learn's dummies on the study's own splits, from its states.

Of classes nothing but how many rows each has matters, so that a row a class, with these as weights, gives what
any of scikit-learn's scorers gives of every row. Of numbers the mean and the variance give squared errors; scores
of other kinds need the rows that were sampled for scores.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from algorithms import registry
from algorithms.arrays import Array
from algorithms.contract import Algorithm, pass_fields
from algorithms.errors import AlgorithmError
from algorithms.fields import build
from algorithms.lazily import sklearn
from algorithms.scoring.scorers import SHARELESS, scorer_of
from algorithms.tasks import CLASS, TASKS, Task
from hpo.states.evaluate import Scores, evaluate
from studies.report.data import Baseline

if TYPE_CHECKING:
    from algorithms.contract import State
    from algorithms.summaries.sample import SampleState
    from hpo.findings.result import Result
    from hpo.states.fold_states import FoldStates

MEDIAN = ("neg_mean_absolute_error", "neg_median_absolute_error", "d2_absolute_error_score")
"""Scores that the median is best for; the mean is for all others."""

SQUARED = ("r2", "explained_variance", "neg_mean_squared_error", "neg_root_mean_squared_error")
"""Scores that the mean and the variance of the target give."""

ALIKE = 1e-9
"""Relative difference of a sum of weights from the number of rows that is rounding."""


def baseline(result: Result) -> Baseline | None:
    """Return the score of the dummy that suits the study's score; None where there is none, or states do not tell.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> result = hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=2, store=None)
    >>> baseline(result).answer
    'the mean of the target'
    """
    found = result.pareto[0]
    task, metric = TASKS[found.algorithm.tags.task], result.metric
    if metric in task.chance:
        return Baseline(task.chance[metric], answer=task.drawn, how="with")
    if not found.states.train:
        return None
    try:
        if task.simplest:
            scores = list(_simplest(found.algorithm, found.states, metric))
            return _together(found.states, scores, task.simplest, "with")
        return _answering(found.states, task, metric)
    except (AlgorithmError, AttributeError, TypeError, ValueError):
        return None


def _simplest(algorithm: Algorithm, states: FoldStates, metric: str) -> Iterator[float]:
    """Yield what the simplest model of an algorithm's task scores on each split; nothing where it has no score."""
    for train, held in zip(states.train, states.held_out, strict=True):
        score = algorithm.naive_score(train, held, metric)
        if score is not None:
            yield float(score)


def _answering(states: FoldStates, task: Task, metric: str) -> Baseline | None:
    """Return the score of the same answer to every row, or of the naive algorithm of the task."""
    if task.naive:
        name, answer = task.naive
        naive = build(registry.get(name), pass_fields(states.summary))
        return _together(states, evaluate(naive, states, metric).folds, answer)
    if task.one_class or not task.answers:
        return None
    if task.target == CLASS:
        called = scorer_of(metric, states.whole.shape.classes)._response_method == "predict"
        answer = "the most frequent class" if called else "the frequencies of the classes"
        return _together(states, list(_classes(states, metric)), answer)
    answer = f"the {'median' if metric in MEDIAN else 'mean'} of the target"
    return _together(states, list(_squared(states, metric) or _of_rows(states, metric)), answer)


def _together(
    states: FoldStates, folds: Sequence[float], answer: str, how: str = Baseline.how
) -> Baseline | None:
    if not folds or not all(math.isfinite(score) for score in folds):
        return None
    scores = Scores(tuple(folds), overlap=states.overlap)
    return Baseline(scores.mean, scores.se if math.isfinite(scores.se) else None, answer=answer, how=how)


def _classes(states: FoldStates, metric: str) -> Iterator[float]:
    """Yield what ``DummyClassifier(strategy="prior")`` scores on each split."""
    labels = np.array(states.whole.shape.classes)
    weighs = metric not in SHARELESS
    nothing = np.zeros((len(labels), 1))
    scorer = scorer_of(metric, states.whole.shape.classes)
    for known, held in _class_weights(states):
        model = sklearn.dummy.DummyClassifier(strategy="prior").fit(nothing, labels, sample_weight=known)
        seen = held > 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # precision of a class that is never answered
            yield float(scorer(model, nothing[seen], labels[seen], sample_weight=held[seen] if weighs else None))


def _class_weights(states: FoldStates) -> Iterator[tuple[Array, Array]]:
    """Yield the weight of each class among the training and the test rows of each split; nothing if not known."""
    for number, split in enumerate(states.plan.splits):
        known, held = states.train[number].class_rows, states.test[number].class_rows
        if states.sample is not None:
            known, held = (_weights(s) for s in (states.sample.merged(split.train), states.sample.test[number]))
        elif not _plain(states.whole):
            return
        if known is None or held is None:
            return
        yield known, held


def _weights(rows: SampleState) -> Array:
    """Return the weight of each class by the sampled rows, each with the rows that it stands for."""
    codes = rows.target.astype(np.intp)
    return np.asarray(np.bincount(codes, rows.sample_weight, len(rows.shape.classes)), np.float64)


def _plain(state: State) -> bool:
    """Return whether rows weigh one, so that the rows of a class are its weight."""
    return abs(state.weight - state.rows) <= ALIKE * state.rows


def _squared(states: FoldStates, metric: str) -> Sequence[float]:
    """Return scores by squared errors, exactly; empty for others, or where states keep no mean of the target."""
    changed = pass_fields(states.summary).get("target_transform", "none") != "none"
    found = [_moments(train, test) for train, test in zip(states.train, states.test, strict=True)]
    if changed or metric not in SQUARED or not all(found):
        return ()
    return [float(np.mean(_constant(metric, *one))) for one in found if one]


def _moments(train: State, test: State) -> tuple[Array, Array] | None:
    """Return the squared error of the training mean, and the variance, of each target of a split's test rows."""
    known, held, t = train.profile(), test.profile(), train.shape.t
    if known is None or held is None or train.shape.classes or len(known[0]) != train.shape.d + t:
        return None
    (before, _), (mean, variance) = known, held
    return variance[-t:] + (mean[-t:] - before[-t:]) ** 2, variance[-t:]


def _constant(metric: str, error: Array, variance: Array) -> Array:
    """Return the score of a constant answer of that squared error; ``variance`` is about the mean."""
    if metric == "r2":
        return 1.0 - error / variance
    if metric == "explained_variance":
        return 0.0 * error
    return -error if metric == "neg_mean_squared_error" else -np.sqrt(error)


def _of_rows(states: FoldStates, metric: str) -> Iterator[float]:
    """Yield what ``DummyRegressor`` scores on the sampled rows of each split; nothing where none are kept."""
    if states.sample is None:
        return
    strategy, scorer = "median" if metric in MEDIAN else "mean", scorer_of(metric, ())
    for split, held in zip(states.plan.splits, states.sample.test, strict=True):
        known = states.sample.merged(split.train)
        model = sklearn.dummy.DummyRegressor(strategy=strategy)
        model.fit(np.zeros((known.n, 1)), known.y, sample_weight=known.sample_weight if known.weighted else None)
        weights = held.sample_weight if held.weighted and metric not in SHARELESS else None
        yield float(scorer(model, np.zeros((held.n, 1)), held.y, sample_weight=weights))
