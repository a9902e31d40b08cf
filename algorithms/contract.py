"""The contract: what a summary is, what an algorithm is, and what is said of them.

A **summary** says what one pass over the data keeps; its fields are the hyperparameters that need a pass.
An **algorithm** turns a state of that summary into a model; its other fields are free: they never touch the data.
Two algorithms share a state exactly when their summaries are equal.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self

from typing_extensions import TypeVar

from algorithms.ageing import Aged, Ageing
from algorithms.arrays import Array
from algorithms.batches import (
    DENSE_BYTES,
    FUTURE,
    HASH_BITS,
    HASHED,
    INDICATOR,
    LEVEL,
    MISSING,
    OTHER,
    PAST,
    STATIC,
    VALUE,
    Batch,
    Column,
    Features,
    Shape,
    SparseBatch,
    as_dense,
)
from algorithms.chained import Chain, Chained
from algorithms.covariates import Ends
from algorithms.declared import Field, check_values, checked, declared
from algorithms.errors import AlgorithmError, ContractBroken, nearest
from algorithms.held import Group, Held, Rows, S, Score, State, Weighted, as_score
from algorithms.lazily import sklearn
from algorithms.learned import Learned
from algorithms.ranges import Range, unsearched
from algorithms.tags import Tags

if TYPE_CHECKING:
    import numpy as np
    from sklearn.base import BaseEstimator

    from algorithms.noise import Bounds


EXACT, APPROXIMATE, RESUMABLE = "exact", "approximate", "resumable"
"""Families of summaries; what each promises is in :data:`algorithms.laws.PROMISES`."""


M = TypeVar("M", default=Any)


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

    ordered: ClassVar[bool] = False
    """Whether rows follow one another: ``update`` needs ``batch.series``, and the number of each row's step in
    ``batch.clock``. The order is theirs, and not that of reading or merging."""

    sparse: ClassVar[bool] = False
    """Whether a :class:`SparseBatch` is taken as it is; others get its rows in pieces that are small when dense."""

    sums: ClassVar[bool] = False
    """Whether a state is sums over its rows alone: no row is in it, and nothing that was learned of a sample."""

    nests: ClassVar[bool] = False
    """Whether its states nest, as :attr:`State.nests` says."""

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

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

    def later(self, state: S, rows: int) -> S:
        """Return the state of the same rows, where so many others of the data come before them."""
        return state

    @property
    def rounds(self) -> int:
        """How often :meth:`update` goes through each row: more than once where it trains on few."""
        return 1

    def ended(self, state: S) -> S:
        """Return the state of a segment that was read to its end: without what further rows alone would need."""
        return state

    def held_out(self, before: S, test: S) -> S:
        """Return what scores of the rows of ``test`` are computed from, by a model that knows those ``before``."""
        return test

    def ends(self, state: S) -> Ends | None:
        """Return the series that models can continue from; None where rows do not follow one another."""
        return None

    def sampling(self, size: int, beside: Sequence[Summary]) -> Summary | None:
        """Return the summary of the rows that sampled scores are computed on, so many of each fold.

        None where these are rows as they are. ``beside`` are all summaries of the study, whose models are scored
        on the same rows.
        """
        return None

    def holding(self, state: S) -> Self | None:
        """Return the summary that keeps every row a state has seen; None where this one does, or keeps none."""
        return None

    @abstractmethod
    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state of that shape at most, known before the pass."""

    def sensitivity(self, shape: Shape) -> float:
        """Return the largest length that one row adds to the sums of a state, columns scaled to [-1, 1]."""
        raise AlgorithmError(f"{type(self).__name__} holds no sums that noise is added to")

    def noised(self, state: S, bounds: Bounds, sigma: float, rng: np.random.Generator) -> S:
        """Return a state with noise of that deviation in its sums, of rows whose columns lie within bounds."""
        raise AlgorithmError(f"{type(self).__name__} holds no sums that noise is added to")

    def nbytes_of(self, shape: Shape, rows: int) -> int:
        """Bytes that a state of so many rows is expected to take, where it grows with them."""
        return self.nbytes(shape)

    def takes(self, batch: Batch) -> bool:
        """Return whether a batch is taken as it is; else its rows come in pieces that are small when dense."""
        return type(batch) is Batch or (self.sparse and isinstance(batch, SparseBatch))

    @property
    def learning(self) -> Learning | None:
        """The summary itself where it must learn something before its pass; else None."""
        return None

    @property
    def ageing(self) -> Ageing | None:
        """The summary itself where its rows weigh less the older they are; else None."""
        return None

    def aged_as(self, other: Ageing) -> Self:
        """Return the summary with rows that age as those of another; AlgorithmError where its rows cannot."""
        raise AlgorithmError(f"rows do not age in the states of {type(self).__name__}")

    def knowing(self, learned: Learned) -> Self:
        """Return the summary ready for a pass: knowing what was learned, or how many digits to keep."""
        return self

    def finer(self, learned: Learned | None) -> Learned | None:
        """Return what a pass must know whose states have more digits than those of what is known.

        None where they have all that there are, or how they are made was asked for.
        """
        return None

    def precision_in_words(self, learned: Learned | None, shape: Shape) -> str:
        """Return how many digits a pass with that knowledge keeps, and why; empty where there is one way alone."""
        return ""


