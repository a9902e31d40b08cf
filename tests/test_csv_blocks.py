"""A large CSV file is cut into blocks of whole rows, the same for any number of threads, and reads as in one piece."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hpo
from hpo.data.opening import open_dataset
from hpo.data.sources import csv as csv_source
from hpo.data.sources.blocks import NoBlocks, blocks_of
from hpo.errors import DataError

VALUES = st.sampled_from(["1", "2.5", "", "a b", "a,b", "x\ny", 'say "hi"', '"', "\n", "é", "line\r\nline", "NA"])
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=40)


def written(rows, end="\n", *, always=False) -> bytes:
    def cell(value: str) -> str:
        quoted = always or any(c in value for c in ',"\n\r')
        return '"' + value.replace('"', '""') + '"' if quoted else value

    return "".join(",".join(map(cell, row)) + end for row in [("p", "q", "r"), *rows]).encode()


def pieces(data: bytes, size: int) -> tuple[list[bytes], bytes]:
    """Return the blocks without their headers, and what was left."""
    stream, found = pa.BufferReader(data), []
    header = data[: data.find(b"\n") + 1]
    try:
        for block in blocks_of(stream, ",", size):
            assert block.data.startswith(header)
            found.append(block.data[len(header) :])
    except NoBlocks as left:
        rest = left.rest + stream.read()
        return found, rest[len(header) :]
    return found, b""


@settings(max_examples=300, deadline=None)
@given(ROWS, st.integers(8, 200), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_blocks_are_the_rows_in_order_and_never_part_one(rows, size, end, always):
    data = written(rows, end, always=always)
    found, rest = pieces(data, size)
    body = data[data.find(b"\n") + 1 :]
    assert b"".join(found) + rest == body
    ends = {0}
    for row in rows:
        ends.add(max(ends) + len(written([row], end, always=always)) - len(written([], end, always=always)))
    place = 0
    for piece in found:
        place += len(piece)
        assert place in ends


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='ab,"\n\r', max_size=200), st.integers(8, 60))
def test_nothing_is_lost_whatever_the_text(text, size):
    data = b"p,q\n" + text.encode()
    found, rest = pieces(data, size)
    assert b"".join(found) + rest in (data[4:], data[4:].rstrip())


@pytest.mark.parametrize("line", ['5" pipe,x', '"a"b,x', 'a"b"c,x'])
def test_a_quote_out_of_its_place_leaves_the_rest_in_one_piece(line):
    data = b"p,q\n" + b"1,2\n" * 20 + line.encode() + b"\n" + b"3,4\n" * 20
    found, rest = pieces(data, 16)
    assert found and b"".join(found) + rest == data[4:]
    assert line.encode() in rest and rest.endswith(b"3,4\n" * 20)


def test_lines_that_end_with_a_return_alone_are_one_piece():
    data = b"p,q\n" + b"1,2\r3,4\n" * 20
    assert pieces(data, 16) == ([], data[4:])


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(csv_source, "BLOCK", 2000)


def table(rows: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows).round(4)
    text = rng.choice(["plain", "a,b", "two\nlines", 'say "hi"', None], rows)
    return pd.DataFrame({"x": x, "t": text, "y": (x + rng.normal(size=rows)).round(4)})


def rows_of(data, *, threads: bool):
    dataset = open_dataset(str(data), target="y")
    return [b.to_pydict() for s in dataset.segments for b in dataset.read(s, threads=threads)]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz"])
def test_a_file_in_blocks_has_the_rows_of_one_piece_whoever_reads_it(tmp_path, small, monkeypatch, name):
    frame, path = table(), tmp_path / name
    frame.to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    parsed = []
    parse = csv_source.CsvReader._parsed
    monkeypatch.setattr(
        csv_source.CsvReader, "_parsed", lambda self, block, wanted: (parsed.append(1), parse(self, block, wanted))[1]
    )
    one = rows_of(path, threads=False)
    assert len(parsed) > 8
    assert rows_of(path, threads=True) == one, "in the same batches"
    monkeypatch.setattr(csv_source, "BLOCK", 1 << 30)
    whole = rows_of(path, threads=False)
    for column in frame:
        assert [v for b in one for v in b[column]] == [v for b in whole for v in b[column]]


def opened(path):
    (reader,) = open_dataset(str(path), target="y")._source.readers.values()
    return reader


@pytest.mark.parametrize("kind", ["plain", "labels", "hexadecimal", "gaps", "numbers in text"])
def test_opening_a_large_file_parses_its_first_block_alone_and_finds_the_same_types(tmp_path, monkeypatch, kind):
    more = {"labels": "7", "hexadecimal": "0x1f", "gaps": "", "plain": "2024-01-31", "numbers in text": "?"}[kind]
    usual = "1" if kind != "plain" else "2024-01-30"
    lines = [f"{usual},1.5,ab,2\n", f'{more},-2.25,"a,b",3\n']
    path, parsed = tmp_path / "a.csv", []
    path.write_text("k,x,t,y\n" + lines[0] * 30 + "".join(lines) * 1_000_000)
    parse, stream = csv_source._table, csv_source._reader
    monkeypatch.setattr(csv_source, "_table", lambda block, *rest: (parsed.append(len(block.data)), parse(block, *rest))[1])
    monkeypatch.setattr(csv_source, "_reader", lambda *rest: (parsed.append(2 * csv_source.BLOCK), stream(*rest))[1])
    found = opened(path)
    looked_again = kind == "hexadecimal"  # where the text of whole numbers is wanted
    assert sum(parsed) <= csv_source.BLOCK * (3 if looked_again else 1)
    monkeypatch.setattr(csv_source, "_first_block", lambda *_: None)
    expected = opened(path)
    assert (found.schema, found.whole, found.segments) == (expected.schema, expected.whole, expected.segments)
    assert {n: v.to_pylist() for n, v in found.odd.items()} == {n: v.to_pylist() for n, v in expected.odd.items()}
    assert bool(found.odd) is (kind in ("hexadecimal", "numbers in text"))


def test_who_looks_at_a_few_rows_of_a_large_file_parses_nothing_and_whoever_goes_on_gets_the_others(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(csv_source, "BLOCK", 100_000)
    path = tmp_path / "a.csv"
    frame = pd.DataFrame({"k": rng.integers(0, 2**62, 9_000), "x": rng.normal(size=9_000), "t": "a b", "y": 1.5})
    frame.to_csv(path, index=False)
    dataset = open_dataset(str(path), target="y")
    reader, (segment,) = opened(path), dataset.segments
    parsed, parse = [], csv_source._table
    monkeypatch.setattr(csv_source, "_table", lambda block, *rest: (parsed.append(1), parse(block, *rest))[1])
    peeked = dataset.peek(list(dataset.features))
    assert not parsed
    assert peeked["k"].to_pylist() == frame["k"].astype(float).tolist()[:1024]
    wanted = pa.schema({"k": pa.float64(), "x": pa.float64(), "t": pa.string()})
    some = [b.to_pydict() for b in reader.scan(segment, wanted, 500)]
    assert len(parsed) > 3
    reader.first = None
    assert some == [b.to_pydict() for b in reader.scan(segment, wanted, 500)], "in the same batches"


def test_the_states_are_the_same_bits_for_any_number_of_threads(tmp_path, small, hpo_home):
    path = tmp_path / "a.csv"
    table().drop(columns="t").to_csv(path, index=False)
    found = [
        hpo.tune(path, "y", "ridge", trials=4, folds=3, progress=False, store=tmp_path / str(n), n_jobs=n)
        for n in (1, 2, 5)
    ]
    values = [[t.value for t in result.optuna_study.trials] for result in found]
    assert values[0] == values[1] == values[2]
    assert [result.cost.rows_read for result in found] == [900] * 3


@pytest.mark.parametrize("threads", [False, True])
def test_an_error_names_the_line_of_the_file(tmp_path, threads):
    path = tmp_path / "a.csv"
    lines = ["x,y", *["1.5,2"] * 3_000_000]
    lines[2_900_000] = "oops,2"
    path.write_text("\n".join(lines))
    dataset = open_dataset(str(path), target="y")
    met = 0
    with pytest.raises(DataError, match=r"Row #2900001.*'oops'"):
        for batch in dataset.read(dataset.segments[0], threads=threads):
            met += batch.num_rows
    assert 0 < met < 2_900_000


def test_rows_of_another_encoding_are_said_as_ever(tmp_path, small):
    path = tmp_path / "a.csv"
    path.write_bytes(b"x,t,y\n" + b"1.5,abc,2\n" * 1000 + "1.5,é,2\n".encode("cp1252"))
    dataset = open_dataset(str(path), target="y")
    with pytest.raises(DataError, match="UTF-8"):
        list(dataset.read(dataset.segments[0]))


def test_a_reader_that_stops_early_leaves_nothing_running(tmp_path, small):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"x,y\n" + b"1.5,2\n" * 5000))
    dataset = open_dataset(str(path), target="y")
    batches = dataset.read(dataset.segments[0], threads=True)
    assert next(batches).num_rows > 0
    batches.close()
