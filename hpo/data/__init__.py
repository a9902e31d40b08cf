"""Data as the pass sees it: a data set of segments, an encoder, and a plan of folds.

Names are loaded when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Dataset": "dataset",
    "Encoded": "encoding.encoder",
    "Encoder": "encoding.transformer",
    "ExplicitFolds": "folds.splitters",
    "Field": "schema",
    "FoldPlan": "cells",
    "FoldScheme": "folds.schemes",
    "GroupFolds": "folds.groups",
    "HashFolds": "folds.schemes",
    "ReadLog": "segment",
    "Schema": "schema",
    "Segment": "segment",
    "Split": "cells",
    "StratifiedFolds": "folds.schemes",
    "StratifiedGroupFolds": "folds.groups",
    "TimeFolds": "folds.times",
    "Workspace": "encoding.gather",
    "cell_order": "cells",
    "make_folds": "folds.splitters",
    "open_dataset": "opening",
}

__all__ = [
    "Dataset",
    "Encoded",
    "Encoder",
    "ExplicitFolds",
    "Field",
    "FoldPlan",
    "FoldScheme",
    "GroupFolds",
    "HashFolds",
    "ReadLog",
    "Schema",
    "Segment",
    "Split",
    "StratifiedFolds",
    "StratifiedGroupFolds",
    "TimeFolds",
    "Workspace",
    "cell_order",
    "make_folds",
    "open_dataset",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
