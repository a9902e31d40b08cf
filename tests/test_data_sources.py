"""Every source hands out the values that pandas reads from the same place."""

from __future__ import annotations

import datetime
import gzip
import os
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flights import flights
from pyarrow import feather
from scipy import sparse

from hpo.data import Dataset, open_dataset
from hpo.data.segment import SEGMENT_ROWS


def mixed(rows: int = 1_000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "y": rng.standard_normal(rows),
            "x": np.where(rng.random(rows) < 0.1, np.nan, rng.standard_normal(rows)),
            "count": rng.integers(0, 9, rows),
            "flag": rng.random(rows) < 0.5,
            "city": rng.choice(["Oslo", "Bergen", "Tromsø"], rows),
            "day": pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 400, rows), "D"),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "city"] = None
    frame.loc[rng.random(rows) < 0.1, "day"] = None
    return frame


def collect(dataset: Dataset, batch_rows: int = 300) -> pd.DataFrame:
    names = list(dataset.schema.names)
    batches = [b for s in dataset.segments for b in dataset.read(s, names, batch_rows)]
    assert all(0 < batch.num_rows <= batch_rows for batch in batches)
    frames = [pa.Table.from_batches([batch]).to_pandas() for batch in batches]
    return pd.concat(
        [f.astype({c: object for c in f if f[c].dtype == "category"}) for f in frames], ignore_index=True
    )


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert set(found.columns) == set(expected.columns)
    for name in expected.columns:
        b = expected[name].reset_index(drop=True)
        a = pd.to_datetime(found[name]) if b.dtype.kind == "M" and b.dt.tz is None else found[name]
        assert (a.isna() == b.isna()).all(), name
        assert (a[a.notna()].to_numpy() == b[b.notna()].to_numpy()).all(), name


def write(frame: pd.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".feather":
        feather.write_feather(frame, str(path))
    elif path.suffix == ".arrow":
        table = pa.Table.from_pandas(frame, preserve_index=False)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=128)
    else:
        frame.to_csv(path, index=False, sep="\t" if ".tsv" in path.name else ",")
    return path


