"""The merged states of some segments, of what the store has alone."""

from __future__ import annotations

from collections.abc import Sequence

from algorithms.contract import State, Summary
from hpo.states.kept_rows import stored_leaves
from hpo.states.learned.pilot import Pilot
from hpo.states.runs import HELD, LENGTH, Rolling, cover_runs, empty_run, joined, no_cells, runs_of
from state_store import StateStore


def stored_cells(
    summary: Summary, pilot: Pilot, context: str, keys: Sequence[str], store: StateStore
) -> tuple[list[State], int]:
    """Return the merged states of some segments, as a pass makes them, and how many are not in the store."""
    ready, cells, missing, before = pilot.ready(summary), no_cells(summary, pilot), 0, 0
    runs = runs_of(keys, alone=pilot.folds.places is not None)
    most = max(1, min(LENGTH, HELD // (len(cells) * max(1, ready.nbytes(pilot.shape)))))
    kept, _ = cover_runs(store, context, runs)
    for run in runs:
        known = store.get_many(context, [run.key], empty_run(summary, pilot)) if run.key in kept else {}
        if known:
            cells = joined(summary, pilot, cells, known[run.key].cells, run.start, before)
            before += int(known[run.key].rows.sum())
            continue
        rolling = Rolling(ready)
        for start in range(0, len(run.keys), most):
            some = run.keys[start : start + most]
            leaves = stored_leaves(store, context, some, ready, pilot)
            for key in some:
                if key in leaves:
                    rolling.add(leaves[key])
                else:
                    missing += 1
        cells = joined(summary, pilot, cells, rolling.cells, run.start, before) if rolling.rows else cells
        before += sum(rolling.rows)
    return cells, missing
