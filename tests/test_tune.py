"""The public API as a person uses it."""

from __future__ import annotations

import numpy as np
import optuna
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import max_error
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline

import hpo
from algorithms.contract import Held
from hpo.errors import DataError, SearchError, TuneError
from hpo.findings.scored import leaders, searched
from studies.errors import SpecError, StudyMissing


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    n = 1500
    made = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(5.0, 2.0, n)),
            "kind": rng.choice(["a", "b", "c", "rare"], n, p=[0.5, 0.3, 0.195, 0.005]),
            "flag": rng.random(n) < 0.5,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "group": rng.integers(0, 40, n),
        }
    )
    made["y"] = 2.0 * made["x"] + made["gaps"].fillna(3.0) + (made["kind"] == "a") + rng.normal(size=n)
    return made


def tune(data, **options):
    return hpo.tune(data, "y", **{"algorithm": "ridge", "trials": 15, **options})


def test_a_result_answers_everything_that_is_promised(frame, tmp_path):
    result = tune(frame, algorithm=["ridge", "elastic_net"], name="all", scoring="neg_root_mean_squared_error")
    assert result.best_value == max(result.trials_dataframe()["value"])
    assert isinstance(result.best_model, Pipeline)
    predicted = result.best_model.predict(frame.drop(columns="y"))
    rmse = float(np.sqrt(np.mean((predicted - frame["y"]) ** 2)))
    assert rmse == pytest.approx(-result.best_value, rel=0.05)
    table = result.trials_dataframe()
    assert [len(f) for f in table["fold_scores"]] == [5] * 15
    assert table["value"].to_numpy() == pytest.approx(table["fold_scores"].map(np.mean).to_numpy())
    assert all(isinstance(t.user_attrs["fold_scores"], list) for t in result.optuna_study.trials)
    assert set(result.cost.to_dict()) >= {
        "rows_read", "rows_if_retrained", "bytes_read", "seconds_pass", "seconds_trials", "states_built",
        "states_reused",
    }  # fmt: skip
    assert result.cost.rows_read == 1500
    written = tmp_path / "report.html"
    hpo.write_report(result, written)
    assert written.stat().st_size < 1_000_000
    assert "ridge" in repr(result) or "elastic_net" in repr(result)
    assert f": RMSE {-result.best_value:.6g} ± " in repr(result), "the name and the sign that people give it"
    assert hpo.nested_score(result).mean == pytest.approx(result.best_value, rel=0.02)
    curve = hpo.learning_curve(result)
    assert len(curve.x) == 4
    assert curve.x[-1] == pytest.approx(1200, rel=0.02)
    assert curve.mean[-1] == pytest.approx(result.best_value, rel=1e-12)


def test_the_recorded_study_is_an_ordinary_optuna_study(frame, hpo_home):
    result = tune(frame, name="plain")
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(hpo_home / "studies.journal"))
    )
    study = optuna.load_study(study_name="plain", storage=storage)
    assert [t.params for t in study.trials] == [t.params for t in result.optuna_study.trials]
    assert study.best_value == result.best_value


@pytest.mark.parametrize(
    "convert",
    [lambda f: f, pl.from_pandas, lambda f: pa.Table.from_pandas(f, preserve_index=False)],
    ids=["pandas", "polars", "arrow"],
)
def test_frames_of_any_make_give_the_same_study(frame, convert):
    plain, cv = frame.drop(columns=["day"]), KFold(4, shuffle=True, random_state=0)
    reference = tune(plain, folds=cv)
    made = tune(convert(plain), folds=cv)
    assert made.best_params == reference.best_params
    assert made.best_value == pytest.approx(reference.best_value, rel=1e-9)


