"""``algorithm="auto"``: the set follows from the target, is reported, and can be set otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine

import hpo
from algorithms import boosted, registry
from algorithms.contract import Tags
from algorithms.models.ridge import Ridge
from algorithms.tasks import TASKS
from hpo.data import open_dataset
from hpo.errors import ChoiceWarning, TuneError
from hpo.findings.scored import leaders
from hpo.question import auto
from studies.spec.form import loads
from studies.spec.spec import StudySpec


@pytest.fixture
def place(tmp_path):
    return {"store": tmp_path / "store", "storage": tmp_path / "journal.log", "trials": 12, "folds": 3}


def frame_of(target) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(len(target), 3)), columns=list("abc")).assign(y=target)


@pytest.mark.parametrize(
    ("target", "kind", "unsure"),
    [
        (np.repeat(["no", "yes"], 50), "class", False),
        (np.arange(100) % 2 == 0, "class", False),
        (np.arange(100) % 20, "class", True),
        (np.arange(100) % 21, "number", False),
        ((np.arange(100) % 3).astype(float), "class", True),
        (np.where(np.arange(100) % 7 == 0, np.nan, np.arange(100) % 3), "class", True),
        (np.arange(100) % 3 / 2, "number", False),
        (np.random.default_rng(1).normal(size=100), "number", False),
    ],
)
def test_the_kind_of_a_target(target, kind, unsure):
    found = auto.kind_of_target(open_dataset(frame_of(target), target="y"), 0)
    assert (found[0], found[2]) == (kind, unsure)


@pytest.mark.parametrize("task", list(TASKS))
def test_candidates_are_the_task_s_own(task):
    for name in auto.candidates(task):
        assert registry.get(name).tags.task == task


def test_a_new_algorithm_joins_by_its_own_file(monkeypatch):
    @dataclass(frozen=True, kw_only=True)
    class Mine(Ridge):
        tags: ClassVar[Tags] = Ridge.tags.but(auto=0)

    @dataclass(frozen=True, kw_only=True)
    class Heir(Ridge):
        pass

    import algorithms.models.ridge as module

    monkeypatch.setattr(module, "Mine", Mine, raising=False)
    monkeypatch.setattr(module, "Heir", Heir, raising=False)
    more = {"mine": "algorithms.models.ridge:Mine", "heir": "algorithms.models.ridge:Heir"}
    monkeypatch.setattr(registry, "BUILT_IN", {**registry.BUILT_IN, **more})
    found = auto.candidates("regression")
    assert found[0] == "mine"
    assert "heir" not in found


def test_a_number_gets_regressions_and_says_so(place):
    result = hpo.tune(load_diabetes(return_X_y=True), algorithm="auto", name="a", **place)
    assert set(leaders(result)) <= set(auto.candidates("regression"))
    assert result.metric == "r2"
    [note] = [n for n in hpo.write_report(result).notes if "algorithm='auto'" in n]
    assert "ridge" in note
    again = hpo.tune(load_diabetes(return_X_y=True), algorithm="auto", name="a", **{**place, "trials": 15})
    assert len(again.optuna_study.trials) == 15
    assert hpo.load("a", store=place["store"], storage=place["storage"]).best_params == again.best_params


def test_labels_get_classifiers(place):
    X, y = load_wine(return_X_y=True)
    labels = np.array(["red", "rosé", "white"])[y]
    result = hpo.tune((X, labels), algorithm="auto", **place)
    assert set(leaders(result)) <= set(auto.candidates("classification"))
    assert result.metric == "accuracy"
    assert [row.label for row in hpo.write_report(result).classes] == ["red", "rosé", "white"]
    assert [row.rows for row in hpo.write_report(result).classes] == [59, 71, 48]


def test_few_whole_numbers_are_classes_and_the_warning_says_how_to_say_otherwise(place):
    X, y = load_wine(return_X_y=True)
    with pytest.warns(ChoiceWarning, match="3 distinct whole numbers.*auto:regression"):
        result = hpo.tune((X, y), algorithm="auto", **place)
    assert result.metric == "accuracy"
    said = hpo.tune((X, y), algorithm="auto:regression", **place)
    assert said.metric == "r2"


def test_without_a_target_it_is_a_decomposition(place):
    result = hpo.tune(pd.DataFrame(load_wine().data).add_prefix("x"), algorithm="auto", **place)
    assert set(leaders(result)) == {"pca"}
    assert any("no target is named" in n for n in hpo.write_report(result).notes)


def test_what_does_not_fit_in_memory_is_left_out(monkeypatch, place):
    dataset = open_dataset(frame_of(np.random.default_rng(1).normal(size=100)), target="y")
    assert auto.choose("auto", dataset, 0).names
    monkeypatch.setattr(auto, "available_memory", lambda: 100)
    with pytest.raises(TuneError, match="no algorithm"):
        auto.choose("auto", dataset, 0)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("auto:regresion", "did you mean 'regression'"),
        (
            "auto:foo",
            "names no task; known: 'classification', 'clustering', 'decomposition', 'forecasting', 'outlier_detection', 'recommendation', 'regression', 'topics'$",
        ),
        (["auto", "ridge"], "cannot be combined with others"),
    ],
)
def test_what_cannot_be_chosen_is_refused(place, asked, message):
    with pytest.raises(TuneError, match=message):
        hpo.tune(load_diabetes(return_X_y=True), algorithm=asked, **place)


def test_the_command_line_takes_auto(tmp_path, monkeypatch, capsys, hpo_home):
    from terminal import hpo as ask

    X, y = load_wine(return_X_y=True)
    labels = np.array(["a", "b", "c"])[y]
    pd.DataFrame(X).add_prefix("x").assign(kind=labels).to_parquet(tmp_path / "wine.parquet")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text("data: wine.parquet\ntarget: kind\nalgorithm: auto\ntrials: 8\n")
    planned = ask(capsys, monkeypatch, "plan", "s.yaml", "--json").json
    assert planned["algorithms"] == auto.candidates("classification")
    ran = ask(capsys, monkeypatch, "run", "s.yaml", "--no-progress", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["metric"] == "accuracy"

    made = ask(capsys, monkeypatch, "init", "wine.parquet", "--target", "kind", "-o", "made.yaml")
    assert made.code == 0, made.err
    spec = loads((tmp_path / "made.yaml").read_text())
    assert list(spec.algorithm) == auto.candidates("classification")
    assert spec.scoring == "accuracy"
    guessed = ask(capsys, monkeypatch, "init", "wine.parquet", "-o", "guess.yaml")
    assert guessed.code == 0, guessed.err
    done = ask(capsys, monkeypatch, "run", "made.yaml", "--trials", 6, "--no-progress")
    assert done.code == 0, done.err
    assert "accuracy" in done.out
    answer = ask(capsys, monkeypatch, "predict", "wine", "wine.parquet", "-o", "p.csv")
    assert answer.code == 0, answer.err
    made = pd.read_csv(tmp_path / "p.csv")
    assert {"prediction", "probability_a", "probability_b", "probability_c"} <= set(made)
    assert (made["prediction"] == labels).mean() > 0.8


def test_every_algorithm_is_in_the_table_of_the_docs():
    page = (Path(__file__).parent.parent / "docs" / "algorithms.md").read_text()
    table = page[page.index("## Which is exact") :]
    missing = [name for name in registry.BUILT_IN if f"`{name}`" not in table]
    assert not missing, "add a row for each to the table in docs/algorithms.md"


def test_the_example_on_late_flights_runs(tmp_path, monkeypatch):
    from hpo.api import question_of, run_question
    from hpo.demo import example_text, write_late_flights

    monkeypatch.chdir(tmp_path)
    write_late_flights(tmp_path / "late_flights", ["2013-02.parquet"])
    spec = loads(example_text("late_flights.yaml"))
    short = spec.but(trials=len(auto.candidates("classification")), folds=2, scoring_rows=50, name=None)
    result = run_question(question_of(short), short.sampler, None, resume=True, progress=False)
    assert result.record.metrics == ("neg_log_loss", "accuracy", "roc_auc")
    assert set(leaders(result)) == set(auto.candidates("classification"))
    assert result.best.scores.also["roc_auc"].mean > 0.6


@pytest.mark.parametrize(("lacking", "axis"), [((), "n_estimators"), (("lightgbm",), "max_iter")])
def test_boosted_trees_join_where_they_are_asked_for(lacking, axis, place, monkeypatch):
    monkeypatch.setattr(boosted, "is_installed", lambda package: package not in lacking)
    if not lacking:
        pytest.importorskip("lightgbm")
    X, y = load_diabetes(return_X_y=True)
    plain = hpo.tune((X, y), algorithm="auto", **{**place, "trials": 3})
    named = "scikit-learn" if lacking else "LightGBM"
    costs = f"each of their trials fits 400 trees of {named} a fold, to 442 rows, about 0.2 s on one core as a guess"
    said = hpo.write_report(plain).notes
    assert any(f"algorithm='auto+trees' tries boosted trees too: {costs}" in note for note in said)
    result = hpo.tune((X, y), algorithm="auto+trees", search={f"boosted.{axis}": [3, 6]}, **{**place, "trials": 8})
    tried = [trial for trial in result.optuna_study.trials if trial.params["algorithm"] == "boosted"]
    assert tried
    assert {trial.params[f"boosted.{axis}"] for trial in tried} <= {3, 6}
    assert all(0.02 <= trial.params["boosted.learning_rate"] <= 0.3 for trial in tried)
    assert any(costs in note and "boosted=sklearn:" in note for note in hpo.write_report(result).notes)


@pytest.mark.parametrize("kind", boosted.KINDS, ids=lambda kind: kind.named)
def test_what_boosted_trees_take_is_by_rows_columns_and_folds(kind, monkeypatch):
    monkeypatch.setattr(boosted, "is_installed", lambda package: package == kind.package)
    trees = boosted.boosted("number")
    few, many, wide, unknown = (trees.seconds(n, d, 5) for n, d in ((500, 10), (20_000, 10), (20_000, 100), (None, 10)))
    assert few < many == unknown == trees.seconds(10**9, 10, 5) < wide
    assert trees.seconds(20_000, 10, 2) < many / 2
    assert trees.most == 400


def test_a_plan_says_what_auto_stands_for_and_what_trees_cost(tmp_path):
    load_wine(as_frame=True).frame.astype({"target": str}).to_parquet(tmp_path / "wine.parquet")

    def chosen(**asked):
        return hpo.plan(StudySpec(data=str(tmp_path / "wine.parquet"), store=str(tmp_path / "s"), **asked)).chosen

    said = chosen(algorithm="auto", target="target")
    assert said.startswith("algorithm='auto' took ")
    assert re.search(r"'auto\+trees' tries boosted trees too: .* a fold, to 178 rows of two classes, about \S+ s on one core", said)
    assert chosen(algorithm="gaussian_nb", target="target") == ""
    assert "'auto+trees'" not in chosen(algorithm="auto:clustering", drop=["target"])


def test_boosted_trees_are_of_classes_and_numbers(place):
    assert boosted.boosted("class").algorithm.endswith("Classifier")
    with pytest.raises(TuneError, match=r"'auto:clustering\+trees'.*no boosted trees are of task 'clustering'; leave '\+trees' out"):
        hpo.tune(load_wine(return_X_y=True)[0], algorithm="auto:clustering+trees", **place)
