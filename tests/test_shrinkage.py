"""``lda`` with ``shrinkage="auto"``, against scikit-learn's Ledoit-Wolf shrinkage fitted on the raw rows."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Annotated

import numpy as np
import optuna
import pandas as pd
import pytest
from differential.extended import Undefined, back, cholesky, forward
from scipy.stats import multivariate_normal
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_laws import CASES, cut
from test_twins_bayes import algorithm_of, data_of, state_of

import hpo
from algorithms import fields, registry
from algorithms.contract import INDICATOR, Batch, Column, Held, Shape, fitted
from algorithms.errors import InvalidField
from algorithms.models.gaussian_nb import GaussianNB
from algorithms.models.lda import LDA
from algorithms.ranges import Choice, Log
from algorithms.summaries.class_kurtosis import ClassKurtosis
from algorithms.summaries.classes import Classes
from hpo.cli.algorithms import describe
from hpo.errors import NoScoreWarning, SearchError
from hpo.question.given import resolve
from hpo.question.search import Searched
from studies import StudySpec

SETS = {"iris": load_iris, "wine": load_wine, "digits": load_digits, "cancer": load_breast_cancer}
SOLVERS = ["lsqr", "eigen"]


def auto(solver="lsqr", **more):
    return algorithm_of("lda", {"shrinkage": "auto", "solver": solver, **more})


def twin_of(solver="lsqr", **more):
    return LinearDiscriminantAnalysis(solver=solver, shrinkage="auto", **more)


def same(ours, theirs, rtol):
    """Equal relative to the largest entry."""
    np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=rtol * np.abs(theirs).max())


def refined(model):
    """Return scikit-learn's model with coefficients by a Cholesky factor of its covariance in extended precision.

    Its own, by singular values, are 5e-9 off of breast cancer; where the covariance is singular they stay.
    """
    try:
        factor = cholesky(model.covariance_)
    except Undefined:
        return model
    coef = back(factor.T, forward(factor, model.means_.T)).T
    intercept = -(coef * model.means_).sum(axis=1) / 2 + np.log(model.priors_)
    if len(coef) == 2:
        coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    model.coef_, model.intercept_ = coef.astype(float), intercept.astype(float)
    return model


def same_model(ours, theirs, X, covariance=1e-12, coef=1e-9):
    same(ours.covariance_, theirs.covariance_, covariance)
    same(ours.coef_, theirs.coef_, coef)
    same(ours.intercept_, theirs.intercept_, coef)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", SETS)
def test_the_model_is_scikit_learns(kind, solver):
    X, y = SETS[kind](return_X_y=True)
    X = X[:, X.any(axis=0)]
    for priors in (None, "uniform"):
        ours = fitted(auto(solver, priors=priors), state_of(auto(), X, y))["model"]
        uniform = None if priors is None else np.full(len(np.unique(y)), 1 / len(np.unique(y)))
        theirs = twin_of(solver, priors=uniform).fit(X, y)
        theirs = refined(theirs) if solver == "lsqr" else theirs
        same_model(ours, theirs, X)
        assert ours.get_params()["shrinkage"] == "auto"
        if solver == "eigen":
            same(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, 1e-9)
            same(np.abs(ours.transform(X)), np.abs(theirs.transform(X)), 1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", SETS)
def test_an_offset_of_a_million_costs_no_digits(kind, dtype):
    X, y = SETS[kind](return_X_y=True)
    X = (X + 1e6).astype(dtype)
    for solver in SOLVERS:
        ours, theirs = (
            fitted(auto(solver), state_of(auto(), X, y))["model"],
            twin_of(solver).fit(X.astype(float), y),
        )
        same(ours.covariance_, theirs.covariance_, 1e-12)
        algorithm = auto(solver, standardize=True)
        ours = fitted(algorithm, state_of(algorithm, X, y))
        theirs = make_pipeline(StandardScaler(), twin_of(solver)).fit(X.astype(float), y)
        same(ours["model"].covariance_, theirs[-1].covariance_, 1e-8)
        same(ours["model"].coef_, theirs[-1].coef_, 1e-6)
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0.0, atol=1e-7)


@pytest.mark.parametrize("solver", SOLVERS)
def test_whole_weights_are_repeated_rows(solver):
    X, y = data_of("wine")
    w = np.random.default_rng(0).integers(1, 4, len(y))
    ours = fitted(auto(solver), state_of(auto(), X, y, w.astype(float)))["model"]
    same_model(ours, twin_of(solver).fit(np.repeat(X, w, axis=0), np.repeat(y, w)), X)


def odd(rng):
    """Columns that are collinear, constant everywhere, or constant in one class; a class of one row."""
    y = np.repeat([0, 1, 2], [60, 40, 1])
    X = rng.normal(size=(101, 4)) + y[:, None]
    within = np.where(y == 1, 7.0, rng.normal(size=101))
    return np.column_stack([X, X[:, 0] - 2.0 * X[:, 1], np.full(101, 3.3), within]), y


def test_collinear_and_constant_columns_are_shrunk_as_in_scikit_learn():
    X, y = odd(np.random.default_rng(0))
    with pytest.warns(UserWarning, match="Only one sample"):
        theirs = twin_of().fit(X, y)
    same_model(fitted(auto(), state_of(auto(), X, y))["model"], theirs, X)
    one = X[:, :1]
    same_model(fitted(auto(), state_of(auto(), one, y))["model"], twin_of().fit(one, y), one)


@pytest.mark.parametrize("shrinkage", [0.1, "auto"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_columns_that_are_zero_in_every_row_count_as_in_scikit_learn(solver, shrinkage, tmp_path):
    """Three pixels of the digits are never inked; the mean variance of all columns is smaller for it."""
    X, y = load_digits(return_X_y=True)
    assert (~X.any(axis=0)).sum() == 3
    cv = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    search = {"lda.shrinkage": shrinkage, "lda.solver": solver, "lda.standardize": False}
    asked = {"search": search, "folds": cv, "trials": 1, "store": tmp_path}
    for scoring in ("accuracy", "neg_log_loss"):
        result = hpo.tune((X, y), algorithm="lda", scoring=scoring, scoring_rows=len(y), **asked)
        twin = LinearDiscriminantAnalysis(solver=solver, shrinkage=shrinkage)
        np.testing.assert_allclose(
            result.best.scores.folds, cross_val_score(twin, X, y, cv=cv, scoring=scoring), rtol=1e-7
        )


def test_a_number_that_is_missing_in_every_row_does_not_count(tmp_path):
    X, y = data_of("wine")
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])]).assign(zero=0.0, void=np.nan, y=y)
    for shrinkage in (0.1, "auto"):
        search = {"lda.shrinkage": shrinkage, "lda.standardize": True}
        asked = {"algorithm": "lda", "target": "y", "trials": 1, "store": tmp_path}
        ours = hpo.tune(frame, search=search, **asked).best_model.predict_proba(frame)
        twin = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage))
        theirs = twin.fit(np.column_stack([X, np.zeros(len(X))]), y).predict_proba(
            np.column_stack([X, 0.0 * y])
        )
        np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=1e-12)


def mixed(offset, n=1500):
    """Numbers far from zero with gaps that tell of the class, and categories, rare ones among them."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, n)
    frame = pd.DataFrame({
        "near": rng.normal(size=n) + y, "gaps": rng.normal(size=n) + 0.7 * y + offset,
        "more": rng.exponential(size=n) * (1 + y) + offset,
        "often": rng.choice(list("uvw"), n, p=[0.6, 0.3, 0.1]),
        "rare": np.where(y == 1, "p", rng.choice(list("pqrst"), n, p=[0.9, 0.06, 0.02, 0.01, 0.01])),
    })  # fmt: skip
    frame["sum"] = frame["gaps"] + frame["more"] - 2.0 * offset
    for name, share in (("gaps", 0.1), ("more", 0.3), ("rare", 0.05)):
        frame.loc[rng.random(n) < share * (1 + 0.5 * y), name] = None
    return frame, np.array(["a", "b", "c"])[y]


