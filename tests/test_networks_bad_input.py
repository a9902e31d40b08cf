"""Rows that networks cannot take: each ends in a sentence, from Python and from the command line."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import yaml
from terminal import hpo as shell

import hpo
from hpo.errors import DataWarning, NoScoreWarning

WORDS = [["goal", "match", "team", "cup"], ["bank", "money", "rate", "loan"]]
TEXTS = [" ".join(np.random.default_rng(i).choice(WORDS[i % 2], 10)) for i in range(60)]
TOPICS = {"n_topics": 2, "hidden_layer_sizes": [6], "epochs": 3, "alpha": 1.0, "doc_topic_temperature": 1.0, "topic_word_temperature": 1.0}
SERIES = {"epochs": 2, "hidden_size": 4, "num_batches_per_epoch": 3, "batch_size": 8, "num_parallel_samples": 10, "learning_rate": 0.01,
          "dropout_rate": 0.1}  # fmt: skip
PAIRS = {"rank": 2, "epochs": 2, "alpha": 0.1}


def documents(*more):
    return pd.DataFrame({"text": [*TEXTS, *more]})


def shops(n=60, names=("a", "b"), y=lambda t: 5.0 + np.sin(t * np.pi / 6) + 0.1 * (t * 7 % 5)):
    months, t = pd.date_range("2015-01-01", periods=n, freq="MS"), np.arange(n)
    return pd.concat([pd.DataFrame({"shop": name, "month": months, "sales": np.asarray(y(t), float)}) for name in names])


def pairs(**values):
    rng = np.random.default_rng(0)
    made = pd.DataFrame({"u": rng.integers(0, 9, 200), "v": rng.integers(0, 7, 200)})
    return made.assign(r=(made.u * made.v % 5).astype(float)).assign(**values)


def asked(algorithm, values, **more):
    """The options of a study of one network."""
    how = {
        "neural_topic_model": {"documents": "text", "folds": 2},
        "deepar": {"target": "sales", "time": "month", "series": "shop", "folds": {"scheme": "backtest", "horizon": 3, "n_splits": 2}},
        "factorization_machine": {"target": "r", "hash_columns": ["u", "v"], "folds": 2},
    }[algorithm]
    search = {f"{algorithm}.{key}": value for key, value in values.items()}
    return {"algorithm": algorithm, "search": search, "trials": 1, **how, **more}


def irregular():
    made = shops()
    return made.assign(month=made.month + pd.to_timedelta(np.arange(len(made)) * 7 % 9, "D"))


BAD = {
    "no_words": (pd.DataFrame({"text": [" "] * 20}), asked("neural_topic_model", TOPICS), r"column 'text': empty vocabulary"),
    "diverging_topics": (documents(), asked("neural_topic_model", {**TOPICS, "learning_rate": 1e30, "optimizer": "sgd"}),
                         r"the loss is not a number in epoch 1; try a smaller learning_rate than 1e\+30"),
    "all_short": (shops(20), asked("deepar", SERIES), r"no held-out window of 39 steps is without a gap, so that no forecast can be scored"),
    "too_few_steps": (shops(4), asked("deepar", SERIES), r"the data has 4, .*give fewer splits or a smaller horizon"),
    "gaps_everywhere": (shops(y=lambda t: np.where(t % 5 == 0, np.nan, 5.0 + t)), asked("deepar", SERIES),
                        r"no held-out window of 39 steps is without a gap"),
    "irregular": (irregular(), asked("deepar", SERIES), r"time='month' is irregular: .* give the frequency"),
    "duplicate": (pd.concat([shops(), shops().iloc[:1]]), asked("deepar", SERIES), r"the series shop='a' has two rows of month=2015-01-01"),
    "negative_counts": (shops(y=lambda t: np.rint(3 * np.sin(t))), asked("deepar", {**SERIES, "likelihood": "negative_binomial"}),
                        r"is of counts, whole numbers of at least 0, and the target holds -2; give 'student_t' or 'gaussian'"),
    "no_shares": (shops(), asked("deepar", {**SERIES, "likelihood": "beta"}), r"is of values between 0 and 1"),
    "diverging_series": (shops(), asked("deepar", {**SERIES, "learning_rate": 1e30}), r"DeepAR: the loss is not a number in epoch 1"),
    "constant": (shops(y=lambda t: np.full(len(t), 4.0)), asked("deepar", SERIES), r"no series of the sampled windows changes by more than its season; give scoring='neg_smape'"),
    "diverging_pairs": (pairs(), asked("factorization_machine", {**PAIRS, "learning_rate": 1e30}), r"FactorizationMachine: the loss is not a number in epoch 1"),
    "replay_unnamed": (pairs(), asked("factorization_machine", PAIRS, replay=0.2), r"replay=0\.2 continues from the last edition"),
    "population_of_many": (pairs(), asked("factorization_machine", {**PAIRS, "epochs": [2, 4]}, fidelity="population"),
                           r"give one number for factorization_machine\.epochs, not several"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_rows_end_in_a_sentence_in_python(name, tmp_path):
    frame, how, said = BAD[name]
    with pytest.warns(NoScoreWarning) if "diverging" in name or name in ("all_short", "gaps_everywhere", "constant") else Nothing() as warned:
        try:
            hpo.tune(frame, store=tmp_path, progress=False, **how)
        except Exception as error:  # whichever of the errors: its words are looked at
            words = f"{type(error).__name__} {error}"
        else:
            words = " ".join(str(one.message) for one in warned)
    assert re.search(said, words), words
    assert "Attribute" not in words and "KeyError" not in words


class Nothing:
    """A block that expects no warning."""

    def __enter__(self):
        return []

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize("name", [name for name in BAD if name != "replay_unnamed"])  # a file's study has a name
def test_bad_rows_end_in_a_sentence_on_the_command_line(name, tmp_path, capsys, monkeypatch):
    frame, how, said = BAD[name]
    monkeypatch.chdir(tmp_path)
    frame.reset_index(drop=True).to_parquet("rows.parquet")
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({"data": "rows.parquet", **how}))
    answer = shell(capsys, monkeypatch, "run", "study.yaml", "--store", "s", "--storage", "j")
    assert re.search(said, " ".join((answer.out + answer.err).split())), answer.err
    assert answer.code not in (0, 70), "an error, and no bug"
    assert "Traceback" not in answer.err


def test_what_may_be_odd_is_taken(tmp_path):
    """Some empty documents, words that nobody saw, one series alone, constant ones beside others, short and new ones."""
    how = {"store": tmp_path, "progress": False}
    with pytest.warns(DataWarning, match="3 rows of 63 with fewer than two words"):
        found = hpo.tune(documents("", "", None), **asked("neural_topic_model", TOPICS), **how)
    unseen = found.predict(pd.DataFrame({"text": ["unheard of", ""]}))
    np.testing.assert_allclose(unseen.to_numpy(float), 0.5)
    flat = shops(names=("flat",), y=lambda t: np.full(len(t), 4.0))
    short = shops(3, ("short",)).assign(month=pd.date_range("2019-10-01", periods=3, freq="MS"))
    for rows, count in ((shops(names=("a",)), 1), (pd.concat([shops(), flat]), 3), (pd.concat([shops(), short]), 3)):
        result = hpo.tune(rows, **asked("deepar", SERIES), **how)
        ahead = result.forecast(quantiles=[0.5])
        assert len(ahead) == 3 * count and np.isfinite(ahead["q0.5"]).all()
    assert hpo.tune(pairs(r=1.0), **asked("factorization_machine", PAIRS, scoring="neg_mean_squared_error"), **how).best_value > -1e-4
