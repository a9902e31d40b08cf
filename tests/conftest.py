"""Shared fixtures: a home of its own for every test, and one Hypothesis profile."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "hpo", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("hpo")


@pytest.fixture(autouse=True)
def hpo_home(tmp_path):
    """Defaults live under a directory of this test's own, whatever the test undoes."""
    home = tmp_path / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HPO_HOME", os.fspath(home))
        yield home
