"""Scikit-learn's scorers: of two classes the last is positive, whatever the labels; what fits no target is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import make_scorer
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

import hpo

ROWS = 240

LABELS = {
    "text": ("late", "on time"),
    "zero and one": (0, 1),
    "one and two": (1, 2),
    "whole floats": (2.0, 5.0),
    "booleans": (False, True),
}

RANKS = ("decision_function", "predict_proba")

ASKING = {
    "f1": (metrics.f1_score, {}),
    "precision": (metrics.precision_score, {"zero_division": 0}),
    "recall": (metrics.recall_score, {}),
    "jaccard": (metrics.jaccard_score, {}),
    "average_precision": (metrics.average_precision_score, {"response_method": RANKS}),
    "neg_brier_score": (
        metrics.brier_score_loss,
        {"response_method": "predict_proba", "greater_is_better": False},
    ),
    "d2_brier_score": (metrics.d2_brier_score, {"response_method": "predict_proba"}),
}
"""Scorers that ask for a positive class, and scikit-learn's metric of each."""

MODELS = {
    "gaussian_nb": (GaussianNB(), {"gaussian_nb.var_smoothing": 1e-9}),
    "knn_classifier": (
        KNeighborsClassifier(9),
        {"knn_classifier.n_neighbors": 9, "knn_classifier.weights": "uniform",
         "knn_classifier.metric": "euclidean", "knn_classifier.standardize": False},
    ),
    "sklearn:sklearn.discriminant_analysis.LinearDiscriminantAnalysis": (LinearDiscriminantAnalysis(), {}),
}  # fmt: skip
"""Algorithms whose rows are scored in different ways, and scikit-learn's estimator of each."""


def rows_of(labels, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(ROWS, 2))
    likely = X[:, 0] + 0.5 * rng.normal(size=ROWS) + 0.8 > 0  # the classes are not as frequent
    return X, np.array(labels)[likely.astype(int)]


def twin_scorer(name, positive):
    metric, how = ASKING[name]
    return make_scorer(metric, pos_label=positive, **how)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("algorithm", MODELS)
@pytest.mark.parametrize("name", ASKING)
def test_the_last_class_is_positive_whatever_the_labels(name, algorithm, labels, tmp_path):
    X, y = rows_of(labels)
    cv = list(StratifiedKFold(3).split(X, y))
    model, search = MODELS[algorithm]
    result = hpo.tune(
        (X, y), algorithm=algorithm, search=search, folds=cv, trials=1, scoring=name, store=tmp_path
    )
    expected = cross_val_score(model, X, y, cv=cv, scoring=twin_scorer(name, labels[-1]))
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-9)
    turned = cross_val_score(model, X, y, cv=cv, scoring=twin_scorer(name, labels[0]))
    assert "brier" in name or not np.allclose(expected, turned), "the other class scores otherwise"


def test_categories_and_several_scores_at_once(tmp_path):
    X, y = rows_of(LABELS["text"])
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(t=pd.Categorical(y))
    names, cv = [*ASKING, "accuracy", "f1_macro", "roc_auc"], list(StratifiedKFold(3).split(X, y))
    search = {"gaussian_nb.var_smoothing": 1e-9}
    asked = {"folds": cv, "trials": 1, "search": search, "store": tmp_path}
    scores = hpo.tune(frame, "t", "gaussian_nb", **asked, scoring=names).best.scores
    for name in names:
        scorer = twin_scorer(name, "on time") if name in ASKING else name
        expected = cross_val_score(GaussianNB(), X, y, cv=cv, scoring=scorer)
        found = scores.folds if name == names[0] else scores.also[name].folds
        np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("name", ASKING)
def test_confirm_takes_the_last_class_for_positive_too(name, tmp_path):
    X, y = rows_of(LABELS["text"])
    result = hpo.tune((X, y), algorithm="gaussian_nb", trials=3, scoring=name, store=tmp_path)
    new = rows_of(LABELS["text"], seed=1)
    expected = twin_scorer(name, "on time")(result.best_model, *new)
    assert result.confirm(new)[name] == pytest.approx(expected, rel=1e-9)


def test_thresholds_are_judged_by_the_class_that_they_are_chosen_for(tmp_path):
    X, y = rows_of(LABELS["one and two"])
    search = {"gaussian_nb.threshold": ["default", "recall@precision=0.9"]}
    result = hpo.tune(
        (X, y),
        algorithm="gaussian_nb",
        search=search,
        trials=4,
        scoring=["recall", "precision"],
        store=tmp_path,
    )
    found = {
        result.params_of(c)["gaussian_nb.threshold"]: c.scores.also["precision"].mean
        for c in result.candidates
    }
    assert found["recall@precision=0.9"] == pytest.approx(0.9, abs=0.03)


def test_parts_of_a_sample_and_all_rows_are_scored_alike(tmp_path):
    X, y = rows_of(LABELS["text"])
    X, y = np.tile(X, (10, 1)), np.tile(y, 10)
    search = {"SVC.C": [0.01, 0.1, 1.0, 10.0], "SVC.size": 1800}
    result = hpo.tune(
        (X, y), algorithm="sklearn:sklearn.svm.SVC", search=search, trials=4, scoring="f1", fidelity="halving",
        folds=3, store=tmp_path,
    )  # fmt: skip
    assert result.best_value > 0.8
    told = result.extrapolated(100_000)
    assert told is not None
    assert all(0.7 < mean <= 1.0 for mean in told.means)
