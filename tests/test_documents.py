"""Documents as a column of text: against CountVectorizer and the matrix that it makes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from terminal import hpo as run

import hpo
from hpo.errors import ColumnWarning, DataError, DataWarning, TuneError
from hpo.states.forget import forget_file
from studies.errors import SpecError

SUBJECTS = [
    "the goal of the match came late and the team won the cup", "a bank lends money at a rate of interest to a firm",
    "rain and wind come from the sea with a cold front",
]  # fmt: skip
TEXTS = [f"{SUBJECTS[i % 3]} {' '.join(SUBJECTS[i % 3].split()[i % 5 :: 2])}" for i in range(90)]
ASKED = {"algorithm": "topics", "trials": 3, "search": {"topics.n_topics": 3, "topics.topic_word_prior": [0.01, 0.03, 0.1]}}


def frame(more=()):
    return pd.DataFrame({"abstract": [*TEXTS, *more]})


@pytest.mark.filterwarnings("ignore:.* documents have fewer than two words")
@pytest.mark.parametrize(
    "asked",
    [
        {}, {"stop_words": "english"}, {"stop_words": ["the", "of"]}, {"max_features": 9}, {"min_df": 40}, {"max_df": 0.5},
        {"ngram_range": [1, 2], "lowercase": False}, {"token_pattern": "[a-z]{4,}", "strip_accents": "ascii"},
        {"binary": True}, {"analyzer": "char_wb", "ngram_range": [3, 3]},
    ],
    ids=str,
)  # fmt: skip
def test_a_column_of_text_is_the_matrix_that_scikit_learn_makes_of_it(asked, tmp_path):
    given = {k: tuple(v) if k == "ngram_range" else v for k, v in asked.items()}
    counter = CountVectorizer(**{"max_features": 4000, **given}).fit(TEXTS)
    matrix = hpo.tune(counter.transform(TEXTS).astype(float), **ASKED, store=tmp_path / "a")
    found = hpo.tune(frame(), documents={"text": "abstract", **asked}, **ASKED, store=tmp_path / "b")
    assert found.model_of(encoded=True)["encoder"].feature_names_in_.tolist() == counter.get_feature_names_out().tolist()
    assert found.best_value == pytest.approx(matrix.best_value, abs=0.02), "other folds: rows have other places"
    mine, other = (np.sort(r.best_model[-1].components_, axis=0) for r in (found, matrix))
    assert mine == pytest.approx(other, rel=1e-6)
    predicted = found.predict(frame()[:6])
    assert np.allclose(predicted, found.best_model[-1].transform(counter.transform(TEXTS[:6]).astype(float)))


def test_the_only_column_is_taken_by_itself_from_csv_and_parquet(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    frame().to_parquet("texts.parquet")
    frame().to_csv("texts.csv", index=False)
    matrix = CountVectorizer(max_features=4000).fit_transform(TEXTS).astype(float)
    whole = hpo.tune(matrix, **ASKED, store=None).best.states.whole
    for kind in ("parquet", "csv"):
        found = hpo.tune(f"texts.{kind}", **ASKED, store=tmp_path).best.states.whole
        assert found.rows == 90 and np.allclose(found.pairs, whole.pairs, rtol=1e-12, atol=0)
        assert np.array_equal(found.together, whole.together) and np.array_equal(found.totals, whole.totals)
    Path("study.yaml").write_text(
        "name: texts\ndata: texts.csv\nalgorithm: topics\ntrials: 2\nsearch: {topics.n_topics: 3}\n"
        "documents: {text: abstract, stop_words: english}\n"
    )
    done = run(capsys, monkeypatch, "run", "study.yaml", "--no-progress")
    assert done.code == 0, done.err
    done = run(capsys, monkeypatch, "predict", "texts", "texts.csv", "-o", "out.csv")
    assert done.code == 0, done.err
    assert len(pd.read_csv("out.csv")) == 90
    again = hpo.load("texts")
    assert again.predict(frame()[:2]).shape == (2, 3)


def test_documents_without_words_and_words_that_are_not_known(tmp_path):
    with pytest.warns(DataWarning, match=r"^3 of 93 documents have fewer than two words: nothing is learned of them"):
        found = hpo.tune(frame([None, "", "a b c"]), documents="abstract", **ASKED, store=tmp_path)
    plain = hpo.tune(frame(), documents="abstract", **ASKED, store=tmp_path)
    state = found.best.states.whole
    assert (state.rows, state.short) == (93, 3.0)
    assert np.allclose(found.best_model[-1].components_.sum(), plain.best_model[-1].components_.sum(), rtol=0.05)
    predicted = found.predict(pd.DataFrame({"abstract": [None, "", "wholly unheard"]}))
    assert np.allclose(predicted, predicted.iloc[0]) and np.allclose(predicted.sum(axis=1), 1.0)


def test_what_is_wrong_is_said(tmp_path):
    def refused(error, match, data=None, **asked):
        with pytest.raises(error, match=match):
            hpo.tune(frame() if data is None else data, **{**ASKED, **asked}, store=tmp_path)

    two = frame().assign(title="a title of words")
    refused(TuneError, "columns 'abstract', 'title' are text; say which holds the documents: documents='abstract'", two)
    refused(DataError, "feature 'abstrac' is not in the data; did you mean 'abstract'", documents="abstrac")
    refused(DataError, "column 'n' holds int64, and documents are text", pd.DataFrame({"n": range(9)}), documents="n")
    refused(DataError, "column 'abstract': max_df corresponds to < documents than min_df; give a smaller min_df",
            documents={"text": "abstract", "min_df": 500})
    refused(DataError, "empty vocabulary", pd.DataFrame({"abstract": ["a", "b", None]}))
    refused(SpecError, "stop_words is 'english', or a list of words", documents={"text": "abstract", "stop_words": "x"})
    refused(SpecError, "unknown key 'min_dff' in 'documents'; did you mean 'min_df'", documents={"text": "abstract", "min_dff": 2})
    refused(SpecError, "min_df is a number of documents", documents={"text": "abstract", "min_df": 1.5})
    refused(SpecError, "token_pattern is not a regular expression: unterminated character set",
            documents={"text": "abstract", "token_pattern": "["})
    refused(SpecError, "ngram_range is two numbers, the smaller first", documents={"text": "abstract", "ngram_range": [2, 1]})
    refused(TuneError, "features: the columns are the words of documents", documents="abstract", features=["abstract"])
    refused(DataError, "folds by column 'title': rows of documents have their words alone", two, documents="abstract",
            folds={"scheme": "group", "column": "title"})
    refused(TuneError, "documents and interactions: rows are documents, or pairs", documents="abstract",
            interactions={"user": "abstract", "item": "n"})
    refused(DataError, "target: rows of documents have none", two, documents="abstract", target="title", algorithm="lda", search=None)


def columns(result):
    return [field.name for field in result.states.whole.shape.columns if field.role == "value"]


def test_a_new_file_of_documents_is_read_alone_and_counted_by_the_same_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for month, low in enumerate((0, 40)):
        frame()[low : low + 40].to_parquet(f"texts-{month}.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ColumnWarning)  # no word is in no document
        first = hpo.tune("texts-*.parquet", **ASKED, store="states")
    assert (first.cost.rows_read, first.cost.pilot_rows >= 80) == (80, True)
    pd.DataFrame({"abstract": [*TEXTS[80:], "quokka quokka wombat of the sea"]}).to_parquet("texts-2.parquet")
    again = hpo.tune("texts-*.parquet", **ASKED, store="states")
    assert again.cost.rows_read == 11, "the new file alone"
    assert columns(again.best) == columns(first.best) and "quokka" not in columns(again.best)
    counter = CountVectorizer(vocabulary=columns(first.best))
    whole = hpo.tune(counter.transform([*TEXTS, "of the sea"]).astype(float), **ASKED, store=None).best.states.whole
    assert np.allclose(again.best.states.whole.pairs, whole.pairs, rtol=1e-12, atol=0)
    fresh = hpo.tune("texts-*.parquet", **ASKED, store="other")
    assert "quokka" in columns(fresh.best), "another store knows no words of it"
    forgotten = forget_file(hpo.StateStore("states"), Path("texts-0.parquet").absolute().as_uri(), dry_run=True)
    assert any(name.startswith("documents/vocabularies/") for name in forgotten.stays), forgotten


def test_the_words_of_many_documents_are_those_of_drawn_ones(tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.data.documents.DOCUMENTS", 30)
    pd.DataFrame({"abstract": [f"{text} word{i}" for i, text in enumerate(TEXTS)]}).to_parquet(tmp_path / "t.parquet")
    found = hpo.tune(tmp_path / "t.parquet", **ASKED, store=tmp_path)
    words = columns(found.best)
    assert sum(word.startswith("word") for word in words) == 30
    assert {"goal", "bank", "wind"} < {*words} and found.best.states.whole.rows == 90


def test_documents_in_files_have_the_same_states_from_processes(tmp_path):
    frame().to_parquet(tmp_path / "texts.parquet")
    here, there = (
        hpo.tune(tmp_path / "texts.parquet", **ASKED, store=tmp_path / str(engine), engine=engine)
        for engine in (None, "loky")
    )
    assert np.array_equal(here.best.states.whole.pairs, there.best.states.whole.pairs)
    assert here.best_value == there.best_value


def test_empty_rows_of_a_matrix_are_counted(tmp_path):
    counts = CountVectorizer().fit_transform([*TEXTS, "goal"]).astype(float)
    with pytest.warns(DataWarning, match="^1 of 91 documents has fewer than two words: nothing is learned of them$"):
        hpo.tune(counts, **ASKED, store=tmp_path)


def test_texts_beside_other_columns_are_no_words(tmp_path, monkeypatch, capsys):
    """Levels of a text beside numbers were taken for words, and the study ran."""
    monkeypatch.chdir(tmp_path)
    frame().assign(id=range(90), title="a title", when=pd.Timestamp("2024-01-01")).to_csv("texts.csv", index=False)
    with pytest.raises(TuneError, match=r"'abstract' holds text, .* for each word; .*give documents='abstract', else drop="):
        hpo.tune("texts.csv", **ASKED, store=tmp_path, drop=["title", "when"])
    with pytest.raises(TuneError, match=r"column 'when' holds timestamps, .*; leave it out with drop="):
        hpo.tune(frame().assign(when=pd.Timestamp("2024-01-01"))[["when"]].assign(goal=1.0), **ASKED, store=tmp_path)
    done = run(capsys, monkeypatch, "init", "texts.csv", "--algorithm", "topics")
    assert done.code == 0 and "documents: {'text': 'abstract'}, a guess: it has the longest texts" in done.err
    assert "\ndocuments: {text: abstract}" in Path("study.yaml").read_text()
    Path("study.yaml").write_text(Path("study.yaml").read_text().replace("trials: 200", "trials: 2"))
    done = run(capsys, monkeypatch, "run", "study.yaml", "--no-progress")
    assert done.code == 0 and "26 columns" in done.out, done


def test_rows_of_a_user_and_an_item_are_no_matrix(tmp_path, monkeypatch, capsys):
    """Their numbers were taken for ratings of four items, and the study ran."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"userId": np.repeat(np.arange(40), 5), "movieId": rng.integers(0, 20, 200)}).drop_duplicates()
    rows = rows.assign(rating=rng.integers(1, 6, len(rows)), timestamp=1_000_000_000)
    rows.to_csv("r.csv", index=False)
    asked = {"algorithm": "ease", "trials": 2, "store": tmp_path}
    with pytest.raises(TuneError, match=r"give interactions=\{'user': 'userId', 'item': 'movieId', 'value': 'rating'\}"):
        hpo.tune("r.csv", **asked)
    with pytest.raises(TuneError, match="column 'genre' holds text, and pure_svd takes a column of numbers for each item"):
        hpo.tune(rows[["userId"]].assign(genre="horror"), **{**asked, "algorithm": "pure_svd"})
    done = run(capsys, monkeypatch, "init", "r.csv", "--algorithm", "ease")
    assert "\ninteractions: {user: userId, item: movieId, value: rating}" in Path("study.yaml").read_text(), done.err
    Path("study.yaml").write_text(Path("study.yaml").read_text().replace("trials: 200", "trials: 2"))
    done = run(capsys, monkeypatch, "run", "study.yaml", "--no-progress")
    assert done.code == 0 and "40 rows × 20 columns" in done.out, done
