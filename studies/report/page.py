"""The study's report: one HTML file that needs no network, and the same facts as JSON and CSV."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from studies.errors import StudyError
from studies.report.data import ReportData
from studies.report.plain import to_plain
from studies.report.text import clean
from studies.report.view import build_view

if TYPE_CHECKING:
    from jinja2 import Environment


class ReportError(StudyError):
    """A report that cannot be written: where, why, and what to do."""


def render_html(data: ReportData) -> str:
    """Return the report as one HTML page.

    The page loads nothing: style, script and charts are inside, and its content security policy allows only
    the one script whose digest it names. All text from users is escaped; without scripts it is complete.

    Examples
    --------
    >>> page = render_html(ReportData(name="<flights>", scoring="r2"))
    >>> "&lt;flights&gt;" in page, "<flights>" in page
    (True, False)
    """
    environment = _environment()
    script = environment.get_template("script.html.j2").render()
    view = build_view(data)
    page = environment.get_template("report.html.j2").render(
        view=view,
        style=Markup(environment.get_template("style.html.j2").render()),  # noqa: S704 - the package's own file
        script=Markup(script),  # noqa: S704 - the package's own file
        script_digest=_digest(script),
    )
    return clean(page)


def write_html(data: ReportData, path: str | os.PathLike[str]) -> Path:
    """Write the report to `path`, whole or not at all, and return where it is.

    Raises
    ------
    ReportError
        When the directory is missing or the file cannot be written.
    """
    return written(path, render_html(data))


def write_json(data: ReportData, path: str | os.PathLike[str]) -> Path:
    """Write what the report shows as JSON; as :func:`write_html`."""
    return written(path, to_json(data) + "\n")


def written(path: str | os.PathLike[str], made: str) -> Path:
    """Write a report to `path`, whole or not at all, and return where it is. Raises ReportError."""
    target = Path(path)
    if target.is_dir():
        raise ReportError(
            f"The report cannot be written to {target}: it is a directory. Name a file in it, "
            f"for example {target / 'report.html'}."
        )
    if not target.parent.is_dir():
        raise ReportError(
            f"The report cannot be written to {target}: the directory {target.parent} does not "
            "exist. Create it, or choose another path."
        )
    try:
        _write_whole(target, made.encode())
    except OSError as error:
        why = error.strerror or error
        raise ReportError(
            f"The report cannot be written to {target}: {why}. "
            "Choose a path that you may write to, on a disk with room."
        ) from error
    return target


def to_json(data: ReportData) -> str:
    """Return everything that the report knows as strict JSON; numbers that are not finite become null.

    Examples
    --------
    >>> json.loads(to_json(ReportData(name="flights")))["name"]
    'flights'
    """
    return json.dumps(data.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)


def to_csv(data: ReportData) -> str:
    """Return the trials as CSV: one line a trial, one column a hyperparameter.

    Examples
    --------
    >>> from studies.report.data import TrialRow
    >>> trial = TrialRow(0, "ridge", {"alpha": 0.5}, value=-2.0, fold_scores=[-1.5, -2.5])
    >>> print(to_csv(ReportData(name="s", trials=[trial])).splitlines()[1])
    0,ridge,complete,-2.0,,,,,,,-1.5 -2.5,0.5
    """
    names = list(dict.fromkeys(name for trial in data.trials for name in trial.params))
    fixed = [
        "number", "algorithm", "state", "value", "se", "bound", "accuracy", "seconds", "duplicate_of", "error",
        "fold_scores",
    ]  # fmt: skip
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*fixed, *(f"params_{name}" for name in names)])
    for trial in data.trials:
        row = trial.to_dict()
        scores = " ".join("" if score is None else repr(score) for score in row["fold_scores"])
        params = [_cell(row["params"].get(name)) for name in names]
        writer.writerow([*(row[key] for key in fixed[:-1]), scores, *params])
    return out.getvalue()


def _cell(value: object) -> object:
    return json.dumps(to_plain(value)) if isinstance(value, list | dict) else value


def _digest(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("studies.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _write_whole(target: Path, content: bytes) -> None:
    """Write to a temporary neighbour and rename, so that a reader sees the old file or the new one."""
    part = target.parent / f".{target.name[:80]}.{secrets.token_hex(8)}"
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
