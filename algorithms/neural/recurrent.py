"""Epochs of an autoregressive LSTM over windows of series, by JAX: pure functions of parameters and moments.

Windows are slices of one flat array, in which a stretch of missing values stands before each series; so an epoch is
given where its windows begin, and nothing is copied. Tables are padded to powers of two, and how many batches there
are is an argument, so that folds and settings of one architecture share one compiled function.

Notation
====== ==================================================================
L, H   past and next values of a window
U      steps of the network over a window's past: those that have every lag in it
z, ν   values and their scale: the mean of the last absolute values; of all L where these are zero
b      windows of a batch
====== ==================================================================
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from algorithms.arrays import Array, Places, Singles, Values
from algorithms.lazily import jax, optax
from algorithms.neural.losses import BETA, HEADS, LOSSES
from algorithms.neural.training import Moments, Named, Traced

Whole: TypeAlias = NDArray[np.int32]
"""Places in the flat array, and of series."""

CLIP = 10.0
"""The largest length of a batch's slope."""

KEPT = 0.99
"""How much of the average of the parameters a batch leaves: forecasts are made by it, which is steadier.

The first batches leave less, so that the average soon forgets where training began.
"""


@dataclass(frozen=True)
class Network:
    """What the network looks at, and what comes out: all that is compiled in.

    Attributes
    ----------
    context, horizon : L and H.
    lags : the steps before each that it looks at, ascending; the first is 1.
    recent : how many of the last past values the scale is of.
    layers : how many LSTM layers.
    likelihood : the distribution of a value.

    Examples
    --------
    >>> Network(8, 2, (1, 2, 4), 4, 2, "gaussian").unrolled
    4
    """

    context: int
    horizon: int
    lags: tuple[int, ...]
    recent: int
    layers: int
    likelihood: str

    @property
    def unrolled(self) -> int:
        """U."""
        return self.context - self.lags[-1]

    @property
    def looks(self) -> Places:
        """The place in a window of each lag of each step, shape (U + H, lags)."""
        steps = np.arange(self.lags[-1], self.context + self.horizon)
        return np.asarray(steps[:, None] - np.array(self.lags))


class Flat(NamedTuple):
    """All series, one after another.

    Attributes
    ----------
    values, seen : shape (N,), values, zero where there is none, and one where there is one.
    ahead : shape (N, a), what is known of a step in advance.
    before : shape (N, p), what is known of a step once it is over.
    still : shape (s, c), what does not change, by series; rows of zeros follow.
    level : shape (2,), mean and deviation of the logarithms of scales.
    """

    values: Singles
    seen: Singles
    ahead: Singles
    before: Singles
    still: Singles
    level: Singles


class Cuts(NamedTuple):
    """Windows, each array of shape (batches, b).

    Attributes
    ----------
    start : where they begin.
    series : whose they are.
    known : the embeddings that they have: those of their series, or of one that is not known.
    since : the place from which on a value counts for the loss.
    """

    start: Whole
    series: Whole
    known: Whole
    since: Whole


@dataclass(frozen=True, eq=False)
class Compiled:
    """The compiled functions of a network.

    Attributes
    ----------
    epoch : parameters, moments, averages, flat, cuts, number of batches, step size, dropout and key → the first
        three of these.
    held : parameters, flat and cuts of one batch → the sum of the losses of values, and how many there are.
    raw : parameters, flat and cuts of one batch → what distributions are made of, shape (b, U + H, head).
    """

    epoch: Callable[..., tuple[Named, Moments, Named]]
    held: Callable[..., tuple[Values, Values]]
    raw: Callable[..., Values]


@functools.cache
def compiled(network: Network) -> Compiled:
    """Return the functions of a network, compiled once for each shape of what they are given."""
    lax, np_, adam = jax.lax, jax.numpy, optax.scale_by_adam()
    clip = optax.clip_by_global_norm(CLIP)

    def mean(parameters: Traced, flat: Flat, cut: Cuts, dropout: Array, key: Array) -> Array:
        total, count = losses(network, parameters, flat, cut, dropout, key)
        found: Array = total / np_.maximum(count, 1.0)
        return found

    def epoch(
        parameters: Traced, moments: Moments, averages: Traced, flat: Flat, cuts: Cuts, n: Array, rate: Array,
        dropout: Array, key: Array,
    ) -> tuple[Traced, Moments, Traced]:
        def step(i: Array, carried: tuple[Traced, Moments, Traced]) -> tuple[Traced, Moments, Traced]:
            now, known, mean_of = carried
            cut = Cuts(*(each[i] for each in cuts))
            slopes = jax.grad(mean)(now, flat, cut, dropout, jax.random.fold_in(key, i))
            slopes, _ = clip.update(slopes, optax.EmptyState())
            moved, updated = adam.update(slopes, optax.ScaleByAdamState(*known))
            new = {name: now[name] - rate * moved[name] for name in now}
            stays = np_.minimum(KEPT, (1.0 + updated.count) / (10.0 + updated.count))
            kept = {name: stays * mean_of[name] + (1.0 - stays) * new[name] for name in new}
            return new, Moments(*updated), kept

        return lax.fori_loop(0, n, step, (parameters, moments, averages))  # type: ignore[no-any-return]

    def held(parameters: Traced, flat: Flat, cut: Cuts) -> tuple[Array, Array]:
        return losses(network, parameters, flat, cut, None, None)

    def raw(parameters: Traced, flat: Flat, cut: Cuts) -> Array:
        return outputs(network, parameters, flat, cut, None, None)[0]

    return Compiled(jax.jit(epoch), jax.jit(held), jax.jit(raw))


