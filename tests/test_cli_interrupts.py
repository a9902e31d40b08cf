"""Ctrl-C in a real process, in the pass and in the trials: what was finished is kept, and it continues."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from terminal import FILES, ROWS, Answer, command, shell, write_data, write_study

PLUGIN = """
import os, time
from dataclasses import dataclass
from algorithms.models.ridge import Ridge
from algorithms.summaries.moments import Moments

def slow(what):
    if os.environ.get("SLOW") == what:
        with open(os.environ["MARK"], "a") as mark:
            mark.write("x")
        time.sleep(0.02)

@dataclass(frozen=True)
class SlowMoments(Moments):
    def update(self, state, batch):
        slow("pass")
        return super().update(state, batch)

@dataclass(frozen=True, kw_only=True)
class SlowRidge(Ridge):
    '''Ridge regression that takes its time.'''

    summary: Moments = SlowMoments()

    def solve(self, state):
        slow("trials")
        return super().solve(state)

"""

IDLE = """
from slow_algorithms import SlowRidge

class Idle(SlowRidge):
    task = "idling"
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """An installed package that brings three algorithms by entry points, two of them broken."""
    site = tmp_path / "site"
    info = site / "slow_algorithms-0.1.dist-info"
    info.mkdir(parents=True)
    (site / "slow_algorithms.py").write_text(PLUGIN)
    (site / "idle_algorithms.py").write_text(IDLE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-algorithms\nVersion: 0.1\n")
    points = "[hpo.algorithms]\nslow_ridge = slow_algorithms:SlowRidge\nbroken = slow_algorithms:Gone\n"
    points += "idle = idle_algorithms:Idle\n"
    (info / "entry_points.txt").write_text(points)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    monkeypatch.setenv("MARK", str(tmp_path / "mark"))
    monkeypatch.chdir(tmp_path)


def interrupted(mark: Path, after: int, *args: object, slow: str) -> Answer:
    """Run a command, and press Ctrl-C once it has made so many slow steps."""
    child = subprocess.Popen(
        command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "SLOW": slow}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    while child.poll() is None and (not mark.exists() or mark.stat().st_size < after):
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    return Answer(child.returncode, out, err)


def test_algorithms_of_other_packages_are_listed_and_a_broken_one_says_so(plugin):
    found = {a["name"]: a for a in shell("algorithms", "--json", fresh=True).json}
    assert found["slow_ridge"]["about"] == "Ridge regression that takes its time."
    assert not found["slow_ridge"]["built_in"]
    assert "slow-algorithms" in found["broken"]["error"]
    assert "Idle.task is a tag: write tags" in found["idle"]["error"]
    shown = " ".join(shell("algorithms", env={"COLUMNS": "200"}).out.split())
    assert "Ridge regression that takes its time, from slow_algorithms:SlowRidge" in shown
    assert "broken: algorithm 'broken'" in shown


def test_ctrl_c_in_the_pass_keeps_finished_segments(plugin, tmp_path):
    data = write_data(tmp_path / "data")
    study = write_study(tmp_path / "my study.yaml", data, algorithm="slow_ridge", n_jobs=1)
    stopped = interrupted(tmp_path / "mark", 8, "run", study, "--trials", 9, slow="pass")
    assert (stopped.code, stopped.out) == (130, "")
    assert stopped.err.startswith("interrupted: stopped after 1 of 3 segments")
    assert f"Continue with: hpo run '{study}' --resume --trials 9" in stopped.err
    assert len(stopped.err.splitlines()) == 1
    again = shell("run", study, "--resume", "--trials", 9, "--json").json
    kept = again["cost"]["states_reused"]
    assert kept >= 1
    assert again["cost"]["rows_read"] == (FILES - kept) * ROWS
    assert again["trials"] == 9


def test_ctrl_c_in_the_trials_keeps_them(plugin, tmp_path):
    data = write_data(tmp_path / "data")
    study = write_study(tmp_path / "s.yaml", data, algorithm="slow_ridge", trials=500)
    stopped = interrupted(tmp_path / "mark", 20, "run", study, "--json", slow="trials")
    assert stopped.code == 130
    assert stopped.json["stopped"] == "interrupted"
    done = stopped.json["trials"]
    assert 1 <= done < 500
    assert stopped.err.splitlines() == [
        f"interrupted: {done} of 500 trials are done, and kept. Continue with: hpo run {study} --resume"
    ]
    assert [row["trials"] for row in shell("studies", "ls", "--json").json] == [done]
    again = shell("run", study, "--resume", "--trials", done + 3, "--json").json
    assert (again["trials"], again["cost"]["rows_read"]) == (done + 3, 0)


BEGINS = """
import sys, onepass_hpo

class Begins:
    def find_spec(self, name, *_):
        if name == "hpo":
            print(flush=True)

sys.meta_path.insert(0, Begins())
onepass_hpo.main()
"""


@pytest.mark.parametrize("after", [0.0, 0.01, 0.03, 0.1, 0.2])
def test_ctrl_c_while_it_is_imported_is_a_sentence(after):
    child = subprocess.Popen(
        [sys.executable, "-c", BEGINS, "algorithms"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    child.stdout.readline()
    time.sleep(after)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    if child.returncode:  # else it was done before
        assert (child.returncode, out) == (130, "")
        assert err.startswith("interrupted: ") and len(err.splitlines()) == 1


LOST = """
import signal, typer
from hpo.cli.guard import guarded
from hpo.process.interrupts import came, remember, stop_on_interrupt

remember()
print(came())
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    pass  # as what is imported may do
try:
    with stop_on_interrupt():
        print("ran")
except KeyboardInterrupt:
    print("stopped")

def wrapped():
    raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()

try:
    guarded(wrapped)()
except typer.Exit as end:
    print(end.exit_code)
"""


def test_a_ctrl_c_that_is_swallowed_or_wrapped_stops_all_the_same():
    done = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "stopped", "130"]
    assert done.stderr.startswith("interrupted: ") and "bug" not in done.stderr


def test_who_is_to_ignore_ctrl_c_does():
    ignoring = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + LOST.partition("print(came())")[0]
    code = ignoring + "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60).split() == ["True"]
