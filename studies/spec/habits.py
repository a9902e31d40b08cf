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
    "delimiter": "sep=';'",
}
"""Parameters of scikit-learn, Optuna and others, and what to write instead."""


def our_key(name: str) -> str:
    """Return the key of a study file for what other libraries call otherwise; empty where it is none.

    Examples
    --------
    >>> our_key("cv"), our_key("n_trials"), our_key("trials")
    ('folds', 'trials', '')
    """
    found = re.match(r"(\w+)=", PARAMETERS.get(name, ""))
    return found[1] if found else ""
