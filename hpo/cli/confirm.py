"""``hpo confirm`` and ``hpo pareto``: a model on rows that were held out; the settings that no other beats."""

from __future__ import annotations

from typing import Annotated

import typer

from hpo.cli.behind import answers, noted
from hpo.cli.opened import chosen, opened
from hpo.cli.options import AllowImport, AsJson, Storage, Store, StudyName, Trial
from hpo.cli.output import emit, print_table
from studies.report.text import metric_of


def confirm(
    name: StudyName,
    data: Annotated[
        list[str],
        typer.Argument(metavar="DATA...", help="Rows that the study has not seen, with the target."),
    ],
    scoring: Annotated[
        list[str] | None,
        typer.Option(metavar="SCORE", help="A scorer of scikit-learn; repeat for more [default: the study's]."),
    ] = None,
    trial: Trial = None,
    store: Store = None,
    storage: Storage = None,
    allow_import: AllowImport = None,
    as_json: AsJson = False,
) -> None:
    """Score a study's best model on rows that were held out.

    The best of many settings is best partly by chance; rows that took no part in the choice show what to expect.

    Examples
    --------
      hpo confirm flights december.parquet
      hpo confirm flights "new/*.csv" --scoring r2 --scoring neg_mean_absolute_error --json
    """
    result = opened(name, storage=storage, store=store, allow_import=allow_import)
    candidate = chosen(result, trial)
    found = answers.confirm(result, data, scoring=scoring, candidate=candidate)
    if as_json:
        emit({"study": result.record.name, "scores": found})
        return
    known = (candidate or result.best).scores
    cells = []
    for metric, value in found.items():
        shown, there = metric_of(metric), metric in result.record.metrics
        was = known.also.get(metric, known) if there else None
        cells.append((shown.name, shown.text(value), "" if was is None else shown.text(was.mean, was.se)))
    print_table(("score", "on these rows", "cross-validated"), cells, right=("on these rows", "cross-validated"))


def pareto(
    name: StudyName,
    store: Store = None,
    storage: Storage = None,
    allow_import: AllowImport = None,
    as_json: AsJson = False,
) -> None:
    """Show the settings that no other beats in every score.

    For a study that optimises several scores together (`refit: false`).

    Examples
    --------
      hpo pareto flights
      hpo pareto flights --json | jq .pareto[0].params
    """
    result = opened(name, storage=storage, store=store, allow_import=allow_import)
    objectives = result.record.objectives
    means = [[one.scores.also.get(m, one.scores).mean for m in objectives] for one in result.pareto]
    found = list(zip(result.pareto, means, strict=True))
    if as_json:
        front = [
            {
                "trial": one.number, "algorithm": noted.algorithm_of(result.run, one),
                "params": result.params_of(one), "scores": dict(zip(objectives, scores, strict=True)),
            }
            for one, scores in found
        ]  # fmt: skip
        emit({"study": result.record.name, "objectives": list(objectives), "pareto": front})
        return
    metrics = [metric_of(m) for m in objectives]
    cells = (
        (
            one.number, *(m.text(value) for m, value in zip(metrics, scores, strict=True)),
            ", ".join(f"{k} {_short(v)}" for k, v in result.params_of(one).items()),
        )
        for one, scores in found
    )  # fmt: skip
    names = [m.name for m in metrics]
    print_table(("trial", *names, "settings"), cells, right=("trial", *names))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
