"""``kill -9`` of a study in the middle of an epoch of a network: taken up again it is the uninterrupted one, bit by bit."""

from __future__ import annotations

import sys
from pathlib import Path

import forked
import numpy as np
import pytest
import test_twins_deepar as series
import test_twins_neural_topics as documents

import hpo
from algorithms.chained import chain_of
from state_store import StateStore

ROOT = Path(__file__).parent.parent


def topics(store):
    """Four settings of three and six epochs of documents."""
    asked = {"n_topics": 3, "hidden_layer_sizes": [8], "learning_rate": 0.02, "epochs": [3, 6], "alpha": [1e-5, 1e-1], "patience": 9,
             "doc_topic_temperature": 1.0, "topic_word_temperature": 1.0}  # fmt: skip
    search = {f"neural_topic_model.{key}": value for key, value in asked.items()}
    return hpo.tune(documents.documents(), algorithm="neural_topic_model", search=search, folds=2, sampler="grid", trials=4, seed=0,
                    store=store, progress=False)  # fmt: skip


def deepar(store):
    """Four settings of two and four epochs of series."""
    asked = {"hidden_size": 5, "embedding_dimension": 2, "batch_size": 16, "num_batches_per_epoch": 4, "epochs": [2, 4], "patience": 9,
             "num_parallel_samples": 10, "learning_rate": 0.01, "dropout_rate": [0.0, 0.2]}  # fmt: skip
    search = {f"deepar.{key}": value for key, value in asked.items()}
    return hpo.tune(series.shops(), "sales", "deepar", time="month", series="shop", search=search, sampler="grid", trials=4, seed=0,
                    folds={"scheme": "backtest", "horizon": 3, "n_splits": 2}, scoring="neg_wql", store=store, progress=False)  # fmt: skip


STUDIES = {"topics": (topics, 6, 2), "deepar": (deepar, 4, 2)}
"""What runs a study, the epochs of its longest trials, and the settings that train apart."""

KILLED = """
import dataclasses, os, signal, sys
sys.path.insert(0, {tests!r})
import test_kill_networks as t
from algorithms.neural import {module}

real, calls = {module}.compiled, [0]
def dying_after(*asked):
    made = real(*asked)
    def epoch(*given):
        calls[0] += 1
        found = made.epoch(*given)
        if calls[0] == {call}:
            os.kill(os.getpid(), signal.SIGKILL)  # its steps are made, and nothing of them is kept
        return found
    return dataclasses.replace(made, epoch=epoch)
{module}.compiled = dying_after
t.{study}(sys.argv[1])
"""


def scores(result):
    return {str(sorted(t.params.items())): t.values for t in result.optuna_study.trials}


@pytest.mark.parametrize(("study", "module", "call"), [("topics", "training", 16), ("deepar", "recurrent", 11)])
def test_a_network_that_was_killed_in_an_epoch_goes_on_to_the_same_bits(study, module, call, tmp_path):
    tune, longest, apart = STUDIES[study]
    code = KILLED.format(tests=str(Path(__file__).parent), module=module, call=call, study=study)
    died = forked.run([sys.executable, "-c", code, str(tmp_path / "s")], cwd=ROOT, capture_output=True, timeout=240)
    assert died.returncode == -9, died.stderr
    kept = {e.about["epoch"] for e in StateStore(tmp_path / "s").list() if "chain" in e.about}
    assert longest in kept, "of the folds that had been trained"
    after, whole = tune(tmp_path / "s"), tune(tmp_path / "whole")
    assert whole.cost.epochs_trained == longest * apart * 2
    assert 0 < after.cost.epochs_trained <= whole.cost.epochs_trained - longest, "what was kept is not trained again"
    assert scores(after) == scores(whole)
    chains = [[chain_of(r.best.algorithm.chained, state) for state in r.best.states.train] for r in (after, whole)]
    for one, other in zip(*chains, strict=True):
        assert one.epoch == other.epoch
        for mine, theirs in ((one.parameters, other.parameters), (one.optimizer, other.optimizer), (one.best, other.best)):
            assert mine.keys() == theirs.keys()
            assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
