"""``hpo migrate``: the calls that take the place of a script's searches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import counterparts, migration
from hpo.cli.options import AsJson
from hpo.cli.output import emit, say, say_wrapped

if TYPE_CHECKING:
    from hpo.drop_in.migration import Search

EXPECTED = {
    True: "answered from states: the rows are read once",
    False: "fitted as before: no algorithm answers for it",
    None: "the file does not say which model it tunes: search.accelerated_ says what was answered",
}
"""What is expected of a model, by whether states answer for it."""


def migrate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A Python script or a Jupyter notebook.")],
    as_json: AsJson = False,
) -> None:
    """Print the calls that take the place of a script's searches.

    GridSearchCV, RandomizedSearchCV and OptunaSearchCV are found; the file is read, never run or changed.

    Examples
    --------
      hpo migrate train.py
      hpo migrate notebook.ipynb --json
    """
    found = migration.searches_of(file)
    if as_json:
        emit({"file": str(file), "searches": [_plain(search) for search in found]})
        return
    if not found:
        say(f"{file}: it has no GridSearchCV, RandomizedSearchCV or OptunaSearchCV")
    for search in found:
        say(f"{file}, {search.place}: {search.name}")
        if search.call is not None:
            say(*(f"    {line}" for line in f"import hpo\n{search.call}".splitlines()))
            of = "" if search.model is None else f"{search.model}: "
            say_wrapped(of + _expected(search), "  ", "    ")
        for note in search.notes:
            say_wrapped(note, "  ", "    ")


def _expected(search: Search) -> str:
    varied = counterparts.shared().get(search.model or "")
    if varied is None:
        return EXPECTED[_is_answered(search)]
    return f"one fit for each split answers every {' and '.join(varied)}"


def _is_answered(search: Search) -> bool | None:
    """Return whether the model of a search is answered without a fit of each candidate; None where unknown."""
    if search.model is None:
        return None
    return search.model in counterparts.answered() or search.model in counterparts.shared()


def _plain(search: Search) -> dict[str, object]:
    return {
        "place": search.place, "search": search.name, "call": search.call, "model": search.model,
        "answered": _is_answered(search), "notes": list(search.notes),
    }  # fmt: skip
