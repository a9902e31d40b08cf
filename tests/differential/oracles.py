"""The equivalent of scikit-learn's pipelines, fitted to raw rows, model by model.

Each oracle takes the training rows in the model's columns and returns a function of other rows. Where scikit-learn's
own solver loses digits on columns that are badly scaled or nearly collinear, the same optimum is found in extended
precision, and that is said beside it; ``test_oracles.py`` holds every oracle to scikit-learn's own class on good data.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet

from differential.designs import Design
from differential.extended import (
    Factor,
    Long,
    Undefined,
    along,
    back,
    cholesky,
    factor,
    forward,
    orthogonal,
    rational,
    ridge,
)

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Line:
    """A linear prediction.

    Attributes
    ----------
    coef : of the model's columns, shape (q,).
    centre : subtracted from the target, and added to predictions.
    centred : whether columns are centred too.
    condition : of the problem; 1 where none is given.
    """

    coef: Array
    centre: Array
    centred: bool
    condition: float = 1.0

    def residual_free(self, design: Design, i: int) -> Array:
        """Return predictions less the centre."""
        return design.placed(i, centred=self.centred) @ self.coef


def line_of(solver: Callable, design: Design, y: Array, setting: dict) -> Line:
    """Return the line that a solver finds; ``solver(A, b, rows, setting, lengths)`` of rows times root weights."""
    w, centred = design.weight.astype(Long), setting.get("fit_intercept", True)
    centre = (w @ y.astype(Long)) / w.sum() if centred else Long(0)
    A, root = design.placed(0, centred=centred), np.sqrt(w)
    about = centre
    if design.standardize and solver is not evidence:
        # columns sum to zero, but for a rounding that a large mean of the target would show
        about = (w @ y.astype(Long)) / w.sum()
    asked = [design.placed(i, centred=centred) for i in range(1, len(design.rows))]
    setting = {**setting, "asked": np.vstack(asked) if asked else A[:0]}
    coef, condition = solver(A * root[:, None], (y.astype(Long) - about) * root, setting, float(w.sum()))
    return Line(coef, centre, centred, condition)


def ols(A: Array, b: Array, setting: dict, weight: float) -> tuple[Array, float]:
    """LinearRegression: of least norm, singular values below ``tol`` = 10⁻⁶ of the largest dropped (``cond``), by SVD.

    The directions that are kept are known to double precision beside the largest only, which a coefficient of a large
    column shows: they are found in extended precision. Undefined where one stands at the limit.
    """
    s, V = _directions(A)
    kept = s > 1e-6 * s.max(initial=0.0)
    if not kept.any():
        return np.zeros(A.shape[1], Long), 1.0
    if s[kept].min() - s[~kept].max(initial=0.0) < 2e-7 * s[0]:
        raise Undefined("which directions are dropped")
    return along(A, b, V, int(kept.sum())), float(s[0] / s[kept].min())


def _directions(A: Array) -> tuple[Array, Array]:
    """Return all q singular values and right singular vectors in double precision, columns of zeros apart."""
    seen = np.flatnonzero((A != 0).any(axis=0))
    q, k = A.shape[1], len(seen)
    s, V = np.zeros(q), np.zeros((q, q))
    _, some, across = np.linalg.svd(A[:, seen].astype(float))
    s[: len(some)], V[seen, :k] = some, across.T
    V[np.setdiff1d(np.arange(q), seen), np.arange(k, q)] = 1.0
    return s, V


def l2(A: Array, b: Array, setting: dict, weight: float) -> tuple[Array, float]:
    """Ridge; by QR of the columns above √α·1 in extended precision, where scikit-learn squares the columns."""
    coef, f = ridge(A, b, setting["alpha"])
    return coef, f.condition


def descent(A: Array, b: Array, setting: dict, weight: float) -> tuple[Array, float]:
    """ElasticNet: its active columns and signs, then the optimum on those in extended precision.

    Undefined where the descent does not come to columns that satisfy the conditions of an optimum.
    """
    if not A.shape[1]:
        return np.zeros(0, Long), 1.0
    alpha, ratio = setting["alpha"], setting.get("l1_ratio", 1.0)
    coef = _descended(A / np.sqrt(weight), b / np.sqrt(weight), alpha, ratio)
    on = np.flatnonzero(coef)
    l1, l2_ = Long(alpha) * Long(ratio), Long(alpha) * (1 - Long(ratio))
    A, b = A / np.sqrt(Long(weight)), b / np.sqrt(Long(weight))
    coef = coef.astype(Long)
    doubt = 64 * np.finfo(Long).eps * np.sqrt((A * A).sum(axis=0) * (b @ b))
    unsure = l2_ > 0 and bool((doubt > 0.01 * l1).any())  # slopes of extended precision do not say what is active
    sure = False
    for _ in range(200):
        leaving = _made_up(A, on, coef, l2_)
        if leaving is not None:
            on = on[on != leaving]
            continue
        found, condition = _on(A, b, on, np.sign(coef[on]), l1, l2_)
        slope = A.T @ (b - A[:, on] @ found)
        if sure:
            found, slope = rational(A, b, on, l1 * np.sign(coef[on]), l2_)
        slack = np.abs(slope) - l1 * (1 + Long(1e-12)) - doubt
        slack[on] = -1
        worst = int(slack.argmax()) if len(slack) else 0
        wrong = np.sign(found) != np.sign(coef[on])
        right = not wrong.any() and (not len(slack) or slack[worst] <= 0)
        if right and unsure and not sure:
            sure, doubt = True, 0 * doubt
            continue
        if right:
            out = np.zeros(A.shape[1], Long)
            out[on] = found
            if not l2_:
                floats = doubt * (np.finfo(float).eps / np.finfo(Long).eps)  # what scikit-learn cannot tell either
                able = np.flatnonzero(np.abs(slope) >= l1 * (1 - Long(1e-9)) - floats)
                _one(A[:, able], setting["asked"][:, able], bool((floats[able] > 0.01 * l1).any()))
            return out, condition
        coef, on = _stepped(coef, on, found, wrong, worst, slope)

    raise Undefined("what a descent has come to")


def _descended(A: Array, b: Array, alpha: float, ratio: float) -> Array:
    """What scikit-learn's descent comes to: the columns to begin with."""
    X, y = A.astype(float), b.astype(float)
    model = ElasticNet(alpha=alpha / len(X), l1_ratio=ratio, fit_intercept=False, tol=1e-14, max_iter=20_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y).coef_


