"""Factorization machines: against naive twins, early stopping, chains of them, and studies of real and made rows."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import forked
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine
from twins_factorization import SETTINGS, eta, trained

import hpo
from algorithms import extras
from algorithms.chained import Chain, alone, ends, further
from algorithms.contract import HASHED, Batch, Column, Shape
from algorithms.errors import AlgorithmError, FitFailed, InvalidField
from algorithms.families.factorization import inside_of
from algorithms.models.factorization_machine import FactorizationMachine, squared
from algorithms.models.factorization_machine_classifier import FactorizationMachineClassifier
from algorithms.neural import training
from algorithms.summaries.sample import Sample
from state_store.codec import flatten, restore

ROOT = Path(__file__).parent.parent
N = 150
RNG = np.random.default_rng(3)
NUMBERS = RNG.normal(size=(N, 2)) * [1.0, 5.0] + [0.0, 40.0]
LEVELS = np.column_stack([RNG.integers(0, 6, N) * 1000.0 + 7, RNG.integers(0, 4, N) * 90.0 + 1])
TARGET = NUMBERS[:, 0] + np.where(LEVELS[:, 0] > 3000, 2.0, -1.0) * np.where(LEVELS[:, 1] > 100, 1.0, -1.0)


def state_of(classes=(), n=N):
    columns = (*(Column(f"x{i}", f"x{i}") for i in range(2)), *(Column(f"h{i}_hash", f"h{i}", HASHED) for i in range(2)))
    target = np.digitize(TARGET, np.quantile(TARGET, np.arange(1, len(classes)) / len(classes))) if classes else TARGET
    rows = np.column_stack([NUMBERS, LEVELS, target])[:n]
    sample = Sample(size=N)
    shape = Shape(columns, ("y",), classes=classes)
    return sample.update(sample.init(shape), Batch(rows, 4, priority=np.arange(n, dtype=np.uint64)))


def one_hot(inside):
    """The rows as the twin has them: numbers, then a column for each level."""
    found = inside.rows["numbers"].astype(np.float64)
    hot = np.zeros((inside.n, inside.inputs.n_levels))
    for column in inside.rows["places"].T:
        hot[np.arange(inside.n), column] += 1.0
    return np.hstack([found, hot])


def pulls(inside, classes):
    """The slope of the loss along η, of some rows."""
    target = np.append(inside.rows["target"].astype(np.float64), 0.0)

    def pull(made, batch):
        if not classes:
            return made - target[batch, None]
        if made.shape[1] == 1:
            return 1.0 / (1.0 + np.exp(-made)) - target[batch, None]
        odds = np.exp(made - made.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True) - np.eye(made.shape[1])[target[batch].astype(int)]

    return pull


@pytest.mark.parametrize("params", SETTINGS, ids=str)
@pytest.mark.parametrize("classes", [(), ("a", "b"), ("a", "b", "c")], ids=len)
def test_training_and_predictions_equal_the_twins(classes, params):
    kind = FactorizationMachineClassifier if classes else FactorizationMachine
    machine, state = kind(**params, validation_fraction=0.0), state_of(classes)
    begun, chain, inside = machine.begin(state), alone(machine, state), inside_of(state)
    levels = inside.inputs.n_levels
    w = np.concatenate([begun.parameters["weights"], begun.parameters["level_weights"][:levels]])
    V = np.concatenate([begun.parameters["factors"], begun.parameters["level_factors"][:levels]])
    orders = [training.batches(N, machine.batch_rows, np.random.default_rng([0, e])) for e in range(1, machine.epochs + 1)]
    known = trained(begun.parameters["bias"], w, V, one_hot(inside), pulls(inside, classes), np.ones(N), orders,
                    machine.alpha, machine.learning_rate, 2)  # fmt: skip
    found = chain.parameters
    np.testing.assert_allclose(found["bias"], known[0], atol=2e-5)
    np.testing.assert_allclose(np.concatenate([found["weights"], found["level_weights"][:levels]]), known[1], atol=2e-5)
    np.testing.assert_allclose(np.concatenate([found["factors"], found["level_factors"][:levels]]), known[2], atol=2e-5)
    assert not found["level_factors"][levels:].any(), "of levels that no row has"

    model = machine.estimator(machine.trained(chain, state))
    rows = np.asarray(state.X)
    made = eta(*known, one_hot(inside))
    if not classes:
        np.testing.assert_allclose(model.predict(rows), made[:, 0] * inside.inputs.unit + inside.inputs.offset, atol=1e-3)
    else:
        assert (model.predict_proba(rows).argmax(axis=1) == model[-1].machine_.eta(rows).argmax(axis=1)).all() or len(classes) == 2
        np.testing.assert_allclose(model.predict_proba(rows).sum(axis=1), 1.0)
        np.testing.assert_allclose(model[-1].machine_.eta(rows), made, atol=1e-3)


def bits(chain):
    arrays, scalars = flatten(chain)
    return scalars, {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}


def test_a_chain_that_was_stored_goes_on_to_the_same_bits():
    state, machine = state_of(), FactorizationMachine(epochs=5, rank=3, batch_rows=32, patience=9)
    whole = alone(machine, state)
    half = restore(*flatten(alone(replace(machine, epochs=2), state)), Chain(0, 0))
    *_, last = further(machine, half, state)
    assert bits(last) == bits(whole)
    assert len(whole.losses) == 5
    dropped = alone(replace(machine, drop_after=3), state)
    assert dropped.losses[:3].tolist() == whole.losses[:3].tolist()
    assert dropped.losses[3] != whole.losses[3]
    assert machine.in_force(3) == replace(machine, drop_after=3).in_force(3) != replace(machine, drop_after=2).in_force(3)
    assert machine.in_force(0) == replace(machine, patience=1, tolerance=0.1, epochs=9).in_force(0)


def test_training_stops_early_and_the_best_epoch_is_kept():
    state = state_of()
    machine = FactorizationMachine(epochs=200, rank=8, alpha=0.0, learning_rate=0.05, batch_rows=16, patience=4, tolerance=0.0,
                                   validation_fraction=0.3)  # fmt: skip
    chain = alone(machine, state)
    best = int(np.argmin(chain.losses)) + 1
    assert chain.epoch == best + 4 < 200
    assert ends(machine, chain)
    at_best = alone(replace(machine, epochs=best), state)
    assert all((chain.best[name] == array).all() for name, array in at_best.parameters.items())
    assert any((chain.parameters[name] != chain.best[name]).any() for name in chain.best)
    held = machine._parts(N, 0)[1]
    inside, model = inside_of(state), machine.trained(chain, state)
    error = model.eta(np.asarray(state.X)[held])[:, 0] - inside.rows["target"][held]
    assert 0.5 * np.mean(error**2) == pytest.approx(chain.losses.min(), rel=1e-4)
    assert machine.stops(np.array([3.0, 2.0, 2.0, 2.0, 2.0, 2.0])) == 6
    assert replace(machine, tolerance=0.5).stops(np.array([3.0, 2.0, 1.9, 1.8, 1.7, 1.2])) == 5
    assert replace(machine, patience=2).stops(np.array([1.0, 2.0, 3.0])) == 3
    assert machine.stops(np.zeros(0)) is None


def test_a_loss_that_is_no_number_fails_with_the_reason_and_what_was_good_stays():
    state, machine = state_of(), FactorizationMachine(epochs=6, learning_rate=1e15, batch_rows=32, patience=9)
    chains = []
    with pytest.raises(FitFailed, match=r"FactorizationMachine: the loss is not a number in epoch \d; try a smaller learning_rate"):
        chains.extend(further(machine, machine.begin(state), state))
    frame = pd.DataFrame(NUMBERS, columns=["a", "b"]).assign(y=TARGET)
    search = {"factorization_machine.learning_rate": [1e15, 0.01], "factorization_machine.epochs": 3,
              "factorization_machine.alpha": 0.01, "factorization_machine.rank": 4}  # fmt: skip
    result = hpo.tune(frame, "y", "factorization_machine", search=search, folds=2, sampler="grid", trials=2, store=None)
    (error,) = (t.user_attrs["error"] for t in result.optuna_study.trials if t.user_attrs.get("error"))
    assert "the loss is not a number" in error
    assert result.best_params["factorization_machine.learning_rate"] == 0.01


def test_folds_and_settings_share_one_compiled_function():
    made = training.compiled(squared)
    state = state_of()
    alone(FactorizationMachine(epochs=2, rank=5, batch_rows=40), state)
    before = made.epoch._cache_size()
    for machine in (FactorizationMachine(epochs=2, rank=5, batch_rows=40, alpha=a, learning_rate=r) for a in (0.1, 0.0) for r in (0.1, 0.2)):
        alone(machine, state_of(n=N - 1))
        alone(machine, state)
    assert made.epoch._cache_size() == before


def test_a_chain_of_another_architecture_is_refused():
    state = state_of()
    chain = alone(FactorizationMachine(epochs=1, rank=2), state)
    with pytest.raises(FitFailed, match=r"'factors' of the stored chain is \(2, 1, 2\) where \(2, 1, 3\) is expected"):
        next(iter(further(FactorizationMachine(epochs=2, rank=3), chain, state)))
    with pytest.raises(FitFailed, match="'bias' of the stored chain is absent"):
        next(iter(further(FactorizationMachine(epochs=2, rank=2), Chain(1, 0), state)))


@pytest.mark.parametrize(
    ("values", "words"),
    [({"rank": 0}, "rank=0"), ({"patience": 0}, "patience=0"), ({"learning_rate": 0.0}, "learning_rate=0.0"),
     ({"validation_fraction": 1.0}, "validation_fraction=1.0"), ({"epochs": 0}, "epochs=0"), ({"alpha": -1.0}, "alpha=-1.0")],
)  # fmt: skip
def test_what_is_not_legal_is_refused(values, words):
    with pytest.raises(InvalidField, match=f"^{words}: must be"):
        FactorizationMachine(**values)


def test_without_the_extra_the_command_that_installs_it_is_said_before_anything_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    frame = pd.DataFrame({"a": [1.0, 2.0], "y": [1.0, 2.0]})
    with pytest.raises(AlgorithmError, match=r"^factorization_machine is trained by jax and optax, which are not installed: "
                       r"pip install 'onepass-hpo\[neural\]'$"):  # fmt: skip
        hpo.tune(frame, "y", "factorization_machine", store=tmp_path)


def pairs(n=1200):
    """Ratings by user and item that nothing but their pair tells, a number beside, gaps, and a level of one row."""
    rng = np.random.default_rng(5)
    user, item = rng.integers(0, 20, n), rng.integers(0, 15, n)
    taste = rng.normal(size=(20, 2)) @ rng.normal(size=(2, 15))
    frame = pd.DataFrame({"user": user.astype(str), "item": item, "x": rng.normal(size=n)})
    frame["y"] = taste[user, item] + 0.5 * frame["x"] + 0.1 * rng.normal(size=n)
    frame.loc[::17, "x"] = np.nan
    frame.loc[5, "user"] = "once"
    return frame


ASKED = {"factorization_machine.rank": 4, "factorization_machine.alpha": [1e-5, 1.0], "factorization_machine.epochs": 60,
         "factorization_machine.learning_rate": 0.03, "factorization_machine.batch_rows": 64}  # fmt: skip


def test_a_study_finds_what_pairs_tell_and_predicts_without_jax(tmp_path):
    frame = pairs()
    where = {"store": tmp_path / "s", "storage": tmp_path / "j"}
    how = {"hash_columns": ["user", "item"], "folds": 2, "trials": 2, "sampler": "grid", **where}
    result = hpo.tune(frame, "y", "factorization_machine", search=ASKED, name="pairs", **how)
    line = hpo.tune(frame, "y", "linear_regressor", trials=2, folds=2, hash_columns=["user", "item"], store=tmp_path / "s")
    assert result.best_value > 0.9
    assert line.best_value < 0.5
    assert result.best_params["factorization_machine.alpha"] == 1e-5
    assert 0 < result.cost.epochs_trained < 2 * 2 * 60, "it stopped early"
    asked = frame.drop(columns="y").head(50)
    asked.loc[49, "user"] = "never seen"
    made = result.predict(asked)["prediction"].to_numpy()
    assert np.isfinite(made).all()
    asked.to_parquet(tmp_path / "asked.parquet")
    code = (
        "import sys; sys.modules['jax'] = sys.modules['jaxlib'] = sys.modules['optax'] = None\n"
        "import importlib.metadata as m; real = m.version\n"
        "def version(name):\n"
        "    if name in ('jax', 'jaxlib', 'optax'): raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.version = version\n"
        "import hpo, numpy as np, pandas as pd\n"
        f"r = hpo.load('pairs', storage={str(tmp_path / 'j')!r}, store={str(tmp_path / 's')!r})\n"
        f"p = r.predict(pd.read_parquet({str(tmp_path / 'asked.parquet')!r}))['prediction'].to_numpy()\n"
        f"np.save({str(tmp_path / 'made.npy')!r}, p)\n"
    )
    done = forked.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "made.npy"), made)
    again = hpo.tune(frame, "y", "factorization_machine", search=ASKED, **{**how, "storage": tmp_path / "k"})
    assert again.cost.epochs_trained == 0, "every chain is in the store"
    assert again.best_value == result.best_value


def test_classes_by_their_labels_and_the_estimator_by_itself(tmp_path):
    X, y = load_wine(return_X_y=True)
    names = np.array(["barolo", "grignolino", "barbera"])[y]
    search = {"fm_classifier.epochs": 40, "fm_classifier.rank": 2,
              "fm_classifier.alpha": 1e-4, "fm_classifier.learning_rate": 0.05}  # fmt: skip
    result = hpo.tune((X, names), algorithm="fm_classifier", search=search, trials=1, folds=2, store=tmp_path)
    assert result.best_value > 0.9
    model = result.best_model[-1]
    assert model.classes_.tolist() == sorted(set(names))
    again = clone(model).fit(X, y)
    assert (again.predict(X) == y).mean() > 0.9
    with pytest.raises(ValueError, match="X has 3 columns, and the machine takes 13"):
        again.predict(X[:, :3])
    with pytest.raises(AlgorithmError, match=r"algorithm=None\) cannot be fitted"):
        type(model)().fit(X, y)


def test_rows_of_weight_matter_as_often_as_they_weigh():
    """Batches of all rows: a row of weight three is three rows."""
    shape = Shape((Column("x", "x"),), ("y",))
    x = RNG.normal(size=(40, 1))
    rows, often = np.hstack([x, x * 2 + 1]), RNG.integers(1, 4, 40)
    sample, machine = Sample(size=200), FactorizationMachine(epochs=3, rank=1, batch_rows=200, validation_fraction=0.0)
    weighed = sample.update(sample.init(shape), Batch(rows, 1, often.astype(float), priority=np.arange(40, dtype=np.uint64)))
    many = np.repeat(rows, often, axis=0)
    repeated = sample.update(sample.init(shape), Batch(many, 1, priority=np.arange(len(many), dtype=np.uint64)))
    a, b = (machine.solve(state) for state in (weighed, repeated))
    np.testing.assert_allclose(a.parameters["weights"], b.parameters["weights"], rtol=1e-4)


RUNGS = {"factorization_machine.epochs": 6, "factorization_machine.learning_rate": [0.003, 0.01, 0.03],
         "factorization_machine.alpha": [1e-5, 1e-3, 1e-1], "factorization_machine.rank": 4,
         "factorization_machine.batch_rows": 64, "factorization_machine.patience": 9}  # fmt: skip
SHORT = {**RUNGS, "factorization_machine.epochs": [3, 6], "factorization_machine.learning_rate": 0.01,
         "factorization_machine.alpha": [1e-5, 1e-1]}  # fmt: skip


def study(store, search, trials, **more):
    return hpo.tune(pairs(600), "y", "factorization_machine", hash_columns=["user", "item"], search=search, folds=2,
                    sampler="grid", trials=trials, seed=0, store=store, **more)  # fmt: skip


def found(result):
    return {str(sorted(t.params.items())): t.values for t in result.optuna_study.trials}


def test_rungs_go_on_from_one_another_and_an_extended_study_from_the_first(tmp_path):
    whole = study(tmp_path / "whole", RUNGS, 9)
    assert whole.cost.epochs_trained == 9 * 6 * 2
    first = study(tmp_path / "s", RUNGS, 6, fidelity="halving")
    extended = study(tmp_path / "s", RUNGS, 9, fidelity="halving")
    assert first.cost.epochs_trained + extended.cost.epochs_trained < whole.cost.epochs_trained
    assert extended.cost.epochs_trained < extended.cost.epochs_alone
    ended = [t for t in extended.optuna_study.trials if t.state.name == "COMPLETE"]
    assert 0 < len(ended) < 9
    known = found(whole)
    assert all(known[str(sorted(t.params.items()))] == t.values for t in ended), "rungs change no score"


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
import test_twins_factorization as t
from algorithms.neural import training

real, calls = training.Compiled.__init__, [0]
def counted(self, epoch, held):
    def dying(*given):
        calls[0] += 1
        made = epoch(*given)
        if calls[0] == 16:
            os.kill(os.getpid(), signal.SIGKILL)  # its steps are made, and nothing of them is kept
        return made
    real(self, dying, held)
training.Compiled.__init__ = counted
t.study(sys.argv[1], t.SHORT, 4)
"""


