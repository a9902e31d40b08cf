"""Principal component analysis of wide data, from a sketch of its covariance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from algorithms.base import Array, Shape
from algorithms.column_map import ColumnMap
from algorithms.errors import InvalidField, NotEnoughRows, TooLarge
from algorithms.known import Known
from algorithms.memo import MEMO
from algorithms.models._pipeline import fitted_scaler, pipeline
from algorithms.models._regression import at_least
from algorithms.ranges import Choice, Integer, Range
from algorithms.summaries.sketch import Sketch, SketchState

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@dataclass(frozen=True, eq=False)
class Factor:
    """F with S ≈ FFᵀ, and its singular values: the Nyström approximation of a state's scatter.

    Attributes
    ----------
    vectors : shape (q, s), orthonormal columns, those of the largest variance first.
    values : shape (s,), eigenvalues of S, descending.
    """

    vectors: Array
    values: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.vectors.nbytes + self.values.nbytes


@dataclass(frozen=True, eq=False)
class SketchedSolution:
    """The leading components of a state.

    Attributes
    ----------
    state : what they are of.
    k : number of components.
    variance : shape (s,), eigenvalues of the covariance (divisor W(1 - 1/n)).
    noise : mean of the eigenvalues left out.
    """

    state: SketchState
    k: int
    variance: Array
    noise: float


@dataclass(frozen=True, kw_only=True)
class SketchedPCA:
    """Principal component analysis in memory that grows with the columns, not with their square.

    Approximate. ``pca`` is answered by it where the square of the columns does not fit in memory. ``score`` is the
    average log-likelihood of the held-out rows under probabilistic PCA, or the share of their variance that the
    components explain (``explained_variance``); the held-out variance along a component is that of a sketch, which
    is at most the true one.

    Examples
    --------
    >>> SketchedPCA(n_components=3).summary.size
    64
    """

    n_components: Annotated[int | None, Integer(1, None)] = None
    whiten: Annotated[bool, Choice(False, True, searched=False)] = False
    summary: Sketch = Sketch()

    task: ClassVar[str] = "decomposition"
    metrics: ClassVar[tuple[str, ...]] = ("log_likelihood", "explained_variance")

    def __post_init__(self) -> None:
        at_least("n_components", self.n_components or 1, 1)

    def solve(self, state: SketchState) -> SketchedSolution:
        """Return the components; raises NotEnoughRows for fewer than two rows."""
        self.check(state)
        s = state.product.shape[1]
        if self.n_components is not None and self.n_components > s:
            raise InvalidField(
                f"n_components={self.n_components}: the sketch has {s} directions; ask for fewer components, or "
                "for a larger size"
            )
        most = min(s, state.rows)
        k, divisor = min(self.n_components or most, most), _divisor(state)
        variance = factor_of(state).values / divisor
        q = min(len(state.mean), state.rows)
        rest = max(state.total / divisor - float(variance[:k].sum()), 0.0)
        return SketchedSolution(state, k, variance, rest / (q - k) if q > k else 0.0)

    def estimator(self, solution: SketchedSolution) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, ending in ``PCA``."""
        from sklearn.decomposition import PCA as SkPCA  # noqa: N811

        state, k = solution.state, solution.k
        known, vectors = state.known, factor_of(state).vectors[:, :k]
        scaled = bool(np.any(known["scale"] != 1.0))
        model: Any = SkPCA(n_components=k, whiten=self.whiten, svd_solver="randomized")
        rows = np.ascontiguousarray(vectors.T)
        largest = np.take_along_axis(rows, np.argmax(np.abs(rows), axis=1)[:, None], axis=1)
        model.components_ = rows * np.where(largest < 0.0, -1.0, 1.0)
        model.mean_ = np.zeros(len(state.mean)) if scaled else state.mean.copy()
        model.explained_variance_ = solution.variance[:k].copy()
        total = state.total / _divisor(state)
        model.explained_variance_ratio_ = solution.variance[:k] / total if total > 0.0 else np.zeros(k)
        model.singular_values_ = np.sqrt(solution.variance[:k] * _divisor(state))
        model.noise_variance_ = solution.noise
        model.n_components_, model.n_samples_, model.n_features_in_ = k, state.rows, len(state.mean)
        scaler = None
        if scaled:
            scale = known["scale"]
            scaler = fitted_scaler(state.mean * scale, scale, scale**2, state.rows)
        return pipeline(_columns(state.shape, known), state.shape.d, scaler, model)

    def finalize(self, state: SketchState) -> BaseEstimator:
        """Return the fitted scikit-learn estimator of the state's rows."""
        return self.estimator(self.solve(state))

    def score(self, solution: SketchedSolution, held_out: SketchState, metric: str) -> float | None:
        """Return the average log-likelihood of the held-out rows, or the share of their variance explained."""
        if not held_out.rows:
            return None
        k, q = solution.k, len(held_out.mean)
        along, total = MEMO.get(
            held_out, (solution.state, "along"), lambda: _Along(*_along(solution.state, held_out))
        ).parts
        if metric == "explained_variance":
            return float(along[:k].sum()) / total if total > 0.0 else 0.0
        values = solution.variance[:k]
        if values.min() <= 0.0 or (q > k and solution.noise <= 0.0):
            return -math.inf
        rest = q - k
        outside = max(total - float(along[:k].sum()), 0.0) / solution.noise if rest else 0.0
        logdet = float(np.log(values).sum()) + (rest * math.log(solution.noise) if rest else 0.0)
        return -0.5 * (float(np.sum(along[:k] / values)) + outside + logdet + q * math.log(2.0 * math.pi))

    def complexity(self, solution: SketchedSolution) -> float:
        """Return the number of components."""
        return float(solution.k)

    def bounds(self, state: SketchState) -> Mapping[str, Range | None]:
        """Return components up to the size of the sketch."""
        return {"n_components": Integer(1, max(1, min(state.product.shape[1], state.rows - 1)))}

    def check(self, state: SketchState) -> None:
        """Refuse fewer than two rows, and values whose squares have no finite sum."""
        if state.rows < 2:
            raise NotEnoughRows(
                f"sketched_pca needs at least 2 rows to know a variance, and has {state.rows}"
            )
        if not np.isfinite(state.total):
            raise TooLarge("the squares of the columns have no finite sum: look for damaged values, or rescale")


