"""Packed linear models, against scikit-learn's SGD row by row, a naive loop, and fits of all rows."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine, make_classification
from sklearn.linear_model import QuantileRegressor, SGDClassifier, SGDRegressor
from sklearn.metrics import log_loss, mean_pinball_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from twins_packed import TWINS

import hpo
from algorithms import fields, laws, registry
from algorithms.contract import Batch, Column, Held, Shape, SparseBatch, fitted
from algorithms.errors import AlgorithmError, InvalidField, NotEnoughRows
from algorithms.models.linear import Linear
from algorithms.models.linear_regressor import LinearRegressor
from algorithms.solvers.losses import CLASS_LOSSES, NUMBER_LOSSES, number_loss
from algorithms.solvers.steps import OPTIMIZERS, Stepper
from algorithms.summaries.packed import Packed, PackedClassifiers, PackedRegressors
from algorithms.summaries.sample import Sample

ROW_BY_ROW = {"optimizer": "sgd", "power_t": 0.0, "batch_rows": 1, "epochs": 1, "standardize": False}


def shape_of(X, classes=()):
    return Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(X.shape[1])), ("y",), tuple(classes))


def rows_of(X, y, weight=None):
    values = np.asfortranarray(np.column_stack([X, y]).astype(float))
    return Batch(values, X.shape[1], weight, priority=np.arange(len(y), dtype=np.uint64))


def ready(summary, shape, rows):
    return summary.knowing(summary.learn(shape, rows))


def state_of(summary, X, y, classes=(), weight=None):
    shape, rows = shape_of(X, classes), rows_of(X, y, weight)
    made = ready(summary, shape, rows)
    return made.update(made.init(shape), rows)


def one(kind, loss, alpha, eta0, **options):
    return kind(losses=loss, alphas=str(alpha), l1_ratios="0", eta0s=str(eta0), **options)


def mixed(load):
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order]


@pytest.mark.parametrize("index", range(16))
def test_a_pack_of_one_classifier_is_scikit_learns_sgd(index):
    X, y = mixed(load_breast_cancer)
    X, p = scale(X), TWINS["linear"][0][index]
    algorithm = Linear(loss=p["loss"], alpha=p["alpha"], summary=one(PackedClassifiers, **p, **ROW_BY_ROW))
    ours = fitted(algorithm, state_of(algorithm.summary, X, y, (0, 1)))["model"]
    theirs = TWINS["linear"][1](p).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-9, atol=1e-12)
    assert (ours.predict(X) == theirs.predict(X)).all()


@pytest.mark.parametrize("index", range(16))
def test_a_pack_of_one_regression_is_scikit_learns_sgd(index):
    X, y = load_diabetes(return_X_y=True)
    X, y, p = scale(X), scale(y), TWINS["linear_regressor"][0][index]
    summary = one(PackedRegressors, **p, epsilon=0.3, **ROW_BY_ROW)
    algorithm = LinearRegressor(loss=p["loss"], alpha=p["alpha"], summary=summary)
    ours = fitted(algorithm, state_of(summary, X, y))["model"]
    theirs = TWINS["linear_regressor"][1](p).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["linear", "linear_regressor"])
def test_every_model_of_a_pack_is_the_pack_of_that_one(name):
    classes = (0, 1) if name == "linear" else ()
    X, y = mixed(load_breast_cancer if classes else load_diabetes)
    whole = dataclasses.replace(registry.get(name)().summary, epochs=2)
    state = state_of(whole, X, y, classes)
    assert len(state.pack) > 30
    for i in range(0, len(state.pack), 5):
        m = state.pack[i]
        alone = dataclasses.replace(
            whole, losses=m.loss, alphas=repr(m.alpha), l1_ratios=repr(m.l1_ratio), eta0s=repr(m.eta0)
        )
        np.testing.assert_allclose(
            state_of(alone, X, y, classes).coef[:, 0], state.coef[:, i], rtol=1e-9, atol=1e-12
        )


def naive(optimizer, X, y, member, batch_rows, power_t):
    """The steps of the papers, one model, in words."""
    theta, v, m = np.zeros(X.shape[1] + 1), np.zeros(X.shape[1] + 1), np.zeros(X.shape[1] + 1)
    z = np.column_stack([X, np.ones(len(X))])
    parts = -(-len(y) // batch_rows)
    ends = [len(y) * i // parts for i in range(parts + 1)]
    for t, (start, stop) in enumerate(itertools.pairwise(ends), start=1):
        rows, target = z[start:stop], np.where(y[start:stop], 1.0, -1.0)
        g = rows.T @ (-target / (1.0 + np.exp(target * (rows @ theta)))) / len(rows)
        rate = member.eta0 * t**-power_t
        if optimizer == "adagrad":
            v = v + g**2
            rate, step = member.eta0 / (np.sqrt(v) + 1e-8), g
        else:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            rate, step = rate / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m / (1 - 0.9**t)
        l2, l1 = member.alpha * (1 - member.l1_ratio), member.alpha * member.l1_ratio
        new = theta * (1.0 - rate * l2) - rate * step
        new = np.sign(new) * np.maximum(np.abs(new) - rate * l1, 0.0)
        new[-1] = theta[-1] - (rate * step)[-1]
        theta = new
    return theta


@pytest.mark.parametrize("optimizer", ["adagrad", "adam"])
def test_optimizers_are_those_of_the_papers(optimizer):
    X, y = mixed(load_breast_cancer)
    X = scale(X)
    summary = PackedClassifiers(
        "log_loss", "0.1, 0.001", "0, 0.7", "0.05, 0.2", optimizer, 0.3, 16, 1, standardize=False
    )
    state = state_of(summary, X, y, (0, 1))
    for i, member in enumerate(state.pack):
        twin = naive(optimizer, X, y, member, 16, 0.3)
        np.testing.assert_allclose(state.coef[:, i], twin, rtol=1e-8, atol=1e-10)
    assert (state.coef == 0.0).any(), "a lasso penalty drops columns"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_coefficients_without_a_gradient_shrink_by_the_step_size_of_the_others(optimizer):
    """As many steps as passed, each as long as the last step of the optimizer itself."""
    stepper = Stepper(
        OPTIMIZERS[optimizer], np.array([0.1, 0.01]), 0.5, np.array([0.2, 0.0]), np.array([0.0, 0.05])
    )
    theta, slots = np.ones((1, 2)), np.zeros((OPTIMIZERS[optimizer].slots, 1, 2))
    stepper.step(theta, slots, np.array([[0.3, 0.3]]), t=3)
    g, rate = 0.3, stepper.eta0 if optimizer == "adagrad" else stepper.eta0 / np.sqrt(3)
    moments = {"sgd": 1.0, "adagrad": g, "adam": np.sqrt(0.001 * g**2 / (1.0 - 0.999**3))}
    size = rate / moments[optimizer]
    expected = theta * (1.0 - size * stepper.l2) ** 2 - 2 * size * stepper.l1
    stepper.shrink(theta, slots, t=3, passed=np.array([2]))
    np.testing.assert_allclose(theta, expected, rtol=1e-6)


@pytest.mark.parametrize("name", [*CLASS_LOSSES, *NUMBER_LOSSES])
def test_slopes_are_those_of_the_values(name):
    loss = CLASS_LOSSES.get(name) or number_loss(name, 0.3, 0.7)
    eta, step = np.linspace(-3.03, 3.07, 41), 1e-6
    for y in (-1.0, 1.0):
        numbers = (loss.value(eta + step, y) - loss.value(eta - step, y)) / (2 * step)
        np.testing.assert_allclose(loss.slope(eta, y), numbers, atol=1e-5)


@pytest.mark.parametrize("optimizer", ["adagrad", "adam", "sgd"])
@pytest.mark.parametrize(
    ("load", "least"), [(load_breast_cancer, 0.95), (load_digits, 0.93), (load_wine, 0.88)]
)
def test_predictions_are_as_good_as_scikit_learns(load, least, optimizer):
    X, y = mixed(load)
    train = np.arange(len(y)) % 4 != 0
    summary = PackedClassifiers(optimizer=optimizer)
    state = state_of(summary, X[train], y[train], np.unique(y).tolist())
    theirs = make_pipeline(StandardScaler(), SGDClassifier(random_state=0)).fit(X[train], y[train])
    floor = theirs.score(X[~train], y[~train]) - 0.07
    for loss in ("hinge", "squared_hinge", "log_loss"):
        ours = fitted(Linear(loss=loss, summary=summary), state).score(X[~train], y[~train])
        assert ours >= max(floor, least)


@pytest.mark.parametrize("optimizer", ["adagrad", "adam", "sgd"])
def test_regressions_are_as_good_as_scikit_learns(optimizer):
    X, y = mixed(load_diabetes)
    summary = PackedRegressors(optimizer=optimizer)
    state = state_of(summary, X, y)
    full = SGDRegressor(random_state=0, max_iter=5000).fit(scale(X), scale(y)).score(scale(X), scale(y))
    for loss in ("squared_error", "huber", "epsilon_insensitive", "quantile"):
        assert fitted(LinearRegressor(loss=loss, summary=summary), state).score(X, y) > full - 0.03


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantiles_are_met(quantile):
    X, y = mixed(load_diabetes)
    summary = PackedRegressors(losses="quantile", quantile=quantile)
    ours = fitted(LinearRegressor(loss="quantile", summary=summary), state_of(summary, X, y))
    theirs = make_pipeline(StandardScaler(), QuantileRegressor(quantile=quantile, alpha=0.0)).fit(X, y)
    a, b = (mean_pinball_loss(y, m.predict(X), alpha=quantile) for m in (ours, theirs))
    assert a < 1.05 * b
    assert np.mean(y <= ours.predict(X)) == pytest.approx(quantile, abs=0.06)


def test_merging_is_the_mean_by_rows_and_keeps_zero_states_out():
    X, y = mixed(load_breast_cancer)
    summary = PackedClassifiers(epochs=1)
    shape, rows = shape_of(X, (0, 1)), rows_of(X, y)
    made = ready(summary, shape, rows)
    a = made.update(made.init(shape), rows_of(X[:400], y[:400]))
    b = made.update(made.init(shape), rows_of(X[400:], y[400:]))
    merged = made.merge(a, b)
    np.testing.assert_allclose(merged.coef, (400 * a.coef + 169 * b.coef) / 569, rtol=1e-12)
    assert merged.rows == 569
    assert merged.counts.tolist() == np.bincount(y).tolist()


@pytest.mark.parametrize("unit", [2.0**-500, 2.0**-44, 2.0**-40, 2.0**40, 2.0**700])
@pytest.mark.parametrize("sparse", [False, True])
def test_units_of_columns_do_not_matter(unit, sparse):
    """The same numbers in another unit, bit for bit: neither too small nor too large to have squares."""
    X, y = mixed(load_breast_cancer)
    X[:, 3], shape = 0.1, shape_of(X, (0, 1))
    summary = PackedClassifiers(losses="hinge", epochs=1)
    kind = (lambda X, y: SparseBatch(csr_array(X), y[:, None].astype(float))) if sparse else rows_of
    batches = kind(X * unit, y), kind(X, y)
    ours, twin = (laws.lift(ready(summary, shape, rows), shape, rows) for rows in batches)
    np.testing.assert_array_equal(ours.coef, twin.coef)
    assert np.flatnonzero(ours.learned["scale"] == 1.0).tolist() == [3], "the column of one value"
    assert ours.learned["center"][3] == pytest.approx(0.1 * unit, rel=1e-15)
    assert fitted(Linear(summary=summary), ours).score(X * unit, y) > 0.95


def test_a_target_in_small_units_is_learned():
    X, y = mixed(load_diabetes)
    summary = PackedRegressors(losses="squared_error")
    ours, twin = (state_of(summary, X, y * unit) for unit in (2.0**-100, 1.0))
    np.testing.assert_array_equal(ours.coef, twin.coef)


def test_the_order_of_rows_is_that_of_their_priorities():
    X, y = mixed(load_breast_cancer)
    order = np.random.default_rng(1).permutation(len(y))
    summary, shape, rows = PackedClassifiers(epochs=1), shape_of(X, (0, 1)), rows_of(X, y)
    made = ready(summary, shape, rows)
    other = dataclasses.replace(rows, values=rows.values[order], priority=rows.priority[order])
    same = laws.lift(made, shape, other)
    np.testing.assert_array_equal(same.coef, laws.lift(made, shape, rows).coef)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_row_beyond_full_mini_batches_makes_no_step_of_its_own(optimizer):
    """129 rows are as good as 128: the last one does not undo what the others taught."""
    losses, summary = [], PackedClassifiers("log_loss", "1e-4", "0", optimizer=optimizer, epochs=5)
    for seed in range(12):
        X, y = make_classification(3000, 20, n_informative=5, flip_y=0.1, random_state=seed)
        models = [
            fitted(Linear(loss="log_loss", summary=summary), state_of(summary, X[:n], y[:n], (0, 1)))
            for n in (128, 129)
        ]
        losses.append([log_loss(y[200:], model.predict_proba(X[200:])) for model in models])
    full, beyond = np.mean(losses, axis=0)
    assert beyond < full + 0.01


def test_sorted_classes_do_no_harm():
    X, y = load_breast_cancer(return_X_y=True)
    order = np.argsort(y, kind="stable")
    shape, rows = shape_of(X, (0, 1)), rows_of(X[order], y[order])
    rows = dataclasses.replace(rows, priority=np.random.default_rng(0).permutation(len(y)).astype(np.uint64))
    made = ready(PackedClassifiers(epochs=3), shape, rows)
    assert fitted(Linear(), laws.lift(made, shape, rows)).score(X, y) > 0.95


def test_weights_are_shares_of_the_slopes():
    X, y = mixed(load_breast_cancer)
    a = state_of(PackedClassifiers(), X, y, (0, 1), np.full(len(y), 3.0))
    b = state_of(PackedClassifiers(), X, y, (0, 1))
    np.testing.assert_allclose(a.coef, b.coef, rtol=1e-9, atol=1e-12)
    w = np.where(y == 1, 20.0, 1.0)
    c = state_of(PackedClassifiers(), X, y, (0, 1), w)
    recall = [np.mean(fitted(Linear(alpha=1e-2), s).predict(X[y == 0]) == 0) for s in (b, c)]
    assert recall[0] > recall[1]


def test_the_step_size_is_the_one_that_learned_best_or_the_mean_of_all():
    X, y = mixed(load_breast_cancer)
    summary = PackedClassifiers(losses="log_loss", eta0s="1e-9, 0.3")
    state = state_of(summary, X, y, (0, 1))
    chosen = Linear(loss="log_loss", summary=summary).solve(state)
    assert chosen.member.eta0 == 0.3
    other = Linear(loss="log_loss", summary=summary, eta0=1e-9).solve(state)
    mean = Linear(loss="log_loss", summary=summary, average=True).solve(state)
    np.testing.assert_allclose(mean.coef, (chosen.coef + other.coef) / 2, rtol=1e-12)


@pytest.mark.parametrize("rows", [20, 64, 100, 150, 250])
def test_few_rows_tell_step_sizes_apart(rows):
    X, y = mixed(load_breast_cancer)
    X, y = X[:rows], y[:rows]
    summary = PackedClassifiers(losses="log_loss", eta0s="1e-9, 0.3")
    state = state_of(summary, X, y, (0, 1))
    assert Linear(loss="log_loss", summary=summary).solve(state).member.eta0 == 0.3
    epochs, batches = int(state.learned["epochs"][0]), -(-rows // 64)
    assert state.steps == epochs * batches
    sizes = np.diff([rows * i // batches for i in range(batches + 1)])
    assert state.scored == sum(sizes[step % batches] for step in range(0, state.steps, 4))
    still = [i for i, m in enumerate(state.pack) if m.eta0 == 1e-9]
    np.testing.assert_allclose(state.loss[still] / state.scored, np.log(2.0), rtol=1e-6)


@pytest.mark.parametrize(
    "metric", ["accuracy", "roc_auc", "r2", "neg_mean_absolute_error", "neg_mean_squared_error"]
)
def test_quick_scores_are_scikit_learns(metric):
    from sklearn.metrics import get_scorer

    classes = (0, 1) if metric in ("accuracy", "roc_auc") else ()
    X, y = mixed(load_breast_cancer if classes else load_diabetes)
    algorithm = Linear() if classes else LinearRegressor()
    solution = algorithm.solve(state_of(algorithm.summary, X, y, classes))
    sample = Sample(size=200)
    rows = sample.update(sample.init(shape_of(X, classes)), rows_of(X, y))
    found = algorithm.score(solution, Held(None, rows), metric)
    twin = get_scorer(metric)(algorithm.estimator(solution), rows.X, rows.y)
    assert found == pytest.approx(twin, rel=1e-9)
    assert algorithm.score(solution, Held(None, rows), "max_error") is None


def test_a_study_reads_once_and_every_model_of_the_pack_answers(tmp_path):
    X, y = mixed(load_breast_cancer)
    folds = {"scheme": "kfold", "n_splits": 5, "seed": 0}
    asked = {"algorithm": "linear", "scoring": "roc_auc", "store": tmp_path, "folds": folds}
    result = hpo.tune((X, y), trials=18, sampler="grid", **asked)
    assert result.cost.rows_read == len(y)
    assert {t.params["linear.loss"] for t in result.optuna_study.trials} == {
        "hinge",
        "squared_hinge",
        "log_loss",
    }
    assert result.best_value > 0.98
    assert hpo.tune((X, y), trials=3, seed=1, **asked).cost.rows_read == 0
    search = {"linear.losses": "log_loss", "linear.alphas": "1e-3", "linear.optimizer": ["sgd", "adam"]}
    both = hpo.tune((X, y), trials=4, search=search, **asked)
    assert both.cost.rows_read == len(y), "two packs, one pass"
    assert set(both.best_model["model"].predict(both.best_model[:-1].transform(X))) == {0, 1}


def test_a_thousand_classes_and_an_unseen_one_work():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 5))
    y = np.arange(3000) % 1000
    summary = PackedClassifiers(losses="log_loss", alphas="1e-4", l1_ratios="0", eta0s="1", epochs=1)
    state = state_of(summary, X[y != 7], y[y != 7], range(1000))
    model = fitted(Linear(loss="log_loss", summary=summary), state)
    assert model["model"].coef_.shape == (1000, 5)
    assert 7 not in model.predict(X[:500])


def test_what_cannot_be():
    X, y = mixed(load_breast_cancer)
    for values, words in (
        ({"losses": "hinje"}, "'hinje' is not one of hinge"),
        ({"losses": "hinge, hinge"}, "different names"),
        ({"alphas": "1e-4; 2"}, "alphas='1e-4; 2'.*separated by commas"),
        ({"l1_ratios": "2"}, "l1_ratios='2'.*from 0 to 1"),
        ({"eta0s": "0"}, "eta0s='0'"),
        ({"optimizer": "newton"}, "optimizer='newton'"),
        ({"batch_rows": 0}, "batch_rows=0"),
        ({"loss": "huber"}, "loss='huber'"),
        ({"eta0": 0.1, "average": True}, "average=True"),
    ):
        with pytest.raises(InvalidField, match=words):
            fields.build(Linear, values)
    with pytest.raises(InvalidField, match="quantile=1"):
        fields.build(LinearRegressor, {"quantile": 1.0})
    state = state_of(PackedClassifiers(), X, y, (0, 1))
    with pytest.raises(InvalidField, match=r"alpha=3\.0: the pack has 1e-06, 0\.0001, 0\.01.*alphas="):
        Linear(alpha=3.0).solve(state)
    with pytest.raises(NotEnoughRows, match="two classes, and all are 'b'"):
        Linear().solve(state_of(PackedClassifiers(), X, np.ones(len(y)), ("a", "b")))
    wild = one(PackedRegressors, "squared_error", 1e-4, 1e6, optimizer="sgd", epochs=50)
    with pytest.raises(AlgorithmError, match=r"eta0=1e\+06 grew without bound"):
        LinearRegressor(summary=wild).solve(state_of(wild, X, y.astype(float)))
    tame = dataclasses.replace(wild, eta0s="1e-3, 1e6")
    state = state_of(tame, X, y.astype(float))
    assert LinearRegressor(summary=tame).solve(state).member.eta0 == 1e-3
    with pytest.raises(AlgorithmError, match=r"eta0=1e\+06 grew without bound"):
        LinearRegressor(summary=tame, average=True).solve(state)


def test_packs_say_that_they_are_resumable():
    assert Packed.family == "resumable"
    assert "split" not in laws.PROMISES[Packed.family]
    X, y = mixed(load_breast_cancer)
    summary, shape, rows = PackedClassifiers(), shape_of(X, (0, 1)), rows_of(X, y)
    made = ready(summary, shape, rows)
    parts = [rows_of(X[:100], y[:100]), rows_of(X[100:], y[100:])]
    with pytest.raises(laws.LawBroken, match="split"):
        laws.split_invariance(made, shape, rows, parts)
