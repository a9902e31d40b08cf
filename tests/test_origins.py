"""Origins: numbers far from zero keep their digits, and a missing one is filled in as scikit-learn would."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, PredefinedSplit, cross_val_score
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms.contract import fitted
from hpo.data import Encoder, open_dataset
from hpo.data.origins import Extent, extent_of, origins_of
from hpo.data.schema import Field
from hpo.data.values import less_origin, stored_numbers
from hpo.errors import NoScoreWarning

N = 240
CV = KFold(4)
RIDGE = {"ridge.alpha": 1.0, "ridge.standardize": True, "ridge.impute": "mean"}


def years(missing: float = 0.1, seed: int = 0) -> pd.DataFrame:
    """A year, a number of days since an epoch, a price in cents: all far from zero, and rows without them."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "year": rng.integers(2005, 2015, N).astype(float),
            "stamp": 1_350_000_000 + np.round(rng.normal(size=N) * 1e4),
            "near": rng.normal(size=N),
        }
    )
    frame["y"] = (frame["year"] - 2010) / 3 + (frame["stamp"] - 1.35e9) / 1e4 + 0.3 * rng.normal(size=N)
    for name in ("year", "stamp"):
        frame.loc[rng.random(N) < missing, name] = np.nan
    return frame


def score(frame, algorithm, scoring, search, cv=CV):
    result = hpo.tune(
        frame, "y", algorithm, search=search, trials=1, folds=cv, scoring=scoring, store=None, progress=False,
        scoring_rows=10_000, n_jobs=1,
    )
    return result, np.array(result.best.scores.folds)


class TestOrigin:
    @pytest.mark.parametrize(
        ("values", "kind", "expected"),
        [
            ([2013, 2014, 2015], pa.int16(), 2014),
            ([2**62 + 1, 2**62 + 3], pa.int64(), 2**62 + 3),
            ([2**63 + 1, 2**63 + 3], pa.uint64(), 2**63 + 3),
            ([0, 1, 0], pa.int8(), 0),
            ([-5.0, 3.0, 8.0], pa.float64(), 0),
            ([7.0, 7.0, None], pa.float32(), 7.0),
            ([None, None], pa.float64(), 0),
            ([float("nan"), float("inf")], pa.float64(), 0),
            ([1e308, 1e308], pa.float64(), 0),
        ],
    )
    def test_it_is_other_than_zero_only_far_from_zero(self, values, kind, expected):
        field = Field.from_arrow(pa.field("x", kind))
        assert origins_of([field], {"x": pa.chunked_array([pa.array(values, kind)])}).get("x", 0) == expected

    def test_it_has_few_bits_so_that_differences_are_exact(self):
        rng = np.random.default_rng(0)
        for dtype in (np.float32, np.float64):
            x = (1e6 + rng.normal(size=500)).astype(dtype)
            origin = extent_of(pa.array(x)).origin(Field("x", "numeric", "float" if dtype == np.float32 else "double"), 1)
            exact = x.astype(np.longdouble) - origin
            assert ((x - origin).astype(dtype).astype(np.longdouble) == exact).all()

    def test_a_far_outlier_does_not_move_it(self):
        x = np.r_[1e9 + np.arange(1000.0), 0.0]
        assert abs(Extent.origin(extent_of(pa.array(x)), Field("x", "numeric", "double"), 1) - 1e9) < 1e3

    @pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint32, np.int64, np.uint64])
    def test_integers_are_subtracted_as_integers(self, dtype):
        last = np.iinfo(dtype).max
        assert less_origin(np.array([last, last - 3], dtype), last - 1).tolist() == [1, -2]

    def test_the_file_says_where_its_values_lie_and_none_is_read(self, tmp_path):
        frame = years(0.0)
        frame["when"] = pd.Timestamp("2013-05-01") + pd.to_timedelta(np.arange(N), unit="h")
        for i in range(3):
            frame.iloc[i::3].to_parquet(tmp_path / f"{i}.parquet", index=False)
        dataset = open_dataset(tmp_path, target="y")
        known, _ = dataset.known_origins(dataset.features)
        assert known.keys() == {"year", "stamp", "when"}
        assert 2005 <= known["year"] <= 2015
        assert abs(known["when"] - 15826) <= 10
        assert dataset.log.pilot_rows == 0

    @pytest.mark.parametrize("sentinel", [-1.0, 9999.0])
    def test_a_sentinel_beside_missing_values_does_not_hide_where_the_others_lie(self, tmp_path, sentinel):
        rng = np.random.default_rng(0)
        x = 1e9 + rng.normal(size=N)
        y = x - 1e9 + 0.1 * rng.normal(size=N)
        x[::7], x[3::5] = sentinel, np.nan
        pd.DataFrame({"x": x, "y": y}).to_parquet(tmp_path / "a.parquet", index=False)
        dataset = open_dataset(tmp_path, target="y")
        known, unsure = dataset.known_origins(dataset.features)
        assert not known and [f.name for f in unsure] == ["x"]
        assert abs(origins_of(unsure, dataset.peek(unsure))["x"] - 1e9) < 10

    def test_a_column_without_values_says_nothing_and_asks_for_no_reading(self, tmp_path):
        frame = years(0.0).assign(none=pd.Series(np.nan, index=range(N), dtype="float64"))
        pq.write_table(pa.Table.from_pandas(frame), tmp_path / "a.parquet", row_group_size=60)
        dataset = open_dataset(tmp_path, target="y")
        assert dataset.known_origins(dataset.features)[0].keys() == {"year", "stamp"}

    def test_files_without_statistics_are_asked_for_their_first_rows(self, tmp_path):
        pq.write_table(pa.Table.from_pandas(years(0.0)), tmp_path / "a.parquet", write_statistics=False)
        years(0.0).to_csv(tmp_path / "a.csv", index=False)
        for name in ("a.parquet", "a.csv"):
            dataset = open_dataset(tmp_path / name, target="y")
            fields = [dataset.schema[name] for name in ("year", "stamp", "near")]
            assert dataset.known_origins(fields) == ({}, tuple(fields))
            assert origins_of(fields, dataset.peek(fields)).keys() == {"year", "stamp"}

    def test_an_encoder_that_comes_from_the_store_has_them(self):
        encoder = Encoder().fit(years())
        again = Encoder.from_dict(encoder.to_dict())
        assert again.columns_ == encoder.columns_
        assert {c.name for c in encoder.columns_ if c.origin} == {"year", "stamp"}
        np.testing.assert_array_equal(again.transform(years()), encoder.transform(years()))

    def test_growing_data_keeps_its_states(self, tmp_path):
        folder, store = tmp_path / "data", tmp_path / "store"
        folder.mkdir()
        for i in range(4):
            years(seed=i).to_parquet(folder / f"{i}.parquet", index=False)
        first = hpo.tune(folder, "y", "ridge", trials=2, store=store, progress=False)
        years(seed=9).assign(year=2100.0).to_parquet(folder / "9.parquet", index=False)
        grown = hpo.tune(folder, "y", "ridge", trials=2, store=store, progress=False)
        assert (first.cost.rows_read, grown.cost.rows_read) == (4 * N, N)


