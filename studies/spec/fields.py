"""The parts of a study's description: search ranges, fold schemes, durations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Discriminator, Field, Tag, model_validator

from studies.spec.durations import seconds_of
from studies.spec.moments import moment_of
from studies.spec.ranges import Range, Strict, wrong

Scalar = None | bool | int | float | str


def as_plain(value: Any) -> Any:
    """Return NumPy numbers and arrays, and ranges, as Python's own; anything else as it is.

    Examples
    --------
    >>> import numpy as np
    >>> as_plain(np.int64(3)), as_plain(np.array([0.5, 1.0])), as_plain(range(3))
    (3, [0.5, 1.0], [0, 1, 2])
    """
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, range) else value


def _scalar(value: Any) -> Scalar:
    value = as_plain(value)
    if value is not None and not isinstance(value, bool | int | float | str):
        by_class = f"; weights by class are text, {_as_text(value)!r}" if isinstance(value, Mapping) else ""
        raise wrong(f"{value!r} is not a number, text, true, false or null{by_class}")
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong(f"{value!r} cannot be tried; give a finite number")
    return value


def _bounded(value: Any) -> Any:
    if isinstance(value, Mapping) and not {"low", "high"} & set(value):
        raise wrong(
            f"{dict(value)!r} has neither 'low' nor 'high', and a mapping is a range of numbers, such as "
            "{low: 1, high: 10}; give a list of the values to try, or one value; weights by class are text, "
            f"{_as_text(value)!r}"
        )
    return value


def _as_text(value: Mapping[Any, Any]) -> str:
    """Return weights by class as they are written."""
    return ", ".join(f"{key}={one}" for key, one in value.items())[:60]


def _choices(value: Any) -> tuple[Scalar, ...]:
    values = tuple(_scalar(v) for v in value)
    if not values:
        raise wrong("an empty list leaves nothing to try")
    if len({(type(v).__name__, v) for v in values}) < len(values):
        raise wrong(f"{list(values)} names a value twice")
    return values


def _kind(value: Any) -> str:
    if isinstance(value, Mapping | Range):
        return "range"
    return "choices" if isinstance(value, list | tuple) else "constant"


def _from_python(value: Any) -> Any:
    if type(value).__module__.partition(".")[0] in ("optuna", "scipy"):
        from studies.spec.distributions import to_spec  # noqa: PLC0415 -- loads Optuna

        return to_spec(value)
    return as_plain(value)


Searched = Annotated[
    Annotated[Range, BeforeValidator(_bounded), Tag("range")]
    | Annotated[tuple[Any, ...], BeforeValidator(_choices), Tag("choices")]
    | Annotated[Any, BeforeValidator(_scalar), Tag("constant")],
    Discriminator(_kind),
    BeforeValidator(_from_python),
]
"""What is tried for one parameter: a range, a tuple of choices, or one constant."""


def _listed(value: Any) -> Any:
    return tuple(_written(v) for v in value) if isinstance(value, list | tuple) else value


def _written(value: Any) -> Any:
    """Return a moment as YAML has it; anything else as it is."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value) if type(value).__name__ == "datetime64" else as_plain(value)


def duration(value: Any) -> Any:
    """Return a duration of Python, NumPy or pandas as YAML has it; anything else as it is."""
    if type(value).__name__ == "timedelta64":
        value = value.item()
    return f"{value.total_seconds():g}s" if hasattr(value, "total_seconds") else as_plain(value)


