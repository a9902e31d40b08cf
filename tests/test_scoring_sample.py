"""The rows that scores are computed on: rare classes and extremes in full, weights for the rest, exactly mergeable."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.stats import norm
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import Ridge
from sklearn.metrics import average_precision_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.batches import as_dense
from algorithms.contract import Batch, Column, Shape, SparseBatch
from algorithms.errors import InvalidField
from algorithms.learned import Learned
from algorithms.scoring.scorers import score_by
from algorithms.summaries._reserved import reserved, scrambled
from algorithms.summaries.sample import Sample, SampleState
from algorithms.summaries.scoring_sample import ScoringSample
from hpo.states.learned import summaries

COLUMNS = (Column("x", "x"),)
LIKE_C = Learned({"direction": np.array([1.0]), "middle": np.array(20.0), "rare": np.array(2)})
"""Rows with x above 20 look like the class c, the more the larger x is."""
SHAPES = {"a number": Shape(COLUMNS, ("y",)), "classes": Shape(COLUMNS, ("y",), classes=("a", "b", "c"))}


def batch_of(y, seed=0, weight=None, x=None):
    rng = np.random.default_rng(seed)
    rows = np.column_stack([np.arange(float(len(y))) if x is None else x, y])
    priority = rng.permutation(len(y)).astype(np.uint64) * np.uint64(7919)
    return Batch(np.asfortranarray(rows), 1, weight, priority=priority)


def part_of(batch, rows):
    weight = None if batch.weight is None else batch.weight[rows]
    return Batch(batch.values[rows], 1, weight, priority=batch.priority[rows])


def lift(summary, shape, batch):
    return summary.update(summary.init(shape), batch)


def naive(shape, y, priority, size, x=None):
    """The rows that are kept, one by one: slow and obvious; of those with x above 20 as lookalikes, where given."""
    order = sorted(range(len(y)), key=lambda i: priority[i])
    if len(order) <= size:
        return order
    if shape.classes:
        rank = {i: sum(y[j] == y[i] and priority[j] < priority[i] for j in order) for i in order}
        held = set(sorted(order, key=lambda i: (rank[i], priority[i]))[: size // 2])
    else:
        found = reserved(shape, np.array(y)[order], priority[order], size)
        held = {i for i, one in zip(order, found, strict=True) if one}
    if x is not None:
        turned = scrambled(priority) ^ np.uint64(2**64 - 1)
        like = sorted((i for i in order if x[i] > 20 and y[i] != 2), key=lambda i: (-x[i], turned[i]))
        held |= set(like[: size // 4])
    rest = [i for i in order if i not in held][: size - len(held)]
    return sorted({*held, *rest}, key=lambda i: priority[i])


@pytest.mark.parametrize("kind", SHAPES)
@given(data=st.data())
def test_it_keeps_what_the_rule_says_however_the_rows_are_cut(kind, data):
    shape, n, size = SHAPES[kind], data.draw(st.integers(1, 60)), data.draw(st.integers(1, 25))
    y = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    batch = batch_of(np.array(y, float), data.draw(st.integers(0, 99)))
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=5)))
    summary = ScoringSample(size)
    updated, merged = summary.init(shape), summary.init(shape)
    for rows in np.split(np.arange(n), cuts):
        updated = summary.update(updated, part_of(batch, rows))
        merged = summary.merge(lift(summary, shape, part_of(batch, rows)), merged)
    expected = naive(shape, y, batch.priority, size)
    for state in (updated, merged):
        assert state.X[:, 0].astype(int).tolist() == expected
    if shape.classes:
        assert updated.counts.tolist() == np.bincount(y, minlength=3).tolist()


@given(data=st.data())
def test_it_keeps_the_lookalikes_of_a_rare_class_however_the_rows_are_cut(data):
    shape, n, size = SHAPES["classes"], data.draw(st.integers(1, 60)), data.draw(st.integers(1, 25))
    y = data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    x = np.array(data.draw(st.lists(st.integers(0, 40), min_size=n, max_size=n)), float)
    batch = batch_of(np.array(y, float), data.draw(st.integers(0, 99)), x=x)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=5)))
    summary = ScoringSample(size, lookalikes=True).knowing(LIKE_C)
    updated, merged = summary.init(shape), summary.init(shape)
    for rows in np.split(np.arange(n), cuts):
        updated = summary.update(updated, part_of(batch, rows))
        merged = summary.merge(lift(summary, shape, part_of(batch, rows)), merged)
    place = {int(p): i for i, p in enumerate(batch.priority)}
    expected = naive(shape, y, batch.priority, size, x)
    for state in (updated, merged):
        assert [place[int(p)] for p in state.priority[: state.n]] == expected
        weighed = np.bincount(state.target.astype(int), state.sample_weight, 3)
        of = np.bincount(y, minlength=3)
        met = np.bincount(state.target.astype(int), minlength=3) > 0
        np.testing.assert_allclose(weighed[met], of[met], rtol=1e-12)


def test_means_by_the_weights_of_lookalikes_and_others_are_right_on_average():
    """Means over 400 draws lie within four standard errors of the truth, by class and in all."""
    rng = np.random.default_rng(0)
    y = rng.choice(3, 3000, p=[0.9, 0.09, 0.01]).astype(float)
    x, found = 10.0 * y + rng.exponential(6.0, size=3000), []
    for seed in range(400):
        summary = ScoringSample(100, lookalikes=True).knowing(LIKE_C)
        state = lift(summary, SHAPES["classes"], batch_of(y, seed, x=x))
        w, is_common = state.sample_weight, state.target == 0
        found.append([w @ state.X[:, 0], w @ (is_common & (state.X[:, 0] > 25.0)), w[is_common].sum()])
    error = np.std(found, axis=0) / np.sqrt(400)
    truth = [x.sum(), ((y == 0) & (x > 25.0)).sum(), (y == 0).sum()]
    assert (np.abs(np.mean(found, axis=0) - truth) < 4 * error + 1e-9).all()


def test_the_direction_is_learned_of_rare_classes_alone():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 3))
    y = (x @ [1.0, -2.0, 0.0] + rng.normal(size=4000) > 5.5).astype(float)
    shape = Shape(tuple(Column(c, c) for c in "abc"), ("y",), classes=("a", "b"))
    learn = ScoringSample(100, lookalikes=True).learn
    known = learn(shape, Batch(np.column_stack([x, y]), 3))
    along = known["direction"] / np.linalg.norm(known["direction"])
    assert along @ np.array([1.0, -2.0, 0.0]) / np.sqrt(5.0) > 0.95
    even = Batch(np.column_stack([x, rng.integers(0, 2, 4000)]), 3)
    assert not learn(shape, even).arrays
    assert not ScoringSample(100).learning


def tell(shape, x, y):
    return ScoringSample(100, lookalikes=True).learn(shape, Batch(np.column_stack([x, y]), x.shape[1]))


def test_of_many_columns_the_direction_is_made_of_those_that_tell():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 900))
    y = (x[:, 700] - 2.0 * x[:, 33] + rng.normal(size=4000) > 5.0).astype(float)
    shape = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(900)), ("y",), classes=("a", "b"))
    direction = tell(shape, x, y)["direction"]
    assert np.abs(direction).argsort()[-2:].tolist() == [700, 33]
    assert 2 <= np.count_nonzero(direction) <= 100


def test_sparse_rows_have_the_lookalikes_of_the_same_rows_dense():
    """Of a word that the rare class has ten times as often; ties of whole counts have the same places."""
    rng = np.random.default_rng(0)
    y = (rng.random(5000) < 0.02).astype(float)
    x = rng.poisson(np.where(y[:, None] == 1.0, [2.0] + 599 * [0.02], [0.2] + 599 * [0.02])).astype(float)
    shape = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(600)), ("y",), classes=("a", "b"))
    priority, states = np.random.default_rng(1).integers(0, 2**63, 5000).astype(np.uint64), []
    batches = (
        Batch(np.column_stack([x, y]), 600, priority=priority),
        SparseBatch(csr_array(x), y[:, None], priority=priority),
    )
    known = [ScoringSample(400, lookalikes=True).learn(shape, batch) for batch in batches]
    np.testing.assert_allclose(known[0]["direction"], known[1]["direction"], rtol=1e-9, atol=1e-12)
    assert np.abs(known[0]["direction"] * x.std(axis=0)).argmax() == 0
    for batch in batches:
        summary = ScoringSample(400, lookalikes=True).knowing(known[1])
        cut = summary.init(shape)
        for rows in (slice(0, 1234), slice(1234, 5000)):
            cut = summary.update(cut, batch.part(rows))
        states.append(cut)
        np.testing.assert_allclose(cut.sample_weight.sum(), 5000.0, rtol=1e-12)
    assert len(set(states[0].priority) ^ set(states[1].priority)) <= 4, "but for rounding of equal ones"
    words = [s.kept.columns(600)[:, [0]] for s in states]
    mean = [as_dense(w)[s.target == 0].mean() for w, s in zip(words, states, strict=True)]
    assert min(mean) > 1.5 * x[y == 0, 0].mean()


@pytest.mark.parametrize(("rare", "reads"), [(0.3, False), (0.02, True)])
def test_a_sample_is_read_for_lookalikes_only_where_a_class_is_rare(rare, reads, monkeypatch, tmp_path):
    asked, own = [], summaries._sampled
    monkeypatch.setattr(summaries, "_sampled", lambda *args: asked.append(args) or own(*args))
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(6000, 3)), columns=list("abc"))
    frame["t"] = np.where(frame["a"] > norm.isf(rare), "yes", "no")
    options = {"trials": 1, "folds": 2, "scoring": "average_precision", "scoring_rows": 500}
    hpo.tune(frame, "t", "gaussian_nb", store=tmp_path, **options)
    assert bool(asked) is reads


def test_scorers_without_weights_ask_the_rows_that_stand_for_as_many():
    """With lookalikes the false positives among kept rows are far more than their share of all."""
    rng = np.random.default_rng(0)
    y = (rng.random(6000) < 0.02) * 2.0
    x, ratios = np.where(y == 2, 30.0, 8.0) + 8.0 * rng.normal(size=6000), []
    shape = Shape(COLUMNS, ("y",), classes=("a", "c"))
    model = GaussianNB().fit(x[:, None], np.where(y == 2, "c", "a"))
    batch, known = batch_of(y / 2.0, x=x), Learned({**LIKE_C.arrays, "rare": np.array(1)})
    for size in (6000, 2000):
        summary = ScoringSample(size, lookalikes=True).knowing(known)
        state = lift(summary, shape, batch)
        ratios.append(score_by("positive_likelihood_ratio", model, state, classes=["a", "c"]))
    said = model.predict(x[:, None]) == "c"
    assert ratios[0] == pytest.approx(said[y == 2].mean() / said[y == 0].mean())
    assert ratios[1] == pytest.approx(ratios[0], rel=0.5)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("sizes", [(7, 8), (5, 20), (16, 17), (31, 40)])
def test_a_smaller_sample_is_part_of_a_larger_one(kind, sizes):
    batch = batch_of(np.arange(300) % 7 // 3)
    small, large = (lift(ScoringSample(size), SHAPES[kind], batch) for size in sizes)
    assert set(small.priority) <= set(large.priority)


def test_a_rare_class_is_kept_whole_and_the_rest_stands_for_all_of_its_rows():
    y = np.where(np.arange(5000) % 100 == 0, 2.0, np.arange(5000) % 2)
    weight = np.random.default_rng(0).integers(1, 4, 5000).astype(float)
    state = lift(ScoringSample(400), SHAPES["classes"], batch_of(y, weight=weight))
    codes = state.target.astype(int)
    assert (codes == 2).sum() == 50
    assert state.factors[codes == 2].tolist() == [1.0] * 50
    totals = np.bincount(codes, state.sample_weight)
    np.testing.assert_allclose(totals, np.bincount(y.astype(int), weight), rtol=1e-12)


def test_the_extremes_of_a_number_are_kept():
    y = np.random.default_rng(0).standard_cauchy(5000)
    state = lift(ScoringSample(400), SHAPES["a number"], batch_of(y))
    assert set(np.sort(y)[:50]) | set(np.sort(y)[-50:]) <= set(state.target)
    assert state.sample_weight.sum() == pytest.approx(5000)
    assert sorted(set(state.factors))[0] == 1.0


@pytest.mark.parametrize("kind", SHAPES)
def test_weighted_means_are_right_on_average_ties_among_the_extremes_included(kind):
    """Means over 400 draws lie within four standard errors of the truth."""
    rng = np.random.default_rng(0)
    y = rng.choice(3, 3000, p=[0.9, 0.09, 0.01]).astype(float)
    x, found = y + rng.normal(size=3000), []
    for seed in range(400):
        state = lift(ScoringSample(100), SHAPES[kind], batch_of(y, seed, x=x))
        w = state.sample_weight
        found.append([np.average(state.X[:, 0], weights=w), np.average(state.target == 0, weights=w)])
    error = np.std(found, axis=0) / np.sqrt(400)
    assert (np.abs(np.mean(found, axis=0) - [x.mean(), (y == 0).mean()]) < 4 * error + 1e-12).all()


def test_the_uniform_part_holds_the_rows_of_smallest_priority():
    batch = batch_of(np.arange(900) % 3)
    for shape in SHAPES.values():
        part = lift(ScoringSample(60), shape, batch).uniform
        assert part.n >= 30
        np.testing.assert_array_equal(part.priority[: part.n], np.sort(batch.priority)[: part.n])
        assert not part.weighted


def test_while_all_rows_have_a_place_weights_stay_as_they_were():
    weight = np.arange(1.0, 8.0)
    state = lift(ScoringSample(7), SHAPES["classes"], batch_of(np.arange(7) % 3, weight=weight))
    assert sorted(state.sample_weight) == weight.tolist()
    assert not lift(ScoringSample(7), SHAPES["classes"], batch_of(np.arange(7) % 3)).weighted


def test_a_senseless_size_is_refused():
    with pytest.raises(InvalidField, match="size=0"):
        ScoringSample(size=0)


@pytest.mark.parametrize("rows", [1000, 90])
@pytest.mark.parametrize(
    "scoring", ["average_precision", "f1", "neg_log_loss", "roc_auc", "balanced_accuracy"]
)
def test_scores_of_classes_are_scikit_learns_on_the_rows_that_are_kept(scoring, rows, tmp_path):
    X, y = load_wine(return_X_y=True)
    X, y = X[:, :4], y == 2
    cv = list(StratifiedKFold(3).split(X, y))
    search = {"gaussian_nb.var_smoothing": 1e-9}
    asked = {"folds": cv, "trials": 1, "scoring": scoring, "scoring_rows": rows, "store": tmp_path}
    result = hpo.tune((X, y), algorithm="gaussian_nb", search=search, **asked)
    expected = cross_val_score(GaussianNB(), X, y, cv=cv, scoring=scoring)
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-9)


@pytest.mark.parametrize("scoring", ["r2", "neg_median_absolute_error", "neg_max_error"])
def test_scores_of_numbers_are_scikit_learns_where_every_row_is_kept(scoring, tmp_path):
    X, y = load_diabetes(return_X_y=True)
    cv = list(KFold(4, shuffle=True, random_state=0).split(X))
    search = {"knn_regressor.n_neighbors": 7, "knn_regressor.weights": "uniform"}
    asked = {"folds": cv, "trials": 1, "scoring": scoring, "scoring_rows": 111, "store": tmp_path}
    result = hpo.tune(
        (X, y), algorithm="ridge", search={"ridge.alpha": 1.0, "ridge.standardize": True}, **asked
    )
    expected = cross_val_score(make_pipeline(StandardScaler(), Ridge()), X, y, cv=cv, scoring=scoring)
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-8)
    assert hpo.tune((X, y), algorithm="knn_regressor", search=search, **asked).best_value < 1.0


def rare(n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = rng.random(n) < 1 / (1 + np.exp(9.0 - 3.0 * X[:, 0]))
    return pd.DataFrame(X, columns=list("abc")).assign(t=np.where(y, "yes", "no"))


@pytest.mark.parametrize(
    "scoring", ["average_precision", "f1", "recall", "balanced_accuracy", "neg_log_loss"]
)
def test_scores_of_a_rare_class_on_a_sample_are_near_those_of_all_rows(scoring, tmp_path):
    """Of 4,000 held-out rows a fold 800 are kept, all rare ones among them."""
    frame = rare(20_000)
    asked = {
        "target": "t", "algorithm": "gaussian_nb", "search": {"gaussian_nb.var_smoothing": 1e-9}, "trials": 1,
        "folds": 5, "scoring": scoring, "store": tmp_path,
    }  # fmt: skip
    every, some = (hpo.tune(frame, **asked, scoring_rows=m).best for m in (20_000, 800))
    exact, sampled = every.scores, some.scores
    held = [h.rows for h in some.states.held_out]
    assert [(r.y == "yes").sum() for r in held] == [(h.rows.y == "yes").sum() for h in every.states.held_out]
    assert all(r.n == 800 for r in held)
    assert abs(sampled.mean - exact.mean) < 2.5 * exact.se
    if scoring in ("recall",):
        np.testing.assert_allclose(sampled.folds, exact.folds, rtol=1e-12, err_msg="it asks rare rows alone")


def test_average_precision_of_few_positives_has_no_bias_that_matters(tmp_path):
    """Forty orders of the same rows draw other samples; without the lookalikes the scores are far too high."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(8000, 4))
    y = np.where(X @ [1.0, 1.0, 0.0, 0.0] + rng.normal(size=8000) > 5.0, "yes", "no")
    frame, fold = pd.DataFrame(X, columns=list("abcd")).assign(t=y), np.arange(8000) % 2
    asked = {"trials": 1, "scoring": "average_precision", "search": {"gaussian_nb.var_smoothing": 1e-9}}

    def scored(order, rows):
        folds = [(np.flatnonzero(fold[order] != k), np.flatnonzero(fold[order] == k)) for k in range(2)]
        shuffled = frame.iloc[order].reset_index(drop=True)
        return hpo.tune(shuffled, "t", "gaussian_nb", folds=folds, scoring_rows=rows, store=None, **asked)

    every = scored(np.arange(8000), 8000).best.scores
    off = [scored(np.random.default_rng(s).permutation(8000), 400).best_value - every.mean for s in range(12)]
    assert abs(np.mean(off)) < 0.25 * every.se
    model = GaussianNB(var_smoothing=1e-9).fit(X[fold != 0], y[fold != 0])
    score, truth = model.predict_proba(X[fold == 0])[:, 1], y[fold == 0] == "yes"
    others = np.flatnonzero(~truth)
    uniform = [
        average_precision_score(
            np.append(np.ones(truth.sum()), np.zeros(m)),
            np.append(score[truth], score[rng.choice(others, m, replace=False)]),
            sample_weight=np.append(np.ones(truth.sum()), np.full(m, len(others) / m)),
        )
        for m in [400 - truth.sum()] * 40
    ]
    assert np.mean(uniform) - average_precision_score(truth, score) > 0.25 * every.se


