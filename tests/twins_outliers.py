"""Naive twin of the isolation forest: scikit-learn's own, fitted to the rows themselves."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import IsolationForest

TWINS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "isolation_forest": (
        [
            {},
            {"n_estimators": 30, "max_samples": 64, "max_features": 0.5, "contamination": 0.1},
            {"n_estimators": 25, "bootstrap": True, "contamination": 0.4, "random_state": 7},
        ],
        lambda p: IsolationForest(**{"random_state": 0, **p}),
    ),
}
"""Name → (hyperparameters to try, how scikit-learn spells them)."""
