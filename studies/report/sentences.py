"""What the numbers of a report come to, in a sentence each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

from studies.counting import counted
from studies.report.data import Baseline, Chosen, Curve, Extrapolated, Leader, Offer, TrialRow
from studies.report.text import Metric, clean, finite, number_text, seconds_text

OWN_UNIT = (
    "neg_root_mean_squared_error", "neg_mean_absolute_error", "neg_median_absolute_error", "neg_max_error",
)  # fmt: skip
"""Scores in the target's own unit."""

SURE = 0.05
"""Probability of a difference by chance below which it is called one."""


def unit_text(scoring: str, target: str) -> str:
    """Return the unit of a score, in words after a comma; empty for one without.

    Examples
    --------
    >>> unit_text("neg_mean_absolute_error", "arr_delay"), unit_text("r2", "arr_delay")
    (', in the unit of arr_delay', '')
    """
    if not target:
        return ""
    if scoring == "neg_mean_squared_error":
        return f", in the squared unit of {clean(target)}"
    return f", in the unit of {clean(target)}" if scoring in OWN_UNIT else ""


def baseline_text(found: Baseline, metric: Metric, best: float | None) -> str:
    """Return what a model scores that looks at no column, and whether the best is any better.

    Examples
    --------
    >>> from studies.report.text import metric_of
    >>> dummy = Baseline(-0.66, 0.01, answer="the frequencies of the classes")
    >>> baseline_text(dummy, metric_of("neg_log_loss"), -0.08)
    'Always predicting the frequencies of the classes scores 0.66.'
    >>> baseline_text(dummy, metric_of("neg_log_loss"), -0.7).partition(". ")[2]
    'The best setting is no better than that.'
    >>> baseline_text(Baseline(0.0, answer="clusters drawn at random", how="with"), metric_of("silhouette"), 0.5)
    'With clusters drawn at random, the score is 0.'
    """
    shown = number_text(metric.shown(found.mean), 3)
    always = found.how == Baseline.how
    text = f"{found.how.capitalize()} {found.answer}" + (
        f" scores {shown}." if always else f", the score is {shown}."
    )
    return f"{text} The best setting is no better than that." if no_better(found, best) else text


def no_better(found: Baseline, best: float | None) -> bool:
    """Return whether a score is no better than that without a model, but for rounding."""
    return best is not None and found.mean is not None and best <= found.mean + 1e-12 * abs(found.mean)


def convergence_text(trials: Sequence[TrialRow], se: float | None) -> str:
    """Return what the last trials gained, in a sentence; empty of fewer than ten scores.

    A gain of less than a hundredth of the standard error is none.

    Examples
    --------
    >>> rows = [TrialRow(i, "ridge", value=min(i, 20) / 100.0) for i in range(80)]
    >>> convergence_text(rows, 0.01)
    'The last 59 of 80 trials gained nothing.'
    """
    scores = [value for trial in trials if (value := finite(trial.value)) is not None]
    if len(scores) < 10:
        return ""
    best = list(accumulate(scores, max))
    least = best[-1] - 0.01 * (finite(se) or 0.0)
    found = next(i for i, value in enumerate(best) if value >= least)
    idle = len(scores) - 1 - found
    if idle > len(scores) // 10:
        what = "nothing" if best[found] == best[-1] else "less than a hundredth of the standard error"
        return f"The last {idle:,} of {counted(len(scores), 'trial')} gained {what}."
    return (
        f"The best came in trial {found + 1:,} of {len(scores):,}, among the last tenth: more trials may gain more."
    )


def may_stop(trial: TrialRow) -> bool:
    """Return whether a trial was looked at before it had everything to learn from."""
    return bool(trial.rungs) and (trial.pruned or len(trial.rungs) > 1)


def rungs_text(trials: Sequence[TrialRow], of: str) -> str:
    """Return how far trials came that may be stopped early, in a sentence; `of` names what they learn from.

    Examples
    --------
    >>> rows = [TrialRow(i, "knn", state="pruned", rungs=[(50.0, 0.5)]) for i in range(3)]
    >>> whole = TrialRow(3, "knn", value=0.8, rungs=[(50.0, 0.6), (1350.0, 0.8)])
    >>> rungs_text([*rows, whole, TrialRow(4, "nb", value=0.7, rungs=[(1350.0, 0.7)])], "rows")
    '1 of 4 trials came to all 1,350 rows; stopped at 50: 3.'
    """
    known = [trial for trial in trials if may_stop(trial)]
    stopped = Counter(trial.rungs[-1][0] for trial in known if trial.pruned)
    whole = [trial.rungs[-1][0] for trial in known if not trial.pruned]
    if not known:
        return ""
    parts = ", ".join(f"at {size:,.0f}: {number:,}" for size, number in sorted(stopped.items()))
    most = f" all {max(whole):,.0f} {of}" if whole else f" all {of}"
    text = f"{len(whole):,} of {counted(len(known), 'trial')} came to{most}"
    return f"{text}; stopped {parts}." if parts else f"{text}."


