"""A commented ``study.yaml``, written from what is known of the data, for a person to edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from studies.spec.distributions import to_spec
from studies.spec.ranges import Range
from studies.spec.spec import OPTIONS, StudySpec
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
    why_drop: Mapping[str, str] | None = None,
    reading: Mapping[str, tuple[Any, str]] | None = None,
    search: Mapping[str, Any] | None = None,
    offer: str = "",
) -> str:
    """Return the text of a study.yaml that :func:`studies.spec.form.loads` reads.

    Parameters
    ----------
    name, data, target, algorithms, scoring : written as they are.
    targets : other columns that could be the target, with their kinds.
    columns : the data's columns, listed as comments.
    ranges : ``"algorithm.parameter"`` to its default range, listed as commented search lines.
    drop, why_drop : columns that are left out, and why, of those of which that is to be said.
    search : what algorithms are searched for that have no ranges of their own, written as it is.
    offer : what other algorithms there are and what they cost, as a comment.
    reading : options of how CSV files are written: the value, and what was seen in the files.

    Examples
    --------
    >>> from studies.spec.form import loads
    >>> text = template(name="flights", data="flights/*.parquet", target="delay", algorithms=["ridge"],
    ...                 ranges={"ridge.alpha": {"low": 1e-6, "high": 1e6, "log": True}})
    >>> loads(text).target
    'delay'
    >>> "#   ridge.alpha: {low: 1.0e-06, high: 1000000.0, log: true}" in text
    True
    """
    given = {"name": name, "data": data if isinstance(data, str) else list(data), "target": target}
    given |= {"algorithm": list(algorithms), "scoring": scoring} | ({"drop": list(drop)} if drop else {})
    given |= {key: value for key, (value, _) in (reading or {}).items()}
    beside = {
        **{key: [f"#   a guess: {_one_line(why)}"] for key, (_, why) in (reading or {}).items()},
        "target": [*_others(target, targets or {}), *_columns(columns)],
        "drop": [*(f"#   {_one_line(n)}: {_one_line(why)}" for n, why in (why_drop or {}).items()), ""],
        "search": _search(ranges or {}, search or {}),
        "algorithm": [f"#   {_one_line(offer)}"] if offer else [],
    }
    lines = ["# A study: what is asked of the data. Run it with: hpo run study.yaml", ""]
    for key in StudySpec.model_fields:
        lines += ([] if key == "search" else [_line(key, given)]) + beside.get(key, [])
    return "\n".join(lines) + "\n"


def _line(key: str, given: Mapping[str, Any]) -> str:
    """Return an option with its value, else as a comment with its example, to be uncommented."""
    option = OPTIONS[key]
    if key in given or not option.example:
        line = f"{key}: {_flow(given.get(key, StudySpec.model_fields[key].default))}"
    else:
        line = f"# {key}: {option.example}"
    return f"{line:<29} # {option.note}"


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, Range):
        value = {k: v for k, v in value.model_dump().items() if v is not None and v is not False}
    text: str = yaml.dump(
        value, Dumper=CoreDumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9
    )
    return text.removesuffix("\n").removesuffix("\n...")


def _others(target: str | None, others: Mapping[str, str]) -> list[str]:
    rest = [f"{_one_line(n)} ({_one_line(kind)})" for n, kind in others.items() if n != target]
    return [f"#   could also be: {', '.join(rest)}"] if rest else []


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


def _search(ranges: Mapping[str, Any], search: Mapping[str, Any]) -> list[str]:
    if not ranges and not search:
        return [_line("search", {})]
    lines = [
        "", "# What is tried by default, less what the data rules out: no impute where nothing is missing.",
        "# To change a line, uncomment it." if search else "# To change a line, uncomment it and 'search:'.",
    ]  # fmt: skip
    lines += ["search:" if search else "# search:"]
    lines += [f"#   {key}: {_flow(_written(value))}" for key, value in ranges.items()]
    lines += [f"  {key}: {_flow(_written(value))}" for key, value in search.items()]
    return [*lines, ""]


def _written(value: Any) -> Any:
    found = value if isinstance(value, Range) else to_spec(value)
    return list(found) if isinstance(found, tuple) else found
