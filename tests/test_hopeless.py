"""What always fails is proposed no more, and every list tells a failed trial from a pruned one, with its reason."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_wine
from terminal import hpo as ask

import hpo
from hpo.errors import ChoiceWarning
from hpo.trials.hopeless import TIMES

SEARCH = {"lda.solver": ["svd", "lsqr"], "lda.shrinkage": hpo.Float(0.1, 0.9)}


def tune(trials=40, **options):
    given = {"algorithm": "lda", "search": SEARCH, "store": None, "progress": False} | options
    return hpo.tune(load_wine(return_X_y=True), trials=trials, **given)


@pytest.mark.parametrize("sampler", ["auto", "random", "qmc", "tpe"])
def test_a_choice_that_always_fails_is_left_out_and_said_once(sampler):
    with pytest.warns(ChoiceWarning, match="lda.solver='svd' is tried no more, since every setting") as warned:
        result = tune(sampler=sampler)
    assert sum(w.category is ChoiceWarning for w in warned) == 1
    trials = result.optuna_study.trials
    failed = [t for t in trials if t.state.name == "FAIL"]
    assert len(trials) == 40 and len(failed) == TIMES
    assert all(t.params["lda.solver"] == "lsqr" for t in trials[failed[-1].number + 1 :])
    assert any("lda.solver='svd' is tried no more" in note for note in hpo.write_report(result).notes)


def test_an_algorithm_that_always_fails_is_left_out():
    search = {"lda.solver": "svd", "lda.shrinkage": hpo.Float(0.1, 0.9)}
    with pytest.warns(ChoiceWarning, match="'lda' is tried no more"):
        result = tune(algorithm=["lda", "gaussian_nb"], search=search)
    names = [t.params["algorithm"] for t in result.optuna_study.trials]
    assert names.count("lda") == TIMES and names[-10:] == ["gaussian_nb"] * 10


def test_a_study_that_goes_on_leaves_it_out_too(tmp_path):
    options = {"name": "wine", "storage": str(tmp_path / "a.journal"), "store": tmp_path / "store", "sampler": "qmc"}
    with pytest.warns(ChoiceWarning):
        whole = tune(sampler="qmc", name="whole", storage=str(tmp_path / "a.journal"), store=tmp_path / "store")
    with pytest.warns(ChoiceWarning):
        tune(trials=25, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = tune(trials=40, **options)
    assert [t.params for t in again.optuna_study.trials] == [t.params for t in whole.optuna_study.trials]


def test_where_everything_fails_nothing_is_left_out():
    with pytest.warns(hpo.errors.NoScoreWarning, match="every setting failed because"):
        result = tune(search={"lda.solver": ["svd"], "lda.shrinkage": hpo.Float(0.1, 0.9)}, trials=20)
    assert len(result.optuna_study.trials) == 20


def test_repeats_of_a_failed_setting_show_its_reason_everywhere(tmp_path, monkeypatch, capsys):
    search = {"lda.solver": ["svd", "lsqr"], "lda.shrinkage": [0.1, 0.2]}
    result = tune(search=search, trials=12, sampler="random", name="wine")
    data = hpo.write_report(result)
    failed = [t for t in data.trials if t.state == "fail"]
    assert any(t.duplicate_of is not None for t in failed)
    assert all("shrinkage" in t.error and t.outcome.startswith("failed: ") for t in failed)
    shown = ask(capsys, monkeypatch, "studies", "show", "wine")
    assert f"{len(failed)} failed" in shown.out and "trials that failed" in shown.out
    assert failed[0].error.split(";")[0][:40] in shown.out
    noted = ask(capsys, monkeypatch, "studies", "show", "wine", "--json").json["trials"]
    assert all(t["error"] for t in noted if t["state"] == "fail")


def test_pruned_is_pruned_in_every_list(monkeypatch, capsys):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2_000, 4))
    y = (X[:, 0] + rng.normal(size=2_000) > 0).astype(int)
    model = "sklearn:sklearn.tree.DecisionTreeClassifier"
    search = {"DecisionTreeClassifier.max_depth": hpo.Int(1, 30)}
    result = hpo.tune(
        (X, y), algorithm=model, search=search, fidelity="halving", trials=20, folds=2, name="trees", progress=False
    )
    pruned = sum(t.state.name == "PRUNED" for t in result.optuna_study.trials)
    (leader,) = hpo.leaderboard(result).to_dict("records")
    assert pruned and (leader["pruned"], leader["failed"]) == (pruned, 0)
    shown = ask(capsys, monkeypatch, "studies", "show", "trees")
    assert f"20, {pruned} pruned" in shown.out and "failed" not in shown.out
    assert f"best trials of {20 - pruned} with a score" in shown.out
    noted = ask(capsys, monkeypatch, "studies", "show", "trees", "--json").json["trials"]
    assert all((t["value"] is None) == (t["state"] == "pruned") for t in noted)
    assert {t.outcome.partition(",")[0] for t in hpo.write_report(result).trials} == {"complete", "pruned"}
