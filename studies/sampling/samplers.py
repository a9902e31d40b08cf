"""Samplers by name for conditional spaces; cheap, and the same trial whatever came of an interruption.

Every random number of a trial is drawn from a generator seeded by (seed, trial number), never from one that
lives across trials. So ``auto``, ``tpe``, ``random``, ``qmc`` and ``grid`` propose after k recorded trials
what an uninterrupted study would have proposed. ``cmaes``, ``gp`` and ``nsga2`` keep a state of their own: the
same seed repeats a whole study, but a resumed one continues differently.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler

from studies.errors import SamplerError
from studies.sampling.auto import Auto
from studies.sampling.numbered import trials_from
from studies.sampling.proposer import ByNumber, Proposer
from studies.sampling.quasi import Quasi
from studies.sampling.space import ALGORITHM, Branch, Params, Space, split
from studies.sampling.stateful import PerAlgorithm

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

ONE_GOAL = ("cmaes", "gp")
"""Samplers that take one objective only."""

RESUMABLE = ("auto", "tpe", "random", "qmc", "grid")


class Random(Proposer):
    """Uniform settings, the algorithms in equal shares by chance."""

    def propose(self, study: Study, number: int) -> Params:
        """Return the parameters of the trial of that number."""
        rng = self.rng(number)
        branch = self.space.branches[rng.integers(len(self.space.branches))]
        return branch.params(rng.random(len(branch.free)))


class QuasiRandom(Proposer):
    """Scrambled Sobol points, the algorithms taking turns (Bergstra, Bengio 2012; Owen 1998)."""

    def __init__(self, space: Space, seed: int) -> None:
        super().__init__(space, seed)
        self._points = [Quasi(len(branch.free), seed + i) for i, branch in enumerate(space.branches)]

    def propose(self, study: Study, number: int) -> Params:
        """Return the parameters of the trial of that number."""
        turn, i = divmod(number, len(self.space.branches))
        return self.space.branches[i].params(self._points[i][turn])


class Grid(Proposer):
    """Every setting of a finite space once, in an order shuffled by the seed; then again.

    Attributes
    ----------
    points : the settings, shuffled.
    """

    def __init__(self, space: Space, seed: int, most: int = 1_000_000) -> None:
        super().__init__(space, seed)
        if name := space.continuous():
            raise SamplerError(
                f"sampler 'grid' needs finitely many values, but {name!r} is continuous; "
                "give it a 'step' or a list of values, or use sampler 'auto' or 'qmc'"
            )
        if space.size > most:
            raise SamplerError(f"sampler 'grid': {space.size:,} settings are too many; use 'auto' or 'qmc'")
        points = [point for branch in space.branches for point in branch.points()]
        order = np.random.default_rng(seed).permutation(len(points))
        self.points: list[Params] = [points[i] for i in order]

    def within(self, space: Space) -> Rest:
        """Return a sampler of those of its points that are in a part of its space."""
        return Rest(self, space)

    def propose(self, study: Study, number: int) -> Params:
        """Return the parameters of the trial of that number."""
        return self.points[number % len(self.points)]


class Rest(Proposer):
    """Those points of a grid that a part of its space has and no trial tried, in the grid's order.

    Attributes
    ----------
    points : of the grid.
    """

    def __init__(self, grid: Grid | Rest, space: Space) -> None:
        super().__init__(grid.space, grid.seed)
        self.points: list[Params] = grid.points
        self._left = {
            _point(p): p for p in grid.points if any(b.units(p) is not None for b in space.branches)
        }
        self._looked = 0

    def within(self, space: Space) -> Rest:
        """Return a sampler of fewer points."""
        return Rest(self, space)

    def exhausted(self, study: Study) -> bool:
        """Return whether all of its points were tried."""
        for trial in trials_from(study, self._looked):
            if not trial.state.is_finished():
                break
            self._left.pop(_point(trial.params), None)
            self._looked += 1
        return not self._left

    def propose(self, study: Study, number: int) -> Params:
        """Return the first point that is left; where other processes try some, another than they do."""
        if self.exhausted(study):
            return self.points[number % len(self.points)]
        return next(islice(self._left.values(), (number - self._looked) % len(self._left), None))


def _point(params: Params) -> frozenset[tuple[str, Any]]:
    return frozenset(params.items())


class Tree(ByNumber):
    """Optuna's TPE, asked first for the algorithm, then for that algorithm's parameters only."""

    def __init__(self, space: Space, seed: int, startup: int = 10) -> None:
        super().__init__(space, seed)
        self._startup = startup

    def within(self, space: Space) -> None:
        """Return None: what it learned is of the whole space."""

    def setting(self, study: Study, trial: FrozenTrial) -> Params:
        """Return the parameters of a trial."""
        rng = self.rng(trial.number)
        tpe = TPESampler(seed=int(rng.integers(2**32)), n_startup_trials=self._startup, constant_liar=False)
        branch = self._branch(tpe, study, trial, rng)
        found = tpe.sample_relative(study, trial, branch.free) if branch.free else {}
        return branch.fixed | found if found else branch.params(rng.random(len(branch.free)))

    def _branch(self, tpe: TPESampler, study: Study, trial: FrozenTrial, rng: np.random.Generator) -> Branch:
        branches = self.space.branches
        if len(branches) == 1:
            return branches[0]
        found = tpe.sample_relative(study, trial, {ALGORITHM: self.space.all[ALGORITHM]})
        if not found:
            return branches[rng.integers(len(branches))]
        return next(b for b in branches if b.fixed[ALGORITHM] == found[ALGORITHM])


def make_sampler(
    name: str | BaseSampler,
    *,
    seed: int,
    space: Mapping[str, BaseDistribution],
    trials: int,
    goals: int = 1,
) -> BaseSampler:
    """Return the sampler of that name for a conditional space; an Optuna sampler is returned as it is.

    Parameters
    ----------
    name : ``"auto"``, ``"tpe"``, ``"nsga2"``, ``"random"``, ``"qmc"``, ``"cmaes"``, ``"gp"``, ``"grid"``, or a
        sampler.
    seed : same seed and space, same trials.
    space : every parameter's distribution; ``"algorithm"`` decides which ``"<algorithm>.<name>"`` exist.
    trials : how many trials are planned; ``auto`` takes the grid if they cover a finite space.
    goals : how many objectives the study has; with several ``auto`` is the grid or ``tpe``.

    Raises
    ------
    SamplerError
        Unknown name, a package is missing, or the space does not suit the sampler.

    Examples
    --------
    >>> from optuna.distributions import FloatDistribution
    >>> type(make_sampler("qmc", seed=0, space={"x": FloatDistribution(0, 1)}, trials=8)).__name__
    'QuasiRandom'
    """
    if isinstance(name, BaseSampler):
        return name
    whole = split(space)
    if name == "auto" and whole.size <= trials:
        return Grid(whole, seed)
    if name == "auto" and goals == 1:
        return Auto(whole, seed, trials)
    simple: dict[str, Callable[[Space, int], BaseSampler]] = {
        "auto": Tree, "random": Random, "qmc": QuasiRandom, "grid": Grid, "tpe": Tree,
    }  # fmt: skip
    if name in simple:
        return simple[name](whole, seed)
    if name in ONE_GOAL and goals > 1:
        raise SamplerError(
            f"sampler {name!r} optimises one objective, and this study has {goals}; use 'auto', 'tpe', 'nsga2', "
            "'random' or 'qmc'"
        )
    if name == "nsga2":
        return PerAlgorithm(whole, seed, name)
    if name in ONE_GOAL:
        return _stateful(name, whole, seed)
    known = ", ".join([*simple, "nsga2", *ONE_GOAL])
    raise SamplerError(f"unknown sampler {name!r}; known: {known}")


def _stateful(name: str, space: Space, seed: int) -> BaseSampler:
    package = {"cmaes": "cmaes", "gp": "torch"}[name]
    if importlib.util.find_spec(package) is None:
        raise SamplerError(f"sampler {name!r} needs the package {package!r}: pip install {package}")
    return PerAlgorithm(space, seed, name)
