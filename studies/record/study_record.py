"""What a storage keeps of a study and of a trial beside values and parameters: encoded and decoded here alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from studies.brief import briefly
from studies.errors import RecordTooNew, StorageError

VERSION = 1
"""Of the layout on disk. A record of a later one is refused; of an earlier one it is read."""

ONEPASS = "onepass"
"""The user attribute of a persisted study that holds this project's part of the record."""


Kind = Literal["exact", "sample", "approximate", "ordered"]
"""What models are of: every row; a sample; near those of every row; one pass in one order."""


EPOCHS = "epochs_trained", "epochs_alone"
"""What the ledger of a study says that trained in epochs; others leave it out."""


SENSELESS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What reading values of other kinds than were written raises."""


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
    """What a second pass did for the winner: see ``hpo.trials.polished.Polished``."""

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


@briefly
@dataclass(frozen=True)
class StudyRecord:
    """What a storage keeps of a study beside its trials.

    Attributes
    ----------
    definition : what makes it the same study, the data's state included.
    version : of the layout on disk.
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
    since : of each segment the edition in which it was first there, where training goes on; else none.
    forecast : what the pass was expected to take, and took; None where nobody asked.
    series : how rows follow one another, and where the names of their series are; None where they do not.

    Examples
    --------
    >>> record = StudyRecord({"folds": 5})
    >>> StudyRecord.of({ONEPASS: record.encode()}, "a") == record
    True
    """

    definition: Mapping[str, Any]
    version: int = VERSION
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
    cost: Cost = Cost()
    polish: PolishNote | None = None
    stopped: str = ""
    edition: EditionNote | None = None
    since: tuple[int, ...] = ()
    forecast: Forecast | None = None
    series: Mapping[str, Any] | None = None

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
            return begun if self.edition is None else {**begun, "edition": _plain(self.edition)}
        names = (f.name for f in dataclasses.fields(self) if f.name != "ledger")
        values = {name: _plain(getattr(self, name)) for name in names}
        ledger = [[s.name, s.rows, s.nbytes, s.read] for s in self.ledger]
        found = values | {"metric": self.metric, "ledger": ledger}
        for name in ("fits_saved", "rounds_saved"):
            if not found["cost"][name]:
                found["cost"].pop(name)
        if not self.cost.epochs_alone:
            found["cost"] = {key: value for key, value in found["cost"].items() if key not in EPOCHS}
        spare = "polish", "edition", "forecast", "series", "since"
        return {key: value for key, value in found.items() if key not in spare or value not in (None, [])}

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
                f"the record of the study {study!r} makes no sense ({type(error).__name__}: {error}); remove it "
                f"with `hpo studies rm {study}`, and run it again under another name"
            ) from None

    @classmethod
    def _of(cls, attributes: Mapping[str, Any], study: str) -> StudyRecord | None:
        values = attributes.get(ONEPASS) or {}
        if not isinstance(values, Mapping) or values.get("definition") is None:
            return None
        version = int(values.get("version", VERSION))
        if version > VERSION:
            raise RecordTooNew(study, version, VERSION)
        found = {f.name: values[f.name] for f in dataclasses.fields(cls) if values.get(f.name) is not None}
        for key in found.keys() & _READ.keys():
            found[key] = _READ[key](found[key])
        if not found.get("metrics") and values.get("metric"):
            found["metrics"] = (str(values["metric"]),)
        return cls(**found)


PAIRS = ("drift", "earlier")
"""What an edition notes in tuples of tuples."""


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: dataclasses and mappings as dicts, tuples as lists."""
    if isinstance(value, str):
        return value
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


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


@dataclass(frozen=True)
class ScoreNote:
    """What a trial notes of one of its further scores; None stands for what is not a number."""

    fold_scores: tuple[float | None, ...]
    mean: float | None = None
    std_error: float | None = None
    score_bounds: tuple[float, ...] = ()

    def encode(self) -> dict[str, Any]:
        """Return JSON values."""
        bounds = {"score_bounds": list(self.score_bounds)} if self.score_bounds else {}
        return {
            "mean": self.mean, "std_error": self.std_error, "fold_scores": list(self.fold_scores), **bounds,
        }  # fmt: skip


