"""The index of a pandas frame is no feature, whichever way its column comes: as pandas has it, so has a study."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import hpo
from hpo.data import open_dataset
from hpo.errors import DataError, DataWarning

rng = np.random.default_rng(0)
FACTS = pd.DataFrame({"x": rng.normal(size=60), "k": np.arange(60) % 6, "y": np.arange(60.0)}).sample(
    frac=1, random_state=0
)
CITIES = pd.DataFrame({"k": np.arange(6), "people": rng.normal(size=6)}).sample(frac=1, random_state=1)
LEVELS = FACTS.set_index([pd.Index(FACTS.index, name="row"), pd.Index(FACTS.index % 7, name="week")])
WRITTEN = "is the index that pandas wrote"


def names(dataset):
    return tuple(feature.name for feature in dataset.features)


def of_polars(tmp_path):
    FACTS.to_parquet(tmp_path / "a.parquet")
    return pl.read_parquet(tmp_path / "a.parquet")


def written_by_polars(tmp_path):
    of_polars(tmp_path).write_parquet(tmp_path / "b.parquet")
    return str(tmp_path / "b.parquet")


@pytest.mark.parametrize(
    "make",
    [
        lambda _: pa.Table.from_pandas(FACTS),
        lambda _: pa.Table.from_pandas(LEVELS),
        lambda _: pa.RecordBatch.from_pandas(LEVELS),
        lambda _: (pa.Table.from_pandas(LEVELS[["x", "k"]]), FACTS["y"]),
        of_polars,
        written_by_polars,
    ],
)
def test_an_index_is_no_feature_of_a_table(make, tmp_path):
    data = make(tmp_path)
    with pytest.warns(DataWarning, match=WRITTEN):
        found = open_dataset(data, target=None if isinstance(data, tuple) else "y")
    assert names(found) == ("x", "k")


def test_an_index_is_a_feature_where_it_is_named():
    assert names(open_dataset(pa.Table.from_pandas(LEVELS), target="y", features=["x", "week"])) == ("x", "week")


def test_an_index_that_is_dropped_is_no_cause_to_warn(recwarn):
    open_dataset(pa.Table.from_pandas(LEVELS), target="y", drop=["row", "week"])
    assert not recwarn.list


def test_an_index_is_no_column_that_is_joined(tmp_path):
    CITIES.to_parquet(tmp_path / "cities.parquet")
    for cities in (str(tmp_path / "cities.parquet"), pa.Table.from_pandas(CITIES)):
        with pytest.warns(DataWarning, match=f"of dimension 'city' {WRITTEN}"):
            found = open_dataset(hpo.Join(FACTS, on={"city": (cities, "k")}), target="y")
        assert names(found) == ("x", "k", "people")


def test_an_index_may_be_the_key_of_a_dimension(tmp_path, recwarn):
    keyed = CITIES.set_index("k")
    keyed.to_parquet(tmp_path / "cities.parquet")
    found = open_dataset(hpo.Join(FACTS, on={"city": (str(tmp_path / "cities.parquet"), "k")}), target="y")
    assert names(found) == ("x", "k", "people")
    assert not recwarn.list
    with pytest.raises(DataError, match=r"key 'k' is not in.*the index of the frame: give frame.reset"):
        open_dataset(hpo.Join(FACTS, on={"city": (keyed, "k")}), target="y")


@pytest.mark.filterwarnings("ignore::hpo.errors.DataWarning")
def test_an_index_is_no_feature_of_a_stream():
    with hpo.Stream("rows", target="y", algorithm="ridge", pilot_rows=50) as stream:
        stream.update(pa.Table.from_pandas(LEVELS))
    result = hpo.Stream("rows").tune(trials=1)
    assert list(result.best_model.feature_names_in_) == ["x", "k"]
