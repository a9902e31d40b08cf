"""Scores, counts and costs in the words and digits that people read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.report.data import Ledger, ReportData, TrialRow

MISSING = "–"

_NAMES = {
    "r2": ("R²", "R²"),
    "neg_mean_squared_error": ("mean squared error", "MSE"),
    "neg_root_mean_squared_error": ("root mean squared error", "RMSE"),
    "neg_mean_absolute_error": ("mean absolute error", "MAE"),
    "neg_median_absolute_error": ("median absolute error", "median AE"),
    "neg_log_loss": ("log-loss", "log-loss"),
    "neg_max_error": ("largest error", "max error"),
    "explained_variance": ("explained variance", "expl. variance"),
    "roc_auc": ("area under the ROC curve", "ROC AUC"),
    "roc_auc_ovr": ("area under the ROC curve, one class against the rest", "ROC AUC (ovr)"),
    "roc_auc_ovo": ("area under the ROC curve, class against class", "ROC AUC (ovo)"),
    "balanced_accuracy": ("balanced accuracy", "bal. accuracy"),
    "neg_brier_score": ("Brier score", "Brier"),
    "f1": ("F1", "F1"),
    "f1_macro": ("F1, mean over the classes", "F1 macro"),
    "accuracy": ("accuracy", "accuracy"),
    "average_precision": ("average precision", "avg. precision"),
    "f1_micro": ("F1 of all rows together", "F1 micro"),
    "f1_weighted": ("F1, weighted by the classes' rows", "F1 weighted"),
    "matthews_corrcoef": ("Matthews correlation coefficient", "MCC"),
    "neg_mean_absolute_percentage_error": ("mean absolute percentage error", "MAPE"),
    "neg_mean_poisson_deviance": ("mean Poisson deviance", "Poisson deviance"),
    "neg_mean_gamma_deviance": ("mean gamma deviance", "gamma deviance"),
    "neg_root_mean_squared_log_error": ("root mean squared log error", "RMSLE"),
    "log_likelihood": ("log-likelihood per row", "log-likelihood"),
    "neg_rmsse": ("root mean squared scaled error", "RMSSE"),
    "neg_mase": ("mean absolute scaled error", "MASE"),
    "neg_smape": ("symmetric mean absolute percentage error", "sMAPE"),
    "neg_crps": ("continuous ranked probability score", "CRPS"),
    "npmi": ("coherence (NPMI)", "NPMI"),
    "neg_perplexity": ("perplexity", "perplexity"),
    "pair_log_likelihood": ("log-likelihood of a pair of words", "pair log-likelihood"),
    "neg_mass_volume": ("share of room called normal", "normal room"),
    "neg_inertia": ("inertia per row", "inertia"),
    "neg_davies_bouldin": ("Davies–Bouldin index", "Davies–Bouldin"),
    "calinski_harabasz": ("Calinski–Harabasz index", "Calinski–Harabasz"),
}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """Return `text` with the characters that no page or terminal should get replaced by U+FFFD.

    Examples
    --------
    >>> clean("red" + chr(27) + "[31m")
    'red\ufffd[31m'
    """
    return _CONTROL.sub("\ufffd", str(text).replace("\r\n", "\n"))


def shorten(content: str, limit: int) -> str:
    """Return `content` cut in its middle to `limit` characters, since names differ at both ends.

    Examples
    --------
    >>> shorten("elastic_net.l1_ratio", 12)
    'elast…_ratio'
    """
    text = clean(content)
    if len(text) <= limit:
        return text
    tail = limit // 2
    return f"{text[: limit - tail - 1]}…{text[-tail:]}"


def finite(value: Any) -> float | None:
    """Return `value` as a finite float, or None when it is not a number that can be drawn.

    Examples
    --------
    >>> finite(2), finite(float("nan")), finite("2"), finite(True)
    (2.0, None, None, None)
    """
    if isinstance(value, bool | str) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


@dataclass(frozen=True)
class Metric:
    """How a scorer's values are shown: `sign` times the score, under a name that people use."""

    name: str
    short: str
    sign: int

    @property
    def direction(self) -> str:
        """Whether a higher or a lower shown value is better, in words."""
        return "lower is better" if self.sign < 0 else "higher is better"

    @property
    def label(self) -> str:
        """The axis label: short name, an arrow that points to the better side, and the same in words."""
        return f"{self.brief} {self.direction}"

    @property
    def brief(self) -> str:
        """The axis label where there is little room: short name and arrow."""
        return f"{self.short} {'↓' if self.sign < 0 else '↑'}"

    def shown(self, score: object) -> float | None:
        """Return the value that people see for a scorer's `score`, or None when there is none."""
        number = finite(score)
        return None if number is None else self.sign * number + 0.0

    def text(self, score: object, se: object = None) -> str:
        """Return score ± standard error as shown, for example ``38.214 ± 0.052``."""
        return plus_minus(self.shown(score), se)


