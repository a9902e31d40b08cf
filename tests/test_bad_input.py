"""Bad input that has no other test: what a whole study makes of it, and that nothing is lost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from xxhash import xxh3_64_digest, xxh3_128_digest

import hpo
from hpo.errors import DataError
from state_store import NewerFormat
from state_store.blob import FORMAT, HEAD, MAGIC
from state_store.files import replacing


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        x = rng.normal(size=100)
        pd.DataFrame({"x": x, "y": x + rng.normal(size=100)}).to_parquet(folder / f"{i}.parquet")
    return folder


def test_a_state_of_a_newer_version_stops_the_study_and_stays(files, tmp_path):
    hpo.tune(files, "y", trials=1, store=tmp_path / "store")
    blob = next(p for p in sorted((tmp_path / "store" / "leaves").rglob("*")) if p.is_file())
    front = HEAD.pack(MAGIC, FORMAT + 1, 0, 0)
    newer = front + xxh3_64_digest(front)
    newer += xxh3_128_digest(newer)
    with replacing(blob) as file:
        file.write(newer)
    with pytest.raises(NewerFormat, match="pip install --upgrade onepass-hpo"):
        hpo.tune(files, "y", trials=1, store=tmp_path / "store")
    assert blob.read_bytes() == newer
    blob.unlink()
    assert hpo.tune(files, "y", trials=1, store=tmp_path / "store").cost.states_reused == 2


def test_an_infinite_value_in_a_later_file_names_it_and_keeps_the_states_before(files, tmp_path):
    good = pd.read_parquet(files / "2.parquet")
    good.assign(x=np.where(np.arange(100) == 50, np.inf, good["x"])).to_parquet(files / "2.parquet")
    with pytest.raises(DataError, match=r"column 'x' holds inf in file:///.*2\.parquet.*drop=\['x'\]"):
        hpo.tune(files, "y", trials=1, store=tmp_path / "store", n_jobs=1)
    assert len(hpo.StateStore(tmp_path / "store").list()) == 2
    good.to_parquet(files / "2.parquet")
    assert hpo.tune(files, "y", trials=1, store=tmp_path / "store").cost.rows_read == 100


@pytest.mark.parametrize("folds", [50, {"scheme": "group", "column": "x", "n_splits": 50}])
def test_fewer_rows_than_folds_in_files(files, folds):
    for path in files.iterdir():
        pd.read_parquet(path).iloc[:5].to_parquet(path)
    with pytest.raises(DataError, match=r"15 .*rows"):
        hpo.tune(files, "y", trials=1, folds=folds, features=["x"])


def test_a_target_that_is_null_in_every_file_is_named_with_its_rows(files):
    for path in files.iterdir():
        pd.read_parquet(path).assign(y=np.nan).to_parquet(path)
    words = "no row can be used: 300 have no value for the target 'y'; check the target's name and the data$"
    with pytest.raises(DataError, match=words):
        hpo.tune(files, "y", trials=1)


def test_rows_of_weight_zero_are_reported_without_a_word_of_a_target_that_there_is_not(files):
    rows = pd.read_parquet(files).select_dtypes("number")
    words = "^no row can be used: 300 have weight zero; check the weights and the data$"
    with pytest.raises(DataError, match=words):
        hpo.tune(rows.drop(columns="y"), algorithm="pca", weight=np.zeros(len(rows)), trials=1)
    rows.loc[:99, "y"] = np.nan
    words = "100 have no value for the target 'y' and 200 have weight zero; check the target's name, the weights and"
    with pytest.raises(DataError, match=words):
        hpo.tune(rows, "y", weight=np.zeros(len(rows)), trials=1)
