"""What people are used to from scikit-learn and Optuna: each mistake names what to type."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import Isomap
from sklearn.metrics import get_scorer_names
from sklearn.model_selection import KFold
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from terminal import hpo as ask

import hpo
from algorithms import registry
from algorithms.errors import AlgorithmError, UnknownAlgorithm
from algorithms.spellings import OURS
from hpo.errors import DataError, SearchError, TuneError
from hpo.findings.result import ELSEWHERE
from studies.errors import SpecError
from studies.spec.habits import PARAMETERS, SCORES

X = np.random.default_rng(0).normal(size=(60, 3))
FRAME = pd.DataFrame(X, columns=list("abc")).assign(y=(X[:, 0] > 0).astype(int))


def tune(*args, **options):
    return hpo.tune(*args, **{"trials": 1, "store": None, "progress": False} | options)


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) | {"fold", "alpha", "njobs"}))
def test_a_parameter_of_another_library_names_what_to_type(name):
    with pytest.raises(TypeError, match=rf"^tune\(\) has no parameter '{name}'; ") as caught:
        hpo.tune(FRAME, **{name: 5})
    said = re.findall(r"\b(\w+)=", str(caught.value).partition("; ")[2])
    assert set(said) - {"low"} <= set(inspect.signature(hpo.tune).parameters), said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"n_trials": 50}, "write trials=50"), ({"cv": 10}, "write folds=10"), ({"cv": KFold(3)}, r"write folds=5, or folds=KFold\(5\)"),
        ({"random_state": 7}, "write seed=7"), ({"random_state": None}, "write seed=0"), ({"study_name": "late"}, "write name='late'"),
        ({"param_grid": {"alpha": [0.1, 1.0]}}, r"write search=\{'ridge.alpha': \[0.1, 1.0\]\}$"),
        ({"param_grid": [{"alpha": [0.1]}]}, "write search={'ALGORITHM.alpha'"),
    ],
)  # fmt: skip
def test_what_to_type_has_the_value_that_was_given(given, words):
    with pytest.raises(TypeError, match=words):
        hpo.tune((np.zeros((3, 1)), np.zeros(3)), **given)
    with pytest.raises(TypeError, match=r"write search=\{'logistic.C': \[1\]\}$"):
        hpo.tune((np.zeros((3, 1)), np.zeros(3)), None, "logistic", param_grid={"C": [1]})


def test_an_algorithm_in_the_place_of_the_target_is_pointed_to_its_argument():
    with pytest.raises(DataError, match=r"target 'logistic' is not in the data.*; write algorithm='logistic'"):
        tune((X, X[:, 0] > 0), "logistic")


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_none_of_them_is_a_parameter_of_ours(name):
    assert name not in inspect.signature(hpo.tune).parameters


@pytest.mark.parametrize("target", [FRAME.y, FRAME.y.to_numpy(), FRAME[["y"]], [0, 1] * 30])
def test_a_target_that_is_an_array_is_given_beside_the_rows(target):
    with pytest.raises(TuneError, match=r"hpo\.tune\(\(X, y\), algorithm=…\)"):
        tune(X, target)


@pytest.mark.parametrize("name", ["LogisticRegression", "KNeighborsClassifier", "LinearRegression", "ElasticNet", "PCA"])
def test_a_class_of_scikit_learn_has_a_name_here(name):
    with pytest.raises(UnknownAlgorithm, match=r"write '(\w+)'; known are") as caught:
        registry.get(name)
    assert re.search(r"write '(\w+)'", str(caught.value))[1] in registry.names()


def test_every_other_spelling_leads_to_an_algorithm():
    assert set(OURS.values()) <= set(registry.names())


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("RandomForestClassifier", "sklearn:sklearn.ensemble.RandomForestClassifier"), ("svc", "sklearn:sklearn.svm.SVC"),
        ("random_forest", "sklearn:sklearn.ensemble.RandomForestRegressor"),
        ("HistGradientBoostingRegressor", "sklearn:sklearn.ensemble.HistGradientBoostingRegressor"),
        ("XGBRegressor", "sklearn:xgboost.XGBRegressor"), ("lightgbm", "sklearn:lightgbm.LGBMRegressor"),
    ],
)  # fmt: skip
def test_a_model_of_another_package_has_a_path(name, path):
    with pytest.raises(UnknownAlgorithm, match=re.escape(f"write '{path}'")):
        registry.get(name)
    if "sklearn.sklearn" in path.replace(":", "."):
        assert registry.get(path).tags.task


def test_a_search_key_of_the_only_algorithm_needs_no_name_before_it():
    short, full = (tune(FRAME, "y", "logistic", search={key: [1.0, 2.0]}) for key in ("C", "logistic.C"))
    assert short.best_params == full.best_params
    assert set(short.optuna_study.trials[0].params) == {"logistic.C"}
    own = tune(FRAME, "y", {"tree": DecisionTreeClassifier()}, search={"max_depth": [1, 2]})
    assert set(own.best_params) == {"tree.max_depth"}
    for several in (["logistic", "lda"], "auto"):
        with pytest.raises(SpecError, match=r"search key 'C' must be 'algorithm.parameter'"):
            tune(FRAME, "y", several, search={"C": [1.0, 2.0]})
    with pytest.raises(SpecError, match=r"search key 'C' must be 'algorithm.parameter'"):
        tune(FRAME, "y", "logistic", search={"C": [1.0], "logistic.C": [2.0]})


def test_weights_by_class_are_a_dictionary_or_text():
    fixed = {"C": 1.0, "l1_ratio": 0.0}
    given = ({0: 1, 1: 5}, "0=1, 1=5")
    made = [tune(FRAME, "y", "logistic", search={"class_weight": one, **fixed}) for one in given]
    assert made[0].best_value == made[1].best_value
    assert made[0].best_params["logistic.class_weight"] == "0=1, 1=5"
    both = tune(FRAME, "y", "logistic", search={"class_weight": ["balanced", {0: 1, 1: 5}], **fixed}, trials=2)
    found = {trial.params["logistic.class_weight"] for trial in both.optuna_study.trials}
    assert found == {"balanced", "0=1, 1=5"}
    with pytest.raises(SearchError, match="numbers with 'low' and 'high'"):
        tune(FRAME, "y", "logistic", search={"logistic.C": {0: 1, 1: 5}})


def test_a_step_of_a_pipeline_and_two_underlines_are_a_name_and_a_dot():
    with pytest.raises(SpecError, match=r"such as 'logistic\.C'"):
        tune(FRAME, "y", "logistic", search={"logistic__C": [1.0, 2.0]})


@pytest.mark.parametrize(("given", "words"), [(LogisticRegression, "write 'logistic'"), (SVC, r"write 'sklearn:sklearn\.svm\.SVC'"), (Isomap, r"write Isomap\(\), or 'sklearn:sklearn\.manifold\.")])
def test_a_class_in_place_of_an_object_names_what_to_type(given, words):
    with pytest.raises(AlgorithmError, match=words):
        tune(FRAME, "y", given)


@pytest.mark.parametrize("name", sorted(SCORES))
def test_what_people_call_a_score_leads_to_its_scorer(name):
    assert SCORES[name] in get_scorer_names()
    with pytest.raises(TuneError, match=rf"did you mean '{SCORES[name]}'\?"):
        tune(FRAME, "y", "logistic", scoring=name)


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_a_member_of_other_results_names_ours(name):
    result = tune(FRAME, "y", "logistic")
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'; it is (.+) here") as caught:
        getattr(result, name)
    place = re.search(r"it is (hpo|result)\.([a-z_]+)", str(caught.value))
    assert hasattr(hpo if place[1] == "hpo" else result, place[2])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("algorithm: LogisticRegression", "unknown algorithm 'LogisticRegression'; write 'logistic'"),
        ("algorithm: xgboost", "write 'sklearn:xgboost.XGBRegressor', or 'sklearn:xgboost.XGBClassifier'"),
        ("algorithm: logistic\ncv: 5", "unknown key 'cv'; it is 'folds' here"),
        ("algorithm: logistic\nn_trials: 5", "unknown key 'n_trials'; it is 'trials' here"),
        ("algorithm: logistic\nparam_grid: {}", "unknown key 'param_grid'; it is 'search' here"),
        ("algorithm: [logistic, lda]\nsearch: {C: [1.0]}", "search key 'C' must be 'algorithm.parameter', such as 'logistic.C'"),
        ("algorithm: logistic\nsearch: {logistic.class_weight: {0: 1, 1: 5}}", "weights by class are text, '0=1, 1=5'"),
    ],
)  # fmt: skip
def test_a_study_file_is_answered_as_python_is(tmp_path, capsys, monkeypatch, line, words):
    (tmp_path / "s.yaml").write_text(f"data: d.csv\ntarget: y\n{line}\n")
    for command in ("plan", "run"):
        answer = ask(capsys, monkeypatch, command, tmp_path / "s.yaml")
        assert (answer.code, answer.out) == (2, "")
        assert re.search(r"s\.yaml: line \d: ", answer.err) and words in answer.err


def test_init_is_answered_as_python_is(tmp_path, capsys, monkeypatch):
    FRAME.to_csv(tmp_path / "d.csv", index=False)
    answer = ask(capsys, monkeypatch, "init", tmp_path / "d.csv", "--algorithm", "LogisticRegression")
    assert answer.code == 2 and "write 'logistic'" in answer.err


@pytest.mark.parametrize("labels", [["late", "on time"], [0, 1]], ids=str)
def test_weights_by_class_of_an_estimator_of_scikit_learns_are_a_dictionary(labels):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    y = np.array(labels)[(X[:, 0] + rng.normal(size=120) > 0.5).astype(int)]
    weights = dict(zip(labels, [1.0, 9.0], strict=True))
    path = "sklearn:sklearn.tree.DecisionTreeClassifier"
    found = hpo.tune(
        (X, y), algorithm=path, search={"class_weight": [weights], "max_depth": [2]}, trials=1, progress=False, store=None
    )
    text = f"{labels[0]}=1.0, {labels[1]}=9.0"
    assert found.best_params["DecisionTreeClassifier.class_weight"] == text
    theirs = DecisionTreeClassifier(class_weight=weights, max_depth=2, random_state=0).fit(X, y)
    plain = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)
    assert found.best_model[-1].class_weight == weights
    np.testing.assert_array_equal(found.best_model.predict(X), theirs.predict(X))
    assert (theirs.predict(X) != plain.predict(X)).any()
