"""The contract: what a summary is, what an algorithm is, and the batch that passes between data and states.

Notation (used in every module of this room)

====== ==================================================
n      rows of a batch
d      encoded columns
t      targets
p      d + t
w      row weights, shape (n,)
W      sum of the row weights
S      scatter about the mean, shape (p, p)
====== ==================================================

A **summary** says what one pass over the data keeps; its fields are the hyperparameters that need a pass.
An **algorithm** turns a state of that summary into a model; its other fields are free: they
never touch the data.
Two algorithms share a state exactly when their summaries are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from algorithms.ranges import Range

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator

    from algorithms.kernels import KernelMap
    from algorithms.known import Known

Array = NDArray[np.float64]

EXACT, APPROXIMATE, RESUMABLE = "exact", "approximate", "resumable"
"""Families of summaries; what each promises is in :data:`algorithms.laws.PROMISES`."""

VALUE, INDICATOR, LEVEL, OTHER, MISSING = "value", "indicator", "level", "other", "missing"
HASHED = "hashed"

DENSE_BYTES = 1 << 26
"""Bytes that sparse rows may take when a summary wants them dense."""

HASH_BITS = 24
"""Bits of the hash in a column of role ``"hashed"``: as many as float32 holds exactly."""


@dataclass(frozen=True)
class Column:
    """One encoded column: its name, the column of the data it comes from, and the part it plays.

    Attributes
    ----------
    name : feature name after encoding, for example ``"carrier_AA"``.
    source : column of the data, for example ``"carrier"``.
    role : ``"value"`` (a number, at its origin where missing), ``"indicator"`` (1 where that number is missing),
        ``"level"`` (one category), ``"other"`` (categories outside the learned levels) or
        ``"missing"`` (no category); ``"hashed"`` (a hash of :data:`HASH_BITS` bits of the category, a number by
        which it is found, not to calculate with).
    origin : what batches and states have subtracted from a value, so that they hold small numbers whatever the
        calendar or the currency; models give it back. Other than zero only for a role of ``"value"``.

    Examples
    --------
    >>> Column("carrier_AA", "carrier", "level").role
    'level'
    """

    name: str
    source: str
    role: str = VALUE
    origin: float = 0.0


@dataclass(frozen=True)
class Shape:
    """The true shape of the data after encoding: what every state of a pass is laid out by.

    Attributes
    ----------
    columns : the d encoded columns, in order.
    targets : names of the t targets.
    classes : labels of the target, sorted, where it is a class; a batch holds their places, from 0.
    dtype : ``"float32"`` or ``"float64"``, of the batches.
    features : the map that made the columns of the encoded ones; None where these are the encoded ones.

    Examples
    --------
    >>> shape = Shape((Column("x", "x"),), ("y",), classes=("no", "yes"))
    >>> shape.d, shape.t, shape.p, len(shape.classes)
    (1, 1, 2, 2)
    """

    columns: tuple[Column, ...]
    targets: tuple[str, ...] = ()
    classes: tuple[Any, ...] = ()
    dtype: str = "float64"
    features: KernelMap | None = None

    @property
    def d(self) -> int:
        """Number of encoded columns."""
        return len(self.columns)

    @property
    def t(self) -> int:
        """Number of targets."""
        return len(self.targets)

    @property
    def p(self) -> int:
        """Number of columns and targets together."""
        return self.d + self.t

    @cached_property
    def origin(self) -> Array:
        """What is subtracted from each encoded column, shape (d,)."""
        return np.array([column.origin for column in self.columns], np.float64)

    @cached_property
    def shifted(self) -> bool:
        """Whether any column has an origin other than zero."""
        return bool(self.origin.any())


@dataclass(frozen=True, eq=False)
class Batch:
    """A run of encoded rows.

    Attributes
    ----------
    values : shape (n, p), float32 or float64, Fortran order preferred: d encoded columns, less their origins,
        then t targets. Everything is finite: missing numbers are zero here and one in their indicator column.
    weight : shape (n,) float64, positive, or None for weights of one.
    d : how many of the p are columns; the rest are targets.
    present : indices (into the p columns) of what can be other than zero in this batch, or None for all.
        Columns outside it are exactly zero in every row, so a summary may skip them; then ``values``
        has only the present columns, shape (n, len(present)).
    priority : shape (n,) uint64, a hash of each row's place in the data, the same in every pass: what samples
        are drawn by. None where no summary of the pass draws.

    Examples
    --------
    >>> batch = Batch(np.ones((3, 2)), d=1)
    >>> batch.n, batch.total
    (3, 3.0)
    """

    values: NDArray[np.floating[Any]]
    d: int
    weight: Array | None = None
    present: NDArray[np.intp] | None = None
    priority: NDArray[np.uint64] | None = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.values.shape[0])

    @property
    def total(self) -> float:
        """Sum of the row weights W."""
        return float(self.n) if self.weight is None else float(self.weight.sum())

    @property
    def weights(self) -> Array:
        """The row weights, ones where there are none."""
        return np.ones(self.n) if self.weight is None else self.weight

    def part(self, rows: slice) -> Batch:
        """Return some of the rows; nothing is copied."""
        weight = None if self.weight is None else self.weight[rows]
        priority = None if self.priority is None else self.priority[rows]
        return Batch(self.values[rows], self.d, weight, self.present, priority)

    def dense(self, p: int, rows: Any = slice(None)) -> NDArray[np.floating[Any]]:
        """Return the chosen rows with all p columns, those that are not present zero.

        Examples
        --------
        >>> Batch(np.ones((2, 1)), d=2, present=np.array([1])).dense(3).tolist()
        [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
        """
        values: NDArray[np.floating[Any]] = self.values[rows]
        if self.present is None:
            return values
        full = np.zeros((len(values), p), values.dtype, order="F")
        full[:, self.present] = values
        return full


@runtime_checkable
class Polishing(Protocol):
    """An algorithm whose models are near their optimum, and nearer after another pass that begins at them."""

    def gain(self, solution: Any, state: Any) -> float:
        """Return how much another pass is expected to lower the mean loss of a row; 0 where nothing is left."""
        ...

    def loss(self, solution: Any, state: Any) -> float:
        """Return the mean loss of a state's rows, as the state tells it."""
        ...

    def objective(self, solution: Any, state: Any) -> float:
        """Return the mean loss and the penalty beside it: of every row where the state expands it there."""
        ...

    def expanded_at(self, solution: Any, state: Any) -> Known:
        """Return what the summary must know for a pass that begins at this solution."""
        ...


@runtime_checkable
class Limited(Protocol):
    """An algorithm with free hyperparameters that its summary, or the rows of a state, may rule out.

    A study asks it of every value that is searched, before anything is read and again before the trials.
    """

    def check_field(self, name: str, state: Any = None) -> None:
        """Refuse the value of one hyperparameter, saying which other would do.

        Parameters
        ----------
        name : of the hyperparameter; those without a limit are never refused.
        state : what a model would be made of; None to ask the summary alone.

        Raises
        ------
        InvalidField, NotEnoughRows
            The summary, or the state, rules the value out.
        """
        ...


@dataclass(frozen=True)
class Score:
    """A score, and how far it may be from the true one.

    Attributes
    ----------
    value : greater is better.
    bound : the largest expected distance from the true value, in the score's own units: of rounding where the
        family is exact, of approximation where it is not. 0 where none is known.

    Examples
    --------
    >>> float(Score(0.5, bound=1e-12)), as_score(0.25), as_score(None)
    (0.5, Score(value=0.25, bound=0.0), None)
    """

    value: float
    bound: float = 0.0

    def __float__(self) -> float:
        return self.value


def as_score(found: Score | float | None) -> Score | None:
    """Return what ``score`` or ``score_rows`` answered as a :class:`Score`; a number has no known bound."""
    return found if found is None or isinstance(found, Score) else Score(float(found))


class SparseBatch(Batch):
    """Rows of which most numbers are zero: a batch like any other, made dense only where a summary asks for it.

    A summary that takes the matrix as it is says ``sparse: ClassVar[bool] = True``; others get the rows in
    pieces, so that no piece is large when dense.

    Parameters
    ----------
    matrix : shape (n, d), the encoded columns.
    targets : shape (n, t).
    weight, priority : as in :class:`Batch`.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> batch = SparseBatch(csr_array([[0.0, 2.0], [0.0, 0.0]]), np.array([[1.0], [3.0]]))
    >>> batch.n, batch.present.tolist(), batch.values.tolist()
    (2, [1, 2], [[2.0, 1.0], [0.0, 3.0]])
    """

    matrix: csr_array
    targets: NDArray[np.floating[Any]]

    def __init__(
        self,
        matrix: csr_array,
        targets: NDArray[np.floating[Any]],
        weight: Array | None = None,
        priority: NDArray[np.uint64] | None = None,
    ) -> None:
        given = {
            "matrix": matrix, "targets": targets, "d": matrix.shape[1], "weight": weight, "priority": priority,
        }  # fmt: skip
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @cached_property
    def values(self) -> NDArray[np.floating[Any]]:
        """The present columns, dense, shape (n, len(present))."""
        columns = self.present[self.present < self.d]
        made = np.zeros((self.n, len(self.present)), self.matrix.dtype, order="F")
        made[:, : len(columns)] = self.matrix[:, columns].toarray()
        made[:, len(columns) :] = self.targets
        return made

    @cached_property
    def present(self) -> NDArray[np.intp]:
        """Columns with a stored number, and the targets."""
        found = np.unique(self.matrix.indices).astype(np.intp)
        targets = np.arange(self.d, self.d + self.targets.shape[1], dtype=np.intp)
        return np.concatenate([found, targets])

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.matrix.shape[0])

    def part(self, rows: slice) -> SparseBatch:
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        priority = None if self.priority is None else self.priority[rows]
        return SparseBatch(self.matrix[rows], self.targets[rows], weight, priority)

    def pieces(self) -> Iterator[SparseBatch]:
        """Yield the rows in runs that take at most :data:`DENSE_BYTES` when dense."""
        step = max(1, DENSE_BYTES // (8 * max(1, self.d)))
        for start in range(0, self.n, step):
            yield self.part(slice(start, start + step))


def pieces_for(summary: object, batch: Batch) -> Iterator[Batch]:
    """Yield a batch as a summary takes it: sparse rows whole where it says so, else in pieces."""
    if isinstance(batch, SparseBatch) and not getattr(summary, "sparse", False):
        yield from batch.pieces()
    else:
        yield batch


def polishes(algorithm: object) -> bool:
    """Return whether another pass may improve its models: it can, and does not say ``polishes = False``."""
    return isinstance(algorithm, Polishing) and bool(getattr(algorithm, "polishes", True))


S = TypeVar("S")
S_in = TypeVar("S_in", contravariant=True)
M = TypeVar("M")


@runtime_checkable
class Summary(Protocol[S]):
    """What one pass keeps: a frozen dataclass whose fields are the hyperparameters that need a pass.

    The laws every summary obeys are in :mod:`algorithms.laws`.
    """

    version: ClassVar[int]
    """Part of the key: raised when a state changes its meaning."""

    tolerance: ClassVar[float]
    """Relative difference that another order of merging may make."""

    sync_every: ClassVar[int | None]
    """Merge between workers: None = once, at the end; n = every n batches."""

    family: ClassVar[str]
    """``"exact"``: the state is a sufficient statistic of every row. ``"approximate"``: models from it are near
    those of every row. ``"resumable"``: the state depends on the order of the rows and where batches end; it can
    be stopped and taken up again, and merged by averaging."""

    def init(self, shape: Shape) -> S:
        """Return the identity of ``merge``, in true shapes."""
        ...

    def update(self, state: S, batch: Batch) -> S:
        """Return ``merge(state, lift(batch))``; may consume ``state``."""
        ...

    def merge(self, a: S, b: S) -> S:
        """Return the state of both inputs' rows; associative and commutative; leaves its inputs alone."""
        ...

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state of that shape, known before the pass."""
        ...


@runtime_checkable
class Drawing(Protocol):
    """A summary that draws rows: its ``update`` needs ``batch.priority``."""

    draws: ClassVar[bool]


@runtime_checkable
class Learning(Protocol):
    """A summary that must know something before its pass: coefficients to expand around, centres, landmarks.

    What it learns from a small sample of rows is stored beside the pilot and is part of the key of its states.
    It is held in a field of the summary whose metadata says ``{"learned": True}``: no hyperparameter, None
    until learned, never compared by anything but its digest.
    """

    def learn(self, shape: Shape, sample: Batch) -> Known:
        """Return what the pass must know, from a sample of encoded rows."""
        ...

    def knowing(self, known: Known) -> Summary[Any]:
        """Return this summary, ready for a pass."""
        ...


@runtime_checkable
class Checked(Protocol):
    """A learning summary that can tell from the state of every row whether what it learned suits them all.

    After the pass a study asks it. Where something does not suit, the summary learns again and the data is read
    once more, twice at most; what was learned last is kept and preferred by the studies that follow.
    """

    def failed(self, state: Any) -> str | None:
        """Return why what was learned does not suit the rows of a state, in a clause; None where it does."""
        ...

    def learn_again(self, shape: Shape, state: Any, sample: Batch) -> Known:
        """Return what another pass must know, from the state of every row, and a sample of encoded rows."""
        ...


@runtime_checkable
class Refinable(Protocol):
    """A summary that can be made with more digits, by another pass over the same rows."""

    def finer(self, known: Known | None) -> Known | None:
        """Return what a pass must know whose states have more digits than those of what is known.

        None where they have all that there are, or how they are made was asked for.
        """
        ...

    def precision_in_words(self, known: Known | None, shape: Shape) -> str:
        """Return how many digits a pass with that knowledge keeps, and why; empty where that was asked for."""
        ...


def learns(summary: object) -> bool:
    """Return whether a summary must learn before its pass: it can, and does not say ``learns = False``."""
    return isinstance(summary, Learning) and bool(getattr(summary, "learns", True))


@runtime_checkable
class Algorithm(Protocol[S_in, M]):
    """How a state becomes a model: a frozen dataclass; every field but ``summary`` is a free hyperparameter.

    ``solve`` finds the numbers, ``estimator`` dresses them as scikit-learn's own fitted estimator. A trial
    needs only the numbers, so it never pays for the dress: ``finalize = estimator after solve``.
    """

    summary: Any
    task: ClassVar[str]
    """Name of a task of :data:`algorithms.tasks.TASKS`."""

    metrics: ClassVar[tuple[str, ...]]
    """Names that ``score`` answers exactly. Any other scorer's name is answered from a sample of held-out rows."""

    # An algorithm that ``algorithm="auto"`` may pick says ``auto: ClassVar[int]`` in its own class, its place
    # among those of its task; subclasses do not inherit it. One whose states grow with the square of the columns
    # may say ``wide: ClassVar[str]``, the name of one that answers for it where they do not fit in memory; that one
    # has its task and its metrics.
    # One that needs rows of every class says ``class_rows(state)``, shape (C,), the rows of each or their weight;
    # its ``check`` raises MissingClass.
    # One that takes columns of the role "hashed" says ``hashes: ClassVar[bool] = True``.
    # One of which a free field's value decides which summary is needed says ``steers: ClassVar[tuple[str, ...]]``,
    # the names of such fields, and sets ``summary`` in ``__post_init__``. Where such a field is searched, the pass
    # feeds every summary that its values need: of each choice, or of both ends where it is a range of numbers.
    # One of which a state holds several values of a pass field side by side, as text separated by commas, says
    # ``joins: ClassVar[tuple[str, ...]]``, the names of such fields: a list of values to search is one state of
    # all, and a free field says which of them a trial means.

    def solve(self, state: S_in) -> M:
        """Return the model's numbers; never sees the data. Raises NotEnoughRows, naming what is missing."""
        ...

    def estimator(self, solution: M) -> BaseEstimator:
        """Return the fitted scikit-learn estimator over the encoded columns."""
        ...

    def score(self, solution: M, held_out: S_in, metric: str) -> Score | float | None:
        """Return the exact score on the held-out state, greater is better; None if the state cannot tell.

        A :class:`Score` says with it how far it may be from the true one; so may that of ``score_rows``.
        """
        ...

    def complexity(self, solution: M) -> float:
        """Return the effective degrees of freedom, comparable between algorithms; smaller is simpler."""
        ...

    def bounds(self, state: S_in) -> Mapping[str, Range | None]:
        """Return what the state knows of the free fields' ranges; None where a field has no effect on it."""
        ...

    def check(self, state: S_in) -> None:
        """Refuse, clearly, a state that cannot define a model, whatever the free fields are.

        Raises NotEnoughRows where more rows would do: it is asked of every training state before the first trial.
        """
        ...
