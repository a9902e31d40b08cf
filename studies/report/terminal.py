"""The report's summary for a terminal: scores, settings, algorithms, history and cost in one screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from studies.counting import counted
from studies.report.data import Chosen, ReportData, TrialRow
from studies.report.sentences import no_better
from studies.report.text import (
    Metric,
    algorithm_names,
    clean,
    columns_text,
    cost_text,
    finite,
    metric_of,
    number_text,
    parameter_names,
    ranked,
    seconds_text,
    shorten,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

Say = Callable[..., "Text"]

MAX_SETTINGS = 16
MAX_FRONT = 12
WIDE = 110
BARS, PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-=+*%#"
_ASCII = str.maketrans({"±": "+/-", "×": "x", "−": "-", "–": "-", "²": "2", "…": "...", "·": "|", "→": "->"})


def render_summary(data: ReportData, console: Console) -> None:
    """Print the summary of a study to a rich console, laid out for its width.

    Colours are the console's affair (``NO_COLOR`` and pipes get none); names are never read as markup, and a
    console that knows only ASCII gets ASCII.

    Examples
    --------
    >>> from rich.console import Console
    >>> render_summary(ReportData(name="flights", scoring="r2"), Console(width=80, color_system=None))
    flights
    <BLANKLINE>
    No trial has a score.
    <BLANKLINE>
    It read no rows: every state was in the store. Retraining would have read 0.
    """
    say = _speaker(console)
    metric = metric_of(data.scoring)
    console.print(_heading(data, say))
    console.print()
    if data.pareto:
        console.print(_front(data, say))
    else:
        console.print(_scores(data, metric, say) if data.best else say("No trial has a score."))
    tables = [table for table in (_settings(data, say), _leaders(data, metric, say)) if table is not None]
    for part in _beside(tables) if console.width >= WIDE else tables:
        console.print()
        console.print(part)
    history = _history(data, metric, say, console)
    if history is not None:
        console.print()
        console.print(history)
    console.print()
    console.print(_cost(data, say))
    for note in data.warnings:
        console.print(say(f"Warning: {note}", "yellow"))
    for note in data.notes:
        if note not in data.warnings:
            console.print(say(f"Note: {note}", "dim"))


def _speaker(console: Console) -> Say:
    """Return the function that makes text for this console: clean, without markup, ASCII where it must be."""
    only_ascii = console.options.ascii_only

    def say(words: object, style: str = "") -> Text:
        text = clean(words)
        if only_ascii:
            text = text.translate(_ASCII).encode("ascii", "replace").decode()
        return Text(text, style=style)

    return say


def _heading(data: ReportData, say: Say) -> Text:
    facts = [
        data.target and f"target {data.target}",
        data.folds,
        counted(len(data.trials), "trial") if data.trials else "",
    ]
    if data.n_rows:
        facts.insert(1, counted(data.n_rows, "row") + columns_text(data.n_columns))
    tail = " · ".join(fact for fact in facts if fact)
    return _line(say(data.name, "bold"), say(f"\n{tail}" if tail else "", "dim"))


def _line(*parts: Text) -> Text:
    """Return parts joined, each in its own style."""
    return Text.assemble(*parts)


def _grid(*justify: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    for side in justify:
        grid.add_column(justify=side, overflow="fold")  # type: ignore[arg-type]
    return grid


def _scores(data: ReportData, metric: Metric, say: Say) -> Table:
    grid = _grid("left", "left", "left")
    for name, chosen, style in (("Best", data.best, "bold green"), ("Simplest", data.simpler, "bold")):
        if chosen is not None:
            score = say(metric.text(chosen.value, chosen.se), style)
            grid.add_row(say(name), score, _origin(chosen, metric, say, name))
            if chosen.accuracy and (name == "Best" or chosen.accuracy != getattr(data.best, "accuracy", "")):
                grid.add_row(say(""), say(""), say(chosen.accuracy, "dim"))
            for row in _others(data, chosen, say) if name == "Best" else ():
                grid.add_row(*row)
    if data.nested is not None:
        score = say(metric.text(data.nested.mean, data.nested.se), "bold")
        grid.add_row(say("Nested"), score, say("expected on new data", "dim"))
    if data.baseline is not None:
        score = say(number_text(metric.shown(data.baseline.mean), 3))
        grid.add_row(say("No model"), score, say(f"{data.baseline.how} {data.baseline.answer}", "dim"))
        if data.best is not None and no_better(data.baseline, data.best.value):
            grid.add_row("", "", say("the best setting is no better than that", "yellow"))
    return grid


def _front(data: ReportData, say: Say) -> Table:
    """Return the table of the Pareto front, the best by the first objective first."""
    metrics = [metric_of(name) for name in data.metrics]
    title = f"Pareto front: {len(data.pareto)} {'setting' if len(data.pareto) == 1 else 'settings'}"
    table = _table(title, [("trial", "right"), ("", "left"), *((m.label, "right") for m in metrics)], say)
    for chosen in data.pareto[:MAX_FRONT]:
        others = [chosen.metrics[name] for name in data.metrics[1:]]
        scores = [(chosen.value, chosen.se), *((one.mean, one.se) for one in others)]
        texts = [say(m.text(*score)) for m, score in zip(metrics, scores, strict=True)]
        table.add_row(say(chosen.number), say(shorten(chosen.algorithm, 40)), *texts)
    if len(data.pareto) > MAX_FRONT:
        table.add_row(say(""), say(f"and {len(data.pareto) - MAX_FRONT} more", "dim"))
    return table


def _others(data: ReportData, chosen: Chosen, say: Say) -> Iterator[list[Text]]:
    """Yield the rows of the best setting's other scores."""
    for name in data.metrics[1:]:
        if name in chosen.metrics:
            metric, one = metric_of(name), chosen.metrics[name]
            words = f"{metric.name} of the best{', ' * bool(one.accuracy)}{one.accuracy}"
            yield [say(""), say(metric.text(one.mean, one.se)), say(words, "dim")]


