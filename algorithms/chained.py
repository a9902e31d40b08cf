"""Chains: what an algorithm is after some epochs, and algorithms that continue from there.

The state of a network is not a sufficient statistic: nothing but the rows themselves gives the state of another
penalty or step size. What trials can share is the *prefix* of training: two of them that were alike for five epochs
have those five in common, and a longer run continues from a shorter one. So a chain is all that the next epoch
needs, as arrays, and training depends on nothing else: stopped and taken up again it gives the same bits.
"""

from __future__ import annotations

import copy
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Generic, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeVar

from algorithms.arrays import Array, Places, Values
from algorithms.brief import brief
from algorithms.held import S, State

M = TypeVar("M", covariant=True, default=object)

EPOCHS = "epochs"
"""The hyperparameter that says how long an algorithm is trained."""

NAMED = {"named": True}
"""Of a field that holds arrays by name, whatever their names, types and shapes."""


Chosen: TypeAlias = NDArray[np.bool_]
"""Whether each row is trained on."""


@dataclass(frozen=True, eq=False)
class Chain:
    """What an algorithm is after some epochs: all that the next one needs.

    Attributes
    ----------
    epoch : epochs trained.
    seed : the random key: with the number of an epoch it decides the order of the rows, and whatever is drawn.
    parameters : the model, by name.
    optimizer : what the optimizer remembers, by name.
    best : the model after the epoch of the lowest held-out loss; empty where no loss is held out.
    losses : the held-out loss after each epoch, shape (epoch,); empty where none is held out.
    chosen : whether each row of the state is trained on, shape (n,); empty where all are.

    Examples
    --------
    >>> Chain(0, seed=1).nbytes, Chain(3, 1, {"coef": np.zeros(2)}).epoch
    (0, 3)
    """

    epoch: int
    seed: int
    parameters: Mapping[str, Values] = field(default_factory=dict, metadata=NAMED)
    optimizer: Mapping[str, Values] = field(default_factory=dict, metadata=NAMED)
    best: Mapping[str, Values] = field(default_factory=dict, metadata=NAMED)
    losses: Array = field(default_factory=lambda: np.zeros(0), metadata={"varies": True})
    chosen: Chosen = field(default_factory=lambda: np.zeros(0, np.bool_), metadata={"varies": True})

    __repr__ = brief

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        named = (*self.parameters.values(), *self.optimizer.values(), *self.best.values())
        return sum(array.nbytes for array in (*named, self.losses, self.chosen))

    def among(self, rows: Places) -> Places:
        """Return those places of rows that are trained on.

        Examples
        --------
        >>> Chain(0, 0, chosen=np.array([True, False, True])).among(np.array([0, 1, 2])).tolist()
        [0, 2]
        """
        return rows[self.chosen[rows]] if len(self.chosen) else rows


class Chained(ABC, Generic[S, M]):
    """An algorithm that is trained in epochs, and continues from where it, or one alike, stopped.

    Its hyperparameters are of three kinds: ``epochs``, how long; those in force during an epoch; and those of the
    trained model alone, which need no training. A subclass that is an :class:`~algorithms.contract.Algorithm`
    has the field ``epochs``.
    """

    version: ClassVar[int] = 2
    """Part of the key of its chains: raised when training changes."""

    @property
    def chained(self) -> Chained | None:
        """The algorithm itself."""
        return self

    history: tuple[Past, ...] = ()
    """What was in force before it, where others began its chain; the earliest first."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Epochs that it is trained for, at most."""

    @abstractmethod
    def in_force(self, epoch: int) -> Mapping[str, object]:
        """Return what decides an epoch beside the chain before it, as JSON values; of epoch 0, where it begins."""

    def may_change(self, name: str) -> bool:
        """Return whether training may continue with another value of a hyperparameter."""
        return name != EPOCHS and name not in self.in_force(0)

    @abstractmethod
    def begin(self, state: S) -> Chain:
        """Return the chain of no epoch."""

    def go_on(self, chain: Chain, before: S, state: S) -> Chain:
        """Return the chain of no epoch that begins with what a chain has learned of the rows that came before.

        Parameters
        ----------
        chain : of the rows before; its best epoch is what training begins with.
        before : these rows.
        state : those and others, laid out alike.
        """
        begun = self.begin(state)
        return replace(begun, parameters=chain.best or chain.parameters)

    @abstractmethod
    def advance(self, chain: Chain, state: S) -> Iterator[Chain]:
        """Yield the chain after each further epoch, without end; leaves the chain that it was given alone.

        Raises
        ------
        FitFailed
            An epoch cannot be trained, or ends with what is not a number; what was yielded before stays good.
        """

    @abstractmethod
    def trained(self, chain: Chain, state: S) -> M:
        """Return the model's numbers: those of the best epoch where losses are held out, else of the last."""

    def stops(self, losses: Array) -> int | None:
        """Return the epoch after which training stops early, by the held-out losses; None where it continues."""
        return None

    def solve(self, state: S) -> M:
        """Return the trained model's numbers, from the chains that are known of this state's rows."""
        return self.trained(chain_of(self, state), state)


