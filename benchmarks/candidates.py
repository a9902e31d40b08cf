"""One candidate, fitted and scored on five folds from the states, against one of ``GridSearchCV``."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from algorithms.models.elastic_net import ElasticNet
from algorithms.models.ridge import Ridge
from benchmarks.measure import Rounds, alternate, fastest
from benchmarks.peers import ALPHAS, grid_search
from benchmarks.questions import read_states
from benchmarks.table import Row, at_least, seconds
from benchmarks.workshop import Workshop, in_memory
from hpo.process.threads import one_thread
from hpo.states.evaluate import evaluate
from hpo.states.fold_states import FoldStates, fold_states

CANDIDATES = 300
METRIC = "r2"


def candidate_rows(shop: Workshop) -> list[Row]:
    """Compare ridge and elastic net per candidate."""
    store = shop.fresh("store")
    folds = read_states(shop.main_file(), store).folds
    shop.remove(store)
    X, y = in_memory(shop.rows)
    return [
        _row(shop, "Ridge", 10_000, settings(Ridge), folds, X, y),
        _row(shop, "ElasticNet", 1_000, settings(ElasticNet), folds, X, y),
    ]


def settings(algorithm: Any) -> list[Any]:
    """Return as many settings over the penalties that the peers are given, with and without scaling."""
    alphas = np.geomspace(min(ALPHAS), max(ALPHAS), CANDIDATES // 2)
    return [algorithm(alpha=float(a), standardize=s) for a, s in itertools.product(alphas, (False, True))]


def _row(shop: Workshop, name: str, bound: float, ours: list[Any], folds: FoldStates, X: Any, y: Any) -> Row:
    from sklearn import linear_model

    def from_states() -> None:
        anew = fold_states(folds.summary, folds.cells, folds.plan)
        with one_thread():
            for algorithm in ours:
                evaluate(algorithm, anew, METRIC)

    model = getattr(linear_model, name)()
    before = alternate({"ours": from_states}, shop.repeats, shop.patience)
    theirs = fastest(lambda: grid_search(model, X, y), shop.patience)
    after = alternate({"ours": from_states}, shop.repeats, shop.patience)
    found = Rounds({"ours": [*before.samples["ours"], *after.samples["ours"]]})
    mine, per = found.wall("ours") / len(ours), theirs.wall / len(ALPHAS)
    return Row(
        f"candidate × 5 folds vs GridSearchCV({name})", seconds(mine), seconds(per), per / mine,
        at_least(bound),
        f"ours is the mean of {len(ours)} candidates from cold states, their eigenvectors included; "
        f"theirs of {len(ALPHAS)}", max(found.others, theirs.others),
    )  # fmt: skip
