"""Every registered algorithm, end to end, by discovery: one pass, trials that read nothing, a model, a record, a report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

import hpo
from algorithms import registry
from algorithms.chained import EPOCHS
from algorithms.errors import InvalidField
from algorithms.fields import build, fields_of
from algorithms.ranges import Choice
from algorithms.tasks import CLASS, NUMBER, TASKS
from hpo.errors import SearchError


def task_of(name):
    return TASKS[registry.get(name).tags.task]


def data_for(name):
    """Real rows that suit any algorithm of the task: no negative number, a category where it takes one, a gap; and the target's name."""
    target = task_of(name).target
    X, y = load_diabetes(return_X_y=True) if target == NUMBER else load_wine(return_X_y=True)
    frame = pd.DataFrame(X - X.min(axis=0)).add_prefix("x")
    if not task_of(name).columns:  # of items or words every column is a number
        frame["kind"] = pd.qcut(frame.iloc[:, -1], 3, labels=["low", "middle", "high"]).astype(str)
    if target is None:
        return frame, None
    if asked_of(name):
        return pd.DataFrame({"step": np.arange(len(y)), "y": y}), "y"
    frame["y"] = np.array(["a", "b", "c"])[y] if target == CLASS else y
    if task_of(name).name == "outlier_detection":
        frame["y"] = np.where(y == 2, "odd", "usual")
    return frame, "y"


def asked_of(name):
    """What a study asks beside data and target: of rows that are steps of series, their column of times."""
    return {"time": "step"} if task_of(name).name == "forecasting" else {}


def searched_of(name):
    """What is searched: few trees, and of what takes long to train few epochs and sizes, each compiled anew."""
    kind = registry.get(name)
    few = {EPOCHS: 2 if kind.tags.costly else None, "n_estimators": 20}
    few |= {field: sizes[:2] for field, sizes in sizes_of(kind).items()} if kind.tags.costly else {}
    search = {f"{name}.{field}": value for field, value in few.items() if value and field in fields_of(kind)}
    return {"search": search} if search else {}


def sizes_of(kind):
    """Whole numbers that are searched one by one, by the name of their hyperparameter."""
    ranges = {name: field.range for name, field in fields_of(kind).items()}
    found = {name: list(r.values) for name, r in ranges.items() if isinstance(r, Choice) and r.searched}
    return {name: values for name, values in found.items() if all(type(value) is int for value in values)}


@pytest.mark.parametrize("name", registry.names())
def test_from_rows_to_report(name, tmp_path):
    frame, target = data_for(name)
    where = {"store": tmp_path / "store", "storage": tmp_path / "journal.log"}
    asked = {"target": target, "algorithm": name, "trials": 6, "folds": 3, "seed": 1, **asked_of(name), **where}
    asked |= searched_of(name)
    result = hpo.tune(frame, **asked, name="first")

    assert result.cost.rows_read == len(frame), "one pass"
    assert all(t.user_attrs["rows_read"] == 0 for t in result.optuna_study.trials)
    assert not [t.user_attrs["error"] for t in result.optuna_study.trials if "error" in t.user_attrs]
    assert np.isfinite(result.best_value)

    dealt = {"n_splits": 3, "seed": 1} if not asked_of(name) else {"scheme": "backtest"}
    again = hpo.tune(frame, **{**asked, "seed": 2, "folds": dealt}, name="second")
    assert again.cost.rows_read == 0, "another study of the same rows"

    model = result.best_model
    assert isinstance(model, Pipeline)
    check_is_fitted(model)
    made = answered(result, frame)
    assert len(made) == (model[-1].forecast_.windows.horizon if asked_of(name) else len(frame))
    if target == "y" and task_of(name).target == CLASS and task_of(name).name == "classification":
        assert set(made["prediction"]) <= {"a", "b", "c"}
        assert (made["prediction"] == frame["y"]).mean() > 0.5

    loaded = hpo.load("first", **where)
    assert loaded.best_params == result.best_params
    pd.testing.assert_frame_equal(answered(loaded, frame), made)
    assert np.isfinite(result.candidates[0].algorithm.complexity(_solution(result)))

    path = tmp_path / "report.html"
    hpo.write_report(result, path)
    assert name in path.read_text()


def answered(result, frame):
    """The next steps of a series, else what is predicted for each row."""
    return result.forecast() if "time" in result.record.spec else result.predict(frame)


SENSELESS = {
    "max_iter": 0,
    "tol": -1e-4,
    "random_state": -1,
    "n_init": 0,
    "n_estimators": 0,
    "alpha_init": -1.0,
}
"""Values that scikit-learn refuses of hyperparameters that several algorithms have."""


@pytest.mark.parametrize(
    ("name", "field"),
    [(n, f) for n in registry.names() for f in SENSELESS if f in fields_of(registry.get(n))],
)
def test_values_that_scikit_learn_refuses_are_refused_by_name(name, field):
    value = SENSELESS[field]
    with pytest.raises(InvalidField, match=rf"^{field}={value!r}: must be "):
        build(registry.get(name), {field: value})
    with pytest.raises(SearchError, match=rf"search\['{name}\.{field}'\]={value!r}"):
        hpo.tune(*data_for(name), algorithm=name, search={f"{name}.{field}": value}, store=None, **asked_of(name))


def _solution(result):
    candidate = result.candidates[0]
    return candidate.algorithm.solve(candidate.states.whole)


@pytest.mark.parametrize("name", registry.names())
def test_same_seed_same_trials_and_states_for_any_number_of_workers(name, tmp_path):
    frame, target = data_for(name)
    asked = {"target": target, "algorithm": name, "trials": 4, "folds": 3, **asked_of(name), **searched_of(name)}
    one, two = (hpo.tune(frame, **asked, n_jobs=jobs, store=tmp_path / str(jobs)) for jobs in (1, 2))
    assert [t.params for t in one.optuna_study.trials] == [t.params for t in two.optuna_study.trials]
    assert [t.value for t in one.optuna_study.trials] == [t.value for t in two.optuna_study.trials]
