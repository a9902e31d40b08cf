"""The series of a data set and its times: looked at once, and remembered for each segment."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from algorithms.arrays import Places
from algorithms.batches import STATIC
from hpo.data.calendar import Calendar, Name, Order, codes_of, times_of_rows
from hpo.data.frequency import Document, Frequency, Moments, on_clocks, written
from hpo.data.hashing import Words
from hpo.data.levels import label_values
from hpo.data.values import null_mask
from hpo.errors import DataError, DataWarning
from hpo.states.learned.kinds import SERIES
from hpo.states.learned.notes import Notes
from state_store import StateStore, digest, digests
from studies.counting import counted

if TYPE_CHECKING:
    from hpo.data.dataset import Dataset
    from hpo.data.segment import Segment

KEPT = 2_048
"""Times of a segment that are remembered, from the first on: what a frequency is found from."""

VALUES = 3
"""Values of a column that is said not to change, of each series, that are remembered and shown."""

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
    still : of each column that is said not to change, the first few values that each of its series has, in words.
    """

    codes: Words
    names: tuple[Name, ...]
    times: Moments
    ends: tuple[float, float] | None
    still: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)


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

    Warns
    -----
    DataWarning
        A column that is said not to change within a series does.
    """
    still = tuple((covariates or {}).get(STATIC, ()))
    seen = _seen(dataset, time, tuple(series), still, store)
    _warn_of_changes(still, tuple(series), seen)
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


def _seen(
    dataset: Dataset, time: str, series: tuple[str, ...], still: tuple[str, ...], store: StateStore
) -> list[_Seen]:
    asked = ["series", time, list(series), dataset.targets[0], *([list(still)] if still else [])]
    notes = Notes(store, SERIES, digest(asked))
    names = digests(asked, ([segment.fingerprint] for segment in dataset.segments))
    known = {**notes.recall(names, _recalled)}
    new: dict[str, Mapping[str, object]] = {}
    try:
        for segment, name in zip(dataset.segments, names, strict=True):
            if name not in known:
                known[name] = found = _look(dataset, segment, time, series, still)
                new[name] = _about(segment, found)
    finally:
        if new:
            notes.keep(new)
    return [known[name] for name in names]


def _look(
    dataset: Dataset, segment: Segment, time: str, series: tuple[str, ...], still: tuple[str, ...] = ()
) -> _Seen:
    """Return what a segment has; its rows count as the pilot's."""
    target = dataset.targets[0]
    first, codes = 0, np.zeros(0, np.uint64)
    names: dict[int, Name] = {}
    found: list[Moments] = []
    values: dict[str, dict[int, list[str]]] = {name: {} for name in still}
    for batch in dataset.look(segment, list(dict.fromkeys([time, *series, *still, target]))):
        moments = times_of_rows(batch, time, first, segment.id)
        words = codes_of(batch, series, first, segment.id)
        missing = null_mask(batch.column(target))
        found.append(moments if missing is None else moments[~missing])
        new, places = _first(words)
        codes = np.union1d(codes, new)
        fresh = [place for word, place in zip(new.tolist(), places, strict=True) if word not in names]
        names |= dict(zip(words[fresh].tolist(), _names(batch, series, fresh), strict=True))
        first += batch.num_rows
        for name, of_series in values.items():
            _note_values(of_series, words, batch.column(name))
    times = _distinct(found)
    ends = (times[0].item(), times[-1].item()) if len(times) else None
    kept = {name: tuple(tuple(of.get(code, ())) for code in codes.tolist()) for name, of in values.items()}
    return _Seen(codes, tuple(names[code] for code in codes.tolist()), times[:KEPT], ends, kept)


def _note_values(of_series: dict[int, list[str]], words: Words, column: pa.Array) -> None:
    """Add the first few values that each series has of a column; missing ones are none."""
    encoded = label_values(column).dictionary_encode()
    places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    words, places = words[places >= 0], places[places >= 0]
    if not len(words):
        return
    new = np.append(True, (words[1:] != words[:-1]) | (places[1:] != places[:-1]))
    pairs = np.unique(np.column_stack([words[new], places[new].astype(np.uint64)]), axis=0)
    starts = np.flatnonzero(np.append(True, pairs[1:, 0] != pairs[:-1, 0]))
    rank = np.arange(len(pairs)) - np.repeat(starts, np.diff(np.append(starts, len(pairs))))
    some = pairs[rank < VALUES]
    shown = encoded.dictionary.take(pa.array(some[:, 1].astype(np.int64))).to_pylist()
    for code, value in zip(some[:, 0].tolist(), (repr(_plain(one)) for one in shown), strict=True):
        known = of_series.setdefault(code, [])
        if value not in known and len(known) < VALUES:
            known.append(value)


def _warn_of_changes(still: Sequence[str], series: tuple[str, ...], seen: Sequence[_Seen]) -> None:
    """Warn of columns that are said not to change within a series, and do."""
    changes = []
    for column in still:
        values: dict[int, list[str]] = {}
        names: dict[int, Name] = {}
        for one in seen:
            for code, name, some in zip(one.codes.tolist(), one.names, one.still[column], strict=True):
                names[code] = name
                known = values.setdefault(code, [])
                known += [value for value in some if value not in known]
        changing = [code for code, some in values.items() if len(some) > 1]
        if changing:
            first = changing[0]
            where = ", ".join(f"{key}={value!r}" for key, value in zip(series, names[first], strict=True))
            which = f"the series {where}" if where else "the series"
            others = f" ({counted(len(changing), 'series', 'series')} in all)" if len(changing) > 1 else ""
            changes.append(f"{column!r} has {', '.join(values[first][:VALUES])} in {which}{others}")
    if changes:
        warnings.warn(
            f"stat_exog_list: {'; '.join(changes)}. What does not change has one value a series; where it does "
            "change, a window has that of its last past step, and a model of whole series that of the last row. "
            "Name it in futr_exog_list if it is known in advance, else in hist_exog_list",
            DataWarning,
            stacklevel=5,
        )


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
        **({"still": {name: [list(some) for some in of] for name, of in seen.still.items()}} if seen.still else {}),
    }  # fmt: skip


def _recalled(about: Document) -> _Seen:
    codes, names = _named(about)
    ends = about["ends"]
    still = {name: tuple(tuple(map(str, some)) for some in of) for name, of in about.get("still", {}).items()}
    if any(len(of) != len(codes) for of in still.values()):
        raise ValueError("values of other series than there are")
    return _Seen(codes, names, np.array(about["times"]), None if ends is None else (ends[0], ends[1]), still)


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
