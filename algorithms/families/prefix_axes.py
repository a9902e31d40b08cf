"""Which estimators hold every smaller one, along which parameter, and how a smaller one is cut out of a larger.

Trees that are grown one after another, or each for itself, are the same however many follow: the first m of them
are what a fit of m would make, with the same random state. A tree is grown before it is pruned, so that one that is
pruned less holds those that are pruned more. ``max_depth`` is no such parameter: which columns a node looks at is
drawn in the order in which nodes are grown, and a shallower tree grows others in between.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sklearn.base import BaseEstimator

from algorithms.arrays import Floats
from algorithms.families.conventions import name_of
from algorithms.families.grown import Grown, of_lightgbm, of_xgboost, warmly
from algorithms.families.prefix_sweeps import Sweep, margins, raw_rounds, raw_scores, raw_trees, sums, votes

Cut = Callable[[BaseEstimator, float], None]
"""Shortens a fitted estimator, a shallow copy, to its first m parts; replaces attributes, changes none in place."""


@dataclass(frozen=True)
class PrefixAxis:
    """The parameter of an estimator whose largest value answers the smaller ones.

    Attributes
    ----------
    parameter : of the constructor.
    cut : shortens a fitted copy.
    holds : whether it is so with the other parameters of an estimator.
    sweep : makes answers of every value in one sweep over the parts; None to ask each shorter estimator.
    falling : whether the smallest value answers the larger ones.
    grown : makes no more parts than are asked for; None where a fit makes all at once.
    steady : whether that makes what one fit does, with the other parameters and so many rows.
    synonyms : other names of the parameter.
    settable : whether a fitted estimator takes another value of it; else ``cut`` gives it that.
    complete : whether a fitted estimator has a part of each round, so that those of the first rounds are the first.
    """

    parameter: str
    cut: Cut
    holds: Callable[[BaseEstimator], bool] = lambda _: True
    sweep: Sweep | None = None
    falling: bool = False
    grown: Grown | None = None
    steady: Callable[[BaseEstimator, int], bool] = lambda _, __: True
    synonyms: Sequence[str] = ()
    settable: bool = True
    complete: Callable[[BaseEstimator], bool] = lambda _: True

    def named(self, model: BaseEstimator) -> str:
        """Return the name of the parameter that an estimator was given a value by."""
        return next((name for name in self.synonyms if name in model.get_params()), self.parameter)

    def first(self, model: BaseEstimator, value: float) -> BaseEstimator:
        """Return the estimator of the first so many parts of a fitted one, or of that value."""
        found = copy.copy(model)
        if self.settable:
            found.set_params(**{self.parameter: value})
        self.cut(found, value)
        return found

    def swept(self, model: BaseEstimator, X: Floats, values: Sequence[float]) -> Iterator[BaseEstimator]:
        """Yield an estimator for each value, the smallest first, to be asked of these rows alone before the next.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.ensemble import GradientBoostingRegressor
        >>> X, y = np.arange(20.0)[:, np.newaxis], np.arange(20.0) ** 2
        >>> model = GradientBoostingRegressor(n_estimators=10, random_state=0).fit(X, y)
        >>> for m, shorter in zip((2, 10), GRADIENT_BOOSTING.swept(model, X, (2, 10))):
        ...     m, len(shorter.estimators_), round(shorter.score(X, y), 3)
        (2, 2, 0.34)
        (10, 10, 0.875)
        """

        def first(value: float) -> BaseEstimator:
            return self.first(model, value)

        return map(first, values) if self.sweep is None else self.sweep(first, model, X, list(map(int, values)))


def first_of(*attributes: str) -> Cut:
    """Return what keeps the first m of each of these attributes of a fitted estimator.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> model = SimpleNamespace(estimators_=[1, 2, 3])
    >>> first_of("estimators_")(model, 2)
    >>> model.estimators_
    [1, 2]
    """

    def cut(model: BaseEstimator, m: float) -> None:
        for name in attributes:
            setattr(model, name, getattr(model, name)[: int(m)])

    return cut


def _gradient_boosting(model: BaseEstimator, m: float) -> None:
    model.estimators_ = model.estimators_[: int(m)]
    model.train_score_ = model.train_score_[: int(m)]
    model.n_estimators_ = len(model.estimators_)


def _lightgbm(model: BaseEstimator, m: float) -> None:
    booster = model.booster_
    model._Booster = type(booster)(model_str=booster.model_to_string(num_iteration=int(m)))


def _pruned(model: BaseEstimator, _: float) -> None:
    """Prune a grown tree by its ``ccp_alpha``: scikit-learn's own pruning after growing."""
    model._prune_tree()


def _plain_boosting(model: BaseEstimator) -> bool:
    """Return whether later trees of LightGBM leave the earlier as they are: those of "dart" scale them."""
    return bool(model.get_params()["boosting_type"] == "gbdt")


def _every_round(model: BaseEstimator) -> bool:
    """Return whether LightGBM made trees in each round, or in the first ones alone.

    A round whose rows or columns, drawn anew, cannot be split leaves no tree, and a later one may.
    """
    given = model.get_params()
    rows = given["subsample_freq"] and given["subsample"] < 1.0
    known = given.keys() <= type(model)().get_params().keys() | {"verbose"}
    drawn = rows or given["colsample_bytree"] < 1.0 or not known
    return not drawn or model.booster_.current_iteration() >= given["n_estimators"]


