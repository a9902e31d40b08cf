"""Bad input: every error says what is wrong, where, and what to do."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import sys

import forked
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

import hpo
from hpo.data import open_dataset
from hpo.data.sources import files
from hpo.errors import DataError, DataWarning, HpoError
from hpo.states.passes import Pass

TABLE = pa.table({"x": [1.0, 2.0, 3.0], "c": ["a", "b", "c"], "y": [1.0, 2.0, 3.0]})


def refuse(data, *parts, **options) -> None:
    with pytest.raises(DataError) as caught:
        open_dataset(data, **{"target": "y", **options})
    for part in parts:
        assert part in str(caught.value), f"{part!r} not in {caught.value}"


def test_data_errors_are_the_hubs_own():
    assert issubclass(DataError, HpoError)


def test_a_missing_file_suggests_the_nearest(tmp_path):
    pq.write_table(TABLE, tmp_path / "flights.parquet")
    refuse(tmp_path / "flihgts.parquet", "does not exist", "did you mean", "flights.parquet")
    refuse(f"{tmp_path}/flihgts*.parquet", "no file matches", "flights.parquet")
    refuse((tmp_path / "zzz").as_uri(), "does not exist", "flights.parquet")


def test_a_file_of_another_name_is_no_suggestion_for_its_ending(tmp_path):
    pq.write_table(TABLE, tmp_path / "flights.parquet")
    refuse(tmp_path / "prices.parquet", "does not exist", "holds flights.parquet")
    refuse(tmp_path / "flights.csv", "did you mean", "flights.parquet")


def test_a_missing_directory_is_named_at_the_level_where_it_is_missing(tmp_path):
    (tmp_path / "months").mkdir()
    refuse(f"{tmp_path}/monhts/2013/*.parquet", "no file matches", f"{tmp_path}/months")


def test_an_empty_directory_and_an_empty_list(tmp_path):
    refuse(tmp_path, "holds no data file", ".parquet")
    refuse([], "empty")


@pytest.mark.parametrize("name", ["a.parquet", "a.csv"])
def test_no_rows(tmp_path, name):
    empty = TABLE.slice(0, 0)
    if name == "a.csv":
        (tmp_path / name).write_text("x,c,y\n")
    else:
        pq.write_table(empty, tmp_path / name)
    refuse(tmp_path / name, "no rows")
    refuse(empty, "no rows")


@pytest.mark.parametrize("keep", [0, 3, 100, -1])
def test_a_truncated_parquet_file_is_named(tmp_path, keep):
    pq.write_table(TABLE, tmp_path / "a.parquet")
    pq.write_table(TABLE, tmp_path / "whole.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:keep])
    refuse(tmp_path, "a.parquet", "Parquet", "truncated")


def test_a_parquet_file_damaged_inside_is_named_when_it_is_read(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"y": np.random.default_rng(0).standard_normal(20_000)}), path, compression="zstd"
    )
    data = bytearray(path.read_bytes())
    data[1_000:90_000] = bytes(89_000)
    path.write_bytes(data)
    dataset = open_dataset(path, target=None)
    with pytest.raises(DataError, match=r"a\.parquet.*damaged"):
        list(dataset.read(dataset.segments[0]))


@pytest.mark.parametrize("name", ["a.arrow", "a.feather", "a.csv.gz", "a.csv"])
def test_other_damaged_files_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"" if name == "a.csv" else b"ARROW1 is how it begins, and then nothing")
    refuse(tmp_path / name, name, "damaged")


def test_an_unknown_format_says_which_are_known(tmp_path):
    (tmp_path / "data.xlsx").write_bytes(b"PK\3\4 a spreadsheet")
    refuse(tmp_path / "data.xlsx", "data.xlsx", ".parquet")


def test_a_format_is_also_known_by_its_first_bytes(tmp_path):
    pq.write_table(TABLE, tmp_path / "part-0001")
    assert open_dataset(tmp_path, target="y").rows == 3


def test_two_formats_in_one_directory(tmp_path):
    pq.write_table(TABLE, tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("x,c,y\n1,a,1\n")
    refuse(tmp_path, "a.parquet", "b.csv", "*.parquet")


def test_different_schemas_name_both_files_and_the_columns(tmp_path):
    pq.write_table(TABLE, tmp_path / "a.parquet")
    other = {"x": ["one"], "y": [1.0], "z": [1.0]}
    pq.write_table(pa.table(other), tmp_path / "b.parquet")
    refuse(tmp_path, "a.parquet", "b.parquet", "'x': a number against text", "'c'", "drop=")
    assert open_dataset(tmp_path, target=None, features=["y"]).rows == 4


def test_a_column_type_without_meaning(tmp_path):
    table = TABLE.append_column("tags", pa.array([[1], [2], [3]]))
    refuse(table, "'tags'", "list<item: int64>", "drop=['tags']")
    assert open_dataset(table, target="y", drop=["tags"]).schema.names == ("x", "c", "y")
    frame = TABLE.to_pandas().assign(bin=[pd.DateOffset(days=1)] * 3)
    refuse(frame, "'bin' holds calendar intervals", "drop=['bin']")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"target": "yy"}, ("target 'yy'", "did you mean 'y'")),
        ({"target": "delay"}, ("target 'delay'", "'x', 'c', 'y'")),
        ({"weight": "weigth"}, ("weight 'weigth'",)),
        ({"weight": "c"}, ("weight 'c'", "categorical")),
        ({"weight": "y"}, ("'y'", "both target and weight")),
        ({"features": ["x", "cc"]}, ("feature 'cc'",)),
        ({"drop": ["q"]}, ("dropped column 'q'",)),
        ({"drop": ["x", "c"]}, ("no feature is left",)),
        ({"fingerprint": "slow"}, ("'slow'", "'content'")),
    ],
)
def test_roles_that_cannot_be(options, parts):
    refuse(TABLE, *parts, **options)


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (42, ("int", "path")),
        ((np.zeros(3), np.zeros(3)), ("1 dimension", "two-dimensional")),
        ((np.zeros((3, 1)), np.zeros(4)), ("3 rows", "'y' has 4")),
        ((pd.DataFrame({"y": [1.0]}), [1.0]), ("'y'", "y itself")),
        (pd.DataFrame({"x": [1.0, "a"], "y": [1, 2]}), ("'x'", "mixes float and str")),
        ((np.array([[1, "a"], ["b", 2]], dtype=object), [1.0, 2.0]), ("'x0'", "type")),
        ((np.zeros((3, 1), complex), [1.0, 2.0, 3.0]), ("Complex data not supported",)),
        ((5.0, [1.0, 2.0, 3.0]), ("X has 1 row ",)),
        (pd.DataFrame([[1.0, 2.0]], columns=["y", "y"]), ("more than one column", "'y'")),
    ],
)
def test_data_in_memory_that_cannot_be(data, parts):
    refuse(data, *parts)


def test_a_file_that_changes_under_the_pass(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(TABLE, path)
    dataset = open_dataset(path, target="y")
    pq.write_table(TABLE.slice(1), tmp_path / "new.parquet")
    reading = dataset.read(dataset.segments[0], batch_rows=2)
    next(reading)
    shutil.move(tmp_path / "new.parquet", path)
    with pytest.raises(DataError, match=r"a\.parquet.*changed while it was read"):
        list(reading)


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".arrow"])
@pytest.mark.parametrize("part", [0.5, 1.0], ids=["half written", "whole"])
def test_a_file_that_is_rewritten_in_place_between_its_listing_and_its_reading(tmp_path, ending, part, monkeypatch):
    path, store = tmp_path / f"a{ending}", tmp_path / "store"

    def written(seed):
        table = pd.DataFrame(np.random.default_rng(seed).normal(size=(400, 3)), columns=["x", "z", "y"])
        write = {".parquet": table.to_parquet, ".csv": lambda to: table.to_csv(to, index=False), ".arrow": table.to_feather}
        write[ending](path)
        return path.read_bytes()

    new, old = written(1), written(0)
    path.write_bytes(old)
    batches = Pass._batches

    def rewritten(self, segment, **options):
        with path.open("wb") as file:
            file.write(new[: int(part * len(new))])
        yield from batches(self, segment, **options)

    monkeypatch.setattr(Pass, "_batches", rewritten)
    asked = {"target": "y", "algorithm": "ridge", "trials": 2, "store": store, "progress": False}
    with pytest.raises(DataError, match=rf"a\{ending}.*(changed while it was read|damaged, truncated or still being written)"):
        hpo.tune(path, **asked)
    monkeypatch.undo()
    path.write_bytes(new)
    found, alone = hpo.tune(path, **asked), hpo.tune(path, **{**asked, "store": None})
    assert found.cost.rows_read == 400 and found.best_value == alone.best_value


def test_a_file_touched_or_removed_since_it_was_opened(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    dataset = open_dataset(tmp_path / "a.csv", target="y")
    os.utime(tmp_path / "a.csv", (1, 1))
    with pytest.raises(DataError, match="changed"):
        list(dataset.read(dataset.segments[0]))
    with pytest.raises(DataError, match="changed"):
        dataset.sample(["x"], 10, seed=0)
    (tmp_path / "a.csv").unlink()
    with pytest.raises(DataError, match="vanished"):
        list(dataset.read(dataset.segments[0]))


def test_a_csv_value_of_another_type_later_on(tmp_path):
    lines = ["y,x", *(f"{i}.5,{i}" for i in range(900_000)), "oops,1"]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    dataset = open_dataset(tmp_path / "a.csv", target="y")
    with pytest.raises(DataError, match=r"a\.csv.*oops.*Parquet"):
        list(dataset.read(dataset.segments[0]))


def test_a_csv_row_of_another_length(tmp_path):
    (tmp_path / "a.csv").write_text("y,x\n1,2\n1,2,3\n")
    refuse(tmp_path / "a.csv", "a.csv")


def test_an_unknown_column_asked_of_a_data_set():
    dataset = open_dataset(TABLE, target="y")
    with pytest.raises(DataError, match="'xx'"):
        next(dataset.read(dataset.segments[0], ["xx"]))
    with pytest.raises(DataError, match="'yy'"):
        dataset.schema["yy"]


def test_whole_columns_are_for_data_in_memory(tmp_path):
    pq.write_table(TABLE, tmp_path / "a.parquet")
    with pytest.raises(DataError, match="segment"):
        open_dataset(tmp_path / "a.parquet", target="y").values(["y"])


def test_a_column_of_a_later_file_is_left_out_with_a_warning(tmp_path):
    pq.write_table(TABLE, tmp_path / "a.parquet")
    pq.write_table(TABLE.append_column("z", pa.array([1, 2, 3])), tmp_path / "b.parquet")
    with pytest.warns(DataWarning, match=r"'z' of .*b\.parquet' is not in the first file.*drop=\['z'\]"):
        dataset = open_dataset(tmp_path, target="y")
    assert [field.name for field in dataset.features] == ["x", "c"]
    assert open_dataset(tmp_path, target="y", drop=["z"]).rows == 6
    assert open_dataset(tmp_path, target="y", features=["x"]).rows == 6


@pytest.mark.parametrize(
    ("link", "target", "asked"),
    [
        ("b.parquet", "gone.parquet", "."),
        ("b.parquet", "b.parquet", "."),
        ("year=2014", "gone", "."),
        ("deep/down/b.csv.gz", "/nowhere", "."),
        ("b.parquet", "gone.parquet", "*.parquet"),
        ("deep/b.parquet", "gone.parquet", "**/*.parquet"),
        ("deep/b.parquet", "gone.parquet", "*"),
    ],
)
def test_a_link_that_leads_nowhere_is_left_out_with_a_warning(tmp_path, link, target, asked):
    (tmp_path / link).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(TABLE, (tmp_path / link).parent / "a.parquet")
    (tmp_path / link).symlink_to(target)
    with pytest.warns(DataWarning, match=re.escape(f"{str(tmp_path / link)!r} (to {target!r})")) as warned:
        dataset = open_dataset(tmp_path / asked, target="y")
    assert (dataset.rows, len(warned)) == (3, 1)


@pytest.mark.parametrize("link", ["_b.parquet", ".b.parquet", "notes.txt", "deep/b.parquet"])
def test_a_link_that_would_not_have_been_read_is_no_cause_to_warn(tmp_path, link):
    (tmp_path / "deep").mkdir()
    pq.write_table(TABLE, tmp_path / "a.parquet")
    (tmp_path / link).symlink_to("gone")
    asked = tmp_path / "*.parquet" if link.startswith("deep") else tmp_path
    assert open_dataset(asked, target="y").rows == 3


def test_many_links_that_lead_nowhere_are_one_warning(tmp_path):
    pq.write_table(TABLE, tmp_path / "a.parquet")
    for i in range(1234):
        (tmp_path / f"b{i:04d}.parquet").symlink_to("gone")
    with pytest.warns(
        DataWarning, match=r"1,234 symbolic links.*b0002\.parquet' \(to 'gone'\) and 1,231 more"
    ) as warned:
        open_dataset(tmp_path, target="y")
    assert len(warned) == 1


def test_a_path_that_is_a_link_to_nothing_is_called_one(tmp_path):
    pq.write_table(TABLE, tmp_path / "a.parquet")
    (tmp_path / "b.parquet").symlink_to("gone.parquet")
    refuse(tmp_path / "b.parquet", "is a symbolic link to 'gone.parquet'", "name the file itself")


def test_a_dropped_column_may_hold_anything():
    frame = TABLE.to_pandas().assign(mixed=["a", 1, None])
    refuse(frame, "mixed", "mixes str and int values")
    assert [f.name for f in open_dataset(frame, target="y", drop=["mixed"]).features] == ["x", "c"]


FEATHERS = """
import sys, tempfile, warnings, hpo
warnings.simplefilter("ignore")
from hpo.errors import HpoError
refused = 0
for path in sys.argv[1:]:
    try:
        hpo.tune(path, "y", "ridge", trials=1, folds=2, store=tempfile.mkdtemp(), progress=False)
    except HpoError:
        refused += 1
