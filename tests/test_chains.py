"""Training shared by prefix: what is trained in epochs continues from what others trained, bit for bit."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import forked
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import Perceptron, SGDClassifier, SGDRegressor
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from terminal import hpo as shell

import hpo
from algorithms.chained import Chain, alone, ends, further
from algorithms.contract import Batch, Column, Shape
from algorithms.errors import FitFailed, InvalidField
from algorithms.families.estimators import of_object
from algorithms.models.factorization_machine import FactorizationMachine
from algorithms.summaries.sample import Sample
from hpo.errors import StoreWarning
from hpo.report.collect import report_data
from hpo.states.stages import Trained, stages
from state_store import DamagedBlob, DamagedStateWarning, StateStore, StoreWriteError
from state_store.blob import decode_blob, encode_blob
from state_store.codec import flatten, restore
from studies.spec.spec import build

ROOT = Path(__file__).parent.parent
RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 5))
Y = X @ [1.0, 2.0, 0.0, -1.0, 3.0] + RNG.normal(size=240)
LABELS = np.where(Y > 1.0, "high", np.where(Y < -1.0, "low", "mid"))
CV = list(KFold(3, shuffle=True, random_state=0).split(X))
SGD = make_pipeline(StandardScaler(), SGDRegressor(random_state=3))


def state_of(classes=()):
    shape = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(5)), ("y",), classes=tuple(classes))
    target = np.searchsorted(classes, LABELS) if len(classes) else Y
    rows = np.column_stack([X, target])
    return Sample(size=300).update(Sample(size=300).init(shape), Batch(rows, 5, priority=np.arange(240, dtype=np.uint64)))


def bits(chain):
    arrays, scalars = flatten(chain)
    return scalars, {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}


def stored(chain):
    """The chain as another process reads it."""
    arrays, scalars = flatten(chain)
    blob = decode_blob(encode_blob(arrays, {}, scalars=scalars))
    return restore(blob.arrays, blob.scalars, Chain(0, 0))


CLASSES = ("high", "low", "mid")
RESUMED = [
    (SGDClassifier(average=300), CLASSES),
    (SGDClassifier(loss="log_loss", learning_rate="adaptive", eta0=0.1), CLASSES),
    (make_pipeline(StandardScaler(), Perceptron()), CLASSES),
    (MLPClassifier((4,), solver="sgd", momentum=0.9), CLASSES),
    (GaussianNB(), CLASSES),
    (SGDRegressor(learning_rate="invscaling"), ()),
    (MLPRegressor(hidden_layer_sizes=(4, 3)), ()),
    (MiniBatchKMeans(3), ()),
]


@pytest.mark.parametrize(("model", "classes"), RESUMED, ids=lambda v: type(v).__name__)
def test_training_that_was_stopped_and_stored_goes_on_to_the_same_bits(model, classes):
    kind, state = of_object(model), state_of(classes)
    whole = alone(kind(epochs=5), state)
    assert whole.epoch == 5
    for stop in (1, 3):
        chain = stored(alone(kind(epochs=stop), state))
        before = bits(chain)
        *_, last = further(kind(epochs=5), chain, state)
        assert bits(last) == bits(whole)
        assert bits(chain) == before, "what it continued from is as it was"
    a, b = (kind(epochs=5).trained(c, state) for c in (whole, stored(whole)))
    rows = a.prepared.X
    np.testing.assert_array_equal(a.model.predict(rows), b.model.predict(rows))
    assert ends(kind(epochs=5), whole)
    assert not ends(kind(epochs=6), whole)


def rows_of(state):
    """The values of a state's rows, in its order; no row lacks one, so that their indicators tell nothing."""
    return np.asarray(state.X)[:, [column.role == "value" for column in state.shape.columns]]


def twin(model, rows, y, epochs, seed, **beside):
    """The same by hand: scikit-learn's own ``partial_fit`` once an epoch."""
    made = clone(model)
    if hasattr(made, "steps"):
        rows = made[:-1].fit_transform(rows)
    last = made.steps[-1][1] if hasattr(made, "steps") else made
    for epoch in range(1, epochs + 1):
        order = np.random.default_rng([seed, epoch]).permutation(len(rows))
        last.partial_fit(rows[order], y[order], **beside)
    return made


