"""Weights of rows: those that models are fitted with, and those that they are scored with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import MetadataRequest

from algorithms.arrays import Places, Values
from hpo.drop_in.counterparts import Unanswered

WEIGHTS = "sample_weight"


@dataclass(frozen=True)
class Weights:
    """Weights of rows.

    Attributes
    ----------
    train : those that the model is fitted with; None where all count alike.
    test : those that it is scored with; None where all count alike.
    """

    train: Values | None = None
    test: Values | None = None

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self.train is not None or self.test is not None

    def scored(self, params: Mapping[str, object], rows: int) -> Weights:
        """Return them with those that scores get; raises Unanswered for other parameters of scores."""
        return replace(self, test=_weights_in(params, WEIGHTS, rows))

    def of(self, train: Places, test: Places) -> Values | None:
        """Return the weights of the rows of a split, one after the other."""
        if not self:
            return None
        each = [taken(self.train, train), taken(self.test, test)]
        ones = [np.ones(len(train)), np.ones(len(test))]
        return np.concatenate([one if given is None else given for given, one in zip(each, ones, strict=True)])


def taken(weights: Values | None, rows: Places) -> Values | None:
    """Return the weights of some rows; None where all count alike.

    Examples
    --------
    >>> taken(np.array([1.0, 2.0, 4.0]), np.array([2, 0])).tolist()
    [4.0, 1.0]
    """
    return None if weights is None else weights[rows]


def weights_of(estimator: BaseEstimator, params: Mapping[str, object], rows: int) -> Weights:
    """Return the weights that the model of an estimator is fitted with, among the parameters of a search's ``fit``.

    Raises
    ------
    Unanswered
        There are other parameters, or weights of steps before the model, or of none.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> weights_of(Ridge(), {"sample_weight": [1.0, 2.0]}, 2).train.tolist()
    [1.0, 2.0]
    """
    given = {name: value for name, value in params.items() if name != "groups" and value is not None}
    if not given:
        return Weights()
    if get_config()["enable_metadata_routing"]:
        return Weights(_weights_in(_routed(estimator, given), WEIGHTS, rows))
    name = f"{estimator.steps[-1][0]}__{WEIGHTS}" if isinstance(estimator, Pipeline) else WEIGHTS
    return Weights(_weights_in(given, name, rows))


def _routed(estimator: BaseEstimator, given: Mapping[str, object]) -> Mapping[str, object]:
    """Return which parameters an estimator asks for itself."""
    asked = estimator.get_metadata_routing()
    if not isinstance(asked, MetadataRequest) or set(given) != {WEIGHTS}:
        raise Unanswered(f"fit routes the parameters {', '.join(sorted(given))}")
    return given if asked.fit.requests.get(WEIGHTS) is True else {}


def _weights_in(params: Mapping[str, object], name: str, rows: int) -> Values | None:
    """Return the weights of that name; raises Unanswered for other parameters, and for what is not weights."""
    if set(params) - {name}:
        raise Unanswered(f"fit has the parameters {', '.join(sorted(set(params) - {name}))}")
    if params.get(name) is None:
        return None
    weights = np.asarray(params[name])
    if weights.shape != (rows,) or weights.dtype.kind not in "fiub":
        raise Unanswered(f"{name} is not a column of numbers")
    weights = weights.astype(np.float64)
    if not (np.isfinite(weights) & (weights > 0.0)).all():
        raise Unanswered(f"{name} has weights that are not positive")
    return weights
