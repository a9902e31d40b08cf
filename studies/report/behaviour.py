"""The page's section on how the best model behaves: charts and tables of its diagnostics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from studies.report import charts
from studies.report.charts.marks import swatch
from studies.report.charts.plots import shares_frame
from studies.report.context import drawing_of
from studies.report.text import MISSING, clean, count_text, number_text, shorten

if TYPE_CHECKING:
    from studies.report.context import Context
    from studies.report.diagnosed import (
        Clusters,
        Components,
        Confusion,
        FoldErrors,
        Outliers,
        Ranked,
        Regressed,
    )

STRONGEST = 45
"""Per cent of colour behind the largest number of a table, so that its text can be read."""

SIZES = ((880.0, "plot wide"), (360.0, "plot narrow"))
"""Widths of a chart that stands alone in its card, and how each is shown."""


def behaviour(context: Context) -> dict[str, object]:
    """Return what the section shows; empty without diagnostics."""
    found = context.data.diagnostics
    if found is None:
        return {}
    scored = f"{found.rows:,}" if found.rows == found.of else f"{found.rows:,} of {found.of:,}"
    target = context.data.target or "the target"
    return {
        "rows": scored,
        "hint": found.hint,
        "folds": _folds(found.folds, target),
        "ranked": _ranked(found.ranked) if found.ranked else {},
        "confusion": _confusion(found.confusion) if found.confusion else {},
        "regressed": _regressed(found.regressed, target) if found.regressed else {},
        "clusters": _clusters(found.clusters) if found.clusters else {},
        "components": _components(found.components) if found.components else {},
        "outliers": _outliers(found.outliers) if found.outliers else {},
    }


def cuts(context: Context) -> dict[str, object]:
    """Return what the slider needs: thresholds, the rows from each on, and where they are on the charts."""
    ranked = context.data.diagnostics.ranked if context.data.diagnostics else None
    if ranked is None:
        return {}
    frame = shares_frame()
    return {
        "at": [float(f"{one:.4g}") for one in ranked.thresholds],
        "tp": [float(f"{one:.7g}") for one in ranked.tp],
        "fp": [float(f"{one:.7g}") for one in ranked.fp],
        "p": ranked.positives,
        "n": ranked.negatives,
        "chosen": _chosen(ranked),
        "x": [round(one, 1) for one in charts.bins_places(ranked.histogram, ranked.thresholds)],
        "roc": [_pixels(frame.point(*pair)) for pair in _roc(ranked)],
        "pr": [_pixels(frame.point(*pair)) for pair in _precision(ranked)],
    }


def _pixels(point: tuple[float, float] | None) -> list[float]:
    return [0.0, 0.0] if point is None else [round(point[0], 1), round(point[1], 1)]


def _chosen(ranked: Ranked) -> int:
    """Return the place of the threshold in use."""
    gaps = [abs(one - ranked.chosen) for one in ranked.thresholds]
    return gaps.index(min(gaps))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else 0.0


def _roc(ranked: Ranked) -> list[tuple[float, float]]:
    pairs = zip(ranked.fp, ranked.tp, strict=True)
    return [(_ratio(fp, ranked.negatives), _ratio(tp, ranked.positives)) for fp, tp in pairs]


def _precision(ranked: Ranked) -> list[tuple[float, float]]:
    pairs = zip(ranked.fp, ranked.tp, strict=True)
    return [(_ratio(tp, ranked.positives), tp / (tp + fp) if tp + fp > 0.0 else 1.0) for fp, tp in pairs]


def _ranked(found: Ranked) -> dict[str, object]:
    place, roc, precision = _chosen(found), _roc(found), _precision(found)
    tp, fp = found.tp[place], found.fp[place]
    fn, tn = found.positives - tp, found.negatives - fp
    name = shorten(found.positive, 24)
    score = f"probability of {name}" if found.calibration else f"score of {name}"
    drawn = [
        "ROC", charts.line_chart(
            [(0.0, 0.0), *roc, (1.0, 1.0)], "false positive rate", "true positive rate", "ROC curve",
            diagonal=True, at=roc[place],
        ),
        "Precision and recall", charts.line_chart(
            precision, "recall", "precision", "Precision against recall", at=precision[place],
        ),
        "Scores", charts.bins_chart(
            found.histogram, (found.positive, found.negative), score,
            f"Held-out rows by their {score}", found.thresholds[place],
        ),
    ]  # fmt: skip
    if found.calibration:
        pairs = [(mean, share) for mean, share, _ in found.calibration]
        label = "Calibration: share of positive rows against their mean probability"
        chart = charts.line_chart(pairs, f"mean {score}", "observed share", label, diagonal=True, dots=True)
        drawn += ["Calibration", chart]
    return {
        "charts": titled(drawn),
        "positive": clean(found.positive),
        "negative": clean(found.negative),
        "swatches": [(drawing_of(swatch_of(i)), clean(n)) for i, n in enumerate((found.positive, found.negative))],
        "place": place,
        "most": len(found.thresholds) - 1,
        "threshold": number_text(found.thresholds[place], 3),
        "cells": [[count_text(round(tp)), count_text(round(fn))], [count_text(round(fp)), count_text(round(tn))]],
        "measures": [
            ("precision", "precision", f"{_ratio(tp, tp + fp):.3f}"),
            ("recall", "recall", f"{_ratio(tp, tp + fn):.3f}"),
            ("f1", "F1", f"{_ratio(2.0 * tp, 2.0 * tp + fp + fn):.3f}"),
            ("accuracy", "accuracy", f"{_ratio(tp + tn, tp + tn + fp + fn):.3f}"),
        ],
    }


def titled(parts: Sequence[str]) -> list[tuple[str, Markup]]:
    """Return charts with the titles that stand before each."""
    return [(name, drawing_of(chart)) for name, chart in zip(parts[::2], parts[1::2], strict=True)]


def swatch_of(index: int) -> str:
    """Return a small picture of a series' colour, for a legend of bars and points."""
    return swatch(0).replace(" s0", f" s{index % 8}")


