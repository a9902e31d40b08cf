"""What the pass checks of generalized linear models: blind samples, leverage, reported errors, rows that are kept."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor
from sklearn.metrics import log_loss, mean_poisson_deviance
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
import hpo.states.learned.summaries
import hpo.trials.polish
from algorithms.contract import Batch, Column, Held, Shape
from algorithms.families.problem import Problem
from algorithms.learned import Learned
from algorithms.models.gamma import Gamma
from algorithms.models.logistic import Logistic
from algorithms.models.poisson import Poisson
from algorithms.summaries.families import GammaCurvature, LogisticCurvature, PoissonCurvature
from algorithms.summaries.sample import Sample

TIGHT = {"tol": 1e-10, "max_iter": 1000}


def blind(monkeypatch, seen):
    """Make the sample that a summary learns from miss rows: ``seen`` says, of targets, which it has."""
    drawn = hpo.states.learned.summaries._sampled

    def less(pilot, dataset, seed, *most):
        batch, segments = drawn(pilot, dataset, seed, *most)
        keep = np.flatnonzero(seen(batch.values[:, batch.d]))
        weight = None if batch.weight is None else batch.weight[keep]
        return Batch(np.asfortranarray(batch.values[keep]), batch.d, weight), segments

    monkeypatch.setattr(hpo.states.learned.summaries, "_sampled", less)


def table(n=90_000, d=24, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + 0.5 * rng.exponential(size=(n, 1))
    return rng, X, X @ (rng.normal(size=d) / 8.0)


def tuned(X, y, algorithm, search, scoring, tmp_path, **how):
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])]).assign(y=y)
    search = {f"{algorithm}.{key}": value for key, value in search.items()}
    asked = {"trials": 1, "folds": 3, "store": tmp_path / "store", "progress": False, "scoring_rows": 100_000}
    return hpo.tune(frame, "y", algorithm, search=search, scoring=scoring, **asked | how), frame.drop(
        columns="y"
    )


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_class_that_the_sample_missed_is_learned_of_all_rows(class_weight, tmp_path, monkeypatch):
    _, X, eta = table()
    rng = np.random.default_rng(1)
    y = np.where(rng.random(len(X)) < 1.0 / (1.0 + np.exp(5.0 - eta)), "yes", "no")
    blind(monkeypatch, lambda places: places == 0.0)
    search = {"C": 1.0, "class_weight": class_weight}
    result, rows = tuned(X, y, "logistic", search, "neg_log_loss", tmp_path)
    assert result.cost.rows_read == 2 * len(X)
    assert result.record.read_again == ("the sample had no row of y='yes'",)
    model = LogisticRegression(C=1.0, class_weight=class_weight, solver="newton-cholesky", **TIGHT)
    twin = make_pipeline(StandardScaler(), model).fit(X, y)
    a, b = (m.predict_proba(x)[:, 1] for m, x in ((result.best_model, rows), (twin, X)))
    assert log_loss(y, a) == pytest.approx(log_loss(y, b), abs=1e-4)
    again, _ = tuned(X, y, "logistic", {"C": 0.1, "class_weight": class_weight}, "neg_log_loss", tmp_path)
    assert again.cost.rows_read == 0, "the next study begins with what was learned of all rows"


@pytest.mark.parametrize("times", [10.0, 30.0, 3000.0])
def test_counts_that_are_larger_where_the_sample_did_not_look(times, tmp_path, monkeypatch):
    rng, X, eta = table()
    late = np.arange(len(X)) % 3 > 0
    y = rng.poisson(np.exp(eta / 2.0 + np.where(late, np.log(times), 0.0))).astype(float)
    blind(monkeypatch, lambda counts: counts < 4.0)
    result, rows = tuned(X, y, "poisson", {"alpha": 1e-3}, "neg_mean_poisson_deviance", tmp_path)
    assert result.cost.rows_read in (2 * len(X), 3 * len(X))
    assert "off by" in result.record.read_again[0]
    assert result.record.unsuited == ()
    twin = make_pipeline(
        StandardScaler(), PoissonRegressor(alpha=1e-3, solver="newton-cholesky", **TIGHT)
    ).fit(X, y)
    made = result.best_model.predict(rows)
    assert np.isfinite(made).all()
    expected = mean_poisson_deviance(y, twin.predict(X))
    assert mean_poisson_deviance(y, made) == pytest.approx(expected, rel=1e-4)
    assert np.isfinite(result.best.scores.folds).all()


def test_counts_of_any_size_have_a_start(tmp_path):
    """A Newton step from coefficients of zero overflows where counts are large; the mean is known beforehand."""
    rng, X, eta = table(n=400, d=3)
    y = np.round(1e9 * np.exp(eta) * rng.uniform(0.5, 2.0, len(X)))
    result, rows = tuned(X, y, "poisson", {"alpha": 1e-3}, "neg_mean_poisson_deviance", tmp_path)
    small = PoissonRegressor(alpha=1e-12, solver="newton-cholesky", **TIGHT)  # the same problem over 1e9
    twin = make_pipeline(StandardScaler(), small).fit(X, y / 1e9)
    np.testing.assert_allclose(result.best_model.predict(rows) / 1e9, twin.predict(X), rtol=1e-4)


def test_a_good_sample_is_read_once(tmp_path):
    rng, X, eta = table()
    y = np.where(rng.random(len(X)) < 1.0 / (1.0 + np.exp(1.0 - eta)), "yes", "no")
    result, _ = tuned(X, y, "logistic", {"C": 1.0}, "neg_log_loss", tmp_path)
    assert result.cost.rows_read == len(X)
    assert result.record.read_again == ()


# few rows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting", [{"C": 1.0}, {"C": 100.0}, {"C": 1.0, "class_weight": "balanced"}], ids=str
)
def test_indicators_of_nothing_take_no_place_and_few_rows_are_kept_whole(setting, tmp_path):
    """5,822 rows of 85 integers that lack nothing are 4 MB; each of their columns has an indicator of gaps."""
    rng = np.random.default_rng(0)
    X = rng.poisson(rng.uniform(0.1, 4.0, 85), size=(5822, 85)).astype(float)
    eta = (X - X.mean(axis=0)) @ (rng.normal(size=85) / 10.0) - 2.5
    y = np.where(rng.random(len(X)) < 1.0 / (1.0 + np.exp(-eta)), "yes", "no")
    cv = PredefinedSplit(rng.integers(0, 3, len(X)))
    result, _ = tuned(X, y, "logistic", setting, "neg_log_loss", tmp_path, folds=cv)
    twin = make_pipeline(StandardScaler(), LogisticRegression(**setting, solver="newton-cholesky", **TIGHT))
    expected = cross_val_score(twin, X, y, cv=cv, scoring="neg_log_loss")
    assert result.best.states.whole.complete
    np.testing.assert_allclose(result.best.scores.folds, expected, atol=1e-6)


def test_a_gap_that_only_one_row_has_is_kept_too(tmp_path, monkeypatch):
    """Where the sample had no gap, its indicator is not stored: few rows are then read once more."""
    rng, X, eta = table(n=3000, d=4)
    y = np.where(rng.random(len(X)) < 1.0 / (1.0 + np.exp(-eta)), "yes", "no")
    X[7, 2] = np.nan
    drawn = hpo.states.learned.summaries._sampled

    def without_gaps(pilot, dataset, seed, *most):
        batch, segments = drawn(pilot, dataset, seed, *most)
        gaps = [j for j, column in enumerate(pilot.shape.columns) if column.role == "indicator"]
        keep = np.flatnonzero(~batch.values[:, gaps].any(axis=1))
        return Batch(np.asfortranarray(batch.values[keep]), batch.d), segments

    monkeypatch.setattr(hpo.states.learned.summaries, "_sampled", without_gaps)
    cv = PredefinedSplit(rng.integers(0, 3, len(X)))
    search = {"C": 1.0, "impute": "indicator"}
    result, _ = tuned(X, y, "logistic", search, "neg_log_loss", tmp_path, folds=cv)
    assert "kept whole" in result.record.read_again[0]
    assert result.best.states.whole.complete
    assert 4 + 2 in result.best.states.whole.present or result.best.states.whole.present.max() > 3


# leverage, and what is reported -----------------------------------------------------------------------------------


def shape_of(X, classes=()):
    return Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(X.shape[1])), ("y",), tuple(classes))


def rows_of(X, y, priority):
    return Batch(np.asfortranarray(np.column_stack([X, y]).astype(float)), X.shape[1], priority=priority)


def state_of(summary, X, y, classes, keep, seed=0):
    """The state of rows of which so many are kept, from a pilot of a third of them."""
    rng = np.random.default_rng(seed)
    priority = rng.integers(0, 2**63, len(y)).astype(np.uint64) * np.uint64(2)
    few, shape = rng.permutation(len(y))[: len(y) // 3], shape_of(X, classes)
    known = summary.learn(shape, rows_of(X[few], y[few], priority[few]))
    known = Learned({**known.arrays, "keep": np.array([keep]), "stored": np.arange(X.shape[1])})
    ready = summary.knowing(known)
    return ready.update(ready.init(shape), rows_of(X, y, priority))


def heavy(seed, n=12_000, d=8):
    """Columns with a few wild values, as of typing errors, some of them in a column that hardly varies otherwise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * rng.exponential(size=(n, 1))
    eta = X @ (rng.normal(size=d) / 3.0)
    X[:, 1] = X[:, 0] * 1.15 + 0.02 * rng.normal(size=n)
    X[rng.integers(0, n, 5), rng.integers(0, d, 5)] *= 60.0
    return rng, X, eta


