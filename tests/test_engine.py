"""A pass on workers elsewhere has the same bits, sends nothing large, and ends in a sentence where it cannot continue."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import cloudpickle
import forked
import numpy as np
import pandas as pd
import pytest
from endpoints import BUCKET, environment
from joblib import parallel_config

import hpo
from hpo.errors import DataError, EngineError, EngineWarning, Interrupted, TuneError
from hpo.process.engine import Engine, engine_of
from hpo.process.progress import Progress
from hpo.process.workers import WorkerLost
from hpo.states import driver, elsewhere, far_scores, jobs, leaves
from hpo.states.passes import Pass
from hpo.states.runs import is_long, runs_of
from studies.errors import SpecError
from studies.spec.form import loads

needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="the extra dask is not installed")
FILES, ROWS = 9, 400


def write(folder, files=FILES, rows=ROWS, columns=4, kind="parquet"):
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for i in range(files):
        X = rng.normal(size=(rows, columns))
        frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(columns)])
        frame["town"] = rng.choice(["Ulm", "Aue", "Rom"], rows)
        frame["y"] = X @ np.arange(float(columns)) + rng.normal(size=rows)
        frame["late"] = np.where(frame["y"] > 0, "yes", "no")
        name = folder / f"part-{i:03}.{kind}"
        frame.to_parquet(name, index=False) if kind == "parquet" else frame.to_csv(name, index=False)
    return folder


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "data")


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as made:
        yield made


@pytest.fixture
def client(cluster):
    from distributed import Client

    with Client(cluster, set_as_default=False) as made:
        yield made


def tune(data, store, **options):
    return hpo.tune(data, **{"target": "y", "trials": 3, "drop": ["late"], "progress": False, "store": store, **options})


def same(result, other):
    """Assert the same bits, from the same number of readings."""
    same_bits(result, other)
    assert (result.cost.rows_read, result.cost.states_built) == (other.cost.rows_read, other.cost.states_built)


def same_bits(result, other):
    assert result.run.evidence.contexts == other.run.evidence.contexts
    for a, b in zip(result.run.evidence.states.values(), other.run.evidence.states.values(), strict=True):
        for x, y in zip(a.cells, b.cells, strict=True):
            pd.testing.assert_series_equal(arrays(x), arrays(y))
    assert result.trials_dataframe()["fold_scores"].tolist() == other.trials_dataframe()["fold_scores"].tolist()


def arrays(state):
    from state_store import flatten

    found, scalars = flatten(state)
    return pd.Series({**{k: np.asarray(v).tobytes() for k, v in found.items()}, **{k: repr(v) for k, v in scalars.items()}})


def no_job_is_left(store):
    return not hpo.StateStore(store).documents(jobs.JOBS)


@pytest.mark.parametrize("engine", ["loky", "sequential", "threading"])
def test_states_have_the_same_bits_on_workers_of_joblib(files, tmp_path, engine):
    here = tune(files, tmp_path / "here")
    there = tune(files, tmp_path / "there", engine=engine)
    same(there, here)
    assert tune(files, tmp_path / "there", engine=engine).cost.rows_read == 0
    assert no_job_is_left(tmp_path / "there")


def test_a_backend_of_parallel_config_around_the_call_is_used(files, tmp_path, monkeypatch):
    here = tune(files, tmp_path / "here")
    count, done = driver._count, []
    monkeypatch.setattr(driver, "_count", lambda *args: (done.append(args), count(*args)))
    with parallel_config("threading"):
        tune(files, tmp_path / "threads")
    assert not done
    with parallel_config("loky", n_jobs=2):
        same(tune(files, tmp_path / "there"), here)
    assert len(done) == FILES


@needs_dask
def test_states_have_the_same_bits_on_workers_of_dask_however_it_is_asked_for(files, tmp_path, client):
    here = tune(files, tmp_path / "here")
    same(tune(files, tmp_path / "client", engine=client), here)
    address = client.scheduler.address.removeprefix("tcp://")
    same(tune(files, tmp_path / "address", engine=f"dask://{address}"), here)
    with client.as_current(), parallel_config("dask"):
        same(tune(files, tmp_path / "context"), here)
    assert no_job_is_left(tmp_path / "client")


@needs_dask
def test_many_small_files_texts_classes_and_several_summaries_go_to_workers(tmp_path, client):
    for kind, count in (("csv", 5), ("parquet", 40)):
        data = write(tmp_path / kind, count, 60, kind=kind)
        asked = {"target": "late", "drop": ["y"], "algorithm": ["lda", "gaussian_nb", "logistic"], "scoring": "roc_auc"}
        here = tune(data, tmp_path / f"here-{kind}", **asked)
        there = tune(data, tmp_path / f"there-{kind}", engine=client, **asked)
        same(there, here)


@pytest.mark.parametrize("engine", ["loky", pytest.param("dask", marks=needs_dask)])
def test_runs_of_large_states_are_merged_by_workers_to_the_same_bits(tmp_path, request, engine, monkeypatch):
    data, algorithms = write(tmp_path / "data", 100, 20), ["ridge", "knn_regressor"]
    here = tune(data, tmp_path / "here", algorithm=algorithms)
    long = {run.key: run for run in runs_of(here.record.segments) if is_long(run)}
    assert long
    loaded, known = [], Pass.known
    monkeypatch.setattr(leaves, "KEPT", -1)
    monkeypatch.setattr(Pass, "known", lambda self, summary, keys: (loaded.extend(keys), known(self, summary, keys))[1])
    engine = request.getfixturevalue("client") if engine == "dask" else engine
    there = tune(data, tmp_path / "there", algorithm=algorithms, engine=engine)
    same(there, here)
    assert not {key for run in long.values() for key in run.keys} & set(loaded)
    states = hpo.StateStore(tmp_path / "there")
    for context in there.run.evidence.contexts.values():
        assert {*states.cover(context, list(long)).found} == {*long}
    monkeypatch.undo()
    again = tune(data, tmp_path / "there", algorithm=algorithms)
    same_bits(again, here)
    assert again.cost.rows_read == 0
    write(tmp_path / "data", 101, 20)
    monkeypatch.setattr(leaves, "KEPT", -1)
    same_bits(tune(data, tmp_path / "there", engine=engine), tune(data, tmp_path / "here"))


def test_workers_that_end_while_they_merge_a_run_and_runs_that_are_gone_change_no_bit(tmp_path, monkeypatch):
    data, lost, roll_up = write(tmp_path / "data", 100, 20), [], driver.roll_up
    here = tune(data, tmp_path / "here")
    monkeypatch.setattr(leaves, "KEPT", -1)

    def ends(*item):
        lost.append(item)
        if len(lost) <= 2:
            raise WorkerLost("killed")
        return roll_up(*item)

    monkeypatch.setattr(driver, "roll_up", ends)
    same(tune(data, tmp_path / "lost", engine="sequential"), here)
    assert len(lost) >= 3
    monkeypatch.setattr(driver, "roll_up", roll_up)
    monkeypatch.setattr(Pass, "keep_runs", lambda *_: None)
    same(tune(data, tmp_path / "gone", engine="sequential"), here)


def by_engine(result):
    """Return what of trials does not depend on how long they took."""
    return [(t.state, t.values, t.user_attrs.get("fold_scores"), t.user_attrs.get("error")) for t in result.optuna_study.trials]


@pytest.mark.parametrize("engine", ["loky", "sequential", pytest.param("dask", marks=needs_dask)])
@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("knn_regressor", {}),
        ("trees=sklearn:sklearn.ensemble.ExtraTreesRegressor", {"search": {"trees.n_estimators": [3, 5], "trees.random_state": 0}}),
        ("knn_classifier", {"target": "late", "drop": ["y"], "scoring": "f1", "search": {"knn_classifier.threshold": ["accuracy", "f1"]}}),
    ],
)  # fmt: skip
def test_long_trials_are_scored_on_workers_fold_by_fold(files, tmp_path, request, engine, monkeypatch, algorithm, options):
    asked = {"algorithm": algorithm, "trials": 4, **options}
    here, scored, evaluate = tune(files, tmp_path / "here", **asked), [], far_scores.evaluate
    monkeypatch.setattr(far_scores, "LONG", 0.0)
    monkeypatch.setattr(far_scores, "evaluate", lambda *args: (scored.append(args), evaluate(*args))[1])
    engine = request.getfixturevalue("client") if engine == "dask" else engine
    there = tune(files, tmp_path / "there", engine=engine, **asked)
    assert by_engine(there) == by_engine(here)
    assert not scored
    assert no_job_is_left(tmp_path / "there")
    there.predict(next(iter(files.iterdir())))


def test_a_worker_loads_the_states_of_trials_once(files, tmp_path, monkeypatch):
    load, loaded = jobs._load, []
    monkeypatch.setattr(jobs, "_load", lambda *place: (made := load(*place), loaded.append(type(made).__name__))[0])
    monkeypatch.setattr(far_scores, "LONG", 0.0)
    tune(files, tmp_path / "store", engine="sequential", algorithm=["knn_regressor", "trees=sklearn:sklearn.tree.DecisionTreeRegressor"],
         trials=8, sampler="random", search={"trees.max_depth": [1, 2, 3, 4]})  # fmt: skip
    assert loaded == ["PassJob", "FoldJob"]


def test_trials_that_workers_cannot_score_are_scored_here(files, tmp_path, monkeypatch):
    asked = {"algorithm": "tree=sklearn:sklearn.tree.DecisionTreeRegressor", "trials": 6, "sampler": "random",
             "search": {"tree.max_depth": [2, -3, 4], "tree.random_state": 0}}  # fmt: skip
    here, calls = tune(files, tmp_path / "here", **asked), []
    assert {bool(error) for *_, error in by_engine(here)} == {True, False}
    monkeypatch.setattr(far_scores, "LONG", 0.0)
    assert by_engine(tune(files, tmp_path / "refused", engine="sequential", **asked)) == by_engine(here)

    def ends(*item):
        calls.append(item)
        raise WorkerLost("killed")

    monkeypatch.setattr(far_scores, "score_fold", ends)
    with pytest.warns(EngineWarning, match=r"scored by this process from here on, since workers failed 3 times \(killed\)"):
        lost = tune(files, tmp_path / "lost", engine="sequential", **asked)
    assert by_engine(lost) == by_engine(here)
    assert calls


def test_quick_trials_stay_in_this_process(files, tmp_path, monkeypatch):
    monkeypatch.setattr(far_scores, "score_fold", lambda *_: pytest.fail("a task"))
    monkeypatch.setattr(far_scores, "LONG", 10.0)  # of a busy machine
    tune(files, tmp_path / "store", engine="sequential", algorithm=["ridge", "knn_regressor"], trials=6)


@needs_dask
def test_nothing_larger_than_a_key_crosses_the_scheduler(tmp_path, client, monkeypatch):
    """All that this process, which runs client and scheduler, writes to any other is counted."""
    from distributed.comm.tcp import TCP

    written = []
    write_ = TCP.write

    async def counted(self, msg, **how):
        size = await write_(self, msg, **how)
        written.append(size)
        return size

    monkeypatch.setattr(TCP, "write", counted)
    sizes = {}
    for columns in (3, 150):
        data = write(tmp_path / f"data-{columns}", 12, 200, columns)
        written.clear()
        tune(data, tmp_path / f"store-{columns}", engine=client)
        sizes[columns] = sum(written)
        assert len([size for size in written if size > 4_000]) < 5, "the cluster's description of itself, when it is asked"
    state = 150 * 150 * 8
    assert abs(sizes[150] - sizes[3]) < state / 8, "12 leaves of 150 columns have five states of 180 kB each"
    assert sizes[150] < 12 * 10_000


def test_a_task_and_what_it_returns_are_keys_and_counts(files, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(driver, "work", lambda *task, work=driver.work: seen.append((task, work(*task))) or seen[-1][1])
    tune(files, tmp_path / "store", engine="sequential")
    assert len(seen) == FILES
    for (location, job, units), done in seen:
        assert (location, len(job), len(units), len(units[0])) == (str(tmp_path / "store"), 40, 1, 1)
        assert done == (((ROWS, (0,)),),)


def test_small_segments_of_long_passes_are_several_a_task():
    def units(count, nbytes):
        return [[(SimpleNamespace(nbytes=nbytes), str(i))] for i in range(count)]

    for count, nbytes, threads, tasks in ((1000, 4 << 20, 1, 63), (1000, 40 << 20, 1, 1000), (100, 10, 4, 100)):
        groups = driver._grouped(units(count, nbytes), threads)
        assert len(groups) == tasks
        assert [key for group in groups for unit in group for _, key in unit] == [str(i) for i in range(count)]


@pytest.mark.parametrize("lost", [2, 3])
def test_lost_workers_are_replaced_a_few_times(files, tmp_path, monkeypatch, lost):
    from hpo.process.joblib_workers import JoblibWorkers
    from hpo.process.workers import WorkerLost

    each, calls = JoblibWorkers.each, []

    def losing(self, task, items, stop):
        calls.append(len(items))
        if len(calls) <= lost:
            raise WorkerLost("killed")
        yield from each(self, task, items, stop)

    monkeypatch.setattr(JoblibWorkers, "each", losing)
    if lost < driver.LOSSES:
        same(tune(files, tmp_path / "there", engine="sequential"), tune(files, tmp_path / "here"))
        return
    with pytest.raises(EngineError, match=r"workers ended 3 times before a segment was done \(killed\); what was"):
        tune(files, tmp_path / "there", engine="sequential")
    assert no_job_is_left(tmp_path / "there")


def test_progress_counts_what_workers_read(files, tmp_path, monkeypatch):
    class Counting(Progress):
        rows = nbytes = 0

        def advance(self, rows, nbytes):
            self.rows += rows
            self.nbytes += nbytes

    from hpo import api

    spec = hpo.StudySpec(data=str(files), target="y", drop=("late",), algorithm="ridge", trials=2,
                         store=str(tmp_path / "store"), engine="loky")  # fmt: skip
    shown = Counting()
    monkeypatch.setattr(api, "progress_of", lambda _asked: shown)
    question = api.question_of(spec)
    api.run_question(question, "tpe", None, resume=True, progress=False)
    dataset = question.dataset
    assert (shown.rows, shown.nbytes) == (FILES * ROWS, dataset.nbytes)
    assert (dataset.log.rows, dataset.log.bytes) == (FILES * ROWS, dataset.nbytes)


def test_ctrl_c_keeps_what_workers_finished(files, tmp_path, monkeypatch):
    import signal

    count, done = driver._count, []

    def then_interrupt(*args):
        done.append(args)
        if len(done) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return count(*args)

    monkeypatch.setattr(driver, "_count", then_interrupt)
    with pytest.raises(Interrupted, match="segments; their states are kept"):
        tune(files, tmp_path / "store", engine="sequential")
    monkeypatch.undo()
    resumed = tune(files, tmp_path / "store")
    assert resumed.cost.states_reused >= 3


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        ("lokky", "engine='lokky' is not known; did you mean 'loky'"),
        ("desk", "engine='desk' is not known; did you mean 'dask'? It is one of 'dask'"),
        ("spaceship", "engine='spaceship' is not known; it is one of 'dask'"),
        (7, "engine=7 is not an engine: give 'dask'"),
        (socket.socket, "is not an engine"),
    ],
)
def test_an_engine_that_is_none_is_refused_before_anything_is_read(files, tmp_path, engine, says):
    with pytest.raises(EngineError, match=re.escape(says)):
        tune(files, tmp_path / "store", engine=engine)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("engine", ["dask://", "dask://host", "tls://host:8786", "dask://user:pw@host:1", "a b", ""])
def test_a_description_that_names_no_engine_is_refused(engine):
    with pytest.raises(SpecError, match="is not an engine: write threads, dask, dask://host:port, loky"):
        loads(f"data: x.csv\nalgorithm: pca\nengine: {engine!r}\n")


@needs_dask
def test_a_scheduler_that_does_not_answer_is_a_sentence(files, tmp_path, monkeypatch):
    from hpo.process import dask_workers

    monkeypatch.setattr(dask_workers, "CONNECT", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=f"no scheduler of Dask answers at tcp://127.0.0.1:{port} within"):
            tune(files, tmp_path / "store", engine=f"dask://127.0.0.1:{port}")


@needs_dask
def test_a_scheduler_without_workers_is_a_sentence(files, tmp_path, monkeypatch):
    from distributed import Client, LocalCluster

    from hpo.process import dask_workers

    monkeypatch.setattr(dask_workers, "WAIT", 0.5)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty,
        Client(empty, set_as_default=False) as client,
        pytest.raises(EngineError, match=r"has had no worker for .* s; start some: dask worker"),
    ):
        tune(files, tmp_path / "store", engine=client)


@needs_dask
def test_a_scheduler_that_goes_away_is_a_sentence(files, tmp_path, monkeypatch):
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as short:
        client = Client(short, set_as_default=False)
        count = driver._count
        monkeypatch.setattr(driver, "_count", lambda *a: (client.close(), count(*a)))
        with pytest.raises(EngineError, match=r"the scheduler of Dask is gone|workers ended 3 times"):
            tune(files, tmp_path / "store", engine=client)
    assert tune(files, tmp_path / "store").cost.states_reused >= 1


@needs_dask
def test_workers_may_join_and_leave(files, tmp_path, monkeypatch):
    from distributed import Client, LocalCluster

    here, count, done = tune(files, tmp_path / "here"), driver._count, []
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0") as growing,
        Client(growing, set_as_default=False) as client,
    ):

        def resize(*args):
            done.append(args)
            growing.scale({2: 3, 5: 1}.get(len(done), len(growing.workers)))
            return count(*args)

        monkeypatch.setattr(driver, "_count", resize)
        there = tune(files, tmp_path / "there", engine=client)
    same_bits(there, here)
    assert len(done) == FILES
    assert there.cost.rows_read <= FILES * ROWS, "what a worker had published before it left is not read again"


@needs_dask
def test_tls_is_the_clients_own_affair(files, tmp_path):
    pytest.importorskip("cryptography")
    from distributed import Client, LocalCluster
    from distributed.security import Security

    security = Security.temporary()
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, protocol="tls", security=security,
                     dashboard_address=":0") as safe,
        Client(safe, security=security, set_as_default=False) as client,
    ):  # fmt: skip
        assert client.scheduler.address.startswith("tls://")
        same(tune(files, tmp_path / "there", engine=client), tune(files, tmp_path / "here"))


def test_workers_publish_into_a_bucket(endpoint, files, tmp_path, monkeypatch):
    for name, value in environment(endpoint).items():
        monkeypatch.setenv(name, value)
    store = f"s3://{BUCKET}/{tmp_path.name}"
    same(tune(files, store, engine="sequential"), tune(files, tmp_path / "here"))
    assert no_job_is_left(store)


def test_workers_of_another_version_are_refused(files, tmp_path, monkeypatch):
    mine = jobs.versions()
    monkeypatch.setattr(jobs, "versions", lambda: {**mine, "onepass-hpo": "9.9"})
    with pytest.raises(EngineError, match=rf"worker .*, process \d+ has onepass-hpo {mine['onepass-hpo']} and not 9\.9; install"):
        tune(files, tmp_path / "store", engine="loky")
    assert no_job_is_left(tmp_path / "store")


@pytest.fixture
def posted(files, tmp_path):
    """A job in a store, as a worker meets it."""
    from hpo.api import question_of
    from hpo.states.contexts import make_pass
    from hpo.states.learned.pilot import make_pilot

    spec = hpo.StudySpec(data=str(files), target="y", drop=("late",), algorithm="ridge", store=str(tmp_path / "store"))
    question = question_of(spec)
    pilot = make_pilot(question.dataset, question.folds, 64, question.store)
    reader = make_pass(question, pilot)
    job = jobs.Posted(reader.store, elsewhere.PassJob(reader, reader._survey().lacking, frozenset()))
    jobs._jobs.known.clear()
    job.put()
    return SimpleNamespace(reader=reader, name=job.name, location=job.location)


def test_a_job_of_many_files_holds_their_schema_once(tmp_path):
    from hpo.data import open_dataset

    data = write(tmp_path / "data", 2, 20, 40)
    sizes = {}
    for count in (2, 200):
        for i in range(2, count):
            (data / f"part-{i:03}.parquet").hardlink_to(data / f"part-{i % 2:03}.parquet")
        dataset = open_dataset(data, target="y")
        sizes[count] = len(cloudpickle.dumps(dataset))
        assert cloudpickle.loads(cloudpickle.dumps(dataset)).segments == dataset.segments
    assert (sizes[200] - sizes[2]) / 198 < 600, "a schema of 40 columns has 8 kB"


def test_a_worker_that_does_not_see_a_file_names_it_and_itself(posted, files):
    (files / "part-002.parquet").unlink()
    uri = posted.reader.dataset.segments[2].uri
    with pytest.raises(EngineError, match=rf"worker .*, process \d+ does not find '{re.escape(uri)}' as it was listed"):
        elsewhere.work(posted.location, posted.name, [[1, 2]])
    shutil.copy(files / "part-001.parquet", files / "part-002.parquet")
    with pytest.raises(EngineError, match=r"part-002\.parquet.*every worker needs the data under the same address"):
        elsewhere.work(posted.location, posted.name, [[2]])
    assert not posted.reader.store.list()


def test_a_worker_that_does_not_see_the_store_makes_none(posted, tmp_path):
    with pytest.raises(EngineError, match=r"does not see the store .*nowhere; every worker needs it"):
        elsewhere.work(str(tmp_path / "nowhere"), posted.name, [[0]])
    assert not (tmp_path / "nowhere").exists()


def test_a_job_that_somebody_changed_is_not_loaded(posted):
    data = np.frombuffer(cloudpickle.dumps(SystemExit), np.uint8)
    posted.reader.store.put_document(jobs.JOBS, posted.name, {"job": data}, {"versions": jobs.versions()})
    with pytest.raises(EngineError, match="is not what was asked for: it was changed"):
        elsewhere.work(posted.location, posted.name, [[0]])


def test_workers_of_another_store_are_refused_and_a_job_that_is_gone_is_put_again(files, tmp_path, monkeypatch):
    load, calls = jobs._load, []

    def missing(location, name):
        calls.append(name)
        if len(calls) == 1:
            hpo.StateStore(location).backend.delete(f"documents/{jobs.JOBS}/{name}")
        return load(location, name)

    monkeypatch.setattr(jobs, "_load", missing)
    same(tune(files, tmp_path / "there", engine="sequential"), tune(files, tmp_path / "here"))
    assert hpo.StateStore(tmp_path / "there").cover

    def none(_location, _name):
        raise jobs.JobMissing("worker a, process 1")

    monkeypatch.setattr(jobs, "_load", none)
    with pytest.raises(EngineError, match=r"worker a, process 1 has another store at .*other than this process"):
        tune(files, tmp_path / "other", engine="sequential")


def test_jobs_that_killed_drivers_left_go(posted):
    store = posted.reader.store
    assert jobs.sweep_jobs(store) == 0
    old = store.backend.path(f"documents/{jobs.JOBS}/{posted.name}")
    os.utime(old, (0, 0))
    done = forked.run([sys.executable, "-m", "hpo.cli", "states", "gc", "--store", posted.location],
                          capture_output=True, text=True)  # fmt: skip
    assert "1 left behind" in done.stdout
    assert not old.exists()


def test_data_in_memory_stays_here_or_is_refused_in_words(tmp_path):
    frame = pd.DataFrame({"a": np.arange(50.0), "y": np.arange(50.0) ** 2})
    with parallel_config("loky"):
        result = hpo.tune(frame, "y", "ridge", trials=2, store=tmp_path / "store")
    assert result.cost.rows_read == 50
    with pytest.raises(TuneError, match=r"engine='loky': data in memory is in this process alone.*to_parquet"):
        hpo.tune(frame, "y", "ridge", trials=2, store=tmp_path / "store", engine="loky")


def test_credentials_are_not_sent_to_workers(files, tmp_path):
    with pytest.raises(TuneError, match=r"credentials in storage_options or in an address are not sent to workers"):
        tune(f"file://{files}", tmp_path / "store", engine="loky", storage_options={"auto_mkdir": False})


def test_a_file_that_a_worker_cannot_read_is_named(files, tmp_path):
    good = (files / "part-004.parquet").read_bytes()
    (files / "part-004.parquet").write_bytes(good[:4] + bytes(len(good) // 2) + good[4 + len(good) // 2 :])
    with pytest.raises(DataError, match=r"part-004\.parquet.*\(worker .*, process \d+\)"):
        tune(files, tmp_path / "store", engine="loky")


def test_an_algorithm_of_the_users_own_script_goes_along(files, tmp_path):
    script = tmp_path / "own.py"
    script.write_text(
        "import sys, hpo\n"
        "from dataclasses import dataclass\n"
        "from algorithms.models.ridge import Ridge\n"
        "@dataclass(frozen=True)\n"
        "class Mine(Ridge):\n    pass\n"
        "if __name__ == '__main__':\n"
        "    r = hpo.tune(sys.argv[1], 'y', Mine, trials=2, drop=['late'], store=sys.argv[2], engine='loky', n_jobs=2, progress=False)\n"
        "    print(r.cost.rows_read)\n"
    )
    done = subprocess.run([sys.executable, str(script), str(files), str(tmp_path / "store")], capture_output=True, text=True)
    assert done.stdout.strip() == str(FILES * ROWS), done.stderr


def test_the_command_line_takes_an_engine(files, tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text(f"data: {files}\ntarget: y\ndrop: [late]\nalgorithm: ridge\ntrials: 2\n")
    where = ["--store", str(tmp_path / "store"), "--storage", str(tmp_path / "s.journal")]
    run = [sys.executable, "-m", "hpo.cli", "run", str(study), *where]
    done = forked.run([*run, "--engine", "sequential"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = forked.run([*run, "--engine", "lokky"], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "did you mean 'loky'" in done.stderr


def test_threads_need_no_joblib():
    code = "import sys, hpo.process.engine as e\nwith e.Engine(None).workers() as w: print(w, 'joblib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["None", "False"], done.stderr
    assert engine_of(None, 3).n_jobs == 3
    assert not Engine("threads").asked
    assert Pass.run is not None


def test_a_join_goes_along(files, tmp_path):
    towns = pd.DataFrame({"town": ["Ulm", "Aue"], "people": [127.0, 16.0]})
    join = {"town": (towns, "town")}
    same(tune(files, tmp_path / "there", join=join, engine="loky"), tune(files, tmp_path / "here", join=join))
