"""Optuna's log without the lines that belong to our own bookkeeping."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back Optuna's messages below a warning, such as "A new study created in memory".

    Examples
    --------
    >>> with quiet():
    ...     logging.getLogger("optuna").isEnabledFor(logging.INFO)
    False
    """
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(level)
