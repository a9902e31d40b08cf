"""Scales: from values to places between 0 and 1, with ticks that people can read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from studies.report.text import finite, number_text

HUGE = 1e300
FEW = 8  # scores that are too few for a better quarter
Ticks = list[tuple[float, str]]
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Scale(Protocol):
    """A rule that gives each value a place in 0…1, or None when the value has none."""

    def unit(self, value: object) -> float | None:
        """Return the place of `value`; places beyond the ends are drawn at the ends."""

    def ticks(self, count: int) -> Ticks:
        """Return about `count` places in 0…1 with their labels."""


@dataclass(frozen=True)
class Linear:
    """A linear scale from `low` to `high`; on a `whole` one, ticks stand at whole numbers only.

    Examples
    --------
    >>> Linear(0, 10).unit(2.5), Linear(0, 10).unit("?"), Linear(0, 1).ticks(2)
    (0.25, None, [(0.0, '0'), (0.5, '0.5'), (1.0, '1.0')])
    """

    low: float
    high: float
    whole: bool = False

    def unit(self, value: object) -> float | None:
        """Return the place of `value` between the ends."""
        number = finite(value)
        return None if number is None else _clip((number - self.low) / (self.high - self.low))

    def ticks(self, count: int) -> Ticks:
        """Return ticks at 1, 2 or 5 times a power of ten."""
        step = _nice_step((self.high - self.low) / max(count, 1))
        step = max(step, 1.0) if self.whole else step
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        values = [index * step for index in range(first, min(last, first + 3 * count) + 1)]
        return [(self.unit(value) or 0.0, _tick_text(value, step)) for value in values]


@dataclass(frozen=True)
class Log:
    """A logarithmic scale from 10**`low` to 10**`high`; with `has_zero`, its left end stands for 0 and below.

    Examples
    --------
    >>> Log(-2, 2).unit(1.0), Log(-2, 2).ticks(2)
    (0.5, [(0.0, '0.01'), (0.5, '1'), (1.0, '100')])
    """

    low: float
    high: float
    has_zero: bool = False

    def unit(self, value: object) -> float | None:
        """Return the place of the logarithm of `value` between the ends."""
        number = finite(value)
        if number is None:
            return None
        return 0.0 if number <= 0 else _clip((math.log10(number) - self.low) / (self.high - self.low))

    def ticks(self, count: int) -> Ticks:
        """Return ticks at powers of ten, or at 1, 2 and 5 times them when there are few."""
        span = self.high - self.low
        first, last = math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9)
        if span < 2.5:
            exponents = [e + math.log10(m) for e in range(first - 1, last + 1) for m in (1, 2, 5)]
        else:
            exponents = list(range(first, last + 1, max(1, math.ceil(span / max(count, 1)))))
        kept = [e for e in exponents if self.low - 1e-9 <= e <= self.high + 1e-9]
        ticks = [(_clip((e - self.low) / span), _power_text(e)) for e in kept]
        return [(0.0, "0"), *(t for t in ticks if t[0] > 0.15)] if self.has_zero else ticks


@dataclass(frozen=True)
class Category:
    """A scale of labels in equal steps; a label that is not listed takes the place of ``other``.

    Examples
    --------
    >>> Category(("mean", "median")).unit("median")
    0.75
    """

    labels: tuple[str, ...]

    def unit(self, value: object) -> float | None:
        """Return the middle of the label's step."""
        text = category_text(value)
        if text not in self.labels:
            text = "other"
        return (self.labels.index(text) + 0.5) / len(self.labels) if text in self.labels else None

    def ticks(self, count: int) -> Ticks:
        """Return every label with its place."""
        return [((place + 0.5) / len(self.labels), name) for place, name in enumerate(self.labels)]

    def spread(self, index: int) -> float:
        """Return the shift that keeps mark `index` apart from others of its label, the same in every run."""
        return ((index * 0.618034) % 1.0 - 0.5) * 0.5 / len(self.labels)


def category_text(value: object) -> str:
    """Return the label of a value on a scale of categories."""
    return "none" if value is None else number_text(value)


def fit_scale(values: Iterable[object], log: bool | None = None, limit: int = 10) -> Scale:
    """Return the scale that suits the values; `log` None decides from them.

    Positive values over four decades get a logarithmic scale, over two when most of them are small.

    Anything but numbers makes a scale of categories: the `limit` most frequent, and ``other``.

    Examples
    --------
    >>> fit_scale([1e-6, 1e6])
    Log(low=-6.0, high=6.0, has_zero=False)
    >>> fit_scale(["mean", 20, 3])
    Category(labels=('3', '20', 'mean'))
    """
    known = list(values)
    numbers = [number for number in map(finite, known) if number is not None]
    if len(numbers) < len(known) or not known:
        return _fit_category(known, limit)
    positive = [number for number in numbers if number > 0]
    wide = len(positive) == len(numbers) and _is_wide(positive)
    if positive and (wide if log is None else log):
        return _fit_log(positive, has_zero=len(positive) < len(numbers))
    return fit_linear(numbers, pad=0.02, whole=all(isinstance(value, int) for value in known))


