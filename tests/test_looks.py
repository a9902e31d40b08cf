"""Columns that look like ids, free text, groups or constants are named once, with what to do; others are not."""

from __future__ import annotations

import sys
import warnings

import forked
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

import hpo
from hpo.errors import ColumnWarning

N = 1_000


@pytest.fixture
def place(tmp_path):
    return {"store": tmp_path / "store", "trials": 1, "progress": False, "n_jobs": 1}


def frame_with(n=N, **columns):
    rng = np.random.default_rng(0)
    made = pd.DataFrame({"x": rng.normal(size=n), **columns})
    return made.assign(y=made.x + rng.normal(size=n))


def written(frame, path):
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False, row_group_size=300)
    else:
        return frame
    return path


def said(data, place, algorithm="ridge", **options):
    """Return what is said of columns while a study runs."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        hpo.tune(data, "y", algorithm, **options, **place)
    return [str(w.message) for w in warned if issubclass(w.category, ColumnWarning)]


def distinct(n=N, prefix=""):
    return [f"{prefix}{i:08x}" for i in np.random.default_rng(1).permutation(10**6)[:n]]


STEPS = 1_000 + np.cumsum(np.random.default_rng(9).integers(1, 9, N))
"""Numbers of orders: no two alike, in steps of one to eight."""

FORMATS = ["csv", "parquet", "frame"]


@pytest.mark.parametrize("form", FORMATS)
class TestWhatIsNamed:
    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("PassengerId", np.arange(1, N + 1)),
            ("Unnamed: 0", np.arange(N)),
            ("nr", np.arange(N)[::-1]),
            ("order", STEPS),
            ("order", np.random.default_rng(10).permutation(STEPS)),
            ("order", np.r_[STEPS[:-1], STEPS[0]]),
            ("ref", np.random.default_rng(11).permutation(N)),
            ("customer_id", STEPS[::-1] * 9_973),
            ("token", distinct()),
        ],
    )
    def test_ids(self, tmp_path, place, form, name, values):
        data = written(frame_with(**{name: values}), tmp_path / f"a.{form}")
        (message,) = said(data, place)
        assert message.startswith(f"column '{name}' looks like an id (")
        assert f"leave it out with drop=['{name}']" in message and "hash_columns" not in message
        assert said(data, place, drop=[name]) == []
        assert said(data, place, features=["x", name]) == []

    def test_free_text(self, tmp_path, place, form):
        words = np.random.default_rng(2).choice(["good", "bad", "film", "the", "very", "end"], (N, 9))
        text = [f"{i} {' '.join(row)}" for i, row in enumerate(words)]
        (message,) = said(written(frame_with(review=text), tmp_path / f"a.{form}"), place)
        assert message.startswith("column 'review' looks like free text (1,000 of 1,000 values differ)")
        assert "drop=['review']" in message and "TfidfVectorizer" in message

    @pytest.mark.parametrize(
        ("name", "values"),
        [("customer_id", np.arange(N) % 100 + 7_000), ("patient", [f"p{i % 90}" for i in range(N)])],
    )
    def test_groups(self, tmp_path, place, form, name, values):
        values = np.random.default_rng(3).permutation(values)
        data = written(frame_with(**{name: values}), tmp_path / f"a.{form}")
        (message,) = said(data, place)
        assert message.startswith(f"column '{name}' looks like groups of rows (")
        assert f"folds={{'scheme': 'group', 'column': '{name}'}}" in message
        assert said(data, place, folds={"scheme": "group", "column": name}) == []
        assert said(data, place, drop=[name]) == []

    @pytest.mark.parametrize(("value", "shown"), [(2013, "2013"), (1.5, "1.5"), ("a", "'a'")])
    def test_constants(self, tmp_path, place, form, value, shown):
        data = written(frame_with(year=[value] * N), tmp_path / f"a.{form}")
        (message,) = said(data, place)
        assert message == f"column 'year' is {shown} in every row: which carries no information; " + (
            "leave it out with drop=['year']"
        )

    def test_a_constant_date(self, tmp_path, place, form):
        data = written(frame_with(day=pd.Timestamp("2020-01-02")), tmp_path / f"a.{form}")
        (message,) = said(data, place)
        seen = {"parquet": "the same", "csv": "2020-01-02", "frame": "2020-01-02 00:00:00"}[form]
        assert message.startswith(f"column 'day' is {seen} in every row: which carries no information; ")

    @pytest.mark.parametrize(
        "values",
        [
            np.full(N, np.nan),
            pd.array([None] * N, dtype="Int32"),
            pd.array([None] * N, dtype="string"),
            pd.Series([pd.NaT] * N),
        ],
        ids=["float", "integer", "text", "date"],
    )
    def test_columns_without_a_value(self, tmp_path, place, form, values):
        data = written(frame_with(old=values), tmp_path / f"a.{form}")
        (message,) = said(data, place)
        assert message == "column 'old' is missing in every row that was looked at: which carries no information; " + (
            "leave it out with drop=['old']"
        )


def test_one_value_makes_a_column_of_gaps_an_ordinary_one(place):
    some = np.full(N, np.nan)
    some[N // 3] = 1.0
    assert said(frame_with(old=some), place) == []


def test_hashing_is_advised_where_it_is_possible(place):
    frame = frame_with(token=distinct())
    (message,) = said(frame, place, "linear_regressor")
    assert "or hash its values with hash_columns=['token']" in message
    assert said(frame, place, "linear_regressor", hash_columns=["token"]) == []


def test_each_kind_is_one_sentence_of_all_columns(place):
    frame = frame_with(**{f"c{i}": [i] * N for i in range(5)}, a=distinct(), b=distinct(prefix="b"), day_id=range(N))
    ids, constants = sorted(said(frame, place), key=len, reverse=True)
    assert constants.startswith("column 'c0' is 0 and 'c1' is 1 and 'c2' is 2 in every row (and 2 more)")
    assert ids.startswith("columns 'a', 'b', 'day_id' look like an id")


def test_a_study_that_reads_nothing_says_it_too(tmp_path, place):
    data = written(frame_with(token=distinct(), nr=np.arange(N)), tmp_path / "a.csv")
    first = said(data, place)
    assert len(first) == 1 and first == said(data, place)
    result = hpo.tune(data, "y", "lasso", **place)
    assert (result.cost.rows_read, result.cost.pilot_rows) == (0, 0)


def test_nothing_is_read_for_it(tmp_path, place):
    data = written(frame_with(nr=np.arange(N), k=3), tmp_path / "a.parquet")
    result = hpo.tune(data, "y", "ridge", **place)
    assert (result.cost.rows_read, result.cost.pilot_rows) == (N, 0)


def test_a_few_rows_tell_whether_numbers_with_gaps_are_an_id_and_are_read_once(tmp_path, place):
    data = written(frame_with(order=STEPS, k=3), tmp_path / "a.parquet")
    first = hpo.tune(data, "y", "ridge", **place)
    again = hpo.tune(data, "y", "lasso", **place)
    assert (first.cost.rows_read, first.cost.pilot_rows) == (N, N)
    assert (again.cost.rows_read, again.cost.pilot_rows) == (0, 0)
    assert len(said(data, place, "ols")) == 2


def test_a_column_is_named_once_whatever_reported_it(tmp_path, place):
    n = 1_001_000  # from a million on, 0 may be a sentinel, so that a few rows are read beside the statistics
    data = written(pd.DataFrame({"nr": np.arange(n), "y": np.arange(n) % 7}), tmp_path / "a.parquet")
    (message,) = said(data, place)
    assert message.startswith("column 'nr' looks like an id (")


def test_many_customers_in_any_order_are_groups_and_no_ids(tmp_path, place):
    n = 60_000
    customers = np.random.default_rng(4).integers(10**9, 10**9 + 20_000, n)
    for form in FORMATS:
        for values in (customers, [f"c{c}" for c in customers]):
            (message,) = said(written(frame_with(n, customer_id=values), tmp_path / f"a.{form}"), place)
            assert message.startswith("column 'customer_id' looks like groups")


RNG = np.random.default_rng(5)
ORDINARY = {
    "floats": RNG.normal(size=N),
    "sorted floats": np.sort(RNG.normal(size=N)),
    "counts": RNG.poisson(3, N),
    "cents": RNG.integers(0, 10**7, N),
    "sorted cents": np.sort(RNG.integers(0, 10**7, N)),
    "years": RNG.integers(1990, 2024, N),
    "seconds": np.sort(RNG.integers(1_600_000_000, 1_700_000_000, N)),
    "distinct cents": 7 * RNG.permutation(10**6)[:N],
    "close but for some": np.r_[STEPS[:-40], STEPS[:40]],
    "levels": RNG.choice(["a", "b", "c"], N),
    "cities": RNG.choice([f"city {i}" for i in range(300)], N),
    "rare": (np.arange(N) == 500).astype(int),
    "missing or one": np.where(RNG.random(N) < 0.5, np.nan, 1.0),
    "flags": RNG.random(N) < 0.3,
    "days": pd.date_range("2020-01-01", periods=N),
    "grid": RNG.integers(0, 50, N),
    "humid": RNG.integers(0, 100, N),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_columns_are_not_named(tmp_path, place, form, name):
    data = written(frame_with(**{name: ORDINARY[name]}), tmp_path / f"a.{form}")
    assert said(data, place) == []


@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes, load_iris, load_wine])
def test_ordinary_tables_have_none(place, load):
    frame = load(as_frame=True).frame.rename(columns={"target": "y"})
    assert said(frame, place) == []


def test_few_rows_are_no_ids(place):
    assert said(frame_with(60, nr=np.arange(60), token=distinct(60)), place) == []


def test_the_command_line_says_it_once(tmp_path):
    written(frame_with(nr=np.arange(N)), tmp_path / "a.csv")
    (tmp_path / "s.yaml").write_text(f"data: {tmp_path / 'a.csv'}\ntarget: y\nalgorithm: ridge\ntrials: 2\n")
    asked = [sys.executable, "-m", "hpo.cli", "run", f"{tmp_path / 's.yaml'}", "--store", f"{tmp_path / 'store'}"]
    ran = forked.run(asked, capture_output=True, text=True, check=True)
    assert ran.stderr.count("warning: column 'nr' looks like an id") == 1


def same(frame, classes=False):
    rng = np.random.default_rng(7)
    made = frame.assign(y=(frame.y > 0).map({True: "yes", False: "no"}) if classes else frame.y)
    leak = np.where(made.y == "yes", 7.0, -1.0) if classes else made.y * 3.0 + 5.0
    return made.assign(paid=leak + 1e-3 * rng.normal(size=len(made)))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("algorithm", "classes"),
    [("ridge", False), ("poisson", False), ("knn_regressor", False), ("lda", True), ("logistic", True), ("gaussian_nb", True)],
)
def test_a_column_that_is_the_target_is_named(tmp_path, place, form, algorithm, classes):
    frame = frame_with()
    frame = same(frame.assign(y=frame.y - frame.y.min() + 1) if algorithm == "poisson" else frame, classes)
    data = written(frame, tmp_path / f"a.{form}")
    (message,) = said(data, place, algorithm)
    assert message.startswith("column 'paid' looks like the target itself (a correlation of ")
    assert message.endswith("leave it out with drop=['paid']")
    assert said(data, place, algorithm, drop=["paid"]) == []
    assert said(data, place, algorithm, features=["x", "paid"]) == []


def test_a_category_that_is_the_class_is_named_and_a_good_column_is_not(place):
    frame = same(frame_with(), classes=True).drop(columns="paid")
    (message,) = said(frame.assign(state=frame.y.map({"yes": "paid", "no": "due"})), place, "lda")
    assert message.startswith("column 'state' looks like the target itself (a correlation of 1 with it)")
    good = frame_with()
    assert said(good.assign(near=good.y + 0.05 * np.random.default_rng(8).normal(size=N) * good.y.std()), place) == []


@pytest.mark.parametrize("kernel", ["nystroem", "fourier"])
def test_features_of_a_kernel_are_no_columns(place, kernel):
    assert said(frame_with(), place, search={"ridge.kernel": kernel, "ridge.kernel_components": 20}) == []


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["order_id", "customer_id"])
def test_an_id_or_group_with_gaps_is_a_number_with_decimals_and_named_too(tmp_path, place, form, name):
    values = np.random.default_rng(9).permutation(10**7)[:N] if name == "order_id" else np.arange(N) % 90
    values = np.where(np.arange(N) % 10 == 0, np.nan, values.astype(float))
    (message,) = said(written(frame_with(**{name: values}), tmp_path / f"a.{form}"), place)
    assert message.startswith(f"column '{name}' looks like " + ("an id (" if name == "order_id" else "groups of rows ("))


def test_a_covariate_of_series_is_left_out_of_the_option_that_names_it(place):
    frame = frame_with(200, day=pd.date_range("2020", periods=200), price=1.0)
    options = {"time": "day", "freq": "D", "futr_exog_list": ["price"], "folds": {"scheme": "backtest", "horizon": 3}}
    (message,) = said(frame, place, "linear_forecaster", **options)
    assert message.startswith("column 'price' is 1 in every row") and message.endswith("leave it out of futr_exog_list=")
