"""Every algorithm's own score of rows is that of scikit-learn's scorer, asked of the estimator on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from algorithms import registry
from algorithms.contract import Batch, Column, Held, Shape
from algorithms.families.outliers import outlier_code
from algorithms.fields import build, fields_of
from algorithms.scoring.scorers import scorer_of
from algorithms.solvers.separation import SEPARATION
from algorithms.summaries.sample import Sample
from algorithms.tasks import CLASS, NUMBER, TASKS

COLUMNS = tuple(Column(name, name, origin=o) for name, o in (("a", 3.0), ("b", -20.0), ("c", 0.0)))
TRAIN, HELD = 300, 120

IN_DOUBT = ("lda", "qda")
"""Algorithms that answer only where rounding may move a score; else scikit-learn's scorer is asked."""
OWN = [
    name for name in registry.names()
    if (not registry.get(name).tags.exact or registry.get(name).tags.sampled)
    and name not in (*IN_DOUBT, "complement_nb")
    and registry.get(name)().chained is None  # what is trained in epochs is asked by scikit-learn's scorers
    and registry.get(name).tags.task not in ("recommendation", "topics", "forecasting")  # whose scores are none of scikit-learn's
]  # fmt: skip

SCORERS = sorted(set(metrics.get_scorer_names()))

APART = {
    "silhouette": metrics.silhouette_score,
    "neg_davies_bouldin": lambda X, labels: -metrics.davies_bouldin_score(X, labels),
    "calinski_harabasz": metrics.calinski_harabasz_score,
}
"""Scikit-learn's scores of clusters."""

assert set(APART) == set(SEPARATION)


def rows_of(shape, n, seed, *, steep, weighted):
    """Rows whose classes a steep model tells apart with probabilities of 0 and 1, a few of them wrongly."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, shape.d)) * np.array([steep, 1.0, 1.0])
    line = X[:, 0] + 0.1 * X[:, 1]
    values = np.column_stack([X, line][: 1 + shape.t])
    if shape.classes:
        cuts = np.quantile(line, np.arange(1, len(shape.classes)) / len(shape.classes))
        values[:, shape.d] = np.searchsorted(cuts, line)
        wrong = rng.random(n) < 0.03
        values[wrong, shape.d] = rng.integers(0, len(shape.classes), wrong.sum())
    elif shape.t:
        values[:, shape.d] = np.exp(np.clip(line / steep, -4.0, 4.0))
    weight = rng.integers(1, 4, n).astype(float) if weighted else None
    return Batch(
        np.asfortranarray(values, shape.dtype), shape.d, weight, priority=rng.permutation(n).astype(np.uint64)
    )


def shape_for(target, classes, dtype):
    labels = ("a", "b", "c")[:classes] if target == CLASS else ()
    return Shape(COLUMNS, () if target is None else ("y",), labels, np.dtype(dtype).name)


def state_of(summary, shape, batch):
    if summary.learning is not None:
        summary = summary.knowing(summary.learn(shape, batch))
    return summary.update(summary.init(shape), batch)


def sample_of(shape, batch):
    return state_of(Sample(size=1000), shape, batch)


def scikit_learns(algorithm, model, rows, metric, state):
    """The score of scikit-learn's scorer; None where it has none."""
    weights = {"sample_weight": rows.sample_weight} if rows.weighted else {}
    task = TASKS[algorithm.tags.task]
    if task.target is None:
        made = model[:-1].transform(rows.X) if len(model.steps) > 1 else rows.X
        return APART[metric](made, model.predict(rows.X))
    try:
        if not task.one_class:
            return scorer_of(metric, rows.shape.classes)(model, rows.X, rows.y, **weights)
        truth = rows.y == rows.shape.classes[outlier_code(state)]
        scorer = scorer_of(metric, (0, 1))
        return scorer(Turned(model), rows.X, truth.astype(int), **weights)
    except (AttributeError, TypeError, ValueError):
        return None


class Turned:
    """A fitted model of outliers as a classifier of them: 1 is an outlier."""

    classes_ = np.array([0, 1])
    _estimator_type = "classifier"

    def __init__(self, model):
        self.model = model

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags

        tags = self.model.__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        return tags

    def predict(self, X):
        return (self.model.predict(X) < 0).astype(int)

    def decision_function(self, X):
        return -self.model.decision_function(X)


def settings(name):
    """The default, and one of the least penalty, whose probabilities are 0 and 1."""
    known = fields_of(registry.get(name))
    plain = {k: v for k, v in (("n_components", 3),) if k in known}
    steep = {k: v for k, v in (("C", 1e8), ("n_neighbors", 1), ("alpha", 1e-8)) if k in known}
    if "losses" in known:
        loss = known["loss"].range.values[-1]
        steep = {"loss": loss, "losses": loss}
    return [plain, steep] if steep else [plain]


def own_score(algorithm, solution, rows, metric):
    from algorithms.errors import AlgorithmError

    try:
        return algorithm.score(solution, Held(None, rows), metric)
    except AlgorithmError:
        return None


CASES = [
    (name, i, classes)
    for name in OWN
    for i in range(len(settings(name)))
    for classes in ((2, 3) if TASKS[registry.get(name).tags.task].name == "classification" else (2,))
]


@pytest.mark.filterwarnings("ignore")  # scikit-learn's own of metrics that do not suit
@pytest.mark.parametrize(
    ("dtype", "weighted"), [(np.float64, False), (np.float64, True), (np.float32, False)]
)
@pytest.mark.parametrize("steep", [1.0, 1e3])
@pytest.mark.parametrize(("name", "setting", "classes"), CASES)
def test_its_own_score_of_rows_is_scikit_learns(name, setting, classes, steep, dtype, weighted):
    algorithm = build(registry.get(name), settings(name)[setting])
    target = TASKS[algorithm.tags.task].target
    if target is None and weighted:
        pytest.skip("scikit-learn's scores of clusters take no weights")
    shape, how = shape_for(target, classes, dtype), {"steep": steep, "weighted": weighted}
    state = state_of(algorithm.summary, shape, rows_of(shape, TRAIN, 0, **how))
    rows = sample_of(shape, rows_of(shape, HELD, 1, **how))
    solution = algorithm.solve(state)
    model = algorithm.estimator(solution)
    answered = 0
    for metric in APART if target is None else SCORERS:
        found = own_score(algorithm, solution, rows, metric)
        expected = None if found is None else scikit_learns(algorithm, model, rows, metric, state)
        if found is not None and expected is not None:
            answered += 1
            # estimators of float32 rows calculate in float32, our own scores never do
            close = {"rtol": 1e-9, "atol": 1e-12} if dtype == np.float64 else {"rtol": 1e-4, "atol": 1e-5}
            np.testing.assert_allclose(found, expected, **close, err_msg=metric)
    assert answered, "it answers none of scikit-learn's scorers"
    assert target in (None, NUMBER, CLASS)
