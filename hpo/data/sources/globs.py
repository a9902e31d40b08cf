"""Globs: where their wildcards begin, and the regular expression that they are."""

from __future__ import annotations

import re

_WILD = re.compile(r"[*?\[]")


def split_wild(text: str) -> tuple[str, str]:
    """Split a glob into the directory before its first wildcard and the pattern below it."""
    hit = _WILD.search(text)
    if hit is None:
        return text, ""
    cut = text.rfind("/", 0, hit.start()) + 1
    return text[:cut], text[cut:]


def glob_pattern(glob: str) -> str:
    """Return the regular expression of a glob: ``**`` crosses directories, ``*`` and ``?`` do not.

    Examples
    --------
    >>> bool(re.fullmatch(glob_pattern("a/**/*.csv"), "a/b/c/d.csv"))
    True
    >>> bool(re.fullmatch(glob_pattern("a/*.csv"), "a/b/d.csv"))
    False
    """
    rules = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}

    def replace(hit: re.Match[str]) -> str:
        token = hit.group()
        if token in rules:
            return rules[token]
        if token.startswith("[") and len(token) > 2:
            return (
                "["
                + ("^" if token[1] in "!^" else "")
                + re.escape(token[1:-1].lstrip("!^")).replace(r"\-", "-")
                + "]"
            )
        return re.escape(token)

    return re.sub(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", replace, glob)
