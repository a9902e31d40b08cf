"""What a storage keeps of a study and of a trial beside values and parameters: encoded and decoded here alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studies.brief import briefly
from studies.errors import RecordTooNew, StorageError
from studies.record.record_parts import (
    EPOCHS,
    NO_COST,
    SENSELESS,
    Cost,
    EditionNote,
    Forecast,
    Kind,
    PolishNote,
    SegmentRead,
    Sizes,
    plain,
)

VERSION = 2
"""Of the layout on disk. A record of a later one is refused; of an earlier one it is read."""

WITHOUT_BEGUN = 1
"""Layout of studies that were begun with nothing that a program of this layout would compute in another way."""

PAIRS = ("drift", "earlier")
"""What an edition notes in tuples of tuples."""

ONEPASS = "onepass"
"""The user attribute of a persisted study that holds this project's part of the record."""


@briefly
@dataclass(frozen=True)
class StudyRecord:
    """What a storage keeps of a study beside its trials.

    Attributes
    ----------
    definition : what makes it the same study, the data's state included.
    spec : what was asked, as :func:`studies.spec.spec.build` takes it.
    metrics : names of the scores, those that are optimised first; goals : how many are.
    chosen : what ``algorithm="auto"`` stood for, and why; empty where algorithms were named.
    files : which of the data's files it is of, in words; empty for all.
    wide : which algorithms were answered by another, since their states did not fit in memory.
    left_out : algorithms that some split holds too few rows for.
    sampled : scores that were computed on sampled rows; scoring_rows : of each fold.
    models : by the key of the states: what their models are, the rows they are of, and the training rows.
    scored_rows : held-out rows that sampled scores are computed on, and those that there are.
    segments : keys of the data's segments; None where no pass was finished.
    ledger : the segments.
    encoder, folds, fold_sizes, pilot, plan, n_cells, targets, weight : how rows were encoded and dealt.
    places : the cell of each segment, where folds are of whole ones.
    read_again, unsuited, refined, precision : why more than one pass was made, and how many digits states have.
    known : by lookup, the documents of what summaries learned beforehand.
    store : where the states are.
    cost : what it cost.
    polish : what a second pass did for the winner.
    stopped : why the trials ended; empty while they run.
    edition : which edition of the study it is; None of one that was recorded before there were any.
    since : of each segment the edition in which it was first there, where training continues; else none.
    forecast : what the pass was expected to take, and took; None where nobody asked.
    series : how rows follow one another, and where the names of their series are; None where they do not.
    begun_with : by algorithm, values of hyperparameters whose defaults were others in earlier versions (layout 2).

    Examples
    --------
    >>> record = StudyRecord({"folds": 5})
    >>> StudyRecord.of({ONEPASS: record.encode()}, "a") == record
    True
    """

    definition: Mapping[str, Any]
    spec: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    goals: int = 1
    chosen: str = ""
    files: str = ""
    wide: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    sampled: tuple[str, ...] = ()
    scoring_rows: int = 0
    models: Mapping[str, tuple[Kind, int, int]] = field(default_factory=dict)
    scored_rows: tuple[int, int] | None = None
    segments: tuple[str, ...] | None = None
    ledger: tuple[SegmentRead, ...] = ()
    encoder: Mapping[str, Any] = field(default_factory=dict)
    folds: str = ""
    fold_sizes: Sizes | None = None
    pilot: str = ""
    read_again: tuple[str, ...] = ()
    precision: str = ""
    unsuited: tuple[str, ...] = ()
    refined: tuple[str, ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    plan: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = ()
    n_cells: int = 0
    places: tuple[int, ...] = ()
    targets: tuple[str, ...] = ()
    weight: str | None = None
    store: str = ""
    cost: Cost = NO_COST
    polish: PolishNote | None = None
    stopped: str = ""
    edition: EditionNote | None = None
    since: tuple[int, ...] = ()
    forecast: Forecast | None = None
    series: Mapping[str, Any] | None = None
    begun_with: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The least layout that has all that it says."""
        return VERSION if self.begun_with else WITHOUT_BEGUN

    @property
    def standing(self) -> int | None:
        """The trial whose setting stands; None where that is the best."""
        return None if self.edition is None else self.edition.standing

    @property
    def metric(self) -> str | None:
        """The score that is optimised, the first of several; None where no pass was finished."""
        return self.metrics[0] if self.metrics else None

    @property
    def objectives(self) -> tuple[str, ...]:
        """The scores that are optimised."""
        return self.metrics[: self.goals]

    @property
    def several(self) -> bool:
        """Whether several scores are optimised, so that no single setting is the best."""
        return self.goals > 1

    @property
    def name(self) -> str | None:
        """Name of the study; None where it is not recorded."""
        name: str | None = self.spec.get("name")
        return name

    def encode(self) -> dict[str, Any]:
        """Return JSON values; those of a study whose pass is not finished say what it is, and no more."""
        if self.segments is None:
            begun = {"definition": dict(self.definition), "version": self.version}
            return begun if self.edition is None else {**begun, "edition": plain(self.edition)}
        names = (f.name for f in dataclasses.fields(self) if f.name != "ledger")
        values = {"version": self.version} | {name: plain(getattr(self, name)) for name in names}
        ledger = [[s.name, s.rows, s.nbytes, s.read] for s in self.ledger]
        found = values | {"metric": self.metric, "ledger": ledger}
        for name in ("fits_saved", "rounds_saved"):
            if not found["cost"][name]:
                found["cost"].pop(name)
        if not self.cost.epochs_alone:
            found["cost"] = {key: value for key, value in found["cost"].items() if key not in EPOCHS}
        spare = "polish", "edition", "forecast", "series", "since", "begun_with"
        return {key: value for key, value in found.items() if key not in spare or value not in (None, [], {})}

    @classmethod
    def of(cls, attributes: Mapping[str, Any], study: str) -> StudyRecord | None:
        """Return the record among a study's user attributes; None of a study that other programs made.

        Raises
        ------
        RecordTooNew
            A later version of this program wrote it.
        StorageError
            It makes no sense.
        """
        try:
            return cls._of(attributes, study)
        except SENSELESS as error:
            raise StorageError(
                f"the record of the study {study!r} cannot be read ({type(error).__name__}: {error}); remove it "
                f"with `hpo studies rm {study}`, and run it again under another name"
            ) from None

    @classmethod
    def _of(cls, attributes: Mapping[str, Any], study: str) -> StudyRecord | None:
        values = attributes.get(ONEPASS) or {}
        if not isinstance(values, Mapping) or values.get("definition") is None:
            return None
        if not isinstance(values["definition"], Mapping):
            raise TypeError(f"its definition is {values['definition']!r}")
        version = int(values.get("version", VERSION))
        if version > VERSION:
            raise RecordTooNew(study, version, VERSION)
        found = {f.name: values[f.name] for f in dataclasses.fields(cls) if values.get(f.name) is not None}
        for key in found.keys() & _READ.keys():
            found[key] = _READ[key](found[key])
        if not found.get("metrics") and values.get("metric"):
            found["metrics"] = (str(values["metric"]),)
        return cls(**found)


def _sizes(value: Mapping[str, Any]) -> Sizes:
    classes = {label: tuple(rows) for label, rows in (value.get("classes") or {}).items()}
    return Sizes(tuple(value["rows"]), tuple(value.get("groups") or ()), classes)


def _cost(value: Mapping[str, Any]) -> Cost:
    return Cost(**{f.name: value[f.name] for f in dataclasses.fields(Cost) if f.name in value})


_READ: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("metrics", "left_out", "sampled", "scored_rows", "segments", "read_again"), tuple),
    **dict.fromkeys(("unsuited", "refined", "targets", "places", "since"), tuple),
    "models": lambda value: {key: tuple(one) for key, one in value.items()},
    "ledger": lambda value: tuple(SegmentRead(*row) for row in value),
    "plan": lambda value: tuple((tuple(train), tuple(test)) for train, test in value),
    "fold_sizes": _sizes,
    "cost": _cost,
    "polish": lambda value: PolishNote(**value),
    "forecast": lambda value: Forecast(**value),
    "edition": lambda value: EditionNote(**{**value, **{k: tuple(map(tuple, value.get(k, ()))) for k in PAIRS}}),
}
"""How a field is read that JSON holds in another form."""
