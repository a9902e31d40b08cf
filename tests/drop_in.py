"""Rows and grids that the tests of searches of scikit-learn's kind share."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes

X, Y = load_diabetes(return_X_y=True)
SCALED = X * np.logspace(-3, 5, X.shape[1]) + np.linspace(0.0, 1e6, X.shape[1])
CLASSES = np.array(["low", "middle", "high"])[np.digitize(Y, [100.0, 180.0])]
ALPHAS = {"alpha": [0.01, 0.1, 1.0, 100.0]}
EXACT = {"tol": 1e-13, "max_iter": 200_000}

rng = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": np.where(rng.random(442) < 0.1, np.nan, SCALED[:, 0]), "bmi": SCALED[:, 2],
        "town": rng.choice(["Bern", "Oslo", "Riga", None], 442, p=[0.5, 0.3, 0.18, 0.02]),
        "sex": rng.choice(["f", "m"], 442),
    }
)  # fmt: skip
TEXTS = [" ".join(rng.choice(["tea", "ship", "rain", "corn", "gold", "oil"], 8, p=p / p.sum()))
         for p in 1.0 + 3.0 * rng.random((300, 6))]  # fmt: skip
TOPICS = np.array(["oil" in text.split() for text in TEXTS]).astype(int) + rng.integers(0, 2, 300)


def outcome(search, rows, target):
    """Return what a search says: its scores, or its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            search.fit(rows, target)
        except (ValueError, IndexError) as error:
            return str(error).strip().splitlines()[0]
    return search.cv_results_
