"""What scikit-learn's transformers make of raw rows, in extended precision.

``SimpleImputer``, ``OneHotEncoder(handle_unknown="infrequent_if_exist")``, ``StandardScaler`` and ``SelectKBest``,
fitted to weighted training rows: a weight of 2 is a row written twice. Columns are returned less their means, which are
beside them, so that an offset of 10⁹ spreads costs no digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from differential.extended import Long, Undefined

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Design:
    """Training rows and others in a model's columns.

    Attributes
    ----------
    rows : shape (n, q) each, training rows first; columns less their means over the training rows.
    mean, scale : shape (q,), of the training rows; scales are one where nothing is scaled.
    weight : shape (n,).
    """

    rows: tuple[Array, ...]
    mean: Array
    scale: Array
    weight: Array
    standardize: bool

    @property
    def train(self) -> Array:
        """The training rows as a model with an intercept sees them, but for a constant."""
        return self.rows[0] / self.scale

    def placed(self, i: int, *, centred: bool = True) -> Array:
        """Return rows as a model sees them; not centred is what a model without an intercept sees."""
        made = self.rows[i] / self.scale
        return made if centred or self.standardize else made + self.mean


@dataclass(frozen=True, eq=False)
class _Columns:
    """Columns of training rows and others, with exact means: training values less ``mean`` sum to zero."""

    rows: list[Array]
    mean: float


def design(
    frames: list[pd.DataFrame], weight: Array, setting: dict, y: Array | None = None, *, centred: bool = True
) -> Design:
    """Return the design of training rows, the first of ``frames``, and of others.

    Parameters
    ----------
    frames : features alone.
    weight : of the training rows.
    setting : ``standardize``, ``impute``, ``min_frequency`` and ``select``; ``dates`` are columns without hours.
    y : the target, which ``select`` asks.
    centred : whether numbers are less their means; without ``select``, they may be as they are.
    """
    made: list[_Columns] = []
    for name in frames[0].columns:
        made += _encoded([f[name] for f in frames], weight.astype(Long), {**setting, "centred": centred})
    rows = [
        np.column_stack([c.rows[i] for c in made]) if made else np.zeros((len(f), 0), Long)
        for i, f in enumerate(frames)
    ]
    mean = np.array([c.mean for c in made], Long)
    if setting.get("select") is not None:
        pick = _best(rows[0], weight, y, setting["select"])
        rows, mean = [r[:, pick] for r in rows], mean[pick]
    scale = np.ones(len(mean), Long)
    if setting["standardize"]:
        away = Long(0) if centred else (weight @ rows[0]) / weight.sum()
        scale = _deviations(rows[0] - away, mean + away, weight)
    return Design(tuple(rows), mean, scale, weight, setting["standardize"])


def _encoded(columns: list[pd.Series], w: Array, setting: dict) -> Iterator[_Columns]:
    first = columns[0]
    if pd.api.types.is_datetime64_any_dtype(first):
        yield from _number(columns, w, setting["impute"], setting["centred"])
        for part in ("month", "weekday", *(() if first.name in setting["dates"] else ("hour",))):
            yield from _levels(
                [getattr(c.dt, part) for c in columns], w, setting["min_frequency"], missing=False
            )
    elif pd.api.types.is_bool_dtype(first) or pd.api.types.is_numeric_dtype(first):
        yield from _number(columns, w, setting["impute"], setting["centred"])
    else:
        yield from _levels([c.astype(object) for c in columns], w, setting["min_frequency"])


def exact(column: pd.Series) -> tuple[Array, Array]:
    """Return a column's numbers (0 where missing), days of a date, and where it is missing."""
    gone = column.isna().to_numpy(bool)
    if pd.api.types.is_datetime64_any_dtype(column):
        ticks = column.to_numpy("datetime64[us]").astype(np.int64)
        return np.where(gone, 0, ticks).astype(Long) / Long(86_400_000_000), gone
    if pd.api.types.is_bool_dtype(column) or column.dtype == "boolean":
        return column.astype("boolean").fillna(False).to_numpy(bool).astype(Long), gone
    return column.to_numpy(np.float64, na_value=np.nan if gone.any() else 0.0).astype(Long), gone


