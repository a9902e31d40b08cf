"""Isolation forest of a sample: trees fitted without the target, judged by it."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.arrays import Array, Floats
from algorithms.contract import Algorithm, Held, Rows, Score, Tags, as_dense
from algorithms.errors import InvalidField, NotEnoughRows, TooLarge
from algorithms.families.outliers import outlier_code, score_outliers
from algorithms.families.sampled import Prepared, as_given, prepare, without_effect
from algorithms.lazily import sklearn
from algorithms.memo import MEMO
from algorithms.preparing.preprocess import Impute, MinFrequency, Preprocess
from algorithms.ranges import Choice, Integer, Legal, Range, Uniform
from algorithms.scoring.mass_volume import DRAWS, mass_volume
from algorithms.summaries.sample import Sample, SampleState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.ensemble import IsolationForest as SkIsolationForest

AUTO = "auto"

UNLABELLED = "neg_mass_volume"


@dataclass(frozen=True, eq=False)
class Forest:
    """The trees of a sample.

    Attributes
    ----------
    prepared : the rows that they were grown on.
    fitted : scikit-learn's ``IsolationForest`` with the threshold of the original paper.
    """

    prepared: Prepared
    fitted: SkIsolationForest

    @property
    def nodes(self) -> int:
        """Number of nodes of all trees."""
        return sum(tree.tree_.node_count for tree in self.fitted.estimators_)

    @property
    def nbytes(self) -> int:
        """Bytes held, about 100 a node."""
        return 100 * self.nodes

    def normality(self, rows: Rows) -> Array:
        """Return the normality of other rows, shape (n,): ``score_samples`` of scikit-learn."""
        return MEMO.get(self, rows, lambda: self._normality(self.prepared.place(rows)))

    def room(self, rows: Rows) -> Room:
        """Return how little room is normal, by held-out rows (the same for every threshold)."""
        return MEMO.get(self, (rows, "room"), lambda: Room(self._room(rows)))

    def _room(self, rows: Rows) -> float:
        placed = self.prepared.place(rows)
        return mass_volume(self._normality, placed, rows.sample_weight, self.prepared.X)

    def threshold(self, contamination: float | str) -> float:
        """Return the normality below which a row is an outlier: scikit-learn's ``offset_``."""
        if isinstance(contamination, str):
            return float(self.fitted.offset_)
        return float(np.percentile(self.normality(self.prepared.sample), 100.0 * contamination))

    def _normality(self, X: Floats) -> Array:
        return np.asarray(self.fitted.score_samples(X), np.float64)


@dataclass(frozen=True)
class Room:
    """A mean share of room, from 0 to 1."""

    share: float
    nbytes: int = 8

    @property
    def bound(self) -> float:
        """How far the share may be from that of the room itself: three standard errors of so many drawn rows."""
        return 3.0 * math.sqrt(self.share * (1.0 - self.share) / DRAWS)


