"""The names in a store, beside those of leaves."""

from __future__ import annotations

import re

from state_store.errors import InvalidName
from state_store.key import LEAVES, PACKS, Key, check_digest

DOCUMENTS, PINS = "documents", "pins"
KIND, DOCUMENT_NAME = re.compile(r"[a-z]{1,40}"), re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


def document_name(kind: str, name: str) -> str:
    """Return the name of a document's blob.

    Examples
    --------
    >>> document_name("pilots", "0123abcd")
    'documents/pilots/0123abcd'
    """
    if not isinstance(kind, str) or not KIND.fullmatch(kind):
        raise InvalidName(f"kind {kind!r} of a document: expected letters a-z.")
    if not isinstance(name, str) or not DOCUMENT_NAME.fullmatch(name):
        raise InvalidName(f"name {name!r} of a document: expected a digest, or a-z 0-9 _ -.")
    return f"{DOCUMENTS}/{kind}/{name}"


def is_blob_name(name: str) -> bool:
    """Return whether a name is that of a leaf, a pack of leaves or a document.

    Examples
    --------
    >>> is_blob_name("documents/pilots/0123abcd"), is_blob_name("leaves/notes")
    (True, False)
    """
    room, *parts = name.split("/")
    try:
        if room == DOCUMENTS and len(parts) == 2:
            document_name(*parts)
        else:
            Key.parse(f"{LEAVES}/{'/'.join(parts)}" if room == PACKS else name)
    except InvalidName:
        return False
    return True


def pin_name(context: str) -> str:
    """Return the name that marks a context as pinned.

    Examples
    --------
    >>> pin_name("ab" * 8)
    'pins/abababababababab'
    """
    check_digest("context", context)
    return f"{PINS}/{context}"
