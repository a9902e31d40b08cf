"""A table's rows as an example's model gets them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from differential.designs import Design, design, levels
from differential.settings import Example
from differential.tables import Table

PLAIN = {"standardize": False, "impute": "mean", "min_frequency": 0.0, "select": None}
"""What a model without preprocessing of its own gets."""


def features(t: Table, some: np.ndarray) -> pd.DataFrame:
    """Return rows without target and weight."""
    return t.frame[list(t.features)].iloc[some]


def designed(
    example: Example, t: Table, train: np.ndarray, others: list[pd.DataFrame], *, integers: bool = False
) -> Design:
    """Return the design of training rows and of others under an example's setting; categories alone as integers."""
    spec, frames = example.spec, [features(t, train), *others]
    if integers:
        return levels(frames, t.weight[train], [f"x{j}" for j, c in enumerate(spec.cols) if c.kind in ("text", "category")])
    dates = {f"x{j}" for j, col in enumerate(spec.cols) if col.kind == "date" and spec.source != "frame"}
    setting = {**PLAIN, **example.values, "dates": dates}
    return design(frames, t.weight[train], setting, t.frame["y"].to_numpy()[train])
