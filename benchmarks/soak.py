"""``make soak``: ingest, watch, tuning and readers side by side; memory, descriptors and store stay flat.

Rows go into a stream, files come to a watched directory and leave it, one process tunes both over and over, another
opens the results, predicts and writes reports. Every two seconds the memory and the descriptors of each process are
noted, the bytes of the store and those of the record of studies. At the end the middle third is compared with the
last: what has grown is shown, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import psutil

import hpo

LIMIT = 1 << 20
"""Bytes of the store: HPO_STORE_LIMIT."""

FILES, ROWS, STREAMED = 12, 20_000, 2_000
"""Files of the watched directory, their rows, and rows of a batch of the stream."""

MORE_MEMORY, MORE_BYTES, MORE_DESCRIPTORS = 0.08, 16 << 20, 4
"""What may be added from the middle third to the last: a share of the memory, bytes of it, and descriptors."""

STUDIES = {
    "daily": "data: in/*.parquet\ntarget: y\nalgorithm: [ridge, lasso]\ntrials: 10\n",
    "clicks": "data: stream:clicks\ntarget: y\nalgorithm: [ridge]\nhalf_life: 500000\ntrials: 20\n",
}


def rows(number: int, count: int) -> pd.DataFrame:
    """Return some rows, other ones for each number."""
    rng = np.random.default_rng(number)
    made = pd.DataFrame(rng.normal(size=(count, 6)), columns=list("abcdef"))
    return made.assign(k=rng.choice(list("uvw"), count), y=made["a"] - made["b"] + rng.normal(size=count))


def feed(pipe: IO[bytes], stop: threading.Event) -> None:
    """Write CSV into a pipe until it is time to stop."""
    pipe.write(",".join(rows(0, 1).columns).encode() + b"\n")
    number = 0
    while not stop.wait(0.25):
        text = io.StringIO()
        rows(number, STREAMED).to_csv(text, index=False, header=False)
        pipe.write(text.getvalue().encode())
        pipe.flush()
        number += 1
    pipe.close()


def arrive(stop: threading.Event, every: float) -> None:
    """Let a file come and the oldest one leave."""
    number = 0
    while not stop.is_set():
        part = Path(f"in/.{number:05d}.part")
        rows(number, ROWS).to_parquet(part)
        part.rename(f"in/{number:05d}.parquet")
        for old in sorted(Path("in").glob("*.parquet"))[:-FILES]:
            old.unlink()
        number += 1
        if number >= FILES:
            stop.wait(every)


def tune_on() -> None:
    """Tune what the stream holds, and a table in memory, over and over."""
    table, number = rows(1, 5_000), 0
    while True:
        hpo.Stream("clicks").tune(trials=20, progress=False)
        hpo.tune(table, "y", ["ridge", "lasso"], trials=20, seed=number % 5, progress=False)
        number += 1


def read_on() -> None:
    """Open the current edition, predict and write a report, over and over."""
    while True:
        try:
            result = hpo.load("daily")
            result.predict(rows(2, 1_000))
            hpo.write_report(result, "report.html")
        except Exception as error:  # noqa: BLE001 - no edition yet, or one that begins: said in the log, tried again
            print(f"{type(error).__name__}: {error}", flush=True)
            time.sleep(1.0)


ROLES: Mapping[str, Callable[[], None]] = {"tuner": tune_on, "reader": read_on}


@dataclass
class Series:
    """What was noted of one thing."""

    name: str
    values: list[float] = field(default_factory=list)

    def thirds(self) -> tuple[float, float]:
        """Return the medians of the middle third and of the last."""
        n = len(self.values)
        return statistics.median(self.values[n // 3 : 2 * n // 3]), statistics.median(self.values[2 * n // 3 :])


def bytes_of(folder: Path) -> float:
    """Return the bytes of the files of a folder; those that go meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return float(total)


def grown(series: Series) -> str:
    """Return why something is not flat; empty where it is."""
    before, after = series.thirds()
    if series.name.endswith("descriptors"):
        allowed = before + MORE_DESCRIPTORS
    elif series.name == "store":
        allowed = LIMIT * 1.25
    else:
        allowed = before * (1.0 + MORE_MEMORY) + MORE_BYTES
    return "" if after <= allowed else f"{series.name} grew from {before:,.0f} to {after:,.0f}"


