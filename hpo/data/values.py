"""Arrow arrays as NumPy arrays: a column's values and where it is null, without copies where possible."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.number]
Mask: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.intp]

_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAY = 86_400

EXACT_POWER = 22
"""Powers of ten up to this one are float64."""


def null_mask(array: pa.Array) -> Mask | None:
    """Return where the array is null, or None where it is nowhere.

    Examples
    --------
    >>> null_mask(pa.array([1, None])).tolist(), null_mask(pa.array([1, 2]))
    ([False, True], None)
    """
    if not array.null_count:
        return None
    mask: Mask = array.is_null().to_numpy(zero_copy_only=False)
    return mask


def stored_numbers(array: pa.Array) -> Numbers:
    """Return the numbers an array stores, in their own type; what stands under a null is arbitrary.

    Booleans become 0 and 1, decimals float64, dates and times their ticks.
    """
    kind = array.type
    if pa.types.is_null(kind):
        return np.zeros(len(array))
    if pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    elif pa.types.is_decimal(kind):
        return _decimals(array)
    dtype = _numpy_type(array.type)
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), dtype)
    return np.frombuffer(data, dtype, len(array), array.offset * dtype.itemsize)


def _decimals(array: pa.Array) -> Numbers:
    """Return the float64 nearest to each decimal of up to 53 bits, which Arrow's cast misses at times."""
    kind, cast = array.type, stored_numbers(array.cast(pa.float64()))
    data = array.buffers()[1]
    if data is None or not pa.types.is_decimal128(kind) or not 0 <= kind.scale <= EXACT_POWER:
        return cast
    low, high = np.frombuffer(data, np.int64, 2 * len(array), 16 * array.offset).reshape(-1, 2).T
    exact = (high == low >> 63) & (low <= 2**53) & (low >= -(2**53))
    return np.where(exact, low / 10.0**kind.scale, cast)


def arrow_numbers(values: NDArray[Any]) -> pa.Array:
    """Return an array as Arrow: contiguous numbers share its memory; ``pa.array`` would load pandas.

    Examples
    --------
    >>> arrow_numbers(np.array([1.5, 2.0])).to_pylist()
    [1.5, 2.0]
    """
    plain = values.dtype.kind in "iuf" and values.dtype.isnative and values.flags.c_contiguous
    if not plain or values.ndim != 1 or values.itemsize > 8:
        return pa.array(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def as_numbers(array: pa.Array, origin: float = 0) -> Numbers:
    """Return a column as numbers less an origin: days since 1970 (UTC), hours of a time, seconds of a duration.

    Integers and times are subtracted as integers, floats in float64, so that no digit of a small difference is
    lost; ``origin`` is a whole number for these.

    Examples
    --------
    >>> import datetime
    >>> as_numbers(pa.array([datetime.time(6, 30)])).tolist()
    [6.5]
    >>> as_numbers(pa.array([2**60 + 1]), origin=2**60).tolist()
    [1]
    """
    ticks, unit = stored_numbers(array), ticks_of(array.type)
    if origin:
        ticks = less_origin(ticks, origin, unit)
    if unit == 1:
        return ticks.astype(np.float64) if pa.types.is_temporal(array.type) else ticks
    return ticks / unit


def times_of(array: pa.Array) -> NDArray[np.float64]:
    """Return times as numbers, days where they are dates, NaN where missing.

    Examples
    --------
    >>> times_of(pa.array([86_400, None], pa.timestamp("s"))).tolist()
    [1.0, nan]
    """
    times = as_numbers(array).astype(np.float64)
    mask = null_mask(array)
    if mask is not None:
        times[mask] = np.nan
    return times


def less_origin(numbers: Numbers, origin: float, unit: int = 1) -> Numbers:
    """Return stored numbers less an origin of so many units: int64 of integers, else float64.

    Integers beyond int64 wrap round, as the difference of two of them does not unless they are 2**63 apart;
    where any is, float64 is taken for all.

    Examples
    --------
    >>> less_origin(np.array([2**63 + 5], np.uint64), 2**63).tolist()
    [5]
    """
    if numbers.dtype.kind not in "iu" or origin != int(origin):
        return np.subtract(numbers, float(origin) * unit, dtype=np.float64)
    whole = int(origin) * unit
    if numbers.dtype.itemsize < 8 and abs(whole) < 2**62:
        return numbers.astype(np.int64) - whole
    rough = numbers.astype(np.float64) - float(whole)
    if len(rough) and np.abs(rough).max() >= 2.0**62:
        return rough
    wrapped = numbers.astype(np.int64) if numbers.dtype != np.uint64 else numbers.view(np.int64)
    return wrapped - np.array(whole % 2**64, np.uint64).view(np.int64)


def ticks_of(kind: pa.DataType) -> int:
    """Return how many stored ticks make a day of dates and timestamps, an hour of times, a second of durations."""
    if pa.types.is_date64(kind):
        return _DAY * 1_000
    if pa.types.is_timestamp(kind):
        return _DAY * _UNITS[kind.unit]
    if pa.types.is_time(kind):
        return 3_600 * _UNITS[kind.unit]
    return _UNITS[kind.unit] if pa.types.is_duration(kind) else 1


def calendar_part(array: pa.Array, part: str) -> Places:
    """Return the month (1–12), weekday (Monday 0) or hour (0–23; of a date 0) of each value, in UTC.

    Examples
    --------
    >>> import datetime
    >>> calendar_part(pa.array([datetime.date(2013, 12, 25)]), "weekday").tolist()
    [2]
    """
    ticks = stored_numbers(array)
    if array.null_count:
        ticks = np.where(array.is_null().to_numpy(zero_copy_only=False), 0, ticks)
    per_day = _ticks_per_day(array.type)
    if part == "hour" and per_day == 1:
        return np.zeros(len(array), np.intp)
    if part == "hour":
        return (ticks // (per_day // 24) % 24).astype(np.intp)
    days = (ticks // per_day).astype(np.int64)
    if part == "weekday":
        return ((days + 3) % 7).astype(np.intp)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return (months % 12 + 1).astype(np.intp)


def one_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as one array."""
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _ticks_per_day(kind: pa.DataType) -> int:
    if pa.types.is_date32(kind) or pa.types.is_null(kind):
        return 1
    return _DAY * (1_000 if pa.types.is_date64(kind) else _UNITS[kind.unit])


def _numpy_type(kind: pa.DataType) -> np.dtype[np.number]:
    if pa.types.is_temporal(kind):
        return np.dtype(np.int64 if kind.bit_width == 64 else np.int32)
    dtype: np.dtype[np.number] = np.dtype(kind.to_pandas_dtype())
    return dtype
