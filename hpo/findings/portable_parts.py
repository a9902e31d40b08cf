"""What each column of a portable model is made of: numbers, dates and categories, and where they are placed."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.arrays import Floats, Places
from algorithms.contract import OTHER
from algorithms.lazily import pandas, sklearn
from hpo.data.encoding.kinds import CalendarEncoding, CategoryEncoding, Encoding, NumberEncoding
from hpo.data.schema import BOOLEAN, DATE, DURATION, NUMERIC, TIME, TIMESTAMP
from hpo.errors import ExportError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import FunctionTransformer

    from hpo.data.encoding.encoder import ColumnEncoder
    from hpo.findings.hpo_dates import DateColumns

NO_VALUE = "missing"
"""What stands for a missing category; with underscores around it where that is a category itself."""

_NEW_YEAR = datetime.datetime(1970, 1, 1)

EXAMPLES: dict[str, object] = {
    DATE: _NEW_YEAR, TIMESTAMP: _NEW_YEAR, TIME: datetime.time(), DURATION: datetime.timedelta(),
}  # fmt: skip
"""A value of each kind that :class:`DateColumns` takes."""

GAPS = "gaps"
"""The kind of numbers whose gaps the model takes as they are."""

RARE = "other"
"""A category that stands for all rare and unknown ones."""


@dataclass(frozen=True)
class Part:
    """Some columns of the data, and the transformer that they need.

    Attributes
    ----------
    kind : ``"numbers"``, ``"gaps"`` (numbers whose gaps stay), ``"categories"`` or ``"dates"``; neighbours that are
        numbers share a transformer.
    names : of the columns.
    places : of the model's columns that it makes, in order; -1 of one that the model has not.
    values : what fills each number.
    gaps : of each number the place of the model's column that says where it is missing; -1 where there is none.
    encoder : of categories or dates, fitted.
    example : a value of the column.
    """

    kind: str
    names: list[str]
    places: list[int]
    values: list[float] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    encoder: BaseEstimator | None = None
    example: object = 0.0

    def takes(self, other: Part) -> bool:
        """Return whether another part is of the same kind, and can share the transformer."""
        return self.kind == other.kind and other.encoder is None

    def add(self, other: Part) -> None:
        """Take the columns of another part behind these."""
        for mine, more in zip(self._lists(), other._lists(), strict=True):
            mine.extend(more)

    def _lists(self) -> tuple[list[Any], ...]:
        return self.names, self.places, self.values, self.gaps

    def made(self) -> list[int]:
        """Return the places of the columns that the transformer makes: values, and then where they are missing."""
        return [*self.places, *(place for place in self.gaps if place >= 0)]

    def transformer(self, *, named: bool = True) -> BaseEstimator:
        """Return the transformer, fitted; to a frame of these columns if it is ``named``."""
        if self.encoder is not None:
            return self.encoder
        if self.kind == GAPS:
            example = np.zeros((1, len(self.names)))
            return as_floats().fit(pandas.DataFrame(example, columns=self.names) if named else example)
        gaps = np.array(self.gaps) >= 0
        values = np.array([self.values] if not gaps.any() else [self.values, np.where(gaps, np.nan, self.values)])
        made = sklearn.impute.SimpleImputer(keep_empty_features=True, add_indicator=bool(gaps.any()))
        made.fit(pandas.DataFrame(values, columns=self.names) if named else values)
        return made


@dataclass(frozen=True)
class Native:
    """What a model takes as it is.

    Attributes
    ----------
    gaps : places of the model's columns that are NaN where a number is missing.
    places : of those that are places of categories.
    """

    gaps: frozenset[int] = frozenset()
    places: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Layout:
    """How the columns of the data are found.

    Attributes
    ----------
    names : of the columns of the data, in order.
    positions : whether columns are taken by their places, as of an array.
    """

    names: list[str]
    positions: bool

    @classmethod
    def of(cls, encoder: ColumnEncoder) -> Layout:
        """Return that of an encoder: an array is one whose columns have the names that arrays get."""
        names = [str(name) for name in encoder.feature_names_in_]
        arrays = all(name == f"x{place}" for place, name in enumerate(names))
        numbers = all(each.kind in (NUMERIC, BOOLEAN) for each in encoder.encodings_)
        return cls(names, arrays and numbers)


def part_of(
    encoding: Encoding, matrix: Floats, used: Places, origin: float, dates: type[DateColumns] | None, native: Native
) -> Part:
    """Return what becomes of one column of the data."""
    if isinstance(encoding, CategoryEncoding):
        return _places(encoding, used) if native.places & set(used.tolist()) else _category(encoding, matrix, used)
    if isinstance(encoding, NumberEncoding) and encoding.kind in (NUMERIC, BOOLEAN):
        if native.gaps & set(used.tolist()):
            return Part(GAPS, [encoding.name], used.tolist(), [origin], [-1])
        return _number(encoding.name, matrix, used, origin)
    if isinstance(encoding, NumberEncoding | CalendarEncoding) and dates is not None:
        parts = encoding.parts if isinstance(encoding, CalendarEncoding) else ()
        kinds = (native.gaps, native.places)
        gaps, places = (tuple(j for j, place in enumerate(used.tolist()) if place in kind) for kind in kinds)
        made = dates(encoding.kind, parts, origin, np.ascontiguousarray(matrix), gaps, places)
        example = EXAMPLES[encoding.kind]
        made.fit(pandas.DataFrame({encoding.name: [example]}))
        return Part("dates", [encoding.name], used.tolist(), encoder=made, example=example)
    raise ExportError(
        f"column {encoding.name!r} ({encoding.kind}) is encoded in a way that scikit-learn has no class for; "
        f"make numbers of it before the study, or leave it out with drop=[{encoding.name!r}]"
    )


def _number(name: str, matrix: Floats, used: Places, origin: float) -> Part:
    """Return the value, and the indicator of its gaps where the model has it."""
    value, indicator, filled = [], [], origin
    for place, (times, gap) in zip(used.tolist(), matrix.T, strict=True):
        if times == 1.0:
            value.append(place)
            filled = origin + gap
        elif times == 0.0 and gap == 1.0:
            indicator.append(place)
        else:
            raise ExportError(f"column {name!r} enters the model {times:g} times; scikit-learn takes it once")
    if len(value) > 1 or len(indicator) > 1:
        raise ExportError(f"column {name!r} enters the model more than once; scikit-learn takes it once")
    return Part("numbers", [name], value or [-1], [filled], indicator or [-1])


def _category(encoding: CategoryEncoding, matrix: Floats, used: Places) -> Part:
    """Return an encoder: a column for each category that has one, and one for the rest where the model has it."""
    roles = [column.role for column in encoding.columns()]
    if not np.isin(matrix, (0.0, 1.0)).all() or (matrix.sum(axis=1) > 1.0).any():
        raise ExportError(f"the model numbers the categories of column {encoding.name!r}; scikit-learn does not")
    gap = _gap_of(encoding)
    labels = [*encoding.levels, None, gap]
    own: list[str] = []
    places: list[int] = []
    rest = -1
    for place, column in zip(used.tolist(), matrix.T, strict=True):
        members = np.flatnonzero(column)
        if len(members) == 1 and roles[members[0]] != OTHER:
            own.append(str(labels[members[0]]))
            places.append(place)
        elif OTHER in {roles[m] for m in members} and rest < 0:
            rest = place
        else:
            raise ExportError(
                f"some categories of column {encoding.name!r} share a column, without unknown ones; scikit-learn "
                "merges all that are rare"
            )
    unnamed = [str(label) for label, row in zip(labels, matrix, strict=True) if label is not None and not row.any()]
    if rest >= 0 and unnamed:  # zero in every column, where those unknown are not
        own += unnamed
        places += [-1] * len(unnamed)
    rare = RARE
    while rare in own or rare == gap:
        rare = f"_{rare}_"
    known = [*own, *([rare] if rest >= 0 else [])]
    places += [rest] if rest >= 0 else []
    rows = [*own, *own, *([rare] if rest >= 0 else [])]
    levels = sklearn.preprocessing.OneHotEncoder(
        categories=[np.array(known, dtype=object)], min_frequency=2, handle_unknown="infrequent_if_exist",
        sparse_output=False,
    )  # fmt: skip
    levels.fit(_frame(encoding.name, rows).to_numpy())
    nan, none, _ = _gaps_as(gap, encoding.name, known)
    steps = [("nan", nan), ("none", none), ("levels", levels)]
    return Part("categories", [encoding.name], places, encoder=sklearn.pipeline.Pipeline(steps), example=known[0])


def _places(encoding: CategoryEncoding, used: Places) -> Part:
    """Return an encoder of the place of each level, one more for others, and NaN where it is missing."""
    gap = _gap_of(encoding)
    known = [*encoding.levels, gap]
    nan, none, frame = _gaps_as(gap, encoding.name, known)
    k = len(encoding.levels)
    levels = sklearn.preprocessing.OrdinalEncoder(
        categories=[np.array(known, dtype=object)], handle_unknown="use_encoded_value", unknown_value=k + 1
    ).fit(frame.to_numpy())
    kept = np.array([*range(k), k + 1], dtype=float)
    places = sklearn.preprocessing.OrdinalEncoder(
        categories=[kept], handle_unknown="use_encoded_value", unknown_value=np.nan
    ).fit(kept[:, np.newaxis])
    steps = [("nan", nan), ("none", none), ("levels", levels), ("places", places)]
    return Part(
        "categories", [encoding.name], used.tolist(), encoder=sklearn.pipeline.Pipeline(steps), example=known[0]
    )


def _gap_of(encoding: CategoryEncoding) -> str:
    """Return what stands for a missing category: no category itself."""
    gap = NO_VALUE
    while gap in encoding.levels:
        gap = f"_{gap}_"
    return gap


def _gaps_as(gap: str, name: str, known: Sequence[str]) -> tuple[BaseEstimator, BaseEstimator, pd.DataFrame]:
    """Return what puts a word for NaN, for None, both fitted, and the frame that they are fitted to."""
    nan, none = (
        sklearn.impute.SimpleImputer(strategy="constant", fill_value=gap, missing_values=missing)
        for missing in (np.nan, None)
    )
    frame = _frame(name, known)
    return nan.fit(frame), none.fit(frame.to_numpy()), frame


def _frame(name: str, values: Sequence[object]) -> pd.DataFrame:
    made: pd.DataFrame = pandas.DataFrame({name: np.array(values, dtype=object)}, dtype=object)
    return made


def placed(layout: Layout, parts: Sequence[Part]) -> list[tuple[str, BaseEstimator]]:
    """Return the steps of an array: what follows the first gets no names, so that a frame does as well."""
    [part] = parts
    place = {name: at for at, name in enumerate(layout.names)}
    made = sklearn.compose.ColumnTransformer(
        [("floats", as_floats(), [place[name] for name in part.names])],
        sparse_threshold=0.0, verbose_feature_names_out=False,
    )  # fmt: skip
    made.fit(pandas.DataFrame(np.zeros((1, len(layout.names))), columns=layout.names))
    return [("columns", made), ("numbers", part.transformer(named=False))]


def as_floats() -> FunctionTransformer:
    """Return what makes floats of numbers, NaN where they are missing."""
    return sklearn.preprocessing.FunctionTransformer(
        sklearn.utils.check_array, accept_sparse=True, feature_names_out="one-to-one",
        kw_args={"dtype": "float64", "ensure_all_finite": "allow-nan", "accept_sparse": "csc"},
    )  # fmt: skip


def assembled(layout: Layout, parts: Sequence[Part]) -> ColumnTransformer:
    """Return one transformer of all columns, whose parts are fitted already."""
    frozen = sklearn.frozen.FrozenEstimator
    named: list[tuple[str, BaseEstimator, list[str]]] = []
    for part in parts:
        same = sum(kind.startswith(part.kind) for kind, _, _ in named)
        named.append((f"{part.kind}{same + 1}" if same else part.kind, part.transformer(), part.names))
    made = sklearn.compose.ColumnTransformer(
        [(name, frozen(each), columns) for name, each, columns in named], sparse_threshold=0.0,
        verbose_feature_names_out=False,
    )  # fmt: skip
    examples = {name: part.example for part in parts for name in part.names}
    made.fit(pandas.DataFrame({name: [examples.get(name, 0.0)] for name in layout.names}))
    made.transformers = named
    made.transformers_ = named
    return made