def tint(share: float) -> str:
    """Return the style of a cell by a share from -1 to 1.

    Examples
    --------
    >>> tint(1.0), tint(-0.2), tint(0.0)
    ('--t:45%', '--t:9%', '--t:0%')
    """
    return f"--t:{round(STRONGEST * min(1.0, abs(share)))}%"


def _confusion(found: Confusion) -> dict[str, object]:
    rows, totals = [], [sum(row) for row in found.counts]
    called = [sum(row[j] for row in found.counts) for j in range(len(found.labels))]
    for i, (label, counts) in enumerate(zip(found.labels, found.counts, strict=True)):
        hit = counts[i]
        precision, recall = _ratio(hit, called[i]), _ratio(hit, totals[i])
        rows.append(
            {
                "label": clean(label),
                "cells": [
                    {
                        "rate": f"{_ratio(n, totals[i]):.1%}".replace("100.0%", "100%") if n else MISSING,
                        "count": count_text(round(n)),
                        "style": tint(_ratio(n, totals[i])),
                        "hit": i == j,
                    }
                    for j, n in enumerate(counts)
                ],
                "rows": count_text(round(totals[i])),
                "measures": [
                    f"{one:.3f}"
                    for one in (precision, recall, _ratio(2.0 * precision * recall, precision + recall))
                ],
            }
        )
    return {"labels": [clean(label) for label in found.labels], "rows": rows}


def _folds(found: Sequence[FoldErrors], target: str) -> dict[str, object]:
    if not found:
        return {}
    rows = [
        (count_text(one.rows), *(number_text(x, 3) for x in (one.typical, one.bias, one.spread, one.explained)))
        for one in found
    ]
    weights = [one.rows for one in found]
    typical, spread = (
        math.sqrt(sum(w * x * x for w, x in zip(weights, values, strict=True)) / sum(weights))
        for values in ([one.typical for one in found], [one.spread for one in found])
    )
    worst = max(found, key=lambda one: one.typical)
    sentence = (
        f"A prediction is typically {number_text(typical, 3)} off (root mean squared error), where {clean(target)} "
        f"itself has a standard deviation of {number_text(spread, 3)}; in the worst fold it is "
        f"{number_text(worst.typical, 3)} off."
    )
    return {"rows": rows, "sentence": sentence}


