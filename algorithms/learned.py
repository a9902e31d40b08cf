"""What a summary learned from a sample before its pass: named arrays, compared by their digest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b

import numpy as np

from algorithms.arrays import Array, Places, Values


class Learned:
    """Named arrays that never change; two are equal when every bit is.

    Parameters
    ----------
    arrays : by name; kept contiguous and read-only.

    Examples
    --------
    >>> known = Learned({"start": np.zeros(3)})
    >>> known == Learned({"start": np.zeros(3)}), known["start"].tolist()
    (True, [0.0, 0.0, 0.0])
    """

    def __init__(self, arrays: Mapping[str, Values]) -> None:
        self.arrays = {name: _frozen(arrays[name]) for name in sorted(arrays)}

    def __getitem__(self, name: str) -> Array:
        """Return the numbers of that name."""
        return np.asarray(self.arrays[name], np.float64)

    def places(self, name: str) -> Places:
        """Return the indices of that name."""
        return np.asarray(self.arrays[name], np.intp)

    def __contains__(self, name: object) -> bool:
        return name in self.arrays

    @cached_property
    def digest(self) -> str:
        """Forty hex digits of every name, type, shape and bit."""
        found = blake2b(digest_size=20)
        for name, array in self.arrays.items():
            found.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
            found.update(array.tobytes())
        return found.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Learned) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self.arrays.items())
        return f"Learned({shapes})"


def _frozen(array: Values) -> Values:
    kept = np.array(array, order="C")
    kept.flags.writeable = False
    return kept
