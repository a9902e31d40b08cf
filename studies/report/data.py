"""What a report is made of: plain frozen values, free of Optuna, pandas and any algorithm.

Scores follow scikit-learn's scorers: greater is always better, and ``neg_`` metrics are negative. How a
score is *shown* is decided in :mod:`studies.report.text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from studies.brief import briefly
from studies.record.record_parts import Work
from studies.report.diagnosed import Coefficients, Diagnostics
from studies.report.plain import Plain
from studies.report.rebuilt import rebuilt

SIMPLER = 0.9
"""A setting of at most this part of the best one's complexity is worth a score that is a little worse."""


@dataclass(frozen=True)
class Estimate(Plain):
    """A mean score with its standard error; None where it cannot be computed.

    `bound` says how far the mean may be from the true one by rounding or by approximation of the model; `accuracy`
    which errors it carries beside the standard error, in words.
    """

    mean: float | None
    se: float | None = None
    bound: float | None = None
    accuracy: str = ""


@dataclass(frozen=True)
class Baseline(Estimate):
    """The score of a model that looks at no column, as scikit-learn's dummies; `how` and `answer` say which."""

    answer: str = ""
    how: str = "always predicting"


@dataclass(frozen=True)
class Difference(Plain):
    """How far a setting is from the best, fold by fold: the mean of its scores less the best's.

    `se` and `p` are of the corrected resampled t-test (Nadeau & Bengio 2003), whose null is that both are equally
    good; None where the folds do not tell.
    """

    mean: float
    se: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class TrialRow(Plain):
    """One trial: what was tried, its scores by fold and by metric, their errors, and why it failed if it did.

    `began` is when, in seconds after the first trial; `rungs` are the training rows (or epochs, or trees) and the
    mean score of each rung that it came to, where trials are stopped early.
    """

    number: int
    algorithm: str
    params: dict[str, object] = field(default_factory=dict)
    value: float | None = None
    se: float | None = None
    fold_scores: list[float] = field(default_factory=list)
    seconds: float | None = None
    duplicate_of: int | None = None
    state: str = "complete"
    metrics: dict[str, Estimate] = field(default_factory=dict)
    bound: float | None = None
    accuracy: str = ""
    error: str = ""
    began: float | None = None
    rungs: list[tuple[float, float]] = field(default_factory=list)

    @property
    def pruned(self) -> bool:
        """Whether it was stopped early, which is not failure."""
        return self.state.lower() == "pruned"

    @property
    def outcome(self) -> str:
        """How the trial ended, in words: with the reason where it failed, with the earlier trial that it equals."""
        ended = {"fail": "failed"}.get(self.state.lower(), self.state.lower())
        why = f": {self.error}" if self.error else ""
        return f"{ended}{why}" + ("" if self.duplicate_of is None else f", equals {self.duplicate_of}")


@dataclass(frozen=True)
class Chosen(Plain):
    """A setting that the selection picked; `complexity` orders settings from simple to rich."""

    number: int
    algorithm: str
    params: dict[str, object] = field(default_factory=dict)
    value: float | None = None
    se: float | None = None
    complexity: float | None = None
    metrics: dict[str, Estimate] = field(default_factory=dict)
    bound: float | None = None
    accuracy: str = ""
    difference: Difference | None = None


@dataclass(frozen=True)
class Leader(Chosen):
    """An algorithm's best setting, and how it stands to the best of all."""

    within_one_se: bool = False
    trials: int = 0
    failed: int = 0
    pruned: int = 0


@dataclass(frozen=True)
class Offer(Chosen):
    """A setting on a curve that is better than any trial of its algorithm; `name` is what is changed of the best's.

    `number` is the trial of which all other values are.
    """

    name: str = ""


@dataclass(frozen=True)
class ClassRow(Plain):
    """A label of the target, its rows, and whether they were counted or estimated from a sample."""

    label: str
    rows: float
    counted: bool = True


