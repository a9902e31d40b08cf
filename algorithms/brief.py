"""A short ``repr`` of what holds much: a few lines at most, whatever the data."""

from __future__ import annotations

import dataclasses
import reprlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from _typeshed import DataclassInstance
    from numpy.typing import NDArray

T = TypeVar("T")

MOST = 1_600
"""Characters, at most."""


class _Short(reprlib.Repr):
    """Shows the beginning of what is long; of an array its shape."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxdict, self.maxlist, self.maxtuple, self.maxset, self.maxfrozenset = 2, 3, 3, 3, 3, 3
        self.maxstring, self.maxother, self.maxlong = 100, 160, 40

    def repr_ndarray(self, array: NDArray[np.generic], level: int) -> str:
        """Return the type and the shape of an array."""
        return f"array of {array.dtype}{list(array.shape)}"

    def repr_instance(self, thing: object, level: int) -> str:
        """Return the name alone of what is shown briefly itself; of a table, of whatever library, its shape."""
        name, shape = type(thing).__qualname__, getattr(thing, "shape", None)
        if isinstance(shape, tuple) and len(shape) == 2:
            return f"{name} of {shape[0]} rows × {shape[1]} columns"
        inner = vars(type(thing)).get("__repr__") is brief
        return f"{name}(…)" if inner else super().repr_instance(thing, level)


_SHORT = _Short()


def brief(self: object) -> str:
    """Return the fields of a dataclass, the long ones cut.

    Examples
    --------
    >>> @dataclasses.dataclass
    ... class Kept:
    ...     names: tuple[str, ...]
    >>> brief(Kept(("a", "b", "c", "d")))
    "Kept(names=('a', 'b', 'c', ...))"
    """
    fields: dict[str, dataclasses.Field[object]] = getattr(type(self), "__dataclass_fields__", {})
    names = [name for name, one in fields.items() if one.repr and hasattr(self, name)]
    shown = (f"{name}={_SHORT.repr(getattr(self, name))}" for name in names)
    text = ", ".join(shown)
    return f"{type(self).__qualname__}({text if len(text) <= MOST else f'{text[:MOST]}…'})"


def differing(self: DataclassInstance) -> str:
    """Return the fields of a dataclass that are always shown, and those that are not at their defaults."""
    shown = [
        f"{one.name}={getattr(self, one.name)!r}"
        for one in dataclasses.fields(self)
        if not one.metadata.get("learned") and (one.repr or getattr(self, one.name) != one.default)
    ]
    return f"{type(self).__name__}({', '.join(shown)})"


def briefly(cls: type[T]) -> type[T]:
    """Return a dataclass with :func:`brief` as its ``repr``."""
    cls.__repr__ = brief  # type: ignore[method-assign]
    return cls