def _number(columns: list[pd.Series], w: Array, impute: str, centred: bool) -> Iterator[_Columns]:
    found = [exact(c) for c in columns]
    values, gone = found[0]
    known = w[~gone].sum()
    if known == 0:  # SimpleImputer drops what no training row has
        made = []
    else:
        about = values[~gone][0] if centred else Long(0)
        from_it = (w[~gone] @ (values[~gone] - about)) / known
        # a mean far from zero is rounded by more than rows near it may be: these are never less the whole of it
        fill = -about - from_it if impute == "zero" else Long(0)
        made = [np.where(g, fill, (v - about) - from_it) for v, g in found]
        shift = (w @ made[0]) / w.sum()
        if centred:
            yield _Columns([m - shift for m in made], about + from_it + shift)
        else:
            fill = Long(0) if impute == "zero" else from_it
            yield _Columns([np.where(g, fill, v) for v, g in found], Long(0))
    if impute == "indicator" and (w[gone] > 0).any():
        share = w[gone].sum() / w.sum()
        yield _Columns([g.astype(Long) - share for _, g in found], share)


def _levels(columns: list[pd.Series], w: Array, least: float, *, missing: bool = True) -> Iterator[_Columns]:
    """Yield a column for each level of the training rows, those that are rare as one; a missing value is a level."""
    codes = [_codes(c) for c in columns]
    total = float(w.sum())
    known = sorted(
        {c for c, v in zip(codes[0], w, strict=True) if v > 0 and (missing or c is not None)},
        key=lambda c: (c is None, c if isinstance(c, (int, float)) else 0, str(c)),
    )
    weight = {c: float(w[[x == c for x in codes[0]]].sum()) for c in known}
    rare = {c for c in known if weight[c] < least * total}
    for level in known:
        if level not in rare:
            yield _indicator(codes, w, lambda c, level=level: c == level)
    if rare:
        frequent = set(known) - rare
        yield _indicator(codes, w, lambda c: c not in frequent and (missing or c is not None))


def _codes(column: pd.Series) -> list:
    return [None if pd.isna(x) else x for x in column.tolist()]


def _indicator(codes: list[list], w: Array, is_it) -> _Columns:
    made = [np.array([is_it(c) for c in each], bool).astype(Long) for each in codes]
    mean = (w @ made[0]) / w.sum()
    return _Columns([m - mean for m in made], mean)


def _deviations(Z: Array, mean: Array, w: Array) -> Array:
    """Return standard deviations, one where StandardScaler takes a column for constant."""
    total, eps = Long(w.sum()), np.finfo(np.float64).eps
    variance = (w[:, None] * Z * Z).sum(axis=0) / total
    constant = variance <= total * eps * variance + (total * mean * eps) ** 2
    near = ~constant & (variance <= 4 * (total * mean * eps) ** 2)
    if near.any():
        raise Undefined("whether a column is constant")
    return np.where(constant, Long(1), np.sqrt(np.where(constant, Long(1), variance)))


def _best(Z: Array, w: Array, y: Array, k: int) -> Array:
    """Return the columns of SelectKBest(f_regression), the last of equals."""
    total = Long(w.sum())
    centred = y.astype(Long) - (w @ y.astype(Long)) / total
    strength = np.abs((w * centred) @ Z) / np.sqrt(
        np.maximum((w[:, None] * Z * Z).sum(axis=0), np.finfo(Long).tiny)
    )
    strength = np.where((Z != 0).any(axis=0), strength, -1)
    order = np.argsort(strength, kind="stable")
    if k < len(order):
        last = order[-k]
        rounded = 64 * np.finfo(np.float64).eps * np.sqrt((w * centred) @ centred)  # of a column without correlation
        tied = np.flatnonzero(np.abs(strength - strength[last]) <= 1e-9 * np.abs(strength[last]) + rounded)
        decided = order[-k - 1] not in tied or strength[last] < 0 or rounded == 0
        if not decided and not all(np.array_equal(Z[:, last], Z[:, j]) for j in tied):
            raise Undefined("which of two columns is selected")
    return np.sort(order[-k:])
