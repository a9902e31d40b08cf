"""Wide data: components of a sparse matrix of many columns, in a process of its own, against scikit-learn's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.measure import await_quiet, measure
from benchmarks.table import Row, at_least, at_most, seconds
from benchmarks.workshop import Workshop

ROWS, COLUMNS, WORDS, COMPONENTS = 200_000, 20_000, 40, 50
TOPICS = 200
CHILD = """
import json, pathlib, sys, time, numpy as np, hpo
from scipy import sparse
from algorithms.contract import fitted
data, store, model, components = sys.argv[1:]
began = time.perf_counter()
result = hpo.tune(sparse.load_npz(data), algorithm="pca", trials=20, folds=5, store=store, progress=False,
                  search={"pca.standardize": False})
pca = fitted(result.best.algorithm.__class__(n_components=int(components)), result.best.states.whole)["model"]
seconds = time.perf_counter() - began
np.save(model, pca.components_)
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print(json.dumps({"peak": 1024 * peak, "rows": result.cost.rows_read, "seconds": seconds,
                  "algorithm": type(result.best.algorithm).__name__}))
"""


def wide_rows(shop: Workshop) -> list[Row]:
    """Compare memory, time and the variance explained with scikit-learn's PCA of the same rows."""
    from sklearn.decomposition import PCA

    few = shop.rows < ROWS
    X = words(shop.rows if few else ROWS, COLUMNS // 40 if few else COLUMNS)
    data, store, made = shop.fresh("words"), shop.fresh("store"), shop.fresh("components")
    data, made = data.with_suffix(".npz"), made.with_suffix(".npy")
    sparse.save_npz(data, X, compressed=False)
    await_quiet(shop.patience)
    ours = run_child(data, store, made, limit=30 << 20 if few else None)
    assert ours["rows"] == X.shape[0], f"{ours['rows']} rows were read"
    assert ours["algorithm"] == "SketchedPCA", f"{ours['algorithm']} fits in memory"
    fits: list[Any] = []
    theirs = measure(lambda: fits.append(PCA(COMPONENTS, svd_solver="arpack", random_state=0).fit(X)))
    found, best = (explained(components, X) for components in (np.load(made), fits[0].components_))
    for path in (data, store, made):
        shop.remove(path)
    size = f"{X.shape[0]:,} × {X.shape[1]:,} sparse, {COMPONENTS} components"
    return [
        Row(f"wide PCA of {size}: peak resident memory, in GB", f"{ours['peak'] / 1e9:.2f} GB",
            f"{8e-9 * X.shape[1] ** 2:.1f} GB", ours["peak"] / 1e9, at_most(1.0),
            "the ratio column holds ours in GB; theirs is one matrix of the squares"),
        Row("wide PCA: variance explained, vs scikit-learn's PCA of the same rows", f"{found:.5f}", f"{best:.5f}",
            found / best, at_least(0.99), f"20 trials × 5 folds {seconds(ours['seconds'])}, theirs one fit "
            f"{seconds(theirs.wall)}", theirs.others),
    ]  # fmt: skip


def run_child(data: Path, store: Path, model: Path, limit: int | None) -> dict[str, Any]:
    """Tune in a new process and return its peak memory, rows and seconds."""
    import os

    environment = os.environ | ({} if limit is None else {"HPO_MEMORY_LIMIT": str(limit)})
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(data), str(store), str(model), str(COMPONENTS)],
        check=True, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def words(n: int, d: int) -> sparse.csr_array:
    """Return counts of words in texts: topics of falling weight, each with its own falling weights of words."""
    rng = np.random.default_rng(0)
    weights = 1.0 / np.arange(1, TOPICS + 1)
    topic = np.sort(rng.choice(TOPICS, size=n, p=weights / weights.sum()))
    parts = []
    for t, count in zip(*np.unique(topic, return_counts=True), strict=True):
        p = rng.gamma(0.05, size=d) + 1e-3 / d
        drawn = rng.choice(d, size=(count, WORDS), p=p / p.sum())
        rows = np.repeat(np.arange(count), WORDS)
        ones = np.ones(rows.size, np.float32)
        parts.append(sparse.csr_array((ones, (rows, drawn.ravel())), shape=(count, d)))
        del t
    X = sparse.vstack(parts, format="csr")[rng.permutation(n)]
    return sparse.csr_array(X)


def explained(components: Any, X: sparse.csr_array) -> float:
    """Return the share of the variance of rows along some components."""
    mean = np.asarray(X.mean(axis=0)).ravel()
    along = np.asarray(X @ components.T) - mean @ components.T
    squares = float(X.multiply(X).sum()) - X.shape[0] * float(mean @ mean)
    return float((along**2).sum()) / squares