print(refused)
"""


def test_damaged_arrow_files_are_refused_and_never_end_the_process(tmp_path):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"c": rng.choice(["red", "green", "blue"], 60), "y": rng.normal(size=60)})
    frame.to_feather(tmp_path / "a.feather", compression="uncompressed")
    whole = (tmp_path / "a.feather").read_bytes()
    table = pa.ipc.open_file(tmp_path / "a.feather").read_all()
    offsets = table.column("c").chunk(0).buffers()[1].to_pybytes()
    begin = whole.index(offsets[: 4 * 61])
    paths = []
    for k in range(40):
        damaged = bytearray(whole)
        damaged[begin + int(rng.integers(4, 4 * 61))] ^= 1 << int(rng.integers(8))
        paths.append(tmp_path / f"damaged_{k}.feather")
        paths[-1].write_bytes(damaged)
    command = [sys.executable, "-c", FEATHERS, *map(str, paths)]
    done = forked.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) >= 30


def test_a_file_that_is_gone_when_its_footer_is_needed_again(tmp_path):
    """A remembered footer is parsed when it is needed: a file may leave a watched directory before that."""
    for name in ("a", "b"):
        pq.write_table(TABLE, tmp_path / f"{name}.parquet")
    dataset = pickle.loads(pickle.dumps(open_dataset(tmp_path, target="y")))
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(DataError, match=r"a\.parquet' vanished while it was read"):
        dataset.extents(dataset.features)


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".arrow", ""])
def test_a_file_that_is_gone_between_listing_and_opening(tmp_path, ending, monkeypatch):
    """A file may leave a watched directory at any moment: a watcher continues, so the error is one of the data."""
    for name in ("a", "b"):
        path = tmp_path / f"{name}{ending}"
        if ending == ".csv":
            path.write_text("x,y\n1,2\n")
        elif ending == ".arrow":
            feather.write_feather(TABLE, path)
        else:
            pq.write_table(TABLE, path)
    real = files.list_files

    def listed(*given, **options):
        found = real(*given, **options)
        (tmp_path / f"a{ending}").unlink()
        return found

    monkeypatch.setattr("hpo.data.opening.list_files", listed)
    with pytest.raises(DataError, match=rf"a{ending}' vanished while it was read"):
        open_dataset(tmp_path, target="y")
