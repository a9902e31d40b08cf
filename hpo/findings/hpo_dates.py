"""Columns of dates and times for a model that runs without onepass-hpo: keep this file beside the model.

It needs NumPy, pandas and scikit-learn. Where it is imported as ``hpo_dates``, joblib and skops load the model.
"""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

DAY = 86_400_000_000_000
"""Nanoseconds of a day."""


class DateColumns(TransformerMixin, BaseEstimator):
    """Numbers of one column of dates, times of day or durations.

    A date gives its days since 1970 (UTC), whether it is missing, and a column for each month, weekday (Monday 0)
    and hour that was known, and one for others; a time of day its hours, a duration its seconds. These columns
    times ``matrix`` are what comes out.

    Parameters
    ----------
    kind : ``"date"``, ``"timestamp"``, ``"time"`` or ``"duration"``.
    parts : of dates, pairs of ``"month"``, ``"weekday"`` or ``"hour"`` and the values that were known.
    origin : what stands for a missing number.
    matrix : shape (encoded columns, columns that come out); None for the encoded columns.
    gaps : which columns that come out are NaN where the value is missing.
    places : which of them are places of levels, from one; they come out from zero, NaN where there is none.

    Examples
    --------
    >>> dates = pd.DataFrame({"day": pd.to_datetime(["1970-01-03", None])})
    >>> DateColumns("date", (("month", (1,)),)).fit_transform(dates).tolist()
    [[2.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        kind: str = "date",
        parts: tuple[tuple[str, tuple[int, ...]], ...] = (),
        origin: float = 0.0,
        matrix: np.ndarray | None = None,
        gaps: tuple[int, ...] = (),
        places: tuple[int, ...] = (),
    ) -> None:
        self.kind = kind
        self.parts = parts
        self.origin = origin
        self.matrix = matrix
        self.gaps = gaps
        self.places = places

    def fit(self, X: pd.DataFrame, y: object = None) -> DateColumns:
        """Note the name of the column."""
        self.n_features_in_ = 1
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Return the columns of one column of a frame, shape (n, number of columns)."""
        values = X.iloc[:, 0]
        if self.kind == "time":
            return self._mapped([*self._number(np.array([_hours(value) for value in values]))])
        if self.kind == "duration":
            ticks, missing = _ticks(pd.to_timedelta(values).astype("timedelta64[ns]"))
            return self._mapped([*self._number(np.where(missing, np.nan, ticks / 1e9))])
        dates = pd.to_datetime(values, utc=True).astype("datetime64[ns, UTC]")
        ticks, missing = _ticks(dates.dt.tz_localize(None))
        days = ticks // DAY
        columns = [*self._number(np.where(missing, np.nan, ticks / DAY))]
        for part, known in self.parts:
            if part == "weekday":
                place = (days + 3) % 7
            elif part == "hour":
                place = ticks // (DAY // 24) % 24
            else:
                place = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
            levels = [(place == level) & ~missing for level in known]
            columns += [*levels, ~missing & ~np.isin(place, known)]
        return self._mapped(columns)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return one name for each column that comes out."""
        width = 2 + sum(len(known) + 1 for _, known in self.parts) if self.matrix is None else self.matrix.shape[1]
        return np.array([f"{self.feature_names_in_[0]}_{j}" for j in range(width)], dtype=object)

    def _number(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        missing = np.isnan(numbers)
        return np.where(missing, self.origin, numbers), missing

    def _mapped(self, columns: list[np.ndarray]) -> np.ndarray:
        made = np.column_stack([np.asarray(column, dtype=float) for column in columns])
        out = made if self.matrix is None else made @ self.matrix
        for column in self.gaps:
            out[made[:, 1] != 0.0, column] = np.nan
        for column in self.places:
            out[:, column] = np.where(out[:, column] > 0.0, out[:, column] - 1.0, np.nan)
        return out


def _hours(value: object) -> float:
    if not isinstance(value, datetime.time):
        return np.nan
    return value.hour + value.minute / 60 + (value.second + value.microsecond / 1e6) / 3600


def _ticks(values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return nanoseconds, and which are missing."""
    missing = values.isna().to_numpy()
    return np.where(missing, 0, values.to_numpy().astype(np.int64)), missing