@pytest.mark.parametrize("epochs", [1, 4])
def test_fold_scores_are_those_of_partial_fit_by_hand(epochs, tmp_path):
    """The rows of a state are in the order of their priorities: the twin takes them from there."""
    for model, y, score in ((SGD, Y, r2_score), (SGDClassifier(random_state=0), LABELS, accuracy_score)):
        name = type(model).__name__
        result = hpo.tune((X, y), algorithm=model, search={f"{name}.epochs": epochs}, folds=CV, trials=1, store=tmp_path)
        (states,) = (s for s in result.run.evidence.states.values() if s.train)
        beside = {"classes": np.unique(y)} if y is LABELS else {}
        for state, (_, test), found in zip(states.train, CV, result.best.scores.folds, strict=True):
            seed = model[-1].random_state if hasattr(model, "steps") else model.random_state
            made = twin(model, rows_of(state), state.y, epochs, seed, **beside)
            assert found == pytest.approx(score(y[test], made.predict(X[test])), rel=1e-9)


def grid(store, epochs, alphas=(1e-4, 1e-2, 1.0), **more):
    search = {"Pipeline.epochs": list(epochs), "Pipeline.sgdregressor__alpha": list(alphas)}
    how = {"folds": CV, "sampler": "grid", "trials": len(epochs) * len(alphas), "store": store, **more}
    return hpo.tune((X, Y), algorithm=SGD, search=search, **how)


def values(result):
    return {json.dumps(t.params, sort_keys=True): t.values for t in result.optuna_study.trials}


def test_each_epoch_of_a_tree_of_trials_is_trained_once(tmp_path):
    lengths, alphas, folds = (1, 2, 5, 8), 3, 3
    result = grid(tmp_path, lengths)
    assert result.cost.epochs_trained == max(lengths) * alphas * folds
    assert result.cost.epochs_alone == sum(lengths) * alphas * folds
    independent = {
        key: hpo.tune((X, Y), algorithm=SGD, search={"Pipeline.epochs": p["Pipeline.epochs"],
                      "Pipeline.sgdregressor__alpha": p["Pipeline.sgdregressor__alpha"]}, folds=CV, trials=1,
                      store=tmp_path / key[-9:-2].strip()).best_value
        for key in list(values(result))[:3] for p in [json.loads(key)]
    }  # fmt: skip
    assert {key: [value] for key, value in independent.items()}.items() <= values(result).items()

    again = grid(tmp_path, lengths)
    assert (again.cost.epochs_trained, again.cost.epochs_alone) == (0, result.cost.epochs_alone)
    assert values(again) == values(result)

    longer = grid(tmp_path, (8, 12))
    assert longer.cost.epochs_trained == (12 - 8) * alphas * folds
    fresh = grid(tmp_path / "fresh", (8, 12))
    assert fresh.cost.epochs_trained == 12 * alphas * folds
    assert values(fresh) == values(longer)


