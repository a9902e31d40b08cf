"""``algorithm="auto"``: the algorithms that suit the target's type and the data's size.

An algorithm joins by its tag ``auto`` (smaller numbers come first), which subclasses do not inherit; it is left
out where its state would not fit in memory. ``"auto+trees"`` takes boosted trees, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from algorithms import registry
from algorithms.boosted import ROWS, Trees, boosted
from algorithms.contract import Column, Shape, Summary
from algorithms.tasks import CLASS, NUMBER, TASKS, Task
from hpo.data.schema import BOOLEAN, CATEGORICAL, guessed_width, widest
from hpo.data.sources.roles import check_number
from hpo.errors import TuneError
from hpo.process.lazily import arrow_compute as pc
from hpo.process.memory import available_memory
from studies.spec.messages import nearest

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset

AUTO = "auto"

TREES = "+trees"
"""At the end, for boosted trees beside the others."""

LOOK = 20_000
"""Rows that are looked at to distinguish a class from a number."""

FEW = 20
"""Distinct whole numbers up to which a target is taken for a class."""

STATES = 32
"""States of one summary that memory must hold: folds, merges and workers."""


@dataclass(frozen=True)
class Choice:
    """What ``"auto"`` stands for.

    Attributes
    ----------
    names : the algorithms.
    words : what was chosen, why, and how to say otherwise.
    unsure : whether the target could as well be taken for the other kind.
    search : what is searched of those that have no ranges of their own.
    offer : what else there is and what it costs; empty where it was asked for, or there is nothing.
    """

    names: tuple[str, ...]
    words: str
    unsure: bool = False
    search: Mapping[str, object] = field(default_factory=dict)
    offer: str = ""


def is_auto(algorithms: Sequence[str]) -> bool:
    """Return whether a study leaves the choice of algorithms to the data.

    Raises
    ------
    TuneError
        ``"auto"`` stands beside other names.

    Examples
    --------
    >>> is_auto(["auto"]), is_auto(["auto:regression+trees"]), is_auto(["ridge"])
    (True, True, False)
    """
    found = [name for name in algorithms if name.removesuffix(TREES).partition(":")[0] == AUTO]
    if found and len(algorithms) > 1:
        raise TuneError(
            f"algorithm={list(algorithms)!r}: {found[0]!r} cannot be combined with others; leave it or them out"
        )
    return bool(found)


def choose(asked: str, dataset: Dataset, seed: int, folds: int = 5) -> Choice:
    """Return the algorithms that ``"auto"``, or ``"auto:<task>"``, stands for on this data.

    Boosted trees are offered, with what a trial of theirs may take; they join where they are asked for.

    Raises
    ------
    TuneError
        The task is unknown, or no algorithm suits it.
    """
    task, why, unsure = _task(asked.removesuffix(TREES), dataset, seed)
    names, trees = _suitable(task, dataset), boosted(task.target if dataset.targets else None)
    search: Mapping[str, object] = {}
    offer = ""
    if asked.endswith(TREES):
        if trees is None:
            raise TuneError(f"algorithm={asked!r}: no boosted trees are of task {task.name!r}; leave {TREES!r} out")
        names, search = (*names, trees.algorithm), trees.search
        why += f"; {_cost(trees, task, dataset, folds)}"
    elif trees is not None:
        offer = f"algorithm={asked + TREES!r} tries boosted trees too: {_cost(trees, task, dataset, folds)}"
        why += f"; {offer}"
    if not names:
        tasks = ", ".join(repr(f"{AUTO}:{t}") for t in _tasks())
        raise TuneError(f"algorithm={asked!r}: no algorithm of the task {task.name!r} fits here; try {tasks}")
    return Choice(names, f"algorithm={asked!r} took {', '.join(names)}: {why}", unsure, search, offer)


def _cost(trees: Trees, task: Task, dataset: Dataset, folds: int) -> str:
    """Return what a trial of boosted trees does, and about how long that takes."""
    few = dataset.rows is not None and dataset.rows <= ROWS
    rows = f"{dataset.rows:,} rows" if few else f"at most {ROWS:,} rows"
    seconds = trees.seconds(dataset.rows, len(dataset.features), folds)
    classes = " of two classes" if task.target == CLASS else ""
    return (
        f"each of their trials fits {trees.most} trees of {trees.package} a fold, to "
        f"{rows}{classes}, about {seconds:.1g} s on one core as a guess"
    )


def candidates(task: str) -> list[str]:
    """Return the registered algorithms of a task that ``"auto"`` knows, in their order.

    Examples
    --------
    >>> candidates("regression")[0]
    'ridge'
    """
    orders = {name: registry.get(name).tags.auto for name in registry.of_task(task)}
    return [name for _, name in sorted((order, name) for name, order in orders.items() if order is not None)]


def _tasks() -> list[str]:
    """Return the tasks whose algorithms ``"auto"`` can choose."""
    return [task for task in TASKS if candidates(task)]


def _task(asked: str, dataset: Dataset, seed: int) -> tuple[Task, str, bool]:
    _, colon, named = asked.partition(":")
    named = next((task.name for task in TASKS.values() if named in task.also), named)
    if colon and named not in TASKS:
        raise TuneError(f"algorithm={asked!r} names no task{nearest(named, _tasks())}")
    if colon:
        return TASKS[named], f"the task is {named}", False
    if not dataset.targets:
        none = next(t for t in TASKS.values() if t.target is None and candidates(t.name))
        return (
            none,
            f"no target is named, so this is a {none.name}; name one with target= to predict it",
            False,
        )
    kind, why, unsure = kind_of_target(dataset, seed)
    task = next(t for t in TASKS.values() if t.target == kind)
    return task, why, unsure


def kind_of_target(dataset: Dataset, seed: int) -> tuple[str, str, bool]:
    """Return whether the target is a class or a number, why, and whether it could be the other."""
    name = dataset.targets[0]
    field = dataset.schema[name]
    if field.kind in (CATEGORICAL, BOOLEAN):
        return CLASS, f"the target {name!r} is {field.dtype}, so a class", False
    check_number(dataset.schema, name, "target")
    values = _distinct_whole(dataset, name, seed)
    if values is None or values > FEW:
        return NUMBER, f"the target {name!r} is a number with many values", False
    why = f"the target {name!r} has {values} distinct whole numbers, so it is taken for a class"
    return CLASS, f"{why}; algorithm='{AUTO}:regression' takes it for a number", True


def _distinct_whole(dataset: Dataset, name: str, seed: int) -> int | None:
    """Return how many distinct values a sample of the column has; None if one is not whole."""
    table, _ = dataset.sample((name,), LOOK, seed)
    column = pc.drop_null(table.column(name).cast(pa.float64(), safe=False))
    values = pc.unique(column.filter(pc.is_finite(column)))
    whole = pc.all(pc.equal(values, pc.round(values)), min_count=0).as_py()
    return len(values) if whole else None


def _suitable(task: Task, dataset: Dataset) -> tuple[str, ...]:
    free = available_memory()
    width = guessed_width(dataset.features)
    columns = tuple(Column(f"c{i}", f"c{i}") for i in range(width))
    classes = ("a", "b") if task.target == CLASS and dataset.targets else ()
    rows, number = dataset.rows, widest(dataset.features)
    shape = Shape(columns, dataset.targets, classes, rows=rows, number=number)

    def nbytes(summary: Summary) -> int:
        return summary.nbytes(shape) if rows is None else summary.nbytes_of(shape, rows)

    def fits(name: str) -> bool:
        kind = registry.get(name)
        other = kind.tags.stand_in
        kinds = [kind, *([registry.get(other)] if other else [])]
        return free is None or any(STATES * nbytes(each().summary) <= free for each in kinds)

    return tuple(name for name in candidates(task.name) if fits(name))
