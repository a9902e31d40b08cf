"""Write what the docs show of the algorithms from the code itself: ``make docs``.

A page says ``<!-- begin WHAT -->`` and ``<!-- end -->``, and what stands between them is made here: the table of
the registered algorithms, a part of a source file (``WHAT`` is ``path: name, name``), or a whole file (a path).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from algorithms import registry
from algorithms.contract import Algorithm
from algorithms.fields import fields_of

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- begin (.+?) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
ANY = "| `sklearn:module.Class` | any estimator of scikit-learn's conventions, on a sample | what you ask for |"


def table() -> Iterator[str]:
    """Yield the lines of the table of algorithms: name, what it is, and what is searched by default."""
    yield "| algorithm | what it is | searched by default |"
    yield "|---|---|---|"
    for name in registry.BUILT_IN:
        kind = registry.get(name)
        found = (f for f in fields_of(kind).values() if f.range is not None)
        searched = [f.name for f in found if f.range is not None and f.range.searched and not f.needs_pass]
        yield f"| `{name}` | {headline(kind)} | {', '.join(searched)} |"
    yield ANY


def headline(kind: type[Algorithm]) -> str:
    """Return what comes before the formula or the particulars in the first line of a class's docstring."""
    line = (kind.__doc__ or "").strip().splitlines()[0]
    return re.split("[:;,] ", line, maxsplit=1)[0].removesuffix(".").replace("``", "")


def source(path: Path, names: list[str]) -> str:
    """Return a source file, or what some names of it stand for: a class stands for its head and its fields."""
    text = path.read_text()
    if not names:
        return text.rstrip("\n")
    kind = next(node for node in ast.parse(text).body if isinstance(node, ast.ClassDef))
    parts = {key: (node.lineno, node.end_lineno) for node in kind.body for key in keys(node)}
    first = min(node.lineno for node in kind.body if isinstance(node, ast.FunctionDef))
    tags = min((line for key, (line, _) in parts.items() if key == "tags"), default=first)
    parts["head"] = (min([kind.lineno, *(d.lineno for d in kind.decorator_list)]), tags - 1)
    lines = text.splitlines()
    return "\n\n".join("\n".join(lines[start - 1 : stop]).rstrip() for start, stop in map(parts.__getitem__, names))


def keys(node: ast.stmt) -> list[str]:
    """Return the name that a statement of a class binds."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return [node.name] if isinstance(node, ast.FunctionDef) else []


def made(what: str) -> str:
    """Return what stands between the markers."""
    if what == "table of algorithms":
        return "\n".join(table())
    path, _, names = what.partition(": ")
    found = source(ROOT / path, [name.strip() for name in names.split(",") if name.strip()])
    fence = {".toml": "toml"}.get(Path(path).suffix, "py")
    return f"```{fence}\n{found}\n```"


def written(text: str) -> str:
    """Return a page with everything that is made here made anew."""
    return BLOCK.sub(lambda match: f"{match[1]}{made(match[2])}\n{match[4]}", text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(written(page.read_text()))
