"""What can go wrong in this room, each with what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AlgorithmError(Exception):
    """The family of this room: what a state, a hyperparameter or a name cannot give.

    Examples
    --------
    >>> issubclass(NotEnoughRows, AlgorithmError)
    True
    """


class NotEnoughRows(AlgorithmError):
    """The state holds too few rows to define the model."""


class MissingClass(NotEnoughRows):
    """The state holds too few rows of a class, and rows of every class define the model.

    Attributes
    ----------
    place : of the class among the target's.
    held : rows of it, or their weight, in the state.
    least : more than so many are needed.
    """

    def __init__(self, message: str, place: int, held: float, least: float) -> None:
        super().__init__(message)
        self.place, self.held, self.least = place, held, least


class DegenerateTarget(AlgorithmError):
    """The target does not vary, so that there is nothing to learn."""


class InvalidTarget(AlgorithmError):
    """The target holds a value that the model's distribution does not have."""


class RepeatedStep(InvalidTarget):
    """A series has two values for one step.

    Attributes
    ----------
    series : the hash of its name.
    step : the number of the step.
    """

    def __init__(self, series: int, step: int) -> None:
        super().__init__(series, step)
        self.series, self.step = series, step

    def __str__(self) -> str:
        return (
            f"a series has two values for one step (number {self.step}): each time of a series must be in one row; "
            "drop the others, or add them up"
        )


class TooLarge(AlgorithmError):
    """The values of a column are so large that their squares have no finite sum."""


class TooSmall(AlgorithmError):
    """The values of a column are so small that their squares have few digits, or none."""


class Unscorable(AlgorithmError):
    """A score does not fit the model, or the held-out rows."""


class Imprecise(Unscorable):
    """A score is known to too few digits.

    Attributes
    ----------
    finer : whether states of more digits would give it.
    """

    def __init__(self, message: str, *, finer: bool) -> None:
        super().__init__(message)
        self.finer = finer


class UnknownAlgorithm(AlgorithmError):
    """No algorithm is registered under that name."""


class UnknownField(AlgorithmError):
    """The algorithm has no hyperparameter of that name."""


class InvalidField(AlgorithmError):
    """A hyperparameter has a value that it cannot take."""


class FitFailed(AlgorithmError):
    """An estimator of another package raised while it was fitted, or asked."""


class LawBroken(AlgorithmError):
    """A summary or an algorithm breaks one of the laws of its contract."""


class ContractBroken(AlgorithmError):
    """A class of an algorithm or a summary does not keep the contract; says what to write."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return which of the known names a misspelt one may have meant, or all of them.

    Examples
    --------
    >>> nearest("alhpa", ["alpha", "tol"]), nearest("x", ["alpha", "tol"])
    ("; did you mean 'alpha'?", '; known are alpha, tol')
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(names)}"