@pytest.mark.parametrize("dtype", ["float64", "Int64"])
@pytest.mark.parametrize("standardize", [True, False])
class TestMissingBesideAnOffset:
    def frame(self, dtype):
        frame = years()
        return frame.astype({"year": dtype, "stamp": dtype})

    def pipeline(self, model, standardize):
        return make_pipeline(SimpleImputer(), *([StandardScaler()] if standardize else []), model)

    def test_ridge(self, dtype, standardize):
        frame, X, y = self.frame(dtype), years().drop(columns="y"), years()["y"]
        twin = self.pipeline(Ridge(2.0, solver="svd"), standardize)
        search = {"ridge.alpha": 2.0, "ridge.standardize": standardize, "ridge.impute": "mean"}
        result, found = score(frame, "ridge", "r2", search)
        np.testing.assert_allclose(found, cross_val_score(twin, X, y, cv=CV), rtol=1e-9)
        made = twin.fit(X, y)
        np.testing.assert_allclose(result.best_model.predict(frame), made.predict(X), rtol=0, atol=2e-7)
        np.testing.assert_allclose(result.best_model[-1].coef_, made[-1].coef_, rtol=1e-7)
        np.testing.assert_allclose(result.best_model[-1].intercept_, made[-1].intercept_, rtol=1e-7)

    def test_logistic(self, dtype, standardize):
        frame, X, y = self.frame(dtype), years().drop(columns="y"), years()["y"] > 0
        C = 1.0 if standardize else 1e-9
        twin = self.pipeline(LogisticRegression(C=C, tol=1e-12, max_iter=10_000), standardize)
        if not standardize:  # with offsets of 1e9 only a model without them is found by L-BFGS
            return
        search = {"logistic.C": C, "logistic.impute": "mean"}
        _, found = score(frame.assign(y=y), "logistic", "neg_log_loss", search)
        np.testing.assert_allclose(found, cross_val_score(twin, X, y, cv=CV, scoring="neg_log_loss"), atol=1e-6)

    def test_neighbours(self, dtype, standardize):
        frame, X, y = self.frame(dtype), years().drop(columns="y"), years()["y"]
        twin = self.pipeline(KNeighborsRegressor(7), standardize)
        search = {"knn_regressor.n_neighbors": 7, "knn_regressor.weights": "uniform",
                  "knn_regressor.metric": "euclidean", "knn_regressor.standardize": standardize}  # fmt: skip
        _, found = score(frame, "knn_regressor", "r2", search)
        np.testing.assert_allclose(found, cross_val_score(twin, X, y, cv=CV), rtol=1e-9)

    def test_gaussian_nb(self, dtype, standardize):
        frame, X, y = self.frame(dtype), years().drop(columns="y"), years()["y"] > 0
        twin = make_pipeline(SimpleImputer(), GaussianNB())
        result, found = score(frame.assign(y=y), "gaussian_nb", "roc_auc", {"gaussian_nb.var_smoothing": 1e-9})
        np.testing.assert_allclose(found, cross_val_score(twin, X, y, cv=CV, scoring="roc_auc"), rtol=1e-12)
        made = twin.fit(X, y)[-1]
        np.testing.assert_allclose(result.best_model[-1].theta_, made.theta_, rtol=1e-12)
        np.testing.assert_allclose(result.best_model[-1].var_, made.var_, rtol=1e-7)

    def test_pca(self, dtype, standardize):
        frame, X = self.frame(dtype).drop(columns="y"), years().drop(columns="y")
        twin = self.pipeline(PCA(2, svd_solver="full"), standardize)
        result = hpo.tune(
            frame, algorithm="pca", search={"pca.n_components": 2, "pca.standardize": standardize}, trials=1,
            folds=CV, scoring="log_likelihood", store=None, progress=False,
        )  # fmt: skip
        np.testing.assert_allclose(result.best.scores.folds, cross_val_score(twin, X, cv=CV), rtol=1e-7)
        theirs = twin.fit(X)
        np.testing.assert_allclose(result.best_model[-1].mean_, theirs[-1].mean_, rtol=1e-9, atol=1e-9)

    def test_kmeans(self, dtype, standardize):
        frame, X = self.frame(dtype).drop(columns="y"), years().drop(columns="y")
        search = {"kmeans.n_clusters": 2, "kmeans.standardize": standardize}
        result = hpo.tune(
            frame, algorithm="kmeans", search=search, trials=1, folds=3, scoring="neg_inertia", store=None,
            progress=False,
        )
        twin = self.pipeline(KMeans(2, n_init=20, random_state=0), standardize).fit(X)
        model = result.best_model[-1]
        assert model.inertia_ == pytest.approx(twin[-1].inertia_, rel=2e-3), "Lloyd's tolerance"
        own, expected = (in_units(found) for found in (result.best_model, twin))
        np.testing.assert_allclose((own - expected) / X.std().to_numpy(), 0.0, atol=0.1)