@dataclass(frozen=True)
class Past:
    """What was in force until an epoch.

    Attributes
    ----------
    until : the last epoch.
    algorithm : that trained until then.
    """

    until: int
    algorithm: Chained


A = TypeVar("A")


def going_on(algorithm: A, history: tuple[Past, ...]) -> A:
    """Return an algorithm that continues from the chain that others began.

    Examples
    --------
    >>> from algorithms.models.factorization_machine import FactorizationMachine
    >>> begun = FactorizationMachine(learning_rate=0.1, epochs=2)
    >>> made = going_on(FactorizationMachine(learning_rate=0.01, epochs=4), (Past(2, begun),))
    >>> [in_force(made, epoch)["rate"] for epoch in (1, 2, 3)]
    [0.1, 0.1, 0.01]
    """
    made = copy.copy(algorithm)
    object.__setattr__(made, "history", history)  # of a frozen dataclass; no field, since nobody searches it
    return made


def at(algorithm: Chained[S, object], epoch: int) -> Chained[S, object]:
    """Return what trains an epoch."""
    return next((past.algorithm for past in algorithm.history if epoch <= past.until), algorithm)


def in_force(algorithm: Chained, epoch: int) -> Mapping[str, object]:
    """Return what decides an epoch: where another trains it than began, what that would begin with, too."""
    now, first = at(algorithm, epoch), at(algorithm, 0)
    current, begun = now.in_force(epoch), now.in_force(0)
    return {**current, "begun": begun} if epoch and begun != first.in_force(0) else current


def ends(algorithm: Chained, chain: Chain) -> bool:
    """Return whether an algorithm is trained no further."""
    return chain.epoch >= algorithm.length or algorithm.stops(chain.losses) is not None


def further(algorithm: Chained[S, object], chain: Chain, state: S) -> Iterator[Chain]:
    """Yield the chain after each epoch that is left to train."""
    last = chain
    while not ends(algorithm, last):
        now = at(algorithm, last.epoch + 1)
        for following in now.advance(last, state):
            yield (last := following)
            if ends(algorithm, last) or at(algorithm, last.epoch + 1) is not now:
                break


def alone(algorithm: Chained[S, object], state: S) -> Chain:
    """Return the chain that an algorithm ends with, trained from the beginning."""
    last = at(algorithm, 0).begin(state)
    for following in further(algorithm, last, state):
        last = following
    return last


Trainer: TypeAlias = Callable[[Chained, State], Chain]
"""What trains algorithms on a state's rows: it may know chains that they can continue from."""

V = TypeVar("V")


class ByState(Generic[V]):
    """Values by the very state that they are of, as long as it lives; states need no hash.

    Examples
    --------
    >>> state, known = State(), ByState()
    >>> known[state] = 3
    >>> known.get(state), known.get(State()) is None
    (3, True)
    """

    def __init__(self) -> None:
        self._values: dict[int, tuple[weakref.ref[State], V]] = {}

    def __setitem__(self, state: State, value: V) -> None:
        address, values = id(state), self._values
        values[address] = weakref.ref(state, lambda _: values.pop(address, None)), value

    def get(self, state: State) -> V | None:
        """Return the value of a state; None where it has none."""
        found = self._values.get(id(state))
        return None if found is None or found[0]() is not state else found[1]


_TRAINERS: ByState[Trainer] = ByState()


def train_by(trainer: Trainer, state: State) -> None:
    """Let a trainer answer for the algorithms of a state, as long as the state lives; the answers are the same."""
    _TRAINERS[state] = trainer


def chain_of(algorithm: Chained, state: State) -> Chain:
    """Return the chain that an algorithm ends with on a state's rows."""
    trainer = _TRAINERS.get(state)
    return alone(algorithm, state) if trainer is None else trainer(algorithm, state)
