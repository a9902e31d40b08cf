"""One store for many: two homes on one bucket, damage on either side, and nothing secret anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from datetime import timedelta
from pathlib import Path

import forked
import numpy as np
import pandas as pd
import pytest
from endpoints import BUCKET, KEY, SECRET, environment
from terminal import hpo as command

import hpo
from hpo.process.store_limit import keep_within_limit
from state_store import Key, Member, StateStore, digest, export_states, import_states
from state_store.errors import DamagedStateWarning
from state_store.gc import gc
from state_store.verify import verify

FILES, ROWS = 6, 200
CONTEXT = digest("context")
KEYS = [Key(CONTEXT, digest(i)) for i in range(5)]
LIKE = np.zeros(2000)


@pytest.fixture
def location(endpoint, tmp_path, monkeypatch) -> str:
    for name, value in environment(endpoint).items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/{tmp_path.name}"


@pytest.fixture
def ask(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return lambda *args, **more: command(capsys, monkeypatch, *args, **more)


@pytest.fixture
def files(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(FILES):
        X = rng.normal(size=(ROWS, 3))
        table = pd.DataFrame(X, columns=list("abc")).assign(y=X @ [1.0, 2.0, 0.0] + rng.normal(size=ROWS))
        table.to_parquet(folder / f"{i}.parquet")
    return folder


def state(i: int) -> np.ndarray:
    return np.random.default_rng(i).normal(size=2000)


def tune(files: Path, location: str, **how):
    return hpo.tune(str(files), "y", "ridge", trials=4, folds=3, progress=False, store=location, **how)


def test_the_second_person_reads_nothing(files, location, tmp_path, monkeypatch):
    first = tune(files, location, name="mine")
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "another home"))
    second = tune(files, location, name="yours")
    assert (first.cost.states_built, first.cost.states_reused) == (FILES, 0)
    assert (second.cost.states_built, second.cost.states_reused) == (0, FILES)
    values = [result.trials_dataframe()["value"].tolist() for result in (first, second)]
    assert values[0] == values[1]
    again = hpo.load("yours")
    assert again.best_params == second.best_params
    for text in (tmp_path.rglob("*.journal"), tmp_path.rglob("*.html")):
        for path in text:
            assert SECRET not in path.read_text()
            assert KEY not in path.read_text()


RUN = """
import sys, time, hpo
from hpo.states.passes import Pass
compute = Pass._compute

def slowly(self, segment, *rest, **options):
    time.sleep(0.1)
    found = compute(self, segment, *rest, **options)
    sys.stdout.write(f"{segment.id} {sum(leaf.rows for leaf in found.values())}" + chr(10))
    sys.stdout.flush()
    return found

