"""k-means from one coreset against full Lloyd runs: how low it ends, and what every k costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from algorithms.contract import fitted
from benchmarks.measure import await_quiet, measure
from benchmarks.table import Row, at_most, number, seconds
from benchmarks.workshop import GROUP_ROWS, Matrix, Workshop

COLUMNS, CLUSTERS = 20, 300
CENTRES = (5, 20, 100, 200)
STARTS = 3
STEP, FEW = 2, 10_000
"""Numbers of clusters from one trial to the next, ten times as many below so many rows."""


def cluster_rows(shop: Workshop) -> list[Row]:
    """Compare inertia on all rows for a few k, and a study of every second k with three fits of the largest."""
    rows = max(1_000, shop.rows // 2)
    X, data = uneven(rows), shop.folder / f"clusters-{rows}.parquet"
    if not data.exists():
        names = {f"x{j:02d}": pa.array(np.ascontiguousarray(X[:, j])) for j in range(COLUMNS)}
        pq.write_table(pa.table(names), data, row_group_size=GROUP_ROWS)
    made: list[Any] = []
    await_quiet(shop.patience)
    ours = measure(lambda: made.append(study(shop, data)))
    result, compared = made[0], []
    for k in CENTRES:
        await_quiet(shop.patience)
        fits: list[Any] = []
        theirs = measure(lambda k=k, fits=fits: fits.extend(full(X, k, seed) for seed in range(STARTS)))
        best = min(fit.inertia_ for fit in fits) / rows
        model = model_of(result, k)
        mine = -float(model["model"].score(X.astype(np.float64))) / rows
        compared.append(
            Row(f"k-means, k = {k}: inertia a row, vs the best of {STARTS} full runs", number(mine), number(best),
                mine / best, at_most(1.02))
        )  # fmt: skip
    trials = len(result.candidates)
    return [
        *compared,
        Row(
            f"{trials} numbers of clusters × 5 folds, scored, vs {STARTS} × KMeans({CENTRES[-1]})",
            seconds(ours.wall), seconds(theirs.wall), ours.wall / theirs.wall, at_most(1.0),
            f"reading included; scored by {result.metric}", max(ours.others, theirs.others),
        ),
    ]  # fmt: skip


def study(shop: Workshop, data: Path) -> Any:
    """Score every second number of clusters with five folds, from an empty store."""
    import hpo

    store = shop.fresh("store")
    step = STEP if shop.rows >= FEW else 10 * STEP
    grid = list(range(step, CENTRES[-1] + 1, step))
    search = {"kmeans.n_clusters": grid, "kmeans.standardize": False}
    result = hpo.tune(
        str(data), algorithm="kmeans", search=search, sampler="grid", trials=len(grid), folds=5, store=str(store),
        progress=False,
    )  # fmt: skip
    shop.remove(store)
    return result


def model_of(result: Any, k: int) -> Any:
    """Return the k-means of that many clusters of every row, from the study's states."""
    from dataclasses import replace

    from hpo.process.threads import one_thread

    candidate = result.candidates[0]
    algorithm = replace(candidate.algorithm, n_clusters=k)
    with one_thread():
        return fitted(algorithm, candidate.states.whole)


def full(X: Matrix, k: int, seed: int) -> Any:
    """Run Lloyd's algorithm on every row from one start of k-means++."""
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=1, random_state=seed).fit(X)


def uneven(rows: int) -> Matrix:
    """Return clusters of very different mass and spread."""
    rng = np.random.default_rng(0)
    centres, share = 1.5 * rng.normal(size=(CLUSTERS, COLUMNS)), rng.dirichlet(np.full(CLUSTERS, 0.7))
    spread = rng.lognormal(-0.3, 0.4, CLUSTERS)
    labels = rng.choice(CLUSTERS, rows, p=share)
    made = centres[labels] + rng.normal(size=(rows, COLUMNS)) * spread[labels, None]
    return made.astype(np.float32)
