"""Data that grows: one more file beside twenty known ones."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.measure import Rounds, Sample, await_quiet, measure
from benchmarks.questions import read_states
from benchmarks.table import Row, at_most, seconds
from benchmarks.workshop import Workshop

FILES = 20


def growth_rows(shop: Workshop) -> list[Row]:
    """Compare reading the twenty-first file with reading the first twenty."""
    folder = shop.fresh("growing")
    folder.mkdir()
    each = shop.rows // FILES
    made = [shop.file(f"growing-{i:02d}", each, seed=i) for i in range(FILES + 1)]
    for path in made[:-1]:
        (folder / path.name).hardlink_to(path)
    rows = [_row(shop, folder, made[-1], threads) for threads in (os.cpu_count() or 1, 1)]
    shop.remove(folder)
    return rows


def _row(shop: Workshop, folder: Path, more: Path, threads: int) -> Row:
    full, added = zip(*(_grow(shop, folder, more, threads) for _ in range(shop.repeats)), strict=True)
    found = Rounds({"full": full, "added": added})
    return Row(
        f"1 new file of {FILES + 1} vs the full pass of {FILES}, {threads} threads",
        seconds(found.wall("added")), seconds(found.wall("full")), found.ratio("added", "full"), at_most(0.1),
        f"opening, store and merges included; processor time ratio {found.cpu_ratio('added', 'full'):.3f}",
        found.others,
    )  # fmt: skip


def _grow(shop: Workshop, folder: Path, more: Path, threads: int) -> tuple[Sample, Sample]:
    """Time the pass over a folder, and that over the folder with one file more."""
    store, link = shop.fresh("store"), folder / more.name
    await_quiet(shop.patience)
    full = measure(lambda: read_states(folder, store, threads))
    link.hardlink_to(more)
    added = measure(lambda: _read_one(folder, store, threads))
    link.unlink()
    shop.remove(store)
    return full, added


def _read_one(folder: Path, store: Path, threads: int) -> None:
    built = read_states(folder, store, threads).result.states_built
    assert built == 1, f"{built} segments were read where one is new"
