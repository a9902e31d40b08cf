"""Columns of very many levels: their hashes, and the models that look coefficients up by them."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from flights import flights
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from terminal import hpo as ask
from test_twins_packed import mixed, one, ready, rows_of

import hpo
from algorithms import laws
from algorithms.contract import HASH_BITS, Column, Shape, fitted
from algorithms.models.linear import Linear
from algorithms.preparing.column_maps import buckets_of
from algorithms.preparing.steps import HashColumns
from algorithms.summaries.pack import columns_of
from algorithms.summaries.packed import PackedClassifiers
from hpo.data import Encoder, open_dataset
from hpo.data.encoding.hashed import HashedEncoding
from hpo.errors import DataError, SearchError
from studies.errors import SpecError
from studies.spec.form import dump, loads

PACK = {
    "linear.losses": "log_loss",
    "linear.alphas": "1e-6, 1e-4",
    "linear.l1_ratios": "0",
    "linear.eta0s": "0.1, 1",
}


def codes(values, name="user", **how):
    return HashedEncoding(name).codes(pa.array(values, **how)).tolist()


def test_hashes_are_these_on_every_machine_and_in_every_version():
    assert codes(["ann", None, "", "Tromsø", "5"]) == [6182874, 4598044, 7993484, 8930821, 628655]
    assert codes(["ann"], name="other") != codes(["ann"])


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["5", None, "7"], pa.large_string()),
        pa.array(["5", None, "7"]).dictionary_encode(),
        pa.array(["5", "7", None, "a", "b"]).dictionary_encode().take(pa.array([0, 2, 1])),
        pa.array([5, None, 7], pa.int8()),
        pa.array([5.0, np.nan, 7.0]),
        pa.array([5.0, None, 7.0], pa.float32()),
        pa.array([Decimal("5.00"), None, Decimal("7.00")]),
        pa.array(["9", "5", None, "7"]).slice(1),
    ],
)
def test_a_value_hashes_alike_however_it_is_stored(values):
    assert HashedEncoding("user").codes(values).tolist() == codes(["5", None, "7"])


def test_hashes_are_spread_evenly_and_float32_holds_them():
    found = np.array(codes([f"user-{i}" for i in range(50_000)]))
    assert found.min() >= 0
    assert found.max() < 2**HASH_BITS == 2**24
    assert (found.astype(np.float32) == found).all()
    assert len(np.unique(found)) > 50_000 - 150, "about 50,000² / 2²⁵ = 75 meet"
    counts = np.bincount(buckets_of(found, 4), minlength=16)
    assert ((counts - 3125) ** 2 / 3125).sum() < 45, "χ² of 15 degrees of freedom"


def frame(rows=500, users=200):
    rng = np.random.default_rng(0)
    made = pd.DataFrame({"user": [f"u{i}" for i in rng.integers(0, users, rows)], "x": rng.normal(size=rows)})
    made["city"] = rng.choice(["Oslo", "Bergen"], rows)
    made["id"] = rng.integers(0, 2**60, rows)
    made.loc[rng.random(rows) < 0.1, ["user", "x"]] = None
    return made


def test_an_encoder_hashes_what_it_is_asked_to_and_stays_a_transformer():
    X = frame()
    encoder = Encoder(hash_columns=["user", "id"]).fit(X)
    assert encoder.get_feature_names_out().tolist() == [
        "user_hash", "x", "missingindicator_x", "city_Bergen", "city_Oslo", "city_other", "city_missing", "id_hash",
    ]  # fmt: skip
    made = dict(zip(encoder.get_feature_names_out(), encoder.transform(X).T, strict=True))
    assert made["user_hash"].tolist() == codes([u if isinstance(u, str) else None for u in X["user"]])
    assert made["id_hash"].tolist() == codes(X["id"].tolist(), name="id")
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert np.array_equal(again.transform(X), encoder.transform(X))
    assert again.columns_ == encoder.columns_
    assert clone(encoder).get_params()["hash_columns"] == ["user", "id"]
    unseen = encoder.transform(X.head(2).assign(user=["never seen", "u1"]))
    assert unseen[:, 0].tolist() == codes(["never seen", "u1"])
    text = encoder.transform(X.assign(id=X["id"].astype(str)))
    assert np.array_equal(text, encoder.transform(X)), "a number hashes as its digits"


def test_auto_hashes_categories_of_more_levels_than_have_columns():
    X = frame()
    roles = {c.source: c.role for c in Encoder(hash_columns="auto").fit(X).columns_}
    assert roles == {"user": "hashed", "x": "indicator", "city": "missing", "id": "indicator"}
    assert {c.role for c in Encoder(256, hash_columns="auto").fit(X).columns_ if c.source == "user"} != {
        "hashed"
    }
    assert "hash_columns" not in Encoder().fit(X).to_dict(), "as it was: old states continue matching"


def test_whole_numbers_that_are_hashed_need_no_float64():
    X = frame()[["id"]]
    assert Encoder().fit(X).dtype_ == np.float64
    assert Encoder(hash_columns=["id"]).fit(X).dtype_ == np.float32


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0, 0), (0.01, 0), (0.003, 1)])
def test_a_hashed_column_is_as_good_as_a_column_for_each_bucket(optimizer, alpha, l1_ratio):
    """Penalties are caught up when a bucket is next seen; the result is that of shrinking it at every step."""
    X, y = mixed(load_breast_cancer)
    hashed = np.array([codes(np.round(X[:, j]).tolist(), f"c{j}") for j in (3, 21)]).T.astype(float)
    places = buckets_of(hashed, 6)
    rows = np.repeat(np.arange(len(X)), 2)
    wide = csr_array((np.ones(places.size), (rows, places.ravel())), shape=(len(X), 64)).toarray()
    numbers = (X[:, :2] - X[:, :2].mean(axis=0)) / X[:, :2].std(axis=0)
    summary = PackedClassifiers(
        "log_loss", str(alpha), str(l1_ratio), "0.1", optimizer, 0.0, 16, 2, standardize=False, hash_bits=6
    )
    roles = [("a", "value"), ("b", "value"), ("h", "hashed"), ("g", "hashed")]
    short = Shape(tuple(Column(n, n, role) for n, role in roles), ("y",), (0, 1))
    long = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(66)), ("y",), (0, 1))
    ours = laws.lift(*_asked(summary, short, rows_of(np.hstack([numbers, hashed]), y)))
    twin = laws.lift(*_asked(summary, long, rows_of(np.hstack([numbers, wide]), y)))
    np.testing.assert_allclose(ours.coef[[0, 1, -1]], twin.coef[[0, 1, -1]], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours.buckets, twin.coef[2:-1], rtol=1e-3, atol=2e-6)
    assert np.abs(ours.buckets).max() > 0.01


def _asked(summary, shape, rows):
    return ready(summary, shape, rows), shape, rows


def test_hashed_columns_expand_to_what_scikit_learn_takes():
    X, y = mixed(load_breast_cancer)
    hashed = np.array([codes(np.round(X[:, 3]).tolist())]).T.astype(float)
    shape = Shape((Column("a", "a"), Column("h_hash", "h", "hashed")))
    step = HashColumns(bits=6).set(columns_of(shape, "mean", np.zeros(2)), np.array([1]), None)
    made = step.transform(np.hstack([X[:, :1], hashed]))
    assert made.shape == (len(X), 65)
    assert (made[:, [0]].toarray() == X[:, :1]).all()
    assert made.sum(axis=1) - X[:, 0] == pytest.approx(np.ones(len(X)))
    names = step.get_feature_names_out(["a", "h_hash"])
    assert (names[0], names[1], len(names)) == ("a", "bucket_0", 65)
    assert SGDClassifier(random_state=0).fit(made, y).score(made, y) > 0.5


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    """Two months of flights: which carrier flies is known by the aircraft's tail number, one of thousands."""
    folder = tmp_path_factory.mktemp("flights")
    X = flights()[["month", "carrier", "tailnum", "distance", "arr_delay"]]
    X = X[X["carrier"].isin(["UA", "B6", "EV"])]
    for month in (1, 2):
        X[X["month"] == month].to_parquet(folder / f"{month}.parquet", index=False)
    return folder


