"""Naive Bayes, LDA and QDA from class sums, against scikit-learn fitted on the raw rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import OrdinalEncoder
from twins_bayes import TWINS

import hpo
from algorithms import fields, registry
from algorithms.contract import Batch, Column, Held, Shape, fitted
from algorithms.errors import Imprecise, InvalidField, NotEnoughRows

SETS = {"cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}
NUMERIC = [name for name in TWINS if name != "categorical_nb"]
CASES = [(name, i) for name in NUMERIC for i in range(len(TWINS[name][0]))]


def data_of(kind):
    X, y = SETS[kind](return_X_y=True)
    return X[:, X.std(axis=0) > 0.0], y


def algorithm_of(name, params):
    plain = {"standardize": False} if name in ("lda", "qda") else {}
    return fields.build(registry.get(name), {**plain, **params})


def state_of(algorithm, X, y, weight=None, classes=None):
    classes = np.unique(y).tolist() if classes is None else classes
    columns = tuple(Column(f"x{i}", f"x{i}") for i in range(X.shape[1]))
    shape = Shape(columns, ("y",), tuple(classes))
    rows = np.asfortranarray(np.column_stack([X, np.searchsorted(classes, y)]).astype(float))
    return algorithm.summary.update(algorithm.summary.init(shape), Batch(rows, X.shape[1], weight))


@pytest.mark.parametrize("kind", SETS)
@pytest.mark.parametrize(("name", "index"), CASES, ids=str)
def test_predictions_are_the_twins(name, index, kind):
    settings, twin = TWINS[name]
    X, y = data_of(kind)
    algorithm = algorithm_of(name, settings[index])
    ours, theirs = fitted(algorithm, state_of(algorithm, X, y)), twin(settings[index]).fit(X, y)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("name", "index"), CASES, ids=str)
def test_fold_scores_equal_cross_val_score(name, index, tmp_path):
    settings, twin = TWINS[name]
    X, y = load_wine(return_X_y=True)
    cv = list(StratifiedKFold(4, shuffle=True, random_state=0).split(X, y))
    plain = {"standardize": False} if name in ("lda", "qda") else {}
    search = {f"{name}.{k}": v for k, v in {**plain, **settings[index]}.items()}
    asked = {"algorithm": name, "search": search, "folds": cv, "trials": 1, "store": tmp_path}
    for scoring in ("accuracy", "neg_log_loss"):
        result = hpo.tune((X, y), scoring=scoring, **asked)
        expected = cross_val_score(twin(settings[index]), X, y, cv=cv, scoring=scoring)
        np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-7)


@pytest.mark.parametrize("solver", ["eigen", "svd"])
@pytest.mark.parametrize("priors", [None, "uniform"])
def test_a_discriminant_transforms_as_its_twin_does(solver, priors):
    X, y = data_of("wine")
    ours = fitted(algorithm_of("lda", {"solver": solver, "priors": priors}), state_of(algorithm_of("lda", {}), X, y))["model"]
    theirs = LinearDiscriminantAnalysis(solver=solver, priors=[1 / 3] * 3 if priors else None).fit(X, y)
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6, atol=1e-9)
    a, b = ours.transform(X), theirs.transform(X)
    np.testing.assert_allclose(
        np.abs(np.sum(a * b, axis=0)), np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    )
    np.testing.assert_allclose(np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0), rtol=1e-6)


def test_what_a_solver_cannot_do_is_named(tmp_path):
    X, y = data_of("wine")
    with pytest.raises(InvalidField, match="solver='svd' takes none"):
        algorithm_of("lda", {"solver": "svd", "shrinkage": 0.5}).solve(
            state_of(algorithm_of("lda", {}), X, y)
        )
    twice = np.column_stack([X, X])
    with pytest.raises(InvalidField, match="singular; use shrinkage"):
        algorithm_of("lda", {"solver": "eigen"}).solve(state_of(algorithm_of("lda", {}), twice, y))
    with pytest.raises(InvalidField, match="solver='qr'"):
        algorithm_of("lda", {"solver": "qr"})
    result = hpo.tune((X, y), algorithm="lda", search={"lda.solver": "svd"}, trials=3, store=tmp_path)
    assert "lda.shrinkage" not in result.best_params


@pytest.mark.parametrize("name", [n for n in NUMERIC if n != "complement_nb"])
def test_held_out_likelihoods_are_exact(name):
    """The mean of log p(x, y) that the state tells is that of the rows, by the fitted model's own joint."""
    X, y = data_of("wine")
    algorithm = algorithm_of(name, {"qda": {"reg_param": 0.1}}.get(name, {}))
    state, held_out = state_of(algorithm, X[::2], y[::2]), state_of(algorithm, X[1::2], y[1::2])
    solution = algorithm.solve(state)
    model = algorithm.estimator(solution)["model"]
    if name == "lda":
        from scipy.stats import multivariate_normal

        logs = [np.log(p) + multivariate_normal(m, model.covariance_).logpdf(X[1::2])
                for p, m in zip(model.priors_, model.means_, strict=True)]  # fmt: skip
        joint = np.column_stack(logs)
    else:
        joint = model.predict_joint_log_proba(X[1::2]) if name != "qda" else model._decision_function(X[1::2])
        joint = joint - (X.shape[1] / 2 * np.log(2 * np.pi) if name == "qda" else 0.0)
    expected = joint[np.arange(len(joint)), y[1::2]].mean()
    assert float(algorithm.score(solution, Held(held_out), "log_likelihood")) == pytest.approx(expected, rel=1e-9)
    assert algorithm.score(solution, Held(held_out), "accuracy") is None


