"""The command line, command by command: what it answers, in words and as JSON, and how it ends."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import optuna
import pandas as pd
import pytest
from terminal import FILES, ROWS, command, hpo, shell, write_data, write_study

from algorithms.tasks import TASKS
from state_store import StateStore
from studies.record.storage import open_storage
from studies.spec.form import load

ALL = ROWS * FILES


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A home with one finished study, made by real processes; tests work on copies of it."""
    root = tmp_path_factory.mktemp("finished")
    write_data(root / "data")
    env = {"HPO_HOME": str(root / "home"), "NO_COLOR": "1"}
    first = shell("init", root / "data", "--target", "y", "-o", root / "study.yaml", env=env, fresh=True)
    assert (first.code, first.err.partition(":")[0]) == (0, "drop")
    assert "'id', it looks like an id" in first.err and len(first.err.splitlines()) == 1
    planned = shell("plan", root / "study.yaml", "--json", env=env, fresh=True)
    assert (planned.code, planned.err) == (0, "")
    ran = shell("run", root / "study.yaml", "--trials", 12, "--quiet", "--json", env=env, fresh=True)
    assert (ran.code, ran.err) == (0, "")
    return root, planned.json, ran.json


@pytest.fixture
def place(finished, tmp_path, monkeypatch, hpo_home):
    """A copy of that home for one test, which begins in a directory of its own."""
    root, _, _ = finished
    shutil.copytree(root / "home", hpo_home)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return root


@pytest.fixture
def ask(capsys, monkeypatch):
    return lambda *args, **more: hpo(capsys, monkeypatch, *args, **more)


def test_the_main_job_reads_once_and_says_so(finished):
    _, planned, ran = finished
    assert (planned["rows_to_read"], planned["segments_to_read"]) == (ALL, FILES)
    assert (ran["name"], ran["trials"], ran["stopped"]) == ("data", 12, "trials")
    assert ran["cost"]["rows_read"] == ALL
    assert len(ran["best"]["fold_scores"]) == 5
    assert ran["best"]["value"] >= ran["simplest"]["value"]


def test_a_plan_after_the_run_reads_nothing(place, ask):
    answer = ask("plan", place / "study.yaml")
    assert answer.code == 0
    assert "nothing: every state is in the store" in answer.out
    assert ask("plan", place / "study.yaml", "--json").json["rows_to_read"] == 0


def test_a_second_run_needs_resume_and_then_reads_nothing(place, ask):
    refused = ask("run", place / "study.yaml")
    assert (refused.code, refused.out) == (1, "")
    assert "'data' exists with 12 trials" in refused.err
    assert "--resume" in refused.err
    more = ask("run", place / "study.yaml", "--resume", "--trials", 15, "--json").json
    assert (more["trials"], more["cost"]["rows_read"], more["cost"]["states_reused"]) == (15, 0, FILES)


def test_run_shows_a_summary_and_how_to_get_the_report(place, ask):
    answer = ask("run", place / "study.yaml", "--resume")
    assert (answer.code, answer.err) == (0, "")
    assert "Best" in answer.out
    assert "hpo report data --html report.html" in answer.out


def test_a_name_taken_by_another_question_is_refused(place, ask):
    other = write_study(Path("other.yaml"), place / "data", name="data", folds=3)
    answer = ask("run", other, "--resume")
    assert answer.code == 1
    assert "exists with another definition" in answer.err
    assert "warm_start: data" in answer.err


def test_the_name_defaults_to_the_file(place, ask):
    study = write_study(Path("mine.yaml"), place / "data")
    assert ask("run", study, "--json").json["name"] == "mine"


def test_store_and_storage_options_replace_the_files(place, ask, hpo_home):
    study = write_study(Path("mine.yaml"), place / "data", store="never", storage="never.journal")
    answer = ask("run", study, "--store", "s", "--storage", "sqlite:///t.db", "--trials", 2)
    assert answer.code == 0
    assert "hpo report mine --storage sqlite:///t.db --html" in answer.out
    assert not Path("never").exists()
    assert not Path("never.journal").exists()
    assert [row["name"] for row in ask("studies", "ls", "--storage", "sqlite:///t.db", "--json").json] == [
        "mine"
    ]
    assert len(StateStore("s").list()) == FILES


def test_report_in_every_form(place, ask):
    assert "Best" in ask("report", "data").out
    found = ask("report", "data", "--json").json
    assert len(found["trials"]) == 12
    written = ask("report", "data", "--html", "r.html", "--csv", "t.csv")
    assert (written.code, written.out) == (0, "")
    assert "r.html" in written.err
    assert "<html" in Path("r.html").read_text()
    rows = list(csv.DictReader(io.StringIO(Path("t.csv").read_text())))
    assert len(rows) == 12
    assert ask("report", "data", "--csv", "-").out == Path("t.csv").read_text()


