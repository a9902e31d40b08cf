"""Training that continues as data grows, and rows before that are trained on again so that they are not forgotten."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import test_twins_deepar as series
import test_twins_factorization as factors
import test_twins_neural_topics as documents
from sklearn.linear_model import SGDRegressor
from sklearn.metrics import mean_squared_error
from terminal import hpo as shell

import hpo
from algorithms.chained import alone, further
from algorithms.errors import FitFailed
from algorithms.families.estimators import of_object
from algorithms.models.deepar import DeepAR
from algorithms.models.factorization_machine import FactorizationMachine
from hpo.errors import NoScoreWarning, StoreWarning, TuneError
from state_store import StateStore
from studies.errors import SpecError

OLD, NEW = 1, 2


def rows(kind, n=600, seed=0):
    """Rows of two regions, in which a line through all of one is wrong in the other."""
    rng = np.random.default_rng([seed, kind])
    x = rng.normal(size=(n, 3)) + (2.0 if kind == NEW else -2.0)
    y = np.abs(x[:, 0]) + x[:, 1] + 0.1 * rng.normal(size=n)
    return pd.DataFrame(x).add_prefix("x").assign(y=y)


def grow(folder, *kinds):
    (folder / "rows").mkdir(exist_ok=True)
    for place, kind in enumerate(kinds):
        if not (path := folder / "rows" / f"{place}.parquet").exists():
            rows(kind, seed=place).to_parquet(path)
    return str(folder / "rows")


def tuned(folder, replay, epochs=(4,), name="lines", **more):
    search = {"SGDRegressor.epochs": list(epochs), "SGDRegressor.alpha": [1e-4, 1e-2]}
    how = {"folds": 3, "sampler": "grid", "trials": 2 * len(epochs), "replay": replay, "name": name, "seed": 0, "progress": False}
    model = SGDRegressor(learning_rate="constant", eta0=0.01)
    return hpo.tune(data=str(folder / "rows"), target="y", algorithm=model, search=search, store=folder / "s",
                    storage=folder / "j", **how, **more)  # fmt: skip


def losses(result):
    """The mean squared error on rows of each region that nobody has seen."""
    return [mean_squared_error(each.y, result.predict(each)["prediction"]) for each in (rows(OLD, seed=99), rows(NEW, seed=99))]


def test_a_new_file_goes_on_from_where_training_stood_and_replay_keeps_what_was_learned(tmp_path):
    found = {}
    for replay in (0.0, 0.2, 1.0):
        folder = tmp_path / str(replay)
        folder.mkdir()
        grow(folder, OLD, OLD)
        first = tuned(folder, replay)
        assert first.cost.epochs_trained == 4 * 2 * 3
        before = losses(first)
        grow(folder, OLD, OLD, NEW)
        second = tuned(folder, replay)
        assert second.cost.epochs_trained == 4 * 2 * 3, "the epochs of the new rows alone"
        assert second.cost.epochs_alone == 2 * 4 * 2 * 3
        found[replay] = (before, losses(second))
    old = {replay: after[0] for replay, (_, after) in found.items()}
    new = {replay: after[1] for replay, (_, after) in found.items()}
    assert all(after[1] < before[1] / 10 for before, after in found.values()), "the new rows are learned"
    assert old[1.0] < old[0.2] < old[0.0] / 2, "what is not trained on again is forgotten"
    assert new[0.0] < new[1.0]


def test_going_on_is_by_hand_the_new_rows_and_the_foremost_of_the_old_ones(tmp_path):
    grow(tmp_path, OLD, NEW)
    kind = of_object(SGDRegressor(learning_rate="constant", eta0=0.01))
    first = hpo.tune(str(tmp_path / "rows" / "0.parquet"), "y", SGDRegressor(), folds=3, trials=1, store=tmp_path / "t", seed=0)
    (states,) = (s for s in first.run.evidence.states.values() if s.train)
    both = hpo.tune(str(tmp_path / "rows"), "y", SGDRegressor(), folds=3, trials=1, store=tmp_path / "t", seed=0)
    (more,) = (s for s in both.run.evidence.states.values() if s.train)
    before, state = states.whole, more.whole
    chosen = state.besides(before, 0.25)
    known = np.isin(state.priority[: state.n], before.priority[: before.n])
    assert (known.sum(), (~known).sum()) == (600, 600)
    assert chosen[~known].all() and chosen[known].sum() == 150
    assert state.priority[: state.n][known & chosen].max() < state.priority[: state.n][known & ~chosen].min()
    model = kind(epochs=2, alpha=1e-4)
    begun = replace(model.go_on(alone(model, before), before, state), chosen=chosen)
    assert begun.epoch == 0
    *_, last = further(model, begun, state)
    X, Xb = (np.asarray(s.X)[:, [c.role == "value" for c in s.shape.columns]] for s in (state, before))
    twin = SGDRegressor(learning_rate="constant", eta0=0.01, alpha=1e-4, random_state=0)
    for epoch in (1, 2):
        order = np.random.default_rng([0, epoch]).permutation(before.n)
        twin.partial_fit(Xb[order], before.y[order])
    for epoch in (1, 2):
        order = np.random.default_rng([0, epoch]).permutation(state.n)
        order = order[chosen[order]]
        twin.partial_fit(X[order], state.y[order])
    assert len(order) == 750
    np.testing.assert_allclose(last.parameters["coef_"], twin.coef_, rtol=1e-9)


def test_factors_of_levels_that_were_known_go_on_and_new_levels_begin():
    before, machine = factors.state_of(n=40), FactorizationMachine(rank=2, batch_rows=32, epochs=2)
    state = factors.state_of()
    chain = alone(machine, before)
    begun, fresh = machine.go_on(chain, before, state), machine.begin(state)
    mine, theirs = (machine._inside(each).inputs.levels for each in (state, before))
    first, start = 0, 0
    for here, there in zip(mine, theirs, strict=True):
        assert set(there) <= set(here)
        for j, level in enumerate(here):
            known = chain.best["level_factors"][start + np.searchsorted(there, level)] if level in there else None
            expected = fresh.parameters["level_factors"][first + j] if known is None else known
            np.testing.assert_array_equal(begun.parameters["level_factors"][first + j], expected)
        first, start = first + len(here), start + len(there)
    np.testing.assert_array_equal(begun.parameters["weights"], chain.best["weights"])
    chosen = state.besides(before, 0.5)
    assert chosen.sum() == 110 + 20
    (after,) = further(replace(machine, epochs=1), replace(begun, chosen=chosen), state)
    for name in ("level_weights", "level_factors"):
        used = np.unique(machine._inside(state).rows["places"][chosen])
        moved = (after.parameters[name] != begun.parameters[name]).reshape(len(begun.parameters[name]), -1).any(axis=1)
        assert set(np.flatnonzero(moved)) <= set(used), "rows that are not chosen move nothing"


def test_topics_go_on_from_what_was_learned():
    before, model = documents.state_of(documents.X[:60]), documents.QUICK
    chain, chosen = alone(model, before), documents.STATE.besides(before, 0.0)
    begun = replace(model.go_on(chain, before, documents.STATE), chosen=chosen)
    for name, array in begun.parameters.items():
        np.testing.assert_array_equal(array, chain.best[name])
    assert chosen.sum() == 60
    *_, last = further(model, begun, documents.STATE)
    assert last.epoch == 4 and (last.chosen == chosen).all()
    with pytest.raises(FitFailed, match="no new row can be trained on; raise replay"):
        next(further(model, replace(begun, chosen=np.zeros(120, bool)), documents.STATE))


def test_a_network_of_series_keeps_the_vectors_of_those_it_knew():
    model = DeepAR(**series.TINY)
    before, state = (series.state_of(lengths=some) for some in ((30, 25), (40, 25, 24)))
    chain = alone(model, before)
    begun = model.go_on(chain, before, state)
    np.testing.assert_array_equal(begun.parameters["embedding"][:2], chain.best["embedding"][:2])
    fresh = model.begin(state).parameters
    np.testing.assert_array_equal(begun.parameters["embedding"][2], fresh["embedding"][2])
    np.testing.assert_array_equal(begun.parameters["head"], chain.best["head"])
    assert state.besides(before, 0.5) is None, "windows of every series are trained on"
    *_, last = further(model, begun, state)
    assert last.epoch == 3


def test_columns_that_only_new_rows_have_are_refused_in_words(tmp_path):
    grow(tmp_path, OLD)
    tuned(tmp_path, 0.5)
    other = rows(NEW)
    other.loc[::7, "x1"] = np.nan
    other.to_parquet(tmp_path / "rows" / "1.parquet")
    with pytest.warns(NoScoreWarning, match=r"new rows have other columns \(missingindicator_x1\); leave replay out"):
        tuned(tmp_path, 0.5)


def test_three_editions_are_three_stages_and_a_lost_chain_is_trained_again(tmp_path):
    for kinds in ((OLD,), (OLD, NEW), (OLD, NEW, OLD)):
        grow(tmp_path, *kinds)
        result = tuned(tmp_path, 0.5)
        assert result.cost.epochs_trained == 4 * 2 * 3
    assert result.run.record.since == (1, 2, 3)
    assert result.cost.epochs_alone == 3 * 4 * 2 * 3
    frame = rows(OLD, seed=99)
    loaded = hpo.load("lines", storage=tmp_path / "j", store=tmp_path / "s")
    np.testing.assert_array_equal(loaded.predict(frame)["prediction"], result.predict(frame)["prediction"])

    kept = [e.key.segment for e in StateStore(tmp_path / "s").list() if "chain" in e.about]
    gone = [path for path in (tmp_path / "s").rglob("*") if any(segment in path.name for segment in kept)]
    assert len(gone) >= len(kept) > 0
    for path in gone:
        path.unlink()
    again = hpo.load("lines", storage=tmp_path / "j", store=tmp_path / "s")
    np.testing.assert_array_equal(again.predict(frame)["prediction"], result.predict(frame)["prediction"])


def test_the_command_line_goes_on_with_new_files(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.yaml").write_text(
        "data: rows\ntarget: y\nfolds: 3\ntrials: 1\nreplay: 0.2\nalgorithm: sgd=sklearn:sklearn.linear_model.SGDRegressor\n"
        "search:\n  sgd.epochs: 4\n"
    )
    for kinds in ((OLD,), (OLD, NEW)):
        grow(tmp_path, *kinds)
        answer = shell(capsys, monkeypatch, "run", "lines.yaml", "--store", "s", "--storage", "j")
        assert answer.code == 0, answer.err
        shown = " ".join(shell(capsys, monkeypatch, "studies", "show", "lines", "--storage", "j").out.split())
        assert f"12 trained; each trial for itself would have {12 * len(kinds)}" in shown or len(kinds) == 1, shown


def test_what_left_is_learned_no_more(tmp_path):
    """Without a file that was trained on, training is what it is of the others."""
    grow(tmp_path, OLD, NEW)
    tuned(tmp_path, 0.5)
    (tmp_path / "rows" / "1.parquet").unlink()
    after = tuned(tmp_path, 0.5)
    assert after.run.record.since == (1,)
    other = tmp_path / "other"
    other.mkdir()
    grow(other, OLD)
    assert losses(tuned(other, 0.5)) == losses(after)


def test_what_replay_cannot_go_on_with_is_refused_in_words(tmp_path):
    grow(tmp_path, OLD)
    with pytest.raises(TuneError, match=r"replay=0\.5 continues with what is trained in epochs, and ridge is not; leave replay out"):
        hpo.tune(str(tmp_path / "rows"), "y", "ridge", replay=0.5, name="r", storage=tmp_path / "j", store=tmp_path / "s")
    with pytest.raises(TuneError, match=r"has no name; give name="):
        tuned(tmp_path, 0.5, name=None)
    with pytest.raises(TuneError, match=r"replay=0\.5 and fidelity='halving'"):
        tuned(tmp_path, 0.5, fidelity="halving")
    with pytest.raises(SpecError, match="replay"):
        tuned(tmp_path, 1.5)


def test_gone_leaves_of_earlier_data_are_reported(tmp_path):
    grow(tmp_path, OLD, NEW)
    result = tuned(tmp_path, 0.5)
    from hpo.states.grown import Grown

    (summary,) = (s for s, each in result.run.evidence.states.items() if each.train)
    grown = Grown(result.run.evidence, StateStore(tmp_path / "none"), result.run.record.segments, (1, 2))
    with pytest.warns(StoreWarning, match="states of earlier data are gone"):
        assert grown.before(summary).states is None
