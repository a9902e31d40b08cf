"""Ten gigabytes through one gigabyte: peak resident memory of a study in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.table import Row, at_most, number
from benchmarks.workshop import D, Workshop

PARTS = 5
CHILD = """
import json, pathlib, sys, hpo
data, store, journal = sys.argv[1:]
result = hpo.tune(data, "y", ["ridge", "elastic_net"], trials=200, folds=5, name="big", store=store,
                  storage=journal, progress=False)
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print(json.dumps({"peak": 1024 * peak, "rows": result.cost.rows_read, "seconds": result.cost.seconds_pass}))
"""


def memory_rows(shop: Workshop) -> list[Row]:
    """Compare the peak memory of a study with the size of its data, uncompressed."""
    folder = shop.fresh("big")
    folder.mkdir()
    each = shop.big_rows // PARTS
    for i in range(PARTS):
        made = shop.file(f"part-{i}", each, 100 + i, coarse=True)
        (folder / made.name).hardlink_to(made)
    store, journal = shop.fresh("store"), shop.fresh("journal")
    found = run_child(folder, store, journal)
    shop.remove(store)
    shop.remove(journal)
    shop.remove(folder)
    assert found["rows"] == PARTS * each, f"{found['rows']} rows were read"
    size = 4 * (D + 1) * found["rows"]
    return [
        Row(
            f"peak resident memory, study of {size / 1e9:.1f} GB in Parquet, in GB",
            f"{found['peak'] / 1e9:.2f} GB", f"{size / 1e9:.1f} GB", found["peak"] / 1e9, at_most(1.0),
            f"the ratio column holds ours in GB; the pass took {number(found['seconds'])} s",
        )
    ]  # fmt: skip


def run_child(data: Path, store: Path, journal: Path) -> dict[str, float]:
    """Run the study in a new process and return its peak memory, rows and seconds."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(data), str(store), str(journal)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
