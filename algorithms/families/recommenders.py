"""Models that recommend: a matrix B of items by items, by which a row of a user's items scores every item.

Notation: X users by items, a row for each user; G = XᵀX = VΛVᵀ. A user x has the scores xB, and what is recommended
are the items of largest score that x does not hold. B follows from G alone, which
:class:`~algorithms.summaries.moments.Moments` keep: nothing of it needs another reading.

Held-out users are scored by which of their items the rest of them finds again (Marlin 2004, "strong
generalization"; Liang, Krishnan, Hoffman & Jebara 2018, §4.3): one item in five of each is hidden, at least one,
and the model recommends to what is left.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import numpy as np

from algorithms.arrays import Array, Floats, Mask, Places
from algorithms.contract import Algorithm, Held, Rows, Score, Tags
from algorithms.errors import InvalidField, NotEnoughRows, Unscorable
from algorithms.families.pipeline import pipeline
from algorithms.families.rounding import sure
from algorithms.lazily import scipy
from algorithms.memo import MEMO
from algorithms.mixing import mixed
from algorithms.preparing.column_map import ColumnMap
from algorithms.preparing.column_maps import column_map
from algorithms.preparing.kernels import NONE
from algorithms.preparing.within import outer_sum
from algorithms.ranges import Log, Range
from algorithms.solvers.spectrum import EPS
from algorithms.summaries.moments import Moments, MomentsState, check_finite

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator

HIDDEN = 0.2
"""Share of a held-out user's items that are hidden, at least one."""

CUTS = (10, 20, 50, 100)
"""Numbers of items that are recommended, of each score of held-out users."""

SQUARED = "neg_mean_squared_error"
RANKED = tuple(f"{name}@{cut}" for name in ("ndcg", "recall") for cut in CUTS)

USERS = 512
"""Held-out users that are scored at once."""

BLOCK = 1 << 12
"""Hidden items that are placed at once."""

NEAR = 1e-6
"""Share of the largest value from which on the directions of few users are orthogonal by the values alone."""

HELP = "raise alpha"


@dataclass(frozen=True, eq=False)
class Directions:
    """Λ, descending and not negative, shape (r,), and V, shape (q, r): all that are not zero, r of q.

    Examples
    --------
    >>> Directions.of(np.diag([1.0, 4.0])).values.tolist()
    [4.0, 1.0]
    >>> Directions.leading(np.diag([1.0, 0.0, 4.0])).values.tolist()
    [4.0, 1.0]
    """

    values: Array
    vectors: Array

    @property
    def nbytes(self) -> int:
        """Bytes held, the squares to come included."""
        return self.values.nbytes + 2 * self.vectors.nbytes

    @classmethod
    def of(cls, gram: Array) -> Directions:
        """Return those of products of items."""
        values, vectors = np.linalg.eigh(gram)
        return cls(np.maximum(values[::-1], 0.0), np.ascontiguousarray(vectors[:, ::-1]))

    @classmethod
    def leading(cls, gram: Array, overwrite: bool = False) -> Directions:
        """Return those of products of items that are not zero, of few users: O(qr²) where all cost O(q³).

        PᵀGP = LLᵀ by a Cholesky factor of as many columns as there are directions, L = QR, and RRᵀ = UΛUᵀ: so
        V = PQU, whose columns are orthogonal to the last digit however small a value is beside the largest. Where
        none is smaller than :data:`NEAR` times it, LᵀL = UΛUᵀ and V = PLUΛ^(-1/2), in two thirds of the time, are
        orthogonal to all but the last few digits.

        Parameters
        ----------
        gram : G, shape (q, q).
        overwrite : True may destroy it.
        """
        factor, order, rank, _ = scipy.linalg.lapack.dpstrf(gram.T, lower=1, overwrite_a=overwrite)
        factor = factor[:, :rank]
        factor[:rank] = np.tril(factor[:rank])
        lower = np.empty((len(gram), rank))
        lower[order - 1] = factor
        if rank and factor[rank - 1, rank - 1] ** 2 > NEAR * factor[0, 0] ** 2:
            values, turned = np.linalg.eigh(lower.T @ lower)
            if values[0] > NEAR * values[-1]:
                return cls(values[::-1], lower @ (turned / np.sqrt(values))[:, ::-1])
        basis, small = scipy.linalg.qr(lower, mode="economic", overwrite_a=True, check_finite=False)
        values, turned = np.linalg.eigh(small @ small.T)
        return cls(np.maximum(values[::-1], 0.0), basis @ turned[:, ::-1])

    @cached_property
    def rank(self) -> int:
        """Number of directions in which users have anything but rounding."""
        return int(np.count_nonzero(self.values > len(self.vectors) * EPS * self.values[:1]))

    @cached_property
    def squares(self) -> Array:
        """The squares of V."""
        return np.square(self.vectors)

    @cached_property
    def beyond(self) -> Array:
        """What each item has of the directions that are not here, shape (q,): its squares there."""
        q, r = self.vectors.shape
        return np.zeros(q) if r == q else np.maximum(1.0 - self.squares.sum(axis=1), 0.0)


