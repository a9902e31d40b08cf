"""What people are used to from scikit-learn and Optuna: each mistake names what to type."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pandas as pd
import pytest

import hpo
from algorithms import registry
from algorithms.errors import UnknownAlgorithm
from algorithms.spellings import OURS
from hpo.errors import SearchError, TuneError
from hpo.question.habits import PARAMETERS
from studies.errors import SpecError

X = np.random.default_rng(0).normal(size=(60, 3))
FRAME = pd.DataFrame(X, columns=list("abc")).assign(y=(X[:, 0] > 0).astype(int))


def tune(*args, **options):
    return hpo.tune(*args, trials=1, store=None, progress=False, **options)


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) | {"fold", "alpha", "njobs"}))
def test_a_parameter_of_another_library_names_what_to_type(name):
    with pytest.raises(TypeError, match=rf"^tune\(\) has no parameter '{name}'; ") as caught:
        hpo.tune(FRAME, **{name: 5})
    said = re.findall(r"\b(\w+)=", str(caught.value).partition("; ")[2])
    assert set(said) - {"low"} <= set(inspect.signature(hpo.tune).parameters), said


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


def test_a_search_key_needs_its_algorithm():
    with pytest.raises(SpecError, match=r"search key 'C' must be 'algorithm.parameter', such as 'logistic.C'"):
        tune(FRAME, "y", "logistic", search={"C": [1.0, 2.0]})


def test_weights_by_class_are_text():
    with pytest.raises(SearchError, match="or '0=1, 1=5'"):
        tune(FRAME, "y", "logistic", search={"logistic.class_weight": {0: 1, 1: 5}})
    assert tune(FRAME, "y", "logistic", search={"logistic.class_weight": "0=1, 1=5"}).best_value
