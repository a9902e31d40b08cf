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
from hpo.process import shown
from hpo.process.bars import RichProgress
from hpo.process.progress import Progress
from hpo.process.shown import LineProgress, progress_of


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
    from hpo.trials.by_reading import ByReading

    made = ByReading.pilot
    monkeypatch.setattr(ByReading, "pilot", lambda *given: (time.sleep(0.1), made(*given))[1])
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


def test_a_function_is_called_with_every_step_and_what_it_raises_ends_the_study():
    steps = []
    result = tune(trials=7, progress=steps.append)
    whats = list(dict.fromkeys(step.what for step in steps))
    assert whats[0] == "looking at the data" and whats[-2:] == ["reading", "trials"]
    read = [step for step in steps if step.what == "reading"]
    assert read[-1].rows == 442 and read[-1].done == read[-1].of > 0
    trials = [step for step in steps if step.what == "trials"]
    assert [(step.done, step.of) for step in trials] == [(n, 7) for n in range(8)]
    assert trials[0].best is None and trials[-1].best == result.best_value

    def stop(step):
        if step.done == 3 and step.what == "trials":
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        tune(trials=7, progress=stop)


NOTEBOOK = """
import time, hpo
from sklearn.datasets import load_diabetes
from hpo.trials.scorer import Scorer
made = Scorer.attempt
Scorer.attempt = lambda self, setting: (time.sleep(SECONDS), made(self, setting))[1]
result = hpo.tune(load_diabetes(return_X_y=True), algorithm="ridge", trials=20, store=None)
"""


def shown_in_a_notebook(code, monkeypatch):
    """Return what a cell shows at its end, and every piece of HTML that it showed meanwhile."""
    from nbclient import NotebookClient
    from nbformat import v4

    seen = []
    client = NotebookClient(v4.new_notebook(cells=[v4.new_code_cell(code)]), timeout=120, kernel_name="python3")
    take = client.process_message

    def watch(msg, cell, cell_index):
        seen.append(msg["content"].get("data", {}).get("text/html", ""))
        return take(msg, cell, cell_index)

    client.process_message = watch
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONWARNINGS", "ignore:IProgress not found")  # of tqdm, which Optuna imports
        client.execute()
    return client.nb.cells[0].outputs, [html for html in seen if html]


def test_a_notebook_shows_a_bar_while_a_study_runs_and_keeps_nothing_of_it(monkeypatch):
    outputs, seen = shown_in_a_notebook(NOTEBOOK.replace("SECONDS", "0.1"), monkeypatch)
    counts = [int(n) for html in seen for n in re.findall(r'<progress value="(\d+)" max="20"', html)]
    assert len(counts) >= 3 and counts == sorted(counts) and counts[-1] > 5
    assert [out.output_type for out in outputs] == ["display_data"] and outputs[0].data["text/html"] == ""


def test_short_work_shows_no_bar_in_a_notebook(monkeypatch):
    assert shown_in_a_notebook(NOTEBOOK.replace("SECONDS", "0"), monkeypatch) == ([], [])
