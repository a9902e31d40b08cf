"""``hpo store``: whether a place may hold a store."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from hpo.cli.behind import store_check
from hpo.cli.exits import STORE
from hpo.cli.guard import complain
from hpo.cli.options import AsJson
from hpo.cli.output import emit, say

Place = Annotated[
    str, typer.Argument(metavar="DIR|URL", help="A directory, or s3://, gs:// or az://, a bucket and a prefix.")
]


def check(place: Place, as_json: AsJson = False) -> None:
    """Check whether a store may be kept in a place, and how fast it is.

    Several processes create the same names at the same time: for each name, exactly one may succeed. A read must
    return the last write. The test removes what it writes. Exit code 3 if the place must not be used.

    Examples
    --------
      hpo store check s3://team/states
      hpo store check /mnt/share/states --json
    """
    found = store_check.verify_place(place)
    if as_json:
        emit({**asdict(found), "ok": found.ok})
    else:
        say(
            f"{found.place}: a write takes {found.write * 1000:.1f} ms, a read {found.read * 1000:.1f} ms, "
            f"a list {found.list * 1000:.1f} ms; {found.writers} writers raced for {found.races} names"
        )
    for note in found.notes:
        complain("note", f"{found.place}: {note}")
    for fault in found.faults:
        complain("error", f"{found.place} cannot hold a store: {fault}")
    if not found.ok:
        raise typer.Exit(STORE)
    if not as_json:
        say("it may hold a store")
