"""The Gaussian mechanism: how much noise, how far one row moves the sums, and what comes back without any."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from test_sites import SEGMENT, rows, spec

import hpo
from algorithms.contract import Batch, Column, Shape
from algorithms.noise import Bounds, sigma_of
from algorithms.summaries.bounded import Bounded
from algorithms.summaries.classes import Classes
from algorithms.summaries.counts import Counts
from algorithms.summaries.moments import Moments
from hpo.errors import TuneError
from state_store import StateStore
from state_store.archive import import_states

SUMS = [Moments(), Classes(), Classes("diagonal"), Counts(), Counts(binarize=0.5)]
BOUNDS = {"age": (0.0, 250.0), "bmi": (-5.0, 5.0), "year": (1990.0, 2030.0), "y": (-10.0, 60.0)}


@pytest.mark.parametrize(("epsilon", "delta"), [(1e-3, 1e-9), (0.1, 1e-6), (1.0, 1e-5), (3.0, 1e-8), (20.0, 1e-3)])
@pytest.mark.parametrize("sensitivity", [1.0, 7.3])
def test_the_noise_is_the_least_that_keeps_delta(epsilon, delta, sensitivity):
    sigma = sigma_of(epsilon, delta, sensitivity)

    def spent(sigma):
        """The largest P(E) - e^ε P'(E): over E = {x > t} with t where the densities' ratio is e^ε."""
        t = epsilon * sigma**2 / sensitivity - sensitivity / 2
        return norm.sf(t, 0.0, sigma) - math.exp(epsilon) * norm.sf(t, -sensitivity, sigma)

    assert spent(sigma) == pytest.approx(delta, rel=1e-6)
    assert spent(sigma * 0.999) > delta
    if epsilon <= 1:
        assert sigma < sensitivity * math.sqrt(2 * math.log(1.25 / delta)) / epsilon


@pytest.mark.parametrize("epsilon", [1e3, 1e8, 1e-9])
def test_any_epsilon_has_its_noise(epsilon):
    """Of huge ones σ is about Δ/√(2ε), of tiny ones δ alone decides: 2Φ(Δ/2σ) - 1 = δ."""
    sigma = sigma_of(epsilon, 1e-6, 1.0)
    limit = 1.0 / math.sqrt(2.0 * epsilon) if epsilon > 1 else 0.5 / norm.ppf(0.5 + 0.5e-6)
    assert sigma == pytest.approx(limit, rel=0.15)


def case(summary, n=60, d=3, seed=0):
    rng = np.random.default_rng(seed)
    classes = () if isinstance(summary, Moments) else ("a", "b")
    shape = Shape(tuple(Column(name, name) for name in "uvw"[:d]), ("y",), classes=classes)
    low, high = np.array([-1.0, 0.0, 2.0, -3.0]), np.array([1.0, 4.0, 2.5, 3.0])
    x = rng.uniform(low, high, size=(n, d + 1))
    if classes:
        x[:, d] = rng.integers(0, 2, n)
    size = d if classes else d + 1
    return shape, Bounds(low[:size], high[:size]), np.asfortranarray(x)


def state_of(summary, shape, x):
    return summary.update(summary.init(shape), Batch(np.asfortranarray(x), d=shape.d))


def arrays(state):
    names = [n for n in ("rows", "counts", "weights", "mean", "means", "scatter", "scatters", "sums", "totals") if
             n in type(state).__dataclass_fields__]  # fmt: skip
    return {name: np.asarray(getattr(state, name), float) for name in names}


@pytest.mark.parametrize("summary", SUMS, ids=repr)
def test_without_noise_the_same_comes_back(summary):
    shape, bounds, x = case(summary)
    state = state_of(summary, shape, x)
    again = summary.noised(state, bounds, 0.0, np.random.default_rng(0))
    for name, value in arrays(state).items():
        assert arrays(again)[name] == pytest.approx(value, rel=1e-12, abs=1e-11), name


def released(summary, shape, bounds, x):
    """What is released of rows: the sums of 1, z and its products, computed from the rows."""
    z = (x[:, : len(bounds.low)] - bounds.middle) / bounds.half
    upper = np.triu_indices(z.shape[1])
    if isinstance(summary, Counts):
        parts = [z] if summary.binarize is None else [2.0 * (x[:, : shape.d] > 0.5) - 1.0, z]
        each = np.column_stack([np.ones(len(z)), *parts])
    elif isinstance(summary, Classes) and summary.covariance == "diagonal":
        each = np.column_stack([np.ones(len(z)), z, z * z])
    else:
        each = np.column_stack([np.ones(len(z)), z, np.array([np.outer(row, row)[upper] for row in z])])
    return each


@pytest.mark.parametrize("summary", SUMS, ids=repr)
def test_no_row_within_bounds_adds_more_than_the_sensitivity(summary):
    shape, bounds, x = case(summary, n=400)
    corners = np.where(np.random.default_rng(1).random((200, x.shape[1])) < 0.5, x.min(0), x.max(0))
    size = len(bounds.low)
    corners[:, :size] = np.where(np.random.default_rng(2).random((200, size)) < 0.5, bounds.low, bounds.high)
    lengths = np.linalg.norm(released(summary, shape, bounds, np.vstack([x, corners])), axis=1)
    assert lengths.max() <= summary.sensitivity(shape) * (1 + 1e-12)
    assert lengths.max() == pytest.approx(summary.sensitivity(shape), rel=1e-9)


@pytest.mark.parametrize("summary", SUMS, ids=repr)
def test_the_noise_has_the_deviation_that_was_asked_for(summary):
    shape, bounds, x = case(summary, n=5_000)
    state, rng = state_of(summary, shape, x), np.random.default_rng(0)
    drawn = [summary.noised(state, bounds, 20.0, rng) for _ in range(300)]
    counts = np.array([np.sum(one.rows) for one in drawn])
    several = 1 if isinstance(summary, Moments) else 2
    assert counts.std() == pytest.approx(20.0 * math.sqrt(several), rel=0.15)
    first = arrays(drawn[0])
    assert any(np.any(first[name] != value) for name, value in arrays(state).items())
    if isinstance(summary, Moments):
        assert min(np.linalg.eigvalsh(one.scatter).min() for one in drawn) > -1e-9


@pytest.mark.parametrize("summary", SUMS, ids=repr)
def test_noise_that_drowns_everything_leaves_a_state_that_rows_can_have(summary):
    shape, bounds, x = case(summary, n=5)
    for seed in range(20):
        made = summary.noised(state_of(summary, shape, x), bounds, 1e4, np.random.default_rng(seed))
        for name, value in arrays(made).items():
            assert np.isfinite(value).all(), name
        assert np.sum(made.rows) >= 0


def test_what_the_noise_drowns_is_a_constant_and_not_a_column_of_noise(home):
    """A column that is never missing has an indicator of zeros, which every site must have at zero exactly."""
    hpo.export_layout(spec(home, "east"), home / "layout.zip")
    store, files = StateStore(home / "centre"), [home / s / "a.parquet" for s in ("east", "north", "south")]
    for site in ("east", "north", "south"):
        layout = {} if site == "east" else {"layout": str(home / "layout.zip")}
        asked = {"epsilon": 1e9, "delta": 0.4, "bounds": BOUNDS}
        hpo.export_site(spec(home, site, **layout), home / f"{site}.zip", site, **asked)
        import_states(store, home / f"{site}.zip")
    for scale in (True, False):
        search = {"ridge.alpha": [10.0], "ridge.standardize": [scale]}
        found = hpo.tune("sites:trial", "y", "ridge", search=search, folds=SEGMENT, trials=1, store=store)
        own = hpo.tune(
            files, "y", "ridge", search=search, folds=SEGMENT, trials=1, store=home / "pooled", drop=["ill"]
        )
        assert found.best_value == pytest.approx(own.best_value, abs=1e-3)


def test_rows_are_brought_within_bounds_before_they_are_summed():
    shape, bounds, x = case(Moments())
    bounded = Bounded(Moments(), tuple(bounds.low), tuple(bounds.high))
    wild = x * 50.0
    found, own = state_of(bounded, shape, wild), state_of(Moments(), shape, np.clip(wild, bounds.low, bounds.high))
    assert found.mean == pytest.approx(own.mean, rel=1e-14)
    assert found.scatter == pytest.approx(own.scatter, rel=1e-14)


@pytest.fixture
def home(tmp_path):
    for site in ("east", "north", "south"):
        (tmp_path / site).mkdir()
        pd.concat([rows(site)] * 400, ignore_index=True).to_parquet(tmp_path / site / "a.parquet")
    return tmp_path


def test_a_study_of_noised_sums_says_so_and_is_near_that_of_the_rows(home, monkeypatch):
    seeds = itertools.count(1)  # noise of a random seed may leave the number of rows as it is
    monkeypatch.setattr("hpo.states.noise.secrets.randbits", lambda _: next(seeds))
    hpo.export_layout(spec(home, "east"), home / "layout.zip")
    store = StateStore(home / "centre")
    for site in ("east", "north", "south"):
        layout = {} if site == "east" else {"layout": str(home / "layout.zip")}
        sent = hpo.export_site(
            spec(home, site, **layout), home / f"{site}.zip", site, epsilon=8.0, delta=1e-6, bounds=BOUNDS
        )
        assert sent.noise == (8.0, 1e-6)
        import_states(store, home / f"{site}.zip")
    search = {"ridge.alpha": [10.0], "ridge.standardize": [False]}
    found = hpo.tune("sites:trial", "y", "ridge", search=search, folds=SEGMENT, trials=1, store=store)
    said = "3 sites: east (noise: ε=8, δ=1e-06), north (noise: ε=8, δ=1e-06), south (noise: ε=8, δ=1e-06)"
    assert found.record.files == said
    exact = sum(400 * len(rows(site)) for site in ("east", "north", "south"))
    assert found.best.states.whole.rows != exact
    assert found.best.states.whole.rows == pytest.approx(exact, rel=0.02)
    own = hpo.tune(
        [home / s / "a.parquet" for s in ("east", "north", "south")], "y", "ridge", search=search, folds=SEGMENT, trials=1,
        store=home / "pooled", drop=["ill"], scoring="neg_root_mean_squared_error",
    )  # fmt: skip
    noised = hpo.tune(
        "sites:trial", "y", "ridge", search=search, trials=1, store=store, scoring="neg_root_mean_squared_error"
    )
    assert noised.best_value == pytest.approx(own.best_value, rel=0.5)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"bounds": {k: v for k, v in BOUNDS.items() if k != "bmi"}}, "'bmi' has no bounds; give bounds, which you know"),
        ({"bounds": {**BOUNDS, "sex": (0, 1)}}, "'sex' is not a number that is summed"),
        ({"bounds": {**BOUNDS, "bmi": (3, 1)}}, "the bounds of 'bmi' are 3 and 1; give the lower one first"),
        ({"epsilon": 0.0}, "hides nothing"),
        ({"delta": None}, "needs an epsilon, a delta, and the bounds"),
        ({"bounds": None}, "needs an epsilon, a delta, and the bounds"),
        ({"folds": 5}, "depends on the other rows"),
    ],
)
def test_noise_that_would_not_hide_a_row_is_refused(options, why, home):
    asked = {"epsilon": 1.0, "delta": 1e-6, "bounds": BOUNDS}
    folds = {"folds": options["folds"]} if "folds" in options else {}
    given = {key: value for key, value in (asked | options).items() if key != "folds"}
    with pytest.raises(TuneError, match=why):
        hpo.export_site(spec(home, "north", **folds), home / "x.zip", "north", **given)
