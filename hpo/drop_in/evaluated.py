"""Candidates scored one batch after the other: from states where these answer, by fits where they do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection._validation import (
    _fit_and_score,
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils import Bunch
from sklearn.utils.parallel import Parallel, delayed

from algorithms.arrays import Array, Places, Values
from hpo.drop_in.answers import Question, Scoring
from hpo.drop_in.counterparts import Unanswered
from hpo.drop_in.words import Candidate, Row, Split

Said = TypeVar("Said")


@dataclass
class Accelerated:
    """What was answered from states, and what was not.

    Attributes
    ----------
    answered : candidates whose scores are from states, or from fits that others share.
    refitted : candidates that were fitted for every split.
    reasons : why, and for how many candidates.
    rows_read : rows read for the states.
    prepared : times that steps before a model were fitted for them.
    """

    answered: int = 0
    refitted: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    rows_read: int = 0
    prepared: int = 0

    def refit(self, why: str, candidates: int) -> None:
        """Count candidates that are fitted in the ordinary way."""
        self.refitted += candidates
        self.reasons[why] = self.reasons.get(why, 0) + candidates


@dataclass(frozen=True)
class Fits:
    """How candidates are fitted and scored as scikit-learn does it.

    Attributes
    ----------
    estimator : what candidates are parameters of.
    X, y : the rows, as they were given.
    splits : rows to train on and to test on.
    scorer : what scores a fitted estimator.
    routed : parameters of fits, and of scores.
    n_jobs, pre_dispatch : of joblib.
    options : further arguments of a fit.
    """

    estimator: BaseEstimator
    X: ArrayLike
    y: ArrayLike | None
    splits: Sequence[Split]
    scorer: Callable[..., float | dict[str, float]]
    routed: Bunch
    n_jobs: int | None
    pre_dispatch: int | str
    options: Mapping[str, object]

    def rows(self, candidates: Sequence[Candidate], splits: int | None = None) -> list[Row]:
        """Return what fits of candidates give, candidate by candidate, for each split or the first ones."""
        return list(
            Parallel(n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch)(
                delayed(_fit_and_score)(
                    clone(self.estimator), self.X, self.y, scorer=self.scorer, train=train, test=test,
                    parameters=candidate, fit_params=self.routed.estimator.fit,
                    score_params=self.routed.scorer.score, return_n_test_samples=True, return_times=True,
                    return_parameters=False, **self.options,
                )
                for candidate, (train, test) in product(candidates, self.splits[:splits])
            )
        )  # fmt: skip


    def scored(
        self, metrics: Mapping[str, str], model: BaseEstimator, X: ArrayLike, y: Values,
        weights: Values | None = None,
    ) -> Mapping[str, float]:  # fmt: skip
        """Return the scores of a fitted model by metric.

        Parameters
        ----------
        metrics : names of scores by the names that they have in the results.
        model : fitted.
        X, y, weights : the rows; None for no weights.
        """
        options = {} if weights is None else {"sample_weight": weights}
        found = named({"test_scores": self.scorer(model, X, y, **options)})
        return {metric: float(found[name]) for name, metric in metrics.items()}  # what failed gives its traceback


@dataclass
class Evaluated:
    """Scores of candidates, in the order in which a search proposes them; called as ``evaluate_candidates``.

    Attributes
    ----------
    answers : what states say.
    fits : how other candidates are fitted.
    metrics : names of scores by the names that they have in the results; None where a function is what scores.
    refuse : whether a candidate that no state answers is an error.
    accelerated : what was answered is counted here.
    single : whether there is one score without a name.
    candidates, out : what was scored so far.
    """

    answers: Scoring
    fits: Fits
    metrics: Mapping[str, str]
    refuse: bool
    accelerated: Accelerated
    single: bool
    candidates: list[Candidate] = field(default_factory=list)
    out: list[Row] = field(default_factory=list)

    def __call__(self, candidates: Iterable[Candidate]) -> dict[str, list[float]]:
        """Score candidates; return their means by score."""
        asked = list(candidates)
        known = self._known(asked)
        left = iter(self.fits.rows([one for one, rows in zip(asked, known, strict=True) if rows is None]))
        batch = [[next(left) for _ in self.fits.splits] if rows is None else rows for rows in known]
        self.candidates.extend(asked)
        self.out.extend(row for rows in batch for row in rows)
        means: dict[str, list[float]] = {}
        for rows in batch:
            for name in named(rows[0]):
                values = [named(row).get(name, np.nan) for row in rows]
                means.setdefault(f"mean_test_{name}", []).append(float(np.mean(values)))
        return means

    def finish(self, scoring: object, error_score: float | str) -> None:
        """Warn of fits that failed; raises ValueError where all of them did, or there was none."""
        if not self.out:
            raise ValueError("No fits were performed. Was the CV iterator empty? Were there no candidates?")
        _warn_or_raise_about_fit_failures(self.out, error_score)
        if callable(scoring):
            _insert_error_scores(self.out, error_score)

    def _known(self, candidates: Sequence[Candidate]) -> list[list[Row] | None]:
        """Return what states say of candidates; those with the same steps before are asked in a row."""
        made = [candidate_of(self.fits.estimator, candidate) for candidate in candidates]
        found: list[list[Row] | None] = [None] * len(candidates)
        groups: dict[object, list[tuple[int, Question]]] = {}
        for place, candidate in enumerate(made):
            if (asked := self._answer_or_none(lambda: self.answers.asked(candidate))) is not None:  # noqa: B023 -- called at once
                groups.setdefault(asked.key, []).append((place, asked))
        for place, asked in (one for group in groups.values() for one in group):
            began = time.perf_counter()
            scores = self._answer_or_none(asked.scores)
            if scores is not None:
                self.accelerated.answered += 1
                found[place] = self._rows(scores, time.perf_counter() - began)
        return found

    def _answer_or_none(self, say: Callable[[], Said]) -> Said | None:
        """Return what is said; None, counted, where states do not say it."""
        try:
            return say()
        except Unanswered as error:
            why = str(error)
        if self.refuse:
            raise ValueError(f"fallback='error': {why}")
        self.accelerated.refit(why, 1)
        return None

    def _rows(self, scores: Mapping[str, Array], seconds: float) -> list[Row]:
        each = seconds / len(self.fits.splits)
        return [
            self._row({name: float(scores[metric][k]) for name, metric in self.metrics.items()}, test, each)
            for k, (_, test) in enumerate(self.fits.splits)
        ]

    def _row(self, scores: dict[str, float], test: Places, seconds: float) -> Row:
        """Return what a fit of scikit-learn's says of a split."""
        return {
            "test_scores": scores["score"] if self.single else scores, "fit_time": seconds, "score_time": 0.0,
            "n_test_samples": len(test), "fit_error": None,
        }  # fmt: skip


def candidate_of(estimator: BaseEstimator, candidate: Candidate) -> BaseEstimator:
    """Return a copy of an estimator with a candidate's parameters."""
    made = clone(estimator)
    return made.set_params(**clone(candidate, safe=False)) if candidate else made


def named(row: Row) -> Mapping[str, float]:
    """Return the scores of a fit by name; a single one is called ``"score"``."""
    scores = row["test_scores"]
    return scores if isinstance(scores, dict) else {"score": cast(float, scores)}
