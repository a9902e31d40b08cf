"""What a report is written as, and the endings of files that say it."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """What a report is written as."""

    HTML = "html"
    MARKDOWN = "markdown"
    JSON = "json"
    PNG = "png"


BY_ENDING = {f".{one}": one for one in Format} | {".htm": Format.HTML, ".md": Format.MARKDOWN}
"""The format of a file by the ending of its name, in small letters."""
