"""PureSVD: recommendation by the leading directions of users' rows, and with a penalty along them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from algorithms.contract import Array, Tags
from algorithms.families.recommenders import Directions, Items, Recommender, Users, digits, items_of
from algorithms.memo import MEMO
from algorithms.ranges import Integer, Legal, Log, Range, Uniform
from algorithms.summaries.moments import MomentsState


@dataclass(frozen=True, eq=False)
class PureSVDSolution:
    """B = V diag(s) Vᵀ.

    Attributes
    ----------
    items : the products of items.
    directions : of rows.
    shrunk : shape (k,), s: λ/(λ + α) of the first directions.
    """

    items: Items
    directions: Directions
    shrunk: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.shrunk.nbytes

    @property
    def vectors(self) -> Array:
        """The directions that are kept, shape (q, k)."""
        return self.directions.vectors[:, : len(self.shrunk)]


@dataclass(frozen=True, kw_only=True)
class PureSVD(Recommender[PureSVDSolution]):
    """Recommendation by the leading singular directions of users' rows.

    Exact (Cremonesi, Koren & Turrin 2010, "Performance of recommender algorithms on top-N recommendation tasks",
    §3.2.2). Of more ``n_components`` than there are items or users, as many as these are kept.

    Parameters
    ----------
    n_components : number of directions.
    alpha : shrinks each by λ/(λ + α); 0 is PureSVD.
    scaling : items are multiplied by their length to this power less one before directions are found; 1 leaves
        them, less than 1 takes weight from popular items (Nikolakopoulos et al. 2019, "EigenRec").

    Examples
    --------
    >>> PureSVD(n_components=20).alpha
    0.0
    """

    n_components: Annotated[int, Legal(ge=1), Integer(1, None, log=True)] = 50
    alpha: Annotated[float, Legal(ge=0), Log(1e-2, 1e4)] = 0.0
    scaling: Annotated[float, Legal(ge=-1, le=2), Uniform(0.0, 1.0, searched=False)] = 1.0

    tags: ClassVar[Tags] = Recommender.tags.but(auto=2)

    def solve(self, state: MomentsState) -> PureSVDSolution:
        """Return the leading directions (kept for the state and the scaling)."""
        self.check(state)
        items = items_of(state)
        found = MEMO.get(items, ("directions", self.scaling), lambda: self._directions(items))
        values = found.values[: min(self.n_components, found.rank)]
        return PureSVDSolution(items, found, values / np.maximum(values + self.alpha, 1e-300))

    def _directions(self, items: Items) -> Directions:
        if self.scaling == 1.0:
            return items.directions
        gram = items.gram
        lengths = np.sqrt(np.maximum(np.diagonal(gram), 0.0))
        scale = np.where(lengths > 0.0, lengths, 1.0) ** (self.scaling - 1.0)
        gram *= np.multiply.outer(scale, scale)
        return Directions.leading(gram, overwrite=True) if items.few else Directions.of(gram)

    def items(self, solution: PureSVDSolution) -> Items:
        """Return the products of items."""
        return solution.items

    def factors(self, solution: PureSVDSolution) -> tuple[Array, ...]:
        """Return V diag(s) and Vᵀ."""
        return solution.vectors * solution.shrunk, np.ascontiguousarray(solution.vectors.T)

    def scored(self, solution: PureSVDSolution, users: Users) -> Array:
        """Return xV diag(s) Vᵀ."""
        along = users.along(solution.directions)[:, : len(solution.shrunk)]
        return np.asarray((along * solution.shrunk) @ solution.vectors.T)

    def squared(self, solution: PureSVDSolution, held_out: MomentsState) -> tuple[float, float]:
        """Return ‖X - XB‖² = Σ(1 - s)²μ, with μ the held-out squares along V, and what rounding may move."""
        whole, vectors = solution.items.seen(held_out), solution.directions.vectors
        along = MEMO.get(held_out, (solution.directions, "along"), lambda: Along.of(whole, vectors))
        k = len(solution.shrunk)
        beyond = max(0.0, along.every - float(along.squares.sum()))
        total = float((1.0 - solution.shrunk) ** 2 @ along.squares[:k] + along.squares[k:].sum()) + beyond
        moved = digits(np.array([along.every, total]), 0.0) * len(vectors)
        return total, moved

    def complexity(self, solution: PureSVDSolution) -> float:
        """Return the effective number of directions: Σλ/(λ + α)."""
        return float(solution.shrunk.sum())

    def bounds(self, state: MomentsState) -> Mapping[str, Range | None]:
        """Return directions up to the number of items or users, and penalties around the users of an item."""
        most = max(1, min(len(items_of(state).names), state.rows) - 1)
        return {**super().bounds(state), "n_components": Integer(1, most, log=True)}


@dataclass(frozen=True, eq=False)
class Along:
    """The squares of held-out rows.

    Attributes
    ----------
    squares : along directions, shape (r,).
    every : all of them, those along no direction of the training rows included.
    """

    squares: Array
    every: float

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.squares.nbytes

    @classmethod
    def of(cls, gram: Array, vectors: Array) -> Along:
        """Return them from the products of items."""
        return cls(np.einsum("ij,ij->j", vectors, gram @ vectors), float(np.trace(gram)))
