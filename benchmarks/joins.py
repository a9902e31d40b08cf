"""Flights with the columns of planes and weather: joined by pandas first, against looked up as they are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import patch

import pandas as pd

import hpo
from benchmarks.measure import Rounds, alternate
from benchmarks.nycflights import nycflights
from benchmarks.questions import pilot_of, states_of
from benchmarks.table import Row, Target, at_least, seconds
from benchmarks.workshop import Workshop
from hpo.api import question_over
from hpo.data.encoding import coded
from hpo.process.engine import Engine
from hpo.process.progress import Progress
from hpo.question.question import Question
from hpo.states.contexts import make_pass

DROPPED = ["tailnum", "time_hour", "year", "flight", "minute", "hour", "dep_time", "arr_time"]
NUMBERS = [
    "distance", "sched_dep_time", "air_time", "dep_delay", "built", "seats", "engines", "speed", "temp", "dewp",
    "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib",
]  # fmt: skip


def join_rows(shop: Workshop) -> list[Row]:
    """Compare the states, and everything up to a study's first trial, for the flights of one year and of five."""
    flights, planes, weather = star()
    few, many = flights.head(shop.rows), pd.concat([flights] * 5, ignore_index=True).head(shop.rows)
    return [
        *_rows(shop, (few, planes, weather), None, "all columns", at_least(3)),
        *_rows(shop, (many, planes, weather), None, "all columns", at_least(3)),
        *_rows(shop, (few, planes, weather), NUMBERS, "numbers alone", None),
    ]


def star() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return flights, planes and weather, with times for times and the columns of two tables named apart."""
    tables = (nycflights(name) for name in ("flights", "weather"))
    flights, weather = (t.assign(time_hour=pd.to_datetime(t["time_hour"])) for t in tables)
    same = ["year", "month", "day", "hour"]
    return flights, nycflights("planes").rename(columns={"year": "built"}), weather.drop(columns=same)


def joined_first(flights: pd.DataFrame, planes: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Return the joined table."""
    return flights.merge(planes, on="tailnum", how="left").merge(weather, on=["origin", "time_hour"], how="left")


def asked(data: Any, features: list[str] | None, store: Path) -> Question:
    """Open the data and return the question of it."""
    options = {"target": "arr_delay", "features": features, "drop": DROPPED if features is None else None}
    given = {k: v for k, v in options.items() if v is not None}
    spec = hpo.StudySpec(data="in memory", algorithm="ridge", **given)
    return question_over(spec, hpo.open_dataset(data, **options), 5, hpo.StateStore(store))


def _rows(
    shop: Workshop,
    tables: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    features: list[str] | None,
    what: str,
    target: Target | None,
) -> list[Row]:
    flights, planes, weather = tables
    join = hpo.Join(flights, on={"plane": (planes, "tailnum"), "weather": (weather, ("origin", "time_hour"))})
    store = shop.fresh("store")
    ready = {
        name: (question, pilot_of(question))
        for name, data in (("ours", join), ("theirs", joined_first(*tables)))
        for question in [asked(data, features, store)]
    }

    def passed(name: str) -> None:
        shop.remove(store)
        question, pilot = ready[name]
        make_pass(replace(question, store=hpo.StateStore(store)), pilot).run(Engine(n_jobs=1), Progress(), Event())

    def whole(data: Any) -> None:
        shop.remove(store)
        states_of(asked(data, features, store), Engine(n_jobs=1))

    def dense() -> None:
        with patch.object(coded, "MANY", len(flights)):  # no category of a joined table is summed by its levels
            joined_first(*tables)
            passed("theirs")

    calls = {
        "ours": lambda: passed("ours"), "theirs": lambda: (joined_first(*tables), passed("theirs")),
        "dense": dense,
        "our study": lambda: whole(join), "their study": lambda: whole(joined_first(*tables)),
    }  # fmt: skip
    found = alternate(calls, shop.repeats, shop.patience)
    shop.remove(store)
    title = f"{len(flights):,} flights ⋈ planes ⋈ weather, {what}"
    return [
        _row(found, "ours", "dense", f"{title}: the pass, vs pandas.merge and a pass of dense columns", target),
        _row(found, "ours", "theirs", f"{title}: the pass, vs pandas.merge and the pass as it is", None),
        _row(found, "our study", "their study", f"{title}: up to the first trial, the same", None),
    ]


def _row(found: Rounds, ours: str, theirs: str, what: str, target: Target | None) -> Row:
    return Row(
        what, seconds(found.wall(ours)), seconds(found.wall(theirs)), found.ratio(theirs, ours), target,
        f"processor time ratio {found.cpu_ratio(theirs, ours):.2f}", found.others,
    )  # fmt: skip
