"""Classifiers, counts, neighbours and generalized linear models against scikit-learn on raw rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from differential import agreement, rows
from differential.agreement import Disagreement, Fold
from differential.designs import Design
from differential.extended import Long, Undefined, orthogonal
from differential.oracles import JOINTS
from differential.settings import COUNTED, Example
from differential.tables import Table

TWINS = {"gaussian_nb": GaussianNB}
"""Classifiers that scikit-learn fits to the raw rows in floats, whose own error of a probability is allowed."""

NEAR = 1e-7
"""Difference of two probabilities below which either class may be predicted."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What is expected of held-out rows.

    Attributes
    ----------
    joint : log p(x, y) of every class, shape (n, C).
    probability : shape (n, C).
    lost : what a probability loses, in scikit-learn too, where a fitted model keeps means of 10⁹ spreads as floats,
        or squared distances of 10¹² are subtracted; of each row, or of all.
    """

    joint: np.ndarray
    probability: np.ndarray
    lost: float | np.ndarray = 0.0


class Classes:
    """A classifier by the joint density of rows and classes."""

    def condition(self, example: Example, t: Table, train: np.ndarray) -> float:
        """Return the condition of the covariances.

        States of ``gaussian_nb`` are not read again in more digits: where a tenth of all rows lie elsewhere than the
        training rows (their column's origin is there, or is none), the square of how far counts too. Where a class
        has one value of a column, which ``reg_param`` alone spreads, how far from zero it lies in such spreads counts:
        scikit-learn's mean of that value is off by rounding.
        """
        made = rows.designed(example, t, train, [rows.features(t, np.flatnonzero(t.weight > 0))])
        w, codes = made.weight.astype(Long), coded(t, train)[1]
        found = JOINTS[example.algorithm](made.placed(0), codes, w, example.values).condition
        away = _elsewhere(made, codes) ** 2 if example.algorithm in TWINS else 0.0
        return max(found, away, _single(made, codes, example))

    def answers(self, example: Example, t: Table, train: np.ndarray, others: list[pd.DataFrame]) -> list[Answers]:
        """Return what is expected of other rows."""
        made = rows.designed(example, t, train, others)
        placed = _near(made, rows.designed(example, t, train, others, centred=False), coded(t, train)[1])
        found = JOINTS[example.algorithm](
            placed[0], coded(t, train)[1], made.weight.astype(Long), example.values
        )
        logs, lines = ([of(X) for X in placed[1:]] for of in (found.log, found.shares))
        shift = -float(np.log(made.scale).sum())  # densities are of the columns in their own units
        gaps = any(f.isna().any(axis=None) for f in (rows.features(t, train), *others))
        lost = _lost_by_floats(made, coded(t, train)[1], example, gaps=gaps, squared=not found.line)
        means = _float_means(made, gaps=gaps)
        far = [
            _lost_by_products(made, X, found.slopes) if found.slopes is not None
            else 16 * np.finfo(float).eps * np.abs(log.max(axis=1)) + (found.pull(X, means) if found.pull else 0.0)
            for X, log in zip(placed[1:], logs, strict=True)
        ]  # fmt: skip
        return [
            Answers((log + shift).astype(float), softmax(line).astype(float), floats + away.astype(float))
            for log, line, floats, away in zip(logs, lines, lost, far, strict=True)
        ]

    def score(self, example: Example, t: Table, train: np.ndarray, test: np.ndarray, fold: Fold) -> None:
        """Compare the score of a fold."""
        answered = self.answers(example, t, train, [rows.features(t, test)])[0]
        labels, codes = coded(t, test, train)
        expected, scale = scored(example.scoring, labels, codes, answered, t.weight[test])
        fold.agree(expected, scale)

    def predictions(self, example: Example, t: Table, model: Any) -> None:
        """Compare classes and probabilities of the raw rows and of fresh ones."""
        every = np.flatnonzero(t.weight > 0)
        frames = [rows.features(t, every), t.fresh]
        labels, _ = coded(t, every)
        for answered, frame in zip(self.answers(example, t, every, frames), frames, strict=True):
            lost = np.broadcast_to(answered.lost, len(frame))
            if example.algorithm in TWINS:
                lost = np.maximum(lost, _lost_by_scikit_learn(example, t, every, frame, answered.probability))
            agreement.alike("probabilities", model.predict_proba(frame), answered.probability, 1.0, lost[:, None])
            sure = np.diff(np.sort(answered.probability, axis=1)[:, -2:])[:, 0] > NEAR + lost
            if not (labels[answered.probability.argmax(axis=1)] == model.predict(frame))[sure].all():
                raise Disagreement("predicted classes")


def _elsewhere(made: Design, codes: np.ndarray) -> float:
    """Return how many spreads of a class the nearest and furthest tenth of all rows lie away at most."""
    spreads = np.stack([made.rows[0][codes == c].std(axis=0) for c in np.unique(codes)]).max(axis=0)
    elsewhere = np.abs(np.quantile(made.rows[1].astype(float), [0.1, 0.5, 0.9], axis=0)).max(axis=0)
    return float((elsewhere / np.where(spreads > 0, spreads, np.inf)).max(initial=0.0))


def _near(made: Design, plain: Design, codes: np.ndarray) -> list[np.ndarray]:
    """Return rows as a model sees them, each column about the zero that costs the classes fewer digits.

    About the mean of a column in two units, 10¹² beside 1, the smaller ones have seven digits left in extended
    precision; about zero an offset costs some.
    """

    def cost(rows: np.ndarray) -> np.ndarray:
        mine = [rows[codes == c] for c in np.unique(codes)]
        spreads = [np.where(m.std(axis=0) > 0, m.std(axis=0), np.inf) for m in mine]
        return np.max([np.abs(m).max(axis=0) / s for m, s in zip(mine, spreads, strict=True)], axis=0)

    if not len(made.mean):
        return [made.placed(i) for i in range(len(made.rows))]
    nearer = cost(plain.rows[0]) < cost(made.rows[0])
    return [np.where(nearer, p / plain.scale, m / made.scale) for m, p in zip(made.rows, plain.rows, strict=True)]


def _lost_by_scikit_learn(
    example: Example, t: Table, train: np.ndarray, frame: pd.DataFrame, probability: np.ndarray
) -> np.ndarray:
    """Return how far scikit-learn's own probabilities of rows are off: a model in floats is held to no less."""
    made = rows.designed(example, t, train, [frame])
    X, other = ((each + made.mean).astype(float) for each in made.rows)
    twin = TWINS[example.algorithm](**example.values)
    with np.errstate(all="ignore"):
        found = twin.fit(X, t.frame["y"].to_numpy()[train], made.weight).predict_proba(other)
    return np.nan_to_num(np.abs(found - probability).max(axis=1), nan=0.0)  # no answer allows nothing


def _single(made: Design, codes: np.ndarray, example: Example) -> float:
    """Return how far from zero single values of classes lie, in the deviations that ``reg_param`` gives them."""
    share = example.values.get("reg_param", 0.0)
    if made.standardize or not share or not len(made.mean):
        return 0.0
    spreads = np.stack([made.rows[0][codes == c].std(axis=0) for c in np.unique(codes)]).min(axis=0)
    single = spreads <= 1e-15 * np.abs(made.mean)
    return float((np.abs(made.mean) / np.sqrt(share) * single).max(initial=0.0))


def _lost_by_floats(
    made: Design, codes: np.ndarray, example: Example, *, gaps: bool, squared: bool
) -> list[np.ndarray]:
    """Return eps · |mean| in spreads of a class, a few times over, for each of the other rows.

    Nothing where a scaler takes the mean away, but for what the number that fills a gap is rounded by. What a square
    is of changes by as much times the row's own distance.
    """
    if (made.standardize and not gaps) or not len(made.mean):
        return [np.zeros(len(other)) for other in made.rows[1:]]
    share = example.values.get("reg_param", 0.0)
    added = example.values.get("var_smoothing", 0.0) * (made.rows[0] ** 2).mean(axis=0).max() + share * made.scale**2
    variances = np.stack([made.rows[0][codes == c].var(axis=0) for c in np.unique(codes)])
    spreads = np.sqrt((1 - share) * variances + added)
    sizes = np.maximum(np.abs(made.mean), np.abs(made.rows[0]).max(axis=0))  # of one value, a spread is rounding
    least = np.where(spreads > 4.0 * np.finfo(float).eps * sizes, spreads, np.inf).min(axis=0)
    lost = 64.0 * np.finfo(float).eps * np.abs(made.mean) / least
    means = [made.rows[0][codes == c].mean(axis=0) for c in np.unique(codes)]
    found = []
    for other in made.rows[1:]:
        away = np.max([np.abs(other - mean) for mean in means], axis=0) / least * squared
        found.append(np.asarray((lost * np.maximum(1, away)).max(axis=1, initial=0.0), float))
    return found


def _float_means(made: Design, *, gaps: bool) -> np.ndarray:
    """Return by how much means, and what fills gaps, are rounded in a model in floats, scikit-learn's too, shape (q,).

    Columns may be collinear but for what is added to a covariance: then that is more of a spread than along the column.
    """
    if (made.standardize and not gaps) or not len(made.mean):
        return np.zeros(len(made.mean))
    return np.asarray(4.0 * np.finfo(float).eps * np.abs(made.mean / made.scale), float)


def _lost_by_products(made: Design, X: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return what Σ xⱼ·slopeⱼ of a fitted model loses as floats, in scikit-learn too, of each row.

    A class 10⁵ deviations away makes these products 10¹⁰, whatever is left of them between the other classes.
    """
    values = np.abs(X if made.standardize else X + made.mean / made.scale)
    return 4.0 * np.finfo(float).eps * np.asarray((values @ np.abs(slopes)).max(axis=1, initial=0.0), float)


class Counts(Classes):
    """Naive Bayes of counts: scikit-learn's own class."""

    def condition(self, example: Example, t: Table, train: np.ndarray) -> float:
        """Return one: counts are summed."""
        return 1.0

    def answers(self, example: Example, t: Table, train: np.ndarray, others: list[pd.DataFrame]) -> list[Answers]:
        """Return what is answers of other rows."""
        categorical = example.algorithm == "categorical_nb"
        made = (
            rows.categories(t, example, train, others)
            if categorical
            else rows.designed(example, t, train, others)
        )
        X = [np.asarray(r + made.mean, float) for r in made.rows]
        X = [np.where(np.abs(x - np.round(x)) < 1e-12, np.round(x), x) for x in X]
        model = self.model(example, t).fit(X[0], coded(t, train)[1], sample_weight=made.weight)
        logs = [model._joint_log_likelihood(model._check_X(x)) for x in X[1:]]
        lost = [4.0 * np.finfo(float).eps * np.abs(log).max(axis=1) for log in logs]  # sums of logarithms that large
        return [Answers(log, model.predict_proba(x), off) for log, x, off in zip(logs, X[1:], lost, strict=True)]

    def model(self, example: Example, t: Table) -> Any:
        """Return scikit-learn's estimator, not fitted; a category may be another one, or missing."""
        if example.algorithm == "categorical_nb":
            return CategoricalNB(
                **example.values, min_categories=[len(k) + 2 for k in rows.known(t, example)]
            )
        kind = {"multinomial_nb": MultinomialNB, "bernoulli_nb": BernoulliNB, "complement_nb": ComplementNB}
        return kind[example.algorithm](**example.values)


class Nearest:
    """Neighbours of the training rows; where two are equally far, either may be the nearer."""

    def condition(self, example: Example, t: Table, train: np.ndarray) -> float:
        """Return one: nothing is solved."""
        return 1.0

    def model(
        self, example: Example, t: Table, train: np.ndarray, others: list[pd.DataFrame]
    ) -> tuple[Any, list[np.ndarray], list[np.ndarray]]:
        """Return scikit-learn's fitted model, the other rows, and the share that a weight of each may lose.

        The number that fills a gap is a float, in scikit-learn too, and so a distance known to eps · |mean|.
        Undefined where distances tie.
        """
        made = rows.designed(example, t, train, others)
        exact = [made.placed(i) for i in range(len(made.rows))]  # floats of these may fall together
        X = [x.astype(float) for x in exact]
        kind = KNeighborsClassifier if "classifier" in example.algorithm else KNeighborsRegressor
        k = example.values["n_neighbors"]
        model = kind(
            k, weights=example.values["weights"], metric=example.values["metric"], algorithm="kd_tree"
        )
        y = (t.frame["y"].to_numpy() if "classifier" in example.algorithm else t.y)[train]
        if not X[0].shape[1]:
            raise Undefined("neighbours without a column")
        if k > len(X[0]):
            raise Undefined("more neighbours than rows")
        model.fit(X[0], y)
        size, lost = max(float(np.abs(X[0]).max(initial=0.0)), 1e-300), []
        gap = 8 * np.finfo(float).eps * float(np.abs(made.mean / made.scale).max()) * np.sqrt(X[0].shape[1])
        near = max(1e-7 * size, gap)
        for x in exact[1:]:
            away = np.sort(exact_distances(x, exact[0], example.values["metric"]), axis=1)
            if example.values["weights"] == "distance" and ((away > 0) & (away < near)).any():
                raise Undefined("neighbours at next to no distance")
            apart = np.maximum(near, 16 * np.finfo(float).eps * away[:, -1])
            if k < away.shape[1] and (away[:, k] - away[:, k - 1] <= apart).any():
                raise Undefined("neighbours that are equally far")
            least = np.where(away > 0, away, np.inf).min(axis=1)
            lost.append(2 * gap / least if example.values["weights"] == "distance" else np.zeros(len(x)))
        return model, X[1:], lost

    def score(self, example: Example, t: Table, train: np.ndarray, test: np.ndarray, fold: Fold) -> None:
        """Compare the score of a fold."""
        model, (X,), (lost,) = self.model(example, t, train, [rows.features(t, test)])
        if isinstance(model, KNeighborsRegressor):
            y = t.y[test]
            middle = np.median(y)
            residual = (y - model.predict(X)).astype(Long)
            w = t.weight[test].astype(Long)
            size = np.abs(y).max() + lost.max() * np.ptp(y) / (4 * np.finfo(float).eps)
            expected, scale = agreement.squared(example.scoring, (y - middle).astype(Long), residual, w, size)
        else:
            labels, codes = coded(t, test, train)
            answered = Answers(np.zeros((0, 0)), _probability(model, X, labels), lost)
            expected, scale = scored(example.scoring, labels, codes, answered, t.weight[test])
        fold.agree(expected, scale)

    def predictions(self, example: Example, t: Table, model: Any) -> None:
        """Compare predictions of fresh rows."""
        every = np.flatnonzero(t.weight > 0)
        twin, (X,), (lost,) = self.model(example, t, every, [t.fresh])
        if isinstance(twin, KNeighborsRegressor):
            y = t.y[every]
            agreement.alike(
                "predictions",
                model.predict(t.fresh) - y.mean(),
                twin.predict(X) - y.mean(),
                float(y.std()),
                _summed(example) * np.abs(y).max() + lost * np.ptp(y),
            )
        else:
            agreement.alike("probabilities", model.predict_proba(t.fresh), twin.predict_proba(X), 1.0, lost[:, None])


def _summed(example: Example) -> float:
    """Return what a weighted mean of k floats may lose, of ours and of scikit-learn's: k + 3 roundings each."""
    return (example.values["n_neighbors"] + 3) * float(np.finfo(float).eps)


class Components:
    """PCA, whose score is the mean log-likelihood of probabilistic PCA; scikit-learn's, by SVD."""

    def condition(self, example: Example, t: Table, train: np.ndarray) -> float:
        """Return the ratio of the largest standard deviation to that of the noise."""
        X = rows.designed(example, t, train, []).placed(0).astype(float)
        s = np.linalg.svd(X, compute_uv=False)
        return float(s[0] / s[-1]) if s.size and s[-1] > 0 else np.inf

    def score(self, example: Example, t: Table, train: np.ndarray, test: np.ndarray, fold: Fold) -> None:
        """Compare the score of a fold; Undefined where a variance is rounding, or components are equally long."""
        made = rows.designed(example, t, train, [rows.features(t, test)])
        X = made.placed(0).astype(float)
        n = min(example.values["n_components"], *X.shape)
        s = np.linalg.svd(X - X.mean(axis=0), compute_uv=False) if X.size else np.zeros(1)
        noise = np.sqrt(np.mean(s[n:] ** 2)) if n < len(s) else s[-1]
        if not n or min(noise, s[n - 1]) <= 1e-5 * s[0]:
            raise Undefined("the density of a direction without variance")
        if n < len(s) and s[n - 1] - s[n] < 1e-6 * s[0]:
            raise Undefined("components of equal variance")
        expected = log_likelihood(made.placed(0), made.placed(1), n)
        fold.agree(expected, max(1.0, abs(expected)))

    def predictions(self, example: Example, t: Table, model: Any) -> None:
        """Compare how far fresh rows are from their projections, which no sign changes."""
        every = np.arange(len(t.frame))
        made = rows.designed(example, t, every, [t.fresh])
        X, other = (made.placed(i) for i in (0, 1))
        n = min(example.values["n_components"], *X.shape)
        s = np.linalg.svd(X.astype(float), compute_uv=False)
        if n < len(s) and s[n - 1] - s[n] < 1e-6 * s[0]:
            raise Undefined("components of equal variance")
        expected = _projected(X, other, n).astype(float)
        away = np.linalg.norm(model.transform(t.fresh), axis=1)
        size = float(np.abs(expected).max(initial=1e-300))
        lost = 64 * np.finfo(float).eps * float((np.abs(made.mean / made.scale)).max(initial=0))
        agreement.alike("lengths of projections", away, expected, size, lost)


def _projected(X: np.ndarray, other: np.ndarray, n: int) -> np.ndarray:
    """Return the lengths of rows along n components, in extended precision.

    In floats a column of one value has a share of 1e-17 in them, and a fresh row may lie 1e12 away along it.
    """
    B, V = orthogonal(X - X.mean(axis=0))
    foremost = np.argsort(-(B * B).sum(axis=0), kind="stable")[:n]
    return np.sqrt((((other - X.mean(axis=0)) @ V[:, foremost]) ** 2).sum(axis=1))


def log_likelihood(X: np.ndarray, other: np.ndarray, n: int) -> float:
    """Return the mean of log p(x) by n components and noise (Tipping & Bishop 1999), as ``PCA.score`` has it.

    scikit-learn inverts a covariance, whose small eigenvalues are known beside the largest only: here they are the
    squares of singular values, in extended precision.
    """
    mean, q = X.mean(axis=0), X.shape[1]
    B, V = orthogonal(X - mean)
    variance = (B * B).sum(axis=0) / (len(X) - 1)
    order = np.argsort(-variance, kind="stable")
    variance, t = variance[order], (other - mean) @ V[:, order]
    noise = variance[n : min(len(X), q)].mean() if n < min(len(X), q) else Long(0)
    spread = np.concatenate([variance[:n], np.full(q - n, noise)])
    inside = np.log(2 * Long(np.pi) * spread) + t * t / spread
    return float(-0.5 * inside.sum(axis=1).mean())


def exact_distances(x: np.ndarray, X: np.ndarray, metric: str) -> np.ndarray:
    """Return the distances of rows, shape (n, m)."""
    apart = np.abs(x[:, None, :] - X[None])
    return apart.sum(axis=2) if metric == "manhattan" else np.sqrt((apart**2).sum(axis=2))


def _probability(model: Any, X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    out = np.zeros((len(X), len(labels)))
    out[:, np.searchsorted(labels, model.classes_)] = model.predict_proba(X)
    return out


def coded(t: Table, some: np.ndarray, train: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels, and the place of each row's; Undefined where the training rows lack one."""
    y = t.frame["y"].to_numpy(object)
    labels = np.unique(y[t.weight > 0].astype(str)).astype(object)
    if len(np.unique(y[some if train is None else train].astype(str))) < len(labels):
        raise Undefined("a class that the training rows lack")
    return labels, np.searchsorted(labels.astype(str), y[some].astype(str))


def softmax(log: np.ndarray) -> np.ndarray:
    """Return the shares of exp(log)."""
    made = np.exp(log - log.max(axis=1, keepdims=True))
    return made / made.sum(axis=1, keepdims=True)


def scored(
    scoring: str, labels: np.ndarray, codes: np.ndarray, answered: Answers, w: np.ndarray
) -> tuple[float, float]:
    """Return a score and its scale; Undefined where a row is as much of one class as of another."""
    if scoring == "log_likelihood":
        value = float(np.average(answered.joint[np.arange(len(codes)), codes], weights=w))
        return value, max(1.0, abs(value))
    if scoring == "neg_log_loss":
        value = -metrics.log_loss(codes, answered.probability, sample_weight=w, labels=np.arange(len(labels)))
        eps = np.finfo(float).eps  # scikit-learn's scorer has 1 - p of two classes: p near 1 costs digits
        own = np.clip(answered.probability[np.arange(len(codes)), codes], eps, 1.0)
        lost = float(np.average(np.minimum((4.0 * eps + answered.lost) / own, 40.0), weights=w))
        return float(value), max(1.0, abs(float(value))) + lost / agreement.SAME
    first_two = np.sort(answered.probability, axis=1)[:, -2:]
    if (np.diff(first_two) <= NEAR + answered.lost).any():
        raise Undefined("rows between two classes")
    made = answered.probability.argmax(axis=1)
    of = {"accuracy": metrics.accuracy_score, "balanced_accuracy": metrics.balanced_accuracy_score}[scoring]
    return float(of(codes, made, sample_weight=w)), 1.0


def oracle_of(algorithm: str) -> Any:
    """Return the oracle of an algorithm."""
    if algorithm in JOINTS:
        return Classes()
    return Counts() if algorithm in COUNTED else Nearest()
