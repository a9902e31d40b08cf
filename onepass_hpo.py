"""The console script ``hpo``, which answers Ctrl-C from its first line on: before anything else is imported."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line."""
    try:
        from hpo.process.interrupts import remember  # noqa: PLC0415 -- Ctrl-C may come while it is imported

        remember()
        from hpo.cli import main as run  # noqa: PLC0415 -- takes the time in which people change their minds

        run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing was begun\n")
        raise SystemExit(INTERRUPTED) from None
