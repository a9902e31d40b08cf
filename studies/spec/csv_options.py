"""How CSV files are written."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict

from studies.spec import text_files
from studies.spec.fields import Names
from studies.spec.option import Option
from studies.spec.ranges import Strict


class CsvOptions(Strict):
    """How CSV files are written.

    Each field declares an option of :class:`~studies.spec.spec.StudySpec`.
    """

    model_config = ConfigDict(defer_build=True)

    sep: Annotated[
        str | None,
        BeforeValidator(text_files.separator),
        Option(
            "str | None", "column separator of CSV files; null for ',' or, in .tsv files, a tab", "';'",
            defines="if given",
        ),
    ] = None
    """What separates the columns of CSV files, as in ``pandas.read_csv``; None for ``","``, and a tab in ``.tsv``
    files."""

    encoding: Annotated[
        str | None,
        BeforeValidator(text_files.encoding),
        Option("str | None", "encoding of CSV files; null for utf-8", "cp1252", defines="if given"),
    ] = None
    """Encoding of CSV files, as in ``pandas.read_csv``: ``"cp1252"`` (Windows, Excel), ``"utf-16"``; None for
    UTF-8."""

    decimal: Annotated[
        str | None,
        BeforeValidator(text_files.mark),
        Option("str | None", "decimal mark of CSV files; null for '.'", '","', defines="if given"),
    ] = None
    """The decimal mark of CSV files, as in ``pandas.read_csv``; None for ``"."``."""

    thousands: Annotated[
        str | None,
        BeforeValidator(text_files.mark),
        Option("str | None", "thousands separator of CSV files", '","', defines="if given"),
    ] = None
    """The mark between groups of digits in CSV files, as in ``pandas.read_csv``; None for none."""

    symbols: Annotated[
        Names | None,
        Option(
            "str | Iterable[str] | None",
            "signs beside numbers in CSV files that are ignored",
            "['€', '%']",
            defines="if given",
        ),
    ] = None
    """What stands before or after the numbers of CSV files and is left out, such as ``"€"`` or ``["$", "%"]``: 12 %
    is read as 12. ``["(", ")"]``, ``"−"`` and ``"-"`` make numbers negative: (1.5) and 1.5- are read as -1.5."""

    na_values: Annotated[
        Names | None,
        BeforeValidator(text_files.missing),
        Option(
            "str | float | Iterable[str | float] | None",
            "further texts of CSV files that mean missing",
            "['?']",
            defines="if given",
        ),
    ] = None
    """What stands for a missing value in CSV files beside nothing, ``NA``, ``NaN``, ``null`` and the like, as in
    ``pandas.read_csv``: ``"?"``, or ``["-", -999]``; compared as it is written, a whole number with and without
    ``.0``, in every column."""

    date_format: Annotated[
        str | dict[str, str] | None,
        BeforeValidator(text_files.dates),
        Option(
            "str | Mapping[str, str] | None", "date format of CSV files; 2024-12-31 always works", "'%d.%m.%Y'",
            defines="if given",
        ),
    ] = None
    """Format of the dates in CSV files, as in ``pandas.read_csv``: ``"%d.%m.%Y"`` for every column of text that it
    fits, or ``{"born": "%d.%m.%Y"}`` for those named. Dates such as ``2024-12-31`` need none."""
