"""Streams: rows are seen once; what is published continues; a study at any moment is that of the same rows in a frame."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import warnings

import forked
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from terminal import within

import hpo
from hpo.data.sources.piped import Bad, piped
from hpo.data.sources.text import TextFormat
from hpo.errors import DataError, DataWarning, TuneError
from hpo.states.streaming import key_of
from state_store import StateStore


def numbers(rows: int, seed: int = 0) -> pd.DataFrame:
    """Rows of a number beside a category, some values missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 3)), columns=list("abc"))
    frame["d"] = rng.choice(["u", "v", "w"], rows)
    frame["a"] = frame["a"].mask(rng.random(rows) < 0.1)
    frame["y"] = frame["b"] * 2.0 + (frame["d"] == "u") + rng.normal(size=rows)
    return frame


def classes(rows: int, seed: int = 0) -> pd.DataFrame:
    frame = numbers(rows, seed)
    return frame.assign(y=np.where(frame["y"] > 1.0, "high", "low"))


def pieces(frame: pd.DataFrame, size: int):
    for start in range(0, len(frame), size):
        yield frame.iloc[start : start + size]


ASKED = [("ridge", numbers), ("elastic_net", numbers), ("lda", classes), ("gaussian_nb", classes), ("knn_classifier", classes)]


@pytest.mark.parametrize(("algorithm", "table"), ASKED)
def test_a_stream_in_any_pieces_gives_the_same_study(algorithm, table, tmp_path):
    frame, found = table(3_000), []
    for size in (3_000, 700, 37):
        stream = hpo.Stream("s", "y", algorithm, store=tmp_path / str(size), pilot_rows=1_000)
        for piece in pieces(frame, size):
            stream.update(piece)
        found.append(stream.tune(trials=8))
    first, *others = ([t.values[0] for t in r.optuna_study.trials] for r in found)
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-9)
    assert found[0].cost.rows_read == 3_000
    assert found[0].record.ledger[0].rows == 3_000


def test_a_network_learns_rows_that_came_once_wherever_the_stream_stops(tmp_path):
    """Its epochs go through the rows that the state keeps: no row comes again, and pieces change nothing."""
    pytest.importorskip("jax")
    frame, half, whole = numbers(1_200), [], []
    searched = {"factorization_machine.epochs": 2, "factorization_machine.rank": 2}
    for size in (600, 75):
        where = tmp_path / str(size)
        with hpo.Stream("s", "y", "factorization_machine", store=where, pilot_rows=300, folds=2) as stream:
            for piece in pieces(frame, size):
                stream.update(piece)
                if stream.position == 600:
                    half.append(stream.tune(trials=2, search=searched))
        whole.append(hpo.Stream("s", store=where).tune(trials=2, search=searched))
    assert {result.cost.rows_read for result in half} == {600}
    assert {result.cost.rows_read for result in whole} == {1_200}
    for one, other in (half, whole):
        assert np.isfinite(one.predict(frame.iloc[:5]).to_numpy()).all()
        for a, b in zip(one.optuna_study.trials, other.optuna_study.trials, strict=True):
            np.testing.assert_allclose(a.values, b.values, rtol=1e-6)


def test_every_setting_scores_as_in_scikit_learn_on_the_same_folds(tmp_path):
    """The folds are asked of the states: a model of each training state is that of scikit-learn on its rows."""
    data = load_diabetes(as_frame=True).frame
    stream = hpo.Stream("s", "target", "ridge", store=tmp_path, pilot_rows=100, folds=4)
    for piece in pieces(data, 61):
        stream.update(piece)
    result = stream.tune(trials=5)
    states = next(iter(result.run.evidence.states.values()))
    assert sum(state.rows for state in states.test) == len(data)
    assert max(s.rows for s in states.test) - min(s.rows for s in states.test) <= 1
    from sklearn.linear_model import Ridge

    X, y = data.drop(columns="target"), data["target"]
    alpha, scaled = result.best_params["ridge.alpha"], result.best_params["ridge.standardize"]
    if scaled:
        X = (X - X.mean()) / X.std(ddof=0)
    np.testing.assert_allclose(np.ravel(result.predict(data)), Ridge(alpha).fit(X, y).predict(X), rtol=1e-8)


