"""SciPy, scikit-learn, pandas, and JAX, loaded when something of them is first asked for.

An algorithm is arrays and fields until a model is built, and scikit-learn alone takes a second to import: a list
of the algorithms, or help, needs neither. The libraries load their own modules by name, so this reads as they do:

>>> from algorithms.lazily import sklearn
>>> sklearn.linear_model.Ridge(alpha=2.0)
Ridge(alpha=2.0)
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Library:
    """A library that is imported when something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(import_module(self._name), name)
        setattr(self, name, found)
        return found


scipy = Library("scipy")
sklearn = Library("sklearn")
pandas = Library("pandas")
jax = Library("jax")
optax = Library("optax")
joblib = Library("joblib")
urllib_request = Library("urllib.request")
