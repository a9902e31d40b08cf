"""The directions along which an objective is curved, in coordinates of unit curvature.

A Hessian is decomposed after its rows and columns are divided by the roots of its diagonal, so that coefficients of
columns in unlike units count alike; directions whose curvature is rounding are left out (van der Sluis 1969,
"Condition numbers and equilibration of matrices").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.arrays import Array, Mask, Places

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Curved:
    """H = U V diag(values) Vᵀ U along the directions that are curved, U the roots of its diagonal.

    Attributes
    ----------
    count : number of coordinates, n.
    places : shape (k,), the coordinates that are free and in which H is curved.
    unit : shape (k,), the roots of its diagonal there.
    values, vectors : shapes (r,) and (k, r), of the directions whose curvature is more than rounding.
    """

    count: int
    places: Places
    unit: Array
    values: Array
    vectors: Array

    def along(self, gradient: Array) -> Array:
        """Return Vᵀ U⁻¹g for a gradient g, shape (n,)."""
        return np.asarray(self.vectors.T @ (gradient[self.places] / self.unit))

    def back(self, step: Array) -> Array:
        """Return U⁻¹V of a step along the directions, shape (n,); zero in the other coordinates."""
        made = np.zeros(self.count)
        made[self.places] = (self.vectors @ step) / self.unit
        return made

    def largest(self, gradient: Array) -> Array:
        """Return |H⁺|g, shape (n,): as far as a gradient of parts of these sizes may move each coordinate."""
        inverse, made = np.abs((self.vectors / self.values) @ self.vectors.T), np.zeros(self.count)
        made[self.places] = (inverse @ (gradient[self.places] / self.unit)) / self.unit
        return made


def with_penalty(hessian: Array, ridge: float) -> Array:
    """Return the Hessian of losses and a penalty ½λ‖c‖², shape (e(q + 1), e(q + 1)); changes the one of the losses.

    Parameters
    ----------
    hessian : shape (e, q + 1, e, q + 1), in e times q coefficients and an intercept, which has no penalty.
    ridge : λ.
    """
    e, wide = hessian.shape[:2]
    rows, columns = np.arange(e)[:, None], np.arange(wide - 1)
    hessian[rows, columns, rows, columns] += ridge
    return hessian.reshape(e * wide, e * wide)


def curved(hessian: Array, free: Mask) -> Curved:
    """Return the directions in which a Hessian, shape (n, n), is curved, of the coordinates that are free.

    Examples
    --------
    >>> made = curved(np.diag([4.0, 0.0, 1e-8]), np.array([True, True, True]))
    >>> made.places.tolist(), made.back(made.along(np.ones(3)) / made.values).round(3).tolist()
    ([0, 2], [0.25, 0.0, 100000000.0])
    """
    places = np.flatnonzero(free & (np.diagonal(hessian) > 0.0))
    unit = np.sqrt(np.diagonal(hessian)[places])
    values, vectors = np.linalg.eigh(hessian[np.ix_(places, places)] / np.multiply.outer(unit, unit))
    kept = values > len(values) * EPS * values.max(initial=0.0)
    return Curved(len(hessian), places, unit, values[kept], vectors[:, kept])
