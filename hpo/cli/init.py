"""``hpo init``: a commented study file from the data's schema."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.behind import auto, field_ranges, imports, study_template
from hpo.cli.drafts import Draft, make_draft
from hpo.cli.exits import OutputError, UsageError
from hpo.cli.options import AllowImport, AsJson
from hpo.cli.output import emit, note, say
from studies.counting import counted

MOST_COLUMNS = 200
"""Columns that are listed in comments."""


def init(
    data: Annotated[
        list[str], typer.Argument(metavar="DATA...", help="Files, a directory, a glob in quotes, or a URI.")
    ],
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="{target} [default: guessed and printed].")
    ] = None,
    algorithm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Algorithm to tune; repeat for several; auto picks by the target [default: auto].",
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column to leave out, or several with commas; repeat for more."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="{name} [default: from the data's name].")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="File to write; - for standard output.")
    ] = Path("study.yaml"),
    allow_import: AllowImport = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a study.yaml to read and change, from the data's schema.

    Every line is explained; only the footers and the first rows are read. Then `hpo plan study.yaml`.

    Examples
    --------
      hpo init "flights/*.parquet" --target arr_delay
      hpo init "flights/*.parquet" --target arr_delay --drop arr_time,air_time
      hpo init "flights/*.parquet" --target carrier -o carriers.yaml
      hpo init train.csv --target price --algorithm lasso -o price.yaml
      hpo init measurements.parquet --algorithm pca
    """
    imports.allow(allow_import or ())
    to_stdout = str(output) == "-"
    if to_stdout and as_json:
        raise UsageError("--json and -o - would both go to standard output; give a file with -o")
    if not to_stdout and output.exists() and not force:
        raise UsageError(f"{output} exists; --force replaces it, -o FILE writes another")
    draft = make_draft(data, target, algorithm or [auto.AUTO], name, drop or ())
    if target is None and draft.target is not None:
        note(f"target: {draft.target!r}, a guess; give --target if it is another column")
    if draft.chosen:
        note(draft.chosen)
    for column, why in draft.why_drop.items():
        note(f"drop: {column!r}, {why}; change it in the file if that is wrong")
    for option, value in draft.reading.items():
        note(f"{option}: {value!r}, a guess: {draft.why[option]}; change it in the file if that is wrong")
    text = written(draft)
    if to_stdout:
        say(text.removesuffix("\n"))
        return
    _write(output, text)
    if as_json:
        emit({"file": str(output), **asdict(draft)})
        return
    about = f"target {draft.target or 'none'}, {', '.join(draft.algorithm)}"
    say(f"{output}: {counted(len(draft.columns), 'column')}, {about}")
    say(f"next: hpo plan {output}, then hpo run {output}")


def written(draft: Draft) -> str:
    """Return the text of the study file."""
    return study_template.template(
        name=draft.name,
        data=draft.data[0] if len(draft.data) == 1 else draft.data,
        target=draft.target,
        algorithms=draft.algorithm,
        scoring=draft.scoring,
        targets=dict(list(draft.others.items())[:20]),
        columns=draft.columns[:MOST_COLUMNS],
        ranges=field_ranges.searched_ranges(draft.algorithm),
        drop=draft.drop,
        why_drop=draft.why_drop,
        search=draft.search,
        offer=draft.offer,
        reading={k: (v, draft.why[k]) for k, v in draft.reading.items()},
    )


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        why = f"{error.strerror}; choose another file with -o"
        raise OutputError(f"{path} cannot be written: {why}") from None