def _stepped(coef: Array, on: Array, found: Array, wrong: Array, worst: int, slope: Array) -> tuple[Array, Array]:
    """Go towards the optimum until a sign changes, and leave that column out; or reach it, and take one in."""
    coef = coef.copy()
    if wrong.any():
        share = np.where(wrong, coef[on] / np.where(wrong, coef[on] - found, 1), 2)
        first = int(share.argmin())
        coef[on] += share[first] * (found - coef[on])
        return coef, np.delete(on, first)
    coef[on] = found
    coef[worst] = np.sign(slope[worst]) * Long(1e-300)
    return coef, np.sort([*on, worst])


def _one(A: Array, asked: Array, lost: bool) -> None:
    """Raise Undefined where columns that could be active make up one another, and not so in the rows asked for.

    If ``lost``, rounding of the slopes is of the penalty's size, and whatever the rows are.
    """
    f = factor(A, np.zeros(len(A), Long))
    along = _null(f, A.shape[1])
    parts = np.abs(asked) @ np.abs(along)
    if (lost and f.rank < A.shape[1]) or (np.abs(asked @ along) > 1e-12 * parts).any():
        raise Undefined("which of collinear columns is active")


def _null(f: Factor, q: int) -> Array:
    """Return directions along which columns add up to zero, shape (q, q - rank)."""
    made = np.zeros((q, q - f.rank), Long)
    made[f.order[: f.rank]] = -back(f.r[:, : f.rank], f.r[:, f.rank :])
    made[f.order[f.rank :]] = np.eye(q - f.rank, dtype=Long)
    return made / f.norms[:, None]