def by_hand(frame, impute, min_frequency):
    """The columns of the design, made of the raw frame without any of ours."""
    made = {}
    for name in frame.columns:
        if frame[name].dtype.kind == "f":
            gaps = frame[name].isna()
            made[name] = frame[name].fillna(0.0 if impute == "zero" else frame[name].mean())
            if impute == "indicator" and gaps.any():
                made[f"{name}?"] = gaps.astype(float)
            continue
        levels = pd.get_dummies(frame[name], dummy_na=bool(frame[name].isna().any())).astype(float)
        rare = levels.columns[levels.mean() < min_frequency]
        made |= {f"{name}={level}": levels[level] for level in levels.columns.difference(rare, sort=False)}
        if len(rare):
            made[f"{name}=rare"] = levels[rare].sum(axis=1)
    return pd.DataFrame(made).to_numpy()


@pytest.mark.parametrize("impute", ["mean", "zero", "indicator"])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_missing_numbers_and_merged_categories_are_exact(offset, impute, tmp_path):
    frame, y = mixed(offset)
    for solver, min_frequency in itertools.product(SOLVERS, (0.0, 0.03)):
        search = {"lda.shrinkage": "auto", "lda.solver": solver, "lda.impute": impute,
                  "lda.min_frequency": min_frequency, "lda.standardize": True}  # fmt: skip
        asked = {"algorithm": "lda", "target": "y", "trials": 1, "folds": 3, "store": tmp_path}
        result = hpo.tune(frame.assign(y=y), search=search, **asked)
        X = by_hand(frame, impute, min_frequency)
        theirs = make_pipeline(StandardScaler(), twin_of(solver)).fit(X, y)
        ours = result.best_model.predict_proba(frame)
        np.testing.assert_allclose(ours, theirs.predict_proba(X), rtol=0.0, atol=1e-8 if offset else 1e-11)
        model = result.best_model["model"]
        found, true = np.sort(np.diagonal(model.covariance_)), np.sort(np.diagonal(theirs[-1].covariance_))
        np.testing.assert_allclose(found, true, rtol=1e-9 if offset else 1e-12)


