"""Kernel features: columns in which a linear model is a kernel machine, made in the pass that reads the rows.

With a kernel k(x, x') = exp(-γ‖x - x'‖²) of standardised columns, features φ have φ(x)·φ(x') ≈ k(x, x'):

* ``"nystroem"`` (Williams & Seeger 2001, "Using the Nyström method to speed up kernel machines"):
  φ(x) = K^(-½) k(x, L) for landmarks L, rows of the pilot sample, and K = k(L, L);
* ``"fourier"`` (Rahimi & Recht 2007, "Random features for large-scale kernel machines"):
  φ(x) = √(2/D) cos(xW + b), W normal with variance 2γ.

Landmarks, directions and the width of the kernel are learned before the pass, so they are fields of a summary:
another kernel is another pass. Everything after it (penalties, standardising, selecting) is free on the features
as it is on columns.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import numpy as np

from algorithms.arrays import Array, Matrix, Places
from algorithms.brief import differing
from algorithms.contract import INDICATOR, Batch, Column, Learning, Shape, as_dense
from algorithms.errors import AlgorithmError, NotEnoughRows
from algorithms.lazily import sklearn
from algorithms.learned import Learned
from algorithms.preparing.column_map import ColumnMap
from algorithms.preparing.column_maps import filled_map
from algorithms.preparing.imputed import gap_fills
from algorithms.ranges import Choice, Integer, Legal, Log

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

NONE, NYSTROEM, FOURIER = KERNELS = "none", "nystroem", "fourier"

PAIRS = 4096
"""Pairs of sampled rows whose median distance sets the width of the kernel."""

BLOCK = 1024
"""Rows whose features are made at once."""

GRID = 2.0**40

SEED = 0


@dataclass(frozen=True)
class KernelMap:
    """The map of encoded columns to kernel features.

    Attributes
    ----------
    kernel : ``"nystroem"`` or ``"fourier"``.
    learned : ``feature_fill`` (d,), what stands for a missing number; ``feature_center`` and ``feature_scale`` (q,)
        of the columns that are not missing indicators, ``feature_gamma`` (1,); landmarks ``feature_points`` (D, q)
        and ``feature_root`` (D, D), or directions ``feature_points`` (q, D) and ``feature_offset`` (D,).
    inputs : the map of the encoded columns to those q.
    """

    kernel: str
    learned: Learned
    inputs: ColumnMap = field(compare=False, repr=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The features as columns, named as scikit-learn names them."""
        width = len(self.learned["feature_root" if self.kernel == NYSTROEM else "feature_offset"])
        return columns_of(self.kernel, width)

    @cached_property
    def steps(self) -> list[tuple[str, BaseEstimator]]:
        """The map as fitted scikit-learn transformers over the encoded columns, which have their origins."""
        from algorithms.preparing.steps import ColumnMap as MapColumns  # noqa: PLC0415 -- loads scikit-learn

        (name, scaler), *rest = copy.deepcopy(self._steps)
        scaler.mean_ = scaler.mean_ + self.inputs.origin
        return [("columns", MapColumns().set(self.inputs.matrix, self.inputs.names)), (name, scaler), *rest]

    @cached_property
    def _steps(self) -> list[tuple[str, BaseEstimator]]:
        """``StandardScaler``, then ``Nystroem`` or ``RBFSampler``, over the columns less their origins."""
        known = self.learned
        scaler = sklearn.preprocessing.StandardScaler()
        scaler.mean_, scaler.scale_ = known["feature_center"].copy(), known["feature_scale"].copy()
        scaler.var_, scaler.n_samples_seen_ = scaler.scale_**2, 1
        scaler.n_features_in_ = len(scaler.mean_)
        gamma, width, mapper = float(known["feature_gamma"][0]), len(self.columns), None
        if self.kernel == NYSTROEM:
            mapper = sklearn.kernel_approximation.Nystroem(gamma=gamma, n_components=width, random_state=SEED)
            mapper.components_ = known["feature_points"].copy()
            mapper.normalization_, mapper.component_indices_ = known["feature_root"].copy(), np.arange(width)
        else:
            mapper = sklearn.kernel_approximation.RBFSampler(
                gamma=gamma, n_components=width, random_state=SEED
            )
            mapper.random_weights_ = known["feature_points"].copy()
            mapper.random_offset_ = known["feature_offset"].copy()
        mapper._n_features_out, mapper.n_features_in_ = width, scaler.n_features_in_
        return [("standardize", scaler), ("kernel", mapper)]

    def __call__(self, x: Matrix) -> Array:
        """Return the features of encoded rows, shape (n, D).

        Made in blocks of one size, since the last bits of a matrix product depend on its shape, and rounded to
        multiples of 2⁻⁴⁰: a row has the same features whatever batch it comes in, and rows that are alike to twelve
        digits have none of a spread.
        """
        made = np.empty((x.shape[0], len(self.columns)))
        for start in range(0, len(made), BLOCK):
            rows = self.inputs.rows(as_dense(x[start : start + BLOCK]))
            block = np.zeros((BLOCK, rows.shape[1]))
            block[: len(rows)] = rows
            for _, step in self._steps:
                block = step.transform(block)
            made[start : start + BLOCK] = block[: len(rows)]
        return np.asarray(np.round(made * GRID) / GRID)


def _inputs(shape: Shape) -> Places:
    """Return the places of the columns that distances are measured in: all but missing indicators."""
    return np.array([j for j, column in enumerate(shape.columns) if column.role != INDICATOR], np.intp)


