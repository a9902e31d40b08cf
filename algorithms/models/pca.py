"""Principal component analysis, with the likelihood of held-out rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import LEVEL, MISSING, OTHER, Algorithm, Array, Held, Score, Tags
from algorithms.errors import InvalidField, NotEnoughRows
from algorithms.families.components import METRICS, SecondMoments, fitted, score, signed
from algorithms.families.design import Design, View, design_of
from algorithms.families.pipeline import pipeline_of
from algorithms.families.residuals import SHAKEN
from algorithms.families.rounding import NEGLIGIBLE, checked
from algorithms.memo import MEMO
from algorithms.preparing.preprocess import Preprocessed
from algorithms.ranges import Choice, Integer, Legal, Range
from algorithms.solvers.spectrum import Spectrum
from algorithms.summaries.moments import Moments, MomentsState, check_finite
from algorithms.tags import Equivalent

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.decomposition import PCA as SkPCA  # noqa: N811


LITTLE, WIDE, TALL, DRAWN = 500, 1_000, 10, 0.8
"""Rows and columns up to which scikit-learn decomposes the table, columns and rows by column for which it does
that with the covariance, and the share of components below which it draws at random otherwise."""


@dataclass(frozen=True, eq=False)
class PCASolution:
    """The leading components of a design.

    Attributes
    ----------
    design : the columns.
    k : number of components.
    variance : shape (q,), eigenvalues of the covariance (divisor W(1 - 1/n)).
    noise : mean of the eigenvalues left out (``noise_variance_``).
    """

    design: Design
    k: int
    variance: Array
    noise: float


def _refused(algorithm: PCA, solution: PCASolution, params: Mapping[str, object]) -> str | None:
    """Return why scikit-learn finds no such components, or finds them at random."""
    asked, design = algorithm.n_components, solution.design
    rows, q = design.rows, design.q
    most = min(rows, q)
    if asked is not None and asked > most:
        return f"n_components={asked}, of rows to train on that have {most}"
    few = max(rows, q) <= LITTLE or (q <= WIDE and rows >= TALL * q)
    if params["svd_solver"] == "auto" and asked is not None and asked < DRAWN * most and not few:
        return f"n_components={asked}, which svd_solver='auto' finds at random for {rows} rows of {q} columns"
    return None


@dataclass(frozen=True, kw_only=True)
class PCA(Preprocessed, Algorithm[MomentsState, PCASolution]):
    """Principal component analysis.

    Exact; ``score`` is the average log-likelihood of the held-out rows under probabilistic PCA
    (Tipping & Bishop 1999), as in ``sklearn.decomposition.PCA.score``, or the share of their variance that the
    components explain (``explained_variance``). ``standardize`` changes the units of both, so it is searched only
    when asked for. Of more ``n_components`` than there are columns or rows, as many as these are kept.

    Examples
    --------
    >>> PCA(n_components=3).whiten
    False
    """

    n_components: Annotated[int | None, Legal(ge=1), Integer(1, None)] = None
    whiten: Annotated[bool, Choice(False, True, searched=False)] = False
    summary: Moments = Moments()

    tags: ClassVar[Tags] = Tags(
        task="decomposition", exact=METRICS, auto=1, stand_in="sketched_pca", in_threads=True,
        on_request=("standardize", "impute", "min_frequency"), equivalent=Equivalent(
            "sklearn.decomposition.PCA",
            ignored=(
                "copy", "tol", "iterated_power", "n_oversamples", "power_iteration_normalizer", "random_state",
            ),
            only={"whiten": (False,), "svd_solver": ("auto", "full", "covariance_eigh")},
            refused=_refused, dense=True, own_score="log_likelihood",
        ),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.summary.target_transform != "none":
            raise InvalidField(
                f"target_transform={self.summary.target_transform!r}: a decomposition has no target"
            )

    def design(self, state: MomentsState) -> Design:
        """Return the columns that this preprocessing makes of the state."""
        return design_of(state, self.preprocess)

    def solve(self, state: MomentsState) -> PCASolution:
        """Return the components; raises NotEnoughRows for fewer than two rows."""
        self.check(state)
        return self._solution(self.design(state), self.n_components)

    def _solution(self, design: Design, n_components: int | None) -> PCASolution:
        variance = design.graded.values / _divisor(design)
        most = min(design.q, design.rows)
        k = most if n_components is None else min(n_components, most)
        return PCASolution(design, k, variance, _noise(variance, k, most))

    def estimator(self, solution: PCASolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``PCA``."""
        design = solution.design.at_origin()
        return pipeline_of(design, fitted_pca(design, solution.k, whiten=self.whiten))

    def score(self, solution: PCASolution, held: Held[MomentsState], metric: str) -> Score | None:
        """Return the average log-likelihood of the held-out rows, or the share of their variance explained.

        Raises
        ------
        Imprecise
            Rounding leaves too few digits of it.
        """
        held_out = held.state_for(metric)
        if held_out is None or metric not in METRICS:
            return None
        design = solution.design
        value = _score(metric, solution, held_out)
        if not math.isfinite(value):
            return Score(value)
        off = abs(_score(metric, self._solution(design.shaken, solution.k), held_out) - value)
        if not off <= NEGLIGIBLE * max(1.0, abs(value)):
            others = (_score(metric, self._solution(d, solution.k), held_out) for d in design.shaken_again)
            off = float(np.max([off, *(abs(other - value) for other in others)]))
        bound = math.inf if design.blind_to(design.view(held_out)) else SHAKEN * off
        return checked(metric, Score(value, bound), max(1.0, abs(value)), self.summary.precision, design)

    def naive_score(self, state: MomentsState, held: Held[MomentsState], metric: str) -> Score | None:
        """Return the score of no component: the mean, and one variance in all directions."""
        self.check(state)
        return self.score(self._solution(self.design(state), 0), held, metric)

    def complexity(self, solution: PCASolution) -> float:
        """Return the number of components."""
        return float(solution.k)

    def bounds(self, state: MomentsState) -> Mapping[str, Range | None]:
        """Return components up to the rank."""
        rank = max(1, self.design(state).graded.rank)
        roles = {column.role for column in state.shape.columns}
        no_categories = {} if roles & {LEVEL, OTHER, MISSING} else {"min_frequency": None}
        return {"n_components": Integer(1, max(1, rank - 1)), **no_categories}

    def check(self, state: MomentsState) -> None:
        """Refuse fewer than two rows, and values whose squares have no finite sum."""
        check_finite(state)
        if state.rows < 2:
            raise NotEnoughRows(f"pca needs at least 2 rows to know a variance, and has {state.rows}")


