"""Samplers: whole settings of conditional spaces, the same ones again, and again after an interruption."""

from __future__ import annotations

import math
import sys
from collections import Counter

import forked
import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from studies.errors import SamplerError
from studies.sampling import parzen
from studies.sampling.auto import Auto, History
from studies.sampling.quasi import Quasi
from studies.sampling.samplers import RESUMABLE, Grid, make_sampler
from studies.sampling.space import cardinality, choices, from_unit, split, to_unit

SPACE = {
    "algorithm": CategoricalDistribution(("ridge", "elastic_net")),
    "ridge.alpha": FloatDistribution(1e-6, 1e6, log=True),
    "ridge.standardize": CategoricalDistribution((True, False)),
    "elastic_net.alpha": FloatDistribution(1e-6, 1e3, log=True),
    "elastic_net.l1_ratio": FloatDistribution(0.0, 1.0),
    "elastic_net.k": IntDistribution(1, 40),
}
FINITE = {
    "algorithm": CategoricalDistribution(("a", "b")),
    "a.k": IntDistribution(1, 3),
    "b.x": FloatDistribution(0.0, 1.0, step=0.25),
    "b.c": CategoricalDistribution(("u", None)),
}
ALL = [*RESUMABLE, "cmaes"]


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def loss(params):
    if params["algorithm"] == "ridge":
        return (math.log10(params["ridge.alpha"]) - 1) ** 2 / 10 + 0.1 * params["ridge.standardize"]
    at = (math.log10(params["elastic_net.alpha"]) + 2) ** 2 / 10 + (params["elastic_net.l1_ratio"] - 0.3) ** 2
    return at + (params["elastic_net.k"] - 20) ** 2 / 400 - 0.05


def step(study, space=SPACE, value=loss):
    """Run one trial as the tuner does: the algorithm first, then what belongs to it."""
    trial = study.ask()
    name = trial.suggest_categorical("algorithm", space["algorithm"].choices)
    for key, d in space.items():
        if key.startswith(f"{name}."):
            suggest(trial, key, d)
    return study.tell(trial, value(trial.params))


def suggest(trial, key, d):
    if isinstance(d, CategoricalDistribution):
        trial.suggest_categorical(key, d.choices)
    elif isinstance(d, IntDistribution):
        trial.suggest_int(key, d.low, d.high, log=d.log, step=d.step)
    else:
        trial.suggest_float(key, d.low, d.high, log=d.log, step=d.step)


def run(name, n, *, planned=None, seed=0, before=(), direction="minimize", space=SPACE, value=loss):
    sampler = make_sampler(name, seed=seed, space=space, trials=planned or n)
    study = optuna.create_study(sampler=sampler, direction=direction)
    study.add_trials(before)
    for _ in range(n - len(before)):
        step(study, space, value)
    return study


def settings_of(study):
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("name", [n for n in ALL if n != "grid"])
def test_every_trial_is_a_whole_setting_of_its_algorithm(name):
    for trial in run(name, 40).trials:
        prefix = trial.params["algorithm"] + "."
        assert set(trial.params) == {"algorithm", *(k for k in SPACE if k.startswith(prefix))}


@pytest.mark.parametrize("name", [n for n in ALL if n != "grid"])
def test_the_same_seed_gives_the_same_trials_and_another_seed_others(name):
    first = settings_of(run(name, 45))
    assert settings_of(run(name, 45)) == first
    assert settings_of(run(name, 45, seed=1)) != first


@pytest.mark.parametrize("name", [n for n in RESUMABLE if n != "grid"])
@pytest.mark.parametrize("k", [1, 13, 41, 59])
def test_a_resumed_study_goes_on_as_if_never_stopped(name, k):
    whole = run(name, 60)
    resumed = run(name, 60, before=whole.trials[:k])
    assert settings_of(resumed) == settings_of(whole)


def test_a_resumed_grid_goes_on_as_if_never_stopped():
    whole = run("grid", 13, space=FINITE, value=lambda p: 0.0)
    resumed = run("grid", 13, space=FINITE, value=lambda p: 0.0, before=whole.trials[:6])
    assert settings_of(resumed) == settings_of(whole)


