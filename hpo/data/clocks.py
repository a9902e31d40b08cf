"""The clock that rows age by: their place in the data, or a column of times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from algorithms.arrays import Array
from algorithms.contract import Summary
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
    >>> Clock().of(rows, 100).tolist(), Clock("day").of(rows, 100).tolist()
    ([100.0, 101.0], [7.0, 9.0])
    """

    column: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that is read, if there is one."""
        return () if self.column is None else (self.column,)

    def of(self, batch: pa.RecordBatch, first_row: int, where: str = "") -> Array:
        """Return the clock of each row of a batch whose first row has that place.

        Raises
        ------
        DataError
            A row has no time.
        """
        if self.column is None:
            return np.arange(first_row, first_row + batch.num_rows, dtype=np.float64)
        times = times_of(batch.column(self.column))
        if not np.isfinite(times).all():
            row = int(np.flatnonzero(~np.isfinite(times))[0])
            raise DataError(
                f"{where or 'the data'}: row {first_row + row:,} has no {self.column!r}, by which half_life ages "
                "rows; leave such rows out, or give half_life a number of rows"
            )
        return times


def clock_of(summaries: Iterable[Summary]) -> Clock | None:
    """Return the clock that rows of some summaries age by; None where they do not."""
    return next((Clock(ageing.clock) for s in summaries if (ageing := s.ageing) is not None), None)
