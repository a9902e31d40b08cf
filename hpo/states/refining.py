"""States of more digits, made by one more pass where a score turns out to need them.

Products of the columns hold half the digits of the rows. That is enough for most data; a score that it does not
suffice for raises (:class:`~algorithms.errors.Imprecise`), and the summary that it came from says what would. The
data is then read once more for that summary, whatever the number of trials that need it, and what was found out is
kept: the next study begins with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Event

import numpy as np

from algorithms.contract import Summary
from algorithms.errors import AlgorithmError, Imprecise
from algorithms.learned import Learned
from hpo.errors import DataError, MemoryShort
from hpo.process.memory import available_memory, check_memory
from hpo.process.progress import Progress
from hpo.question.question import Question
from hpo.states.contexts import Evidence
from hpo.states.fold_states import FoldStates
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.seen import context_of
from hpo.states.learned.summaries import keep_finer, lookup_of
from hpo.states.pass_result import PassResult
from hpo.states.passes import Pass


def precision_in_words(summaries: Iterable[Summary], pilot: Pilot) -> str:
    """Return how many digits the states of a study have, and why; empty where there is one way alone."""
    found = (s.precision_in_words(pilot.learned.get(s), pilot.shape) for s in summaries)
    return "; ".join(dict.fromkeys(filter(None, found)))


@dataclass
class Refining:
    """The evidence of a study as it gets finer.

    Attributes
    ----------
    question : what is asked.
    found : the states, by summary; those of more digits in the place of others.
    progress, stop : of the pass.
    after : called when a pass is over.
    results : what each further pass cost.
    why : a sentence for each further pass.
    refused : why there was none, by summary.
    """

    question: Question
    found: Evidence
    progress: Progress
    stop: Event
    after: Callable[[], None] = lambda: None
    results: list[PassResult] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    refused: dict[Summary, str] = field(default_factory=dict)

    def refine(self, summary: Summary) -> Evidence | None:
        """Return the evidence with states of more digits for a summary; None if it has no more.

        Raises
        ------
        Imprecise
            There is no room for them, or the data cannot be read again.
        Interrupted
            If ``stop`` was set.
        """
        pilot = self.found.pilot
        finer = summary.finer(pilot.learned.get(summary))
        if finer is None:
            return None
        if summary not in self.refused:
            self._refine(summary, self._of_this_data(summary, finer))
        if summary in self.refused:
            raise Imprecise(
                "the products of the columns hold too few digits of this score, and reading the data once more "
                f"with precision='qr' is not possible: {self.refused[summary]}",
                finer=False,
            )
        return self.found

    def _refine(self, summary: Summary, known: Learned) -> None:
        pilot = self.found.pilot
        pilot = pilot.knowing({summary: known})
        try:
            self._check_memory(summary, pilot)
            states, context = self._read(summary, pilot, known)
        except (AlgorithmError, DataError, MemoryShort) as error:
            self.refused[summary] = str(error).splitlines()[0]
            return
        found = self.found
        self.found = Evidence({**found.states, summary: states}, {**found.contexts, summary: context}, pilot)
        self.after()

    def _read(self, summary: Summary, pilot: Pilot, known: Learned) -> tuple[FoldStates, str]:
        dataset, store = self.question.dataset, self.question.store
        context = context_of(summary, pilot, dataset.targets, dataset.weight)
        why = f"{summary!r} has too few digits for the scores of some settings"
        self.progress.read_again(why)
        self.progress.begin_pass(dataset.rows, dataset.nbytes)
        one_pass = Pass(dataset, pilot, {summary: context}, store)
        result = one_pass.run(self.question.engine, self.progress, self.stop)
        states = self.found.states[summary].anew(pilot.ready(summary), result.cells[summary])
        keep_finer(summary, known, self.found.pilot, dataset, store)
        self.results.append(result)
        self.why.append(why)
        return states, context

    def _check_memory(self, summary: Summary, pilot: Pilot) -> None:
        workers = min(self.question.spec.n_jobs or os.cpu_count() or 1, len(self.question.dataset.segments))
        cells = pilot.folds.plan.n_cells
        check_memory([pilot.ready(summary)], pilot.shape, cells, workers, available_memory())

    def _of_this_data(self, summary: Summary, finer: Learned) -> Learned:
        """Return what is known under a name of its own: of these segments, and of this question."""
        dataset = self.question.dataset
        names = [lookup_of(summary, self.found.pilot, dataset.targets, dataset.weight)]
        names += [segment.fingerprint for segment in dataset.segments]
        text = "\n".join(names).encode()
        return Learned({**finer.arrays, "refined": np.frombuffer(_digest(text), np.uint8)})


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()
