"""``hpo run``: one pass, then trials."""

from __future__ import annotations

import shlex
import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import api, board, collect, noted, row_stream, terminal
from hpo.cli.options import AllowImport, AsJson, AsOf, Exclude, Last, Period, Quiet, Storage, Store, StudyFile
from hpo.cli.output import console, emit, say
from hpo.cli.plan import read_study, windowed
from hpo.errors import Interrupted, InterruptedWarning, NoScoreWarning, TuneError
from studies.counting import counted
from studies.masking import mask

if TYPE_CHECKING:
    from hpo.findings.result import Result
    from hpo.trials.selection import Candidate
    from studies.spec.spec import StudySpec


def run(
    study: StudyFile,
    trials: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="{trials} [default: the file's]."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the recorded study of this name.")
    ] = False,
    store: Store = None,
    storage: Storage = None,
    allow_import: AllowImport = None,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="ENGINE", help="{engine} [default: the file's].")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="{name} [default: the file's].")] = None,
    warm_start: Annotated[str | None, typer.Option(metavar="NAME", help="{warm_start}.")] = None,
    window: Period = None,
    last: Last = None,
    exclude: Exclude = None,
    as_of: AsOf = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start the next edition without what the last one found.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print which edition it would be and what it would read.")
    ] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run a study: one pass over the data, then the trials.

    Files without states in the store are read, once; every trial is then answered from the states. The study is
    named by `name:` in the file, else by the file. Ctrl-C stops at a safe point and keeps what was finished; the
    same command with --resume continues from there.

    If the data has changed since, the same command makes the next edition: it reads what is new, scores the
    best settings of the last one again, and tries as many new ones.

    Examples
    --------
      hpo run study.yaml
      hpo run study.yaml --resume --trials 500
      hpo run daily.yaml --window 30d --exclude broken.parquet
      hpo run study.yaml --store /mnt/team/store --json > result.json
      hpo run study.yaml --store /mnt/team/store --engine dask://scheduler:8786
    """
    spec = read_study(study, store=store, storage=storage, trials=trials, allow_import=allow_import)
    given = {"name": name, "warm_start": warm_start, "engine": engine}
    changes = {option: value for option, value in given.items() if value is not None}
    spec = windowed(spec.but(**changes) if changes else spec, window, last, exclude, as_of)
    if dry_run:
        _say_edition(spec, fresh=fresh, as_json=as_json)
        return
    written = (
        ("--name", name), ("--warm-start", warm_start), ("--trials", trials), ("--store", store),
        ("--storage", storage), ("--engine", engine), ("--window", window), ("--last", last), ("--as-of", as_of),
        *(("--exclude", one) for one in exclude or ()),
        *(("--allow-import", one) for one in allow_import or ()),
    )  # fmt: skip
    options = [mask(str(part)) for pair in written if pair[1] is not None for part in pair]
    again = shlex.join(["hpo", "run", str(study), "--resume", *options])
    with warnings.catch_warnings():
        for category in (InterruptedWarning, NoScoreWarning):  # in the command line's own words below
            warnings.simplefilter("ignore", category)
        try:
            result = _answered(spec, resume=resume, progress=False if quiet else None, fresh=fresh)
        except Interrupted as error:
            where = str(error).partition(": run the same")[0]
            raise Interrupted(f"{where}. Continue with: {again}") from None
    _finish(spec, result, again, as_json=as_json)


def _say_edition(spec: StudySpec, *, fresh: bool, as_json: bool) -> None:
    """Say which edition a run would be, and what it would read."""
    edition, plan = api.next_edition(spec, fresh=fresh)[1], api.plan(spec)
    if as_json:
        emit({
            "name": spec.name, "edition": edition.number, "before": edition.before, "due": edition.due,
            "segments_to_read": plan.segments_to_read, "rows_to_read": plan.rows_to_read, "files": plan.files,
        })  # fmt: skip
        return
    segments = plan.segments_to_read
    read = f"{counted(segments, 'segment')} to read" if segments else "nothing to read"
    read += f"; {plan.files}" if plan.files else ""
    if not edition.due:
        say(f"{spec.name}: edition {edition.number} is that of this data; --resume continues with it")
    elif edition.going_on:
        say(f"{spec.name}: edition {edition.number} would continue; {read}")
    else:
        before = f", beginning with what {edition.before} found" if edition.before else ""
        say(f"{spec.name}: edition {edition.number} would begin{before}; {read}")


def _answered(spec: StudySpec, *, resume: bool, progress: bool | None, fresh: bool) -> Result:
    """Return the result of a study: of files, or of the rows that a stream has had so far."""
    if row_stream.stream_name(spec) is None:
        question = api.question_of(spec)
        return api.run_question(
            question, spec.sampler, spec.storage, resume=resume, progress=progress, fresh=fresh
        )
    return row_stream.Stream.of(spec).tune(
        name=spec.name, trials=spec.trials, timeout=spec.timeout, patience=spec.patience, sampler=spec.sampler,
        storage=spec.storage, resume=resume, progress=progress,
    )  # fmt: skip


def _finish(spec: StudySpec, result: Result, again: str, *, as_json: bool) -> None:
    done = len(result.optuna_study.trials)
    if as_json:
        emit(result_values(result))
    if result.stopped == "interrupted":
        are = "is" if done == 1 else "are"
        raise Interrupted(f"{done} of {counted(spec.trials, 'trial')} {are} done, and kept. Continue with: {again}")
    if not as_json:
        _show(result, spec.storage)


def _show(result: Result, storage: str | None) -> None:
    terminal.render_summary(collect.report_data(result, drawn=False), console())
    where = [] if storage is None else ["--storage", mask(storage)]
    say("", "Report: " + shlex.join(["hpo", "report", str(result.record.name), *where, "--html", "report.html"]))


def result_values(result: Result) -> dict[str, object]:
    """Return a result as JSON values: what ``--json`` prints."""
    found: dict[str, object] = {
        "name": result.record.name,
        "metric": result.metric,
        "metrics": list(result.record.metrics),
        "objectives": list(result.record.objectives),
        "stopped": result.stopped,
        "edition": None if result.record.edition is None else asdict(result.record.edition),
        "trials": len(result.optuna_study.trials),
    }
    try:
        several = result.record.several
        found["pareto"] = [_chosen(result, one) for one in result.pareto] if several else []
        pair = () if several else (("best", result.best), ("simplest", result.simplest))
    except TuneError as error:
        return {**found, "best": None, "simplest": None, "error": str(error), "cost": result.cost.to_dict()}
    found |= {"best": None, "simplest": None} | {key: _chosen(result, chosen) for key, chosen in pair}
    if (polish := result.record.polish) is not None:
        found["polish"] = asdict(polish)
    found["leaderboard"] = [row.flat() for row in board.leaderboard(result)]
    return {**found, "cost": result.cost.to_dict()}


def _chosen(result: Result, chosen: Candidate) -> dict[str, object]:
    others = {
        name: {"mean": s.mean, "se": s.se, "fold_scores": list(s.folds), **_errors(result, chosen, name)}
        for name, s in chosen.scores.also.items()
    }
    return {
        "trial": chosen.number,
        "algorithm": noted.algorithm_of(result.run, chosen),
        "value": chosen.scores.mean,
        "se": chosen.scores.se,
        "fold_scores": list(chosen.scores.folds),
        **_errors(result, chosen, result.metric),
        "params": result.params_of(chosen),
        **({"scores": others} if others else {}),
    }


def _errors(result: Result, chosen: Candidate, metric: str) -> dict[str, object]:
    """Return which errors a score carries beside its standard error."""
    found = collect.shown_accuracy(result, chosen, metric)
    mean = chosen.scores.also.get(metric, chosen.scores).mean
    reported = {"score_bound": found.bound, "sampling_error": found.sampling, "bias": found.bias}
    return {**reported, "accuracy": found.words(mean)}
