"""Population-based training: the worse continue from the states of the better, which are trained once."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import SGDRegressor
from terminal import hpo as shell
from test_chains import CV, X, Y, bits, state_of

import hpo
from algorithms.chained import Past, alone, at, further, going_on, in_force
from algorithms.families.estimators import of_object
from algorithms.models.factorization_machine import FactorizationMachine
from hpo.errors import TuneError
from hpo.report.collect import report_data
from hpo.trials.population import Population
from hpo.trials.tuner import run_trials
from studies.record.trial_note import TrialNote

EPOCHS, TRIALS = 10, 20
MODEL = SGDRegressor(learning_rate="constant")


def tuned(store, **more):
    search = {"SGDRegressor.epochs": EPOCHS, "SGDRegressor.eta0": hpo.Float(1e-5, 0.3, log=True), "SGDRegressor.alpha": hpo.Float(1e-6, 1.0, log=True)}
    how = {"algorithm": MODEL, "search": search, "folds": CV, "sampler": "random", "trials": TRIALS, "seed": 1,
           "fidelity": "population", "store": store, "progress": False, **more}  # fmt: skip
    return hpo.tune((X, Y), **how)


def trials(result):
    return [(t.params, t.values, TrialNote.of(t.user_attrs)) for t in result.optuna_study.trials]


def test_each_generation_goes_on_from_the_last_and_each_epoch_is_trained_once(tmp_path):
    result = tuned(tmp_path)
    known = trials(result)
    assert [note.member for _, _, note in known] == [(g, i) for g in range(5) for i in range(4)]
    assert [note.epochs for _, _, note in known] == [2] * 4 + [4] * 4 + [6] * 4 + [8] * 4 + [10] * 4
    forked = 0
    for n in range(4, TRIALS):
        params, _, note = known[n]
        before = {one[2].member[1]: one for one in known[:n] if one[2].member[0] == note.member[0] - 1}
        ranked = sorted(before, key=lambda i: -before[i][1][0])
        own, _, own_note = before[note.member[1]]
        if note.member[1] == ranked[-1]:
            forked += 1
            best, _, best_note = before[ranked[0]]
            values = {key.partition(".")[2]: value for key, value in best.items()}
            assert note.history == (*best_note.history, (best_note.epochs, values))
            assert params != best
            assert all(abs(math.log(params[key] / best[key])) <= 0.2 * math.log(3e5 * 100) for key in params)
        else:
            assert (params, note.history) == (own, own_note.history)
    assert forked == 4
    assert result.cost.epochs_trained == 4 * EPOCHS * 3, "4 members, whoever's state they continued from"
    assert result.cost.epochs_alone == sum(note.epochs for _, _, note in known) * 3


def test_a_forked_state_is_the_schedule_by_hand(tmp_path):
    result = tuned(tmp_path)
    params, values, note = next(one for one in reversed(trials(result)) if len(one[2].history) >= 1)
    (states,) = (s for s in result.run.evidence.states.values() if s.train)
    schedule = [*note.history, (note.epochs, {key.partition(".")[2]: value for key, value in params.items()})]
    for state, (_, test), found in zip(states.train, CV, next(t for t in result.optuna_study.trials if t.values == values).user_attrs["fold_scores"], strict=True):
        rows = np.asarray(state.X)[:, [c.role == "value" for c in state.shape.columns]]
        made, epoch = SGDRegressor(learning_rate="constant", random_state=0), 0
        for until, now in schedule:
            made.set_params(**now)
            while epoch < until:
                epoch += 1
                order = np.random.default_rng([0, epoch]).permutation(len(rows))
                made.partial_fit(rows[order], state.y[order])
        assert found == pytest.approx(made.score(X[test], Y[test]), rel=1e-9)


def stopped_after(count):
    """The loop of trials, which ends early."""
    def run(tuner, budget, finished, stop, turns=None):
        return run_trials(tuner, replace(budget, trials=count), finished, stop, None if turns is None else itertools.islice(turns, count))

    return run


def test_the_same_seed_gives_the_same_population_and_a_study_that_stopped_goes_on_as_it_would_have(tmp_path, monkeypatch):
    whole = trials(tuned(tmp_path / "a"))
    assert trials(tuned(tmp_path / "b"))[-1][:2] == whole[-1][:2]
    assert [one[0] for one in trials(tuned(tmp_path / "a", seed=2))] != [one[0] for one in whole]
    how = {"name": "pbt", "storage": tmp_path / "j"}
    monkeypatch.setattr("hpo.trials.run.run_trials", stopped_after(9))
    assert len(trials(tuned(tmp_path / "c", **how))) == 9
    monkeypatch.undo()
    again = tuned(tmp_path / "c", **how)
    assert [(p, v, n.history) for p, v, n in trials(again)] == [(p, v, n.history) for p, v, n in whole]
    loaded = hpo.load("pbt", storage=tmp_path / "j", store=tmp_path / "c")
    frame = pd.DataFrame(X).add_prefix("x")
    np.testing.assert_array_equal(loaded.predict(frame)["prediction"], again.predict(frame)["prediction"])
    assert loaded.best_params == again.best_params


def test_the_report_and_the_plan_show_the_population(tmp_path, capsys, monkeypatch):
    result = tuned(tmp_path)
    stages = report_data(result).stages
    assert sum(one.last - one.first + 1 for one in stages) == 4 * EPOCHS
    monkeypatch.chdir(tmp_path)
    pd.DataFrame(X).add_prefix("x").assign(y=Y).to_parquet("rows.parquet")
    (tmp_path / "study.yaml").write_text(
        "data: rows.parquet\ntarget: y\nfolds: 3\ntrials: 20\nfidelity: population\n"
        "algorithm: sgd=sklearn:sklearn.linear_model.SGDRegressor\nsearch:\n  sgd.epochs: 10\n  sgd.alpha: {low: 0.0001, high: 0.1}\n"
    )
    answer = shell(capsys, monkeypatch, "plan", "study.yaml", "--store", "s")
    assert "120 to train at most; 360 without sharing" in " ".join(answer.out.split()), answer.err


def test_what_is_laid_out_otherwise_stays_and_what_is_in_force_may_change():
    machine = FactorizationMachine()
    assert machine.may_change("alpha") and machine.may_change("learning_rate") and machine.may_change("patience")
    assert not any(machine.may_change(name) for name in ("rank", "batch_rows", "epochs", "validation_fraction"))
    model = of_object(MODEL)(epochs=3)
    assert model.may_change("alpha") and not model.may_change("penalty") and not model.may_change("epochs")


def test_a_chain_that_changes_hands_is_bit_for_bit_the_uninterrupted_one():
    kind, state = of_object(MODEL), state_of()
    first, second = kind(epochs=2, eta0=0.01), kind(epochs=5, eta0=0.1)
    forked = going_on(second, (Past(2, first),))
    whole = alone(forked, state)
    *_, last = further(second, alone(first, state), state)
    assert bits(whole) == bits(last)
    assert at(forked, 2) is first and at(forked, 3) is forked
    assert in_force(forked, 1) == {} and "begun" in in_force(forked, 3)
    assert json.dumps(in_force(forked, 3))
    assert bits(whole) != bits(alone(second, state))


def test_members_that_fail_go_on_from_the_best(tmp_path):
    """Steps that are too large end with what is not a number; the next generation has the better quarter's state."""
    search = {"SGDRegressor.epochs": 5, "SGDRegressor.eta0": [1e-3, 1e200]}
    result = hpo.tune((X, Y), algorithm=MODEL, search=search, folds=CV, sampler="random", trials=20, seed=0, fidelity="population",
                      store=tmp_path, progress=False)  # fmt: skip
    known = trials(result)
    failed = [i for i, (_, values, _) in enumerate(known[:4]) if values is None]
    assert 0 < len(failed) < 4
    assert all(any(past["eta0"] == 1e-3 for _, past in known[4 + i][2].history) or known[4 + i][0]["SGDRegressor.eta0"] == 1e-3 for i in failed)


