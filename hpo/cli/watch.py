"""``hpo watch``: the next edition of a study whenever its data has changed."""

from __future__ import annotations

import gc
import sys
import time
import warnings
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import api, edition_words
from hpo.cli.exits import STORE, UsageError, code_of
from hpo.cli.guard import words_of
from hpo.cli.options import AllowImport, AsJson, Storage, Store, StudyFile
from hpo.cli.output import emit, say
from hpo.cli.plan import read_study
from hpo.cli.run import result_values
from hpo.errors import (
    DataError,
    EngineError,
    Interrupted,
    InterruptedWarning,
    NoScoreWarning,
    StoreVersionError,
)
from studies.counting import counted
from studies.spec.durations import seconds_of

if TYPE_CHECKING:
    from hpo.findings.result import Result
    from studies.spec.spec import StudySpec


def watch(
    study: StudyFile,
    every: Annotated[
        str, typer.Option(metavar="TIME", help="How often to look, such as 30s, 10m or 2h.")
    ] = "60s",
    once: Annotated[bool, typer.Option("--once", help="Look once, for cron.")] = False,
    store: Store = None,
    storage: Storage = None,
    allow_import: AllowImport = None,
    as_json: AsJson = False,
) -> None:
    """Run the next edition of a study whenever its data has changed.

    Looks at the names, sizes and times of the files, reads what is new, and writes one line for each edition.
    What may pass is tried again later: data that cannot be read (a file that is still being written); a bucket, a
    database or workers that cannot be reached. Ctrl-C stops it; started again, it continues from what is recorded.

    Examples
    --------
      hpo watch daily.yaml
      hpo watch daily.yaml --every 10m
      hpo watch daily.yaml --once --json
    """
    pause = seconds_of(every)
    if pause is None or pause <= 0:
        raise UsageError(f"--every {every} is not a time; write for example 30s, 10m or 2h")
    failed, ran = "", False
    while True:
        spec = read_study(study, store=store, storage=storage, allow_import=allow_import)
        try:
            ran = _look(spec, as_json=as_json, quiet=not once)
            failed = ""
        except Exception as error:
            if once or not _may_pass(error):
                raise
            if words_of(error) != failed:
                failed = words_of(error)
                _line(f"{failed}; looking again every {every}", as_json=as_json)
        if once:
            return
        if ran:
            gc.collect()  # an edition's objects refer to one another, and would take more memory with each
        time.sleep(pause)


def _may_pass(error: Exception) -> bool:
    """Return whether what went wrong may be well at the next look, with nobody doing anything here."""
    if isinstance(error, StoreVersionError):
        return False
    return isinstance(error, DataError | EngineError | OSError) or code_of(error) == STORE


def _look(spec: StudySpec, *, as_json: bool, quiet: bool) -> bool:
    """Run an edition where the data has changed, or one did not end, and return that; else say that nothing has."""
    question, edition = api.next_edition(spec)
    if not edition.due:
        if not quiet:
            _line(f"{spec.name}: nothing has changed since edition {edition.number}", as_json=as_json)
        return False
    with warnings.catch_warnings():
        for category in (InterruptedWarning, NoScoreWarning):
            warnings.simplefilter("ignore", category)
        result = api.run_question(question, spec.sampler, spec.storage, resume=True, progress=False)
    if as_json:
        emit(result_values(result))
    else:
        _line(_words(result), as_json=False)
    sys.stdout.flush()
    if result.stopped == "interrupted":
        raise Interrupted(f"edition {edition.number} of {spec.name} continues when the watch is started again")
    return True


def _words(result: Result) -> str:
    record = result.record
    number = record.edition.number if record.edition else 1
    read = counted(result.cost.rows_read, "row")
    about = " ".join(edition_words.words(record)) or f"Edition {number}: {read} read."
    return f"{record.name}: {about} {result!r}"


def _line(text: str, *, as_json: bool) -> None:
    if as_json:
        emit({"time": datetime.now().astimezone().isoformat(timespec="seconds"), "says": text})
    else:
        say(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {text}")
    sys.stdout.flush()
