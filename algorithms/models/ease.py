"""EASE: the linear model of every item by all the others, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from algorithms.contract import Array, Tags
from algorithms.families.recommenders import Items, Recommender, digits, items_of
from algorithms.memo import MEMO
from algorithms.ranges import Legal, Log
from algorithms.summaries.moments import MomentsState

if TYPE_CHECKING:
    from scipy.sparse import csr_array


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
        return np.asarray((self.items.axes[1] ** 2) @ self.inverse)


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
        return EASESolution(items, 1.0 / (items.axes[0] + self.alpha))

    def items(self, solution: EASESolution) -> Items:
        """Return the products of items."""
        return solution.items

    def factors(self, solution: EASESolution) -> tuple[Array, ...]:
        """Return B."""
        vectors = solution.items.axes[1]
        made = (vectors * solution.inverse) @ vectors.T
        made /= -np.diagonal(made).copy()
        np.fill_diagonal(made, 0.0)
        return (made,)

    def scored(self, solution: EASESolution, users: csr_array) -> Array:
        """Return xB = x - xP/diag(P)."""
        vectors = solution.items.axes[1]
        made = ((users @ vectors) * solution.inverse) @ vectors.T
        return np.asarray(users.toarray() - made / solution.diagonal)

    def squared(self, solution: EASESolution, held_out: MomentsState) -> tuple[float, float]:
        """Return ‖X - XB‖², and by what share rounding may move it: I - B is P/diag(P)."""
        items, f = solution.items, solution.inverse
        values, vectors = items.axes
        inside = MEMO.get(held_out, (items, "inside"), lambda: vectors.T @ items.seen(held_out) @ vectors)
        made = vectors * f
        each = np.einsum("ij,ij->i", made @ inside, made)
        return float(np.sum(each / solution.diagonal**2)), digits(values, self.alpha)

    def complexity(self, solution: EASESolution) -> float:
        """Return the effective number of free weights of an item: Σλ/(λ + α)."""
        return float(solution.items.axes[0] @ solution.inverse)
