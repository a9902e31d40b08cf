"""Ensembles that stop while they grow: more trees are made only where they are asked for.

scikit-learn's continue by ``warm_start``. The fits of other packages call back after every round: they run in a
thread of their own, which waits there until more is asked for, so that what was grown is to the bit what one fit
makes.
"""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Protocol, Self

from sklearn.base import BaseEstimator
from threadpoolctl import ThreadpoolController

from algorithms.families.bins import MAKES
from algorithms.lazily import Library

lightgbm, xgboost = Library("lightgbm"), Library("xgboost")

Fit = Callable[..., object]
"""Fits an estimator; takes further arguments of its ``fit`` by name."""

Tell = Callable[[BaseEstimator], bool]
"""Hands out an estimator, waits, and returns whether more is asked for."""

Grown = Callable[[BaseEstimator, Fit, Sequence[int]], Generator[BaseEstimator]]
"""Yields an estimator of each number of rounds, in ascending order, to be asked before the next is made."""


class Booster(Protocol):
    """What is asked of the trees of both packages."""

    def num_feature(self) -> int:
        """Return the number of columns."""
        ...

    def __getitem__(self, rounds: slice) -> Self:
        """Return those of some rounds."""
        ...


class Round(Protocol):
    """What LightGBM hands to a callback."""

    iteration: int
    model: Booster


def warmly(parameter: str) -> Grown:
    """Return what grows estimators of scikit-learn that have ``warm_start``, by their number of parts.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> fit = lambda model: model.fit([[0.0], [1.0]], [0.0, 1.0])
    >>> [len(model.estimators_) for model in warmly("n_estimators")(RandomForestRegressor(), fit, (2, 5))]
    [2, 5]
    """

    def grown(model: BaseEstimator, fit: Fit, values: Sequence[int]) -> Generator[BaseEstimator]:
        model.set_params(warm_start=True)
        for value in values:
            fit(model.set_params(**{parameter: value}))
            yield model

    return grown


def of_lightgbm(model: BaseEstimator, fit: Fit, values: Sequence[int]) -> Generator[BaseEstimator]:
    """Yield a LightGBM estimator after each of these rounds; training waits in between."""

    def run(tell: Tell) -> None:
        def after(env: Round) -> None:
            if env.iteration + 1 in values and not tell(_lightgbm_so_far(model, env.model)):
                raise lightgbm.callback.EarlyStopException(env.iteration, [])

        fit(model.set_params(n_estimators=values[-1]), callbacks=[after])

    yield from in_turn(run)


def of_xgboost(model: BaseEstimator, fit: Fit, values: Sequence[int]) -> Generator[BaseEstimator]:
    """Yield an XGBoost estimator after each of these rounds; training waits in between."""

    def run(tell: Tell) -> None:
        class After(xgboost.callback.TrainingCallback):  # type: ignore[name-defined]
            def after_iteration(self, booster: Booster, epoch: int, _: object) -> bool:
                if epoch + 1 not in values:
                    return False
                found = copy.copy(model)
                found._Booster = booster[: epoch + 1]
                vars(found).pop(MAKES, None)
                return not tell(found)

        given = model.get_params()["callbacks"] or []
        fit(model.set_params(n_estimators=values[-1], callbacks=[*given, After()]))

    yield from in_turn(run)


def _lightgbm_so_far(model: BaseEstimator, booster: Booster) -> BaseEstimator:
    found = copy.copy(model)
    found._Booster, found.fitted_, found._n_features = booster, True, booster.num_feature()
    return found


def in_turn(run: Callable[[Tell], None]) -> Generator[BaseEstimator]:
    """Yield what ``run`` tells, in a thread that waits until the next is asked for; what it raises is raised here.

    The thread may use as many of OpenMP's as the caller, whose limit is its own.

    Closed before its end, ``tell`` returns False, and ``run`` is waited for.

    Examples
    --------
    >>> heard = []
    >>> found = in_turn(lambda tell: heard.extend([tell("a"), tell("b")]))
    >>> next(found), next(found), found.close(), heard
    ('a', 'b', None, [True, False])
    """
    models: queue.SimpleQueue[BaseEstimator | None] = queue.SimpleQueue()
    more: queue.SimpleQueue[bool] = queue.SimpleQueue()
    failed: list[BaseException] = []

    def tell(found: BaseEstimator) -> bool:
        models.put(found)
        return more.get()

    def body() -> None:
        try:
            run(tell)
        except BaseException as error:  # noqa: BLE001 (raised again by who asks)
            failed.append(error)
        models.put(None)

    pools, limit = _openmp()

    def held() -> None:
        with pools.limit(limits=limit):
            body()

    thread = threading.Thread(target=held, daemon=True)
    thread.start()
    try:
        while (found := models.get()) is not None:
            yield found
            more.put(True)
        if failed:
            raise failed[0]
    finally:
        more.put(False)
        thread.join()


def _openmp() -> tuple[ThreadpoolController, dict[str, int]]:
    """Return the pools of OpenMP, and how many threads of each the calling thread may use."""
    pools = ThreadpoolController().select(user_api="openmp")
    return pools, {one["prefix"]: one["num_threads"] for one in pools.info()}
