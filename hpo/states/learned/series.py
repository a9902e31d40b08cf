"""The series of a data set and its times: looked at once, and remembered for each segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from algorithms.arrays import Places
from hpo.data.calendar import Calendar, Name, Order, codes_of, times_of_rows
from hpo.data.frequency import Document, Frequency, Moments, on_clocks, written
from hpo.data.hashing import Words
from hpo.data.values import label_values, null_mask
from hpo.errors import DataError
from hpo.states.learned.kinds import SERIES
from hpo.states.learned.notes import Notes
from state_store import StateStore, digest, digests

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.segment import Segment

KEPT = 2_048
"""Times of a segment that are remembered, from the first on: what a frequency is found from."""

REGULAR = 0.5
"""Of the steps between the first and the last, the share that some row has where times are regular."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """What a segment has.

    Attributes
    ----------
    codes, names : of its series.
    times : the first of its times, sorted, each once.
    ends : the first and the last time; None where no row has a target.
    """

    codes: Words
    names: tuple[Name, ...]
    times: Moments
    ends: tuple[float, float] | None


def calendar_of(
    dataset: Dataset,
    time: str,
    series: Sequence[str],
    freq: str | None,
    store: StateStore,
    covariates: Mapping[str, Sequence[str]] | None = None,
) -> Calendar:
    """Return the series of a data set and how their times follow; reads the columns of both where they are unknown.

    Parameters
    ----------
    dataset : with one target; rows without one count as missing.
    time, series : columns.
    freq : name of the frequency; None finds it.
    store : where it is remembered.
    covariates : further columns, by what a window has of them.

    Raises
    ------
    DataError
        A row has no time or no series; times are irregular, or too few.
    """
    seen = _seen(dataset, time, tuple(series), store)
    with_rows = [one for one in seen if one.ends is not None]
    if not with_rows:
        raise DataError(f"target {dataset.targets[0]!r} has no value in any row")
    times = np.unique(np.concatenate([one.times for one in with_rows]))
    order = _order(dataset, time, tuple(series), freq, times)
    order = replace(order, covariates=tuple((kind, tuple(names)) for kind, names in (covariates or {}).items()))
    codes, places = np.unique(np.concatenate([one.codes for one in seen]), return_index=True)
    names = [name for one in seen for name in one.names]
    spans = {
        segment.id: _span(order, one.ends)
        for segment, one in zip(dataset.segments, seen, strict=True)
        if one.ends is not None
    }
    last = max(end for _, end in spans.values())
    return Calendar(order, codes, tuple(names[place] for place in places), last, spans)


def _order(dataset: Dataset, time: str, series: tuple[str, ...], freq: str | None, times: Moments) -> Order:
    """Return how rows follow one another: by UTC or, where that is not regular, by the clocks of the times' zone.

    Days and months begin at midnight by clocks, hours are as long as hours by UTC.
    """
    kind = dataset.arrow.field(time).type
    zone = str(kind.tz) if pa.types.is_timestamp(kind) and kind.tz not in (None, "UTC") else ""
    try:
        found = _frequency(time, freq, times)
    except DataError:
        if not zone:
            raise
    else:
        if not zone or found.steps(times)[1].all():
            return Order(time, series, found)
    return Order(time, series, _frequency(time, freq, on_clocks(times, zone)), zone)


def _frequency(time: str, freq: str | None, times: Moments) -> Frequency:
    """Return the frequency of that name, or the one that all times lie on."""
    if freq is not None:
        named = Frequency.named(freq, times)
        if named.steps(times)[1].mean() < REGULAR:
            raise DataError(
                f"freq={freq!r}: most times of {time!r} are not on it, such as {written(times[-1:])[0]}; give "
                "another, or leave it out"
            )
        return named
    if len(times) < 2:
        raise DataError(f"time={time!r} has one time alone, {written(times)[0]}; a forecast needs several")
    found = Frequency.found(times)
    steps, fits = found.steps(times)
    apart = np.diff(steps)
    if not fits.all() or np.count_nonzero(apart == 1) < REGULAR * len(apart):
        at = int(np.argmin(np.diff(times.astype(np.float64))))
        near = " and ".join(written(times[at : at + 2]))
        raise DataError(
            f"time={time!r} is irregular: {near} are nearer than most times; give the frequency, as freq='D', "
            "bring times to one (resample), or leave out rows that stand between others"
        )
    return found


def _span(order: Order, ends: tuple[float, float] | None) -> tuple[int, int]:
    numbers = order.frequency.unit == "number"
    both: Moments = np.array(ends, np.float64) if numbers else np.array(ends, np.int64)
    steps, _ = order.frequency.steps(on_clocks(both, order.zone))
    return int(steps[0]), int(steps[1])


def _seen(dataset: Dataset, time: str, series: tuple[str, ...], store: StateStore) -> list[_Seen]:
    asked = ["series", time, list(series), dataset.targets[0]]
    notes = Notes(store, SERIES, digest(asked))
    names = digests(asked, ([segment.fingerprint] for segment in dataset.segments))
    known = {**notes.recall(names, _recalled)}
    new: dict[str, Mapping[str, object]] = {}
    try:
        for segment, name in zip(dataset.segments, names, strict=True):
            if name not in known:
                known[name] = found = _look(dataset, segment, time, series)
                new[name] = _about(segment, found)
    finally:
        if new:
            notes.keep(new)
    return [known[name] for name in names]


def _look(dataset: Dataset, segment: Segment, time: str, series: tuple[str, ...]) -> _Seen:
    """Return what a segment has; its rows count as the pilot's."""
    target = dataset.targets[0]
    first, codes = 0, np.zeros(0, np.uint64)
    names: dict[int, Name] = {}
    found: list[Moments] = []
    for batch in dataset.look(segment, [time, *series, target]):
        moments = times_of_rows(batch, time, first, segment.id)
        words = codes_of(batch, series, first, segment.id)
        missing = null_mask(batch.column(target))
        found.append(moments if missing is None else moments[~missing])
        new, places = _first(words)
        codes = np.union1d(codes, new)
        fresh = [place for word, place in zip(new.tolist(), places, strict=True) if word not in names]
        names |= dict(zip(words[fresh].tolist(), _names(batch, series, fresh), strict=True))
        first += batch.num_rows
    times = _distinct(found)
    ends = (times[0].item(), times[-1].item()) if len(times) else None
    return _Seen(codes, tuple(names[code] for code in codes.tolist()), times[:KEPT], ends)


