"""Nearest neighbours against scikit-learn's, and scores of sampled rows against cross_val_score."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold, cross_val_score
from twins_neighbors import TWINS

import hpo

CASES = [(name, i) for name, (settings, _) in TWINS.items() for i in range(len(settings))]


@pytest.mark.parametrize(("name", "index"), CASES, ids=lambda v: str(v))
@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "roc_auc_ovr"])
def test_fold_scores_equal_the_twins(name, index, scoring):
    settings, twin = TWINS[name]
    X, y = load_wine(return_X_y=True)
    cv = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    search = {f"{name}.{k}": v for k, v in settings[index].items()} | {f"{name}.standardize": False}
    result = hpo.tune((X, y), algorithm=name, search=search, folds=cv, trials=1, scoring=scoring, store=None)
    expected = cross_val_score(twin(settings[index]), X, y, cv=cv, scoring=scoring)
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-12)
