"""Open a data set, whatever it is stored in."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from hpo.data.dataset import Dataset
from hpo.data.documents import Vocabularies, documents_of
from hpo.data.interactions import Pairs, matrix_block
from hpo.data.sources.files import DataFile, list_files
from hpo.data.sources.footers import Shelf
from hpo.data.sources.formats import open_files
from hpo.data.sources.frames import collected, frame_table, is_frame
from hpo.data.sources.joins import Dimensions, Join, open_dimensions
from hpo.data.sources.memory import gather_block
from hpo.data.sources.memory_blocks import TableBlock
from hpo.data.sources.named import is_path
from hpo.data.sources.pairs import pair_block
from hpo.data.sources.readers import all_names, column_names, gather_readers
from hpo.data.sources.roles import Roles, as_names, index_columns, resolve_roles
from hpo.data.sources.source import FileReader, Source
from hpo.data.sources.text import USUAL, TextFormat
from hpo.data.sources.windows import ALL, Window
from hpo.errors import DataError, DataWarning
from hpo.process.garbage import no_search

_Asked: TypeAlias = dict[str, Any]
"""The roles of columns as they are asked for: target, weight, features and drop."""


def open_dataset(
    data: Any,
    *,
    target: str | Iterable[str] | None = None,
    weight: Any = None,
    features: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    fingerprint: Literal["fast", "content"] = "fast",
    storage_options: Mapping[str, Any] | None = None,
    text: TextFormat = USUAL,
    footers: Shelf | None = None,
    window: Window = ALL,
    join: Mapping[str, object] | None = None,
    beside: Sequence[str] = (),
    interactions: Mapping[str, object] | None = None,
    documents: Mapping[str, object] | None = None,
    vocabularies: Vocabularies | None = None,
) -> Dataset:
    """Return the data set of files, frames or arrays.

    Parameters
    ----------
    data : a path, directory, glob or URI of Parquet, CSV (also .gz, .bz2, .zst) or Arrow IPC files, or a list
        of these; a pandas, polars or Arrow table; ``(X, y)`` with X an array, frame or SciPy sparse
        matrix; or such an X alone; or any of these in a :class:`~hpo.data.sources.joins.Join`. ``key=value``
        directories become columns. URIs go through Arrow's file systems, or fsspec's for other schemes and
        whenever ``storage_options`` are given.
    target : name or names of the target columns; for ``(X, y)`` all of y.
    weight : name of the column of row weights; for data in memory also an array of them.
    features : names of the features; None for every other column.
    drop : columns that are not features; they can still be read, for example to group folds by.
    fingerprint : ``"fast"``, a file is known by its address, size, time and footer; ``"content"``, by its
        bytes alone, so that a copy elsewhere is the same data.
    text : how CSV files are written, where that is not as usual; nothing to data of other formats.
    footers : where it is remembered what Parquet files say of themselves, so that known ones are not opened.
    window : which of the files count.
    join : tables to look columns up in, as :class:`~hpo.data.sources.joins.Join` takes them.
    beside : further columns that folds read.
    interactions : the columns that name users, items and values, where a row is one user and one item: the data
        set is a matrix of users by items, with the column of users beside it.
    documents : the column of texts, ``"text"``, and parameters of ``CountVectorizer``: the data set is a matrix of
        documents by words. ``features`` are the words, where these are known.
    vocabularies : where the words of documents in files are remembered, so that further files have the same.

    Raises
    ------
    DataError
        Where something is missing, empty, unreadable, or not of one schema.

    Examples
    --------
    >>> import pyarrow as pa
    >>> dataset = open_dataset(pa.table({"x": [1.0, 2.0], "y": [0.5, 1.5]}), target="y")
    >>> dataset.rows, [field.name for field in dataset.features]
    (2, ['x'])
    """
    if fingerprint not in ("fast", "content"):
        raise DataError(f"fingerprint {fingerprint!r} is unknown; use 'fast' or 'content'")
    others = {"target": target, "weight": weight, "join": join}
    if interactions is not None or documents is not None:
        rows = partial(
            open_dataset, data, fingerprint=fingerprint, storage_options=storage_options, text=text,
            footers=footers, window=window,
        )  # fmt: skip
        if interactions is not None:
            _refuse(others, "rows of users and items")
            return _open_interactions(rows, Pairs.of(interactions), features, drop)
        _refuse(others, "rows of documents")
        if beside:
            raise DataError(
                f"folds by column {beside[0]!r}: rows of documents have their words alone; give a number of folds, "
                "or {'scheme': 'segment'} for a fold of each file"
            )
        return _open_documents(rows, documents or {}, features, drop, vocabularies)
    data, asked_join = apart(data, join)
    data = collected(data)
    if window.words and not _are_paths(data):
        raise DataError(
            f"{window.words}: that chooses among files, and {_name(data)} is in memory; choose its rows beforehand"
        )
    if _is_matrix(data):
        data = (data, None)
    asked = {"target": target, "weight": weight, "features": features, "drop": drop}
    tables = Dimensions()
    if asked_join is not None:
        tables = open_dimensions(asked_join, as_names(drop), storage_options, text)
    star = _Star(tables, tuple(beside), asked_join)
    if isinstance(data, tuple) and len(data) == 2 and not is_path(data[0]):
        dataset = _open_pair(data, asked, star)
    elif is_frame(data):
        dataset = _open_frame(data, asked, star)
    else:
        files, said = window.choose(_listed(data, storage_options))
        dataset = _open_files(files, asked, star, fingerprint, text, footers)
        dataset.chosen = said
    if dataset.rows == 0:
        raise DataError(f"{_name(data)} holds no rows; check that it is the data you meant")
    return dataset


def apart(data: object, join: Mapping[str, object] | None) -> tuple[object, Join | None]:
    """Return the facts, and what is joined to them; None for nothing.

    Raises
    ------
    DataError
        If it is said twice.
    """
    if not isinstance(data, Join):
        return data, Join(data, join) if join else None
    if join:
        raise DataError("data is a Join, and join= is given too; say once what is joined")
    return data.data, data


def _refuse(others: Mapping[str, object], rows: str) -> None:
    """Refuse what is asked for beside data that has none of it."""
    if given := [name for name, value in others.items() if value is not None and value != ()]:
        raise DataError(f"{given[0]}: {rows} have none; leave it out")


def _open_interactions(
    rows: Callable[..., Dataset], pairs: Pairs, features: Iterable[str] | None, drop: Iterable[str] | None
) -> Dataset:
    """Return the matrix of users by items, the column of users beside it."""
    read = rows(features=pairs.columns)
    items = None if features is None else as_names(features)
    block = matrix_block(read.exactly(pairs.columns[:2]), pairs, items)
    dropped = [pairs.user, *as_names(drop)]
    roles = resolve_roles(block.schema.names, target=None, weight=None, features=None, drop=dropped)
    made = Dataset(gather_block(block, (*roles.used, pairs.user)), roles, None)
    made.chosen = read.chosen
    return made


def _open_documents(
    rows: Callable[..., Dataset],
    documents: Mapping[str, object],
    features: Iterable[str] | None,
    drop: Iterable[str] | None,
    vocabularies: Vocabularies | None,
) -> Dataset:
    """Return the counts of words, documents by words."""
    column, counting = str(documents["text"]), {k: v for k, v in documents.items() if k != "text"}
    read = rows(features=[column])
    words = None if features is None else as_names(features)
    found = documents_of(read, column, counting, words, vocabularies)
    made = Dataset(found.source, resolve_roles(found.source.schema.names, drop=drop), None)
    made.chosen, made.remark = read.chosen, found.remark
    made.log.add_pilot(read.log.pilot_rows)
    return made


@dataclass(frozen=True, eq=False)
class _Star:
    """What is joined to the rows that are opened.

    Attributes
    ----------
    tables : the dimensions.
    beside : columns that folds read.
    join : as it was asked for; None for nothing.
    """

    tables: Dimensions
    beside: tuple[str, ...]
    join: Join | None

    def names(self, facts: Sequence[str]) -> list[str]:
        """Return the names of the columns of the facts and of what is joined."""
        return self.tables.with_facts(facts)

    def required(self, roles: Roles) -> tuple[str, ...]:
        """Return the columns of the facts that must be readable."""
        return self.tables.read(roles.used)

    def dataset(self, facts: Source, roles: Roles) -> Dataset:
        """Return the joined data set."""
        return Dataset(self.tables.over(facts, [*roles.used, *self.beside]), roles, self.join)


def _open_pair(data: tuple[Any, Any], asked: _Asked, star: _Star) -> Dataset:
    name = asked["weight"] if isinstance(asked["weight"], str) else None
    block, targets, weight = pair_block(*data, None if name else asked["weight"])
    known = {**asked, "target": asked["target"] or targets, "weight": name or weight}
    unused = [name for name in targets if name not in as_names(known["target"])]
    known["drop"] = [*as_names(asked["drop"]), *unused]
    roles = _roles(star.names(block.schema.names), known, block.index)
    return star.dataset(gather_block(block, star.required(roles)), roles)


def _open_frame(data: Any, asked: _Asked, star: _Star) -> Dataset:
    dropped = as_names(asked["drop"])
    names = [str(name) for name in getattr(data, "columns", ())]
    used = {*as_names(asked["features"]), *as_names(asked["target"]), asked["weight"] if _by_name(asked) else None}
    unused = [] if asked["features"] is None else [name for name in names if name not in used]
    table = frame_table(data, spare=[*dropped, *unused])
    if any(name in dropped and name not in table.column_names for name in names):
        asked = {**asked, "drop": [name for name in dropped if name in table.column_names or name not in names]}
    if asked["weight"] is not None and not _by_name(asked):
        block, _, weight = pair_block(table, None, asked["weight"])
        asked = {**asked, "weight": weight}
    else:
        block = TableBlock(table)
    roles = _roles(star.names(block.schema.names), asked, block.index)
    return star.dataset(gather_block(block, star.required(roles)), roles)


def _roles(names: Sequence[str], asked: _Asked, index: Iterable[str]) -> Roles:
    """Return the roles of columns, those of a pandas index aside, and warn of one that is left out."""
    index = [name for name in index if name in names]
    roles = resolve_roles(names, **asked, index=index)
    taken = {*as_names(asked["drop"]), *roles.targets, roles.weight}
    if asked["features"] is None and (left := [name for name in index if name not in taken]):
        warnings.warn(
            f"column {left[0]!r} is the index that pandas wrote, and no feature; name it in features=[…] "
            f"to use it, or in drop=[{left[0]!r}] to leave it out without this warning",
            DataWarning,
            stacklevel=2,
        )
    return roles


def _by_name(asked: _Asked) -> bool:
    """Return whether the weight is a column's name, and not weights themselves."""
    return isinstance(asked["weight"], str)


