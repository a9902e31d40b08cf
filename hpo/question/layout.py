"""A layout that was agreed on: how columns are encoded and folds are cut, as another site has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from hpo.errors import TuneError
from state_store.archive import documents_in

LAYOUTS, SITES = "layouts", "sites"
"""Kinds of documents: a layout alone, and one with the states of a site."""


@dataclass(frozen=True, eq=False)
class Layout:
    """How columns are encoded and folds are cut.

    Attributes
    ----------
    encoder, folds : as they say it themselves.
    sent : by context, the summaries whose states sites sent; None where rows are read here.
    """

    encoder: Mapping[str, object]
    folds: Mapping[str, object]
    sent: Mapping[str, str] | None = field(default=None)

    @classmethod
    def of(cls, about: Mapping[str, object], sent: Mapping[str, str] | None = None) -> Layout:
        """Return the layout that a document holds."""
        return cls(_part(about, "encoder"), _part(about, "folds"), sent)


def read_layout(path: str | PathLike[str]) -> Layout:
    """Return the layout in a file that ``hpo states export --only-layout`` or ``--only-moments`` wrote.

    Raises
    ------
    TuneError
        There is none in it.
    DamagedArchive
        It is not a whole export.
    """
    found = [*documents_in(Path(path).expanduser(), LAYOUTS), *documents_in(Path(path).expanduser(), SITES)]
    if not found:
        raise TuneError(
            f"layout: {path} holds no layout; write one where the study was run first, with `hpo states export "
            "FILE --only-layout --study STUDY.yaml`"
        )
    return Layout.of(found[0].about)


def _part(about: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a part of a document; TuneError where it is none."""
    found = about.get(name)
    if not isinstance(found, Mapping):
        raise TuneError(f"the layout is not valid: its {name} is {found!r:.60}; write it again")
    return found
