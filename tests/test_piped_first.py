"""Rows of a pipe that are not what they are said to be are refused in words by their first line."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hpo.data.sources.piped import Bad, piped
from hpo.data.sources.text import TextFormat
from hpo.errors import DataError

ROWS = pa.table({"x": [1, 2], "c": ["é", "a"]})


def arrow():
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, ROWS.schema) as writer:
        writer.write_table(ROWS)
    return sink.getvalue().to_pybytes()


def parquet():
    sink = pa.BufferOutputStream()
    pq.write_table(ROWS, sink)
    return sink.getvalue().to_pybytes()


def rows(data, form="csv", text=None):
    return list(piped(io.BytesIO(data), form, first_rows=5, text=text or TextFormat()))


@pytest.mark.parametrize(
    ("data", "form", "words"),
    [
        ("x,y\n1,2\n".encode("utf-16"), "csv", "they are UTF-16 text; send UTF-8"),
        ("x,y\n1,2\n".encode("utf-16-le"), "csv", "they are UTF-16 text; send UTF-8"),
        (gzip.compress(b"x,y\n1,2\n"), "csv", "they are gzip"),
        (arrow(), "csv", "they are an Arrow IPC stream; write --format arrow"),
        (parquet(), "csv", "they are Parquet"),
        (b'{"a": 1}\n', "csv", "an object of JSON; write --format jsonl"),
        (b"x;y\n1;2\n", "csv", "is separated by ';'; write sep: ';'"),
        (b"x,y\r1,2\r", "csv", "carriage returns alone"),
        ("é,y\n1,2\n".encode("cp1252"), "csv", "the header is not UTF-8 text; say what it is by encoding: cp1252"),
        (b'[{"a": 1}]', "jsonl", "they begin with a list; write an object a line"),
        (b"x,y\n1,2\n", "jsonl", "the first one is no object; lines of CSV are read without --format jsonl"),
        (parquet(), "jsonl", "they are Parquet"),
    ],
)
def test_the_first_line_says_that_it_is_something_else(data, form, words):
    with pytest.raises(DataError) as error:
        rows(data, form)
    assert words in str(error.value)


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(DataError, match="the stream has more than one column named 'x'"):
        rows(b"x,x\n1,2\n")


@pytest.mark.parametrize(
    ("data", "form", "text"),
    [
        ("\ufeffx,c\n1,é\n2,a\n".encode(), "csv", None),
        ("x,c\r\n1,é\r\n2,a\r\n".encode(), "csv", None),
        ("\n\nx,c\n1,é\n2,a".encode(), "csv", None),
        ("x,c\n1,é\n2,a\n".encode("cp1252"), "csv", TextFormat(encoding="cp1252")),
        (b'{"x": 1, "c": "\xc3\xa9"}\n{"x": 2, "c": "a"}', "jsonl", None),
        (arrow(), "arrow", None),
    ],
)
def test_what_is_as_it_is_said_is_read(data, form, text):
    (table,) = rows(data, form, text)
    assert table.to_pydict() == ROWS.to_pydict()


def test_a_line_of_json_in_another_encoding_is_left_out():
    first, bad, last = rows(('{"c": "a"}\n' * 5 + '{"c": "é"}\n{"c": "b"}\n').encode("cp1252"), "jsonl")[-3:]
    assert (first["c"][-1].as_py(), last["c"][0].as_py()) == ("a", "b")
    assert bad == Bad("a value is not UTF-8 text (it holds the byte 0xe9)")
