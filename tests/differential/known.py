"""Every counterexample that the fuzzing has found, kept: what was wrong is asked again in every run of the tests."""

from __future__ import annotations

from differential.settings import Example
from differential.tables import Col, Spec

KNOWN: tuple[Example, ...] = (
    # a level whose share is min_frequency itself was merged: 6 of 30 rows at 0.2
    Example(
        Spec(seed=932, rows=12, cols=(Col("category"),), classes=4, noise=0.01, offset=1.0, scale=1, weights="whole",
             source="parquet", parts=2),
        "ridge",
        (("alpha", 1e-8), ("fit_intercept", True), ("impute", "indicator"), ("min_frequency", 0.2), ("select", 3),
         ("standardize", False)),
        "shuffle",
        "neg_root_mean_squared_error",
    ),
    # a share of 3 of 30 rows at 0.1, of the hours of a timestamp with missing values
    Example(
        Spec(seed=321, cols=(Col("boolean", missing=0.1, where="file"), Col("timestamp", missing=0.1)), classes=3,
             noise=1e-4, scale=12, source="csv", files=2, parts=2),
        "ols",
        (("fit_intercept", True), ("impute", "mean"), ("min_frequency", 0.1), ("select", 3), ("standardize", True)),
        "time",
        "r2",
    ),
    # columns without a value in the training rows shifted those beside them in the score of Bernoulli's naive Bayes
    Example(
        Spec(rows=12, cols=(Col("counts", "int64"),), target="class", parts=2),
        "bernoulli_nb",
        (("alpha", 1e-3), ("fit_prior", False)),
        "parts",
        "log_likelihood",
    ),
    # a constant of 1.5e7 of which 60% is missing, beside small integers, not standardised
    Example(
        Spec(seed=16191, rows=120, cols=(
            Col("mirror", "int8", offset=1e3, scale=12, missing=0.3), Col("boolean", missing=0.1, where="only"),
            Col("constant", "Int64", offset=1e7, missing=0.6)), classes=3, noise=10.0, offset=-30.0, order="grouped",
            weights="whole", parts=4),
        "ridge",
        (("alpha", 0.01), ("fit_intercept", True), ("impute", "zero"), ("min_frequency", 0.03), ("select", None),
         ("standardize", False)),
        "time",
        "explained_variance",
    ),
    # days since 1970 without an intercept, beside levels that sum to one
    Example(
        Spec(seed=2, rows=200, cols=(
            Col("category", missing=0.6, where="fold"), Col("text"), Col("timestamp")), noise=0.01, order="sorted",
            parts=2),
        "ridge",
        (("alpha", 0.01), ("fit_intercept", False), ("impute", "mean"), ("min_frequency", 0.03), ("select", None),
         ("standardize", False)),
        "time",
        "r2",
    ),
    # levels that sum to one, next to no penalty
    Example(
        Spec(seed=735, rows=30, cols=(Col("category", missing=0.02, where="file"),), weights="whole",
             source="parquet", parts=3),
        "ridge",
        (("alpha", 1e-8), ("fit_intercept", True), ("impute", "mean"), ("min_frequency", 0.0), ("select", None),
         ("standardize", False)),
        "parts",
        "neg_mean_squared_error",
    ),
    # a million million beside text
    Example(
        Spec(seed=79, rows=12, cols=(
            Col("normal", offset=1e9, scale=12, missing=0.1, where="fold"), Col("text", missing=0.3, where="fold"),
            Col("even", "int16", offset=1e7, missing=0.02)), classes=4, offset=1e7, order="sorted", files=3, parts=4),
        "lasso",
        (("alpha", 1e-3), ("fit_intercept", True), ("impute", "indicator"), ("max_iter", 20_000), ("min_frequency", 0.1),
         ("select", None), ("standardize", False), ("tol", 1e-13)),
        "repeated",
        "neg_root_mean_squared_error",
    ),
    # a row that the model was fitted to was not at distance zero from itself
    Example(
        Spec(seed=73942665, cols=(Col("boolean"), Col("category"), Col("timestamp"), Col("timestamp")), offset=1e5,
             scale=1, order="sorted", files=3),
        "knn_regressor",
        (("impute", "mean"), ("metric", "euclidean"), ("min_frequency", 0.03), ("n_neighbors", 9), ("standardize", True),
         ("weights", "distance")),
        "parts",
        "r2",
    ),
    # a file without a value of a column counted as one of zeros, so that the column had no origin
    Example(
        Spec(seed=1, rows=12, cols=(*(Col(dtype="float32"),) * 6, Col(dtype="float32", offset=1e5, missing=0.02, where="file")),
             target="none", source="parquet", files=2, parts=2),
        "pca",
        (("impute", "mean"), ("min_frequency", 0.0), ("n_components", 4), ("standardize", False)),
        "parts",
        "log_likelihood",
    ),
    # the mean of a scaler is a float, and what it lost was in no prediction; a gap is filled by a float, too
    Example(
        Spec(seed=1087, rows=30, cols=(
            Col(dtype="UInt32", offset=1e9, where="file"), Col("text", missing=0.1), Col("category", where="only"),
            Col("constant", "Int64", offset=1e9, scale=3, missing=0.3), Col("boolean", missing=0.02, where="only"),
            Col("even", "int64", offset=1e7, missing=0.1)), target="class", classes=3, offset=1e3, scale=3, source="parquet",
             files=4, parts=4),
        "lda",
        (("impute", "indicator"), ("min_frequency", 0.0), ("shrinkage", 1.0), ("standardize", True)),
        "parts",
        "balanced_accuracy",
    ),
    # least squares dropped columns whose variance is small beside another's
    Example(
        Spec(seed=4969, cols=(
            Col("copy", "Float64"), Col(dtype="Int64", offset=1e9, missing=0.6, where="fold"),
            Col("copy", "UInt64", offset=-30.0, scale=12, where="only"), Col("even", offset=-30.0),
            Col("even", "Int8", offset=-30.0, scale=-9, missing=0.02)), target="class", classes=4, noise=10.0, scale=6,
             order="grouped", files=4, parts=2),
        "lda",
        (("impute", "indicator"), ("min_frequency", 0.1), ("shrinkage", 0.0), ("standardize", False)),
        "parts",
        "balanced_accuracy",
    ),
    # the eigenvalues of a class were rounded beside the largest
    Example(
        Spec(seed=18359, rows=200, cols=(
            Col("mirror", offset=1.0, missing=0.1, where="only"), Col("sum", "int8", offset=1.0, missing=0.1, where="fold"),
            Col("copy", offset=-30.0, scale=-3, missing=0.6, where="fold"), Col("date"), Col("constant", "uint64", scale=3),
            Col("copy", "int32", offset=-30.0, where="file"), Col("category"), Col("category", missing=0.02, where="only"),
            Col("category", where="file"), Col("timestamp", missing=0.02, where="fold"),
            Col("even", "uint32", offset=1.0, missing=0.02, where="only"), Col("copy", "UInt64", offset=1e7, scale=6)),
             target="class", scale=-9, weights="zeros", files=7, parts=5),
        "qda",
        (("impute", "indicator"), ("min_frequency", 0.1), ("reg_param", 0.01), ("standardize", False)),
        "kfold",
        "balanced_accuracy",
    ),
    # ... and the axes of the small ones had no digit of the large columns
    Example(
        Spec(seed=778728812, rows=200, cols=(
            Col("even", offset=1e9, scale=12), Col("text", missing=0.02), Col("heavy", "float32", offset=1e5, where="fold"),
            Col("date", where="file"), Col("even", "UInt32", scale=1, where="only")), target="class", offset=1.0, parts=2),
        "qda",
        (("impute", "mean"), ("min_frequency", 0.03), ("reg_param", 0.1), ("standardize", False)),
        "kfold",
        "log_likelihood",
    ),
    # a row far from the origin of its column was not at distance zero from itself
    Example(
        Spec(seed=68451, rows=20, cols=(
            Col("text", missing=0.3, where="fold"), Col("timestamp", missing=0.1, where="file"), Col("text", missing=0.6),
            Col("constant", "float32", offset=1e9, scale=12, missing=0.3, where="file"),
            Col("even", "Float32", offset=1e3, where="only"),
            Col("sum", offset=1e7, scale=-9, missing=0.02, where="fold"), Col("date", where="only"),
            Col("text", missing=0.3, where="fold"), Col("few", "UInt32", offset=1e5, scale=6), Col("timestamp", missing=0.6),
            Col("mirror", "uint8", missing=0.02, where="fold")), classes=4, noise=1e-4, offset=-30.0, scale=-3,
             order="sorted", source="csv", files=3, parts=4),
        "knn_regressor",
        (("impute", "mean"), ("metric", "euclidean"), ("min_frequency", 0.1), ("n_neighbors", 5), ("standardize", False),
         ("weights", "distance")),
        "repeated",
        "neg_mean_absolute_error",
    ),
    # a column that no training row has stood for a constant at its origin, without an intercept
    Example(Spec(seed=20860003, rows=120, cols=(Col(kind="copy", offset=10000000.0, scale=3,
        missing=0.02, where="fold"),), classes=4, offset=10000000.0, scale=3, order="sorted",
        weights="zeros", source="parquet", files=5), "ridge", (("alpha", 0.0001), ("fit_intercept", False),
        ("impute", "zero"), ("min_frequency", 0.0), ("select", None), ("standardize", False)), "time",
        "explained_variance"),
    # refused for the rounding of the target's mean, of which standardised columns have no part
    Example(Spec(seed=1956021421, rows=12, cols=(Col(kind="category", where="file"), Col(kind="date",
        missing=0.6, where="fold"), Col(kind="date", missing=0.6, where="fold"), Col(kind="heavy",
        dtype="Float64", offset=-30.0, scale=-9, missing=0.02, where="only")), noise=0.01, offset=100000.0,
        scale=1, order="sorted", weights="whole", source="csv", files=7, parts=2), "ridge", (("alpha",
        1e-08), ("fit_intercept", False), ("impute", "mean"), ("min_frequency", 0.03), ("select", None),
        ("standardize", True)), "kfold", "r2"),
    # rounding along levels that sum to one, divided by a penalty of 1e-8
    Example(Spec(seed=708298, rows=30, cols=(Col(kind="few", dtype="UInt8", scale=12, missing=0.6,
        where="file"), Col(kind="timestamp"), Col(kind="constant", dtype="Int64", offset=1000.0, scale=1,
        missing=0.02, where="file")), classes=4, scale=3, weights="whole", source="csv", parts=4), "ridge",
        (("alpha", 1e-08), ("fit_intercept", False), ("impute", "mean"), ("min_frequency", 0.2), ("select",
        None), ("standardize", False)), "shuffle", "explained_variance"),
    # a target of 1e9 spreads: the way between means of parts had lost its digits
    Example(Spec(seed=32793344, rows=200, cols=(Col(kind="even", dtype="uint8", offset=1.0, missing=0.1,
        where="fold"), Col(kind="timestamp", missing=0.1, where="only"), Col(kind="copy", offset=1000.0,
        scale=6), Col(kind="category", missing=0.1, where="only"), Col(kind="sum", dtype="UInt8",
        offset=1000000000.0, scale=1, missing=0.02), Col(kind="copy", dtype="UInt8", offset=100000.0,
        scale=3, where="file")), classes=4, noise=0.0001, offset=1000000000.0, order="sorted", files=3),
        "ridge", (("alpha", 0.01), ("fit_intercept", True), ("impute", "zero"), ("min_frequency", 0.1),
        ("select", None), ("standardize", False)), "parts", "r2"),
    # a descent ended between columns that nearly repeat each other
    Example(Spec(seed=118635382, rows=20, cols=(Col(kind="mirror", dtype="Float64", offset=1.0,
        scale=-9, missing=0.3, where="only"), Col(kind="category", missing=0.3, where="file"),
        Col(kind="timestamp", missing=0.1, where="fold")), classes=3, noise=10.0, order="sorted", files=2,
        parts=4), "elastic_net", (("alpha", 0.001), ("fit_intercept", True), ("impute", "zero"),
        ("l1_ratio", 0.9), ("max_iter", 20000), ("min_frequency", 0.2), ("select", None), ("standardize",
        False), ("tol", 1e-13)), "shuffle", "neg_root_mean_squared_error"),
    # columns that are constant but for their last digits beside a penalty: the active set went round
    Example(Spec(seed=7197, rows=30, cols=(Col(kind="boolean", missing=0.02, where="fold"),
        Col(kind="text"), Col(kind="constant", dtype="Int16", scale=12, missing=0.02, where="file"),
        Col(kind="text", missing=0.02, where="fold"), Col(kind="constant", dtype="Int16",
        offset=1000000000.0, scale=6, where="only"), Col(kind="constant", dtype="uint32", offset=100000.0,
        scale=3, missing=0.3), Col(kind="text", where="file"), Col(dtype="UInt32", offset=10000000.0,
        scale=-3, where="fold")), noise=0.0001, offset=100000.0, order="grouped", weights="zeros",
        source="parquet", files=5, parts=4), "elastic_net", (("alpha", 0.1), ("fit_intercept", False),
        ("impute", "indicator"), ("l1_ratio", 0.9), ("max_iter", 20000), ("min_frequency", 0.03), ("select",
        None), ("standardize", False), ("tol", 1e-13)), "time", "neg_mean_squared_error"),
    # a descent ended between columns that nearly repeat each other
    Example(Spec(seed=3329, cols=(Col(kind="date", missing=0.02), Col(kind="date"), Col(kind="constant",
        dtype="float32", offset=100000.0, scale=-3, where="fold"), Col(kind="boolean", where="only"),
        Col(kind="timestamp", missing=0.1), Col(kind="even", dtype="Int16", offset=100000.0, scale=-9),
        Col(kind="text", missing=0.02, where="fold"), Col(kind="few", dtype="int32", scale=6),
        Col(kind="sum", dtype="Int32", offset=10000000.0, scale=12, missing=0.1), Col(kind="category",
        missing=0.02), Col(kind="few", dtype="int64", offset=1000.0, scale=6, missing=0.1)), noise=0.01,
        offset=1000000000.0, order="grouped", weights="zeros", source="parquet", files=5, parts=2), "lasso",
        (("alpha", 0.001), ("fit_intercept", True), ("impute", "zero"), ("max_iter", 20000),
        ("min_frequency", 0.03), ("select", None), ("standardize", False), ("tol", 1e-13)), "kfold", "r2"),
    # the minimum of a quadratic whose curvature was rounding was taken at its word: coefficients of 1e5, and "converged"
    Example(
        Spec(seed=345622, rows=12, cols=(
            Col("category", where="fold"), Col("text", missing=0.02, where="file"),
            Col(dtype="int32", scale=3, missing=0.6, where="file"), Col("mirror", offset=1e3, missing=0.6, where="fold"),
            Col("text"), Col("category", where="file"), Col("date", missing=0.3)), target="class", classes=3, noise=1e-4,
            offset=1e5, scale=-9, order="grouped", files=7, parts=4),
        "logistic",
        (("C", 100.0), ("impute", "mean"), ("min_frequency", 0.2), ("standardize", False)),
        "repeated",
        "accuracy",
    ),
    # a column that is constant but for rounding had a coefficient, of rows that have it a million away
    Example(
        Spec(seed=5295623, rows=20, cols=(
            Col("timestamp", missing=0.02, where="file"), Col("few", "UInt16", offset=1e9), Col("text", where="file"),
            Col("copy", "float32", offset=1e7, missing=0.02), Col("text"), Col("sum", "int64", offset=-30.0),
            Col("constant", "Int32", offset=1e3, missing=0.02, where="only"), Col("category", missing=0.1, where="fold"),
            Col("few", "Int8", scale=-9, where="fold"), Col("timestamp"),
            Col(dtype="float32", scale=6, missing=0.6, where="fold"),
            Col("even", "int64", offset=1e3, scale=6, missing=0.3, where="only")), target="positive", scale=6,
            order="sorted", files=7, parts=2),
        "tweedie",
        (("alpha", 1e-4), ("impute", "mean"), ("min_frequency", 0.1), ("power", 1.5), ("standardize", True)),
        "repeated",
        "neg_mean_squared_error",
    ),
    # levels alone are float32, and were scaled in it
    Example(
        Spec(seed=4711, rows=200, cols=(
            Col("category", missing=0.02), Col("text", where="file"), Col("text", missing=0.3, where="file")),
            target="class", noise=0.01, weights="whole", files=4),
        "logistic",
        (("C", 0.1), ("impute", "mean"), ("min_frequency", 0.03), ("standardize", True)),
        "shuffle",
        "neg_log_loss",
    ),
)  # fmt: skip