@no_search()
def _listed(data: Any, options: Mapping[str, Any] | None) -> list[DataFile]:
    """Return the files of paths; refuses what is none."""
    if not _are_paths(data):
        raise DataError(
            f"data of type {type(data).__name__} is not understood; give a path, URI or list of them, "
            "a pandas, polars or Arrow table, or (X, y)"
        )
    return list_files(data, options)


@no_search()
def _open_files(
    files: Sequence[DataFile],
    asked: _Asked,
    star: _Star,
    fingerprint: str,
    text: TextFormat,
    footers: Shelf | None,
) -> Dataset:
    if asked["weight"] is not None and not isinstance(asked["weight"], str):
        raise DataError("for files, weight is the name of a column")
    readers = open_files(files, fingerprint, text, footers)
    names = column_names(readers[0])
    later = all_names(readers[1:]) - set(names)
    dropped = as_names(asked["drop"])
    kept = {**asked, "drop": [n for n in dropped if n not in later]}
    roles = _roles(star.names(names), kept, index_columns(readers[0].schema))
    dataset = star.dataset(gather_readers(readers, star.required(roles)), roles)
    if asked["features"] is None and not later <= set(dropped):
        _warn_of_later_columns(readers, {*names, *dropped})
    return dataset


def _warn_of_later_columns(readers: Sequence[FileReader], known: set[str]) -> None:
    """Warn of a column that the first file does not have: the features are the first file's."""
    for reader in readers[1:]:
        new = [name for name in column_names(reader) if name not in known]
        if new:
            warnings.warn(
                f"column {new[0]!r} of {reader.file.uri!r} is not in the first file and is "
                f"left out; name it in drop=[{new[0]!r}] to leave it out without this warning, or rewrite the "
                "files so that each has it",
                DataWarning,
                stacklevel=2,
            )
            return


def _is_matrix(data: object) -> bool:
    """Return whether the data is an array or sparse matrix without a y."""
    return getattr(data, "ndim", None) == 2 and not is_frame(data)


def _are_paths(data: object) -> bool:
    return is_path(data) or (isinstance(data, list | tuple) and all(map(is_path, data)))


def _name(data: object) -> str:
    if isinstance(data, list | tuple) and all(map(is_path, data)):
        return ", ".join(repr(os.fspath(item)) for item in data[:3]) + (", …" if len(data) > 3 else "")
    return repr(data) if is_path(data) else f"data of type {type(data).__name__}"
