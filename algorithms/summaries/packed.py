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

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from algorithms.base import HASH_BITS, HASHED, RESUMABLE, Array, Batch, Shape
from algorithms.errors import AlgorithmError, InvalidField
from algorithms.known import Known
from algorithms.ranges import Choice, Integer, Uniform
from algorithms.solvers.losses import CLASS_LOSSES, NUMBER_LOSSES, Loss, number_loss
from algorithms.solvers.scaled_rows import DenseRows, Picker, ScaledRows, SparseRows, picker_of
from algorithms.solvers.spreads import centers_and_scales
from algorithms.solvers.steps import OPTIMIZERS, Stepper

BLOCK = 16_384
"""Rows that are made ready at a time."""

BLOCK_VALUES = BLOCK * 1024
"""Numbers that are made ready at a time: of wide dense data there are fewer rows."""

WIDE, THIN = 256, 0.1
"""From so many columns on, rows of which a smaller share is not zero are kept sparse."""

VISITS = 50_000
"""Rows that few rows are gone through for, again and again, unless ``epochs`` says otherwise."""

MOST_EPOCHS = 100

TOLD_EVERY = 4
"""One mini-batch in so many tells its loss, by which step sizes are chosen."""

STEEPEST = 1e12
"""Largest slope of a loss, as in scikit-learn."""

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Member:
    """One model of a pack.

    Attributes
    ----------
    loss : its name.
    alpha, l1_ratio : penalty α((1 - ρ)/2 ‖θ‖² + ρ‖θ‖₁) beside the mean loss.
    eta0 : step size.
    """

    loss: str
    alpha: float
    l1_ratio: float
    eta0: float


@dataclass(frozen=True, eq=False)
class PackedState:
    """The state of a :class:`Packed`.

    Attributes
    ----------
    shape : the columns.
    known : the sample's ``center`` and ``scale`` (q,), the target's ``offset`` and ``unit``, ``weight`` (the mean
        row weight) and ``epochs``.
    pack : the M models.
    rows, weight : of the rows seen.
    steps : mini-batches gone through; of merged states the longer run's.
    counts : shape (C,), weight of each class; of a number, its weight.
    loss : shape (M,), Σw·ℓ of the rows that told, each before its step, in every epoch.
    told : Σw of those rows.
    coef : θ, shape (q + 1, M·E), the intercept last.
    slots : shape (s, q + 1, M·E), what the optimizer keeps.
    buckets : shape (B, M·E), coefficients of hashed columns.
    bucket_slots : shape (s, B, M·E).
    visits : shape (B,), weight of the rows that fell into each bucket, each time that they were gone through.
    """

    shape: Shape = field(metadata={"static": True})
    known: Known = field(metadata={"static": True})
    pack: tuple[Member, ...] = field(metadata={"static": True})
    rows: int
    weight: float
    steps: int
    counts: Array
    loss: Array
    told: float
    coef: Array
    slots: Array
    buckets: NDArray[np.float32]
    bucket_slots: NDArray[np.float32]
    visits: Array


