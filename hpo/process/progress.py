"""What a person sees while a study runs; silent by default, a bar in a terminal or notebook."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID


class Progress:
    """Called with what happens; this one prints nothing.

    Examples
    --------
    >>> with Progress() as progress:
    ...     progress.begin_pass(rows=10, nbytes=80)
    ...     progress.advance(10, 80)
    """

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

    def begin_pass(self, rows: int | None, nbytes: int) -> None:
        """Start the bar of the pass; its length is in bytes, known for every format."""
        if self._task is not None:
            self._bars.update(self._task, visible=False)
        self._rows = self._bytes = 0
        self._task = self._bars.add_task("reading", total=max(nbytes, 1), what="")

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
        if self._task is not None:
            self._bars.update(self._task, visible=False)
        self._trials = done
        self._task = self._bars.add_task("trials", total=trials, completed=done, what=f"{done} of {trials}")

    def trial(self, value: float | None) -> None:
        """Move the bar of the trials."""
        if self._task is None:
            return
        self._trials += 1
        if value is not None and (self._best is None or value > self._best):
            self._best = value
        best = "" if self._best is None else f", best {self._best:.6g}"
        total = self._bars.tasks[-1].total or 0
        self._bars.update(self._task, completed=self._trials, what=f"{self._trials} of {total:.0f}{best}")

    def __enter__(self) -> RichProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
