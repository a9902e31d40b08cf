"""Scikit-learn's scorers: of two classes the last is positive, whatever the labels; what fits no target is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import terminal
from sklearn import metrics
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

import hpo
from algorithms.scoring.scorers import scorer_of
from algorithms.scoring.suitability import unsuited
from algorithms.tasks import TASKS
from hpo.errors import TuneError

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
    assert hpo.confirm(result, new)[name] == pytest.approx(expected, rel=1e-9)


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
    far = hpo.extrapolated(result, 100_000)
    assert far is not None
    assert all(0.7 < mean <= 1.0 for mean in far.means)


NUMBERS = pd.DataFrame({"a": np.arange(60.0), "t": np.exp(np.sin(np.arange(60.0)))})


def classes(labels):
    return NUMBERS.assign(t=np.array(labels)[np.arange(60) % len(labels)])


TEXT, THREE, WHOLE = classes(["no", "yes"]), classes(["x", "y", "z"]), classes([1, 2, 3])

REFUSED = [
    (TEXT, "logistic", "r2", r"the classification of 't' \(classes of text\): could not.*; use accuracy or another"),
    (TEXT, "gaussian_nb", "neg_mean_absolute_error", r"use accuracy, log_likelihood or another"),
    (TEXT, "logistic", "f1_samples", r"Samplewise.*; use f1, f1_macro, f1_micro or f1_weighted$"),
    (THREE, "logistic", "f1", r"'t' \(3 classes: 'x', 'y', 'z'\): .*; use f1_macro, f1_micro or f1_weighted$"),
    (THREE, ["lda", "qda"], "precision", "use precision_macro, precision_micro or precision_weighted$"),
    (WHOLE, "knn_classifier", "recall", "use recall_macro, recall_micro or recall_weighted$"),
    (WHOLE, "linear", "jaccard", "use jaccard_macro, jaccard_micro or jaccard_weighted$"),
    (THREE, "logistic", "roc_auc", "use roc_auc_ovo, roc_auc_ovo_weighted, roc_auc_ovr or roc_auc_ovr_weighted$"),
    (THREE, "logistic", "positive_likelihood_ratio", "3 classes.*use accuracy or another"),
    (NUMBERS, "ridge", "accuracy", r"the regression of 't' \(a number\): .*; use r2, neg_mean_sq.*or tune a classification$"),
    (NUMBERS, "poisson", "roc_auc", "it asks for decision_function or predict_proba, which these models do not compute"),
    (NUMBERS, "ridge", "v_measure_score", "Clustering metrics expects discrete values"),
    (WHOLE, "isolation_forest", "neg_log_loss", r"outlier_detection of 't' \(one class.*use roc_auc, average_precision, neg_mass_volume or"),
    (TEXT, "logistic", ["accuracy", "r2"], "scoring='r2' does not suit"),
    (TEXT, "auto", "r2", "scoring='r2' does not suit"),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "algorithm", "scoring", "words"), REFUSED)
def test_a_scorer_that_suits_no_model_is_refused_before_the_pass(frame, algorithm, scoring, words, tmp_path):
    with pytest.raises(TuneError, match=words):
        hpo.tune(frame, "t", algorithm, scoring=scoring, trials=2, folds=2, store=tmp_path)
    assert hpo.StateStore(tmp_path).list() == []


def works(scorer, model, X, y):
    """Whether scikit-learn itself scores a fitted model, and says nothing against it."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            scorer(model, X, y)
        except (AttributeError, TypeError, ValueError):
            return False
    return not [w for w in warned if w.category is UserWarning]


@pytest.mark.parametrize("labels", [("no", "yes"), ("x", "y", "z"), (1, 2), (1, 2, 3), (False, True)])
def test_what_is_refused_of_classes_is_what_scikit_learn_cannot_score(labels):
    X, y = NUMBERS[["a"]].to_numpy(), classes(list(labels))["t"].to_numpy()
    model, task = LogisticRegression().fit(X, y), TASKS["classification"]
    for name in metrics.get_scorer_names():
        asked = works(scorer_of(name, labels), model, X, y)
        assert (unsuited(name, task, labels) is None) == asked, name


def test_what_is_refused_of_numbers_and_outliers_is_what_scikit_learn_cannot_score():
    X, y = NUMBERS[["a"]].to_numpy(), NUMBERS["t"].to_numpy()
    model = DecisionTreeRegressor(max_leaf_nodes=9).fit(X, y)
    for name in metrics.get_scorer_names():
        asked = works(scorer_of(name), model, X, y)
        assert (unsuited(name, TASKS["regression"]) is None) == asked, name
    odd = (y > 1.0).astype(int)
    machine = LinearSVC().fit(X, odd)  # says what a model of outliers says: no probabilities
    for name in metrics.get_scorer_names():
        asked = works(scorer_of(name), machine, X, odd)
        assert (unsuited(name, TASKS["outlier_detection"], ("a", "b")) is None) == asked, name


def test_a_plan_refuses_by_the_labels_that_are_known(tmp_path):
    THREE.to_parquet(tmp_path / "rows.parquet")
    asked = {"data": str(tmp_path / "*.parquet"), "target": "t", "algorithm": "gaussian_nb", "folds": 2, "trials": 2,
             "store": str(tmp_path / "store")}  # fmt: skip
    with pytest.raises(
        TuneError, match=r"scoring='r2' does not suit the classification of 't' \(classes of text"
    ):
        hpo.plan(hpo.StudySpec(**asked, scoring="r2"))
    assert hpo.plan(hpo.StudySpec(**asked, scoring="f1")).rows_to_read == 60, "it may be of two classes"
    spec = {**asked, "store": tmp_path / "store"}
    hpo.tune(spec.pop("data"), **spec)
    with pytest.raises(TuneError, match=r"scoring='f1' does not suit .*3 classes"):
        hpo.plan(hpo.StudySpec(**asked, scoring="f1"))
    assert hpo.plan(hpo.StudySpec(**asked, scoring="f1_macro")).metric == "f1_macro"


def test_the_command_line_says_so_in_one_line(tmp_path, capsys, monkeypatch):
    TEXT.to_parquet(tmp_path / "rows.parquet")
    study = tmp_path / "study.yaml"
    study.write_text(f"data: {tmp_path}/rows.parquet\ntarget: t\nalgorithm: gaussian_nb\nscoring: r2\n")
    for command in ("plan", "run"):
        done = terminal.hpo(capsys, monkeypatch, command, study)
        assert done.code == 1, done.err
        assert done.err.count("\n") == 1
        assert "error: scoring='r2' does not suit the classification of 't'" in done.err