@dataclass(frozen=True)
class Packed:
    """A pack of linear models; subclasses know the losses of classes and of numbers.

    Parameters
    ----------
    losses : names, separated by commas; the pack has a model for each combination of
    alphas, l1_ratios, eta0s : numbers, separated by commas; ``eta0s=None`` takes those that suit the optimizer.
    optimizer : ``"adagrad"``, ``"adam"`` or ``"sgd"``.
    power_t : steps of ``"adam"`` and ``"sgd"`` shrink as eta0 / t**power_t.
    batch_rows : most rows of a mini-batch; those of a batch are of equal size.
    epochs : times that the rows of a batch are gone through; None for once, and more often for few rows.
    standardize : learn on columns (and a target) of mean 0 and deviation 1; the penalties are then theirs.
    hash_bits : hashed columns share 2**hash_bits buckets.
    known : what :meth:`learn` found; None until then.
    """

    losses: str = ""
    alphas: str = "1e-6, 1e-4, 1e-2"
    l1_ratios: str = "0, 0.5"
    eta0s: str | None = None
    optimizer: Annotated[str, Choice(*OPTIMIZERS, searched=False)] = "adagrad"
    power_t: Annotated[float, Uniform(0.0, 1.0, searched=False)] = 0.25
    batch_rows: Annotated[int, Integer(1, 4096, searched=False)] = 64
    epochs: Annotated[int | None, Integer(1, 1000, searched=False)] = None
    standardize: Annotated[bool, Choice(True, False, searched=False)] = True
    hash_bits: Annotated[int, Integer(1, HASH_BITS, searched=False)] = 18
    known: Known | None = field(
        default=None, metadata={"learned": True}, kw_only=True, compare=False, repr=False
    )

    version: ClassVar[int] = 3
    tolerance: ClassVar[float] = 1e-5
    sync_every: ClassVar[int | None] = None
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
        for name in self._names:
            if name not in self.known_losses:
                raise InvalidField(
                    f"losses={self.losses!r}: {name!r} is none of {', '.join(self.known_losses)}"
                )
        if self.optimizer not in OPTIMIZERS:
            raise InvalidField(f"optimizer={self.optimizer!r}: must be one of {', '.join(OPTIMIZERS)}")
        for name, value, low, high in (
            ("power_t", self.power_t, 0, 1), ("batch_rows", self.batch_rows, 1, 4096),
            ("epochs", self.epochs, 1, 1000), ("hash_bits", self.hash_bits, 1, HASH_BITS),
        ):  # fmt: skip
            if value is not None and not low <= value <= high:
                raise InvalidField(f"{name}={value!r}: must be from {low} to {high:,}")
        _ = self.pack

    @cached_property
    def pack(self) -> tuple[Member, ...]:
        """The M models, those of a loss together."""
        alphas = _numbers("alphas", self.alphas, 0.0, np.inf)
        ratios = _numbers("l1_ratios", self.l1_ratios, 0.0, 1.0)
        rates = (
            OPTIMIZERS[self.optimizer].rates
            if self.eta0s is None
            else _numbers("eta0s", self.eta0s, 1e-12, np.inf)
        )
        grid = itertools.product(self._names, alphas, ratios, rates)
        return tuple(Member(*values) for values in grid)

    @property
    def _names(self) -> tuple[str, ...]:
        found = tuple(name.strip() for name in self.losses.split(","))
        if len(set(found)) < len(found) or not all(found):
            raise InvalidField(f"losses={self.losses!r}: must be different names, separated by commas")
        return found

    def init(self, shape: Shape) -> PackedState:
        """Return the state of no rows: every coefficient zero."""
        known, slots, width = (
            self._pilot(),
            OPTIMIZERS[self.optimizer].slots,
            len(self.pack) * equations(shape),
        )
        rows, buckets = len(plain_columns(shape)) + 1, self._buckets(shape)
        return PackedState(
            shape, known, self.pack, 0, 0.0, 0, np.zeros(max(1, len(shape.classes))), np.zeros(len(self.pack)),
            0.0, np.zeros((rows, width)), np.zeros((slots, rows, width)),
            np.zeros((buckets, width), np.float32), np.zeros((slots, buckets, width), np.float32),
            np.zeros(buckets),
        )  # fmt: skip

    def update(self, state: PackedState, batch: Batch) -> PackedState:
        """Return the state after the batch's rows, in the order of their priorities."""
        return Training(self, state).over(batch) if batch.n else state

    def merge(self, a: PackedState, b: PackedState) -> PackedState:
        """Return the mean of both states' models, weighted by rows, buckets by theirs; leaves both alone."""
        if not b.rows:
            return a
        if not a.rows:
            return b
        weight = a.weight + b.weight
        visits = a.visits + b.visits
        share = np.divide(a.visits, visits, out=np.zeros_like(visits), where=visits > 0.0)[:, None]
        mine = a.weight / weight
        return PackedState(
            a.shape, a.known, a.pack, a.rows + b.rows, weight, max(a.steps, b.steps), a.counts + b.counts,
            a.loss + b.loss, a.told + b.told, _mean(a.coef, b.coef, mine), _mean(a.slots, b.slots, mine),
            _mean(a.buckets, b.buckets, share), _mean(a.bucket_slots, b.bucket_slots, share), visits,
        )  # fmt: skip

    def nbytes(self, shape: Shape) -> int:
        """Bytes of one state: (s + 1)·M·E coefficients a column, 8 bytes each, and a bucket, 4; and its visits."""
        wide = (1 + OPTIMIZERS[self.optimizer].slots) * len(self.pack) * equations(shape)
        each = 8 * (len(plain_columns(shape)) + 1) + 4 * self._buckets(shape)
        rest = max(1, len(shape.classes)) + len(self.pack) + self._buckets(shape) + 4
        return wide * each + 8 * rest

    def learn(self, shape: Shape, sample: Batch) -> Known:
        """Return means and deviations of the columns and of a target that is a number, and how often to go."""
        places, w = plain_columns(shape), sample.weights
        known = {
            "center": np.zeros(len(places)), "scale": np.ones(len(places)), "offset": np.zeros(1),
            "unit": np.ones(1), "weight": np.ones(1), "epochs": np.array([self.epochs or 1]),
        }  # fmt: skip
        if sample.n:
            often = min(MOST_EPOCHS, max(1, VISITS // sample.n))
            known |= {"weight": np.array([w.mean()]), "epochs": np.array([self.epochs or often])}
        if sample.n and self.standardize:
            known["center"], known["scale"] = centers_and_scales(sample, shape.p, places)
            if not shape.classes:
                known["offset"], known["unit"] = centers_and_scales(sample, shape.p, np.array([shape.d]))
        return Known(known)

    def knowing(self, known: Known) -> Packed:
        """Return this summary, ready for a pass."""
        return dataclasses.replace(self, known=known)

    def _pilot(self) -> Known:
        if self.known is None:
            raise AlgorithmError(f"{type(self).__name__} must learn from a sample of rows before its pass")
        return self.known

    def _buckets(self, shape: Shape) -> int:
        return 2**self.hash_bits if len(plain_columns(shape)) < shape.d else 0


@dataclass(frozen=True)
class PackedClassifiers(Packed):
    """A pack of classifiers, one equation a class where there are more than two.

    Examples
    --------
    >>> pack = PackedClassifiers(losses="hinge, log_loss", alphas="1e-4", l1_ratios="0", eta0s="0.1")
    >>> [member.loss for member in pack.pack]
    ['hinge', 'log_loss']
    """

    losses: str = "hinge, squared_hinge, log_loss"

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
    >>> len(PackedRegressors(losses="quantile", quantile=0.9).pack)
    12
    """

    losses: str = "squared_error, huber, epsilon_insensitive, quantile"
    epsilon: float = 0.1
    quantile: Annotated[float, Uniform(0.0, 1.0, searched=False)] = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.quantile < 1.0:
            raise InvalidField(f"quantile={self.quantile!r}: must lie between 0 and 1")
        if not self.epsilon >= 0.0:
            raise InvalidField(f"epsilon={self.epsilon!r}: must be at least 0")

    @property
    def known_losses(self) -> tuple[str, ...]:
        """Names of the losses of numbers."""
        return tuple(NUMBER_LOSSES)

    def loss_of(self, name: str) -> Loss:
        """Return a loss of numbers."""
        return number_loss(name, self.epsilon, self.quantile)


class Training:
    """A pack while it is trained: copies of a state's arrays that are changed in place.

    Parameters
    ----------
    packed : the summary.
    state : where to start; left alone.
    """

    def __init__(self, packed: Packed, state: PackedState) -> None:
        self.packed, self.state, self.known = packed, state, state.known
        self.coef, self.slots = state.coef.copy(), state.slots.copy()
        self.buckets, self.bucket_slots = state.buckets.copy(), state.bucket_slots.copy()
        self.visits = state.visits.copy()
        self.steps, self.loss, self.told = state.steps, state.loss.copy(), state.told
        self.counts = state.counts
        self.e = equations(state.shape)
        self.plain, self.hashed = plain_columns(state.shape), hashed_columns(state.shape)
        self.stepper = _stepper(packed, self.e)
        self.touched = np.full(len(self.buckets), self.steps)
        self.parts = [(packed.loss_of(name), slice(start, stop)) for name, start, stop in _runs(packed.pack)]

    def over(self, batch: Batch) -> PackedState:
        """Train on the rows of a batch and return the state after them."""
        order = np.arange(batch.n) if batch.priority is None else np.argsort(batch.priority, kind="stable")
        epochs, weights = int(self.known["epochs"][0]), batch.weights
        picker = picker_of(batch, self.state.shape.p)
        sparse = len(self.plain) >= WIDE and picker.share_of_values() < THIN
        ends, some = even_ends(batch.n, self.packed.batch_rows), self._batches_of_block(sparse=sparse)
        for first in range(0, len(ends) - 1, some):
            mine = ends[first : first + some + 1]
            rows = order[mine[0] : mine[-1]]
            block = _Block(self, picker, rows, weights[rows], sparse=sparse)
            self.counts = self.counts + block.counts
            for _ in range(epochs):
                for part in block.parts(mine - mine[0]):
                    self._step(*part)
        self._settle()
        return self._state(batch)

    def _batches_of_block(self, *, sparse: bool) -> int:
        """Return how many mini-batches are made ready at a time: fewer of wide dense rows."""
        most = BLOCK if sparse else min(BLOCK, BLOCK_VALUES // (len(self.plain) + 1))
        return max(1, most // self.packed.batch_rows)

    def _step(self, z: ScaledRows, codes: Places, y: Array, w: Array) -> None:
        """Go one step down the mean loss of a mini-batch."""
        eta = z.eta(self.coef)
        if codes.shape[1]:
            eta += self._of_buckets(codes)
        if self.steps % TOLD_EVERY == 0:
            self._tell(eta, y, w)
        slopes = np.empty_like(eta)
        for loss, models in self.parts:
            columns = slice(models.start * self.e, models.stop * self.e)
            slopes[:, columns] = loss.slope(self._each(eta[:, columns]), y).reshape(len(y), -1)
        np.clip(slopes, -STEEPEST, STEEPEST, out=slopes)
        slopes *= (w / (len(w) * self.known["weight"][0]))[:, None]
        self.steps += 1
        self.stepper.step(self.coef, self.slots, z.gradient(slopes), self.steps, free=1)
        if codes.shape[1]:
            self._step_buckets(codes, slopes, w)

    def _of_buckets(self, codes: Places) -> Array:
        """Return what the buckets add to the predictions, after the penalties since they were last seen."""
        self._catch_up(np.unique(codes))
        return np.asarray(self.buckets[codes].sum(axis=1), np.float64)

    def _step_buckets(self, codes: Places, slopes: Array, w: Array) -> None:
        from scipy.sparse import csr_array

        seen, place = np.unique(codes, return_inverse=True)
        rows = np.repeat(np.arange(len(codes)), codes.shape[1])
        hits = csr_array((np.ones(codes.size), (place.ravel(), rows)), shape=(len(seen), len(codes)))
        theta, slots = self.buckets[seen], self.bucket_slots[:, seen]
        self.stepper.step(theta, slots, (hits @ slopes).astype(np.float32), self.steps)
        self.buckets[seen], self.bucket_slots[:, seen] = theta, slots
        self.touched[seen] = self.steps
        self.visits[seen] += hits @ w

    def _catch_up(self, places: Places) -> None:
        """Do the penalties' part of the steps that these buckets were not part of."""
        passed = self.steps - self.touched[places]
        if not (passed.any() and (self.stepper.l1.any() or self.stepper.l2.any())):
            return
        theta = self.buckets[places]
        self.stepper.shrink(theta, self.bucket_slots[:, places], max(1, self.steps), passed)
        self.buckets[places] = theta
        self.touched[places] = self.steps

    def _settle(self) -> None:
        for start in range(0, len(self.buckets), BLOCK):
            self._catch_up(np.arange(start, min(start + BLOCK, len(self.buckets))))

    def _tell(self, eta: Array, y: Array, w: Array) -> None:
        for loss, models in self.parts:
            columns = slice(models.start * self.e, models.stop * self.e)
            values = loss.value(self._each(eta[:, columns]), y).sum(axis=2)
            self.loss[models] += np.minimum(w @ values, STEEPEST * w.sum())
        self.told += float(w.sum())

    def _each(self, eta: Array) -> Array:
        """Return predictions as (rows, models, equations)."""
        return eta.reshape(len(eta), -1, self.e)

    def _state(self, batch: Batch) -> PackedState:
        was = self.state
        return PackedState(
            was.shape, was.known, was.pack, was.rows + batch.n, was.weight + batch.total, self.steps, self.counts,
            self.loss, self.told, self.coef, self.slots, self.buckets, self.bucket_slots,
            self.visits,
        )  # fmt: skip


class _Block:
    """Rows made ready: z, bucket numbers, targets of every equation, weights, and those of each class."""

    def __init__(self, training: Training, picker: Picker, rows: Places, w: Array, *, sparse: bool) -> None:
        shape, known, plain = training.state.shape, training.known, training.plain
        make = SparseRows.of if sparse else DenseRows.of
        self.z: ScaledRows = make(picker, rows, plain, known["center"], known["scale"])
        self.codes = buckets_of(picker.columns(rows, training.hashed), training.packed.hash_bits)
        y = picker.columns(rows, np.array([shape.d]))[:, 0].astype(np.float64)
        self.y, self.w = _targets(y, shape, known)[:, None, :], w
        self.counts = np.bincount(
            y.astype(np.intp) if shape.classes else [0] * len(y), w, max(1, len(shape.classes))
        )

    def parts(self, ends: Places) -> Iterator[tuple[ScaledRows, Places, Array, Array]]:
        """Yield the mini-batches between these places."""
        for start, stop in itertools.pairwise(ends.tolist()):
            rows = slice(start, stop)
            yield self.z.part(rows), self.codes[rows], self.y[rows], self.w[rows]


def even_ends(n: int, most: int) -> Places:
    """Return where mini-batches of n rows begin and end: as few as hold ``most`` at most, none much smaller.

    A last one of a single row would make as long a step as the others, in a direction that is mere chance.

    Examples
    --------
    >>> even_ends(65, 64).tolist(), even_ends(192, 64).tolist()
    ([0, 32, 65], [0, 64, 128, 192])
    """
    parts = -(-n // most)
    return np.arange(parts + 1) * n // parts


def equations(shape: Shape) -> int:
    """Return E.

    Examples
    --------
    >>> equations(Shape((), ("y",), classes=("a", "b"))), equations(Shape((), ("y",), classes=("a", "b", "c")))
    (1, 3)
    """
    return len(shape.classes) if len(shape.classes) > 2 else 1


def plain_columns(shape: Shape) -> Places:
    """Return the places of the q columns that are numbers."""
    return np.array([j for j, column in enumerate(shape.columns) if column.role != HASHED], np.intp)


def hashed_columns(shape: Shape) -> Places:
    """Return the places of the columns that are hashes."""
    return np.array([j for j, column in enumerate(shape.columns) if column.role == HASHED], np.intp)


def buckets_of(hashes: Any, bits: int) -> Places:
    """Return the bucket of each hash: its highest bits.

    Examples
    --------
    >>> buckets_of(np.array([[2.0**23, 0.0]]), bits=1).tolist()
    [[1, 0]]
    """
    return np.asarray(hashes).astype(np.intp) >> (HASH_BITS - bits)


def _mean(x: Any, y: Any, share: Any) -> Any:
    """Return the mean of two arrays in their own type, ``share`` of it the first's."""
    made = x * np.asarray(share, x.dtype)
    made += y * np.asarray(1.0 - share, x.dtype)
    return made


def _stepper(packed: Packed, e: int) -> Stepper:
    def column(values: list[float]) -> Array:
        return np.repeat(np.array(values), e)

    return Stepper(
        OPTIMIZERS[packed.optimizer],
        column([m.eta0 for m in packed.pack]),
        packed.power_t,
        column([m.alpha * (1.0 - m.l1_ratio) for m in packed.pack]),
        column([m.alpha * m.l1_ratio for m in packed.pack]),
    )


def _runs(pack: tuple[Member, ...]) -> Iterator[tuple[str, int, int]]:
    """Yield each loss with the first and the last-but-one place of its models."""
    start = 0
    for name, members in itertools.groupby(pack, key=lambda member: member.loss):
        stop = start + len(list(members))
        yield name, start, stop
        start = stop


def _targets(y: Array, shape: Shape, known: Mapping[str, Any] | Known) -> Array:
    """Return the targets of each equation, shape (n, E): ±1, or numbers about the offset in the unit."""
    if not shape.classes:
        return np.asarray(((y - known["offset"]) / known["unit"])[:, None])
    if equations(shape) == 1:
        return np.where(y > 0.0, 1.0, -1.0)[:, None]
    return np.where(y[:, None] == np.arange(len(shape.classes)), 1.0, -1.0)


def _numbers(name: str, text: str, low: float, high: float) -> tuple[float, ...]:
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or len(set(found)) < len(found) or not all(low <= x <= high and x < np.inf for x in found):
        bound = f"from {low:g} to {high:g}" if high < np.inf else f"of at least {low:g}"
        raise InvalidField(f"{name}={text!r}: must be different numbers {bound}, separated by commas")
    return found
