"""The standard error of a mean fold score: of folds, and of splits that test the same rows more than once."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GroupKFold, KFold, RepeatedKFold, ShuffleSplit

import hpo
from studies.record.compare import compare
from studies.record.records import load_study
from studies.record.storage import open_storage

REPEATED = {
    "repeated": RepeatedKFold(n_splits=5, n_repeats=3, random_state=0),
    "shuffled": ShuffleSplit(n_splits=8, test_size=0.25, random_state=0),
    "two sets of training rows": [(np.arange(60, 200), np.arange(60)), (np.arange(60, 180), np.arange(60))],
}


@pytest.mark.parametrize("folds", REPEATED.values(), ids=REPEATED)
def test_the_standard_error_of_repeated_splits_allows_for_their_overlap(folds, tmp_path):
    """Nadeau & Bengio (2003): (1/J + n_test/n_train)·s²."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 0.5, 0.0] + rng.normal(size=200)
    pairs = list(folds.split(X)) if hasattr(folds, "split") else folds
    ratio = sum(len(test) for _, test in pairs) / sum(len(train) for train, _ in pairs)
    asked = {"algorithm": "ridge", "folds": folds, "trials": 4, "seed": 1, "name": "a", "polish": False}
    where = {"store": tmp_path / "store", "storage": tmp_path / "journal.log"}
    result = hpo.tune((X, y), scoring=["r2", "neg_mean_absolute_error"], **asked, **where)
    scores = result.best.scores
    for one in (scores, scores.also["neg_mean_absolute_error"]):
        expected = np.std(one.folds, ddof=1) * np.sqrt(1 / len(pairs) + ratio)
        assert one.se == pytest.approx(expected, rel=1e-12)
    assert result.trials_dataframe()["std_error"][result.best.number] == scores.se
    assert hpo.leaderboard(result)["se"][0] == scores.se
    assert hpo.load("a", **where).best.scores.se == scores.se
    assert hpo.write_report(result).best.se == scores.se
    curve = hpo.validation_curve(result, "ridge.alpha", 3)
    assert all(np.isfinite(curve.se))


GROUPED = list(GroupKFold(4).split(np.zeros((442, 1)), groups=np.arange(442) % 12))


@pytest.mark.parametrize("folds", [5, KFold(5), GROUPED], ids=["five", "KFold", "groups"])
def test_the_standard_error_of_folds_that_share_no_test_row_stays(folds, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    result = hpo.tune((X, y), algorithm="ridge", folds=folds, trials=2, store=tmp_path)
    scores = result.best.scores.folds
    assert result.best.scores.se == pytest.approx(np.std(scores, ddof=1) / np.sqrt(len(scores)), rel=1e-12)


def test_comparing_studies_allows_for_the_overlap_too(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    y = X[:, 0] + rng.normal(size=120)
    where = {"store": tmp_path / "store", "storage": tmp_path / "journal.log"}
    folds, names = RepeatedKFold(n_splits=4, n_repeats=2, random_state=0), ("ridge", "ols")
    results = [hpo.tune((X, y), algorithm=a, folds=folds, trials=2, name=a, **where) for a in names]
    both = [result.best.scores for result in results]
    storage = open_storage(where["storage"])
    found = compare([load_study(storage, name) for name in ("ridge", "ols")])
    assert [row.se for row in found.rows] == pytest.approx([scores.se for scores in both], rel=1e-12)
    gaps = np.subtract(both[1].folds, both[0].folds)
    assert found.pairs[0].se == pytest.approx(np.std(gaps, ddof=1) * np.sqrt(1 / 8 + 1 / 3), rel=1e-9)
