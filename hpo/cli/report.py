"""``hpo report``: what a study found, on the terminal or in a file."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import collect, report_markdown, report_page, report_pictures, terminal
from hpo.cli.exits import OutputError, UsageError
from hpo.cli.opened import opened
from hpo.cli.options import AllowImport, AsJson, Storage, Store, StudyName
from hpo.cli.output import console, emit_text, note
from studies.report.formats import BY_ENDING, Format

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
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="Format: a page, text for a pull request, data or a picture."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE",
            help="File of --format, or of what its ending says; without it, text is printed.",
        ),
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Show the page in the browser; without --html it is a temporary file.")
    ] = False,
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
      hpo report flights --open
      hpo report flights --html flights.html --csv trials.csv
      hpo report flights --format markdown | gh pr comment --body-file -
      hpo report flights -o flights.png
      hpo report flights --json | jq .best.params
    """
    if output is not None and format_ is None:
        format_ = BY_ENDING.get(output.suffix.lower())
    as_json = as_json or (format_ is Format.JSON and output is None)
    _check(csv, format_, output, as_json=as_json)
    found = opened(name, storage=storage, store=store, allow_import=allow_import)
    if open_ and html is None:
        html = Path(tempfile.mkdtemp(prefix="hpo-")) / "report.html"
    drawn = html is not None or as_json or format_ is not None
    data = collect.report_data(found, drawn=drawn)
    if html is not None:
        page = report_page.write_html(data, html)
        note(f"report: {page}")
        if open_ and not webbrowser.open(Path(page).resolve().as_uri()):
            note(f"no browser could be opened; open {page} in one")
    if csv is not None:
        _write(csv, report_page.to_csv(data), "trials")
    if as_json:
        emit_text(report_page.to_json(data))
    elif format_ is not None:
        _formatted(data, format_, output)
    elif html is None and csv is None:
        terminal.render_summary(data, console())


def _check(csv: Path | None, format_: Format | None, output: Path | None, *, as_json: bool) -> None:
    """Refuse two answers on standard output, and a place or a format that lacks the other."""
    printed = as_json or (format_ is Format.MARKDOWN and output is None)
    if printed and str(csv) == "-":
        raise UsageError("two answers would go to standard output; give --csv a file")
    if as_json and format_ not in (None, Format.JSON):
        raise UsageError(f"--json and --format {format_} would both be the answer; leave one out")
    if as_json and output is not None:
        raise UsageError(f"--json prints, and -o {output} writes; leave one out")
    if output is not None and format_ is None:
        raise UsageError(
            f"-o {output} needs --format: html, markdown, json or png (or an ending that says it, such as .html)"
        )
    if format_ in (Format.HTML, Format.PNG) and output is None:
        raise UsageError(f"--format {format_} needs -o FILE, such as -o report.{format_}")


def _formatted(data: ReportData, format_: Format, output: Path | None) -> None:
    if output is None:
        emit_text(report_markdown.to_markdown(data).rstrip("\n"))
    elif format_ is Format.HTML:
        note(f"report: {report_page.write_html(data, output)}")
    elif format_ is Format.PNG:
        note(f"report: {report_pictures.write_png(data, output)}")
    else:
        made = report_page.to_json(data) + "\n" if format_ is Format.JSON else report_markdown.to_markdown(data)
        _write(output, made, "report")


def _write(path: Path, content: str, what: str) -> None:
    if str(path) == "-":
        emit_text(content)
        return
    try:
        path.write_text(content, encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; choose another file") from None
    note(f"{what}: {path}")
