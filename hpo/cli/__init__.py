"""The command line ``hpo``.

One file a command. Whatever is heavy is imported inside the commands, so that ``hpo --help`` is quick.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line; the console script ``hpo``."""
    from hpo.cli.app import app  # noqa: PLC0415 -- the commands import this package

    app(prog_name="hpo")
