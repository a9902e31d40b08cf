"""Categories of many levels in the pass: codes and sums by level, against columns of zeros and ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hpo
from algorithms.coded import CodedBatch
from algorithms.summaries.moments import Moments


class TestCategoriesOfManyLevels:
    """They come as codes to summaries that take these, and the products are sums by level."""

    @pytest.fixture
    def rows(self):
        rng = np.random.default_rng(0)
        n = 4_000
        made = pd.DataFrame({"c": [f"v{i % 30}" for i in range(n)], "x": rng.normal(5.0, 1.0, n), "w": rng.random(n)})
        made.loc[::7, "c"] = None
        made.loc[::11, "x"] = np.nan
        made["y"] = made["x"].fillna(3.0) + np.arange(n) % 30 + rng.normal(size=n)
        return made.sample(frac=1, random_state=0).reset_index(drop=True)

    @pytest.mark.parametrize("weight", [None, "w"])
    def test_scores_are_those_of_columns(self, rows, tmp_path, monkeypatch, weight):
        found = []
        for many in (24, 10**9):
            monkeypatch.setattr("hpo.data.encoding.coded.MANY", many)
            result = hpo.tune(
                rows if weight else rows.drop(columns="w"), "y", "ridge", trials=2, weight=weight,
                store=tmp_path / str(many), progress=False, search={"ridge.precision": "double"},
            )  # fmt: skip
            found.append(result.best)
        coded, columns = found
        np.testing.assert_allclose(coded.scores.folds, columns.scores.folds, rtol=1e-12)
        one, other = coded.states.whole, columns.states.whole
        np.testing.assert_allclose(one.mean, other.mean, rtol=1e-13, atol=1e-16)
        np.testing.assert_allclose(one.scatter, other.scatter, rtol=1e-11, atol=1e-9)

    def test_they_are_codes_and_the_same_bits_beside_who_takes_columns(self, rows, tmp_path, monkeypatch):
        seen = []
        update = Moments.update
        monkeypatch.setattr(Moments, "update", lambda self, s, b: seen.append(type(b)) or update(self, s, b))
        ask = {"target": "y", "trials": 2, "progress": False, "drop": ["w"], "search": {"ridge.precision": "double"}}
        alone = hpo.tune(rows, algorithm="ridge", store=tmp_path / "a", **ask)
        assert set(seen) == {CodedBatch}
        both = hpo.tune(rows, algorithm=["ridge", "knn_regressor"], store=tmp_path / "b", **{**ask, "trials": 6})
        knn = hpo.tune(rows, algorithm="knn_regressor", store=tmp_path / "c", **{**ask, "search": {}})
        assert set(seen) == {CodedBatch}
        of = {type(one.algorithm).__name__: one.states.whole for one in both.candidates}
        np.testing.assert_array_equal(of["Ridge"].scatter, alone.best.states.whole.scatter)
        np.testing.assert_array_equal(of["KNNRegressor"].held, knn.best.states.whole.held)
