"""Targets that are classes: labels of every type, learned from every row, remembered, refused where they cannot be."""

from __future__ import annotations

import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_wine
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

import hpo
from algorithms.tasks import CLASS
from hpo.data import open_dataset
from hpo.errors import ChoiceWarning, DataError, NoScoreWarning, TuneError
from hpo.findings.noted import algorithm_of
from hpo.question.auto import kind_of_target
from hpo.states.learned.labels import classes_of, known_classes
from state_store import digest

LABELS = {
    "text": ["blue", "green", "red"],
    "integers": [-3, 0, 12],
    "whole floats": [1.0, 2.0, 5.0],
}


def wine(labels):
    X, y = load_wine(return_X_y=True)
    return pd.DataFrame(X).add_prefix("f").assign(k=np.array(labels)[y])


def tune(data, store=None, **options):
    asked = {"target": "k", "algorithm": "knn_classifier", "trials": 4, "store": store, **options}
    return hpo.tune(data, **asked)


def write(frame, folder, parts):
    for i, part in enumerate(np.array_split(np.arange(len(frame)), parts)):
        pq.write_table(pa.Table.from_pandas(frame.iloc[part], preserve_index=False), folder / f"{i}.parquet")


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_predictions_are_labels_of_the_type_they_came_in(labels, tmp_path):
    frame = wine(labels)
    result = tune(frame, tmp_path)
    assert result.best_model.classes_.tolist() == labels
    made = result.best_model.predict(frame)
    assert set(made) <= set(labels)
    assert np.mean(made == frame["k"]) > 0.9
    assert result.metric == "accuracy"
    assert 0.9 < result.best_value <= 1.0


def test_booleans_and_pairs_of_arrays(tmp_path):
    X, y = load_wine(return_X_y=True)
    result = hpo.tune((X, y == 1), algorithm="knn_classifier", trials=3, store=tmp_path)
    assert result.best_model.classes_.tolist() == [False, True]
    named = np.array(["a", "b", "c"])[y]
    result = hpo.tune((X, named), algorithm="knn_classifier", trials=3, store=tmp_path)
    assert result.best_model.classes_.tolist() == ["a", "b", "c"]


def test_categories_and_missing_labels(tmp_path):
    frame = wine(LABELS["text"])
    frame["k"] = frame["k"].astype("category")
    frame.loc[::10, "k"] = None
    result = tune(frame, tmp_path)
    assert result.cost.rows_without_target == 18
    assert result.best_model.classes_.tolist() == LABELS["text"]


CATEGORIES = {
    "integers": [-3, 2, 12],
    "booleans": [False, True, True],
    "whole floats": [1.0, 2.0, 5.0],
    "text": ["blue", "green", "red"],
}
"""Labels as pandas has them in a Categorical; as text, -3, 12 and 2 would be in another order."""


def in_memory(frame, folder):
    return frame


def as_pair(frame, folder):
    return frame.drop(columns="k"), frame["k"]


def as_arrow(frame, folder):
    return pa.Table.from_pandas(frame, preserve_index=False)


def in_feather(frame, folder):
    pa.feather.write_feather(as_arrow(frame, folder), folder / "data.feather")
    return folder / "data.feather"


def in_parquet(frame, folder):
    pq.write_table(as_arrow(frame, folder), folder / "data.parquet")
    return folder / "data.parquet"


