"""The neural model of topics: against a naive twin, known topics, chains of it, studies, and what is refused."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import forked
import jax
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.model_selection import KFold
from terminal import hpo as run
from twins_neural_topics import SETTINGS, bound, log_p, shares, sums
from twins_topics import npmi_of

import hpo
from algorithms import extras, laws, registry
from algorithms.chained import Chain, alone, ends, further
from algorithms.contract import Batch, Column, Held, Shape
from algorithms.errors import (
    AlgorithmError,
    FitFailed,
    InvalidField,
    NotEnoughRows,
    TooLarge,
    UnknownAlgorithm,
)
from algorithms.families.topic_documents import corpus_of
from algorithms.families.topic_network import TopicNetwork, laid_out, loss_of
from algorithms.models.neural_topic_model import NeuralTopicModel
from algorithms.neural import training
from algorithms.solvers.fold_in import halves
from algorithms.summaries.sample import Sample
from hpo.question import auto
from hpo.question.series import forecasters
from state_store.codec import flatten, restore

ROOT = Path(__file__).parent.parent
V, K, N = 30, 3, 120
NAME = "neural_topic_model"


def documents(n=N, seed=0):
    """Topics that have words of their own, and counts of documents of them."""
    rng = np.random.default_rng(seed)
    phi = np.repeat(np.eye(K), V // K, axis=1) + 0.02
    phi /= phi.sum(axis=1, keepdims=True)
    mixed = rng.dirichlet(np.full(K, 0.2), n)
    return np.array([rng.multinomial(40, row @ phi) for row in mixed]).astype(float)


def state_of(X, **more):
    shape = Shape(tuple(Column(f"x{j}", f"x{j}") for j in range(X.shape[1])))
    rows = Batch(X, X.shape[1], priority=np.arange(len(X), dtype=np.uint64), **more)
    return laws.lift(Sample(size=1000), shape, rows)


X = documents()
STATE = state_of(X)
QUICK = NeuralTopicModel(n_topics=K, hidden_layer_sizes=(8,), learning_rate=0.02, epochs=4, patience=9)
"""One shape of arrays for most tests: compiling takes most of their time."""


def made(setting, seed=0):
    """Parameters of which none is zero, in float64."""
    model, rng = NeuralTopicModel(**setting), np.random.default_rng(seed)
    begun = model.begin(STATE).parameters
    return model, {k: v + rng.normal(0, 0.3, v.shape) + (k == "mean.scale") for k, v in begun.items()}


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_shares_and_words_equal_the_twins(setting):
    model, p = made(setting)
    rows = X[:7].copy()
    rows[3] = 0.0
    network = TopicNetwork(p, model.activation, 0.7, 1.4)
    theta = network.shares(sp.csr_array(rows))
    for i, x in enumerate(rows):
        m = sums(p, x, model.activation)[0]
        m = (m - p.get("mean.center", 0.0)) / p.get("mean.scale", 1.0) + p["mean.bias"]
        expected = shares(m, 0.7) if x.any() else np.full(model.n_topics, 1 / model.n_topics)
        np.testing.assert_allclose(theta[i], expected, rtol=1e-9)
        words = log_p(p, expected, 1.4)
        np.testing.assert_allclose(network.log_of_words(sp.csr_array(x[None]), theta[i : i + 1]), x @ words, rtol=1e-9)
    for k, row in enumerate(network.topic_words()):
        np.testing.assert_allclose(np.log(row), log_p(p, shares(2.0 * np.eye(model.n_topics)[k], 0.7), 1.4), rtol=1e-9)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_loss_and_its_slopes_equal_the_twins(setting):
    model, p = made(setting)
    k, n, variance, alpha = model.n_topics, 5, 0.8, 0.01
    noise = np.random.default_rng(2).normal(size=(n, k))

    def twin(known):
        pairs = [sums(known, x, model.activation) for x in X[:n]]
        ms = np.array([m for m, _ in pairs])
        if model.batch_norm:
            ms = (ms - ms.mean(axis=0)) / np.sqrt(ms.var(axis=0) + 1e-3)
        squares = sum((v**2).sum() for name, v in known.items() if name == "topics" or name.endswith(".weights"))
        each = [bound(known, x, m + known["mean.bias"], s, e, variance)
                for x, m, (_, s), e in zip(X[:n], ms, pairs, noise, strict=True)]  # fmt: skip
        return np.array(each) + alpha * squares

    rows = laid_out(sp.csr_array(X[:n]))
    rows |= {"noise": noise.astype(np.float32), "shown": rows["counts"] > 0.0, training.WEIGHT: np.ones(n, np.float32)}
    hyper = {"training": np.float32(1.0), "alpha": np.float32(alpha), "variance": np.float32(variance)}
    single = {name: array.astype(np.float32) for name, array in p.items()}
    loss = loss_of(model.activation, model.batch_norm)

    def total(q):
        each = loss(q, rows, hyper)
        return each.sum(), each

    slopes, each = jax.jit(jax.grad(total, has_aux=True))(single)
    np.testing.assert_allclose(each, twin(p), rtol=1e-4)
    rng = np.random.default_rng(1)
    for name, array in p.items():
        for _ in range(3):
            at, up, down = tuple(rng.integers(array.shape)), array.copy(), array.copy()
            up[at] += 1e-5
            down[at] -= 1e-5
            slope = (twin({**p, name: up}).sum() - twin({**p, name: down}).sum()) / 2e-5
            assert float(slopes[name][at]) == pytest.approx(slope, rel=2e-3, abs=2e-3), name


def test_outside_training_words_are_asked_of_other_words():
    model, p = made(SETTINGS[0])
    given, asked = halves(sp.csr_array(X[:4]))
    rows = {**laid_out(given, asked), "noise": np.zeros((4, model.n_topics), np.float32), training.WEIGHT: np.ones(4, np.float32)}
    rows["shown"] = rows["counts"] >= 0.0
    single = {name: array.astype(np.float32) for name, array in p.items()}
    hyper = {"training": np.float32(0.0), "alpha": np.float32(1.0), "variance": np.float32(1.0)}
    found = jax.jit(loss_of(model.activation, False))(single, rows, hyper)
    network = TopicNetwork(p, model.activation)
    np.testing.assert_allclose(found, -network.log_of_words(asked, network.shares(given)), rtol=1e-4)


def bits(chain):
    arrays, scalars = flatten(chain)
    return scalars, {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}


def test_a_chain_that_was_stored_goes_on_to_the_same_bits_and_folds_share_one_compiled_function():
    whole = alone(QUICK, STATE)
    before = training.compiled(loss_of("softplus", False), "adam").epoch._cache_size()
    half = restore(*flatten(alone(replace(QUICK, epochs=2), STATE)), Chain(0, 0))
    *_, last = further(QUICK, half, STATE)
    assert bits(last) == bits(whole)
    assert len(whole.losses) == 4 and (np.diff(whole.losses) < 0).all()
    alone(replace(QUICK, alpha=7.0, learning_rate=0.01, doc_topic_prior=0.3, word_dropout=0.1, epochs=1), state_of(X[:-1]))
    assert training.compiled(loss_of("softplus", False), "adam").epoch._cache_size() == before
    free = replace(QUICK, doc_topic_temperature=2.0, topic_word_temperature=0.5, words_per_topic=3, patience=1, tolerance=0.1)
    assert all(free.in_force(epoch) == QUICK.in_force(epoch) for epoch in (0, 1, 4))
    for other in ({"n_topics": 4}, {"hidden_layer_sizes": (9,)}, {"optimizer": "sgd"}, {"activation": "relu"}, {"random_state": 1}):
        assert replace(QUICK, **other).in_force(0) != QUICK.in_force(0)
    assert replace(QUICK, alpha=2.0).in_force(3) != QUICK.in_force(3)


def test_training_stops_early_and_the_best_epoch_is_kept():
    model = replace(QUICK, epochs=300, patience=3, learning_rate=0.1, word_dropout=0.0, alpha=0.0)
    chain = alone(model, STATE)
    best = int(np.argmin(chain.losses)) + 1
    assert ends(model, chain) and chain.epoch == best + 3 < 300
    at_best = alone(replace(model, epochs=best), STATE)
    assert all((chain.best[name] == array).all() for name, array in at_best.parameters.items())
    assert model.trained(chain, STATE).converged and not model.trained(at_best, STATE).converged
    none = replace(QUICK, validation_fraction=0.0, epochs=1)
    assert alone(none, STATE).losses.size == 0 and none.solve(STATE).phi.shape == (K, V)


def test_normalised_batches_leave_the_statistics_of_every_document():
    model = replace(QUICK, batch_norm=True, epochs=1, batch_rows=64)
    chain = alone(model, STATE)
    p = {name: array.astype(float) for name, array in chain.parameters.items()}
    ms = np.array([sums(p, x, "softplus")[0] for x in X])
    np.testing.assert_allclose(p["mean.center"], ms.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(p["mean.scale"], np.sqrt(ms.var(axis=0) + 1e-3), rtol=1e-5)
    assert chain.losses[0] < np.log(V)


@pytest.mark.parametrize("optimizer", ["adagrad", "rmsprop", "sgd"])
def test_optimizers_take_the_step_of_their_equations(optimizer):
    """Two steps along slopes of 2w, from w = 1, 3."""

    def loss(parameters, rows, hyper):
        return (parameters["w"] ** 2).sum() + 0.0 * rows["x"]

    rows = {"x": np.zeros(3, np.float32), training.WEIGHT: np.ones(3, np.float32)}
    start = {"w": np.array([1.0, 3.0], np.float32)}
    order = np.array([[0, 1], [1, 2]])
    parameters, moments = training.compiled(loss, optimizer).epoch(start, training.still(start), rows, order, np.float32(0.1), {})
    w, m, v = np.array([1.0, 3.0]), np.zeros(2), np.zeros(2)
    for _ in range(2):
        g = 2 * w
        m, v = (0.9 * m + g, v) if optimizer == "sgd" else (m, v + g**2 if optimizer == "adagrad" else 0.9 * v + 0.1 * g**2)
        w = w - 0.1 * (m if optimizer == "sgd" else g / np.sqrt(v))
    np.testing.assert_allclose(parameters["w"], w, rtol=1e-5)
    assert int(moments.steps) == 2


ASKED = {f"{NAME}.n_topics": K, f"{NAME}.hidden_layer_sizes": [8], f"{NAME}.learning_rate": 0.02, f"{NAME}.epochs": 30,
         f"{NAME}.alpha": 1.0}  # fmt: skip
TEMPERATURES = [f"{NAME}.doc_topic_temperature", f"{NAME}.topic_word_temperature"]


def test_topics_of_documents_are_found_and_scores_are_those_of_plain_loops(tmp_path):
    names = ["neg_perplexity", "npmi", "diversity"]
    how = {"algorithm": NAME, "folds": KFold(2), "store": tmp_path / "s"}
    result = hpo.tune(X, search={**ASKED, **{key: [0.8, 1.0] for key in TEMPERATURES}}, scoring=names, sampler="grid", trials=4, **how)
    assert result.cost.rows_read == N
    assert 0 < result.cost.epochs_trained <= 30 * 2 < result.cost.epochs_alone, "four settings of one training"
    assert result.best_value > -19.0, "of 30 words, ten a topic"
    algorithm = result.best.algorithm
    for fold, (_, test) in enumerate(KFold(2).split(X)):
        solved = algorithm.solve(result.best.states.train[fold])
        given, asked = halves(sp.csr_array(X[test]))
        logs = [a @ log_p(solved.network.parameters, theta, algorithm.topic_word_temperature)
                for a, theta in zip(asked.toarray(), solved.network.shares(given), strict=True)]  # fmt: skip
        assert result.best.scores.folds[fold] == pytest.approx(-np.exp(-np.sum(logs) / asked.sum()), rel=1e-9)
        assert result.best.scores.also["npmi"].folds[fold] == pytest.approx(npmi_of(solved.phi, X[test]), abs=1e-9)
    model = result.best_model[-1]
    found = {frozenset(int(word[1:]) // (V // K) for word in words) for words in model.topics(5)}
    assert found == {frozenset({k}) for k in range(K)}, "each topic has the words of one"
    assert model.components_.sum() == pytest.approx(X.sum(), rel=1e-6)
    theta = result.best_model.transform(pd.DataFrame(X, columns=model.words_))
    assert theta.shape == (N, K) and np.allclose(theta.sum(axis=1), 1.0)
    assert model.perplexity(X) == pytest.approx(np.exp(-model.score(X) / X.sum())) and model.perplexity(X) < 19.0
    assert model.get_feature_names_out().tolist() == ["topic0", "topic1", "topic2"]
    with pytest.raises(ValueError, match="X has 3 columns, and the model takes 30 words"):
        model.transform(X[:, :3])
    with pytest.raises(ValueError, match="X holds -1"):
        model.transform(-np.ones((1, V)))
    again = clone(model).fit(X)
    assert again.transform(X).shape == (N, K)
    with pytest.raises(AlgorithmError, match=r"algorithm=None\) cannot be fitted"):
        type(model)().fit(X)
    both = hpo.tune(X, algorithm=["topics", NAME], trials=2, scoring=names, sampler="grid", folds=KFold(2),
                    search={**ASKED, **dict.fromkeys(TEMPERATURES, 1.0), "topics.n_topics": K, "topics.topic_word_prior": 0.1},
                    store=tmp_path / "s")  # fmt: skip
    assert both.cost.epochs_trained == 0, "what was trained is known"
    assert len(both.candidates) == 2
    for one in both.candidates:
        for fold, (_, test) in enumerate(KFold(2).split(X)):
            phi = one.algorithm.solve(one.states.train[fold]).phi
            assert one.scores.also["npmi"].folds[fold] == pytest.approx(npmi_of(phi, X[test]), abs=1e-9)


def texts(n=90):
    subjects = [["goal", "match", "team", "cup"], ["bank", "money", "rate", "loan"], ["rain", "wind", "sea", "cold"]]
    rng = np.random.default_rng(0)
    made = [" ".join(rng.choice(subjects[i % 3], 12)) for i in range(n)]
    made[4] = ""
    return pd.DataFrame({"text": made})


@pytest.mark.filterwarnings("ignore:documents.*fewer than two words")
def test_texts_are_tuned_reported_and_predicted_without_jax(tmp_path):
    where = {"store": tmp_path / "s", "storage": tmp_path / "j"}
    frame = texts()
    search = {**ASKED, f"{NAME}.words_per_topic": 3}
    asked = {"algorithm": NAME, "documents": "text", "search": search, "folds": 2, "trials": 1, "name": "texts", **where}
    with pytest.warns(hpo.errors.DataWarning, match="1 row of 90 with fewer than two words"):
        result = hpo.tune(frame, **asked)
    data = hpo.write_report(result, tmp_path / "report.html")
    assert [len(one.words) for one in data.topics] == [3] * K
    assert np.isclose(sum(one.share for one in data.topics), 1.0)
    assert '<section id="topics">' in (tmp_path / "report.html").read_text()
    asked = pd.DataFrame({"text": ["goal match cup", "", "words that are in no document", None]})
    made = result.predict(asked)
    assert np.allclose(made.iloc[1:], 1 / K), "of a document that says nothing"
    asked.to_parquet(tmp_path / "asked.parquet")
    code = (
        "import sys; sys.modules['jax'] = sys.modules['jaxlib'] = sys.modules['optax'] = None\n"
        "import hpo, pandas as pd\n"
        f"r = hpo.load('texts', storage={str(tmp_path / 'j')!r}, store={str(tmp_path / 's')!r})\n"
        f"r.predict(pd.read_parquet({str(tmp_path / 'asked.parquet')!r})).to_parquet({str(tmp_path / 'made.parquet')!r})\n"
    )
    done = forked.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "made.parquet"), made)


def test_a_loss_that_is_no_number_fails_with_the_reason_and_what_was_good_stays():
    search = {**ASKED, **dict.fromkeys(TEMPERATURES, 1.0), f"{NAME}.learning_rate": [1e30, 0.02], f"{NAME}.epochs": 2}
    result = hpo.tune(X, algorithm=NAME, search=search, folds=2, sampler="grid", trials=2, store=None)
    (error,) = {t.user_attrs["error"] for t in result.optuna_study.trials if t.user_attrs.get("error")}
    assert "NeuralTopicModel: the loss is not a number in epoch 1; try a smaller learning_rate than 1e+30" in error
    assert result.best_params[f"{NAME}.learning_rate"] == 0.02
    good = alone(replace(QUICK, epochs=2), STATE)
    chains = []
    with pytest.raises(FitFailed, match="not a number in epoch 3"):
        chains.extend(further(replace(QUICK, learning_rate=1e30), good, STATE))
    assert chains == [] and all(np.isfinite(array).all() for array in good.parameters.values())


def test_a_chain_of_another_architecture_is_refused():
    chain = alone(replace(QUICK, epochs=1), STATE)
    with pytest.raises(FitFailed, match=r"'topics' of the stored chain is \(3, 30\) where \(4, 30\) is expected"):
        next(iter(further(replace(QUICK, n_topics=4), chain, STATE)))
    with pytest.raises(FitFailed, match=r"'hidden1.weights' of the stored chain is absent"):
        next(iter(further(replace(QUICK, hidden_layer_sizes=(8, 8)), chain, STATE)))
    two = replace(QUICK, hidden_layer_sizes=(8, 8)).begin(STATE)
    with pytest.raises(FitFailed, match="has 2 hidden layers where there are to be 1"):
        next(iter(further(QUICK, two, STATE)))


def test_what_cannot_be_is_refused_in_words_and_few_documents_are_one_batch():
    few = replace(QUICK, batch_rows=4096, epochs=1).solve(state_of(X[:6]))
    assert few.phi.shape == (K, V)
    empty = X.copy()
    empty[::2] = 0.0
    assert corpus_of(state_of(empty)).counts.shape == (N // 2, V)
    wrong = X.copy()
    wrong[3, 2] = -1.0
    with pytest.raises(InvalidField, match="column 'x2' holds -1, and topics take counts"):
        QUICK.check(state_of(wrong))
    with pytest.raises(TooLarge, match="no finite sum"):
        QUICK.check(state_of(np.full((3, 2), 1e308)))
    with pytest.raises(NotEnoughRows, match="of 5 documents 0 have two words"):
        QUICK.check(state_of(np.eye(5)))
    with pytest.raises(hpo.errors.SearchError, match=r"hidden_layer_sizes=\(0,\): must be one to eight whole numbers"):
        hpo.tune(X, algorithm=NAME, search={f"{NAME}.hidden_layer_sizes": [0]}, store=None)


def test_documents_of_weight_matter_as_often_as_they_weigh():
    """One batch of all documents: of weight three a document is three, but for what is drawn of each."""
    often = np.random.default_rng(0).integers(1, 4, N)
    weighed, repeated = corpus_of(state_of(X, weight=often.astype(float))), corpus_of(state_of(np.repeat(X, often, axis=0)))
    np.testing.assert_allclose(weighed.counts.T @ weighed.weights * often.mean(), repeated.counts.T @ repeated.weights)
    solved = [replace(QUICK, epochs=1).solve(state_of(X, weight=w)) for w in (None, often.astype(float))]
    assert not np.allclose(solved[0].phi, solved[1].phi)


@pytest.mark.parametrize(
    ("values", "words"),
    [({"n_topics": 1}, "n_topics=1"), ({"activation": "gelu"}, "activation='gelu'"), ({"optimizer": "lamb"}, "optimizer='lamb'"),
     ({"doc_topic_temperature": 0.0}, "doc_topic_temperature=0.0"), ({"alpha": -1.0}, "alpha=-1.0"),
     ({"word_dropout": 1.5}, "word_dropout=1.5"), ({"hidden_layer_sizes": ()}, r"hidden_layer_sizes=\(\)"),
     ({"words_per_topic": 0}, "words_per_topic=0"), ({"random_state": -1}, "random_state=-1")],
)  # fmt: skip
def test_what_is_not_legal_is_refused(values, words):
    with pytest.raises(InvalidField, match=f"^{words}: must be"):
        NeuralTopicModel(**values)


def test_without_the_extra_nobody_is_sent_to_what_needs_it(monkeypatch, capsys, tmp_path):
    assert NAME in registry.of_task("topics") and "fm_classifier" in registry.of_task("classification")
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(AlgorithmError, match=r"^neural_topic_model is trained by jax and optax, which are not installed: "
                       r"pip install 'onepass-hpo\[neural\]'$"):  # fmt: skip
        hpo.tune(X, algorithm=NAME, store=tmp_path)
    assert registry.of_task("topics") == ["topics", "lsa"]
    assert "deepar" not in forecasters() and "linear_forecaster" in forecasters()
    assert not [task for task in ("regression", "classification") for name in auto.candidates(task) if "fm" in name]
    with pytest.raises(UnknownAlgorithm, match=r"did you mean 'neural_topic_model' \(needs onepass-hpo\[neural\]\)\?.*"
                       r"fm_classifier \(needs onepass-hpo\[neural\]\), kmeans,"):  # fmt: skip
        registry.get("neural_topic_modl")
    needs = r"\(needs onepass-hpo\[neural\]\)"
    for asked, message in (("DeepAR", f"write 'deepar' {needs}; "), ("factorization_machin", rf"did you mean '\w+' {needs}\? "),
                        ("xgboost", r"write .*XGBClassifier' \(needs xgboost, which is not installed: pip install xgboost\); ")):  # fmt: skip
        with pytest.raises(UnknownAlgorithm, match=f"is unknown; {message}known are"):
            registry.get(asked)
    Path(tmp_path / "s.yaml").write_text("data: x.csv\ntarget: y\nalgorithm: deepr\n")
    answer = run(capsys, monkeypatch, "plan", str(tmp_path / "s.yaml"))
    assert answer.code == 2 and "did you mean 'deepar' (needs onepass-hpo[neural])?" in answer.err
    shown = run(capsys, monkeypatch, "algorithms", "fm_classifier").out
    assert "not installed: pip install 'onepass-hpo[neural]'" in shown
    listed = " ".join(run(capsys, monkeypatch, "algorithms").out.split())
    assert re.search(r"Not installed is what trains factorization_machine, .*neural_topic_model.*: pip install 'onepass-hpo\[neural\]'", listed)
    assert "onepass-hpo" not in run(capsys, monkeypatch, "algorithms", "ridge").out


def test_the_naive_perplexity_is_of_one_frequency_of_each_word():
    held = documents(40, seed=1)
    often = X.sum(axis=0) + 1.0
    asked = halves(sp.csr_array(held))[1]
    own = -np.exp(-np.sum(asked @ np.log(often / often.sum())) / asked.sum())
    found = QUICK.naive_score(STATE, Held(state_of(held), state_of(held)), "neg_perplexity")
    assert float(found) == pytest.approx(own, rel=1e-12)
    assert QUICK.naive_score(STATE, Held(state_of(held), state_of(held)), "npmi") is None