def test_a_study_that_was_killed_in_an_epoch_goes_on_to_the_same_bits(tmp_path):
    code = KILLED.format(tests=str(Path(__file__).parent))
    died = forked.run([sys.executable, "-c", code, str(tmp_path / "s")], cwd=ROOT, capture_output=True, timeout=120)
    assert died.returncode == -9, died.stderr
    after, whole = study(tmp_path / "s", SHORT, 4), study(tmp_path / "whole", SHORT, 4)
    assert whole.cost.epochs_trained == 2 * 6 * 2
    assert after.cost.epochs_trained < whole.cost.epochs_trained - 9, "what was trained before the last chain is there"
    assert found(after) == found(whole)


def test_the_report_draws_the_losses_of_each_fold_by_epoch(tmp_path):
    search = {f"factorization_machine.{k}": v for k, v in
              {"rank": 2, "alpha": 0.1, "epochs": 4, "batch_rows": 32, "learning_rate": 0.01, "patience": 9}.items()}  # fmt: skip
    result = study(tmp_path / "s", search, 1)
    data = hpo.write_report(result, tmp_path / "report.html")
    (states,) = (s for s in result.run.evidence.states.values() if s.train)
    chained = result.best.algorithm.chained
    assert data.epoch_losses == [alone(chained, state).losses.tolist() for state in states.train]
    assert [len(losses) for losses in data.epoch_losses] == [4, 4]
    page = (tmp_path / "report.html").read_text()
    assert 'id="epochs"' in page and "Held-out loss by epoch in 2 folds" in page
    without = study(tmp_path / "s", {**search, "factorization_machine.validation_fraction": 0.0}, 1)
    hpo.write_report(without, tmp_path / "without.html")
    assert 'id="epochs"' not in (tmp_path / "without.html").read_text()
