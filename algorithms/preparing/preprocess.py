"""The preprocessing hyperparameters: how they are declared, and what they come to for a design."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from algorithms.contract import INDICATOR, LEVEL, MISSING, OTHER, Shape
from algorithms.ranges import Choice, Integer, Legal, Range

IMPUTE: Final = ("mean", "zero", "indicator")

Impute: TypeAlias = Annotated[str, Legal(*IMPUTE), Choice(*IMPUTE)]
"""A missing number becomes the mean (``"mean"``), ``"zero"``, or the mean and an ``"indicator"`` of its own."""

MinFrequency: TypeAlias = Annotated[float, Legal(ge=0, lt=1), Choice(0.0, 0.001, 0.003, 0.01, 0.03)]
"""Categories rarer than this share of the weight are merged, as in ``OneHotEncoder``."""


@dataclass(frozen=True)
class Preprocess:
    """The preprocessing hyperparameters, equal where the design is equal.

    Attributes
    ----------
    standardize : centre every column and divide it by its standard deviation, as ``StandardScaler`` does.
    impute : what a missing number becomes: the column's ``"mean"``, ``"zero"``, or the mean and a column of
        its own that says it was missing (``"indicator"``).
    min_frequency : categories rarer than this share of the weight are merged into one ("other").
    select : keep the k columns with the largest absolute correlation with the target (of several classes, the
        largest correlation ratio); None keeps all.
    center : whether the model has an intercept, so that columns and target are centred.
    """

    standardize: bool
    impute: str
    min_frequency: float
    select: int | None
    center: bool


@dataclass(frozen=True, kw_only=True)
class Preprocessed:
    """An algorithm whose columns are imputed, merged and scaled first.

    Which of these are searched without being asked for is the algorithm's to say, by its tag ``on_request``.

    Parameters
    ----------
    standardize : centre and scale the columns first, as ``StandardScaler`` does.
    impute : a missing number becomes the mean (``"mean"``), ``"zero"``, or the mean and an ``"indicator"``.
    min_frequency : categories rarer than this share are merged, as in ``OneHotEncoder``.
    """

    standardize: Annotated[bool, Choice(True, False)] = True
    impute: Impute = "mean"
    min_frequency: MinFrequency = 0.0

    @property
    def preprocess(self) -> Preprocess:
        """What they come to; columns are centred."""
        return Preprocess(self.standardize, self.impute, self.min_frequency, None, center=True)


@dataclass(frozen=True, kw_only=True)
class Selecting(Preprocessed):
    """An algorithm whose columns may be selected by how they go with the target, with or without an intercept.

    Parameters
    ----------
    select : keep the k columns most correlated with the target on the training rows; None keeps all, and so does
        a k above their number.
    fit_intercept : as in scikit-learn; columns are centred where there is one.
    """

    select: Annotated[int | None, Legal(ge=1), Integer(1, None, searched=False)] = None
    fit_intercept: Annotated[bool, Choice(True, False, searched=False)] = True

    @property
    def preprocess(self) -> Preprocess:
        """What they come to."""
        return Preprocess(
            self.standardize, self.impute, self.min_frequency, self.select, center=self.fit_intercept
        )


def unused_fields(shape: Shape, used: Iterable[object]) -> dict[str, Range | None]:
    """Return, each with None, the fields of a preprocessing that change nothing on some rows.

    Parameters
    ----------
    shape : the encoded columns.
    used : whether each of them is other than zero in any row; what follows them is ignored.

    Examples
    --------
    >>> from algorithms.contract import Column
    >>> unused_fields(Shape((Column("carrier_AA", "carrier", "level"),)), [True])
    {'impute': None}
    """
    roles = {column.role for column, it_is in zip(shape.columns, used, strict=False) if it_is}
    unused: dict[str, Range | None] = {} if INDICATOR in roles else {"impute": None}
    return unused if roles & {LEVEL, OTHER, MISSING} else {**unused, "min_frequency": None}
