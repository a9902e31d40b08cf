"""``GridSearchCV`` and a search that Optuna steers, answered from states where these say the same."""

from __future__ import annotations

import time
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from optuna.samplers import BaseSampler
from optuna.study import Study
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
    check_cv,
    cross_validate,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import check_random_state, indexable

from hpo.drop_in.answers import Answers, as_table, check_table, expected_seconds, numbers_in
from hpo.drop_in.counterparts import Counterpart, Unanswered, counterpart
from hpo.drop_in.proposals import Asked, Proposals, are_lists
from hpo.drop_in.words import (
    Candidate,
    Evaluate,
    Fallback,
    Grid,
    Refit,
    Row,
    Scoring,
    Seed,
    Splits,
)

COLD, WARM, EACH = 1.5, 0.4, 0.005
"""Seconds that the first reading of a process takes, a later one, and each candidate from states."""


FEW, SMALL = 200, 100_000
"""Fits, and numbers in a table, up to which it is not worth to time one of the fits."""


@dataclass
class Accelerated:
    """What was answered from states, and what was not.

    Attributes
    ----------
    answered : candidates whose scores are from states.
    refitted : candidates that were fitted for every split.
    reasons : why, and for how many candidates.
    rows_read : rows read for the states.
    """

    answered: int = 0
    refitted: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    rows_read: int = 0

    def refit(self, why: str, candidates: int) -> None:
        """Count candidates that are fitted in the ordinary way."""
        self.refitted += candidates
        self.reasons[why] = self.reasons.get(why, 0) + candidates


