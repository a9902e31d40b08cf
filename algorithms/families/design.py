"""Preprocessing after the pass: a linear map T of the columns turns the moments S into TᵀST.

Imputing, merging rare categories, dropping and selecting columns, and standardising are all such maps, so
they are free hyperparameters: a :class:`Design` is made from a state in which no row is left.

==== =============================================================
q    columns of the design
T    map from encoded to design columns, shape (d, q)
G    Gram matrix of the design's columns, shape (q, q)
b    their products with the target, shape (q,)
==== =============================================================
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace

import numpy as np

from algorithms.arrays import Array, Mask, Places
from algorithms.contract import Shape
from algorithms.memo import MEMO, VIEWS
from algorithms.preparing.column_map import CANCELLED, ColumnMap
from algorithms.preparing.column_maps import column_map
from algorithms.preparing.preprocess import Preprocess
from algorithms.solvers.spectrum import Spectrum, decompose, decompose_root, factored, unlike
from algorithms.summaries.moments import MomentsState
from algorithms.summaries.precise import EPS, triangular
from algorithms.unlocked import cached_property

CARE = 4.0
"""The products of a state may be off by so many roundings, relative to the sizes of the two columns."""

WIDE = 32.0
"""Eigenvectors of products may be off by so many roundings of the largest column."""

DRAWS = 4
"""Draws of rounding that show what it may move, where one shows that it moves anything to speak of."""

SEPARATE = 1e-6
"""Least eigenvalue of columns of length one that are far from collinear."""

ALIKE = 1e-12
"""Columns whose lengths differ by no more are of one length."""

KNOWN = 1e-9
"""Relative error of a column's spread up to which products will do where rows are at hand."""

TIED = 1e-12
"""Difference of two correlations, beside the largest, up to which they are one."""


@dataclass(frozen=True, eq=False)
class View:
    """A state's moments in the columns of a design.

    Attributes
    ----------
    weight : W.
    mean : shape (q,), of the design's columns after centring and scaling by the design's own statistics.
    gram : shape (q, q), scatter about that mean.
    xy : shape (q,), the scatter with the target.
    y_mean, yy : the target's mean and scatter.
    away : shape (q,), ``mean`` less that of the design's rows, where the model has an intercept.
    reach : shape (3, q), what coefficients of size one may come to: the length of each column, or of its parts,
        here and in the design's rows, and the largest size of the means that ``mean`` is a difference of.
    root : a root of the scatter of columns and target, shape (r, q + 1); None where the state has none.
    rounding : relative error of the products.
    """

    weight: float
    mean: Array
    gram: Array
    xy: Array
    y_mean: float
    yy: float
    away: Array
    reach: Array
    root: Array | None = None
    rounding: float = CARE * EPS

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        root = 0 if self.root is None else self.root.nbytes
        return self.gram.nbytes + 6 * self.mean.nbytes + root


