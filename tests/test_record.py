"""Trials in storages: every one once, in order, whatever happens to the process or the disk."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path

import forked
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from studies.errors import RecordWarning, StorageError, StudyMissing, StudyTaken
from studies.record.file_storage import FileStorage
from studies.record.records import begin, load_study
from studies.record.rows import list_studies
from studies.record.storage import delete_study, open_storage
from studies.record.study_record import StudyRecord
from studies.record.write_behind import WriteBehind

RECORD = StudyRecord({"data": "x.csv", "algorithm": ["ridge", "pca"], "folds": 5})


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(params=["journal", "sqlite"])
def where(request, tmp_path):
    return (
        str(tmp_path / "new" / "a.journal")
        if request.param == "journal"
        else f"sqlite:///{tmp_path}/new/a.db"
    )


def start(storage, name="s", record=RECORD):
    return begin(storage, name, direction="maximize", record=record)


def grow(study, n, writer=None):
    for _ in range(n):
        trial = study.ask()
        x = trial.suggest_float("ridge.alpha", 1e-6, 1e6, log=True)
        trial.suggest_categorical("algorithm", ["ridge", "pca"])
        trial.set_user_attr("fold_scores", [x, x / 3])
        done = study.tell(trial, -x)
        if writer is not None:
            writer.put(done)


def facts(trials):
    return [(t.number, t.state, t.values, t.params, t.distributions, t.user_attrs) for t in trials]


def test_what_was_run_is_what_is_stored(where):
    storage = open_storage(where)
    study = start(storage)
    with WriteBehind(storage, "s") as writer:
        grow(study, 25, writer)
    again = load_study(open_storage(where), "s")
    assert facts(again.trials) == facts(study.trials)
    assert StudyRecord.of(again.user_attrs, "s") == RECORD
    assert again.direction == study.direction
    assert again.best_value == study.best_value


def test_a_resumed_study_goes_on_with_the_next_number(where):
    for _ in range(3):
        storage = open_storage(where)
        study = start(storage)
        with WriteBehind(storage, "s") as writer:
            grow(study, 7, writer)
    stored = load_study(open_storage(where), "s").trials
    assert facts(stored) == facts(study.trials)
    assert [t.number for t in stored] == list(range(21))


def test_optuna_itself_reads_the_journal(tmp_path):
    storage = open_storage(tmp_path / "a.journal")
    study = start(storage)
    with WriteBehind(storage, "s") as writer:
        grow(study, 5, writer)
    plain = JournalStorage(JournalFileBackend(str(tmp_path / "a.journal")))
    theirs = optuna.load_study(study_name="s", storage=plain)
    assert facts(theirs.trials) == facts(study.trials)
    theirs.add_trial(study.trials[0])
    assert len(load_study(open_storage(tmp_path / "a.journal"), "s").trials) == 6


def test_trials_handed_over_out_of_order_are_stored_in_order(where):
    storage = open_storage(where)
    study = start(storage)
    grow(study, 9)
    with WriteBehind(storage, "s") as writer:
        for i in (3, 1, 0, 2, 8, 7, 5, 6, 4):
            writer.put(study.trials[i])
    assert facts(load_study(open_storage(where), "s").trials) == facts(study.trials)


def test_a_trial_that_never_finished_keeps_its_number_as_failed(where):
    storage = open_storage(where)
    study = start(storage)
    with WriteBehind(storage, "s") as writer:
        grow(study, 2, writer)
        study.ask()
        grow(study, 2, writer)
    stored = load_study(open_storage(where), "s").trials
    assert [t.state for t in stored].count(TrialState.FAIL) == 1
    assert stored[2].state == TrialState.FAIL
    assert stored[4].value == study.trials[4].value


def test_one_trial_is_one_line_of_the_journal_and_many_are_one_write(tmp_path, monkeypatch):
    storage = open_storage(tmp_path / "a.journal")
    study = start(storage)
    before = (tmp_path / "a.journal").read_bytes().count(b"\n")
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(fd), real(fd))[1])
    grow(study, 100)
    with WriteBehind(storage, "s") as writer:
        for trial in study.trials:
            writer.put(trial)
    assert (tmp_path / "a.journal").read_bytes().count(b"\n") - before == 100
    assert len(synced) <= 3


def test_a_study_that_is_faster_than_its_storage_waits_for_it(tmp_path, monkeypatch):
    storage = open_storage(f"sqlite:///{tmp_path}/a.db")
    study, real = start(storage), storage.create_new_trial
    stored = []

    def slow(*args, **kwargs):
        time.sleep(0.05)
        stored.append(real(*args, **kwargs))
        return stored[-1]

    monkeypatch.setattr(storage, "create_new_trial", slow)
    grow(study, 60)
    with WriteBehind(storage, "s") as writer:
        behind = []
        for put, trial in enumerate(study.trials, 1):
            writer.put(trial)
            behind.append(put - len(stored))
    assert len(stored) == 60
    assert max(behind) <= 1.0 / 0.05


def test_trials_behind_one_that_is_not_finished_wait_for_nothing(tmp_path, monkeypatch):
    storage = open_storage(tmp_path / "a.journal")
    study, waited = start(storage), []
    grow(study, 60)
    with WriteBehind(storage, "s") as writer:
        monkeypatch.setattr(writer._written, "wait_for", lambda *a: waited.append(a))
        for trial in [*study.trials[1:], study.trials[0]]:
            writer.put(trial)
    assert not waited[1:]
    assert len(load_study(open_storage(tmp_path / "a.journal"), "s").trials) == 60


def test_a_storage_that_does_not_answer_does_not_stop_the_study(tmp_path, monkeypatch):
    storage = open_storage(f"sqlite:///{tmp_path}/a.db")
    study, real, answer = start(storage), storage.create_new_trial, threading.Event()
    monkeypatch.setattr("studies.record.write_behind.PATIENCE", 0.1)
    monkeypatch.setattr("studies.record.write_behind.LATE", 0.1)
    monkeypatch.setattr(storage, "create_new_trial", lambda *a, **k: (answer.wait(60), real(*a, **k))[1])
    grow(study, 30)
    with WriteBehind(storage, "s") as writer:
        for trial in study.trials:
            writer.put(trial)
        assert not answer.is_set()
        answer.set()
    assert len(load_study(open_storage(f"sqlite:///{tmp_path}/a.db"), "s").trials) == 30


def test_flush_waits_until_everything_is_stored(where):
    storage = open_storage(where)
    study = start(storage)
    with WriteBehind(storage, "s") as writer:
        grow(study, 5, writer)
        writer.set_attribute("cost", {"rows_read": 7})
        assert writer.flush(timeout=60)
        seen = load_study(open_storage(where), "s")
        assert len(seen.trials) == 5
        assert seen.user_attrs["cost"] == {"rows_read": 7}
    assert writer.flush()


def test_another_definition_is_refused_with_the_differences(where):
    storage = open_storage(where)
    start(storage)
    other = StudyRecord({**RECORD.definition, "folds": 10})
    with pytest.raises(StudyTaken, match="folds: 5, now 10") as caught:
        start(open_storage(where), record=other)
    assert "warm_start: s" in str(caught.value)


def test_a_study_made_elsewhere_is_not_taken_over(where):
    storage = open_storage(where)
    optuna.create_study(study_name="s", storage=storage)
    with pytest.raises(StudyTaken, match="not made by this program"):
        start(storage)
    assert len(list_studies(storage)) == 1


def test_studies_are_listed_and_deleted(where):
    storage = open_storage(where)
    for name in ("b", "a"):
        study = start(storage, name)
        with WriteBehind(storage, name) as writer:
            grow(study, 3, writer)
    rows = list_studies(storage)
    assert [(r.name, r.trials, r.algorithms, r.data) for r in rows] == [
        (name, 3, ("ridge", "pca"), ("x.csv",)) for name in ("a", "b")
    ]
    assert rows[1].best == study.best_value or rows[0].best == study.best_value
    delete_study(storage, "a")
    assert [r.name for r in list_studies(open_storage(where))] == ["b"]
    with pytest.raises(StudyMissing, match=r"no study 'bb'.*did you mean 'b'"):
        load_study(storage, "bb")


CHILD = """
import sys, time, optuna
sys.path.insert(0, sys.argv[2])
optuna.logging.set_verbosity(40)
import test_record as t
from studies.record.storage import open_storage
from studies.record.write_behind import WriteBehind
storage = open_storage(sys.argv[1])
study = t.start(storage)
writer = WriteBehind(storage, "s")
print("begun", len(study.trials), flush=True)
while True:
    t.grow(study, 1, writer)
    print(len(study.trials), time.monotonic(), flush=True)
    time.sleep(0.002)
