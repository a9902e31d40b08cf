"""Data of many shapes: columns by the thousand, classes by the ten, levels by the ten thousand."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.linalg
from numpy.typing import NDArray
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import ElasticNet, ElasticNetCV, LogisticRegression, Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import hpo
from benchmarks.measure import alternate
from benchmarks.nycflights import nycflights
from benchmarks.ordinary import FOLDS, ONE_MATRIX, TEXTS, WORDS, texts
from benchmarks.table import Row, at_least, at_most, seconds
from benchmarks.workshop import Workshop
from state_store import StateStore

PENALTIES = 10
ROWS, COLUMNS, TRIALS = 20_000, (100, 500, 1_000, 2_000), 10
SEARCHED, TENFOLD = (20_000, 100_000), 100_000
"""Rows of searches, and from how many on a study takes a tenth of the time."""
IMAGES, PIXELS, CLASSES = 60_000, 784, 10
LEVELS, LEVELLED = (10, 1_000, 50_000), 200_000
MOST_KEPT = 1_000
"""Levels that are kept each for itself."""
MOST_MEMORY = 4.0
"""GB that logistic regression of the images may take."""

PEERS = {
    "logistic": "sklearn.linear_model.LogisticRegression",
    "lda": "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
    "gaussian_nb": "sklearn.naive_bayes.GaussianNB",
    "knn_classifier": "sklearn.neighbors.KNeighborsClassifier",
}

PEAK = """
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
"""
OURS = f"""{PEAK}
import json, sys, time, hpo
data, store, algorithm = sys.argv[1:]
began = time.perf_counter()
hpo.tune(data, "y", algorithm, trials=2, folds={FOLDS}, store=store, progress=False)
print(json.dumps({{"peak": peak(), "seconds": time.perf_counter() - began}}))
"""
THEIRS = f"""{PEAK}
import importlib, json, sys, time, warnings, pandas as pd
data, _, path = sys.argv[1:]
warnings.simplefilter("ignore")
began, (module, name) = time.perf_counter(), path.rsplit(".", 1)
table = pd.read_parquet(data)
X, y = table.drop(columns="y"), table["y"]
getattr(importlib.import_module(module), name)().fit(X, y).predict(X[:5_000])
print(json.dumps({{"peak": peak(), "seconds": time.perf_counter() - began}}))
"""


def shape_rows(shop: Workshop) -> list[Row]:
    """Compare studies of many columns, classes and levels with what scikit-learn's users run instead."""
    few = shop.rows < TEXTS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [*_texts(shop, few=few), *_searches(shop, few=few), _optima(shop, few=few),
                *_columns(shop, few=few), *_images(shop, few=few), *_levels(shop, few=few)]  # fmt: skip


def _tuned(shop: Workshop, data: object, algorithm: str | list[str], **options: Any) -> tuple[Any, int]:
    """Tune with a store of its own and return the result, and the bytes that the store holds afterwards."""
    store = shop.fresh("store")
    result = hpo.tune(data, algorithm=algorithm, store=store, folds=FOLDS, progress=False, **options)
    held = StateStore(store).total_bytes
    shop.remove(store)
    return result, held


