"""The pilot: what a pass must know before it starts, learned from a small sample and kept for growing data.

A pilot is stored with the segments it was drawn from. A data set that still has all of them takes the stored
pilot, so that the leaves of its old segments go on matching; otherwise a new pilot is drawn, which means a
new pass. Purely numeric data needs no pilot: its encoder follows from the schema.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from algorithms.base import Learning, Shape, Summary
from algorithms.known import Known
from hpo.data.dataset import PILOT_SEGMENTS, spread
from hpo.data.encoder import Encoder
from hpo.data.folds import FoldScheme
from hpo.errors import DataError, StoreWarning
from state_store import StoreWriteError, digest

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.segment import Segment
    from state_store import StateStore

PILOT_ROWS = 100_000
"""Rows of the sample that categories and time boundaries are learned from."""

KIND = "pilots"

MOST_CLASSES = 10_000


@dataclass(frozen=True, eq=False)
class Pilot:
    """Encoder and fold scheme, ready for a pass.

    Attributes
    ----------
    encoder : fitted.
    folds : with whatever it learns from a sample.
    shape : the columns and targets that states are laid out by.
    name : of the stored document, or None where nothing was sampled.
    origin : ``"schema"`` (no sample needed), ``"stored"`` or ``"sampled"``.
    known : what summaries learned from a sample of encoded rows.
    """

    encoder: Encoder
    folds: FoldScheme
    shape: Shape
    name: str | None
    origin: str
    known: Mapping[Summary[Any], Known] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What of the pilot makes states comparable."""
        return digest({"encoder": self.encoder.to_dict(), "folds": self.folds.to_dict()})

    def ready(self, summary: Summary[Any]) -> Summary[Any]:
        """Return the summary as a pass uses it: knowing what it learned."""
        known = self.known.get(summary)
        if known is None:
            return summary
        made: Summary[Any] = cast("Learning", summary).knowing(known)
        return made


@dataclass(frozen=True)
class PilotPlan:
    """Whether a pilot must be drawn, known before it is.

    Attributes
    ----------
    columns : what a sample would read; empty when nothing needs one.
    lookup : what a stored pilot must have been made for.
    stored : its document's name, or None.
    outdated : whether pilots of the same question exist, but segments they were drawn from are gone.
    needed : whether anything must be looked up: a sample, or the classes of the target.
    """

    columns: tuple[str, ...]
    lookup: str
    stored: str | None
    outdated: bool
    needed: bool


def plan_pilot(
    dataset: Dataset, folds: FoldScheme, max_categories: int, store: StateStore, *, classify: bool = False
) -> PilotPlan:
    """Return which stored pilot fits the data set, if one does; reads no data."""
    learned = (*Encoder.sample_columns(dataset.features), *folds.sample_columns)
    weight = (dataset.weight,) if learned and dataset.weight else ()
    columns = tuple(dict.fromkeys((*learned, *weight)))
    lookup = digest(
        {
            "features": [[f.name, f.kind, f.dtype] for f in dataset.features],
            "targets": [[f.name, f.dtype] for f in dataset.target_fields],
            "weight": dataset.weight,
            "max_categories": max_categories,
            "folds": folds.to_dict(),
            **({"classify": True} if classify else {}),
        }
    )
    if not columns and not classify:
        return PilotPlan((), lookup, None, outdated=False, needed=False)
    present = {segment.fingerprint for segment in dataset.segments}
    known = [d for d in store.documents(KIND) if d.about.get("lookup") == lookup]
    fitting = [d for d in known if set(d.about.get("segments", [""])) <= present]
    stored = fitting[0].name if fitting else None
    return PilotPlan(columns, lookup, stored, outdated=bool(known) and not fitting, needed=True)


