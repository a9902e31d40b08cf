"""Diagnostics of the best model: the same numbers as scikit-learn's from models of the same folds."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from studies.report.data import ReportData
from studies.report.page import render_html

FOLDS = StratifiedKFold(5, shuffle=True, random_state=1)


def frame(load):
    return load(as_frame=True).frame


def behaviour_of(result):
    data = hpo.write_report(result)
    assert ReportData.from_dict(data.to_dict()) == data
    return data.diagnostics


def tune(data, store, **asked):
    return hpo.tune(data, target="target", store=store, **asked)


def test_two_classes_are_ranked_as_by_models_of_the_same_folds(tmp_path):
    data = frame(load_breast_cancer)
    data["target"] = np.where(data["target"] == 1, "benign", "malignant")
    X, y = data.drop(columns="target"), data["target"]
    folds = list(FOLDS.split(X, y))
    result = tune(data, tmp_path, algorithm="gaussian_nb", scoring=["roc_auc", "accuracy"], folds=folds, trials=2)
    smoothing = result.best_params["gaussian_nb.var_smoothing"]
    own = cross_val_predict(GaussianNB(var_smoothing=smoothing), X, y, cv=folds, method="predict_proba")[:, 1]
    found, truth = behaviour_of(result).ranked, (y == "malignant").to_numpy()
    assert (found.positive, found.positives, found.negatives) == ("malignant", truth.sum(), (~truth).sum())
    for threshold, tp, fp in zip(found.thresholds, found.tp, found.fp, strict=True):
        near = np.abs(own - threshold) < 1e-9
        assert (own >= threshold)[truth & ~near].sum() <= tp <= ((own >= threshold) | near)[truth].sum()
        assert (own >= threshold)[~truth & ~near].sum() <= fp <= ((own >= threshold) | near)[~truth].sum()
    assert found.chosen == 0.5 and 0.5 in found.thresholds
    assert sum(w for *_, w in found.calibration) == pytest.approx(len(y))
    assert sum(p * w for _, p, w in found.calibration) == pytest.approx(truth.sum())
    assert sum(p * w for p, _, w in found.calibration) == pytest.approx(own.sum(), rel=1e-6)
    assert [sum(one[i] for one in found.histogram) for i in (1, 2)] == [truth.sum(), (~truth).sum()]


def test_several_classes_are_confused_as_by_models_of_the_same_folds(tmp_path):
    data = frame(load_wine)
    data["target"] = np.array(["a", "b<i>", "c"])[data["target"]]
    X, y = data.drop(columns="target"), data["target"]
    folds = list(FOLDS.split(X, y))
    scoring = ["accuracy", "neg_log_loss"]
    result = tune(data, tmp_path, algorithm="gaussian_nb", scoring=scoring, folds=folds, trials=2)
    smoothing = result.best_params["gaussian_nb.var_smoothing"]
    own = cross_val_predict(GaussianNB(var_smoothing=smoothing), X, y, cv=folds)
    found = behaviour_of(result).confusion
    assert found.labels == ["a", "b<i>", "c"]
    assert np.array_equal(found.counts, confusion_matrix(y, own))
    page = render_html(hpo.write_report(result))
    table = re.search(r'aria-label="Confusion">.*?</table>', page, re.DOTALL)[0]
    assert "b&lt;i&gt;" in table
    precision, recall, f1, _ = precision_recall_fscore_support(y, own)
    for numbers in zip(precision, recall, f1, strict=True):
        texts = "".join(f'<td class="num">{number:.3f}</td>' for number in numbers)
        assert texts in table


def test_errors_of_a_regression_are_those_of_models_of_the_same_folds(tmp_path):
    data = frame(load_diabetes)
    X, y = data.drop(columns="target"), data["target"].to_numpy()
    places = np.arange(len(y))
    folds = [(np.setdiff1d(places, places[k::5]), places[k::5]) for k in range(5)]
    scoring = ["r2", "neg_mean_absolute_error"]
    result = tune(data, tmp_path, algorithm="ridge", scoring=scoring, folds=folds, trials=4)
    params = result.best_params
    steps = [StandardScaler()] if params["ridge.standardize"] else []
    own = cross_val_predict(make_pipeline(*steps, Ridge(params["ridge.alpha"])), X, y, cv=folds)
    found = behaviour_of(result).regressed
    assert found.bias == pytest.approx((own - y).mean(), rel=1e-6)
    for share, error in found.quantiles:
        assert error == pytest.approx(np.quantile(np.abs(own - y), share, method="inverted_cdf"), rel=1e-6)
    assert len(found.predicted) == len(y)
    assert np.allclose(np.sort(found.predicted), np.sort(own), rtol=1e-4)
    strength = {name: abs(np.corrcoef(X[name], own)[0, 1]) for name in X}
    assert [name for name, _ in found.columns] == sorted(strength, key=strength.get)[:-4:-1]
    name, values = found.columns[0]
    assert np.allclose(np.sort(values), np.sort(X[name]), atol=1e-5)


def test_a_study_that_kept_no_rows_says_how_to_keep_some_and_what_moments_know_of_its_errors(tmp_path):
    data = frame(load_diabetes)
    X, y = data.drop(columns="target"), data["target"].to_numpy()
    folds = list(KFold(4, shuffle=True, random_state=1).split(X))
    search = {"ridge.alpha": 2.0, "ridge.standardize": True}
    result = tune(data, tmp_path, algorithm="ridge", search=search, folds=folds, trials=1)
    found = behaviour_of(result)
    assert "scoring=['r2', 'neg_mean_absolute_error']" in found.hint and "no charts" in found.hint
    own = cross_val_predict(make_pipeline(StandardScaler(), Ridge(2.0)), X, y, cv=folds)
    for (_, test), one in zip(folds, found.folds, strict=True):
        error = own[test] - y[test]
        assert one.rows == len(test) and one.spread == pytest.approx(np.std(y[test]), rel=1e-9)
        assert one.typical == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-9)
        assert one.bias == pytest.approx(abs(error.mean()), rel=1e-6)
        assert one.explained == pytest.approx(r2_score(y[test], own[test]), rel=1e-9)
    page = render_html(hpo.write_report(result))
    spread = np.sqrt(np.average([np.var(y[test]) for _, test in folds], weights=[len(test) for _, test in folds]))
    assert "keeps up to 4,096 rows per fold" in page
    assert f"where target itself has a standard deviation of {spread:.1f};" in page


def test_clusters_have_the_sizes_and_means_of_scikit_learns(tmp_path):
    X = frame(load_iris).drop(columns="target")
    search = {"kmeans.n_clusters": [3], "kmeans.standardize": [False]}
    result = hpo.tune(X, algorithm="kmeans", trials=1, search=search, store=tmp_path)
    found = behaviour_of(result).clusters
    own = KMeans(3, n_init=10, random_state=0).fit(X)
    shares = np.bincount(own.labels_) / len(X)
    order = np.argsort(-shares)
    assert np.allclose(found.shares, shares[order])
    assert np.allclose(found.means, own.cluster_centers_[order][:, [list(X).index(c) for c in found.columns]])
    assert np.allclose(found.overall, X[found.columns].mean())
    assert found.columns[0] == "petal length (cm)", "the column in which clusters differ most stands first"
    assert len(found.points) == len(X)


def test_clusters_by_inertia_alone_are_drawn_from_the_rows_that_the_state_keeps(tmp_path):
    X = frame(load_iris).drop(columns="target")
    search = {"kmeans.n_clusters": [3], "kmeans.standardize": [False]}
    asked = {"algorithm": "kmeans", "scoring": "neg_inertia", "trials": 1, "search": search}
    found = behaviour_of(hpo.tune(X, store=tmp_path, **asked))
    own = KMeans(3, n_init=10, random_state=0).fit(X)
    order = np.argsort(-np.bincount(own.labels_))
    assert not found.hint and found.rows == found.of == len(X) == len(found.clusters.points)
    columns = [list(X).index(c) for c in found.clusters.columns]
    assert np.allclose(found.clusters.means, own.cluster_centers_[order][:, columns])
    assert np.allclose(found.clusters.overall, X[found.clusters.columns].mean())
    assert np.allclose(found.clusters.spread, X[found.clusters.columns].std(ddof=0))


def test_rows_that_a_coreset_keeps_stand_for_all(tmp_path):
    rng = np.random.default_rng(0)
    far = np.repeat([[0.0, 0.0], [9.0, 1.0], [3.0, 30.0]], [9_000, 2_500, 500], axis=0)
    X = pd.DataFrame(far + rng.normal(size=far.shape), columns=["a", "b"])
    search = {"kmeans.n_clusters": [3], "kmeans.standardize": [False], "kmeans.size": 600, "kmeans.k_max": 5}
    found = behaviour_of(
        hpo.tune(X, algorithm="kmeans", scoring="neg_inertia", folds=2, trials=1, search=search, store=tmp_path)
    )
    shown = found.clusters
    assert (found.rows, found.of) == (600, len(X))
    assert np.allclose(shown.shares, [0.75, 2_500 / 12_000, 500 / 12_000], atol=0.04)
    assert np.allclose(shown.means[0], X[:9_000][shown.columns].mean(), atol=0.3)
    drawn = np.bincount([group for *_, group in shown.points]) / len(shown.points)
    assert np.allclose(drawn, shown.shares, atol=0.06), "the map has as many rows of each cluster as there are"


def test_components_explain_what_scikit_learns_do(tmp_path):
    X = frame(load_wine).drop(columns="target")
    search = {"pca.n_components": [3], "pca.standardize": [True]}
    result = hpo.tune(X, algorithm="pca", trials=1, search=search, store=tmp_path)
    own = PCA(3).fit(StandardScaler().fit_transform(X))
    found = behaviour_of(result).components
    assert np.allclose(found.shares, own.explained_variance_ratio_)
    loadings = pd.DataFrame(own.components_, columns=X.columns)[found.columns].to_numpy()
    assert np.allclose(np.abs(found.loadings), np.abs(loadings))


def test_outliers_are_the_rows_that_held_out_scores_put_first(tmp_path):
    data = frame(load_breast_cancer).iloc[:300]
    data["target"] = np.where(data["target"] == 1, "benign", "malignant")
    fixed = {"outlier_label": "malignant", "n_estimators": 40, "max_samples": 64, "max_features": 1.0}
    search = {f"isolation_forest.{name}": value for name, value in fixed.items()}
    asked = {"search": search, "trials": 1}
    found = behaviour_of(tune(data, tmp_path, algorithm="isolation_forest", **asked)).outliers
    assert found.label == "malignant"
    assert sum(a for _, a, _ in found.histogram) == (data["target"] == "malignant").sum()
    assert sum(b for _, _, b in found.histogram) == (data["target"] == "benign").sum()
    scores = [score for score, *_ in found.top]
    assert scores == sorted(scores, reverse=True)
    assert sum(truth for _, truth, _ in found.top) > 6


def test_a_threshold_of_its_own_is_where_the_slider_stands(tmp_path):
    data = frame(load_breast_cancer)
    search = {"gaussian_nb.threshold": ["f1"]}
    result = tune(data, tmp_path, algorithm="gaussian_nb", scoring="f1", trials=1, search=search)
    found = behaviour_of(result).ranked
    assert found.chosen != 0.5
    page = render_html(hpo.write_report(result))
    place = int(re.search(r'id="cut" min="0" max="\d+" value="(\d+)"', page)[1])
    assert found.thresholds[place] == pytest.approx(found.chosen)


def test_a_class_that_some_folds_lack_is_a_warning_with_what_to_do(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    asked = {"scoring": "average_precision", "trials": 2, "store": tmp_path, "progress": False}
    for rare, folds, warned in [(3, 5, True), (3, 3, False)]:
        frame["label"] = ["rare"] * rare + ["often"] * (200 - rare)
        found = hpo.write_report(hpo.tune(frame, "label", "lda", folds=folds, **asked), tmp_path / "page.html")
        assert any("no row of the class 'rare' to test on (3 rows in 3 folds)" in one for one in found.warnings) is warned
