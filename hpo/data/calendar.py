"""Rows of series: which series each row is of, and which of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algorithms.arrays import Values
from algorithms.batches import FUTURE, Shape
from hpo.data.frequency import Document, Frequency, Moments, moments_of, on_clocks, written
from hpo.data.hashing import Words, hash_values, splitmix
from hpo.data.values import null_mask
from hpo.errors import DataError

Name = tuple[object, ...]
"""What a series is called: its value in each column that names series."""


@dataclass(frozen=True)
class Order:
    """How rows follow one another: columns of time and series, and how far apart times are.

    Attributes
    ----------
    time : the column of times.
    series : the columns that name series together; none where all rows are of one.
    frequency : of the times.
    zone : the time zone whose clocks times are on; empty for UTC, or no zone.
    covariates : by what a window has of them (``"future"``, ``"past"``, ``"static"``), further columns.

    Examples
    --------
    >>> rows = pa.record_batch({"shop": ["a", "b", "a"], "year": [2001, 2001, 2002]})
    >>> made = Order("year", ("shop",), Frequency("number")).of(rows)
    >>> made["clock"].tolist(), len(set(made["series"].tolist()))
    ([2001.0, 2001.0, 2002.0], 2)
    """

    time: str
    series: tuple[str, ...]
    frequency: Frequency
    zone: str = ""
    covariates: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The columns of covariates."""
        return tuple(name for _, names in self.covariates for name in names)

    @property
    def ahead(self) -> tuple[str, ...]:
        """The columns that are known in advance."""
        return dict(self.covariates).get(FUTURE, ())

    def marked(self, shape: Shape) -> Shape:
        """Return the shape of rows, which says of its columns what windows have of them."""
        given = {name: kind for kind, names in self.covariates for name in names}
        columns = tuple(replace(column, given=given.get(column.source, "")) for column in shape.columns)
        return replace(shape, columns=columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return (self.time, *self.series)

    def of(self, batch: pa.RecordBatch, first_row: int = 0, where: str = "") -> Mapping[str, Values]:
        """Return the step and the series of each row of a batch, as batches have them.

        Raises
        ------
        DataError
            A row has no time or no series, or a time that is not on the frequency.
        """
        steps = self.steps(batch, first_row, where)
        return {"clock": steps.astype(np.float64), "series": codes_of(batch, self.series, first_row, where)}

    def steps(self, batch: pa.RecordBatch, first_row: int = 0, where: str = "") -> NDArray[np.int64]:
        """Return the step of each row."""
        moments = on_clocks(times_of_rows(batch, self.time, first_row, where), self.zone)
        steps, fits = self.frequency.steps(moments)
        if not fits.all():
            row = int(np.argmin(fits))
            given, step, label = written(moments[row : row + 1])[0], int(steps[row]), self.frequency.label
            raise DataError(
                f"{where or 'the data'}: row {first_row + row:,} has {self.time}={given}, which is not a step of "
                f"freq={self.frequency.name!r} (…, {label(step)}, {label(step + 1)}, …); correct it, or give freq"
            )
        return steps

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON-ready values."""
        more: dict[str, object] = {"zone": self.zone} if self.zone else {}
        if self.covariates:
            more["covariates"] = {kind: list(names) for kind, names in self.covariates}
        return {"time": self.time, "series": list(self.series), "frequency": self.frequency.to_dict(), **more}

    @classmethod
    def from_dict(cls, document: Document) -> Order:
        """Return what ``to_dict`` wrote."""
        frequency, zone = Frequency.from_dict(document["frequency"]), document.get("zone", "")
        given = tuple((kind, tuple(names)) for kind, names in document.get("covariates", {}).items())
        return cls(document["time"], tuple(document["series"]), frequency, zone, given)


@dataclass(frozen=True, eq=False)
class Calendar:
    """The series of a data set by name, and where its segments lie in time.

    Attributes
    ----------
    order : how rows follow one another.
    codes : what series are known by in batches, sorted.
    names : what they are called.
    last : the latest step.
    spans : by the id of a segment, its first and last step.
    """

    order: Order
    codes: Words
    names: tuple[Name, ...]
    last: int
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def names_of(self, codes: Words) -> list[Name]:
        """Return what series are called, by their codes."""
        return [self.names[place] for place in np.searchsorted(self.codes, codes)]

    def called(self, code: int) -> str:
        """Return what a series is called, in words."""
        place = int(np.searchsorted(self.codes, np.uint64(code)))
        if not self.order.series or place >= len(self.codes) or int(self.codes[place]) != code:
            return "the series"
        pairs = zip(self.order.series, self.names[place], strict=True)
        return "the series " + ", ".join(f"{column}={value!r}" for column, value in pairs)

    def twice(self, code: int, step: int) -> str:
        """Return what is said of a series that has two rows of one time."""
        hint = "" if self.order.series else ", or name the column of series with series="
        when = f"{self.order.time}={self.order.frequency.label(step)}"
        return f"{self.called(code)} has two rows of {when}; drop one, or add them up{hint}"


def codes_of(batch: pa.RecordBatch, series: tuple[str, ...], first_row: int = 0, where: str = "") -> Words:
    """Return a hash of the name of each row's series; zero where all rows are of one."""
    made = np.zeros(batch.num_rows, np.uint64)
    for number, name in enumerate(series):
        column = batch.column(name)
        if (missing := null_mask(column)) is not None:
            row = first_row + int(np.argmax(missing))
            raise DataError(
                f"{where or 'the data'}: row {row:,} has no {name!r}, which names series; leave such rows out"
            )
        made = splitmix(made ^ hash_values(column, number))
    return made


def times_of_rows(batch: pa.RecordBatch, time: str, first_row: int = 0, where: str = "") -> Moments:
    """Return the times of rows as microseconds or numbers; DataError where a row has none."""
    moments, missing = moments_of(batch.column(time), time)
    if missing.any():
        row = first_row + int(np.argmax(missing))
        raise DataError(f"{where or 'the data'}: row {row:,} has no {time!r}; leave such rows out")
    return moments
