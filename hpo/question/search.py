"""What a study searches: algorithms, their constants, the values of pass fields, and the free ranges."""

from __future__ import annotations

import difflib
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from algorithms import fields, registry
from algorithms.chained import EPOCHS, Past, going_on
from algorithms.contract import Algorithm, State, Summary
from algorithms.declared import Field
from algorithms.declared import named as values_named
from algorithms.errors import AlgorithmError, InvalidField
from algorithms.ranges import Choice, Integer, Log, Range, Uniform
from hpo.errors import SearchError
from studies.naming import short, split_key
from studies.sampling.space import ALGORITHM
from studies.spec.distributions import to_distribution

HISTORY = "(history)"
"""Beside the values of a setting: what was in force until which epochs, where it goes on from another's chain. No
hyperparameter has such a name."""

WIDE = "wide"
"""Search key: whether the algorithm that an algorithm names for wide data answers for it."""


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
        return {k: [v] for k, v in self.constants.items()} | {k: _ends(d) for k, d in self.asked.items()}

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
        values |= {k: _ends(d) for k, d in searched.items() if k in self.steering}
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


def widest(bounds: Sequence[Mapping[str, Range | None]]) -> dict[str, Range | None]:
    """Return the ranges that hold those of every state; None for a field without effect on any.

    Parameters
    ----------
    bounds : ranges by several states; a field that a state says nothing of keeps its own range.

    Examples
    --------
    >>> widest([{"k": Integer(1, 6), "mode": None}, {"k": Integer(2, 90), "mode": None}])
    {'k': Integer(low=1, high=90, log=False, searched=True), 'mode': None}
    """
    told = [name for name in bounds[0] if all(name in one for one in bounds)]
    return {name: functools.reduce(_wider, (one[name] for one in bounds)) for name in told}


def _wider(a: Range | None, b: Range | None) -> Range | None:
    match a, b:
        case None, _:
            return b
        case Choice(values=some), Choice(values=others):
            return Choice(*dict.fromkeys((*some, *others)))
        case Integer(), Integer():
            high = None if a.high is None or b.high is None else max(a.high, b.high)
            return replace(a, low=min(a.low, b.low), high=high)
        case ((Uniform() | Log()), (Uniform() | Log())):
            return replace(a, low=min(a.low, b.low), high=max(a.high, b.high))
    return a


def resolve(names: Sequence[str], search: Mapping[str, object]) -> list[Searched]:
    """Return the algorithms of a study with what is asked of each.

    Parameters
    ----------
    names : registered algorithms, classes by path, adopted objects.
    search : ``"algorithm.parameter"`` → an Optuna distribution, a list of choices, or one constant.

    Raises
    ------
    SearchError
        For a key that names no algorithm of the study or no hyperparameter, and for values that a
        hyperparameter cannot take.

    Examples
    --------
    >>> [ridge] = resolve(["ridge"], {"ridge.alpha": [0.1, 1.0], "ridge.standardize": True})
    >>> ridge.constants, ridge.asked
    ({'standardize': True}, {'alpha': CategoricalDistribution(choices=(0.1, 1.0))})
    """
    if len(set(names)) < len(names):
        raise SearchError(f"algorithm={list(names)!r} names one twice; name each once")
    known = {short(name): registry.get(name) for name in names}
    if len(known) < len(names):
        raise SearchError(
            f"algorithm={list(names)!r}: two have the same name in search keys; put another before one of them, "
            "as in 'other=sklearn:package.module.Class'"
        )
    widened, search = _widenings(known, search)
    known = {n: _standing_in(kind) if widened.get(n) else kind for n, kind in known.items()}
    per = {short(name): dict(registry.constants_of(name)) for name in names}
    for key, value in search.items():
        name, parameter = _split(key, known, names)
        per[name][parameter] = value
    found = [_searched(name, known[name], per[name]) for name in known]
    return [replace(s, may_widen=widened.get(s.name, True)) for s in found]