def test_a_study_of_thousands_of_levels_reads_once_and_predicts_from_frames(months, tmp_path):
    asked = {
        "target": "carrier", "algorithm": "linear", "store": tmp_path / "store", "folds": 3, "features": ["tailnum"],
        "scoring": "accuracy", "search": PACK | {"linear.hash_bits": 14}, "trials": 4, "scoring_rows": 1000,
    }  # fmt: skip
    levels = hpo.tune(str(months), **asked)
    result = hpo.tune(
        str(months), hash_columns="tailnum", name="tails", storage=tmp_path / "s.jsonl", **asked
    )
    assert result.cost.rows_read == levels.cost.rows_read
    assert all(t.user_attrs["rows_read"] == 0 for t in result.optuna_study.trials)
    assert levels.best_value < 0.6
    assert result.best_value > 0.95
    again = hpo.tune(str(months), hash_columns=["tailnum"], **asked)
    assert again.cost.rows_read == 0
    assert again.best_value == result.best_value
    asked_auto = hpo.tune(str(months), hash_columns="auto", **asked)
    assert asked_auto.best_value == result.best_value

    rows = pd.read_parquet(months / "2.parquet")
    kept = hpo.load("tails", storage=tmp_path / "s.jsonl")
    for model in (result.best_model, kept.best_model):
        assert (model.predict(rows) == rows["carrier"]).mean() > 0.95
        assert len(model.predict(rows[["tailnum"]].assign(tailnum=None))) == len(rows)
    assert result.model_of(encoded=True)[0].get_feature_names_out().tolist() == ["tailnum_hash"]
    assert result.best_model["model"].coef_.shape == (3, 2**14)
    assert hpo.confirm(result, str(months / "2.parquet"))["accuracy"] > 0.95


