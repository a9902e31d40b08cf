"""States in one file: hpo states export and import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.behind import process_settings, store_archive
from hpo.cli.contexts import chosen
from hpo.cli.options import AsJson, Storage, Store, known_store
from hpo.cli.output import emit, say
from hpo.cli.pins import Contexts, OfStudy
from hpo.cli.sites import of_site, send_layout, send_site
from state_store.entry import readable_bytes
from studies.counting import counted


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, such as states.zip.")],
    contexts: Contexts = None,
    study: OfStudy = None,
    only_moments: Annotated[
        bool,
        typer.Option("--only-moments", help="Write only sums over all rows of a study, for a study over sites."),
    ] = False,
    only_layout: Annotated[
        bool,
        typer.Option("--only-layout", help="Write how a study encodes columns, for other sites to do the same."),
    ] = False,
    site: Annotated[str, typer.Option(metavar="NAME", help="What to call this site, with --only-moments.")] = "",
    epsilon: Annotated[
        float | None, typer.Option(metavar="E", help="Add noise to the sums that hides single rows: ε.")
    ] = None,
    delta: Annotated[float | None, typer.Option(metavar="D", help="With --epsilon: δ, such as 1e-6.")] = None,
    bounds: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=LOW:HIGH", help="With --epsilon: the range of each number, target included."
        ),
    ] = None,
    store: Store = None,
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Export states as one file, for another store.

    All of them, those of some contexts, or those of a study, with the documents that they refer to. With
    --only-moments the file holds only sums over all rows of this site, one state a fold: no row, no name of a file.
    Files without states are read first. --study is then a STUDY.yaml, or a recorded study.

    Examples
    --------
      hpo states export states.zip
      hpo states export flights.zip --study flights
      hpo states export some.zip 3fa1 77c0
      hpo states export layout.zip --only-layout --study diabetes.yaml
      hpo states export north.zip --only-moments --site north --study diabetes.yaml
      hpo states export n.zip --only-moments --site n --study d.yaml --epsilon 1 --delta 1e-6 --bounds age=0:120
    """
    if only_moments or only_layout:
        asked = of_site(study, store, storage, site if only_moments else "-", contexts)
        if only_moments:
            send_site(asked, file, site, (epsilon, delta, bounds), as_json=as_json)
        else:
            send_layout(asked, file, as_json=as_json)
        return
    kept = known_store(store)
    wanted = chosen(kept, contexts, study, storage)
    made = store_archive.export_states(kept, file, wanted or None)
    if as_json:
        emit(made)
    else:
        what = f"{counted(made.leaves, 'leaf', 'leaves')}, {counted(made.documents, 'document')}"
        say(f"{made.path}: {what}, {readable_bytes(made.bytes)}")


def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files that `hpo states export` wrote.")
    ],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Import exported states into a store.

    All of a file are verified before the first is kept, and states already there are not replaced. Their numbers
    are trusted and no code in them runs: import states only from people whose models you would use.

    Examples
    --------
      hpo states import flights.zip
      hpo states import east.zip north.zip south.zip --store ./store
    """
    place = process_settings.open_store(store)
    each = [store_archive.import_states(place, file) for file in files]
    kept_as_they_were = tuple(name for one in each for name in one.kept)
    found = store_archive.Imported(
        sum(one.added for one in each), sum(one.present for one in each), kept_as_they_were,
        sum(one.bytes for one in each),
    )  # fmt: skip
    if as_json:
        emit(found)
    else:
        kept = f", {len(found.kept):,} of another content kept as they were" if found.kept else ""
        added = f"{counted(found.added, 'blob')} added ({readable_bytes(found.bytes)})"
        say(f"{added}, {found.present:,} there already{kept}")
