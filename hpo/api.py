"""The public functions: tune a study, plan it before anything is read, load one that was run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from algorithms.imports import allow
from hpo.data import open_dataset
from hpo.data.folds.splitters import fold_columns, group_columns, make_folds
from hpo.data.opening import apart
from hpo.data.sources.guesses import ROWS, guess, warning_of
from hpo.data.sources.text import TextFormat, words
from hpo.data.sources.windows import Window
from hpo.errors import ChoiceWarning, DataError, DataWarning, InterruptedWarning, NoScoreWarning, TuneError
from hpo.findings.noted import without_score
from hpo.findings.result import Result
from hpo.process.engine import Engine, engine_of
from hpo.process.interrupts import stop_on_interrupt
from hpo.process.progress import ProgressAsked
from hpo.process.settings import Location, default_storage, open_store
from hpo.process.shown import progress_of
from hpo.process.threads import one_thread
from hpo.question.auto import choose, is_auto
from hpo.question.checks import check
from hpo.question.documents import check_documents, lone_text
from hpo.question.every_row import of_every_row, sized
from hpo.question.habits import check_target, taught
from hpo.question.half_life import clock_columns
from hpo.question.layout import read_layout
from hpo.question.question import Asked, Question, make_spec, resolved, searches
from hpo.question.scores_asked import by_target
from hpo.question.series import automatic, covariates_of, folds_of
from hpo.question.series_checks import check_asked, check_columns, check_comparable, check_horizon
from hpo.states import site_data, sites
from hpo.states.learned.notes import FooterShelf
from hpo.states.learned.series import calendar_of
from hpo.states.learned.vocabulary import VocabularyShelf
from hpo.states.noise import noise_of
from hpo.states.plan import Plan, make_plan, measured
from hpo.trials.by_reading import ByReading
from hpo.trials.editions import Edition, edition_of
from hpo.trials.run import BY_READING, run
from state_store import StateStore
from studies.counting import counted
from studies.record.storage import open_storage
from studies.spec.spec import OPTIONS

if TYPE_CHECKING:
    from distributed import Client
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage

    from hpo.data.dataset import Dataset
    from hpo.question.scoring import Scoring
    from hpo.question.search import Searched
    from hpo.states.sites import Sent
    from state_store.archive import Exported
    from studies.spec.spec import StudySpec


@taught
def tune(
    data: Any,
    target: str | None = None,
    algorithm: Any = "ridge",
    *,
    name: str | None = None,
    window: str | None = None,
    last: int | None = None,
    exclude: str | Iterable[str] | None = None,
    as_of: str | None = None,
    weight: Any = None,
    half_life: float | Mapping[str, float | str] | None = None,
    join: Mapping[str, object] | None = None,
    interactions: Mapping[str, object] | None = None,
    documents: str | Mapping[str, object] | None = None,
    time: str | None = None,
    series: str | Iterable[str] | None = None,
    freq: str | None = None,
    futr_exog_list: str | Iterable[str] | None = None,
    hist_exog_list: str | Iterable[str] | None = None,
    stat_exog_list: str | Iterable[str] | None = None,
    features: Iterable[str] | None = None,
    drop: Iterable[str] | None = None,
    search: Mapping[str, Any] | None = None,
    folds: Any = 5,
    scoring: str | Sequence[str] | None = None,
    refit: str | bool | None = None,
    scoring_rows: int = 4096,
    trials: int = 200,
    timeout: float | str | None = None,
    patience: int | None = None,
    refine: int = 0,
    early_stopping_rounds: int | None = None,
    one_std_err: bool | None = None,
    fidelity: str | None = None,
    replay: float | None = None,
    polish: bool | str = True,
    replace: str = "better",
    sampler: str | BaseSampler = "auto",
    seed: int = 0,
    store: StateStore | Location | None = None,
    storage: BaseStorage | Location | None = None,
    n_jobs: int | None = None,
    engine: str | Client | None = None,
    warm_start: str | None = None,
    max_categories: int = 64,
    hash_columns: str | Iterable[str] | None = None,
    layout: str | None = None,
    fingerprint: str = "fast",
    sep: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    symbols: str | Iterable[str] | None = None,
    na_values: str | float | Iterable[str | float] | None = None,
    date_format: str | Mapping[str, str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    allow_imports: str | Iterable[str] | None = None,
    progress: ProgressAsked = None,
    resume: bool = True,
    fresh: bool = False,
) -> Result:
    """Tune algorithms on data that is read once; every trial is answered from the states of that pass.

    Parameters
    ----------
    data : a path, directory, glob or URI of Parquet, CSV or Arrow IPC files, or a list of these; in Python
        also a pandas, polars or Arrow table, or ``(X, y)`` with X an array, frame or SciPy sparse matrix.
    target : the column to predict; None for a decomposition, or for ``(X, y)``.
    algorithm : one or several registered names; with several the algorithm is itself a hyperparameter. Also
        ``"sklearn:package.module.Class"`` for any estimator class, or an estimator or pipeline object; search
        keys name these by their class (``"SVC.C"``), or by the alias in ``"alias=sklearn:…"`` and ``{"alias":
        object}``. ``"auto"`` picks them by the target's type and the data's size; ``"auto:regression"``,
        ``"auto:classification"`` and other tasks say what the target is; ``"auto+trees"`` takes boosted trees
        too.
    name : a name under which the study is recorded and resumed; None records nothing but the states.
    window : only files of so long before ``as_of``, or else before the last file's date: ``"30d"``, ``"8w"``,
        ``"12h"``. A file's date is the one in its name (``part=2024-01-31/``, ``sales_202401.csv``: the end
        of that period), or else when it was written. A window of data that was read before reads no row.
    last : only the files of so many latest dates; those of one date count as one.
    exclude : files to leave out: names below the data's directory, addresses, or globs.
    as_of : only files whose date is no later: ``"2024-01-31"`` (to its end), ``"2024-01"`` or a moment; in
        UTC.
    weight : name of the column of row weights (for data in memory, also an array).
    half_life : after how many newer rows a row weighs half (``100_000``), or after how long by a column:
        ``{"day": "30d"}``, or a number of days, or units of a column that is a number. Its age is counted
        from the newest row that a model is fitted to. Held-out rows weigh as rows do: the score is that of
        recent rows. None: all weigh the same.
    join : tables of one row a key whose columns every row of the data gets by lookup, by name: ``{"data":
        files, "on": columns}``, with ``"columns"`` (those to take; None for all) and ``"prefix"`` (of their
        names) where wanted. ``"on"`` is the column that both have, a list of them, or ``{column of the data:
        column of the table}``. In Python also ``(table, on)``, the table in memory or files. A key that is
        missing, or in no row, gives missing values.
    interactions : where each row of the data is one user and one item: ``{"user": column, "item": column}``,
        and ``"value"`` for the column of what the user gave it (a rating, a count; without it one of each
        pair); ``"min_users"`` leaves items of fewer users out. The study is of a sparse matrix of users by
        items; algorithms of the task ``recommendation`` take it.
    documents : where each row of the data is one document: the column of its text, or ``{"text": column}``
        with parameters of scikit-learn's ``CountVectorizer``: ``max_features`` (4,000), ``min_df``,
        ``max_df``, ``stop_words``, ``lowercase``, ``ngram_range``, ``token_pattern``, ``strip_accents``,
        ``analyzer``, ``binary``. The study is of a sparse matrix of documents by words. ``topics`` takes the
        column by itself where the data has no other.
    time : the column of times where each row is one step of a series, for algorithms that forecast: dates,
        timestamps, whole numbers, or text such as ``2024-12``, ``2024 Q4``. What is missing between two times
        is a gap.
    series : with ``time``: the column that names the series of each row, or several that do so together; None
        where all rows are of one series.
    freq : with ``time``: how far apart times are: ``"Y"``, ``"Q"``, ``"M"``, ``"W"``, ``"D"``, ``"B"``
        (weekdays), ``"h"``, ``"min"``, ``"s"``, or so many of them, as ``"15min"``; of a column of numbers
        their distance, as ``"1"``. None finds it: what the distances of all times are multiples of.
    futr_exog_list : with ``time``: columns whose next values are known when a forecast is made, such as
        prices and holidays. Models look at their last values and at those of the steps that they forecast,
        which ``forecast`` is given.
    hist_exog_list : with ``time``: columns of which only past values are known when a forecast is made.
    stat_exog_list : with ``time``: columns that do not change within a series, such as a region; they may
        name series, too.
    features : columns to use; None for all.
    drop : columns to leave out.
    search : ``"algorithm.parameter"`` → ``hpo.Float``, ``hpo.Int``, ``hpo.Categorical``, a list of choices,
        or one constant. Whatever is not named is searched over its own range, or left at its default.
    folds : a number of folds, stratified for classifiers; a dict such as ``{"scheme": "group", "column":
        "customer", "n_splits": 5}``, with the schemes ``"kfold"``, ``"stratified"``, ``"group"``,
        ``"stratified_group"`` (whose column is not a feature unless ``features`` names it), ``"time"`` (with
        ``gap`` in days, or units of a column that is a number), ``"segment"`` (each file is a fold: the
        models of the other files are tested on it) and, with ``time``, ``"backtest"`` (``{"scheme":
        "backtest", "horizon": 8, "n_splits": 3, "gap": 0}``: each split trains on the past and tests on the
        next 8 steps; a number of folds with ``time`` is that many of these); or, for data in memory, any
        scikit-learn splitter.
    scoring : name of a scikit-learn scorer; greater is better. Squared errors of regressions and likelihoods
        are exact from the states; other scores are computed on a sample of held-out rows. None: R² for
        regressions, accuracy for classifiers, else the algorithms' own. Several names: every trial keeps all.
    refit : which of several scores is optimised; None for the first. False optimises all of them together:
        ``result.pareto`` holds the settings that no other beats in every score. ``"all"`` optimises the
        first, and fits the best model again to all rows where it is of a sample of them, as ``refit=True`` of
        GridSearchCV does: one more pass, and one fit. Scores stay those of the sample. An estimator by its
        path or instance is fitted again without being asked, where the rows fit in memory; ``polish=False``
        leaves its model that of the sample.
    scoring_rows : rows of each fold that are kept for scores that need rows; rare classes, and the smallest
        and largest targets, are kept in full where they fit, and the other rows weighted.
    trials : how many settings to try, in all (those of a resumed study count).
    timeout : seconds, or text such as ``"10m"``, after which no further trial starts.
    patience : stop after so many trials without improvement.
    refine : after the search, add at most so many trials, beyond ``trials``: the best setting along the
        validation curves of the best trials, if it is better than all of them, then the best along its own
        curves, and so on. They are scored from the states, as the curves of a report; not of algorithms that
        fit each setting to rows (estimators, networks), nor of a grid, several objectives, or after the time
        limit.
    early_stopping_rounds : where one fit answers every number of trees: stop growing in all folds once the
        mean score over the folds has not improved for so many rounds (trees). None grows the largest number.
    one_std_err : where one fit answers every number of trees, or strength of pruning: take the smallest model
        whose mean score is within one standard error of the best, in place of the best.
    fidelity : ``"halving"`` or ``"hyperband"`` tries settings of models of a sample on 1/27, 1/9 and 1/3 of
        it first; the better third continues. Where a number of trees is chosen it is a part of the trees, on
        every row. None fits every setting to the whole sample. ``"population"`` trains a fifth as many
        settings as there are trials, and after each fifth of the epochs the worse quarter continues from
        states of the better.
    replay : with a name: what is trained in epochs continues from where the last edition left it, on the rows
        of new files and this share of the rows before. None trains it on all rows from the beginning.
    polish : whether the best model is improved by a second pass, where one pass leaves it near its optimum
        (generalized linear models of many rows): True where that is expected to gain more than the standard
        error, ``"always"`` even for a small gain, or False.
    replace : when the best setting of an edition replaces that of the last one: ``"better"``, where the
        paired difference of their fold scores is above its standard error; ``"always"``; or ``"never"``. The
        last one is solved again from the new data in any case. A study's first edition has none before it.
    sampler : ``"auto"``, ``"tpe"``, ``"nsga2"``, ``"random"``, ``"qmc"``, ``"cmaes"``, ``"gp"``, ``"grid"``
        or, in Python, an Optuna sampler.
    seed : same seed, data and question: same folds, same trials, same states, bit for bit.
    store : where states are kept: a directory, or a prefix of a bucket that many people and machines share
        (``"s3://bucket/prefix"``, ``"gs://…"``, ``"az://…"``; ``pip install 'onepass-hpo[cloud]'``); None for
        the default under ``HPO_HOME``.
    storage : where trials are recorded: a journal file or an Optuna URL; None for the default.
    n_jobs : threads of the pass, or tasks at once where ``engine`` names workers; None or -1 for one per
        core.
    engine : workers of the pass and of long trials, for data in files and a store that all of them can reach:
        ``"dask"``, ``"dask://host:port"``, ``"loky"`` (processes of this machine), another backend of joblib
        by its name, or in Python a ``distributed.Client``. None for what ``joblib.parallel_config`` says,
        else threads of this process.
    warm_start : a recorded study whose trials, where the spaces agree, are scored anew and taken over first.
    max_categories : levels of a categorical column that get a column of their own.
    hash_columns : columns of very many levels, such as customers, that become one column of hashes; only
        ``linear`` and ``linear_regressor`` can take it. ``"auto"`` hashes categorical columns of more levels
        than ``max_categories`` where every algorithm of the study can.
    layout : how columns are encoded and folds cut at another site, so that the states of both can be added: a
        file that ``hpo states export --only-layout`` wrote there. None learns it from this data.
    fingerprint : ``"fast"`` knows a file by address, size, time and footer; ``"content"`` by its bytes.
    sep : what separates the columns of CSV files, as in ``pandas.read_csv``; None for ``","``, and a tab in
        ``.tsv`` files.
    encoding : encoding of CSV files, as in ``pandas.read_csv``: ``"cp1252"`` (Windows, Excel), ``"utf-16"``;
        None for UTF-8.
    decimal : the decimal mark of CSV files, as in ``pandas.read_csv``; None for ``"."``.
    thousands : the mark between groups of digits in CSV files, as in ``pandas.read_csv``; None for none.
    symbols : what stands before or after the numbers of CSV files and is left out, such as ``"€"`` or ``["$",
        "%"]``: 12 % is read as 12. ``["(", ")"]``, ``"−"`` and ``"-"`` make numbers negative: (1.5) and 1.5-
        are read as -1.5.
    na_values : what stands for a missing value in CSV files beside nothing, ``NA``, ``NaN``, ``null`` and the
        like, as in ``pandas.read_csv``: ``"?"``, or ``["-", -999]``; compared as it is written, a whole
        number with and without ``.0``, in every column.
    date_format : format of the dates in CSV files, as in ``pandas.read_csv``: ``"%d.%m.%Y"`` for every column
        of text that it fits, or ``{"born": "%d.%m.%Y"}`` for those named. Dates such as ``2024-12-31`` need
        none.
    storage_options : options of the data's file system, such as credentials; never shown, never recorded.
    allow_imports : top-level packages that ``"sklearn:…"`` may import though no installed distribution
        brought them, such as a module of your own; what is imported runs as your own code does.
    progress : True draws bars, False is silent; None draws bars on a terminal, a bar in a notebook, and elsewhere
        writes a line on standard error every ten seconds, from the fifth on. A function is called with a
        ``hpo.process.progress.Step`` whenever there is news.
    resume : whether a recorded study of this name and definition continues; False refuses it.
    fresh : whether to begin the study's next edition with nothing of what the last one found.

    Raises
    ------
    hpo.errors.DataError
        The data cannot be used as asked.
    hpo.errors.SearchError, hpo.errors.TuneError
        The question does not fit the algorithms, the data, the memory or a recorded study.
    studies.errors.SpecError, studies.errors.StudyTaken, studies.errors.StorageError
        A value is wrong, the name is taken, the storage cannot be opened.
    hpo.errors.Interrupted
        Ctrl-C during the pass; what was finished is kept. During the trials the result of the finished ones
        is returned, with an ``InterruptedWarning``.

    Warns
    -----
    hpo.errors.NoScoreWarning
        Every trial failed; the message has the commonest reason.
    hpo.errors.ChoiceWarning
        An algorithm is left out, since some split holds too few rows to train it; or ``"auto"`` took a target for
        what it may not be.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(300, 4))
    >>> y = X @ [3.0, 0.0, -2.0, 0.0] + 1.0
    >>> result = hpo.tune((X, y), algorithm=["ridge", "lasso"], trials=20, seed=1)
    >>> result.cost.rows_read, len(result.optuna_study.trials)
    (300, 20)
    """
    given = {name: value for name, value in locals().items() if name in OPTIONS}
    check_target(target)
    facts, joined = apart(data, join)
    given |= {"data": facts, "join": None if joined is None else joined.described()}
    runs_on, tables = engine_of(engine, n_jobs), None if joined is None else joined.on
    question = _question(make_spec(given), facts, folds, weight, store, tables, runs_on)
    return run_question(question, sampler, storage, resume=resume, progress=progress, fresh=fresh)


def run_question(
    question: Question,
    sampler: str | BaseSampler,
    storage: BaseStorage | Location | None,
    *,
    resume: bool,
    progress: ProgressAsked,
    fresh: bool = False,
    by: ByReading = BY_READING,
) -> Result:
    """Run a resolved question; what :func:`tune`, streams and the command line share."""
    recorded = question.spec.name is not None or question.spec.warm_start is not None
    kept = kept_in(storage) if recorded else None
    bar = progress_of(progress)
    result = Result(run(question, sampler, kept, resume=resume, progress=bar, fresh=fresh, by=by))
    if result.stopped == "interrupted":
        done = len(result.optuna_study.trials)
        again = "; the same call continues from there" if question.spec.name else ""
        message = f"interrupted; {counted(done, 'trial')} kept{again}"
        warnings.warn(message, InterruptedWarning, stacklevel=2)
    if result.optuna_study.get_trials(deepcopy=False) and (why := without_score(result.run)):
        warnings.warn(why, NoScoreWarning, stacklevel=3)
    return result


def kept_in(storage: BaseStorage | Location | None) -> BaseStorage:
    """Return the storage of studies: as given, at a place, or the default one."""
    return open_storage(storage if storage is not None else default_storage())


def next_edition(spec: StudySpec, *, fresh: bool = False) -> tuple[Question, Edition]:
    """Return the question of a spec, which has a name, and which edition a run of it would be; reads no rows."""
    question = question_of(spec)
    return question, edition_of(kept_in(spec.storage), str(spec.name), question.definition(), fresh=fresh)


def plan(spec: StudySpec | str | os.PathLike[str], *, measure: bool = False) -> Plan:
    """Return what a study would read and what is already known, before anything is read.

    Parameters
    ----------
    spec : the study, or the path of its ``study.yaml``.
    measure : whether some rows are read (a second or two) to say what the pass takes: its seconds, the memory, and
        the bytes that the store gains. The sample that is drawn for it is kept, and the run draws none; what was
        expected is recorded beside what the run took.

    Examples
    --------
    >>> import numpy as np, pandas as pd, tempfile, pathlib
    >>> from studies import StudySpec
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> pd.DataFrame({"x": np.arange(9.0), "y": np.arange(9.0)}).to_parquet(folder / "a.parquet")
    >>> spec = StudySpec(data=str(folder), target="y", algorithm="ridge", store=str(folder / "store"))
    >>> plan(spec).rows_to_read
    9
    """
    known = import_module("studies.spec.form").load(spec) if isinstance(spec, str | os.PathLike) else spec
    return (measured if measure else make_plan)(question_of(known))


def export_site(
    spec: StudySpec,
    path: str | os.PathLike[str],
    site: str,
    *,
    epsilon: float | None = None,
    delta: float | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    progress: ProgressAsked = None,
) -> Sent:
    """Write the sums of a site's rows, and no row: what others add to theirs, to answer a study of all rows.

    What no state is known of is read, once. Of each fold the weight, mean and scatter of the columns leave the
    site, or the like of each class, with the names of the columns, their categories and the labels of a class; no
    row, no name of a file, nothing of a single file. Where the files of all sites are imported (``hpo states
    import``), a study of ``data="sites:NAME"``, of the name of the sites' study, is answered as if the rows were in
    one place.

    Parameters
    ----------
    spec : the study; its trials are not run.
    path : the file to write.
    site : a name of the site.
    epsilon, delta : noise is added to the sums, so that what leaves is (ε, δ)-differentially private for each row
        (Gaussian mechanism); None for none. What is sent again costs as much again.
    bounds : with noise, for each column that is a number, and the target, between which values rows are brought
        first: known without looking at the rows.
    progress : as of :func:`tune`.

    Raises
    ------
    TuneError
        The study keeps no sums, folds by groups, or noise lacks bounds.
    hpo.errors.DataError
        The data cannot be read, or does not suit the layout that was agreed on.
    """
    noise = noise_of(epsilon, delta, bounds)
    question, bar = question_of(spec), progress_of(progress)
    with bar, stop_on_interrupt() as stop, one_thread():
        return sites.export_site(question, path, site, bar, stop, noise)


def export_layout(spec: StudySpec, path: str | os.PathLike[str]) -> Exported:
    """Write how a study encodes its columns and cuts its folds, for other sites to do the same (``layout=``).

    Parameters
    ----------
    spec : the study; its trials are not run.
    path : the file to write.
    """
    return sites.export_layout(question_of(spec), path)


def question_of(spec: StudySpec) -> Question:
    """Return the question of a spec whose data is in files."""
    return _question(spec, list(spec.data), plain_folds(spec), spec.weight, spec.store, spec.join)


def _question(
    spec: StudySpec, data: Any, folds: Any, weight: Any, store: StateStore | Location | None,
    join: Mapping[str, object] | None, engine: Engine | None = None,
) -> Question:  # fmt: skip
    allow(spec.allow_imports)
    if (name := sites.sites_name(data)) is not None:
        return _of_sites(spec, name, folds, store)
    engine = engine or engine_of(spec.engine, spec.n_jobs)
    check_documents(spec)
    if spec.interactions is not None and spec.features is not None:
        raise TuneError("features: the columns are the items of 'interactions'; use drop=[…] to leave some out")
    text, footers, vocabularies = TextFormat.of(spec.model_dump()), FooterShelf(store), VocabularyShelf(store)
    check_asked(spec)
    found = _resolved_early(spec)
    dataset = open_dataset(
        data, target=spec.target, weight=weight, features=_features(spec), drop=_dropped(spec, folds),
        fingerprint=spec.fingerprint, storage_options=spec.storage_options or None, text=text,
        footers=footers, join=join, beside=_beside(spec, folds),
        window=Window.of(spec.model_dump()),
        interactions=None if spec.interactions is None else spec.interactions.model_dump(),
        documents=None if spec.documents is None else {"text": spec.documents.text, **spec.documents.counting()},
        vocabularies=vocabularies,
    )  # fmt: skip
    if (alone := lone_text(spec, dataset)) is not None:
        return _question(spec.but(documents=alone), data, folds, weight, store, join, engine)
    if text.given and not dataset.is_text:
        said = words(text.given)
        raise DataError(f"{said}: that says how CSV files are written, and there are none; leave it out")
    if unlike := warning_of(guess(dataset.sight(ROWS), text), text):
        warnings.warn(unlike, DataWarning, stacklevel=3)
    question = question_over(spec, dataset, folds, store, found, engine)
    footers.keep(question.store)
    vocabularies.keep(question.store)
    return question


def _resolved_early(spec: StudySpec) -> tuple[list[Searched], Scoring] | None:
    """Return what is searched, before any file is opened; None where that depends on the data.

    Seasons follow from the frequency, and so does how far windows reach back; whether there is a target says how
    models are scored that may do without.
    """
    if is_auto(spec.algorithm) or of_every_row(spec.search):
        return None
    if spec.time is not None and spec.freq is None:
        searches(spec)  # refuses what does not forecast
        return None
    known = resolved(spec)
    return None if by_target(known[0]) else known


def _of_sites(spec: StudySpec, name: str, folds: object, store: StateStore | Location | None) -> Question:
    """Return the question of a spec whose data is what sites sent."""
    asked = {"features": spec.features, "drop": spec.drop, "weight": spec.weight, "join": spec.join}
    chosen = [key for key, value in {**asked, "layout": spec.layout}.items() if value]
    if chosen or Window.of(spec.model_dump()).words:
        what = ", ".join(chosen) or Window.of(spec.model_dump()).words
        raise TuneError(f"{what}: the sites chose their rows and columns when they made their states; leave it out")
    sites.check_clock(spec.half_life)
    dataset, layout = site_data.site_data(open_store(store), name)
    if spec.target is not None and (spec.target,) != dataset.targets:
        raise TuneError(f"target={spec.target!r}: the target of the sites is {', '.join(dataset.targets)}")
    if spec.target is None and len(dataset.targets) == 1:
        spec = spec.but(target=dataset.targets[0])
    question = question_over(spec, dataset, dict(layout.folds), store)
    scheme = make_folds(folds, dataset, seed=spec.seed, classify=question.classify)
    site_data.site_folds(folds, layout.folds, scheme)
    return replace(question, layout=layout)


def question_over(
    spec: StudySpec,
    dataset: Dataset,
    folds: Any,
    store: StateStore | Location | None,
    found: tuple[list[Searched], Scoring] | None = None,
    engine: Engine | None = None,
) -> Question:
    """Return the question of a spec over data that is open; ``found`` is what is searched, where that is known."""
    chosen, spec = "", sized(spec, dataset.rows)
    if is_auto(spec.algorithm):
        choice = choose(automatic(spec), dataset, spec.seed, _splits(spec))
        search = {**choice.search, **(spec.search or {})}
        chosen, spec = choice.words, spec.but(algorithm=list(choice.names), search=search)
        if choice.unsure:
            warnings.warn(chosen, ChoiceWarning, stacklevel=4)
    calendar, kept = None, store
    if spec.time is not None:
        check_columns(spec, dataset.schema)
        kept, dataset = open_store(store), dataset.exactly(spec.series or ())
        calendar = calendar_of(dataset, spec.time, spec.series or (), spec.freq, kept, covariates_of(spec))
        spec, found = spec.but(freq=calendar.order.frequency.name), None
    asked = Asked(spec, dataset, *(found or resolved(spec, labelled=bool(dataset.targets))))
    asked = replace(asked, dataset=dataset.exactly(_labels(asked, folds)))
    check(asked)
    runs_on, divided = engine or engine_of(spec.engine, spec.n_jobs), folds_of(spec, folds)
    scheme = make_folds(divided, dataset, seed=spec.seed, classify=asked.classify, calendar=calendar)
    check_horizon(asked.searched, scheme)
    if spec.time is not None:
        check_comparable(asked.searched, asked.scoring)
    layout = None if spec.layout is None else read_layout(spec.layout)
    return Question(
        **vars(asked), folds=scheme, store=open_store(kept), chosen=chosen, layout=layout, engine=runs_on,
        calendar=calendar,
    )  # fmt: skip


def _splits(spec: StudySpec) -> int:
    return spec.folds if isinstance(spec.folds, int) else spec.folds.n_splits


def _labels(asked: Asked, folds: object) -> list[str]:
    """Return the columns whose values are labels: classes, groups, and what is hashed."""
    hashed = asked.hash_columns
    classes = asked.dataset.targets if asked.classify else ()
    named = (*(asked.spec.series or ()), *group_columns(folds))
    return [*classes, *named, *(() if hashed in (None, "auto") else hashed)]


def _features(spec: StudySpec) -> Iterable[str] | None:
    """Return the columns that are features; covariates where rows are steps of series."""
    if spec.time is None:
        return spec.features
    return [name for names in covariates_of(spec).values() for name in names]


def _beside(spec: StudySpec, folds: object) -> tuple[str, ...]:
    """Return the columns that are read beside features and target."""
    series = () if spec.time is None else (spec.time, *(spec.series or ()))
    return (*fold_columns(folds), *clock_columns(spec), *series)


def _dropped(spec: StudySpec, folds: object) -> Sequence[str] | None:
    """Return the columns that are not features: those to drop, and the one that folds group rows by."""
    if spec.features is not None or spec.time is not None or not group_columns(folds):
        return spec.drop
    return list(dict.fromkeys([*(spec.drop or ()), *group_columns(folds)]))


def plain_folds(spec: StudySpec) -> Any:
    """Return the folds of a spec as :func:`make_folds` takes them."""
    if isinstance(spec.folds, int):
        return spec.folds
    given = spec.folds.model_dump(exclude_unset=spec.folds.boundaries is not None)
    return {k: v for k, v in given.items() if v is not None}
