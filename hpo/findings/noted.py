"""What a run noted beside its settings: algorithms, errors, folds; in words where they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hpo.data.sources.text import written
from hpo.states.fold_sizes import in_words, size_rows
from hpo.trials.notes import Noted, noted, notes
from hpo.trials.run import Run
from hpo.trials.selection import Candidate
from studies.counting import counted, without_numbers
from studies.record.record_parts import Cost
from studies.record.study_record import StudyRecord
from studies.record.trial_note import TrialNote
from studies.report.accuracy import recorded_accuracy
from studies.sampling.numbered import trial_of


def algorithm_of(run: Run, candidate: Candidate) -> str:
    """Return the name of a candidate's algorithm."""
    return run.tuner.space.tried(trial_of(run.tuner.study, candidate.number))[0]


def fold_rows(run: Run) -> list[dict[str, object]]:
    """Return the rows of :attr:`hpo.Result.folds`, plain."""
    return size_rows(run.evidence.any_states, run.record.fold_sizes)


def fold_words(run: Run) -> str:
    """Return the number of splits and what each tests on, in a few words."""
    rows = [int(state.rows) for state in run.evidence.any_states.test]
    sizes = run.record.fold_sizes
    splits = f"{len(rows)} split{'' if len(rows) == 1 else 's'}"
    return f"{splits} of {in_words(rows, *((sizes.groups, sizes.classes) if sizes else ()))}"


def rows_in_words(cost: Cost) -> str:
    """Return how many rows were read, and how many of these were left out for want of a target.

    Examples
    --------
    >>> rows_in_words(Cost(rows_read=1_300, rows_without_target=2))
    '1,300 rows read, 2 without a target left out'
    """
    left = f", {cost.rows_without_target:,} without a target left out" if cost.rows_without_target else ""
    return f"{counted(cost.rows_read, 'row')} read{left}"


def noted_accuracy(run: Run, noted: Noted, metric: str, *, brief: bool = True) -> str:
    """Return which errors a trial's score carries, in words or in a few; empty where it has no score."""
    found = recorded_accuracy(run.record, noted.note, metric)
    if noted.scores is None or found is None:
        return ""
    mean = noted.scores.also.get(metric, noted.scores).mean
    return found.brief(mean) if brief else found.words(mean)


def without_score(run: Run) -> str:
    """Return why no trial has a score, in words; empty where one has."""
    if any(one.scores for one in noted(run.tuner.study)):
        return ""
    return f"no trial has a score yet{_commonest_error(notes(run.tuner.study), run.stopped)}"


def _commonest_error(noted: Sequence[TrialNote], stopped: str) -> str:
    """Return why there is no score: what stopped most of the settings that were tried."""
    if not noted:
        return f": none was begun ({stopped}); give the study more time or trials"
    found = [note.error for note in noted if not note.repeated and not note.stopped_early]
    errors = Counter(None if error is None else without_numbers(error) for error in found)
    if not errors:
        return ": every setting was pruned, on a part of the sample; give the study more trials"
    (error, n), m = errors.most_common(1)[0], errors.total()
    which = "every setting" if n == m else f"{n} of {m} settings"
    if error is not None:
        first = next(one for one in found if one is not None and without_numbers(one) == error)
        return f"; {which} failed because: {first}"
    return (
        f": {which} {'has' if n == m else 'have'} a fold whose score is not finite; look for columns that are "
        "constant in a fold's rows, or use fewer folds"
    )


def reading_of(record: StudyRecord, join: Mapping[str, object] | None) -> dict[str, object]:
    """Return how rows are read as a study's were: the format of CSV files, what is joined, who had what."""
    asked = {name: record.spec.get(name) for name in ("join", "interactions", "documents")}
    asked["join"] = asked["join"] if join is None else join
    return {**written(record.spec), **{name: value for name, value in asked.items() if value}}
