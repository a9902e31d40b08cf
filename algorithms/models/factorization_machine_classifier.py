"""A factorization machine for classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from algorithms.arrays import Array
from algorithms.contract import Tags
from algorithms.families.factorization import FactorizationMachines, eta_of, penalty_of
from algorithms.lazily import jax
from algorithms.neural import training


@dataclass(frozen=True, kw_only=True)
class FactorizationMachineClassifier(FactorizationMachines):
    """A weight for each column and level, and factors whose products are those of pairs; log-loss.

    One equation of two classes, one a class of more. Needs the extra ``neural`` to be trained; predicts by NumPy.

    Examples
    --------
    >>> FactorizationMachineClassifier(rank=4).patience
    3
    """

    tags: ClassVar[Tags] = Tags(task="classification", hashes=True, costly=True, extra="neural")

    def loss(self) -> training.Loss:
        """Return the log-loss and the penalty."""
        return log_loss


def log_loss(parameters: training.Traced, rows: training.Traced, hyper: training.Traced) -> Array:
    """Return the loss of each row."""
    np_ = jax.numpy
    eta, code = eta_of(parameters, rows), rows["target"].astype(np.int32)
    if eta.shape[1] == 1:
        eta = np_.concatenate([np_.zeros_like(eta), eta], axis=1)
    right = np_.take_along_axis(eta, code[:, None], axis=1)[:, 0]
    found: Array = jax.nn.logsumexp(eta, axis=1) - right + penalty_of(parameters, rows, hyper)
    return found
