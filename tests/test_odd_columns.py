"""Columns of pandas frames that Arrow has no type for are read as what they stand for, or refused in plain words."""

from __future__ import annotations

import enum
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import hpo
from hpo.errors import DataError

ROWS = 60
PLACES = np.arange(ROWS)
X = np.random.default_rng(0).normal(size=ROWS)
CUT = pd.cut(pd.Series(X), 3)
MONTHS = pd.Series(pd.period_range("2024-01", periods=ROWS, freq="M"))
SPARSE = pd.arrays.SparseArray(np.where(PLACES % 3 == 0, PLACES, 0))
GAPS = pd.arrays.SparseArray(np.where(PLACES % 3 == 0, PLACES, np.nan))


def frame(column):
    y = X + (PLACES % 3) + np.random.default_rng(1).normal(size=ROWS)
    return pd.DataFrame({"x": X, "c": pd.Series(column), "y": y})


def tuned(rows, target="y", algorithm="ridge"):
    search = {"ridge.alpha": [1.0]} if algorithm == "ridge" else None
    return hpo.tune(rows, target, algorithm, trials=1, folds=3, search=search, store=None, progress=False, n_jobs=1)


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        (CUT, CUT.astype(str)),
        (CUT.where(PLACES > 5), CUT.astype(str).where(PLACES > 5, None)),
        (CUT.astype(object), CUT.astype(str)),
        (pd.arrays.IntervalArray(CUT), CUT.astype(str)),
        (MONTHS.astype(object), MONTHS.dt.to_timestamp()),
        (SPARSE, np.asarray(SPARSE)),
        (GAPS, np.asarray(GAPS)),
        (X.astype(np.longdouble), X),
    ],
    ids=["cut", "cut_gaps", "cut_objects", "intervals", "period_objects", "sparse", "sparse_gaps", "longdouble"],
)
@pytest.mark.filterwarnings("ignore:pandas.DataFrame with sparse columns")
@pytest.mark.filterwarnings("ignore::hpo.errors.ColumnWarning")
def test_it_is_what_it_stands_for(odd, plain):
    rows = frame(odd)
    result, known = tuned(rows), tuned(frame(plain))
    assert result.best_value == pytest.approx(known.best_value, abs=1e-12)
    expected = known.best_model.predict(frame(plain).drop(columns="y"))
    np.testing.assert_allclose(result.best_model.predict(rows.drop(columns="y")), expected, atol=1e-12)
    np.testing.assert_allclose(result.predict(rows), np.asarray(expected).reshape(-1, 1), atol=1e-12)


def test_intervals_are_classes_by_their_text():
    rows = pd.DataFrame({"x": X, "y": CUT})
    assert list(tuned(rows, algorithm="gaussian_nb").best_model.classes_) == sorted(map(str, CUT.cat.categories))


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ([1, "a", None] * 20, "mixes int and str values, such as 1 and 'a'; make text of it by frame['c'].astype('str"),
        (pd.Categorical([1, "a", 2.5] * 20), "mixes int and str values"),
        ([True, "no"] * 30, "mixes bool and str values, such as True and 'no'"),
        ([2**70] * ROWS, "holds whole numbers too large for 64 bits, such as 1180591620717411303424"),
        (X + 1j, "holds complex values"),
        ([Fraction(1, 3)] * ROWS, "holds Fraction values, such as Fraction(1, 3)"),
        ([enum.Enum("Size", "S M").S] * ROWS, "holds Size values, such as <Size.S: 1>"),
        ([[1.0]] * ROWS, "holds lists or structures (list<item: double>)"),
        ([{"a": 1}] * ROWS, "holds lists or structures (struct<a: int64>)"),
        (pd.Categorical([(1, 2), (3, 4)] * 30), "holds categories that are no text, numbers or dates"),
        ([b"a"] * ROWS, "holds bytes"),
    ],
)
def test_what_has_no_type_is_said_in_plain_words(column, words):
    with pytest.raises(DataError) as error:
        tuned(frame(column))
    assert f"column 'c' {words}" in str(error.value)
    assert "drop=['c']" in str(error.value)
    assert tuned(frame(column).drop(columns="c")).best_model is not None


def test_it_may_be_anything_where_it_is_dropped():
    rows = frame([1, "a", None] * 20)
    assert hpo.tune(rows, "y", "ridge", drop=["c"], trials=1, folds=3, store=None, progress=False).best_model is not None
