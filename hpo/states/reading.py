"""Reading until what was learned suits: a pass, and another where the rows show that its beginning was a bad one.

A summary that must know something first learns it of a sample, and a sample may be blind: to a class that one file
has, to counts that grow from file to file. The pass sees every row, so the summary is asked afterwards whether what
it learned suits them all (:class:`~algorithms.contract.Learning`). Where it does not, it learns again, from the
state of every row, and its states are made anew. What was learned so is kept, and preferred by later studies.
"""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event

from algorithms.contract import State, Summary
from hpo.errors import ApproximationWarning
from hpo.process.memory import available_memory, check_memory
from hpo.process.progress import Progress
from hpo.question.question import Question
from hpo.states.contexts import contexts_of, make_pass
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.summaries import Relearned, keep, learned_of, sampled
from hpo.states.pass_result import PassResult
from hpo.states.passes import Pass
from studies.record.record_parts import Forecast

MOST_AGAIN = 2
"""Further readings at most, of the same data."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What the passes of a study gave.

    Attributes
    ----------
    pilot : with what each summary knew in the end.
    contexts : the key of each summary's states.
    result : the states, and what all the passes cost together.
    again : why the data was read again, a sentence for each further pass.
    unsuited : what still does not suit all rows, a sentence for each such summary.
    forecast : what the pass was expected to take, and took; None where nobody asked.
    """

    pilot: Pilot
    contexts: Mapping[Summary, str]
    result: PassResult
    again: tuple[str, ...] = ()
    unsuited: tuple[str, ...] = ()
    forecast: Forecast | None = None


def read(question: Question, pilot: Pilot, progress: Progress, stop: Event) -> Reading:
    """Return the states of every summary, the data read as often as what they learned asks for.

    Raises
    ------
    DataError
        If a segment cannot be read.
    MemoryShort
        What was learned again makes states that do not fit in memory.
    Interrupted
        If ``stop`` was set; says how far the pass came.
    """
    progress.begin_pass(question.dataset.rows, question.dataset.nbytes)
    one_pass = make_pass(question, pilot)
    made = one_pass.run(question.engine, progress, stop)
    found, asked = Reading(pilot, one_pass.contexts, made), list(one_pass.contexts)
    left: dict[Summary, str] = {}
    while failing := _failing(found, asked):
        learned = {s: new for s, f in failing.items() if (new := _learned_again(question, found, s, f))}
        left |= {s: failure.why for s, failure in failing.items() if s not in learned}
        if not learned:
            break
        progress.read_again(_sentences(failing[s].why for s in learned))
        found, asked = _read_again(question, found, failing, learned, progress, stop), list(learned)
    if left:
        better = ", and polish='always' makes the best model of every row"
        warnings.warn(complaint(left) + better, ApproximationWarning, stacklevel=4)
    return replace(found, unsuited=tuple(left.values()))


def unsuited(found: Reading) -> dict[Summary, str]:
    """Return why what summaries learned does not suit all rows, a clause for each of these; reads nothing."""
    return {s: failure.why for s, failure in _failing(found, list(found.contexts)).items()}


def complaint(left: Mapping[Summary, str]) -> str:
    """Return what is said of summaries that learned what does not suit all rows."""
    names = ", ".join(dict.fromkeys(map(repr, left)))
    return (
        f"what was learned before the pass does not suit all rows: {_sentences(left.values())}. Models and scores "
        f"from {names} may be rough; hpo.write_report(result) shows their errors"
    )


@dataclass(frozen=True, eq=False)
class _Failure:
    """Why what a summary learned does not suit, and the state of every row that shows it."""

    why: str
    whole: State


def _failing(found: Reading, asked: Sequence[Summary]) -> dict[Summary, _Failure]:
    failing = {}
    for summary in asked:
        ready = found.pilot.ready(summary)
        learning = ready.learning
        if learning is None or not learning.checks:
            continue
        whole = functools.reduce(ready.merge, found.result.cells[summary])
        why = learning.failed(whole)
        if why is not None:
            failing[summary] = _Failure(why, whole)
    return failing


def _learned_again(
    question: Question, found: Reading, summary: Summary, failure: _Failure
) -> Relearned | None:
    """Return what a summary learns of all rows and a sample; None where that was done as often as it may be."""
    dataset, pilot = question.dataset, found.pilot
    now = pilot.learned[summary]
    rounds = max(learned_of(question.store, now, dataset), len(found.again))
    if rounds >= MOST_AGAIN:
        return None
    learning = pilot.ready(summary).learning
    if learning is None:
        return None
    sample = sampled(summary, pilot, dataset, question.spec.seed)
    known = learning.learn_again(pilot.shape, failure.whole, sample)
    return None if known == now else Relearned(known, rounds + 1)


def _read_again(
    question: Question,
    found: Reading,
    failing: Mapping[Summary, _Failure],
    learned: Mapping[Summary, Relearned],
    progress: Progress,
    stop: Event,
) -> Reading:
    dataset, store = question.dataset, question.store
    for summary, new in learned.items():
        keep(summary, new, found.pilot, dataset, store)
    known = {s: new.learned for s, new in learned.items()}
    pilot = found.pilot.knowing(known)
    _check_memory(question, pilot, list(learned))
    contexts = contexts_of(question, pilot)
    progress.begin_pass(dataset.rows, dataset.nbytes)
    again = Pass(dataset, pilot, {s: contexts[s] for s in learned}, store)
    result = _both(found.result, again.run(question.engine, progress, stop))
    why = _sentences(failing[s].why for s in learned)
    return Reading(pilot, contexts, result, (*found.again, why))


def _check_memory(question: Question, pilot: Pilot, summaries: Sequence[Summary]) -> None:
    """Refuse states of what was learned again that do not fit in memory."""
    workers = min(question.spec.n_jobs or os.cpu_count() or 1, len(question.dataset.segments))
    ready = [pilot.ready(summary) for summary in summaries]
    check_memory(ready, pilot.shape, pilot.folds.plan.n_cells, workers, available_memory())


def _both(first: PassResult, again: PassResult) -> PassResult:
    """Return the states of both passes, those of the later one where both have them, and what both cost."""
    segments = [
        replace(a, read=a.read or b.read) for a, b in zip(first.segments, again.segments, strict=True)
    ]
    return replace(
        first,
        cells={**first.cells, **again.cells},
        segments=segments,
        states_built=first.states_built + again.states_built,
        states_reused=first.states_reused + again.states_reused,
        seconds=first.seconds + again.seconds,
    )


def _sentences(reasons: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(reasons))
