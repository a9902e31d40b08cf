"""``hpo report``: what a study found, on the terminal or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import collect, report_page, terminal
from hpo.cli.exits import OutputError, UsageError
from hpo.cli.opened import opened
from hpo.cli.options import AllowImport, AsJson, Storage, Store, StudyName
from hpo.cli.output import console, emit_text, note

if TYPE_CHECKING:
    from studies.report.data import ReportData


def report(
    name: StudyName,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as one page that needs no network.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the trials as CSV, a line each; - prints them.")
    ] = None,
    as_json: AsJson = False,
    store: Store = None,
    storage: Storage = None,
    allow_import: AllowImport = None,
) -> None:
    """Show what a study found, on the terminal or as a page.

    Best settings, scores, curves, importances and cost, answered from the states: no data is read.

    Examples
    --------
      hpo report flights
      hpo report flights --html flights.html --csv trials.csv
      hpo report flights --json | jq .best.params
    """
    if as_json and str(csv) == "-":
        raise UsageError("--json and --csv - both want standard output; give --csv a file")
    found = opened(name, storage=storage, store=store, allow_import=allow_import)
    data = collect.report_data(found, drawn=html is not None or as_json)
    if html is not None:
        note(f"report: {report_page.write_html(data, html)}")
    if csv is not None:
        _write_csv(csv, data)
    if as_json:
        emit_text(report_page.to_json(data))
    elif html is None and csv is None:
        terminal.render_summary(data, console())


def _write_csv(path: Path, data: ReportData) -> None:
    if str(path) == "-":
        emit_text(report_page.to_csv(data))
        return
    try:
        path.write_text(report_page.to_csv(data), encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; choose another file") from None
    note(f"trials: {path}")
