"""A laptop's first hour: three studies of one's own and a notebook's questions; counted are bytes and cores."""

from __future__ import annotations

import json
import os
import subprocess
import sys

NOTEBOOK = """
import json, os, time, warnings
from pathlib import Path
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

import hpo

warnings.simplefilter("ignore", hpo.errors.ColumnWarning)
began, cpu, main = time.monotonic(), time.process_time(), time.thread_time()
options = dict(trials=20, progress=False)
for name, load in (("cancer", load_breast_cancer), ("iris", load_iris), ("diabetes", load_diabetes)):
    result = hpo.tune(load(return_X_y=True), algorithm="auto", name=name, **options)
    hpo.write_report(result, f"{name}.html")
for _ in range(3):  # cells that are run again
    result = hpo.tune(load_breast_cancer(return_X_y=True), algorithm=["logistic", "lda"], **options)
    repr(result), hpo.leaderboard(result), result.best_model, hpo.importances(result)
forest = "sklearn:sklearn.ensemble.HistGradientBoostingRegressor"
hpo.tune(load_diabetes(return_X_y=True), algorithm=forest, trials=3, folds=3, progress=False)
hpo.tune(load_iris(return_X_y=True)[0], algorithm="kmeans", trials=5, progress=False)
files = [p for p in Path(os.environ["HPO_HOME"]).rglob("*") if p.is_file()]
print(json.dumps({
    "wall": time.monotonic() - began, "cpu": time.process_time() - cpu, "main": time.thread_time() - main,
    "bytes": sum(p.stat().st_size for p in files),
}))
"""


def test_a_first_hour_takes_few_bytes_and_about_one_core(tmp_path):
    """Small data never pins all cores: BLAS and OpenMP are left as they come, as a laptop has them."""
    free = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], cwd=tmp_path, capture_output=True, text=True, timeout=600, env=free
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["bytes"] < 50e6, "of the 500 MB that a first hour may take, with the demo's 30 MB beside it"
    assert found["cpu"] < 1.5 * found["wall"], found
    assert found["main"] > 0.6 * found["cpu"], f"other threads, spinning ones among them, take the rest: {found}"


def test_errors_are_reached_through_the_package():
    code = "import hpo; print(hpo.errors.DataError.__name__, 'errors' in dir(hpo))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["DataError", "True"], done.stderr
