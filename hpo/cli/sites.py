"""What leaves a site: the sums of its rows, or how it lays out its columns."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.cli.behind import api, described, editions, records
from hpo.cli.exits import UsageError
from hpo.cli.options import known_storage
from hpo.cli.output import emit, say
from hpo.cli.plan import read_study
from state_store.entry import readable_bytes
from studies.counting import counted

if TYPE_CHECKING:
    from studies.spec.spec import StudySpec


def of_site(
    study: str | None, store: str | None, storage: str | None, site: str, contexts: list[str] | None
) -> StudySpec:
    """Return the study whose states leave a site: of a file, or a recorded one."""
    if study is None or contexts:
        raise UsageError("--only-moments and --only-layout need a study: add --study STUDY.yaml")
    if not site:
        raise UsageError("--only-moments needs the name of this site: --site NAME")
    if study.endswith((".yaml", ".yml")):
        return read_study(Path(study), store=store)
    record = records.record_of(editions.load_edition(known_storage(storage), study))
    if record is None or not record.spec:
        raise UsageError(f"the study {study!r} does not say how it was asked; name its STUDY.yaml")
    spec = described.build(dict(record.spec))
    return spec if store is None else spec.but(store=store)


def send_site(
    spec: StudySpec,
    file: Path,
    site: str,
    noise: tuple[float | None, float | None, list[str] | None],
    *,
    as_json: bool,
) -> None:
    """Write the sums of a site, with noise where that was asked for."""
    epsilon, delta, given = noise
    bounds = None if given is None else dict(map(_bounds, given))
    sent = api.export_site(
        spec, file, site, epsilon=epsilon, delta=delta, bounds=bounds, progress=False if as_json else None
    )
    if as_json:
        emit(asdict(sent))
        return
    say(
        f"{sent.file.path}: the sums of {counted(sent.rows, 'row')} of {site}, {readable_bytes(sent.file.bytes)}: "
        f"{', '.join(sent.summaries)}"
    )
    if sent.noise:
        say(f"noise hides single rows: ε={sent.noise[0]:g}, δ={sent.noise[1]:g}, as often as such sums are sent")
    if sent.left_out:
        say(f"stays here, since it is not a sum: {', '.join(sent.left_out)}")
    say(f"where the others' are: hpo states import {sent.file.path.name}, and data: sites:{spec.name} in a study")


def _bounds(text: str) -> tuple[str, tuple[float, float]]:
    """Return the column and the bounds in ``COLUMN=LOW:HIGH``."""
    name, _, values = text.rpartition("=")
    try:
        low, high = map(float, values.split(":"))
    except ValueError:
        raise UsageError(f"--bounds {text}: write COLUMN=LOW:HIGH, such as age=0:120") from None
    return name, (low, high)


def send_layout(spec: StudySpec, file: Path, *, as_json: bool) -> None:
    """Write how a study lays out its columns."""
    made = api.export_layout(spec, file)
    if as_json:
        emit(asdict(made))
    else:
        size = readable_bytes(made.bytes)
        say(f"{made.path}: {size}; say layout: {made.path.name} in the study of the other sites")
