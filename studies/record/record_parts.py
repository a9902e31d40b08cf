"""What a study's record says beside its settings: work, cost, forecast, what was read, polished and begun anew."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["exact", "sample", "approximate", "ordered"]
"""What models are of: every row; a sample; near those of every row; one pass in one order."""

EPOCHS = "epochs_trained", "epochs_alone"
"""What the ledger of a study says that trained in epochs; others leave it out."""


@dataclass(frozen=True)
class Work:
    """What a study read and built.

    Attributes
    ----------
    rows_read : rows that this study's pass read.
    rows_if_retrained : rows that fitting and scoring every distinct trial on every fold, and the final model,
        would have read.
    bytes_read : stored bytes of those segments.
    seconds_pass, seconds_trials : wall time.
    states_built, states_reused : leaves computed, and leaves found in the store.
    pilot_rows : rows looked at for the pilot sample (of the columns that need one).
    epochs_trained, epochs_alone : epochs that models were trained for, and those that trials would have trained
        each for itself.
    fits_saved : fits of smaller ensembles that one of the largest answered.
    rounds_saved : rounds that were not grown, by early stopping along an axis.
    """

    rows_read: int = 0
    rows_if_retrained: int = 0
    bytes_read: int = 0
    seconds_pass: float = 0.0
    seconds_trials: float = 0.0
    states_built: int = 0
    states_reused: int = 0
    pilot_rows: int = 0
    epochs_trained: int = 0
    epochs_alone: int = 0
    fits_saved: int = 0
    rounds_saved: int = 0

    @property
    def work(self) -> Work:
        """These fields alone."""
        return Work(*(getattr(self, each.name) for each in dataclasses.fields(Work)))


@dataclass(frozen=True)
class Cost(Work):
    """The ledger of a study: :class:`Work`, and beside it what was left out and what polishing took.

    Attributes
    ----------
    rows_without_target, rows_without_weight : rows left out.
    rows_polish, seconds_polish : of those rows, and beside those seconds, what polishing the winner took.

    Examples
    --------
    >>> Cost(rows_read=10, rows_if_retrained=5000).ratio
    500.0
    """

    rows_without_target: int = 0
    rows_without_weight: int = 0
    rows_polish: int = 0
    seconds_polish: float = 0.0

    @property
    def ratio(self) -> float:
        """How many times more rows retraining would have read; infinite when nothing was read."""
        return self.rows_if_retrained / self.rows_read if self.rows_read else float("inf")

    def to_dict(self) -> dict[str, Any]:
        """Return the ledger as JSON values."""
        return dataclasses.asdict(self)


NO_COST = Cost()


@dataclass(frozen=True)
class Forecast:
    """What a pass was expected to take, and what it took.

    Attributes
    ----------
    rows : that the forecast was measured on; took : seconds that this needed.
    seconds : of the pass.
    store_bytes : that the store gains.
    memory : most bytes of memory that the process holds.
    real : the same by name, as the run had it; empty until then.
    """

    rows: int
    seconds: float
    store_bytes: int
    memory: int
    took: float = 0.0
    real: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Sizes:
    """How many rows the folds have: of each fold, its groups, and by label the rows of each class."""

    rows: tuple[int, ...]
    groups: tuple[int, ...] = ()
    classes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class SegmentRead:
    """One segment of the data: its name, rows and bytes, and whether the study read it."""

    name: str
    rows: int
    nbytes: int
    read: bool


@dataclass(frozen=True)
class PolishNote:
    """What a second pass did for the winner: see ``hpo.trials.second_pass.SecondPass``."""

    trial: int
    gain: float
    se: float | None
    passes: int
    known: str
    reason: str
    rows: int = 0


@dataclass(frozen=True)
class EditionNote:
    """Which edition of a study it is, what has changed since the last one, and which setting stands.

    Attributes
    ----------
    number : from 1.
    before : the last edition, as it is stored; None where nothing was taken over.
    rows, rows_before : of the data now and then; None where they are unknown.
    came, left : segments that are new, and those that are gone.
    carried : settings of the last edition that were scored again.
    standing : the trial whose setting the edition ends with; None where there is none.
    value : its score; None where there are several objectives.
    was : the trial in which the setting that stood before was scored again.
    score_before, score : of that setting, on the data of then and of now.
    gain, se : mean paired difference of the best setting to it, and its standard error.
    drift : columns whose mean in the new segments lies farthest from that in the others, in standard deviations.
    earlier : number, rows and score of the editions before, a hundred at most, the last one last.
    """

    number: int = 1
    before: str | None = None
    rows: int | None = None
    rows_before: int | None = None
    came: int = 0
    left: int = 0
    carried: int = 0
    standing: int | None = None
    value: float | None = None
    was: int | None = None
    score_before: float | None = None
    score: float | None = None
    gain: float | None = None
    se: float | None = None
    drift: tuple[tuple[str, float], ...] = ()
    earlier: tuple[tuple[int, int, float], ...] = ()


def plain(value: Any) -> Any:
    """Return a value as JSON has it: dataclasses and mappings as dicts, tuples as lists."""
    if isinstance(value, str):
        return value
    if dataclasses.is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, tuple) else value


SENSELESS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What reading values of other kinds than were written raises."""
