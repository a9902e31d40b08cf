"""A recorded study as the commands show it: its facts, its trials, why some failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.cli.behind import records
from studies.counting import counted
from studies.report.text import metric_of

if TYPE_CHECKING:


    pass

from collections import Counter
from typing import TYPE_CHECKING, TypedDict

from hpo.cli.behind import field_ranges, score_accuracy, trial_note
from studies.counting import in_singular, without_numbers
from studies.errors import StudyError
from studies.report.text import shorten

if TYPE_CHECKING:

    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from studies.record.compare import Row
    from studies.record.listing import StudyRow
    from studies.record.study_record import StudyRecord

MOST_TRIALS = 10
MOST_NAMED = 8


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


def best_text(row: StudyRow | Row) -> str:
    """Return the best score of a study as people see it, with its name."""
    if row.best is None or row.metric is None:
        return number_text(row.best)
    metric = metric_of(row.metric)
    return f"{metric.short} {number_text(metric.shown(row.best))}"


def why_failed(trials: Sequence[Tried]) -> list[tuple[str, str, str]]:
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


def of_one_goal(study: Study) -> Study:
    """Return a study of one score; StudyError for one of several."""
    if len(study.directions) > 1:
        raise StudyError(
            f"study {study.study_name!r} has {len(study.directions)} goals; only one can be compared"
        )
    return study


def _trial(trial: FrozenTrial, record: StudyRecord | None) -> Tried:
    state = trial.state.name.lower()
    values = trial.values if state == "complete" else None  # Optuna gives a pruned one that of its last part
    value = values[0] if values and len(values) == 1 else None
    note = trial_note.TrialNote.of(trial.user_attrs)
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


def facts_of(described: Described) -> list[tuple[str, str]]:
    """Return what is known of a study as pairs of a name and words."""
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


def number_text(value: float | None, digits: int = 6) -> str:
    """Return a number in so many digits; empty for none."""
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


def data_text(data: tuple[str, ...]) -> str:
    """Return where the data lies, in one line."""
    more = f" and {len(data) - 1} more" if len(data) > 1 else ""
    return shorten(data[0], 60) + more if data else ""
