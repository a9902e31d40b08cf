"""What every section of the page needs: the data, the metric, and the orders of trials and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from studies.report.data import ReportData, TrialRow
from studies.report.text import Metric, algorithm_names, metric_of, parameter_names, ranked

MAX_POINTS = 1_500


def drawing_of(*charts: str) -> Markup:
    """Return charts as markup that the page takes as it is; :mod:`studies.report.charts` escapes what it draws."""
    return Markup("".join(charts))  # noqa: S704


@dataclass(frozen=True)
class Context:
    """What every section needs: the data, the metric, and the orders of trials, parameters, algorithms."""

    data: ReportData
    metric: Metric
    algorithms: list[str]
    parameters: list[str]
    best_first: list[TrialRow]
    drawn: list[int]
    log: dict[str, bool]


def context_of(data: ReportData) -> Context:
    """Return the context of a study."""
    best_first = ranked(data)
    return Context(
        data,
        metric_of(data.scoring),
        algorithm_names(data),
        parameter_names(data),
        best_first,
        drawn_places(data.trials, best_first),
        _log_axes(data),
    )


def _log_axes(data: ReportData) -> dict[str, bool]:
    curves = {curve.name: curve.log for curve in data.validation}
    if data.log_params is None:
        return curves
    return {**{name: name in data.log_params for name in parameter_names(data)}, **curves}


def drawn_places(
    trials: Sequence[TrialRow], best_first: Sequence[TrialRow], limit: int = MAX_POINTS
) -> list[int]:
    """Return the places of the trials that get a mark: all, or the better half of `limit` and an even choice.

    Examples
    --------
    >>> trials = [TrialRow(i, "ridge", value=float(i)) for i in range(10)]
    >>> drawn_places(trials, trials[::-1], limit=4)
    [0, 4, 8, 9]
    """
    if len(trials) <= limit:
        return list(range(len(trials)))
    place = {id(trial): i for i, trial in enumerate(trials)}
    top = {place[id(trial)] for trial in best_first[: limit // 2]}
    rest = [i for i in range(len(trials)) if i not in top]
    wanted = limit - len(top)
    return sorted(top | {rest[i * len(rest) // wanted] for i in range(wanted)})
