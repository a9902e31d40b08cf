"""Axes of matplotlib to draw on, as scikit-learn's displays take and return them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
