"""The pass against its floor, and two threads against one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.measure import Rounds, alternate
from benchmarks.questions import read_states
from benchmarks.table import Row, at_least, at_most, seconds
from benchmarks.workshop import Workshop
from hpo.data.dataset import BATCH_ROWS
from hpo.data.sources.parquet import _BUFFER as BUFFER


def pass_rows(shop: Workshop) -> list[Row]:
    """Compare the pass with decode and products alone, on one thread and on two."""
    path = shop.main_file()
    store = shop.fresh("store")

    def ours(threads: int) -> None:
        shop.remove(store)
        read_states(path, store, threads)

    calls = {
        "floor": lambda: floor(path, 1),
        "one": lambda: ours(1),
        "floor two": lambda: floor(path, 2),
        "two": lambda: ours(2),
    }
    found = alternate(calls, shop.repeats, shop.patience)
    shop.remove(store)
    return [_against_floor(found), _threads(found), _against_two(found)]


def floor(path: Path, threads: int) -> NDArray[np.float64]:
    """Return the raw products of a file: Arrow's decode with the pass's settings, and nothing else."""
    groups = range(pq.ParquetFile(path).num_row_groups)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        parts = [list(groups[i::threads]) for i in range(threads)]
        products: NDArray[np.float64] = np.sum(
            list(pool.map(lambda part: _products(path, part), parts)), axis=0
        )
    return products


def _products(path: Path, groups: list[int]) -> NDArray[np.float64]:
    with path.open("rb") as stream:
        file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=BUFFER)
        p = file.metadata.num_columns
        total, room = np.zeros((p, p)), np.empty(BATCH_ROWS * p, np.float32)
        for batch in file.iter_batches(BATCH_ROWS, groups, use_threads=False):
            values = room[: batch.num_rows * p].reshape((-1, p), order="F")
            for j, column in enumerate(batch.columns):
                values[:, j] = column.to_numpy()
            total += values.T @ values
    return total


def _against_floor(found: Rounds) -> Row:
    return Row(
        "pass, 1 thread, vs decode + products", seconds(found.wall("one")), seconds(found.wall("floor")),
        found.ratio("one", "floor"), at_most(1.5),
        f"processor time ratio {found.cpu_ratio('one', 'floor'):.2f}", found.others,
    )  # fmt: skip


def _threads(found: Rounds) -> Row:
    return Row(
        "pass, 2 threads vs 1", seconds(found.wall("two")), seconds(found.wall("one")),
        found.ratio("one", "two"), at_least(1.7),
        f"the floor itself gains {found.ratio('floor', 'floor two'):.2f}", found.others,
    )  # fmt: skip


def _against_two(found: Rounds) -> Row:
    return Row(
        "pass, 2 threads, vs decode + products on 2", seconds(found.wall("two")),
        seconds(found.wall("floor two")), found.ratio("two", "floor two"), None,
        f"processor time ratio {found.cpu_ratio('two', 'floor two'):.2f}", found.others,
    )  # fmt: skip
