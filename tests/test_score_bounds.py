"""What is known of a score's error is kept with its trial."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hpo
from algorithms.contract import Score
from algorithms.models.ridge import Ridge
from hpo.states.evaluate import Scores
from hpo.trials.notes import note_of, recorded
from studies.record.records import failed


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "y"])


def test_a_bound_is_kept_with_the_trial_and_shown(frame, tmp_path, monkeypatch):
    exact = Ridge.score

    def bounded(self, solution, held_out, metric):
        found = float(exact(self, solution, held_out, metric))
        return found if metric == "r2" else Score(found, 1e-3)

    monkeypatch.setattr(Ridge, "score", bounded)
    scoring = ["neg_mean_squared_error", "r2"]
    hpo.tune(
        frame,
        "y",
        "ridge",
        trials=3,
        scoring=scoring,
        name="s",
        store=tmp_path / "store",
        storage=tmp_path / "log",
        progress=False,
    )
    again = hpo.load("s", store=tmp_path / "store", storage=tmp_path / "log")
    assert again.best.scores.bounds == (1e-3,) * 5 and again.best.scores.bound == pytest.approx(1e-3)
    assert again.best.scores.also["r2"].bounds == ()
    assert again.trials_dataframe()["score_bound"].tolist() == pytest.approx([1e-3] * 3)


def test_no_bound_leaves_no_trace():
    noted = note_of(Scores.of([Score(1.0), Score(3.0)])).encode()
    assert noted == {"fold_scores": [1.0, 3.0], "std_error": 1.0}
    assert recorded(failed()) is None
