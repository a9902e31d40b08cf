"""Sizes as people write them: ``500MB``, ``10GB``."""

from __future__ import annotations

import re

_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BYTES |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_SIZE = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?(?:e\d{1,2})?)\s*([a-zA-Z]*)\s*", re.ASCII)


def bytes_of(text: str) -> int | None:
    """Return a number of bytes such as ``500MB``, ``10GB``, ``2GiB`` or ``1e9``; None for another text.

    Examples
    --------
    >>> bytes_of("1.5 GB"), bytes_of("2MiB"), bytes_of("1e9"), bytes_of("much")
    (1500000000, 2097152, 1000000000, None)
    """
    match = _SIZE.fullmatch(text)
    if match is None or match[2].lower() not in _BYTES:
        return None
    return int(float(match[1]) * _BYTES[match[2].lower()])
