"""The hot path: encoded batches hold what ``transform`` gives, in the order asked, without unusable rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.data import Encoder, Workspace, cell_order
from hpo.errors import DataError


def table(rows: int = 500, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": rng.standard_normal(rows).astype(np.float32),
            "z": np.where(rng.random(rows) < 0.3, np.nan, rng.standard_normal(rows)),
            "i": rng.integers(0, 9, rows).astype(np.int16),
            "b": rng.random(rows) < 0.5,
            "c": rng.choice(["a", "b", "c", None], rows),
            "d": pd.Timestamp("2013-06-01") + pd.to_timedelta(rng.integers(0, 999, rows), "h"),
            "y": rng.standard_normal(rows),
            "w": rng.integers(1, 5, rows).astype(float),
        }
    )
    return pa.Table.from_pandas(frame, preserve_index=False)


FEATURES = ["x", "z", "i", "b", "c", "d"]


def dense(batch, p: int) -> np.ndarray:
    out = np.zeros((batch.n, p))
    out[:, slice(None) if batch.present is None else batch.present] = batch.values
    return out


def one(data: pa.Table) -> pa.RecordBatch:
    return data.combine_chunks().to_batches()[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_holds_what_transform_gives_and_then_the_targets(dtype):
    data = table()
    encoder = Encoder(dtype=dtype).fit(data.select(FEATURES))
    batch = encoder.encode(one(data), ["y", "w"], "w")
    d = len(encoder.columns_)
    found = dense(batch, d + 2)
    assert batch.values.dtype == dtype
    assert batch.values.flags.f_contiguous
    assert batch.d == d
    origin, missing = [column.origin for column in encoder.columns_], encoder.transform(data)[:, 1::2] == 1.0
    assert any(origin)
    assert not found[:, 0][missing[:, 0]].any(), "a missing number stands at the origin"
    np.testing.assert_allclose(found[:, :d] + origin, encoder.transform(data), rtol=1e-7 if dtype == "float32" else 1e-15)
    assert np.array_equal(found[:, d], data["y"].to_numpy().astype(dtype))
    assert np.array_equal(batch.weight, data["w"].to_numpy())
    assert batch.weight.dtype == np.float64


@given(st.integers(0, 40), st.integers(0, 2**31), st.integers(1, 6))
def test_rows_come_sorted_by_cell(rows, seed, n_cells):
    data = table(40).slice(0, rows)
    encoder = Encoder().fit(table(40).select(FEATURES))
    cells = np.random.default_rng(seed).integers(0, n_cells, rows).astype(np.uint16)
    batch = data.combine_chunks().to_batches()[0] if rows else pa.RecordBatch.from_pylist([], data.schema)
    p = len(encoder.columns_) + 1
    straight = dense(encoder.encode(batch, ["y"], "w"), p)
    encoded = encoder.encode_cells(batch, ["y"], "w", cells, n_cells)
    assert encoded.counts.tolist() == [int((cells == c).sum()) for c in range(n_cells)]
    sorted_rows = np.argsort(cells, kind="stable")
    assert np.array_equal(dense(encoded.batch, p), straight[sorted_rows])
    assert np.array_equal(encoded.batch.weight, data["w"].to_numpy()[sorted_rows])
    again = encoder.encode(batch, ["y"], "w", sorted_rows)
    assert np.array_equal(again.values, encoded.batch.values)


def test_columns_that_are_zero_in_every_row_are_left_out():
    data = pa.table({"x": [1.0, 2.0], "z": [1.0, None], "c": ["a", "a"]})
    encoder = Encoder().fit(pa.table({"x": [1.0, 2.0], "z": [1.0, 2.0], "c": ["a", "b"]}))
    names = np.array([c.name for c in encoder.columns_])
    batch = encoder.encode(one(data))
    assert names[batch.present].tolist() == ["x", "z", "missingindicator_z", "c_a"]
    assert batch.values.tolist() == [[1, 1, 0, 1], [2, 0, 1, 1]]
    everything = pa.table({"x": [None, 2.0, 1], "z": [None, 2.0, 3], "c": ["a", "b", None]})
    whole = Encoder().fit(everything.drop_columns("c"))
    assert whole.encode(one(everything)).present is None


def test_rows_without_target_or_weight_are_left_out_and_counted():
    data = pa.table(
        {
            "x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "y": [None, 1.0, np.nan, 1.0, 1.0, None],
            "t": [1, 1, 1, None, 1, 1],
            "w": [1.0, 2.0, 1.0, 1.0, 0.0, 0.0],
        }
    )
    encoder = Encoder().fit(data.select(["x"]))
    cells = np.array([0, 1, 0, 1, 1, 0], np.uint16)
    encoded = encoder.encode_cells(one(data), ["y", "t"], "w", cells, 2)
    assert (encoded.without_target, encoded.without_weight) == (4, 1)
    assert encoded.counts.tolist() == [0, 1]
    assert encoded.batch.values.tolist() == [[2, 1, 1]]
    assert encoded.batch.weight.tolist() == [2.0]
    by_order = encoder.encode(one(data), ["y"], None, np.array([5, 4, 3, 1, 0]))
    assert by_order.values[:, 0].tolist() == [5.0, 4.0, 2.0]


def test_a_missing_value_in_a_row_left_out_needs_no_indicator():
    data = pa.table({"x": [None, 2.0, np.inf], "y": [None, 1.0, None]})
    encoder = Encoder().fit(pa.table({"x": [0.0, 1.0]}))
    batch = encoder.encode(one(data), ["y"])
    assert batch.present.tolist() == [0, 2]
    assert batch.values.tolist() == [[2, 1]]


def test_what_stands_under_a_null_does_not_matter():
    values = np.array([1.0, np.inf, np.nan, 4.0])
    mask = pa.py_buffer(np.packbits([1, 0, 0, 1], bitorder="little"))
    column = pa.Array.from_buffers(pa.float64(), 4, [mask, pa.py_buffer(values)])
    encoder = Encoder().fit(pa.table({"x": [0.0, 1.0]}))
    batch = encoder.encode(pa.record_batch({"x": column}))
    assert batch.values.tolist() == [[1, 0], [0, 1], [0, 1], [4, 0]]
    sliced = encoder.encode(pa.record_batch({"x": column}).slice(1, 3))
    assert sliced.values.tolist() == [[0, 1], [0, 1], [4, 0]]


def test_a_target_too_large_for_float32_is_no_number():
    data = pa.table({"x": [1.0, 2.0], "y": [1.0, 1e300]})
    encoder = Encoder(dtype="float32").fit(data.select(["x"]))
    with pytest.raises(DataError, match=r"'y' holds inf.*float32"):
        encoder.encode(one(data), ["y"])


def test_large_finite_values_are_no_infinity():
    data = pa.table({"x": np.array([3e38, -3e38, 1e30], np.float32)})
    batch = Encoder().fit(data).encode(one(data))
    assert batch.present.tolist() == [0]
    assert np.array_equal(batch.values[:, 0], data["x"].to_numpy())


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_text_of_every_type_has_the_same_codes(kind):
    plain = pa.array(["b", None, "z", "a", "b"])
    encoder = Encoder().fit(pa.table({"c": ["a", "b"]}))
    expected = dense(encoder.encode(pa.record_batch({"c": plain})), 4)
    column = plain.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else plain.cast(kind)
    assert np.array_equal(dense(encoder.encode(pa.record_batch({"c": column})), 4), expected)
    assert np.array_equal(dense(encoder.encode(pa.record_batch({"c": column[2:]})), 4), expected[2:])
    assert expected.tolist() == [[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]]


def test_a_null_inside_a_dictionary_is_missing():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array(["a", None]))
    encoder = Encoder().fit(pa.table({"c": ["a"]}))
    assert dense(encoder.encode(pa.record_batch({"c": column})), 3).tolist() == [
        [1, 0, 0],
        [0, 0, 1],
        [0, 0, 1],
    ]


def test_a_workspace_is_used_again_and_fresh_memory_is_not():
    data = table()
    encoder = Encoder().fit(data.select(FEATURES))
    workspace = Workspace()
    first = encoder.encode(one(data), ["y"], workspace=workspace)
    kept = first.values.copy()
    second = encoder.encode(one(data), ["y"], workspace=workspace)
    assert np.shares_memory(first.values, second.values)
    assert np.array_equal(second.values, kept)
    smaller = encoder.encode(one(data.slice(0, 7)), ["y"], workspace=workspace)
    assert np.array_equal(smaller.values[:, 0], kept[:7, 0])
    assert not np.shares_memory(encoder.encode(one(data)).values, encoder.encode(one(data)).values)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("x", [1.0, np.inf], "'x' holds inf in part 3"),
        ("y", [1.0, -np.inf], "'y' holds -inf in part 3"),
        ("w", [1.0, -2.0], "'w' holds -2.0 in part 3"),
        ("w", [1.0, None], "'w' is missing in some rows in part 3"),
        ("w", [1.0, np.nan], "'w' is missing"),
        ("w", [1.0, np.inf], "'w' holds inf"),
    ],
)
def test_values_that_no_model_can_use(column, values, message):
    data = pa.table({"x": [1.0, 2.0], "y": [1.0, 2.0], "w": [1.0, 2.0]})
    encoder = Encoder().fit(data.select(["x"]))
    bad = data.set_column(data.column_names.index(column), column, pa.array(values))
    with pytest.raises(DataError, match=message):
        encoder.encode(one(bad), ["y"], "w", where="part 3")


def test_cell_order_leaves_out_what_is_not_kept():
    cells = np.array([2, 0, 2, 1, 0], np.uint16)
    order, counts = cell_order(cells, 4, np.array([True, False, True, True, True]))
    assert (order.tolist(), counts.tolist()) == ([4, 3, 0, 2], [1, 1, 2, 0])
