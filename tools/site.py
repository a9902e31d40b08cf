"""Hooks of the site (``mkdocs.yml``): pages made from the code and from files beside ``docs``, and their links."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import griffe
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT))

import reference  # noqa: E402 -- needs the path above

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

OUTSIDE = {
    "README.md": "index.md",
    "benchmarks/README.md": "benchmarks.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Files beside ``docs`` that are pages of the site."""

FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(\]\()(?!https?://|#|mailto:)([^)#\s]+)((?:#[^)\s]*)?\))")
ROLE = re.compile(r":\w+:`~?([^`]+)`")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are no files of ``docs``, and the files of the repository that pages link to."""
    for source, address in OUTSIDE.items():
        files.append(File.generated(config, address, content=(ROOT / source).read_text("utf-8")))
    for address, made in reference.PAGES.items():
        files.append(File.generated(config, address, content=made()))
    pages = [*OUTSIDE, *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
    for name in sorted({target for page in pages for target in linked(page)}):
        if address_of(name).startswith("files/"):
            files.append(File.generated(config, address_of(name), abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links lead where a page of the repository is in the site."""
    address = page.file.src_uri
    if address in reference.PAGES:
        return markdown
    source = next((name for name, at in OUTSIDE.items() if at == address), f"docs/{address}")

    def moved(match: re.Match[str]) -> str:
        target = os.path.relpath(address_of(resolved(source, match[2])), Path(address).parent)
        return match[1] + target + match[3]

    parts = FENCED.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(moved, part) for part in parts)


def linked(page: str) -> set[str]:
    """Return the files of the repository that a page links to."""
    text = FENCED.sub("", (ROOT / page).read_text("utf-8"))
    found = {resolved(page, match[2]) for match in LINK.finditer(text)}
    return {name for name in found if (ROOT / name).is_file()}


def resolved(page: str, target: str) -> str:
    """Return where a link of a page leads, from the root of the repository."""
    return os.path.normpath(Path(page).parent / target)


def address_of(name: str) -> str:
    """Return where a file of the repository is in the site."""
    if name in OUTSIDE:
        return OUTSIDE[name]
    return name.removeprefix("docs/") if name.startswith("docs/") else f"files/{name}"


class PlainRoles(griffe.Extension):
    """Writes Sphinx's roles in docstrings, such as ``:func:`hpo.tune```, as code."""

    def on_object(self, *, obj: griffe.Object, **rest: Any) -> None:
        """Take the marks out of one docstring."""
        if obj.docstring is not None:
            obj.docstring.value = ROLE.sub(r"`\1`", obj.docstring.value)