@dataclass(frozen=True, eq=False)
class _Along:
    along: Array
    total: float

    @property
    def nbytes(self) -> int:
        return self.along.nbytes

    @property
    def parts(self) -> tuple[Array, float]:
        return self.along, self.total


def factor_of(state: SketchState) -> Factor:
    """Return the Nyström approximation of a state's scatter (kept for the state)."""
    return MEMO.get(state, "factor", lambda: _factor(state))


def _factor(state: SketchState) -> Factor:
    """Return it by Tropp et al. 2017, algorithm 3: shifted, so that what is inverted is well conditioned."""
    from scipy.linalg import solve_triangular

    test, product = state.known["test"], state.product
    size = float(np.linalg.norm(product))
    if size == 0.0:
        return Factor(test.copy(), np.zeros(test.shape[1]))
    shift = math.sqrt(len(product)) * np.finfo(np.float64).eps * size
    shifted = product + shift * test
    inner = test.T @ shifted
    root = np.linalg.cholesky((inner + inner.T) / 2.0)
    left = solve_triangular(root, shifted.T, lower=True).T
    vectors, values, _ = np.linalg.svd(left, full_matrices=False)
    return Factor(vectors, np.maximum(values**2 - shift, 0.0))


def _along(state: SketchState, held_out: SketchState) -> tuple[Array, float]:
    """Return held-out second moments about the training mean: along each component, and in all."""
    vectors, held = factor_of(state).vectors, factor_of(held_out)
    away = held_out.mean - state.mean
    inner = (vectors.T @ held.vectors) ** 2 @ held.values
    along = inner / held_out.weight + (vectors.T @ away) ** 2
    return along, held_out.total / held_out.weight + float(away @ away)


def _divisor(state: SketchState) -> float:
    return state.weight * (1.0 - 1.0 / state.rows) if state.rows > 1 else 1.0


def _columns(shape: Shape, known: Known) -> ColumnMap:
    """Return the map to the kept columns, a missing number at the mean of the sample."""
    from scipy.sparse import csr_array

    keep, missing, center = known["keep"], known["missing"], known["center"]
    gaps = np.flatnonzero((missing >= 0) & (center != 0.0))
    rows, cols = np.r_[keep, missing[gaps]], np.r_[np.arange(len(keep)), gaps]
    values = np.r_[np.ones(len(keep)), center[gaps]]
    names = tuple(shape.columns[j].name for j in keep)
    return ColumnMap(csr_array((values, (rows, cols)), shape=(shape.d, len(keep))), names, None)
