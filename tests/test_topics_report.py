"""What a report shows of topics: words, sizes, a map, and coherence against their number."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform
from twins_topics import npmi_of

import hpo
from algorithms.contract import Batch, Column, Shape
from algorithms.families.coherence import coherences, places
from algorithms.laws import lift
from algorithms.summaries.co_occurrence import CoOccurrence
from studies.report.data import ReportData

SUBJECTS = [["goal", "match", "team", "cup", "<b>"], ["bank", "money", "rate", "loan"], ["rain", "wind", "sea", "cold"]]


def texts(n=150, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"text": [" ".join(rng.choice(SUBJECTS[min(i % 4, 2)], 8)) for i in range(n)]})


def test_a_report_shows_topics(tmp_path):
    asked = {"documents": {"text": "text", "token_pattern": r"\S+"}, "store": tmp_path / "store"}
    result = hpo.tune(texts(), algorithm="topics", trials=8, search={"topics.n_topics": hpo.Int(2, 6)}, **asked)
    data = hpo.write_report(result, tmp_path / "report.html")
    model = result.best_model[-1]
    assert sorted(map(sorted, (one.words for one in data.topics))) == sorted(map(sorted, model.topics(10)))
    shares = [one.share for one in data.topics]
    assert shares == sorted(shares, reverse=True) and np.isclose(sum(shares), 1.0)
    state = result.best.states.whole
    own = coherences(model.topic_words_, state)
    assert np.allclose(sorted(one.coherence for one in data.topics), sorted(own))
    page = (tmp_path / "report.html").read_text()
    assert '<section id="topics">' in page and "Map of" in page
    assert "<b>" not in re.findall(r'<section id="topics">.*?</section>', page, re.DOTALL)[0], "words are text"
    curve = next(one for one in data.validation if one.metric == "npmi")
    assert curve.name == "topics.n_topics" and len(curve.mean) == len(curve.se) > 1
    assert ReportData.from_dict(data.to_dict()) == data
    other = hpo.tune(texts(), algorithm="lsa", trials=2, **asked)
    assert not hpo.write_report(other, tmp_path / "other.html").topics
    assert '<section id="topics">' not in (tmp_path / "other.html").read_text()


def test_coherence_of_each_topic_is_that_of_its_words():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.4, size=(60, 15)).astype(float)
    state = lift(CoOccurrence(), Shape(tuple(Column(f"w{j}", f"w{j}") for j in range(15))), Batch(X, 15))
    phi = rng.dirichlet(np.ones(15), size=3)
    kept = X[X.sum(axis=1) >= 2]
    assert np.allclose(coherences(phi, state), [npmi_of(row[None], kept) for row in phi])


def test_topics_of_like_words_are_near_on_the_map():
    rng = np.random.default_rng(0)
    phi = np.concatenate([rng.dirichlet(np.r_[np.full(10, 9.0), np.full(10, 0.1)], 2), rng.dirichlet(np.r_[np.full(10, 0.1), np.full(10, 9.0)], 1)])
    apart = squareform(pdist(places(phi)))
    assert apart[0, 1] < 0.5 * min(apart[0, 2], apart[1, 2])
    assert places(phi[:1]).tolist() == [[0.0, 0.0]]
