"""Training shared by prefix: trials are a tree of epochs, and each of these is trained once.

The key after an epoch is the digest of the key before it and of what is in force during it; the first one, of
the algorithm's class, what decides where it begins, and the rows. So two trials share the keys of their common
prefix, whoever ran them and when. A trial continues from the longest prefix that is known: in memory, or in the
store, where chains are leaves like any other.
"""

from __future__ import annotations

import functools
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from optuna.distributions import BaseDistribution

from algorithms.brief import briefly
from algorithms.chained import (
    EPOCHS,
    ByState,
    Chain,
    Chained,
    Chosen,
    at,
    ends,
    further,
    in_force,
    train_by,
)
from algorithms.contract import State
from hpo.errors import StoreWarning, TuneError
from hpo.question.search import Searched
from hpo.states.contexts import Evidence
from hpo.states.fold_states import FoldStates
from state_store import Key, StateStore, StoreError, digest
from state_store.content import content
from studies.sampling.space import cardinality, choices

if TYPE_CHECKING:
    from hpo.states.grown import Earlier, Grown

HELD = 1 << 27
"""Bytes of chains that are held in memory."""

SMALL = 1 << 16
"""Bytes of a chain that is held in memory after every epoch, at most."""

EVERY = 10.0
"""Seconds after which a chain that is being trained is kept, whatever its epoch: what a kill costs."""


GENERATIONS, LEAST_MEMBERS = 5, 2
"""Generations of a population, and its members at least."""

FEW = 32
"""Numbers of epochs that a range has, at most, for chains to be kept at each."""


@dataclass(frozen=True)
class Stage:
    """Epochs that the same settings have in common, of each fold.

    Attributes
    ----------
    algorithm : its name.
    depth : how many stages lie before it.
    first, last : its epochs.
    settings : how many go through it; it is trained once.
    values : what is in force in it, and not in those beside it.
    """

    algorithm: str
    depth: int
    first: int
    last: int
    settings: int
    values: Mapping[str, object]

    @property
    def epochs(self) -> int:
        """How many epochs it has."""
        return self.last - self.first + 1

    @property
    def saved(self) -> int:
        """Epochs that settings would have trained again, each for itself."""
        return (self.settings - 1) * self.epochs


@dataclass(frozen=True)
class Epochs:
    """How many epochs were trained, and how many trials would have trained each for itself.

    Attributes
    ----------
    trained, alone : of all folds.
    stages : of one fold, where the tree of what trials have in common is known.

    Examples
    --------
    >>> Epochs(trained=20, alone=60).saved
    40
    """

    trained: int = 0
    alone: int = 0
    stages: tuple[Stage, ...] = ()

    @property
    def saved(self) -> int:
        """Epochs that others had trained."""
        return self.alone - self.trained


Before: TypeAlias = Callable[[], State | None]
"""Returns a state of some of the rows of another."""


@dataclass(frozen=True)
class Origin:
    """What the chains of a state's rows begin with.

    Attributes
    ----------
    states : the key of the states.
    rows : digest of the rows; empty until somebody asks.
    before : returns the state of those of the rows that an earlier edition was trained on; None for none.
    """

    states: str
    rows: str = ""
    before: Before | None = None

    @property
    def context(self) -> str:
        """The context that the chains are kept in."""
        return digest(["chains", self.states])