@dataclass(frozen=True, eq=False)
class Users:
    """Some held-out users, a part of their items hidden.

    Attributes
    ----------
    left, hidden : the items that are left and those that are hidden, sparse, shapes (n, q).
    """

    left: csr_array
    hidden: csr_array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(int(m.data.nbytes + m.indices.nbytes) for m in (self.left, self.hidden))

    @classmethod
    def of(cls, users: csr_array, hide: Mask) -> Users:
        """Return users of whom some entries are hidden."""
        return cls(_where(users, ~hide), _where(users, hide))

    @cached_property
    def owners(self) -> Places:
        """Whose each item is that is left."""
        return _user(self.left)

    def along(self, directions: Directions) -> Array:
        """Return what is left of the users along directions, shape (n, rank) (kept for these users)."""
        return MEMO.get(self, directions, lambda: self.left @ directions.vectors[:, : directions.rank])


@dataclass(frozen=True, eq=False)
class Items:
    """The products of items, of some users.

    Attributes
    ----------
    state : of the users.
    columns : the map to items: what is missing is zero, as what a sparse matrix does not store.
    """

    state: MomentsState
    columns: ColumnMap

    @property
    def nbytes(self) -> int:
        """Bytes held, the eigenvectors to come included."""
        return (2 if self.few else 1) * 8 * self.count * self.count

    @property
    def count(self) -> int:
        """Number of items, q."""
        return len(self.columns.names)

    @property
    def few(self) -> bool:
        """Whether there are fewer users than items, so that G has fewer directions."""
        return self.state.rows < self.count

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the items."""
        return self.columns.names

    @property
    def gram(self) -> Array:
        """G, shape (q, q): made whenever it is asked for, since most ask once."""
        return self.seen(self.state)

    @cached_property
    def whole(self) -> Directions:
        """Λ and V, zeros included."""
        return Directions.of(self.gram)

    @cached_property
    def directions(self) -> Directions:
        """Λ and V, of few users those alone that are not zero."""
        return Directions.leading(self.gram, overwrite=True) if self.few else self.whole

    def means(self, state: MomentsState) -> Array:
        """Return the mean of each item over the users of a state, shape (q,)."""
        return self.columns.mean(state.mean[: state.shape.d]) + self.columns.origin

    def seen(self, state: MomentsState) -> Array:
        """Return the products of the same items, of other users."""
        mean, every = self.means(state), np.arange(self.count)
        return outer_sum(mean, state.weight, (self._about(state), every), within=every)

    def squares(self, state: MomentsState) -> Array:
        """Return the diagonal of these products, shape (q,)."""
        mean = self.means(state)
        return np.asarray(np.diagonal(self._about(state)) + state.weight * (mean * mean))

    def _about(self, state: MomentsState) -> Array:
        k = len(state.within)
        return self.columns.both(state.inner[:k, :k], state.within, copy=False)


def items_of(state: MomentsState) -> Items:
    """Return the products of a state's items (kept for the state)."""
    return MEMO.get(state, "items", lambda: Items(state, column_map(state, "zero", 0.0)))


M = TypeVar("M")


