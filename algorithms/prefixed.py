"""Algorithms one fit of which answers every smaller value of a hyperparameter: the first trees of an ensemble."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic

from typing_extensions import TypeVar

from algorithms.held import S

M = TypeVar("M", default=Any)


class Prefixed(ABC, Generic[S, M]):
    """An algorithm whose model holds those of every smaller value of one hyperparameter, its prefix axis.

    What :meth:`smaller` returns must be the model that ``solve`` makes with that value.
    """

    @property
    def prefixed(self) -> Prefixed | None:
        """The algorithm itself."""
        return self

    @property
    @abstractmethod
    def axis(self) -> str:
        """The hyperparameter: a whole number of at least 1."""

    @abstractmethod
    def smaller(self, solution: M, value: int) -> M:
        """Return the model of a smaller value, in a model of a larger one; leaves the latter as it is."""
