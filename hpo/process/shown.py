"""What a person sees while a study runs: bars on a terminal, a line now and then elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from threading import Event, Lock, Thread
from types import TracebackType

from hpo.process.lazily import bars
from hpo.process.progress import Progress, ProgressAsked, Step, best_text
from studies.counting import counted
from studies.report.text import bytes_text, seconds_text

FIRST, EVERY = 5.0, 10.0
"""Seconds until the first line where there is no terminal, and between two."""


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
    return bars.RichProgress() if asked or sys.stderr.isatty() else LineProgress()


def in_notebook() -> bool:
    """Return whether a kernel of Jupyter runs this: what it displays is HTML."""
    found = sys.modules.get("IPython")
    shell = None if found is None else found.get_ipython()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