def test_the_plan_knows_the_tree_and_the_record_what_was_trained(tmp_path, capsys, monkeypatch):
    def asked(*args):
        answer = shell(capsys, monkeypatch, *args)
        assert answer.code == 0, answer.err
        return " ".join(answer.out.split())

    monkeypatch.chdir(tmp_path)
    pd.DataFrame(X).add_prefix("x").assign(y=Y).to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "study.yaml").write_text(
        "data: rows.parquet\ntarget: y\nfolds: 3\nsampler: grid\ntrials: 4\n"
        "algorithm: sgd=sklearn:sklearn.linear_model.SGDRegressor\n"
        "search:\n  sgd.epochs: [2, 6]\n  sgd.alpha: [0.0001, 0.01]\n"
    )
    shown = asked("plan", "study.yaml", "--store", "s")
    assert "36 to train at most; 48 without sharing" in shown
    assert "sgd: epoch 1 to 2 of 2 settings, 2 epochs saved a fold, alpha=0.0001" in shown
    assert "sgd: epoch 3 to 6 of 1 setting" in shown
    asked("run", "study.yaml", "--store", "s", "--storage", "j")
    assert "36 trained; each trial for itself would have 48" in asked("studies", "show", "study", "--storage", "j")
    assert "chain of SGDRegressor" in asked("states", "ls", "--store", "s")
    report = hpo.load("study", storage=tmp_path / "j", store=tmp_path / "s")
    hpo.write_report(report, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "It trained 36 epochs; trials would have trained 48" in page
    tree = [(one.depth, one.first, one.last, one.settings, one.saved) for one in report_data(report).stages]
    assert tree == [(0, 1, 2, 2, 2), (1, 3, 6, 1, 0)] * 2
    assert "12 at most, where each setting for itself would train 16; 4 are saved" in page and "alpha=0.01" in page
    assert "36 trained, in place of 48" in page
    asked("states", "forget", "rows.parquet", "--store", "s", "--storage", "j")
    assert not [e for e in StateStore(tmp_path / "s").list() if "chain" in e.about]


@pytest.mark.parametrize("seed", range(4))
def test_the_tree_of_stages_has_every_prefix_once(seed):
    """Against all prefixes of all settings, written out: schedules that drop at other epochs share what comes before."""
    rng = np.random.default_rng(seed)
    asked = [
        FactorizationMachine(rank=int(rng.choice([2, 4])), alpha=float(rng.choice([0.1, 1.0])), epochs=int(rng.integers(1, 9)),
                             drop_after=int(rng.integers(1, 7)))
        for _ in range(12)
    ]  # fmt: skip
    settings = list({repr(one): one for one in asked}.values())
    found = stages([Trained("fm", one, one.length) for one in settings])
    prefixes = {
        (epoch, tuple(repr(sorted(one.in_force(e).items())) for e in range(epoch + 1)))
        for one in settings for epoch in range(1, one.length + 1)
    }  # fmt: skip
    assert sum(one.epochs for one in found) == len(prefixes)
    assert sum(one.epochs + one.saved for one in found) == sum(one.length for one in settings)
    assert found[0].depth == 0 and all(b.depth <= a.depth + 1 for a, b in itertools.pairwise(found))
    assert all(b.first == a.last + 1 for a, b in itertools.pairwise(found) if b.depth == a.depth + 1)


def test_a_plan_of_a_range_says_the_most(tmp_path):
    pd.DataFrame(X).add_prefix("x").assign(y=Y).to_parquet(tmp_path / "rows.parquet")
    search = {"SGDRegressor.epochs": [3, 9], "SGDRegressor.alpha": hpo.Float(1e-6, 1.0, log=True)}
    how = {"algorithm": "sklearn:sklearn.linear_model.SGDRegressor", "search": search, "folds": 4, "trials": 10}
    data = {"data": str(tmp_path / "rows.parquet"), "target": "y", "store": str(tmp_path / "s")}
    made = hpo.plan(build({**data, **how}))
    assert (made.epochs.trained, made.epochs.alone) == (360, 360)
    assert hpo.plan(build({**data, "algorithm": "ridge"})).epochs is None


def test_the_model_of_all_rows_is_a_chain_and_a_loaded_study_has_it(tmp_path):
    result = grid(tmp_path / "s", (2, 4), storage=tmp_path / "j", name="sgd")
    frame = pd.DataFrame(X).add_prefix("x")
    predicted = result.predict(frame)["prediction"].to_numpy()
    kept = len(StateStore(tmp_path / "s").list())
    loaded = hpo.load("sgd", storage=tmp_path / "j", store=tmp_path / "s")
    np.testing.assert_array_equal(loaded.predict(frame)["prediction"], predicted)
    assert len(StateStore(tmp_path / "s").list()) == kept, "it was in the store"


class Steps(RegressorMixin, BaseEstimator):
    """Least squares by gradient descent on batches of twenty rows."""

    def __init__(self, alpha=0.0, eta=0.1):
        self.alpha, self.eta = alpha, eta

    def fit(self, rows, y):
        return self.partial_fit(rows, y)

    def partial_fit(self, rows, y):
        if not hasattr(self, "coef_"):
            self.coef_ = np.zeros(rows.shape[1])
        for i in range(0, len(rows), 20):
            x, t = rows[i : i + 20], y[i : i + 20]
            self.coef_ = self.coef_ - self.eta * (x.T @ (x @ self.coef_ - t) / len(x) + self.alpha * self.coef_)
        return self

    def predict(self, rows):
        return rows @ self.coef_


def test_a_hyperband_study_and_one_that_extends_it_train_a_third_and_find_the_same_winner(tmp_path):
    search = {
        "Steps.epochs": 27, "Steps.alpha": [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0, 3.0],
        "Steps.eta": [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03],
    }  # fmt: skip
    how = {"algorithm": Steps(), "search": search, "folds": CV[:2], "sampler": "grid", "seed": 0}
    first = hpo.tune((X, Y), trials=40, fidelity="hyperband", store=tmp_path, **how)
    extended = hpo.tune((X, Y), trials=60, fidelity="hyperband", store=tmp_path, **how)
    independent = hpo.tune((X, Y), trials=60, store=tmp_path / "other", **how)
    assert independent.cost.epochs_trained == 60 * 27 * 2
    both = first.cost.epochs_trained + extended.cost.epochs_trained
    assert both <= (40 + 60) * 27 * 2 / 3
    assert extended.cost.epochs_trained < extended.cost.epochs_alone / 2, "the first forty had been trained"
    assert extended.best_params == independent.best_params
    assert extended.best_value == independent.best_value
    pruned = [t for t in extended.optuna_study.trials if t.state.name == "PRUNED"]
    assert pruned
    assert all([epochs for epochs, _ in t.user_attrs["rungs"]] == [1.0, 3.0, 9.0][: len(t.user_attrs["rungs"])] for t in pruned)


KILLED = """
import os, signal, sys
import numpy as np
from sklearn.linear_model import SGDRegressor
sys.path.insert(0, {tests!r})
import test_chains as t

real, calls = SGDRegressor.partial_fit, [0]
def partial_fit(self, X, y, sample_weight=None):
    calls[0] += 1
    if calls[0] == {call}:
        real(self, X[:50], y[:50])  # in the middle of an epoch
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, X, y, sample_weight)
SGDRegressor.partial_fit = partial_fit
t.grid(sys.argv[1], (3, 6), alphas=(1e-4, 0.1))
"""


@pytest.mark.parametrize("call", [5, 16])
def test_a_study_that_was_killed_in_the_middle_of_an_epoch_goes_on_to_the_same_bits(call, tmp_path):
    code = KILLED.format(tests=str(Path(__file__).parent), call=call)
    died = forked.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, timeout=120)
    assert died.returncode == -9, died.stderr
    kept = {e.about["chain"]: e.about["epoch"] for e in StateStore(tmp_path).list() if "chain" in e.about}
    assert kept
    after = grid(tmp_path, (3, 6), alphas=(1e-4, 0.1))
    whole = grid(tmp_path / "whole", (3, 6), alphas=(1e-4, 0.1))
    assert whole.cost.epochs_trained - 6 * len(kept) <= after.cost.epochs_trained < whole.cost.epochs_trained
    assert values(after) == values(whole)