def check_mappings(names: object, search: object) -> None:
    """Refuse mappings that are no range of numbers, saying what the hyperparameter takes.

    Parameters
    ----------
    names, search : as they were given; whatever else is wrong with them is left to others.

    Examples
    --------
    >>> try:
    ...     check_mappings(["logistic"], {"logistic.class_weight": {"no": 1, "yes": 9}})
    ... except SearchError as error:
    ...     print(str(error).partition(": ")[2])
    a mapping is a range of numbers with 'low' and 'high'; class_weight={'no': 1, 'yes': 9}: must be text or None, \
such as 'balanced', or 'no=1, yes=9'
    """
    listed = names if isinstance(names, (list, tuple)) else [names]
    known = {short(name): name for name in listed if isinstance(name, str)}
    for key, value in search.items() if isinstance(search, Mapping) else ():
        if not isinstance(key, str) or not isinstance(value, Mapping) or {"low", "high"} & set(value):
            continue
        owner, parameter = split_key(key, known.values())
        try:
            fields.build(registry.get(known.get(owner, owner)), {parameter: value})
        except InvalidField as error:
            raise SearchError(
                f"search[{key!r}]: a mapping is a range of numbers with 'low' and 'high'; {error}"
                f"{_as_text(known.get(owner, owner), parameter, value)}"
            ) from error
        except AlgorithmError:
            continue


def with_weights(names: object, search: object) -> object:
    """Return a search whose dictionaries of weights by class are the text that a study records.

    Parameters
    ----------
    names, search : as they were given, alone or in lists of choices; whatever is wrong with them is left to others.

    Examples
    --------
    >>> with_weights(["logistic"], {"logistic.class_weight": [None, {"no": 1, "yes": 9}]})
    {'logistic.class_weight': [None, 'no=1, yes=9']}
    """
    if not isinstance(search, Mapping):
        return search
    listed = names if isinstance(names, (list, tuple)) else [names]
    known = {short(name): name for name in listed if isinstance(name, str)}
    return {key: _spelled(key, value, known) for key, value in search.items()}


def _spelled(key: object, value: object, known: Mapping[str, str]) -> object:
    if isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
        return [_spelled(key, one, known) for one in value]
    if not isinstance(key, str) or not isinstance(value, Mapping) or {"low", "high"} & set(value):
        return value
    owner, parameter = split_key(key, known.values())
    text = ", ".join(f"{label}={weight}" for label, weight in value.items())
    try:
        fields.build(registry.get(known.get(owner, owner)), {parameter: text})
    except AlgorithmError:
        return value
    return text if _is_text(known.get(owner, owner), parameter, value) else value


def _is_text(name: str, parameter: str, value: Mapping[object, object]) -> bool:
    """Return whether a hyperparameter takes no dictionary, as an estimator of scikit-learn's may."""
    try:
        fields.build(registry.get(name), {parameter: dict(value)})
    except AlgorithmError:
        return True
    return False


def _as_text(name: str, parameter: str, value: Mapping[object, object]) -> str:
    """Return how to write a mapping that a hyperparameter takes as text; empty where it takes none."""
    text = ", ".join(f"{key}={one}" for key, one in value.items())
    try:
        fields.build(registry.get(name), {parameter: text})
    except AlgorithmError:
        return ""
    return f", or {text!r}"


def keys_of(algorithm: fields.Kind) -> list[str]:
    """Return every parameter that search may name of an algorithm.

    Examples
    --------
    >>> [key for key in keys_of(registry.get("pca")) if key in ("precision", "size", "wide")]
    ['precision', 'wide', 'size']
    """
    own = list(fields.fields_of(algorithm))
    other = algorithm.tags.stand_in
    return own if other is None else list(dict.fromkeys([*own, WIDE, *fields.fields_of(registry.get(other))]))


def _widenings(
    known: Mapping[str, fields.Kind], search: Mapping[str, object]
) -> tuple[dict[str, bool], dict[str, object]]:
    """Return what is said of ``wide``, by algorithm, and the other keys."""
    said, others = {}, dict(search)
    for name, algorithm in known.items():
        keys = [f"{name}.{WIDE}", *([WIDE] if len(known) == 1 else [])]
        for key in keys if algorithm.tags.stand_in else ():
            if key not in others:
                continue
            value = others.pop(key)
            if not isinstance(value, bool):
                raise SearchError(
                    f"search[{key!r}]={value!r}: must be true ({algorithm.tags.stand_in!r} answers for it) or "
                    "false (it never does); leave it out to let memory decide"
                )
            said[name] = value
    return said, others


def _standing_in(algorithm: fields.Kind) -> fields.Kind:
    """Return the algorithm that stands in for one on wide data."""
    return registry.get(str(algorithm.tags.stand_in))


def named(algorithm: object) -> object:
    """Return the names of algorithms given as names, estimator objects, a list of both, or a mapping of aliases.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> named(["ridge", "lasso"]), named({"machine": "sklearn:sklearn.svm.SVC"})
    (['ridge', 'lasso'], ['machine=sklearn:sklearn.svm.SVC'])
    >>> named(SVC()).startswith("object:SVC-")
    True
    """
    if isinstance(algorithm, Mapping):
        return [f"{alias}={_name(one)}" for alias, one in algorithm.items()]
    if isinstance(algorithm, (list, tuple, set)):
        return [_name(one) for one in algorithm]
    return _name(algorithm)


