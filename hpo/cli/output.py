"""What a command prints: JSON for programs, tables and lines for people."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from textwrap import wrap
from typing import NoReturn, TextIO

from hpo.cli.behind import rich_cells, rich_console, rich_text
from studies.report.plain import to_plain
from studies.report.text import clean

PIPE_WIDTH = 140
"""Columns of a table that does not go to a terminal."""

GAP = 2
"""Spaces between columns."""


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
    say(*_wrapped(clean(line), console().width, first, rest))


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
    """Print a table; text is wrapped at words, never within one, never cut, and never read as markup.

    A column without a cell is left out. Where the columns do not fit beside each other, the widest stand in lines
    of their own below their row.

    Parameters
    ----------
    columns : headings.
    rows : cells, as many as columns.
    right : headings of the columns that hold numbers.
    whole : headings of further columns that are never wrapped, so that they can be copied.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    used = [i for i, name in enumerate(columns) if not cells or any(row[i] for row in cells)]
    columns, cells = [columns[i] for i in used], [[row[i] for i in used] for row in cells]
    numbers, unfolded, width = set(right), {*right, *whole}, console().width
    least = [_least(name, [row[i] for row in cells], name in unfolded) for i, name in enumerate(columns)]
    below = _below(columns, least, unfolded, width)
    beside = [i for i in range(len(columns)) if i not in below]
    most = [max(map(rich_cells.cell_len, (columns[i], *(row[i] for row in cells)))) for i in beside]
    widths = _fitted(most, [least[i] for i in beside], width)
    sides = [columns[i] in numbers for i in beside]
    _say_bold(*_row([[columns[i]] for i in beside], widths, sides))
    for row in cells:
        parts = [_wrapped(row[i], w, fits=True) for i, w in zip(beside, widths, strict=True)]
        say(*_row(parts, widths, sides))
        for i in below:
            if row[i]:
                say_wrapped(f"{columns[i]}: {row[i]}" if columns[i] else row[i], "    ", "      ")


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print pairs of a name and what it is, aligned, the second wrapped at words under itself."""
    pairs = [(clean(name), clean(value)) for name, value in facts]
    target, margin = console(), max((rich_cells.cell_len(name) for name, _ in pairs), default=0) + 2
    for name, value in pairs:
        for i, line in enumerate(_wrapped(value, target.width - margin)):
            head = rich_text.Text((name if i == 0 else "").ljust(margin), style="dim")
            if target.is_terminal:
                target.print(head + rich_text.Text(line, style="not dim"), soft_wrap=True)
            else:
                say(f"{head.plain}{line}".rstrip())


def _wrapped(text: str, width: int, first: str = "", rest: str = "", *, fits: bool = False) -> list[str]:
    """Return lines of whole words: a path that is longer than the line stays whole, to be copied."""
    return wrap(
        text, max(width, 1 if fits else 20), initial_indent=first, subsequent_indent=rest,
        break_long_words=False, break_on_hyphens=False,
    ) or [first]  # fmt: skip


def _least(name: str, cells: Sequence[str], whole: bool) -> int:
    """Return the least width of a column that breaks no word."""
    parts = [part for cell in (name, *cells) for part in ([cell] if whole else cell.split())]
    return max(map(rich_cells.cell_len, parts), default=0)


def _below(columns: Sequence[str], least: Sequence[int], unfolded: set[str], width: int) -> list[int]:
    """Return the places of the columns that do not fit beside the others, in order: those of the longest words."""
    beside = list(range(len(columns)))
    while sum(least[i] + GAP for i in beside) - GAP > width:
        movable = [i for i in beside[1:] if columns[i] not in unfolded]
        if not movable:
            break
        beside.remove(max(movable, key=lambda i: least[i]))
    return [i for i in range(len(columns)) if i not in beside]


def _fitted(most: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """Return widths that fit, the widest columns made narrower, none below its least.

    Examples
    --------
    >>> _fitted([10, 30, 40], [10, 5, 5], 64)
    [10, 25, 25]
    """
    found = list(most)
    while sum(found) + GAP * (len(found) - 1) > width:
        wide = [i for i in range(len(found)) if found[i] > least[i]]
        if not wide:
            break
        found[max(wide, key=lambda i: found[i])] -= 1
    return found


def _row(parts: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    """Return the lines of a row, none of which ends in spaces."""
    lines = []
    for line in zip_longest(*parts, fillvalue=""):
        padded = (
            " " * (w - rich_cells.cell_len(text)) + text if side else text + " " * (w - rich_cells.cell_len(text))
            for text, w, side in zip(line, widths, right, strict=True)
        )
        lines.append((" " * GAP).join(padded).rstrip())
    return lines


def _say_bold(*lines: str) -> None:
    target = console()
    for line in lines:
        if target.is_terminal:
            target.print(rich_text.Text(clean(line), style="bold"), soft_wrap=True)
        else:
            say(line)
