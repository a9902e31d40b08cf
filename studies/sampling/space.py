"""Conditional search spaces: the algorithm decides which parameters exist.

Notation: u ∈ [0, 1]ᵐ are the coordinates of a setting, one for each parameter of its algorithm.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

ALGORITHM = "algorithm"

Params = dict[str, Any]
Units = NDArray[np.float64]


@dataclass(frozen=True)
class Branch:
    """The parameters that exist together: those of one algorithm.

    Attributes
    ----------
    fixed : parameters with one possible value, the algorithm's name among them.
    free : the others, with their distributions, in the order of the coordinates u.
    """

    fixed: Params
    free: dict[str, BaseDistribution]

    def params(self, u: Units) -> Params:
        """Return the setting at coordinates ``u``, shape (m,)."""
        values = {name: from_unit(d, float(x)) for (name, d), x in zip(self.free.items(), u, strict=True)}
        return self.fixed | values

    def units(self, params: Mapping[str, Any]) -> list[float] | None:
        """Return the coordinates of a setting, or None if it is not in this branch."""
        if any(params.get(k, v) != v for k, v in self.fixed.items()) or not self.free.keys() <= params.keys():
            return None
        if any(
            isinstance(d, CategoricalDistribution) and params[k] not in d.choices
            for k, d in self.free.items()
        ):
            return None
        return [to_unit(d, params[name]) for name, d in self.free.items()]

    def points(self) -> Iterator[Params]:
        """Yield every setting of a finite branch, in a fixed order."""
        for values in itertools.product(*(choices(d) for d in self.free.values())):
            yield self.fixed | dict(zip(self.free, values, strict=True))

    @property
    def size(self) -> float:
        """Number of settings; infinite with a continuous parameter."""
        return math.prod((cardinality(d) for d in self.free.values()), start=1)


@dataclass(frozen=True)
class Space:
    """All parameters of a study, and its branches, one for each algorithm.

    Examples
    --------
    >>> space = split({"algorithm": CategoricalDistribution(("a", "b")), "a.x": IntDistribution(1, 3)})
    >>> [list(branch.free) for branch in space.branches], space.size
    ([['a.x'], []], 4)
    """

    all: dict[str, BaseDistribution]
    branches: tuple[Branch, ...]

    @property
    def size(self) -> float:
        """Number of settings of the whole space."""
        return sum(branch.size for branch in self.branches)

    def continuous(self) -> str | None:
        """Return the name of a parameter with infinitely many values, or None."""
        return next((name for name, d in self.all.items() if math.isinf(cardinality(d))), None)


def split(space: Mapping[str, BaseDistribution]) -> Space:
    """Return the space with its branches; without an ``"algorithm"`` everything is one branch."""
    algorithm = space.get(ALGORITHM)
    if not isinstance(algorithm, CategoricalDistribution):
        return Space(dict(space), (_branch({}, space),))
    prefixes = tuple(f"{name}." for name in algorithm.choices)
    shared = {k: d for k, d in space.items() if k != ALGORITHM and not k.startswith(prefixes)}
    return Space(
        dict(space),
        tuple(
            _branch({ALGORITHM: name}, shared | {k: d for k, d in space.items() if k.startswith(prefix)})
            for name, prefix in zip(algorithm.choices, prefixes, strict=True)
        ),
    )


def _branch(fixed: Params, space: Mapping[str, BaseDistribution]) -> Branch:
    single = {name: from_unit(d, 0.0) for name, d in space.items() if d.single()}
    return Branch(fixed | single, {name: d for name, d in space.items() if not d.single()})


def cardinality(d: BaseDistribution) -> float:
    """Return how many values a distribution has.

    Examples
    --------
    >>> cardinality(IntDistribution(1, 9, step=2)), cardinality(FloatDistribution(0, 1))
    (5, inf)
    """
    if isinstance(d, CategoricalDistribution):
        return len(d.choices)
    if isinstance(d, IntDistribution):
        return (d.high - d.low) // d.step + 1
    if isinstance(d, FloatDistribution) and not d.single():
        return math.inf if d.step is None else round((d.high - d.low) / d.step) + 1
    return 1


def choices(d: BaseDistribution) -> list[CategoricalChoiceType]:
    """Return the values of a finite distribution, in order.

    Examples
    --------
    >>> choices(FloatDistribution(0, 1, step=0.5))
    [0.0, 0.5, 1.0]
    """
    if isinstance(d, IntDistribution) and d.log:
        return list(range(d.low, d.high + 1))
    n = int(cardinality(d))
    return [from_unit(d, (i + 0.5) / n) for i in range(n)]


def from_unit(d: BaseDistribution, u: float) -> CategoricalChoiceType:
    """Return the value at u ∈ [0, 1]: discrete values share the interval equally, or by the logarithm."""
    if isinstance(d, CategoricalDistribution):
        return d.choices[min(int(u * len(d.choices)), len(d.choices) - 1)]
    assert isinstance(d, IntDistribution | FloatDistribution)  # noqa: S101
    if d.log:
        low, high = _log_ends(d)
        value = math.exp(low + u * (high - low))
        value = round(value) if isinstance(d, IntDistribution) else value
        return min(max(value, d.low), d.high)
    if d.step is None:
        return min(d.low + u * (d.high - d.low), d.high)
    i = min(int(u * cardinality(d)), int(cardinality(d)) - 1)
    value = d.low + i * d.step
    return value if isinstance(d, IntDistribution) else min(round(value, 12), d.high)


def to_unit(d: BaseDistribution, value: Any) -> float:
    """Return the coordinate of a value: the middle of its cell if it is discrete."""
    if isinstance(d, CategoricalDistribution):
        return (d.to_internal_repr(value) + 0.5) / len(d.choices)
    assert isinstance(d, IntDistribution | FloatDistribution)  # noqa: S101
    if d.log:
        low, high = _log_ends(d)
        u = (math.log(value) - low) / (high - low)
    elif d.step is None:
        u = (value - d.low) / (d.high - d.low)
    else:
        u = ((value - d.low) / d.step + 0.5) / cardinality(d)
    return min(max(float(u), 0.0), 1.0)


def _log_ends(d: IntDistribution | FloatDistribution) -> tuple[float, float]:
    half = 0.5 if isinstance(d, IntDistribution) else 0.0
    return math.log(d.low - half), math.log(d.high + half)
