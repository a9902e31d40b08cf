"""A transformed target: the model of log(1 + y), scored on the scale of y, from the read that feeds both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.errors import InvalidField, InvalidTarget
from algorithms.models.pca import PCA
from algorithms.models.ridge import Ridge as OurRidge
from algorithms.summaries.moments import Moments
from tests.flights import flights

REGRESSIONS = ["ridge", "lasso", "elastic_net", "ols", "pcr", "pls", "bayesian_ridge"]


def skewed(n=1200, seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    return X.assign(y=np.expm1(X @ [0.8, -0.5, 0.3, 0.0] + 2.0 + 0.2 * rng.normal(size=n)).clip(lower=0.0))


def test_the_model_is_scikit_learns_on_every_row(tmp_path):
    frame = skewed()
    search = {"ridge.target_transform": "log1p", "ridge.alpha": 3.0, "ridge.standardize": True}
    result = hpo.tune(frame, "y", "ridge", trials=1, store=tmp_path, search=search)
    X, y = frame.drop(columns="y"), frame["y"]
    twin = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), Ridge(3.0)), func=np.log1p, inverse_func=np.expm1
    ).fit(X, y)
    model = result.best_model
    assert isinstance(model["model"], TransformedTargetRegressor)
    np.testing.assert_allclose(model.predict(X), twin.predict(X), rtol=1e-8)
    assert next(name for name, _ in hpo.coefficients(result)) == "a"
    assert hpo.confirm(result, frame)["r2"] == pytest.approx(r2_score(y, twin.predict(X)))


@pytest.mark.parametrize("scoring", ["r2", "neg_mean_absolute_error", "neg_root_mean_squared_error"])
def test_fold_scores_are_those_of_cross_val_score_on_the_scale_of_y(scoring, tmp_path):
    frame, cv = skewed(), KFold(4, shuffle=True, random_state=0)
    search = {"ridge.target_transform": ["none", "log1p"], "ridge.alpha": 3.0, "ridge.standardize": True}
    X, y = frame.drop(columns="y"), frame["y"]
    result = hpo.tune(
        (X, y), algorithm="ridge", trials=4, folds=cv, scoring=scoring, store=tmp_path, search=search
    )
    plain = make_pipeline(StandardScaler(), Ridge(3.0))
    twins = {"none": plain, "log1p": TransformedTargetRegressor(plain, func=np.log1p, inverse_func=np.expm1)}
    assert {result.params_of(c)["ridge.target_transform"] for c in result.candidates} == set(twins)
    for candidate in result.candidates:
        twin = twins[result.params_of(candidate)["ridge.target_transform"]]
        np.testing.assert_allclose(
            candidate.scores.folds, cross_val_score(twin, X, y, cv=cv, scoring=scoring), rtol=1e-7
        )
    assert result.cost.rows_read == len(frame), "one read feeds both targets"
    assert result.best_params["ridge.target_transform"] == "log1p"


@pytest.mark.parametrize("name", REGRESSIONS)
def test_every_regression_takes_it_and_reads_once(name, tmp_path):
    frame = skewed(500)
    search = {f"{name}.target_transform": ["none", "log1p"]}
    result = hpo.tune(
        frame, "y", name, trials=12, store=tmp_path / "s", search=search, name="n", storage=tmp_path / "j"
    )
    assert result.cost.rows_read == len(frame)
    assert result.best_params[f"{name}.target_transform"] == "log1p"
    assert result.best_value > 0.8
    assert all(t.user_attrs["rows_read"] == 0 for t in result.optuna_study.trials)
    again = hpo.load("n", storage=tmp_path / "j")
    np.testing.assert_array_equal(again.best_model.predict(frame), result.best_model.predict(frame))
    hpo.write_report(result, tmp_path / "report.html")


def test_scores_of_models_with_and_without_are_computed_on_the_same_rows(tmp_path):
    result = hpo.tune(
        skewed(),
        "y",
        ["ridge", "lasso"],
        trials=20,
        store=tmp_path,
        search={"ridge.target_transform": "log1p"},
    )
    assert result.record.sampled == ("r2",)
    board = hpo.leaderboard(result).set_index("algorithm")["score"]
    assert board["ridge"] > board["lasso"]


def test_on_real_flights_the_states_of_both_come_from_one_read(tmp_path):
    rows = flights()[["dep_delay", "carrier", "origin", "distance", "hour"]].dropna()[::10]
    rows = rows.assign(y=lambda f: f["dep_delay"].clip(lower=0.0)).drop(columns="dep_delay")
    search = {"ridge.target_transform": ["none", "log1p"]}
    result = hpo.tune(
        rows, "y", "ridge", scoring="neg_median_absolute_error", trials=20, store=tmp_path, search=search
    )
    assert result.cost.rows_read == len(rows)
    assert result.best_params["ridge.target_transform"] == "log1p", "delays are skewed"


def test_what_cannot_be(tmp_path):
    frame = skewed(200)
    frame.loc[7, "y"] = -1.5
    with pytest.raises(
        InvalidTarget, match=r"target 'y' is -1.5 .*above -1; leave target_transform at 'none'"
    ):
        hpo.tune(frame, "y", "ridge", store=tmp_path, search={"ridge.target_transform": "log1p"})
    with pytest.raises(InvalidField, match=r"target_transform='sqrt'"):
        Moments(target_transform="sqrt")
    with pytest.raises(InvalidField, match="no target"):
        PCA(summary=Moments(target_transform="log1p"))
    assert OurRidge().exact == OurRidge.tags.exact
    assert OurRidge(summary=Moments(target_transform="log1p")).exact == ()
    assert repr(Moments()) == "Moments(precision='auto')"
    assert repr(Moments(target_transform="log1p")) == "Moments(precision='auto', target_transform='log1p')"


def test_the_rows_of_a_sparse_matrix_are_transformed_as_dense_ones():
    from scipy.sparse import random as sparse

    X = sparse(300, 20, 0.2, format="csr", random_state=0)
    y = np.asarray(X.sum(axis=1)).ravel() + 0.1
    options = {"algorithm": "ridge", "search": {"ridge.target_transform": "log1p"}, "trials": 3}
    of_sparse, of_dense = (hpo.tune((rows, y), **options) for rows in (X, X.toarray()))
    for a, b in zip(of_sparse.candidates, of_dense.candidates, strict=True):
        np.testing.assert_allclose(a.scores.folds, b.scores.folds, rtol=1e-10)