def gappy(rng, n, offset):
    """Encoded rows of two numbers, each with its indicator, and classes."""
    y, columns = rng.integers(0, 2, n), []
    for name in "ab":
        columns += [Column(name, name), Column(f"{name}?", name, INDICATOR)]
    gaps = rng.random((n, 2)) < 0.2 + 0.2 * y[:, None]
    x = np.where(gaps, 0.0, rng.gamma(2.0, size=(n, 2)) + offset)
    rows = np.column_stack([x[:, 0], gaps[:, 0], x[:, 1], gaps[:, 1], y])
    return np.asfortranarray(rows.astype(float)), Shape(tuple(columns), ("y",), (0, 1))


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_states_of_any_cut_give_the_model_of_all_rows(offset):
    rows, shape = gappy(np.random.default_rng(0), 400, offset)
    summary, algorithm = ClassKurtosis(), LDA(shrinkage="auto", impute="mean", solver="eigen")
    parts = cut(
        Batch(rows, 4, priority=np.arange(400, dtype=np.uint64)), [1, 2, 3, 10, 11, 100, 101, 250, 399]
    )
    states = [summary.update(summary.init(shape), part) for part in parts]
    merged = summary.init(shape)
    for state in np.random.default_rng(1).permutation(np.array(states, dtype=object)):
        merged = summary.merge(merged, state)
    ours = fitted(algorithm, merged)
    x = np.where(rows[:, [1, 3]] == 1.0, np.nan, rows[:, [0, 2]])
    x = np.where(np.isnan(x), np.nanmean(x, axis=0), x)
    theirs = make_pipeline(StandardScaler(), twin_of("eigen")).fit(x, rows[:, 4])
    same(ours["model"].covariance_, theirs[-1].covariance_, 1e-9 if offset else 1e-12)
    same(ours["model"].coef_, theirs[-1].coef_, 1e-8 if offset else 1e-11)


def test_a_state_of_kurtosis_is_a_state_of_classes_too():
    """The means, scatters and held-out likelihoods are those of ``Classes``, gaps included."""
    rows, shape = gappy(np.random.default_rng(0), 200, 2.0)
    states = [s.update(s.init(shape), Batch(rows, 4)) for s in (Classes(), ClassKurtosis())]
    for name in ("mean", "squares", "weights", "counts"):
        np.testing.assert_allclose(*(getattr(state, name) for state in states), rtol=1e-12)
    algorithm = LDA(shrinkage=0.2, impute="zero")
    plain, rich = (algorithm.solve(state) for state in states)
    np.testing.assert_allclose(plain.covariance, rich.covariance, rtol=1e-12, atol=1e-14)
    scores = [float(algorithm.score(plain, Held(state), "log_likelihood")) for state in states]
    assert scores[0] == pytest.approx(scores[1], rel=1e-12)


