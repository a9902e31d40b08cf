"""``functools.cached_property`` as Python has it from 3.12 on: threads do not wait for each other's objects.

Python 3.11 holds a lock of the property, which all objects share, while a value is made. Two threads that ask the
same object at once may both make it here: what is made depends on the object alone.

>>> class Square:
...     side = 3
...     @cached_property
...     def area(self):
...         return self.side**2
>>> square = Square()
>>> square.area, square.__dict__
(9, {'area': 9})
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 12):
    from functools import cached_property
else:
    from collections.abc import Callable
    from typing import Generic, Self, TypeVar, overload

    T = TypeVar("T")
    V = TypeVar("V")

    class cached_property(Generic[T, V]):  # noqa: N801 -- the name that it has in functools
        """A property whose value is kept in the object."""

        def __init__(self, make: Callable[[T], V]) -> None:
            self.make = make
            self.__doc__ = make.__doc__

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...

        @overload
        def __get__(self, instance: T, owner: type) -> V: ...

        def __get__(self, instance: T | None, owner: type) -> V | Self:
            if instance is None:
                return self
            kept = instance.__dict__
            if self.name not in kept:
                kept[self.name] = self.make(instance)
            found: V = kept[self.name]
            return found


__all__ = ["cached_property"]
