"""A study's description: what is asked, as one validated value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from studies.errors import SpecError
from studies.spec import engines, half_lives, text_files, values
from studies.spec.documents import Documents, as_documents
from studies.spec.fields import Folds, Names, Searched, moment, period, seconds
from studies.spec.interactions import Interactions
from studies.spec.joins import Joins
from studies.spec.messages import describe, nearest
from studies.spec.names import unknown
from studies.spec.option import Option, options_of
from studies.spec.plain import in_full, masked, too_long, undotted
from studies.spec.ranges import Strict, wrong
from studies.spec.yaml_reader import Document


class StudySpec(Strict):
    """What a study asks: the data, the algorithms, what to search, how to score, how long to try.

    Each field is the only declaration of its option: the signature and docstring of ``hpo.tune``, the YAML that is
    read, the template of ``hpo init``, options of the command line and what makes a study another study come from
    it (:class:`~studies.spec.option.Option`).

    Examples
    --------
    >>> spec = StudySpec(data="flights/*.parquet", target="arr_delay", algorithm="ridge")
    >>> spec.algorithm, spec.trials
    (('ridge',), 200)
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: Annotated[
        str | None,
        BeforeValidator(values.name),
        Option("str | None", "name of the study in the storage; hpo run --resume goes on from its trials"),
    ] = None
    """A name under which the study is recorded and resumed; None records nothing but the states."""

    data: Annotated[Names, Option("Any", "a file, directory, glob or URI; or a list of these", defines=True)]
    """A path, directory, glob or URI of Parquet, CSV or Arrow IPC files, or a list of these; in Python also a
    pandas, polars or Arrow table, or ``(X, y)`` with X an array, frame or SciPy sparse matrix."""

    window: Annotated[
        str | None,
        BeforeValidator(period),
        Option("str | None", "only files of so long before --as-of, or before the last file's date", "30d"),
    ] = None
    """Only files of so long before ``as_of``, or else before the last file's date: ``"30d"``, ``"8w"``, ``"12h"``.
    A file's date is the one in its name (``part=2024-01-31/``, ``sales_202401.csv``: the end of that period), or
    else when it was written. A window of data that was read before reads no row."""

    last: Annotated[
        int | None, Option("int | None", "only the files of so many latest dates", "12")
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
        Option("str | None", "only files whose date is no later: 2024-01-31", "2024-01-31"),
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
            "rows weigh half after so many newer rows, or so long by a column",
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
            "tables of one row a key, whose columns every row of the data gets by lookup",
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
            "rows of one user and one item each, of which a matrix of users by items is made",
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
            "rows of one text each, of which a matrix of documents by words is made",
            "{text: COLUMN, max_features: 4000, stop_words: english}",
            defines="if given",
        ),
    ] = None
    """Where each row of the data is one document: the column of its text, or ``{"text": column}`` with parameters
    of scikit-learn's ``CountVectorizer``: ``max_features`` (4,000), ``min_df``, ``max_df``, ``stop_words``,
    ``lowercase``, ``ngram_range``, ``token_pattern``, ``strip_accents``. The study is of a sparse matrix of
    documents by words. ``topics`` takes the column by itself where the data has no other."""

    time: Annotated[
        str | None,
        Option(
            "str | None",
            "column of times, where rows are steps of series to forecast",
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
            "with time: how far apart times are; found in the data by default",
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
            "str | Iterable[str] | None", "with time: columns whose next values are known in advance", "[COLUMN]",
            defines="if given",
        ),
    ] = None
    """With ``time``: columns whose next values are known when a forecast is made, such as prices and holidays.
    Models look at their last values and at those of the steps that they forecast, which ``forecast`` is given."""

    hist_exog_list: Annotated[
        Names | None,
        Option(
            "str | Iterable[str] | None", "with time: columns of which past values alone are known", "[COLUMN]",
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

    algorithm: Annotated[
        Names,
        Option(
            "Any", "one or several; with several the algorithm is searched too", defines=True, default='"ridge"'
        ),
    ]
    """One or several registered names; with several the algorithm is itself a hyperparameter. Also
    ``"sklearn:package.module.Class"`` for any estimator class, or an estimator or pipeline object; search keys
    name these by their class (``"SVC.C"``), or by the alias in ``"alias=sklearn:…"`` and ``{"alias": object}``.
    ``"auto"`` picks them by the target's type and the data's size; ``"auto:regression"``,
    ``"auto:classification"`` and other tasks say what the target is."""

    search: Annotated[
        dict[str, Searched],
        Option(
            "Mapping[str, Any] | None",
            "what is tried",
            "{ALGORITHM.PARAMETER: [1, 2]}",
            defines=True,
            default="None",
        ),
    ] = Field(default_factory=dict)
    """``"algorithm.parameter"`` → ``hpo.Float``, ``hpo.Int``, ``hpo.Categorical``, a list of choices, or one
    constant. Whatever is not named is searched over its own range, or left at its default."""

    folds: Annotated[
        Folds,
        Option(
            "Any",
            "or {scheme: group, column: C, n_splits: 5}; kfold, stratified, stratified_group, time, segment, "
            "backtest",
            defines=True,
        ),
    ] = 5
    """A number of folds, stratified for classifiers; a dict such as ``{"scheme": "group", "column": "customer",
    "n_splits": 5}``, with the schemes ``"kfold"``, ``"stratified"``, ``"group"``, ``"stratified_group"`` (whose
    column is no feature unless ``features`` names it), ``"time"`` (with ``gap`` in days, or units of a column
    that is a number), ``"segment"`` (each file is a fold: the models of the other files are tested on it) and,
    with ``time``, ``"backtest"`` (``{"scheme": "backtest", "horizon": 8, "n_splits": 3, "gap": 0}``: each split
    trains on the past and tests on the next 8 steps; a number of folds with ``time`` is that many of these); or,
    for data in memory, any scikit-learn splitter."""

    scoring: Annotated[
        str | tuple[str, ...] | None,
        BeforeValidator(values.metrics),
        Option("str | Sequence[str] | None", "greater is better; null for the algorithms' own", defines=True),
    ] = None
    """Name of a scikit-learn scorer; greater is better. Squared errors of regressions and likelihoods are exact
    from the states; other scores are computed on a sample of held-out rows. None: R² for regressions, accuracy for
    classifiers, else the algorithms' own. Several names: every trial keeps all."""

    refit: Annotated[
        str | bool | None,
        BeforeValidator(values.refit),
        Option(
            "str | bool | None",
            "all: the best model is of all rows; or which of several scores is optimised; false for all together",
            "all",
            defines="if given",
        ),
    ] = None
    """Which of several scores is optimised; None for the first. False optimises all of them together:
    ``result.pareto`` holds the settings that no other beats in every score. ``"all"`` optimises the first, and fits
    the best model again to all rows where it is of a sample of them, as ``refit=True`` of GridSearchCV does: one
    more pass, and one fit. Scores stay those of the sample. An estimator by its path or instance is fitted again
    without being asked, where the rows fit in memory; ``polish=False`` leaves its model that of the sample."""

    scoring_rows: Annotated[
        int, Option("int", "rows of each fold that are kept for scores that need rows", "4096", defines=True)
    ] = Field(default=4096, ge=2, le=10_000_000)
    """Rows of each fold that are kept for scores that need rows; rare classes, and the smallest and largest
    targets, are kept in full where they fit, and the other rows weighted."""

    trials: Annotated[int, Option("int", "trials in all, those on record included")] = Field(
        default=200, ge=1, le=10_000_000
    )
    """How many settings to try, in all (those of a resumed study count)."""

    timeout: Annotated[
        float | None,
        BeforeValidator(seconds),
        Option("float | str | None", "stop after this long: seconds, or 90s, 10m, 2h", "10m"),
    ] = None
    """Seconds, or text such as ``"10m"``, after which no further trial starts."""

    patience: Annotated[
        int | None, Option("int | None", "stop after so many trials without improvement", "50")
    ] = Field(default=None, ge=1)
    """Stop after so many trials without improvement."""

    early_stopping_rounds: Annotated[
        int | None,
        Option(
            "int | None", "stop growing once so many trees have not raised the mean over folds", "50",
            defines="if given",
        ),
    ] = Field(default=None, ge=1)
    """Where one fit answers every number of trees: stop growing in all folds once the mean score over the folds has
    not improved for so many rounds (trees). None grows the largest number."""

    one_std_err: Annotated[
        bool | None,
        AfterValidator(lambda asked: asked or None),
        Option("bool | None", "the fewest trees within one standard error of the best", "true", defines="if given"),
    ] = None
    """Where one fit answers every number of trees, or strength of pruning: take the smallest model whose mean score
    is within one standard error of the best, in place of the best."""

    fidelity: Annotated[
        Literal["halving", "hyperband", "population"] | None,
        Option(
            "str | None",
            "or hyperband: settings are tried on parts of a sample first; or population, for epochs",
            "halving",
            defines="if given",
        ),
    ] = None
    """``"halving"`` or ``"hyperband"`` tries settings of models of a sample on 1/27, 1/9 and 1/3 of it first; the
    better third goes on. None fits every setting to the whole sample. ``"population"`` trains a fifth as many
    settings as there are trials, and after each fifth of the epochs the worse quarter goes on from states of the
    better."""

    replay: Annotated[
        float | None,
        Option(
            "float | None",
            "new files are trained on with this share of the old rows, from where training stood",
            "0.2",
            defines="if given",
        ),
    ] = Field(default=None, ge=0, le=1)
    """With a name: what is trained in epochs goes on from where the last edition left it, on the rows of new files
    and this share of the rows before. None trains it on all rows from the beginning."""

    polish: Annotated[
        bool | Literal["always"],
        Option("bool | str", "a second pass for the best model, even for a small gain; false for never", "always"),
    ] = True
    """Whether the best model is improved by a second pass, where one pass leaves it near its optimum (generalized
    linear models of many rows): True where that is expected to gain more than the standard error, ``"always"``
    even for a small gain, or False."""

    replace: Annotated[
        Literal["always", "better", "never"],
        Option("str", "when a new best replaces the last edition's: by a standard error; always | never", "always"),
    ] = "better"
    """When the best setting of an edition replaces that of the last one: ``"better"``, where the paired difference
    of their fold scores is above its standard error; ``"always"``; or ``"never"``. The last one is solved again
    from the new data in any case. A study's first edition has none before it."""

    sampler: Annotated[
        str,
        BeforeValidator(values.sampler),
        Option("str | BaseSampler", " | ".join(values.SAMPLERS), defines=True),
    ] = "auto"
    """``"auto"``, ``"tpe"``, ``"nsga2"``, ``"random"``, ``"qmc"``, ``"cmaes"``, ``"gp"``, ``"grid"`` or, in Python,
    an Optuna sampler."""

    seed: Annotated[int, Option("int", "of folds, samples and proposals", defines=True)] = Field(
        default=0, ge=0, lt=2**63
    )
    """Same seed, data and question: same folds, same trials, same states, bit for bit."""

    store: Annotated[
        str | None,
        Option("StateStore | Location | None", "where states are kept: a directory or s3://bucket/path", "DIR|URL"),
    ] = None
    """Where states are kept: a directory, or a prefix of a bucket that many people and machines share
    (``"s3://bucket/prefix"``, ``"gs://…"``, ``"az://…"``; ``pip install 'onepass-hpo[cloud]'``); None for the
    default under ``HPO_HOME``."""

    storage: Annotated[
        str | None,
        Option(
            "BaseStorage | Location | None",
            "where studies are recorded: a journal file, or an Optuna URL such as sqlite:///studies.db",
            "FILE",
        ),
    ] = None
    """Where trials are recorded: a journal file or an Optuna URL; None for the default."""

    n_jobs: Annotated[
        Annotated[int, Field(ge=1)] | None,
        BeforeValidator(values.threads),
        Option("int | None", "threads of the pass, or its tasks at once; one per core by default", "4"),
    ] = None
    """Threads of the pass, or tasks at once where ``engine`` names workers; None or -1 for one per core."""

    engine: Annotated[
        str | None,
        BeforeValidator(engines.engine),
        Option(
            "str | Client | None",
            "workers of the pass: dask, dask://host:port, loky; threads of this process by default",
            "dask://host:8786",
        ),
    ] = None
    """Workers of the pass and of long trials, for data in files and a store that all of them can reach: ``"dask"``,
    ``"dask://host:port"``, ``"loky"`` (processes of this machine), another backend of joblib by its name, or in
    Python a ``distributed.Client``. None for what ``joblib.parallel_config`` says, else threads of this process."""

    warm_start: Annotated[
        str | None, Option("str | None", "a recorded study whose trials are taken over first", "STUDY")
    ] = None
    """A recorded study whose trials, where the spaces agree, are scored anew and taken over first."""

    max_categories: Annotated[
        int, Option("int", "levels of a categorical column that get a column of their own", "64", defines=True)
    ] = Field(default=64, ge=1)
    """Levels of a categorical column that get a column of their own."""

    hash_columns: Annotated[
        Literal["auto"] | tuple[str, ...] | None,
        BeforeValidator(values.hashed),
        Option(
            "str | Iterable[str] | None",
            "columns of very many values, for linear and linear_regressor; or auto",
            "[COLUMN]",
            defines="if given",
        ),
    ] = None
    """Columns of very many levels, such as customers, that become one column of hashes; only ``linear`` and
    ``linear_regressor`` can take it. ``"auto"`` hashes categorical columns of more levels than ``max_categories``
    where every algorithm of the study can."""

    layout: Annotated[
        str | None,
        Option(
            "str | None", "how columns are laid out at another site: what hpo states export --only-layout wrote",
            "layout.zip", defines="if given",
        ),
    ] = None
    """How columns are encoded and folds cut at another site, so that the states of both can be added: a file that
    ``hpo states export --only-layout`` wrote there. None learns it from this data."""

    fingerprint: Annotated[
        Literal["fast", "content"],
        Option("str", "files are known by their bytes, not by address, size and time", "content", defines=True),
    ] = "fast"
    """``"fast"`` knows a file by address, size, time and footer; ``"content"`` by its bytes."""

    sep: Annotated[
        str | None,
        BeforeValidator(text_files.separator),
        Option(
            "str | None", "between columns of CSV files; null for ',' or, in .tsv files, a tab", "';'",
            defines="if given",
        ),
    ] = None
    """What separates the columns of CSV files, as in ``pandas.read_csv``; None for ``","``, and a tab in ``.tsv``
    files."""

    encoding: Annotated[
        str | None,
        BeforeValidator(text_files.encoding),
        Option("str | None", "of CSV files; null for utf-8", "cp1252", defines="if given"),
    ] = None
    """Encoding of CSV files, as in ``pandas.read_csv``: ``"cp1252"`` (Windows, Excel), ``"utf-16"``; None for
    UTF-8."""

    decimal: Annotated[
        str | None,
        BeforeValidator(text_files.mark),
        Option("str | None", "mark before the decimals of CSV files; null for '.'", '","', defines="if given"),
    ] = None
    """The decimal mark of CSV files, as in ``pandas.read_csv``; None for ``"."``."""

    thousands: Annotated[
        str | None,
        BeforeValidator(text_files.mark),
        Option("str | None", "mark between groups of digits in CSV files", '","', defines="if given"),
    ] = None
    """The mark between groups of digits in CSV files, as in ``pandas.read_csv``; None for none."""

    symbols: Annotated[
        Names | None,
        Option(
            "str | Iterable[str] | None",
            "stand before or after numbers of CSV files, and are left out",
            "['€', '%']",
            defines="if given",
        ),
    ] = None
    """What stands before or after the numbers of CSV files and is left out, such as ``"€"`` or ``["$", "%"]``: 12 %
    is read as 12."""

    date_format: Annotated[
        str | dict[str, str] | None,
        BeforeValidator(text_files.dates),
        Option(
            "str | Mapping[str, str] | None", "of dates in CSV files, beside 2024-12-31", "'%d.%m.%Y'",
            defines="if given",
        ),
    ] = None
    """Format of the dates in CSV files, as in ``pandas.read_csv``: ``"%d.%m.%Y"`` for every column of text that it
    fits, or ``{"born": "%d.%m.%Y"}`` for those named. Dates such as ``2024-12-31`` need none."""

    storage_options: Annotated[
        dict[str, Any],
        Option(
            "Mapping[str, Any] | None", "of the data's file system; never recorded", "{KEY: VALUE}", default="None"
        ),
    ] = Field(default_factory=dict, repr=False, exclude=True)
    """Options of the data's file system, such as credentials; never shown, never recorded."""

    allow_imports: Annotated[
        Names,
        Option(
            "str | Iterable[str] | None",
            "packages that paths of 'algorithm' may import though they are not installed",
            "[PACKAGE]",
            default="None",
        ),
    ] = ()
    """Top-level packages that ``"sklearn:…"`` may import though no installed distribution brought them, such as a
    module of your own; what is imported runs as your own code does."""

    _document: Document = PrivateAttr(default_factory=lambda: Document("study"))

    def __repr_args__(self) -> Any:
        """Show what differs from the defaults; passwords in addresses are masked."""
        for key in type(self).model_fields:
            value = getattr(self, key)
            if key != "storage_options" and value != type(self).model_fields[key].get_default(
                call_default_factory=True
            ):
                yield key, masked(value)

    __str__ = Strict.__repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StudySpec) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    @model_validator(mode="after")
    def _check(self) -> StudySpec:
        if not self.data or not self.algorithm:
            raise wrong("'data' and 'algorithm' need at least one entry")
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise wrong(f"'thousands' and 'decimal' are both {self.thousands!r}; give each its own mark")
        several = self.metrics
        if self.refit is False and len(several) < 2:
            raise wrong("'refit: false' optimises several metrics together; give 'scoring' a list of them")
        if self.refit == values.ALL and self.polish is False:
            raise wrong(
                "'refit: all' reads the data again for the best model, and 'polish: false' rules that out; "
                "leave one of them out"
            )
        if isinstance(self.refit, str) and self.refit not in (*several, values.ALL):
            raise wrong(
                f"refit {self.refit!r} is none of the metrics in 'scoring'{nearest(self.refit, several)}"
            )
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that were asked for; empty for the algorithms' own.

        Examples
        --------
        >>> StudySpec(data="x.csv", algorithm="ridge", scoring=["r2", "max_error"]).metrics
        ('r2', 'max_error')
        """
        return (self.scoring,) if isinstance(self.scoring, str) else self.scoring or ()

    def but(self, **changes: Any) -> StudySpec:
        """Return the spec with some fields changed, validated anew.

        Examples
        --------
        >>> StudySpec(data="x.csv", algorithm="pca").but(trials=10).trials
        10
        """
        given = {k: getattr(self, k) for k in self.model_fields_set} | changes
        spec = build(given, self._document.source)
        spec._document = self._document
        return spec

    def validate(  # type: ignore[override]
        self,
        known: Mapping[str, Collection[str]],
        metrics: Collection[str] = (),
        meant: Callable[[str], str] = lambda _: "",
    ) -> None:
        """Check names against what is known: algorithms, their parameters and, if given, metrics.

        ``meant`` says what to write in place of another library's name of an algorithm; empty where it knows none.

        Raises
        ------
        SpecError
            Names each unknown one, its line, and the nearest known name.

        Examples
        --------
        >>> spec = StudySpec(data="x.csv", algorithm="rigde")
        >>> spec.validate({"ridge": ["alpha"]})
        Traceback (most recent call last):
        studies.errors.SpecError: study: unknown algorithm 'rigde'; did you mean 'ridge'?
        """
        if found := unknown(self, known, metrics, self._document, meant):
            raise SpecError(self._document.source, found)


OPTIONS = options_of(StudySpec)
"""What each option declares, by name."""


def build(values: Mapping[str, Any], source: str = "study", document: Document | None = None) -> StudySpec:
    """Return the spec of plain values.

    Raises
    ------
    SpecError
        Every fault at once, each with its key, value and, from a file, its line.

    Examples
    --------
    >>> build({"data": "x.csv", "algorithm": "pca", "trails": 5})
    Traceback (most recent call last):
    studies.errors.SpecError: study: unknown key 'trails'; did you mean 'trials'?
    """
    document, values = document or Document(source), in_full(values)
    problems = [*document.problems, *undotted(values, document)]
    if endless := too_long(values, document):
        raise SpecError(source, [*problems, endless])
    try:
        spec = StudySpec.model_validate(dict(values))
    except ValidationError as error:
        problems += describe(error, document, StudySpec)
    if problems:
        raise SpecError(source, sorted(problems, key=lambda p: p.line or 0))
    spec._document = document
    return spec
