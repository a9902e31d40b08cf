"""``python -m benchmarks.simulated``: a pass on up to 1,000 workers and 100 TB, from times that are measured here.

What one segment takes to read, to publish, to load and to merge is measured on this machine: the steps of the pass,
one by one. An event simulation then runs the protocol of ``hpo/states/elsewhere.py``: the driver hands tasks out,
workers make and publish leaves through a store of some bandwidth and latency, the driver loads leaves in the order
of segments and merges them, alone; of states too large to be kept merged by the driver, workers merge runs
of neighbours when all leaves are made, and the driver these. What is not measured is said where it is set: the
network, and the bucket.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hpo.api import question_of
from hpo.process.progress import Progress
from hpo.states.contexts import make_pass, pilot_of
from hpo.states.runs import LENGTH, empty_leaf, merged
from state_store import Key, StateStore
from studies.spec.spec import StudySpec, build

SEGMENT = 128 << 20
"""Stored bytes of a segment: a row group, or a block of text."""

TASK = 0.004
"""Seconds that a scheduler takes to hand one task out and to hear that it is done (Dask: 1 to 4 ms)."""

LATENCY, WIDE = 0.03, 10e9 / 8
"""Seconds to the first byte from a bucket, and bytes in a second that the driver's network carries (10 Gbit)."""


@dataclass(frozen=True)
class Times:
    """Seconds of one segment, by step, and the bytes of its leaf.

    Attributes
    ----------
    read : making the leaf, on one core; publish : writing it.
    load, merge : reading it again, and adding it to the others; what the driver does.
    leaf : bytes.
    """

    read: float
    publish: float
    load: float
    merge: float
    leaf: int


def timed(work: Callable[[], object], times: int = 5) -> float:
    """Return the least of some wall times."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def measured(columns: int, rows: int, folder: Path) -> Times:
    """Return what a segment of so many columns takes, by one of ``rows`` rows: its reading grows with its bytes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, columns)).astype(np.float32)
    made = pd.DataFrame(x, columns=[f"x{j}" for j in range(columns)])
    made.assign(y=made["x0"] + rng.normal(size=rows)).to_parquet(folder / "a.parquet")
    spec: StudySpec = build({"data": str(folder / "a.parquet"), "target": "y", "algorithm": "ridge"})
    question = question_of(spec.but(store=str(folder / "store")))
    one_pass = make_pass(question, pilot_of(question))
    (summary,) = one_pass.contexts
    segment = one_pass.dataset.segments[0]
    leaf = one_pass.beginning(segment, rows, Progress(), prefetch=False)[summary]
    read = timed(lambda: one_pass.beginning(segment, rows, Progress(), prefetch=False), 3)
    store, key = StateStore(folder / "leaves"), Key(one_pass.contexts[summary], "0" * 32)
    publish = timed(lambda: store.put(key, leaf))
    like, ready = empty_leaf(summary, one_pass.pilot), one_pass.pilot.ready(summary)
    load = timed(lambda: store.get(key, like))
    merge = timed(lambda: merged(ready, leaf.cells, leaf.cells))
    return Times(read * SEGMENT / segment.nbytes, publish, load, merge, store.total_bytes)


def simulated(times: Times, segments: int, workers: int, *, runs: bool = False) -> dict[str, float]:
    """Return the seconds of a pass, and the share of them that the driver and the workers work.

    Parameters
    ----------
    times : of a segment.
    segments, workers : how many.
    runs : whether workers merge runs, and the driver what comes of these; else the driver merges all leaves.
    """
    each = times.read + 2 * LATENCY + times.publish + times.leaf / WIDE
    done = handed_out([each] * segments, workers, 0.0)
    worked = segments * each
    if runs:
        ends = np.flatnonzero(np.random.default_rng(0).random(segments) < 1 / LENGTH)
        lengths = np.diff(ends, prepend=-1, append=segments - 1)
        one = times.load + times.merge + times.leaf / WIDE + LATENCY / 8
        took = [length * one + times.publish + LATENCY for length in lengths.tolist()]
        done = handed_out(took, workers, max(done))
        worked += sum(took)
    driver = ready = 0.0
    own = times.load + times.merge + times.leaf / WIDE + LATENCY / 8  # eight are asked for at once
    for end in done:
        ready = max(ready, end)
        driver = max(ready, driver) + own
    whole = max(driver, *done)
    return {"seconds": whole, "driver": len(done) * own / whole, "workers": worked / workers / whole}


def handed_out(took: Sequence[float], workers: int, began: float) -> list[float]:
    """Return when each of some tasks is done, which are handed out in their order from a moment on."""
    free = [began] * workers
    heapq.heapify(free)
    done, handed = [], began
    for seconds in took:
        handed += TASK  # the scheduler is one thread
        done.append(max(heapq.heappop(free), handed) + seconds)
        heapq.heappush(free, done[-1])
    return done


def main() -> None:
    """Measure, simulate, print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--terabytes", type=float, default=100.0)
    parser.add_argument("--rows", type=int, default=200_000)
    asked = parser.parse_args()
    segments = int(asked.terabytes * 1e12 / SEGMENT)
    for columns in (50, 500):
        with tempfile.TemporaryDirectory() as folder:
            rows = asked.rows * 50 // columns
            times = measured(columns, rows, Path(folder))
        print(f"{columns} columns, {segments:,} segments of 128 MiB, {asked.terabytes:g} TB: {times}")
        alone = segments * (times.read + times.publish)
        for workers in (1, 10, 100, 300, 1000):
            for runs in (False, True):
                found = simulated(times, segments, workers, runs=runs)
                print(
                    f"  {workers:>5,} workers, {'merged in runs' if runs else 'driver merges':14} "
                    f"{found['seconds'] / 3600:9.2f} h  speedup {alone / found['seconds']:7.1f}  "
                    f"driver busy {found['driver']:4.0%}  workers busy {found['workers']:4.0%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