def test_resuming_from_a_journal_file_changes_nothing(tmp_path):
    from studies.record.records import begin, load_study
    from studies.record.storage import open_storage
    from studies.record.study_record import StudyRecord
    from studies.record.write_behind import WriteBehind

    whole = run("auto", 60)
    storage = open_storage(tmp_path / "a.journal")
    begin(storage, "s", direction="minimize", record=StudyRecord({}))
    with WriteBehind(storage, "s") as writer:
        for trial in whole.trials[:47]:
            writer.put(trial)
    stored = load_study(open_storage(tmp_path / "a.journal"), "s")
    assert settings_of(run("auto", 60, before=stored.trials)) == settings_of(whole)


def test_a_study_extended_later_equals_one_planned_longer():
    short = run("auto", 110, planned=110)
    long = run("auto", 130, planned=130)
    assert settings_of(run("auto", 130, planned=130, before=short.trials)) == settings_of(long)


def test_failed_trials_are_passed_over():
    sampler = make_sampler("auto", seed=0, space=SPACE, trials=40)
    study = optuna.create_study(sampler=sampler)
    for n in range(40):
        trial = study.ask()
        name = trial.suggest_categorical("algorithm", ("ridge", "elastic_net"))
        for key, d in SPACE.items():
            if key.startswith(f"{name}."):
                suggest(trial, key, d)
        failed = optuna.trial.TrialState.FAIL if n % 3 == 0 else None
        study.tell(trial, None if failed else loss(trial.params), failed)
    assert len({tuple(t.params.items()) for t in study.trials}) == 40


def test_a_point_that_failed_is_not_proposed_again_where_another_is_left():
    space = {"algorithm": CategoricalDistribution(("a",)), "a.k": IntDistribution(1, 20)}
    [branch] = split(space).branches
    history = History(branch)
    for k in (2, 3, 4):
        history.add(branch.units({"algorithm": "a", "a.k": k}), float(k))
    before = {history.propose(np.random.default_rng(seed))["a.k"] for seed in range(60)}
    failed = before - {min(before), max(before)}
    assert len(failed) == 2
    for k in failed:
        history.avoid(branch.units({"algorithm": "a", "a.k": k}))
    after = Counter(history.propose(np.random.default_rng(seed))["a.k"] for seed in range(60))
    assert not any(after[k] for k in failed)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_auto_finds_what_chance_does_not(direction):
    sign = 1 if direction == "minimize" else -1

    def best(name, seed):
        study = run(name, 200, seed=seed, direction=direction, value=lambda p: sign * loss(p))
        return sign * study.best_value + 0.05

    auto, random = (np.median([best(name, seed) for seed in range(5)]) for name in ("auto", "random"))
    assert auto < 0.01
    assert auto < random / 3


def test_auto_learns_which_algorithm_is_better():
    study = run("auto", 200, value=lambda p: loss(p) + (p["algorithm"] == "ridge"))
    late = Counter(t.params["algorithm"] for t in study.trials[120:])
    assert late["elastic_net"] > 3 * late["ridge"] > 0


def test_auto_takes_each_point_of_a_small_finite_space_once():
    study = run("auto", 13, space=FINITE, value=lambda p: 0.0)
    assert split(FINITE).size == 13
    assert len({tuple(t.params.items()) for t in study.trials}) == 13


def test_auto_seldom_repeats_a_point_of_a_large_finite_space():
    space = {"algorithm": CategoricalDistribution(("a",)), "a.k": IntDistribution(1, 400)}
    study = run("auto", 200, space=space, value=lambda p: (p["a.k"] - 137) ** 2)
    assert study.best_params["a.k"] == 137
    assert len({t.params["a.k"] for t in study.trials}) > 150


def test_auto_draws_from_the_same_history_however_the_trials_ended_in_time():
    whole = run("auto", 60).trials
    sampler = make_sampler("auto", seed=0, space=SPACE, trials=60)
    assert isinstance(sampler, Auto)
    study = optuna.create_study(sampler=sampler)
    study.add_trials(whole[:50])
    late = [study.ask() for _ in range(2)]
    for trial in reversed(late):
        name = trial.suggest_categorical("algorithm", SPACE["algorithm"].choices)
        for key, d in SPACE.items():
            if key.startswith(f"{name}."):
                suggest(trial, key, d)
        study.tell(trial, loss(trial.params))
    assert study.trials[50].params == whole[50].params


