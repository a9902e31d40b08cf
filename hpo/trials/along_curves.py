"""Settings along the curves of the best trials, tried once the search has ended: they cost no fit to rows.

The best setting of a search is seldom the best of its neighbourhood, since samplers change all hyperparameters at
once. The curves are those of a report: along each hyperparameter of the best trial of each algorithm. Their best
point becomes a trial where it is better than every trial, and its own curves are next.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from hpo.question.prefix_values import every_value
from hpo.states.evaluate import Scores
from hpo.trials import selection
from hpo.trials.after import AfterTrials, Ended
from hpo.trials.cost import rows_if_retrained
from hpo.trials.grids import grid_of
from hpo.trials.notes import distinct, note_of, notes
from hpo.trials.selection import Candidate
from hpo.trials.settings import Setting
from hpo.trials.tuner import candidate_of, candidates_of
from studies.counting import counted
from studies.record.trial_note import TrialNote
from studies.sampling.numbered import trial_of

if TYPE_CHECKING:
    from optuna.study import Study

    from hpo.data.segment import ReadLog
    from studies.record.record_parts import Cost

POINTS = 25
"""Values of a range, as in a report."""

WORTH = 0.01
"""Standard errors by which a setting must be better than the best trial to be one."""


INTERRUPTED, LATE = "the study was interrupted", "the time limit was used up"


@dataclass(frozen=True, eq=False)
class Along:
    """A setting along a curve: of which trial, its scores, and the seconds that they took."""

    of: int
    setting: Setting
    scores: Scores
    seconds: float


@dataclass(frozen=True, eq=False)
class AlongCurves(AfterTrials):
    """The best settings along the curves of the best trials, as trials; none where that was not asked for.

    Attributes
    ----------
    asked : trials that may be added.
    left : seconds of the study's time limit.
    added : the trials that were.
    scored : settings that were scored.
    seconds : that it took.
    retrained : rows that all trials would have read by retraining; None where none was added.
    """

    asked: int = 0
    left: float = math.inf
    added: tuple[int, ...] = ()
    scored: int = 0
    seconds: float = 0.0
    retrained: int | None = None

    @classmethod
    def plan(cls, ended: Ended, winner: Candidate) -> Self | None:
        """Return how many settings may be added, and why none is; None where nobody asked, or all were."""
        spec, tuner = ended.question.spec, ended.tuner
        asked = spec.refine - len(refined(tuner.study))
        if asked <= 0:
            return None
        left = math.inf if spec.timeout is None else spec.timeout - _seconds(tuner.study)
        made = cls(winner.number, asked, left)
        if not leaders(ended):
            return replace(made, reason="each of its settings would be fitted to rows anew")
        if every_value(spec.sampler) or every_value(tuner.study.sampler):
            return replace(made, reason="a grid is tried as it was given")
        if ended.stop.is_set():
            return replace(made, reason=INTERRUPTED)
        return replace(made, reason=LATE) if left <= 0 else made

    def run(self, ended: Ended, winner: Candidate) -> Self:
        """Add the best setting along the curves, then that along its own as well, while there is a better one."""
        began, best, made = time.monotonic(), selection.best(candidates_of(ended.tuner)), self
        if ended.recorder.shared():
            return replace(self, reason="other processes ran trials of the study")
        ended.progress.prepare("trying settings along the curves of the best trial")
        fresh, known = leaders(ended), list[Along]()
        while len(made.added) < self.asked:
            known += made._along(ended, fresh, began)
            made = replace(made, scored=len(known), reason=self._ended(ended, began))
            found = max(known, key=lambda one: one.scores.mean, default=None)
            if made.reason or found is None or found.scores.mean <= worth(best.scores):
                break
            added = _add(ended, found)
            if added is None:
                made = replace(made, reason="another process runs the study")
                break
            best, fresh, made = added, [added], replace(made, added=(*made.added, added.number))
        rows = rows_if_retrained(ended.found.any_states, len(distinct(ended.tuner.study)))
        return replace(made, seconds=time.monotonic() - began, retrained=rows)

    def _along(self, ended: Ended, candidates: Sequence[Candidate], began: float) -> Iterator[Along]:
        """Score the settings along the curves of some trials until the study is to end."""
        for one in candidates:
            for setting in settings_along(ended, one):
                if self._ended(ended, began):
                    return
                since = time.perf_counter()
                scores, _ = ended.tuner.scorer.attempt(setting)
                if scores is not None:
                    yield Along(one.number, setting, scores, time.perf_counter() - since)

    def _ended(self, ended: Ended, began: float) -> str:
        """Return why nothing more is to be tried; empty where it may be."""
        if ended.stop.is_set():
            return INTERRUPTED
        return LATE if time.monotonic() - began > self.left else ""

    def cost(self, cost: Cost, log: ReadLog) -> Cost:
        """Return the cost of the study with that of these settings, which read no row."""
        retrained = cost.rows_if_retrained if self.retrained is None else self.retrained
        return replace(cost, seconds_trials=cost.seconds_trials + self.seconds, rows_if_retrained=retrained)

    @property
    def words(self) -> str:
        """What a report says of it beside the trials, which say themselves that they are of it."""
        if self.reason:
            ended = "ended early" if self.scored else "was left out"
            return f"The refinement along the curves of the best trial (refine) {ended}: {self.reason}."
        if self.added:
            return ""
        return (
            f"None of {counted(self.scored, 'setting')} along the curves of the best trial was better by "
            f"{WORTH:g} standard errors."
        )


def refined(study: Study) -> list[int]:
    """Return the trials of a study that were added along the curves of another."""
    return [number for number, note in enumerate(notes(study)) if note.refines is not None]


def worth(scores: Scores) -> float:
    """Return the mean score from which on a setting is better than one of these scores.

    Examples
    --------
    >>> round(worth(Scores((0.5, 0.75))), 5)
    0.62625
    """
    error = scores.se if math.isfinite(scores.se) else 0.0
    return scores.mean + max(WORTH * error, 1e-9 * abs(scores.mean))


def leaders(ended: Ended) -> list[Candidate]:
    """Return the best trial of each algorithm whose settings are answered without a fit to rows."""
    found: dict[str, Candidate] = {}
    for one in candidates_of(ended.tuner):
        name, _ = ended.tuner.space.tried(trial_of(ended.tuner.study, one.number))
        found[name] = selection.best([found.get(name, one), one])
    return [one for one in found.values() if not one.algorithm.tags.costly and one.algorithm.chained is None]


def settings_along(ended: Ended, best: Candidate) -> Iterator[Setting]:
    """Yield the settings that differ from one in a single hyperparameter, not a solved one, and were not tried."""
    space, book = ended.tuner.space, ended.tuner.book
    name, values = space.tried(trial_of(ended.tuner.study, best.number))
    for key, distribution in space.proposed.items():
        owner, _, parameter = key.partition(".")
        if owner != name or parameter not in values:
            continue
        for value in grid_of(distribution, POINTS):
            setting = name, {**values, parameter: value}
            if book.known(setting) is None:
                yield setting


def _add(ended: Ended, found: Along) -> Candidate | None:
    """Add a setting as a trial; None where another process runs the study, so that it has no number."""
    tuner, (name, values) = ended.tuner, found.setting
    grant = ended.recorder.claim(1, tuner.book.trials + 1)
    if grant is not None and not grant.turns:
        return None
    params = trial_of(tuner.study, found.of).params | {f"{name}.{key}": value for key, value in values.items()}
    note = TrialNote(
        refines=found.of, rows_read=0, states=tuner.scorer.context(found.setting), seconds=round(found.seconds, 6),
        converged=found.scores.converged,
    )  # fmt: skip
    added = tuner.book.add(params, tuner.scorer.values(found.scores), note_of(found.scores, note))
    tuner.book.remember(found.setting, added.number, found.scores)
    ended.recorder.put(added)
    return candidate_of(tuner, added, found.scores)


def _seconds(study: Study) -> float:
    return sum(note.seconds or 0.0 for note in notes(study))
