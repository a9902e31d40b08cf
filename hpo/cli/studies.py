"""``hpo studies``: what was recorded; answered from the record alone, neither data nor states are needed."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpo.cli.behind import (
    editions,
    file_storage,
    journal_repair,
    records,
    study_listing,
    study_rows,
    study_storage,
)
from hpo.cli.described import (
    MOST_TRIALS,
    best_text,
    data_text,
    describe,
    facts_of,
    number_text,
    settings,
    why_failed,
)
from hpo.cli.exits import STORE, UsageError
from hpo.cli.options import AsJson, Storage, StudyName, known_place, known_storage
from hpo.cli.output import emit, print_facts, print_table, say
from studies.counting import counted
from studies.errors import RecordWarning
from studies.report.text import Metric, metric_of

if TYPE_CHECKING:

    from optuna.storages import BaseStorage

    from studies.record.file_storage import FileStorage
    from studies.record.journal_lines import Damage

_SCORES = ("value", "score_before", "score")


def ls(storage: Storage = None, as_json: AsJson = False) -> None:
    """List the recorded studies.

    Examples
    --------
      hpo studies ls
      hpo studies ls --storage sqlite:///studies.db --json
    """
    rows = study_listing.listed(known_place(storage))
    if rows is None:
        rows = study_rows.list_studies(known_storage(storage))
    if as_json:
        emit(rows)
    elif not rows:
        say("no studies yet; hpo run STUDY.yaml makes one")
    else:
        columns = ("name", "trials", "best", "algorithms", "begun", "data")
        cells = (
            (
                row.name, f"{row.trials:,}", best_text(row), ", ".join(row.algorithms),
                row.created.strftime("%Y-%m-%d %H:%M") if row.created else "", data_text(row.data),
            )
            for row in rows
        )  # fmt: skip
        print_table(columns, cells, right=("trials", "best"))


def show(name: StudyName, storage: Storage = None, as_json: AsJson = False) -> None:
    """Show one study: what it asked, what it cost, and its best trials.

    Examples
    --------
      hpo studies show flights
      hpo studies show flights --json | jq '.trials[].fold_scores'
    """
    kept = known_storage(storage)
    study = editions.load_edition(kept, name)
    described, found = describe(study), _editions(kept, name)
    if as_json:
        trials = [{k: v for k, v in trial.items() if k != "brief"} for trial in described["trials"]]
        emit({**described, "trials": trials, "editions": found})
        return
    print_facts(facts_of(described))
    best = [(value, t) for t in described["trials"] if (value := t["value"]) is not None]
    if best:
        best.sort(key=lambda pair: pair[0], reverse=described["direction"] == "maximize")
        metric = metric_of(described["metric"] or "")
        direction = f": {metric.name}, {metric.direction}" if described["metric"] else ""
        say("", f"best trials of {len(best):,} with a score{direction}")
        cells = (
            (
                t["number"], number_text(metric.shown(value)), number_text(t["std_error"], 2), t["brief"] or "",
                settings(t["params"]),
            )
            for value, t in best[:MOST_TRIALS]
        )  # fmt: skip
        print_table(("trial", "score", "± SE", "accuracy", "settings"), cells, right=("trial", "score", "± SE"))
    if len(found) > 1:
        say("", "editions")
        _show_editions(found, metric_of(described["metric"] or ""))
    if failed := why_failed(described["trials"]):
        say("", "trials that failed")
        print_table(("trials", "which", "why"), failed, right=("trials",))


def _editions(storage: BaseStorage, name: str) -> list[dict[str, Any]]:
    """Return what each edition of a study notes, in order; of studies of earlier versions nothing."""
    base = editions.parts(name)[0]
    found = []
    for number in editions.edition_numbers(storage, base):
        record = records.stored_record(storage, editions.stored_name(base, number))
        if record is not None and record.edition is not None:
            rows = sum(segment.rows for segment in record.ledger)
            found.append({**asdict(record.edition), "stopped": record.stopped, "rows": rows})
    return found


def _show_editions(found: Sequence[Mapping[str, Any]], metric: Metric) -> None:
    """Print a line for each edition: its rows, its score, and how the setting that stood before scores on them."""
    cells = (
        (
            e["number"], f"{e['rows']:,}", "" if e["rows_before"] is None else f"+{e['came']} -{e['left']}",
            *("" if e[key] is None else number_text(metric.shown(e[key])) for key in _SCORES),
            "" if e["was"] is None else "stays" if e["standing"] == e["was"] else "replaced",
        )
        for e in found
    )  # fmt: skip
    columns = ("edition", "rows", "segments", "score", "of the last", "on this data", "that setting")
    print_table(columns, cells, right=("edition", "rows", "score", "of the last", "on this data"))


def _all_of(storage: BaseStorage, name: str) -> list[str]:
    """Return the stored studies that a name to remove stands for: every edition, or the one that is named."""
    base, number = editions.parts(name)
    numbers = editions.edition_numbers(storage, base)
    if number is not None:
        return [editions.resolved(storage, name)]
    return [editions.stored_name(base, n) for n in numbers] or [name]


def rm(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Recorded studies.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Remove studies and their trials from the record.

    A name stands for all editions of a study, NAME@2 for one of them. Their states stay, for other studies;
    `hpo states gc` removes those.

    Examples
    --------
      hpo studies rm first-try
      hpo studies rm first-try second-try --yes
    """
    kept = known_storage(storage)
    meant = dict.fromkeys(each for name in names for each in _all_of(kept, name))
    trials = {name: kept.get_n_trials(study_storage.find_study(kept, name)) for name in meant}
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("there is no terminal to ask on; say --yes to remove without asking")
        of = ", ".join(f"{name!r} ({counted(number, 'trial')})" for name, number in trials.items())
        if not typer.confirm(f"Remove {of}?", err=True):
            raise typer.Exit(1)
    for name in trials:
        study_storage.delete_study(kept, name)
    if as_json:
        emit({"removed": list(trials)})
    else:
        say(*(f"removed {name}, {counted(number, 'trial')}" for name, number in trials.items()))