def test_two_processes_train_each_chain_once(tmp_path):
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_chains as t\n" + (
        "r = t.grid(sys.argv[1], (20, 40))\nprint(r.cost.epochs_trained)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT)
        for _ in range(2)
    ]
    trained = [int(run.communicate(timeout=120)[0].split()[-1]) for run in runs]
    assert sum(trained) == 40 * 3 * 3


def test_steps_that_are_too_large_fail_the_trial_with_the_reason_and_what_was_good_stays(tmp_path):
    search = {"SGDRegressor.epochs": 5, "SGDRegressor.eta0": [0.01, 1e200], "SGDRegressor.learning_rate": "constant"}
    result = hpo.tune((X, Y), algorithm=SGDRegressor(), search=search, folds=CV, sampler="grid", trials=2, store=tmp_path)
    (error,) = (t.user_attrs["error"] for t in result.optuna_study.trials if t.user_attrs.get("error"))
    assert "not finite" in error
    assert result.best_params["SGDRegressor.eta0"] == 0.01

    class Bursting(SGDRegressor):
        def partial_fit(self, rows, y, sample_weight=None):
            super().partial_fit(rows, y, sample_weight)
            if self.t_ > 3 * len(rows):
                self.coef_ = self.coef_ * np.nan
            return self

    kind = of_object(Bursting())
    with pytest.raises(FitFailed, match=r"Bursting has no finite 'coef_' after epoch 3; its steps are too large"):
        alone(kind(epochs=5), state_of())
    failed = hpo.tune((X, Y), algorithm=Bursting(), search={"Bursting.epochs": [2, 5]}, folds=CV, sampler="grid", trials=2,
                      store=tmp_path / "b")  # fmt: skip
    assert [t.values is None for t in sorted(failed.optuna_study.trials, key=lambda t: t.params["Bursting.epochs"])] == [False, True]
    kept = [e.about["epoch"] for e in StateStore(tmp_path / "b").list() if "chain" in e.about]
    assert set(kept) == {2}, "the last good one"


def test_a_damaged_chain_is_trained_again(tmp_path):
    before = grid(tmp_path, (2, 4))
    store = StateStore(tmp_path)
    chains = [e for e in store.list() if e.about.get("epoch") == 4]
    path = next(p for p in tmp_path.rglob("*") if p.stat().st_size and chains[0].key.segment in p.name)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.warns(DamagedStateWarning):
        after = grid(tmp_path, (2, 4))
    assert after.cost.epochs_trained == 2
    assert values(after) == values(before)


