"""Data as people have it: indices that pandas wrote, whole-number classes of CSV files, dates that are all missing."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import feather
from terminal import within

import hpo
from hpo.data import open_dataset
from hpo.errors import DataError, DataWarning
from studies.spec.form import loads

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

    def test_weights_name_classes_that_pandas_wrote_with_decimals_because_of_gaps(self, tmp_path):
        x = np.random.default_rng(0).normal(size=200)
        rows = pd.DataFrame({"x": x, "t": np.where(x > 0, 1.0, 0.0)})
        rows.to_csv(tmp_path / "t.csv", index=False)
        scores = [
            hpo.tune(
                data, "t", "logistic", trials=1, folds=2, store=None, progress=False,
                search={"logistic.class_weight": [weights], "logistic.C": [1.0]},
            ).best_model[-1].coef_.ravel()
            for data, weights in ((tmp_path / "t.csv", "0=1, 1=5"), (rows.astype({"t": int}), "0=1, 1=5"))
        ]  # fmt: skip
        np.testing.assert_allclose(*scores, rtol=1e-6)


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
        with pytest.warns(DataWarning, match="2 of 3 files of .* are left out.*'part-0', 'part-1'"):
            assert open_dataset(tmp_path, target="y").rows == N


def test_a_header_in_windows_1252_is_said_to_be_one(tmp_path):
    (tmp_path / "a.csv").write_bytes("prix,catégorie,y\n".encode("cp1252") + b"1,a,2\n" * 40)
    with pytest.raises(DataError, match=r"is not UTF-8 text: its header holds the byte 0xe9, as text in Windows-1252"):
        open_dataset(tmp_path / "a.csv", target="y")


BIG = 2**53
VAST = 2**63


def _written(frame, path):
    """Write a frame as its path says, and return what is to be read."""
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".arrow":
        frame.reset_index(drop=True).to_feather(path, compression="uncompressed")
    else:
        return frame
    return path


def _labelled(kind, base):
    """Return 300 rows of three classes that lie one beside the other, some of them missing, and an exact rule."""
    rng = np.random.default_rng(0)
    place = np.arange(300) % 3
    labels = pd.Series([base + int(i) for i in place], dtype="object")
    labels[::50] = None
    made = {"int64": "Int64", "uint64": "UInt64", "text": "string"}.get(kind)
    labels = labels.astype(made) if made else labels
    if kind == "decimal":
        labels = labels.map(lambda v: None if v is None else Decimal(v))
    return pd.DataFrame({"x": rng.normal(size=300) + 9.0 * place, "t": labels})


class TestWholeNumbersBeyond53Bits:
    @pytest.mark.parametrize("file", ["csv", "parquet", "arrow", "frame"])
    @pytest.mark.parametrize(("kind", "base"), [("int64", BIG), ("uint64", VAST), ("text", 10**25), ("decimal", BIG)])
    def test_classes_keep_apart(self, tmp_path, kind, base, file):
        frame = _labelled(kind, base)
        data = _written(frame, tmp_path / f"a.{file}")
        labels = [base + i for i in range(3)]
        labels = [*map(str, labels)] if kind == "text" else labels
        search = {"logistic.class_weight": [f"{labels[1]}=5"]}
        ask = {"trials": 1, "store": None, "progress": False, "search": search}
        result = hpo.tune(data, "t", "logistic", **ask)
        assert result.best_model.classes_.tolist() == labels
        predicted = result.predict(data)
        assert [*predicted.columns[1:]] == [f"probability_{label}" for label in labels]
        known = frame.t.notna()
        right = [str(a) == str(b) for a, b in zip(predicted.prediction[known], frame.t[known], strict=True)]
        assert np.mean(right) > 0.95
        confirmed = hpo.confirm(result, data)["accuracy"]
        assert confirmed == pytest.approx(np.mean(right), rel=1e-12)

    def test_small_labels_beside_vast_ones(self, tmp_path):
        frame = _labelled("uint64", VAST)
        frame.loc[frame.t == VAST, "t"] = 5
        frame.to_csv(tmp_path / "a.csv", index=False)
        result = hpo.tune(tmp_path / "a.csv", "t", "gaussian_nb", trials=1, store=None, progress=False)
        assert result.best_model.classes_.tolist() == [5, VAST + 1, VAST + 2]
        assert set(result.predict(tmp_path / "a.csv").prediction) == {5, VAST + 1, VAST + 2}

    @pytest.mark.parametrize("kinds", [("int64", "uint64"), ("uint64", "int64"), ("int64", "decimal")])
    def test_classes_of_files_of_several_types(self, tmp_path, kinds):
        for name, kind in zip("ab", kinds, strict=True):
            _labelled(kind, BIG).to_parquet(tmp_path / f"{name}.parquet")
        result = hpo.tune(tmp_path, "t", "gaussian_nb", trials=1, store=None, progress=False)
        assert result.best_model.classes_.tolist() == [BIG, BIG + 1, BIG + 2]

    @pytest.mark.parametrize("file", ["csv", "parquet", "frame"])
    @pytest.mark.parametrize(("kind", "base"), [("int64", BIG), ("uint64", VAST), ("text", 10**25), ("decimal", BIG)])
    def test_groups_keep_apart(self, tmp_path, kind, base, file):
        frame = _labelled(kind, base).dropna().rename(columns={"t": "g"})
        frame["y"] = frame.x
        data = _written(frame, tmp_path / f"a.{file}")
        folds = {"scheme": "group", "column": "g", "n_splits": 3}
        result = hpo.tune(data, "y", "ridge", trials=1, folds=folds, store=None, progress=False)
        assert result.folds.test_groups.tolist() == [1, 1, 1]

    @pytest.mark.parametrize("file", ["csv", "parquet", "frame"])
    def test_hashed_ids_keep_apart(self, tmp_path, file):
        ids = np.arange(4000) % 40
        frame = pd.DataFrame({"id": BIG + ids, "y": np.where(ids % 2, 1.0, -1.0)})
        data = _written(frame, tmp_path / f"a.{file}")
        ask = {"trials": 1, "hash_columns": ["id"], "store": None, "progress": False}
        free = {"alpha": 1e-4, "l1_ratio": 0.0, "loss": "squared_error"}
        result = hpo.tune(data, "y", "linear_regressor", search={f"linear_regressor.{k}": v for k, v in free.items()}, **ask)
        assert np.corrcoef(result.predict(data).prediction, frame.y)[0, 1] > 0.9

    def test_a_kept_column_is_written_as_it_is(self, tmp_path):
        frame = pd.DataFrame({"id": BIG + np.arange(100), "x": np.arange(100) / 7, "y": np.arange(100.0)})
        frame.to_csv(tmp_path / "a.csv", index=False)
        place = {"store": tmp_path / "s", "storage": f"{tmp_path / 'j'}"}
        hpo.tune(tmp_path / "a.csv", "y", "ols", name="n", drop=["id"], trials=1, progress=False, **place)
        written = tmp_path / "p.csv"
        done = within(
            "predict", "n", tmp_path / "a.csv", "-o", written, "--keep", "id", "--store", tmp_path / "s",
            "--storage", tmp_path / "j",
        )  # fmt: skip
        assert done.code == 0, done.err
        assert pd.read_csv(written).id.tolist() == frame.id.tolist()

    def test_floats_beyond_are_warned_of(self):
        frame = pd.DataFrame({"x": np.arange(100.0), "t": BIG + 2.0 * (np.arange(100) % 2)})
        with pytest.warns(DataWarning, match="beyond 2\\*\\*53 as float64"):
            hpo.tune(frame, "t", "gaussian_nb", trials=1, store=None, progress=False)


class TestPolars:
    def frame(self):
        polars = pytest.importorskip("polars")
        wide = polars.Series(range(40), dtype=polars.Int128)
        return polars.DataFrame({"k": wide, "x": [i % 7 for i in range(40)], "y": [i % 5 for i in range(40)]})

    def test_a_column_without_an_arrow_type_may_be_dropped(self):
        frame = self.frame()
        ask = {"trials": 1, "store": None, "progress": False}
        result = hpo.tune(frame, "y", "ols", drop=["k"], **ask)
        expected = hpo.tune(frame.drop("k"), "y", "ols", **ask)
        assert result.best_value == expected.best_value
        assert result.predict(frame).equals(expected.predict(frame.drop("k")))

    def test_and_is_named_where_it_is_not(self):
        with pytest.raises(DataError, match=r"column 'k' is Int128: .*leave it out of the frame"):
            hpo.tune(self.frame(), "y", "ols", store=None, progress=False)


def test_the_name_of_a_study_may_be_a_number():
    assert loads("name: 2024\ndata: a.csv\nalgorithm: ridge\n").name == "2024"


def test_predictions_are_the_kind_of_frame_that_the_rows_are():
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    d = pd.DataFrame({"x": np.arange(40.0), "c": list("ab") * 20, "y": np.arange(40.0) > 18})
    r = hpo.tune(d, "y", "logistic", trials=1, store=None, progress=False)
    whole = r.predict(d)
    frame, table = pl.from_pandas(d.head(3)), pa.Table.from_pandas(d.head(3))
    for rows in (frame, frame.lazy(), frame.drop("y")):
        found = r.predict(rows)
        assert isinstance(found, pl.DataFrame) and found.columns == list(whole)
        shares = whole.probability_True.head(3)  # BLAS multiplies three rows in another order than forty
        np.testing.assert_allclose(found["probability_True"].to_list(), shares, rtol=1e-12)
        assert found["prediction"].dtype == pl.Boolean
    for rows in (table, table.to_batches()[0]):
        pd.testing.assert_frame_equal(r.predict(rows).to_pandas(), whole.head(3), rtol=1e-12)


def test_predictions_of_a_frame_keep_its_index(tmp_path):
    frame = pd.DataFrame({"x": np.arange(50.0), "y": np.arange(50.0) * 2}, index=np.arange(50)[::-1])
    result = hpo.tune(frame, "y", "ols", trials=1, store=None, progress=False)
    predicted = result.predict(frame.head(3))
    assert predicted.index.equals(frame.head(3).index)
    np.testing.assert_allclose(predicted.prediction, frame.y.head(3), atol=1e-9)
    named = frame.set_index(pd.Index([f"r{i}" for i in range(50)], name="row"))
    assert result.predict(named).index.equals(named.index)
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert result.predict(tmp_path / "a.csv").index.equals(pd.RangeIndex(50))


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_numbers_of_16_bits_with_gaps_are_read_from_files(tmp_path, ending):
    x = np.random.default_rng(0).normal(size=240)
    half = pa.array(x.astype(np.float16), mask=np.arange(240) % 5 == 0)
    table, path = pa.table({"h": half, "y": 2.0 * x}), str(tmp_path / f"a.{ending}")
    (pq.write_table if ending == "parquet" else feather.write_feather)(table, path)
    wide = table.set_column(0, "h", pc.cast(half, pa.float32()))
    found = [hpo.tune(one, "y", "ridge", trials=1, folds=3, progress=False).best.scores.folds for one in (path, wide)]
    assert np.mean(found[0]) == pytest.approx(np.mean(found[1]), abs=0.1)
