"""Forgetting a file: no state of it is left, what others have stays, and who had seen it is said."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from test_windows import command

import hpo
from hpo.errors import TuneError
from hpo.states.forget import find_file, forget_file
from state_store import StateStore


def fill(folder, files, rows=60):
    folder.mkdir()
    for number in range(files):
        rng = np.random.default_rng(number)
        made = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["a", "b", "y"])
        made["k"] = rng.choice(["u", "v"], rows)
        made["z"] = np.where(made["y"] > 0, "yes", "no")
        made.to_parquet(folder / f"{number}.parquet")


@pytest.mark.parametrize("files", [3, 200])
def test_no_state_of_a_file_is_left_and_the_others_need_no_row(files, tmp_path):
    fill(tmp_path / "in", files)
    asked = {"algorithm": "lda", "trials": 2, "features": ["a", "b"], "store": tmp_path / "store"}
    whole = hpo.tune(tmp_path / "in", "z", **asked)
    store = StateStore(tmp_path / "store")
    entries = store.list()
    merged = [e.about["of"].split() for e in entries if "rolled" in e.about]
    own = [e for e in entries if "uri" in e.about and (not merged or e.key.segment[:8] in merged[0])]
    name = own[0].about["uri"].rpartition("/")[2]
    uri = find_file(store, name)
    done = forget_file(store, uri)
    summaries = len(whole.run.evidence.contexts)
    assert (done.leaves, done.runs) == (summaries, sum(own[0].key.segment[:8] in keys for keys in merged))
    assert done.notes >= 1
    assert not [e for e in store.list() if e.about.get("uri") == uri]
    assert len(store.list()) == len(entries) - done.leaves - done.runs
    assert uri not in "".join(str(d.about) for d in store.documents())
    rest = hpo.tune(tmp_path / "in", "z", exclude=name, **asked)
    assert (rest.cost.rows_read, rest.best.states.whole.rows) == (0, 60 * (files - 1))
    back = hpo.tune(tmp_path / "in", "z", **asked)
    assert back.cost.rows_read == 60
    assert back.best_value == pytest.approx(whole.best_value, rel=1e-12)


def test_what_would_go_is_said_and_nothing_goes(tmp_path):
    fill(tmp_path / "in", 2)
    hpo.tune(tmp_path / "in", "y", "ridge", trials=2, store=tmp_path / "store")
    store = StateStore(tmp_path / "store")
    before = dict(store.blobs())
    done = forget_file(store, find_file(store, str(tmp_path / "in" / "0.parquet")), dry_run=True)
    assert (done.leaves, len(done.stays)) == (1, 1)
    assert before.keys() == dict(store.blobs()).keys()


def test_a_name_that_means_no_file_or_several_is_refused(tmp_path):
    for part in ("a", "b"):
        fill(tmp_path / part, 2)
        hpo.tune(tmp_path / part, "y", "ridge", trials=1, store=tmp_path / "store")
    store = StateStore(tmp_path / "store")
    with pytest.raises(TuneError, match=r"'0.parquet' is the name of 2 files.*give its whole path"):
        find_file(store, "0.parquet")
    assert find_file(store, "b/0.parquet").endswith("b/0.parquet")
    with pytest.raises(TuneError, match=r"has no state of '2.parquet'; did you mean"):
        find_file(store, "2.parquet")


def test_the_command_names_the_editions_that_had_seen_it(tmp_path):
    fill(tmp_path / "in", 2)
    (tmp_path / "s.yaml").write_text("name: s\ndata: in\ntarget: y\nalgorithm: ridge\ntrials: 2\n")
    assert command(tmp_path, "run", "s.yaml", "-q").code == 0
    assert command(tmp_path, "run", "s.yaml", "-q", "--exclude", "0.parquet").code == 0
    said = command(tmp_path, "states", "forget", "1.parquet", "--dry-run")
    assert "would remove 1 leaf, 0 merged states, " in said.out
    assert "seen by: s, s@2" in said.out
    done = json.loads(command(tmp_path, "states", "forget", "0.parquet", "--json").out)
    assert (done["leaves"], done["studies"][0]) == (1, "s")
    assert done["stays"][0].startswith("documents/pilots/")
    gone = command(tmp_path, "predict", "s", "in/0.parquet", "-o", tmp_path / "x.csv", "--edition", "1")
    assert gone.code != 0
    assert "Traceback" not in gone.err
    again = command(tmp_path, "states", "forget", "0.parquet")
    assert "removed 0 leaves" in again.out
