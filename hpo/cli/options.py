"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from hpo.cli.behind import described, process_settings, study_storage
from state_store.errors import StoreLocationError
from state_store.homes import at_home
from studies.errors import StorageError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from state_store import StateStore


class Command(TyperCommand):
    """A command whose help takes an option of a study, such as ``{trials}``, from the study's description.

    The description is loaded when such help is printed: not for every command, whose start it would double.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, with what the study's description says of those in braces."""
        for param in self.params:
            if isinstance(param, TyperOption) and (param.help or "").startswith("{"):
                param.help = _described(str(param.help))
        super().format_options(ctx, formatter)


def _described(text: str) -> str:
    notes = {name: option.note for name, option in described.OPTIONS.items()}
    return text.format_map({name: f"{note[0].upper()}{note[1:]}" for name, note in notes.items()})


AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON on standard output.")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", "--no-progress", help="Show no progress: neither bars nor lines."),
]
Store = Annotated[
    str | None,
    typer.Option("--store", metavar="DIR|URL", help="{store} [default: HPO_HOME/store]."),
]
Storage = Annotated[
    str | None,
    typer.Option("--storage", metavar="FILE|URL", help="{storage} [default: HPO_HOME/studies.journal]."),
]
AllowImport = Annotated[
    list[str] | None,
    typer.Option("--allow-import", metavar="PACKAGE", help="{allow_imports}; repeat for more."),
]
Period = Annotated[str | None, typer.Option("--window", metavar="TIME", help="{window}.")]
Last = Annotated[int | None, typer.Option("--last", metavar="N", min=1, help="{last}.")]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="FILE", help="{exclude}; repeat for more.")
]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="{as_of}.")]
Simplest = Annotated[
    bool, typer.Option("--simplest", help="The simplest model within one standard error of the best.")
]
Trial = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        help="The model of this trial [default: the best]; a study of several objectives needs one.",
    ),
]
Edition = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="The model of this edition [default: the last one].")
]
StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study's description.")]
StudyName = Annotated[
    str, typer.Argument(metavar="NAME", help="A recorded study; `hpo studies ls` lists them.")
]


def known_store(store: str | None) -> StateStore:
    """Return a store that is there; a path or an address that holds none is refused rather than made one.

    Raises
    ------
    StoreLocationError
        If the place that was given is not there.
    """
    if store is None or ("://" not in store and Path(at_home(store)).exists()):
        return process_settings.open_store(store)
    found = process_settings.existing_store(store)
    if found is None:
        raise StoreLocationError(
            f"there is no store at {store}; check --store, or leave it out for the default one"
        )
    return found


def recorded_store(store: str | None) -> StateStore | None:
    """Return the store that was given, or None for the one that a study was recorded with."""
    return None if store is None else known_store(store)


def known_place(storage: str | None) -> str:
    """Return where studies are recorded; a file that is not there is refused rather than made.

    Raises
    ------
    StorageError
        If the file that was given is not there.
    """
    if storage is not None and "://" not in storage and not Path(at_home(storage)).exists():
        raise StorageError(
            f"there is no file {storage}; check --storage, or leave it out for the default one"
        )
    return process_settings.default_storage() if storage is None else storage


def known_storage(storage: str | None) -> BaseStorage:
    """Return the storage of studies that is in that place.

    Raises
    ------
    StorageError
        If the file that was given is not there, or cannot be opened.
    """
    return study_storage.open_storage(known_place(storage))
