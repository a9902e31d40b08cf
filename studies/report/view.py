"""What the page shows, section by section: `ReportData` turned into texts, tables and finished charts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from studies.counting import counted
from studies.report import charts
from studies.report import tables as report_tables
from studies.report.behaviour import behaviour, cuts
from studies.report.brushes import parallels
from studies.report.charts.marks import swatch
from studies.report.charts.pareto import valued_by
from studies.report.charts.rungs import rungs_scale
from studies.report.charts.scales import useful_scale
from studies.report.charts.timeline import spans
from studies.report.coefficients import class_coefficients, units
from studies.report.context import MAX_POINTS, Context, context_of, drawing_of
from studies.report.data import Curve, ReportData
from studies.report.sentences import (
    baseline_text,
    convergence_text,
    doubled,
    extrapolated_text,
    learning_text,
    may_stop,
    offer_text,
    rungs_text,
    standing_text,
    time_text,
    unit_text,
)
from studies.report.text import (
    bytes_text,
    clean,
    columns_text,
    cost_text,
    finite,
    metric_of,
    number_text,
    percent_text,
    ratio_text,
    seconds_text,
    shorten,
)

MAX_PAIRS = 6
MIN_PAIRS = 8
MAX_SLICES, MAX_CURVES, MAX_BARS = 12, 24, 30
MOST_NAMED = 12


def build_view(data: ReportData) -> dict[str, object]:
    """Return everything that the page's template names."""
    context = context_of(data)
    parallel = parallels(context)
    return {
        "data": data,
        "metric": context.metric,
        "unit": unit_text(data.scoring, data.target),
        "baseline": _baseline(context),
        "standing": standing_text(data.leaderboard),
        "remarks": [note for note in data.notes if note not in data.warnings],
        "cost": cost_text(data.ledger),
        "ratio": ratio_text(data.ledger),
        "facts": _facts(data),
        "choices": report_tables.choices(context),
        "ends": report_tables.ends(context),
        "history": _history(context),
        "rungs": _rungs(context),
        "stages": report_tables.stages(data),
        "epochs": _epochs(data.epoch_losses),
        "timeline": _timeline(context),
        "importances": report_tables.bars(list(data.importances.items())[:200], MAX_BARS, percent_text),
        "within": _within(data),
        "leaderboard": report_tables.leaderboard(context),
        "standings": report_tables.standings(context),
        "pareto": _pareto(context),
        "classes": report_tables.classes(data),
        "class_coefficients": class_coefficients(data),
        "validation": _validation(context),
        "slices": _slices(context),
        "pair": _pair(context),
        "parallel": parallel,
        "learning": _learning(context),
        "editions": _editions(context),
        "backtests": _backtests(context),
        "topics": _topics(context),
        "coefficients": report_tables.bars([] if data.units else data.coefficients, MAX_BARS),
        "units": units(data),
        "lineage": _lineage(data),
        "ledger": report_tables.ledger(data),
        "table": report_tables.table(context),
        "behaviour": behaviour(context),
        "hover": {**_hover(context), "axes": [panel.brushes for panel in parallel.panels]},
        "words": {"seconds": seconds_text, "bytes": bytes_text},
    }


def _within(data: ReportData) -> list[tuple[str, object]]:
    return [
        (clean(words), report_tables.bars(list(shares.items()), MAX_BARS, percent_text))
        for words, shares in data.importances_within
    ]


def _hover(context: Context) -> dict[str, object]:
    return {**report_tables.hover(context), "cuts": cuts(context)}


def _baseline(context: Context) -> dict[str, object]:
    found, best = context.data.baseline, context.data.best
    if found is None or found.mean is None:
        return {}
    sentence = baseline_text(found, context.metric, best.value if best else None)
    shown = number_text(context.metric.shown(found.mean), 3)
    return {"score": shown, "answer": found.answer, "how": found.how, "sentence": sentence}


def _facts(data: ReportData) -> list[tuple[str, str]]:
    rows = f"{data.n_rows:,}{columns_text(data.n_columns)}"
    if data.dropped_rows:
        rows += f", {data.dropped_rows:,} dropped"
    seed = "" if data.seed is None else f", seed {data.seed}"
    pairs = [
        ("Data", data.data),
        ("Target", data.target),
        ("Rows", rows),
        ("Folds", data.folds),
        ("Score", _scores(data)),
        ("Sampler", f"{data.sampler}{seed}"),
        ("Trials", _trial_counts(data)),
        ("Made", data.created),
    ]
    return [(name, text) for name, text in pairs if text]


def _scores(data: ReportData) -> str:
    if len(data.metrics) < 2:
        return metric_of(data.scoring).name
    goals = max(1, len(data.objectives))
    optimised, kept = (
        ", ".join(metric_of(n).name for n in part) for part in (data.metrics[:goals], data.metrics[goals:])
    )
    return f"{optimised} (optimised)" + (f", {kept}" if kept else "")


