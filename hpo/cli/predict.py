"""``hpo predict``: a study's model on new rows, batch by batch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from hpo.cli.behind import (
    data_holding,
    data_schema,
    held_out,
    noted,
    pa,
    pa_csv,
    pq,
    store_files,
    text_files,
)
from hpo.cli.exits import OutputError, UsageError
from hpo.cli.opened import chosen, opened
from hpo.cli.options import AllowImport, AsJson, Edition, Simplest, Storage, Store, StudyName, Trial
from hpo.cli.output import emit, say
from hpo.errors import DataError
from state_store.errors import StoreWriteError
from studies.counting import counted

if TYPE_CHECKING:
    import pyarrow as pa
    from sklearn.pipeline import Pipeline

    from hpo.data import Dataset
    from hpo.findings.result import Result
    from studies.record.study_record import StudyRecord

ENDINGS = (".parquet", ".pq", ".csv")


def predict(
    name: StudyName,
    data: Annotated[
        list[str], typer.Argument(metavar="DATA...", help="Files, a directory, a glob in quotes, or a URI.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="File to write, .parquet or .csv; replaced.")
    ],
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Column of the data to write beside the prediction; repeat for more."
        ),
    ] = None,
    sep: Annotated[
        str | None, typer.Option(metavar="CHAR", help="Between columns of CSV files [default: the study's].")
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(metavar="CHAR", help="Before the decimals in CSV files [default: the study's]."),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Encoding of CSV files [default: the study's].")
    ] = None,
    simplest: Simplest = False,
    trial: Trial = None,
    edition: Edition = None,
    store: Store = None,
    storage: Storage = None,
    allow_import: AllowImport = None,
    as_json: AsJson = False,
) -> None:
    """Predict new rows with a study's best model.

    One prediction a row, in the order of the data; for classes also the probability of each. The model is
    made from the states; the data goes through in batches, so it may be larger than memory.

    Examples
    --------
      hpo predict flights january.parquet -o predicted.parquet
      hpo predict flights "new/*.csv" -o predicted.csv --keep flight --keep day
    """
    check_output(output)
    result = opened(name, storage=storage, store=store, allow_import=allow_import, edition=edition)
    check_outside(output, result.record)
    if result.run.evidence.pilot.calendar is not None:
        how = f"`hpo forecast {name} DATA -o {output}` continues from these rows"
        raise UsageError(f"series are not predicted by row; {how}")
    model = _model(result, trial, simplest=simplest)
    written = as_written(sep=sep, decimal=decimal, encoding=encoding)
    reading = {**noted.reading_of(result.record, result.run.join), **written}
    columns = list(dict.fromkeys([*_users(reading), *(keep or ())]))
    dataset = _open(data, model, columns, reading)
    _check_apart(output, dataset)
    rows = write(output, predictions(model, dataset, columns))
    if as_json:
        emit({"file": str(output), "rows": rows, "study": result.record.name})
    else:
        say(f"{output}: {counted(rows, 'prediction')}")


def _users(reading: Mapping[str, object]) -> list[str]:
    """Return the column of users, where a row that is predicted is a user."""
    pairs = reading.get("interactions")
    return [str(pairs["user"])] if isinstance(pairs, Mapping) else []


def _model(result: Result, trial: int | None, *, simplest: bool) -> Pipeline:
    candidate = None if result.record.several and trial is None else chosen(result, trial, simplest=simplest)
    if candidate is None and result.record.several:
        front = ", ".join(str(candidate.number) for candidate in result.pareto[:10])
        raise UsageError(
            f"study {result.record.name!r} has several objectives, so choose one of its Pareto front with "
            f"--trial: {front}"
        )
    return result.model_of(candidate, encoded=True)


def predictions(model: Pipeline, dataset: Dataset, keep: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the predictions of one batch after the other, the kept columns first.

    The columns of :func:`hpo.findings.confirm.outputs` after them.
    """
    features = [str(feature) for feature in model["encoder"].feature_names_in_]
    for segment in dataset.segments:
        for batch in dataset.read(segment, list(dict.fromkeys([*features, *keep]))):
            kept = {column: batch.column(column) for column in keep}
            made = held_out.outputs(model, pa.Table.from_batches([batch.select(features)]))
            yield pa.table({**kept, **{_free(column, kept): values for column, values in made.items()}})


