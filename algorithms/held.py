"""States, and what a split holds out: what scores are computed from, and the scores."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeVar

from algorithms.arrays import Array, Matrix, Values
from algorithms.batches import Shape
from algorithms.brief import brief, briefly
from algorithms.errors import AlgorithmError


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


class State:
    """What a summary keeps of the rows that it has seen: a frozen dataclass of arrays and numbers.

    Every state has a ``shape`` (what its arrays are laid out by), ``rows`` and their ``weight``: fields of it, or
    properties. The rest has defaults.
    """

    def __init_subclass__(cls) -> None:
        """Show states briefly: a dataclass keeps a ``repr`` that its class has."""
        super().__init_subclass__()
        cls.__repr__ = brief  # type: ignore[method-assign]

    nests: ClassVar[bool] = False
    """Whether it has smaller states in it: a sample, of which the first rows are a smaller sample."""

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

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
    def kept_rows(self) -> int:
        """How many rows themselves are kept, which models are fitted to; 0 of a state of sums."""
        return 0

    @property
    def class_rows(self) -> Array | None:
        """Rows of each class, shape (C,), or their weight where that alone is kept; None where neither is."""
        return None

    def profile(self) -> tuple[Array, Array] | None:
        """Return the mean and the variance of each column, then of targets if these are kept; None for neither."""
        return None

    @property
    def representatives(self) -> Weighted | None:
        """Kept rows that, by their weights, stand for every row seen; None of a state of sums."""
        return None

    @property
    def likeness(self) -> Array | None:
        """How much of the target each column alone tells, from 0 to 1, shape (d,); None where that is not kept."""
        return None

    @property
    def unused(self) -> str:
        """Which rows no sum holds, and why, as a sentence without its end; empty where all count."""
        return ""

    def besides(self, before: Self, replay: float) -> NDArray[np.bool_] | None:
        """Return which kept rows another state lacks, and a share of those that it has; None where no rows nest.

        Parameters
        ----------
        before : of some of the rows.
        replay : the share, from 0 to 1, of the rows of smallest priority that both keep.
        """
        return None

    def prefix(self, m: int) -> Self:
        """Return the state of m of the rows that are kept, where states nest."""
        raise AlgorithmError(f"{type(self).__name__} has no smaller state in it")


@dataclass(frozen=True)
class Group:
    """What a report shows of one topic of a model.

    Attributes
    ----------
    words : the foremost ones, the first first.
    share : of all words that are of it.
    coherence : how well its foremost words go together in the documents that the model is of, at most 1.
    place : where it stands on a map on which topics of like words are near.
    """

    words: tuple[str, ...]
    share: float
    coherence: float
    place: tuple[float, float]


class Weighted(Protocol):
    """Kept rows, and what each stands for."""

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
    def X(self) -> Matrix:  # noqa: N802 -- scikit-learn's name for it
        """The encoded columns as a fitted pipeline takes them, shape (n, d): an array, or a CSR array."""
        ...

    @property
    def sample_weight(self) -> Array:
        """The weight of each row, shape (n,)."""
        ...


class Rows(Weighted, Protocol):
    """Sampled rows that scores are computed on: :class:`~algorithms.summaries.sample.SampleState`."""

    @property
    def target(self) -> Array:
        """The target as a number, or the place of its class, shape (n,)."""
        ...

    @property
    def held(self) -> Matrix:
        """The encoded columns, less their origins, shape (n, d): an array, or a CSR array of sparse rows."""
        ...

    @property
    def y(self) -> Values | None:
        """The target, shape (n,): numbers, or labels where it is a class; None without one."""
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

    @property
    def alike(self) -> Rows:
        """The part of the rows of which those of a class all stand for as many."""
        ...


S = TypeVar("S", bound=State, default=Any)


@briefly
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
