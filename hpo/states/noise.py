"""Noise in what leaves a site: how much, and between which bounds rows must lie for it to hide them."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from algorithms.batches import VALUE
from algorithms.contract import Column, Shape, Summary
from algorithms.noise import Bounds, sigma_of
from algorithms.summaries.bounded import Bounded
from hpo.errors import TuneError
from hpo.question.question import Question
from hpo.states.learned.pilot import Pilot
from hpo.states.runs import Leaf


@dataclass(frozen=True)
class Noise:
    """The Gaussian mechanism: (ε, δ)-differential privacy of each row in all that a site sends at once.

    Attributes
    ----------
    epsilon, delta : of all states together; each of k is given ε/k and δ/k.
    bounds : by column, numbers and the target, between which values they are brought; others are categories.
    """

    epsilon: float
    delta: float
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (0.0 < self.epsilon < math.inf and 0.0 < self.delta < 1.0):
            raise TuneError(
                f"noise of ε={self.epsilon:g} and δ={self.delta:g} hides nothing; give an ε above 0, such as 1, "
                "and a δ between 0 and 1, below one by the number of rows, such as 1e-6"
            )
        for name, (low, high) in self.bounds.items():
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise TuneError(f"the bounds of {name!r} are {low:g} and {high:g}; give the lower one first")

    def bounded(self, summary: Summary, question: Question, pilot: Pilot) -> Bounded:
        """Return a summary of rows within the bounds.

        Raises
        ------
        TuneError
            A column has no bounds, or ones that make no sense; rows have weights.
        """
        if question.dataset.weight is not None or summary.ageing is not None:
            raise TuneError("noise hides rows that count once each; leave 'weight' and 'half_life' out")
        if pilot.folds.places is None:
            raise TuneError(
                f"folds {pilot.folds.describe()}: which of them a row is in depends on the other rows, so that "
                "noise for one row would not hide it; use {'scheme': 'segment'}, which makes each site a fold"
            )
        shape = pilot.shape
        numbers = dict.fromkeys(column.source for column in shape.columns if column.role == VALUE)
        needed = [*numbers, *(() if shape.classes else shape.targets)]
        lacking, spare = [n for n in needed if n not in self.bounds], [n for n in self.bounds if n not in needed]
        if lacking or spare:
            what = f"{lacking[0]!r} has no bounds" if lacking else f"{spare[0]!r} is not a number that is summed"
            raise TuneError(
                f"noise hides rows whose values lie within bounds, and {what}; give bounds, which you know without "
                f"looking at the rows, of {', '.join(map(repr, needed))}"
            )
        pairs = [self._encoded(column) for column in shape.columns]
        codes = [(0.0, float(len(shape.classes)))] * len(shape.targets)
        pairs += codes if shape.classes else [self.bounds[name] for name in shape.targets]
        return Bounded(summary, tuple(low for low, _ in pairs), tuple(high for _, high in pairs))

    def _encoded(self, column: Column) -> tuple[float, float]:
        """Return the bounds of an encoded column: of a number less its origin, of levels and indicators 0 and 1.

        A missing number stands at the origin, which the bounds must hold.
        """
        if column.role != VALUE:
            return 0.0, 1.0
        low, high = self.bounds[column.source]
        return min(low - column.origin, 0.0), max(high - column.origin, 0.0)

    def added(
        self, leaves: Mapping[Summary, Leaf], shape: Shape, ways: Mapping[Summary, Bounded]
    ) -> dict[Summary, Leaf]:
        """Return leaves with noise in their one cell."""
        rng = np.random.default_rng(secrets.randbits(256))
        found = {}
        for summary, leaf in leaves.items():
            known, size = ways[summary].bounds, summary.sensitivity(shape)
            bounds = Bounds(known.low[: shape.d], known.high[: shape.d]) if shape.classes else known
            sigma = sigma_of(self.epsilon / len(leaves), self.delta / len(leaves), size)
            cells = tuple(summary.noised(cell, bounds, sigma, rng) for cell in leaf.cells)
            found[summary] = Leaf(cells, sum(int(cell.rows) for cell in cells), 0, 0)
        return found


def noise_of(
    epsilon: float | None, delta: float | None, bounds: Mapping[str, tuple[float, float]] | None
) -> Noise | None:
    """Return the noise that was asked for; None for none.

    Raises
    ------
    TuneError
        A part of it is missing.
    """
    if epsilon is None and delta is None and bounds is None:
        return None
    if epsilon is None or delta is None or not bounds:
        raise TuneError("noise needs an epsilon, a delta, and the bounds of every number; give all three, or none")
    return Noise(float(epsilon), float(delta), {name: (float(a), float(b)) for name, (a, b) in bounds.items()})
