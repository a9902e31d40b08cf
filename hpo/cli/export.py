"""``hpo export``: a study's model as a file that runs where this package is not installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.behind import exporting
from hpo.cli.opened import chosen, opened
from hpo.cli.options import AllowImport, AsJson, Edition, Simplest, Storage, Store, StudyName, Trial
from hpo.cli.output import emit, say


def export(
    name: StudyName,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="File to write, .joblib, .skops, .onnx, .py; replaced."),
    ],
    simplest: Simplest = False,
    trial: Trial = None,
    edition: Edition = None,
    store: Store = None,
    storage: Storage = None,
    allow_import: AllowImport = None,
    as_json: AsJson = False,
) -> None:
    """Write a study's model for use elsewhere.

    It runs where this package is not installed: a pipeline of scikit-learn's own classes, or an ONNX graph. Before
    it is written, its predictions are compared with those of the study's model. A model that uses dates needs
    the module hpo_dates.py, which is written beside it.

    Examples
    --------
      hpo export flights -o model.skops
      hpo export flights -o model.onnx --simplest
    """
    exporting.check_ending(output)
    result = opened(name, storage=storage, store=store, allow_import=allow_import, edition=edition)
    files = exporting.export(result, output, candidate=chosen(result, trial, simplest=simplest))
    if as_json:
        emit({"files": [str(file) for file in files], "study": result.record.name})
    else:
        say("\n".join(f"{file}: {file.stat().st_size:,} bytes" for file in files))