def _xgboost(model: BaseEstimator, m: float) -> None:
    booster = model.get_booster()
    model._Booster = booster[: min(int(m), booster.num_boosted_rounds())]


def _plain_trees(model: BaseEstimator) -> bool:
    """Return whether later trees of XGBoost leave the earlier as they are, and rounds do not end by themselves."""
    given = model.get_params()
    return given.get("booster") in (None, "gbtree") and given.get("early_stopping_rounds") is None


def _catboost(model: BaseEstimator, m: float) -> None:
    """Shorten a copy of CatBoost's, which copies its trees and takes no other values of parameters once fitted."""
    model.shrink(ntree_end=min(int(m), model.tree_count_))
    model._init_params = {**model._init_params, CATBOOST.named(model): int(m)}


def _plain_catboost(model: BaseEstimator) -> bool:
    """Return whether later trees of CatBoost leave the earlier as they are.

    Without a step size it takes one by the number of trees; models that shrink, and Langevin boosting, scale the
    earlier; held-out rows of its own stop it.
    """
    given = model.get_params()
    steps = given.get("learning_rate", given.get("eta"))
    changing = ("model_shrink_rate", "langevin", "posterior_sampling", "eval_fraction", "snapshot_file")
    return steps is not None and not any(given.get(name) for name in changing)


def _whole_only(model: BaseEstimator) -> bool:
    """Return whether nothing is computed of all trees together but their mean."""
    return not model.get_params()["oob_score"]


def _no_stop(model: BaseEstimator, rows: int) -> bool:
    """Return whether gradient boosting of scikit-learn does not stop by itself, which it would do at every step."""
    given = model.get_params()
    if given.get("n_iter_no_change") is None:
        return True
    asked = given.get("early_stopping", True)
    return rows <= OWN_STOPPING if asked == "auto" else not asked


OWN_STOPPING = 10_000
"""Rows above which ``early_stopping="auto"`` of scikit-learn's HistGradientBoosting stops by itself."""

TREES = "n_estimators"
FOREST = PrefixAxis(TREES, first_of("estimators_"), _whole_only, sums, grown=warmly(TREES))
BAGGING = PrefixAxis(TREES, first_of("estimators_", "estimators_features_"), _whole_only, sums, grown=warmly(TREES))
ADABOOST = PrefixAxis(TREES, first_of("estimators_", "estimator_weights_", "estimator_errors_"), sweep=votes)
GRADIENT_BOOSTING = PrefixAxis(
    TREES, _gradient_boosting, sweep=raw_scores, grown=warmly(TREES), steady=_no_stop
)
HISTOGRAMS = PrefixAxis(
    "max_iter", first_of("_predictors"), sweep=raw_scores, grown=warmly("max_iter"), steady=_no_stop
)
LIGHTGBM = PrefixAxis(TREES, _lightgbm, _plain_boosting, raw_rounds, grown=of_lightgbm, complete=_every_round)
PRUNING = PrefixAxis("ccp_alpha", _pruned, falling=True)
XGBOOST = PrefixAxis(TREES, _xgboost, _plain_trees, margins, grown=of_xgboost)
CATBOOST = PrefixAxis(
    "iterations", _catboost, _plain_catboost, raw_trees, settable=False,
    synonyms=("n_estimators", "num_boost_round", "num_trees"),
)  # fmt: skip

AXES: dict[str, PrefixAxis] = {
    "sklearn.RandomForestClassifier": FOREST,
    "sklearn.RandomForestRegressor": FOREST,
    "sklearn.ExtraTreesClassifier": FOREST,
    "sklearn.ExtraTreesRegressor": FOREST,
    "sklearn.BaggingClassifier": BAGGING,
    "sklearn.BaggingRegressor": BAGGING,
    "sklearn.AdaBoostClassifier": ADABOOST,
    "sklearn.AdaBoostRegressor": ADABOOST,
    "sklearn.GradientBoostingClassifier": GRADIENT_BOOSTING,
    "sklearn.GradientBoostingRegressor": GRADIENT_BOOSTING,
    "sklearn.HistGradientBoostingClassifier": HISTOGRAMS,
    "sklearn.HistGradientBoostingRegressor": HISTOGRAMS,
    "sklearn.DecisionTreeClassifier": PRUNING,
    "sklearn.DecisionTreeRegressor": PRUNING,
    "sklearn.ExtraTreeClassifier": PRUNING,
    "sklearn.ExtraTreeRegressor": PRUNING,
    "lightgbm.LGBMClassifier": LIGHTGBM,
    "lightgbm.LGBMRegressor": LIGHTGBM,
    "xgboost.XGBClassifier": XGBOOST,
    "xgboost.XGBRegressor": XGBOOST,
    "catboost.CatBoostClassifier": CATBOOST,
    "catboost.CatBoostRegressor": CATBOOST,
}
"""By package and class. One line makes another estimator one: ``AXES["package.Class"] = PrefixAxis(…)``."""


def axis_of(model: BaseEstimator) -> PrefixAxis | None:
    """Return the prefix axis of an estimator's class; None where it has none. A subclass has that of no base.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> axis_of(HistGradientBoostingRegressor()).parameter
    'max_iter'
    """
    return AXES.get(name_of(model))
