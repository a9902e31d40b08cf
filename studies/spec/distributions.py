"""Search ranges as Optuna's distributions, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from studies.errors import StudyError
from studies.spec.ranges import Range

Float = FloatDistribution
Int = IntDistribution
Categorical = CategoricalDistribution


def to_distribution(value: Any) -> BaseDistribution:
    """Return the Optuna distribution of what is searched.

    Takes a distribution, a :class:`~studies.spec.fields.Range`, a mapping of its fields, a list or tuple of
    choices, a frozen SciPy distribution (``uniform``, ``loguniform``, ``randint``) or one constant.

    Raises
    ------
    StudyError
        The value is none of these, or a SciPy distribution without bounds.

    Examples
    --------
    >>> to_distribution({"low": 1e-4, "high": 10, "log": True})
    FloatDistribution(high=10.0, log=True, low=0.0001, step=None)
    >>> to_distribution([True, False])
    CategoricalDistribution(choices=(True, False))
    """
    if isinstance(value, BaseDistribution):
        return value
    if isinstance(value, Mapping):
        value = Range.model_validate(dict(value))
    if isinstance(value, Range):
        return _numeric(value)
    if hasattr(value, "dist") and hasattr(value, "support"):
        return _scipy(value)
    if isinstance(value, list | tuple):
        return CategoricalDistribution(tuple(value))
    if value is None or isinstance(value, bool | int | float | str):
        return CategoricalDistribution((value,))
    raise StudyError(
        f"{value!r} is not a search range; give hpo.Float, hpo.Int, hpo.Categorical, a list or a constant"
    )


def _numeric(value: Range) -> BaseDistribution:
    if value.whole:
        first, step = int(value.low), 1 if value.step is None else int(value.step)
        last = first + (int(value.high) - first) // step * step
        return IntDistribution(first, last, log=value.log, step=step)
    low, high = float(value.low), float(value.high)
    if value.step is not None:
        high = _last(low, high, float(value.step))
    return FloatDistribution(low, high, log=value.log, step=value.step)


def _last(low: float, high: float, step: float) -> float:
    """Return the last grid point, in the decimal arithmetic by which Optuna judges it."""
    a, b, s = (Decimal(str(v)) for v in (low, high, step))
    return float(a + (b - a) // s * s)


def _scipy(value: Any) -> BaseDistribution:
    low, high = value.support()
    name = value.dist.name
    if not (math.isfinite(low) and math.isfinite(high)):
        raise StudyError(f"scipy.stats.{name} has no bounds; give hpo.Float(low, high) instead")
    if name == "randint":
        return IntDistribution(int(low), int(high))
    if name in ("uniform", "loguniform", "reciprocal"):
        return FloatDistribution(float(low), float(high), log=name != "uniform")
    raise StudyError(f"scipy.stats.{name} has no counterpart; use uniform, loguniform or randint")


def to_spec(value: Any) -> Range | tuple[Any, ...] | Any:
    """Return a distribution as a study's description writes it: a range, a tuple of choices, or a constant.

    Examples
    --------
    >>> to_spec(FloatDistribution(1e-4, 10, log=True))
    Range(low=0.0001, high=10.0, log=True, step=None)
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    found = to_distribution(value)
    if isinstance(found, CategoricalDistribution):
        return found.choices
    if isinstance(found, IntDistribution):
        step = None if found.step == 1 else found.step
        return Range(low=found.low, high=found.high, log=found.log, step=step)
    if isinstance(found, FloatDistribution):
        return Range(low=found.low, high=found.high, log=found.log, step=found.step)
    raise StudyError(f"{found!r} is not one of Optuna's float, int and categorical distributions")