def write(path: Path, tables: Iterator[pa.Table]) -> int:
    """Write tables to one file, whole or not at all; return the number of rows.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if not path.absolute().parent.is_dir():
        raise OutputError(f"{path} cannot be written: the directory {path.parent} does not exist; make it")
    try:
        with store_files.replacing(path.absolute()) as file:
            rows = _stream(path, file, tables)
    except StoreWriteError as error:
        cause = error.__cause__
        reason = getattr(cause, "strerror", None) or cause
        raise OutputError(f"{path} cannot be written: {reason}; choose another file with -o") from error
    return rows


def _stream(path: Path, file: BinaryIO, tables: Iterator[pa.Table]) -> int:
    first = next(tables)
    rows = int(first.num_rows)
    with _writer(path, file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table.cast(first.schema))
            rows += table.num_rows
    return rows


def _writer(path: Path, file: BinaryIO, schema: pa.Schema) -> pa_csv.CSVWriter | pq.ParquetWriter:
    if path.suffix.lower() == ".csv":
        return pa_csv.CSVWriter(file, schema)

    return pq.ParquetWriter(file, schema)


def _free(name: str, taken: dict[str, object]) -> str:
    return name if name not in taken else _free(f"{name}_", taken)


def _open(data: Sequence[str], model: Pipeline, keep: Sequence[str], reading: Mapping[str, object]) -> Dataset:
    """Return the rows to predict, read as the study's were."""
    features = [str(feature) for feature in model["encoder"].feature_names_in_]
    dataset = held_out.opened(list(data), {**reading, "features": features, "beside": keep})
    for column in keep:
        if column not in dataset.schema:
            raise DataError(data_schema.unknown_column(column, dataset.schema.names, "kept column"))
    return dataset.exactly([*keep, *model["encoder"].labelled])


def as_written(*, sep: str | None, decimal: str | None, encoding: str | None) -> dict[str, object]:
    """Return how CSV files are written, as far as it was given."""
    given: dict[str, object] = {}
    for name, check, value in (
        ("sep", text_files.separator, sep),
        ("decimal", text_files.mark, decimal),
        ("encoding", text_files.encoding, encoding),
    ):
        try:
            given[name] = check(value)
        except ValueError as error:
            raise UsageError(f"--{name} {error}") from error
    return {name: value for name, value in given.items() if value is not None}


def check_output(output: Path) -> None:
    """Refuse a file of another kind than is written, an address, and a directory."""
    if re.match(r"\w{2,}:/", str(output)):
        raise UsageError(f"-o {output} is an address; give the path of a file on this machine")
    if output.suffix.lower() not in ENDINGS:
        raise UsageError(f"-o {output}: the ending says what is written; end it in {', '.join(ENDINGS)}")
    if output.is_dir():
        raise UsageError(f"-o {output} is a directory; name a file in it")


def check_outside(output: Path, record: StudyRecord) -> None:
    """Refuse to write where the study would read it: its next run would take predictions for data."""
    joined = (record.spec.get("join") or {}).values()
    asked = [name for one in (record.spec, *joined) for name in held_out.paths_of(one)]
    files = list(dict.fromkeys(segment.name.rpartition("[")[0] for segment in record.ledger))
    holder = data_holding.holder_of(output, asked, files)
    if holder is not None:
        raise UsageError(
            f"-o {output} is in the data of study {record.name!r} ({holder}), whose next run would take "
            "predictions for data; write to a file elsewhere"
        )


def _check_apart(output: Path, dataset: Dataset) -> None:
    """Refuse to write over the data that is read."""
    target = str(output.absolute())
    real = str(output.resolve())
    for segment in dataset.segments:
        if segment.uri.removeprefix("file://") in (target, real):
            raise UsageError(f"-o {output} is part of the data that is read; write to another file")
