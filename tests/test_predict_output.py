"""``hpo predict -o`` writes to no file that the study would read: not its own, and none that it would take in later."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from terminal import hpo as run

import hpo


def table(path, n=60):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"x": np.arange(n) % 7, "y": np.arange(n) % 5}).to_csv(path, index=False)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A directory in which studies were tuned, by paths relative to it, and another in which rows are predicted."""
    monkeypatch.chdir(tmp_path)
    for name in ("data/a.csv", "data/2024/b.csv", "one.csv", "new/rows.csv"):
        table(tmp_path / name)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link.csv").symlink_to("one.csv")
    (tmp_path / "linked").symlink_to("data")
    return tmp_path


def predict(home, capsys, monkeypatch, output):
    places = ("--storage", home / "journal", "--store", home / "store")
    return run(capsys, monkeypatch, "predict", "s", home / "new/rows.csv", "-o", output, *places)


REFUSED = [
    ("one.csv", "one.csv"), ("one.csv", "./data/../one.csv"), ("one.csv", "link.csv"), ("link.csv", "one.csv"),
    ("data", "data/p.csv"), ("data", "data/deep/p.parquet"), ("data", "linked/p.csv"), ("linked", "data/p.csv"),
    ("data/*.csv", "data/p.csv"), ("data/**/*.csv", "data/2024/p.csv"), ("data/**/*.csv", "linked/2024/p.csv"),
    ("*.csv", "p.csv"), (["one.csv", "data"], "data/p.csv"), ("data/20*", "data/2024/p.csv"), (".", "new/p.csv"),
    ("data/?.csv", "data/p.csv"), ("data/[a-p].csv", "data/p.csv"),
]  # fmt: skip
WRITTEN = [
    ("one.csv", "two.csv"), ("data", "p.csv"), ("data/*.csv", "data/p.parquet"), ("data/*.csv", "data/2024/p.csv"),
    ("data/*.csv", "p.csv"), ("data", "database/p.csv"), ("data", "data/_old/p.csv"), ("data/?.csv", "data/pp.csv"),
    ("data/**/*.csv", "data/.tmp/p.csv"),
]  # fmt: skip


@pytest.mark.parametrize("where", ["here", "elsewhere", "absolute"])
@pytest.mark.parametrize(("data", "output"), REFUSED)
def test_what_would_be_read_is_refused(home, capsys, monkeypatch, where, data, output):
    items = [data] if isinstance(data, str) else data
    items = [str(home / item) for item in items] if where == "absolute" else items
    ask = {"trials": 1, "progress": False, "store": home / "store", "storage": f"{home / 'journal'}"}
    monkeypatch.setattr("hpo.data.sources.links.warnings.warn", lambda *_, **__: None)
    hpo.tune(items if len(items) > 1 else items[0], "y", "ols", name="s", **ask)
    before = {p: p.read_bytes() for p in home.rglob("*.csv")}
    (home / output).parent.mkdir(parents=True, exist_ok=True)
    if where != "here":
        monkeypatch.chdir(home / "elsewhere")
    found = predict(home, capsys, monkeypatch, output if where == "here" else home / output)
    assert found.code == 2 and "is in the data of study 's'" in found.err and "write to a file elsewhere" in found.err
    assert before == {p: p.read_bytes() for p in home.rglob("*.csv")}


@pytest.mark.parametrize(("data", "output"), WRITTEN)
def test_what_would_not_be_read_is_written(home, capsys, monkeypatch, data, output):
    ask = {"trials": 1, "progress": False, "store": home / "store", "storage": f"{home / 'journal'}"}
    hpo.tune(data, "y", "ols", name="s", **ask)
    (home / output).parent.mkdir(parents=True, exist_ok=True)
    assert predict(home, capsys, monkeypatch, output).code == 0
    assert hpo.tune(data, "y", "ols", name="s", **ask).cost.rows_read == 0


@pytest.mark.parametrize("output", ["file:///tmp/p.csv", "s3://bucket/p.csv"])
def test_an_address_is_refused_as_one(home, capsys, monkeypatch, output):
    table(home / "t.csv")
    hpo.tune("t.csv", "y", "ridge", trials=1, name="s", storage=home / "journal", store=home / "store")
    shown = predict(home, capsys, monkeypatch, output)
    assert shown.code == 2 and "is an address; give the path of a file on this machine" in " ".join(shown.err.split())


def test_of_data_in_memory_anything_is_written(home, capsys, monkeypatch):
    ask = {"trials": 1, "progress": False, "store": home / "store", "storage": f"{home / 'journal'}"}
    hpo.tune(pd.read_csv("one.csv"), "y", "ols", name="s", **ask)
    assert predict(home, capsys, monkeypatch, "one.csv").code == 0


def test_rows_written_in_another_way_than_the_studys_are_predicted_once_the_way_is_given(home, capsys, monkeypatch):
    places = ("--storage", home / "journal", "--store", home / "store")
    hpo.tune(
        "data/a.csv", "y", algorithm="ridge", trials=2, name="s", storage=str(home / "journal"), store=str(home / "store")
    )
    rows = pd.DataFrame({"x": [0.5, 2.25], "y": [1, 2]})
    rows.to_csv(home / "plain.csv", index=False)
    rows.to_csv(home / "other.csv", index=False, sep=";", decimal=",", encoding="utf-16")
    how = ("--sep", ";", "--decimal", ",", "--encoding", "utf-16")
    assert run(capsys, monkeypatch, "predict", "s", home / "plain.csv", "-o", home / "p.csv", *places).code == 0
    assert run(capsys, monkeypatch, "predict", "s", home / "other.csv", "-o", home / "o.csv", *how, *places).code == 0
    assert (home / "p.csv").read_text() == (home / "o.csv").read_text()

    for option, value in (("--sep", ";;"), ("--decimal", "5"), ("--encoding", "utf-99")):
        ended = run(capsys, monkeypatch, "predict", "s", home / "other.csv", "-o", home / "o.csv", option, value, *places)
        assert ended.code == 2
        assert f"{option} {value!r}" in ended.err
