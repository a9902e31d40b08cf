"""``python -m benchmarks.side_by_side``: whether settings train faster side by side, on each batch read once.

An epoch of a factorization machine (rank 8, 100,004 ratings of MovieLens) and one of ``deepar`` (150 made series by
month, 50 batches of 32 windows), each K times one after another and then K at once by ``jax.vmap`` over parameters,
moments, step size and penalty, with the same batches; and whether the numbers are the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import jax
import numpy as np

from algorithms import laws
from algorithms.contract import Batch, Shape
from algorithms.families.factorization import inside_of
from algorithms.models.deepar import DeepAR
from algorithms.models.factorization_machine import FactorizationMachine
from algorithms.neural import recurrent, training
from algorithms.summaries.series import WholeSeries
from benchmarks.rounds_network import state_of

MANY = (2, 5, 15)
Epoch = Callable[..., object]


def machine_epoch() -> tuple[Epoch, tuple[object, ...]]:
    """Return an epoch of a machine, and what it is given."""
    machine, state = FactorizationMachine(rank=8), state_of(0)
    inside, chain, size = inside_of(state), machine.begin(state), machine.batch_rows
    rows = {k: training.padded(v, (-(-inside.n // size)) * size + 1) for k, v in inside.rows.items()}
    order, made = training.batches(inside.n, size, np.random.default_rng(0)), training.compiled(machine.loss())

    def epoch(parameters: training.Named, moments: training.Moments, rate: object, alpha: object) -> object:
        return made.epoch(parameters, moments, rows, order, rate, {"alpha": alpha})

    return epoch, (chain.parameters, training.moments_of(chain.optimizer), np.float32(0.003), np.float32(0.05))


def series_epoch() -> tuple[Epoch, tuple[object, ...]]:
    """Return an epoch of an LSTM, and what it is given."""
    count, steps, rng = 150, 180, np.random.default_rng(0)
    summary = WholeSeries(context=36, horizon=8, season=12)
    step = np.tile(np.arange(steps), count)
    y = 5.0 + np.sin(step * np.pi / 6) + 0.2 * rng.normal(size=count * steps)
    names = np.repeat(np.arange(count, dtype=np.uint64) * 2**40 + 2**30, steps)
    batch = Batch(y[:, None], 0, clock=step.astype(float), series=names)
    model = DeepAR(summary=summary, freq="M")
    state = laws.lift(summary, Shape((), ("y",)), batch)
    laid, chain = model._laid_out(state), model.begin(state)
    cuts, made = laid.cuts(np.random.default_rng([0, 1]), 50, 32), recurrent.compiled(laid.network)

    def epoch(parameters: training.Named, moments: training.Moments, rate: object) -> object:
        key, dropout = jax.random.key(0), np.float32(0.1)
        return made.epoch(parameters, moments, parameters, laid.flat, cuts, np.int32(50), rate, dropout, key)

    return epoch, (chain.parameters, training.moments_of(chain.optimizer), np.float32(1e-3))


def main() -> None:
    """Print seconds and ratios."""
    for name, (epoch, given) in (("factorization_machine", machine_epoch()), ("deepar", series_epoch())):
        alone = jax.block_until_ready(epoch(*given))
        for many in MANY:
            began = time.perf_counter()
            for _ in range(many):
                jax.block_until_ready(epoch(*given))
            one = time.perf_counter() - began
            several = jax.tree.map(lambda a, k=many: np.stack([np.asarray(a)] * k), given)
            together = jax.jit(jax.vmap(epoch))
            found = jax.block_until_ready(together(*several))
            began = time.perf_counter()
            jax.block_until_ready(together(*several))
            side = time.perf_counter() - began
            pairs = zip(jax.tree.leaves(alone), jax.tree.leaves(found), strict=True)
            same = all(np.array_equal(np.asarray(a), np.asarray(b)[0]) for a, b in pairs)
            ratio, bits = f"{one / side:.2f} times as fast", "the same bits" if same else "other bits"
            print(f"{name}, {many}: {one:.2f} s one by one, {side:.2f} s side by side, {ratio}, {bits}", flush=True)


if __name__ == "__main__":
    main()
