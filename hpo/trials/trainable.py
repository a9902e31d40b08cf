"""Which algorithms of a study every split can train: the states know it before the first trial."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from algorithms import registry
from algorithms.contract import Algorithm
from algorithms.errors import AlgorithmError, MissingClass, NotEnoughRows
from hpo.errors import ChoiceWarning, TuneError
from hpo.question.search import Searched
from hpo.states.contexts import Evidence
from hpo.states.fold_sizes import advice as stratify
from hpo.states.fold_states import FoldStates


@dataclass(frozen=True)
class Lack:
    """What a training state has too little of.

    Attributes
    ----------
    where : the split, in words.
    what : what is missing, in words.
    advice : what to do, in words.
    of_class : whether it is rows of one class.
    """

    where: str
    what: str
    advice: tuple[str, ...]
    of_class: bool = False


def usual(one: Searched, found: Evidence) -> tuple[Algorithm, FoldStates]:
    """Return an algorithm with the hyperparameters that it has by itself, and the states of its summary."""
    default = one.build({})
    algorithm = default if default.summary in found.states else one.variants[0]
    return algorithm, found.states[algorithm.summary].for_algorithm(algorithm)


def trainable(searched: Sequence[Searched], found: Evidence) -> list[Searched]:
    """Return the algorithms that every split can train, with a warning for those that are left out.

    Raises
    ------
    AlgorithmError
        The data defines no model of an algorithm, however many rows there were.
    TuneError
        No algorithm is left.
    """
    lacks = lacking(searched, found)
    if len(lacks) == len(searched):
        raise TuneError(_words(lacks, _doing_without(lacks, searched, found)) + _step(found))
    if lacks:
        warnings.warn(f"{_words(lacks)}. The study continues without", ChoiceWarning, stacklevel=7)
    return [one for one in searched if one.name not in lacks]


def lacking(searched: Sequence[Searched], found: Evidence) -> dict[str, Lack]:
    """Return what is missing to train the algorithms that some split cannot train, by name."""
    lacks = {one.name: _lack(*usual(one, found)) for one in searched}
    return {name: lack for name, lack in lacks.items() if lack is not None}


def _lack(algorithm: Algorithm, states: FoldStates) -> Lack | None:
    k = len(states.train)
    places = [f"split {i} of {k}" for i in range(1, k + 1)]
    for where, train in [("the data", states.whole), *zip(places, states.train, strict=True)]:
        try:
            algorithm.check(train)
        except MissingClass as error:
            return _of_class(error, states, where)
        except NotEnoughRows as error:
            known = "fewer folds" in str(error) or train is states.whole
            return Lack(where, str(error), () if known else ("use fewer folds, or another scheme",))
        except AlgorithmError:
            if train is states.whole:
                raise
    return None


def _of_class(error: MissingClass, states: FoldStates, where: str) -> Lack:
    labels, splits = states.whole.shape.classes, len(states.train)
    counts = states.whole.class_rows
    in_all = None if counts is None else float(counts[error.place])
    beside = "" if in_all is None else f" ({_amount(in_all)} in all)"
    needed = f", and more than {error.least:g} are needed" if error.least >= 1.0 else ""
    what = (
        f"it has {_amount(error.held)} to train on of the class {labels[error.place]!r}{beside}"
        f"{needed}"
    )
    advice = [
        "merge that class with another, or leave its rows out"
        if len(labels) > 2
        else "add rows of that class"
    ]
    if in_all is not None and in_all > error.least + 1.0:  # another split of the rows would do
        advice.insert(0, stratify(splits))
    return Lack(where, what, tuple(advice), of_class=True)


def _words(lacks: Mapping[str, Lack], others: Sequence[str] = ()) -> str:
    """Return what is missing for whom, and what to do."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, lack in lacks.items():
        alike.setdefault((lack.where, lack.what), []).append(name)
    lacking = [f"{where} cannot train {', '.join(names)}: {what}" for (where, what), names in alike.items()]
    advice = dict.fromkeys(words for lack in lacks.values() for words in lack.advice)
    more = [f"or tune {' or '.join(others)}, which can do without"] if others else []
    return "; ".join([*lacking, *advice, *more])


def _step(found: Evidence) -> str:
    """Return what a step of series is, in words: another one may be meant where none has enough of them."""
    calendar = found.pilot.calendar
    return "" if calendar is None else f" (a step is {calendar.order.frequency.name!r}; freq= gives another)"


def _doing_without(lacks: Mapping[str, Lack], searched: Sequence[Searched], found: Evidence) -> list[str]:
    """Return the algorithms of the task that need not know every class, where that helps; of two, all have to."""
    if len(found.pilot.shape.classes) < 3 or not all(lack.of_class for lack in lacks.values()):
        return []
    names = registry.of_task(searched[0].algorithm.tags.task)
    return [name for name in names if not registry.get(name).tags.needs_every_class]


def _amount(rows: float) -> str:
    if not rows.is_integer():
        return f"a weight of {rows:g}"
    return f"{rows:,.0f} row{'' if rows == 1.0 else 's'}" if rows else "no row"
