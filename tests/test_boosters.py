"""Boosters that grow more trees after those of a chain: the same three methods as networks."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score
from test_chains import CV, X, Y, bits, state_of, stored

import hpo
from algorithms.chained import alone, ends, further
from algorithms.families.boosters import GROWTHS, growth_of
from algorithms.families.estimators import of_object
from algorithms.families.lightgbm_bins import NAME, key_of

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

SMALL = {"n_estimators": 4, "n_jobs": 1}
MODELS = [
    lightgbm.LGBMRegressor(verbose=-1, min_child_samples=5, subsample=0.7, subsample_freq=1, colsample_bytree=0.6, **SMALL),
    lightgbm.LGBMClassifier(verbose=-1, min_child_samples=5, **SMALL),
    xgboost.XGBRegressor(max_depth=3, subsample=0.7, **SMALL),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_trees_that_were_stored_grow_on_to_the_same_bits(model):
    kind = of_object(model)
    state = state_of(("high", "low", "mid")) if kind.tags.task == "classification" else state_of()
    whole = alone(kind(epochs=3), state)
    assert whole.epoch == 3
    for stop in (1, 2):
        *_, last = further(kind(epochs=3), stored(alone(kind(epochs=stop), state)), state)
        assert bits(last) == bits(whole)
    fitted = kind(epochs=3).trained(whole, state)
    last = fitted.model
    trees = last.booster_.num_trees() if "LGBM" in type(model).__name__ else last.get_booster().num_boosted_rounds()
    assert trees == 12 * (3 if kind.tags.task == "classification" else 1)
    again = kind(epochs=3).trained(stored(whole), state)
    np.testing.assert_array_equal(last.predict(fitted.prepared.X), again.model.predict(fitted.prepared.X))
    assert ends(kind(epochs=3), whole)
    assert kind(epochs=3).prefixed is None and kind().prefixed is not None and kind().chained is None


def test_trees_are_those_of_init_model_by_hand(tmp_path):
    model = lightgbm.LGBMRegressor(verbose=-1, min_child_samples=5, **SMALL)
    result = hpo.tune((X, Y), algorithm=model, search={"LGBMRegressor.epochs": 3}, folds=CV, trials=1, store=tmp_path)
    (states,) = (s for s in result.run.evidence.states.values() if s.train)
    for state, (_, test), found in zip(states.train, CV, result.best.scores.folds, strict=True):
        rows, made = np.asarray(state.X)[:, [c.role == "value" for c in state.shape.columns]], None
        for epoch in (1, 2, 3):
            seed = int(np.random.default_rng([0, epoch]).integers(2**31))
            made = lightgbm.LGBMRegressor(verbose=-1, min_child_samples=5, random_state=seed, **SMALL).fit(
                rows, state.y, init_model=made
            )
        assert found == pytest.approx(made.score(X[test], Y[test]), rel=1e-9)


def test_a_longer_run_goes_on_and_hyperband_population_and_replay_serve_boosters_too(tmp_path):
    model = lightgbm.LGBMRegressor(verbose=-1, min_child_samples=5, **SMALL)
    how = {"algorithm": model, "folds": CV, "sampler": "grid", "trials": 2, "store": tmp_path, "progress": False}
    short = hpo.tune((X, Y), search={"LGBMRegressor.epochs": [1, 3]}, **how)
    assert (short.cost.epochs_trained, short.cost.epochs_alone) == (9, 12)
    assert hpo.tune((X, Y), search={"LGBMRegressor.epochs": [3, 4]}, **how).cost.epochs_trained == 3
    rate = {"LGBMRegressor.epochs": 5, "LGBMRegressor.learning_rate": hpo.Float(0.01, 0.5, log=True)}
    result = hpo.tune((X, Y), search=rate, **{**how, "sampler": "random", "trials": 10, "fidelity": "population"})
    assert result.cost.epochs_trained == 2 * 5 * 3
    rungs = hpo.tune((X, Y), search={**rate, "LGBMRegressor.epochs": 9}, **{**how, "sampler": "random", "trials": 9, "fidelity": "halving"})
    assert rungs.cost.epochs_trained < rungs.cost.epochs_alone + 1 < 9 * 9 * 3 + 1
    (tmp_path / "rows").mkdir()
    grown = {**how, "trials": 1, "search": {"LGBMRegressor.epochs": 2}, "name": "trees", "storage": tmp_path / "j", "replay": 0.3,
             "folds": 3}  # fmt: skip
    for place in range(2):
        pd.DataFrame(X[place::2]).add_prefix("x").assign(y=Y[place::2]).to_parquet(tmp_path / "rows" / f"{place}.parquet")
        found = hpo.tune(str(tmp_path / "rows"), "y", **grown)
        assert found.cost.epochs_trained == 2 * 3
    state = next(s for s in found.run.evidence.states.values() if s.train).whole
    assert found.best.algorithm.solve(state).model.booster_.num_trees() == 16


def test_what_grows_is_listed_by_its_class_alone():
    class Mine(lightgbm.LGBMRegressor):
        pass

    assert growth_of(Mine()) is None and all(name.count(".") == 1 for name in GROWTHS)


@pytest.mark.parametrize("given", [{}, {"verbose": 1}])
def test_lightgbm_writes_to_the_screen_only_where_it_was_asked_to(given, capfd):
    X, y = np.arange(30.0)[:, np.newaxis], np.arange(30.0) % 7
    model = lightgbm.LGBMRegressor(n_estimators=3, n_jobs=1, **given)
    hpo.tune((X, y), algorithm=model, trials=1, folds=2, store=None, progress=False)
    said = "".join(capfd.readouterr())
    assert ("[LightGBM]" in said) == bool(given)


@pytest.mark.parametrize("early", [None, 2])
def test_bins_of_xgboost_are_made_once_a_fold_and_scores_are_those_of_refits(early, monkeypatch):
    made, kind = [], xgboost.QuantileDMatrix
    monkeypatch.setattr(xgboost.sklearn, "QuantileDMatrix", lambda *a, **k: made.append(k["max_bin"]) or kind(*a, **k))
    model = xgboost.XGBRegressor(max_depth=3, n_jobs=1)
    search = {"n_estimators": [3, 6, 9], "learning_rate": [0.1, 0.3, 0.9], "max_bin": [16, 64]}
    how = {"folds": CV, "trials": 6, "sampler": "random", "store": None, "polish": False}
    result = hpo.tune((X, Y), algorithm=model, search=search, early_stopping_rounds=early, **how)
    assert sorted(set(made)) == [16, 64] and len(made) == 2 * len(CV)
    for trial in result.optuna_study.trials:
        given = {name.partition(".")[2]: value for name, value in trial.params.items()}
        twin = xgboost.XGBRegressor(max_depth=3, n_jobs=1, random_state=0, **given)
        assert trial.value == pytest.approx(cross_val_score(twin, X, Y, cv=CV).mean(), rel=1e-6)
    best = result.best_model[-1]
    assert not {"_create_dmatrix"} & vars(best).keys() and len(pickle.dumps(best))


@pytest.mark.parametrize("early", [None, 2])
def test_bins_of_lightgbm_are_made_once_a_fold_and_scores_are_those_of_refits(early, monkeypatch):
    made, kind = [], lightgbm.Dataset
    own = lambda *a, **k: made.append(k["params"]) or kind(*a, **k)  # noqa: E731 -- in place of a class
    monkeypatch.setattr(lightgbm.sklearn, "Dataset", own)
    rare = np.column_stack([X, np.arange(len(X)) % 40 == 0])  # a column that larger leaves leave out
    model = lightgbm.LGBMRegressor(max_depth=3, n_jobs=1, max_bin=64)
    search = {"n_estimators": [3, 6, 9], "learning_rate": [0.1, 0.3, 0.9], "min_child_samples": hpo.Int(1, 30), "max_bin": [16, 64]}
    how = {"folds": CV, "trials": 6, "sampler": "random", "store": None, "polish": False, "progress": False}
    result = hpo.tune((rare, Y), algorithm=model, search=search, early_stopping_rounds=early, **how)
    assert len({given["max_bin"] for given in made}) == 2 and len(made) == 2 * len(CV)
    assert lightgbm.sklearn.Dataset is own
    for trial in result.optuna_study.trials:
        given = {name.partition(".")[2]: value for name, value in trial.params.items()}
        twin = lightgbm.LGBMRegressor(max_depth=3, n_jobs=1, random_state=0, verbose=-1, **given)
        assert trial.value == pytest.approx(cross_val_score(twin, rare, Y, cv=CV).mean(), rel=1e-12)


def test_a_data_set_is_of_what_decides_it_and_other_fits_have_their_own():
    given = {"objective": "regression", "colsample_bytree": 1.0, "min_child_samples": 5, "num_leaves": 4, "subsample_for_bin": 999}
    weights, state = np.ones(len(X)), state_of()
    keys = {key_of({**given, **more}, weight, "auto", 99)
            for more, weight in (({}, None), ({"num_leaves": 9}, None), ({"max_bin": 9}, None), ({}, weights), ({"extra_trees": True}, None))}  # fmt: skip
    assert len(keys) == 4
    smaller = {**given, "min_child_samples": 2}
    for more, weight, rows, alike in (({}, None, 99, True), ({"objective": "binary"}, None, 99, False), ({}, weights, 99, False),
                                      ({}, None, 9999, False), ({"colsample_bytree": 0.5}, None, 99, False)):  # fmt: skip
        assert (key_of({**given, **more}, weight, "auto", rows) == key_of({**smaller, **more}, weight, "auto", rows)) is alike
    plain = lightgbm.LGBMRegressor(n_estimators=2, n_jobs=1, verbose=-1)
    with NAME.taken(state, X):
        plain.fit(X, Y)
        other = lightgbm.LGBMRegressor(n_estimators=2, n_jobs=1, verbose=-1).fit(2.0 * X, -Y)
    assert np.array_equal(other.predict(2.0 * X), lightgbm.LGBMRegressor(n_estimators=2, n_jobs=1, verbose=-1).fit(2.0 * X, -Y).predict(2.0 * X))
    assert lightgbm.sklearn.Dataset is lightgbm.Dataset


@pytest.mark.parametrize("early", [None, 9])
def test_rounds_that_leave_no_tree_are_rounds_all_the_same(early):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = X[:, 0] + rng.normal(size=120)
    drawn, parts = {"subsample": 0.6, "subsample_freq": 1, "min_child_samples": 22}, KFold(3)
    model = lightgbm.LGBMRegressor(n_jobs=1, random_state=0, verbose=-1, **drawn)
    rounds = [clone(model).set_params(n_estimators=12).fit(X[train], y[train]).booster_.current_iteration() for train, _ in parts.split(X)]
    assert 0 < min(rounds) < 12
    values = [2, 4, 8, 12]
    found = hpo.tune((X, y), algorithm=model, search={"LGBMRegressor.n_estimators": values}, folds=parts, trials=1, store=None,
                     polish=False, progress=False, early_stopping_rounds=early)  # fmt: skip
    curve = found.optuna_study.trials[0].user_attrs["prefixes"]
    for value, mean, _ in curve:
        assert mean == pytest.approx(cross_val_score(clone(model).set_params(n_estimators=int(value)), X, y, cv=parts).mean(), rel=1e-12)
