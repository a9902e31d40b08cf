"""What some algorithms need beside this package's own dependencies, and how to install it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from algorithms.errors import AlgorithmError

EXTRAS: Mapping[str, tuple[str, ...]] = {"neural": ("jax", "optax")}
"""The packages of each extra."""


PACKAGE = "onepass-hpo"


def needed(extra: str | None) -> str | None:
    """Return what pip is asked for where an extra is not there; None where nothing is missing.

    Examples
    --------
    >>> needed(None) is None
    True
    """
    return f"{PACKAGE}[{extra}]" if extra is not None and _missing(extra) else None


def _missing(extra: str) -> list[str]:
    return [name for name in EXTRAS[extra] if not is_installed(name)]


def is_installed(package: str) -> bool:
    """Return whether a package is there.

    Examples
    --------
    >>> is_installed("numpy"), is_installed("nmupy")
    (True, False)
    """
    return find_spec(package) is not None


def check_extra(extra: str | None, who: str) -> None:
    """Raise AlgorithmError, with the command that installs it, where an extra is not there; None is not an extra.

    Examples
    --------
    >>> check_extra(None, "ridge")
    """
    missing = [] if extra is None else _missing(extra)
    if missing:
        raise AlgorithmError(
            f"{who} is trained by {' and '.join(missing)}, which {'are' if len(missing) > 1 else 'is'} not "
            f"installed: pip install '{PACKAGE}[{extra}]'"
        )
