"""Windows and forecasters: against windows cut from the rows, and scikit-learn on these."""

from __future__ import annotations

import time
from functools import reduce

import numpy as np
import pytest
from longdouble import LD, least_squares
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score

from algorithms.checks import check_algorithm
from algorithms.contract import Batch, Column, Held, Shape
from algorithms.errors import AlgorithmError, Imprecise, InvalidField, InvalidTarget, NotEnoughRows
from algorithms.families.forecast import squared_errors
from algorithms.families.forecast_scores import JudgedMaps
from algorithms.laws import chosen, lift, order, same
from algorithms.models.drift import Drift
from algorithms.models.linear_forecaster import LinearForecaster
from algorithms.models.mean_forecast import MeanForecast
from algorithms.models.seasonal_naive import SeasonalNaive
from algorithms.solvers import inverses
from algorithms.summaries.windows import Windows
from state_store.codec import flatten, restore

SHAPE = Shape((), ("y",))
L, H, M = 6, 3, 4
WINDOWS = Windows(context=L, horizon=H, season=M)


def rows(lengths=(40, 25, 9, 3), seed=0, offset=0.0, starts=None):
    """Return rows of series with a season and a trend, each from a step of its own, in any order."""
    rng = np.random.default_rng(seed)
    series = np.repeat(np.arange(len(lengths), dtype=np.uint64), lengths)
    starts = 7 * np.arange(len(lengths)) if starts is None else np.array(starts)
    step = np.concatenate([start + np.arange(n) for start, n in zip(starts, lengths, strict=True)])
    y = 10.0 ** (series % 3) * (3.0 + np.sin(step * 2 * np.pi / M) + 0.05 * step + rng.normal(size=len(step)))
    mixed = rng.permutation(len(step))
    return Batch((y + offset)[mixed, None], 0, clock=step[mixed].astype(float), series=series[mixed])


def naive(batch, windows=WINDOWS):
    """Return past and next values of every window without a gap, of all rows at once, by a plain loop."""
    table = {(s, int(t)): v for s, t, v in zip(batch.series, batch.clock, batch.values[:, 0], strict=True)}
    width, found = windows.context + windows.horizon, []
    for s, t in sorted(table):
        if all((s, t + j) in table for j in range(width)):
            found.append([table[s, t + j] for j in range(width)])
    every = np.array(found).reshape(-1, width)
    return every[:, : windows.context], every[:, windows.context :]


def scale_of(past, windows=WINDOWS):
    if windows.scale == "none":
        return np.ones(len(past))
    if windows.scale == "mean":
        return np.abs(past).mean(axis=1)
    return np.sqrt(np.mean((past[:, windows.season :] - past[:, : -windows.season]) ** 2, axis=1))