def test_a_store_that_cannot_be_written_costs_sharing_and_no_result(tmp_path, monkeypatch):
    before, real = grid(tmp_path / "a", (2, 4)), StateStore.publish

    def full(self, key, state, about=None):
        if "chain" in (about or {}):
            raise StoreWriteError("the disk is full")
        return real(self, key, state, about)

    monkeypatch.setattr(StateStore, "publish", full)
    with pytest.warns(StoreWarning, match=r"what is trained is not kept \(the disk is full\)") as warned:
        result = grid(tmp_path / "b", (2, 4))
    assert sum("not kept" in str(one.message) for one in warned) == 1
    assert values(result) == values(before)


class Odd(RegressorMixin, BaseEstimator):
    """An estimator that keeps what is not a number."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, rows, y):
        return self.partial_fit(rows, y)

    def partial_fit(self, rows, y):
        self.mean_, self.how_ = float(np.mean(y)), lambda: 1
        self.n_features_in_ = rows.shape[1]
        return self

    def predict(self, rows):
        return np.full(len(rows), self.mean_)


def test_what_cannot_be_asked_is_refused_in_words(tmp_path):
    with pytest.raises(FitFailed, match=r"Odd keeps 'how_', a function, which is not made of numbers.*leave epochs out"):
        alone(of_object(Odd())(epochs=2), state_of())
    for bad in (0, -1, 1.5, "many", True):
        with pytest.raises(InvalidField, match=r"epochs=.*must be"):
            of_object(SGDRegressor())(epochs=bad)
    with pytest.raises(hpo.errors.SearchError, match=r"epochs"):
        hpo.tune((X, Y), algorithm="sklearn:sklearn.linear_model.Ridge", search={"Ridge.epochs": 3}, store=tmp_path)
    lbfgs = hpo.tune((X, LABELS), algorithm=MLPClassifier((2,)), folds=CV, trials=2, sampler="grid", store=tmp_path,
                     search={"MLPClassifier.solver": ["lbfgs", "adam"], "MLPClassifier.epochs": 1})  # fmt: skip
    errors = [t.user_attrs.get("error") for t in lbfgs.optuna_study.trials if t.params["MLPClassifier.solver"] == "lbfgs"]
    assert "MLPClassifier has no partial_fit with these parameters; leave epochs out" in errors[0]


def test_without_epochs_fit_decides_as_before(tmp_path):
    result = hpo.tune((X, Y), algorithm=SGD, search={"Pipeline.sgdregressor__alpha": 0.01}, folds=CV, trials=1, store=tmp_path)
    made = clone(SGD).set_params(sgdregressor__alpha=0.01)
    for (train, test), found in zip(CV, result.best.scores.folds, strict=True):
        rows = np.sort(train)
        assert found == pytest.approx(r2_score(Y[test], made.fit(X[rows], Y[rows]).predict(X[test])), rel=1e-9)
    assert result.cost.epochs_alone == 0


def test_weights_reach_every_epoch(tmp_path):
    weight = RNG.uniform(0.5, 2.0, 240)
    frame = pd.DataFrame(X).add_prefix("x").assign(y=Y, w=weight)
    result = hpo.tune(frame, "y", SGDRegressor(random_state=1), weight="w", search={"SGDRegressor.epochs": 3}, folds=CV,
                      trials=1, store=tmp_path)  # fmt: skip
    (states,) = (s for s in result.run.evidence.states.values() if s.train)
    state, made = states.train[0], SGDRegressor(random_state=1)
    rows = rows_of(state)
    for epoch in (1, 2, 3):
        order = np.random.default_rng([1, epoch]).permutation(len(rows))
        made.partial_fit(rows[order], state.y[order], sample_weight=state.sample_weight[order])
    test = CV[0][1]
    expected = r2_score(Y[test], made.predict(X[test]), sample_weight=weight[test])
    assert result.best.scores.folds[0] == pytest.approx(expected, rel=1e-9)


def test_a_chain_of_another_make_is_refused():
    state = state_of()
    chain = alone(of_object(SGDRegressor())(epochs=1), state)
    other = of_object(MLPRegressor(hidden_layer_sizes=(3,)))(epochs=2)
    with pytest.raises(FitFailed, match="a stored chain has no"):
        alone_from = further(other, chain, state)
        next(alone_from)
    arrays, scalars = flatten(chain)
    with pytest.raises(DamagedBlob, match=r"parameters\.coef_"):
        restore({k: v for k, v in arrays.items() if "coef" not in k}, {**scalars, "parameters.coef_": 3.0}, Chain(0, 0))
