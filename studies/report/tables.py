"""The parts of the page that are texts, bars and tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import yaml

from studies.report import charts
from studies.report.charts.marks import swatch
from studies.report.charts.pareto import value_of
from studies.report.charts.scales import Linear, category_text, fit_linear
from studies.report.context import Context, drawing_of
from studies.report.data import Chosen, Estimate, ReportData, TrialRow
from studies.report.plain import to_plain
from studies.report.sentences import difference_text
from studies.report.text import (
    MISSING,
    Metric,
    clean,
    count_text,
    finite,
    metric_of,
    number_text,
    own_name,
    shorten,
)

MAX_ROWS, MAX_TABLE_PARAMS, MAX_HOVER_PARAMS = 50, 8, 10


def settings_yaml(chosen: Chosen) -> str:
    """Return a chosen setting as the lines of a study file that ask for it alone.

    Examples
    --------
    >>> print(settings_yaml(Chosen(3, "ridge", {"ridge.alpha": 0.5})), end="")
    algorithm: ridge
    search:
      ridge.alpha: 0.5
    """
    setting = {"algorithm": chosen.algorithm, "search": to_plain(chosen.params)}
    text: str = yaml.safe_dump(setting, sort_keys=False, allow_unicode=True)
    return text


def choices(context: Context) -> list[dict[str, object]]:
    """Return the cards of the best setting, and of the simplest where it is really simpler."""
    data, best, simpler = context.data, context.data.best, context.data.simpler
    if data.pareto or best is None:
        return []
    stands = "kept from the edition before: no other is better by enough to replace it"
    why = stands if data.stands else "the best mean score"
    cards = [_choice(context, "Best", why, best)]
    if simpler is not None:
        cards.append(_choice(context, "Simplest", "the simplest within one standard error of the best", simpler))
    elif data.simplest is not None and data.simplest.number == best.number:
        cards[0]["why"] = f"{why}, and the simplest within one standard error"
    return cards


def _choice(context: Context, name: str, why: str, chosen: Chosen) -> dict[str, object]:
    metric = context.metric
    folds = next((trial.fold_scores for trial in context.data.trials if trial.number == chosen.number), [])
    return {
        "name": name,
        "why": why,
        "algorithm": chosen.algorithm,
        "number": chosen.number,
        "score": metric.text(chosen.value, chosen.se),
        "complexity": number_text(chosen.complexity) if chosen.complexity is not None else "",
        "accuracy": clean(chosen.accuracy),
        "difference": difference_text(chosen, metric),
        "yaml": settings_yaml(chosen),
        "folds": drawing_of(charts.fold_strip(folds, chosen.value, metric)),
    }


class Bars(TypedDict):
    """Signed bars: their rows, how many values there are, and whether any is below zero."""

    rows: list[dict[str, object]]
    total: int
    signed: bool


def bars(
    pairs: Sequence[tuple[str, float]], limit: int, shown: Callable[[object], str] = number_text
) -> Bars:
    """Return the `limit` largest values by size as signed bars: share of the largest, side, and text by `shown`.

    Examples
    --------
    >>> [row["share"] for row in bars([("a", 1.0), ("b", -4.0)], 30)["rows"]]
    [100.0, 25.0]
    """
    known = [(name, number) for name, value in pairs if (number := finite(value)) is not None]
    largest = sorted(known, key=lambda pair: -abs(pair[1]))
    top = abs(largest[0][1]) if largest else 0.0
    rows: list[dict[str, object]] = [
        {
            "name": name,
            "text": shown(value),
            "negative": value < 0,
            "share": round(100 * (abs(value) / top), 2) if top else 0.0,
        }
        for name, value in largest[:limit]
    ]
    return {"rows": rows, "total": len(known), "signed": any(value < 0 for _, value in known)}


def leaderboard(context: Context) -> list[dict[str, Any]]:
    """Return one row per algorithm, the best first; their strips share a scale."""
    metric = context.metric
    groups = [
        [trial for trial in context.best_first if trial.algorithm == name] for name in context.algorithms
    ]
    leaders = [group[0] for group in groups if group]
    ends = [
        v + side * (finite(t.se) or 0.0)
        for t in leaders
        for side in (-1, 1)
        if (v := metric.shown(t.value)) is not None
    ]
    ends += [v for t in leaders for fold in t.fold_scores if (v := metric.shown(fold)) is not None]
    scale = fit_linear(ends, pad=0.05)
    rows = [_leader(context, i, group, scale) for i, group in enumerate(groups)]
    return sorted(rows, key=lambda row: row["order"])


def _leader(context: Context, index: int, group: Sequence[TrialRow], scale: Linear) -> dict[str, Any]:
    name, metric = context.algorithms[index], context.metric
    states = Counter(trial.state.lower() for trial in context.data.trials if trial.algorithm == name)
    pruned = states["pruned"]
    top = group[0] if group else None
    return {
        "name": name,
        "swatch": drawing_of(swatch(index)),
        "trials": states.total(),
        "failed": states.total() - len(group) - pruned,
        "pruned": pruned,
        "score": metric.text(top.value, top.se) if top else "no score",
        "median": number_text(metric.shown(group[len(group) // 2].value), 5) if top else "",
        "strip": drawing_of(_strip(top, scale, metric, index)),
        "order": -(finite(top.value) or 0.0) if top else float("inf"),
    }


def _strip(top: TrialRow | None, scale: Linear, metric: Metric, index: int) -> str:
    return charts.range_strip(top.value, top.se, scale, metric, index, top.fold_scores) if top else ""


def standings(context: Context) -> dict[str, object]:
    """Return what the leaderboard knows besides the trials: complexity, setting, nearness to the best."""
    others = context.data.metrics[1:]
    rows = {
        leader.algorithm: {
            "complexity": number_text(leader.complexity),
            "near": leader.within_one_se,
            "accuracy": clean(leader.accuracy),
            "difference": difference_text(leader, context.metric),
            "setting": setting_text(leader),
            "metrics": [_estimate_text(leader.metrics, name) for name in others],
        }
        for leader in context.data.leaderboard
    }
    inexact = any(leader.accuracy != "exact" for leader in context.data.leaderboard)
    return {"rows": rows, "metrics": [metric_of(name).short for name in others], "inexact": inexact}


def setting_text(chosen: Chosen | TrialRow) -> str:
    """Return a setting on one line, without the algorithm's name.

    Examples
    --------
    >>> setting_text(Chosen(3, "ridge", {"ridge.alpha": 0.5, "ridge.standardize": True}))
    'alpha 0.5, standardize true'
    """
    prefix = f"{chosen.algorithm}."
    pairs = [(name.removeprefix(prefix), value) for name, value in chosen.params.items()]
    return ", ".join(f"{shorten(name, 30)} {_value_text(value)}" for name, value in pairs)


def _value_text(value: object) -> str:
    return "none" if value is None else shorten(number_text(value), 30)


def _estimate_text(metrics: Mapping[str, Estimate], name: str) -> str:
    one = metrics.get(name)
    return MISSING if one is None else metric_of(name).text(one.mean, one.se)


def front(context: Context) -> list[dict[str, object]]:
    """Return the rows of the Pareto front, the best by the first objective first."""
    names = context.data.metrics[1:]
    return [
        {
            "number": chosen.number,
            "algorithm": chosen.algorithm,
            "scores": [
                context.metric.text(chosen.value, chosen.se),
                *(_estimate_text(chosen.metrics, name) for name in names),
            ],
            "setting": setting_text(chosen),
        }
        for chosen in context.data.pareto[:MAX_ROWS]
    ]


def ends(context: Context) -> list[dict[str, object]]:
    """Return the ends of the Pareto front: the best setting by each objective."""
    data, found = context.data, []
    for name in data.objectives if data.pareto else ():
        best = max(data.pareto, key=lambda chosen: _value(chosen, name))
        known, metric = best.metrics.get(name), metric_of(name)
        score = metric.text(best.value, best.se) if known is None else metric.text(known.mean, known.se)
        found.append(
            {"metric": metric.short, "score": score, "algorithm": best.algorithm, "number": best.number}
        )
    return found


def _value(chosen: Chosen, name: str) -> float:
    value = value_of(chosen, name)
    return -math.inf if value is None else value


def classes(data: ReportData) -> dict[str, object]:
    """Return the classes of the target with their rows as bars."""
    shown = bars([(row.label, row.rows) for row in data.classes], MAX_ROWS)
    total = sum(row.rows for row in data.classes) or 1.0
    for row in shown["rows"]:
        row["text"] = ""
    counts = sorted(data.classes, key=lambda row: -row.rows)
    for row, known in zip(shown["rows"], counts, strict=False):
        about = "" if known.counted else "about "
        row["text"] = f"{about}{count_text(known.rows)} ({100 * known.rows / total:.3g}%)"
        row["name"] = known.label
    return {**shown, "counted": all(row.counted for row in data.classes)}


def ledger(data: ReportData) -> dict[str, object]:
    """Return the ledger's bars, counts and strip of segments."""
    ledger = data.ledger
    most = max(ledger.rows_if_retrained, ledger.rows_read, 1)
    read = [segment for segment in ledger.segments if segment.status == "read"]
    return {
        "read_share": round(100 * ledger.rows_read / most, 4),
        "retrained_share": round(100 * ledger.rows_if_retrained / most, 4),
        "read": count_text(ledger.rows_read),
        "retrained": count_text(ledger.rows_if_retrained),
        "strip": drawing_of(charts.segment_strip(ledger.segments)) if ledger.segments else "",
        "segments": len(ledger.segments),
        "segments_read": len(read),
        "rows": ledger.segments[:MAX_ROWS],
    }


