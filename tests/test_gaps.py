"""Missing numbers, by discovery: every algorithm fills them with the mean of its training rows, as ``SimpleImputer`` does."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import PredefinedSplit
from test_every_algorithm import asked_of, data_for

import hpo
from algorithms import registry
from algorithms.contract import RESUMABLE, fitted
from algorithms.fields import fields_of

ZERO = {
    "topics": "a word that is not counted is not there",
    "neural_topic_model": "a word that is not counted is not there",
    "lsa": "a word that is not counted is not there",
    "ease": "an item that is not rated is not there",
    "pure_svd": "an item that is not rated is not there",
}
"""Algorithms to which what is missing is zero, and why."""

OTHERWISE = {
    "categorical_nb": "what is missing is a category of its own",
    **dict.fromkeys(registry.of_task("forecasting"), "a window with a step that is missing is left out"),
}
"""Algorithms that fill nothing in, and why."""

FILLED = [name for name in registry.names() if name not in OTHERWISE]
ANSWERS = ("predict_proba", "decision_function", "score_samples", "transform", "predict")


def with_gaps(name):
    """Rows with gaps in three columns, folds whose means are far from one another, and the target's name.

    The first column has gaps in held-out rows of the first fold only.
    """
    frame, target = data_for(name)
    rng = np.random.default_rng(0)
    numbers = [c for c in frame if c.startswith("x")][:3]
    place = frame[numbers[1]].rank(pct=True) + 0.5 * rng.random(len(frame))
    fold = np.minimum((place.rank(pct=True).to_numpy() * 3).astype(int), 2)
    for j, column in enumerate(numbers):
        gone = (rng.random(len(frame)) < 0.1 + 0.1 * fold) & ((j > 0) | (fold == 0))
        frame.loc[gone, column] = np.nan
    return frame, target, numbers, fold


def studied(name, frame, target, fold, where):
    """One setting of one study; missing numbers become the mean where that may be asked."""
    fields = fields_of(registry.get(name))
    search = {f"{name}.impute": "mean"} if "impute" in fields else {}
    return hpo.tune(
        frame, target=target, algorithm=name, trials=1, folds=PredefinedSplit(fold), search=search, polish=False,
        store=where, seed=3, progress=False, **asked_of(name),
    )  # fmt: skip


def answer(model, encoder, rows):
    """What a fitted pipeline says of raw rows."""
    said = next(getattr(model, each) for each in ANSWERS if hasattr(model, each))
    made = said(encoder.transform(rows))
    return np.asarray(made.toarray() if hasattr(made, "toarray") else made, float)


def filled(name, frame, numbers, train):
    """Return rows without gaps: the training rows' means, or zeros."""
    imputer = SimpleImputer(strategy="constant", fill_value=0.0) if name in ZERO else SimpleImputer()
    imputer.fit(frame[numbers].iloc[train])
    return frame.assign(**dict(zip(numbers, imputer.transform(frame[numbers]).T, strict=True)))


@pytest.mark.parametrize("name", FILLED)
def test_a_gap_is_the_mean_of_the_training_rows_of_its_fold(name, tmp_path):
    frame, target, numbers, fold = with_gaps(name)
    result = studied(name, frame, target, fold, tmp_path)
    encoder, algorithm = result.model_of(encoded=True)["encoder"], result.best.algorithm
    for i, state in enumerate(result.best.states.train):
        whole = filled(name, frame, numbers, np.flatnonzero(fold != i))
        model, features = fitted(algorithm, state), [c for c in frame if c != target]
        found = answer(model, encoder, frame[features])
        np.testing.assert_allclose(found, answer(model, encoder, whole[features]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in FILLED if registry.get(name)().summary.family != RESUMABLE])
def test_a_model_is_that_of_rows_filled_so_before_it_saw_them(name, tmp_path):
    """What is trained in the pass itself knows the means of a sample alone (``test_trusted_numbers.py`` asks how well)."""
    frame, target, numbers, fold = with_gaps(name)
    result = studied(name, frame, target, fold, tmp_path)
    for i, state in enumerate(result.best.states.train):
        whole = filled(name, frame, numbers, np.flatnonzero(fold != i))
        other = studied(name, whole, target, fold, tmp_path)
        features = [c for c in frame if c != target]
        found = answer(fitted(result.best.algorithm, state), result.model_of(encoded=True)["encoder"], whole[features])
        made = fitted(other.best.algorithm, other.best.states.train[i])
        expected = answer(made, other.model_of(encoded=True)["encoder"], whole[features])
        np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-6 * np.abs(expected).max())