def _made_up(A: Array, on: Array, coef: Array, l2: Long) -> int | None:
    """Return the first column to leave as those that others make up are exchanged for these; None where none are.

    Along what they make up predictions stay, and Σ|w| falls one way, until a coefficient is zero. Changes
    coefficients.
    """
    if l2 > 0 or not len(on):
        return None
    f = factor(A[:, on], np.zeros(len(A), Long))
    if f.rank == len(on):
        return None
    along = _null(f, len(on))[:, 0]
    along = along if np.sign(coef[on]) @ along < 0 else -along
    far = np.where(along * coef[on] < 0, -coef[on] / np.where(along != 0, along, 1), np.inf)
    first = int(far.argmin())
    coef[on] += far[first] * along
    coef[on[first]] = 0
    return int(on[first])


def _on(A: Array, b: Array, on: Array, signs: Array, l1: Long, l2: Long) -> tuple[Array, float]:
    """Return argmin ½‖b - Aw‖² + l1·signs·w + ½l2‖w‖² over some columns, independent where l2 is zero."""
    if not len(on):
        return np.zeros(0, Long), 1.0
    q = len(on)
    below = np.sqrt(l2) * np.eye(q, dtype=Long)
    stacked = np.vstack([A[:, on], below]) if l2 > 0 else A[:, on]
    f = factor(stacked, np.concatenate([b, np.zeros(len(stacked) - len(b), Long)]))
    if f.rank < q:
        raise Undefined("which of collinear columns is active")
    pull = forward(f.r.T, (l1 * signs / f.norms)[f.order])
    v = back(f.r, f.qb - pull)
    w = np.zeros(q, Long)
    w[f.order] = v
    return w / f.norms, f.condition


def pls(A: Array, b: Array, setting: dict, weight: float) -> tuple[Array, float]:
    """PLSRegression of one target: NIPALS in extended precision, as far as the rank.

    Undefined where a column's products with the target cancel, and it is so long that their rounding makes up the
    component: scikit-learn's answer then depends on the order of the rows.
    """
    X, first = A.copy(), None
    W, P, c = [], [], []
    for _ in range(setting["n_components"]):
        direction = X.T @ b
        size = np.sqrt(direction @ direction)
        first = size if first is None else first
        if size <= 1e-17 * first or size == 0:
            break
        if size <= 1e-7 * first:
            raise Undefined("components that explain next to nothing")
        w = direction / size
        t = X @ w
        lengths = np.sqrt((X * X).sum(axis=0))
        rounding = np.finfo(float).eps * np.sqrt((lengths**4).sum() * (b @ b)) / size
        if rounding > 1e-7 * np.sqrt(t @ t):
            raise Undefined("a component that rounding makes up")
        p = X.T @ t / (t @ t)
        W.append(w), P.append(p), c.append((b @ t) / (t @ t))
        X = X - np.multiply.outer(t, p)
    if not W:
        return np.zeros(A.shape[1], Long), 1.0
    W, P = np.column_stack(W), np.column_stack(P)
    inner = (P.T @ W).astype(Long)  # unit upper triangle but for rounding
    return W @ back(np.triu(inner), np.array(c, Long)), 1.0


