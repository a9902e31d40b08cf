"""What a brushed part of an axis of parallel coordinates is as lines of a study file."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from studies.report.charts.scales import Category, Linear, Log, category_text, fit_scale
from studies.report.data import TrialRow
from studies.report.plain import to_plain
from studies.report.text import finite


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
