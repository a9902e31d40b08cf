"""Files that are known are not opened to be listed; one that changed in any way is."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import hpo
from hpo.data.opening import open_dataset
from hpo.data.sources import footers, parquet
from hpo.states.learned.notes import FooterShelf
from state_store import StateStore

FILES = 20


def frame(seed: int, rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    return pd.DataFrame({"x": x, "z": rng.normal(size=rows), "y": x + rng.normal(size=rows)})


def write(path: Path, seed: int, rows: int = 40) -> None:
    frame(seed, rows).to_parquet(path, index=False)
    os.utime(path, (1000, 1000 + seed))


@pytest.fixture
def files(tmp_path, hpo_home, monkeypatch):
    monkeypatch.setattr(footers, "SETTLED", -60.0)  # what was just written counts as settled
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(FILES):
        write(folder / f"{number:02d}.parquet", number)
    return folder


@pytest.fixture
def opened(monkeypatch):
    """The files whose footers were read."""
    seen: list[str] = []
    read = parquet._read

    def counted(file):
        seen.append(file.name)
        return read(file)

    monkeypatch.setattr(parquet, "_read", counted)
    return seen


def known(files, store, **options):
    """Open the data as a study does, and keep what is new."""
    shelf = FooterShelf(store)
    dataset = open_dataset(str(files), target="y", footers=shelf, **options)
    shelf.keep(store)
    return dataset


@pytest.fixture
def store(tmp_path):
    return StateStore(tmp_path / "store")


@pytest.mark.parametrize("fingerprint", ["fast", "content"])
def test_known_files_are_the_same_data_set_unopened(files, store, opened, fingerprint):
    first = known(files, store, fingerprint=fingerprint)
    assert len(opened) == FILES
    again = known(files, store, fingerprint=fingerprint)
    assert len(opened) == FILES
    assert again.segments == first.segments
    assert again.describe() == first.describe()
    assert again.extents(again.features) == first.extents(first.features)
    assert [b.to_pylist() for s in again.segments for b in again.read(s)] == [
        b.to_pylist() for s in first.segments for b in first.read(s)
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda path: write(path, 99),
        lambda path: os.utime(path, (5, 5)),
        lambda path: path.write_bytes(path.read_bytes()),
        lambda path: (write(path.with_name("_new"), int(path.stem)), path.with_name("_new").replace(path)),
    ],
    ids=["rewritten", "touched", "the same bytes again", "replaced, of the same time and size"],
)
def test_a_file_that_changed_in_any_way_is_opened(files, store, opened, change):
    known(files, store)
    opened.clear()
    time.sleep(0.02)
    change(files / "07.parquet")
    assert known(files, store).segments == open_dataset(str(files), target="y").segments
    assert opened[0] == "07.parquet" and opened[1:] == [f"{n:02d}.parquet" for n in range(FILES)]


def test_a_file_that_was_just_written_is_not_remembered(files, store, opened, monkeypatch):
    monkeypatch.setattr(footers, "SETTLED", 60.0)
    known(files, store), known(files, store)
    assert len(opened) == 2 * FILES


def test_a_new_file_is_opened_alone_and_remembered(files, store, opened):
    known(files, store)
    opened.clear()
    write(files / "99.parquet", 99)
    known(files, store), known(files, store)
    assert opened == ["99.parquet"]


def test_windows_of_a_folder_share_what_is_known_and_what_is_gone_is_forgotten(files, store, opened):
    known(files, store)
    known(files / "0*.parquet", store), known(files / "1*.parquet", store), known(files, store)
    assert len(opened) == FILES
    for path in sorted(files.iterdir())[:-2]:
        path.unlink()
    write(files / "99.parquet", 99)
    known(files, store)
    (document,) = store.documents("footers")
    assert len(FooterShelf(store).load(document.about["folder"])["files"]) == 6, "those of the data, and as many"


def test_many_row_groups_nulls_and_schemas_come_back(files, store, opened):
    table = pq.read_table(files / "00.parquet")
    pq.write_table(table, files / "00.parquet", row_group_size=7)
    odd = frame(5).assign(z=np.arange(40), x=[None, *range(39)])
    odd.to_parquet(files / "05.parquet", index=False)
    pq.write_table(table, files / "06.parquet", write_statistics=False)
    first, again = known(files, store), known(files, store)
    assert len(opened) == FILES
    assert again.segments == first.segments
    assert again.schema == first.schema == open_dataset(str(files), target="y").schema


def test_a_damaged_memory_is_set_aside_and_the_files_opened(files, store, opened):
    known(files, store)
    (path,) = (p for p in (store.location / "documents" / "footers").iterdir())
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.warns(Warning, match="damaged"):
        assert known(files, store).segments
    assert len(opened) == 2 * FILES


def test_no_store_is_made_for_a_study_that_makes_no_sense(files, tmp_path):
    with pytest.raises(hpo.errors.DataError):
        hpo.tune(files, "no such column", "ridge", store=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_study_opens_only_what_is_new(files, tmp_path, opened):
    def tune():
        return hpo.tune(files, "y", "ridge", trials=2, folds=4, progress=False, store=tmp_path / "s")

    tune()
    opened.clear()
    assert tune().cost.rows_read == 0
    assert not opened
    write(files / "99.parquet", 99)
    assert tune().cost.rows_read == 40
    assert opened == ["99.parquet"]
