"""How an engine is named in a study."""

from __future__ import annotations

import re

from studies.spec.ranges import wrong

DASK = "dask"
THREADS = ("threads", "threading")
"""Names of what runs in this process; the second is joblib's."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_ADDRESS = re.compile(r"dask://(?:\[[0-9a-fA-F:]+\]|[^\s:/@\[\]]+):[0-9]{1,5}")


def engine(value: object) -> object:
    """Check the name of an engine.

    Examples
    --------
    >>> engine("dask://10.0.0.1:8786")
    'dask://10.0.0.1:8786'
    """
    if value is None or (isinstance(value, str) and (_NAME.fullmatch(value) or _ADDRESS.fullmatch(value))):
        return value
    raise wrong(
        f"{str(value)[:60]!r} is not an engine: write threads, dask, dask://host:port, loky or the name of another "
        "backend of joblib (in Python also a distributed.Client, which may use TLS)"
    )
