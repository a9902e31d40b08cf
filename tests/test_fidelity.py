"""Settings climb from parts of the sample to the whole; the winner's curve is extrapolated to all rows."""

from __future__ import annotations

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.tree import DecisionTreeClassifier

import hpo
from algorithms.base import Batch, Column, Shape
from algorithms.summaries.sample import Sample
from hpo.errors import TuneError
from hpo.evaluate import Scores
from hpo.extrapolation import extrapolate
from studies.errors import SpecError, StudyTaken

FOLDS, TRIALS = 3, 27
SEARCH = {
    "DecisionTreeClassifier.max_depth": hpo.Int(1, 20),
    "DecisionTreeClassifier.ccp_alpha": hpo.Float(0.0, 0.05),
}


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture
def fits(monkeypatch):
    """The rows of every fit."""
    found, real = [], DecisionTreeClassifier.fit

    def counted(self, X, y, sample_weight=None, check_input=True):
        found.append(len(X))
        return real(self, X, y, sample_weight, check_input)

    monkeypatch.setattr(DecisionTreeClassifier, "fit", counted)
    return found


def asked(**more):
    return {"algorithm": DecisionTreeClassifier(), "search": SEARCH, "folds": FOLDS, "trials": TRIALS, "seed": 1,
            "store": None, **more}  # fmt: skip


@pytest.mark.parametrize(("how", "work"), [("halving", 0.5), ("hyperband", 0.8)])
def test_fewer_whole_fits_than_trials_and_every_fit_is_counted(how, work, digits, fits):
    result = hpo.tune(digits, **asked(fidelity=how))
    trials, tuner = result.optuna_study.get_trials(deepcopy=False), result._run.tuner
    whole = [
        t
        for t in trials
        if t.state is optuna.trial.TrialState.COMPLETE and "duplicate_of" not in t.user_attrs
    ]
    early = [t for t in trials if t.state is optuna.trial.TrialState.PRUNED]
    most = max(fits)
    full = sum(rows > 0.9 * most for rows in fits)
    assert full == tuner.fits == FOLDS * len(whole)
    assert len(whole) < TRIALS / 2
    assert len(whole) + len(early) <= TRIALS
    assert len(fits) == tuner.fits + tuner.fidelity.fits
    assert all(t.user_attrs["fidelity"] < 1.0 for t in early)
    assert all(t.user_attrs["fidelity"] == 1.0 for t in whole)
    assert all(t.user_attrs["rows_read"] == 0 for t in trials)
    assert sum(fits) < work * TRIALS * FOLDS * most, "the work of all the fits"
    assert {c.number for c in result.candidates} == {t.number for t in whole}


def test_of_the_same_settings_the_winner_is_about_as_good_as_without(digits):
    """In accuracy, over four seeds: the standard error of three stratified folds is itself a matter of luck."""
    lost = []
    for seed in range(4):
        plain, quick = (
            hpo.tune(digits, **asked(sampler="random") | {"seed": seed, "fidelity": how})
            for how in (None, "halving")
        )
        lost.append(plain.best_value - quick.best_value)
        assert len(quick.candidates) < TRIALS / 3
    assert np.mean(lost) < 0.02


