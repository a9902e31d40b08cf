"""What the commands stand on, loaded when it is first used: help and usage errors come at once.

A module of this list is imported by the commands from here. Nothing else in the command line imports lazily.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any


class Module:
    """A module that is imported when an attribute of it is asked for.

    Examples
    --------
    >>> Module("colorsys").rgb_to_hsv(0.0, 0.0, 0.0)
    (0.0, 0.0, 0.0)
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)


if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq
    from rich import cells as rich_cells
    from rich import console as rich_console
    from rich import text as rich_text
    from sklearn import metrics as sklearn_metrics

    from algorithms import imports, registry, tasks
    from hpo import api
    from hpo import demo as demo_study
    from hpo.cli import known as known_names
    from hpo.cli import ranges as field_ranges
    from hpo.data import looks as data_looks
    from hpo.data import opening
    from hpo.data import schema as data_schema
    from hpo.data import segment as data_segment
    from hpo.data.sources import files as data_files
    from hpo.data.sources import formats as data_formats
    from hpo.data.sources import guesses as data_guesses
    from hpo.data.sources import holding as data_holding
    from hpo.data.sources import piped as data_piped
    from hpo.data.sources import readers as data_readers
    from hpo.drop_in import counterparts, migration
    from hpo.findings import answers, exporting, noted, reopen, scored
    from hpo.findings import confirm as held_out
    from hpo.findings import editions as edition_words
    from hpo.findings import leaderboard as board
    from hpo.process import settings as process_settings
    from hpo.question import auto, checks, row_guesses
    from hpo.question import given as question_given
    from hpo.question import scores_asked as question_scoring
    from hpo.report import collect
    from hpo.states import fold_sizes
    from hpo.states import forget as forgetting
    from hpo.states import jobs as state_jobs
    from hpo.streams import stream as row_stream
    from state_store import archive as store_archive
    from state_store import check as store_check
    from state_store import files as store_files
    from state_store import gc as store_gc
    from state_store import verify as store_verify
    from studies.record import compare as study_compare
    from studies.record import editions, file_storage, journal_repair, records, trial_note
    from studies.record import listing as study_listing
    from studies.record import rows as study_rows
    from studies.record import storage as study_storage
    from studies.report import accuracy as score_accuracy
    from studies.report import data as report_data
    from studies.report import markdown as report_markdown
    from studies.report import page as report_page
    from studies.report import pictures as report_pictures
    from studies.report import sentences as report_sentences
    from studies.report import terminal
    from studies.spec import form as spec_form
    from studies.spec import spec as described
    from studies.spec import template as study_template
    from studies.spec import text_files
else:
    answers = Module("hpo.findings.answers")
    api = Module("hpo.api")
    auto = Module("hpo.question.auto")
    board = Module("hpo.findings.leaderboard")
    checks = Module("hpo.question.checks")
    collect = Module("hpo.report.collect")
    counterparts = Module("hpo.drop_in.counterparts")
    data_files = Module("hpo.data.sources.files")
    data_formats = Module("hpo.data.sources.formats")
    data_guesses = Module("hpo.data.sources.guesses")
    data_holding = Module("hpo.data.sources.holding")
    data_piped = Module("hpo.data.sources.piped")
    data_looks = Module("hpo.data.looks")
    data_readers = Module("hpo.data.sources.readers")
    data_schema = Module("hpo.data.schema")
    data_segment = Module("hpo.data.segment")
    demo_study = Module("hpo.demo")
    described = Module("studies.spec.spec")
    spec_form = Module("studies.spec.form")
    state_jobs = Module("hpo.states.jobs")
    field_ranges = Module("hpo.cli.ranges")
    editions = Module("studies.record.editions")
    exporting = Module("hpo.findings.exporting")
    edition_words = Module("hpo.findings.editions")
    file_storage = Module("studies.record.file_storage")
    fold_sizes = Module("hpo.states.fold_sizes")
    forgetting = Module("hpo.states.forget")
    held_out = Module("hpo.findings.confirm")
    imports = Module("algorithms.imports")
    journal_repair = Module("studies.record.journal_repair")
    known_names = Module("hpo.cli.known")
    migration = Module("hpo.drop_in.migration")
    noted = Module("hpo.findings.noted")
    opening = Module("hpo.data.opening")
    pa = Module("pyarrow")
    pa_csv = Module("pyarrow.csv")
    pq = Module("pyarrow.parquet")
    process_settings = Module("hpo.process.settings")
    question_scoring = Module("hpo.question.scores_asked")
    question_given = Module("hpo.question.given")
    row_guesses = Module("hpo.question.row_guesses")
    records = Module("studies.record.records")
    registry = Module("algorithms.registry")
    reopen = Module("hpo.findings.reopen")
    report_data = Module("studies.report.data")
    report_markdown = Module("studies.report.markdown")
    report_page = Module("studies.report.page")
    report_pictures = Module("studies.report.pictures")
    report_sentences = Module("studies.report.sentences")
    rich_cells = Module("rich.cells")
    rich_console = Module("rich.console")
    rich_text = Module("rich.text")
    score_accuracy = Module("studies.report.accuracy")
    scored = Module("hpo.findings.scored")
    row_stream = Module("hpo.streams.stream")
    sklearn_metrics = Module("sklearn.metrics")
    store_archive = Module("state_store.archive")
    store_check = Module("state_store.check")
    store_files = Module("state_store.files")
    store_gc = Module("state_store.gc")
    store_verify = Module("state_store.verify")
    study_compare = Module("studies.record.compare")
    study_listing = Module("studies.record.listing")
    study_rows = Module("studies.record.rows")
    study_storage = Module("studies.record.storage")
    study_template = Module("studies.spec.template")
    text_files = Module("studies.spec.text_files")
    tasks = Module("algorithms.tasks")
    trial_note = Module("studies.record.trial_note")
    terminal = Module("studies.report.terminal")