def _pareto(context: Context) -> dict[str, object]:
    data, names = context.data, context.data.objectives
    if len(names) < 2 or not context.best_first:
        return {}
    numbers = [chosen.number for chosen in data.pareto]
    sizes = ((880.0, 340.0, "points wide"), (360.0, 300.0, "points narrow"))
    pairs = list(itertools.combinations(names, 2))[:MAX_PAIRS]
    drawing = [
        charts.pareto_chart(
            data.trials,
            context.drawn,
            numbers,
            context.algorithms,
            (metric_of(a), metric_of(b)),
            (a, b),
            size,
            joined=len(names) == 2,
        )
        for a, b in pairs
        for size in sizes
    ]
    return {
        "charts": drawing_of(*drawing),
        "rows": report_tables.front(context),
        "total": len(data.pareto),
        "columns": [metric_of(name).short for name in data.metrics],
    }


def _trial_counts(data: ReportData) -> str:
    pruned = sum(trial.pruned for trial in data.trials)
    failed = sum(finite(trial.value) is None and not trial.pruned for trial in data.trials)
    equal = sum(trial.duplicate_of is not None for trial in data.trials)
    parts = [f"{len(data.trials):,}"]
    parts += [f"{pruned:,} pruned"] if pruned else []
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{equal:,} answered from the record"] if equal else []
    return ", ".join(parts)


def _history(context: Context) -> dict[str, object]:
    trials = context.data.trials
    if not context.best_first:
        return {}
    drawing, beyond, error = [], [], _error(context)
    for name in context.data.objectives or [context.data.scoring]:
        metric, valued = metric_of(name), valued_by(trials, name)
        drawing += [
            charts.history_chart(valued, context.drawn, context.algorithms, metric, *size, error)
            for size in ((880.0, 300.0, "points wide"), (360.0, 250.0, "points narrow"))
        ]
        _, count = useful_scale([metric.shown(trial.value) for trial in valued], metric.sign, error)
        beyond += [(metric.short, count)] if count else []
    failed = sum(finite(trial.value) is None and not trial.pruned for trial in trials)
    best = context.data.best
    return {
        "charts": drawing_of(*drawing),
        "legend": [(name, drawing_of(swatch(i))) for i, name in enumerate(context.algorithms)],
        "beyond": beyond,
        "failed": failed,
        "pruned": sum(finite(trial.value) is None and trial.pruned for trial in trials),
        "sentence": convergence_text(trials, best.se) if best else "",
        "drawn": len(context.drawn) if len(context.drawn) < len(trials) else 0,
    }


def _rungs(context: Context) -> dict[str, object]:
    """Return the rungs of the trials that may be stopped early, those with a score first."""
    best = {id(trial) for trial in context.best_first}
    trials = [*context.best_first, *(t for t in context.data.trials if id(t) not in best)]
    trials = [trial for trial in trials if may_stop(trial)]
    if not trials:
        return {}
    of = context.data.rungs_of
    sizes = ((880.0, "curve wide"), (360.0, "curve narrow"))
    error, of_what = _error(context), f"{of} learned from"
    drawing = [charts.rungs_chart(trials, context.metric, of_what, error, *size) for size in sizes]
    _, beyond = rungs_scale(trials, context.metric, error)
    return {"charts": drawing_of(*drawing), "sentence": rungs_text(context.data.trials, of), "beyond": beyond}


def _epochs(losses: Sequence[Sequence[float]]) -> str:
    """Return the chart of the held-out losses of each fold by epoch; empty where none are known."""
    known = [fold for fold in losses if fold]
    sizes = ((880.0, "curve wide"), (360.0, "curve narrow"))
    return drawing_of(*(charts.epochs_chart(known, *size) for size in sizes)) if known else ""


def _timeline(context: Context) -> dict[str, object]:
    trials, before = context.data.trials, finite(context.data.ledger.seconds_pass) or 0.0
    found, total, pauses = spans(trials, before)
    if not found or total <= 0.0:
        return {}
    sizes = ((880.0, "timeline wide"), (360.0, "timeline narrow"))
    drawing = [charts.timeline_chart(trials, before, context.algorithms, *size) for size in sizes]
    return {"charts": drawing_of(*drawing), "sentence": time_text(trials, before, total, pauses)}


def _lineage(data: ReportData) -> dict[str, object]:
    found = data.lineage
    if not found.rows:
        return {}
    parts = [f"Each is merged from {counted(found.segments, 'leaf', 'leaves')}, one a segment of the data"]
    parts += [f"encoded by what the pilot sample {found.pilot} says"] if found.pilot else []
    sentence = ", ".join(parts) + "."
    if found.before:
        sentence += f" {counted(found.carried, 'setting')} of {found.before} were scored again on this data."
    rows = [(row.context, shorten(row.summary, 80), row.of, row.answers) for row in found.rows]
    return {"rows": rows, "sentence": sentence}


def _error(context: Context) -> float | None:
    """Return the standard error of the best score, where there is one best."""
    return finite(context.data.best.se) if context.data.best else None


