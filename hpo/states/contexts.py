"""From a question to states: the pilot, the pass, and the fold states of every summary."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from algorithms.brief import briefly
from algorithms.contract import Summary
from hpo.question.checks import check
from hpo.question.question import Question
from hpo.question.scoring import Scoring
from hpo.states.fold_states import FoldStates, fold_states, held_states
from hpo.states.learned.agreed import agreed_pilot
from hpo.states.learned.deals import dealt
from hpo.states.learned.labels import classes_of
from hpo.states.learned.pilot import Pilot, make_pilot
from hpo.states.learned.seen import context_of, share_seen
from hpo.states.learned.summaries import with_stored
from hpo.states.passes import Pass


@briefly
@dataclass(frozen=True, eq=False)
class Evidence:
    """What a study's trials are answered from.

    Attributes
    ----------
    states : fold states by summary.
    contexts : the key of each summary's states.
    pilot : encoder and folds.
    """

    states: Mapping[Summary, FoldStates]
    contexts: Mapping[Summary, str]
    pilot: Pilot

    @property
    def any_states(self) -> FoldStates:
        """The fold states of one summary that algorithms are solved from; every summary has seen the same rows."""
        return next(states for states in self.states.values() if states.train)


def contexts_of(question: Question, pilot: Pilot) -> dict[Summary, str]:
    """Return the key of each summary's states."""
    dataset = question.dataset
    return {s: context_of(s, pilot, dataset.targets, dataset.weight) for s in question.summaries}


def pilot_of(question: Question) -> Pilot:
    """Return the pilot of a question: agreed on, stored, or learned; reads what must be known before a pass.

    Raises
    ------
    DataError
        What must be read cannot be, or does not suit what was agreed on.
    """
    if question.layout is not None:
        return agreed_pilot(question, question.layout)
    spec, dataset, store = question.spec, question.dataset, question.store
    classes = classes_of(dataset, store) if question.classify else ()
    if classes:
        check(question, classes)
    folds = dealt(question.folds, dataset, store, classes)
    made = make_pilot(
        dataset, folds, spec.max_categories, store, spec.seed, classes, question.hash_columns, seen_by(question)
    )
    return made.following(question.calendar)


def seen_by(question: Question) -> Callable[[Pilot], float]:
    """Return what tells of which share of the segments there are leaves that were made with a pilot."""

    def share(pilot: Pilot) -> float:
        ordered = pilot.following(question.calendar)
        stored = with_stored(ordered, question.dataset, question.summaries, question.store)
        return share_seen(contexts_of(question, stored).values(), stored, question.dataset, question.store)

    return share


def make_pass(question: Question, pilot: Pilot) -> Pass:
    """Return the pass that a question needs."""
    return Pass(question.dataset, pilot, contexts_of(question, pilot), question.store)


def evidence(
    pilot: Pilot,
    contexts: Mapping[Summary, str],
    cells: Mapping[Summary, Sequence[Any]],
    scoring: Scoring,
    solved: Collection[Summary],
) -> Evidence:
    """Return the fold states of a finished pass.

    Parameters
    ----------
    pilot, contexts : of the pass.
    cells : one state per cell, by summary.
    scoring : how the study is scored.
    solved : the summaries that algorithms are solved from; of the sample, where it is none, there are held-out
        states only.
    """
    plan, sample = pilot.folds.plan, scoring.sample
    states = {
        s: (fold_states if s in solved else held_states)(pilot.ready(s), found, plan) for s, found in cells.items()
    }
    if sample is not None:
        rows = states[sample]
        states = {s: replace(found, sample=rows, exact=scoring.exact) for s, found in states.items()}
    return Evidence(states, contexts, pilot)
