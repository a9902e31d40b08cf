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

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithms.declared import Field, check_values, checked, declared
from algorithms.errors import AlgorithmError, ContractBroken, nearest
from algorithms.known import Known
from algorithms.ranges import Range, unsearched
from algorithms.tasks import TASKS

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator


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


class Features(Protocol):
    """A map that makes columns of the encoded ones."""

    @property
    def steps(self) -> list[tuple[str, BaseEstimator]]:
        """Fitted steps of a pipeline that make them."""
        ...

    def __call__(self, x: NDArray[Any]) -> Array:
        """Return the columns of encoded rows, shape (n, D)."""
        ...


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
    features: Features | None = None

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
    """Return what ``score`` answered as a :class:`Score`; a number has no known bound."""
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


class State:
    """What a summary keeps of the rows that it has seen: a frozen dataclass of arrays and numbers.

    Every state has a ``shape`` (what its arrays are laid out by), ``rows`` and their ``weight``: fields of it, or
    properties. The rest has defaults.
    """

    if TYPE_CHECKING:

        @property
        def shape(self) -> Shape:
            """The columns that the arrays are laid out by."""
            ...

        @property
        def rows(self) -> int:
            """Number of rows seen."""
            ...

        @property
        def weight(self) -> float:
            """Sum of their weights."""
            ...

    @property
    def complete(self) -> bool:
        """Whether an approximate state holds every row that it has seen, so that its models are exact."""
        return False

    @property
    def class_rows(self) -> Array | None:
        """Rows of each class, shape (C,), or their weight where that alone is kept; None where neither is."""
        return None

    @property
    def nested(self) -> Nested | None:
        """The state itself where it has smaller ones in it; else None."""
        return None


class Nested(State, ABC):
    """A state that has smaller ones in it: a sample, of which the first rows are a smaller sample."""

    @property
    @abstractmethod
    def n(self) -> int:
        """Number of rows kept, which models are made of."""

    @abstractmethod
    def prefix(self, m: int) -> Self:
        """Return the state of m of the rows that are kept."""

    @property
    def nested(self) -> Self:
        """The state itself."""
        return self


class Rows(Protocol):
    """Sampled rows that scores are computed on: :class:`~algorithms.summaries.sample.SampleState`."""

    @property
    def shape(self) -> Shape:
        """The columns that the rows are laid out by."""
        ...

    @property
    def n(self) -> int:
        """Number of rows kept."""
        ...

    @property
    def rows(self) -> int:
        """Number of rows that they are a sample of."""
        ...

    @property
    def values(self) -> NDArray[np.floating[Any]]:
        """The rows, the first n of them: columns, less their origins, then targets."""
        ...

    @property
    def held(self) -> NDArray[np.floating[Any]]:
        """The encoded columns, less their origins, shape (n, d)."""
        ...

    @property
    def X(self) -> NDArray[np.floating[Any]]:  # noqa: N802 -- scikit-learn's name for it
        """The encoded columns as a fitted pipeline takes them, shape (n, d)."""
        ...

    @property
    def y(self) -> NDArray[Any] | None:
        """The target, shape (n,): numbers, or labels where it is a class; None without one."""
        ...

    @property
    def sample_weight(self) -> Array:
        """The weight of each row, shape (n,)."""
        ...

    @property
    def weighted(self) -> bool:
        """Whether the rows have different weights."""
        ...

    @property
    def given_weights(self) -> bool:
        """Whether the rows of the data have different weights, whatever each kept row stands for."""
        ...

    def __hash__(self) -> int:
        """Return the hash of the object itself."""
        ...

    @property
    def uniform(self) -> Rows:
        """The part of the rows that is a uniform sample."""
        ...


S = TypeVar("S", bound=State)
M = TypeVar("M")


@dataclass(frozen=True, eq=False)
class Held(Generic[S]):
    """What a split holds out: the state of an algorithm's summary and, where scores need them, rows.

    Attributes
    ----------
    state : of the algorithm's summary.
    rows : a sample of the same rows; None where every score is computed from the state.
    exact : the metrics that are computed from the state even so.

    Examples
    --------
    >>> Held(None).rows_for("r2") is None
    True
    """

    state: S
    rows: Rows | None = None
    exact: frozenset[str] = frozenset()

    def state_for(self, metric: str) -> S | None:
        """Return the state where that is what a metric is computed from, and it has rows; else None."""
        by_state = self.rows is None or metric in self.exact
        return self.state if by_state and self.state.rows else None

    def rows_for(self, metric: str) -> Rows | None:
        """Return the sampled rows where these are what a metric is computed on; else None."""
        return None if metric in self.exact else self.rows


