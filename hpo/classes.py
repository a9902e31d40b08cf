"""The labels of a target that is a class: learned from every row, remembered for each segment."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from hpo.data.dataset import check_classes
from hpo.errors import DataError, StoreWarning
from state_store import StateStore, StoreWriteError, digest

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.segment import Segment

KIND = "labels"
MOST = 10_000


def classes_of(dataset: Dataset, store: StateStore) -> tuple[Any, ...]:
    """Return the labels of the target, sorted; reads the target of segments whose labels are not known yet.

    A new label in new data is found, so no row is ever left out for its class; it means a new pass, since
    every state is laid out by the classes.

    Raises
    ------
    DataError
        For fewer than two labels, more than ``MOST``, or numbers that are not whole.
    """
    target, found = dataset.targets[0], set()
    for segment in dataset.segments:
        name = _name(dataset, segment)
        known = _stored(name, store)
        labels = dataset.distinct(segment, target, MOST) if known is None else known
        if known is None:
            _keep(name, segment, target, labels, store)
        found.update(labels)
        check_classes(target, found, MOST)
    return _checked(target, found)


def known_classes(dataset: Dataset, store: StateStore) -> tuple[Any, ...] | None:
    """Return the labels of the target, or None where only reading would tell."""
    target, found = dataset.targets[0], set()
    for segment in dataset.segments:
        labels = _stored(_name(dataset, segment), store)
        if labels is None:
            return None
        found.update(labels)
    return _checked(target, found)


def _checked(target: str, found: set[Any]) -> tuple[Any, ...]:
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
            f"target {target!r} {held}: there are no two classes to tell apart; check the target's name and the "
            "filter on the rows"
        )
    return tuple(labels)


def _name(dataset: Dataset, segment: Segment) -> str:
    """Return the name of what is known of a segment's labels; that of categories has the type of their values."""
    target = dataset.targets[0]
    field, labels = dataset.schema[target], dataset.labels_field(target)
    return digest([segment.fingerprint, target, *([] if labels == field else [labels.dtype])])


def _stored(name: str, store: StateStore) -> list[Any] | None:
    document = store.get_document(KIND, name)
    labels = None if document is None else document.about.get("labels")
    return labels if isinstance(labels, list) else None


def _keep(name: str, segment: Segment, target: str, labels: list[Any], store: StateStore) -> None:
    about = {"segment": segment.fingerprint, "target": target, "labels": labels}
    try:
        store.put_document(KIND, name, {}, about)
    except StoreWriteError as error:
        warnings.warn(f"the labels of a target could not be kept: {error}", StoreWarning, stacklevel=2)
