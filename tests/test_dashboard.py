"""``hpo dashboard``: optuna-dashboard shows what the record holds, also what came after it began."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.client import HTTPException
from urllib.request import urlopen

import numpy as np
import pytest
from terminal import hpo as ask

import hpo


def tune(name, **where):
    X = np.random.default_rng(0).normal(size=(60, 2))
    return hpo.tune((X, X @ [1.0, 2.0]), algorithm="ridge", trials=4, name=name, progress=False, **where)


def answer(address, process):
    for _ in range(600):
        try:
            with urlopen(address, timeout=10) as page:
                return json.loads(page.read())
        except OSError:
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
    raise AssertionError(address)


def ask_on(address, process):
    while process.poll() is None:
        with suppress(OSError, HTTPException), urlopen(address, timeout=10) as page:  # it ends while it answers
            page.read()


def test_a_taken_port_is_said_in_a_line(tmp_path):
    pytest.importorskip("optuna_dashboard")
    tune("one", store=tmp_path / "store", storage=tmp_path / "studies.journal")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "hpo.cli", "dashboard", "--storage", tmp_path / "studies.journal", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode not in (0, 130)
    assert "Traceback" not in done.stderr
    assert "in use" in done.stderr


def test_the_dashboard_shows_studies_that_were_recorded_before_and_after_it_began(tmp_path):
    where = {"store": tmp_path / "store", "storage": tmp_path / "studies.journal"}
    tune("before", **where)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "hpo.cli", "dashboard", "--storage", os.fspath(where["storage"]), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = f"http://127.0.0.1:{port}/api/studies"
        found = answer(address, process)["study_summaries"]
        assert [one["study_name"] for one in found] == ["before"]
        result = tune("after", **where)
        found = {one["study_name"]: one["study_id"] for one in answer(address, process)["study_summaries"]}
        assert set(found) == {"before", "after"}
        trials = answer(f"{address}/{found['after']}?after=0", process)["trials"]
        assert [trial["values"] for trial in trials] == [t.values for t in result.optuna_study.trials]
        asking = threading.Thread(target=ask_on, args=(address, process), daemon=True)
        asking.start()
        time.sleep(0.5)
    finally:
        process.send_signal(signal.SIGINT)  # while it answers
        try:
            _, printed = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
    asking.join(20)
    assert not asking.is_alive()
    assert f"http://127.0.0.1:{port}/" in printed and process.returncode in (0, 130)


def test_without_optuna_dashboard_the_hint_is_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    found = ask(capsys, monkeypatch, "dashboard", "--storage", tmp_path / "studies.journal")
    assert (found.code, len(found.err.splitlines())) == (2, 1)
    assert "pip install optuna-dashboard" in found.err