@dataclass(frozen=True)
class ClassCoefficients(Plain):
    """Coefficients of a model of several classes: a name and one number per label, the largest first.

    They are per standard deviation of the column if `deviations` is true, else per unit. `low` and `high`
    have the ends of the range over the models of the folds for each, in the same order (None where not all folds
    have the column), `intercepts` one per label. `adds` is ``"log-odds"`` where differences of classes are these.
    """

    labels: list[str]
    rows: list[tuple[str, list[float]]]
    total: int = 0
    low: list[list[float | None]] = field(default_factory=list)
    high: list[list[float | None]] = field(default_factory=list)
    intercepts: list[float] = field(default_factory=list)
    deviations: bool = False
    adds: str = ""


@dataclass(frozen=True)
class Curve(Plain):
    """The mean score, with its standard error, along one hyperparameter or along the rows learned from.

    `x` holds numbers or category labels; `best_x` is the chosen one among them, if any. `metric` names the score
    where it is not the study's. `better_x` is where the curve is better than the best trial, if anywhere.
    """

    name: str
    x: list[object]
    mean: list[float]
    se: list[float | None] = field(default_factory=list)
    log: bool = False
    best_x: object = None
    metric: str = ""
    better_x: object = None


@dataclass(frozen=True)
class EditionRow(Plain):
    """An edition of the study: its number, the rows that it is of, and the score of the setting that stood."""

    number: int
    rows: int
    score: float


@dataclass(frozen=True)
class Extrapolated(Plain):
    """The score of a model of all rows, by the power laws that suit the scores of samples.

    It lies between `low` and `high` nine times in ten; `doubt` says why the law cannot be seen.
    """

    rows: int
    score: float
    low: float
    high: float
    doubt: str = ""


@dataclass(frozen=True)
class Backtest(Plain):
    """One split of a backtest: the times that it was tested on, how many series, and the best setting's score."""

    first: str
    last: str
    series: int
    score: float | None = None


@dataclass(frozen=True)
class Fan(Plain):
    """A series of the last backtest: what was known, what came, and the forecast with its interval of 8 in 10.

    `rank` says how it stands among all by its error: ``"worst"``, ``"median"`` or ``"best"``; `begins` is the time
    of the last known value.
    """

    name: str
    rank: str
    begins: str
    past: list[float]
    actual: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class Backtests(Plain):
    """What a study of series shows besides: its splits, errors by step of the horizon, and some forecasts."""

    splits: list[Backtest] = field(default_factory=list)
    steps: Curve | None = None
    fans: list[Fan] = field(default_factory=list)


@dataclass(frozen=True)
class Topic(Plain):
    """A topic of the best model: its foremost words, share of all words, coherence, and place on a map."""

    words: list[str]
    share: float
    coherence: float
    x: float
    y: float


@dataclass(frozen=True)
class StageRow(Plain):
    """Epochs that some settings have in common in each fold, after how many other stages, and what is in force.

    `saved` are the epochs that the settings would have trained again, each for itself.
    """

    algorithm: str
    depth: int
    first: int
    last: int
    settings: int
    saved: int
    values: str = ""


@dataclass(frozen=True)
class SegmentRow(Plain):
    """One segment of the data, and whether this study read it or reused its leaves."""

    name: str
    rows: int
    nbytes: int = 0
    status: Literal["read", "reused"] = "read"


@dataclass(frozen=True)
class StateRow(Plain):
    """States of one summary: the beginning of their key, what they are of, and which trials they answered."""

    context: str
    summary: str
    of: str
    answers: str


@briefly
@dataclass(frozen=True)
class Lineage(Plain):
    """Where the states come from: so many segments each, the pilot sample that their encoder was learned from.

    `before` is the edition whose settings were scored again, so many of them.
    """

    rows: list[StateRow] = field(default_factory=list)
    segments: int = 0
    pilot: str = ""
    before: str = ""
    carried: int = 0


