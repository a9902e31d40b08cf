"""What is not a file, loops of links, huge numbers and addresses that cannot be listed: a sentence, at once."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import numpy as np
import pytest
from terminal import command, shell, write_data, write_study

import hpo
from hpo.errors import DataError
from state_store import Key, StateStore
from state_store.errors import StoreReadError
from studies.errors import SpecError, StudyTaken

LONG = "9" * 400


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    write_data(tmp_path / "data")
    return tmp_path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def bound(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)
    return path


@pytest.mark.parametrize("make", [pipe, bound, lambda _: Path("/dev/zero")], ids=["pipe", "socket", "device"])
def test_data_that_is_no_file_is_refused_at_once(here, make):
    said = shell("run", write_study(here / "s.yaml", make(here / "x.parquet")))
    assert (said.code, said.out) == (1, "")
    assert "is not a file but a pipe, a socket or a device" in said.err


def test_a_pipe_in_a_directory_or_a_glob_is_refused(here):
    pipe(here / "data" / "z.parquet")
    for data in ("data", "data/*.parquet"):
        with pytest.raises(DataError, match=r"z\.parquet' is not a file but a pipe"):
            hpo.tune(data, "y", "ridge", trials=1, folds=2, store=here / "s")
    (here / "data" / "z.parquet").rename(here / "data" / "_z.parquet")
    assert hpo.tune("data", "y", "ridge", trials=1, folds=2, store=here / "s", drop="id").cost.rows_read == 600


@pytest.mark.parametrize("path", ["j.journal", "/dev/zero"])
def test_a_journal_that_is_no_file_is_refused_at_once(here, path):
    pipe(here / "j.journal")
    for args in (("studies", "ls"), ("run", write_study(here / "s.yaml", here / "data"))):
        said = shell(*args, "--storage", path)
        assert (said.code, "is not a file but a pipe" in said.err) == (3, True)


def test_an_import_of_a_pipe_is_refused_at_once(here):
    said = shell("states", "import", pipe(here / "x.zip"))
    assert (said.code, "x.zip cannot be read: it is not a file but a pipe" in said.err) == (3, True)


@pytest.fixture
def store(here):
    store = StateStore(here / "store")
    store.put(Key("ab" * 20, "cd" * 20), np.ones(3))
    return store


def the_leaf(store) -> Path:
    return next(path for path in Path(store.location, "leaves").rglob("*") if path.is_file())


def test_a_leaf_that_is_no_file_is_refused_at_once(store):
    leaf = the_leaf(store)
    leaf.unlink()
    pipe(leaf)
    with pytest.raises(StoreReadError, match="not a file but a pipe"):
        StateStore(store.location).get(Key("ab" * 20, "cd" * 20), np.zeros(3))
    for what in ("ls", "verify", "gc"):
        said = shell("states", what, "--store", store.location)
        assert (said.code, "Traceback" in said.err) in ((0, False), (3, False))


@pytest.mark.parametrize("what", ["ls", "verify", "gc", "export"])
def test_a_loop_of_links_in_a_store_is_a_sentence(store, what):
    folder = the_leaf(store).parent
    (folder / "loop").symlink_to(folder)
    said = shell("states", what, *(["x.zip"] if what == "export" else []), "--store", store.location)
    assert (said.code, len(said.err.splitlines()) <= 2) == (3, True)
    assert "loop: it is a symbolic link to a directory that holds it" in said.err
    (folder / "loop").unlink()
    (folder / "itself").symlink_to("itself")
    assert shell("states", what, *(["y.zip"] if what == "export" else []), "--store", store.location).code in (0, 3)


def test_what_a_killed_export_left_is_hidden_and_does_no_harm(store):
    code = "import time, sys; from state_store import StateStore, export_states; import state_store.archive as a\n"
    code += "a._whole = lambda *_: (print('half', flush=True), time.sleep(60))\nexport_states(StateStore('store'), 'x.zip')"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "half\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert not Path("x.zip").exists()
    assert [path.name.startswith(".x.zip.") for path in Path().iterdir() if "zip" in path.name] == [True]
    assert shell("states", "export", "x.zip", "--store", store.location).code == 0
    assert shell("states", "import", "x.zip", "--store", "other").code == 0


@pytest.mark.parametrize(
    "line",
    [
        f"trials: {LONG}", f"seed: {LONG}", f"timeout: {LONG}", f"n_jobs: {LONG}", f"name: {LONG}",
        f"search: {{ridge.alpha: {LONG}}}", f"search: {{ridge.alpha: [1.0, {LONG}]}}",
        f"search: {{ridge.alpha: {{low: 1, high: -{LONG}}}}}", f"folds: {{scheme: time, column: x0, gap: {LONG}}}",
    ],
)  # fmt: skip
def test_numbers_of_hundreds_of_digits_are_a_sentence(here, line):
    key = line.partition(":")[0]
    (here / "s.yaml").write_text(f"data: data\ntarget: y\nalgorithm: ridge\n{line}\n")
    said = shell("run", "s.yaml")
    assert (said.code, said.err) == (2, f"error: s.yaml: line 4: {key}: a number of 400 digits is more than can be computed with; give one below 1e308\n")


def test_they_are_on_the_command_line_and_in_python_too(here):
    for args in (("run", write_study(here / "s.yaml", here / "data"), "--trials", LONG), ("states", "gc", "--max-size", LONG)):
        said = shell(*args)
        assert said.code in (0, 2)
        assert "bug" not in said.err
    with pytest.raises(SpecError, match="search: a number of 400 digits"):
        hpo.tune("data", "y", "ridge", search={"ridge.alpha": int(LONG)}, store=here / "s")


class Broken(fsspec.AbstractFileSystem):
    protocol = "broken"
    cachable = False

    def _fail(self, *_args, **_options):
        raise RuntimeError("the listing was refused by the server")

    ls = info = find = walk = exists = isdir = isfile = _fail


def test_an_address_that_cannot_be_listed_is_a_sentence(here):
    fsspec.register_implementation("broken", Broken, clobber=True)
    for data in ("broken://bucket/data", "broken://bucket/*.parquet"):
        with pytest.raises(DataError, match=r"'broken://.*' cannot be listed: the listing was refused by the server"):
            hpo.tune(data, "y", "ridge", trials=1, store=here / "s")


@pytest.mark.parametrize(
    "wrong",
    [
        {"warm_start": "nothing"}, {"fidelity": "halving"}, {"sampler": "grid"}, {"folds": 900},
        {"search": {"ridge.alpha": [-1.0]}}, {"scoring": "roc_auc"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_a_study_that_is_refused_takes_no_name(here, wrong):
    how = {"name": "s", "trials": 2, "folds": 2, "store": here / "s", "storage": here / "j", "drop": "id"}
    with pytest.raises(Exception, match=r"\w"):
        hpo.tune("data", "y", "ridge", **{**how, **wrong})
    assert len(hpo.tune("data", "y", "lasso", **how).optuna_study.trials) == 2


def test_a_study_that_was_killed_before_its_first_trial_gives_its_name_away(here):
    from studies.record.claims import CLAIMS, Claims
    from studies.record.records import begin
    from studies.record.storage import find_study, open_storage
    from studies.record.study_record import StudyRecord

    storage = open_storage(here / "j")
    begin(storage, "s", direction="maximize", record=StudyRecord({"folds": 5}))
    claims = Claims(storage, find_study(storage, "s"))
    claims.claim(1, 5)
    with pytest.raises(StudyTaken):
        begin(storage, "s", direction="maximize", record=StudyRecord({"folds": 6}), instead=True)
    claims.release()
    with pytest.raises(StudyTaken):
        begin(storage, "s", direction="maximize", record=StudyRecord({"folds": 6}))
    begin(storage, "s", direction="maximize", record=StudyRecord({"folds": 6}), instead=True)
    assert StudyRecord.of(storage.get_study_user_attrs(find_study(storage, "s")), "s").definition == {"folds": 6}
    assert CLAIMS not in storage.get_study_system_attrs(find_study(storage, "s"))


@pytest.mark.parametrize("after", [0.15, 0.4, 0.8])
def test_ctrl_c_at_any_moment_ends_in_a_sentence(here, after):
    shutil.rmtree(here / "home", ignore_errors=True)
    child = subprocess.Popen(command("run", write_study(here / "s.yaml", here / "data", trials=100_000)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(after)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    if "in <module>" not in err or "hpo/__init__.py" not in err:  # Python itself, or the package, was not there yet
        assert child.returncode in (130, -2), err
    assert "in hpo (" not in err