def metric_of(scoring: str) -> Metric:
    """Return how the scores of the scikit-learn scorer `scoring` are shown.

    Examples
    --------
    >>> metric_of("neg_root_mean_squared_error").text(-38.2142, 0.0521)
    '38.214 ± 0.052'
    >>> metric_of("r2").label
    'R² ↑ higher is better'
    """
    sign = -1 if scoring.startswith("neg_") else 1
    plain = clean(scoring).removeprefix("neg_").replace("_", " ").replace("ndcg@", "NDCG@") or "score"
    name, short = _NAMES.get(scoring, (plain, shorten(plain, 24)))
    return Metric(name, short, sign)


def number_text(value: object, digits: int = 4) -> str:
    """Return a value with `digits` significant digits, or the text of what is not a number.

    Examples
    --------
    >>> number_text(0.0123456), number_text(1.5e-7), number_text(336776), number_text(True), number_text(None)
    ('0.01235', '1.5e-7', '336,776', 'true', '–')
    """
    if isinstance(value, bool):
        return str(value).lower()
    number = finite(value)
    if number is None:
        return clean(value) if isinstance(value, str) else MISSING if _is_nothing(value) else clean(value)
    if number == int(number) and abs(number) < 1e9:
        return f"{int(number):,}".replace("-", "−")
    if 1e-4 <= abs(number) < 10**digits:
        text = f"{number:.{digits}g}"
    elif 1 <= abs(number) < 1e7:
        text = f"{number:,.0f}"
    else:
        text = short_exponent(f"{number:.{digits}g}")
    return text.replace("-", "−", 1) if text.startswith("-") else text


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def short_exponent(text: str) -> str:
    """Return a number's text with the padding of its exponent removed.

    Examples
    --------
    >>> short_exponent("1e-05"), short_exponent("2e+12")
    ('1e-5', '2e12')
    """
    return re.sub(r"e([+-])0*(\d+)$", lambda m: "e" + m[1].replace("+", "") + m[2], text)


def plus_minus(value: object, se: object = None) -> str:
    """Return value ± standard error, the error with two digits and the value cut to match.

    Examples
    --------
    >>> plus_minus(-0.123456, 0.00123), plus_minus(3.5), plus_minus(None)
    ('−0.1235 ± 0.0012', '3.5', '–')
    """
    number, error = finite(value), finite(se)
    if number is None:
        return MISSING
    if not error or error < 0:
        return number_text(number, 5)
    decimals = 1 - math.floor(math.log10(error))
    if decimals > 9 or abs(number) >= 1e9 or error >= 1e9:
        return f"{number_text(number, 5)} ± {number_text(error, 2)}"
    places = max(decimals, 0)
    return f"{number:,.{places}f} ± {error:,.{places}f}".replace("-", "−")


def count_text(count: float) -> str:
    """Return a count exactly below a million and in words of three digits above.

    Examples
    --------
    >>> count_text(336_776), count_text(340_143_760), count_text(2.5e9)
    ('336,776', '340 million', '2.5 billion')
    """
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if count >= size:
            return f"{number_text(float(f'{count / size:.3g}'))} {word}"
    return f"{int(count):,}"


def bytes_text(count: float) -> str:
    """Return a number of bytes in the unit that fits.

    Examples
    --------
    >>> bytes_text(812), bytes_text(7_340_032)
    ('812 B', '7.34 MB')
    """
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{int(count)} B"