class _FromStates(BaseSearchCV):
    """A search of scikit-learn's whose candidates are answered from states where these say the same."""

    fallback: Fallback
    store: str | None

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, **params: object) -> Self:
        """Score all candidates, and refit the best one; parameters are those of scikit-learn's search."""
        self._validate_params()
        self.accelerated_ = Accelerated()
        try:
            self._check_answered(X, y, params)
        except Unanswered as why:
            if self.fallback == "error":
                raise ValueError(f"fallback='error': {why}") from None
            self.accelerated_.refit(str(why), self._n_candidates())
            super().fit(X, y, **params)
            return self
        X, y = indexable(X, y)
        self._checked_cv_orig = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(self._checked_cv_orig.split(X, y, **params))
        self.n_splits_ = len(splits)
        metrics = list(dict.fromkeys(self._metrics().values()))
        return self._answered(X, y, Answers(as_table(X), np.asarray(y), splits, metrics, self.store))

    @abstractmethod
    def _n_candidates(self) -> int:
        """Return how many candidates there will be."""

    @abstractmethod
    def _propose(self, evaluate: Evaluate) -> None:
        """Have all candidates scored."""

    def _some_candidate(self) -> BaseEstimator:
        """Return an estimator that states answer, if one is known beforehand; else that of the search."""
        return clone(self.estimator)

    def _metrics(self) -> dict[str, str]:
        """Return the names of scores, by the names that they have in the results."""
        if self.scoring is None:
            return {"score": "accuracy" if is_classifier(self.estimator) else "r2"}
        if isinstance(self.scoring, str):
            return {"score": self.scoring}
        named = self.scoring if isinstance(self.scoring, Mapping) else None
        if named is None and not callable(self.scoring):
            named = {name: name for name in self.scoring}
        if named is None or not all(isinstance(name, str) for name in named.values()):
            raise Unanswered("scoring is no name of a score")
        return dict(named)

    def _check_answered(self, X: ArrayLike, y: ArrayLike | None, params: Mapping[str, object]) -> None:
        """Raise Unanswered where states do not answer, or fits take less time."""
        if self.fallback not in ("refit", "error"):
            raise ValueError(f"fallback={self.fallback!r}: write 'refit' or 'error'")
        if set(params) - {"groups"}:
            raise Unanswered(f"fit has the parameters {', '.join(sorted(set(params) - {'groups'}))}")
        if self.return_train_score:
            raise Unanswered("return_train_score=True")
        if y is None:
            raise Unanswered("there is no y")
        if vars(self).get("_skl_callbacks"):
            raise Unanswered("the search has callbacks")
        self._metrics()
        if self.fallback == "refit" and self._is_small(X):
            raise Unanswered("fits take less time")
        asked = self._some_candidate()
        answering = counterpart(asked)
        check_table(X, y)
        if self.fallback == "refit" and not self._pays(asked, answering, X, y):
            raise Unanswered("fits take less time")

    def _n_fits(self) -> tuple[int, int]:
        """Return about how many fits scikit-learn makes, and splits."""
        splits = self.cv if isinstance(self.cv, int) else 5
        return self._n_candidates() * splits, splits

    def _is_small(self, X: ArrayLike) -> bool:
        """Return whether so few fits of so small a table take less time than one reading, without a try."""
        return self._n_fits()[0] <= FEW and numbers_in(X) <= SMALL

    def _pays(self, asked: BaseEstimator, answering: Counterpart, X: ArrayLike, y: ArrayLike) -> bool:
        """Return whether one reading takes less time than all fits, by the time that one of them takes."""
        fits, splits = self._n_fits()
        ours = (WARM if Answers.begun else COLD) + EACH * self._n_candidates()
        ours += expected_seconds(answering, X, splits)
        try:
            table, target = as_table(X), np.asarray(y)
            some = np.arange(len(target) - len(target) // splits)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                began = time.perf_counter()
                asked.fit(table[some], target[some])
        except Exception:  # noqa: BLE001 -- whatever it is, the search itself raises it, or counts it
            return False
        return fits * (time.perf_counter() - began) > ours

    def _answered(self, X: ArrayLike, y: ArrayLike, answers: Answers) -> Self:
        """Run the search from states: what ``BaseSearchCV.fit`` does, with other scores."""
        scorers, refit_metric = self._get_scorers()
        evaluated = _Evaluated(self, X, y, answers)
        self._propose(evaluated)
        results = self._format_results(evaluated.candidates, self.n_splits_, evaluated.out)
        self.accelerated_.rows_read = answers.rows_read
        self.multimetric_ = len(self._metrics()) > 1 or isinstance(evaluated.out[0]["test_scores"], dict)
        if self.refit or not self.multimetric_:
            self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
            self.best_params_ = results["params"][self.best_index_]
        if self.refit:
            self.best_estimator_ = _with(self.estimator, self.best_params_)
            began = time.time()
            self.best_estimator_.fit(X, y)
            self.refit_time_ = time.time() - began
            with suppress(AttributeError):  # of frames alone
                self.feature_names_in_ = self.best_estimator_.feature_names_in_
        self.scorer_ = scorers
        with suppress(AttributeError):  # of several scores
            self.scorer_ = scorers._scorers
        self.cv_results_ = results
        return self


@dataclass
class _Evaluated:
    """Scores of candidates, in the order in which a search proposes them; called as ``evaluate_candidates``."""

    search: _FromStates
    X: ArrayLike
    y: ArrayLike
    answers: Answers
    candidates: list[Candidate] = field(default_factory=list)
    out: list[Row] = field(default_factory=list)

    def __call__(self, candidates: Iterable[Candidate]) -> dict[str, list[float]]:
        """Score candidates; return the means of the last ones."""
        means: dict[str, list[float]] = {}
        for candidate in candidates:
            rows = self._scored(candidate)
            self.candidates.append(candidate)
            self.out.extend(rows)
            scores = [row["test_scores"] for row in rows]
            each = scores[0] if isinstance(scores[0], dict) else {"score": None}
            for name in each:
                values = [one[name] if isinstance(one, dict) else one for one in scores]
                means.setdefault(f"mean_test_{name}", []).append(float(np.mean(values)))
        return means

    def _scored(self, candidate: Candidate) -> list[Row]:
        search, made = self.search, _with(self.search.estimator, candidate)
        began = time.perf_counter()
        try:
            scores = self.answers.scores(made)
        except Unanswered as why:
            if search.fallback == "error":
                raise ValueError(f"fallback='error': {why}") from None
            search.accelerated_.refit(str(why), 1)
            return self._refitted(made)
        search.accelerated_.answered += 1
        each = (time.perf_counter() - began) / len(self.answers.splits)
        metrics = search._metrics()
        return [
            _row(
                {name: float(scores[metric][k]) for name, metric in metrics.items()},
                search.scoring,
                each,
                0.0,
            )
            for k in range(len(self.answers.splits))
        ]

    def _refitted(self, made: BaseEstimator) -> list[Row]:
        search = self.search
        found = cross_validate(
            made, self.X, self.y, cv=list(self.answers.splits), scoring=search.scoring, n_jobs=search.n_jobs,
            error_score=search.error_score, pre_dispatch=search.pre_dispatch,
        )  # fmt: skip
        names, times = search._metrics(), zip(found["fit_time"], found["score_time"], strict=True)
        return [
            _row({name: float(found[f"test_{name}"][k]) for name in names}, search.scoring, *each)
            for k, each in enumerate(times)
        ]


def _with(estimator: BaseEstimator, candidate: Candidate) -> BaseEstimator:
    """Return a copy of an estimator with a candidate's parameters."""
    made = clone(estimator)
    return made.set_params(**clone(candidate, safe=False)) if candidate else made


def _row(scores: dict[str, float], scoring: Scoring, fit_time: float, score_time: float) -> Row:
    """Return what a fit of scikit-learn's says of a split."""
    single = scoring is None or isinstance(scoring, str)
    return {
        "test_scores": scores["score"] if single else scores, "fit_time": fit_time, "score_time": score_time,
    }  # fmt: skip


class StateGridSearchCV(_FromStates, GridSearchCV):
    """``sklearn.model_selection.GridSearchCV`` that reads the rows once where states answer its candidates.

    Parameters, attributes and scores are those of ``GridSearchCV``. What no state answers is fitted in the ordinary
    way: other estimators, parameters and steps, scores that are no names, parameters of ``fit``, tables that are
    not numbers alone, training scores; and searches whose fits take less time than one reading.

    Parameters
    ----------
    estimator, param_grid, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score :
        as in ``GridSearchCV``.
    fallback : what becomes of a candidate that no state answers: ``"refit"``; or ``"error"``, which says why.
    store : where states are kept, for the next search over these rows; None for nowhere.

    Attributes
    ----------
    accelerated_ : how many candidates were answered from states, how many were not, and why.

    Raises
    ------
    ValueError
        With ``fallback="error"``, where a candidate is not answered from states.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = StateGridSearchCV(Ridge(), {"alpha": [0.01, 0.1, 1.0]}, fallback="error").fit(X, y)
    >>> search.best_params_, round(float(search.best_score_), 3), search.accelerated_.answered
    ({'alpha': 0.01}, 0.481, 3)
    """

    def __init__(
        self, estimator: BaseEstimator, param_grid: Grid, *, scoring: Scoring = None, n_jobs: int | None = None,
        refit: Refit = True, cv: Splits = None, verbose: int = 0, pre_dispatch: int | str = "2*n_jobs",
        error_score: float | str = np.nan, return_train_score: bool = False, fallback: Fallback = "refit",
        store: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            estimator, param_grid, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, verbose=verbose,
            pre_dispatch=pre_dispatch, error_score=error_score, return_train_score=return_train_score,
        )  # fmt: skip
        self.fallback = fallback
        self.store = store

    def _n_candidates(self) -> int:
        return len(ParameterGrid(self.param_grid))

    def _propose(self, evaluate: Evaluate) -> None:
        evaluate(ParameterGrid(self.param_grid))

    def _some_candidate(self) -> BaseEstimator:
        why = None
        for candidate in ParameterGrid(self.param_grid):
            made = _with(self.estimator, candidate)
            try:
                counterpart(made)
            except Unanswered as error:
                why = why or error
            else:
                return made
        raise why or Unanswered("there is no candidate")


class StateRandomizedSearchCV(_FromStates, RandomizedSearchCV):
    """``sklearn.model_selection.RandomizedSearchCV``, as :class:`StateGridSearchCV` is ``GridSearchCV``.

    Parameters
    ----------
    estimator, param_distributions, n_iter, scoring, n_jobs, refit, cv, verbose, pre_dispatch, random_state,
        error_score, return_train_score : as in ``RandomizedSearchCV``.
    fallback, store : as in :class:`StateGridSearchCV`.
    """

    def __init__(
        self, estimator: BaseEstimator, param_distributions: Asked | Sequence[Asked], *, n_iter: int = 10,
        scoring: Scoring = None, n_jobs: int | None = None, refit: Refit = True, cv: Splits = None,
        verbose: int = 0, pre_dispatch: int | str = "2*n_jobs", random_state: Seed = None,
        error_score: float | str = np.nan, return_train_score: bool = False, fallback: Fallback = "refit",
        store: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            estimator, param_distributions, n_iter=n_iter, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv,
            verbose=verbose, pre_dispatch=pre_dispatch, random_state=random_state, error_score=error_score,
            return_train_score=return_train_score,
        )  # fmt: skip
        self.fallback = fallback
        self.store = store

    def _n_candidates(self) -> int:
        return int(self.n_iter)

    def _propose(self, evaluate: Evaluate) -> None:
        evaluate(ParameterSampler(self.param_distributions, self.n_iter, random_state=self.random_state))


class StateSearchCV(_FromStates):
    """A search that Optuna steers, with the results of ``RandomizedSearchCV``, answered from states where they can.

    Lists alone make a grid, which is tried whole. What no state answers is fitted in the ordinary way, as in
    :class:`StateGridSearchCV`.

    Parameters
    ----------
    estimator, cv, scoring, refit, n_jobs, random_state, error_score, return_train_score, verbose : as in
        ``RandomizedSearchCV``.
    param_distributions : by parameter, a list of values, a distribution of Optuna's, or one of SciPy's.
    n_trials : candidates that are proposed.
    sampler : as in :func:`hpo.tune`, a name or one of Optuna's samplers.
    timeout : seconds after which no candidate is proposed any more.
    study : of Optuna's, that candidates are added to.
    callbacks : called with the study and each finished trial.
    fallback, store : as in :class:`StateGridSearchCV`.

    Attributes
    ----------
    study_ : the study; a grid has none.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> search = StateSearchCV(Ridge(), {"alpha": loguniform(1e-4, 1.0)}, n_trials=30, random_state=0)
    >>> search.fit(X, y).n_splits_, len(search.cv_results_["params"])
    (5, 30)
    """

    _parameter_constraints: ClassVar[Mapping[str, list[object]]] = {
        name: rule for name, rule in BaseSearchCV._parameter_constraints.items() if name != "pre_dispatch"
    }

    def __init__(
        self, estimator: BaseEstimator, param_distributions: Asked, *, n_trials: int = 10, cv: Splits = None,
        scoring: Scoring = None, refit: Refit = True, n_jobs: int | None = None, random_state: Seed = None,
        error_score: float | str = np.nan, return_train_score: bool = False, sampler: str | BaseSampler = "auto",
        timeout: float | None = None, store: str | None = None, study: Study | None = None, verbose: int = 0,
        callbacks: Sequence[Callable[..., None]] | None = None, fallback: Fallback = "refit",
    ) -> None:  # fmt: skip
        super().__init__(
            estimator, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, verbose=verbose,
            error_score=error_score, return_train_score=return_train_score,
        )  # fmt: skip
        self.param_distributions = param_distributions
        self.n_trials = n_trials
        self.random_state = random_state
        self.sampler = sampler
        self.timeout = timeout
        self.store = store
        self.study = study
        self.callbacks = callbacks
        self.fallback = fallback

    def _n_candidates(self) -> int:
        if are_lists(self.param_distributions):
            return len(ParameterGrid(self.param_distributions))
        return int(self.n_trials)

    def _run_search(self, evaluate_candidates: Evaluate) -> None:
        self._propose(evaluate_candidates)

    def _propose(self, evaluate: Evaluate) -> None:
        if are_lists(self.param_distributions):
            evaluate(ParameterGrid(self.param_distributions))
            return
        name = self.refit if isinstance(self.refit, str) else next(iter(self._metrics()))
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        proposals = Proposals(
            self.param_distributions, self.sampler, seed, self.n_trials, self.timeout, self.study,
            tuple(self.callbacks or ()),
        )  # fmt: skip
        self.study_ = proposals.run(lambda candidate: float(evaluate([candidate])[f"mean_test_{name}"][-1]))


def accelerate(
    search: BaseSearchCV, *, fallback: Fallback = "refit", store: str | None = None
) -> BaseSearchCV:
    """Return the same search, answered from states where these say the same.

    Parameters
    ----------
    search : a ``GridSearchCV`` or a ``RandomizedSearchCV``, not fitted yet.
    fallback, store : as in :class:`StateGridSearchCV`.

    Raises
    ------
    TypeError
        It is another kind of search.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> accelerate(GridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}))
    StateGridSearchCV(estimator=Ridge(), param_grid={'alpha': [1.0, 2.0]})
    """
    for kind, made in ((GridSearchCV, StateGridSearchCV), (RandomizedSearchCV, StateRandomizedSearchCV)):
        if type(search) is kind:
            return made(**search.get_params(deep=False), fallback=fallback, store=store)
    raise TypeError(
        f"accelerate takes a GridSearchCV or a RandomizedSearchCV, not {type(search).__name__}; "
        "use hpo.StateSearchCV for other searches"
    )