def stages(data: ReportData) -> dict[str, object]:
    """Return the tree of stages of training: of each its place, its epochs and settings."""
    if not data.stages:
        return {}
    trained = sum(stage.last - stage.first + 1 for stage in data.stages)
    saved = sum(stage.saved for stage in data.stages)
    rows = [
        {
            "depth": stage.depth, "algorithm": clean(stage.algorithm), "setting": clean(shorten(stage.values, 120)),
            "epochs": f"{stage.first}" if stage.first == stage.last else f"{stage.first} to {stage.last}",
            "settings": count_text(stage.settings), "saved": count_text(stage.saved),
        }
        for stage in data.stages[:MAX_ROWS]
    ]  # fmt: skip
    return {
        "rows": rows, "trained": count_text(trained), "alone": count_text(trained + saved),
        "saved": count_text(saved), "more": max(0, len(data.stages) - MAX_ROWS),
    }  # fmt: skip


def table(context: Context) -> dict[str, object]:
    """Return the table of the best trials; trials without a score come last.

    Hyperparameters of one algorithm have a column each; settings of several, which have few in common, one for all.
    """
    whole = len(context.algorithms) > 1
    names = [] if whole else context.parameters[:MAX_TABLE_PARAMS]
    failed = [trial for trial in context.data.trials if finite(trial.value) is None]
    rows = [*context.best_first, *failed][:MAX_ROWS]
    return {
        "names": [own_name(name, context.algorithms[0]) for name in names],
        "settings": [setting_text(trial) for trial in rows] if whole else [],
        "inexact": any(trial.accuracy not in ("", "exact") for trial in rows),
        "outcomes": any(trial.outcome != "complete" for trial in rows),
        "metrics": [metric_of(name).short for name in context.data.metrics[1:]],
        "left_out": 0 if whole else len(context.parameters) - len(names),
        "total": len(context.data.trials),
        "rows": [_row(context, trial, names) for trial in rows],
    }


