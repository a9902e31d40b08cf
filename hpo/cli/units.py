"""Ages and sizes as people write them: ``30d``, ``10GB``."""

from __future__ import annotations

from datetime import timedelta

from hpo.cli.exits import UsageError
from hpo.process.sizes import bytes_of
from studies.spec.durations import seconds_of

LONGEST = 1e9
"""Days; a timedelta holds no more."""


def age(text: str) -> timedelta:
    """Return an age such as ``90s``, ``12h``, ``30d``, ``8w``.

    Raises
    ------
    UsageError
        If it is none.

    Examples
    --------
    >>> age("36h")
    datetime.timedelta(days=1, seconds=43200)
    """
    seconds = seconds_of(text)
    if seconds is None or seconds / 86_400 >= LONGEST:
        raise UsageError(f"--max-age {text!r} is not an age; write for example 90s, 15m, 12h, 30d or 8w")
    return timedelta(seconds=seconds)


def size(text: str) -> int:
    """Return a number of bytes such as ``500MB``, ``10GB``, ``2GiB`` or ``1000000``.

    Raises
    ------
    UsageError
        If it is none.

    Examples
    --------
    >>> size("1.5 GB"), size("2MiB")
    (1500000000, 2097152)
    """
    found = bytes_of(text)
    if found is None:
        raise UsageError(f"--max-size {text!r} is not a size; write for example 500MB, 10GB or 2GiB")
    return found
