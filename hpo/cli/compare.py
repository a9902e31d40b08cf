"""hpo studies compare: the same question asked in several studies, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.behind import editions, report_data, report_sentences, study_compare
from hpo.cli.described import best_text, number_text, of_one_goal, settings
from hpo.cli.options import AsJson, Storage, known_storage
from hpo.cli.output import emit, print_table, say
from studies.report.text import Metric, metric_of

if TYPE_CHECKING:


    from studies.record.compare import Comparison, Pair, Row
    from studies.report.data import Leader


def compare(
    names: Annotated[list[str], typer.Argument(metavar="NAME NAME...", help="Two recorded studies or more.")],
    storage: Storage = None,
    as_json: AsJson = False,
) -> None:
    """Put studies side by side, fold by fold.

    Each is compared with the best by the corrected resampled t-test. Warns when their scores may not be compared:
    other data, folds or metric. Editions of a study have other data; where one scored again the setting of another,
    both settings are compared on its folds.

    Examples
    --------
      hpo studies compare flights flights-lasso
      hpo studies compare flights flights-lasso --json | jq .pairs
      hpo studies compare daily@1 daily@3
    """
    kept = known_storage(storage)
    found = study_compare.compare([of_one_goal(editions.load_edition(kept, name)) for name in names], names)
    if as_json:
        emit(found.to_dict())
    else:
        _show_comparison(found)


def _show_comparison(found: Comparison) -> None:
    columns = ("study", "best", "± SE", "to the best", "trials", "rows read", "settings")
    metric, best = metric_of(found.rows[0].metric or ""), found.best
    stands = {row.name: _standing(found, row) for row in found.rows}
    cells = (
        (
            row.name, best_text(row), number_text(row.se, 3),
            report_sentences.difference_text(stands[row.name], metric), f"{row.trials:,}",
            "" if row.rows_read is None else f"{row.rows_read:,}", settings(row.params),
        )
        for row in found.rows
    )  # fmt: skip
    print_table(columns, cells, right=("best", "± SE", "to the best", "trials", "rows read"))
    known = [leader for leader in stands.values() if leader.difference or (best and leader.algorithm == best.name)]
    if sentence := report_sentences.standing_text(known):
        say("", sentence)
        say(
            "to the best: the mean difference of the fold scores ± its standard error, and the probability of so "
            "much by chance (corrected resampled t-test, Nadeau and Bengio 2003)"
        )
    for row in found.rows:
        pair = found.against_best(row)
        same = best is not None and row.params == best.params
        if pair is not None and (words := _words_of(pair, metric, same=same)):
            say("", words)
    if best is None:
        say("", "no study has fold scores to compare")


def _standing(found: Comparison, row: Row) -> Leader:
    """Return how a study stands to the best, where both are scored on the same folds of the same data."""
    pair = found.against_best(row)
    if pair is None or not pair.comparable or pair.difference is None:
        return report_data.Leader(0, row.name, value=row.best)
    gap = report_data.Difference(pair.difference, pair.se, pair.p)
    return report_data.Leader(0, row.name, value=row.best, difference=gap)


def _words_of(pair: Pair, metric: Metric, *, same: bool) -> str:
    """Return what a table of differences does not say: why two studies differ, or that there are no fold scores."""
    if pair.comparable:
        return "" if pair.difference is not None else f"{pair.b} against {pair.a}: no fold scores to compare"
    why = f"{pair.a} and {pair.b} cannot be compared: {'; '.join(pair.unlike)}"
    if pair.difference is None:
        return why + ". Both have the same setting" * same
    gap = report_data.Difference(pair.difference, pair.se, pair.p)
    gap_text = report_sentences.difference_text(report_data.Leader(0, pair.b, difference=gap), metric)
    verdict = "no clear difference"
    if pair.p is not None and pair.p < report_sentences.SURE:
        verdict = f"that of {pair.b if pair.difference > 0 else pair.a} is better"
    both = f"the setting of {pair.b} against that of {pair.a}: {metric.short} {gap_text}"
    return f"{why}. On the data of {pair.on} {both}, {verdict}"
