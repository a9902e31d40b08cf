"""Models of topics beside scikit-learn's LatentDirichletAllocation: perplexity of held-out documents.

Two sets: the 395 articles of Reuters that the package ``lda`` brings, and the docstrings of the installed NumPy,
SciPy, scikit-learn and pandas. All have the same documents and folds, and predict the same half of the words of
each held-out document by the other one; LDA's topics of these are found by its own ``transform`` and by folding in,
and the better counts.

    python -m benchmarks.topics                   # pip install lda 'onepass-hpo[neural]'
"""

from __future__ import annotations

import argparse
import ast
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import KFold

import hpo
from algorithms.registry import usable
from algorithms.solvers.fold_in import halves, log_of_words, shares_of_topics
from benchmarks.table import Row, at_most
from benchmarks.workshop import Workshop

Places = NDArray[np.intp]
TOPICS = (10, 20, 40)
STEPS = 50
PACKAGES = ("numpy", "scipy", "sklearn", "pandas")


def reuters() -> csr_array:
    """Return the counts of the words of 395 articles."""
    from lda.datasets import load_reuters

    return csr_array(load_reuters().astype(np.float64))


def docstrings() -> csr_array:
    """Return the counts of the 4,000 most frequent words of docstrings of 200 letters or more."""
    words = CountVectorizer(stop_words="english", min_df=5, max_features=4000, token_pattern="[a-z]{3,}")
    return csr_array(words.fit_transform(sorted(set(_docstrings()))).astype(np.float64))


def _docstrings() -> Iterator[str]:
    for name in PACKAGES:
        spec = find_spec(name)
        assert spec is not None and spec.origin is not None
        for path in sorted(Path(spec.origin).parent.rglob("*.py")):
            if "tests" in path.parts:
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(path.read_text("utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    text = ast.get_docstring(node)
                    if text is not None and len(text) > 200:
                        yield text


SETS: dict[str, Callable[[], csr_array]] = {"reuters": reuters, "docstrings": docstrings}


MODELS = {"topics": 1.06, "neural_topic_model": 1.0}
"""The models, and how large their perplexity may be by that of scikit-learn's."""

FOLDS = 2
"""Folds of five, which are scored."""


def made(documents: int, words: int) -> csr_array:
    """Return the counts of words of documents of three topics."""
    rng = np.random.default_rng(0)
    phi = rng.dirichlet(np.full(words, 0.1), 3)
    shares = rng.dirichlet(np.full(3, 0.3), documents)
    return csr_array(np.array([rng.multinomial(30, row @ phi) for row in shares]).astype(np.float64))


def topic_rows(shop: Workshop) -> list[Row]:
    """Compare the perplexity of held-out documents with that of LatentDirichletAllocation."""
    whole = shop.rows >= 100_000
    there = {name: of for name, of in SETS.items() if name != "reuters" or find_spec("lda") is not None}
    sets = {name: of() for name, of in there.items()} if whole else {"made": made(60, 30)}
    rows: list[Row] = []
    for name, X in sets.items():
        splits = list(KFold(5, shuffle=True, random_state=0).split(np.arange(X.shape[0])))[:FOLDS]
        for k in TOPICS if whole else (3,):
            theirs = lda(X, splits, k)
            for model in (one for one in MODELS if one in usable()):
                scored = ours(model, X, splits, k)
                mine = scored["perplexity"]
                what = f"{name}, {k} topics: perplexity of held-out documents, {model} vs LatentDirichletAllocation"
                note = f"NPMI {scored['npmi']:.3f}"
                rows.append(Row(what, f"{mine:.1f}", f"{theirs:.1f}", mine / theirs, at_most(MODELS[model]), note))
    return rows


def lda(X: csr_array, folds: list[tuple[Places, Places]], k: int) -> float:
    """Return the mean perplexity over folds."""
    found = []
    for train, test in folds:
        model = LatentDirichletAllocation(k, max_iter=STEPS, random_state=0).fit(X[train])
        given, asked = halves(X[test][np.flatnonzero(X[test].sum(axis=1) >= 2)])
        phi = model.components_ / model.components_.sum(axis=1, keepdims=True)
        shares = model.transform(given), shares_of_topics(given, phi, np.full(k, model.doc_topic_prior_))
        found.append(min(float(np.exp(-log_of_words(asked, one, phi).sum() / asked.sum())) for one in shares))
    return float(np.mean(found))


def ours(name: str, X: csr_array, folds: list[tuple[Places, Places]], k: int) -> dict[str, float]:
    """Return the mean perplexity over folds, and coherence."""
    with tempfile.TemporaryDirectory() as store, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = hpo.tune(
            X, algorithm=name, folds=folds, search={f"{name}.n_topics": k, **FIXED.get(name, {})},
            scoring=["neg_perplexity", "npmi"], scoring_rows=X.shape[0], trials=1, store=store, progress=False,
        )  # fmt: skip
    coherence = float(np.mean(result.best.scores.also["npmi"].folds))
    return {"perplexity": -result.best_value, "npmi": coherence}


FIXED = {
    "neural_topic_model": {
        "neural_topic_model.alpha": 1.0, "neural_topic_model.doc_topic_temperature": 1.0,
        "neural_topic_model.topic_word_temperature": 1.0,
    },
    "topics": {"topics.topic_word_prior": 0.03},
}  # fmt: skip
"""The values by default: nothing is tuned."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folds", type=int, default=FOLDS, help="of five, which are scored")
    parser.add_argument("--only", choices=list(SETS))
    asked = parser.parse_args()
    for name in [asked.only] if asked.only else SETS:
        X = SETS[name]()
        folds = list(KFold(5, shuffle=True, random_state=0).split(np.arange(X.shape[0])))[: asked.folds]
        about = {"set": name, "documents": X.shape[0], "words": X.shape[1], "counted": int(X.sum())}
        print(json.dumps(about), flush=True)
        for k in TOPICS:
            for model in ("lda", "topics", "neural_topic_model"):
                began = time.perf_counter()
                mine = {"perplexity": lda(X, folds, k)} if model == "lda" else ours(model, X, folds, k)
                rounded = {key: round(value, 3) for key, value in mine.items()}
                seconds = round(time.perf_counter() - began, 1)
                print(json.dumps({"topics": k, "model": model, **rounded, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
