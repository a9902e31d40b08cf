"""Rows do not matter once they are read: a trial at ten million rows against one at a hundred thousand."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event

import optuna
from optuna.distributions import BaseDistribution

from benchmarks.measure import alternate
from benchmarks.questions import States, read_states
from benchmarks.table import Row, at_most, seconds
from benchmarks.workshop import Workshop
from hpo.process.threads import one_thread
from hpo.trials.scorer import Scorer
from hpo.trials.settings import Space
from hpo.trials.tuner import Budget, Tuner, run_trials
from studies.quiet import quiet
from studies.sampling.samplers import make_sampler


def scale_rows(shop: Workshop) -> list[Row]:
    """Compare the time of a trial from the states of many and of few rows."""
    many, few = 5 * shop.rows, shop.rows // 20
    store = shop.fresh("store")
    large = read_states(shop.file("part-0", many, 100, coarse=True), store)
    small = read_states(shop.file("small", few, 7), store)
    shop.remove(store)
    trials = shop.trials
    found = alternate(
        {"large": lambda: run(large, small.space, trials), "small": lambda: run(small, small.space, trials)},
        2 * shop.repeats, shop.patience,
    )  # fmt: skip
    return [
        Row(
            f"trial at {many:,} rows vs at {few:,}", seconds(found.wall("large") / trials),
            seconds(found.wall("small") / trials), found.ratio("large", "small"), at_most(1.1),
            f"the same settings on both; processor time ratio {found.cpu_ratio('large', 'small'):.3f}",
            found.others,
        )
    ]  # fmt: skip


def run(states: States, space: Mapping[str, BaseDistribution], trials: int) -> None:
    """Run the tuner's loop in memory, on settings that do not depend on the scores: the same for all states."""
    with quiet():
        study = optuna.create_study(direction="maximize")
    study.sampler = make_sampler("qmc", seed=0, space=space, trials=trials)
    found = states.evidence
    scorer = Scorer(states.searched, found.states, found.contexts, "r2")
    tuner = Tuner(scorer, Space(space, next(iter(states.searched))), study)
    with one_thread():
        run_trials(tuner, Budget(trials), lambda _: None, Event())
