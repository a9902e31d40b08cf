"""What runs tasks somewhere else: the words that an engine and its workers share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from threading import Event
from typing import Protocol, TypeVar

Made = TypeVar("Made")

Task = Callable[..., Made]
Tasks = Mapping[int, tuple[object, ...]]
"""Arguments of a task, by its number."""


class WorkerLost(Exception):
    """A worker ended before its task did; what it had published is in the store, so the task is done again.

    Attributes
    ----------
    number : of the task, where the engine says which.
    """

    def __init__(self, why: str, number: int | None = None) -> None:
        super().__init__(why)
        self.number = number


class Workers(Protocol):
    """What runs tasks somewhere."""

    def threads(self) -> int:
        """Return how many tasks can run at once as things are."""
        ...

    def each(self, task: Task[Made], items: Tasks, stop: Event) -> Generator[tuple[int, Made]]:
        """Yield what a task makes of each item with the item's number, as it is done, in any order.

        At most a few tasks for each worker are begun at once. Ends early where ``stop`` is set.

        Raises
        ------
        WorkerLost
            The engine gave up a task, since its worker ended.
        EngineError
            There is no worker, or no engine any more.
        """
        ...
