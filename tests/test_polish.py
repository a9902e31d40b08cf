"""The second pass: what it gains, what it reads, when it is left out, and that it never loses a finished study."""

from __future__ import annotations

import json
import sys

import forked
import numpy as np
import pandas as pd
import pytest
from passes import second_pass_raises
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor

import hpo
import hpo.trials.polish
from hpo.errors import DataError, Interrupted, StoreWarning
from state_store import StateStore
from studies.errors import SpecError
from studies.spec.form import load

ROWS, D = 120_000, 20


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Rows too many to be kept, so that one pass leaves a model near its optimum only."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, D)) + rng.exponential(size=(ROWS, 1))
    eta = X[:, :5] @ [1.0, -0.5, 0.3, 0.8, -1.2] - 0.7
    made = pd.DataFrame(X, columns=[f"x{j}" for j in range(D)])
    made["label"] = np.where(rng.random(ROWS) < 1.0 / (1.0 + np.exp(-eta)), "yes", "no")
    made["count"] = rng.poisson(np.exp(np.clip(0.3 * eta, -3.0, 2.0)))
    made["size"] = rng.gamma(2.0, np.exp(np.clip(0.3 * eta, -3.0, 2.0)))
    return made


def tuned(frame, tmp_path, target="label", algorithm="logistic", penalty="C", value=1e-5, **how):
    data = frame[[*frame.columns[:D], target]]
    asked = {"trials": 1, "folds": 3, "seed": 1, "store": tmp_path / "store", "progress": False}
    return hpo.tune(
        data, target=target, algorithm=algorithm, search={f"{algorithm}.{penalty}": value}, **asked | how
    )


def objective(model, X, y, penalty):
    p = np.clip(model.predict_proba(X)[:, 1], 1e-300, 1.0)
    loss = -np.where(y == "yes", np.log(p), np.log1p(-p)).sum()
    return loss + 0.5 * penalty * float(np.sum(model.coef_**2))


def test_a_polished_model_is_at_the_optimum_of_every_row(frame, tmp_path):
    rough = tuned(frame, tmp_path, polish=False)
    fine = tuned(frame, tmp_path, polish="always")
    assert rough.run.polished is None
    assert rough.cost.rows_read == ROWS
    assert fine.run.polished.passes in (1, 2, 3)
    assert fine.cost.rows_polish == fine.cost.rows_read == fine.run.polished.passes * ROWS, (
        "the first pass is known"
    )
    assert fine.best_value == rough.best_value, "polishing is of the final model alone"
    X, y = rough.best_model[:-1].transform(frame), frame["label"].to_numpy()
    full = LogisticRegression(C=1e-5, solver="newton-cholesky", tol=1e-12, max_iter=100).fit(X, y)
    best = objective(full, X, y, 1e5)
    before, after = (objective(m.best_model["model"], X, y, 1e5) - best for m in (rough, fine))
    assert abs(after) < 1e-8 * ROWS < before
    gain = fine.run.polished.gain * ROWS
    # an expectation beside one draw, of a strong penalty that leaves few directions: within a factor of ten
    assert before / 10 < gain < 10 * before


def test_the_same_study_again_reads_nothing_and_gives_the_same_bits(frame, tmp_path):
    first, second = (tuned(frame, tmp_path, polish="always") for _ in range(2))
    assert second.cost.rows_read == 0 == second.cost.states_built
    assert second.run.polished.passes == first.run.polished.passes
    a, b = (r.best_model["model"] for r in (first, second))
    assert np.array_equal(a.coef_, b.coef_)
    assert np.array_equal(a.intercept_, b.intercept_)


@pytest.mark.parametrize(
    ("target", "algorithm", "twin"),
    [("count", "poisson", PoissonRegressor), ("size", "gamma", GammaRegressor)],
)
def test_every_generalized_linear_model_is_polished(frame, tmp_path, monkeypatch, target, algorithm, twin):
    monkeypatch.setattr(hpo.trials.polish, "ENOUGH", 0.0)
    rough, fine = (
        tuned(frame, tmp_path, target, algorithm, "alpha", 1.0, polish=polish) for polish in (False, "always")
    )
    assert fine.run.polished.passes
    X = fine.best_model[:-1].transform(frame)
    full = twin(alpha=1.0, solver="newton-cholesky", tol=1e-12, max_iter=100).fit(X, frame[target])
    before, after = (np.abs(r.best_model["model"].coef_ - full.coef_).max() for r in (rough, fine))
    assert after < 1e-8
    assert after < before / 1000


def test_a_model_with_a_threshold_is_polished_and_its_threshold_chosen_again(frame, tmp_path):
    how = {"name": "late", "storage": tmp_path / "journal", "scoring": "f1", "scoring_rows": 2000}
    asked = {"logistic.C": 1e-5, "logistic.threshold": "f1"}
    rough, fine = (
        hpo.tune(
            frame[[*frame.columns[:D], "label"]].replace({"label": {"no": 0, "yes": 1}}), target="label", algorithm="logistic",
            search=asked, trials=1, folds=3, seed=1, store=tmp_path / "store", progress=False, polish=polish,
            **how | {"name": f"late-{polish}"},
        )
        for polish in (False, "always")
    )  # fmt: skip
    assert fine.run.polished.passes
    models = [result.best_model["model"] for result in (rough, fine)]
    X, y = rough.best_model[:-1].transform(frame), frame["label"].to_numpy()
    full = LogisticRegression(C=1e-5, solver="newton-cholesky", tol=1e-12, max_iter=100).fit(X, y)
    before, after = (np.abs(m.estimator_.coef_ - full.coef_).max() for m in models)
    assert after < before / 20
    assert models[0].threshold != models[1].threshold
    assert models[0].threshold == pytest.approx(models[1].threshold, abs=0.01)
    again = hpo.load("late-always", storage=how["storage"]).best_model["model"]
    assert again.threshold == models[1].threshold
    assert np.array_equal(again.estimator_.coef_, models[1].estimator_.coef_)


