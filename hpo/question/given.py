"""The algorithms and the search as they were given, in any of the ways that are understood."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from optuna.distributions import BaseDistribution, CategoricalDistribution

from algorithms import fields, registry
from algorithms.errors import AlgorithmError, InvalidField
from algorithms.families.by_class import CLASS_WEIGHT
from hpo.errors import SearchError
from hpo.question.search import Searched, ends_of
from hpo.question.space import check_values, together
from studies.naming import short, split_key
from studies.spec.distributions import to_distribution

WIDE = "wide"
"""Search key: whether the algorithm that an algorithm names for wide data answers for it."""


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
    """Refuse mappings that are not ranges of numbers, saying what the hyperparameter takes.

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
    by_class = parameter.rpartition("__")[2] == CLASS_WEIGHT
    return text if by_class or _is_text(known.get(owner, owner), parameter, value) else value


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


def _searched(name: str, algorithm: fields.Kind, values: Mapping[str, object]) -> Searched:
    known = fields.fields_of(algorithm)
    values = {k: together(v) if known[k].several else v for k, v in values.items()}
    tuples = {k: v for k, v in values.items() if isinstance(v, tuple) and known[k].several}
    distributions = {k: to_distribution(v) for k, v in values.items() if k not in tuples}
    constants = tuples | {k: ends_of(d)[0] for k, d in distributions.items() if _one(values[k], d)}
    asked = {k: d for k, d in distributions.items() if k not in constants}
    made = Searched(name, algorithm, constants, asked)
    check_values(made)
    return made


def _one(value: object, distribution: BaseDistribution) -> bool:
    """Return whether the user gave a constant, not something to search."""
    return not isinstance(value, (BaseDistribution, list, tuple, Mapping)) and (
        isinstance(distribution, CategoricalDistribution) and distribution.single()
    )


def _split(key: str, known: Mapping[str, fields.Kind], names: Sequence[str]) -> tuple[str, str]:
    name, parameter = split_key(key, names)
    if "." not in key and len(known) == 1:
        name, parameter = next(iter(known)), key
    legal = [f"{n}.{f}" for n, algorithm in known.items() for f in fields.fields_of(algorithm)]
    if f"{name}.{parameter}" in legal:
        return name, parameter
    near = difflib.get_close_matches(key, legal, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(legal)}"
    raise SearchError(f"search key {key!r} is not a hyperparameter of this study; {hint}")