def test_a_study_that_is_extended_begins_another_population(tmp_path):
    how = {"name": "pbt", "storage": tmp_path / "j"}
    tuned(tmp_path, **how)
    result = tuned(tmp_path, trials=28, **how)
    assert [note.member for _, _, note in trials(result)[20:]] == [(g, i) for g in (5, 6) for i in range(4)]
    assert [note.epochs for _, _, note in trials(result)[20:]] == [2] * 4 + [4] * 4
    assert all(not note.history for _, _, note in trials(result)[20:24])


def test_what_has_no_population_is_refused_in_words(tmp_path):
    with pytest.raises(TuneError, match=r"fidelity='population' changes settings while they are trained in epochs, and ridge is not"):
        hpo.tune((X, Y), algorithm="ridge", fidelity="population", store=tmp_path)
    with pytest.raises(TuneError, match=r"give one number for SGDRegressor\.epochs, not several"):
        tuned(tmp_path, search={"SGDRegressor.epochs": [2, 4]})
    with pytest.raises(TuneError, match=r"five generations of two members or more, and trials=9; give 10 or more"):
        tuned(tmp_path, trials=9)
    with pytest.raises(TuneError, match=r"say for how many, such as search=\{'SGDRegressor\.epochs': 20\}"):
        tuned(tmp_path, search={"SGDRegressor.alpha": [0.1, 0.2]})


def test_sizes_of_populations():
    assert [Population(n, 0).size([]) for n in (10, 20, 60, 61)] == [2, 4, 12, 12]


class WithHistory(SGDRegressor):
    """An estimator with a parameter of the name that a fork's past could take."""

    def __init__(self, history=1, alpha=1e-4):
        super().__init__(alpha=alpha)
        self.history = history


def test_a_parameter_called_history_is_one_as_any_other(tmp_path):
    search = {"WithHistory.history": [1, 2], "WithHistory.alpha": 1e-3}
    result = hpo.tune((X, Y), algorithm=WithHistory(), search=search, folds=CV, trials=2, sampler="grid", store=tmp_path, progress=False)
    assert {result.params_of(candidate)["WithHistory.history"] for candidate in result.candidates} == {1, 2}
