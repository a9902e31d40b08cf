"""Kernel features: the models on them are scikit-learn's on the same features, and one read feeds every kernel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, make_moons
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.contract import Batch, Column, Shape, fitted
from algorithms.errors import InvalidField, NotEnoughRows
from algorithms.summaries.moments import Moments
from studies.errors import SpecError

KERNELS = ("nystroem", "fourier")


def wavy(n=3000, seed=0):
    """A target that no linear model of the columns can tell."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.uniform(-2.0, 2.0, size=(n, 3)), columns=list("abc"))
    X["kind"] = np.where(rng.random(n) < 0.5, "u", "v")
    y = np.sin(2.0 * X["a"]) * X["b"] + (X["kind"] == "u") * X["c"] ** 2
    return X.assign(y=y + 0.1 * rng.normal(size=n))


def asked(name, kernel, **more):
    given = {"kernel": kernel, "kernel_components": 60, "kernel_scale": 0.7, "standardize": False} | more
    return {f"{name}.{key}": value for key, value in given.items()}


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_ridge_is_ridge_on_scikit_learns_features(kernel, tmp_path):
    frame = wavy()
    result = hpo.tune(
        frame, "y", "ridge", trials=1, folds=3, store=tmp_path, search=asked("ridge", kernel, alpha=0.5)
    )
    model, rows = result.best_model, frame.drop(columns="y")
    assert [name for name, _ in model.steps] == ["columns", "order", "standardize", "kernel", "model"]
    assert isinstance(model["standardize"], StandardScaler)
    assert isinstance(model["kernel"], Nystroem if kernel == "nystroem" else RBFSampler)
    features = model[:-1].transform(rows)
    full = Ridge(alpha=0.5, solver="cholesky").fit(features, frame["y"])
    np.testing.assert_allclose(model.predict(rows), full.predict(features), rtol=1e-6, atol=1e-8)
    assert len(model[:-1].get_feature_names_out()) == 60
    assert len(hpo.coefficients(result)) == 60
    assert result.cost.rows_read == len(frame)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_features_are_those_of_the_kernel(kernel, tmp_path):
    """Products of features are the kernel of standardised rows: near it at random, nearly it between landmarks."""
    X, _ = load_breast_cancer(return_X_y=True)
    shape = Shape(tuple(Column(f"x{j}", f"x{j}") for j in range(X.shape[1])), ("y",))
    rows = Batch(np.asfortranarray(np.c_[X, np.zeros(len(X))]), X.shape[1])
    moments = Moments(kernel=kernel, kernel_components=400)
    ready = moments.knowing(moments.learn(shape, rows))
    features = ready.init(shape).shape.features
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    made, true = features(X), rbf_kernel(z, gamma=float(features.learned["feature_gamma"][0]))
    apart = np.abs(made @ made.T - true)
    assert np.median(apart) < {"nystroem": 1e-3, "fourier": 0.05}[kernel]
    assert np.median(true) == pytest.approx(np.exp(-1.0), abs=0.1), "the width is the median distance"


def test_a_kernel_tells_what_the_columns_alone_do_not(tmp_path):
    frame = wavy()
    search = {"ridge.kernel": ["none", "nystroem", "fourier"], "ridge.kernel_components": 150}
    result = hpo.tune(frame, "y", "ridge", trials=60, store=tmp_path, search=search)
    scores = result.trials_dataframe().groupby("params_ridge.kernel")["value"].max()
    assert scores["none"] < 0.5
    assert min(scores["nystroem"], scores["fourier"]) > 0.9
    assert result.cost.rows_read == len(frame), "one read feeds all three"
    again = hpo.tune(frame, "y", "lasso", trials=5, store=tmp_path, search={"lasso.kernel": "fourier"})
    assert again.cost.rows_read == len(frame), "another number of components is another pass"
    shared = {"lasso.kernel": "fourier", "lasso.kernel_components": 150, "lasso.alpha": [0.01, 0.1, 1.0]}
    assert hpo.tune(frame, "y", "lasso", trials=5, store=tmp_path, search=shared).cost.rows_read == 0