def in_units(fitted):
    """Return the centres of a fitted pipeline in the units of its columns, sorted."""
    scalers = [step for _, step in fitted.steps if isinstance(step, StandardScaler)]
    centres = fitted[-1].cluster_centers_
    return np.sort(scalers[0].inverse_transform(centres) if scalers else centres, axis=0)


@pytest.mark.parametrize("algorithm", ["linear", "linear_regressor"])
def test_a_pack_learns_of_a_year_with_missing_values_what_one_without_tells(algorithm):
    rng = np.random.default_rng(0)
    n = 1200
    x = rng.integers(2005, 2015, n) * 1.0
    y = (x - x.mean()) / x.std() + rng.normal(size=n) * 0.5
    scoring = "roc_auc" if algorithm == "linear" else "r2"
    found = []
    for missing in (0.0, 0.1):
        frame = pd.DataFrame({"x": np.where(rng.random(n) < missing, np.nan, x), "z": rng.normal(size=n)})
        target = y > 0 if algorithm == "linear" else y
        result = hpo.tune(
            frame.assign(y=target), "y", algorithm, trials=6, folds=CV, scoring=scoring, store=None, progress=False
        )
        found.append(result.best_value)
        twin = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression() if algorithm == "linear" else Ridge())
        assert found[-1] > cross_val_score(twin, frame, target, cv=CV, scoring=scoring).mean() - 0.01


