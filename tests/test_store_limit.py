"""A store holds no more than its limit: what was not used for longest goes, said once; what is in use stays."""

from __future__ import annotations

import json
import os
import warnings

import numpy as np
import pytest
from typer.testing import CliRunner

import hpo
from hpo.cli.app import app
from hpo.errors import StoreWarning, TuneError
from hpo.process import store_limit
from hpo.process.sizes import bytes_of
from state_store import StateStore
from state_store.gc import gc


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(store_limit, "_warned", set())


def study(store, seed, **options):
    X = np.random.default_rng(seed).normal(size=(300, 20))
    return hpo.tune((X, X[:, 0] + X[:, 1]), algorithm="ridge", trials=2, folds=3, progress=False, store=store, **options)


def contexts(store):
    return {entry.key.segment for entry in StateStore(store).list()}


def test_the_oldest_states_go_and_it_is_said_once(tmp_path, monkeypatch):
    study(tmp_path, 0)
    first = contexts(tmp_path)
    (oldest,) = (tmp_path / entry.key.name for entry in StateStore(tmp_path).list())
    os.utime(oldest, (0, 0))
    study(tmp_path, 1)
    both = StateStore(tmp_path).total_bytes
    monkeypatch.setenv("HPO_STORE_LIMIT", str(both + 10))
    with pytest.warns(StoreWarning, match=r"held .* more than .*not used for longest were removed.*HPO_STORE_LIMIT"):
        study(tmp_path, 2)
    assert not first & contexts(tmp_path)
    assert StateStore(tmp_path).total_bytes <= both + 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study(tmp_path, 3)
    assert StateStore(tmp_path).total_bytes <= both + 10


def test_what_the_study_uses_stays_however_small_the_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_STORE_LIMIT", "1kB")
    with pytest.warns(StoreWarning, match="what this study uses, and what is pinned, takes more alone"):
        result = study(tmp_path, 0)
    assert len(StateStore(tmp_path).list()) == 1
    assert result.best_model is not None


def test_a_study_that_reads_nothing_removes_nothing(tmp_path, monkeypatch):
    study(tmp_path, 0)
    monkeypatch.setenv("HPO_STORE_LIMIT", "1kB")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert study(tmp_path, 0).cost.rows_read == 0


def test_pinned_contexts_and_leaves_to_keep_stay(tmp_path):
    study(tmp_path, 0)
    store = StateStore(tmp_path)
    (entry,) = store.list()
    assert gc(store, max_bytes=0, keep=[entry.key], dry_run=True).leaves == ()
    assert len(gc(store, max_bytes=0, dry_run=True).leaves) == 1


def test_the_limit_is_a_size_or_a_tenth_of_the_disk(tmp_path, monkeypatch):
    store = StateStore(tmp_path)
    monkeypatch.delenv("HPO_STORE_LIMIT", raising=False)
    monkeypatch.setattr(store_limit.shutil, "disk_usage", lambda _: type("Usage", (), {"total": 20_000}))
    assert store_limit.store_limit(store) == 2_000
    monkeypatch.setattr(store_limit.shutil, "disk_usage", lambda _: type("Usage", (), {"total": 10**15}))
    assert store_limit.store_limit(store) == 10**10
    monkeypatch.setenv("HPO_STORE_LIMIT", "2GiB")
    assert store_limit.store_limit(store) == 2**31
    monkeypatch.setenv("HPO_STORE_LIMIT", "plenty")
    with pytest.raises(TuneError, match="HPO_STORE_LIMIT='plenty' is not a size; write for example 500MB"):
        store_limit.store_limit(store)
    assert bytes_of("5 apples") is None


def test_ls_shows_what_each_study_uses(tmp_path):
    storage, store = str(tmp_path / "studies.journal"), tmp_path / "store"
    study(store, 0, storage=storage, name="small", scoring="neg_median_absolute_error")
    study(store, 1)
    arguments = ["states", "ls", "--store", str(store), "--storage", storage]
    found = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    held = {one["context"]: one for one in found["contexts"]}
    (used,) = found["studies"]
    assert used["study"] == "small"
    assert {held[c]["summary"].split("(")[0] for c in used["contexts"]} == {"Moments", "ScoringSample"}
    assert used["bytes"] == sum(held[c]["bytes"] for c in used["contexts"])
    assert all(one["studies"] == (["small"] if one["context"] in used["contexts"] else []) for one in held.values())
    assert "small" in CliRunner().invoke(app, arguments).stdout
    pinned = CliRunner().invoke(app, ["states", "pin", "--study", "small", "--store", str(store), "--storage", storage])
    assert pinned.exit_code == 0
    assert StateStore(store).pinned() == set(used["contexts"])


def test_a_limit_that_is_no_size_is_refused_before_a_row_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_STORE_LIMIT", "much")
    with pytest.raises(TuneError, match="HPO_STORE_LIMIT='much' is not a size"):
        hpo.tune(np.arange(60.0).reshape(20, 3), algorithm="pca", trials=1, store=tmp_path, progress=False)
    assert not StateStore(tmp_path).list()
