"""Thresholds: the best of every cut, chosen by cross-fitting on training rows, for any binary classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.metrics import confusion_matrix, f1_score, fbeta_score, precision_score, recall_score
from sklearn.model_selection import FixedThresholdClassifier

import hpo
from algorithms import fields, registry
from algorithms.errors import InvalidField, NotEnoughRows, Unscorable
from algorithms.models.knn_classifier import KNNClassifier
from algorithms.scoring.thresholds import best_threshold, check_criterion
from hpo.errors import SearchError
from hpo.findings.noted import algorithm_of
from hpo.findings.scored import leaders

BINARY = [n for n in registry.names() if registry.get(n).tags.task == "classification"]


def rare(n=1500, seed=0):
    """One row in eight positive, and hard to tell: the default threshold rarely says so."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.125
    X = np.abs(rng.normal(size=(n, 4)) + 1.2 * y[:, None])
    kind = np.array(["low", "middle", "high"])[np.digitize(X[:, 0] + X[:, 1], [1.5, 3.0])]
    return pd.DataFrame(X, columns=list("abcd")).assign(kind=kind, late=np.where(y, "yes", "no"))


def by_criterion(criterion, y, made, w):
    tn, fp, fn, tp = (w[cell].sum() for cell in (~y & ~made, ~y & made, y & ~made, y & made))
    if criterion == "accuracy":
        return tp + tn
    if criterion.startswith("cost"):
        return -(2.0 * fp + 7.0 * fn)
    precision, recall = tp / max(tp + fp, 1e-300), tp / (tp + fn)
    if criterion == "precision@recall=0.7":
        return precision if recall >= 0.7 - 1e-9 else -np.inf
    if criterion == "recall@precision=0.4":
        return recall if precision >= 0.4 - 1e-9 else -np.inf
    if criterion == "balanced_accuracy":
        return recall + tn / (tn + fp)
    square = float(criterion[1:]) ** 2
    return (1 + square) * tp / ((1 + square) * tp + square * fn + fp)


CRITERIA = [
    "accuracy", "balanced_accuracy", "f1", "f0.5", "f2", "precision@recall=0.7", "recall@precision=0.4", "cost:fp=2,fn=7",
]  # fmt: skip


@given(seed=st.integers(0, 1000), beta=st.sampled_from([0.5, 1.0, 2.0]))
def test_what_every_cut_is_compared_by_is_scikit_learns(seed, beta):
    rng = np.random.default_rng(seed)
    y, made, w = np.r_[True, False, rng.random(9) < 0.5], rng.random(11) < 0.5, rng.integers(1, 4, 11).astype(float)
    given = {"sample_weight": w, "zero_division": 0.0}
    assert by_criterion(f"f{beta}", y, made, w) == pytest.approx(fbeta_score(y, made, beta=beta, **given))
    assert by_criterion("balanced_accuracy", y, made, w) == pytest.approx(recall_score(y, made, average="macro", **given) * 2)
    assert by_criterion("accuracy", y, made, w) == confusion_matrix(y, made, sample_weight=w).trace()
    precise = precision_score(y, made, **given) if recall_score(y, made, **given) >= 0.7 else -np.inf
    assert by_criterion("precision@recall=0.7", y, made, w) == pytest.approx(precise)


@pytest.mark.parametrize("criterion", CRITERIA)
@given(seed=st.integers(0, 1000), coarse=st.booleans())
def test_no_cut_is_better(criterion, seed, coarse):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 30))
    y = np.r_[True, False, rng.random(n - 2) < 0.5]
    scores = rng.normal(size=n) + y
    scores = np.round(scores) if coarse else scores
    w = rng.integers(1, 4, n).astype(float)
    naive = max(by_criterion(criterion, y, scores >= t, w) for t in [*scores, np.inf])
    if naive == -np.inf:
        with pytest.raises(Unscorable, match="no threshold reaches it"):
            best_threshold(criterion, y, scores, w)
        return
    found = best_threshold(criterion, y, scores, w)
    assert by_criterion(criterion, y, scores >= found, w) == pytest.approx(naive, abs=1e-9)


@pytest.mark.parametrize("name", BINARY)
def test_every_classifier_takes_one_and_reads_no_row_for_it(name, tmp_path):
    frame = rare()
    folds = {"scheme": "kfold", "n_splits": 4, "seed": 0}
    asked = {
        "target": "late",
        "algorithm": name,
        "scoring": "balanced_accuracy",
        "folds": folds,
        "store": tmp_path,
    }
    plain = hpo.tune(frame, trials=4, **asked)
    search = {f"{name}.threshold": "balanced_accuracy"}
    result = hpo.tune(frame, trials=4, search=search, **asked)
    assert result.cost.rows_read == 0
    assert not [t.user_attrs["error"] for t in result.optuna_study.trials if "error" in t.user_attrs]
    assert result.best_value > max(0.6, plain.best_value - 0.02)
    last = result.best_model["model"]
    assert isinstance(last, FixedThresholdClassifier)
    made = result.predict(frame)["prediction"]
    assert set(made) == {"no", "yes"}
    assert recall_score(frame["late"], made, pos_label="yes") > 0.5
    assert result.params_of(result.best)[f"{name}.threshold"] == "balanced_accuracy"


