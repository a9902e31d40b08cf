"""A study of small data loads no library that it does not need: most of a cold process's time went into imports."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from studies.sampling.normal import END, cdf, quantile
from studies.sampling.quasi import DIRECTIONS, Quasi

HEAVY = {
    "pandas", "sklearn", "matplotlib", "polars", "sqlalchemy", "jinja2", "joblib", "yaml", "pyarrow.parquet",
    "numpy.f2py", "unittest", "scipy",
}  # fmt: skip

OPTIONAL = {"charset_normalizer", "colorama"}
"""What NumPy and colorlog load where something else has installed it: here the tools of the documentation."""

STUDY = """
import sys, tempfile
import numpy as np
import hpo

X = np.random.default_rng(0).normal(size=(60, 3))
with tempfile.TemporaryDirectory() as store:
    result = hpo.tune((X, X[:, 0]), algorithm={algorithm!r}, trials={trials}, folds=3, progress=False, store=store)
    assert result.best.scores.mean > -1.0
print(*sys.modules)
"""


@pytest.mark.parametrize("algorithm", ["ridge", "pls", "bayesian_ridge"])
def test_a_small_study_loads_few_modules(algorithm):
    code = STUDY.format(algorithm=algorithm, trials=12)
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY & set(loaded) == set()
    assert len([name for name in loaded if name.partition(".")[0] not in OPTIONAL]) < 950


def test_the_model_is_scikit_learn_s_all_the_same():
    code = STUDY.format(algorithm="ridge", trials=3) + "print(type(result.best_model).__mro__[0].__module__)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "sklearn.pipeline"


@pytest.mark.parametrize("m", [1, 2, 7, len(DIRECTIONS) + 1, len(DIRECTIONS) + 2])
def test_quasi_random_points_are_scipy_s(m):
    expected = qmc.Sobol(m, scramble=True, seed=np.random.default_rng(5)).random_base2(8)
    points = Quasi(m, seed=5)
    np.testing.assert_array_equal(np.array([points[i] for i in range(256)]), expected)


def test_the_normal_distribution_is_scipy_s():
    x = np.linspace(-12.0, 12.0, 4_001)
    np.testing.assert_allclose(cdf(x), ndtr(x), rtol=0, atol=3e-10)
    inside = np.abs(x) < END
    np.testing.assert_allclose(cdf(x[inside]), ndtr(x[inside]), rtol=2e-6)
    assert (np.diff(cdf(x)) >= 0.0).all()
    q = np.r_[np.logspace(-15, -1, 50), np.linspace(0.1, 1 - 1e-12, 101)]
    np.testing.assert_allclose(quantile(q), ndtri(q), rtol=0, atol=1e-4)
    assert np.isfinite(quantile(np.array([0.0, 1.0]))).all()