@pytest.mark.parametrize("table", [numbers, classes])
def test_folds_are_even_however_the_rows_come(table, tmp_path):
    stream = hpo.Stream("s", "y", "ridge" if table is numbers else "lda", store=tmp_path, pilot_rows=64)
    for piece in pieces(table(1_003), 31):
        stream.update(piece)
    states = next(iter(stream.tune(trials=1).run.evidence.states.values()))
    rows = [state.rows for state in states.test]
    assert sum(rows) == 1_003
    assert max(rows) - min(rows) <= (1 if table is numbers else 2)
    if table is classes:
        by_class = np.array([state.class_rows for state in states.test])
        assert (np.ptp(by_class, axis=0) <= 1).all()


def test_a_stream_goes_on_in_another_process_from_what_was_published(tmp_path):
    frame = numbers(2_000)
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=200, every=500)
    for piece in pieces(frame.iloc[:1_700], 100):
        stream.update(piece)
    assert stream.published == 1_500
    del stream  # killed: nothing is published any more
    again = hpo.Stream("s", store=tmp_path)
    assert again.position == again.published == 1_500
    again.update(frame.iloc[again.position :])
    whole = hpo.Stream("t", "y", "ridge", store=tmp_path, pilot_rows=200)
    whole.update(frame)
    one, other = again.tune(trials=5), whole.tune(trials=5)
    assert one.best.states.whole.rows == other.best.states.whole.rows == 2_000
    np.testing.assert_allclose(one.best.states.whole.scatter, other.best.states.whole.scatter, rtol=1e-12)


def test_what_is_published_does_not_grow_and_gc_keeps_it(tmp_path):
    store, sizes = StateStore(tmp_path), []
    stream = hpo.Stream(
        "s", "y", ["ridge", "knn_regressor"], store=store, pilot_rows=500, folds=2, search={"knn_regressor.size": 512},
        scoring_rows=256,
    )  # fmt: skip
    for seed in range(8):
        stream.update(numbers(4_000, seed))
        stream.publish()
        sizes.append(store.backend.stat(key_of("s").name).bytes)
    assert max(sizes[1:]) <= 1.05 * sizes[1]
    from state_store.gc import gc

    gc(store, max_bytes=0)
    assert hpo.Stream("s", store=store).position == 32_000


def test_a_recorded_study_of_a_stream_opens_again_after_the_stream_went_on(tmp_path):
    storage = str(tmp_path / "studies.journal")
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path / "store", pilot_rows=500)
    stream.update(numbers(1_000))
    result = stream.tune(name="monday", trials=6, storage=storage)
    stream.update(numbers(1_000, 1))
    stream.publish()
    loaded = hpo.load("monday", storage=storage)
    assert loaded.best_value == pytest.approx(result.best_value, rel=1e-12)
    later = stream.tune(name="tuesday", trials=6, storage=storage)
    assert later.best.states.whole.rows == 2_000


def test_other_options_than_it_began_with_are_refused_by_name(tmp_path):
    with hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=100) as stream:
        stream.update(numbers(200))
    assert hpo.Stream("s", "y", "ridge", store=tmp_path).position == 200
    with pytest.raises(TuneError, match=r"began with algorithm='ridge', and not 'lasso'.*another name"):
        hpo.Stream("s", "y", "lasso", store=tmp_path)
    with pytest.raises(TuneError, match="began with folds"):
        hpo.Stream("s", folds=7, store=tmp_path)
    with pytest.raises(TuneError, match=r"this search needs Moments\(.*its rows are gone"):
        hpo.Stream("s", store=tmp_path).tune(trials=2, search={"ridge.precision": "data"})


