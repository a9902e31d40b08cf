"""The boosted trees that a study of ``"auto+trees"`` tries beside the algorithms that are answered from states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from algorithms.extras import is_installed
from algorithms.tasks import CLASS, NUMBER


@dataclass(frozen=True)
class Boosted:
    """Boosted trees of a package.

    Attributes
    ----------
    package : that they are of.
    classes : by the kind of the target, the estimator's class.
    search : what is searched, as a study file has it.
    """

    package: str
    classes: Mapping[str, str]
    search: Mapping[str, object] = field(hash=False)


KINDS: Sequence[Boosted] = (
    Boosted(
        "lightgbm",
        {NUMBER: "lightgbm.LGBMRegressor", CLASS: "lightgbm.LGBMClassifier"},
        {
            "n_estimators": {"low": 20, "high": 400}, "learning_rate": {"low": 0.02, "high": 0.3, "log": True},
            "num_leaves": {"low": 7, "high": 63, "log": True},
            "min_child_samples": {"low": 5, "high": 100, "log": True},
        },
    ),
    Boosted(
        "sklearn",
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


def boosted(target: str | None) -> tuple[str, Mapping[str, object]] | None:
    """Return the algorithm for a kind of target, and what is searched, by its full name; None where there is none.

    Examples
    --------
    >>> boosted(NUMBER)[0].startswith("boosted=sklearn:"), "boosted.learning_rate" in boosted(NUMBER)[1]
    (True, True)
    >>> boosted(None) is None
    True
    """
    for kind in KINDS:
        if target is not None and target in kind.classes and is_installed(kind.package):
            search = {f"{NAME}.{name}": values for name, values in kind.search.items()}
            return f"{NAME}=sklearn:{kind.classes[target]}", search
    return None
