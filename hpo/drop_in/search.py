"""``GridSearchCV``, ``RandomizedSearchCV`` and a search by Optuna, answered from states where these agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from optuna.samplers import BaseSampler
from optuna.study import Study
from sklearn.base import BaseEstimator
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
)
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from hpo.drop_in.answers import NoAnswers
from hpo.drop_in.counterparts import Unanswered
from hpo.drop_in.evaluated import candidate_of
from hpo.drop_in.from_states import FromStates
from hpo.drop_in.prepared import Asked
from hpo.drop_in.proposals import Asked as Space
from hpo.drop_in.proposals import Proposals, are_lists
from hpo.drop_in.words import (
    Evaluate,
    Fallback,
    Grid,
    Refit,
    Scoring,
    Seed,
    Splits,
)


class StateGridSearchCV(FromStates, GridSearchCV):
    """``sklearn.model_selection.GridSearchCV`` that reads the rows once where states answer its candidates.

    Parameters, attributes and scores are those of ``GridSearchCV``. What no state answers is fitted in the ordinary
    way: other estimators, parameters and steps, scores that are not names, parameters of ``fit``, tables that are
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

    def _n_varied(self, counts: Callable[[str], bool]) -> int:
        return _different(ParameterGrid(self.param_grid), counts)

    def _propose(self, evaluate: Evaluate) -> None:
        evaluate(ParameterGrid(self.param_grid))

    def _some_candidate(self) -> BaseEstimator:
        why = None
        for candidate in ParameterGrid(self.param_grid):
            made = candidate_of(self.estimator, candidate)
            try:
                Asked.of(made)
            except Unanswered as error:
                why = why or error
            else:
                return made
        raise why or Unanswered("there is no candidate")

    def _last_candidate(self) -> BaseEstimator:
        grid = ParameterGrid(self.param_grid)
        return candidate_of(self.estimator, grid[len(grid) - 1])


class StateRandomizedSearchCV(FromStates, RandomizedSearchCV):
    """``sklearn.model_selection.RandomizedSearchCV``, as :class:`StateGridSearchCV` is ``GridSearchCV``.

    Parameters
    ----------
    estimator, param_distributions, n_iter, scoring, n_jobs, refit, cv, verbose, pre_dispatch, random_state,
        error_score, return_train_score : as in ``RandomizedSearchCV``.
    fallback, store : as in :class:`StateGridSearchCV`.
    """

    def __init__(
        self, estimator: BaseEstimator, param_distributions: Space | Sequence[Space], *, n_iter: int = 10,
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

    def _n_varied(self, counts: Callable[[str], bool]) -> int:
        spaces = self.param_distributions
        every = [spaces] if isinstance(spaces, Mapping) else spaces
        return int(self.n_iter) if any(counts(name) for space in every for name in space) else 1

    def _propose(self, evaluate: Evaluate) -> None:
        evaluate(ParameterSampler(self.param_distributions, self.n_iter, random_state=self.random_state))


class StateSearchCV(FromStates):
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
        **{
            name: rule for name, rule in BaseSearchCV._parameter_constraints.items() if name != "pre_dispatch"
        },
        "param_distributions": [Mapping],
        "n_trials": [Interval(Integral, 1, None, closed="left")],
        "timeout": [Interval(Real, 0, None, closed="left"), None],
    }

    def __init__(
        self, estimator: BaseEstimator, param_distributions: Space, *, n_trials: int = 10, cv: Splits = None,
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

    def _n_varied(self, counts: Callable[[str], bool]) -> int:
        if are_lists(self.param_distributions):
            return _different(ParameterGrid(self.param_distributions), counts)
        return int(self.n_trials) if any(counts(name) for name in self.param_distributions) else 1

    def _run_search(self, evaluate_candidates: Evaluate) -> None:
        self._propose(evaluate_candidates)

    def _as_ever(self, X: ArrayLike, y: ArrayLike | None, params: Mapping[str, object], why: str) -> None:
        """Search with fits alone: a candidate whose fits fail is a failed trial, not the end of the search."""
        if vars(self).get("_skl_callbacks"):
            super()._as_ever(X, y, params, why)
        else:
            self._searched(self._fits(X, y, params), NoAnswers(why), {})

    def _propose(self, evaluate: Evaluate) -> None:
        if are_lists(self.param_distributions):
            evaluate(ParameterGrid(self.param_distributions))
            return
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        proposals = Proposals(
            self.param_distributions, self.sampler, seed, self.n_trials, self.timeout, self.study,
            tuple(self.callbacks or ()),
        )  # fmt: skip
        wanted = f"mean_test_{self.refit}" if isinstance(self.refit, str) else "mean_test_score"

        def score(candidate: Mapping[str, object]) -> float:
            means = evaluate([candidate])
            names = [name for name in means if name.startswith("mean_test_")]
            return float(means[wanted if wanted in names else names[0]][-1])

        self.study_ = proposals.run(score)


def _different(grid: ParameterGrid, counts: Callable[[str], bool]) -> int:
    """Return how many candidates of a grid differ in some of their parameters."""
    return len({tuple((name, id(value)) for name, value in one.items() if counts(name)) for one in grid})


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
