"""What is asked of a table: an algorithm, its setting, the splits and the score; drawn by Hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from sklearn.model_selection import KFold, PredefinedSplit, RepeatedKFold, ShuffleSplit, TimeSeriesSplit

from differential import tables
from differential.tables import Spec, Table

SQUARED = ("r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "explained_variance")
ROWS = ("neg_mean_absolute_error", "r2", "neg_mean_squared_error")
CLASSES = ("accuracy", "neg_log_loss", "balanced_accuracy")
OUTLIERS = ("roc_auc", "average_precision", "balanced_accuracy", "f1")
SPLITS = ("parts", "parts", "kfold", "shuffle", "time", "repeated")
DEALT: dict[str, dict[str, Any]] = {
    "dealt": {"scheme": "kfold"},
    "stratified": {"scheme": "stratified"},
    "group": {"scheme": "group", "column": "group"},
    "stratified_group": {"scheme": "stratified_group", "column": "group"},
}
"""Folds that the product makes, of frames and of files: which rows are in which is the product's own answer, and its
scores of them are the question (``tests/test_dealing.py`` asks whether the folds are as they should be)."""

flags, shares = st.booleans(), st.sampled_from([0.0, 0.0, 0.03, 0.1, 0.2])
penalties = st.sampled_from([1e-8, 1e-4, 1e-2, 1.0, 30.0, 1e4])
small = st.sampled_from([1e-3, 1e-2, 0.1, 1.0])
imputes = st.sampled_from(["mean", "mean", "zero", "indicator"])
components = st.integers(1, 4)
prepared = {"standardize": flags, "impute": imputes, "min_frequency": shares}
regression = {
    **prepared,
    "select": st.sampled_from([None, None, None, 1, 3]),
    "fit_intercept": st.sampled_from([True, True, True, False]),
}
centred = {k: v for k, v in regression.items() if k != "fit_intercept"}
tight = {"tol": st.just(1e-13), "max_iter": st.just(20_000)}
gammas = st.sampled_from([1e-6, 1e-2, 1.0])

SETTINGS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "ols": regression,
    "ridge": {**regression, "alpha": penalties},
    "lasso": {**regression, "alpha": small, **tight},
    "elastic_net": {**regression, "alpha": small, "l1_ratio": st.sampled_from([0.1, 0.5, 0.9]), **tight},
    "pls": {**centred, "n_components": components},
    "pcr": {**centred, "n_components": st.one_of(st.none(), components)},
    "bayesian_ridge": {**regression, **dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), gammas), "tol": st.just(1e-3)},
    "lda": {**prepared, "shrinkage": st.sampled_from([0.0, 0.1, 0.7, 1.0])},
    "qda": {**prepared, "reg_param": st.sampled_from([0.0, 1e-3, 0.01, 0.1, 0.5, 1.0])},
    "pca": {**prepared, "n_components": components},
    "gaussian_nb": {"var_smoothing": st.sampled_from([1e-9, 1e-4, 0.1])},
    "multinomial_nb": {"alpha": small, "fit_prior": flags},
    "bernoulli_nb": {"alpha": small, "fit_prior": flags},
    "complement_nb": {"alpha": small},
    "categorical_nb": {"alpha": small, "fit_prior": flags},
    "knn_regressor": {**prepared, "n_neighbors": st.sampled_from([1, 2, 5, 9]), "weights": st.sampled_from(["uniform", "distance"]), "metric": st.sampled_from(["euclidean", "manhattan"])},
    "logistic": {**prepared, "C": st.sampled_from([1e-3, 0.1, 1.0, 100.0])},
    "poisson": {**prepared, "alpha": st.sampled_from([1e-4, 1e-2, 1.0])},
    "gamma": {**prepared, "alpha": st.sampled_from([1e-4, 1e-2, 1.0])},
    "tweedie": {**prepared, "alpha": st.sampled_from([1e-4, 1e-2, 1.0]), "power": st.sampled_from([1.1, 1.5, 1.9])},
}  # fmt: skip
SETTINGS["knn_classifier"] = SETTINGS["knn_regressor"]
SETTINGS["isolation_forest"] = {
    "impute": imputes,
    "min_frequency": shares,
    "n_estimators": st.just(5),
    "max_samples": st.just(256),
    "max_features": st.sampled_from([0.5, 1.0]),
    "contamination": st.sampled_from(["auto", 0.1, 0.4]),
}
"""Trees of all rows: of some, which these are depends on the rows' order in a sample."""
packed = {
    "impute": imputes,
    "standardize": flags,
    "alpha": st.sampled_from([1e-6, 1e-2]),
    "alphas": st.just("1e-6, 1e-2"),
    "l1_ratios": st.just("0"),
    "epochs": st.sampled_from([1, 3]),
}
SETTINGS["linear"] = {**packed, "losses": st.just("log_loss"), "loss": st.just("log_loss")}
SETTINGS["linear_regressor"] = {
    **packed,
    "losses": st.just("squared_error, quantile"),
    "loss": st.sampled_from(["squared_error", "quantile"]),
}
FEW_COLUMNS = ("qda",)
"""Algorithms that need more rows of each class than columns, and would else be refused most of the time."""
COUNTED = ("multinomial_nb", "bernoulli_nb", "complement_nb", "categorical_nb")
TARGETS = {
    **dict.fromkeys(("lda", "qda", "gaussian_nb", *COUNTED, "knn_classifier", "logistic", "isolation_forest", "linear"), "class"),
    "poisson": "count",
    "gamma": "positive",
    "tweedie": "positive",
    "pca": "none",
}
"""What an algorithm learns, where it is not a plain number."""