def test_fold_scores_are_those_of_refits_on_the_same_features(tmp_path):
    frame = wavy(900)
    result = hpo.tune(
        (frame[["a", "b", "c"]].to_numpy(), frame["y"].to_numpy()), algorithm="ridge", trials=1, folds=4,
        store=tmp_path, search=asked("ridge", "nystroem", alpha=0.1), scoring=["r2", "neg_median_absolute_error"],
        scoring_rows=1000,
    )  # fmt: skip
    states, model = result.best.states, result.model_of(encoded=True)
    exact = np.array(result.best.scores.folds)
    by_rows = [
        make_pipeline(*(step for _, step in fitted(result.best.algorithm, train).steps)).score(held.rows.X, held.rows.y)
        for train, held in zip(states.train, states.held_out, strict=True)
    ]  # fmt: skip
    np.testing.assert_allclose(exact, by_rows, rtol=1e-8)
    whole = KernelRidge(alpha=0.1, kernel="rbf", gamma=model["kernel"].gamma)
    z = model[:3].transform(frame[["a", "b", "c"]].to_numpy())
    predicted = whole.fit(z, frame["y"] - frame["y"].mean()).predict(z) + frame["y"].mean()
    assert np.corrcoef(predicted, model.predict(frame[["a", "b", "c"]].to_numpy()))[0, 1] > 0.98


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n", [2000, 60_000])
def test_kernel_logistic_is_near_a_full_fit_on_the_same_features(kernel, n, tmp_path):
    X, y = make_moons(n, noise=0.25, random_state=0)
    search = asked("logistic", kernel, C=1.0, standardize=True)
    result = hpo.tune(
        (X, y), algorithm="logistic", trials=1, folds=3, scoring="neg_log_loss", store=tmp_path, search=search
    )
    new, truth = make_moons(20_000, noise=0.25, random_state=1)
    model = result.best_model
    full = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-8).fit(model[:-1].transform(X), y)
    ours = log_loss(truth, model.predict_proba(new))
    assert abs(ours - log_loss(truth, full.predict_proba(model[:-1].transform(new)))) < 1e-3
    assert ours < log_loss(truth, LogisticRegression().fit(X, y).predict_proba(new)) - 0.05
    assert result.best_value == pytest.approx(-ours, abs=0.02), (
        "rows that are scored go through the kernel too"
    )


def test_weights_missing_values_and_recorded_studies(tmp_path):
    frame = wavy(800).assign(w=np.r_[np.zeros(100), np.ones(700)])
    frame.loc[::7, "a"] = np.nan
    how = {"trials": 3, "store": tmp_path / "s", "search": asked("ridge", "nystroem")}
    some = hpo.tune(frame, "y", "ridge", weight="w", name="n", storage=tmp_path / "j", **how)
    rest = hpo.tune(frame[100:].drop(columns="w"), "y", "ridge", **how)
    assert some.best.states.whole.rows == rest.best.states.whole.rows == 700
    again = hpo.load("n", storage=tmp_path / "j")
    np.testing.assert_array_equal(again.best_model.predict(frame), some.best_model.predict(frame))


def test_every_model_of_moments_takes_a_kernel(tmp_path):
    X = wavy(600)
    for name in ("lasso", "elastic_net", "ols", "pcr", "pls", "bayesian_ridge"):
        search = {f"{name}.kernel": "fourier", f"{name}.kernel_components": 80}
        result = hpo.tune(X, "y", name, trials=3, store=tmp_path, search=search)
        assert np.isfinite(result.best_value)
        assert result.best_model.predict(X).shape == (600,)
    found = hpo.tune(
        X.drop(columns="y"), algorithm="pca", trials=3, store=tmp_path, search={"pca.kernel": "nystroem"}
    )
    assert found.best_model.transform(X).shape[0] == 600


def test_what_cannot_be(tmp_path):
    frame = wavy(200)
    for field, value in (("kernel", "rbf"), ("kernel_scale", 0.0), ("kernel_components", 1)):
        with pytest.raises(InvalidField, match=f"{field}="):
            Moments(**{field: value})
    with pytest.raises((hpo.errors.SearchError, SpecError), match=r"kernel.*'nystroem'"):
        hpo.tune(frame, "y", "ridge", store=tmp_path, search={"ridge.kernel": "nystrom"})
    with pytest.raises(NotEnoughRows, match=r"kernel_components=500: the sample has too few distinct rows \(200\) to be landmarks"):
        hpo.tune(
            frame,
            "y",
            "ridge",
            store=tmp_path,
            search={"ridge.kernel": "nystroem", "ridge.kernel_components": 500},
        )
