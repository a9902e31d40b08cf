"""Searches of a script or a notebook, and the calls that take their place; nothing of it is run."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from hpo.errors import DataError

CALLS: Mapping[str, str] = {
    "GridSearchCV": "hpo.StateGridSearchCV",
    "RandomizedSearchCV": "hpo.StateRandomizedSearchCV",
    "OptunaSearchCV": "hpo.StateSearchCV",
}
"""Searches, and what takes their place with the same arguments."""

OTHERS: Mapping[str, str] = {
    "HalvingGridSearchCV": "all rows of every candidate cost no more from states: write "
    "hpo.StateGridSearchCV(estimator, param_grid)",
    "HalvingRandomSearchCV": "all rows of every candidate cost no more from states: write "
    "hpo.StateRandomizedSearchCV(estimator, param_distributions, n_iter=…)",
    "BayesSearchCV": "write hpo.StateSearchCV(estimator, param_distributions, n_trials=…), with distributions of "
    "Optuna's or SciPy's in the place of scikit-optimize's",
}
"""Searches that have other arguments, and what to write."""

DROPPED: Mapping[str, Collection[str]] = {"OptunaSearchCV": ("enable_pruning", "max_iter", "subsample")}
"""Arguments of a search that what takes its place has not."""


@dataclass(frozen=True)
class Search:
    """A search that was found.

    Attributes
    ----------
    place : where, such as ``"line 12"``.
    name : of its class.
    call : what takes its place; None where there is no call with its arguments.
    model : class of the model that it tunes; None where the text does not say it.
    notes : what to know of it.
    """

    place: str
    name: str
    call: str | None
    model: str | None
    notes: tuple[str, ...] = ()


def searches_of(path: Path) -> list[Search]:
    """Return the searches of a script or a notebook.

    Raises
    ------
    DataError
        The file cannot be read, or is not Python.
    """
    found = []
    for named, text in _texts(path):
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            where, why = "", str(error)
            if isinstance(error, SyntaxError) and error.lineno is not None:
                where, why = f"{named}line {error.lineno}: ", error.msg
            raise DataError(f"{path}: {where}it is not Python: {why}") from error
        found.append((named, text, tree))
    models = _Models(chain.from_iterable(ast.walk(tree) for *_, tree in found))
    return [search for named, text, tree in found for search in _in(named, text, tree, models)]


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the code of a file, with what its lines are named by."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: it is not text in UTF-8") from error
    if path.suffix != ".ipynb":
        yield "", text
        return
    try:
        cells = json.loads(text)["cells"]
        codes = [("".join(cell["source"]), cell["cell_type"]) for cell in cells]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise DataError(f"{path}: it is not a notebook of Jupyter's") from error
    for number, (code, kind) in enumerate(codes, 1):
        if kind == "code" and not code.startswith("%%"):
            yield f"cell {number}, ", "\n".join(_plain(line) for line in code.split("\n"))


def _plain(line: str) -> str:
    """Return a line of a cell; one for the shell, or of magic, as a comment."""
    return f"# {line}" if line.startswith(("%", "!")) else line


def _in(named: str, text: str, tree: ast.AST, models: _Models) -> Iterator[Search]:
    """Yield the searches of a text, in the order of its lines."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        name = _tail(call.func)
        if name in CALLS or name in OTHERS:
            model = models.of(_argument(call, 0, "estimator"))
            place = f"{named}line {call.lineno}"
            yield Search(place, name, _instead(call, name, text), model, _notes(call, name))


def _instead(call: ast.Call, name: str, text: str) -> str | None:
    """Return the text of the call that takes its place, None where there is none of its arguments."""
    if name in OTHERS:
        return None
    parts = [ast.get_source_segment(text, argument) or "" for argument in call.args]
    kept = [keyword for keyword in call.keywords if keyword.arg not in DROPPED.get(name, ())]
    for keyword in kept:
        value = ast.get_source_segment(text, keyword.value) or ""
        parts.append(f"**{value}" if keyword.arg is None else f"{keyword.arg}={value}")
    return f"{CALLS[name]}({', '.join(parts)})"


def _notes(call: ast.Call, name: str) -> tuple[str, ...]:
    """Return what to know of a search."""
    if name in OTHERS:
        return (OTHERS[name],)
    dropped = [k.arg for k in call.keywords if k.arg in DROPPED.get(name, ())]
    return tuple(f"{argument}= is left out: {CALLS[name]} has no such argument" for argument in dropped)


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    """Return an argument by its place or its name."""
    if len(call.args) > place:
        return call.args[place]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _tail(function: ast.expr) -> str:
    """Return the last name of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


class _Models:
    """What names of a text stand for."""

    def __init__(self, nodes: Iterator[ast.AST]) -> None:
        self._given: dict[str, list[ast.expr]] = {}
        for node in nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self._given.setdefault(target.id, []).append(node.value)

    def of(self, node: ast.expr | None, depth: int = 8) -> str | None:
        """Return the class of the model that an expression makes; None where it is not said."""
        if node is None or not depth:
            return None
        if isinstance(node, ast.Name):
            found = {self.of(value, depth - 1) for value in self._given.get(node.id, ())}
            return found.pop() if len(found) == 1 else None
        return self._made(node, depth) if isinstance(node, ast.Call) else None

    def _made(self, call: ast.Call, depth: int) -> str | None:
        """Return the class of the model that a call makes."""
        name = _tail(call.func)
        if name == "make_pipeline":
            return self.of(call.args[-1], depth - 1) if call.args else None
        if name == "TransformedTargetRegressor":
            return self.of(_argument(call, 0, "regressor"), depth - 1)
        if name == "clone":
            return self.of(_argument(call, 0, "estimator"), depth - 1)
        if name == "Pipeline":
            return self._last(_argument(call, 0, "steps"), depth)
        return name if name[:1].isupper() else None

    def _last(self, steps: ast.expr | None, depth: int) -> str | None:
        """Return the class of the model of a pipeline's steps."""
        if isinstance(steps, ast.Name):
            given = self._given.get(steps.id, [])
            return self._last(given[0], depth - 1) if len(given) == 1 and depth else None
        if not isinstance(steps, ast.List | ast.Tuple) or not steps.elts:
            return None
        step = steps.elts[-1]
        return (
            self.of(step.elts[1], depth - 1) if isinstance(step, ast.Tuple) and len(step.elts) == 2 else None
        )
