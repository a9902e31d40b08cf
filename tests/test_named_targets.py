"""A target whose name a column of X has."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hpo
from hpo.errors import ColumnWarning, DataError

X = pd.DataFrame({"a": np.arange(40.0) % 7, "b": np.arange(40.0) % 5})
Y = X["a"] + 0.1 * X["b"]
HOW = {"algorithm": "ols", "trials": 1, "store": None, "progress": False}


def test_it_is_called_otherwise_and_that_is_said():
    words = r"y is called 'b' as a column of X is, and 'y' here; .*X\.drop\(columns='b'\)"
    with pytest.warns(ColumnWarning, match=words):
        found = hpo.tune((X, Y.rename("b")), **HOW)
    assert found.best_value == pytest.approx(1.0)
    assert found.best_model.predict(X) == pytest.approx(Y.to_numpy())


def test_of_an_array_likewise():
    with pytest.warns(ColumnWarning, match="y is called 'x1'"):
        found = hpo.tune((X.to_numpy(), Y.rename("x1")), **HOW)
    assert found.best_value == pytest.approx(1.0)


def test_a_column_that_is_y_itself_is_refused():
    with pytest.raises(DataError, match=r"column 'b' of X is y itself, .*X\.drop\(columns='b'\)"):
        hpo.tune((X, X["b"]), **HOW)


def test_a_weight_named_like_a_column_is_refused():
    with pytest.raises(DataError, match="'b' names a column of X or y and also the weight"):
        hpo.tune((X, Y.rename("y")), weight=X["b"], **HOW)
