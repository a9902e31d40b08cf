"""Quasi-random points by index: a scrambled Sobol sequence that can be entered anywhere.

The points are those of ``scipy.stats.qmc.Sobol``, bit by bit. To import that package takes longer than a study of
small data, so points of up to as many columns as :data:`DIRECTIONS` has are made here.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]

BITS = 30

DIRECTIONS = (
    (3, 1), (7, 1, 3), (11, 1, 3, 1), (13, 1, 1, 1), (19, 1, 1, 3, 3), (25, 1, 3, 5, 13),
    (37, 1, 1, 5, 5, 17), (41, 1, 1, 5, 5, 5), (47, 1, 1, 7, 11, 19), (55, 1, 1, 5, 1, 1),
    (59, 1, 1, 1, 3, 11), (61, 1, 3, 5, 5, 31), (67, 1, 3, 3, 9, 7, 49), (91, 1, 1, 1, 15, 21, 21),
    (97, 1, 3, 1, 13, 27, 49), (103, 1, 1, 1, 15, 7, 5), (109, 1, 3, 1, 15, 13, 25),
    (115, 1, 1, 5, 5, 19, 61), (131, 1, 3, 7, 11, 23, 15, 103), (137, 1, 3, 7, 13, 13, 15, 69),
    (143, 1, 1, 3, 13, 7, 35, 63), (145, 1, 3, 5, 9, 1, 25, 53), (157, 1, 3, 1, 13, 9, 35, 107),
    (167, 1, 3, 1, 5, 27, 61, 31), (171, 1, 1, 5, 11, 19, 41, 61), (185, 1, 3, 5, 3, 3, 13, 69),
    (191, 1, 1, 7, 13, 1, 19, 1), (193, 1, 3, 7, 5, 13, 19, 59), (203, 1, 1, 3, 9, 25, 29, 41),
    (211, 1, 3, 5, 13, 23, 1, 55), (213, 1, 3, 7, 3, 13, 59, 17), (229, 1, 3, 1, 3, 5, 53, 69),
    (239, 1, 1, 5, 5, 23, 33, 13), (241, 1, 1, 7, 7, 1, 61, 123), (247, 1, 1, 7, 9, 13, 61, 49),
    (253, 1, 3, 3, 5, 3, 55, 33),
)  # fmt: skip
"""Of each column after the first: its primitive polynomial as bits, and its first direction numbers.

Source: Joe & Kuo 2008, "Constructing Sobol sequences with better two-dimensional projections".
"""


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
        if self._m > len(DIRECTIONS) + 1:
            rng = np.random.default_rng(self._seed)
            engine = import_module("scipy.stats").qmc.Sobol(self._m, scramble=True, seed=rng)
            points: NDArray[np.float64] = engine.random_base2(k)
            return points
        return scrambled(self._m, k, np.random.default_rng(self._seed).spawn(1)[0])


def scrambled(m: int, k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the first 2ᵏ points of a sequence in m columns, scrambled by a linear matrix and a digital shift.

    Source: Matousek 1998, "On the L2-discrepancy for anchored boxes".

    Examples
    --------
    >>> len(np.unique(np.floor(scrambled(1, 3, np.random.default_rng(0)) * 8)))
    8
    """
    shift = rng.integers(2, size=(m, BITS), dtype=np.uint32) @ (np.uint32(1) << np.arange(BITS, dtype=np.uint32))
    lower = np.tril(rng.integers(2, size=(m, BITS, BITS), dtype=np.uint32))
    lower[:, np.arange(BITS), np.arange(BITS)] = 1
    places = np.arange(BITS)[::-1]
    digits = _directions(m)[:, :, None] >> places & 1  # column, direction, digit from the highest
    turned = np.einsum("mpd,mjd->mjp", lower.astype(np.int64), digits) & 1
    numbers = (turned << places).sum(axis=2).astype(np.uint32)
    made = np.empty((2**k, m), np.uint32)
    made[0] = shift
    for j in range(k):  # Gray code: the points after 2ʲ are those before it, the last first, and one direction
        made[2**j : 2 ** (j + 1)] = made[: 2**j][::-1] ^ numbers[:, j]
    return made * 2.0**-BITS


def _directions(m: int) -> NDArray[np.int64]:
    """Return the direction numbers of m columns, shape (m, BITS)."""
    made = np.ones((m, BITS), np.int64)
    for row, (polynomial, *first) in zip(made[1:], DIRECTIONS, strict=False):
        degree = len(first)
        row[:degree] = first
        for j in range(degree, BITS):
            number = int(row[j - degree])
            for i in range(degree):
                if polynomial >> (degree - 1 - i) & 1:
                    number ^= int(row[j - i - 1]) << (i + 1)
            row[j] = number
    return made << np.arange(BITS)[::-1]
