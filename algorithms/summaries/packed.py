"""Packed: many linear models trained side by side by stochastic gradient descent in one pass.

Notation

====== ================================================================================
M      models of the pack: losses × penalties × step sizes
E      equations of a model: one, or one for each class (against all others) where there are more than two
z      a row's columns about the sample's means, over its deviations, and a one
θ      coefficients of z, shape (q + 1, M·E): model by model, class by class
B      buckets that hashed columns share: 2 ** ``hash_bits``, or none without such columns
====== ================================================================================

Every mini-batch is one product zθ for all M·E columns, their slopes, and one product back ("model packing"), so
that thirty models cost little more than one.

Resumable, not a sufficient statistic: another order of rows, or another end of a batch, gives another state.
Rows of a batch are taken in the order of their priorities, a hash of their place, so that sorted data does no
harm. Each segment and fold starts from zero; ``merge`` is the mean weighted by the rows seen (local SGD with one
synchronisation, at the end; Zinkevich, Weimer, Smola & Li 2010). A bucket's coefficients are weighted by the rows
that fell into it: a level that only one segment has keeps what was learned there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np

from algorithms.contract import HASH_BITS, RESUMABLE, Batch, Learning, Shape, Summary
from algorithms.errors import InvalidField
from algorithms.learned import Learned
from algorithms.preparing.imputed import gap_fills
from algorithms.preparing.preprocess import IMPUTE
from algorithms.ranges import Choice, Integer, Legal, Uniform
from algorithms.solvers.losses import CLASS_LOSSES, NUMBER_LOSSES, Loss, number_loss
from algorithms.solvers.pickers import picker_of
from algorithms.solvers.spreads import centers_and_scales
from algorithms.solvers.steps import OPTIMIZERS
from algorithms.summaries._training import Training
from algorithms.summaries.pack import (
    Pack,
    PackedState,
    equations,
    filling,
    hashed_columns,
    merged,
    names_in,
    numbers_in,
    pack_of,
    plain_columns,
    untrained,
)

VISITS = 50_000
"""Rows that few rows are gone through for, again and again, unless ``epochs`` says otherwise."""

MOST_EPOCHS = 100


@dataclass(frozen=True)
class Packed(Learning[PackedState], Summary[PackedState]):
    """A pack of linear models; subclasses know the losses of classes and of numbers.

    Parameters
    ----------
    losses : names; the pack has a model for each combination of them and of
    alphas, l1_ratios, eta0s : numbers; ``eta0s=None`` takes those that suit the optimizer. Each is a list, or text
        separated by commas.
    optimizer : ``"adagrad"``, ``"adam"`` or ``"sgd"``.
    power_t : steps of ``"adam"`` and ``"sgd"`` shrink as eta0 / t**power_t.
    batch_rows : most rows of a mini-batch; those of a batch are of equal size.
    epochs : times that the rows of a batch are gone through; None for once, and more often for few rows.
    standardize : learn on columns (and a target) of mean 0 and deviation 1; the penalties are then theirs.
    hash_bits : hashed columns share 2**hash_bits buckets.
    impute : a missing number becomes the mean (``"mean"``), ``"zero"``, or the mean and an ``"indicator"``. While
        the models are trained it is a sample's mean, since a pass knows no other yet; in predictions it is that of
        their training rows.
    learned : what :meth:`learn` found; None until then.
    """

    losses: tuple[str, ...] = ()
    alphas: tuple[float, ...] = (1e-6, 1e-4, 1e-2)
    l1_ratios: tuple[float, ...] = (0.0, 0.5)
    eta0s: tuple[float, ...] | None = None
    optimizer: Annotated[str, Legal(*OPTIMIZERS), Choice(*OPTIMIZERS, searched=False)] = "adagrad"
    power_t: Annotated[float, Legal(ge=0, le=1), Uniform(0.0, 1.0, searched=False)] = 0.25
    batch_rows: Annotated[int, Legal(ge=1, le=4096), Integer(1, 4096, searched=False)] = 64
    epochs: Annotated[int | None, Legal(ge=1, le=1000), Integer(1, 1000, searched=False)] = None
    standardize: Annotated[bool, Choice(True, False, searched=False)] = True
    hash_bits: Annotated[int, Legal(ge=1, le=HASH_BITS), Integer(1, HASH_BITS, searched=False)] = 18
    impute: Annotated[str, Legal(*IMPUTE), Choice(*IMPUTE, searched=False)] = "mean"

    version: ClassVar[int] = 5
    tolerance: ClassVar[float] = 1e-5
    family: ClassVar[str] = RESUMABLE
    draws: ClassVar[bool] = True
    sparse: ClassVar[bool] = True

    # the family ------------------------------------------------------------------------------------------

    @property
    def known_losses(self) -> tuple[str, ...]:
        """Names of the losses that there are."""
        raise NotImplementedError

    def loss_of(self, name: str) -> Loss:
        """Return the loss of that name."""
        raise NotImplementedError

    # the contract ----------------------------------------------------------------------------------------

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("losses", names_in("losses", self.losses))
        for name in self.losses:
            if name not in self.known_losses:
                raise InvalidField(
                    f"losses={list(self.losses)!r}: {name!r} is not one of {', '.join(self.known_losses)}"
                )
        self._settle("alphas", numbers_in("alphas", self.alphas, 0.0, np.inf))
        self._settle("l1_ratios", numbers_in("l1_ratios", self.l1_ratios, 0.0, 1.0))
        if self.eta0s is not None:
            self._settle("eta0s", numbers_in("eta0s", self.eta0s, 1e-12, np.inf))

    def _settle(self, name: str, value: Sequence[object]) -> None:
        object.__setattr__(self, name, value)

    @cached_property
    def pack(self) -> Pack:
        """The M models, those of a loss together."""
        rates = OPTIMIZERS[self.optimizer].rates if self.eta0s is None else self.eta0s
        return pack_of(self.losses, self.alphas, self.l1_ratios, rates)

    def init(self, shape: Shape) -> PackedState:
        """Return the state of no rows: every coefficient zero."""
        slots = OPTIMIZERS[self.optimizer].slots
        plain = len(plain_columns(shape, self.impute))
        return untrained(shape, self.beforehand, self.pack, slots, self._buckets(shape), plain)

    def update(self, state: PackedState, batch: Batch) -> PackedState:
        """Return the state after the batch's rows, in the order of their priorities."""
        return Training(self, state).over(batch) if batch.n else state

    def merge(self, a: PackedState, b: PackedState) -> PackedState:
        """Return the mean of both states' models, weighted by rows, buckets by theirs; leaves both alone."""
        return merged(a, b)

    @property
    def rounds(self) -> int:
        """How often the rows of a batch are gone through."""
        return int(self.beforehand["epochs"][0])

    def ended(self, state: PackedState) -> PackedState:
        """Return the state without what the optimizer keeps: models of segments are trained apart, then merged."""
        return replace(state, slots=np.zeros_like(state.slots), bucket_slots=np.zeros_like(state.bucket_slots))

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: (s + 1)·M·E coefficients a column, 8 bytes each, and a bucket, 4; and its visits."""
        wide = (1 + OPTIMIZERS[self.optimizer].slots) * len(self.pack) * equations(shape)
        each = 8 * (len(plain_columns(shape, self.impute)) + 1) + 4 * self._buckets(shape)
        rest = max(1, len(shape.classes)) + len(self.pack) + self._buckets(shape) + 2 * shape.d + 4
        return wide * each + 8 * rest

    def learn(self, shape: Shape, sample: Batch) -> Learned:
        """Return means and deviations of the columns and of a target that is a number, and how often to go."""
        places, w = plain_columns(shape, self.impute), sample.weights
        fill = gap_fills(sample, shape, self.impute)
        known = {
            "fill": fill, "center": np.zeros(len(places)), "scale": np.ones(len(places)), "offset": np.zeros(1),
            "unit": np.ones(1), "weight": np.ones(1), "epochs": np.array([self.epochs or 1]),
        }  # fmt: skip
        if sample.n:
            often = min(MOST_EPOCHS, max(1, VISITS // sample.n))
            known |= {"weight": np.array([w.mean()]), "epochs": np.array([self.epochs or often])}
        if sample.n and self.standardize:
            filled = filling(picker_of(sample, shape.p), shape, fill)
            known["center"], known["scale"] = centers_and_scales(sample, shape.p, places, filled)
            if not shape.classes:
                known["offset"], known["unit"] = centers_and_scales(sample, shape.p, np.array([shape.d]))
        return Learned(known)

    def _buckets(self, shape: Shape) -> int:
        return 2**self.hash_bits if len(hashed_columns(shape)) else 0


@dataclass(frozen=True)
class PackedClassifiers(Packed):
    """A pack of classifiers, one equation a class where there are more than two.

    Examples
    --------
    >>> pack = PackedClassifiers(losses=("hinge", "log_loss"), alphas=(1e-4,), l1_ratios=(0.0,), eta0s=(0.1,))
    >>> [member.loss for member in pack.pack]
    ['hinge', 'log_loss']
    """

    losses: tuple[str, ...] = ("hinge", "squared_hinge", "log_loss")

    @property
    def known_losses(self) -> tuple[str, ...]:
        """Names of the losses of classes."""
        return tuple(CLASS_LOSSES)

    def loss_of(self, name: str) -> Loss:
        """Return a loss of classes."""
        return CLASS_LOSSES[name]


@dataclass(frozen=True)
class PackedRegressors(Packed):
    """A pack of regressions.

    Parameters
    ----------
    epsilon : of the losses that have one, on the target as it is learned (in deviations, if standardised).
    quantile : what the loss ``quantile`` estimates.

    Examples
    --------
    >>> len(PackedRegressors(losses=("quantile",), quantile=0.9).pack)
    12
    """

    losses: tuple[str, ...] = ("squared_error", "huber", "epsilon_insensitive", "quantile")
    epsilon: Annotated[float, Legal(ge=0)] = 0.1
    quantile: Annotated[float, Legal(gt=0, lt=1), Uniform(0.01, 0.99, searched=False)] = 0.5

    @property
    def known_losses(self) -> tuple[str, ...]:
        """Names of the losses of numbers."""
        return tuple(NUMBER_LOSSES)

    def loss_of(self, name: str) -> Loss:
        """Return a loss of numbers."""
        return number_loss(name, self.epsilon, self.quantile)
