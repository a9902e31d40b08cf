"""The labels of a target that is a class, and how many rows each has: counted once, remembered for each segment."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from algorithms.batches import Label
from hpo.data.dataset import check_classes
from hpo.errors import DataError, DataWarning
from hpo.states.learned.kinds import LABELS
from hpo.states.learned.notes import Notes
from state_store import StateStore, digest, digests

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.segment import Segment

MOST = 10_000


def classes_of(dataset: Dataset, store: StateStore) -> tuple[Label, ...]:
    """Return the labels of the target, sorted; reads the target of segments whose labels are not known yet.

    A new label in new data is found, so no row is ever left out for its class; it means a new pass, since
    every state is laid out by the classes.

    Raises
    ------
    DataError
        For fewer than two labels, more than ``MOST``, or numbers that are not whole.
    """
    return _checked(dataset.targets[0], set().union(*label_rows(dataset, store)))


def known_classes(dataset: Dataset, store: StateStore) -> tuple[Label, ...] | None:
    """Return the labels of the target, or None where they are unknown before reading."""
    found = known_label_rows(dataset, store)
    return None if found is None else _checked(dataset.targets[0], set().union(*found))


def label_rows(dataset: Dataset, store: StateStore) -> list[Mapping[Label, int]]:
    """Return the rows of each label of every segment; reads them where they are not known yet."""
    target, notes, names = dataset.targets[0], _notes(dataset, store), _names(dataset)
    known: dict[str, Mapping[Label, int]] = {**notes.recall(names, _rows_of_labels)}
    new: dict[str, Mapping[str, object]] = {}
    found: set[Label] = set()
    try:
        for segment, name in zip(dataset.segments, names, strict=True):
            if name not in known:
                rows = dataset.label_rows(segment, target, MOST)
                known[name], new[name] = rows, _about(dataset, segment, rows)
            found.update(known[name])
            check_classes(target, found, MOST)
    finally:
        if new:
            notes.keep(new)
    return [known[name] for name in names]


def known_label_rows(dataset: Dataset, store: StateStore) -> list[Mapping[Label, int]] | None:
    """Return the rows of each label of every segment, or None where some are unknown before reading."""
    names = _names(dataset)
    known = _notes(dataset, store).recall(names, _rows_of_labels)
    return [known[name] for name in names] if known.keys() >= {*names} else None


def _notes(dataset: Dataset, store: StateStore) -> Notes:
    return Notes(store, LABELS, digest(["labels", *_asked(dataset)]))


def _rows_of_labels(about: Mapping[str, Any]) -> dict[Label, int]:
    labels, rows = about["labels"], about["rows"]
    if not all(isinstance(one, str | int | float) for one in labels) or not all(isinstance(n, int) for n in rows):
        raise ValueError("labels are text or numbers, and rows whole numbers")
    return dict(zip(labels, rows, strict=True))


def _checked(target: str, found: set[Label]) -> tuple[Label, ...]:
    if len({isinstance(value, str) for value in found}) > 1:
        raise DataError(
            f"target {target!r} holds text in one file and numbers in another; rewrite one of them, so that equal "
            "classes are equal values"
        )
    labels = sorted(found)
    broken = [value for value in labels if isinstance(value, float) and not value.is_integer()]
    if broken:
        raise DataError(
            f"target {target!r} holds {broken[0]!r}, and classes are text, whole numbers or booleans; tune a "
            "regression, or cut the target into classes first"
        )
    if len(labels) < 2:
        held = f"is {labels[0]!r} wherever it has a value" if labels else "has no value"
        raise DataError(
            f"target {target!r} {held}: there are no two classes to distinguish; check the target's name and the "
            "filter on the rows"
        )
    _check_digits(target, labels)
    return tuple(labels)


def _check_digits(target: str, labels: list[Label]) -> None:
    """Warn of whole numbers that float64 may have merged; refuse those that 64 bits do not hold."""
    numbers = [label for label in labels if not isinstance(label, str)]
    if not numbers:
        return
    if isinstance(numbers[-1], float) and max(map(abs, numbers)) >= 2**53:
        warnings.warn(
            f"target {target!r} holds whole numbers beyond 2**53 as float64, which cannot distinguish neighbouring "
            "numbers; give them as integers or text where they are made",
            DataWarning,
            stacklevel=3,
        )
    if isinstance(numbers[-1], int) and numbers[-1] >= 2**63 and numbers[0] < 0:
        raise DataError(
            f"target {target!r} holds whole numbers from {numbers[0]} to {numbers[-1]}, more than 64 bits hold; "
            "give them as text"
        )


def _asked(dataset: Dataset) -> list[object]:
    """Return what labels depend on beside their segment; those of categories on the type of their values."""
    target = dataset.targets[0]
    field, labels = dataset.schema[target], dataset.labels_field(target)
    weight = [["weight", dataset.weight]] if dataset.weight else []
    return [target, *([] if labels == field else [labels.dtype]), *weight]


def _names(dataset: Dataset) -> list[str]:
    """Return the names of what is known of the labels of each segment."""
    asked = _asked(dataset)
    return digests([], ([segment.fingerprint, *asked] for segment in dataset.segments))


def _about(dataset: Dataset, segment: Segment, found: Mapping[Label, int]) -> dict[str, object]:
    return {
        "segment": segment.fingerprint, "target": dataset.targets[0], "labels": list(found),
        "rows": list(found.values()),
    }  # fmt: skip
