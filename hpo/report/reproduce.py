"""What is needed to make a study again: its command, seeds, versions, and what its data was."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from studies.counting import counted

if TYPE_CHECKING:
    from hpo.findings.result import Result

PACKAGES = ("numpy", "scipy", "scikit-learn", "optuna", "pyarrow")
"""Packages whose versions may move a number."""

DIGITS = 16
"""Of a digest, as many as tell two data sets apart by eye."""


def recipe(result: Result) -> list[tuple[str, str]]:
    """Return pairs of a name and what it is, for the page's last sections.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> result = hpo.tune((X, X @ [1.0, 2.0]), algorithm="ridge", trials=2, store=None)
    >>> [name for name, _ in recipe(result)]
    ['Seed', 'Data', 'Versions of this page']
    """
    record = result.record
    found = [("Command", "hpo run study.yaml")] if _has_files(result) else []
    found.append(("Seed", str(record.spec.get("seed", 0))))
    if keys := record.segments:
        digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:DIGITS]
        found.append(("Data", f"{counted(len(keys), 'segment')}, digest {digest}"))
    known = [f"Python {platform.python_version()}", *filter(None, map(_version, PACKAGES))]
    return [*found, ("Versions of this page", ", ".join(known))]


def _has_files(result: Result) -> bool:
    """Return whether the data can be read again by what the study says of it."""
    data = result.record.spec.get("data", "")
    return bool(data) and data != "in memory"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
