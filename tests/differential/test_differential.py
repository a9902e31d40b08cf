"""Random tables, settings, splits and scores: fold scores and predictions are scikit-learn's, or the refusal is told."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, seed, settings

from differential.compare import ask
from differential.known import KNOWN
from differential.settings import SETTINGS, examples

EXAMPLES, SEEDS = 25, (0, 1)
LEFT_OUT: dict[str, str] = {
    **dict.fromkeys(
        ("lasso", "elastic_net", "pls", "pcr", "bayesian_ridge", "pca", "lda", "qda", "logistic"),
        "a number that is constant where it is known, with gaps, is divided by the rounding of its imputed variance",
    ),
    "ridge": "a penalty of 1e-8 of collinear columns: predictions 1e-7 off, or a refusal at a condition of 1e4",
    **dict.fromkeys(("poisson", "gamma"), "the last Newton steps stop at slopes of 1e-8"),
    "knn_classifier": "a fitted row is not at distance zero from itself",
}
"""Algorithms that are not held to this yet, and why: the list can only shrink."""
ASKED = [name for name in SETTINGS if name not in LEFT_OUT]
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.mark.parametrize("start", SEEDS)
@pytest.mark.parametrize("algorithm", ASKED)
def test_any_table_and_setting(algorithm, start):
    @seed(start)
    @settings(max_examples=EXAMPLES, derandomize=False, database=None, suppress_health_check=SLOW)
    @given(examples(algorithm))
    def agrees(example):
        ask(example)

    agrees()


@pytest.mark.parametrize(
    "example", [e for e in KNOWN if e.algorithm in ASKED], ids=lambda e: f"{e.algorithm}-{e.spec.seed}"
)
def test_every_counterexample_that_was_found(example):
    ask(example)
