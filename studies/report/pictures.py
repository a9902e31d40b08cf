"""The report as one picture, taken by a Chromium or Chrome that is installed; nothing is downloaded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from studies.report.data import ReportData
from studies.report.page import ReportError, render_html

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
WIDTH, MOST, SECONDS = 1200, 16_000, 120
"""Pixels of a picture's width, of its height at most, and how long the browser may take."""

MEASURE = (
    '<script>addEventListener("load", () => { document.title = document.documentElement.scrollHeight; });'
    "</script></body>"
)


def write_png(data: ReportData, path: str | os.PathLike[str], width: int = WIDTH) -> Path:
    """Write the report as one PNG and return where it is.

    Raises
    ------
    ReportError
        There is no browser, or it does not take the picture.
    """
    browser, target = _browser(), Path(path)
    if not target.parent.is_dir() or target.is_dir():
        raise ReportError(f"The picture cannot be written to {target}. Name a file in a directory that exists.")
    with tempfile.TemporaryDirectory() as place:
        page, shot = Path(place) / "report.html", Path(place) / "report.png"
        source = re.sub(r"<meta http-equiv=[^>]*>", "", render_html(data))
        page.write_text(source.replace("</body>", MEASURE), encoding="utf-8")
        asked = [browser, *FLAGS, *_unboxed(), f"--user-data-dir={Path(place) / 'profile'}"]
        found = _run([*asked, f"--window-size={width},900", "--dump-dom", page.as_uri()])
        measured = re.search(r"<title>(\d+)</title>", found)
        height = min(MOST, int(measured[1]) if measured else 4000)
        _run([*asked, f"--window-size={width},{height}", f"--screenshot={shot}", page.as_uri()])
        if not shot.exists():
            raise ReportError(f"{browser} took no picture of the report; write it as html and print it there.")
        shutil.copyfile(shot, target)
    return target


def _browser() -> str:
    found = next((where for name in BROWSERS if (where := shutil.which(name))), None)
    if found is None:
        raise ReportError(
            "A picture of the report needs Chromium or Chrome, and neither is on the PATH. Install one, or write "
            "the report as html or markdown, which need none."
        )
    return found


def _unboxed() -> list[str]:
    """Return what a browser needs that runs as the super-user, as in a container."""
    return ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise ReportError(f"{command[0]} cannot draw the report: {error}; write it as html or markdown.") from None
    return done.stdout
