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
    inverse : shape (q,), 1/(Λ + α).
    """

    items: Items
    inverse: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.inverse.nbytes

    @cached_property
    def diagonal(self) -> Array:
        """The diagonal of P, shape (q,)."""
        return np.asarray((self.items.directions.vectors**2) @ self.inverse)


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
        """Return P by its eigenvalues."""
        self.check(state)
        items = items_of(state)
        return EASESolution(items, 1.0 / (items.directions.values + self.alpha))

    def items(self, solution: EASESolution) -> Items:
        """Return the products of items."""
        return solution.items

    def factors(self, solution: EASESolution) -> tuple[Array, ...]:
        """Return B."""
        vectors = solution.items.directions.vectors
        made = (vectors * solution.inverse) @ vectors.T
        made /= -np.diagonal(made).copy()
        np.fill_diagonal(made, 0.0)
        return (made,)

    def scored(self, solution: EASESolution, users: Users) -> Array:
        """Return xB = x - xP/diag(P), with P = 1/α but for the directions of users."""
        directions, rest = solution.items.directions, 1.0 / self.alpha
        along, own = users.along(directions), users.left.toarray()
        more = solution.inverse[: directions.rank] - rest
        made = (along * more) @ directions.vectors[:, : directions.rank].T + rest * own
        return np.asarray(own - made / solution.diagonal)

    def squared(self, solution: EASESolution, held_out: MomentsState) -> tuple[float, float]:
        """Return ‖X - XB‖², and by what share rounding may move it: I - B is P/diag(P)."""
        items, f = solution.items, solution.inverse
        values, vectors = items.directions.values, items.directions.vectors
        inside = MEMO.get(held_out, (items, "inside"), lambda: vectors.T @ items.seen(held_out) @ vectors)
        made = vectors * f
        each = np.einsum("ij,ij->i", made @ inside, made)
        return float(np.sum(each / solution.diagonal**2)), digits(values, self.alpha)

    def complexity(self, solution: EASESolution) -> float:
        """Return the effective number of free weights of an item: Σλ/(λ + α)."""
        return float(solution.items.directions.values @ solution.inverse)
