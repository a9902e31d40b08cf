"""An exported model is asked for rows, and its answers are held against those of the model."""

from __future__ import annotations

import contextlib
import datetime
import sys
from collections.abc import Iterator, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Values
from algorithms.lazily import pandas
from hpo.data.encoding.kinds import CalendarEncoding, CategoryEncoding, Encoding, NumberEncoding
from hpo.data.schema import BOOLEAN, DURATION, TIME
from hpo.errors import ExportError, HpoError
from hpo.findings.confirm import opened, paths_of
from hpo.findings.noted import reading_of

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from hpo.findings.hpo_dates import DateColumns
    from hpo.findings.result import Result

MODULE = "hpo_dates"
"""The module that is written beside a model of dates."""

ROWS = 300
"""Rows of the data, and as many drawn ones, that a model is compared on."""

CLOSE = 1e-6
"""Largest difference of two numbers, of the larger of them and the median one, that is taken for rounding."""

SINGLE = 1e-5
"""The same where the numbers of the exported model are in single precision."""

Answers = Mapping[str, Values]


@contextlib.contextmanager
def dates_of() -> Iterator[tuple[str, type[DateColumns]]]:
    """Give the text of the module of dates, and its class as others will find it."""
    place = Path(__file__).with_name(f"{MODULE}.py")
    spec = spec_from_file_location(MODULE, place)
    if spec is None or spec.loader is None:
        raise ExportError(f"{place} cannot be read; install this package again")
    module, before = module_from_spec(spec), sys.modules.get(MODULE)
    spec.loader.exec_module(module)
    sys.modules[MODULE] = module
    try:
        yield place.read_text(encoding="utf-8"), module.DateColumns
    finally:
        del sys.modules[MODULE]
        if before is not None:
            sys.modules[MODULE] = before


def answers(model: Pipeline, rows: pd.DataFrame) -> dict[str, Values]:
    """Return what a model answers for rows, by the name of the method."""
    if not hasattr(model, "predict"):
        return {"transform": np.asarray(model.transform(rows))}
    with np.errstate(over="ignore"):  # as the exponent of a count's rate, far from the data
        found = {"predict": np.asarray(model.predict(rows))}
        if hasattr(model, "predict_proba"):
            found["predict_proba"] = np.asarray(model.predict_proba(rows))
    return found


def compare(expected: Answers, found: Answers, whose: str, close: float = CLOSE) -> None:
    """Refuse answers that are not those of the study's model.

    Raises
    ------
    ExportError
        Says by how much they differ.
    """
    for name, made in found.items():
        known = np.asarray(expected[name])
        values = np.asarray(made).reshape(known.shape)
        if known.dtype.kind != "f":
            if (other := int((known.astype(str) != values.astype(str)).sum())):
                raise ExportError(f"not written: of {len(known):,} rows {whose} predict {other:,} otherwise")
            continue
        finite = np.isfinite(known)
        usual = float(np.median(np.abs(known[finite]))) if finite.any() else 0.0
        with np.errstate(invalid="ignore"):
            off = np.where(_same(values, known), 0.0, np.abs(values.astype(float) - known.astype(float)))
        size = np.where(finite, np.maximum(np.abs(known), usual), 0.0)
        if not (off <= close * size).all():
            worst = np.unravel_index(int(np.argmax(off - close * size)), off.shape)
            raise ExportError(f"not written: {name} of {whose} is {values[worst]:.9g}, and {known[worst]:.9g} here")


def _same(values: Values, known: Values) -> Values:
    """Return where two arrays hold the same, infinities and gaps too."""
    return np.asarray((values == known) | (np.isnan(values) & np.isnan(known)))


def rows_of(result: Result, model: Pipeline) -> pd.DataFrame:
    """Return rows of the data, if they can be read, and drawn ones: with gaps, and categories that are unknown."""
    if "encoder" not in model.named_steps:
        raise ExportError("a model of series has no rows of columns; `hpo forecast` and result.forecast answer")
    encoder, record = model["encoder"], result.record
    reading = reading_of(record, result.run.join)
    if made := {"interactions", "documents"} & set(reading):
        raise ExportError(f"{made.pop()}= makes the columns of rows, which scikit-learn's classes would have to do")
    names = [str(name) for name in encoder.feature_names_in_]
    drawn: pd.DataFrame = pandas.DataFrame({each.name: _drawn(each) for each in encoder.encodings_})
    with contextlib.suppress(HpoError, OSError):
        paths = paths_of(record.spec)
        if paths := paths_of(record.spec):
            dataset = opened(paths, {**reading, "features": names}).exactly(encoder.labelled)
            batch = next(iter(dataset.read(dataset.segments[0], names)))
            real = batch.slice(0, ROWS).to_pandas()[names].astype(object)
            drawn = pandas.concat([real, drawn.astype(object)], ignore_index=True).infer_objects()
    return drawn


def _drawn(encoding: Encoding) -> list[object]:
    """Return drawn values of a column, a tenth of them missing, and some categories that nobody knows."""
    rng = np.random.default_rng(0)
    if isinstance(encoding, CategoryEncoding):
        known = [*encoding.levels, None, "of no row that was seen"]
        return [known[i] for i in rng.integers(0, len(known), ROWS)]
    gaps = rng.random(ROWS) < 0.1
    far = rng.normal(size=ROWS) * 10.0 ** rng.uniform(-2, 5, ROWS)
    if isinstance(encoding, CalendarEncoding):
        middle = datetime.datetime(1970, 1, 1) + datetime.timedelta(encoding.origin)
        made: list[object] = [middle + datetime.timedelta(seconds=100 * round(v)) for v in far]
    elif encoding.kind == TIME:
        made = [datetime.time(int(abs(v)) % 24, int(abs(v)) % 60) for v in far]
    elif encoding.kind == DURATION:
        made = [datetime.timedelta(seconds=round(v, 3)) for v in far]
    elif encoding.kind == BOOLEAN:
        return [bool(value > 0.0) for value in far]
    elif isinstance(encoding, NumberEncoding):
        made = [encoding.origin + float(v) for v in far]
    else:
        raise ExportError(f"column {encoding.name!r} is hashed, which scikit-learn has no class for")
    none = np.nan if isinstance(made[0], float) else None
    return [none if gap else value for gap, value in zip(gaps, made, strict=True)]
