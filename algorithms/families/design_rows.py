"""Rows in the columns of a design."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algorithms.contract import Array

Places = np.ndarray[tuple[int], np.dtype[np.intp]]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows in the columns of a design.

    Attributes
    ----------
    x : shape (n, q).
    y : shape (n,), targets, or places of classes.
    w : shape (n,), weights, those of classes included.
    middle : shape (q,), what was subtracted from the columns.
    """

    x: Array
    y: Array
    w: Array
    middle: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.x.nbytes + self.y.nbytes + self.w.nbytes