@pytest.mark.parametrize("name", ["gaussian_nb", "multinomial_nb", "bernoulli_nb", "complement_nb"])
def test_weights_are_sample_weights(name):
    X, y = data_of("cancer")
    w = np.random.default_rng(0).uniform(0.2, 3.0, len(y))
    params = {"var_smoothing": 0.0} if name == "gaussian_nb" else {}  # theirs smooths by unweighted variances
    algorithm = algorithm_of(name, params)
    ours = fitted(algorithm, state_of(algorithm, X, y, w))
    theirs = TWINS[name][1](params).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["lda", "qda"])
def test_whole_weights_are_repeated_rows(name):
    X, y = data_of("wine")
    w = np.random.default_rng(0).integers(1, 4, len(y))
    algorithm = algorithm_of(name, {})
    ours = fitted(algorithm, state_of(algorithm, X, y, w.astype(float)))
    theirs = fitted(algorithm, state_of(algorithm, np.repeat(X, w, axis=0), np.repeat(y, w)))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-8)


def test_categories_are_counted_by_column(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(list("uvw"), 500), "b": rng.choice(["x", "yy"], 500)})
    frame["y"] = np.where(rng.random(500) < np.where(frame["a"] == "u", 0.9, 0.3), "yes", "no")
    for params in TWINS["categorical_nb"][0]:
        search = {"categorical_nb.alpha": params["alpha"]}
        asked = {"target": "y", "algorithm": "categorical_nb", "trials": 1, "store": tmp_path}
        result = hpo.tune(frame, search=search, **asked)
        codes = OrdinalEncoder().fit_transform(frame[["a", "b"]])
        theirs = TWINS["categorical_nb"][1]({**params, "min_categories": [5, 4]}).fit(codes, frame["y"])
        # "other" and "missing" are categories of ours that no row has
        np.testing.assert_allclose(
            result.best_model.predict_proba(frame), theirs.predict_proba(codes), rtol=1e-9
        )
    assert result.cost.rows_read == 0


@pytest.mark.parametrize("name", ["lda", "qda"])
def test_standardizing_is_a_scaler_before_the_model(name):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = data_of("wine")
    params = TWINS[name][0][1]
    algorithm = fields.build(registry.get(name), {**params, "standardize": True})
    ours, theirs = (
        fitted(algorithm, state_of(algorithm, X, y)),
        make_pipeline(StandardScaler(), TWINS[name][1](params)),
    )
    np.testing.assert_allclose(ours.predict_proba(X), theirs.fit(X, y).predict_proba(X), rtol=1e-6, atol=1e-9)


