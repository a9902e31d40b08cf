"""Covariates of series: known in advance, of the past, and static; against loops over all rows at once."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from terminal import hpo as run
from twins_covariates import backtest, fit, windows
from twins_forecasters import scale_of

import hpo
from algorithms.contract import Batch, Column, Shape
from algorithms.errors import InvalidField
from algorithms.laws import bounded_size, lift, order, round_trip, same
from algorithms.models.linear_forecaster import LinearForecaster
from algorithms.summaries.window_sample import WindowSample
from algorithms.summaries.windows import Windows
from hpo.errors import DataError, DataWarning, SearchError, TuneError
from state_store.codec import flatten, restore
from studies import StudySpec

L, H, M = 12, 4, 4
FOLDS = {"scheme": "backtest", "horizon": H, "n_splits": 3}
COVARIATES = {"futr_exog_list": ["promo", "day"], "hist_exog_list": "visits", "stat_exog_list": ["kind"]}
COLUMNS = (["promo", "day", "visits"], ["promo", "day"], ["kind"])
"""What windows have past, next, and unchanging values of."""


def shops(lengths=(60, 50, 60, 5), seed=0):
    """Return rows of series whose sales follow a promotion, visits of the step before, and their kind."""
    rng, made = np.random.default_rng(seed), []
    for shop, n in enumerate(lengths):
        step = np.arange(60 - n, 60)
        promo, visits = rng.integers(0, 2, n), rng.normal(size=n)
        y = 3.0 + np.sin(step * np.pi / 2) + 0.03 * step + promo + 0.8 * np.r_[0.0, visits[:-1]]
        rows = {"series": f"shop {shop}", "step": step, "promo": promo, "visits": visits}
        rows |= {"y": 10.0**shop * (y + 0.2 * rng.normal(size=n)), "kind": "ab"[shop % 2]}
        rows["day"] = rng.choice(["mo", "tu", "we"], n)
        made.append(pd.DataFrame(rows))
    rows = pd.concat(made, ignore_index=True)
    rows.loc[rng.choice(len(rows), 5, replace=False), "visits"] = np.nan
    rows = rows[~((rows["series"] == "shop 1") & (rows["step"] == 30))]
    rows["quarter"] = [(pd.Period("2008Q1", freq="Q") + int(step)).start_time for step in rows["step"]]
    return rows.sample(frac=1.0, random_state=seed).reset_index(drop=True)


def tuned(data, params=None, **more):
    own = {"lags": L, "anchor": "mean", "alpha": 0.1, "futr_exog": "own", "exog_lags": M, "stat_exog": True}
    search = {f"linear_forecaster.{k}": v for k, v in {"context": L, **own, **(params or {})}.items()}
    asked = {"time": "quarter", "series": "series", "target": "y", "folds": FOLDS, "trials": 1, **COVARIATES}
    return hpo.tune(data, algorithm="linear_forecaster", search=search, **{**asked, **more})


SETTINGS = [
    ({}, {}),
    ({"futr_exog": "all"}, {"futr": "all"}),
    ({"futr_exog": "none", "alpha": 3.0}, {"futr": "none", "alpha": 3.0}),
    ({"exog_effect": "absolute"}, {"effect": "absolute"}),
    ({"penalty": "pcr", "n_components": 7}, {"penalty": "pcr", "n_components": 7}),
    ({"penalty": "elastic_net", "alpha": 5.0, "l1_ratio": 0.9}, {"penalty": "elastic_net", "alpha": 5.0, "l1_ratio": 0.9}),
]  # fmt: skip


@pytest.mark.parametrize(("params", "twin"), SETTINGS, ids=str)
def test_scores_are_those_of_all_rows_at_once(params, twin, tmp_path):
    rows = shops()
    result = tuned(rows, params, store=tmp_path)
    expected = backtest(rows, COLUMNS, L, H, M, M, 3, **{"alpha": 0.1, **twin})
    assert np.allclose(result.best.scores.folds, expected, rtol=1e-7 if "penalty" in params else 1e-9)


@pytest.mark.parametrize(("context", "lags"), [(2, 2), (0, 0), (12, 3)])
def test_how_much_of_the_past_windows_have(context, lags, tmp_path):
    rows = shops()
    found = tuned(rows, {"exog_context": context, "exog_lags": lags}, store=tmp_path)
    expected = backtest(rows, COLUMNS, L, H, M, lags, 3, alpha=0.1)
    assert np.allclose(found.best.scores.folds, expected, rtol=1e-9)


def test_what_does_not_change_may_be_left_out(tmp_path):
    rows = shops()
    found = tuned(rows, {"stat_exog": False}, store=tmp_path)
    expected = backtest(rows, (*COLUMNS[:2], []), L, H, M, M, 3, alpha=0.1)
    assert np.allclose(found.best.scores.folds, expected, rtol=1e-9)


@pytest.mark.parametrize("cut", ["by time", "by series", "both"])
def test_files_by_time_and_by_series_give_the_scores_of_one_frame(cut, tmp_path):
    rows = shops()
    labels = {
        "by time": rows["quarter"].dt.year, "by series": rows["series"],
        "both": rows["series"] + "-" + (rows["step"] % 3).astype(str),
    }[cut]  # fmt: skip
    (tmp_path / "rows").mkdir()
    for label, part in rows.groupby(labels):
        part.to_parquet(tmp_path / "rows" / f"{label}.parquet")
    scoring = ["neg_rmsse", "neg_mase"]
    one = tuned(rows, store=tmp_path / "a", scoring=scoring)
    many = tuned(tmp_path / "rows", store=tmp_path / "b", scoring=scoring)
    for mine, other in zip(many.candidates, one.candidates, strict=True):
        assert np.allclose(mine.scores.folds, other.scores.folds, rtol=1e-9)
    again = tuned(tmp_path / "rows", {"alpha": 2.0, "futr_exog": "all"}, store=tmp_path / "b", scoring=scoring)
    assert again.cost.rows_read == 0


def test_the_search_has_a_place_for_covariates_where_there_are_some(tmp_path):
    search = {"linear_forecaster.context": L}
    asked = {"time": "quarter", "series": "series", "folds": FOLDS, "trials": 2, "store": tmp_path}
    plain = hpo.tune(shops(), "y", "linear_forecaster", search=search, **asked)
    some = hpo.tune(shops(), "y", "linear_forecaster", search=search, futr_exog_list="promo", **asked)
    own = {"linear_forecaster.futr_exog", "linear_forecaster.exog_lags"}
    assert own <= set(some.best_params) and not own & set(plain.best_params)
    assert "linear_forecaster.stat_exog" not in some.best_params


def test_covariates_far_from_zero_keep_their_digits(tmp_path):
    rows = shops().fillna({"visits": 0.0})
    far = rows.assign(visits=rows["visits"] + 2.0**30, promo=rows["promo"] + 2**40)
    found = tuned(far, store=tmp_path)
    assert np.allclose(found.best.scores.folds, backtest(rows, COLUMNS, L, H, M, M, 3, alpha=0.1), rtol=1e-6)


def twin_forecast(rows, later, upto=60):
    """Return forecasts of the series that end at a step, by what comes of covariates."""
    forecast = fit(windows(rows[rows["step"] < upto], *COLUMNS, L, H, M), M, alpha=0.1)
    every = pd.concat([rows, later.assign(y=0.0)])
    every["visits"] = every["visits"].where(every["step"] < upto, 0.0)
    found = windows(every, *COLUMNS, L, H, M, known=upto)
    return forecast(found[0], *found[2:])


def later_rows(names=("shop 0", "shop 1", "shop 2"), seed=3):
    rng, steps = np.random.default_rng(seed), np.arange(60, 60 + H)
    made = [
        pd.DataFrame({"series": name, "step": steps, "promo": rng.integers(0, 2, H), "day": rng.choice(["mo", "tu"], H)})
        for name in names
    ]
    rows = pd.concat(made, ignore_index=True)
    rows["quarter"] = [(pd.Period("2008Q1", freq="Q") + int(step)).start_time for step in rows["step"]]
    return rows.assign(kind=[{"shop 1": "b"}.get(name, "a") for name in rows["series"]])


@pytest.mark.filterwarnings("ignore:1 series left out:hpo.errors.DataWarning")
def test_forecasts_take_what_is_known_in_advance(tmp_path):
    rows, later = shops(), later_rows()
    result = tuned(rows, store=tmp_path)
    made = result.forecast(futr_df=later[["series", "quarter", "promo", "day"]].sample(frac=1.0, random_state=0))
    assert np.allclose(made["mean"].to_numpy().reshape(3, H), twin_forecast(rows, later), rtol=1e-8)
    later.to_csv(tmp_path / "later.csv", index=False)
    pd.testing.assert_frame_equal(result.forecast(futr_df=tmp_path / "later.csv"), made)
    short = result.forecast(2, futr_df=later[later["step"] < 62], quantiles=[0.9])
    assert np.array_equal(short["mean"].to_numpy().reshape(3, 2), made["mean"].to_numpy().reshape(3, H)[:, :2])
    other = result.forecast(futr_df=later.assign(promo=1 - later["promo"]))
    assert not np.allclose(other["mean"], made["mean"])


@pytest.mark.filterwarnings("ignore:1 series left out:hpo.errors.DataWarning")
def test_a_model_that_looks_at_none_needs_none(tmp_path):
    result = tuned(shops(), {"futr_exog": "none"}, store=tmp_path)
    assert len(result.forecast()) == 3 * H
    naive = hpo.tune(
        shops(), "y", "seasonal_naive", time="quarter", series="series", folds=FOLDS, trials=1, store=tmp_path,
        search={"seasonal_naive.context": L}, **COVARIATES,
    )  # fmt: skip
    assert len(naive.forecast()) == 3 * H


@pytest.mark.filterwarnings("ignore:1 series left out:hpo.errors.DataWarning")
def test_values_that_are_missing_are_named(tmp_path):
    result, later = tuned(shops(), store=tmp_path), later_rows()
    lacking = r"the model looks at promo, day, known in advance, at the next 4 steps; give rows with quarter, series, promo, day from quarter=2023-01-01 on"
    with pytest.raises(DataError, match=f"^futr_df= is missing: {lacking}"):
        result.forecast()
    one = r"futr_df has no value of 'promo' and 'day' for the series series='shop 1' at quarter=2023-07-01"
    hole = (later["series"] == "shop 1") & (later["step"] == 62)
    with pytest.raises(DataError, match=f"^{one}; the forecast needs those of the next 4 steps of each series"):
        result.forecast(futr_df=later[~hole])
    with pytest.raises(DataError, match=one):
        result.forecast(futr_df=later.assign(promo=later["promo"].where(~hole)))
    with pytest.raises(DataError, match="and 2 further series lack such values"):
        result.forecast(futr_df=later[later["step"] < 61])
    with pytest.raises(DataError, match=r"futr_df: the series series='shop 0' has two rows of quarter=2023-01-01"):
        result.forecast(futr_df=pd.concat([later, later[:1]]))
    with pytest.raises(DataError, match="futr_df has no column 'quarter'; give quarter, series, promo, day"):
        result.forecast(futr_df=later.drop(columns="quarter"))
    with pytest.raises(DataError, match=r"feature 'promo' is not in the data|unknown|no column 'promo'"):
        result.forecast(futr_df=later.drop(columns="promo"))


def test_values_that_make_no_sense_are_refused_and_unknown_ones_are_none_of_the_known(tmp_path):
    rows = shops(lengths=(60, 60, 60))
    result, later = tuned(rows, store=tmp_path), later_rows()
    with pytest.raises(DataError, match=r"column 'promo' is (large_)?string here and was numeric"):
        result.forecast(futr_df=later.assign(promo="often"))
    with pytest.raises(DataError, match="column 'promo' holds inf"):
        result.forecast(futr_df=later.assign(promo=np.inf))
    with pytest.raises(DataError, match=r"column 'visits' is (large_)?string here and was numeric"):
        result.forecast(data=later.assign(y=1.0, visits="many"), futr_df=later)
    with pytest.raises(DataError, match=r"quarter=2023-01-04, which is not a step of freq='Q'"):
        result.forecast(futr_df=later.assign(quarter=later["quarter"] + pd.Timedelta(days=3)))
    assert np.isfinite(result.forecast(futr_df=later.assign(day="a day that never was"))["mean"]).all()
    level, gaps = rows.assign(visits=7.0), rows.assign(visits=np.nan)
    with pytest.warns(DataWarning, match=r"'visits' is 7 in every row: .*leave it out of hist_exog_list=$"):
        constant = tuned(level, store=tmp_path / "a")
    lacking, none = tuned(gaps, store=tmp_path / "b"), tuned(rows, hist_exog_list=None, store=tmp_path / "c")
    assert np.allclose(constant.best.scores.folds, none.best.scores.folds, rtol=1e-9)
    assert np.allclose(lacking.best.scores.folds, none.best.scores.folds, rtol=1e-9)
    with pytest.raises(DataError, match="column 'visits' holds inf"):
        tuned(rows.assign(visits=np.inf), store=tmp_path)


def test_a_series_that_ended_early_is_left_out_where_nothing_of_it_is_known(tmp_path):
    rows = shops(lengths=(60, 60, 60))
    rows = rows[(rows["series"] != "shop 2") | (rows["step"] < 55)]
    result = tuned(rows, store=tmp_path)
    with pytest.warns(DataWarning, match=r"1 series left out \(series='shop 2'\): they ended before the others"):
        made = result.forecast(futr_df=later_rows(("shop 0", "shop 1")))
    assert made["series"].unique().tolist() == ["shop 0", "shop 1"]


@pytest.mark.filterwarnings("ignore:1 series left out:hpo.errors.DataWarning")
def test_new_rows_bring_their_covariates(tmp_path):
    rows, later = shops(), later_rows()
    old, new = rows[rows["step"] < 54], rows[rows["step"] >= 54]
    result = tuned(old, store=tmp_path)
    forecast = fit(windows(old, *COLUMNS, L, H, M), M, alpha=0.1)
    found = windows(pd.concat([rows, later.assign(y=0.0, visits=0.0)]), *COLUMNS, L, H, M, known=60)
    made = result.forecast(data=new, futr_df=later)
    assert np.allclose(made["mean"].to_numpy().reshape(3, H), forecast(found[0], *found[2:]), rtol=1e-8)
    past, nexts, *beside = windows(rows, *COLUMNS, L, H, M, known=54)
    off = (nexts - forecast(past, *beside)) / scale_of(past, M)
    assert hpo.confirm(result, new)["neg_rmsse"] == pytest.approx(-np.sqrt(np.mean(off**2)), rel=1e-9)


def test_a_study_is_opened_again_and_its_report_shows_forecasts(tmp_path):
    asked = {"store": tmp_path / "store", "storage": tmp_path / "journal.log", "name": "shops"}
    rows = shops(lengths=(60, 60, 60))
    made = tuned(rows, **asked)
    again = hpo.load("shops", store=asked["store"], storage=asked["storage"])
    later = later_rows()
    pd.testing.assert_frame_equal(again.forecast(futr_df=later), made.forecast(futr_df=later))
    shown = hpo.write_report(again, tmp_path / "report.html").backtests
    forecast = fit(windows(rows, *COLUMNS, L, H, M, end=56), M, alpha=0.1)
    held = windows(rows, *COLUMNS, L, H, M, known=56)
    for fan in shown.fans:
        assert np.allclose(fan.mean, forecast(held[0], *held[2:])[int(fan.name[-1])], rtol=1e-8)


def test_the_command_line_takes_covariates(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shops(lengths=(60, 60, 60)).to_csv("shops.csv", index=False)
    later_rows().to_csv("later.csv", index=False)
    Path("study.yaml").write_text(
        "name: shops\ndata: shops.csv\ntime: quarter\nseries: series\ntarget: y\nalgorithm: linear_forecaster\n"
        "futr_exog_list: [promo, day]\nhist_exog_list: visits\nstat_exog_list: kind\ntrials: 3\n"
        "search: {linear_forecaster.futr_exog: own, linear_forecaster.exog_lags: 3}\nfolds: {scheme: backtest, horizon: 4}\n"
    )
    done = run(capsys, monkeypatch, "run", "study.yaml", "--no-progress")
    assert done.code == 0, done.err
    done = run(capsys, monkeypatch, "forecast", "shops", "-o", "next.csv", "--futr-df", "later.csv")
    assert done.code == 0, done.err
    assert len(pd.read_csv("next.csv")) == 12
    done = run(capsys, monkeypatch, "forecast", "shops", "-o", "next.csv")
    assert done.code != 0 and "futr_df= is missing" in done.err.replace("\n", " ")


def test_what_is_asked_wrongly_is_refused_before_anything_is_read(tmp_path):
    def refused(match, error=TuneError, **more):
        with pytest.raises(error, match=match):
            tuned(shops(), store=tmp_path, **more)

    refused("futr_exog_list: 'y' is the target; leave it out", futr_exog_list="y")
    refused("hist_exog_list: 'quarter' is the column of times", hist_exog_list="quarter")
    refused("futr_exog_list: 'series' names series, so it does not change; name it in stat", futr_exog_list="series")
    refused("'promo' is named twice in futr_exog_list and hist_exog_list", hist_exog_list="promo")
    refused("hist_exog_list: .*'visit'.*did you mean 'visits'|'visit'", DataError, hist_exog_list="visit")
    refused("features: of series say which values are known: futr_exog_list", features=["promo"])
    with pytest.raises(TuneError, match="futr_exog_list: that applies to rows with a time"):
        hpo.tune(shops(), "y", "ridge", futr_exog_list="promo", store=tmp_path)
    with pytest.raises(SearchError, match="windows have 4 past values of covariates; give fewer, or a larger exog_context"):
        tuned(shops(), {"exog_lags": 5}, store=tmp_path)
    with pytest.raises(InvalidField, match="exog_context=13: windows have 12 past steps"):
        Windows(context=12, exog_context=13)


def test_series_are_not_streamed_and_the_sentence_says_what_is(tmp_path):
    why = "series are not streamed, since backtests test on the last steps, .*by period, .*result.forecast"
    with pytest.raises(TuneError, match=f"'linear_forecaster': {why}"):
        hpo.Stream("shops", "y", ["linear_forecaster", "drift"], store=tmp_path)
    spec = StudySpec(data="stream:shops", target="y", algorithm="drift", time="quarter")
    with pytest.raises(TuneError, match=f"time='quarter': {why}"):
        hpo.Stream.of(spec)


def test_auto_forecasting_and_what_it_lacks(tmp_path):
    asked = {"series": "series", "folds": FOLDS, "trials": 6, "store": tmp_path}
    found = hpo.tune(shops(), "y", "auto:forecasting", time="quarter", futr_exog_list="promo", **asked)
    assert {"linear_forecaster", "seasonal_naive"} <= set(found.run.tuner.scorer.searched)
    with pytest.raises(SearchError, match="'linear_forecaster' forecasts series, and time= is missing"):
        hpo.tune(shops(), "y", "auto:forecasting", trials=1, store=tmp_path)


def test_series_may_be_named_by_what_does_not_change(tmp_path):
    rows = shops(lengths=(60, 60, 60))
    result = tuned(rows, series=["series", "kind"], stat_exog_list=["kind"], store=tmp_path)
    assert np.allclose(result.best.scores.folds, backtest(rows, COLUMNS, L, H, M, M, 3, alpha=0.1), rtol=1e-9)


PRICE, VISITS = Column("price", "price", given="future"), Column("visits", "visits", given="past")
SHAPE = Shape((Column("other", "other"), PRICE, VISITS, Column("kind_a", "kind", "level", given="static")), ("y",))


def batch(seed=0, n=80):
    rng = np.random.default_rng(seed)
    place = rng.permutation(n)
    values = rng.normal(size=(n, SHAPE.p))
    values[:, 3] = place % 3 == 1
    keep = rng.random(n) < 0.95
    return Batch(values[keep], SHAPE.d, clock=np.floor(place / 3)[keep], series=(place % 3).astype(np.uint64)[keep])


@pytest.mark.parametrize("summary", [Windows(context=5, horizon=2, season=2), WindowSample(9, 5, 2, 2)])
def test_laws_hold_of_windows_with_covariates(summary):
    rows = batch()
    order(summary, SHAPE, rows)
    bounded_size(summary, SHAPE, [rows])
    round_trip(summary, SHAPE, rows, lambda state: restore(*flatten(state), summary.init(SHAPE)))
    same("columns that have no part in windows", summary, lift(summary, SHAPE, rows),
         lift(summary, SHAPE, rows.but(values=rows.values * np.array([7.0, 1, 1, 1, 1]))), 0.0)  # fmt: skip


@pytest.mark.parametrize("summary", [Windows(context=5, horizon=2, season=2, kernel="fourier", kernel_components=9)])
def test_laws_hold_of_random_features(summary):
    order(summary, SHAPE, batch())
    round_trip(summary, SHAPE, batch(), lambda state: restore(*flatten(state), summary.init(SHAPE)))


def test_random_features_have_the_products_of_a_gaussian_kernel():
    windows = Windows(context=5, horizon=2, season=2, kernel="fourier", kernel_components=40_000, kernel_scale=0.7)
    past = np.random.default_rng(0).normal(size=(6, 5))
    z = (past - past[:, -1:])[:, :-1] / windows.scaled(past)[:, None]
    features = windows.rows(past).values[:, 5:]
    apart = ((z[:, None] - z[None]) ** 2).sum(axis=2)
    assert np.allclose(features @ features.T / 40_000, np.exp(-apart / (2 * 0.7**2 * 4)), atol=0.03)


def test_random_features_forecast_what_is_not_linear_in_the_past(tmp_path):
    y, made = 0.3, []
    for _ in range(900):
        y = 3.8 * y * (1.0 - y)
        made.append(y)
    rows = pd.DataFrame({"t": np.arange(900), "y": made})
    asked = {"time": "t", "folds": {"scheme": "backtest", "horizon": 20, "n_splits": 3}, "trials": 1, "scoring": "r2"}
    search = {"context": 4, "horizon": 1, "scale": "none", "anchor": "none", "alpha": 1e-2, "lags": 4, "kernel_scale": 1.0}
    linear, found = (
        hpo.tune(
            rows, "y", "linear_forecaster", store=tmp_path, **asked,
            search={f"linear_forecaster.{k}": v for k, v in {**search, "kernel": kernel}.items()},
        )
        for kernel in ("none", "fourier")
    )  # fmt: skip
    assert linear.best_value < 0.5 and found.best_value > 0.999
    y = np.array(made)
    past, nexts = y[np.arange(896)[:, None] + np.arange(4)], y[4:]
    features = found.best.states.summary.rows(past).values[:, 4:]
    x = np.concatenate([past, features / features.std(axis=0)], axis=1)
    twin = Ridge(alpha=1e-2, solver="svd").fit(x, nexts)
    assert np.allclose(found.best_model[-1].predict(past)[:, 0], twin.predict(x), atol=1e-7)


def test_conformal_quantiles_hold_whatever_errors_are_like(tmp_path):
    rng = np.random.default_rng(0)
    y = 50.0 + rng.exponential(size=(300, 60)) ** 2
    rows = pd.DataFrame({"series": np.repeat(np.arange(300), 60), "step": np.tile(np.arange(60), 300), "y": y.ravel()})
    rows["quarter"] = pd.PeriodIndex.from_ordinals(rows["step"] + 100, freq="Q").start_time
    old, new = rows[rows["step"] < 56], rows[rows["step"] >= 56]
    asked = {"time": "quarter", "series": "series", "folds": FOLDS, "trials": 1, "store": tmp_path / "store"}
    search = {"linear_forecaster.context": L, "linear_forecaster.alpha": 10.0}
    result = hpo.tune(
        old, "y", "linear_forecaster", search=search, scoring=["neg_rmsse", "neg_mase"], name="shops",
        storage=tmp_path / "journal.log", **asked,
    )  # fmt: skip
    shares = [0.05, 0.25, 0.5, 0.75, 0.95]
    made = {kind: result.forecast(quantiles=shares, intervals=kind) for kind in ("normal", "conformal")}
    below = {
        kind: np.array([(new["y"].to_numpy() < table[f"q{share:g}"].to_numpy()).mean() for share in shares])
        for kind, table in made.items()
    }
    assert np.abs(below["conformal"] - shares).max() < 0.03
    assert np.abs(below["normal"] - shares).max() > 0.06, "errors are skew"
    again = hpo.load("shops", store=tmp_path / "store", storage=tmp_path / "journal.log")
    pd.testing.assert_frame_equal(again.forecast(quantiles=shares, intervals="conformal"), made["conformal"])
    with pytest.raises(TuneError, match=r"quantiles: 0.9999 takes 9,999 held-out windows, and there are 900: more series or splits"):
        result.forecast(quantiles=[0.9999], intervals="conformal")
    with pytest.raises(TuneError, match="intervals='bootstrap': give 'normal' or 'conformal'"):
        result.forecast(intervals="bootstrap")
    exact = hpo.tune(old, "y", "linear_forecaster", search=search, **asked)
    with pytest.raises(TuneError, match=r"this study keeps none; tune with a score on sampled windows beside its own"):
        exact.forecast(quantiles=[0.9], intervals="conformal")


def test_scores_of_windows_with_covariates_have_a_bound():
    summary = Windows(context=5, horizon=2, season=2)
    model = LinearForecaster(summary=summary, penalty="elastic_net", alpha=0.5)
    solution = model.solve(lift(summary, SHAPE, batch(n=400)))
    assert len(solution.trained) == 2 and solution.ahead(1) == 1 and solution.ahead(2) == 2
    assert 0.0 < solution.degrees < 12.0


def test_a_static_column_that_changes_in_a_series_is_named_with_its_values(tmp_path):
    rows = shops().drop(columns="kind")
    last = rows["quarter"].max()
    late = rows["quarter"] > rows["quarter"].sort_values().iloc[len(rows) // 2]
    names = sorted(rows["series"].unique())
    still = rows.assign(kind=np.where(rows["series"] == names[0], "shop", "depot"), size=3.5)
    moved = still.assign(kind=np.where(late & (rows["series"] == names[1]), "closed", still["kind"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        tuned(still.assign(kind=still["kind"].where(rows["quarter"] < last)), stat_exog_list=["kind"], store=tmp_path / "a")
    message = (
        rf"stat_exog_list: 'kind' has 'depot', 'closed' in the series series={names[1]!r}\. What does not change has one value "
        r"a series; where it does change, a window has that of its last past step.*Name it in futr_exog_list"
    )
    both = tmp_path / "files"
    both.mkdir()
    moved[~late].to_parquet(both / "1.parquet")
    moved[late].to_parquet(both / "2.parquet")
    for data in (moved.sort_values("quarter"), str(both), str(both)):  # the second time from what the store remembers
        with pytest.warns(DataWarning, match=message):
            tuned(data, stat_exog_list=["kind"], store=tmp_path / "b")
    numbers = still.assign(size=np.where(late, 4.0, 3.5))
    with pytest.warns(DataWarning, match=r"'size' has [34.05, ]+ in the series series='shop \d' \(3 series in all\)"):
        tuned(numbers, stat_exog_list=["kind", "size"], store=tmp_path / "c")
