"""Σgwℓ of a state's rows, as a function of the coefficients of a design: of every row, or as a sample corrects it.

Notation is that of :mod:`algorithms.summaries.curvature`; g are the weights of the classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from algorithms.contract import Array
from algorithms.families.corrected import About, InDesign, class_codes, corrected
from algorithms.families.design import Design
from algorithms.families.design_rows import Rows
from algorithms.families.quadratic import Quadratic, Weights
from algorithms.memo import MEMO
from algorithms.preparing.column_map import gaps_of
from algorithms.summaries.curvature_state import CurvatureState
from algorithms.summaries.importance import Drawn


class Objective(Protocol):
    """The smooth part of what a model minimises, but for its penalty, as a function of coefficients and intercepts.

    Intercepts are those of columns less ``middle``.
    """

    @property
    def middle(self) -> Array:
        """What is subtracted from a design's columns, shape (q,): far from zero they are nearly an intercept."""
        ...

    def at(self, coef: Array, intercept: Array) -> tuple[float, Array, Array]:
        """Return Σgwℓ and its gradients; ``coef`` has shape (e, q), ``intercept`` (e,)."""
        ...

    def hessian(self, coef: Array, intercept: Array) -> Array | None:
        """Return the Hessian in coefficients and intercepts, shape (e, q + 1, e, q + 1); None where not needed."""
        ...


def objective_of(about: About, state: CurvatureState, q: Quadratic, weights: Weights) -> Objective:
    """Return the objective of a state's rows: all of them where they are kept."""
    if state.complete:
        return of_every_row(about, state, q.design, weights)
    return InDesign(corrected(about, state, weights, q.k), q)


def of_every_row(about: About, state: CurvatureState, design: Design, weights: Weights) -> EveryRow:
    """Return the objective of a state that keeps all of its rows."""
    return EveryRow(about, _every_row(state, design, weights))


def _every_row(state: CurvatureState, design: Design, weights: Weights) -> Rows:
    """Return the rows that a state keeps, in a design's columns (kept for the state).

    Columns that are constant but for rounding error are set to zero, so that their coefficients are zero: rounding
    error would otherwise be multiplied by the values of new rows.
    """

    def make() -> Rows:
        found = state.drawn()
        x = (np.asarray(found.x @ design.columns.matrix) - design.mean) / design.scale
        middle = np.zeros(design.q)
        if design.preprocess.center:
            middle = np.where(np.diagonal(design.gram) > 0.0, design.offset, 0.0)
            x -= middle
            x[:, np.diagonal(design.gram) == 0.0] = 0.0
            if design.preprocess.impute != "zero":
                _place_gaps(x, found, design)
        return Rows(x, found.y, found.weight * np.array(weights)[class_codes(state, found.y)], middle)

    return MEMO.get(state, ("rows", design, weights), make)


def _place_gaps(x: Array, found: Drawn, design: Design) -> None:
    """Put the gaps of centred columns at zero, the place of their fill, and centre the other values on it.

    A fill is a float: of values far from zero beside their spread it is off by many roundings of that spread, and
    so would the slope be, which other rows may multiply by much.
    """
    for k, indicator in zip(*design.columns.gapped(gaps_of(design.shape.columns)), strict=True):
        there = (found.x[:, indicator] == 0.0) & (found.weight > 0.0)
        if x[:, k].any() and there.any() and not there.all():
            x[found.x[:, indicator] != 0.0, k] = 0.0
            x[there, k] -= np.average(x[there, k], weights=found.weight[there])


@dataclass(frozen=True, eq=False)
class EveryRow:
    """The losses of rows that are all at hand.

    Attributes
    ----------
    about : the losses of rows.
    rows : the rows.
    """

    about: About
    rows: Rows

    @property
    def middle(self) -> Array:
        """What is subtracted from the columns, shape (q,)."""
        return self.rows.middle

    def at(self, coef: Array, intercept: Array) -> tuple[float, Array, Array]:
        """Return Σgwℓ and its gradients."""
        rows = self.rows
        made = self.about(rows.x @ coef.T + intercept, rows.y)
        slope = made.slope * rows.w[:, None]
        return float(rows.w @ made.loss), slope.T @ rows.x, slope.sum(axis=0)

    def hessian(self, coef: Array, intercept: Array) -> Array:
        """Return the Hessian of the rows."""
        rows, e = self.rows, len(coef)
        x = np.column_stack([rows.x, np.ones(len(rows.x))])
        made = self.about(rows.x @ coef.T + intercept, rows.y).hessian(x, rows.w)
        return made.reshape(e, x.shape[1], e, x.shape[1])
