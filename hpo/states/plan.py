"""What a study would do, said before it does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING

from algorithms.batches import Label
from algorithms.contract import Summary
from hpo.data.encoding.encoder import ColumnEncoder
from hpo.data.folds.schemes import FoldScheme, FoldSizes
from hpo.data.schema import guessed_width
from hpo.data.segment import Segment
from hpo.process.axes import Drawn
from hpo.process.memory import available_memory
from hpo.question.checks import POPULATION, check
from hpo.question.prefix_values import answered, every_value
from hpo.question.question import Question
from hpo.states.chains import GENERATIONS, Epochs, generation_epochs, members
from hpo.states.contexts import contexts_of, seen_by
from hpo.states.forecast import forecast
from hpo.states.guessed import Work
from hpo.states.learned.agreed import laid_out
from hpo.states.learned.deals import known_dealt
from hpo.states.learned.labels import known_classes
from hpo.states.learned.pilot import Pilot, PilotPlan, load_pilot, plan_pilot, shape_of_data
from hpo.states.learned.summaries import with_stored
from hpo.states.refining import precision_in_words
from hpo.states.runs import cover_runs, runs_of
from hpo.states.stand_in import in_words, with_stand_ins
from studies.counting import counted
from studies.record.record_parts import Forecast
from studies.report.text import bytes_text, seconds_text
from studies.spec.values import ALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

@dataclass(frozen=True)
class Plan(Drawn):
    """What a study would read, and what is known already.

    Attributes
    ----------
    algorithms, metric, folds, trials : what is asked.
    summaries : what the pass would keep, in words; more than one when a pass field is searched.
    segments, rows, nbytes : the data in all (rows None if unknown before reading).
    segments_to_read, rows_to_read, bytes_to_read : what no state is known of.
    changed : files whose states were made before the file changed.
    pilot : ``"none needed"``, ``"stored"``, ``"to be drawn"``, or ``"to be drawn anew"`` when the segments of
        the stored one are gone, which means a new pass.
    seconds : a guess of the time that the pass takes on one core.
    state_bytes : bytes of one state.
    memory_free : bytes of memory free, None where unknown.
    polish : ``"no"``, ``"maybe"`` or ``"always"``: whether the best model may be improved by a further pass over
        all rows, where there are too many to be kept; ``"refit"``: whether it may be fitted to them anew.
    again : ``"no"`` or ``"maybe"``: whether the pass may show that what was learned of a sample does not suit all
        rows, so that the data is read once more, or twice.
    precision : how many digits the states have, and why, in words; empty where there is one way alone, or where
        unknown before there is a pilot.
    stand_ins : which algorithms are answered by another, since their states do not fit in memory; in words.
    fold_sizes : rows of each fold, and its groups and rows of each class where folds are dealt by them; None where
        only reading tells.
    files : which of the data's files it is of, in words; empty for all.
    forecast : what was measured on some rows, if that was asked for; ``seconds`` is from it then.
    epochs : epochs that are trained, and that trials would train each for itself, at most; None where none are.
    chosen : what ``algorithm="auto"`` stands for, and what trees cost; empty where algorithms were named.
    answered : by parameter, how many of its values one fit a fold answers: numbers of trees.
    """

    algorithms: tuple[str, ...]
    metric: str
    folds: str
    trials: int
    summaries: tuple[str, ...]
    segments: int
    rows: int | None
    nbytes: int
    segments_to_read: int
    rows_to_read: int | None
    bytes_to_read: int
    changed: tuple[str, ...]
    pilot: str
    seconds: float
    state_bytes: int | None
    memory_free: int | None
    polish: str = "no"
    again: str = "no"
    stand_ins: str = ""
    fold_sizes: FoldSizes | None = None
    precision: str = ""
    files: str = ""
    forecast: Forecast | None = None
    epochs: Epochs | None = None
    answered: Mapping[str, int] = field(default_factory=dict)
    chosen: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the plan as JSON values."""
        return asdict(self)

    def _repr_html_(self) -> str:
        """Show what would be read and what is known, as notebooks do."""
        known = self.segments - self.segments_to_read
        metric = import_module("studies.report.text").metric_of(self.metric).name
        to_read = "rows unknown" if self.rows_to_read is None else counted(self.rows_to_read, "row")
        lines = [
            f"{', '.join(self.algorithms)}: {counted(self.trials, 'trial')}, {metric}, {self.folds}",
            f"to read: {counted(self.segments_to_read, 'segment')}, {to_read}, {bytes_text(self.bytes_to_read)}",
            f"known: {counted(known, 'segment')}, {bytes_text(self.nbytes - self.bytes_to_read)}",
            f"the pass takes about {seconds_text(self.seconds)} on one core; pilot: {self.pilot}",
        ]
        card = import_module("studies.report.card").card  # a study of the command line shows none
        return str(card("Plan", [*lines, *filter(None, (self.chosen, self.files, self.stand_ins))]))

    def _draw(self, ax: Axes) -> None:
        """Draw how many bytes are known and how many would be read."""
        ax.barh(["known", "to read"], [self.nbytes - self.bytes_to_read, self.bytes_to_read])
        ax.set_xlabel("bytes")


