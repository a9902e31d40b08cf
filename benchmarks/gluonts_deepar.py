"""GluonTS's DeepAREstimator on series of a file, in an environment of its own: see benchmarks/deepar.py.

    python benchmarks/gluonts_deepar.py rows.parquet asked.json quantiles.parquet
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from gluonts.dataset.pandas import PandasDataset
from gluonts.torch import DeepAREstimator
from gluonts.torch.distributions import NegativeBinomialOutput, StudentTOutput
from lightning import Callback, seed_everything

OUTPUTS = {"student_t": StudentTOutput, "negative_binomial": NegativeBinomialOutput}


class Clock(Callback):
    """Notes when each epoch ends."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_epoch_end(self, *_: object) -> None:
        self.ends.append(time.perf_counter())


def main(rows: str, asked: str, out: str) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    how, frame, clock = json.loads(Path(asked).read_text()), pd.read_parquet(rows), Clock()
    seed_everything(how["seed"])
    frame["code"] = pd.Categorical(frame["unique_id"])
    still = pd.DataFrame({"code": frame["code"].cat.categories}, index=frame["code"].cat.categories)
    still["code"] = pd.Categorical(still["code"])
    made = PandasDataset.from_long_dataframe(
        frame[["unique_id", "ds", "y"]], target="y", item_id="unique_id", timestamp="ds", freq=how["freq"],
        static_features=still,
    )  # fmt: skip
    estimator = DeepAREstimator(
        freq=how["freq"], prediction_length=how["horizon"], context_length=how["context"], num_layers=how["layers"],
        hidden_size=how["hidden"], dropout_rate=0.1, lr=1e-3, batch_size=how["batch"],
        num_batches_per_epoch=how["batches"], distr_output=OUTPUTS[how["likelihood"]](),
        num_feat_static_cat=1, cardinality=[len(still)], embedding_dimension=[how["embedding"]],
        trainer_kwargs={
            "max_epochs": how["epochs"], "accelerator": "cpu", "callbacks": [clock], "enable_progress_bar": False,
            "enable_model_summary": False, "logger": False, "default_root_dir": str(Path(out).parent),
        },
    )  # fmt: skip
    predictor = estimator.train(made)
    found = []
    for forecast in predictor.predict(made, num_samples=100):
        part = {f"q{q / 10:g}": forecast.quantile(q / 10) for q in range(1, 10)}
        found.append(pd.DataFrame({"unique_id": forecast.item_id, "mean": forecast.mean, **part}))
    pd.concat(found).to_parquet(out)
    print(json.dumps({"epoch": float(np.median(np.diff(clock.ends)))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