@dataclass(frozen=True, eq=False)
class Design:
    """The problem that a model solves: Gram matrix, products with the target, and the way back to columns.

    Attributes
    ----------
    columns : T after selection.
    shape : the encoded columns.
    mean, scale : shape (q,); what is subtracted from a column of the state and what it is divided by.
    offset : shape (q,), the columns' means as the model sees them (zero where standardised).
    gram, xy, yy : G, b and the target's square, centred where the model has an intercept.
    y_mean : mean of the target.
    weight, rows : W and the number of rows.
    preprocess : what made it.
    parts : shape (q,), length of the encoded columns that a column is the sum of, which may cancel; of one that is
        neither centred nor scaled its origin is a part.
    root : a root of the joint products of columns and target, shape (r, q + 1); None where the state has none.
    rounding : relative error of the products.
    varied : the target's square about its mean.
    cancelled : shape (q,), whether a column counts as one that does not vary since its parts cancel, but for what
        products can resolve of them; every column where one that may have been selected does.
    """

    columns: ColumnMap
    shape: Shape
    mean: Array
    scale: Array
    offset: Array
    gram: Array
    xy: Array
    yy: float
    y_mean: float
    weight: float
    rows: int
    preprocess: Preprocess
    parts: Array
    root: Array | None = None
    rounding: float = CARE * EPS
    varied: float = 0.0
    cancelled: Mask | None = None

    @property
    def q(self) -> int:
        """Number of design columns."""
        return len(self.xy)

    @property
    def nbytes(self) -> int:
        """Bytes held, the eigenvectors to come included."""
        return (4 if self.root is None else 6) * self.gram.nbytes + self.columns.nbytes

    @property
    def variance(self) -> Array:
        """The variance of the columns of T, shape (q,)."""
        return np.asarray(np.diagonal(self.gram) / self.weight * self.scale**2)

    @property
    def coarse(self) -> bool:
        """Whether parts of a column cancel so far that its spread has not eight digits, or none."""
        if self.cancelled is None:
            return False
        unknown = self.rounding * self.parts**2 > KNOWN * np.diagonal(self.gram)
        return bool(np.any(self.cancelled | unknown))

    @cached_property
    def unscaled(self) -> Array:
        """Relative rounding of each deviation that columns are divided by, where long parts cancel, shape (q,)."""
        length = lengths(self.gram)
        longer = self.preprocess.standardize & (self.parts > 10.0 * length) & (length > 0.0)
        ratio = np.where(longer, self.parts / np.where(longer, length, 1.0), 0.0)
        return self.rounding * (ratio**2 if self.root is None else ratio)

    @cached_property
    def spectrum(self) -> Spectrum:
        """Eigenvalues and eigenvectors of G, computed once."""
        if self.root is not None:
            return decompose_root(self.root, self.gram, self.xy)
        return decompose(self.gram, self.xy)

    @cached_property
    def graded(self) -> Spectrum:
        """The same where small directions count: from a factor of G if columns are of unlike scales.

        What takes the leading directions, or weighs them by their eigenvalues, takes this one.
        """
        if self.root is not None or not unlike(np.diagonal(self.gram)):
            return self.spectrum
        return decompose(self.gram, self.xy, graded=True)

    @cached_property
    def rows_like(self) -> Array | None:
        """Few rows of the same joint products, shape (r, q + 1): the root, or a factor of the products.

        None where columns are of like scales, and products do as well.
        """
        if self.root is not None or not unlike(np.diagonal(self.gram)):
            return self.root
        return factored(self._joint)

    @property
    def _joint(self) -> Array:
        """G, b and the target's square in one matrix, shape (q + 1, q + 1)."""
        joint = np.empty((self.q + 1, self.q + 1))
        joint[:-1, :-1], joint[-1, -1] = self.gram, self.yy
        joint[-1, :-1] = joint[:-1, -1] = self.xy
        return joint

    @cached_property
    def sizes(self) -> Array:
        """What each column's rounding is relative to, shape (q,): its length, or that of its longer parts."""
        return np.maximum(lengths(self.gram), self.parts)

    @property
    def apart(self) -> bool:
        """Whether the target's mean is a direction that no column has a part of: in a root, its last row."""
        return not self.preprocess.center and not self.offset.any()

    @cached_property
    def lengths(self) -> Array:
        """Length of each column, shape (q,); one of a column of zeros."""
        length = lengths(self.gram)
        return np.where(length > 0.0, length, 1.0)

    @cached_property
    def turned(self) -> Array:
        """(Rᵀ)⁺ for a root R of columns of length one, shape (r, q); empty where there is no root."""
        if self.root is None:
            return np.zeros((0, self.q))
        return np.asarray(np.linalg.pinv((self.root[:, :-1] / self.lengths).T), np.float64)

    @property
    def rounded(self) -> Array | None:
        """The rows of the root that rounding touched; None where there is no root."""
        return self.root[:-1] if self.root is not None and self.apart else self.root

    @cached_property
    def reach(self) -> float:
        """What the rounding of the target's products is relative to: its length along what columns can reach."""
        if self.rounded is not None:
            return float(np.linalg.norm(self.rounded[:, -1]))
        return float(np.sqrt(max(self.varied if self.apart else self.yy, 0.0)))

    @cached_property
    def leverage(self) -> tuple[Array, float]:
        """1/d for lengths d of the columns, shape (q,), and a bound of Σs|A⁻¹h| by it: that times ‖h/d‖.

        A are the products of any of the columns, with any penalty. In columns of length one they are at least λ,
        the least eigenvalue of all of them, so that ‖dA⁻¹h‖ ≤ ‖h/d‖/λ, and Σs|A⁻¹h| ≤ ‖s/d‖ ‖h/d‖/λ. Infinite
        where λ is next to nothing.
        """
        d = lengths(self.gram)
        seen = d > 0.0
        inverse = np.divide(1.0, d, out=np.zeros_like(d), where=seen)
        if np.any(self.sizes[~seen] > 0.0):
            return inverse, np.inf
        least = self._least(inverse[seen], seen)
        bound = float(np.linalg.norm(self.sizes * inverse)) / least if least > SEPARATE else np.inf
        return inverse, bound

    def _least(self, inverse: Array, seen: Mask) -> float:
        """Return the least eigenvalue of the products of columns of length one."""
        if not len(inverse):
            return 1.0
        known = self.__dict__.get("spectrum")
        if known is not None and seen.all() and np.ptp(inverse) <= ALIKE * inverse[0] and not known.rooted:
            return float(known.values[-1]) * float(inverse[0]) ** 2
        alike = self.gram[np.ix_(seen, seen)] * np.multiply.outer(inverse, inverse)
        return float(np.linalg.eigvalsh(alike)[0])

    @cached_property
    def shaken(self) -> Design:
        """The same problem with its products, or its root, off by as much as rounding may have made them.

        What a model of it scores differently shows how far rounding may have moved the score. Entries are off
        beside the sizes of their own columns; those of products of columns of like scales also beside that of the
        largest one, as their eigenvectors are found.
        """
        return self._shaken(WIDE)

    @cached_property
    def shaken_again(self) -> tuple[Design, ...]:
        """The same in other draws: in one alone, what rounding moves may cancel by chance."""
        return tuple(self._shaken(WIDE, draw) for draw in range(1, DRAWS))

    @cached_property
    def shaken_products(self) -> Design:
        """The same for a model that solves for its coefficients, and needs no eigenvector for itself."""
        return self._shaken(0.0)

    def _shaken(self, wide: float, draw: int = 0) -> Design:
        rng, size = np.random.default_rng(draw), np.append(self.sizes, self.reach)
        if self.rounded is not None:
            noise = rng.choice([-1.0, 1.0], self.rounded.shape) / np.sqrt(max(1, len(self.rounded)))
            root = np.array(self.root)
            root[: len(noise)] += self.rounding * noise * size
            whole = root.T @ root
        else:
            noise = np.triu(rng.choice([-1.0, 1.0], (self.q + 1, self.q + 1)))
            noise += np.triu(noise, 1).T
            root, off = None, self.rounding * np.multiply.outer(size, size)
            if not unlike(np.diagonal(self.gram)):
                off[:-1, :-1] += wide * EPS * np.max(size[:-1], initial=0.0) ** 2
            whole = self._joint + noise * off
        return replace(self, gram=whole[:-1, :-1], xy=whole[:-1, -1], yy=float(whole[-1, -1]), root=root)

    def blind_to(self, view: View) -> bool:
        """Return whether other rows have values of a column of which products do not show whether it has any."""
        if self.cancelled is None or not self.cancelled.any():
            return False
        apart = np.diagonal(view.gram) + view.weight * view.away**2
        known = view.reach[0] ** 2 + view.weight * view.reach[2] ** 2
        return bool(np.any(self.cancelled & (apart > 2.0 * CANCELLED * known)))

    def view(self, state: MomentsState) -> View:
        """Return another state's moments in this design's columns (kept for the state)."""
        return VIEWS.get(state, self, lambda: _view(self, state))

    def intercept(self, coef: Array) -> float:
        """Return the intercept that belongs to the coefficients of the design's columns."""
        return self.y_mean - float(self.offset @ coef) if self.preprocess.center else 0.0

    def at_origin(self) -> Design:
        """Return the design in the columns of a pipeline, which have their origins: what a fitted model gets.

        Only where columns are neither centred nor measured from zero already is there a difference.
        """
        if self.preprocess.standardize or not self.preprocess.center or not self.columns.origin.any():
            return self
        made = dataclasses.replace(self, offset=self.offset + self.columns.origin)
        for name in ("spectrum", "graded"):
            if name in self.__dict__:
                made.__dict__[name] = self.__dict__[name]
        return made


