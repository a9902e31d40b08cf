"""Covariates of the steps to come: read from the rows that a forecast is given, and checked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from algorithms.arrays import Array, Mask
from algorithms.covariates import Ends
from hpo.data.calendar import Calendar, codes_of
from hpo.data.encoding.encoder import ColumnEncoder
from hpo.data.encoding.encodings import as_learned
from hpo.data.values import null_mask
from hpo.errors import DataError, DataWarning
from hpo.findings.confirm import opened
from studies.counting import counted

if TYPE_CHECKING:
    from hpo.data import Dataset

SHOWN = 3
"""Series that a message names at most."""


def next_covariates(
    ends: Ends, calendar: Calendar, encoder: ColumnEncoder, steps: int, data: object, reading: Mapping[str, object]
) -> tuple[Array, Mask]:
    """Return the covariates of the steps to come, shape (n, H, c), and which series have all that is needed.

    Parameters
    ----------
    ends : of the n series.
    calendar : what these are called, and how their times follow.
    encoder : of the covariates.
    steps : up to which next step they must be known.
    data : rows of the next steps: files, or a frame; None for none.
    reading : how these are read.

    Raises
    ------
    DataError
        A value that is needed is not given, or given twice.
    """
    covariates, order = ends.covariates, calendar.order
    nexts = np.zeros((ends.n, covariates.horizon, len(covariates.columns)))
    times = np.zeros((ends.n, covariates.horizon), np.int64)
    if data is None:
        raise DataError(_asking(ends, calendar, steps, "futr_df= is missing"))
    dataset = opened(data, {**reading, "target": None, "features": list(order.ahead), "beside": order.columns})
    if missing := [name for name in (*order.columns, *order.ahead) if name not in dataset.schema]:
        raise DataError(f"futr_df has no column {missing[0]!r}; give {', '.join((*order.columns, *order.ahead))}")
    part, own = _of_columns(encoder, order.ahead), covariates.ahead
    for first, where, batch in _batches(dataset.exactly(order.series), (*order.columns, *order.ahead)):
        codes, at = codes_of(batch, order.series, first, where), order.steps(batch, first, where)
        place = np.minimum(np.searchsorted(ends.series, codes), max(0, ends.n - 1))
        ahead = at - ends.steps[place]
        used = (ends.series[place] == codes) & (ahead >= 0) & (ahead < covariates.horizon)
        used &= _whole(batch, order.ahead)
        np.add.at(times, (place[used], ahead[used]), 1)
        for encoding in part.encodings_:
            as_learned(encoding, batch.column(encoding.name))
        values = part.encode(batch, where=where).dense(len(own))
        nexts[place[used, None], ahead[used, None], own] = values[used]
    if np.any(times > 1):
        i, h = np.argwhere(times > 1)[0]
        raise DataError(f"futr_df: {calendar.twice(int(ends.series[i]), int(ends.steps[i] + h))}")
    return nexts, _known(ends, calendar, steps, times > 0)


def _known(ends: Ends, calendar: Calendar, steps: int, given: Mask) -> Mask:
    """Return which series have values of the next steps: all but those that ended early and have none."""
    whole: Mask = np.asarray(given[:, :steps].all(axis=1))
    gone = ~whole & ~given.any(axis=1) & (ends.steps < ends.steps.max())
    if np.any(~whole & ~gone):
        i = int(np.argmax(~whole & ~gone))
        names, step = " and ".join(map(repr, calendar.order.ahead)), int(ends.steps[i] + np.argmin(given[i]))
        others = int(np.count_nonzero(~whole & ~gone)) - 1
        more = f", and {others:,} further series lack such values" if others else ""
        raise DataError(
            f"futr_df has no value of {names} for {calendar.called(int(ends.series[i]))} at "
            f"{calendar.order.time}={calendar.order.frequency.label(step)}{more}; the forecast needs those of the "
            f"next {counted(steps, 'step')} of each series"
        )
    if gone.any():
        called = (calendar.called(int(code)) for code in ends.series[gone][:SHOWN])
        named = ", ".join(name.removeprefix("the series ") for name in called)
        more = ", …" if np.count_nonzero(gone) > SHOWN else ""
        warnings.warn(
            f"{np.count_nonzero(gone):,} series left out ({named}{more}): they ended before the others, "
            "and futr_df has no row of the steps that follow",
            DataWarning,
            stacklevel=5,
        )
    return whole


def _asking(ends: Ends, calendar: Calendar, steps: int, why: str) -> str:
    order = calendar.order
    names, first = ", ".join(order.ahead), order.frequency.label(int(ends.steps.max()))
    return (
        f"{why}: the model looks at {names}, known in advance, at the next {counted(steps, 'step')}; give rows "
        f"with {', '.join((*order.columns, *order.ahead))} from {order.time}={first} on"
    )


def _of_columns(encoder: ColumnEncoder, names: Sequence[str]) -> ColumnEncoder:
    """Return the encoder of some columns alone, in its own order."""
    document = encoder.to_dict()
    kept = [one.to_dict() for one in encoder.encodings_ if one.name in names]
    return ColumnEncoder.from_dict({**document, "encodings": kept})


def _whole(batch: pa.RecordBatch, names: Sequence[str]) -> Mask:
    """Return which rows have a value in each of some columns."""
    found: Mask = np.ones(batch.num_rows, np.bool_)
    for name in names:
        missing = null_mask(batch.column(name))
        if missing is not None:
            found[missing] = False
    return found


def _batches(dataset: Dataset, columns: Sequence[str]) -> list[tuple[int, str, pa.RecordBatch]]:
    found = []
    for segment in dataset.segments:
        first = 0
        for batch in dataset.read(segment, list(dict.fromkeys(columns))):
            found.append((first, segment.id, batch))
            first += batch.num_rows
    return found