def test_rows_that_make_no_sense_are_counted_shown_and_limited(tmp_path):
    frame = classes(1_000)
    stream = hpo.Stream("s", "y", "lda", store=tmp_path, pilot_rows=300, max_bad_rows=3)
    stream.update(frame.iloc[:500])
    odd = frame.iloc[500:].reset_index(drop=True)
    odd.loc[[7, 300], "y"] = ["middle", "none"]
    odd.loc[40, "b"] = np.inf
    with pytest.warns(DataWarning) as shown:
        stream.update(odd)
    assert sorted(str(w.message).split(":")[1].split("row ")[1] for w in shown) == ["507", "540", "800"]
    assert (stream.position, stream.bad_rows) == (1_000, 3)
    assert "3 of them left out" in repr(stream)
    good = pd.concat([frame.iloc[:500], odd.drop(index=[7, 40, 300])])
    states = next(iter(stream.tune(trials=1).run.evidence.states.values()))
    assert states.whole.rows == len(good)
    with pytest.warns(DataWarning), pytest.raises(DataError, match="4 rows that cannot be used, more than max_bad_rows=3"):
        stream.update(odd.iloc[[7]])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (numbers(10).drop(columns="b"), "'b'"),
        (numbers(10).assign(b="text"), "column 'b' is .* and was a number in the first rows"),
    ],
)
def test_rows_of_another_schema_are_refused_and_none_is_taken(rows, words, tmp_path):
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=100)
    stream.update(numbers(200))
    with pytest.raises(DataError, match=words):
        stream.update(rows)
    assert stream.position == 200


def test_folds_that_must_know_all_rows_are_refused(tmp_path):
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=10, folds={"scheme": "group", "column": "d"}, drop=["d"])
    with pytest.raises(DataError, match=r"use \{'scheme': 'kfold'\} or"):
        stream.update(numbers(100))


def test_without_rows_there_is_no_study_and_nothing_is_published(tmp_path):
    with hpo.Stream("s", "y", "ridge", store=tmp_path) as stream, pytest.raises(TuneError, match="has no rows yet"):
        stream.tune()
    assert hpo.Stream("s", "y", store=tmp_path).position == 0


def test_a_few_rows_are_enough_where_they_are_asked_for(tmp_path):
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path)
    stream.update(numbers(50))
    assert stream.published == 0
    assert stream.tune(trials=3).best.states.whole.rows == 50
    stream.close()
    assert hpo.Stream("s", store=tmp_path).position == 50


