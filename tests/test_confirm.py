"""Held-out rows through a fitted study: weights are honoured, and what cannot be scored is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import max_error, r2_score, silhouette_score

import hpo
from hpo.errors import DataError

ROWS = 300


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 3))
    made = pd.DataFrame(X, columns=list("abc"))
    return made.assign(y=X @ [1.0, 2.0, 3.0] + rng.normal(size=ROWS), w=rng.integers(0, 4, ROWS).astype(float))


def weighted_r2(model, frame):
    kept = frame[frame["w"] > 0]
    return r2_score(kept["y"], model.predict(kept), sample_weight=kept["w"])


def test_scores_are_weighted_as_the_study_was(frame):
    result = hpo.tune(frame, "y", weight="w", trials=2)
    assert hpo.confirm(result, frame)["r2"] == pytest.approx(weighted_r2(result.best_model, frame), rel=1e-12)
    assert hpo.confirm(result, frame, weight=None)["r2"] != hpo.confirm(result, frame)["r2"]


def test_weights_beside_the_data_are_given_beside_the_held_out_rows(frame):
    X, y, w = frame[["a", "b", "c"]].to_numpy(), frame["y"].to_numpy(), frame["w"].to_numpy()
    result = hpo.tune((X, y), weight=w, trials=2)
    expected = r2_score(y, result.best_model.predict(X), sample_weight=w)
    assert hpo.confirm(result, (X, y), weight=w)["r2"] == pytest.approx(expected, rel=1e-12)
    with pytest.raises(DataError, match="weight 'weight' is not in the data"):
        hpo.confirm(result, (X, y))


def test_the_likelihood_of_a_decomposition_is_weighted(frame):
    rows = frame[["a", "b", "c", "w"]]
    result = hpo.tune(rows, algorithm="pca", weight="w", trials=2)
    each = result.best_model.score_samples(rows)
    expected = np.average(each, weights=rows["w"])
    assert hpo.confirm(result, rows) == {"log_likelihood": pytest.approx(expected, rel=1e-12)}
    assert expected != pytest.approx(each.mean(), rel=1e-6)
    with pytest.raises(DataError, match="'r2' is not a score of this model"):
        hpo.confirm(result, rows, scoring="r2")


def test_scorers_that_take_no_weights_work_where_there_are_none(frame):
    plain = frame.drop(columns="w")
    result = hpo.tune(plain, "y", trials=2)
    expected = -max_error(plain["y"], result.best_model.predict(plain))
    assert hpo.confirm(result, plain, scoring="neg_max_error")["neg_max_error"] == pytest.approx(expected)
    with pytest.raises(DataError, match="scoring='roc_auc' cannot be computed from these predictions"):
        hpo.confirm(result, plain, scoring="roc_auc")


def test_weights_that_cannot_be_are_refused(frame):
    result = hpo.tune(frame, "y", weight="w", trials=2)
    for weights, words in ((-1.0, "holds -1.0"), (np.nan, "is missing"), (0.0, "no row can be scored: each of 300")):
        with pytest.raises(DataError, match=words):
            hpo.confirm(result, frame.assign(w=weights))


@pytest.mark.parametrize(
    ("algorithm", "scoring"),
    [
        ("ease", ["ndcg@10", "recall@20", "neg_mean_squared_error"]), ("pure_svd", ["ndcg@10"]),
        ("topics", ["pair_log_likelihood", "npmi", "neg_perplexity"]), ("lsa", ["pairs_r2"]), ("pca", ["log_likelihood"]),
    ],
)  # fmt: skip
def test_scores_that_follow_from_states_are_those_of_a_split_of_the_same_rows(algorithm, scoring):
    X = csr_array(np.random.default_rng(0).poisson(1.0, (60, 12)).astype(float))
    train, test = np.arange(40), np.arange(40, 60)
    asked = {"algorithm": algorithm, "scoring": scoring, "trials": 1, "seed": 1, "store": None, "progress": False}
    whole = hpo.tune(X, folds=[(train, test)], **asked)
    fixed = {name: value for name, value in whole.best_params.items() if name != "algorithm"}
    part = hpo.tune(X[train], folds=2, search=fixed, **asked)
    found = hpo.confirm(part, X[test])
    split = [whole.best.scores.folds, *(whole.best.scores.also[name].folds for name in scoring[1:])]
    assert found == {name: pytest.approx(one[0], rel=1e-9) for name, one in zip(scoring, split, strict=True)}


def test_recommendations_are_confirmed_on_rows_of_users_and_items(tmp_path):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"user": np.repeat(np.arange(80), 6), "item": rng.integers(0, 20, 480)}).drop_duplicates()
    rows.to_csv(tmp_path / "new.csv", index=False)
    result = hpo.tune(rows, algorithm="ease", interactions={"user": "user", "item": "item"}, trials=1, store=None)
    assert hpo.confirm(result, tmp_path / "new.csv") == hpo.confirm(result, rows)


def test_a_score_that_is_none_of_a_model_is_refused():
    """A model that is not a clusterer has no inertia, whatever its ``transform`` returns."""
    X = csr_array(np.random.default_rng(0).poisson(1.0, (40, 12)).astype(float))
    result = hpo.tune(X, algorithm="ease", trials=1, folds=2, store=None, progress=False)
    with pytest.raises(DataError, match="'neg_inertia' is of the rows of the study"):
        hpo.confirm(result, X, scoring="neg_inertia")


def test_clusters_have_the_score_of_the_study_and_an_inertia_on_other_rows():
    X = np.random.default_rng(0).normal(size=(60, 2))
    result = hpo.tune(X, algorithm="kmeans", trials=1, scoring="silhouette", store=None, progress=False)
    scaled, labels = result.best_model[:-1].transform(X), result.best_model.predict(X)
    assert hpo.confirm(result, X) == {"silhouette": pytest.approx(silhouette_score(scaled, labels))}
    nearest = np.min(result.best_model.transform(X), axis=1)
    assert hpo.confirm(result, X, scoring="neg_inertia") == {"neg_inertia": pytest.approx(-np.mean(nearest**2))}
