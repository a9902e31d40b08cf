"""A sampler or a callback of Optuna's that ends a study ends it here, too."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.samplers import BruteForceSampler, GridSampler
from optuna.study import MaxTrialsCallback
from sklearn.linear_model import Ridge

import hpo

X = np.random.default_rng(0).normal(size=(80, 3))
Y = X @ [1.0, 2.0, 3.0] + np.random.default_rng(1).normal(size=80)
POINTS = {"ridge.alpha": [0.1, 1.0, 10.0], "ridge.standardize": [True, False]}


@pytest.mark.filterwarnings("ignore:BruteForceSampler is experimental")
@pytest.mark.parametrize(("trials", "stopped"), [(5, "trials"), (6, "trials"), (7, "exhausted"), (20, "exhausted")])
@pytest.mark.parametrize("sampler", ["grid", "brute force"])
def test_a_sampler_of_every_point_ends_the_study(sampler, trials, stopped, tmp_path):
    made = GridSampler(POINTS, seed=0) if sampler == "grid" else BruteForceSampler(seed=0)
    found = hpo.tune(
        (X, Y), algorithm="ridge", search=POINTS, sampler=made, trials=trials, progress=False, store=tmp_path
    )
    frame = found.trials_dataframe()
    assert (len(frame), found.stopped) == (min(trials, 6), stopped)
    assert len(frame[[f"params_{name}" for name in POINTS]].drop_duplicates()) == len(frame)
    assert "stop" not in vars(found.optuna_study)


def test_a_callback_ends_a_search(tmp_path):
    study = optuna.create_study(direction="maximize")
    search = hpo.StateSearchCV(
        Ridge(), {"alpha": optuna.distributions.FloatDistribution(1e-3, 1e3, log=True)}, n_trials=12, random_state=0,
        study=study, callbacks=[MaxTrialsCallback(4)], store=tmp_path,
    ).fit(X, Y)  # fmt: skip
    assert len(search.cv_results_["params"]) == len(study.trials) == 4
    with pytest.raises(RuntimeError):
        study.stop()  # it is Optuna's again
