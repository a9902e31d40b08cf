"""Which algorithm answers for an estimator of scikit-learn's, and with which hyperparameters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectKBest, f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from algorithms import registry
from algorithms.contract import Summary
from algorithms.errors import AlgorithmError
from algorithms.fields import build, fields_of
from algorithms.tags import Equivalent, Shared
from algorithms.tasks import TASKS

STANDARDIZE, IMPUTE, SELECT = "standardize", "impute", "select"
"""What the steps of a pipeline are called here."""

ORDER = (SimpleImputer, StandardScaler, SelectKBest)
"""Steps before a model, in the order in which they say the same as here."""

SCORED = {f_regression: "regression", f_classif: "classification"}
"""Scores that columns are selected by, and the task whose algorithms select by them."""


class Unanswered(Exception):
    """No state answers a candidate; the message says why."""


class Counterpart(NamedTuple):
    """What answers for an estimator.

    Attributes
    ----------
    name : of the algorithm.
    fields : its hyperparameters.
    params : the parameters of the estimator.
    imputes : whether missing values are filled.
    sparse : whether sparse tables are answered, too.
    dense : whether tables that steps made sparse are not.
    weighted : whether weighted rows are answered, too.
    summary : what its states are of.
    refused : says why scikit-learn refuses what an algorithm has a solution of; None where it never does.
    own_score : what the estimator's own ``score`` is called here.
    """

    name: str
    fields: Mapping[str, object]
    params: Mapping[str, object]
    imputes: bool
    sparse: bool
    dense: bool
    weighted: bool
    summary: Summary
    refused: Callable[..., str | None] | None
    own_score: str

    @property
    def key(self) -> tuple[str, Summary]:
        """What answers of one reading have in common."""
        return self.name, self.summary

    @property
    def has_target(self) -> bool:
        """Whether it learns from y."""
        return TASKS[registry.get(self.name).tags.task].target is not None


def counterpart(estimator: BaseEstimator) -> Counterpart:
    """Return what answers for an estimator, or a pipeline of one after scikit-learn's preprocessing.

    Raises
    ------
    Unanswered
        Nothing does, and why.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> found = counterpart(make_pipeline(StandardScaler(), Ridge(alpha=3.0)))
    >>> found.name, found.fields["alpha"], found.fields["standardize"]
    ('ridge', 3.0, True)
    """
    *steps, model = _steps(estimator)
    name, equivalent = _answering(type(model))
    fields = _own_fields(model, equivalent)
    known, before = fields_of(registry.get(name)), _prepared(steps, registry.get(name).tags.task)
    if STANDARDIZE in known:
        before.setdefault(STANDARDIZE, fields.pop(STANDARDIZE, False))
    for field, value in before.items():
        if field not in known:
            raise Unanswered(
                f"{type(model).__name__} has no step before it that stands for {field}={value!r}"
            )
        fields[field] = value
    try:
        algorithm = build(registry.get(name), fields)
    except AlgorithmError as error:
        raise Unanswered(str(error)) from None
    plain = not fields.get(STANDARDIZE) and not fields.get(SELECT)
    imputes, sparse = IMPUTE in before, equivalent.sparse and plain
    own = equivalent.own_score or str(TASKS[registry.get(name).tags.task].scoring)
    return Counterpart(
        name, fields, model.get_params(deep=False), imputes, sparse, equivalent.dense,
        equivalent.weighted, algorithm.summary, equivalent.refused, own,
    )  # fmt: skip


def shared_by(model: BaseEstimator) -> type[Shared]:
    """Return what one fit of a model says of others; raises Unanswered where it says nothing.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> shared_by(KNeighborsRegressor()).varied
    ('n_neighbors', 'weights')
    """
    found = _standing(type(model))[1].shared
    if found is None:
        raise Unanswered(f"a fit of {type(model).__name__} holds no other one")
    return found


def answered() -> frozenset[str]:
    """Return the names of the estimators that states answer for.

    Examples
    --------
    >>> {"Ridge", "GaussianNB"} <= answered(), "RandomForestRegressor" in answered()
    (True, False)
    """
    every = _equivalents().values()
    return frozenset(one.path.rpartition(".")[2] for one in every if one.unanswered is None)


def shared() -> Mapping[str, tuple[str, ...]]:
    """Return the names of the estimators of which one fit says others, and the parameters in which these differ.

    Examples
    --------
    >>> shared()["KNeighborsRegressor"]
    ('n_neighbors', 'weights')
    """
    every = [one for one in _equivalents().values() if one.shared is not None]
    return {one.path.rpartition(".")[2]: cast(type[Shared], one.shared).varied for one in every}


def _steps(estimator: BaseEstimator) -> list[BaseEstimator]:
    """Return the steps of a pipeline, those that are left out apart; of another estimator itself."""
    if type(estimator) is not Pipeline:
        return [estimator]
    if estimator.memory is not None:
        raise Unanswered("the pipeline keeps its steps in memory=")
    steps = [step for _, step in estimator.steps[:-1] if step is not None and step != "passthrough"]
    model = estimator.steps[-1][1]
    if model is None or model == "passthrough":
        raise Unanswered("the pipeline ends without a model")
    return [*steps, model]


def _answering(kind: type) -> tuple[str, Equivalent]:
    """Return the algorithm that stands for a class of estimators."""
    name, equivalent = _standing(kind)
    if equivalent.unanswered is not None:
        raise Unanswered(f"{kind.__name__} {equivalent.unanswered}")
    return name, equivalent


def _standing(kind: type) -> tuple[str, Equivalent]:
    """Return the algorithm that stands for a class of estimators."""
    for name, equivalent in _equivalents().items():
        module, _, attribute = equivalent.path.rpartition(".")
        if module in sys.modules and vars(sys.modules[module]).get(attribute) is kind:
            return name, equivalent
    raise Unanswered(f"no algorithm stands for {kind.__name__}")


@cache
def _equivalents() -> Mapping[str, Equivalent]:
    """Return the estimators that algorithms stand for, by the algorithms' names."""
    found = {name: registry.get(name).tags.equivalent for name in registry.names()}
    return {name: equivalent for name, equivalent in found.items() if equivalent is not None}