def _name(one: object) -> object:
    return registry.adopt(one) if registry.adoptable(one) else one


def space_of(
    searched: Sequence[Searched], bounds: Callable[[Searched], Mapping[str, Range | None]]
) -> dict[str, BaseDistribution]:
    """Return the distributions of a whole study; several algorithms are a hyperparameter themselves.

    Parameters
    ----------
    searched : the algorithms.
    bounds : what the states know of each one's ranges.
    """
    space: dict[str, BaseDistribution] = {}
    if len(searched) > 1:
        space[ALGORITHM] = CategoricalDistribution([s.name for s in searched])
    for s in searched:
        space |= {f"{s.name}.{k}": d for k, d in s.distributions(bounds(s)).items()}
    return space


def _searched(name: str, algorithm: fields.Kind, values: Mapping[str, object]) -> Searched:
    known = fields.fields_of(algorithm)
    values = {k: _together(v) if known[k].several else v for k, v in values.items()}
    tuples = {k: v for k, v in values.items() if isinstance(v, tuple) and known[k].several}
    distributions = {k: to_distribution(v) for k, v in values.items() if k not in tuples}
    constants = tuples | {k: _ends(d)[0] for k, d in distributions.items() if _one(values[k], d)}
    asked = {k: d for k, d in distributions.items() if k not in constants}
    made = Searched(name, algorithm, constants, asked)
    check_values(made)
    return made


def _together(value: object) -> object:
    """Return a list of names or numbers as one value, each once; anything else as it is.

    Examples
    --------
    >>> _together(["log_loss", "hinge, log_loss"]), _together([1e-6, 0.01]), _together([None, "0.1"])
    (('log_loss', 'hinge'), (1e-06, 0.01), [None, '0.1'])
    """
    choices = value.choices if isinstance(value, CategoricalDistribution) else value
    if not isinstance(choices, (list, tuple)) or not choices:
        return value
    if not all(isinstance(v, (str, int, float)) for v in choices):
        return value
    each = (c.split(",") if isinstance(c, str) else [c] for c in choices)
    parts = (part.strip() if isinstance(part, str) else part for some in each for part in some)
    return tuple(dict.fromkeys(parts))


def check_values(made: Searched) -> None:
    """Raise SearchError where a hyperparameter cannot take what is asked of it."""
    given = made.values
    for k in sorted(given, key=lambda k: not made.fields[k].needs_pass):
        with asked_for(made, k):
            for value in given[k]:
                made.check(k, value)
    try:
        _ = made.variants
    except InvalidField as error:
        raise SearchError(f"what search asks of {made.name!r} does not go together: {error}") from error


@contextmanager
def asked_for(made: Searched, parameter: str) -> Iterator[None]:
    """Say of a refused value where it was asked for."""
    try:
        yield
    except AlgorithmError as error:
        values = made.values[parameter]
        shown = repr(values[0] if parameter in made.constants else values)
        if isinstance(made.asked.get(parameter), (FloatDistribution, IntDistribution)):
            shown = "{} to {}".format(*values)
        raise SearchError(f"search[{f'{made.name}.{parameter}'!r}]={shown}: {error}") from error


def _one(value: object, distribution: BaseDistribution) -> bool:
    """Return whether the user gave a constant, not something to search."""
    return not isinstance(value, (BaseDistribution, list, tuple, Mapping)) and (
        isinstance(distribution, CategoricalDistribution) and distribution.single()
    )


def _ends(d: BaseDistribution) -> list[object]:
    if isinstance(d, CategoricalDistribution):
        return list(d.choices)
    return [d.low, d.high] if isinstance(d, (FloatDistribution, IntDistribution)) else []


def _split(key: str, known: Mapping[str, fields.Kind], names: Sequence[str]) -> tuple[str, str]:
    name, parameter = split_key(key, names)
    if "." not in key and len(known) == 1:
        name, parameter = next(iter(known)), key
    legal = [f"{n}.{f}" for n, algorithm in known.items() for f in fields.fields_of(algorithm)]
    if f"{name}.{parameter}" in legal:
        return name, parameter
    near = difflib.get_close_matches(key, legal, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(legal)}"
    raise SearchError(f"search key {key!r} is no hyperparameter of this study; {hint}")


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
