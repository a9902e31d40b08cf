"""What a study of series must satisfy: its columns, covariates, horizon, and models that can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from algorithms.batches import STATIC
from hpo.data.folds.backtest import BacktestFolds
from hpo.data.folds.schemes import FoldScheme
from hpo.data.schema import Schema, unknown_column
from hpo.errors import DataError, SearchError, TuneError
from hpo.question.series import CONTEXT, HORIZON, SCALE, SEASON, covariates_named, forecasters

if TYPE_CHECKING:
    from hpo.question.scoring import Scoring
    from hpo.question.search import Searched
    from studies.spec.spec import StudySpec


def check_asked(spec: StudySpec) -> None:
    """Refuse options that series do not have, before anything is opened.

    Raises
    ------
    TuneError
        Names the option.
    """
    if spec.time is None:
        covariates = ((key, names) for key, _, names in covariates_named(spec))
        of_series = [("series", spec.series), ("freq", spec.freq), *covariates]
        if given := [name for name, value in of_series if value is not None]:
            raise TuneError(f"{given[0]}: that applies to rows with a time; name the column of times with time=")
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
    for key, kind, names in covariates_named(spec):
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
        "keep the rows in files by period, of which a new one alone is read, or continue from new rows with "
        "result.forecast(data=rows), which trains nothing"
    )


def check_columns(spec: StudySpec, schema: Schema) -> None:
    """Refuse columns of times and series that the data does not have."""
    covariates = ((key, names or ()) for key, _, names in covariates_named(spec))
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
