"""How deep a report looks: what takes about as long as the trials did, by the seconds that they noted.

A curve takes a fit for each of its points and folds. Where models are fitted anew for every one, as forests are, a
report of everything would take many times what the study did. What is left out is decided by the record alone, so
that a study opened again has the same report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optuna.distributions import CategoricalDistribution

from hpo.findings.answers import importances
from hpo.findings.curves import noted_curve
from hpo.findings.extrapolation import SHARES
from hpo.findings.noted import algorithm_of
from hpo.findings.scored import leaders, searched
from hpo.states.fold_states import leaves_one_out
from hpo.trials import selection
from hpo.trials.grids import grid_of
from hpo.trials.notes import notes
from studies.report.text import seconds_text

if TYPE_CHECKING:
    from hpo.findings.result import Result
    from hpo.trials.selection import Candidate

FREE = 10.0
"""Seconds that a report may take beside those that the trials took."""

NESTED = 20.0
"""Seconds that the nested estimate may take: of 100,000 settings it would take most of the time."""

POINTS, FEWEST = 25, 5
"""Points of a curve, and those below which it is left out."""


@dataclass(frozen=True)
class TimeBudget:
    """What a report computes.

    Attributes
    ----------
    learning, nested : whether it has a learning curve, and a nested estimate.
    points : of the curve along each hyperparameter that has one.
    words : what was left out or thinned, and why.
    """

    learning: bool
    nested: bool
    points: Mapping[str, int]
    words: Sequence[str]


@dataclass(frozen=True)
class Along:
    """The curve along one hyperparameter: a fit in every fold takes ``seconds``.

    Examples
    --------
    >>> along = Along("forest.n_estimators", 0.5, 25, thins=True)
    >>> along.cost(5), Along("forest.bootstrap", 0.5, 2, thins=False).cost(5)
    (2.5, 1.0)
    """

    key: str
    seconds: float
    values: int
    thins: bool

    def cost(self, points: int) -> float:
        """Return the seconds that it takes with at most so many points; of choices each is one."""
        return self.seconds * (min(self.values, points) if self.thins else self.values)


def time_budget_of(result: Result, *, drawn: bool = True) -> TimeBudget:
    """Return what a report of a study computes, by what its trials noted: curves only if they are drawn."""
    seconds = [note.seconds or 0.0 for note in notes(result.optuna_study)]
    noted, spent = {c.number: seconds[c.number] for c in result.candidates}, sum(seconds)
    each = {name: _each(result, name, noted) for name in leaders(result)}
    left, single = FREE + spent, not result.record.several
    by_size = _sizes(result.best) * noted[result.best.number] if single else 0.0
    learning = drawn and by_size <= left
    left -= by_size * learning
    alongs = _alongs(result, each) if drawn else []
    choice = (len(result.candidates[0].states.plan.splits) - 1) / 2.0 * sum(noted.values())
    some, _ = affordable(alongs, left, FEWEST)
    nests = single and selection.nests(result.candidates)
    nested = nests and choice <= min(NESTED, left - sum(along.cost(FEWEST) for along in some))
    curves, points = affordable(alongs, left - choice * nested, POINTS)
    lacking = [along for along in alongs if along not in curves]
    left_out = [
        ("the learning curve", by_size * (drawn and not learning), "learning_curve(result)"),
        ("the nested estimate", choice * (nests and not nested), "nested_score(result)"),
        (_named(lacking), sum(along.cost(POINTS) for along in lacking), "validation_curve(result, …)"),
    ]
    words = [*_costly_words(result), *_words(left_out, spent, choice * nests), *_thin_words(curves, points, spent)]
    return TimeBudget(learning, nested, {along.key: points for along in curves}, words)


def affordable(alongs: Sequence[Along], seconds: float, points: int) -> tuple[list[Along], int]:
    """Return the curves that can be computed in that time, the first before others, and the most points of each.

    Examples
    --------
    >>> alongs = [Along("a", 1.0, 25, True), Along("b", 1.0, 25, True)]
    >>> [(len(kept), n) for kept, n in (affordable(alongs, s, 25) for s in (60.0, 20.0, 9.0, 4.0))]
    [(2, 25), (2, 10), (1, 9), (0, 0)]
    """
    for n in range(len(alongs), 0, -1):
        kept = list(alongs[:n])
        for most in range(points, FEWEST - 1, -1):
            if sum(along.cost(most) for along in kept) <= seconds:
                return kept, most
    return [], 0


def _alongs(result: Result, each: Mapping[str, float]) -> list[Along]:
    """Return the curves that a report may have, those of the most important hyperparameters first."""
    shares = importances(result)
    found = []
    for key, distribution in searched(result).items():
        name = key.partition(".")[0]
        if (noted := noted_curve(result, key)) is not None:
            found.append(Along(key, 0.0, len(noted.x), thins=False))
        elif not _costly(leaders(result)[name]):
            thins = not isinstance(distribution, CategoricalDistribution)
            found.append(Along(key, each[name], len(grid_of(distribution, POINTS)), thins))
    return sorted(found, key=lambda along: -shares.get(along.key, 0.0))


def _costly_words(result: Result) -> list[str]:
    costly = [name for name, leader in leaders(result).items() if _costly(leader)]
    if not costly:
        return []
    return [
        f"Curves along the hyperparameters of {', '.join(costly)}, and the nested estimate, were left out: each "
        "point would fit the estimator anew, more often than the study did. Curves that one fit answers are drawn."
    ]


def _words(left_out: Sequence[tuple[str, float, str]], spent: float, choice: float) -> list[str]:
    """Return what was left out, what it would take, and how to ask for it."""
    parts = [f"{what} (about {seconds_text(cost)}; call hpo.{how})" for what, cost, how in left_out if cost > 0.0]
    if not parts:
        return []
    nested = f", and the nested estimate no longer than {NESTED:.0f} s" if choice > NESTED else ""
    limits = f"a report takes no longer than the trials ({seconds_text(spent)}){nested}"
    return [f"Skipped, since {limits}: {'; '.join(parts)}."]


def _thin_words(curves: Sequence[Along], points: int, spent: float) -> list[str]:
    if all(along.cost(points) == along.cost(POINTS) for along in curves):
        return []
    return [
        f"Curves reduced to {points} points, from {POINTS}, since a report takes no longer than the trials "
        f"({seconds_text(spent)})."
    ]


def _named(alongs: Sequence[Along]) -> str:
    curves = "curves" if len(alongs) > 1 else "curve"
    return f"the {curves} along {', '.join(along.key for along in alongs)}"


def _each(result: Result, name: str, noted: Mapping[int, float]) -> float:
    """Return the seconds of an algorithm's trials on average."""
    found = [noted[c.number] for c in result.candidates if algorithm_of(result.run, c) == name]
    return sum(found) / len(found)


def _sizes(best: Candidate) -> int:
    """Return how many sizes the learning curve of a candidate has."""
    if best.states.whole.nests:
        return len(SHARES)
    return best.states.plan.n_cells - 1 if leaves_one_out(best.states.plan) else 0


def _costly(leader: Candidate) -> bool:
    return leader.algorithm.tags.costly