def test_digits_that_a_stream_lacks_are_said_and_another_pass_is_not_made(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    frame = pd.DataFrame({"x": x, "z": x + 1e-5 * rng.normal(size=400)})
    frame["y"] = 1e5 * (frame["z"] - frame["x"]) + 1e-3 * rng.normal(size=400)
    stream = hpo.Stream("s", "y", "ols", store=tmp_path, pilot_rows=100)
    stream.update(frame)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = stream.tune(trials=1)
    assert "rows of a stream are not read again" in str(result.optuna_study.trials[0].user_attrs.get("error"))


def test_an_approximate_family_learns_from_the_first_rows_and_says_where_they_mislead(tmp_path):
    data = load_breast_cancer(as_frame=True).frame
    data["target"] = data["target"].map({0: "ill", 1: "well"})
    stream = hpo.Stream("s", "target", "logistic", store=tmp_path, pilot_rows=200)
    for piece in pieces(data, 100):
        stream.update(piece)
    result = stream.tune(trials=10)
    frame = hpo.tune(data, "target", "logistic", trials=10, store=tmp_path / "other")
    assert result.best_value == pytest.approx(frame.best_value, abs=0.02)


FEED = """
import sys, numpy as np, pandas as pd, hpo
store = sys.argv[1]
stream = hpo.Stream("s", "y", ["ridge", "knn_regressor"], store=store, pilot_rows=400, every=250, search={"knn_regressor.size": 256})
while stream.position < 6000:
    rng = np.random.default_rng(stream.position)
    rows = pd.DataFrame(rng.normal(size=(50, 3)), columns=list("abc"))
    rows["y"] = rows["a"] + rng.normal(size=50)
    stream.update(rows)
    print(stream.position, flush=True)
stream.close()
"""


def test_killed_anywhere_a_stream_goes_on_with_each_row_once(tmp_path):
    """Rows follow from their position, so a stream that was killed five times must equal one that was not."""
    feed, kills = [sys.executable, "-W", "error", "-c", FEED], 0
    for line in itertools.chain([900, 700, 1_500, 800, 1_100], [None]):
        with forked.Popen([*feed, str(tmp_path / "a")], stdout=subprocess.PIPE, text=True) as process:
            began = hpo.Stream("s", store=tmp_path / "a").position if kills else 0
            for position in process.stdout:
                if line is not None and int(position) >= began + line:
                    process.send_signal(signal.SIGKILL)
                    kills += 1
                    break
    assert kills == 5
    forked.run([*feed, str(tmp_path / "b")], check=True)
    one, other = (hpo.Stream("s", store=tmp_path / name) for name in "ab")
    assert one.position == other.position == 6_000
    a, b = one.tune(trials=4), other.tune(trials=4)
    for summary, states in a.run.evidence.states.items():
        assert states.whole.rows == b.run.evidence.states[summary].whole.rows
    assert a.best_value == pytest.approx(b.best_value, rel=1e-9)


def test_two_that_feed_one_stream_lose_no_rows_without_a_word(tmp_path):
    first, second = (hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=50) for _ in range(2))
    for stream in (first, second):
        stream.update(numbers(100))
    first.publish()
    with pytest.raises(TuneError, match=r"fed by another process: it stands at row 100 there.*from row 0"):
        second.publish()
    first.update(numbers(20))
    first.publish()
    assert hpo.Stream("s", store=tmp_path).position == 120


def test_seconds_publish_too(tmp_path):
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=50, seconds=0.05)
    stream.update(numbers(100))
    time.sleep(0.06)
    stream.update(numbers(10))
    assert stream.published == 110


STUDY = """data: stream:clicks
target: y
algorithm: [ridge, lasso]
trials: 10
"""


def hpo_command(*words: object, stdin: bytes | None = None, home=None) -> subprocess.CompletedProcess:
    """Run a command: in a process of its own where it reads a pipe, else here."""
    if stdin is None:
        said = within(*words, env={"HPO_HOME": str(home)})
        return subprocess.CompletedProcess(words, said.code, said.out.encode(), said.err.encode())
    return forked.run([sys.executable, "-m", "hpo.cli", *words], stdin=stdin, env=os.environ | {"HPO_HOME": str(home)})


