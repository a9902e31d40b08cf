"""The pilot: what a pass must know before it starts, learned from a small sample and kept for growing data.

A pilot is stored with the segments it was drawn from. A data set that still has at least half of them takes the
stored pilot, so that the leaves of its old segments continue matching; so does one, such as a window, half of whose
segments have leaves that were made with it. Otherwise a new pilot is drawn, which means a new pass. Numeric data
whose values are not far from zero needs no pilot: its encoder follows from the schema.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from algorithms.batches import Label
from algorithms.brief import briefly
from algorithms.contract import INDICATOR, Shape, Summary
from algorithms.learned import Learned
from hpo.data.dataset import PILOT_SEGMENTS
from hpo.data.encoding.encoder import ColumnEncoder
from hpo.data.encoding.hashed import AUTO, Hashed
from hpo.data.folds.schemes import FoldScheme
from hpo.data.ids import undecided
from hpo.data.look_words import Look
from hpo.data.looks import of_sample
from hpo.data.origins import origins_of
from hpo.data.schema import CATEGORICAL, Field, widest
from hpo.data.segment import spread
from hpo.process.lazily import arrow_compute as pc
from hpo.states.learned.kinds import LEAST_SHARE, PILOT, closest
from state_store import digest
from state_store.blob import Blob

if TYPE_CHECKING:
    from hpo.data.calendar import Calendar
    from hpo.data.dataset import Dataset
    from state_store import StateStore

PILOT_ROWS = 100_000
"""Rows of the sample that categories and time boundaries are learned from."""


NAMED = ("lookup", "segments", "encoder", "folds")
"""What the name of a stored pilot is the digest of."""


@briefly
@dataclass(frozen=True, eq=False)
class Pilot:
    """ColumnEncoder and fold scheme, ready for a pass.

    Attributes
    ----------
    encoder : fitted.
    folds : with whatever it learns from a sample.
    shape : the columns and targets that states are laid out by.
    name : of the stored document, or None where nothing was sampled.
    origin : ``"schema"`` (no sample needed), ``"stored"`` or ``"sampled"``.
    learned : what summaries learned from a sample of encoded rows.
    looks : what columns look like by the sample: ids, free text, constants, groups.
    calendar : the series and their times; None where rows do not follow one another.
    """

    encoder: ColumnEncoder
    folds: FoldScheme
    shape: Shape
    name: str | None
    origin: str
    learned: Mapping[Summary, Learned] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()
    calendar: Calendar | None = None

    @cached_property
    def digest(self) -> str:
        """What of the pilot makes states comparable."""
        order = {} if self.calendar is None else {"order": self.calendar.order.to_dict()}
        return digest({"encoder": self.encoder.to_dict(), "folds": self.folds.to_dict(), **order})

    def knowing(self, known: Mapping[Summary, Learned]) -> Pilot:
        """Return the pilot with what summaries learned beside what is known already."""
        made = replace(self, learned={**self.learned, **known})
        made.__dict__["digest"] = self.digest  # of many columns it takes long
        return made

    def following(self, calendar: Calendar | None) -> Pilot:
        """Return the pilot of rows that follow one another as a calendar has it; as it is where none is given."""
        if calendar is None:
            return self
        return replace(self, calendar=calendar, shape=calendar.order.marked(self.shape))

    def ready(self, summary: Summary) -> Summary:
        """Return the summary as a pass uses it: knowing what it learned."""
        known = self.learned.get(summary)
        return summary if known is None else summary.knowing(known)


Seen = Callable[[Pilot], float]
"""Returns the share of a data set's segments of which there are leaves made with a pilot."""


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
    origins : those of the numbers that are known without reading, by column.
    peeked : the columns for which a few rows give them.
    looked : the columns of which a few rows tell whether they are ids.
    plain : the pilot that follows from the schema, where nothing else is needed.
    """

    columns: tuple[str, ...]
    lookup: str
    stored: str | None
    outdated: bool
    needed: bool
    origins: Mapping[str, float] = field(default_factory=dict)
    peeked: tuple[Field, ...] = ()
    looked: tuple[Field, ...] = ()
    plain: Pilot | None = None


def plan_pilot(
    dataset: Dataset,
    folds: FoldScheme,
    max_categories: int,
    store: StateStore,
    classes: Sequence[Label] | None = (),
    hash_columns: Hashed = None,
    seen: Seen | None = None,
) -> PilotPlan:
    """Return which stored pilot fits the data set, if one does; reads no data.

    ``classes`` are the labels of a target that is a class; None where they are unknown before reading.
    ``hash_columns`` is as :class:`~hpo.data.ColumnEncoder` has it. ``seen`` returns the share of the segments of
    which there are leaves made with a pilot.
    """
    if classes is None:
        return PilotPlan(dataset.targets, "", None, outdated=False, needed=True)
    encoder = ColumnEncoder(max_categories, hash_columns=hash_columns)
    learned = (*encoder.sample_columns(dataset.features), *folds.sample_columns)
    numbers = encoder.numbers(dataset.features)
    origins, peeked = dataset.known_origins(numbers)
    looked = _undecided(dataset, [field for field in numbers if field not in peeked])
    weight = (dataset.weight,) if dataset.weight else ()
    columns = tuple(dict.fromkeys((*learned, *dataset.targets, *weight))) if learned else ()
    lookup = digest(
        {
            "features": [[f.name, f.kind, f.dtype] for f in dataset.features],
            "targets": [[f.name, f.dtype] for f in dataset.target_fields],
            "weight": dataset.weight,
            "max_categories": max_categories,
            "folds": folds.to_dict(),
            **({"classes": list(classes)} if classes else {}),
            **({"hash_columns": _asked(hash_columns)} if hash_columns else {}),
        }
    )
    plain = None if learned else _of_schema(dataset, folds, encoder, classes)
    none = PilotPlan((), lookup, None, outdated=False, needed=False, plain=plain)
    needed = plain is None or bool(origins or peeked or looked)
    share = seen if seen is not None and not folds.sample_columns else _none_seen
    of_plain = 0.0 if plain is None or seen is None else share(plain)
    if plain is not None and not needed and (seen is None or of_plain >= LEAST_SHARE):
        return none
    known = [d for d in PILOT.all(store) if d.about.get("lookup") == lookup]
    near = closest(known, dataset)
    if plain is not None or known != [near]:  # there is a choice
        pilots = {d.name: load_pilot(store, d.name, folds, dataset) for d in known}
        shares = {name: 0.0 if pilot is None else share(pilot) for name, pilot in pilots.items()}
        most = max(known, key=lambda d: (shares[d.name], d is near), default=None)
        if plain is not None and of_plain >= LEAST_SHARE and of_plain > max([0.0, *shares.values()]):
            return none
        if most is not None and shares[most.name] >= LEAST_SHARE:
            near = most
    if not needed and near is None:
        return none
    stored = near.name if near else None
    outdated = bool(known) and near is None
    return PilotPlan(columns, lookup, stored, outdated, needed=True, origins=origins, peeked=peeked, looked=looked)


def _none_seen(_: Pilot) -> float:
    """Return that there are no leaves: folds that are cut by a sample are cut anew where it is another."""
    return 0.0


def make_pilot(
    dataset: Dataset,
    folds: FoldScheme,
    max_categories: int,
    store: StateStore,
    seed: int = 0,
    classes: Sequence[Label] = (),
    hash_columns: Hashed = None,
    seen: Seen | None = None,
) -> Pilot:
    """Return the pilot of a data set: from the schema, from the store, or from a new sample that is stored.

    ``classes`` are the labels of a target that is a class; ``hash_columns`` as in :class:`~hpo.data.ColumnEncoder`.
    ``seen`` returns the share of the segments of which there are leaves made with a pilot; these continue with it.

    Raises
    ------
    DataError
        If the sample cannot be read.
    """
    plan = plan_pilot(dataset, folds, max_categories, store, classes, hash_columns, seen)
    unfitted = ColumnEncoder(max_categories, hash_columns=hash_columns)
    if not plan.needed:
        return plan.plain or _of_schema(dataset, folds, unfitted, classes)
    if plan.stored is not None:
        found = load_pilot(store, plan.stored, folds, dataset)
        if found is not None:
            return found
    table, drawn = None, spread(dataset.segments, PILOT_SEGMENTS)
    if plan.columns:
        table, drawn = dataset.sample(plan.columns, PILOT_ROWS, seed)
        table = _counting(dataset, table)
        folds = folds.fit(table) if folds.sample_columns else folds
    few = (*plan.peeked, *plan.looked)
    peeked = dataset.peek(few)
    origins = {**plan.origins, **origins_of(plan.peeked, peeked)}
    encoder = _fitted(unfitted, dataset, table, classes, origins)
    looks = (*_looks(dataset, table), *of_sample(few, peeked, _rows(dataset)))
    about = {
        "lookup": plan.lookup,
        "segments": [segment.fingerprint for segment in drawn],
        "encoder": encoder.to_dict(),
        "folds": folds.to_dict(),
    }
    name = digest(about)
    PILOT.put(store, name, {**about, "looks": [asdict(look) for look in looks]})
    return replace(_pilot(dataset, folds, encoder, name, "sampled"), looks=looks)


def _undecided(dataset: Dataset, numbers: Sequence[Field]) -> tuple[Field, ...]:
    """Return the columns of files of which a few rows tell whether they are ids."""
    extents = None if dataset.in_memory or dataset.rows is None else dataset.extents(numbers)
    return undecided(numbers, extents, dataset.rows or 0) if extents else ()


def _looks(dataset: Dataset, sample: pa.Table | None) -> list[Look]:
    """Return what columns of text look like by the sample."""
    if sample is None:
        return []
    columns = dict(zip(sample.column_names, sample.columns, strict=True))
    rows = sample.num_rows if sample.num_rows < PILOT_ROWS else _rows(dataset)
    return of_sample([f for f in dataset.features if f.kind == CATEGORICAL], columns, rows)


def _rows(dataset: Dataset) -> float:
    """Return the rows of a data set; infinity where only reading tells."""
    opened = [s.opened if s.rows is None else s.rows for s in dataset.segments]
    known = [rows for rows in opened if rows is not None]
    return sum(known) if len(known) == len(opened) else math.inf


def _counting(dataset: Dataset, table: pa.Table) -> pa.Table:
    """Return the rows of a sample that count: those with every target and a positive weight."""
    for target in dataset.targets:
        table = table.filter(pc.invert(pc.is_null(table.column(target), nan_is_null=True)))
    if dataset.weight is not None:
        table = table.filter(pc.greater(table.column(dataset.weight).cast(pa.float64()), 0.0))
    return table


def load_pilot(store: StateStore, name: str, folds: FoldScheme, dataset: Dataset) -> Pilot | None:
    """Return a stored pilot, or None if it is missing, damaged, or the document of that name is not a pilot."""

    def make(document: Blob) -> Pilot:
        about = document.about
        if digest({key: about[key] for key in NAMED}) != name:
            raise ValueError("its name is that of another content")
        encoder = ColumnEncoder.from_dict(about["encoder"])
        known = folds.restored(about["folds"]) if folds.sample_columns else folds
        found = _pilot(dataset, known, encoder, name, "stored")
        return replace(found, looks=tuple(Look(**look) for look in about.get("looks", ())))

    return PILOT.made(store, name, make)


def shape_of(encoder: ColumnEncoder, targets: Sequence[str]) -> Shape:
    """Return the shape of what an encoder makes of rows."""
    return Shape(encoder.columns_, tuple(targets), encoder.classes_, encoder.dtype_.name)


def shape_of_data(encoder: ColumnEncoder, dataset: Dataset) -> Shape:
    """Return the shape of what an encoder makes of a data set's rows, with how many there are and how large."""
    shape, stored = shape_of(encoder, dataset.targets), dataset.stored_numbers
    share = 1.0 if stored is None else min(1.0, stored / max(1, shape.d))
    whole = {field.name for field in dataset.features if not field.nullable}
    filled = sum(not (column.role == INDICATOR and column.source in whole) for column in shape.columns)
    return replace(shape, stored=share, rows=dataset.rows, number=widest(dataset.features), filled=filled)


def _asked(hash_columns: Hashed) -> object:
    return hash_columns if hash_columns == AUTO else sorted(hash_columns or ())


def _fitted(
    encoder: ColumnEncoder,
    dataset: Dataset,
    sample: pa.Table | None,
    classes: Sequence[Label],
    origins: Mapping[str, float],
) -> ColumnEncoder:
    weight = dataset.weight if sample is not None else None
    return encoder.fit_fields(dataset.features, sample, dataset.target_fields, weight, classes, origins)


def _of_schema(
    dataset: Dataset, folds: FoldScheme, encoder: ColumnEncoder, classes: Sequence[Label]
) -> Pilot:
    """Return the pilot of data whose encoder follows from the schema."""
    return _pilot(dataset, folds, _fitted(encoder, dataset, None, classes, {}), None, "schema")


def _pilot(dataset: Dataset, folds: FoldScheme, encoder: ColumnEncoder, name: str | None, origin: str) -> Pilot:
    return Pilot(encoder, folds, shape_of_data(encoder, dataset), name, origin)
