"""A study from question to result: one pass, then trials, then the record."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from algorithms.brief import briefly
from algorithms.lazily import Library
from hpo.errors import TuneError
from hpo.process.interrupts import stop_on_interrupt
from hpo.process.memory import allow_caches
from hpo.process.progress import Progress
from hpo.process.store_limit import keep_within_limit
from hpo.process.threads import one_thread
from hpo.question.begun_with import as_begun, begun_with
from hpo.question.checks import POPULATION, check_fidelity
from hpo.question.prefix_values import every_value, solved_axes
from hpo.question.question import Question, masked
from hpo.question.search import Searched
from hpo.states.chains import Chains, asked_epochs
from hpo.states.contexts import Evidence
from hpo.states.far_scores import FarScores
from hpo.states.fold_sizes import noted_sizes
from hpo.states.forecast import with_memory
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.series import keep
from hpo.states.learned.summaries import record_of as record_learned
from hpo.states.reading import Reading
from hpo.states.refining import Refining, precision_in_words
from hpo.states.stand_in import with_stand_ins
from hpo.trials import accuracy
from hpo.trials.after import AfterTrials, Ended
from hpo.trials.along_curves import AlongCurves, refined
from hpo.trials.beforehand import (
    check_asked,
    study_space,
    warn_of_looks,
    warn_of_targets,
    warn_of_unused,
)
from hpo.trials.by_reading import ByReading, leaves_of
from hpo.trials.cost import of_pass, rows_if_retrained, with_refining
from hpo.trials.editions import Edition, carried, changed, chosen, edition_of, settled
from hpo.trials.fidelity import Fidelity
from hpo.trials.notes import distinct, notes
from hpo.trials.polish import Polish
from hpo.trials.prefixes import EarlyStopping, Prefixes
from hpo.trials.recorder import Recorder
from hpo.trials.refit import Refit
from hpo.trials.scorer import Scorer
from hpo.trials.second_pass import SecondPass
from hpo.trials.selection import Candidate
from hpo.trials.settings import Space, translated
from hpo.trials.trainable import trainable
from hpo.trials.tuner import Budget, Tuner, adopt, candidates_of, run_trials, take_over
from hpo.trials.turns import Turns
from studies.counting import counted
from studies.errors import StudyMissing
from studies.quiet import quiet
from studies.record.record_parts import Cost, EditionNote, SegmentRead
from studies.record.records import Direction, begin, load_study, record_of, stored_record
from studies.record.storage import find_study
from studies.record.study_record import StudyRecord
from studies.sampling.proposer import Proposer
from studies.sampling.samplers import Grid, make_sampler
from studies.sampling.space import split
from studies.spec.plain_spec import plain

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.study import Study

grown, population = Library("hpo.states.grown"), Library("hpo.trials.population")
"""Loaded where training continues with data that grew, or a population is trained."""

STEPS: tuple[type[AfterTrials], ...] = (AlongCurves, Refit, Polish)
"""What is asked after the trials, in this order: see :class:`hpo.trials.after.AfterTrials`."""


@briefly
@dataclass(frozen=True, eq=False)
class Run:
    """A finished run of a study.

    Attributes
    ----------
    tuner : the study, its space and its states.
    evidence : states, keys and pilot.
    cost : what it cost.
    record : what the storage keeps beside the trials.
    stopped : why the trials ended.
    after : the steps after the trials that applied.
    join : the tables that were joined to the data; None for none, or where only the record has their names.
    """

    tuner: Tuner
    evidence: Evidence
    cost: Cost
    record: StudyRecord
    stopped: str
    after: tuple[AfterTrials, ...] = ()
    join: Mapping[str, object] | None = None

    @property
    def polished(self) -> SecondPass | None:
        """The winner after a second pass, or why there was none; None where it has nothing to gain."""
        return next((step for step in self.after if isinstance(step, SecondPass)), None)

    def solution_of(self, number: int) -> object:
        """Return the numbers of a trial's model, where a step after the trials found better ones; else None."""
        found = (step.solution_of(number) for step in self.after)
        return next((one for one in found if one is not None), None)


BY_READING = ByReading()


