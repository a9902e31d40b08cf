"""Covariates: columns beside the target that windows of series have, and of which steps.

Notation
====== ==================================================================
L, H   past and next values of a window
E      past values that a window has of each covariate, E ≤ L
c      covariates: encoded columns of a row that say which steps a window has of them
====== ==================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Places
from algorithms.batches import FUTURE, PAST, STATIC, Column, Shape


@dataclass(frozen=True)
class Covariates:
    """What a window has of the columns beside the target.

    Attributes
    ----------
    columns : the c covariates, in the order of the rows' columns.
    places : their places among these.
    context, horizon : L and H.
    lags : E.

    Examples
    --------
    >>> price, kind = Column("price", "price", given="future"), Column("kind_a", "kind", "level", given="static")
    >>> found = Covariates.of(Shape((price, kind), ("y",)), 3, 2, 1)
    >>> [column.name for column in found.names()]
    ['price[0]', 'price[+1]', 'price[+2]', 'kind_a']
    >>> steps = np.array([[[10.0, 1.0], [11.0, 1.0], [12.0, 1.0], [13.0, 0.0], [14.0, 0.0]]])
    >>> found.rows(steps).tolist()
    [[12.0, 13.0, 14.0, 1.0]]
    """

    columns: tuple[Column, ...] = ()
    places: tuple[int, ...] = ()
    context: int = 0
    horizon: int = 0
    lags: int = 0

    @classmethod
    def of(cls, shape: Shape, context: int, horizon: int, lags: int) -> Covariates:
        """Return those of rows of a shape."""
        places = tuple(i for i, column in enumerate(shape.columns) if column.given)
        return cls(tuple(shape.columns[i] for i in places), places, context, horizon, lags)

    @cached_property
    def before(self) -> Places:
        """The covariates that a window has past values of."""
        return self._those(PAST, FUTURE)

    @cached_property
    def ahead(self) -> Places:
        """The covariates that a window has next values of."""
        return self._those(FUTURE)

    @cached_property
    def still(self) -> Places:
        """The covariates that a window has one value of."""
        return self._those(STATIC)

    @property
    def width(self) -> int:
        """How many columns of a window they are."""
        return self.lags * len(self.before) + self.horizon * len(self.ahead) + len(self.still)

    def names(self) -> tuple[Column, ...]:
        """Return the columns of a window: past values of each, next values of each, and what does not change."""
        made = [(place, f"[{j - self.lags + 1}]") for place in self.before for j in range(self.lags)]
        made += [(place, f"[+{h + 1}]") for place in self.ahead for h in range(self.horizon)]
        made += [(place, "") for place in self.still]
        return tuple(Column(self.columns[i].name + words, self.columns[i].source) for i, words in made)

    def past_places(self, lags: int) -> Places:
        """Return the places of the last past values among the columns of a window."""
        every = np.arange(self.lags * len(self.before)).reshape(len(self.before), self.lags)
        return every[:, self.lags - lags :].ravel()

    def next_places(self, step: int | None = None) -> Places:
        """Return the places of the values at a next step, from 0, or at all of them."""
        first, n = self.lags * len(self.before), self.horizon * len(self.ahead)
        every = first + np.arange(n).reshape(len(self.ahead), self.horizon)
        return every.ravel() if step is None else every[:, step]

    def static_places(self) -> Places:
        """Return the places of what does not change."""
        return np.arange(self.width - len(self.still), self.width)

    def rows(self, steps: Array) -> Array:
        """Return the columns of windows, shape (n, width), by their covariates, shape (n, L + H, c).

        Where only L steps are given, the values at the next ones are zero.
        """
        n, context = len(steps), self.context
        ahead = steps[:, context:][:, :, self.ahead]
        if steps.shape[1] == context:
            ahead = np.zeros((n, self.horizon, len(self.ahead)))
        parts = [steps[:, context - self.lags : context][:, :, self.before], ahead]
        flat = [np.swapaxes(part, 1, 2).reshape(n, -1) for part in parts]
        return np.concatenate([*flat, steps[:, context - 1, self.still]], axis=1)

    def _those(self, *given: str) -> Places:
        return np.array([i for i, column in enumerate(self.columns) if column.given in given], np.intp)


@dataclass(frozen=True, eq=False)
class Ends:
    """The ends of series: what a model continues from.

    Attributes
    ----------
    series : shape (n,), hashes of their names, ascending.
    steps : shape (n,), the first step that is to come.
    past : shape (n, L), the last values.
    beside : shape (n, L, c), the covariates at these steps.
    covariates : what windows have of them.
    """

    series: NDArray[np.uint64]
    steps: NDArray[np.int64]
    past: Array
    beside: Array
    covariates: Covariates

    @property
    def n(self) -> int:
        """Number of series."""
        return len(self.series)

    def rows(self, nexts: Array | None = None) -> Array:
        """Return what models forecast by, shape (n, L + width); ``nexts`` are the next covariates, (n, H, c)."""
        steps = self.beside if nexts is None else np.concatenate([self.beside, nexts], axis=1)
        return np.concatenate([self.past, self.covariates.rows(steps)], axis=1)