def _origin(chosen: Chosen, metric: Metric, say: Say, name: str) -> Text:
    where = f"{shorten(chosen.algorithm, 40)}, trial {chosen.number}"
    if name == "Best":
        return _line(say(f"{metric.short}, {where}"), say(f" ({metric.direction})", "dim"))
    return _line(say(where), say(", within 1 SE of the best", "dim"))


def _table(title: str, columns: Sequence[tuple[str, str]], say: Say) -> Table:
    table = Table(
        title=say(title, "bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False
    )
    for name, justify in columns:
        table.add_column(say(name, "dim"), justify=justify, overflow="fold")  # type: ignore[arg-type]
    return table


def _settings(data: ReportData, say: Say) -> Table | None:
    if data.best is None or not data.best.params:
        return None
    picks = [("best", data.best)]
    if data.simpler is not None:
        picks.append(("simplest", data.simpler))
    known = set().union(*(pick.params for _, pick in picks))
    order = dict.fromkeys([*parameter_names(data), *data.best.params])
    names = [name for name in order if name in known]
    table = _table("Settings", [("", "left"), *((title, "right") for title, _ in picks)], say)
    for name in names[:MAX_SETTINGS]:
        values = [say(_value(pick, name)) for _, pick in picks]
        table.add_row(say(shorten(name, 40)), *values)
    if len(names) > MAX_SETTINGS:
        table.add_row(say(f"and {len(names) - MAX_SETTINGS} more", "dim"))
    return table


def _value(chosen: Chosen, name: str) -> str:
    if name not in chosen.params:
        return "–"
    value = chosen.params[name]
    return "none" if value is None else shorten(number_text(value), 40)


def _leaders(data: ReportData, metric: Metric, say: Say) -> Table | None:
    best_first = ranked(data)
    if not best_first:
        return None
    columns = [("", "left"), (f"best {metric.short}", "right"), ("complexity", "right"), ("trials", "right")]
    near = sum(leader.within_one_se for leader in data.leaderboard)
    title = "Algorithms (= within 1 SE of the best)" if near > 1 else "Algorithms"
    table = _table(title, columns, say)
    groups = {name: [t for t in best_first if t.algorithm == name] for name in algorithm_names(data)}
    places = {id(trial): place for place, trial in enumerate(best_first)}
    for name, group in sorted(
        groups.items(), key=lambda item: places[id(item[1][0])] if item[1] else len(places)
    ):
        table.add_row(*_leader(data, metric, say, name, group))
    return table


def _leader(data: ReportData, metric: Metric, say: Say, name: str, group: Sequence[TrialRow]) -> list[Text]:
    count = sum(trial.algorithm == name for trial in data.trials)
    if not group:
        return [say(shorten(name, 40)), say("no score", "dim"), say(""), say(f"{count:,}")]
    known = next((leader for leader in data.leaderboard if leader.algorithm == name), None)
    near = "= " if known is not None and known.within_one_se and len(data.leaderboard) > 1 else ""
    return [
        say(shorten(name, 40)),
        say(f"{near}{metric.text(group[0].value, group[0].se)}"),
        say(number_text(None if known is None else known.complexity)),
        say(f"{count:,}"),
    ]


def _beside(tables: Sequence[Table]) -> list[RenderableType]:
    if not tables:
        return []
    grid = _grid(*("left" for _ in tables))
    grid.padding = (0, 6, 0, 0)
    grid.add_row(*tables)
    return [grid]


def sparkline(values: Sequence[float], width: int, bars: str = BARS) -> str:
    """Return values as a row of at most `width` bars, the last value of each stretch.

    Examples
    --------
    >>> sparkline([0.0, 1.0, 2.0, 7.0], width=4)
    '▁▂▃█'
    """
    count = min(width, len(values))
    picked = [values[(i + 1) * len(values) // count - 1] for i in range(count)]
    low, high = min(picked, default=0.0), max(picked, default=0.0)
    half_span = high / 2 - low / 2  # halves, since the span of extreme scores may not be a float
    if half_span <= 0:
        return bars[-1] * count
    return "".join(bars[min(len(bars) - 1, int((v / 2 - low / 2) / half_span * len(bars)))] for v in picked)


def _history(data: ReportData, metric: Metric, say: Say, console: Console) -> Text | None:
    scores = [value for trial in data.trials if (value := finite(trial.value)) is not None]
    if len(scores) < 2:
        return None
    best = list(accumulate(scores, max))
    first, last = (number_text(metric.shown(value), 5) for value in (best[0], best[-1]))
    bars = PLAIN_BARS if console.options.ascii_only else BARS
    line = sparkline(best, max(8, min(60, console.width - 40)), bars)
    what = f"Best so far, {metric.short}  " if data.pareto else "Best so far  "
    return _line(say(what), say(line, "cyan"), say(f"  {first} → {last}", "dim"))


def _cost(data: ReportData, say: Say) -> Text:
    ledger = data.ledger
    parts = [say(cost_text(ledger), "bold")]
    if ledger.states_built or ledger.states_reused:
        states = f"{counted(ledger.states_built, 'state')} built, {ledger.states_reused:,} reused"
        times = f"pass {seconds_text(ledger.seconds_pass)}, trials {seconds_text(ledger.seconds_trials)}"
        parts.append(say(f" {states}; {times}.", "dim"))
    return _line(*parts)
