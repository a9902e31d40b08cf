"""Packs of linear models: what surrounds their training against scikit-learn, on the raw rows.

No estimator of scikit-learn finds the mean of models that each file and fold trains in an order of its own, so the
coefficients are the product's. Everything else is asked: raw rows of any type, order and file become columns, gaps the
means of the training rows, and from these scikit-learn's own model and scorers must make the fold scores and the
predictions that the product tells.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from differential import agreement, rows
from differential.agreement import Fold
from differential.classifiers import NEAR, Answers, coded, scored
from differential.designs import exact
from differential.extended import Long, Undefined
from differential.settings import Example
from differential.tables import Table

NAMES = ("linear", "linear_regressor")
NAMED = re.compile(r"(missingindicator_)?(x\d+)(?:_(.*))?")
PARTS = ("month", "weekday", "hour")
ROUNDED = 4 * float(np.finfo(float).eps)
"""Share of a number's size that :func:`~differential.agreement.squared` takes a residual to be known to."""
ROUNDINGS = 8 * ROUNDED


class Packs:
    """A linear model of the product over columns that are made of raw rows."""

    def condition(self, example: Example, t: Table, train: np.ndarray) -> float:
        """Return one: nothing is solved."""
        return 1.0

    def scaled(
        self, example: Example, t: Table, train: np.ndarray, frame: pd.DataFrame, model: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return rows in the columns of a fitted pipeline's model, and what rounding makes of each prediction."""
        names = list(model[:-1].get_feature_names_out())
        known = rows.features(t, train), t.weight[train].astype(Long)
        X = np.column_stack([column(name, names, *known, frame, example.values["impute"]) for name in names])
        sizes = np.column_stack([_sizes(*one, *known, frame) for one in zip(names, X.T, strict=True)])
        steps, coef = dict(model.steps), np.abs(np.atleast_2d(model[-1].coef_)).max(axis=0)
        risen = float(np.abs(model[-1].intercept_).max())
        if "scale" not in steps:
            return X.astype(float), ROUNDINGS * (sizes @ coef + risen).astype(float)
        mean, scale = steps["scale"].mean_.astype(Long), steps["scale"].scale_.astype(Long)
        lost = ((sizes + np.abs(mean)) / scale) @ coef + risen
        return ((X - mean) / scale).astype(float), ROUNDINGS * lost.astype(float)

    def score(self, example: Example, t: Table, train: np.ndarray, test: np.ndarray, fold: Fold) -> None:
        """Compare the score of a fold."""
        model, w = fold.model(), t.weight[test]
        X, lost = self.scaled(example, t, train, rows.features(t, test), model)
        if example.algorithm == "linear_regressor":
            y, made = t.y[test], model[-1].predict(X)
            size = float(np.nanmax(np.abs(t.y))) + float(lost.max()) / ROUNDED
            residual = y.astype(Long) - made
            fold.agree(*agreement.squared(example.scoring, y.astype(Long) - y[0], residual, w.astype(Long), size))
            return
        labels, codes = coded(t, test, train)
        if example.scoring == "neg_log_loss":
            value, scale = scored("neg_log_loss", labels, codes, Answers(X, model[-1].predict_proba(X), lost), w)
            fold.agree(value, scale)
            return
        eta = np.sort(model[-1].decision_function(X).reshape(len(X), -1), axis=1)
        apart = np.abs(eta[:, 0]) if eta.shape[1] == 1 else eta[:, -1] - eta[:, -2]
        if (apart <= NEAR * (1.0 + np.abs(eta).max(axis=1)) + 2.0 * lost).any():
            raise Undefined("rows between two classes")
        of = getattr(metrics, f"{example.scoring}_score")
        made = model[-1].predict(X)
        kwargs = {"sample_weight": w}
        fold.agree(float(of(labels[codes].astype(str), np.asarray(made).astype(str), **kwargs)), 1.0)

    def predictions(self, example: Example, t: Table, model: Any) -> None:
        """Compare what the final model says of fresh rows."""
        every = np.flatnonzero(t.weight > 0)
        X, lost = self.scaled(example, t, every, t.fresh, model)
        if example.algorithm == "linear_regressor":
            expected = model[-1].predict(X)
            agreement.alike("predictions", model.predict(t.fresh), expected, float(np.nanstd(t.y)), lost)
            return
        found, expected = (np.asarray(f) for f in (model.decision_function(t.fresh), model[-1].decision_function(X)))
        floats = lost if expected.ndim == 1 else lost[:, None]
        agreement.alike("decisions", found, expected, 1.0 + float(np.abs(expected).max()), floats)


def _sizes(name: str, made: np.ndarray, train: pd.DataFrame, w: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
    """Return what the rounding of a column's values is relative to: of a mean, the numbers that it is of, which may cancel."""
    missing, source, rest = NAMED.fullmatch(name).groups()
    if missing or rest not in (None, "days"):
        return np.abs(made)
    gone, (known, lacking) = exact(frame[source])[1], exact(train[source])
    parts = w[~lacking] @ np.abs(known[~lacking]) / max(w[~lacking].sum(), Long(1e-300))
    return np.where(gone, np.maximum(np.abs(made), parts), np.abs(made))


def column(
    name: str, names: list[str], train: pd.DataFrame, w: np.ndarray, frame: pd.DataFrame, impute: str
) -> np.ndarray:
    """Return a column of raw rows by its name: a number, whether it is missing, or a level."""
    missing, source, rest = NAMED.fullmatch(name).groups()
    values = frame[source]
    if missing:
        return exact(values)[1].astype(Long)
    if rest in (None, "days"):
        number, gone = exact(values)
        if impute == "zero":
            return np.where(gone, Long(0), number)
        known, lacking = exact(train[source])
        if lacking.all() and gone.any():
            raise Undefined("a number that no training row has")
        about = known[~lacking][0] if not lacking.all() else Long(0)
        own = w[~lacking]
        fill = about + (own @ (known[~lacking] - about)) / own.sum() if not lacking.all() else Long(0)
        return np.where(gone, fill, number)
    part = rest.partition("_")[0]
    if pd.api.types.is_datetime64_any_dtype(values):
        values, source, rest = getattr(values.dt, part), f"{source}_{part}", rest.removeprefix(f"{part}_")
    text = [None if pd.isna(x) else str(int(x)) if isinstance(x, float) else str(x) for x in values.tolist()]
    if rest == "missing":
        return np.array([x is None for x in text]).astype(Long)
    if rest == "other":
        levels = {n.removeprefix(f"{source}_") for n in names if n.startswith(f"{source}_")} - {"other", "missing"}
        return np.array([x is not None and x not in levels for x in text]).astype(Long)
    return np.array([x == rest for x in text]).astype(Long)
