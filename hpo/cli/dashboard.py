"""``hpo dashboard``: optuna-dashboard on the recorded studies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Annotated

import typer

from hpo.cli.exits import UsageError
from hpo.cli.options import AsJson, Storage, known_storage
from hpo.cli.output import emit, note
from hpo.process.interrupts import stop_on_interrupt

PAUSE = 0.2
"""Seconds between looks at whether the server still runs."""


def dashboard(
    storage: Storage = None,
    host: Annotated[str, typer.Option(metavar="NAME", help="The address that it listens at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="The port.")] = 8080,
    as_json: AsJson = False,
) -> None:
    """Show studies in optuna-dashboard, while they run, too.

    It serves the page until Ctrl-C, to this machine alone unless --host says otherwise. It needs optuna-dashboard
    (pip install optuna-dashboard).

    Examples
    --------
      hpo dashboard
      hpo dashboard --storage studies.journal --port 9000
    """
    try:
        found = import_module("optuna_dashboard")
    except ImportError:
        raise UsageError("optuna-dashboard is not installed; pip install optuna-dashboard") from None
    kept = known_storage(storage)
    address = f"http://{host}:{port}/"
    if as_json:
        emit({"address": address})
    note(f"{address} (Ctrl-C ends it)")
    _until_interrupted(partial(found.run_server, kept, host=host, port=port))


def _until_interrupted(serve: Callable[[], None]) -> None:
    """Serve beside the main thread: in the server, Ctrl-C that comes while a page is made would be lost with it."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            serve()
        except Exception as error:  # noqa: BLE001 -- raised below, where it is put in words
            failed.append(error)

    server = threading.Thread(target=run, daemon=True, name="dashboard")
    with stop_on_interrupt() as stop:
        server.start()
        while server.is_alive() and not stop.wait(PAUSE):
            pass
    if failed:
        raise failed[0]
