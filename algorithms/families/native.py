"""Which estimators take missing values and categories as they are, and how they learn which columns these are.

Missing values go to every estimator whose scikit-learn tag ``input_tags.allow_nan`` is true; a pipeline
takes them where its steps do, up to one that imputes. How an estimator takes categories is declared here.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from algorithms.arrays import Floats
from algorithms.contract import Rows, as_dense
from algorithms.declared import Field
from algorithms.families.conventions import name_of
from algorithms.memo import MEMO
from algorithms.preparing.native_columns import NativeColumns, native_columns
from algorithms.preparing.native_step import NativeColumnMap
from algorithms.ranges import Legal
from algorithms.summaries.sample import SampleState

NATIVE, ONE_HOT = "native", "one_hot"

ENCODING = "encoding"

ENCODING_FIELD = Field(
    ENCODING, NATIVE, None, needs_pass=False, types=(str,), legal=Legal(NATIVE, ONE_HOT), before=ONE_HOT
)
"""The hyperparameter of estimators that take gaps or categories: as they are, or means and columns of levels."""

Named = Callable[[Sequence[int], int], Mapping[str, object]]
"""Returns arguments that name the places of the categories among so many columns."""


def _nothing(_: Sequence[int], __: int) -> Mapping[str, object]:
    """Return no argument."""
    return {}


@dataclass(frozen=True)
class Categories:
    """How an estimator takes categories: as the places of their levels, NaN where missing.

    Attributes
    ----------
    parameters : of the constructor, by the columns that are categories. Where one of them was given another value
        than its default, columns are encoded.
    fitted : further arguments of ``fit``.
    most : levels that a category may have.
    framed : whether rows are a DataFrame whose categories are whole numbers, -1 where missing.
    """

    parameters: Named = _nothing
    fitted: Named = _nothing
    most: Callable[[BaseEstimator], float] = lambda _: math.inf
    framed: bool = False

    def left_alone(self, model: BaseEstimator) -> bool:
        """Return whether an estimator was given nothing of its own about categories."""
        given = model.get_params()
        asked = {name: given[name] for name in {**self.parameters((), 0), **self.fitted((), 0)} if name in given}
        return all(value is None or value == _default(type(model), name) for name, value in asked.items())


def _default(kind: type, name: str) -> object:
    """Return the default of a parameter of a class, or of the first of its bases that names it."""
    makers = (vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base))
    made = (inspect.signature(maker).parameters for maker in makers)
    return next((known[name].default for known in made if name in known), None)


def _levels_of_bins(model: BaseEstimator) -> float:
    """Return how many levels HistGradientBoosting takes: one for each bin."""
    return float(model.get_params()["max_bins"])


HISTOGRAMS = Categories(lambda places, _: {"categorical_features": list(places)}, most=_levels_of_bins)
LIGHTGBM = Categories(fitted=lambda places, _: {"categorical_feature": list(places)})
XGBOOST = Categories(
    lambda places, width: {"feature_types": ["c" if j in set(places) else "q" for j in range(width)],
                           "enable_categorical": True}
)  # fmt: skip
CATBOOST = Categories(lambda places, _: {"cat_features": list(places)}, framed=True)

CATEGORIES: dict[str, Categories] = {
    "sklearn.HistGradientBoostingClassifier": HISTOGRAMS,
    "sklearn.HistGradientBoostingRegressor": HISTOGRAMS,
    "lightgbm.LGBMClassifier": LIGHTGBM,
    "lightgbm.LGBMRegressor": LIGHTGBM,
    "xgboost.XGBClassifier": XGBOOST,
    "xgboost.XGBRegressor": XGBOOST,
    "catboost.CatBoostClassifier": CATBOOST,
    "catboost.CatBoostRegressor": CATBOOST,
}
"""By package and class. One line declares another estimator: ``CATEGORIES["package.Class"] = Categories(…)``."""


def categories_of(model: BaseEstimator) -> Categories | None:
    """Return how an estimator takes categories; None where it does not, or was given something about them.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> categories_of(HistGradientBoostingRegressor()) is HISTOGRAMS
    True
    >>> categories_of(HistGradientBoostingRegressor(categorical_features=[0])) is None
    True
    """
    found = CATEGORIES.get(name_of(model))
    return found if found is not None and found.left_alone(model) else None


def takes_missing(model: BaseEstimator) -> bool:
    """Return whether an estimator says that it takes missing values; a pipeline up to a step that imputes them.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> from sklearn.impute import SimpleImputer
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> [takes_missing(model) for model in (
    ...     RandomForestRegressor(), make_pipeline(StandardScaler(), Ridge()),
    ...     make_pipeline(StandardScaler(), SimpleImputer(), Ridge()))]
    [True, False, True]
    """
    for _, step in model.steps if isinstance(model, Pipeline) else [("model", model)]:
        if step in (None, "passthrough"):
            continue
        if not _says_so(step):
            return False
        if type(step).__module__.startswith("sklearn.impute"):
            return True
    return True


def _says_so(step: BaseEstimator) -> bool:
    made = getattr(step, "__sklearn_tags__", None)
    return made is not None and bool(made().input_tags.allow_nan)


@dataclass(frozen=True, eq=False)
class NativeRows:
    """The rows of a sample as an estimator takes them that needs no encoding, or less of it.

    Attributes
    ----------
    sample : the rows as they were encoded.
    columns : the map to the estimator's columns.
    X : shape (n, q), an array or a frame.
    parameters, fitted : what the constructor and ``fit`` are given, so that categories are taken for such.
    """

    sample: SampleState
    columns: NativeColumns
    X: Floats
    parameters: Mapping[str, object]
    fitted: Mapping[str, object]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return 8 * int(self.X.size) + self.columns.nbytes

    def pipeline_of(self, model: BaseEstimator) -> Pipeline:
        """Return the fitted pipeline over the encoded columns that ends in the model."""
        if not hasattr(model, "n_features_in_"):
            model.n_features_in_ = len(self.columns.names)
        return Pipeline([("columns", NativeColumnMap().set(self.columns)), ("model", model)])

    def place(self, rows: Rows) -> Floats:
        """Return other rows in the same columns."""
        return self.columns.rows(as_dense(rows.X))


def takes_natively(model: BaseEstimator) -> bool:
    """Return whether an estimator takes missing values or categories as they are."""
    return takes_missing(model) or categories_of(model) is not None


def native_rows(state: SampleState, model: BaseEstimator) -> NativeRows | None:
    """Return the rows of a sample with what an estimator takes as it is; None where it takes nothing so.

    Parameters
    ----------
    state : the sample.
    model : the estimator with its parameters.
    """
    categories = categories_of(model)
    if categories is None and not takes_missing(model):
        return None
    taken = categories or Categories(most=lambda _: 0.0)
    most = taken.most(model)
    return MEMO.get(state, (NATIVE, type(model), most), lambda: _native_rows(state, taken, most))


def _native_rows(state: SampleState, taken: Categories, most: float) -> NativeRows:
    held = as_dense(state.held)
    counts = np.count_nonzero(held, axis=0)
    columns = native_columns(state.shape.columns, counts, len(held), most, framed=taken.framed)
    places, width = columns.categories.tolist(), len(columns.names)
    named = (taken.parameters(places, width), taken.fitted(places, width)) if places else ({}, {})
    return NativeRows(state, columns, columns.rows(as_dense(state.X)), *named)
