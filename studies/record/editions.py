"""Editions of a study: the same question asked again as its data changes, each a stored study of its own.

The first is stored under the name, the later ones as ``name@2``, ``name@3`` …; a name alone stands for the last.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from studies.errors import StudyMissing
from studies.quiet import quiet
from studies.record.records import load_study
from studies.record.storage import study_names

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

DATA = "state of the data"
"""What of a definition says which data a study is of: where this alone differs, it is another edition."""


def parts(name: str) -> tuple[str, int | None]:
    """Return the name of a study and the number of the edition that is asked for; None for the last.

    Examples
    --------
    >>> parts("daily@3"), parts("daily"), parts("me@home")
    (('daily', 3), ('daily', None), ('me@home', None))
    """
    found = re.fullmatch(r"(.+)@([1-9]\d{0,8})", name)
    return (found[1], int(found[2])) if found else (name, None)


def stored_name(name: str, edition: int) -> str:
    """Return what an edition is stored under.

    Examples
    --------
    >>> stored_name("daily", 1), stored_name("daily", 2)
    ('daily', 'daily@2')
    """
    return name if edition == 1 else f"{name}@{edition}"


def edition_numbers(storage: BaseStorage, name: str) -> list[int]:
    """Return the numbers of a study's editions, in order; none where there is no such study.

    Examples
    --------
    >>> import optuna
    >>> from studies.record.storage import open_storage
    >>> storage = open_storage(None)
    >>> for each in ("daily", "daily@2", "other"):
    ...     _ = optuna.create_study(study_name=each, storage=storage)
    >>> edition_numbers(storage, "daily"), edition_numbers(storage, "none")
    ([1, 2], [])
    """
    with quiet():
        names = set(study_names(storage))
    found = {number for base, number in map(parts, names) if base == name and number is not None and number > 1}
    return sorted(found | ({1} if name in names else set()))


def resolved(storage: BaseStorage, name: str) -> str:
    """Return what a name stands for: the edition that it asks for, or the last one.

    Raises
    ------
    StudyMissing
        There is no such edition.
    """
    base, number = parts(name)
    numbers = edition_numbers(storage, base)
    if number is None or not numbers:
        return stored_name(base, numbers[-1]) if numbers else name
    if number not in numbers:
        known = ", ".join(map(str, numbers))
        raise StudyMissing(f"study {base!r} has no edition {number}; it has {known}")
    return stored_name(base, number)


def load_edition(storage: BaseStorage, name: str) -> Study:
    """Return a stored study in memory: the last edition, or the one that ``"name@2"`` says.

    Raises
    ------
    StudyMissing, StorageError
        There is none, or it makes no sense.
    """
    return load_study(storage, resolved(storage, name))


def load_scored(storage: BaseStorage, name: str) -> Study:
    """Return a stored study in memory as :func:`load_edition` does; not an edition that begins, and has no score.

    Then the one before it is what there is to predict with. Of a study without any score it is the last edition.
    """
    base, number = parts(name)
    last = load_edition(storage, name)
    if number is not None or _scored(last):
        return last
    earlier = (load_study(storage, stored_name(base, n)) for n in reversed(edition_numbers(storage, base)[:-1]))
    return next(filter(_scored, earlier), last)


def _scored(study: Study) -> bool:
    return any(trial.state == TrialState.COMPLETE for trial in study.get_trials(deepcopy=False))
