"""The labels of a target that is a class, and how many rows each has: counted once, remembered for each segment."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from algorithms.batches import Label
from hpo.data.dataset import check_classes
from hpo.errors import DataError, DataWarning
from hpo.states.learned.kinds import LABELS
from state_store import StateStore, digest
from state_store.blob import Blob

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
    target = dataset.targets[0]
    found: set[Label] = set()
    for segment in dataset.segments:
        found.update(label_rows(dataset, segment, store))
        check_classes(target, found, MOST)
    return _checked(target, found)


def known_classes(dataset: Dataset, store: StateStore) -> tuple[Label, ...] | None:
    """Return the labels of the target, or None where they are unknown before reading."""
    target = dataset.targets[0]
    found: set[Label] = set()
    for segment in dataset.segments:
        labels = known_label_rows(dataset, segment, store)
        if labels is None:
            return None
        found.update(labels)
    return _checked(target, found)


def label_rows(dataset: Dataset, segment: Segment, store: StateStore) -> dict[Label, int]:
    """Return the rows of each label of a segment; reads them where they are not known yet."""
    known = known_label_rows(dataset, segment, store)
    if known is None:
        known = dataset.label_rows(segment, dataset.targets[0], MOST)
        _keep(dataset, segment, known, store)
    return known


def known_label_rows(dataset: Dataset, segment: Segment, store: StateStore) -> dict[Label, int] | None:
    """Return the rows of each label of a segment, or None where they are unknown before reading."""
    return LABELS.made(store, _name(dataset, segment), _rows_of_labels)


def _rows_of_labels(document: Blob) -> dict[Label, int]:
    labels, rows = document.about["labels"], document.about["rows"]
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
            f"target {target!r} holds whole numbers beyond 2**53 as float64, which cannot tell neighbours apart; "
            "give them as integers or text where they are made",
            DataWarning,
            stacklevel=3,
        )
    if isinstance(numbers[-1], int) and numbers[-1] >= 2**63 and numbers[0] < 0:
        raise DataError(
            f"target {target!r} holds whole numbers from {numbers[0]} to {numbers[-1]}, more than 64 bits hold; "
            "give them as text"
        )


def _name(dataset: Dataset, segment: Segment) -> str:
    """Return the name of what is known of a segment's labels; that of categories has the type of their values."""
    target = dataset.targets[0]
    field, labels = dataset.schema[target], dataset.labels_field(target)
    weight = [["weight", dataset.weight]] if dataset.weight else []
    return digest([segment.fingerprint, target, *([] if labels == field else [labels.dtype]), *weight])


def _keep(dataset: Dataset, segment: Segment, found: dict[Label, int], store: StateStore) -> None:
    about = {
        "segment": segment.fingerprint, "target": dataset.targets[0], "labels": list(found),
        "rows": list(found.values()),
    }  # fmt: skip
    LABELS.put(store, _name(dataset, segment), about)
