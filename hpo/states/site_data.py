"""The states that sites sent, as a data set whose rows are away."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from hpo.data.dataset import Dataset
from hpo.data.folds.schemes import FoldScheme
from hpo.data.schema import Schema
from hpo.data.segment import Rows, Segment
from hpo.data.sources.memory import MemorySource
from hpo.data.sources.memory_blocks import TableBlock
from hpo.data.sources.roles import Roles, unify_schemas
from hpo.errors import DataError, TuneError
from hpo.question.layout import SITES, Layout
from state_store import StateStore
from state_store.entry import Document
from studies.counting import counted

PREFIX = "sites:"
"""What stands before the name of a study where the states of sites are its data."""


def site_data(store: StateStore, name: str) -> tuple[Dataset, Layout]:
    """Return the rows of sites as a data set, whose rows are away, and the layout of their states.

    Parameters
    ----------
    store : where the states of sites were imported.
    name : of the study that they ran.

    Raises
    ------
    TuneError
        No site sent any, or they do not agree on the layout.
    """
    documents = _latest(store, name)
    first = documents[0].about
    for other in documents[1:]:
        if any(other.about[key] != first[key] for key in ("encoder", "folds", "roles")):
            raise TuneError(
                f"the sites {first['site']!r} and {other.about['site']!r} lay their columns or folds out "
                "differently, so that their sums cannot be added; at one of them write `hpo states export "
                "layout.zip --only-layout --study STUDY.yaml`, and say `layout: layout.zip` in the others' study"
            )
    targets, weight, features = first["roles"]
    roles = Roles(tuple(targets), weight, tuple(features))
    segments = tuple(
        Segment(f"site:{site}", (0, 1), int(rows), 0, key, f"site:{site}")
        for site, rows, key in ((d.about["site"], d.about["rows"], d.about["segment"]) for d in documents)
    )
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(first["schema"])))
    sent = {context: words for d in documents for context, words in d.about["contexts"].items()}
    data = _away(schema, roles, segments)
    data.chosen = f"{counted(len(segments), 'site')}: {', '.join(map(_named, documents))}"
    return data, Layout.of(first, sent)


def _named(document: Document) -> str:
    """Return the name of a site, and what noise is in its sums."""
    noise = document.about.get("noise")
    return str(document.about["site"]) + (f" (noise: ε={noise[0]:g}, δ={noise[1]:g})" if noise else "")


def _latest(store: StateStore, name: str) -> list[Document]:
    """Return what each site sent last, by site."""
    all_sent = store.documents(SITES)
    found = {str(d.about["site"]): d for d in all_sent if d.about.get("study") == name}  # the oldest first
    if not found:
        known = sorted({f"{PREFIX}{d.about.get('study')}" for d in all_sent})
        there = f"it has {', '.join(known)}" if known else "import what they sent with `hpo states import FILE`"
        raise TuneError(f"{store.location} has no states of sites for the study {name!r}; {there}")
    return [found[site] for site in sorted(found)]


class _Away(MemorySource):
    """Rows that are elsewhere: what columns they have."""

    def scan(
        self,
        segment: Segment,
        columns: Sequence[str],
        batch_rows: int,
        *,
        threads: bool = False,
        apart: Sequence[str] = (),
    ) -> Iterator[Rows]:
        """Refuse: the rows stay where they are."""
        raise DataError(f"the rows of {segment.uri} are at the site, and its states are all that is here")


def _away(schema: pa.Schema, roles: Roles, segments: tuple[Segment, ...]) -> Dataset:
    """Return rows that are elsewhere as a data set."""
    block = TableBlock(schema.empty_table())
    arrow = unify_schemas([(segments[0].uri, block.schema)], None)
    fields = Schema.from_arrow(arrow, {field.name: True for field in arrow})
    return Dataset(_Away(block, arrow, fields, segments), roles)


def site_folds(asked: object, about: Mapping[str, object], made: FoldScheme) -> None:
    """Refuse other folds than sites have dealt."""
    if asked != DEFAULT and made.to_dict() != dict(about):
        raise TuneError(f"folds={asked!r}: the sites dealt theirs as {dict(about)!r}; leave folds out")


DEFAULT = 5
"""Folds of a study that asks for none: those of the sites are taken."""