@pytest.mark.parametrize(
    ("algorithm", "twin", "search"),
    [
        ("multinomial_nb", MultinomialNB(alpha=0.5), {"alpha": 0.5}),
        ("complement_nb", ComplementNB(alpha=0.5), {"alpha": 0.5, "norm": False}),
        ("bernoulli_nb", BernoulliNB(alpha=0.5, binarize=3.0), {"alpha": 0.5, "binarize": 3.0}),
        ("bernoulli_nb", BernoulliNB(alpha=0.5, binarize=1002.0), {"alpha": 0.5, "binarize": 1002.0}),
    ],
)
@pytest.mark.parametrize("impute", ["mean", "zero"])
def test_naive_bayes_of_counts_fills_in_as_simple_imputer_does(algorithm, twin, search, impute):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"few": rng.poisson(3, N) * 1.0, "many": 1000.0 + rng.poisson(4, N), "none": np.nan})
    y = frame["few"] + frame["many"] - 1000 > 7
    frame = frame.mask(rng.random(frame.shape) < 0.2)
    imputer = SimpleImputer() if impute == "mean" else SimpleImputer(strategy="constant", fill_value=0.0)
    reference = make_pipeline(imputer, twin).fit(frame[["few", "many"]], y)
    result, _ = score(
        frame.assign(y=y), algorithm, "accuracy", {f"{algorithm}.{k}": v for k, v in {**search, "impute": impute}.items()}
    )
    np.testing.assert_allclose(
        result.best_model.predict_proba(frame), reference.predict_proba(frame[["few", "many"]]), rtol=1e-9
    )


def test_a_number_that_only_new_rows_lack_is_filled_with_the_training_mean():
    frame = years(0.0)
    fold = np.arange(N) % 4
    frame.loc[fold == 1, "year"] = np.nan
    X, y, cv = frame.drop(columns="y"), frame["y"], PredefinedSplit(fold)
    twin = make_pipeline(SimpleImputer(), StandardScaler(), Ridge(1.0))
    result, found = score(frame, "ridge", "neg_mean_squared_error", RIDGE, cv)
    np.testing.assert_allclose(found, cross_val_score(twin, X, y, cv=cv, scoring="neg_mean_squared_error"), rtol=1e-9)
    lacking = X.head(3).assign(near=np.nan)
    np.testing.assert_allclose(result.best_model.predict(lacking), twin.fit(X, y).predict(lacking), atol=1e-7)


def test_an_offset_of_a_billion_spreads_costs_no_digit():
    rng = np.random.default_rng(1)
    x = 1e9 + rng.normal(size=N)
    frame = pd.DataFrame({"x": np.where(rng.random(N) < 0.1, np.nan, x), "z": rng.normal(size=N)})
    frame["y"] = (x - 1e9) + 0.1 * rng.normal(size=N)
    near = frame.assign(x=frame["x"] - 1e9)  # exact: both are multiples of 2**-23 below 2**31
    twin = make_pipeline(SimpleImputer(), StandardScaler(), Ridge(1.0, solver="svd"))
    _, found = score(frame, "ridge", "r2", RIDGE)
    np.testing.assert_allclose(found, cross_val_score(twin, near[["x", "z"]], frame["y"], cv=CV), rtol=1e-10)


@pytest.mark.parametrize("unit", [1e-12, 1e-9, 1e-6])
def test_a_fold_in_another_unit_keeps_the_digits_of_its_values(unit):
    rng = np.random.default_rng(0)
    other = np.arange(N) % 4 == 0
    noise = rng.normal(size=N)
    x = (1e5 + noise) * np.where(other, unit, 1.0)
    assert extent_of(pa.array(x)).origin(Field("x", "numeric", "double"), 1) == 0
    frame = pd.DataFrame({"x": x, "y": noise + 0.1 * rng.normal(size=N)})
    cv = PredefinedSplit(other.astype(int))
    _, found = score(frame, "ridge", "neg_mean_squared_error", RIDGE, cv)
    twin = make_pipeline(StandardScaler(), Ridge(1.0, solver="svd"))
    right = cross_val_score(twin, frame[["x"]], frame["y"], cv=cv, scoring="neg_mean_squared_error")
    np.testing.assert_allclose(found, right, rtol=1e-8)


