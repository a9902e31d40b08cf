"""Recommendation: models from products of items, scores of held-out users, and rows of users and items as data."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.model_selection import KFold
from terminal import hpo as run
from twins_recommenders import ease_of, svd_of

import hpo
from algorithms.families.recommenders import Directions, Users, hidden_of, placed, ranked
from algorithms.models.ease import EASE
from algorithms.models.pure_svd import PureSVD
from hpo.errors import DataError, DataWarning, SearchError, TuneError
from studies.errors import SpecError


def users(n=90, q=12, seed=0):
    """Return users by items of two tastes."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(n, 2)) @ rng.normal(size=(2, q))
    return (taste + rng.normal(size=(n, q)) > 0.3).astype(float)


MODELS = {
    "ease": ({"alpha": 7.0}, lambda X: ease_of(X, 7.0)),
    "pure_svd": ({"n_components": 3, "alpha": 5.0, "scaling": 0.4}, lambda X: svd_of(X, 3, 5.0, 0.4)),
}


def tuned(data, algorithm, setting, **options):
    search = {f"{algorithm}.{name}": [value] for name, value in setting.items()}
    return hpo.tune(data, algorithm=algorithm, search=search, trials=1, store=None, **options)


@pytest.mark.parametrize("shape", [(90, 12), (40, 60)], ids=["many users", "few users"])
@pytest.mark.parametrize("as_matrix", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("name", MODELS)
def test_models_and_squared_errors_are_those_of_the_rows(name, as_matrix, shape):
    X = users(*shape) * np.random.default_rng(1).integers(1, 6, shape)
    setting, twin = MODELS[name]
    result = tuned(as_matrix(X), name, setting, folds=KFold(4), scoring="neg_mean_squared_error")
    B = twin(X)
    assert np.allclose(result.best_model.transform(pd.DataFrame(X, columns=[f"x{j}" for j in range(shape[1])])), X @ B)
    expected = [-np.mean((X[test] - X[test] @ twin(X[train])) ** 2) for train, test in KFold(4).split(X)]
    assert np.allclose(result.best.scores.folds, expected, rtol=1e-9)
    assert result.cost.rows_read == shape[0]


@pytest.mark.parametrize(("shape", "cut"), [((90, 12), 10), ((40, 160), 100)], ids=["many users", "few users"])
@pytest.mark.parametrize("name", MODELS)
def test_ranks_of_hidden_items_are_those_of_a_plain_loop(name, shape, cut):
    X, (setting, twin) = users(*shape), MODELS[name]
    result = tuned(X, name, setting, folds=KFold(3), scoring=[f"ndcg@{cut}", f"recall@{cut}"])
    hide = np.zeros_like(X, bool)
    every = sp.csr_array(X)
    hide[every.nonzero()] = hidden_of(every)
    for fold, (train, test) in enumerate(KFold(3).split(X)):
        B, ndcg, recall = twin(X[train]), [], []
        for u in test:
            if X[u].sum() < 2:
                continue
            left = X[u] * ~hide[u]
            scores = left @ B
            scores[left > 0] = -np.inf
            hidden = np.flatnonzero(hide[u])
            places = [int(np.sum(scores >= scores[j])) - 1 for j in hidden]
            best = sum(1 / np.log2(i + 2) for i in range(min(len(hidden), cut)))
            ndcg.append(sum(1 / np.log2(p + 2) for p in places if p < cut) / best)
            recall.append(sum(p < cut for p in places) / min(len(hidden), cut))
        assert result.best.scores.folds[fold] == pytest.approx(np.mean(ndcg), abs=1e-12)
        assert result.best.scores.also[f"recall@{cut}"].folds[fold] == pytest.approx(np.mean(recall), abs=1e-12)


def test_items_of_equal_scores_count_as_recommended_last_at_the_end_of_the_longest_list():
    """Of 300 items the score of the hundredth is that of ten more: all of these stand where the last of them does."""
    scores = np.arange(300.0)[::-1].copy()
    scores[95:105] = scores[95]
    hidden = np.array([0, 94, 99, 105, 200])
    both = np.zeros((1, 300))
    both[0, [*hidden, 299]] = 1.0
    entries = sp.csr_array(both)
    parts = Users.of(entries, np.isin(entries.indices, hidden))
    found = placed(scores[None].copy(), parts)
    exact = np.array([int(np.sum(scores >= scores[j])) - 1 for j in hidden])
    assert np.array_equal(np.minimum(found, 100), np.minimum(exact, 100))


@pytest.mark.parametrize("spread", [0, 3, 7])
def test_the_directions_of_few_users_are_those_of_all_items(spread):
    """By the values alone where they are of one size, and by a QR decomposition where some are far smaller."""
    X = users(30, 80) * np.logspace(0, spread, 80)
    X[7] = X[3]
    G = X.T @ X
    few, every = Directions.leading(G), Directions.of(G)
    assert len(few.values) < 30 and few.rank == every.rank == np.linalg.matrix_rank(X)
    assert np.allclose(few.values, every.values[: len(few.values)], rtol=0, atol=1e-12 * few.values[0])
    assert np.allclose(few.vectors.T @ few.vectors, np.eye(len(few.values)), rtol=0, atol=1e-13)
    assert np.allclose((few.vectors * few.values) @ few.vectors.T, G, rtol=0, atol=1e-12 * few.values[0])
    beyond = np.linalg.svd(X)[2][np.linalg.matrix_rank(X) :]
    assert np.allclose(few.beyond, (beyond**2).sum(axis=0), rtol=0, atol=1e-9)


def test_what_is_hidden_follows_from_the_items_alone():
    X = sp.csr_array(users())
    order = np.random.default_rng(0).permutation(X.shape[0])
    hidden, again = np.zeros(X.shape, bool), np.zeros(X.shape, bool)
    hidden[X.nonzero()] = hidden_of(X)
    again[X[order].nonzero()] = hidden_of(X[order])
    assert np.array_equal(hidden[order], again)
    counts = np.diff(X.indptr)
    assert np.array_equal(hidden.sum(axis=1)[counts > 0], np.maximum(1, np.rint(0.2 * counts[counts > 0])))


def test_a_model_that_says_nothing_scores_nothing():
    places = np.full(4, 99)
    assert ranked("ndcg", places, np.array([2, 2]), cut=20).tolist() == [0.0, 0.0]
    nothing = tuned(users(), "pure_svd", {"n_components": 12, "alpha": 1e12}, scoring="recall@10")
    assert 0.0 <= nothing.best_value <= 1.0


def test_the_bound_of_a_squared_error_holds_in_extended_precision():
    rng = np.random.default_rng(3)
    X = users(200, 8) * np.logspace(0, 1.5, 8)
    X[:, 1] = X[:, 0] + (rng.random(200) < 0.02)
    train, test = X[:150], X[150:]
    for alpha in (1e-2, 1.0, 1e3):
        result = tuned(X, "ease", {"alpha": alpha}, folds=[(np.arange(150), np.arange(150, 200))],
                       scoring="neg_mean_squared_error")  # fmt: skip
        G = (train.astype(np.longdouble).T @ train.astype(np.longdouble)) + np.longdouble(alpha) * np.eye(8)
        P = _inverse(G)
        made = test.astype(np.longdouble) @ (P / np.diagonal(P))
        expected = -float((made**2).mean())
        scores = result.best.scores
        assert abs(scores.folds[0] - expected) <= scores.bounds[0] + 1e-15 * abs(expected)


def _inverse(G):
    """Return the inverse by Gauss and Jordan, with pivots, in extended precision."""
    n = len(G)
    A = np.concatenate([G, np.eye(n, dtype=np.longdouble)], axis=1)
    for i in range(n):
        pivot = i + int(np.argmax(np.abs(A[i:, i])))
        A[[i, pivot]] = A[[pivot, i]]
        A[i] /= A[i, i]
        for j in range(n):
            if j != i:
                A[j] -= A[j, i] * A[i]
    return A[:, n:]


def pairs(seed=0):
    """Return rows of users and items, of each pair once."""
    rng = np.random.default_rng(seed)
    X = users(60, 9, seed)
    frame = pd.DataFrame(np.argwhere(X), columns=["user", "item"]).sample(frac=1.0, random_state=seed)
    frame["user"] = "u" + frame["user"].astype(str).str.zfill(2)
    return frame.assign(stars=rng.integers(1, 6, len(frame))).reset_index(drop=True)


ASKED = {"user": "user", "item": "item"}


def test_rows_of_pairs_are_the_matrix_whatever_their_order_and_files(tmp_path):
    frame = pairs()
    asked = {**ASKED, "value": "stars"}
    wide = frame.pivot_table(index="user", columns="item", values="stars", fill_value=0.0)
    by_matrix = tuned(wide.to_numpy(float), "ease", {"alpha": 3.0})
    by_frame = tuned(frame, "ease", {"alpha": 3.0}, interactions=asked)
    (files := tmp_path / "files").mkdir()
    frame.iloc[:100].to_csv(files / "a.csv", index=False)
    frame.iloc[100:].sample(frac=1.0, random_state=1).to_csv(files / "b.csv", index=False)
    by_files = tuned(str(files), "ease", {"alpha": 3.0}, interactions=asked)
    assert by_frame.best.scores.folds == by_files.best.scores.folds
    assert by_frame.best.scores.folds == pytest.approx(by_matrix.best.scores.folds, abs=1e-12)


def test_recommended_are_items_that_a_user_has_not(tmp_path):
    frame = pairs()
    result = tuned(frame, "ease", {"alpha": 3.0}, interactions=ASKED)
    made = hpo.recommend(result, frame, n_items=3)
    assert made.columns.tolist() == ["user", "rank", "item", "score"]
    has = set(zip(frame["user"], frame["item"].astype(str), strict=True))
    assert not has & set(zip(made["user"], made["item"], strict=True))
    assert (made.groupby("user")["score"].diff().dropna() <= 0).all()
    wide = frame.assign(one=1.0).pivot_table(index="user", columns="item", values="one", fill_value=0.0)
    scores = wide.to_numpy() @ ease_of(wide.to_numpy(), 3.0)
    scores[wide.to_numpy() > 0] = -np.inf
    first = made[made["rank"] == 1].set_index("user")["item"]
    expected = pd.Series(scores.argmax(axis=1), index=wide.index)[first.index]
    assert (first.astype(int) == expected).all()
    seen = hpo.recommend(result, frame, n_items=9, exclude_seen=False)
    assert len(seen) == 9 * frame["user"].nunique()
    assert result.predict(frame).index.equals(pd.Index(sorted(frame["user"].unique()), name="user"))


def test_new_items_are_counted_and_new_users_answered():
    frame = pairs()
    result = tuned(frame, "ease", {"alpha": 3.0}, interactions=ASKED)
    new = pd.DataFrame({"user": ["new", "new", "new"], "item": [0, 1, 77]})
    with pytest.warns(DataWarning, match="1 item that the study has no column of left out"):
        made = hpo.recommend(result, new, n_items=2)
    assert made["user"].tolist() == ["new", "new"]


def test_users_without_items_are_counted():
    """Every item scores 0 for them; a user who has every item is none of them, and gets nothing."""
    X = users()
    result = tuned(X, "ease", {"alpha": 3.0})
    rows = np.vstack([X[:2], np.zeros((3, X.shape[1])), np.ones((1, X.shape[1]))])
    with pytest.warns(DataWarning, match="3 of 6 users with no item that the model knows: every item scores 0"):
        made = hpo.recommend(result, rows, n_items=2)
    assert made["row"].value_counts().sort_index().tolist() == [2] * 5
    assert (made.loc[made["row"].isin([2, 3, 4]), "score"] == 0.0).all()


def test_what_is_left_out_or_added_up_is_counted():
    frame = pairs().astype({"item": "Int64"})
    frame.loc[[3, 7], "item"] = pd.NA
    with pytest.warns(DataWarning, match="2 rows without 'user' or 'item' left out"):
        tuned(frame, "ease", {"alpha": 3.0}, interactions=ASKED)
    frame = pairs()
    twice = pd.concat([frame, frame.iloc[:2]])
    with pytest.warns(DataWarning, match="2 rows of a user and an item that another row has too"):
        tuned(twice, "ease", {"alpha": 3.0}, interactions=ASKED)


def test_items_of_few_users_are_left_out():
    frame = pairs()
    counts = frame["item"].value_counts()
    least = int(counts.median())
    result = tuned(frame, "ease", {"alpha": 3.0}, interactions={**ASKED, "min_users": least})
    names = {str(name) for name in result.model_of(encoded=True)["encoder"].feature_names_in_}
    assert names == {str(item) for item, count in counts.items() if count >= least}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"interactions": {"user": "who", "item": "item"}}, DataError, "'who' is not in the data"),
        ({"interactions": {"user": "user"}}, SpecError, "'interactions.item' is missing"),
        ({"interactions": {"user": "user", "item": "user"}}, SpecError, "names one column twice"),
        ({"interactions": {**ASKED, "value": "user2"}}, DataError, "the value of a pair is a number"),
        ({"interactions": {**ASKED, "min_users": 1000}}, DataError, "min_users=1000: no item has so many users"),
        ({"interactions": {**ASKED, "itme": "item"}}, SpecError, "unknown key 'itme'"),
        ({"interactions": ASKED, "features": ["1"]}, TuneError, "use drop="),
        ({"interactions": ASKED, "target": "stars"}, DataError, "target: rows of users and items have none"),
        ({"interactions": ASKED, "weight": "stars"}, DataError, "weight: rows of users and items have none"),
    ],
)
def test_what_cannot_be_is_refused_in_words(options, error, message):
    frame = pairs().assign(user2=lambda f: f["user"])
    with pytest.raises(error, match=message):
        tuned(frame, "ease", {"alpha": 3.0}, **options)


