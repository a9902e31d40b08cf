"""The cover of a set of segments: which states the store has, and which must be computed."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Cover:
    """A set of segments in two parts, each in the order in which the segments were given.

    Attributes
    ----------
    found : segments whose leaf is in the store.
    missing : segments that must be read.

    Examples
    --------
    >>> cover_segments(["a", "b", "c"], present={"b"})
    Cover(found=('b',), missing=('a', 'c'))
    >>> cover_segments(["b"], present={"b"}).complete
    True
    """

    found: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing must be read."""
        return not self.missing


def cover_segments(segments: Iterable[str], present: Container[str]) -> Cover:
    """Return the cover of segments, each counted once, by those that are present.

    Examples
    --------
    >>> cover_segments(["a", "a"], present=())
    Cover(found=(), missing=('a',))
    """
    once = tuple(dict.fromkeys(segments))
    return Cover(tuple(s for s in once if s in present), tuple(s for s in once if s not in present))