def pcr(A: Array, b: Array, setting: dict, weight: float) -> tuple[Array, float]:
    """PCA, then LinearRegression, by SVD; Undefined where the components kept are no further from those left out.

    LinearRegression leaves out components of less than 1e-6 of the largest: its ``tol``.
    """
    s, V = _directions(A)
    rank = int((s > 1e-6 * s[0]).sum()) if len(s) and s[0] > 0 else 0
    k = min(setting["n_components"] or rank, rank)
    if rank and ((s > 0.9e-6 * s[0]) & (s < 1.1e-6 * s[0])).any():
        raise Undefined("the rank of the columns")
    if k < rank and (s[k - 1] - s[k]) < 1e-6 * s[0]:
        raise Undefined("components of equal variance")
    return (along(A, b, V, k), float(s[0] / s[k - 1])) if k else (np.zeros(A.shape[1], Long), 1.0)


def evidence(A: Array, b: Array, setting: dict, weight: float) -> tuple[Array, float]:
    """BayesianRidge's own iteration in extended precision, on rows that are written as often as they weigh.

    In double precision its eigenvalues, and its squared error where columns are of unlike scales, are known to 1e-7.
    Undefined where rounding tells whether it has ended.
    """
    if not A.shape[1]:
        return np.zeros(0, Long), 1.0
    B, V = orthogonal(A)
    values, projected, n = (B * B).sum(axis=0), B.T @ b, Long(len(A))
    least = (64 * np.finfo(Long).eps * (np.abs(V).T @ np.sqrt((A * A).sum(axis=0)))) ** 2
    values, projected = np.where(values > least, values, 0), np.where(values > least, projected, 0)
    alpha = 1 / (((b - b.mean()) ** 2).mean() + Long(np.finfo(float).eps))
    strength, old = Long(1), None

    def mean() -> tuple[Array, Array]:
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = strength / alpha
            coef = V @ np.nan_to_num(projected / (values + ratio))
        return coef, ((b - A @ coef) ** 2).sum()

    for i in range(300):
        coef, sse = mean()
        gamma = (alpha * values / (strength + alpha * values)).sum()
        strength = (gamma + 2 * Long(setting["lambda_1"])) / ((coef @ coef) + 2 * Long(setting["lambda_2"]))
        alpha = (n - gamma + 2 * Long(setting["alpha_1"])) / (sse + 2 * Long(setting["alpha_2"]))
        if i:
            change = float(np.abs(old - coef).sum())
            if abs(change - setting["tol"]) < 1e-9 * max(setting["tol"], float(np.abs(coef).sum())):
                raise Undefined("whether the iteration has ended")
            if change < setting["tol"]:
                break
        old = coef
    condition = np.sqrt(values.max() / values[values > 0].min()) if values.any() else 1.0
    return mean()[0], float(condition)


LINES = {
    "ols": ols,
    "ridge": l2,
    "lasso": descent,
    "elastic_net": descent,
    "pls": pls,
    "pcr": pcr,
    "bayesian_ridge": evidence,
}
REPEATED = frozenset({"bayesian_ridge"})
"""Oracles that take a weight for so many rows."""


@dataclass(frozen=True, eq=False)
class Joint:
    """log p(x, y) of every class.

    Attributes
    ----------
    log : of rows.
    condition : of the covariances.
    line : the same but for a number of each row, where that is what differs between classes and is linear in a row:
        of a row 10⁹ deviations away the rest has no digit of it.
    slopes : of that line, shape (q, C).
    pull : of rows and a size for each column, how far log p(x, y) moves at most where means are off by these, shape (n,).
    """

    log: Callable[[Array], Array]
    condition: float = 1.0
    line: Callable[[Array], Array] | None = None
    slopes: Array | None = None
    pull: Callable[[Array, Array], Array] | None = None

    def shares(self, rows: Array) -> Array:
        """Return log p(y | x) but for a number of each row."""
        return (self.line or self.log)(rows)