def test_what_cannot_be(tmp_path):
    X, y = data_of("wine")
    for name in TWINS:
        algorithm = algorithm_of(name, {})
        if name == "categorical_nb":
            with pytest.raises(InvalidField, match="needs a column of categories"):
                algorithm.check(state_of(algorithm, X, y))
            continue
        with pytest.raises(NotEnoughRows, match=r"needs more than .* rows of each class, and of 2"):
            algorithm.solve(state_of(algorithm, X[y < 2], y[y < 2], classes=[0, 1, 2]))
    algorithm = algorithm_of("multinomial_nb", {})
    with pytest.raises(InvalidField, match=r"column 'x0' holds -\d.*counts, which are not negative"):
        algorithm.check(state_of(algorithm, X - 20.0, y))
    with pytest.raises(InvalidField, match=r"shrinkage=-1"):
        algorithm_of("lda", {"shrinkage": -1.0})
    for text, words in (
        ("mine", "'mine' is no 'label=number'"),
        ("0=0.5, 1=0.3, 2=0.1", "add up to 0.9"),
        ("0=0.5, 0=0.5", "'0' is given twice"),
        ("0=-1, 1=2", "'0=-1' is no"),
    ):
        with pytest.raises(InvalidField, match=words):
            algorithm_of("gaussian_nb", {"priors": text})
    uniform = algorithm_of("gaussian_nb", {"priors": "uniform"})
    model = fitted(uniform, state_of(uniform, X, y))
    np.testing.assert_allclose(model["model"].class_prior_, 1 / 3)


@pytest.mark.parametrize("name", ["gaussian_nb", "lda", "qda"])
def test_priors_are_given_by_class(name):
    X, y = load_wine(return_X_y=True)
    algorithm = algorithm_of(name, {"priors": "2=0.7, 0=0.2, 1=0.1"})
    ours = fitted(algorithm, state_of(algorithm, X, y))
    twin = {
        "gaussian_nb": GaussianNB,
        "lda": LinearDiscriminantAnalysis,
        "qda": QuadraticDiscriminantAnalysis,
    }
    solver = {"solver": "lsqr"} if name == "lda" else {}
    theirs = twin[name](priors=[0.2, 0.1, 0.7], **solver).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-8)
    for text, words in (("0=0.5, 1=0.5", "'2' has no number"), ("a=1", "'a' is not a class of")):
        with pytest.raises(InvalidField, match=words):
            algorithm_of(name, {"priors": text}).check(state_of(algorithm, X, y))


@pytest.mark.parametrize("name", ["lda", "qda"])
def test_a_score_that_rounding_moves_is_refused(name):
    """A column beside its copy with the seventh digit changed: the likelihood is not known to six digits."""
    X, y = data_of("wine")
    rng = np.random.default_rng(0)
    sound = np.column_stack([X, X[:, 0] + 1e-2 * rng.normal(size=len(X))])
    twice = np.column_stack([X, X[:, 0] * (1.0 + 1e-7 * rng.normal(size=len(X)))])
    algorithm = algorithm_of(name, {})
    for columns, known in ((sound, True), (twice, False)):
        state = state_of(algorithm, columns, y)
        if known:
            found = algorithm.score(algorithm.solve(state), Held(state), "log_likelihood")
            assert 0.0 < found.bound < 1e-8 * abs(found.value)
        else:
            with pytest.raises((Imprecise, InvalidField), match=r"rounding|singular"):
                algorithm.score(algorithm.solve(state), Held(state), "log_likelihood")


def test_a_singular_class_is_refused_as_scikit_learn_does():
    X, y = data_of("wine")
    algorithm = algorithm_of("qda", {})
    with pytest.raises(InvalidField, match="covariance of class 0 is singular"):
        algorithm.solve(state_of(algorithm, np.column_stack([X, X]), y))
    algorithm_of("qda", {"reg_param": 0.1}).solve(state_of(algorithm, np.column_stack([X, X]), y))
