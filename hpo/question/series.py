"""Rows of series: what a study says of them, what follows for what is searched, and who can forecast."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from algorithms import fields, registry
from algorithms.batches import DAYS, FUTURE, PAST, STATIC
from hpo.data.folds.backtest import BacktestFolds
from hpo.data.folds.schemes import FoldScheme, RowFolds
from hpo.data.frequency import Frequency
from hpo.errors import SearchError, TuneError
from studies.naming import short
from studies.spec.fields import FoldScheme as Asked

if TYPE_CHECKING:
    from studies.spec.spec import StudySpec

CONTEXT, HORIZON, SEASON, SCALE, FREQ = "context", "horizon", "season", "scale", "freq"

HORIZONS = 8
"""Steps that are forecast where there is no season."""

SEASONS, STEPS, LEAST = 4, 36, 8
"""Past steps by themselves: two seasons; up to four of short ones, and so many; at least the last."""


def season_of(spec: StudySpec) -> int:
    """Return the steps of a season, by the frequency."""
    return 1 if spec.freq is None else Frequency.of_name(spec.freq).season


def horizon_of(spec: StudySpec) -> int:
    """Return how many steps are forecast: those that backtests test on, else a season.

    Examples
    --------
    >>> from studies.spec.spec import build
    >>> horizon_of(build({"data": "x.csv", "algorithm": "drift", "time": "t", "freq": "M"}))
    12
    """
    asked = spec.folds.horizon if isinstance(spec.folds, Asked) else None
    season = season_of(spec)
    return asked or (season if season > 1 else HORIZONS)


def context_of(season: int, *, weekly: bool = False) -> int:
    """Return how many past steps are kept, by the season; a day more than a week for what looks back at a week.

    Examples
    --------
    >>> [context_of(season) for season in (1, 4, 7, 12, 24)]
    [8, 16, 28, 36, 48]
    >>> context_of(24, weekly=True), context_of(12, weekly=True)
    (193, 36)
    """
    if weekly and season in DAYS:
        return 8 * season + 1
    return max(2 * season, min(SEASONS * season, STEPS), LEAST)


def search_of(spec: StudySpec) -> dict[str, object]:
    """Return the past and next steps and the season as constants of every algorithm, unless they are searched.

    Raises
    ------
    SearchError
        An algorithm does not forecast, or forecasts and the column of times is not named.

    Examples
    --------
    >>> from studies.spec.spec import build
    >>> asked = {"data": "x.csv", "algorithm": "drift", "time": "t", "freq": "Q"}
    >>> search_of(build(asked))
    {'drift.horizon': 4, 'drift.season': 4, 'drift.context': 16}
    """
    able = {name: HORIZON in fields.fields_of(registry.get(name)) for name in spec.algorithm}
    if spec.time is None:
        if unasked := [short(name) for name, forecasts in able.items() if forecasts]:
            raise SearchError(
                f"{unasked[0]!r} forecasts series, and time= is missing: name the column of times, and with "
                "series= the columns that name series"
            )
        return {}
    if unable := [short(name) for name, forecasts in able.items() if not forecasts]:
        able_ones = ", ".join(forecasters())
        raise SearchError(f"time={spec.time!r}: {unable[0]!r} does not forecast; those that do are {able_ones}")
    found: dict[str, object] = {}
    for full in spec.algorithm:
        name = short(full)
        given = spec.search.get(f"{name}.{SEASON}", season_of(spec))
        season = given if isinstance(given, int) else season_of(spec)
        context = context_of(season, weekly=registry.get(full).tags.weekly)
        values: dict[str, object] = {HORIZON: horizon_of(spec), SEASON: season, CONTEXT: context}
        if FREQ in fields.fields_of(registry.get(full)):
            values[FREQ] = spec.freq or ""
        found |= {f"{name}.{key}": value for key, value in values.items()}
    return found


def automatic(spec: StudySpec) -> str:
    """Return what a study that leaves the choice of algorithms to the data asks for: with times, to forecast."""
    asked = spec.algorithm[0]
    if spec.time is None or ":" in asked:
        return asked
    stem, plus, more = asked.partition("+")
    return f"{stem}:{registry.get(forecasters()[0]).tags.task}{plus}{more}"


def forecasters() -> list[str]:
    """Return the algorithms that forecast, as things are installed."""
    return [name for name in registry.usable() if HORIZON in fields.fields_of(registry.get(name))]


def folds_of(spec: StudySpec, folds: object) -> object:
    """Return folds as they are asked for; of series a number is that many backtests, and these have a horizon.

    Raises
    ------
    TuneError
        They cut rows of a series apart, or backtests are asked of rows that are not series.
    """
    if spec.time is None:
        if _scheme(folds) == BacktestFolds.scheme:
            raise TuneError("folds: backtests are of series; name the column of times with time=")
        return folds
    if folds is None or (isinstance(folds, int) and not isinstance(folds, bool)):
        return {"scheme": BacktestFolds.scheme, "n_splits": folds or 3, HORIZON: horizon_of(spec)}
    if isinstance(folds, RowFolds) or _scheme(folds) in (None, "kfold", "stratified"):
        raise TuneError(
            "folds: rows of a series are not dealt one by one; use {'scheme': 'backtest', 'horizon': 8}, or "
            "{'scheme': 'group', 'column': …} by a column that names series"
        )
    if _scheme(folds) == BacktestFolds.scheme and isinstance(folds, Mapping):
        return {HORIZON: horizon_of(spec), **folds}
    return folds


def _scheme(folds: object) -> object:
    if isinstance(folds, FoldScheme):
        return folds.scheme
    return folds.get("scheme") if isinstance(folds, Mapping) else ""


def covariates_named(spec: StudySpec) -> list[tuple[str, str, tuple[str, ...] | None]]:
    """Return the options that name covariates, what a window has of these, and their names."""
    return [
        ("futr_exog_list", FUTURE, spec.futr_exog_list), ("hist_exog_list", PAST, spec.hist_exog_list),
        ("stat_exog_list", STATIC, spec.stat_exog_list),
    ]  # fmt: skip


def covariates_of(spec: StudySpec) -> dict[str, tuple[str, ...]]:
    """Return the columns beside the target that windows have, by what they have of them.

    Examples
    --------
    >>> from studies.spec.spec import build
    >>> asked = {"data": "x.csv", "algorithm": "drift", "time": "t", "futr_exog_list": "price"}
    >>> covariates_of(build(asked))
    {'future': ('price',)}
    """
    return {kind: tuple(names) for _, kind, names in covariates_named(spec) if names}


def covariate_options(spec: StudySpec) -> dict[str, str]:
    """Return the option that names each covariate.

    Examples
    --------
    >>> from studies.spec.spec import build
    >>> asked = {"data": "x.csv", "algorithm": "drift", "time": "t", "futr_exog_list": "price"}
    >>> covariate_options(build(asked))
    {'price': 'futr_exog_list'}
    """
    return {name: option for option, _, names in covariates_named(spec) for name in names or ()}
