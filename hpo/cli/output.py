"""What a command prints: JSON for programs, tables and lines for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import fill
from typing import TYPE_CHECKING, Literal, NoReturn, TextIO

from hpo.cli.behind import rich_console, rich_table, rich_text
from studies.report.data import to_plain
from studies.report.text import clean

if TYPE_CHECKING:
    from rich.table import Table

PIPE_WIDTH = 140
"""Columns of a table that does not go to a terminal."""


STDIN, STDOUT, STDERR = 0, 1, 2

_answers: list[TextIO] = []


@contextmanager
def answers_alone() -> Iterator[None]:
    """Within it, only :func:`emit` and :func:`emit_text` print on standard output.

    What anything else prints there, such as a package that is imported or fitted, goes to standard error; that of C
    until the process ends, since C may print what it holds back only then.
    """
    out = sys.stdout
    answer = _apart(out)
    _answers.append(answer)
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        _answers.pop()
        sys.stdout = out
        if answer is not out:
            answer.close()


def _apart(out: TextIO) -> TextIO:
    """Return the process's standard output by another descriptor, its own being standard error's from now on."""
    try:
        own = out.fileno()
    except (OSError, ValueError):  # a stand-in, as in tests
        return out
    if own != STDOUT:
        return out
    out.flush()
    kept = os.dup(own)
    os.dup2(STDERR, own)
    return os.fdopen(kept, "w", encoding=out.encoding, errors=out.errors)


def silence(stream: TextIO) -> None:
    """Send what is left to nowhere: whoever was reading has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def emit(value: object) -> None:
    """Print a value as JSON on standard output, alone; numbers that are not finite become null."""
    emit_text(json.dumps(to_plain(value), indent=1, allow_nan=False))


def emit_text(text: str) -> None:
    """Print a text that a program reads on standard output, as a line or more."""
    out = _answers[-1] if _answers else sys.stdout
    out.write(text if text.endswith("\n") else f"{text}\n")


def console() -> rich_console.Console:
    """Return the console of standard output: as wide as the terminal, wide and plain where there is none."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    made = rich_console.Console(width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)
    vars(made)["on_broken_pipe"] = _gone  # Rich's own ends the process with code 1
    return made


def _gone() -> NoReturn:
    raise BrokenPipeError


def say(*lines: object) -> None:
    """Print lines for a person, without control characters, never wrapped."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        sys.stdout.write(clean(line).encode(encoding, "replace").decode(encoding) + "\n")


def say_wrapped(line: str, first: str, rest: str) -> None:
    """Print a line for a person, wrapped at words to the width of the console, with these indents."""
    say(fill(clean(line), console().width, initial_indent=first, subsequent_indent=rest))


def note(*lines: object) -> None:
    """Print lines beside the answer, on standard error."""
    encoding = sys.stderr.encoding or "utf-8"
    for line in lines:
        sys.stderr.write(clean(line).encode(encoding, "replace").decode(encoding) + "\n")


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Iterable[str] = (),
    whole: Iterable[str] = (),
) -> None:
    """Print a table; text is folded, never cut, and never read as markup.

    Parameters
    ----------
    columns : headings.
    rows : cells, as many as columns.
    right : headings of the columns that hold numbers.
    whole : headings of further columns that are never folded, so that they can be copied.
    """
    numbers, unfolded = set(right), {*right, *whole}
    table = rich_table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for name in columns:
        justify: Literal["right", "left"] = "right" if name in numbers else "left"
        table.add_column(rich_text.Text(name), justify=justify, overflow="fold", no_wrap=name in unfolded)
    for row in rows:
        table.add_row(*(rich_text.Text(clean(cell)) for cell in row))
    _print(table)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print pairs of a name and what it is, aligned, the second folded under itself."""
    grid = rich_table.Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(rich_text.Text(clean(name)), rich_text.Text(clean(value)))
    _print(grid)


def _print(table: Table) -> None:
    """Print a table; without a terminal, no line ends in spaces."""
    target = console()
    if target.is_terminal:
        target.print(table)
        return
    with target.capture() as captured:
        target.print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> count(1, "file"), count(1200, "row"), count(2, "study", "studies")
    ('1 file', '1,200 rows', '2 studies')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
