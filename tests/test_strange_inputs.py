"""Inputs nobody planned: each works as pandas and scikit-learn have it, or is refused by name with what to do."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from optuna.distributions import CategoricalDistribution
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, KFold, LeaveOneOut, StratifiedKFold, cross_val_score

import hpo
from algorithms import registry
from algorithms.contract import Column, Shape
from algorithms.errors import TooLarge, TooSmall, Unscorable
from algorithms.fields import fields_of
from algorithms.models.pca import PCA
from algorithms.summaries.moments import Moments
from algorithms.tasks import CLASS, TASKS
from hpo.errors import DataError, NoScoreWarning, SearchError, TuneError
from hpo.question.scoring import Held, score
from state_store.errors import StoreLocationError
from studies.errors import SpecError
from studies.masking import mask

ROWS = 120


def frame(seed: int = 0, **columns) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=ROWS)
    return pd.DataFrame({"x": x, **columns, "y": 2.0 * x + rng.normal(size=ROWS) * 0.1})


def tune(data, **options) -> hpo.Result:
    return hpo.tune(data, **{"target": "y", "trials": 3, "folds": 3, "progress": False, **options})


def refuse(error, data, *parts, **options) -> None:
    with pytest.raises(error) as caught:
        tune(data, **options)
    for part in parts:
        assert part in str(caught.value), f"{part!r} not in {caught.value}"


@pytest.mark.parametrize("algorithm", ["ridge", "elastic_net", "ols", "pls"])
@pytest.mark.parametrize("column", ["x", "y"])
def test_values_whose_squares_overflow_are_named(algorithm, column):
    data = frame()
    data[column] *= 1e300
    refuse(TooLarge, data, repr(column), "rescale", algorithm=algorithm)


@pytest.mark.parametrize("algorithm", ["ridge", "elastic_net", "ols", "pls"])
@pytest.mark.parametrize(("column", "size"), [("x", 1e-160), ("x", 1e-156), ("y", 1e-158)])
def test_values_whose_squares_have_few_digits_are_named(algorithm, column, size):
    """Scores were wrong in the fourth digit, and nothing was said."""
    data = frame()
    data[column] *= size
    refuse(TooSmall, data, repr(column), "rescale", algorithm=algorithm)


@pytest.mark.parametrize("algorithm", ["gaussian_nb", "qda", "lda"])
def test_values_too_small_for_a_classifier_are_named(algorithm):
    data = frame()
    data["x"] *= 1e-160
    data["y"] = np.where(data["y"] > 0.5, "high", "low")
    refuse(TooSmall, data, "'x'", "rescale", algorithm=algorithm)


@pytest.mark.parametrize("value", [1e-140, 1e-160, 1e-200, 5e-324])
def test_one_small_value_in_every_row_is_a_column_of_one_value(value):
    plain, data = frame(), frame().assign(c=value)
    found = [tune(each, algorithm="ridge").best_value for each in (plain, data)]
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_values_are_small_but_have_their_squares():
    plain, data = frame(), frame()
    data["x"] *= 2.0**-480
    found = [tune(each, algorithm="ridge", search={"ridge.standardize": True}).best_value for each in (plain, data)]
    assert found[0] == pytest.approx(found[1], rel=1e-12)


@pytest.mark.parametrize(
    ("algorithm", "largest"),
    [
        *[
            (n, 1e200)
            for n in ("gaussian_nb", "qda", "lda", "logistic", "knn_classifier", "isolation_forest")
        ],
        ("isolation_forest", 1e40),
        ("multinomial_nb", 1e308),
        ("complement_nb", 1e308),
    ],
)
def test_values_too_large_for_a_classifier_are_named_without_a_warning(algorithm, largest):
    """Warnings are errors here: what overflows on the way to the refusal is nothing to tell."""
    data = frame()
    data["x"] = data["x"].abs() / data["x"].abs().max() * largest
    data["y"] = np.where(data["y"] > 0.5, "high", "low")
    refuse(TooLarge, data, "'x'", "rescale", algorithm=algorithm)


@pytest.mark.parametrize(
    "options", [{"algorithm": "knn_regressor"}, {"algorithm": "sketched_pca", "target": None}]
)
def test_values_too_large_are_named_without_a_warning(options):
    data = frame()
    data["x"] *= 1e200
    refuse(TooLarge, data, "'x'", "rescale", **options)


def test_shrinkage_of_values_whose_squares_overflow_is_refused():
    data = frame().assign(y=lambda d: np.where(d["y"] > 0.5, "high", "low"))
    data["x"] *= 1e200
    refuse(TooLarge, data, "'x'", algorithm="lda", search={"lda.solver": "lsqr", "lda.shrinkage": "auto"})


@pytest.mark.parametrize(
    ("search", "losses", "alphas"),
    [
        ({"losses": ["log_loss", "hinge"]}, {"log_loss", "hinge"}, {1e-6, 1e-4, 1e-2}),
        (
            {"losses": ["log_loss", "log_loss, hinge"], "alphas": [0.5, 1e-3]},
            {"log_loss", "hinge"},
            {0.5, 1e-3},
        ),
        (
            {"losses": CategoricalDistribution(["hinge", "log_loss"]), "loss": "hinge"},
            {"hinge"},
            {1e-6, 1e-4, 1e-2},
        ),
        ({"alphas": ["1e-3", "1e-5, 1e-4"], "loss": "hinge"}, {"hinge"}, {1e-3, 1e-5, 1e-4}),
    ],
    ids=["losses", "losses and alphas", "a loss of them", "alphas"],
)
def test_a_list_of_what_a_pack_holds_is_one_pack(search, losses, alphas, tmp_path):
    """Models of a pack are trained side by side: no trial asks one pack for what another has."""
    data = frame()
    data["y"] = np.where(data["y"] > 0.5, "high", "low")
    asked = {f"linear.{name}": value for name, value in search.items()}
    result = tune(data, algorithm="linear", trials=60, search=asked, sampler="random", store=tmp_path)
    assert all(t.state.name == "COMPLETE" for t in result.optuna_study.trials)
    assert result.cost.rows_read == ROWS
    tried = [c.algorithm for c in result.candidates]
    assert {one.loss for one in tried} == losses
    assert {one.alpha for one in tried} == alphas
    assert len({one.summary for one in tried}) == 1


def test_float32_that_overflows_has_room_in_double_precision():
    data = frame().astype("float32")
    data["x"] *= np.float32(1e25)
    with pytest.raises(TooLarge, match=r"'x'.*precision='double'"):
        tune(data, search={"ridge.precision": "data"})
    assert tune(data, search={"ridge.alpha": 1.0}).best_value > 0.9


def test_damaged_numbers_without_a_target_are_named():
    with pytest.raises(TooLarge, match="'x'"):
        hpo.tune(frame()[["x"]] * 1e200, algorithm="pca", trials=2)


def test_columns_that_a_model_does_not_use_may_hold_anything():
    data = frame(c=["a", "b"] * (ROWS // 2))
    model = tune(data).best_model
    mixed = data.assign(other=np.array(["a", 1] * (ROWS // 2), dtype=object))
    assert np.array_equal(model.predict(mixed), model.predict(data))


def test_a_lazy_frame_is_collected():
    pl = pytest.importorskip("polars")
    data = pl.from_pandas(frame())
    result = tune(data.lazy())
    assert result.best_value == tune(data).best_value
    assert np.array_equal(result.model_of(encoded=True).predict(data.lazy()), result.best_model.predict(data))


def test_masked_values_are_missing_values():
    data = frame()
    x, y = data[["x"]].to_numpy(), data["y"].to_numpy()
    hidden = np.arange(ROWS)[:, None] % 4 == 0
    masked = tune((np.ma.masked_array(x, hidden), np.ma.masked_array(y, np.arange(ROWS) == 1)), target=None)
    plain = tune((np.where(hidden, np.nan, x), np.where(np.arange(ROWS) == 1, np.nan, y)), target=None)
    assert masked.best_value == plain.best_value
    assert masked.cost.rows_without_target == 1
    whole = tune((np.ma.masked_array(np.arange(ROWS)[:, None], hidden), y), target=None)
    assert "ridge.impute" in whole.run.tuner.space.distributions


@pytest.mark.parametrize("dtype", [">f8", "<f8", "longdouble", ">i4"])
def test_arrays_of_any_byte_order_and_width(dtype):
    data = frame()
    x, y = np.round(data[["x"]].to_numpy() * 100.0), data["y"].to_numpy() * 100.0
    same = {"target": None, "folds": KFold(3), "search": {"ridge.alpha": 1.0}}
    odd = tune((x.astype(dtype), y.astype(">f8")), **same)
    assert odd.best_value == pytest.approx(tune((x, y), **same).best_value, rel=1e-12)


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (pd.DataFrame({"x": np.array([10**30] * 9, dtype=object), "y": range(9)}), ["too large"]),
        ({"x": [1.0], "y": [2.0]}, ["dict", "pandas"]),
    ],
)
def test_frames_that_arrow_cannot_hold(data, parts):
    refuse(DataError, data, *parts)


@pytest.mark.parametrize("weight", [1.0, np.ones((ROWS, 1))])
def test_a_weight_that_is_no_column_is_named(weight):
    refuse(DataError, frame(), "'weight'", "one-dimensional", weight=weight)


def test_data_without_rows_is_named_by_its_path(tmp_path):
    path = tmp_path / "none.parquet"
    frame()[:0].to_parquet(path)
    refuse(DataError, [str(path)], "none.parquet", "no rows")


@pytest.mark.parametrize("when", [date(2020, 2, 29), None])
def test_days_where_the_model_learned_moments(when):
    data = frame(t=pd.date_range("2020-01-01", periods=ROWS, freq="D"))
    model = tune(data).best_model
    days = data.assign(t=[when] * ROWS if when else data["t"].dt.date)
    moments = data.assign(t=pd.Timestamp(when) if when else data["t"])
    assert np.array_equal(model.predict(days), model.predict(moments))


@pytest.mark.parametrize(
    ("algorithm", "search", "parts"),
    [
        ("ridge", {"ridge.alpha": "a"}, ["search['ridge.alpha']='a'", "alpha='a'", "a number"]),
        ("ridge", {"ridge.alpha": None}, ["search['ridge.alpha']=None", "a number"]),
        ("ridge", {"ridge.alpha": True}, ["alpha=True", "a number"]),
        ("ridge", {"ridge.alpha": [1.0, "a"]}, ["search['ridge.alpha']=[1.0, 'a']", "a number"]),
        ("ridge", {"ridge.alpha": hpo.Float(-1, 1)}, ["search['ridge.alpha']", "alpha=-1.0", "at least 0"]),
        ("ridge", {"ridge.select": 1.0}, ["select=1.0", "a whole number or None"]),
        ("ridge", {"ridge.standardize": "yes"}, ["standardize='yes'", "true or false"]),
        ("ridge", {"ridge.impute": "median"}, ["search['ridge.impute']", "'mean'"]),
        ("pcr", {"pcr.n_components": "mle"}, ["n_components='mle'", "a whole number"]),
        ("pcr", {"pcr.n_components": hpo.Float(1, 3)}, ["n_components=1.0", "a whole number"]),
        ("elastic_net", {"elastic_net.l1_ratio": hpo.Float(0, 2)}, ["l1_ratio=2.0", "from 0 to 1"]),
        ("lasso", {"lasso.alpha": [0, 1]}, ["alpha=0", "'ols'"]),
    ],
)
def test_a_value_that_cannot_be_tried_is_refused_before_the_data_is_read(algorithm, search, parts):
    refuse(SearchError, "there-is-no-such-file.parquet", *parts, algorithm=algorithm, search=search)


@pytest.mark.parametrize("search", ["ridge.alpha", [("ridge.alpha", 1)]])
def test_a_search_that_is_no_mapping(search):
    refuse(SpecError, frame(), "search", "dictionary", search=search)


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.array([0.5, 2.0]), [0.5, 2.0]),
        ([np.float64(0.5), np.int32(2)], [0.5, 2]),
        (range(1, 4), [1, 2, 3]),
        (hpo.Categorical([np.float64(0.5), 2.0]), [0.5, 2.0]),
    ],
)
def test_numpys_numbers_are_numbers(given, plain):
    asked, same = (tune(frame(), search={"ridge.alpha": v}) for v in (given, plain))
    assert [t.params for t in asked.optuna_study.trials] == [t.params for t in same.optuna_study.trials]
    assert repr(asked.best_params) == repr(same.best_params)


def test_numpys_whole_numbers_count_trials_folds_and_seeds():
    asked = tune(frame(), trials=np.int64(2), folds=np.int32(4), seed=np.uint8(3))
    same = tune(frame(), trials=2, folds=4, seed=3)
    assert asked.best_value == same.best_value
    assert len(asked.optuna_study.trials) == 2


def test_one_name_of_a_feature_or_a_dropped_column_is_not_its_letters():
    data = frame(ab=np.arange(ROWS), a=0.0, b=0.0)
    chosen = tune(data, features="ab").best_model
    assert list(chosen.feature_names_in_) == ["ab"]
    assert list(tune(data, drop="ab").best_model.feature_names_in_) == ["x", "a", "b"]


def test_leaving_one_out_is_scored_by_errors_and_not_by_r2():
    data = frame()[["x", "y"]]
    refuse(TuneError, data, "one row", "R²", "neg_mean_squared_error", folds=LeaveOneOut())
    refuse(TuneError, data[:3], "one row", folds=2)
    found = tune(
        data, folds=LeaveOneOut(), scoring="neg_mean_squared_error",
        search={"ridge.alpha": 2.0, "ridge.standardize": False}, trials=1,
    )  # fmt: skip
    peer = cross_val_score(
        Ridge(alpha=2.0), data[["x"]], data["y"], cv=LeaveOneOut(), scoring="neg_mean_squared_error"
    )
    assert np.allclose(found.best.scores.folds, peer, rtol=1e-8)


@pytest.mark.parametrize(
    ("folds", "parts"),
    [
        ((GroupKFold(3), np.arange(ROWS) % 6), ["split 0", "GroupKFold", "list(splitter.split"]),
        (GroupKFold(3), ["groups", "folds=list(splitter.split"]),
        (StratifiedKFold(3), ["continuous", "folds=list(splitter.split"]),
        ([(np.arange(60.0), np.arange(60.0, 120.0))], ["split 0", "float64", "whole numbers"]),
        ([([[0, 1]], [2, 3])], ["split 0", "2 dimension(s)"]),
        ({"scheme": "time", "column": "t", "boundaries": ["soon"]}, ["'soon'", "'2024-12-31'"]),
    ],
)
def test_folds_that_cannot_be_understood(folds, parts):
    refuse(DataError, frame(t=pd.date_range("2020-01-01", periods=ROWS)), *parts, folds=folds)


@pytest.mark.parametrize(
    "boundary",
    [
        "2020-02-01",
        date(2020, 2, 1),
        datetime(2020, 2, 1, tzinfo=UTC),
        pd.Timestamp("2020-02-01"),
        pd.Timestamp("2020-02-01 01:00", tz="Europe/Paris"),
        np.datetime64("2020-02-01"),
        "2020-02-01T01:00:00+01:00",
        18293,
        np.float32(18293),
    ],
)
def test_a_boundary_in_time_is_any_moment(boundary):
    data = frame(t=pd.date_range("2020-01-01", periods=ROWS))
    result = tune(data, folds={"scheme": "time", "column": "t", "boundaries": [boundary]}, features=["x"])
    assert result.cost.rows_read == ROWS
    assert [state.rows for state in result.best.states.cells] == [31, ROWS - 31]


def test_boundaries_in_a_file_say_how_many_splits_there_are(tmp_path):
    frame(t=pd.date_range("2020-01-01", periods=ROWS)).to_parquet(tmp_path / "a.parquet")
    spec = hpo.StudySpec(
        data=str(tmp_path / "a.parquet"), target="y", algorithm="ridge",
        folds={"scheme": "time", "column": "t", "boundaries": ["2020-02-01", "2020-03-01"]},
    )  # fmt: skip
    assert hpo.plan(spec).rows_to_read == ROWS


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"sep": ";"}, ["';'", "','", "a.csv"]),
        ({"sep": ";", "decimal": ","}, ["';'", "a.csv"]),
        ({"sep": "\t"}, [r"'\t'", ".tsv"]),
        ({"encoding": "utf-16"}, ["UTF-16", "UTF-8"]),
        ({"encoding": "latin-1"}, ["'c'", "UTF-8"]),
    ],
)
def test_a_csv_file_of_another_dialect_is_distinguished_from_a_damaged_one(tmp_path, options, parts):
    frame(c="é").to_csv(tmp_path / "a.csv", index=False, **options)
    refuse(DataError, str(tmp_path), *parts)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_csv_file_with_a_mark_quotes_and_line_breaks(tmp_path, encoding, name):
    data = frame(c='said "a; b",\nand left')
    data.to_csv(tmp_path / name, index=False, encoding=encoding, quoting=1)
    assert tune(str(tmp_path)).best_model.n_features_in_ == 2


def test_a_file_is_read_once_whatever_links_lead_to_it(tmp_path):
    (tmp_path / "data").mkdir()
    frame().to_parquet(tmp_path / "data" / "b.parquet")
    (tmp_path / "data" / "a.parquet").symlink_to(tmp_path / "data" / "b.parquet")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    dataset = hpo.open_dataset(tmp_path / "data", target="y")
    assert dataset.rows == ROWS
    assert dataset.segments[0].uri.endswith("/data/b.parquet")


def test_a_link_that_stands_in_another_partition_is_read_there_too(tmp_path):
    for key in ("k=1", "k=2"):
        (tmp_path / key).mkdir()
    frame().to_parquet(tmp_path / "k=1" / "a.parquet")
    (tmp_path / "k=2" / "a.parquet").symlink_to(tmp_path / "k=1" / "a.parquet")
    assert hpo.open_dataset(tmp_path, target="y").rows == 2 * ROWS


def test_a_glob_of_directories_names_the_files_in_them(tmp_path):
    for key in ("k=1", "k=2", "j=3"):
        (tmp_path / key).mkdir()
        frame().to_parquet(tmp_path / key / "part-0.parquet")
    dataset = hpo.open_dataset(f"{tmp_path}/k=*", target="y")
    assert dataset.rows == 2 * ROWS
    assert dataset.schema["k"].kind == "numeric"


@pytest.mark.parametrize("path", ["", " ", ["a.parquet", ""]])
def test_an_empty_path_is_not_the_current_directory(tmp_path, monkeypatch, path):
    frame().to_parquet(tmp_path / "a.parquet")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="empty"):
        hpo.open_dataset(path, target="y")


@pytest.mark.parametrize("algorithm", ["ridge", "elastic_net", "ols", "pcr", "pls", "bayesian_ridge"])
def test_a_constant_column_predicts_the_mean(algorithm):
    data = frame(c="k").assign(x=3.0)
    model = tune(data, algorithm=algorithm).best_model
    assert model.predict(data) == pytest.approx(np.full(ROWS, data["y"].mean()), rel=1e-9)


SUPERVISED = [n for n in registry.names() if TASKS[registry.get(n).tags.task].answers and n != "categorical_nb"]


@pytest.mark.filterwarnings(
    "ignore:(divide by zero|invalid value):RuntimeWarning"
)  # GaussianNB's own, of a variance of zero
@pytest.mark.parametrize("algorithm", SUPERVISED)
def test_rows_of_zeros_predict_without_them(algorithm):
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"a": np.zeros(60), "b": np.zeros(60), "y": rng.random(60) + 1.0})
    if TASKS[registry.get(algorithm).tags.task].target == CLASS:
        data["y"] = np.where(data["y"] > 1.4, "high", "low")
    few = {f"{algorithm}.n_estimators": 20} if "n_estimators" in fields_of(registry.get(algorithm)) else {}
    result = tune(data, algorithm=algorithm, search=few)
    assert np.isfinite(result.best_value)
    assert len(set(result.predict(data)["prediction"])) == 1
    assert hpo.write_report(result).trials


def test_a_result_without_a_score_can_be_looked_at_and_says_why():
    late = tune(frame(), timeout=1e-9)
    assert "no score yet" in repr(late)
    with pytest.raises(TuneError, match=r"none was begun \(timeout\)"):
        _ = late.best_value
    with pytest.warns(NoScoreWarning, match="no trial has a score yet; every setting failed because: .* is not finite in 5 of 5 folds"):
        flat = hpo.tune(frame()[["x"]].assign(x=1.0), algorithm="pca", trials=2)
    with pytest.raises(TuneError, match="not finite"):
        _ = flat.best_value


@pytest.mark.filterwarnings("ignore:no trial has a score yet")
@pytest.mark.parametrize("algorithm", ["pca", "sketched_pca"])
def test_columns_that_do_not_vary_have_no_likelihood_and_each_trial_says_so(algorithm):
    flat = hpo.tune(
        pd.DataFrame({"a": [1.0] * 50, "b": [2.0] * 50}), algorithm=algorithm, trials=3, store=None
    )
    assert flat.optuna_study.trials
    for trial in flat.optuna_study.trials:
        assert trial.state.name == "FAIL"
        assert re.search(
            r"'log_likelihood' is not finite in 5 of 5 folds.*constant", trial.user_attrs["error"]
        )
    with pytest.raises(
        TuneError, match=r"no trial has a score yet.*'log_likelihood' is not finite in 5 of 5 folds"
    ):
        _ = flat.best_value
    result = hpo.tune(
        pd.DataFrame({"a": [1.0] * 50, "b": [2.0] * 50}), algorithm=algorithm, trials=3, store=None,
        scoring="explained_variance",
    )  # fmt: skip
    assert result.best_value == 0.0


def test_a_score_that_held_out_rows_do_not_tell_fails_its_trial():
    """An algorithm that says None of a metric that it names: the trial has the reason, the study continues."""
    state = Moments().init(Shape((Column("x", "x"),)))
    with pytest.raises(Unscorable, match="'log_likelihood' cannot be computed from the held-out rows of a fold"):
        score(PCA(), object(), Held(state), "log_likelihood")


def test_an_empty_path_is_no_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse(StoreLocationError, frame(), "empty", store="")
    assert not (tmp_path / "store.json").exists()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:pa/SECRET@db/x", "postgresql://me:p@SECRET@db/x", "postgresql://me:a SECRET@db/x",
        "postgresql://SECRET@db/x", "postgresql://h/db?pass=SECRET", "postgresql://h:5432/db?user=a&password=SECRET",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3DSECRET", "s3://b/k?access_key=a&secret_key=SECRET",
        "sqlite:///x.db?password=SECRET", "snowflake://h/d?token=SECRET&role=r", "mysql://u:SECRET@h:3306/d?ssl=true",
    ],
)  # fmt: skip
def test_no_secret_of_an_address_is_shown(address):
    for text in (address, f"cannot open {address}: no such host", f"'{address}' and more", f"a\n{address}\nb@c"):
        assert "SECRET" not in mask(text)
        assert address.partition("://")[0] in mask(text)


@pytest.mark.parametrize(
    "text", ["no column 'a@b'", "write to postgresql://db:5432/x and tell me@home", "https://host/path?column=year"]
)
def test_what_holds_no_secret_is_shown_as_it_is(text):
    assert mask(text) == text


@pytest.mark.parametrize("part", ["y", "://", "?a", "@", ":", "a://b:"])
def test_masking_a_long_text_takes_time_in_proportion_to_it(part):
    text = part * (2_000_000 // len(part))  # quadratic work on it would take hours
    assert len(mask(text)) <= len(text) + 3
