"""Scores of labels by a function of each class, held to scikit-learn's scorers of the estimators' predictions."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.naive_bayes import GaussianNB as TheirNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.models.gaussian_nb import GaussianNB
from algorithms.models.lda import LDA
from algorithms.models.qda import QDA
from algorithms.scoring.scorers import score_by

SETTINGS = {
    "gaussian_nb": {"var_smoothing": [1e-9, 1e-2], "impute": ["indicator"]},
    "lda": {"shrinkage": [0.3], "standardize": [False, True], "impute": ["indicator"]},
    "qda": {"reg_param": [0.1], "standardize": [False, True]},
}
METRICS = {
    "three": ("accuracy", "f1_macro", "balanced_accuracy", "jaccard_weighted"),
    "two": ("accuracy", "f1", "precision", "matthews_corrcoef"),
}
CLASSES = {"three": ("b", "a", "c"), "two": ("late", "early")}
KINDS = {"gaussian_nb": GaussianNB, "lda": LDA, "qda": QDA}


def table(n=150, classes=("b", "a", "c"), far=1e5):
    """Numbers, one with gaps and one far from zero, a category, weights, and a class."""
    rng = np.random.default_rng(1)
    code = rng.integers(len(classes), size=n)
    x = code[:, None] * [1.0, -0.5, 0.3] + rng.normal(size=(n, 3))
    gaps = pa.array([None if k % 9 == 0 else float(v) for k, v in enumerate(x[:, 0])], pa.float64())
    return pa.table({
        "x": gaps, "z": x[:, 1] + far, "u": x[:, 2], "c": rng.choice(list("pq"), n),
        "w": rng.integers(1, 4, n).astype(float), "y": np.array(classes)[code],
    })  # fmt: skip


def no_estimator(*_):
    raise AssertionError("the estimator was built")


@pytest.mark.parametrize("many", CLASSES)
@pytest.mark.parametrize("name", SETTINGS)
def test_scores_are_those_of_the_estimator_which_is_not_built(name, many, monkeypatch):
    """Of three classes without weights, and of two with them."""
    data, weight = table(classes=CLASSES[many]), "w" if many == "two" else None
    result = hpo.tune(
        data if weight else data.drop_columns(["w"]), "y", name, scoring="accuracy", weight=weight, folds=2,
        search={f"{name}.{k}": v for k, v in SETTINGS[name].items()}, store=None, sampler="grid", trials=2,
        scoring_rows=400, progress=False, polish=False,
    )  # fmt: skip
    asked = [
        (one.algorithm, one.algorithm.solve(train), held, metric)
        for one in result.candidates for metric in METRICS[many]
        for train, held in zip(one.states.train, one.states.held_out, strict=True)
    ]  # fmt: skip
    expected = [
        score_by(metric, algorithm.estimator(solution), held.rows, classes=held.rows.shape.classes)
        for algorithm, solution, held, metric in asked
    ]
    monkeypatch.setattr(KINDS[name], "estimator", no_estimator)
    found = [float(algorithm.score(solution, held, metric)) for algorithm, solution, held, metric in asked]
    assert len(found) == 16 and np.allclose(found, expected, rtol=1e-12, atol=0)


def test_what_rounding_decides_is_left_to_scikit_learn():
    """Rows in the middle between two classes: the label is what scikit-learn's rounding makes it."""
    X = np.repeat([[-1.0], [1.0], [0.0]], 40, axis=0) + np.tile([[0.5], [-0.5], [0.0], [0.0]], (30, 1))
    y = np.concatenate([np.zeros(40), np.ones(40), np.arange(40) % 2]).astype(int)
    for model in (TheirNB(), LinearDiscriminantAnalysis(solver="lsqr"), QuadraticDiscriminantAnalysis()):
        ours = hpo.StateGridSearchCV(model, {"priors": [None]}, cv=4, fallback="error").fit(X, y)
        theirs = GridSearchCV(model, {"priors": [None]}, cv=4).fit(X, y)
        assert ours.best_score_ == theirs.best_score_


def test_searches_by_labels_equal_grid_search():
    X, y = load_wine(return_X_y=True)
    grids = [
        (TheirNB(), {"var_smoothing": [1e-9, 1e-5]}),
        (LinearDiscriminantAnalysis(solver="lsqr"), {"shrinkage": [None, 0.1, 0.5, 1.0]}),
        (LinearDiscriminantAnalysis(solver="svd"), {"priors": [None]}),
        (make_pipeline(StandardScaler(), QuadraticDiscriminantAnalysis()),
         {"quadraticdiscriminantanalysis__reg_param": [0.1, 0.9]}),
    ]  # fmt: skip
    scoring, cv = ["accuracy", "f1_macro", "balanced_accuracy"], StratifiedKFold(3, shuffle=True, random_state=0)
    for model, grid in grids:
        how = {"cv": cv, "scoring": scoring, "refit": "accuracy"}
        ours = hpo.StateGridSearchCV(model, grid, fallback="error", **how).fit(X, y)
        theirs = GridSearchCV(model, grid, **how).fit(X, y)
        for metric in scoring:
            for k in range(3):
                key = f"split{k}_test_{metric}"
                assert np.allclose(ours.cv_results_[key], theirs.cv_results_[key], rtol=1e-12), (model, key)
