"""Fold scores on workers: of a setting whose fits to kept rows take long, each fold is a task of an engine.

The states that keep rows are posted as a job (:mod:`hpo.states.jobs`), as their cells: a worker loads them once and
merges them as this process did. A task is the place of the job, a fold and the algorithm; its result is a few
numbers. What a worker cannot score, for whatever reason, this process scores, and says why it cannot.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from threading import Event

import cloudpickle

from algorithms.contract import Algorithm, Summary
from algorithms.errors import AlgorithmError
from algorithms.imports import allowed
from hpo.errors import EngineError, EngineWarning
from hpo.process.engine import Engine
from hpo.process.threads import one_thread
from hpo.process.workers import WorkerLost, Workers
from hpo.states.evaluate import Fold, Scores, evaluate, fold_scores, together
from hpo.states.fold_states import FoldStates
from hpo.states.jobs import JobMissing, Posted, job_of
from state_store import StateStore

LONG = 0.05
"""Seconds of a fold, fitted and scored, from which on workers do it."""

LOSSES = 3
"""Times that workers fail before this process continues alone."""


@dataclass(frozen=True, eq=False)
class FoldJob:
    """The states that keep rows.

    Attributes
    ----------
    states : by the key of their summary's states.
    allowed : packages that the user allowed to be imported by name.
    """

    states: Mapping[str, FoldStates]
    allowed: frozenset[str]

    def opened(self, _store: StateStore) -> FoldJob:
        """Return the job on a worker."""
        return self


def score_fold(
    location: str, name: str, context: str, fold: int, algorithm: bytes, metrics: Sequence[str]
) -> Fold | None:
    """Return the scores of one fold, and whether its solver converged, or None; this runs on a worker."""
    job = job_of(location, name, FoldJob)
    made: Algorithm = cloudpickle.loads(algorithm)
    states = job.states[context].for_algorithm(made)
    try:
        with one_thread():
            return fold_scores(made, states.train[fold], states.held_out[fold], metrics)
    except AlgorithmError:
        return None


@dataclass(eq=False)
class FarScores:
    """What scores settings, on the workers of an engine where it pays.

    Attributes
    ----------
    engine : where they may be scored.
    store : where states are posted.
    stop : set to stop.

    Examples
    --------
    >>> with FarScores(Engine("threads"), StateStore(".")) as far:
    ...     far.workers is None
    True
    """

    engine: Engine
    store: StateStore
    stop: Event = field(default_factory=Event)
    failures: int = 0
    _seconds: dict[type[Algorithm], float] = field(default_factory=dict)
    _workers: list[Workers | None] = field(default_factory=list)
    _posted: tuple[frozenset[str], Posted] | None = None
    _opened: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> FarScores:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def workers(self) -> Workers | None:
        """The workers, opened when they are first asked for; None for this process."""
        if not self._workers:
            self._workers.append(self._opened.enter_context(self.engine.workers()))
        return self._workers[0]

    def evaluate(
        self,
        algorithm: Algorithm,
        states: Mapping[Summary, FoldStates],
        contexts: Mapping[Summary, str],
        metric: str,
        also: Sequence[str],
    ) -> Scores:
        """Return the fold scores of a setting; ``states`` and ``contexts`` are those of the study."""
        mine = states[algorithm.summary].for_algorithm(algorithm)
        if self._is_long(algorithm, mine) and (workers := self.workers) is not None:
            keeping = {contexts[s]: of for s, of in states.items() if of.train and of.whole.kept_rows}
            posted, context = self._job(keeping), contexts[algorithm.summary]
            found = self._far(workers, posted, context, algorithm, len(mine.train), (metric, *also))
            if found is not None:
                return together(found, (metric, *also), mine.overlap)
        began = time.perf_counter()
        scores = evaluate(algorithm, mine, metric, also)
        self._seconds[type(algorithm)] = (time.perf_counter() - began) / len(mine.train)
        return scores

    def _is_long(self, algorithm: Algorithm, states: FoldStates) -> bool:
        """Return whether a setting is expected to take long, by the last one of its algorithm.

        What is trained in epochs continues from chains of this process, and is trained here.
        """
        if algorithm.chained is not None:
            return False
        took = self._seconds.get(type(algorithm), 0.0)
        return self.failures < LOSSES and len(states.train) > 1 and states.whole.kept_rows > 0 and took >= LONG

    def _far(
        self, workers: Workers, posted: Posted, context: str, algorithm: Algorithm, folds: int, names: Sequence[str]
    ) -> list[Fold] | None:  # fmt: skip
        """Return what workers found of each fold; None where they did not."""
        code, found = cloudpickle.dumps(algorithm), dict[int, Fold]()
        items = {fold: (*posted.place, context, fold, code, tuple(names)) for fold in range(folds)}
        try:
            with closing(workers.each(score_fold, items, self.stop)) as results:
                found = {fold: made for fold, made in results if made is not None}
        except (WorkerLost, JobMissing, EngineError) as error:
            self._failed(posted, error)
        return [found[fold] for fold in range(folds)] if len(found) == folds else None

    def _job(self, keeping: Mapping[str, FoldStates]) -> Posted:
        """Return the job of some states, posted once."""
        if self._posted is None or self._posted[0] != keeping.keys():
            posted = Posted(self.store, FoldJob(keeping, allowed()))
            self._opened.enter_context(posted)
            self._posted = frozenset(keeping), posted
        return self._posted[1]

    def _failed(self, posted: Posted, error: Exception) -> None:
        """Count what went wrong, and warn when it was the last time."""
        self.failures += 1
        posted.put_again()
        if self.failures >= LOSSES:
            warnings.warn(
                f"trials are scored by this process from here on, since workers failed {LOSSES} times ({error})",
                EngineWarning,
                stacklevel=2,
            )
