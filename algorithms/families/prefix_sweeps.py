"""What the first m parts of a fitted ensemble say of some rows, for every m asked for, in one sweep over its parts.

An estimator is cut for each m, and given what its parts add up to in place of asking them again: the rest, from
there to labels and probabilities, is its own code. So answers are those of the cut estimator, and the sweep costs
about what one prediction by all parts does.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, is_classifier

from algorithms.arrays import Floats, Values
from algorithms.scoring.blocks import METHODS
from algorithms.scoring.given import Given

First = Callable[[int], BaseEstimator]
"""Cuts a fitted estimator to its first m parts."""

Sweep = Callable[[First, BaseEstimator, Floats, Sequence[int]], Iterator[BaseEstimator]]
"""Yields an estimator for each m, in ascending order, to be asked of these rows alone before the next is made."""


class Answers(Given):
    """What an estimator says of some rows; other rows are asked of another.

    Parameters
    ----------
    model : whose answers they are.
    X : the rows as the model takes them.
    elsewhere : makes the estimator that is asked of any other number of rows.

    Examples
    --------
    >>> from sklearn.dummy import DummyRegressor
    >>> model = DummyRegressor().fit([[0.0], [0.0]], [1.0, 3.0])
    >>> Answers(model, np.zeros((2, 1)), lambda: model).predict([[0.0], [0.0]]).tolist()
    [2.0, 2.0]
    """

    def __init__(self, model: BaseEstimator, X: Floats, elsewhere: Callable[[], BaseEstimator]) -> None:
        found = {name: partial(getattr(model, name), X) for name in METHODS if hasattr(model, name)}
        kind = "classifier" if is_classifier(model) else "regressor"
        super().__init__(found, kind, getattr(model, "classes_", None))
        self.rows, self.elsewhere = len(X), elsewhere

    def __getattr__(self, name: str) -> Callable[[object], Values]:
        known = super().__getattr__(name)

        def say(X: object) -> Values:
            if len(np.asarray(X)) == self.rows:
                return known(X)
            found: Values = getattr(self.elsewhere(), name)(X)
            return found

        say.__name__ = name
        return say


def raw_scores(first: First, model: BaseEstimator, X: Floats, values: Sequence[int]) -> Iterator[BaseEstimator]:
    """Sweep over gradient boosting of scikit-learn: the raw scores after every round."""
    stages, done, raw = model._staged_raw_predict(X), 0, np.empty(0)
    for value in values:
        for stage in itertools.islice(stages, value - done):
            raw = stage
        done, shorter = value, first(value)
        shorter._raw_predict = partial(_say, raw)
        yield shorter


def sums(first: First, model: BaseEstimator, X: Floats, values: Sequence[int]) -> Iterator[BaseEstimator]:
    """Sweep over forests and bagging: the mean of what each part says."""
    totals = _Sums(model, X)
    names = ("predict_proba", "decision_function") if is_classifier(model) else ("predict",)
    for value in values:
        shorter = first(value)
        m = len(shorter.estimators_)
        for name in names:
            if hasattr(shorter, name):
                setattr(shorter, name, partial(_mean, totals, name, m))
        yield shorter


class _Sums:
    """The sums of what the parts of an ensemble say of some rows, by method, as far as they were asked for."""

    def __init__(self, model: BaseEstimator, X: Floats) -> None:
        self.model, self.plain = model, not hasattr(model, "estimators_features_")
        self.X = model._validate_X_predict(X) if self.plain else X
        self.found: dict[str, tuple[int, Floats]] = {}

    def mean(self, method: str, m: int) -> Floats:
        """Return the mean of the first m; of an earlier m than the last it is summed anew."""
        done, total = self.found.get(method, (0, np.zeros(1)))
        for i in range(done if m >= done else 0, m):
            answer = self._of(i, method)
            total = np.add(total, answer, out=total) if i else np.array(answer)
        self.found[method] = m, total
        return np.asarray(total / m)

    def _of(self, i: int, method: str) -> Floats:
        """Return what a part says: of a forest, of rows that were checked once for all trees."""
        if self.plain:
            answer: Floats = getattr(self.model.estimators_[i], method)(self.X, check_input=False)
            return answer
        one = copy.copy(self.model)
        one.n_estimators, one.n_jobs = 1, None
        one.estimators_ = self.model.estimators_[i : i + 1]
        one.estimators_features_ = self.model.estimators_features_[i : i + 1]
        found: Floats = getattr(one, method)(self.X)
        return found


def votes(first: First, model: BaseEstimator, X: Floats, values: Sequence[int]) -> Iterator[BaseEstimator]:
    """Sweep over AdaBoost: weighted votes of classifiers, weighted medians of regressions."""
    if not is_classifier(model):
        parts = [_Column(part.predict(X)) for part in model.estimators_]
        for value in values:
            shorter = first(value)
            shorter.estimators_ = parts[:value]
            yield shorter
        return
    if model.n_classes_ == 1:
        yield from map(first, values)
        return
    classes, spread = model.classes_[:, np.newaxis], model.n_classes_ - 1
    done, total = 0, np.zeros((len(X), model.n_classes_))
    for value in values:
        shorter = first(value)
        weights = model.estimator_weights_
        for part, w in list(zip(model.estimators_, weights, strict=False))[done:value]:
            total += np.where((part.predict(X) == classes).T, w, -w / spread)
        done = value
        decision = total / shorter.estimator_weights_.sum()
        if model.n_classes_ == 2:
            decision = decision[:, 1] - decision[:, 0]
        shorter.decision_function = partial(_copied, decision)
        yield shorter


class _Column(BaseEstimator):
    """A part whose predictions are known."""

    def __init__(self, predicted: Floats) -> None:
        self.predicted = predicted

    def predict(self, X: Floats) -> Floats:
        """Return them."""
        return self.predicted


def raw_rounds(first: First, model: BaseEstimator, X: Floats, values: Sequence[int]) -> Iterator[BaseEstimator]:
    """Sweep over LightGBM: the raw scores of further rounds are added to those of the earlier."""
    answer = _of_raw_scores(model)
    if answer is None:
        yield from map(first, values)
        return
    booster, name = model.booster_, "predict_proba" if is_classifier(model) else "predict"
    last, done, raw = booster.current_iteration(), 0, np.zeros(1)
    for value in values:
        more = min(value, last) - done
        if more > 0:
            raw = raw + booster.predict(X, raw_score=True, start_iteration=done, num_iteration=more)
            done += more
        shorter = copy.copy(model)
        setattr(shorter, name, partial(_say, answer(raw)))
        if hasattr(shorter, "decision_function"):
            shorter.decision_function = partial(_say, raw)
        yield shorter


def margins(first: First, model: BaseEstimator, X: Floats, values: Sequence[int]) -> Iterator[BaseEstimator]:
    """Sweep over XGBoost: later rounds begin at the margin of the earlier, as its own sums do in single precision.

    The last round of each value is asked twice, since only a round makes predictions of a margin.
    """
    last, done, margin = model.get_booster().num_boosted_rounds(), 0, None
    for value in values:
        m = min(value, last)
        if m - 1 > done:
            margin = model.predict(X, output_margin=True, base_margin=margin, iteration_range=(done, m - 1))
            done = m - 1
        shorter = copy.copy(model)
        if m > done:
            given = {"base_margin": margin, "iteration_range": (done, m)}
            for name in ("predict", "predict_proba"):
                if hasattr(model, name):
                    setattr(shorter, name, partial(_asked, getattr(model, name), given))
            margin, done = model.predict(X, output_margin=True, **given), m
        else:
            shorter = first(m)
        yield shorter


def raw_trees(first: First, model: BaseEstimator, X: Floats, values: Sequence[int]) -> Iterator[BaseEstimator]:
    """Sweep over CatBoost: the raw scores of further trees are added to those of the earlier."""
    classes = model.classes_ if is_classifier(model) else None
    answer = _of_symmetric(model.get_all_params()["loss_function"].partition(":")[0], classes)
    if answer is None:
        yield from map(first, values)
        return
    last, done, raw = model.tree_count_, 0, np.zeros(1)
    for value in values:
        if (end := min(value, last)) > done:
            more = model.predict(X, prediction_type="RawFormulaVal", ntree_start=done, ntree_end=end)
            raw, done = raw + more, end
        methods = {name: partial(_say, found) for name, found in answer(raw).items()}
        yield Given(methods, "regressor" if classes is None else "classifier", classes)


def _of_symmetric(loss: str, classes: Values | None) -> Callable[[Floats], Mapping[str, Floats]] | None:
    """Return what makes answers of CatBoost's raw scores, by method; None where more than the loss decides them."""
    if classes is None:
        plain = ("RMSE", "MAE", "MAPE", "Quantile", "Huber", "LogCosh", "Lq", "Expectile")
        return (lambda raw: {"predict": raw}) if loss in plain else None
    if loss == "Logloss":
        return lambda raw: _labelled(np.vstack((expit(-raw), expit(raw))).T, classes[(raw > 0).astype(np.intp)])
    if loss == "MultiClass":
        return lambda raw: _labelled(softmax(raw, axis=1), classes[raw.argmax(axis=1)][:, np.newaxis])
    return None


