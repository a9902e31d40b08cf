"""The clock that rows age by: their place in the data, or a column of times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from algorithms.arrays import Values
from algorithms.contract import Summary
from hpo.data.calendar import Order
from hpo.data.values import times_of
from hpo.errors import DataError


@dataclass(frozen=True)
class Clock:
    """Where rows stand on the clock.

    Attributes
    ----------
    column : of times or numbers; None for the place of a row.

    Examples
    --------
    >>> rows = pa.record_batch({"day": pa.array([7, 9])})
    >>> [clock.of(rows, 100)["clock"].tolist() for clock in (Clock(), Clock("day"))]
    [[100.0, 101.0], [7.0, 9.0]]
    """

    column: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that is read, if there is one."""
        return () if self.column is None else (self.column,)

    def of(self, batch: pa.RecordBatch, first_row: int, where: str = "") -> Mapping[str, Values]:
        """Return the clock of each row of a batch whose first row has that place, as batches have it.

        Raises
        ------
        DataError
            A row has no time.
        """
        if self.column is None:
            return {"clock": np.arange(first_row, first_row + batch.num_rows, dtype=np.float64)}
        times = times_of(batch.column(self.column))
        if not np.isfinite(times).all():
            row = int(np.flatnonzero(~np.isfinite(times))[0])
            raise DataError(
                f"{where or 'the data'}: row {first_row + row:,} has no {self.column!r}, by which half_life ages "
                "rows; leave such rows out, or give half_life a number of rows"
            )
        return {"clock": times}


def beside_of(summaries: Iterable[Summary], order: Order | None) -> tuple[Clock | Order, ...]:
    """Return what says more of each row than its columns: how old it is, or which step of which series."""
    summaries = list(summaries)
    clock = clock_of(summaries)
    ordered = any(summary.ordered for summary in summaries)
    return (*([clock] if clock is not None else []), *([order] if ordered and order is not None else []))


def clock_of(summaries: Iterable[Summary]) -> Clock | None:
    """Return the clock that rows of some summaries age by; None where they do not."""
    return next((Clock(ageing.clock) for s in summaries if (ageing := s.ageing) is not None), None)
