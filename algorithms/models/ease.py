"""EASE: the linear model of every item by all the others, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np

from algorithms.contract import Array, Tags
from algorithms.families.recommenders import Items, Recommender, Users, digits, items_of
from algorithms.memo import MEMO
from algorithms.ranges import Legal, Log
from algorithms.summaries.moments import MomentsState


@dataclass(frozen=True, eq=False)
class EASESolution:
    """P = (G + α)⁻¹, from which B = 1 - P/diag(P).

    Attributes
    ----------
    items : the products of items.
    alpha : α.
    """

    items: Items
    alpha: float

    @property
    def nbytes(self) -> int:
        """Bytes held, what is to come included."""
        return 16 * self.items.count

    @property
    def rest(self) -> float:
        """What P is beyond the directions that are not zero: 1/α."""
        return 1.0 / self.alpha

    @cached_property
    def inverse(self) -> Array:
        """What P is along the directions, shape (r,): 1/(Λ + α)."""
        return 1.0 / (self.items.directions.values + self.alpha)

    @cached_property
    def diagonal(self) -> Array:
        """The diagonal of P, shape (q,)."""
        directions = self.items.directions
        return np.asarray(directions.squares @ self.inverse + self.rest * directions.beyond)


@dataclass(frozen=True, kw_only=True)
class EASE(Recommender[EASESolution]):
    """Embarrassingly shallow auto-encoder: argmin ‖X - XB‖² + α‖B‖² with a diagonal of zeros.

    Exact (Steck 2019, "Embarrassingly shallow autoencoders for sparse data", eq. 8), with one eigendecomposition of
    each fold, whatever the number of penalties.

    Parameters
    ----------
    alpha : the penalty, λ in the paper.

    Examples
    --------
    >>> from algorithms.contract import Batch, Column, Shape
    >>> model = EASE(alpha=1.0)
    >>> state = model.summary.init(Shape((Column("a", "a"), Column("b", "b")), ()))
    >>> state = model.summary.update(state, Batch(np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), d=2))
    >>> model.estimator(model.solve(state))["model"].factors_[0].round(3).tolist()
    [[0.0, 0.333], [0.333, 0.0]]
    """

    alpha: Annotated[float, Legal(gt=0), Log(1.0, 1e5)] = 100.0

    tags: ClassVar[Tags] = Recommender.tags.but(auto=1)

    def solve(self, state: MomentsState) -> EASESolution:
        """Return the products of items; their directions are found when they are asked for."""
        self.check(state)
        return EASESolution(items_of(state), self.alpha)

    def items(self, solution: EASESolution) -> Items:
        """Return the products of items."""
        return solution.items

    def factors(self, solution: EASESolution) -> tuple[Array, ...]:
        """Return B."""
        vectors = solution.items.directions.vectors
        made = (vectors * (solution.inverse - solution.rest)) @ vectors.T
        made /= -solution.diagonal
        np.fill_diagonal(made, 0.0)
        return (made,)

    def scored(self, solution: EASESolution, users: Users) -> Array:
        """Return xB = x - xP/diag(P), with P = 1/α but for the directions of users."""
        directions, rest, left = solution.items.directions, solution.rest, users.left
        more = solution.inverse[: directions.rank] - rest
        made = (users.along(directions) * more) @ directions.vectors[:, : directions.rank].T
        made /= -solution.diagonal
        at = users.owners, left.indices
        made[at] += left.data * (1.0 - rest / solution.diagonal[left.indices])
        return np.asarray(made)

    def squared(self, solution: EASESolution, held_out: MomentsState) -> tuple[float, float]:
        """Return ‖X - XB‖², and by what share rounding may move it: I - B is P/diag(P)."""
        items = solution.items
        values, vectors = items.whole.values, items.whole.vectors
        inside = MEMO.get(held_out, (items, "inside"), lambda: vectors.T @ items.seen(held_out) @ vectors)
        made = vectors / (values + self.alpha)
        each = np.einsum("ij,ij->i", made @ inside, made)
        return float(np.sum(each / np.einsum("ij,ij->i", made, vectors) ** 2)), digits(values, self.alpha)

    def complexity(self, solution: EASESolution) -> float:
        """Return the effective number of free weights of an item: Σλ/(λ + α)."""
        return float(solution.items.directions.values @ solution.inverse)