"""


def child(where, *more):
    here = str(Path(__file__).parent)
    return forked.Popen(
        [sys.executable, "-c", CHILD, where, here, *more], stdout=subprocess.PIPE, text=True, bufsize=1
    )


@pytest.mark.parametrize("after", [1.0, 1.37])
def test_a_killed_process_loses_a_second_of_trials_at_most_and_is_resumed(tmp_path, after):
    where = str(tmp_path / "a.journal")
    total = 0
    for _ in range(2):
        with child(where) as process:
            assert process.stdout.readline() == f"begun {total}\n"
            lines = []
            timer = threading.Timer(after, lambda p=process: p.send_signal(signal.SIGKILL))
            timer.start()
            lines += process.stdout.readlines()
        times = [(int(n), float(t)) for n, t in (line.split() for line in lines if line.count(" ") == 1)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RecordWarning)
            stored = load_study(open_storage(where), "s").trials
        assert [t.number for t in stored] == list(range(len(stored)))
        last = times[-1][1]
        assert len(stored) >= sum(t < last - 1.0 for _, t in times) + total
        total = len(stored)
    assert total > 0


def test_a_dead_owners_lock_is_removed_at_once(tmp_path):
    path = tmp_path / "a.journal"
    start(open_storage(path))
    dead = forked.Popen([sys.executable, "-c", ""])
    dead.wait()
    import socket

    (tmp_path / "a.journal.lock").symlink_to(f"held by {dead.pid} on {socket.gethostname()}")
    study = start(open_storage(path), "second")
    assert study.study_name == "second"
    assert not (tmp_path / "a.journal.lock").is_symlink()


def test_a_living_owners_lock_is_waited_for(tmp_path):
    from studies.record.journal_lock import OwnedLock

    path = tmp_path / "a.journal"
    storage = open_storage(path)
    lock = OwnedLock(path)
    lock.acquire()
    done = threading.Event()
    thread = threading.Thread(target=lambda: (start(storage), done.set()))
    thread.start()
    assert not done.wait(0.3)
    lock.release()
    assert done.wait(10)
    thread.join()


def test_two_writers_lose_nothing(tmp_path):
    where = str(tmp_path / "a.journal")
    open_storage(where)
    code = textwrap.dedent("""
        import sys, optuna
        sys.path.insert(0, sys.argv[2])
        optuna.logging.set_verbosity(40)
        import test_record as t
        from studies.record.storage import open_storage
        from studies.record.write_behind import WriteBehind
        storage = open_storage(sys.argv[1])
        study = t.start(storage, sys.argv[3])
        for _ in range(6):
            with WriteBehind(storage, sys.argv[3]) as writer:
                t.grow(study, 20, writer)
    """)
    here = str(Path(__file__).parent)
    both = [forked.Popen([sys.executable, "-c", code, where, here, name]) for name in ("a", "b")]
    assert [process.wait() for process in both] == [0, 0]
    storage = open_storage(where)
    for name in ("a", "b"):
        assert [t.number for t in load_study(storage, name).trials] == list(range(120))


def test_two_writers_of_one_study_are_noticed(where):
    one, two = open_storage(where), open_storage(where)
    study = start(one)
    grow(study, 4)
    other = WriteBehind(two, "s")
    with WriteBehind(one, "s") as writer:
        writer.put(study.trials[0])
    other.put(study.trials[0])
    with pytest.warns(RecordWarning, match="another process wrote to the study 's'"):
        other.close()


FULL = """
import resource, signal, sys, warnings, optuna
sys.path.insert(0, sys.argv[2])
optuna.logging.set_verbosity(40)
import test_record as t
from studies.record.records import load_study
from studies.record.storage import open_storage
from studies.record.write_behind import WriteBehind
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
storage = open_storage(sys.argv[1])
study = t.start(storage)
writer = WriteBehind(storage, "s")
t.grow(study, 10, writer)
assert writer.flush()
size = __import__("pathlib").Path(sys.argv[1]).stat().st_size
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 700, hard))
t.grow(study, 15, writer)
assert not writer.flush()
assert writer.unwritten == 15, writer.unwritten
assert __import__("pathlib").Path(sys.argv[1]).stat().st_size == size
if sys.argv[3] == "room again":
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    writer.close()
print(len(study.trials), [str(w.message) for w in caught])
"""


@pytest.mark.parametrize(("later", "stored"), [("still full", 10), ("room again", 25)])
def test_a_full_disk_neither_stops_the_study_nor_tears_the_file(tmp_path, later, stored):
    path = tmp_path / "a.journal"
    done = forked.run(
        [sys.executable, "-c", FULL, str(path), str(Path(__file__).parent), later],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("25 ")
    warned = "15 trials of the study 's' were not written" in done.stdout
    assert warned == (later == "still full")
    if warned:
        assert "they are still in result.optuna_study" in done.stdout
        assert str(path) in done.stdout
    assert len(load_study(open_storage(path), "s").trials) == stored


def test_a_database_that_goes_away_does_not_stop_the_study(tmp_path):
    storage = open_storage(f"sqlite:///{tmp_path}/a.db")
    study = start(storage)
    writer = WriteBehind(storage, "s")
    grow(study, 2, writer)
    assert writer.flush()
    from sqlalchemy import text

    with storage.engine.begin() as connection:
        connection.execute(text("ALTER TABLE trials RENAME TO gone"))
    grow(study, 1, writer)
    with pytest.warns(RecordWarning, match="1 trial of the study 's' was not written to sqlite:///"):
        writer.close()
    assert len(study.trials) == 3
    assert writer.unwritten == 1


@pytest.mark.parametrize(
    "torn", [b'{"op_code":4,"worker_id":"x","stu', b"\x00\x00\x00\n", b"{}garbage\n", b"\xff\xfe"]
)
def test_a_torn_last_line_is_removed_and_every_other_kept(tmp_path, torn):
    path = tmp_path / "a.journal"
    storage = open_storage(path)
    study = start(storage)
    with WriteBehind(storage, "s") as writer:
        grow(study, 3, writer)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    with pytest.warns(RecordWarning, match="last line was torn"):
        again = open_storage(path)
    assert path.read_bytes() == whole
    assert (tmp_path / "a.journal.damaged").read_bytes() == whole + torn
    resumed = start(again)
    with WriteBehind(again, "s") as writer:
        grow(resumed, 1, writer)
    assert len(load_study(open_storage(path), "s").trials) == 4


def test_every_cut_of_the_last_line_is_mended(tmp_path):
    path = tmp_path / "a.journal"
    storage = open_storage(path)
    study = start(storage)
    with WriteBehind(storage, "s") as writer:
        grow(study, 2, writer)
    whole = path.read_bytes()
    end = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(end + 1, len(whole), 7):
        path.write_bytes(whole[:cut])
        with pytest.warns(RecordWarning):
            assert len(load_study(open_storage(path), "s").trials) == 1


@pytest.mark.parametrize("text", [b"name,value\n1,2\n", b"\x89PNG\r\n", b"{}\n", b"SQLite format 3\x00"])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "a.journal"
    path.write_bytes(text)
    with pytest.raises(StorageError, match=r"is not an Optuna journal: it begins with"):
        open_storage(path)
    assert path.read_bytes() == text




def test_places_that_cannot_be_written_are_reported(tmp_path):
    with pytest.raises(StorageError, match="is a directory; give a file in it"):
        open_storage(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be opened for writing"):
        open_storage(tmp_path / "file" / "a.journal")


@pytest.mark.parametrize(
    ("driver", "module", "wanted"),
    [("mysql", "MySQLdb", "mysqlclient"), ("postgresql+psycopg", "psycopg", "'onepass-hpo[postgresql]'")],
)
def test_a_driver_that_is_not_installed_is_named(monkeypatch, driver, module, wanted):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StorageError, match=re.escape(f"no database driver for {driver!r} is installed; pip install {wanted}")):
        open_storage(f"{driver}://me:secret@host/studies")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission_is_reported(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StorageError, match="you may write to"):
        open_storage(tmp_path / "a.journal")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@nowhere.invalid/db",
        "nonsense://me:s3cret@host/db",
        "mysql+none://me:s3cret@h/d",
    ],
)
def test_passwords_are_masked_in_every_message(url):
    with pytest.raises(StorageError) as caught:
        open_storage(url)
    assert "s3cret" not in str(caught.value)
    assert "***@" in str(caught.value)


def test_names_of_storages(tmp_path):
    assert isinstance(open_storage(f"journal://{tmp_path}/deep/a.journal"), FileStorage)
    assert (tmp_path / "deep").is_dir()
    memory = open_storage(None)
    assert open_storage(memory) is memory


def test_studies_in_memory_are_recorded_alike():
    storage = open_storage(None)
    study = start(storage)
    with WriteBehind(storage, "s") as writer:
        grow(study, 3, writer)
    assert facts(load_study(storage, "s").trials) == facts(study.trials)


def test_a_failed_batch_leaves_the_storage_as_it_was(tmp_path):
    storage = open_storage(tmp_path / "a.journal")
    study = start(storage)
    grow(study, 3)
    bad = study.trials[2]
    bad.set_user_attr("unwritable", object())
    study_id = storage.get_study_id_from_name("s")
    before = (tmp_path / "a.journal").read_bytes()
    with pytest.raises(TypeError):
        storage.create_trials(study_id, [*study.trials[:2], bad])
    assert (tmp_path / "a.journal").read_bytes() == before
    assert storage.get_n_trials(study_id) == 0
    storage.create_trials(study_id, study.trials[:2])
    assert storage.get_n_trials(study_id) == 2


def test_nothing_secret_is_in_the_journal(tmp_path):
    storage = open_storage(tmp_path / "a.journal")
    study = start(storage)
    with WriteBehind(storage, "s") as writer:
        grow(study, 1, writer)
    for line in (tmp_path / "a.journal").read_text().splitlines():
        assert json.loads(line)["op_code"] in (0, 2, 4)
    assert not re.search("pickle", (tmp_path / "a.journal").read_text())


def begin_in_processes(where, names):
    code = textwrap.dedent("""
        import sys, time, optuna
        from studies.record.records import begin
        from studies.record.storage import open_storage
        from studies.record.study_record import StudyRecord
        optuna.logging.set_verbosity(50)
        time.sleep(max(0.0, float(sys.argv[3]) - time.time()))
        begin(open_storage(sys.argv[1]), sys.argv[2], direction="maximize", record=StudyRecord({"folds": 5}))
    """)
    go = str(time.time() + 4.0)
    command = [sys.executable, "-c", code]
    all_ = [forked.Popen([*command, where, n, go], stderr=subprocess.PIPE, text=True) for n in names]
    return [process.communicate()[1] for process in all_]


def test_a_database_that_another_changes_as_it_is_opened_is_opened(tmp_path):
    """SQLite cannot switch a locked file to write-ahead logging, and raises an error at once, whatever its timeout."""
    address, path = f"sqlite:///{tmp_path}/a.db", tmp_path / "a.db"
    open_storage(address)
    with contextlib.closing(sqlite3.connect(path, check_same_thread=False, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN IMMEDIATE")
        end = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
        end.start()
        start(open_storage(address))
        end.join()
    assert [row.name for row in list_studies(open_storage(address))] == ["s"]


@pytest.mark.parametrize("names", [["a"] * 6, ["a", "b", "c", "d"]])
def test_processes_that_begin_a_study_at_once_all_go_on(where, names):
    assert begin_in_processes(where, names) == [""] * len(names)
    assert sorted(row.name for row in list_studies(open_storage(where))) == sorted(set(names))
