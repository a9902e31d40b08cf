"""Every counterexample that the fuzzing has found, kept: what was wrong is asked again in every run of the tests.

New ones are added here, at the end; earlier ones lie by their algorithm in the modules beside.
"""

from __future__ import annotations

from differential.known_linear import LINEAR
from differential.known_others import OTHERS
from differential.known_ridge import RIDGE
from differential.settings import Example
from differential.tables import Col, Spec

KNOWN: tuple[Example, ...] = (
    *RIDGE, *LINEAR, *OTHERS,
    # The root of merged states is off by more roundings than one decomposition makes: 1.9e-8 where 4e-9 was reported.
    Example(
        Spec(seed=17051408, rows=20, cols=(
            Col("heavy", missing=0.6, marked="fold", unit=6), Col("heavy", missing=0.3, marked="fold", unit=-12),
            Col("few", "uint8", offset=10000000.0, scale=3, sentinel=9999.0)), target="class", classes=4, noise=0.01,
            offset=1.0, order="sorted", weights="zeros", files=2, parts=4),
        "lda",
        (("impute", "indicator"), ("min_frequency", 0.0), ("shrinkage", 0.0), ("standardize", False)),
        "group",
        "log_likelihood",
    ),
    # The coefficient of a column of one value, 1e21, was 4e-26 by rounding, and a new row is 1e21 away.
    Example(
        Spec(seed=245, cols=(
            Col(offset=1000.0, scale=12, where="file"), Col(dtype="uint8", offset=1000000000.0, scale=1, where="file"),
            Col("boolean"), Col("even", "UInt32", scale=6, missing=0.1, where="fold"),
            Col("copy", "float32", offset=1000000000.0, scale=12, where="only"), Col("even", marked="fold", unit=9),
            Col("timestamp", where="only"), Col(dtype="uint64", scale=6, where="file", sentinel=-9999.0, marked="file"),
            Col("date", where="fold"), Col(offset=100000.0, missing=0.02, marked="fold", unit=6),
            Col("few", "int32", offset=10000000.0, where="file", sentinel=9999.0),
            Col("heavy", offset=100000.0, missing=0.6, marked="file", unit=3)), target="class", classes=4, noise=10.0,
            offset=1000.0, scale=12, order="grouped", weights="zeros", files=3, parts=2, dtype="int64", unlabelled=0.3),
        "logistic",
        (("C", 0.1), ("impute", "zero"), ("min_frequency", 0.03), ("standardize", True)),
        "kfold",
        "accuracy",
    ),
    # A column whose one value that counts, 1e-7, stands among zeros, and whose rows without weight lie near 1e5.
    Example(
        Spec(seed=1210, rows=12, cols=(
            Col("text", missing=0.02), Col("constant", "decimal", scale=12, missing=0.02, where="file"),
            Col("heavy", offset=100000.0, missing=0.6, marked="file", unit=-12),
            Col(dtype="Int16", offset=1.0, scale=12, where="file")), target="count", classes=3, scale=-3,
            order="grouped", weights="zeros", source="csv", files=4, parts=4, dtype="uint16"),
        "poisson",
        (("alpha", 1.0), ("impute", "zero"), ("min_frequency", 0.03), ("standardize", True)),
        "kfold",
        "neg_mean_absolute_error",
    ),
    # A value in another unit leaves a column its gaps at zero, far from the others: refused, at a condition of 140.
    Example(
        Spec(rows=30, cols=(Col("timestamp", missing=0.1, where="fold"),
            Col("constant", "Float64", offset=10000000.0, scale=-3, missing=0.3, where="file"), Col("text", missing=0.02),
            Col(offset=100000.0, missing=0.3, marked="file", unit=-9)), target="class", noise=10.0, weights="zeros",
            source="csv", files=7, parts=5, dtype="int64", unlabelled=0.05),
        "gaussian_nb",
        (("var_smoothing", 0.1),),
        "kfold",
        "log_likelihood",
    ),
    # The ORACLE: its components had 1e-17 of a column of one value by rounding, along which a fresh row lay 1e12 away.
    Example(
        Spec(seed=373, rows=12, cols=(
            Col("heavy", "int16", offset=1.0, where="file", sentinel=9999.0, marked="fold"),
            Col("heavy", "UInt64", offset=1.0, scale=12, missing=0.6, sentinel=-1.0),
            Col("even", "Int8", offset=100000.0, where="file"), Col("mirror", "Float32", offset=1000.0),
            Col("category", missing=0.1, where="fold"), Col("constant", "Int32", scale=6)), target="none",
            offset=10000000.0, order="grouped", files=2, parts=5, dtype="int64"),
        "pca",
        (("impute", "zero"), ("min_frequency", 0.0), ("n_components", 4), ("standardize", False)),
        "repeated",
        "log_likelihood",
    ),
    # The same, of a score of rows.
    Example(
        Spec(seed=269, rows=20, cols=(Col(offset=100000.0, missing=0.1, marked="file", unit=-6),), target="class",
            weights="whole", source="csv", files=7, parts=5, dtype="uint64", unlabelled=0.3),
        "gaussian_nb",
        (("var_smoothing", 0.1),),
        "stratified",
        "neg_log_loss",
    ),
    # One value of twenty in another unit leaves the column without an origin: 1.2e-8 off where 1.6e-7 is reported, and
    # the last digits of the raw values move it by 5e-9. An origin there would cost that value its digits, see seed 1210.
    Example(
        Spec(seed=12939863, rows=20, cols=(Col("date"), Col("text", missing=0.02),
            Col("text", missing=0.02, where="only"), Col("even", offset=100000.0, missing=0.3, marked="fold", unit=-9)),
            offset=-30.0, order="sorted", files=5, parts=5, unlabelled=0.3),
        "elastic_net",
        (("alpha", 1.0), ("fit_intercept", False), ("impute", "mean"), ("l1_ratio", 0.1), ("max_iter", 20000),
         ("min_frequency", 0.2), ("select", None), ("standardize", True), ("tol", 1e-13)),
        "parts",
        "explained_variance",
    ),
    # A sentinel of -9999 is zero beside numbers of 1e21, and gaps are filled by zero: a limit, docs/exact.md has it.
    Example(
        Spec(seed=1377, cols=(
            Col("heavy", "Float64", offset=1000000000.0, scale=12, missing=0.6, sentinel=-9999.0),
            Col("heavy", offset=100000.0, missing=0.02, marked="fold", unit=-6),
            Col(offset=1000.0, missing=0.1, marked="file", unit=-12),
            Col("even", "Int32", where="fold", sentinel=-1.0, marked="file"),
            Col("heavy", offset=1000.0, marked="file", unit=-9), Col("text"),
            Col(missing=0.02, marked="fold", unit=9),
            Col("copy", "int32", offset=100000.0, scale=1, missing=0.3, where="file"),
            Col("heavy", offset=100000.0, marked="fold", unit=-9), Col("date", missing=0.3, where="only"),
            Col("even", offset=100000.0, missing=0.3, marked="fold", unit=3),
            Col("constant", "Int8", offset=1.0, scale=12, missing=0.6, where="file")), target="class", classes=4,
            noise=10.0, scale=-9, files=2, dtype="uint16", unlabelled=0.3),
        "isolation_forest",
        (("contamination", 0.1), ("impute", "zero"), ("max_features", 1.0), ("max_samples", 256),
         ("min_frequency", 0.2), ("n_estimators", 5)),
        "stratified",
        "f1",
    ),
    # The ORACLE: gaps at zero in one class, 1e10 away, hid that the others' means are floats, known to 1e-7 of a spread.
    Example(
        Spec(seed=76648580, cols=(Col("category", missing=0.1, where="fold"),
            Col("even", offset=1000000000.0, scale=1, missing=0.02)), target="class", classes=4, noise=0.01, offset=1.0,
            order="grouped", source="csv", files=5, parts=2, dtype="float32", unlabelled=0.3),
        "qda",
        (("impute", "zero"), ("min_frequency", 0.03), ("reg_param", 0.001), ("standardize", False)),
        "repeated",
        "accuracy",
    ),
)  # fmt: skip

