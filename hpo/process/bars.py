"""Bars on a terminal while a study runs."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from hpo.process.progress import Progress, best_text

if TYPE_CHECKING:
    from rich.progress import TaskID


class RichProgress(Progress):
    """A bar on a terminal or in a notebook: rows, bytes, rate and time left, then trials and the best score.

    Parameters
    ----------
    console : where to draw; None for standard error.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[what]}"),
            TimeRemainingColumn(compact=True),
            console=console or Console(stderr=True), transient=True, refresh_per_second=5,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._rows = self._bytes = self._trials = 0
        self._best: float | None = None

    def prepare(self, what: str) -> None:
        """Show what is done, and that something moves."""
        self._begin(what, None)

    def _begin(self, what: str, total: int | None, done: int = 0, text: str = "") -> None:
        if self._task is not None:
            self._bars.update(self._task, visible=False)
        self._task = self._bars.add_task(what, total=total, completed=done, what=text)

    def begin_pass(self, rows: int | None, nbytes: int) -> None:
        """Start the bar of the pass; its length is in bytes, known for every format."""
        self._rows = self._bytes = 0
        self._begin("reading", max(nbytes, 1))

    def read_again(self, why: str) -> None:
        """Print why the data is read again, in a line that stays."""
        self._bars.console.print(f"the data is read again: {why}", highlight=False, markup=False)

    def advance(self, rows: int, nbytes: int) -> None:
        """Move the bar of the pass."""
        if self._task is None:
            return
        self._rows, self._bytes = self._rows + rows, self._bytes + nbytes
        seconds = self._bars.tasks[self._task].elapsed or 0.0
        rate = f", {self._rows / seconds:,.0f} rows/s" if seconds > 0.0 else ""
        self._bars.update(
            self._task, completed=self._bytes, what=f"{self._rows:,} rows, {self._bytes / 1e6:,.0f} MB{rate}"
        )

    def begin_trials(self, trials: int, done: int) -> None:
        """Start the bar of the trials."""
        self._trials = done
        self._begin("trials", trials, done, f"{done} of {trials}")

    def trial(self, value: float | None) -> None:
        """Move the bar of the trials."""
        if self._task is None:
            return
        self._trials += 1
        if value is not None and (self._best is None or value > self._best):
            self._best = value
        best = "" if self._best is None else f", {best_text(self.metric, self._best)}"
        total = self._bars.tasks[-1].total or 0
        self._bars.update(self._task, completed=self._trials, what=f"{self._trials} of {total:.0f}{best}")

    def __enter__(self) -> RichProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