Pass._compute = slowly
hpo.tune(sys.argv[1], "y", "ridge", trials=4, folds=3, progress=False, store=sys.argv[2], n_jobs=2)
"""


def test_two_people_at_once_read_the_data_once_between_them(files, location, tmp_path):
    people = [
        forked.Popen(
            [sys.executable, "-c", RUN, str(files), location], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env={**os.environ, "HPO_HOME": str(tmp_path / f"home{i}")},
        )
        for i in range(2)
    ]  # fmt: skip
    outputs = [one.communicate(timeout=120) for one in people]
    lines = [line.rsplit(" ", 1) for out, _ in outputs for line in out.splitlines()]
    assert [one.returncode for one in people] == [0, 0], outputs
    assert len(lines) == len({segment for segment, _ in lines}) == FILES, outputs
    assert sum(int(rows) for _, rows in lines) == FILES * ROWS
    assert list(StateStore(location, tmp_path / "c").backend.names("locks")) == []


def test_a_store_in_a_bucket_does_what_one_in_a_directory_does(location, tmp_path):
    store = StateStore(location, tmp_path / "cache")
    for i, key in enumerate(KEYS[:3]):
        store.put(key, state(i), about={"rows": i, "pilot": "ab" * 20})
    store.put_pack(CONTEXT, [Member(KEYS[i].segment, state(i), {"rows": i}) for i in (3, 4)])
    store.put_document("pilots", "ab" * 20, {"origins": np.ones(3)}, {"rows": 7})
    store.put_document("pilots", "cd" * 20, {"origins": np.ones(3)}, {"rows": 8})
    there = StateStore(location, tmp_path / "another")
    for i, key in enumerate(KEYS):
        assert (there.get(key, LIKE) == state(i)).all()
        assert there.about(key)["rows"] == i
    assert there.get_many(CONTEXT, [k.segment for k in KEYS], LIKE).keys() == {k.segment for k in KEYS}
    assert {e.key for e in there.list()} == set(KEYS)
    assert there.cover(CONTEXT, [k.segment for k in KEYS]).complete
    assert [d.about["rows"] for d in there.documents()] == [7, 8]
    assert verify(there).good == 6
    store.pin(CONTEXT)
    assert there.pinned() == {CONTEXT}
    assert gc(there, max_age=timedelta(0)).removed == ("documents/pilots/" + "cd" * 20,)
    exported = export_states(store, tmp_path / "states.zip")
    assert (exported.leaves, exported.documents) == (5, 1)
    assert import_states(StateStore(tmp_path / "local"), tmp_path / "states.zip").added == 5
    assert import_states(StateStore(f"{location}/copy", tmp_path / "cache"), tmp_path / "states.zip").added == 5
    there.unpin(CONTEXT)
    assert len(gc(there, max_age=timedelta(0)).leaves) == 4
    assert store.get(KEYS[0], LIKE) is store.get(KEYS[3], LIKE) is None


def test_a_damaged_blob_is_set_aside_and_computed_again(files, location, tmp_path, monkeypatch):
    first = tune(files, location)
    store = StateStore(location, tmp_path / "cache")
    name = store.list()[2].name
    whole = store.backend.read(name)
    store.backend.write(name, whole[:-3] + b"abc")
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "another home"))
    with pytest.warns(DamagedStateWarning, match=r"damaged: checksum differs. It was moved to quarantine"):
        again = tune(files, location)
    assert (again.cost.states_built, again.cost.states_reused) == (1, FILES - 1)
    assert again.best_value == first.best_value
    assert len(list(store.backend.names("quarantine"))) == 1
    assert verify(store).ok


def test_a_damaged_copy_is_fetched_again_without_a_word(location, tmp_path):
    store = StateStore(location, tmp_path / "cache")
    store.put(KEYS[0], state(0))
    (copy,) = tmp_path.rglob("copies/leaves/*/*")
    for damaged in (b"", b"abc", copy.read_bytes()[:-7], copy.read_bytes()[:-1] + b"x"):
        copy.write_bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert (store.get(KEYS[0], LIKE) == state(0)).all()


def test_copies_that_cannot_be_kept_are_done_without(location, tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = StateStore(location, tmp_path / "file" / "cache")
    with store.flight(KEYS[0]) as mine:
        assert mine
        store.put(KEYS[0], state(0))
    assert (store.get(KEYS[0], LIKE) == state(0)).all()


def test_a_copy_spares_the_way(location, tmp_path, proxy, monkeypatch):
    StateStore(location, tmp_path / "cache").put(KEYS[0], state(0))
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    there = StateStore(location, tmp_path / "another")
    sizes = []
    for _ in range(2):
        proxy.seen.clear()
        assert (there.get(KEYS[0], LIKE) == state(0)).all()
        assert [method for method, _ in proxy.seen] == ["GET"]
        sizes.append(proxy.sent)
    assert sizes[0] == sizes[1] > LIKE.nbytes


def test_the_limit_bounds_the_copies_and_leaves_the_bucket_alone(location, tmp_path, monkeypatch):
    store = StateStore(location, tmp_path / "cache")
    for i, key in enumerate(KEYS):
        store.put(key, state(i))
    monkeypatch.setenv("HPO_STORE_LIMIT", "40kB")
    keep_within_limit(store, [])
    held = [path.stat().st_size for path in tmp_path.rglob("copies/leaves/*/*")]
    assert 0 < sum(held) <= 40_000
    assert len(store.list()) == 5
    assert (store.get(KEYS[0], LIKE) == state(0)).all()


def test_a_use_is_noted_once_a_day(location, tmp_path, monkeypatch):
    from state_store import remote

    monkeypatch.setattr(remote, "DAY", 0.0)
    store = StateStore(location, tmp_path / "cache")
    store.put(KEYS[0], state(0))
    assert store.get(KEYS[0], LIKE) is not None
    remote._beside().submit(lambda: None).result()
    remote._pools.pop().shutdown()
    assert [name for name, _ in store.backend.names("uses")] == [f"uses/{KEYS[0].name}"]
    monkeypatch.setattr(remote, "DAY", 86_400.0)
    assert StateStore(location, tmp_path / "cache").get(KEYS[0], LIKE) is not None
    assert store.list()[0].key == KEYS[0]
    assert store.backend.delete(KEYS[0].name)
    assert list(store.backend.names("uses")) == []


def test_an_address_with_a_secret_is_refused_without_repeating_it(ask, files):
    study = {"data": str(files / "*.parquet"), "target": "y", "algorithm": "ridge", "store": f"s3://me:{SECRET}@b/x"}
    Path("study.yaml").write_text(json.dumps(study))
    answer = ask("run", "study.yaml")
    assert answer.code == 3
    assert "no user, password or query" in answer.err
    assert SECRET not in answer.out + answer.err


def test_the_commands_take_an_address(ask, files, location):
    study = {"data": str(files / "*.parquet"), "target": "y", "algorithm": "ridge", "store": location, "trials": 3}
    Path("study.yaml").write_text(json.dumps({**study, "name": "shared"}))
    answer = ask("run", "study.yaml", "--json")
    assert answer.code == 0, answer.err
    listed = ask("states", "ls", "--store", location)
    assert listed.code == 0, listed.err
    assert location in listed.out
    shown = ask("studies", "show", "shared", "--json")
    verified, planned = ask("states", "verify", "--store", location), ask("plan", "study.yaml")
    for one in (answer, listed, shown, verified, planned):
        assert one.code == 0, one.err
        assert KEY not in one.out + one.err
        assert SECRET not in one.out + one.err
    nothing = ask("states", "ls", "--store", f"{location}/nothing")
    assert (nothing.code, "there is no store" in nothing.err) == (3, True)
