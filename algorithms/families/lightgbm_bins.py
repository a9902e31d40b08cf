"""Bins of LightGBM, made once for all fits to the rows of a state.

Its estimators make a ``Dataset`` of their rows in ``fit``, by that name of their module. While one of them is
fitted here the name is that of a function, which gives the data set of an earlier fit to the same rows, if nothing
that decides it differs; in every other case, and to every other thread, it gives what LightGBM would.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from algorithms.arrays import Floats
from algorithms.contract import State
from algorithms.lazily import Library
from algorithms.memo import MEMO

if TYPE_CHECKING:
    from lightgbm import Dataset

lightgbm = Library("lightgbm")

FREE = frozenset({
    "learning_rate", "num_leaves", "max_depth", "min_split_gain", "min_child_weight", "reg_alpha", "reg_lambda",
    "subsample", "subsample_freq", "colsample_bytree", "num_threads", "verbose", "boosting_type",
})  # fmt: skip
"""Parameters that decide nothing of a data set."""

BINNING = frozenset({
    "subsample_for_bin", "random_state", "max_bin", "min_data_in_bin", "objective", "metric", "num_class",
})  # fmt: skip
"""Those that may, beside ``min_child_samples`` and whatever else is given by name."""

SAMPLES, FILTER = "min_child_samples", "feature_pre_filter"
"""LightGBM leaves columns out that cannot be split into leaves of so many rows, unless it is asked not to."""


@dataclass(frozen=True, eq=False)
class Binned:
    """Rows in bins, with their target and weights.

    Attributes
    ----------
    dataset : as LightGBM made it, without the rows.
    nbytes : about what it holds.
    """

    dataset: Dataset
    nbytes: int


@dataclass
class Name:
    """The name ``Dataset`` of LightGBM's module, which is another's while fits of any thread are at work.

    Attributes
    ----------
    holders : fits at work.
    own : what the name was before.
    lock : for both.
    here : of each thread, the rows that are fitted and their state.
    """

    holders: int = 0
    own: Callable[..., Dataset] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    here: threading.local = field(default_factory=threading.local)

    @contextmanager
    def taken(self, state: State, X: Floats) -> Iterator[None]:
        """Share data sets of these rows among the fits of this thread."""
        module = lightgbm.sklearn
        with self.lock:
            if not self.holders:
                self.own, module.Dataset = module.Dataset, self.made
            self.holders += 1
        before, self.here.rows = getattr(self.here, "rows", None), (state, X)
        try:
            yield
        finally:
            self.here.rows = before
            with self.lock:
                self.holders -= 1
                if not self.holders:
                    module.Dataset, self.own = self.own, None

    def made(self, data: Floats, **given: object) -> Dataset:
        """Return the data set of a fit."""
        make, rows = self.own or lightgbm.Dataset, getattr(self.here, "rows", None)
        beside = any(given.get(name) is not None for name in ("group", "init_score"))
        if rows is None or data is not rows[1] or beside:
            return make(data, **given)
        params = cast("dict[str, object]", given["params"])
        key = key_of(params, given.get("weight"), given.get("categorical_feature"), len(data))

        def binned() -> Binned:
            return Binned(make(data, **given).construct(), data.size * 2 + 16 * len(data))

        return MEMO.get(rows[0], key, binned).dataset


def key_of(
    params: MutableMapping[str, object], weight: object, categories: object, rows: int
) -> tuple[object, ...]:
    """Return what decides a data set beside its rows and target, and keep its columns for leaves of any size.

    The size of leaves decides, too, where a column that is left out changes a model: where columns are drawn, and
    where rows of a leaf are not counted but estimated (from weights, or second derivatives that differ from row to
    row), so that the column could be split after all; and where a sample of the rows decides.

    Examples
    --------
    >>> given = {"objective": "regression", "colsample_bytree": 1.0, "subsample_for_bin": 99, SAMPLES: 5}
    >>> key_of({**given}, None, "auto", 50) == key_of({**given, "min_child_samples": 50}, None, "auto", 50)
    True
    >>> given["objective"] = "binary"
    >>> key_of({**given}, None, "auto", 50) == key_of({**given, "min_child_samples": 50}, None, "auto", 50)
    False
    """
    decides = {name: repr(value) for name, value in params.items() if name not in FREE}
    whole = rows <= cast("int", params["subsample_for_bin"])
    counted = params.get("objective") == "regression" and weight is None and whole
    if counted and params.get("colsample_bytree") == 1.0 and params.keys() <= FREE | BINNING | {SAMPLES}:
        params[FILTER] = False
        decides.pop(SAMPLES, None)
    found = None if weight is None else hashlib.sha256(np.asarray(weight, np.float64).tobytes()).digest()
    return ("data set", tuple(sorted(decides.items())), found, repr(categories))


NAME = Name()
"""The one of this process."""