@pytest.mark.parametrize(
    "scoring", ["roc_auc_ovo", "roc_auc_ovo_weighted", "positive_likelihood_ratio", "rand_score"]
)
def test_scorers_that_take_no_weights_are_computed_all_the_same(scoring, tmp_path):
    frame = rare(8000)
    if scoring == "roc_auc_ovo":
        frame["t"] = np.where(frame["b"] > 1.5, "some", frame["t"])
    asked = {"algorithm": "gaussian_nb", "trials": 1, "folds": 2, "scoring": scoring, "store": tmp_path}
    if scoring == "roc_auc_ovo_weighted":
        frame["t"] = np.array(["u", "v", "w"])[np.digitize(frame["a"] + frame["b"], [-0.5, 0.5])]
    if scoring == "positive_likelihood_ratio":
        frame["t"] = np.where(frame["a"] + frame["b"] > 1.0, "yes", "no")
    search = {"gaussian_nb.var_smoothing": 1e-9}
    every, some = (hpo.tune(frame, "t", search=search, **asked, scoring_rows=m) for m in (8000, 1000))
    assert some.best_value == pytest.approx(every.best_value, rel=0.25)


def test_training_samples_stay_uniform(tmp_path):
    frame = rare(8000)
    result = hpo.tune(
        frame, "t", "knn_classifier", trials=2, folds=2, scoring="f1", scoring_rows=500, store=tmp_path
    )
    assert isinstance(result.best.states.whole, SampleState)
    assert isinstance(result.best.algorithm.summary, Sample)


def test_a_threshold_is_chosen_by_the_rows_that_each_stands_for(tmp_path):
    frame, new = rare(20_000), rare(20_000, seed=1)
    asked = {
        "target": "t",
        "algorithm": "gaussian_nb",
        "trials": 1,
        "folds": 4,
        "scoring": "f1",
        "store": tmp_path,
    }
    search = {"gaussian_nb.threshold": "f1", "gaussian_nb.var_smoothing": 1e-9}
    lost = []
    for seed in range(4):
        runs = (hpo.tune(frame, search=search, **asked, scoring_rows=m, seed=seed) for m in (20_000, 600))
        every, some = (hpo.confirm(result, new)["f1"] for result in runs)
        lost.append(every - some)
    assert np.mean(lost) < 0.03


def test_the_report_counts_classes_by_every_row(tmp_path):
    frame = rare(8000)
    result = hpo.tune(frame, "t", "knn_classifier", trials=1, folds=2, scoring_rows=300, store=tmp_path)
    rows = {row.label: (row.rows, row.counted) for row in hpo.write_report(result).classes}
    counts = frame["t"].value_counts()
    assert rows == {"no": (counts["no"], True), "yes": (counts["yes"], True)}
