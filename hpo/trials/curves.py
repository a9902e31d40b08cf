"""Curves of scores along one hyperparameter, and along rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from algorithms.contract import Algorithm, Held
from hpo.process.axes import Drawn
from hpo.process.threads import one_thread
from hpo.states.evaluate import Scores
from hpo.states.fold_states import FoldStates, leaves_one_out
from hpo.trials.selection import Candidate, usable_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Curve(Drawn):
    """Scores along one axis.

    Attributes
    ----------
    x : values of the axis.
    mean, se : of the fold scores at each.
    name, metric, log : of the axis, of the score, and whether the axis was searched on a logarithmic scale.

    Examples
    --------
    >>> curve = Curve((1, 10), (0.5, 0.75), (0.01, 0.02), "k", "r2")
    >>> curve.plot().get_xlabel()
    'k'
    """

    x: tuple[object, ...]
    mean: tuple[float, ...]
    se: tuple[float, ...]
    name: str = field(default="", compare=False, repr=False)
    metric: str = field(default="", compare=False, repr=False)
    log: bool = field(default=False, compare=False, repr=False)

    def _repr_html_(self) -> str:
        """Show the curve, as notebooks do."""
        se = [error if math.isfinite(error) else None for error in self.se]
        drawn = import_module("studies.report.small").curve_html
        return str(drawn(self.name, self.metric, self.x, self.mean, se, log=self.log))

    def _draw(self, ax: Axes) -> None:
        """Draw the means with their standard errors."""
        numeric = all(isinstance(x, int | float) and not isinstance(x, bool) for x in self.x)
        x = [float(str(one)) for one in self.x] if numeric else [str(one) for one in self.x]
        metric = import_module("studies.report.text").metric_of(self.metric)
        ax.errorbar(x, [metric.shown(mean) for mean in self.mean], yerr=self.se, marker="o", capsize=3)
        if self.log and numeric:
            ax.set_xscale("log")
        ax.set_xlabel(self.name)
        ax.set_ylabel(metric.label)


@one_thread()
def learning_curve(candidate: Candidate, metric: str) -> Curve | None:
    """Return the score against the number of training rows, from merges of fewer folds.

    For each held-out fold the training folds grow one by one, in cyclic order from the held-out one.
    None where the plan does not leave one fold out at a time.
    """
    states = candidate.states
    plan = states.plan
    if not leaves_one_out(plan) or plan.n_cells < 3:
        return None
    k = plan.n_cells
    sizes: list[float] = []
    scores: list[Scores] = []
    for m in range(1, k):
        trains = [states.merged([(s.test[0] + 1 + j) % k for j in range(m)]) for s in plan.splits]
        found = usable_scores(candidate.algorithm, trains, states.held_out, metric)
        if found is not None:
            sizes.append(sum(t.rows for t in trains) / len(trains))
            scores.append(found)
    return Curve(tuple(sizes), tuple(s.mean for s in scores), tuple(s.se for s in scores))


@one_thread()
def validation_curve(
    build: Callable[[Mapping[str, object]], tuple[Algorithm, FoldStates]],
    params: Mapping[str, object],
    name: str,
    values: Sequence[object],
    metric: str,
    *,
    from_states: bool = False,
) -> Curve:
    """Return the score along one hyperparameter, the others held at ``params``.

    Parameters
    ----------
    build : makes (algorithm, states) of a setting.
    params : the setting to vary.
    name : the hyperparameter.
    values : where to look.
    metric : the score.
    from_states : whether it is computed from held-out states, whatever the study is scored on.
    """
    kept, scores = [], []
    for value in values:
        algorithm, states = build({**params, name: value})
        held_out = [Held(held.state) for held in states.held_out] if from_states else states.held_out
        found = usable_scores(algorithm, states.train, held_out, metric, states.overlap)
        if found is not None:
            kept.append(value)
            scores.append(found)
    return Curve(tuple(kept), tuple(s.mean for s in scores), tuple(s.se for s in scores))
