"""Generalized linear models of states that are the rows: the optimum on every one of them, no Hessian made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Mask
from algorithms.contract import Array, Shape
from algorithms.families.design import deviations, most_correlated
from algorithms.families.quadratic import Weights
from algorithms.lazily import scipy
from algorithms.memo import MEMO
from algorithms.preparing.column_map import CANCELLED, ColumnMap
from algorithms.preparing.column_maps import column_map
from algorithms.preparing.preprocess import Preprocess
from algorithms.solvers.expansion import Expansion
from algorithms.solvers.placed_rows import PlacedRows
from algorithms.solvers.truncated_newton import Found, Loss

if TYPE_CHECKING:
    from algorithms.summaries.curvature_state import CurvatureState

About = Callable[[Array, Array], Expansion]


@dataclass(frozen=True, eq=False)
class RowDesign:
    """The columns of a model, and the rows in them.

    Attributes
    ----------
    columns : T after selection.
    shape : the encoded columns.
    mean, scale : shape (q,), what is subtracted from a column of the state and what it is divided by.
    variance : shape (q,), of the columns of T.
    rows : how many there are.
    preprocess : what made it.
    placed : the rows, about their means where there is an intercept.
    constant : shape (q,), which columns have one value: their coefficients are zero.
    """

    columns: ColumnMap
    shape: Shape
    mean: Array
    scale: Array
    variance: Array
    rows: int
    preprocess: Preprocess
    placed: PlacedRows
    constant: Mask

    @property
    def q(self) -> int:
        """Number of columns."""
        return len(self.scale)

    @property
    def nbytes(self) -> int:
        """Bytes held beside the state's own."""
        return self.placed.nbytes + self.columns.nbytes

    @property
    def middle(self) -> Array:
        """What the rows are about beyond what the model's columns are, shape (q,)."""
        return np.asarray((self.placed.shift - self.mean) / self.scale)

    def at_origin(self) -> RowDesign:
        """Return the design in the columns of a pipeline, which have their origins."""
        if self.preprocess.standardize or not self.preprocess.center or not self.columns.origin.any():
            return self
        return dataclasses.replace(self)


def row_design(state: CurvatureState, how: Preprocess) -> RowDesign:
    """Return the rows of a state under a preprocessing (kept for the state)."""
    return MEMO.get(state, how, lambda: _row_design(state, how))


def _row_design(state: CurvatureState, how: Preprocess) -> RowDesign:
    sums, d = state.row_moments, state.shape.d
    columns = column_map(sums, how.impute, how.min_frequency)
    weight, variances = max(sums.weight, 1e-300), sums.squares[:d] / max(sums.weight, 1e-300)
    if how.select is not None and how.select < len(columns.names):
        spread = columns.spread(sums.mean[:d], variances)
        columns = columns.take(most_correlated(weight * spread, _association(state, columns), how.select))
    mean, variance = columns.mean(sums.mean[:d]), columns.spread(sums.mean[:d], variances)
    scale = deviations(variance, mean, weight) if how.standardize else np.ones(len(mean))
    shift = mean if how.standardize else np.zeros(len(mean)) if how.center else -columns.origin
    constant = (variance <= CANCELLED * columns.parts(variances) ** 2) & (how.standardize or how.center)
    stored = state.whole.columns
    to = scipy.sparse.csr_array(columns.matrix[stored] * ~constant)
    about = np.where(constant, 0.0, mean if how.center else shift)
    placed = PlacedRows(state.whole.matrix, to, about, scale)
    return RowDesign(columns, state.shape, shift, scale, variance, state.rows, how, placed, constant)


def _association(state: CurvatureState, columns: ColumnMap) -> Array:
    """Return how the mapped columns go with the target, shape (q,), as :class:`MomentsState` has it.

    Of more than two classes, the root of the scatter between them.
    """
    whole, sums, d = state.whole, state.row_moments, state.shape.d
    y, w, stored = whole.target, whole.weight, whole.columns
    to = scipy.sparse.csr_array(columns.matrix[stored])
    placed = PlacedRows(whole.matrix, to, columns.mean(sums.mean[:d]), np.ones(len(columns.names)))
    if len(state.counts) < 3:
        return np.asarray(np.abs(placed.backward((w * (y - sums.mean[d]))[:, None])[0][0]))
    of_class = w[:, None] * (y[:, None] == np.arange(len(state.counts)))
    total = placed.backward(of_class)[0]
    there = state.counts > 0.0
    return np.asarray(np.sqrt(np.sum(total[there] ** 2 / state.counts[there, None], axis=0)))


def least(
    about: About, state: CurvatureState, design: RowDesign, weights: Weights, ridge: float, begin: Array
) -> tuple[Found, Array]:
    """Return the optimum on the rows, and its intercepts in the columns of the model.

    Parameters
    ----------
    about : the losses of rows.
    state : its rows.
    design : their columns.
    weights : what classes weigh.
    ridge : λ.
    begin : intercepts of a model without columns.
    """
    rows, centred = state.whole, design.preprocess.center
    codes = rows.target.astype(np.intp) if state.shape.classes else np.zeros(len(rows), np.intp)
    w = rows.weight * np.array(weights)[codes]
    if not state.complete:  # a sample of the rows, which stand for all
        w = w * (float(state.weight) / max(float(rows.weight.sum()), 1e-300))
    begin = begin if centred else np.zeros_like(begin)
    loss = Loss(about, design.placed, rows.target, w, ridge, centred)
    found = loss.least(np.zeros((len(begin), design.q)), begin)
    coef = np.where(design.constant, 0.0, found.coef)
    return dataclasses.replace(found, coef=coef), found.intercept - coef @ design.middle * centred

