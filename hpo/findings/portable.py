"""A model in scikit-learn's own classes: what stands before it, as imputers and encoders that it has.

The encoder and the linear map behind it (:func:`algorithms.preparing.steps.map_of`) become one
``ColumnTransformer`` of ``SimpleImputer``, ``MissingIndicator`` and ``OneHotEncoder``, fitted to what the states
say, so that a model runs where this package is not installed. What has no counterpart there is refused by name:
dates and times of which scikit-learn has no encoder, hashes, and classes of this package.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.arrays import Floats, Places
from algorithms.contract import OTHER
from algorithms.lazily import pandas, scipy, sklearn
from algorithms.preparing.steps import map_of
from hpo.data.encoding.encodings import CalendarEncoding, CategoryEncoding, Encoding, NumberEncoding
from hpo.data.schema import BOOLEAN, DATE, DURATION, NUMERIC, TIME, TIMESTAMP
from hpo.errors import ExportError

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    from hpo.data.encoding.encoder import ColumnEncoder
    from hpo.findings.hpo_dates import DateColumns

NO_VALUE = "missing"
"""What stands for a missing category; with underscores around it where that is a category itself."""

_NEW_YEAR = datetime.datetime(1970, 1, 1)
EXAMPLES: dict[str, object] = {
    DATE: _NEW_YEAR, TIMESTAMP: _NEW_YEAR, TIME: datetime.time(), DURATION: datetime.timedelta(),
}  # fmt: skip
"""A value of each kind that :class:`DateColumns` takes."""

RARE = "other"
"""A category that stands for all rare and unknown ones."""


def portable(model: Pipeline, dates: type[DateColumns] | None = None) -> Pipeline:
    """Return the same model as a fitted pipeline of scikit-learn's classes, which shares nothing with it.

    Parameters
    ----------
    model : of a study: ``result.model_of(encoded=True)``, or that of a candidate.
    dates : the class that encodes dates and times, from wherever the model will find it; None refuses them.

    Raises
    ------
    hpo.errors.ExportError
        Names the column or the step that scikit-learn has no class for.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> result = hpo.tune((X, X[:, 0]), algorithm="ridge", trials=2, store=None)
    >>> [type(step).__module__.split(".")[0] for _, step in portable(result.model_of(encoded=True)).steps]
    ['sklearn', 'sklearn', 'sklearn', 'sklearn']
    """
    encoder, matrix, after = parts_of(model)
    return sklearn.pipeline.Pipeline([*columns_of(encoder, matrix, dates), *after])


def travelling(model: Pipeline) -> Pipeline:
    """Return a model in scikit-learn's own classes where they express it, and else the model itself.

    It stays where a step is of this package, and where a column is a date, a time, a duration or hashed, numbered
    levels, or a category whose levels may have been numbers: a frame may hold them as such, which
    ``OneHotEncoder`` would not find among texts.

    Parameters
    ----------
    model : of a study.
    """
    encodings = model[0].encodings_
    if any(maybe_numbers(each) for each in encodings):
        return model
    try:
        return portable(model)
    except ExportError:
        return model


def maybe_numbers(encoding: Encoding) -> bool:
    """Return whether a column is a category whose levels may be the texts of numbers, dates or booleans."""
    words, signs = ("true", "false", "nan", "inf"), "+-.0123456789"
    return isinstance(encoding, CategoryEncoding) and all(
        level[:1] in signs or level.lower() in words for level in encoding.levels
    )


def parts_of(model: Pipeline) -> tuple[ColumnEncoder, csr_array, list[tuple[str, BaseEstimator]]]:
    """Return the encoder of a model, the map to the model's columns, shape (d, q), and the steps after it.

    Raises
    ------
    hpo.errors.ExportError
        Names a step that scikit-learn has no class for.
    """
    (_, encoder), *rest = model.steps
    after, matrix = [], scipy.sparse.eye_array(len(encoder.columns_), format="csr")
    for name, step in rest:
        if (more := map_of(step)) is not None:
            matrix = scipy.sparse.csr_array(matrix @ more)
            continue
        if not type(step).__module__.startswith("sklearn."):
            raise ExportError(
                f"step {name!r} of the model is {type(step).__name__}, a class of this package: the model runs "
                "only where that is installed, by hpo.load and result.predict; tune another algorithm to export one"
            )
        after.append((name, copy.deepcopy(step)))
    return encoder, matrix, after


def columns_of(
    encoder: ColumnEncoder, matrix: csr_array, dates: type[DateColumns] | None = None
) -> list[tuple[str, BaseEstimator]]:
    """Return the fitted steps that make a model's columns of a frame.

    Parameters
    ----------
    encoder : fitted.
    matrix : shape (d, q), from encoded columns to the model's.
    dates : the class of dates; None refuses them.
    """
    parts: list[Part] = []
    for encoding, first in encoder.placed:
        rows, used = _rows(matrix, first, len(encoding.columns()))
        if not len(used):
            continue
        part = _part(encoding, rows, used, encoder.columns_[first].origin, dates)
        if parts and parts[-1].takes(part):
            parts[-1].add(part)
        else:
            parts.append(part)
    if not parts:
        raise ExportError("the model has no column")
    made = np.array([place for part in parts for place in part.made()])
    if sorted(made[made >= 0]) != list(range(matrix.shape[1])):
        raise ExportError("the model's columns are sums over several columns of the data")
    layout = Layout.of(encoder)
    steps = _placed(layout, parts) if layout.positions else [("columns", _assembled(layout, parts))]
    if made.tolist() != list(range(matrix.shape[1])):
        order = np.argsort(np.where(made < 0, len(made), made), kind="stable")[: matrix.shape[1]]
        chosen = sklearn.compose.ColumnTransformer(
            [("chosen", "passthrough", order.tolist())], verbose_feature_names_out=False
        )
        steps.append(("order", chosen.fit(np.zeros((2, len(made))))))
    return steps


def _rows(matrix: csr_array, first: int, count: int) -> tuple[Floats, Places]:
    """Return the rows of a map that begin at ``first``, of the columns where they are not zero, and these."""
    begins = matrix.indptr[first : first + count + 1]
    where = slice(begins[0], begins[-1])
    kept = matrix.data[where] != 0.0
    columns = matrix.indices[where][kept]
    used, place = np.unique(columns, return_inverse=True)
    made = np.zeros((count, len(used)))
    made[np.repeat(np.arange(count), np.diff(begins))[kept], place] = matrix.data[where][kept]
    return made, used


@dataclass(frozen=True)
class Part:
    """Some columns of the data, and the transformer that they need.

    Attributes
    ----------
    kind : ``"numbers"``, ``"categories"`` or ``"dates"``; neighbours that are numbers share a transformer.
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
        gaps = np.array(self.gaps) >= 0
        values = np.array([self.values] if not gaps.any() else [self.values, np.where(gaps, np.nan, self.values)])
        made = sklearn.impute.SimpleImputer(keep_empty_features=True, add_indicator=bool(gaps.any()))
        made.fit(pandas.DataFrame(values, columns=self.names) if named else values)
        return made


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


