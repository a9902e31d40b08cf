"""Naive twin of the isolation forest: scikit-learn's own, fitted on the rows of the sample."""

from __future__ import annotations

from typing import Any

from sklearn.ensemble import IsolationForest

TWINS: dict[str, tuple[list[dict[str, Any]], Any]] = {
    "isolation_forest": (
        [{"n_estimators": n} for n in (20, 60)],
        lambda p: IsolationForest(random_state=0, **p),
    ),
}
"""Name → (hyperparameters to try, how scikit-learn spells them)."""
