"""Population-based training: settings change while they are trained, and states of the better ones are taken over.

Trials are the members of a population, one generation after another (Jaderberg, Dalibard, Osindero et al. 2017,
"Population based training of neural networks"). A generation is trained for a fifth of the epochs. In the next one
a member of the worst quarter continues from the state of one of the best quarter (exploit), with values near its
values (explore); the others continue as they were. A state that is taken over is a chain like any other: its key
says what was in force and when, so that it costs nothing, and what a trial notes of it suffices to train it again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

from algorithms.errors import AlgorithmError
from hpo.states.chains import GENERATIONS, generation_epochs, members
from hpo.trials.notes import Noted, noted
from hpo.trials.scorer import Scorer
from hpo.trials.settings import Proposal, Space
from studies.record.trial_note import TrialNote
from studies.sampling.space import from_unit, to_unit

if TYPE_CHECKING:
    from optuna.study import Study

QUARTER = 4
"""One member in so many is replaced, by one of as many."""

NEAR = 0.2
"""How far a number is moved at most, in shares of its range."""

AGAIN = 0.25
"""The probability that a choice is drawn again."""

Params = Mapping[str, object]
"""A setting, by name as Optuna keeps it."""


@dataclass(frozen=True)
class Population:
    """Which member of which generation a trial is, and what it continues from.

    Attributes
    ----------
    trials : of the study.
    seed : of what is drawn, with the number of the trial.
    """

    trials: int
    seed: int

    def propose(self, scorer: Scorer, space: Space, study: Study, proposal: Proposal, turn: int) -> Proposal:
        """Return what a trial tries: in the first generation what was proposed, later what the last one says.

        Parameters
        ----------
        scorer : builds settings.
        space : what is searched.
        study : its trials until now.
        proposal : of the sampler.
        turn : the number of the trial among those of all processes.
        """
        known = noted(study)
        of = [(one.note.member, one) for one in known if one.note.member is not None]
        place = max(0, turn - (len(known) - len(of)))
        generation, member = divmod(place, self.size([generation for generation, _ in of]))
        last = {i: one for (g, i), one in of if g == generation - 1 and generation % GENERATIONS}
        params, history = self._from(last, member, place, scorer, space) or (proposal.params, ())
        name, values = space.setting(params)
        epochs = generation_epochs(generation, scorer.length(name, values))
        note = TrialNote(member=(generation, member), epochs=epochs, history=history)
        return replace(proposal, params=params, note=note)

    def size(self, known: Sequence[tuple[int, int]]) -> int:
        """Return how many members a generation has: as many as the first one, of a study that continues.

        Examples
        --------
        >>> Population(60, 0).size([]), Population(60, 0).size([(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)])
        (12, 4)
        """
        begun = any(generation for generation, _ in known)
        return sum(generation == 0 for generation, _ in known) if begun else members(self.trials)

    def _from(
        self, last: Mapping[int, Noted], member: int, place: int, scorer: Scorer, space: Space
    ) -> tuple[Params, tuple[tuple[int, Params], ...]] | None:
        """Return the setting of a member, and what was in force before it; None where none has a score."""
        ranked = sorted((one for one in last.values() if one.scores), key=_order)
        if not ranked:
            return None
        few = max(1, len(last) // QUARTER)
        own = last.get(member)
        worst = {id(one) for one in ranked[few:][-few:]}
        if own is not None and own.scores and id(own) not in worst:
            return own.trial.params, own.note.history
        rng = np.random.default_rng([self.seed, place])
        parent = ranked[int(rng.integers(few))]
        params = self._near(parent.trial, rng, scorer, space)
        if params == parent.trial.params or parent.note.epochs is None:
            return parent.trial.params, parent.note.history
        _, values = space.setting(parent.trial.params)
        return params, (*parent.note.history, (parent.note.epochs, values))

    def _near(self, trial: FrozenTrial, rng: np.random.Generator, scorer: Scorer, space: Space) -> Params:
        """Return a setting near that of a trial; only what may change while it is trained is another."""
        name, values = space.setting(trial.params)
        changed = dict(trial.params)
        for key in values:
            full = f"{name}.{key}"
            if full in space.distributions and scorer.may_change(name, values, key):
                changed[full] = near(space.distributions[full], changed[full], rng)
        try:
            scorer.searched[name].build(space.setting(changed)[1])
        except AlgorithmError:
            return trial.params
        return changed


def _order(one: Noted) -> tuple[float, int]:
    return (-one.scores.mean if one.scores else math.inf, one.trial.number)


def near(distribution: BaseDistribution, value: object, rng: np.random.Generator) -> object:
    """Return a value near another: a fifth of the range away at most, or now and then another choice.

    Examples
    --------
    >>> from optuna.distributions import FloatDistribution
    >>> rng = np.random.default_rng(0)
    >>> [round(near(FloatDistribution(1e-4, 1.0, log=True), 0.01, rng), 4) for _ in range(3)]
    [0.0166, 0.0043, 0.0018]
    """
    if isinstance(distribution, CategoricalDistribution):
        drawn, again = rng.random(2)
        return from_unit(distribution, float(drawn)) if again < AGAIN else value
    moved = to_unit(distribution, value) + NEAR * (2.0 * rng.random() - 1.0)
    return from_unit(distribution, float(np.clip(moved, 0.0, 1.0)))
