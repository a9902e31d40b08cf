"""Any estimator of scikit-learn's conventions: by its path or as an object, in Python, YAML and on the command line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import RegressorMixin
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import HistGradientBoostingRegressor, IsolationForest
from sklearn.linear_model import Lasso
from sklearn.linear_model import Ridge as SkRidge
from sklearn.metrics import roc_auc_score, silhouette_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from terminal import hpo as shell

import hpo
from algorithms import registry
from algorithms.errors import AlgorithmError
from algorithms.families.estimators import of_object
from hpo.errors import NoScoreWarning, SearchError
from hpo.findings.noted import algorithm_of
from hpo.findings.scored import leaders
from studies.errors import SpecError

HGB = "sklearn:sklearn.ensemble.HistGradientBoostingRegressor"


def test_a_class_by_its_path_scores_as_cross_val_score():
    X, y = load_diabetes(return_X_y=True)
    cv = list(KFold(4, shuffle=True, random_state=0).split(X))
    search = {"Ridge.alpha": [0.01, 0.1, 1.0]}
    result = hpo.tune((X, y), algorithm="sklearn:sklearn.linear_model.Ridge", search=search, folds=cv, trials=3,
                      sampler="grid", store=None)  # fmt: skip
    for candidate in result.candidates:
        alpha = result.params_of(candidate)["Ridge.alpha"]
        expected = cross_val_score(SkRidge(alpha=alpha), X, y, cv=cv, scoring="r2")
        np.testing.assert_allclose(candidate.scores.folds, expected, rtol=1e-8)
    assert result.cost.rows_read == len(X)
    twin = SkRidge(alpha=result.best_params["Ridge.alpha"]).fit(X, y)
    frame = pd.DataFrame(X).add_prefix("x")
    np.testing.assert_allclose(result.predict(frame)["prediction"], twin.predict(X), rtol=1e-8)


def test_a_pipeline_object_is_cloned_and_searched_by_nested_names(tmp_path):
    X, y = load_wine(return_X_y=True)
    given = make_pipeline(StandardScaler(), SVC())
    cv = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    search = {"Pipeline.svc__C": hpo.Float(0.01, 30, log=True), "Pipeline.svc__kernel": ["rbf", "linear"]}
    how = {
        "algorithm": given,
        "search": search,
        "folds": cv,
        "store": tmp_path / "s",
        "storage": tmp_path / "j",
    }
    result = hpo.tune((X, y), trials=6, name="svc", **how)
    assert given.get_params()["svc__C"] == 1.0
    assert not hasattr(given, "n_features_in_"), "the object was cloned"
    best = {k.removeprefix("Pipeline."): v for k, v in result.best_params.items()}
    expected = cross_val_score(make_pipeline(StandardScaler(), SVC()).set_params(**best), X, y, cv=cv)
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-12)

    more = hpo.tune(
        (X, y), trials=8, name="svc", **{**how, "algorithm": make_pipeline(StandardScaler(), SVC())}
    )
    assert len(more.optuna_study.trials) == 8, "an equal object continues with the study"
    assert more.cost.rows_read == 0
    assert hpo.load("svc", store=how["store"], storage=how["storage"]).best_params == more.best_params
    hpo.write_report(result, tmp_path / "report.html")
    assert "Pipeline" in (tmp_path / "report.html").read_text()


def test_an_object_of_another_session_is_asked_for(tmp_path, monkeypatch):
    how = {"store": tmp_path / "s", "storage": tmp_path / "j"}
    X, y = load_wine(return_X_y=True)
    hpo.tune((X, y), algorithm=SVC(C=3.0), trials=1, folds=2, name="svc", **how)
    monkeypatch.setattr(registry, "_OBJECTS", {})
    with pytest.raises(
        AlgorithmError, match=r"object:SVC-[0-9a-f]{8}.*another session; give the same object again"
    ):
        hpo.load("svc", **how)


def test_aliases_tell_two_of_a_kind_apart_and_compete_with_registered_algorithms():
    X, y = load_diabetes(return_X_y=True)
    search = {"small.max_iter": 5, "large.max_iter": 50, "large.learning_rate": [0.05, 0.1]}
    result = hpo.tune(
        (X, y),
        algorithm=[f"small={HGB}", f"large={HGB}", "ridge"],
        search=search,
        trials=12,
        folds=3,
        store=None,
    )
    assert set(leaders(result)) == {"small", "large", "ridge"}
    assert set(hpo.leaderboard(result)["algorithm"]) == {"small", "large", "ridge"}
    assert algorithm_of(result.run, result.best) == "ridge"
    given = {"deep": HistGradientBoostingRegressor(max_iter=5), "flat": Lasso(alpha=0.1)}
    assert set(leaders(hpo.tune((X, y), algorithm=given, trials=8, folds=3, store=None))) == {"deep", "flat"}
    with pytest.raises(SearchError, match=r"two have the same name.*other=sklearn"):
        hpo.tune((X, y), algorithm=[HistGradientBoostingRegressor(max_iter=5), HGB], trials=1, store=None)


def test_random_states_are_fixed_unless_given():
    assert registry.get(HGB)().made().random_state == 0
    assert registry.get(HGB)(random_state=7).made().random_state == 7
    nested = registry.get(registry.adopt(make_pipeline(StandardScaler(), SVC())))
    assert nested().made()["svc"].random_state == 0
    assert registry.get(registry.adopt(SVC(random_state=3)))().made().random_state == 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sklearn:nowhere.Thing", "'nowhere' is not installed"),
        ("sklearn:sklearn.ensembl.HistGradientBoostingRegressor", "'sklearn.ensembl' is not installed"),
        ("sklearn:sklearn.ensemble.HistGradientBoostingRegresor", "mean 'HistGradientBoostingRegressor'"),
        ("sklearn:sklearn.metrics.r2_score", "not an estimator"),
        ("sklearn:os.system", "not an estimator"),
        ("sklearn:pathlib.Path", "not an estimator"),
        ("sklearn:SVC", "is not 'package.module.Class'"),
        ("sklearn:sklearn.svm.SVC(C=1)", "is not 'package.module.Class'"),
        ("sklearn:sklearn.preprocessing.StandardScaler", "neither a classifier"),
        ("sklearn:sklearn.cluster.DBSCAN", "no predict"),
        ("sklearn:sklearn.ensemble.VotingClassifier", "without arguments.*give the object itself"),
    ],
)
def test_names_of_nothing_say_what_is_wrong(name, words):
    with pytest.raises(AlgorithmError, match=words):
        registry.get(name)


@pytest.mark.parametrize("given", [SVC, 3.5, object()], ids=["class", "number", "object"])
def test_things_that_are_no_estimator_are_refused(given):
    with pytest.raises((AlgorithmError, SpecError), match="algorithm"):
        hpo.tune(load_wine(return_X_y=True), algorithm=given, trials=1, store=None)


def test_unknown_parameters_suggest_the_nearest():
    with pytest.raises(SearchError, match=r"did you mean .HistGradientBoostingRegressor\.learning_rate."):
        hpo.tune(load_diabetes(return_X_y=True), algorithm=HGB, trials=1, store=None,
                 search={"HistGradientBoostingRegressor.learningrate": [0.1]})  # fmt: skip


def test_a_setting_that_cannot_be_fitted_fails_alone():
    search = {"SVC.C": [-1.0, 1.0]}
    how = {
        "algorithm": "sklearn:sklearn.svm.SVC",
        "search": search,
        "sampler": "grid",
        "trials": 2,
        "folds": 3,
    }
    result = hpo.tune(load_wine(return_X_y=True), **how, store=None)
    assert result.best_params["SVC.C"] == 1.0
    [failed] = [t for t in result.optuna_study.trials if "error" in t.user_attrs]
    assert "SVC cannot be fitted: The 'C' parameter of SVC" in failed.user_attrs["error"]


def test_estimators_that_did_not_converge_are_reported():
    result = hpo.tune(
        load_breast_cancer(return_X_y=True), algorithm="sklearn:sklearn.linear_model.LogisticRegression", trials=1,
        folds=2, store=None, search={"LogisticRegression.max_iter": 2},
    )  # fmt: skip
    assert [t.user_attrs["converged"] for t in result.optuna_study.trials] == [False]


def test_clusters_and_outliers_are_scored_on_held_out_rows():
    X, y = load_breast_cancer(return_X_y=True)
    cv = list(KFold(3, shuffle=True, random_state=0).split(X))
    result = hpo.tune(
        pd.DataFrame(X).add_prefix("x"), algorithm=KMeans(n_init=1), search={"KMeans.n_clusters": [2, 5]}, folds=3,
        trials=2, sampler="grid", store=None,
    )  # fmt: skip
    assert (result.metric, result.best_params["KMeans.n_clusters"]) == ("silhouette", 2)
    solution = result.best.algorithm.solve(result.best.states.train[0])
    rows = result.best.states.held_out[0].rows.X
    labels = result.best.algorithm.estimator(solution).predict(rows)
    np.testing.assert_allclose(result.best.scores.folds[0], silhouette_score(rows, labels), rtol=1e-9)

    found = hpo.tune(
        (X, np.where(y == 0, "odd", "usual")), algorithm=IsolationForest(), folds=cv, trials=1, store=None
    )
    expected = []
    for (train, _), held in zip(cv, found.best.states.held_out, strict=True):
        keep = [c.role == "value" for c in held.rows.shape.columns]
        twin = IsolationForest(random_state=0).fit(X[train])
        expected.append(roc_auc_score(held.rows.y == "odd", -twin.score_samples(held.rows.X[:, keep])))
    np.testing.assert_allclose(found.best.scores.folds, expected, rtol=1e-9)
    frame = pd.DataFrame(X).add_prefix("x").assign(y=np.where(y == 0, "odd", "usual"))
    truth, normal = frame["y"] == "odd", found.best_model.score_samples(frame.drop(columns="y"))
    assert hpo.confirm(found, frame.rename(columns={"y": "y"}))["roc_auc"] == pytest.approx(
        roc_auc_score(truth, -normal)
    )


def test_rows_without_target_are_dropped_and_counted_and_labels_unseen_refused():
    X, y = load_wine(return_X_y=True)
    frame = pd.DataFrame(X).add_prefix("x").assign(y=np.array(["a", "b", "c"], object)[y])
    frame.loc[:4, "y"] = None
    how = {"algorithm": KNeighborsClassifier(), "folds": 3, "trials": 1, "store": None}
    result = hpo.tune(frame, "y", **how)
    assert result.cost.rows_without_target == 5
    strange = frame.iloc[5:].assign(y="z")
    with pytest.raises(hpo.errors.DataError, match="'z'"):
        hpo.confirm(result, strange)


def test_a_class_missing_from_a_fold_is_scored_wrong_not_refused():
    X, y = load_wine(return_X_y=True)
    order = np.argsort(y, kind="stable")
    cv = [
        (np.flatnonzero(y[order] != 2), np.flatnonzero(y[order] == 2)),
        (np.arange(0, 178, 2), np.arange(1, 178, 2)),
    ]
    result = hpo.tune((X[order], y[order]), algorithm=SVC(), folds=cv, trials=1, store=None)
    assert result.best.scores.folds[0] == 0.0


def test_row_weights_reach_the_fit_or_are_refused():
    X, y = load_diabetes(return_X_y=True)
    w = np.random.default_rng(0).choice([1.0, 9.0], len(y))
    result = hpo.tune((X, y), algorithm=SkRidge(), weight=w, folds=3, trials=1, store=None)
    state = result.best.states.train[0]
    keep = [c.role == "value" for c in state.shape.columns]
    twin = SkRidge().fit(state.X[:, keep], state.y, sample_weight=state.sample_weight)
    np.testing.assert_allclose(result.best.algorithm.solve(state).model.coef_, twin.coef_, rtol=1e-8)
    wine = load_wine(return_X_y=True)
    with pytest.warns(NoScoreWarning, match="KNeighborsClassifier takes no row weights"):
        hpo.tune(wine, algorithm=KNeighborsClassifier(), weight=np.arange(178) + 1.0, trials=1, store=None)


YAML = f"""\
name: boosted
data: data.csv
target: y
algorithm: [ridge, "{HGB}"]
search:
  HistGradientBoostingRegressor.learning_rate: {{low: 0.01, high: 0.3, log: true}}
  HistGradientBoostingRegressor.max_iter: 10