def csv_of(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


def jsonl_of(frame: pd.DataFrame) -> bytes:
    return frame.to_json(orient="records", lines=True).encode()


def arrow_of(frame: pd.DataFrame) -> bytes:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(("form", "written"), [("csv", csv_of), ("jsonl", jsonl_of), ("arrow", arrow_of)])
def test_a_pipe_is_taken_in_and_a_study_answered_from_it(form, written, tmp_path):
    frame = numbers(1_500)
    study = tmp_path / "daily.yaml"
    study.write_text(STUDY)
    first = hpo_command("ingest", study, "--format", form, "--pilot-rows", 300, stdin=written(frame.iloc[:900]), home=tmp_path)
    assert (first.returncode, first.stderr) == (0, b"")
    assert first.stdout == b"clicks: 900 rows taken, 900 in all\n"
    again = hpo_command("ingest", "clicks", "--format", form, "--first-row", 600, "--json", stdin=written(frame.iloc[600:]), home=tmp_path)
    assert again.returncode == 0, again.stderr
    said = json.loads(again.stdout)
    assert (said["position"], said["published"], said["rows"], said["bad_rows"]) == (1_500, 1_500, 600, 0)
    ran = hpo_command("run", study, "--json", "--quiet", home=tmp_path)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    same = hpo.tune(frame, "y", ["ridge", "lasso"], trials=10, store=tmp_path / "other")
    assert found["cost"]["rows_read"] == 1_500
    assert found["best"]["value"] == pytest.approx(same.best_value, abs=0.02)
    shown = hpo_command("studies", "show", "daily", home=tmp_path)
    assert shown.returncode == 0, shown.stderr


def test_lines_that_cannot_be_read_are_named_left_out_and_limited(tmp_path):
    study = tmp_path / "daily.yaml"
    study.write_text(STUDY)
    lines = csv_of(numbers(400)).splitlines(keepends=True)
    lines[350:350] = [b"1,2,what,u,3\n", b"1,2\n"]
    given = hpo_command("ingest", study, "--pilot-rows", 200, stdin=b"".join(lines), home=tmp_path)
    assert given.returncode == 0, given.stderr
    assert given.stdout.decode() == "clicks: 402 rows taken, 402 in all, 2 rows in all left out as unusable\n"
    warned = given.stderr.decode().splitlines()
    assert len(warned) == 2
    assert "row 349" in warned[0]
    assert "'what'" in warned[0]
    assert "row 350" in warned[1]
    over = hpo_command("ingest", study, "--max-bad-rows", 1, stdin=b"".join([lines[0], *lines[350:352]]), home=tmp_path)
    assert over.returncode == 1
    assert b"more than max_bad_rows=1" in over.stderr
    assert b"Traceback" not in over.stderr


@pytest.mark.parametrize(
    ("form", "lines", "bad"),
    [("csv", [b"a,b", *[b"1,2.5"] * 9], b"1,2,3"), ("jsonl", [b'{"a": 1, "b": 2.5}'] * 9, b'{"a": 1, "b"')],
)
def test_a_bad_line_among_the_first_rows_is_one_bad_line(form, lines, bad):
    lines = [*lines[:4], bad, *lines[4:]]
    found = list(piped(io.BytesIO(b"\n".join(lines)), form, first_rows=10))
    tables = [item for item in found if isinstance(item, pa.Table)]
    assert [isinstance(item, Bad) for item in found].count(True) == 1
    assert pa.concat_tables(tables).to_pydict() == {"a": [1] * 9, "b": [2.5] * 9}


def as_csv(rows: list[dict[str, object]]) -> bytes:
    return pd.DataFrame(rows, dtype=object).to_csv(index=False).encode()


def as_jsonl(rows: list[dict[str, object]]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


@pytest.mark.parametrize(("form", "written"), [("csv", as_csv), ("jsonl", as_jsonl)])
def test_a_column_has_the_type_of_nearly_all_of_its_first_values(form, written):
    rows = [{"n": i, "f": i + 0.5, "day": f"2024-01-{i % 28 + 1:02}T10:00:00", "k": "ab"[i % 2]} for i in range(600)]
    for place, odd in ((0, {"n": "what"}), (7, {"f": "oops"}), (300, {"day": "soon"}), (599, {"n": "1x", "f": "y"})):
        rows[place] |= odd
    found = list(piped(io.BytesIO(written(rows)), form, first_rows=1_000))
    bad = [item.why for item in found if isinstance(item, Bad)]
    assert [why.split(":")[0] for why in bad[:2]] == ["column 'n'", "column 'f'"]
    assert len(bad) == 4
    assert "'what' is not a" in bad[0]
    assert "soon" in bad[2]
    table = pa.concat_tables([item for item in found if isinstance(item, pa.Table)])
    assert table.num_rows == 596
    assert table.column("n").to_pylist() == [*range(1, 7), *range(8, 300), *range(301, 599)]
    assert [str(t).split("[")[0] for t in table.schema.types] == ["int64", "double", "timestamp", "string"]


@pytest.mark.parametrize(("count", "odd", "number"), [(9, 1, False), (10, 1, True), (199, 2, False), (300, 3, True), (300, 4, False)])
def test_what_one_in_a_hundred_lines_is_decides_nothing(count, odd, number):
    rows = [{"a": "what" if i < odd else i} for i in range(count)]
    found = list(piped(io.BytesIO(as_csv(rows)), "csv", first_rows=1_000))
    assert sum(isinstance(item, Bad) for item in found) == (odd if number else 0)
    assert pa.types.is_integer(found[-1].schema.field("a").type) is number
    if number:
        assert sum(item.num_rows for item in found if isinstance(item, pa.Table)) == count - odd
        return
    with pytest.raises(DataError, match=r"the first rows cannot be read: column 'a' is (text|a number) in some and (text|a number) in others"):
        list(piped(io.BytesIO(as_jsonl(rows)), "jsonl", first_rows=1_000))


@pytest.mark.parametrize(("form", "written"), [("csv", as_csv), ("jsonl", as_jsonl)])
def test_bad_rows_among_the_first_are_left_out_and_the_rest_is_learned_from_together(form, written, tmp_path):
    study = tmp_path / "daily.yaml"
    study.write_text(STUDY)
    rows = numbers(400).astype(object).to_dict("records")
    bad = {0: "a", 17: "y", 150: "b"}
    for place, column in bad.items():
        rows[place] |= {column: "what"}
    given = hpo_command("ingest", study, "--format", form, "--pilot-rows", 200, stdin=written(rows), home=tmp_path)
    assert given.returncode == 0, given.stderr
    assert given.stdout.decode() == "clicks: 400 rows taken, 400 in all, 3 rows in all left out as unusable\n"
    warned = given.stderr.decode().splitlines()
    assert [f"row {place}: column {column!r}: 'what'" in line for (place, column), line in zip(bad.items(), warned, strict=True)] == [True] * 3
    stream = hpo.Stream("clicks", store=tmp_path / "store")
    assert (stream.position, stream.bad_rows) == (400, 3)
    good = numbers(400).drop(index=list(bad))
    whole = stream.tune(trials=1).best.states.whole
    assert whole.rows == len(good)
    other = hpo.Stream("other", "y", ["ridge", "lasso"], store=tmp_path / "other", pilot_rows=197)
    other.update(good)
    assert stream._begun.flow.pilot.encoder.to_dict() == other._begun.flow.pilot.encoder.to_dict()


def test_a_pipe_of_csv_is_read_as_its_study_says_it_is_written():
    text = TextFormat(sep=";", decimal=",", thousands=".", symbols=("€",), date_format="%d.%m.%Y")
    lines = [b"x;y;n;day", *[b"1.00%d,5 \xe2\x82\xac;%d,25;%d;31.12.2024" % (i, i, i) for i in range(10)], b"soon;1;2;1/2/2024", b"2.000;1.000;1.000;1.2.2024"]
    first, bad, last = piped(io.BytesIO(b"\n".join(lines)), "csv", first_rows=10, text=text)
    assert first.to_pydict() == {
        "x": [1000.5 + i for i in range(10)], "y": [i + 0.25 for i in range(10)], "n": [*range(10)], "day": [dt.date(2024, 12, 31)] * 10,
    }
    assert bad.why == "column 'x': 'soon' is not a number"
    assert last.to_pydict() == {"x": [2000.0], "y": [1000.0], "n": [1000], "day": [dt.date(2024, 2, 1)]}


def test_a_stream_remembers_how_its_lines_are_written(tmp_path):
    written = numbers(400).to_csv(index=False, sep=";", decimal=",").encode()
    (tmp_path / "daily.yaml").write_text(STUDY + "sep: ';'\ndecimal: ','\n")
    first = hpo_command("ingest", tmp_path / "daily.yaml", "--pilot-rows", 100, stdin=written, home=tmp_path)
    assert (first.returncode, first.stderr) == (0, b"")
    again = hpo_command("ingest", "clicks", stdin=written, home=tmp_path)
    assert (again.returncode, again.stderr) == (0, b"")
    assert again.stdout == b"clicks: 400 rows taken, 800 in all\n"


def mixed(rows, odd, seed=0):
    """Return numbers, some of which are text in a column of objects."""
    frame = numbers(rows, seed).astype({"b": object})
    frame.loc[odd, "b"] = "n/a"
    return frame


@pytest.mark.parametrize("first", [numbers(200), mixed(200, [3])])
def test_text_among_the_numbers_of_a_frame_is_bad_rows(first, tmp_path):
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=100)
    with pytest.warns(DataWarning, match=r"row (3|204): column 'b': 'n/a' is not a number; it is left out"):
        stream.update(first)
        stream.update(mixed(50, [4], seed=1))
    assert stream.schema.field("b").type == pa.float64()
    kept = pd.concat([first, mixed(50, [4], seed=1)])
    kept = kept[kept["b"] != "n/a"].astype({"b": float})
    other = hpo.Stream("other", "y", "ridge", store=tmp_path / "other", pilot_rows=100)
    other.update(kept)
    assert stream.bad_rows == 250 - len(kept)
    found, same = (next(iter(s.tune(trials=1).run.evidence.states.values())).whole for s in (stream, other))
    assert found.rows == same.rows == len(kept)
    np.testing.assert_allclose(found.mean, same.mean, rtol=1e-10)


def test_a_column_of_numbers_and_much_text_is_text(tmp_path):
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=100)
    frame = numbers(200).assign(b=["a" if row % 2 else row % 5 for row in range(200)])
    stream.update(frame)
    stream.update(frame.astype({"b": str}))
    assert (stream.position, stream.bad_rows) == (400, 0)
    steps = stream.tune(trials=1).best_model
    assert {f"b_{value}" for value in "a01234"} <= set(steps[:-1].get_feature_names_out())


