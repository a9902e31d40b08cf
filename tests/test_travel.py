"""``result.best_model`` is of scikit-learn's classes where they express it, and says what the study's model says."""

from __future__ import annotations

import io
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from test_export import asked, classes, new, same, study

import hpo

ROWS = 200


def arrays():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 4))
    y = X[:, 0] + X[:, 2] + rng.normal(size=ROWS)
    X[::9, 1] = np.nan
    return X, y


def tuned(data, target=None, algorithm="ridge", **how):
    asked = {"trials": 2, "folds": 3, "store": None, "progress": False, "n_jobs": 1}
    return hpo.tune(data, target, algorithm, **asked | how)


def rooms(model):
    return {cls.__module__.partition(".")[0] for cls in classes(model)}


@pytest.mark.parametrize(
    ("algorithm", "target"), [("ridge", "y"), ("logistic", "grade"), ("knn_classifier", "late"), ("pca", None)]
)
def test_numbers_gaps_texts_and_booleans(algorithm, target, tmp_path):
    result = study(algorithm, target, tmp_path)
    assert rooms(result.best_model) == {"sklearn"}
    rows = new()
    same(result.model_of(encoded=True), result.best_model, rows[rows.columns[::-1]])
    same(result.model_of(encoded=True), result.model_of(result.best), rows)


def test_it_is_loaded_by_joblib_and_skops_and_fitted_again(tmp_path):
    skops = pytest.importorskip("skops.io")
    model = study("ridge", "y", tmp_path).best_model
    stream = io.BytesIO()
    joblib.dump(model, stream)
    assert not any(name in stream.getvalue() for name in (b"hpo", b"algorithms", b"pyarrow"))
    written = skops.dumps(model)
    assert skops.get_untrusted_types(data=written) == ["numpy.dtype"]  # of every SimpleImputer
    stream.seek(0)
    for again in joblib.load(stream), skops.loads(written, trusted=["numpy.dtype"]):
        same(model, again, new())
    frame = asked().drop(columns=["late", "grade"])
    assert clone(model).fit(frame.drop(columns="y"), frame["y"]).predict(new()).shape == (len(new()),)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("impute", ["mean", "indicator"])
def test_an_array_s_model_takes_arrays_and_frames_without_a_warning(impute):
    X, y = arrays()
    result = tuned((X, y), search={"ridge.impute": impute})
    known = result.model_of(encoded=True).predict(X)
    frame = pd.DataFrame(X, columns=["x0", "x1", "x2", "x3"])
    for rows in (X, X.tolist(), frame, frame.convert_dtypes(), frame[["x3", "x1", "x0", "x2"]], pl.DataFrame(frame)):
        np.testing.assert_allclose(result.best_model.predict(rows), known, rtol=1e-12)
    assert rooms(result.best_model) == {"sklearn"}
    zeros = sp.csr_matrix(np.nan_to_num(X))
    np.testing.assert_allclose(
        result.best_model.predict(zeros), result.model_of(encoded=True).predict(zeros), rtol=1e-12
    )


def test_float32_frames_are_computed_in_float32_as_scikit_learn_does_and_arrays_in_float64():
    X, y = arrays()
    frame = pd.DataFrame(X.astype(np.float32), columns=list("abcd"))
    result = tuned(frame.assign(y=y.astype(np.float32)), "y")
    known = result.model_of(encoded=True).predict(frame)
    assert rooms(result.best_model) == {"sklearn"}
    np.testing.assert_allclose(result.best_model.predict(frame), known, atol=8 * np.finfo(np.float32).eps)
    np.testing.assert_allclose(result.best_model.predict(frame.astype(float)), known, rtol=1e-13)
    result = tuned((frame.to_numpy(), y))
    rows = frame.to_numpy()
    np.testing.assert_allclose(result.best_model.predict(rows), result.model_of(encoded=True).predict(rows), rtol=1e-13)


@pytest.mark.parametrize(
    "column",
    [pd.Categorical(np.arange(ROWS) % 3), pd.date_range("2020-01-01", periods=ROWS, freq="31h")],
    ids=["numbers as categories", "dates"],
)
def test_what_scikit_learn_would_mistake_keeps_the_encoder(column):
    X, y = arrays()
    frame = pd.DataFrame({"x": X[:, 0], "column": column})
    result = tuned(frame.assign(y=y + 3.0 * (np.arange(ROWS) % 3)), "y")
    assert "hpo" in rooms(result.best_model)
    same(result.model_of(encoded=True), result.best_model, frame)


def test_names_and_the_index_are_kept():
    X, y = arrays()
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(ROWS) + 1000)
    frame["t"] = np.where(X[:, 0] > 0, "high", "low")
    result = tuned(frame.assign(y=y), "y", search={"ridge.impute": "indicator"})
    assert result.predict(frame).index.equals(frame.index)
    columns = result.best_model[0]
    names = list(columns.get_feature_names_out())
    assert {"a", "missingindicator_b", "t_high", "t_low"} <= set(names)
    plain = columns.transform(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # text columns are fitted without names
        named = clone(columns).fit(frame).set_output(transform="pandas").transform(frame)
        made = columns.set_output(transform="pandas").transform(frame)
    assert made.index.equals(frame.index) and named.index.equals(frame.index)
    assert list(made.columns) == names
    np.testing.assert_array_equal(made.to_numpy(), plain)


def test_an_export_says_that_categories_of_numbers_are_found_as_text(tmp_path):
    X, y = arrays()
    frame = pd.DataFrame({"x": X[:, 0], "code": pd.Categorical(np.arange(ROWS) % 3)})
    result = tuned(frame.assign(y=y + 3.0 * (np.arange(ROWS) % 3)), "y")
    with pytest.warns(hpo.errors.ColumnWarning, match=r"'code' as text \('1'\), and takes numbers \(1\)"):
        hpo.export(result, tmp_path / "model.joblib")
    made = joblib.load(tmp_path / "model.joblib")
    text = frame.assign(code=frame["code"].astype(str).astype(object))
    np.testing.assert_allclose(made.predict(text), result.best_model.predict(frame), rtol=1e-9)
