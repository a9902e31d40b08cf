"""A check that the packages beside this one are ours, since their names are common ones."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ROOMS = ("algorithms", "state_store", "studies")


def check_rooms(here: str) -> None:
    """Raise ImportError, naming the path in the way, if a package of ours is shadowed by another of its name.

    Parameters
    ----------
    here : ``__file__`` of the package ``hpo``; the others are installed beside it.
    """
    root = Path(here).resolve().parent.parent
    for room in ROOMS:
        spec = find_spec(room)
        if spec is None:
            raise ImportError(
                f"package {room!r} of onepass-hpo is not installed beside {root / 'hpo'}; "
                "install onepass-hpo again"
            )
        found = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
        expected = root / room
        if expected not in Path(found).resolve().parents:
            raise ImportError(
                f"{found or room} is in the way: onepass-hpo has a package {room!r} of its own, in {expected}. "
                "Rename yours, or start Python from another directory"
            )
