"""Many small files, one more beside thousands, and one large CSV file; beside Arrow's own reading of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

import hpo
from benchmarks.measure import Rounds, Sample, alternate, await_quiet, measure
from benchmarks.table import Row, Target, at_least, at_most, seconds
from benchmarks.workshop import TARGET, Workshop

COUNTS, ROWS, COLUMNS = (10, 100, 1_000, 5_000), 1_000, 8
CSV_BYTES = 200_000_000
BESIDE, ADDED = 2.0, 0.5
"""Milliseconds of a file beside Arrow's reading of it; seconds in which a study of one more file is answered."""


def file_rows(shop: Workshop, *, few: bool) -> list[Row]:
    """Compare studies of many files, and of a CSV file, with reading them."""
    counts: Sequence[int] = (4, 40) if few else COUNTS
    folder = shop.fresh("small-files")
    made = _files(folder, counts[-1] + 1)
    rows = [row for count in counts for row in _many(shop, made[:count], both=count == counts[-2])]
    rows.append(_one_more(shop, made))
    shop.remove(folder)
    return [*rows, *_csv(shop, 20_000 if few else CSV_BYTES)]


def _files(folder: Path, count: int) -> list[Path]:
    """Write files of 1,000 rows."""
    folder.mkdir()
    made = [folder / f"{i:05d}.parquet" for i in range(count)]
    for i, path in enumerate(made):
        pq.write_table(_table(ROWS, seed=i), path)
    return made


def _table(rows: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, COLUMNS)).round(6)
    y = (X.sum(axis=1) + rng.normal(size=rows)).round(6)
    return pa.table({**{f"x{j}": X[:, j] for j in range(COLUMNS)}, TARGET: y})


def _linked(shop: Workshop, files: Sequence[Path]) -> Path:
    """Return a directory of some files."""
    folder = shop.fresh("linked")
    folder.mkdir()
    for path in files:
        (folder / path.name).hardlink_to(path)
    return folder


def _study(data: Path, store: Path, threads: int | None) -> int:
    """Tune ridge, and return how many rows were read."""
    found = hpo.tune(
        data, TARGET, "ridge", trials=10, folds=5, progress=False, store=store, n_jobs=threads
    )
    return found.cost.rows_read


def _cold(shop: Workshop, data: Path, threads: int) -> Callable[[], None]:
    def run() -> None:
        store = shop.fresh("store")
        _study(data, store, threads)
        shop.remove(store)

    return run


def _many(shop: Workshop, files: Sequence[Path], *, both: bool) -> list[Row]:
    folder = _linked(shop, files)

    def arrow() -> None:
        for path in files:
            pq.read_table(path, use_threads=False)

    calls = {"ours": _cold(shop, folder, 1), "theirs": arrow}
    if both:
        calls["two"] = _cold(shop, folder, 2)
    _study(folder, store := shop.fresh("store"), 1), arrow()
    shop.remove(store)
    found = alternate(calls, min(3, shop.repeats), shop.patience)
    shop.remove(folder)
    each = {name: 1e3 * found.wall(name) / len(files) for name in calls}
    what = f"ridge of {len(files):,} files of {ROWS:,} rows"
    rows = [
        Row(f"{what}: milliseconds a file beside Arrow's", f"{each['ours']:.2f} ms", f"{each['theirs']:.2f} ms",
            max(0.0, each["ours"] - each["theirs"]), at_most(BESIDE) if len(files) >= 100 else None,
            f"processor time {1e3 * found.cpu('ours') / len(files):.2f} ms a file, Arrow's "
            f"{1e3 * found.cpu('theirs') / len(files):.2f} ms", found.others),
    ]  # fmt: skip
    if both:
        rows.append(_gain(f"{what}, 2 threads vs 1", found, None))
    return rows


def _one_more(shop: Workshop, files: Sequence[Path]) -> Row:
    folder, more = _linked(shop, files[:-1]), files[-1]
    known = shop.fresh("store")
    for _ in range(2):  # files that were made just now are remembered at the second time
        _study(folder, known, None)
    samples: list[Sample] = []
    (folder / more.name).hardlink_to(more)
    for _ in range(min(3, shop.repeats)):
        store = shop.fresh("store")
        shutil.copytree(known, store)
        await_quiet(shop.patience)
        samples.append(measure(lambda store=store: _check_one(_study(folder, store, None))))  # type: ignore[misc]
        shop.remove(store)
    found = Rounds({"ours": samples})
    shop.remove(known), shop.remove(folder)
    return Row(
        f"ridge of {len(files) - 1:,} known files and one more", seconds(found.wall("ours")), "one file to read",
        found.wall("ours"), at_most(ADDED), f"processor time {seconds(found.cpu('ours'))}", found.others,
    )  # fmt: skip


def _check_one(rows: int) -> None:
    assert rows == ROWS, f"{rows} rows were read where {ROWS} are new"


def _csv(shop: Workshop, nbytes: int) -> list[Row]:
    path = shop.fresh("large").with_suffix(".csv")
    part = _table(20_000 if nbytes > 1_000_000 else 100, seed=0)
    with pa_csv.CSVWriter(path, part.schema) as writer:
        while path.stat().st_size < nbytes:
            writer.write(part)
    pa.set_cpu_count(os.cpu_count() or 1)
    one = pa_csv.ReadOptions(use_threads=False)
    calls = {
        "ours": _cold(shop, path, 1),
        "theirs": lambda: pa_csv.read_csv(path, read_options=one),
        "two": _cold(shop, path, 2),
        "their two": lambda: pa_csv.read_csv(path),
    }
    for call in calls.values():
        call()
    found = alternate(calls, min(3, shop.repeats), shop.patience)
    shop.remove(path)
    what = f"ridge of one CSV file of {nbytes // 1_000_000} MB"
    return [
        Row(f"{what}, 1 thread, vs pyarrow's read_csv on one", seconds(found.wall("ours")),
            seconds(found.wall("theirs")), found.ratio("ours", "theirs"), at_most(1.5),
            f"processor time ratio {found.cpu_ratio('ours', 'theirs'):.2f}", found.others),
        Row(f"{what}, 2 threads, vs read_csv with as many as it likes", seconds(found.wall("two")),
            seconds(found.wall("their two")), found.ratio("two", "their two"), None, "", found.others),
        _gain(f"{what}, 2 threads vs 1", found, at_least(1.5)),
    ]  # fmt: skip


def _gain(what: str, found: Rounds, target: Target | None) -> Row:
    return Row(
        what, seconds(found.wall("two")), seconds(found.wall("ours")), found.ratio("ours", "two"), target, "",
        found.others,
    )  # fmt: skip
