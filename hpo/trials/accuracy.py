"""Which errors the scores of a study carry: of models, of sampled rows, and of rounding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

from algorithms.contract import EXACT, RESUMABLE
from hpo.states.fold_states import FoldStates
from hpo.trials.selection import Candidate
from studies.record.record_parts import Kind
from studies.report.accuracy import DRAWN, Accuracy

if TYPE_CHECKING:
    from hpo.states.contexts import Evidence


def models_of(states: FoldStates) -> tuple[Kind, int, int]:
    """Return what the models of some states are, the rows they are fitted to, and the training rows.

    The rows are means over the splits; they are known of models of a sample only.
    """
    family = states.summary.family
    if family == EXACT or all(s.complete for s in (*states.train, *states.test)):
        return "exact", 0, 0
    if family == RESUMABLE:
        return "ordered", 0, 0
    kept = [s.kept_rows for s in states.train if s.nests]
    if kept and len(kept) == len(states.train):
        rows = sum(s.rows for s in states.train)
        return "sample", round(sum(kept) / len(kept)), round(rows / len(states.train))
    return "approximate", 0, 0


def scored_rows(states: FoldStates) -> tuple[int, int] | None:
    """Return the held-out rows that sampled scores are computed on, and those that there are; None without."""
    held = [held.rows for held in states.held_out if held.rows is not None]
    return (sum(r.n for r in held), sum(r.rows for r in held)) if held else None


class Recorded(TypedDict):
    """The fields of a study's record about the errors of its scores."""

    models: Mapping[str, tuple[Kind, int, int]]
    scored_rows: tuple[int, int] | None


def record_of(found: Evidence) -> Recorded:
    """Return the fields of a study's record about the errors of its scores."""
    return {
        "models": {found.contexts[s]: models_of(states) for s, states in found.states.items()},
        "scored_rows": scored_rows(found.any_states),
    }


def accuracy_of(candidate: Candidate, metric: str, first: str) -> Accuracy:
    """Return the errors that a candidate's score carries, but for what needs more predictions.

    Parameters
    ----------
    candidate : a setting.
    metric : name of the score.
    first : the score that the study optimises first.
    """
    states = candidate.states.plain or candidate.states
    scores = candidate.scores if metric == first else candidate.scores.also[metric]
    scored = None if metric in states.exact else scored_rows(states)
    return Accuracy(*models_of(states), *(scored or (0, 0)), bound=scores.bound, drawn=DRAWN.get(metric, ""))
