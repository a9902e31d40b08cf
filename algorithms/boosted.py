"""The boosted trees that a study of ``"auto+trees"`` tries beside the algorithms that are answered from states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from algorithms.extras import is_installed
from algorithms.tasks import CLASS, NUMBER


@dataclass(frozen=True)
class Boosted:
    """Boosted trees of a package.

    Attributes
    ----------
    package, named : that they are of, as it is imported and as people call it.
    classes : by the kind of the target, the estimator's class.
    search : what is searched, as a study file has it.
    """

    package: str
    named: str
    classes: Mapping[str, str]
    search: Mapping[str, object] = field(hash=False)


KINDS: Sequence[Boosted] = (
    Boosted(
        "lightgbm",
        "LightGBM",
        {NUMBER: "lightgbm.LGBMRegressor", CLASS: "lightgbm.LGBMClassifier"},
        {
            "n_estimators": {"low": 20, "high": 400}, "learning_rate": {"low": 0.02, "high": 0.3, "log": True},
            "num_leaves": {"low": 7, "high": 63, "log": True},
            "min_child_samples": {"low": 5, "high": 100, "log": True},
        },
    ),
    Boosted(
        "sklearn",
        "scikit-learn",
        {
            NUMBER: "sklearn.ensemble.HistGradientBoostingRegressor",
            CLASS: "sklearn.ensemble.HistGradientBoostingClassifier",
        },
        {
            "max_iter": {"low": 20, "high": 400}, "learning_rate": {"low": 0.02, "high": 0.3, "log": True},
            "max_leaf_nodes": {"low": 7, "high": 63, "log": True},
            "min_samples_leaf": {"low": 5, "high": 100, "log": True}, "early_stopping": False,
        },
    ),
)  # fmt: skip
"""The first that is installed is taken."""

NAME = "boosted"
"""What studies call them."""

ROWS = 20_000
"""That they are fitted to, at most."""

PER_TREE, PER_VALUE, FULL = 4.5e-4, 4.2e-9, 1000
"""Seconds of one core for a tree of 21 leaves, which so many rows or more fill, and for each value of the rows that
it is grown on: of both packages, 200 to 16,000 rows and 5 to 200 columns, within a factor of two.
"""


@dataclass(frozen=True)
class Trees:
    """The boosted trees of a study.

    Attributes
    ----------
    algorithm : as a study names it.
    package : that they are of, as people call it.
    search : what is searched, by its full name.
    """

    algorithm: str
    package: str
    search: Mapping[str, object] = field(hash=False)

    @property
    def most(self) -> int:
        """Return the most trees that are searched."""
        ranges = (self.search.get(f"{NAME}.{axis}") for axis in ("n_estimators", "max_iter"))
        return next(cast("int", one["high"]) for one in ranges if isinstance(one, Mapping))

    def seconds(self, rows: int | None, columns: int, folds: int) -> float:
        """Return a guess of what one core needs for a trial: a fit a fold of the most trees, and its scores.

        Of more than two classes each has as many trees. Categories and missing values may take more, or less.

        Parameters
        ----------
        rows : of the data; None where unknown.
        columns : of the data.
        folds : that models are fitted for.

        Examples
        --------
        >>> round(boosted(NUMBER).seconds(442, 10, 5), 1), round(boosted(NUMBER).seconds(1_000_000, 20, 5), 1)
        (0.3, 3.6)
        """
        trained = min(rows or ROWS, ROWS) * (folds - 1) / max(folds, 2)
        return folds * self.most * (PER_TREE * min(1.0, trained / FULL) + PER_VALUE * trained * columns)


def boosted(target: str | None) -> Trees | None:
    """Return the boosted trees for a kind of target; None where there are none.

    Examples
    --------
    >>> boosted(NUMBER).algorithm.startswith("boosted=sklearn:"), "boosted.learning_rate" in boosted(NUMBER).search
    (True, True)
    >>> boosted(None) is None
    True
    """
    for kind in KINDS:
        if target is not None and target in kind.classes and is_installed(kind.package):
            search = {f"{NAME}.{name}": values for name, values in kind.search.items()}
            return Trees(f"{NAME}=sklearn:{kind.classes[target]}", kind.named, search)
    return None