def _second_moments(design: Design, held_out: MomentsState) -> SecondMoments:
    return MEMO.get(held_out, (design, "second"), lambda: _project(design, design.view(held_out)))


def _score(metric: str, solution: PCASolution, held_out: MomentsState) -> float:
    second, design = _second_moments(solution.design, held_out), solution.design
    found = score(metric, second, solution.variance[: solution.k], solution.noise, design.q)
    return math.nan if found is None else found


def _project(design: Design, view: View) -> SecondMoments:
    away = view.mean - design.offset
    v = design.graded.vectors
    if view.root is None:
        inside = np.einsum("ij,ij->j", v, view.gram @ v)
    else:
        inside = np.sum((view.root[:, :-1] @ v) ** 2, axis=0)
    along = inside / view.weight + (v.T @ away) ** 2
    return SecondMoments(along, float(np.trace(view.gram)) / view.weight + float(away @ away))


def _divisor(design: Design) -> float:
    return design.weight * (1.0 - 1.0 / design.rows) if design.rows > 1 else 1.0


def _noise(variance: Array, k: int, most: int) -> float:
    return float(variance[k:most].mean()) if k < most else 0.0


def components(spectrum: Spectrum, k: int) -> Array:
    """Return the first k eigenvectors as rows, each with its largest entry positive, as scikit-learn does.

    Examples
    --------
    >>> from algorithms.solvers.spectrum import decompose
    >>> components(decompose(np.diag([1.0, 4.0]), np.zeros(2)), 1).tolist()
    [[0.0, 1.0]]
    """
    return signed(spectrum.vectors[:, :k].T)


def fitted_pca(design: Design, k: int, *, whiten: bool) -> SkPCA:
    """Return a fitted ``sklearn.decomposition.PCA`` of the design's columns."""
    variance = design.graded.values / _divisor(design)
    return fitted(
        components(design.graded, k), design.offset, variance[:k], total=float(variance.sum()),
        noise=_noise(variance, k, min(design.q, design.rows)), rows=design.rows,
        singular=np.sqrt(design.graded.values[:k]), whiten=whiten, solver="full",
    )  # fmt: skip
