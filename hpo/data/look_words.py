"""What is said of columns that look like something a model cannot learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["constant", "id", "text", "number", "group", "target"]

MISSING = "missing"
"""What is seen of a column without a value in any row."""

DROP = "drop"
"""The option that leaves a column out."""


@dataclass(frozen=True)
class Look:
    """What a column looks like.

    Attributes
    ----------
    kind : ``"constant"``, ``"id"``, ``"text"``, ``"number"`` (in text), ``"group"`` or ``"target"``.
    column : its name.
    seen : the value of a constant, ``"missing"`` where no row has one; texts among numbers; of others how many
        values differ.
    option : the option of the study that names it; ``"drop"`` of a column that none does.
    """

    kind: Kind
    column: str
    seen: str
    option: str = DROP


def sentences(looks: Sequence[Look], *, groups: bool, hashes: bool) -> list[str]:
    """Return what is to be said of columns, each kind in one sentence.

    Parameters
    ----------
    looks : what columns look like.
    groups : whether columns of groups are worth a word: not where folds keep them together, or are of time.
    hashes : whether an algorithm of the study takes hashed columns.
    """
    by_kind: dict[str, list[Look]] = {}
    for look in looks:
        by_kind.setdefault(look.kind, []).append(look)
    found = [
        _targets(by_kind.get("target", [])), _constants(by_kind.get("constant", [])),
        _ids(by_kind.get("id", []), hashes=hashes),
        _texts(by_kind.get("text", [])), _numbers(by_kind.get("number", [])),
        *([_groups(by_kind.get("group", []))] if groups else []),
    ]  # fmt: skip
    return [words for words in found if words]


def _constants(looks: list[Look]) -> str:
    if not looks:
        return ""
    some = " and ".join(f"{look.column!r} is {look.seen}" for look in looks[:3])
    seen = " that was looked at" if any(look.seen == MISSING for look in looks) else ""
    return f"column {some} in every row{seen}{_more(looks)}: which carries no information; {_leave(looks)}"


def _targets(looks: list[Look]) -> str:
    if not looks:
        return ""
    known = "is it" if len(looks) == 1 else "are they"
    return (
        f"{_listed(looks)} the target itself ({looks[0].seen} with it): {known} known when you predict? If not, "
        f"scores are too good to be true; {_leave(looks)}"
    )


def _ids(looks: list[Look], *, hashes: bool) -> str:
    if not looks:
        return ""
    hashed = f", or hash its values with hash_columns={[looks[0].column]!r}" if hashes else ""
    return (
        f"{_listed(looks)} an id ({looks[0].seen}): new rows have other values, and one that counts the rows tells "
        f"their order; {_leave(looks)}{hashed}"
    )


def _texts(looks: list[Look]) -> str:
    if not looks:
        return ""
    return (
        f"{_listed(looks)} free text ({looks[0].seen}), whose values are taken for categories; {_leave(looks)}, or "
        "make numbers of its words first, as scikit-learn's TfidfVectorizer does: tune takes its matrix as (X, y)"
    )


def _numbers(looks: list[Look]) -> str:
    if not looks:
        return ""
    one = looks[0]
    it, are = ("it", "is") if len(looks) == 1 else ("them", "are")
    among = "them" if len(looks) == 1 else f"those of {one.column!r}"
    beside = f" (with {one.seen} among {among})" if one.seen else ""
    return (
        f"{_listed(looks)} numbers{beside} but {are} text, whose values are taken for categories; make numbers of "
        f"{it} first, as pandas.to_numeric(frame[{one.column!r}], errors='coerce') does, or {_leave(looks)}"
    )


def _groups(looks: list[Look]) -> str:
    if not looks:
        return ""
    name = looks[0].column
    return (
        f"{_listed(looks)} groups of rows ({looks[0].seen}): where rows of one group are trained on and tested on, "
        "scores are too good for new groups; keep them together with "
        f"folds={{'scheme': 'group', 'column': {name!r}}}, or {_leave(looks)}"
    )


def _listed(looks: list[Look]) -> str:
    column, look = ("column", "looks") if len(looks) == 1 else ("columns", "look")
    return f"{column} {', '.join(repr(one.column) for one in looks[:3])}{_more(looks)} {look} like"


def _more(looks: list[Look]) -> str:
    return f" (and {len(looks) - 3} more)" if len(looks) > 3 else ""


def _leave(looks: list[Look]) -> str:
    they = "it" if len(looks) == 1 else "them"
    named = list(dict.fromkeys(look.option for look in looks if look.option != DROP))
    if named:
        return f"leave {they} out of {' and '.join(named)}="
    return f"leave {they} out with drop={[look.column for look in looks]!r}"