def _own_fields(model: BaseEstimator, equivalent: Equivalent) -> dict[str, object]:
    """Return the hyperparameters that a model's parameters are."""
    fields: dict[str, object] = {}
    for name, given in model.get_params(deep=False).items():
        value = given.item() if isinstance(given, np.generic) else given
        if name in equivalent.only:
            if not any(type(value) is type(one) and value == one for one in equivalent.only[name]):
                raise Unanswered(
                    f"{type(model).__name__}({name}={_short(value)}) is not answered from states"
                )
        elif name not in equivalent.ignored:
            fields[equivalent.renamed.get(name, name)] = value
    return fields


def _prepared(steps: list[BaseEstimator], task: str) -> dict[str, object]:
    """Return the hyperparameters that the steps before a model are."""
    kinds, made = [type(step) for step in steps], {}
    for step, kind in zip(steps, kinds, strict=True):
        if kind not in ORDER:
            raise Unanswered(f"no hyperparameter stands for the step {kind.__name__}")
        made.update(_as_field(step, task))
    places = [ORDER.index(kind) for kind in kinds]
    if places != sorted(set(places)):
        raise Unanswered(
            f"the steps {', '.join(kind.__name__ for kind in kinds)} are in another order than here"
        )
    return made


def _as_field(step: BaseEstimator, task: str) -> dict[str, object]:
    """Return the hyperparameter that a step is, before a model of a task."""
    given = step.get_params(deep=False)
    if isinstance(step, StandardScaler) and given["with_mean"] and given["with_std"]:
        return {STANDARDIZE: True}
    if isinstance(step, SimpleImputer):
        missing = given["missing_values"]
        plain = isinstance(missing, float) and np.isnan(missing)
        if (
            plain
            and given["strategy"] == "mean"
            and not (given["add_indicator"] or given["keep_empty_features"])
        ):
            return {IMPUTE: "mean"}
    if isinstance(step, SelectKBest) and SCORED.get(given["score_func"]) == task:
        return {SELECT: None if given["k"] == "all" else given["k"]}
    raise Unanswered(f"{_short(step)} is not answered from states")


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}…"