def _row(context: Context, trial: TrialRow, names: Sequence[str]) -> dict[str, object]:
    return {
        "trial": trial,
        "score": context.metric.text(trial.value, trial.se),
        "shown": context.metric.shown(trial.value),
        "metrics": [
            (
                _estimate_text(trial.metrics, name),
                metric_of(name).shown(one.mean) if (one := trial.metrics.get(name)) else None,
            )
            for name in context.data.metrics[1:]
        ],
        "params": [
            (shorten(category_text(trial.params[name]), 40), finite(trial.params[name]))
            if name in trial.params
            else ("", None)
            for name in names
        ],
    }


def _scores_text(context: Context, trial: TrialRow) -> str:
    """Return a trial's score, and below it those by the other objectives."""
    others = (
        f"\n{metric_of(name).short} {_estimate_text(trial.metrics, name)}"
        for name in context.data.objectives[1:]
    )
    return context.metric.text(trial.value, trial.se) + "".join(others)


def hover(context: Context) -> dict[str, object]:
    """Return what the pointer can ask for, compact: texts by trial, algorithms and parameters by place."""
    names = context.parameters[:MAX_HOVER_PARAMS]
    algorithms = {name: i for i, name in enumerate(context.algorithms)}
    trials = {
        place: [
            trial.number,
            algorithms[trial.algorithm],
            _scores_text(context, trial),
            *(
                shorten(category_text(trial.params[name]), 40) if name in trial.params else 0
                for name in names
            ),
        ]
        for place in context.drawn
        for trial in [context.data.trials[place]]
    }
    return {
        "metric": context.metric.short,
        "algorithms": context.algorithms,
        "params": names,
        "trials": trials,
    }