@dataclass(frozen=True)
class Example:
    """A question: what is drawn, and what a counterexample is kept as."""

    spec: Spec
    algorithm: str
    setting: tuple[tuple[str, Any], ...]
    splits: str
    scoring: str

    @property
    def values(self) -> dict[str, Any]:
        """The setting by name."""
        return dict(self.setting)


def scores_of(algorithm: str) -> tuple[str, ...]:
    """Return the scores that are asked of an algorithm."""
    if algorithm == "pca":
        return ("log_likelihood",)
    if algorithm == "isolation_forest":
        return OUTLIERS
    if TARGETS.get(algorithm) == "class":
        own = () if algorithm in ("knn_classifier", "logistic", "complement_nb", "linear") else ("log_likelihood",)
        return (*own, *CLASSES)
    return ROWS if algorithm in ("knn_regressor", "poisson", "gamma", "tweedie", "linear_regressor") else SQUARED


def examples(algorithm: str) -> st.SearchStrategy[Example]:
    """Return questions about an algorithm."""
    target = TARGETS.get(algorithm, "number")
    kinds = tables.counts if algorithm in COUNTED else tables.columns
    setting = st.fixed_dictionaries(SETTINGS[algorithm]).map(lambda s: tuple(sorted(s.items())))
    specs = tables.specs(target, kinds)
    if algorithm in FEW_COLUMNS:
        specs = specs.map(lambda s: replace(s, cols=s.cols[:5], rows=max(s.rows, 60)))
    if algorithm == "isolation_forest":
        specs = specs.map(lambda s: replace(s, weights="none"))  # by weights rows are drawn, in their order
    return st.builds(
        Example,
        specs,
        st.just(algorithm),
        setting,
        st.sampled_from(splits_of(target)),
        st.sampled_from(scores_of(algorithm)),
    )


def splits_of(target: str) -> tuple[str, ...]:
    """Return the splits that are asked of a target: those by class of a class only."""
    return SPLITS + tuple(name for name in DEALT if target == "class" or "stratified" not in name)


def splits(example: Example, table: Table) -> tuple[Any, list[tuple[np.ndarray, np.ndarray]]]:
    """Return the folds as ``hpo.tune`` takes them, and the rows of each split; no split of folds that it deals."""
    spec, n = example.spec, example.spec.rows
    if example.splits in DEALT:
        return {**DEALT[example.splits], "n_splits": spec.parts}, []
    if spec.source != "frame":
        edges = [i + 0.5 for i in range(spec.parts - 1)]
        pairs = [
            (np.flatnonzero(table.part <= i), np.flatnonzero(table.part == i + 1))
            for i in range(spec.parts - 1)
        ]
        return {"scheme": "time", "column": "part", "boundaries": edges}, pairs
    splitter = {
        "parts": PredefinedSplit(table.part),
        "kfold": KFold(spec.parts),
        "shuffle": ShuffleSplit(2, test_size=0.3, train_size=0.6, random_state=spec.seed % 100),
        "time": TimeSeriesSplit(2),
        "repeated": RepeatedKFold(n_splits=2, n_repeats=2, random_state=spec.seed % 100),
    }[example.splits]
    return splitter, list(splitter.split(np.zeros(n)))