@pytest.mark.parametrize("algorithm", ["ridge", "pca", "lda", "kmeans"])
def test_a_number_that_is_constant_once_filled_in_has_no_spread_at_all(algorithm):
    """One value of a fold is known, and far from the others': what it varies by, filled in, is rounding alone."""
    rng = np.random.default_rng(0)
    x = np.r_[[11.0], np.full(9, np.nan), [15.0, 14.0, 14.0, 14.0, 14.0]]
    frame = pd.DataFrame({"x": x, "z": rng.normal(size=15), "y": rng.normal(size=15)})
    cv = PredefinedSplit([1] * 10 + [0] * 5)
    search = {f"{algorithm}.standardize": True, f"{algorithm}.impute": "mean"}
    scoring = {"pca": "explained_variance", "kmeans": "neg_inertia", "lda": "log_likelihood", "ridge": "r2"}
    if algorithm == "kmeans":
        search["kmeans.n_clusters"] = 2
    if algorithm == "lda":
        frame["y"] = np.tile(["a", "b", "a"], 5)
    result = hpo.tune(
        frame, "y" if algorithm in ("ridge", "lda") else None, algorithm, search=search, trials=1, folds=cv,
        store=None, progress=False, scoring=scoring[algorithm],
        **({} if algorithm in ("ridge", "lda") else {"drop": ["y"]}),
    )  # fmt: skip
    model = fitted(result.best.algorithm, result.best.states.train[0])
    assert model["scale"].scale_[0] == 1.0


@pytest.mark.parametrize("scale", [0, 2, 9])
def test_decimals_are_the_nearest_floats(scale):
    whole = np.random.default_rng(0).integers(-(2**53), 2**53, 2_000)
    held = [Decimal(int(x)).scaleb(-scale) for x in whole]
    beyond = Decimal(2**90).scaleb(-scale)
    array = pa.array([*held, None, beyond], pa.decimal128(38, scale))
    found = stored_numbers(array)
    assert found[:2_000].tolist() == [float(x) for x in held]
    assert found[-1] == pytest.approx(float(beyond), rel=1e-15)
    assert stored_numbers(array.slice(7, 9)).tolist() == [float(x) for x in held[7:16]]


def counted(unit: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Counts that do not go with a column near 1,000, by symmetry; it has gaps, and another unit in the last fold."""
    rng = np.random.default_rng(3)
    away, y = np.repeat(rng.integers(1, 9, 10), 2), np.repeat(rng.poisson(2.0, 10), 2)
    x = 1000.0 + 2.0**-30 * away * np.tile([1.0, -1.0], 10)
    x = np.concatenate([x, np.full(10, np.nan), unit * (1000.0 + 1e-9 * rng.normal(size=8))])
    return pd.DataFrame({"x": x}), np.concatenate([y, rng.poisson(2.0, 18)])


def test_a_poisson_score_that_rounding_decides_in_far_rows_is_refused():
    search = {"poisson.alpha": 1e-4, "poisson.standardize": True, "poisson.impute": "mean"}
    folds = PredefinedSplit([-1] * 30 + [0] * 8)
    how = {"algorithm": "poisson", "search": search, "trials": 1, "folds": folds, "store": None, "progress": False}
    near = hpo.tune(counted(1.0), scoring="neg_mean_poisson_deviance", **how)
    assert np.isfinite(near.best_value)
    with pytest.warns(NoScoreWarning, match="more than 100,000 deviations from those of training"):
        hpo.tune(counted(1e-9), scoring="neg_mean_poisson_deviance", **how)


@pytest.mark.parametrize("impute", ["mean", "zero", "indicator"])
@pytest.mark.parametrize("offset", [1e3, 1e5, 1e7])
def test_gaps_of_a_column_that_has_no_origin_cost_naive_bayes_no_digits(offset, impute):
    """The last fold is in another unit, so that no origin is near all values, and gaps stand at zero in states."""
    rng = np.random.default_rng(1)
    y = rng.random(N) < 0.5
    X = pd.DataFrame({"x": offset + y + rng.normal(size=N), "z": rng.normal(size=N)})
    X.loc[3 * N // 4 :, "x"] *= 1e-6
    X[rng.random(X.shape) < 0.2] = np.nan
    fill = SimpleImputer(
        strategy="constant" if impute == "zero" else "mean", fill_value=0.0, add_indicator=impute == "indicator"
    )
    search = {"gaussian_nb.var_smoothing": 0.0, "gaussian_nb.impute": impute}
    result, found = score(X.assign(y=y), "gaussian_nb", "log_likelihood", search)
    expected = []
    for train, test in CV.split(X):
        model = GaussianNB(var_smoothing=0.0).fit(made := fill.fit_transform(X.iloc[train]), y[train])
        assert made.shape[1] == (4 if impute == "indicator" else 2)
        joint = model._joint_log_likelihood(fill.transform(X.iloc[test]))
        expected.append(joint[np.arange(len(test)), y[test].astype(int)].mean())
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    made = GaussianNB(var_smoothing=0.0).fit(fill.fit_transform(X), y)
    order = [0, 2, 1, 3] if impute == "indicator" else [0, 1]  # scikit-learn has the indicators last
    np.testing.assert_allclose(result.best_model[-1].var_, made.var_[:, order], rtol=1e-9)
