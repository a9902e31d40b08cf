"""The tree of stages: which epochs settings have in common, so that each of these is trained once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from algorithms.chained import Chained, in_force
from algorithms.errors import AlgorithmError
from hpo.question.search import Searched
from hpo.states.chains import FEW, Epochs, Stage
from state_store import digest
from studies.sampling.space import cardinality, choices


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
        found = in_force(self.chained, epoch)
        return {**_flat(in_force(self.chained, 0)), **_flat(found)} if epoch == 1 else _flat(found)


def stages(settings: Sequence[Trained]) -> list[Stage]:
    """Return the tree of stages of some settings, each stage before those that continue from it.

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
    others = [part[0].in_force(epoch) for part in parts.values()]
    for part in parts.values():
        last, whole = epoch, part[0].in_force(epoch)
        while all(one.length > last for one in part) and len({_key(one, last + 1) for one in part}) == 1:
            last += 1
            whole = {**whole, **part[0].in_force(last)}
        shown = _parts(whole)
        values = {k: v for k, v in shown.items() if any(k not in other or other[k] != v for other in others)}
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


def _parts(values: Mapping[str, object]) -> dict[str, object]:
    """Return values without those that are made of others, as the steps of a pipeline are of their parameters.

    Examples
    --------
    >>> _parts({"steps": [("svc", object())], "svc": object(), "svc__C": 1.0, "epochs": 3})
    {'svc__C': 1.0, 'epochs': 3}
    """
    owners = {name.rpartition("__")[0] for name in values} - {""}
    listed = {name for name, value in values.items() if any(f"('{owner}'," in str(value) for owner in owners)}
    return {name: value for name, value in values.items() if name not in owners | listed}


def planned(searched: Sequence[Searched], trials: int, splits: int) -> Epochs | None:
    """Return the epochs that a study trains at most, and those that its trials would train each for itself.

    Parameters
    ----------
    searched : the algorithms; None comes back where none is trained in epochs.
    trials : how many there are; where every setting of a finite space is tried, the tree of these is known.
    splits : of the folds.
    """
    settings = [(one, values) for one in searched for values in _settings(one)]
    built = [(one.name, _built(one, values)) for one, values in settings]
    made = [Trained(name, chained, chained.length) for name, chained in built if chained is not None]
    if not made:
        return None
    longest = max(one.length for one in made)
    if len(settings) > trials or any(_is_endless(one) for one in searched):
        return Epochs(trials * longest * splits, trials * longest * splits)
    tree = tuple(stages(made))
    return Epochs(sum(one.epochs for one in tree) * splits, sum(one.length for one in made) * splits, tree)


MANY = 10_000
"""Settings of a space, from which on no tree is made of them before it is searched."""


def _is_endless(one: Searched) -> bool:
    sizes = [cardinality(distribution) for distribution in one.distributions({}).values()]
    return math.prod(sizes) > MANY


def _settings(one: Searched) -> Iterator[dict[str, object]]:
    """Yield every setting of a finite space; of another one, each choice and each end of a range once."""
    space = one.distributions({})
    if not _is_endless(one):
        for values in itertools.product(*(choices(distribution) for distribution in space.values())):
            yield dict(zip(space, values, strict=True))
        return
    for name, distribution in space.items():
        ends_of = choices(distribution) if cardinality(distribution) <= FEW else one.values.get(name, [])
        yield from ({name: value} for value in ends_of)


def _built(one: Searched, values: Mapping[str, object]) -> Chained | None:
    """Return the algorithm of a setting where it is trained in epochs; None where it cannot be made either."""
    try:
        return one.build(values).chained
    except AlgorithmError:
        return None