def verify(storage: Storage = None, as_json: AsJson = False) -> None:
    """Check every line of the journal against its digest.

    Damaged lines are set aside: the other trials and studies continue without them. Exits with 3 if there are any.

    Examples
    --------
      hpo studies verify
      hpo studies verify --storage studies.journal --json
    """
    kept = _journal_of(storage)
    damage = journal_repair.damaged(kept.path)
    _show_damage(kept, damage, as_json=as_json, done="set aside")
    if damage:
        raise typer.Exit(STORE)


def repair(storage: Storage = None, as_json: AsJson = False) -> None:
    """Rewrite the journal without its damaged lines.

    Other programs can then read it. A damaged trial becomes a failed one. The file as it was is kept beside it,
    as NAME.damaged. No study may write to the journal meanwhile.

    Examples
    --------
      hpo studies repair
      hpo studies repair --storage studies.journal
    """
    kept = _journal_of(storage)
    _show_damage(kept, journal_repair.repair(kept.path), as_json=as_json, done="replaced")


def _journal_of(storage: str | None) -> FileStorage:
    """Return a journal, without a warning of its damage."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordWarning)
        kept = known_storage(storage)
    if not isinstance(kept, file_storage.FileStorage):
        raise UsageError(
            f"{study_storage.describe(kept)} is not a journal file; check a database with its own tools"
        )
    return kept


def _show_damage(kept: FileStorage, damage: Sequence[Damage], *, as_json: bool, done: str) -> None:
    if as_json:
        emit({"journal": str(kept.path), "damaged": [dataclasses.asdict(one) for one in damage]})
    elif not damage:
        say(f"{kept.path}: every line is whole")
    else:
        say(f"{kept.path}: {counted(len(damage), 'damaged line')} {done}")
        print_table(("line", "what", "why"), ((str(d.line), d.what, d.why) for d in damage), right=("line",))
