"""Search ranges: what a field says of the values worth trying, in no library's terms."""

from __future__ import annotations

import numbers
from dataclasses import dataclass, replace
from typing import TypeAlias

Plain: TypeAlias = str | int | float | bool | None
"""A value that can be written down: text, a number, true or false, or none."""


@dataclass(frozen=True)
class Uniform:
    """Real numbers between ``low`` and ``high``, evenly.

    Attributes
    ----------
    also : further values that the field takes, tried only when asked for.

    Examples
    --------
    >>> Uniform(0, 1, also=("auto",))
    Uniform(low=0, high=1, searched=True, also=('auto',))
    """

    low: float
    high: float
    searched: bool = True
    also: tuple[Plain, ...] = ()


@dataclass(frozen=True)
class Log:
    """Positive real numbers between ``low`` and ``high``, evenly in their logarithm.

    Examples
    --------
    >>> Log(1e-3, 10).low
    0.001
    """

    low: float
    high: float
    searched: bool = True


@dataclass(frozen=True)
class Integer:
    """Whole numbers from ``low`` to ``high``, both included; ``high=None`` until there is a state.

    Examples
    --------
    >>> Integer(1, None).high is None
    True
    """

    low: int
    high: int | None
    log: bool = False
    searched: bool = True


@dataclass(frozen=True, init=False)
class Choice:
    """One of a few values.

    Examples
    --------
    >>> Choice(True, False).values
    (True, False)
    """

    values: tuple[Plain, ...]
    searched: bool = True

    def __init__(self, *values: Plain, searched: bool = True) -> None:
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "searched", searched)


Range: TypeAlias = Uniform | Log | Integer | Choice
"""A field's search range. ``searched=False``: a legal hyperparameter that is tried only when asked for."""


@dataclass(frozen=True, init=False)
class Legal:
    """What a hyperparameter may be, whatever is worth searching; checked where it is set.

    Parameters
    ----------
    *values : it is one of these; none for any number within the bounds.
    ge, gt, le, lt : the number is at least, above, at most, below so much.
    also : further values.
    hint : what to do instead, in a clause.

    Examples
    --------
    >>> Legal(ge=0).words, Legal("mean", "zero").words, Legal(gt=0, le=0.5, also=("auto",)).words
    ('at least 0', "one of 'mean', 'zero'", "'auto', or above 0 and at most 0.5")
    >>> Legal(ge=0).holds(-1.0), Legal(ge=0).holds(float("nan")), Legal(gt=0, also=("auto",)).holds("auto")
    (False, False, True)
    """

    values: tuple[Plain, ...]
    ge: float | None
    gt: float | None
    le: float | None
    lt: float | None
    also: tuple[Plain, ...]
    hint: str

    def __init__(
        self,
        *values: Plain,
        ge: float | None = None,
        gt: float | None = None,
        le: float | None = None,
        lt: float | None = None,
        also: tuple[Plain, ...] = (),
        hint: str = "",
    ) -> None:
        given = {"values": values, "ge": ge, "gt": gt, "le": le, "lt": lt, "also": also, "hint": hint}
        for name, value in given.items():
            object.__setattr__(self, name, value)

    def holds(self, value: object) -> bool:
        """Return whether a value is legal."""
        if self.values:
            return value in self.values
        if value in self.also:
            return True
        number = as_number(value)
        if number is None:
            return False
        low = (self.ge is None or number >= self.ge) and (self.gt is None or number > self.gt)
        return low and (self.le is None or number <= self.le) and (self.lt is None or number < self.lt)

    @property
    def words(self) -> str:
        """What is legal, in words that follow "must be"."""
        if self.values:
            return f"one of {', '.join(map(repr, self.values))}"
        if self.ge is not None and self.le is not None:
            found = f"from {_word(self.ge)} to {_word(self.le)}"
        else:
            bounds = (("at least", self.ge), ("above", self.gt), ("at most", self.le), ("less than", self.lt))
            found = " and ".join(f"{word} {_word(bound)}" for word, bound in bounds if bound is not None)
        named = ", ".join(map(repr, self.also))
        return f"{named}, or {found}" if named else found


def as_number(value: object) -> float | None:
    """Return a value that is a number, of NumPy's types too; None for any other.

    Examples
    --------
    >>> as_number(3), as_number("3")
    (3, None)
    """
    if isinstance(value, int | float):
        return value
    return float(value) if isinstance(value, numbers.Real) else None


def _word(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def unsearched(range_: Range) -> Range:
    """Return a range that is searched only when asked for.

    Examples
    --------
    >>> unsearched(Choice("a", "b")), unsearched(Log(1.0, 2.0)).searched
    (Choice(values=('a', 'b'), searched=False), False)
    """
    return Choice(*range_.values, searched=False) if isinstance(range_, Choice) else replace(range_, searched=False)