@pytest.mark.parametrize(
    "name", ["a.parquet", "a.feather", "a.arrow", "a.csv", "a.csv.gz", "a.tsv", "a.csv.bz2"]
)
def test_a_file_reads_as_pandas_reads_it(tmp_path, name):
    path = write(mixed(), tmp_path / name)
    dataset = open_dataset(path, target="y")
    frame = mixed()
    assert_same(collect(dataset), frame)
    assert not dataset.in_memory
    assert dataset.nbytes > 0
    assert dataset.rows == (None if "csv" in name or "tsv" in name else len(frame))
    kinds = {field.name: field.kind for field in dataset.features}
    assert kinds == {
        "x": "numeric", "count": "numeric", "flag": "boolean", "city": "categorical",
        "day": "date" if dataset.rows is None else "timestamp",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.csv"])
def test_reading_counts_rows_stored_bytes_and_segments_once(tmp_path, name):
    dataset = open_dataset(write(mixed(), tmp_path / name), target="y")
    collect(dataset)
    assert dataset.log.rows == 1_000
    assert dataset.log.bytes == dataset.nbytes
    assert dict(dataset.log.segments) == {segment.id: 1 for segment in dataset.segments}
    assert dataset.log.pilot_rows == 0


def test_directory_glob_list_and_uri_name_the_same_data(tmp_path):
    parts = [mixed(200, seed) for seed in range(3)]
    paths = [write(part, tmp_path / "data" / f"{i}.parquet") for i, part in enumerate(parts)]
    (tmp_path / "data" / "_SUCCESS").touch()
    (tmp_path / "data" / ".hidden.parquet").touch()
    whole = pd.concat(parts)
    ways = [
        tmp_path / "data",
        f"{tmp_path}/data/*.parquet",
        f"{tmp_path}/data/**/[0-2].parquet",
        f"{tmp_path}/data/?.parquet",
        paths[::-1],
        [str(paths[1]), tmp_path / "data"],
        (tmp_path / "data").as_uri(),
        (tmp_path / "data").as_uri() + "/*.parquet",
    ]
    datasets = [open_dataset(way, target="y") for way in ways]
    assert len({dataset.segments for dataset in datasets}) == 1
    above = open_dataset(f"{tmp_path}/**/[0-2].parquet", target="y")  # the root, and so the places, are others
    assert [s.uri for s in above.segments] == [s.uri for s in datasets[0].segments]
    assert_same(collect(datasets[0]), whole)


def test_hive_partitions_become_columns(tmp_path):
    parts = {}
    for year, place in ((2013, "NO"), (2014, "S%20E"), (2014, "__HIVE_DEFAULT_PARTITION__")):
        parts[year, place] = mixed(50, len(parts))
        write(parts[year, place], tmp_path / f"year={year}" / f"land={place}" / "a.parquet")
    dataset = open_dataset(tmp_path, target="y")
    assert dataset.schema["year"].kind == "numeric"
    assert dataset.schema["land"].kind == "categorical"
    found = collect(dataset)
    assert found.groupby("year").size().to_dict() == {2013: 50, 2014: 100}
    assert found["land"].value_counts(dropna=False).sort_index().tolist() == [50, 50, 50]
    assert set(found["land"].dropna()) == {"NO", "S E"}
    only = [b for s in dataset.segments for b in dataset.read(s, ["year"], 30)]
    assert sum(b.num_rows for b in only) == 150
    assert {v for b in only for v in b.column("year").to_pylist()} == {2013, 2014}


def test_remote_file_systems_are_read_through_fsspec(tmp_path):
    pytest.importorskip("fsspec")
    script = f"""
        import fsspec, pandas as pd, pytest
        from hpo.data import open_dataset
        from hpo.errors import DataError
        fs = fsspec.filesystem("memory")
        frame = pd.DataFrame({{"x": [1.0, 2.0, 3.0], "y": [1, 2, 3]}})
        for name in "ab":
            with fs.open(f"/bucket/year=2013/{{name}}.parquet", "wb") as f: frame.to_parquet(f)
            with fs.open(f"/bucket/csv/{{name}}.csv.gz", "wb") as f:
                frame.to_csv(f, index=False, compression="gzip")
        for uri in ("memory://bucket/year=2013", "memory://bucket/csv", "memory://bucket/year=*/*.parquet"):
            dataset = open_dataset(uri, target="y")
            rows = [b.to_pandas()[["x", "y"]] for s in dataset.segments for b in dataset.read(s)]
            assert pd.concat(rows)["y"].tolist() == [1, 2, 3] * 2, uri
            assert all(s.uri.startswith("memory://") for s in dataset.segments)
        with fs.open("/bucket/csv/a.csv.gz", "wb") as f: frame.to_csv(f, index=False, compression="gzip")
        old = open_dataset("memory://bucket/csv", target="y")
        with fs.open("/bucket/csv/a.csv.gz", "wb") as f: frame.to_csv(f, index=False, compression="gzip")
        assert open_dataset("memory://bucket/csv", target="y").segments[0] != old.segments[0]
        with pytest.raises(DataError, match="changed"):
            list(old.read(old.segments[0]))
        with pytest.raises(DataError, match="bucket"):
            open_dataset("memory://bukket/csv", target="y")
        with pytest.raises(DataError, match="nosuch"):
            open_dataset("nosuch://bucket/a.parquet", target="y")
        open_dataset({str(write(mixed(), tmp_path / "a.parquet"))!r}, target="y")
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def frames(frame: pd.DataFrame):
    yield "pandas", frame
    yield "pandas category", frame.astype({"city": "category"})
    yield "pandas object", frame.astype({"city": object})
    yield "polars", pl.from_pandas(frame)
    yield "polars category", pl.from_pandas(frame).with_columns(pl.col("city").cast(pl.Categorical))
    table = pa.Table.from_pandas(frame, preserve_index=False)
    yield "arrow", table
    yield "arrow in pieces", pa.concat_tables([table.slice(0, 7), table.slice(7, 500), table.slice(507)])
    city = table.column_names.index("city")
    yield "arrow dictionary", table.set_column(city, "city", table["city"].dictionary_encode())


@pytest.mark.parametrize("case", range(8))
def test_frames_of_every_make_hold_the_same(case):
    name, data = list(frames(mixed()))[case]
    dataset = open_dataset(data, target="y")
    assert dataset.in_memory, name
    assert dataset.rows == 1_000
    assert {field.name: field.kind for field in dataset.features} == {
        "x": "numeric", "count": "numeric", "flag": "boolean", "city": "categorical", "day": "timestamp",
    }  # fmt: skip
    assert_same(collect(dataset), mixed())


def test_equal_frames_have_equal_fingerprints_and_a_changed_value_shows():
    table = pa.Table.from_pandas(mixed(), preserve_index=False)
    pieces = pa.concat_tables([table.slice(0, 400), table.slice(400)])
    assert open_dataset(table, target="y").segments == open_dataset(pieces, target="y").segments
    changed = mixed()
    changed.loc[999, "x"] = 5.0
    assert open_dataset(changed, target="y").segments != open_dataset(mixed(), target="y").segments


def test_blocks_of_equal_rows_still_have_fingerprints_of_their_own():
    dataset = open_dataset((np.zeros((2 * SEGMENT_ROWS + 5, 1)), np.zeros(2 * SEGMENT_ROWS + 5)))
    assert [segment.rows for segment in dataset.segments] == [SEGMENT_ROWS, SEGMENT_ROWS, 5]
    assert len({segment.fingerprint for segment in dataset.segments}) == 3


def test_rows_appended_to_a_frame_leave_its_full_blocks_as_they_are():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((SEGMENT_ROWS + 10, 2)), rng.standard_normal(SEGMENT_ROWS + 10)
    before = open_dataset((X[:-5], y[:-5])).segments
    after = open_dataset((X, y)).segments
    assert before[0].fingerprint == after[0].fingerprint
    assert before[1].fingerprint != after[1].fingerprint


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "int64", "bool", "uint64"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_named_as_scikit_learn_names_them(dtype, order):
    X = np.asarray(np.random.default_rng(0).integers(0, 2, (500, 3)), dtype=dtype, order=order)
    dataset = open_dataset((X, np.arange(500.0)))
    assert dataset.targets == ("y",)
    assert [field.name for field in dataset.features] == ["x0", "x1", "x2"]
    found = collect(dataset)
    assert np.array_equal(found[["x0", "x1", "x2"]].to_numpy(dtype), X)
    assert np.array_equal(found["y"], np.arange(500.0))


def test_targets_take_their_names_from_series_frames_and_columns():
    X = np.zeros((3, 1))
    assert open_dataset((X, pd.Series([1, 2, 3], name="delay"))).targets == ("delay",)
    assert open_dataset((X, pl.Series("late", [1, 2, 3]))).targets == ("late",)
    assert open_dataset((X, pd.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}))).targets == ("a", "b")
    assert open_dataset((X, np.zeros((3, 2)))).targets == ("y0", "y1")
    assert open_dataset((X, [1, 2, 3])).targets == ("y",)
    chosen = open_dataset((X, np.zeros((3, 2))), target="y1")
    assert (chosen.targets, [f.name for f in chosen.features]) == (("y1",), ["x0"])
    assert open_dataset((X, None)).targets == ()


def test_a_frame_and_a_series_of_another_index_pair_by_position():
    X = pd.DataFrame({"a": [1.0, 2.0]}, index=[5, 6])
    dataset = open_dataset((X, pd.Series([10.0, 20.0], index=[1, 0], name="t")))
    assert collect(dataset).to_dict("list") == {"a": [1.0, 2.0], "t": [10.0, 20.0]}


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix])
def test_sparse_matrices_are_made_dense_a_batch_at_a_time(make):
    dense = np.round(np.random.default_rng(0).random((700, 20)) ** 30, 3)
    dataset = open_dataset((make(dense), np.arange(700.0)), target=None)
    found = collect(dataset)
    assert np.array_equal(found[[f"x{i}" for i in range(20)]], dense)
    assert open_dataset((sparse.csr_array(dense), np.arange(700.0))).segments == dataset.segments


def test_a_wide_sparse_matrix_never_becomes_dense_as_a_whole():
    script = """
        import numpy as np, resource
        from scipy import sparse
        from hpo.data import open_dataset
        indptr, indices = np.arange(400_001), np.arange(400_000) * 7 % 2_000
        X = sparse.csr_array((np.ones(400_000), indices, indptr), shape=(400_000, 2_000))
        dataset = open_dataset((X, np.zeros(400_000)))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rows = sum(b.num_rows for s in dataset.segments for b in dataset.read(s, batch_rows=4_096))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert rows == 400_000, rows
        print(grown // 1024)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert int(result.stdout) < 600  # MiB; the dense matrix would take 6,100


def test_weights_come_as_a_column_or_beside_the_data():
    X, y, w = np.zeros((3, 1)), np.arange(3.0), np.array([1.0, 2.0, 3.0])
    assert collect(open_dataset((X, y), weight=w))["weight"].tolist() == [1.0, 2.0, 3.0]
    frame = pd.DataFrame({"a": y, "t": y, "w": w})
    by_name = open_dataset(frame, target="t", weight="w")
    assert (by_name.weight, [f.name for f in by_name.features]) == ("w", ["a"])
    beside = open_dataset(frame[["a", "t"]], target="t", weight=w)
    assert (beside.weight, collect(beside)["weight"].tolist()) == ("weight", [1.0, 2.0, 3.0])


def test_dropped_columns_can_still_be_read():
    dataset = open_dataset(mixed(), target="y", drop=["city"])
    assert "city" not in [field.name for field in dataset.features]
    batch = next(dataset.read(dataset.segments[0], [*dataset.columns, "city"]))
    assert batch.schema.names == ["x", "count", "flag", "day", "y", "city"]


def test_features_are_read_in_the_order_asked(tmp_path):
    dataset = open_dataset(write(mixed(), tmp_path / "a.parquet"), target="y", features=["count", "x"])
    assert [field.name for field in dataset.features] == ["count", "x"]
    assert next(dataset.read(dataset.segments[0])).schema.names == ["count", "x", "y"]


def test_a_row_group_run_is_a_segment_and_other_files_do_not_move_it(tmp_path):
    table = pa.table({"x": np.arange(700_000, dtype=np.float32), "y": np.zeros(700_000)})
    pq.write_table(table, tmp_path / "b.parquet", row_group_size=100_000)
    dataset = open_dataset(tmp_path, target="y")
    assert [(s.part, s.rows) for s in dataset.segments] == [
        ((0, 3), 300_000), ((3, 6), 300_000), ((6, 7), 100_000),
    ]  # fmt: skip
    assert np.array_equal(collect(dataset, 65_536)["x"], np.arange(700_000))
    pq.write_table(table.slice(0, 5), tmp_path / "a.parquet")
    assert open_dataset(tmp_path, target="y").segments[1:] == dataset.segments


def test_record_batches_of_an_ipc_file_are_grouped_the_same_way(tmp_path):
    table = pa.table({"x": np.arange(600_000), "y": np.zeros(600_000)})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=200_000)
    dataset = open_dataset(tmp_path / "a.arrow", target="y")
    assert [(s.part, s.rows) for s in dataset.segments] == [((0, 2), 400_000), ((2, 3), 200_000)]
    assert np.array_equal(collect(dataset, 65_536)["x"], np.arange(600_000))


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.arrow"])
def test_content_fingerprints_follow_the_bytes_and_fast_ones_the_file(tmp_path, name):
    first = write(mixed(), tmp_path / "one" / name)
    copy = tmp_path / "two" / name
    copy.parent.mkdir()
    copy.write_bytes(first.read_bytes())

    def prints(path: Path, how: str) -> list[str]:
        return [s.fingerprint for s in open_dataset(path, target="y", fingerprint=how).segments]

    assert prints(first, "content") == prints(copy, "content")
    assert prints(first, "fast") != prints(copy, "fast")
    assert prints(first, "fast") == prints(first, "fast") != prints(first, "content")
    write(mixed(seed=1), copy)
    assert prints(first, "content") != prints(copy, "content")


def places(data, how: str = "fast") -> list[str]:
    dataset = open_dataset(data, target="y", features=["x"], fingerprint=how)
    return [segment.place for segment in dataset.segments]


def test_a_place_is_the_name_below_the_root_and_not_the_address(tmp_path, monkeypatch):
    for root in ("one", "two"):
        for name in ("a.parquet", "year=2013/b.parquet", "year=2014/b.parquet"):
            write(mixed(), tmp_path / root / name)
    ways = [
        [tmp_path / root, f"{tmp_path / root}/", f"{tmp_path / root}/**/*.parquet", [tmp_path / root]]
        for root in ("one", "two")
    ]
    named = ["a.parquet[0]", "year=2013/b.parquet[0]", "year=2014/b.parquet[0]"]
    assert [places(data) for way in ways for data in way] == [named] * 8
    singles = [tmp_path / "two" / name for name in ("a.parquet", "year=2014/b.parquet")]
    assert places(singles) == [named[0], named[2]]
    assert places(singles, "content")[0] != named[0]
    assert places(singles, "content") == places([tmp_path / "one" / "a.parquet", singles[1]], "content")
    alike = [tmp_path / "one" / "a.parquet", tmp_path / "two" / "a.parquet"]
    assert places(alike) == ["one/a.parquet[0]", "two/a.parquet[0]"]
    monkeypatch.chdir(tmp_path / "one")
    assert places("a.parquet") == places("a.*") == places(alike[1]) == [named[0]]
    os.utime(alike[0], (0, 0))
    assert places(".") == named


def test_footers_say_which_columns_hold_no_null(tmp_path):
    table = pa.table({"y": [1.0, 2.0], "full": [1, 2], "holey": [1, None], "text": ["a", None]})
    pq.write_table(table, tmp_path / "a.parquet")
    schema = open_dataset(tmp_path / "a.parquet", target="y").schema
    assert {f.name: f.nullable for f in schema} == {"y": False, "full": False, "holey": True, "text": True}
    pq.write_table(table, tmp_path / "b.parquet", write_statistics=False)
    assert open_dataset(tmp_path, target="y").schema["full"].nullable


def test_files_whose_types_meet_are_read_in_the_wider_one(tmp_path):
    pq.write_table(pa.table({"y": [1], "x": [1], "c": ["a"], "n": pa.nulls(1)}), tmp_path / "a.parquet")
    city = pa.array(["b"]).dictionary_encode()
    second = {"y": [0.5], "n": ["k"], "c": city, "x": [Decimal("2.50")]}
    pq.write_table(pa.table(second), tmp_path / "b.parquet")
    dataset = open_dataset(tmp_path, target="y")
    assert [(f.name, f.dtype) for f in dataset.schema] == [
        ("y", "double"), ("x", "double"), ("c", "string"), ("n", "string"),
    ]  # fmt: skip
    found = collect(dataset)
    assert found["y"].tolist() == [1.0, 0.5]
    assert [float(value) for value in found["x"]] == [1.0, 2.5]
    assert found["c"].tolist() == ["a", "b"]
    assert found["n"].isna().tolist() == [True, False]


def test_columns_that_nobody_uses_may_differ(tmp_path):
    pq.write_table(pa.table({"y": [1.0], "x": [1.0], "odd": ["a"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"y": [1.0], "x": [1.0], "odd": [[1]]}), tmp_path / "b.parquet")
    dataset = open_dataset(tmp_path, target="y", drop=["odd"])
    assert dataset.schema.names == ("y", "x")


def test_unusual_types_are_read(tmp_path):
    table = pa.table(
        {
            "y": [1.0, 2.0],
            "clock": [datetime.time(6, 30), None],
            "lasted": [datetime.timedelta(seconds=90), None],
            "price": [Decimal("1.25"), None],
            "half": np.array([0.5, 1.5], np.float16),
            "when": pa.array([0, None], pa.timestamp("ns", "Europe/Oslo")),
            "view": pa.array(["a", None], pa.string_view()),
            "nothing": pa.nulls(2),
        }
    )
    dataset = open_dataset(table, target="y")
    assert [field.kind for field in dataset.features] == [
        "time", "duration", "numeric", "numeric", "timestamp", "categorical", "numeric",
    ]  # fmt: skip


def test_whole_numbers_of_a_csv_may_turn_out_to_be_fractions(tmp_path):
    lines = ["y,x", *(f"{i},{i}" for i in range(900_000)), "1.5,", "2.5,7.25"]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    found = collect(open_dataset(tmp_path / "a.csv", target="y"), 65_536)
    assert found["y"].iloc[-2:].tolist() == [1.5, 2.5]
    assert np.isnan(found["x"].iloc[-2])


def test_quoted_line_breaks_stay_in_their_value(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b'y,c\n1,"a\nb"\n2,c\n'))
    assert collect(open_dataset(tmp_path / "a.csv.gz", target="y"))["c"].tolist() == ["a\nb", "c"]


def test_real_flights_read_the_same_from_csv_and_parquet(tmp_path):
    some = flights().iloc[::40].assign(time_hour=lambda f: pd.to_datetime(f["time_hour"]))
    paths = [write(some, tmp_path / name) for name in ("flights.parquet", "flights.csv")]
    for path in paths:
        dataset = open_dataset(path, target="arr_delay")
        assert dataset.schema["time_hour"].kind == "timestamp"
        assert_same(collect(dataset, 1_000), some)


class TestSample:
    def test_it_reads_every_segment_and_only_the_columns_asked(self, tmp_path):
        for part in range(9):
            write(mixed(100, part), tmp_path / f"{part}.parquet")
        dataset = open_dataset(tmp_path, target="y")
        table, drawn = dataset.sample(["city", "count"], 50, seed=0)
        assert (table.num_rows, table.column_names) == (50, ["city", "count"])
        assert [dataset.segments.index(segment) for segment in drawn] == list(range(9))
        assert (dataset.log.pilot_rows, dataset.log.rows, len(dataset.log.segments)) == (900, 0, 0)

    def test_it_depends_on_the_seed_alone(self):
        dataset = open_dataset((np.arange(200_000.0)[:, None], np.zeros(200_000)))
        draws = [dataset.sample(["x0"], 1_000, seed)[0]["x0"].to_pylist() for seed in (0, 0, 1)]
        assert draws[0] == draws[1] != draws[2]
        assert len(set(draws[0])) == 1_000
        assert draws[0] == sorted(draws[0])
        assert abs(np.mean(draws[0]) - 100_000) < 8 * 57_735 / np.sqrt(1_000)

    def test_it_is_everything_when_there_are_fewer_rows(self, tmp_path):
        dataset = open_dataset(write(mixed(), tmp_path / "a.csv"), target="y")
        table, drawn = dataset.sample(["city"], 5_000, seed=0)
        assert table["city"].to_pylist() == [None if pd.isna(c) else c for c in mixed()["city"]]
        assert drawn == dataset.segments


def test_describe_is_json(tmp_path):
    import json

    dataset = open_dataset(write(mixed(), tmp_path / "a.parquet"), target="y")
    document = json.loads(json.dumps(dataset.describe()))
    assert document["rows"] == 1_000
    assert document["targets"] == ["y"]
    assert document["files"] == [(tmp_path / "a.parquet").as_uri()]


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_an_array_alone_has_no_target(make):
    dataset = open_dataset(make(np.eye(3)))
    assert (dataset.targets, dataset.rows, [f.name for f in dataset.features]) == ((), 3, ["x0", "x1", "x2"])


def test_partition_keys_above_the_directory_or_glob_asked_for_are_no_columns(tmp_path, monkeypatch):
    deep = tmp_path / "run=5" / "data"
    for year in (2013, 2014):
        (deep / f"year={year}").mkdir(parents=True)
        pd.DataFrame({"x": [1.0, 2.0]}).to_parquet(deep / f"year={year}" / "a.parquet", index=False)
    for data in (deep, str(deep / "*" / "*.parquet")):
        assert open_dataset(data).schema.names == ("x", "year")
    monkeypatch.chdir(tmp_path / "run=5")
    assert open_dataset("data/year=2013/a.parquet").schema.names == ("x", "year")
    assert open_dataset(deep / "year=2013").schema.names == ("x",)
