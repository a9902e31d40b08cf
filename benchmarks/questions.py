"""The project's own steps, one by one, for benchmarks that time a part of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from optuna.distributions import BaseDistribution

from algorithms.summaries.moments import Moments
from benchmarks.workshop import TARGET
from hpo.api import question_of
from hpo.process.engine import Engine
from hpo.process.progress import Progress
from hpo.question.question import Question, solved_from
from hpo.states.contexts import Evidence, evidence, make_pass
from hpo.states.fold_states import FoldStates
from hpo.states.learned.deals import dealt
from hpo.states.learned.pilot import Pilot, make_pilot
from hpo.states.pass_result import PassResult
from hpo.trials.beforehand import study_space
from studies.spec.spec import StudySpec

ALGORITHMS = ["ridge", "elastic_net"]


@dataclass(frozen=True, eq=False)
class States:
    """A question whose data is read.

    Attributes
    ----------
    question, evidence, result : as the study has them.
    """

    question: Question
    evidence: Evidence
    result: PassResult

    @property
    def folds(self) -> FoldStates:
        """The fold states of the moments."""
        return self.evidence.states[Moments()]

    @property
    def space(self) -> Mapping[str, BaseDistribution]:
        """What the study searches."""
        return study_space(self.question.searched, self.evidence)

    @property
    def searched(self) -> dict[str, Any]:
        """The algorithms by name."""
        return {s.name: s for s in self.question.searched}

    @property
    def rows_read(self) -> int:
        """Rows that the pass read."""
        return self.question.dataset.log.rows


def read_states(data: Path, store: Path, n_jobs: int | None = None, engine: Engine | None = None) -> States:
    """Open, read what no state is known of, and merge the folds: a study up to its first trial."""
    question = question_of(
        StudySpec(data=(str(data),), target=TARGET, algorithm=tuple(ALGORITHMS), store=str(store))
    )
    return states_of(question, engine or Engine(n_jobs=n_jobs))


def pilot_of(question: Question) -> Pilot:
    """Return what a pass must know before it starts."""
    return make_pilot(
        question.dataset,
        dealt(question.folds, question.dataset, question.store),
        question.spec.max_categories,
        question.store,
        hash_columns=question.hash_columns,
    )


def states_of(question: Question, engine: Engine) -> States:
    """Read what no state is known of, and merge the folds."""
    pilot = pilot_of(question)
    one_pass = make_pass(question, pilot)
    result = one_pass.run(engine, Progress(), Event())
    solved = solved_from(question.searched)
    return States(question, evidence(pilot, one_pass.contexts, result.cells, question.scoring, solved), result)