def design_of(state: MomentsState, preprocess: Preprocess) -> Design:
    """Return the state's design under that preprocessing (kept for the state)."""
    return MEMO.get(state, preprocess, lambda: _design(state, preprocess))


def _design(state: MomentsState, how: Preprocess) -> Design:
    d = state.shape.d
    columns = column_map(state, how.impute, how.min_frequency)
    mean, (gram, xy) = columns.mean(state.mean[:d]), _products(state, columns)
    xy = np.where(np.diagonal(gram) > 0.0, xy, 0.0)
    yy, y_mean = _target(state)
    unranked = False
    if how.select is not None and how.select < len(mean):
        every = np.diagonal(gram)
        lost = (every == 0.0) & (columns.parts(state.squares[:d]) > 0.0)
        unranked = bool(lost.any()) and not len(state.root)
        best = most_correlated(np.diagonal(gram), state.association(columns), how.select)
        columns, mean, gram, xy = columns.take(best), mean[best], gram[np.ix_(best, best)], xy[best]
    variance = np.diagonal(gram) / state.weight
    scale = deviations(variance, mean, state.weight) if how.standardize else np.ones(len(mean))
    gram, xy = gram / np.multiply.outer(scale, scale), xy / scale
    shift = mean if how.standardize else np.zeros(len(mean)) if how.center else -columns.origin
    offset, varied = (mean - shift) / scale, yy
    constant = np.diagonal(gram) == 0.0
    root = _root(state, columns, scale, constant)
    if not how.center:
        if root is not None:
            extra = np.sqrt(state.weight) * np.append(offset, y_mean)
            rows = np.concatenate([root, extra[None]])
            root = triangular([rows]) if offset.any() else rows
        gram = gram + state.weight * np.multiply.outer(offset, offset)
        xy, yy = xy + state.weight * y_mean * offset, yy + state.weight * y_mean**2
    parts = columns.parts(state.squares[:d]) / scale
    nothing, parts = constant & (parts > 0.0), np.where(constant, 0.0, parts)
    if nothing.any() and state.weight == state.rows:  # of n rows with levels none or one at least has another
        nothing &= ~columns.of_levels(state.shape.columns)
    if not (how.center or how.standardize):
        origin = np.abs(columns.origin)  # of a value that is not centred, a part that cancels like another
        nothing |= constant & (np.abs(offset) <= EPS * origin) & (origin > 0.0)
        parts = np.hypot(parts, np.sqrt(state.weight) * origin)
    cancelled = nothing | np.bool_(unranked) if root is None else None
    return Design(
        columns, state.shape, shift, scale, offset, gram, xy, yy, y_mean, state.weight, state.rows, how,
        parts, root, CARE * state.rounding, varied, cancelled,
    )  # fmt: skip


