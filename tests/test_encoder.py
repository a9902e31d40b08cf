"""The encoder against obvious computations of pandas and scikit-learn."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

import hpo
from algorithms.contract import Column
from hpo.data import Encoder, open_dataset
from hpo.errors import DataError


def mixed(rows: int = 2_000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": np.where(rng.random(rows) < 0.2, np.nan, rng.standard_normal(rows)),
            "city": rng.choice(["Oslo", "Bergen", "Tromsø", "Bodø"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "flag": rng.random(rows) < 0.5,
            "when": pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 8_760, rows), "h"),
            "count": rng.integers(-5, 5, rows),
        }
    )
    frame.loc[rng.random(rows) < 0.1, "city"] = None
    frame.loc[rng.random(rows) < 0.1, "when"] = None
    return frame


def columns(encoder: Encoder, X) -> dict[str, np.ndarray]:
    return dict(zip(encoder.get_feature_names_out(), encoder.transform(X).T, strict=True))


def test_numbers_are_imputed_with_zero_beside_an_indicator():
    X = mixed()[["x", "count"]]
    found = columns(Encoder().fit(X), X)
    expected = SimpleImputer(strategy="constant", fill_value=0, add_indicator=True).fit(X)
    for name, column in zip(expected.get_feature_names_out(), expected.transform(X).T, strict=True):
        assert np.array_equal(found.pop(name), column), name
    assert list(found) == ["missingindicator_count"]
    assert not found["missingindicator_count"].any()


@pytest.mark.parametrize("dtype", ["str", "category", object])
def test_categories_are_one_hot_as_scikit_learn_makes_them(dtype):
    X = mixed()[["city"]].astype(dtype)
    found = columns(Encoder().fit(X), X)
    expected = OneHotEncoder(sparse_output=False).fit(X)
    names = [
        str(name).replace("nan", "missing").replace("None", "missing")
        for name in expected.get_feature_names_out()
    ]
    for name, column in zip(names, expected.transform(X).T, strict=True):
        assert np.array_equal(found.pop(name), column), name
    assert list(found) == ["city_other"]
    assert not found["city_other"].any()


def test_levels_beyond_the_cap_are_other_and_those_kept_stand_in_the_order_of_their_names():
    X = pd.DataFrame({"c": ["d", "d", "b", "a", "c", "c", None]})
    encoder = Encoder(max_categories=3).fit(X)
    assert [(c.name, c.role) for c in encoder.columns_] == [
        ("c_a", "level"), ("c_c", "level"), ("c_d", "level"), ("c_other", "other"), ("c_missing", "missing"),
    ]  # fmt: skip
    assert encoder.transform(X)[2].tolist() == [0, 0, 0, 1, 0]
    assert encoder.transform(pd.DataFrame({"c": ["new", None]})).tolist() == [
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]


def test_timestamps_become_days_and_calendar_levels():
    X = mixed()[["when"]]
    found = columns(Encoder().fit(X), X)
    when = X["when"]
    days = (when - pd.Timestamp(0)) / pd.Timedelta(days=1)
    origin = Encoder().fit(X).columns_[0].origin
    assert float(origin).is_integer()
    assert days.min() < origin < days.max()
    np.testing.assert_allclose(found["when_days"], days.fillna(origin), rtol=1e-15)
    assert np.array_equal(found["missingindicator_when"], when.isna())
    for part, levels in (("month", range(1, 13)), ("day_of_week", range(7)), ("hour", range(24))):
        for level in levels:
            expected = getattr(when.dt, part) == level
            name = f"when_{part.replace('day_of_week', 'weekday')}_{level}"
            assert np.array_equal(found[name], expected), name


def test_a_calendar_level_that_the_sample_lacks_is_other():
    encoder = Encoder().fit(pd.DataFrame({"d": [pd.Timestamp("2013-01-07"), pd.Timestamp("2013-02-05")]}))
    found = columns(encoder, pd.DataFrame({"d": [pd.Timestamp("2013-03-05 05:00"), None]}))
    present = {name for name, column in found.items() if column[0]}
    assert present == {"d_days", "d_month_other", "d_weekday_1", "d_hour_other"}
    assert {name for name, column in found.items() if column[1]} == {"d_days", "missingindicator_d"}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_before_1970_and_zones_are_in_utc(unit):
    moments = pd.to_datetime(["1931-05-07 22:30", "2013-12-31 23:59", None]).tz_localize("America/New_York")
    table = pa.table({"d": pa.array(moments.as_unit("ns")).cast(pa.timestamp(unit, "America/New_York"))})
    found = columns(Encoder().fit(table), table)
    utc = moments.tz_convert("UTC")
    for part in ("month", "weekday", "hour"):
        for row in (0, 1):
            expected = utc[row].day_of_week if part == "weekday" else getattr(utc[row], part)
            assert found[f"d_{part}_{expected}"][row] == 1
    np.testing.assert_allclose(found["d_days"][:2], [m.timestamp() / 86_400 for m in utc[:2]], rtol=1e-14)


def test_dates_times_and_durations():
    table = pa.table(
        {
            "date32": pa.array([0, -1, None], pa.date32()),
            "date64": pa.array([86_400_000, None, 0], pa.date64()),
            "clock": pa.array([3_600_000_000, None, 5_400_000_000], pa.time64("us")),
            "lasted": pa.array([1_500, 0, None], pa.duration("ms")),
        }
    )
    encoder = Encoder().fit(table)
    found = columns(encoder, table)
    assert found["date32_days"].tolist() == [0, -1, 0]
    assert found["date32_month_1"].tolist() == [1, 0, 0]
    assert found["date32_weekday_2"].tolist() == [0, 1, 0]
    assert found["date64_days"].tolist() == [1, 0, 0]
    assert found["clock"].tolist() == [1, encoder.columns_[encoder.get_feature_names_out().tolist().index("clock")].origin, 1.5]
    assert found["lasted"].tolist() == [1.5, 0, 0]
    assert found["missingindicator_lasted"].tolist() == [0, 0, 1]
    assert "date32_hour_0" not in found
    assert encoder.dtype_ == np.float64


def test_columns_say_where_they_come_from():
    encoder = Encoder().fit(pd.DataFrame({"x": [1.0], "c": ["a"], "d": [pd.Timestamp("2013-01-01")]}))
    assert encoder.columns_ == (
        Column("x", "x", "value", origin=1.0),
        Column("missingindicator_x", "x", "indicator"),
        Column("c_a", "c", "level"),
        Column("c_other", "c", "other"),
        Column("c_missing", "c", "missing"),
        Column("d_days", "d", "value", origin=15706.0),
        Column("missingindicator_d", "d", "indicator"),
        Column("d_month_1", "d_month", "level"),
        Column("d_month_other", "d_month", "other"),
        Column("d_weekday_1", "d_weekday", "level"),
        Column("d_weekday_other", "d_weekday", "other"),
        Column("d_hour_0", "d_hour", "level"),
        Column("d_hour_other", "d_hour", "other"),
    )


def test_names_that_would_clash_are_made_distinct():
    X = pd.DataFrame({"c": ["other", "missing", "x"], "c_x": [1.0, 2.0, 3.0]})
    names = list(Encoder().fit(X).get_feature_names_out())
    assert names == [
        "c_missing", "c_other", "c_x", "c_other_2", "c_missing_2", "c_x_2", "missingindicator_c_x",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dtypes", "target", "expected"),
    [
        (["float32", "bool", "str", "float16"], "float32", "float32"),
        (["float32", "int16"], "float32", "float64"),
        (["uint8"], "float32", "float64"),
        (["float32"], "float64", "float64"),
        (["float64"], "float32", "float64"),
        (["int32"], "float32", "float64"),
        (["datetime64[us]"], "float32", "float64"),
    ],
)
def test_float32_only_where_it_is_exact(dtypes, target, expected):
    frame = pd.DataFrame({f"c{i}": pd.Series([0, 1], dtype=dtype) for i, dtype in enumerate(dtypes)})
    dataset = open_dataset(frame.assign(y=np.zeros(2, target)), target="y")
    sample, _ = dataset.sample(Encoder().sample_columns(dataset.features), 10, 0)
    encoder = Encoder().fit_fields(dataset.features, sample, dataset.target_fields)
    assert encoder.dtype_.name == expected
    assert Encoder(dtype="float32").fit_fields(dataset.features, sample).dtype_.name == "float32"


def test_numeric_data_needs_no_sample():
    dataset = open_dataset((np.zeros((3, 2)), np.zeros(3)))
    assert Encoder().sample_columns(dataset.features) == ()
    assert len(Encoder().fit_fields(dataset.features).columns_) == 4
    mixed_set = open_dataset(mixed())
    assert Encoder().sample_columns(mixed_set.features) == ("city", "when")
    with pytest.raises(DataError, match=r"'city'.*sample"):
        Encoder().fit_fields(mixed_set.features)


def test_to_dict_is_json_and_exact():
    encoder = Encoder(max_categories=2).fit(mixed())
    document = json.loads(json.dumps(encoder.to_dict(), sort_keys=True))  # as a store writes it
    restored = Encoder.from_dict(document)
    assert restored.to_dict() == encoder.to_dict() == document
    assert restored.columns_ == encoder.columns_
    assert restored.columns_ == encoder.columns_
    assert np.array_equal(restored.transform(mixed(seed=1)), encoder.transform(mixed(seed=1)))


@parametrize_with_checks([Encoder()])
def test_it_is_a_transformer_by_scikit_learns_own_checks(estimator, check):
    check(estimator)


class TestTransform:
    def test_rows_of_every_make_give_the_same(self):
        X = mixed()
        encoder = Encoder().fit(X)
        expected = encoder.transform(X)
        assert expected.shape == (2_000, len(encoder.columns_))
        table = pa.Table.from_pandas(X, preserve_index=False)
        ways = {
            "other order": X[["count", "when", "flag", "city", "x"]],
            "further columns": X.assign(more=[[1]] * len(X), text="a"),
            "category": X.astype({"city": "category"}),
            "polars": pl.from_pandas(X),
            "arrow": table,
            "arrow in pieces": pa.concat_tables([table.slice(0, 3), table.slice(3)]),
            "batch": table.combine_chunks().to_batches()[0],
            "objects": X.astype(object).where(X.notna(), None).to_numpy(),
        }
        for name, way in ways.items():
            assert np.array_equal(encoder.transform(way), expected), name

    def test_arrays_are_taken_by_position(self):
        X = load_diabetes().data
        encoder = Encoder().fit(X)
        assert list(encoder.feature_names_in_) == [f"x{i}" for i in range(10)]
        named = Encoder().fit(pd.DataFrame(X, columns=list("abcdefghij")))
        assert np.array_equal(encoder.transform(X), named.transform(X))
        assert np.array_equal(encoder.transform(sparse.csr_array(X)), encoder.transform(X))
        assert np.array_equal(encoder.transform(X)[:, ::2], X)

    def test_many_rows_are_done_in_pieces(self):
        X = np.random.default_rng(0).standard_normal((200_000, 2))
        X[70_000, 1] = np.nan
        found = Encoder().fit_transform(X)
        assert np.array_equal(found[:, 0], X[:, 0])
        assert np.flatnonzero(found[:, 3]).tolist() == [70_000]

    def test_an_int_for_a_float_and_an_all_missing_column_will_do(self):
        encoder = Encoder().fit(pd.DataFrame({"x": [0.0, 0.5], "c": ["1", "1"]}))
        assert encoder.transform(pd.DataFrame({"x": [2], "c": [1]}))[0].tolist() == [2, 0, 1, 0, 0]
        assert encoder.transform(pd.DataFrame({"x": [None], "c": [None]}))[0].tolist() == [0, 1, 0, 0, 1]

    def test_no_rows(self):
        assert Encoder().fit(mixed()).transform(mixed().iloc[:0]).shape[0] == 0

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            (pd.DataFrame({"x": [1.0]}), "'c'"),
            (pd.DataFrame({"x": ["a"], "c": ["a"]}), "'x' is .*string.* numeric"),
            (pd.DataFrame({"x": [1.0], "c": [pd.Timestamp(0)]}), "'c' is timestamp"),
            (pd.DataFrame({"x": [np.inf], "c": ["a"]}), "'x' holds inf"),
            (pd.DataFrame({"x": [1.0, -np.inf], "c": ["a", None]}), "'x' holds -inf"),
            (np.zeros((2, 3)), "3 features.* 2"),
        ],
    )
    def test_what_it_cannot_encode(self, X, message):
        encoder = Encoder().fit(pd.DataFrame({"x": [0.5], "c": ["a"]}))
        with pytest.raises(DataError, match=message):
            encoder.transform(X)


class TestScikitLearnHabits:
    def test_clone_params_and_repr(self):
        encoder = Encoder(max_categories=3).fit(mixed())
        copy = clone(encoder)
        assert copy.get_params() == {"max_categories": 3, "dtype": "auto", "hash_columns": None}
        assert not hasattr(copy, "columns_")
        assert repr(copy) == "Encoder(max_categories=3)"

    def test_set_output(self):
        out = Encoder().set_output(transform="pandas").fit_transform(mixed())
        assert isinstance(out, pd.DataFrame)
        assert list(out.columns) == list(Encoder().fit(mixed()).get_feature_names_out())
        assert list(out.index) == list(mixed().index)

    def test_it_works_in_a_pipeline(self):
        X, y = mixed(), np.arange(2_000.0)
        model = make_pipeline(Encoder(max_categories=2), Ridge()).fit(X, y)
        by_hand = Ridge().fit(Encoder(max_categories=2).fit_transform(X), y)
        assert np.array_equal(model[-1].coef_, by_hand.coef_)
        assert list(model[:-1].get_feature_names_out()) == list(model[0].get_feature_names_out())

    def test_not_fitted(self):
        from sklearn.exceptions import NotFittedError

        with pytest.raises(NotFittedError):
            Encoder().transform(mixed())

    def test_input_features_must_agree(self):
        with pytest.raises(ValueError, match="input_features"):
            Encoder().fit(mixed()).get_feature_names_out(["a"])

    @pytest.mark.parametrize("params", [{"max_categories": 0}, {"dtype": "int8"}])
    def test_parameters_are_checked(self, params):
        with pytest.raises(DataError, match=next(iter(params))):
            Encoder(**params).fit(mixed())


def test_a_stored_encoder_writes_the_columns_of_the_one_that_was_fitted(tmp_path):
    """A second study takes its encoder from the store: its model must read rows as the first one's does."""
    days = pd.date_range("2013-01-01", periods=400, freq="31h")
    X = pd.DataFrame({"when": days, "kind": np.where(np.arange(400) % 3, "a", "b")})
    X["y"] = days.hour * 1.0 + 10.0 * days.month + (X["kind"] == "a")
    how = {"target": "y", "algorithm": "ridge", "trials": 1, "store": tmp_path, "search": {"ridge.alpha": 0.1}}
    first, second = (hpo.tune(X, **how) for _ in range(2))
    assert second.cost.rows_read == 0
    np.testing.assert_array_equal(first.best_model.predict(X), second.best_model.predict(X))
    assert first.best_model.score(X, X["y"]) > 0.9


@pytest.mark.parametrize("hash_columns", [None, "auto", ["city"]])
def test_an_encoder_that_was_used_holds_nothing_of_arrow(hash_columns):
    """skops writes what an object holds, and an Arrow array that it makes again ends the process when it is used."""
    frame = mixed()
    encoder = Encoder(max_categories=2, hash_columns=hash_columns).fit(frame, frame["city"].fillna("Oslo"))
    before = encoder.transform(frame)
    written = pickle.dumps(encoder)
    assert b"pyarrow" not in written
    np.testing.assert_array_equal(pickle.loads(written).transform(frame), before)
