"""From a result to the plain values that a report shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.findings.answers import accuracy, coefficients, importances
from hpo.findings.curves import extrapolated, learning_curve, nested_score, validation_curve
from hpo.findings.importances import within
from hpo.findings.leaderboard import leaderboard
from hpo.findings.noted import algorithm_of, fold_rows, fold_words, noted_accuracy
from hpo.findings.scored import leaders, searched
from hpo.process.threads import one_thread
from hpo.question.search import HISTORY
from hpo.report.backtests import backtests
from hpo.report.baseline import baseline
from hpo.report.comparison import difference
from hpo.report.diagnostics import diagnostics
from hpo.report.lineage import lineage
from hpo.report.notes import concerns, remarks
from hpo.report.of_coefficients import of_classes, of_units
from hpo.report.of_stages import epoch_losses, stage_rows
from hpo.report.offers import offers, with_tried
from hpo.report.reproduce import recipe
from hpo.report.time_budget import TimeBudget, time_budget_of
from hpo.trials.accuracy import accuracy_of, scored_rows
from hpo.trials.notes import Noted, noted
from hpo.trials.selection import Candidate, complexity
from studies.report.charts.scales import Log, fit_scale
from studies.report.data import (
    Chosen,
    ClassRow,
    Curve,
    EditionRow,
    Estimate,
    Extrapolated,
    Leader,
    Ledger,
    ReportData,
    SegmentRow,
    Topic,
    TrialRow,
)
from studies.spec.form import dump
from studies.spec.spec import build
from studies.uncollected import uncollected

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from optuna.distributions import BaseDistribution

    from hpo.findings.leaderboard import Leader as Row
    from hpo.findings.result import Result
    from hpo.states.evaluate import Scores
    from hpo.trials import curves as fold_curves
    from hpo.trials import selection
    from studies.report.accuracy import Accuracy

MOST_COEFFICIENTS = 30
MOST_PATHS = 3
BEST = 0.25
"""The share of the trials that counts as the better settings."""


@one_thread()
@uncollected()
def report_data(result: Result, *, drawn: bool = True) -> ReportData:
    """Return everything that a report of the study shows; answered from states and record, no data is read.

    The summary on a terminal draws no curves, so that they need not be computed: ``drawn`` is False.
    """
    record = result.record
    definition, spec, budget = record.definition, record.spec, time_budget_of(result, drawn=drawn)
    known = noted(result.optuna_study)
    began = min((one.trial.datetime_start for one in known if one.trial.datetime_start), default=None)
    warnings, curves = concerns(result), [_validation(result, *one) for one in _drawn(result, budget)]
    made = ReportData(
        name=record.name or "unnamed study",
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
        trials=[_row(result, one, began) for one in known],
        nested=_estimate(nested_score(result)) if budget.nested else None,
        importances=importances(result),
        validation=[*_elbows(result, budget), *curves],
        learning=_curve("rows", learning_curve(result)) if budget.learning else None,
        extrapolated=_extrapolated(result) if budget.learning else None,
        ledger=_ledger(result),
        spec_yaml=_yaml(spec),
        notes=[*warnings, *remarks(result, budget)],
        warnings=warnings,
        dropped_rows=result.cost.rows_without_target + result.cost.rows_without_weight,
        log_params=[k for k, d in result.run.tuner.space.distributions.items() if _is_log(d)],
        metrics=list(result.record.metrics),
        objectives=list(record.objectives),
        leaderboard=[_leader(result, row) for row in leaderboard(result)],
        classes=_classes(result),
        sampled=list(record.sampled),
        sampled_rows=next(iter(scored_rows(result.candidates[0].states) or ()), None),
        recipe=recipe(result),
        lineage=lineage(result),
        editions=_editions(result),
        rungs_of=_rungs_of(result, known),
        stages=stage_rows(result, known) if drawn and result.cost.epochs_alone else [],
    )
    if record.several:
        return replace(made, pareto=[_chosen(result, c) for c in result.pareto])
    made = _with_best(made, result, curves)
    if drawn and result.cost.epochs_alone:
        made = replace(made, epoch_losses=epoch_losses(result))
    return _with_pictures(made, result) if drawn else made


def _with_best(made: ReportData, result: Result, curves: Sequence[Curve]) -> ReportData:
    """Return the report with what is known of one best setting."""
    return replace(
        made,
        best=_chosen(result, result.best),
        simplest=_chosen(result, result.simplest),
        offers=offers(result, curves),
        coefficients=coefficients(result)[:MOST_COEFFICIENTS],
        baseline=baseline(result),
        stands=_stands(result),
        class_coefficients=of_classes(result),
    )


def _stands(result: Result) -> bool:
    """Return whether the best setting is that of the edition before, though another has a better mean."""
    return any(one.scores.mean > result.best.scores.mean for one in result.candidates)


def _with_pictures(made: ReportData, result: Result) -> ReportData:
    """Return the report with what is drawn of one best setting, and shown by no summary on a terminal."""
    return replace(
        made,
        importances_within=_within(result),
        backtests=backtests(result),
        diagnostics=diagnostics(result),
        units=of_units(result),
        topics=_topics(result),
    )


def _editions(result: Result) -> list[EditionRow]:
    """Return the editions of the study up to this one; none of one that has no other."""
    note = result.record.edition
    if note is None or not note.earlier or note.value is None:
        return []
    rows = result.candidates[0].states.whole.rows if note.rows is None else note.rows
    return [EditionRow(*one) for one in (*note.earlier, (note.number, rows, note.value))]


def _topics(result: Result) -> list[Topic]:
    """Return the topics of the best setting; none of models that have no topics."""
    algorithm, states = result.best.algorithm, result.best.states
    groups = algorithm.described(states.whole)
    return [Topic(list(one.words), one.share, one.coherence, *one.place) for one in groups]


def _within(result: Result) -> list[tuple[str, dict[str, float]]]:
    """Return what matters to the best algorithm alone, where there are others, and among its best trials."""
    name, several = algorithm_of(result.run, result.best), len(leaders(result)) > 1
    parts = [(f"Within {name}", 1.0)] if several else []
    parts.append((f"Among the best quarter of {name}", BEST))
    found = [(words, within(result.optuna_study, name, part)) for words, part in parts]
    return [(words, shares) for words, shares in found if len(shares) > 1]


def _leader(result: Result, row: Row) -> Leader:
    against = None if result.record.several else difference(leaders(result)[row.algorithm], result.best)
    return Leader(
        row.trial, row.algorithm, row.params, row.score, _finite(row.se), row.complexity,
        within_one_se=row.within_one_se, trials=row.trials, failed=row.failed, pruned=row.pruned,
        bound=row.score_bound, accuracy=row.accuracy, difference=against,
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


def _rungs_of(result: Result, known: Sequence[Noted]) -> str:
    """Return what trials that may be stopped learn from: where the rungs are values of an axis, trees."""
    if result.cost.epochs_alone:
        return "epochs"
    axes = [({value for value, _, _ in one.note.prefixes}, {size for size, _ in one.note.rungs}) for one in known]
    return "trees" if any(sizes and sizes <= values for values, sizes in axes) else "rows"


def _row(result: Result, noted: Noted, began: datetime | None) -> TrialRow:
    trial, scores, note = noted.trial, noted.scores, noted.note
    start = trial.datetime_start
    name, values = result.run.tuner.space.tried(trial)
    return TrialRow(
        number=trial.number,
        algorithm=name,
        params={f"{name}.{k}": v for k, v in values.items() if k != HISTORY},
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
        began=None if start is None or began is None else (start - began).total_seconds(),
        rungs=[(size, math.fsum(folds) / len(folds)) for size, folds in note.rungs],
    )


def _chosen(result: Result, candidate: Candidate) -> Chosen:
    name, params = algorithm_of(result.run, candidate), result.params_of(candidate)
    scores, se = candidate.scores, _finite(candidate.scores.se)
    found = {m: shown_accuracy(result, candidate, m) for m in result.record.metrics}
    words = {m: one.words(scores.also.get(m, scores).mean) for m, one in found.items()}
    also = {m: _estimate_of(s, words[m]) for m, s in scores.also.items()}
    return Chosen(
        candidate.number, name, params, scores.mean, se, complexity(candidate), also, scores.bound,
        words[result.metric], None if result.record.several else difference(candidate, result.best),
    )  # fmt: skip


def shown_accuracy(result: Result, candidate: Candidate, metric: str) -> Accuracy:
    """Return which errors a chosen setting's score carries; those of a whole front without further predictions."""
    return (
        accuracy_of(candidate, metric, result.metric)
        if result.record.several
        else accuracy(result, candidate, metric)
    )


