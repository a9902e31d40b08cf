"""Boosters that grow more trees after those of a stored model, in the format of their own package.

No such format is code: LightGBM's is text, XGBoost's is UBJSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from algorithms.arrays import Floats, Values
from algorithms.families.conventions import name_of
from algorithms.lazily import Library

lightgbm, xgboost = Library("lightgbm"), Library("xgboost")

STORED = "trees"
"""The name of a stored model in a chain."""


@dataclass(frozen=True)
class Growth:
    """How a booster continues.

    Attributes
    ----------
    rounds : the parameter that says how many trees a fit grows.
    grow : fits an estimator, after the trees of a stored model where there is one.
    kept : returns the model of a fitted estimator.
    give : gives a fitted estimator another model.
    """

    rounds: str
    grow: Callable[[BaseEstimator, Floats, Values | None, Mapping[str, object]], object]
    kept: Callable[[BaseEstimator], Values]
    give: Callable[[BaseEstimator, Values], None]


def _lightgbm(model: BaseEstimator, X: Floats, known: Values | None, beside: Mapping[str, object]) -> object:
    if known is None:
        return model.fit(X, **beside)
    return model.fit(X, init_model=lightgbm.Booster(model_str=known.tobytes().decode()), **beside)


def _lightgbm_kept(model: BaseEstimator) -> Values:
    return np.frombuffer(model.booster_.model_to_string().encode(), np.uint8)


def _lightgbm_given(model: BaseEstimator, known: Values) -> None:
    model._Booster = type(model.booster_)(model_str=known.tobytes().decode())


def _xgboost(model: BaseEstimator, X: Floats, known: Values | None, beside: Mapping[str, object]) -> object:
    if known is None:
        return model.fit(X, **beside)
    before = xgboost.Booster()
    before.load_model(bytearray(known.tobytes()))
    return model.fit(X, xgb_model=before, **beside)


def _xgboost_kept(model: BaseEstimator) -> Values:
    return np.frombuffer(bytes(model.get_booster().save_raw("ubj")), np.uint8)


def _xgboost_given(model: BaseEstimator, known: Values) -> None:
    model.get_booster().load_model(bytearray(known.tobytes()))


LIGHTGBM = Growth("n_estimators", _lightgbm, _lightgbm_kept, _lightgbm_given)
XGBOOST = Growth("n_estimators", _xgboost, _xgboost_kept, _xgboost_given)

GROWTHS: dict[str, Growth] = {
    "lightgbm.LGBMClassifier": LIGHTGBM,
    "lightgbm.LGBMRegressor": LIGHTGBM,
    "xgboost.XGBClassifier": XGBOOST,
    "xgboost.XGBRegressor": XGBOOST,
}
"""By package and class, as :data:`~algorithms.families.prefix_axes.AXES`."""


def growth_of(model: BaseEstimator) -> Growth | None:
    """Return how an estimator's class continues; None where it does not. A subclass has that of no base."""
    return GROWTHS.get(name_of(model))