def _regressed(found: Regressed, target: str) -> dict[str, object]:
    pairs = list(zip(found.predicted, found.actual, strict=True))
    errors = [actual - predicted for predicted, actual in pairs]
    drawn = [
        "Predicted and true", charts.scatter_chart(
            [pairs], f"predicted {target}", f"true {target}", "Predicted against true", "equal",
        ),
        "Errors", charts.scatter_chart(
            [list(zip(found.predicted, errors, strict=True))], f"predicted {target}", "true less predicted",
            "Errors against predictions", "zero",
        ),
    ]  # fmt: skip
    for name, values in found.columns:
        points, label = list(zip(values, errors, strict=True)), f"Errors against {name}"
        chart = charts.scatter_chart([points], name, "true less predicted", label, "zero")
        drawn += [f"Errors by {shorten(name, 30)}", chart]
    return {
        "charts": titled(drawn),
        "points": f"{len(pairs):,}",
        "quantiles": [(f"{100.0 * share:g}%", number_text(error)) for share, error in found.quantiles],
        "bias": f"{number_text(abs(found.bias), 2)} {'above' if found.bias > 0.0 else 'below'} the truth",
    }


def _clusters(found: Clusters) -> dict[str, object]:
    rows = []
    for number, means in enumerate(found.means):
        away = [
            (mean - middle) / spread if spread else 0.0
            for mean, middle, spread in zip(means, found.overall, found.spread, strict=True)
        ]
        cells = [(number_text(m, 3), tint(z / 2.0), z < 0.0) for m, z in zip(means, away, strict=True)]
        rows.append(
            {"swatch": drawing_of(swatch_of(number)), "share": f"{found.shares[number]:.1%}", "cells": cells}
        )
    groups = [[(x, y) for x, y, g in found.points if g == i] for i in range(len(found.shares))]
    name = f"Map of {len(found.points)} rows by their cluster"
    labels = ("first principal component", "second")
    drawn = [charts.scatter_chart(groups, *labels, name, "", *size) for size in SIZES if found.points]
    return {
        "columns": [clean(name) for name in found.columns],
        "rows": rows,
        "overall": [number_text(mean, 3) for mean in found.overall],
        "left_out": len(found.shares) - len(found.means),
        "map": drawing_of(*drawn) if drawn else "",
    }


def _components(found: Components) -> dict[str, object]:
    total, sums = 0.0, []
    for share in found.shares:
        total += share
        sums.append(total)
    largest = [max([1e-300, *map(abs, row)]) for row in found.loadings]
    rows = [
        (
            clean(name),
            [
                (number_text(row[j], 2), tint(row[j] / most), row[j] < 0.0)
                for row, most in zip(found.loadings, largest, strict=True)
            ],
        )
        for j, name in enumerate(found.columns)
    ]
    return {
        "scree": drawing_of(*(charts.scree_chart(found.shares, "Scree", *size) for size in SIZES)),
        "sentence": _enough(sums),
        "heads": [f"component {i + 1}" for i in range(len(found.loadings))],
        "rows": rows,
    }


def _enough(sums: Sequence[float]) -> str:
    """Return how many components explain most of the variance, in a sentence.

    Examples
    --------
    >>> _enough([0.6, 0.85, 0.92, 0.95])
    '2 components explain 80% of the variance, 3 explain 90%, 4 explain 95%.'
    """
    found = [(share, sum(s < share - 1e-12 for s in sums) + 1) for share in (0.8, 0.9, 0.95)]
    known = [(f"{share:.0%}", number) for share, number in found if number <= len(sums)]
    if not known:
        return f"All that are kept explain {sums[-1]:.0%} of the variance." if sums else ""
    (share, number), *rest = known
    verb = "component explains" if number == 1 else "components explain"
    more = "".join(f", {n} explain {s}" for s, n in rest)
    return f"{number} {verb} {share} of the variance{more}."


def _outliers(found: Outliers) -> dict[str, object]:
    label = clean(found.label)
    names = (label, "others") if label else ("", "rows")
    shown = found.histogram, names, "how abnormal", "Held-out rows by how abnormal they are", found.threshold
    rows = [
        (
            number_text(score, 3),
            truth,
            ", ".join(f"{shorten(name, 30)} {number_text(away, 2)}" for name, away in columns),
        )
        for score, truth, columns in found.top
    ]
    return {
        "label": label,
        "chart": drawing_of(*(charts.bins_chart(*shown, *size) for size in SIZES)),
        "swatches": [(drawing_of(swatch_of(i)), name) for i, name in enumerate(names) if label],
        "rows": rows,
    }
