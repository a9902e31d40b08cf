"""``python -m differential.fuzz``: as many examples as asked for, on every core; what came of them, and what failed.

A failure is printed as the call that makes it again, at once and at the end, there the one with the fewest columns first;
keep it in ``known.py``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from differential.agreement import Disagreement
from differential.compare import ask
from differential.seeded import BACKEND
from differential.settings import SETTINGS, Example, examples

STEP = 100
"""Examples of one algorithm at a time."""


@dataclass
class Found:
    """What came of some examples of an algorithm: how often what, and the examples that failed."""

    algorithm: str
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[Example, str]] = field(default_factory=list)


def fuzz(task: tuple[str, int, int]) -> Found:
    """Ask so many examples of an algorithm, from a seed."""
    algorithm, start, count = task
    found = Found(algorithm)

    @seed(start)
    @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate], backend=BACKEND,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(examples(algorithm))
    def one(example: Example) -> None:
        try:
            found.counts[str(ask(example))] += 1
        except Exception as error:
            reason = str(error) if isinstance(error, Disagreement) else traceback.format_exc(limit=-3)
            found.counts["FAILED"] += 1
            found.failed.append((example, reason))

    one()
    return found


def main() -> int:
    """Return 1 where anything failed."""
    options = parser().parse_args()
    names = options.only or list(SETTINGS)
    began, found = time.monotonic(), {name: Found(name) for name in names}
    tasks = ((name, options.seed + k, STEP) for k in range(10**6) for name in names)
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        asked = 0
        for each in pool.imap_unordered(fuzz, tasks if options.seconds else _few(tasks, options.examples)):
            found[each.algorithm].counts += each.counts
            found[each.algorithm].failed += each.failed
            for example, _ in each.failed:
                print(f"\n{example}", file=sys.stderr)
            asked += each.counts.total()
            print(f"\r{asked:,} examples, {_failures(found)} failed", end="", file=sys.stderr, flush=True)
            if options.seconds and time.monotonic() - began > options.seconds:
                pool.terminate()
                break
    print(file=sys.stderr)
    report(found)
    return int(_failures(found) > 0)


def report(found: dict[str, Found]) -> None:
    """Print counts by what came of the examples, and the failures."""
    total = sum((each.counts for each in found.values()), Counter())
    for name, each in found.items():
        print(f"{name}: " + ", ".join(f"{n:,} {what}" for what, n in _kinds(each.counts).most_common()))
    print(f"\n{total.total():,} examples")
    for what, n in total.most_common():
        print(f"{n:8,}  {what[:150]}")
    for each in found.values():
        for example, reason in sorted(each.failed, key=lambda f: (len(f[0].spec.cols), f[0].spec.rows))[:3]:
            print(f"\n{reason.strip()}\n    {example}")


def _kinds(counts: Counter[str]) -> Counter[str]:
    made: Counter[str] = Counter()
    for what, n in counts.items():
        made[what.partition(":")[0]] += n
    return made


def _failures(found: dict[str, Found]) -> int:
    return sum(len(each.failed) for each in found.values())


def _few(tasks, count: int):
    for i, task in enumerate(tasks):
        if i * STEP >= count:
            return
        yield task[0], task[1], min(STEP, count - i * STEP)


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    made = argparse.ArgumentParser(prog="python -m differential.fuzz", description=__doc__)
    made.add_argument("--examples", type=int, default=2_000, help="how many, of all algorithms together")
    made.add_argument("--seconds", type=float, default=0.0, help="continue for so long instead")
    made.add_argument("--seed", type=int, default=1_000, help="where to start: other seeds, other examples")
    made.add_argument("--only", nargs="+", choices=list(SETTINGS), help="these algorithms")
    made.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    return made


if __name__ == "__main__":
    sys.exit(main())
