"""Parallel coordinates of each algorithm, and what a brushed part of an axis is as lines of a study file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import yaml
from markupsafe import Markup

from studies.report.charts.parallel import parallel_chart
from studies.report.charts.scales import Category, Linear, Log, category_text, fit_scale
from studies.report.context import Context, drawing_of
from studies.report.data import TrialRow
from studies.report.plain import to_plain
from studies.report.text import finite, own_name

MAX_PANELS, MAX_LINES, MAX_AXES = 6, 240, 9
SIZES = ((880.0, "parallel wide"), (360.0, "parallel narrow"))


@dataclass(frozen=True)
class Panel:
    """The parallel coordinates of one algorithm: its own hyperparameters as axes, its own trials as lines.

    `lines` of the `scored` trials are drawn, and `axes` of `total` hyperparameters have an axis; `brushes` is what
    the page's script makes lines of a study file of.
    """

    algorithm: str
    charts: Markup
    lines: int
    scored: int
    axes: int
    total: int
    brushes: dict[str, object]


@dataclass(frozen=True)
class Parallels:
    """The panels, that of the best algorithm first; `left_out` are algorithms beyond `MAX_PANELS`."""

    panels: list[Panel] = field(default_factory=list)
    left_out: int = 0


def parallels(context: Context) -> Parallels:
    """Return a panel for each algorithm of which at least two trials have a score and two different settings."""
    groups: dict[str, list[TrialRow]] = {}
    for trial in context.best_first:
        groups.setdefault(trial.algorithm, []).append(trial)
    varied = {name: (rows, _varied(context, rows)) for name, rows in groups.items()}
    shown = {name: found for name, found in varied.items() if found[1]}
    most = MAX_LINES // max(1, min(len(shown), MAX_PANELS))
    panels = [_panel(context, name, *shown[name], most) for name in list(shown)[:MAX_PANELS]]
    return Parallels(panels, len(shown) - len(panels))


def _varied(context: Context, rows: Sequence[TrialRow]) -> list[str]:
    """Return the hyperparameters that differ among trials of an algorithm, the most important first."""
    asked = [name for name in context.parameters if any(name in row.params for row in rows)]
    return [name for name in asked if len({(name in row.params, str(row.params.get(name))) for row in rows}) > 1]


def _panel(context: Context, algorithm: str, rows: list[TrialRow], names: list[str], most: int) -> Panel:
    top, rest = rows[: most // 2], rows[most // 2 :]
    wanted = min(len(rest), most - most // 2)
    drawn, axes = top + [rest[i * len(rest) // wanted] for i in range(wanted)], names[:MAX_AXES]
    place = {id(trial): i for i, trial in enumerate(context.data.trials)}
    lines = [(place[id(trial)], trial) for trial in drawn]
    labels = [own_name(name, algorithm) for name in axes]
    charts = [
        parallel_chart(algorithm, lines, axes, labels, context.metric, context.log, *size) for size in SIZES
    ]
    brushes = [brush(drawn, name, context.log.get(name)) for name in axes]
    asked: dict[str, object] = {"algorithm": _yaml(algorithm), "axes": brushes}
    return Panel(algorithm, drawing_of(*charts), len(drawn), len(rows), len(axes), len(names), asked)


def brush(trials: Sequence[TrialRow], name: str, log: bool | None) -> dict[str, object]:
    """Return what the page's script needs of the axis of a hyperparameter: its ends, or its choices as YAML.

    `from` and `to` are the ends of the axis, as exponents of ten where it is logarithmic; `low` and `high` the
    least and the largest value tried, beyond which no range goes. A choice that stands for several is None.

    Examples
    --------
    >>> rows = [TrialRow(0, "ridge", {"alpha": 1.0}), TrialRow(1, "ridge", {"alpha": 100.0})]
    >>> brush(rows, "alpha", True)
    {'name': 'alpha', 'from': 0.0, 'to': 2.0, 'log': True, 'whole': False, 'low': 1.0, 'high': 100.0}
    >>> rows = [TrialRow(0, "ridge", {"select": None}), TrialRow(1, "ridge", {"select": "10"})]
    >>> brush(rows, "select", None)
    {'name': 'select', 'choices': ['null', "'10'"]}
    """
    values = [trial.params[name] for trial in trials if name in trial.params]
    scale = fit_scale(values, log)
    if isinstance(scale, Linear | Log):
        logarithmic = isinstance(scale, Log)
        numbers = [n for n in map(finite, values) if n is not None and (n > 0.0 or not logarithmic)]
        whole = all(isinstance(value, int) for value in values)
        return {
            "name": name, "from": scale.low, "to": scale.high, "log": logarithmic, "whole": whole,
            "low": min(numbers), "high": max(numbers),
        }  # fmt: skip
    raw = {category_text(value): value for value in values}
    labels = scale.labels if isinstance(scale, Category) else ()
    return {"name": name, "choices": [_yaml(raw[text]) if text in raw else None for text in labels]}


def _yaml(value: object) -> str:
    text: str = yaml.safe_dump(to_plain(value), default_flow_style=True, allow_unicode=True, width=10_000)
    return text.removesuffix("...\n").strip()
