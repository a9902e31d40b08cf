"""Many small files: their leaves are kept together, and what many known files come to is kept merged."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import warnings
from collections import Counter
from pathlib import Path

import forked
import numpy as np
import pandas as pd
import pytest

import hpo
import state_store.packed
from hpo.data.opening import open_dataset
from hpo.errors import DataError, DataWarning, StoreWarning
from hpo.states.leaves import PACK
from hpo.states.passes import Pass
from hpo.states.runs import LEAST, SHORT, runs_of
from state_store import StateStore, digest
from state_store.errors import DamagedStateWarning
from state_store.local import LocalBackend
from state_store.verify import verify

FILES, ROWS = 90, 30


def write(folder: Path, number: int) -> None:
    rng = np.random.default_rng(number)
    X = rng.normal(size=(ROWS + 3 * (number % 4), 4))  # the folds are even, whoever was dealt first
    y = X @ [1.0, -2.0, 0.0, 0.5] + rng.normal(size=len(X))
    X[0, 3] = np.nan
    pd.DataFrame(X, columns=list("abcd")).assign(y=y).to_parquet(folder / f"part-{number:03d}.parquet", index=False)


@pytest.fixture
def files(tmp_path, hpo_home):
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(FILES):
        write(folder, number)
    return folder


def tune(data, store, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        asked = {"trials": 4, "folds": 3, "progress": False, **options}
        return hpo.tune(data, "y", asked.pop("algorithm", "ridge"), store=store, **asked)


def bits(result):
    found = [t.value for t in result.optuna_study.trials]
    return found, result.best_model.predict(pd.DataFrame(np.eye(4), columns=list("abcd"))).tobytes()


def read(result) -> int:
    return result.cost.rows_read


def blobs(store: Path, room: str) -> list[Path]:
    return [p for p in (store / room).rglob("*") if p.is_file()]


@pytest.fixture
def counted(monkeypatch):
    """Count the locks that are taken and the writes that are waited for."""
    seen: Counter[str] = Counter()
    lock, write, read = LocalBackend.lock, LocalBackend.write, LocalBackend.read

    def locked(self, name):
        seen["locks"] += 1
        return lock(self, name)

    def written(self, name, data):
        seen["writes"] += 1
        return write(self, name, data)

    def looked(self, name, limit=None):
        seen["reads"] += 1
        return read(self, name, limit)

    monkeypatch.setattr(LocalBackend, "lock", locked)
    monkeypatch.setattr(LocalBackend, "write", written)
    monkeypatch.setattr(LocalBackend, "read", looked)
    return seen


def test_neighbours_share_a_blob_and_a_lock(files, tmp_path, counted):
    result = tune(files, tmp_path / "store")
    assert read(result) == open_dataset(str(files), target="y").rows
    assert result.cost.states_built == FILES
    assert counted["locks"] <= FILES // 8
    assert len(blobs(tmp_path / "store", "packs")) <= FILES // 8
    assert not blobs(tmp_path / "store", "leaves")
    assert tune(files, tmp_path / "store").cost.rows_read == 0


def test_what_is_kept_together_depends_on_no_number_of_workers(files, tmp_path):
    one, four = (tune(files, tmp_path / str(n), n_jobs=n) for n in (1, 4))
    assert bits(one) == bits(four)
    names = [sorted(p.name for p in blobs(tmp_path / n, "packs")) for n in ("1", "4")]
    assert names[0] == names[1]


@pytest.mark.parametrize("number", [FILES, 0, 40])
def test_one_more_file_reads_that_file_alone_and_gives_the_bits_of_all_at_once(files, tmp_path, number, counted):
    late = files / f"part-{number:03d}.parquet"
    if number == FILES:
        write(files, number)
    rows = len(pd.read_parquet(late))
    late.rename(tmp_path / "late.parquet")
    tune(files, tmp_path / "store")
    (tmp_path / "late.parquet").rename(late)
    counted.clear()
    grown = tune(files, tmp_path / "store")
    assert (read(grown), grown.cost.states_built) == (rows, 1)
    assert counted["locks"] <= 3
    assert bits(grown) == bits(tune(files, tmp_path / "fresh"))


def test_a_window_reads_nothing_and_gives_the_bits_of_its_files_alone(files, tmp_path):
    tune(files, tmp_path / "store")
    for number in (0, 1, 50):
        (files / f"part-{number:03d}.parquet").unlink()
    shrunk = tune(files, tmp_path / "store")
    assert (read(shrunk), shrunk.cost.states_reused) == (0, FILES - 3)
    assert bits(shrunk) == bits(tune(files, tmp_path / "fresh"))


def test_a_damaged_pack_costs_the_files_in_it(files, tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.states.runs.LEAST", 10**6)
    whole = tune(files, tmp_path / "store")
    for path in blobs(tmp_path / "store", "packs"):
        data = bytearray(path.read_bytes())
        data[-20] ^= 1
        path.write_bytes(data)
        with pytest.warns(DamagedStateWarning):
            again = tune(files, tmp_path / "store")
        assert 0 < read(again) <= PACK * (ROWS + 9)
        assert bits(again) == bits(whole)


def test_a_store_of_single_leaves_is_read_as_ever(files, tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.states.passes.PACK", 1)
    monkeypatch.setattr("hpo.states.runs.LEAST", 10**6)
    before = tune(files, tmp_path / "store")
    assert len(blobs(tmp_path / "store", "leaves")) == FILES and not blobs(tmp_path / "store", "packs")
    monkeypatch.undo()
    after = tune(files, tmp_path / "store")
    assert read(after) == 0
    assert bits(before) == bits(after)


@pytest.mark.parametrize("algorithm", ["logistic", "kmeans", "knn_regressor", "gaussian_nb", "lda"])
def test_states_of_any_kind_can_be_kept_together(files, tmp_path, algorithm, monkeypatch):
    if algorithm in ("logistic", "gaussian_nb", "lda"):
        for path in files.iterdir():
            frame = pd.read_parquet(path)
            frame.assign(y=(frame["y"] > 0).astype(int)).to_parquet(path, index=False)
    target = None if algorithm == "kmeans" else "y"
    results = []
    for name in ("packs", "apart"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.append(
                hpo.tune(files, target, algorithm, trials=3, folds=3, progress=False, store=tmp_path / name)
            )
        monkeypatch.setattr("hpo.states.passes.PACK", 1)
    assert blobs(tmp_path / "packs", "packs")
    assert [t.value for t in results[0].optuna_study.trials] == [t.value for t in results[1].optuna_study.trials]


def test_a_pass_that_stops_keeps_what_is_finished_of_a_pack(files, tmp_path, monkeypatch):
    compute, done = Pass._compute, []

    def then_fail(self, segment, *rest, **options):
        done.append(segment)
        if len(done) == 15:
            raise DataError("enough")
        return compute(self, segment, *rest, **options)

    monkeypatch.setattr(Pass, "_compute", then_fail)
    with pytest.raises(DataError, match="enough"):
        tune(files, tmp_path / "store", n_jobs=1)
    monkeypatch.undo()
    assert tune(files, tmp_path / "store").cost.states_reused == 14


def test_many_known_files_cost_few_reads(files, tmp_path, counted):
    tune(files, tmp_path / "store")
    runs = len(runs_of([digest(i) for i in range(FILES)]))
    counted.clear()
    tune(files, tmp_path / "store")
    assert runs < FILES // LEAST
    assert counted["reads"] < FILES


@pytest.fixture
def restored(monkeypatch):
    """List the segments or runs whose states are taken out of packs."""
    taken: list[str] = []
    restore_members = state_store.packed.restore_members

    def restoring(blob, segments, like):
        taken.extend(segments)
        return restore_members(blob, segments, like)

    monkeypatch.setattr("state_store.packed.restore_members", restoring)
    return taken


def test_a_run_that_grew_continues_with_what_is_kept_of_it(files, tmp_path, restored, monkeypatch):
    monkeypatch.setattr("hpo.states.runs.LENGTH", 1 << 40)  # all files are one run
    tune(files, tmp_path / "store")
    write(files, FILES)
    restored.clear()
    grown = tune(files, tmp_path / "store")
    assert len(restored) == 1
    assert bits(grown) == bits(tune(files, tmp_path / "fresh"))


def test_a_run_that_grew_is_merged_of_leaves_where_what_was_kept_is_damaged(files, tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.states.runs.LENGTH", 1 << 40)
    tune(files, tmp_path / "store")
    (kept,) = [p for p in blobs(tmp_path / "store", "packs") if b'"rolled"' in p.read_bytes()]
    data = bytearray(kept.read_bytes())
    data[-20] ^= 1
    kept.write_bytes(data)
    write(files, FILES)
    with pytest.warns(DamagedStateWarning):
        grown = tune(files, tmp_path / "store")
    assert grown.cost.states_built == 1
    assert bits(grown) == bits(tune(files, tmp_path / "fresh"))


def test_of_many_files_short_runs_are_kept_merged_as_well(files, tmp_path, restored, monkeypatch):
    monkeypatch.setattr("hpo.states.runs.LENGTH", 8)
    first = tune(files, tmp_path / "store")
    restored.clear()
    assert bits(tune(files, tmp_path / "store")) == bits(first)
    lengths = [len(run.keys) for run in runs_of(first.record.segments)]
    assert len(restored) == sum(1 if length >= LEAST // SHORT else length for length in lengths) < FILES // 2


@pytest.mark.parametrize(("quick", "n_jobs", "alone"), [(1e9, None, True), (0.0, None, False), (1e9, 2, False)])
def test_quick_small_files_are_made_by_one_thread(files, tmp_path, monkeypatch, quick, n_jobs, alone):
    threads, compute = set(), Pass._compute

    def computing(self, *arguments, **options):
        threads.add(threading.get_ident())
        return compute(self, *arguments, **options)

    monkeypatch.setattr(Pass, "_compute", computing)
    monkeypatch.setattr("hpo.states.passes.QUICK", quick)
    found = bits(tune(files, tmp_path / "store", n_jobs=n_jobs))
    assert (threads == {threading.get_ident()}) is alone
    assert found == bits(tune(files, tmp_path / "fresh", n_jobs=1))


def test_the_listing_counts_each_leaf_once(files, tmp_path):
    from hpo.cli.contexts import inventory

    result = tune(files, tmp_path / "store")
    (context,) = inventory(StateStore(tmp_path / "store"))["contexts"]
    assert (context["leaves"], context["rows"]) == (FILES, read(result))


def test_a_study_opens_again_with_the_same_bits(files, tmp_path):
    first = tune(files, tmp_path / "store", name="many")
    for path in files.iterdir():
        path.unlink()
    assert bits(hpo.load("many"))[1] == bits(first)[1]


def test_what_the_study_uses_is_not_evicted(files, tmp_path, monkeypatch):
    tune(files, tmp_path / "store")
    monkeypatch.setenv("HPO_STORE_LIMIT", "1kB")
    os.utime(next(iter(files.iterdir())))
    with pytest.warns(StoreWarning, match="used by this study|takes more alone"):
        tune(files, tmp_path / "store")
    assert tune(files, tmp_path / "store").cost.rows_read == 0


SLOW = """
import sys, time, hpo
from hpo.states.passes import Pass
compute = Pass._compute