def time_text(trials: Sequence[TrialRow], before: float, total: float, pauses: int) -> str:
    """Return where the time went, in a sentence.

    Examples
    --------
    >>> time_text([TrialRow(0, "ridge", seconds=1.5)], 4.0, 6.0, 1)
    'The pass took 4 s, the trials 1.5 s, what lies between them 500 ms; 1 pause is cut out.'
    """
    work = sum(trial.seconds or 0.0 for trial in trials)
    read = f"The pass took {seconds_text(before)}, the trials" if before > 0.0 else "The trials took"
    between = total - before - work
    rest = f", what lies between them {seconds_text(between)}" if between > 0.02 * total else ""
    cut = f"; {counted(pauses, 'pause')} {'is' if pauses == 1 else 'are'} cut out" if pauses else ""
    return f"{read} {seconds_text(work)}{rest}{cut}."


def offer_text(offer: Offer, best: Chosen | None) -> str:
    """Return what a point of a curve is better than: every trial, or those of its algorithm.

    Examples
    --------
    >>> offer_text(Offer(3, "lda", value=0.8), Chosen(1, "ridge", value=0.9))
    'Better than any trial of lda'
    """
    least = finite(best.value) if best else None
    better = least is None or (offer.value is not None and offer.value > least)
    return "Better than any trial" if better else f"Better than any trial of {clean(offer.algorithm)}"


def learning_text(curve: Curve, metric: Metric, *, beyond: bool = True) -> str:
    """Return what twice the rows would bring, by the last two doublings of the curve; empty where it has none.

    Without `beyond` it says what the last doubling brought, where another extrapolation stands beside it.

    Examples
    --------
    >>> from studies.report.text import metric_of
    >>> curve = Curve("rows", [100, 200, 400], [0.80, 0.84, 0.86], [0.001] * 3)
    >>> learning_text(curve, metric_of("accuracy"))
    'From 200 to 400 rows accuracy rose from 0.840 to 0.860; twice the rows: about +0.01.'
    """
    known, most = _doublings(curve)
    if not known:
        return ""
    gain, error = known[2] - known[1], finite(curve.se[-1]) if curve.se else None
    low, high = (f"{rows:,.0f}" for rows in (most / 2, most))
    shown = [metric.sign * value for value in known]
    if abs(gain) <= 0.5 * (error or 0.0):
        return (
            f"From {low} to {high} rows {metric.short} changed by {number_text(abs(gain), 2)}, less than half its "
            "standard error: more rows would hardly help."
        )
    if gain < 0.0:
        return f"From {low} to {high} rows {metric.short} became worse: look whether rows differ over the data."
    moved = "rose" if metric.sign > 0 else "fell"
    places = max(0, 3 - math.floor(math.log10(max(map(abs, shown)))) - 1) if any(shown) else 3
    further = number_text(float(f"{gain * _rate(known):.1g}"))
    was, now = (minus(one, places) for one in shown[1:])
    text = f"From {low} to {high} rows {metric.short} {moved} from {was} to {now}"
    return f"{text}; twice the rows: about {'+' if metric.sign > 0 else '−'}{further}." if beyond else f"{text}."


def doubled(curve: Curve) -> tuple[float, float] | None:
    """Return twice the rows and the score there, by the last two doublings; None where the curve has none.

    Examples
    --------
    >>> rows, score = doubled(Curve("rows", [100, 200, 400], [0.80, 0.84, 0.86]))
    >>> rows, round(score, 6)
    (800.0, 0.87)
    """
    known, most = _doublings(curve)
    gain = known[2] - known[1] if known else 0.0
    return (2.0 * most, known[2] + gain * _rate(known)) if gain > 0.0 else None