def test_grid_visits_every_point_once_in_an_order_of_the_seed():
    a = run("grid", 13, space=FINITE, value=lambda p: 0.0)
    b = run("grid", 13, space=FINITE, value=lambda p: 0.0, seed=5)
    as_sets = [{tuple(t.params.items()) for t in s.trials} for s in (a, b)]
    assert len(as_sets[0]) == 13
    assert as_sets[0] == as_sets[1]
    assert settings_of(a) != settings_of(b)
    assert len(Grid(split(FINITE), 0).points) == 13


def test_grid_names_the_continuous_parameter():
    with pytest.raises(SamplerError, match=r"'ridge\.alpha' is continuous; give it a 'step'"):
        make_sampler("grid", seed=0, space=SPACE, trials=10)


def test_a_grid_too_large_is_refused_before_it_is_made():
    space = {f"x{i}": IntDistribution(1, 1000) for i in range(4)}
    with pytest.raises(SamplerError, match="1,000,000,000,000 settings are too many"):
        make_sampler("grid", seed=0, space=space, trials=10)


def test_qmc_fills_the_space_more_evenly_than_chance():
    from scipy.stats import qmc

    points = {
        name: np.array(
            [
                split(SPACE).branches[1].units(t.params)
                for t in run(name, 256).trials
                if t.params["algorithm"] == "elastic_net"
            ]
        )[:100, :2]
        for name in ("qmc", "random")
    }
    assert qmc.discrepancy(points["qmc"]) < qmc.discrepancy(points["random"]) / 3


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SamplerError, match="'gp' needs the package 'torch': pip install torch"):
        make_sampler("gp", seed=0, space=SPACE, trials=10)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(SamplerError, match="'tpp'; known: auto, random, qmc, grid, tpe, nsga2, cmaes, gp"):
        make_sampler("tpp", seed=0, space=SPACE, trials=10)


def test_an_optuna_sampler_passes_through():
    own = optuna.samplers.RandomSampler(seed=0)
    assert make_sampler(own, seed=0, space=SPACE, trials=10) is own


@pytest.mark.parametrize("name", ["auto", "tpe", "random", "qmc", "cmaes"])
def test_a_space_of_one_algorithm_and_constants_works(name):
    space = {
        "algorithm": CategoricalDistribution(("pca",)),
        "pca.n": IntDistribution(2, 30, log=True),
        "pca.whiten": CategoricalDistribution((True,)),
    }
    study = run(name, 25, planned=20, space=space, value=lambda p: abs(p["pca.n"] - 7))
    assert {t.params["pca.whiten"] for t in study.trials} == {True}
    assert all(2 <= t.params["pca.n"] <= 30 for t in study.trials)


@pytest.mark.parametrize("name", ["auto", "tpe", "random", "qmc", "grid", "cmaes"])
def test_a_space_without_any_free_parameter_works(name):
    space = {"algorithm": CategoricalDistribution(("ols", "other"))}
    study = run(name, 6, planned=6, space=space, value=lambda p: 0.0)
    assert {t.params["algorithm"] for t in study.trials} == {"ols", "other"}


def test_cmaes_improves_on_its_beginning():
    study = run("cmaes", 120, value=loss)
    values = [t.value for t in study.trials]
    assert np.median(values[-30:]) < np.median(values[:30]) / 2


DISTRIBUTIONS = st.one_of(
    st.tuples(st.floats(-5, 5), st.floats(0.1, 5)).map(lambda t: FloatDistribution(t[0], t[0] + t[1])),
    st.tuples(st.floats(1e-6, 1), st.floats(2, 1e4)).map(lambda t: FloatDistribution(*t, log=True)),
    st.integers(1, 20).map(lambda n: FloatDistribution(0.0, n * 0.25, step=0.25)),
    st.tuples(st.integers(-9, 9), st.integers(1, 50), st.integers(1, 5)).map(
        lambda t: IntDistribution(t[0], t[0] + t[1] * t[2], step=t[2])
    ),
    st.tuples(st.integers(1, 9), st.integers(1, 90)).map(
        lambda t: IntDistribution(t[0], t[0] + t[1], log=True)
    ),
    st.integers(2, 6).map(lambda n: CategoricalDistribution(tuple(range(n)))),
)


