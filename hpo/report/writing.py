"""Reports of a result: one HTML file, or a summary on the terminal."""

from __future__ import annotations

import os

from rich.console import Console

from hpo.findings.result import Result
from hpo.report.collect import report_data
from studies.report.data import ReportData
from studies.report.page import write_html
from studies.report.terminal import render_summary
from studies.uncollected import uncollected


@uncollected()
def write_report(result: Result, path: str | os.PathLike[str] | None = None) -> ReportData:
    """Return everything that a report shows; with ``path``, write it there as one HTML file."""
    data = report_data(result)
    if path is not None:
        write_html(data, path)
    return data


def show(result: Result) -> None:
    """Print a summary on the terminal."""
    render_summary(report_data(result, drawn=False), Console())