def test_whole_numbers_before_others_do_not_make_a_column_whole(tmp_path):
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=100)
    whole = numbers(50).assign(b=range(50))
    stream.update(whole)
    stream.update(numbers(100))
    assert (stream.position, stream.bad_rows) == (150, 0)


def test_bad_rows_before_it_has_begun_are_limited_and_lost_with_it_only(tmp_path):
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=100, max_bad_rows=2)
    with pytest.warns(DataWarning, match=r"row 0: why; it is left out"):
        stream.skip_bad(1, "why")
    assert (stream.position, stream.bad_rows) == (1, 1)
    stream.close()
    assert hpo.Stream("s", "y", "ridge", store=tmp_path).position == 0
    stream.update(numbers(98))
    assert stream.schema is None
    with pytest.warns(DataWarning, match="row 99"):
        stream.skip_bad(1, "why")
    assert stream.schema is not None
    stream.close()
    assert (stream.published, hpo.Stream("s", store=tmp_path).bad_rows) == (100, 2)
    with pytest.warns(DataWarning), pytest.raises(DataError, match="3 rows that cannot be used, more than max_bad_rows=2: why"):
        stream.skip_bad(1, "why")


def test_a_few_rows_of_another_type_in_a_later_batch_are_bad_rows(tmp_path):
    stream = hpo.Stream("s", "y", "ridge", store=tmp_path, pilot_rows=100)
    stream.update(numbers(200))
    later = numbers(50).assign(b=[*map(str, range(30)), "what", *map(str, range(19))])
    with pytest.warns(DataWarning, match="row 230: column 'b': 'what' is not a number; it is left out"):
        stream.update(later)
    assert (stream.position, stream.bad_rows) == (250, 1)
    assert stream.tune(trials=1).best.states.whole.rows == 249


