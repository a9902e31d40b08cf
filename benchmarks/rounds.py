"""``python -m benchmarks.rounds``: what merging seldom costs ``linear`` and ``linear_regressor`` in loss.

Rows are dealt to workers, batch by batch. Each worker trains a copy of the state; after every so many batches the
copies are merged and all continue from the mean (a round), or they are merged once, at the end, as the pass merges
the segments. The loss is that of the best member of the pack on held-out rows.
"""

from __future__ import annotations

import argparse
import copy
import functools
from collections.abc import Sequence

import numpy as np

from algorithms.contract import Batch, Column, Shape, Summary
from algorithms.models.linear import Linear
from algorithms.models.linear_regressor import LinearRegressor
from algorithms.summaries.pack import PackedState

COLUMNS, ROWS, HELD = 50, 2_048, 100_000
EVERY = (1, 16, 256, None)


def data(n: int, seed: int, *, classes: bool) -> Batch:
    """Return rows of equally correlated columns, of which twenty matter."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, COLUMNS)) + 0.7 * rng.normal(size=(n, 1))
    weights = np.random.default_rng(9).normal(size=COLUMNS) * (np.arange(COLUMNS) < 20)
    y = x @ weights + 2.0 * rng.normal(size=n)
    target = (y > 0.0).astype(np.float64) if classes else y
    hashes = rng.permutation(n).astype(np.uint64)
    return Batch(np.asfortranarray(np.column_stack([x, target])), COLUMNS, priority=hashes)


def trained(
    summary: Summary, shape: Shape, batches: Sequence[Batch], workers: int, every: int | None
) -> PackedState:
    """Return the merged state after all batches."""
    begun = summary.init(shape)
    done: PackedState | None = None
    for first in range(0, len(batches), workers * (every or len(batches))):
        some = batches[first : first + workers * (every or len(batches))]
        base = begun if done is None else done
        states = [copy.deepcopy(base) for _ in range(workers)]
        for i, batch in enumerate(some):
            states[i % workers] = summary.update(states[i % workers], batch)
        done = functools.reduce(summary.merge, states)
    assert done is not None
    return done


def loss(algorithm: type[Linear] | type[LinearRegressor], state: PackedState, held: Batch) -> float:
    """Return the least loss of the models of a pack: log-loss, or the mean squared error."""
    found = []
    x, y = held.values[:, :COLUMNS], held.values[:, COLUMNS]
    for alpha in (1e-6, 1e-4, 1e-2):
        made = algorithm(alpha=alpha, loss="log_loss") if algorithm is Linear else algorithm(alpha=alpha)
        model = made.estimator(made.solve(state))
        if hasattr(model, "decision_function"):
            eta = model.decision_function(x)
            found.append(float(np.mean(np.logaddexp(0.0, -np.where(y > 0.0, eta, -eta)))))
        else:
            found.append(float(np.mean((model.predict(x) - y) ** 2)))
    return min(found)


def main() -> None:
    """Print a table for each algorithm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=512)
    asked = parser.parse_args()
    columns = tuple(Column(f"x{j}", f"x{j}") for j in range(COLUMNS))
    for algorithm, classes in ((Linear, True), (LinearRegressor, False)):
        shape = Shape(columns, ("y",), (0, 1) if classes else ())
        whole = data(ROWS * asked.batches, 1, classes=classes)
        batches = [whole.part(slice(i * ROWS, (i + 1) * ROWS)) for i in range(asked.batches)]
        summary = algorithm().summary
        summary = summary.knowing(summary.learn(shape, whole.part(slice(0, 50_000))))
        held = data(HELD, 2, classes=classes)
        alone = loss(algorithm, trained(summary, shape, batches, 1, None), held)
        print(f"{algorithm.__name__}: one worker {alone:.6f}", flush=True)
        for workers in (2, 16):
            for every in EVERY:
                found = loss(algorithm, trained(summary, shape, batches, workers, every), held)
                when = "at the end" if every is None else f"every {every} batches"
                more = found / alone - 1.0
                print(f"  {workers:>2} workers, merged {when:17} {found:.6f}  {more:+.3%}", flush=True)


if __name__ == "__main__":
    main()
