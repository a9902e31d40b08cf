"""How large the folds are: rows, groups and classes of each, and what to say where a fold lacks a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hpo.data.folds.schemes import FoldSizes
from studies.counting import counted
from studies.record.record_parts import Sizes

if TYPE_CHECKING:
    from hpo.states.fold_states import FoldStates


def class_rows(states: FoldStates) -> NDArray[np.float64] | None:
    """Return held-out rows (or weight) of each class in each split, shape (splits, classes); None if unknown."""
    classes = len(states.whole.shape.classes)
    for source in (states.sample, states):
        found = [state.class_rows for state in source.test] if source is not None and classes else []
        known = [rows for rows in found if rows is not None]
        if known and len(known) == len(found):
            return np.array(known, np.float64)
    return None


def without_class(states: FoldStates) -> str:
    """Return which fold lacks which class, and what to do; empty where none does, or where that is unknown."""
    rows = class_rows(states)
    if rows is None or rows.all():
        return ""
    split, place = np.argwhere(rows == 0)[0]
    label, splits, held = states.whole.shape.classes[place], len(rows), int(np.count_nonzero(rows[:, place]))
    in_all = _in_all(states, rows, int(place))
    where = f"{in_all} in {counted(held, 'fold')}"
    lacking = f"split {split + 1} of {splits} has no row of the class {label!r} to test on ({where})"
    if in_all.partition(" ")[0].isdecimal() and int(in_all.partition(" ")[0]) < splits:
        return f"{lacking}, fewer rows than there are folds; use fewer folds, merge it with another, or add rows"
    return f"{lacking}; {advice(splits)}"


def advice(splits: int) -> str:
    """Return which folds have each class in every one of them."""
    return (
        f"use folds={{'scheme': 'stratified', 'n_splits': {splits}}}, which deals each class to every fold "
        "(of groups 'stratified_group'), or fewer folds"
    )


def _in_all(states: FoldStates, rows: NDArray[np.float64], place: int) -> str:
    """Return a class's rows in all, in words."""
    total = (states.sample or states).whole.class_rows
    n = float(rows[:, place].sum() if total is None else total[place])
    return f"{n:,.0f} row{'' if n == 1.0 else 's'}" if n.is_integer() else f"a weight of {n:g}"


def size_rows(states: FoldStates, sizes: Sizes | None) -> list[dict[str, object]]:
    """Return one row for each split: what it trains and tests on, groups and classes where they are known."""
    found: list[dict[str, object]] = []
    labels = states.whole.shape.classes
    classes = class_rows(states)
    groups = () if sizes is None else sizes.groups
    for i, (train, test) in enumerate(zip(states.train, states.test, strict=True)):
        row: dict[str, object] = {"split": i + 1, "train_rows": int(train.rows), "test_rows": int(test.rows)}
        if len(groups) == len(states.test):
            row["test_groups"] = int(groups[i])
        if classes is not None:
            row |= {f"test_{label}": classes[i, c].item() for c, label in enumerate(labels)}
        found.append(row)
    return found


def noted_sizes(sizes: FoldSizes | None) -> Sizes | None:
    """Return sizes as a record keeps them."""
    return None if sizes is None else Sizes(sizes.rows, sizes.groups, sizes.classes)


def in_words(
    rows: Sequence[int], groups: Sequence[int] = (), classes: Mapping[str, Sequence[int]] | None = None
) -> str:
    """Return the sizes of folds in a few words.

    Examples
    --------
    >>> in_words([89, 89, 88], (), {"no": [80, 80, 79], "yes": [9, 9, 9]})
    "88 to 89 rows each, the class 'yes' 9"
    """
    text = f"{_range(rows)} row{_s(rows)} each"
    if groups:
        text += f", {_range(groups)} group{_s(groups)}"
    if classes:
        rarest = min(classes, key=lambda label: sum(classes[label]))
        text += f", the class {rarest!r} {_range(classes[rarest])}"
    return text


def _s(counts: Sequence[int]) -> str:
    return "" if max(counts) == 1 else "s"


def _range(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
