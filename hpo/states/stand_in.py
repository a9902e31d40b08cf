"""Wide data: algorithms whose states do not fit in memory are answered by others of theirs that do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from algorithms import registry
from algorithms.fields import fields_of
from hpo.errors import MemoryShort, SearchError
from hpo.process.memory import available_memory, check_memory
from hpo.question.search import Searched
from hpo.question.space import check_values

if TYPE_CHECKING:
    from hpo.question.question import Question
    from hpo.states.learned.pilot import Pilot


def with_stand_ins(question: Question, pilot: Pilot, taken: Mapping[str, str] | None = None) -> Question:
    """Return the question with algorithms whose states fit in memory.

    Where the states do not fit, every algorithm that names another for wide data (its tag ``stand_in``) is
    answered by that one, unless ``search`` says ``wide: false`` of it.

    Parameters
    ----------
    question : what is asked.
    pilot : encoder and folds.
    taken : which stand-in each algorithm used when the study started, and keeps using. None for a new study.

    Raises
    ------
    MemoryShort
        Nothing that is there fits, or the stand-in lacks a hyperparameter that was asked for.
    """
    workers = min(question.spec.n_jobs or os.cpu_count() or 1, len(question.dataset.segments))
    n_cells, free = pilot.folds.plan.n_cells, available_memory()
    if taken is not None:
        question = replace(question, searched=widened(question.searched, taken), stand_ins=taken)
        check_memory(question.summaries, pilot.shape, n_cells, workers, free)
        return question
    try:
        check_memory(question.summaries, pilot.shape, n_cells, workers, free)
    except MemoryShort:
        others = {s.name: s.algorithm.tags.stand_in for s in question.searched if s.may_widen}
        names = {name: other for name, other in others.items() if other is not None}
        if not names:
            raise
        question = replace(question, searched=widened(question.searched, names), stand_ins=names)
        check_memory(question.summaries, pilot.shape, n_cells, workers, free)
    return question


def widened(searched: Sequence[Searched], names: Mapping[str, str]) -> list[Searched]:
    """Return the algorithms, those that are named replaced by others, under their own names.

    Parameters
    ----------
    searched : the algorithms of a study.
    names : name → the registered name of the algorithm that answers for it.
    """
    return [_widened(s, names[s.name]) if s.name in names else s for s in searched]


def _widened(one: Searched, name: str) -> Searched:
    algorithm = registry.get(name)
    unknown = sorted({*one.constants, *one.asked} - fields_of(algorithm).keys())
    if unknown:
        raise MemoryShort(
            f"the states of {one.name!r} do not fit in memory, and {name!r}, which answers for it on wide data, "
            f"has no hyperparameter {unknown[0]!r}; leave it out of search, or use fewer columns"
        )
    made = replace(one, algorithm=algorithm)
    try:
        check_values(made)
    except SearchError as error:
        raise MemoryShort(
            f"the states of {one.name!r} do not fit in memory, and {name!r}, which answers for it on wide data, "
            f"cannot be asked so: {error}"
        ) from error
    return made


def in_words(question: Question) -> str:
    """Return which algorithms are answered by which, and how to say otherwise; empty for none."""
    return " ".join(
        f"{name} is answered by {other}, from {one.summaries()[0]!r}: its own states do not fit in memory "
        f"(search {name}.wide: false forbids it)."
        for name, other in question.stand_ins.items()
        for one in question.searched
        if one.name == name
    )
