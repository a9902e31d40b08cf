"""The quadratic that a generalized linear model minimises, mapped to a design's columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from algorithms.contract import Array
from algorithms.families.design import Design, design_of
from algorithms.preparing.preprocess import Preprocess
from algorithms.solvers.spectrum import Spectrum, decompose

if TYPE_CHECKING:
    from algorithms.summaries.curvature_state import CurvatureState

Weights = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Quadratic:
    """½uᵀQu - rᵀu in the coefficients u of a design's columns, its intercepts solved for.

    Attributes
    ----------
    design : the columns.
    k : the start that it expands the loss at.
    e : number of equations.
    to : shape (m, q + 1), from a design's coefficients and intercept to those of z.
    gram, xy : Q and r of the coefficients alone, shapes (eq, eq) and (eq,).
    back : shape (e, eq), and
    offset : shape (e,): the intercepts are offset - back · coefficients.
    inverse : shape (e, e), of the Hessian of the intercepts; zero without them.
    base, rise : shapes (eq,) and (e,): r and the offset of a loss whose minimum is the start.
    weight : Σw, class weights included.
    """

    design: Design
    k: int
    e: int
    to: Array
    gram: Array
    xy: Array
    back: Array
    offset: Array
    inverse: Array
    base: Array
    rise: Array
    weight: float

    @property
    def nbytes(self) -> int:
        """Bytes held, the eigenvectors to come included."""
        return 3 * self.gram.nbytes

    @cached_property
    def spectrum(self) -> Spectrum:
        """Eigenvalues and eigenvectors of Q."""
        return decompose(self.gram, self.xy)

    @cached_property
    def size(self) -> float:
        """What the quadratic gains at most, twice: rᵀQ⁺r; what coordinate descent's tolerance is relative to."""
        s = self.spectrum
        keep = s.values > s.floor
        return float(np.sum(s.projected[keep] ** 2 / s.values[keep]))

    @cached_property
    def beginning(self) -> tuple[Array, Array]:
        """Coefficients, shape (e, q), and intercepts, shape (e,), of the design that are nearest to the start."""
        s = self.spectrum
        keep = s.values > max(s.floor, 1e-9 * self.weight)
        v = s.vectors[:, keep]
        coef = v @ ((v.T @ self.base) / s.values[keep])
        return coef.reshape(self.e, -1), self.rise - self.back @ coef

    def in_z(self, coef: Array, intercept: Array) -> Array:
        """Return coefficients, shape (e, q), and intercepts, shape (e,), as those of z, shape (e, m)."""
        return np.column_stack([coef, intercept]) @ self.to.T


def quadratic_of(state: CurvatureState, how: Preprocess, weights: Weights, k: int) -> Quadratic:
    """Map the quadratic about start k to the design's columns and solve for the intercepts."""
    design = design_of(state.moments, how)
    if state.complete and design.coarse:
        design = design_of(state.finer_moments, how)
    known, (hessian, _), g = state.learned, state.curvature(k, weights), np.array(weights)
    along, d = state.along, state.shape.d
    theta = known["start"][k][:, along]
    (e, m), q = theta.shape, design.q
    whence = hessian @ theta.ravel()
    linear = whence - state.slope(k, g)
    matrix = design.columns.matrix
    to = np.zeros((d + 1, q + 1))
    to[:d, :q] = matrix.toarray() * known["scale"][:, None] / design.scale
    to[d, :q] = (np.asarray(matrix.T @ known["center"]) - design.mean) / design.scale
    to[d, q] = 1.0
    blocks, own = hessian.reshape(e, m, e, m), to[along]
    both = np.einsum("ambn,nk->ambk", blocks, own, optimize=True)
    both = np.einsum("ambk,mj->ajbk", both, own, optimize=True)
    rhs, start = linear.reshape(e, m) @ own, whence.reshape(e, m) @ own
    cc = both[:, :q, :, :q].reshape(e * q, e * q)
    cb, bb = both[:, :q, :, q].reshape(e * q, e), both[:, q, :, q]
    rc, rb, sc, sb = rhs[:, :q].ravel(), rhs[:, q], start[:, :q].ravel(), start[:, q]
    inverse = np.linalg.pinv(bb, hermitian=True) if how.center else np.zeros((e, e))
    back = inverse @ cb.T
    return Quadratic(
        design, k, e, to, _symmetric(cc - cb @ back), rc - cb @ (inverse @ rb), back, inverse @ rb, inverse,
        sc - cb @ (inverse @ sb), inverse @ sb, float(g @ state.counts),
    )  # fmt: skip


def _symmetric(a: Array) -> Array:
    return np.ascontiguousarray((a + a.T) / 2.0)