def test_it_is_left_out_where_it_gains_less_than_the_standard_error_and_the_report_says_so(frame, tmp_path):
    result = tuned(frame, tmp_path)
    assert not result.run.polished.passes
    assert result.run.polished.gain < result.run.polished.se
    assert result.cost.rows_read == ROWS
    assert any("not polished" in note and "standard error" in note for note in hpo.write_report(result).notes)


def test_it_is_made_where_it_gains_more(frame, tmp_path, monkeypatch):
    monkeypatch.setattr(hpo.trials.polish, "_standard_error", lambda *_: 1e-7)
    result = tuned(frame, tmp_path)
    assert result.run.polished.passes
    assert any("was polished by" in note for note in hpo.write_report(result).notes)


def test_there_is_nothing_to_polish_in_exact_models_and_few_rows(frame, tmp_path):
    few = tuned(frame[:500], tmp_path, polish="always")
    exact = tuned(frame, tmp_path, "count", "ridge", "alpha", 1.0, polish="always")
    for result in (few, exact):
        assert result.run.polished is None
        assert result.cost.rows_polish == 0


def test_several_objectives_have_no_single_winner_to_polish(frame, tmp_path):
    how = {"scoring": ["neg_log_loss", "roc_auc"], "refit": False, "polish": "always"}
    assert tuned(frame, tmp_path, **how).run.polished is None


def test_a_recorded_study_is_opened_with_its_polished_model(frame, tmp_path):
    how = {"name": "late", "storage": tmp_path / "journal"}
    result = tuned(frame, tmp_path, polish="always", **how)
    again = hpo.load("late", storage=how["storage"])
    assert again.run.polished.passes == result.run.polished.passes
    assert np.array_equal(again.best_model["model"].coef_, result.best_model["model"].coef_)


def test_a_recorded_study_whose_polished_states_are_gone_has_the_model_of_the_first_pass(frame, tmp_path):
    how = {"name": "late", "storage": tmp_path / "journal"}
    rough = tuned(frame, tmp_path, polish=False)
    result = tuned(frame, tmp_path, polish="always", **how)
    store = StateStore(tmp_path / "store")
    for entry in store.list():
        if entry.about.get("known") == result.run.polished.known:
            store.backend.delete(entry.key.name)
    with pytest.warns(StoreWarning, match="that of the first"):
        again = hpo.load("late", storage=how["storage"])
    assert np.array_equal(again.best_model["model"].coef_, rough.best_model["model"].coef_)


@pytest.mark.parametrize(
    "error", [DataError("the file is gone"), Interrupted("stopped after 1 of 3 segments")]
)
def test_whatever_stops_the_second_pass_leaves_the_finished_study(frame, tmp_path, monkeypatch, error):
    rough = tuned(frame, tmp_path, polish=False)
    second_pass_raises(monkeypatch, error)
    with pytest.warns(StoreWarning, match="stays unpolished"):
        result = tuned(frame, tmp_path, polish="always")
    assert str(error) in result.run.polished.reason
    assert np.array_equal(result.best_model["model"].coef_, rough.best_model["model"].coef_)


def test_a_wrong_value_is_named(frame, tmp_path):
    with pytest.raises(SpecError, match="polish"):
        tuned(frame, tmp_path, polish="sometimes")


@pytest.mark.parametrize(
    ("algorithm", "polish", "words"),
    [
        ("logistic", "true", "maybe"),
        ("logistic", "always", "always"),
        ("logistic", "false", "no"),
        ("lda", "true", "no"),
    ],
)
def test_the_plan_says_that_a_second_pass_may_follow(frame, tmp_path, algorithm, polish, words):
    frame[["x0", "label"]][:100].to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "study.yaml").write_text(
        f"data: {tmp_path}/rows.parquet\ntarget: label\nalgorithm: {algorithm}\npolish: {polish}\nstore: {tmp_path}/s\n"
    )
    assert hpo.plan(load(tmp_path / "study.yaml")).polish == words


def test_the_command_line_polishes_and_says_so(frame, tmp_path):
    frame[[*frame.columns[:D], "label"]].to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "study.yaml").write_text(
        "data: rows.parquet\ntarget: label\nalgorithm: logistic\ntrials: 2\nfolds: 3\npolish: always\n"
        "search: {logistic.C: 1.0e-5}\nstore: store\nstorage: journal\n"
    )
    command = [sys.executable, "-m", "hpo.cli", "run", "study.yaml", "--json"]
    done = forked.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["polish"]["passes"] >= 1
    assert answer["cost"]["rows_read"] == (1 + answer["polish"]["passes"]) * ROWS
