"""The words of the code: those that were given up stay away, and names keep their promises."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("hpo", "algorithms", "state_store", "studies")

GIVEN_UP = {
    "told": "computed, exact, given, reported or known",
    "untold": "unknown",
    "dress": "build the fitted estimator",
    "dressed": "the fitted pipeline",
    "dresses": "builds the fitted estimator",
    "goes by": "uses",
    "fails alone": "fails without stopping the study",
    "whole or absent": "written atomically",
    "in truth": "true",
    "whatever gain": "even for a small improvement",
}
"""What was said before, and what is said instead (a field that stores know under an old name may keep it)."""

PATTERN = re.compile(rf"\b({'|'.join(GIVEN_UP)})\b", re.IGNORECASE)


def pages():
    yield from (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.suffix in {".py", ".j2", ".js"})
    yield from [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]


def test_words_that_were_given_up_stay_away():
    found = [
        f"{path.relative_to(ROOT)}:{i}: {word!r}; write {GIVEN_UP[word.lower()]}"
        for path in pages()
        for i, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for word in PATTERN.findall(line)
        if "stored_as" not in line and "earlier versions" not in line
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_named_check_returns_nothing(room):
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} returns {ast.unparse(node.returns)}"
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and re.match(r"_*check_", node.name)
        if node.returns is not None and ast.unparse(node.returns) != "None"
    ]
    assert not found, "\n".join(found)
