"""Inputs nobody planned: each works as pandas and scikit-learn have it, or is refused by name with what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hpo
from algorithms.errors import TooLarge

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
