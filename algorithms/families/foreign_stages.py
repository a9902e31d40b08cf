"""An estimator whose fit holds every smaller one, as forests and boosters do, and boosters that grow in epochs."""

from __future__ import annotations

import copy
import functools
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
from sklearn.base import (
    BaseEstimator,
)

from algorithms.arrays import Floats, Places, Values
from algorithms.contract import Chain, Held, Prefixed
from algorithms.families.bins import shared
from algorithms.families.boosters import STORED, Growth
from algorithms.families.foreign import Fitted, Foreign, ending_in, last_step, weights_for
from algorithms.families.foreign_epochs import Resumed
from algorithms.families.prefix_axes import PrefixAxis
from algorithms.families.prefix_sweeps import Answers
from algorithms.families.sampled import as_given
from algorithms.summaries.sample import SampleState


class Staged(Prefixed[SampleState, Fitted], Foreign):
    """An estimator whose fit holds every smaller one over a sample; made by :func:`of_object`.

    Parameters
    ----------
    summary : the sample that it is fitted to.
    values : its parameters; those not given stay as they were.
    """

    part: ClassVar[PrefixAxis]

    @property
    def prefixed(self) -> Prefixed | None:
        """The algorithm itself where it is so with these parameters."""
        return self if self.part.holds(last_step(self.plain)) else None

    @property
    def axis(self) -> str:
        """The parameter, of a pipeline's last step where it is one."""
        steps, name = getattr(self.template, "steps", None), self.part.named(last_step(self.plain))
        return f"{steps[-1][0]}__{name}" if steps else name

    @property
    def falling(self) -> bool:
        """Whether it becomes smaller as the value grows."""
        return self.part.falling

    def smaller(self, solution: Fitted, value: float) -> Fitted:
        """Return the estimator of that value."""
        return replace(solution, model=ending_in(solution.model, self.part.first(last_step(solution.model), value)))

    def along(self, solution: Fitted, values: Sequence[float], held: Held[SampleState]) -> Iterator[Fitted]:
        """Yield the estimator of each value with its answers for the held-out rows: one sweep over its parts."""
        rows, model = held.rows, solution.model
        if not self.part.complete(last_step(model)):
            yield from (self._of(value).solve(solution.prepared.sample) for value in values)
            return
        if rows is None or not isinstance(rows.X, np.ndarray):
            yield from super().along(solution, values, held)
            return
        X = solution.prepared.place(rows)
        if len(getattr(model, "steps", ())) > 1:
            X = model[:-1].transform(X)
        for value, shorter in zip(values, self.part.swept(last_step(model), X, values), strict=True):
            cut = functools.partial(self._cut, solution, value)
            yield replace(solution, model=ending_in(model, shorter), answers=Answers(shorter, X, cut))

    def _of(self, value: float) -> Self:
        """Return the algorithm with another value of the axis."""
        found = copy.copy(self)
        found.values = {**self.values, self.axis: int(value)}
        return found

    def _cut(self, solution: Fitted, value: float) -> BaseEstimator:
        return self.estimator(self.smaller(solution, value))

    def grows(self, state: SampleState) -> bool:
        """Return whether trees are grown only as far as is asked for, to what one fit makes."""
        return self.part.grown is not None and self.part.steady(last_step(self.plain), state.n)

    def growing(
        self, state: SampleState, values: Sequence[float], held: Held[SampleState]
    ) -> Generator[Fitted]:
        """Yield the estimator of each value with its answers for the held-out rows, grown no further than that."""
        rows, grown = held.rows, self.part.grown
        if grown is None or not self.grows(state) or rows is None or not isinstance(rows.X, np.ndarray):
            yield from super().growing(state, values, held)
            return
        state = as_given(state)
        self.check(state)
        prepared, model = self.prepared(state), self.made(state)
        X, y, last, settled = prepared.X, self._target(state), last_step(model), [True]
        asked = prepared.place(rows)
        if len(getattr(model, "steps", ())) > 1:
            earlier = model[:-1]
            settled.append(self._settled(lambda: earlier.fit(X, *y)))
            X, asked = earlier.transform(X), earlier.transform(asked)

        def fit(one: BaseEstimator, **more: object) -> None:
            with shared(one, state, prepared.X):
                beside = self.beside(one, state) | more
                settled.append(self._settled(functools.partial(one.fit, X, *y, **beside)))

        for shorter in grown(last, fit, list(map(int, values))):
            found = Fitted(prepared, ending_in(model, shorter), all(settled))
            yield replace(found, answers=Answers(shorter, asked, functools.partial(self.estimator, found)))


class Growing(Resumed, Staged):
    """A booster over a sample, which grows more trees after those it has; made by :func:`of_object`.

    With a number of ``epochs`` as many trees as a fit grows, ``n_estimators``, are grown in each, by a seed of its
    own, after those of the chain. Without it one fit grows them, and holds every smaller number.

    Parameters
    ----------
    summary : the sample that it is fitted to.
    epochs : how often trees are grown; None for once.
    values : its parameters; those not given stay as they were.
    """

    growth: ClassVar[Growth]

    @property
    def prefixed(self) -> Prefixed | None:
        """The algorithm itself where it is so with these parameters, and one fit grows all trees."""
        return super().prefixed if self.epochs is None else None

    def advance(self, chain: Chain, state: SampleState) -> Iterator[Chain]:
        """Yield the chain after each further growth; FitFailed, with its reason, where one raises."""
        model = self.made(state)
        X, last, rows = self._rows_of(model, state), last_step(model), chain.among(np.arange(state.n))
        beside = {**self.beside(last, state), **self._of_rows(last, state, rows)}
        known = chain.parameters.get(STORED)
        for epoch in range(chain.epoch + 1, 2**31):
            seed = np.random.default_rng([chain.seed, epoch]).integers(2**31)
            last.set_params(random_state=int(seed))
            grow = functools.partial(self.growth.grow, last, X[rows], known, beside)
            self._run(grow)
            known = self.growth.kept(last)
            yield Chain(epoch, chain.seed, {STORED: known}, chosen=chain.chosen)

    def _at(self, chain: Chain, state: SampleState) -> tuple[BaseEstimator, Floats]:
        model = self.made(state)
        X, last, parameter = self._rows_of(model, state), last_step(model), self.growth.rounds
        many = last.get_params()[parameter]
        beside = {**self.beside(last, state), **self._of_rows(last, state, np.arange(state.n))}
        self._run(lambda: self.growth.grow(last.set_params(**{parameter: 1}), X, None, beside))
        last.set_params(**{parameter: many})
        self.growth.give(last, chain.parameters[STORED])
        return model, X

    def _of_rows(self, last: BaseEstimator, state: SampleState, rows: Places) -> dict[str, Values]:
        """Return the target and the weights of some rows."""
        found = {} if state.y is None else {"y": state.y}
        return {name: array[rows] for name, array in (found | weights_for(last, state)).items()}