def logistic_set(seed):
    rng, X, eta = heavy(seed)
    return X, (rng.random(len(X)) < 1.0 / (1.0 + np.exp(1.5 - eta))).astype(int)


def count_set(seed):
    rng, X, eta = heavy(seed)
    return X, rng.poisson(np.exp(np.clip(eta / 3.0, -3.0, 3.0))).astype(float)


def size_set(seed):
    rng, X, eta = heavy(seed)
    return X, rng.gamma(2.0, np.exp(np.clip(eta / 3.0, -3.0, 3.0)))


def real(load, target=None):
    X, y = load(return_X_y=True)
    return X[:, X.std(axis=0) > 0.0], y if target is None else target(y)


SETS = {
    **{f"wild classes {seed}": ("logistic", lambda seed=seed: logistic_set(seed)) for seed in range(3)},
    **{f"wild counts {seed}": ("poisson", lambda seed=seed: count_set(seed)) for seed in range(2)},
    **{f"wild sizes {seed}": ("gamma", lambda seed=seed: size_set(seed)) for seed in range(2)},
    "cancer": ("logistic", lambda: real(load_breast_cancer)),
    "wine": ("logistic", lambda: real(load_wine)),
    "digits: even": ("logistic", lambda: real(load_digits, lambda y: y % 2)),
    "diabetes": ("gamma", lambda: real(load_diabetes)),
    "diabetes, counts": ("poisson", lambda: real(load_diabetes)),
}
FAMILIES = {
    "logistic": (Logistic, LogisticCurvature(), LogisticRegression, [{"C": c} for c in (1e-3, 0.1, 10.0)]),
    "poisson": (Poisson, PoissonCurvature(), PoissonRegressor, [{"alpha": a} for a in (1e-4, 1e-2, 1.0)]),
    "gamma": (Gamma, GammaCurvature(), GammaRegressor, [{"alpha": a} for a in (1e-4, 1e-2, 1.0)]),
}


