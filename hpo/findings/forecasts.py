"""The next steps of series: from their last rows, which states hold, and from further rows."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Array, Values
from algorithms.contract import Held, State, Summary, fitted, steps_of
from algorithms.errors import InvalidField, RepeatedStep
from algorithms.lazily import pandas
from hpo.data.calendar import Calendar, Name
from hpo.data.encoding.encodings import as_learned
from hpo.data.hashing import Words
from hpo.errors import DataError, DataWarning, TuneError
from hpo.findings.confirm import opened
from hpo.findings.known_ahead import next_covariates
from hpo.question.scoring import scores
from hpo.states.learned.series import extended

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator

    from hpo.data import Dataset
    from hpo.states.fold_states import FoldStates
    from hpo.states.learned.pilot import Pilot
    from hpo.trials.run import Run
    from hpo.trials.selection import Candidate

NORMAL, CONFORMAL = "normal", "conformal"
"""What quantiles are made of: the deviation of errors, or errors of held-out windows."""

SHOWN = 3
"""Series that a message names at most."""


def forecasts(
    run: Run,
    candidate: Candidate,
    model: BaseEstimator,
    horizon: int | None,
    quantiles: Sequence[float],
    data: object,
    futr_df: object,
    intervals: str,
    reading: Mapping[str, object],
) -> pd.DataFrame:
    """Return the next steps of every series, as :meth:`hpo.Result.forecast` describes it."""
    pilot, states = run.evidence.pilot, candidate.states
    calendar = pilot.calendar
    if calendar is None:
        raise TuneError("this study is not of series, so it has no next steps; tune one with time=")
    if calendar.order.series and not calendar.names:
        raise TuneError(
            f"the names of the series are gone from {run.record.store}; run the study again, "
            "which reads the columns of series and time alone"
        )
    whole = states.whole
    if data is not None:
        dataset = _opened(data, calendar, run.record.targets, reading)
        calendar = extended(calendar, dataset)
        with _named(calendar):
            whole = states.summary.merge(whole, _lifted(states.summary, pilot, calendar, dataset))
    ends = states.summary.ends(whole)
    if ends is None or not ends.n:
        raise TuneError("no series ends in as many rows without a gap as the model looks back at; give more rows")
    _warn_of_others(calendar, ends.series, ends.past.shape[1])
    shares, past, errors = _checked(quantiles), ends.rows(), _errors(candidate, intervals)
    h = _reach(horizon, np.asarray(model.predict(past[:1])).shape[1])
    if needed := model.ahead(h):
        nexts, known = next_covariates(ends, calendar, pilot.encoder, needed, futr_df, reading)
        past = ends.rows(nexts)[known]
        ends = replace(ends, series=ends.series[known], steps=ends.steps[known])
    mean = np.asarray(model.predict(past))[:, :h]
    try:
        spread = np.asarray(model.quantiles(past, shares, errors))[:, :h] if shares else np.zeros((len(past), h, 0))
    except InvalidField as error:
        raise TuneError(str(error)) from None
    return _frame(
        calendar, ends.series, ends.steps, mean, dict(zip(shares, np.moveaxis(spread, 2, 0), strict=True))
    )


def _errors(candidate: Candidate, intervals: str) -> Array | None:
    """Return the errors of held-out windows, by the model of each split; None where they are taken as normal."""
    if intervals == NORMAL:
        return None
    if intervals != CONFORMAL:
        raise TuneError(f"intervals={intervals!r}: give {NORMAL!r} or {CONFORMAL!r}")
    states = candidate.states
    if states.sample is None:
        raise TuneError(
            f"intervals={CONFORMAL!r}: they are made of held-out windows, and this study keeps none; tune with a "
            "score on sampled windows beside its own, as scoring=['neg_rmsse', 'neg_mase']"
        )
    models = [steps_of(fitted(candidate.algorithm, state))[-1][1] for state in states.train]
    found = [model.errors(sample) for model, sample in zip(models, states.sample.test, strict=True)]
    return np.concatenate(found)


def _reach(horizon: int | None, most: int) -> int:
    if horizon is None:
        return most
    if not isinstance(horizon, int) or isinstance(horizon, bool) or not 1 <= horizon <= most:
        raise TuneError(
            f"horizon={horizon!r}: this model forecasts 1 to {most} steps; tune a study whose folds have a larger "
            "horizon for more"
        )
    return horizon


def _checked(quantiles: Sequence[float]) -> list[float]:
    try:
        found = [float(share) for share in np.atleast_1d(np.asarray(quantiles, np.float64))]
    except (TypeError, ValueError):
        raise TuneError(
            f"quantiles={quantiles!r}: give a list of shares between 0 and 1, such as [0.1, 0.9]"
        ) from None
    if wrong := [share for share in found if not 0.0 < share < 1.0]:
        raise TuneError(f"quantiles: {wrong[0]:g} is not a share between 0 and 1; 0.9 is what 9 in 10 stay below")
    return list(dict.fromkeys(found))


def _opened(data: object, calendar: Calendar, targets: Sequence[str], reading: Mapping[str, object]) -> Dataset:
    columns = calendar.order.columns
    features = calendar.order.features
    dataset = opened(data, {**reading, "target": list(targets), "features": features, "beside": columns})
    if missing := [name for name in columns if name not in dataset.schema]:
        raise DataError(f"the rows have no column {missing[0]!r}, which the study knows series by; give it")
    return dataset.exactly(calendar.order.series)


def confirmed(
    run: Run, candidate: Candidate, data: object, scoring: Sequence[str], reading: Mapping[str, object]
) -> dict[str, float]:
    """Return the scores of the model of all rows on the next values among further rows; it is not trained on them.

    Raises
    ------
    DataError
        Further rows repeat a time of a series, or hold no next values.
    TuneError
        A score is none of the study's.
    """
    pilot, states = run.evidence.pilot, candidate.states
    if pilot.calendar is None:
        raise TuneError("this study is not of series")
    if unknown := [name for name in scoring if name not in run.record.metrics]:
        raise TuneError(
            f"scoring={unknown[0]!r}: the study keeps what {', '.join(run.record.metrics)} are computed from; give "
            "one of these, or tune with scoring=[…] of several"
        )
    dataset = _opened(data, pilot.calendar, run.record.targets, reading)
    calendar = extended(pilot.calendar, dataset)
    solution = candidate.algorithm.solve(states.whole)

    def held(found: FoldStates) -> State:
        made: State = found.summary.held_out(found.whole, _lifted(found.summary, pilot, calendar, dataset))
        return made

    with _named(calendar):
        rows = None if states.sample is None else held(states.sample)
        both: Held = Held(held(states), rows, states.exact)  # type: ignore[arg-type]
    found = scores(candidate.algorithm, solution, both, scoring)
    return {name: one.value for name, one in zip(scoring, found, strict=True)}


@contextmanager
def _named(calendar: Calendar) -> Iterator[None]:
    """Say of which series two rows are of one time."""
    try:
        yield
    except RepeatedStep as error:
        raise DataError(f"{calendar.twice(error.series, error.step)}; the study's own rows count") from error


def _lifted(summary: Summary, pilot: Pilot, calendar: Calendar, dataset: Dataset) -> State:
    """Return the state of further rows."""
    order, targets = calendar.order, dataset.targets
    columns = list(dict.fromkeys((*order.features, *targets, *order.columns)))
    found: State = summary.init(pilot.shape)
    for segment in dataset.segments:
        first = 0
        for batch in dataset.read(segment, columns):
            for encoding in pilot.encoder.encodings_:
                as_learned(encoding, batch.column(encoding.name))
            encoded = pilot.encoder.encode_cells(
                batch, targets, None, np.zeros(batch.num_rows, np.uint16), 1,
                beside=order.of(batch, first, segment.id), where=segment.id,
            )  # fmt: skip
            found, first = summary.update(found, encoded.batch), first + batch.num_rows
    return found


def _warn_of_others(calendar: Calendar, codes: Words, context: int) -> None:
    """Warn of series that are not forecast."""
    others = calendar.codes[~np.isin(calendar.codes, codes)]
    if not len(others):
        return
    named = ", ".join(calendar.called(int(code)).removeprefix("the series ") for code in others[:SHOWN])
    more = ", …" if len(others) > SHOWN else ""
    warnings.warn(
        f"{len(others):,} series left out ({named}{more}): a forecast looks back at {context} steps, and there are "
        "fewer at the end without a gap",
        DataWarning,
        stacklevel=4,
    )


def _frame(
    calendar: Calendar, codes: Words, steps: Values, mean: Array, spread: Mapping[float, Array]
) -> pd.DataFrame:
    """Return a row for each series and step, in the order of names."""
    names, h = calendar.names_of(codes), mean.shape[1]
    order = _sorted(names)
    columns = {name: [names[i][j] for i in order for _ in range(h)] for j, name in enumerate(calendar.order.series)}
    ahead = np.add.outer(np.asarray(steps, np.int64)[order], np.arange(h)).ravel()
    values = {"mean": mean[order].ravel(), **{f"q{share:g}": each[order].ravel() for share, each in spread.items()}}
    times = {calendar.order.time: calendar.order.frequency.times(ahead)}
    made: pd.DataFrame = pandas.DataFrame({**columns, **times, **values})
    return made


def _sorted(names: Sequence[Name]) -> list[int]:
    """Return the places of names in their order; of columns that mix text and numbers in that of their text."""

    def compared(a: int, b: int) -> int:
        for one, two in zip(names[a], names[b], strict=True):
            pair = (one, two) if type(one) is type(two) else (str(one), str(two))
            if pair[0] != pair[1]:
                return -1 if pair[0] < pair[1] else 1  # type: ignore[operator]
        return 0

    return sorted(range(len(names)), key=functools.cmp_to_key(compared))