def losses(
    network: Network, parameters: Traced, flat: Flat, cut: Cuts, dropout: Array | None, key: Array | None
) -> tuple[Array, Array]:
    """Return the sum of the negative logarithms of the likelihoods of a batch's values, and how many count."""
    out, target, scale, counts = outputs(network, parameters, flat, cut, dropout, key)
    each = LOSSES[network.likelihood](out, target, scale[:, None])
    return (counts * each).sum(), counts.sum()


def outputs(
    network: Network, parameters: Traced, flat: Flat, cut: Cuts, dropout: Array | None, key: Array | None
) -> tuple[Array, Array, Array, Array]:
    """Return what distributions are made of (b, U + H, head), values (b, U + H), ν (b,), and which values count."""
    np_, L = jax.numpy, network.context
    places = cut.start[:, None] + np.arange(L + network.horizon)
    values, seen = flat.values[places], flat.seen[places]
    scale = np_.ones(len(places))
    if network.likelihood != BETA:
        known = [
            np_.abs(values[:, start:L]).sum(axis=1) / np_.maximum(seen[:, start:L].sum(axis=1), 1.0)
            for start in (L - network.recent, 0)
        ]
        scale = np_.where(known[0] > 0.0, known[0], np_.where(known[1] > 0.0, known[1], 1.0))
    first, steps = network.lags[-1], network.unrolled + network.horizon
    past = (values / scale[:, None])[:, network.looks]
    over = np.minimum(np.arange(first - 1, first - 1 + steps), L - 1)
    level = (np_.log(scale) - flat.level[0]) / flat.level[1]
    whole = np_.concatenate([flat.still[cut.series], parameters["embedding"][cut.known], level[:, None]], axis=1)
    x = np_.concatenate(
        [
            past, seen[:, network.looks[:, 0], None], flat.ahead[places[:, first:]], flat.before[places[:, over]],
            np_.broadcast_to(whole[:, None], (len(places), steps, whole.shape[1])),
        ],
        axis=2,
    )  # fmt: skip
    out = _lstm(network, parameters, x, dropout, key) @ parameters["head"] + parameters["head_bias"]
    counts = seen[:, first:] * (places[:, first:] >= cut.since[:, None])
    return out, values[:, first:], scale, counts


def _lstm(network: Network, parameters: Traced, x: Array, dropout: Array | None, key: Array | None) -> Array:
    """Return the outputs of the last layer, shape (b, steps, hidden), by the inputs of the first."""
    np_, lax = jax.numpy, jax.lax
    moved = np_.swapaxes(x, 0, 1)
    for layer in range(network.layers):
        inputs = moved @ parameters[f"in{layer}"] + parameters[f"bias{layer}"]
        inner = parameters[f"own{layer}"]

        def step(
            carried: tuple[Array, Array], each: Array, inner: Array = inner
        ) -> tuple[tuple[Array, Array], Array]:
            h, c = carried
            i, f, g, o = np_.split(each + h @ inner, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * np_.tanh(g)
            h = jax.nn.sigmoid(o) * np_.tanh(c)
            return (h, c), h

        none = np_.zeros((x.shape[0], inner.shape[0]))
        moved = lax.scan(step, (none, none), inputs)[1]
        if dropout is not None and layer + 1 < network.layers:
            kept = jax.random.uniform(jax.random.fold_in(key, layer), moved.shape) >= dropout
            moved = np_.where(kept, moved / (1.0 - dropout), 0.0)
    return np_.swapaxes(moved, 0, 1)  # type: ignore[no-any-return]


def begun(network: Network, inputs: int, series: int, hidden: int, embedding: int, seed: int) -> dict[str, Singles]:
    """Return the first parameters: uniform weights as in PyTorch's LSTM, small embeddings, and one to remember.

    Examples
    --------
    >>> made = begun(Network(8, 2, (1, 2), 4, 1, "gaussian"), 5, 3, 4, 2, 0)
    >>> made["in0"].shape, made["own0"].shape, made["head"].shape, made["embedding"].shape
    ((5, 16), (4, 16), (4, 2), (3, 2))
    """
    draw, bound = np.random.default_rng(seed), 1.0 / np.sqrt(hidden)
    found = {"embedding": draw.normal(0.0, 0.1, (series, embedding)).astype(np.float32)}
    for layer in range(network.layers):
        for name, rows in (("in", inputs if layer == 0 else hidden), ("own", hidden)):
            found[f"{name}{layer}"] = draw.uniform(-bound, bound, (rows, 4 * hidden)).astype(np.float32)
        found[f"bias{layer}"] = np.repeat([0.0, 1.0, 0.0, 0.0], hidden).astype(np.float32)
    head = HEADS[network.likelihood]
    found["head"] = draw.uniform(-bound, bound, (hidden, head)).astype(np.float32)
    found["head_bias"] = np.zeros(head, np.float32)
    return found
