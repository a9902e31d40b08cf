"""The scores that no other beats in every objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.trial import FrozenTrial, TrialState


class Front:
    """The scores that no other beats in every objective; with one objective the best so far.

    Attributes
    ----------
    since : trials since it last changed.

    Examples
    --------
    >>> front = Front()
    >>> [front.put(values) for values in ([1.0], [1.0], [2.0])], front.since
    ([True, False, True], 0)
    """

    def __init__(self) -> None:
        self.since = 0
        self._points: list[Sequence[float]] = []

    def add(self, trial: FrozenTrial) -> None:
        """Take in a finished trial."""
        self.put(trial.values if trial.state is TrialState.COMPLETE else None)

    def put(self, values: Sequence[float] | None) -> bool:
        """Take in the scores of a trial, None if it has none; return whether the front changed."""
        new = bool(values) and not any(covers(point, values or ()) for point in self._points)
        self.since = 0 if new else self.since + 1
        if new and values:
            self._points = [p for p in self._points if not covers(values, p)] + [values]
        return new


def covers(a: Sequence[float], b: Sequence[float]) -> bool:
    """Return whether ``a`` is at least as good as ``b`` in every score.

    Examples
    --------
    >>> covers((2.0, 1.0), (1.0, 1.0)), covers((2.0, 0.0), (1.0, 1.0))
    (True, False)
    """
    return all(x >= y for x, y in zip(a, b, strict=True))


def front_of(found: Mapping[int, FrozenTrial]) -> list[int]:
    """Return the trials that no other beats in every objective; of equal ones the first."""
    values = {n: tuple(trial.values) for n, trial in found.items()}
    first: dict[tuple[float, ...], int] = {}
    for number, own in values.items():
        first.setdefault(own, number)
    return [n for own, n in first.items() if not any(covers(other, own) for other in first if other != own)]