@dataclass(frozen=True, kw_only=True)
class Recommender(Algorithm[MomentsState, M], Generic[M]):
    """A model of items by items, from the products of items.

    Parameters
    ----------
    summary : the moments of the users' rows.
    """

    summary: Moments = Moments()

    tags: ClassVar[Tags] = Tags(
        task="recommendation", exact=(SQUARED,), sampled=RANKED, default_score="ndcg@100"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.summary.target_transform != "none":
            raise InvalidField(f"target_transform={self.summary.target_transform!r}: items have no target")
        if self.summary.kernel != NONE:
            raise InvalidField(f"kernel={self.summary.kernel!r}: features of a kernel are not items; leave it out")

    @abstractmethod
    def scored(self, solution: M, users: Users) -> Array:
        """Return xB of what is left of some users, shape (n, q)."""

    @abstractmethod
    def squared(self, solution: M, held_out: MomentsState) -> tuple[float, float]:
        """Return ‖X - XB‖² of held-out users, and by what share of it rounding may move it."""

    @abstractmethod
    def items(self, solution: M) -> Items:
        """Return the products of items that a solution comes from."""

    @abstractmethod
    def factors(self, solution: M) -> tuple[Array, ...]:
        """Return B, or matrices whose product it is."""

    def estimator(self, solution: M) -> BaseEstimator:
        """Return a fitted ``Pipeline`` over the encoded columns, whose ``transform`` gives every item a score.

        It ends in :class:`~algorithms.families.item_scores.ItemScores`.
        """
        from algorithms.families.item_scores import ItemScores  # noqa: PLC0415 -- loads scikit-learn

        items = self.items(solution)
        model = ItemScores().set(self.factors(solution), items.names)
        return pipeline(items.columns, items.state.shape.d, None, model)

    def _check_digits(self, solution: M) -> None:
        """Raise nothing, as ``estimator`` does, without making B: scores alone may lack digits."""

    def score(self, solution: M, held: Held[MomentsState], metric: str) -> Score | None:
        """Return minus the mean squared error of all entries, or how many hidden items of users are found.

        Raises
        ------
        Imprecise
            Rounding leaves too few digits of it.
        Unscorable
            No held-out user has two items.
        """
        if (rows := held.rows_for(metric)) is not None:
            return self._ranked(solution, rows, metric) if metric in RANKED else None
        held_out = held.state_for(metric)
        if held_out is None or metric != SQUARED:
            return None
        total, moved = self.squared(solution, held_out)
        value = max(total, 0.0) / (held_out.weight * max(1, len(self.items(solution).names)))
        return sure(metric, Score(-value, moved * value), value, HELP)

    def _ranked(self, solution: M, rows: Rows, metric: str) -> Score:
        def found() -> Found:
            return Found.of(rows, self.items(solution).columns, lambda users: self.scored(solution, users))

        return MEMO.get(solution, rows, found).score(metric)

    def naive_score(self, state: MomentsState, held: Held[MomentsState], metric: str) -> Score | None:
        """Return the score of the same items for every user: the most popular ones, each as its mean says."""
        self.check(state)
        items = items_of(state)
        columns, means = items.columns, items.means(state)
        if (rows := held.rows_for(metric)) is not None and metric in RANKED:
            return Found.of(rows, columns, lambda users: np.tile(means, (users.left.shape[0], 1))).score(metric)
        held_out = held.state_for(metric)
        if held_out is None or metric != SQUARED:
            return None
        seen, squares = items.means(held_out), items.squares(held_out)
        return Score(-float(np.mean(squares / held_out.weight - (2.0 * seen - means) * means)))

    def bounds(self, state: MomentsState) -> Mapping[str, Range | None]:
        """Return penalties around the mean number of users of an item."""
        items = items_of(state)
        usual = float(items.squares(state).sum()) / max(1, items.count)
        return {"alpha": Log(usual / 100.0, usual * 100.0)} if usual > 0.0 else {}

    def check(self, state: MomentsState) -> None:
        """Refuse no users, and values whose squares have no finite sum."""
        check_finite(state)
        if state.rows < 2:
            raise NotEnoughRows(f"{type(self).__name__} needs at least 2 users, and has {state.rows}")


@dataclass(frozen=True, eq=False)
class Found:
    """Where hidden items stand among the recommended ones.

    Attributes
    ----------
    places : of every hidden item, from 0; user by user. Those beyond the last cut stand there alike.
    hidden : how many of each user.
    weights : of each user.
    """

    places: Places
    hidden: Places
    weights: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.places.nbytes + self.hidden.nbytes

    @classmethod
    def of(cls, rows: Rows, columns: ColumnMap, scored: Callable[[Users], Array]) -> Found:
        """Return them for the held-out users of some rows, by the score of every item."""
        halves = MEMO.get(rows, ("halves", columns.names), lambda: Halves.of(rows, columns))
        places = [placed(scored(users), users) for users in halves.users]
        hidden = [np.diff(users.hidden.indptr) for users in halves.users]
        return cls(np.concatenate(places), np.concatenate(hidden), halves.weights)

    def score(self, metric: str) -> Score:
        """Return the mean over the users of a score such as ``"recall@20"``."""
        name, _, cut = metric.partition("@")
        each = ranked(name, self.places, self.hidden, int(cut))
        return Score(float(np.average(each, weights=self.weights)))


def ranked(name: str, places: Places, hidden: Places, cut: int) -> Array:
    """Return recall or normalised discounted cumulative gain of each user's hidden items.

    Parameters
    ----------
    name : ``"recall"``: the share of hidden items among the first ones, of as many as could stand there;
        ``"ndcg"``: those that stand there, 1/log₂(place + 2) each, by the most that could be.
    places : shape (m,), of every hidden item from 0, user by user.
    hidden : shape (n,), how many each user has; at least one.
    cut : how many are recommended.

    Examples
    --------
    >>> ranked("recall", np.array([0, 30, 1]), np.array([2, 1]), cut=10).tolist()
    [0.5, 1.0]
    >>> ranked("ndcg", np.array([0, 30, 1]), np.array([2, 1]), cut=10).round(4).tolist()
    [0.6131, 0.6309]
    """
    user = np.repeat(np.arange(len(hidden)), hidden)
    gains = np.ones(cut) if name == "recall" else 1.0 / np.log2(np.arange(cut) + 2.0)
    gained = np.where(places < cut, gains[np.minimum(places, cut - 1)], 0.0)
    return np.asarray(np.bincount(user, gained, len(hidden)) / np.cumsum(gains)[np.minimum(hidden, cut) - 1])


@dataclass(frozen=True, eq=False)
class Halves:
    """Held-out users, some items of each hidden.

    Attributes
    ----------
    users : some at a time.
    weights : of all of them.
    """

    users: tuple[Users, ...]
    weights: Array

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(users.nbytes for users in self.users)

    @classmethod
    def of(cls, rows: Rows, columns: ColumnMap) -> Halves:
        """Return the users that have two items at least; Unscorable where none has."""
        made = scipy.sparse.csr_array(rows.X @ columns.matrix)
        made.eliminate_zeros()
        made.sort_indices()
        enough = np.flatnonzero(np.diff(made.indptr) > 1)
        if not len(enough):
            raise Unscorable(
                f"none of {rows.n:,} sampled held-out users has two items, one to hide and one to recommend by; "
                f"use scoring={SQUARED!r}, or leave out users of one item"
            )
        made = made[enough]
        parts = [made[start : start + USERS] for start in range(0, len(enough), USERS)]
        return cls(tuple(Users.of(part, hidden_of(part)) for part in parts), np.asarray(rows.sample_weight)[enough])


def hidden_of(users: csr_array) -> Mask:
    """Return which entries of a sparse matrix are hidden: of each row a fifth, at least one.

    Which ones follows from the items that a row has, and not from where it stands.
    """
    counts, user = np.diff(users.indptr), _user(users)
    item = mixed(users.indices.astype(np.uint64) + np.uint64(1))
    own = np.zeros(len(counts), np.uint64)
    np.add.at(own, user, item)
    order = np.lexsort((mixed(item ^ own[user]), user))
    rank = np.empty(len(order), np.intp)
    rank[order] = np.arange(len(order)) - users.indptr[user]
    return np.asarray(rank < np.maximum(1, np.rint(HIDDEN * counts).astype(np.intp))[user])


def _where(users: csr_array, kept: Mask) -> csr_array:
    """Return some entries of a sparse matrix."""
    return scipy.sparse.csr_array(
        (users.data[kept], (_user(users)[kept], users.indices[kept])), shape=users.shape
    )


def placed(scores: Floats, users: Users) -> Places:
    """Return where each hidden item stands among those that a user does not hold, from 0; ties as the worst.

    Those beyond the last of :data:`CUTS` stand there alike.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> users = Users.of(csr_array(np.array([[1.0, 1.0, 0.0, 1.0]])), np.array([True, False, True]))
    >>> placed(np.array([[0.5, 9.0, 0.7, 0.5]]), users).tolist()
    [2, 2]
    """
    left, hidden = users.left, users.hidden
    scores[users.owners, left.indices] = -np.inf
    own, user, most = scores[_user(hidden), hidden.indices], _user(hidden), CUTS[-1] + 1
    if scores.shape[1] > most:
        scores = np.partition(scores, scores.shape[1] - most, axis=1)[:, -most:]
    found = np.empty(len(own), np.intp)
    for start in range(0, len(own), BLOCK):
        part = slice(start, start + BLOCK)
        found[part] = np.count_nonzero(scores[user[part]] >= own[part, None], axis=1)
    return found - 1


def _user(users: csr_array) -> Places:
    """Return whose each entry of a sparse matrix is."""
    return np.repeat(np.arange(users.shape[0]), np.diff(users.indptr))


def digits(values: Array, alpha: float) -> float:
    """Return by what share rounding may move a quadratic form of (G + α)⁻¹."""
    if not len(values):
        return 0.0
    return 8.0 * math.sqrt(len(values)) * EPS * float((values[0] + alpha) / max(values[-1] + alpha, 1e-300))
