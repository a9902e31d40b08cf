"""Questions that a result answers from its states, and scores of rows that were held out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from algorithms import registry
from hpo.errors import TuneError
from hpo.findings import coefficients as of_model
from hpo.findings import confirm as of_rows
from hpo.findings import importances as of_study
from hpo.findings import leaderboard as board
from hpo.findings.board import Leaderboard
from hpo.findings.equations import in_units
from hpo.findings.forecasts import confirmed
from hpo.findings.held_out import of_further_rows
from hpo.findings.noted import reading_of
from hpo.findings.result import Result
from hpo.findings.sampling_error import with_sampling
from hpo.process.once import once
from hpo.trials.accuracy import accuracy_of
from hpo.trials.editions import chosen
from hpo.trials.selection import Candidate
from studies.report.accuracy import Accuracy

COEFFICIENTS = ("model", "unit", "deviation")
"""What coefficients may be by."""


def accuracy(result: Result, candidate: Candidate | None = None, metric: str | None = None) -> Accuracy:
    """Return which errors a score carries beside its standard error over folds.

    Parameters
    ----------
    result : of a study.
    candidate : whose score; None for the best (of several objectives, by the first).
    metric : which of the study's scores; None for the first.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> result = hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=2, store=None)
    >>> hpo.accuracy(result).words(result.best_value)
    'exact'
    """
    one = candidate or chosen(result.candidates, result.record.standing)
    name, found = metric or result.metric, _known(result)
    if name not in result.record.metrics:
        raise TuneError(f"metric={name!r} is not one of this study's scores ({', '.join(result.record.metrics)})")
    if one.number not in found:
        plain = {m: accuracy_of(one, m, result.metric) for m in result.record.metrics}
        found[one.number] = with_sampling(plain, one)
    return found[one.number][name]


@once
def _known(_result: Result) -> dict[int, dict[str, Accuracy]]:
    """Return what is known of the errors of each candidate's scores; filled when it is asked for."""
    return {}


def leaderboard(result: Result) -> Leaderboard:
    """Return one row per algorithm, the best first: a frame whose ``plot()`` draws them by matplotlib.

    Columns: ``algorithm``, ``score`` and ``se`` of its best setting (by the first objective),
    ``within_one_se`` of the best of all, ``complexity``, ``trials``, ``failed``, ``trial``, ``params``,
    ``score_bound`` and ``accuracy`` as in :meth:`hpo.Result.trials_dataframe`, and ``mean_<score>`` and
    ``std_error_<score>`` of every further score.
    """
    found = Leaderboard([row.flat() for row in board.leaderboard(result)])
    found.attrs["metric"] = result.metric
    return found


def recommend(
    result: Result,
    data: object,
    n_items: int = of_rows.ITEMS,
    *,
    exclude_seen: bool = True,
    candidate: Candidate | None = None,
    **options: object,
) -> pd.DataFrame:
    """Return the items of largest score for each user of ``data``, the best first.

    The columns: the user (``row``, its place, where the data is a matrix), ``rank`` from 1, ``item`` and ``score``.

    Parameters
    ----------
    result : of a study of the task ``"recommendation"``.
    data : rows of users, in the form that the study's data has; items that the study did not see are left out.
    n_items : how many for each user.
    exclude_seen : whether items that a user has already are left out.
    candidate : whose model; None for the best.
    options : of reading, as ``storage_options``.

    Raises
    ------
    TuneError
        If the model recommends nothing.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = (np.random.default_rng(0).random((60, 6)) < 0.5).astype(float)
    >>> result = hpo.tune(X, algorithm="auto:recommendation", trials=4, store=None)
    >>> hpo.recommend(result, X[:1], n_items=2).columns.tolist()
    ['row', 'rank', 'item', 'score']
    """
    model = result.model_of(candidate, encoded=True)
    if not hasattr(model[-1], "recommend"):
        able = " or ".join(map(repr, registry.of_task("recommendation")))
        raise TuneError(f"{type(model[-1]).__name__} recommends nothing; tune {able}, or use result.predict")
    asked = {**reading_of(result.record, result.run.join), **options}
    return of_rows.recommended(model, data, n_items, asked, exclude_seen=exclude_seen)


@once
def importances(result: Result) -> dict[str, float]:
    """Return how much each hyperparameter matters to the score (fANOVA), largest first."""
    return of_study.importances(result.optuna_study)


def coefficients(result: Result) -> list[tuple[str, float]]:
    """Return the best model's coefficients by column, largest first.

    Empty for models without, and for several classes, whose :func:`coefficient_table` has one each.
    """
    return of_model.largest_first(coefficient_table(result))


def coefficient_table(result: Result, by: str = "model") -> pd.DataFrame | None:
    """Return the best model's coefficients, one row per column of the model, one column per class.

    A regression has one column, and so has a classification of two classes, named for the second. None for
    models without coefficients over the columns.

    Parameters
    ----------
    result : of a study.
    by : ``"model"`` for ``coef_`` as the fitted model has it (of scaled columns where it scales them);
        ``"unit"`` for what one more unit of a column adds, with a last row ``"(intercept)"``, NaN where unknown;
        ``"deviation"`` for what one standard deviation of the column adds.

    Raises
    ------
    TuneError
        If `by` is none of these, or the states keep no standard deviations of the columns.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(200, 2)) * [1.0, 10.0]
    >>> result = hpo.tune((X, X @ [3.0, 0.1] + 7.0), algorithm="ols", trials=1, store=None)
    >>> hpo.coefficient_table(result, by="unit").round(6)["coefficient"].to_dict()
    {'x0': 3.0, 'x1': 0.1, '(intercept)': 7.0}
    """
    if by not in COEFFICIENTS:
        raise TuneError(f"by={by!r} is not one of {', '.join(map(repr, COEFFICIENTS))}")
    model = result.model_of(encoded=True)
    return of_model.coefficient_table(model) if by == "model" else in_units(result.best.states, model, by)


def confirm(
    result: Result,
    data: object,
    *,
    scoring: str | Sequence[str] | None = None,
    candidate: Candidate | None = None,
    **options: object,
) -> dict[str, float]:
    """Return the best model's scores on raw rows that were held out.

    Parameters
    ----------
    result : of a study.
    data : anything that :func:`hpo.tune` reads; it must hold the target, and the weight of a weighted study.
    scoring : scikit-learn scorer names; None for the study's own.
    candidate : whose model; None for the best.
    options : further arguments of reading, such as ``storage_options``; ``weight=`` as for ``tune``. CSV files are
        read as the study's were, unless ``decimal=``, ``encoding=`` and the like say otherwise; what the study
        joined is joined to them, unless ``join=`` says otherwise.

    Rows of series continue from those of the study: scored are the windows whose next values are all among the new
    rows, by the study's own scores.
    """
    scores = scoring or result.record.metrics
    names = list(scores) if isinstance(scores, Iterable) and not isinstance(scores, str) else [scores]
    record = result.record
    asked = {**reading_of(record, result.run.join), **options}
    if result.run.evidence.pilot.calendar is not None:
        return confirmed(result.run, candidate or result.best, data, names, asked)
    model = result.model_of(candidate, encoded=True)
    if not record.targets and not of_rows.scored_by(model, names) and {*names} <= {*record.metrics}:
        opened = of_rows.opened_for(model, data, record.targets, record.weight, asked)
        return of_further_rows(result.run, candidate or result.best, opened, names)
    return of_rows.confirm(model, data, names, record.targets, record.weight, asked)
