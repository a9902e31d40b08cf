"""Search ranges: what a field says of the values worth trying, in no library's terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


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
    also: tuple[Any, ...] = ()


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
    """Whole numbers from ``low`` to ``high``, both included; ``high=None`` until a state tells.

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

    values: tuple[Any, ...]
    searched: bool = True

    def __init__(self, *values: Any, searched: bool = True) -> None:
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "searched", searched)


Range: TypeAlias = Uniform | Log | Integer | Choice
"""A field's search range. ``searched=False``: a legal hyperparameter that is tried only when asked for."""
