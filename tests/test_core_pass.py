"""Keys of leaves, the pilot that growing data finds again, and the ledger: what each depends on."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import hpo
from algorithms.models.ridge import Ridge
from algorithms.summaries.moments import Moments
from hpo.data import open_dataset
from hpo.data.folds.schemes import HashFolds
from hpo.data.folds.times import TimeFolds
from hpo.errors import Interrupted, TuneError
from hpo.process.engine import Engine
from hpo.process.progress import Progress
from hpo.states import passes
from hpo.states.learned.pilot import load_pilot, make_pilot, plan_pilot
from hpo.states.learned.seen import context_of
from hpo.states.passes import Pass
from state_store import StateStore


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        made = pd.DataFrame(rng.normal(size=(400, 3)), columns=["a", "b", "y"])
        made.assign(kind=rng.choice(list("uvwxyz"), 400), t=np.arange(400) + 400 * i).to_parquet(folder / f"{i}.parquet")
    return folder


def pilot_of(data, store, folds=None, levels=64):
    return make_pilot(open_dataset(data, target="y"), folds or HashFolds(5), levels, store)


def test_every_part_of_a_context_counts(files, tmp_path):
    store = StateStore(tmp_path / "store")
    pilot = pilot_of(files, store)

    @dataclass(frozen=True)
    class Raised(Moments):
        version: ClassVar[int] = Moments.version + 1

    @dataclass(frozen=True)
    class Again(Moments):
        pass

    Raised.__qualname__ = Again.__qualname__
    contexts = [
        context_of(Moments(), pilot, ("y",), None),
        context_of(Moments("double"), pilot, ("y",), None),
        context_of(Again(), pilot, ("y",), None),
        context_of(Raised(), pilot, ("y",), None),
        context_of(Moments(), pilot, ("z",), None),
        context_of(Moments(), pilot, ("y",), "w"),
        context_of(Moments(), pilot_of(files, store, HashFolds(4)), ("y",), None),
        context_of(Moments(), pilot_of(files, store, HashFolds(5, seed=1)), ("y",), None),
        context_of(Moments(), pilot_of(files, store, levels=2), ("y",), None),
    ]
    assert len(set(contexts)) == len(contexts)
    assert context_of(Moments(), pilot_of(files, store), ("y",), None) == contexts[0]


def test_a_pilot_is_found_again_for_the_same_question_only(files, tmp_path):
    store = StateStore(tmp_path / "store")
    dataset = open_dataset(files, target="y")
    made = make_pilot(dataset, HashFolds(5), 64, store)
    assert made.origin == "sampled"
    assert plan_pilot(dataset, HashFolds(5), 64, store).stored == made.name
    others = [(dataset, HashFolds(4), 64), (dataset, HashFolds(5), 3)]
    others += [(open_dataset(files, target="a"), HashFolds(5), 64), (open_dataset(files, target="y", drop=["b"]), HashFolds(5), 64)]
    assert [plan_pilot(*other, store).stored for other in others] == [None] * 4
    assert not any(plan_pilot(*other, store).outdated for other in others)


def test_stored_time_boundaries_are_used_when_later_data_arrives(files, tmp_path):
    store = StateStore(tmp_path / "store")
    first = pilot_of(files, store, TimeFolds("t", 2))
    assert first.folds.boundaries is not None
    later = pd.read_parquet(files / "0.parquet").assign(t=np.arange(400) + 5000)
    later.to_parquet(files / "9.parquet")
    grown = pilot_of(files, store, TimeFolds("t", 2))
    assert (grown.origin, grown.folds) == ("stored", first.folds)
    assert grown.digest == first.digest
    assert load_pilot(store, "0" * len(str(first.name)), TimeFolds("t", 2), ("y",)) is None


def test_later_batches_of_a_segment_have_places_of_their_own(tmp_path):
    """A segment of two batches: were the rows of the second counted from 0, both would have the same folds."""
    rng = np.random.default_rng(1)
    n = 70_000
    frame = pd.DataFrame({"a": rng.normal(size=n), "y": rng.normal(size=n)})
    result = hpo.tune(frame, "y", "ridge", trials=1, folds=3)
    dataset = open_dataset(frame, target="y")
    [segment] = dataset.segments
    [whole] = dataset.read(segment, batch_rows=n)
    cells = HashFolds(3).assign(segment, whole, 0)
    assert len(list(dataset.read(segment))) > 1
    assert [state.rows for state in result.best.states.cells] == np.bincount(cells).tolist()
    for state, cell in zip(result.best.states.cells, range(3), strict=True):
        assert state.mean[0] == pytest.approx(frame["a"][cells == cell].mean(), abs=1e-6)


def test_the_ledger_adds_up(files, tmp_path):
    result = hpo.tune(files, "y", "ridge", trials=3, folds=4, store=tmp_path / "store")
    cost, segments = result.cost, open_dataset(files, target="y").segments
    assert cost.rows_read == 1200
    assert cost.bytes_read == sum(segment.nbytes for segment in segments)
    assert cost.pilot_rows == 1200
    distinct = len({tuple(t.params.items()) for t in result.optuna_study.trials})
    assert cost.rows_if_retrained == distinct * 4 * 1200 + 1200
    assert cost.ratio == cost.rows_if_retrained / 1200
    assert [s.rows for s in result.record.ledger] == [400] * 3
    again = hpo.tune(files, "y", "ridge", trials=3, folds=4, store=tmp_path / "store")
    assert (again.cost.rows_read, again.cost.bytes_read, again.cost.pilot_rows) == (0, 0, 0)
    assert again.cost.ratio == float("inf")
    assert [s.read for s in again.record.ledger] == [False] * 3


def test_time_folds_count_only_what_each_split_reads(files):
    result = hpo.tune(files, "y", "ridge", trials=1, folds={"scheme": "time", "column": "t", "n_splits": 2})
    states = result.best.states
    assert result.cost.rows_if_retrained == sum(s.rows for s in (*states.train, *states.test)) + 1200
    assert sum(s.rows for s in states.train) < 2 * 1200


def test_a_study_opens_from_another_store_with_its_own_splits(files, tmp_path):
    folds = {"scheme": "time", "column": "t", "n_splits": 2}
    first = hpo.tune(files, "y", "ridge", trials=3, folds=folds, name="times", store=tmp_path / "store")
    (tmp_path / "store").rename(tmp_path / "moved")
    again = hpo.load("times", store=tmp_path / "moved")
    assert again.best.states.plan == first.best.states.plan
    assert [s.rows for s in again.best.states.test] == [s.rows for s in first.best.states.test]
    assert hpo.validation_curve(again, "ridge.alpha", 5) == hpo.validation_curve(first, "ridge.alpha", 5)
    with pytest.raises(TuneError, match="a recorded study assigns no rows"):
        again.run.evidence.pilot.folds.assign(None, None, 0)


def test_a_plan_names_every_summary_that_a_searched_pass_field_makes(files, tmp_path):
    search = {"ridge.precision": ["auto", "double"]}
    spec = hpo.StudySpec(data=str(files), target="y", algorithm="ridge", search=search, store=str(tmp_path / "s"))
    planned = hpo.plan(spec)
    assert planned.summaries == ("Moments(precision='auto')", "Moments(precision='double')")
    assert planned.rows_to_read == 1200
    hpo.tune(files, "y", "ridge", trials=1, store=tmp_path / "s")
    assert hpo.plan(spec).rows_to_read == 1200
    assert hpo.plan(spec.but(search={})).rows_to_read == 0
    assert Ridge().summary == Moments()


def test_a_segment_stopped_midway_leaves_no_leaf(tmp_path):
    """Two batches, and a stop after the first: half a leaf must never be kept as if it were whole."""
    rng = np.random.default_rng(1)
    dataset = open_dataset(pd.DataFrame(rng.normal(size=(70_000, 2)), columns=["a", "y"]), target="y")
    store, stop, seen = StateStore(tmp_path / "store"), Event(), []
    pilot = make_pilot(dataset, HashFolds(3), 64, store)

    class StopAfterTheFirst(Progress):
        def advance(self, rows, nbytes):
            seen.append(rows)
            stop.set()

    one = Pass(dataset, pilot, {Moments(): context_of(Moments(), pilot, ("y",), None)}, store)
    with pytest.raises(Interrupted, match="stopped after 0 of 1 segment"):
        one.run(Engine(n_jobs=1), StopAfterTheFirst(), stop)
    assert 0 < sum(seen) < 70_000
    assert not store.list()
    whole = one.run(Engine(n_jobs=1), Progress(), Event())
    assert sum(state.rows for state in whole.cells[Moments()]) == 70_000


@pytest.mark.parametrize(("n_jobs", "rows", "expected"), [(None, 50, 8), (None, 40_000, 2), (1, 50, 1), (3, 50, 3)])
def test_small_files_are_read_by_more_threads_than_there_are_cores(n_jobs, rows, expected, tmp_path, monkeypatch):
    asked, real = [], passes.in_order
    monkeypatch.setattr(passes.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(passes, "in_order", lambda make, items, workers, beside: (
        asked.append(workers) or real(make, items, workers, beside)
    ))  # fmt: skip
    rng = np.random.default_rng(0)
    for i in range(3):
        X = rng.normal(size=(rows, 5))
        table = pa.table({**{f"x{j}": X[:, j] for j in range(5)}, "y": X[:, 0]})
        pq.write_table(table, tmp_path / f"{i}.parquet")
    options = {"n_jobs": n_jobs, "store": tmp_path / "store", "trials": 1, "folds": 3, "progress": False}
    hpo.tune(str(tmp_path / "*.parquet"), target="y", algorithm="ridge", **options)
    assert asked[0] == expected
