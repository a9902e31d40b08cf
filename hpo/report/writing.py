"""Reports of a result: one file, or a summary on the terminal."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from hpo.findings.result import Result
from hpo.report.collect import report_data
from studies.report.data import ReportData
from studies.report.formats import BY_ENDING, Format
from studies.report.markdown import write_markdown
from studies.report.page import write_html, write_json
from studies.report.pictures import write_png
from studies.report.terminal import render_summary
from studies.uncollected import uncollected

WRITERS = {
    Format.HTML: write_html, Format.MARKDOWN: write_markdown, Format.JSON: write_json, Format.PNG: write_png,
}  # fmt: skip


@uncollected()
def write_report(result: Result, path: str | os.PathLike[str] | None = None) -> ReportData:
    """Return everything that a report shows; with ``path``, write it there.

    Parameters
    ----------
    result : of a study.
    path : a file. Its ending says what is written: ``.md`` the text of a pull request, ``.json`` the data, ``.png``
        a picture of the page, which needs Chromium or Chrome; any other one page that needs no network.

    Raises
    ------
    ReportError
        The file cannot be written, or there is no browser to take a picture.
    """
    data = report_data(result)
    if path is not None:
        WRITERS[BY_ENDING.get(Path(path).suffix.lower(), Format.HTML)](data, path)
    return data


def show(result: Result) -> None:
    """Print a summary on the terminal."""
    render_summary(report_data(result, drawn=False), Console())
