"""Random tables, settings, splits and scores: fold scores and predictions are scikit-learn's, or the refusal is told."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, seed, settings

from differential.compare import ask
from differential.known import KNOWN
from differential.settings import SETTINGS, examples

EXAMPLES, SEEDS = 60, (0, 1)
_SCALES = "the solvers of badly scaled and nearly collinear columns"
LEFT_OUT: dict[str, str] = {
    **dict.fromkeys(("ols", "ridge", "lasso", "elastic_net", "pls", "pcr", "bayesian_ridge", "pca"), _SCALES),
    **dict.fromkeys(
        ("lda", "qda"), "a constant with gaps is divided by its rounding; eigenvectors of unlike scales"
    ),
    **dict.fromkeys(("poisson", "gamma", "logistic"), "the last Newton steps, and a constant with gaps"),
    **dict.fromkeys(("knn_regressor", "knn_classifier"), "a fitted row is not at distance zero from itself"),
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
