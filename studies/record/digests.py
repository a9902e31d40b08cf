"""Digests at the end of lines of JSON, which other readers of JSON take for one more key."""

from __future__ import annotations

import re
from hashlib import blake2b

SIZE = 8
"""Bytes of a digest."""

_SEAL = re.compile(rb',"digest":"([0-9a-f]{16})"\}\s*\Z')


def seal(text: bytes) -> bytes:
    r"""Return the line of a JSON object that is not empty, with a digest of what comes before that.

    Examples
    --------
    >>> seal(b'{"op_code":1,"study_id":0}')
    b'{"op_code":1,"study_id":0,"digest":"a8e29c55f5926266"}\n'
    """
    return text[:-1] + b',"digest":"' + digest(text[:-1]) + b'"}\n'


def unsealed(line: bytes) -> tuple[bytes | None, bytes]:
    """Return the digest that a line carries, None if it has none, and what it is of."""
    if line[-30:-19] == b',"digest":"' and line[-3:] == b'"}\n':  # as we write it; a search costs ten times as much
        return line[-19:-3], line[:-30]
    found = _SEAL.search(line)
    return (None, line) if found is None else (found[1], line[: found.start()])


def digest(text: bytes) -> bytes:
    """Return the digest of a text."""
    return blake2b(text, digest_size=SIZE).hexdigest().encode()
