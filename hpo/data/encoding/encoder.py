"""The encoder: what turns rows of mixed types into the numbers that summaries are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algorithms.arrays import Array, Floats, Values
from algorithms.batches import Label
from algorithms.contract import Batch, Column, SparseBatch
from algorithms.lazily import scipy, sklearn
from hpo.data.cells import cell_order
from hpo.data.encoding.coded import Tables
from hpo.data.encoding.encodings import as_learned, distinct_names, learn, needs_sample, restore, write_target
from hpo.data.encoding.gather import Gather, Workspace
from hpo.data.encoding.hashed import Hashed, HashedEncoding, hash_beyond
from hpo.data.encoding.kinds import CategoryEncoding, Encoding, infinite_value
from hpo.data.encoding.rows import usable_rows
from hpo.data.hashing import Words
from hpo.data.origins import KINDS, origins_of
from hpo.data.schema import Field, Schema, unknown_column
from hpo.data.segment import Rows
from hpo.data.sources.pairs import as_table
from hpo.data.values import Places, as_numbers, one_array
from hpo.errors import DataError

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Encoded:
    """An encoded batch whose rows are sorted by cell.

    Attributes
    ----------
    batch : the rows, those of cell 0 first; it may be in a workspace that the next batch overwrites.
    counts : shape (n_cells,), rows of each cell.
    without_target : rows left out because a target is missing.
    without_weight : further rows left out because their weight is zero.
    """

    batch: Batch
    counts: NDArray[np.intp]
    without_target: int
    without_weight: int


class ColumnEncoder:
    """What :class:`~hpo.data.encoding.transformer.Encoder` does, without scikit-learn: a pass needs no more.

    Parameters and attributes are the transformer's.
    """

    columns_: tuple[Column, ...]
    classes_: tuple[Any, ...]
    encodings_: tuple[Encoding, ...]
    dtype_: np.dtype[Any]

    def __init__(self, max_categories: int = 64, dtype: str = "auto", hash_columns: Hashed = None) -> None:
        self.max_categories = max_categories
        self.dtype = dtype
        self.hash_columns = hash_columns

    def sample_columns(self, fields: Iterable[Field]) -> tuple[str, ...]:
        """Return the columns whose encoding is learned from a sample: none for purely numeric data."""
        fields = tuple(fields)
        beyond = self._hash_beyond(fields)
        return tuple(f.name for f in fields if needs_sample(f) and beyond.get(f.name) != 0)

    def numbers(self, fields: Iterable[Field]) -> tuple[Field, ...]:
        """Return the fields that are encoded as a number with an origin."""
        fields = tuple(fields)
        beyond = self._hash_beyond(fields)
        return tuple(f for f in fields if f.kind in KINDS and beyond.get(f.name) != 0)

    def fit(self, X: object, y: object = None) -> Self:
        """Learn the encoding of every column of a frame, table or array."""
        table = as_table(X)
        for count, what in ((table.num_columns, "feature(s)"), (table.num_rows, "sample(s)")):
            if not count:
                raise DataError(f"0 {what} (shape={table.shape}) while a minimum of 1 is required.")
        return self.fit_fields(Schema.from_arrow(table.schema), table)

    def fit_fields(
        self,
        fields: Iterable[Field],
        sample: pa.Table | None = None,
        targets: Iterable[Field] = (),
        weight: str | None = None,
        classes: Sequence[Label] = (),
        origins: Mapping[str, float] | None = None,
    ) -> Self:
        """Learn the encoding of ``fields`` from a sample that holds at least ``sample_columns(fields)``.

        ``targets`` are not encoded; ``dtype="auto"`` chooses a type that holds them too. ``weight`` names a
        column of the sample by which levels are counted. ``classes`` are the sorted labels of a target that
        is a class: batches hold their places. ``origins`` are those of numbers and days, by column; None takes
        them from the sample.
        """
        fields, targets = tuple(fields), tuple(targets)
        if self.max_categories < 1:
            raise DataError(f"max_categories must be at least 1, not {self.max_categories}")
        columns = {} if sample is None else dict(zip(sample.column_names, sample.columns, strict=True))
        weights = None if weight is None else columns[weight]
        beyond = self._hash_beyond(fields)
        known = origins_of(fields, columns) if origins is None else origins
        encodings = [
            learn(
                f, columns.get(f.name), self.max_categories, weights, beyond.get(f.name), known.get(f.name, 0)
            )
            for f in fields
        ]
        numbers = [f for f in fields if beyond.get(f.name) != 0]
        # a value far from its column's origin, such as a sentinel, has no float32 difference to it
        narrow = not known and all(field.narrow for field in (*numbers, *(() if classes else targets)))
        self._settle(encodings, "float32" if narrow else "float64", classes)
        return self

    def transform(self, X: object) -> Floats:
        """Return the encoded rows, shape (n, d); columns may come in any order, further ones are ignored.

        They are encoded as in a pass and origins are added last, so they equal the rows of the states bit by bit.
        They are float64 unless ``dtype`` is ``"float32"``: scikit-learn's steps compute in the type that they get.
        """
        self._check_fitted()
        table = self._conform(as_table(X, tuple(self.feature_names_in_)))
        kind = np.float64 if self.dtype == "auto" else self.dtype_
        out = np.zeros((table.num_rows, len(self.columns_)), kind, order="F")
        # a column that no batch holds stays zero: only levels and indicators are ever left out
        start, workspace = 0, Workspace()
        for batch in table.to_batches(max_chunksize=1 << 16):
            encoded = self.encode(batch, workspace=workspace, where="the data to transform")
            stop = start + batch.num_rows
            present = range(encoded.d) if encoded.present is None else encoded.present
            for place, values in zip(present, encoded.values.T, strict=True):
                out[start:stop, place] = values
            start = stop
        origin = np.array([column.origin for column in self.columns_])
        return out + origin if origin.any() else out

    @property
    def labelled(self) -> tuple[str, ...]:
        """Names of the features whose values are labels, whatever type they come in: categories, hashed or not."""
        kinds = (CategoryEncoding, HashedEncoding)
        return tuple(encoding.name for encoding in self.encodings_ if isinstance(encoding, kinds))

    @property
    def hashed(self) -> frozenset[str]:
        """Names of the features that are hashed."""
        return frozenset(e.name for e in self.encodings_ if isinstance(e, HashedEncoding))

    def get_feature_names_out(self, input_features: Iterable[str] | None = None) -> NDArray[np.object_]:
        """Return the names of the encoded columns."""
        self._check_fitted()
        if input_features is not None and list(input_features) != list(self.feature_names_in_):
            raise ValueError("input_features is not equal to feature_names_in_")
        return np.array([column.name for column in self.columns_], dtype=object)

    def to_dict(self) -> dict[str, object]:
        """Return the fitted encoder as JSON-ready values."""
        self._check_fitted()
        return {
            "max_categories": self.max_categories,
            "dtype": self.dtype,
            "fitted_dtype": self.dtype_.name,
            "encodings": [encoding.to_dict() for encoding in self.encodings_],
            **({"classes": list(self.classes_)} if self.classes_ else {}),
            **({"hash_columns": _plain(self.hash_columns)} if self.hash_columns else {}),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Return the fitted encoder that ``to_dict`` wrote."""
        encoder = cls(document["max_categories"], document["dtype"], document.get("hash_columns"))
        encodings = [restore(item) for item in document["encodings"]]
        encoder._settle(encodings, document["fitted_dtype"], document.get("classes", ()))
        return encoder

    def encode(
        self,
        batch: pa.RecordBatch,
        targets: Sequence[str] = (),
        weight: str | None = None,
        order: Places | None = None,
        *,
        workspace: Workspace | None = None,
        where: str = "",
    ) -> Batch:
        """Return a batch of encoded rows: the hot path of a pass.

        Parameters
        ----------
        batch : the features, targets and weight, of the kinds the encoder was fitted on.
        order : rows to take, in order; None for all. Rows without a target or of weight zero are left out.
        workspace : where to write; None for fresh memory.
        where : what the batch is a part of, for error messages.

        Raises
        ------
        DataError
            Naming the column that is infinite, or the weight that is negative or missing.
        """
        usable = usable_rows(batch, targets, weight, where, self.classes_)
        if usable.keep is not None:
            order = np.flatnonzero(usable.keep) if order is None else order[usable.keep[order]]
        return self._gather(batch, targets, weight, order, workspace, where)

    def encode_cells(
        self,
        rows: Rows | pa.RecordBatch,
        targets: Sequence[str],
        weight: str | None,
        cells: NDArray[np.integer],
        n_cells: int,
        *,
        priority: Words | None = None,
        beside: Mapping[str, Values] | None = None,
        workspace: Workspace | None = None,
        where: str = "",
        tables: Tables | None = None,
        codes: bool = False,
    ) -> Encoded:
        """Return a batch of encoded rows sorted by cell, with the number of rows of each cell.

        Like :meth:`encode` otherwise. ``cells`` has a cell for each row, ``priority`` a hash, and ``beside``
        what else batches say of each row. Features that are a sparse matrix stay sparse; those that are looked up
        stay codes, of tables that ``tables`` encodes once; with ``codes`` so do categories.
        """
        matrix, batch = (rows.sparse, rows.batch) if isinstance(rows, Rows) else (None, rows)
        usable = usable_rows(batch, targets, weight, where, self.classes_)
        order, counts = cell_order(cells, n_cells, usable.keep)
        hashes = None if priority is None else priority[order]
        if matrix is not None:
            encoded: Batch = self._beside(matrix[order], batch, targets, weight, order, where, hashes)
        elif isinstance(rows, Rows) and (rows.looked or codes):
            taken, room = _taken_weight(batch, weight, order), workspace or Workspace()
            encoded = (tables or Tables(self)).batch(rows, targets, taken, order, hashes, room, where)
        else:
            encoded = self._gather(batch, targets, weight, order, workspace, where)
            encoded = encoded if hashes is None else replace(encoded, priority=hashes)
        encoded = encoded.but(**{name: values[order] for name, values in (beside or {}).items()})
        return Encoded(encoded, counts, usable.without_target, usable.without_weight)

    def _beside(
        self,
        matrix: csr_array,
        batch: pa.RecordBatch,
        targets: Sequence[str],
        weight: str | None,
        order: Places,
        where: str,
        priority: Words | None,
    ) -> SparseBatch:
        """Return the encoded rows of a sparse matrix, in order, with their targets and weight."""
        y = np.zeros((len(order), len(targets)), self.dtype_, order="F")
        gather = Gather(y.reshape(-1, order="F"), len(order), order, where)
        for index, name in enumerate(targets):
            write_target(gather, name, batch.column(name), index, self.classes_)
        features, taken = self._sparse(matrix, where), _taken_weight(batch, weight, order)
        return SparseBatch(features, gather.values(), taken, priority)

    def _sparse(self, matrix: csr_array, where: str) -> csr_array:
        """Return the encoded columns of a sparse matrix: values, and ones where a number is missing."""
        firsts, data = np.array(self._firsts, matrix.indices.dtype), matrix.data.astype(self.dtype_)
        infinite = np.flatnonzero(np.isinf(data))
        if len(infinite):
            name = self.encodings_[int(matrix.indices[infinite[0]])].name
            raise infinite_value(name, float(data[infinite[0]]), where, str(self.dtype_))
        missing = np.isnan(data)
        indices = firsts[matrix.indices] + missing
        shape = (matrix.shape[0], len(self.columns_))
        values = np.where(missing, 1.0, data).astype(self.dtype_)
        made = scipy.sparse.csr_array((values, indices, matrix.indptr), shape=shape)
        made.sum_duplicates()
        made.eliminate_zeros()
        return made

    def _gather(
        self,
        batch: pa.RecordBatch,
        targets: Sequence[str],
        weight: str | None,
        order: Places | None,
        workspace: Workspace | None,
        where: str,
    ) -> Batch:
        d, rows = len(self.columns_), batch.num_rows if order is None else len(order)
        buffer = (workspace or Workspace()).reserve(rows, d + len(targets), self.dtype_)
        gather = Gather(buffer, rows, order, where)
        arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
        with np.errstate(over="ignore", invalid="ignore"):
            for encoding, first in self.placed:
                encoding.write(gather, arrays[encoding.name], first)
            for index, name in enumerate(targets):
                write_target(gather, name, arrays[name], d + index, self.classes_)
        whole = len(gather.present) == d + len(targets)
        present = None if whole else np.array(gather.present, np.intp)
        return Batch(gather.values(), d, _taken_weight(batch, weight, order), present)

    @property
    def placed(self) -> Iterator[tuple[Encoding, int]]:
        """Every encoding, with the place of its first column."""
        return zip(self.encodings_, self._firsts, strict=True)

    def _check_fitted(self) -> None:
        if "encodings_" not in vars(self):
            name = type(self).__name__
            raise sklearn.exceptions.NotFittedError(f"This {name} instance is not fitted yet; call 'fit' first.")

    def _hash_beyond(self, fields: Iterable[Field]) -> dict[str, int]:
        return hash_beyond(fields, self.hash_columns, self.max_categories)

    def _settle(self, encodings: Sequence[Encoding], automatic: str, classes: Sequence[Label]) -> None:
        """Set the fitted attributes."""
        chosen = automatic if self.dtype == "auto" else self.dtype
        if chosen not in ("float32", "float64"):
            raise DataError(f"dtype {self.dtype!r} is unknown; use 'auto', 'float32' or 'float64'")
        parts = [encoding.columns() for encoding in encodings]
        self.encodings_ = tuple(encodings)
        self.classes_ = tuple(classes)
        self.columns_ = distinct_names([column for part in parts for column in part])
        self._firsts = np.cumsum([0, *(len(part) for part in parts)])[:-1].tolist()
        self.dtype_ = np.dtype(chosen)
        self.feature_names_in_ = np.array([encoding.name for encoding in encodings], dtype=object)
        self.n_features_in_ = len(encodings)

    def _conform(self, table: pa.Table) -> pa.Table:
        """Return the learned columns of a table; DataError names those missing or of another kind."""
        missing = [name for name in self.feature_names_in_ if name not in table.column_names]
        if missing:
            more = f" (and {len(missing) - 1} more: {', '.join(missing[1:9])})" if len(missing) > 1 else ""
            raise DataError(unknown_column(missing[0], table.column_names, "feature") + more)
        arrays = [as_learned(e, one_array(table.column(e.name))) for e in self.encodings_]
        return pa.table(arrays, names=list(self.feature_names_in_))


def _plain(hashed: Hashed) -> str | list[str] | None:
    """Return what is hashed as JSON has it."""
    return hashed if hashed is None or isinstance(hashed, str) else list(hashed)


def _taken_weight(batch: pa.RecordBatch, weight: str | None, order: Places | None) -> Array | None:
    if weight is None:
        return None
    values = as_numbers(batch.column(weight)).astype(np.float64)
    return values if order is None else values.take(order)
