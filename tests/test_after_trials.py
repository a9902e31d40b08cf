"""Steps after the trials: asked in turn, each of the winner as it stands then, and recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

import hpo
from hpo.trials.after import AfterTrials

asked: list[int] = []


@dataclass(frozen=True, eq=False)
class OneMore(AfterTrials):
    """Tries one more setting."""

    @classmethod
    def plan(cls, ended, winner):
        return cls(winner.number)

    def run(self, ended, winner):
        tuner = ended.tuner
        ended.recorder.put(tuner.record(tuner.score(tuner.propose())))
        return replace(self, reason="one is enough")

    def cost(self, cost, log):
        return replace(cost, seconds_trials=1e6)

    @property
    def words(self):
        return "One more setting was tried."


@dataclass(frozen=True, eq=False)
class Last(AfterTrials):
    """Is planned, with a reason not to be run."""

    @classmethod
    def plan(cls, ended, winner):
        asked.append(winner.number)
        return cls(winner.number, reason="never")

    def run(self, ended, winner):
        raise AssertionError("it has a reason not to be run")


def test_a_step_may_add_trials_and_the_next_is_asked_of_the_new_winner(tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.trials.run.STEPS", (OneMore, Last))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    storage = tmp_path / "journal"
    result = hpo.tune(
        (X, X @ [1.0, 2.0] + rng.normal(size=60)), algorithm="ridge", trials=1, folds=3, sampler="grid", name="more",
        search={"ridge.alpha": [1e4, 2.0], "ridge.standardize": False}, store=tmp_path / "store", storage=storage, progress=False,
    )  # fmt: skip
    assert asked == [result.best.number] == [1]
    assert [step.reason for step in result.run.after] == ["one is enough", "never"]
    assert "One more setting was tried." in hpo.write_report(result, tmp_path / "report.html").notes
    again = hpo.load("more", storage=storage)
    assert again.best.number == 1
    assert again.cost.seconds_trials == result.cost.seconds_trials == 1e6
