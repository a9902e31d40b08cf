"""What a report says beside the score: the dummy's own score, and how far other settings are from the best."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.sparse import csr_array
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import calinski_harabasz_score, silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.families.recommenders import Users, hidden_of
from algorithms.scoring.mass_volume import mass_volume
from algorithms.solvers.fold_in import halves
from algorithms.tasks import TASKS
from hpo.report.baseline import baseline
from studies.report.data import ReportData

FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)


def frame(load):
    return load(as_frame=True).frame


def tune(data, store, **asked):
    return hpo.tune(data, target="target", trials=2, store=store, **asked)


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "roc_auc", "balanced_accuracy", "f1", "average_precision"])
def test_the_baseline_of_two_classes_is_sklearns_dummy_on_the_same_folds(scoring, tmp_path):
    data = frame(load_breast_cancer)
    X, y = data.drop(columns="target"), data["target"]
    folds = list(FOLDS.split(X, y))
    result = tune(data, tmp_path, algorithm="gaussian_nb", scoring=scoring, folds=folds)
    own = cross_val_score(DummyClassifier(strategy="prior"), X, y, cv=folds, scoring=scoring)
    found = baseline(result)
    assert found.mean == pytest.approx(own.mean(), rel=1e-12)
    assert found.se == pytest.approx(own.std(ddof=1) / np.sqrt(5), rel=1e-6, abs=1e-12)
    by_label = scoring in ("accuracy", "balanced_accuracy", "f1")
    assert found.answer == ("the most frequent class" if by_label else "the frequencies of the classes")


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "f1_macro", "roc_auc_ovr"])
def test_the_baseline_of_several_classes_is_sklearns_dummy(scoring, tmp_path):
    data = frame(load_wine)
    X, y = data.drop(columns="target"), data["target"]
    folds = list(FOLDS.split(X, y))
    found = baseline(tune(data, tmp_path, algorithm="lda", scoring=scoring, folds=folds))
    own = cross_val_score(DummyClassifier(strategy="prior"), X, y, cv=folds, scoring=scoring)
    assert found.mean == pytest.approx(own.mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("scoring", "strategy"),
    [
        ("r2", "mean"), ("neg_root_mean_squared_error", "mean"), ("neg_mean_squared_error", "mean"),
        ("neg_mean_absolute_error", "median"), ("neg_median_absolute_error", "median"), ("neg_max_error", "mean"),
    ],
)  # fmt: skip
def test_the_baseline_of_a_number_is_sklearns_dummy(scoring, strategy, tmp_path):
    data = frame(load_diabetes)
    X, y = data.drop(columns="target"), data["target"]
    folds = [(np.setdiff1d(np.arange(len(y)), np.arange(k, len(y), 5)), np.arange(k, len(y), 5)) for k in range(5)]
    found = baseline(tune(data, tmp_path, algorithm="ridge", scoring=scoring, folds=folds))
    own = cross_val_score(DummyRegressor(strategy=strategy), X, y, cv=folds, scoring=scoring)
    assert found.mean == pytest.approx(own.mean(), rel=1e-9)
    assert strategy in found.answer


def test_the_baseline_weighs_rows_as_the_study_does(tmp_path):
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(300, 2)), columns=["a", "b"])
    data["w"], data["target"] = rng.uniform(0.5, 3.0, 300), np.where(data["a"] + rng.normal(size=300) > 0.5, "y", "n")
    folds = [(np.setdiff1d(np.arange(300), np.arange(k, 300, 3)), np.arange(k, 300, 3)) for k in range(3)]
    kept = baseline(tune(data, tmp_path, algorithm="logistic", scoring="neg_brier_score", weight="w", folds=folds))
    own = []
    for train, test in folds:
        w, y = data["w"].to_numpy(), (data["target"] == "y").to_numpy()
        share = np.average(y[train], weights=w[train])
        own.append(-np.average((y[test] - share) ** 2, weights=w[test]))
    assert kept.mean == pytest.approx(np.mean(own), rel=1e-9)


def test_the_baseline_of_series_is_what_was_in_the_season_before(tmp_path):
    months, rng = np.arange(48), np.random.default_rng(0)
    sold = 10.0 + np.sin(months * np.pi / 2) + 0.3 * rng.normal(size=48)
    rows = pd.DataFrame({"month": months, "sold": sold})
    folds = {"scheme": "backtest", "horizon": 4, "n_splits": 2}
    search = {"linear_forecaster.season": 4, "linear_forecaster.context": 8}
    asked = {"time": "month", "folds": folds, "search": search, "scoring": "neg_mase", "trials": 1, "store": tmp_path}
    found = baseline(hpo.tune(rows, "sold", "linear_forecaster", **asked))
    own = []
    for first in (40, 44):
        error = np.mean(np.abs(sold[first : first + 4] - sold[first - 4 : first]))
        own.append(-error / np.mean(np.abs(sold[4:first] - sold[: first - 4])))
    assert found.answer == "the last value of the same season"
    assert found.mean == pytest.approx(np.mean(own), rel=1e-9)


def test_outliers_that_cannot_be_distinguished_have_half_of_the_area(tmp_path):
    rows = frame(load_wine).assign(odd=lambda data: np.where(data["alcohol"] > 14.3, "odd", "usual"))
    search = {"isolation_forest.n_estimators": 3, "isolation_forest.max_samples": 16, "isolation_forest.max_features": 1.0}
    assert baseline(hpo.tune(rows, "odd", "isolation_forest", search=search, trials=1, store=tmp_path)).mean == 0.5


def unlabelled(store, algorithm, scoring, folds, search=None, trials=2):
    data = frame(load_wine).drop(columns="target")
    return hpo.tune(data, algorithm=algorithm, scoring=scoring, folds=folds, search=search, trials=trials, store=store)


def in_folds(score):
    """Return the mean of a score of training and test rows over three folds, in float64, and the folds."""
    X = load_wine().data
    folds = [(np.setdiff1d(np.arange(len(X)), np.arange(k, len(X), 3)), np.arange(k, len(X), 3)) for k in range(3)]
    return np.mean([score(X[train], X[test]) for train, test in folds]), folds


@pytest.mark.parametrize("algorithm", ["pca", "sketched_pca"])
def test_the_baseline_of_components_is_the_mean_and_one_variance(algorithm, tmp_path):
    def likelihood(train, test):
        variance, q = train.var(axis=0, ddof=1).mean(), train.shape[1]
        away = np.sum((test - train.mean(axis=0)) ** 2, axis=1)
        return np.mean(-0.5 * (away / variance + q * np.log(2 * np.pi * variance)))

    own, folds = in_folds(likelihood)
    search = {"standardize": False}
    found = baseline(unlabelled(tmp_path, algorithm, "log_likelihood", folds, search))
    assert found.mean == pytest.approx(own, rel=1e-9)
    assert baseline(unlabelled(tmp_path, algorithm, "explained_variance", folds, search)).mean == 0.0


def test_the_baseline_of_clusters_is_one_cluster(tmp_path):
    own, folds = in_folds(lambda train, test: KMeans(1).fit(train).score(test) / len(test))
    found = baseline(unlabelled(tmp_path, "kmeans", "neg_inertia", folds, {"standardize": False}))
    assert found.mean == pytest.approx(own, rel=1e-6)
    assert hpo.write_report(unlabelled(tmp_path, "kmeans", "neg_inertia", folds)).diagnostics.clusters is not None
    one = in_folds(lambda train, test: GaussianMixture(1).fit(train).score(test))[0]
    asked = {"standardize": False, "covariance_type": "full", "n_components": [1, 2]}
    found = baseline(unlabelled(tmp_path, "gaussian_mixture", "log_likelihood", folds, asked))
    assert found.mean == pytest.approx(one, rel=1e-6)


def test_clusters_drawn_at_random_are_not_apart(tmp_path):
    """What scikit-learn says of such clusters is near the numbers that are reported."""
    X, rng = StandardScaler().fit_transform(load_wine().data), np.random.default_rng(0)
    drawn = [rng.integers(0, 3, len(X)) for _ in range(200)]
    found = baseline(unlabelled(tmp_path, "kmeans", "silhouette", 3))
    assert found.mean == 0.0 == pytest.approx(np.mean([silhouette_score(X, each) for each in drawn[:40]]), abs=0.03)
    own = np.mean([calinski_harabasz_score(X, each) for each in drawn])
    assert TASKS["clustering"].chance["calinski_harabasz"] == pytest.approx(own, rel=0.1)


def users(n=90, items=12, seed=0):
    rng = np.random.default_rng(seed)
    liked = rng.uniform(size=(n, items)) < np.linspace(0.1, 0.8, items)
    return pd.DataFrame(liked.astype(float), columns=[f"film{j}" for j in range(items)])


def test_the_baseline_of_recommendation_is_the_most_popular_items(tmp_path):
    data = users()
    folds = [(np.setdiff1d(np.arange(90), np.arange(k, 90, 3)), np.arange(k, 90, 3)) for k in range(3)]
    asked = {"algorithm": "ease", "folds": folds, "trials": 2, "store": tmp_path}
    squared, found = [], []
    for train, test in folds:
        seen, held = data.to_numpy()[train], data.to_numpy()[test]
        squared.append(-np.mean((held - seen.mean(axis=0)) ** 2))
        known = csr_array(held[np.count_nonzero(held, axis=1) > 1])
        halves, popular = Users.of(known, hidden_of(known)), seen.mean(axis=0)
        each = []
        for left, hidden in zip(halves.left.toarray(), halves.hidden.toarray(), strict=True):
            ranking = [j for j in np.argsort(-popular, kind="stable") if not left[j]][:10]
            each.append(sum(hidden[j] for j in ranking) / min(10, hidden.sum()))
        found.append(np.mean(each))
    assert baseline(hpo.tune(data, scoring="neg_mean_squared_error", **asked)).mean == pytest.approx(np.mean(squared))
    assert baseline(hpo.tune(data, scoring="recall@10", **asked)).mean == pytest.approx(np.mean(found))


def test_the_baseline_of_topics_is_one_frequency_of_each_word(tmp_path):
    rng = np.random.default_rng(0)
    counts = pd.DataFrame(rng.poisson(np.linspace(0.2, 2.0, 20), size=(120, 20)).astype(float), columns=list("abcdefghijklmnopqrst"))
    folds = [(np.setdiff1d(np.arange(120), np.arange(k, 120, 3)), np.arange(k, 120, 3)) for k in range(3)]
    asked = {"folds": folds, "trials": 1, "store": tmp_path, "search": {"topics.topic_word_prior": 1e-6}}
    found = baseline(hpo.tune(counts, algorithm="topics", scoring="neg_perplexity", **asked))
    own = []
    for train, test in folds:
        often = counts.to_numpy()[train].sum(axis=0) + 1e-6
        parts = halves(csr_array(counts.to_numpy()[test]))[1]
        own.append(-np.exp(-np.sum(parts @ np.log(often / often.sum())) / parts.sum()))
    assert found.mean == pytest.approx(np.mean(own), rel=1e-6)
    assert baseline(hpo.tune(counts, algorithm="topics", scoring="npmi", **asked)) is None


def test_outliers_drawn_at_random_leave_all_rooms_alike():
    rows, rng = load_wine().data, np.random.default_rng(0)
    own = np.mean([mass_volume(lambda X: rng.uniform(size=len(X)), rows, np.ones(len(rows)), rows) for _ in range(20)])
    assert TASKS["outlier_detection"].chance["neg_mass_volume"] == pytest.approx(-own, abs=0.01)


def test_a_score_without_a_dummy_has_no_baseline(tmp_path):
    assert baseline(unlabelled(tmp_path, "kmeans", "neg_davies_bouldin", 3)) is None


def test_the_difference_to_the_best_is_the_corrected_resampled_t_test(tmp_path):
    data = frame(load_wine)
    X, y = data.drop(columns="target"), data["target"]
    folds = list(FOLDS.split(X, y))
    result = tune(data, tmp_path, algorithm=["gaussian_nb", "lda"], scoring="neg_log_loss", folds=folds)
    board = {row.algorithm: row for row in hpo.write_report(result).leaderboard}
    [other] = [row for row in board.values() if row.difference]
    by_number = {one.number: np.array(one.scores.folds) for one in result.candidates}
    gaps = by_number[other.number] - by_number[result.best.number]
    ratio = np.mean([len(test) / len(train) for train, test in folds])
    t = gaps.mean() / np.sqrt(gaps.var(ddof=1) * (1 / 5 + ratio))
    assert other.difference.mean == pytest.approx(gaps.mean())
    assert other.difference.p == pytest.approx(2 * stats.t.sf(abs(t), 4))
    data = hpo.write_report(result)
    assert ReportData.from_dict(data.to_dict()) == data


def test_models_that_look_at_nothing_beat_no_baseline(tmp_path):
    """The baseline stands beside the score as what any useful model exceeds; noise does not."""
    rng = np.random.default_rng(1)
    noise = pd.DataFrame(rng.normal(size=(400, 3)), columns=list("abc")).assign(target=rng.normal(size=400))
    result = tune(noise, tmp_path, algorithm="ridge", scoring="r2")
    found = baseline(result)
    assert abs(result.best_value - found.mean) < 3 * result.best.scores.se + 0.02
    own = make_pipeline(StandardScaler(), Ridge())
    assert cross_val_score(own, noise[list("abc")], noise["target"], scoring="r2").mean() < 0.05