def _validation(context: Context) -> dict[str, object]:
    curves = [curve for curve in context.data.validation if _has_scores(curve)]
    metrics = (metric_of(curve.metric) if curve.metric else context.metric for curve in curves[:MAX_CURVES])
    drawing = [
        drawing_of(charts.curve_chart(curve, metric)) for curve, metric in zip(curves, metrics, strict=False)
    ]
    offers = [
        {
            "name": offer.name,
            "title": offer_text(offer, context.data.best),
            "score": context.metric.text(offer.value, offer.se),
            "algorithm": offer.algorithm,
            "number": offer.number,
            "yaml": report_tables.settings_yaml(offer),
        }
        for offer in context.data.offers
    ]
    return {"charts": drawing, "total": len(curves), "offers": offers}


def _has_scores(curve: Curve) -> bool:
    return any(finite(mean) is not None for mean in curve.mean)


def _slices(context: Context) -> dict[str, object]:
    if not context.best_first:
        return {"charts": [], "total": 0}
    best = context.data.best.number if context.data.best else None
    drawing = [
        drawing_of(
            charts.slice_chart(
                name,
                context.data.trials,
                context.drawn,
                context.algorithms,
                context.metric,
                best,
                context.log.get(name),
                _error(context),
            )
        )
        for name in context.parameters[:MAX_SLICES]
    ]
    return {"charts": drawing, "total": len(context.parameters)}


def _pair(context: Context) -> dict[str, object]:
    """Return the two most important hyperparameters of the best algorithm against one another."""
    best = context.data.best
    shares = context.data.importances
    if best is None or not context.best_first:
        return {}
    names = sorted((n for n in context.best_first[0].params if n in shares), key=lambda n: -shares[n])[:2]
    trials = [trial for trial in context.best_first if all(name in trial.params for name in names)]
    if len(names) < 2 or len(trials) < MIN_PAIRS:
        return {}
    logs = (context.log.get(names[0]), context.log.get(names[1]))
    sizes = ((880.0, "plot wide"), (360.0, "plot narrow"))
    drawing = [charts.pair_chart(trials[:MAX_POINTS], (names[0], names[1]), logs, *size) for size in sizes]
    shaded = any('class="level"' in chart for chart in drawing)
    return {"charts": drawing_of(*drawing), "names": [clean(name) for name in names], "shaded": shaded}


def _backtests(context: Context) -> dict[str, object]:
    found = context.data.backtests
    if found is None:
        return {}
    steps = None
    if found.steps is not None and _has_scores(found.steps):
        sizes = ((880.0, "curve wide"), (360.0, "curve narrow"))
        metric = metric_of(found.steps.metric)
        label = "step of the horizon"
        steps = drawing_of(*(charts.curve_chart(found.steps, metric, True, label, *size) for size in sizes))
    return {
        "splits": [(one, "" if one.score is None else context.metric.text(one.score)) for one in found.splits],
        "steps": steps,
        "fans": [drawing_of(charts.fan_chart(fan)) for fan in found.fans],
    }


def _topics(context: Context) -> dict[str, object]:
    topics = context.data.topics
    if not topics:
        return {}
    rows = [(", ".join(one.words), f"{one.share:.1%}", f"{one.coherence:.2f}".replace("-", "−")) for one in topics]
    sizes = ((880.0, 340.0, "curve wide"), (360.0, 300.0, "curve narrow"))
    return {"rows": rows, "map": drawing_of(*(charts.topics_chart(topics, *size) for size in sizes))}


def _editions(context: Context) -> dict[str, object]:
    found, metric = context.data.editions, context.metric
    if not found:
        return {}
    few = len(found) <= MOST_NAMED  # names have no ticks between them
    places: list[object] = [str(one.number) if few else one.number for one in found]
    curve = Curve("edition", places, [one.score for one in found])
    sizes = ((880.0, "curve wide"), (360.0, "curve narrow"))
    drawing = [charts.curve_chart(curve, metric, False, "edition", *size) for size in sizes]
    rows = [(one.number, f"{one.rows:,}", metric.text(one.score)) for one in found]
    return {"charts": drawing_of(*drawing), "rows": rows[::-1], "brief": metric.brief}


def _learning(context: Context) -> dict[str, object]:
    curve = context.data.learning
    if curve is None or not _has_scores(curve):
        return {}
    found, further, sentence = context.data.extrapolated, doubled(curve), ""
    sentence = learning_text(curve, context.metric, beyond=found is None)
    beyond = None if further is None or "hardly help" in sentence else (*further, further[1], further[1])
    if found is not None:
        beyond = (float(found.rows), found.score, found.low, found.high)
        sentence = " ".join(part for part in (sentence, extrapolated_text(found, context.metric)) if part)
    sizes, label = ((880.0, "curve wide"), (360.0, "curve narrow")), "rows learned from"
    drawing = [charts.curve_chart(curve, context.metric, True, label, *size, beyond) for size in sizes]
    return {"charts": drawing_of(*drawing), "sentence": sentence, "beyond": beyond is not None}
