"""Settings answered from states: built, solved and scored; the data is never touched."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from algorithms.brief import briefly
from algorithms.contract import Algorithm, Score, State, Summary, as_score, check_digits
from algorithms.errors import AlgorithmError, Imprecise
from hpo.process.threads import threads_for
from hpo.question.search import Searched
from hpo.states.chains import Chains
from hpo.states.evaluate import Scores, check_usable, evaluate, naming_lacking_class, score_pairs
from hpo.states.far_scores import FarScores
from hpo.states.fold_states import FoldStates
from hpo.states.refining import Refining
from hpo.trials.prefixes import Curve, Prefixes, Rungs, curve
from hpo.trials.selection import Candidate
from hpo.trials.settings import Setting

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


@briefly
@dataclass
class Scorer:
    """What scores the settings of a study.

    Attributes
    ----------
    searched : the algorithms by name.
    states : fold states by summary.
    contexts : the key of each summary's states, recorded with the trials.
    metric : the score.
    also : further scores that every trial keeps, of the same models.
    goals : how many of the scores are optimised, ``metric`` first.
    fits : models fitted so far.
    refining : makes states of more digits where a score lacks them; None where there can be none.
    far : scores settings, on workers where it pays; None for this process alone.
    chains : trains what is trained in epochs, and counts these; None where nothing is counted.
    prefixes : scores along prefix axes; None where every value is fitted for itself.
    """

    searched: Mapping[str, Searched]
    states: Mapping[Summary, FoldStates]
    contexts: Mapping[Summary, str]
    metric: str
    also: tuple[str, ...] = ()
    goals: int = 1
    fits: int = 0
    refining: Refining | None = None
    far: FarScores | None = None
    chains: Chains | None = None
    prefixes: Prefixes | None = None

    @property
    def rows_read(self) -> int:
        """How many rows were read for its states so far, those of more digits among them."""
        return 0 if self.refining is None else self.refining.question.dataset.log.rows

    def build(self, name: str, values: Mapping[str, object]) -> tuple[Algorithm, FoldStates]:
        """Return the algorithm of a setting and the states of its summary."""
        algorithm = self.searched[name].build(values)
        return algorithm, self.states[algorithm.summary].for_algorithm(algorithm)

    def length(self, name: str, values: Mapping[str, object]) -> int:
        """Return the epochs that a setting is trained for; 0 of what is not trained in epochs."""
        try:
            chained = self.searched[name].build(values).chained
        except AlgorithmError:
            return 0
        return 0 if chained is None else chained.length

    def may_change(self, name: str, values: Mapping[str, object], key: str) -> bool:
        """Return whether the training of a setting may continue with another value, from the same states."""
        chained = self.searched[name].build(values).chained
        needs_pass = self.searched[name].fields[key].needs_pass or key in self.searched[name].steering
        return chained is not None and not needs_pass and chained.may_change(key)

    def context(self, setting: Setting) -> str:
        """Return the key of the states that answer a setting."""
        return self.contexts[self.searched[setting[0]].summary(setting[1])]

    def values(self, scores: Scores | None) -> list[float] | None:
        """Return the values of the objectives; None without scores."""
        if scores is None:
            return None
        return [scores.mean, *(scores.also[name].mean for name in self.also[: self.goals - 1])]

    def trial(self) -> AbstractContextManager[None]:
        """Return a block in which one setting is scored, perhaps on several rungs."""
        return contextlib.nullcontext() if self.chains is None else self.chains.trial()

    def attempt(self, setting: Setting) -> tuple[Scores | None, str | None]:
        """Return the fold scores of a setting, or None and why it has none."""
        try:
            return self.score(setting), None
        except AlgorithmError as error:
            return None, str(error)

    def score(self, setting: Setting) -> Scores:
        """Return the fold scores of a setting, from states of more digits where they need them.

        Raises
        ------
        Unscorable
            A fold has no finite score, or none that is known to enough digits.
        """
        try:
            return self._score(setting)
        except Imprecise as error:
            if not self._refined(self.build(*setting)[0].summary, error):
                raise
        return self._score(setting)

    def models(self, setting: Setting) -> list[tuple[Score | None, BaseEstimator]]:
        """Return the model of each split over the encoded columns, and its score where that is by states.

        They are of states of more digits where they need them.
        """
        try:
            return self._models(setting)
        except Imprecise as error:
            if not self._refined(self.build(*setting)[0].summary, error):
                raise
        return self._models(setting)

    def _models(self, setting: Setting) -> list[tuple[Score | None, BaseEstimator]]:
        algorithm, states = self.build(*setting)
        self.fits += len(states.train)
        found = []
        with threads_for(states.train):
            for train, held in zip(states.train, states.held_out, strict=True):
                solution = algorithm.solve(train)
                score = as_score(algorithm.score(solution, held, self.metric))
                found.append((score, algorithm.estimator(solution)))
        return found

    def settle(self, winner: Candidate) -> None:
        """Get states of more digits where the best model needs them, though its scores did not."""
        algorithm = winner.algorithm
        if self.refining is None or algorithm.summary.finer(None) is None:
            return
        with contextlib.suppress(AlgorithmError):  # raised again when the model is asked for
            try:
                check_digits(algorithm, winner.states.whole)
            except Imprecise as error:
                self._refined(algorithm.summary, error)

    def _refined(self, summary: Summary, why: Imprecise) -> bool:
        """Return whether there are states of more digits now."""
        found = self.refining.refine(summary) if why.finer and self.refining is not None else None
        if found is None:
            return False
        self.states, self.contexts = found.states, found.contexts
        return True

    def solved(self, setting: Setting, *, fits: bool = True) -> Setting:
        """Return a setting with the best value of its prefix axis; with the fitted one where there is no score.

        Without ``fits`` it has the best value only if its scores are known.
        """
        if self.prefixes is None or not self.prefixes.solves:
            return setting
        setting = self.prefixes.begun(setting)
        with contextlib.suppress(AlgorithmError):  # raised again when it is scored
            axis, found = self._along(setting, fits=fits)
            return setting if found is None else (setting[0], {**setting[1], axis: self.prefixes.best(found)})
        return setting

    def part(
        self, setting: Setting, algorithm: Algorithm, states: FoldStates, train: Sequence[State]
    ) -> tuple[Setting, Scores]:
        """Return the scores of models of parts of the training states: of the best value of a prefix axis.

        Parameters
        ----------
        setting : with the value of the axis that is fitted.
        algorithm : of the setting, or of fewer epochs.
        states : what is held out.
        train : the parts.
        """
        prefixed, prefixes, (name, values) = algorithm.prefixed, self.prefixes, setting
        scored = () if prefixes is None or not prefixes.solves else prefixes.values(name, prefixed)
        if prefixed is None or prefixes is None or not scored or values.get(prefixed.axis) != scored[-1]:
            return setting, score_pairs(algorithm, train, states.held_out, self.metric, overlap=states.overlap)
        folds = list(zip(train, states.held_out, strict=True))
        found = curve(algorithm, prefixed, folds, scored, (self.metric,), states.overlap, prefixes.stopping)
        prefixes.saved += (len(found) - 1) * len(train)
        best = prefixes.best(found)
        return (name, {**values, prefixed.axis: best}), found[best]

    def rounds(self, setting: Setting) -> tuple[float, ...]:
        """Return the values of a solved axis along which models grow no further than is asked for; else none."""
        prefixes = self.prefixes
        if prefixes is None or not prefixes.solves:
            return ()
        algorithm, states = self.build(*prefixes.begun(setting))
        prefixed = algorithm.prefixed
        if prefixed is None or prefixed.falling or not all(prefixed.grows(train) for train in states.train):
            return ()
        return prefixes.values(setting[0], prefixed)

    def climbed(self, setting: Setting, rungs: Rungs) -> tuple[Setting, float]:
        """Return a setting with the best value as far as it grew, and the largest one that it grew to.

        Raises
        ------
        AlgorithmError
            It has no scores.
        """
        setting = self.prefixes.begun(setting) if self.prefixes is not None else setting
        axis, found = self._along(setting, rungs=rungs)
        if found is None or self.prefixes is None:
            return setting, 0.0
        return (setting[0], {**setting[1], axis: self.prefixes.best(found)}), max(found)

    def curve(self, setting: Setting) -> Curve | None:
        """Return the scores along the prefix axis of a setting that was scored; None where it has none."""
        if self.prefixes is None or (prefixed := self.build(*setting)[0].prefixed) is None:
            return None
        return self.prefixes.known(setting, prefixed.axis)

    def _along(
        self, setting: Setting, *, fits: bool = True, rungs: Rungs | None = None
    ) -> tuple[str, Curve | None]:
        """Return the prefix axis of a setting and the scores along it; None where it has none, or may not fit."""
        name, values = setting
        prefixed, prefixes = self.build(name, values)[0].prefixed, self.prefixes
        if prefixed is None or prefixes is None or not (scored := prefixes.values(name, prefixed)):
            return "", None
        axis = prefixed.axis
        known = prefixes.known(setting, axis)
        if known is None and fits:
            algorithm, states = self.build(name, {**values, axis: scored[-1]})
            if algorithm.prefixed is None:
                return "", None
            prefixes.check(setting, axis)
            self.fits += len(states.train)
            try:
                with naming_lacking_class(states):
                    folds = list(zip(states.train, states.held_out, strict=True))
                    names = (self.metric, *self.also)
                    how = states.overlap, prefixes.stopping, rungs
                    known = curve(algorithm, algorithm.prefixed, folds, scored, names, *how)
            except AlgorithmError as error:
                prefixes.fail(setting, axis, error)
                raise
            stopped = rungs is not None and rungs.stopped
            prefixes.keep(setting, axis, known, len(states.train), whole=not stopped)
        return axis, known

    def _along_axis(self, algorithm: Algorithm, setting: Setting) -> Scores | None:
        """Return the scores of a setting whose value is one that its prefix axis is scored at; else None."""
        name, values = setting
        prefixed, prefixes = algorithm.prefixed, self.prefixes
        if prefixed is None or prefixes is None:
            return None
        value = values.get(prefixed.axis)
        if not isinstance(value, (int, float)) or value not in prefixes.values(name, prefixed):
            return None
        found = self._along(setting)[1]
        return None if found is None else found.get(value)

    def _score(self, setting: Setting) -> Scores:
        algorithm, states = self.build(*setting)
        if (found := self._along_axis(algorithm, setting)) is not None:
            return found
        self.fits += len(states.train)
        with naming_lacking_class(states):
            if self.far is None:
                scores = evaluate(algorithm, states, self.metric, self.also)
            else:
                scores = self.far.evaluate(algorithm, self.states, self.contexts, self.metric, self.also)
        for name in (self.metric, *self.also[: self.goals - 1]):
            check_usable(scores.also.get(name, scores), name, states)
        return scores
