"""Explicit folds from scikit-learn splitters, and the function that reads every way to ask for folds."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from algorithms.arrays import Values
from hpo.data.calendar import Calendar
from hpo.data.dataset import Dataset
from hpo.data.folds.backtest import BacktestFolds
from hpo.data.folds.explicit import ExplicitFolds
from hpo.data.folds.groups import GroupFolds, StratifiedGroupFolds
from hpo.data.folds.schemes import DEALT, FoldScheme, HashFolds, StratifiedFolds
from hpo.data.folds.times import TimeFolds
from hpo.data.folds.whole import SegmentFolds
from hpo.data.schema import CATEGORICAL, unknown_column
from hpo.errors import DataError
from studies.counting import counted
from studies.spec.durations import seconds_of

_SCHEMES: dict[str, type[FoldScheme]] = {
    "kfold": HashFolds, "stratified": StratifiedFolds, "group": GroupFolds,
    "stratified_group": StratifiedGroupFolds, "time": TimeFolds, "segment": SegmentFolds,
    "backtest": BacktestFolds,
}  # fmt: skip
_HELP = (
    "a number, {'scheme': 'kfold'}, {'scheme': 'stratified'}, {'scheme': 'group', 'column': …}, "
    "{'scheme': 'stratified_group', 'column': …}, {'scheme': 'time', 'column': …}, {'scheme': 'segment'} or, of "
    "series, {'scheme': 'backtest', 'horizon': 8}"
)


def make_folds(
    value: object,
    dataset: Dataset,
    *,
    seed: int = 0,
    groups: ArrayLike | None = None,
    classify: bool = False,
    calendar: Calendar | None = None,
) -> FoldScheme:
    """Return the fold scheme that ``value`` asks for, checked against a data set.

    Parameters
    ----------
    value : a number of folds, or None for five; a dict such as ``{"scheme": "group", "column": "customer",
        "n_splits": 5}``; a scheme; or, for data in memory, any scikit-learn splitter or list of (train, test) index
        pairs.
    seed : seed of hashed folds that give none.
    groups : groups of the rows for splitters that want them, an array or the name of a column.
    classify : whether the target is a class: then folds that name no scheme are stratified.
    calendar : the series and their times, where rows follow one another: what backtests are cut by.

    Raises
    ------
    DataError
        Where the value is not understood, a column is missing, or there are fewer rows than folds.

    Examples
    --------
    >>> from hpo.data import open_dataset
    >>> dataset = open_dataset((np.zeros((9, 2)), np.arange(9.0)))
    >>> make_folds(3, dataset).describe()
    '3 random folds (seed 0)'
    """
    if isinstance(value, bool):
        raise DataError(f"folds={value!r} is not understood; give {_HELP}")
    if isinstance(value, int | np.integer):
        scheme: FoldScheme = _from_dict({"n_splits": int(value)}, seed, classify)
    elif value is None or isinstance(value, Mapping):
        scheme = _from_dict(value or {}, seed, classify)
    elif isinstance(value, FoldScheme):
        scheme = value
    else:
        scheme = _from_splitter(value, dataset, groups)
    if isinstance(scheme, SegmentFolds):
        scheme = scheme.of(dataset.segments)
    if isinstance(scheme, BacktestFolds) and calendar is not None:
        scheme = scheme.knowing(calendar)
    _check(scheme, dataset, classify)
    return scheme


def group_columns(value: object) -> tuple[str, ...]:
    """Return the column that folds group rows by, as they are asked for; it is not a feature by itself.

    Examples
    --------
    >>> group_columns({"scheme": "group", "column": "customer"}), group_columns(5)
    (('customer',), ())
    """
    if isinstance(value, GroupFolds):
        return value.columns
    if not isinstance(value, Mapping):
        return ()
    scheme = _SCHEMES.get(str(value.get("scheme")))
    column = value.get("column") if scheme is not None and issubclass(scheme, GroupFolds) else None
    return (column,) if isinstance(column, str) else ()


def fold_columns(value: object) -> tuple[str, ...]:
    """Return the columns that folds read, as they are asked for.

    Examples
    --------
    >>> fold_columns({"scheme": "time", "column": "day"}), fold_columns(5)
    (('day',), ())
    """
    if isinstance(value, FoldScheme):
        return value.columns
    column = value.get("column") if isinstance(value, Mapping) else None
    return (column,) if isinstance(column, str) else ()


def _from_dict(value: Mapping[str, Any], seed: int, classify: bool) -> FoldScheme:
    options = dict(value)
    if options.pop("dealt", DEALT) != DEALT:
        raise DataError(f"folds {dict(value)!r} were dealt by another version; leave 'dealt' out")
    name = options.pop("scheme", "stratified" if classify else "kfold")
    scheme = _SCHEMES.get(name)
    if scheme is None:
        raise DataError(f"fold scheme {name!r} is unknown; give {_HELP}")
    if scheme is SegmentFolds:
        options = {key: value for key, value in options.items() if key not in ("n_splits", "seed")}
    elif scheme not in (TimeFolds, BacktestFolds):
        options.setdefault("seed", seed)
    elif options.get("boundaries") is not None:
        options["boundaries"] = tuple(_moment(item) for item in options["boundaries"])
        options.setdefault("n_splits", len(options["boundaries"]))
    if "gap" in options and scheme is TimeFolds:
        options["gap"] = _days(options["gap"])
    try:
        return scheme(**options)
    except TypeError as error:
        raise DataError(f"folds {dict(value)!r}: {error}; give {_HELP}") from error


def _from_splitter(value: Any, dataset: Dataset, groups: ArrayLike | None) -> ExplicitFolds:
    if isinstance(value, str) or not (hasattr(value, "split") or isinstance(value, Iterable)):
        raise DataError(f"folds={value!r} is not understood; give {_HELP}, or a scikit-learn splitter")
    if not dataset.in_memory or dataset.rows is None:
        raise DataError(
            f"{type(value).__name__} gives row indices, which only data in memory has; "
            f"for files give {_HELP}, or read them into a frame first"
        )
    y = _columns(dataset, dataset.targets) if dataset.targets else None
    if isinstance(groups, str):
        groups = dataset.values([groups]).column(0).to_pandas().to_numpy()
    return ExplicitFolds.from_splitter(value, np.zeros((dataset.rows, 1)), y, groups)


def _columns(dataset: Dataset, names: tuple[str, ...]) -> Values:
    table = dataset.values(names)
    columns = [column.to_numpy() for column in table.columns]
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _check(scheme: FoldScheme, dataset: Dataset, classify: bool) -> None:
    by_class = isinstance(scheme, StratifiedFolds | StratifiedGroupFolds)
    if by_class and not classify:
        raise DataError(
            f"folds of the scheme {scheme.scheme!r} have each class in every fold, and here no target is a class; "
            f"use {'group' if isinstance(scheme, GroupFolds) else 'kfold'!r}, or tune a classifier"
        )
    for name in scheme.columns:
        if name not in dataset.schema:
            raise DataError(unknown_column(name, dataset.schema.names, "fold column"))
        if isinstance(scheme, TimeFolds) and dataset.schema[name].kind == CATEGORICAL:
            raise DataError(f"fold column {name!r} is text; folds in time need a date, timestamp or number")
    if isinstance(scheme, ExplicitFolds) and len(scheme.cells) != dataset.rows:
        made = counted(len(scheme.cells), "row")
        raise DataError(f"the folds were made for {made} and the data has {dataset.rows}")
    needed = scheme.plan.n_cells if not isinstance(scheme, ExplicitFolds) else 0
    if dataset.rows is not None and dataset.rows < needed:
        raise DataError(
            f"{counted(dataset.rows, 'row')} cannot fill {needed} folds; ask for fewer folds or give more data"
        )


def _moment(value: str | float | datetime.date | np.datetime64) -> float:
    """Return a boundary as the number that rows are compared with; moments without a zone are in UTC."""
    try:
        if isinstance(value, str):
            with suppress(ValueError):
                value = datetime.datetime.fromisoformat(value)
        if isinstance(value, datetime.datetime) and value.tzinfo is not None:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        if isinstance(value, str | datetime.date | np.datetime64):
            moment = np.datetime64(value) if isinstance(value, str | datetime.date) else value
            return float(moment.astype("datetime64[us]").astype(np.int64)) / 86_400e6
        return float(value)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"the boundary {value!r} of time folds is neither a moment nor a number; "
            "write it as '2024-12-31', '2024-12-31T18:00' or the number it is in the column"
        ) from error


def _days(gap: str | float | datetime.timedelta | np.timedelta64) -> float:
    """Return a gap in days, or in units of a column that is a number; text and durations have a unit."""
    if isinstance(gap, str):
        seconds = seconds_of(gap)
        if seconds is None:
            raise DataError(f"the gap {gap!r} of time folds is not a duration; write '7d', '12h', '2w' or a number")
        return seconds / 86_400.0
    try:
        if isinstance(gap, datetime.timedelta):  # that of pandas too
            return gap.total_seconds() / 86_400.0
        return float(gap / np.timedelta64(1, "s")) / 86_400.0 if isinstance(gap, np.timedelta64) else float(gap)
    except (ValueError, TypeError) as error:
        what = f"the gap {gap!r} of time folds is not a number; give days, or units of the column"
        raise DataError(what) from error