class Summary(ABC, Generic[S]):
    """What one pass keeps: a frozen dataclass whose fields are the hyperparameters that need a pass.

    The laws every summary obeys are in :mod:`algorithms.laws`.
    """

    version: ClassVar[int]
    """Part of the key: raised when a state changes its meaning."""

    tolerance: ClassVar[float]
    """Relative difference that another order of merging may make."""

    family: ClassVar[str]
    """``"exact"``: the state is a sufficient statistic of every row. ``"approximate"``: models from it are near
    those of every row. ``"resumable"``: the state depends on the order of the rows and where batches end; it can
    be stopped and taken up again, and merged by averaging."""

    draws: ClassVar[bool] = False
    """Whether rows are drawn: ``update`` needs ``batch.priority``."""

    sparse: ClassVar[bool] = False
    """Whether a :class:`SparseBatch` is taken as it is; others get its rows in pieces that are small when dense."""

    nests: ClassVar[bool] = False
    """Whether its states are :class:`Nested`."""

    def __post_init__(self) -> None:
        """Refuse values that are not legal."""
        check_values(self)

    @abstractmethod
    def init(self, shape: Shape) -> S:
        """Return the identity of ``merge``, in true shapes."""

    @abstractmethod
    def update(self, state: S, batch: Batch) -> S:
        """Return ``merge(state, lift(batch))``; may consume ``state``."""

    @abstractmethod
    def merge(self, a: S, b: S) -> S:
        """Return the state of both inputs' rows; associative and commutative; leaves its inputs alone."""

    @abstractmethod
    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state of that shape, known before the pass."""

    @property
    def learning(self) -> Learned | None:
        """The summary itself where it must learn something before its pass; else None."""
        return None

    def knowing(self, known: Known) -> Self:
        """Return the summary ready for a pass: knowing what was learned, or how many digits to keep."""
        return self

    def finer(self, known: Known | None) -> Known | None:
        """Return what a pass must know whose states have more digits than those of what is known.

        None where they have all that there are, or how they are made was asked for.
        """
        return None

    def precision_in_words(self, known: Known | None, shape: Shape) -> str:
        """Return how many digits a pass with that knowledge keeps, and why; empty where there is one way alone."""
        return ""


@dataclass(frozen=True, kw_only=True)
class Learned(ABC):
    """A summary that must know something before its pass: coefficients to expand around, centres, landmarks.

    What it learns from a small sample of rows is stored beside the pilot and is part of the key of its states.
    It is held in the field ``known``: no hyperparameter, None until learned.

    After the pass a study asks whether what was learned suits every row. Where it does not, the summary learns
    again and the data is read once more, twice at most; what was learned last is kept and preferred by the studies
    that follow.
    """

    known: Known | None = field(default=None, metadata={"learned": True}, compare=False, repr=False)

    @property
    def learned(self) -> Known:
        """What was learned; AlgorithmError where nothing was."""
        if self.known is None:
            raise AlgorithmError(f"{type(self).__name__} must learn from a sample of rows before its pass")
        return self.known

    def knowing(self, known: Known) -> Self:
        """Return the summary ready for a pass."""
        return dataclasses.replace(self, known=known)

    @property
    def learning(self) -> Learned | None:
        """The summary itself; one that need not learn, by its fields, returns None."""
        return self

    @abstractmethod
    def learn(self, shape: Shape, sample: Batch) -> Known:
        """Return what the pass must know, from a sample of encoded rows."""

    def failed(self, state: Any) -> str | None:
        """Return why what was learned does not suit the rows of a state, in a clause; None where it does."""
        return None

    def learn_again(self, shape: Shape, state: Any, sample: Batch) -> Known:
        """Return what another pass must know, from the state of every row, and a sample of encoded rows."""
        return self.learn(shape, sample)

    @property
    def checks(self) -> bool:
        """Whether a pass may show that what was learned does not suit."""
        return type(self).failed is not Learned.failed


def pass_fields(summary: Summary[Any]) -> dict[str, Any]:
    """Return the hyperparameters of a summary by name; what it learned is none.

    Examples
    --------
    >>> from algorithms.summaries.sample import Sample
    >>> pass_fields(Sample(size=10))
    {'size': 10}
    """
    made: Any = summary
    return {f.name: getattr(made, f.name) for f in dataclasses.fields(made) if not f.metadata.get("learned")}


def pieces_for(summary: Summary[Any], batch: Batch) -> Iterator[Batch]:
    """Yield a batch as a summary takes it: sparse rows whole where it says so, else in pieces."""
    if isinstance(batch, SparseBatch) and not summary.sparse:
        yield from batch.pieces()
    else:
        yield batch


@dataclass(frozen=True, kw_only=True)
class Tags:
    """What is said of an algorithm's class, once and in one place.

    Attributes
    ----------
    task : name of a task of :data:`algorithms.tasks.TASKS`.
    exact : scores that held-out states give exactly; an instance may have fewer (:attr:`Algorithm.exact`).
    sampled : scores that are no scorer of scikit-learn's, computed by the algorithm on sampled rows.
    default_score : the score of a study that names none; None for that of the task.
    auto : its place among the algorithms of its task that ``algorithm="auto"`` picks; None for never. Not
        inherited.
    needs_every_class : whether a state without rows of some class defines no model.
    hashes : whether it takes columns of the role ``"hashed"``.
    costly : whether a fit may take long, so that curves and nested estimates are computed only on request.
    stand_in : name of the algorithm that answers for it where its states do not fit in memory: one of the same
        task and scores.
    elbow : a hyperparameter and a score whose curve shows how much of it is enough.
    beside_cells : whether it is solved from a state with the cells that it was merged of beside it.
    on_request : hyperparameters whose ranges, declared by a base, are searched only when asked for.

    Examples
    --------
    >>> tags = Tags(task="regression", exact=("r2",), auto=1)
    >>> tags.but(auto=None).exact
    ('r2',)
    >>> Tags(task="regression", cosly=True)
    Traceback (most recent call last):
    algorithms.errors.ContractBroken: Tags has no 'cosly'; did you mean 'costly'?
    """

    task: str
    exact: tuple[str, ...] = ()
    sampled: tuple[str, ...] = ()
    default_score: str | None = None
    auto: int | None = None
    needs_every_class: bool = False
    hashes: bool = False
    costly: bool = False
    stand_in: str | None = None
    elbow: tuple[str, str] | None = None
    beside_cells: bool = False
    on_request: tuple[str, ...] = ()

    def __new__(cls, **given: Any) -> Self:
        """Refuse a tag that there is not."""
        legal = cls.__annotations__
        for name in given:
            if name not in legal:
                raise ContractBroken(f"Tags has no {name!r}{nearest(name, legal)}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ContractBroken(f"Tags(task={self.task!r}): there is no such task{nearest(self.task, TASKS)}")

    def but(self, **changes: Any) -> Tags:
        """Return these tags with some changed."""
        return dataclasses.replace(self, **changes)


class Algorithm(ABC, Generic[S, M]):
    """How a state becomes a model: a frozen dataclass; every field but ``summary`` is a free hyperparameter.

    ``solve`` finds the numbers, ``estimator`` builds the fitted scikit-learn estimator from them. A trial needs
    the numbers only.
    """

    tags: ClassVar[Tags]

    if TYPE_CHECKING:

        @property
        def summary(self) -> Summary[Any]:
            """What the pass keeps; a field with a default."""
            ...

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _check_class(cls)
        if "tags" not in vars(cls) and (inherited := _tags_of(cls)) is not None:
            cls.tags = inherited.but(auto=None)

    def __post_init__(self) -> None:
        """Refuse values that are not legal."""
        check_values(self)

    @classmethod
    def free_fields(cls) -> list[Field]:
        """Return the free hyperparameters; ContractBroken for a class that declares them wrongly."""
        checked(cls)
        free = (each for each in declared(cls, needs_pass=False) if each.name != "summary")
        return [_on_request(each) if each.name in cls.tags.on_request else each for each in free]

    @property
    def exact(self) -> tuple[str, ...]:
        """The scores that held-out states give exactly, with these hyperparameters."""
        return self.tags.exact

    @abstractmethod
    def solve(self, state: S) -> M:
        """Return the model's numbers; never sees the data. Raises NotEnoughRows, naming what is missing."""

    @abstractmethod
    def estimator(self, solution: M) -> BaseEstimator:
        """Return the fitted scikit-learn estimator over the encoded columns."""

    @abstractmethod
    def complexity(self, solution: M) -> float:
        """Return the effective degrees of freedom, comparable between algorithms; smaller is simpler."""

    def complexity_of(self, state: S) -> float:
        """Return the complexity of the model of a state: without solving it, where that is known."""
        return self.complexity(self.solve(state))

    def converged(self, solution: M) -> bool:
        """Return whether an iterative solver reached its tolerance."""
        return True

    def score(self, solution: M, held: Held[S], metric: str) -> Score | float | None:
        """Return a score of what was held out, greater is better; None where a scorer of scikit-learn must.

        ``held`` says whether the score is computed from the state, exactly, or on sampled rows. A :class:`Score`
        says with it how far it may be from the true one.
        """
        return None

    def bounds(self, state: S) -> Mapping[str, Range | None]:
        """Return what the state knows of the free fields' ranges; None where a field has no effect on it."""
        return {}

    def check(self, state: S) -> None:
        """Refuse, clearly, a state that cannot define a model, whatever the free fields are.

        Raises NotEnoughRows where more rows would do (MissingClass where rows of a class are missing): it is asked
        of every training state before the first trial.
        """

    def check_field(self, name: str, state: S | None = None) -> None:
        """Refuse the value of one hyperparameter that the summary, or the rows of a state, rule out.

        A study asks it of every value that is searched, before anything is read and again before the trials.

        Parameters
        ----------
        name : of the hyperparameter; those without a limit are never refused.
        state : what a model would be made of; None to ask the summary alone.

        Raises
        ------
        InvalidField, NotEnoughRows
            The summary, or the state, rules the value out; says which other would do.
        """

    @property
    def polishing(self) -> Polishable | None:
        """The algorithm itself where another pass may improve its models; else None."""
        return None


