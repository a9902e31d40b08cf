"""A row of weight 3 is three rows, and one of weight 0 is none: in the pilot, the folds' scores, select and PCA."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

import hpo
from hpo.errors import NoScoreWarning

CV = KFold(3, shuffle=True, random_state=0)
FIXED = {"ridge.alpha": 1.0, "ridge.standardize": False, "ridge.impute": "mean", "ridge.min_frequency": 0.0}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(2)
    n = 240
    made = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    odd = np.arange(n) % 2 == 1
    made["y"] = np.where(odd, made["b"], 2.0 * made["c"]) + 0.3 * rng.normal(size=n)
    return made.assign(w=rng.integers(0, 4, n).astype(float) * np.where(odd, 3.0, 1.0))


def levels(result):
    return [level for e in result.record.encoder["encodings"] if "levels" in e for level in e["levels"]]


def test_the_pilot_counts_levels_by_weight_and_sees_no_row_of_weight_zero():
    frame = pd.DataFrame(
        {"kind": ["many"] * 60 + ["some"] * 30 + ["heavy"] * 3 + ["void"] * 40, "y": np.arange(133) % 7.0,
         "w": [1.0] * 90 + [99.0] * 3 + [0.0] * 40}
    )  # fmt: skip
    assert levels(hpo.tune(frame, "y", weight="w", max_categories=2, trials=1)) == ["heavy", "many"]
    assert levels(hpo.tune(frame, "y", weight="w", trials=1)) == ["heavy", "many", "some"]
    assert levels(hpo.tune(frame.drop(columns="w"), "y", max_categories=2, trials=1)) == ["many", "void"]


@pytest.mark.parametrize("gone", [None, np.nan])
def test_the_pilot_sees_no_row_without_a_target(gone):
    frame = pd.DataFrame({"kind": ["many"] * 60 + ["some"] * 30 + ["void"] * 40, "y": np.arange(130) % 7.0})
    frame["y"] = frame["y"].astype("Float64" if gone is None else float)
    frame.loc[90:, "y"] = gone
    assert levels(hpo.tune(frame, "y", trials=1)) == ["many", "some"]


def test_another_weight_is_another_pilot_and_other_states(frame, tmp_path):
    frame = frame.assign(kind="k", v=frame["w"] + 1.0)
    first = hpo.tune(frame, "y", weight="w", drop=["v"], trials=1, store=tmp_path)
    other = hpo.tune(frame, "y", weight="v", drop=["w"], trials=1, store=tmp_path)
    assert other.cost.states_reused == 0
    assert other.cost.pilot_rows == first.cost.pilot_rows == len(frame)
    assert other.best.states.whole.weight == pytest.approx(frame["v"].sum())


def test_numeric_data_with_another_weight_or_target_has_other_states(frame, tmp_path):
    frame = frame.assign(v=frame["w"] + 1.0, z=frame["y"] ** 2)
    plain = hpo.tune(frame, "y", weight="w", drop=["v", "z"], trials=1, store=tmp_path)
    weight = hpo.tune(frame, "y", weight="v", drop=["w", "z"], trials=1, store=tmp_path)
    target = hpo.tune(frame, "z", weight="w", drop=["v", "y"], trials=1, store=tmp_path)
    assert [r.cost.states_reused for r in (plain, weight, target)] == [0, 0, 0]
    assert weight.best.states.whole.weight == pytest.approx(frame["v"].sum())
    assert target.best.states.whole.mean[-1] == pytest.approx(np.average(frame["z"], weights=frame["w"]))


def test_a_score_that_takes_no_weights_says_so(frame):
    message = "'neg_max_error' cannot be computed on held-out rows: it takes no weights"
    with pytest.warns(NoScoreWarning, match=message):
        hpo.tune(frame, "y", weight="w", scoring="neg_max_error", trials=1)


@pytest.mark.parametrize("standardize", [True, False])
def test_fold_scores_are_those_of_sample_weights(frame, standardize):
    X, y, w = frame[["a", "b", "c"]].to_numpy(), frame["y"].to_numpy(), frame["w"].to_numpy()
    result = hpo.tune((X, y), weight=w, search=FIXED | {"ridge.standardize": standardize}, folds=CV, trials=1)
    expected = []
    for train, test in CV.split(X):
        scaler = StandardScaler(with_mean=standardize, with_std=standardize).fit(X[train], sample_weight=w[train])
        model = Ridge(1.0).fit(scaler.transform(X[train]), y[train], sample_weight=w[train])
        expected.append(model.score(scaler.transform(X[test]), y[test], sample_weight=w[test]))
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-8)


def test_columns_are_selected_by_weighted_correlation(frame):
    X, y, w = frame[["a", "b", "c"]], frame["y"], frame["w"]
    result = hpo.tune(frame, "y", weight="w", search=FIXED | {"ridge.select": 1}, trials=1)
    weighted = [abs(np.cov(X[c], y, aweights=w)[0, 1]) / np.sqrt(np.cov(X[c], aweights=w)) for c in X]
    plain = [abs(np.corrcoef(X[c], y)[0, 1]) for c in X]
    assert result.best_model[:-1].get_feature_names_out().tolist() == [X.columns[int(np.argmax(weighted))]]
    assert np.argmax(weighted) != np.argmax(plain)


def test_predictions_need_no_weight(frame):
    result = hpo.tune(frame, "y", weight="w", trials=1)
    assert len(result.predict(frame[["a", "b", "c"]])) == len(frame)
