"""Rows that weigh less the older they are: as scikit-learn has it of weights 2**(-age / half_life) on raw rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import KFold
from sklearn.naive_bayes import GaussianNB, MultinomialNB

import hpo
from hpo.errors import DataError, SearchError, TuneError
from studies.errors import SpecError

X = ["a", "b", "c"]
CV = KFold(3, shuffle=True, random_state=0)
FIXED = {"ridge.alpha": 2.0, "ridge.standardize": False}
N, HALF = 900, 120.0


def weights(clock, half=HALF):
    """What rows weigh: the newest one."""
    return 2.0 ** (-(np.max(clock) - clock) / half)


@pytest.fixture(scope="module")
def frame():
    """A slope that changes with time, which comes in no order."""
    rng = np.random.default_rng(1)
    made = pd.DataFrame(rng.normal(size=(N, 3)), columns=X)
    made["y"] = made["a"] * np.linspace(-1.0, 2.0, N) + 0.3 * made["b"] + 0.1 * rng.normal(size=N)
    made["label"] = np.where(made["y"] + rng.normal(size=N) > 0.2, "yes", "no")
    made["w"] = rng.uniform(0.5, 2.0, N)
    made["when"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.uniform(0.0, 90.0, N), unit="D").floor("s")
    return made


def tune(data, target="y", algorithm="ridge", tmp_path=None, **options):
    asked = {"features": X, "trials": 1, "half_life": HALF, "search": FIXED if algorithm == "ridge" else {}}
    return hpo.tune(data, target, algorithm, store=tmp_path, **(asked | options))


def ridge(rows, w):
    return Ridge(alpha=2.0, solver="cholesky").fit(rows[X], rows["y"], sample_weight=w)


def near(result, model, rows):
    np.testing.assert_allclose(result.predict(rows)["prediction"], model.predict(rows[X]), rtol=1e-10, atol=1e-10)


def proba(result, rows):
    return result.predict(rows)[["probability_no", "probability_yes"]].to_numpy()


class TestAsScikitLearn:
    def test_models_and_the_score_of_each_fold(self, frame):
        found = tune(frame, folds=CV)
        place, expected = np.arange(N), []
        for train, test in CV.split(frame):
            model = ridge(frame.iloc[train], weights(place[train]))
            held = frame.iloc[test]
            expected.append(r2_score(held["y"], model.predict(held[X]), sample_weight=weights(place[test])))
        assert list(found.best.scores.folds) == pytest.approx(expected, rel=1e-10)
        near(found, ridge(frame, weights(place)), frame)

    def test_beside_row_weights(self, frame):
        near(tune(frame, weight="w"), ridge(frame, frame["w"] * weights(np.arange(N))), frame)

    def test_by_a_column_of_times(self, frame):
        days = (frame["when"] - frame["when"].min()).dt.total_seconds().to_numpy() / 86_400.0
        expected = ridge(frame, weights(days, 20.0))
        near(tune(frame, half_life={"when": "20d"}), expected, frame)
        near(tune(frame, half_life={"when": 20}), expected, frame)
        near(tune(frame.assign(when=days), half_life={"when": 20}), expected, frame)

    def test_scores_of_sampled_rows(self, frame):
        found = tune(frame, folds=CV, scoring="neg_mean_absolute_error")
        place, expected = np.arange(N), []
        for train, test in CV.split(frame):
            model, held = ridge(frame.iloc[train], weights(place[train])), frame.iloc[test]
            w = weights(place[test])
            expected.append(-mean_absolute_error(held["y"], model.predict(held[X]), sample_weight=w))
        assert list(found.best.scores.folds) == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize("precision", ["double", "qr"])
    def test_with_more_digits(self, frame, precision):
        near(tune(frame, search=FIXED | {"ridge.precision": precision}), ridge(frame, weights(np.arange(N))), frame)

    def test_classes(self, frame):
        w = weights(np.arange(N))
        found = tune(frame, "label", "gaussian_nb", search={"gaussian_nb.var_smoothing": 0.0})
        model = GaussianNB(var_smoothing=0.0).fit(frame[X], frame["label"], sample_weight=w)
        np.testing.assert_allclose(
            proba(found, frame), model.predict_proba(frame[X]), rtol=1e-10, atol=1e-12
        )
        assert tune(frame, "label", "lda", trials=3).best_value > 0.0
        assert tune(frame, "label", "qda", trials=3).best_value > 0.0

    def test_counts(self, frame):
        counts = frame.assign(**{x: np.floor(np.abs(3.0 * frame[x])) for x in X})
        found = tune(counts, "label", "multinomial_nb", search={"multinomial_nb.alpha": 0.5})
        model = MultinomialNB(alpha=0.5).fit(counts[X], counts["label"], sample_weight=weights(np.arange(N)))
        np.testing.assert_allclose(proba(found, counts), model.predict_proba(counts[X]), rtol=1e-10)

    def test_generalized_linear_models(self, frame):
        asked = {"logistic.C": 0.7, "logistic.standardize": False}
        found = tune(frame, "label", "logistic", search=asked)
        model = LogisticRegression(C=0.7, tol=1e-12, max_iter=10_000)
        model.fit(frame[X], frame["label"], sample_weight=weights(np.arange(N)))
        np.testing.assert_allclose(proba(found, frame), model.predict_proba(frame[X]), atol=1e-7)


class TestFiles:
    @pytest.fixture
    def days(self, frame, tmp_path):
        """Forty files of unlike sizes, in the order of time."""
        (tmp_path / "in").mkdir()
        cuts = np.sort(np.random.default_rng(0).choice(np.arange(1, N), 39, replace=False))
        for i, part in enumerate(np.split(np.arange(N), cuts)):
            frame.iloc[part].to_parquet(tmp_path / "in" / f"{i:02d}.parquet")
        return tmp_path

    def test_of_many_files_as_of_one_table(self, days, frame):
        near(tune(days / "in"), ridge(frame, weights(np.arange(N))), frame)

    def test_rows_that_are_added_age_those_before_them_and_no_other_row_is_read(self, days, frame):
        first = tune(days / "in", tmp_path=days / "store", name="daily", storage=days / "studies")
        assert first.cost.rows_read == N
        frame.iloc[:100].to_parquet(days / "in" / "99.parquet")
        again = tune(days / "in", tmp_path=days / "store", name="daily", storage=days / "studies")
        assert again.cost.rows_read == 100
        grown = pd.concat([frame, frame.iloc[:100]], ignore_index=True)
        near(again, ridge(grown, weights(np.arange(N + 100))), frame)
        opened = hpo.load("daily", storage=days / "studies")
        np.testing.assert_array_equal(opened.predict(frame), again.predict(frame))

    def test_of_a_window_age_counts_its_rows_alone(self, days, frame):
        tune(days / "in", tmp_path=days / "store")
        found = tune(days / "in", tmp_path=days / "store", exclude="0*")
        assert found.cost.rows_read == 0
        files = sorted((days / "in").glob("[1-9]*.parquet"))
        left = pd.concat(map(pd.read_parquet, files))
        near(found, ridge(left, weights(np.arange(len(left)))), frame)

    def test_folds_of_files(self, days, frame):
        found = tune(days / "in", folds={"scheme": "segment"}, scoring="neg_mean_squared_error")
        near(found, ridge(frame, weights(np.arange(N))), frame)

    def test_rows_of_processes(self, days, frame):
        found = tune(days / "in", tmp_path=days / "store", engine="loky", n_jobs=2)
        near(found, ridge(frame, weights(np.arange(N))), frame)


class TestStreams:
    @pytest.mark.parametrize("half_life", [HALF, {"when": "20d"}])
    def test_as_of_a_table(self, frame, tmp_path, half_life):
        asked = {"target": "y", "algorithm": "ridge", "features": X, "search": FIXED, "store": tmp_path}
        with hpo.Stream("s", half_life=half_life, pilot_rows=50, **asked) as stream:
            for start in range(0, N, 77):
                stream.update(frame.iloc[start : start + 77])
        days = (frame["when"] - frame["when"].min()).dt.total_seconds().to_numpy() / 86_400.0
        w = weights(np.arange(N)) if half_life == HALF else weights(days, 20.0)
        near(hpo.Stream("s", store=tmp_path).tune(trials=1), ridge(frame, w), frame)


class TestFarAway:
    @pytest.mark.parametrize("algorithm", ["ridge", "gaussian_nb", "multinomial_nb", "logistic"])
    def test_rows_whose_weight_is_nothing(self, frame, algorithm):
        """The newest rows alone are left where half-lives are ten thousands: as many as digits show."""
        shown = frame.assign(**{x: np.abs(frame[x]) for x in X})
        target = "y" if algorithm == "ridge" else "label"
        found = tune(shown, target, algorithm, half_life=0.05, trials=2, search={})
        assert np.isfinite(found.best_value) or algorithm != "ridge"

    def test_old_rows_alone_weigh_as_they_do_among_themselves(self, frame):
        old = frame.assign(day=np.where(np.arange(N) < N // 2, 0.0, 1e9) + np.arange(N))
        found = tune(old, half_life={"day": HALF}, folds={"scheme": "time", "column": "day", "n_splits": 1})
        place, half = np.arange(N // 2), frame.iloc[: N // 2]
        model, held = ridge(half, weights(place)), frame.iloc[N // 2 :]
        expected = r2_score(held["y"], model.predict(held[X]), sample_weight=weights(place))
        assert list(found.best.scores.folds) == pytest.approx([expected], rel=1e-10)


class TestRefusals:
    def test_algorithms_whose_rows_do_not_age(self, frame):
        with pytest.raises(SearchError, match=r"rows do not age in the states of knn_regressor\. They do in.*ridge"):
            tune(frame, algorithm=["ridge", "knn_regressor"], search={})

    def test_several_half_lives(self, frame):
        with pytest.raises(TuneError, match="do not compare"):
            tune(frame, half_life=None, search=FIXED | {"ridge.half_life": [10.0, 100.0]})

    def test_clocks(self, frame, tmp_path):
        with pytest.raises(DataError, match=r"half_life: .*wen"):
            tune(frame, half_life={"wen": "20d"})
        with pytest.raises(DataError, match="'label' is categorical"):
            tune(frame, half_life={"label": 3})
        with pytest.raises(DataError, match=r"'w' is a number .*'20d' is a time"):
            tune(frame, half_life={"w": "20d"})
        with pytest.raises(DataError, match="row 3 has no 'when'"):
            tune(frame.assign(when=frame["when"].where(np.arange(N) != 3)), half_life={"when": "20d"})

    @pytest.mark.parametrize("half_life", [0, -1.0, "soon", {"a": 1, "b": 2}, {"when": "soon"}, True])
    def test_what_is_none(self, frame, half_life):
        with pytest.raises(SpecError, match=r"half_life.*write a number of rows"):
            tune(frame, half_life=half_life)

    def test_shrinkage_of_rows_that_do_not_age(self, frame):
        with pytest.raises(SearchError, match="give shrinkage a number"):
            tune(frame, "label", "lda", search={"lda.shrinkage": "auto"})