def _view(design: Design, state: MomentsState) -> View:
    d, columns, scale = state.shape.d, design.columns, design.scale
    varies = np.diagonal(design.gram) > 0.0
    gram, xy = _products(state, columns, varies)
    constant = np.diagonal(gram) == 0.0
    gram, xy = gram / np.multiply.outer(scale, scale), xy / scale
    mean = (columns.mean(state.mean[:d]) - design.mean) / scale
    yy, y_mean = _target(state)
    away = mean - design.offset if design.preprocess.center else mean
    far = (np.abs(columns.mean(state.mean[:d])) + np.abs(design.mean)) / scale
    same = (np.diagonal(design.gram) == 0.0) & (np.abs(away) <= CANCELLED * far)
    mean, away = np.where(same, mean - away, mean), np.where(same, 0.0, away)  # one value, there and here
    parts = columns.parts(state.squares[:d]) / scale
    reach = np.stack([np.maximum(lengths(gram), parts), design.sizes, far])
    root, rounding = _root(state, columns, scale, constant), CARE * state.rounding
    return View(
        state.weight, mean, gram, xy, y_mean, yy, away, reach, root, rounding
    )


def lengths(gram: Array) -> Array:
    """Return the length of each column, from the products of columns."""
    return np.asarray(np.sqrt(np.maximum(np.diagonal(gram), 0.0)))


