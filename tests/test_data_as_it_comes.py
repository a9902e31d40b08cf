"""Data as people have it: indices that pandas wrote, whole-number classes of CSV files, dates that are all missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hpo
from hpo.data import open_dataset
from hpo.errors import DataError, DataWarning

N = 200


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    made = pd.DataFrame({"x": rng.normal(size=N)})
    made["y"] = np.arange(N) * 0.1 + made.x
    return made


class TestTheIndexOfPandas:
    @pytest.mark.parametrize("name", [None, "id"])
    def test_is_no_feature_and_is_named(self, frame, tmp_path, name):
        path, column = tmp_path / "a.parquet", name or "__index_level_0__"
        frame.sample(frac=1, random_state=0).rename_axis(name).to_parquet(path)
        with pytest.warns(DataWarning, match=f"column '{column}' is the index that pandas wrote"):
            dataset = open_dataset(path, target="y")
        assert [f.name for f in dataset.features] == ["x"]
        assert [f.name for f in open_dataset(path, target="y", drop=[column]).features] == ["x"]

    def test_is_a_feature_where_it_is_named(self, frame, tmp_path):
        frame.sample(frac=1, random_state=0).rename_axis("id").to_parquet(tmp_path / "a.parquet")
        dataset = open_dataset(tmp_path / "a.parquet", target="y", features=["id", "x"])
        assert [f.name for f in dataset.features] == ["id", "x"]

    def test_may_be_the_target(self, frame, tmp_path):
        frame.set_index("y").to_parquet(tmp_path / "a.parquet")
        assert [f.name for f in open_dataset(tmp_path / "a.parquet", target="y").features] == ["x"]


class TestWholeNumbersOfCsvFiles:
    def test_classes_are_whole(self, tmp_path):
        x = np.random.default_rng(0).normal(size=300)
        pd.DataFrame({"x": x, "t": (x > 0).astype(int)}).to_csv(tmp_path / "t.csv", index=False)
        search = {"logistic.class_weight": ["0=1, 1=5"]}
        result = hpo.tune(
            tmp_path / "t.csv", "t", "logistic", trials=1, search=search, store=tmp_path / "s", progress=False
        )
        rows = result.predict(tmp_path / "t.csv")
        assert [*rows.columns] == ["prediction", "probability_0", "probability_1"]
        assert set(rows.prediction) == {0, 1} and result.best_model.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT], ids=str)
def test_dates_that_are_missing_in_all_rows_are_missing_dates(tmp_path, missing):
    days = pd.date_range("2024-01-01", periods=100)
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=100), "day": days})
    frame.loc[::7, "day"] = pd.NaT
    result = hpo.tune(frame.assign(y=frame.x), "y", "ridge", trials=1, store=None, progress=False)
    expected = result.predict(frame.assign(day=pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]")))
    rows = frame[["x"]].assign(day=pd.Series([missing] * 100))
    pd.testing.assert_frame_equal(result.predict(rows), expected)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    np.testing.assert_allclose(result.predict(tmp_path / "rows.csv").prediction, expected.prediction, rtol=1e-12)


def test_another_kind_is_refused_as_ever():
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=50), "y": np.arange(50.0)})
    result = hpo.tune(frame, "y", "ridge", trials=1, store=None, progress=False)
    with pytest.raises(DataError, match="column 'day' is double here and was timestamp"):
        result.predict(pd.DataFrame({"day": [1.0, 2.0]}))


@pytest.mark.parametrize("kind", ["timestamp", "date", "duration", "time"])
def test_auto_refuses_a_target_of_times_in_words(kind):
    days = pd.Series(pd.date_range("2024-01-01", periods=50))
    made = {"timestamp": days, "date": days.dt.date, "duration": days - days[0], "time": days.dt.time}
    with pytest.raises(DataError, match=f"target 'when' is {kind} .*, and only a number can be one"):
        hpo.tune(pd.DataFrame({"x": np.arange(50.0), "when": made[kind]}), "when", store=None, progress=False)


class TestDirectories:
    @pytest.mark.parametrize("hidden", [".ipynb_checkpoints", "_temporary"])
    def test_two_stars_skip_hidden_ones(self, frame, tmp_path, hidden):
        (tmp_path / hidden).mkdir()
        for path in (tmp_path, tmp_path / hidden):
            frame.to_csv(path / "a.csv", index=False)
        assert len(open_dataset(f"{tmp_path}/**/*.csv", target="y").segments) == 1
        assert len(open_dataset(f"{tmp_path}/{hidden}/*.csv", target="y").segments) == 1

    def test_files_of_other_endings_are_named(self, frame, tmp_path):
        for name in ("a.parquet", "part-0", "part-1"):
            frame.to_parquet(tmp_path / name, index=False)
        with pytest.warns(DataWarning, match="2 of 3 files of .* are left out: .*'part-0', 'part-1'"):
            assert open_dataset(tmp_path, target="y").rows == N


def test_a_header_in_windows_1252_is_said_to_be_one(tmp_path):
    (tmp_path / "a.csv").write_bytes("prix,catégorie,y\n".encode("cp1252") + b"1,a,2\n" * 40)
    with pytest.raises(DataError, match=r"is no UTF-8 text: its header holds the byte 0xe9, as text in Windows-1252"):
        open_dataset(tmp_path / "a.csv", target="y")