def test_a_regression_takes_hashes_beside_numbers(months, tmp_path):
    X = pd.read_parquet(months / "1.parquet").dropna()
    result = hpo.tune(
        X, "distance", "linear_regressor", hash_columns=["tailnum"], features=["tailnum", "carrier", "arr_delay"],
        trials=4, store=tmp_path, folds=3, scoring="neg_mean_absolute_error",
        search={"linear_regressor.losses": "squared_error", "linear_regressor.alphas": "1e-4",
                "linear_regressor.l1_ratios": "0", "linear_regressor.hash_bits": 12},
    )  # fmt: skip
    without = X["distance"] - X.groupby("carrier")["distance"].transform("mean")
    assert -result.best_value < without.abs().mean()
    table = hpo.coefficient_table(result)
    assert {"arr_delay", "bucket_0"} <= set(table.index)


def test_a_study_file_and_the_command_line_hash(months, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HPO_HOME", str(tmp_path))
    text = (
        f"name: tails\ndata: {months}/*.parquet\ntarget: carrier\nfeatures: [tailnum]\nalgorithm: linear\n"
        "hash_columns: [tailnum]\nscoring: accuracy\nfolds: 2\ntrials: 2\nscoring_rows: 500\nsearch:\n"
        "  linear.losses: log_loss\n  linear.alphas: '1e-6'\n  linear.l1_ratios: '0'\n  linear.hash_bits: 12\n"
    )
    spec = loads(text)
    assert spec.hash_columns == ("tailnum",)
    assert loads(dump(spec)) == spec
    assert loads(text.replace("[tailnum]\nscoring", "auto\nscoring")).hash_columns == "auto"
    (tmp_path / "study.yaml").write_text(text)
    plan = ask(capsys, monkeypatch, "plan", tmp_path / "study.yaml", "--json")
    assert plan.json["pilot"].startswith("to be drawn")
    assert ask(capsys, monkeypatch, "run", tmp_path / "study.yaml").code == 0
    assert ask(capsys, monkeypatch, "plan", tmp_path / "study.yaml", "--json").json["rows_to_read"] == 0
    done = ask(capsys, monkeypatch, "predict", "tails", months / "1.parquet", "-o", tmp_path / "p.csv")
    assert done.code == 0
    made = pd.read_csv(tmp_path / "p.csv")
    assert (made["prediction"] == pd.read_parquet(months / "1.parquet")["carrier"]).mean() > 0.9


def test_numbers_that_are_hashed_need_no_sample(tmp_path):
    X, y = frame()[["id", "x"]].fillna(0.0), np.arange(500) % 2
    fields = open_dataset(X).features
    assert Encoder(hash_columns=["id"]).sample_columns(fields) == ()
    result = hpo.tune((X, y), algorithm="linear", hash_columns=["id"], trials=2, store=tmp_path, search=PACK)
    assert [c.role for c in result.model_of(encoded=True)[0].columns_] == ["hashed", "value", "indicator"]


@pytest.mark.parametrize(
    ("algorithm", "hashed", "words"),
    [
        (
            "logistic",
            ["user"],
            r"hash_columns=\['user'\]: logistic cannot take .*'classification' linear, fm_classifier can",
        ),
        (["linear", "qda"], ["user"], "qda cannot take hashed columns"),
        ("linear", ["usr"], "'usr' is not in the data; did you mean 'user'"),
        ("linear", ["when"], "'when' is timestamp, and only text"),
    ],
)
def test_what_cannot_be_hashed_is_refused_before_reading(algorithm, hashed, words, tmp_path):
    X = frame().assign(when=pd.Timestamp("2013-01-01"))
    with pytest.raises((SearchError, DataError), match=words):
        hpo.tune((X, np.arange(500) % 2), algorithm=algorithm, hash_columns=hashed, trials=2, store=tmp_path)


def test_auto_leaves_levels_where_an_algorithm_of_the_study_needs_them(tmp_path):
    X, y = frame()[["user", "x"]], np.arange(500) % 2
    result = hpo.tune((X, y), algorithm=["linear", "logistic"], hash_columns="auto", trials=2, store=tmp_path)
    assert {c.role for c in result.model_of(encoded=True)[0].columns_} == {
        "value",
        "indicator",
        "level",
        "other",
        "missing",
    }


def test_a_list_of_nothing_hashes_nothing_and_nonsense_is_refused():
    assert loads("data: x.csv\nalgorithm: linear\nhash_columns: []\n").hash_columns is None
    with pytest.raises(SpecError, match="hash_columns"):
        loads("data: x.csv\nalgorithm: linear\nhash_columns: {a: 1}\n")


def test_merging_buckets_is_the_mean_by_the_rows_that_fell_into_them():
    X, y = mixed(load_breast_cancer)
    hashed = np.array([codes(np.round(X[:, 3]).tolist())]).T.astype(float)
    shape = Shape((Column("h", "h", "hashed"),), ("y",), (0, 1))
    made = ready(
        dataclasses.replace(one(PackedClassifiers, "log_loss", 1e-4, 0.1), hash_bits=8),
        shape,
        rows_of(hashed, y),
    )
    a, b = (laws.lift(made, shape, rows_of(hashed[part], y[part])) for part in (slice(300), slice(300, None)))
    places, epochs = buckets_of(hashed[:, 0], 8), 87
    first = np.bincount(places[:300], minlength=256)
    second = np.bincount(places[300:], minlength=256)
    assert (a.visits == epochs * first).all()
    merged = made.merge(a, b)
    assert (merged.visits == epochs * (first + second)).all()
    share = (first / np.maximum(1, first + second))[:, None]
    np.testing.assert_allclose(
        merged.buckets, share * a.buckets + (1 - share) * b.buckets, rtol=1e-5, atol=1e-8
    )
    alone = (first > 0) & (second == 0)
    assert alone.any()
    assert (merged.buckets[alone] == a.buckets[alone]).all(), (
        "a level of one segment keeps what was learned there"
    )
    assert fitted(Linear(loss="log_loss", summary=made), made.merge(a, b))["model"].coef_.shape == (1, 256)