def _root(
    state: MomentsState, columns: ColumnMap, scale: Array, constant: Mask | None = None
) -> Array | None:
    """Return a root of the scatter of a design's columns and the target, triangular; None where there is none.

    Columns that are constant but for rounding are zero in it.
    """
    if not len(state.root):
        return None
    mapped, target = _of_root(state, columns)
    mapped = mapped / scale
    if constant is not None:
        mapped = np.where(constant, 0.0, mapped)
    return triangular([np.column_stack([mapped, target])])


def _products(
    state: MomentsState, columns: ColumnMap, as_is: Mask | None = None
) -> tuple[Array, Array]:
    """Return the products of T's columns with each other and with the target: of the root's, where there is one.

    Parts of a column that cancel leave a root twice the digits that they leave products. Those of a column that
    does not vary but for rounding are zero, unless it is left ``as_is``.
    """
    k = len(state.within)
    if not len(state.root):
        return columns.both(state.inner[:k, :k], state.within, as_is), columns.mean(state.with_target)
    root, target = _of_root(state, columns)
    gram = root.T @ root
    parts = columns.parts(state.squares[: state.shape.d])
    constant = np.diagonal(gram) <= (CANCELLED * parts) ** 2
    constant = constant if as_is is None else constant & ~as_is
    gram[constant, :] = gram[:, constant] = 0.0
    return gram, np.asarray(root.T @ target)


def _of_root(state: MomentsState, columns: ColumnMap) -> tuple[Array, Array]:
    """Return a state's root in T's columns, and the target beside it: zeros where there is none."""
    k = len(state.within)
    target = state.root[:, k] if state.shape.t else np.zeros(len(state.root))
    return columns.rows_within(state.root[:, :k], state.within), target


def _target(state: MomentsState) -> tuple[float, float]:
    d = state.shape.d
    return (float(state.squares[d]), float(state.mean[d])) if state.shape.t else (0.0, 0.0)


def deviations(variance: Array, mean: Array, weight: float) -> Array:
    """Return the population standard deviations, one where a column is constant to rounding.

    The bound is scikit-learn's (``_is_constant_feature``): variance at most W·eps·var + (W·mean·eps)².

    Examples
    --------
    >>> deviations(np.array([4.0, 0.0]), np.zeros(2), 10.0).tolist()
    [2.0, 1.0]
    """
    eps = np.finfo(np.float64).eps
    constant = variance <= weight * eps * variance + (weight * mean * eps) ** 2
    return np.asarray(np.sqrt(np.where(constant, 1.0, variance)))


def most_correlated(xx: Array, association: Array, k: int) -> Places:
    """Return the k columns of largest correlation, in column order; of equals the last, as ``SelectKBest`` does.

    Correlations that differ by rounding are equal: the two columns of a yes-or-no category tie whatever the rows,
    and so do columns that do not go with the target at all. Constant ones come after all others.

    Examples
    --------
    >>> most_correlated(np.ones(4), np.array([0.5, 0.1, 0.5 + 1e-15, 0.9]), 2).tolist()
    [2, 3]
    >>> most_correlated(np.array([1.0, 1.0, 0.0, 1.0]), np.array([1e-17, 1e-18, 0.0, 0.9]), 2).tolist()
    [1, 3]
    """
    strength = np.where(xx > 0.0, association / np.sqrt(np.where(xx > 0.0, xx, 1.0)), -1.0)
    order = np.argsort(strength, kind="stable")
    ascending = strength[order]
    rank = np.empty(len(order), np.intp)
    rank[order] = np.concatenate([[0], np.cumsum(np.diff(ascending) > TIED * ascending[-1])])
    return np.sort(np.argsort(rank, kind="stable")[-k:])
