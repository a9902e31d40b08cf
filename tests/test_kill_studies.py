"""``kill -9`` of a study at full speed: of the trials that were finished a second before, every one is stored."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import subprocess
import sys
import textwrap
import time
import warnings

import forked
import numpy as np
import pandas as pd
import pytest

from studies.errors import RecordWarning
from studies.record.records import load_study
from studies.record.storage import open_storage

KILLS = max(1, int(os.environ.get("HPO_CHAOS", "6")) // 6)
"""Kills of each sampler; ``make chaos`` asks for ten."""

MOST = 500_000

RUNS = textwrap.dedent("""
    import mmap, os, struct, sys, time, hpo
    from hpo.trials.recorder import Recorder
    with open(sys.argv[1], "r+b") as f:
        shared = mmap.mmap(f.fileno(), 0)
    put, done = Recorder.put, 0
    def and_note(self, trial):
        global done
        finished = time.time()
        put(self, trial)
        done += 1
        struct.pack_into("<d", shared, 8 * done, finished)
        struct.pack_into("<q", shared, 0, done)
    Recorder.put = and_note
    hpo.tune(
        sys.argv[2], "y", "ridge", trials=500_000, folds=3, sampler=sys.argv[4], store=sys.argv[2] + "-store",
        storage=sys.argv[3], name="t", progress=False,
    )
""")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "a.parquet"
    X = np.random.default_rng(0).normal(size=(500, 4))
    pd.DataFrame({**{f"x{i}": X[:, i] for i in range(4)}, "y": X.sum(axis=1)}).to_parquet(path)
    return path


@pytest.mark.parametrize("kill", range(KILLS))
@pytest.mark.parametrize("sampler", ["random", "tpe", "qmc", "nsga2"])
def test_a_study_at_full_speed_loses_a_second_at_most(table, tmp_path, sampler, kill):
    shared, journal = tmp_path / "shared", tmp_path / "a.journal"
    shared.write_bytes(bytes(8 * MOST + 16))
    child = [sys.executable, "-c", RUNS, str(shared), str(table), str(journal), sampler]
    with forked.Popen(child, stderr=subprocess.PIPE, text=True) as process, shared.open("rb") as f:
        seen = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
        while not struct.unpack_from("<q", seen, 0)[0]:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        time.sleep(2.0 + 0.37 * kill)
        killed = time.time()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    finished = struct.unpack_from("<q", seen, 0)[0]
    times = np.frombuffer(seen, np.float64, finished, offset=8).copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordWarning)
        stored = len(load_study(open_storage(journal), "t").trials)
    print(f"{sampler}: {finished} finished, {stored} stored, {finished - stored} lost")
    assert stored >= np.count_nonzero(times < killed - 1.0)