@dataclass(frozen=True, kw_only=True)
class IsolationForest(Algorithm[SampleState, Forest]):
    """Trees that isolate rows by random cuts; parameters are those of ``sklearn.ensemble.IsolationForest``.

    The trees never see the target. It marks the true outliers of held-out rows, and scores are those of
    distinguishing them from the rest: ``roc_auc`` and ``average_precision`` by the rows' abnormality, others by the
    predicted outliers. Without a target models are compared by ``neg_mass_volume``: minus the share of room that
    they call normal where 90 to 99.9% of held-out rows are (:func:`algorithms.scoring.mass_volume.mass_volume`).
    A fitted model predicts -1 for outliers and +1 for the rest.

    Parameters
    ----------
    n_estimators, max_features, bootstrap, random_state : as in scikit-learn.
    max_samples : rows that each tree is grown on; all of them where there are fewer.
    contamination : share of outliers among the training rows, or ``"auto"``; another value keeps the trees.
    outlier_label : the label of outliers; None for the rarest.
    impute : a missing number becomes the mean (``"mean"``), ``"zero"``, or the mean and an ``"indicator"``.
    min_frequency : categories rarer than this share are merged, as in ``OneHotEncoder``.
    summary : the sample that trees are grown on.

    Examples
    --------
    >>> IsolationForest(contamination=0.01).max_samples
    256
    """

    n_estimators: Annotated[int, Legal(ge=1), Integer(20, 300, log=True)] = 100
    max_samples: Annotated[int, Legal(ge=2), Integer(16, None, log=True)] = 256
    max_features: Annotated[float, Legal(gt=0, le=1), Uniform(0.2, 1.0)] = 1.0
    contamination: Annotated[
        float | str, Legal(gt=0, le=0.5, also=(AUTO,)), Uniform(0.001, 0.5, searched=False)
    ] = AUTO
    bootstrap: Annotated[bool, Choice(False, True, searched=False)] = False
    random_state: Annotated[int, Legal(ge=0, le=2**31 - 1), Integer(0, 2**31 - 1, searched=False)] = 0
    outlier_label: str | int | bool | None = None
    impute: Impute = "mean"
    min_frequency: MinFrequency = 0.0
    summary: Sample = Sample()

    tags: ClassVar[Tags] = Tags(
        task="outlier_detection",
        sampled=("roc_auc", "average_precision", UNLABELLED),
        auto=1,
        on_request=("impute", "min_frequency"),
    )

    @property
    def _preprocess(self) -> Preprocess:
        return Preprocess(False, self.impute, self.min_frequency, None, center=True)

    def solve(self, state: SampleState) -> Forest:
        """Return the trees (kept for the state: another ``contamination`` needs no others)."""
        self.check(state)
        how = (self._preprocess, self.n_estimators, self.max_samples, self.max_features, self.bootstrap,
               self.random_state)  # fmt: skip
        return MEMO.get(state, ("forest", *how), lambda: self._grow(state))

    def _grow(self, state: SampleState) -> Forest:
        how, state = self._preprocess, as_given(state)
        prepared = MEMO.get(state, ("prepared", how), lambda: prepare(state, how))

        model = sklearn.ensemble.IsolationForest(
            n_estimators=self.n_estimators, max_samples=min(self.max_samples, state.n),
            max_features=self.max_features, bootstrap=self.bootstrap, random_state=self.random_state,
        )  # fmt: skip
        weights = state.sample_weight if state.weighted else None
        return Forest(prepared, model.fit(prepared.X, sample_weight=weights))

    def estimator(self, solution: Forest) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``IsolationForest``.

        It has one attribute more than scikit-learn's, where there is a target: ``outlier_label_``, what that calls
        an outlier.
        """
        model = copy.copy(solution.fitted)
        model.contamination, model.offset_ = self.contamination, solution.threshold(self.contamination)
        sample = solution.prepared.sample
        if sample.shape.classes:
            model.outlier_label_ = sample.shape.classes[outlier_code(sample, self.outlier_label)]
        return solution.prepared.pipeline_of(model)

    def score(self, solution: Forest, held: Held[SampleState], metric: str) -> float | Score | None:
        """Return a scorer's score of distinguishing outliers among sampled held-out rows, 1, from the rest, 0.

        ``neg_mass_volume`` is of the rows alone.
        """
        rows = held.rows_for(metric)
        if rows is None:
            return None
        if metric == UNLABELLED:
            room = solution.room(rows)
            return Score(-room.share, room.bound)
        sample = solution.prepared.sample
        abnormal = solution.threshold(self.contamination) - solution.normality(rows)
        code = outlier_code(sample, self.outlier_label)
        return score_outliers(abnormal, abnormal > 0.0, rows, code, metric)

    def complexity(self, solution: Forest) -> float:
        """Return the number of leaves of all trees."""
        return float((solution.nodes + self.n_estimators) // 2)

    def bounds(self, state: SampleState) -> Mapping[str, Range | None]:
        """Return rows a tree up to half of the sample, and None for the fields without effect."""
        most = max(2, min(4096, state.n // 2))
        return {**without_effect(state), "max_samples": Integer(min(16, most), most, log=True)}

    def check(self, state: SampleState) -> None:
        """Refuse a sample of one row, a label that no target has, and values beyond float32."""
        if state.n < 2:
            raise NotEnoughRows(f"IsolationForest needs at least 2 rows, and the sample holds {state.n}")
        largest = np.abs(as_dense(state.X)).max(axis=0)
        if len(broken := np.flatnonzero(largest > np.finfo(np.float32).max)):
            name = state.shape.columns[broken[0]].name
            raise TooLarge(
                f"column {name!r} holds {largest[broken[0]]:g}, and trees compare numbers of float32, which ends "
                "at 3.4e38: look for damaged values, rescale the column, or leave it out"
            )
        if state.shape.classes:
            outlier_code(state, self.outlier_label)
        elif self.outlier_label is not None:
            raise InvalidField(
                f"outlier_label={self.outlier_label!r}: no target is named; name the column with target=, or leave "
                "it out"
            )