@briefly
@dataclass(eq=False)
class Chains:
    """What trains the algorithms of a study on the rows of its states.

    Attributes
    ----------
    store : where chains are kept.
    asked : epochs that trials are known to ask for: chains are kept there.
    replay : the share of the rows of earlier editions that chains of later ones are trained on again; None where
        each edition is trained from the beginning.
    trained : epochs that were trained.
    alone : epochs that trials would have trained each for itself.
    used : the keys of the chains that were loaded or kept.
    """

    store: StateStore
    asked: Collection[int] = ()
    replay: float | None = None
    trained: int = 0
    alone: int = 0
    used: set[Key] = field(default_factory=set)
    _held: OrderedDict[Key, Chain] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _origins: ByState[Origin] = field(default_factory=ByState)
    _trial: dict[Key, int] | None = None
    _failed: bool = False

    def serve(self, found: Evidence, grown: Grown | None = None) -> None:
        """Train what is solved from a study's states, which may have grown."""
        for summary, states in found.states.items():
            before = None if grown is None else grown.before(summary)
            self._serve(states, found.contexts[summary], before)

    def _serve(self, states: FoldStates, context: str, before: Earlier | None) -> None:
        for i, state in enumerate((*states.train, states.whole)):
            earlier = None if before is None else functools.partial(self._earlier, before, context, i)
            self._origins[state] = Origin(context, before=earlier)
            train_by(self, state)

    def _earlier(self, before: Earlier, context: str, i: int) -> State | None:
        """Return the i-th state of the edition before; they are served when the first is asked for."""
        states, further = before.states, before.before
        if states is None:
            return None
        state = (*states.train, states.whole)[i]
        if self._origins.get(state) is None:
            self._serve(states, context, further)
        return state

    @property
    def epochs(self) -> Epochs:
        """What was trained until now."""
        return Epochs(self.trained, self.alone)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Count what is asked in the block as one trial, whose rungs continue from one another in any case."""
        self._trial = {}
        try:
            yield
        finally:
            self.alone += sum(self._trial.values())
            self._trial = None

    def __call__(self, algorithm: Chained, state: State) -> Chain:
        """Return the chain that an algorithm ends with on a state's rows; trained as far as nobody did."""
        return self._ended(algorithm, state)[1]

    def _ended(self, algorithm: Chained, state: State) -> tuple[Key, Chain]:
        """Return the chain that an algorithm ends with, and its key."""
        before = self._before(state)
        chosen = None if before is None or self.replay is None else state.besides(before, self.replay)
        if before is not None and chosen is not None and not chosen.any():
            return self._ended(algorithm, before)
        key, begin = self._first(algorithm, state), functools.partial(at(algorithm, 0).begin, state)
        if before is not None:
            after, known = self._ended(algorithm, before)
            key = digest([key, after.segment, self.replay])
            begin = functools.partial(_gone_on, algorithm, known, before, state, chosen)
        keys = self._keys(algorithm, state, key)
        chain = self._known(algorithm, keys, begin)
        if not ends(algorithm, chain):
            with self._flight(keys[-1]) as first:
                if not first:  # another process trained it meanwhile
                    chain = self._known(algorithm, keys, begin)
                chain = self._train(algorithm, chain, keys, state)
        if self._trial is None:
            self.alone += chain.epoch
        else:
            self._trial[keys[0]] = max(chain.epoch, self._trial.get(keys[0], 0))
        return keys[chain.epoch], chain

    def _before(self, state: State) -> State | None:
        found = self._origin(state).before
        return None if found is None else found()

    def _first(self, algorithm: Chained, state: State) -> str:
        """Return what the key of no epoch is the digest of."""
        kind = type(algorithm)
        name = f"{kind.__module__}.{kind.__qualname__}"
        return digest([name, algorithm.version, self._origin(state).rows, in_force(algorithm, 0)])

    def _keys(self, algorithm: Chained, state: State, key: str) -> list[Key]:
        """Return the key after each epoch, from the beginning on."""
        context = self._origin(state).context
        keys = [Key(context, key)]
        for epoch in range(1, algorithm.length + 1):
            key = digest([key, in_force(algorithm, epoch)])
            keys.append(Key(context, key))
        return keys

    def _origin(self, state: State) -> Origin:
        """Return what a state's chains begin with; its rows are looked at once."""
        found = self._origins.get(state)
        if found is None:
            raise TuneError("these chains train on the rows of other states")
        if not found.rows:
            shape = state.shape
            parts = [repr(shape.columns), shape.targets, repr(shape.classes), shape.dtype, content(state)]
            found = replace(found, rows=digest(parts))
            self._origins[state] = found
        return found

    def _known(self, algorithm: Chained, keys: Sequence[Key], begin: Callable[[], Chain]) -> Chain:
        """Return the longest chain that is known, and not beyond where the algorithm stops early."""
        known = {*self._held.keys() & {*keys}}
        if keys[-1] not in known:
            known |= self._stored(keys)
        most = len(keys) - 1
        while epoch := next((e for e in range(most, 0, -1) if keys[e] in known), 0):
            chain = self._got(keys[epoch])
            if chain is None:  # it was damaged, or is gone
                known.discard(keys[epoch])
                continue
            stops = algorithm.stops(chain.losses)
            if stops is None or stops >= epoch:
                return chain
            most = stops
        return begin()

    def _stored(self, keys: Sequence[Key]) -> set[Key]:
        context = keys[0].context
        try:
            present = self.store.cover(context, [key.segment for key in keys]).found
        except StoreError as error:
            self._complain(error)
            return set()
        return {Key(context, segment) for segment in present}

    def _got(self, key: Key) -> Chain | None:
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        found = self.store.get(key, Chain(0, 0))
        if found is not None:
            self.used.add(key)
            self._hold(key, found)
        return found

    def _train(self, algorithm: Chained, chain: Chain, keys: Sequence[Key], state: State) -> Chain:
        """Return the chain that an algorithm ends with; what was trained stays, whatever follows."""
        last, kept, when = chain, chain.epoch, time.monotonic()
        try:
            for following in further(algorithm, chain, state):
                last, self.trained = following, self.trained + 1
                asked, late = last.epoch in self.asked, time.monotonic() - when >= EVERY
                if asked or late or last.nbytes <= SMALL:
                    self._hold(keys[last.epoch], last)
                if asked or late:
                    self._keep(algorithm, last, keys, state)
                    kept, when = last.epoch, time.monotonic()
        finally:
            if last.epoch > kept:
                self._hold(keys[last.epoch], last)
                self._keep(algorithm, last, keys, state)
        return last

    def _hold(self, key: Key, chain: Chain) -> None:
        """Hold a chain in memory, and let go of those that were not used for longest."""
        if key in self._held:
            return
        self._held[key] = chain
        self._bytes += chain.nbytes
        while self._bytes > HELD and len(self._held) > 1:
            self._bytes -= self._held.popitem(last=False)[1].nbytes

    def _keep(self, algorithm: Chained, chain: Chain, keys: Sequence[Key], state: State) -> None:
        """Keep a chain in the store, with what `hpo states ls` shows of it."""
        key, name = keys[chain.epoch], type(algorithm).__name__
        about = {
            "summary": f"chain of {name}", "segment": f"{name}, epoch {chain.epoch}", "epoch": chain.epoch,
            "chain": keys[0].segment, "states": self._origin(state).states, "columns": state.shape.d,
            "targets": list(state.shape.targets),
        }  # fmt: skip
        try:
            self.store.publish(key, chain, about)
        except StoreError as error:
            self._complain(error)
        else:
            self.used.add(key)

    @contextmanager
    def _flight(self, key: Key) -> Iterator[bool]:
        """Let one process train a chain, and others wait for it; yields whether this one is the first."""
        with ExitStack() as opened:
            try:
                first = opened.enter_context(self.store.flight(key))
            except StoreError as error:
                self._complain(error)
                first = True
            yield first

    def _complain(self, error: StoreError) -> None:
        """Warn, once, that chains are not kept; trials continue without."""
        if not self._failed:
            self._failed = True
            warnings.warn(
                f"what is trained is not kept ({error}); later studies train it again", StoreWarning, stacklevel=2
            )