@pytest.mark.parametrize("scale", ["differences", "mean", "none"])
def test_windows_are_those_of_all_rows_at_once(scale):
    windows = Windows(context=L, horizon=H, season=M, scale=scale)
    batch = rows()
    past, nexts = naive(batch, windows)
    s, last = scale_of(past, windows)[:, None], past[:, -1:]
    twin = np.concatenate([past[:, :-1] - last, last, nexts - last], axis=1) / s
    state = lift(windows, SHAPE, batch)
    assert state.rows == batch.n and state.moments.rows == len(twin) == 32 + 17 + 1
    assert np.allclose(state.moments.mean, twin.mean(axis=0), rtol=1e-12)
    assert np.allclose(state.moments.scatter, np.cov(twin, rowvar=False, ddof=0) * len(twin), rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_cuts_by_time_by_series_and_of_single_rows_make_no_difference(seed):
    batch = rows(seed=seed)
    order(WINDOWS, SHAPE, batch)
    rng = np.random.default_rng(seed)
    whole, label = lift(WINDOWS, SHAPE, batch), rng.integers(7, size=batch.n)
    parts = [lift(WINDOWS, SHAPE, chosen(batch, label == one)) for one in range(7)]
    while len(parts) > 1:  # any grouping
        a, b = (parts.pop(rng.integers(len(parts))) for _ in range(2))
        parts.append(WINDOWS.merge(a, b))
    same("grouping", WINDOWS, parts[0], whole)
    assert np.array_equal(parts[0].runs.values, whole.runs.values)


def test_windows_do_not_reach_over_a_gap_until_it_is_filled():
    batch = rows(lengths=(30,))
    hole = batch.clock == 13
    with_gap, rest = (lift(WINDOWS, SHAPE, chosen(batch, part)) for part in (~hole, hole))
    assert with_gap.moments.rows == len(naive(chosen(batch, ~hole))[0]) == 30 - 2 * (L + H - 1) - 1
    same("filled", WINDOWS, WINDOWS.merge(with_gap, rest), lift(WINDOWS, SHAPE, batch))


def test_the_ends_of_long_series_are_all_that_is_kept_of_them():
    state = lift(WINDOWS, SHAPE, rows(lengths=(5000, 5)))
    assert len(state.runs.values) == 2 * (L + H - 1) + 5
    again = restore(*flatten(state), WINDOWS.init(SHAPE))
    same("round trip", WINDOWS, again, state, tolerance=0.0)


def test_a_series_far_from_zero_keeps_its_digits():
    batch, far = rows(lengths=(60,)), rows(lengths=(60,), offset=2.0**30)
    near, away = (lift(WINDOWS, SHAPE, each).moments for each in (batch, far))
    differences = np.r_[0 : L - 1, L : L + H]
    assert np.allclose(near.scatter[np.ix_(differences, differences)],
                       away.scatter[np.ix_(differences, differences)], rtol=1e-5)  # fmt: skip


def test_two_values_of_one_step_are_refused():
    batch = rows(lengths=(12,))
    with pytest.raises(InvalidTarget, match=r"two values for one step \(number 4\)"):
        lift(WINDOWS, SHAPE, Batch(np.ones((2, 1)), 0, clock=np.array([4.0, 4.0]), series=np.zeros(2, np.uint64)))
    state = lift(WINDOWS, SHAPE, batch)
    with pytest.raises(InvalidTarget, match="two values for one step"):
        WINDOWS.merge(state, lift(WINDOWS, SHAPE, chosen(batch, batch.clock == 8)))


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (Batch(np.ones((1, 1)), 0), "need a series and the number of their step"),
        (Batch(np.ones((1, 1)), 0, clock=np.array([0.5]), series=np.zeros(1, np.uint64)), "whole numbers of steps"),
    ],
)
def test_rows_without_order_are_refused(batch, message):
    with pytest.raises(AlgorithmError, match=message):
        lift(WINDOWS, SHAPE, batch)


@pytest.mark.parametrize("anchor", ["mean", "last", "season", "none"])
def test_level_series_are_counted_and_forecast_as_they_are(anchor):
    level = Batch(np.full((20, 1), 5.0), 0, clock=np.arange(20.0), series=np.full(20, 9, np.uint64))
    state = lift(WINDOWS, SHAPE, level)
    assert (state.level, state.moments.rows) == (12, 0)
    with pytest.raises(NotEnoughRows, match="12 more are level"):
        LinearForecaster(summary=WINDOWS).check(state)
    both = WINDOWS.merge(state, lift(WINDOWS, SHAPE, rows()))
    model = LinearForecaster(summary=WINDOWS, anchor=anchor, alpha=10.0)
    ends = WINDOWS.ends(both)
    series, step, past = ends.series, ends.steps, ends.rows()
    made = model.solve(both)(past)
    assert made[series == 9].tolist() == [[5.0] * H] and step[series == 9] == 20


def backtest(batch, boundary, end):
    """Return the state before a boundary and what is held out up to an end, with the rows of each."""
    train, test = (chosen(batch, part) for part in (batch.clock < boundary, (batch.clock >= boundary) & (batch.clock < end)))
    before = lift(WINDOWS, SHAPE, train)
    return before, WINDOWS.held_out(before, lift(WINDOWS, SHAPE, test)), train


def held_windows(batch, boundary, end):
    """Return the windows whose next values lie from a boundary to an end, by a plain loop."""
    shown = chosen(batch, batch.clock < end)
    table = np.array([s * 1e6 + t for s, t in zip(shown.series, shown.clock, strict=True)])
    of_step = dict(zip(table, shown.values[:, 0], strict=True))
    starts = [at for at in sorted(of_step) if at % 1e6 + L >= boundary and at + L + H - 1 in of_step]
    every = np.array([[of_step[at + j] for j in range(L + H)] for at in starts])
    return every[:, :L], every[:, L:]


