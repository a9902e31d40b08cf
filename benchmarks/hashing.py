"""A million levels in hashed columns: memory, size of a state and accuracy, beside one-hot columns and one fit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.table import Row, at_most, number
from benchmarks.workshop import Workshop

USERS, ITEMS = 800_000, 200_000
FILES = 4

OURS = """
import json, pathlib, sys, hpo
from studies.spec.spec import StudySpec
data, held_out, store = sys.argv[1:]
asked = {
    "target": "y", "algorithm": "linear", "hash_columns": ["user", "item"], "scoring": "roc_auc", "folds": 3,
    "store": store,
    "search": {"linear.losses": "log_loss", "linear.alphas": "1e-6, 1e-5", "linear.l1_ratios": "0",
               "linear.eta0s": "0.3, 1", "linear.hash_bits": 20},
}
result = hpo.tune(data, trials=8, sampler="grid", progress=False, **asked)
score = hpo.confirm(result, held_out)["roc_auc"]
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
state = hpo.plan(StudySpec(data=data, **asked)).state_bytes
print(json.dumps({"peak": 1024 * peak, "score": score, "seconds": result.cost.seconds_pass, "state": state}))
"""

THEIRS = """
import json, pathlib, sys, time
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
data, held_out, _ = sys.argv[1:]
frame, rest = pd.read_parquet(data), pd.read_parquet(held_out)
began = time.perf_counter()
columns = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["user", "item"]), remainder="passthrough"
)
model = make_pipeline(columns, SGDClassifier(loss="log_loss", alpha=1e-6, random_state=0))
model.fit(frame.drop(columns="y"), frame["y"])
seconds = time.perf_counter() - began
score = roc_auc_score(rest["y"], model.decision_function(rest))
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print(json.dumps({"peak": 1024 * peak, "score": float(score), "seconds": seconds}))
"""


def hashing_rows(shop: Workshop) -> list[Row]:
    """Compare a study of hashed columns with one fit on one-hot columns, each in a process of its own."""
    folder, store = shop.fresh("hashed"), shop.fresh("store")
    write(folder, shop.rows)
    asked = str(folder / "train"), str(folder / "test.parquet"), str(store)
    ours, theirs = (_run(code, *asked) for code in (OURS, THEIRS))
    shop.remove(store)
    shop.remove(folder)
    levels = f"{min(USERS, shop.rows) + min(ITEMS, shop.rows):,} hashed levels"
    times = f"the pass took {number(ours['seconds'])} s, the one fit {number(theirs['seconds'])} s"
    return [
        Row(
            f"peak resident memory, study of {levels} in {shop.rows:,} rows, vs one `SGDClassifier`, in GB",
            f"{ours['peak'] / 1e9:.2f} GB", f"{theirs['peak'] / 1e9:.2f} GB", ours["peak"] / 1e9, at_most(2.0),
            f"the ratio column holds ours in GB; {times}",
        ),
        Row(
            "its state of 4 models, vs the levels' coefficients as float64, in MB",
            f"{ours['state'] / 1e6:.1f} MB", f"{8 * 4 * (USERS + ITEMS) / 1e6:.1f} MB", ours["state"] / 1e6,
            at_most(50.0), "the ratio column holds ours in MB; it does not grow with rows or levels",
        ),
        Row(
            "held-out AUC on one-hot columns less that of the study's best model, difference",
            f"{ours['score']:.4f}", f"{theirs['score']:.4f}", theirs["score"] - ours["score"], None,
            "a user has 2.5 rows, which the fit goes through again and again; the pass reads them once, segment by "
            "segment, and averages",
        ),
    ]  # fmt: skip


def write(folder: Path, rows: int) -> None:
    """Write the training files and a held-out one of a quarter of their rows; every level is in the data."""
    (folder / "train").mkdir(parents=True)
    rng = np.random.default_rng(0)
    of_user, of_item = rng.normal(size=USERS), rng.normal(size=ITEMS)
    places = [rng.permutation(rows) % count for count in (USERS, ITEMS)]
    for i, part in enumerate(np.array_split(np.arange(rows), FILES)):
        pq.write_table(_table(rng, [p[part] for p in places], of_user, of_item), folder / f"train/{i}.parquet")
    drawn = [rng.integers(0, min(count, rows), max(1, rows // 4)) for count in (USERS, ITEMS)]
    pq.write_table(_table(rng, drawn, of_user, of_item), folder / "test.parquet")


def _table(rng: np.random.Generator, places: list[Any], of_user: Any, of_item: Any) -> pa.Table:
    user, item = places
    x = rng.normal(size=len(user))
    y = of_user[user] + of_item[item] + x > rng.logistic(size=len(user)) / 2
    names = [pa.array(np.char.add(letter, p.astype(str))) for letter, p in (("u", user), ("i", item))]
    return pa.table({"user": names[0], "item": names[1], "x": x, "y": y})


def _run(code: str, *asked: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code, *asked], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
