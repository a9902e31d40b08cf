"""Trials of a journal that are read when somebody asks for them: a storage of many studies opens fast."""

from __future__ import annotations

import functools
import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.trial import FrozenTrial, TrialState

from studies.record.lines import Line, local, value_and_start_of

if TYPE_CHECKING:
    from studies.record.journal_index import Run

class Trials(dict[int, FrozenTrial]):
    """Trials by id; one that is still a line is read when it is asked for, and so are runs of lines.

    Attributes
    ----------
    length : how many trials there are, those of removed studies included.
    """

    def __init__(self, lines_of: Callable[[Run], Sequence[Line]]) -> None:
        super().__init__()
        self.length = 0
        self._lines_of = lines_of
        self._lines: dict[int, tuple[int, Line]] = {}
        self._firsts: list[int] = []
        self._runs: dict[int, tuple[Run, int]] = {}

    def add(self, run: Run, number: int) -> None:
        """Take a run of lines, unread; its first trial has that number within its study."""
        self._firsts.append(run.first)
        self._runs[run.first] = run, number
        self.length = run.ids.stop

    def add_line(self, line: Line, number: int) -> None:
        """Take the line of the next trial, which has that number within its study."""
        self._lines[self.length] = number, line
        self.length += 1

    def unread(self, trial_id: int) -> Run | None:
        """Return the run of a trial of which none was asked for, None for any other."""
        if not self._runs:
            return None
        place = bisect_right(self._firsts, trial_id) - 1
        run, _ = self._runs.get(self._firsts[place], (None, 0)) if place >= 0 else (None, 0)
        return run if run is not None and trial_id in run.ids else None

    def __len__(self) -> int:
        """Return how many trials there are."""
        return self.length

    def __contains__(self, trial_id: object) -> bool:
        """Return whether there is a trial of that id."""
        return (
            super().__contains__(trial_id)
            or trial_id in self._lines
            or (isinstance(trial_id, int) and self.unread(trial_id) is not None)
        )

    def __setitem__(self, trial_id: int, trial: FrozenTrial) -> None:
        """Take a trial."""
        super().__setitem__(trial_id, trial)
        self.length = max(self.length, trial_id + 1)

    def __getitem__(self, trial_id: int) -> FrozenTrial:
        """Return the trial."""
        if (line := self.line(trial_id)) is not None:
            number, _ = self._lines[trial_id]
            trial = _read(line.text)
            trial._trial_id, trial.number = trial_id, number
            super().__setitem__(trial_id, trial)
            del self._lines[trial_id]
        return super().__getitem__(trial_id)

    def get(self, trial_id: int, default: object = None) -> object:  # type: ignore[override]  # one of dict's three
        """Return the trial, or the default where there is none of that id."""
        return self[trial_id] if trial_id in self else default  # noqa: SIM401 -- this is get

    def line(self, trial_id: int) -> Line | None:
        """Return the line of a trial that nobody asked for, None for any other."""
        if (run := self.unread(trial_id)) is not None:
            _, number = self._runs[run.first]
            for place, line in enumerate(self._lines_of(run)):
                self._lines[run.first + place] = number + place, line
            del self._runs[run.first]
        found = self._lines.get(trial_id)
        return None if found is None else found[1]


@functools.lru_cache(maxsize=4096)
def _distribution(text: str) -> BaseDistribution:
    """Return a distribution; trials of one study share it, since all of them name the same few."""
    return json_to_distribution(text)


def _read(text: bytes) -> FrozenTrial:
    """Return the trial of a line as Optuna's own replay makes it."""
    log = json.loads(text)
    distributions = {name: _distribution(each) for name, each in log.get("distributions", {}).items()}
    params = {name: distributions[name].to_external_repr(each) for name, each in log.get("params", {}).items()}
    return FrozenTrial(
        trial_id=0, number=0, state=TrialState(log["state"]), params=params, distributions=distributions,
        user_attrs=log.get("user_attrs", {}), system_attrs=log.get("system_attrs", {}), value=log.get("value"),
        intermediate_values={int(step): each for step, each in log.get("intermediate_values", {}).items()},
        datetime_start=local(log["datetime_start"]), datetime_complete=local(log.get("datetime_complete")),
        values=log.get("values"),
    )  # fmt: skip


def value_and_start(trials: Trials, trial_id: int) -> tuple[float | None, datetime | None]:
    """Return value and beginning of a trial, which is not read if nobody asked for it."""
    line = trials.line(trial_id)
    return _of_trial(trials[trial_id]) if line is None else value_and_start_of(line)


def _of_trial(trial: FrozenTrial) -> tuple[float | None, datetime | None]:
    value = trial.values[0] if trial.state is TrialState.COMPLETE and trial.values else None
    return value, trial.datetime_start