MODELS = [
    LinearForecaster(summary=WINDOWS, anchor=anchor, difference=difference, fit_intercept=intercept, lags=lags,
                     seasonal_lags=seasonal, steps=steps, alpha=0.7)
    for anchor, difference, intercept, lags, seasonal, steps in (
        ("last", "none", True, None, 0, None), ("mean", "none", True, 3, 1, 2), ("season", "none", True, 4, 0, None),
        ("none", "none", False, None, 0, 1), ("last", "first", True, 5, 0, None), ("season", "seasonal", False, None, 0, 3),
        ("mean", "none", False, 1, 1, None),
    )
    if difference != "seasonal"
] + [LinearForecaster(summary=WINDOWS, anchor="season", difference="season", alpha=0.3)]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_ridge_and_its_scores_are_those_of_scikit_learn_on_the_windows(model):
    batch = rows(lengths=(60, 45, 30))
    before, held, train = backtest(batch, boundary=35, end=44)
    past, nexts = naive(train)
    h = model.ahead

    def of(x):  # features and anchors, from the values themselves
        last, season = x[:, -1:], x[:, -M:].mean(axis=1, keepdims=True)
        naive_season = np.stack([x[:, L - M + i % M] for i in range(h)], axis=1)
        one = {"last": last, "mean": season, "season": season, "none": 0.0 * last}[model.anchor]
        places = sorted({*range(L - (model.lags or L), L)} | {L - 1 - j * M for j in range(1, model.seasonal_lags + 1)})
        if model.difference == "none":
            features = x[:, places] - one
        else:
            apart = 1 if model.difference == "first" else M
            features = np.stack([x[:, j] - x[:, j - apart] for j in places if j >= apart], axis=1)
        return features, naive_season if model.anchor == "season" else np.repeat(one, h, axis=1)

    def twin(x, y, at):
        s, (features, anchor) = scale_of(x)[:, None], of(x)
        ridge = Ridge(alpha=model.alpha, fit_intercept=model.fit_intercept, solver="svd")
        ridge.fit(features / s, (y[:, :h] - anchor) / s)
        s, (features, anchor) = scale_of(at)[:, None], of(at)
        return ridge.predict(features / s).reshape(len(at), -1) * s + anchor

    solution = model.solve(before)
    x, y = held_windows(batch, 35, 44)
    made = model.estimator(solution).predict(x)
    expected = twin(past, nexts, x)
    assert np.allclose(made, expected, rtol=1e-9)
    assert held.moments.rows == len(x) == 3 * (9 - H + 1)
    s = scale_of(x)[:, None]
    rmsse = model.score(solution, Held(held), "neg_rmsse")
    assert rmsse.value == pytest.approx(-np.sqrt(np.mean(((y[:, :h] - expected) / s) ** 2)), rel=1e-9)
    r2 = r2_score(y[:, :h] / s, expected / s, multioutput="variance_weighted")
    assert model.score(solution, Held(held), "r2").value == pytest.approx(r2, rel=1e-9)
    steps = np.sqrt(np.mean(((y[:, :h] - expected) / s) ** 2, axis=0))
    assert np.allclose(np.sqrt(squared_errors(solution, held.moments)[0] / held.moments.weight), steps, rtol=1e-9)
    assert 0.0 < rmsse.bound < 1e-8 and model.complexity(solution) <= L


@pytest.mark.parametrize("offset", [0.0, 1e7])
@pytest.mark.parametrize("noise", [1e-6, 1e-2])
@pytest.mark.parametrize("anchor", ["last", "mean", "none"])
def test_the_bound_of_a_score_holds_in_extended_precision(anchor, noise, offset):
    rng, t = np.random.default_rng(1), np.tile(np.arange(60.0), 3)
    series = np.repeat(np.arange(3, dtype=np.uint64), 60)
    y = np.exp(t / 40.0) * (1.0 + series) + noise * rng.normal(size=180) + offset
    batch = Batch(y[:, None], 0, clock=t, series=series)
    before, held, train = backtest(batch, boundary=45, end=60)

    def parts(past, nexts):  # all in extended precision
        past, nexts = past.astype(LD), nexts.astype(LD)
        s = np.sqrt(np.mean((past[:, M:] - past[:, :-M]) ** 2, axis=1))[:, None]
        one = {"last": past[:, -1:], "mean": past[:, -M:].mean(axis=1, keepdims=True), "none": LD(0)}[anchor]
        return (past - one)[:, : L - (anchor == "last")] / s, (nexts - one) / s

    (X, Y), (held_X, held_Y), shown = parts(*naive(train)), parts(*held_windows(batch, 45, 60)), 0
    for alpha in (1e-9, 1e-5, 1e-1, 1e3):
        model = LinearForecaster(summary=WINDOWS, anchor=anchor, alpha=alpha)
        try:
            found = model.score(model.solve(before), Held(held), "neg_rmsse")
        except Imprecise:
            continue
        rows = np.concatenate([X - X.mean(axis=0), np.sqrt(LD(alpha)) * np.eye(X.shape[1], dtype=LD)])
        targets = np.concatenate([Y - Y.mean(axis=0), np.zeros((X.shape[1], H), LD)])
        W = np.stack([least_squares(rows, targets[:, h]) for h in range(H)], axis=1)
        r = held_Y - Y.mean(axis=0) - (held_X - X.mean(axis=0)) @ W
        assert abs(found.value + float(np.sqrt(np.mean(r * r)))) <= found.bound
        shown += 1
    assert shown >= (2 if offset == 0.0 or anchor != "none" else 0)