@pytest.fixture(scope="module")
def measured():
    """By error: (what, truth, reported) of every set and setting; the excess of the objective, and scores."""
    found = {"objective": [], "score": []}
    for name, (kind, load) in SETS.items():
        algorithm, summary, twin, settings = FAMILIES[kind]
        X, y = load()
        test = np.arange(len(y)) % 4 == 0
        classes = np.unique(y).tolist() if kind == "logistic" else ()
        state = state_of(summary, X[~test], y[~test], classes, max(6 * X.shape[1], len(y) // 10))
        Z = StandardScaler().fit(X[~test])
        held = Sample(size=len(y))
        rows = held.update(
            held.init(state.shape), rows_of(X[test], y[test], np.arange(test.sum(), dtype=np.uint64))
        )
        for setting in settings:
            full = twin(**setting, solver="newton-cholesky", tol=1e-9, max_iter=500).fit(
                Z.transform(X[~test]), y[~test]
            )
            coef, lift = np.atleast_2d(full.coef_), np.atleast_1d(full.intercept_)
            model = algorithm(**setting)
            solution = model.solve(state)
            exact = dataclasses.replace(solution, coef=coef, intercept=lift)
            values = [
                summary.about(each.eta(X[~test]), y[~test].astype(float)).loss.mean()
                + 0.5 * model.penalty(state.weight)[1] * np.sum(each.coef**2) / state.weight
                for each in (solution, exact)
            ]
            what = f"{name} {setting}"
            found["objective"].append((what, values[0] - values[1], model.gain(solution, state)))
            metric = "neg_log_loss" if kind == "logistic" else f"neg_mean_{kind}_deviance"
            score = model.score(solution, Held(None, rows), metric)
            truth = model.score_eta(exact.eta(X[test]), rows, metric)
            if not state.complete:
                found["score"].append((what, abs(score.value - truth), score.bound))
    return found


@pytest.mark.parametrize("what", ["objective", "score"])
def test_what_is_reported_bounds_the_truth_and_is_no_empty_bound(what, measured):
    """The truth is at most three times what is reported in 95 of 100 cases; a typical one is within a factor of ten."""
    _, truth, reported = (np.array(each) for each in zip(*measured[what], strict=True))
    truth, reported = truth.astype(float), reported.astype(float)
    assert len(truth) >= 30
    held = (truth <= 3.0 * reported) | (truth < 1e-10)
    assert held.mean() >= 0.95, [each for each, ok in zip(measured[what], held, strict=True) if not ok]
    some = truth > 1e-10
    assert np.median(reported[some] / truth[some]) < 10.0


def test_rows_of_extreme_leverage_are_kept_for_sure():
    X, y = logistic_set(0)
    wild = np.flatnonzero(np.abs(StandardScaler().fit_transform(X)).max(axis=1) > 25.0)
    assert len(wild)
    state = state_of(LogisticCurvature(), X, y, (0, 1), 800)
    found = state.drawn()
    for row in X[wild]:
        (place,) = np.flatnonzero((found.x == row).all(axis=1))
        assert found.chance[place] == 1.0
    assert np.sum(found.chance < 1.0) > 0, "of the others there is a sample"


def test_a_row_far_out_moves_the_model_as_in_a_full_fit(tmp_path):
    """One wild value that a sample of 4,096 rows misses nearly always: held-out losses and coefficients keep up."""
    rng, X, eta = table(n=60_000, d=40)
    y = np.where(rng.random(len(X)) < 1.0 / (1.0 + np.exp(-3.0 * eta)), "yes", "no")
    X[100, 3], X[200, 4] = 300.0, -500.0
    result, rows = tuned(X, y, "logistic", {"C": 10.0}, "neg_log_loss", tmp_path)
    assert not result.best.states.whole.complete
    twin = make_pipeline(StandardScaler(), LogisticRegression(C=10.0, solver="newton-cholesky", **TIGHT)).fit(
        X, y
    )
    ours, theirs = result.best_model["model"].coef_, twin[-1].coef_
    np.testing.assert_allclose(ours, theirs, atol=2e-3 * np.abs(theirs).max())
    a, b = (-log_loss(y, m.predict_proba(x)) for m, x in ((result.best_model, rows), (twin, X)))
    assert a == pytest.approx(b, abs=1e-5)
    assert result.best.scores.bound > 0.0, "a trial's score has the error that its model has by approximation"


# polishing ----------------------------------------------------------------------------------------------------


def test_a_step_that_raises_the_loss_of_all_rows_is_taken_back(tmp_path, monkeypatch):
    rng, X, eta = table(n=60_000, d=30)
    y = np.where(rng.random(len(X)) < 1.0 / (1.0 + np.exp(-eta)), "yes", "no")
    monkeypatch.setattr(hpo.trials.polish, "ENOUGH", 0.0)
    how = {"polish": "always", "name": "late", "storage": tmp_path / "journal"}
    plain, _ = tuned(X, y, "logistic", {"C": 1.0}, "neg_log_loss", tmp_path, polish=False)
    solve, asked = Logistic.solve, []

    def astray(self, state):
        found = solve(self, state)
        if len(state.learned["start"]) > 1:
            return found
        asked.append(state)
        return dataclasses.replace(found, coef=found.coef + 0.1)

    monkeypatch.setattr(Logistic, "solve", astray)
    result, _ = tuned(X, y, "logistic", {"C": 1.0}, "neg_log_loss", tmp_path, **how)
    assert asked
    assert result.run.polished.passes == 2
    assert result.run.polished.known == ""
    assert "not surely have lowered" in result.run.polished.reason
    assert np.array_equal(result.best_model["model"].coef_, plain.best_model["model"].coef_)
    assert any("is that of the first pass" in note for note in hpo.write_report(result).notes)
    again = hpo.load("late", storage=how["storage"])
    assert np.array_equal(again.best_model["model"].coef_, plain.best_model["model"].coef_)


class Tilted:
    """Σ 50 (c - 1)², whose gradient is right, or has the wrong sign."""

    def __init__(self, sign):
        self.sign = sign

    def at(self, coef, intercept):
        return 50.0 * float(np.sum((coef - 1.0) ** 2)), self.sign * 100.0 * (coef - 1.0), np.zeros(1)

    def hessian(self, coef, intercept):
        return None


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_search_that_stops_on_a_slope_has_not_converged(sign):
    quadratic = SimpleNamespace(weight=100.0, design=SimpleNamespace(preprocess=SimpleNamespace(center=False)))
    round_ = np.eye(2) / 10.0, np.zeros((1, 2))
    problem = Problem(Tilted(sign), quadratic, 0.0, 1e-7)
    coef, _, converged = problem._descended(np.zeros((1, 2)), np.zeros(1), round_)
    assert converged == (sign > 0.0)
    assert not converged or np.allclose(coef, 1.0, rtol=1e-9)


@pytest.mark.parametrize(
    ("values", "begins"),
    [
        ({0: 5.0, 1: 9.0, 2: 3.0}, 2),
        ({0: 5.0, 1: 9.0, 2: 7.0}, 0),
        ({0: 5.0, 1: 4.0, 2: 9.0}, 1),
        ({0: 5.0, 1: 9.0, 2: np.inf}, 0),
        ({0: 5.0, 1: np.nan, 2: np.nan}, 0),
    ],
    ids=["its minimum", "none", "its start", "none, beside one without end", "none, beside what is no number"],
)
def test_a_search_begins_where_the_objective_is_least(values, begins):
    """Of no coefficient (0), the start of a quadratic (1) and its minimum (2)."""

    class Objective:
        middle = np.zeros(1)

        def at(self, coef, intercept):
            return values.get(coef[0, 0], np.nan), np.zeros_like(coef), np.zeros_like(intercept)

    class Near:
        beginning = np.ones((1, 1)), np.zeros(1)

    coef, _ = Problem(Objective(), Near(), 0.0, 1e-9).begun(np.full((1, 1), 2.0), np.zeros(1))
    assert coef[0, 0] == begins
