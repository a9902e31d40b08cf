"""Where things are kept by default: under ``HPO_HOME``, else the user's data directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from state_store import StateStore, is_store
from state_store.homes import at_home

if TYPE_CHECKING:
    from state_store import StateStore

Location = str | os.PathLike[str]
"""A path, or text that names a place."""


def home() -> Path:
    """Return the directory of defaults: ``$HPO_HOME``, or ``onepass-hpo`` in the platform's data directory.

    Examples
    --------
    >>> home().is_absolute()
    True
    """
    given = os.environ.get("HPO_HOME")
    if given:
        return Path(at_home(given))

    return user_data_path("onepass-hpo")


def default_store() -> Path:
    """Return where states are kept by default."""
    return home() / "store"


def copies() -> Path:
    """Return where copies of what buckets hold are kept."""
    return home() / "cache"


def default_storage() -> str:
    """Return where studies are recorded by default: a journal file that Optuna reads."""
    usual, once = home() / "studies.journal", home() / "studies.record.journal"
    return str(once if once.exists() and not usual.exists() else usual)


def open_store(store: StateStore | Location | None) -> StateStore:
    """Return a store: as given, at a path or an address, or the default one."""
    if isinstance(store, StateStore):
        return store
    return StateStore(default_store() if store is None else store, copies())


def existing_store(store: StateStore | Location | None) -> StateStore | None:
    """Return a store as :func:`open_store` if it is there; None where it would have to be made."""
    if isinstance(store, StateStore):
        return store
    place = default_store() if store is None else store
    return StateStore(place, copies()) if is_store(place, copies()) else None
