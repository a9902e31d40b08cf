"""States to bytes and back: nothing is lost, nothing that was altered passes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from xxhash import xxh3_64_digest, xxh3_128_digest

from state_store.blob import FORMAT, HEAD, MAGIC, decode_blob, decode_header, encode_blob, header_bytes
from state_store.codec import flatten, restore
from state_store.errors import DamagedBlob, NewerFormat, UnstorableValue

DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(),
    hnp.unsigned_integer_dtypes(),
    hnp.floating_dtypes(sizes=(16, 32, 64)),
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclass(frozen=True)
class Cell:
    weight: float
    mean: np.ndarray
    label: str = field(default="", metadata={"static": True})
    derived: int = field(init=False, default=0)


@dataclass(frozen=True, slots=True)
class Leaf:
    cells: tuple[Cell, ...]
    rows: int
    seen: bool
    note: str | None
    last: np.float32
    parts: list[Any]


def leaf(value: float, note: str | None) -> Leaf:
    cells = tuple(Cell(value + i, np.full((2, 3), value), "static") for i in range(2))
    return Leaf(
        cells, int(value), value > 0, note, np.float32(value), [Pair(value, np.arange(3) + int(value))]
    )


@dataclass(frozen=True)
class Named:
    rows: int
    arrays: dict = field(metadata={"named": True}, default_factory=dict)
    more: dict = field(metadata={"named": True}, default_factory=dict)


def test_arrays_by_name_come_back_whatever_they_are():
    state = Named(3, {"b.c": np.float32([[1, 2]]), "a": np.array(7)}, {"a": np.zeros(0, bool)})
    arrays, scalars = flatten((1.5, state))
    assert set(arrays) == {"1.arrays.b.c", "1.arrays.a", "1.more.a"}
    _, back = restore(arrays, scalars, (0.0, Named(0)))
    assert back.rows == 3
    assert back.arrays.keys() == state.arrays.keys()
    assert all(same_bits(back.arrays[name], state.arrays[name]) for name in state.arrays)
    assert same_bits(back.more["a"], state.more["a"])
    with pytest.raises(DamagedBlob, match="where an array is expected"):
        restore({}, {"rows": 3, "arrays.x": 1}, Named(0))
    with pytest.raises(DamagedBlob, match="no place for"):
        restore({"other.x": np.zeros(1)}, {"rows": 3}, Named(0))


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def through_bytes(state: Any, like: Any) -> Any:
    arrays, scalars = flatten(state)
    blob = decode_blob(encode_blob(arrays, {}, scalars=scalars))
    return restore(blob.arrays, blob.scalars, like)


@given(array=ARRAYS, order=st.sampled_from(["C", "F", "reversed", "strided", "swapped", "read-only"]))
@settings(max_examples=300, deadline=None)
def test_every_array_comes_back_bit_for_bit(array, order):
    laid_out = {
        "C": lambda a: a,
        "F": np.asfortranarray if array.ndim else (lambda a: a),
        "reversed": lambda a: a[(slice(None, None, -1),) * a.ndim],
        "strided": lambda a: a[(slice(None, None, 2),) * a.ndim],
        "swapped": lambda a: a.astype(a.dtype.newbyteorder(">")),
        "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    }[order](array)
    native = np.array(laid_out, dtype=array.dtype.newbyteorder("="), order="C")
    back = through_bytes([laid_out], [np.zeros_like(native)])[0]
    assert same_bits(back, native)
    assert back.flags.writeable


def test_arrays_come_back_in_the_memory_order_of_the_template():
    state = np.arange(6.0).reshape(2, 3)
    back = through_bytes(state, np.zeros((2, 3), order="F"))
    assert back.flags.f_contiguous
    np.testing.assert_array_equal(back, state)


def test_a_state_of_nested_parts_comes_back_in_its_types():
    state, like = leaf(3.0, "é"), leaf(0.0, "")
    back = through_bytes(state, like)
    assert type(back) is Leaf
    assert (back.rows, back.seen, back.note) == (3, True, "é")
    assert type(back.last) is np.float32
    assert back.last == 3
    assert [cell.weight for cell in back.cells] == [3.0, 4.0]
    assert type(back.parts[0]) is Pair
    np.testing.assert_array_equal(back.parts[0].second, [3, 4, 5])


def test_static_fields_come_from_the_template_and_are_not_stored():
    arrays, scalars = flatten(Cell(1.0, np.ones(2), "stored?"))
    assert set(arrays) | set(scalars) == {"mean", "weight"}
    assert restore(arrays, scalars, Cell(0.0, np.zeros(2), "template")).label == "template"


def test_renamed_fields_are_stored_and_read_under_their_old_names():
    @dataclass(frozen=True)
    class Renamed:
        scored: float = field(metadata={"stored_as": "told"})
        rows: np.ndarray = field(metadata={"stored_as": "seen", "varies": True})

    arrays, scalars = flatten((Renamed(1.5, np.arange(3)),))
    assert (set(arrays), scalars) == ({"0.seen"}, {"0.told": 1.5})
    (back,) = restore(arrays, scalars, (Renamed(0.0, np.arange(0)),))
    assert (back.scored, back.rows.tolist()) == (1.5, [0, 1, 2])


@given(value=st.one_of(st.floats(), st.integers(), st.booleans(), st.text(), st.none()))
@settings(deadline=None)
def test_python_scalars_come_back_exactly(value):
    like = None if value is None else type(value)()
    back = through_bytes((value,), (like,))[0]
    assert type(back) is type(value)
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    "value", [np.float64(0.1), np.int64(2**62), np.bool_(True), np.float32(0.1), np.uint8(3)]
)
def test_numpy_scalars_serve_python_templates_and_keep_their_own_type(value):
    assert through_bytes((value,), (value.item(),)) == (value.item(),)
    back = through_bytes((value,), (type(value)(0),))[0]
    assert type(back) is type(value)
    assert back == value


def test_a_numpy_scalar_serves_a_template_array_without_dimensions():
    total = np.array(1.0) + np.array(2.0)
    assert isinstance(total, np.float64)
    assert through_bytes((total,), (np.array(0.0),))[0].shape == ()


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1},
        {1, 2},
        object(),
        b"bytes",
        1 + 2j,
        np.array(["text"]),
        np.array([1 + 2j]),
        np.array([None]),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.ma.masked_array([1.0], mask=[True]),
        np.zeros(1, dtype=[("a", "f8")]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_kept_is_refused_by_path(value):
    with pytest.raises(UnstorableValue, match=r"'1\.0'"):
        flatten((1.0, [value]))


@pytest.mark.parametrize(
    ("state", "like"),
    [
        ((np.zeros(3),), (np.zeros(4),)),
        ((np.zeros(3),), (np.zeros((3, 1)),)),
        ((np.zeros(3),), (np.zeros(3, np.float32),)),
        ((np.zeros(3),), (np.zeros(3, np.int64),)),
        ((np.zeros(3),), (0.0,)),
        ((1.5,), (np.zeros(3),)),
        ((1.5,), (1,)),
        ((1,), (True,)),
        ((True,), (1,)),
        (("text",), (1,)),
        ((None,), (1.0,)),
        ((1, 2), (1,)),
        ((1,), (1, 2)),
        (Cell(1.0, np.ones(1)), (1.0, np.ones(1))),
    ],
)
def test_another_layout_is_refused(state, like):
    with pytest.raises(DamagedBlob):
        restore(*flatten(state), like)


def test_every_flipped_byte_and_bit_is_noticed():
    whole = encode_blob({"mean": np.arange(2.0)}, {"rows": 7}, name="leaves/x")
    for place in range(len(whole)):
        for mask in (0x01, 0x80, 0xFF):
            altered = bytearray(whole)
            altered[place] ^= mask
            with pytest.raises(DamagedBlob):
                decode_blob(bytes(altered))


def test_every_truncation_and_addition_is_noticed():
    whole = encode_blob({"mean": np.arange(2.0)}, {"rows": 7})
    for length in range(len(whole)):
        with pytest.raises(DamagedBlob):
            decode_blob(whole[:length])
    for added in (b"\0", whole):
        with pytest.raises(DamagedBlob):
            decode_blob(whole + added)


def test_every_flipped_byte_of_the_header_is_noticed_without_the_rest():
    whole = encode_blob({"mean": np.arange(2.0)}, {"rows": 7})
    front = whole[: header_bytes(whole)]
    for place in range(len(front)):
        altered = bytearray(front)
        altered[place] ^= 0xFF
        with pytest.raises((DamagedBlob, NewerFormat)):
            decode_header(bytes(altered))


def sealed(front: bytes, payload: bytes = b"") -> bytes:
    body = front + xxh3_64_digest(front) + payload
    return body + xxh3_128_digest(body)


def test_a_whole_blob_of_a_newer_format_says_to_upgrade():
    with pytest.raises(NewerFormat, match="pip install --upgrade onepass-hpo"):
        decode_blob(sealed(HEAD.pack(MAGIC, FORMAT + 1, 0, 4) + b"what"))


@pytest.mark.parametrize(
    "header",
    [
        b"what",
        b"[]",
        b"{}",
        b"[" * 5000,
        b'{"name":1,"created":1.0,"about":{},"scalars":{}}',
        b'{"name":"","created":NaN,"about":{},"scalars":{}}',
        b'{"name":"","created":1.0,"about":[],"scalars":{}}',
        b'{"name":"","created":1.0,"about":{},"scalars":{},"more":1}',
    ],
    ids=range(8),
)
def test_a_sealed_blob_with_a_senseless_header_is_refused(header):
    with pytest.raises(DamagedBlob):
        decode_blob(sealed(HEAD.pack(MAGIC, 1, 0, len(header)) + header))


def entry(dtype: str = "F64", shape: Any = (1,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    "table",
    [
        [],
        7,
        {"a": 1},
        {"a": {}},
        {"a": entry("BF16", (4,))},
        {"a": entry(shape=(9999999999999,))},
        {"a": entry(shape=(2**70, 0), offsets=(0, 0)), "b": entry()},
        {"a": entry(shape=(-1, -1))},
        {"a": entry(shape=(1.0,))},
        {"a": entry(shape=(True,))},
        {"a": entry(shape=7)},
        {"a": entry(offsets=(8, 16))},
        {"a": entry(offsets=(-8, 0))},
        {"a": entry(offsets=(0, 16), shape=(2,))},
        {"a": entry("U8", (4,), (0, 4))},
        {"a": entry("U8", (8,), (0, 8)), "b": entry("U8", (8,), (0, 8))},
        {"a": entry(), "b": entry(offsets=(8, 8), shape=(1,))},
        {"a": entry(offsets=None)},
    ],
    ids=json.dumps,
)
def test_a_sealed_blob_with_a_senseless_table_is_refused(table):
    text = json.dumps(table).encode()
    header = b'{"name":"","created":1.0,"about":{},"scalars":{}}'
    front = HEAD.pack(MAGIC, 1, 0, len(header)) + header
    with pytest.raises(DamagedBlob):
        decode_blob(sealed(front, len(text).to_bytes(8, "little") + text + bytes(8)))


@pytest.mark.parametrize(
    "payload", [b"", b"1234567", bytes(8), b"\xff" * 16, b"\x04" + bytes(7) + b"{", b"\x01" + bytes(7) + b"["]
)
def test_a_sealed_blob_with_a_senseless_payload_is_refused(payload):
    header = b'{"name":"","created":1.0,"about":{},"scalars":{}}'
    with pytest.raises(DamagedBlob):
        decode_blob(sealed(HEAD.pack(MAGIC, 1, 0, len(header)) + header, payload))


def test_a_blob_under_another_name_is_refused():
    with pytest.raises(DamagedBlob, match="written as 'a'"):
        decode_blob(encode_blob({}, {}, name="a"), "b")


@pytest.mark.parametrize("about", [{"x": float("nan")}, {"x": object()}, {1: 2}])
def test_an_about_that_is_no_json_is_refused(about):
    with pytest.raises(UnstorableValue):
        encode_blob({}, about)


def test_a_reserved_array_name_is_refused():
    with pytest.raises(UnstorableValue, match="__metadata__"):
        encode_blob({"__metadata__": np.zeros(1)}, {})


@dataclass(frozen=True)
class Wide:
    places: np.ndarray = field(metadata={"varies": True})
    products: np.ndarray = field(metadata={"varies": True, "sides": True})


def test_matrices_whose_sides_vary_come_back_with_their_own():
    like = Wide(np.zeros(0, np.intp), np.zeros((2, 0, 0)))
    state = Wide(np.array([1, 4, 5]), np.arange(18.0).reshape(2, 3, 3))
    back = through_bytes(state, like)
    assert same_bits(back.places, state.places)
    assert same_bits(back.products, state.products)
    with pytest.raises(DamagedBlob, match=r"'products' is float64 \(3, 3, 3\) where float64 \(2, 0, 0\)"):
        through_bytes(Wide(state.places, np.zeros((3, 3, 3))), like)
    with pytest.raises(DamagedBlob, match="'products' is float64"):
        through_bytes(Wide(state.places, np.zeros((3, 3))), like)


@dataclass(frozen=True)
class Either:
    number: int
    state: tuple = field(metadata={"unless": "rows"})
    rows: dict = field(metadata={"named": True}, default_factory=dict)


def test_a_field_is_not_stored_where_another_is_and_comes_back_as_the_template_has_it():
    like = (Either(0, (np.zeros(3), 1.0)),)
    whole, rows = Either(1, (np.ones(3), 2.0)), Either(2, (np.ones(3), 2.0), {"x": np.arange(4)})
    assert {*flatten((whole,))[0], *flatten((whole,))[1]} == {"0.number", "0.state.0", "0.state.1"}
    assert {*flatten((rows,))[0], *flatten((rows,))[1]} == {"0.number", "0.rows.x"}
    [back] = through_bytes((whole,), like)
    assert back.state[0].tolist() == [1.0, 1.0, 1.0] and back.state[1] == 2.0 and back.rows == {}
    [back] = through_bytes((rows,), like)
    assert back.number == 2 and back.state[0].tolist() == [0.0, 0.0, 0.0] and back.rows["x"].tolist() == [0, 1, 2, 3]
    arrays, scalars = flatten((rows,))
    with pytest.raises(DamagedBlob, match=r"holds \['0.state.1'\]"):
        restore(arrays, {**scalars, "0.state.1": 2.0}, like)