def measured(question: Question) -> Plan:
    """Return the plan of a question with what its pass will take, measured on some rows."""
    found = forecast(question)
    return replace(make_plan(question), forecast=found, seconds=found.seconds)


def _epochs(question: Question) -> Epochs | None:
    """Return the epochs that a study trains at most, and the tree of its stages where that is known."""
    planned = import_module("hpo.states.stages").planned  # a study loads none of it
    trials, splits = question.spec.trials, len(question.folds.plan.splits)
    found: Epochs | None = planned(question.searched, trials, splits)
    if found is None or question.spec.fidelity != POPULATION:
        return found
    longest = found.alone // (trials * splits)
    made = [generation_epochs(place // members(trials), longest) for place in range(trials)]
    return Epochs(-(-trials // GENERATIONS) * longest * splits, sum(made) * splits)


def make_plan(question: Question) -> Plan:
    """Return the plan of a question; reads footers and the store, no rows."""
    dataset = question.dataset
    question.folds.check()
    classes = _classes(question)
    if classes:
        check(question, classes)
    folds = _dealt(question, classes)
    if folds is not None:
        question = replace(question, folds=folds)
    asked = _asked(question, classes, dealt=folds is not None)
    known = folds is not None
    pilot = _known_pilot(question, asked.stored, classes or (), needed=asked.needed) if known else None
    if pilot is not None:
        question = with_stand_ins(question, pilot)
        pilot = with_stored(pilot, dataset, question.summaries, question.store)
    missing = _missing(question, pilot)
    to_read = [s for s in dataset.segments if question.folds.key(s) in missing]
    rows_to_read = _total(s.rows for s in to_read)
    return Plan(
        algorithms=tuple(s.name for s in question.searched),
        metric=question.metric,
        folds=question.folds.describe(),
        fold_sizes=_fold_sizes(question),
        trials=question.spec.trials,
        summaries=tuple(map(repr, question.summaries)),
        segments=len(dataset.segments),
        rows=dataset.rows,
        nbytes=dataset.nbytes,
        segments_to_read=len(to_read),
        rows_to_read=rows_to_read,
        bytes_to_read=sum(s.nbytes for s in to_read),
        changed=_changed(question, {s.uri for s in to_read}),
        pilot=_pilot_in_words(needed=asked.needed, stored=asked.stored, outdated=asked.outdated),
        seconds=_seconds(question, pilot, to_read, rows_to_read),
        state_bytes=None if pilot is None else _state_bytes(question, pilot),
        memory_free=available_memory(),
        polish=_polish(question),
        again="maybe" if to_read and any(map(_checked, question.summaries)) else "no",
        stand_ins=in_words(question),
        precision="" if pilot is None else precision_in_words(question.summaries, pilot),
        files=dataset.chosen,
        epochs=_epochs(question),
        answered=_answered(question),
        chosen=question.chosen,
    )


def _answered(question: Question) -> dict[str, int]:
    """Return what one fit answers; nothing where each value is a trial of its own."""
    every = every_value(question.spec.sampler) or question.scoring.goals > 1
    return {} if every else answered(question.searched)


def _classes(question: Question) -> tuple[Label, ...] | None:
    """Return the labels of a target that is a class, none of another; None where only reading tells."""
    if question.layout is not None:
        return ColumnEncoder.from_dict(question.layout.encoder).classes_
    return known_classes(question.dataset, question.store) if question.classify else ()


def _dealt(question: Question, classes: tuple[Label, ...] | None) -> FoldScheme | None:
    """Return the folds that know what they deal; None where only reading tells."""
    if classes is None:
        return None
    if question.layout is not None and question.layout.sent is not None:
        return question.folds
    return known_dealt(question.folds, question.dataset, question.store, classes)


def _asked(question: Question, classes: tuple[Label, ...] | None, *, dealt: bool) -> PilotPlan:
    """Return whether a pilot must be drawn; none where the layout was agreed on."""
    if question.layout is not None:
        return PilotPlan((), "", None, outdated=False, needed=False)
    return plan_pilot(
        question.dataset, question.folds, question.spec.max_categories, question.store, classes,
        question.hash_columns, seen_by(question) if dealt else None,
    )  # fmt: skip


def _state_bytes(question: Question, pilot: Pilot) -> int:
    """Return the bytes of one state of each summary: of every row, where it grows with them and they are known."""
    ready, rows = [pilot.ready(summary) for summary in question.summaries], pilot.shape.rows
    return sum(s.nbytes(pilot.shape) if rows is None else s.nbytes_of(pilot.shape, rows) for s in ready)


def _fold_sizes(question: Question) -> FoldSizes | None:
    """Return the sizes of the folds, where every segment is counted."""
    sizes, segments = question.folds.sizes, question.dataset.segments
    counted = getattr(getattr(question.folds, "dealt", None), "segments", None)
    return None if counted is not None and len(counted) < len(segments) else sizes


def _polish(question: Question) -> str:
    """Return whether a further pass may follow the trials."""
    how = question.spec.polish
    if question.spec.refit == ALL:
        return "refit"
    if how is not False and question.scoring.goals == 1 and any(
        one.tags.refit for s in question.searched for one in s.variants
    ):
        return "refit"
    some = any(one.polishing is not None for s in question.searched for one in s.variants)
    if how is False or not some or question.scoring.goals > 1:
        return "no"
    return "maybe" if how is True else "always"


def _checked(summary: Summary) -> bool:
    """Return whether a pass may show that what a summary learned does not suit."""
    return summary.learning is not None and summary.learning.checks


def _known_pilot(
    question: Question, stored: str | None, classes: Sequence[Label], *, needed: bool
) -> Pilot | None:
    dataset, folds = question.dataset, question.folds
    if question.layout is not None:
        return laid_out(question, question.layout)
    if not needed:
        encoder = ColumnEncoder(question.spec.max_categories, hash_columns=question.hash_columns)
        encoder.fit_fields(dataset.features, None, dataset.target_fields, classes=classes, origins={})
        return Pilot(encoder, folds, shape_of_data(encoder, dataset), None, "schema")
    return None if stored is None else load_pilot(question.store, stored, folds, dataset)


def _seconds(question: Question, pilot: Pilot | None, to_read: Sequence[Segment], rows: int | None) -> float:
    """Return a guess of the time that one core needs."""
    fields, stored = question.dataset.features, question.dataset.stored_numbers
    states = 0 if pilot is None else _state_bytes(question, pilot) * pilot.folds.plan.n_cells
    width = pilot.shape.p if pilot else guessed_width(fields) + 1
    work = Work(
        rows, sum(s.nbytes for s in to_read), len(to_read),
        len(fields) + 1 if stored is None or pilot is None else stored,
        width if stored is None or pilot is None else stored, states,
    )  # fmt: skip
    return work.seconds(question.summaries)


def _missing(question: Question, pilot: Pilot | None) -> set[str]:
    wanted = [question.folds.key(s) for s in question.dataset.segments]
    if pilot is None:
        return set(wanted)
    contexts = contexts_of(question, pilot).values()
    runs = runs_of(wanted, alone=question.folds.places is not None)
    return {key for context in contexts for key in cover_runs(question.store, context, runs)[1]}


def _changed(question: Question, uris: set[str]) -> tuple[str, ...]:
    """Return the files to read of which the store has states of an earlier version."""
    present = {s.fingerprint for s in question.dataset.segments}
    known = (e for e in question.store.list() if e.about.get("fingerprint", e.key.segment) not in present)
    return tuple(sorted({str(e.about.get("uri")) for e in known} & uris))


def _total(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _pilot_in_words(*, needed: bool, stored: str | None, outdated: bool) -> str:
    if not needed:
        return "none needed"
    if stored is not None:
        return "stored"
    return "to be drawn anew" if outdated else "to be drawn"