def watched(processes: Mapping[str, subprocess.Popen[bytes]], home: Path, until: float) -> list[Series]:
    """Note what the processes hold, until then; RuntimeError where one ends, with what it said last."""
    names = [f"{name} {what}" for name in processes for what in ("memory", "descriptors")]
    series = {name: Series(name) for name in [*names, "store", "studies"]}
    known = {name: psutil.Process(p.pid) for name, p in processes.items()}
    while time.monotonic() < until:
        time.sleep(2.0)
        for name, process in known.items():
            if (code := processes[name].poll()) is not None:
                said = "\n".join(Path(f"{name}.log").read_text().splitlines()[-8:])
                raise RuntimeError(f"the {name} ended with status {code}: {said}")
            series[f"{name} memory"].values.append(process.memory_info().rss)
            series[f"{name} descriptors"].values.append(process.num_fds())
        series["store"].values.append(bytes_of(home / "store"))
        series["studies"].values.append(bytes_of(home) - series["store"].values[-1])
    return list(series.values())


def soak(minutes: float, home: Path) -> int:
    """Run everything for so long; return the exit status."""
    os.chdir(home)
    Path("in").mkdir()
    for name, text in STUDIES.items():
        Path(f"{name}.yaml").write_text(f"name: {name}\n{text}")
    env = {**os.environ, "HPO_HOME": str(home / "hpo"), "HPO_STORE_LIMIT": str(LIMIT)}
    (home / "hpo").mkdir()
    command = [sys.executable, "-m", "hpo.cli"]
    commands = {
        "ingest": [*command, "ingest", "clicks.yaml", "--every", "50000", "--seconds", "5", "--pilot-rows", "4000"],
        "watch": [*command, "watch", "daily.yaml", "--every", "1s"],
        **{role: [sys.executable, __file__, "--role", role] for role in ROLES},
    }
    stop, processes = threading.Event(), dict[str, subprocess.Popen[bytes]]()
    others = [threading.Thread(target=arrive, args=(stop, 3.0), daemon=True)]
    others[0].start()
    try:
        for name, args in commands.items():
            pipe = subprocess.PIPE if name == "ingest" else subprocess.DEVNULL
            with Path(f"{name}.log").open("wb") as log:
                processes[name] = subprocess.Popen(args, stdin=pipe, stdout=log, stderr=log, env=env)
            if name == "ingest":
                others.append(threading.Thread(target=feed, args=(processes[name].stdin, stop), daemon=True))
                others[-1].start()
                time.sleep(10.0)  # the stream begins
        found = watched(processes, home / "hpo", time.monotonic() + 60.0 * minutes)
    finally:
        stop.set()
        for process in processes.values():
            process.kill()
            process.wait()
    os.environ.update(env)
    editions = len(Path("watch.log").read_text().splitlines())
    rows_taken = hpo.Stream("clicks").position
    print(f"{rows_taken:,} rows of the stream are published; the log of the watch has {editions} lines")
    failed = Path("reader.log").read_text().splitlines()
    print(f"the reader tried again {len(failed)} times{': ' + failed[-1] if failed else ''}")
    return report(found)


def report(found: Sequence[Series]) -> int:
    """Print what was noted; return the exit status."""
    for series in found:
        before, after = series.thirds()
        scale, unit = (1.0, "") if series.name.endswith("descriptors") else (2.0**20, " MiB")
        first = series.values[0] / scale
        numbers = zip(("first", "middle", "last"), (first, before / scale, after / scale), strict=True)
        print(f"{series.name:20}", *(f"{third} {number:9.1f}{unit} " for third, number in numbers))
    faults = [why for series in found if (why := grown(series))]
    print("\n".join(faults) or "flat")
    return 1 if faults else 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--role", choices=sorted(ROLES), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.role:
        ROLES[asked.role]()
    with tempfile.TemporaryDirectory() as folder:
        return soak(asked.minutes, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