def _distinct(parts: list[Moments]) -> Moments:
    """Return the times of some rows, sorted, each once."""
    if not parts or parts[0].dtype.kind == "f":
        return np.unique(np.concatenate([np.zeros(0), *parts]))
    return np.unique(np.concatenate([part.astype(np.int64) for part in parts]))


def _first(words: Words) -> tuple[Words, Places]:
    """Return the distinct words, and where each stands first; rows of a series mostly follow one another."""
    if not len(words):
        return words, np.zeros(0, np.intp)
    starts = np.flatnonzero(np.append(True, words[1:] != words[:-1]))
    found, places = np.unique(words[starts], return_index=True)
    return found, starts[places]


def _names(batch: pa.RecordBatch, series: tuple[str, ...], rows: list[int]) -> list[Name]:
    """Return what the series of some rows are called."""
    if not series:
        return [()] * len(rows)
    columns = (label_values(batch.column(name)).take(np.array(rows, np.int64)).to_pylist() for name in series)
    return [tuple(map(_plain, values)) for values in zip(*columns, strict=True)]


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool) else str(value)


def _about(segment: Segment, seen: _Seen) -> dict[str, object]:
    return {
        "segment": segment.fingerprint, "codes": seen.codes.tolist(), "names": [list(name) for name in seen.names],
        "times": seen.times.tolist(), "ends": seen.ends,
    }  # fmt: skip


def _recalled(about: Document) -> _Seen:
    codes, names = _named(about)
    ends = about["ends"]
    return _Seen(codes, names, np.array(about["times"]), None if ends is None else (ends[0], ends[1]))


def extended(calendar: Calendar, dataset: Dataset) -> Calendar:
    """Return a calendar that knows the series of further rows too; reads the columns of time and series."""
    order = calendar.order
    seen = [_look(dataset, segment, order.time, order.series) for segment in dataset.segments]
    every = np.concatenate([calendar.codes, *(one.codes for one in seen)])
    codes, places = np.unique(every, return_index=True)
    names = [*calendar.names, *(name for one in seen for name in one.names)]
    return replace(calendar, codes=codes, names=tuple(names[place] for place in places))


def keep(calendar: Calendar, dataset: Dataset, store: StateStore) -> dict[str, object]:
    """Keep the names of series; return what a record says of them."""
    about = {
        "codes": calendar.codes.tolist(), "names": [list(name) for name in calendar.names],
        "segments": [segment.fingerprint for segment in dataset.segments],
    }  # fmt: skip
    SERIES.put(store, named(calendar), about)
    return {**calendar.order.to_dict(), "last": calendar.last, "names": named(calendar)}


def named(calendar: Calendar) -> str:
    """Return the name of the document that the names of series are kept in."""
    return digest(["names", calendar.order.series, [list(name) for name in calendar.names]])


def kept(document: Document, store: StateStore) -> Calendar:
    """Return the calendar that a record speaks of; its series have no names where the store has lost them."""
    found = SERIES.made(store, document["names"], lambda blob: _named(blob.about))
    codes, names = found or (np.zeros(0, np.uint64), ())
    return Calendar(Order.from_dict(document), codes, names, int(document["last"]))


def _named(about: Document) -> tuple[Words, tuple[Name, ...]]:
    codes, names = np.array(about["codes"], np.uint64), tuple(tuple(name) for name in about["names"])
    if len(codes) != len(names):
        raise ValueError(f"{len(names)} names of {len(codes)} series")
    return codes, names
