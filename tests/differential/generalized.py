"""Generalized linear models of kept rows against scikit-learn's, each to the tolerance that its solver has.

Both sides end with Newton's steps, whose error is squared by each, so that they agree to eight digits.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import LinAlgWarning
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, TweedieRegressor

from differential import agreement, rows
from differential.agreement import Disagreement, Fold
from differential.classifiers import NEAR, Answers, coded, scored
from differential.extended import Long, Undefined, back, factor, forward
from differential.settings import Example
from differential.tables import Table

NAMES = ("logistic", "poisson", "gamma", "tweedie")
CLOSE = 1e-8
"""Largest difference, in units of a score's own scale, and of a prediction's."""
TIGHT = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 500}
LARGEST = 1e150
"""Means above it have no finite square."""
STEPS = 3
"""Of Newton's method, beside those of scikit-learn."""
SCALED = 1e4
"""Ratio of spreads from which scikit-learn's Newton steps lose their digits."""


class Generalized:
    """scikit-learn's model, by Newton's method; Undefined where that does not end."""

    def condition(self, example: Example, t: Table, train: np.ndarray) -> float:
        """Return the condition of the columns; Undefined where the mean of a row is none that a float can hold."""
        if example.algorithm != "logistic":
            model, (X,) = self.fitted(example, t, train, [rows.features(t, np.flatnonzero(t.weight > 0))])
            with np.errstate(over="ignore"):
                if not model.predict(X).max() < LARGEST:
                    raise Undefined("a mean that overflows")
        made = rows.designed(example, t, train, [])
        return factor(made.placed(0), np.zeros(len(train), Long)).condition

    def fitted(
        self,
        example: Example,
        t: Table,
        train: np.ndarray,
        others: list[pd.DataFrame],
        *,
        longer: bool = False,
    ) -> tuple[Any, list[np.ndarray]]:
        """Return the model, and the other rows; ``longer`` of classes too takes the last steps in extended precision."""
        made = rows.designed(example, t, train, others)
        X = [made.placed(i).astype(float) for i in range(len(made.rows))]
        spreads = X[0].std(axis=0)
        spreads = spreads[spreads > 0]
        if not len(spreads) or spreads.max() > SCALED * spreads.min():
            raise Undefined("a descent on columns of very different units")
        if example.algorithm != "logistic" and not t.y[train].any():
            raise Undefined("a mean of counts that are all zero: the smaller, the better")
        model = self.model(example)
        y = coded(t, train)[1] if example.algorithm == "logistic" else t.y[train]
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            warnings.simplefilter("error", LinAlgWarning)
            try:
                model.fit(X[0], y, sample_weight=made.weight)
            except (ConvergenceWarning, LinAlgWarning):
                raise Undefined("what a descent has come to") from None
        if example.algorithm != "logistic":
            self.polish(example, model, made.placed(0), y.astype(Long), made.weight.astype(Long))
        elif longer:
            self.polish_classes(model, made.placed(0), y, made.weight.astype(Long))
        return model, X[1:]

    def polish(self, example: Example, model: Any, A: np.ndarray, y: np.ndarray, w: np.ndarray) -> None:
        """Take Newton's last steps in extended precision: a mean of 10⁻³⁹ is flat to double precision."""
        power = {"poisson": 1, "gamma": 2}.get(example.algorithm, example.values.get("power"))
        p, alpha, A = Long(power), Long(example.values["alpha"]), np.column_stack([A, np.ones(len(A), Long)])
        at, pull = np.append(model.coef_, model.intercept_).astype(Long), np.append(np.full(A.shape[1] - 1, alpha), 0)
        for _ in range(STEPS):
            mean = np.exp(A @ at)
            slope = A.T @ (w * mean ** (1 - p) * (mean - y)) / w.sum() + pull * at
            bend = w * ((2 - p) * mean ** (2 - p) - (1 - p) * y * mean ** (1 - p)) / w.sum()
            root = np.vstack([A * np.sqrt(np.maximum(bend, 0))[:, None], np.diag(np.sqrt(pull))])
            f = factor(root, np.zeros(len(root), Long))
            if f.rank < A.shape[1]:
                return
            step = np.zeros(A.shape[1], Long)
            step[f.order] = back(f.r, forward(f.r.T, (slope / f.norms)[f.order]))
            at = at - step / f.norms
        model.coef_, model.intercept_ = at[:-1].astype(float), float(at[-1])

    def polish_classes(self, model: Any, A: np.ndarray, y: np.ndarray, w: np.ndarray) -> None:
        """Take Newton's last steps of a classifier in extended precision, by the QR of a root of the Hessian.

        That of a row's shares is diag(√p)(1 - 1pᵀ): its square is diag(p) - ppᵀ. Of several intercepts the sum is free.
        """
        A, (e, q) = np.column_stack([A, np.ones(len(A), Long)]), model.coef_.shape
        at = np.column_stack([model.coef_, model.intercept_]).astype(Long)
        pull = np.tile(np.append(np.full(q, 1 / Long(model.C)), 0), (e, 1))
        hit = (y[:, None] == model.classes_[-e:]).astype(Long)
        free = np.append(np.zeros(q, Long), 1)
        for _ in range(STEPS):
            eta = A @ at.T
            if e == 1:
                p = 1 / (1 + np.exp(-eta))
                B = np.sqrt(p * (1 - p))[:, :, None]
            else:
                p = np.exp(eta - eta.max(axis=1, keepdims=True))
                p /= p.sum(axis=1, keepdims=True)
                B = np.sqrt(p)[:, :, None] * (np.eye(e, dtype=Long) - p[:, None, :])
            slope = ((w[:, None] * (p - hit)).T @ A + pull * at).ravel()
            bent = (np.sqrt(w)[:, None, None, None] * B[..., None] * A[:, None, None, :]).reshape(-1, e * (q + 1))
            root = np.vstack([bent, np.diag(np.sqrt(pull.ravel())), *([np.tile(free, e)[None]] if e > 1 else [])])
            f = factor(root, np.zeros(len(root), Long))
            if f.rank < len(slope):
                return
            step = np.zeros(len(slope), Long)
            step[f.order] = back(f.r, forward(f.r.T, (slope / f.norms)[f.order]))
            at = at - (step / f.norms).reshape(e, q + 1)
        model.coef_, model.intercept_ = at[:, :-1].astype(float), at[:, -1].astype(float)

    def model(self, example: Example) -> Any:
        """Return scikit-learn's estimator, not fitted."""
        if example.algorithm == "logistic":
            return LogisticRegression(C=example.values["C"], **TIGHT)
        if example.algorithm == "tweedie":
            return TweedieRegressor(**{k: example.values[k] for k in ("alpha", "power")}, link="log", **TIGHT)
        return {"poisson": PoissonRegressor, "gamma": GammaRegressor}[example.algorithm](
            alpha=example.values["alpha"], **TIGHT
        )

    def score(self, example: Example, t: Table, train: np.ndarray, test: np.ndarray, fold: Fold) -> None:
        """Compare the score of a fold; where it differs, that of a classifier known to more digits."""
        try:
            self.compared(example, t, train, test, fold)
        except Disagreement:
            if example.algorithm != "logistic":
                raise
            self.compared(example, t, train, test, fold, longer=True)

    def compared(
        self, example: Example, t: Table, train: np.ndarray, test: np.ndarray, fold: Fold, *, longer: bool = False
    ) -> None:
        """Compare the score of a fold."""
        model, (X,) = self.fitted(example, t, train, [rows.features(t, test)], longer=longer)
        w = t.weight[test]
        if example.algorithm == "logistic":
            labels, codes = coded(t, test, train)
            answered = Answers(np.zeros((0, 0)), model.predict_proba(X))
            expected, scale = scored(example.scoring, labels, codes, answered, w)
        else:
            y, mean = t.y[test], model.predict(X)
            residual = (y - mean).astype(Long)
            expected, scale = agreement.squared(
                example.scoring, (y - y.mean()).astype(Long), residual, w.astype(Long), np.abs(y).max()
            )
            scale *= max(1.0, float(np.log(mean.max())))  # of an exponent that is known to so many digits
        # coefficients are known to the last digits of the largest, which rows far from the training ones multiply
        far = 4 * np.finfo(float).eps * float(np.abs(X).max(initial=0.0) * np.abs(model.coef_).max(initial=0.0))
        fold.agree(expected, max(scale, abs(expected)), CLOSE + far)

    def predictions(self, example: Example, t: Table, model: Any) -> None:
        """Compare predictions of fresh rows; where they differ, those of a classifier known to more digits."""
        try:
            self.predicted(example, t, model)
        except Disagreement:
            if example.algorithm != "logistic":
                raise
            self.predicted(example, t, model, longer=True)

    def predicted(self, example: Example, t: Table, model: Any, *, longer: bool = False) -> None:
        """Compare predictions of fresh rows."""
        every = np.flatnonzero(t.weight > 0)
        twin, (X,) = self.fitted(example, t, every, [t.fresh], longer=longer)
        made = rows.designed(example, t, every, [])
        means = np.abs(made.mean / made.scale).astype(float)
        # the number that fills a gap, and an intercept, are floats far from zero, in scikit-learn too
        close = CLOSE + 32 * np.finfo(float).eps * float((np.abs(np.atleast_2d(twin.coef_)) @ means).max())
        if example.algorithm != "logistic":
            expected = twin.predict(X)
            agreement.alike(
                "predictions", model.predict(t.fresh), expected, 0.0, close * np.maximum(expected, 1.0)
            )
            return
        expected = twin.predict_proba(X)
        agreement.alike("probabilities", model.predict_proba(t.fresh), expected, 0.0, close)
        sure = np.diff(np.sort(expected, axis=1)[:, -2:])[:, 0] > max(NEAR, 4 * close)
        labels, _ = coded(t, np.flatnonzero(t.weight > 0))
        if not (labels[expected.argmax(axis=1)] == model.predict(t.fresh))[sure].all():
            raise Disagreement("predicted classes")
