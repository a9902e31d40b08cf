"""Star joins: columns of dimensions looked up for every fact, equal to joining first; the joined table is never made."""

from __future__ import annotations

import json
import tempfile

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score
from terminal import within

import hpo
from algorithms.summaries import moments
from hpo.data import open_dataset
from hpo.data.sources.keys import KeyIndex
from hpo.errors import DataError, TuneError
from studies.errors import SpecError

CARRIERS = ["AA", "UA", "B6", "DL"]


def star(seed: int = 0, rows: int = 600, missing: float = 0.1) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return facts, planes (one key, categories among the columns) and weather (two keys); some keys are in no row."""
    rng = np.random.default_rng(seed)
    planes = pd.DataFrame({
        "tail": [f"N{i}" for i in range(30)],
        "seats": rng.integers(50, 300, 30),
        "maker": rng.choice(["boeing", "airbus", None], 30),
        "speed": np.where(rng.random(30) < 0.4, np.nan, rng.normal(400, 30, 30)),
    })  # fmt: skip
    hours = pd.MultiIndex.from_product([["EWR", "JFK"], pd.date_range("2024-01-01", periods=40, freq="h")])
    weather = pd.DataFrame({
        "port": hours.get_level_values(0), "hour": hours.get_level_values(1),
        "wind": rng.normal(10, 3, 80), "gust": np.where(rng.random(80) < 0.5, np.nan, 20.0),
    }).sample(70, random_state=seed)  # fmt: skip
    tails = np.array([*planes["tail"], "N999"], object)
    facts = pd.DataFrame({
        "tail": np.where(rng.random(rows) < missing, None, rng.choice(tails, rows)),
        "port": rng.choice(["EWR", "JFK", "LGA"], rows),
        "hour": rng.choice(pd.date_range("2024-01-01", periods=40, freq="h"), rows),
        "distance": rng.normal(1000, 200, rows),
        "carrier": rng.choice(CARRIERS, rows),
    })  # fmt: skip
    both = merged(facts, planes, weather)
    facts["y"] = 0.01 * facts.distance + 0.02 * both.seats.fillna(0) + both.wind.fillna(3) + rng.normal(size=rows)
    facts["w"] = rng.integers(0, 3, rows).astype(float)
    return facts, planes, weather


def merged(facts, planes, weather):
    return facts.merge(planes, on="tail", how="left").merge(weather, on=["port", "hour"], how="left")


def on(planes, weather):
    return {"plane": (planes, "tail"), "weather": (weather, ("port", "hour"))}


def table(dataset, *columns):
    batches = [batch for s in dataset.segments for batch in dataset.read(s, columns or None)]
    return pd.concat([batch.to_pandas() for batch in batches], ignore_index=True)


def shown(frame):
    return frame.astype(object).where(frame.notna(), None).to_dict("list")


def tuned(data, **options):
    asked = {"drop": ["tail", "hour", "w"], "algorithm": "ridge", "trials": 8, "n_jobs": 1}
    return hpo.tune(data, "y", **{**asked, **options})


def same(joined, first):
    """Both studies made the same trials, and their fold scores agree."""
    for a, b in zip(joined.candidates, first.candidates, strict=True):
        np.testing.assert_allclose(a.scores.folds, b.scores.folds, rtol=1e-10, atol=1e-12)
    assert joined.best_params == first.best_params
    assert list(joined.folds.test_rows) == list(first.folds.test_rows)


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_those_of_a_left_join(seed):
    facts, planes, weather = star(seed)
    dataset = open_dataset(hpo.Join(facts, on(planes, weather)), target="y")
    both = merged(facts, planes, weather)
    assert [f.name for f in dataset.features] == [c for c in both.columns if c != "y"]
    assert shown(table(dataset, *both.columns)) == shown(both)
    assert shown(table(dataset, "gust", "distance")) == shown(both[["gust", "distance"]])


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["ridge", "elastic_net", "pls", "linear_regressor"]))
def test_a_study_is_that_of_joining_first(seed, algorithm):
    rng = np.random.default_rng(seed)
    facts, planes, weather = star(seed, rows=int(rng.integers(60, 400)), missing=rng.choice([0.0, 0.3]))
    options = {
        "weight": rng.choice([None, "w"]), "algorithm": algorithm, "drop": ["tail", "hour"], "trials": 4, "seed": 1,
        "folds": [5, {"scheme": "group", "column": "carrier", "n_splits": 3}][int(rng.integers(2))],
    }  # fmt: skip
    same(tuned(hpo.Join(facts, on(planes, weather)), **options), tuned(merged(facts, planes, weather), **options))


def test_scores_are_those_of_scikit_learn_on_the_joined_rows():
    facts, planes, weather = star(missing=0.0)
    facts = facts[facts["tail"].ne("N999") & facts.port.ne("LGA")].reset_index(drop=True)
    both = merged(facts, planes, weather)
    known = both.wind.notna()
    facts, both = facts[known].reset_index(drop=True), both[known].reset_index(drop=True)
    features = ["distance", "seats", "wind"]
    search = {"ridge.alpha": [0.1, 10.0], "ridge.standardize": False}
    splitter = KFold(4, shuffle=True, random_state=0)
    result = tuned(
        hpo.Join(facts, on(planes, weather)), features=features, drop=None, folds=splitter, search=search, sampler="grid"
    )
    for one in result.candidates:
        alpha = result.params_of(one)["ridge.alpha"]
        expected = cross_val_score(Ridge(alpha=alpha), both[features], both.y, cv=splitter)
        np.testing.assert_allclose(one.scores.folds, expected, rtol=1e-10)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([None, "w"]), st.sampled_from(["ridge", "pca", "lasso"]))
def test_products_are_those_of_joining_first_where_a_table_pays(seed, weight, algorithm):
    rng = np.random.default_rng(seed)
    facts, planes, weather = star(seed, rows=1_200)
    planes["model"] = rng.choice([f"m{i}" for i in range(16)], 30)
    planes["year"] = 2e9 + rng.integers(0, 3, 30)
    planes["same"] = 7.3
    facts["dest"] = rng.choice([f"d{i}" for i in range(25)], 1_200)
    target = None if algorithm == "pca" else "y"
    options = {
        "drop": ["tail", "hour", "w", "y"] if target is None else ["tail", "hour", "w"],
        "weight": weight, "algorithm": algorithm, "trials": 4, "seed": 3,
    }  # fmt: skip
    options["drop"] = [name for name in options["drop"] if name != weight]
    found, apart = [], moments.apart
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as store:
        patch.setattr(moments, "apart", lambda batch: found.append(apart(batch)) or found[-1])
        joined = hpo.tune(hpo.Join(facts, on(planes, weather)), target, store=store, **options)
    assert len(found) == 5 and all(len(one[1]) == 2 for one in found)
    first = hpo.tune(merged(facts, planes, weather), target, **options)
    for a, b in zip(joined.candidates, first.candidates, strict=True):
        np.testing.assert_allclose(a.scores.folds, b.scores.folds, rtol=1e-10)


@pytest.mark.parametrize("algorithm", ["pca", "kmeans"])
def test_all_columns_of_a_pass_may_be_those_of_tables(algorithm):
    facts, planes, weather = star()
    options = {"algorithm": algorithm, "features": ["seats", "maker", "wind"], "trials": 3}
    a = hpo.tune(hpo.Join(facts, on(planes, weather)), None, **options)
    b = hpo.tune(merged(facts, planes, weather), None, **options)
    assert a.cost.rows_read == 600
    assert a.run.evidence.pilot.shape.columns == b.run.evidence.pilot.shape.columns
    for one, other in zip(a.candidates, b.candidates, strict=True):
        np.testing.assert_allclose(one.scores.folds, other.scores.folds, rtol=1e-10)


@pytest.mark.parametrize("algorithm", ["logistic", "gaussian_nb", "knn_classifier", "linear"])
def test_every_summary_takes_joined_batches(algorithm):
    facts, planes, weather = star()
    both = merged(facts, planes, weather)
    facts["late"] = both["late"] = np.where(facts.y > facts.y.median(), "yes", "no")
    options = {"algorithm": algorithm, "drop": ["tail", "hour", "w", "y"], "trials": 3}
    a = hpo.tune(hpo.Join(facts, on(planes, weather)), "late", **options)
    b = hpo.tune(both, "late", **options)
    for one, other in zip(a.candidates, b.candidates, strict=True):
        np.testing.assert_allclose(one.scores.folds, other.scores.folds, rtol=1e-8)


def test_a_target_a_weight_and_the_groups_of_folds_may_be_columns_of_dimensions():
    facts, planes, weather = star()
    planes["trust"] = 1.0 + np.arange(30) % 3
    facts = facts[facts["tail"].notna() & facts["tail"].ne("N999")]
    options = {
        "weight": "trust", "features": ["distance", "wind"], "drop": None,
        "folds": {"scheme": "group", "column": "maker", "n_splits": 2},
    }  # fmt: skip
    both = merged(facts, planes, weather)
    join = hpo.Join(facts, on(planes, weather))
    same(tuned(join, **options), tuned(both, **options))
    options = {"algorithm": "gaussian_nb", "features": ["distance", "seats"], "trials": 3}
    a, b = hpo.tune(join, "maker", **options), hpo.tune(both, "maker", **options)
    np.testing.assert_allclose(a.best.scores.folds, b.best.scores.folds)


def test_new_facts_are_predicted_by_the_same_join():
    facts, planes, weather = star()
    later, both = star(7, rows=50)[0], None
    both = merged(later, planes, weather)
    result = tuned(facts, join=on(planes, weather))
    wanted = result.best_model.predict(both)
    np.testing.assert_array_equal(result.predict(later).prediction, wanted)
    np.testing.assert_array_equal(result.predict(both, join={}).prediction, wanted)
    np.testing.assert_array_equal(result.predict(hpo.Join(later, on(planes, weather))).prediction, wanted)
    moved = planes.assign(seats=planes.seats + 100)
    np.testing.assert_array_equal(
        result.predict(later, join=on(moved, weather)).prediction, result.best_model.predict(merged(later, moved, weather))
    )
    assert hpo.confirm(result, later, scoring="r2")["r2"] == pytest.approx(hpo.confirm(result, both, scoring="r2", join={})["r2"])


def test_keys_may_have_other_names_and_columns_a_prefix():
    facts = pd.DataFrame({"from": ["a", "b", "a"], "to": ["b", "a", "z"], "y": [1.0, 2.0, 3.0]})
    ports = pl.DataFrame({"faa": ["a", "b"], "lat": [1.0, 2.0], "lon": [3.0, 4.0]})
    dataset = open_dataset(
        hpo.Join(facts, {
            "from": {"data": ports, "on": {"from": "faa"}, "prefix": "from_"},
            "to": {"data": ports, "on": {"to": "faa"}, "columns": ["lat"], "prefix": "to_"},
        }), target="y",
    )  # fmt: skip
    assert [f.name for f in dataset.features] == ["from", "to", "from_lat", "from_lon", "to_lat"]
    assert shown(table(dataset, "from_lat", "to_lat")) == {"from_lat": [1.0, 2.0, 1.0], "to_lat": [2.0, 1.0, None]}


@pytest.mark.parametrize(
    ("facts", "keys"),
    [
        ([1.0, np.nan, 3.0, 4.0], [3, 1]),
        (np.array([1, 7, 3, 4], np.int8), np.array([3, 1], np.uint64)),
        (pd.Categorical(["x", None, "y", "q"]), ["y", "x"]),
        (pd.to_datetime(["2024-01-01", None, "2024-01-02", "1999-01-01"]), np.array(["2024-01-02", "2024-01-01"], "M8[s]")),
        ([True, None, False, None], [False, True]),
        ([10**17 + 1, 5, 10**17, 10**17 + 2], [10**17, 10**17 + 1]),
    ],
)  # fmt: skip
def test_keys_of_one_kind_are_compared_as_such(facts, keys):
    rows = pd.DataFrame({"k": facts, "y": [1.0, 2.0, 3.0, 4.0]})
    dataset = open_dataset(hpo.Join(rows, {"d": (pd.DataFrame({"k": keys, "v": [3.0, 1.0]}), "k")}), target="y")
    assert shown(table(dataset, "v"))["v"] == [1.0, None, 3.0, None]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["int8", "uint8", "int16", "int64", "uint64", "float64", "str", "step"]), st.integers(1, 2))
def test_keys_are_found_as_a_dictionary_finds_them(data, kind, columns):
    def values(rows):
        if kind == "str":
            return np.array(data.draw(st.lists(st.sampled_from("abcdef"), min_size=rows, max_size=rows)), object)
        if kind == "step":
            draw = st.lists(st.integers(-5, 5), min_size=rows, max_size=rows)
            return np.array(data.draw(draw), np.int64) * data.draw(st.sampled_from([1, 3600, 10**9]))
        ends = (-8.0, 8.0) if kind == "float64" else (np.iinfo(kind).min, np.iinfo(kind).max)
        any_number = st.floats(*ends) if kind == "float64" else st.integers(int(ends[0]), int(ends[1]))
        near = st.sampled_from([ends[0], ends[1], 0, 1, 2, 3])
        return np.array(data.draw(st.lists(near | any_number, min_size=rows, max_size=rows)), kind)

    own = [values(6) for _ in range(columns)]
    index = KeyIndex([pa.array(column) for column in own])
    known = dict(zip(zip(*own, strict=True), range(6), strict=True))
    assert (index.twice is None) == (len(known) == 6)
    if index.twice is None:
        other = [np.concatenate([column[::2], values(9)]) for column in own]
        wanted = [known.get(key, -1) for key in zip(*other, strict=True)]
        assert index.find([pa.array(column) for column in other]).tolist() == wanted


def test_a_row_without_a_key_matches_none():
    rows = pd.DataFrame({"k": ["a", None], "y": [1.0, 2.0]})
    shops = pd.DataFrame({"k": ["a", None], "v": [1.0, 2.0]})
    assert shown(table(open_dataset(hpo.Join(rows, {"d": (shops, "k")}), target="y"), "v"))["v"] == [1.0, None]


PLANES = star()[1]


@pytest.mark.parametrize(
    ("dimension", "words"),
    [
        ((pd.concat([PLANES, PLANES.iloc[3:4]]), "tail"), "the key tail='N3' in rows 4 and 31"),
        ((PLANES.assign(tail=range(30)), "tail"), "key 'tail' is string in the data and int64 in dimension 'plane'"),
        ((PLANES.assign(distance=1.0), "tail"), "column 'distance' is in the data and in dimension 'plane'; rename"),
        ((PLANES.assign(wind=1.0), "tail"), "column 'wind' is in dimension 'plane' and in dimension 'weather'"),
        (([1, 2], "tail"), "dimension 'plane' is of type list, and a dimension is a table"),
        ((np.ones((2, 2)), "tail"), "dimension 'plane' is of type ndarray"),
        ((PLANES, "tial"), "key 'tial' is not in dimension 'plane'; did you mean 'tail'?"),
        ((PLANES, {"tial": "tail"}), "key of dimension 'plane': 'tial' is not in the data; did you mean 'tail'?"),
        (({"data": PLANES, "on": "tail", "columns": ["seets"]}), "column 'seets' is not in dimension 'plane'"),
        ((PLANES.iloc[:0], "tail"), "dimension 'plane' holds no rows"),
        (("nowhere.csv", "tail"), "dimension 'plane': "),
        (PLANES, "dimension 'plane' is of type DataFrame; give its table and its keys"),
        ({"on": "tail"}, "dimension 'plane' has no 'data'"),
        ((PLANES.assign(parts=[[1]] * 30), "tail"), "dimension 'plane': column 'parts' holds lists"),
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_refused_in_words(dimension, words):
    facts, _, weather = star()
    with pytest.raises(DataError) as error:
        tuned(hpo.Join(facts, {"plane": dimension, "weather": (weather, ["port", "hour"])}))
    assert words in str(error.value)


def test_what_is_said_twice_or_not_at_all_is_refused():
    facts, planes, weather = star()
    with pytest.raises(DataError, match="say once what is joined"):
        tuned(hpo.Join(facts, on(planes, weather)), join=on(planes, weather))
    with pytest.raises(DataError, match="name at least one dimension"):
        tuned(hpo.Join(facts, {}))
    with pytest.raises(SpecError, match="empty list of keys"):
        tuned(facts, join={"plane": (planes, [])})
    spec = hpo.StudySpec(data="stream:x", algorithm="ridge", join={"plane": {"data": "p.csv", "on": "tail"}})
    with pytest.raises(TuneError, match="nothing is joined to the rows of a stream"):
        hpo.Stream.of(spec)


def test_a_dimension_that_changes_makes_anew_what_depends_on_it_alone(tmp_path):
    facts, planes, weather = star()
    store = tmp_path / "store"

    def read(join, **options):
        return tuned(facts if join is None else hpo.Join(facts, join), store=store, **options).cost.rows_read

    assert read(on(planes, weather)) == 600
    assert read(on(planes, weather)) == 0
    assert read(on(planes.copy(), pl.from_pandas(weather))) == 0
    assert read(on(planes.assign(seats=planes.seats + 1), weather)) == 600
    wind = {"features": ["distance", "wind"], "drop": None}
    assert read(on(planes, weather), **wind) == 600
    assert read(on(planes.assign(seats=0), weather.assign(gust=1.0)), **wind) == 0
    assert read(on(planes, weather.assign(wind=1.0)), **wind) == 600
    own = {"features": ["distance", "carrier"], "drop": None}
    assert read(None, **own) == 600
    assert read(on(planes, weather), **own) == 0
    groups = {"features": ["distance"], "drop": None, "folds": {"scheme": "group", "column": "maker", "n_splits": 2}}
    assert read({"plane": (planes, "tail")}, **groups) == 600
    assert read({"plane": (planes.assign(maker=["a", "b"] * 15), "tail")}, **groups) == 600


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts, planes, weather = star()
    (tmp_path / "facts").mkdir()
    for i in range(3):
        facts.iloc[200 * i : 200 * i + 200].to_parquet(tmp_path / "facts" / f"{i}.parquet", index=False)
    planes.to_csv("planes.csv", index=False)
    weather.to_parquet("weather.parquet", index=False)
    (tmp_path / "study.yaml").write_text(
        "name: star\ndata: facts\ntarget: y\nalgorithm: ridge\ntrials: 5\ndrop: [tail, hour, w]\n"
        "join:\n  plane: {data: planes.csv, on: tail}\n  weather: {data: weather.parquet, on: [port, hour]}\n"
    )
    return tmp_path


def test_the_command_line_joins_files(files):
    env = {"HPO_HOME": str(files / "home"), "NO_COLOR": "1"}
    planned = within("plan", "study.yaml", "--json", env=env)
    assert (planned.code, planned.json["rows_to_read"]) == (0, 600)
    ran = within("run", "study.yaml", "--quiet", "--json", env=env)
    assert (ran.code, ran.err) == (0, "")
    facts, planes, weather = star()
    assert ran.json["best"]["value"] == pytest.approx(_score_of(files, planes, weather), rel=1e-9)
    made = within("predict", "star", "facts", "-o", "out.parquet", "--keep", "seats", "--keep", "tail", env=env)
    assert made.code == 0, made.err
    out = pd.read_parquet("out.parquet")
    both = merged(facts, planes, weather)
    np.testing.assert_allclose(out.seats, both.seats)
    assert within("plan", "study.yaml", "--json", env=env).json["rows_to_read"] == 0
    again = hpo.load("star", storage=files / "home" / "studies.journal")
    np.testing.assert_allclose(again.predict(facts).prediction, out.prediction)
    planes.assign(seats=planes.seats + 1).to_csv("planes.csv", index=False)
    assert within("plan", "study.yaml", "--json", env=env).json["rows_to_read"] == 600
    moved = within("run", "study.yaml", "--quiet", "--json", env=env)
    assert (moved.code, moved.json["edition"]["number"]) == (0, 2)


def test_workers_look_up_as_this_process_does(files):
    keys = {"plane": (star()[1], "tail"), "weather": ("weather.parquet", ["port", "hour"])}
    options = {"drop": ["tail", "hour", "w"], "algorithm": "ridge", "trials": 2, "join": keys}
    here = hpo.tune("facts", "y", store=files / "here", **options)
    there = hpo.tune("facts", "y", store=files / "there", engine="loky", n_jobs=2, **options)
    assert there.cost.rows_read == 600
    assert [c.scores.folds for c in there.candidates] == [c.scores.folds for c in here.candidates]


def _score_of(files, planes, weather):
    """The same study of joined files."""
    (files / "joined").mkdir()
    for i in range(3):
        part = merged(pd.read_parquet(files / "facts" / f"{i}.parquet"), planes, weather)
        part.to_parquet(files / "joined" / f"{i}.parquet", index=False)
    return hpo.tune("joined", "y", trials=5, drop=["tail", "hour", "w"], store=files / "other").best_value


def test_a_table_in_memory_is_given_again_to_a_study_that_is_loaded(tmp_path):
    facts, planes, weather = star()
    kept = {"storage": tmp_path / "studies.journal", "store": tmp_path / "store"}
    result = tuned(hpo.Join(facts, on(planes, weather)), name="star", **kept)
    loaded = hpo.load("star", **kept)
    with pytest.raises(DataError, match="'plane' was a table in memory, which is not recorded; give it again"):
        loaded.predict(facts)
    found = loaded.predict(facts, join=on(planes, weather))
    np.testing.assert_array_equal(found.prediction, result.predict(facts).prediction)


def test_whole_numbers_of_csv_files_are_keys_as_they_are_written(tmp_path):
    (tmp_path / "facts.csv").write_text(f"id,y\n{2**60 + 1},1\n{2**60},2\n,3\n7,4\n")
    (tmp_path / "ids.csv").write_text(f"id,v\n{2**60},1\n{2**60 + 1},2\n")
    dataset = open_dataset(tmp_path / "facts.csv", target="y", join={"d": (tmp_path / "ids.csv", "id")})
    assert shown(table(dataset, "v"))["v"] == [2.0, 1.0, None, None]


def test_the_record_holds_what_was_joined(tmp_path):
    facts, planes, weather = star()
    result = tuned(hpo.Join(facts, on(planes, weather)), name="s", storage=tmp_path / "j", store=tmp_path / "s")
    assert json.loads(json.dumps(result.record.spec["join"]))["plane"]["on"] == "tail"
    assert result.record.spec["join"]["weather"]["data"] == ["in memory"]