def extrapolated_text(found: Extrapolated, metric: Metric) -> str:
    """Return the score that all rows would give, in a sentence.

    Examples
    --------
    >>> from studies.report.text import metric_of
    >>> extrapolated_text(Extrapolated(9000, -2.0, -2.25, -1.875), metric_of("neg_mean_absolute_error"))
    'Extrapolated to all 9,000 rows MAE is 2 (1.88 to 2.25, nine times in ten).'
    """
    low, high = sorted(metric.sign * end for end in (found.low, found.high))
    score = number_text(metric.shown(found.score), 3)
    between = f"{number_text(low, 3)} to {number_text(high, 3)}, nine times in ten"
    text = f"Extrapolated to all {found.rows:,} rows {metric.short} is {score} ({between})"
    return f"{text}, but the law cannot be seen in the scores: {found.doubt}." if found.doubt else f"{text}."


def _doublings(curve: Curve) -> tuple[list[float], float]:
    """Return the scores at a quarter, a half and all of the rows, and these; none where the curve is too short."""
    most = float(str(curve.x[-1])) if curve.x and finite(curve.x[-1]) is not None else 0.0
    at = _by_rows(curve)
    known = [end for part in (4, 2, 1) if (end := _between(at, most / part)) is not None]
    return (known, most) if len(known) == 3 else ([], most)


def _rate(known: Sequence[float]) -> float:
    """Return the gain of a doubling over that before: constant where scores follow a power law of the rows."""
    before, gain = known[1] - known[0], known[2] - known[1]
    return min(max(gain / before, 0.0), 1.0) if before > 0.0 else 1.0


def minus(value: float, places: int) -> str:
    """Return a number with so many decimals and the sign that people print.

    Examples
    --------
    >>> minus(-1234.5, 1)
    '−1,234.5'
    """
    return f"{value:,.{places}f}".replace("-", "−")


def _by_rows(curve: Curve) -> list[tuple[float, float]]:
    pairs = zip(map(finite, curve.x), map(finite, curve.mean), strict=True)
    return sorted((x, y) for x, y in pairs if x is not None and y is not None and x > 0.0)


def _between(points: Sequence[tuple[float, float]], rows: float) -> float | None:
    """Return the score at a number of rows, linear in its logarithm; None outside the curve."""
    if not points or rows < points[0][0] * 0.999 or rows > points[-1][0] * 1.001:
        return None
    for (a, low), (b, high) in pairwise(points):
        if rows <= b * 1.001:
            share = (math.log(rows) - math.log(a)) / (math.log(b) - math.log(a)) if b > a else 1.0
            return low + share * (high - low)
    return points[-1][1]


def standing_text(leaders: Sequence[Leader]) -> str:
    """Return how the other algorithms stand to the best, in a sentence or two; empty with one algorithm.

    Examples
    --------
    >>> from studies.report.data import Difference
    >>> rows = [Leader(0, "ridge", value=0.9), Leader(1, "lasso", difference=Difference(-0.01, 0.01, 0.37))]
    >>> standing_text(rows)
    'Not significantly worse than ridge on these folds: lasso.'
    """
    others = [leader for leader in leaders if leader.difference is not None]
    first = next((leader.algorithm for leader in leaders if leader.difference is None), "")
    if not others or not first:
        return ""
    known = [o for o in others if o.difference and o.difference.p is not None]
    near = [o.algorithm for o in known if o.difference and (o.difference.p or 0.0) >= SURE]
    behind = [o.algorithm for o in known if o.algorithm not in near]
    parts = []
    if near:
        parts.append(f"Not significantly worse than {first} on these folds: {', '.join(near)}.")
    if behind:
        parts.append(f"Significantly worse than {first}: {', '.join(behind)}.")
    return clean(" ".join(parts))


def difference_text(chosen: Chosen, metric: Metric) -> str:
    """Return by how much a setting is worse than the best, and the chance of so much if it were as good.

    Examples
    --------
    >>> from studies.report.data import Difference
    >>> from studies.report.text import metric_of
    >>> worse = Chosen(3, "lasso", difference=Difference(-0.0102, 0.0034, 0.04))
    >>> difference_text(worse, metric_of("r2")), difference_text(worse, metric_of("neg_log_loss"))
    ('−0.0102 ± 0.0034 (p = 0.04)', '+0.0102 ± 0.0034 (p = 0.04)')
    """
    found = chosen.difference
    if found is None:
        return ""
    text = metric.text(found.mean, found.se)
    signed = text if text.startswith("−") or found.mean == 0.0 else f"+{text}"
    if found.p is None:
        return signed
    return f"{signed} (p {'< 0.001' if found.p < 0.001 else '= ' + number_text(found.p, 2)})"
