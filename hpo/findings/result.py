"""What a study found, and every question that its states still answer without the data."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution

from hpo.errors import TuneError
from hpo.findings.extrapolation import Extrapolation, best_there_is, extrapolate, nested_scores
from hpo.findings.grids import grid_of
from hpo.process.threads import one_blas_thread
from hpo.states.evaluate import Scores
from hpo.states.fold_sizes import in_words, size_rows
from hpo.trials import selection
from hpo.trials.accuracy import accuracy_of
from hpo.trials.notes import recorded
from hpo.trials.polish import Polished
from hpo.trials.run import Run
from hpo.trials.selection import Candidate, Curve, Estimate
from studies.record.study_record import Cost, StudyRecord, TrialNote
from studies.report.accuracy import Accuracy, recorded_accuracy

if TYPE_CHECKING:
    import os

    import pandas as pd
    from optuna.study import Study
    from optuna.trial import FrozenTrial
    from sklearn.pipeline import Pipeline

    from studies.report.data import ReportData


class Result:
    """The result of :func:`hpo.tune`.

    Scores follow scikit-learn's scorers: greater is better. Everything here is answered from the states that
    the pass made; the data is read only by :meth:`confirm` and :meth:`predict`, for the rows given to them.

    Attributes
    ----------
    optuna_study : the study in memory, with every trial.
    cost : what was read and built, and what retraining would have read.
    metric : name of the score that is optimised, the first of several.
    metrics : names of every score that the trials keep, ``metric`` first.
    objectives : those that are optimised; several with ``refit=False``.
    stopped : why the trials ended: ``"trials"``, ``"exhausted"`` (a finite space was tried whole),
        ``"timeout"``, ``"patience"`` or ``"interrupted"``; ``"loaded"`` for a study opened again.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> result = hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=10, store=None)
    >>> sorted(result.best_params)
    ['ridge.alpha', 'ridge.standardize']
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.optuna_study: Study = run.tuner.study
        self.cost: Cost = run.cost
        self.metric: str = run.tuner.metric
        self.metrics: tuple[str, ...] = (run.tuner.metric, *run.tuner.also)
        self.objectives: tuple[str, ...] = self.metrics[: run.tuner.goals]
        self.stopped: str = run.stopped
        self._accuracies: dict[int, dict[str, Accuracy]] = {}

    def __repr__(self) -> str:
        """Show the best score and setting, where there is one."""
        trials, rows = len(self.optuna_study.trials), f"{self.cost.rows_read:,} rows read"
        if not any(recorded(t) for t in self.optuna_study.get_trials(deepcopy=False)):
            return f"<Result {self.name or 'unnamed'!r}: no score yet; {trials} trials, {rows}>"
        if self.several:
            front = f"{len(self.pareto)} on the Pareto front of {', '.join(self.objectives)}"
            return f"<Result {self.name or 'unnamed'!r}: {front}; {trials} trials, {rows}>"
        se = f" ± {self.best_se:.2g}" if np.isfinite(self.best_se) else ""
        errors = accuracy_of(self.best, self.metric, self.metric).brief(self.best_value)
        return (
            f"<Result {self.name or 'unnamed'!r}: {self.metric} {self.best_value:.6g}{se} ({errors}), "
            f"{self.best_algorithm} {self.best_params}; {trials} trials, {self.fold_words}, {rows}>"
        )

    @functools.cached_property
    def folds(self) -> pd.DataFrame:
        """The splits: ``train_rows`` and ``test_rows`` of each, ``test_groups`` where groups stay together.

        Rows count that have a target and a weight. Of a target that is a class ``test_<label>`` are the rows of
        each class that are tested on (their weight, where only that is kept), as far as the states tell them.
        """
        import pandas as pd

        return pd.DataFrame(self.fold_rows).set_index("split")

    @property
    def fold_rows(self) -> list[dict[str, Any]]:
        """The rows of :attr:`folds`, plain."""
        return size_rows(self._run.evidence.any_states, self.record.fold_sizes)

    @property
    def fold_words(self) -> str:
        """The number of splits and what each tests on, in a few words."""
        rows = [int(state.rows) for state in self._run.evidence.any_states.test]
        sizes = self.record.fold_sizes
        splits = f"{len(rows)} split{'' if len(rows) == 1 else 's'}"
        return f"{splits} of {in_words(rows, *((sizes.groups, sizes.classes) if sizes else ()))}"

    @property
    def name(self) -> str | None:
        """Name of the study, or None if it is not recorded."""
        name: str | None = self.record.spec.get("name")
        return name

    @property
    def record(self) -> StudyRecord:
        """What the storage keeps of the study beside its trials."""
        return self._run.record

    @property
    def polished(self) -> Polished | None:
        """What a second pass did for the best model, or why there was none; None where it has nothing to gain."""
        return self._run.polished

    @functools.cached_property
    def candidates(self) -> list[Candidate]:
        """Every distinct setting that has a score."""
        found = self._run.tuner.candidates()
        if not found:
            raise TuneError(self.without_score)
        return found

    @property
    def without_score(self) -> str:
        """Why no trial has a score, in words; empty where one has."""
        trials = self.optuna_study.get_trials(deepcopy=False)
        if any(recorded(t) for t in trials):
            return ""
        return f"no trial has a score yet{_commonest_error(trials, self.stopped)}"

    @property
    def several(self) -> bool:
        """Whether several scores are optimised, so that no single setting is the best."""
        return len(self.objectives) > 1

    @functools.cached_property
    def pareto(self) -> list[Candidate]:
        """The candidates that no other beats in every objective, the best by the first objective first.

        With one objective it holds the best alone. ``model_of``, ``params_of``, ``predict`` and ``confirm``
        take one of them.
        """
        return selection.pareto(self.candidates, self.objectives)

    @functools.cached_property
    def best(self) -> Candidate:
        """The candidate of the largest mean score; TuneError for a study of several objectives."""
        self._check_single()
        return selection.best(self.candidates)

    def candidate(self, number: int) -> Candidate:
        """Return the candidate of that trial.

        Raises
        ------
        TuneError
            The trial does not exist, or has no score.
        """
        trials = self.optuna_study.get_trials(deepcopy=False)
        scores = recorded(trials[number]) if 0 <= number < len(trials) else None
        if scores is None:
            raise TuneError(f"trial {number} has no score; this study has {len(trials)} trials, from 0")
        return self._run.tuner.candidate(trials[number], scores)

    def _check_single(self) -> None:
        if self.several:
            raise TuneError(
                f"this study has several objectives ({', '.join(self.objectives)}), so no single setting is the "
                "best: choose one of result.pareto, then result.model_of(it), result.params_of(it)"
            )

    @functools.cached_property
    def leaders(self) -> dict[str, Candidate]:
        """The best candidate of each algorithm that has a score."""
        groups: dict[str, list[Candidate]] = {}
        for candidate in self.candidates:
            groups.setdefault(self.algorithm_of(candidate), []).append(candidate)
        return {name: selection.best(group) for name, group in groups.items()}

    @functools.cached_property
    def simplest(self) -> Candidate:
        """The candidate with the fewest effective degrees of freedom within one standard error of the best."""
        self._check_single()
        return selection.simplest(self.candidates)

    @property
    def best_trial(self) -> FrozenTrial:
        """Optuna's record of the best trial."""
        return self.optuna_study.trials[self.best.number]

    @property
    def best_params(self) -> dict[str, Any]:
        """The best setting, keyed as in ``search``: ``"algorithm.parameter"``."""
        return self.params_of(self.best)

    @property
    def simplest_params(self) -> dict[str, Any]:
        """The setting of the one-standard-error choice."""
        return self.params_of(self.simplest)

    @property
    def best_algorithm(self) -> str:
        """Name of the best algorithm."""
        return self.algorithm_of(self.best)

    @property
    def best_value(self) -> float:
        """Mean fold score of the best setting."""
        return self.best.scores.mean

    @property
    def best_se(self) -> float:
        """Standard error of that mean; NaN for one fold."""
        return self.best.scores.se

    @functools.cached_property
    def best_model(self) -> Pipeline:
        """The best setting fitted on every row: a scikit-learn ``Pipeline`` that takes a DataFrame."""
        return self.model_of(self.best)

    @functools.cached_property
    def simplest_model(self) -> Pipeline:
        """The one-standard-error choice fitted on every row."""
        return self.model_of(self.simplest)

    @functools.cached_property
    def nested_score(self) -> Estimate | None:
        """Nested cross-validation estimate of the tuned model's score; None for plans that allow none."""
        return None if self.several else selection.nested(self.candidates, self.metric)

    @one_blas_thread()
    def model_of(self, candidate: Candidate) -> Pipeline:
        """Return a candidate fitted on every row: encoder, preprocessing and scikit-learn's own estimator."""
        from sklearn.pipeline import Pipeline

        algorithm, polished = candidate.algorithm, self.polished
        solution = None if polished is None or polished.number != candidate.number else polished.solution
        fitted = algorithm.estimator(
            algorithm.solve(candidate.states.whole) if solution is None else solution
        )
        return Pipeline([("encoder", self._run.evidence.pilot.encoder), *fitted.steps])

    def params_of(self, candidate: Candidate) -> dict[str, Any]:
        """Return a candidate's setting, keyed as in ``search``, constants of the study included."""
        name, values = self._setting(candidate)
        constants = self._run.tuner.searched[name].constants
        return {f"{name}.{k}": v for k, v in {**constants, **values}.items()}

    def trials_dataframe(self) -> pd.DataFrame:
        """Return Optuna's table of trials, with ``fold_scores`` and ``std_error`` as columns of their own.

        ``score_bound`` says how far the mean score may be from the true one, by rounding (exact families) or by
        approximation, in the score's own units; it is missing where no bound is known. ``accuracy`` says in words
        which errors a score carries beside its standard error: ``exact``, or what was sampled or approximated.

        A study of several scores has ``mean_<score>``, ``std_error_<score>``, ``score_bound_<score>`` and
        ``accuracy_<score>`` of each. Of several objectives ``values_<i>`` are the means, in the order of
        ``objectives``.
        """
        frame = self.optuna_study.trials_dataframe()
        frame = frame.drop(columns=["user_attrs_scores", "user_attrs_score_bounds"], errors="ignore")
        names = {f"user_attrs_{k}": k for k in ("fold_scores", "std_error", "duplicate_of", "rows_read")}
        frame = frame.rename(columns=names)
        known = [recorded(t) for t in self.optuna_study.get_trials(deepcopy=False)]
        bounds = [None if s is None else s.bound for s in known]
        frame["score_bound"] = [np.nan if bound is None else bound for bound in bounds]
        frame["accuracy"] = self._noted(self.metric)
        if len(self.metrics) > 1:
            for name in self.metrics:
                found = [None if s is None else s.also.get(name, s) for s in known]
                frame[f"mean_{name}"] = [np.nan if s is None else s.mean for s in found]
                frame[f"std_error_{name}"] = [np.nan if s is None else s.se for s in found]
                told = [None if s is None else s.bound for s in found]
                frame[f"score_bound_{name}"] = [np.nan if bound is None else bound for bound in told]
                frame[f"accuracy_{name}"] = self._noted(name)
        return frame

    def _noted(self, metric: str) -> list[str]:
        trials = self.optuna_study.get_trials(deepcopy=False)
        return [self.noted_accuracy(t, metric, brief=False) for t in trials]

    def noted_accuracy(self, trial: FrozenTrial, metric: str, *, brief: bool = True) -> str:
        """Return which errors a trial's score carries, in words or in a few; empty where it has no score."""
        scores = recorded(trial)
        found = recorded_accuracy(self.record, TrialNote.of(trial.user_attrs), metric)
        if scores is None or found is None:
            return ""
        mean = scores.also.get(metric, scores).mean
        return found.brief(mean) if brief else found.words(mean)

    def accuracy(self, candidate: Candidate | None = None, metric: str | None = None) -> Accuracy:
        """Return which errors a score carries beside its standard error over folds.

        Parameters
        ----------
        candidate : whose score; None for the best (of several objectives, by the first).
        metric : which of the study's scores; None for the first.

        Examples
        --------
        >>> import numpy as np, hpo
        >>> X = np.random.default_rng(0).normal(size=(200, 3))
        >>> result = hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=2, store=None)
        >>> result.accuracy().words(result.best_value)
        'exact'
        """
        from hpo.findings.sampling_error import with_sampling

        chosen, name = candidate or selection.best(self.candidates), metric or self.metric
        if name not in self.metrics:
            raise TuneError(f"metric={name!r} is none of this study's scores ({', '.join(self.metrics)})")
        if chosen.number not in self._accuracies:
            found = {m: accuracy_of(chosen, m, self.metric) for m in self.metrics}
            self._accuracies[chosen.number] = with_sampling(found, chosen)
        return self._accuracies[chosen.number][name]

    def leaderboard(self) -> pd.DataFrame:
        """Return one row per algorithm, the best first.

        Columns: ``algorithm``, ``score`` and ``se`` of its best setting (by the first objective),
        ``within_one_se`` of the best of all, ``complexity``, ``trials``, ``failed``, ``trial``, ``params``,
        ``score_bound`` and ``accuracy`` as in :meth:`trials_dataframe`, and ``mean_<score>`` and
        ``std_error_<score>`` of every further score.
        """
        import pandas as pd

        from hpo.findings.leaderboard import leaderboard

        return pd.DataFrame([row.flat() for row in leaderboard(self)])

    def learning_curve(self) -> Curve | None:
        """Return the best setting's score against the number of training rows.

        From merges of fewer folds; for models that are fitted to a sample, from its nested parts.
        """
        if not self.several and self._by_size:
            sizes, scores = zip(*self._by_size, strict=True)
            return Curve(sizes, tuple(s.mean for s in scores), tuple(s.se for s in scores))
        return None if self.several else selection.learning_curve(self.best, self.metric)

    @functools.cached_property
    def _by_size(self) -> list[tuple[float, Scores]]:
        return nested_scores(self.best, self.metric)

    def extrapolated(self, rows: int | None = None) -> Extrapolation | None:
        """Return the best setting's score had it been fitted to all rows, by a power law, with its uncertainty.

        None for models that are fitted to all rows already, and for samples too small to tell.

        Parameters
        ----------
        rows : training rows; None for every row of the data.
        """
        if self.several:
            return None
        told = self._by_size
        most = best_there_is(self.metric, told)
        return extrapolate(
            told, rows or self.best.states.whole.rows, most, self.record.spec.get("seed", 0)
        )

    def validation_curve(self, parameter: str, points: int = 25, metric: str | None = None) -> Curve:
        """Return the score along one hyperparameter, the others as in its algorithm's best setting.

        Parameters
        ----------
        parameter : ``"algorithm.parameter"``, or a parameter of the best algorithm alone.
        points : how many values of a continuous range.
        metric : a score that the algorithm's states tell; None for the study's.
        """
        first = self.algorithm_of(selection.best(self.candidates))
        key = parameter if parameter in self.space else f"{first}.{parameter}"
        if key not in self.searched():
            known = ", ".join(self.searched()) or "none"
            raise TuneError(f"{parameter!r} was not searched; this study searched {known}")
        name, _, short = key.partition(".")
        _, values = self._setting(self.leaders[name])
        build = functools.partial(self._run.tuner.build, name)
        grid = grid_of(self.space[key], points)
        told = metric is not None and metric != self.metric
        if told and metric not in self._run.tuner.searched[name].metrics:
            known = ", ".join(self._run.tuner.searched[name].metrics)
            raise TuneError(f"metric={metric!r} is none that the states of {name!r} tell ({known})")
        return selection.validation_curve(build, values, short, grid, metric or self.metric, told=told)

    @property
    def space(self) -> Mapping[str, BaseDistribution]:
        """Distribution of everything that was searched; ``"algorithm"`` decides which parameters exist."""
        return self._run.tuner.space

    def searched(self) -> dict[str, BaseDistribution]:
        """Return what was searched of every algorithm that has a score, the best algorithm's first."""
        first = self.algorithm_of(selection.best(self.candidates))
        order = sorted(self.leaders, key=lambda name: name != first)
        prefixes = [f"{name}." for name in order]
        found = {k: d for p in prefixes for k, d in self.space.items() if k.startswith(p)}
        return {k: d for k, d in found.items() if not d.single()}

    def importances(self) -> dict[str, float]:
        """Return how much each hyperparameter matters to the score (fANOVA), largest first."""
        from hpo.findings.importances import importances

        return importances(self.optuna_study)

    def coefficients(self) -> list[tuple[str, float]]:
        """Return the best model's coefficients by column, largest first.

        Empty for models without, and for several classes, whose :meth:`coefficient_table` has one each.
        """
        from hpo.findings.coefficients import largest_first

        return largest_first(self.coefficient_table())

    def coefficient_table(self) -> pd.DataFrame | None:
        """Return the best model's coefficients, one row per column of the data, one column per class.

        A regression has one column, and so has a classification of two classes, named for the second. None for
        models without coefficients over the columns.
        """
        from hpo.findings.coefficients import coefficient_table

        self._check_single()
        return coefficient_table(self.best_model)

    def confirm(
        self,
        data: Any,
        *,
        scoring: str | Sequence[str] | None = None,
        candidate: Candidate | None = None,
        **options: Any,
    ) -> dict[str, float]:
        """Return the best model's scores on raw rows that were held out.

        Parameters
        ----------
        data : anything that :func:`hpo.tune` reads; it must hold the target, and the weight of a weighted study.
        scoring : scikit-learn scorer names; None for the study's own.
        candidate : whose model; None for the best.
        options : further arguments of reading, such as ``storage_options``; ``weight=`` as for ``tune``.
        """
        from hpo.findings.confirm import confirm

        asked: Any = scoring or self.metrics
        names = list(asked) if isinstance(asked, Iterable) and not isinstance(asked, str) else [asked]
        targets, weight = self.record.targets, self.record.weight
        model = self.best_model if candidate is None else self.model_of(candidate)
        return confirm(model, data, names, targets, weight, options)

    def predict(self, data: Any, *, candidate: Candidate | None = None, **options: Any) -> pd.DataFrame:
        """Return the predictions of the best model, or of a candidate's, for every row of ``data``.

        The columns: ``prediction``, and ``probability_<label>`` of a classifier that tells them (for a
        decomposition one column per component). The data is read batch by batch.
        """
        from hpo.findings.confirm import predict

        model = self.best_model if candidate is None else self.model_of(candidate)
        return predict(model, data, options)

    def report(self, path: str | os.PathLike[str] | None = None) -> ReportData:
        """Return everything that a report shows; with ``path``, write it there as one HTML file."""
        from hpo.report.collect import report_data
        from studies.report.page import write_html

        data = report_data(self)
        if path is not None:
            write_html(data, path)
        return data

    def show(self) -> None:
        """Print a summary on the terminal."""
        from rich.console import Console

        from hpo.report.collect import report_data
        from studies.report.terminal import render_summary

        render_summary(report_data(self), Console())

    def setting(self, trial: FrozenTrial) -> tuple[str, Mapping[str, Any]]:
        """Return the algorithm and the hyperparameters that a trial tried."""
        return self._run.tuner.setting(trial)

    def algorithm_of(self, candidate: Candidate) -> str:
        """Return the name of a candidate's algorithm."""
        return self._setting(candidate)[0]

    def _setting(self, candidate: Candidate) -> tuple[str, Mapping[str, Any]]:
        return self.setting(self.optuna_study.get_trials(deepcopy=False)[candidate.number])


def _commonest_error(trials: Sequence[FrozenTrial], stopped: str) -> str:
    """Return why there is no score: what stopped most of the settings that were tried."""
    if not trials:
        return f": none was begun ({stopped}); give the study more time or trials"
    notes = [TrialNote.of(t.user_attrs) for t in trials]
    errors = Counter(note.error for note in notes if not note.repeated)
    (error, n), m = errors.most_common(1)[0], errors.total()
    which = "every setting" if n == m else f"{n} of {m} settings"
    if error is not None:
        return f"; {which} failed because: {error}"
    return (
        f": {which} {'has' if n == m else 'have'} a fold whose score is not finite; look for columns that are "
        "constant in a fold's rows, or use fewer folds"
    )
