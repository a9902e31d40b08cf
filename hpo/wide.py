"""Wide data: algorithms whose states do not fit in memory are answered by others of theirs that do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from algorithms import registry
from algorithms.fields import fields_of
from hpo.errors import MemoryShort
from hpo.memory import available_memory, check_memory
from hpo.search import Searched

if TYPE_CHECKING:
    from hpo.pilot import Pilot
    from hpo.question import Question


def fitting(question: Question, pilot: Pilot) -> Question:
    """Return the question with algorithms whose states fit in memory.

    Where the states do not fit, every algorithm that names another for wide data (its class attribute ``wide``) is
    answered by that one.

    Raises
    ------
    MemoryShort
        Nothing that is there fits, or a hyperparameter that was asked for is none of the wide algorithm.
    """
    workers = min(question.spec.n_jobs or os.cpu_count() or 1, len(question.dataset.segments))
    n_cells, free = pilot.folds.plan.n_cells, available_memory()
    try:
        check_memory(question.summaries, pilot.shape, n_cells, workers, free)
    except MemoryShort:
        names = {s.name: str(s.algorithm.wide) for s in question.searched if hasattr(s.algorithm, "wide")}
        if not names:
            raise
        question = replace(question, searched=widened(question.searched, names), wide=names)
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
    return replace(one, algorithm=algorithm)
