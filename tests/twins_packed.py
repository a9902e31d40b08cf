"""Naive twins of packed linear models: scikit-learn's stochastic gradient descent, one row at a time in the same order."""

from __future__ import annotations

from typing import Any

from sklearn.linear_model import SGDClassifier, SGDRegressor

PLAIN = {"penalty": "l2", "learning_rate": "constant", "shuffle": False, "max_iter": 1, "tol": None}


def settings(losses: tuple[str, ...], rates: tuple[float, ...]) -> list[dict[str, Any]]:
    return [{"loss": loss, "alpha": a, "eta0": r} for loss in losses for a in (1e-3, 0.1) for r in rates]


TWINS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "linear": (
        settings(("hinge", "squared_hinge", "log_loss", "modified_huber"), (0.003, 0.01)),
        lambda p: SGDClassifier(**p, **PLAIN),
    ),
    "linear_regressor": (
        settings(("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"), (0.001, 0.003)),
        lambda p: SGDRegressor(**p, epsilon=0.3, **PLAIN),
    ),
}  # fmt: skip
"""Name → (hyperparameters to try, how scikit-learn spells them)."""
