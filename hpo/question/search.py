"""What a study searches: algorithms, their constants, the values of pass fields, and the free ranges."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from algorithms import fields
from algorithms.chained import EPOCHS, Past, going_on
from algorithms.contract import Algorithm, State, Summary
from algorithms.declared import Field
from algorithms.declared import named as values_named
from algorithms.errors import AlgorithmError
from algorithms.ranges import Choice, Integer, Log, Range, Uniform
from hpo.errors import SearchError

HISTORY = "(history)"
"""Beside the values of a setting: what was in force until which epochs, where it continues from another's chain. No
hyperparameter has such a name."""


@dataclass(frozen=True)
class Searched:
    """One algorithm of a study.

    Attributes
    ----------
    name : its registered name.
    algorithm : its class.
    constants : hyperparameters held at one value.
    asked : hyperparameters searched because the user said so, with their distributions.
    may_widen : whether another algorithm may answer for this one where its states do not fit in memory.
    """

    name: str
    algorithm: fields.Kind
    constants: Mapping[str, object]
    asked: Mapping[str, BaseDistribution]
    may_widen: bool = True

    @property
    def fields(self) -> Mapping[str, Field]:
        """Every hyperparameter by name."""
        return fields.fields_of(self.algorithm)

    @functools.cached_property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that states give exactly, whatever is searched."""
        first, *others = self.variants
        return tuple(m for m in first.exact if all(m in other.exact for other in others))

    @property
    def sampled_metrics(self) -> tuple[str, ...]:
        """The metrics that it computes from sampled rows by itself."""
        return self.algorithm.tags.sampled

    @property
    def own_metrics(self) -> tuple[str, ...]:
        """The metrics that it computes by itself, exactly or from sampled rows."""
        return (*self.sampled_metrics, *self.metrics)

    @property
    def has_threshold(self) -> bool:
        """Whether thresholds of classifiers are chosen, which needs sampled rows."""
        named = fields.THRESHOLD.name in {*self.constants, *self.asked}
        return named and fields.takes_threshold(self.fields)

    @property
    def values(self) -> dict[str, list[object]]:
        """What is asked of each hyperparameter, as values: every choice, or the ends of a range."""
        return {k: [v] for k, v in self.constants.items()} | {k: ends_of(d) for k, d in self.asked.items()}

    def build(self, values: Mapping[str, object]) -> Algorithm:
        """Return the algorithm with the constants and these values set."""
        history = values.get(HISTORY)
        if not isinstance(history, tuple):
            return fields.build(self.algorithm, {**self.constants, **values})
        own = {key: value for key, value in values.items() if key != HISTORY}
        earlier = ((until, self.build({**own, **dict(past), EPOCHS: until}).chained) for until, past in history)
        made = fields.build(self.algorithm, {**self.constants, **own})
        return going_on(made, tuple(Past(until, chained) for until, chained in earlier if chained is not None))

    @property
    def variants(self) -> list[Algorithm]:
        """The algorithm with its constants, once for each combination that decides its summary."""
        return [self.build(passes) for passes in self.passes()]

    def passes(self, besides: str = "") -> list[dict[str, object]]:
        """Return every combination of what decides the summary and is set or searched, one field left out.

        These are the pass fields, and the choices, or the ends of the ranges, of free fields that steer.
        """
        constants = {k: v for k, v in self.constants.items() if self._decides(k)}
        values = {k: _few(f"{self.name}.{k}", d) for k, d in self.asked.items() if self.fields[k].needs_pass}
        searched = self.distributions({})
        values |= {k: ends_of(d) for k, d in searched.items() if k in self.steering}
        for each in (constants, values):
            each.pop(besides, None)
        return [constants | dict(zip(values, v, strict=True)) for v in itertools.product(*values.values())]

    def summary(self, values: Mapping[str, object]) -> Summary:
        """Return the summary of a setting, whether or not its free hyperparameters go together."""
        return self._passing({**self.constants, **values}).summary

    def summaries(self) -> list[Summary]:
        """Return every summary that the study needs, once."""
        return list(dict.fromkeys(self.summary(passes) for passes in self.passes()))

    def check(
        self, parameter: str, value: object, states: Mapping[Summary, Sequence[State]] | None = None
    ) -> None:
        """Refuse a value that the hyperparameter cannot take with any of the pass fields set or searched.

        Parameters
        ----------
        parameter, value : what is asked.
        states : the training states of each summary; None to ask before anything is read.

        Raises
        ------
        InvalidField, NotEnoughRows
            The last reason.
        """
        own: list[dict[str, object]] = [{}] if self.fields[parameter].needs_pass else []
        refused: AlgorithmError | None = None
        for passes in (*own, *self.passes(besides=parameter)):
            try:
                made = fields.build(self.algorithm, {**passes, parameter: value})
                rows = (None,) if states is None else states[made.summary]
                for state in rows:
                    made.check_field(parameter, state)
            except AlgorithmError as error:
                refused = error
            else:
                return
        if refused is not None:
            raise refused

    def _passing(self, values: Mapping[str, object]) -> Algorithm:
        """Return the algorithm with those of the values that decide its summary."""
        return fields.build(self.algorithm, {k: v for k, v in values.items() if self._decides(k)})

    def _decides(self, name: str) -> bool:
        return name != HISTORY and (self.fields[name].needs_pass or name in self.steering)

    @functools.cached_property
    def steering(self) -> frozenset[str]:
        """The free hyperparameters of which a value that is asked, or named by its range, changes the summary."""
        free = {k: f for k, f in self.fields.items() if not f.needs_pass and f is not fields.THRESHOLD}
        values = {k: [*self.values.get(k, ()), *values_named(f.range)] for k, f in free.items()}
        return frozenset(k for k, some in values.items() if fields.steers(self.algorithm, k, some))

    def distributions(self, bounds: Mapping[str, Range | None]) -> dict[str, BaseDistribution]:
        """Return what is searched: what was asked for, then every range of the fields, narrowed by the state.

        Parameters
        ----------
        bounds : ranges by the state; None for a field without effect on it.
        """
        free = {
            field.name: narrowed
            for field in self.fields.values()
            if field.name not in self.constants and field.name not in self.asked
            if (narrowed := _narrow(field, bounds)) is not None
        }
        chosen = {name: _to_optuna(range_) for name, range_ in free.items()}
        return {**self.asked, **chosen}


def ends_of(d: BaseDistribution) -> list[object]:
    """Return the choices of a distribution, or its two ends."""
    if isinstance(d, CategoricalDistribution):
        return list(d.choices)
    return [d.low, d.high] if isinstance(d, (FloatDistribution, IntDistribution)) else []


def _few(key: str, d: BaseDistribution) -> list[object]:
    if isinstance(d, CategoricalDistribution):
        return list(d.choices)
    raise SearchError(
        f"search[{key!r}]={d!r}: each value of this hyperparameter needs a pass over the data; "
        "give a list of the few values to try"
    )


def _narrow(field: Field, bounds: Mapping[str, Range | None]) -> Range | None:
    if field.range is None or not field.range.searched or field.needs_pass:
        return None
    found = bounds.get(field.name, field.range)
    return None if isinstance(found, Integer) and found.high is None else found


def _to_optuna(range_: Range) -> BaseDistribution:
    match range_:
        case Choice(values=values):
            return CategoricalDistribution(values)
        case Integer(low=low, high=high, log=log):
            return IntDistribution(low, high if high is not None else low, log=log)
        case Log(low=a, high=b):
            return FloatDistribution(a, b, log=True)
        case Uniform(low=a, high=b):
            return FloatDistribution(a, b)
