"""Texts that mean missing: read as pandas reads them, and named where a column of numbers is text because of them."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import hpo
from hpo.cli.drafts import written_as
from hpo.data import open_dataset
from hpo.data.sources import csv
from hpo.data.sources.csv_lines import csv_lines
from hpo.data.sources.guesses import guess
from hpo.data.sources.text import TextFormat
from hpo.errors import ColumnWarning, DataWarning, SpecError
from studies.spec.text_files import missing

ASKED = {"trials": 1, "folds": 3, "store": None, "search": {"ridge.alpha": 0.1}, "progress": False}


def values_of(dataset):
    return pd.concat([b.to_pandas() for s in dataset.segments for b in dataset.read(s)], ignore_index=True)


def numbers(rows=240, seed=0):
    return np.random.default_rng(seed).normal(size=rows).round(3).astype(str)


def with_marks(marks, rows=240, every=7, seed=0):
    """Numbers as text, a mark in each seventh row."""
    found = pd.Series(numbers(rows, seed))
    for k, mark in enumerate(marks):
        found[np.arange(rows) % every == k] = str(mark)
    return found


def written(path, column):
    y = np.arange(len(column)) % 11 + pd.to_numeric(column, errors="coerce").fillna(0.0)
    frame = pd.DataFrame({"x": column, "kind": np.where(np.arange(len(column)) % 2, "?", "b"), "y": y})
    frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "marks", [["?"], ["-"], ["n.a.", "unknown"], ["-999"], ["-999.0"], [0], ["?", "-1.5", "none at all"], [" ?"], ["A, B"], ["90+"]]
)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_values_are_those_of_pandas(tmp_path, marks, name):
    path = written(tmp_path / name, with_marks(marks))
    expected = pd.read_csv(path, na_values=marks)
    found = values_of(open_dataset(path, target="y", text=TextFormat.of({"na_values": missing(marks)})))
    np.testing.assert_array_equal(found.x.to_numpy(float), expected.x.to_numpy(float))
    assert found.kind.isna().tolist() == expected.kind.isna().tolist()


def test_a_study_is_that_of_the_frame_that_pandas_reads(tmp_path):
    path = written(tmp_path / "a.csv", with_marks(["?", "-999"]))
    frame = pd.read_csv(path, na_values=["?", -999])
    ours = hpo.tune(path, "y", "ridge", na_values=["?", -999], **ASKED)
    theirs = hpo.tune(frame, "y", "ridge", **ASKED)
    np.testing.assert_allclose(ours.predict(path).prediction, theirs.predict(frame).prediction, rtol=1e-9)
    assert ours.run.record.spec["na_values"] == ["?", "-999"]


def test_other_marks_are_another_reading_in_any_order(tmp_path):
    path = written(tmp_path / "a.csv", with_marks(["?", "-999"]))
    asked = ASKED | {"store": tmp_path / "store"}
    read = [
        hpo.tune(path, "y", "ridge", na_values=marks, **asked).cost.rows_read
        for marks in (["?", "-999"], ["-999", "?"], ["?"])
    ]
    assert read == [240, 0, 240]


def test_with_marks_of_thousands_and_dates(tmp_path):
    days = pd.Series(pd.date_range("2024-01-01", periods=60).strftime("%d.%m.%Y")).where(np.arange(60) % 5 != 0, "?")
    price = pd.Series([f"1.{k:03d},5" for k in range(60)]).where(np.arange(60) % 4 != 0, "k.A.")
    pd.DataFrame({"day": days, "price": price, "y": range(60)}).to_csv(tmp_path / "a.csv", sep=";", index=False)
    options = written_as([str(tmp_path / "a.csv")]).text.given
    assert options == {
        "sep": ";", "decimal": ",", "thousands": ".", "date_format": "%d.%m.%Y", "na_values": ("?", "k.A."),
    }  # fmt: skip
    found = values_of(open_dataset(tmp_path / "a.csv", target="y", text=TextFormat.of(options)))
    expected = pd.read_csv(tmp_path / "a.csv", sep=";", decimal=",", thousands=".", na_values=["?", "k.A."])
    np.testing.assert_array_equal(found.price.to_numpy(float), expected.price.to_numpy(float))
    assert found.day.isna().tolist() == (np.arange(60) % 5 == 0).tolist()


def test_lines_of_a_stream_too():
    parse = csv_lines(b"a,b", TextFormat(na_values=("?",)))
    assert parse([b"1.5,?", b"?,u"], None).to_pydict() == {"a": [1.5, None], "b": [None, "u"]}


@pytest.mark.parametrize(
    ("column", "given"),
    [
        (with_marks(["?"]), ["?"]),
        (with_marks(["-", "unknown"]), ["-", "unknown"]),
        (with_marks([" ?"]), [" ?"]),
        (with_marks(["Total"]), ["Total"]),
        (with_marks(["<0.1"]), ["<0.1"]),
        (pd.Series(["1", "2", "?"] * 80), ["?"]),
        (pd.Series([*numbers(4_000), "?"]), ["?"]),
        (pd.Series([*numbers(4_000), "3.5 kg"]), ["3.5 kg"]),
    ],
    ids=["?", "two", "blank", "word", "below", "few", "far below", "far below, a number and a word"],
)
def test_a_column_that_is_text_because_of_them_is_named_once_and_then_read(tmp_path, column, given):
    path = written(tmp_path / "a.csv", column)
    with pytest.warns(DataWarning, match="column 'x' looks like numbers but is read as text") as warned:
        hpo.tune(path, "y", "ridge", **ASKED)
    said = [str(w.message) for w in warned if "'x'" in str(w.message) and "an id" not in str(w.message)]
    assert len(said) == 1 and f"give na_values={given!r}, which then means missing" in said[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        result = hpo.tune(path, "y", "ridge", na_values=given, **ASKED)
    assert result.best_value > 0.0


@pytest.mark.parametrize("column", [[*numbers(4_000), "?"], [*[""] * 30, *numbers(4_000), "?"]], ids=["numbers", "gaps"])
def test_a_mark_far_below_is_known_from_the_block_that_is_parsed_anyway(tmp_path, column, monkeypatch):
    path, parsed, reader = written(tmp_path / "a.csv", pd.Series(column)), [], csv._reader

    def counting(stream, file, text, wanted, block=csv.BLOCK):
        parsed.append(block)
        return reader(stream, file, text, wanted, block)

    monkeypatch.setattr(csv, "_reader", counting)
    sight = open_dataset(path, target="y").sight(1_000)
    assert guess(sight).marks == {"x": ("?",)}
    assert parsed == [csv.BLOCK, csv.SOME]


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2", "3", "K"], ["10", "20", "30+"], ["A12", "B7", "?"], ["red", "?"], ["12a", "12", "14"], ["1-2", "3-4"],
        ["M", "F", "1"],
    ],
)  # fmt: skip
def test_categories_are_not(tmp_path, values):
    path = written(tmp_path / "a.csv", pd.Series(values * 60))
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        hpo.tune(path, "y", "ridge", **ASKED)


@pytest.mark.parametrize("kind", ["object", "string", "category", "parquet"])
def test_numbers_that_a_table_holds_as_text_are_named(tmp_path, kind):
    frame = pd.DataFrame({"x": with_marks(["?"]), "y": np.arange(240.0) % 11})
    data = frame if kind == "parquet" else frame.astype({"x": kind})
    if kind == "parquet":
        data = tmp_path / "a.parquet"
        frame.to_parquet(data)
    with pytest.warns(ColumnWarning, match=r"'x' looks like numbers \(with '\?' among them\) but is text.*to_numeric"):
        hpo.tune(data, "y", "ridge", **ASKED)


@pytest.mark.parametrize("values", [["01", "02"], ["1", "2", "K"], ["192.168.1.10", "10.0.0.1"], ["1.2.3", "1.10.0"]])
def test_codes_in_a_table_are_not(values):
    frame = pd.DataFrame({"x": values * 60, "y": np.arange(60.0 * len(values)) % 7})
    with warnings.catch_warnings():
        warnings.simplefilter("error", ColumnWarning)
        hpo.tune(frame, "y", "ridge", **ASKED)


@pytest.mark.parametrize("value", [{"x": "?"}, True, [["?"]], "", ["?", "?"]])
def test_what_names_no_text_is_refused(value):
    with pytest.raises(SpecError, match="na_values"):
        hpo.tune("a.csv", "y", "ridge", na_values=value)
