"""Options of scikit-learn, Optuna and others, and what they are called here."""

from __future__ import annotations

import re

PARAMETERS = {
    "cv": "folds=5, or folds=KFold(5) for data in memory",
    "n_splits": "folds=5",
    "n_trials": "trials=200",
    "n_iter": "trials=200",
    "max_evals": "trials=200",
    "param_grid": "search={'ALGORITHM.alpha': [0.1, 1.0]}, with its name before each key",
    "param_distributions": "search={'ALGORITHM.alpha': {'low': 1e-3, 'high': 1e3, 'log': True}}",
    "space": "search={'ALGORITHM.alpha': {'low': 1e-3, 'high': 1e3, 'log': True}}",
    "random_state": "seed=0",
    "metric": "scoring='r2'",
    "objective": "scoring='r2'",
    "eval_metric": "scoring='r2'",
    "study_name": "name='flights'",
    "estimator": "algorithm=…",
    "model": "algorithm=…",
    "algorithms": "algorithm=['A', 'B']",
    "sample_weight": "weight='w', a column, or an array beside data in memory",
    "weights": "weight='w', a column, or an array beside data in memory",
    "class_weight": "search={'ALGORITHM.class_weight': 'balanced'}, with its name before the dot",
    "groups": "folds={'scheme': 'group', 'column': 'customer'}",
    "label": "target='y'",
    "y": "target='y', a column; arrays are given together, hpo.tune((X, y))",
    "X": "data=X; arrays are given together, hpo.tune((X, y))",
    "verbose": "progress=True",
    "pruner": "fidelity='hyperband' or 'halving'",
    "show_progress_bar": "progress=True",
    "load_if_exists": "resume=True",
    "direction": "nothing: a higher score is better, as with scikit-learn's scorers",
    "columns": "features=[…]",
    "delimiter": "sep=…, the character between columns",
}
"""Parameters of scikit-learn, Optuna and others, and what to write instead."""

SCORES = {
    "rmse": "neg_root_mean_squared_error", "mse": "neg_mean_squared_error", "l2": "neg_mean_squared_error",
    "mae": "neg_mean_absolute_error", "l1": "neg_mean_absolute_error", "medae": "neg_median_absolute_error",
    "mape": "neg_mean_absolute_percentage_error", "rmsle": "neg_root_mean_squared_log_error",
    "msle": "neg_mean_squared_log_error", "auc": "roc_auc", "rocauc": "roc_auc", "roc": "roc_auc",
    "prauc": "average_precision", "aucpr": "average_precision", "aupr": "average_precision",
    "logloss": "neg_log_loss", "binarylogloss": "neg_log_loss", "multilogloss": "neg_log_loss",
    "crossentropy": "neg_log_loss", "nll": "neg_log_loss", "brier": "neg_brier_score", "acc": "accuracy",
    "mcc": "matthews_corrcoef",
}  # fmt: skip
"""What people call scores, in small letters and nothing else, and their scorers: greater is better."""


def our_score(name: str) -> str:
    """Return the scorer that is meant by what other libraries call a score; empty where none is.

    Examples
    --------
    >>> our_score("RMSE"), our_score("log_loss"), our_score("mean_squared_error"), our_score("r2")
    ('neg_root_mean_squared_error', 'neg_log_loss', '', '')
    """
    return SCORES.get(re.sub(r"[^a-z0-9]", "", name.lower()), "")


def our_key(name: str) -> str:
    """Return the key of a study file for what other libraries call otherwise; empty where it is none.

    Examples
    --------
    >>> our_key("cv"), our_key("n_trials"), our_key("trials")
    ('folds', 'trials', '')
    """
    found = re.match(r"(\w+)=", PARAMETERS.get(name, ""))
    return found[1] if found else ""