@dataclass(frozen=True, kw_only=True)
class Learning(ABC, Generic[S]):
    """A summary that must know something before its pass: coefficients to expand around, centres, landmarks.

    What it learns from a small sample of rows is stored beside the pilot and is part of the key of its states.
    It is held in the field ``learned``: no hyperparameter, None until learned.

    After the pass a study asks whether what was learned suits every row. Where it does not, the summary learns
    again and the data is read once more, twice at most; what was learned last is kept and preferred by the studies
    that follow.
    """

    learned: Learned | None = field(default=None, metadata={"learned": True}, compare=False, repr=False)

    scanned: ClassVar[int | None] = None
    """Rows that may be read for the sample, where fewer are enough than are read for most summaries."""

    @property
    def beforehand(self) -> Learned:
        """What was learned; AlgorithmError where nothing was."""
        if self.learned is None:
            raise AlgorithmError(f"{type(self).__name__} must learn from a sample of rows before its pass")
        return self.learned

    def knowing(self, learned: Learned) -> Self:
        """Return the summary ready for a pass."""
        return dataclasses.replace(self, learned=learned)

    @property
    def learning(self) -> Learning | None:
        """The summary itself; one that need not learn, by its fields, returns None."""
        return self

    def needs(self, shape: Shape) -> bool:
        """Return whether there is anything to learn of data of this shape; where not, no sample is read."""
        return True

    @abstractmethod
    def learn(self, shape: Shape, sample: Batch) -> Learned:
        """Return what the pass must know, from a sample of encoded rows."""

    def failed(self, state: S) -> str | None:
        """Return why what was learned does not suit the rows of a state, in a clause; None where it does."""
        return None

    def learn_again(self, shape: Shape, state: S, sample: Batch) -> Learned:
        """Return what another pass must know, from the state of every row, and a sample of encoded rows."""
        return self.learn(shape, sample)

    @property
    def checks(self) -> bool:
        """Whether a pass may show that what was learned does not suit."""
        return type(self).failed is not Learning.failed


def pass_fields(summary: Summary) -> dict[str, object]:
    """Return the hyperparameters of a summary by name; what it learned is none.

    Examples
    --------
    >>> from algorithms.summaries.sample import Sample
    >>> pass_fields(Sample(size=10))
    {'size': 10}
    """
    return {f.name: getattr(summary, f.name) for f in dataclasses.fields(summary) if not f.metadata.get("learned")}


def pieces_for(summary: Summary, batch: Batch) -> Iterator[Batch]:
    """Yield a batch as a summary takes it: sparse rows, or codes, whole where it takes these, else in pieces."""
    if summary.takes(batch):
        yield batch
    else:
        yield from batch.pieces()


class Algorithm(ABC, Generic[S, M]):
    """How a state becomes a model: a frozen dataclass; every field but ``summary`` is a free hyperparameter.

    ``solve`` finds the numbers, ``estimator`` builds the fitted scikit-learn estimator from them. A trial needs
    the numbers only.
    """

    tags: ClassVar[Tags]

    if TYPE_CHECKING:

        @property
        def summary(self) -> Summary:
            """What the pass keeps; a field with a default."""
            ...

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        _check_class(cls)
        if "tags" not in vars(cls) and (inherited := _tags_of(cls)) is not None:
            cls.tags = inherited.but(auto=None, equivalent=None)

    def __post_init__(self) -> None:
        """Refuse values that are not legal."""
        check_values(self)

    @classmethod
    def _free_fields(cls) -> list[Field]:
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
        """Return the fitted scikit-learn estimator over the encoded columns.

        It may be a ``Pipeline``, whose last step is named ``"model"``.
        """

    def _check_digits(self, solution: M) -> None:
        """Raise Imprecise where rounding leaves the model too few digits: what ``estimator`` would raise."""
        self.estimator(solution)

    @abstractmethod
    def complexity(self, solution: M) -> float:
        """Return the effective degrees of freedom, comparable between algorithms; smaller is simpler."""

    def _complexity_of(self, state: S) -> float:
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

    def naive_score(self, state: S, held: Held[S], metric: str) -> Score | float | None:
        """Return the score of the simplest model of the task, made of the same state; None where it has none.

        A report sets it beside the model's own, where there is no target that a constant could predict.
        :attr:`algorithms.tasks.Task.simplest` says in words what that model has in place of what is learned.
        """
        return None

    def described(self, state: S) -> tuple[Group, ...]:
        """Return what a report shows of each topic of a state's model; nothing where models have no topics."""
        return ()

    def bounds(self, state: S) -> Mapping[str, Range | None]:
        """Return what the state knows of the free fields' ranges; None where a field has no effect on it."""
        return {}

    def check(self, state: S) -> None:
        """Raise an error where the state cannot define a model, whatever the free fields are.

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

    @property
    def chained(self) -> Chained | None:
        """The algorithm itself where it is trained in epochs, and can continue from others' chains; else None."""
        return None

    @property
    def prefixed(self) -> Prefixed | None:
        """The algorithm itself where one fit answers every smaller value of a hyperparameter; else None."""
        return None


