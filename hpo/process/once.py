"""What is computed once for each object, and forgotten with it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

K = TypeVar("K")
V = TypeVar("V")


def once(function: Callable[[K], V]) -> Callable[[K], V]:
    """Return the function with its answers kept for as long as what they were asked of.

    Examples
    --------
    >>> class Asked:
    ...     "Something that can be referred to weakly."
    >>> asked, found = Asked(), []
    >>> count = once(lambda one: found.append(one) or len(found))
    >>> count(asked), count(asked)
    (1, 1)
    """
    answers: WeakKeyDictionary[K, V] = WeakKeyDictionary()

    @functools.wraps(function)
    def answered(asked: K) -> V:
        if asked not in answers:
            answers[asked] = function(asked)
        return answers[asked]

    return answered
