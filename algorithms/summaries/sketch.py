"""Sketch: the covariance of wide data by its products with a few directions, O(d·s) in place of O(d²).

Notation

====== ==================================================================
q      columns that are kept: all but the indicators of missing numbers
s      directions
Ω      directions, shape (q, s), orthonormal: those of the largest variance in the pilot sample
S      scatter about the mean, shape (q, q), never made
Y      SΩ, shape (q, s)
====== ==================================================================

Y is additive and S is positive semi-definite, so SΩ(ΩᵀSΩ)⁺ΩᵀS approximates S (Tropp, Yurtsever, Udell & Cevher
2017, "Fixed-rank approximation of a positive-semidefinite matrix from streaming data"). Their directions are
random; these are nearly the leading ones already: the pass is a step of subspace iteration from a good start.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from algorithms.base import APPROXIMATE, INDICATOR, Array, Batch, Shape, SparseBatch
from algorithms.errors import AlgorithmError, InvalidField
from algorithms.known import Known
from algorithms.ranges import Choice, Integer

if TYPE_CHECKING:
    from scipy.sparse import csr_array

POWER = 8
"""Steps of subspace iteration on the pilot sample."""


@dataclass(frozen=True, eq=False)
class SketchState:
    """The state of a :class:`Sketch`.

    Attributes
    ----------
    shape : the encoded columns.
    known : ``keep`` (q,), places of the columns that are kept; ``missing`` (q,), the place of each one's indicator,
        -1 where it has none; ``center`` and ``scale`` (q,); ``test`` (q, s), Ω.
    rows : number of rows seen (int).
    weight : sum of their weights, W.
    mean : shape (q,), of the columns over their scales.
    total : trace of S.
    product : shape (q, s), Y.
    """

    shape: Shape = field(metadata={"static": True})
    known: Known = field(metadata={"static": True})
    rows: int
    weight: float
    mean: Array
    total: float
    product: Array


@dataclass(frozen=True)
class Sketch:
    """Weight, mean, total variance, and products of the covariance with the directions of a sample.

    A missing number counts as the mean of its column in the sample.

    Parameters
    ----------
    size : number of directions s; a few more than the components asked for.
    standardize : divide columns by their standard deviations in the sample.
    known : what :meth:`learn` found; None until then.

    Examples
    --------
    >>> from algorithms.base import Column
    >>> shape, rows = Shape((Column("x", "x"), Column("z", "z"))), Batch(np.array([[0.0, 1.0], [2.0, 5.0]]), 2)
    >>> sketch = Sketch(size=1, standardize=False)
    >>> sketch = sketch.knowing(sketch.learn(shape, rows))
    >>> state = sketch.update(sketch.init(shape), rows)
    >>> state.rows, state.mean.tolist(), round(state.total, 6)
    (2, [1.0, 3.0], 10.0)
    """

    size: Annotated[int, Integer(2, 2000, searched=False)] = 64
    standardize: Annotated[bool, Choice(True, False, searched=False)] = True
    known: Known | None = field(
        default=None, metadata={"learned": True}, kw_only=True, compare=False, repr=False
    )

    version: ClassVar[int] = 1
    tolerance: ClassVar[float] = 1e-8
    sync_every: ClassVar[int | None] = None
    family: ClassVar[str] = APPROXIMATE
    sparse: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 1 <= self.size <= 2000:
            raise InvalidField(f"size={self.size!r}: must be from 1 to 2,000 directions")

    def init(self, shape: Shape) -> SketchState:
        """Return the state of no rows."""
        known = self._pilot()
        q, s = known["test"].shape
        return SketchState(shape, known, 0, 0.0, np.zeros(q), 0.0, np.zeros((q, s)))

    def update(self, state: SketchState, batch: Batch) -> SketchState:
        """Return the state of the rows seen before and those of ``batch``."""
        if not batch.n:
            return state
        return self.merge(state, _lift(state.shape, state.known, batch))

    def merge(self, a: SketchState, b: SketchState) -> SketchState:
        """Return the state of both states' rows (Chan et al. 1979, eq. 1.5, times Ω); leaves both alone."""
        if not b.rows:
            return a
        if not a.rows:
            return b
        weight, delta = a.weight + b.weight, b.mean - a.mean
        between = a.weight * b.weight / weight
        product = np.multiply.outer(delta, (delta @ a.known["test"]) * between)
        product += a.product
        product += b.product
        total = a.total + b.total + between * float(delta @ delta)
        mean = a.mean + delta * (b.weight / weight)
        return SketchState(a.shape, a.known, a.rows + b.rows, weight, mean, total, product)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: q·s + q numbers, a total, a weight and a count."""
        q = len(_kept(shape)[0]) if self.known is None else len(self.known["keep"])
        s = min(self.size, q) if self.known is None else self.known["test"].shape[1]
        return 8 * (q * s + q + 3)

    def learn(self, shape: Shape, sample: Batch) -> Known:
        """Return centres, scales and directions: those of the largest variance in the sample."""
        keep, missing = _kept(shape)
        if not len(keep):
            raise AlgorithmError("a sketch needs at least one column")
        x, w = _columns(sample, shape, keep, missing, np.zeros(len(keep)))
        total = max(float(w.sum()), 1e-300)
        mean = np.asarray(x.T @ w) / total
        gap = _columns_of(sample, shape, missing, w) / total
        center = mean / np.where(gap < 1.0, 1.0 - gap, 1.0)
        square = np.asarray(x.power(2).T @ w if hasattr(x, "power") else (x * x).T @ w) / total
        spread = np.sqrt(np.maximum(square - (1.0 - gap) * center * center, 0.0))
        known = spread > 1e-9 * np.maximum(1.0, np.abs(center))
        scale = np.where(known, spread, 1.0) if self.standardize else np.ones(len(keep))
        about = {"keep": keep, "missing": missing, "center": center, "scale": scale}
        return Known({**about, "test": self._directions(sample, shape, about)})

    def knowing(self, known: Known) -> Sketch:
        """Return this summary, ready for a pass."""
        return dataclasses.replace(self, known=known)

    def _pilot(self) -> Known:
        if self.known is None:
            raise AlgorithmError("Sketch must learn from a sample of rows before its pass")
        return self.known

    def _directions(self, sample: Batch, shape: Shape, about: dict[str, Any]) -> Array:
        """Return Ω by subspace iteration on the sample, from random directions."""
        q = len(about["keep"])
        test = np.linalg.qr(np.random.default_rng(0).normal(size=(q, min(self.size, q))))[0]
        for _ in range(POWER + 1 if sample.n else 0):
            product = _lift(shape, Known({**about, "test": test}), sample).product
            # what the sample does not span keeps its random directions
            noise = 1e-9 * max(float(np.abs(product).max(initial=0.0)), 1e-300)
            test = np.linalg.qr(product + noise * test)[0]
        return np.asarray(test)


def _kept(shape: Shape) -> tuple[Any, Any]:
    """Return the places of the columns that are kept, and of their indicators (-1 for none)."""
    gaps = {c.source: j for j, c in enumerate(shape.columns) if c.role == INDICATOR}
    keep = [j for j, c in enumerate(shape.columns) if c.role != INDICATOR]
    missing = [gaps.get(shape.columns[j].source, -1) for j in keep]
    return np.array(keep, np.intp), np.array(missing, np.intp)


def _columns(
    batch: Batch, shape: Shape, keep: Any, missing: Any, center: Array
) -> tuple[csr_array | Array, Array]:
    """Return the kept columns, missing numbers at their centres, and the weights: sparse where the batch is."""
    w = batch.weights
    gaps = np.flatnonzero(missing >= 0)
    if isinstance(batch, SparseBatch):
        from scipy.sparse import diags_array

        x = batch.matrix[:, keep].astype(np.float64)
        holes = batch.matrix[:, missing[gaps]]
        if holes.nnz and np.any(center[gaps]):
            fill = diags_array(center[gaps]).tocsr()
            place = diags_array(np.ones(len(keep))).tocsr()[gaps]
            x = (x + holes @ fill @ place).tocsr()
        return x, w
    dense = batch.dense(shape.p)
    made = dense[:, keep].astype(np.float64)
    if len(gaps):
        made[:, gaps] += dense[:, missing[gaps]] * center[gaps]
    return made, w


def _columns_of(batch: Batch, shape: Shape, missing: Any, w: Array) -> Array:
    """Return the weight of the missing numbers of each kept column."""
    found, gaps = np.zeros(len(missing)), np.flatnonzero(missing >= 0)
    if isinstance(batch, SparseBatch):
        found[gaps] = np.asarray(batch.matrix[:, missing[gaps]].T @ w)
    else:
        found[gaps] = w @ batch.dense(shape.p)[:, missing[gaps]]
    return found


def _lift(shape: Shape, known: Known, batch: Batch) -> SketchState:
    """Return the state of one batch: centred by its own mean, for sparse rows without making them dense."""
    scale, test = known["scale"], known["test"]
    x, w = _columns(batch, shape, known["keep"], known["missing"], known["center"])
    weight = float(w.sum())
    if isinstance(batch, SparseBatch):
        inner: Any = test / scale[:, None]
        along = np.asarray(x @ inner)
        along -= (w @ along) / weight
        product = np.asarray(x.T @ (along * w[:, None])) / scale[:, None]
        mean = np.asarray(x.T @ w) / weight / scale
        stored = x.tocoo()  # type: ignore[union-attr]
        apart = stored.data / scale[stored.col] - mean[stored.col]
        heavy = np.bincount(stored.col, w[stored.row], len(mean))
        total = float(w[stored.row] @ (apart * apart)) + float((weight - heavy) @ (mean * mean))
        return SketchState(shape, known, batch.n, weight, mean, total, product)
    z = np.asarray(x) / scale
    shift = z[0].copy()
    z -= shift
    away = (w @ z) / weight
    z -= away
    along = z @ test
    product = z.T @ (along * w[:, None])
    total = float(w @ np.einsum("ij,ij->i", z, z))
    return SketchState(shape, known, batch.n, weight, shift + away, total, product)