def test_report_says_where_it_cannot_write(place, ask):
    assert ask("report", "data", "--html", "no/such/r.html").code == 1
    answer = ask("report", "data", "--csv", "no/such/t.csv")
    assert (answer.code, answer.out) == (1, "")
    assert "no/such/t.csv cannot be written" in answer.err


def test_a_report_whose_states_are_gone_says_what_to_do(place, ask, hpo_home):
    StateStore("empty")
    answer = ask("report", "data", "--store", "empty")
    assert answer.code == 1
    assert "run the study again" in answer.err


def test_unknown_studies_suggest_the_nearest(place, ask):
    for args in (
        ("report", "dato"),
        ("predict", "dato", "x.csv", "-o", "p.csv"),
        ("studies", "show", "dato"),
    ):
        answer = ask(*args)
        assert (answer.code, answer.out) == (1, "")
        assert "did you mean 'data'?" in answer.err


def test_studies_ls_show_compare_rm(place, ask):
    [row] = ask("studies", "ls", "--json").json
    assert (row["name"], row["trials"], row["algorithms"]) == ("data", 12, ["ridge", "elastic_net"])
    assert "data" in ask("studies", "ls").out
    shown = ask("studies", "show", "data", "--json").json
    assert shown["definition"]["target"] == "y"
    assert len(shown["trials"]) == 12
    assert "best trials of 12" in ask("studies", "show", "data").out
    write_study(Path("other.yaml"), place / "data", algorithm="lasso", drop=[])
    assert ask("run", "other.yaml").code == 0
    compared = ask("studies", "compare", "data", "other", "--json").json
    assert compared["pairs"][0]["comparable"]
    answer = ask("studies", "compare", "data", "other").out
    assert "to the best" in answer and "ignificantly worse than" in answer and "(p " in answer
    assert ask("studies", "compare", "data").code == 1
    kept = ask("studies", "rm", "other")
    assert kept.code == 2
    assert "--yes" in kept.err
    assert ask("studies", "rm", "other", "--yes", "--json").json == {"removed": ["other"]}
    assert ask("studies", "rm", "other", "--yes").code == 1
    assert [row["name"] for row in ask("studies", "ls", "--json").json] == ["data"]


def test_rm_removes_nothing_if_one_name_is_wrong(place, ask):
    assert ask("studies", "rm", "data", "nothing-such", "--yes").code == 1
    assert len(ask("studies", "ls", "--json").json) == 1


def test_an_empty_home_lists_nothing_and_explains(ask):
    assert ask("studies", "ls", "--json").json == []
    assert "hpo run" in ask("studies", "ls").out
    assert ask("states", "ls", "--json").json["contexts"] == []
    assert "0 leaves" in ask("states", "ls").out


def test_paths_that_are_not_there_are_refused_not_made(ask, tmp_path):
    for args in (
        ("states", "ls", "--store", tmp_path / "typo"),
        ("studies", "ls", "--storage", tmp_path / "typo"),
        ("report", "data", "--storage", tmp_path / "typo"),
    ):
        answer = ask(*args)
        assert (answer.code, answer.out) == (3, "")
        assert "typo" in answer.err
    assert not (tmp_path / "typo").exists()


def test_states_ls_show_pin_gc(place, ask):
    [context] = ask("states", "ls", "--json").json["contexts"]
    assert (context["leaves"], context["rows"], context["pinned"]) == (FILES, ALL, False)
    digits = context["context"]
    assert digits[:12] in ask("states", "ls").out
    leaves = ask("states", "show", digits[:5], "--json").json
    assert [leaf["about"]["rows"] for leaf in leaves] == [ROWS] * FILES
    assert "part-0.parquet" in "".join(ask("states", "show", digits).out.split())  # a long path is folded
    assert ask("states", "pin", "--study", "data", "--json").json == {"contexts": [digits], "pinned": True}
    assert ask("states", "gc", "--max-size", "0").code == 0
    assert "pinned" in ask("states", "ls").out
    assert ask("states", "unpin", digits[:6]).code == 0
    dry = ask("states", "gc", "--max-size", "0", "--dry-run", "--json").json
    assert (len(dry["removed"]), dry["dry_run"]) == (FILES, True)
    assert "removed 3 leaves" in ask("states", "gc", "--max-size", "0").out
    assert ask("states", "ls", "--json").json["contexts"] == []


@pytest.mark.parametrize("args", [("show", "ffff"), ("pin", "not-hex"), ("pin",), ("export", "x.zip", "zz")])
def test_contexts_that_are_not_there_are_named(place, ask, args):
    answer = ask("states", *args)
    assert (answer.code, answer.out) == (2, "")
    assert "states ls" in answer.err
    assert not Path("x.zip").exists()