def slowly(self, segment, *rest, **options):
    time.sleep(0.02)
    sys.stdout.write(segment.id + chr(10))  # as a whole: threads write side by side
    sys.stdout.flush()
    return compute(self, segment, *rest, **options)

Pass._compute = slowly
hpo.tune(sys.argv[1], "y", "ridge", trials=4, folds=3, progress=False, store=sys.argv[2], n_jobs=2)
"""


@pytest.mark.parametrize("seen", [5, 40])
def test_kill_9_costs_the_packs_at_hand_and_no_bit(files, tmp_path, seen):
    process = forked.Popen(
        [sys.executable, "-c", SLOW, str(files), str(tmp_path / "store")], stdout=subprocess.PIPE, text=True
    )
    for _ in range(seen):
        assert process.stdout.readline()
    process.kill()
    process.communicate()
    assert verify(StateStore(tmp_path / "store")).ok
    kept = len(StateStore(tmp_path / "store").list())
    assert kept >= seen - 4 * (FILES // 8)
    resumed = tune(files, tmp_path / "store")
    assert (resumed.cost.states_reused, resumed.cost.states_built) == (kept, FILES - kept)
    assert bits(resumed) == bits(tune(files, tmp_path / "fresh"))


def test_two_processes_read_each_file_once(files, tmp_path):
    both = [
        forked.Popen([sys.executable, "-c", SLOW, str(files), str(tmp_path / "store")], stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    read = [line for process in both for line in process.communicate(timeout=120)[0].split()]
    assert [process.returncode for process in both] == [0, 0]
    assert len(read) == len(set(read)) == FILES


@pytest.mark.parametrize("begun", [1, 25, 60])
def test_a_process_that_begins_later_reads_no_file_again(files, tmp_path, begun):
    command = [sys.executable, "-c", SLOW, str(files), str(tmp_path / "store")]
    # without a buffer, whose lines communicate(timeout=…) would pass over
    with forked.Popen(command, stdout=subprocess.PIPE, bufsize=0) as first:
        read = [first.stdout.readline().strip() for _ in range(begun)]
        with forked.Popen(command, stdout=subprocess.PIPE) as second:
            for process in (first, second):
                read += process.communicate(timeout=120)[0].split()
    assert len(read) == len(set(read)) == FILES


def test_the_search_for_garbage_goes_on_where_files_cannot_be_opened(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError):
        open_dataset(tmp_path)
    assert gc.isenabled()
