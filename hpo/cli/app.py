"""The commands, put together."""

from __future__ import annotations

from collections.abc import Callable
from inspect import getdoc
from typing import Annotated

import typer

import hpo
from hpo.cli import (
    algorithms,
    archives,
    compare,
    confirm,
    dashboard,
    demo,
    export,
    forecast,
    forget,
    ingest,
    init,
    migrate,
    pins,
    plan,
    predict,
    report,
    run,
    states,
    stores,
    studies,
    watch,
)
from hpo.cli.exits import MEANINGS
from hpo.cli.guard import guarded
from hpo.cli.options import Command

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}

CODES = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())

ABOUT = f"""Tune hyperparameters without retraining: the data is read once, trials are answered from small states.

\b
Examples:
  hpo demo                                       watch it work on 336,776 real flights
  hpo init "data/*.parquet" --target price       write a study.yaml to read and change
  hpo plan study.yaml                            what would be read, what the store has already
  hpo run study.yaml                             one pass, then the trials
  hpo report study --html report.html            what was found, as one page
  hpo predict study new.parquet -o out.parquet   the best model on new rows

\b
Exit codes:
{CODES}

\b
Environment:
  HPO_HOME   where states and studies are kept by default
  HPO_DEBUG  1 prints the traceback of an error
  NO_COLOR   any value: no colours
"""


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"hpo {hpo.__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _group(about: str) -> typer.Typer:
    return typer.Typer(
        help=about, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
        context_settings=SETTINGS,
    )  # fmt: skip


def _add(group: typer.Typer, name: str, command: Callable[..., None]) -> None:
    group.command(name, help=help_of(command), context_settings=SETTINGS, cls=Command)(guarded(command))


def help_of(command: Callable[..., None]) -> str:
    """Return a command's help: its docstring, the examples in lines of their own."""
    return (getdoc(command) or "").replace("\n\nExamples\n--------\n", "\n\n\b\nExamples:\n")


app = _group(ABOUT)
app.callback(help=ABOUT)(_top)
_studies = _group("Recorded studies: list, show, compare, remove, verify, repair.")
_states = _group("Stored states: list, verify, clean up, export and import.")
_store = _group("The place where states are kept: check it.")

_add(app, "init", init.init)
_add(app, "plan", plan.plan)
_add(app, "run", run.run)
_add(app, "watch", watch.watch)
_add(app, "ingest", ingest.ingest)
_add(app, "report", report.report)
_add(app, "predict", predict.predict)
_add(app, "forecast", forecast.forecast)
_add(app, "export", export.export)
_add(app, "confirm", confirm.confirm)
_add(app, "pareto", confirm.pareto)
_add(app, "algorithms", algorithms.algorithms)
_add(app, "migrate", migrate.migrate)
app.add_typer(_studies, name="studies")
app.add_typer(_states, name="states")
app.add_typer(_store, name="store")
_add(app, "dashboard", dashboard.dashboard)
_add(app, "demo", demo.demo)
_add(_studies, "ls", studies.ls)
_add(_studies, "show", studies.show)
_add(_studies, "compare", compare.compare)
_add(_studies, "rm", studies.rm)
_add(_studies, "verify", studies.verify)
_add(_studies, "repair", studies.repair)
_add(_states, "ls", states.ls)
_add(_states, "show", states.show)
_add(_states, "verify", states.verify)
_add(_states, "gc", states.gc)
_add(_states, "export", archives.export)
_add(_states, "import", archives.import_)
_add(_states, "forget", forget.forget)
_add(_states, "pin", pins.pin)
_add(_states, "unpin", pins.unpin)
_add(_store, "check", stores.check)