def seconds_text(seconds: object) -> str:
    """Return a duration in the unit that fits.

    Examples
    --------
    >>> seconds_text(0.00006), seconds_text(1.234), seconds_text(4000)
    ('0.06 ms', '1.23 s', '1 h 7 min')
    """
    number = finite(seconds)
    if number is None:
        return MISSING
    if number < 1:
        return f"{number_text(float(f'{number * 1e3:.3g}'))} ms"
    if number < 120:
        return f"{number:.3g} s"
    minutes = round(number / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"


def ratio_text(ledger: Ledger) -> str:
    """Return how many times more rows retraining would have read, or an empty text when nothing was read.

    Examples
    --------
    >>> from studies.report.data import Ledger
    >>> ratio_text(Ledger(rows_read=336_776, rows_if_retrained=340_143_760))
    '1,010×'
    """
    if ledger.rows_read <= 0:
        return ""
    ratio = ledger.rows_if_retrained / ledger.rows_read
    return f"{float(f'{ratio:.3g}'):,.0f}×" if ratio >= 10 else f"{ratio:.2g}×"


def columns_text(columns: int) -> str:
    """Return what stands behind the number of rows; series alone have no column.

    Examples
    --------
    >>> columns_text(3), columns_text(0)
    (' × 3 columns', '')
    """
    return f" × {counted_text(columns, 'column')}" if columns else ""


def cost_text(ledger: Ledger) -> str:
    """Return what the study cost, in one sentence.

    Examples
    --------
    >>> from studies.report.data import Ledger, SegmentRow
    >>> months = [SegmentRow("2013", 336_776)]
    >>> cost_text(Ledger(rows_read=336_776, rows_if_retrained=340_143_760, segments=months))
    'It read 336,776 rows once; retraining would have read 340 million: 1,010×.'
    >>> cost_text(Ledger(rows_read=673_552, rows_if_retrained=340_143_760, segments=months))
    'It read 336,776 rows twice; retraining would have read 340 million: 505×.'
    >>> print(cost_text(Ledger(rows_read=400, pilot_rows=1_200, rows_if_retrained=4_000)))
    ... # doctest: +NORMALIZE_WHITESPACE
    It read 400 rows; retraining would have read 4,000: 10×. Before that, 1,200 rows were looked at to learn levels,
    labels or where to begin.
    """
    retrained, epochs = count_text(ledger.rows_if_retrained), epochs_text(ledger) + saved_text(ledger)
    if ledger.rows_read <= 0:
        return f"It read no rows: every state was in the store. Retraining would have read {retrained}.{epochs}"
    read = f"It read {readings_text(ledger)}; retraining would have read {retrained}: {ratio_text(ledger)}."
    return f"{read}{pilot_text(ledger)}{epochs}"


def pilot_text(ledger: Ledger) -> str:
    """Return how many rows were looked at before the pass, in a sentence after a space; empty where none were.

    Examples
    --------
    >>> from studies.report.data import Ledger
    >>> pilot_text(Ledger(pilot_rows=1))
    ' Before that, 1 row was looked at to learn levels, labels or where to begin.'
    """
    if not ledger.pilot_rows:
        return ""
    looked = f"{counted_text(ledger.pilot_rows, 'row')} {'was' if ledger.pilot_rows == 1 else 'were'} looked at"
    return f" Before that, {looked} to learn levels, labels or where to begin."


def epochs_text(ledger: Ledger) -> str:
    """Return how many epochs were trained, in a sentence after a space; empty where none were asked for.

    Examples
    --------
    >>> from studies.report.data import Ledger, TrialRow
    >>> epochs_text(Ledger(epochs_trained=20, epochs_alone=60))
    ' It trained 20 epochs; trials would have trained 60 each for itself.'
    """
    if not ledger.epochs_alone:
        return ""
    trained, alone = counted_text(ledger.epochs_trained, "epoch"), count_text(ledger.epochs_alone)
    return f" It trained {trained}; trials would have trained {alone} each for itself."


def saved_text(ledger: Ledger) -> str:
    """Return how many fits a prefix axis saved, in a sentence after a space; empty where none.

    Examples
    --------
    >>> from studies.report.data import Ledger
    >>> saved_text(Ledger(fits_saved=190))
    ' One fit a fold answered every number of trees, or strength of pruning: 190 fits were saved.'
    >>> saved_text(Ledger(fits_saved=8, rounds_saved=300))[-52:]
    ' 8 fits were saved. Early stopping saved 300 rounds.'
    """
    if not ledger.fits_saved:
        return ""
    saved = counted_text(ledger.fits_saved, "fit")
    early = f" Early stopping saved {counted_text(ledger.rounds_saved, 'round')}." if ledger.rounds_saved else ""
    return f" One fit a fold answered every number of trees, or strength of pruning: {saved} were saved.{early}"


def readings_text(ledger: Ledger) -> str:
    """Return how many rows were read, and how often: those of a further pass or of a polish count too.

    Examples
    --------
    >>> from studies.report.data import Ledger, SegmentRow
    >>> segments = [SegmentRow("a", 100), SegmentRow("b", 100, status="reused")]
    >>> [readings_text(Ledger(rows_read=n, segments=segments)) for n in (100, 300, 250, 1)]
    ['100 rows once', '100 rows 3 times', '250 rows, some more than once', '1 row']
    """
    known = [segment.rows for segment in ledger.segments if segment.status == "read"]
    rows = sum(known) or sum(segment.rows for segment in ledger.segments)
    read = counted_text(ledger.rows_read, "row")
    if not rows or ledger.rows_read < rows:
        return read
    times, rest = divmod(ledger.rows_read, rows)
    if rest:
        return f"{read}, some more than once"
    return f"{counted_text(rows, 'row')} {('once', 'twice')[times - 1] if times < 3 else f'{times} times'}"


def counted_text(number: float, noun: str) -> str:
    """Return a count as :func:`count_text` has it, with its noun."""
    return f"{count_text(number)} {noun if number == 1 else noun + 's'}"


def ranked(data: ReportData) -> list[TrialRow]:
    """Return the trials that have a score, best first; equal scores keep their order.

    Examples
    --------
    >>> from studies.report.data import ReportData, TrialRow
    >>> rows = [TrialRow(0, "ridge", value=-2.0), TrialRow(1, "ridge"), TrialRow(2, "ridge", value=-1.0)]
    >>> [trial.number for trial in ranked(ReportData(name="s", trials=rows))]
    [2, 0]
    """
    scored = [trial for trial in data.trials if finite(trial.value) is not None]
    return sorted(scored, key=lambda trial: (-float(trial.value or 0.0), trial.number))


def parameter_names(data: ReportData) -> list[str]:
    """Return the hyperparameters of the trials, the most important first, then in order of appearance."""
    seen = dict.fromkeys(name for trial in data.trials for name in trial.params)
    weight = {name: finite(data.importances.get(name)) or 0.0 for name in seen}
    return sorted(seen, key=lambda name: -weight[name])


def algorithm_names(data: ReportData) -> list[str]:
    """Return the algorithms of the trials in order of appearance."""
    return list(dict.fromkeys(trial.algorithm for trial in data.trials))


def own_name(name: str, algorithm: str) -> str:
    """Return a hyperparameter's name without the algorithm that it is of.

    Examples
    --------
    >>> own_name("ridge.alpha", "ridge"), own_name("alpha", "ridge"), own_name("ridge.", "ridge")
    ('alpha', 'alpha', 'ridge.')
    """
    return name.removeprefix(f"{algorithm}.") or name


def percent_text(share: object) -> str:
    """Return a share in per cent.

    Examples
    --------
    >>> percent_text(0.2899), percent_text(0.00002), percent_text(0.0), percent_text(None)
    ('29%', '< 0.1%', '0%', '–')
    """
    number = finite(share)
    if number is None:
        return MISSING
    return "< 0.1%" if 0.0 < number < 0.001 else f"{100.0 * number:.{1 if 0.0 < number < 0.0995 else 0}f}%"
