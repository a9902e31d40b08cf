"""Fold scores of the exact families on real data, against scikit-learn's own pipelines on the raw rows in float64.

Every set is asked as it is and in the narrowest types that hold its numbers. ``python -m benchmarks.fidelity``
prints the table of every set and algorithm.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.real import RealSet, narrowed, real_sets
from benchmarks.table import Row, at_most
from benchmarks.workshop import Workshop
from hpo.findings.noted import without_score

PROMISED = 1e-8
"""Largest relative difference of a fold score."""
TIGHT = {"tol": 1e-14, "max_iter": 100_000}
PRIORS = {"alpha_1": 1e-6, "alpha_2": 1e-6, "lambda_1": 1e-6, "lambda_2": 1e-6}
NEAREST = {"n_neighbors": 7, "weights": "uniform", "metric": "euclidean", "size": 20_000}
COMMON = {"standardize": True, "impute": "mean", "min_frequency": 0.02}


@dataclass(frozen=True)
class Twin:
    """An algorithm, what is asked of it, and how scikit-learn spells it.

    Attributes
    ----------
    task : of the sets that it is asked of; empty for all.
    metric : the score that is compared.
    setting : besides the preprocessing.
    model : makes scikit-learn's estimator.
    prepared : whether it has preprocessing of its own; without it gets numbers as they are.
    """

    task: str
    metric: str
    setting: Mapping[str, Any]
    model: Callable[[], Any]
    prepared: bool = True


def twins() -> dict[str, Twin]:
    """Return the exact families by name."""
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import BayesianRidge, ElasticNet, Lasso, LinearRegression, Ridge
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline

    def pcr() -> Any:
        return make_pipeline(PCA(2, svd_solver="full"), LinearRegression())

    net = {"alpha": 0.1, "l1_ratio": 0.5}
    number, classes = ("regression", "neg_root_mean_squared_error"), ("classification", "neg_log_loss")
    return {
        "ols": Twin(*number, {}, LinearRegression),
        "ridge": Twin(*number, {"alpha": 1.0}, lambda: Ridge(1.0, solver="svd")),
        "lasso": Twin(*number, {"alpha": 0.1, **TIGHT}, lambda: Lasso(0.1, **TIGHT)),
        "elastic_net": Twin(*number, {**net, **TIGHT}, lambda: ElasticNet(**net, **TIGHT)),
        "bayesian_ridge": Twin(*number, PRIORS, BayesianRidge),
        "pls": Twin(*number, {"n_components": 2}, lambda: PLSRegression(2, scale=False)),
        "pcr": Twin(*number, {"n_components": 2}, pcr),
        "knn_regressor": Twin(*number, NEAREST, lambda: KNeighborsRegressor(7)),
        "lda": Twin(
            *classes, {"shrinkage": 0.1}, lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
        ),
        "gaussian_nb": Twin(*classes, {"var_smoothing": 1e-6}, lambda: GaussianNB(var_smoothing=1e-6), False),
        "knn_classifier": Twin("classification", "accuracy", NEAREST, lambda: KNeighborsClassifier(7)),
        "pca": Twin("", "log_likelihood", {"n_components": 2}, lambda: PCA(2, svd_solver="full")),
    }


def fidelity_rows(shop: Workshop) -> list[Row]:
    """Return for each algorithm the worst difference over all sets, or over few in a small workshop."""
    store = shop.fresh("store")
    table = differences(real_sets(min(shop.rows, 5_000), few=shop.rows < 100_000), store)
    shop.remove(store)
    rows = []
    for name in twins():
        found = {s: d for s, line in table.items() if (d := line.get(name)) is not None}
        worst = max(found, key=lambda s: found[s])
        rows.append(
            Row(
                f"{name}: fold scores on {len(found)} real sets, as they are and narrowed, vs scikit-learn",
                f"{found[worst]:.2g} apart at most ({worst})", "0", found[worst], at_most(PROMISED),
            )
        )  # fmt: skip
    return rows


def differences(sets: Iterable[RealSet], store: Path) -> dict[str, dict[str, float]]:
    """Return set → algorithm → the worst relative difference of a fold score; NaN where no score was computed."""
    table = {}
    for real in sets:
        made = {n: compared(real, n, t, store) for n, t in twins().items() if t.task in ("", real.task)}
        table[real.name] = made
    return table


def compared(real: RealSet, name: str, twin: Twin, store: Path) -> float:
    """Return the worst relative difference of a fold score, as they are and in narrow types."""
    from sklearn.base import clone
    from sklearn.model_selection import KFold, cross_val_score

    cv = KFold(4, shuffle=True, random_state=0)
    y = None if name == "pca" else real.y
    model = pipeline(real, twin)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = cross_val_score(
            clone(model), plain(real), y, cv=cv, scoring=None if name == "pca" else twin.metric
        )
        found = [scores(real, X, name, twin, cv, store) for X in (real.X, narrowed(real.X))]
    return max(float(np.max(np.abs(t - expected) / np.maximum(np.abs(expected), 1e-12))) for t in found)


def scores(real: RealSet, X: pd.DataFrame, name: str, twin: Twin, cv: Any, store: Path) -> Any:
    """Return our fold scores."""
    import hpo

    wanted = {**COMMON, **twin.setting} if twin.prepared else dict(twin.setting)
    search = {f"{name}.{k}": v for k, v in wanted.items()}
    data, target = (X, None) if name == "pca" else (X.assign(**{"the target": real.y}), "the target")
    result = hpo.tune(
        data, target, name, trials=1, folds=cv, scoring=twin.metric, search=search, store=store, progress=False,
        scoring_rows=20_000, polish=False,
    )  # fmt: skip
    if without_score(result.run):
        print(f"{real.name}, {name}: {without_score(result.run)}", file=sys.stderr)
        return np.full(cv.get_n_splits(), np.nan)
    return np.array(result.best.scores.folds)


def pipeline(real: RealSet, twin: Twin) -> Any:
    """Return scikit-learn's pipeline of raw rows."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [c for c in real.X if c not in real.texts]
    levels = OneHotEncoder(
        handle_unknown="infrequent_if_exist", sparse_output=False,
        min_frequency=COMMON["min_frequency"] if twin.prepared else None,
    )  # fmt: skip
    columns = make_column_transformer((SimpleImputer(), numbers), (levels, real.texts))
    steps = [StandardScaler()] if twin.prepared else []
    return make_pipeline(columns, *steps, twin.model())


def plain(real: RealSet) -> pd.DataFrame:
    """Return the features with every number as float64."""
    numbers = [c for c in real.X if c not in real.texts]
    return real.X.astype({**dict.fromkeys(numbers, "float64"), **dict.fromkeys(real.texts, "object")})


def as_matrix(table: Mapping[str, Mapping[str, float]]) -> str:
    """Return the table in Markdown, a set a line.

    Examples
    --------
    >>> print(as_matrix({"iris": {"lda": 2e-12}}).splitlines()[2][:17])
    | iris | – | – |
    """
    names = list(twins())
    lines = [f"| set | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for real, line in table.items():
        lines.append(f"| {real} | {' | '.join(_cell(line.get(name)) for name in names)} |")
    return "\n".join(lines)


def _cell(difference: float | None) -> str:
    if difference is None:
        return "–"
    return "refused" if np.isnan(difference) else "0" if difference == 0.0 else f"{difference:.0e}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(as_matrix(differences(real_sets(), Path(place) / "store")))
