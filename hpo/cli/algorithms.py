"""``hpo algorithms``: what can be tuned, and what each hyperparameter costs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, TypedDict, final

import typer

from algorithms.errors import AlgorithmError, UnknownAlgorithm
from algorithms.extras import needed
from algorithms.ranges import Plain
from hpo.cli.behind import field_ranges, imports, registry, tasks
from hpo.cli.options import AllowImport, AsJson
from hpo.cli.output import console, emit, print_table, say, say_wrapped

if TYPE_CHECKING:
    from algorithms.declared import Field

WHEN = {"always": "yes", "asked": "optional", "pass": "optional; each value reads the data again"}

ROOM = 120
"""Columns of the console from which on the overview names what is searched, not only how many."""

NUMBERS = (
    "searched: hyperparameters tried unless you say otherwise; free: all that are answered from the states; "
    "pass: those of which every further value reads the data once more."
)
"""What the columns of the overview mean."""


class Described(TypedDict):
    """A hyperparameter as JSON values."""

    name: str
    default: object
    range: object
    also: list[Plain]
    range_in_words: str
    legal: str
    searched: bool
    needs_pass: bool
    when: str


class Broken(TypedDict):
    """An algorithm that another package brings broken."""

    name: str
    error: str


_Class = TypedDict("_Class", {"class": str})


@final
class Whole(_Class):
    """An algorithm as JSON values."""

    name: str
    built_in: bool
    about: str
    task: str
    target: str | None
    needs: str | None
    metrics: list[str]
    sampled_metrics: list[str]
    auto: bool
    hyperparameters: list[Described]


def algorithms(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="This one in full.")] = None,
    allow_import: AllowImport = None,
    as_json: AsJson = False,
) -> None:
    """List the algorithms, or show one with its ranges.

    Algorithms of other installed packages are listed too. A free hyperparameter is answered from the states:
    trying it reads no data. One that "needs a pass" is part of what the pass keeps: every further value
    reads the data once more. --json lists every algorithm in full.

    Examples
    --------
      hpo algorithms
      hpo algorithms ridge
      hpo algorithms --json | jq '.[].name'
    """
    imports.allow(allow_import or ())
    described = [describe(each) for each in ([name] if name is not None else registry.names())]
    if as_json:
        emit(described)
    elif name is None:
        _overview(described)
    else:
        _show(described)


def describe(name: str) -> Whole | Broken:
    """Return an algorithm as JSON values; of a broken one from another package, why in ``error``."""
    try:
        found, fields = registry.get(name), field_ranges.fields_of(name)
    except UnknownAlgorithm:
        raise
    except AlgorithmError as error:
        return {"name": name, "error": str(error)}
    lines = (found.__doc__ or "").strip().splitlines() or [""]
    return {
        "name": name,
        "class": f"{found.__module__}:{found.__qualname__}",
        "built_in": name in registry.BUILT_IN,
        "about": lines[0],
        "task": found.tags.task,
        "target": tasks.TASKS[found.tags.task].target,
        "needs": needed(found.tags.extra),
        "metrics": list(found.tags.exact),
        "sampled_metrics": list(found.tags.sampled),
        "auto": found.tags.auto is not None,
        "hyperparameters": [_field(field) for field in fields.values()],
    }


def _scores(one: Whole) -> str:
    exact = f"scores exactly {', '.join(one['metrics'])}" if one["metrics"] else ""
    own = f"from held-out rows {', '.join(one['sampled_metrics'])}" if one["sampled_metrics"] else ""
    rest = "any scikit-learn scorer from held-out rows" if tasks.TASKS[one["task"]].answers else ""
    return "; ".join(part for part in (exact, own, rest) if part)


def _field(field: Field) -> Described:
    searched = field.range is not None and field.range.searched and not field.needs_pass
    when = "pass" if field.needs_pass else "always" if searched else "asked"
    return {
        "name": field.name,
        "default": field.default,
        "range": None if field.range is None else field_ranges.written(field.range),
        "also": list(getattr(field.range, "also", ())),
        "range_in_words": field_ranges.in_words(field.range),
        "legal": "any" if field.legal is None else field.legal.words,
        "searched": searched,
        "needs_pass": field.needs_pass,
        "when": when,
    }


def _overview(described: list[Whole | Broken]) -> None:
    """Print a line for each algorithm, by task."""
    room, rows = console().width >= ROOM, list[tuple[object, ...]]()
    for task in tasks.TASKS.values():
        target = f"the target is a {task.target}" if task.target else "without a target"
        target += ", or there is none" if task.unlabelled else ""
        rows.append((task.name, target, "", "", ""))
        rows += [_line(one, room) for one in described if "error" not in one and one["task"] == task.name]
    numbers = ("free", "pass") if room else ("searched", "free", "pass")
    print_table(("algorithm", "what it is", "searched", "free", "pass"), rows, right=numbers)
    lacking: dict[str, list[str]] = {}
    for one in described:
        if "error" in one:
            say_wrapped(f"{one['name']}: {one['error']}", "", "  ")
        elif one["needs"] is not None:
            lacking.setdefault(one["needs"], []).append(one["name"])
    for needs, names in lacking.items():
        say_wrapped(f"Not installed is what trains {', '.join(names)}: pip install '{needs}'", "", "  ")
    say("")
    say_wrapped(NUMBERS, "", "")
    say("Names, defaults and ranges: hpo algorithms NAME")


def _line(one: Whole, names: bool) -> tuple[object, ...]:
    fields = one["hyperparameters"]
    searched = [h["name"] for h in fields if h["searched"]]
    passes = sum(h["needs_pass"] for h in fields)
    about = headline(one["about"]) + ("" if one["built_in"] else f", from {one['class']}")
    return (
        f"  {one['name']}", about, ", ".join(searched) if names else len(searched), len(fields) - passes, passes
    )  # fmt: skip


def headline(about: str) -> str:
    """Return what comes before the formula or the particulars.

    Examples
    --------
    >>> headline("Least squares with an L2 penalty: argmin ‖y - Xw‖² + α‖w‖².")
    'Least squares with an L2 penalty'
    """
    return re.split("[:;,] ", about, maxsplit=1)[0].removesuffix(".").replace("``", "")


def _show(described: list[Whole | Broken]) -> None:
    for one in described:
        say_wrapped(f"{one['name']}: {one['error'] if 'error' in one else one['about']}", "", "  ")
        if "error" not in one:
            origin = "" if one["built_in"] else f"; from {one['class']}"
            say_wrapped(f"{one['task']}; {_scores(one)}{origin}", "  ", "  ")
            if one["needs"] is not None:
                say_wrapped(f"not installed: pip install '{one['needs']}'", "  ", "  ")
            rows = [
                (f"  {h['name']}", field_ranges.word(h["default"]), h["range_in_words"], WHEN[h["when"]])
                for h in one["hyperparameters"]
            ]
            print_table(("  hyperparameter", "default", "range", "searched"), rows)
        say("")
