"""A plugin of pytest's that puts other searches in the place of scikit-learn's, as ``SEARCH`` says.

The grid becomes what the other search takes, and it may try as many candidates as the grid has; nothing else is
added.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sklearn.model_selection as public
import sklearn.model_selection._search as private
from sklearn.model_selection import ParameterGrid

UNKNOWN = {"unknown yet": [0.0, 1.0]}
"""A space for a constructor that refuses an empty one; that of the search is set when it is fitted."""


def optuna_searches() -> tuple[type, type]:
    """Return OptunaSearchCV as a grid search, every point of the grid once, and as a random search."""
    import optuna
    from optuna_integration import OptunaSearchCV

    def categories(space: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: optuna.distributions.CategoricalDistribution(list(values))
            if isinstance(values, Sequence | np.ndarray)
            else values
            for name, values in space.items()
        }

    class Grid(OptunaSearchCV):
        def __init__(
            self, estimator, param_grid, *, scoring=None, n_jobs=None, refit=True, cv=None, verbose=0,
            pre_dispatch="2*n_jobs", error_score=np.nan, return_train_score=False,
        ):  # fmt: skip
            super().__init__(
                estimator, {}, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, verbose=verbose,
                error_score=error_score, return_train_score=return_train_score,
            )  # fmt: skip
            self.param_grid, self.pre_dispatch = param_grid, pre_dispatch

        def fit(self, X, y=None, groups=None, **params):
            self.param_distributions = categories(self.param_grid)
            self.n_trials = len(ParameterGrid(self.param_grid))
            sampler = optuna.samplers.GridSampler({name: list(v) for name, v in self.param_grid.items()}, seed=0)
            self.study = optuna.create_study(direction="maximize", sampler=sampler)
            return super().fit(X, y, groups, **params)

    class Random(OptunaSearchCV):
        def __init__(
            self, estimator, param_distributions, *, n_iter=10, scoring=None, n_jobs=None, refit=True, cv=None,
            verbose=0, pre_dispatch="2*n_jobs", random_state=None, error_score=np.nan, return_train_score=False,
        ):  # fmt: skip
            super().__init__(
                estimator, {}, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, verbose=verbose, n_trials=n_iter,
                random_state=random_state, error_score=error_score, return_train_score=return_train_score,
            )  # fmt: skip
            self.param_distributions, self.n_iter, self.pre_dispatch = param_distributions, n_iter, pre_dispatch

        def fit(self, X, y=None, groups=None, **params):
            self.param_distributions = categories(self.param_distributions)
            return super().fit(X, y, groups, **params)

    return Grid, Random


def bayes_searches() -> tuple[type, type]:
    """Return BayesSearchCV of as many candidates as a grid search, or a random search, would try."""
    from skopt import BayesSearchCV

    class Grid(BayesSearchCV):
        def __init__(
            self, estimator, param_grid, *, scoring=None, n_jobs=None, refit=True, cv=None, verbose=0,
            pre_dispatch="2*n_jobs", error_score=np.nan, return_train_score=False,
        ):  # fmt: skip
            super().__init__(
                estimator, UNKNOWN, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, verbose=verbose,
                pre_dispatch=pre_dispatch, error_score=error_score, return_train_score=return_train_score,
            )  # fmt: skip
            self.param_grid = param_grid

        def fit(self, X, y=None, **params):
            self.search_spaces, self.n_iter = self.param_grid, len(ParameterGrid(self.param_grid))
            return super().fit(X, y, **params)

    class Random(BayesSearchCV):
        def __init__(
            self, estimator, param_distributions, *, n_iter=10, scoring=None, n_jobs=None, refit=True, cv=None,
            verbose=0, pre_dispatch="2*n_jobs", random_state=None, error_score=np.nan, return_train_score=False,
        ):  # fmt: skip
            super().__init__(
                estimator, UNKNOWN, n_iter=n_iter, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv,
                verbose=verbose, pre_dispatch=pre_dispatch, random_state=random_state, error_score=error_score,
                return_train_score=return_train_score,
            )  # fmt: skip
            self.param_distributions = param_distributions

        def fit(self, X, y=None, **params):
            self.search_spaces = self.param_distributions
            return super().fit(X, y, **params)

    return Grid, Random


def our_searches() -> tuple[type, type]:
    """Return ours."""
    import hpo

    return hpo.StateGridSearchCV, hpo.StateRandomizedSearchCV


SEARCHES = {"StateGridSearchCV": our_searches, "OptunaSearchCV": optuna_searches, "BayesSearchCV": bayes_searches}
"""What may stand in the place of scikit-learn's."""

if asked := os.environ.get("SEARCH"):
    grid, random = SEARCHES[asked]()
    for module in (public, private):
        module.GridSearchCV, module.RandomizedSearchCV = grid, random
