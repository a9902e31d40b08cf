"""A commented ``study.yaml``, written from what is known of the data, for a person to edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from studies.spec.distributions import to_spec
from studies.spec.fields import Range
from studies.spec.spec import SAMPLERS
from studies.spec.yaml_reader import CoreDumper


@dataclass(frozen=True)
class ColumnNote:
    """One column of the data, for the comments of a template.

    Attributes
    ----------
    name, type : the column's name and type in words.
    nulls : share of missing values in the rows looked at.
    examples : a few of its values.
    """

    name: str
    type: str
    nulls: float = 0.0
    examples: Sequence[Any] = field(default_factory=tuple)


def template(
    *,
    name: str,
    data: str | Sequence[str],
    target: str | None,
    algorithms: Sequence[str],
    scoring: str | None = None,
    targets: Mapping[str, str] | None = None,
    columns: Sequence[ColumnNote] = (),
    ranges: Mapping[str, Any] | None = None,
    drop: Sequence[str] = (),
) -> str:
    """Return the text of a study.yaml that :func:`studies.spec.spec.loads` reads.

    Parameters
    ----------
    name, data, target, algorithms, scoring : written as they are.
    targets : other columns that could be the target, with their kinds.
    columns : the data's columns, listed as comments.
    ranges : ``"algorithm.parameter"`` to its default range, listed as commented search lines.
    drop : columns that must be left out.

    Examples
    --------
    >>> from studies.spec.spec import loads
    >>> text = template(name="flights", data="flights/*.parquet", target="delay", algorithms=["ridge"],
    ...                 ranges={"ridge.alpha": {"low": 1e-6, "high": 1e6, "log": True}})
    >>> loads(text).target
    'delay'
    >>> "#   ridge.alpha: {low: 1.0e-06, high: 1000000.0, log: true}" in text
    True
    """
    parts = [
        ["# A study: what is asked of the data. Run it with: hpo run study.yaml", ""],
        _entry("name", name, "in the storage; a second run of the same study goes on from its trials"),
        _entry("data", data if isinstance(data, str) else list(data), "a file, directory, glob or URI"),
        _target(target, targets or {}),
        _columns(columns),
        ["# weight: COLUMN              # row weights"],
        ["# hash_columns: [COLUMN]      # columns of very many values, for linear and linear_regressor; or auto"],
        _drop(drop),
        _entry("algorithm", list(algorithms), "one or several; with several the algorithm is searched too"),
        _search(ranges or {}),
        _how(scoring),
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def _how(scoring: str | None) -> list[str]:
    """Return the lines that say how long and how trials are made and judged."""
    return [
        *_entry(
            "folds",
            5,
            "stratified for classifiers; or {scheme: group, column: C, n_splits: 5}; stratified_group, time, kfold",
        ),
        *_entry("scoring", scoring, "greater is better; null for the algorithms' own"),
        *_entry("trials", 200, ""),
        "# timeout: 10m                # stop after this long: seconds, or 90s, 10m, 2h",
        "# patience: 50                # stop after so many trials without improvement",
        "# polish: always              # a second pass for the best model, whatever it gains; false for never",
        *_entry("sampler", "auto", " | ".join(SAMPLERS)),
        *_entry("seed", 0, ""),
    ]


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, Range):
        value = {k: v for k, v in value.model_dump().items() if v is not None and v is not False}
    text: str = yaml.dump(
        value, Dumper=CoreDumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _entry(key: str, value: Any, comment: str) -> list[str]:
    line = f"{key}: {_flow(value)}"
    return [f"{line:<29} # {comment}" if comment else line]


def _target(target: str | None, others: Mapping[str, str]) -> list[str]:
    lines = _entry("target", target, "the column to predict" if target else "none: a decomposition")
    rest = [f"{_one_line(n)} ({_one_line(kind)})" for n, kind in others.items() if n != target]
    return lines + ([f"#   could also be: {', '.join(rest)}"] if rest else [])


def _drop(names: Sequence[str]) -> list[str]:
    if not names:
        return ["# drop: [COLUMN, COLUMN]      # columns to leave out", ""]
    return [*_entry("drop", list(names), "columns to leave out; these have no numeric meaning"), ""]


def _columns(columns: Sequence[ColumnNote]) -> list[str]:
    if not columns:
        return []
    rows = [(_one_line(c.name), _one_line(c.type), _share(c.nulls), _examples(c.examples)) for c in columns]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    table = [
        "#   " + "  ".join([*(cell.ljust(w) for cell, w in zip(r, widths, strict=False)), r[3]]) for r in rows
    ]
    return ["# columns: name, type, missing, examples", *(line.rstrip() for line in table), ""]


def _share(nulls: float) -> str:
    return "-" if nulls == 0 else f"{max(nulls, 0.001):.1%}"


def _examples(values: Iterable[Any]) -> str:
    return ", ".join(_one_line(v)[:24] for v in values)


def _one_line(value: Any) -> str:
    return "".join(c if c.isprintable() else " " for c in str(value))


def _search(ranges: Mapping[str, Any]) -> list[str]:
    if not ranges:
        return []
    lines = [
        "",
        "# What is tried unless you say otherwise. To change a line, take its # away, and that of 'search:'.",
    ]
    lines += ["# search:", *(f"#   {key}: {_flow(_written(value))}" for key, value in ranges.items())]
    return [*lines, ""]


def _written(value: Any) -> Any:
    found = value if isinstance(value, Range) else to_spec(value)
    return list(found) if isinstance(found, tuple) else found
