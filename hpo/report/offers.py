"""Settings that no trial had and that a curve shows to be better: offered to be copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hpo.findings.scored import leaders
from hpo.trials.along_curves import worth
from studies.report.data import Curve, Offer
from studies.report.text import finite

if TYPE_CHECKING:
    from hpo.findings.result import Result
    from hpo.trials.selection import Candidate

def with_tried(curve: Curve, leader: Candidate) -> Curve:
    """Return a curve that passes through the best trial of its algorithm, and says which point is better, if any.

    Parameters
    ----------
    curve : along a hyperparameter of the algorithm, by the study's score.
    leader : its best trial, at ``curve.best_x``.
    """
    x, mean, se = list(curve.x), list(curve.mean), list(curve.se)
    numbers = [finite(one) for one in x]
    at = finite(curve.best_x)
    if at is not None and curve.best_x not in x and None not in numbers:
        place = sum(one < at for one in numbers if one is not None)
        x.insert(place, curve.best_x)
        mean.insert(place, leader.scores.mean)
        se.insert(place, finite(leader.scores.se))
    made = replace(curve, x=x, mean=mean, se=se)
    best = max(range(len(mean)), key=mean.__getitem__, default=None)
    better = best is not None and mean[best] > worth(leader.scores) and curve.best_x is not None
    return replace(made, better_x=x[best]) if better and best is not None else made


def offers(result: Result, curves: Sequence[Curve]) -> list[Offer]:
    """Return the better points of the curves as settings, the best first."""
    found = []
    for curve in (c for c in curves if c.better_x is not None):
        name = curve.name.partition(".")[0]
        leader, place = leaders(result)[name], curve.x.index(curve.better_x)
        params = {**result.params_of(leader), curve.name: curve.better_x}
        found.append(
            Offer(leader.number, name, params, curve.mean[place], curve.se[place], name=curve.name)
        )
    return sorted(found, key=lambda offer: -(offer.value or 0.0))
