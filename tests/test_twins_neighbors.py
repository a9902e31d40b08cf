"""Nearest neighbours against scikit-learn's, and scores of sampled rows against cross_val_score."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from twins_neighbors import TWINS

import hpo
from algorithms.contract import Batch, Column, Held, Shape, fitted
from algorithms.errors import InvalidField, NotEnoughRows
from algorithms.models.knn_classifier import KNNClassifier
from algorithms.models.knn_regressor import KNNRegressor
from algorithms.summaries.sample import Sample

DATA = {"knn_classifier": load_wine, "knn_regressor": load_diabetes}
SCORES = {
    "knn_classifier": ["accuracy", "balanced_accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro"],
    "knn_regressor": [
        "r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "neg_mean_absolute_error",
        "neg_median_absolute_error", "neg_max_error",
    ],
}  # fmt: skip
CASES = [(name, i) for name, (settings, _) in TWINS.items() for i in range(len(settings))]


def data_for(name):
    """Wine and diabetes; noise far below their digits tells apart rows that are equally far."""
    X, y = DATA[name](return_X_y=True)
    return X + 1e-7 * np.random.default_rng(0).normal(size=X.shape) * X.std(axis=0), y


def splits(name, y):
    kind = StratifiedKFold if name == "knn_classifier" else KFold
    return list(kind(3, shuffle=True, random_state=0).split(y, y))


def count_searches(monkeypatch):
    """A list that grows by one number, that of its neighbours, with every search."""
    found, real = [], NearestNeighbors.kneighbors

    def counted(self, X=None, n_neighbors=None, return_distance=True):
        found.append(n_neighbors or self.n_neighbors)
        return real(self, X, n_neighbors, return_distance)

    monkeypatch.setattr(NearestNeighbors, "kneighbors", counted)
    return found


@pytest.mark.parametrize(("name", "index"), CASES, ids=lambda v: str(v))
@pytest.mark.parametrize("standardize", [False, True])
def test_fold_scores_equal_the_twins(name, index, standardize):
    settings, twin = TWINS[name]
    X, y = data_for(name)
    cv = splits(name, y)
    search = {f"{name}.{k}": v for k, v in settings[index].items()} | {f"{name}.standardize": standardize}
    result = hpo.tune(
        (X, y), algorithm=name, search=search, folds=cv, trials=1, scoring=SCORES[name], store=None
    )
    model = twin(settings[index])
    model = make_pipeline(StandardScaler(), model) if standardize else model
    for metric in SCORES[name]:
        expected = cross_val_score(model, X, y, cv=cv, scoring=metric)
        found = result.best.scores if metric == result.metric else result.best.scores.also[metric]
        np.testing.assert_allclose(found.folds, expected, rtol=1e-10, err_msg=metric)
    refit = model.fit(X, y).predict(X)
    np.testing.assert_allclose(
        result.predict(pd.DataFrame(X).add_prefix("x"))["prediction"], refit, rtol=1e-10
    )


@pytest.mark.parametrize("name", TWINS)
def test_one_search_a_fold_and_metric_answers_every_k_and_both_weightings(name, monkeypatch, tmp_path):
    X, y = data_for(name)
    search = {f"{name}.n_neighbors": list(range(1, 61)), f"{name}.weights": ["uniform", "distance"],
              f"{name}.metric": "euclidean", f"{name}.standardize": False}  # fmt: skip
    asked = {
        "algorithm": name,
        "search": search,
        "folds": 4,
        "sampler": "grid",
        "trials": 120,
        "store": tmp_path,
    }
    searches = count_searches(monkeypatch)
    result = hpo.tune((X, y), **asked)
    assert len(result.candidates) == 120
    assert len(searches) == 4, "one a fold"
    assert result.cost.rows_read == len(X)
    other = "f1_macro" if name == "knn_classifier" else "neg_max_error"
    again = hpo.tune((X, y), **asked, scoring=["accuracy", other] if name == "knn_classifier" else other)
    assert again.cost.rows_read == 0
    assert len(searches) == 8, "any scorer is computed of the same search"


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_two_classes_of_text_and_weighted_rows(weights):
    X, y = load_breast_cancer(return_X_y=True)
    frame = pd.DataFrame(X).add_prefix("x").assign(y=np.where(y == 1, "benign", "malign"))
    w = np.random.default_rng(1).choice([1.0, 2.0, 5.0], len(frame))
    names = ["accuracy", "balanced_accuracy", "neg_log_loss", "roc_auc"]
    search = {
        "knn_classifier.n_neighbors": 9,
        "knn_classifier.weights": weights,
        "knn_classifier.metric": "manhattan",
    }
    cv = list(StratifiedKFold(3).split(X, y))
    asked = {"algorithm": "knn_classifier", "search": search, "folds": cv, "trials": 2, "scoring": names}
    result = hpo.tune(frame.assign(w=w), "y", **asked, weight="w", store=None)
    for candidate in result.candidates:
        for train, test, *got in zip(
            candidate.states.train, candidate.states.held_out, candidate.scores.folds,
            *(candidate.scores.also[n].folds for n in names[1:]), strict=True,
        ):  # fmt: skip
            model = fitted(candidate.algorithm, train)
            rows = test.rows
            expected = [get_scorer(n)(model, rows.X, rows.y, sample_weight=rows.sample_weight) for n in names]
            np.testing.assert_allclose(got, expected, rtol=1e-9)


def lifted(rows, targets, classes=(), columns=None, weight=None):
    columns = columns or tuple(Column(f"x{j}", f"x{j}") for j in range(rows.shape[1]))
    shape, sample = Shape(columns, ("y",), classes), Sample(size=100)
    values = np.column_stack([rows, targets]).astype(float)
    batch = Batch(values, len(columns), weight, priority=np.arange(len(rows), dtype=np.uint64))
    return sample.update(sample.init(shape), batch)


def test_a_missing_number_is_imputed_by_the_weighted_mean_of_the_sample():
    columns = (Column("a", "a"), Column("missingindicator_a", "a", "indicator"))
    rows, w = np.array([[1.0, 0.0], [0.0, 1.0], [4.0, 0.0]]), np.array([3.0, 1.0, 1.0])
    state = lifted(rows, [0.0, 1.0, 2.0], columns=columns, weight=w)
    prepared = KNNRegressor(n_neighbors=1, standardize=False).solve(state)
    np.testing.assert_allclose(prepared.X, [[1.0], [7.0 / 4.0], [4.0]])
    scaled = KNNRegressor(n_neighbors=1).solve(state)
    np.testing.assert_allclose(w @ scaled.X, 0.0, atol=1e-12)
    np.testing.assert_allclose(w @ scaled.X**2 / w.sum(), 1.0)
    both = KNNRegressor(n_neighbors=1, standardize=False, impute="indicator").solve(state)
    assert both.X.shape == (3, 2)


def test_a_class_that_a_fold_never_trained_on_gets_no_votes():
    train = lifted(np.arange(6.0)[:, None], [0, 0, 1, 1, 0, 1], ("a", "b", "c"))
    test = lifted(np.array([[0.1], [2.1]]), [0, 2], ("a", "b", "c"))
    knn = KNNClassifier(n_neighbors=2)
    assert knn.score(knn.solve(train), Held(None, test), "accuracy") == 0.5
    assert np.isfinite(knn.score(knn.solve(train), Held(None, test), "neg_log_loss"))
    assert list(fitted(knn, train)["model"].classes_) == ["a", "b"]


def test_a_query_on_top_of_rows_asks_those_alone():
    train = lifted(np.array([[0.0], [0.0], [1.0]]), [1.0, 3.0, 50.0])
    test = lifted(np.array([[0.0]]), [2.0])
    knn = KNNRegressor(n_neighbors=3, weights="distance", standardize=False)
    assert knn.score(knn.solve(train), Held(None, test), "neg_mean_absolute_error") == 0.0


def test_more_neighbours_than_rows_and_wrong_words_are_refused():
    state = lifted(np.arange(4.0)[:, None], [0, 1, 0, 1], ("a", "b"))
    with pytest.raises(NotEnoughRows, match=r"n_neighbors=5 needs as many rows.*has 4.*fewer"):
        KNNClassifier(n_neighbors=5).solve(state)
    for wrong in ({"weights": "far"}, {"metric": "taxi"}, {"n_neighbors": 0}, {"impute": "median"}):
        with pytest.raises(InvalidField, match=next(iter(wrong))):
            KNNRegressor(**wrong)
    X, y = load_wine(return_X_y=True)
    asked = {"algorithm": "knn_classifier", "folds": 3, "trials": 1, "store": None}
    with pytest.raises(hpo.errors.SearchError, match="n_neighbors=500 needs as many rows"):
        hpo.tune((X, y), search={"knn_classifier.n_neighbors": 500}, **asked)
    assert hpo.tune((X, y), search={"knn_classifier.n_neighbors": 95}, **asked).best_value > 0.0
