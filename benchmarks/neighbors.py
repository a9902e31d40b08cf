"""k-nearest neighbours: every k, both weightings and five folds, against scikit-learn's search of those folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measure import alternate
from benchmarks.table import Row, at_most, seconds
from benchmarks.workshop import Workshop, in_memory

COLUMNS, NEIGHBOURS, FOLDS, ROUNDS = 20, 200, 5, 3
TARGETS = {"knn_classifier": "classes", "knn_regressor": "numbers"}


def neighbor_rows(shop: Workshop) -> list[Row]:
    """Compare a whole study of neighbours with the searches of its folds, for classes and for numbers."""
    rows = min(shop.rows, 100_000)
    data = shop.folder / f"neighbors-{rows}.parquet"
    if not data.exists():
        X, y = in_memory(rows)
        frame = pd.DataFrame(X[:, :COLUMNS]).add_prefix("x")
        frame.assign(numbers=y, classes=np.where(y > np.median(y), "high", "low")).to_parquet(data)
    return [compared(shop, name, data) for name in TARGETS]


def compared(shop: Workshop, name: str, data: Path) -> Row:
    """Compare the trials of one study, from its states, with one search of the same rows."""
    store = shop.fresh("store")
    states = study(data, name, store, 1).candidates[0].states  # the pass, which is no part of either side
    pairs = states.train, states.held_out
    most = min(NEIGHBOURS, *(state.n for state in pairs[0]))
    made: list[Any] = []
    rounds = alternate(
        {
            "ours": lambda: made.append(study(data, name, store, most)),
            "theirs": lambda: [search(t, h.rows, most) for t, h in zip(*pairs, strict=True)],
        },
        min(shop.repeats, ROUNDS),
        shop.patience,
    )
    shop.remove(store)
    rows = pairs[0][0].n
    return Row(
        f"{TARGETS[name]}: {len(made[-1].candidates)} settings × {FOLDS} folds, vs {FOLDS} searches of {most} "
        f"neighbours among {rows:,} rows",
        seconds(rounds.wall("ours")), seconds(rounds.wall("theirs")), rounds.ratio("ours", "theirs"), at_most(1.5),
        f"opening the states included; scored by {made[-1].metric}", rounds.others,
    )  # fmt: skip


def study(data: Path, name: str, store: Any, most: int) -> Any:
    """Score every k up to ``most`` with both weightings."""
    import hpo

    search = {
        f"{name}.n_neighbors": hpo.Int(1, most), f"{name}.weights": ["uniform", "distance"],
        f"{name}.metric": "euclidean", f"{name}.standardize": False,
    }  # fmt: skip
    return hpo.tune(
        str(data), TARGETS[name], name, search=search, sampler="grid", trials=2 * most, folds=FOLDS,
        store=str(store), drop=set(TARGETS.values()) - {TARGETS[name]}, progress=False,
    )  # fmt: skip


def search(train: Any, held_out: Any, k: int) -> Any:
    """Find the nearest training rows of every held-out row as scikit-learn does."""
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k).fit(train.X).kneighbors(held_out.X)
