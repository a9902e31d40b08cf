"""CSV files as people write them: encodings, decimal commas, thousands, symbols and dates; pandas is the oracle."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest
from terminal import within

import hpo
from hpo.data import open_dataset
from hpo.data.sources.text import TextFormat
from hpo.errors import DataError, DataWarning
from studies.errors import SpecError
from studies.spec.form import load

N = 120


@pytest.fixture
def place(tmp_path):
    return {"store": tmp_path / "store", "trials": 2, "progress": False, "n_jobs": 1}


def frame_of(n=N):
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, n), "D")
    made = pd.DataFrame(
        {
            "price": rng.normal(2000.0, 900.0, n).round(2),
            "stück": rng.integers(0, 5_000_000, n),
            "share": rng.uniform(0, 100, n).round(1),
            "day": day,
            "art": rng.choice(["café", "thé", "œuf"], n),
        }
    )
    made.loc[::9, "price"] = np.nan
    made["y"] = (made.price.fillna(0) / 1000 + made.share / 20 + (made.art == "thé")).round(3)
    return made


def german(frame, *, symbols=False):
    """Return the text of a frame as Excel writes it in Germany."""
    made = frame.copy()
    for name in ("price", "share", "y"):
        made[name] = [_german(v, 3 if name == "y" else 2) for v in frame[name]]
    made["stück"] = [f"{v:,}".replace(",", ".") for v in frame["stück"]]
    made["day"] = frame.day.dt.strftime("%d.%m.%Y")
    if symbols:
        made["price"] = [f"{v} €" if v else v for v in made.price]
        made["share"] = [f"{v}%" for v in made.share]
    return made.to_csv(index=False, sep=";")


def _german(value, digits):
    if np.isnan(value):
        return ""
    return f"{value:,.{digits}f}".replace(",", "_").replace(".", ",").replace("_", ".")


GERMAN = {"sep": ";", "decimal": ",", "thousands": ".", "date_format": "%d.%m.%Y"}


def values_of(dataset):
    tables = [batch for segment in dataset.segments for batch in dataset.read(segment)]
    return pd.concat([table.to_pandas() for table in tables], ignore_index=True)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1", "utf-16", "utf-16-le", "utf-8-sig", "cp1250"])
@pytest.mark.parametrize("symbols", [False, True])
def test_a_german_file_is_read_as_pandas_reads_it(tmp_path, encoding, symbols):
    text = german(frame_of(), symbols=symbols)
    if encoding in ("cp1250", "latin-1"):
        text = text.replace("œ", "ö").replace("€", "kr")
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    options = {**GERMAN, "encoding": encoding}
    bare = text.replace(" €", "").replace(" kr", "").replace("%", "") if symbols else text
    expected = pd.read_csv(io.BytesIO(bare.encode(encoding)), **options, parse_dates=["day"])
    asked = {**options, "symbols": ["€", "kr", "%"]} if symbols else options
    found = values_of(open_dataset(tmp_path / "a.csv", target="y", text=TextFormat.of(asked)))
    assert set(found.columns) == set(expected.columns)
    for name in expected.columns:
        if name == "day":
            assert (pd.to_datetime(found.day) == expected.day).all()
        elif name == "art":
            assert found.art.tolist() == expected.art.tolist()
        else:
            np.testing.assert_array_equal(found[name].to_numpy(float), expected[name].to_numpy(float))


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({"thousands": ","}, ["1,234.5", "12", "1,234,567", "-2,000"]),
        ({"thousands": " "}, ["1 234.5", "12", "1 234 567", "-2 000"]),
        ({"thousands": "'"}, ["1'234.5", "12", "1'234'567", "-2'000"]),
        ({"decimal": ","}, ["0,5", "12", "1e-3", "-2,25"]),
        ({"decimal": ",", "thousands": "."}, ["1.234,5", "12", "1.234.567", "-2.000"]),
        ({"thousands": ","}, ["12,34,567", "1,23,456", "12", "3"]),
    ],
)
def test_numbers_are_those_of_pandas(tmp_path, options, values):
    text = "x,y\n" + "".join(f'"{v}",{i}\n' for i, v in enumerate(values * 10))
    (tmp_path / "a.csv").write_text(text)
    expected = pd.read_csv(tmp_path / "a.csv", **options).x.to_numpy(float)
    found = values_of(open_dataset(tmp_path / "a.csv", target="y", text=TextFormat.of(options)))
    np.testing.assert_array_equal(found.x.to_numpy(float), expected)


def test_a_study_reads_as_it_is_asked_to_and_remembers_it(tmp_path, place):
    frame = frame_of()
    (tmp_path / "a.csv").write_bytes(german(frame, symbols=True).encode("cp1252"))
    frame.assign(day=frame.day.dt.date).to_csv(tmp_path / "b.csv", index=False)
    options = {**GERMAN, "encoding": "cp1252", "symbols": ["€", "%"]}
    storage = f"{tmp_path / 'journal'}"
    given = hpo.tune(tmp_path / "a.csv", "y", "ridge", name="a", storage=storage, **options, **place)
    plain = hpo.tune(tmp_path / "b.csv", "y", "ridge", **place)
    expected = plain.predict(tmp_path / "b.csv").prediction
    ours, theirs = (r.model_of(encoded=True)[0].get_feature_names_out().tolist() for r in (given, plain))
    assert ours == theirs
    np.testing.assert_allclose(given.predict(tmp_path / "a.csv").prediction, given.predict(frame).prediction, rtol=1e-12)
    np.testing.assert_allclose(given.predict(frame).prediction, expected, rtol=0.2)
    again = hpo.load("a", storage=storage)
    usual = dict.fromkeys(options)
    for result in (given, again):
        ours = result.predict(tmp_path / "a.csv").prediction
        np.testing.assert_allclose(result.predict(tmp_path / "b.csv", **usual).prediction, ours, rtol=1e-12)
        assert hpo.confirm(result, tmp_path / "a.csv") == pytest.approx(hpo.confirm(result, frame))
    done = within(
        "predict", "a", tmp_path / "a.csv", "-o", tmp_path / "p.csv", "--storage", storage, "--store", place["store"]
    )
    assert done.code == 0, done.err
    np.testing.assert_allclose(pd.read_csv(tmp_path / "p.csv").prediction, given.predict(frame).prediction, rtol=1e-9)


def test_other_options_are_another_question(tmp_path, place):
    (tmp_path / "a.csv").write_text("x;z;y\n" + "".join(f"{i % 7 + 1}.{i % 10}00;{i};{i * i % 17}\n" for i in range(100)))
    one = hpo.tune(tmp_path / "a.csv", "y", "ridge", sep=";", **place)
    other = hpo.tune(tmp_path / "a.csv", "y", "ridge", sep=";", decimal=",", thousands=".", **place)
    again = hpo.tune(tmp_path / "a.csv", "y", "ridge", sep=";", **place)
    assert (one.cost.rows_read, other.cost.rows_read, again.cost.rows_read) == (100, 100, 0)
    x = values_of(open_dataset(tmp_path / "a.csv", target="y", text=TextFormat(";", decimal=",", thousands="."))).x
    assert x.max() == 7900


class TestWhatIsWrong:
    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_utf_16_is_named(self, tmp_path, encoding):
        (tmp_path / "a.csv").write_bytes(german(frame_of()).encode(encoding))
        name = {"utf-16": "utf-16"}.get(encoding, encoding)
        with pytest.raises(DataError, match=f"is UTF-.* text; pass encoding='{name}'"):
            open_dataset(tmp_path / "a.csv", target="y")

    @pytest.mark.parametrize("far", [0, 900_000])
    def test_a_byte_that_is_no_utf_8_wherever_it_is(self, tmp_path, place, far):
        rows = [f"{i % 11},{i % 5},caf,{i % 7}\n".encode() for i in range(1_000_000 if far else 100)]
        rows[far] = "1,3,café,2\n".encode("cp1252")
        (tmp_path / "a.csv").write_bytes(b"x,z,art,y\n" + b"".join(rows))
        with pytest.raises(DataError, match=f"'art' holds other bytes in line {far + 2:,}, .*encoding='cp1252'"):
            hpo.tune(tmp_path / "a.csv", "y", "ridge", **place)
        with pytest.raises(DataError, match="'art' holds other bytes"):
            hpo.tune(tmp_path / "a.csv", "y", "ridge", drop=["x"], **place)
        assert hpo.tune(tmp_path / "a.csv", "y", "ridge", encoding="cp1252", **place).cost.rows_read == len(rows)
        assert hpo.tune(tmp_path / "a.csv", "y", "ridge", drop=["art"], **place).cost.rows_read == len(rows)

    def test_in_another_file(self, tmp_path, place):
        (tmp_path / "a.csv").write_text("x,art,y\n" + "1,café,2\n3,b,1\n" * 40)
        (tmp_path / "b.csv").write_bytes(("x,art,y\n" + "1,café,2\n3,b,1\n" * 40).encode("cp1252"))
        with pytest.raises(DataError, match=r"b\.csv.*encoding='cp1252'|encoding='cp1252'.*b\.csv"):
            hpo.tune(tmp_path, "y", "ridge", **place)

    @pytest.mark.parametrize(("encoding", "wrong"), [("utf-8", "utf-16"), ("cp1252", "ascii"), ("utf-16", "utf-8")])
    def test_another_encoding_than_said(self, tmp_path, encoding, wrong):
        (tmp_path / "a.csv").write_bytes("x,catégorie,y\n1,é,2\n".encode(encoding) * 20)
        with pytest.raises(DataError, match=f"encoding='{wrong}'|cannot read"):
            open_dataset(tmp_path / "a.csv", target="y", text=TextFormat(encoding=wrong))

    @pytest.mark.parametrize("command", ["init", "run"])
    def test_on_the_command_line_in_words(self, tmp_path, command):
        (tmp_path / "a.csv").write_bytes("prix,catégorie,y\n".encode("cp1252") + b"1,a,2\n" * 40)
        (tmp_path / "s.yaml").write_text(f"data: {tmp_path / 'a.csv'}\ntarget: y\nalgorithm: ridge\n")
        if command == "run":
            done = within("run", tmp_path / "s.yaml")
            assert done.code == 1 and "encoding='cp1252'" in done.err and "bug" not in done.err

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"encoding": "cp1253x"}, "'cp1253x' is not an encoding that Python knows"),
            ({"encoding": "base64"}, "is not an encoding"),
            ({"sep": ";;"}, "';;' does not separate columns"),
            ({"decimal": "1"}, "'1' is not a mark between digits"),
            ({"thousands": "."}, "'thousands' and 'decimal' are both '.'"),
            ({"date_format": "dmy"}, "'dmy' is not a format of dates"),
        ],
    )
    def test_options_are_checked(self, options, message):
        with pytest.raises(SpecError, match=message):
            hpo.tune("a.csv", "y", "ridge", **options)

    def test_of_data_that_is_no_csv(self, place):
        with pytest.raises(DataError, match="decimal=',': that says how CSV files are written, and there are none"):
            hpo.tune(frame_of()[["share", "y"]], "y", "ridge", decimal=",", **place)

    def test_a_value_far_below_that_is_no_number(self, tmp_path):
        rows = [f'"{i % 900 + 1},{i % 900 + 100}",{i}\n' for i in range(600_000)]
        rows[-1] = '"12,34",1\n'
        (tmp_path / "a.csv").write_text("x,y\n" + "".join(rows))
        dataset = open_dataset(tmp_path / "a.csv", target="y", text=TextFormat(thousands=","))
        with pytest.raises(DataError, match=r"column 'x'.*'12,34'"):
            values_of(dataset)


class TestWhatFilesLookLike:
    @pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-8"])
    def test_init_proposes_how_they_are_read(self, tmp_path, encoding):
        frame = frame_of()
        (tmp_path / "a.csv").write_bytes(german(frame, symbols=True).encode(encoding))
        done = within("init", tmp_path / "a.csv", "--target", "y", "--algorithm", "ridge", "-o", tmp_path / "s.yaml")
        assert done.code == 0, done.err
        spec = load(tmp_path / "s.yaml")
        found = TextFormat.of(spec.model_dump()).given
        expected = {**GERMAN, "symbols": ("%", "€"), **({} if encoding == "utf-8" else {"encoding": encoding})}
        assert found == expected
        text = (tmp_path / "s.yaml").read_text()
        assert "#   a guess: the header of a.csv has no ','" in text
        assert "#   a guess: 'day' looks like it" in text
        assert "thousands: '.', a guess" in done.err
        assert spec.drop == ()
        place = ["--store", tmp_path / "store", "--trials", 2]
        ran = within("run", tmp_path / "s.yaml", *place)
        assert ran.code == 0, ran.err
        assert "read as text" not in ran.err

    def test_init_proposes_nothing_where_nothing_is_unusual(self, tmp_path):
        frame_of().to_csv(tmp_path / "a.csv", index=False)
        done = within("init", tmp_path / "a.csv", "--target", "y", "-o", tmp_path / "s.yaml")
        assert done.code == 0 and "guess" not in done.err
        assert not TextFormat.of(load(tmp_path / "s.yaml").model_dump()).given

    @pytest.mark.parametrize(
        ("values", "given"),
        [
            (["1,5", "2,25", "0,75"], "decimal=','"),
            (["1.234,5", "12,5"], "decimal=',', thousands='.'"),
            (["1,234.5", "12.5"], "thousands=','"),
            (["1 234,5", "12,5"], "decimal=',', thousands=' '"),
            (["12 €", "7 €"], "symbols=['€']"),
            (["$1,234.50", "-$7"], "thousands=',', symbols=['$']"),
            (["12.5%", "7%"], "symbols=['%']"),
            (["EUR 12", "EUR 7"], "symbols=['EUR']"),
            (["31.12.2024", "01.02.2024"], "date_format='%d.%m.%Y'"),
            (["12/31/2024", "01/02/2024"], "date_format='%m/%d/%Y'"),
            (["01/02/2024", "03/04/2024"], "date_format='%d/%m/%Y' (or '%m/%d/%Y', which suits as well)"),
            (["31.12.2024 13:45", "01.02.2024 00:00"], "date_format='%d.%m.%Y %H:%M'"),
            (["3 Feb 2024", "31 Dec 2023"], "date_format='%d %b %Y'"),
            (["2024-02-03 13:45:00 UTC", "2023-12-31 00:00:00 UTC"], "date_format='%Y-%m-%d %H:%M:%S UTC'"),
        ],
    )
    def test_a_column_of_text_that_looks_like_another_is_named(self, tmp_path, place, values, given):
        frame = pd.DataFrame({"x": values * 30, "z": np.arange(30 * len(values)) % 7})
        frame["y"] = frame.z * 2
        frame.to_csv(tmp_path / "a.csv", index=False)
        with pytest.warns(DataWarning, match="column 'x' looks like .* but is read as text") as warned:
            result = hpo.tune(tmp_path / "a.csv", "y", "ridge", **place)
        (message,) = {str(w.message) for w in warned}
        assert f"give {given} to read it as such, or drop=['x']" in message
        result.predict(tmp_path / "a.csv")
        options = eval(f"dict({given.partition(' (')[0]})")
        assert hpo.tune(tmp_path / "a.csv", "y", "ridge", **options, **place).cost.rows_read
        hpo.tune(tmp_path / "a.csv", "y", "ridge", drop=["x"], **place)

    @pytest.mark.parametrize(
        "values",
        [
            ["red", "blue", "2 green"], ["192.168.1.10", "10.0.0.1"], ["A12", "B7"], ["1.2.3", "1.10.0"],
            ["030 123 456", "040 998 112"], ["12-34", "56-78"], ["10-20", "20-30"], ["<5", "5-10"], ["1a", "2b"],
            ["2024-W01", "2024-W02"], ["555-1234", "555-9876"], ["1.2.10", "1.12.2"], ["1.2.10", "10.0.19"],
        ],
    )  # fmt: skip
    def test_others_are_not(self, tmp_path, place, values):
        frame = pd.DataFrame({"x": values * 30, "y": np.arange(30.0 * len(values)) % 7})
        frame.to_csv(tmp_path / "a.csv", index=False)
        hpo.tune(tmp_path / "a.csv", "y", "ridge", **place)

    @pytest.mark.parametrize("values", [["2024-02-03", "31/12/2024"], ["3 Feb 2024", "2024-02-03 13:45", "Feb 4, 2024"]])
    def test_dates_written_in_several_ways_are_named(self, tmp_path, place, values):
        frame = pd.DataFrame({"x": values * 30, "y": np.arange(30.0 * len(values)) % 7})
        frame.to_csv(tmp_path / "a.csv", index=False)
        with pytest.warns(DataWarning, match=r"column 'x' looks like dates written in several ways.*drop=\['x'\]"):
            hpo.tune(tmp_path / "a.csv", "y", "ridge", **place)

    def test_two_decimal_marks_in_one_file(self, tmp_path, place):
        frame = pd.DataFrame({"x": ["1,5", "2,25", "0,75"] * 30, "z": np.arange(90) / 7.0, "y": np.arange(90.0) % 8})
        frame.to_csv(tmp_path / "a.csv", index=False)
        with pytest.warns(DataWarning, match=r"'x': numbers with another decimal mark .* drop=\['x'\]"):
            hpo.tune(tmp_path / "a.csv", "y", "ridge", **place)
        done = within("init", tmp_path / "a.csv", "--target", "y", "-o", tmp_path / "s.yaml")
        assert done.code == 0, done.err
        assert not TextFormat.of(load(tmp_path / "s.yaml").model_dump()).given

    def test_a_target_too(self, tmp_path, place):
        (tmp_path / "a.csv").write_text("x;y\n" + "".join(f"{i};{i},5\n" for i in range(60)))
        with pytest.warns(DataWarning, match="column 'y' looks like numbers.*decimal=','"), pytest.raises(DataError):
            hpo.tune(tmp_path / "a.csv", "y", "ridge", sep=";", **place)


@pytest.mark.parametrize("sep", [";", "|", ":", " ", "\t"])
def test_another_separator_is_named_and_then_read(tmp_path, place, sep):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)).round(3), columns=["a", "b", "y"])
    frame.to_csv(tmp_path / "a.csv", index=False, sep=sep)
    with pytest.raises(DataError, match=f"is separated by {re.escape(repr(sep))}.*pass sep={re.escape(repr(sep))}"):
        hpo.tune(tmp_path / "a.csv", "y", "ridge", **place)
    read = hpo.tune(tmp_path / "a.csv", "y", "ridge", sep=sep, **place)
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert read.best_value == hpo.tune(tmp_path / "a.csv", "y", "ridge", **place).best_value


def test_columns_between_several_spaces_are_pandas_s_to_read(tmp_path, place):
    (tmp_path / "a.csv").write_text(pd.DataFrame({"a": range(60), "y": range(60)}).to_string(index=False))
    with pytest.raises(DataError, match=r"by several spaces.*pandas.read_csv\(…, sep=r'\\s\+'\) and pass the frame"):
        hpo.tune(tmp_path / "a.csv", "y", "ridge", **place)


def test_dates_of_named_columns_even_of_digits(tmp_path):
    days = pd.date_range("1969-12-01", periods=60)
    frame = pd.DataFrame({"a": days.strftime("%Y%m%d"), "b": days.strftime("%d/%m/%y"), "c": days.strftime("%m-%d-%Y")})
    frame.assign(y=range(60)).to_csv(tmp_path / "a.tsv.gz", sep="\t", index=False)
    formats = {"a": "%Y%m%d", "c": "%m-%d-%Y"}
    read = values_of(open_dataset(tmp_path / "a.tsv.gz", target="y", text=TextFormat.of({"date_format": formats})))
    for name in formats:
        assert (pd.to_datetime(read[name]) == days).all()
    assert read.b.tolist() == frame.b.tolist()


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.bz2", "a.tsv"])
def test_whatever_the_file_is_called(tmp_path, name):
    frame = pd.DataFrame({"x": ["1,5", "2,25"] * 20, "y": ["0,5", "7"] * 20})
    frame.to_csv(tmp_path / name, sep="|", index=False)
    read = values_of(open_dataset(tmp_path / name, target="y", text=TextFormat(sep="|", decimal=",")))
    assert (read.x.tolist(), read.y.tolist()) == ([1.5, 2.25] * 20, [0.5, 7.0] * 20)


def test_whole_numbers_with_marks_are_classes_that_are_whole(tmp_path, place):
    labels = [f"{2**53 + i % 3:,}" for i in range(90)]
    pd.DataFrame({"x": np.arange(90) % 3 * 5.0, "t": labels}).to_csv(tmp_path / "a.csv", index=False)
    result = hpo.tune(tmp_path / "a.csv", "t", "gaussian_nb", thousands=",", **{**place, "trials": 1})
    assert result.best_model.classes_.tolist() == [2**53, 2**53 + 1, 2**53 + 2]
    assert set(result.predict(tmp_path / "a.csv").prediction) == {2**53, 2**53 + 1, 2**53 + 2}


def test_hexadecimal_numbers_are_text(tmp_path, place):
    (tmp_path / "a.csv").write_text("x,z,y\n" + "".join(f"0x{i % 8:02x},{i},{i % 8}\n" for i in range(80)))
    frame = pd.read_csv(tmp_path / "a.csv")
    result = hpo.tune(tmp_path / "a.csv", "y", "ridge", search={"ridge.alpha": [1e-6]}, **{**place, "trials": 1})
    assert result.model_of(encoded=True)[0].encodings_[0].kind == "categorical"
    np.testing.assert_allclose(result.predict(frame).prediction, frame.y, atol=1e-5)


def test_later_files_tell_how_numbers_and_dates_are_written_too(tmp_path):
    """The first file has no dates at all and no decimals; the last one shows both."""
    rows = 60
    for i in range(3):
        price = [f"{k},50" if i == 2 else "" for k in range(rows)]
        day = [f"{k % 28 + 1:02d}.12.2024" if i == 2 else "" for k in range(rows)]
        lines = [f"{k};{k * 2};{p};{d}" for k, p, d in zip(range(rows), price, day, strict=True)]
        (tmp_path / f"part-{i}.csv").write_text("\n".join(["x;y;price;day", *lines]) + "\n")
    from hpo.cli.drafts import written_as

    how = written_as([f"{tmp_path}/part-*.csv"])
    assert how.text.given == {"sep": ";", "decimal": ",", "date_format": "%d.%m.%Y"}


@pytest.mark.parametrize(
    ("negative", "symbols"),
    [("({})", ["(", ")"]), ("(${})", ["$", "(", ")"]), ("$({})", ["$", "(", ")"]), ("\u2212{}", ["\u2212"]), ("{}-", ["-"])],
)
def test_numbers_below_zero_as_books_write_them(tmp_path, negative, symbols):
    rows = pd.DataFrame({"x": np.random.default_rng(0).normal(size=40).round(3), "y": np.arange(40.0)})
    path = tmp_path / "books.csv"
    rows.assign(x=[negative.format(-x) if x < 0 else f"{x}" for x in rows.x]).to_csv(path, index=False)
    with pytest.warns(DataWarning, match=re.escape(f"symbols={sorted(symbols)}")):
        hpo.tune(str(path), "y", "ridge", trials=1, folds=2, store=None, progress=False)
    found = values_of(open_dataset(path, target="y", text=TextFormat.of({"symbols": symbols})))
    np.testing.assert_array_equal(found.x, rows.x)
