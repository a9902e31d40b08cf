"""The families of generalized linear models: what each loses on a row, as a summary of curvature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from algorithms.arrays import Array, Places
from algorithms.errors import InvalidTarget
from algorithms.ranges import Legal, Uniform
from algorithms.summaries.curvature import Curvature


@dataclass(frozen=True, repr=False)
class LogisticCurvature(Curvature):
    """The log-loss of classes: binary, or softmax for more than two.

    Examples
    --------
    >>> from algorithms.contract import Shape
    >>> LogisticCurvature().equations(Shape((), ("y",), classes=("a", "b")))
    1
    """

    def derivatives(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return log(1 + exp η) - yη and its derivatives p - y and p(1 - p)."""
        small = np.exp(-np.abs(eta))
        rest = 1.0 / (1.0 + small)
        p = np.where(eta > 0.0, rest, small * rest)
        return np.maximum(eta, 0.0) + np.log1p(small) - y * eta, p - y, small * rest * rest

    def intercepts(self, y: Array, codes: Places, w: Array, equations: int) -> Array:
        """Return the logarithms of the classes' odds, or of their shares about their mean."""
        share = np.bincount(codes, w, max(2, equations)) + 0.5 * np.mean(w)
        logs = np.log(share)
        return np.array([logs[1] - logs[0]]) if equations == 1 else logs - logs.mean()


@dataclass(frozen=True, repr=False)
class LogLinked(Curvature):
    """A family whose mean is exp η."""

    def intercepts(self, y: Array, codes: Places, w: Array, equations: int) -> Array:
        """Return the logarithm of the mean."""
        return np.full(equations, np.log(max(float(np.average(y, weights=w)), 1e-12)))


@dataclass(frozen=True, repr=False)
class PoissonCurvature(LogLinked):
    """Half the Poisson deviance with a logarithmic link, but for a constant.

    Examples
    --------
    >>> PoissonCurvature().derivatives(np.zeros(1), np.ones(1))[1].tolist()
    [0.0]
    """

    def derivatives(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return exp η - yη and its derivatives."""
        mu = np.exp(eta)
        return mu - y * eta, mu - y, mu

    def check_target(self, y: Array, name: str) -> None:
        """Refuse negative numbers."""
        _at_least_zero(y, name, "the Poisson distribution", strict=False)


@dataclass(frozen=True, repr=False)
class GammaCurvature(LogLinked):
    """Half the gamma deviance with a logarithmic link, but for a constant.

    Examples
    --------
    >>> GammaCurvature().derivatives(np.zeros(1), np.ones(1))[2].tolist()
    [1.0]
    """

    def derivatives(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return η + y·exp(-η) and its derivatives."""
        ratio = y * np.exp(-eta)
        return eta + ratio, 1.0 - ratio, ratio

    def check_target(self, y: Array, name: str) -> None:
        """Refuse zero and negative numbers."""
        _at_least_zero(y, name, "the gamma distribution", strict=True)


@dataclass(frozen=True, repr=False)
class TweedieCurvature(LogLinked):
    """Half the Tweedie deviance with a logarithmic link, but for a constant.

    Parameters
    ----------
    power : variance ∝ μ^power: above 1 (Poisson) and below 2 (gamma).

    Examples
    --------
    >>> TweedieCurvature(power=1.5).derivatives(np.zeros(1), np.ones(1))[1].tolist()
    [0.0]
    """

    power: Annotated[
        float, Legal(gt=1, lt=2, hint="for 1 use 'poisson', for 2 use 'gamma'"), Uniform(1.01, 1.99, searched=False)
    ] = 1.5

    def derivatives(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """Return exp((2 - p)η)/(2 - p) - y·exp((1 - p)η)/(1 - p) and its derivatives."""
        a, b = 2.0 - self.power, 1.0 - self.power
        up, down = np.exp(a * eta), y * np.exp(b * eta)
        return up / a - down / b, up - down, a * up - b * down

    def check_target(self, y: Array, name: str) -> None:
        """Refuse negative numbers."""
        _at_least_zero(y, name, "a Tweedie distribution", strict=False)


def _at_least_zero(y: Array, name: str, what: str, *, strict: bool) -> None:
    bad = y[(y <= 0.0) if strict else (y < 0.0)]
    if len(bad):
        words = "greater than 0" if strict else "at least 0"
        raise InvalidTarget(
            f"target {name!r} holds {bad[0]:g}, and {what} has values of {words}; choose another model, or leave "
            "those rows out"
        )