@pytest.mark.parametrize("option", ["--max-age=soon", "--max-age=-3d", "--max-size=10XB", "--max-size=nan"])
def test_limits_that_are_none_are_refused(place, ask, option):
    answer = ask("states", "gc", option)
    assert answer.code == 2
    assert "for example" in answer.err
    assert len(ask("states", "ls", "--json").json["contexts"]) == 1


def test_export_and_import_carry_a_study_to_another_store(place, ask):
    made = ask("states", "export", "s.zip", "--study", "data", "--json").json
    assert made["leaves"] == FILES
    assert ask("states", "import", "s.zip", "--store", "there", "--json").json["added"] == made["leaves"] + 1
    assert "0 blobs added" in ask("states", "import", "s.zip", "--store", "there").out
    assert ask("report", "data", "--store", "there", "--json").json["n_rows"] == ALL
    Path("bad.zip").write_bytes(Path("s.zip").read_bytes()[:500])
    answer = ask("states", "import", "bad.zip", "--store", "there")
    assert (answer.code, answer.out) == (3, "")


def test_verify_finds_a_damaged_blob_and_the_next_run_mends_it(place, ask, hpo_home):
    assert ask("states", "verify", "--json").json["ok"]
    leaf = next(p for p in (hpo_home / "store" / "leaves").rglob("*") if p.is_file())
    leaf.write_bytes(leaf.read_bytes()[:-9])
    seen = ask("states", "verify", "--keep-damaged")
    assert seen.code == 3
    assert "is damaged" in seen.err
    set_aside = ask("states", "verify", "--json")
    assert (set_aside.code, set_aside.json["ok"]) == (3, False)
    assert set_aside.err.startswith("warning: ")
    assert ask("states", "verify").code == 0
    again = ask("run", place / "study.yaml", "--resume", "--json").json
    assert again["cost"]["rows_read"] == ROWS


def test_predict_writes_what_it_says(place, ask):
    said = ask("predict", "data", place / "data", "-o", "p.parquet", "--keep", "id", "--keep", "x0", "--json")
    assert said.json == {"file": "p.parquet", "rows": ALL, "study": "data"}
    made = pd.read_parquet("p.parquet")
    assert list(made) == ["id", "x0", "prediction"]
    assert made["id"].tolist() == list(range(ALL))
    truth = pd.concat(pd.read_parquet(p) for p in sorted((place / "data").glob("*.parquet")))
    assert abs(made["prediction"].to_numpy() - truth["y"].to_numpy()).mean() < 1.5
    assert f"{ALL} predictions" in ask("predict", "data", place / "data", "-o", "p.csv", "--simplest").out
    assert list(pd.read_csv("p.csv")) == ["prediction"]


def test_predict_refuses_what_cannot_be_meant(place, ask):
    data = place / "data" / "part-0.parquet"
    for args, code, words in (
        ((data, "-o", "p.xlsx"), 2, ".parquet, .pq, .csv"),
        ((data, "-o", data), 2, "is in the data of study"),
        ((data, "-o", "p.csv", "--keep", "idd"), 1, "did you mean 'id'"),
        ((data, "-o", "no/p.csv"), 1, "does not exist"),
        (("gone.parquet", "-o", "p.csv"), 1, "gone.parquet"),
    ):
        answer = ask("predict", "data", *args)
        assert (answer.code, answer.out) == (code, "")
        assert words in answer.err
    assert not Path("p.csv").exists()


def test_a_decomposition_goes_all_the_way(place, ask):
    assert ask("init", place / "data", "--algorithm", "pca", "-o", "pca.yaml").code == 0
    assert load("pca.yaml").target is None
    assert ask("run", "pca.yaml", "--trials", 3, "--json").code == 1  # 'data' is another study's name
    ask("init", place / "data", "--algorithm", "pca", "-o", "pca.yaml", "--force", "--name", "parts")
    assert ask("run", "pca.yaml", "--trials", 3, "--json").json["best"]["algorithm"] == "pca"
    assert ask("predict", "parts", place / "data", "-o", "p.csv").code == 0
    assert "component_0" in pd.read_csv("p.csv")


def test_algorithms_name_every_hyperparameter(ask):
    found = {a["name"]: a for a in ask("algorithms", "--json").json}
    assert {"ridge", "lasso", "elastic_net", "ols", "pcr", "pls", "bayesian_ridge", "pca"} <= found.keys()
    ridge = {h["name"]: h for h in found["ridge"]["hyperparameters"]}
    assert ridge["alpha"]["range"]["log"]
    assert (ridge["alpha"]["needs_pass"], ridge["precision"]["needs_pass"]) == (False, True)
    words = ask("algorithms", "ridge").out
    assert ridge.keys() <= set(words.split())
    assert "each value reads the data again" in " ".join(words.split())
    answer = ask("algorithms", "rigde")
    assert answer.code == 2
    assert "did you mean 'ridge'" in answer.err


