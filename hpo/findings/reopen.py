"""A study that was run, opened again from its record and its states; the data is not needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa

from algorithms.contract import State, Summary
from algorithms.imports import allow, listed
from hpo.data.cells import FoldPlan, Split
from hpo.data.encoding.encoder import ColumnEncoder
from hpo.data.folds.schemes import FoldScheme
from hpo.errors import TuneError
from hpo.findings.result import Result
from hpo.process.settings import Location, default_storage, existing_store, open_store
from hpo.process.threads import one_thread
from hpo.question.begun_with import as_begun
from hpo.question.given import resolve
from hpo.question.question import searches, solved_from, summaries_of
from hpo.question.scores_asked import resolve_scoring
from hpo.question.scoring import Scoring
from hpo.question.search import Searched
from hpo.states.chains import Chains, asked_epochs
from hpo.states.contexts import Evidence, evidence
from hpo.states.grown import grown_of
from hpo.states.learned.pilot import Pilot, shape_of
from hpo.states.learned.seen import context_of
from hpo.states.learned.series import kept
from hpo.states.learned.summaries import recorded
from hpo.states.stand_in import widened
from hpo.states.stored import stored_cells
from hpo.trials.after import AfterTrials
from hpo.trials.beforehand import study_space
from hpo.trials.restoring import restored
from hpo.trials.run import Run
from hpo.trials.scorer import Scorer
from hpo.trials.settings import Space
from hpo.trials.trainable import lacking
from hpo.trials.tuner import Tuner, candidates_of
from state_store import StateStore
from studies.counting import counted
from studies.record.editions import load_scored
from studies.record.records import record_of
from studies.record.storage import open_storage
from studies.record.study_record import StudyRecord
from studies.spec.spec import build
from studies.uncollected import uncollected

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from hpo.data.folds.dealing import Cells
    from hpo.data.segment import Segment


class RecordedFolds(FoldScheme):
    """The plan of a recorded study: enough to score from its states, not to assign rows.

    Attributes
    ----------
    words : the scheme as it described itself.
    """

    scheme = "recorded"

    def __init__(self, plan: FoldPlan, words: str, places: tuple[int, ...] = ()) -> None:
        self._plan, self.words, self._places = plan, words, places
        self.n_splits = len(plan.splits)

    @property
    def plan(self) -> FoldPlan:
        """The recorded splits."""
        return self._plan

    @property
    def places(self) -> tuple[int, ...] | None:
        """The recorded cells of whole segments."""
        return self._places or None

    def assign(self, segment: Segment, batch: pa.RecordBatch, first_row: int) -> Cells:
        """Refuse: the rows were assigned when they were read."""
        raise TuneError("a recorded study assigns no rows; run the study again to read data")

    def to_dict(self) -> dict[str, object]:
        """Return the words."""
        return {"scheme": self.scheme, "words": self.words}

    def describe(self) -> str:
        """Return the scheme in words."""
        return self.words


class RecordedPilot(Pilot):
    """The pilot of a recorded study: its digest is the recorded one."""

    @property
    def digest(self) -> str:
        """The recorded digest."""
        return str(self.name)


@one_thread()
@uncollected()
def load(
    name: str,
    *,
    storage: BaseStorage | Location | None = None,
    store: StateStore | Location | None = None,
    allow_imports: str | Iterable[str] | None = None,
) -> Result:
    """Return the result of a recorded study, its model included, from the record and the states.

    Parameters
    ----------
    name : the study's name: its last edition that has a score, or the one that ``"name@2"`` says.
    storage : where it was recorded; None for the default.
    store : where its states are; None for where it left them.
    allow_imports : top-level packages that ``"sklearn:…"`` may import though no installed distribution brought
        them; those that the record names do not count.

    Raises
    ------
    studies.errors.StudyMissing
        There is no study of that name; the nearest is suggested.
    TuneError
        It was not made by this program, or its states are gone.
    """
    allow(listed(allow_imports))
    kept_in = open_storage(storage if storage is not None else default_storage())
    study = load_scored(kept_in, name)
    record = record_of(study)
    if record is None or record.segments is None:
        raise TuneError(
            f"study {name!r} has no finished pass on record; run it again (it continues where it stopped)"
        )
    kept = open_store(store) if store is not None else _recorded_store(record.store, name)
    spec = build(record.spec)
    searched = as_begun(widened(resolve(spec.algorithm, searches(spec)), record.wide), record.begun_with)
    refit = False if record.goals > 1 else None
    scoring = resolve_scoring(record.metrics, searched, spec.scoring_rows, refit, labelled=bool(record.targets))
    found = _evidence(record, searched, scoring, kept, name)
    lacks = lacking(searched, found)
    able = [s for s in searched if s.name not in lacks] or searched
    named = {s.name: s for s in able}
    scorer = Scorer(named, found.states, found.contexts, scoring.metric, scoring.also, scoring.goals)
    tuner = Tuner(scorer, Space(study_space(able, found), able[0].name), study)
    asked = asked_epochs(tuner.space.distributions, able)
    Chains(kept, asked, spec.replay).serve(found, grown_of(record, found, kept))
    return Result(Run(tuner, found, record.cost, record, "loaded", _after(record, tuner, found, kept)))


def _after(record: StudyRecord, tuner: Tuner, found: Evidence, store: StateStore) -> tuple[AfterTrials, ...]:
    """Return the steps after the trials that the record has, done again from the states."""
    note = record.polish
    if note is None:
        return ()
    winner = next((c for c in candidates_of(tuner) if c.number == note.trial), None)

    def merged(summary: Summary, pilot: Pilot) -> list[State] | None:
        context = context_of(summary, pilot, record.targets, record.weight)
        try:
            return _cells(summary, pilot, context, record, store, "")
        except TuneError:
            return None

    return () if winner is None else (restored(note, winner, found.pilot, store, merged),)


def _recorded_store(location: str, name: str) -> StateStore:
    found = existing_store(location)
    if found is None:
        raise TuneError(
            f"the store {location} that study {name!r} left its states in is gone; give store= where it is now, "
            "or run the study again"
        )
    return found


def _evidence(
    record: StudyRecord, searched: list[Searched], scoring: Scoring, store: StateStore, name: str
) -> Evidence:
    summaries = summaries_of(searched, scoring)
    targets, weight = record.targets, record.weight
    pilot = recorded(_pilot(record, store), summaries, targets, weight, record.known, store)
    contexts = {s: context_of(s, pilot, targets, weight) for s in summaries}
    cells = {s: _cells(s, pilot, contexts[s], record, store, name) for s in summaries}
    return evidence(pilot, contexts, cells, scoring, solved_from(searched))


def _cells(
    summary: Summary,
    pilot: Pilot,
    context: str,
    record: StudyRecord,
    store: StateStore,
    name: str,
) -> list[State]:
    if summary.learning is not None and summary not in pilot.learned:
        raise TuneError(
            f"what study {name!r} learned before its pass is gone from {store.location}, or was written by another "
            "version; run the study again"
        )
    segments = record.segments or ()
    cells, missing = stored_cells(summary, pilot, context, segments, store)
    if missing:
        raise TuneError(
            f"{missing} of {counted(len(segments), 'state')} of study {name!r} {'is' if missing == 1 else 'are'} "
            f"gone from {store.location}, or written by another version; "
            "run the study again: it reads what is missing and keeps its trials"
        )
    return cells


def _pilot(record: StudyRecord, store: StateStore) -> Pilot:
    encoder = ColumnEncoder.from_dict(record.encoder)
    splits = tuple(Split(train, test) for train, test in record.plan)
    folds = RecordedFolds(FoldPlan(record.n_cells, splits), record.folds, record.places)
    shape = shape_of(encoder, record.targets)
    calendar = None if record.series is None else kept(record.series, store)
    return RecordedPilot(encoder, folds, shape, record.pilot, "recorded").following(calendar)
