"""Addresses without their secrets, for messages and records."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"(?P<head>[A-Za-z][\w+.-]*://)(?P<user>[^/@\s]*)@")
_QUERY = re.compile(
    r"(?i)(?P<key>[?&](?:[\w.-]*(?:password|passwd|pwd|secret|token|credential|signature|key|sig))=)[^&\s\"']*"
)


def mask(text: str) -> str:
    """Return the text with user names, passwords and secret query values of addresses replaced by ``***``.

    Examples
    --------
    >>> mask("postgresql://me:s3cret@db/optuna")
    'postgresql://***@db/optuna'
    >>> mask("s3://bucket/x?secret_key=abc&region=eu")
    's3://bucket/x?secret_key=***&region=eu'
    """
    return _QUERY.sub(r"\g<key>***", _PASSWORD.sub(r"\g<head>***@", text))
