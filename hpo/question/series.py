"""Rows of series: what a study says of them, what follows for what is searched, and who can forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from algorithms import fields, registry
from algorithms.batches import DAYS, FUTURE, PAST, STATIC
from hpo.data.folds.backtest import BacktestFolds
from hpo.data.folds.schemes import FoldScheme, RowFolds
from hpo.data.frequency import Frequency
from hpo.data.schema import Schema, unknown_column
from hpo.errors import DataError, SearchError, TuneError
from studies.naming import short
from studies.spec.fields import FoldScheme as Asked

if TYPE_CHECKING:
    from hpo.question.scoring import Scoring
    from hpo.question.search import Searched
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
        They cut rows of a series apart, or backtests are asked of rows that are no series.
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


def check_asked(spec: StudySpec) -> None:
    """Refuse options that series do not have, before anything is opened.

    Raises
    ------
    TuneError
        Names the option.
    """
    if spec.time is None:
        of_series = [("series", spec.series), ("freq", spec.freq), *((key, n) for key, _, n in _covariates(spec))]
        if given := [name for name, value in of_series if value is not None]:
            raise TuneError(f"{given[0]}: that is said of rows with a time; name the column of times with time=")
        return
    others = {
        "weight": spec.weight, "half_life": spec.half_life, "join": spec.join, "interactions": spec.interactions,
        "documents": spec.documents,
        "layout": spec.layout, "hash_columns": spec.hash_columns,
    }  # fmt: skip
    if spec.features:
        raise TuneError(
            "features: of series say which values are known: futr_exog_list (in advance), hist_exog_list (past "
            "ones) or stat_exog_list (that do not change)"
        )
    if given := [name for name, value in others.items() if value]:
        raise TuneError(f"{given[0]}: series with time= have none so far; leave it out")
    if spec.target is None:
        raise TuneError(f"time={spec.time!r}: name the column to forecast with target=")
    named = [spec.time, *(spec.series or ()), spec.target]
    if twice := [name for name in named if named.count(name) > 1]:
        raise TuneError(f"{twice[0]!r} is named twice among time, series and target; each is a column of its own")
    _check_covariates(spec)


def _check_covariates(spec: StudySpec) -> None:
    """Refuse covariates that are named twice, or that are the target or the times."""
    seen: dict[str, str] = {}
    for key, kind, names in _covariates(spec):
        for name in names or ():
            if name == spec.target:
                hint = "past values of the target are features anyway"
                raise TuneError(f"{key}: {name!r} is the target; leave it out, {hint}")
            if name == spec.time:
                raise TuneError(f"{key}: {name!r} is the column of times; give columns made of it, as its month")
            if name in (spec.series or ()) and kind != STATIC:
                raise TuneError(f"{key}: {name!r} names series, so it does not change; name it in stat_exog_list")
            if name in seen:
                both = key if seen[name] == key else f"{seen[name]} and {key}"
                hint = "; past values of what is known in advance are features anyway"
                raise TuneError(f"{name!r} is named twice in {both}; name it once{hint}")
            seen[name] = key


def _covariates(spec: StudySpec) -> list[tuple[str, str, tuple[str, ...] | None]]:
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
    return {kind: tuple(names) for _, kind, names in _covariates(spec) if names}


def covariate_options(spec: StudySpec) -> dict[str, str]:
    """Return the option that names each covariate.

    Examples
    --------
    >>> from studies.spec.spec import build
    >>> asked = {"data": "x.csv", "algorithm": "drift", "time": "t", "futr_exog_list": "price"}
    >>> covariate_options(build(asked))
    {'price': 'futr_exog_list'}
    """
    return {name: option for option, _, names in _covariates(spec) for name in names or ()}


def check_streamed(algorithms: Sequence[str], time: str | None = None) -> None:
    """Refuse rows of series in a stream.

    Backtests test on the last steps, which move on with every row, and what lies before them is to be trained on:
    rows would have to change their fold when they are gone.

    Raises
    ------
    TuneError
        Says what to do in its place.
    """
    able = [name for name in algorithms if name in forecasters()]
    if time is None and not able:
        return
    what = f"time={time!r}" if time is not None else repr(able[0])
    raise TuneError(
        f"{what}: series are not streamed, since backtests test on the last steps, which move on with every row; "
        "keep the rows in files by period, of which a new one alone is read, or go on from new rows with "
        "result.forecast(data=rows), which trains nothing"
    )


def check_columns(spec: StudySpec, schema: Schema) -> None:
    """Refuse columns of times and series that the data does not have."""
    covariates = ((key, names or ()) for key, _, names in _covariates(spec))
    for role, names in (("time", (spec.time,)), ("series", spec.series or ()), *covariates):
        for name in names:
            if name is not None and name not in schema:
                raise DataError(f"{role}: {unknown_column(name, schema.names)}")


def check_comparable(searched: Sequence[Searched], scoring: Scoring) -> None:
    """Refuse exact scores of windows that differ: each is of its own windows, in units of its own.

    Raises
    ------
    SearchError
        Names the values, and a score that compares.
    """
    if not scoring.exact.intersection(scoring.metrics[: scoring.goals]):
        return
    for name in (CONTEXT, HORIZON, SEASON, SCALE):
        found = {values.get(name) for one in searched for values in one.passes()}
        if len(found) > 1:
            words, other = " and ".join(sorted(map(str, found))), searched[0].sampled_metrics[0]
            raise SearchError(
                f"scoring={scoring.metric!r} is of the windows of each {name} ({words}), so that its values do not "
                f"compare; give scoring={other!r}, which is of the same windows for all, or one {name}"
            )


def check_horizon(searched: Sequence[Searched], folds: FoldScheme) -> None:
    """Refuse more steps to forecast than backtests test on: no window would be judged.

    Raises
    ------
    SearchError
        Names both.
    """
    if not isinstance(folds, BacktestFolds):
        return
    for one in searched:
        for values in one.passes():
            key, asked = f"{one.name}.{HORIZON}", values.get(HORIZON)
            if isinstance(asked, int) and asked > folds.horizon:
                raise SearchError(
                    f"search[{key!r}]={asked}: backtests test on {folds.horizon} steps; give folds a horizon of "
                    f"{asked}, or fewer steps to forecast"
                )

