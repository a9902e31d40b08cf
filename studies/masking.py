"""Addresses without their secrets, for messages and records."""

from __future__ import annotations

import re

_KEY = r"[\w.-]*(?:password|passwd|pwd|pass|secret|token|credentials?|signature|key|sig|odbc_connect)"
_QUERY = re.compile(rf"(?i)([?&;]|%3B|%26)({_KEY})(=|%3D)[^&\s\"']*")
_PORT = re.compile(r"\d{1,5}(?:[/?,;:.)\s]|$)")
_USER = re.compile(r"[^\s/@:]*:")
_END = re.compile(r"[\n\r]")
_TOKEN_END = re.compile(r"[\s\"'<>]")


def mask(text: str) -> str:
    """Return the text with user names, passwords and secret query values of addresses replaced by ``***``.

    Passwords may hold ``/``, ``@`` and spaces, as SQLAlchemy takes them. Takes time in proportion to the text.

    Examples
    --------
    >>> mask("postgresql://me:s3cret@db/optuna")
    'postgresql://***@db/optuna'
    >>> mask("cannot open postgresql://me:a b/c@d@db/optuna: no such host")
    'cannot open postgresql://***@db/optuna: no such host'
    >>> mask("s3://bucket/x?secret_key=abc&region=eu")
    's3://bucket/x?secret_key=***&region=eu'
    """
    head, *rest = text.split("://")
    shown = "://".join([head, *map(_without_user, rest)])
    return _QUERY.sub(r"\1\2\3***", shown)


def _without_user(rest: str) -> str:
    """Return what follows ``://`` without the user and password that it begins with, if it has some."""
    user = _USER.match(rest)
    within = _END if user is not None and not _PORT.match(rest, user.end()) else _TOKEN_END
    end = within.search(rest)
    place = rest.rfind("@", 0, len(rest) if end is None else end.start())
    return rest if place < 0 else f"***{rest[place:]}"
