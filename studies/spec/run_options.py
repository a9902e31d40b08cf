"""Where a study runs and is kept, and how its columns are encoded and its files known."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from studies.spec import engines, values
from studies.spec.option import Option
from studies.spec.ranges import Strict


class RunOptions(Strict):
    """Where a study runs and is kept, and how its columns are encoded and its files known.

    Each field declares an option of :class:`~studies.spec.spec.StudySpec`.
    """

    model_config = ConfigDict(defer_build=True)

    store: Annotated[
        str | None,
        Option("StateStore | Location | None", "store of the states: a directory or s3://bucket/path", "DIR|URL"),
    ] = None
    """Where states are kept: a directory, or a prefix of a bucket that many people and machines share
    (``"s3://bucket/prefix"``, ``"gs://…"``, ``"az://…"``; ``pip install 'onepass-hpo[cloud]'``); None for the
    default under ``HPO_HOME``."""

    storage: Annotated[
        str | None,
        Option(
            "BaseStorage | Location | None",
            "where studies are recorded: a journal file, or an Optuna URL such as sqlite:///studies.db",
            "FILE",
        ),
    ] = None
    """Where trials are recorded: a journal file or an Optuna URL; None for the default."""

    n_jobs: Annotated[
        Annotated[int, Field(ge=1)] | None,
        BeforeValidator(values.threads),
        Option("int | None", "threads, or parallel tasks with 'engine'; one per core by default", "4"),
    ] = None
    """Threads of the pass, or tasks at once where ``engine`` names workers; None or -1 for one per core."""

    engine: Annotated[
        str | None,
        BeforeValidator(engines.engine),
        Option(
            "str | Client | None",
            "where the data is read: dask, dask://host:port, loky; threads of this process by default",
            "dask://host:8786",
        ),
    ] = None
    """Workers of the pass and of long trials, for data in files and a store that all of them can reach: ``"dask"``,
    ``"dask://host:port"``, ``"loky"`` (processes of this machine), another backend of joblib by its name, or in
    Python a ``distributed.Client``. None for what ``joblib.parallel_config`` says, else threads of this process."""

    warm_start: Annotated[
        str | None, Option("str | None", "a recorded study whose trials are tried first", "STUDY")
    ] = None
    """A recorded study whose trials, where the spaces agree, are scored anew and taken over first."""

    max_categories: Annotated[
        int, Option("int", "levels of a category that get a column each; rarer ones are merged", "64", defines=True)
    ] = Field(default=64, ge=1)
    """Levels of a categorical column that get a column of their own."""

    hash_columns: Annotated[
        Literal["auto"] | tuple[str, ...] | None,
        BeforeValidator(values.hashed),
        Option(
            "str | Iterable[str] | None",
            "columns of very many values to hash, for linear and linear_regressor; or auto",
            "[COLUMN]",
            defines="if given",
        ),
    ] = None
    """Columns of very many levels, such as customers, that become one column of hashes; only ``linear`` and
    ``linear_regressor`` can take it. ``"auto"`` hashes categorical columns of more levels than ``max_categories``
    where every algorithm of the study can."""

    layout: Annotated[
        str | None,
        Option(
            "str | None", "layout of the columns from another site, from hpo states export --only-layout",
            "layout.zip", defines="if given",
        ),
    ] = None
    """How columns are encoded and folds cut at another site, so that the states of both can be added: a file that
    ``hpo states export --only-layout`` wrote there. None learns it from this data."""

    fingerprint: Annotated[
        Literal["fast", "content"],
        Option("str", "content: know files by their bytes; fast: by path, size and time", "content", defines=True),
    ] = "fast"
    """``"fast"`` knows a file by address, size, time and footer; ``"content"`` by its bytes."""
