"""What always fails: choices and algorithms whose every setting failed for one reason are proposed no more."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from optuna.distributions import BaseDistribution, CategoricalDistribution

from hpo.errors import ChoiceWarning
from studies.counting import without_numbers
from studies.sampling.space import ALGORITHM

TIMES = 6
"""Distinct settings that fail, and none that does not, from which on a choice is left out."""

Choice = tuple[str, object]
"""A parameter, and one of its choices; an algorithm is a choice of ``"algorithm"``."""


@dataclass(frozen=True)
class Failure:
    """A setting that failed: its choices, and why."""

    choices: tuple[Choice, ...]
    why: str


@dataclass
class Hopeless:
    """The choices of a space that always fail.

    A choice is to blame if all of its settings failed for one reason, and another choice of the same parameter has
    a setting that did not. Of two choices that share their failures, the one with more of them.

    Attributes
    ----------
    space : distributions by parameter.
    found : the choices that are left out, and why.

    Examples
    --------
    >>> space = {"a.solver": CategoricalDistribution(("svd", "lsqr"))}
    >>> hopeless = Hopeless(space)
    >>> hopeless.add({"a.solver": "lsqr"}, None)
    []
    >>> [hopeless.add({"a.solver": "svd"}, f"svd takes no shrinkage 0.{i}") for i in range(TIMES)][-1]
    [('a.solver', 'svd')]
    >>> hopeless.left()["a.solver"].choices
    ('lsqr',)
    """

    space: Mapping[str, BaseDistribution]
    found: dict[Choice, str] = field(default_factory=dict)
    _failures: list[Failure] = field(default_factory=list)
    _reasons: dict[Choice, Counter[str]] = field(default_factory=dict)
    _fine: set[Choice] = field(default_factory=set)
    _kept: set[str] = field(default_factory=set)

    def add(self, params: Mapping[str, object], error: str | None) -> list[Choice]:
        """Take in a setting that was tried for the first time; return what is left out from now on."""
        space = self.space
        choices = [(k, v) for k, v in params.items() if isinstance(space.get(k), CategoricalDistribution)]
        if error is None:
            self._fine.update(choices)
            self._kept.update(key for key, _ in choices)
            return []
        failure = Failure(tuple(choices), error)
        self._failures.append(failure)
        self._count(failure)
        new = []
        while (worst := self._worst(choices)) is not None:
            self.found[worst] = error
            self._failures = [one for one in self._failures if worst not in one.choices]
            self._reasons = {}
            for one in self._failures:
                self._count(one)
            new.append(worst)
        return new

    def learn(self, params: Mapping[str, object], error: str | None) -> None:
        """Take in a setting that was tried for the first time, and warn of what is left out from now on."""
        for choice in self.add(params, error):
            warnings.warn(exclusion_text(choice, self.found[choice]), ChoiceWarning, stacklevel=2)

    def left(self) -> dict[str, BaseDistribution]:
        """Return the space without what is left out."""
        narrowed = dict(self.space)
        for key, d in self.space.items():
            gone = {value for name, value in self.found if name == key}
            if gone and isinstance(d, CategoricalDistribution):
                narrowed[key] = CategoricalDistribution([c for c in d.choices if c not in gone])
        names = {value for name, value in self.found if name == ALGORITHM}
        return {k: d for k, d in narrowed.items() if not any(k.startswith(f"{name}.") for name in names)}

    def _count(self, failure: Failure) -> None:
        why = without_numbers(failure.why)
        for choice in failure.choices:
            self._reasons.setdefault(choice, Counter())[why] += 1

    def _worst(self, choices: Iterable[Choice]) -> Choice | None:
        """Return the one of a setting's choices that failed most often, if it is to blame."""
        able = (c for c in choices if c not in self._fine and c[0] in self._kept and c in self._reasons)
        counts = {c: self._reasons[c].total() for c in able if len(self._reasons[c]) == 1}
        worst = max(counts, key=lambda choice: counts[choice], default=None)
        return worst if worst is not None and counts[worst] >= TIMES else None


def exclusion_text(choice: Choice, why: str) -> str:
    """Return in words that a choice is left out.

    Examples
    --------
    >>> exclusion_text(("lda.solver", "svd"), "svd takes no shrinkage")
    "lda.solver='svd' is tried no more, since every setting with it failed: svd takes no shrinkage"
    """
    key, value = choice
    what = f"{value!r}" if key == ALGORITHM else f"{key}={value!r}"
    return f"{what} is tried no more, since every setting with it failed: {why}"
