"""Quasi-random points by index: a scrambled Sobol sequence that can be entered anywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc


class Quasi:
    """Points of a scrambled Sobol sequence in [0, 1)ᵐ, by index; the first 2ᵏ form a net for every k.

    Source: Sobol 1967; Owen, Scrambling Sobol' and Niederreiter-Xing points, 1998.

    Examples
    --------
    >>> points = Quasi(2, seed=0)
    >>> points[5].shape, bool((points[5] == Quasi(2, seed=0)[5]).all())
    ((2,), True)
    """

    def __init__(self, m: int, seed: int) -> None:
        self._m = m
        self._seed = seed
        self._points: NDArray[np.float64] = np.empty((0, m))

    def __getitem__(self, index: int) -> NDArray[np.float64]:
        if index >= len(self._points):
            self._points = self._first(max(6, int(index).bit_length()))
        point: NDArray[np.float64] = self._points[index]
        return point

    def _first(self, k: int) -> NDArray[np.float64]:
        if self._m == 0:
            return np.empty((2**k, 0))

        engine = qmc.Sobol(self._m, scramble=True, seed=np.random.default_rng(self._seed))
        points: NDArray[np.float64] = engine.random_base2(k)
        return points