@briefly
@dataclass(frozen=True)
class Ledger(Work, Plain):
    """What the study read and built, against what retraining for every trial and fold would have read."""

    segments: list[SegmentRow] = field(default_factory=list)


@briefly
@dataclass(frozen=True)
class ReportData(Plain):
    """Everything that a study's report shows.

    `log_params` names the hyperparameters that were searched on a logarithmic scale; None leaves the choice
    of each axis to the values. `metrics` names every score, those that are optimised (`objectives`) first; with
    several objectives there is no best setting, but a front of them (`pareto`). `sampled` names the scores that
    were computed on at most `sampled_rows` held-out rows of each fold. `fold_sizes` has a row for each split: the
    rows it trains and tests on, and the groups and the rows of each class where they are known. `warnings` are
    those of the `notes` that a reader should act on. `rungs_of` names what trials that may be stopped
    learn from: rows, epochs or trees. `stands` says that the best setting is that of the edition before, though
    another has a better mean.
    """

    name: str
    created: str = ""
    data: str = ""
    target: str = ""
    scoring: str = ""
    folds: str = ""
    sampler: str = ""
    seed: int | None = None
    n_rows: int = 0
    n_columns: int = 0
    trials: list[TrialRow] = field(default_factory=list)
    best: Chosen | None = None
    simplest: Chosen | None = None
    nested: Estimate | None = None
    extrapolated: Extrapolated | None = None
    importances: dict[str, float] = field(default_factory=dict)
    validation: list[Curve] = field(default_factory=list)
    learning: Curve | None = None
    coefficients: list[tuple[str, float]] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    spec_yaml: str = ""
    notes: list[str] = field(default_factory=list)
    dropped_rows: int = 0
    log_params: list[str] | None = None
    metrics: list[str] = field(default_factory=list)
    objectives: list[str] = field(default_factory=list)
    pareto: list[Chosen] = field(default_factory=list)
    leaderboard: list[Leader] = field(default_factory=list)
    classes: list[ClassRow] = field(default_factory=list)
    class_coefficients: ClassCoefficients | None = None
    backtests: Backtests | None = None
    topics: list[Topic] = field(default_factory=list)
    stages: list[StageRow] = field(default_factory=list)
    epoch_losses: list[list[float]] = field(default_factory=list)
    rungs_of: str = "rows"
    sampled: list[str] = field(default_factory=list)
    sampled_rows: int | None = None
    fold_sizes: list[dict[str, object]] = field(default_factory=list)
    baseline: Baseline | None = None
    stands: bool = False
    warnings: list[str] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    diagnostics: Diagnostics | None = None
    units: Coefficients | None = None
    importances_within: list[tuple[str, dict[str, float]]] = field(default_factory=list)
    recipe: list[tuple[str, str]] = field(default_factory=list)
    lineage: Lineage = field(default_factory=Lineage)
    editions: list[EditionRow] = field(default_factory=list)

    @property
    def simpler(self) -> Chosen | None:
        """The simplest setting within one standard error of the best, where it is simpler by a tenth at least.

        Examples
        --------
        >>> best, simple = Chosen(0, "ridge", complexity=10.0), Chosen(1, "ridge", complexity=9.5)
        >>> ReportData(name="s", best=best, simplest=simple).simpler is None
        True
        """
        best, simplest = self.best, self.simplest
        if best is None or simplest is None or best.number == simplest.number:
            return None
        if best.complexity is None or simplest.complexity is None:
            return simplest
        return simplest if simplest.complexity <= SIMPLER * best.complexity else None

    @classmethod
    def from_dict(cls, plain: Mapping[str, object]) -> Self:
        """Build the report's data from what `to_dict` gave.

        Examples
        --------
        >>> data = ReportData(name="flights", best=Chosen(3, "ridge", {"alpha": 1.0}, -38.2, 0.1))
        >>> ReportData.from_dict(data.to_dict()) == data
        True
        """
        found: Self = rebuilt(cls, plain)
        return found
