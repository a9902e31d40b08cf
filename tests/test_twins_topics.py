"""Topics: what is found where topics are known, scores against plain loops over documents, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.model_selection import KFold
from terminal import hpo as run
from twins_topics import TWINS, joint_of

import hpo
from algorithms import laws
from algorithms.contract import Batch, Column, Shape
from algorithms.errors import InvalidField, NotEnoughRows
from algorithms.families.topic_words import TopicWords
from algorithms.models.topics import Topics
from algorithms.solvers import anchor_words
from algorithms.solvers.anchor_words import anchors, concentrations
from algorithms.solvers.fold_in import halves, shares_of_topics
from algorithms.summaries.co_occurrence import CoOccurrence
from hpo.errors import NoScoreWarning, TuneError

V, K = 40, 4


def topics_and_documents(n=300, seed=0):
    """Return topics of which each has words of its own, and counts of documents of them."""
    rng = np.random.default_rng(seed)
    phi = rng.dirichlet(np.full(V, 0.2), K)
    phi[:, : 2 * K] = np.kron(np.eye(K), np.ones((1, 2))) * 0.1
    phi /= phi.sum(axis=1, keepdims=True)
    shares, sizes = rng.dirichlet(np.full(K, 0.3), n), rng.integers(30, 80, n)
    return phi, np.array([rng.multinomial(int(m), t @ phi) for m, t in zip(sizes, shares, strict=True)]).astype(float)


def shape_of(v):
    return Shape(tuple(Column(f"x{j}", f"x{j}") for j in range(v)))


def solved(X, **fields):
    model = Topics(**fields)
    return model.solve(laws.lift(model.summary, shape_of(X.shape[1]), Batch(X, X.shape[1])))


def tuned(data, **options):
    options = {"search": {"topics.n_topics": [K], "topics.topic_word_prior": [0.1]}, **options}
    return hpo.tune(data, algorithm="topics", trials=1, store=None, **options)


def test_topics_of_documents_are_found():
    phi, X = topics_and_documents(2000)
    found = solved(X, n_topics=K)
    apart = np.abs(phi[:, None] - found.phi[None]).sum(axis=2) / 2
    assert sorted(apart.argmin(axis=1)) == list(range(K)) and apart.min(axis=1).max() < 0.1
    assert found.prior.sum() == pytest.approx(K * 0.3, rel=0.35)


def test_components_are_counts_of_words_with_the_prior():
    _, X = topics_and_documents()
    X[:, 7] = 0.0
    found = solved(X, n_topics=K, topic_word_prior=0.25)
    assert found.components.sum() == pytest.approx(X.sum() + 0.25 * K * V)
    assert found.components[:, 7].tolist() == [0.25] * K


def test_words_stand_as_often_as_they_were_counted_whatever_the_length_of_documents():
    """Half of the documents are ten times as long and of other topics; pairs may count them alike, words never do."""
    phi, X = topics_and_documents(400)
    rng = np.random.default_rng(1)
    long = np.array([rng.multinomial(600, phi[0]) for _ in range(100)]).astype(float)
    both = np.concatenate([X, long])
    for power, near in ((1.0, 0.03), (0.75, 0.02), (0.0, 0.01)):  # as near as steps come to where they end
        found = solved(both, n_topics=K, topic_word_prior=1e-9, summary=CoOccurrence(length_power=power))
        assert np.allclose(found.components.sum(axis=0), both.sum(axis=0), rtol=near)
    assert not np.allclose(found.alike.sum(axis=0), both.sum(axis=0), rtol=0.1)
    Q = joint_of(both, 0.0)
    assert np.allclose(found.alike.sum(axis=0) / found.alike.sum(), Q.sum(axis=0), rtol=0.05, atol=1e-3)


def test_steps_raise_the_likelihood_of_pairs():
    _, X = topics_and_documents()
    Q = joint_of(X)

    def likelihood(s):
        return float(np.sum(Q * np.log(s.phi_of_pairs.T @ s.together @ s.phi_of_pairs)))

    found = solved(X, n_topics=K, topic_word_prior=1e-6)
    known, _ = topics_and_documents()
    shares = np.full((K, K), 0.3**2)
    shares[np.diag_indices(K)] = 0.3 * 1.3
    truth = known.T @ (shares / shares.sum()) @ known
    assert likelihood(found) > float(np.sum(Q * np.log(np.maximum(truth, 1e-12))))


@pytest.mark.parametrize("as_matrix", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
def test_scores_are_those_of_plain_loops(as_matrix):
    _, X = topics_and_documents()
    names = ["pair_log_likelihood", "npmi", "diversity", "neg_perplexity"]
    result = tuned(as_matrix(X), folds=KFold(3), scoring=names)
    assert result.cost.rows_read == len(X)
    for fold, (train, test) in enumerate(KFold(3).split(X)):
        s, held = solved(X[train], n_topics=K, topic_word_prior=0.1), X[test]
        given, asked = (half.toarray() for half in halves(sp.csr_array(held)))
        expected = TWINS["topics"](s.phi, s.together, s.prior, held, given, asked, s.phi_of_pairs)
        found = {name: result.best.scores.also[name].folds[fold] for name in names[1:]}
        found[names[0]] = result.best.scores.folds[fold]
        assert found == {name: pytest.approx(value, rel=1e-6) for name, value in expected.items()}


def test_halves_follow_from_the_words_alone():
    _, X = topics_and_documents(80)
    order = np.random.default_rng(0).permutation(80)
    a, b = halves(sp.csr_array(X))
    again, _ = halves(sp.csr_array(X[order]))
    assert np.array_equal((a + b).toarray(), X) and np.array_equal(a.toarray()[order], again.toarray())
    assert np.all(np.abs(a.sum(axis=1) - b.sum(axis=1)) <= 1)


def test_the_model_has_the_methods_of_scikit_learn():
    _, X = topics_and_documents()
    result = tuned(X)
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(V)])
    model = result.best_model[-1]
    shares = result.best_model.transform(frame)
    assert shares.shape == (300, K) and np.allclose(shares.sum(axis=1), 1.0)
    assert np.allclose(shares, shares_of_topics(sp.csr_array(X), model.topic_words_, model.doc_topic_prior_))
    assert result.predict(X).shape == (300, K)
    assert model.components_.shape == (K, V) and model.perplexity(X) < V
    assert [len(words) for words in model.topics(3)] == [3] * K
    assert TopicWords(3).fit(X).transform(X).shape == (300, 3)


def test_settings_are_free_and_topics_up_to_what_there_is():
    _, X = topics_and_documents(90)
    result = hpo.tune(X, algorithm="auto:topics", trials=10, store=None)
    assert result.cost.rows_read == 90
    assert 1 <= len(solved(X[:, :3], n_topics=20).phi) <= 3


def test_all_numbers_of_topics_cost_the_joining_of_the_largest_and_two_steps_each(monkeypatch):
    X, many = np.random.default_rng(0).poisson(0.2, size=(10, 250)).astype(float), []
    expected = anchor_words._expected
    monkeypatch.setattr(anchor_words, "_expected", lambda *given: many.append(1) or expected(*given))
    state = laws.lift(Topics().summary, shape_of(250), Batch(X, 250))
    for k in range(2, 7):
        assert len(Topics(n_topics=k).solve(state).phi) == k
    assert len(many) == 30 + 20 + 15 + 12 + 10 + 2 * 5, "of fewer documents than a word in twenty each has one step"


@pytest.mark.parametrize("contexts", [2, 5, 9])
def test_contexts_are_frequent_words_and_all_others_as_one(contexts):
    joint = np.random.default_rng(0).random((8, 8)).astype(np.float32)
    joint += joint.T
    groups = anchor_words._groups(joint.sum(axis=1), contexts)
    assert groups.max() + 1 == min(contexts, 8)
    member = np.eye(8, dtype=np.float32)[:, : min(contexts, 8)][groups]
    assert np.allclose(anchor_words._beside(joint, groups), joint @ member, rtol=1e-6)


def test_anchors_are_apart_from_rows_that_are_taken():
    rows = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.4, 0.3, 0.3]])
    every, none = np.ones(4, bool), np.zeros((0, 3))
    assert sorted(anchors(rows, every, 4, none).tolist()) == [0, 1, 2]
    assert sorted(anchors(rows, every, 4, rows[:1]).tolist()) == [1, 2]
    assert anchors(rows, every, 4, rows[:3]).tolist() == []
    few = np.array([False, False, True, False])
    assert anchors(rows, few, 2, none).tolist()[0] == 2 and len(anchors(rows, few, 3, none)) == 3


def test_more_topics_go_on_from_fewer_and_are_the_same_in_any_order():
    _, X = topics_and_documents()
    model = Topics(n_topics=6)
    state = laws.lift(model.summary, shape_of(V), Batch(X, V))
    again = laws.lift(model.summary, shape_of(V), Batch(X, V))
    six, three = model.solve(state), Topics(n_topics=3).solve(state)
    np.testing.assert_array_equal(Topics(n_topics=3).solve(again).components, three.components)
    np.testing.assert_array_equal(model.solve(again).components, six.components)


def test_seed_words_begin_the_first_topics():
    phi, X = topics_and_documents()
    own = [f"x{2 * k}, x{2 * k + 1}" for k in (2, 0)]
    found = solved(X, n_topics=5, seed_words="; ".join(own))
    apart = np.abs(phi[:, None] - found.phi[None]).sum(axis=2) / 2
    assert apart[2].argmin() == 1 and apart[0].argmin() == 2
    with pytest.raises(InvalidField, match="no training document has a word of the topic 'tea, milk'"):
        solved(X, seed_words="tea, milk")
    search = {"topics.n_topics": [5], "topics.topic_word_prior": [0.03], "topics.seed_words": ["", own[0]]}
    result = hpo.tune(X, algorithm="topics", trials=2, store=None, search=search, sampler="grid")
    assert set(result.trials_dataframe()["params_topics.seed_words"]) == {"", own[0]}


@pytest.mark.parametrize("alpha", [[0.1, 0.2], [3.0, 1.0], [0.01, 0.01]])
def test_concentrations_are_those_of_the_moments(alpha):
    a = np.array(alpha)
    moments = (np.diag(a) + np.outer(a, a)) / (a.sum() * (a.sum() + 1.0))
    np.testing.assert_allclose(concentrations(moments), a, rtol=1e-9)


def test_what_cannot_be_is_refused_in_words():
    _, X = topics_and_documents(30)
    X[3, 2] = -1.0
    with pytest.raises(InvalidField, match="column 'x2' holds -1, and topics take counts"):
        solved(X)
    with pytest.raises(NotEnoughRows, match="of 5 documents 0 have two words"):
        solved(np.eye(5))


@pytest.mark.filterwarnings("ignore:20 of 40 documents have fewer than two words:hpo.errors.DataWarning")
def test_held_out_documents_of_one_word_have_no_score():
    _, X = topics_and_documents(40)
    X[20:] = np.eye(V)[:20]
    with pytest.warns(NoScoreWarning, match="no held-out document has two words"):
        result = tuned(X, folds=[(np.arange(20), np.arange(20, 40))])
    with pytest.raises(TuneError, match="no held-out document has two words"):
        _ = result.best


@pytest.mark.filterwarnings("ignore:.* documents have fewer than two words:hpo.errors.DataWarning")
def test_the_example_of_tweets_finds_topics_of_rows_of_words(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[1] / "studies/examples/tweets.yaml").read_text()
    script = re.search(r"<<'END'\n(.*?)#   END", text, re.DOTALL)[1].replace("#   ", "")
    exec(compile(script, "tweets.yaml", "exec"), {})
    Path("tweets.yaml").write_text(text.replace("trials: 20", "trials: 3").replace("folds: 5", "folds: 2"))
    done = run(capsys, monkeypatch, "run", "tweets.yaml", "--no-progress")
    assert done.code == 0, done.err
    result = hpo.load("tweets")
    assert result.cost.rows_read == 20_652
    found = [set(words) for words in result.best_model[-1].topics(8)]
    for subject in ({"hillary", "clinton", "crooked"}, {"great", "make", "america"}):
        assert any(subject <= words for words in found), found
