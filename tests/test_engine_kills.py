"""A driver or a worker that is killed at any moment of a pass: the same bits, and nothing published is made again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec

import numpy as np
import pandas as pd
import psutil
import pytest

import hpo
from hpo.states import jobs
from state_store import flatten
from state_store.gc import gc

KILLS = int(os.environ.get("HPO_CHAOS", "1"))
"""Passes of each kind in which something is killed; ``make chaos`` asks for many."""

FILES, ROWS = 10, 500
PAUSE = 0.06
needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="the extra dask is not installed")

WATCHED = """
import os, sys
if os.environ.get("MADE"):
    import importlib.abc, importlib.util

    class Watch(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        def find_spec(self, name, path, target=None):
            if name != "hpo.states.passes":
                return None
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec(name)
            self.inner, spec.loader = spec.loader, self
            return spec

        def create_module(self, spec):
            return self.inner.create_module(spec)

        def exec_module(self, module):
            self.inner.exec_module(module)
            import time
            from state_store import Key
            compute = module.Pass._compute

            def watched(self, segment, summaries, *rest, **how):
                key = self.pilot.folds.key(segment)
                there = any(self.store.has(Key(self.contexts[s], key)) for s in summaries)
                with open(os.environ["MADE"], "a") as made:
                    made.write(f"{'again' if there else 'new'} {os.getpid()} {segment.id}\\n")
                time.sleep(float(os.environ["PAUSE"]))
                return compute(self, segment, summaries, *rest, **how)

            module.Pass._compute = watched

    sys.meta_path.insert(0, Watch())
"""
"""In each process of a pass: notes what is made, and whether it was published already; and takes its time."""

DRIVER = """
import os, sys, hpo
if __name__ == "__main__":
    hpo.tune(sys.argv[1], "y", trials=2, store=sys.argv[2], engine=sys.argv[3], n_jobs=2, progress=False)
    print("done")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Files, states of a pass that nobody kills, and what processes are started with."""
    home = tmp_path_factory.mktemp("kills")
    rng, data = np.random.default_rng(0), home / "data"
    data.mkdir()
    for i in range(FILES):
        X = rng.normal(size=(ROWS, 5))
        frame = pd.DataFrame(X, columns=list("abcde")).assign(y=X @ np.arange(5.0) + rng.normal(size=ROWS))
        frame.to_parquet(data / f"part-{i}.parquet", index=False)
    (home / "sitecustomize.py").write_text(WATCHED)
    (home / "driver.py").write_text(DRIVER)
    path = os.pathsep.join([str(home), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    env = {"PYTHONPATH": path, "MADE": str(home / "made"), "PAUSE": str(PAUSE)}
    return home, data, {**os.environ, **env}, bits(hpo.tune(data, "y", trials=2, store=home / "whole", progress=False))


@pytest.fixture(scope="module")
def scheduler(place):
    """The address of a scheduler with two workers, which are started again where they are killed."""
    home, _, env, _ = place
    file = home / "scheduler.json"
    run = [sys.executable, "-m"]
    out = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": env}
    started = [subprocess.Popen([*run, "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard",
                                 "--scheduler-file", str(file)], **out)]  # fmt: skip
    try:
        started.append(subprocess.Popen([*run, "distributed.cli.dask_worker", "--scheduler-file", str(file),
                                         "--nworkers", "2", "--nthreads", "1", "--no-dashboard"], **out))  # fmt: skip
        from distributed import Client

        with Client(scheduler_file=str(file), set_as_default=False, timeout=60) as client:
            client.wait_for_workers(2, timeout=60)
            yield client
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(30)


def bits(result):
    (states,) = result.run.evidence.states.values()
    return [[np.asarray(a).tobytes() for a in flatten(cell)[0].values()] for cell in states.cells]


class Driver:
    """A process that runs a pass; what it started ends with it at last, whoever is killed first."""

    def __init__(self, place, store, engine):
        home, data, env, _ = place
        self.made, self.said = home / "made", home / "said"
        self.made.touch()
        command = [sys.executable, str(home / "driver.py"), str(data), str(store), engine]
        with self.said.open("w") as said:  # no pipe, which workers that are left over would hold open
            self.process = subprocess.Popen(command, env=env, stdout=said, stderr=said, start_new_session=True)

    def wait_for_segments(self, begun):
        """Wait until so many segments were begun."""
        while len(self.made.read_text().splitlines()) < begun:
            time.sleep(0.01)
            assert self.process.poll() is None, self.said.read_text()

    def workers(self, client):
        """Return the processes that work for it."""
        if client is not None:
            return [psutil.Process(pid) for pid in client.run(os.getpid).values()]
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [c for c in children if "popen_loky" in " ".join(c.cmdline())]

    def kill(self, who, client, after):
        """Kill it, or one of its workers, a moment after the first segment was begun; return whether that was there."""
        self.wait_for_segments(1)
        time.sleep(after)
        try:
            one = psutil.Process(self.process.pid) if who == "driver" else random.choice(self.workers(client))
            one.kill()
        except (psutil.NoSuchProcess, IndexError):
            return False
        return True

    def end(self):
        """Wait for it, end what it left, and return what it said."""
        self.process.wait(120)
        for left in psutil.process_iter(["pid"]):
            with suppress(psutil.Error, ProcessLookupError):
                if os.getpgid(left.pid) == self.process.pid:
                    left.kill()
        return self.said.read_text()


def kinds():
    """Return what is killed in passes of which engine; where it is not much that is asked for, the telling ones."""
    here = [("threads", "driver"), ("loky", "driver")] if KILLS > 1 else []
    dask = [pytest.param("dask", who, marks=needs_dask) for who in ("driver", "worker")]
    return [*here, ("loky", "worker"), *dask]


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize(("engine", "who"), kinds())
def test_what_is_killed_in_a_pass_costs_its_segment_alone(place, request, engine, who, number):
    home, data, _, whole = place
    client = request.getfixturevalue("scheduler") if engine == "dask" else None
    name = engine if client is None else client.scheduler.address.replace("tcp", "dask")
    store, made = home / f"{engine}-{who}-{number}", home / "made"
    made.unlink(missing_ok=True)
    after = random.Random(f"{engine} {who} {number}").uniform(0.0, PAUSE * FILES / 2)
    driver = Driver(place, store, name)
    killed = driver.kill(who, client, after)
    said = driver.end()
    if who == "driver" and killed:
        said = Driver(place, store, name).end()
    assert "done" in said, said
    lines = made.read_text().splitlines()
    found = f"{'yes' if killed else 'too late'}; {len(lines)} segments begun of {FILES}"
    print(f"{engine}: {who} killed after {after:.3f} s: {found}")
    assert not [line for line in lines if line.startswith("again")]
    assert FILES <= len(lines) <= FILES + 6, lines
    result = hpo.tune(data, "y", trials=2, store=store, progress=False)
    assert result.cost.rows_read == 0
    assert bits(result) == whole
    check_nothing_temporary(store)


def check_nothing_temporary(store):
    """Assert that a collection leaves nothing but leaves and documents, an hour later."""
    states = hpo.StateStore(store)
    jobs.sweep_jobs(states, -1.0)
    import state_store.gc as module

    before, module.LEFTOVER_SECONDS = module.LEFTOVER_SECONDS, -1.0
    try:
        gc(states)
    finally:
        module.LEFTOVER_SECONDS = before
    assert not states.documents(jobs.JOBS)
    left = {path.relative_to(store).parts[0] for path in store.rglob("*") if path.is_file()}
    assert left <= {"store.json", "leaves", "packs", "documents"}
    assert not [path for path in store.rglob(".*") if path.is_file()]


def test_ctrl_c_at_a_terminal_reaches_processes_too_and_nothing_is_lost(place):
    home, data, _, whole = place
    (home / "made").unlink(missing_ok=True)
    driver = Driver(place, home / "interrupted", "loky")
    driver.wait_for_segments(3)
    os.killpg(driver.process.pid, signal.SIGINT)
    said = driver.end()
    assert f"of {FILES} segments; their states are kept" in said, said
    result = hpo.tune(data, "y", trials=2, store=home / "interrupted", progress=False)
    assert result.cost.states_reused >= 1
    assert bits(result) == whole
