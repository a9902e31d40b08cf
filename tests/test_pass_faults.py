"""A pass that is stopped, killed, damaged, starved or raced loses nothing, and says what happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import forked
import numpy as np
import pandas as pd
import pytest

import hpo
from hpo.errors import DataError, Interrupted, InterruptedWarning, MemoryShort, TuneError
from state_store import DamagedStateWarning, NewerFormat

FILES = 8
ROWS = 3000


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(FILES):
        X = rng.normal(size=(ROWS, 5))
        frame = pd.DataFrame(X, columns=list("abcde")).assign(y=X @ np.arange(5.0) + rng.normal(size=ROWS))
        frame.to_parquet(folder / f"part-{i}.parquet", index=False)
    return folder


def tune(files, store, **options):
    return hpo.tune(files, "y", "ridge", trials=5, store=store, **options)


def bits(result):
    return [(s.mean.tobytes(), s.scatter.tobytes()) for s in result.best.states.cells]


def run_script(code, **environment):
    env = {**os.environ, **{k: str(v) for k, v in environment.items()}}
    return forked.Popen([sys.executable, "-c", textwrap.dedent(code)], env=env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


SLOW = """
    import os, time, hpo
    from hpo.states.passes import Pass
    compute = Pass._compute
    def slowly(self, segment, *rest, **options):
        with open(os.environ["JOURNAL"], "a") as f:
            f.write(segment.id + "\\n")
        time.sleep(float(os.environ.get("PAUSE", 0.05)))
        return compute(self, segment, *rest, **options)
    Pass._compute = slowly
    result = hpo.tune(os.environ["DATA"], "y", "ridge", trials=5, store=os.environ["STORE"], n_jobs=1)
    print(result.cost.states_built, result.cost.states_reused)
