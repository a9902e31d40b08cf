"""The tables that a study joins to its data: one row for each key, looked up for every row of the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, model_validator

from studies.spec.fields import Names, names
from studies.spec.ranges import Strict, wrong


def _keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        if not value or not all(isinstance(part, str) and part for pair in value.items() for part in pair):
            raise wrong(f"{dict(value)!r} maps no columns; write {{COLUMN OF THE DATA: COLUMN OF THE TABLE}}")
        return dict(value)
    found = names(value)
    if not found:
        raise wrong("an empty list of keys; name the column that both tables have, such as 'customer'")
    return found[0] if len(found) == 1 else found


class JoinedTable(Strict):
    """A table that is joined to the data: which, by which columns, and what of it.

    Attributes
    ----------
    data : a path, directory, glob or URI, or a list of these.
    on : the column that both tables have, or a list of them; of other names ``{column of the data: column of the
        table}``.
    columns : those of the table that are taken; None for all but the keys.
    prefix : what the names of the taken columns begin with in the joined rows.

    Examples
    --------
    >>> JoinedTable(data="planes.csv", on="tailnum").pairs
    (('tailnum', 'tailnum'),)
    >>> JoinedTable(data="airports.csv", on={"dest": "faa"}, prefix="dest_").pairs
    (('dest', 'faa'),)
    """

    data: Names
    on: Annotated[str | tuple[str, ...] | dict[str, str], BeforeValidator(_keys)]
    columns: Names | None = None
    prefix: str = ""

    @model_validator(mode="after")
    def _check(self) -> JoinedTable:
        if not self.data:
            raise wrong("an empty list of files; name at least one")
        if self.columns is not None and not self.columns:
            raise wrong("an empty list of columns; name those to take, or leave 'columns' out to take all")
        return self

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The columns that must be equal: that of the data, and that of the table."""
        if isinstance(self.on, dict):
            return tuple(self.on.items())
        return tuple((name, name) for name in ((self.on,) if isinstance(self.on, str) else self.on))


def _tables(value: Any) -> Any:
    """Return the tables by name, each as a mapping; None for no table."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise wrong(f"{value!r:.60} is not a mapping; write {{NAME: {{data: FILE, on: COLUMN}}}}")
    for name, one in value.items():
        if not isinstance(one, Mapping | JoinedTable):
            raise wrong(f"{name!r} is {one!r:.60}; write {{data: FILE, on: COLUMN}}")
    return dict(value) or None


Joins: TypeAlias = Annotated[dict[str, JoinedTable] | None, BeforeValidator(_tables)]
"""Tables that are joined to the data, by the names that messages call them by."""
