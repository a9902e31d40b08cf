"""``StateGridSearchCV`` in the place of ``GridSearchCV``: many rows, columns of any kind, and few of both."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import hpo
from benchmarks.measure import alternate
from benchmarks.table import Row, at_least, at_most, number, seconds
from benchmarks.workshop import Matrix, Workshop, in_memory

ROWS, CANDIDATES, FEW = 20_000, 100, 10
"""Rows and candidates of the large searches, of fewer rows fewer, and candidates of small ones."""


def drop_in_rows(shop: Workshop) -> list[Row]:
    """Compare both searches in time, and in what they find."""
    X, y = (values.astype(np.float64) for values in in_memory(min(ROWS, shop.rows)))
    candidates = min(CANDIDATES, len(y) // 200)
    many, few = _grid(candidates), _grid(FEW)
    small = load_iris(return_X_y=True)
    hpo.StateGridSearchCV(Ridge(), few, fallback="error").fit(*small)  # what a process loads once
    what = f"a search of {len(y):,} rows × {X.shape[1]} columns × {candidates} penalties, vs GridSearchCV"
    mixed = f"the same of columns of any kind, {len(y):,} rows × 8, after a ColumnTransformer"
    return [
        _row(what, shop, Ridge(), many, X, y),
        _row(mixed, shop, *_mixed(candidates), *_columns(X, y)),
        _small(shop, few, *small),
    ]


def _grid(candidates: int) -> dict[str, list[float]]:
    return {"alpha": np.geomspace(1e-3, 1e3, candidates).tolist()}


def _columns(X: Matrix, y: Matrix) -> tuple[pd.DataFrame, Matrix]:
    """Return a frame of five numbers, one of them with gaps, and three columns of texts, and the target."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(X[:, :5], columns=list("abcde"))
    frame.loc[rng.random(len(y)) < 0.1, "a"] = np.nan
    for name, levels in (("f", 3), ("g", 12), ("h", 30)):
        frame[name] = rng.integers(levels, size=len(y)).astype(str)
    return frame, y


def _mixed(candidates: int) -> tuple[Pipeline, dict[str, list[float]]]:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = make_column_transformer(
        (numbers, list("abcde")), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), list("fgh"))
    )
    return make_pipeline(columns, Ridge()), {"ridge__alpha": _grid(candidates)["alpha"]}


def _row(
    what: str,
    shop: Workshop,
    estimator: BaseEstimator,
    grid: dict[str, list[float]],
    X: Matrix | pd.DataFrame,
    y: Matrix,
) -> Row:
    found = {"ours": hpo.StateGridSearchCV(estimator, grid), "theirs": GridSearchCV(estimator, grid)}
    calls = {name: partial(one.fit, X, y) for name, one in found.items()}
    rounds = alternate(calls, shop.repeats, shop.patience)
    means = [one.cv_results_["mean_test_score"] for one in found.values()]
    apart = float(np.max(np.abs(means[0] - means[1])))
    answered = found["ours"].accelerated_.answered
    return Row(
        what, seconds(rounds.wall("ours")), seconds(rounds.wall("theirs")), rounds.ratio("theirs", "ours"),
        at_least(20.0), note=f"{answered} candidates from states; scores {number(apart)} apart at most",
    )  # fmt: skip


def _small(shop: Workshop, grid: dict[str, list[float]], X: Matrix, y: Matrix) -> Row:
    def search(kind: type[GridSearchCV]) -> None:
        for _ in range(5):
            kind(Ridge(), grid).fit(X, y)

    calls = {"ours": lambda: search(hpo.StateGridSearchCV), "theirs": lambda: search(GridSearchCV)}
    rounds = alternate(calls, max(3, shop.repeats) if shop.rows >= ROWS else 1, shop.patience)
    return Row(
        f"five searches of 150 rows × 4 columns × {FEW} penalties, vs GridSearchCV", seconds(rounds.wall("ours")),
        seconds(rounds.wall("theirs")), rounds.ratio("ours", "theirs"), at_most(1.0),
    )  # fmt: skip