def test_a_rung_is_the_model_of_a_smaller_sample(digits):
    result = hpo.tune(digits, **asked(fidelity="halving", trials=1))
    [trial] = result.optuna_study.trials
    rows, folds = trial.user_attrs["rungs"][0]
    algorithm, states = result.best.algorithm, result.best.states
    small = []
    for train, held in zip(states.train, states.held_out, strict=True):
        m = -(-train.n // 9)
        model = algorithm.finalize(train.prefix(m))
        small.append(model.score(held.rows.X, held.rows.y))
        assert model[-1].tree_.n_node_samples[0] == m
    np.testing.assert_allclose(
        folds, small, err_msg="1/27 of 1,198 rows is too few, so the first rung is 1/9"
    )
    assert rows == pytest.approx(np.mean([t.n for t in states.train]) / 9, abs=1.0)
    assert list(trial.intermediate_values) == [3, 9]


def test_a_prefix_is_the_sample_of_that_size():
    shape = Shape((Column("x", "x"),), ("y",))
    batch = Batch(
        np.random.default_rng(0).normal(size=(50, 2)), 1, priority=np.arange(50, dtype=np.uint64)[::-1]
    )
    large, small = (s.update(s.init(shape), batch) for s in (Sample(size=30), Sample(size=7)))
    cut = large.prefix(7)
    assert (cut.n, cut.rows, cut.weight) == (7, 50, 50.0)
    np.testing.assert_array_equal(cut.values, small.values)
    np.testing.assert_array_equal(cut.priority, small.priority)


def test_a_study_is_recorded_resumed_and_loaded_with_what_was_stopped(digits, tmp_path):
    how = asked(fidelity="halving", name="tree", store=tmp_path / "s", storage=tmp_path / "j") | {
        "trials": 12
    }
    first = hpo.tune(digits, **how)
    early = [t.number for t in first.optuna_study.trials if t.state.name == "PRUNED"]
    assert early
    again = hpo.tune(digits, **{**how, "trials": 15})
    assert [t.number for t in again.optuna_study.trials[:12] if t.state.name == "PRUNED"] == early
    loaded = hpo.load("tree", store=how["store"], storage=how["storage"])
    assert loaded.best_params == again.best_params
    assert [t.user_attrs.get("rungs") for t in loaded.optuna_study.trials] == [
        t.user_attrs.get("rungs") for t in again.optuna_study.trials
    ]
    with pytest.raises(StudyTaken, match="fidelity"):
        hpo.tune(digits, **{**how, "fidelity": "hyperband"})
    again.report(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "settings were stopped on a part of the sample" in text
    assert "xtrapolated to all 1,797 rows" in text


def test_a_stopped_setting_that_is_asked_again_is_not_fitted_again(digits, fits):
    search = {"DecisionTreeClassifier.max_depth": [1, 12]}
    result = hpo.tune(
        digits, **asked(fidelity="halving", sampler="random") | {"search": search, "trials": 12}
    )
    trials = result.optuna_study.trials
    assert sum("duplicate_of" in t.user_attrs for t in trials) == 10
    assert len(fits) == result._run.tuner.fits + result._run.tuner.fidelity.fits <= 2 * 3 * FOLDS
    for trial in trials:
        if "duplicate_of" in trial.user_attrs:
            assert trial.state is trials[trial.user_attrs["duplicate_of"]].state


def test_neighbours_climb_too():
    X, y = load_digits(return_X_y=True)
    result = hpo.tune((X, y), algorithm="knn_classifier", fidelity="halving", trials=20, folds=3, store=None)
    assert 0 < sum(t.state.name == "PRUNED" for t in result.optuna_study.trials) < 20
    assert result.best_value > 0.95


def test_where_it_does_not_fit_it_says_so(digits):
    X, y = load_wine(return_X_y=True)
    with pytest.raises(TuneError, match=r"fidelity='halving'.*lda is answered from all rows"):
        hpo.tune((X, y), algorithm="lda", fidelity="halving", store=None)
    with pytest.raises(TuneError, match=r"fidelity='halving'.*refit=False"):
        hpo.tune((X, y), algorithm="knn_classifier", fidelity="halving", scoring=["accuracy", "neg_log_loss"],
                 refit=False, store=None)  # fmt: skip
    with pytest.raises(SpecError, match="fidelity"):
        hpo.tune((X, y), algorithm="knn_classifier", fidelity="halfing", store=None)
    small = hpo.tune(
        (X[:90], y[:90]), algorithm="knn_classifier", fidelity="halving", trials=4, folds=3, store=None
    )
    assert all(t.user_attrs.get("fidelity", 1.0) == 1.0 for t in small.optuna_study.trials), (
        "too few rows for a rung"
    )


def law(rows, noise=0.0, folds=5, seed=0):
    rng = np.random.default_rng(seed)
    return [(float(n), Scores(tuple(0.9 - 0.8 * n**-0.4 + noise * rng.normal(size=folds)))) for n in rows]


def test_a_power_law_is_found_again():
    found = extrapolate(law([740, 1280, 2200, 3850, 6700, 11500, 20000]), 1_000_000)
    assert found.score == pytest.approx(0.9 - 0.8 * 1e6**-0.4, abs=1e-4)
    assert found.low <= found.score <= found.high
    assert found.high - found.low < 1e-3
    assert extrapolate(law([740, 2200, 6700], 0.1), 10**6, most=0.5).high <= 0.5


@pytest.mark.parametrize("folds", [3, 5, 10])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(folds):
    sizes, truth = [2200, 3850, 6700, 11500, 20000], 0.9 - 0.8 * 2e5**-0.4
    held = [
        (e := extrapolate(law(sizes, 0.004, folds, s), 200_000, seed=s)).low <= truth <= e.high
        for s in range(100)
    ]
    assert 0.75 < np.mean(held) < 0.99


def test_flat_and_falling_curves_extrapolate_to_their_mean():
    falling = [(float(n), Scores((1.0 - n / 1e4, 1.0 - n / 1e4))) for n in (100, 300, 900, 2700)]
    found = extrapolate(falling, 10**6)
    assert (found.gain, found.score) == (0.0, pytest.approx(np.mean(found.means)))
    assert extrapolate(falling[:2], 10**6) is None


EXTRAPOLATED = {
    "knn_regressor": {"n_neighbors": 5, "weights": "uniform", "metric": "euclidean", "standardize": False},
    "sklearn:sklearn.ensemble.HistGradientBoostingRegressor": {},
    "sklearn:sklearn.linear_model.Ridge": {},
}


@pytest.mark.parametrize("name", EXTRAPOLATED)
def test_the_winner_is_extrapolated_to_all_rows_and_the_truth_there_is_within(name):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(60_000, 4))
    y = np.sin(3 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.1 * rng.normal(size=60_000)
    frame = pd.DataFrame(X).add_prefix("x").assign(y=y)
    how, owner = {"algorithm": name, "folds": 3, "trials": 1, "store": None}, name.rpartition(".")[2]
    search = {f"{owner}.{k}": v for k, v in EXTRAPOLATED[name].items()}
    few = hpo.tune(frame, "y", **how, search={**search, f"{owner}.size": 3_000})
    truth = hpo.tune(frame, "y", **how, search={**search, f"{owner}.size": 100_000}).best_value
    found = few.extrapolated(40_000)
    assert found.sizes[-1] == 3_000
    assert found.low <= truth <= found.high
    assert abs(found.score - truth) <= abs(few.best_value - truth) + 1e-3, (
        "nearer than the sample's own score"
    )
    assert few.extrapolated().rows == 60_000
    assert few.learning_curve().x == found.sizes


def test_models_of_all_rows_are_not_extrapolated():
    X, y = load_wine(return_X_y=True)
    assert hpo.tune((X, y.astype(float)), algorithm="ridge", trials=1, store=None).extrapolated() is None