"""


POINTS = int(os.environ.get("HPO_CHAOS", "4"))
"""Points at which the pass is killed; ``make chaos`` asks for many."""


@pytest.mark.parametrize("after", np.linspace(0.0, 0.45, POINTS).round(3).tolist())
def test_kill_9_in_the_pass_then_resume_gives_the_states_of_a_pass_never_killed(files, tmp_path, after):
    journal, store = tmp_path / "journal", tmp_path / "store"
    process = run_script(SLOW, DATA=files, STORE=store, JOURNAL=journal)
    while not journal.exists():
        time.sleep(0.01)
        assert process.poll() is None, process.communicate()
    time.sleep(after)
    process.kill()
    process.communicate()
    kept = len(hpo.StateStore(store).list())
    resumed = tune(files, store)
    assert resumed.cost.states_reused == kept
    assert resumed.cost.states_built == FILES - kept
    assert resumed.cost.rows_read == (FILES - kept) * ROWS
    assert bits(resumed) == bits(tune(files, tmp_path / "other"))


def test_ctrl_c_in_the_pass_keeps_what_is_finished(files, tmp_path):
    journal = tmp_path / "journal"
    process = run_script(SLOW, DATA=files, STORE=tmp_path / "store", JOURNAL=journal, PAUSE=0.2)
    while not journal.exists() or len(journal.read_text().splitlines()) < 3:
        time.sleep(0.01)
        assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "of 8 segments; their states are kept" in err
    kept = len(hpo.StateStore(tmp_path / "store").list())
    assert 2 <= kept < FILES
    assert tune(files, tmp_path / "store").cost.states_reused == kept


def test_interrupted_in_process_raises_and_resumes(files, tmp_path, monkeypatch):
    from hpo.states.passes import Pass

    compute, done = Pass._compute, []

    def then_interrupt(self, segment, *rest, **options):
        done.append(segment)
        if len(done) == 3:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
        return compute(self, segment, *rest, **options)

    monkeypatch.setattr(Pass, "_compute", then_interrupt)
    with pytest.raises(Interrupted, match=r"stopped after \d of 8 segments; their states are kept in .*store"):
        tune(files, tmp_path / "store", n_jobs=1)
    monkeypatch.undo()
    assert tune(files, tmp_path / "store").cost.states_reused >= 2


def test_ctrl_c_in_the_trials_returns_what_is_finished_and_resumes(files, tmp_path, monkeypatch):
    from hpo.trials.tuner import Tuner

    one, count = Tuner.propose, []

    def then_interrupt(self, *turn):
        count.append(1)
        if len(count) == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return one(self, *turn)

    monkeypatch.setattr(Tuner, "propose", then_interrupt)
    call = dict(target="y", algorithm="ridge", trials=30, name="cut", store=tmp_path / "store")
    with pytest.warns(InterruptedWarning, match=r"7 trials kept; the same call continues"):
        cut = hpo.tune(files, **call)
    assert cut.stopped == "interrupted"
    assert len(cut.optuna_study.trials) == 7
    monkeypatch.undo()
    resumed = hpo.tune(files, **call)
    straight = hpo.tune(files, **{**call, "name": "straight"})
    assert len(resumed.optuna_study.trials) == 30
    assert [t.params for t in resumed.optuna_study.trials] == [t.params for t in straight.optuna_study.trials]
    assert [t.value for t in resumed.optuna_study.trials] == [t.value for t in straight.optuna_study.trials]


def test_a_damaged_leaf_is_reported_set_aside_and_recomputed(files, tmp_path):
    whole = tune(files, tmp_path / "store")
    blob = sorted((tmp_path / "store" / "leaves").rglob("*"))[-1]
    assert blob.is_file()
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    with pytest.warns(DamagedStateWarning):
        again = tune(files, tmp_path / "store")
    assert again.cost.states_built == 1
    assert again.cost.states_reused == FILES - 1
    assert bits(again) == bits(whole)


def test_a_store_of_a_newer_version_is_refused_with_advice(files, tmp_path):
    tune(files, tmp_path / "store")
    (tmp_path / "store" / "store.json").write_text('{"format": 99}')
    with pytest.raises(Exception, match=r"99") as caught:
        tune(files, tmp_path / "store")
    assert "onepass-hpo" in str(caught.value)
    assert not isinstance(caught.value, NewerFormat)


def test_a_file_that_changed_since_its_leaf_was_made_is_read_again(files, tmp_path):
    tune(files, tmp_path / "store")
    pd.read_parquet(files / "part-2.parquet").iloc[:-1].to_parquet(files / "part-2.parquet", index=False)
    spec = hpo.StudySpec(data=str(files), target="y", algorithm="ridge", store=str(tmp_path / "store"))
    plan = hpo.plan(spec)
    assert [os.path.basename(uri) for uri in plan.changed] == ["part-2.parquet"]
    assert plan.rows_to_read == ROWS - 1
    again = tune(files, tmp_path / "store")
    assert again.cost.rows_read == ROWS - 1


def test_a_file_that_changes_under_the_pass_is_an_error(files, tmp_path, monkeypatch):
    from hpo.states.passes import Pass

    batches = Pass._batches

    def meddle(self, segment, **options):
        for made in batches(self, segment, **options):
            yield made
            if segment.uri.endswith("part-3.parquet"):
                os.utime(files / "part-3.parquet", ns=(1, 1))

    monkeypatch.setattr(Pass, "_batches", meddle)
    with pytest.raises(DataError, match=r"part-3\.parquet.*changed"):
        tune(files, tmp_path / "store")
    monkeypatch.undo()
    assert tune(files, tmp_path / "store").cost.states_reused >= 1


def test_a_store_that_cannot_be_written_costs_the_states_but_not_the_study(files, tmp_path):
    code = """
        import os, resource, signal, warnings, hpo
        store = hpo.StateStore(os.environ["STORE"])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            result = hpo.tune(os.environ["DATA"], "y", "ridge", trials=5, store=store)
        print([str(w.message) for w in seen])
        print(len(result.optuna_study.trials), result.cost.states_built, result.best_model.steps[-1][0])
    """
    process = run_script(code, DATA=files, STORE=tmp_path / "store")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "8 states could not be kept" in out
    assert "The study continues" in out
    assert "5 8 model" in out
    assert tune(files, tmp_path / "store").cost.rows_read == FILES * ROWS


def test_two_processes_make_one_pass(files, tmp_path):
    journal = tmp_path / "journal"
    both = [run_script(SLOW, DATA=files, STORE=tmp_path / "store", JOURNAL=journal) for _ in range(2)]
    ends = [p.communicate(timeout=120) for p in both]
    assert [p.returncode for p in both] == [0, 0], ends
    read = journal.read_text().splitlines()
    assert len(read) == len(set(read)) == FILES
    built = [int(out.split()[0]) for out, _ in ends]
    assert sum(built) == FILES


def test_two_threads_make_one_pass(files, tmp_path):
    results = []
    threads = [threading.Thread(target=lambda: results.append(tune(files, tmp_path / "store"))) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(r.cost.states_built for r in results) == FILES
    assert bits(results[0]) == bits(results[1])


def test_too_many_columns_for_memory_is_said_before_anything_is_read(files, tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_MEMORY_LIMIT", "1000")
    with pytest.raises(MemoryShort, match=r"10 encoded columns need about .* MiB .*fewer columns \(features=, drop=\)"):
        tune(files, tmp_path / "store")
    assert not hpo.StateStore(tmp_path / "store").list()


def test_a_name_taken_by_another_definition_is_said_before_anything_is_read(files, tmp_path):
    from studies.errors import StudyTaken

    tune(files, tmp_path / "store", name="mine")
    with pytest.raises(StudyTaken, match=r"folds"):
        tune(files, tmp_path / "fresh", name="mine", folds=4)
    assert not hpo.StateStore(tmp_path / "fresh").list()
    with pytest.raises(TuneError, match=r"'mine' exists with 5 trials.*resume=True"):
        tune(files, tmp_path / "store", name="mine", resume=False)


def test_a_study_opens_again_without_its_data(files, tmp_path):
    first = tune(files, tmp_path / "store", name="kept")
    rows = pd.read_parquet(files / "part-0.parquet")
    for path in files.iterdir():
        path.unlink()
    again = hpo.load("kept")
    assert again.best_params == first.best_params
    assert again.cost == first.cost
    np.testing.assert_array_equal(again.best_model.predict(rows), first.best_model.predict(rows))
    assert hpo.nested_score(again) == hpo.nested_score(first)


def test_a_study_whose_states_are_gone_says_so(files, tmp_path):
    tune(files, tmp_path / "store", name="lost")
    next(p for p in (tmp_path / "store" / "leaves").rglob("*") if p.is_file()).unlink()
    with pytest.raises(TuneError, match=r"1 of 8 states of study 'lost' is gone .*run the study again"):
        hpo.load("lost")


def test_a_study_whose_store_is_gone_says_so_and_makes_none(files, tmp_path):
    tune(files, tmp_path / "store", name="moved")
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    with pytest.raises(TuneError, match=r"the store .*store that study 'moved' left its states in is gone; give store="):
        hpo.load("moved")
    assert not (tmp_path / "store").exists()
    assert hpo.load("moved", store=tmp_path / "elsewhere").best_params


def test_a_name_whose_data_has_grown_goes_on_and_says_how(files, tmp_path):
    tune(files, tmp_path / "store", name="grows")
    pd.read_parquet(files / "part-0.parquet").iloc[:10].to_parquet(files / "part-9.parquet", index=False)
    note = tune(files, tmp_path / "store", name="grows").record.edition
    assert (note.number, note.rows_before, note.rows, note.came) == (2, 24_000, 24_010, 1)
