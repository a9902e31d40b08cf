"""``hpo plan``: what a study would read, and what is known already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import (
    api,
    auto,
    fold_sizes,
    imports,
    known_names,
    registry,
    row_stream,
    sklearn_metrics,
    spec_form,
)
from hpo.cli.options import AllowImport, AsJson, AsOf, Exclude, Last, Period, Store, StudyFile
from hpo.cli.output import emit, print_facts
from state_store.entry import readable_bytes
from studies.counting import counted
from studies.masking import mask
from studies.report.text import metric_of

ROUGHLY = " on one core, as a guess (--measure reads some rows to know)"

STAGES = 12
"""Stages of training that a plan shows."""

if TYPE_CHECKING:
    from hpo.states.chains import Epochs, Stage
    from hpo.states.plan import Plan
    from studies.record.record_parts import Forecast
    from studies.spec.spec import StudySpec


def plan(
    study: StudyFile,
    store: Store = None,
    allow_import: AllowImport = None,
    window: Period = None,
    last: Last = None,
    exclude: Exclude = None,
    as_of: AsOf = None,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Read some rows, for a second or two, to estimate what the pass takes."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a study would read, before anything is read.

    Checks the file and shows what the store has already, what must be read, and about how long that takes. It reads
    no rows; with --measure it reads some, to estimate time, memory and how much the store grows.

    Examples
    --------
      hpo plan study.yaml
      hpo plan study.yaml --measure
      hpo plan study.yaml --json | jq .rows_to_read
    """
    spec = read_study(study, store=store, allow_import=allow_import)
    spec = windowed(spec, window, last, exclude, as_of)
    if row_stream.stream_name(spec) is not None:
        _say_stream(spec, as_json=as_json)
        return
    made = api.plan(spec, measure=measure)
    if as_json:
        emit({"name": spec.name, **made.to_dict()})
    else:
        print_facts(_facts(spec, made))


def _say_stream(spec: StudySpec, *, as_json: bool) -> None:
    """Say how far the stream has come that a study is of: its rows are gone, and a study reads none."""
    stream = row_stream.Stream.of(spec)
    if as_json:
        emit({"name": spec.name, "stream": stream.name, "rows": stream.position, "rows_to_read": 0})
        return
    facts = [
        ("study", f"{spec.name}: {', '.join(spec.algorithm)}, {counted(spec.trials, 'trial')}"),
        ("data", f"the stream {stream.name!r}: {counted(stream.position, 'row')} so far"),
        ("to read", "nothing: every trial is answered from its states" if stream.position else
         f"nothing yet; send it rows: hpo ingest {spec.name}.yaml < rows.csv"),
    ]  # fmt: skip
    print_facts(facts)


def windowed(
    spec: StudySpec, window: str | None, last: int | None, exclude: list[str] | None, as_of: str | None
) -> StudySpec:
    """Return a study of the files that options choose; further ones are left out."""
    given = {"window": window, "last": last, "as_of": as_of, "exclude": [*spec.exclude, *(exclude or ())] or None}
    changes = {key: value for key, value in given.items() if value is not None}
    return spec.but(**changes) if changes else spec


def read_study(
    path: Path,
    *,
    store: str | None = None,
    storage: str | None = None,
    trials: int | None = None,
    allow_import: list[str] | None = None,
) -> StudySpec:
    """Return a checked study file; what the options give replaces what it says.

    Raises
    ------
    SpecError
        Names every fault with its line and key, and the nearest valid one.
    """
    spec = spec_form.load(path)
    imports.allow((*spec.allow_imports, *(allow_import or ())))
    if not auto.is_auto(spec.algorithm):
        spec.validate(known_names.known_fields(spec.algorithm), meant=known_names.meant)
        _check_scoring(spec)
    given = {"store": store, "storage": storage, "trials": trials}
    changes = {key: value for key, value in given.items() if value is not None}
    if spec.name is None:
        changes["name"] = path.name.partition(".")[0] or path.name
    return spec.but(**changes)


def _check_scoring(spec: StudySpec) -> None:
    """Name the line of a metric that exists nowhere; one that depends on the rows is explained later."""
    found = [
        registry.get(name) for name in spec.algorithm if name in registry.names() or registry.is_foreign(name)
    ]
    known = {m for one in found for m in (*one.tags.exact, *one.tags.sampled)}
    if all(name in known for name in spec.metrics):
        return

    legal = [*sorted(known), *sklearn_metrics.get_scorer_names()]
    if not all(name in legal for name in spec.metrics):
        spec.validate(known_names.known_fields(spec.algorithm), legal)