def lda(A: Array, codes: Array, w: Array, setting: dict) -> Joint:
    """LinearDiscriminantAnalysis(solver="lsqr"), by the Cholesky factor of the covariance in extended precision."""
    if not A.shape[1]:
        raise Undefined("a density of no column")
    means, scatters, share = _classes(A, codes, w)
    covariance = np.einsum("c,cij->ij", share, scatters)
    s, q = Long(setting["shrinkage"] or 0.0), A.shape[1]
    covariance = (1 - s) * covariance + s * np.trace(covariance) / q * np.eye(q, dtype=Long)
    L = cholesky(covariance)
    middle = share @ means
    away = forward(L, (means - middle).T).T

    def line(rows: Array) -> Array:
        return forward(L, (rows - middle).T).T @ away.T - (away**2).sum(axis=1) / 2 + np.log(share)

    return replace(_gaussian(means, [L] * len(means), share), line=line, slopes=back(L.T, away.T))


def qda(A: Array, codes: Array, w: Array, setting: dict) -> Joint:
    """QuadraticDiscriminantAnalysis, by Cholesky factors in extended precision."""
    if not A.shape[1]:
        raise Undefined("a density of no column")
    means, scatters, share = _classes(A, codes, w)
    if np.bincount(codes).min() <= A.shape[1]:
        raise Undefined("a covariance of no more rows than columns, which scikit-learn refuses")
    r, one = Long(setting["reg_param"]), np.eye(A.shape[1], dtype=Long)
    return _gaussian(means, [cholesky((1 - r) * S + r * one) for S in scatters], share)


def gaussian_nb(A: Array, codes: Array, w: Array, setting: dict) -> Joint:
    """GaussianNB."""
    if not A.shape[1]:
        raise Undefined("a density of no column")
    means, scatters, share = _classes(A, codes, w)
    total = w.sum()
    mean = (w @ A) / total
    largest = ((w @ (A - mean) ** 2) / total).max(initial=0)
    variances = np.diagonal(scatters, axis1=1, axis2=2) + Long(setting["var_smoothing"]) * largest
    if not (variances > 0).all():
        raise Undefined("the density of a class without spread")
    if (
        variances < 1e-8 * largest
    ).any():  # what is left of a spread is rounding, which 1/variance multiplies
        raise Undefined("the density of a class of next to no spread")

    def log(rows: Array) -> Array:
        away = (rows[:, None, :] - means) ** 2 / variances
        return np.log(share) - (np.log(2 * Long(np.pi) * variances) + away).sum(axis=2) / 2

    return Joint(log)


def _classes(A: Array, codes: Array, w: Array) -> tuple[Array, Array, Array]:
    """Return each class's mean, covariance (by its weight) and share."""
    means, scatters, weights = [], [], []
    for c in range(int(codes.max()) + 1):
        X, v = A[codes == c], w[codes == c]
        means.append((v @ X) / v.sum())
        Z = np.where((X[:1] == X).all(axis=0), Long(0), X - means[-1])
        scatters.append((Z * v[:, None]).T @ Z / v.sum())
        weights.append(v.sum())
    return np.stack(means), np.stack(scatters), np.array(weights) / w.sum()


def _gaussian(means: Array, halves: list[Array], share: Array) -> Joint:
    def log(rows: Array) -> Array:
        out = []
        for mean, L, p in zip(means, halves, share, strict=True):
            away = (forward(L, (rows - mean).T) ** 2).sum(axis=0)
            size = np.log(2 * Long(np.pi)) * len(L) + 2 * np.log(np.diagonal(L)).sum()
            out.append(np.log(p) - (away + size) / 2)
        return np.column_stack(out)

    def pull(rows: Array, off: Array) -> Array:
        slopes = [back(L.T, forward(L, (rows - mean).T)).T for mean, L in zip(means, halves, strict=True)]
        return np.max([np.abs(each) @ off for each in slopes], axis=0)

    worst = max(float(np.diagonal(L / np.sqrt((L * L).sum(axis=1))[:, None]).min() ** -2) for L in halves)
    return Joint(log, worst, pull=pull)


JOINTS = {"lda": lda, "qda": qda, "gaussian_nb": gaussian_nb}