def _drawn(result: Result, budget: TimeBudget) -> list[tuple[str, int]]:
    """Return what was searched and is drawn, in the order of the search, with the points of its curve."""
    return [(key, budget.points[key]) for key in searched(result) if key in budget.points]


def _elbows(result: Result, budget: TimeBudget) -> list[Curve]:
    """Return, for models with an elbow, its curve, where it is not the score that was optimised."""
    asked = ((name, leader.algorithm.tags.elbow) for name, leader in leaders(result).items())
    found = ((f"{name}.{elbow[0]}", elbow[1]) for name, elbow in asked if elbow)
    return [
        replace(_validation(result, key, budget.points[key], metric), metric=metric)
        for key, metric in found
        if key in budget.points and metric != result.metric
    ]


def _validation(result: Result, key: str, points: int, metric: str | None = None) -> Curve:
    curve = validation_curve(result, key, points, metric)
    distribution = searched(result)[key]
    leader = leaders(result)[key.partition(".")[0]]
    best = result.params_of(leader).get(key)
    made = Curve(
        key, list(curve.x), list(curve.mean), [_finite(s) for s in curve.se], _is_log(distribution), best
    )
    return with_tried(made, leader) if metric is None else made


def _curve(name: str, curve: fold_curves.Curve | None) -> Curve | None:
    if curve is None or not curve.x:
        return None
    return Curve(name, list(curve.x), list(curve.mean), [_finite(s) for s in curve.se])


def _extrapolated(result: Result) -> Extrapolated | None:
    """Return the score that all rows would give, where models are fitted to a sample of them."""
    found = extrapolated(result)
    if found is None or found.rows <= max(found.sizes):
        return None
    return Extrapolated(found.rows, found.score, found.low, found.high, found.doubt)


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
    """Return whether a range is logarithmic, or its choices are numbers that a logarithm spreads more evenly."""
    if isinstance(distribution, CategoricalDistribution):
        return isinstance(fit_scale(distribution.choices), Log)
    return isinstance(distribution, FloatDistribution | IntDistribution) and distribution.log


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(data: str | Sequence[str]) -> str:
    if isinstance(data, str):
        return data
    return ", ".join(data) if len(data) <= MOST_PATHS else f"{data[0]} and {len(data) - 1:,} more"


def _yaml(spec: Mapping[str, object]) -> str:
    return dump(build(spec))