def _labelled(chances: Floats, labels: Values) -> Mapping[str, Floats]:
    with np.errstate(divide="ignore"):
        return {"predict": labels, "predict_proba": chances, "predict_log_proba": np.log(chances)}


def _of_raw_scores(model: BaseEstimator) -> Callable[[Floats], Floats] | None:
    """Return what makes predictions of LightGBM's raw scores; None where more than the objective decides it."""
    if {"application", "app", "objective_type", "loss", "sigmoid", "reg_sqrt"} & model.get_params().keys():
        return None
    kind = model.objective_ if isinstance(model.objective_, str) else ""
    if kind in ("regression", "regression_l1", "huber", "fair", "quantile", "mape", "l1", "l2", "mae", "mse"):
        return np.asarray
    if kind == "binary":
        return lambda raw: np.vstack((1.0 - expit(raw), expit(raw))).T
    if kind == "multiclass":
        return lambda raw: np.asarray(softmax(raw, axis=1))
    return None


def _say(answer: Floats, *_: object, **__: object) -> Floats:
    return answer


def _asked(method: Callable[..., Floats], given: Mapping[str, object], X: Floats) -> Floats:
    return method(X, **given)


def _copied(answer: Floats, *_: object) -> Floats:
    """Return a copy: scikit-learn divides the array that it gets in place."""
    return answer.copy()


def _mean(totals: _Sums, method: str, m: int, *_: object) -> Floats:
    return totals.mean(method, m)
