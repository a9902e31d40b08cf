"""What chains of networks are checked for before and after an epoch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from algorithms.arrays import Values
from algorithms.chained import Chain
from algorithms.errors import FitFailed


def check_numbers(chain: Chain, whose: str, learning_rate: float) -> None:
    """Refuse an epoch that ends with what is not a number.

    Raises
    ------
    FitFailed
        Names the epoch, and the learning rate that was too large.
    """
    if not all(np.isfinite(array).all() for array in (*chain.parameters.values(), chain.losses)):
        raise FitFailed(
            f"{whose}: the loss is not a number in epoch {chain.epoch}; try a smaller learning_rate than "
            f"{learning_rate:g}"
        )


def check_any(n: int, whose: str) -> None:
    """Refuse to continue with no row: of new ones none can be trained on.

    Raises
    ------
    FitFailed
        Says what to type.
    """
    if not n:
        raise FitFailed(f"{whose}: no new row can be trained on; raise replay, or leave it out to train on all")


def check_shapes(chain: Chain, expected: Mapping[str, Values], whose: str) -> None:
    """Refuse a chain of another architecture.

    Raises
    ------
    FitFailed
        Names the first array that is absent or of another shape.
    """
    for name, array in expected.items():
        found = chain.parameters.get(name)
        if found is None or found.shape != array.shape:
            raise FitFailed(
                f"{whose}: {name!r} of the stored chain is {'absent' if found is None else found.shape} where "
                f"{array.shape} is expected"
            )
