"""Data as people have it: sparse texts, small tables, wide ones; what they cost in time, starts and bytes kept."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge
from sklearn.metrics import silhouette_score
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB

import hpo
from benchmarks.files import file_rows
from benchmarks.measure import alternate
from benchmarks.table import Row, at_most, seconds
from benchmarks.workshop import Workshop
from state_store import StateStore

TEXTS, WORDS, SETTINGS, FOLDS = 12_000, 7_000, 30, 5
WIDE_ROWS, WIDE_COLUMNS = 20_000, 1_000
SMALL = 150
ONE_MATRIX = 3.0
"""Bytes of what a study of sparse rows keeps, by those of the matrix."""

COLD = {
    "ours": """
import sys, numpy as np, hpo
X = np.random.default_rng(0).normal(size=(150, 4))
hpo.tune((X, X[:, 0]), algorithm="ridge", trials=10, folds=5, progress=False, store=sys.argv[1])
""",
    "theirs": """
import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
X = np.random.default_rng(0).normal(size=(150, 4))
GridSearchCV(Ridge(), {"alpha": np.logspace(-3, 3, 10)}, cv=5).fit(X, X[:, 0])
""",
}


def ordinary_rows(shop: Workshop) -> list[Row]:
    """Compare studies of ordinary data with what scikit-learn's users run instead."""
    few = shop.rows < TEXTS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = [*_texts(shop, few=few), *_small(shop), _start(shop), *_wide(shop, few=few)]
        return [*rows, *file_rows(shop, few=few)]


def _tuned(shop: Workshop, data: object, algorithm: object, **options: object) -> int:
    """Tune with a store of its own and return the bytes that it holds afterwards."""
    store = shop.fresh("store")
    asked = {"folds": FOLDS, "progress": False, **options}
    hpo.tune(data, algorithm=algorithm, store=store, **asked)  # type: ignore[arg-type]
    held = StateStore(store).total_bytes
    shop.remove(store)
    return held


def _texts(shop: Workshop, *, few: bool) -> list[Row]:
    n, d = (shop.rows, 300) if few else (TEXTS, WORDS)
    X, y = texts(n, d)
    grid, size = {"alpha": np.logspace(-3, 1, SETTINGS)}, X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    held: list[int] = []
    found = alternate(
        {
            "ours": lambda: held.append(_tuned(shop, (X, y), "multinomial_nb", trials=SETTINGS)),
            "theirs": lambda: GridSearchCV(MultinomialNB(), grid, cv=FOLDS).fit(X, y),
        },
        shop.repeats,
        shop.patience,
    )
    what = f"naive Bayes of {n:,} texts × {d:,} words, {SETTINGS} settings × {FOLDS} folds"
    return [
        Row(f"{what}, vs GridSearchCV", seconds(found.wall("ours")), seconds(found.wall("theirs")),
            found.ratio("ours", "theirs"), at_most(1.0), "", found.others),
        Row(f"{what}: bytes kept, vs those of the matrix", f"{held[-1] / 1e6:.1f} MB", f"{size / 1e6:.1f} MB",
            held[-1] / size, at_most(ONE_MATRIX)),
    ]  # fmt: skip


def _small(shop: Workshop) -> list[Row]:
    X = np.random.default_rng(0).normal(size=(SMALL, 4))
    y = (X[:, 0] > 0.0).astype(int)
    rates = [0.05, 0.1, 0.2, 0.3]
    boosting = HistGradientBoostingClassifier(max_iter=20)
    calls = {
        "ours": lambda: _tuned(
            shop, (X, y), boosting, search={"HistGradientBoostingClassifier.learning_rate": rates}, trials=4
        ),
        "theirs": lambda: GridSearchCV(boosting, {"learning_rate": rates}, cv=FOLDS).fit(X, y),
        "means": lambda: _tuned(
            shop, (X, None), "kmeans", search={"kmeans.n_clusters": hpo.Int(2, 10)}, trials=9
        ),
        "loop": lambda: clusters(X, range(2, 11)),
    }
    found = alternate(calls, shop.repeats, shop.patience)
    return [
        Row(f"boosting on {SMALL} rows, 4 rates × {FOLDS} folds, vs GridSearchCV", seconds(found.wall("ours")),
            seconds(found.wall("theirs")), found.ratio("ours", "theirs"), at_most(1.0), "", found.others),
        Row(f"k-means on {SMALL} rows, 9 numbers of clusters × {FOLDS} folds, vs a loop over KMeans",
            seconds(found.wall("means")), seconds(found.wall("loop")), found.ratio("means", "loop"), at_most(1.0),
            "", found.others),
    ]  # fmt: skip


def _start(shop: Workshop) -> Row:
    def cold(side: str) -> None:
        store = shop.fresh("store")
        subprocess.run([sys.executable, "-c", COLD[side], str(store)], check=True)
        shop.remove(store)

    cold("ours"), cold("theirs")
    found = alternate({s: lambda s=s: cold(s) for s in COLD}, shop.repeats, shop.patience)  # type: ignore[misc]
    return Row(
        f"a cold process that tunes ridge on {SMALL} rows, vs one with GridSearchCV", seconds(found.wall("ours")),
        seconds(found.wall("theirs")), found.ratio("ours", "theirs"), at_most(1.0), "", found.others,
    )  # fmt: skip


def _wide(shop: Workshop, *, few: bool) -> list[Row]:
    n, d = (shop.rows, 60) if few else (WIDE_ROWS, WIDE_COLUMNS)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    y = X[:, :20] @ rng.normal(size=20) + rng.normal(size=n)
    held: list[int] = []
    found = alternate(
        {
            "ours": lambda: held.append(_tuned(shop, (X, y), "ridge", trials=20)),
            "theirs": lambda: GridSearchCV(Ridge(), {"alpha": np.logspace(-2, 4, 3)}, cv=FOLDS).fit(X, y),
        },
        1,
        shop.patience,
    )
    what = f"ridge of {n:,} rows × {d:,} columns"
    return [
        Row(f"{what}, 20 settings × {FOLDS} folds, vs GridSearchCV on 3 settings", seconds(found.wall("ours")),
            seconds(found.wall("theirs")), found.ratio("ours", "theirs"), None, "", found.others),
        Row(f"{what}: bytes kept, vs those of the rows", f"{held[-1] / 1e6:.1f} MB", f"{X.nbytes / 1e6:.1f} MB",
            held[-1] / X.nbytes, None if few else at_most(1.0)),
    ]  # fmt: skip


def texts(n: int, d: int) -> tuple[sparse.csr_matrix, NDArray[np.str_]]:
    """Return counts of words, and whether a text has some of the first."""
    X = sparse.random(n, d, density=0.005, format="csr", random_state=1)
    X.data[:] = 1.0
    heavy = np.asarray(X[:, : max(1, d // 70)].sum(axis=1)).ravel()
    return X, np.where(heavy > 0.4, "a", "b")


def clusters(X: NDArray[np.float64], numbers: Sequence[int]) -> list[float]:
    """Return how well held-out rows are apart, for each number of clusters, as a loop over folds has it."""
    parts, found = np.arange(len(X)) % FOLDS, []
    for k in numbers:
        for part in range(FOLDS):
            model = KMeans(k, n_init=10, random_state=0).fit(X[parts != part])
            labels = model.predict(X[parts == part])
            found.append(float(silhouette_score(X[parts == part], labels)) if len(set(labels)) > 1 else 0.0)
    return found