def _part(
    encoding: Encoding, matrix: Floats, used: Places, origin: float, dates: type[DateColumns] | None
) -> Part:
    if isinstance(encoding, CategoryEncoding):
        return _category(encoding, matrix, used)
    if isinstance(encoding, NumberEncoding) and encoding.kind in (NUMERIC, BOOLEAN):
        return _number(encoding.name, matrix, used, origin)
    if isinstance(encoding, NumberEncoding | CalendarEncoding) and dates is not None:
        parts = encoding.parts if isinstance(encoding, CalendarEncoding) else ()
        made = dates(encoding.kind, parts, origin, np.ascontiguousarray(matrix))
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
    gap = NO_VALUE
    while gap in encoding.levels:
        gap = f"_{gap}_"
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
    nan = sklearn.impute.SimpleImputer(strategy="constant", fill_value=gap, missing_values=np.nan)
    none = sklearn.impute.SimpleImputer(strategy="constant", fill_value=gap, missing_values=None)
    frame = _frame(encoding.name, known)
    steps = [("nan", nan.fit(frame)), ("none", none.fit(frame.to_numpy())), ("levels", levels)]
    return Part("categories", [encoding.name], places, encoder=sklearn.pipeline.Pipeline(steps), example=known[0])


def _frame(name: str, values: Sequence[object]) -> pd.DataFrame:
    made: pd.DataFrame = pandas.DataFrame({name: np.array(values, dtype=object)}, dtype=object)
    return made


def _placed(layout: Layout, parts: Sequence[Part]) -> list[tuple[str, BaseEstimator]]:
    """Return the steps of an array: what follows the first gets no names, so that a frame does as well."""
    [part] = parts
    place = {name: at for at, name in enumerate(layout.names)}
    as_floats = sklearn.preprocessing.FunctionTransformer(
        sklearn.utils.check_array, accept_sparse=True, feature_names_out="one-to-one",
        kw_args={"dtype": "float64", "ensure_all_finite": "allow-nan", "accept_sparse": "csc"},
    )  # fmt: skip
    made = sklearn.compose.ColumnTransformer(
        [("floats", as_floats, [place[name] for name in part.names])],
        sparse_threshold=0.0, verbose_feature_names_out=False,
    )  # fmt: skip
    made.fit(pandas.DataFrame(np.zeros((1, len(layout.names))), columns=layout.names))
    return [("columns", made), ("numbers", part.transformer(named=False))]


def _assembled(layout: Layout, parts: Sequence[Part]) -> ColumnTransformer:
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
