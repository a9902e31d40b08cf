"""What searches that are answered from states share: when states answer, and what is refitted."""

from __future__ import annotations

import time
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Self, cast

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike
from scipy.sparse import issparse, spmatrix
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection import (
    check_cv,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params, _num_samples

from algorithms.arrays import Places, Values
from hpo.drop_in.answers import Answers, NoAnswers, expected_seconds, place_of
from hpo.drop_in.answers import Scoring as Says
from hpo.drop_in.counterparts import Unanswered, shared_by
from hpo.drop_in.evaluated import Accelerated, Evaluated, Fits, candidate_of, named
from hpo.drop_in.prepared import Asked, Given, Table, prefix_of, target_of
from hpo.drop_in.sharing import Sharing, final
from hpo.drop_in.targets import around_of
from hpo.drop_in.weights import Weights, weights_of
from hpo.drop_in.words import (
    Evaluate,
    Fallback,
)

COLD, WARM, EACH = 1.5, 0.4, 0.005
"""Seconds that the first reading of a process takes, a later one, and each candidate from states."""


FEW, SMALL = 200, 100_000
"""Fits, and numbers in a table, up to which it is not worth to time one of the fits."""


class FromStates(BaseSearchCV):
    """A search of scikit-learn's whose candidates are answered from states where these say the same."""

    fallback: Fallback
    store: str | None

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, **params: object) -> Self:
        """Score all candidates, and refit the best one; parameters are those of scikit-learn's search."""
        self._validate_params()
        self.accelerated_ = Accelerated()
        try:
            target, why = self._target(X, y, params), ""
        except Unanswered as error:
            target, why = None, str(error)
        if why:
            return self._from_fits(X, y, params, why)
        with place_of(self.store) as store:
            fits, metrics = self._fits(X, y, params), self._metrics()
            try:
                answers = self._answers(fits, target, params, metrics, store)
            except Unanswered as error:
                if self.fallback == "error":
                    raise ValueError(f"fallback='error': {error}") from None
                self._searched(fits, NoAnswers(str(error)), metrics)
                return self
            self._searched(fits, answers, metrics)
            self.accelerated_.rows_read, self.accelerated_.prepared = answers.rows_read, answers.prepared
        return self

    def _answers(
        self, fits: Fits, target: Values | None, params: Mapping[str, object], metrics: Mapping[str, str],
        store: str,
    ) -> Answers:  # fmt: skip
        """Return what answers; raises Unanswered for weights of some scores and not of others."""
        weights = self._weights(fits.X, params).scored(fits.routed.scorer.score, int(_num_samples(fits.X)))
        _check_scorers(fits.scorer, weights)

        def fitted(candidate: BaseEstimator) -> Mapping[str, float]:
            once = replace(fits, estimator=candidate, n_jobs=None)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scores = named(once.rows([{}], 1)[0])
            return {metric: scores[name] for name, metric in metrics.items()}

        given = Given(fits.X, fits.y, target, fits.splits, weights)
        names = list(dict.fromkeys(metrics.values()))
        return Answers(given, names, self.scoring is None, store, fitted, partial(fits.scored, metrics))

    def _from_fits(
        self, X: ArrayLike, y: ArrayLike | None, params: Mapping[str, object], why: str
    ) -> Self:  # fmt: skip
        """Search with fits of scikit-learn's: with those that candidates share, where they do."""
        if self._shares(y, params):
            fits, metrics = self._fits(X, y, params), self._metrics()
            self._searched(fits, Sharing(fits, metrics), metrics)
        elif self.fallback == "error":
            raise ValueError(f"fallback='error': {why}")
        else:
            self._as_ever(X, y, params, why)
        return self

    @abstractmethod
    def _n_candidates(self) -> int:
        """Return how many candidates there will be."""

    @abstractmethod
    def _propose(self, evaluate: Evaluate) -> None:
        """Have all candidates scored."""

    def _as_ever(self, X: ArrayLike, y: ArrayLike | None, params: Mapping[str, object], why: str) -> None:
        """Search in scikit-learn's own way."""
        self.accelerated_.refit(why, self._n_candidates())
        super().fit(X, y, **params)

    def _some_candidate(self) -> BaseEstimator:
        """Return an estimator that states answer, if one is known beforehand; else that of the search."""
        return clone(self.estimator)

    def _last_candidate(self) -> BaseEstimator:
        """Return another estimator of the search, if one is known beforehand."""
        return clone(self.estimator)

    def _own_score(self) -> str:
        """Return what the score of the estimator's own is called here."""
        if is_classifier(self.estimator):
            return "accuracy"
        try:
            return Asked.of(self._some_candidate()).answering.own_score
        except Unanswered:
            return "r2"

    def _metrics(self) -> dict[str, str]:
        """Return the names of scores, by the names that they have in the results."""
        if self.scoring is None:
            return {"score": self._own_score()}
        return self._named_scores()

    def _named_scores(self) -> dict[str, str]:
        """Return the names of scores where they are given; raises Unanswered for functions."""
        if self.scoring is None:
            return {}
        if isinstance(self.scoring, str):
            return {"score": self.scoring}
        named = self.scoring if isinstance(self.scoring, Mapping) else None
        if named is None and not callable(self.scoring):
            named = {name: name for name in self.scoring}
        if named is None or not all(isinstance(name, str) for name in named.values()):
            raise Unanswered("scoring is not a name of a score")
        return dict(named)

    def _target(self, X: ArrayLike, y: ArrayLike | None, params: Mapping[str, object]) -> Values | None:
        """Return the target as states read it, None where they need none and there is none.

        Raises
        ------
        Unanswered
            Fits are wanted, or take less time.
        """
        if self.fallback not in ("refit", "error"):
            raise ValueError(f"fallback={self.fallback!r}: write 'refit' or 'error'")
        weights = self._weights(X, params)
        if self.return_train_score:
            raise Unanswered("return_train_score=True")
        if vars(self).get("_skl_callbacks"):
            raise Unanswered("the search has callbacks")
        self._named_scores()
        splits = self._n_splits(X, y, params.get("groups"))
        if self.fallback == "refit" and self._is_small(X, splits):  # what is known at once comes first
            raise Unanswered("fits take less time")
        if y is None:
            Asked.of(self._some_candidate())  # has words of its own for what needs none
        target = self._given(y)
        made = self._some_candidate()
        asked = Asked.of(made, alone=bool(weights))
        if not asked.fitted:
            Table.of(X, target, ())
        if self.fallback == "refit" and not self._pays(made, asked, X, y, splits, beside=bool(weights)):
            raise Unanswered("fits take less time")
        return target

    def _weights(self, X: ArrayLike, params: Mapping[str, object]) -> Weights:
        """Return the weights that models are fitted with; raises Unanswered for other parameters of fits."""
        return weights_of(self.estimator, params, int(_num_samples(X)))

    def _given(self, y: ArrayLike | None) -> Values | None:
        """Return the target, None where it is none and no model needs it; raises Unanswered where one does."""
        try:
            return target_of(y)
        except Unanswered:
            with suppress(Unanswered):
                if not Asked.of(self._some_candidate()).answering.has_target:
                    return None
            raise

    def _shares(self, y: ArrayLike | None, params: Mapping[str, object]) -> bool:
        """Return whether one fit for each split says the scores of several candidates."""
        if y is None or set(params) - {"groups"} or self.return_train_score or vars(self).get("_skl_callbacks"):
            return False
        model = self.estimator.steps[-1][0] if isinstance(self.estimator, Pipeline) else ""
        try:
            varied = shared_by(final(self.estimator)).varied
            self._named_scores()
        except Unanswered:
            return False
        names = {f"{model}__{name}" if model else name for name in varied}
        rest = self._n_varied(lambda name: name not in names)
        return self._n_candidates() > rest * int(effective_n_jobs(self.n_jobs))

    def _n_splits(self, X: ArrayLike, y: ArrayLike | None, groups: object) -> int:
        """Return how many splits there will be; a generator of them is not asked."""
        if self.cv is None or isinstance(self.cv, Iterator):
            return 5
        if isinstance(self.cv, Integral):
            return int(self.cv)
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        return int(splitter.get_n_splits(X, y, groups))

    def _is_small(self, X: ArrayLike, splits: int) -> bool:
        """Return whether so few fits of so small a table take less time than one reading, without a try."""
        if self._n_candidates() * splits > FEW:
            return False
        if issparse(X):
            return int(cast(spmatrix, X).nnz) <= SMALL
        table = np.asarray(X)
        return table.dtype.kind in "fiub" and int(table.size) <= SMALL

    def _pays(
        self, made: BaseEstimator, asked: Asked, X: ArrayLike, y: ArrayLike | None, splits: int, *, beside: bool
    ) -> bool:  # fmt: skip
        """Return whether reading takes less time than all fits, by the time that one of them takes.

        Raises
        ------
        Unanswered
            Two candidates that were tried cannot be fitted.
        """
        count = int(_num_samples(X))
        rows = np.flatnonzero(np.arange(count) % max(splits, 2))  # of every part, should rows be sorted
        tried = _tried(made, X, y, rows, asked) or _tried(self._last_candidate(), X, y, rows, asked)
        if tried is None:
            raise Unanswered("a fit fails")
        once, answering, width = tried
        ours = (WARM if Answers.begun else COLD) + (EACH + 2.0 * answering) * self._n_candidates()
        reading = expected_seconds(asked.answering, count, width, splits)
        if asked.fitted:
            ours += self._n_prepared() * splits * (once + WARM / 4 + reading)
        else:
            ours += splits * (WARM / 4 + reading) if beside else reading
        return self._n_candidates() * splits * once > ours

    def _n_prepared(self) -> int:
        """Return how many different steps before a model there will be, at most."""
        before = prefix_of(self.estimator)
        return self._n_varied(lambda name: not name.startswith(before))

    @abstractmethod
    def _n_varied(self, counts: Callable[[str], bool]) -> int:
        """Return how many candidates differ in some of their parameters, at most."""

    def _fits(self, X: ArrayLike, y: ArrayLike | None, params: Mapping[str, object]) -> Fits:
        """Return how candidates are fitted, as ``BaseSearchCV.fit`` does it."""
        scorer, _ = self._get_scorers()
        X, y = indexable(X, y)
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        self._checked_cv_orig = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(self._checked_cv_orig.split(X, y, **routed.splitter.split))
        self.n_splits_ = len(splits)
        options = {
            "error_score": self.error_score, "return_train_score": self.return_train_score, "verbose": self.verbose,
        }  # fmt: skip
        return Fits(
            clone(self.estimator), X, y, splits, scorer, routed, self.n_jobs,
            vars(self).get("pre_dispatch", "2*n_jobs"), options,
        )  # fmt: skip

    def _searched(self, fits: Fits, says: Says, metrics: Mapping[str, str]) -> None:
        """Run the search: what ``BaseSearchCV.fit`` does, with scores that need not be of fits."""
        _, refit_metric = self._get_scorers()
        if self.verbose > 0:
            text = f"Scoring {self._n_candidates()} candidates on {self.n_splits_} folds"
            print(text)  # noqa: T201 -- as scikit-learn's searches do
        single = self.scoring is None or isinstance(self.scoring, str)
        evaluated = Evaluated(says, fits, metrics, self.fallback == "error", self.accelerated_, single)
        self._propose(evaluated)
        evaluated.finish(self.scoring, self.error_score)
        results = self._format_results(evaluated.candidates, self.n_splits_, evaluated.out)
        first = evaluated.out[0]["test_scores"]
        self.multimetric_ = isinstance(first, dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(first)
            refit_metric = self.refit
        if self.refit or not self.multimetric_:
            self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
            self.best_params_ = results["params"][self.best_index_]
        if self.refit:
            self._refit(fits)
        self.scorer_ = fits.scorer._scorers if isinstance(fits.scorer, _MultimetricScorer) else fits.scorer
        self.cv_results_ = results

    def _refit(self, fits: Fits) -> None:
        """Fit the best candidate on all rows."""
        self.best_estimator_ = candidate_of(self.estimator, self.best_params_)
        rows = (fits.X,) if fits.y is None else (fits.X, fits.y)
        began = time.time()
        self.best_estimator_.fit(*rows, **fits.routed.estimator.fit)
        self.refit_time_ = time.time() - began
        with suppress(AttributeError):  # of frames alone
            self.feature_names_in_ = self.best_estimator_.feature_names_in_


def _tried(
    made: BaseEstimator, X: ArrayLike, y: ArrayLike | None, rows: Places, asked: Asked
) -> tuple[float, float, int] | None:
    """Return the seconds of a fit to some rows and of its answers, and its columns; None where it fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            some = _safe_split(made, X, y, rows)
            began = time.perf_counter()
            made.fit(*some)
            once = time.perf_counter() - began
            made.predict(some[0]) if asked.around is not None else None
            answering = time.perf_counter() - began - once
        return once, answering, _width(made, fitted=asked.fitted)
    except Exception:  # noqa: BLE001 -- whatever it is, the search itself raises it, or counts it
        return None


def _width(made: BaseEstimator, *, fitted: bool) -> int:
    """Return how many columns a fitted estimator takes, or the model in it where steps before are fitted."""
    while fitted and (type(made) is Pipeline or around_of(made) is not None):
        made = made[-1] if type(made) is Pipeline else made.regressor_
    return int(made.n_features_in_)


def _check_scorers(scorer: Callable[..., float | dict[str, float]], weights: Weights) -> None:
    """Raise Unanswered where one of several scores takes weights, and another does not."""
    if weights.test is not None and isinstance(scorer, _MultimetricScorer):
        for name, one in scorer._scorers.items():
            if not one._accept_sample_weight():
                raise Unanswered(f"{name} takes no weights, and another score does")
