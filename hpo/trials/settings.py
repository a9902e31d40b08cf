"""Settings: what is proposed of a space, and what a trial tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from algorithms.chained import EPOCHS
from algorithms.ranges import Plain, as_number
from hpo.errors import SearchError
from hpo.question.search import HISTORY
from studies.record.trial_note import TrialNote
from studies.sampling.proposer import Proposer
from studies.sampling.space import ALGORITHM

if TYPE_CHECKING:
    from optuna.study import Study

Setting = tuple[str, Mapping[str, object]]
"""An algorithm's name and its hyperparameters."""


NOTHING = TrialNote()
"""What most trials note before they are scored."""


@dataclass(frozen=True)
class Proposal:
    """A setting to be tried.

    Attributes
    ----------
    number : of its trial.
    params : by name, as Optuna keeps them.
    began : when it was proposed.
    trial : that was asked for it; None where it is added to the study once it is finished.
    note : of a member of a population, which generation it is of and what it continues from.
    """

    number: int
    params: Mapping[str, object]
    began: datetime
    trial: Trial | None = None
    note: TrialNote = NOTHING


@dataclass(frozen=True)
class Space:
    """What a study searches.

    Attributes
    ----------
    distributions : of every parameter; ``"algorithm"`` decides which of them exist.
    first : the algorithm of settings that do not name one.
    solved : parameters that are not proposed: each trial takes their best value.
    """

    distributions: Mapping[str, BaseDistribution]
    first: str
    solved: frozenset[str] = frozenset()

    @property
    def proposed(self) -> dict[str, BaseDistribution]:
        """The distributions that samplers propose of."""
        return {k: d for k, d in self.distributions.items() if k not in self.solved}

    def propose(self, study: Study, number: int, turn: int, *, at_once: bool) -> Proposal:
        """Return the next setting of the study's sampler, of the trial of that number and turn.

        They differ where several processes run a study: no other has the same turn.

        Where the sampler can, and ``at_once`` says that nothing is reported while it is scored, no trial is asked
        for: the finished one is stored once, not once for each parameter and attribute, a third of the time.
        """
        began, sampler = datetime.now(), study.sampler
        if at_once and isinstance(sampler, Proposer):
            proposed = sampler.propose(study, turn)
            params = {key: proposed[key] for key in self.distributions if key in proposed}
            return Proposal(number, params, began)
        trial = study.ask()
        return Proposal(trial.number, self._suggested(trial), began, trial)

    def setting(self, params: Mapping[str, object]) -> Setting:
        """Return the setting that a trial's parameters are.

        Examples
        --------
        >>> Space({}, "ridge").setting({"ridge.alpha": 0.1})
        ('ridge', {'alpha': 0.1})
        """
        name = str(params.get(ALGORITHM) or self.first)
        prefix = f"{name}."
        return name, {k.removeprefix(prefix): v for k, v in params.items() if k.startswith(prefix)}

    def tried(self, trial: FrozenTrial) -> Setting:
        """Return the setting that a trial is, with the epochs and the history that it notes."""
        name, values = self.setting(trial.params)
        member = "member" in trial.user_attrs
        return name, with_note(values, TrialNote.of(trial.user_attrs)) if member else values

    def _suggested(self, trial: Trial) -> dict[str, object]:
        own = self.proposed.items()
        chosen: dict[str, object] = {k: suggest(trial, k, d) for k, d in own if k == ALGORITHM}
        prefix = f"{chosen.get(ALGORITHM, self.first)}."
        rest = {k: suggest(trial, k, d) for k, d in own if k.startswith(prefix)}
        return chosen | rest


def suggest(trial: Trial, name: str, d: BaseDistribution) -> Plain:
    """Return the trial's value of a parameter of that distribution."""
    match d:
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(name, choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low_, high=high_, step=step_, log=log_):
            return trial.suggest_float(name, low_, high_, step=step_, log=log_)
    raise SearchError(f"{name}: {d!r} is not one of Optuna's float, int and categorical distributions")


def with_note(values: Mapping[str, object], note: TrialNote) -> dict[str, object]:
    """Return the values of a setting with the epochs and the history that a trial notes.

    Examples
    --------
    >>> with_note({"alpha": 1.0}, TrialNote(epochs=4, history=((2, {"alpha": 3.0}),)))
    {'alpha': 1.0, 'epochs': 4, '(history)': ((2, (('alpha', 3.0),)),)}
    """
    found = dict(values)
    if note.epochs is not None:
        found[EPOCHS] = note.epochs
    if note.history:
        found[HISTORY] = tuple((until, tuple(sorted(past.items()))) for until, past in note.history)
    return found


def translated(trial: FrozenTrial, space: Mapping[str, BaseDistribution]) -> FrozenTrial | None:
    """Return another study's trial in the terms of this space, or None if it lies outside.

    A study of one algorithm and a study of several differ in the parameter ``"algorithm"`` alone.
    """
    if trial.state is not TrialState.COMPLETE or not trial.params:
        return None
    name = str(trial.params.get(ALGORITHM) or next(iter(trial.params)).partition(".")[0])
    params = {k: v for k, v in trial.params.items() if k != ALGORITHM}
    if ALGORITHM in space:
        params = {ALGORITHM: name, **params}
    if params.keys() != {k for k in space if k == ALGORITHM or k.startswith(f"{name}.")}:
        return None
    if not all(holds(space[k], v) for k, v in params.items()):
        return None
    return create_trial(
        state=trial.state, values=trial.values, params=params, distributions={k: space[k] for k in params}
    )


def holds(distribution: BaseDistribution, value: object) -> bool:
    """Return whether a value lies in a distribution.

    Examples
    --------
    >>> from optuna.distributions import IntDistribution
    >>> holds(IntDistribution(1, 3), 4)
    False
    """
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if isinstance(distribution, (FloatDistribution, IntDistribution)):
        number = None if isinstance(value, bool) else as_number(value)
        return number is not None and distribution.low <= number <= distribution.high
    return False
