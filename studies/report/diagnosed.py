"""What models answered on held-out rows, and what they are made of: what diagnostics are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field

from studies.brief import briefly
from studies.report.plain import Plain


@briefly
@dataclass(frozen=True)
class Ranked(Plain):
    """Held-out rows of two classes, by what a model says of the second one.

    Attributes
    ----------
    positive, negative : the labels.
    thresholds : from large to small; `tp` and `fp` are the weight of the positive and the negative rows from there.
    positives, negatives : the weight of all.
    chosen : the threshold that the model answers by.
    calibration : mean probability, share of positive rows, and weight, of groups of rows; empty of other scores.
    histogram : where a bin begins, and the weight of its positive and negative rows; bins are equally wide.
    """

    positive: str
    negative: str
    thresholds: list[float]
    tp: list[float]
    fp: list[float]
    positives: float
    negatives: float
    chosen: float
    calibration: list[tuple[float, float, float]] = field(default_factory=list)
    histogram: list[tuple[float, float, float]] = field(default_factory=list)


@briefly
@dataclass(frozen=True)
class Confusion(Plain):
    """Held-out rows by their class (rows of `counts`) and by what a model calls them (columns), as weights."""

    labels: list[str]
    counts: list[list[float]]


@briefly
@dataclass(frozen=True)
class Regressed(Plain):
    """What a model predicted of held-out rows beside what is true.

    `predicted`, `actual` and the `columns` are of some rows; `quantiles` (shares and absolute errors) and `bias`
    (the mean of predicted less actual) are of all that were scored.
    """

    predicted: list[float]
    actual: list[float]
    columns: list[tuple[str, list[float]]]
    quantiles: list[tuple[float, float]]
    bias: float


@briefly
@dataclass(frozen=True)
class FoldErrors(Plain):
    """What moments say of the errors on the rows of one split, in units of the target; exact, of every row.

    `spread` is the target's standard deviation, `typical` the root mean squared error, `bias` the size of the mean
    error, `explained` R².
    """

    rows: int
    spread: float
    typical: float
    bias: float
    explained: float


@briefly
@dataclass(frozen=True)
class Clusters(Plain):
    """Groups of the best model: their shares of the rows, means and the spread of columns, and some rows on a map.

    `means` has a row for each group and a number for each of the `columns`, those that tell the groups apart first;
    `overall` and `spread` are mean and standard deviation of all rows. `points` are places and groups.
    """

    shares: list[float]
    columns: list[str]
    means: list[list[float]]
    overall: list[float]
    spread: list[float]
    points: list[tuple[float, float, int]] = field(default_factory=list)


@briefly
@dataclass(frozen=True)
class Components(Plain):
    """Directions of the best decomposition: shares of the variance, and the largest loadings of the first ones."""

    shares: list[float]
    columns: list[str]
    loadings: list[list[float]]


@briefly
@dataclass(frozen=True)
class Outliers(Plain):
    """Held-out rows by how abnormal a model calls them: bins (begin, true outliers, others), and the foremost.

    `label` is empty where no target says which rows are outliers, and all are others. `top` has, of each row, its
    score, whether it is a true outlier, and the columns in which it is farthest from the mean, with their
    distance in standard deviations.
    """

    label: str
    histogram: list[tuple[float, float, float]]
    threshold: float
    top: list[tuple[float, bool, list[tuple[str, float]]]]


@briefly
@dataclass(frozen=True)
class Coefficient(Plain):
    """What one more unit of a column, or one of its standard deviations, adds; `low` to `high` are of the folds."""

    name: str
    unit: float
    deviation: float | None = None
    low: float | None = None
    high: float | None = None


@briefly
@dataclass(frozen=True)
class Coefficients(Plain):
    """Coefficients of a model of one equation, and what it adds up to.

    `adds` is ``"prediction"``, its ``"logarithm"``, the ``"log-odds"`` or a ``"score"`` of the class `label`, or
    the prediction of a ``"transformed"`` target; empty where that is unknown.
    """

    rows: list[Coefficient]
    total: int = 0
    intercept: float | None = None
    label: str = ""
    adds: str = ""


@briefly
@dataclass(frozen=True)
class Diagnostics(Plain):
    """How the best model behaves on held-out rows, or what it is made of; what does not apply is None.

    `rows` were looked at, `of` so many; `hint` says what to ask for where no rows were kept, and `folds` what is
    known of the errors even so.
    """

    rows: int = 0
    of: int = 0
    ranked: Ranked | None = None
    confusion: Confusion | None = None
    regressed: Regressed | None = None
    clusters: Clusters | None = None
    components: Components | None = None
    outliers: Outliers | None = None
    hint: str = ""
    folds: list[FoldErrors] = field(default_factory=list)
