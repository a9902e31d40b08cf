"""What a reader of a report should know besides: what to act on, and what explains the numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hpo.findings.answers import accuracy
from hpo.findings.curves import extrapolated
from hpo.findings.editions import words
from hpo.findings.portable import native_words
from hpo.states.fold_sizes import without_class
from hpo.trials.accuracy import scored_rows
from hpo.trials.along_curves import refined
from hpo.trials.hopeless import exclusion_text
from hpo.trials.notes import notes as notes_of
from studies.counting import counted
from studies.report.text import bytes_text, metric_of, seconds_text

if TYPE_CHECKING:
    from hpo.findings.result import Result
    from hpo.report.time_budget import TimeBudget
    from studies.record.study_record import StudyRecord


def concerns(result: Result) -> list[str]:
    """Return what a reader should act on: trials that failed or ended early, rough models, biased scores."""
    found = [
        f"Models may be rough, since what they begin at does not suit all rows: {why}."
        for why in result.record.unsuited
    ]
    if result.stopped in ("timeout", "interrupted"):
        found.append(f"The trials ended before their number was reached ({result.stopped}).")
    noted = notes_of(result.optuna_study)
    if unsettled := sum(note.error is not None and not note.repeated for note in noted):
        found.append(f"{counted(unsettled, 'setting')} could not be scored; the trials table has the reasons.")
    found += [f"{exclusion_text(choice, why)}." for choice, why in result.run.tuner.hopeless.found.items()]
    if unfinished := sum(not note.converged for note in noted):
        found.append(f"In {counted(unfinished, 'trial')} a solver reached max_iter before its tolerance.")
    if lacking := without_class(result.run.evidence.any_states):
        found.append(f"Scores of some folds say nothing about a class: {lacking}.")
    return [*found, *_unscored(result), *_bias_notes(result)]


def remarks(result: Result, budget: TimeBudget) -> list[str]:
    """Return what explains the numbers: what was left out, how the study ended, what is approximate."""
    cost, found = result.cost, [*_algorithm_notes(result.record), *_reading_notes(result.record)]
    found += _sampling_notes(result)
    if n := cost.rows_without_target:
        found.append(f"{counted(n, 'row')} without a value for the target {_were(n)} left out.")
    if n := cost.rows_without_weight:
        found.append(f"{counted(n, 'row')} of weight zero {_were(n)} left out.")
    if result.stopped == "exhausted":
        but = ", but for those that always fail" if result.run.tuner.hopeless.found else ""
        found.append(f"Every setting of the space was tried{but}; further trials would only repeat them.")
    if result.stopped == "patience":
        found.append("The trials ended early: nothing improved any more.")
    if along := refined(result.optuna_study):
        found.append(
            f"After the search refine= added {counted(len(along), 'trial')}, from trial {along[0]} on: the best "
            "settings along the curves of the best trials, on top of the trials that were asked for."
        )
    if early := sum(note.stopped_early for note in notes_of(result.optuna_study)):
        found.append(
            f"{counted(early, 'trial')} {_were(early)} pruned, on a part of the sample; the others were fitted to "
            "all of it."
        )
    if budget.learning and (far := extrapolated(result)) is not None:
        found.append(f"{far.words(result.metric)}.")
    found += _model_notes(result)
    if budget.nested:
        found.append(
            "The nested estimate scores the choice among the settings that were tried; the tuner saw all folds, "
            "so it may be slightly optimistic."
        )
    return [*found, *budget.words]


def _algorithm_notes(record: StudyRecord) -> list[str]:
    """Return why the algorithms are those that they are."""
    found = [record.chosen] if record.chosen else []
    found += [
        f"{name} was answered by {other}: the square of the columns did not fit in memory. Its components are "
        "approximate, and its scores are lower bounds."
        for name, other in record.wide.items()
    ]
    if without := record.left_out:
        found.append(f"Left out, since some split holds too few rows to train it: {', '.join(without)}.")
    return found


def _reading_notes(record: StudyRecord) -> list[str]:
    """Return why the data was read more than once, and what suits it badly even so."""
    again = record.read_again
    found = [f"Of the data: {record.files}."] if record.files else []
    found += words(record)
    found += [
        f"The data was read again, since what a sample gave does not suit all rows: {why}." for why in again
    ]
    found += [f"The data was read once more, by QR decompositions: {why}." for why in record.refined]
    if record.precision:
        found.append(f"Exact scores come from {record.precision}.")
    return found + expected(record)


def expected(record: StudyRecord) -> list[str]:
    """Return what the pass was expected to take and took, where ``hpo plan --measure`` was asked before it."""
    made = record.forecast
    if made is None or not made.real:
        return []
    real = made.real
    return [
        f"Expected of the pass: {seconds_text(made.seconds)} (it took {seconds_text(real['seconds'])}), "
        f"{bytes_text(made.memory)} of memory ({bytes_text(real.get('memory', 0.0))}) and "
        f"{bytes_text(made.store_bytes)} in the store ({bytes_text(real['store_bytes'])})."
    ]


def _model_notes(result: Result) -> list[str]:
    found, last = [], None if result.record.several else result.model_of(encoded=True)["model"]
    if hasattr(last, "estimator_") and (threshold := getattr(last, "threshold", None)) is not None:
        found.append(f"The best model calls a row positive from {threshold:.4g} on.")
    if not result.record.several and (words := native_words(result.model_of(encoded=True))):
        found.append(words)
    return [*found, *(step.words for step in result.run.after if step.words)]


def _sampling_notes(result: Result) -> list[str]:
    sampled, scored = result.record.sampled, scored_rows(result.candidates[0].states)
    if not sampled or scored is None:
        return []
    splits = len(result.candidates[0].states.test)
    names = ", ".join(metric_of(name).short for name in sampled)
    others = "" if len(sampled) == len(result.record.metrics) else "; other scores are exact"
    kept, held = scored
    where = f"all {held:,}" if kept == held else f"a sample of {kept:,} of {held:,}"
    return [f"{names}: scored on {where} held-out rows, in {counted(splits, 'split')}{others}."]


def _unscored(result: Result) -> list[str]:
    """Return which further scores could not be computed."""
    if not result.record.sampled:
        return []
    uncomputed = {
        name: sum(not math.isfinite(c.scores.also[name].mean) for c in result.candidates)
        for name in result.record.metrics[1:]
    }
    return [
        f"{metric_of(name).short} could not be computed for {counted(n, 'setting')}."
        for name, n in uncomputed.items()
        if n
    ]


def _bias_notes(result: Result) -> list[str]:
    """Return which scores of sampled rows are biased, and how."""
    scored = scored_rows(result.candidates[0].states)
    if not result.record.sampled or scored is None:
        return []
    largest = [m for m in result.record.sampled if m == "neg_max_error"]
    kept, held = scored
    found = [
        f"The {metric_of(m).name} is that among {kept:,} of {held:,} held-out rows (the smallest and largest "
        "targets are among them): that of all rows may be larger."
        for m in largest
        if kept < held
    ]
    metrics = () if result.record.several else result.record.metrics
    biases = {m: accuracy(result, metric=m).bias for m in metrics}
    return [*found, *(_bias_note(m, bias) for m, bias in biases.items() if bias)]


def _bias_note(metric: str, bias: float) -> str:
    shown = metric_of(metric)
    side = "high" if shown.sign * bias > 0.0 else "low"
    return (
        f"{shown.short} of the best setting is too {side} by about {abs(bias):.1g}, of so few sampled rows; a "
        "larger scoring_rows makes that smaller."
    )


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
