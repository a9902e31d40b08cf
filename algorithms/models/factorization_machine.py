"""A factorization machine for numbers: ratings by viewer and film, for example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from algorithms.arrays import Array
from algorithms.contract import Tags
from algorithms.families.factorization import FactorizationMachines, eta_of, penalty_of
from algorithms.neural import training


@dataclass(frozen=True, kw_only=True)
class FactorizationMachine(FactorizationMachines):
    """A weight for each column and level, and factors whose products are those of pairs; half the squared error.

    Needs the extra ``neural`` to be trained; it predicts by NumPy.

    Examples
    --------
    >>> FactorizationMachine(rank=4).epochs
    30
    """

    tags: ClassVar[Tags] = Tags(task="regression", hashes=True, costly=True, extra="neural")

    def loss(self) -> training.Loss:
        """Return half the squared error of the scaled target, and the penalty."""
        return squared


def squared(parameters: training.Traced, rows: training.Traced, hyper: training.Traced) -> Array:
    """Return the loss of each row."""
    error = eta_of(parameters, rows)[:, 0] - rows["target"]
    found: Array = 0.5 * error**2 + penalty_of(parameters, rows, hyper)
    return found
