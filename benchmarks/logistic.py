"""Logistic regression from one pass against full fits: how near it comes at every C, and what settings cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from algorithms.contract import fitted
from benchmarks.measure import await_quiet, measure
from benchmarks.table import Row, at_least, at_most, number, seconds
from benchmarks.workshop import Workshop

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
SETTINGS, FOLDS = 100, 5
DROP = [
    "arr_delay", "arr_time", "air_time", "dep_time", "sched_dep_time", "sched_arr_time", "year", "month", "day",
    "hour", "flight", "tailnum",
]  # fmt: skip
FEW = 200_000
"""Rows of the main data set below which one month of flights and a tenth of the settings are enough."""


def logistic_rows(shop: Workshop) -> list[Row]:
    """Compare held-out log-losses at several C, and a study of many settings with full fits and a grid search."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    frame = flights(shop)
    held_out = np.arange(len(frame)) % 4 == 0
    train, test = frame[~held_out], frame[held_out]
    store = shop.fresh("store")
    settings = SETTINGS if shop.rows >= FEW else SETTINGS // 10
    await_quiet(shop.patience)
    made: list[Any] = []
    ours = measure(lambda: made.append(study(train, store, settings)))
    shop.remove(store)
    result = made[0]
    candidate = result.candidates[0]
    state, encoder = candidate.states.whole, result.model_of(encoded=True)["encoder"]
    X, X2 = (encoder.transform(part.drop(columns="late")).astype(np.float64) for part in (train, test))
    y, y2 = train["late"].to_numpy(), test["late"].to_numpy()
    gaps, walls = [], []
    for C in STRENGTHS:
        plain = replace(
            candidate.algorithm, C=C, standardize=True, impute="mean", min_frequency=0.0, l1_ratio=0.0
        )
        model = fitted(plain, state)
        Z, Z2 = model[:-1].transform(X), model[:-1].transform(X2)
        fits: list[Any] = []
        await_quiet(shop.patience)
        fit = LogisticRegression(C=C, max_iter=1_000, tol=1e-6)
        walls.append(measure(lambda fit=fit, Z=Z, fits=fits: fits.append(fit.fit(Z, y))).wall)
        near, far = (log_loss(y2, m.predict_proba(Z2)) for m in (model["model"], fits[0]))
        gaps.append(near - far)
    worst, full = max(gaps, key=abs), float(np.median(walls))
    kept = shop.fresh("store")
    polished = [polished_gap(train, test, C, kept) for C in STRENGTHS]
    shop.remove(kept)
    listed = ", ".join(f"{C:g}: {gap:+.1e}" for C, gap in zip(STRENGTHS, gaps, strict=True))
    return [
        Row("logistic, held-out log-loss after one pass less that of a full fit, worst of 7 C, in nats",
            number(worst), "0", abs(worst), at_most(1e-3), f"by C: {listed}"),
        Row("logistic, the same of the winner polished by further passes, worst of 7 C, in nats",
            number(max(polished, key=abs)), "0", max(map(abs, polished)), at_most(1e-5),
            f"by C: {', '.join(f'{C:g}: {gap:+.1e}' for C, gap in zip(STRENGTHS, polished, strict=True))}"),
        Row(f"{settings} settings × {FOLDS} folds, pass included, vs one full LogisticRegression",
            seconds(ours.wall), seconds(full), ours.wall / full, at_most(2.0),
            f"scored on sampled rows; trials {seconds(result.cost.seconds_trials)}", ours.others),
        Row(f"{settings} settings × {FOLDS} folds vs GridSearchCV (extrapolated from {len(STRENGTHS)} fits)",
            seconds(ours.wall), seconds(settings * FOLDS * 0.8 * full), settings * FOLDS * 0.8 * full / ours.wall,
            at_least(50.0)),
    ]  # fmt: skip


def polished_gap(train: pd.DataFrame, test: pd.DataFrame, C: float, store: Any) -> float:
    """Return the held-out log-loss of a polished winner less that of a full fit to its columns, in nats."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    import hpo

    search = {"logistic.C": C, "logistic.impute": "mean", "logistic.min_frequency": 0.0}
    result = hpo.tune(
        train, target="late", algorithm="logistic", scoring="neg_log_loss", search=search, trials=1, folds=2,
        polish="always", store=str(store), progress=False,
    )  # fmt: skip
    model = result.best_model
    Z, Z2 = (model[:-1].transform(part) for part in (train, test))
    full = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10, max_iter=100).fit(Z, train["late"])
    ours, theirs = (log_loss(test["late"], m.predict_proba(Z2)) for m in (model["model"], full))
    return float(ours - theirs)


def study(train: pd.DataFrame, store: Any, settings: int) -> Any:
    """Try many settings with five folds, from an empty store."""
    import hpo

    return hpo.tune(
        train, target="late", algorithm="logistic", scoring="neg_log_loss", scoring_rows=1_000, trials=settings,
        folds=FOLDS, store=str(store), progress=False,
    )  # fmt: skip


def flights(shop: Workshop) -> pd.DataFrame:
    """Return the flights of a year, late or not, mixed columns as they come; of a month where little is asked."""
    from hpo.demo import write_late_flights

    few = shop.rows < FEW
    kept = shop.folder / f"late-flights-{1 if few else 12}.parquet"
    if not kept.exists():
        folder = shop.fresh("late_flights")
        write_late_flights(folder, *([["2013-01.parquet"]] if few else []))
        frame = pd.concat(
            [pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))], ignore_index=True
        )
        shop.remove(folder)
        frame = frame.drop(columns=[name for name in DROP if name in frame.columns])[:: 9 if few else 1]
        frame[frame["late"].notna()].to_parquet(kept, index=False)
    return pd.read_parquet(kept)