def test_held_out_likelihoods_are_exact():
    X, y = data_of("wine")
    state, held_out = (state_of(auto(), X[i::2], y[i::2]) for i in (0, 1))
    solution = auto().solve(state)
    model = auto().estimator(solution)["model"]
    logs = [np.log(p) + multivariate_normal(m, model.covariance_).logpdf(X[1::2])
            for p, m in zip(model.priors_, model.means_, strict=True)]  # fmt: skip
    expected = np.column_stack(logs)[np.arange(len(X[1::2])), y[1::2]].mean()
    assert float(auto().score(solution, Held(held_out), "log_likelihood")) == pytest.approx(expected, rel=1e-9)
    least, most = (LDA(shrinkage=s).complexity(LDA(shrinkage=s).solve(state)) for s in (1.0, 0.0))
    assert least < auto().complexity(solution) < most


def test_a_study_reads_the_rows_once_for_both_kinds_of_states(tmp_path):
    X, y = load_breast_cancer(return_X_y=True)
    asked = {"store": tmp_path / "store", "storage": tmp_path / "journal.log", "scoring": "log_likelihood"}
    search = {"lda.shrinkage": ["auto", 0.1], "lda.standardize": [True, False]}
    result = hpo.tune(
        (X, y), algorithm=["lda", "gaussian_nb"], search=search, trials=20, name="first", **asked
    )
    assert result.cost.rows_read == len(y)
    tried = {t.params["lda.shrinkage"] for t in result.optuna_study.trials if "lda.shrinkage" in t.params}
    assert tried == {"auto", 0.1}
    assert all(
        t.user_attrs["rows_read"] == 0 and "error" not in t.user_attrs for t in result.optuna_study.trials
    )
    assert np.isfinite(hpo.nested_score(result).mean)
    assert hpo.validation_curve(result, "lda.shrinkage").x == ("auto", 0.1)

    again = hpo.tune((X, y), algorithm="lda", search={"lda.shrinkage": "auto"}, trials=2, **asked)
    assert again.cost.rows_read == 0
    assert again.best_params["lda.shrinkage"] == "auto"

    more = {"algorithm": ["lda", "gaussian_nb"], "search": search, "name": "first", **asked}
    resumed = hpo.tune((X, y), trials=24, resume=True, **more)
    assert (resumed.cost.rows_read, len(resumed.optuna_study.trials)) == (0, 24)
    loaded = hpo.load("first", storage=asked["storage"], store=asked["store"])
    assert loaded.best_params == resumed.best_params
    np.testing.assert_array_equal(loaded.best_model.predict_proba(X), resumed.best_model.predict_proba(X))


def test_where_only_the_richer_state_is_kept_it_tells_the_ranges(tmp_path):
    frame, y = mixed(0.0, n=300)
    asked = {"target": "y", "trials": 4, "folds": 3, "store": tmp_path, "scoring": "accuracy"}
    result = hpo.tune(
        frame.assign(y=y), algorithm=["logistic", "lda"], search={"lda.shrinkage": ["auto"]}, **asked
    )
    assert {"lda.impute", "lda.min_frequency"} <= result.run.tuner.space.distributions.keys()
    frame.assign(y=y).to_parquet(tmp_path / "rows.parquet")
    asked = {
        "data": str(tmp_path / "rows.parquet"),
        "target": "y",
        "algorithm": "lda",
        "store": str(tmp_path / "s"),
    }
    plan = hpo.plan(StudySpec(search={"lda.shrinkage": ["auto", 0.5]}, **asked))
    assert [words for words in plan.summaries if "Class" in words] == [
        "ClassKurtosis()",
        "Classes(covariance='full', precision='auto')",
    ]


@pytest.mark.parametrize(
    ("asked", "summaries"),
    [
        ({}, [Classes()]),
        ({"lda.shrinkage": 0.3}, [Classes()]),
        ({"lda.shrinkage": None}, [Classes()]),
        ({"lda.shrinkage": "auto"}, [ClassKurtosis()]),
        ({"lda.shrinkage": [0.0, 0.1, "auto"]}, [Classes(), ClassKurtosis()]),
        ({"lda.shrinkage": optuna.distributions.FloatDistribution(0.1, 0.5)}, [Classes()]),
        ({"lda.shrinkage": ["auto", None], "lda.covariance": ["full"]}, [ClassKurtosis(), Classes()]),
    ],
)
def test_what_is_searched_says_which_states_are_kept(asked, summaries):
    [lda] = resolve(["lda"], asked)
    assert lda.summaries() == summaries