def make_pilot(
    dataset: Dataset,
    folds: FoldScheme,
    max_categories: int,
    store: StateStore,
    seed: int = 0,
    *,
    classify: bool = False,
) -> Pilot:
    """Return the pilot of a data set: from the schema, from the store, or from a new sample that is stored.

    With ``classify`` the target's labels are learned too, from every row, so that none is missed.

    Raises
    ------
    DataError
        If the sample cannot be read, or the target's values make no classes.
    """
    plan = plan_pilot(dataset, folds, max_categories, store, classify=classify)
    if not plan.needed:
        return _pilot(dataset, folds, _fitted(dataset, max_categories, None), None, "schema")
    if plan.stored is not None:
        found = load_pilot(store, plan.stored, folds, dataset.targets)
        if found is not None:
            return found
    classes = classes_of(dataset) if classify else ()
    table, drawn = _sample(dataset, plan.columns, seed)
    folds = folds.fit(table) if folds.sample_columns else folds
    encoder = _fitted(dataset, max_categories, table, classes)
    about = {
        "lookup": plan.lookup,
        "segments": [segment.fingerprint for segment in drawn],
        "encoder": encoder.to_dict(),
        "folds": folds.to_dict(),
    }
    name = digest(about)
    try:
        store.put_document(KIND, name, {}, about)
    except StoreWriteError as error:
        warnings.warn(f"the pilot could not be kept: {error}", StoreWarning, stacklevel=2)
    return _pilot(dataset, folds, encoder, name, "sampled")


def classes_of(dataset: Dataset) -> tuple[Any, ...]:
    """Return the labels of the target, sorted.

    Raises
    ------
    DataError
        For fewer than two, more than ``MOST_CLASSES``, or numbers that are not whole.
    """
    target = dataset.targets[0]
    found = dataset.distinct(target, MOST_CLASSES)
    broken = [value for value in found if isinstance(value, float) and not value.is_integer()]
    if broken:
        raise DataError(
            f"target {target!r} holds {broken[0]!r}, and classes are text, whole numbers or booleans; tune a "
            "regression, or cut the target into classes first"
        )
    if len(found) < 2:
        held = f"is {found[0]!r} wherever it has a value" if found else "has no value"
        raise DataError(
            f"target {target!r} {held}: there are no two classes to tell apart; check the target's name and the "
            "filter on the rows"
        )
    return tuple(found)


def _sample(dataset: Dataset, columns: tuple[str, ...], seed: int) -> tuple[pa.Table, tuple[Segment, ...]]:
    if not columns:
        return pa.table({}), spread(dataset.segments, PILOT_SEGMENTS)
    table, drawn = dataset.sample(columns, PILOT_ROWS, seed)
    if dataset.weight is not None:
        table = table.filter(pc.greater(table.column(dataset.weight).cast(pa.float64()), 0.0))
    return table, drawn


def load_pilot(store: StateStore, name: str, folds: FoldScheme, targets: tuple[str, ...]) -> Pilot | None:
    """Return a stored pilot, or None if it is gone or damaged."""
    document = store.get_document(KIND, name)
    if document is None:
        return None
    encoder = Encoder.from_dict(document.about["encoder"])
    if folds.sample_columns:
        folds = folds.restored(document.about["folds"])
    return Pilot(encoder, folds, shape_of(encoder, targets), name, "stored")


def shape_of(encoder: Encoder, targets: Sequence[str]) -> Shape:
    """Return the shape of what an encoder makes of rows."""
    return Shape(encoder.columns_, tuple(targets), encoder.classes_, encoder.dtype_.name)


def _fitted(
    dataset: Dataset, max_categories: int, sample: pa.Table | None, classes: Sequence[Any] = ()
) -> Encoder:
    weight = dataset.weight if sample is not None and sample.num_columns else None
    encoder = Encoder(max_categories)
    return encoder.fit_fields(dataset.features, sample, dataset.target_fields, weight, classes)


def _pilot(dataset: Dataset, folds: FoldScheme, encoder: Encoder, name: str | None, origin: str) -> Pilot:
    return Pilot(encoder, folds, shape_of(encoder, dataset.targets), name, origin)