def test_a_threshold_is_a_hyperparameter_like_any_other(tmp_path):
    frame = rare()
    where = {"store": tmp_path / "store", "storage": tmp_path / "journal.log"}
    search = {"gaussian_nb.threshold": ["default", "f1", "f2"]}
    result = hpo.tune(
        frame, "late", "gaussian_nb", scoring="recall_macro", search=search, trials=20, name="t", **where
    )
    tried = {t.params["gaussian_nb.threshold"]: t.value for t in result.optuna_study.trials}
    assert set(tried) == {"default", "f1", "f2"}
    assert len({round(v, 6) for v in tried.values()}) == 3
    assert hpo.nested_score(result) is not None
    assert hpo.learning_curve(result).mean[-1] == pytest.approx(result.best_value)
    assert hpo.validation_curve(result, "threshold").x == ("default", "f1", "f2")
    assert result.model_of(result.simplest) is not None
    hpo.write_report(result, tmp_path / "report.html")
    loaded = hpo.load("t", **where)
    pd.testing.assert_frame_equal(loaded.predict(frame), result.predict(frame))


def test_the_threshold_never_sees_the_rows_that_are_held_out(tmp_path):
    """Labels of one fold changed: the threshold of the split that holds it out stays what it was."""
    from algorithms.contract import Batch, Column, Shape
    from algorithms.summaries.sample import Sample
    from hpo.data.cells import FoldPlan, Split
    from hpo.states.fold_states import FoldStates, fold_states

    rng = np.random.default_rng(0)
    shape = Shape((Column("x", "x"),), ("y",), classes=("no", "yes"))
    sample, plan = (
        Sample(size=100),
        FoldPlan(3, tuple(Split(tuple(set(range(3)) - {i}), (i,)) for i in range(3))),
    )

    def cell(k, flip):
        y = rng.random(80) < 0.3
        x = rng.normal(size=80) + y
        values = np.asfortranarray(np.column_stack([x, ~y if flip else y]).astype(float))
        priority = np.arange(80, dtype=np.uint64) + np.uint64(100 * k)
        return sample.update(sample.init(shape), Batch(values, 1, priority=priority))

    cells = [cell(k, flip=False) for k in range(3)]
    changed = [*cells[:2], cell(2, flip=True)]
    algorithm = fields.build(KNNClassifier, {"threshold": "f1", "n_neighbors": 9})

    def threshold(cells, split):
        states = fold_states(sample, cells, plan)
        from dataclasses import replace

        beside = replace(states, sample=states).for_algorithm(algorithm)
        assert isinstance(beside, FoldStates)
        return algorithm.solve(beside.train[split]).threshold

    assert threshold(cells, 2) == threshold(changed, 2)
    assert threshold(cells, 0) != threshold(changed, 0)


def test_a_neighbour_that_knows_its_own_row_does_not_fool_it(tmp_path):
    """With one neighbour every row of the training sample is right by any threshold; cross-fitting tells otherwise."""
    frame = rare(600)
    search = {"knn_classifier.n_neighbors": 15, "knn_classifier.weights": "distance"}
    asked = {
        "target": "late",
        "algorithm": "knn_classifier",
        "scoring": "f1_macro",
        "store": tmp_path,
        "trials": 1,
    }
    plain = hpo.tune(frame, search=search, **asked)
    chosen = hpo.tune(frame, search={**search, "knn_classifier.threshold": "f1"}, **asked)
    assert chosen.best_value > plain.best_value


@pytest.mark.parametrize(
    ("criterion", "scorer", "least"),
    [("precision@recall=0.9", recall_score, 0.9), ("recall@precision=0.5", precision_score, 0.5)],
)
def test_targets_are_met_on_new_rows(criterion, scorer, least, tmp_path):
    result = hpo.tune(
        rare(4000), "late", "gaussian_nb", trials=3, store=tmp_path,
        search={"gaussian_nb.threshold": criterion},
    )  # fmt: skip
    new = rare(4000, seed=1)
    made = result.predict(new)["prediction"]
    assert scorer(new["late"], made, pos_label="yes") == pytest.approx(least, abs=0.06)
    assert f1_score(new["late"], made, pos_label="yes") > 0.3


def test_several_algorithms_may_share_a_study_with_and_without(tmp_path):
    X, y = load_breast_cancer(return_X_y=True)
    search = {"linear.threshold": "f1"}
    result = hpo.tune((X, y), algorithm=["linear", "gaussian_nb"], search=search, trials=12, store=tmp_path)
    assert {algorithm_of(result.run, c) for c in result.candidates} == {"linear", "gaussian_nb"}
    model = result.model_of(leaders(result)["linear"])
    assert isinstance(model["model"], FixedThresholdClassifier)
    assert result.cost.rows_read == len(y)


def test_what_cannot_be(tmp_path):
    for text in (
        "f",
        "f-1",
        "precision",
        "precision@recall=0",
        "recall@precision=1.5",
        "cost:fp=0,fn=0",
        "cost:fp=1",
        "",
    ):
        with pytest.raises(InvalidField, match=r"threshold="):
            check_criterion(text)
    assert "threshold" not in fields.fields_of(registry.get("ridge"))
    with pytest.raises(NotEnoughRows, match="both classes"):
        best_threshold("f1", np.ones(3, bool), np.arange(3.0), np.ones(3))
    with pytest.raises(SearchError, match=r"search\['linear.threshold'\]='best'.*must be default, accuracy"):
        hpo.tune(
            load_wine(return_X_y=True),
            algorithm="linear",
            search={"linear.threshold": "best"},
            store=tmp_path,
        )
    with pytest.raises(InvalidField, match=r"threshold='f1' is for two classes, and 'y' has 3"):
        hpo.tune(
            load_wine(return_X_y=True), algorithm="linear", search={"linear.threshold": "f1"}, store=tmp_path
        )
