"""Several processes that run one study at the same time run its trials once, in all as many as were asked for."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import forked
import numpy as np
import optuna
import pytest
from optuna.storages import RDBStorage

import hpo
from studies.record import journal_lines, write_behind
from studies.record.claims import CLAIMS, Claims
from studies.record.journal import JournalFile
from studies.record.storage import open_storage

KILLS = int(os.environ.get("HPO_CHAOS", "1"))
TRIALS, PROCESSES = 30, 4

RUN = """
import json, pathlib, sys, time
import numpy as np
import hpo
from hpo.trials.tuner import Tuner

where, sampler, begin, slow = sys.argv[1:5]
one = Tuner.propose

def mark(name):
    with pathlib.Path(begin).with_name(name).open("a") as file:
        file.write("x")

def slowly(self, turn):
    mark("trials")
    time.sleep(float(slow))
    return one(self, turn)

Tuner.propose = slowly
X = np.random.default_rng(0).normal(size=(200, 3))
mark("ready")
while pathlib.Path(begin).stat().st_size < int(sys.argv[5]):
    time.sleep(0.005)
r = hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=int(sys.argv[6]), folds=3, n_jobs=1, name="s", storage=where,
             store=pathlib.Path(begin).with_name("store"), sampler=sampler, progress=False)
print(json.dumps([len(r.optuna_study.trials), r.best.number, r.best_value]))
"""


@pytest.fixture(params=["journal", "sqlite", "postgres"])
def where(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres").database()
    return f"{tmp_path}/s.journal" if request.param == "journal" else f"sqlite:///{tmp_path}/s.db"


def together(tmp_path, where, sampler="auto", slow=0.02, count=PROCESSES, trials=TRIALS):
    args = [where, sampler, tmp_path / "ready", slow, count, trials]
    line = [sys.executable, "-W", "error", "-c", RUN, *map(str, args)]
    return [forked.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(count)]


def stored(where):
    storage = open_storage(where)
    study_id = storage.get_study_id_from_name("s")
    return storage.get_all_trials(study_id), storage.get_study_system_attrs(study_id)[CLAIMS]["open"]


def settings(trials):
    return {json.dumps(trial.params, sort_keys=True) for trial in trials}


@pytest.mark.parametrize("where", ["journal", "sqlite"], indirect=True)
@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_together_they_run_what_was_asked_and_all_return_it(tmp_path, where, sampler):
    running = together(tmp_path, where, sampler)
    said = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES, said
    trials, claimed = stored(where)
    assert (len(trials), claimed) == (TRIALS, {})
    assert (tmp_path / "trials").stat().st_size == TRIALS
    assert len(settings(trials)) == TRIALS, "no two have tried the same"
    results = [json.loads(out) for out, _ in said]
    assert results == [results[0]] * PROCESSES, "each has them all, by the numbers that are stored"
    best = max(trials, key=lambda trial: (trial.value, -trial.number))
    assert results[0] == [TRIALS, best.number, best.value]
    if sampler == "random":
        X = np.random.default_rng(0).normal(size=(200, 3))
        alone = hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=TRIALS, folds=3, sampler=sampler, store=tmp_path / "a")
        assert settings(alone.optuna_study.trials) == settings(trials), "those that one process tries"


FORK = RUN.replace("Tuner.propose = slowly\n", """
import os

rows = np.random.default_rng(1).normal(size=(60, 2))
hpo.tune((rows, rows[:, 0]), algorithm="ridge", trials=2, folds=3, n_jobs=1, storage=where + "-warm" * (":" not in where),
         store=pathlib.Path(begin).with_name("warm"), progress=False)
child = next((i for i in range(int(sys.argv[5])) if os.fork() == 0), None)  # all is imported: they begin as one
if child is None:
    sys.exit(max(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(int(sys.argv[5]))))
