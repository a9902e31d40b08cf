"""A study that continues as its data changes: what it begins with, and which setting stands in the end."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from optuna.trial import FrozenTrial

from hpo.errors import TuneError
from hpo.states.drift import drift
from hpo.states.evaluate import Scores
from hpo.states.kept_rows import stored_leaves
from hpo.trials.notes import recorded
from hpo.trials.pareto import front_of
from hpo.trials.selection import Candidate, best, complexity
from hpo.trials.settings import translated
from hpo.trials.tuner import Tuner, candidates_of
from state_store import StateStore
from studies.errors import StudyTaken
from studies.record.editions import DATA, edition_numbers, parts, stored_name
from studies.record.record_parts import EditionNote
from studies.record.records import described, record_of
from studies.record.study_record import StudyRecord
from studies.record.trial_note import TrialNote
from studies.spec.definition import differences

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

    from hpo.states.contexts import Evidence

OTHERS = 5
"""Settings that are scored again besides the best, the simplest and the Pareto front."""

MOST_EARLIER = 100
"""Editions whose scores a later one knows."""

STOPPED = ("", "interrupted")
"""How an edition ended that continues by itself."""


@dataclass(frozen=True)
class Edition:
    """Which edition of a study is run.

    Attributes
    ----------
    name : of the study.
    number : of the edition, from 1.
    before : the edition whose best settings are scored again first, as it is stored; None for none.
    last : the edition before it, whose data its own is compared with, as it is stored; None for a first one.
    going_on : whether it was begun before, and did not end.
    due : whether there is anything to do: it is new, or continues.
    """

    name: str
    number: int = 1
    before: str | None = None
    last: str | None = None
    going_on: bool = False
    due: bool = True

    @property
    def stored(self) -> str:
        """What it is stored under."""
        return stored_name(self.name, self.number)


def edition_of(
    storage: BaseStorage, name: str, definition: Mapping[str, object], *, fresh: bool = False
) -> Edition:
    """Return the edition that a question is asked of: the last one, or the next where the data has changed.

    Parameters
    ----------
    storage : of studies.
    name : of the study, without an edition.
    definition : of the question, the state of the data included.
    fresh : whether to begin the next edition whatever has changed, and with none of the settings of the last.

    Raises
    ------
    StudyTaken
        The study exists with another definition than of its data.
    """
    if parts(name)[1] is not None:
        raise TuneError(
            f"name={name!r}: what follows @ is the edition, which the study counts itself; leave it out"
        )
    numbers = edition_numbers(storage, name)
    if not numbers:
        return Edition(name)
    last = Edition(name, numbers[-1], last=stored_name(name, numbers[-2]) if numbers[1:] else None)
    record = described(storage, last.stored)
    if record is None:
        raise StudyTaken(name, ["it was not made by this program"])
    known = record.definition
    changed = {key for key in {*known, *definition} if known.get(key) != definition.get(key)}
    if fresh:
        return Edition(name, last.number + 1, last=last.stored)
    if not changed:
        before = record.edition.before if record.edition else None
        going_on = record.stopped in STOPPED
        return replace(last, before=before, going_on=going_on, due=going_on)
    if changed == {DATA}:
        before = None if record.segments is None else last.stored
        return Edition(name, last.number + 1, before, last.stored)
    raise StudyTaken(name, differences(known, definition))


def carried(study: Study, record: StudyRecord | None, tuner: Tuner) -> list[FrozenTrial]:
    """Return the trials of the last edition that the next one begins with, in the terms of its space.

    They are the setting that stands, the best, the Pareto front, the simplest within a standard error of the best,
    and a few more of the best.
    """
    found = {t.number: t for t in study.get_trials(deepcopy=False) if recorded(t) and t.values}
    if not found or record is None:
        return []
    order = sorted(found, key=lambda n: (-found[n].values[0], n))
    wanted = [n for n in (record.standing,) if n in found]
    wanted += front_of(found) if record.several else order[:1]
    if not record.several and (simple := _simplest(order, found, tuner)) is not None:
        wanted.append(simple)
    kept: dict[str, FrozenTrial] = {}
    for number in [*wanted, *order]:
        moved = translated(found[number], tuner.space.distributions)
        if moved is not None and len(kept) < len(set(wanted)) + OTHERS:
            kept.setdefault(repr(sorted(moved.params.items())), _numbered(moved, number))
    return list(kept.values())


def _numbered(trial: FrozenTrial, number: int) -> FrozenTrial:
    trial.number = number
    return trial


def _simplest(order: Sequence[int], found: Mapping[int, FrozenTrial], tuner: Tuner) -> int | None:
    """Return the trial of fewest degrees of freedom, on the new states, within a standard error of the best."""
    first = recorded(found[order[0]])
    margin = 0.0 if first is None or math.isnan(first.se) else first.se
    close = [n for n in order if found[n].values[0] >= found[order[0]].values[0] - margin][:50]
    degrees = {}
    for number in close:
        moved, scores = translated(found[number], tuner.space.distributions), recorded(found[number])
        if moved is None or scores is None:
            continue
        algorithm, states = tuner.scorer.build(*tuner.space.setting(moved.params))
        try:
            degrees[number] = complexity(Candidate(number, algorithm, states, scores))
        except TuneError:
            continue
    return min(degrees, key=lambda n: (round(degrees[n], 9), close.index(n)), default=None)


def changed(
    note: EditionNote, record: StudyRecord, known: StudyRecord | None, found: Evidence, store: StateStore
) -> EditionNote:
    """Return the note of an edition with what has changed in the data since the last one.

    Parameters
    ----------
    note : which edition it is.
    record, known : of this edition and of the last one.
    found : the states.
    store : where the leaves of the new segments are.
    """
    if known is None or known.segments is None:
        return note
    then, now = set(known.segments), list(record.segments or ())
    came = [key for key in now if key not in then]
    before = sum(segment.rows for segment in known.ledger)
    moved = _drift(found, came, len(now), store)
    note = replace(note, rows_before=before, came=len(came), left=len(then - set(now)), drift=moved)
    return replace(note, earlier=_earlier(known.edition))


def _earlier(last: EditionNote | None) -> tuple[tuple[int, int, float], ...]:
    """Return number, rows and score of the last edition, and of those before it."""
    if last is None or last.value is None or last.rows is None:
        return () if last is None else last.earlier
    return (*last.earlier, (last.number, last.rows, last.value))[-MOST_EARLIER:]


def _drift(found: Evidence, came: Sequence[str], segments: int, store: StateStore) -> tuple[tuple[str, float], ...]:
    """Return which columns are elsewhere in new segments; nothing where there are no others, or no state says."""
    if not came or len(came) == segments:
        return ()
    for summary, states in found.states.items():
        whole = states.whole
        if whole.profile() is None:
            continue
        ready = found.pilot.ready(summary)
        leaves = stored_leaves(store, found.contexts[summary], came, ready, found.pilot)
        cells = [cell for key in came if key in leaves for cell in leaves[key].cells]
        return drift(whole, functools.reduce(ready.merge, cells)) if len(leaves) == len({*came}) else ()
    return ()


def settled(note: EditionNote, tuner: Tuner, before: Study | None, how: str) -> EditionNote:
    """Return the note of an edition with the setting that stands: the best, or the one that stood before.

    Parameters
    ----------
    note : which edition it is.
    tuner : of the edition, its trials run.
    before : the last edition; None for none.
    how : ``"always"``, ``"better"`` (by more than a standard error of the paired difference) or ``"never"``.
    """
    candidates = candidates_of(tuner) if tuner.scorer.goals == 1 else []
    record = None if before is None else record_of(before)
    trials = tuner.study.get_trials(deepcopy=False) if note.before is not None else []
    again = [t for t in trials if TrialNote.of(t.user_attrs).warm_start == note.before]
    note = replace(note, carried=len(again))
    if not candidates:
        return note
    new = best(candidates)
    was = None if before is None or record is None else _stood(before, record)
    old = None if was is None else _same(was, again, candidates, tuner)
    if was is None or old is None:
        return replace(note, standing=new.number, value=new.scores.mean)
    apart = np.asarray(new.scores.folds) - np.asarray(old.scores.folds)
    gain = float(apart.mean())
    se = Scores(tuple(apart.tolist()), overlap=new.scores.overlap).se
    better = gain > 0.0 and not gain <= se
    stands = new if how == "always" or (how == "better" and better) else old
    return replace(
        note, standing=stands.number, value=stands.scores.mean, was=old.number, score_before=was.values[0],
        score=old.scores.mean, gain=gain, se=None if math.isnan(se) else se,
    )  # fmt: skip


def chosen(candidates: Sequence[Candidate], number: int | None) -> Candidate:
    """Return the candidate of that trial; the best where there is none."""
    return next((c for c in candidates if c.number == number), None) or best(candidates)


def _stood(study: Study, record: StudyRecord) -> FrozenTrial | None:
    """Return the trial whose setting an edition ended with."""
    scored = [t for t in study.get_trials(deepcopy=False) if recorded(t) and t.values]
    named = next((t for t in scored if t.number == record.standing), None)
    return named or max(scored, key=lambda t: (t.values[0], -t.number), default=None)


def _same(
    was: FrozenTrial, again: Sequence[FrozenTrial], candidates: Sequence[Candidate], tuner: Tuner
) -> Candidate | None:
    """Return the candidate in which a trial's setting was scored again; None where it was not, or has no score."""
    moved = translated(was, tuner.space.distributions)
    number = next((t.number for t in again if moved is not None and t.params == moved.params), None)
    return next((c for c in candidates if c.number == number), None)