@settings(max_examples=200, deadline=None)
@given(DISTRIBUTIONS, st.floats(0, 1))
def test_coordinates_and_values_agree(d, u):
    value = from_unit(d, u)
    assert d._contains(d.to_internal_repr(value))
    assert from_unit(d, to_unit(d, value)) == pytest.approx(value, rel=1e-9, abs=1e-9)
    if math.isfinite(cardinality(d)):
        assert len(set(choices(d))) == cardinality(d)
        assert value in choices(d)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_the_mixture_is_a_density_over_the_cube(k, seed):
    rng = np.random.default_rng(seed)
    levels = np.array([0, 3])
    points = np.column_stack([rng.random(k), (rng.integers(3, size=k) + 0.5) / 3])
    mixture = parzen.fit(points, levels)
    grid = (np.arange(2000) + 0.5) / 2000
    slices = [np.column_stack([grid, np.full(2000, (c + 0.5) / 3)]) for c in range(3)]
    total = sum(np.exp(mixture.log_density(u)).mean() for u in slices)
    assert total == pytest.approx(1, rel=1e-3)
    draws = mixture.sample(rng, 50)
    assert ((draws >= 0) & (draws <= 1)).all()


def test_draws_follow_the_density():
    rng = np.random.default_rng(0)
    mixture = parzen.fit(np.array([[0.2], [0.25], [0.8]]), np.zeros(1, dtype=int))
    draws = mixture.sample(rng, 40_000)[:, 0]
    counts = np.histogram(draws, bins=20, range=(0, 1))[0] / 40_000
    grid = (np.arange(2000) + 0.5) / 2000
    mass = np.exp(mixture.log_density(grid[:, None])).reshape(20, 100).mean(axis=1) / 20
    assert np.abs(counts - mass).max() < 0.01


def test_quasi_points_do_not_depend_on_how_many_are_asked():
    one, many = Quasi(3, 0), Quasi(3, 0)
    early = one[5]
    assert (many[700] == one[700]).all()
    assert (many[5] == early).all()


def test_trials_are_the_same_in_another_process():
    code = (
        "import optuna, sys; optuna.logging.set_verbosity(40); sys.path.insert(0, sys.argv[1]); "
        "import test_samplers as t; print([sorted(p.items()) for p in t.settings_of(t.run('auto', 50))])"
    )
    from pathlib import Path

    done = forked.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str([sorted(p.items()) for p in settings_of(run("auto", 50))])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 700), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_the_densities_of_a_growing_history_are_those_of_all_its_trials(n, ties, seed):
    branch = split(SPACE).branches[1]
    history, rng = History(branch), np.random.default_rng(seed)
    points = rng.random((n, len(branch.free)))
    values = rng.random(n).round(ties) if ties else rng.random(n)
    for units, value in zip(points.tolist(), values.tolist(), strict=True):
        history.add(units, value)
    naive, found = parzen.estimate(points, values, history.levels), history.densities()
    for a, b in ((naive.good, found.good), (naive.rest, found.rest)):
        np.testing.assert_array_equal(a.mu, b.mu)
        np.testing.assert_array_equal(a.sigma, b.sigma)


def test_a_trial_looks_at_the_trials_since_the_last_proposal_alone(monkeypatch):
    from studies.sampling import numbered

    looks, real = [], numbered.trial_of
    monkeypatch.setattr(numbered, "trial_of", lambda study, number: (looks.append(number), real(study, number))[1])
    study = optuna.create_study(sampler=make_sampler("auto", seed=0, space=SPACE, trials=400))
    monkeypatch.setattr(study, "get_trials", lambda *a, **k: pytest.fail("a copy of all trials"))
    for _ in range(400):
        step(study)
    assert max(Counter(looks).values()) <= 8
