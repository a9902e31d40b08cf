"""What draws itself with matplotlib, as scikit-learn's displays do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Drawn(ABC):
    """What has a chart of its own."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw it by matplotlib, and return the axes.

        Parameters
        ----------
        ax : to draw on; None for new ones.

        Raises
        ------
        ImportError
            matplotlib is not installed.
        """
        made = axes_of(ax)
        self._draw(made)
        return made

    @abstractmethod
    def _draw(self, ax: Axes) -> None:
        """Draw it on axes."""


def axes_of(ax: Axes | None) -> Axes:
    """Return the axes that are given, or new ones.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        pyplot = import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError("plot() draws with matplotlib, which is not installed; pip install matplotlib") from error
    made: Axes = pyplot.subplots(layout="constrained")[1]
    return made
