"""What a person sees while a study runs: bars on a terminal, a line now and then elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from threading import Event, Lock, Thread
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from studies.counting import counted
from studies.report.text import bytes_text, metric_of, number_text, seconds_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

FIRST, EVERY = 5.0, 10.0
"""Seconds until the first line where there is no terminal, and between two."""


class Progress:
    """Called with what happens; this one prints nothing.

    Examples
    --------
    >>> with Progress() as progress:
    ...     progress.begin_pass(rows=10, nbytes=80)
    ...     progress.advance(10, 80)
    """

    metric = ""
    """Name of the score that trials are counted with."""

    def prepare(self, what: str) -> None:
        """Say what is done before there is anything to count."""

    def begin_pass(self, rows: int | None, nbytes: int) -> None:
        """Start a pass that will read so many rows (None if unknown) and bytes."""

    def read_again(self, why: str) -> None:
        """Say that another pass follows, and why."""

    def advance(self, rows: int, nbytes: int) -> None:
        """Count rows and bytes just read; called from many threads."""

    def begin_trials(self, trials: int, done: int) -> None:
        """Start the trials, some of which may be done already."""

    def trial(self, value: float | None) -> None:
        """Count one finished trial and its score."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


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

    def _begin(self, what: str, total: int | None, done: int = 0, told: str = "") -> None:
        if self._task is not None:
            self._bars.update(self._task, visible=False)
        self._task = self._bars.add_task(what, total=total, completed=done, what=told)

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


class LineProgress(Progress):
    """A line on standard error now and then, where there is no terminal: what is done, how far, the best score.

    Short work says nothing; long work is not silent, whatever it is at.
    """

    def __init__(self) -> None:
        self._lock, self._over = Lock(), Event()
        self._began = time.monotonic()
        self._what = "looking at the data"
        self._rows = self._bytes = self._of_bytes = self._trials = self._of_trials = 0
        self._best: float | None = None

    def prepare(self, what: str) -> None:
        """Keep what is done."""
        with self._lock:
            self._what = what

    def begin_pass(self, rows: int | None, nbytes: int) -> None:
        """Keep how much there is to read."""
        with self._lock:
            self._what, self._rows, self._bytes, self._of_bytes = "reading", 0, 0, nbytes

    def read_again(self, why: str) -> None:
        """Write why the data is read again."""
        self._write(f"the data is read again: {why}")

    def advance(self, rows: int, nbytes: int) -> None:
        """Count rows and bytes."""
        with self._lock:
            self._rows, self._bytes = self._rows + rows, self._bytes + nbytes

    def begin_trials(self, trials: int, done: int) -> None:
        """Keep how many trials there will be."""
        with self._lock:
            self._what, self._trials, self._of_trials = "trials", done, trials

    def trial(self, value: float | None) -> None:
        """Count one trial."""
        with self._lock:
            self._trials += 1
            if value is not None and (self._best is None or value > self._best):
                self._best = value

    def line(self) -> str:
        """Return how far it is.

        Examples
        --------
        >>> progress = LineProgress()
        >>> progress.begin_pass(100, 2_000)
        >>> progress.advance(50, 1_000)
        >>> progress.line()
        'reading: 50 rows, 1 kB of 2 kB'
        >>> progress.begin_trials(200, 0)
        >>> progress.metric = "neg_root_mean_squared_error"
        >>> progress.trial(-2.5)
        >>> progress.line()
        'trials: 1 of 200, best RMSE 2.5'
        """
        with self._lock:
            if self._what == "reading":
                read = f"{bytes_text(self._bytes)} of {bytes_text(self._of_bytes)}"
                return f"reading: {counted(self._rows, 'row')}, {read}"
            if self._what == "trials":
                best = "" if self._best is None else f", {best_text(self.metric, self._best)}"
                return f"trials: {self._trials:,} of {self._of_trials:,}{best}"
            return self._what

    def _write(self, line: str) -> None:
        took = seconds_text(round(time.monotonic() - self._began))
        with suppress(OSError, ValueError):  # nobody reads it any more
            sys.stderr.write(f"{line} (after {took})\n")
            sys.stderr.flush()

    def _tell(self) -> None:
        wait = FIRST
        while not self._over.wait(wait):
            self._write(self.line())
            wait = EVERY

    def __enter__(self) -> LineProgress:
        self._teller = Thread(target=self._tell, name="hpo-progress", daemon=True)
        self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._teller.join()


def best_text(metric: str, value: float) -> str:
    """Return the best score as people see it.

    Examples
    --------
    >>> best_text("neg_root_mean_squared_error", -2.5), best_text("r2", 0.87654321), best_text("", 1.5)
    ('best RMSE 2.5', 'best R² 0.87654', 'best 1.5')
    """
    shown = metric_of(metric)
    return f"best {f'{shown.short} ' if metric else ''}{number_text(shown.shown(value), 5)}"


def progress_of(asked: bool | None) -> Progress:
    """Return what shows how far a study is: nothing if False, bars if True or on a terminal, else lines."""
    if asked is False:
        return Progress()
    return RichProgress() if asked or sys.stderr.isatty() else LineProgress()
