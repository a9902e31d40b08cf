"""What imports what: no cycle, lazy and typing imports counted, and few imports inside functions."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("hpo", "algorithms", "state_store", "studies")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


TREES = {module_name(p): ast.parse(p.read_text("utf-8")) for room in ROOMS for p in (ROOT / room).rglob("*.py")}


def imported(name: str, tree: ast.AST) -> Iterator[str]:
    """Yield the modules of ours that a module imports anywhere: at its top, in functions, for types."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (m if m in TREES else node.module for m in whole)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def cycle(rooms: tuple[str, ...]) -> list[str]:
    """Return the modules of one cycle among some rooms; empty where there is none."""
    within = {n: t for n, t in TREES.items() if n.partition(".")[0] in rooms}
    graph = {n: {m for m in imported(n, t) if m in within and m != n} for n, t in within.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_there_is_no_cycle():
    assert cycle(ROOMS) == []


def test_the_lazy_modules_of_the_command_line_are_those_that_types_see_and_each_is_used():
    tree = TREES["hpo.cli.behind"]
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {}
    for node in block.body:
        for alias in node.names:
            whole = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
            typed[alias.asname or alias.name] = whole
    lazy = {node.targets[0].id: node.value.args[0].value for node in block.orelse}
    assert typed == lazy
    used = {
        alias.name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "hpo.cli.behind"
        for alias in node.names
    }
    assert set(lazy) == used


def test_help_loads_neither_numpy_nor_optuna():
    code = (
        "import sys\nfrom hpo.cli.app import app\n"
        "try:\n    app(['--help'], prog_name='hpo')\nexcept SystemExit:\n    pass\n"
        "sys.exit(' '.join({'numpy', 'optuna', 'pydantic', 'pyarrow', 'rich.console'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == ""


def test_few_imports_stand_in_functions_and_each_says_why():
    lines = [
        line
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if "noqa: PLC0415" in line
    ]
    assert len(lines) <= 33
    assert all("-- " in line for line in lines)


def test_what_is_private_stays_in_its_package():
    found = []
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ROOMS:
                parts = (node.module or "").split(".")
                inside = [".".join(parts[:i]) for i, part in enumerate(parts) if part.startswith("_")]
                found += [f"{name}: {node.module}" for owner in inside if not f"{name}.".startswith(f"{owner}.")]
                found += [f"{name}: {node.module}.{a.name}" for a in node.names if a.name.startswith("_") and f"{node.module}.{a.name}" not in TREES]
    assert found == []


def test_the_repository_holds_sources_and_no_results_of_an_experiment():
    """Names at the top and kinds of files are written here, so that a store, a database or a table left behind is seen."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a clone of the repository")
    paths = [Path(line) for line in tracked.stdout.splitlines()]
    folders = {p.parts[0] for p in paths if len(p.parts) > 1}
    assert folders == {*ROOMS, ".ci", ".github", "benchmarks", "docs", "examples", "tests", "tools"}
    kinds = {p.suffix for p in paths if len(p.parts) > 1}
    sources = {".py", ".md", ".yaml", ".yml", ".toml", ".ipynb", ".j2", ".png", ".svg", ".typed", ""}
    assert kinds - sources == {".journal"}  # a record that an older version wrote
