"""The tuner around the sampler: what a persisted trial costs beyond sampling and evaluation."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from threading import Event
from typing import Any

import optuna
from optuna.distributions import BaseDistribution

from benchmarks.measure import Rounds, Sample, alternate
from benchmarks.questions import States, read_states
from benchmarks.table import Row, at_most, number, seconds
from benchmarks.workshop import Workshop
from hpo.process.threads import one_thread
from hpo.states.evaluate import Scores
from hpo.trials.scorer import Scorer
from hpo.trials.settings import Setting, Space, suggest
from hpo.trials.tuner import Budget, Tuner, run_trials
from studies.quiet import quiet
from studies.record.records import begin
from studies.record.storage import open_storage
from studies.record.study_record import StudyRecord
from studies.record.write_behind import WriteBehind
from studies.sampling.samplers import make_sampler


@dataclass
class TimedScorer(Scorer):
    """A scorer that knows how long it spent on scores, in seconds and in processor seconds."""

    wall: float = 0.0
    cpu: float = 0.0

    def score(self, setting: Setting) -> Scores | None:
        """Score a setting and count the time."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return super().score(setting)
        finally:
            self.wall += time.perf_counter() - wall
            self.cpu += time.thread_time() - cpu


def overhead_rows(shop: Workshop) -> list[Row]:
    """Compare the loop with a journal file, scores subtracted, and the bare sampler in memory."""
    store = shop.fresh("store")
    states = read_states(shop.main_file(), store)
    shop.remove(store)
    return [_row(shop, states, trials) for trials in (shop.trials, 5 * shop.trials)]


def _row(shop: Workshop, states: States, trials: int) -> Row:
    tuners = [persisted(shop, states, trials)]
    values = [t.value for t in tuners.pop().study.get_trials(deepcopy=False)]
    calls = {
        "ours": lambda: tuners.append(persisted(shop, states, trials)),
        "bare": lambda: bare(states.space, trials, values),
    }
    found = alternate(calls, shop.repeats, shop.patience)
    pairs = zip(found.samples["ours"], tuners, strict=True)
    unscored = tuple(Sample(s.wall - t.scorer.wall, s.cpu - t.scorer.cpu, s.others) for s, t in pairs)
    return _difference(Rounds({**found.samples, "ours": unscored}), trials)


def _difference(found: Rounds, trials: int) -> Row:
    wall, cpu = (
        statistics.median(
            clock(found.samples["ours"][i]) - clock(found.samples["bare"][i]) for i in found.calm
        )
        for clock in (attrgetter("wall"), attrgetter("cpu"))
    )
    return Row(
        f"tuner overhead per persisted trial, {trials} trials (difference, ms)",
        seconds(found.wall("ours") / trials), seconds(found.wall("bare") / trials), 1e3 * wall / trials,
        at_most(1.0),
        "ours without scoring, theirs the bare sampler; "
        f"{number(1e3 * cpu / trials)} ms of processor time", found.others,
    )  # fmt: skip


def persisted(shop: Workshop, states: States, trials: int) -> Tuner:
    """Run the tuner's loop with the write-behind journal, until the last trial is on disk."""
    journal = shop.fresh("journal")
    storage = open_storage(journal)
    study = begin(storage, "overhead", direction="maximize", record=StudyRecord({}))
    study.sampler = make_sampler("auto", seed=0, space=states.space, trials=trials)
    evidence = states.evidence
    scorer = TimedScorer(states.searched, evidence.states, evidence.contexts, "r2")
    tuner = Tuner(scorer, Space(states.space, next(iter(states.searched))), study)
    with one_thread(), WriteBehind(storage, "overhead", 0) as writer:
        run_trials(tuner, Budget(trials), writer.put, Event())
    shop.remove(journal)
    return tuner


def bare(space: Mapping[str, BaseDistribution], trials: int, values: list[float | None]) -> None:
    """Run the same sampler in a bare study in memory; its objective answers from a list."""
    sampler = make_sampler("auto", seed=0, space=space, trials=trials)
    with quiet():
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.optimize(lambda trial: _answer(trial, space, values), n_trials=trials)


def _answer(trial: Any, space: Mapping[str, BaseDistribution], values: list[float | None]) -> float:
    name = suggest(trial, "algorithm", space["algorithm"])
    for key, distribution in space.items():
        if key.startswith(f"{name}."):
            suggest(trial, key, distribution)
    return values[trial.number] or 0.0
