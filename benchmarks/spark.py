"""``python -m benchmarks.spark``: the same questions asked of Spark MLlib (``pip install pyspark``, and Java).

Both read the same Parquet files. Linear and logistic regression: twenty penalties, five folds, as
``pyspark.ml.tuning.CrossValidator`` does it on ``local[2]``, its data cached and two fits at once. K-means: ten
clusters, the sum of squared distances compared on all rows. Spark's session is warm before it is timed; ours begins
with an empty store.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import hpo

COLUMNS, FILES, FOLDS, CANDIDATES, CLUSTERS = 20, 8, 5, 20, 10
PENALTIES = np.logspace(-5, 1, CANDIDATES)
"""Spark's: beside the mean loss."""


def write(folder: Path, rows: int) -> None:
    """Write rows of groups that overlap, with a number and a class that depend on them."""
    rng = np.random.default_rng(0)
    centres = rng.normal(scale=2.0, size=(CLUSTERS, COLUMNS))
    weights = rng.normal(size=COLUMNS)
    for i in range(FILES):
        x = centres[rng.integers(0, CLUSTERS, rows // FILES)] + rng.normal(size=(rows // FILES, COLUMNS))
        eta = x @ weights / 4.0
        frame = pd.DataFrame(x, columns=[f"x{j}" for j in range(COLUMNS)])
        frame["y"] = eta + rng.normal(size=len(frame))
        frame["late"] = (eta + rng.logistic(size=len(frame)) > 0.0).astype(int)
        frame.to_parquet(folder / f"{i}.parquet", index=False)


def timed(ask: Callable[[], float]) -> tuple[float, float]:
    """Return the answer and the seconds that it took."""
    began = time.perf_counter()
    return ask(), time.perf_counter() - began


def ours(folder: Path, rows: int) -> dict[str, Callable[[], float]]:
    """Return what is asked of this library."""
    features = [f"x{j}" for j in range(COLUMNS)]
    how: dict[str, Any] = {"features": features, "folds": FOLDS, "trials": CANDIDATES, "progress": False}

    def asked(target: str | None, algorithm: str, **options: Any) -> float:
        with tempfile.TemporaryDirectory() as store:
            result = hpo.tune(folder, target, algorithm, store=store, **{**how, **options})
            return abs(result.best_value)

    def clusters() -> float:
        with tempfile.TemporaryDirectory() as store:
            result = hpo.tune(folder, None, "kmeans", store=store, search={"kmeans.n_clusters": CLUSTERS},
                              **{**how, "trials": 1})  # fmt: skip
            model = result.best_model
            return inertia(folder, model.predict)

    alphas = [float(p) for p in PENALTIES * rows * (FOLDS - 1) / FOLDS]
    return {
        "linear": lambda: asked(
            "y", "ridge", scoring="neg_root_mean_squared_error",
            search={"ridge.alpha": alphas, "ridge.standardize": True},
        ),
        "logistic": lambda: asked(
            "late", "logistic", scoring="neg_log_loss", search={"logistic.C": [1.0 / a for a in alphas]}
        ),
        "k-means": clusters,
    }  # fmt: skip


def inertia(folder: Path, predict: Callable[[pd.DataFrame], Any]) -> float:
    """Return the sum of squared distances of rows to the mean of their cluster."""
    frame = pd.read_parquet(folder, columns=[f"x{j}" for j in range(COLUMNS)])
    label, x = np.asarray(predict(frame)), frame.to_numpy()
    return float(sum(((x[label == k] - x[label == k].mean(0)) ** 2).sum() for k in np.unique(label)))


def sparks(folder: Path) -> dict[str, Callable[[], float]]:
    """Return what is asked of Spark."""
    from pyspark.ml import classification, clustering, evaluation, regression, tuning
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import SparkSession

    quiet = {"spark.ui.enabled": "false", "spark.driver.memory": "4g", "spark.log.level": "ERROR"}
    build = SparkSession.builder.master("local[2]")
    for key, value in quiet.items():
        build = build.config(key, value)
    session = build.getOrCreate()
    assembler = VectorAssembler(inputCols=[f"x{j}" for j in range(COLUMNS)], outputCol="features")
    session.range(1000).count()

    def rows() -> Any:
        return assembler.transform(session.read.parquet(str(folder))).select("features", "y", "late").cache()

    def crossed(estimator: Any, evaluator: Any) -> float:
        grid = tuning.ParamGridBuilder().addGrid(estimator.regParam, [float(p) for p in PENALTIES]).build()
        search = tuning.CrossValidator(
            estimator=estimator, estimatorParamMaps=grid, evaluator=evaluator, numFolds=FOLDS, parallelism=2, seed=0
        )
        return float(min(search.fit(rows()).avgMetrics))

    def clusters() -> float:
        data = rows()
        model = clustering.KMeans(k=CLUSTERS, seed=0).fit(data)
        return float(model.summary.trainingCost)

    return {
        "linear": lambda: crossed(
            regression.LinearRegression(labelCol="y"), evaluation.RegressionEvaluator(labelCol="y")
        ),
        "k-means": clusters,
        "logistic": lambda: crossed(
            classification.LogisticRegression(labelCol="late"),
            evaluation.MulticlassClassificationEvaluator(labelCol="late", metricName="logLoss"),
        ),
    }


def main() -> None:
    """Print a line for each question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, asked.rows)
        mine = ours(folder, asked.rows)
        for question, ask in sparks(folder).items():
            found, seconds = timed(mine[question])
            theirs, took = timed(ask)
            here, there = f"{found:.6g} in {seconds:.2f} s", f"{theirs:.6g} in {took:.1f} s"
            print(f"{question}: {here}; Spark {there}: {took / seconds:.1f} times", flush=True)


if __name__ == "__main__":
    main()