def _facts(spec: StudySpec, plan: Plan) -> Iterator[tuple[str, str]]:
    yield "study", f"{spec.name}: {', '.join(plan.algorithms)}, {counted(plan.trials, 'trial')}"
    if plan.chosen:
        yield "auto", plan.chosen
    others = [name for name in spec.metrics if name != plan.metric]
    yield "score", f"{', '.join(metric_of(name).name for name in (plan.metric, *others))}; {plan.folds}"
    yield "folds", _folds(plan)
    yield "data", f"{mask(', '.join(spec.data[:3]))}{' …' if len(spec.data) > 3 else ''}"
    if plan.files:
        yield "", plan.files
    yield "", _amount(plan.segments, plan.rows, plan.nbytes)
    for name, table in (spec.join or {}).items():
        keys = ", ".join(mine if mine == own else f"{mine} = {own}" for mine, own in table.pairs)
        yield "joined", f"{name}: {mask(', '.join(table.data))} by {keys}"
    if plan.segments_to_read:
        read = _amount(plan.segments_to_read, plan.rows_to_read, plan.bytes_to_read)
        yield "to read", f"{read}, about {_time(plan.seconds)}{'' if plan.forecast else ROUGHLY}"
    else:
        yield "to read", "nothing: every state is in the store"
    if plan.forecast is not None:
        yield "takes", _takes(plan.forecast)
    if known := plan.segments - plan.segments_to_read:
        yield "known", counted(known, "segment")
    for file in plan.changed[:10]:
        yield "changed", f"{file} (its old states are not used)"
    yield "pilot", _pilot(plan)
    if plan.again != "no":
        yield (
            "again",
            "if the pilot sample does not represent all rows, the data is read again, at most twice",
        )
    yield from _second_pass(plan)
    if plan.epochs is not None:
        yield from _epochs(plan.epochs)
    each = plan.answered.items()
    yield from (("one fit", f"scores {n} values of {key}; each trial keeps the best") for key, n in each)
    if plan.stand_ins:
        yield "stand-ins", plan.stand_ins
    if plan.precision:
        yield "precision", plan.precision
    several = f"{len(plan.summaries)} kinds, all fed by one read: " if len(plan.summaries) > 1 else ""
    yield "states", several + "; ".join(plan.summaries) + _memory(plan)


def _second_pass(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield what may be read again for the best model."""
    if plan.polish == "refit":
        yield "refit", "a best model of a sample is fitted again to all rows, which are read once more"
    elif plan.polish != "no":
        where = "if the expected improvement exceeds one standard error" if plan.polish == "maybe" else "as asked"
        yield "polish", f"a second pass over the rows for the best model, {where}"


def _epochs(epochs: Epochs) -> Iterator[tuple[str, str]]:
    """Yield how many epochs are trained, and the first stages where trials have some in common."""
    shared = epochs.alone > epochs.trained
    words = f"; {epochs.alone:,} without sharing" if shared else ""
    yield "epochs", f"{epochs.trained:,} to train at most{words}"
    if shared:
        yield from (("stage", _stage(one)) for one in epochs.stages[:STAGES])
        if len(epochs.stages) > STAGES:
            yield "stages", f"{len(epochs.stages):,} in all"


def _stage(stage: Stage) -> str:
    """Return a stage in words, further in the more stages lie before it."""
    saved = f", {counted(stage.saved, 'epoch')} saved a fold" if stage.saved else ""
    values = "".join(f", {name}={value}" for name, value in stage.values.items())
    which = f"{stage.first}" if stage.first == stage.last else f"{stage.first} to {stage.last}"
    of = counted(stage.settings, "setting")
    return f"{'  ' * stage.depth}{stage.algorithm}: epoch {which} of {of}{saved}{values}"


def _takes(forecast: Forecast) -> str:
    memory, gained = readable_bytes(forecast.memory), readable_bytes(forecast.store_bytes)
    rows, took = counted(forecast.rows, "row"), _time(forecast.took)
    return f"{memory} of memory, and {gained} more in the store; measured on {rows} in {took}"


def _folds(plan: Plan) -> str:
    sizes = plan.fold_sizes
    if sizes is None:
        return "their sizes are known once the data is read"
    return fold_sizes.in_words(sizes.rows, sizes.groups, sizes.classes)


def _amount(segments: int, rows: int | None, nbytes: int) -> str:
    rows_text = "an unknown number of rows" if rows is None else counted(rows, "row")
    return f"{counted(segments, 'segment')}, {rows_text}, {readable_bytes(nbytes)}"


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else "0.1 s"


def _pilot(plan: Plan) -> str:
    words = {
        "none needed": "none needed: every column is a number",
        "stored": "stored: categories are known",
        "to be drawn": "to be drawn: a sample of at most four segments, for categories and column centres",
        "to be drawn anew": "to be drawn again: the files of the stored one are gone, so all data is read",
    }
    return words[plan.pilot]


def _memory(plan: Plan) -> str:
    if plan.state_bytes is None:
        return ""
    free = "" if plan.memory_free is None else f"; {readable_bytes(plan.memory_free)} of memory are free"
    return f", {readable_bytes(plan.state_bytes)} each{free}"