def _texts(shop: Workshop, *, few: bool) -> list[Row]:
    n, d = (shop.rows // 5, 100) if few else (TEXTS, WORDS)
    X, y = texts(n, d)
    size, held, C = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes, [0], np.logspace(-3, 3, PENALTIES)
    search = {"logistic.C": C.tolist(), "logistic.standardize": False}

    def ours() -> None:
        held[0] = _tuned(shop, (X, y), "logistic", trials=PENALTIES, sampler="grid", search=search)[1]

    def theirs() -> None:
        GridSearchCV(LogisticRegression(max_iter=1000), {"C": C}, cv=FOLDS).fit(X, y)

    def exactly() -> None:
        GridSearchCV(LogisticRegression(max_iter=10_000, tol=1e-8), {"C": C}, cv=FOLDS).fit(X, y)

    _tuned(shop, (X[:200], y[:200]), "logistic", trials=1)  # libraries are loaded
    found = alternate({"ours": ours, "theirs": theirs, "exactly": exactly}, min(3, shop.repeats), shop.patience)
    what = f"logistic of {n:,} texts × {d:,} words, {PENALTIES} penalties × {FOLDS} folds"
    return [
        Row(f"{what}, vs GridSearchCV (tol=1e-4)", seconds(found.wall("ours")), seconds(found.wall("theirs")),
            found.ratio("ours", "theirs"), None,
            f"processor time ratio {found.cpu_ratio('ours', 'theirs'):.2f}", found.others),
        Row(f"{what}, vs GridSearchCV(tol=1e-8)", seconds(found.wall("ours")), seconds(found.wall("exactly")),
            found.ratio("ours", "exactly"), None if few else at_most(1.0),
            f"processor time ratio {found.cpu_ratio('ours', 'exactly'):.2f}", found.others),
        Row(f"{what}: bytes kept, vs those of the matrix", f"{held[0] / 1e6:.1f} MB", f"{size / 1e6:.1f} MB",
            held[0] / size, at_most(ONE_MATRIX)),
    ]  # fmt: skip


def numbers(n: int, d: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return normal columns, and a target of twenty of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    return X, X[:, :20] @ rng.normal(size=20) + rng.normal(size=n)


def _searches(shop: Workshop, *, few: bool) -> list[Row]:
    sizes, d = ((shop.rows,), 30) if few else (SEARCHED, COLUMNS[0])
    return [row for n in sizes for row in _searches_of(shop, n, d, few=few or n < TENFOLD)]


def _searches_of(shop: Workshop, n: int, d: int, *, few: bool) -> list[Row]:
    X, y = numbers(n, d)
    _tuned(shop, (X[:200], y[:200]), ["elastic_net", "ridge"], trials=2)  # libraries are loaded
    alphas, ratios = np.logspace(-3, 1, 20), [0.1, 0.3, 0.5, 0.7, 0.9, 1.0]
    nets = {"elastic_net.alpha": alphas.tolist(), "elastic_net.l1_ratio": ratios}
    found = alternate(
        {
            "net": lambda: _tuned(shop, (X, y), "elastic_net", trials=120, sampler="grid", search=nets),
            "ElasticNetCV": lambda: ElasticNetCV(l1_ratio=ratios, alphas=alphas, cv=FOLDS).fit(X, y),
            "ridge": lambda: _tuned(shop, (X, y), "ridge", trials=20, sampler="grid",
                                    search={"ridge.alpha": alphas.tolist()}),
            "RidgeCV": lambda: RidgeCV(alphas, cv=FOLDS).fit(X, y),
        },
        min(3, shop.repeats),
        shop.patience,
    )  # fmt: skip
    what = f"of {n:,} rows × {d:,} columns"
    return [
        Row(f"elastic net {what}, 120 settings × {FOLDS} folds, vs ElasticNetCV", seconds(found.wall("net")),
            seconds(found.wall("ElasticNetCV")), found.ratio("ElasticNetCV", "net"),
            None if few else at_least(10.0),
            f"processor time ratio {found.cpu_ratio('ElasticNetCV', 'net'):.1f}", found.others),
        Row(f"ridge {what}, 20 penalties × {FOLDS} folds, vs RidgeCV", seconds(found.wall("ridge")),
            seconds(found.wall("RidgeCV")), found.ratio("ridge", "RidgeCV"), None,
            f"processor time ratio {found.cpu_ratio('ridge', 'RidgeCV'):.2f}", found.others),
    ]  # fmt: skip


def _optima(shop: Workshop, *, few: bool) -> Row:
    table = nycflights("flights").sample(shop.rows if few else ROWS, random_state=0)
    table = table.drop(columns=["year", "arr_time", "air_time"])
    nets = {
        "elastic_net.alpha": np.logspace(-4, 0, 5).tolist(),
        "elastic_net.l1_ratio": [0.3, 0.7, 0.9, 1.0],
        "elastic_net.standardize": [False],
        "elastic_net.precision": ["qr"],
    }
    with counted(scipy.linalg, ("qr", "qr_insert", "qr_delete")) as found:
        _tuned(shop, table, "elastic_net", target="arr_delay", trials=20, sampler="grid", search=nets)
    anew, changed = found["qr"], found["qr_insert"] + found["qr_delete"]
    what = f"elastic net of every column of {len(table):,} flights, 20 settings × {FOLDS} folds"
    return Row(f"{what}: QR decompositions of active columns, vs changes of one", f"{anew:,}", f"{changed:,}",
               anew / changed, None if few else at_most(1.0))  # fmt: skip


@contextmanager
def counted(
    library: Any = np.linalg, names: Iterable[str] = ("eigh", "eigvalsh", "svd")
) -> Iterator[Counter[str]]:
    """Count the calls of functions by name, and as "wide" those of matrices of more than 50 columns."""
    found: Counter[str] = Counter()
    real = {name: getattr(library, name) for name in names}

    def call(name: str) -> Callable[..., Any]:
        def run(a: Any, *args: Any, **options: Any) -> Any:
            found[name] += 1
            found["wide"] += np.shape(a)[-1] > 50
            return real[name](a, *args, **options)

        return run

    try:
        for name in real:
            setattr(library, name, call(name))
        yield found
    finally:
        for name, function in real.items():
            setattr(library, name, function)


FITS: dict[str, Callable[[Any, Any], object]] = {
    "ridge": lambda X, y: Ridge().fit(X, y),
    "elastic_net": lambda X, y: ElasticNet().fit(X, y),
    "pls": lambda X, y: PLSRegression(10).fit(X, y),
    "pca": lambda X, _: PCA(10).fit(X),
}


def _columns(shop: Workshop, *, few: bool) -> list[Row]:
    n, sizes = (shop.rows, COLUMNS[:1]) if few else (ROWS, COLUMNS)
    return [_columns_of(shop, n, d, name) for d in sizes for name in FITS]


def _columns_of(shop: Workshop, n: int, d: int, name: str) -> Row:
    X, y = numbers(n, d)
    kept: list[Any] = []

    def ours() -> None:
        kept.append(_tuned(shop, (X, None if name == "pca" else y), name, trials=TRIALS))

    with counted() as decompositions:
        found = alternate({"ours": ours, "theirs": lambda: FITS[name](X, y)}, 1, shop.patience)
    result, held = kept[-1]
    trial, fit = result.cost.seconds_trials / TRIALS, found.wall("theirs")
    note = (
        f"the pass took {result.cost.seconds_pass:.1f} s; {decompositions['wide']} decompositions in {TRIALS} "
        f"trials; {held / X.nbytes:.2f} bytes kept per byte"
    )
    what = f"{name} of {n:,} rows × {d:,} columns, a trial of {FOLDS} folds, vs one fit"
    return Row(what, seconds(trial), seconds(fit), trial / fit, None, note, found.others)


def images(path: Path, n: int, pixels: int) -> int:
    """Write grey images of ten classes, blobs that vary and noise; return the bytes of their pixels."""
    rng, side = np.random.default_rng(0), 16
    y = rng.integers(0, CLASSES, n)
    parts = rng.normal(size=(side, pixels))
    means = rng.normal(size=(CLASSES, side))
    grey = (means[y] + rng.normal(size=(n, side))) @ parts * 12.0 + rng.normal(0.0, 20.0, (n, pixels))
    X = np.clip(grey, 0, 255).astype(np.uint8)
    pq.write_table(pa.table({**{f"p{j}": X[:, j] for j in range(pixels)}, "y": y}), path)
    return X.nbytes


def _images(shop: Workshop, *, few: bool) -> list[Row]:
    n, pixels = (600, 30) if few else (IMAGES, PIXELS)
    path, rows = shop.fresh("images.parquet"), []
    size = images(path, n, pixels)
    for name, peer in list(PEERS.items())[: 1 if few else None]:
        store = shop.fresh("store")
        ours, theirs = _child(OURS, path, store, name), _child(THEIRS, path, store, peer)
        held = StateStore(store).total_bytes
        shop.remove(store)
        note = (
            f"the ratio column holds ours in GB; {ours['seconds']:.0f} s for 2 settings × {FOLDS} folds, "
            f"{theirs['seconds']:.0f} s for one fit; {held / size:.2f} bytes kept per byte"
        )
        most = at_most(MOST_MEMORY) if name == "logistic" else None
        rows.append(Row(f"{name} of {n:,} rows × {pixels} columns in {CLASSES} classes: peak memory, in GB",
                        f"{ours['peak'] / 1e9:.2f} GB", f"{theirs['peak'] / 1e9:.2f} GB", ours["peak"] / 1e9, most,
                        note))  # fmt: skip
    shop.remove(path)
    return rows


def _child(code: str, path: Path, store: Path, name: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(store), name], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _levels(shop: Workshop, *, few: bool) -> list[Row]:
    n = shop.rows // 5 if few else LEVELLED
    _tuned(shop, numbers(200, 20), ["ridge", "linear_regressor"], trials=2)  # libraries are loaded
    how: dict[str, tuple[str, dict[str, Any]]] = {
        "kept": ("ridge", {"max_categories": 1_000}),
        "merged but for 64": ("ridge", {}),
        "hashed": ("linear_regressor", {"hash_columns": ["c"]}),
    }
    return [
        _levels_of(shop, n, levels, what, *how[what])
        for levels in (LEVELS[:1] if few else LEVELS)
        for what in how
        if what != "kept" or levels <= MOST_KEPT
    ]


def _levels_of(
    shop: Workshop, n: int, levels: int, what: str, name: str, options: dict[str, Any]
) -> Row:
    rng, held = np.random.default_rng(levels), [0]
    effect, code = rng.normal(size=levels), rng.integers(0, levels, n)
    table = pd.DataFrame({"c": np.char.add("v", code.astype(str)), "x": rng.normal(size=n)})
    y = effect[code] + table["x"].to_numpy() + rng.normal(size=n)

    def ours() -> None:
        held[0] = _tuned(shop, (table, y), name, trials=10, **options)[1]

    def theirs() -> None:
        model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge(solver="lsqr"))
        GridSearchCV(model, {"ridge__alpha": [0.1, 1.0]}, cv=FOLDS).fit(table[["c"]], y)

    found = alternate({"ours": ours, "theirs": theirs}, 1, shop.patience)
    title = f"{n:,} rows of {levels:,} levels, {what}: {name}, 10 settings × {FOLDS} folds, vs GridSearchCV of 2"
    note = f"{held[0] / int(table.memory_usage(deep=True).sum()):.2f} bytes kept per byte"
    times = seconds(found.wall("ours")), seconds(found.wall("theirs"))
    return Row(title, *times, found.ratio("ours", "theirs"), None, note, found.others)