Tuner.propose = slowly
""", 1).replace("print(json", "os.write(1, b'%s\\n' % json").replace("best_value]))", "best_value]).encode())")


def test_eight_that_begin_at_the_same_moment_lose_no_trial_and_run_none_twice(tmp_path, where):
    count = 64 if where.endswith("journal") else 16  # which a database takes as long for
    args = [where, "auto", tmp_path / "ready", 0, 8, count]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-W", "error", "-c", FORK, *map(str, args)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=240, env=env)
    assert done.returncode == 0, done.stderr
    trials, claimed = stored(where)
    assert (len(trials), claimed) == (count, {})
    assert [trial.number for trial in trials] == list(range(count))
    assert (tmp_path / "trials").stat().st_size == count
    assert len(settings(trials)) == count
    said = done.stdout.splitlines()
    assert len(said) == 8
    assert len(set(said)) == 1


@pytest.mark.parametrize("kill", range(max(1, KILLS // 20)))
def test_what_a_killed_process_claimed_is_run_by_the_others(tmp_path, where, kill):
    running = together(tmp_path, where, slow=0.1)
    done = tmp_path / "trials"
    while not done.exists() or done.stat().st_size < PROCESSES + 2 + 3 * kill:
        time.sleep(0.01)
    running[0].send_signal(signal.SIGKILL)
    said = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [-9] + [0] * (PROCESSES - 1), "\n".join(err for _, err in said)
    trials, claimed = stored(where)
    assert (len(trials), claimed) == (TRIALS, {})
    assert done.stat().st_size <= TRIALS + PROCESSES
    print(f"1 of {PROCESSES} processes killed: {len(trials)} trials stored, {done.stat().st_size} run")


def test_a_study_that_was_killed_goes_on_as_if_it_was_not(tmp_path):
    where = str(tmp_path / "s.journal")
    [running] = together(tmp_path, where, "random", slow=0.1, count=1)
    while not (tmp_path / "trials").exists() or (tmp_path / "trials").stat().st_size < 8:
        time.sleep(0.01)
    running.kill()
    running.communicate()
    [again] = together(tmp_path, where, "random", slow=0, count=1)
    assert again.communicate(timeout=240)[1] == ""
    X = np.random.default_rng(0).normal(size=(200, 3))
    alone = hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=TRIALS, folds=3, sampler="random", store=tmp_path / "a")
    assert [t.params for t in stored(where)[0]] == [t.params for t in alone.optuna_study.trials]


def test_who_made_a_study_too_late_misses_no_line_of_the_others(tmp_path):
    """What is gathered for a journal and then not written was counted as read: the next line was passed over."""
    early, late = open_storage(tmp_path / "j"), open_storage(tmp_path / "j")
    study_id = early.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "s")
    with pytest.raises(optuna.exceptions.DuplicatedStudyError), late.together():
        late.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "s")
    for value in (1.0, 2.0):
        early.create_new_trial(study_id, optuna.trial.create_trial(value=value))
    assert [trial.value for trial in late.get_all_trials(study_id)] == [1.0, 2.0]
    assert late.create_trials(study_id, [optuna.trial.create_trial(value=3.0)]) == [2]
    assert early.get_n_trials(study_id) == 3


@pytest.fixture
def storage(where):
    storage = open_storage(where)
    storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "s")
    return storage


def test_claims_of_another_machine_count_until_they_do_not_change_for_long(storage, monkeypatch):
    study_id = storage.get_study_id_from_name("s")
    far = {"trials": 4, "pid": 1, "host": "far away"}
    storage.set_study_system_attr(study_id, CLAIMS, {"next": 4, "open": {"it": far, "broken": {"trials": "x"}, "old": 3}})
    claims = Claims(storage, study_id)
    assert claims.claim(10, 10).turns == range(4, 7), "a fair share of what is left"
    clock = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: clock + 61.0)
    assert claims.claim(10, 10).turns == range(10)
    claims.release()
    assert storage.get_study_system_attrs(study_id)[CLAIMS]["open"] == {}


def test_a_claim_is_renewed_while_its_trial_runs_so_that_another_machine_does_not_run_it(tmp_path, monkeypatch):
    """A trial of more than GRACE seconds is not taken for one of a process that is gone."""
    monkeypatch.setattr("studies.record.claims.RENEWED", 0.05)
    monkeypatch.setattr("studies.record.claims.GRACE", 0.6)
    where, study = str(tmp_path / "a.journal"), [optuna.study.StudyDirection.MAXIMIZE]
    storage = open_storage(where)
    number = storage.create_new_study(study, "s")
    with write_behind.WriteBehind(storage, "s") as writer:
        assert writer.claim(1, 1).turns == range(1)
        monkeypatch.setattr("studies.record.claims.socket.gethostname", lambda: "elsewhere")
        other = Claims(open_storage(where), number)
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            assert other.claim(1, 1).waiting
            time.sleep(0.1)
    assert other.claim(1, 1).turns == range(1)  # it was let go


def test_a_process_waits_for_those_that_run_what_is_left(storage):
    study_id = storage.get_study_id_from_name("s")
    one, other = Claims(storage, study_id), Claims(storage, study_id)
    assert one.claim(5, 5).turns == range(5)
    assert (other.claim(5, 5).turns, other.claim(5, 5).waiting) == (range(0), True)
    one.release()
    assert other.claim(5, 5).turns == range(5)
    for _ in range(5):
        storage.create_new_trial(study_id, optuna.trial.create_trial(value=1.0))
    assert (one.claim(5, 5).turns, one.claim(5, 5).waiting) == (range(0), False)


def test_a_full_disk_costs_no_time(tmp_path, monkeypatch):
    looked, tried = [], []
    real = journal_lines.read
    monkeypatch.setattr("studies.record.journal.read", lambda *args: looked.append(1) or real(*args))
    monkeypatch.setattr(write_behind, "BEHIND", 0.0)
    write = JournalFile._write

    def full(self, lines, **options):
        if b'"datetime_start"' in b"".join(lines) and len(tried) >= 3:
            tried.append(len(lines))
            raise OSError(28, "No space left on device")
        tried.append(0)
        write(self, lines, **options)

    monkeypatch.setattr(JournalFile, "_write", full)
    X = np.random.default_rng(0).normal(size=(200, 3))
    with pytest.warns(hpo.errors.RecordWarning if hasattr(hpo.errors, "RecordWarning") else Warning, match="No space left"):
        result = hpo.tune((X, X[:, 0]), algorithm="ridge", trials=600, folds=3, name="s", storage=tmp_path / "j", store=tmp_path / "s")
    assert len(result.optuna_study.trials) == 600
    assert len(looked) <= 3 * len(Path(tmp_path / "j").read_text().splitlines()) + 20, "no line is read again for a failed try"
    assert sum(tried) <= 10 * 600


@pytest.mark.parametrize("whole_seconds", [False, True])
@pytest.mark.parametrize("name", ["create_new_trial", "get_trial_number_from_id"])
def test_a_trial_is_stored_once_where_a_database_keeps_it_and_loses_the_answer(tmp_path, monkeypatch, name, whole_seconds):
    """The server stops when it has committed: the trial was written again, and was there twice.

    MySQL rounds times to seconds.
    """
    create = RDBStorage.create_new_trial

    def rounded(self, study_id, template_trial=None):
        if template_trial is not None and whole_seconds:
            template_trial = copy.copy(template_trial)
            for when in ("datetime_start", "datetime_complete"):
                given = getattr(template_trial, when) + timedelta(seconds=0.5)
                setattr(template_trial, when, given.replace(microsecond=0))
        return create(self, study_id, template_trial)

    monkeypatch.setattr(RDBStorage, "create_new_trial", rounded)
    real, calls = getattr(RDBStorage, name), iter(range(1000))

    def lost(self, *args, **options):
        found = real(self, *args, **options)
        if next(calls) == 5:
            raise OSError("the connection was closed")
        return found

    monkeypatch.setattr(RDBStorage, name, lost)
    X = np.random.default_rng(0).normal(size=(60, 3))
    where = f"sqlite:///{tmp_path}/s.db"
    result = hpo.tune((X, X[:, 0]), algorithm="ridge", trials=12, folds=3, name="s", storage=where, store=tmp_path / "s")
    stored = open_storage(where)
    trials = stored.get_all_trials(stored.get_study_id_from_name("s"))
    assert [trial.params for trial in trials] == [trial.params for trial in result.optuna_study.trials]
    assert next(calls) > 6, "it was lost once"
