"""Star joins as they are asked for: rows of one table, and the tables whose columns are looked up for them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from algorithms.brief import briefly
from hpo.data.schema import unknown_column
from hpo.data.sources.dimensions import OWN, Dimension, names_of
from hpo.data.sources.files import list_files
from hpo.data.sources.formats import open_files
from hpo.data.sources.frames import collected, frame_table, index_names, is_frame
from hpo.data.sources.joined import joined
from hpo.data.sources.memory import gather_block
from hpo.data.sources.memory_blocks import TableBlock
from hpo.data.sources.named import IN_MEMORY, data_names
from hpo.data.sources.readers import column_names, gather_readers
from hpo.data.sources.roles import index_columns
from hpo.data.sources.source import Source
from hpo.data.sources.text import TextFormat
from hpo.errors import DataError, DataWarning
from studies.spec.joins import JoinedTable


@briefly
@dataclass(frozen=True, eq=False)
class Join:
    """Rows of one table, the facts, with columns of other tables, the dimensions, that are looked up by their keys.

    It is data like any other: ``hpo.tune(hpo.Join(flights, on={"plane": (planes, "tailnum")}), "arr_delay")``.
    Nothing is joined beforehand: a batch of facts is looked up as it is read. A key that is missing, or in no row
    of its dimension, gives missing values; folds are of facts.

    Parameters
    ----------
    data : the facts, as :func:`hpo.tune` takes data.
    on : by a name that messages call it by, each dimension: ``(table, keys)``, or ``{"data": table, "on": keys,
        "columns": [...], "prefix": "..."}``. A table is a frame, or files. Keys are the column that both tables
        have, a list of them, or ``{column of the facts: column of the dimension}``.

    Examples
    --------
    >>> import pandas as pd
    >>> facts = pd.DataFrame({"shop": ["a", "b", "a", None], "sold": [1.0, 2.0, 3.0, 4.0]})
    >>> shops = pd.DataFrame({"shop": ["a", "b"], "size": [10.0, 20.0]})
    >>> join = Join(facts, on={"shop": (shops, "shop")})
    >>> from hpo.data import open_dataset
    >>> dataset = open_dataset(join, target="sold")
    >>> [batch.column("size").to_pylist() for batch in dataset.read(dataset.segments[0])]
    [[10.0, 20.0, 10.0, None]]
    >>> join
    Join(data=DataFrame of 4 rows × 2 columns, on={'shop': (DataFrame of 2 rows × 2 columns, 'shop')})
    """

    data: object
    on: Mapping[str, object]

    def described(self) -> dict[str, dict[str, object]]:
        """Return the dimensions as a study's description has them: of tables in memory no more than that.

        Raises
        ------
        DataError
            If one is of no form that is understood.
        """
        if not isinstance(self.on, Mapping) or not self.on:
            raise DataError(f"on={self.on!r:.80}: name at least one dimension, as {_FORM}")
        return {name: {**parts, "data": data_names(parts["data"])} for name, parts in self._parts().items()}

    def tables(self) -> dict[str, object]:
        """Return the table of each dimension, or its files."""
        return {name: parts["data"] for name, parts in self._parts().items()}

    def _parts(self) -> dict[str, dict[str, object]]:
        return {str(name): _parts_of(str(name), given) for name, given in self.on.items()}


_FORM = 'on={"plane": (planes, "tailnum")}'


def _parts_of(name: str, given: object) -> dict[str, object]:
    if isinstance(given, JoinedTable):
        return given.model_dump()
    if isinstance(given, Mapping):
        if "data" not in given:
            raise DataError(f"dimension {name!r} has no 'data': give its table, as {_FORM}")
        return dict(given)
    if not isinstance(given, tuple) or len(given) != 2:
        raise DataError(
            f"dimension {name!r} is of type {type(given).__name__}; give its table and its keys, as {_FORM}"
        )
    keys = given[1]
    return {"data": given[0], "on": list(keys) if isinstance(keys, tuple) else keys}


@dataclass(frozen=True, eq=False)
class Dimensions:
    """The dimensions of a join, opened; of data that is not joined none.

    Attributes
    ----------
    each : the dimensions.
    """

    each: tuple[Dimension, ...] = ()

    def with_facts(self, facts: Sequence[str]) -> list[str]:
        """Return the names of the columns of joined rows.

        Raises
        ------
        DataError
            If a key is not a column of the facts, or two tables have a column of one name.
        """
        owners = dict.fromkeys(facts, "the data")
        for one in self.each:
            for key in one.keys:
                if key not in facts:
                    raise DataError(unknown_column(key, facts, f"key of dimension {one.name!r}:"))
            for name, own in one.names.items():
                if name in owners:
                    raise DataError(_in_both(one, name, own, owners[name]))
                owners[name] = f"dimension {one.name!r}"
        return [*owners]

    def read(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the columns of the facts that joined columns are made of."""
        asked = dict.fromkeys(names)
        keys = [key for one in self.each if asked.keys() & one.names for key in one.keys]
        joined = {name for one in self.each for name in one.names}
        return tuple(dict.fromkeys([*(name for name in asked if name not in joined), *keys]))

    def over(self, facts: Source, names: Iterable[str]) -> Source:
        """Return facts with the columns of dimensions, of which those are used; the facts where there are none."""
        used = frozenset(names)
        needed = [one for one in self.each if one.names.keys() & used]
        return joined(facts, needed, used) if needed else facts