def members(trials: int) -> int:
    """Return how many members a population has, by the trials of all generations.

    Examples
    --------
    >>> members(60), members(8)
    (12, 2)
    """
    return max(LEAST_MEMBERS, trials // GENERATIONS)


def generation_epochs(generation: int, length: int) -> int:
    """Return after how many epochs a generation is scored; the sixth begins anew.

    Examples
    --------
    >>> [generation_epochs(g, 12) for g in range(6)]
    [3, 5, 8, 10, 12, 3]
    """
    return -(-length * (generation % GENERATIONS + 1) // GENERATIONS)


def _gone_on(
    algorithm: Chained, chain: Chain, before: State, state: State, chosen: Chosen | None
) -> Chain:
    begun = algorithm.go_on(chain, before, state)
    return begun if chosen is None else replace(begun, chosen=chosen)


def asked_epochs(space: Mapping[str, BaseDistribution], searched: Iterable[Searched]) -> frozenset[int]:
    """Return the numbers of epochs that trials may ask for, where these are few.

    Parameters
    ----------
    space : what is searched, by ``"algorithm.parameter"``.
    searched : the algorithms, of which some may have a constant number.
    """
    found: set[int] = set()
    for one in searched:
        distribution = space.get(f"{one.name}.{EPOCHS}")
        values = [one.constants.get(EPOCHS)]
        if distribution is not None and cardinality(distribution) <= FEW:
            values += choices(distribution)
        found |= {value for value in values if isinstance(value, int)}
    return frozenset(found)