def test_the_summary_follows_the_shrinkage():
    assert dataclasses.replace(LDA(shrinkage="auto"), shrinkage=0.1).summary == Classes()
    assert dataclasses.replace(LDA(), shrinkage="auto").summary == ClassKurtosis()
    assert [one.summary for one in fields.variants(registry.get("lda"))] == [Classes(), ClassKurtosis()]
    assert [one.summary for one in fields.variants(registry.get("qda"))] == [Classes()]
    assert any(summary == ClassKurtosis() for summary, _ in CASES), "the laws hold it too"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Steered(GaussianNB):
    """An algorithm of another package, steered by a number and by a choice."""

    var_smoothing: Annotated[float, Log(1e-12, 0.1)] = 1e-9
    kept: Annotated[str, Choice("little", "much", searched=False)] = "little"

    def __post_init__(self):
        much = self.kept == "much" or self.var_smoothing > 0.5
        object.__setattr__(self, "summary", Classes("full" if much else "diagonal"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Undecided(Steered):
    """One that searches what steers it by itself."""

    kept: Annotated[str, Choice("much", "little")] = "little"


def test_any_free_field_may_steer_by_its_choices_or_the_ends_of_its_range():
    diagonal, full = Classes("diagonal"), Classes("full")
    assert [one.summary for one in fields.variants(Steered)] == [diagonal, full]
    wide, narrow = (optuna.distributions.FloatDistribution(1e-9, high, log=True) for high in (1.0, 0.1))
    for constants, asked, expected in [
        ({}, {}, [diagonal]),
        ({"kept": "much"}, {}, [full]),
        ({}, {"var_smoothing": narrow}, [diagonal]),
        ({}, {"var_smoothing": wide}, [diagonal, full]),
        ({"kept": "much"}, {"var_smoothing": wide}, [full]),
    ]:
        assert Searched("steered", Steered, constants, asked).summaries() == expected
    assert Searched("undecided", Undecided, {}, {}).summaries() == [full, diagonal]
    assert Searched("undecided", Undecided, {"kept": "little"}, {}).summaries() == [diagonal]


def test_the_command_line_says_what_may_be_asked_for():
    [shrinkage] = [h for h in describe("lda")["hyperparameters"] if h["name"] == "shrinkage"]
    assert shrinkage["range"] == {"low": 0.0, "high": 1.0}
    assert (shrinkage["also"], shrinkage["range_in_words"]) == (["auto"], "0 to 1; auto if asked for")


def test_no_shrinkage_is_none():
    X, y = data_of("wine")
    a, b = (
        fitted(algorithm_of("lda", {"shrinkage": s}), state_of(algorithm_of("lda", {}), X, y))
        for s in (None, 0)
    )
    np.testing.assert_array_equal(a["model"].coef_, b["model"].coef_)
    assert a["model"].get_params()["shrinkage"] is None


def test_what_cannot_be_is_named(tmp_path):
    X, y = data_of("wine")
    with pytest.raises(InvalidField, match=r"shrinkage='auto': solver='svd' takes none; use solver='lsqr'"):
        auto("svd").solve(state_of(auto(), X, y))
    with pytest.raises(InvalidField, match=r"shrinkage='mine': must be 'auto', or from 0 to 1; None"):
        auto(shrinkage="mine")
    with pytest.raises(InvalidField, match=r"covariance='diagonal'.*use 'gaussian_nb'"):
        auto(covariance="diagonal")
    with pytest.raises(InvalidField, match=r"needs a state of ClassKurtosis, not of ClassesState"):
        auto().solve(state_of(algorithm_of("lda", {}), X, y))
    with pytest.raises(SearchError, match=r"search\['lda.shrinkage'\]=\[0.1, 'best'\]: shrinkage='best'"):
        hpo.tune((X, y), algorithm="lda", search={"lda.shrinkage": [0.1, "best"]}, store=tmp_path)
    asked = {"search": {"lda.shrinkage": "auto", "lda.solver": "svd"}, "trials": 2, "store": tmp_path}
    with pytest.warns(NoScoreWarning, match="failed because: shrinkage='auto': solver='svd' takes none"):
        hpo.tune((X, y), algorithm="lda", **asked)
