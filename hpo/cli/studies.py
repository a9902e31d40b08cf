"""``hpo studies``: what was recorded; answered from the record alone, neither data nor states are needed."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer

from hpo.cli.behind import (
    editions,
    field_ranges,
    records,
    report_data,
    report_sentences,
    score_accuracy,
    study_compare,
    study_journal,
    study_listing,
    study_record,
    study_rows,
    study_storage,
)
from hpo.cli.exits import STORE, UsageError
from hpo.cli.options import AsJson, Storage, StudyName, known_place, known_storage
from hpo.cli.output import emit, print_facts, print_table, say
from studies.counting import counted, in_singular, without_numbers
from studies.errors import RecordWarning, StudyError
from studies.report.text import Metric, metric_of, shorten

if TYPE_CHECKING:

    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from studies.record.compare import Comparison, Pair, Row
    from studies.record.journal import FileStorage
    from studies.record.journal_lines import Damage
    from studies.record.listing import StudyRow
    from studies.record.study_record import StudyRecord
    from studies.report.data import Leader

MOST_TRIALS = 10
MOST_NAMED = 8
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
                row.name, f"{row.trials:,}", _best(row), ", ".join(row.algorithms),
                row.created.strftime("%Y-%m-%d %H:%M") if row.created else "", _data(row.data),
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
    print_facts(_facts(described))
    best = [(value, t) for t in described["trials"] if (value := t["value"]) is not None]
    if best:
        best.sort(key=lambda pair: pair[0], reverse=described["direction"] == "maximize")
        metric = metric_of(described["metric"] or "")
        direction = f": {metric.name}, {metric.direction}" if described["metric"] else ""
        say("", f"best trials of {len(best):,} with a score{direction}")
        cells = (
            (
                t["number"], _number(metric.shown(value)), _number(t["std_error"], 2), t["brief"] or "",
                settings(t["params"]),
            )
            for value, t in best[:MOST_TRIALS]
        )  # fmt: skip
        print_table(("trial", "score", "± SE", "accuracy", "settings"), cells, right=("trial", "score", "± SE"))
    if len(found) > 1:
        say("", "editions")
        _show_editions(found, metric_of(described["metric"] or ""))
    if reasons := _reasons(described["trials"]):
        say("", "trials that failed")
        print_table(("trials", "which", "why"), reasons, right=("trials",))


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
            *("" if e[key] is None else _number(metric.shown(e[key])) for key in _SCORES),
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


def compare(
    names: Annotated[list[str], typer.Argument(metavar="NAME NAME...", help="Two recorded studies or more.")],
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Put studies side by side, fold by fold.

    Each is compared with the best by the corrected resampled t-test. Warns when their scores may not be compared:
    other data, folds or metric. Editions of a study have other data; where one scored again the setting of another,
    both settings are compared on its folds.

    Examples
    --------
      hpo studies compare flights flights-lasso
      hpo studies compare flights flights-lasso --json | jq .pairs
      hpo studies compare daily@1 daily@3
    """
    kept = known_storage(storage)
    found = study_compare.compare([_of_one_goal(editions.load_edition(kept, name)) for name in names], names)
    if as_json:
        emit(found.to_dict())
    else:
        _show_comparison(found)


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

    Damaged lines are set aside: the other trials and studies go on without them. Exits with 3 if there are any.

    Examples
    --------
      hpo studies verify
      hpo studies verify --storage studies.journal --json
    """
    kept = _journal_of(storage)
    damage = study_journal.damaged(kept.path)
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
    _show_damage(kept, study_journal.repair(kept.path), as_json=as_json, done="replaced")


def _journal_of(storage: str | None) -> FileStorage:
    """Return a journal, without a warning of its damage."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordWarning)
        kept = known_storage(storage)
    if not isinstance(kept, study_journal.FileStorage):
        raise UsageError(
            f"{study_storage.describe(kept)} is no journal file; check a database with its own tools"
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


class Tried(TypedDict):
    """A trial as JSON values; ``brief`` is what the table says of its accuracy."""

    number: int
    state: str
    value: float | None
    params: dict[str, object]
    fold_scores: list[float] | None
    std_error: float | None
    score_bound: float | None
    accuracy: str | None
    brief: str | None
    duplicate_of: int | None
    error: str | None


def _best(row: StudyRow | Row) -> str:
    """Return the best score of a study as people see it, with its name."""
    if row.best is None or row.metric is None:
        return _number(row.best)
    metric = metric_of(row.metric)
    return f"{metric.short} {_number(metric.shown(row.best))}"


def _reasons(trials: Sequence[Tried]) -> list[tuple[str, str, str]]:
    """Return why trials failed, the commonest reason first: how many, which of them, and the reason."""
    found: dict[str, list[Tried]] = {}
    for trial in trials:
        if trial["state"] == "fail":
            found.setdefault(without_numbers(trial["error"] or ""), []).append(trial)
    rows = sorted(found.values(), key=lambda alike: -len(alike))
    return [
        (f"{len(alike):,}", _numbers(alike), alike[0]["error"] or "the reason is not on record")
        for alike in rows[:MOST_TRIALS]
    ]


def _numbers(trials: Sequence[Tried]) -> str:
    named = ", ".join(str(trial["number"]) for trial in trials[:MOST_NAMED])
    return named + ", …" * (len(trials) > MOST_NAMED)


class Described(TypedDict):
    """A study as JSON values."""

    name: str
    metric: str | None
    direction: str | None
    definition: dict[str, object] | None
    store: str | None
    segments: int | None
    cost: dict[str, int | float] | None
    trials: list[Tried]


def describe(study: Study) -> Described:
    """Return a study's record as JSON values; those that other programs made have no definition."""
    record = records.record_of(study)
    passed = record if record is not None and record.segments is not None else None
    trials = study.get_trials(deepcopy=False)
    return {
        "name": study.study_name,
        "metric": None if record is None else record.metric,
        "direction": study.directions[0].name.lower() if len(study.directions) == 1 else None,
        "definition": None if record is None else dict(record.definition),
        "store": None if passed is None else passed.store,
        "segments": None if passed is None else len(passed.segments or ()),
        "cost": None if passed is None else passed.cost.to_dict(),
        "trials": [_trial(trial, record) for trial in trials],
    }


def _of_one_goal(study: Study) -> Study:
    if len(study.directions) > 1:
        raise StudyError(
            f"study {study.study_name!r} has {len(study.directions)} goals; only one can be compared"
        )
    return study


def _trial(trial: FrozenTrial, record: StudyRecord | None) -> Tried:
    state = trial.state.name.lower()
    values = trial.values if state == "complete" else None  # Optuna gives a pruned one that of its last part
    value = values[0] if values and len(values) == 1 else None
    note = study_record.TrialNote.of(trial.user_attrs)
    scored = record if values is not None and note.fold_scores else None
    known = None if scored is None else score_accuracy.recorded_accuracy(scored, note, str(scored.metric))
    return {
        "number": trial.number,
        "state": state,
        "value": value,
        "params": trial.params,
        "fold_scores": list(note.fold_scores) or None,
        "std_error": note.std_error,
        "score_bound": None if known is None else known.bound,
        "accuracy": None if known is None or values is None else known.words(values[0]),
        "brief": None if known is None or values is None else known.brief(values[0]),
        "duplicate_of": note.duplicate_of,
        "error": note.error,
    }


def _facts(described: Described) -> list[tuple[str, str]]:
    facts = [("study", described["name"]), ("trials", _counts(described["trials"]))]
    asked = described["definition"] or {}
    if not asked:
        return [*facts, ("", "made by another program, or its pass never finished: no definition on record")]
    facts += [(key, _words(asked[key])) for key in asked if asked[key] not in (None, [], {}, "")]
    if described["store"] is not None:
        facts.append(("store", str(described["store"])))
    if cost := described["cost"]:
        read = f"{counted(int(cost['rows_read']), 'row')} in its last run"
        facts.append(("read", f"{read}; retraining would have read {cost['rows_if_retrained']:,}"))
        facts.append(("states", f"{cost['states_built']:,} built, {cost['states_reused']:,} reused"))
        if alone := cost.get("epochs_alone"):
            trained = f"{cost['epochs_trained']:,} trained"
            facts.append(("epochs", f"{trained}; each trial for itself would have {alone:,}"))
    return facts


def _counts(trials: Sequence[Tried]) -> str:
    """Return how many trials there are, and how many of them were pruned or failed."""
    states = Counter(trial["state"] for trial in trials)
    parts = [(states["pruned"], "pruned"), (states["fail"], "failed"), (states["running"], "running")]
    return ", ".join([f"{len(trials):,}", *(f"{n:,} {what}" for n, what in parts if n)])


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{k}: {v}" for k, v in value.items() if v is not None)
    return in_singular(str(value))


def _show_comparison(found: Comparison) -> None:
    columns = ("study", "best", "± SE", "to the best", "trials", "rows read", "settings")
    metric, best = metric_of(found.rows[0].metric or ""), found.best
    stands = {row.name: _standing(found, row) for row in found.rows}
    cells = (
        (
            row.name, _best(row), _number(row.se, 3), report_sentences.difference_text(stands[row.name], metric),
            f"{row.trials:,}", "" if row.rows_read is None else f"{row.rows_read:,}", settings(row.params),
        )
        for row in found.rows
    )  # fmt: skip
    print_table(columns, cells, right=("best", "± SE", "to the best", "trials", "rows read"))
    known = [leader for leader in stands.values() if leader.difference or (best and leader.algorithm == best.name)]
    if sentence := report_sentences.standing_text(known):
        say("", sentence)
        say(
            "to the best: the mean difference of the fold scores ± its standard error, and the probability of so "
            "much by chance (corrected resampled t-test, Nadeau and Bengio 2003)"
        )
    for row in found.rows:
        pair = found.against_best(row)
        same = best is not None and row.params == best.params
        if pair is not None and (words := _words_of(pair, metric, same=same)):
            say("", words)
    if best is None:
        say("", "no study has fold scores to compare")


def _standing(found: Comparison, row: Row) -> Leader:
    """Return how a study stands to the best, where both are scored on the same folds of the same data."""
    pair = found.against_best(row)
    if pair is None or not pair.comparable or pair.difference is None:
        return report_data.Leader(0, row.name, value=row.best)
    gap = report_data.Difference(pair.difference, pair.se, pair.p)
    return report_data.Leader(0, row.name, value=row.best, difference=gap)


def _words_of(pair: Pair, metric: Metric, *, same: bool) -> str:
    """Return what a table of differences does not say: why two studies differ, or that there are no fold scores."""
    if pair.comparable:
        return "" if pair.difference is not None else f"{pair.b} against {pair.a}: no fold scores to compare"
    why = f"{pair.a} and {pair.b} cannot be compared: {'; '.join(pair.unlike)}"
    if pair.difference is None:
        return why + ". Both have the same setting" * same
    gap = report_data.Difference(pair.difference, pair.se, pair.p)
    told = report_sentences.difference_text(report_data.Leader(0, pair.b, difference=gap), metric)
    verdict = "no clear difference"
    if pair.p is not None and pair.p < report_sentences.SURE:
        verdict = f"that of {pair.b if pair.difference > 0 else pair.a} is better"
    both = f"the setting of {pair.b} against that of {pair.a}: {metric.short} {told}"
    return f"{why}. On the data of {pair.on} {both}, {verdict}"


def _number(value: float | None, digits: int = 6) -> str:
    return "" if value is None else f"{value:.{digits}g}"


def settings(params: dict[str, object]) -> str:
    """Return a setting on one line.

    Examples
    --------
    >>> settings({"algorithm": "ridge", "ridge.alpha": 0.25, "ridge.standardize": True})
    'ridge: alpha 0.25, standardize true'
    """
    named = {key: value for key, value in params.items() if key != "algorithm"}
    owners = {key.partition(".")[0] for key in named if "." in key}
    if len(owners) == 1 and all("." in key for key in named):
        return f"{owners.pop()}: {_pairs({key.partition('.')[2]: value for key, value in named.items()})}"
    return _pairs(params)


def _pairs(params: dict[str, object]) -> str:
    return ", ".join(f"{key} {field_ranges.word(value)}" for key, value in params.items())


def _data(data: tuple[str, ...]) -> str:
    more = f" and {len(data) - 1} more" if len(data) > 1 else ""
    return shorten(data[0], 60) + more if data else ""
