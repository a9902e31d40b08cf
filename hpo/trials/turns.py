"""Whose turn it is: the numbers of the trials that this process runs, where others may run the same study."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.trials.tuner import Tuner

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from studies.record.claims import Grant

BLOCK = 0.25
"""Seconds that the trials last that are claimed at once."""

MORE = 8
"""Times that a claim may be the one before it."""


@dataclass
class Turns:
    """Numbers of trials, claimed a few at a time; None where others are at work on what is left.

    A process alone claims one trial after another without a gap, and so runs what it would without claims.

    Attributes
    ----------
    tuner : whose trials they are.
    trials : how many there are to be in all.
    claim : asks for at most so many of so many in all; None where nobody can tell.
    met : called with each trial of another process.
    apart : called once, with the first number, where another process claimed what would have been the first.
    """

    tuner: Tuner
    trials: int
    claim: Callable[[int, int], Grant | None]
    met: Callable[[FrozenTrial], None]
    apart: Callable[[int], None]

    def __iter__(self) -> Iterator[int | None]:
        """Yield one number after another until all trials are run, by whomever."""
        want, alike = 1, True
        while True:
            turns, waiting = self._next(want)
            if waiting:
                yield None
                continue
            if not turns:
                return
            if alike and turns[0] != self.tuner.book.trials:
                alike = False
                self.apart(turns[0])
            began = time.monotonic()
            yield from turns
            took = max(time.monotonic() - began, 1e-6)
            want = max(1, min(MORE * want, round(len(turns) * BLOCK / took)))

    def _next(self, want: int) -> tuple[range, bool]:
        grant = self.claim(want, self.trials)
        if grant is None:
            first = self.tuner.book.trials
            return range(first, min(first + want, self.trials)), False
        for trial in grant.others:
            self.met(trial)
        return grant.turns, grant.waiting
