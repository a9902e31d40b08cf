"""What a study is of: its rows, their tables and series, and the columns that are used."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from studies.spec import half_lives, values
from studies.spec.documents import Documents, as_documents
from studies.spec.fields import Names, moment, period
from studies.spec.interactions import Interactions
from studies.spec.joins import Joins
from studies.spec.option import Option
from studies.spec.ranges import Strict


class DataOptions(Strict):
    """What a study is of: its rows, their tables and series, and the columns that are used.

    Each field declares an option of :class:`~studies.spec.spec.StudySpec`.
    """

    model_config = ConfigDict(defer_build=True)

    name: Annotated[
        str | None,
        BeforeValidator(values.name),
        Option("str | None", "name of the study; hpo run --resume continues it"),
    ] = None
    """A name under which the study is recorded and resumed; None records nothing but the states."""

    data: Annotated[Names, Option("Any", "a file, directory, glob or URI; or a list of these", defines=True)]
    """A path, directory, glob or URI of Parquet, CSV or Arrow IPC files, or a list of these; in Python also a
    pandas, polars or Arrow table, or ``(X, y)`` with X an array, frame or SciPy sparse matrix."""

    window: Annotated[
        str | None,
        BeforeValidator(period),
        Option("str | None", "only files of this period before --as-of, or before the last file's date", "30d"),
    ] = None
    """Only files of so long before ``as_of``, or else before the last file's date: ``"30d"``, ``"8w"``, ``"12h"``.
    A file's date is the one in its name (``part=2024-01-31/``, ``sales_202401.csv``: the end of that period), or
    else when it was written. A window of data that was read before reads no row."""

    last: Annotated[
        int | None, Option("int | None", "only the files of this many latest dates", "12")
    ] = Field(default=None, ge=1)
    """Only the files of so many latest dates; those of one date count as one."""

    exclude: Annotated[
        Names,
        Option(
            "str | Iterable[str] | None", "files to leave out, by name or glob", "[FILE, 2023-*]", default="None"
        ),
    ] = ()
    """Files to leave out: names below the data's directory, addresses, or globs."""

    as_of: Annotated[
        str | None,
        BeforeValidator(moment),
        Option("str | None", "only files up to this date", "2024-01-31"),
    ] = None
    """Only files whose date is no later: ``"2024-01-31"`` (to its end), ``"2024-01"`` or a moment; in UTC."""

    target: Annotated[
        str | None,
        BeforeValidator(values.target),
        Option("str | None", "column to predict", defines=True),
    ] = None
    """The column to predict; None for a decomposition, or for ``(X, y)``."""

    weight: Annotated[str | None, Option("Any", "row weights", "COLUMN", defines=True)] = None
    """Name of the column of row weights (for data in memory, also an array)."""

    half_life: Annotated[
        float | dict[str, float | str] | None,
        BeforeValidator(half_lives.half_life),
        Option(
            "float | Mapping[str, float | str] | None",
            "the weight of a row halves after this many newer rows, or this time by a column",
            "{COLUMN: 30d}",
            defines="if given",
        ),
    ] = None
    """After how many newer rows a row weighs half (``100_000``), or after how long by a column: ``{"day": "30d"}``,
    or a number of days, or units of a column that is a number. Its age is counted from the newest row that a model
    is fitted to. Held-out rows weigh as rows do: the score is that of recent rows. None: all weigh the same."""

    join: Annotated[
        Joins,
        Option(
            "Mapping[str, object] | None",
            "tables to join: their columns are looked up by a key",
            "{NAME: {data: FILE, on: COLUMN}}",
            defines="if given",
        ),
    ] = None
    """Tables of one row a key whose columns every row of the data gets by lookup, by name: ``{"data": files, "on":
    columns}``, with ``"columns"`` (those to take; None for all) and ``"prefix"`` (of their names) where wanted.
    ``"on"`` is the column that both have, a list of them, or ``{column of the data: column of the table}``. In
    Python also ``(table, on)``, the table in memory or files. A key that is missing, or in no row, gives missing
    values."""

    interactions: Annotated[
        Interactions | None,
        Option(
            "Mapping[str, object] | None",
            "recommendation: each row is a user, an item and perhaps a rating",
            "{user: WHO, item: WHAT, value: RATING}",
            defines="if given",
        ),
    ] = None
    """Where each row of the data is one user and one item: ``{"user": column, "item": column}``, and ``"value"``
    for the column of what the user gave it (a rating, a count; without it one of each pair); ``"min_users"`` leaves
    items of fewer users out. The study is of a sparse matrix of users by items; algorithms of the task
    ``recommendation`` take it."""

    documents: Annotated[
        Annotated[Documents, BeforeValidator(as_documents)] | None,
        Option(
            "str | Mapping[str, object] | None",
            "topics: each row is a text; words are counted",
            "{text: COLUMN, max_features: 4000, stop_words: english}",
            defines="if given",
        ),
    ] = None
    """Where each row of the data is one document: the column of its text, or ``{"text": column}`` with parameters
    of scikit-learn's ``CountVectorizer``: ``max_features`` (4,000), ``min_df``, ``max_df``, ``stop_words``,
    ``lowercase``, ``ngram_range``, ``token_pattern``, ``strip_accents``, ``analyzer``, ``binary``. The study is of
    a sparse matrix of documents by words. ``topics`` takes the column by itself where the data has no other."""

    time: Annotated[
        str | None,
        Option(
            "str | None",
            "forecasting: the column of times",
            "COLUMN",
            defines="if given",
        ),
    ] = None
    """The column of times where each row is one step of a series, for algorithms that forecast: dates, timestamps,
    whole numbers, or text such as ``2024-12``, ``2024 Q4``. What is missing between two times is a gap."""

    series: Annotated[
        Names | None,
        Option(
            "str | Iterable[str] | None", "with time: columns that name the series", "[COLUMN]", defines="if given"
        ),
    ] = None
    """With ``time``: the column that names the series of each row, or several that do so together; None where all
    rows are of one series."""

    freq: Annotated[
        str | None,
        Option(
            "str | None",
            "with time: the frequency; inferred by default",
            "M",
            defines="if given",
        ),
    ] = None
    """With ``time``: how far apart times are: ``"Y"``, ``"Q"``, ``"M"``, ``"W"``, ``"D"``, ``"B"`` (weekdays),
    ``"h"``, ``"min"``, ``"s"``, or so many of them, as ``"15min"``; of a column of numbers their distance, as
    ``"1"``. None finds it: what the distances of all times are multiples of."""

    futr_exog_list: Annotated[
        Names | None,
        Option(
            "str | Iterable[str] | None", "with time: columns whose future values are known", "[COLUMN]",
            defines="if given",
        ),
    ] = None
    """With ``time``: columns whose next values are known when a forecast is made, such as prices and holidays.
    Models look at their last values and at those of the steps that they forecast, which ``forecast`` is given."""

    hist_exog_list: Annotated[
        Names | None,
        Option(
            "str | Iterable[str] | None", "with time: columns of which only past values are known", "[COLUMN]",
            defines="if given",
        ),
    ] = None
    """With ``time``: columns of which only past values are known when a forecast is made."""

    stat_exog_list: Annotated[
        Names | None,
        Option(
            "str | Iterable[str] | None", "with time: columns that do not change within a series", "[COLUMN]",
            defines="if given",
        ),
    ] = None
    """With ``time``: columns that do not change within a series, such as a region; they may name series, too."""

    features: Annotated[
        Names | None,
        Option("Iterable[str] | None", "columns to use; all but the target by default", "[COLUMN]", defines=True),
    ] = None
    """Columns to use; None for all."""

    drop: Annotated[
        Names,
        Option("Iterable[str] | None", "columns to leave out", "[COLUMN, OTHER]", defines=True, default="None"),
    ] = ()
    """Columns to leave out."""
