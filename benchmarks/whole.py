"""Whole studies: against reading the file and fitting once, against scikit-learn's and Optuna's searches."""

from __future__ import annotations

from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.measure import alternate, fastest
from benchmarks.peers import ELASTIC_NET_CV, OPTUNA_TRIALS, elastic_net_cv, fit_once, optuna_search
from benchmarks.questions import ALGORITHMS
from benchmarks.table import Row, at_least, at_most, seconds
from benchmarks.workshop import TARGET, Workshop, in_memory


def study(shop: Workshop, data: Path, store: Path, journal: Path, name: str = "whole") -> object:
    """Tune ridge and elastic net with five folds; every trial is persisted."""
    import hpo

    return hpo.tune(
        str(data), TARGET, ALGORITHMS, trials=shop.trials, folds=5, name=name, store=str(store),
        storage=str(journal), progress=False,
    )  # fmt: skip


def cold(shop: Workshop, data: Path) -> None:
    """Run a study whose store and journal are empty."""
    store, journal = shop.fresh("store"), shop.fresh("journal")
    study(shop, data, store, journal)
    shop.remove(store)
    shop.remove(journal)


def study_rows(shop: Workshop) -> list[Row]:
    """Compare a whole study with one reading and one fit."""
    data = shop.main_file()

    def one_blas_thread() -> None:
        with threadpool_limits(1, user_api="blas"):
            fit_once(data)

    calls = {"ours": lambda: cold(shop, data), "free": lambda: fit_once(data), "one": one_blas_thread}
    found = alternate(calls, shop.repeats, shop.patience)
    theirs = min("free", "one", key=found.wall)
    return [
        Row(
            f"study: pass + {shop.trials} trials × 5 folds, vs read_parquet + one Ridge",
            seconds(found.wall("ours")), seconds(found.wall(theirs)), found.ratio("ours", theirs), at_most(1.0),
            f"processor time ratio {found.cpu_ratio('ours', theirs):.2f}", found.others,
        )
    ]  # fmt: skip


def search_rows(shop: Workshop) -> list[Row]:
    """Compare a whole study, reading included, with searches of data that is in memory already."""
    data = shop.main_file()
    X, y = in_memory(shop.rows)
    found = alternate({"ours": lambda: cold(shop, data)}, shop.repeats, shop.patience)
    ours = found.wall("ours")
    path = fastest(lambda: elastic_net_cv(X, y), shop.patience)
    few = fastest(lambda: optuna_search(X, y, OPTUNA_TRIALS), shop.patience)
    whole = few.wall * shop.trials / OPTUNA_TRIALS
    return [
        Row(
            f"study vs ElasticNetCV on {ELASTIC_NET_CV} settings", seconds(ours), seconds(path.wall),
            path.wall / ours, at_least(20), "", max(found.others, path.others),
        ),
        Row(
            "study vs Optuna + cross_val_score", seconds(ours), seconds(whole), whole / ours,
            at_least(400), f"theirs extrapolated from {OPTUNA_TRIALS} trials ({seconds(few.wall)})",
            max(found.others, few.others),
        ),
    ]  # fmt: skip
