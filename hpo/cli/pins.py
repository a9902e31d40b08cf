"""``hpo states pin`` and ``unpin``: what gc must keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.contexts import SHOWN, asked
from hpo.cli.options import AsJson, Storage, Store, known_store
from hpo.cli.output import emit, say

if TYPE_CHECKING:
    from state_store import StateStore

Contexts = Annotated[
    list[str] | None, typer.Argument(metavar="[CONTEXT]...", help="The beginnings of contexts' digits.")
]
OfStudy = Annotated[
    str | None, typer.Option("--study", metavar="NAME", help="The contexts that this recorded study used.")
]


def pin(
    contexts: Contexts = None,
    study: OfStudy = None,
    store: Store = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Make gc keep contexts.

    Examples
    --------
      hpo states pin 3fa1
      hpo states pin --study flights
    """
    kept = known_store(store)
    _report_pins(kept, asked(kept, contexts, study, storage), as_json, pinned=True)


def unpin(
    contexts: Contexts = None,
    study: OfStudy = None,
    store: Store = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Let gc remove contexts again.

    Examples
    --------
      hpo states unpin 3fa1
      hpo states unpin --study flights
    """
    kept = known_store(store)
    _report_pins(kept, asked(kept, contexts, study, storage), as_json, pinned=False)


def _report_pins(store: StateStore, contexts: Sequence[str], as_json: bool, *, pinned: bool) -> None:
    for context in contexts:
        (store.pin if pinned else store.unpin)(context)
    if as_json:
        emit({"contexts": list(contexts), "pinned": pinned})
    else:
        say(*(f"{'pinned' if pinned else 'unpinned'} {context[:SHOWN]}" for context in contexts))