@pytest.mark.parametrize(
    ("model", "twin"),
    [
        (SeasonalNaive(summary=WINDOWS), lambda x: np.stack([x[:, L - M + i % M] for i in range(H)], axis=1)),
        (SeasonalNaive(summary=WINDOWS, period=1), lambda x: np.repeat(x[:, -1:], H, axis=1)),
        (Drift(summary=WINDOWS), lambda x: x[:, -1:] + np.arange(1, H + 1) * (x[:, -1:] - x[:, :1]) / (L - 1)),
        (MeanForecast(summary=WINDOWS, lags=4), lambda x: np.repeat(x[:, -4:].mean(axis=1)[:, None], H, axis=1)),
    ],
    ids=["seasonal naive", "naive", "drift", "mean"],
)
def test_baselines_are_what_they_say(model, twin):
    batch = rows(lengths=(60, 45))
    before, held, _ = backtest(batch, boundary=35, end=44)
    x, y = held_windows(batch, 35, 44)
    solution = model.solve(before)
    assert np.allclose(model.estimator(solution).predict(x), twin(x), rtol=1e-12)
    expected = -np.sqrt(np.mean(((y - twin(x)) / scale_of(x)[:, None]) ** 2))
    assert model.score(solution, Held(held), "neg_rmsse").value == pytest.approx(expected, rel=1e-9)


def test_what_is_held_out_is_never_trained_on_and_never_looks_ahead():
    batch = rows(lengths=(60, 45, 30))
    before, held, _ = backtest(batch, boundary=35, end=35 + H)
    assert held.moments.rows == 3, "one window a series, where the held-out part is one horizon"
    assert before.moments.rows == len(naive(chosen(batch, batch.clock < 35))[0])
    other = chosen(batch, batch.clock < 35 + H)
    other.values[other.clock >= 35] += 100.0
    again, moved, _ = backtest(other, boundary=35, end=35 + H)
    same("before", WINDOWS, again, before, tolerance=0.0)
    past = np.r_[0:L]
    assert np.array_equal(moved.moments.mean[past], held.moments.mean[past]), "what is known is of before"


def test_folds_by_series_hold_out_whole_series():
    batch = rows(lengths=(60, 45, 30))
    a, b = (lift(WINDOWS, SHAPE, chosen(batch, part)) for part in (batch.series < 2, batch.series == 2))
    same("held out", WINDOWS, WINDOWS.held_out(a, b), b, tolerance=0.0)


def test_what_windows_do_not_reach_is_refused_in_words():
    state = lift(WINDOWS, SHAPE, rows())
    for options, message in (
        ({"lags": 7}, "lags=7: windows have 6 past values"),
        ({"period": 9}, "period=9: windows have 6 past values"),
        ({"seasonal_lags": 2}, "have 1 before the last one, 4 steps apart"),
        ({"steps": 4}, "steps=4: windows have 3 next values"),
    ):
        with pytest.raises(InvalidField, match=message):
            LinearForecaster(summary=WINDOWS, **options).solve(state)
    long = Windows(context=3, horizon=1, season=9, scale="none")
    with pytest.raises(InvalidField, match="period=9: windows have 3 past values"):
        SeasonalNaive(summary=long).solve(lift(long, SHAPE, rows()))
    with pytest.raises(InvalidField, match="context=6: has no two values a season of 6 apart"):
        Windows(context=6, season=6)
    with pytest.raises(NotEnoughRows, match="at least 2 windows of 9 steps without a gap"):
        LinearForecaster(summary=WINDOWS).solve(lift(WINDOWS, SHAPE, rows(lengths=(8, 8))))


