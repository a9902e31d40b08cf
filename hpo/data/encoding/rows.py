"""Which rows of a batch count: those with every target and a positive weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from algorithms.batches import Label
from hpo.data.encoding.kinds import infinite_value
from hpo.data.levels import class_codes
from hpo.data.values import Mask, Numbers, as_numbers, null_mask
from hpo.errors import DataError


@dataclass(frozen=True, eq=False)
class Usable:
    """The usable rows of a batch.

    Attributes
    ----------
    keep : True where a row is usable; None where all are.
    without_target : rows without a value for some target.
    without_weight : further rows, of weight zero.
    """

    keep: Mask | None
    without_target: int = 0
    without_weight: int = 0


def usable_rows(
    batch: pa.RecordBatch,
    targets: Sequence[str],
    weight: str | None,
    where: str = "",
    classes: Sequence[Label] = (),
) -> Usable:
    """Return the rows whose targets are all there (among ``classes``, if given) and whose weight is positive.

    DataError where a target is infinite, or a weight is negative, infinite or missing.

    Examples
    --------
    >>> batch = pa.record_batch({"y": [1.0, None, 3.0], "w": [1.0, 1.0, 0.0]})
    >>> usable_rows(batch, ["y"], "w").keep.tolist()
    [True, False, False]
    """
    missing = _without_target(batch, targets, where, classes)
    weightless = _without_weight(batch, weight, where) if weight else None
    if missing is None and weightless is None:
        return Usable(None)
    none = np.zeros(batch.num_rows, np.bool_)
    missing = none if missing is None else missing
    weightless = none if weightless is None else weightless & ~missing
    return Usable(~(missing | weightless), int(missing.sum()), int(weightless.sum()))


def _without_target(
    batch: pa.RecordBatch, targets: Sequence[str], where: str, classes: Sequence[Label]
) -> Mask | None:
    found: Mask | None = None
    for name in targets:
        array = batch.column(name)
        values, mask = (
            (class_codes(array, classes), None) if classes else (as_numbers(array), null_mask(array))
        )
        if mask is None and _all_finite(values):
            continue
        if classes:
            _check_labels(name, array, values, where, classes)
        missing = np.isnan(values) if mask is None else mask | np.isnan(values)
        infinite = np.isinf(values) & ~missing
        if infinite.any():
            raise infinite_value(name, float(values[infinite.argmax()]), where, target=True)
        if missing.any():
            found = missing if found is None else found | missing
    return found


def _check_labels(name: str, array: pa.Array, codes: Numbers, where: str, classes: Sequence[Label]) -> None:
    """Raise DataError where a label is none of the classes; a missing one is left out elsewhere."""
    other = np.isnan(codes) & array.is_valid().to_numpy(zero_copy_only=False)
    labels = [array[int(place)].as_py() for place in np.flatnonzero(other)]
    strange = next((v for v in labels if not (isinstance(v, float) and np.isnan(v))), None)
    if strange is not None:
        place = f" in {where}" if where else ""
        shown = ", ".join(map(repr, classes[:5])) + (", …" if len(classes) > 5 else "")
        raise DataError(
            f"target {name!r} holds {strange!r}{place}, which is not one of the {len(classes)} classes that were "
            f"learned ({shown}); leave those rows out, or tune again with them"
        )


def _without_weight(batch: pa.RecordBatch, weight: str, where: str) -> Mask | None:
    array = batch.column(weight)
    values = as_numbers(array)
    place = f" in {where}" if where else ""
    if array.null_count or np.isnan(values).any():
        raise DataError(
            f"weight {weight!r} is missing in some rows{place}; fill it, with 0 to leave the rows out"
        )
    low, high = (values.min(), values.max()) if len(values) else (0, 0)
    if low < 0 or not np.isfinite(high):
        bad = low if low < 0 else high
        raise DataError(f"weight {weight!r} holds {bad}{place}; weights are finite and not negative")
    return values == 0 if low == 0 else None


def _all_finite(values: Numbers) -> bool:
    if values.dtype.kind != "f":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(values.sum(dtype=np.float64)))