class Prefixed(ABC, Generic[S, M]):
    """An algorithm whose model holds those of every smaller value of one hyperparameter, its prefix axis.

    What :meth:`smaller` returns must be the model that ``solve`` makes with that value. Where :attr:`falling`, the
    smallest value makes the largest model, which holds those of larger values: the strength of a pruning.
    """

    @property
    def prefixed(self) -> Prefixed | None:
        """The algorithm itself."""
        return self

    @property
    @abstractmethod
    def axis(self) -> str:
        """The hyperparameter: a whole number of at least 1; where it falls, a number of at least 0."""

    @property
    def falling(self) -> bool:
        """Whether models become smaller as the value grows."""
        return False

    @abstractmethod
    def smaller(self, solution: M, value: float) -> M:
        """Return the smaller model of a value, in a larger one; leaves the latter as it is."""

    def along(self, solution: M, values: Sequence[float], held: Held[S]) -> Iterator[M]:
        """Yield the model of each value, the smallest model first, up to the solution's own.

        Each is asked of what was held out alone, and before the next one is made: where parts of a model answer
        one after another, they need to answer once for all values.
        """
        return (self.smaller(solution, value) for value in values)

    def grows(self, state: S) -> bool:
        """Return whether :meth:`growing` makes no more of a model of a state than was asked for."""
        return False

    def growing(self, state: S, values: Sequence[float], held: Held[S]) -> Generator[M]:
        """Yield the model of each value as :meth:`along` does, grown no further than that where it can be."""
        whole = self.solve(state)  # type: ignore[attr-defined]
        yield from self.along(whole, values, held)


class Polishable(ABC, Generic[S, M]):
    """An algorithm whose models are near their optimum, and nearer after another pass that begins at them."""

    @property
    def polishing(self) -> Polishable | None:
        """The algorithm itself."""
        return self

    @abstractmethod
    def gain(self, solution: M, state: S) -> float:
        """Return how much another pass is expected to lower the mean loss of a row; 0 where nothing is left."""

    @abstractmethod
    def loss(self, solution: M, state: S) -> float:
        """Return the mean loss of a state's rows, as the state has it."""

    @abstractmethod
    def objective(self, solution: M, state: S) -> float:
        """Return the mean loss and the penalty beside it: of every row where the state expands it there."""

    @abstractmethod
    def expanded_at(self, solution: M, state: S) -> Learned:
        """Return what the summary must know for a pass that begins at this solution."""


def steps_of(model: BaseEstimator) -> list[tuple[str, BaseEstimator]]:
    """Return the steps of what ``estimator`` built: those of a pipeline, or the model alone."""
    return list(model.steps) if isinstance(model, sklearn.pipeline.Pipeline) else [("model", model)]


def fitted(algorithm: Algorithm[S, M], state: S) -> BaseEstimator:
    """Return the fitted scikit-learn estimator of a state's rows."""
    return algorithm.estimator(algorithm.solve(state))


def free_fields(algorithm: type[Algorithm]) -> list[Field]:
    """Return the free hyperparameters of a class; ContractBroken where it declares them wrongly."""
    return algorithm._free_fields()


def complexity_of(algorithm: Algorithm[S, M], state: S) -> float:
    """Return the complexity of the model of a state: without solving it, where that is known."""
    return algorithm._complexity_of(state)


def check_digits(algorithm: Algorithm[S, M], state: S) -> None:
    """Raise what :func:`fitted` would, without making an estimator where the solution alone shows it."""
    algorithm._check_digits(algorithm.solve(state))


def _check_class(cls: type[Algorithm]) -> None:
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


def _annotated(cls: type) -> list[str]:
    return [name for kind in cls.__mro__ for name in vars(kind).get("__annotations__", {})]


def _tags_of(cls: type[Algorithm]) -> Tags | None:
    found: Tags | None = getattr(cls, "tags", None)
    return found


__all__ = [
    "APPROXIMATE",
    "DENSE_BYTES",
    "EXACT",
    "FUTURE",
    "HASHED",
    "HASH_BITS",
    "INDICATOR",
    "LEVEL",
    "MISSING",
    "OTHER",
    "PAST",
    "RESUMABLE",
    "STATIC",
    "VALUE",
    "Aged",
    "Ageing",
    "Algorithm",
    "Array",
    "Batch",
    "Chain",
    "Chained",
    "Column",
    "Ends",
    "Features",
    "Group",
    "Held",
    "Learning",
    "Polishable",
    "Prefixed",
    "Rows",
    "Score",
    "Shape",
    "SparseBatch",
    "State",
    "Summary",
    "Tags",
    "Weighted",
    "as_dense",
    "as_score",
    "check_digits",
    "complexity_of",
    "fitted",
    "free_fields",
    "pass_fields",
    "pieces_for",
    "steps_of",
]
