"""The command line ``hpo``.

One file a command. Whatever is heavy is imported inside the commands, so that ``hpo --help`` is quick.
"""

from __future__ import annotations

import os
import sys

CLOSED = "standard output is closed: there is no output to write to; end the command with > FILE or > /dev/null"


def main() -> None:
    """Run the command line; KeyboardInterrupt where it is stopped before a command began."""
    if _closed():
        sys.stderr.write(f"error: {CLOSED}\n")
        raise SystemExit(1)
    from hpo.cli.app import app  # noqa: PLC0415 -- the commands import this package

    try:
        app(prog_name="hpo")
    except SystemExit as end:  # Typer's own, which says nothing
        if end.__context__ is not None and isinstance(end.__context__.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise


def _closed() -> bool:
    """Return whether standard output is closed; what is closed leads nowhere, so that no file takes its number."""
    closed = sys.stdout is None
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(nowhere, mode, closefd=False))  # noqa: SIM115 -- until the process ends
    return closed
