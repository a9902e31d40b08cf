"""The sampler ``auto``: a space-filling beginning, then a Parzen estimator for each algorithm."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

from studies.sampling import parzen
from studies.sampling.numbered import trials_from
from studies.sampling.proposer import Proposer
from studies.sampling.quasi import Quasi
from studies.sampling.space import Branch, Params, Space

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

PER_PARAMETER = 10
EVERY = 8
TOGETHER = 4
"""Proposals between two looks at the scores: fitting the densities takes longer than a trial itself."""


class History:
    """The finished trials of one branch as coordinates, in the order of their numbers.

    A trial costs the same however many there are: the best few are kept in order, and the densities are of these
    and of the latest others.
    """

    def __init__(self, branch: Branch) -> None:
        self.branch = branch
        self.levels = np.array(
            [len(d.choices) if isinstance(d, CategoricalDistribution) else 0 for d in branch.free.values()],
            dtype=np.intp,
        )
        self.finite = np.isfinite(branch.size)
        self.best: list[tuple[float, int]] = []
        self._points = np.empty((64, len(self.levels)))
        self._count = 0
        self._tried: set[tuple[float, ...]] = set()
        self._densities: parzen.Estimator | None = None

    def __len__(self) -> int:
        return self._count

    def add(self, units: list[float], value: float) -> None:
        """Take in one finished trial; smaller values are better."""
        if self._count == len(self._points):
            self._points = np.concatenate([self._points, np.empty_like(self._points)])
        self._points[self._count] = units
        insort(self.best, (value, self._count))
        del self.best[parzen.MOST_GOOD :]
        self._count += 1
        if self.finite:
            self._tried.add(tuple(units))
        self._densities = None

    def avoid(self, units: list[float]) -> None:
        """Propose a setting that failed no more, where the branch is finite and there is another."""
        if self.finite:
            self._tried.add(tuple(units))

    def densities(self) -> parzen.Estimator:
        """Return the densities of the good trials and of the others."""
        if self._densities is None:
            chosen = [i for _, i in self.best[: parzen.good(self._count)]]
            latest = np.arange(max(0, self._count - parzen.MOST_KERNELS - len(chosen)), self._count)
            others = np.setdiff1d(latest, chosen, assume_unique=True)[-parzen.MOST_KERNELS :]
            fits = (parzen.fit(self._points[rows], self.levels) for rows in (np.array(chosen, np.intp), others))
            self._densities = parzen.Estimator(*fits)
        return self._densities

    def propose(self, rng: np.random.Generator) -> Params:
        """Return the most promising setting; in a finite branch one that is new, if a candidate is."""
        settings = (self.branch.params(u) for u in self.densities().propose(rng))
        if not self.finite:
            return next(settings)
        proposed = list(settings)
        return next((s for s in proposed if tuple(self.branch.units(s) or ()) not in self._tried), proposed[0])


class Auto(Proposer):
    """Scrambled Sobol points first, then the Parzen estimator; one Sobol point among every few trials.

    The beginning takes half of the trials, but at most ten for each free parameter (of all algorithms), so
    that a study extended later proposes the same trials as one planned longer. Afterwards an algorithm is
    drawn by its share of the best tenth of all trials, plus one. Scores are looked at every fourth trial.
    """

    _shares: NDArray[np.float64] | None
    _histories: list[History]

    def __init__(self, space: Space, seed: int, trials: int) -> None:
        super().__init__(space, seed)
        parameters = sum(max(1, len(branch.free)) for branch in space.branches)
        self.startup = max(len(space.branches), min(trials // 2, PER_PARAMETER * parameters))
        self._points = [Quasi(len(branch.free), seed + i) for i, branch in enumerate(space.branches)]
        self._study: str | None = None
        self._forget()

    def within(self, space: Space) -> Auto:
        """Return the sampler of a part of its space, whose beginning is as long."""
        made = Auto(space, self.seed, 0)
        made.startup = self.startup
        return made

    def propose(self, study: Study, number: int) -> Params:
        """Return the parameters of the trial of that number."""
        n = number
        if n < self.startup:
            return self._spread(n)
        if (n - self.startup) % EVERY == EVERY - 1:
            return self._spread(self.startup + (n - self.startup) // EVERY)
        self._learn(study, n - (n - self.startup) % TOGETHER)
        rng = self.rng(n)
        history = self._histories[self._draw(rng)]
        if not len(history) or not history.branch.free:
            return history.branch.params(rng.random(len(history.branch.free)))
        return history.propose(rng)

    def _spread(self, n: int) -> Params:
        turn, i = divmod(n, len(self.space.branches))
        return self.space.branches[i].params(self._points[i][turn])

    def _draw(self, rng: np.random.Generator) -> int:
        """Return a branch, drawn by how many of its trials are among the good ones of all."""
        if len(self._histories) == 1:
            return 0
        if self._shares is None:
            values = np.array([value for h in self._histories for value, _ in h.best])
            owner = np.repeat(np.arange(len(self._histories)), [len(h.best) for h in self._histories])
            best = owner[np.argsort(values, kind="stable")[: parzen.good(sum(map(len, self._histories)))]]
            weight = 1 + np.bincount(best, minlength=len(self._histories))
            self._shares = np.cumsum(weight) / weight.sum()
        return int(np.searchsorted(self._shares, rng.random(), side="right"))

    def _forget(self) -> None:
        self._done: set[int] = set()
        self._shares = None
        self._next = 0
        self._histories = [History(branch) for branch in self.space.branches]

    def _learn(self, study: Study, before: int) -> None:
        """Take in the trials that finished since the last proposal."""
        if study.study_name != self._study:
            self._study = study.study_name
            self._forget()
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        for trial in trials_from(study, self._next, before):
            if trial.state.is_finished() and trial.number not in self._done:
                self._done.add(trial.number)
                self._take(trial, sign)
        while self._next in self._done:
            self._done.discard(self._next)
            self._next += 1

    def _take(self, trial: FrozenTrial, sign: float) -> None:
        value = trial.value if trial.state == TrialState.COMPLETE else None
        if value is None and trial.state != TrialState.FAIL:
            return
        for history in self._histories:
            if (units := history.branch.units(trial.params)) is not None:
                if value is None:
                    history.avoid(units)
                else:
                    history.add(units, sign * value)
                    self._shares = None
                return
