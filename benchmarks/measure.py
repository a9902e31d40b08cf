"""Clocks: alternating repetitions, medians, and how busy other processes kept the machine meanwhile."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

QUIET = 0.10
"""Share of the cores that other processes may use in a repetition that is called quiet."""

_STAT = Path("/proc/stat")


@dataclass(frozen=True)
class Sample:
    """One repetition of one thing.

    Attributes
    ----------
    wall : seconds that passed.
    cpu : processor seconds of this process, its threads and its children.
    others : share of the cores that other processes used meanwhile.
    """

    wall: float
    cpu: float
    others: float


@dataclass(frozen=True)
class Rounds:
    """Repetitions of things that were run in turn; a round has one sample of each.

    Ratios are taken within a round, so that a slow minute slows both sides.

    Examples
    --------
    >>> quiet, busy = Sample(1.0, 1.0, 0.0), Sample(5.0, 1.1, 0.9)
    >>> rounds = Rounds({"a": (quiet, busy, quiet), "b": (quiet, quiet, Sample(3.0, 3.0, 0.0))})
    >>> rounds.calm, rounds.wall("b"), rounds.ratio("b", "a")
    ((0, 2), 2.0, 2.0)
    """

    samples: Mapping[str, Sequence[Sample]]

    @property
    def calm(self) -> tuple[int, ...]:
        """The quiet rounds; where there is none, the half in which others were least busy."""
        others = [max(s.others for s in one_round) for one_round in zip(*self.samples.values(), strict=True)]
        quiet = tuple(i for i, share in enumerate(others) if share <= QUIET)
        ranked = sorted(range(len(others)), key=others.__getitem__)
        return quiet or tuple(ranked[: (len(others) + 1) // 2])

    def wall(self, name: str) -> float:
        """Median seconds of the calm rounds."""
        return statistics.median(self.samples[name][i].wall for i in self.calm)

    def cpu(self, name: str) -> float:
        """Median processor seconds of the calm rounds."""
        return statistics.median(self.samples[name][i].cpu for i in self.calm)

    def ratio(self, a: str, b: str) -> float:
        """Median of a/b in seconds."""
        return statistics.median(self.samples[a][i].wall / self.samples[b][i].wall for i in self.calm)

    def cpu_ratio(self, a: str, b: str) -> float:
        """Median of a/b in processor seconds."""
        return statistics.median(
            self.samples[a][i].cpu / max(self.samples[b][i].cpu, 1e-9) for i in self.calm
        )

    @property
    def others(self) -> float:
        """Median, over the calm rounds, of the largest share of the cores that other processes used."""
        return statistics.median(max(s[i].others for s in self.samples.values()) for i in self.calm)


def measure(call: Callable[[], object]) -> Sample:
    """Run something once."""
    busy, own, began = _busy(), _own(), time.perf_counter()
    call()
    wall, cpu = time.perf_counter() - began, _own() - own
    cores = os.cpu_count() or 1
    return Sample(wall, cpu, max(0.0, (_busy() - busy - cpu) / (wall * cores)))


def alternate(calls: Mapping[str, Callable[[], object]], repeats: int, patience: float = 0.0) -> Rounds:
    """Run things in turn, A B A B.

    Parameters
    ----------
    calls : what to run, by name.
    repeats : repetitions of each.
    patience : seconds to wait, at most, for other processes to be quiet before each round.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in calls}
    for _ in range(repeats):
        await_quiet(patience)
        for name, call in calls.items():
            samples[name].append(measure(call))
    return Rounds(samples)


def fastest(call: Callable[[], object], patience: float = 0.0) -> Sample:
    """Run something slow with as many BLAS threads as it likes, then with one; return the faster run.

    On busy cores BLAS's own threads wait for each other, which a peer is not to be blamed for.
    """
    await_quiet(patience)
    free = measure(call)
    await_quiet(patience)
    with threadpool_limits(1, user_api="blas"):
        return min(free, measure(call), key=lambda sample: sample.wall)


def await_quiet(patience: float) -> None:
    """Wait until other processes are quiet for a quarter of a second, or the patience is used up."""
    until = time.monotonic() + patience
    while time.monotonic() < until and measure(lambda: time.sleep(0.25)).others > QUIET:
        pass


def _busy() -> float:
    """Return the seconds that all processes used, of all cores; 0 where the system does not tell."""
    if not _STAT.exists():
        return 0.0
    user, nice, system, _idle, _wait, irq, soft, steal = _STAT.read_text().split(maxsplit=9)[1:9]
    return sum(map(int, (user, nice, system, irq, soft, steal))) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
