"""The tree of stages: which epochs settings have in common, so that each of these is trained once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from algorithms.chained import Chained
from state_store import digest


@dataclass(frozen=True)
class Stage:
    """Epochs that the same settings have in common, of each fold.

    Attributes
    ----------
    algorithm : its name.
    depth : how many stages lie before it.
    first, last : its epochs.
    settings : how many go through it; it is trained once.
    values : what is in force in it, and not in those beside it.
    """

    algorithm: str
    depth: int
    first: int
    last: int
    settings: int
    values: Mapping[str, object]

    @property
    def epochs(self) -> int:
        """How many epochs it has."""
        return self.last - self.first + 1

    @property
    def saved(self) -> int:
        """Epochs that settings would have trained again, each for itself."""
        return (self.settings - 1) * self.epochs


@dataclass(frozen=True)
class Trained:
    """A setting that is trained in epochs.

    Attributes
    ----------
    algorithm : its name.
    chained : the algorithm with its values.
    length : epochs that it is trained for.
    """

    algorithm: str
    chained: Chained
    length: int

    def in_force(self, epoch: int) -> Mapping[str, object]:
        """Return what decides an epoch; of the first one, where training begins, too."""
        found = self.chained.in_force(epoch)
        return {**_flat(self.chained.in_force(0)), **_flat(found)} if epoch == 1 else _flat(found)


def stages(settings: Sequence[Trained]) -> list[Stage]:
    """Return the tree of stages of some settings, each stage before those that go on from it.

    Parameters
    ----------
    settings : of any algorithms; of other rows, such as another fold, the tree is the same.
    """
    by_name: dict[str, list[Trained]] = {}
    for one in settings:
        by_name.setdefault(one.algorithm, []).append(one)
    return [stage for group in by_name.values() for stage in _grown(group, 1, 0)]


def _grown(group: Sequence[Trained], epoch: int, depth: int) -> Iterator[Stage]:
    """Yield the stages of settings that were alike until an epoch, from there on."""
    parts: dict[str, list[Trained]] = {}
    for one in group:
        if one.length >= epoch:
            parts.setdefault(_key(one, epoch), []).append(one)
    told = [part[0].in_force(epoch) for part in parts.values()]
    for part in parts.values():
        last, whole = epoch, part[0].in_force(epoch)
        while all(one.length > last for one in part) and len({_key(one, last + 1) for one in part}) == 1:
            last += 1
            whole = {**whole, **part[0].in_force(last)}
        values = {k: v for k, v in whole.items() if any(k not in other or other[k] != v for other in told)}
        yield Stage(part[0].algorithm, depth, epoch, last, len(part), values)
        yield from _grown(part, last + 1, depth + 1)


def _key(one: Trained, epoch: int) -> str:
    return digest(list(one.in_force(epoch).items()))


def _flat(values: Mapping[str, object]) -> dict[str, object]:
    """Return values by name; those in a mapping, such as an estimator's parameters, by their own."""
    found: dict[str, object] = {}
    for name, value in values.items():
        found |= value if isinstance(value, Mapping) else {name: value}
    return found
