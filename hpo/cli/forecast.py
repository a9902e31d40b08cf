"""``hpo forecast``: the next steps of a study's series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.behind import pa
from hpo.cli.opened import chosen, opened
from hpo.cli.options import AllowImport, AsJson, Edition, Simplest, Storage, Store, StudyName, Trial
from hpo.cli.output import emit, say
from hpo.cli.predict import check_output, check_outside, write
from studies.counting import counted


def forecast(
    name: StudyName,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="File to write, .parquet or .csv; replaced.")
    ],
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATA...]",
            help="Further rows to continue from: files, a directory, a glob in quotes, or a URI.",
        ),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="How many steps [default: those that the study was tuned for]."),
    ] = None,
    quantile: Annotated[
        list[float] | None,
        typer.Option(metavar="SHARE", help="Quantile to write, such as 0.9, as a column q0.9; repeat for more."),
    ] = None,
    futr_df: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Rows of the steps to come, with the columns of futr_exog_list; repeat for more."
        ),
    ] = None,
    intervals: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="How quantiles are computed: normal errors, or conformal: held-out errors."
        ),
    ] = "normal",
    simplest: Simplest = False,
    trial: Trial = None,
    edition: Edition = None,
    store: Store = None,
    storage: Storage = None,
    allow_import: AllowImport = None,
    as_json: AsJson = False,
) -> None:
    """Forecast the next steps of a study's series.

    Writes a row for each series and step: the name of the series, the time, the mean and the quantiles asked for,
    by the best model. It continues from the last rows of each series, which the states hold; no row of the study
    is read.

    Examples
    --------
      hpo forecast shops -o next.csv
      hpo forecast shops january.parquet -o next.parquet --horizon 4 --quantile 0.1 --quantile 0.9
      hpo forecast shops -o next.csv --futr-df prices.csv
    """
    check_output(output)
    result = opened(name, storage=storage, store=store, allow_import=allow_import, edition=edition)
    check_outside(output, result.record)
    candidate = chosen(result, trial, simplest=simplest)
    made = result.forecast(
        horizon, quantiles=quantile or (), data=data or None, futr_df=futr_df or None, intervals=intervals,
        candidate=candidate,
    )
    rows = write(output, iter([pa.Table.from_pandas(made, preserve_index=False)]))
    if as_json:
        emit({"file": str(output), "rows": rows, "study": result.record.name})
    else:
        say(f"{output}: {counted(rows, 'forecast')}")