@pytest.mark.parametrize(
    ("words", "stdin", "code", "said"),
    [
        (["ingest", "nothing"], b"a\n1\n", 2, "has not begun"),
        (["ingest", "daily.yaml", "--first-row", 5], b"", 2, "the rows between would be missing"),
        (["ingest", "daily.yaml"], b"", 1, "its first line must name the columns"),
        (["ingest", "daily.yaml", "--format", "arrow"], b"a,b\n1,2\n", 1, "not an Arrow IPC stream"),
        (["ingest", "daily.yaml", "--format", "jsonl"], b"[1, 2\n", 1, "they begin with a list"),
        (["ingest", "files.yaml"], b"a\n1\n", 1, "is not a stream; write data: stream:NAME"),
        (["run", "daily.yaml"], None, 1, "has no rows yet"),
        (["plan", "daily.yaml"], None, 0, "0 rows"),
    ],
)
def test_what_is_no_stream_is_answered_in_words(words, stdin, code, said, tmp_path):
    (tmp_path / "daily.yaml").write_text(STUDY)
    (tmp_path / "files.yaml").write_text(STUDY.replace("stream:clicks", "a.csv"))
    words = [tmp_path / w if str(w).endswith(".yaml") else w for w in words]
    found = hpo_command(*words, stdin=stdin, home=tmp_path)
    assert said in (found.stdout if code == 0 else found.stderr).decode()
    assert found.returncode == code
    assert b"Traceback" not in found.stderr


