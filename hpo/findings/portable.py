"""A model in scikit-learn's own classes: what stands before it, as imputers and encoders that it has.

The encoder and the linear map behind it (:func:`algorithms.preparing.steps.map_of`) become one
``ColumnTransformer`` of ``SimpleImputer``, ``MissingIndicator`` and ``OneHotEncoder``, fitted to what the states
say, so that a model runs where this package is not installed. What has no counterpart there is refused by name:
dates and times of which scikit-learn has no encoder, hashes, and classes of this package.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Floats, Places
from algorithms.lazily import scipy, sklearn
from algorithms.preparing.native_step import native_of
from algorithms.preparing.steps import map_of
from hpo.data.encoding.kinds import CategoryEncoding, Encoding
from hpo.errors import ExportError
from hpo.findings.portable_parts import Layout, Native, Part, assembled, part_of, placed

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

    from algorithms.preparing.native_columns import NativeColumns
    from hpo.data.encoding.encoder import ColumnEncoder
    from hpo.findings.hpo_dates import DateColumns


OURS = ("algorithms", "hpo")
"""The packages of classes that are not there where this package is not."""


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
    parts = parts_of(model)
    return sklearn.pipeline.Pipeline([*columns_of(parts, dates), *parts.after])


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
    """Return whether a column is a category whose levels may be texts of numbers, intervals, dates or booleans."""
    words, signs = ("true", "false", "nan", "inf"), "([+-.0123456789"
    return isinstance(encoding, CategoryEncoding) and all(
        level[:1] in signs or level.lower() in words for level in encoding.levels
    )


@dataclass(frozen=True, eq=False)
class Parts:
    """What a model is made of.

    Attributes
    ----------
    encoder : of the columns of the data.
    matrix : shape (d, q), from encoded columns to the model's.
    after : the steps that follow, copied.
    native : what of the columns the model takes as it is; None where it takes nothing so.
    """

    encoder: ColumnEncoder
    matrix: csr_array
    after: list[tuple[str, BaseEstimator]]
    native: NativeColumns | None = None


def parts_of(model: Pipeline) -> Parts:
    """Return the encoder of a model, the map to the model's columns and the steps after it.

    Raises
    ------
    hpo.errors.ExportError
        Names a step that is of this package.
    """
    (_, encoder), *rest = model.steps
    after, matrix, native = [], scipy.sparse.eye_array(len(encoder.columns_), format="csr"), None
    for name, step in rest:
        if (more := map_of(step)) is not None:
            matrix = scipy.sparse.csr_array(matrix @ more)
            continue
        if (native_map := native_of(step)) is not None and not native_map.framed:
            matrix, native = native_map.matrix.tocsr(), native_map
            continue
        if type(step).__module__.partition(".")[0] in OURS:
            raise ExportError(
                f"step {name!r} of the model is {type(step).__name__}, a class of this package: the model runs "
                "only where that is installed, by hpo.load and result.predict; tune another algorithm to export one"
            )
        after.append((name, copy.deepcopy(step)))
    return Parts(encoder, matrix, after, native)


def native_words(model: Pipeline) -> str:
    """Return what a report says of columns that a model takes as they are; empty where it takes none so."""
    found = next((made for _, step in model.steps if (made := native_of(step)) is not None), None)
    if found is None:
        return ""
    names = [found.names[place] for place in found.categories]
    shown = f", and categories without columns of levels ({', '.join(names[:9])}{', …' * (len(names) > 9)})"
    return (
        f"The best model takes missing values as they are{shown * bool(names)}; encoding='one_hot' among its "
        "hyperparameters encodes them."
    )


def columns_of(model: Parts, dates: type[DateColumns] | None = None) -> list[tuple[str, BaseEstimator]]:
    """Return the fitted steps that make a model's columns of a frame.

    Parameters
    ----------
    model : its parts.
    dates : the class of dates; None refuses them.
    """
    encoder, matrix = model.encoder, model.matrix
    native = Native() if model.native is None else Native(*(
        frozenset(places.tolist()) for places in (model.native.at, model.native.categories)
    ))  # fmt: skip
    parts: list[Part] = []
    for encoding, first in encoder.placed:
        rows, used = _rows(matrix, first, len(encoding.columns()))
        if not len(used):
            continue
        part = part_of(encoding, rows, used, encoder.columns_[first].origin, dates, native)
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
    steps = placed(layout, parts) if layout.positions else [("columns", assembled(layout, parts))]
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
