"""Reading again: where the rows show that what a sample showed does not suit, it is learned anew and read once more."""

from __future__ import annotations

import json
import sys

import forked
import numpy as np
import pandas as pd
import pytest

import hpo
import hpo.api
from algorithms.learned import Learned
from algorithms.summaries.curvature import Curvature
from hpo.errors import ApproximationWarning
from hpo.process.progress import Progress
from studies.spec.form import load

ROWS, FILES = 600, 6
WHY = "the sample was blind"


class Announced(Progress):
    """What was announced."""

    def __init__(self):
        self.reasons, self.passes = [], 0

    def begin_pass(self, rows, nbytes):
        self.passes += 1

    def read_again(self, why):
        self.reasons.append(why)


@pytest.fixture
def picky(monkeypatch):
    """Curvature that does not suit before it was learned again ``picky["rounds"]`` times; counts what it is asked."""
    asked = {"rounds": 1, "failed": 0, "learned": 0, "rows": []}

    def failed(self, state):
        asked["failed"] += 1
        asked["rows"].append(state.rows)
        return WHY if int(self.learned.arrays.get("round", np.zeros(1))[0]) < asked["rounds"] else None

    def learn_again(self, shape, state, sample):
        asked["learned"] += 1
        assert sample.n > 0
        before = int(self.learned.arrays.get("round", np.zeros(1))[0])
        return Learned({**self.learned.arrays, "round": np.array([before + 1.0])})

    monkeypatch.setattr(Curvature, "failed", failed)
    monkeypatch.setattr(Curvature, "learn_again", learn_again)
    return asked


def files(folder, first=0, last=FILES):
    rng, n = np.random.default_rng(0), ROWS // FILES
    folder.mkdir(exist_ok=True)
    for i in range(FILES + 2):
        X = rng.normal(size=(n, 3))
        frame = pd.DataFrame(X, columns=list("abc"))
        frame["y"] = np.where(X[:, 0] + rng.normal(size=n) > 0.0, "yes", "no")
        if first <= i < last:
            frame.to_parquet(folder / f"{i}.parquet", index=False)
    return folder


def tuned(tmp_path, progress=False, algorithm="logistic", search=None, **how):
    search = {"logistic.C": 1.0} if search is None else search
    asked = {
        "trials": 1,
        "folds": 3,
        "scoring": "accuracy",
        "store": tmp_path / "store",
        "progress": progress,
    }
    return hpo.tune(tmp_path / "data", "y", algorithm, search=search, **asked | how)


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_the_data_is_read_as_often_as_it_takes_and_rows_are_counted_truly(tmp_path, picky, rounds):
    files(tmp_path / "data")
    picky["rounds"] = rounds
    result = tuned(tmp_path)
    assert result.cost.rows_read == (1 + rounds) * ROWS
    assert result.cost.states_built == (2 + rounds) * FILES, "of logistic, and of the sample once"
    assert picky["failed"] == 1 + rounds
    assert picky["rows"] == [ROWS] * (1 + rounds), "it is asked of every row"
    assert picky["learned"] == rounds
    assert result.record.read_again == (WHY,) * rounds
    assert result.record.unsuited == ()
    assert sum("was read again" in note and WHY in note for note in hpo.write_report(result).notes) == rounds


def test_it_is_announced(tmp_path, picky, monkeypatch):
    progress, made = Announced(), hpo.api.run
    files(tmp_path / "data")
    monkeypatch.setattr(hpo.api, "run", lambda *args, **more: made(*args, **{**more, "progress": progress}))
    tuned(tmp_path)
    assert progress.reasons == [WHY]
    assert progress.passes == 2


def test_after_two_more_readings_it_stands_with_a_warning(tmp_path, picky):
    files(tmp_path / "data")
    picky["rounds"] = 9
    with pytest.warns(ApproximationWarning, match=WHY):
        result = tuned(tmp_path)
    assert result.cost.rows_read == 3 * ROWS
    assert result.record.unsuited == (WHY,)
    assert any("rough" in note and WHY in note for note in hpo.write_report(result).notes)
    with pytest.warns(ApproximationWarning, match=WHY):
        again = tuned(tmp_path)
    assert again.cost.rows_read == 0, "the same data is not learned of a third time"
    assert again.best_value == result.best_value


def test_the_next_study_begins_with_what_was_learned_last(tmp_path, picky):
    files(tmp_path / "data")
    first = tuned(tmp_path)
    other = tuned(tmp_path, search={"logistic.C": 0.1})
    assert other.cost.rows_read == 0
    assert picky["learned"] == 1
    assert other.record.known == first.record.known