trials: 6
folds: 3
"""


def test_the_same_spelling_works_in_yaml_and_on_the_command_line(tmp_path, capsys, monkeypatch, hpo_home):
    X, y = load_diabetes(return_X_y=True)
    monkeypatch.chdir(tmp_path)
    pd.DataFrame(X).add_prefix("x").assign(y=y).to_csv("data.csv", index=False)
    (tmp_path / "boosted.yaml").write_text(YAML)
    ran = shell(capsys, monkeypatch, "run", "boosted.yaml", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["cost"]["rows_read"] == len(X)
    again = shell(capsys, monkeypatch, "plan", "boosted.yaml", "--json")
    assert again.json["rows_to_read"] == 0
    assert set(leaders(hpo.load("boosted"))) == {"ridge", "HistGradientBoostingRegressor"}
    wrong = YAML.replace("learning_rate", "learn_rate").replace("name: boosted", "name: wrong")
    (tmp_path / "wrong.yaml").write_text(wrong)
    answer = shell(capsys, monkeypatch, "run", "wrong.yaml")
    assert answer.code != 0
    assert "line 6" in answer.err
    assert "learning_rate" in answer.err
    shown = shell(capsys, monkeypatch, "algorithms", HGB)
    assert "max_leaf_nodes" in shown.out
    drafted = shell(
        capsys, monkeypatch, "init", "data.csv", "--target", "y", "--algorithm", HGB, "-o", "made.yaml"
    )
    assert drafted.code == 0, drafted.err


def test_the_example_of_boosted_trees_runs(tmp_path, monkeypatch):
    """Scikit-learn's and LightGBM's trees beside ridge, on one month of flights: read once, stopped at rungs."""
    from hpo.api import question_of, run_question
    from hpo.demo import example_text, write_flights
    from studies.spec.form import loads

    monkeypatch.chdir(tmp_path)
    write_flights(tmp_path / "flights", ["2013-02.parquet"])
    spec = loads(example_text("boosted_flights.yaml"))
    search = {**spec.search, "boosted.size": 4000, "light.size": 4000}
    short = spec.but(trials=9, folds=2, scoring_rows=500, name=None, search=search)
    result = run_question(question_of(short), short.sampler, None, resume=True, progress=False)
    assert {"ridge", "boosted", "light"} == set(hpo.leaderboard(result)["algorithm"])
    assert result.cost.rows_read == result.best.states.whole.rows + result.cost.rows_without_target
    assert any(t.user_attrs.get("fidelity", 1.0) < 1.0 for t in result.optuna_study.trials), "stopped at a rung"
    assert result.best_value > 0.7
    trees = max((c for n, c in leaders(result).items() if n != "ridge"), key=lambda c: c.scores.mean)
    assert type(result.model_of(trees)["model"]).__name__ in ("HistGradientBoostingRegressor", "LGBMRegressor")


class Ducks(RegressorMixin):
    """The mean of so many neighbours, as a package writes it that has scikit-learn's methods and no base of its: CatBoost."""

    def __init__(self, neighbours=None, weight=None):
        self.given = {k: v for k, v in {"neighbours": neighbours, "weight": weight}.items() if v is not None}

    def get_params(self, deep=True):
        return dict(self.given)

    def set_params(self, **values):
        self.given |= values
        return self

    def fit(self, X, y):
        self.inner = KNeighborsRegressor(self.given.get("neighbours", 5)).fit(X, y)
        return self

    def predict(self, X):
        return self.inner.predict(X)

    def __sklearn_tags__(self):
        return KNeighborsRegressor().__sklearn_tags__()


