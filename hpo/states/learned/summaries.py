"""What summaries must know before their pass, learned from a sample of encoded rows and kept for growing data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from algorithms.batches import Label
from algorithms.contract import Batch, Shape, SparseBatch, Summary
from algorithms.learned import Learned
from hpo.data.dataset import PILOT_SCAN
from hpo.states.learned.kinds import LEAST_SHARE, SUMMARY, fits
from hpo.states.learned.labels import known_label_rows
from hpo.states.learned.seen import context_knowing, share_seen
from hpo.states.summaries import fields_of_summary
from state_store import StateStore, digest

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.segment import Segment
    from hpo.states.learned.pilot import Pilot
    from state_store.entry import Document

ROWS = 50_000
"""Rows of the sample that summaries learn from."""

ALIKE = 100
"""Sets of data of which a document says that the same was learned of them, beside the last."""

MOST_BYTES = 1 << 29
"""Bytes that they may take when dense."""


def with_learned(
    pilot: Pilot, dataset: Dataset, summaries: Iterable[Summary], store: StateStore, seed: int
) -> Pilot:
    """Return the pilot with what each summary must know: from the store, or learned from a new sample.

    What was learned from segments that the data still has is taken as it is, so that growing data keeps
    matching its old leaves; first what was learned again, since the sample had misled (:mod:`hpo.states.reading`).

    Raises
    ------
    DataError
        If the sample cannot be read.
    """
    pilot = with_stored(pilot, dataset, summaries, store)
    missing = {s: s.learning for s in summaries if s.learning is not None and s not in pilot.learned}
    if not missing:
        return pilot
    shape = _counted(pilot.shape, dataset, store)
    asked = {s: able for s, able in missing.items() if able.needs(shape)}
    learned, drawn = {s: Learned({}) for s in missing}, tuple(dataset.segments)
    if asked:
        enough = [PILOT_SCAN if able.scanned is None else able.scanned for able in asked.values()]
        sample, segments = _sampled(pilot, dataset, seed, max(enough))
        drawn = tuple(segments)
        learned |= {s: able.learn(pilot.shape, _as_taken(s, sample)) for s, able in asked.items()}
    for summary, known in learned.items():
        _put(store, known, _about(summary, pilot, dataset, drawn if summary in asked else dataset.segments))
    return pilot.knowing(learned)


def _counted(shape: Shape, dataset: Dataset, store: StateStore) -> Shape:
    """Return the shape with the rows of each class, where these are counted already and have no weights."""
    if not shape.classes or dataset.weight:
        return shape
    found: Counter[Label] = Counter()
    for rows in known_label_rows(dataset, store) or ():
        found.update(rows)
    return replace(shape, class_rows=tuple(found[label] for label in shape.classes) if found else ())


def _put(store: StateStore, known: Learned, about: Mapping[str, object]) -> None:
    """Keep what was learned under its digest, and of what else the same was: most often nothing at all."""
    before = SUMMARY.get(store, known.digest)
    own = _learned_of(about)
    others = [] if before is None else [one for one in _learned_of(before.about) if one not in own]
    SUMMARY.put(store, known.digest, {**about, "others": others[:ALIKE]}, known.arrays)


def _learned_of(about: Mapping[str, object]) -> list[dict[str, object]]:
    """Return of which lookups and segments a document was learned."""
    others = about.get("others", [])
    found = [about, *(others if isinstance(others, list) else [])]
    return [
        {"lookup": one["lookup"], "segments": one["segments"]} for one in found
        if isinstance(one, Mapping) and isinstance(one.get("lookup"), str) and _are_names(one.get("segments"))
    ]  # fmt: skip


def _are_names(segments: object) -> bool:
    return isinstance(segments, list) and all(isinstance(one, str) for one in segments)


@dataclass(frozen=True, eq=False)
class Relearned:
    """What a summary learned again, of the state of every row.

    Attributes
    ----------
    learned : what the next pass must know.
    rounds : how often it has been learned again of the same data.
    """

    learned: Learned
    rounds: int


def keep(summary: Summary, learned: Relearned, pilot: Pilot, dataset: Dataset, store: StateStore) -> None:
    """Keep what was learned again; data that still has all these segments prefers it to what a sample gave."""
    about = _about(summary, pilot, dataset, dataset.segments)
    SUMMARY.put(store, learned.learned.digest, {**about, "rounds": learned.rounds}, learned.learned.arrays)


def keep_finer(
    summary: Summary, known: Learned, pilot: Pilot, dataset: Dataset, store: StateStore
) -> None:
    """Keep what makes states of more digits; data that still has all these segments begins with it."""
    about = _about(summary, pilot, dataset, dataset.segments)
    _put(store, known, {**about, "finer": True})


def learned_of(store: StateStore, known: Learned, dataset: Dataset) -> int:
    """Return how often something was learned again of just the segments that the data has."""
    document = SUMMARY.get(store, known.digest)
    drawn = None if document is None else document.about.get("segments")
    if document is None or not isinstance(drawn, list) or set(drawn) != {s.fingerprint for s in dataset.segments}:
        return 0
    return _rounds(document.about)


def sampled(summary: Summary, pilot: Pilot, dataset: Dataset, seed: int) -> Batch:
    """Return sampled rows as a summary learns from them.

    Raises
    ------
    DataError
        If the sample cannot be read.
    """
    return _as_taken(summary, _sampled(pilot, dataset, seed)[0])


def _about(
    summary: Summary, pilot: Pilot, dataset: Dataset, segments: Sequence[Segment]
) -> dict[str, object]:
    return {
        "lookup": lookup_of(summary, pilot, dataset.targets, dataset.weight),
        "segments": [segment.fingerprint for segment in segments],
    }


def with_stored(
    pilot: Pilot, dataset: Dataset, summaries: Iterable[Summary], store: StateStore
) -> Pilot:
    """Return the pilot with what the store knows for these summaries; reads no data."""
    able = _learning(summaries)
    wanted = {lookup_of(s, pilot, dataset.targets, dataset.weight): s for s in able}
    if not wanted:
        return pilot
    present = {segment.fingerprint for segment in dataset.segments}
    found: dict[Summary, Learned] = {}
    for document in sorted(SUMMARY.all(store), key=_learned_last, reverse=True):
        for one in _learned_of(document.about):
            summary = wanted.get(str(one["lookup"]))
            if summary is None or summary in found:
                continue
            context = context_knowing(document.name, summary, pilot, dataset.targets, dataset.weight)
            if not fits(one, present) and share_seen([context], pilot, dataset, store) < LEAST_SHARE:
                continue
            known = load_learned(store, document.name)
            if known is not None:
                found[summary] = known
    return pilot.knowing(found)


def _rounds(about: Mapping[str, object]) -> int:
    rounds = about.get("rounds", 0)
    return rounds if isinstance(rounds, int) else 0


def _learned_last(document: Document) -> tuple[bool, int, int]:
    """Return a rank: what a sample gave is 0, above it what was learned of most rows last, then the finer."""
    rounds, finer = _rounds(document.about), bool(document.about.get("finer"))
    return (finer, len(document.about["segments"]), rounds) if rounds or finer else (False, 0, 0)


def load_learned(store: StateStore, name: str) -> Learned | None:
    """Return what a stored document knows, or None if it is gone or damaged."""
    document = SUMMARY.get(store, name)
    if document is None:
        return None
    known = Learned(document.arrays)
    return known if known.digest == name else None


def lookup_of(summary: Summary, pilot: Pilot, targets: Iterable[str], weight: str | None) -> str:
    """Return the digest of everything that what a summary learns depends on but the sampled rows."""
    return digest(
        {**fields_of_summary(summary), "pilot": pilot.digest, "targets": list(targets), "weight": weight}
    )


def record_of(pilot: Pilot, targets: Iterable[str], weight: str | None) -> dict[str, str]:
    """Return, by lookup, the documents of what a study's summaries know."""
    names = list(targets)
    return {lookup_of(s, pilot, names, weight): known.digest for s, known in pilot.learned.items()}