@dataclass(frozen=True)
class TrialNote:
    """What a trial notes beside its values and parameters.

    Attributes
    ----------
    states : the key of the states that answered it.
    seconds : that the answer took.
    rows_read : rows of data that were read for it.
    error : why it has no score.
    duplicate_of : the earlier trial of the same setting, whose scores it has.
    warm_start : the study that it was taken over from.
    converged : whether every solver reached its tolerance.
    fidelity : the share of the sample that it came to.
    rungs : mean training rows, or epochs, and the fold scores there.
    fold_scores, std_error, score_bounds : of the score that is optimised first.
    fold_overlap : test rows by training rows, where splits test the same rows; else 0.
    scores : of the further scores.
    prefixes : values of a prefix axis, the mean scores there, and their standard errors: from one fit a fold.
    member : the generation and the place in it, of a trial of a population.
    epochs : until which it was trained; of a population.
    history : what was in force until which epochs before, where it is another's chain that it went on with.

    Examples
    --------
    >>> TrialNote(states="ab", fold_scores=(1.0, 3.0)).encode()
    {'states': 'ab', 'fold_scores': [1.0, 3.0], 'std_error': None}
    >>> TrialNote.of({"fidelity": 0.037037}).stopped_early
    True
    """

    states: str | None = None
    seconds: float | None = None
    rows_read: int | None = None
    error: str | None = None
    duplicate_of: int | None = None
    warm_start: str | None = None
    converged: bool = True
    fidelity: float | None = None
    rungs: tuple[tuple[float, tuple[float, ...]], ...] = ()
    fold_scores: tuple[float, ...] = ()
    std_error: float | None = None
    score_bounds: tuple[float, ...] = ()
    fold_overlap: float = 0.0
    scores: Mapping[str, ScoreNote] = field(default_factory=dict)
    prefixes: tuple[tuple[float, float, float | None], ...] = ()
    member: tuple[int, int] | None = None
    epochs: int | None = None
    history: tuple[tuple[int, Mapping[str, Any]], ...] = ()

    @property
    def stopped_early(self) -> bool:
        """Whether it was stopped before the whole sample."""
        return self.fidelity is not None and self.fidelity < 1.0

    @property
    def repeated(self) -> bool:
        """Whether it was answered from an earlier trial's note."""
        return self.duplicate_of is not None

    def encode(self) -> dict[str, Any]:
        """Return the user attributes, JSON values; what is at its default is left out."""
        found = {name: getattr(self, name) for name in _NOTED}
        kept = {name: _plain(value) for name, value in found.items() if value != _NOTED[name]}
        if self.scores:
            kept["scores"] = {name: one.encode() for name, one in self.scores.items()}
        return kept if not self.fold_scores else {**kept, "std_error": self.std_error}

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> TrialNote:
        """Return what a trial's user attributes note; those of other programs are passed over.

        Raises
        ------
        StorageError
            They make no sense.
        """
        try:
            return cls._of(attributes)
        except SENSELESS as error:
            raise StorageError(
                f"the note of a trial makes no sense ({type(error).__name__}: {error}); `hpo studies verify` "
                "checks a journal's lines"
            ) from None

    @classmethod
    def _of(cls, attributes: Mapping[str, Any]) -> TrialNote:
        found = {key: value for key, value in attributes.items() if key in _NOTED and value is not None}
        for key in ("fold_scores", "score_bounds"):
            if key in found:
                found[key] = tuple(found[key])
        if "rungs" in found:
            found["rungs"] = tuple((rows, tuple(scores)) for rows, scores in found["rungs"])
        if "member" in found:
            generation, place = found["member"]
            found["member"] = (int(generation), int(place))
        if "history" in found:
            found["history"] = tuple((int(until), dict(values)) for until, values in found["history"])
        if "prefixes" in found:
            found["prefixes"] = tuple((value, mean, se) for value, mean, se in found["prefixes"])
        if "scores" in found:
            found["scores"] = {name: _score(one) for name, one in found["scores"].items()}
        return cls(**found)


_NOTED: dict[str, Any] = {
    f.name: {} if f.default is dataclasses.MISSING else f.default for f in dataclasses.fields(TrialNote)
}
"""What a trial may note, and the defaults, which it does not."""


def _score(value: Mapping[str, Any]) -> ScoreNote:
    bounds: Sequence[float] = value.get("score_bounds") or ()
    return ScoreNote(tuple(value["fold_scores"]), value.get("mean"), value.get("std_error"), tuple(bounds))
