"""A table's rows as an example's model gets them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from differential.designs import Design, design
from differential.extended import Long
from differential.settings import Example
from differential.tables import CATEGORIES, Table

PLAIN = {"standardize": False, "impute": "mean", "min_frequency": 0.0, "select": None}
"""What a model without preprocessing of its own gets."""


def features(t: Table, some: np.ndarray) -> pd.DataFrame:
    """Return rows without target and weight."""
    return t.frame[list(t.features)].iloc[some]


def designed(
    example: Example, t: Table, train: np.ndarray, others: list[pd.DataFrame], *, centred: bool = True
) -> Design:
    """Return the design of training rows and of others under an example's setting."""
    spec = example.spec
    dates = {f"x{j}" for j, col in enumerate(spec.cols) if col.kind == "date" and spec.source != "frame"}
    setting = {**PLAIN, **example.values, "dates": dates}
    y = t.y[train] if setting["select"] is not None else None
    return design([features(t, train), *others], t.weight[train], setting, y, centred=centred)


def categorical(example: Example) -> list[str]:
    """Return the columns that are categories."""
    return [f"x{j}" for j, col in enumerate(example.spec.cols) if col.kind in CATEGORIES]


def known(t: Table, example: Example) -> list[list[str]]:
    """Return the levels of each category in all rows that count."""
    some = t.frame[t.weight > 0]
    return [sorted({c for c in some[n] if isinstance(c, str)}) for n in categorical(example)]


def categories(t: Table, example: Example, train: np.ndarray, others: list[pd.DataFrame]) -> Design:
    """Return categories as whole numbers: levels in the order of their names, another one, missing."""
    columns = list(zip(categorical(example), known(t, example), strict=True))
    made = [
        np.column_stack([[_place(c, levels) for c in frame[name]] for name, levels in columns]).astype(Long)
        for frame in (features(t, train), *others)
    ]
    q = len(columns)
    return Design(tuple(made), np.zeros(q, Long), np.ones(q, Long), t.weight[train], False)


def _place(value: object, levels: list[str]) -> int:
    if not isinstance(value, str):
        return len(levels) + 1
    return levels.index(value) if value in levels else len(levels)
