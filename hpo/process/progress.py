"""What a person sees while a study runs: bars on a terminal, a line now and then elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
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


@dataclass(frozen=True)
class Step:
    """How far a study is, as ``progress=`` of :func:`hpo.tune` is called with it.

    Attributes
    ----------
    what : ``"reading"``, ``"trials"``, or what is done before them, in words.
    done, of : bytes while reading, trials while there are trials; 0 where nothing is counted.
    rows : read so far.
    best : the best score so far, greater is better; None before there is one.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X, steps = np.random.default_rng(0).normal(size=(60, 2)), []
    >>> result = hpo.tune((X, X @ [1.0, 2.0]), algorithm="ridge", trials=3, store=None, progress=steps.append)
    >>> steps[-1].what, steps[-1].done, steps[-1].of, steps[-1].best == result.best_value
    ('trials', 3, 3, True)
    """

    what: str
    done: int = 0
    of: int = 0
    rows: int = 0
    best: float | None = None


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

    first: float | None = None
    every: float | None = None
    """Seconds until the first, and between two; None for those of lines."""

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

    def step(self) -> Step:
        """Return how far it is, as numbers."""
        with self._lock:
            if self._what == "reading":
                return Step(self._what, self._bytes, self._of_bytes, self._rows)
            if self._what == "trials":
                return Step(self._what, self._trials, self._of_trials, self._rows, self._best)
            return Step(self._what)

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
        wait = FIRST if self.first is None else self.first
        while not self._over.wait(wait):
            self._write(self.line())
            wait = EVERY if self.every is None else self.every

    def __enter__(self) -> LineProgress:
        self._teller = Thread(target=self._tell, name="hpo-progress", daemon=True)
        self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._teller.join()


class NotebookProgress(LineProgress):
    """A bar in a notebook: HTML, so that no widgets are needed. Work of less than half a second shows none.

    It is gone when the work is done: what a notebook keeps is the result.
    """

    first, every = 0.5, 0.25

    def __init__(self) -> None:
        super().__init__()
        self._handle = import_module("IPython.display").DisplayHandle()
        self._shown = False

    def html(self) -> str:
        """Return the bar.

        Examples
        --------
        >>> class Quiet(NotebookProgress):
        ...     def __init__(self):
        ...         LineProgress.__init__(self)
        >>> bar = Quiet()
        >>> bar.begin_trials(200, 50)
        >>> bar.html()
        '<progress value="50" max="200"></progress> trials: 50 of 200'
        """
        step = self.step()
        ends = f' value="{step.done}" max="{step.of}"' if step.of else ""
        return f"<progress{ends}></progress> {import_module('html').escape(self.line())}"

    def _write(self, line: str) -> None:
        self._put(self.html())

    def _put(self, html: str) -> None:
        content = {"text/html": html, "text/plain": ""}
        (self._handle.update if self._shown else self._handle.display)(content, raw=True)
        self._shown = True

    def read_again(self, why: str) -> None:
        """Keep that there is another pass; the result says why."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if self._shown:
            self._put("")


class CalledProgress(LineProgress):
    """Calls a function with each :class:`Step`; what it raises ends the study.

    Calls come one at a time; those of a pass come from the threads that read.

    Parameters
    ----------
    called : the function.
    """

    def __init__(self, called: Callable[[Step], object]) -> None:
        super().__init__()
        self._called, self._turn = called, Lock()

    def _call(self) -> None:
        with self._turn:
            self._called(self.step())

    def prepare(self, what: str) -> None:
        """Call with what is done."""
        super().prepare(what)
        self._call()

    def begin_pass(self, rows: int | None, nbytes: int) -> None:
        """Call with how much there is to read."""
        super().begin_pass(rows, nbytes)
        self._call()

    def read_again(self, why: str) -> None:
        """Say nothing: a pass that begins anew is a step."""

    def advance(self, rows: int, nbytes: int) -> None:
        """Call with what was read."""
        super().advance(rows, nbytes)
        self._call()

    def begin_trials(self, trials: int, done: int) -> None:
        """Call with how many trials there will be."""
        super().begin_trials(trials, done)
        self._call()

    def trial(self, value: float | None) -> None:
        """Call with one more trial."""
        super().trial(value)
        self._call()

    def __enter__(self) -> CalledProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def best_text(metric: str, value: float) -> str:
    """Return the best score as people see it.

    Examples
    --------
    >>> best_text("neg_root_mean_squared_error", -2.5), best_text("r2", 0.87654321), best_text("", 1.5)
    ('best RMSE 2.5', 'best R² 0.87654', 'best 1.5')
    """
    shown = metric_of(metric)
    return f"best {f'{shown.short} ' if metric else ''}{number_text(shown.shown(value), 5)}"


ProgressAsked = bool | Callable[[Step], object] | None
"""What may be asked for: see ``progress`` of :func:`hpo.tune`."""


def progress_of(asked: ProgressAsked) -> Progress:
    """Return what shows how far a study is.

    Nothing if False, bars if True or on a terminal, HTML in a notebook, else lines; or it calls a function.
    """
    if asked is False:
        return Progress()
    if callable(asked):
        return CalledProgress(asked)
    if in_notebook():
        return NotebookProgress()
    return RichProgress() if asked or sys.stderr.isatty() else LineProgress()


def in_notebook() -> bool:
    """Return whether a kernel of Jupyter runs this: what it displays is HTML."""
    found = sys.modules.get("IPython")
    shell = None if found is None else found.get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