def _is_wide(positive: Sequence[float]) -> bool:
    decades = math.log10(max(positive)) - math.log10(min(positive))
    return decades > 3.99 or (decades >= 2 and median(positive) < max(positive) / 5)


def _fit_category(values: Sequence[object], limit: int) -> Category:
    """Return the labels, numbers first and in their order, then the others in theirs."""
    ordered = sorted(values, key=lambda value: (finite(value) is None, finite(value) or 0.0))
    counts = Counter(map(category_text, ordered))
    common = {name for name, _ in counts.most_common(limit)}
    labels = [name for name in counts if name in common]
    return Category((*labels, "other") if len(counts) > limit else tuple(labels) or ("none",))


def _fit_log(positive: Sequence[float], has_zero: bool) -> Log:
    low, high = math.log10(min(positive)), math.log10(max(positive))
    if high - low < 0.05:
        low, high = low - 0.5, high + 0.5
    return Log(low - (high - low) * 0.2 if has_zero else low, high, has_zero)


def fit_linear(numbers: Iterable[float], pad: float = 0.0, whole: bool = False) -> Linear:
    """Return a linear scale over the numbers, widened by `pad` of its span and never without a span.

    Examples
    --------
    >>> fit_linear([3.0, 3.0])
    Linear(low=2.7, high=3.3, whole=False)
    """
    clipped = [max(-HUGE, min(HUGE, number)) for number in numbers] or [0.0, 1.0]
    low, high = min(clipped), max(clipped)
    if high - low <= 1e-7 * max(abs(low), abs(high)):
        margin = 0.1 * max(abs(low), abs(high)) or 1.0
    else:
        margin = pad * (high - low)
    return Linear(low - margin, high + margin, whole)


def score_scale(shown: Iterable[float | None], sign: int) -> tuple[Linear, int]:
    """Return the scale of shown scores with room for the good ones, and how many fall beyond its end.

    The bad end is cut where wild trials would flatten all others: when the worst is more than 30 times as
    far from the best as the worst of the better three quarters, at 10 times. `sign` is -1 when lower is
    better.

    Examples
    --------
    >>> scale, beyond = score_scale([1.0, 1.1, 1.2, 1.3, 1e9], sign=-1)
    >>> beyond, round(scale.high)
    (1, 4)
    """
    within = (max(-HUGE, min(HUGE, sign * value)) for value in shown if value is not None)
    scores = sorted(within, reverse=True)
    if not scores:
        return Linear(0.0, 1.0), 0
    spread = scores[0] - scores[min(len(scores) - 1, (3 * len(scores)) // 4 - (len(scores) % 4 == 0))]
    floor = scores[0] - 10 * spread if 0 < 30 * spread < scores[0] - scores[-1] else scores[-1]
    kept = [score for score in scores if score >= floor]
    if len(kept) < len(scores):
        kept.append(floor)
    return fit_linear((sign * score for score in kept), pad=0.06), sum(score < floor for score in scores)


def useful_scale(shown: Iterable[float | None], sign: int, error: float | None = None) -> tuple[Linear, int]:
    """Return the scale of shown scores that gives the good ones room, and how many fall beyond its end.

    The better quarter takes half of it, unless that is less than a quarter of the standard error: smaller
    differences than that count, since settings share their folds. What lies further from the best is drawn at the
    end. Where that would cut off no more than half of the range, nothing is cut.

    Examples
    --------
    >>> scale, beyond = useful_scale([94, 93, 92, 91, 90, 50, 10, 0], sign=1)
    >>> round(scale.low), beyond
    (92, 5)
    """
    values = [value for value in shown if value is not None]
    scores = sorted((max(-HUGE, min(HUGE, sign * value)) for value in values), reverse=True)
    if len(scores) < FEW:
        return score_scale(values, sign)
    reach = max(2.0 * (scores[0] - scores[(len(scores) - 1) // 4]), 0.5 * (error or 0.0))
    if not 0.0 < reach < (scores[0] - scores[-1]) / 2.0:
        return score_scale(values, sign)
    floor = scores[0] - reach
    kept = [*(score for score in scores if score >= floor), floor]
    return fit_linear((sign * score for score in kept), pad=0.06), sum(score < floor for score in scores)


def _clip(place: float) -> float:
    return min(1.0, max(0.0, place))


def _nice_step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)


def _tick_text(value: float, step: float) -> str:
    if value == 0:
        return "0"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if decimals > 7 or abs(value) >= 1e12:
        return number_text(value, 6)
    if abs(value) >= 1e6:
        size, unit = (1e9, "B") if abs(value) >= 1e9 else (1e6, "M")
        return f"{value / size:.6g}{unit}".replace("-", "−")
    return f"{value:,.{decimals}f}".replace("-", "−")


def _power_text(exponent: float) -> str:
    if exponent == int(exponent) and not -2 <= exponent <= 3:
        return "10" + str(int(exponent)).translate(_SUPERSCRIPT)
    return number_text(float(f"{10.0**exponent:.3g}"))