def test_users_of_one_item_cannot_be_ranked_but_have_an_error():
    X = np.eye(6)[np.arange(40) % 6]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = tuned(X, "ease", {"alpha": 1.0})
    with pytest.raises(TuneError, match="has two items, one to hide"):
        _ = result.best
    assert tuned(X, "ease", {"alpha": 1.0}, scoring="neg_mean_squared_error").best_value <= 0.0


def test_another_task_recommends_nothing():
    X = np.random.default_rng(0).normal(size=(60, 3))
    result = hpo.tune((X, X[:, 0]), algorithm="ridge", trials=1, store=None)
    with pytest.raises(TuneError, match="Ridge recommends nothing; tune 'ease' or 'pure_svd'"):
        hpo.recommend(result, X)


def test_settings_that_are_free_need_no_other_pass():
    assert EASE(alpha=1.0).summary == EASE(alpha=9.0).summary == PureSVD(n_components=4, scaling=0.2).summary
    result = hpo.tune(users(), algorithm=["ease", "pure_svd"], trials=12, store=None)
    assert result.cost.rows_read == 90


def test_the_command_line_says_whose_items_they_are(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frame = pairs()
    frame.to_csv("rows.csv", index=False)
    study = "name: films\ndata: rows.csv\ninteractions: {user: user, item: item}\nalgorithm: [ease]\ntrials: 4\n"
    (tmp_path / "films.yaml").write_text(study)
    for words in (["run", "films.yaml", "--no-progress"], ["predict", "films", "rows.csv", "-o", "items.csv"]):
        done = run(capsys, monkeypatch, *words)
        assert done.code == 0, done.err
    made = pd.read_csv("items.csv")
    assert made.columns[:2].tolist() == ["user", "item_1"]
    assert made["user"].tolist() == sorted(frame["user"].unique())


def test_items_have_no_kernel():
    with pytest.raises(SearchError, match="features of a kernel are not items"):
        tuned(users(), "ease", {"alpha": 1.0, "kernel": "fourier"})
