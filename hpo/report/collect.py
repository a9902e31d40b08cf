"""From a result to the plain values that a report shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution

from hpo.findings.answers import accuracy, coefficient_table, coefficients, importances
from hpo.findings.curves import extrapolated, learning_curve, nested_score, validation_curve
from hpo.findings.editions import words
from hpo.findings.leaderboard import leaderboard
from hpo.findings.noted import algorithm_of, fold_rows, fold_words, noted_accuracy
from hpo.findings.scored import leaders, searched
from hpo.process.threads import one_thread
from hpo.report.backtests import backtests
from hpo.report.time_budget import Depth, depth_of
from hpo.trials.accuracy import accuracy_of, scored_rows
from hpo.trials.hopeless import told
from hpo.trials.notes import Noted, noted
from hpo.trials.notes import notes as notes_of
from hpo.trials.selection import Candidate, complexity
from studies.counting import counted
from studies.report.data import (
    Chosen,
    ClassCoefficients,
    ClassRow,
    Curve,
    Estimate,
    Leader,
    Ledger,
    ReportData,
    SegmentRow,
    Topic,
    TrialRow,
)
from studies.report.text import bytes_text, metric_of, seconds_text
from studies.spec.form import dump
from studies.spec.spec import build
from studies.uncollected import uncollected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.distributions import BaseDistribution

    from hpo.findings.leaderboard import Leader as Row
    from hpo.findings.result import Result
    from hpo.states.evaluate import Scores
    from hpo.trials import selection
    from studies.record.study_record import StudyRecord
    from studies.report.accuracy import Accuracy

MOST_COEFFICIENTS = 30
MOST_PATHS = 3


@one_thread()
@uncollected()
def report_data(result: Result, *, drawn: bool = True) -> ReportData:
    """Return everything that a report of the study shows; answered from states and record, no data is read.

    The summary on a terminal draws no curves, so that they need not be computed: ``drawn`` is False.
    """
    record = result.record
    definition, spec, depth = record.definition, record.spec, depth_of(result, drawn=drawn)
    return ReportData(
        name=result.record.name or "unnamed study",
        created=_created(result),
        data=_text(spec.get("data", "")),
        target=", ".join(record.targets),
        scoring=result.metric,
        folds=f"{record.folds}; {fold_words(result.run)}",
        fold_sizes=fold_rows(result.run),
        sampler=str(definition.get("sampler", "auto")),
        seed=definition.get("seed"),
        n_rows=result.candidates[0].states.whole.rows,
        n_columns=len(record.encoder["encodings"]),
        trials=[_row(result, one) for one in noted(result.optuna_study)],
        best=None if result.record.several else _chosen(result, result.best),
        simplest=None if result.record.several else _chosen(result, result.simplest),
        nested=_estimate(nested_score(result)) if depth.nested else None,
        importances=importances(result),
        validation=[*_elbows(result, depth), *(_validation(result, *one) for one in _drawn(result, depth))],
        learning=_curve("rows", learning_curve(result)) if depth.learning else None,
        coefficients=[] if result.record.several else coefficients(result)[:MOST_COEFFICIENTS],
        ledger=_ledger(result),
        spec_yaml=_yaml(spec),
        notes=notes(result, depth),
        dropped_rows=result.cost.rows_without_target + result.cost.rows_without_weight,
        log_params=[k for k, d in result.run.tuner.space.distributions.items() if _is_log(d)],
        metrics=list(result.metrics),
        objectives=list(result.record.objectives),
        pareto=[_chosen(result, c) for c in result.pareto] if result.record.several else [],
        leaderboard=[_leader(row) for row in leaderboard(result)],
        classes=_classes(result),
        class_coefficients=None if result.record.several else _class_coefficients(result),
        sampled=list(record.sampled),
        sampled_rows=next(iter(scored_rows(result.candidates[0].states) or ()), None),
        backtests=backtests(result) if drawn and not result.record.several else None,
        topics=_topics(result) if drawn and not result.record.several else [],
    )


def _topics(result: Result) -> list[Topic]:
    """Return the topics of the best setting; none of models that have no topics."""
    algorithm, states = result.best.algorithm, result.best.states
    if (describing := algorithm.describing) is None:
        return []
    groups = describing.described(algorithm.solve(states.whole))
    return [Topic(list(one.words), one.share, one.coherence, *one.place) for one in groups]


def notes(result: Result, depth: Depth) -> list[str]:
    """Return what a reader should know besides: what was left out, how the study ended, what is approximate."""
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
    if result.stopped in ("timeout", "interrupted"):
        found.append(f"The trials ended before their number was reached ({result.stopped}).")
    noted = notes_of(result.optuna_study)
    if unsettled := sum(note.error is not None and not note.repeated for note in noted):
        found.append(f"{counted(unsettled, 'setting')} could not be scored; the trials table has the reasons.")
    found += [f"{told(choice, why)}." for choice, why in result.run.tuner.hopeless.found.items()]
    if unfinished := sum(not note.converged for note in noted):
        found.append(f"In {counted(unfinished, 'trial')} a solver reached max_iter before its tolerance.")
    if early := sum(note.stopped_early for note in noted):
        found.append(
            f"{counted(early, 'trial')} {_were(early)} pruned, on a part of the sample; the others were fitted to "
            "all of it."
        )
    if depth.learning and (far := extrapolated(result)) is not None:
        found.append(f"E{far.words(result.metric)[1:]}, by a power law of {far.sizes[-1]:,.0f} and fewer.")
    found += _model_notes(result)
    if depth.nested:
        found.append(
            "The nested estimate scores the choice among the settings that were tried; the tuner saw all folds, "
            "so it may be slightly optimistic."
        )
    return [*found, *depth.words]


def _algorithm_notes(record: StudyRecord) -> list[str]:
    """Return why the algorithms are those that they are."""
    found = [record.chosen] if record.chosen else []
    found += [
        f"{name} was answered by {wide}: the square of the columns did not fit in memory. Its components are "
        "approximate, and its scores are lower bounds."
        for name, wide in record.wide.items()
    ]
    if without := record.left_out:
        found.append(f"Left out, since some split holds too few rows to train it: {', '.join(without)}.")
    return found


def _reading_notes(record: StudyRecord) -> list[str]:
    """Return why the data was read more than once, and what suits it badly even so."""
    again, left = record.read_again, record.unsuited
    found = [f"Of the data: {record.files}."] if record.files else []
    found += words(record)
    found += [
        f"The data was read again, since what a sample gave does not suit all rows: {why}." for why in again
    ]
    found += [f"The data was read once more, by QR decompositions: {why}." for why in record.refined]
    if record.precision:
        found.append(f"Exact scores come from {record.precision}.")
    found += expected(record)
    return found + [
        f"Models may be rough, since what they begin at does not suit all rows: {why}." for why in left
    ]


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
    found, last = [], None if result.record.several else result.best_model["model"]
    if hasattr(last, "estimator_") and (threshold := getattr(last, "threshold", None)) is not None:
        found.append(f"The best model calls a row positive from {threshold:.4g} on.")
    return [*found, result.polished.words] if result.polished is not None else found


def _sampling_notes(result: Result) -> list[str]:
    sampled, scored = result.record.sampled, scored_rows(result.candidates[0].states)
    if not sampled or scored is None:
        return []
    splits = len(result.candidates[0].states.test)
    names = ", ".join(metric_of(name).short for name in sampled)
    others = "" if len(sampled) == len(result.metrics) else "; other scores are exact"
    kept, held = scored
    where = f"all {held:,}" if kept == held else f"a sample of {kept:,} of {held:,}"
    found = [f"{names}: scored on {where} held-out rows, in {counted(splits, 'split')}{others}."]
    untold = {
        name: sum(not math.isfinite(c.scores.also[name].mean) for c in result.candidates)
        for name in result.metrics[1:]
    }
    found += [
        f"{metric_of(name).short} could not be computed for {counted(n, 'setting')}."
        for name, n in untold.items()
        if n
    ]
    return [*found, *_bias_notes(result)]


def _bias_notes(result: Result) -> list[str]:
    """Return which scores of sampled rows are biased, and how."""
    largest = [m for m in result.record.sampled if m == "neg_max_error"]
    kept, held = scored_rows(result.candidates[0].states) or (0, 0)
    found = [
        f"The {metric_of(m).name} is that among {kept:,} of {held:,} held-out rows (the smallest and largest "
        "targets are among them): that of all rows may be larger."
        for m in largest
        if kept < held
    ]
    biases = {m: accuracy(result, metric=m).bias for m in result.metrics} if not result.record.several else {}
    return [*found, *(_bias_note(m, bias) for m, bias in biases.items() if bias)]


def _bias_note(metric: str, bias: float) -> str:
    shown = metric_of(metric)
    side = "high" if shown.sign * bias > 0.0 else "low"
    return (
        f"{shown.short} of the best setting is too {side} by about {abs(bias):.1g}, of so few sampled rows; a "
        "larger scoring_rows makes that smaller."
    )


def _leader(row: Row) -> Leader:
    return Leader(
        row.trial, row.algorithm, row.params, row.score, _finite(row.se), row.complexity,
        within_one_se=row.within_one_se, trials=row.trials, failed=row.failed, pruned=row.pruned,
        bound=row.score_bound, accuracy=row.accuracy,
        metrics={name: _estimate_of(s) for name, s in row.metrics.items()},
    )  # fmt: skip


def _estimate_of(scores: Scores, accuracy: str = "") -> Estimate:
    return Estimate(_finite(scores.mean), _finite(scores.se), scores.bound, accuracy)


def _classes(result: Result) -> list[ClassRow]:
    """Return the rows of each class, or their weight where states keep that alone; none where they keep neither."""
    first = result.candidates[0].states
    labels = first.whole.shape.classes
    states = [first.sample or first, *(c.states for c in leaders(result).values())]
    known = [found for s in states if (found := s.whole.class_rows) is not None]
    return [ClassRow(str(v), float(n)) for v, n in zip(labels, known[0], strict=True)] if known else []


def _class_coefficients(result: Result) -> ClassCoefficients | None:
    table = coefficient_table(result)
    if table is None or table.shape[1] < 2:
        return None
    values = table.to_numpy()
    order = np.argsort(-np.abs(values).max(axis=1), kind="stable")[:MOST_COEFFICIENTS]
    rows = [(str(table.index[i]), values[i].tolist()) for i in order]
    return ClassCoefficients([str(c) for c in table.columns], rows, len(table))


def _row(result: Result, noted: Noted) -> TrialRow:
    trial, scores, note = noted.trial, noted.scores, noted.note
    name, values = result.run.tuner.setting(trial)
    return TrialRow(
        number=trial.number,
        algorithm=name,
        params={f"{name}.{k}": v for k, v in values.items()},
        value=scores.mean if scores else None,
        se=_finite(scores.se) if scores else None,
        fold_scores=list(scores.folds) if scores else [],
        seconds=note.seconds,
        duplicate_of=note.duplicate_of,
        state=trial.state.name.lower(),
        error=note.error or "",
        metrics={m: _estimate_of(s, noted_accuracy(result.run, noted, m)) for m, s in scores.also.items()}
        if scores
        else {},
        bound=scores.bound if scores else None,
        accuracy=noted_accuracy(result.run, noted, result.metric) if scores else "",
    )


def _chosen(result: Result, candidate: Candidate) -> Chosen:
    name, params = algorithm_of(result.run, candidate), result.params_of(candidate)
    scores, se = candidate.scores, _finite(candidate.scores.se)
    found = {m: shown_accuracy(result, candidate, m) for m in result.metrics}
    words = {m: one.words(scores.also.get(m, scores).mean) for m, one in found.items()}
    also = {m: _estimate_of(s, words[m]) for m, s in scores.also.items()}
    return Chosen(
        candidate.number, name, params, scores.mean, se, complexity(candidate), also, scores.bound,
        words[result.metric],
    )  # fmt: skip


def shown_accuracy(result: Result, candidate: Candidate, metric: str) -> Accuracy:
    """Return which errors a chosen setting's score carries; those of a whole front without further predictions."""
    return (
        accuracy_of(candidate, metric, result.metric)
        if result.record.several
        else accuracy(result, candidate, metric)
    )


