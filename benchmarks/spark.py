"""``python -m benchmarks.spark``: the same questions asked of Spark MLlib (``pip install pyspark``, and Java).

Both read the same Parquet files. Linear and logistic regression: twenty penalties, five folds, as
``pyspark.ml.tuning.CrossValidator`` does it on ``local[2]``, its data cached and two fits at once. K-means at
equal sum of squared distances on all rows: Spark begins from further seeds until it is within a hundredth of ours.
K-means of twenty numbers of clusters on five folds: ours are scored by held-out sums of squared distances; of Spark
every fourth is fitted, once and to all rows, and a hundred such fits, unscored, are extrapolated from these. The
sum of squared distances of our model on all rows is computed when the time is over. Spark's session is warm before
it is timed, and our modules are loaded by a study of few rows; ours begins with an empty store. Processor time is
that of all processes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

import hpo

COLUMNS, FILES, FOLDS, CANDIDATES, CLUSTERS = 20, 8, 5, 20, 10
NUMBERS = list(range(2, 2 * CANDIDATES + 1, 2))
"""Of clusters."""

CLOSE, SEEDS = 1.01, 20
"""A sum of squared distances that counts as equal, and from how many seeds it is tried."""

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


@dataclass(frozen=True)
class Took:
    """An answer, and the seconds of wall and of processor time that it took, times how often it would be asked."""

    answer: float
    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.answer:.6g} in {self.wall:.1f} s ({self.processor:.1f} of processor time)"


Answer = float | Callable[[], float]
"""An answer, or what computes it of the model that was found, when the time is over."""


def timed(ask: Callable[[], Answer], times: float = 1.0) -> Took:
    """Return the answer and what it took."""
    began, before = time.perf_counter(), processor()
    answer = ask()
    wall, used = time.perf_counter() - began, processor() - before
    return Took(answer() if callable(answer) else answer, times * wall, times * used)


def processor() -> float:
    """Return the seconds of processor time of this process and of those that it started."""
    here = psutil.Process()
    return sum(sum(one.cpu_times()[:2]) for one in (here, *here.children(recursive=True)))


def ours(folder: Path, rows: int) -> dict[str, Callable[[], Answer]]:
    """Return what is asked of this library."""
    features = [f"x{j}" for j in range(COLUMNS)]
    how: dict[str, Any] = {"features": features, "folds": FOLDS, "trials": CANDIDATES, "progress": False}

    def asked(target: str | None, algorithm: str, **options: Any) -> float:
        with tempfile.TemporaryDirectory() as store:
            result = hpo.tune(folder, target, algorithm, store=store, **{**how, **options})
            return abs(result.best_value)

    def clusters(numbers: list[int]) -> Answer:
        with tempfile.TemporaryDirectory() as store:
            result = hpo.tune(folder, None, "kmeans", store=store, search={"kmeans.n_clusters": numbers},
                              scoring="neg_inertia", **{**how, "trials": len(numbers)})  # fmt: skip
            predict = result.best_model.predict
        return lambda: inertia(folder, predict)

    alphas = [float(p) for p in PENALTIES * rows * (FOLDS - 1) / FOLDS]
    return {
        "linear": lambda: asked(
            "y", "ridge", scoring="neg_root_mean_squared_error",
            search={"ridge.alpha": alphas, "ridge.standardize": True},
        ),
        "logistic": lambda: asked(
            "late", "logistic", scoring="neg_log_loss", search={"logistic.C": [1.0 / a for a in alphas]}
        ),
        "k-means": lambda: clusters([CLUSTERS]),
        "numbers of clusters": lambda: clusters(NUMBERS),
    }  # fmt: skip


def inertia(folder: Path, predict: Callable[[pd.DataFrame], Any]) -> float:
    """Return the sum of squared distances of rows to the mean of their cluster."""
    frame = pd.read_parquet(folder, columns=[f"x{j}" for j in range(COLUMNS)])
    label, x = np.asarray(predict(frame)), frame.to_numpy()
    return float(sum(((x[label == k] - x[label == k].mean(0)) ** 2).sum() for k in np.unique(label)))


def sparks(folder: Path, equal: float) -> dict[str, Callable[[], Took]]:
    """Return what is asked of Spark; k-means until the sum of squared distances is near the one that is given."""
    from pyspark.ml import classification, clustering, evaluation, regression, tuning
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import SparkSession

    quiet = {"spark.ui.enabled": "false", "spark.driver.memory": "4g", "spark.log.level": "ERROR",
             "spark.ui.showConsoleProgress": "false"}  # fmt: skip
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

    def fitted(data: Any, number: int, seed: int = 0) -> float:
        return float(clustering.KMeans(k=number, seed=seed).fit(data).summary.trainingCost)

    def clusters() -> float:
        data, best = rows(), np.inf
        for seed in range(SEEDS):
            best = min(best, fitted(data, CLUSTERS, seed))
            if best <= CLOSE * equal:
                break
        print(f"Spark's sum of squared distances after {seed + 1} fits: {best:.6g}", flush=True)
        return float(best)

    def some() -> float:
        data = rows()
        return sum(fitted(data, number) for number in NUMBERS[3::4])

    linear = regression.LinearRegression(labelCol="y"), evaluation.RegressionEvaluator(labelCol="y")
    logistic = (
        classification.LogisticRegression(labelCol="late"),
        evaluation.MulticlassClassificationEvaluator(labelCol="late", metricName="logLoss"),
    )
    return {
        "linear": lambda: timed(lambda: crossed(*linear)),
        "k-means": lambda: timed(clusters),
        "numbers of clusters": lambda: timed(some, FOLDS * CANDIDATES / len(NUMBERS[3::4])),
        "logistic": lambda: timed(lambda: crossed(*logistic)),
    }


def main() -> None:
    """Print a line for each question."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--only", action="append", help="A question; may be given again. [default: all]")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        few, folder = Path(name) / "few", Path(name) / "all"
        for place, rows in ((few, 1_000), (folder, asked.rows)):
            place.mkdir()
            write(place, rows)
        for ask in ours(few, 1_000).values():
            ask()
        all_of_ours = ours(folder, asked.rows)
        mine = {question: timed(all_of_ours[question]) for question in asked.only or all_of_ours}
        equal = mine["k-means"].answer if "k-means" in mine else np.inf
        for question, ask in sparks(folder, equal).items():
            if question not in mine:
                continue
            here, there = mine[question], ask()
            times = f"{there.wall / here.wall:.1f} times, {there.processor / here.processor:.1f} in processor time"
            print(f"{question}: {here}; Spark {there}: {times}", flush=True)


if __name__ == "__main__":
    main()