class Tagless:
    """An estimator that does not say what it is for."""

    get_params = set_params = fit = predict = lambda self, *_, **__: {}


def test_an_estimator_need_not_derive_from_scikit_learns_and_may_list_no_parameter_that_was_not_given():
    X, y = load_diabetes(return_X_y=True)
    cv = list(KFold(3, shuffle=True, random_state=0).split(X))
    result = hpo.tune((X, y), algorithm=Ducks(), search={"neighbours": [1, 9, 20]}, sampler="grid", trials=3, folds=cv, store=None)
    twins = {k: cross_val_score(KNeighborsRegressor(k), X, y, cv=cv).mean() for k in (1, 9, 20)}
    found = {trial.params["Ducks.neighbours"]: trial.value for trial in result.optuna_study.trials}
    assert found == pytest.approx(twins)
    with pytest.raises(AlgorithmError, match=r"Tagless has no __sklearn_tags__.*derive it from"):
        hpo.tune((X, y), algorithm=Tagless(), store=None)
    with pytest.raises(AlgorithmError, match=r"write Ducks\(\)"):
        hpo.tune((X, y), algorithm=Ducks, store=None)


def test_catboost_answers_by_either_name_of_its_number_of_trees_and_writes_nothing(tmp_path, monkeypatch, capfd):
    catboost = pytest.importorskip("catboost", reason="CatBoost (270 MB) is not installed")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    X, y = load_wine(return_X_y=True)
    cv, y = list(StratifiedKFold(3).split(X, y)), np.array(list("abc"))[y]
    for name in ("iterations", "n_estimators"):
        model = catboost.CatBoostClassifier(learning_rate=0.1, depth=2, thread_count=1)
        result = hpo.tune((X, y), algorithm=model, search={name: [2, 5, 9]}, scoring="accuracy", folds=cv, trials=1,
                          store=None, progress=False)  # fmt: skip
        assert result.cost.fits_saved == 6
        twin = catboost.CatBoostClassifier(learning_rate=0.1, depth=2, thread_count=1, allow_writing_files=False,
                                           verbose=False, **{name: (best := next(iter(result.best_params.values())))})  # fmt: skip
        assert result.best.scores.mean == pytest.approx(cross_val_score(twin, X, y, cv=cv, scoring="accuracy").mean())
        assert result.best_model[-1].tree_count_ == best
    assert not any((tmp_path / "here").iterdir())
    assert "learn:" not in "".join(capfd.readouterr())
    whatever = of_object(catboost.CatBoostRegressor())  # its step size follows from the number of trees
    assert whatever(iterations=9).prefixed is None and whatever(iterations=9, learning_rate=0.1).axis == "iterations"
