"""``python -m benchmarks.limited``: what a limit of 2 GB of address space (``ulimit -v``) leaves of a study, beside
scikit-learn on the same files; and a stream made on the fly, whose memory and state stay as they are."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LIMIT, COLUMNS, FILES = 2 << 30, 50, 8

OURS = """
import sys, hpo
result = hpo.tune(sys.argv[1], "y", "ridge", trials=20, store=sys.argv[2], progress=False)
print(f"{result.cost.rows_read:,} rows, R2 {result.best_value:.6f}, pass {result.cost.seconds_pass:.1f} s")
"""
THEIRS = """
import sys, numpy as np, pandas as pd
from sklearn.linear_model import RidgeCV
table = pd.read_parquet(sys.argv[1])
X, y = table.drop(columns="y"), table["y"]
model = RidgeCV(np.geomspace(1e-3, 1e6, 20), cv=5).fit(X, y)
print(f"{len(y):,} rows, R2 {model.best_score_:.6f}")
"""
STREAM = """
import sys, time, numpy as np, pyarrow as pa, psutil, hpo
from hpo.process.memory import peak_memory
from hpo.process.settings import open_store
rng, columns, gigabytes, each = np.random.default_rng(0), 50, float(sys.argv[1]), 65_536
store, pool = open_store(sys.argv[2]), []
for i in range(8):
    x = rng.normal(size=(each, columns)).astype(np.float32)
    y = x[:, 0] - x[:, 1] + rng.normal(size=each).astype(np.float32)
    pool.append(pa.table({**{f"x{j}": x[:, j] for j in range(columns)}, "y": y}))
stream = hpo.Stream("endless", target="y", algorithm="ridge", store=sys.argv[2], every=10_000_000, seconds=1e9)
began, shown, sent = time.perf_counter(), 65_536, 0
while sent * 4 * (columns + 1) < gigabytes * 1e9:
    stream.update(pool[sent // each % 8])
    sent += each
    if sent >= shown:
        stream.publish()
        state, rss = store.total_bytes, psutil.Process().memory_info().rss
        print(f"{sent:>13,} rows  {sent * 4 * (columns + 1) / 1e9:7.2f} GB  memory {rss / 1e6:6.0f} MB  "
              f"store {state / 1e6:5.2f} MB  {time.perf_counter() - began:6.1f} s", flush=True)
        shown *= 4
stream.close()
result = hpo.Stream("endless", store=sys.argv[2]).tune(trials=20, progress=False)
peak = peak_memory()
print(f"{sent:>13,} rows  {sent * 4 * (columns + 1) / 1e9:7.2f} GB  peak {peak / 1e6:.0f} MB  "
      f"{time.perf_counter() - began:.1f} s  R2 {result.best_value:.6f}")
"""


def write(folder: Path, rows: int) -> None:
    """Write float64 rows into files of Parquet."""
    for i in range(FILES):
        rng = np.random.default_rng(i)
        x = rng.normal(size=(rows // FILES, COLUMNS))
        y = x[:, 0] - x[:, 1] + rng.normal(size=len(x))
        table = pa.table({**{f"x{j}": x[:, j] for j in range(COLUMNS)}, "y": y})
        file = folder / f"{i}.parquet"
        pq.write_table(table, file, row_group_size=100_000, compression="none", use_dictionary=False)


def limited(script: str, *args: str, limit: int | None = LIMIT) -> str:
    """Run a script in a process that may take so much memory; return what it says last."""
    narrow = None if limit is None else partial(resource.setrlimit, resource.RLIMIT_AS, (limit, limit))
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    done = subprocess.run(
        [sys.executable, "-c", script, *args],
        check=False, capture_output=True, text=True, preexec_fn=narrow, env=env,
    )  # fmt: skip
    text = (done.stdout if done.returncode == 0 else done.stderr).strip()
    last = text.splitlines()[-1] if text else "nothing"
    return last if done.returncode == 0 else f"ended with status {done.returncode}: {last}"


def main() -> None:
    """Write the files, run both under the limit, then the stream."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000, help="of the files, 408 bytes each")
    parser.add_argument("--stream-gb", type=float, default=20.0, help="of the stream, as float32")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "in")
        data.mkdir()
        write(data, asked.rows)
        size = sum(file.stat().st_size for file in data.iterdir())
        print(f"{asked.rows:,} rows of {COLUMNS} columns, {size / 1e9:.2f} GB in Parquet, ulimit -v {LIMIT >> 10}")
        print("  onepass-hpo: ", limited(OURS, str(data), str(Path(folder, "store"))), flush=True)
        print("  scikit-learn:", limited(THEIRS, str(data)), flush=True)
        print(f"a stream of {asked.stream_gb:g} GB, made on the fly", flush=True)
        subprocess.run([sys.executable, "-c", STREAM, str(asked.stream_gb), str(Path(folder, "s"))], check=True)


if __name__ == "__main__":
    main()
