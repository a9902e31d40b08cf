"""Fold scores of estimators that differ in what one fit of scikit-learn's holds at all its values."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import _safe_split

from algorithms.arrays import Array, Places, Values
from algorithms.errors import AlgorithmError
from algorithms.tags import Shared
from hpo.drop_in.answers import Question
from hpo.drop_in.counterparts import Unanswered, shared_by
from hpo.drop_in.evaluated import Fits
from hpo.drop_in.prepared import key_of


def final(estimator: BaseEstimator) -> BaseEstimator:
    """Return the model of a pipeline, or an estimator itself."""
    return estimator.steps[-1][1] if type(estimator) is Pipeline else estimator


@dataclass
class _Group:
    """Candidates that differ in what one fit holds: all of them, the largest one fitted, and what its fits said."""

    models: list[BaseEstimator] = field(default_factory=list)
    held: list[tuple[Shared, Values, Values]] = field(default_factory=list)
    largest: BaseEstimator | None = None
    why: str = ""


@dataclass
class Sharing:
    """What fits that others share say of candidates; one for each split and all other parameters.

    Attributes
    ----------
    fits : how candidates are fitted, and scored.
    metrics : names of scores by the names that they have in the results.
    """

    fits: Fits
    metrics: Mapping[str, str]
    _groups: dict[object, _Group] = field(default_factory=dict)
    _last: _Group = field(default_factory=_Group)

    def asked(self, candidate: BaseEstimator) -> Question:
        """Return what a shared fit is asked for; raises Unanswered where there is none."""
        model = final(candidate)
        kind = shared_by(model)
        try:
            kind.largest([model])
        except AlgorithmError as error:
            raise Unanswered(str(error)) from None
        rest = {name: value for name, value in model.get_params(False).items() if name not in kind.varied}
        before = [step for _, step in candidate.steps[:-1]] if type(candidate) is Pipeline else []
        key = key_of([type(model), rest, before])
        group = self._groups.setdefault(key, _Group())
        group.models.append(model)
        return Question(key, partial(self._scores, group, candidate, model))

    def _scores(self, group: _Group, candidate: BaseEstimator, model: BaseEstimator) -> Mapping[str, Array]:
        kind = shared_by(model)
        if group is not self._last:  # one group is kept at a time
            self._last.held, self._last.largest, self._last = [], None, group
        if (largest := kind.largest(group.models)) is not group.largest:
            self._fit(group, candidate, kind, largest)
        if group.why:
            raise Unanswered(group.why)
        try:
            every = [held.smaller(model) for held, _, _ in group.held]
            found = [
                self.fits.scored(self.metrics, one, X, y) for one, (_, X, y) in zip(every, group.held, strict=True)
            ]
        except AlgorithmError as error:
            raise Unanswered(str(error)) from None
        except Exception as error:  # noqa: BLE001 -- whatever it is, a fit raises it again, or counts it
            raise Unanswered(f"{type(error).__name__}: {error}") from None
        return {metric: np.array([one[metric] for one in found]) for metric in self.metrics.values()}

    def _fit(self, group: _Group, candidate: BaseEstimator, kind: type[Shared], largest: BaseEstimator) -> None:
        """Fit the largest of the candidates so far for each split."""
        group.largest, group.why = largest, ""
        try:
            group.held = [self._held(kind, candidate, largest, *split) for split in self.fits.splits]
        except Exception as error:  # noqa: BLE001 -- as above
            group.why = str(error) if isinstance(error, AlgorithmError) else f"{type(error).__name__}: {error}"

    def _held(
        self, kind: type[Shared], candidate: BaseEstimator, largest: BaseEstimator, train: Places, test: Places
    ) -> tuple[Shared, Values, Values]:  # fmt: skip
        made = clone(candidate)
        if type(made) is Pipeline:
            made.steps[-1] = made.steps[-1][0], clone(largest)
        else:
            made = clone(largest)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit of the winner warns of the same
            made.fit(*_safe_split(made, self.fits.X, self.fits.y, train))
            X, y = _safe_split(made, self.fits.X, self.fits.y, test, train)
            rows = made[:-1].transform(X) if type(made) is Pipeline and len(made.steps) > 1 else X
        return kind(final(made), rows), rows, y
