"""What is reported while a study runs, whoever shows it: passes, trials, and how far they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from studies.report.text import metric_of, number_text


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
"""What ``progress`` may be: see ``progress`` of :func:`hpo.tune`."""
