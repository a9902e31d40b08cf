"""Coefficients of hashed columns while they are trained: only the buckets of a mini-batch are touched."""

from __future__ import annotations

import numpy as np

from algorithms.arrays import Places
from algorithms.contract import Array
from algorithms.lazily import scipy
from algorithms.solvers.steps import Stepper
from algorithms.summaries.pack import PackedState

SOME = 16_384
"""Buckets that are settled at a time."""


class Buckets:
    """Copies of a state's buckets that are changed in place.

    A penalty shrinks every coefficient at every step. Buckets that no row of a mini-batch fell into are left
    alone, and catch up with the steps that have passed when they are next seen, or settled.

    Parameters
    ----------
    state : where to start; left alone.
    stepper : how a gradient becomes a step.
    """

    def __init__(self, state: PackedState, stepper: Stepper) -> None:
        self.theta, self.slots = state.buckets.copy(), state.bucket_slots.copy()
        self.visits, self.stepper = state.visits.copy(), stepper
        self.touched = np.full(len(self.theta), state.steps)

    def eta(self, codes: Places, steps: int) -> Array:
        """Return what the buckets of rows (n, columns) add to their predictions after so many steps."""
        self._catch_up(np.unique(codes), steps)
        return np.asarray(self.theta[codes].sum(axis=1), np.float64)

    def step(self, codes: Places, slopes: Array, w: Array, steps: int) -> None:
        """Make the step of that number with the buckets that rows fell into."""
        seen, place = np.unique(codes, return_inverse=True)
        rows = np.repeat(np.arange(len(codes)), codes.shape[1])
        hits = scipy.sparse.csr_array(
            (np.ones(codes.size), (place.ravel(), rows)), shape=(len(seen), len(codes))
        )
        theta, slots = self.theta[seen], self.slots[:, seen]
        self.stepper.step(theta, slots, (hits @ slopes).astype(np.float32), steps)
        self.theta[seen], self.slots[:, seen] = theta, slots
        self.touched[seen] = steps
        self.visits[seen] += hits @ w

    def settle(self, steps: int) -> None:
        """Let every bucket catch up that a row has fallen into; the others are zero."""
        seen = np.flatnonzero(self.visits)
        for start in range(0, len(seen), SOME):
            self._catch_up(seen[start : start + SOME], steps)

    def _catch_up(self, places: Places, steps: int) -> None:
        """Do the penalties' part of the steps that these buckets were not part of."""
        passed = steps - self.touched[places]
        if not (passed.any() and (self.stepper.l1.any() or self.stepper.l2.any())):
            return
        theta = self.theta[places]
        self.stepper.shrink(theta, self.slots[:, places], max(1, steps), passed)
        self.theta[places] = theta
        self.touched[places] = steps