class Polishable(ABC):
    """An algorithm whose models are near their optimum, and nearer after another pass that begins at them."""

    @property
    def polishing(self) -> Polishable | None:
        """The algorithm itself."""
        return self

    @abstractmethod
    def gain(self, solution: Any, state: Any) -> float:
        """Return how much another pass is expected to lower the mean loss of a row; 0 where nothing is left."""

    @abstractmethod
    def loss(self, solution: Any, state: Any) -> float:
        """Return the mean loss of a state's rows, as the state tells it."""

    @abstractmethod
    def objective(self, solution: Any, state: Any) -> float:
        """Return the mean loss and the penalty beside it: of every row where the state expands it there."""

    @abstractmethod
    def expanded_at(self, solution: Any, state: Any) -> Known:
        """Return what the summary must know for a pass that begins at this solution."""


def fitted(algorithm: Algorithm[S, Any], state: S) -> BaseEstimator:
    """Return the fitted scikit-learn estimator of a state's rows."""
    return algorithm.estimator(algorithm.solve(state))


def _check_class(cls: type[Algorithm[Any, Any]]) -> None:
    """Raise ContractBroken for tags that are none, or that stand beside ``tags`` as attributes of their own."""
    found = vars(cls).get("tags")
    if found is not None and not isinstance(found, Tags):
        raise ContractBroken(f"{cls.__name__}.tags={found!r}: must be Tags(task=…)")
    astray = [name for name in Tags.__annotations__ if name in vars(cls) and name != "exact"]
    if astray:
        raise ContractBroken(
            f"{cls.__name__}.{astray[0]} is a tag: write tags: ClassVar[Tags] = Tags(…, {astray[0]}=…)"
        )
    if found is None:
        return
    fields = _annotated(cls)
    for tag, names in (("elbow", (found.elbow or ())[:1]), ("on_request", found.on_request)):
        for name in names:
            if name not in fields:
                why = f"Tags({tag}=…{name!r}…) names no field{nearest(name, fields)}"
                raise ContractBroken(f"{cls.__name__}: {why}")


def _on_request(each: Field) -> Field:
    return each if each.range is None else dataclasses.replace(each, range=unsearched(each.range))


def _annotated(cls: type[Any]) -> list[str]:
    return [name for kind in cls.__mro__ for name in vars(kind).get("__annotations__", {})]


def _tags_of(cls: type[Algorithm[Any, Any]]) -> Tags | None:
    found: Tags | None = getattr(cls, "tags", None)
    return found
