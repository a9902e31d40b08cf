"""The report as Markdown, as short as a comment on a pull request: what was found, how sure, and at what cost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from studies.report.context import Context, context_of
from studies.report.data import Chosen, ReportData
from studies.report.page import written
from studies.report.sentences import (
    baseline_text,
    convergence_text,
    difference_text,
    learning_text,
    standing_text,
    unit_text,
)
from studies.report.tables import setting_text, settings_yaml
from studies.report.text import MISSING, clean, cost_text, metric_of, number_text

MOST_ROWS = 12


def write_markdown(data: ReportData, path: str | os.PathLike[str]) -> Path:
    """Write the report as Markdown, whole or not at all, and return where it is. Raises ReportError."""
    return written(path, to_markdown(data))


def to_markdown(data: ReportData) -> str:
    """Return the report as Markdown.

    Names of users are text in it: what Markdown or HTML would read as markup is escaped.

    Examples
    --------
    >>> from studies.report.data import Chosen
    >>> best = Chosen(3, "ridge", {"ridge.alpha": 0.5}, 0.82, 0.01)
    >>> page = to_markdown(ReportData(name="flights", scoring="r2", best=best))
    >>> print(page.split(chr(10))[2])
    **0.820 ± 0.010** R² (higher is better), by **ridge**.
    """
    context = context_of(data)
    parts = [f"# {escaped(data.name)}", _headline(context), *_warnings(data)]
    parts += [*_scores(context), *_algorithms(context), *_sentences(context), *_setting(data), *_remarks(data)]
    return clean("\n\n".join(part for part in parts if part)) + "\n"


def escaped(text: object) -> str:
    r"""Return text of which nothing is read as markup.

    Examples
    --------
    >>> print(escaped("a_b | <i>"))
    a\_b \| &lt;i&gt;
    """
    plain = clean(text).replace("\n", " ").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{letter}" if letter in "\\`*_[]|#~" else letter for letter in plain)


def _headline(context: Context) -> str:
    data, metric, best = context.data, context.metric, context.data.best
    if best is None:
        front = f"{len(data.pareto)} settings on the Pareto front of "
        names = ", ".join(metric_of(name).short for name in data.objectives)
        return f"{front}{escaped(names)}." if data.pareto else "No trial has a score."
    unit = escaped(unit_text(data.scoring, data.target))
    score, name = f"**{metric.text(best.value, best.se)}**", f"**{escaped(best.algorithm)}**"
    found = f"{score} {escaped(metric.name)}{unit} ({metric.direction}), by {name}."
    beside = baseline_text(data.baseline, metric, best.value) if data.baseline else ""
    return f"{found} {escaped(beside)}".rstrip()


def _warnings(data: ReportData) -> list[str]:
    return ["\n".join(f"> ⚠ {escaped(note)}" for note in data.warnings)] if data.warnings else []


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    rules = ["---:" if side else "---" for side in right]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, rules, *rows))


def _scores(context: Context) -> list[str]:
    data, metric = context.data, context.metric
    if data.best is None:
        return []
    rows = [["best", metric.text(data.best.value, data.best.se), _where(data.best)]]
    if data.simpler is not None:
        rows.append(["simplest", metric.text(data.simpler.value, data.simpler.se), _where(data.simpler)])
    if data.nested is not None:
        score = metric.text(data.nested.mean, data.nested.se)
        rows.append(["expected on new data", score, "nested cross-validation"])
    if data.baseline is not None:
        shown = number_text(metric.shown(data.baseline.mean), 3)
        rows.append(["without a model", shown, f"{data.baseline.how} {data.baseline.answer}"])
    return [_table(["", f"{escaped(metric.short)} ± SE", ""], rows, (False, True, False))]


def _where(chosen: Chosen) -> str:
    setting = f": {escaped(setting_text(chosen))}" if chosen.params else ""
    return f"{escaped(chosen.algorithm)}, trial {chosen.number}{setting}"


def _algorithms(context: Context) -> list[str]:
    leaders, metric = context.data.leaderboard, context.metric
    if len(leaders) < 2:
        return []
    rows = [
        [
            escaped(one.algorithm), metric.text(one.value, one.se), difference_text(one, metric) or MISSING,
            f"{one.trials:,}",
        ]
        for one in leaders[:MOST_ROWS]
    ]  # fmt: skip
    heads = ["algorithm", f"best {escaped(metric.short)}", "to the best", "trials"]
    return [_table(heads, rows, (False, True, True, True))]


def _sentences(context: Context) -> list[str]:
    data, best = context.data, context.data.best
    if best is None:
        return [cost_text(data.ledger)]
    found = [
        standing_text(data.leaderboard),
        learning_text(data.learning, context.metric) if data.learning else "",
        convergence_text(data.trials, best.se),
        cost_text(data.ledger),
    ]
    return ["\n".join(f"- {escaped(one)}" for one in found if one)]


def _setting(data: ReportData) -> list[str]:
    if data.best is None:
        return []
    lines = settings_yaml(data.best).replace("```", "'''")
    return [f"```yaml\n{lines}```"]


def _remarks(data: ReportData) -> list[str]:
    notes = [note for note in data.notes if note not in data.warnings]
    if not notes:
        return []
    listed = "\n".join(f"- {escaped(note)}" for note in notes)
    return [f"<details><summary>Remarks</summary>\n\n{listed}\n\n</details>"]
