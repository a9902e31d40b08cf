"""What people use today, each as its own documentation shows it; data in memory, one process."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.workshop import TARGET, Matrix
from studies.quiet import quiet

ALPHAS = (1.0, 0.1, 0.01)
L1_RATIOS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
PATH = 20
ELASTIC_NET_CV = len(L1_RATIOS) * PATH
OPTUNA_TRIALS = 5


def fit_once(path: Path) -> Any:
    """Read a file with pandas and fit one ``Ridge``."""
    import pandas as pd
    from sklearn.linear_model import Ridge

    frame = pd.read_parquet(path)
    return Ridge().fit(frame.drop(columns=TARGET), frame[TARGET])


def grid_search(model: Any, X: Matrix, y: Matrix) -> int:
    """Search a few penalties with five folds; return how many candidates there were."""
    from sklearn.model_selection import GridSearchCV

    with unconverged():
        GridSearchCV(model, {"alpha": list(ALPHAS)}, cv=5, refit=False, n_jobs=1).fit(X, y)
    return len(ALPHAS)


def elastic_net_cv(X: Matrix, y: Matrix) -> Any:
    """Search 200 settings of the elastic net along its paths with five folds."""
    from sklearn.linear_model import ElasticNetCV

    with unconverged():
        return ElasticNetCV(l1_ratio=list(L1_RATIOS), alphas=PATH, cv=5, n_jobs=1).fit(X, y)


def optuna_search(X: Matrix, y: Matrix, trials: int) -> Any:
    """Let Optuna search both models in a pipeline, each trial scored by ``cross_val_score``."""
    import optuna
    from sklearn.model_selection import cross_val_score

    def objective(trial: optuna.Trial) -> float:
        return float(cross_val_score(_pipeline(trial), X, y, cv=5).mean())

    with unconverged(), quiet():
        found = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
        found.optimize(objective, n_trials=trials)
    return found


@contextmanager
def unconverged() -> Iterator[None]:
    """Let solvers stop early without a word."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _pipeline(trial: Any) -> Any:
    from sklearn.linear_model import ElasticNet, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaled = trial.suggest_categorical("standardize", [True, False])
    if trial.suggest_categorical("algorithm", ["ridge", "elastic_net"]) == "ridge":
        model = Ridge(alpha=trial.suggest_float("ridge.alpha", 1e-4, 1e6, log=True))
    else:
        alpha = trial.suggest_float("elastic_net.alpha", 1e-4, 10.0, log=True)
        model = ElasticNet(alpha=alpha, l1_ratio=trial.suggest_float("l1_ratio", 0.0, 1.0))
    return make_pipeline(StandardScaler(), model) if scaled else model