def test_a_pipe_that_pauses_is_published_all_the_same_and_ctrl_c_publishes(tmp_path):
    study = tmp_path / "daily.yaml"
    study.write_text(STUDY)
    environment = os.environ | {"HPO_HOME": str(tmp_path)}
    words = [sys.executable, "-m", "hpo.cli", "ingest", str(study), "--pilot-rows", "100", "--seconds", "0.5"]
    with forked.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        process.stdin.write(csv_of(numbers(200)))
        process.stdin.flush()
        while b"200 rows published" not in process.stderr.readline():  # what arrives first may be a part
            pass
        process.stdin.write(b"\n".join(csv_of(numbers(50)).splitlines()[1:]) + b"\n")
        process.stdin.flush()
        assert b"250 rows published" in process.stderr.readline()
        process.stdin.write(b"\n".join(csv_of(numbers(7)).splitlines()[1:]) + b"\n")
        process.stdin.flush()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert hpo.Stream("clicks", store=tmp_path / "store").position == 257


MEMORY = """
import resource, sys, numpy as np, pyarrow as pa, hpo
stream = hpo.Stream("s", "y", ["ridge", "kmeans"][:1], store=sys.argv[1], every=10**9, seconds=1e9)
rng = np.random.default_rng(0)
peaks = []
for i in range(60):
    X = rng.normal(size=(50_000, 20)).astype(np.float32)
    table = pa.table({**{f"x{j}": X[:, j] for j in range(20)}, "y": X[:, 0] + X[:, 1]})
    stream.update(table)
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
stream.close()
print(stream.position, peaks[9], peaks[-1])
"""


def test_memory_and_what_is_published_stay_the_same_however_long_a_stream_is(tmp_path):
    done = subprocess.run([sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, check=True)
    rows, early, late = map(int, done.stdout.split())
    assert rows == 3_000_000
    assert late <= 1.1 * early  # 4 MB of rows a batch, 240 MB in all
    assert StateStore(tmp_path).backend.stat(key_of("s").name).bytes < 200_000


def test_ids_beyond_what_a_float_holds_are_numbers_of_a_stream_as_of_a_file():
    frame = numbers(200).assign(a=2**53 + np.arange(200))
    with hpo.Stream("ids", target="y", algorithm="ridge", pilot_rows=50) as stream:
        stream.update(frame)
    assert stream.bad_rows == 0
    assert hpo.Stream("ids").position == 200
