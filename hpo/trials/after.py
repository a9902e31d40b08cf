"""What follows the trials: steps that improve the winner, or look for a better one, before the result is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Self

from hpo.process.progress import Progress
from hpo.question.question import Question
from hpo.states.contexts import Evidence
from hpo.trials.recorder import Recorder
from hpo.trials.selection import Candidate

if TYPE_CHECKING:
    from hpo.data.segment import ReadLog
    from hpo.trials.tuner import Tuner
    from studies.record.record_parts import Cost
    from studies.record.study_record import StudyRecord


@dataclass(frozen=True, eq=False)
class Ended:
    """A study whose trials have ended.

    Attributes
    ----------
    question : what was asked.
    tuner : with every trial; ``tuner.record(tuner.score(proposal))`` adds one.
    found : the states.
    recorder : what is put there is recorded; a trial that a step adds must be.
    progress : called with what happens.
    stop : set where the study is to end: nothing more is begun.
    """

    question: Question
    tuner: Tuner
    found: Evidence
    recorder: Recorder
    progress: Progress
    stop: Event


@dataclass(frozen=True, eq=False)
class AfterTrials(ABC):
    """One step after the trials: first what is planned, then what was done.

    The runner goes through its list of steps (``hpo.trials.run.STEPS``) once, and asks each the same way::

        planned = Step.plan(ended, winner)             # None: it does not concern this study
        done = planned if planned.reason else planned.run(ended, winner)
        record = replace(done.note(record), cost=done.cost(record.cost, log))

    Then the record is written, and the winner is determined anew for the next step: a step that adds trials stands
    before those that work on the winner's model. Where there is no winner (no trial has a score, or several scores
    are optimised together) no step is asked. At most one of the steps gives the winner's model other numbers.

    Attributes
    ----------
    number : the winner's trial.
    reason : why it is not done, or ended early, in words; empty where it was done whole.

    Examples
    --------
    A step that is planned wherever the winner comes from the last trial, and does nothing:

    >>> from dataclasses import replace
    >>> class Late(AfterTrials):
    ...     @classmethod
    ...     def plan(cls, ended, winner):
    ...         return cls(winner.number) if winner.number == len(ended.tuner.study.trials) - 1 else None
    ...
    ...     def run(self, ended, winner):
    ...         return replace(self, reason="there is nothing to do")
    >>> Late(3).run(None, None).reason, Late(3).words, Late(3).solution_of(3)
    ('there is nothing to do', '', None)
    """

    number: int
    reason: str = field(default="", kw_only=True)

    @classmethod
    @abstractmethod
    def plan(cls, ended: Ended, winner: Candidate) -> Self | None:
        """Return the step for a winner, with a reason where it does not pay; None where it does not apply.

        It decides, from the states alone: it reads no row, adds no trial and writes nothing.
        """

    @abstractmethod
    def run(self, ended: Ended, winner: Candidate) -> Self:
        """Do what was planned, and return the step with what came of it.

        Data that cannot be read, a fit that fails and an interrupt do not fail the study: the winner stays as it
        is, with a warning, and ``reason`` has why.
        """

    def note(self, record: StudyRecord) -> StudyRecord:
        """Return the study's record with what is kept of the step; by default, nothing."""
        return record

    def cost(self, cost: Cost, log: ReadLog) -> Cost:
        """Return the cost of the study with that of the step; ``log`` is of everything that was read until now."""
        return cost

    @property
    def words(self) -> str:
        """What a report says of it, in a sentence; empty for nothing."""
        return ""

    def solution_of(self, number: int) -> object:
        """Return the numbers of a trial's model, where the step found better ones; else None."""
        return None
