"""Hyperparameter optimization without retraining: read the data once, keep a small state, tune from the state.

Examples
--------
>>> import numpy as np, hpo
>>> X = np.random.default_rng(0).normal(size=(300, 4))
>>> result = hpo.tune((X, X @ [3.0, 0.0, -2.0, 0.0]), algorithm="ridge", trials=10)
>>> result.cost.rows_read
300
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hpo._rooms import check_rooms

if TYPE_CHECKING:
    from optuna.distributions import CategoricalDistribution as Categorical
    from optuna.distributions import FloatDistribution as Float
    from optuna.distributions import IntDistribution as Int

    from hpo.api import export_layout, export_site, plan, tune
    from hpo.data.encoding.transformer import Encoder
    from hpo.data.folds.groups import GroupFolds, StratifiedGroupFolds
    from hpo.data.folds.schemes import HashFolds, StratifiedFolds
    from hpo.data.folds.times import TimeFolds
    from hpo.data.opening import open_dataset
    from hpo.data.sources.joins import Join
    from hpo.drop_in.search import StateGridSearchCV, StateRandomizedSearchCV, StateSearchCV, accelerate
    from hpo.findings.answers import (
        accuracy,
        coefficient_table,
        coefficients,
        confirm,
        importances,
        leaderboard,
        recommend,
    )
    from hpo.findings.curves import extrapolated, learning_curve, nested_score, validation_curve
    from hpo.findings.exporting import export
    from hpo.findings.reopen import load
    from hpo.findings.result import Result
    from hpo.report.writing import show, write_report
    from hpo.streams.stream import Stream
    from state_store.store import StateStore
    from studies.spec.spec import StudySpec

check_rooms(__file__)

__version__ = "0.1.0"

_HOMES = {
    "Categorical": ("optuna.distributions", "CategoricalDistribution"),
    "Encoder": ("hpo.data.encoding.transformer", "Encoder"),
    "Float": ("optuna.distributions", "FloatDistribution"),
    "GroupFolds": ("hpo.data.folds.groups", "GroupFolds"),
    "HashFolds": ("hpo.data.folds.schemes", "HashFolds"),
    "Int": ("optuna.distributions", "IntDistribution"),
    "Join": ("hpo.data.sources.joins", "Join"),
    "Result": ("hpo.findings.result", "Result"),
    "StateGridSearchCV": ("hpo.drop_in.search", "StateGridSearchCV"),
    "StateRandomizedSearchCV": ("hpo.drop_in.search", "StateRandomizedSearchCV"),
    "StateSearchCV": ("hpo.drop_in.search", "StateSearchCV"),
    "StateStore": ("state_store.store", "StateStore"),
    "StratifiedFolds": ("hpo.data.folds.schemes", "StratifiedFolds"),
    "StratifiedGroupFolds": ("hpo.data.folds.groups", "StratifiedGroupFolds"),
    "Stream": ("hpo.streams.stream", "Stream"),
    "StudySpec": ("studies.spec.spec", "StudySpec"),
    "TimeFolds": ("hpo.data.folds.times", "TimeFolds"),
    "accelerate": ("hpo.drop_in.search", "accelerate"),
    "accuracy": ("hpo.findings.answers", "accuracy"),
    "coefficient_table": ("hpo.findings.answers", "coefficient_table"),
    "coefficients": ("hpo.findings.answers", "coefficients"),
    "confirm": ("hpo.findings.answers", "confirm"),
    "export": ("hpo.findings.exporting", "export"),
    "export_layout": ("hpo.api", "export_layout"),
    "export_site": ("hpo.api", "export_site"),
    "extrapolated": ("hpo.findings.curves", "extrapolated"),
    "importances": ("hpo.findings.answers", "importances"),
    "leaderboard": ("hpo.findings.answers", "leaderboard"),
    "learning_curve": ("hpo.findings.curves", "learning_curve"),
    "load": ("hpo.findings.reopen", "load"),
    "nested_score": ("hpo.findings.curves", "nested_score"),
    "open_dataset": ("hpo.data.opening", "open_dataset"),
    "plan": ("hpo.api", "plan"),
    "recommend": ("hpo.findings.answers", "recommend"),
    "show": ("hpo.report.writing", "show"),
    "tune": ("hpo.api", "tune"),
    "validation_curve": ("hpo.findings.curves", "validation_curve"),
    "write_report": ("hpo.report.writing", "write_report"),
}
"""Public name → where it lives; loaded when first used, so that ``import hpo`` and ``hpo --help`` are quick."""

_MODULES = ("errors",)
"""Modules that people reach through the package: ``except hpo.errors.DataError``."""

__all__ = [
    "Categorical",
    "Encoder",
    "Float",
    "GroupFolds",
    "HashFolds",
    "Int",
    "Join",
    "Result",
    "StateGridSearchCV",
    "StateRandomizedSearchCV",
    "StateSearchCV",
    "StateStore",
    "StratifiedFolds",
    "StratifiedGroupFolds",
    "Stream",
    "StudySpec",
    "TimeFolds",
    "accelerate",
    "accuracy",
    "coefficient_table",
    "coefficients",
    "confirm",
    "export",
    "export_layout",
    "export_site",
    "extrapolated",
    "importances",
    "leaderboard",
    "learning_curve",
    "load",
    "nested_score",
    "open_dataset",
    "plan",
    "recommend",
    "show",
    "tune",
    "validation_curve",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"hpo.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'hpo' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return [*__all__, *_MODULES, "__version__"]