def run(
    question: Question,
    sampler: str | BaseSampler,
    storage: BaseStorage | None,
    *,
    resume: bool,
    progress: Progress,
    fresh: bool = False,
    by: ByReading = BY_READING,
) -> Run:
    """Run a question: read what must be read, run the trials, keep the record.

    Parameters
    ----------
    question : what is asked.
    sampler : a name or an Optuna sampler.
    storage : where trials are recorded; None for nowhere.
    resume : whether a study of the same name and definition continues, or is refused.
    progress : called with what happens.
    fresh : whether the next edition begins without what the last one found, whatever has changed.
    by : what makes the states.
    """
    name, edition = question.spec.name, None
    if storage is not None and name is not None:
        edition = edition_of(storage, name, question.definition(), fresh=fresh)
    return _Running(question, sampler, storage, resume, progress, by, edition).run()


@dataclass(frozen=True, eq=False)
class _Running:
    """A question that is being run; ``edition`` is None where none is recorded."""

    question: Question
    sampler: str | BaseSampler
    storage: BaseStorage | None
    resume: bool
    progress: Progress
    by: ByReading
    edition: Edition | None

    @property
    def _stored(self) -> str | None:
        """The name that the study is stored under; None where it is not."""
        return None if self.edition is None else self.edition.stored

    def run(self) -> Run:
        self._check_name()
        self.question.folds.check()
        with self.progress, stop_on_interrupt() as stop, one_thread():
            self.progress.prepare("looking at the data")
            self.progress.metric = self.question.metric
            allow_caches()
            pilot = self.by.pilot(self.question)
            warn_of_looks(self.question, pilot)
            question = with_stand_ins(self._as_begun(), pilot, self._stand_ins())
            return replace(self, question=question)._answer(pilot, stop)

    def _answer(self, pilot: Pilot, stop: Event) -> Run:
        """Make the states, run the trials, keep the record."""
        found, made = self.by.states(self.question, pilot, self.progress, stop)
        warn_of_targets(self.question, found)
        warn_of_unused(self.question, found)
        tuner = self._tuner(found)
        cost = of_pass(self.question.dataset.log, made.result)
        record = self._noted(self._record(tuner, found, made, cost), found)
        refining = self.by.refining(self.question, found, self.progress, stop)
        tuner.scorer.refining = refining
        tuner.scorer.chains = chains = self._chains(found, tuner, record)
        with (
            Recorder(self.storage, self._stored, tuner.study, record) as recorder,
            FarScores(self.question.engine, self.question.store, stop) as far,
        ):
            tuner.scorer.far = None if self.question.dataset.in_memory else far
            began = time.perf_counter()
            warm = self._warm_start(tuner, recorder) + self._carried(tuner, recorder)
            stopped = self._trials(tuner, recorder, warm, stop, refining)
            tuner = self._whole(tuner, recorder)
            record = self._standing(record, tuner, stopped)
            if not stop.is_set() and (winner := self._winner(tuner, record)) is not None:
                tuner.scorer.settle(winner)
            found = refining.found
            cost = with_refining(cost, self.question.dataset.log, refining.results)
            seconds = time.perf_counter() - began - sum(r.seconds for r in refining.results)
            record = self._refined(record, refining)
            retrained = rows_if_retrained(found.any_states, len(distinct(tuner.study)))
            cost = replace(cost, seconds_trials=seconds, rows_if_retrained=retrained)
            if tuner.scorer.prefixes is not None:
                prefixes = tuner.scorer.prefixes
                cost = replace(cost, fits_saved=prefixes.saved, rounds_saved=prefixes.stopping.saved)
            cost = replace(cost, epochs_trained=chains.trained, epochs_alone=chains.alone)
            if chains.trained:
                keep_within_limit(self.question.store, {*leaves_of(self.question, made), *chains.used})
            record = replace(record, cost=cost, forecast=with_memory(record.forecast))
            recorder.describe(record)
            ended = Ended(self.question, tuner, found, recorder, self.progress, stop)
            record, after = self._after(ended, record)
        join = self.question.dataset.join
        tuner.scorer.far = None
        return Run(tuner, found, record.cost, record, stopped, after, None if join is None else join.on)

    def _chains(self, found: Evidence, tuner: Tuner, record: StudyRecord) -> Chains:
        """Return what trains the algorithms that are trained in epochs."""
        asked = asked_epochs(tuner.space.distributions, tuner.scorer.searched.values())
        chains = Chains(self.question.store, asked, self.question.spec.replay)
        chains.serve(found, grown.grown_of(record, found, self.question.store) if record.since else None)
        return chains

    def _after(self, ended: Ended, record: StudyRecord) -> tuple[StudyRecord, tuple[AfterTrials, ...]]:
        """Take the steps after the trials, each with the winner as it stands then; return the record with them."""
        taken: list[AfterTrials] = []
        for kind in STEPS:
            winner = self._winner(ended.tuner, record)
            planned = None if winner is None else kind.plan(ended, winner)
            if winner is None or planned is None:
                continue
            done = planned if planned.reason else planned.run(ended, winner)
            record = replace(done.note(record), cost=done.cost(record.cost, self.question.dataset.log))
            record = self._standing(record, ended.tuner, record.stopped)
            ended.recorder.describe(record)
            taken.append(done)
        return record, tuple(taken)

    def _winner(self, tuner: Tuner, record: StudyRecord) -> Candidate | None:
        """Return the setting that stands; None without a score, or with several objectives."""
        candidates = candidates_of(tuner) if tuner.scorer.goals == 1 else []
        return chosen(candidates, record.standing) if candidates else None

    def _noted(self, record: StudyRecord, found: Evidence) -> StudyRecord:
        """Return the record with which edition it is, and what has changed since the last one."""
        edition = self.edition
        if edition is None:
            return record
        begun = EditionNote(edition.number, edition.before, rows=_rows(record))
        last = edition.last
        known = None if last is None or self.storage is None else stored_record(self.storage, last)
        if self.question.spec.replay is not None:
            taken = None if edition.before is None else known
            record = replace(record, since=grown.seen_since(record, edition.number, taken))
        return replace(record, edition=changed(begun, record, known, found, self.question.store))

    def _carried(self, tuner: Tuner, recorder: Recorder) -> int:
        """Score the settings again that the last edition passes on; return how many there are."""
        if self.edition is None or self.edition.before is None or self.storage is None:
            return 0
        before = self.edition.before
        trials = tuner.study.get_trials(deepcopy=False)
        known = sum(note.warm_start == before for note in notes(tuner.study))
        if len(trials) > known:
            return known
        study = load_study(self.storage, before)
        taken = carried(study, record_of(study), tuner)
        grant = recorder.claim(len(taken), len(taken)) if taken else None
        if grant is not None and len(grant.turns) < len(taken) - known:
            return len(taken)  # another process scores them
        for trial in taken[known:]:
            recorder.put(take_over(tuner, trial, before))
        return len(taken)

    def _standing(self, record: StudyRecord, tuner: Tuner, stopped: str) -> StudyRecord:
        """Return the record with how the trials ended, and which setting stands."""
        record = replace(record, stopped=stopped)
        if record.edition is None or self.storage is None:
            return record
        before = record.edition.before
        known = None if before is None else load_study(self.storage, before)
        return replace(record, edition=settled(record.edition, tuner, known, self.question.spec.replace))

    def _tuner(self, found: Evidence) -> Tuner:
        question = self.question
        able = trainable(question.searched, found)
        space = study_space(able, found)
        check_asked(able, found)
        check_fidelity(question.spec.fidelity, able, question.scoring.goals)
        prefixes = self._prefixes(able, space)
        asking = Space(space, able[0].name, prefixes.parameters)
        sampler = self._sampler(asking.proposed)
        if not self._is_stored():
            self._warm_trials(space)
        study = self._study()  # what is refused before takes no name
        study.sampler = sampler
        searched = {s.name: s for s in able}
        scoring = question.scoring
        asked = question.spec.fidelity
        fidelity = None if asked in (None, POPULATION) else Fidelity(asked)
        if fidelity is not None:
            study.pruner = fidelity.pruner()
        scorer = Scorer(searched, found.states, found.contexts, scoring.metric, scoring.also, scoring.goals)
        scorer.prefixes = prefixes
        of = question.spec
        members = population.Population(of.trials, of.seed) if asked == POPULATION else None
        return Tuner(scorer, asking, study, fidelity, members)

    def _prefixes(self, able: Sequence[Searched], space: Mapping[str, BaseDistribution]) -> Prefixes:
        """Return the prefix axes; a grid keeps every value of theirs, and several objectives may want several."""
        every = every_value(self.sampler)
        solves = not every and self.question.scoring.goals == 1
        axes = solved_axes({s.name: s for s in able}, space) if solves else {}
        asked = self.question.spec
        return Prefixes(space, solves, axes, EarlyStopping(asked.early_stopping_rounds), bool(asked.one_std_err))

    def _sampler(self, space: Mapping[str, BaseDistribution], apart: int = 0) -> BaseSampler:
        """Return the sampler; one that proposes by the turn of a trial alone is the same in every process."""
        question = self.question
        seed, goals = question.spec.seed, question.scoring.goals
        made = make_sampler(self.sampler, seed=seed, space=space, trials=question.spec.trials, goals=goals)
        if not apart or (isinstance(made, Proposer) and question.spec.fidelity is None):
            return made
        if made is self.sampler:
            made.reseed_rng()
            return made
        return make_sampler(self.sampler, seed=seed + apart, space=space, trials=question.spec.trials, goals=goals)

    def _study(self) -> Study:
        name = self._stored
        if self.storage is None or name is None:
            with quiet():
                return optuna.create_study(study_name=name or "study", directions=self._directions)
        return self._begin(self.storage, name)

    def _begin(self, storage: BaseStorage, name: str) -> Study:
        """Return the study to run; one of its name that never ran gives its name away."""
        return begin(storage, name, direction=self._directions, record=self._begun(), instead=True)

    def _begun(self) -> StudyRecord:
        """Return the record of a study that has only begun."""
        edition = None if self.edition is None else EditionNote(self.edition.number, self.edition.before)
        return StudyRecord(self.question.definition(), edition=edition)

    @property
    def _directions(self) -> list[Direction]:
        return ["maximize"] * self.question.scoring.goals

    def _refined(self, record: StudyRecord, refining: Refining) -> StudyRecord:
        """Return the record with what further passes of more digits changed in it."""
        if not refining.results:
            return record
        dataset = self.question.dataset
        read = [any(r.segments[i].read for r in refining.results) for i in range(len(record.ledger))]
        ledger = tuple(replace(s, read=s.read or more) for s, more in zip(record.ledger, read, strict=True))
        known = record_learned(refining.found.pilot, dataset.targets, dataset.weight)
        words = precision_in_words(self.question.summaries, refining.found.pilot)
        return replace(record, known=known, refined=tuple(refining.why), ledger=ledger, precision=words)

    def _trials(
        self, tuner: Tuner, recorder: Recorder, warm: int, stop: Event, refining: Refining
    ) -> str:
        spec = self.question.spec
        sampler = tuner.study.sampler
        points = len(sampler.points) if isinstance(sampler, Grid) and tuner.population is None else spec.trials
        if tuner.space.solved and split(tuner.space.proposed).size == 1:
            points = 1  # nothing is searched beside what each trial solves
        beyond = warm + len(refined(tuner.study))
        budget = Budget(min(spec.trials, points) + beyond, spec.timeout, spec.patience)

        def begin() -> None:
            self.progress.begin_trials(budget.trials, len(tuner.study.get_trials(deepcopy=False)))

        begin()
        refining.after = begin

        def finished(trial: FrozenTrial) -> None:
            recorder.put(trial)
            self.progress.trial(trial.values[0] if trial.values and trial.state.name == "COMPLETE" else None)

        def met(trial: FrozenTrial) -> None:
            added = adopt(tuner, trial)
            recorder.adopted(added.number, trial.number)
            self.progress.trial(added.values[0] if added.values and added.state.name == "COMPLETE" else None)

        def apart(first: int) -> None:
            tuner.study.sampler = self._sampler(tuner.space.proposed, first)

        turns = Turns(tuner, budget.trials, recorder.claim, met, apart)
        stopped = run_trials(tuner, budget, finished, stop, turns)
        return "exhausted" if stopped == "trials" and points < spec.trials else stopped

    def _whole(self, tuner: Tuner, recorder: Recorder) -> Tuner:
        """Return the tuner of the study as it is stored, where other processes ran some of its trials."""
        name = self._stored
        if self.storage is None or name is None or not recorder.shared():
            return tuner
        study = load_study(self.storage, name)
        study.sampler, study.pruner = tuner.study.sampler, tuner.study.pruner
        recorder.study = study
        return Tuner(tuner.scorer, tuner.space, study, tuner.fidelity, tuner.population)

    def _warm_start(self, tuner: Tuner, recorder: Recorder) -> int:
        """Take over the trials of another study, scored anew on these states; return how many there are.

        Only a first edition begins with those of another study.
        """
        if self.edition is not None and self.edition.number > 1:
            return 0
        trials = tuner.study.get_trials(deepcopy=False)
        known = sum(note.warm_start is not None for note in notes(tuner.study))
        name = self.question.spec.warm_start
        if name is None or len(trials) > known or self.storage is None:
            return known
        taken = self._warm_trials(tuner.space.distributions)
        grant = recorder.claim(len(taken), len(taken))
        if grant is not None and len(grant.turns) < len(taken) - known:
            return len(taken)  # another process takes them over
        for trial in taken[known:]:
            recorder.put(take_over(tuner, trial, name))
        return len(taken)

    def _warm_trials(self, space: Mapping[str, BaseDistribution]) -> list[FrozenTrial]:
        """Return the trials of the study to begin with, in the terms of this space."""
        name = self.question.spec.warm_start
        if name is None or self.storage is None:
            return []
        trials = load_study(self.storage, name).get_trials(deepcopy=False)
        taken = [one for trial in trials if (one := translated(trial, space)) is not None]
        if trials and not taken:
            raise TuneError(
                f"warm_start={name!r}: none of its trials lies in this study's space; check that they search "
                "the same parameters over overlapping ranges"
            )
        return taken

    def _is_stored(self) -> bool:
        name = self._stored
        try:
            return self.storage is not None and name is not None and find_study(self.storage, name) >= 0
        except StudyMissing:
            return False

    def _record(self, tuner: Tuner, found: Evidence, made: Reading, cost: Cost) -> StudyRecord:
        question, pilot = self.question, made.pilot
        dataset, scoring = question.dataset, question.scoring
        return StudyRecord(
            definition=question.definition(),
            spec=_spec_record(question),
            metrics=scoring.metrics,
            chosen=question.chosen,
            files=dataset.chosen,
            wide=dict(question.stand_ins),
            left_out=tuple(s.name for s in question.searched if s.name not in tuner.scorer.searched),
            goals=scoring.goals,
            sampled=tuple(m for m in scoring.metrics if m not in scoring.exact),
            scoring_rows=question.spec.scoring_rows,
            **accuracy.record_of(found),
            segments=tuple(pilot.folds.key(segment) for segment in dataset.segments),
            ledger=tuple(SegmentRead(s.name, s.rows, s.nbytes, s.read) for s in made.result.segments),
            encoder=found.pilot.encoder.to_dict(),
            folds=found.pilot.folds.describe(),
            fold_sizes=noted_sizes(found.pilot.folds.sizes),
            pilot=found.pilot.digest,
            read_again=tuple(made.again),
            precision=precision_in_words(question.summaries, found.pilot),
            unsuited=tuple(made.unsuited),
            known=record_learned(found.pilot, dataset.targets, dataset.weight),
            plan=tuple((tuple(s.train), tuple(s.test)) for s in found.pilot.folds.plan.splits),
            n_cells=found.pilot.folds.plan.n_cells,
            places=found.pilot.folds.places or (),
            targets=tuple(dataset.targets),
            weight=dataset.weight,
            store=str(question.store.location),
            cost=cost,
            forecast=made.forecast,
            series=None if pilot.calendar is None else keep(pilot.calendar, dataset, question.store),
            begun_with=begun_with(question.searched),
        )

    def _stand_ins(self) -> Mapping[str, str] | None:
        """Return which stand-in each algorithm used when the study started; None for a new one."""
        record = self._recorded(self._stored)
        return self.by.stand_ins(None if record is None else record.wide)

    def _as_begun(self) -> Question:
        """Return the question with what the study was begun with, or the edition that this one continues."""
        before = None if self.edition is None else self.edition.before
        record = self._recorded(self._stored) or self._recorded(before)
        if record is None:
            return self.question
        return replace(self.question, searched=as_begun(self.question.searched, record.begun_with))

    def _recorded(self, name: str | None) -> StudyRecord | None:
        """Return the record of a stored study whose pass is finished; None for a new one."""
        if self.storage is None or name is None:
            return None
        try:
            record = stored_record(self.storage, name)
        except StudyMissing:
            return None
        return None if record is None or record.segments is None else record

    def _check_name(self) -> None:
        """Refuse a name that another study has, before anything is read."""
        name = self._stored
        if self.storage is None or name is None:
            return
        try:
            study_id = find_study(self.storage, name)
        except StudyMissing:
            return
        trials = self.storage.get_n_trials(study_id)
        self._begin(self.storage, name)
        going_on = self.edition is not None and self.edition.going_on and self.edition.number > 1
        if trials and not self.resume and not going_on:
            raise TuneError(
                f"study {name!r} exists with {counted(trials, 'trial')} of the same data; continue with "
                "resume=True (on the command line: --resume), or choose another name"
            )


def _rows(record: StudyRecord) -> int:
    return sum(segment.rows for segment in record.ledger)


def _spec_record(question: Question) -> dict[str, object]:
    given = {k: v for k, v in plain(question.spec).items() if k in question.spec.model_fields_set}
    return {k: masked(v) for k, v in given.items()}
