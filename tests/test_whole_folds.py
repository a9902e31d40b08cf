"""Folds of whole files: each is tested by the models of the others, as LeaveOneGroupOut has it."""

from __future__ import annotations

import ast
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

import hpo
from hpo.errors import DataError
from studies.errors import SpecError

SEGMENT = {"scheme": "segment"}
COLUMNS = ["a", "b", "c"]


def rows(number: int) -> pd.DataFrame:
    rng = np.random.default_rng(number)
    made = pd.DataFrame(rng.normal(size=(90 + 10 * number, 3)) + 0.3 * number, columns=COLUMNS)
    made["y"] = made["a"] - made["b"] * (1 + 0.1 * number) + rng.normal(size=len(made))
    made["z"] = np.where(made["y"] + rng.normal(size=len(made)) > 0, "yes", "no")
    return made


@pytest.fixture
def files(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(4):
        rows(number).to_parquet(tmp_path / "in" / f"{number}.parquet")
    return tmp_path / "in"


def pooled(numbers=range(4)):
    made = pd.concat([rows(n).assign(file=n) for n in numbers], ignore_index=True)
    return made[COLUMNS], made["y"], made["z"], made["file"]


def tune(files, target, algorithm, search, **options):
    return hpo.tune(
        files, target, algorithm, features=COLUMNS, search=search, folds=SEGMENT, trials=1,
        store=files.parent / "store", **options,
    )  # fmt: skip


@pytest.mark.parametrize("scoring", ["r2", "neg_mean_squared_error"])
def test_scores_are_those_of_leaving_one_file_out(scoring, files):
    found = tune(files, "y", "ridge", {"ridge.alpha": [3.0], "ridge.standardize": [False]}, scoring=scoring)
    x, y, _, file = pooled()
    own = cross_val_score(Ridge(alpha=3.0), x, y, groups=file, cv=LeaveOneGroupOut(), scoring=scoring)
    assert found.best.scores.folds == pytest.approx(own, rel=1e-10)
    assert found.record.folds == "4 folds, a file each"
    assert found.record.fold_sizes.rows == (90, 100, 110, 120)


def test_a_file_without_rows_is_named_and_can_be_left_out(tmp_path):
    for number in range(3):
        made = rows(number)
        made.iloc[: 0 if number == 1 else None].to_csv(tmp_path / f"{number}.csv", index=False)
    with pytest.raises(DataError, match="split 2 of 3 has no rows to test on") as caught:
        tune(tmp_path, "y", "ridge", {})
    typed = re.search(r"exclude=\[('.*?')\]", str(caught.value)).group(1)
    assert typed.endswith("/1.csv'")
    found = tune(tmp_path, "y", "ridge", {}, exclude=[ast.literal_eval(typed)])
    assert len(found.best.scores.folds) == 2


def test_sampled_scores_of_classes_too(files):
    found = tune(files, "z", "lda", {"lda.shrinkage": [0.0], "lda.standardize": [False]}, scoring="accuracy")
    x, _, z, file = pooled()
    own = cross_val_score(LinearDiscriminantAnalysis(), x, z, groups=file, cv=LeaveOneGroupOut())
    assert found.best.scores.folds == pytest.approx(own, abs=1e-12)


def test_a_file_that_joins_is_a_fold_more_and_alone_is_read(files):
    search = {"ridge.alpha": [3.0], "ridge.standardize": [False]}
    tune(files, "y", "ridge", search)
    rows(4).to_parquet(files / "4.parquet")
    grown = tune(files, "y", "ridge", search)
    assert grown.cost.rows_read == 130
    x, y, _, file = pooled(range(5))
    own = cross_val_score(Ridge(alpha=3.0), x, y, groups=file, cv=LeaveOneGroupOut(), scoring="r2")
    assert grown.best.scores.folds == pytest.approx(own, rel=1e-10)
    fewer = tune(files, "y", "ridge", search, exclude=["1.parquet", "3.parquet"])
    x, y, _, file = pooled([0, 2, 4])
    own = cross_val_score(Ridge(alpha=3.0), x, y, groups=file, cv=LeaveOneGroupOut(), scoring="r2")
    assert (fewer.cost.rows_read, fewer.best.scores.folds) == (0, pytest.approx(own, rel=1e-10))


def test_a_recorded_study_is_opened_and_predicts(files):
    storage = str(files.parent / "studies.journal")
    found = tune(files, "y", ["ridge", "lasso"], {}, name="s", storage=storage)
    opened = hpo.load("s", storage=storage)
    assert opened.best_value == pytest.approx(found.best_value, rel=1e-12)
    assert np.asarray(opened.predict(rows(9))).ravel() == pytest.approx(np.asarray(found.predict(rows(9))).ravel())
    assert hpo.plan(hpo.StudySpec(
        data=str(files), target="y", algorithm="ridge", features=COLUMNS, folds=SEGMENT,
        store=str(files.parent / "store"),
    )).rows_to_read == 0  # fmt: skip


def test_files_of_several_segments_are_one_fold(files, monkeypatch):
    from hpo.data.sources import parquet

    monkeypatch.setattr(parquet, "group_runs", lambda counts, *_: [(i, i + 1) for i in range(len(counts))])
    for number in range(4):
        rows(number).to_parquet(files / f"{number}.parquet", row_group_size=30)
    found = tune(files, "y", "ridge", {"ridge.alpha": [3.0], "ridge.standardize": [False]})
    assert len(found.record.ledger) > 4
    x, y, _, file = pooled()
    own = cross_val_score(Ridge(alpha=3.0), x, y, groups=file, cv=LeaveOneGroupOut(), scoring="r2")
    assert found.best.scores.folds == pytest.approx(own, rel=1e-10)


def test_one_file_and_options_that_do_not_go_with_it_are_refused(files):
    with pytest.raises(DataError, match="there is one file"):
        hpo.tune(files / "0.parquet", "y", "ridge", folds=SEGMENT)
    with pytest.raises(DataError, match="there is one file"):
        hpo.tune(rows(1)[[*COLUMNS, "y"]], "y", "ridge", folds=SEGMENT)
    with pytest.raises(SpecError, match="is a fold for each file; leave 'n_splits' and 'seed' out"):
        hpo.tune(files, "y", "ridge", folds={"scheme": "segment", "n_splits": 3})
    with pytest.raises(SpecError, match="'segment' uses no column"):
        hpo.tune(files, "y", "ridge", folds={"scheme": "segment", "column": "a"})
