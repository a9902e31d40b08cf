"""Inputs nobody planned: each works as pandas and scikit-learn have it, or is refused by name with what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

import hpo
from algorithms.errors import TooLarge
from hpo.errors import DataError

ROWS = 120


def frame(seed: int = 0, **columns) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=ROWS)
    return pd.DataFrame({"x": x, **columns, "y": 2.0 * x + rng.normal(size=ROWS) * 0.1})


def tune(data, **options) -> hpo.Result:
    return hpo.tune(data, **{"target": "y", "trials": 3, "folds": 3, "progress": False, **options})


def refuse(error, data, *parts, **options) -> None:
    with pytest.raises(error) as caught:
        tune(data, **options)
    for part in parts:
        assert part in str(caught.value), f"{part!r} not in {caught.value}"


@pytest.mark.parametrize("algorithm", ["ridge", "elastic_net", "ols", "pls"])
@pytest.mark.parametrize("column", ["x", "y"])
def test_values_whose_squares_overflow_are_named(algorithm, column):
    data = frame()
    data[column] *= 1e300
    refuse(TooLarge, data, repr(column), "rescale", algorithm=algorithm)


def test_float32_that_overflows_has_room_in_double_precision():
    data = frame().astype("float32")
    data["x"] *= np.float32(1e25)
    refuse(TooLarge, data, "'x'", "precision='double'")
    assert tune(data, search={"ridge.precision": "double", "ridge.alpha": 1.0}).best_value > 0.9


def test_damaged_numbers_without_a_target_are_named():
    with pytest.raises(TooLarge, match="'x'"):
        hpo.tune(frame()[["x"]] * 1e200, algorithm="pca", trials=2)


def test_columns_that_a_model_does_not_use_may_hold_anything():
    data = frame(c=["a", "b"] * (ROWS // 2))
    model = tune(data).best_model
    mixed = data.assign(other=np.array(["a", 1] * (ROWS // 2), dtype=object))
    assert np.array_equal(model.predict(mixed), model.predict(data))


def test_a_lazy_frame_is_collected():
    pl = pytest.importorskip("polars")
    data = pl.from_pandas(frame())
    result = tune(data.lazy())
    assert result.best_value == tune(data).best_value
    assert np.array_equal(result.best_model.predict(data.lazy()), result.best_model.predict(data))


def test_masked_values_are_missing_values():
    data = frame()
    x, y = data[["x"]].to_numpy(), data["y"].to_numpy()
    hidden = np.arange(ROWS)[:, None] % 4 == 0
    masked = tune((np.ma.masked_array(x, hidden), np.ma.masked_array(y, np.arange(ROWS) == 1)), target=None)
    plain = tune((np.where(hidden, np.nan, x), np.where(np.arange(ROWS) == 1, np.nan, y)), target=None)
    assert masked.best_value == plain.best_value
    assert masked.cost.rows_without_target == 1
    whole = tune((np.ma.masked_array(np.arange(ROWS)[:, None], hidden), y), target=None)
    assert "ridge.impute" in whole.space


@pytest.mark.parametrize("dtype", [">f8", "<f8", "longdouble", ">i4"])
def test_arrays_of_any_byte_order_and_width(dtype):
    data = frame()
    x, y = np.round(data[["x"]].to_numpy() * 100.0), data["y"].to_numpy() * 100.0
    same = {"target": None, "folds": KFold(3), "search": {"ridge.alpha": 1.0}}
    odd = tune((x.astype(dtype), y.astype(">f8")), **same)
    assert odd.best_value == pytest.approx(tune((x, y), **same).best_value, rel=1e-12)


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (pd.DataFrame({"x": np.array([10**30] * 9, dtype=object), "y": range(9)}), ["too large"]),
        ({"x": [1.0], "y": [2.0]}, ["dict", "pandas"]),
    ],
)
def test_frames_that_arrow_cannot_hold(data, parts):
    refuse(DataError, data, *parts)


@pytest.mark.parametrize("weight", [1.0, np.ones((ROWS, 1))])
def test_a_weight_that_is_no_column_is_named(weight):
    refuse(DataError, frame(), "'weight'", "one-dimensional", weight=weight)


def test_data_without_rows_is_named_by_its_path(tmp_path):
    path = tmp_path / "none.parquet"
    frame()[:0].to_parquet(path)
    refuse(DataError, [str(path)], "none.parquet", "no rows")
