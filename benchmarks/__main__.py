"""``python -m benchmarks``: measure, print one table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.catalogue import PARTS
from benchmarks.table import Row, as_json, as_text
from benchmarks.workshop import Workshop

PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "pyarrow", "optuna")


def main(arguments: list[str] | None = None) -> int:
    """Run the parts asked for; return 0 if every target is reached, 1 if not."""
    options = parser().parse_args(arguments)
    if options.data:
        options.data.mkdir(parents=True, exist_ok=True)
        rows = run(options, options.data)
    else:
        with tempfile.TemporaryDirectory(prefix="onepass-benchmarks-") as folder:
            rows = run(options, Path(folder))
    print(as_json(rows, machine()) if options.json else f"{as_text(rows)}\n\n{describe(rows)}")
    return 0 if all(row.reached is not False for row in rows) else 1


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    made.add_argument("--only", action="append", choices=list(PARTS), help="run this part (repeatable)")
    made.add_argument("--rows", type=int, default=2_000_000, help="rows of the main data set")
    made.add_argument("--tree-rows", type=int, default=20_000, help="flights of part 'trees'")
    made.add_argument(
        "--big-rows", type=int, default=50_000_000, help="rows of the data set of part 'memory'"
    )
    made.add_argument("--repeats", type=int, default=7, help="repetitions of what is quick")
    made.add_argument(
        "--patience", type=float, default=0.0, help="seconds to wait for a quiet machine each time"
    )
    made.add_argument(
        "--data", type=Path, help="keep data here and use it again (default: a temporary directory)"
    )
    made.add_argument("--json", action="store_true", help="print JSON")
    return made


def run(options: argparse.Namespace, folder: Path) -> list[Row]:
    """Run the parts asked for in a folder."""
    shop = Workshop(folder, options.rows, options.repeats, options.patience, big_rows=options.big_rows,
                    tree_rows=options.tree_rows)  # fmt: skip
    rows: list[Row] = []
    for name in options.only or PARTS:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows += PARTS[name](shop)
    return rows


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    found = {name: version(name) for name in PACKAGES}
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
        **found,
    }


def describe(rows: list[Row]) -> str:
    """Return the machine in one line, and how quiet it was."""
    facts = ", ".join(f"{k} {v}" for k, v in machine().items())
    busiest = max((row.others for row in rows), default=0.0)
    return f"{facts}; other processes used at most {busiest:.0%} of the cores (median of a row)"


if __name__ == "__main__":
    sys.exit(main())