@pytest.mark.parametrize("width", [80, 140])
def test_the_overview_of_the_algorithms_fits_the_terminal(ask, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    listed = {a["name"]: a for a in ask("algorithms", "--json").json}
    shown = ask("algorithms").out.splitlines()
    assert max(map(len, shown)) <= width
    assert len(shown) <= 2 * len(listed) + 10
    assert "hpo algorithms NAME" in shown[-1]
    rows = {line.split()[0]: line for line in shown if line.startswith("  ") and line[2:3].strip()}
    places = [list(TASKS).index(listed[name]["task"]) for name in rows]
    assert (sorted(rows), places) == (sorted(listed), sorted(places))
    for name, row in rows.items():
        assert sum(map(int, row.split()[-2:])) == len(listed[name]["hyperparameters"])
    searched = [h["name"] for h in listed["elastic_net"]["hyperparameters"] if h["searched"]]
    assert (", ".join(searched) in rows["elastic_net"]) == (width == 140)
    assert rows["elastic_net"].split()[-3] == ("l1_ratio" if width == 140 else str(len(searched)))


def test_a_database_that_cannot_be_opened_is_a_storage_error(ask):
    answer = ask("studies", "ls", "--storage", "postgresql://me:secret@localhost:1/db")
    assert (answer.code, answer.out) == (3, "")
    assert "secret" not in answer.err


def test_foreign_studies_and_hostile_names_are_shown_harmless(ask, hpo_home, monkeypatch):
    storage = open_storage(hpo_home / "studies.journal")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name = "evil \x1b[31m[red]red[/red]\x07"
    study = optuna.create_study(study_name=name, storage=storage)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    optuna.create_study(study_name="two goals", storage=storage, directions=["minimize", "maximize"])
    for args in (("studies", "ls"), ("studies", "show", name), ("studies", "show", "two goals")):
        answer = ask(*args)
        assert answer.code == 0
        assert "\x1b" not in answer.out
        assert "\x07" not in answer.out
    assert "[red]red[/red]" in ask("studies", "ls").out
    assert ask("report", name).code == 1
    assert "\x1b" not in ask("report", name).err
    answer = ask("studies", "compare", name, "two goals")
    assert (answer.code, "has 2 goals" in answer.err) == (1, True)


def test_a_name_that_a_shell_would_misread_is_quoted(place, ask):
    study = write_study(Path("s.yaml"), place / "data", name="it's [bold] $(x)")
    answer = ask("run", study, "--trials", 2)
    assert "it's [bold] $(x)" in answer.out
    assert """hpo report 'it'"'"'s [bold] $(x)' --html""" in answer.out


def test_whoever_stops_reading_ends_it_quietly(hpo_home):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        command("algorithms"), stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_bug_is_one_line_and_debug_shows_the_traceback(ask, monkeypatch):
    def broken(*_):
        raise RuntimeError("boom\nsecond line")

    monkeypatch.setattr("studies.record.listing.listed", broken)
    answer = ask("studies", "ls")
    assert (answer.code, answer.out) == (70, "")
    assert len(answer.err.splitlines()) == 1
    assert "bug in hpo (RuntimeError: boom)" in answer.err
    assert "HPO_DEBUG=1" in answer.err
    monkeypatch.setenv("HPO_DEBUG", "1")
    assert ask("studies", "ls", traceback=True).code == 70


def test_the_console_script_and_the_module_are_the_same():
    script = Path(sys.executable).with_name("hpo")
    said = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout == shell("--version", fresh=True).out
    assert said.stdout.startswith("hpo ")


def test_init_writes_what_is_searched_of_boosted_trees_or_offers_them(place, ask):
    ask("init", place / "data", "--target", "y", "-o", "plain.yaml")
    assert "\n#   algorithm='auto+trees' tries" in Path("plain.yaml").read_text()
    ask("init", place / "data", "--target", "y", "--algorithm", "auto+trees", "-o", "trees.yaml")
    spec = load("trees.yaml")
    assert any(name.startswith("boosted=sklearn:") for name in spec.algorithm)
    assert {key.partition(".")[0] for key in spec.search} == {"boosted"}
    assert "tries boosted trees too" not in ask("plan", "trees.yaml").out


def test_init_leaves_columns_out(place, ask):
    ask("init", place / "data", "--target", "y", "--drop", "id,kind", "--drop", "x2", "-o", "dropped.yaml")
    assert "\ndrop: [id, kind, x2] " in Path("dropped.yaml").read_text()
    answer = ask("init", place / "data", "--target", "y", "--drop", "nothing", "-o", "other.yaml")
    assert answer.code == 1 and "'nothing'" in answer.err
