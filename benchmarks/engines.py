"""The pass on workers: what an engine costs over a thread, and what a second worker brings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from distributed import Client

from benchmarks.measure import Rounds, Sample, await_quiet, measure
from benchmarks.questions import read_states
from benchmarks.table import Row, at_least, at_most, seconds
from benchmarks.workshop import Workshop
from hpo.process.engine import Engine

SEGMENTS, FILES = 1000, 8
"""Segments of the pass, and files that they are copies of by name."""

ROWS = 60_000
"""Rows of a segment: its leaf takes about 45 ms."""

REPEATS = 3


def engine_rows(shop: Workshop) -> list[Row]:
    """Compare one worker with a thread, and two workers with one."""
    folder = shop.fresh("segments")
    folder.mkdir()
    segments = min(SEGMENTS, max(FILES, shop.rows // 2_000))
    made = [shop.file(f"segment-{i}", min(ROWS, 3 * shop.rows // 100), seed=i) for i in range(FILES)]
    for i in range(segments):
        (folder / f"{i:04d}.parquet").hardlink_to(made[i % FILES])
    with workers(1) as one, workers(2) as two:
        passes = {"thread": None, "one": one, "two": two}
        samples: dict[str, list[Sample]] = {name: [] for name in passes}
        for client in (one, two):  # workers load the package once
            _read(shop, made[0], client)
        for _ in range(min(REPEATS, shop.repeats)):
            for name, client in passes.items():
                await_quiet(shop.patience)
                samples[name].append(_read(shop, folder, client))
    found = Rounds({name: tuple(some) for name, some in samples.items()})
    shop.remove(folder)
    return [_overhead(found, segments), _second(found)]


def _overhead(found: Rounds, segments: int) -> Row:
    return Row(
        f"pass of {segments:,} segments on one one-thread Dask worker vs one thread",
        seconds(found.wall("one")), seconds(found.wall("thread")), found.ratio("one", "thread"), at_most(1.05),
        f"processor time of all processes ratio {found.cpu_ratio('one', 'thread'):.3f}", found.others,
    )  # fmt: skip


def _second(found: Rounds) -> Row:
    return Row(
        "the same on two one-thread Dask workers vs one",
        seconds(found.wall("two")), seconds(found.wall("one")), found.ratio("one", "two"), at_least(1.8),
        "scheduler, merging and both workers share the cores; processor time ratio "
        f"{found.cpu_ratio('one', 'two'):.3f}", found.others,
    )  # fmt: skip


def _read(shop: Workshop, folder: Path, client: Client | None) -> Sample:
    """Time a pass in a thread, or on workers, whose processor time is its own."""
    store = shop.fresh("store")
    engine = Engine(n_jobs=1) if client is None else Engine(client=client)
    before = _used(client)
    sample = measure(partial(read_states, folder, store, engine=engine))
    used, cores = _used(client) - before, os.cpu_count() or 1
    shop.remove(store)
    others = max(0.0, sample.others - used / (sample.wall * cores))
    return Sample(sample.wall, sample.cpu + used, others)


def _used(client: Client | None) -> float:
    """Return the processor seconds of the workers and the scheduler of a client."""
    if client is None:
        return 0.0
    processes = [*client.run(os.getpid).values(), client.run_on_scheduler(os.getpid)]
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in processes)


@contextmanager
def workers(number: int) -> Iterator[Client]:
    """Start a scheduler and so many workers of one thread, each a process."""
    with TemporaryDirectory() as place:
        file = str(Path(place) / "scheduler.json")
        run: Callable[..., subprocess.Popen[bytes]] = partial(
            subprocess.Popen, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
        )
        dask = [sys.executable, "-m"]
        started = [run([*dask, "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard",
                        "--scheduler-file", file])]  # fmt: skip
        worker = [*dask, "distributed.cli.dask_worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny",
                  "--no-dashboard"]  # fmt: skip
        started += [run(worker) for _ in range(number)]
        try:
            with Client(scheduler_file=file, set_as_default=False, timeout=60) as client:
                client.wait_for_workers(number, timeout=60)
                yield client
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait(30)
