"""What is seen while a study runs: bars on a terminal, lines elsewhere, nothing where it is asked to be quiet."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest
from rich.console import Console
from sklearn.datasets import load_diabetes
from terminal import hpo as ask
from terminal import write_data, write_study

import hpo
from hpo.process import progress as shown
from hpo.process.progress import LineProgress, Progress, RichProgress, progress_of


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr(shown, "FIRST", 0.02)
    monkeypatch.setattr(shown, "EVERY", 0.02)


def slow(monkeypatch, seconds=0.02):
    from hpo.trials.scorer import Scorer

    made = Scorer.attempt
    monkeypatch.setattr(Scorer, "attempt", lambda self, setting: (time.sleep(seconds), made(self, setting))[1])


def tune(**options):
    given = {"algorithm": "ridge", "trials": 10, "store": None, "scoring": "neg_root_mean_squared_error"} | options
    return hpo.tune(load_diabetes(return_X_y=True), **given)


def test_without_a_terminal_there_is_a_line_now_and_then(often, monkeypatch, capsys):
    slow(monkeypatch)
    tune()
    lines = capsys.readouterr().err.splitlines()
    assert all(line.endswith(")") and " (after " in line for line in lines)
    counts = [int(n) for line in lines for n in re.findall(r"^trials: (\d+) of 10", line)]
    assert len(counts) >= 3 and counts == sorted(counts)
    assert any(re.search(r"best RMSE \d", line) for line in lines)


def test_short_work_says_nothing(capsys):
    tune()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("word", ["--quiet", "-q", "--no-progress"])
def test_quiet_is_silent(often, monkeypatch, capsys, tmp_path, word):
    slow(monkeypatch)
    study = write_study(tmp_path / "s.yaml", write_data(tmp_path / "data"))
    loud = ask(capsys, monkeypatch, "run", study, "--json")
    assert "trials: " in loud.err and loud.json["trials"] == 8
    quiet = ask(capsys, monkeypatch, "run", study, "--resume", "--trials", 12, word)
    assert (quiet.code, quiet.err) == (0, "")


def test_the_first_line_comes_while_the_data_is_looked_at(often, monkeypatch, capsys):
    from hpo.trials.run import Runner

    made = Runner._pilot
    monkeypatch.setattr(Runner, "_pilot", lambda self: (time.sleep(0.1), made(self))[1])
    tune()
    assert capsys.readouterr().err.startswith("looking at the data (after ")


def test_the_bar_is_there_from_the_beginning_and_its_best_has_the_sign_that_people_use():
    out = io.StringIO()
    with RichProgress(Console(file=out, force_terminal=True, width=100)) as bar:
        bar.prepare("looking at the data")
        bar._bars.refresh()
        assert "looking at the data" in out.getvalue()
        bar.metric = "neg_root_mean_squared_error"
        bar.begin_trials(3, 0)
        bar.trial(-2.5)
        bar._bars.refresh()
    assert "1 of 3, best RMSE 2.5" in out.getvalue()


def test_which_is_shown(monkeypatch):
    assert [type(progress_of(asked)) for asked in (True, False, None)] == [RichProgress, Progress, LineProgress]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert type(progress_of(None)) is RichProgress


def test_nobody_needs_to_read_the_lines(often, monkeypatch):
    slow(monkeypatch)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    with LineProgress():
        time.sleep(0.1)
