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
        known = _stored(segment, target, store)
        labels = dataset.distinct(segment, target, MOST) if known is None else known
        if known is None:
            _keep(segment, target, labels, store)
        found.update(labels)
        check_classes(target, found, MOST)
    return _checked(target, sorted(found))


def known_classes(dataset: Dataset, store: StateStore) -> tuple[Any, ...] | None:
    """Return the labels of the target, or None where only reading would tell."""
    target, found = dataset.targets[0], set()
    for segment in dataset.segments:
        labels = _stored(segment, target, store)
        if labels is None:
            return None
        found.update(labels)
    return _checked(target, sorted(found))


def _checked(target: str, labels: list[Any]) -> tuple[Any, ...]:
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


def _name(segment: Segment, target: str) -> str:
    return digest([segment.fingerprint, target])


def _stored(segment: Segment, target: str, store: StateStore) -> list[Any] | None:
    document = store.get_document(KIND, _name(segment, target))
    labels = None if document is None else document.about.get("labels")
    return labels if isinstance(labels, list) else None


def _keep(segment: Segment, target: str, labels: list[Any], store: StateStore) -> None:
    about = {"segment": segment.fingerprint, "target": target, "labels": labels}
    try:
        store.put_document(KIND, _name(segment, target), {}, about)
    except StoreWriteError as error:
        warnings.warn(f"the labels of a target could not be kept: {error}", StoreWarning, stacklevel=2)
