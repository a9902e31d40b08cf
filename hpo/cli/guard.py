"""How a command ends: its result flushed, or one message on standard error and an exit code."""

from __future__ import annotations

import functools
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import ParamSpec

import typer

from hpo.cli.exits import BUG, FAMILIES, INTERRUPTED, PIPE, code_of
from hpo.cli.output import answers_alone, silence
from hpo.errors import InterruptedWarning, StoreWarning
from hpo.process.interrupts import came
from state_store.errors import DamagedStateWarning
from studies.errors import RecordWarning
from studies.masking import mask
from studies.report.text import clean

P = ParamSpec("P")

OURS = (StoreWarning, RecordWarning, InterruptedWarning, DamagedStateWarning)


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Return the command with its errors in words; no mistake of a user ends in a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        show_warnings()
        try:
            with answers_alone() if _for_programs(kwargs) else nullcontext():
                command(*args, **kwargs)
            sys.stdout.flush()
        except typer.Exit:
            raise
        except BrokenPipeError:
            silence(sys.stdout)
            raise typer.Exit(PIPE) from None
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- the last line of defence
            raise typer.Exit(_tell(error)) from None

    return run


def _for_programs(options: Mapping[str, object]) -> bool:
    """Return whether a program reads the answer: JSON, or a table that is printed."""
    return bool(options.get("as_json")) or str(options.get("csv")) == "-"


def show_warnings() -> None:
    """Print warnings as one line each on standard error; ours always, others once."""
    for category in OURS:
        warnings.simplefilter("always", category)
    warnings.showwarning = _show_warning


def complain(kind: str, message: object) -> None:
    """Print a line for a person on standard error: ``error: …``, ``warning: …``."""
    colours = {"error": "31", "warning": "33"}
    plain = not sys.stderr.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    label = f"{kind}:" if plain or kind not in colours else f"\x1b[1;{colours[kind]}m{kind}:\x1b[0m"
    text = clean(mask(str(message)))
    encoding = sys.stderr.encoding or "utf-8"
    print(label, text.encode(encoding, "replace").decode(encoding), file=sys.stderr)  # noqa: T201 -- the output


def _show_warning(message: Warning | str, *_: object, **_more: object) -> None:
    complain("warning", message)


def _tell(error: BaseException) -> int:
    """Print what went wrong; return the exit code."""
    if os.environ.get("HPO_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error)
    code = code_of(error)
    if code is None and came():  # Python wraps what is raised while a class is made
        error, code = KeyboardInterrupt(), INTERRUPTED
    if code is None:
        complain("error", _bug(error))
        return BUG
    kind = "interrupted" if code == INTERRUPTED else "error"
    complain(kind, words_of(error))
    return code


def words_of(error: BaseException) -> str:
    """Return what went wrong in words, of an error that was foreseen."""
    if isinstance(error, FAMILIES) or (isinstance(error, KeyboardInterrupt) and str(error)):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "what was finished is kept; run the same again to continue"
    if isinstance(error, OSError):
        return f"{error.filename or 'reading or writing failed'}: {error.strerror or error}"
    if isinstance(error, MemoryError):
        return "out of memory; use fewer columns (features:, drop:) or a machine with more"
    return f"the database of the studies failed: {str(error).splitlines()[0]}"


def _bug(error: BaseException) -> str:
    first = (str(error).splitlines() or [""])[0]
    return (
        f"this is a bug in hpo ({type(error).__name__}: {first}). Run it again with HPO_DEBUG=1 to see where, "
        "and report that"
    )
