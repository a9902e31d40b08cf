"""What a person gets wrong: one message that names it and what to do, an exit code, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from terminal import FILES, hpo, shell, write_data, write_study

from studies.spec.form import load


@pytest.fixture
def ask(capsys, monkeypatch):
    return lambda *args, **more: hpo(capsys, monkeypatch, *args, **more)


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_data(tmp_path / "data")


BAD = {
    "unknown key": ("trails: 5", "line 6: ", "did you mean 'trials'?"),
    "twice": ("trials: 5", "line 6: ", "trials"),
    "no number": ("seed: many", "line 6: ", "seed"),
    "unknown parameter": ("search:\n  ridge.alhpa: [1]", "line 7: ", "did you mean 'alpha'?"),
    "algorithm not asked for": (
        "search:\n  lasso.alpha: [1]",
        "line 7: ",
        "not among this study's algorithms",
    ),
    "upside down": ("search:\n  ridge.alpha: {low: 5, high: 1}", "line 7: ", "greater than high"),
    "value it cannot take": ("search:\n  ridge.alpha: [-1.0]", "", "alpha"),
    "no metric": ("scoring: r3", "line 6: ", "did you mean 'r2'?"),
    "no sampler": ("sampler: tpee", "line 6: ", "did you mean 'tpe'?"),
    "no YAML": ("search: {ridge.alpha: [1", "line ", ""),
    "a tab": ("search:\n\tridge.alpha: 1", "line 7: ", ""),
}


@pytest.mark.parametrize(("text", "line", "words"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_mistakes_in_the_file_name_line_and_key(ask, data, command, text, line, words):
    study = write_study(Path("s.yaml"), data, text)
    answer = ask(command, study)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ")
    assert line in answer.err
    assert words in answer.err


def test_every_mistake_is_reported_at_once(ask, data):
    study = write_study(
        Path("s.yaml"), data, "search: {ridge.alfa: 1, ridge.tool: 2}", algorithm=["ridge", "laso"]
    )
    said = ask("plan", study).err
    assert "3 problems" in said
    for words in ("did you mean 'lasso'", "'alfa'", "'tool'"):
        assert words in said


def test_a_metric_that_needs_rows_plans_a_sample_of_them(ask, data):
    answer = ask("plan", write_study(Path("s.yaml"), data, scoring="neg_mean_absolute_error"))
    assert answer.code == 0
    assert "Sample(size=4096)" in answer.out
    assert "mean absolute error; 5 random folds (seed 0)" in " ".join(answer.out.split()), "as people say it"


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"data": "gone/*.parquet"}, 1, "gone"),
        ({"target": "yy"}, 1, "did you mean 'y'?"),
        ({"target": "kind"}, 1, "only a number"),
        ({"target": None}, 1, "predicts one target"),
        ({"drop": ["nothing"]}, 1, "nothing"),
        ({"folds": {"scheme": "group", "column": "gruop"}}, 1, "gruop"),
        ({"name": "a/b"}, 2, "study name"),
        ({"name": "\x1b[31mred"}, 2, "study name"),
        ({"storage": "nosuch://x"}, 3, "nosuch"),
        ({"store": "s3://bucket/x"}, 3, "s3://bucket/x"),
        ({"warm_start": "nothing-such", "name": "s"}, 1, "nothing-such"),
    ],
)
def test_what_cannot_be_done_is_said(ask, data, fields, code, words):
    answer = ask("run", write_study(Path("s.yaml"), data, **fields), "--json")
    assert answer.code == code, answer.err
    assert words in answer.err
    assert "\x1b" not in answer.err
    assert answer.err.startswith("error: ")


def test_files_that_are_no_studies(ask, data):
    Path("empty.yaml").touch()
    Path("binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("gone.yaml", "empty.yaml", "binary.yaml", "."):
        answer = ask("plan", name)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith(f"error: {name}")


def test_damaged_data_is_named_and_the_good_part_is_kept(ask, data):
    study = write_study(Path("s.yaml"), data)
    file = data / "part-1.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    answer = ask("run", study)
    assert (answer.code, answer.out) == (1, "")
    assert "part-1.parquet" in answer.err
    file.write_bytes(whole)
    assert ask("run", study, "--json").json["cost"]["rows_read"] > 0


def test_init_refuses_to_replace_and_plan_takes_what_it_wrote(ask, data):
    first = ask("init", data)
    assert (first.code, load("study.yaml").target) == (0, "y")
    assert "guess" in first.err
    Path("study.yaml").write_text("mine")
    refused = ask("init", data, "--target", "x0")
    assert refused.code == 2
    assert "--force" in refused.err
    assert Path("study.yaml").read_text() == "mine"
    made = ask("init", data, "--target", "x0", "--force", "--json").json
    assert (made["target"], made["file"], len(made["columns"])) == ("x0", "study.yaml", 6)
    assert ask("plan", "study.yaml").code == 0
    assert ask("init", data, "-o", "-", "--target", "y").out.startswith("# A study")


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("gone.csv",), 1, "gone.csv"),
        (("data", "--target", "yy"), 1, "did you mean 'y'?"),
        (("data", "--target", "kind", "--algorithm", "ridge"), 1, "only a number"),
        (("data", "--algorithm", "rigde"), 2, "did you mean 'ridge'?"),
        (("data", "--algorithm", "ridge", "--algorithm", "pca"), 1, "two studies"),
        (("data", "--name", "a/b"), 2, "study name"),
        (("data", "-o", "no/such/study.yaml"), 1, "cannot be written"),
        (("data", "-o", "-", "--json"), 2, "standard output"),
    ],
)
def test_init_says_what_it_cannot_do(ask, data, args, code, words):
    answer = ask("init", *args)
    assert (answer.code, answer.out) == (code, "")
    assert words in answer.err
    assert not Path("study.yaml").exists()


def test_init_survives_hostile_columns_and_names(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame(
        {"a: b # c": [1.0, 2.0, 3.0] * 5, "x\n- y": ["p", "q: r", "'"] * 5, "null": range(15)}
    )
    frame["lists"] = [[1, 2]] * 15
    folder = tmp_path / "a directory with a long name and # signs: [x]"
    folder.mkdir()
    frame.to_parquet(folder / "part one.parquet")
    assert ask("init", folder / "part one.parquet", "--target", "null").code == 0
    spec = load("study.yaml")
    assert (spec.target, spec.drop, spec.data) == ("null", ("lists",), (str(folder / "part one.parquet"),))
    planned = ask("plan", "study.yaml", "--json")
    assert (planned.code, planned.json["rows"]) == (0, 15)


def test_warnings_are_one_line(data):
    study = write_study(Path("s.yaml"), data)
    assert shell("run", study, "--json").code == 0
    store = Path(shell("studies", "show", "s", "--json").json["store"])
    leaves = [p for p in (store / "leaves").rglob("*") if p.is_file()]
    leaves[0].write_bytes(b"damaged")
    again = shell("run", study, "--resume", "--json")
    assert again.code == 0
    assert again.json["cost"]["states_reused"] == FILES - 1
    assert [line.partition(": ")[0] for line in again.err.splitlines()] == ["warning"]