class FoldScheme(Strict):
    """How rows are divided into folds.

    Attributes
    ----------
    scheme : ``"kfold"`` (by row), ``"stratified"`` (by row, each class in every fold; that of classifiers by
        itself), ``"group"`` (no group is split), ``"stratified_group"``, ``"time"`` (train on the past),
        ``"segment"`` (each file is a fold) or ``"backtest"`` (of series: train on the past, test on the steps that
        follow). None: stratified for classifiers, else kfold.
    column : the group or time column.
    n_splits : number of folds; of time and backtests 1 is a hold-out. Of backtests 3 by default.
    seed : of the deal; None for the study's.
    boundaries : explicit cuts of the time column, in place of ``n_splits``.
    gap : what lies less than this before a test part in time is not trained on: days, or units of a column that is
        a number; text has a unit (``"7d"``, ``"12h"``). Of backtests a number of steps.
    horizon : of backtests, the steps that each split tests on; None for a season, or 8.

    Examples
    --------
    >>> FoldScheme(scheme="group", column="carrier").n_splits
    5
    """

    scheme: (
        Literal["kfold", "stratified", "group", "stratified_group", "time", "segment", "backtest"] | None
    ) = None
    column: str | None = None
    n_splits: int = Field(default=5, ge=1, le=1000)
    seed: int | None = None
    boundaries: Annotated[tuple[int | float | str, ...], BeforeValidator(_listed)] | None = None
    gap: Annotated[int | float | str, BeforeValidator(duration)] | None = None
    horizon: int | None = Field(default=None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _fewer(cls, values: Any) -> Any:
        """Return the values with fewer splits of backtests, which take steps from short series."""
        backtest = isinstance(values, Mapping) and values.get("scheme") == "backtest"
        return {"n_splits": 3, **values} if backtest else values

    @model_validator(mode="after")
    def _check(self) -> FoldScheme:
        by_row = self.scheme in (None, "kfold", "stratified", "segment", "backtest")
        named = self.scheme or "kfold"
        if not by_row and self.column is None:
            raise wrong(f"the scheme {self.scheme!r} needs a 'column'")
        if by_row and self.column is not None:
            raise wrong(
                f"the scheme {named!r} uses no column; for {self.column!r} write 'scheme: group' or 'time'"
            )
        if self.scheme == "segment" and {"n_splits", "seed"} & self.model_fields_set:
            raise wrong("the scheme 'segment' is a fold for each file; leave 'n_splits' and 'seed' out")
        if self.boundaries is not None and self.scheme != "time":
            raise wrong(f"boundaries go with 'scheme: time', not {named!r}")
        if self.gap is not None and self.scheme not in ("time", "backtest"):
            raise wrong(f"a gap goes with 'scheme: time' or 'backtest', not {named!r}")
        if self.horizon is not None and self.scheme != "backtest":
            raise wrong(f"a horizon goes with 'scheme: backtest', not {named!r}")
        if self.n_splits < 2 and self.scheme not in ("time", "backtest"):
            raise wrong(f"n_splits is 1, a hold-out, and that goes with 'scheme: time'; {named!r} takes 2 or more")
        return self


Folds = Annotated[
    Annotated[int, Field(ge=2, le=1000), Tag("count")] | Annotated[FoldScheme, Tag("scheme")],
    Discriminator(lambda v: "scheme" if isinstance(v, Mapping | FoldScheme) else "count"),
]


def seconds(value: Any) -> float | None:
    """Return a duration in seconds; takes numbers and text such as ``"90s"``, ``"10m"``, ``"2h"``.

    Examples
    --------
    >>> seconds("1.5h"), seconds(30), seconds(None)
    (5400.0, 30.0, None)
    """
    if value is None:
        return None
    if isinstance(value, str) and (found := seconds_of(value)) is not None:
        value = found
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise wrong(f"{value!r} is not a duration; write seconds (600) or text such as '90s', '10m', '2h'")
    return float(value)


def period(value: Any) -> str | None:
    """Return a duration as text with a unit, such as ``"30d"``.

    Examples
    --------
    >>> import datetime
    >>> period("30d"), period(datetime.timedelta(days=2)), period(None)
    ('30d', '172800s', None)
    """
    value = duration(value)
    if value is None or (isinstance(value, str) and seconds_of(value)):
        return value
    raise wrong(f"{value!r} is not a duration with a unit; write text such as '30d', '8w' or '12h'")


def moment(value: Any) -> str | None:
    """Return a date or moment as text.

    Examples
    --------
    >>> import datetime
    >>> moment("2024-01-31"), moment(datetime.date(2024, 1, 31)), moment(None)
    ('2024-01-31', '2024-01-31', None)
    """
    value = _written(value)
    if value is None or (isinstance(value, str) and moment_of(value) is not None):
        return value
    raise wrong(f"{value!r} is not a date; write '2024-01-31', '2024-01' or '2024-01-31T18:00'")


def several(value: Any) -> Any:
    """Return what holds several values, such as a set or an index, as a list; anything else as it is.

    Examples
    --------
    >>> several({"a"}), several("ab"), several({"a": 1})
    (['a'], 'ab', {'a': 1})
    """
    held = isinstance(value, Iterable) and not isinstance(value, list | tuple | str | bytes | Mapping | BaseModel)
    return list(value) if held else value


def names(value: Any) -> tuple[str, ...]:
    """Return a name or a list of names as a tuple.

    Examples
    --------
    >>> names("ridge"), names(["ridge", "lasso"])
    (('ridge',), ('ridge', 'lasso'))
    """
    values = (value,) if isinstance(value, str) else several(value)
    if not isinstance(values, list | tuple) or not all(isinstance(v, str) and v for v in values):
        raise wrong(f"{value!r} is not text or a list of text")
    if len(set(values)) < len(values):
        raise wrong(f"{list(values)} names a value twice")
    return tuple(values)


Names = Annotated[tuple[str, ...], BeforeValidator(names)]
