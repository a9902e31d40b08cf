"""Epochs of gradient steps over batches of fixed size: pure functions of parameters, moments, rows and their order.

Rows are padded with rows of weight zero, and sizes of tables rounded up, so that folds and settings of one shape
share one compiled function; what is tuned (step size, penalties) is an argument of it and no constant.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np

from algorithms.arrays import Array, Places, Singles, Values
from algorithms.chained import Chain
from algorithms.lazily import jax, optax

Named: TypeAlias = Mapping[str, Values]
"""Arrays by name: parameters, or the columns of rows, whose first dimension is that of the rows."""

Traced: TypeAlias = Mapping[str, Array]
"""The same while a function is compiled."""

Loss: TypeAlias = Callable[[Traced, Traced, Traced], Array]
"""The loss of each row of a batch, shape (b,), by parameters, rows and hyperparameters."""

WEIGHT = "weight"
"""The name of the weights of rows."""


class Moments(NamedTuple):
    """What an optimizer remembers: how many steps, and running moments of the slopes, those that it uses."""

    steps: Values
    mu: Named
    nu: Named


@dataclass(frozen=True, eq=False)
class Compiled:
    """The compiled functions of a loss.

    Attributes
    ----------
    epoch : parameters, moments, rows, order (s, b), step size and hyperparameters → parameters and moments.
    held : parameters, rows and hyperparameters → the sum of the weighted losses.
    """

    epoch: Callable[..., tuple[Named, Moments]]
    held: Callable[..., Values]


Rule: TypeAlias = Callable[[Traced, Moments], tuple[Traced, Moments]]
"""Slopes and moments → by what parameters move at a step size of one, and the moments after it."""

SMALL = 1e-8
"""What is added to a root before something is divided by it."""


def _adam(slopes: Traced, known: Moments) -> tuple[Traced, Moments]:
    moved, updated = optax.scale_by_adam().update(slopes, optax.ScaleByAdamState(*known))
    return moved, Moments(*updated)


def _adagrad(slopes: Traced, known: Moments) -> tuple[Traced, Moments]:
    nu = {name: jax.numpy.add(known.nu[name], slope**2) for name, slope in slopes.items()}
    return _over_roots(slopes, known._replace(steps=known.steps + 1, nu=nu))


def _rmsprop(slopes: Traced, known: Moments) -> tuple[Traced, Moments]:
    nu = {name: _running(known.nu[name], 0.9, 0.1 * slope**2) for name, slope in slopes.items()}
    return _over_roots(slopes, known._replace(steps=known.steps + 1, nu=nu))


def _sgd(slopes: Traced, known: Moments) -> tuple[Traced, Moments]:
    mu = {name: _running(known.mu[name], 0.9, slope) for name, slope in slopes.items()}
    return mu, known._replace(steps=known.steps + 1, mu=mu)


def _running(known: Values, share: float, more: Array) -> Array:
    found: Array = share * jax.numpy.asarray(known) + more
    return found


def _over_roots(slopes: Traced, known: Moments) -> tuple[Traced, Moments]:
    roots = {name: jax.numpy.sqrt(array) + SMALL for name, array in known.nu.items()}
    return {name: slope / roots[name] for name, slope in slopes.items()}, known


RULES: Mapping[str, Rule] = {"adam": _adam, "adagrad": _adagrad, "rmsprop": _rmsprop, "sgd": _sgd}
"""The optimizers: Adam (Kingma & Ba 2015), AdaGrad (Duchi, Hazan & Singer 2011), RMSprop (Tieleman & Hinton 2012),
and gradient descent with a momentum of 0.9."""


@functools.cache
def compiled(loss: Loss, optimizer: str = "adam") -> Compiled:
    """Return the functions of a loss, compiled once for each shape of what they are given."""
    jit, rule = jax.jit, RULES[optimizer]

    def total(parameters: Traced, rows: Traced, hyper: Traced) -> Array:
        found: Array = (rows[WEIGHT] * loss(parameters, rows, hyper)).sum()
        return found

    def mean(parameters: Traced, rows: Traced, hyper: Traced) -> Array:
        found: Array = total(parameters, rows, hyper) / jax.numpy.maximum(rows[WEIGHT].sum(), 1e-30)
        return found

    def epoch(
        parameters: Traced, moments: Moments, rows: Traced, order: Places, rate: Array, hyper: Traced
    ) -> tuple[Traced, Moments]:
        def step(carried: tuple[Traced, Moments], places: Places) -> tuple[tuple[Traced, Moments], None]:
            now, known = carried
            batch = {name: column[places] for name, column in rows.items()}
            slopes = jax.grad(mean)(now, batch, hyper)
            moved, updated = rule(slopes, known)
            return ({name: now[name] - rate * moved[name] for name in now}, updated), None

        return jax.lax.scan(step, (parameters, moments), order)[0]  # type: ignore[no-any-return]

    return Compiled(jit(epoch), jit(total))


def still(parameters: Named) -> Moments:
    """Return the moments of no step.

    Examples
    --------
    >>> still({"w": np.ones(2, np.float32)}).nu["w"].tolist()
    [0.0, 0.0]
    """
    zeros = {name: np.zeros_like(array) for name, array in parameters.items()}
    return Moments(np.zeros((), np.int32), zeros, zeros)


def stored(moments: Moments) -> dict[str, Values]:
    """Return moments as arrays by name.

    Examples
    --------
    >>> sorted(stored(still({"w": np.ones(2)})))
    ['count', 'mu.w', 'nu.w']
    """
    both = {"mu": moments.mu, "nu": moments.nu}
    named = [(f"{which}.{name}", array) for which, arrays in both.items() for name, array in arrays.items()]
    return {"count": np.asarray(moments.steps)} | {name: np.asarray(array) for name, array in named}


def moments_of(arrays: Named) -> Moments:
    """Return the moments of which arrays by name were made.

    Examples
    --------
    >>> moments_of(stored(still({"w": np.ones(2)}))).mu["w"].tolist()
    [0.0, 0.0]
    """
    mu, nu = ({k.removeprefix(p): v for k, v in arrays.items() if k.startswith(p)} for p in ("mu.", "nu."))
    return Moments(arrays["count"], mu, nu)


def judged(chain: Chain, loss: float) -> Chain:
    """Return a chain with its mean held-out loss, and the parameters of the lowest one.

    Examples
    --------
    >>> judged(judged(Chain(1, 0, {"w": np.ones(1)}), 2.0), 3.0).losses.tolist()
    [2.0, 3.0]
    """
    best = chain.parameters if not len(chain.losses) or loss < chain.losses.min() else chain.best
    return replace(chain, best=best, losses=np.append(chain.losses, loss))


def batches(n: int, size: int, rng: np.random.Generator) -> Places:
    """Return an order of rows as batches of one size, shape (s, size); places that are left are those of row n.

    Examples
    --------
    >>> batches(3, 2, np.random.default_rng(0)).tolist()
    [[2, 0], [1, 3]]
    """
    steps = -(-n // size)
    order = np.full(steps * size, n, np.int64)
    order[:n] = rng.permutation(n)
    return order.reshape(steps, size)


def padded(array: Values, rows: int) -> Values:
    """Return an array with rows of zeros after its own.

    Examples
    --------
    >>> padded(np.ones(2), 3).tolist()
    [1.0, 1.0, 0.0]
    """
    made = np.zeros((rows, *array.shape[1:]), array.dtype)
    made[: len(array)] = array
    return made


def rounded_up(n: int) -> int:
    """Return the next power of two, so that tables of about one size have one shape.

    Examples
    --------
    >>> rounded_up(0), rounded_up(5), rounded_up(8)
    (1, 8, 8)
    """
    return 1 << max(0, n - 1).bit_length()


def numbers(arrays: Named) -> dict[str, Singles]:
    """Return what was computed as arrays of NumPy's own."""
    return {name: np.array(array) for name, array in arrays.items()}