def columns_of(kernel: str, width: int) -> tuple[Column, ...]:
    """Return the names of that many features.

    Examples
    --------
    >>> [column.name for column in columns_of("fourier", 2)]
    ['rbfsampler0', 'rbfsampler1']
    """
    name = "nystroem" if kernel == NYSTROEM else "rbfsampler"
    return tuple(Column(f"{name}{j}", f"{name}{j}") for j in range(width))


@dataclass(frozen=True, kw_only=True, repr=False)
class OnFeatures(Learning):
    """A summary that may be made of kernel features in place of the columns.

    Parameters
    ----------
    kernel : ``"none"`` for the columns themselves, ``"nystroem"`` or ``"fourier"``.
    kernel_scale : width of the kernel, in units of the median distance of two rows of the sample.
    kernel_components : number of features.
    learned : what was learned from the sample; None until then.
    """

    kernel: Annotated[str, Legal(*KERNELS), Choice(*KERNELS, searched=False)] = field(
        default=NONE, repr=False
    )
    kernel_scale: Annotated[float, Legal(gt=0), Log(0.1, 10.0, searched=False)] = field(
        default=1.0, repr=False
    )
    kernel_components: Annotated[int, Legal(ge=2, le=5000), Integer(2, 5000, searched=False)] = field(
        default=100, repr=False
    )

    def __repr__(self) -> str:
        """Show the fields that are always shown, and those that are not at their defaults."""
        return differing(self)

    @property
    def learning(self) -> Learning | None:
        """The summary itself where there is a kernel, whose landmarks are learned before the pass."""
        return self if self.kernel != NONE else None

    def learn(self, shape: Shape, sample: Batch) -> Learned:
        """Return the kernel's landmarks or directions and its width; nothing where there is no kernel."""
        return Learned(self._features(shape, sample))

    def inside(self, shape: Shape) -> Shape:
        """Return the shape that states have: of the features where there are any, else the data's own."""
        if self.kernel == NONE or shape.features is not None:
            return shape
        if self.learned is None:
            made = columns_of(self.kernel, self.kernel_components)
            return dataclasses.replace(shape, columns=made, filled=None)
        return self._shape_of(shape, self.learned)

    def mapped(self, batch: Batch, inside: Shape) -> Batch:
        """Return a batch of the features in place of the columns."""
        if self.kernel == NONE:
            return batch
        if inside.features is None:
            raise AlgorithmError(f"{type(self).__name__} must learn from a sample of rows before its pass")
        values = batch.dense(batch.d + inside.t)
        made = np.empty((batch.n, inside.p), order="F")
        made[:, : inside.d] = inside.features(values[:, : batch.d])
        made[:, inside.d :] = values[:, batch.d :]
        return Batch(made, inside.d, batch.weight, None, batch.priority, batch.clock)

    def _shape_of(self, shape: Shape, known: Learned) -> Shape:
        made = KernelMap(self.kernel, known, filled_map(shape, _inputs(shape), known["feature_fill"]))
        return dataclasses.replace(shape, columns=made.columns, dtype="float64", features=made, filled=None)

    def _features(self, shape: Shape, sample: Batch) -> dict[str, Array]:
        if self.kernel == NONE:
            return {}

        fill = gap_fills(sample, shape, "mean")
        encoded = sample.dense(shape.p)[:, : shape.d].astype(np.float64)
        x: Array = filled_map(shape, _inputs(shape), fill).rows(encoded).astype(np.float64)
        w = sample.weights
        x, w = x[w > 0.0], w[w > 0.0]
        if len(x) < 2 or not shape.d:
            raise NotEnoughRows(f"kernel={self.kernel!r} needs at least 2 sampled rows and a column")
        rng = np.random.default_rng(SEED)
        center = np.average(x, axis=0, weights=w)
        spread = np.sqrt(np.average((x - center) ** 2, axis=0, weights=w))
        scale = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(center)), spread, 1.0)
        z = (x - center) / scale
        a, b = rng.integers(len(z), size=(2, PAIRS))
        squares = ((z[a] - z[b]) ** 2).sum(axis=1)
        typical = float(np.median(squares[squares > 0.0])) if np.any(squares > 0.0) else 1.0
        gamma = 1.0 / (self.kernel_scale**2 * typical)
        found = {
            "feature_fill": fill, "feature_center": center, "feature_scale": scale,
            "feature_gamma": np.array([gamma]),
        }  # fmt: skip
        if self.kernel == FOURIER:
            found["feature_points"] = rng.normal(size=(z.shape[1], self.kernel_components)) * np.sqrt(
                2.0 * gamma
            )
            found["feature_offset"] = rng.uniform(0.0, 2.0 * np.pi, self.kernel_components)
            return found
        return {**found, **self._landmarks(z, w, gamma, rng)}

    def _landmarks(
        self, z: Array, w: Array, gamma: float, rng: np.random.Generator
    ) -> dict[str, Array]:
        """Return distinct rows of the sample, drawn by weight, and K^(-½) of their kernel matrix K."""
        distinct, first = np.unique(z, axis=0, return_index=True)
        if len(distinct) < self.kernel_components:
            raise NotEnoughRows(
                f"kernel_components={self.kernel_components}: the sample has too few distinct rows "
                f"({len(distinct):,}) to be landmarks; ask for fewer components, or use kernel='fourier'"
            )
        drawn = rng.choice(first, self.kernel_components, replace=False, p=w[first] / w[first].sum())
        points = z[np.sort(drawn)]
        u, s, vt = np.linalg.svd(sklearn.metrics.pairwise.rbf_kernel(points, gamma=gamma))
        root = (u / np.sqrt(np.maximum(s, 1e-12))) @ vt
        return {"feature_points": points, "feature_root": root}