def test_arrays_series_and_sparse_matrices(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    options = {"algorithm": "ridge", "trials": 5, "folds": KFold(5, shuffle=True, random_state=0)}
    dense = hpo.tune((X, y), **options)
    named = hpo.tune((pd.DataFrame(X), pd.Series(y, name="progress")), **options)
    thin = hpo.tune((sparse.csr_array(X), y), **options)
    assert named.record.targets == ("progress",)
    assert thin.best_value == pytest.approx(dense.best_value, rel=1e-6)
    assert dense.best_model.predict(X).shape == (442,)


def test_search_takes_distributions_lists_and_constants(frame):
    result = tune(
        frame,
        search={"ridge.alpha": hpo.Float(0.1, 10.0, log=True), "ridge.standardize": True,
                "ridge.impute": ["mean", "indicator"], "ridge.min_frequency": 0.01, "ridge.select": hpo.Int(1, 5)},
    )  # fmt: skip
    for trial in result.optuna_study.trials:
        assert 0.1 <= trial.params["ridge.alpha"] <= 10.0
        assert set(trial.params) == {"ridge.alpha", "ridge.impute", "ridge.select"}
    assert result.best_params["ridge.standardize"] is True
    assert result.best_params["ridge.min_frequency"] == 0.01


def test_what_has_no_effect_on_the_data_is_not_searched():
    X, y = load_diabetes(return_X_y=True)
    result = hpo.tune((X, y), algorithm="ridge", trials=3)
    assert set(result.optuna_study.trials[0].params) == {"ridge.alpha", "ridge.standardize"}


def test_group_folds_split_no_group_and_time_folds_train_on_the_past(frame):
    by_group = tune(frame, folds={"scheme": "group", "column": "group", "n_splits": 4}, drop=["group"])
    assert len(by_group.optuna_study.trials[0].user_attrs["fold_scores"]) == 4
    by_time = tune(frame, folds={"scheme": "time", "column": "day", "n_splits": 3})
    rows = [state.rows for state in by_time.best.states.train]
    assert rows == sorted(rows)
    assert sum(rows) < 3 * 1500
    assert hpo.nested_score(by_time) is None


@pytest.mark.parametrize("sampler", ["auto", "tpe", "random", "qmc", "cmaes"])
def test_samplers_by_name(frame, sampler):
    result = tune(frame, sampler=sampler, trials=14, search={"ridge.standardize": True, "ridge.impute": "mean",
                                                             "ridge.min_frequency": 0.0})  # fmt: skip
    assert len(result.optuna_study.trials) == 14
    assert {t.state.name for t in result.optuna_study.trials} == {"COMPLETE"}


def test_an_optuna_sampler_of_your_own(frame):
    result = tune(frame, sampler=optuna.samplers.RandomSampler(seed=1))
    assert len(result.optuna_study.trials) == 15


def test_a_finite_space_is_tried_whole_and_no_further(frame):
    result = tune(frame, trials=100, search={"ridge.alpha": [0.1, 1.0, 10.0], "ridge.standardize": True,
                                             "ridge.impute": "mean", "ridge.min_frequency": 0.0})  # fmt: skip
    assert sorted(t.params["ridge.alpha"] for t in result.optuna_study.trials) == [0.1, 1.0, 10.0]
    assert result.stopped == "exhausted"


def test_timeout_and_patience_stop_early(frame):
    patient = tune(frame, trials=500, patience=5)
    assert patient.stopped == "patience"
    assert len(patient.optuna_study.trials) < 500
    quick = tune(frame, trials=1_000_000, timeout=0.3)
    assert quick.stopped == "timeout"


def test_warm_start_takes_over_the_trials_that_agree_scored_anew(frame):
    first = tune(frame, name="first")
    wider = tune(frame.iloc[:700], name="wider", warm_start="first", algorithm=["ridge", "lasso"], trials=5)
    assert [t.params["algorithm"] for t in wider.optuna_study.trials][:15] == ["ridge"] * 15
    with pytest.raises(TuneError, match=r"warm_start='first': none of its trials lies in this study's space"):
        tune(frame.iloc[:700], name="apart", warm_start="first", algorithm="lasso", trials=5)
    other = tune(frame.iloc[:700], name="third", warm_start="first", trials=5)
    taken = [t for t in other.optuna_study.trials if t.user_attrs.get("warm_start") == "first"]
    assert [t.params for t in taken] == [t.params for t in first.optuna_study.trials]
    assert [t.value for t in taken] != [t.value for t in first.optuna_study.trials]
    again = tune(frame.iloc[:700], algorithm="ridge", trials=1, search=dict(taken[3].params.items()))  # fmt: skip
    assert again.best_value == pytest.approx(taken[3].value, rel=1e-12)
    assert len(other.optuna_study.trials) == 15 + 5


def test_a_warm_start_that_was_cut_short_takes_the_rest(frame, monkeypatch):
    from hpo.trials.tuner import take_over

    tune(frame, name="first")
    taken = []

    def once_too_often(tuner, trial, study):
        taken.append(trial)
        if len(taken) > 4:
            raise KeyboardInterrupt
        return take_over(tuner, trial, study)

    monkeypatch.setattr("hpo.trials.run.take_over", once_too_often)
    with pytest.raises(KeyboardInterrupt):
        tune(frame.iloc[:700], name="cut", warm_start="first", trials=5)
    monkeypatch.undo()
    resumed = tune(frame.iloc[:700], name="cut", warm_start="first", trials=5)
    straight = tune(frame.iloc[:700], name="straight", warm_start="first", trials=5)
    assert [t.params for t in resumed.optuna_study.trials] == [t.params for t in straight.optuna_study.trials]


def test_a_study_that_is_extended_is_the_one_that_was_longer(frame):
    tune(frame, name="half", trials=10, sampler="qmc")
    resumed = tune(frame, name="half", trials=40, sampler="qmc")
    straight = tune(frame, name="straight", trials=40, sampler="qmc")
    assert [t.params for t in resumed.optuna_study.trials] == [t.params for t in straight.optuna_study.trials]
    finished = tune(frame, name="half", trials=40, sampler="qmc")
    assert finished.cost.rows_read == 0
    assert [t.value for t in finished.optuna_study.trials] == [t.value for t in resumed.optuna_study.trials]


def test_simplest_is_within_one_standard_error_and_no_more_complex(frame):
    from hpo.trials.selection import complexity

    result = tune(frame, algorithm=["ridge", "lasso"], trials=60)
    assert result.simplest.scores.mean >= result.best_value - result.best.scores.se
    assert complexity(result.simplest) <= complexity(result.best)
    assert result.model_of(result.simplest).predict(frame).shape == (1500,)


def test_nested_estimate_is_the_naive_one(frame):
    """Twin: for each outer fold, choose by inner folds with plain merges, score on the outer."""
    from hpo.states.fold_states import fold_states

    result = tune(frame, trials=12)
    states = result.best.states
    k = len(states.cells)
    outer = []
    for out in range(k):
        inner = [c for c in range(k) if c != out]
        means = []
        for candidate in result.candidates:
            algorithm, scores = candidate.algorithm, []
            for test in inner:
                train = states.merged([c for c in inner if c != test])
                scores.append(float(algorithm.score(algorithm.solve(train), Held(states.cells[test]), result.metric)))
            means.append(np.mean(scores))
        outer.append(result.candidates[int(np.argmax(means))].scores.folds[out])
    assert hpo.nested_score(result).mean == pytest.approx(np.mean(outer), rel=1e-12)
    assert fold_states(states.summary, states.cells, states.plan).whole.rows == 1500


def test_validation_curve_holds_the_other_parameters_at_their_best(frame):
    result = tune(frame)
    curve = hpo.validation_curve(result, "ridge.alpha", points=9)
    assert len(curve.x) == 9
    assert max(curve.mean) <= result.best_value + result.best.scores.se
    with pytest.raises(TuneError, match=r"'ridge.gamma' was not searched"):
        hpo.validation_curve(result, "ridge.gamma")


def test_every_algorithm_has_validation_curves_around_its_own_best(frame):
    result = tune(frame, algorithm=["ridge", "elastic_net"], trials=20)
    assert {"ridge.alpha", "elastic_net.alpha", "elastic_net.l1_ratio"} <= set(searched(result))
    for name in ("ridge", "elastic_net"):
        leader = leaders(result)[name]
        own = result.params_of(leader)[f"{name}.standardize"]
        curve = hpo.validation_curve(result, f"{name}.standardize")
        assert dict(zip(curve.x, curve.mean, strict=True))[own] == pytest.approx(leader.scores.mean, rel=1e-12)
    assert {c.name for c in hpo.write_report(result).validation} == set(searched(result))


def test_confirm_scores_raw_rows_with_any_scorer(frame):
    from sklearn.metrics import mean_absolute_error, r2_score

    train, held_out = frame.iloc[:1000], frame.iloc[1000:].copy()
    result = tune(train)
    prediction = result.best_model.predict(held_out)
    scores = hpo.confirm(result, held_out, scoring=["r2", "neg_mean_absolute_error"])
    assert scores["r2"] == pytest.approx(r2_score(held_out["y"], prediction))
    assert scores["neg_mean_absolute_error"] == pytest.approx(-mean_absolute_error(held_out["y"], prediction))
    held_out.loc[held_out.index[:10], "y"] = np.nan
    assert hpo.confirm(result, held_out)["r2"] == pytest.approx(r2_score(held_out["y"].iloc[10:], prediction[10:]))
    with pytest.raises(DataError, match="scoring=3 is not a score of this model"):
        hpo.confirm(result, frame, scoring=3)
    with pytest.raises(DataError, match=r"'rr2' is not a score of this model; did you mean 'r2'"):
        hpo.confirm(result, held_out, scoring="rr2")


def test_predict_reads_any_source(frame, tmp_path):
    result = tune(frame)
    frame.to_parquet(tmp_path / "rows.parquet")
    made = result.predict(tmp_path / "rows.parquet")
    np.testing.assert_allclose(made["prediction"], result.best_model.predict(frame))


def test_the_final_pipeline_ends_in_scikit_learns_own_estimator():
    X, y = load_diabetes(return_X_y=True)
    result = hpo.tune((X, y), algorithm="ridge", trials=1, search={"ridge.alpha": 2.0, "ridge.standardize": False})
    model = result.best_model[-1]
    theirs = Ridge(alpha=2.0).fit(X, y)
    assert type(model) is Ridge
    np.testing.assert_allclose(model.coef_, theirs.coef_, rtol=1e-9)
    assert model.intercept_ == pytest.approx(theirs.intercept_)


def test_pca_has_no_target():
    X, _ = load_diabetes(return_X_y=True)
    result = hpo.tune(X, algorithm="pca", trials=5)
    assert result.metric == "log_likelihood"
    assert result.best_model.transform(X).shape == (442, result.best_params["pca.n_components"])
    assert next(iter(result.predict(X).columns)) == "component_0"
    assert np.isfinite(hpo.confirm(result, X)["log_likelihood"])


def test_weights_are_honoured_everywhere(frame):
    weighted = frame.assign(w=np.random.default_rng(1).integers(0, 4, len(frame)).astype(float))
    result = tune(weighted, weight="w", trials=1, search={"ridge.alpha": 1.0}, drop=["day"])
    assert result.best.states.whole.weight == pytest.approx(weighted["w"].sum())
    assert result.cost.rows_without_weight == int((weighted["w"] == 0).sum())
    heavy = tune(weighted.assign(w=1.0), weight="w", trials=1, search={"ridge.alpha": 1.0}, drop=["day"])
    plain = tune(weighted.drop(columns="w"), trials=1, search={"ridge.alpha": 1.0}, drop=["day"])
    assert heavy.best.states.whole.mean.tolist() == pytest.approx(plain.best.states.whole.mean.tolist())


BAD = [
    (dict(algorithm="rigde"), Exception, r"'rigde'.*did you mean 'ridge'"),
    (dict(scoring="silhouette"), TuneError, r"scoring='silhouette' is not a score of ridge.*\(r2, neg_mean"),
    (dict(scoring="r3"), TuneError, r"'r3'.*did you mean 'r2'"),
    (dict(scoring="zzz"), TuneError, r"not a score of ridge; give one of the algorithms' own \(r2, neg_m.*\) or"),
    (dict(scoring="acc"), TuneError, r"'acc' is not a score of ridge; did you mean 'accuracy'\? Give one of"),
    (
        dict(search={"ridge.impute": {"hi": 2, "lo": 1}}),
        SearchError,
        r"search\['ridge.impute'\]: a mapping is a range of numbers with 'low' and 'high'; impute=\{'hi': 2, 'lo': 1\}: "
        r"must be text, such as 'mean' or 'zero' or 'indicator'",
    ),
    (dict(search={"ridge.alpha": {"lo": 1}}), SearchError, r"; alpha=\{'lo': 1\}: must be a number"),
    (dict(search={3: {"lo": 1}}), SpecError, r"search key 3 must be"),
    (dict(scoring=3), SpecError, r"scoring: 3 is not a name of a scorer, such as 'r2' or 'f1_m"),
    (dict(scoring=max_error), SpecError, r"scoring: max_error is not a name of a scorer"),
    (dict(scoring=["r2", max_error]), SpecError, r"scoring: max_error is not a name of a scorer"),
    (dict(scoring={"mine": "r2"}), SpecError, r"scoring: \{'mine': 'r2'\} is not a name of a scorer"),
    (dict(features=3), SpecError, r"features: 3 is not text or a list of text"),
    (dict(hash_columns=3), SpecError, r"hash_columns: 3 is not text or a list of text"),
    (dict(search={"ridge.alhpa": 1.0}), SearchError, r"'ridge.alhpa'.*did you mean 'ridge.alpha'"),
    (dict(search={"lasso.alpha": 1.0}), SearchError, r"'lasso.alpha'"),
    (dict(search={"ridge.alpha": -1.0}), Exception, r"alpha=-1.0: must be at least 0"),
    (dict(search={"ridge.impute": ["mean", "median"]}), Exception, r"impute='median': must be one of"),
    (dict(search={"ridge.precision": "half"}), Exception, r"precision='half'"),
    (dict(search={"ridge.alpha": hpo.Float(-2.0, 1.0)}), Exception, r"alpha=-2.0"),
    (dict(folds=1), Exception, r"fold"),
    (dict(folds=5000), Exception, r"fold|1000"),
    (dict(folds={"scheme": "groups", "column": "x"}), Exception, r"groups"),
    (dict(folds={"scheme": "group", "column": "nope"}), DataError, r"nope"),
    (dict(trials=0), SpecError, r"trials"),
    (dict(sampler="tpee"), SpecError, r"'tpee'.*did you mean 'tpe'"),
    (dict(sampler="grid"), Exception, r"'ridge.alpha' is continuous"),
    (dict(warm_start="nothing"), StudyMissing, r"no study 'nothing'"),
    (dict(algorithm=["ridge", "pca"]), TuneError, r"'ridge' does regression.*'pca' does decomposition"),
    (dict(algorithm=["ridge", "ridge"]), Exception, r"twice"),
    (dict(algorithm="pca"), TuneError, r"'pca' has no target"),
    (dict(drop=["nope"]), DataError, r"nope"),
    (dict(weight="x"), DataError, r"weight 'x' holds -"),
    (dict(timeout="soon"), SpecError, r"timeout|'soon'"),
]


@pytest.mark.parametrize(("options", "error", "words"), BAD, ids=lambda v: str(v).partition(" at 0x")[0][:40])
def test_bad_questions_are_answered_with_what_to_do(frame, options, error, words):
    with pytest.raises(error, match=words):
        tune(frame, **options)


def test_bad_targets(frame):
    with pytest.raises(DataError, match=r"'z'"):
        hpo.tune(frame, "z")
    with pytest.raises(Exception, match=r"target 'y' is 3 in all 1,500 rows"):
        tune(frame.assign(y=3.0))
    with pytest.raises(DataError, match=r"no row can be used: 1,500 have no value for the target 'y'"):
        tune(frame.assign(y=np.nan))
    with pytest.raises(DataError, match=r"kind"):
        hpo.tune(frame, "kind")
    with pytest.raises(DataError, match=r"inf"):
        tune(frame.assign(x=np.where(np.arange(1500) == 7, np.inf, 1.0)))
    with pytest.raises(TuneError, match=r"'ridge' predicts one target"):
        hpo.tune(frame.drop(columns=["kind", "day", "flag"]))
    with pytest.raises(DataError, match=r"rows"):
        tune(frame.iloc[:3])


def test_the_rows_without_a_target_are_dropped_and_counted(frame):
    result = tune(frame.assign(y=frame["y"].where(frame.index % 10 != 0)))
    assert result.cost.rows_without_target == 150
    assert result.best.states.whole.rows == 1350
    assert any("150 rows without a value" in note for note in hpo.write_report(result).notes)
    assert ", 150 without a target left out>" in repr(result)


def test_no_credentials_are_recorded(frame, tmp_path, hpo_home):
    frame.drop(columns="day").to_parquet(tmp_path / "rows.parquet")
    hpo.tune(f"file://{tmp_path}/rows.parquet", "y", trials=2, name="secret", storage_options={"auto_mkdir": True})
    text = (hpo_home / "studies.journal").read_text()
    assert "auto_mkdir" not in text


def test_names_of_earlier_versions_answer_and_say_where_they_are_now():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    result = hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=3, store=None, progress=False)
    with pytest.warns(FutureWarning, match=r"result\.importances is hpo\.importances\(result\) now"):
        assert result.importances() == hpo.importances(result)
    with pytest.warns(FutureWarning, match=r"result\.best_se is result\.best\.scores\.se now"):
        assert result.best_se == result.best.scores.se
    with pytest.raises(AttributeError, match="no attribute 'best_modle'"):
        result.best_modle  # noqa: B018
