"""Validation errors in plain words, with the line they stand on."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from studies.errors import Problem
from studies.masking import mask
from studies.spec.documents import Documents
from studies.spec.fields import FoldScheme
from studies.spec.habits import our_key
from studies.spec.interactions import Interactions
from studies.spec.joins import JoinedTable
from studies.spec.ranges import Range
from studies.spec.yaml_document import Document

_TAGS = {"range", "choices", "constant", "count", "scheme"}
_SECRET = "storage_options"  # noqa: S105


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown word: the nearest of those that begin with it, else of all; the few; nothing.

    Examples
    --------
    >>> nearest("rigde", ["ridge", "lasso"]), nearest("zzz", ["ridge", "lasso"])
    ("; did you mean 'ridge'?", "; known: 'lasso', 'ridge'")
    >>> nearest("acc", ["jaccard", "accuracy"])
    "; did you mean 'accuracy'?"
    """
    names = sorted(known)
    lower = {name.lower(): name for name in names}
    begun = [name for name in lower if len(word) > 1 and name.startswith(word.lower())]
    cutoff = 0.0 if begun else 0.6 if len(word) > 3 else 0.5
    if close := difflib.get_close_matches(word.lower(), begun or lower, n=1, cutoff=cutoff):
        return f"; did you mean {lower[close[0]]!r}?"
    if not 0 < len(names) <= 30:
        return ""
    return "; known: " + ", ".join(repr(name) for name in names)


def describe(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """Return one problem for each fault that pydantic found."""
    return [_problem(dict(item), document, model) for item in error.errors(include_url=False)]


def _problem(item: dict[str, Any], document: Document, model: type[BaseModel]) -> Problem:
    path = _path(item["loc"])
    line = document.line(path) if path else None
    return Problem(line, _text(item, path, model))


def _path(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Drop the names of union members, which are not keys of the file."""
    depth = {"search": 2, "folds": 1}.get(str(loc[0]) if loc else "", 0)
    return tuple(part for i, part in enumerate(loc) if i != depth or not depth or part not in _TAGS)


def _text(item: dict[str, Any], path: tuple[str | int, ...], model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in path if not isinstance(part, int)) or "study"
    kind = item["type"]
    if kind == "extra_forbidden":
        inside = f" in {'.'.join(map(str, path[:-1]))!r}" if len(path) > 1 else ""
        ours = our_key(str(path[-1])) if len(path) == 1 else ""
        known = _keys(path, model)
        hint = f"; it is {ours!r} here" if ours in known else nearest(str(path[-1]), known)
        return f"unknown key {path[-1]!r}{inside}{hint}"
    if kind == "missing":
        return f"{where!r} is missing"
    if kind == "wrong":
        return f"{where}: {item['ctx']['text']}" if path else str(item["ctx"]["text"])
    shown = "" if path and path[0] == _SECRET else f" (got {_short(item.get('input'))})"
    return f"{where}: {_lower(item['msg'])}{shown}"


def _keys(path: tuple[str | int, ...], model: type[BaseModel]) -> Collection[str]:
    parts: Mapping[str | int, type[BaseModel]] = {
        "search": Range, "folds": FoldScheme, "join": JoinedTable, "interactions": Interactions,
        "documents": Documents,
    }  # fmt: skip
    return (model if len(path) == 1 else parts[path[0]]).model_fields


def _short(value: Any) -> str:
    text = mask(repr(value))
    return text if len(text) <= 80 else text[:77] + "..."


def _lower(text: str) -> str:
    text = text.removeprefix("Input ")
    return text[:1].lower() + text[1:]