def test_growing_data_keeps_it_and_reads_what_is_new(tmp_path, picky):
    files(tmp_path / "data")
    tuned(tmp_path)
    files(tmp_path / "data", FILES, FILES + 1)
    grown = tuned(tmp_path)
    assert grown.cost.rows_read == ROWS // FILES
    assert picky["learned"] == 1


def test_growth_that_it_does_not_suit_is_learned_of_anew(tmp_path, picky):
    files(tmp_path / "data")
    tuned(tmp_path)
    picky["rounds"] = 2
    files(tmp_path / "data", FILES, FILES + 1)
    new = ROWS // FILES
    grown = tuned(tmp_path)
    assert grown.cost.rows_read == new + (ROWS + new)
    files(tmp_path / "data", FILES + 1, FILES + 2)
    assert tuned(tmp_path).cost.rows_read == new, "what was learned of most rows is preferred"


def test_other_summaries_are_read_once(tmp_path, picky):
    files(tmp_path / "data")
    result = tuned(tmp_path, algorithm=["logistic", "gaussian_nb"], search={})
    assert result.cost.rows_read == 2 * ROWS
    assert result.cost.states_built == (2 + 1 + 1) * FILES


def test_a_recorded_study_is_opened_with_its_last_states(tmp_path, picky):
    files(tmp_path / "data")
    how = {"name": "late", "storage": tmp_path / "journal"}
    result = tuned(tmp_path, **how)
    again = hpo.load("late", storage=how["storage"])
    assert np.array_equal(again.best_model["model"].coef_, result.best_model["model"].coef_)
    assert again.record.read_again == (WHY,)


def test_what_cannot_be_kept_is_read_again_twice_at_most(tmp_path, picky, monkeypatch):
    """Rounds are counted in the study too: a store that forgets makes no endless readings."""
    monkeypatch.setattr("hpo.states.reading.learned_of", lambda *_: 0)
    files(tmp_path / "data")
    picky["rounds"] = 9
    with pytest.warns(ApproximationWarning):
        assert tuned(tmp_path).cost.rows_read == 3 * ROWS


def test_the_plan_says_that_it_may_happen(tmp_path, picky):
    files(tmp_path / "data")
    spec = tmp_path / "study.yaml"
    text = f"data: {tmp_path}/data\ntarget: y\nalgorithm: NAME\nstore: {tmp_path}/store\nscoring: accuracy\nfolds: 3\n"
    spec.write_text(text.replace("NAME", "gaussian_nb"))
    assert hpo.plan(load(spec)).again == "no"
    spec.write_text(text.replace("NAME", "logistic"))
    assert hpo.plan(load(spec)).again == "maybe"
    tuned(tmp_path)
    assert hpo.plan(load(spec)).again == "no", "every state is known"


def test_the_command_line_says_so_too(tmp_path):
    files(tmp_path / "data")
    (tmp_path / "study.yaml").write_text(
        "data: data\ntarget: y\nalgorithm: logistic\nstore: store\nscoring: accuracy\nfolds: 3\n"
    )
    command = [sys.executable, "-m", "hpo.cli", "plan", "study.yaml", "--json"]
    done = forked.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["again"] in ("no", "maybe")


@pytest.mark.parametrize("rows", [200, 40])
def test_two_sets_of_which_nothing_is_learned_do_not_make_each_other_forgotten(tmp_path, rows):
    """What is known is named by what it says, and of most data that is nothing."""
    how = {"target": "t", "algorithm": "gaussian_nb", "scoring": "roc_auc", "folds": 3, "scoring_rows": 60,
           "store": tmp_path / "store", "progress": False, "trials": 2}  # fmt: skip
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        rng = np.random.default_rng(ord(name))
        frame = pd.DataFrame({f"x_{name}": rng.normal(size=3 * rows), "t": np.tile(["p", "q"], 3 * rows)[: 3 * rows]})
        frame.to_parquet(tmp_path / name / "1.parquet")
        assert hpo.tune(str(tmp_path / name), **how).cost.rows_read == 3 * rows
    for name in ("a", "b", "a"):
        again = hpo.tune(str(tmp_path / name), **how, search={"gaussian_nb.var_smoothing": [1e-3, 1e-6]})
        assert (again.cost.rows_read, again.cost.pilot_rows, again.cost.states_built) == (0, 0, 0)