def test_a_model_without_features_forecasts_the_mean_change():
    batch, model = rows(), LinearForecaster(summary=WINDOWS, anchor="last", lags=1)
    solution = model.solve(lift(WINDOWS, SHAPE, batch))
    past, nexts = naive(batch)
    mean = ((nexts - past[:, -1:]) / scale_of(past)[:, None]).mean(axis=0)
    assert np.allclose(solution(past), past[:, -1:] + scale_of(past)[:, None] * mean, rtol=1e-9)


def test_windows_are_of_one_number():
    with pytest.raises(AlgorithmError, match="the target is none"):
        WINDOWS.init(Shape((Column("a", "a"),)))


def test_new_rows_move_the_forecast_without_training():
    batch, model = rows(lengths=(60, 45)), LinearForecaster(summary=WINDOWS)
    old, new = (lift(WINDOWS, SHAPE, chosen(batch, part)) for part in (batch.clock < 50, batch.clock >= 50))
    solution = model.solve(old)
    ends = WINDOWS.ends(WINDOWS.merge(old, new))
    series, step, past = ends.series, ends.steps, ends.rows()
    made = solution(past)
    assert (series.tolist(), step.tolist()) == ([0, 1], [60, 52])
    for place, one in enumerate(series):
        mine = chosen(batch, batch.series == one)
        past = mine.values[np.argsort(mine.clock), 0][-L:]
        assert np.allclose(made[place], solution(past[None])[0])


def test_a_factor_of_many_features_answers_as_their_eigenvectors(monkeypatch):
    windows = Windows(context=L, horizon=H, season=M, kernel="fourier", kernel_components=inverses.WIDE)
    batch = rows()
    state, held = lift(windows, SHAPE, batch), lift(windows, SHAPE, rows(seed=1))
    model = LinearForecaster(summary=windows, alpha=0.5)
    solution = model.solve(state)
    assert isinstance(solution.trained[0].inverse, inverses.Factor)
    monkeypatch.setattr(inverses, "WIDE", 10_000)
    twin = model.solve(lift(windows, SHAPE, batch))
    assert isinstance(twin.trained[0].inverse, inverses.Along)
    assert np.allclose(solution.coef, twin.coef, rtol=0.0, atol=1e-11 * np.abs(twin.coef).max())
    assert solution.degrees == pytest.approx(twin.degrees, rel=1e-11)
    errors, expected = (squared_errors(each, held.moments) for each in (solution, twin))
    assert np.allclose(errors[0], expected[0], rtol=1e-10)
    assert errors[1] == pytest.approx(expected[1], rel=1e-6)
    tiny = LinearForecaster(summary=windows, alpha=1e-12).solve(state)
    assert isinstance(tiny.trained[0].inverse, inverses.Along), "rounding of the products is more than the penalty"


def test_sampled_windows_are_made_once_for_all_settings(monkeypatch):
    windows = Windows(context=L, horizon=H, season=M, kernel="fourier", kernel_components=20)
    state, sample, made = lift(windows, SHAPE, rows()), windows.sampling(50, ()), []
    judged, scale = lift(sample, SHAPE, rows(seed=1)), Windows.rows
    monkeypatch.setattr(Windows, "rows", lambda *given: made.append(1) or scale(*given))
    found = []
    for alpha in (0.1, 1.0, 10.0):
        model = LinearForecaster(summary=windows, alpha=alpha)
        solution = model.solve(state)
        found.append(model.score(solution, Held(None, judged), "neg_mase").value)
        past = solution.sampled(judged)[0]
        assert np.array_equal(JudgedMaps.of(solution, judged, M).mean, solution.of_scaled(scale(windows, past)))
    assert len(made) == 1 and len(set(found)) == 3


@pytest.mark.parametrize("kind", [LinearForecaster, SeasonalNaive, Drift, MeanForecast])
def test_forecasters_keep_the_contract(kind):
    check_algorithm(kind, lambda state, like: restore(*flatten(state), like))


def test_many_series_take_little_time():
    n, steps = 500, 400
    y = np.random.default_rng(0).normal(size=(n, steps)).cumsum(axis=1)
    windows = Windows(context=24, horizon=8, season=12)
    parts = [  # a file for each ten series
        Batch(np.asfortranarray(y[i : i + 10].reshape(-1, 1)), 0, clock=np.tile(np.arange(float(steps)), 10),
              series=np.repeat(np.arange(i, i + 10, dtype=np.uint64), steps))
        for i in range(0, n, 10)
    ]  # fmt: skip
    began = time.process_time()
    state = reduce(windows.merge, [lift(windows, SHAPE, part) for part in parts])
    assert state.moments.rows == n * (steps - 31)
    assert time.process_time() - began < 5.0