def _drawn(result: Result, depth: Depth) -> list[tuple[str, int]]:
    """Return what was searched and is drawn, in the order of the search, with the points of its curve."""
    return [(key, depth.points[key]) for key in searched(result) if key in depth.points]


def _elbows(result: Result, depth: Depth) -> list[Curve]:
    """Return, for models with an elbow, its curve, where it is not the score that was optimised."""
    asked = ((name, leader.algorithm.tags.elbow) for name, leader in leaders(result).items())
    found = ((f"{name}.{elbow[0]}", elbow[1]) for name, elbow in asked if elbow)
    return [
        replace(_validation(result, key, depth.points[key], metric), metric=metric)
        for key, metric in found
        if key in depth.points and metric != result.metric
    ]


def _validation(result: Result, key: str, points: int, metric: str | None = None) -> Curve:
    curve = validation_curve(result, key, points, metric)
    distribution = searched(result)[key]
    best = result.params_of(leaders(result)[key.partition(".")[0]]).get(key)
    return Curve(
        key, list(curve.x), list(curve.mean), [_finite(s) for s in curve.se], _is_log(distribution), best
    )


def _curve(name: str, curve: selection.Curve | None) -> Curve | None:
    if curve is None or not curve.x:
        return None
    return Curve(name, list(curve.x), list(curve.mean), [_finite(s) for s in curve.se])


def _estimate(found: selection.Estimate | None) -> Estimate | None:
    return None if found is None else Estimate(found.mean, _finite(found.se))


def _ledger(result: Result) -> Ledger:
    segments = [
        SegmentRow(s.name, s.rows, s.nbytes, "read" if s.read else "reused") for s in result.record.ledger
    ]
    return Ledger(**vars(result.cost.work), segments=segments)


def _created(result: Result) -> str:
    trials = result.optuna_study.get_trials(deepcopy=False)
    start = trials[0].datetime_start if trials else None
    return start.strftime("%Y-%m-%d %H:%M") if start else ""


def _is_log(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, (FloatDistribution, IntDistribution)) and distribution.log


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(data: str | Sequence[str]) -> str:
    if isinstance(data, str):
        return data
    return ", ".join(data) if len(data) <= MOST_PATHS else f"{data[0]} and {len(data) - 1:,} more"


def _yaml(spec: Mapping[str, object]) -> str:
    return dump(build(spec))