def _in_both(one: Dimension, name: str, own: str, other: str) -> str:
    return (
        f"column {name!r} is in {other} and in dimension {one.name!r}; rename one of them, or write {{'data': …, "
        f"'on': …, 'prefix': '{one.name}_'}}, which makes it {f'{one.name}_{own}'!r}, or 'columns': […] to take"
    )


def open_dimensions(
    join: Join, dropped: Sequence[str], options: Mapping[str, object] | None, text: TextFormat
) -> Dimensions:
    """Open every dimension of a join; their rows are read when they are first looked up."""
    tables, each = join.tables(), []
    for name, parts in join.described().items():
        table = JoinedTable.model_validate(parts)
        try:
            each.append(_opened(name, tables[name], table, dropped, options, text))
        except DataError as error:
            raise error if f"{name!r}" in str(error) else DataError(f"dimension {name!r}: {error}") from error
    return Dimensions(tuple(each))


def _opened(
    name: str,
    data: object,
    table: JoinedTable,
    dropped: Sequence[str],
    options: Mapping[str, object] | None,
    text: TextFormat,
) -> Dimension:
    data = collected(data)
    keys = [pair[OWN] for pair in table.pairs]

    def taken_of(known: Sequence[str], index: Sequence[str]) -> dict[str, str]:
        kept = [one for one in known if one in keys or one not in index]
        return names_of(kept, table.pairs, table.columns, table.prefix)

    def required(known: Sequence[str], index: Sequence[str]) -> list[str]:
        """Return the columns that must be readable: the keys, and those that are taken."""
        _check_columns(name, known, keys, table.columns, index_names(data))
        taken = taken_of(known, index)
        _warn_of_index(name, [n for n in index if n not in keys] if table.columns is None else [])
        return list(dict.fromkeys([*keys, *(own for joined, own in taken.items() if joined not in dropped)]))

    source: Source
    if is_frame(data):
        block = TableBlock(frame_table(data))
        if not block.rows:
            raise DataError(_without_rows(name))
        index = block.index
        source = gather_block(block, required(block.schema.names, index))
    elif data_names(data) in (IN_MEMORY, [IN_MEMORY]):
        raise DataError(_no_table(name, data))
    else:
        readers = open_files(list_files(data_names(data), options), "fast", text)
        index = index_columns(readers[0].schema)
        source = gather_readers(readers, required(column_names(readers[0]), index)).exactly(keys)
        if not sum(1 if segment.rows is None else segment.rows for segment in source.segments):
            raise DataError(_without_rows(name))
    return Dimension(name, source, table.pairs, taken_of(source.arrow.names, index))


def _without_rows(name: str) -> str:
    return f"dimension {name!r} holds no rows; check that it is the table you meant"


def _no_table(name: str, data: object) -> str:
    if isinstance(data, str | list | tuple) and IN_MEMORY in data:
        return (
            f"dimension {name!r} was a table in memory, which is not recorded; give it again: "
            f"join={{{name!r}: (table, keys)}}"
        )
    return (
        f"dimension {name!r} is of type {type(data).__name__}, and a dimension is a table: give a pandas, polars "
        "or Arrow table, or files"
    )


def _check_columns(
    name: str, known: Sequence[str], keys: Sequence[str], columns: Sequence[str] | None, index: Sequence[str]
) -> None:
    for role, asked in (("key", keys), ("column", columns or ())):
        for one in asked:
            if one not in known:
                more = "; it is the index of the frame: give frame.reset_index()" if one in index else ""
                raise DataError(unknown_column(one, known, role, f"dimension {name!r}") + more)


def _warn_of_index(name: str, index: Sequence[str]) -> None:
    """Warn of the index that pandas wrote beside the columns of a dimension."""
    if index:
        warnings.warn(
            f"column {index[0]!r} of dimension {name!r} is the index that pandas wrote, and is not joined; name "
            "the columns to take in 'columns': […] to join it, or to leave it out without this warning",
            DataWarning,
            stacklevel=2,
        )
