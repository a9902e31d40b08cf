"""``hpo migrate``: the calls that take the place of a script's searches are those that a person would write."""

from __future__ import annotations

import json

import numpy as np
import pytest
from terminal import hpo as said
from terminal import shell

import hpo
from hpo.drop_in.migration import searches_of
from hpo.errors import DataError

SCRIPT = """
import numpy as np
from optuna.integration import OptunaSearchCV
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_diabetes(return_X_y=True)
model = make_pipeline(StandardScaler(), Ridge())
search = GridSearchCV(
    model,
    {"ridge__alpha": np.logspace(-3, 3, 7)},  # penalties
    cv=5,
)
steps = [("scale", StandardScaler()), ("model", RandomForestRegressor())]
second = RandomizedSearchCV(estimator=Pipeline(steps), param_distributions={}, **options)
third = OptunaSearchCV(unknown, spaces, n_trials=20, subsample=0.5, timeout=60)
"""


@pytest.fixture
def script(tmp_path):
    made = tmp_path / "train.py"
    made.write_text(SCRIPT)
    return made


def test_searches_of_a_script_are_found_with_what_they_tune(script):
    first, second, third = searches_of(script)
    assert (first.place, first.name, first.model) == ("line 13", "GridSearchCV", "Ridge")
    assert first.call == 'hpo.StateGridSearchCV(model, {"ridge__alpha": np.logspace(-3, 3, 7)}, cv=5)'
    assert second.model == "RandomForestRegressor"
    assert second.call == (
        "hpo.StateRandomizedSearchCV(estimator=Pipeline(steps), param_distributions={}, **options)"
    )
    assert (third.model, third.call) == (None, "hpo.StateSearchCV(unknown, spaces, n_trials=20, timeout=60)")
    assert third.notes == ("subsample= is left out: hpo.StateSearchCV has no such argument",)


def test_the_model_within_a_transformed_target_is_found(tmp_path):
    path = tmp_path / "train.py"
    path.write_text("m = TransformedTargetRegressor(make_pipeline(s, Lasso()), func=f)\nGridSearchCV(make_pipeline(s, m), {})")
    assert [one.model for one in searches_of(path)] == ["Lasso"]


def test_the_call_that_is_printed_runs(script):
    names: dict[str, object] = {"hpo": hpo}
    exec(SCRIPT.partition("search =")[0].replace("from optuna.integration import OptunaSearchCV", ""), names)
    search = eval(searches_of(script)[0].call, names)
    assert search.fit(names["X"], names["y"]).best_params_["ridge__alpha"] in np.logspace(-3, 3, 7)


def test_the_command_says_what_is_answered(script, capsys, monkeypatch):
    shown = said(capsys, monkeypatch, "migrate", script)
    assert shown.code == 0 and shown.out.startswith(
        f"{script}, line 13: GridSearchCV\n    import hpo\n    hpo.State"
    )
    assert "Ridge: answered from states" in shown.out
    assert "RandomForestRegressor: fitted as before: no algorithm answers for it" in shown.out
    assert "the file does not say which model it tunes" in shown.out
    found = said(capsys, monkeypatch, "migrate", script, "--json").json["searches"]
    assert [one["answered"] for one in found] == [True, False, None]


def test_the_command_says_what_one_fit_answers(tmp_path, capsys, monkeypatch):
    script = tmp_path / "nearest.py"
    script.write_text('search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 5]})')
    shown = said(capsys, monkeypatch, "migrate", script)
    assert "KNeighborsClassifier: one fit for each split answers every n_neighbors and weights" in " ".join(shown.out.split())
    assert said(capsys, monkeypatch, "migrate", script, "--json").json["searches"][0]["answered"] is True


def test_a_notebook_is_read_cell_by_cell(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["GridSearchCV(Ridge(), {})"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip list\n", "model = Lasso()"]},
        {"cell_type": "code", "source": "%%bash\nls | wc"},
        {"cell_type": "code", "source": ["s = (\n", "  GridSearchCV(model, g)\n", ")"]},
    ]
    made = tmp_path / "tuning.ipynb"
    made.write_text(json.dumps({"cells": cells}))
    [found] = searches_of(made)
    assert (found.place, found.model, found.call) == (
        "cell 4, line 2",
        "Lasso",
        "hpo.StateGridSearchCV(model, g)",
    )


@pytest.mark.parametrize("name", ["HalvingGridSearchCV", "HalvingRandomSearchCV", "BayesSearchCV"])
def test_searches_with_other_arguments_say_what_to_write(tmp_path, name):
    made = tmp_path / "other.py"
    made.write_text(f"{name}(Ridge(), {{}})")
    [found] = searches_of(made)
    assert found.call is None and "hpo.State" in found.notes[0]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("bad.py", b"x = (", "bad.py: line 1: it is not Python: '(' was never closed"),
        ("bad.py", b"\xff\xfe", "bad.py: it is not text in UTF-8"),
        ("bad.py", b"x\0", "bad.py: it is not Python: source code string cannot contain null bytes"),
        ("bad.py", b"(" * 5000, "bad.py: line 1: it is not Python: too many nested parentheses"),
        ("bad.ipynb", b"[]", "bad.ipynb: it is not a notebook of Jupyter's"),
        ("bad.ipynb", b'{"cells": [{"cell_type": "code", "source": ["a b"]}]}', "bad.ipynb: cell 1, line 1: it is not Python"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_in_words(tmp_path, name, content, why):
    made = tmp_path / name
    made.write_bytes(content)
    with pytest.raises(DataError) as caught:
        searches_of(made)
    assert why in str(caught.value)


def test_a_file_that_is_not_there_is_refused_in_words(tmp_path):
    answer = shell("migrate", tmp_path / "none.py", fresh=True)
    assert (answer.code, answer.out) == (1, "") and answer.err.endswith(
        "none.py: No such file or directory\n"
    )


def test_a_model_that_is_given_in_a_circle_is_not_known(tmp_path):
    made = tmp_path / "circle.py"
    made.write_text("a = b\nb = a\nGridSearchCV(a, {})\nGridSearchCV()\nGridSearchCV(Pipeline([]), {})\n")
    assert [one.model for one in searches_of(made)] == [None, None, None]


def test_a_file_without_searches_says_so(tmp_path, capsys, monkeypatch):
    made = tmp_path / "empty.py"
    made.write_text("")
    assert "it has no GridSearchCV" in said(capsys, monkeypatch, "migrate", made).out