OPEN: tuple[Example, ...] = (
    # A fold's error is 3.7e-8 off: within the error that is reported of its rounding, but short of eight digits.
    Example(
        Spec(seed=53, rows=30, cols=(
            Col(offset=-30.0, scale=6, where="file"), Col("timestamp", missing=0.1), Col("text", missing=0.3),
            Col(dtype="uint32", offset=1.0, scale=6, missing=0.1, where="only", sentinel=-1.0), Col("date"),
            Col("constant", "uint32", scale=6, missing=0.1),
            Col("even", "UInt16", offset=100000.0, scale=6, missing=0.1, where="file", sentinel=9999.0, marked="file"),
            Col(offset=100000.0, missing=0.6, marked="fold", unit=6),
            Col("few", "Int8", offset=1000.0, scale=3, missing=0.02),
            Col("few", "UInt64", offset=1000000000.0, scale=12, missing=0.3, where="only", sentinel=9999.0,
                marked="fold")), noise=10.0, weights="whole", files=7, parts=2, dtype="uint16", unlabelled=0.3),
        "pls",
        (("impute", "mean"), ("min_frequency", 0.1), ("n_components", 2), ("select", None), ("standardize", True)),
        "parts",
        "neg_mean_squared_error",
    ),
)
"""Counterexamples that are not mended, and what is known of each."""
