"""DeepAR: against naive twins, chains of it, series of all sorts, and studies beside the linear forecaster."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import forked
import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest
from twins_deepar import SETTINGS, crps, distribution, log_density, outputs, scale_of

import hpo
from algorithms import extras, laws
from algorithms.chained import Chain, alone, ends, further
from algorithms.contract import Batch, Column, Held, Shape
from algorithms.errors import AlgorithmError, FitFailed, InvalidField, NotEnoughRows, RepeatedStep
from algorithms.families.likelihoods import QUANTILES
from algorithms.families.path_scores import JudgedPaths, score_of_paths
from algorithms.families.paths import calendar
from algorithms.models.deepar import DeepAR
from algorithms.models.linear_forecaster import LinearForecaster
from algorithms.neural import losses, recurrent
from algorithms.summaries.series import WholeSeries
from algorithms.summaries.windows import Windows
from hpo.errors import SearchError
from state_store.codec import flatten, restore

ROOT = Path(__file__).parent.parent
L, H, M = 8, 2, 4
SUMMARY = WholeSeries(context=L, horizon=H, season=M)
COLUMNS = (Column("price", "price", given="future"), Column("visits", "visits", given="past"), Column("kind", "kind", given="static"))
TINY = {"summary": SUMMARY, "freq": "Q", "hidden_size": 5, "embedding_dimension": 2, "batch_size": 16,
        "num_batches_per_epoch": 4, "num_parallel_samples": 20, "epochs": 3, "learning_rate": 0.01}  # fmt: skip


def rows(lengths=(40, 25, 14), columns=COLUMNS, seed=0, likelihood="gaussian", gaps=True):
    """Steps of series with a season, of several lengths and sizes, in any order, with gaps."""
    rng = np.random.default_rng(seed)
    series = np.repeat(np.arange(len(lengths), dtype=np.uint64) * 2**40 + 2**30, lengths)
    step = np.concatenate([7 * i + np.arange(n) for i, n in enumerate(lengths)])
    y = np.where(series > 2**41, 40.0, 1.0) * (4.0 + np.sin(step * 2 * np.pi / M) + 0.2 * rng.normal(size=len(step)))
    y = {"negative_binomial": np.rint(2.0 * np.abs(y)), "beta": 1.0 / (1.0 + np.exp(-np.sin(y)))}.get(likelihood, y)
    beside = np.column_stack([rng.normal(size=len(step)), rng.normal(size=len(step)), series > 2**41])[:, : len(columns)]
    order = rng.permutation(len(step))
    order = order[(step[order] % 11 != 5)] if gaps else order
    values = np.column_stack([beside, y])[order]
    return Batch(values, len(columns), clock=step[order].astype(float), series=series[order])


def state_of(**how):
    return laws.lift(SUMMARY, Shape(how.get("columns", COLUMNS), ("y",)), rows(**how))


def window_of(state, code, end):
    """The values of L + H steps of a series before a step, by a plain look-up; NaN where there is none."""
    known = {(s, t): v for s, t, v in zip(state.series.tolist(), state.step.tolist(), state.values, strict=True)}
    none = np.full(state.values.shape[1], np.nan)
    return np.array([known.get((code, end - L - H + j), none) for j in range(L + H)])


@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_what_comes_out_of_jax_of_numpy_and_of_a_naive_loop_is_one(params):
    state, model = state_of(likelihood=params["likelihood"]), DeepAR(**TINY, **params)
    laid, weights = model._laid_out(state), model.begin(state).parameters
    forecast = model.trained(Chain(0, 0, weights), state)
    i = len(laid.ends) - 1 - np.arange(0, 30, 7)
    cut = laid._cuts(laid.ends[i], laid.owner[i], laid.owner[i], np.zeros_like(i))
    by_jax = np.asarray(recurrent.compiled(laid.network).raw(weights, laid.flat, cut))
    codes = np.unique(state.series)
    lags, deviation = laid.network.lags, np.maximum(state.values[:, 1:].std(axis=0), 1e-12)
    standard = (state.values[:, 1:] - state.values[:, 1:].mean(axis=0)) / deviation
    known = {(s, t): v for s, t, v in zip(state.series.tolist(), state.step.tolist(), standard, strict=True)}
    rows_, nexts = [], []
    for n, (place, owner) in enumerate(zip(laid.ends[i], laid.owner[i], strict=True)):
        code, first = int(codes[owner]), int(state.step[state.series == codes[owner]].min())
        begins = sum(int(np.ptp(state.step[state.series == c])) + 1 + L for c in codes[:owner]) + L
        end = int(place) - begins + first
        window = window_of(state, code, end)
        steps = end - L - H + np.arange(L + H)
        price = [known.get((code, t), np.zeros(3))[0] for t in steps]
        visits = [known.get((code, steps[min(j - 1, L - 1)]), np.zeros(3))[1] for j in range(L + H)]
        last = standard[np.flatnonzero(state.series == codes[owner])[-1]][2]
        turns = calendar(steps, (4.0,))
        level = laid.inputs.level
        out, _ = outputs(
            weights, np.where(np.isnan(window[:, 0]), np.nan, window[:, 0]), lags, L, 2,
            [np.concatenate([turns[j], [price[j]], [visits[j]]]) for j in range(L + H)],
            lambda scale, last=last, owner=owner, level=level: np.concatenate([[last], weights["embedding"][owner], [(np.log(scale) - level[0]) / level[1]]]),
        ) if params["likelihood"] != "beta" else (None, 1.0)  # fmt: skip
        if out is not None:
            np.testing.assert_allclose(by_jax[n], out, atol=2e-5)
        beside = np.nan_to_num(window[:, 1:], nan=0.0)
        beside = np.where(np.isnan(window[:, 1:]), state.values[:, 1:].mean(axis=0), beside)
        beside[L - 1, 2] = state.values[np.flatnonzero(state.series == codes[owner])[-1], 3]
        row = state.covariates.rows(beside[None])[0]
        rows_.append(np.concatenate([window[:L, 0], row, [end - H, float(code >> 11)]]))
        nexts.append(window[L:, 0])
        count = laid.flat.seen[cut.start[n] + np.arange(L + H)]
        assert count.tolist() == (~np.isnan(window[:, 0])).astype(float).tolist()
    by_numpy = forecast.raw(np.array(rows_), np.nan_to_num(np.array(nexts)))
    np.testing.assert_allclose(by_numpy[:, : L - lags[-1] + 1], by_jax[:, : L - lags[-1] + 1], atol=2e-5)
    whole = ~np.isnan(nexts).any(axis=1)
    assert whole.any()
    np.testing.assert_allclose(by_numpy[whole], by_jax[whole], atol=2e-5)


@pytest.mark.parametrize("params", SETTINGS, ids=str)
def test_losses_are_minus_the_logarithms_of_scipys_densities(params):
    rng, likelihood = np.random.default_rng(1), params["likelihood"]
    out = rng.normal(size=(40, losses.HEADS[likelihood])).astype(np.float32)
    scale = rng.uniform(0.5, 30.0, 40)
    y = {"negative_binomial": rng.poisson(scale), "beta": rng.uniform(0.01, 0.99, 40)}.get(likelihood, scale * rng.normal(size=40))
    found = losses.LOSSES[likelihood](out, y.astype(np.float32), scale.astype(np.float32))
    expected = [-log_density(likelihood, o.astype(float), v, s) for o, v, s in zip(out, y, scale, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)
    u = rng.uniform(0.01, 0.99, 40)
    drawn = QUANTILES[likelihood](out, scale, u)
    expected = [distribution(likelihood, o.astype(float), s).ppf(q) for o, s, q in zip(out, scale, u, strict=True)]
    np.testing.assert_allclose(drawn, expected, rtol=1e-6)


def test_slopes_are_those_of_the_naive_loss():
    import jax

    state, model = state_of(columns=(), gaps=False), DeepAR(**TINY, likelihood="gaussian")
    laid, weights = model._laid_out(state), dict(model.begin(state).parameters)
    cut = laid._cuts(laid.ends[-3:], laid.owner[-3:], laid.owner[-3:], np.zeros(3, np.intp))
    slopes = jax.jit(jax.grad(lambda w: recurrent.losses(laid.network, w, laid.flat, cut, None, None)[0]))(weights)
    codes, level = np.unique(state.series), laid.inputs.level

    def loss(weights):
        total = 0.0
        for place, owner in zip(laid.ends[-3:], laid.owner[-3:], strict=True):
            first = int(state.step[state.series == codes[owner]].min())
            begins = sum(int(np.ptp(state.step[state.series == c])) + 1 + L for c in codes[:owner]) + L
            end = int(place) - begins + first
            window, turns = window_of(state, int(codes[owner]), end)[:, 0], calendar(end - L - H + np.arange(L + H), (4.0,))
            out, scale = outputs(weights, window, laid.network.lags, L, 2, turns,
                                 lambda scale, owner=owner: np.append(weights["embedding"][owner], (np.log(scale) - level[0]) / level[1]))  # fmt: skip
            total -= sum(log_density("gaussian", o, y, scale) for o, y in zip(out, window[max(laid.network.lags) :], strict=True))
        return total

    rng = np.random.default_rng(0)
    for name in ("in0", "own0", "bias1", "own1", "head", "head_bias", "embedding"):
        rows_ = laid.owner[-3:] if name == "embedding" else np.arange(len(weights[name]))
        at = (int(rng.choice(rows_)), *(int(rng.integers(n)) for n in weights[name].shape[1:]))
        sides = []
        for sign in (1.0, -1.0):
            moved = {k: v.astype(np.float64) for k, v in weights.items()}
            moved[name][at] += sign * 1e-5
            sides.append(loss(moved))
        assert float(slopes[name][at]) == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=2e-3, abs=2e-3), name


def bits(chain):
    arrays, scalars = flatten(chain)
    return scalars, {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}


def test_a_chain_that_was_stored_goes_on_to_the_same_bits():
    state, model = state_of(), DeepAR(**{**TINY, "epochs": 4})
    whole = alone(model, state)
    half = restore(*flatten(alone(replace(model, epochs=2), state)), Chain(0, 0))
    *_, last = further(model, half, state_of())
    assert bits(last) == bits(whole)
    assert len(whole.losses) == 4
    assert not np.array_equal(whole.losses, alone(replace(model, dropout_rate=0.5), state).losses)
    short = replace(model, num_parallel_samples=5, steps=1, patience=2, tolerance=0.1, epochs=9)
    assert [short.in_force(e) for e in range(3)] == [model.in_force(e) for e in range(3)], "of these no training"
    for other in ({"hidden_size": 6}, {"likelihood": "gaussian"}, {"freq": "M"}, {"random_state": 1}, {"summary": replace(SUMMARY, context=9)}):
        assert replace(model, **other).in_force(0) != model.in_force(0)
    assert replace(model, learning_rate=0.1).in_force(0) == model.in_force(0)
    assert replace(model, learning_rate=0.1).in_force(1) != model.in_force(1)


def test_folds_and_settings_share_one_compiled_function():
    state = state_of()
    made = recurrent.compiled(DeepAR(**TINY)._laid_out(state).network)
    alone(DeepAR(**TINY), state)
    before = made.epoch._cache_size()
    for model in (DeepAR(**{**TINY, "learning_rate": rate, "dropout_rate": share, "epochs": 1}) for rate in (0.1, 0.2) for share in (0.0, 0.3)):
        alone(model, state)
        alone(model, state_of(lengths=(30, 22)))
    assert made.epoch._cache_size() == before


def test_training_stops_early_and_the_best_epoch_is_kept():
    state = state_of()
    model = DeepAR(**{**TINY, "epochs": 60, "learning_rate": 0.05, "patience": 3, "tolerance": 0.0, "validation_fraction": 0.3})
    chain = alone(model, state)
    best = int(np.argmin(chain.losses)) + 1
    assert chain.epoch == best + 3 < 60
    assert ends(model, chain)
    at_best = alone(replace(model, epochs=best), state)
    assert all((chain.best[name] == at_best.optimizer[f"average.{name}"]).all() for name in at_best.parameters)
    assert any((chain.optimizer[f"average.{name}"] != chain.best[name]).any() for name in chain.best)
    np.testing.assert_array_equal(model.trained(chain, state).parameters["head"], chain.best["head"])
    assert model.trained(chain, state).stopped
    none = alone(replace(model, epochs=2, validation_fraction=0.0), state)
    assert not len(none.losses)
    assert not none.best
    np.testing.assert_array_equal(model.trained(none, state).parameters["head"], none.optimizer["average.head"])


def test_forecasts_are_made_by_the_average_of_the_last_parameters():
    """One batch an epoch, so that the chains are those after every batch."""
    state, few = state_of(), {"num_batches_per_epoch": 1, "num_layers": 1, "validation_fraction": 0.0}
    model = DeepAR(**{**TINY, "epochs": 8, **few})
    first = model.begin(state)
    average = first.parameters["head"].astype(np.float64)
    for chain in further(model, first, state):
        stays = min(0.99, (1 + chain.epoch) / (10 + chain.epoch))
        average = stays * average + (1 - stays) * chain.parameters["head"]
    np.testing.assert_allclose(model.trained(chain, state).parameters["head"], average, rtol=1e-5)


def test_held_out_steps_are_not_trained_on():
    state = state_of(columns=(), gaps=False)
    laid = DeepAR(**{**TINY, "validation_fraction": 0.25})._laid_out(state)
    length = {0: 40, 1: 25, 2: 14}
    for owner, n in length.items():
        begin = sum(length[i] + L for i in range(owner)) + L
        held = round(0.25 * n)
        assert laid.ends[laid.owner == owner].max() == begin + n - held, "windows end before"
        assert laid.ends[laid.owner == owner].min() == begin + H + 1, "and begin with one past value"
        mine = laid.held_owner == owner
        assert (laid.since[mine] == begin + n - held).all()
        covered = {place for end in laid.held[mine] for place in range(max(end - H, begin + n - held), end)}
        assert covered == set(range(begin + n - held, begin + n))


def test_a_loss_that_is_no_number_fails_with_the_reason():
    state, model = state_of(), DeepAR(**{**TINY, "learning_rate": 1e30})
    with pytest.raises(FitFailed, match=r"DeepAR: the loss is not a number in epoch \d; try a smaller learning_rate than 1e\+30"):
        list(further(model, model.begin(state), state))


def test_a_chain_of_another_architecture_is_refused():
    state, model = state_of(), DeepAR(**TINY)
    chain = model.begin(state)
    with pytest.raises(FitFailed, match=r"'in0' of the stored chain is \(\d+, 20\) where \(\d+, 24\) is expected"):
        next(iter(further(replace(model, hidden_size=6), chain, state)))
    with pytest.raises(FitFailed, match="'embedding' of the stored chain is absent"):
        next(iter(further(model, Chain(1, 0), state)))


@pytest.mark.parametrize(
    ("values", "words"),
    [({"hidden_size": 0}, "hidden_size=0"), ({"likelihood": "poisson"}, "likelihood='poisson'"), ({"dropout_rate": 1.0}, "dropout_rate=1.0"),
     ({"patience": 0}, "patience=0"), ({"num_parallel_samples": 1}, "num_parallel_samples=1"), ({"epochs": 0}, "epochs=0")],
)  # fmt: skip
def test_what_is_not_legal_is_refused(values, words):
    with pytest.raises(InvalidField, match=f"^{words}: must be"):
        DeepAR(**values)


def test_values_that_a_likelihood_does_not_have_are_refused():
    state = state_of()
    with pytest.raises(InvalidField, match=r"likelihood='negative_binomial': is of counts, whole numbers of at least 0, and the target holds "):
        DeepAR(**TINY, likelihood="negative_binomial").check_field("likelihood", state)
    for bad in (-1.0, 0.5):
        wrong = replace(state, values=np.where(state.values == state.values[3], bad, np.rint(np.abs(state.values))))
        with pytest.raises(InvalidField, match=f"the target holds {bad:g}; give 'student_t' or 'gaussian'"):
            DeepAR(**TINY, likelihood="negative_binomial").solve(wrong)
    for bad in (0.0, 1.0, 2.0):
        wrong = replace(state, values=np.full_like(state.values, bad))
        with pytest.raises(InvalidField, match=f"likelihood='beta': is of values between 0 and 1, and the target holds {bad:g}"):
            DeepAR(**TINY, likelihood="beta").solve(wrong)
    DeepAR(**TINY, likelihood="gaussian").check_field("likelihood", state)


def test_series_that_are_too_short_or_too_long_are_refused():
    with pytest.raises(NotEnoughRows, match="DeepAR needs a series of at least 3 steps, one past and 2 next, and the longest has 2"):
        DeepAR(**TINY).solve(state_of(lengths=(2, 1), gaps=False))
    few = replace(SUMMARY, size=10)
    state = laws.lift(few, Shape(COLUMNS, ("y",)), rows())
    with pytest.raises(NotEnoughRows, match="needs at least one series of no more than size=10 rows, and each has more: raise size"):
        DeepAR(**{**TINY, "summary": few}).check(state)
    with pytest.raises(InvalidField, match="steps=3: the network forecasts 2; give fewer, or a larger horizon"):
        DeepAR(**TINY, steps=3).check_field("steps")


@pytest.mark.parametrize("size", [1000, 60, 39, 20])
def test_series_are_kept_whole_or_not_at_all_however_rows_are_cut(size):
    summary, shape, batch = replace(SUMMARY, size=size), Shape(COLUMNS, ("y",)), rows(lengths=(30, 20, 10, 5), gaps=False)
    laws.order(summary, shape, batch)
    state = laws.lift(summary, shape, batch)
    assert state.rows == 65
    assert state.kept_rows <= size
    for code in np.unique(batch.series):
        assert np.count_nonzero(state.series == code) in (0, np.count_nonzero(batch.series == code))
    with pytest.raises(RepeatedStep):
        summary.merge(state, state)


def test_without_the_extra_the_command_that_installs_it_is_said_before_anything_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    frame = pd.DataFrame({"t": [1, 2], "y": [1.0, 2.0]})
    with pytest.raises(AlgorithmError, match=r"^deepar is trained by jax and optax, which are not installed: "
                       r"pip install 'onepass-hpo\[neural\]'$"):  # fmt: skip
        hpo.tune(frame, "y", "deepar", time="t", store=tmp_path)


# forecasts ------------------------------------------------------------------------------------------------------------


def test_paths_of_a_series_do_not_depend_on_the_others_and_are_of_the_distribution():
    state, model = state_of(), DeepAR(**{**TINY, "num_parallel_samples": 4000, "likelihood": "gaussian"})
    forecast = model.trained(model.begin(state), state)
    past = SUMMARY.ends(state).rows(np.zeros((3, H, 3)))
    paths = forecast.paths(past)
    assert paths.shape == (3, 4000, H)
    # float32 products round a row by its place among others on some processors
    np.testing.assert_allclose(forecast.paths(past[1:2])[0], paths[1], atol=1e-6 * np.abs(paths[1]).max())
    assert np.corrcoef(paths[0, :, 0], paths[1, :, 0])[0, 1] == pytest.approx(0.0, abs=0.05)
    out = forecast.raw(past, np.zeros((3, H)))[:, L - max(forecast.network.lags)]
    for i in range(3):
        scale = scale_of(past[i, :L], max(forecast.network.lags), L)
        assert kstest(paths[i, :, 0], distribution("gaussian", out[i].astype(float), scale).cdf).pvalue > 0.01
    np.testing.assert_allclose(forecast(past), paths.mean(axis=1))
    np.testing.assert_allclose(forecast.quantiles(past, [0.1, 0.9]), np.moveaxis(np.quantile(paths, [0.1, 0.9], axis=1), 0, 2))
    short = replace(model, steps=1).trained(model.begin(state), state)
    np.testing.assert_allclose(short(past), forecast(past)[:, :1], rtol=1e-12)


def test_a_series_that_is_not_known_and_one_of_a_single_value_are_forecast():
    model, state = DeepAR(**TINY), state_of()
    forecast = model.trained(alone(model, state), state)
    new = rows(lengths=(1, 1, 1, 1, 3), gaps=False)
    past = SUMMARY.ends(laws.lift(SUMMARY, Shape(COLUMNS, ("y",)), new)).rows(np.zeros((5, H, 3)))
    assert np.isnan(past[0, : L - 1]).all()
    assert np.isfinite(forecast(past)).all()
    assert forecast.inputs.places(past[:, -1]).tolist() == [0, 1, 2, 3, 3]


@pytest.mark.parametrize("y", [np.full(30, 5.0), np.zeros(30), np.r_[np.zeros(29), 1e9]], ids=["constant", "zero", "leap"])
@pytest.mark.parametrize("likelihood", ["gaussian", "negative_binomial"])
def test_one_series_that_hardly_changes_is_forecast(y, likelihood):
    batch = Batch(y[:, None], 0, clock=np.arange(30.0), series=np.zeros(30, np.uint64))
    model = DeepAR(**{**TINY, "epochs": 20, "num_layers": 1, "likelihood": likelihood})
    state = laws.lift(SUMMARY, Shape((), ("y",)), batch)
    found = model.estimator(model.solve(state)).predict(SUMMARY.ends(state).rows())
    assert found.shape == (1, H)
    assert np.isfinite(found).all()


def test_scores_of_paths_are_those_of_their_definition():
    state = state_of(columns=(), gaps=False)
    model = DeepAR(**{**TINY, "num_parallel_samples": 9})
    forecast = model.trained(model.begin(state), state)
    sample = laws.lift(SUMMARY.sampling(50, []), Shape((), ("y",)), rows(columns=(), gaps=False))
    judged, (past, y) = JudgedPaths.drawn_by(forecast, sample, M), forecast.sampled(sample)
    paths = forecast.paths(past)
    expected = [[crps(paths[i, :, j], y[i, j]) for j in range(H)] for i in range(len(y))]
    np.testing.assert_allclose(judged.ranked(), expected, rtol=1e-9)
    losses = [np.maximum(q * (y - np.quantile(paths, q, axis=1)), (q - 1) * (y - np.quantile(paths, q, axis=1))) for q in np.arange(1, 10) / 10]
    wql = 2.0 * np.mean([each.sum() for each in losses]) / np.abs(y).sum()
    assert model.score(forecast, Held(state, sample), "neg_wql").value == pytest.approx(-wql)
    assert model.score(forecast, Held(state, sample), "neg_crps").value == pytest.approx(-np.sum(expected) / np.abs(y).sum())


@pytest.mark.parametrize("metric", ["neg_wql", "neg_crps", "neg_mase", "neg_rmsse", "neg_msis"])
def test_what_more_paths_would_change_is_within_the_bound(metric):
    rng, n = np.random.default_rng(0), 20
    y, ones = rng.normal(size=(n, H)), np.ones(n)

    def judged(paths):
        return JudgedPaths(y, paths.mean(axis=2), ones, ones, np.zeros((n, H)), 1.0, paths)

    true = score_of_paths(metric, judged(rng.normal(0.3, 1.5, (n, H, 20_000)))).value
    found = [score_of_paths(metric, judged(rng.normal(0.3, 1.5, (n, H, 100)))) for _ in range(60)]
    off = np.array([abs(one.value - true) for one in found])
    bounds = np.array([one.bound for one in found])
    assert np.mean(off <= bounds) >= 0.9
    assert bounds.max() <= 12.0 * off.std()


def test_the_scaled_error_of_sampled_windows_is_that_of_the_state_where_every_window_is_sampled():
    windows = Windows(context=L, horizon=H, season=M)
    shape, batch = Shape((), ("y",)), rows(columns=())
    state, model = laws.lift(windows, shape, batch), LinearForecaster(summary=windows)
    sample = laws.lift(windows.sampling(10_000, []), shape, batch)
    solution = model.solve(state)
    exact, drawn = (model.score(solution, held, "neg_rmsse") for held in (Held(state), Held(state, sample)))
    assert drawn.value == pytest.approx(exact.value, rel=1e-9)
    assert windows.sampling(5, [replace(SUMMARY, context=11, horizon=4)]) == replace(SUMMARY, context=11, horizon=4).sampling(5, [windows])


# studies ------------------------------------------------------------------------------------------------------------


def shops(n=72):
    rng, months = np.random.default_rng(0), pd.date_range("2015-01-01", periods=n, freq="MS")
    parts = [
        pd.DataFrame({"shop": name, "month": months, "promo": rng.integers(0, 2, n), "sales": 5 + np.sin(np.arange(n) * np.pi / 6)})
        for name in ("north", "south", "west")
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["sales"] *= frame["shop"].map({"north": 1.0, "south": 40.0, "west": 900.0}) * (1.0 + 0.5 * frame["promo"])
    return frame


SEARCH = {"deepar.epochs": [2, 4], "deepar.hidden_size": 8, "deepar.num_layers": 1, "deepar.learning_rate": 0.01, "deepar.dropout_rate": 0.0,
          "deepar.batch_size": 16, "deepar.context": 16}  # fmt: skip
FOLDS = {"scheme": "backtest", "horizon": 3, "n_splits": 2}


def test_a_study_says_which_is_worth_it_and_forecasts_without_jax(tmp_path):
    frame = shops().drop(index=[30, 31, 100])
    early = frame[(frame["shop"] != "west") | (frame["month"] < "2019-06-01")]
    where = {"store": tmp_path / "s", "storage": tmp_path / "j"}
    asked = {"time": "month", "series": "shop", "folds": FOLDS, "trials": 8, "sampler": "grid", **where}
    result = hpo.tune(early, "sales", ["deepar", "seasonal_naive"], name="shops", scoring=["neg_wql", "neg_rmsse"],
                      search=SEARCH | {"seasonal_naive.context": 16}, **asked)  # fmt: skip
    board = hpo.leaderboard(result)
    assert set(board["algorithm"]) == {"deepar", "seasonal_naive"}
    assert np.isfinite(board["score"]).all()
    assert result.cost.epochs_trained <= 4 * 2 < result.cost.epochs_alone == (2 + 4) * 2
    only = hpo.tune(early, "sales", "deepar", name="only", search=SEARCH, **asked)
    assert only.record.metrics[0] == "neg_rmsse"
    assert only.cost.epochs_trained == 0, "every chain is in the store"
    made = only.forecast(quantiles=[0.1, 0.9])
    assert len(made) == 3 * 3
    assert (made["q0.1"] <= made["mean"]).all() and (made["mean"] <= made["q0.9"]).all()
    assert made.loc[made["shop"] == "west", "month"].min() == pd.Timestamp("2019-06-01"), "each continues from its own end"
    hpo.write_report(only, tmp_path / "report.html")
    assert "deepar" in (tmp_path / "report.html").read_text()
    code = (
        "import sys; sys.modules['jax'] = sys.modules['jaxlib'] = sys.modules['optax'] = None\n"
        "import hpo\n"
        f"r = hpo.load('only', storage={str(tmp_path / 'j')!r}, store={str(tmp_path / 's')!r})\n"
        f"r.forecast(quantiles=[0.1, 0.9]).to_parquet({str(tmp_path / 'made.parquet')!r})\n"
    )
    done = forked.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "made.parquet"), made)
    fresh = pd.DataFrame({"shop": "new", "month": pd.date_range("2021-01-01", periods=2, freq="MS"), "sales": [6.0, 6.5]})
    later = only.forecast(2, data=fresh)
    assert later.loc[later["shop"] == "new", "month"].tolist() == list(pd.date_range("2021-03-01", periods=2, freq="MS"))


def test_what_is_known_in_advance_moves_the_forecast(tmp_path):
    search = {**SEARCH, "deepar.epochs": 40, "deepar.patience": 40}
    result = hpo.tune(shops(), "sales", "deepar", time="month", series="shop", futr_exog_list="promo", folds={**FOLDS, "n_splits": 1},
                      search=search, trials=1, store=tmp_path)  # fmt: skip
    ahead = pd.MultiIndex.from_product([["north", "south", "west"], pd.date_range("2021-01-01", periods=3, freq="MS")], names=["shop", "month"])
    with_, without = (result.forecast(futr_df=pd.DataFrame({"promo": value}, index=ahead).reset_index()) for value in (1, 0))
    assert (with_["mean"] / without["mean"]).between(1.2, 1.8).all(), "half as much again"


def test_values_that_do_not_suit_are_refused_before_the_trials(tmp_path):
    with pytest.raises(SearchError, match="likelihood='beta': is of values between 0 and 1, and the target holds"):
        hpo.tune(shops(), "sales", "deepar", time="month", series="shop", folds=FOLDS, store=tmp_path,
                 search={"deepar.likelihood": ["beta"]}, trials=1)  # fmt: skip