def recorded(
    pilot: Pilot,
    summaries: Iterable[Summary],
    targets: Iterable[str],
    weight: str | None,
    record: Mapping[str, str],
    store: StateStore,
) -> Pilot:
    """Return the pilot with what a recorded study's summaries knew; what is gone is left out."""
    names = {s: record.get(lookup_of(s, pilot, targets, weight)) for s in _learning(summaries)}
    found = {s: load_learned(store, name) for s, name in names.items() if name}
    return replace(pilot, learned={s: known for s, known in found.items() if known is not None})


def _learning(summaries: Iterable[Summary]) -> list[Summary]:
    """Return the summaries that must know something, or may turn out to need it."""
    return [s for s in summaries if s.learning is not None or s.finer(None) is not None]


def _sampled(
    pilot: Pilot, dataset: Dataset, seed: int, scan: int = PILOT_SCAN
) -> tuple[Batch, Sequence[Segment]]:
    """Return sampled rows, encoded, and the segments they are of; sparse where the data is."""
    beside = [c for c in dataset.columns if c not in dataset.feature_names]
    found = dataset.sample_sparse(beside, ROWS, seed)
    if found is None:
        table, drawn = dataset.sample(dataset.columns, _fewer(pilot.shape), seed, scan=scan)
        return _encoded(pilot, dataset, table), drawn
    rows, drawn = found
    none = np.zeros(rows.batch.num_rows, np.intp)
    where = "the pilot sample"
    made = pilot.encoder.encode_cells(rows, dataset.targets, dataset.weight, none, 1, where=where)
    return made.batch, drawn


def _as_taken(summary: Summary, sample: Batch) -> Batch:
    """Return the sample as a summary takes it: fewer sparse rows, evenly spread, where it makes them dense."""
    if not isinstance(sample, SparseBatch) or summary.sparse:
        return sample
    most = max(1, MOST_BYTES // (8 * (sample.d + sample.targets.shape[1])))
    return sample.part(slice(None, None, max(1, -(-sample.n // most))))


def _fewer(shape: Shape) -> int:
    """Return how many rows to sample: fewer of many columns."""
    return min(ROWS, max(1, MOST_BYTES // (8 * max(1, shape.p))))


def _encoded(pilot: Pilot, dataset: Dataset, table: pa.Table) -> Batch:
    """Return the sampled rows as one batch with every column present."""
    shape, made = pilot.shape, []
    for batch in table.to_batches():
        encoded = pilot.encoder.encode(batch, dataset.targets, dataset.weight, where="the pilot sample")
        made.append((encoded.dense(shape.p).copy(order="F"), encoded.weights.copy()))
    values = np.concatenate([np.zeros((0, shape.p), shape.dtype), *(v for v, _ in made)])
    weight = np.concatenate([np.zeros(0), *(w for _, w in made)]) if dataset.weight else None
    return Batch(np.asfortranarray(values), shape.d, weight)
