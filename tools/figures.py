"""Print the figures of the code beside what they should be, as ``docs/design.md`` has them: ``make figures``."""

from __future__ import annotations

import ast
import math
import resource
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from test_contract import FOREIGN, OWN
from test_contract import probes as calls
from test_imports import ROOMS, cycle

ROOT = Path(__file__).parent.parent
SOME = {"polishing", "chained", "prefixed"}
"""What only some algorithms can do: each a base class."""

STUDY = """
import sys, tempfile, threading
import numpy as np
import hpo

X = np.random.default_rng(0).normal(size=(200, 3))
asked = {"algorithm": "ridge", "trials": 20, "folds": 3, "progress": False}

def run(seen):
    with tempfile.TemporaryDirectory() as store:
        sys.setprofile(seen), threading.setprofile(seen)
        hpo.tune((X, X[:, 0] + X[:, 1] ** 2), store=store, **asked)
        sys.setprofile(None), threading.setprofile(None)

run(None)
loaded = len(sys.modules)
codes = set()
run(lambda frame, event, arg: codes.add(frame.f_code))
here = {c for c in codes if c.co_filename.startswith(ROOMS) and not c.co_name.startswith("<")}
files = {c.co_filename for c in here}
lines = sum(max(n or 0 for _, _, n in c.co_lines()) - c.co_firstlineno + 1 for c in here)
print(loaded, len(here), lines, len(files), sum(ROOT + "/hpo/" in name for name in files))
"""


def trees() -> Iterator[tuple[Path, str, ast.Module]]:
    """Yield every module of the four rooms: where it is, what it holds, and its tree."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            text = path.read_text("utf-8")
            yield path.relative_to(ROOT), text, ast.parse(text)


def spread(values: Sequence[int]) -> str:
    """Return the median, the ninth decile and the largest of some counts.

    Examples
    --------
    >>> spread([1, 2, 3, 4, 50])
    '3 / 50 / 50'
    """
    found = sorted(values)
    return f"{statistics.median(found):g} / {found[math.ceil(0.9 * len(found)) - 1]} / {found[-1]}"


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's body, without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def contract() -> tuple[int, int]:
    """Return how many names an algorithm has for the hub, and how many bases of what only some can do."""
    return len(OWN - SOME), len(SOME & OWN)


def probes() -> int:
    """Return in how many places the hub probes an algorithm, a summary, a solution or a state."""
    made = (call for path in (ROOT / "hpo").rglob("*.py") for call in calls(path, "getattr", "hasattr"))
    asked = [ast.unparse(call.args[0]) for call in made]
    return sum(not one.startswith("import_module(") and one not in FOREIGN for one in asked)


def layers() -> str:
    """Return the layers of the hub as the linter of imports holds them: packages, and what else is one."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    found = next(one["layers"] for one in contracts if one.get("containers") == ["hpo"])
    others = [name for name in found if not (ROOT / "hpo" / name).is_dir()]
    return f"{len(found) - len(others)}, beside {', '.join(f'`{name}`' for name in others)}"


def seconds_of_help() -> float:
    """Return the processor time of ``hpo --help``, the least of five runs."""
    taken = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "hpo", "--help"], check=True, capture_output=True, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def figures() -> Iterator[tuple[str, str, object]]:
    """Yield what is counted, what it should be, and what it is."""
    found = list(trees())
    nodes = [(path, node) for path, _, tree in found for node in ast.walk(tree)]
    functions = [lines_of(n) for _, n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    files = [text.count("\n") for _, text, _ in found]
    two = [(path, n) for path, n in nodes if path.parts[0] in {"hpo", "algorithms"}]
    typed = {(path, n.lineno) for path, n in two if isinstance(n, ast.Name) and n.id == "Any"}
    names, bases = contract()
    code = f"ROOT, ROOMS = {str(ROOT)!r}, {tuple(str(ROOT / room) for room in ROOMS)!r}\n{STUDY}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded, called, long, passed, hub = map(int, done.stdout.split())
    yield "names in an algorithm's contract", "≤ 12 + 3 bases", f"{names} + {bases} bases"
    yield "probes of the contract in `hpo/`", "0", probes()
    way = f"{passed}, {hub} of the hub: {called:,} functions of {long:,} lines"
    yield "files on the way of `hpo.tune`", "≤ 35", way
    yield "layers of `hpo/`", "≤ 8", layers()
    yield "modules in the root of `hpo/`", "≤ 6", len(list((ROOT / "hpo").glob("*.py")))
    yield "import cycles of all kinds", "0", len(cycle(ROOMS))
    yield "imports inside functions", "≤ 40", sum(text.count("noqa: PLC0415") for _, text, _ in found)
    yield "lines with `Any`, `hpo` and `algorithms`", "≤ 250", len(typed)
    yield "lines of a function: median, 9 of 10, most", "5 / 15 / 48", spread(functions)
    yield "lines of a file: median, 9 of 10, most", "9 of 10: 262", spread(files)
    yield "lines of the four rooms", "fewer than 35,370", f"{sum(files):,} in {len(files)} files"
    yield "modules that a small study loads", "", f"{loaded:,}"
    yield "processor time of `hpo --help`", "≤ 0.25 s", f"{seconds_of_help():.2f} s"


if __name__ == "__main__":
    print("| | wanted | is |\n|---|---|---|")
    for what, wanted, value in figures():
        print(f"| {what} | {wanted} | {value} |", flush=True)
