"""The pilot: what a pass must know before it starts, learned from a small sample and kept for growing data.

A pilot is stored with the segments it was drawn from. A data set that still has all of them takes the stored
pilot, so that the leaves of its old segments go on matching; otherwise a new pilot is drawn, which means a
new pass. Purely numeric data needs no pilot: its encoder follows from the schema.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from algorithms.base import Shape
from hpo.data.encoder import Encoder
from hpo.data.folds import FoldScheme
from hpo.errors import StoreWarning
from state_store import StoreWriteError, digest

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from state_store import StateStore

PILOT_ROWS = 100_000
"""Rows of the sample that categories and time boundaries are learned from."""

KIND = "pilots"


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
    """

    encoder: Encoder
    folds: FoldScheme
    shape: Shape
    name: str | None
    origin: str

    @property
    def digest(self) -> str:
        """What of the pilot makes states comparable."""
        return digest({"encoder": self.encoder.to_dict(), "folds": self.folds.to_dict()})


@dataclass(frozen=True)
class PilotPlan:
    """Whether a pilot must be drawn, known before it is.

    Attributes
    ----------
    columns : what a sample would read; empty when nothing needs one.
    lookup : what a stored pilot must have been made for.
    stored : its document's name, or None.
    outdated : whether pilots of the same question exist, but segments they were drawn from are gone.
    """

    columns: tuple[str, ...]
    lookup: str
    stored: str | None
    outdated: bool


def plan_pilot(dataset: Dataset, folds: FoldScheme, max_categories: int, store: StateStore) -> PilotPlan:
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
        }
    )
    if not columns:
        return PilotPlan((), lookup, None, outdated=False)
    present = {segment.fingerprint for segment in dataset.segments}
    known = [d for d in store.documents(KIND) if d.about.get("lookup") == lookup]
    fitting = [d for d in known if set(d.about.get("segments", [""])) <= present]
    stored = fitting[0].name if fitting else None
    return PilotPlan(columns, lookup, stored, outdated=bool(known) and not fitting)


def make_pilot(
    dataset: Dataset, folds: FoldScheme, max_categories: int, store: StateStore, seed: int = 0
) -> Pilot:
    """Return the pilot of a data set: from the schema, from the store, or from a new sample that is stored.

    Raises
    ------
    DataError
        If the sample cannot be read.
    """
    plan = plan_pilot(dataset, folds, max_categories, store)
    if not plan.columns:
        return _pilot(dataset, folds, _fitted(dataset, max_categories, None), None, "schema")
    if plan.stored is not None:
        found = load_pilot(store, plan.stored, folds, dataset.targets)
        if found is not None:
            return found
    table, drawn = dataset.sample(plan.columns, PILOT_ROWS, seed)
    if dataset.weight is not None:
        table = table.filter(pc.greater(table.column(dataset.weight).cast(pa.float64()), 0.0))
    folds = folds.fit(table) if folds.sample_columns else folds
    encoder = _fitted(dataset, max_categories, table)
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


def load_pilot(store: StateStore, name: str, folds: FoldScheme, targets: tuple[str, ...]) -> Pilot | None:
    """Return a stored pilot, or None if it is gone or damaged."""
    document = store.get_document(KIND, name)
    if document is None:
        return None
    encoder = Encoder.from_dict(document.about["encoder"])
    if folds.sample_columns:
        folds = folds.restored(document.about["folds"])
    return Pilot(encoder, folds, Shape(encoder.columns_, targets), name, "stored")


def _fitted(dataset: Dataset, max_categories: int, sample: pa.Table | None) -> Encoder:
    weight = dataset.weight if sample is not None else None
    return Encoder(max_categories).fit_fields(dataset.features, sample, dataset.target_fields, weight)


def _pilot(dataset: Dataset, folds: FoldScheme, encoder: Encoder, name: str | None, origin: str) -> Pilot:
    return Pilot(encoder, folds, Shape(encoder.columns_, dataset.targets), name, origin)
