"""A pack of linear models against one model: what the others cost when they share every mini-batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from algorithms.contract import Batch, Column, Shape
from algorithms.summaries.packed import PackedClassifiers
from benchmarks.measure import alternate
from benchmarks.table import Row, at_most, seconds
from benchmarks.workshop import Workshop, in_memory
from hpo.process.threads import one_thread

ALPHAS = "1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1"
RATES = "0.01, 0.03, 0.1, 0.3"
ROWS = 200_000


def packing_rows(shop: Workshop) -> list[Row]:
    """Compare the updates of a pack of 32 models with those of one, on the same rows."""
    X, y = in_memory(min(shop.rows, ROWS))
    shape = Shape(
        tuple(Column(f"x{j}", f"x{j}") for j in range(X.shape[1])), ("y",), (False, True), "float32"
    )
    rows = np.asfortranarray(np.column_stack([X, (y > np.median(y)).astype(np.float32)]))
    batch = Batch(
        rows, X.shape[1], priority=np.random.default_rng(0).permutation(len(rows)).astype(np.uint64)
    )
    packs = {
        "one": PackedClassifiers(losses="log_loss", alphas="1e-4", l1_ratios="0", eta0s="0.1", epochs=1),
        "many": PackedClassifiers(losses="log_loss", alphas=ALPHAS, l1_ratios="0", eta0s=RATES, epochs=1),
    }
    ready = {name: pack.knowing(pack.learn(shape, batch)) for name, pack in packs.items()}

    def trained(name: str) -> Any:
        with one_thread():
            return ready[name].update(ready[name].init(shape), batch)

    found = alternate(
        {"one": lambda: trained("one"), "many": lambda: trained("many")}, shop.repeats, shop.patience
    )
    return [
        Row(
            f"{len(ready['many'].pack)} packed models vs one, {len(rows):,} rows",
            seconds(found.wall("many")), seconds(found.wall("one")), found.ratio("many", "one"), at_most(4.0), "",
            found.others,
        )
    ]  # fmt: skip