@pytest.mark.parametrize(
    "given", [in_memory, as_pair, as_arrow, in_feather, in_parquet], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("labels", CATEGORIES.values(), ids=CATEGORIES)
def test_categories_keep_the_type_of_their_values(given, labels, tmp_path):
    frame = wine(labels)
    frame["k"] = pd.Categorical(frame["k"])
    frame.loc[::10, "k"] = None
    data = given(frame, tmp_path)
    plain = wine(labels).astype({"k": object})
    plain.loc[::10, "k"] = None
    options = {"algorithm": "gaussian_nb", "search": {"gaussian_nb.var_smoothing": [1e-9, 1e-3]}}
    result = tune(data, tmp_path / "store", **options)
    assert result.cost.rows_without_target == 18
    assert [*result.best_model.classes_.tolist()] == sorted(set(labels))
    assert [type(c) for c in result.best_model.classes_.tolist()] == [type(v) for v in sorted(set(labels))]
    made = result.predict(frame.drop(columns="k"))["prediction"].to_numpy()
    known = frame["k"].notna().to_numpy()
    assert np.mean(made[known] == frame["k"].to_numpy()[known]) > 0.95
    assert hpo.confirm(result, data, scoring="accuracy")["accuracy"] == pytest.approx(
        np.mean(made[known] == frame["k"].to_numpy()[known])
    )
    want = tune(plain, tmp_path / "store", **options)
    np.testing.assert_array_equal(made, want.predict(frame.drop(columns="k"))["prediction"])
    again = tune(data, tmp_path / "store", algorithm="gaussian_nb")
    assert (again.cost.rows_read, again.cost.pilot_rows) == (0, 0)


def test_labels_that_were_known_as_text_are_read_again_in_their_own_type(tmp_path):
    frame = wine(CATEGORIES["integers"])
    frame["k"] = pd.Categorical(frame["k"])
    store, data = hpo.StateStore(tmp_path), open_dataset(frame, target="k")
    assert classes_of(data, store) == (-3, 2, 12)
    [kept] = list(store.documents("labels"))
    [segment] = data.segments
    old = {**kept.about, "labels": ["-3", "12", "2"]}
    store.put_document("labels", digest([segment.fingerprint, "k"]), {}, old)
    assert classes_of(data, store) == known_classes(data, store) == (-3, 2, 12)


def test_auto_takes_categories_of_numbers_for_classes(tmp_path):
    frame = pd.DataFrame({"x": np.arange(60.0), "k": pd.Categorical(np.arange(60) // 2)})
    kind, _, unsure = kind_of_target(open_dataset(frame, target="k"), 0)
    assert (kind, unsure) == (CLASS, False)


@pytest.mark.parametrize("given", [in_memory, in_feather], ids=lambda f: f.__name__)
def test_a_summary_learns_from_a_sample_of_categories_of_numbers(given, tmp_path):
    frame, search = wine([-3, 2, 12]), {"logistic.C": 1.0}
    coded = given(frame.astype({"k": "category"}), tmp_path)
    result = tune(coded, tmp_path / "store", algorithm="logistic", search=search)
    want = tune(frame, tmp_path / "store", algorithm="logistic", search=search)
    assert result.best_model.classes_.tolist() == [-3, 2, 12]
    np.testing.assert_allclose(
        result.best_model.predict_proba(frame), want.best_model.predict_proba(frame), atol=1e-6
    )


def test_text_in_one_file_and_numbers_in_another_are_no_classes(tmp_path):
    (tmp_path / "data").mkdir()
    for name, labels in (("a", [1, 2, 3]), ("b", ["1", "2", "3"])):
        frame = wine(labels)
        frame["k"] = pd.Categorical(frame["k"])
        pa.feather.write_feather(as_arrow(frame, None), tmp_path / "data" / f"{name}.feather")
    with pytest.raises(DataError, match=r"target 'k' holds text in one file and numbers in another"):
        tune(tmp_path / "data", tmp_path / "store")


def test_a_rare_class_in_the_last_file_is_a_class(tmp_path):
    frame = wine(LABELS["text"])
    frame.loc[frame.index[-3:], "k"] = "violet"
    (tmp_path / "data").mkdir()
    write(frame, tmp_path / "data", 6)
    result = tune(tmp_path / "data", tmp_path / "store", folds=2)
    assert result.best_model.classes_.tolist() == [*LABELS["text"], "violet"]


def test_a_second_study_reads_no_labels_and_a_new_file_only_its_own(tmp_path):
    frame, data = wine(LABELS["text"]).sample(frac=1.0, random_state=0), tmp_path / "data"
    data.mkdir()
    write(frame.iloc[:150], data, 5)
    first = tune(data, tmp_path / "store")
    assert first.cost.rows_read == first.cost.pilot_rows == 150
    again = tune(data, tmp_path / "store", seed=0, search={"knn_classifier.weights": "distance"})
    assert (again.cost.rows_read, again.cost.pilot_rows) == (0, 0)
    pq.write_table(pa.Table.from_pandas(frame.iloc[150:], preserve_index=False), data / "9.parquet")
    grown = tune(data, tmp_path / "store")
    assert grown.cost.rows_read == grown.cost.pilot_rows == 28
    assert grown.cost.states_reused == 2 * 5, "the rows that are searched, and those that are scored"


def test_a_new_class_means_a_new_pass_over_everything(tmp_path):
    frame, data = wine(LABELS["text"]).sample(frac=1.0, random_state=0), tmp_path / "data"
    data.mkdir()
    write(frame.iloc[:150], data, 5)
    tune(data, tmp_path / "store")
    strange = frame.iloc[150:].assign(k="violet")
    pq.write_table(pa.Table.from_pandas(strange, preserve_index=False), data / "9.parquet")
    grown = tune(data, tmp_path / "store")
    assert grown.cost.rows_read == 178
    assert grown.best_model.classes_.tolist() == [*LABELS["text"], "violet"]


def test_confirm_scores_labels_and_probabilities_of_raw_rows(tmp_path):
    frame = wine(LABELS["text"])
    train, test = frame.iloc[::2], frame.iloc[1::2]
    result = tune(train, tmp_path, search={"knn_classifier.n_neighbors": 9})
    made = hpo.confirm(result, test, scoring=["accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro"])
    shares = result.best_model.predict_proba(test)
    assert made["accuracy"] == pytest.approx(accuracy_score(test["k"], result.best_model.predict(test)))
    assert made["neg_log_loss"] == pytest.approx(-log_loss(test["k"], shares))
    assert made["roc_auc_ovr"] == pytest.approx(roc_auc_score(test["k"], shares, multi_class="ovr"))
    table = result.predict(test)
    assert table.columns.tolist() == [
        "prediction",
        "probability_blue",
        "probability_green",
        "probability_red",
    ]
    np.testing.assert_allclose(table.iloc[:, 1:], shares)


def test_an_unseen_label_is_named(tmp_path):
    result = tune(wine(LABELS["text"]), tmp_path)
    with pytest.raises(DataError, match=r"target 'k' holds 'violet'.*not one of the 3 classes.*'blue', 'green'"):
        hpo.confirm(result, wine(["blue", "green", "violet"]))


@pytest.mark.parametrize(("learned", "given"), [("text", [-3, 0, 12]), ("integers", ["a", "b", "c"])])
def test_labels_of_another_type_are_named(learned, given, tmp_path):
    result = tune(wine(LABELS[learned]), tmp_path)
    with pytest.raises(DataError, match=rf"target 'k' holds {given[0]!r}.*not one of the 3 classes"):
        hpo.confirm(result, wine(given))


def test_whole_decimals_are_classes(tmp_path):
    result = tune(wine([decimal.Decimal(v) for v in (1, 2, 5)]), tmp_path)
    assert result.best_model.classes_.tolist() == [1.0, 2.0, 5.0]


def test_a_loaded_study_scores_and_predicts_as_before(tmp_path):
    frame, where = wine(LABELS["text"]), {"storage": tmp_path / "journal.log", "name": "wine"}
    first = tune(frame, tmp_path / "store", **where)
    loaded = hpo.load("wine", storage=tmp_path / "journal.log", store=tmp_path / "store")
    assert loaded.best_params == first.best_params
    assert loaded.best_model.predict(frame).tolist() == first.best_model.predict(frame).tolist()
    assert hpo.learning_curve(loaded) == hpo.learning_curve(first)
    assert hpo.write_report(loaded).best == hpo.write_report(first).best


def many(n):
    return pd.DataFrame({"x": np.arange(float(n)), "k": [f"c{i}" for i in range(n)]})


@pytest.mark.parametrize(
    ("frame", "error", "words"),
    [
        (wine(["a", "a", "a"]), DataError, r"target 'k' is 'a' wherever it has a value.*no two classes"),
        (wine([0.5, 1.0, 2.0]), DataError, r"target 'k' holds 0\.5, and classes are text, whole numbers"),
        (many(10_001), DataError, r"target 'k' has more than 10,000 distinct values.*regression"),
        (
            wine(["a", "b", "c"]).assign(k=pd.Timestamp("2020-01-01")),
            DataError,
            r"'k' is timestamp.*classes are text",
        ),
        (
            wine(["a", "b", "c"]).assign(k=pd.Categorical(pd.date_range("2020-01-01", periods=178))),
            DataError,
            r"'k' is timestamp.*classes are text",
        ),
        (
            wine([0.5, 1.0, 2.0]).astype({"k": "category"}),
            DataError,
            r"target 'k' holds 0\.5, and classes are text, whole numbers",
        ),
        (wine(["a", "b", "c"]).assign(k=None), DataError, r"'k' has no value|'k' is null"),
    ],
    ids=["one class", "fractions", "too many", "dates", "categories of dates", "of fractions", "all null"],
)
def test_targets_that_make_no_classes(frame, error, words, tmp_path):
    with pytest.raises(error, match=words):
        tune(frame, tmp_path)


def test_a_regression_of_text_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"target 'k' is categorical.*numeric column.*tune a classifier"):
        hpo.tune(wine(["a", "b", "c"]), target="k", algorithm="ridge", store=tmp_path)


def test_a_classifier_without_a_target_says_so(tmp_path):
    with pytest.raises(TuneError, match="predicts one target"):
        hpo.tune(wine([0, 1, 2]), algorithm="knn_classifier", store=tmp_path)


def rare(rows, labels=("late", "on time")):
    """Two columns, two classes, and a third one of so few rows."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300)})
    frame["t"] = np.where(frame["a"] > 0, *labels)
    frame.loc[frame.index[:rows], "t"] = "rare"
    return frame


ALL_CLASSES = ["gaussian_nb", "bernoulli_nb", "lda", "qda", "logistic"]


@pytest.mark.parametrize("algorithm", ALL_CLASSES)
def test_a_class_that_a_split_does_not_train_on_is_named_before_the_trials(algorithm, tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.trials.run.run_trials", None)  # no trial is begun
    words = rf"cannot train {algorithm}: it has (no|1) row.* the class 'rare' \(1 row in all\).*; merge that class"
    with pytest.raises(
        TuneError,
        match=rf"{words}.*; or tune linear or knn_classifier or fm_classifier, which can do without$",
    ):
        hpo.tune(rare(1), "t", algorithm, trials=30, folds=3, store=tmp_path)


def test_no_other_algorithm_is_offered_where_it_is_not_a_class_that_lacks_rows(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2, 4, 3], "day": pd.date_range("2020", periods=4), "t": list("abcc")})
    time = {"scheme": "time", "column": "day", "n_splits": 3}
    with pytest.raises(TuneError, match=r"holds 1; use fewer folds, or another scheme$"):
        hpo.tune(frame, "t", "isolation_forest", trials=1, folds=time, store=tmp_path)


def test_counts_need_rows_of_every_class_too(tmp_path):
    counts = rare(1)[["t"]].assign(n=np.arange(300) % 7, kind=np.array(list("xyz"))[np.arange(300) % 3])
    for algorithm in ("multinomial_nb", "complement_nb", "categorical_nb"):
        with pytest.raises(
            TuneError, match=rf"cannot train {algorithm}: it has no row .* class 'rare' \(1 row"
        ):
            hpo.tune(counts, "t", algorithm, trials=2, folds=3, store=tmp_path)


def test_more_rows_of_the_class_may_be_divided_otherwise(tmp_path):
    frame = rare(3)
    whole = [np.arange(300), np.arange(3, 300)]  # the first split holds the class, the second does not
    cv = [(whole[0], np.arange(0, 300, 2)), (whole[1], np.arange(3))]
    words = r"^split 2 of 2 cannot train lda: it has no row to train on of the class 'rare' \(3 rows in all\); use folds="
    with pytest.raises(
        TuneError, match=rf"{words}{{'scheme': 'stratified', 'n_splits': 2}}.*or fewer folds; merge"
    ):
        hpo.tune(frame, "t", "lda", trials=2, folds=cv, store=tmp_path)
    result = hpo.tune(frame, "t", "lda", trials=2, folds=StratifiedKFold(3), store=tmp_path)
    assert result.best_value > 0.9


def test_of_two_classes_nothing_does_without_one(tmp_path):
    frame = rare(1, labels=("late", "late"))
    for algorithm, words in (
        ("logistic", "; add rows of that class$"),
        ("linear", "needs rows of two classes"),
    ):
        with pytest.raises(TuneError, match=rf"^split \d of 3 cannot train {algorithm}: .*{words}"):
            hpo.tune(frame, "t", algorithm, trials=2, folds=3, store=tmp_path)


@pytest.mark.parametrize(("algorithm", "words"), [("gaussian_nb", "1 row"), ("logistic", "a weight of 2.5")])
def test_rows_of_a_class_are_reported_and_their_weight_where_states_keep_that_alone(algorithm, words, tmp_path):
    frame = rare(1).assign(w=2.5)
    with pytest.raises(TuneError, match=rf"the class 'rare' \({words} in all\)"):
        hpo.tune(frame, "t", algorithm, weight="w", trials=2, folds=3, store=tmp_path)


def test_algorithms_that_can_do_without_the_class_go_on(tmp_path):
    where = {"store": tmp_path / "store", "storage": tmp_path / "journal.log", "name": "rare"}
    asked = {
        "target": "t",
        "algorithm": ["lda", "gaussian_nb", "knn_classifier", "linear"],
        "folds": 3,
        **where,
    }
    with pytest.warns(ChoiceWarning, match=r"cannot train lda, gaussian_nb: .*continues without$"):
        result = hpo.tune(rare(1), **asked, trials=8)
    assert {t.params["algorithm"] for t in result.optuna_study.trials} == {"knn_classifier", "linear"}
    assert not [t for t in result.optuna_study.trials if "error" in t.user_attrs]
    with pytest.warns(ChoiceWarning, match="continues without$"):
        resumed = hpo.tune(rare(1), **asked, trials=12)
    assert len(resumed.optuna_study.trials) == 12
    loaded = hpo.load("rare", storage=where["storage"], store=where["store"])
    assert loaded.best_params == resumed.best_params
    assert (
        "Left out, since some split holds too few rows to train it: lda, gaussian_nb."
        in hpo.write_report(loaded).notes
    )
    with pytest.warns(ChoiceWarning, match="continues without$"):
        alone = hpo.tune(rare(1), "t", ["qda", "knn_classifier"], trials=4, folds=3, store=tmp_path / "store")
    assert algorithm_of(alone.run, alone.best) == "knn_classifier"


def test_estimators_of_other_packages_go_on(tmp_path):
    result = hpo.tune(rare(1), "t", "sklearn:sklearn.svm.SVC", trials=1, folds=3, store=tmp_path)
    assert result.best_value > 0.9


def test_a_study_whose_every_trial_failed_says_why_once(tmp_path):
    asked = {"trials": 4, "folds": 3, "store": tmp_path, "scoring": "neg_log_loss"}
    words = (
        "no trial has a score yet; every setting failed because: scoring='neg_log_loss' cannot be computed on "
        "held-out rows"
    )
    with pytest.warns(NoScoreWarning, match=words) as warned:
        result = hpo.tune(rare(0), "t", "sklearn:sklearn.svm.LinearSVC", **asked)
    assert len(warned) == 1
    with pytest.raises(TuneError, match=words):
        _ = result.best
